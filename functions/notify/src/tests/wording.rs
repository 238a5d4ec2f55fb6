//! What a tired person reads: headlines, the report's first lines, and commands that work.

use super::fixture::{INCIDENT, World, judged, mistake, plan, planned, recovered, resource, restored_beside, time};
use super::stories::moved_back_in_time;
use lifeboat_domain::incident::{Phase, Signal};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::{Act, FencePlan, Plan, Remedy};
use lifeboat_domain::ports::Message;
use lifeboat_domain::validation::{KeyRanges, SideDifference};
use lifeboat_domain::words::{Plane, Run, Scenario};
use serde_json::{Value, json};

/// Closes; the message and the report.
async fn told(world: &World, outcome: &str) -> (Message, String) {
    world.close(outcome, Value::Null).await.unwrap();
    let report = world.object(&format!("reports/orders-db/{INCIDENT}/{outcome}-1.md"));
    (world.messages().last().unwrap().clone(), report)
}

fn signal(world: &World, plane: Plane, source: &str, text: &str) {
    let signal = Signal { at: time("10:30:00"), plane, source: source.to_owned(), text: text.to_owned() };
    world.change_incident(|incident| incident.signals = vec![signal]);
}

/// Nothing was ever down.
fn healthy(plane: Plane, source: &str) -> World {
    let world = judged();
    signal(&world, plane, source, "something");
    world.deps.ledger.documents.borrow_mut().retain(|key, _| !key.sort.starts_with("timeline#"));
    world.tell("10:30:12", Phase::Judge, "healthy: RDS reports available and it answers");
    world.change_incident(|incident| {
        incident.scenario = None;
        incident.unreachable_since = None;
        incident.healthy_at = Some(time("10:30:12"));
        incident.request.by_person = plane == Plane::Person;
        incident.request.run = Run::Execute;
    });
    world
}

#[tokio::test]
async fn who_asks_to_recover_a_healthy_database_hears_that_there_is_nothing_to_do() {
    let world = healthy(Plane::Person, "person");
    // The same request was planned before: its lines are no outage.
    world.tell("10:29:00", Phase::Judge, "failed: planned as if instance_failure had happened, because a plan was asked for");
    let (message, report) = told(&world, "self_healed").await;
    assert_eq!(message.subject, "NOTHING TO DO: orders-db is healthy");
    assert!(!message.text.contains("RTO") && !message.text.contains("RPO"), "{}", message.text);
    assert!(!report.contains("| RTO") && !report.contains("RPO:"), "{report}");
    assert_eq!(world.report("self_healed")["rto"]["seconds"], Value::Null);
}

#[tokio::test]
async fn an_alarm_about_a_healthy_database_is_no_outage_either() {
    let (message, _) = told(&healthy(Plane::Metrics, "lifeboat-watch-cpu"), "self_healed").await;
    assert_eq!(message.subject, "HEALTHY orders-db: no outage was seen; nothing was changed");
}

#[tokio::test]
async fn an_outage_that_aws_healed_is_called_what_it_was() {
    let world = healthy(Plane::ControlPlane, "RDS-EVENT-0013");
    let (message, report) = told(&world, "self_healed").await;
    assert_eq!(message.subject, "HEALED orders-db by itself after 12 s (a failover by AWS); nothing was changed");
    assert!(report.contains("none was judged: a failover by AWS (RDS-EVENT-0013: something)"), "{report}");
    assert!(!report.contains("not known") && report.contains("nothing lost, objective 5 min: **met**"), "{report}");
}

#[tokio::test]
async fn an_approval_is_asked_for_and_only_what_none_can_lift_is_refused() {
    let world = planned(&plan(Scenario::HumanError, Remedy::RestoreToTime, true));
    world.tell(
        "10:30:16",
        Phase::Plan,
        "plan 12345678: restore_to_time, because it is possible; ask: moving clients to an earlier state drops every write after it",
    );
    let (message, report) = told(&world, "refused").await;
    assert!(
        message.subject.starts_with("APPROVAL NEEDED: orders-db (human_error): moving clients to an earlier state"),
        "{}",
        message.subject
    );
    assert!(report.contains("It waits for your approval: moving clients"), "{report}");

    let observed = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    observed.change_incident(|incident| incident.policy = "watched".to_owned());
    let gate = json!({"step": "close", "incident": INCIDENT, "execution": super::fixture::EXECUTION, "outcome": "refused",
        "reason": "the policy's mode for instance_failure is observe. What would lift this: set modes"});
    observed.step(gate).await.unwrap();
    assert!(
        observed.messages()[0].subject.starts_with("REFUSED orders-db (instance_failure): the policy's mode"),
        "{:?}",
        observed.messages()[0]
    );

    let mut unfenced = plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true);
    unfenced.fence = Some(FencePlan::Impossible);
    let (message, _) = told(&planned(&unfenced), "refused").await;
    assert!(message.subject.starts_with("REFUSED orders-db"), "{}", message.subject);
    assert!(!message.text.contains("\"run\": \"execute\"") && message.text.contains("fence_groups"), "{}", message.text);
}

#[tokio::test]
async fn a_moment_that_never_became_restorable_is_refused_and_asked_for_anew() {
    let world = planned(&plan(Scenario::HumanError, Remedy::RestoreToTime, false));
    let gate = json!({"step": "close", "incident": INCIDENT, "execution": super::fixture::EXECUTION, "outcome": "refused",
        "reason": "gave up waiting: asked for 2026-01-15T10:25:00Z, restorable so far is nothing. What would lift this: ask for an earlier restore_to"});
    world.step(gate).await.unwrap();
    let message = &world.messages()[0];
    assert!(message.subject.starts_with("REFUSED orders-db (human_error): gave up waiting"), "{}", message.subject);
    assert!(message.text.contains("\"run\": \"plan\"}") && !message.text.contains("\"run\": \"execute\""), "{}", message.text);
}

fn guided() -> Plan {
    let mut plan = plan(Scenario::StorageFull, Remedy::Guided, false);
    plan.calls.clear();
    plan.target = None;
    plan.guidance = vec!["Storage of orders-db is exhausted: grow it.".to_owned(), "aws rds modify-db-instance --x".to_owned()];
    plan.hash = plan.hash_of().unwrap();
    plan
}

#[tokio::test]
async fn what_only_a_person_can_mend_says_so_first_and_then_how() {
    for outcome in ["planned", "refused"] {
        let (message, report) = told(&planned(&guided()), outcome).await;
        assert_eq!(message.subject, "NO AUTOMATIC REMEDY for storage_full of orders-db: Storage of orders-db is exhausted: grow it.");
        assert!(
            message.text.contains("1. Storage of orders-db is exhausted: grow it.\n     aws rds modify-db-instance --x"),
            "{}",
            message.text
        );
        assert!(!message.text.contains("Expected time"), "there is nothing to forecast: {}", message.text);
        assert!(report.contains("Lifeboat found the storage of orders-db full at"), "{report}");
    }
}

#[tokio::test]
async fn a_plan_is_told_without_its_reason_in_the_place_of_the_request() {
    let (message, _) = told(&planned(&plan(Scenario::Hung, Remedy::RestoreLatest, true)), "planned").await;
    assert!(message.text.contains("- A plan against hung of orders-db was asked for.\n"), "{}", message.text);
    assert!(message.text.contains("Expected time: 8 min (what its one timed recovery took)"), "{}", message.text);
}

#[tokio::test]
async fn moving_clients_back_in_time_is_counted_from_the_request_and_not_praised() {
    let world = moved_back_in_time();
    let (message, report) = told(&world, "recovered").await;
    assert!(message.text.contains("RTO: 8 min 44 s from the request, objective 15 min (from the request at"), "{}", message.text);
    assert!(report.contains("8 min 44 s from the request, objective 15 min") && !report.contains("objective 15 min: **met**"), "{report}");
    assert_eq!(world.report("recovered")["rto"]["met"], Value::Null);
}

#[tokio::test]
async fn a_promise_to_a_request_can_still_be_seen_broken() {
    let world = moved_back_in_time();
    world.change_incident(|incident| {
        incident.first_signal_at = time("10:20:00");
        incident.signals.iter_mut().for_each(|signal| signal.at = time("10:20:00"));
    });
    let (_, report) = told(&world, "recovered").await;
    assert!(report.contains("18 min 44 s from the request, objective 15 min: **missed** by 3 min 44 s"), "{report}");
}

#[tokio::test]
async fn the_report_begins_with_at_most_ten_lines_that_lead_on() {
    for (world, outcome) in [(recovered(), "recovered"), (moved_back_in_time(), "recovered"), (mistake(), "restored_beside")] {
        let (_, report) = told(&world, outcome).await;
        let first = report.split("## In short\n\n").nth(1).unwrap().split("\n\n").next().unwrap();
        assert!(first.lines().count() <= 10, "{first}");
        for label in ["What happened", "What was done", "Data lost", "Where clients are", "What to do next"] {
            assert!(first.contains(&format!("**{label}:**")), "{first}");
        }
        for link in first.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let leads = |line: &str| {
                let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                line.starts_with('#') && title.replace(',', "") == link
            };
            assert!(report.lines().any(leads), "{link} leads nowhere: {report}");
        }
    }
}

#[tokio::test]
async fn less_than_a_second_is_never_zero() {
    let world = recovered();
    world.tell("10:30:00.400", Phase::Detect, "lease 2 of orders-db taken by this execution");
    world.tell("10:29:59.900", Phase::Detect, "an early line");
    let (message, report) = told(&world, "recovered").await;
    for text in [&message.text, &report] {
        assert!(!text.contains(" 0 s") && !text.contains("+0 s") && !text.contains("-0 s"), "{text}");
    }
    assert!(report.contains("| Of the objective (15 min) |") && report.contains("| Share of all "), "{report}");
}

#[tokio::test]
async fn a_failed_source_is_released_as_its_status_allows() {
    let (_, report) = told(&recovered(), "recovered").await;
    let kept = report.split("## What is kept, and what it costs").nth(1).unwrap();
    assert!(
        kept.contains("--skip-final-snapshot --no-delete-automated-backups") && !kept.contains("--final-db-snapshot-identifier"),
        "{kept}"
    );
    assert!(!kept.contains("--no-deletion-protection"), "it has none, and the change would be refused: {kept}");

    let protected = recovered();
    let hash = protected.incident().plan.unwrap();
    protected.change(keys::plan(&super::fixture::incident_id(), &hash), |plan: &mut Plan| {
        if let Act::RestoreToPointInTime { settings, .. } = &mut plan.calls[0].act {
            settings.configuration.deletion_protection = true;
        }
    });
    let (_, report) = told(&protected, "recovered").await;
    assert!(report.contains("RDS may refuse this in its status: then only AWS Support can lift it"), "{report}");

    let (_, report) = told(&moved_back_in_time(), "recovered").await;
    assert!(report.contains("--db-instance-identifier orders-db --final-db-snapshot-identifier orders-db-final"), "{report}");
}

#[tokio::test]
async fn a_source_that_is_gone_is_neither_kept_nor_gone_back_to() {
    let world = recovered();
    let hash = world.incident().plan.unwrap();
    world.change(keys::plan(&super::fixture::incident_id(), &hash), |plan: &mut Plan| plan.fence = Some(FencePlan::Gone));
    let (message, report) = told(&world, "recovered").await;
    assert!(report.contains("There is no way back: orders-db does not exist any more"), "{report}");
    assert!(!report.contains("orders-db is kept") && !message.text.contains("orders-db is kept"), "{report}");
    assert!(!report.contains("put-secret-value"), "{report}");
}

#[tokio::test]
async fn copies_of_earlier_incidents_are_named_while_they_may_exist() {
    let world = moved_back_in_time();
    let (message, report) = told(&world, "recovered").await;
    assert!(message.text.contains("Of earlier incidents orders-db-r0ddc0de1 may still exist"), "{}", message.text);
    let why =
        "orders-db-r0ddc0de1 may still exist, unless somebody deleted it: restored beside production by incident inc-asked-4-0a1b2c3d";
    assert!(report.contains(why), "{report}");

    let strangers = moved_back_in_time();
    let other = lifeboat_domain::ids::IncidentId::parse("inc-asked-4-0a1b2c3d").unwrap();
    strangers.put(keys::opened(time("10:10:00"), &other), &lifeboat_domain::ids::Identity::parse("users-db").unwrap());
    let (message, _) = told(&strangers, "recovered").await;
    assert!(!message.text.contains("r0ddc0de1"), "another database's copies are not this one's: {}", message.text);
}

#[tokio::test]
async fn a_copy_beside_production_does_not_promise_itself_to_clients() {
    let world = mistake();
    let (message, _) = told(&world, "restored_beside").await;
    let say = "Or move clients to that state: this restores a new copy as of 2026-01-15T10:25:00Z, then moves clients to it. Every write from 2026-01-15T10:25:00Z until the fence is lost: 17 min so far, and the time that the restore takes (forecast 8 min). It is only planned first. Delete orders-db-r7c21d0aa yourself when you no longer need it.";
    assert!(message.text.contains(say), "{}", message.text);
    assert!(message.text.contains("export PGPASSWORD=$(aws secretsmanager get-secret-value --region eu-central-1 --secret-id prod/orders-db --query SecretString --output text | jq -r .password)"), "{}", message.text);
}

#[tokio::test]
async fn rows_that_corruption_changed_can_be_seen_on_both_sides_and_the_moment_is_explained() {
    let found = plan(Scenario::Corruption, Remedy::RestoreToTime, false);
    let world = restored_beside(&found);
    let ranges = ["3", "13", "23", "33"].map(|key| (key.to_owned(), key.to_owned())).to_vec();
    let table = lifeboat_domain::validation::TableDifference {
        table: "public.orders".to_owned(),
        source_rows: 100,
        restored_rows: 100,
        only_restored: KeyRanges::default(),
        only_source: KeyRanges::default(),
        changed: KeyRanges { count: 10, ranges },
        sampled: false,
    };
    world.put(keys::difference(&super::fixture::incident_id()), &SideDifference { at: time("10:38:20"), tables: vec![table] });
    let (message, report) = told(&world, "restored_beside").await;
    let text = &message.text;
    let rows =
        "SELECT * FROM public.orders WHERE id BETWEEN '3' AND '3' OR id BETWEEN '13' AND '13' OR id BETWEEN '23' AND '23' ORDER BY id";
    assert!(text.contains(&format!(r#"-c "\copy ({rows}) TO 'public.orders-production.csv' CSV HEADER""#)), "{text}");
    assert!(text.contains("diff public.orders-production.csv public.orders-copy.csv") && text.contains("show the first of them"), "{text}");
    let why = "Why 2026-01-15T10:25:00Z: every watched check of the policy passed then for the last time";
    assert!(text.contains(why) && report.contains(why), "{text}");
    assert!(text.contains("\"restore_to\": \"2026-01-15T10:25:00Z\", \"cut_over\": true"), "the same moment, by name: {text}");
    assert!(report.contains("Lifeboat found wrong data in orders-db at"), "{report}");
    assert_eq!(world.record().resource, resource());
}

#[tokio::test]
async fn a_subject_ends_between_words_and_keeps_the_answer() {
    let world = judged();
    let reason =
        "rds reported that the instance which was looked at a moment ago is now in the status incompatible-network and stays there";
    world.tell("10:30:20", Phase::Judge, &format!("unknown: {reason}"));
    let (message, _) = told(&world, "needs_person").await;
    let kept = message.subject.strip_prefix("NEEDS YOU orders-db: ").unwrap().strip_suffix("...").unwrap();
    assert!(reason.starts_with(&format!("{kept} ")), "{}", message.subject);
    assert!(message.short.ends_with("Lifeboat cannot tell and does nothing."), "{}", message.short);
}
