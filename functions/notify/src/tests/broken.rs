//! Recoveries that broke off: where clients are comes first, then what is left to do or to undo.

use super::close::failed_over;
use super::fixture::{EXECUTION, INCIDENT, World, incident_id, judged, plan, planned, recovered, restored, restored_beside, time};
use super::others::news;
use super::ports::Fault;
use super::stories::{fence, half_finished, half_moved, moved_back_in_time};
use crate::message::Body;
use lifeboat_domain::acting::{CallState, CutOverState, FenceState};
use lifeboat_domain::incident::{IncidentState, Outcome, Setback};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::words::Scenario;
use serde_json::{Value, json};

const POINT_BACK: &str = "jq -c '.host = \"orders-db.c9akciq32.eu-central-1.rds.amazonaws.com\" | .port = 5432' |";
const OPEN: &str = "--db-instance-identifier orders-db --vpc-security-group-ids sg-0a1b2c3d4e5f60718 --apply-immediately";

/// Where each text begins, in the order in which they are asked for; every one must be there.
fn places(text: &str, wanted: &[&str]) -> Vec<usize> {
    wanted.iter().map(|wanted| text.find(wanted).unwrap_or_else(|| panic!("no {wanted:?} in {text}"))).collect()
}

async fn interrupt(world: &World) -> String {
    world.change_incident(|incident| {
        incident.state = IncidentState::WaitingForPerson;
        incident.outcome = Some(Outcome::Interrupted);
    });
    news(world, "10:41:00", "a", "orders-db needs you: its recovery was interrupted", true);
    assert_eq!(world.step(json!({"step": "news"})).await.unwrap(), json!({"told": 1}));
    world.messages().last().unwrap().text.clone()
}

#[tokio::test]
async fn going_back_moves_the_identity_so_that_no_two_databases_ever_carry_it() {
    let world = moved_back_in_time();
    world.close("recovered", Value::Null).await.unwrap();
    let report = world.object(&format!("reports/orders-db/{INCIDENT}/recovered-1.md"));
    let undo = report.split("### Undo").nth(1).unwrap().split("\n## ").next().unwrap();
    let copy_loses = "db:orders-db-r7c21d0aa --tag-keys lifeboat:policy lifeboat:resource lifeboat:secret";
    let source_gets =
        "db:orders-db --tags Key=lifeboat:policy,Value=gold Key=lifeboat:resource,Value=orders-db Key=lifeboat:secret,Value=prod/orders-db";
    let order = places(undo, &[copy_loses, OPEN, POINT_BACK, source_gets, "db:orders-db --tag-keys lifeboat:retired"]);
    assert!(order.is_sorted(), "{undo}");
    assert!(undo.contains("without the last of them orders-db is not protected"), "{undo}");
    assert!(!report.contains("\n\n\n"), "one empty line is enough: {report}");
}

#[tokio::test]
async fn what_compensation_undid_is_not_undone_again() {
    let world = half_moved(CutOverState::Undone);
    fence(&world, FenceState::Opened, "10:39:00");
    world.close("failed", json!({"error": "Dr.Conflict", "cause": "no", "state": "VerifyCutOver"})).await.unwrap();
    let text = &world.messages()[0].text;
    assert!(!text.contains(POINT_BACK) && !text.contains(OPEN) && !text.contains("lifeboat:policy,Value"), "{text}");
    assert!(text.contains("is open again since 2026-01-15T10:39:00Z") && text.contains("Clients were moved back"), "{text}");
    assert!(!text.contains("admits nobody"), "what was on record before is not told beside it: {text}");
}

#[tokio::test]
async fn a_copy_that_was_begun_is_named_with_its_deletion_although_the_restore_failed() {
    let plan = plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true);
    let world = planned(&plan);
    let failure = json!({"error": "Dr.Unrecoverable", "cause": "AccessDenied", "state": "StartRestore"});
    world.close("failed", failure.clone()).await.unwrap();
    assert!(world.messages()[0].short.contains("Nothing is left half-way"), "{}", world.messages()[0].short);
    let world = planned(&plan);
    world.made(&plan, 0, CallState::Done, "10:30:18", Some("10:30:20"), "AWS accepted it");
    world.close("failed", failure).await.unwrap();
    let message = &world.messages()[0];
    assert!(message.short.contains("A copy stands, and is billed") && !message.short.contains("Nothing is left"), "{}", message.short);
    let order = places(
        &message.text,
        &["The copy orders-db-r7c21d0aa stands", "delete-db-instance --region eu-central-1 --db-instance-identifier orders-db-r7c21d0aa"],
    );
    assert!(order.is_sorted(), "{}", message.text);
}

#[tokio::test]
async fn a_failure_after_the_verified_move_says_first_that_clients_are_served_and_how_to_finish() {
    let world = half_finished();
    world.close("failed", json!({"error": "Dr.Conflict", "cause": "throttled for good", "state": "MoveIdentity"})).await.unwrap();
    let message = &world.messages()[0];
    assert!(message.subject.starts_with("FAILED orders-db (instance_failure): clients ARE on the new database"), "{}", message.subject);
    let text = &message.text;
    let order = places(
        text,
        &[
            "- Clients ARE on the new database already",
            "- The recovery failed: Dr.Conflict at MoveIdentity",
            "1. Finish the move",
            "add-tags-to-resource --region eu-central-1 --resource-name arn:aws:rds:eu-central-1:123456789012:db:orders-db-r7c21d0aa",
            "remove-tags-from-resource --region eu-central-1 --resource-name arn:aws:rds:eu-central-1:123456789012:db:orders-db --tag-keys lifeboat:policy",
            "create-db-snapshot --region eu-central-1 --db-instance-identifier orders-db-r7c21d0aa --db-snapshot-identifier lifeboat-orders-db-first-91c0ffee --tags Key=lifeboat:resource,Value=orders-db",
        ],
    );
    assert!(order.is_sorted(), "{text}");
    assert!(!text.contains("Value=inc-20260115t103000z"), "the tag that was added is not added again: {text}");
    assert!(!text.contains(POINT_BACK), "nobody is moved back: {text}");
}

#[tokio::test]
async fn a_recovery_without_its_first_point_says_how_to_take_it() {
    let world = recovered();
    let hash = world.incident().plan.unwrap();
    world.remove(&keys::call(&incident_id(), &hash, 5));
    world.close("recovered", Value::Null).await.unwrap();
    assert!(world.messages()[0].text.contains("1. Finish the move"), "{}", world.messages()[0].text);
    let complete = recovered();
    complete.close("recovered", Value::Null).await.unwrap();
    assert!(!complete.messages()[0].text.contains("Finish the move"), "{}", complete.messages()[0].text);
}

#[tokio::test]
async fn an_interruption_is_told_with_the_commands_that_undo_what_is_half_done() {
    for state in [CutOverState::Moving, CutOverState::Moved] {
        let world = half_moved(state);
        let text = interrupt(&world).await;
        let message = &world.messages()[0];
        assert!(message.subject.starts_with("INTERRUPTED orders-db (hung): its recovery was interrupted"), "{}", message.subject);
        assert!(places(&text, &["The fence is not open again, and clients may be moved half-way", OPEN, POINT_BACK]).is_sorted(), "{text}");
        assert!(text.contains("It was found by the sweep. Please look."), "what detect wrote is told: {text}");
        let body: Body = serde_json::from_str(&message.json).unwrap();
        assert_eq!((body.outcome, body.approve_with.is_some()), (Some(Outcome::Interrupted), true));
        let report = world.object(&format!("reports/orders-db/{INCIDENT}/interrupted-1.md"));
        assert!(report.starts_with("# INTERRUPTED orders-db") && report.contains(OPEN), "{report}");
    }
}

#[tokio::test]
async fn an_interruption_before_anything_was_fenced_has_nothing_to_undo() {
    let world = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    let text = interrupt(&world).await;
    assert!(!text.contains("half-way") && !text.contains("put-secret-value"), "{text}");
    assert!(text.contains("start the same plan again"), "{text}");
}

#[tokio::test]
async fn an_interruption_after_the_verified_move_is_finished_and_not_undone() {
    let world = half_finished();
    let text = interrupt(&world).await;
    assert!(places(&text, &["- Clients ARE on the new database already", "1. Finish the move"]).is_sorted(), "{text}");
    assert!(!text.contains(POINT_BACK), "{text}");
}

#[tokio::test]
async fn an_interruption_is_told_once_whatever_is_found_besides_or_lost_on_the_way() {
    let world = half_moved(CutOverState::Moving);
    world.deps.topic.fault.set(Fault::LostReply);
    world.change_incident(|incident| {
        incident.state = IncidentState::WaitingForPerson;
        incident.outcome = Some(Outcome::Interrupted);
    });
    news(&world, "10:40:00", "a", "orders-db needs you: its recovery was interrupted", true);
    news(&world, "10:41:00", "b", "orders-db is past its RTO of 15 min", true);
    world.step(json!({"step": "news"})).await.unwrap_err();
    world.step(json!({"step": "news"})).await.unwrap();
    let messages = world.messages();
    assert_eq!((messages.len(), &messages[0]), (2, &messages[1]), "the lost reply brings the same letter again");
    assert_eq!(world.step(json!({"step": "news"})).await.unwrap(), json!({"told": 0}));
    world.deps.clock.0.set(time("10:50:00"));
    news(&world, "10:49:00", "c", "orders-db is past its RTO of 20 min", true);
    world.step(json!({"step": "news"})).await.unwrap();
    assert_eq!(world.messages()[2].subject, "NEWS orders-db is past its RTO of 20 min", "what is found later is news");
}

#[tokio::test]
async fn what_a_person_has_gone_on_with_or_was_told_otherwise_is_plain_news() {
    let gone_on = half_moved(CutOverState::Moving);
    gone_on.change_incident(|incident| {
        incident.state = IncidentState::Closed;
        incident.outcome = Some(Outcome::Interrupted);
    });
    let told = recovered();
    told.close("recovered", Value::Null).await.unwrap();
    told.change_incident(|incident| {
        incident.state = IncidentState::WaitingForPerson;
        incident.outcome = Some(Outcome::Interrupted);
    });
    for world in [gone_on, told] {
        news(&world, "10:41:00", "a", "orders-db is odd", true);
        world.step(json!({"step": "news"})).await.unwrap();
        assert_eq!(world.messages().last().unwrap().subject, "NEWS orders-db is odd");
    }
}

#[tokio::test]
async fn a_failover_of_unknown_fate_comes_with_the_way_to_find_out_and_to_ask_by_hand() {
    let world = failed_over();
    let found = world.incident().plan.unwrap();
    world.change(keys::call(&incident_id(), &found, 0), |record: &mut lifeboat_domain::acting::CallRecord| record.state = CallState::Sent);
    world.close("needs_person", Value::Null).await.unwrap();
    let text = &world.messages()[0].text;
    let wanted = [
        "describe-events --region eu-central-1 --source-type db-instance --source-identifier orders-db --start-time 2026-01-15T10:30:20Z",
        "If that shows no RDS-EVENT-0013 after 2026-01-15T10:30:20Z, the failover never took place",
        "aws rds reboot-db-instance --region eu-central-1 --db-instance-identifier orders-db --force-failover",
    ];
    assert!(places(text, &wanted).is_sorted(), "{text}");
    let other = judged();
    other.close("needs_person", Value::Null).await.unwrap();
    assert!(!other.messages()[0].text.contains("reboot-db-instance"), "{}", other.messages()[0].text);
}

#[tokio::test]
async fn a_copy_that_its_source_has_outrun_is_deleted_and_planned_anew() {
    let world = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    world.change_incident(|incident| incident.setbacks = vec![Setback::Outrun { target: restored().id }]);
    world.close("source_healed", Value::Null).await.unwrap();
    let message = &world.messages()[0];
    assert!(message.subject.starts_with("STOPPED orders-db: the source may be alive"), "{}", message.subject);
    let text = &message.text;
    assert!(text.contains("The source answered again after the copy was restored: the copy may lack writes; it is kept"), "{text}");
    assert!(text.contains("delete-db-instance --region eu-central-1 --db-instance-identifier orders-db-r7c21d0aa"), "{text}");
    assert!(text.contains("\"run\": \"plan\"}") && !text.contains("start the same plan again"), "{text}");
    let body: Body = serde_json::from_str(&message.json).unwrap();
    assert_eq!(body.approve_with, None, "the same plan would not be carried on");
}

#[tokio::test]
async fn the_plan_of_a_spoilt_copy_is_nowhere_offered() {
    let world = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    world.change_incident(|incident| incident.setbacks = vec![Setback::Outrun { target: restored().id }]);
    world.close("failed", json!({"error": "States.Timeout", "state": "CheckRestore"})).await.unwrap();
    let text = &world.messages()[0].text;
    assert!(!text.contains("\"run\": \"execute\"") && text.contains("\"run\": \"plan\"}"), "{text}");
    assert!(text.contains(EXECUTION), "{text}");
}
