//! Telling once, whatever is repeated.

use super::fixture::{EXECUTION, INCIDENT, incident_id, judged, plan, planned};
use super::ports::Fault;
use crate::told::Told;
use lifeboat_domain::ErrorName;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::words::Scenario;
use serde_json::{Value, json};

fn tell(what: &str) -> Value {
    json!({"step": "tell", "incident": INCIDENT, "execution": EXECUTION, "what": what})
}

#[tokio::test]
async fn the_same_thing_is_told_once() {
    let world = judged();
    for _ in 0..3 {
        assert_eq!(world.step(tell("opened")).await.unwrap(), json!({"told": true}));
    }
    assert_eq!(world.messages().len(), 1);
    assert!(world.messages()[0].subject.starts_with("OPENED an incident of orders-db: RDS-EVENT-0031"), "{}", world.messages()[0].subject);
}

#[tokio::test]
async fn another_thing_and_another_plan_are_told_too() {
    let first = plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true);
    let world = planned(&first);
    for what in ["opened", "plan", "opened", "plan"] {
        world.step(tell(what)).await.unwrap();
    }
    assert_eq!(world.messages().len(), 2);
    let second = plan(Scenario::InstanceFailure, Remedy::RestoreSnapshot, true);
    world.put(keys::plan(&incident_id(), &second.hash), &second);
    world.change_incident(|incident| incident.plan = Some(second.hash.clone()));
    for what in ["opened", "plan"] {
        world.step(tell(what)).await.unwrap();
    }
    let subjects: Vec<String> = world.messages().into_iter().map(|message| message.subject).collect();
    assert_eq!(subjects.len(), 3, "{subjects:?}");
    assert!(subjects[2].contains("restore_snapshot"), "{subjects:?}");
}

#[tokio::test]
async fn a_message_is_on_record_before_it_is_published_and_marked_after() {
    let world = judged();
    world.deps.topic.fault.set(Fault::Dark);
    assert_eq!(world.step(tell("opened")).await.unwrap_err().name(), ErrorName::TransientFailure);
    let key = keys::message(&incident_id(), "opened");
    let told: Told = world.get(&key);
    assert_eq!(told.sent_at, None);
    world.step(tell("opened")).await.unwrap();
    let told: Told = world.get(&key);
    assert!(told.sent_at.is_some() && told.message_id.as_deref() == Some("message-1"));
}

#[tokio::test]
async fn a_rerun_after_a_lost_reply_sends_the_same_message_again() {
    let world = judged();
    world.deps.topic.fault.set(Fault::LostReply);
    world.step(tell("opened")).await.unwrap_err();
    world.change_incident(|incident| incident.outcome = Some(Outcome::Failed));
    world.step(tell("opened")).await.unwrap();
    world.step(tell("opened")).await.unwrap();
    let messages = world.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], messages[1]);
}

#[tokio::test]
async fn details_are_told_without_credentials() {
    let world = judged();
    let input = json!({"step": "tell", "incident": INCIDENT, "execution": EXECUTION, "what": "opened", "detail": "cannot reach postgres://app:hunter2@db/orders"});
    world.step(input).await.unwrap();
    let message = &world.messages()[0];
    assert!(message.text.contains("postgres://***@db/orders"), "{}", message.text);
    assert!(!format!("{message:?}").contains("hunter2"));
}
