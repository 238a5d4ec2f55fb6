//! Events of a healthy database, and of one that is not: what starts something, and what leaves only a reason.

use crate::account::{Account, ORDERS};
use chrono::Duration;
use lifeboat_domain::events::CATALOGUE;
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:rds:us-east-1:123456789012:db:orders-db";

fn event(account: &Account, id: &str, number: &str) -> Value {
    json!({
        "version": "0", "id": id, "source": "aws.rds", "detail-type": "RDS DB Instance Event", "account": "123456789012",
        "region": "us-east-1", "time": lifeboat_domain::show_time(account.time()), "resources": [ARN],
        "detail": {
            "EventCategories": ["failure"], "SourceType": "DB_INSTANCE", "SourceArn": ARN, "SourceIdentifier": ORDERS,
            "Date": lifeboat_domain::show_time(account.time()), "Message": "a message of RDS", "EventID": number,
        },
    })
}

/// Gives `detect` an event; nothing may be opened or changed, and a reason is left.
async fn leaves_only_a_reason(account: &mut Account, event: Value, why: &str) {
    let (calls, reasons) = (account.last_call(), account.reasons().len());
    let answer = account.detect(event.clone()).await.unwrap();
    assert!(answer["reason"].as_str().unwrap().contains(why), "{answer} should say {why:?}");
    assert_eq!((account.incidents().len(), account.cloud.see().executions.len()), (0, 0), "{event} starts nothing");
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    assert_eq!(account.reasons().len(), reasons + 1, "a reason is left");
}

#[tokio::test]
async fn no_event_of_the_whole_catalogue_makes_lifeboat_change_a_database_that_answers() {
    let mut account = Account::new(false).await;
    let calls = account.last_call();
    for (place, entry) in CATALOGUE.iter().enumerate() {
        let event = event(&account, &format!("event-{place}"), &entry.id.to_string());
        let answer = account.detect(event).await.unwrap();
        assert!(!answer["reason"].as_str().unwrap().is_empty(), "{}", entry.id);
    }
    account.settle().await;
    account.sweeps(3).await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert!(account.reasons().len() >= CATALOGUE.len(), "each leaves a reason");
    assert!(account.lease_is_free());
    let left: Vec<_> = account.incidents().into_iter().filter(|incident| incident.outcome != Some(Outcome::SelfHealed)).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_stale_event_leaves_only_a_reason() {
    let mut account = Account::new(false).await;
    let old = event(&account, "old", "RDS-EVENT-0031");
    account.advance(Duration::minutes(61));
    leaves_only_a_reason(&mut account, old, "stale").await;
}

#[tokio::test]
async fn planned_work_leaves_only_a_reason_and_explains_the_silence_that_follows() {
    let mut account = Account::new(false).await;
    let maintenance = event(&account, "planned", "RDS-EVENT-0026");
    leaves_only_a_reason(&mut account, maintenance, "").await;
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(5).await;
    assert_eq!(account.incidents().len(), 0, "{}", account.explain());
    account.pass(Duration::hours(2)).await;
    account.sweeps(3).await;
    assert_eq!(account.incidents().len(), 1, "but not for ever");
}

#[tokio::test]
async fn an_unknown_event_leaves_only_a_reason() {
    let mut account = Account::new(false).await;
    let unknown = event(&account, "unknown", "RDS-EVENT-9999");
    leaves_only_a_reason(&mut account, unknown, "").await;
}

#[tokio::test]
async fn an_event_of_a_database_that_nobody_protects_leaves_only_a_reason() {
    let mut account = Account::new(false).await;
    let mut other = event(&account, "other", "RDS-EVENT-0031");
    other["detail"]["SourceIdentifier"] = json!("scratch-db");
    other["detail"]["SourceArn"] = json!("arn:aws:rds:us-east-1:123456789012:db:scratch-db");
    leaves_only_a_reason(&mut account, other, "does not exist and Lifeboat does not know it").await;
}

#[tokio::test]
async fn a_repeated_event_is_answered_as_the_first_time_and_starts_nothing_more() {
    let mut account = Account::new(false).await;
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.deliver().await;
    let first = account.cloud.see().executions.len();
    for _ in 0..3 {
        let again = event(&account, "twice", "RDS-EVENT-0031");
        account.detect(again).await.unwrap();
    }
    assert_eq!((first, account.cloud.see().executions.len(), account.incidents().len()), (1, 1, 1));
    account.settle().await;
    let late = event(&account, "twice", "RDS-EVENT-0031");
    let answer = account.detect(late).await.unwrap();
    assert!(answer["reason"].as_str().unwrap().starts_with("seen before"), "{answer}");
    assert_eq!(account.incidents().len(), 1);
}

#[tokio::test]
async fn a_malformed_event_is_an_error_that_names_what_is_wrong_for_the_dead_letter_queue() {
    let account = Account::new(false).await;
    let calls = account.last_call();
    let rows = [
        (json!({"source": "aws.rds", "detail-type": "RDS DB Instance Event", "detail": {"no": "event"}}), ""),
        (json!("text"), ""),
        (json!({"step": "nonsense"}), "step"),
        (json!({}), ""),
    ];
    for (input, names) in rows {
        let error = account.detect(input.clone()).await.unwrap_err();
        assert!(error.to_string().contains(names), "{input}: {error}");
    }
    assert_eq!((account.incidents().len(), account.calls_since(calls).len()), (0, 0));
}

#[tokio::test]
async fn an_event_that_the_ledger_cannot_take_now_is_delivered_again_and_then_acted_on() {
    let mut account = Account::new(false).await;
    account.fault("dynamodb:PutItem", When::Times(2), FaultKind::Throttle);
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    for _ in 0..4 {
        account.deliver().await;
    }
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.cloud.see().executions.len(), 1);
}
