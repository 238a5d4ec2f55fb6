use super::*;
use crate::model::{DescribeDbClusters, DescribeReplicationGroups};

const HOME: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:ledger-home";

fn replica_cluster() -> InMemory {
    let mut cloud = clusters::aurora();
    cloud.happen(|model, _| model.follow_elsewhere("ledger", HOME)).unwrap();
    cloud
}

fn promote() -> PromoteReadReplicaDbCluster {
    PromoteReadReplicaDbCluster { db_cluster_identifier: "ledger".to_owned() }
}

fn source(cloud: &mut InMemory) -> (String, Option<String>) {
    let shown = cloud.call(&DescribeDbClusters::of("ledger")).unwrap().db_clusters.remove(0);
    (shown.status, shown.replication_source_identifier)
}

#[test]
fn a_replica_cluster_is_promoted_within_minutes_and_cannot_be_promoted_again() {
    let mut cloud = replica_cluster();
    assert_eq!(source(&mut cloud), ("available".to_owned(), Some(HOME.to_owned())));
    cloud.call(&promote()).unwrap();
    assert_eq!(code(cloud.call(&promote())), "InvalidDBClusterStateFault", "it is being promoted");
    cloud.advance(minutes(2));
    assert_eq!(source(&mut cloud), ("promoting".to_owned(), Some(HOME.to_owned())));
    cloud.advance(minutes(10));
    assert_eq!(source(&mut cloud), ("available".to_owned(), None));
    assert_eq!(code(cloud.call(&promote())), "InvalidDBClusterStateFault", "it is no replica any more");
}

fn sessions() -> InMemory {
    let mut cloud = single();
    cloud.happen(|model, _| model.add_subnet_group("caches-private", "vpc-1"));
    cloud.call(&CreateReplicationGroup::example("sessions")).unwrap();
    cloud.advance(minutes(20));
    cloud.happen(|model, _| model.join_global("sessions", "ldgnf-sessions")).unwrap();
    cloud
}

fn fail_over(global: &str, region: &str) -> FailoverGlobalReplicationGroup {
    FailoverGlobalReplicationGroup {
        global_replication_group_id: global.to_owned(),
        primary_region: region.to_owned(),
        primary_replication_group_id: "sessions".to_owned(),
    }
}

#[test]
fn a_secondary_becomes_the_primary_of_its_datastore_once_and_only_where_it_lies() {
    let mut cloud = sessions();
    let region = cloud.model.settings.region.clone();
    assert_eq!(code(cloud.call(&fail_over("ldgnf-other", &region))), "GlobalReplicationGroupNotFoundFault");
    assert_eq!(code(cloud.call(&fail_over("ldgnf-sessions", "mars-north-1"))), "InvalidParameterValue");
    cloud.call(&fail_over("ldgnf-sessions", &region)).unwrap();
    cloud.advance(minutes(10));
    let shown = cloud.call(&DescribeReplicationGroups::of("sessions")).unwrap().replication_groups.remove(0);
    let role = shown.global_replication_group_info.unwrap().global_replication_group_member_role;
    assert_eq!((shown.status.as_str(), role.as_str()), ("available", "PRIMARY"));
    assert_eq!(code(cloud.call(&fail_over("ldgnf-sessions", &region))), "InvalidGlobalReplicationGroupState");
}
