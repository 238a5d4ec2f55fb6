//! The steps `news` and `backup`, and input that is wrong.

use super::fixture::{World, incident_id, judged, resource, time};
use super::ports::Fault;
use lifeboat_domain::ErrorName;
use lifeboat_domain::incident::IncidentState;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::register::News;
use serde_json::{Value, json};

pub(super) fn news(world: &World, at: &str, id: &str, title: &str, with_incident: bool) {
    let news = News {
        at: time(at),
        resource: Some(resource()),
        incident: with_incident.then(incident_id),
        title: title.to_owned(),
        text: "It was found by the sweep. Please look.".to_owned(),
        told_at: None,
    };
    world.put(keys::news(news.at, id), &news);
}

#[tokio::test]
async fn news_is_told_once_and_one_that_fails_does_not_keep_the_others_back() {
    let world = judged();
    world.change_incident(|incident| incident.state = IncidentState::WaitingForPerson);
    news(&world, "10:00:00", "a", "orders-db has an unknown policy", false);
    news(&world, "10:01:00", "b", "orders-db needs you: its recovery was interrupted", true);
    world.deps.topic.fault.set(Fault::Dark);
    assert_eq!(world.step(json!({"step": "news", "execution": "e"})).await.unwrap_err().name(), ErrorName::TransientFailure);
    assert_eq!(world.messages().len(), 1);
    assert_eq!(world.step(json!({"step": "news"})).await.unwrap(), json!({"told": 1}));
    assert_eq!(world.step(json!({"step": "news"})).await.unwrap(), json!({"told": 0}));
    let messages = world.messages();
    assert_eq!(messages[0].subject, "NEWS orders-db needs you: its recovery was interrupted");
    assert_eq!((messages[0].attributes["severity"].as_str(), messages[1].attributes["severity"].as_str()), ("critical", "warning"));
    assert!(messages[0].text.contains("\"run\": \"plan\"}"), "{}", messages[0].text);
    assert_eq!(messages.len(), 2);
}

fn backup(world: &World, points: Value, skipped: Value) {
    let summary =
        json!({"run": "nightly-20260115", "started_at": "2026-01-15T01:00:00Z", "batches": [], "points": points, "skipped": skipped});
    world.deps.documents.objects.borrow_mut().insert("backups/nightly.json".to_owned(), summary.to_string());
}

async fn tell_backup(world: &World) -> Value {
    world.step(json!({"step": "backup", "run": "backups/nightly.json", "execution": super::fixture::EXECUTION})).await.unwrap()
}

#[tokio::test]
async fn a_complete_backup_is_not_worth_a_message() {
    let world = World::new();
    let good = json!([{"resource": "orders-db", "snapshot": "s-1", "state": "available", "note": null}]);
    backup(&world, good.clone(), json!([{"resource": "users-db", "reason": "being recovered", "leased": true}]));
    assert_eq!(tell_backup(&world).await, json!({"told": false}));
    backup(&world, good, json!([{"resource": "users-db", "reason": "its lease is held by another execution"}]));
    assert_eq!(tell_backup(&world).await, json!({"told": false}));
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn a_backup_with_a_gap_is_told_once() {
    let world = World::new();
    let points = json!([
        {"resource": "orders-db", "snapshot": "s-1", "state": "failed", "note": "RDS reports failed"},
        {"resource": "users-db", "snapshot": "s-2", "state": "available", "note": null},
        {"resource": "mail-db", "snapshot": "s-3", "state": "creating", "note": "not done in time"},
    ]);
    backup(&world, points, json!([{"resource": "stock-db", "reason": "it is stopped; no lease is involved", "leased": false}]));
    for _ in 0..2 {
        assert_eq!(tell_backup(&world).await, json!({"told": true}));
    }
    let messages = world.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].subject, "BACKUP incomplete, 1 of 4 covered: orders-db, mail-db, stock-db");
    assert!(messages[0].text.contains("orders-db: s-1 is failed: RDS reports failed."), "{}", messages[0].text);
}

#[tokio::test]
async fn wrong_input_is_named_and_changes_nothing() {
    let world = judged();
    for input in [
        json!({"step": "shout"}),
        json!({"step": "tell", "incident": "inc-1", "execution": "e", "what": "opened", "loudly": true}),
        json!({"step": "tell", "incident": "INC", "execution": "e", "what": "opened"}),
        json!({"step": "close", "incident": null, "execution": "e", "outcome": "splendid", "failure": null}),
        json!({"step": "news", "extra": 1}),
        json!([]),
    ] {
        let error = world.step(input.clone()).await.unwrap_err();
        assert_eq!(error.name(), ErrorName::InvalidInput, "{input}: {error}");
    }
    assert_eq!(world.step(json!({"step": "backup", "run": "backups/none.json"})).await.unwrap_err().name(), ErrorName::NotFound);
    assert!(world.messages().is_empty());
}
