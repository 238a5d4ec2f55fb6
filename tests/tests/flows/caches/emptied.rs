//! A node that AWS replaced by an empty one: it answers and takes writes, and everything is gone.

use crate::account::{Account, CACHE, ORDERS, Shape, policies, rows_of, write_to};
use crate::story::check_always;
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::words::Scenario;

/// The primary is lost; whoever takes its place answers again.
async fn after_the_loss(shape: Shape) -> Account {
    let mut account = Account::with_cache(CACHE, shape).await;
    account.client.writes = false;
    account.sweeps(1).await;
    account.happen(|model, now| model.lose_primary(ORDERS, now)).unwrap();
    account.pass(Duration::minutes(12)).await;
    account
}

/// The only node is replaced by an empty one, which a sweep finds.
pub async fn found() -> Account {
    let mut account = after_the_loss(Shape::Alone).await;
    account.sweeps(1).await;
    account.settle().await;
    account
}

#[tokio::test]
async fn it_is_found_though_nothing_else_shows_it_and_its_newest_snapshot_stands_beside_it() {
    let mut account = found().await;
    let serving = account.serving().unwrap();
    assert_eq!(rows_of(&account.cloud, &serving).unwrap().len(), 0, "the model replaced it by an empty one");
    let incident = account.incident();
    let ended = (incident.scenario(), incident.outcome);
    assert_eq!(ended, (Some(Scenario::Corruption), Some(Outcome::RestoredBeside)), "{}", account.explain());
    let text = account.texts_about("RESTORED orders-db beside production");
    assert!(text.contains("a server that was started anew holds 0 keys, where another one held"), "{text}");
    let plan = account.plans().pop().unwrap();
    assert_eq!(plan.remedy, Some(Remedy::RestoreSnapshot), "{}", account.explain());
    assert!(plan.options.iter().any(|option| option.remedy == Remedy::RebuildCold && option.possible));
    let incidents = account.incidents().len();
    account.sweeps(5).await;
    account.settle().await;
    assert_eq!(account.incidents().len(), incidents, "one loss is one story: {}", account.explain());
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn one_that_was_replaced_before_anybody_missed_it_is_found_and_its_replica_is_as_empty() {
    let mut account = Account::with_cache(CACHE, Shape::Pair).await;
    account.client.writes = false;
    account.sweeps(1).await;
    account.happen(|model, now| model.replace_primary(ORDERS, now)).unwrap();
    account.sweeps(1).await;
    account.settle().await;
    let serving = account.serving().unwrap();
    assert_eq!(rows_of(&account.cloud, &serving).unwrap().len(), 0);
    let incident = account.incident();
    let ended = (incident.scenario(), incident.outcome);
    assert_eq!(ended, (Some(Scenario::Corruption), Some(Outcome::RestoredBeside)), "{}", account.explain());
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn once_clients_have_filled_it_again_its_check_passes_and_it_is_compared_with_what_is_there() {
    let mut account = after_the_loss(Shape::Alone).await;
    account.policies = policies(&CACHE.replace("mode: automatic", "mode: observe"));
    account.sweeps(1).await;
    account.settle().await;
    assert_eq!(account.incident().state, IncidentState::WaitingForPerson, "{}", account.explain());
    let lost = account.record().life.unwrap();
    assert!(lost.lost_at.is_some() && lost.life.nodes[0].keys > 15, "{lost:?}");
    let passed = account.record().checks_passed_at;
    let serving = account.serving().unwrap();
    assert!((1..=15).all(|key| write_to(&account.cloud, &serving, key, Some("filled again"))));
    account.sweeps(3).await;
    let (record, incidents) = (account.record(), account.incidents().len());
    let life = record.life.unwrap();
    assert_eq!((life.lost_at, life.life.nodes[0].keys, incidents), (None, 15, 1), "{}", account.explain());
    assert!(record.checks_passed_at > passed);
}

#[tokio::test]
async fn a_replica_that_took_over_has_lost_nothing() {
    let mut account = after_the_loss(Shape::Pair).await;
    account.sweeps(3).await;
    account.settle().await;
    let found = account.incidents().into_iter().find(|incident| incident.scenario() == Some(Scenario::Corruption));
    assert!(found.is_none(), "{}", account.explain());
}

#[tokio::test]
async fn what_its_owner_deletes_is_no_loss() {
    let mut account = Account::with_cache(CACHE, Shape::Alone).await;
    account.client.writes = false;
    account.sweeps(1).await;
    let serving = account.serving().unwrap();
    assert!((1..=20).all(|key| write_to(&account.cloud, &serving, key, None)));
    account.sweeps(3).await;
    account.settle().await;
    assert!(account.incidents().is_empty(), "{}", account.explain());
}

#[tokio::test]
async fn aws_is_not_raced_while_the_node_is_being_replaced() {
    let mut account = Account::with_cache(CACHE, Shape::Alone).await;
    account.client.writes = false;
    account.sweeps(1).await;
    let calls = account.last_call();
    account.happen(|model, now| model.lose_primary(ORDERS, now)).unwrap();
    account.pass(Duration::minutes(2)).await;
    account.sweeps(1).await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert!(account.incidents().iter().all(|incident| incident.outcome != Some(Outcome::Recovered)));
}
