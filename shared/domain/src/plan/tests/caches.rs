//! Caches that are filled from the database of the plan.

use super::{AUTOMATIC, World};
use crate::caches::{CacheAt, FoundCache};
use crate::ids::{Arn, DatabaseId, SnapshotId};
use crate::incident::Phase;
use crate::observed::{CacheConfiguration, Endpoint, Own};
use crate::plan::{Act, Plan, Remedy, UsablePoint};
use crate::point::Manifest;
use crate::samples::{at, instance};
use crate::words::{ResourceKind, Scenario};

fn cache(cluster_mode: bool) -> FoundCache {
    FoundCache::At(CacheAt {
        instance: DatabaseId::parse("replicationgroup:orders-cache").unwrap(),
        arn: Arn::parse("arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:orders-cache").unwrap(),
        engine: "valkey".to_owned(),
        endpoint: Endpoint { host: "master.orders-cache.example".to_owned(), port: 6379 },
        cluster_mode,
        tls: true,
        secret: Some("prod/cache".to_owned()),
    })
}

fn plan(scenario: Scenario, status: &str, after: &str, found: FoundCache) -> Plan {
    let mut world = World::new(scenario, status, &format!("{AUTOMATIC}\ncaches: [{{identity: orders-cache, after: {after}}}]"));
    world.caches = vec![found];
    world.plan().plan
}

fn flushes(plan: &Plan) -> Vec<String> {
    plan.calls_of(Phase::Close)
        .filter(|(_, call)| matches!(call.act, Act::FlushCache { .. }))
        .map(|(_, call)| call.act.describe())
        .collect()
}

#[test]
fn a_restore_empties_the_caches_that_the_policy_says_with_a_named_risk_and_within_the_hash() {
    let flush = plan(Scenario::InstanceFailure, "failed", "flush", cache(false));
    assert_eq!(flushes(&flush), ["cache:FLUSHALL orders-cache (cache orders-cache) ASYNC"]);
    assert!(flush.risks.iter().any(|risk| risk.contains("cache orders-cache is emptied")), "{:?}", flush.risks);
    assert!(flush.guidance.is_empty(), "{:?}", flush.guidance);
    let place = |wanted: fn(&Act) -> bool| flush.calls.iter().position(|call| wanted(&call.act)).unwrap();
    assert!(place(|act| matches!(act, Act::PointSecret { .. })) < place(|act| matches!(act, Act::FlushCache { .. })));
    let told = plan(Scenario::InstanceFailure, "failed", "tell", cache(false));
    assert_ne!(flush.hash, told.hash, "who approved the one has not approved the other");
}

#[test]
fn a_cache_that_is_only_told_of_gets_its_command_and_no_call() {
    for (cluster_mode, command) in [
        (false, "redis-cli --tls -h master.orders-cache.example -p 6379 FLUSHALL ASYNC"),
        (true, "redis-cli --tls --cluster call master.orders-cache.example:6379 FLUSHALL ASYNC --cluster-only-masters"),
    ] {
        let told = plan(Scenario::InstanceFailure, "failed", "tell", cache(cluster_mode));
        assert_eq!((flushes(&told), told.guidance.last().map(String::as_str)), (Vec::new(), Some(command)));
    }
}

#[test]
fn a_cache_that_is_to_be_built_anew_gets_the_input_that_plans_it() {
    let told = plan(Scenario::InstanceFailure, "failed", "rebuild_cold", cache(false));
    let line = told.guidance.last().unwrap();
    assert!(flushes(&told).is_empty() && line.contains("\"resource\": \"orders-cache\", \"scenario\": \"corruption\""), "{line}");
    assert!(line.contains("\"cut_over\": true, \"option\": \"rebuild_cold\", \"run\": \"plan\""), "{line}");
}

#[test]
fn a_cache_of_which_nothing_is_known_is_named_and_keeps_no_database_from_being_recovered() {
    let lacking = plan(Scenario::InstanceFailure, "failed", "flush", FoundCache::Lacking("it is gone".to_owned()));
    assert!(flushes(&lacking).is_empty() && lacking.refusals.is_empty(), "{lacking:?}");
    assert!(lacking.risks.iter().any(|risk| risk == "cache orders-cache is not emptied: it is gone"), "{:?}", lacking.risks);
}

#[test]
fn a_failover_changes_no_data_and_empties_no_cache() {
    let mut world = World::new(Scenario::Hung, "available", &format!("{AUTOMATIC}\ncaches: [{{identity: orders-cache, after: flush}}]"));
    world.caches = vec![cache(false)];
    world.observed.as_mut().unwrap().configuration.multi_az = true;
    let plan = world.plan().plan;
    assert_eq!(plan.remedy, Some(Remedy::ForceFailover));
    assert!(flushes(&plan).is_empty() && plan.guidance.is_empty(), "{plan:?}");
}

/// A failed cache with cluster mode, or without, of so many shards; its only snapshot holds others.
fn resharded(cluster_mode: bool, shards: i32, held: i32) -> Plan {
    let mut world = World::new(Scenario::InstanceFailure, "create-failed", AUTOMATIC);
    let mut source = instance("create-failed");
    source.id = DatabaseId::parse("replicationgroup:orders-db").unwrap();
    source.configuration.own = Some(Own::Cache(Box::new(CacheConfiguration { cluster_mode, shards, ..CacheConfiguration::default() })));
    world.incident.kind = ResourceKind::ReplicationGroup;
    world.incident.source.id = source.id.clone();
    world.window = None;
    world.points = vec![UsablePoint { snapshot: SnapshotId::parse("nightly").unwrap(), data_time: at(-7200), shards: Some(held) }];
    world.manifest = Some(Manifest::of(&source, at(0)));
    world.observed = Some(source);
    world.plan().plan
}

#[test]
fn a_cache_that_was_resharded_comes_back_with_the_shards_of_its_snapshot_and_the_plan_names_them() {
    let plan = resharded(true, 3, 2);
    let shards = |plan: &Plan| plan.restore_settings().and_then(|it| Some(it.configuration.cache()?.shards));
    assert_eq!((plan.remedy, shards(&plan)), (Some(Remedy::RestoreSnapshot), Some(2)));
    assert!(plan.risks.iter().any(|risk| risk.contains("the snapshot holds 2 shards and its source has 3")), "{:?}", plan.risks);
    let same = resharded(true, 2, 2);
    assert!(!same.risks.iter().any(|risk| risk.contains("shards")), "{:?}", same.risks);
    assert_ne!(plan.hash, resharded(true, 3, 1).hash);
}

#[test]
fn a_snapshot_of_shards_is_not_restored_without_cluster_mode() {
    assert_eq!(resharded(false, 1, 2).remedy, Some(Remedy::RebuildCold));
    assert_eq!(resharded(false, 1, 1).remedy, Some(Remedy::RestoreSnapshot));
}
