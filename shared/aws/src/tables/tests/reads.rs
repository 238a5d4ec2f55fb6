//! Reading tables, backups and items.

use super::{ARN, answering, id, operations, recoverable, refused, table, well};
use lifeboat_domain::CallClass;
use lifeboat_domain::items::{ItemsRule, ReadItems, WriteTry, segments};
use lifeboat_domain::observed::{Autoscaling, FENCED, KeyAttribute, SnapshotStatus};
use lifeboat_domain::ports::ReadDatabases;
use serde_json::{Value, json};

fn scaled() -> [(u16, String); 2] {
    let of = |dimension: &str| json!({"ServiceNamespace": "dynamodb", "ResourceId": "table/orders", "ScalableDimension": dimension});
    let mut target = of("dynamodb:table:ReadCapacityUnits");
    let mut other = target.clone();
    for (target, name) in [(&mut target, "table/orders"), (&mut other, "table/orders-archive")] {
        target["ResourceId"] = json!(name);
        target["MinCapacity"] = json!(5);
        target["MaxCapacity"] = json!(50);
        target["RoleARN"] = json!("arn:aws:iam::123456789012:role/r");
        target["CreationTime"] = json!(1_768_000_000.0);
    }
    let mut policy = of("dynamodb:table:ReadCapacityUnits");
    policy["PolicyARN"] = json!("arn:p");
    policy["PolicyName"] = json!("p");
    policy["PolicyType"] = json!("TargetTrackingScaling");
    policy["CreationTime"] = json!(1_768_000_000.0);
    policy["TargetTrackingScalingPolicyConfiguration"] = json!({"TargetValue": 70.0});
    [well(&json!({"ScalableTargets": [target, other]})), well(&json!({"ScalingPolicies": [policy]}))]
}

#[tokio::test(start_paused = true)]
async fn a_table_is_read_with_everything_that_a_restore_loses() {
    let ours = json!({"Sid": "LifeboatFence", "Effect": "Deny", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": ARN});
    let theirs = json!({"Sid": "Readers", "Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": ARN});
    let policy = json!({"Version": "2012-10-17", "Statement": [theirs.clone(), ours]}).to_string();
    let [targets, policies] = scaled();
    let wire = answering(&[
        well(&table()),
        well(&recoverable()),
        well(&json!({"Tags": [{"Key": "lifeboat:policy", "Value": "gold"}], "NextToken": "more"})),
        well(&json!({"Tags": [{"Key": "team", "Value": "shop"}]})),
        well(&json!({"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends_at"}})),
        well(
            &json!({"KinesisDataStreamDestinations": [{"StreamArn": "arn:s", "DestinationStatus": "ACTIVE"}, {"StreamArn": "arn:old", "DestinationStatus": "DISABLED"}]}),
        ),
        well(&json!({"ContributorInsightsSummaries": [{"TableName": "orders", "ContributorInsightsStatus": "ENABLED"}]})),
        targets,
        policies,
        well(&json!({"Policy": policy, "RevisionId": "r-1"})),
    ]);
    let seen = wire.clients().await.databases().database(&id("orders")).await.unwrap().unwrap();
    let expected = [
        "DescribeTable",
        "DescribeContinuousBackups",
        "ListTagsOfResource",
        "ListTagsOfResource",
        "DescribeTimeToLive",
        "DescribeKinesisStreamingDestination",
        "ListContributorInsights",
        "DescribeScalableTargets",
        "DescribeScalingPolicies",
        "GetResourcePolicy",
    ];
    assert_eq!(operations(&wire), expected);
    assert_eq!((seen.resource_id.as_str(), seen.status.as_str(), seen.groups[0].id.as_str()), ("t-1", "ACTIVE", FENCED));
    assert_eq!(seen.endpoint.as_ref().unwrap().host, "orders");
    assert_eq!((seen.tags["lifeboat:policy"].as_str(), seen.tags["team"].as_str()), ("gold", "shop"));
    let own = seen.configuration.table().unwrap();
    let part = |name: &str, kind: &str| KeyAttribute { name: name.to_owned(), kind: kind.to_owned() };
    assert_eq!(own.key, [part("id", "S"), part("at", "N")], "the partition key first");
    assert_eq!((own.capacity, own.point_in_time_days, own.ttl.as_deref()), (Some((5, 6)), Some(21), Some("ends_at")));
    assert_eq!(own.indexes, ["by-amount", "by-customer"]);
    assert_eq!((own.kinesis.as_slice(), own.insights.as_slice()), (["arn:s".to_owned()].as_slice(), [String::new()].as_slice()));
    assert_eq!(own.autoscaling, [Autoscaling { index: None, reads: true, least: 5, most: 50, target_percent: Some(70) }]);
    assert_eq!(own.policy, Some(json!({"Version": "2012-10-17", "Statement": [theirs]}).to_string()), "without our own statement");
    assert!(seen.configuration.deletion_protection && seen.configuration.kms_key.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_global_table_is_read_with_its_replicas_whether_its_own_region_is_listed_or_not() {
    let replica = |region: &str, status: &str| json!({"RegionName": region, "ReplicaStatus": status});
    let mut home = replica("eu-west-1", "REGION_DISABLED");
    home["ProvisionedThroughputOverride"] = json!({"ReadCapacityUnits": 3});
    home["GlobalSecondaryIndexes"] = json!([{"IndexName": "by-day"}]);
    let own = replica(ARN.split(':').nth(3).unwrap(), "ACTIVE");
    for listed in [json!([home, replica("ap-south-1", "ACTIVE")]), json!([home, own, replica("ap-south-1", "ACTIVE")])] {
        let mut shown = table();
        shown["Table"]["GlobalTableVersion"] = json!("2019.11.21");
        shown["Table"]["MultiRegionConsistency"] = json!("STRONG");
        shown["Table"]["Replicas"] = listed;
        shown["Table"]["TableStatus"] = json!("CREATING");
        let wire = answering(&[well(&shown), well(&recoverable()), well(&json!({"Tags": []}))]);
        let seen = wire.clients().await.databases().database(&id("orders")).await.unwrap().unwrap();
        let own = seen.configuration.table().unwrap();
        assert_eq!(own.replicas, ["ap-south-1", "eu-west-1"], "its own Region is no other one");
        let global = own.global.as_deref().unwrap();
        assert_eq!((global.version.as_deref(), global.is_strong), (Some("2019.11.21"), true));
        let home = global.replicas.iter().find(|replica| replica.region == "eu-west-1").unwrap();
        assert_eq!((home.status.as_str(), home.reads), ("REGION_DISABLED", Some(3)));
    }
    let mut single = table();
    single["Table"]["TableStatus"] = json!("CREATING");
    single["Table"]["Replicas"] = json!([]);
    let wire = answering(&[well(&single), well(&recoverable()), well(&json!({"Tags": []}))]);
    let alone = wire.clients().await.databases().database(&id("orders")).await.unwrap().unwrap();
    assert_eq!(alone.configuration.table().unwrap().global, None);
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_may_not_be_read_is_told_and_a_table_that_is_being_made_is_not_asked_for_any() {
    let denied = || refused("AccessDeniedException", "not authorized");
    let wire = answering(&[
        well(&table()),
        well(&recoverable()),
        well(&json!({"Tags": []})),
        well(&json!({})),
        denied(),
        denied(),
        denied(),
        refused("PolicyNotFoundException", "none"),
    ]);
    let seen = wire.clients().await.databases().database(&id("orders")).await.unwrap().unwrap();
    let own = seen.configuration.table().unwrap();
    assert_eq!(own.unread.len(), 3, "{:?}", own.unread);
    assert!(own.unread[2].contains("application-autoscaling:DescribeScalableTargets"), "{:?}", own.unread);
    assert_eq!(own.policy, None);
    let mut young = table();
    young["Table"]["RestoreSummary"] = json!({"RestoreInProgress": true, "RestoreDateTime": 1_768_000_000.0});
    let wire = answering(&[well(&young), refused("TableNotFoundException", "not yet"), well(&json!({"Tags": []}))]);
    let seen = wire.clients().await.databases().database(&id("orders")).await.unwrap().unwrap();
    assert_eq!((seen.status.as_str(), wire.count()), ("CREATING", 3));
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_gone_is_none_and_a_throttled_look_is_an_error() {
    let wire = answering(&[refused("ResourceNotFoundException", "not found")]);
    assert_eq!(wire.clients().await.databases().database(&id("orders")).await.unwrap(), None);
    let throttled = || refused("ThrottlingException", "slow down");
    let wire = answering(&[throttled(), throttled(), throttled()]);
    let error = wire.clients().await.databases().database(&id("orders")).await.unwrap_err();
    assert_eq!((error.class, error.action.as_str()), (CallClass::Throttled, "dynamodb:DescribeTable"));
}

#[tokio::test(start_paused = true)]
async fn the_window_is_that_of_the_same_table_and_of_no_other_under_its_name() {
    let wire = answering(&[well(&table()), well(&recoverable()), well(&table()), refused("ResourceNotFoundException", "gone")]);
    let databases = wire.clients().await.databases();
    let window = databases.restore_window(&id("orders"), "t-1").await.unwrap().unwrap();
    assert_eq!((window.earliest.timestamp(), window.latest.timestamp()), (1_768_000_000, 1_768_471_000));
    assert_eq!(databases.restore_window(&id("orders"), "t-0").await.unwrap(), None);
    assert_eq!(databases.restore_window(&id("orders"), "t-1").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn backups_are_listed_from_every_page_with_those_that_the_system_made() {
    let backup = |id: &str, name: &str, kind: &str, status: &str| {
        json!({"TableName": "orders", "TableId": "t-1", "BackupArn": format!("{ARN}/backup/{id}"), "BackupName": name, "BackupType": kind,
               "BackupStatus": status, "BackupCreationDateTime": 1_768_470_000.0})
    };
    let first = json!({"BackupSummaries": [backup("01-a", "nightly", "USER", "AVAILABLE")], "LastEvaluatedBackupArn": "arn:last"});
    let second = json!({"BackupSummaries": [backup("01-b", "orders$DeletedTableBackup", "SYSTEM", "CREATING")]});
    let wire = answering(&[well(&first), well(&second)]);
    let found = wire.clients().await.databases().snapshots_of(&id("orders")).await.unwrap();
    assert_eq!((found[0].id.as_str(), &found[0].status), ("nightly", &SnapshotStatus::Available));
    assert_eq!(found[1].id.as_str(), found[1].arn.as_str(), "a name that is none of ours is told by its ARN");
    assert_eq!((found[1].kind.as_str(), &found[1].status), ("system", &SnapshotStatus::Pending("CREATING".to_owned())));
    assert_eq!(wire.json()[0], json!({"TableName": "orders", "BackupType": "ALL"}));
    assert_eq!(wire.json()[1]["ExclusiveStartBackupArn"], "arn:last");
}

#[tokio::test(start_paused = true)]
async fn a_probe_asks_for_a_key_that_no_item_has_and_a_write_hangs_on_a_condition_that_never_holds() {
    let conditional = refused("ConditionalCheckFailedException", "The conditional request failed");
    let text = "User: u is not authorized to perform: dynamodb:DeleteItem on resource: r with an explicit deny in a resource-based policy";
    let missing = "User: u is not authorized to perform: dynamodb:DeleteItem because no identity-based policy allows it";
    let mut replies = vec![well(&table()), well(&json!({})), well(&table()), conditional.clone(), well(&table())];
    // A policy reaches all of a table in its own time: eight places must deny.
    replies.extend(std::iter::repeat_n(refused("AccessDeniedException", text), 8));
    replies.extend([well(&table()), refused("AccessDeniedException", text), conditional]);
    replies.extend([well(&table()), refused("AccessDeniedException", missing), refused("ResourceNotFoundException", "gone")]);
    let wire = answering(&replies);
    let items = wire.clients().await.table_items();
    items.ask(&id("orders")).await.unwrap();
    assert_eq!(items.try_to_write(&id("orders")).await.unwrap(), WriteTry::Accepted);
    assert_eq!(items.try_to_write(&id("orders")).await.unwrap(), WriteTry::DeniedByPolicy);
    assert_eq!(items.try_to_write(&id("orders")).await.unwrap(), WriteTry::Accepted, "one place still takes writes");
    assert!(matches!(items.try_to_write(&id("orders")).await.unwrap(), WriteTry::Denied(why) if why.contains("no identity-based")));
    assert_eq!(items.ask(&id("orders")).await.unwrap_err().class, CallClass::NotFound);
    let sent = &wire.json()[3];
    assert_eq!((&sent["ConditionExpression"], &sent["ExpressionAttributeNames"]["#key"]), (&json!("attribute_exists(#key)"), &json!("id")));
    let (one, other) = (&wire.json()[3]["Key"], &wire.json()[5]["Key"]);
    let (text, number) = (one["id"]["S"].as_str().unwrap(), one["at"]["N"].as_str().unwrap());
    // A number of DynamoDB has 38 digits at most.
    assert!(text.starts_with("lifeboat-probe-") && number.starts_with("-7777777777777777") && number.len() <= 39, "{one}");
    assert_ne!(one, other);
}

/// A page of a scan with so many items, which says that there is more.
fn scanned(page: i32, items: usize) -> (u16, String) {
    let item =
        |number: usize| json!({"id": {"S": format!("{page}-{number}")}, "at": {"N": "1"}, "written_at": {"S": "2026-01-15T10:25:00Z"}});
    let items: Vec<Value> = (0..items).map(item).collect();
    well(&json!({"Items": items, "Count": items.len(), "LastEvaluatedKey": {"id": {"S": "x"}, "at": {"N": "1"}}}))
}

#[tokio::test(start_paused = true)]
async fn a_sample_is_one_page_of_each_segment_that_its_seed_names_until_it_is_full_and_never_follows_a_page() {
    let rule = ItemsRule { written_at: Some("written_at".to_owned()), sample: 10, keep_keys: false };
    for seed in [0, 4711] {
        let (total, order) = segments(seed);
        let full: Vec<(u16, String)> = std::iter::once(well(&table())).chain((0..4).map(|page| scanned(page, 3))).collect();
        let wire = answering(&full);
        let found = wire.clients().await.table_items().sample(&id("orders"), &rule, seed).await.unwrap();
        assert_eq!(found.len(), 12);
        assert_eq!(found[0].key, r#"{"at":{"N":"1"},"id":{"S":"0-0"}}"#);
        assert!(found[0].written_at.is_some());
        let sent = wire.json()[1..].to_vec();
        let asked: Vec<_> =
            sent.iter().map(|sent| (sent["Segment"].clone(), sent["TotalSegments"].clone(), sent["Limit"].clone())).collect();
        assert_eq!(asked, order[..4].iter().map(|segment| (json!(segment), json!(total), json!(3))).collect::<Vec<_>>());
        assert!(sent.iter().all(|sent| sent.get("ExclusiveStartKey").is_none()), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_table_with_few_items_every_segment_is_read() {
    let (total, _) = segments(7);
    let few: Vec<(u16, String)> =
        std::iter::once(well(&table())).chain((0..total).map(|page| scanned(page, usize::from(page == 5)))).collect();
    let wire = answering(&few);
    let found = wire.clients().await.table_items().sample(&id("orders"), &ItemsRule::default(), 7).await.unwrap();
    assert_eq!((found.len(), wire.count()), (1, few.len()));
}

#[tokio::test(start_paused = true)]
async fn keys_that_dynamodb_left_out_are_asked_for_again_and_never_taken_for_missing() {
    let key = |id: &str| json!({"id": {"S": id}, "at": {"N": "1"}});
    let keys: Vec<String> = ["1", "2"].map(|it| key(it).to_string()).into();
    let left = json!({"Responses": {"orders": [key("1")]}, "UnprocessedKeys": {"orders": {"Keys": [key("2")]}}});
    let rest = json!({"Responses": {"orders": [key("2")]}, "UnprocessedKeys": {}});
    let wire = answering(&[well(&table()), well(&left), well(&rest)]);
    let found = wire.clients().await.table_items().items(&id("orders"), &ItemsRule::default(), &keys).await.unwrap();
    assert_eq!(found.len(), 2);
    let mut never = vec![well(&table())];
    never.extend(std::iter::repeat_n(well(&left), 5));
    let error = answering(&never).clients().await.table_items().items(&id("orders"), &ItemsRule::default(), &keys).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (CallClass::Throttled, "UnprocessedKeys"));
}

#[tokio::test(start_paused = true)]
async fn kept_tables_carry_a_mark_and_no_policy_by_their_own_tags_and_tell_their_size() {
    let listed = |names: &[(&str, &str)]| {
        let shown = |(name, tag): &(&str, &str)| json!({"ResourceARN": format!("arn:aws:dynamodb:eu-central-1:123456789012:table/{name}"), "Tags": [{"Key": tag, "Value": "inc-1"}]});
        well(&json!({"ResourceTagMappingList": names.iter().map(shown).collect::<Vec<_>>(), "PaginationToken": ""}))
    };
    let tagged = |tags: &[&str]| well(&json!({"Tags": tags.iter().map(|tag| json!({"Key": tag, "Value": "x"})).collect::<Vec<_>>()}));
    let mut sized = table();
    sized["Table"]["TableSizeBytes"] = json!(5_000_000_000_u64);
    let wire = answering(&[
        listed(&[("orders", "lifeboat:retired")]),
        listed(&[("in-use", "lifeboat:incident"), ("orders", "lifeboat:incident")]),
        well(&table()),
        tagged(&["lifeboat:incident", "lifeboat:policy"]),
        well(&sized),
        tagged(&["lifeboat:retired"]),
    ]);
    let found = wire.clients().await.databases().kept().await.unwrap();
    let [kept] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((kept.id.as_str(), kept.configuration.allocated_storage), ("orders", Some(5)));
    assert_eq!(wire.count(), 6, "neither settings nor backups are read");
}
