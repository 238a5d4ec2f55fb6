use super::*;

fn followed() -> InMemory {
    let mut cloud = single();
    cloud.write("orders", "a");
    cloud.call(&CreateDbInstanceReadReplica::of("orders", "orders-b", &[])).unwrap();
    cloud.advance(minutes(10));
    cloud.take_events();
    cloud
}

fn promote(days: Option<i32>) -> PromoteReadReplica {
    PromoteReadReplica { db_instance_identifier: "orders-b".to_owned(), backup_retention_period: days, ..PromoteReadReplica::default() }
}

#[test]
fn a_replica_follows_its_source_keeps_no_backups_and_accepts_no_writes() {
    let mut cloud = followed();
    let shown = cloud.show("orders-b");
    assert_eq!(shown.read_replica_source_db_instance_identifier.as_deref(), Some("orders"));
    assert_eq!((shown.db_instance_status.as_str(), shown.backup_retention_period, shown.multi_az), ("available", 0, false));
    assert!(shown.status_infos[0].normal && shown.status_infos[0].status == "replicating");
    assert_eq!(cloud.show("orders").read_replica_db_instance_identifiers, ["orders-b"]);
    cloud.write("orders", "b");
    assert_eq!(cloud.keys("orders-b"), ["a", "b"]);
    let session = cloud.login("orders-b", PASSWORD).unwrap();
    let now = cloud.now();
    let written = cloud.data.write(&shown.dbi_resource_id, session, ("orders", "c"), Some("1"), now);
    assert_eq!(written, Err(LoginError::ReadOnly));
}

#[test]
fn a_source_without_backups_has_no_replicas() {
    let mut cloud = cloud(|config| config.backup_retention_period = Some(0));
    assert_eq!(code(cloud.call(&CreateDbInstanceReadReplica::of("orders", "orders-b", &[]))), "InvalidDBInstanceState");
}

#[test]
fn a_promotion_takes_minutes_reboots_begins_backups_and_cannot_be_taken_back() {
    let mut cloud = followed();
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    cloud.call(&promote(Some(7))).unwrap();
    assert_eq!(code(cloud.call(&promote(Some(7)))), "InvalidDBInstanceState", "not while one is under way");
    assert!(cloud.show("orders-b").read_replica_source_db_instance_identifier.is_some(), "Describe shows it later");
    assert_eq!(cloud.statuses("orders-b", minutes(10)), ["available", "modifying", "backing-up", "available"]);
    let shown = cloud.show("orders-b");
    assert_eq!((shown.read_replica_source_db_instance_identifier, shown.status_infos.len()), (None, 0));
    assert_eq!(shown.backup_retention_period, 7);
    assert!(cloud.show("orders").read_replica_db_instance_identifiers.is_empty());
    cloud.write("orders-b", "b");
    assert_eq!(cloud.keys("orders-b"), ["a", "b"]);
    assert_eq!(code(cloud.call(&promote(Some(7)))), "InvalidDBInstanceState", "it is no replica any more");
}

#[test]
fn only_a_free_replica_is_promoted_and_without_a_word_it_keeps_one_day_of_backups() {
    let mut cloud = followed();
    cloud.call(&CreateDbSnapshot::of("orders-b", "s-1")).unwrap();
    cloud.advance(seconds(30));
    assert_eq!(code(cloud.call(&promote(None))), "InvalidDBInstanceState", "while it is backed up");
    assert_eq!(code(cloud.call(&promote(Some(36)))), "InvalidDBInstanceState");
    cloud.advance(minutes(10));
    assert_eq!(code(cloud.call(&promote(Some(36)))), "InvalidParameterValue");
    cloud.call(&promote(None)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.show("orders-b").backup_retention_period, 1);
}

#[test]
fn a_replica_that_gets_nothing_more_lags_for_ever_and_rds_does_not_say_so() {
    let mut cloud = followed();
    cloud.happen(|model, now| model.stop_streaming("orders-b", now)).unwrap();
    cloud.write("orders", "b");
    assert_eq!(cloud.keys("orders-b"), ["a"]);
    assert_eq!(cloud.show("orders-b").status_infos[0].status, "replicating");
    cloud.happen(|model, now| model.break_replication("orders-b", "error", now)).unwrap();
    let info = cloud.show("orders-b").status_infos.remove(0);
    assert_eq!((info.status.as_str(), info.normal), ("error", false));
}
