//! Closing: who may, what is kept, and that twice is once.

use super::fixture::{EXECUTION, INCIDENT, World, incident_id, judged, mistake, plan, planned, recovered, resource, restored_beside, time};
use super::ports::Fault;
use lifeboat_domain::acting::{CallRecord, CallState};
use lifeboat_domain::incident::Phase;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::{Act, Plan, PlannedCall, Remedy};
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{ErrorName, Span};
use serde_json::{Value, json};

const REPORT: &str = "s3://lifeboat-documents/reports/orders-db/inc-20260115t103000z-5e0f7a11";

#[tokio::test]
async fn a_recovery_closes_its_incident_and_counts() {
    let world = recovered();
    let answer = world.close("recovered", Value::Null).await.unwrap();
    assert_eq!(answer, json!({"outcome": "recovered", "report": format!("{REPORT}/recovered-1.md")}));
    let incident = world.incident();
    assert_eq!(
        (incident.state, incident.outcome, incident.closed_at),
        (IncidentState::Closed, Some(Outcome::Recovered), Some(time("10:42:00")))
    );
    let record = world.record();
    assert_eq!((record.open_incident, record.generation, record.last_recovery), (None, 5, Some(time("10:42:00"))));
    assert_eq!(record.recovery_times, [Span::minutes(8), Span::seconds(524)]);
    assert_eq!(world.messages()[0].subject, "RECOVERED orders-db from instance_failure in 8 min 44 s, 2 min 32 s of writes lost");
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    let world = recovered();
    let first = world.close("recovered", Value::Null).await.unwrap();
    let objects = world.deps.documents.objects.borrow().clone();
    world.deps.clock.0.set(time("10:50:00"));
    assert_eq!(world.close("recovered", Value::Null).await.unwrap(), first);
    assert_eq!(*world.deps.documents.objects.borrow(), objects);
    assert_eq!(world.deps.documents.writes.get(), 3);
    assert_eq!((world.record().generation, world.record().recovery_times.len(), world.messages().len()), (5, 2, 1));
    assert_eq!(world.incident().closed_at, Some(time("10:42:00")));
}

#[tokio::test]
async fn a_closing_that_lost_its_reply_is_finished_as_it_began() {
    let world = recovered();
    world.deps.topic.fault.set(Fault::LostReply);
    assert_eq!(world.close("recovered", Value::Null).await.unwrap_err().name(), ErrorName::TransientFailure);
    assert_eq!(world.incident().state, IncidentState::Closed, "a message that cannot be sent keeps nothing open");
    world.deps.clock.0.set(time("10:50:00"));
    // A later caller may call the ending otherwise: the first word stands.
    let answer = world.close("interrupted", Value::Null).await.unwrap();
    assert_eq!(answer["outcome"], "recovered");
    let messages = world.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], messages[1]);
    assert_eq!((world.record().generation, world.incident().outcome), (5, Some(Outcome::Recovered)));
}

#[tokio::test]
async fn a_dark_bucket_keeps_neither_the_message_nor_the_closing_back() {
    let world = recovered();
    world.deps.documents.is_dark.set(true);
    assert_eq!(world.close("recovered", Value::Null).await.unwrap_err().name(), ErrorName::TransientFailure);
    assert_eq!((world.messages().len(), world.incident().state), (1, IncidentState::Closed));
    world.deps.documents.is_dark.set(false);
    world.close("recovered", Value::Null).await.unwrap();
    assert_eq!(world.messages().len(), 1);
    assert!(world.object(&format!("reports/orders-db/{INCIDENT}/recovered-1.md")).starts_with("# RECOVERED orders-db"));
}

#[tokio::test]
async fn another_execution_s_incident_is_not_closed() {
    let world = recovered();
    world.change_incident(|incident| {
        incident.execution = Some("arn:aws:states:eu-central-1:123456789012:execution:lifeboat-recovery:other".to_owned())
    });
    let answer = world.close("failed", json!({"error": "Dr.Conflict", "cause": "lease held", "state": "TakeLease"})).await.unwrap();
    assert_eq!(answer["outcome"], "failed");
    let incident = world.incident();
    assert_eq!((incident.state, incident.outcome), (IncidentState::Open, None));
    assert_eq!((world.record().generation, world.record().open_incident), (4, Some(incident_id())));
    assert_eq!(world.messages().len(), 1);
}

#[tokio::test]
async fn an_incident_of_nobody_may_be_closed() {
    let world = judged();
    world.change_incident(|incident| incident.execution = None);
    world.close("self_healed", Value::Null).await.unwrap();
    assert_eq!(world.incident().state, IncidentState::Closed);
}

#[tokio::test]
async fn what_does_not_close_waits_for_a_person() {
    let world = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    world.close("refused", Value::Null).await.unwrap();
    let (incident, record) = (world.incident(), world.record());
    assert_eq!((incident.state, incident.outcome, incident.closed_at), (IncidentState::WaitingForPerson, Some(Outcome::Refused), None));
    assert_eq!((record.open_incident, record.generation, record.last_recovery), (Some(incident_id()), 4, None));
}

#[tokio::test]
async fn a_failure_named_refused_is_a_refusal() {
    let cause =
        json!({"errorType": "Dr.Refused", "errorMessage": "the source is not fenced: clients are not moved", "stackTrace": []}).to_string();
    let world = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    let answer = world.close("failed", json!({"error": "Dr.Refused", "cause": cause, "state": "CutOver"})).await.unwrap();
    assert_eq!(answer["outcome"], "refused");
    let message = &world.messages()[0];
    assert!(message.subject.starts_with("REFUSED orders-db (instance_failure): the source is not fenced"), "{}", message.subject);
    assert!(message.text.contains("Dr.Refused at CutOver") && !message.text.contains("stackTrace"), "{}", message.text);
    // A more specific outcome stands.
    let world = mistake();
    let answer = world.close("held_by_validation", json!({"error": "Dr.Refused", "cause": "no", "state": "X"})).await.unwrap();
    assert_eq!(answer["outcome"], "held_by_validation");
}

#[tokio::test]
async fn wrong_input_is_a_refusal_only_while_nothing_was_changed() {
    let failure = json!({"error": "Dr.InvalidInput", "cause": "restore_to: nothing is not accepted", "state": "PlanRecovery"});
    let world = judged();
    assert_eq!(world.close("failed", failure.clone()).await.unwrap()["outcome"], "refused");
    let world = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    assert_eq!(world.close("failed", failure).await.unwrap()["outcome"], "failed");
}

#[tokio::test]
async fn a_failover_of_ours_is_not_called_self_healing() {
    let world = failed_over();
    let answer = world.close("self_healed", Value::Null).await.unwrap();
    assert_eq!(answer["outcome"], "failed_over");
    assert_eq!(world.messages()[0].subject, "FAILED OVER orders-db after az_outage in 1 min 52 s");
    assert_eq!((world.record().generation, world.record().recovery_times.last().copied()), (5, Some(Span::seconds(112))));
    assert_eq!(world.report("failed_over")["rpo"]["seconds"], 0);
}

pub(super) fn failed_over() -> World {
    let act = Act::ForceFailover { instance: super::fixture::id("orders-db"), to: None, from: None };
    let world = acted(plan(Scenario::AzOutage, Remedy::ForceFailover, false), act, "a synchronous standby exists in eu-central-1b");
    world.tell("10:31:30", Phase::Act, "orders-db serves from eu-central-1b");
    world
}

pub(super) fn storage_grown() -> World {
    let act = Act::GrowStorage { instance: super::fixture::id("orders-db"), gib: 120, iops: None, throughput: None };
    let world = acted(plan(Scenario::StorageFull, Remedy::GrowStorage, false), act, "its volume can grow from 100 to 120 GiB");
    world.tell("10:31:30", Phase::Act, "orders-db has 120 GiB and is storage-optimization");
    world
}

/// One call on the source itself, after which it serves again.
fn acted(mut plan: Plan, act: Act, why: &str) -> World {
    plan.calls = vec![PlannedCall { phase: Phase::Act, act, why: why.to_owned() }];
    plan.target = None;
    plan.hash = plan.hash_of().unwrap();
    let world = planned(&plan);
    world.made(&plan, 0, CallState::Done, "10:30:20", Some("10:31:30"), "AWS accepted it");
    world.change_incident(|incident| incident.healthy_at = Some(time("10:31:52")));
    world.tell("10:31:52", Phase::Judge, "healthy: it answers and accepts writes");
    world
}

#[tokio::test]
async fn the_report_compares_calls_with_the_plan() {
    let world = recovered();
    world.close("recovered", Value::Null).await.unwrap();
    let report = world.report("recovered");
    assert_eq!((&report["calls_equal_plan"], report["calls"].as_array().unwrap().len()), (&json!(true), 6));

    let missing = recovered();
    let hash = missing.incident().plan.unwrap();
    missing.remove(&keys::call(&incident_id(), &hash, 5));
    missing.close("recovered", Value::Null).await.unwrap();
    let report = missing.report("recovered");
    assert_eq!((&report["calls_equal_plan"], &report["calls"][5]["fate"]), (&json!(false), &json!("not_made")));
    assert_eq!(missing.messages()[0].attributes["severity"], "warning");

    let extra = recovered();
    let hash = extra.incident().plan.unwrap();
    let mut record: CallRecord = extra.get(&keys::call(&incident_id(), &hash, 4));
    record.index = 9;
    extra.put(keys::call(&incident_id(), &hash, 9), &record);
    extra.close("recovered", Value::Null).await.unwrap();
    let report = extra.report("recovered");
    assert_eq!((&report["calls_equal_plan"], report["extra_calls"].as_array().unwrap().len()), (&json!(false), 1));
}

#[tokio::test]
async fn what_was_not_reached_is_listed_and_equals_the_plan_so_far() {
    let world = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    world.close("held_by_validation", Value::Null).await.unwrap();
    let report = world.report("held_by_validation");
    assert_eq!(report["calls_equal_plan"], true);
    let fates: Vec<&str> = report["calls"].as_array().unwrap().iter().map(|call| call["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, ["done", "not_reached", "not_reached", "not_reached", "not_reached", "not_reached"]);
}

#[tokio::test]
async fn a_recovery_is_measured_from_the_first_signal_and_the_newest_data() {
    let world = recovered();
    world.close("recovered", Value::Null).await.unwrap();
    let report = world.report("recovered");
    assert_eq!((&report["rto"]["seconds"], &report["rto"]["met"]), (&json!(524), &json!(true)));
    assert_eq!(
        (&report["rpo"]["seconds"], &report["rpo"]["objective_seconds"], &report["rpo"]["met"]),
        (&json!(152), &json!(300), &json!(true))
    );
}

#[tokio::test]
async fn moving_clients_back_in_time_counts_every_write_until_the_fence() {
    let world = recovered();
    world.change_incident(|incident| {
        incident.scenario = Some(Scenario::HumanError);
        incident.request.cut_over = true;
    });
    world.close("recovered", Value::Null).await.unwrap();
    let report = world.report("recovered");
    // From the newest data (10:27:28) to the fence (10:38:30), not to the first signal (10:30:00).
    assert_eq!((&report["rpo"]["seconds"], &report["rpo"]["met"]), (&json!(662), &json!(false)));
    assert_eq!(world.messages()[0].attributes["severity"], "warning");
    assert!(world.messages()[0].text.contains("RPO: 11 min 2 s, objective 5 min: missed by 6 min 2 s"), "{}", world.messages()[0].text);
}

#[tokio::test]
async fn a_failure_after_the_move_does_not_call_the_database_down() {
    let world = recovered();
    let failure = json!({"error": "Dr.Conflict", "cause": "another invocation is making the same call", "state": "MoveIdentity"});
    world.close("failed", failure).await.unwrap();
    let text = &world.messages()[0].text;
    assert!(!text.contains("has not served since"), "{text}");
    assert!(text.contains("Clients read prod/orders-db and find orders-db-r7c21d0aa"), "{text}");
    assert_eq!(world.record().generation, 5, "something was changed, so the next names must be others");
}

#[tokio::test]
async fn a_plan_that_was_superseded_is_told_apart_from_calls_outside_any_plan() {
    let world = recovered();
    let earlier = plan(Scenario::InstanceFailure, Remedy::RestoreToTime, false);
    world.put(keys::plan(&incident_id(), &earlier.hash), &earlier);
    world.made(&earlier, 0, CallState::Done, "10:30:18", Some("10:30:20"), "AWS accepted it");
    world.close("recovered", Value::Null).await.unwrap();
    let report = world.report("recovered");
    let counts = ["calls", "earlier_calls", "extra_calls"].map(|list| report[list].as_array().unwrap().len());
    assert_eq!((counts, &report["calls_equal_plan"]), ([6, 1, 0], &json!(true)));
}

#[tokio::test]
async fn a_ledger_that_does_not_decode_is_told_at_once() {
    let world = recovered();
    world.put(keys::validation(&incident_id()), &json!({"checks": 7}));
    assert_eq!(world.close("recovered", Value::Null).await.unwrap_err().name(), ErrorName::Unrecoverable);
    assert_eq!(world.messages().len(), 1, "nobody will try that again");
}

#[tokio::test]
async fn without_an_incident_only_a_message_goes_out() {
    let world = World::new();
    let cause =
        json!({"errorType": "Dr.InvalidInput", "errorMessage": "resuorce: \"resuorce\" (did you mean \"resource\"?) is not accepted"})
            .to_string();
    let input = json!({"step": "close", "incident": null, "execution": EXECUTION, "outcome": "failed", "failure": {"error": "Dr.InvalidInput", "cause": cause, "state": "OpenIncident"}});
    for _ in 0..2 {
        assert_eq!(world.step(input.clone()).await.unwrap(), json!({"outcome": "refused", "report": null}));
    }
    let messages = world.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].subject.starts_with("REFUSED a start of recovery: resuorce:"), "{}", messages[0].subject);
    assert_eq!(world.deps.documents.writes.get(), 0);
}

#[tokio::test]
async fn a_dark_ledger_is_told_once_with_the_manual_commands() {
    let world = recovered();
    world.deps.ledger.is_dark.set(true);
    for _ in 0..5 {
        assert_eq!(world.close("failed", Value::Null).await.unwrap_err().name(), ErrorName::TransientFailure);
    }
    let messages = world.messages();
    assert_eq!(messages.len(), 1, "one failure may be a hiccup, and the bucket remembers that it was told");
    assert!(messages[0].subject.starts_with("NEEDS YOU orders-db: the ledger cannot be read"), "{}", messages[0].subject);
    assert!(messages[0].text.contains("aws rds restore-db-instance-to-point-in-time"), "{}", messages[0].text);
    world.deps.ledger.is_dark.set(false);
    assert_eq!(world.close("recovered", Value::Null).await.unwrap()["outcome"], "recovered");
}

#[tokio::test]
async fn a_dark_ledger_and_a_dark_bucket_still_leave_the_message() {
    let world = recovered();
    world.deps.ledger.is_dark.set(true);
    world.deps.documents.is_dark.set(true);
    world.close("failed", Value::Null).await.unwrap_err();
    assert_eq!(world.messages().len(), 1);
}

#[tokio::test]
async fn a_record_that_is_gone_does_not_keep_the_incident_open() {
    let world = recovered();
    world.remove(&keys::record(&resource()));
    world.close("recovered", Value::Null).await.unwrap();
    assert_eq!(world.incident().state, IncidentState::Closed);
}
