//! Copy-on-write clones.

use super::*;

fn clone_of_ledger(target: &str) -> RestoreDbClusterToPointInTime {
    RestoreDbClusterToPointInTime { restore_type: Some("copy-on-write".to_owned()), ..to_latest(target) }
}

#[test]
fn a_clone_has_the_rows_of_the_moment_that_were_never_archived_and_goes_its_own_way() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.call(&clone_of_ledger("twin")).unwrap();
    cloud.try_write("ledger-1", "later").unwrap();
    assert_eq!(cloud.cluster_statuses("twin", minutes(20)), ["creating", "available"]);
    assert!(cloud.cluster("twin").db_cluster_members.is_empty(), "Aurora makes no instance of it");
    cloud.call(&CreateDbClusterMember::example("twin", "twin-1", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("twin-1"), ["a"]);
    cloud.try_write("twin-1", "tried").unwrap();
    assert_eq!((cloud.keys("ledger-1"), cloud.keys("twin-1")), (vec!["a".into(), "later".into()], vec!["a".into(), "tried".into()]));
    // The source may go, and its clone stays whole.
    cloud.happen(|model, now| model.delete_cluster_behind_back("ledger", false, now)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("twin-1"), ["a", "tried"]);
}

#[test]
fn a_clone_takes_no_time_and_only_of_the_latest_state() {
    let mut cloud = aurora();
    let timed = RestoreDbClusterToPointInTime {
        restore_to_time: Some(start() + minutes(30)),
        use_latest_restorable_time: None,
        ..clone_of_ledger("twin")
    };
    let bare = RestoreDbClusterToPointInTime { use_latest_restorable_time: None, ..clone_of_ledger("twin") };
    for wrong in [timed, bare] {
        assert_eq!(code(cloud.call(&wrong)), "InvalidParameterCombination");
    }
    let odd = RestoreDbClusterToPointInTime { restore_type: Some("thin".to_owned()), ..to_latest("twin") };
    assert_eq!(code(cloud.call(&odd)), "InvalidParameterValue");
    let full = RestoreDbClusterToPointInTime { restore_type: Some("full-copy".to_owned()), ..to_latest("twin") };
    cloud.call(&full).unwrap();
}

#[test]
fn only_an_aurora_cluster_that_is_available_and_has_an_instance_is_cloned() {
    let mut cloud = multi_az_cluster();
    let class = Some("db.m6gd.large".to_owned());
    let config = ClusterConfig { db_cluster_instance_class: class, ..ClusterConfig::default() };
    assert_eq!(code(cloud.call(&RestoreDbClusterToPointInTime { config, ..clone_of_ledger("twin") })), "InvalidParameterCombination");
    let mut cloud = aurora_of(&[], |_| {});
    assert_eq!(code(cloud.call(&clone_of_ledger("twin"))), "InvalidDBClusterStateFault");
    let mut cloud = aurora();
    cloud.happen(|model, now| model.fail_cluster("ledger", "failed", now)).unwrap();
    assert_eq!(code(cloud.call(&clone_of_ledger("twin"))), "InvalidDBClusterStateFault");
    cloud.happen(|model, now| model.delete_cluster_behind_back("ledger", true, now)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(code(cloud.call(&clone_of_ledger("twin"))), "DBClusterNotFoundFault", "its backups are no source of a clone");
}
