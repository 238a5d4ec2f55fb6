//! What is sent to ElastiCache, and what is read from it.

use crate::wire::{Wire, error_xml, form};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{CacheConfiguration, Configuration, MemberConfiguration, ObservedDatabase, Own};
use lifeboat_domain::plan::{RestoreSettings, TableSetting};
use lifeboat_domain::ports::{
    DeleteDatabases, FailClustersOver, MakeCaches, MakeMembers, ModifyDatabases, PromoteNodes, ReadDatabases, RebootDatabases, Secret,
    SetTables, TagDatabases, TakeOver, TakeSnapshots,
};
use lifeboat_domain::words::ResourceKind;
use serde_json::json;
use std::collections::BTreeMap;

const ARN: &str = "arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:sessions";

fn sessions() -> DatabaseId {
    DatabaseId::parse("replicationgroup:sessions").unwrap()
}

fn reply(operation: &str, inner: &str) -> String {
    format!("<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>")
}

fn node_member(name: &str, role: &str, zone: &str) -> String {
    format!(
        "<NodeGroupMember><CacheClusterId>{name}</CacheClusterId><CacheNodeId>0001</CacheNodeId><PreferredAvailabilityZone>{zone}</PreferredAvailabilityZone><CurrentRole>{role}</CurrentRole></NodeGroupMember>"
    )
}

fn groups() -> String {
    let members = node_member("sessions-001", "primary", "eu-central-1a") + &node_member("sessions-002", "replica", "eu-central-1b");
    let inner = format!(
        "<ReplicationGroups><ReplicationGroup><ReplicationGroupId>sessions</ReplicationGroupId><Status>available</Status><NodeGroups><NodeGroup><NodeGroupId>0001</NodeGroupId><Status>available</Status><PrimaryEndpoint><Address>master.sessions.example</Address><Port>6379</Port></PrimaryEndpoint><NodeGroupMembers>{members}</NodeGroupMembers></NodeGroup></NodeGroups><AutomaticFailover>enabled</AutomaticFailover><MultiAZ>enabled</MultiAZ><SnapshotRetentionLimit>7</SnapshotRetentionLimit><SnapshotWindow>03:00-04:00</SnapshotWindow><ClusterEnabled>false</ClusterEnabled><CacheNodeType>cache.m7g.large</CacheNodeType><AuthTokenEnabled>true</AuthTokenEnabled><TransitEncryptionEnabled>true</TransitEncryptionEnabled><TransitEncryptionMode>required</TransitEncryptionMode><AtRestEncryptionEnabled>true</AtRestEncryptionEnabled><ARN>{ARN}</ARN><ReplicationGroupCreateTime>2026-01-15T10:25:00Z</ReplicationGroupCreateTime><Engine>valkey</Engine></ReplicationGroup></ReplicationGroups>"
    );
    reply("DescribeReplicationGroups", &inner)
}

fn nodes() -> String {
    let node = |name: &str| {
        format!(
            "<CacheCluster><CacheClusterId>{name}</CacheClusterId><CacheClusterStatus>available</CacheClusterStatus><EngineVersion>8.0.1</EngineVersion><Engine>valkey</Engine><PreferredMaintenanceWindow>sun:05:00-sun:06:00</PreferredMaintenanceWindow><NotificationConfiguration><TopicArn>arn:aws:sns:eu-central-1:123456789012:caches</TopicArn></NotificationConfiguration><CacheParameterGroup><CacheParameterGroupName>sessions-v8</CacheParameterGroupName><ParameterApplyStatus>in-sync</ParameterApplyStatus></CacheParameterGroup><CacheSubnetGroupName>private</CacheSubnetGroupName><SecurityGroups><member><SecurityGroupId>sg-1</SecurityGroupId><Status>active</Status></member></SecurityGroups><ReplicationGroupId>sessions</ReplicationGroupId></CacheCluster>"
        )
    };
    reply("DescribeCacheClusters", &format!("<CacheClusters>{}{}</CacheClusters>", node("sessions-001"), node("sessions-002")))
}

fn subnets() -> String {
    let inner = "<CacheSubnetGroups><CacheSubnetGroup><CacheSubnetGroupName>private</CacheSubnetGroupName><VpcId>vpc-1</VpcId></CacheSubnetGroup></CacheSubnetGroups>";
    reply("DescribeCacheSubnetGroups", inner)
}

fn tag_reply() -> String {
    reply("ListTagsForResource", "<TagList><Tag><Key>lifeboat:policy</Key><Value>gold</Value></Tag></TagList>")
}

async fn described() -> ObservedDatabase {
    let wire = Wire::answering(&[(200, &groups()), (200, &nodes()), (200, &subnets()), (200, &tag_reply())]);
    wire.clients().await.caches().database(&sessions()).await.unwrap().unwrap()
}

fn configuration() -> Configuration {
    Configuration {
        class: "cache.m7g.large".to_owned(),
        engine: "valkey".to_owned(),
        engine_version: "8.0".to_owned(),
        subnet_group: Some("private".to_owned()),
        vpc: Some("vpc-1".to_owned()),
        security_groups: vec!["sg-1".to_owned()],
        parameter_group: Some("sessions-v8".to_owned()),
        multi_az: true,
        port: Some(6379),
        storage_encrypted: true,
        backup_retention_days: 7,
        backup_window: Some("03:00-04:00".to_owned()),
        maintenance_window: Some("sun:05:00-sun:06:00".to_owned()),
        own: Some(Own::Cache(Box::new(CacheConfiguration {
            shards: 1,
            replicas_per_shard: 1,
            automatic_failover: true,
            transit_encryption: true,
            transit_encryption_mode: Some("required".to_owned()),
            auth_token: true,
            topic: Some("arn:aws:sns:eu-central-1:123456789012:caches".to_owned()),
            ..CacheConfiguration::default()
        }))),
        ..Configuration::default()
    }
}

#[tokio::test]
async fn a_group_is_read_with_what_only_its_nodes_its_subnets_and_its_tags_tell() {
    let found = described().await;
    assert_eq!(found.configuration, configuration());
    assert_eq!(found.resource_id, "replicationgroup:sessions:1768472700");
    let roles: Vec<(&str, bool)> = found.members.iter().map(|node| (node.id.as_str(), node.is_writer)).collect();
    assert_eq!(roles, [("sessions-001", true), ("sessions-002", false)]);
    assert_eq!(found.endpoint.as_ref().map(|at| at.host.as_str()), Some("master.sessions.example"));
    assert_eq!(found.policy(), Some("gold"));
    assert!(found.has_standby());
}

#[tokio::test]
async fn a_group_that_is_not_available_has_the_tags_that_the_tagging_api_lists() {
    let refused = error_xml("InvalidReplicationGroupState", "Cluster not in available state to perform tagging operations");
    let mapping = json!({"ResourceTagMappingList": [{"ResourceARN": ARN, "Tags": [{"Key": "lifeboat:policy", "Value": "gold"}]}], "PaginationToken": ""});
    let none = json!({"ResourceTagMappingList": [], "PaginationToken": ""}).to_string();
    for (listed, policy) in [(mapping.to_string(), Some("gold")), (none, None)] {
        let replies = [(200, groups()), (200, nodes()), (200, subnets()), (400, refused.clone()), (200, listed)];
        let replies: Vec<(u16, &str)> = replies.iter().map(|(status, body)| (*status, body.as_str())).collect();
        let wire = Wire::answering(&replies);
        let found = wire.clients().await.caches().database(&sessions()).await.unwrap().unwrap();
        assert_eq!(found.policy(), policy);
        let asked: serde_json::Value = serde_json::from_str(&wire.bodies()[4]).unwrap();
        assert_eq!(asked["ResourceARNList"], json!([ARN]));
    }
}

#[tokio::test]
async fn a_group_that_does_not_exist_is_none() {
    let wire = Wire::answering(&[(404, &error_xml("ReplicationGroupNotFoundFault", "not found"))]);
    assert_eq!(wire.clients().await.caches().database(&sessions()).await.unwrap(), None);
}

#[tokio::test]
async fn all_groups_are_listed_and_only_the_protected_are_asked_for_their_tags() {
    let mapping = json!({"ResourceTagMappingList": [{"ResourceARN": ARN, "Tags": [{"Key": "lifeboat:policy", "Value": "old"}]}], "PaginationToken": ""});
    let none = json!({"ResourceTagMappingList": [], "PaginationToken": ""}).to_string();
    let wire = Wire::answering(&[
        (200, &groups()),
        (200, &nodes()),
        (200, &subnets()),
        (200, &none),
        (200, &none),
        (200, &mapping.to_string()),
        (200, &tag_reply()),
    ]);
    let all = wire.clients().await.caches().databases(ResourceKind::ALL).await.whole().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].policy(), Some("gold"), "the tagging API lags; the resource itself decides");
    assert_eq!(wire.count(), 7);
}

#[tokio::test]
async fn a_snapshot_is_as_old_as_its_oldest_part_and_known_by_its_node() {
    let part = |at: &str| format!("<NodeSnapshot><SnapshotCreateTime>{at}</SnapshotCreateTime></NodeSnapshot>");
    let inner = format!(
        "<Snapshots><Snapshot><SnapshotName>automatic.sessions-001-2026-01-15-03-00</SnapshotName><CacheClusterId>sessions-001</CacheClusterId><SnapshotStatus>available</SnapshotStatus><SnapshotSource>automated</SnapshotSource><NodeSnapshots>{}{}</NodeSnapshots><ARN>arn:aws:elasticache:eu-central-1:123456789012:snapshot:a</ARN></Snapshot></Snapshots>",
        part("2026-01-15T03:05:00Z"),
        part("2026-01-15T03:01:00Z")
    );
    let wire = Wire::answering(&[(200, &reply("DescribeSnapshots", &inner))]);
    let found = wire.clients().await.caches().snapshots_of(&sessions()).await.unwrap();
    assert_eq!((found.len(), &found[0].instance), (1, &sessions()));
    assert_eq!(found[0].data_time, "2026-01-15T03:01:00Z".parse().ok());
}

#[tokio::test]
async fn a_new_cache_is_told_everything_that_would_fall_back_to_a_weaker_default() {
    let wire = Wire::answering(&[(200, &reply("CreateReplicationGroup", ""))]);
    let tags: BTreeMap<String, String> = form(&[("lifeboat:incident", "inc-1"), ("aws:x", "y")]);
    let settings = RestoreSettings { configuration: configuration(), opens_to: Vec::new(), tags };
    let (target, from) = (DatabaseId::parse("replicationgroup:sessions-r1").unwrap(), SnapshotId::parse("nightly").unwrap());
    let token = Secret::new("not-a-secret-token".to_owned());
    wire.clients().await.caches().make_cache(&target, Some(&from), &settings, Some(&token)).await.unwrap();
    let expected = form(&[
        ("Action", "CreateReplicationGroup"),
        ("ReplicationGroupId", "sessions-r1"),
        ("ReplicationGroupDescription", "made by Lifeboat as sessions-r1"),
        ("Engine", "valkey"),
        ("EngineVersion", "8.0"),
        ("CacheNodeType", "cache.m7g.large"),
        ("NumCacheClusters", "2"),
        ("SnapshotName", "nightly"),
        ("AutomaticFailoverEnabled", "true"),
        ("MultiAZEnabled", "true"),
        ("CacheParameterGroupName", "sessions-v8"),
        ("CacheSubnetGroupName", "private"),
        ("SecurityGroupIds.SecurityGroupId.1", "sg-1"),
        ("Port", "6379"),
        ("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
        ("NotificationTopicArn", "arn:aws:sns:eu-central-1:123456789012:caches"),
        ("AutoMinorVersionUpgrade", "false"),
        ("SnapshotRetentionLimit", "7"),
        ("SnapshotWindow", "03:00-04:00"),
        ("AuthToken", "not-a-secret-token"),
        ("TransitEncryptionEnabled", "true"),
        ("AtRestEncryptionEnabled", "true"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
    ]);
    assert_eq!(wire.form(), expected);
}

#[tokio::test]
async fn a_promotion_is_sent_once_and_never_as_a_test_or_a_reboot() {
    let wire = Wire::answering(&[(500, &error_xml("InternalFailure", "later"))]);
    let node = DatabaseId::parse("sessions-002").unwrap();
    let error = wire.clients().await.caches().promote_node(&sessions(), &node).await.unwrap_err();
    assert_eq!((error.class, wire.count()), (CallClass::Unknown, 1), "a second one could go back");
    let sent = wire.form();
    assert_eq!((sent["Action"].as_str(), sent["PrimaryClusterId"].as_str()), ("ModifyReplicationGroup", "sessions-002"));
    let wire = Wire::answering(&[]);
    let refused = wire.clients().await.databases().reboot(&sessions(), false).await.unwrap_err();
    assert_eq!((refused.class, wire.count()), (CallClass::Invalid, 0), "a restart would wipe it: nothing was sent");
    let instance = DatabaseId::parse("sessions").unwrap();
    let databases = wire.clients().await.databases();
    for refused in [
        databases.promote_node(&instance, &node).await.unwrap_err(),
        databases.set_failover(&instance, false, false).await.unwrap_err(),
        databases.fail_cluster_over(&instance, None).await.unwrap_err(),
        databases.set_table(&sessions(), &TableSetting::PointInTime { days: 7 }).await.unwrap_err(),
        databases.make_member(&node, &sessions(), "postgres", &MemberConfiguration::default(), &BTreeMap::new()).await.unwrap_err(),
    ] {
        assert_eq!((refused.class, wire.count()), (CallClass::Invalid, 0), "one kind's name may be another's: {refused}");
    }
    for file in [include_str!("acts.rs"), include_str!("mod.rs")] {
        assert!(!file.contains("test_failover()") && !file.contains("reboot_cache_cluster()"));
    }
}

#[tokio::test]
async fn changes_are_made_at_once_and_a_snapshot_is_taken_of_the_replica() {
    let ok = reply("ModifyReplicationGroup", "");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let caches = wire.clients().await.caches();
    caches.set_failover(&sessions(), false, false).await.unwrap();
    caches.set_security_groups(&sessions(), &["sg-9".to_owned()]).await.unwrap();
    let forms = wire.forms();
    assert!(forms.iter().all(|form| form["ApplyImmediately"] == "true"), "{forms:?}");
    assert_eq!((forms[0]["AutomaticFailoverEnabled"].as_str(), forms[0]["MultiAZEnabled"].as_str()), ("false", "false"));
    assert_eq!(forms[1]["SecurityGroupIds.SecurityGroupId.1"], "sg-9");
    let taken = reply("CreateSnapshot", "");
    let wire = Wire::answering(&[(200, &groups()), (200, &nodes()), (200, &subnets()), (200, &tag_reply()), (200, &taken)]);
    let snapshot = SnapshotId::parse("lifeboat-1").unwrap();
    wire.clients().await.caches().create_snapshot(&sessions(), &snapshot, &BTreeMap::new()).await.unwrap();
    assert_eq!(wire.forms()[4]["CacheClusterId"], "sessions-002");
}

#[tokio::test]
async fn tags_that_are_not_there_are_not_removed_and_a_release_takes_its_final_snapshot() {
    let arn = Arn::parse(ARN).unwrap();
    let wire = Wire::answering(&[(200, &tag_reply()), (200, &reply("RemoveTagsFromResource", ""))]);
    let keys = ["lifeboat:policy".to_owned(), "lifeboat:other".to_owned()];
    wire.clients().await.caches().remove_tags(&arn, &keys).await.unwrap();
    assert_eq!(wire.forms()[1].get("TagKeys.member.1").map(String::as_str), Some("lifeboat:policy"));
    assert!(!wire.forms()[1].contains_key("TagKeys.member.2"));
    let wire = Wire::answering(&[(200, &reply("AddTagsToResource", "")), (200, &reply("DeleteReplicationGroup", ""))]);
    let caches = wire.clients().await.caches();
    caches.add_tags(&arn, &form(&[("lifeboat:retired", "inc-1")])).await.unwrap();
    caches.delete_released(&sessions(), Some(&SnapshotId::parse("sessions-final").unwrap())).await.unwrap();
    assert_eq!(wire.forms()[0]["Tags.Tag.1.Key"], "lifeboat:retired");
    assert_eq!(wire.forms()[1]["FinalSnapshotIdentifier"], "sessions-final");
}

#[tokio::test(start_paused = true)]
async fn the_failover_of_a_global_datastore_names_the_member_and_its_region_and_is_sent_once_whatever_the_answer() {
    let ok = reply("FailoverGlobalReplicationGroup", "");
    let wire = Wire::answering(&[(200, &ok)]);
    wire.clients().await.caches().take_over(&sessions(), "ldgnf-sessions", "eu-central-1").await.unwrap();
    let sent = &wire.forms()[0];
    for (field, value) in [
        ("Action", "FailoverGlobalReplicationGroup"),
        ("GlobalReplicationGroupId", "ldgnf-sessions"),
        ("PrimaryRegion", "eu-central-1"),
        ("PrimaryReplicationGroupId", "sessions"),
    ] {
        assert_eq!(sent[field], value, "{sent:?}");
    }
    let failures = [
        (503, error_xml("ServiceUnavailable", "later"), CallClass::Unknown),
        (400, error_xml("InvalidGlobalReplicationGroupState", "modifying"), CallClass::WrongState),
        (404, error_xml("GlobalReplicationGroupNotFoundFault", "gone"), CallClass::NotFound),
    ];
    for (status, body, class) in failures {
        let wire = Wire::answering(&[(status, &body), (200, &ok)]);
        let error = wire.clients().await.caches().take_over(&sessions(), "ldgnf-sessions", "eu-central-1").await.unwrap_err();
        assert_eq!((error.class, wire.count()), (class, 1), "a second one could go back: {error}");
    }
}

#[tokio::test]
async fn the_secondary_of_a_global_datastore_follows_it_and_its_primary_follows_nobody() {
    for (role, follows) in [("SECONDARY", Some("ldgnf-sessions")), ("PRIMARY", None)] {
        let info = format!(
            "<GlobalReplicationGroupInfo><GlobalReplicationGroupId>ldgnf-sessions</GlobalReplicationGroupId><GlobalReplicationGroupMemberRole>{role}</GlobalReplicationGroupMemberRole></GlobalReplicationGroupInfo><Engine>"
        );
        let groups = groups().replace("<Engine>", &info);
        let wire = Wire::answering(&[(200, &groups), (200, &nodes()), (200, &subnets()), (200, &tag_reply())]);
        let found = wire.clients().await.caches().database(&sessions()).await.unwrap().unwrap();
        assert_eq!(found.replica_of.as_deref(), follows, "{role}");
        assert_eq!(found.configuration.cache().unwrap().global.as_deref(), Some("ldgnf-sessions"));
    }
}
