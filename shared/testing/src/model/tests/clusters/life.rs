use super::*;

#[test]
fn a_new_cluster_has_no_members_and_takes_some_only_once_it_is_available() {
    let mut cloud = empty();
    cloud.call(&CreateDbCluster::example("ledger")).unwrap();
    let member = CreateDbClusterMember::example("ledger", "ledger-1", 1);
    assert_eq!(code(cloud.call(&member)), "InvalidDBClusterStateFault");
    assert_eq!(cloud.cluster_statuses("ledger", minutes(10)), ["creating", "available"]);
    assert_eq!(cloud.members("ledger"), (vec![], None));
    assert_eq!(cloud.writer_found(), None, "nobody listens behind the endpoint");
    cloud.call(&member).unwrap();
    assert_eq!(cloud.statuses("ledger-1", minutes(10)), ["creating", "available"]);
    assert_eq!(cloud.heard(), ["170 ledger", "168 rds:ledger-2026-09-27-20-05", "169 rds:ledger-2026-09-27-20-05", "5 ledger-1"]);
}

#[test]
fn the_first_member_writes_and_the_others_read_the_same_rows() {
    let mut cloud = aurora();
    let names = ["ledger-1", "ledger-2", "ledger-3"].map(str::to_owned).to_vec();
    assert_eq!(cloud.members("ledger"), (names, Some("ledger-1".to_owned())));
    cloud.try_write("ledger-1", "a").unwrap();
    assert_eq!(cloud.try_write("ledger-2", "b"), Err(LoginError::ReadOnly));
    assert_eq!((cloud.keys("ledger-2"), cloud.keys("ledger-3")), (vec!["a".to_owned()], vec!["a".to_owned()]));
}

#[test]
fn the_cluster_endpoint_leads_to_the_writer_and_the_reader_endpoint_to_a_reader() {
    let mut cloud = aurora();
    let shown = cloud.cluster("ledger");
    assert_eq!(shown.endpoint, "ledger.cluster-c1a2b3c4d5e6.us-east-1.rds.amazonaws.com");
    assert_eq!(cloud.found_at(&shown.endpoint).as_deref(), Some("ledger-1"));
    assert_ne!(cloud.found_at(&shown.reader_endpoint).as_deref(), Some("ledger-1"));
    let mut alone = aurora_of(&[("ledger-1", 1)], |_| {});
    assert_eq!(
        alone.found_at(&shown.reader_endpoint).as_deref(),
        Some("ledger-1"),
        "a reader endpoint without readers leads to the writer"
    );
}

#[test]
fn members_lie_in_different_zones_and_are_found_by_their_cluster() {
    let mut cloud = aurora();
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    let filter = Filter { name: "db-cluster-id".to_owned(), values: vec!["ledger".to_owned()] };
    let found = cloud.call(&DescribeDbInstances { filters: vec![filter], ..DescribeDbInstances::default() }).unwrap().db_instances;
    let zones: Vec<&str> = found.iter().map(|it| it.availability_zone.as_str()).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert!(found.iter().all(|it| it.db_cluster_identifier.as_deref() == Some("ledger")));
}

#[test]
fn a_member_has_its_clusters_network_engine_and_groups() {
    let mut cloud = aurora_of(&[("ledger-1", 0)], |config| {
        config.db_subnet_group_name = Some("private".into());
        config.vpc_security_group_ids = Some(vec!["sg-app".into()]);
        config.port = Some(6432);
    });
    let member = cloud.show("ledger-1");
    assert_eq!((member.db_subnet_group.vpc_id.as_str(), member.db_instance_port), ("vpc-private", 6432));
    assert_eq!(member.vpc_security_groups[0].vpc_security_group_id, "sg-app");
    assert_eq!((member.engine.as_str(), member.promotion_tier), ("aurora-postgresql", Some(0)));
    assert_eq!(member.db_parameter_groups[0].db_parameter_group_name, "default.aurora-postgresql16");
}

#[test]
fn what_a_member_cannot_do_alone_is_refused() {
    let mut cloud = aurora();
    assert_eq!(code(cloud.call(&CreateDbSnapshot::of("ledger-1", "s"))), "InvalidParameterCombination");
    let stop = StopDbInstance { db_instance_identifier: "ledger-1".to_owned() };
    assert_eq!(code(cloud.call(&stop)), "InvalidParameterCombination");
    let groups = ModifyDbInstance { vpc_security_group_ids: Some(vec!["sg-x".into()]), ..ModifyDbInstance::now("ledger-1") };
    assert_eq!(code(cloud.call(&groups)), "InvalidParameterCombination");
    let of_member = RestoreDbInstanceToPointInTime { source_db_instance_identifier: Some("ledger-1".to_owned()), ..latest("copy") };
    assert_eq!(code(cloud.call(&of_member)), "InvalidParameterCombination");
    assert_eq!(code(cloud.call(&reboot("ledger-1", true))), "InvalidParameterCombination");
}

#[test]
fn a_member_of_another_engine_is_refused() {
    let mut cloud = aurora();
    let member = CreateDbClusterMember { engine: "aurora-mysql".to_owned(), ..CreateDbClusterMember::example("ledger", "x", 1) };
    assert_eq!(code(cloud.call(&member)), "InvalidParameterCombination");
}

#[test]
fn a_name_is_taken_once_and_a_cluster_and_an_instance_may_share_it() {
    let mut cloud = aurora();
    assert_eq!(code(cloud.call(&CreateDbCluster::example("Ledger"))), "DBClusterAlreadyExistsFault");
    assert_eq!(code(cloud.call(&CreateDbClusterMember::example("ledger", "ledger-1", 1))), "DBInstanceAlreadyExists");
    assert!(cloud.call(&CreateDbInstance::example("ledger")).is_ok());
}

#[test]
fn an_unknown_cluster_is_told_in_awss_spelling() {
    let mut cloud = empty();
    assert_eq!(code(cloud.call(&DescribeDbClusters::of("ledger"))), "DBClusterNotFoundFault");
    assert_eq!(code(cloud.call(&CreateDbClusterMember::example("ledger", "x", 1))), "DBClusterNotFoundFault");
    assert_eq!(code(cloud.call(&failover(None))), "DBClusterNotFoundFault");
}

#[test]
fn a_cluster_with_members_is_not_deleted() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    let delete =
        DeleteDbCluster { db_cluster_identifier: "ledger".to_owned(), skip_final_snapshot: Some(true), ..DeleteDbCluster::default() };
    assert_eq!(code(cloud.call(&delete)), "InvalidDBClusterStateFault");
    cloud.call(&DeleteDbInstance { db_instance_identifier: "ledger-1".to_owned(), ..DeleteDbInstance::default() }).unwrap();
    cloud.call(&delete).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(code(cloud.call(&DescribeDbClusters::of("ledger"))), "DBClusterNotFoundFault");
    assert_eq!(cloud.heard(), ["3 ledger-1", "171 ledger"]);
}

#[test]
fn deletion_protection_protects_the_cluster_and_not_its_members() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |config| config.deletion_protection = Some(true));
    cloud.call(&DeleteDbInstance { db_instance_identifier: "ledger-1".to_owned(), ..DeleteDbInstance::default() }).unwrap();
    cloud.advance(minutes(10));
    let delete =
        DeleteDbCluster { db_cluster_identifier: "ledger".to_owned(), skip_final_snapshot: Some(true), ..DeleteDbCluster::default() };
    assert_eq!(code(cloud.call(&delete)), "InvalidParameterCombination");
}

#[test]
fn a_new_member_of_a_cluster_without_one_writes() {
    let mut cloud = aurora_of(&[("ledger-1", 1)], |_| {});
    cloud.try_write("ledger-1", "a").unwrap();
    cloud.call(&DeleteDbInstance { db_instance_identifier: "ledger-1".to_owned(), ..DeleteDbInstance::default() }).unwrap();
    cloud.advance(minutes(10));
    cloud.call(&CreateDbClusterMember::example("ledger", "ledger-9", 1)).unwrap();
    cloud.advance(minutes(10));
    assert_eq!(cloud.try_write("ledger-9", "b"), Ok(()));
    assert_eq!(cloud.keys("ledger-9"), ["a", "b"], "the rows are the volume's, not the members'");
}

#[test]
fn rds_makes_the_three_members_of_a_multi_az_db_cluster() {
    let mut cloud = multi_az_cluster();
    let (members, writer) = cloud.members("ledger");
    assert_eq!(members, ["ledger-instance-1", "ledger-instance-2", "ledger-instance-3"]);
    assert_eq!(writer.as_deref(), Some("ledger-instance-1"));
    let zones: Vec<String> = members.iter().map(|member| cloud.show(member).availability_zone).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    let more = CreateDbClusterMember { engine: "postgres".to_owned(), ..CreateDbClusterMember::example("ledger", "x", 1) };
    assert_eq!(code(cloud.call(&more)), "InvalidParameterCombination");
    let delete = DeleteDbInstance { db_instance_identifier: members[0].clone(), ..DeleteDbInstance::default() };
    assert_eq!(code(cloud.call(&delete)), "InvalidDBClusterStateFault");
}

#[test]
fn a_class_belongs_to_a_multi_az_db_cluster_and_to_no_other() {
    let mut cloud = empty();
    let aurora = CreateDbCluster::example("ledger").with(|config| config.db_cluster_instance_class = Some("db.m6gd.large".into()));
    assert_eq!(code(cloud.call(&aurora)), "InvalidParameterCombination");
    let bare = CreateDbCluster::multi_az_example("ledger").with(|config| config.db_cluster_instance_class = None);
    assert_eq!(code(cloud.call(&bare)), "InvalidParameterCombination");
}

#[test]
fn a_deletion_behind_our_back_takes_members_and_cluster() {
    for keep_backups in [true, false] {
        let mut cloud = aurora();
        let resource_id = cloud.cluster("ledger").db_cluster_resource_id;
        cloud.happen(|model, now| model.delete_cluster_behind_back("ledger", keep_backups, now)).unwrap();
        cloud.advance(minutes(10));
        assert_eq!(cloud.heard(), ["3 ledger-1", "3 ledger-2", "3 ledger-3", "171 ledger"]);
        let asked = DescribeDbClusterAutomatedBackups { db_cluster_resource_id: Some(resource_id), ..Default::default() };
        let found = cloud.call(&asked).map(|page| page.db_cluster_automated_backups[0].status.clone());
        match keep_backups {
            true => assert_eq!(found.unwrap(), "retained"),
            false => assert_eq!(code(found), "DBClusterAutomatedBackupNotFoundFault"),
        }
    }
}
