use super::*;

#[test]
fn a_new_instance_is_created_then_backed_up_then_available() {
    let mut cloud = empty();
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(10)), ["creating", "backing-up", "available"]);
    let automated = "rds:orders-2026-09-27-20-05";
    assert_eq!(cloud.heard(), ["5 orders", "1 orders", &format!("90 {automated}"), &format!("91 {automated}"), "2 orders"]);
}

#[test]
fn without_backups_a_new_instance_is_available_as_soon_as_it_is_created() {
    let mut cloud = empty();
    cloud.call(&CreateDbInstance::example("orders").with(|config| config.backup_retention_period = Some(0))).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(10)), ["creating", "available"]);
    assert_eq!(cloud.show("orders").latest_restorable_time, None);
}

#[test]
fn a_new_instance_has_no_endpoint_until_its_server_is_up() {
    let mut cloud = empty();
    let created = cloud.call(&CreateDbInstance::example("orders")).unwrap();
    assert_eq!(created.endpoint, None);
    cloud.advance(minutes(6));
    assert!(cloud.show("orders").endpoint.unwrap().address.starts_with("orders."));
}

#[test]
fn an_instance_is_available_only_when_its_server_is_there_however_long_that_takes() {
    let mut model = Model::new(Settings::aws_like());
    model.call(&CreateDbInstance::example("orders"), start()).unwrap();
    let effects = model.take_effects();
    let later = start() + minutes(60);
    model.tick(later);
    assert_eq!(model.instances(later)[0].instance.db_instance_status, "creating");
    model.effect_done(later, effects[0].0, Ok(Done::Listening(Some(("127.0.0.1".to_owned(), 4711)))));
    let shown = &model.instances(later)[0].instance;
    assert_eq!(shown.db_instance_status, "backing-up");
    assert_eq!(shown.endpoint.as_ref().unwrap().port, 4711);
}

#[test]
fn an_instance_whose_server_cannot_be_made_is_failed() {
    let mut cloud = empty();
    cloud.data.break_effects("provision", "the disk is full");
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.status("orders"), "failed");
}

#[test]
fn identifiers_are_stored_in_lower_case_and_found_in_any() {
    let mut cloud = empty();
    cloud.call(&CreateDbInstance::example("Orders-DB")).unwrap();
    assert_eq!(cloud.show("ORDERS-db").db_instance_identifier, "orders-db");
    assert_eq!(cloud.show("arn:aws:rds:us-east-1:123456789012:db:orders-db").db_instance_identifier, "orders-db");
}

#[test]
fn what_exists_cannot_be_created_again() {
    let mut cloud = single();
    assert_eq!(code(cloud.call(&CreateDbInstance::example("ORDERS"))), "DBInstanceAlreadyExists");
}

#[test]
fn a_create_call_with_wrong_parameters_is_refused_and_changes_nothing() {
    let mut cloud = empty();
    let mut refused = |change: &dyn Fn(&mut CreateDbInstance)| {
        let mut request = CreateDbInstance::example("orders");
        change(&mut request);
        code(cloud.call(&request))
    };
    assert_eq!(refused(&|it| it.db_instance_identifier = "-x".into()), "InvalidParameterValue");
    assert_eq!(refused(&|it| it.config.db_instance_class = None), "MissingParameter");
    assert_eq!(refused(&|it| it.master_user_password = Secret::new("short")), "InvalidParameterValue");
    assert_eq!(refused(&|it| it.config.backup_retention_period = Some(36)), "InvalidParameterValue");
    assert_eq!(refused(&|it| it.config.availability_zone = Some("mars-1a".into())), "InvalidParameterValue");
    assert_eq!(refused(&|it| it.config.vpc_security_group_ids = Some(vec!["default".into()])), "InvalidParameterValue");
    assert_eq!(refused(&|it| it.monitoring_interval = Some(60)), "InvalidParameterCombination");
    let zone_and_multi_az = |it: &mut CreateDbInstance| {
        it.config.multi_az = Some(true);
        it.config.availability_zone = Some("us-east-1a".into());
    };
    assert_eq!(refused(&zone_and_multi_az), "InvalidParameterCombination");
    assert!(cloud.model.instances(start()).is_empty());
    assert!(cloud.model.take_effects().is_empty());
}

#[test]
fn names_of_groups_are_checked_once_the_account_declares_its_groups() {
    let settings = Settings::short().with(|settings| {
        settings.subnet_groups = [("private".to_owned(), SubnetGroup { vpc_id: "vpc-1".to_owned(), subnets: vec![] })].into();
        settings.parameter_groups = ["tuned".to_owned()].into();
    });
    let mut cloud = InMemory::new(settings, start());
    let wrong = CreateDbInstance::example("a").with(|config| config.db_subnet_group_name = Some("publik".into()));
    assert_eq!(code(cloud.call(&wrong)), "DBSubnetGroupNotFoundFault");
    let wrong = CreateDbInstance::example("a").with(|config| config.db_parameter_group_name = Some("tund".into()));
    assert_eq!(code(cloud.call(&wrong)), "DBParameterGroupNotFound");
    let right = CreateDbInstance::example("a").with(|config| {
        config.db_subnet_group_name = Some("private".into());
        config.db_parameter_group_name = Some("tuned".into());
    });
    assert_eq!(cloud.call(&right).unwrap().db_subnet_group.vpc_id, "vpc-1");
}

#[test]
fn the_account_has_room_for_so_many_instances() {
    let mut cloud = InMemory::new(Settings::short().with(|settings| settings.max_instances = 1), start());
    cloud.call(&CreateDbInstance::example("a")).unwrap();
    assert_eq!(code(cloud.call(&CreateDbInstance::example("b"))), "InstanceQuotaExceeded");
    let AccountQuotas(quotas) = cloud.call(&DescribeAccountAttributes {}).unwrap();
    assert_eq!((quotas[0].account_quota_name.as_str(), quotas[0].used, quotas[0].max), ("DBInstances", 1, 1));
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut cloud = empty();
    assert_eq!(code(cloud.call(&DescribeDbInstances::of("orders"))), "DBInstanceNotFound");
    assert_eq!(code(cloud.call(&reboot("orders", false))), "DBInstanceNotFound");
    assert_eq!(code(cloud.call(&CreateDbSnapshot::of("orders", "s"))), "DBInstanceNotFound");
}

#[test]
fn listings_come_in_pages() {
    let mut cloud = InMemory::new(Settings::short(), start());
    for number in 0..25 {
        cloud.call(&CreateDbInstance::example(&format!("db-{number:02}"))).unwrap();
    }
    let mut request = DescribeDbInstances { page: Page { max_records: Some(20), marker: None }, ..DescribeDbInstances::default() };
    let first = cloud.call(&request).unwrap();
    assert_eq!(first.db_instances.len(), 20);
    request.page.marker = first.marker;
    let second = cloud.call(&request).unwrap();
    assert_eq!(second.db_instances.iter().map(|it| it.db_instance_identifier.as_str()).collect::<Vec<_>>()[0], "db-20");
    assert_eq!((second.db_instances.len(), second.marker), (5, None));
    request.page.max_records = Some(19);
    assert_eq!(code(cloud.call(&request)), "InvalidParameterValue");
}

#[test]
fn listings_can_be_filtered() {
    let mut cloud = single();
    let id = cloud.show("orders").dbi_resource_id;
    let mut by = |name: &str, value: &str| {
        let filters = vec![Filter { name: name.to_owned(), values: vec![value.to_owned()] }];
        cloud.call(&DescribeDbInstances { filters, ..DescribeDbInstances::default() }).map(|page| page.db_instances.len())
    };
    assert_eq!(by("dbi-resource-id", &id), Ok(1));
    assert_eq!(by("db-instance-id", "arn:aws:rds:us-east-1:123456789012:db:orders"), Ok(1));
    assert_eq!(by("engine", "mysql"), Ok(0));
    assert_eq!(code(by("colour", "blue")), "InvalidParameterValue");
}

#[test]
fn a_deletion_needs_a_final_snapshot_or_the_word_that_none_is_wanted() {
    let mut cloud = single();
    let mut delete = DeleteDbInstance { db_instance_identifier: "orders".into(), ..DeleteDbInstance::default() };
    assert_eq!(code(cloud.call(&delete)), "InvalidParameterCombination");
    delete.final_db_snapshot_identifier = Some("last".into());
    delete.skip_final_snapshot = Some(true);
    assert_eq!(code(cloud.call(&delete)), "InvalidParameterCombination");
    delete.skip_final_snapshot = None;
    cloud.write("orders", "a");
    cloud.call(&delete).unwrap();
    assert_eq!(cloud.status("orders"), "deleting");
    assert_eq!(code(cloud.call(&delete)), "InvalidDBInstanceState");
    cloud.advance(minutes(5));
    assert_eq!(code(cloud.call(&DescribeDbInstances::of("orders"))), "DBInstanceNotFound");
    assert_eq!(cloud.show_snapshot("last").status, "available");
    assert_eq!(cloud.heard(), ["40 last", "42 last", "3 orders"]);
}

#[test]
fn a_protected_instance_is_not_deleted() {
    let mut cloud = cloud(|config| config.deletion_protection = Some(true));
    let delete = DeleteDbInstance { db_instance_identifier: "orders".into(), skip_final_snapshot: Some(true), ..Default::default() };
    assert_eq!(code(cloud.call(&delete)), "InvalidParameterCombination");
    cloud.call(&ModifyDbInstance { deletion_protection: Some(false), ..ModifyDbInstance::now("orders") }).unwrap();
    assert!(cloud.call(&delete).is_ok());
}

#[test]
fn a_failed_instance_is_deleted_only_without_a_final_snapshot() {
    let mut cloud = single();
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    let mut delete = DeleteDbInstance {
        db_instance_identifier: "orders".into(),
        final_db_snapshot_identifier: Some("last".into()),
        ..Default::default()
    };
    assert_eq!(code(cloud.call(&delete)), "InvalidDBInstanceState");
    delete.final_db_snapshot_identifier = None;
    delete.skip_final_snapshot = Some(true);
    assert!(cloud.call(&delete).is_ok());
}

#[test]
fn a_stopped_instance_is_away_until_it_is_started() {
    let mut cloud = single();
    let stop = StopDbInstance { db_instance_identifier: "orders".into() };
    let start = StartDbInstance { db_instance_identifier: "orders".into() };
    assert_eq!(code(cloud.call(&start)), "InvalidDBInstanceState");
    cloud.call(&stop).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(5)), ["available", "stopping", "stopped"]);
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::Dead));
    assert_eq!(code(cloud.call(&reboot("orders", false))), "InvalidDBInstanceState");
    cloud.call(&start).unwrap();
    assert_eq!(cloud.statuses("orders", minutes(6)), ["stopped", "starting", "available"]);
    assert!(cloud.login("orders", PASSWORD).is_ok());
    assert_eq!(cloud.heard(), ["87 orders", "88 orders"]);
}
