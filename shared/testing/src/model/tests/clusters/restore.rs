use super::*;

fn from_snapshot(target: &str, snapshot: &str) -> RestoreDbClusterFromSnapshot {
    RestoreDbClusterFromSnapshot {
        db_cluster_identifier: target.to_owned(),
        snapshot_identifier: snapshot.to_owned(),
        engine: "aurora-postgresql".to_owned(),
        engine_version: None,
        config: ClusterConfig::default(),
    }
}

fn rich() -> InMemory {
    aurora_of(&[("ledger-1", 1)], |config| {
        config.vpc_security_group_ids = Some(vec!["sg-app".into()]);
        config.db_subnet_group_name = Some("private".into());
        config.db_cluster_parameter_group_name = Some("tuned".into());
        config.deletion_protection = Some(true);
        config.enable_iam_database_authentication = Some(true);
        config.enable_cloudwatch_logs_exports = Some(vec!["postgresql".into()]);
        config.tags = Some(vec![Tag::new("lifeboat:policy", "gold")]);
    })
}

/// What a restore is not told, it loses; but it inherits tags.
fn assert_defaults(restored: &DbCluster) {
    assert_eq!(restored.vpc_security_groups[0].vpc_security_group_id, "sg-default");
    assert_eq!(restored.db_subnet_group, "default");
    assert_eq!(restored.db_cluster_parameter_group, "default.aurora-postgresql16");
    assert!(!restored.deletion_protection && !restored.iam_database_authentication_enabled);
    assert_eq!(restored.enabled_cloudwatch_logs_exports, Vec::<String>::new());
    assert_eq!(restored.backup_retention_period, 7);
    assert_eq!(restored.tag_list, [Tag::new("lifeboat:policy", "gold")]);
}

#[test]
fn a_restore_that_is_told_nothing_comes_up_with_defaults() {
    let mut cloud = rich();
    assert_defaults(&cloud.call(&to_latest("copy")).unwrap());
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    cloud.advance(minutes(5));
    assert_defaults(&cloud.call(&from_snapshot("other", "s1")).unwrap());
}

#[test]
fn a_restore_has_what_it_is_told() {
    let mut cloud = rich();
    let mut request = to_latest("copy");
    request.config = ClusterConfig {
        vpc_security_group_ids: Some(vec!["sg-fence".into()]),
        db_subnet_group_name: Some("private".into()),
        db_cluster_parameter_group_name: Some("tuned".into()),
        tags: Some(vec![Tag::new("lifeboat:incident", "7")]),
        ..ClusterConfig::default()
    };
    let restored = cloud.call(&request).unwrap();
    assert_eq!(restored.vpc_security_groups[0].vpc_security_group_id, "sg-fence");
    assert_eq!((restored.db_subnet_group.as_str(), restored.db_cluster_parameter_group.as_str()), ("private", "tuned"));
    assert_eq!(restored.tag_list, [Tag::new("lifeboat:incident", "7")], "tags that are passed replace those of the source");
}

#[test]
fn a_restored_aurora_cluster_has_no_instances_until_one_is_made() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.advance(minutes(10));
    cloud.call(&to_latest("copy")).unwrap();
    assert_eq!(cloud.cluster_statuses("copy", minutes(20)), ["creating", "available"]);
    assert_eq!(cloud.members("copy"), (vec![], None));
    let endpoint = cloud.cluster("copy").endpoint;
    assert_eq!(cloud.found_at(&endpoint), None, "available, and nobody listens");
    cloud.call(&CreateDbClusterMember::example("copy", "copy-1", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("copy-1"), ["a"]);
    cloud.try_write("copy-1", "b").unwrap();
    assert_eq!(cloud.keys("ledger-1"), ["a"], "the copy has a volume of its own");
}

#[test]
fn a_restored_multi_az_db_cluster_has_its_three_instances() {
    let mut cloud = multi_az_cluster();
    assert_eq!(code(cloud.call(&to_latest("copy"))), "InvalidParameterCombination", "the class must be said");
    let mut request = to_latest("copy");
    request.config.db_cluster_instance_class = Some("db.m6gd.large".into());
    cloud.call(&request).unwrap();
    cloud.advance(minutes(30));
    assert_eq!(cloud.members("copy").0.len(), 3);
    assert_eq!(cloud.try_write("copy-instance-1", "a"), Ok(()));
}

#[test]
fn a_restore_to_a_time_has_what_was_committed_by_then() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "before").unwrap();
    cloud.advance(minutes(1));
    let point = cloud.now();
    cloud.advance(minutes(1));
    cloud.try_write("ledger-1", "after").unwrap();
    cloud.advance(minutes(10));
    let request = RestoreDbClusterToPointInTime { restore_to_time: Some(point), use_latest_restorable_time: None, ..to_latest("copy") };
    cloud.call(&request).unwrap();
    cloud.advance(minutes(20));
    cloud.call(&CreateDbClusterMember::example("copy", "copy-1", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("copy-1"), ["before"]);
}

#[test]
fn a_snapshot_brings_back_the_data_and_the_password_of_its_time() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "before").unwrap();
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    cloud.advance(minutes(5));
    cloud.try_write("ledger-1", "after").unwrap();
    let password = Some(Secret::new("battery-staple"));
    cloud.call(&ModifyDbCluster { master_user_password: password, ..ModifyDbCluster::now("ledger") }).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.login("ledger-1", PASSWORD), Err(LoginError::WrongPassword));
    cloud.call(&from_snapshot("copy", "s1")).unwrap();
    assert_eq!(cloud.cluster_statuses("copy", minutes(20)), ["creating", "migrating", "available"]);
    cloud.call(&CreateDbClusterMember::example("copy", "copy-1", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("copy-1"), ["before"]);
}

#[test]
fn without_a_version_a_snapshot_is_restored_with_the_regions_default() {
    let mut cloud = empty();
    let old = CreateDbCluster { engine_version: Some("15.5".to_owned()), ..CreateDbCluster::example("ledger") };
    cloud.call(&old).unwrap();
    cloud.advance(minutes(20));
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.call(&from_snapshot("copy", "s1")).unwrap().engine_version, "16.6");
    let told = RestoreDbClusterFromSnapshot { engine_version: Some("15.5".to_owned()), ..from_snapshot("same", "s1") };
    assert_eq!(cloud.call(&told).unwrap().engine_version, "15.5");
    assert_eq!(cloud.call(&to_latest("later")).unwrap().engine_version, "15.5", "to a time it is the source's");
}

#[test]
fn exactly_one_source_and_one_time_are_named() {
    let mut cloud = aurora();
    let both_times = RestoreDbClusterToPointInTime { restore_to_time: Some(start()), ..to_latest("copy") };
    let no_time = RestoreDbClusterToPointInTime { use_latest_restorable_time: None, ..to_latest("copy") };
    let two_sources = RestoreDbClusterToPointInTime { source_db_cluster_resource_id: Some("cluster-X".into()), ..to_latest("copy") };
    for wrong in [both_times, no_time, two_sources] {
        assert_eq!(code(cloud.call(&wrong)), "InvalidParameterCombination");
    }
}

#[test]
fn a_time_outside_of_the_window_is_refused() {
    let mut cloud = aurora();
    let shown = cloud.cluster("ledger");
    let (earliest, latest) = (shown.earliest_restorable_time.unwrap(), shown.latest_restorable_time.unwrap());
    for time in [earliest - seconds(1), latest, cloud.now() + minutes(5)] {
        let request = RestoreDbClusterToPointInTime { restore_to_time: Some(time), use_latest_restorable_time: None, ..to_latest("copy") };
        assert_eq!(code(cloud.call(&request)), "InvalidParameterValue", "{time}");
    }
}

#[test]
fn a_deleted_cluster_is_restored_from_its_retained_backups_by_resource_id() {
    let mut cloud = aurora();
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.advance(minutes(10));
    let source = cloud.cluster("ledger").db_cluster_resource_id;
    cloud.happen(|model, now| model.delete_cluster_behind_back("ledger", true, now)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(code(cloud.call(&to_latest("copy"))), "DBClusterNotFoundFault");
    let request = RestoreDbClusterToPointInTime {
        source_db_cluster_identifier: None,
        source_db_cluster_resource_id: Some(source),
        ..to_latest("ledger")
    };
    cloud.call(&request).unwrap();
    cloud.advance(minutes(20));
    cloud.call(&CreateDbClusterMember::example("ledger", "ledger-1", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.keys("ledger-1"), ["a"]);
}

#[test]
fn a_restore_of_another_engine_or_of_an_unfinished_snapshot_is_refused() {
    let mut cloud = aurora();
    assert_eq!(code(cloud.call(&from_snapshot("copy", "s1"))), "DBClusterSnapshotNotFoundFault");
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    assert_eq!(code(cloud.call(&from_snapshot("copy", "s1"))), "InvalidDBClusterSnapshotStateFault");
    cloud.advance(minutes(5));
    let wrong = RestoreDbClusterFromSnapshot { engine: "aurora-mysql".to_owned(), ..from_snapshot("copy", "s1") };
    assert_eq!(code(cloud.call(&wrong)), "InvalidParameterCombination");
    assert_eq!(code(cloud.call(&from_snapshot("ledger", "s1"))), "DBClusterAlreadyExistsFault");
}

#[test]
fn a_volume_that_cannot_be_made_is_a_restore_error() {
    let mut cloud = aurora();
    cloud.data.break_effects("make_volume", "the archive has a hole");
    cloud.call(&to_latest("copy")).unwrap();
    cloud.advance(minutes(20));
    assert_eq!(cloud.cluster("copy").status, "restore-error");
}

#[test]
fn unknown_groups_are_told_in_awss_spelling() {
    let settings = Settings::aws_like().with(|settings| {
        settings.parameter_groups = ["tuned".to_owned()].into();
        settings.subnet_groups = [("private".to_owned(), SubnetGroup { vpc_id: "vpc-1".to_owned(), subnets: vec![] })].into();
    });
    let mut cloud = InMemory::new(settings, start());
    let named = |change: fn(&mut ClusterConfig)| CreateDbCluster::example("ledger").with(change);
    let wrong = named(|config| config.db_cluster_parameter_group_name = Some("other".into()));
    assert_eq!(code(cloud.call(&wrong)), "DBClusterParameterGroupNotFound");
    let wrong = named(|config| config.db_subnet_group_name = Some("other".into()));
    assert_eq!(code(cloud.call(&wrong)), "DBSubnetGroupNotFoundFault");
}
