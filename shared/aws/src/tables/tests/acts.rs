//! Changing tables: what is sent, and what is never sent.

use super::{ARN, answering, id, operations, refused, table, well};
use crate::tables::Tables;
use crate::wire::Wire;
use lifeboat_domain::ids::{Arn, SnapshotId};
use lifeboat_domain::observed::{Autoscaling, Configuration, FENCED, UNFENCED};
use lifeboat_domain::plan::{RestoreSettings, TableSetting};
use lifeboat_domain::ports::{DeleteDatabases, ModifyDatabases, RebootDatabases, RestoreDatabases, SetTables, TagDatabases, TakeSnapshots};
use lifeboat_domain::{CallClass, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn tables(wire: &Wire) -> Tables {
    wire.clients().await.tables()
}

fn told() -> RestoreSettings {
    let configuration = Configuration { kms_key: Some("arn:aws:kms:k".to_owned()), ..Configuration::default() };
    RestoreSettings { configuration, opens_to: Vec::new(), tags: BTreeMap::new() }
}

#[tokio::test(start_paused = true)]
async fn a_restore_names_its_backup_by_arn_or_its_moment_and_its_key() {
    let wire = answering(&[well(&json!({})), well(&json!({})), well(&json!({}))]);
    let databases = wire.clients().await.databases();
    let backup = SnapshotId::parse(format!("{ARN}/backup/01-a")).unwrap();
    databases.restore_from_snapshot(&backup, &id("orders-r1"), &told()).await.unwrap();
    let at: Timestamp = "2026-01-15T10:25:00Z".parse().unwrap();
    databases.restore_to_point_in_time(ARN, Some(at), &id("orders-r1"), &told()).await.unwrap();
    databases.restore_to_point_in_time(ARN, None, &id("orders-r1"), &told()).await.unwrap();
    let key = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "arn:aws:kms:k"});
    assert_eq!(wire.json()[0], json!({"BackupArn": backup.as_str(), "TargetTableName": "orders-r1", "SSESpecificationOverride": key}));
    assert_eq!((&wire.json()[1]["RestoreDateTime"], &wire.json()[1]["UseLatestRestorableTime"]), (&json!(at.timestamp()), &Value::Null));
    assert_eq!((&wire.json()[2]["RestoreDateTime"], &wire.json()[2]["UseLatestRestorableTime"]), (&Value::Null, &json!(true)));
    assert_eq!(wire.json()[1]["SourceTableArn"], ARN);
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_asked_for_once_as_its_name_protects_from_nothing() {
    let wire = answering(&[(500, "{}".to_owned())]);
    let error =
        wire.clients().await.databases().create_snapshot(&id("orders"), &SnapshotId::parse("nightly").unwrap(), &BTreeMap::new()).await;
    assert_eq!((error.unwrap_err().class, wire.count()), (CallClass::Unknown, 1), "not sent again by the SDK");
    assert_eq!(wire.json()[0], json!({"TableName": "orders", "BackupName": "nightly"}));
}

#[tokio::test(start_paused = true)]
async fn the_fence_is_one_statement_more_and_opening_it_gives_the_owners_policy_back() {
    let theirs = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Readers", "Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": ARN}]});
    let wire = answering(&[
        well(&table()),
        well(&json!({"Policy": theirs.to_string(), "RevisionId": "r-1"})),
        well(&json!({"RevisionId": "r-2"})),
    ]);
    wire.clients().await.databases().set_security_groups(&id("orders"), &[FENCED.to_owned()]).await.unwrap();
    let sent = &wire.json()[2];
    let closed: Value = serde_json::from_str(sent["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(sent["ExpectedRevisionId"], "r-1", "only over what was read");
    assert_eq!(closed["Statement"][0], theirs["Statement"][0]);
    let ours = &closed["Statement"][1];
    assert_eq!((&ours["Sid"], &ours["Effect"], &ours["Principal"]), (&json!("LifeboatFence"), &json!("Deny"), &json!("*")));
    let replication = "arn:*:iam::*:role/aws-service-role/replication.dynamodb.amazonaws.com/*";
    assert_eq!(
        ours["Condition"],
        json!({"ArnNotLike": {"aws:PrincipalArn": replication}}),
        "a denied replica is one no more after 20 hours"
    );
    assert!(ours["Action"].as_array().unwrap().iter().all(|action| !action.as_str().unwrap().contains("Get")), "reads go on: {ours}");
    let wire = answering(&[well(&table()), well(&json!({"Policy": closed.to_string(), "RevisionId": "r-2"})), well(&json!({}))]);
    tables(&wire).await.set_door(&id("orders"), &[UNFENCED.to_owned()]).await.unwrap();
    let open: Value = serde_json::from_str(wire.json()[2]["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(open, theirs);
}

#[tokio::test(start_paused = true)]
async fn a_table_without_a_policy_gets_one_and_loses_it_again_and_what_is_so_already_is_not_sent() {
    let wire = answering(&[well(&table()), refused("PolicyNotFoundException", "none"), well(&json!({}))]);
    tables(&wire).await.set_door(&id("orders"), &[FENCED.to_owned()]).await.unwrap();
    assert_eq!(wire.json()[2]["ExpectedRevisionId"], "NO_POLICY");
    let closed = wire.json()[2]["Policy"].as_str().unwrap().to_owned();
    let again = answering(&[well(&table()), well(&json!({"Policy": closed, "RevisionId": "r-9"}))]);
    tables(&again).await.set_door(&id("orders"), &[FENCED.to_owned()]).await.unwrap();
    assert_eq!(operations(&again), ["DescribeTable", "GetResourcePolicy"], "it stands already");
    let opened = answering(&[well(&table()), well(&json!({"Policy": closed, "RevisionId": "r-9"})), well(&json!({}))]);
    tables(&opened).await.set_door(&id("orders"), &[UNFENCED.to_owned()]).await.unwrap();
    assert_eq!(operations(&opened)[2], "DeleteResourcePolicy");
    assert_eq!(opened.json()[2], json!({"ResourceArn": ARN, "ExpectedRevisionId": "r-9"}));
}

#[tokio::test(start_paused = true)]
async fn each_setting_is_one_call() {
    let rows = [
        (
            TableSetting::PointInTime { days: 21 },
            "UpdateContinuousBackups",
            json!({"TableName": "orders", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 21}}),
        ),
        (
            TableSetting::TimeToLive { attribute: "ends_at".into() },
            "UpdateTimeToLive",
            json!({"TableName": "orders", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ends_at"}}),
        ),
        (
            TableSetting::Stream { view: "NEW_IMAGE".into() },
            "UpdateTable",
            json!({"TableName": "orders", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}),
        ),
        (
            TableSetting::TableClass { class: "STANDARD_INFREQUENT_ACCESS".into() },
            "UpdateTable",
            json!({"TableName": "orders", "TableClass": "STANDARD_INFREQUENT_ACCESS"}),
        ),
        (TableSetting::DeletionProtection, "UpdateTable", json!({"TableName": "orders", "DeletionProtectionEnabled": true})),
        (
            TableSetting::Kinesis { stream: "arn:s".into() },
            "EnableKinesisStreamingDestination",
            json!({"TableName": "orders", "StreamArn": "arn:s"}),
        ),
        (
            TableSetting::Insights { index: String::new() },
            "UpdateContributorInsights",
            json!({"TableName": "orders", "ContributorInsightsAction": "ENABLE"}),
        ),
        (
            TableSetting::Insights { index: "by-customer".into() },
            "UpdateContributorInsights",
            json!({"TableName": "orders", "IndexName": "by-customer", "ContributorInsightsAction": "ENABLE"}),
        ),
    ];
    for (setting, operation, sent) in rows {
        let wire = answering(&[well(&json!({"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "x"}}))]);
        wire.clients().await.databases().set_table(&id("orders"), &setting).await.unwrap();
        assert_eq!((operations(&wire), wire.json()), (vec![operation.to_owned()], vec![sent]), "{setting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn auto_scaling_is_a_target_and_its_policy_and_a_policy_is_put_on_the_table_by_its_arn() {
    let wire = answering(&[well(&json!({})), well(&json!({"PolicyARN": "arn:p"}))]);
    let target = Autoscaling { index: Some("by-customer".to_owned()), reads: false, least: 5, most: 50, target_percent: Some(70) };
    tables(&wire).await.set_table(&id("orders"), &TableSetting::Autoscaling { target }).await.unwrap();
    assert_eq!(operations(&wire), ["RegisterScalableTarget", "PutScalingPolicy"]);
    let (registered, policy) = (&wire.json()[0], &wire.json()[1]);
    assert_eq!(
        (&registered["ResourceId"], &registered["ScalableDimension"]),
        (&json!("table/orders/index/by-customer"), &json!("dynamodb:index:WriteCapacityUnits"))
    );
    assert_eq!((&registered["MinCapacity"], &registered["MaxCapacity"]), (&json!(5), &json!(50)));
    assert_eq!(
        policy["TargetTrackingScalingPolicyConfiguration"],
        json!({"TargetValue": 70.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"}})
    );
    let wire = answering(&[well(&table()), well(&json!({}))]);
    tables(&wire).await.set_table(&id("orders"), &TableSetting::Policy { document: "{}".to_owned() }).await.unwrap();
    assert_eq!(wire.json()[1], json!({"ResourceArn": ARN, "Policy": "{}"}));
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_is_there_already_is_set_and_a_busy_table_is_waited_for() {
    let ttl = TableSetting::TimeToLive { attribute: "ends_at".to_owned() };
    let wire = answering(&[refused("ValidationException", "TimeToLive is already enabled")]);
    tables(&wire).await.set_table(&id("orders"), &ttl).await.unwrap();
    for (setting, code) in [
        (TableSetting::DeletionProtection, "ResourceInUseException"),
        (TableSetting::PointInTime { days: 1 }, "ContinuousBackupsUnavailableException"),
    ] {
        let wire = answering(&[refused(code, "not now")]);
        let error = tables(&wire).await.set_table(&id("orders"), &setting).await.unwrap_err();
        assert_eq!(error.class, CallClass::WrongState, "{setting:?}");
    }
    let wire = answering(&[refused("ValidationException", "no such attribute")]);
    assert_eq!(tables(&wire).await.set_table(&id("orders"), &ttl).await.unwrap_err().class, CallClass::Invalid);
}

#[tokio::test(start_paused = true)]
async fn tags_go_to_the_service_of_their_arn() {
    let wire = answering(&[well(&json!({})), well(&json!({}))]);
    let databases = wire.clients().await.databases();
    let arn = Arn::parse(ARN).unwrap();
    databases.add_tags(&arn, &[("a".to_owned(), "b".to_owned())].into()).await.unwrap();
    databases.remove_tags(&arn, &["a".to_owned()]).await.unwrap();
    assert_eq!(operations(&wire), ["TagResource", "UntagResource"]);
    assert_eq!(wire.json()[0], json!({"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]}));
    assert_eq!(wire.json()[1], json!({"ResourceArn": ARN, "TagKeys": ["a"]}));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_meaning_for_a_table_and_every_deletion_of_one_is_refused_before_anything_is_sent() {
    let wire = answering(&[]);
    let databases = wire.clients().await.databases();
    let table = id("orders");
    let refused = [
        databases.reboot(&table, false).await,
        databases.make_multi_az(&table).await,
        databases.rename(&table, &id("other")).await,
        databases.delete_failed_restore(&table).await,
        databases.delete_released(&table, None).await,
        databases.lift_deletion_protection(&table).await,
    ];
    assert!(refused.iter().all(|answer| answer.as_ref().is_err_and(|error| error.class == CallClass::Invalid)), "{refused:?}");
    assert!(refused[4].as_ref().unwrap_err().message.contains("aws dynamodb create-backup"), "{refused:?}");
    assert_eq!(wire.count(), 0);
}
