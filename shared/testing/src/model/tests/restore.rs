use super::*;

fn rich() -> InMemory {
    cloud(|config| {
        config.multi_az = Some(true);
        config.vpc_security_group_ids = Some(vec!["sg-app".into()]);
        config.db_subnet_group_name = Some("private".into());
        config.db_parameter_group_name = Some("tuned".into());
        config.option_group_name = Some("options".into());
        config.deletion_protection = Some(true);
        config.enable_iam_database_authentication = Some(true);
        config.enable_cloudwatch_logs_exports = Some(vec!["postgresql".into()]);
        config.copy_tags_to_snapshot = Some(true);
        config.max_allocated_storage = Some(100);
        config.tags = Some(vec![Tag::new("lifeboat:policy", "gold")]);
    })
}

/// What a restore is not told, it loses.
fn assert_defaults(restored: &DbInstance) {
    assert_eq!(restored.vpc_security_groups[0].vpc_security_group_id, "sg-default");
    assert_eq!(restored.db_subnet_group.db_subnet_group_name, "default");
    assert_eq!(restored.db_subnet_group.vpc_id, "vpc-default");
    assert_eq!(restored.db_parameter_groups[0].db_parameter_group_name, "default.postgres16");
    assert_eq!(restored.option_group_memberships[0].option_group_name, "default:postgres-16");
    assert!(!restored.multi_az && restored.secondary_availability_zone.is_none());
    assert!(!restored.deletion_protection && !restored.iam_database_authentication_enabled && !restored.copy_tags_to_snapshot);
    assert_eq!(restored.enabled_cloudwatch_logs_exports, Vec::<String>::new());
    assert_eq!((restored.monitoring_interval, restored.performance_insights_enabled), (0, false));
    assert_eq!(restored.max_allocated_storage, None);
    assert!(restored.publicly_accessible, "the default subnet group is public");
}

#[test]
fn a_restore_from_a_snapshot_that_is_told_nothing_comes_up_with_defaults() {
    let mut cloud = rich();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    cloud.advance(minutes(5));
    let restored = cloud.call(&from_snapshot("copy", "s1")).unwrap();
    assert_defaults(&restored);
    assert_eq!(restored.db_instance_class, "db.t4g.micro");
    assert_eq!(restored.backup_retention_period, 7);
    assert_eq!(restored.tag_list, [Tag::new("lifeboat:policy", "gold")]);
}

#[test]
fn a_restore_to_a_time_that_is_told_nothing_comes_up_with_defaults() {
    let mut cloud = rich();
    assert_defaults(&cloud.call(&latest("copy")).unwrap());
}

#[test]
fn a_restore_has_what_it_is_told() {
    let mut cloud = rich();
    let mut request = latest("copy");
    request.config = InstanceConfig {
        multi_az: Some(true),
        vpc_security_group_ids: Some(vec!["sg-app".into()]),
        db_subnet_group_name: Some("private".into()),
        db_parameter_group_name: Some("tuned".into()),
        deletion_protection: Some(true),
        max_allocated_storage: Some(100),
        tags: Some(vec![Tag::new("lifeboat:incident", "7")]),
        ..InstanceConfig::default()
    };
    cloud.call(&request).unwrap();
    cloud.advance(minutes(30));
    let restored = cloud.show("copy");
    assert_eq!(restored.vpc_security_groups[0].vpc_security_group_id, "sg-app");
    assert_eq!(restored.db_subnet_group.vpc_id, "vpc-private");
    assert!(restored.multi_az && restored.deletion_protection && !restored.publicly_accessible);
    assert_eq!(restored.secondary_availability_zone.as_deref(), Some("us-east-1b"));
    assert_eq!(restored.max_allocated_storage, Some(100));
    assert_eq!(restored.tag_list, [Tag::new("lifeboat:incident", "7")], "tags that are passed replace those of the source");
}

#[test]
fn passing_an_empty_tag_list_inherits_nothing() {
    let mut cloud = rich();
    let mut request = latest("copy");
    request.config.tags = Some(vec![]);
    assert_eq!(cloud.call(&request).unwrap().tag_list, []);
}

#[test]
fn a_restore_from_a_snapshot_does_not_accept_a_storage_limit() {
    let mut cloud = rich();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    cloud.advance(minutes(5));
    let mut request = from_snapshot("copy", "s1");
    request.config.max_allocated_storage = Some(100);
    assert_eq!(code(cloud.call(&request)), "InvalidParameterValue");
}

#[test]
fn a_snapshot_brings_back_the_data_and_the_password_of_its_time() {
    let mut cloud = single();
    cloud.write("orders", "before");
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    cloud.advance(minutes(5));
    cloud.write("orders", "after");
    cloud.call(&ModifyDbInstance { master_user_password: Some(Secret::new("battery-staple")), ..ModifyDbInstance::now("orders") }).unwrap();
    cloud.advance(minutes(5));
    cloud.call(&from_snapshot("copy", "s1")).unwrap();
    assert_eq!(cloud.statuses("copy", minutes(20)), ["creating", "backing-up", "available"]);
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::WrongPassword));
    assert_eq!(cloud.keys("copy"), ["before"]);
    assert!(cloud.heard().contains(&"43 s1".to_owned()));
}

#[test]
fn a_restore_to_a_time_has_what_was_committed_by_then_and_nothing_later() {
    let mut cloud = single();
    cloud.write("orders", "before");
    cloud.advance(minutes(1));
    let time = cloud.now();
    cloud.advance(minutes(1));
    cloud.write("orders", "after");
    cloud.advance(minutes(10));
    cloud.call(&to_time("copy", time)).unwrap();
    cloud.advance(minutes(30));
    assert_eq!(cloud.keys("copy"), ["before"]);
    assert_eq!(cloud.keys("orders"), ["after", "before"]);
    assert!(cloud.heard().contains(&"19 copy".to_owned()));
}

#[test]
fn the_latest_restorable_time_is_exactly_what_a_restore_to_the_latest_has() {
    let mut cloud = single();
    cloud.write("orders", "old");
    cloud.advance(minutes(10));
    cloud.write("orders", "too young");
    let latest_time = cloud.show("orders").latest_restorable_time.unwrap();
    assert!(latest_time < cloud.now() && latest_time > cloud.now() - minutes(6));
    cloud.call(&latest("copy")).unwrap();
    cloud.advance(minutes(30));
    assert_eq!(cloud.keys("copy"), ["old"]);
}

#[test]
fn a_time_that_cannot_be_restored_is_refused() {
    let mut cloud = single();
    let now = cloud.now();
    let latest_time = cloud.show("orders").latest_restorable_time.unwrap();
    for time in [now + seconds(1), latest_time, latest_time + seconds(1), start()] {
        assert_eq!(code(cloud.call(&to_time("copy", time))), "InvalidParameterValue", "{time}");
    }
    assert!(cloud.call(&to_time("copy", latest_time - seconds(1))).is_ok());
}

#[test]
fn a_time_and_the_latest_time_exclude_each_other() {
    let mut cloud = single();
    let both = RestoreDbInstanceToPointInTime { restore_time: Some(start()), ..latest("copy") };
    let none = RestoreDbInstanceToPointInTime { use_latest_restorable_time: None, ..latest("copy") };
    assert_eq!(code(cloud.call(&both)), "InvalidParameterCombination");
    assert_eq!(code(cloud.call(&none)), "InvalidParameterCombination");
}

#[test]
fn exactly_one_source_is_named() {
    let mut cloud = single();
    let id = cloud.show("orders").dbi_resource_id;
    let both = RestoreDbInstanceToPointInTime { source_dbi_resource_id: Some(id.clone()), ..latest("copy") };
    let none = RestoreDbInstanceToPointInTime { source_db_instance_identifier: None, ..latest("copy") };
    let by_id = RestoreDbInstanceToPointInTime { source_dbi_resource_id: Some(id), ..none.clone() };
    assert_eq!(code(cloud.call(&both)), "InvalidParameterCombination");
    assert_eq!(code(cloud.call(&none)), "InvalidParameterCombination");
    assert!(cloud.call(&by_id).is_ok());
}

#[test]
fn without_backups_there_is_no_restore_to_a_time() {
    let mut cloud = cloud(|config| config.backup_retention_period = Some(0));
    assert_eq!(code(cloud.call(&latest("copy"))), "PointInTimeRestoreNotEnabled");
}

#[test]
fn a_restore_never_overwrites() {
    let mut cloud = single();
    assert_eq!(code(cloud.call(&latest("orders"))), "DBInstanceAlreadyExists");
    assert_eq!(code(cloud.call(&from_snapshot("orders", "whatever"))), "DBInstanceAlreadyExists");
    assert_eq!(code(cloud.call(&from_snapshot("copy", "whatever"))), "DBSnapshotNotFound");
}

#[test]
fn a_restore_that_cannot_be_carried_out_ends_in_restore_error() {
    let mut cloud = single();
    cloud.data.break_effects("provision", "the archive is torn");
    cloud.call(&latest("copy")).unwrap();
    cloud.advance(minutes(30));
    assert_eq!(cloud.status("copy"), "restore-error");
    assert_eq!(code(cloud.call(&reboot("copy", false))), "InvalidDBInstanceState");
}

#[test]
fn storage_stays_as_large_or_grows_by_a_tenth() {
    let mut cloud = single();
    let mut with_size = |size| {
        let mut request = latest("copy");
        request.config.allocated_storage = Some(size);
        cloud.call(&request)
    };
    assert_eq!(code(with_size(19)), "InvalidParameterValue");
    assert_eq!(code(with_size(21)), "InvalidParameterValue");
    assert_eq!(with_size(22).unwrap().allocated_storage, 22);
}

#[test]
fn a_dark_zone_has_no_capacity_and_is_avoided() {
    let mut cloud = single();
    cloud.happen(|model, now| model.az_outage("orders", now)).unwrap();
    let mut request = latest("copy");
    request.config.availability_zone = Some("us-east-1a".into());
    assert_eq!(code(cloud.call(&request)), "InsufficientDBInstanceCapacity");
    request.config.availability_zone = None;
    assert_eq!(cloud.call(&request).unwrap().availability_zone, "us-east-1b");
}
