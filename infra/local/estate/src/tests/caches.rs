//! Replication groups: every call in the XML of AWS, and one with real servers.

use std::time::Instant;

use serde_json::Value;

use super::whole::{Estate, PATIENCE};
use super::*;

const VERSION: &str = "Version=2015-02-02";
const CREATE: &str = "Action=CreateReplicationGroup&ReplicationGroupId=sessions&ReplicationGroupDescription=of+the+shop&Engine=valkey\
    &CacheNodeType=cache.m7g.large&NumCacheClusters=2&AutomaticFailoverEnabled=true&MultiAZEnabled=true&CacheSubnetGroupName=private\
    &SecurityGroupIds.SecurityGroupId.1=sg-app&TransitEncryptionEnabled=true&AuthToken=correct-horse\
    &NotificationTopicArn=arn:aws:sns:us-east-1:123456789012:caches&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b";
const ARN: &str = "arn:aws:elasticache:us-east-1:123456789012:replicationgroup:sessions";

async fn ask(world: &Arc<World>, form: &str) -> (u16, String) {
    text(world, &format!("{form}&{VERSION}")).await
}

#[tokio::test]
async fn a_created_group_is_described_in_the_xml_of_aws() {
    let world = world();
    let (status, xml) = ask(&world, CREATE).await;
    assert!(status == 200 && xml.contains("<CreateReplicationGroupResult><ReplicationGroup>"), "{xml}");
    pretend(&world);
    let (_, xml) = ask(&world, "Action=DescribeReplicationGroups&ReplicationGroupId=sessions").await;
    for wanted in [
        "xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\"",
        "<ReplicationGroups><ReplicationGroup>",
        "<Status>available</Status>",
        "<MemberClusters><ClusterId>sessions-001</ClusterId>",
        "<NodeGroups><NodeGroup>",
        "<PrimaryEndpoint><Address>127.0.0.8</Address><Port>4711</Port></PrimaryEndpoint>",
        "<NodeGroupMembers><NodeGroupMember>",
        "<CurrentRole>primary</CurrentRole>",
        "<MultiAZ>enabled</MultiAZ>",
        &format!("<ARN>{ARN}</ARN>"),
    ] {
        assert!(xml.contains(wanted), "{wanted} is not in {xml}");
    }
    assert!(!xml.contains("correct-horse"));
    let (_, xml) = ask(&world, "Action=DescribeCacheClusters&ShowCacheNodeInfo=true").await;
    assert!(xml.contains("<CacheClusters><CacheCluster>") && xml.contains("<CacheNodes><CacheNode>"), "{xml}");
    assert!(xml.contains("<SecurityGroups><member><SecurityGroupId>sg-app<"), "{xml}");
    assert!(xml.contains("<NotificationConfiguration><TopicArn>arn:aws:sns:us-east-1:123456789012:caches<"), "{xml}");
    let (status, xml) = ask(&world, "Action=DescribeReplicationGroups&ReplicationGroupId=none").await;
    assert!(status == 404 && xml.contains("<Code>ReplicationGroupNotFoundFault</Code>"), "{xml}");
}

#[tokio::test]
async fn every_action_on_caches_is_served() {
    let world = world();
    assert_eq!(ask(&world, CREATE).await.0, 200);
    pretend(&world);
    for form in [
        "Action=DescribeCacheSubnetGroups".to_owned(),
        format!("Action=AddTagsToResource&ResourceName={ARN}&Tags.Tag.1.Key=c&Tags.Tag.1.Value=d"),
        format!("Action=RemoveTagsFromResource&ResourceName={ARN}&TagKeys.member.1=a"),
        "Action=CreateSnapshot&CacheClusterId=sessions-002&SnapshotName=tonight&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b".to_owned(),
        "Action=DescribeSnapshots&SnapshotSource=user".to_owned(),
        "Action=ModifyReplicationGroup&ReplicationGroupId=sessions&AutomaticFailoverEnabled=false&MultiAZEnabled=false&ApplyImmediately=true"
            .to_owned(),
        "Action=ModifyReplicationGroup&ReplicationGroupId=sessions&PrimaryClusterId=sessions-002&ApplyImmediately=true".to_owned(),
        "Action=RebootCacheCluster&CacheClusterId=sessions-001&CacheNodeIdsToReboot.CacheNodeId.1=0001".to_owned(),
        "Action=DeleteSnapshot&SnapshotName=tonight".to_owned(),
        "Action=DeleteReplicationGroup&ReplicationGroupId=sessions".to_owned(),
    ] {
        let (status, xml) = ask(&world, &form).await;
        assert_eq!(status, 200, "{form}: {xml}");
        let action = form.split(['=', '&']).nth(1).unwrap();
        assert!(xml.contains(&format!("<{action}Result>")), "{xml}");
        pretend(&world);
        if action == "RemoveTagsFromResource" {
            let (_, xml) = ask(&world, &format!("Action=ListTagsForResource&ResourceName={ARN}")).await;
            assert!(xml.contains("<TagList><Tag><Key>c</Key><Value>d</Value></Tag></TagList>"), "{xml}");
        }
    }
    let (_, calls) = control(&world, "GET", "/calls?effective=true", "").await;
    assert_eq!(calls.as_array().unwrap().len(), 9, "{calls}");
    assert!(!calls.to_string().contains("correct-horse"));
    let (_, notices) = control(&world, "GET", "/caches", "").await;
    assert_eq!(notices, Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_with_shards_is_a_real_cluster_that_comes_back_from_its_snapshot_with_its_slots() {
    let estate = Estate::new("shards").await;
    let sharded = CREATE.replace("NumCacheClusters=2", "NumNodeGroups=2&ReplicasPerNodeGroup=1");
    estate.call(&format!("{sharded}&{VERSION}")).await;
    let is_available = |it: &Value| it["true_status"] == "available";
    let born = until("it is available", &estate.world, is_available).await;
    let slots = |it: &Value| [0, 1].map(|shard| it["group"]["NodeGroups"][shard]["Slots"].as_str().unwrap_or_default().to_owned());
    assert_eq!(slots(&born), ["0-8191", "8192-16383"]);
    assert!(born["group"]["ConfigurationEndpoint"]["Address"].as_str().unwrap().starts_with("127.0.0."), "{born}");
    let primaries = |it: &Value| [0, 1, 2, 3].map(|node| it["nodes"][node]["is_primary"] == true);
    assert_eq!(primaries(&born), [true, false, true, false]);

    estate.call(&format!("Action=CreateSnapshot&ReplicationGroupId=sessions&SnapshotName=tonight&{VERSION}")).await;
    until("the snapshot is taken", &estate.world, is_available).await;
    let (status, reply) = control(&estate.world, "POST", "/accidents", r#"{"cache":"sessions","kind":"instance_failure"}"#).await;
    assert_eq!(status, 200, "{reply}");
    let promoted = |it: &Value| primaries(it) == [false, true, true, false] && it["nodes"][0]["is_up"] == true && is_available(it);
    let healed = until("the replica is the primary, and the lost node is back", &estate.world, promoted).await;
    assert_eq!(healed["group"]["ConfigurationEndpoint"], born["group"]["ConfigurationEndpoint"]);

    let copy = sharded.replace("ReplicationGroupId=sessions", "ReplicationGroupId=a-copy");
    estate.call(&format!("{copy}&SnapshotName=tonight&{VERSION}")).await;
    let restored = until("the copy is there", &estate.world, |it| it["group"]["ReplicationGroupId"] == "a-copy" && is_available(it)).await;
    assert_eq!(slots(&restored), slots(&born));
    estate.end().await;
}

#[tokio::test]
async fn what_the_model_does_not_know_of_caches_is_refused() {
    let world = world();
    assert!(ask(&world, "Action=TestFailover&ReplicationGroupId=sessions&NodeGroupId=0001").await.1.contains("InvalidAction"));
    assert!(ask(&world, &format!("{CREATE}&SnapshotArns.SnapshotArn.1=arn")).await.1.contains("does not model the parameter SnapshotArns"));
}

async fn until(what: &str, world: &Arc<World>, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (_, all) = control(world, "GET", "/caches", "").await;
        if holds(&all[0]) {
            return all[0].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {all}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_real_servers_fails_over_and_tells_its_topic() {
    let estate = Estate::new("caches").await;
    estate.call(&format!("{CREATE}&{VERSION}")).await;
    let is_available = |it: &Value| it["true_status"] == "available";
    let born = until("it is available", &estate.world, is_available).await;
    let endpoint = |it: &Value| it["group"]["NodeGroups"][0]["PrimaryEndpoint"].clone();
    assert_eq!(born["nodes"][0]["is_primary"], true);
    let (status, reply) = control(&estate.world, "POST", "/accidents", r#"{"cache":"sessions","kind":"instance_failure"}"#).await;
    assert_eq!(status, 200, "{reply}");
    let healed = until("the replica is the primary", &estate.world, |it| it["nodes"][1]["is_primary"] == true && is_available(it)).await;
    assert_eq!(endpoint(&healed), endpoint(&born));
    until("the lost node is back", &estate.world, |it| it["nodes"][0]["is_up"] == true).await;
    let (_, notices) = control(&estate.world, "GET", "/notices", "").await;
    let told: Vec<&str> = notices.as_array().unwrap().iter().filter_map(|notice| notice["message"].as_str()).collect();
    assert!(told.contains(&r#"{"ElastiCache:FailoverComplete":"sessions-002"}"#), "{told:?}");
    assert!(estate.told().iter().any(|message| message == r#"{"ElastiCache:FailoverComplete":"sessions-002"}"#));
    estate.end().await;
}
