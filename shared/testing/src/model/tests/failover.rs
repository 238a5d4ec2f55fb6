use super::*;

#[test]
fn a_reboot_cuts_every_session() {
    let mut cloud = single();
    let server = cloud.show("orders").dbi_resource_id;
    let session = cloud.login("orders", PASSWORD).unwrap();
    cloud.call(&reboot("orders", false)).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(2)), ["available", "rebooting", "available"]);
    assert_eq!(cloud.data.read(&server, session, "orders"), Err(LoginError::SessionCut));
    assert!(cloud.login("orders", PASSWORD).is_ok());
    assert_eq!(cloud.heard(), ["4 orders", "6 orders"]);
}

#[test]
fn a_single_az_instance_cannot_fail_over() {
    let mut cloud = single();
    assert_eq!(code(cloud.call(&reboot("orders", true))), "InvalidParameterCombination");
}

#[test]
fn a_forced_failover_is_away_for_a_while_and_the_zones_swap_only_later() {
    let mut cloud = multi_az();
    cloud.write("orders", "a");
    cloud.call(&reboot("orders", true)).unwrap();
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::Dead));
    assert_eq!(cloud.statuses("orders", seconds(100)), ["available", "rebooting", "available"]);
    assert_eq!(cloud.keys("orders"), ["a"]);
    let zones = |it: DbInstance| (it.availability_zone, it.secondary_availability_zone.unwrap());
    assert_eq!(zones(cloud.show("orders")), ("us-east-1a".to_owned(), "us-east-1b".to_owned()), "Describe lags");
    cloud.advance(minutes(3));
    assert_eq!(zones(cloud.show("orders")), ("us-east-1b".to_owned(), "us-east-1a".to_owned()));
    cloud.advance(minutes(20));
    assert_eq!(cloud.heard(), ["13 orders", "6 orders", "49 orders", "361 orders", "362 orders"]);
}

#[test]
fn a_second_failover_flips_back() {
    let mut cloud = multi_az();
    for zone in ["us-east-1b", "us-east-1a"] {
        cloud.call(&reboot("orders", true)).unwrap();
        assert_eq!(code(cloud.call(&reboot("orders", true))), "InvalidDBInstanceState", "not while one is under way");
        cloud.advance(minutes(30));
        assert_eq!(cloud.show("orders").availability_zone, zone);
    }
}

#[test]
fn aws_heals_a_multi_az_instance_by_itself_and_nothing_that_was_committed_is_lost() {
    let mut cloud = multi_az();
    cloud.write("orders", "a");
    cloud.happen(|model, now| model.az_outage("orders", now)).unwrap();
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::Dead));
    cloud.advance(seconds(20));
    assert_eq!(cloud.heard(), ["13 orders"]);
    assert_eq!(cloud.status("orders"), "available");
    assert_eq!(code(cloud.call(&reboot("orders", true))), "InvalidDBInstanceState", "never race what heals itself");
    cloud.advance(seconds(90));
    assert_eq!(cloud.heard()[..2], ["6 orders", "49 orders"]);
    assert_eq!(cloud.keys("orders"), ["a"]);
    cloud.advance(minutes(3));
    assert_eq!(cloud.show("orders").availability_zone, "us-east-1b");
}

#[test]
fn nobody_heals_a_single_az_instance_and_its_status_does_not_tell() {
    let mut cloud = single();
    cloud.happen(|model, now| model.az_outage("orders", now)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!((cloud.status("orders").as_str(), cloud.heard().len()), ("available", 0));
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::Dead));
    cloud.call(&reboot("orders", false)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!(cloud.status("orders"), "rebooting", "in a dark zone there is no host to come back on");
}

#[test]
fn when_the_zone_is_back_so_is_the_instance() {
    let mut cloud = single();
    cloud.write("orders", "a");
    cloud.happen(|model, now| model.az_outage("orders", now)).unwrap();
    cloud.advance(minutes(10));
    cloud.happen(|model, now| model.az_restored("orders", now)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.keys("orders"), ["a"]);
    assert_eq!(cloud.heard(), ["20 orders", "6 orders", "21 orders"]);
}

#[test]
fn an_instance_that_does_not_come_back_from_a_reboot_is_failed() {
    let mut cloud = single();
    cloud.data.break_effects("restart", "it does not start");
    cloud.call(&reboot("orders", false)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.status("orders"), "failed");
    assert_eq!(cloud.heard(), ["4 orders", "31 orders"]);
}

#[test]
fn a_broken_instance_is_not_rebooted() {
    let mut cloud = single();
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    assert_eq!(code(cloud.call(&reboot("orders", false))), "InvalidDBInstanceState");
}

#[test]
fn a_standby_that_cannot_be_rebuilt_is_tried_again_and_until_then_nobody_fails_over() {
    let mut cloud = multi_az();
    cloud.call(&reboot("orders", true)).unwrap();
    cloud.data.break_effects("add_standby", "the primary hangs");
    cloud.advance(minutes(30));
    cloud.heard();
    cloud.call(&reboot("orders", true)).unwrap();
    assert_eq!((cloud.status("orders"), cloud.heard()), ("available".to_owned(), vec!["34 orders".to_owned()]));
    cloud.data.mend();
    cloud.advance(minutes(30));
    assert_eq!(cloud.heard(), ["362 orders"]);
    cloud.call(&reboot("orders", true)).unwrap();
    assert_eq!(cloud.heard(), ["13 orders"]);
}
