//! What a person may ask for: whatever is wrong is named, with what is accepted, before anything is touched.

use crate::account::{Account, GOLD, ORDERS};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::{Timestamp, show_time};
use serde_json::{Value, json};

/// Asks, and expects a refusal that names things; nothing may have changed.
async fn refused(account: &mut Account, input: Value, error: &str, names: &[&str]) {
    let (calls, incidents) = (account.last_call(), account.incidents().len());
    let ended = account.ask(input.clone()).await;
    assert_eq!(ended.error(), error, "{input}: {}", ended.cause());
    for name in names {
        assert!(ended.cause().contains(name), "{input}: {:?} should name {name:?}", ended.cause());
    }
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{input}: nothing is changed");
    assert_eq!(account.incidents().len(), incidents, "{input}: no incident is opened");
    assert_eq!(account.record().open_incident, None, "{input}");
    let told = account.subjects();
    assert!(told.last().is_some_and(|subject| subject.starts_with("REFUSED a start of recovery")), "{input}: {told:?}");
}

fn human_error(restore_to: &str) -> Value {
    json!({"resource": ORDERS, "scenario": "human_error", "restore_to": restore_to, "run": "execute"})
}

#[tokio::test]
async fn bad_input_is_refused_by_field_and_value_with_what_is_accepted() {
    let mut account = Account::new(false).await;
    let rows = [
        (json!({"resource": ORDERS, "scenario": "hang"}), "Dr.InvalidInput", vec!["scenario", "hang", "hung"]),
        (json!({"resource": ORDERS, "scenario": "hung", "runn": "plan"}), "Dr.InvalidInput", vec!["runn", "run"]),
        (json!({"resource": ORDERS, "scenario": "hung", "run": "go"}), "Dr.InvalidInput", vec!["run", "go", "plan", "execute"]),
        (json!({"resource": ORDERS}), "Dr.InvalidInput", vec!["scenario"]),
        (json!({"scenario": "hung"}), "Dr.InvalidInput", vec!["resource"]),
        (json!({"resource": 7, "scenario": "hung"}), "Dr.InvalidInput", vec!["resource"]),
        (json!({"resource": "orders-bd", "scenario": "hung"}), "Dr.NotFound", vec!["orders-bd", "did you mean", ORDERS]),
        (json!({"resource": ORDERS, "scenario": "human_error"}), "Dr.InvalidInput", vec!["restore_to"]),
        (json!({"resource": ORDERS, "scenario": "hung", "plan": "abc"}), "Dr.InvalidInput", vec!["plan", "abc", "64 hex digits"]),
        (json!({"resource": ORDERS, "scenario": "hung", "plan": "0".repeat(64)}), "Dr.InvalidInput", vec!["plan", "execute"]),
        (json!({"resource": ORDERS, "scenario": "hung", "cut_over": "yes"}), "Dr.InvalidInput", vec!["cut_over"]),
        (json!({"incident": "inc-nobody", "resource": ORDERS}), "Dr.InvalidInput", vec!["resource"]),
        (json!({}), "Dr.InvalidInput", vec!["resource"]),
    ];
    for (input, error, names) in rows {
        refused(&mut account, input, error, &names).await;
    }
}

#[tokio::test]
async fn a_restore_time_without_a_zone_or_in_the_future_is_refused() {
    let mut account = Account::new(false).await;
    refused(&mut account, human_error("2026-01-15T10:25:00"), "Dr.InvalidInput", &["restore_to", "10:25:00", "zone"]).await;
    refused(&mut account, human_error("yesterday"), "Dr.InvalidInput", &["restore_to", "yesterday"]).await;
    let future = show_time(account.time() + Duration::hours(1));
    refused(&mut account, human_error(&future), "Dr.InvalidInput", &["restore_to", &future, "in the past"]).await;
}

#[tokio::test]
async fn a_restore_time_before_the_restorable_window_is_refused_with_the_window() {
    let mut account = Account::new(false).await;
    let calls = account.last_call();
    let ended = account.ask(human_error("2026-01-15T09:00:00Z")).await;
    assert_eq!(ended.error(), "Dr.InvalidInput", "{}", ended.cause());
    assert!(["restore_to", "2026-01-15T09:00:00Z"].iter().all(|name| ended.cause().contains(name)), "{}", ended.cause());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    assert_eq!(account.incident().state, IncidentState::WaitingForPerson, "it stays open for the corrected input");
    assert!(account.lease_is_free());
    let at = show_time(account.time() - Duration::minutes(5));
    assert!(account.ask(human_error(&at)).await.is_well(), "which takes its place: {}", account.explain());
}

#[tokio::test]
async fn a_time_with_another_zone_means_the_same_moment() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(10)).await;
    let at: Timestamp = account.time() - Duration::minutes(8);
    let elsewhere = at.with_timezone(&chrono::FixedOffset::east_opt(3 * 3600 + 1800).unwrap()).to_rfc3339();
    let ended = account.ask(human_error(&elsewhere)).await;
    assert!(ended.is_well(), "{}", ended.cause());
    assert!(account.calls_since(0).iter().any(|call| call.contains(&show_time(at))), "{:?}", account.calls_since(0));
}

#[tokio::test]
async fn a_name_that_means_two_databases_is_refused_with_the_candidates_and_an_arn_tells_them_apart() {
    let mut account = Account::new(false).await;
    account.create("twin-db", false, &[("lifeboat:resource", ORDERS)]);
    account.advance(Duration::minutes(20));
    let input = |resource: &str| json!({"resource": resource, "scenario": "hung"});
    refused(&mut account, input(ORDERS), "Dr.InvalidInput", &["resource", "ambiguous", "db:orders-db", "db:twin-db"]).await;
    let ended = account.ask(input("arn:aws:rds:us-east-1:123456789012:db:orders-db")).await;
    assert!(ended.is_well(), "{}", ended.cause());
}

#[tokio::test]
async fn a_database_without_a_policy_is_left_alone() {
    let mut account = Account::new(false).await;
    account.create("scratch-db", false, &[("lifeboat:policy", "")]);
    account.advance(Duration::minutes(20));
    refused(&mut account, json!({"resource": "scratch-db", "scenario": "hung"}), "Dr.Refused", &["scratch-db", "policy"]).await;
}

#[tokio::test]
async fn an_unknown_policy_is_named_with_those_that_exist_and_nothing_is_changed() {
    let mut account = Account::new(false).await;
    account.create("legacy-db", false, &[("lifeboat:policy", "glod")]);
    account.advance(Duration::minutes(20));
    let calls = account.last_call();
    let ended = account.ask(json!({"resource": "legacy-db", "scenario": "hung"})).await;
    assert_eq!(ended.error(), "Dr.InvalidInput", "{}", ended.cause());
    assert!(["lifeboat:policy", "glod", "gold"].iter().all(|name| ended.cause().contains(name)), "{}", ended.cause());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    account.sweeps(3).await;
    let told = account.subjects().into_iter().filter(|subject| subject.contains("legacy-db has an unknown policy")).count();
    assert_eq!(told, 1, "the sweep tells it once: {:?}", account.subjects());
}

#[tokio::test]
async fn run_is_plan_unless_stated() {
    let mut account = Account::under(GOLD, false).await;
    let calls = account.last_call();
    let ended = account.ask(json!({"resource": ORDERS, "scenario": "instance_failure"})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    assert_eq!(account.incident().outcome, Some(Outcome::Planned));
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
}
