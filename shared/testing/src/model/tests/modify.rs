use super::*;

fn now(change: impl FnOnce(&mut ModifyDbInstance)) -> ModifyDbInstance {
    let mut request = ModifyDbInstance::now("orders");
    change(&mut request);
    request
}

#[test]
fn the_status_still_reads_available_right_after_the_call() {
    let mut cloud = single();
    let answer = cloud.call(&now(|it| it.db_instance_class = Some("db.r6g.large".into()))).unwrap();
    assert_eq!(answer.db_instance_status, "available");
    assert_eq!(answer.pending_modified_values.db_instance_class.as_deref(), Some("db.r6g.large"));
    assert_eq!(cloud.statuses("orders", minutes(3)), ["available", "modifying", "available"]);
    let shown = cloud.show("orders");
    assert_eq!(shown.db_instance_class, "db.r6g.large");
    assert_eq!(shown.pending_modified_values, PendingModifiedValues::default());
}

#[test]
fn without_apply_immediately_a_change_stays_pending() {
    let mut cloud = single();
    let later = ModifyDbInstance { apply_immediately: None, ..now(|it| it.db_instance_class = Some("db.r6g.large".into())) };
    cloud.call(&later).unwrap();
    cloud.advance(minutes(60));
    let shown = cloud.show("orders");
    assert_eq!((shown.db_instance_class.as_str(), shown.db_instance_status.as_str()), ("db.t4g.micro", "available"));
    assert_eq!(shown.pending_modified_values.db_instance_class.as_deref(), Some("db.r6g.large"));
}

#[test]
fn apply_immediately_also_applies_what_was_pending_from_before() {
    let mut cloud = single();
    cloud.call(&ModifyDbInstance { apply_immediately: None, ..now(|it| it.multi_az = Some(true)) }).unwrap();
    cloud.call(&now(|it| it.iops = Some(3000))).unwrap();
    cloud.advance(minutes(20));
    let shown = cloud.show("orders");
    assert!(shown.multi_az);
    assert_eq!((shown.iops, shown.secondary_availability_zone.as_deref()), (Some(3000), Some("us-east-1b")));
    assert_eq!(cloud.heard(), ["24 orders", "25 orders"]);
}

#[test]
fn settings_without_a_server_behind_them_change_at_once_and_leave_the_status_alone() {
    let mut cloud = single();
    let request = ModifyDbInstance {
        apply_immediately: None,
        ..now(|it| {
            it.deletion_protection = Some(true);
            it.copy_tags_to_snapshot = Some(true);
            it.max_allocated_storage = Some(500);
            it.preferred_maintenance_window = Some("mon:01:00-mon:01:30".into());
            it.backup_retention_period = Some(14);
        })
    };
    let shown = cloud.call(&request).unwrap();
    assert!(shown.deletion_protection && shown.copy_tags_to_snapshot);
    assert_eq!((shown.max_allocated_storage, shown.backup_retention_period), (Some(500), 14));
    assert_eq!(cloud.statuses("orders", minutes(2)), ["available"]);
}

#[test]
fn what_a_restore_does_not_accept_is_set_by_a_modification() {
    let mut cloud = single();
    let request = now(|it| {
        it.monitoring_interval = Some(60);
        it.monitoring_role_arn = Some("arn:aws:iam::123456789012:role/monitoring".into());
        it.enable_performance_insights = Some(true);
        it.database_insights_mode = Some("advanced".into());
        it.enable_log_types = Some(vec!["postgresql".into(), "upgrade".into()]);
    });
    cloud.call(&request).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(2)), ["available", "modifying", "available"]);
    cloud.call(&now(|it| it.disable_log_types = Some(vec!["upgrade".into()]))).unwrap();
    let shown = cloud.show("orders");
    assert_eq!(shown.monitoring_interval, 60);
    assert_eq!((shown.performance_insights_enabled, shown.performance_insights_retention_period), (true, Some(7)));
    assert_eq!(shown.database_insights_mode, "advanced");
    assert_eq!(shown.enabled_cloudwatch_logs_exports, ["postgresql"]);
}

#[test]
fn monitoring_needs_a_role() {
    let mut cloud = single();
    assert_eq!(code(cloud.call(&now(|it| it.monitoring_interval = Some(60)))), "InvalidParameterCombination");
    assert_eq!(code(cloud.call(&now(|it| it.monitoring_interval = Some(7)))), "InvalidParameterValue");
}

#[test]
fn a_new_password_is_valid_when_the_credentials_are_reset() {
    let mut cloud = single();
    let request = ModifyDbInstance { apply_immediately: None, ..now(|it| it.master_user_password = Some(Secret::new("battery-staple"))) };
    assert_eq!(cloud.call(&request).unwrap().pending_modified_values.master_user_password.as_deref(), Some("****"));
    assert_eq!(cloud.statuses("orders", minutes(2)), ["available", "resetting-master-credentials", "available"]);
    assert!(cloud.login("orders", "battery-staple").is_ok());
    assert_eq!(cloud.heard(), ["16 orders"]);
}

#[test]
fn a_password_that_cannot_be_reset_leaves_the_old_one_and_an_event() {
    let mut cloud = single();
    cloud.data.break_effects("set_password", "the server does not answer");
    cloud.call(&now(|it| it.master_user_password = Some(Secret::new("battery-staple")))).unwrap();
    cloud.advance(minutes(2));
    assert!(cloud.login("orders", PASSWORD).is_ok());
    assert_eq!((cloud.status("orders"), cloud.heard()), ("available".to_owned(), vec!["67 orders".to_owned()]));
}

#[test]
fn a_new_parameter_group_waits_for_a_reboot() {
    let mut cloud = single();
    cloud.call(&now(|it| it.db_parameter_group_name = Some("tuned".into()))).unwrap();
    cloud.advance(minutes(3));
    let group = cloud.show("orders").db_parameter_groups.remove(0);
    assert_eq!((group.db_parameter_group_name.as_str(), group.parameter_apply_status.as_str()), ("tuned", "pending-reboot"));
    cloud.call(&reboot("orders", false)).unwrap();
    cloud.advance(minutes(3));
    assert_eq!(cloud.show("orders").db_parameter_groups[0].parameter_apply_status, "in-sync");
}

#[test]
fn an_instance_that_is_busy_or_broken_is_not_modified() {
    let mut cloud = single();
    for status in ["failed", "rebooting", "creating", "backing-up", "stopped", "deleting", "incompatible-network"] {
        cloud.happen(|model, now| model.set_status("orders", status, now)).unwrap();
        assert_eq!(code(cloud.call(&now(|it| it.deletion_protection = Some(false)))), "InvalidDBInstanceState", "{status}");
    }
}

#[test]
fn a_second_call_is_refused_while_the_first_is_under_way_even_if_the_status_still_lags() {
    let mut cloud = single();
    cloud.call(&now(|it| it.db_instance_class = Some("db.r6g.large".into()))).unwrap();
    assert_eq!(cloud.status("orders"), "available");
    assert_eq!(code(cloud.call(&reboot("orders", false))), "InvalidDBInstanceState");
}

#[test]
fn a_full_disk_can_be_grown_and_nothing_else() {
    let mut cloud = single();
    cloud.happen(|model, now| model.set_status("orders", "storage-full", now)).unwrap();
    assert_eq!(code(cloud.call(&now(|it| it.multi_az = Some(true)))), "InvalidDBInstanceState");
    assert_eq!(code(cloud.call(&now(|it| it.allocated_storage = Some(10)))), "InvalidParameterValue");
    cloud.call(&now(|it| it.allocated_storage = Some(21))).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(4)), ["storage-full", "modifying", "storage-optimization", "available"]);
    assert_eq!(cloud.show("orders").allocated_storage, 22, "AWS rounds up to ten per cent more");
    assert_eq!(cloud.heard(), ["18 orders", "17 orders"]);
}

#[test]
fn incompatible_parameters_are_left_by_another_group_and_a_reboot() {
    let mut cloud = single();
    cloud.happen(|model, now| model.set_status("orders", "incompatible-parameters", now)).unwrap();
    assert_eq!(code(cloud.call(&CreateDbSnapshot::of("orders", "s"))), "InvalidDBInstanceState");
    cloud.call(&reboot("orders", false)).unwrap();
    cloud.advance(minutes(3));
    assert_eq!(cloud.status("orders"), "available");
}

#[test]
fn a_rename_moves_the_name_the_arn_and_the_endpoint_and_keeps_the_rest() {
    let mut cloud = single();
    cloud.write("orders", "a");
    let id = cloud.show("orders").dbi_resource_id;
    cloud.call(&now(|it| it.new_db_instance_identifier = Some("Orders-Old".into()))).unwrap();
    assert_eq!(code(cloud.call(&CreateDbInstance::example("orders-old"))), "DBInstanceAlreadyExists");
    assert_eq!(cloud.statuses("orders", minutes(9)), ["available", "renaming"]);
    cloud.advance(minutes(2));
    let renamed = cloud.show("orders-old");
    assert_eq!(renamed.dbi_resource_id, id);
    assert!(renamed.db_instance_arn.ends_with(":db:orders-old"));
    assert!(renamed.endpoint.unwrap().address.starts_with("orders-old."));
    assert_eq!(cloud.keys("orders-old"), ["a"]);
    assert_eq!(code(cloud.call(&DescribeDbInstances::of("orders"))), "DBInstanceNotFound");
    assert!(cloud.call(&CreateDbInstance::example("orders")).is_ok(), "the old name is free");
}
