//! Releasing what a recovery of a cluster kept: its members first, then the cluster, with the final snapshot that RDS asks for.

use crate::account::{Account, ORDERS};
use crate::clusters::Tale;
use crate::story::{Story, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::{Value, json};

/// A tale that is over.
async fn after(tale: Tale, outcome: Outcome) -> Account {
    let story = Story::Cluster(tale);
    let mut account = story.begin().await;
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(outcome), "{}", account.explain());
    account.pass(Duration::minutes(10)).await;
    account
}

fn order(cluster: &str) -> Value {
    let id = format!("cluster:{cluster}");
    json!({"resource": ORDERS, "instance": id, "confirm": id, "claimed_by": "Ann", "reason": "two weeks of quiet"})
}

fn actions(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split(' ').next().unwrap()).collect()
}

#[tokio::test]
async fn a_retired_cluster_is_deleted_after_its_members_with_a_final_snapshot() {
    let mut account = after(Tale::HungAlone, Outcome::Recovered).await;
    let before = account.last_call();
    let ended = account.release(order(ORDERS)).await;
    assert!(ended.is_well(), "{}", ended.cause());
    let calls = account.calls_since(before);
    assert_eq!(actions(&calls), ["ModifyDBCluster", "DeleteDBInstance", "DeleteDBCluster"]);
    assert!(calls[1].contains("\"orders-db-1\"") && calls[1].contains("\"SkipFinalSnapshot\":true"), "{calls:?}");
    assert!(calls[2].contains("lifeboat-orders-db-final-") && calls[2].contains("\"DeleteAutomatedBackups\":false"), "{calls:?}");
    account.pass(Duration::minutes(30)).await;
    assert_eq!(account.cluster(ORDERS), Value::Null);
    account.sweeps(2).await;
    assert!(account.subjects().iter().any(|subject| subject.contains("cluster orders-db was deleted")), "{:?}", account.subjects());
    assert_eq!(account.incidents().len(), 1, "the deletion of what is retired is no incident: {}", account.explain());
}

#[tokio::test]
async fn a_copy_beside_production_is_released_with_its_members_and_production_is_not() {
    let mut account = after(Tale::HumanError, Outcome::RestoredBeside).await;
    let (copy, _) = copy_of_orders(&account.cloud);
    let before = account.last_call();
    let ended = account.release(order(ORDERS)).await;
    assert_eq!(ended.error(), "Dr.Refused", "{}", ended.cause());
    // An instance of that name is another thing.
    let ended = account.release(json!({"resource": ORDERS, "instance": copy, "confirm": copy})).await;
    assert_eq!(ended.error(), "Dr.NotFound", "{}", ended.cause());
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    // A member goes with its cluster only.
    let member = account.members(&copy).pop().unwrap();
    let ended = account.release(json!({"resource": ORDERS, "instance": member, "confirm": member})).await;
    assert_eq!(ended.error(), "Dr.Refused", "{}", ended.cause());
    let ended = account.release(order(&copy)).await;
    assert!(ended.is_well(), "{}", ended.cause());
    let calls = account.calls_since(before);
    assert_eq!(actions(&calls), ["ModifyDBCluster", "DeleteDBInstance", "DeleteDBInstance", "DeleteDBInstance", "DeleteDBCluster"]);
    account.pass(Duration::minutes(30)).await;
    assert_eq!((account.cluster(&copy), account.status(ORDERS)), (Value::Null, json!("available")));
}

#[tokio::test]
async fn one_fault_of_any_call_releases_a_cluster_all_the_same_and_once() {
    for action in ["DescribeDBClusters", "DescribeDBInstances", "ModifyDBCluster", "DeleteDBInstance", "DeleteDBCluster"] {
        for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
            let mut account = after(Tale::HungAlone, Outcome::Recovered).await;
            let before = account.last_call();
            account.fault(action, When::Nth(1), kind.clone());
            let ended = account.release(order(ORDERS)).await;
            assert!(ended.is_well(), "{action} {kind:?}: {}", ended.cause());
            account.pass(Duration::minutes(30)).await;
            let calls = account.calls_since(before);
            let deletions = actions(&calls).into_iter().filter(|action| *action == "DeleteDBCluster").count();
            assert_eq!((deletions, account.cluster(ORDERS)), (1, Value::Null), "{action} {kind:?}: {calls:?}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_of_a_cluster_is_told_once_as_a_whole_with_the_input_that_releases_it() {
    let mut account = after(Tale::HumanError, Outcome::RestoredBeside).await;
    let (copy, _) = copy_of_orders(&account.cloud);
    account.advance(Duration::hours(30));
    account.sweeps(3).await;
    let text = account.texts_about("NEWS 1 kept database waits");
    assert!(text.contains(&format!("\"instance\":\"cluster:{copy}\"")), "{:?} {text}", account.subjects());
    assert!(text.contains("cluster of [db.r6g.large, db.r6g.large, db.r6g.large]"), "{text}");
    assert!(!text.contains(&format!("{copy}-1")), "its members are no databases of their own: {text}");
}
