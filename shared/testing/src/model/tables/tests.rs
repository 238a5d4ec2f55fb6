//! AWS's rules for tables, one by one.

use super::*;
use crate::model::Settings;
use lifeboat_domain::plan::TableSetting;
use serde_json::json;

fn at(minutes: i64) -> DateTime<Utc> {
    "2026-01-15T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minutes)
}

fn own() -> TableConfiguration {
    TableConfiguration {
        ttl: Some("ends_at".to_owned()),
        point_in_time_days: Some(35),
        stream: Some("NEW_IMAGE".to_owned()),
        indexes: vec!["by-customer".to_owned()],
        ..TableConfiguration::default()
    }
}

fn tables() -> Tables {
    let mut tables = Tables::default();
    tables.put_table("orders", at(0), own(), &[("lifeboat:policy", "gold"), ("team", "shop")]);
    for key in ["1", "2", "3"] {
        tables.write("orders", key, Some(json!({"id": key})), at(1)).unwrap();
    }
    tables
}

fn to(target: &str, minutes: i64) -> Restore<'_> {
    Restore { target, now: at(minutes) }
}

const ORDERS: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/orders";

#[test]
fn a_restored_table_holds_the_items_of_the_moment_and_has_lost_what_no_restore_keeps() {
    let mut tables = tables();
    tables.write("orders", "2", None, at(20)).unwrap();
    tables.restore_to_point_in_time(ORDERS, Some(at(19)), to("copy", 30)).unwrap();
    let copy = tables.table("copy").unwrap();
    assert_eq!((copy.status(at(31)), copy.status(at(34))), (Some("CREATING"), Some("ACTIVE")));
    assert_eq!(copy.items(at(34)).len(), 3, "the deleted item is there");
    let shown = copy.configuration.table().unwrap();
    assert_eq!((&shown.indexes, copy.tags.len()), (&own().indexes, 0));
    assert!(shown.ttl.is_none() && shown.stream.is_none() && shown.point_in_time_days.is_none());
    assert!(!copy.configuration.deletion_protection);
}

#[test]
fn a_restore_wants_recovery_that_is_on_a_moment_of_its_window_and_a_name_that_is_free() {
    let refused = |tables: &mut Tables, moment, target| tables.restore_to_point_in_time(ORDERS, moment, to(target, 60)).unwrap_err().code;
    let mut it = tables();
    assert_eq!(refused(&mut it, Some(at(58)), "copy"), "InvalidRestoreTimeException", "not restorable yet");
    assert_eq!(refused(&mut it, Some(at(-1)), "copy"), "InvalidRestoreTimeException");
    assert_eq!(refused(&mut it, None, "orders"), "TableAlreadyExistsException");
    it.switch_recovery_off("orders").unwrap();
    assert_eq!(refused(&mut it, None, "copy"), "PointInTimeRecoveryUnavailableException");
    it.set("orders", &TableSetting::PointInTime { days: 7 }, at(70)).unwrap();
    assert_eq!(it.table("orders").unwrap().window(at(80)).unwrap().0, at(70), "the window begins anew");
}

#[test]
fn a_deleted_table_leaves_a_system_backup_only_where_it_was_recoverable() {
    let mut it = tables();
    assert_eq!(it.delete_table("orders", at(20)).unwrap_err().code, "ValidationException", "it is protected");
    it.delete_behind_back("orders", at(20)).unwrap();
    it.forget_deleted(at(21));
    assert!(it.table("orders").is_none());
    let backup = it.backups()[0].clone();
    assert_eq!((backup.name.as_str(), backup.kind), ("orders$DeletedTableBackup", "SYSTEM"));
    it.restore_from_backup(&backup.arn, to("copy", 21)).unwrap();
    assert_eq!(it.table("copy").unwrap().items(at(21)).len(), 3);
    let mut without = tables();
    without.switch_recovery_off("orders").unwrap();
    without.delete_behind_back("orders", at(20)).unwrap();
    assert!(without.backups().is_empty());
}

#[test]
fn two_backups_may_have_one_name_and_one_that_is_being_made_restores_nothing() {
    let mut it = tables();
    it.create_backup("orders", "nightly", at(10)).unwrap();
    it.create_backup("orders", "nightly", at(11)).unwrap();
    assert_eq!(it.backups().len(), 2);
    let young = it.backups()[1].arn.clone();
    assert_eq!(it.restore_from_backup(&young, to("copy", 11)).unwrap_err().code, "BackupInUseException");
    assert_eq!(it.restore_from_backup("arn:none", to("copy", 11)).unwrap_err().code, "BackupNotFoundException");
    assert_eq!(it.create_backup("gone", "x", at(11)).unwrap_err().code, "TableNotFoundException");
}

#[test]
fn a_table_takes_one_update_at_a_time_and_none_while_it_is_made() {
    let mut it = tables();
    it.restore_to_point_in_time(ORDERS, None, to("copy", 30)).unwrap();
    let stream = TableSetting::Stream { view: "NEW_IMAGE".to_owned() };
    assert_eq!(it.set("copy", &stream, at(31)).unwrap_err().code, "ResourceInUseException");
    assert_eq!(it.tag("copy", &BTreeMap::new(), &[], at(31)).unwrap_err().code, "ResourceInUseException");
    assert_eq!(it.create_backup("copy", "x", at(31)).unwrap_err().code, "TableInUseException");
    it.set("copy", &stream, at(34)).unwrap();
    assert_eq!(it.set("copy", &TableSetting::DeletionProtection, at(34)).unwrap_err().code, "ResourceInUseException");
    it.set("copy", &TableSetting::DeletionProtection, at(35)).unwrap();
}

#[test]
fn a_fenced_table_denies_writes_expressly_and_is_read_on() {
    let mut it = tables();
    it.deny_writes("orders", true, at(10)).unwrap();
    let denied = it.write("orders", "9", Some(json!({})), at(11)).unwrap_err();
    assert!(denied.code == "AccessDeniedException" && denied.message.contains("explicit deny in a resource-based policy"), "{denied}");
    assert_eq!(it.table("orders").unwrap().items(at(11)).len(), 3);
    it.deny_writes("orders", false, at(12)).unwrap();
    it.write("orders", "9", Some(json!({})), at(12)).unwrap();
}

#[test]
fn a_call_whose_reply_is_lost_took_place_and_is_in_the_log() {
    let mut model = Model::new(Settings::short());
    model.tables = tables();
    model.add_fault(crate::model::Fault {
        action: Some("CreateBackup".to_owned()),
        resource: None,
        when: crate::model::When::Nth(1),
        kind: FaultKind::ReplyLost,
    });
    let call = TableCall { action: "CreateBackup", resource: "orders", mutates: true };
    let lost = model.table_call(call, json!({}), at(10), |tables| tables.create_backup("orders", "x", at(10)));
    assert!(matches!(lost, Err(CallError::NoReply(_))));
    assert_eq!((model.tables.backups().len(), model.effective_calls().count()), (1, 1));
}
