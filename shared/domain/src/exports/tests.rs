//! When a table is exported, when not, and what is told.

use super::*;
use crate::error::{CallClass, CallError};
use crate::ids::DatabaseId;
use crate::observed::{Configuration, KeyAttribute, Own, TableConfiguration};
use crate::point::Manifest;
use crate::policy::PolicyDocument;
use crate::words::ResourceKind;
use std::collections::BTreeMap;

fn read(export: &str) -> Result<ExportRule, String> {
    let yaml = format!("version: 1\npolicies:\n  p:\n    export: {export}\n");
    let document = PolicyDocument::from_yaml(&yaml).map_err(|error| error.to_string())?;
    document.policy("p").map_err(|error| error.to_string())?.export.clone().ok_or_else(|| "there is none".to_owned())
}

fn rule() -> ExportRule {
    read("{bucket: acme-exports, prefix: shop, every: 7d}").unwrap()
}

fn orders() -> Identity {
    Identity::parse("orders-db").unwrap()
}

fn arn(text: &str) -> Arn {
    Arn::parse(format!("arn:aws:dynamodb:us-east-1:123456789012:table/orders{text}")).unwrap()
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_timestamp(1_768_470_000 + hours * 3600, 0).unwrap()
}

fn next(record: &ExportRecord, run: &str, is_recoverable: bool, now: Timestamp) -> Next {
    let (rule, resource, table) = (rule(), orders(), arn(""));
    let wish = Wish { rule: Some(&rule), resource: &resource, table: &table, table_id: "t-1", is_recoverable, run };
    record.next(&wish, now)
}

fn asked(record: &mut ExportRecord, run: &str, now: Timestamp) -> AskedExport {
    let Next::Ask(asked) = next(record, run, true, now) else { panic!("none is asked for: {record:?}") };
    assert!(record.intend(&asked));
    asked
}

fn seen(progress: ExportProgress) -> ObservedExport {
    ObservedExport { arn: arn("/export/01768471000000-a1b2c3d4"), progress }
}

fn completed(now: Timestamp) -> ObservedExport {
    seen(ExportProgress::Completed(Exported { at: now, items: Some(20), bytes: Some(4096), manifest: None }))
}

fn failed() -> ObservedExport {
    seen(ExportProgress::Failed { code: "S3NoSuchBucket".to_owned(), message: "no such bucket".to_owned() })
}

#[test]
fn an_export_of_a_policy_that_cannot_be_meant_is_refused_by_its_field() {
    for (export, because) in [
        ("{bucket: Acme, every: 1d}", "policies.p.export.bucket"),
        ("{bucket: a, every: 1d}", "policies.p.export.bucket"),
        ("{bucket: acme..exports, every: 1d}", "policies.p.export.bucket"),
        ("{bucket: acme-exports, prefix: /shop, every: 1d}", "policies.p.export.prefix"),
        ("{bucket: acme-exports, prefix: shop/, every: 1d}", "policies.p.export.prefix"),
        ("{bucket: acme-exports, prefix: \"\", every: 1d}", "policies.p.export.prefix"),
        ("{bucket: acme-exports, bucket_owner: \"12345\", every: 1d}", "policies.p.export.bucket_owner"),
        ("{bucket: acme-exports, every: 12h}", "policies.p.export.every"),
        ("{bucket: acme-exports, every: 36h}", "policies.p.export.every"),
        ("{bucket: acme-exports, every: 0d}", "policies.p.export.every"),
        ("{bucket: acme-exports}", "every"),
        ("{bucket: acme-exports, every: 1d, prefixes: a}", "did you mean `prefix`"),
    ] {
        let error = read(export).unwrap_err();
        assert!(error.contains(because), "{export}: {error}");
    }
    assert_eq!(read("{bucket: acme.exports-1, prefix: a/b, bucket_owner: \"210987654321\", every: 48h}").unwrap().every, Span::hours(48));
}

#[test]
fn each_tables_exports_lie_under_its_identity() {
    let place = rule().place(&orders());
    assert_eq!(place.to_string(), "s3://acme-exports/shop/orders-db");
    assert_eq!(ExportRule { prefix: None, ..rule() }.place(&orders()).prefix, "orders-db");
}

#[test]
fn a_table_is_exported_once_in_a_run_and_again_when_the_newest_is_as_old_as_the_policy_lets_it_get() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    assert!(!record.intend(&first), "of two invocations that overlap, one sends");
    record.observe(&first.token, &completed(at(0)));
    assert_eq!((record.open.as_ref(), record.newest.as_ref().unwrap().exported.items), (None, Some(20)));
    assert_eq!(next(&record, "night-2", true, at(24)), Next::Nothing);
    assert_eq!(next(&record, "night-7", true, at(6 * 24 + 20)), Next::Nothing);
    // The seventh night may begin some seconds earlier than the first one did.
    let Next::Ask(second) = next(&record, "night-8", true, at(7 * 24 - 1)) else { panic!("{record:?}") };
    assert_ne!(second.token, first.token);
    let other = Wish { table_id: "t-2", rule: Some(&rule()), resource: &orders(), table: &arn(""), is_recoverable: true, run: "night-2" };
    assert!(matches!(record.next(&other, at(24)), Next::Ask(_)), "another table came under the identity: that one was never exported");
}

#[test]
fn a_failed_export_is_not_asked_for_again_in_its_own_run_and_is_in_the_next() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    assert!(failed().failure(&first).is_some());
    record.observe(&first.token, &failed());
    assert_eq!((next(&record, "night-1", true, at(1)), record.newest.is_none()), (Next::Nothing, true));
    assert!(matches!(next(&record, "night-2", true, at(24)), Next::Ask(_)));
}

#[test]
fn one_of_unknown_outcome_is_sent_again_while_its_token_holds_and_looked_for_afterwards() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    assert_eq!(next(&record, "night-1", true, at(6)), Next::SendAgain(first.clone()));
    assert_eq!(next(&record, "night-2", true, at(24)), Next::Search(first.clone()), "the token stands for nothing any more");
    record.close(&first.token);
    assert!(matches!(next(&record, "night-2", true, at(24)), Next::Ask(_)));
}

#[test]
fn what_was_certainly_refused_may_be_asked_for_in_the_same_run() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    record.forget("of somebody else");
    assert!(record.open.is_some());
    record.forget(&first.token);
    assert!(matches!(next(&record, "night-1", true, at(0)), Next::Ask(again) if again == first));
}

#[test]
fn one_under_way_is_looked_at_and_no_other_is_asked_for_whatever_the_policy_says_meanwhile() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    record.observe(&first.token, &seen(ExportProgress::UnderWay));
    let nothing = Wish { rule: None, resource: &orders(), table: &arn(""), table_id: "t-1", is_recoverable: true, run: "night-9" };
    assert!(matches!(record.next(&nothing, at(9 * 24)), Next::Look(_, arn) if arn.as_str().contains("/export/")));
    assert_eq!((record.lasts(at(24)), record.lasts(at(48))), (false, true));
}

#[test]
fn without_point_in_time_recovery_nothing_is_asked_for() {
    assert_eq!(next(&ExportRecord::new(orders()), "night-1", false, at(0)), Next::RecoveryOff);
}

#[test]
fn a_trouble_is_told_once_and_again_after_a_week_or_when_it_is_another_one() {
    let mut record = ExportRecord::new(orders());
    let place = rule().place(&orders());
    let off = Trouble::RecoveryOff { table: arn(""), place: place.clone() };
    let denied = CallError::new(CallClass::Denied, "dynamodb:ExportTableToPointInTime", "AccessDeniedException", "the role may not");
    let denied = Trouble::Answered { table: arn(""), place, error: denied };
    assert!(record.is_news(&off, at(0)));
    record.tell(&off, at(0));
    assert_eq!((record.is_news(&off, at(24)), record.is_news(&off, at(7 * 24)), record.is_news(&denied, at(24))), (false, true, true));
    let first = asked(&mut record, "night-1", at(0));
    record.observe(&first.token, &completed(at(0)));
    assert!(record.is_news(&off, at(24)), "it had gone well in between");
}

#[test]
fn every_trouble_names_table_bucket_reason_and_a_command() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    let place = first.place.clone();
    let error = CallError::new(CallClass::Denied, "dynamodb:ExportTableToPointInTime", "AccessDeniedException", "the role may not");
    for (trouble, reason, command) in [
        (
            Trouble::RecoveryOff { table: arn(""), place: place.clone() },
            "recovery is on",
            "update-continuous-backups --region us-east-1 --table-name orders",
        ),
        (Trouble::Answered { table: arn(""), place, error }, "the role may not", "get-bucket-policy --bucket acme-exports"),
        (failed().failure(&first).unwrap(), "no such bucket (S3NoSuchBucket)", "describe-export --region us-east-1 --export-arn arn:aws"),
        (Trouble::Lasts { asked: first }, "2026-01-15T09:40:00Z", "list-exports --region us-east-1 --table-arn arn:aws"),
    ] {
        let news = trouble.news(&orders(), at(30));
        assert!(news.title.starts_with("orders-db: ") && news.text.contains("s3://acme-exports/shop/orders-db"), "{news:?}");
        assert!(news.text.contains(reason) && news.text.contains(command), "{}", news.text);
        assert!(news.text.lines().last().unwrap().starts_with("aws "), "a command stands in a line of its own: {}", news.text);
    }
}

fn beside(manifest: Option<&Manifest>) -> Beside<'_> {
    Beside { manifest, has_points: false, restore_to: None }
}

#[test]
fn an_export_younger_than_the_mistake_is_said_to_hold_it_and_points_that_cannot_be_used_are_not_denied() {
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    record.observe(&first.token, &completed(at(0)));
    let lines = record.by_hand(Beside { has_points: true, restore_to: Some(at(-1)), ..beside(None) });
    assert!(lines[0].starts_with("None of its recovery points can be used here"), "{lines:?}");
    assert!(lines[1].contains("holds what went wrong since then"), "{lines:?}");
    assert!(!record.by_hand(Beside { restore_to: Some(at(1)), ..beside(None) })[1].contains("went wrong"));
}

#[test]
fn by_hand_a_person_gets_the_import_of_the_newest_one_and_a_look_at_one_that_had_not_ended() {
    assert_eq!(ExportRecord::new(orders()).by_hand(beside(None)), Vec::<String>::new());
    let mut record = ExportRecord::new(orders());
    let first = asked(&mut record, "night-1", at(0));
    record.observe(&first.token, &completed(at(0)));
    let mut kept = record.newest.take().unwrap();
    kept.place.bucket_owner = Some("210987654321".to_owned());
    record.newest = Some(kept);
    let second = asked(&mut record, "night-8", at(7 * 24));
    record.observe(&second.token, &seen(ExportProgress::UnderWay));
    let key = |name: &str, kind: &str| KeyAttribute { name: name.to_owned(), kind: kind.to_owned() };
    let own = TableConfiguration { key: vec![key("o'clock", "S"), key("at", "N")], ..TableConfiguration::default() };
    let manifest = Manifest {
        captured_at: at(0),
        id: DatabaseId::new(ResourceKind::DynamodbTable, "orders").unwrap(),
        arn: arn(""),
        resource_id: "t-1".to_owned(),
        configuration: Configuration { own: Some(Own::Table(Box::new(own))), ..Configuration::default() },
        tags: BTreeMap::new(),
        alarms: None,
    };
    let lines = record.by_hand(beside(Some(&manifest)));
    assert!(lines[0].starts_with("No recovery point is left, only an export of table orders of 2026-01-15T09:40:00Z"), "{lines:?}");
    assert!(lines[1].contains("20 items; what was written since is lost"), "{lines:?}");
    let source = "S3BucketOwner=210987654321,S3Bucket=acme-exports,S3KeyPrefix=shop/orders-db/AWSDynamoDB/01768471000000-a1b2c3d4/data/";
    let schema = r#""KeySchema":[{"AttributeName":"o'\''clock","KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}]"#;
    assert!(lines[2].contains(source) && lines[2].contains(schema), "{}", lines[2]);
    assert!(lines[4].starts_with("aws dynamodb describe-export") && lines.len() == 5, "{lines:?}");
    assert!(record.by_hand(beside(None))[2].contains("NAME_OF_ITS_KEY"), "what is not known is to be filled in");
}
