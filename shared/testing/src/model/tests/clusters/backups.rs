use super::*;

fn window(cloud: &mut InMemory) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let shown = cloud.cluster("ledger");
    shown.earliest_restorable_time.zip(shown.latest_restorable_time)
}

#[test]
fn a_cluster_can_be_restored_after_its_first_backup_and_describe_says_from_when_to_when() {
    let mut cloud = empty();
    cloud.call(&CreateDbCluster::example("ledger")).unwrap();
    cloud.advance(minutes(6));
    assert_eq!(window(&mut cloud), None);
    assert_eq!(code(cloud.call(&to_latest("copy"))), "InvalidDBClusterStateFault");
    cloud.advance(minutes(10));
    let (earliest, latest) = window(&mut cloud).unwrap();
    assert!(start() < earliest && earliest <= latest && latest < cloud.now());
}

#[test]
fn the_window_grows_without_a_member_that_lives() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    let (_, before) = window(&mut cloud).unwrap();
    cloud.happen(|model, now| model.lose_writer("ledger", now)).unwrap();
    cloud.advance(minutes(10));
    assert!(window(&mut cloud).unwrap().1 > before, "the volume archives itself");
}

#[test]
fn a_broken_cluster_archives_nothing_any_more() {
    let mut cloud = aurora();
    cloud.happen(|model, now| model.fail_cluster("ledger", "failed", now)).unwrap();
    cloud.advance(minutes(5));
    let then = window(&mut cloud);
    cloud.advance(minutes(30));
    assert_eq!(window(&mut cloud), then);
}

#[test]
fn a_snapshot_is_made_while_the_cluster_backs_up() {
    let mut cloud = aurora();
    let request =
        CreateDbClusterSnapshot { tags: Some(vec![Tag::new("lifeboat:backup", "b")]), ..CreateDbClusterSnapshot::of("ledger", "s1") };
    let shown = cloud.call(&request).unwrap();
    assert_eq!((shown.status.as_str(), shown.db_cluster_identifier.as_str()), ("creating", "ledger"));
    assert_eq!(code(cloud.call(&CreateDbClusterSnapshot::of("ledger", "s2"))), "InvalidDBClusterStateFault");
    assert_eq!(code(cloud.call(&CreateDbClusterMember::example("ledger", "ledger-4", 1))), "InvalidDBClusterStateFault");
    assert_eq!(cloud.cluster_statuses("ledger", minutes(5)), ["available", "backing-up", "available"]);
    let asked = DescribeDbClusterSnapshots {
        db_cluster_identifier: Some("ledger".into()),
        snapshot_type: Some("manual".into()),
        ..Default::default()
    };
    let found = cloud.call(&asked).unwrap().db_cluster_snapshots;
    assert_eq!((found.len(), found[0].status.as_str(), found[0].percent_progress), (1, "available", 100));
    assert_eq!(found[0].tag_list, [Tag::new("lifeboat:backup", "b")]);
    assert_eq!(cloud.heard(), ["74 s1", "75 s1"]);
}

#[test]
fn the_name_of_a_cluster_snapshot_has_at_most_63_characters() {
    let mut cloud = aurora();
    assert_eq!(code(cloud.call(&CreateDbClusterSnapshot::of("ledger", &"a".repeat(64)))), "InvalidParameterValue");
    assert!(cloud.call(&CreateDbClusterSnapshot::of("ledger", &"a".repeat(63))).is_ok());
}

#[test]
fn a_snapshot_name_is_taken_once_and_there_is_a_quota() {
    let settings = Settings::aws_like().with(|settings| settings.max_manual_snapshots = 1);
    let mut cloud = InMemory::new(settings, start());
    cloud.call(&CreateDbCluster::example("ledger")).unwrap();
    cloud.advance(minutes(20));
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(code(cloud.call(&CreateDbClusterSnapshot::of("ledger", "S1"))), "DBClusterSnapshotAlreadyExistsFault");
    assert_eq!(code(cloud.call(&CreateDbClusterSnapshot::of("ledger", "s2"))), "SnapshotQuotaExceeded");
    cloud.call(&DeleteDbClusterSnapshot { db_cluster_snapshot_identifier: "s1".to_owned() }).unwrap();
    assert!(cloud.call(&CreateDbClusterSnapshot::of("ledger", "s2")).is_ok());
}

#[test]
fn a_manual_snapshot_outlives_its_cluster_and_an_automated_one_does_not() {
    let mut cloud = aurora();
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    cloud.advance(minutes(5));
    cloud.happen(|model, now| model.delete_cluster_behind_back("ledger", false, now)).unwrap();
    cloud.advance(minutes(10));
    let left = cloud.call(&DescribeDbClusterSnapshots::default()).unwrap().db_cluster_snapshots;
    assert_eq!(left.iter().map(|it| it.db_cluster_snapshot_identifier.as_str()).collect::<Vec<_>>(), ["s1"]);
}

#[test]
fn a_final_snapshot_holds_the_data() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.call(&DeleteDbInstance { db_instance_identifier: "ledger-1".to_owned(), ..DeleteDbInstance::default() }).unwrap();
    let delete = DeleteDbCluster {
        db_cluster_identifier: "ledger".to_owned(),
        final_db_snapshot_identifier: Some("last".to_owned()),
        delete_automated_backups: Some(false),
        ..DeleteDbCluster::default()
    };
    cloud.call(&delete).unwrap();
    cloud.advance(minutes(10));
    let restore = RestoreDbClusterFromSnapshot {
        db_cluster_identifier: "ledger".to_owned(),
        snapshot_identifier: "last".to_owned(),
        engine: "aurora-postgresql".to_owned(),
        engine_version: None,
        config: ClusterConfig::default(),
    };
    cloud.call(&restore).unwrap();
    cloud.advance(minutes(20));
    cloud.call(&CreateDbClusterMember::example("ledger", "ledger-1", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("ledger-1"), ["a"]);
}
