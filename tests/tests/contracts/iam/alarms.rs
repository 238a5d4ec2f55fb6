//! The permissions on CloudWatch's alarms: reading them, and writing what is named as a copy.

use super::{ALWAYS, permissions};
use lifeboat_domain::alarms::{Alarm, MetricAlarm, copies};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeSet;

/// How an alarm may be named that Lifeboat writes.
const COPIES: [&str; 2] = ["alarm:lifeboat-copy-*", "alarm:lifeboat-watch-copy-*"];

#[test]
fn alarms_are_read_and_only_copies_are_written_and_none_is_deleted_or_silenced() {
    let found: BTreeSet<String> =
        permissions().into_iter().filter(|it| it.action.starts_with("cloudwatch:")).map(|it| it.to_string()).collect();
    let reads = ["RestoreAct", "RestorePlan", "Snapshot"].map(|role| format!("{role} cloudwatch:DescribeAlarms *: {ALWAYS}"));
    let writes = COPIES.map(|copy| format!("RestoreAct cloudwatch:PutMetricAlarm {copy}: {ALWAYS}"));
    assert_eq!(found, reads.into_iter().chain(writes).collect());
}

#[test]
fn a_copy_of_any_alarm_is_named_as_the_role_may_write_and_lifeboats_own_alarms_are_not() {
    let [from, to] = ["orders", "orders-r1a2b3c4d"].map(|name| DatabaseId::new(ResourceKind::DynamodbTable, name).unwrap());
    let alarm = |name: &str| {
        let dimensions = [("TableName".to_owned(), "orders".to_owned())].into();
        let namespace = "AWS/DynamoDB".to_owned();
        Alarm::Metric(Box::new(MetricAlarm { name: name.to_owned(), namespace, dimensions, ..MetricAlarm::default() }))
    };
    let long = "x".repeat(255);
    let names = ["throttles", "lifeboat-watch-orders", "lifeboat-copy-orders-a", "lifeboat-watch-copy-orders-b", &long];
    let planned = copies(&names.map(alarm), &from, &to);
    let may_write = |name: &str| COPIES.iter().any(|copy| name.starts_with(copy["alarm:".len()..].trim_end_matches('*')));
    assert_eq!(planned.copies.len(), names.len());
    for copy in &planned.copies {
        assert!(may_write(&copy.alarm.name), "{}", copy.alarm.name);
    }
    assert!(!may_write("lifeboat-sweep-heartbeat") && !may_write("lifeboat-watch-orders"));
}
