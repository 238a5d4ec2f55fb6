//! Every fixture of `tests/fixtures/events`, against the table beside them, and the corners that a fixture cannot show.

use super::*;
use serde_json::json;
use std::fs;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/events");

fn read(file: &str) -> Value {
    let text = fs::read_to_string(format!("{FIXTURES}/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn rds_event(file: &str) -> RdsEvent {
    match Incoming::parse(&read(file)) {
        Ok(Incoming::Rds(event)) => event,
        other => panic!("{file}: {other:?}"),
    }
}

fn show(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// What was parsed, in the form of the table.
fn summary(parsed: &Result<Incoming, EnvelopeError>) -> Value {
    match parsed {
        Ok(Incoming::Rds(event)) => json!({
            "kind": "rds",
            "source": event.source_type.map(SourceType::wire),
            "id": event.event_id.map(|id| id.0),
            "class": event.class(),
            "resource": event.resource_id,
            "at": show(event.at),
        }),
        Ok(Incoming::Alarm(alarm)) => json!({
            "kind": "alarm",
            "state": alarm.state,
            "db_instance": alarm.db_instance,
            "db_cluster": alarm.db_cluster,
            "at": show(alarm.at),
        }),
        Ok(Incoming::ExecutionEnded(ended)) => json!({
            "kind": "execution_ended",
            "status": ended.status,
            "name": ended.name,
            "at": show(ended.at),
            "has_input": ended.input.is_some(),
        }),
        Ok(Incoming::Table(event)) => json!({ "kind": "table", "deed": event.deed, "table": event.table, "at": show(event.at) }),
        Ok(Incoming::Cache(notice)) => json!({ "kind": "cache", "what": notice.what, "subject": notice.subject, "at": show(notice.at) }),
        Ok(Incoming::Serverless(notice)) => json!({ "kind": "serverless", "what": notice.what, "subject": notice.subject }),
        Ok(Incoming::Scheduled) => json!({ "kind": "scheduled" }),
        Ok(Incoming::Other { source, detail_type }) => json!({ "kind": "other", "source": source, "detail_type": detail_type }),
        Err(error) => json!({ "kind": "error", "field": error.field }),
    }
}

#[test]
fn every_fixture_parses_as_the_table_says() {
    let expected = read("expected.json");
    for (file, expected) in expected.as_object().expect("a table") {
        let parsed = Incoming::parse(&read(file));
        assert_eq!(&summary(&parsed), expected, "{file}: {parsed:?}");
    }
}

#[test]
fn the_table_names_every_fixture() {
    let files: BTreeSet<String> = fs::read_dir(FIXTURES)
        .expect("the fixtures")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|file| file.ends_with(".json") && file != "expected.json")
        .collect();
    let expected = read("expected.json");
    let named: BTreeSet<String> = expected.as_object().expect("a table").keys().cloned().collect();
    assert_eq!(files, named);
}

#[test]
fn the_fixtures_cover_every_class_and_every_source_type() {
    let expected = read("expected.json");
    let seen = |field: &str, value: &str| expected.as_object().expect("a table").values().any(|row| row[field] == value);
    for class in EventClass::ALL {
        assert!(seen("class", class.as_str()), "{class}");
    }
    for source in SourceType::ALL {
        assert!(seen("source", source.wire()), "{source}");
    }
}

#[test]
fn an_rds_event_keeps_who_what_when_and_the_tags() {
    let event = rds_event("rds-event-0031-instance-put-into-failed-state.json");
    assert_eq!(event.account, "123456789012");
    assert_eq!(event.region, "us-east-1");
    assert_eq!(event.source_arn, "arn:aws:rds:us-east-1:123456789012:db:orders-db");
    assert_eq!(event.event_id.map(|id| id.to_string()).as_deref(), Some("RDS-EVENT-0031"));
    assert_eq!(event.categories, ["failure"]);
    assert!(event.message.starts_with("DB instance put into failed state"));
    assert_eq!(event.tags.get("lifeboat:policy").map(String::as_str), Some("standard"));
    assert_eq!(event.tags.get("lifeboat:resource").map(String::as_str), Some("orders-db"));
    assert_eq!(event.entry().map(|entry| entry.hint), Some(crate::events::Hint::Scenario(crate::words::Scenario::InstanceFailure)));
}

#[test]
fn category_spellings_of_live_events_become_one() {
    assert_eq!(rds_event("rds-event-0181-global-switchover-started.json").categories, ["global failover"]);
    assert_eq!(rds_event("rds-event-0372-serverless-instance-paused.json").categories, ["notification", "serverless"]);
}

#[test]
fn an_automated_snapshot_keeps_its_prefix_and_an_instance_has_none() {
    let snapshot = rds_event("rds-event-0169-automated-cluster-snapshot-created.json");
    assert_eq!(snapshot.resource_id, "rds:orders-cluster-2026-09-27-03-20");
    assert_eq!(rds_event("odd-source-identifier-with-rds-prefix.json").resource_id, "orders-db");
}

#[test]
fn other_partitions_are_read_like_the_first() {
    let china = rds_event("odd-partition-aws-cn.json");
    assert_eq!((china.region.as_str(), china.resource_id.as_str()), ("cn-north-1", "orders-db"));
    assert!(rds_event("odd-partition-aws-us-gov.json").source_arn.starts_with("arn:aws-us-gov:rds:us-gov-west-1:"));
}

#[test]
fn account_and_region_come_from_the_arn_when_the_envelope_lacks_them() {
    let mut event = read("odd-partition-aws-cn.json");
    let fields = event.as_object_mut().expect("an object");
    fields.remove("account");
    fields.remove("region");
    let Ok(Incoming::Rds(event)) = Incoming::parse(&event) else { panic!("not read") };
    assert_eq!((event.account.as_str(), event.region.as_str()), ("123456789012", "cn-north-1"));
}

#[test]
fn tags_that_are_no_texts_are_left_out() {
    let tags = rds_event("odd-tags-that-are-no-texts.json").tags;
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("lifeboat:policy".to_owned(), "standard".to_owned())]);
}

#[test]
fn an_ended_execution_keeps_its_arns_and_its_input() {
    let Ok(Incoming::ExecutionEnded(ended)) = Incoming::parse(&read("execution-ended-timed-out.json")) else { panic!("not read") };
    assert!(ended.execution_arn.starts_with("arn:aws:states:us-east-1:123456789012:execution:lifeboat-recovery:"));
    assert_eq!(ended.machine_arn, "arn:aws:states:us-east-1:123456789012:stateMachine:lifeboat-recovery");
    assert!(ended.input.is_some_and(|input| input.contains("inc-20260927t224000z-1a2b3c4d")));
}

#[test]
fn an_alarm_keeps_its_name_and_reason() {
    let Ok(Incoming::Alarm(alarm)) = Incoming::parse(&read("alarm-instance-has-no-connections.json")) else { panic!("not read") };
    assert_eq!(alarm.alarm_name, "alarm-instance-has-no-connections");
    assert!(alarm.reason.starts_with("Threshold Crossed"));
}

#[test]
fn an_error_names_the_field_the_value_and_what_is_accepted() {
    let error = Incoming::parse(&read("malformed-arn-too-short.json")).expect_err("an error");
    let sentence = "detail.SourceArn: \"orders-db\" is not accepted; \
                    accepted is an ARN such as arn:aws:rds:us-east-1:123456789012:db:orders-db";
    assert_eq!(error.to_string(), sentence);
    let error = DrError::from(error);
    assert_eq!((error.name(), error.message()), (crate::error::ErrorName::InvalidInput, sentence));
}

#[test]
fn an_error_repeats_neither_long_texts_nor_what_objects_hold() {
    let mut event = read("scheduled-by-a-rule.json");
    event["source"] = json!({ "secret": "x" });
    assert_eq!(Incoming::parse(&event).expect_err("an error").found, "an object");
    let long = found(Some(&json!("é".repeat(500))));
    assert!(long.chars().count() < 100, "{long}");
}

#[test]
fn anything_that_is_no_object_is_an_error_and_never_a_panic() {
    for value in [json!(null), json!(31), json!("RDS-EVENT-0031"), json!([]), json!({}), json!({ "source": "aws.rds", "detail-type": 1 })] {
        assert!(Incoming::parse(&value).is_err(), "{value}");
    }
}

#[test]
fn an_event_without_its_detail_is_an_error_for_the_types_that_need_one() {
    let types = [
        ("aws.rds", "RDS DB Instance Event"),
        ("aws.cloudwatch", "CloudWatch Alarm State Change"),
        ("aws.states", "Step Functions Execution Status Change"),
    ];
    for (source, detail_type) in types {
        for detail in [json!(null), json!([]), json!("text")] {
            let event =
                json!({ "id": "x", "source": source, "detail-type": detail_type, "detail": detail, "time": "2026-09-27T22:40:00Z" });
            assert!(Incoming::parse(&event).is_err(), "{event}");
        }
    }
}

#[test]
fn event_ids_are_read_and_shown_as_aws_writes_them() {
    assert_eq!(EventId::parse("RDS-EVENT-0031"), Ok(EventId(31)));
    assert_eq!(EventId::parse(" RDS-EVENT-0031 "), Ok(EventId(31)));
    assert_eq!(EventId(31).to_string(), "RDS-EVENT-0031");
    assert_eq!(EventId(519).to_string(), "RDS-EVENT-0519");
    for wrong in ["", "31", "RDS-EVENT-", "RDS-EVENT-+31", "RDS-EVENT-99999", "EC2-EVENT-0031"] {
        assert!(EventId::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(serde_json::to_value(EventId(31)).expect("JSON"), json!("RDS-EVENT-0031"));
    assert_eq!(serde_json::from_value::<EventId>(json!("RDS-EVENT-0031")).expect("an id"), EventId(31));
}

#[test]
fn times_are_read_with_any_offset_and_refused_without_one() {
    let reading = |text| parse_time(text).map(show);
    assert_eq!(reading("2026-09-27T22:40:00.100Z").as_deref(), Some("2026-09-27T22:40:00.100Z"));
    assert_eq!(reading("2026-09-27T22:40:00.100+0000").as_deref(), Some("2026-09-27T22:40:00.100Z"));
    assert_eq!(reading("2026-09-28T00:40:00+02:00").as_deref(), Some("2026-09-27T22:40:00Z"));
    assert_eq!(reading("2026-09-27T22:40:00"), None);
    assert_eq!(reading("yesterday"), None);
}
