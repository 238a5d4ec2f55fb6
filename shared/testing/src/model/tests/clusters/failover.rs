use super::*;

#[test]
fn a_failover_moves_the_writer_and_describe_lags() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.call(&failover(Some("ledger-2"))).unwrap();
    assert_eq!(cloud.try_write("ledger-1", "b"), Err(LoginError::Dead));
    assert_eq!(cloud.cluster_statuses("ledger", seconds(60)), ["available", "failing-over", "available"]);
    assert_eq!(cloud.writer_found().as_deref(), Some("ledger-2"), "the endpoint follows");
    assert_eq!(cloud.members("ledger").1.as_deref(), Some("ledger-1"), "Describe lags");
    assert_eq!(cloud.try_write("ledger-2", "b"), Ok(()));
    cloud.advance(minutes(3));
    assert_eq!(cloud.members("ledger").1.as_deref(), Some("ledger-2"));
    assert_eq!(cloud.try_write("ledger-1", "c"), Err(LoginError::ReadOnly), "the old writer is a reader");
    assert_eq!(cloud.keys("ledger-1"), ["a", "b"]);
    assert_eq!(cloud.heard(), ["73 ledger", "4 ledger-1", "6 ledger-2", "71 ledger", "6 ledger-1"]);
}

#[test]
fn without_a_target_the_least_tier_is_promoted_and_a_duplicate_flips_back() {
    let mut cloud = aurora();
    for writer in ["ledger-3", "ledger-1"] {
        cloud.call(&failover(None)).unwrap();
        assert_eq!(code(cloud.call(&failover(None))), "InvalidDBClusterStateFault", "not while one is under way");
        cloud.advance(minutes(5));
        assert_eq!(cloud.members("ledger").1.as_deref(), Some(writer));
    }
}

#[test]
fn a_failover_needs_another_member() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    assert_eq!(code(cloud.call(&failover(None))), "InvalidDBClusterStateFault");
}

#[test]
fn the_target_must_be_a_reader_of_the_cluster_that_is_available() {
    let mut cloud = aurora();
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    assert_eq!(code(cloud.call(&failover(Some("orders")))), "InvalidParameterValue");
    assert_eq!(code(cloud.call(&failover(Some("nobody")))), "InvalidParameterValue");
    assert_eq!(code(cloud.call(&failover(Some("ledger-1")))), "InvalidDBInstanceState");
    cloud.call(&reboot("ledger-2", false)).unwrap();
    assert_eq!(code(cloud.call(&failover(Some("ledger-2")))), "InvalidDBInstanceState");
}

#[test]
fn aws_promotes_the_best_reader_when_the_writer_is_lost() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.happen(|model, now| model.lose_writer("ledger", now)).unwrap();
    assert_eq!(cloud.try_write("ledger-1", "b"), Err(LoginError::Dead));
    assert_eq!(cloud.cluster("ledger").status, "available");
    cloud.advance(minutes(1));
    assert_eq!(cloud.writer_found().as_deref(), Some("ledger-3"));
    assert_eq!(cloud.keys("ledger-3"), ["a"], "nothing that was committed is lost");
    cloud.advance(minutes(5));
    assert_eq!(cloud.heard(), ["73 ledger", "6 ledger-3", "71 ledger", "6 ledger-1"]);
    assert_eq!(cloud.try_write("ledger-1", "c"), Err(LoginError::ReadOnly));
}

#[test]
fn nobody_heals_a_cluster_without_a_reader_and_its_status_does_not_tell() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    cloud.happen(|model, now| model.lose_writer("ledger", now)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!((cloud.cluster("ledger").status.as_str(), cloud.heard().len()), ("available", 0));
    assert_eq!(cloud.try_write("ledger-1", "a"), Err(LoginError::Dead));
    cloud.happen(|model, now| model.writer_returns("ledger", now)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.try_write("ledger-1", "a"), Ok(()));
}

#[test]
fn a_member_made_for_a_cluster_whose_writer_is_lost_becomes_the_writer() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.happen(|model, now| model.lose_writer("ledger", now)).unwrap();
    cloud.call(&CreateDbClusterMember::example("ledger", "ledger-2", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.try_write("ledger-2", "b"), Ok(()));
    assert_eq!(cloud.keys("ledger-2"), ["a", "b"]);
}

#[test]
fn a_deleted_writer_is_followed_by_a_reader() {
    let mut cloud = aurora();
    cloud.call(&DeleteDbInstance { db_instance_identifier: "ledger-1".to_owned(), ..DeleteDbInstance::default() }).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.members("ledger"), (vec!["ledger-2".to_owned(), "ledger-3".to_owned()], Some("ledger-3".to_owned())));
    assert_eq!(cloud.try_write("ledger-3", "a"), Ok(()));
}

#[test]
fn aws_does_not_see_that_a_writer_hangs_and_a_failover_helps() {
    let mut cloud = aurora();
    cloud.happen(|model, now| model.hang_cluster("ledger", now)).unwrap();
    cloud.advance(minutes(30));
    assert_eq!((cloud.cluster("ledger").status.as_str(), cloud.heard().len()), ("available", 0));
    assert_eq!(cloud.try_write("ledger-1", "a"), Err(LoginError::Hung));
    cloud.call(&failover(None)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.try_write("ledger-3", "a"), Ok(()));
    assert_eq!(cloud.keys("ledger-1"), ["a"]);
}

#[test]
fn a_writer_that_hung_may_answer_again_by_itself() {
    let mut cloud = aurora();
    cloud.happen(|model, now| model.hang_cluster("ledger", now)).unwrap();
    cloud.happen(|model, now| model.wake_cluster("ledger", now)).unwrap();
    assert_eq!(cloud.try_write("ledger-1", "a"), Ok(()));
}

#[test]
fn a_dark_zone_takes_its_members_and_the_writer_moves_to_another_zone() {
    let mut cloud = aurora();
    cloud.happen(|model, now| model.zone_outage("us-east-1a", now));
    cloud.advance(minutes(5));
    assert_eq!(cloud.writer_found().as_deref(), Some("ledger-3"));
    assert_eq!(cloud.login("ledger-1", PASSWORD), Err(LoginError::Dead), "in a dark zone there is no host to come back on");
    cloud.call(&CreateDbClusterMember::example("ledger", "ledger-4", 1)).unwrap();
    assert_ne!(cloud.show("ledger-4").availability_zone, "us-east-1a");
    cloud.happen(|model, now| model.zone_restored("us-east-1a", now));
    cloud.advance(minutes(5));
    assert_eq!(cloud.try_write("ledger-1", "a"), Err(LoginError::ReadOnly));
}

#[test]
fn a_failover_that_comes_to_nothing_promotes_the_old_writer_again() {
    let mut cloud = aurora_of(&[("ledger-1", 1), ("ledger-2", 1)], |_| {});
    cloud.call(&failover(None)).unwrap();
    cloud.advance(seconds(10));
    cloud.happen(|model, now| model.zone_outage("us-east-1b", now));
    cloud.advance(minutes(5));
    assert_eq!(cloud.heard(), ["73 ledger", "4 ledger-1", "69 ledger", "70 ledger", "6 ledger-1"]);
    assert_eq!(cloud.try_write("ledger-1", "a"), Ok(()));
}

#[test]
fn a_reboot_of_a_member_cuts_its_sessions_and_moves_nothing() {
    let mut cloud = aurora();
    let server = cloud.show("ledger-1").dbi_resource_id;
    let session = cloud.login("ledger-1", PASSWORD).unwrap();
    cloud.call(&reboot("ledger-1", false)).unwrap();
    cloud.advance(minutes(3));
    assert_eq!(cloud.data.read(&server, session, "orders"), Err(LoginError::SessionCut));
    assert_eq!(cloud.members("ledger").1.as_deref(), Some("ledger-1"));
    assert_eq!(cloud.try_write("ledger-1", "a"), Ok(()));
    assert_eq!(cloud.heard(), ["4 ledger-1", "6 ledger-1"]);
}

#[test]
fn a_multi_az_db_cluster_fails_over_too() {
    let mut cloud = multi_az_cluster();
    cloud.try_write("ledger-instance-1", "a").unwrap();
    cloud.call(&failover(Some("ledger-instance-3"))).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.members("ledger").1.as_deref(), Some("ledger-instance-3"));
    assert_eq!(cloud.keys("ledger-instance-3"), ["a"]);
}

#[test]
fn a_broken_cluster_and_its_members_say_so_and_nobody_heals_them() {
    let mut cloud = aurora();
    cloud.happen(|model, now| model.fail_cluster("ledger", "inaccessible-encryption-credentials", now)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!(cloud.cluster("ledger").status, "inaccessible-encryption-credentials");
    assert_eq!(cloud.status("ledger-2"), "inaccessible-encryption-credentials");
    assert_eq!(cloud.login("ledger-1", PASSWORD), Err(LoginError::Dead));
    assert_eq!(code(cloud.call(&failover(None))), "InvalidDBClusterStateFault");
    assert_eq!(cloud.heard(), ["31 ledger-1", "31 ledger-2", "31 ledger-3"]);
}

#[test]
fn a_stuck_cluster_stays_as_it_is_until_it_is_not() {
    let mut cloud = aurora();
    cloud.call(&failover(None)).unwrap();
    cloud.happen(|model, now| model.stuck_cluster("ledger", "failing-over", now)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!((cloud.cluster("ledger").status.as_str(), cloud.writer_found().as_deref()), ("failing-over", Some("ledger-1")));
    cloud.happen(|model, now| model.unstick_cluster("ledger", now)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!((cloud.cluster("ledger").status.as_str(), cloud.writer_found().as_deref()), ("available", Some("ledger-3")));
}
