//! One service that does not answer hides nothing of the others, and nothing of it is taken for gone.

use crate::account::{Account, GOLD, ORDERS, Shape};
use crate::story::check_always;
use chrono::Duration;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::words::{ResourceKind, Scenario};
use lifeboat_testing::model::CacheNotice;
use serde_json::json;

const SESSIONS: &str = "sessions";

/// `orders-db` is an instance, and there is a cache as well; all is swept and well.
async fn with_a_cache() -> Account {
    let mut account = Account::under(GOLD, false).await;
    account.cloud.touch().rds.model.add_subnet_group("caches-private", "vpc-orders");
    account.create_cache(SESSIONS, Shape::Pair);
    account.advance(Duration::minutes(20));
    account.sweeps(2).await;
    assert_eq!(account.incidents().len(), 0, "{}", account.explain());
    account
}

fn told(account: &Account, subject: &str) -> usize {
    account.subjects().iter().filter(|told| told.contains(subject)).count()
}

#[tokio::test]
async fn a_sweep_finds_a_hung_instance_while_elasticache_does_not_answer() {
    let mut account = with_a_cache().await;
    account.cloud.touch().stop_listing(ResourceKind::ReplicationGroup);
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(3).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let others: Vec<_> = account.incidents().into_iter().filter(|incident| incident.resource.as_str() != ORDERS).collect();
    assert!(others.is_empty(), "a cache that nobody could list is not deleted: {others:#?}");
    assert_eq!(told(&account, "ElastiCache did not list what it has"), 1, "once a day: {:?}", account.subjects());
    let text = account.texts_about("NEWS ElastiCache did not list");
    assert!(text.contains("these are not looked after: sessions"), "{text}");
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn an_outage_of_rds_leaves_the_cache_looked_after_and_takes_no_instance_for_deleted() {
    let mut account = with_a_cache().await;
    account.cloud.touch().stop_listing(ResourceKind::RdsInstance);
    account.sweeps(3).await;
    assert_eq!(account.incidents().len(), 0, "{}", account.explain());
    let text = account.texts_about("NEWS RDS did not list");
    assert!(text.contains("its instances and its clusters") && text.contains("not looked after: orders-db"), "{text}");
    account.cloud.touch().clear_faults();
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(3).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "it is looked after again: {}", account.explain());
}

#[tokio::test]
async fn a_backup_covers_what_can_be_listed_and_names_what_cannot() {
    let mut account = with_a_cache().await;
    account.cloud.touch().stop_listing(ResourceKind::ReplicationGroup);
    let calls = account.last_call();
    account.backup().await;
    assert_eq!(account.calls_since(calls).iter().filter(|call| call.starts_with("CreateDBSnapshot")).count(), 1);
    let text = account.texts_about("BACKUP incomplete, 1 of 2 covered: sessions");
    assert!(text.contains("ElastiCache did not list its replication groups"), "{:?} {text}", account.subjects());
}

#[tokio::test]
async fn a_backup_whose_snapshots_cannot_be_listed_for_a_while_is_waited_for_and_not_asked_for_again() {
    let mut account = with_a_cache().await;
    account.before("CheckSnapshots", |cloud| cloud.touch().stop_listing(ResourceKind::RdsInstance));
    account.before.insert(("CheckSnapshots".to_owned(), 3), Box::new(|cloud| cloud.touch().clear_faults()));
    let calls = account.last_call();
    assert!(account.backup().await.is_well());
    let made = account.calls_since(calls);
    let asked = |action: &str| made.iter().filter(|call| call.starts_with(action)).count();
    assert_eq!((asked("CreateDBSnapshot"), asked("CreateSnapshot")), (1, 1), "{made:?}");
    assert_eq!(told(&account, "BACKUP incomplete"), 0, "{:?}", account.subjects());
}

#[tokio::test]
async fn a_person_recovers_what_can_be_listed_and_is_told_why_the_rest_cannot_be_found() {
    let mut account = with_a_cache().await;
    account.cloud.touch().stop_listing(ResourceKind::ReplicationGroup);
    let at = lifeboat_domain::show_time(account.time() - Duration::minutes(8));
    for resource in [ORDERS, "arn:aws:rds:us-east-1:123456789012:db:orders-db"] {
        let ended = account.ask(json!({"resource": resource, "scenario": "human_error", "restore_to": at})).await;
        assert!(ended.is_well(), "{resource}: {}", ended.cause());
    }
    for resource in [SESSIONS, "nobody-knows"] {
        let ended = account.ask(json!({"resource": resource, "scenario": "human_error", "restore_to": at})).await;
        assert_eq!(ended.error(), "Dr.TransientFailure", "{resource}: {}", ended.cause());
        assert!(ended.cause().contains("elasticache:DescribeReplicationGroups"), "{}", ended.cause());
    }
}

#[tokio::test]
async fn a_database_of_another_kind_never_takes_over_an_identity() {
    let mut account = Account::under(GOLD, false).await;
    let known = account.record();
    account.cloud.touch().rds.model.add_subnet_group("caches-private", "vpc-orders");
    account.create_cache(ORDERS, Shape::Pair);
    account.advance(Duration::minutes(20));
    let failed = CacheNotice {
        at: account.time(),
        topic: "arn:aws:sns:us-east-1:123456789012:caches".to_owned(),
        message: json!({"ElastiCache:FailoverComplete": ORDERS}).to_string(),
    };
    account.detect(crate::account::sns(&failed, 77)).await.unwrap();
    assert!(account.reasons().iter().any(|reason| reason.contains("carries the identity orders-db")), "{:?}", account.reasons());
    account.sweeps(2).await;
    account.backup().await;
    let record = account.record();
    assert_eq!((record.kind, record.id, record.resource_id), (known.kind, known.id, known.resource_id));
    assert_eq!(told(&account, "orders-db is ambiguous"), 1, "{:?}", account.subjects());
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(3).await;
    account.settle().await;
    let incident = account.incident();
    assert_eq!((incident.kind, incident.scenario()), (ResourceKind::RdsInstance, Some(Scenario::Hung)), "{}", account.explain());
}
