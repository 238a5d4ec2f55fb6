//! The ports on DB clusters.

use super::Cloud;
use crate::model::{CreateDbCluster, CreateDbClusterMember, CreateDbInstance, Fault, FaultKind, Settings, Tag, When};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{DatabaseId, Identity, SnapshotId};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{LateSettings, RestoreSettings};
use lifeboat_domain::ports::{
    Credentials, DeleteDatabases, FailClustersOver, MakeMembers, ModifyDatabases, OpenDatabases, ReadDatabases, RestoreDatabases, Secret,
    TagDatabases, TakeSnapshots, Target, VisitLimits,
};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{Span, ports::Answer};
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Nothing in memory waits.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a port in memory waits"),
    }
}

fn start() -> DateTime<Utc> {
    "2026-09-27T20:00:00Z".parse().unwrap()
}

fn id(name: &str) -> DatabaseId {
    DatabaseId::parse(name).unwrap()
}

fn tags() -> BTreeMap<String, String> {
    [("lifeboat:incident".to_owned(), "inc-1".to_owned())].into()
}

/// An account with the Aurora cluster `ledger` of two members and, of the same name, an instance.
fn cloud() -> Cloud {
    let settings = Settings::aws_like().with(|settings| settings.closed_groups = ["sg-fence".to_owned()].into());
    let cloud = Cloud::new(settings, start());
    {
        let mut world = cloud.touch();
        let cluster = CreateDbCluster::example("ledger").with(|config| {
            config.vpc_security_group_ids = Some(vec!["sg-app".to_owned()]);
            config.tags = Some(vec![Tag::new("lifeboat:policy", "gold")]);
        });
        world.rds.call(&cluster).unwrap();
        world.rds.call(&CreateDbInstance::example("ledger")).unwrap();
        world.rds.advance(Duration::minutes(10));
        world.rds.call(&CreateDbClusterMember::example("ledger", "ledger-1", 1)).unwrap();
        world.rds.call(&CreateDbClusterMember::example("ledger", "ledger-2", 0)).unwrap();
        world.rds.advance(Duration::minutes(30));
    }
    cloud
}

fn pass(cloud: &Cloud, minutes: i64) {
    cloud.touch().rds.advance(Duration::minutes(minutes));
}

fn see(cloud: &Cloud, name: &str) -> ObservedDatabase {
    at_once(cloud.database(&id(name))).unwrap().unwrap()
}

fn probe(cloud: &Cloud, name: &str) -> Probe {
    let target = Target::of(&Identity::parse("ledger").unwrap(), &see(cloud, name));
    let credentials = Credentials {
        version: "1".to_owned(),
        username: "lifeboat".to_owned(),
        password: Secret::new("correct-horse".to_owned()),
        database: None,
        endpoint: None,
        managed_by_rds: false,
    };
    let limits = VisitLimits { connect: Span::seconds(1), statement: Span::seconds(1) };
    at_once(cloud.probe(&target, &credentials, limits, &[]))
}

fn class<T: std::fmt::Debug>(answer: Answer<T>) -> CallClass {
    answer.unwrap_err().class
}

#[test]
fn a_cluster_is_seen_with_its_members_and_apart_from_an_instance_of_its_name() {
    let cloud = cloud();
    let seen = see(&cloud, "cluster:ledger");
    assert_eq!((seen.id.clone(), seen.resource_id.starts_with("cluster-")), (id("cluster:ledger"), true));
    assert_eq!((seen.writer().unwrap().id.as_str(), seen.members.len(), seen.has_standby()), ("ledger-1", 2, true));
    assert_eq!(seen.policy(), Some("gold"));
    assert_eq!(seen.configuration.cluster().unwrap().members.len(), 2);
    assert_eq!((see(&cloud, "ledger").cluster, see(&cloud, "ledger-1").cluster.as_deref()), (None, Some("ledger")));
    let listed: Vec<String> =
        at_once(cloud.databases(ResourceKind::ALL)).whole().unwrap().into_iter().map(|one| String::from(one.id)).collect();
    assert_eq!(listed, ["ledger", "ledger-1", "ledger-2", "cluster:ledger"]);
    assert_eq!(at_once(cloud.database(&id("cluster:nobody"))).unwrap(), None);
}

#[test]
fn a_probe_of_a_cluster_opens_its_writer_and_that_of_a_reader_says_read_only() {
    let cloud = cloud();
    assert_eq!((probe(&cloud, "cluster:ledger").outcome, probe(&cloud, "cluster:ledger").writable), (ProbeOutcome::Answers, Some(true)));
    assert_eq!(probe(&cloud, "ledger-2").writable, Some(false));
    at_once(cloud.fail_cluster_over(&id("cluster:ledger"), Some(&id("ledger-2")))).unwrap();
    assert_eq!(probe(&cloud, "cluster:ledger").outcome, ProbeOutcome::Unreachable);
    pass(&cloud, 5);
    assert_eq!(see(&cloud, "cluster:ledger").writer().unwrap().id, id("ledger-2"));
    assert_eq!((probe(&cloud, "cluster:ledger").writable, probe(&cloud, "ledger-1").writable), (Some(true), Some(false)));
}

#[test]
fn a_fence_shuts_all_members() {
    let cloud = cloud();
    at_once(cloud.set_security_groups(&id("cluster:ledger"), &["sg-fence".to_owned()])).unwrap();
    pass(&cloud, 1);
    assert!(see(&cloud, "cluster:ledger").has_exactly_group("sg-fence"));
    for name in ["cluster:ledger", "ledger-1", "ledger-2"] {
        assert_eq!(probe(&cloud, name).outcome, ProbeOutcome::NoAnswer);
    }
    assert_eq!(probe(&cloud, "ledger").outcome, ProbeOutcome::Answers, "the instance of that name is another database");
}

#[test]
fn a_cluster_is_restored_and_answers_once_it_has_a_member() {
    let cloud = cloud();
    let source = see(&cloud, "cluster:ledger");
    let (target, settings) =
        (id("cluster:ledger-r1"), RestoreSettings { configuration: source.configuration.clone(), opens_to: Vec::new(), tags: tags() });
    let window = at_once(cloud.restore_window(&source.id, &source.resource_id)).unwrap().unwrap();
    assert!(window.earliest < window.latest);
    at_once(cloud.restore_to_point_in_time(&source.resource_id, None, &target, &settings)).unwrap();
    pass(&cloud, 20);
    let restored = see(&cloud, "cluster:ledger-r1");
    assert_eq!((restored.members.len(), restored.policy()), (0, None), "its tags are ours, not the source's");
    assert_eq!(probe(&cloud, "cluster:ledger-r1").outcome, ProbeOutcome::Unreachable);
    for (number, told) in source.configuration.cluster().iter().flat_map(|it| &it.members).enumerate() {
        let member = id(&format!("ledger-r1-{number}"));
        at_once(cloud.make_member(&member, &target, &source.configuration.engine, told, &tags())).unwrap();
    }
    pass(&cloud, 20);
    let restored = see(&cloud, "cluster:ledger-r1");
    assert_eq!((restored.configuration, probe(&cloud, "cluster:ledger-r1").writable), (source.configuration, Some(true)));
}

#[test]
fn a_snapshot_of_a_cluster_is_made_listed_and_restored_in_the_same_version() {
    let cloud = cloud();
    let snapshot = SnapshotId::parse("lb-ledger-1").unwrap();
    at_once(cloud.create_snapshot(&id("cluster:ledger"), &snapshot, &tags())).unwrap();
    pass(&cloud, 5);
    let manual = at_once(cloud.manual_snapshots(ResourceKind::ALL)).whole().unwrap();
    assert_eq!((manual.len(), &manual[0].id, &manual[0].instance), (1, &snapshot, &id("cluster:ledger")));
    assert_eq!(at_once(cloud.snapshots_of(&id("cluster:ledger"))).unwrap().len(), 2, "and the automated one");
    let settings = RestoreSettings { configuration: see(&cloud, "cluster:ledger").configuration, opens_to: Vec::new(), tags: tags() };
    at_once(cloud.restore_from_snapshot(&snapshot, &id("cluster:copy"), &settings)).unwrap();
    pass(&cloud, 20);
    assert_eq!(see(&cloud, "cluster:copy").configuration.engine_version, see(&cloud, "cluster:ledger").configuration.engine_version);
}

#[test]
fn password_late_settings_and_tags_reach_the_cluster() {
    let cloud = cloud();
    let ledger = id("cluster:ledger");
    at_once(cloud.set_master_password(&ledger, &Secret::new("battery-staple".to_owned()))).unwrap();
    pass(&cloud, 5);
    assert_eq!(probe(&cloud, "cluster:ledger").outcome, ProbeOutcome::LoginRefused);
    let late = LateSettings { deletion_protection: true, maintenance_window: Some("mon:01:00-mon:01:30".to_owned()), ..Default::default() };
    at_once(cloud.set_late_settings(&ledger, &late)).unwrap();
    at_once(cloud.add_tags(&see(&cloud, "cluster:ledger").arn, &tags())).unwrap();
    let seen = see(&cloud, "cluster:ledger");
    assert!(late.are_in(&seen.configuration) && seen.tags.contains_key("lifeboat:incident"));
}

#[test]
fn what_is_only_for_instances_never_meets_an_instance_with_a_clusters_name() {
    let cloud = cloud();
    let ledger = id("cluster:ledger");
    assert_eq!(class(at_once(cloud.rename(&ledger, &id("cluster:other")))), CallClass::Invalid);
    assert_eq!(class(at_once(cloud.grow_storage(&ledger, 100, None, None))), CallClass::Invalid);
    assert_eq!(class(at_once(cloud.make_multi_az(&ledger))), CallClass::Invalid);
    pass(&cloud, 10);
    assert_eq!(see(&cloud, "ledger").status.as_str(), "available");
}

#[test]
fn a_cluster_is_deleted_with_its_members_and_the_instance_of_its_name_stays() {
    let cloud = cloud();
    let ledger = id("cluster:ledger");
    at_once(cloud.lift_deletion_protection(&ledger)).unwrap();
    at_once(cloud.delete_failed_restore(&ledger)).unwrap();
    pass(&cloud, 20);
    let left: Vec<String> =
        at_once(cloud.databases(ResourceKind::ALL)).whole().unwrap().into_iter().map(|one| String::from(one.id)).collect();
    assert_eq!(left, ["ledger"]);
    assert_eq!(see(&cloud, "ledger").status.as_str(), "available");
}

#[test]
fn faults_strike_calls_about_clusters_and_a_lost_reply_has_acted() {
    let cloud = cloud();
    let fault = |action: &str, kind| Fault { action: Some(action.to_owned()), resource: None, when: When::Times(1), kind };
    cloud.touch().add_fault(fault("DescribeDBClusters", FaultKind::Throttle));
    assert_eq!(class(at_once(cloud.database(&id("cluster:ledger")))), CallClass::Throttled);
    cloud.touch().add_fault(fault("FailoverDBCluster", FaultKind::ReplyLost));
    assert_eq!(class(at_once(cloud.fail_cluster_over(&id("cluster:ledger"), None))), CallClass::Unknown);
    pass(&cloud, 5);
    assert_eq!(see(&cloud, "cluster:ledger").writer().unwrap().id, id("ledger-2"));
    assert_eq!(class(at_once(cloud.fail_cluster_over(&id("cluster:nobody"), None))), CallClass::NotFound);
    let sent = cloud.see();
    let acted: Vec<&str> =
        sent.rds.model.effective_calls().filter(|call| call.action.contains("Cluster")).map(|call| call.action).collect();
    assert_eq!(acted, ["CreateDBCluster", "FailoverDBCluster"]);
}
