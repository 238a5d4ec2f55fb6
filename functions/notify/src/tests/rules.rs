//! Rules that every message keeps, for every outcome and every kind of letter.

use super::close::{failed_over, storage_grown};
use super::fixture::{EXECUTION, INCIDENT, World, incident_id, judged, mistake, moved, plan, planned, recovered, restored_beside};
use crate::message::Body;
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::ports::Message;
use lifeboat_domain::validation::{Check, Validation};
use lifeboat_domain::words::{Grade, Scenario};
use serde_json::{Value, json};

/// One world, one ending, for each outcome.
fn endings() -> Vec<(Outcome, World, &'static str, Value)> {
    let approvable = || planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    let refused = approvable();
    refused.tell("10:30:16", Phase::Plan, "plan 12345678: restore_latest, because it is possible; ask: expected to lose 9 min of writes, more than the policy's max_data_loss of 5 min");
    let held = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    held.change(keys::validation(&incident_id()), |validation: &mut Validation| {
        validation.checks.push(Check::new("audit", Grade::Fail, "the policy's check returned 17, expected 0"));
        validation.checks.push(Check::new("speed", Grade::Warn, "the first read took 9 s"));
    });
    let healed = restored_beside(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    healed.tell("10:38:30", Phase::Fence, "healthy: RDS reports available, and it answers");
    let by_itself = judged();
    by_itself.change_incident(|incident| incident.healthy_at = Some(super::fixture::time("10:31:10")));
    let asks = judged();
    asks.tell(
        "10:30:20",
        Phase::Judge,
        "unknown: RDS reports failed, yet the database answers (SELECT 1 in 4 ms): the two disagree, a person must look",
    );
    let failure = json!({"error": "Dr.Unrecoverable", "cause": "{\"errorType\":\"Dr.Unrecoverable\",\"errorMessage\":\"rds:RestoreDBInstanceToPointInTime answered AccessDenied: not authorized\nto perform this\"}", "state": "StartRestore"});
    vec![
        (Outcome::Recovered, recovered(), "RECOVERED ", Value::Null),
        (Outcome::FailedOver, failed_over(), "FAILED OVER ", Value::Null),
        (Outcome::StorageGrown, storage_grown(), "STORAGE GROWN: ", Value::Null),
        (Outcome::SwappedBack, moved(&plan(Scenario::Undo, Remedy::SwapBack, true)), "UNDONE ", Value::Null),
        (Outcome::TookOver, moved(&plan(Scenario::RegionOutage, Remedy::TakeOver, true)), "TOOK OVER: ", Value::Null),
        (Outcome::SelfHealed, by_itself, "HEALED ", Value::Null),
        (Outcome::RestoredBeside, mistake(), "RESTORED ", Value::Null),
        (Outcome::Cloned, restored_beside(&plan(Scenario::Corruption, Remedy::Clone, false)), "CLONED ", Value::Null),
        (Outcome::Planned, approvable(), "PLANNED ", Value::Null),
        (Outcome::Refused, refused, "APPROVAL NEEDED: ", Value::Null),
        (Outcome::HeldByValidation, held, "HELD ", Value::Null),
        (Outcome::SourceHealed, healed, "STOPPED ", Value::Null),
        (Outcome::NeedsPerson, asks, "NEEDS YOU ", Value::Null),
        (Outcome::Failed, approvable(), "FAILED ", failure),
        (Outcome::Interrupted, approvable(), "INTERRUPTED ", Value::Null),
    ]
}

fn keeps_the_rules(message: &Message) {
    let subject = &message.subject;
    assert!(subject.len() < 100 && subject.is_ascii() && !subject.chars().any(char::is_control), "{subject:?}");
    let first = subject.split(' ').next().unwrap();
    assert!(first.len() >= 4 && first.chars().all(|c| c.is_ascii_uppercase()), "{subject:?}");
    assert!(message.short.len() <= 140 && message.short.is_ascii() && !message.short.chars().any(char::is_control), "{:?}", message.short);
    assert!(["info", "warning", "critical"].contains(&message.attributes["severity"].as_str()));
    assert!(message.attributes.values().all(|value| !value.is_empty()));
    let sections: Vec<Option<usize>> =
        ["WHAT HAPPENED", "WHAT WAS DONE", "WHAT TO DO NOW", "WHERE TO LOOK"].iter().map(|title| message.text.find(title)).collect();
    assert!(sections.iter().all(Option::is_some), "{}", message.text);
    assert!(sections.is_sorted(), "{}", message.text);
    assert!(!message.text.chars().any(|c| c.is_control() && c != '\n'), "{}", message.text);
    let body: Body = serde_json::from_str(&message.json).unwrap();
    assert_eq!(body.severity.as_str(), message.attributes["severity"]);
    let whole = 2 * message.text.len() + 5 * 2 * message.json.len();
    assert!(whole < 200_000, "{whole} bytes come near to what SNS takes");
}

#[tokio::test]
async fn every_outcome_has_a_message_that_keeps_the_rules() {
    let endings = endings();
    assert_eq!(endings.iter().map(|(outcome, ..)| *outcome).collect::<Vec<_>>(), Outcome::ALL);
    for (outcome, world, word, failure) in endings {
        let answer = world.close(outcome.as_str(), failure).await.unwrap();
        assert_eq!(answer["outcome"], outcome.as_str());
        let messages = world.messages();
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        keeps_the_rules(message);
        assert!(message.subject.starts_with(word), "{}", message.subject);
        assert!(message.subject.contains("orders-db"), "{}", message.subject);
        let console =
            format!("https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/v2/executions/details/{EXECUTION}");
        assert!(message.text.contains(&console), "{}", message.text);
        assert!(message.text.contains(&format!("s3://lifeboat-documents/reports/orders-db/{INCIDENT}/{outcome}-1.md")), "{}", message.text);
        assert_eq!((message.attributes["outcome"].as_str(), message.attributes["resource"].as_str()), (outcome.as_str(), "orders-db"));
        assert!(message.attributes.contains_key("scenario"));
        let report = world.object(&format!("reports/orders-db/{INCIDENT}/{outcome}-1.md"));
        assert!(report.starts_with(&format!("# {word}")), "{report}");
    }
}

#[tokio::test]
async fn who_is_asked_to_approve_gets_the_hash_and_the_exact_input() {
    for (outcome, world, _, failure) in endings() {
        let asks = matches!(
            outcome,
            Outcome::Planned
                | Outcome::Refused
                | Outcome::HeldByValidation
                | Outcome::SourceHealed
                | Outcome::Failed
                | Outcome::Interrupted
        );
        let hash = world.incident().plan.map(|plan| plan.to_string());
        world.close(outcome.as_str(), failure).await.unwrap();
        let message = &world.messages()[0];
        let body: Body = serde_json::from_str(&message.json).unwrap();
        assert_eq!(body.approve_with.is_some(), asks, "{outcome}");
        if asks {
            let input = format!(
                "{{\"resource\": \"orders-db\", \"scenario\": \"instance_failure\", \"run\": \"execute\", \"plan\": \"{}\"}}",
                hash.unwrap()
            );
            assert!(message.text.lines().any(|line| line.trim() == input), "{outcome}: {}", message.text);
            assert!(message.text.contains(&format!("aws stepfunctions start-execution --region eu-central-1 --state-machine-arn arn:aws:states:eu-central-1:123456789012:stateMachine:lifeboat-recovery --input '{input}'")));
        }
    }
}

#[tokio::test]
async fn a_policy_that_observes_is_not_approved_but_changed() {
    let world = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    world.change_incident(|incident| incident.policy = "watched".to_owned());
    world.close("refused", Value::Null).await.unwrap();
    let message = &world.messages()[0];
    assert!(message.text.contains("set modes.instance_failure of policy watched to approve or automatic"), "{}", message.text);
    assert!(!message.text.contains("\"run\": \"execute\""), "{}", message.text);
}

#[tokio::test]
async fn guidance_comes_with_its_commands() {
    let mut plan = plan(Scenario::StorageFull, Remedy::Guided, false);
    plan.calls.clear();
    plan.guidance = vec![
        "Storage of orders-db is exhausted: grow it by at least 10 %.".to_owned(),
        "aws rds modify-db-instance --db-instance-identifier orders-db --allocated-storage 120 --apply-immediately".to_owned(),
    ];
    plan.hash = plan.hash_of().unwrap();
    let world = planned(&plan);
    world.close("refused", Value::Null).await.unwrap();
    let text = &world.messages()[0].text;
    assert!(text.contains("1. Storage of orders-db is exhausted: grow it by at least 10 %.\n     aws rds modify-db-instance"), "{text}");
    assert!(!text.contains("\"run\": \"execute\""), "{text}");
}

#[tokio::test]
async fn the_moment_that_lifeboat_chose_is_part_of_the_approval() {
    let chosen = plan(Scenario::Corruption, Remedy::RestoreToTime, true);
    let world = planned(&chosen);
    world.close("refused", Value::Null).await.unwrap();
    let input = format!(
        "{{\"resource\": \"orders-db\", \"scenario\": \"corruption\", \"restore_to\": \"2026-01-15T10:25:00Z\", \"run\": \"execute\", \"plan\": \"{}\"}}",
        chosen.hash
    );
    assert!(world.messages()[0].text.contains(&input), "{}", world.messages()[0].text);
}

#[tokio::test]
async fn letters_on_the_way_keep_the_rules_too() {
    let world = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    for what in ["opened", "plan"] {
        world.step(json!({"step": "tell", "incident": INCIDENT, "execution": EXECUTION, "what": what})).await.unwrap();
        keeps_the_rules(world.messages().last().unwrap());
    }
}

#[tokio::test]
async fn endless_texts_are_cut_and_still_sent() {
    let world = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    let noise = "é\u{7}\n|<b>".repeat(3000);
    for second in 10..59 {
        world.tell(&format!("10:31:{second}"), Phase::Judge, &noise);
    }
    world.change_incident(|incident| incident.signals.iter_mut().for_each(|signal| signal.text.clone_from(&noise)));
    world.close("failed", json!({"error": "Lambda.Unknown", "cause": noise, "state": "X"})).await.unwrap();
    keeps_the_rules(&world.messages()[0]);
}

#[tokio::test]
async fn rows_are_brought_back_by_ready_commands() {
    let world = mistake();
    world.close("restored_beside", Value::Null).await.unwrap();
    let text = &world.messages()[0].text;
    assert!(
        text.contains(
            r#"-c "\copy (SELECT * FROM public.orders WHERE id BETWEEN '1001' AND '1500') TO 'public.orders-1001-1500.csv' CSV""#
        ),
        "{text}"
    );
    assert!(text.contains("\"cut_over\": true, \"run\": \"plan\"}"), "{text}");
    assert!(text.contains("100 rows only in production"), "{text}");
}
