use super::*;

#[test]
fn a_failed_instance_is_dead_says_so_and_archives_no_more() {
    let mut cloud = single();
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    assert_eq!(cloud.status("orders"), "failed");
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::Dead));
    let event = cloud.take_events().remove(0);
    assert_eq!((event.number(), event.detail.event_categories), (Some(31), vec!["failure"]));
}

#[test]
fn an_instance_may_fail_in_the_middle_of_anything() {
    let mut cloud = single();
    cloud.call(&ModifyDbInstance { multi_az: Some(true), ..ModifyDbInstance::now("orders") }).unwrap();
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!(cloud.status("orders"), "failed");
}

#[test]
fn a_hung_database_accepts_and_never_answers_and_aws_sees_nothing() {
    let mut cloud = single();
    cloud.happen(|model, now| model.hang("orders", now)).unwrap();
    cloud.advance(minutes(60));
    assert_eq!((cloud.status("orders").as_str(), cloud.heard().len()), ("available", 0));
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::Hung));
    cloud.call(&reboot("orders", false)).unwrap();
    cloud.advance(minutes(3));
    assert!(cloud.login("orders", PASSWORD).is_ok(), "a reboot helps");
}

#[test]
fn somebody_may_delete_even_a_protected_instance() {
    let mut cloud = cloud(|config| config.deletion_protection = Some(true));
    cloud.happen(|model, now| model.delete_behind_back("orders", false, now)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(code(cloud.call(&DescribeDbInstances::of("orders"))), "DBInstanceNotFound");
    assert_eq!(cloud.heard(), ["3 orders"]);
    assert_eq!(cloud.model.calls().len(), 1, "an accident is no call of ours");
}

#[test]
fn a_stuck_status_stays_until_it_is_freed_and_then_goes_on() {
    let mut cloud = single();
    cloud.call(&latest("copy")).unwrap();
    cloud.happen(|model, now| model.stuck("copy", "creating", now)).unwrap();
    cloud.advance(minutes(300));
    assert_eq!(cloud.status("copy"), "creating");
    cloud.happen(|model, now| model.unstick("copy", now)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.status("copy"), "available");
}

#[test]
fn accidents_happen_only_to_what_exists() {
    let mut cloud = empty();
    assert_eq!(cloud.happen(|model, now| model.hang("orders", now)).unwrap_err().code, "DBInstanceNotFound");
}

#[test]
fn an_event_has_exactly_the_envelope_of_aws() {
    let mut cloud = cloud(|config| config.tags = Some(vec![Tag::new("lifeboat:policy", "gold")]));
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    let mut event = serde_json::to_value(cloud.take_events().remove(0)).unwrap();
    let id = event.as_object_mut().unwrap().remove("id").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36);
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders";
    let expected = serde_json::json!({
        "version": "0", "detail-type": "RDS DB Instance Event", "source": "aws.rds", "account": "123456789012",
        "time": "2026-09-27T20:30:00Z", "region": "us-east-1", "resources": [arn],
        "detail": {
            "EventCategories": ["failure"], "SourceType": "DB_INSTANCE", "SourceArn": arn, "Date": "2026-09-27T20:30:00.000Z",
            "Message": "DB instance put into failed state. RDS recommends that you initiate a point-in-time-restore.",
            "SourceIdentifier": "orders", "EventID": "RDS-EVENT-0031", "Tags": {"lifeboat:policy": "gold"}
        }
    });
    assert_eq!(event, expected);
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = || {
        let mut cloud = empty();
        cloud.call(&CreateDbInstance::example("orders")).unwrap();
        cloud.advance(minutes(30));
        (cloud.show("orders"), cloud.take_events())
    };
    assert_eq!(story(), story());
}
