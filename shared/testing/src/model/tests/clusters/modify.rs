use super::*;

#[test]
fn new_security_groups_are_those_of_all_members_once_they_are_active() {
    let mut cloud = aurora();
    let session = cloud.login("ledger-2", PASSWORD).unwrap();
    let groups = Some(vec!["sg-fence".to_owned()]);
    cloud.call(&ModifyDbCluster { vpc_security_group_ids: groups, ..ModifyDbCluster::now("ledger") }).unwrap();
    let shown = |it: &DbCluster| {
        let one = |group: &VpcSecurityGroupMembership| format!("{} {}", group.vpc_security_group_id, group.status);
        it.vpc_security_groups.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(shown(&cloud.cluster("ledger")), ["sg-default removing", "sg-fence adding"]);
    assert!(cloud.login("ledger-1", PASSWORD).is_ok(), "not yet");
    cloud.advance(seconds(20));
    assert_eq!(shown(&cloud.cluster("ledger")), ["sg-fence active"]);
    for member in ["ledger-1", "ledger-2", "ledger-3"] {
        assert_eq!(cloud.login(member, PASSWORD), Err(LoginError::PortClosed));
    }
    let server = cloud.show("ledger-2").dbi_resource_id;
    assert!(cloud.data.read(&server, session, "orders").is_ok(), "a session that stands stays");
}

#[test]
fn a_member_that_joins_has_the_groups_in_force() {
    let mut cloud = aurora();
    let groups = Some(vec!["sg-fence".to_owned()]);
    cloud.call(&ModifyDbCluster { vpc_security_group_ids: groups, ..ModifyDbCluster::now("ledger") }).unwrap();
    cloud.call(&CreateDbClusterMember::example("ledger", "ledger-4", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.login("ledger-4", PASSWORD), Err(LoginError::PortClosed));
}

#[test]
fn a_new_password_is_that_of_all_members() {
    let mut cloud = aurora();
    let password = Some(Secret::new("battery-staple"));
    cloud.call(&ModifyDbCluster { master_user_password: password, ..ModifyDbCluster::now("ledger") }).unwrap();
    assert_eq!(cloud.cluster_statuses("ledger", minutes(1)), ["available", "resetting-master-credentials", "available"]);
    assert!(cloud.login("ledger-1", "battery-staple").is_ok() && cloud.login("ledger-2", "battery-staple").is_ok());
    assert_eq!(cloud.login("ledger-3", PASSWORD), Err(LoginError::WrongPassword));
    assert_eq!(cloud.heard(), ["16 ledger"]);
}

#[test]
fn a_password_waits_for_apply_immediately_and_for_a_member() {
    let mut cloud = aurora();
    let password = Some(Secret::new("battery-staple"));
    let later = ModifyDbCluster { apply_immediately: None, master_user_password: password, ..ModifyDbCluster::now("ledger") };
    cloud.call(&later).unwrap();
    cloud.advance(minutes(5));
    assert!(cloud.login("ledger-1", PASSWORD).is_ok());
    cloud.call(&ModifyDbCluster::now("ledger")).unwrap();
    cloud.advance(minutes(5));
    assert!(cloud.login("ledger-1", "battery-staple").is_ok());
    let mut headless = aurora_of(&[], |_| {});
    assert_eq!(code(headless.call(&later)), "InvalidDBClusterStateFault");
}

#[test]
fn windows_and_deletion_protection_change_at_once() {
    let mut cloud = aurora();
    let request = ModifyDbCluster {
        deletion_protection: Some(true),
        preferred_maintenance_window: Some("mon:01:00-mon:01:30".to_owned()),
        preferred_backup_window: Some("02:00-02:30".to_owned()),
        ..ModifyDbCluster::now("ledger")
    };
    let shown = cloud.call(&request).unwrap();
    assert!(shown.deletion_protection && shown.status == "available");
    assert_eq!(
        (shown.preferred_maintenance_window.as_str(), shown.preferred_backup_window.as_str()),
        ("mon:01:00-mon:01:30", "02:00-02:30")
    );
}

#[test]
fn a_parameter_group_is_in_force_on_a_member_once_that_is_rebooted() {
    let mut cloud = aurora();
    let request = ModifyDbCluster { db_cluster_parameter_group_name: Some("tuned".into()), ..ModifyDbCluster::now("ledger") };
    cloud.call(&request).unwrap();
    cloud.advance(minutes(5));
    cloud.call(&reboot("ledger-2", false)).unwrap();
    cloud.advance(minutes(5));
    let shown = cloud.cluster("ledger");
    let statuses: Vec<&str> = shown.db_cluster_members.iter().map(|it| it.db_cluster_parameter_group_status.as_str()).collect();
    assert_eq!((shown.db_cluster_parameter_group.as_str(), statuses), ("tuned", vec!["pending-reboot", "in-sync", "pending-reboot"]));
}

#[test]
fn a_rename_moves_the_endpoints_and_keeps_the_resource_id() {
    let mut cloud = aurora();
    let before = cloud.cluster("ledger");
    let request = ModifyDbCluster { new_db_cluster_identifier: Some("Ledger-Old".into()), ..ModifyDbCluster::now("ledger") };
    cloud.call(&request).unwrap();
    cloud.advance(minutes(15));
    assert_eq!(code(cloud.call(&DescribeDbClusters::of("ledger"))), "DBClusterNotFoundFault");
    let after = cloud.cluster("ledger-old");
    assert_eq!(after.db_cluster_resource_id, before.db_cluster_resource_id);
    assert_eq!(cloud.found_at(&before.endpoint), None);
    assert_eq!(cloud.found_at(&after.endpoint).as_deref(), Some("ledger-1"));
    assert_eq!(cloud.show("ledger-1").db_cluster_identifier.as_deref(), Some("ledger-old"));
    assert_eq!(cloud.heard(), ["172 ledger-old"]);
}

#[test]
fn a_cluster_that_is_busy_is_not_modified() {
    let mut cloud = aurora();
    cloud.call(&failover(None)).unwrap();
    assert_eq!(code(cloud.call(&ModifyDbCluster::now("ledger"))), "InvalidDBClusterStateFault");
}

#[test]
fn what_aws_would_refuse_is_refused() {
    let mut cloud = aurora();
    cloud.call(&CreateDbCluster::example("other")).unwrap();
    let now = || ModifyDbCluster::now("ledger");
    let taken = ModifyDbCluster { new_db_cluster_identifier: Some("other".into()), ..now() };
    assert_eq!(code(cloud.call(&taken)), "DBClusterAlreadyExistsFault");
    for wrong in [
        ModifyDbCluster { backup_retention_period: Some(0), ..now() },
        ModifyDbCluster { vpc_security_group_ids: Some(vec!["default".into()]), ..now() },
        ModifyDbCluster { master_user_password: Some(Secret::new("short")), ..now() },
    ] {
        assert_eq!(code(cloud.call(&wrong)), "InvalidParameterValue");
    }
}

#[test]
fn clusters_and_their_snapshots_have_tags() {
    let mut cloud = aurora();
    cloud.call(&CreateDbClusterSnapshot::of("ledger", "s1")).unwrap();
    let arns = [cloud.cluster("ledger").db_cluster_arn, "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:s1".to_owned()];
    for resource_name in arns {
        let tag = |key: &str| Tag::new(key, "x");
        cloud.call(&AddTagsToResource { resource_name: resource_name.clone(), tags: vec![tag("a"), tag("b")] }).unwrap();
        cloud.call(&RemoveTagsFromResource { resource_name: resource_name.clone(), tag_keys: vec!["a".into()] }).unwrap();
        assert_eq!(cloud.call(&ListTagsForResource { resource_name }).unwrap().0, [tag("b")]);
    }
    let gone = ListTagsForResource { resource_name: "arn:aws:rds:us-east-1:123456789012:cluster:gone".to_owned() };
    assert_eq!(code(cloud.call(&gone)), "DBClusterNotFoundFault");
}
