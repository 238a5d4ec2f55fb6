//! `probe`, `prove_fence`, `verify_client` and `difference`.

use super::world::{World, unavailable};
use lifeboat_domain::error::{CallClass, CallError};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::words::Grade;
use serde_json::{Value, json};

#[tokio::test]
async fn a_probe_writes_down_what_it_saw_and_nothing_else() {
    let mut world = World::new();
    assert_eq!(world.run("probe").await.unwrap(), json!({"outcome": "unreachable"}));
    assert_eq!(world.kept("probe").unwrap()["outcome"], "unreachable");
    assert!(world.timeline().is_empty());
}

#[tokio::test]
async fn watched_checks_run_only_where_the_data_is_in_question() {
    let mut world = World::new();
    world.source.outcome = ProbeOutcome::Answers;
    world.source.checks.insert("no_negative_total", Grade::Fail);
    world.run("probe").await.unwrap();
    assert_eq!(world.kept("probe").unwrap()["failed_checks"], json!([]));
    world.incident["scenario"] = json!("corruption");
    world.run("probe").await.unwrap();
    assert_eq!(world.kept("probe").unwrap()["failed_checks"], json!(["no_negative_total"]));
}

#[tokio::test]
async fn a_prober_that_cannot_run_says_so_and_is_no_error_unless_the_ledger_is_dark() {
    let mut world = World::new();
    world.secrets.failure = Some(unavailable());
    assert_eq!(world.run("probe").await.unwrap(), json!({"outcome": "could_not_run"}));
    world.incident["policy"] = json!("gone");
    assert_eq!(world.run("probe").await.unwrap(), json!({"outcome": "could_not_run"}));
    world.incident["source"]["secret"] = json!(null);
    assert_eq!(world.run("probe").await.unwrap(), json!({"outcome": "could_not_run"}));
    world.memory.dark = true;
    assert_eq!(world.run("probe").await.unwrap_err().name().as_str(), "Dr.TransientFailure");
}

#[tokio::test]
async fn wrong_input_is_named() {
    let mut world = World::new();
    let error = world.input(json!({"step": "prob"})).await.unwrap_err();
    assert_eq!(error.name().as_str(), "Dr.InvalidInput");
    let error = world.input(json!({"step": "probe", "incident": super::world::INCIDENT, "execution": "x", "extra": 1})).await.unwrap_err();
    assert!(error.message().contains("extra"), "{error}");
}

fn fence(state: &str, group: Option<&str>) -> Value {
    json!({"state": state, "groups_before": ["sg-1"], "group": group, "text": "", "at": "2026-01-15T10:50:00Z"})
}

#[tokio::test]
async fn a_fence_is_proven_only_by_a_login_that_gets_nowhere() {
    let table = [
        (ProbeOutcome::Unreachable, true),
        (ProbeOutcome::NoAnswer, true),
        (ProbeOutcome::Answers, false),
        (ProbeOutcome::LoginRefused, false),
        (ProbeOutcome::TooManyConnections, false),
        (ProbeOutcome::StartingUp, false),
        (ProbeOutcome::CouldNotRun, false),
    ];
    for (outcome, proven) in table {
        let mut world = World::new();
        world.put("fence", &fence("sessions_ended", Some("sg-fence")));
        world.source.outcome = outcome;
        assert_eq!(world.run("prove_fence").await.unwrap()["proven"], json!(proven), "{outcome}");
        let expected = if proven { "fence: the fence is proven" } else { "fence: the fence is not proven" };
        assert!(world.timeline()[0].starts_with(expected), "{:?}", world.timeline());
    }
}

#[tokio::test]
async fn silence_without_a_closed_fence_proves_nothing() {
    let mut world = World::new();
    world.source.outcome = ProbeOutcome::NoAnswer;
    assert_eq!(world.run("prove_fence").await.unwrap()["proven"], json!(false));
    world.put("fence", &fence("closing", Some("sg-fence")));
    assert_eq!(world.run("prove_fence").await.unwrap()["proven"], json!(false));
}

#[tokio::test]
async fn a_client_is_verified_only_when_its_secret_leads_to_a_writable_copy() {
    let mut world = World::new();
    assert_eq!(world.run("verify_client").await.unwrap(), json!({"verified": true}));
    assert!(world.timeline()[0].starts_with("cut_over: a client finds the new database"));

    world.secrets.leads_to = "source";
    assert_eq!(world.run("verify_client").await.unwrap(), json!({"verified": false}));
    assert!(
        world.timeline().iter().any(|line| line.contains("leads to source:5432 and not to shop-2 at copy:5432")),
        "{:?}",
        world.timeline()
    );

    let mut world = World::new();
    world.copy.writable = false;
    assert_eq!(world.run("verify_client").await.unwrap(), json!({"verified": false}));
    world.copy.password = "old";
    assert_eq!(world.run("verify_client").await.unwrap(), json!({"verified": false}));
    world.secrets.failure = Some(CallError::new(CallClass::Denied, "secretsmanager:GetSecretValue", "AccessDenied", "no"));
    assert_eq!(world.run("verify_client").await.unwrap(), json!({"verified": false}));
    world.secrets.failure = Some(unavailable());
    assert_eq!(world.run("verify_client").await.unwrap_err().name().as_str(), "Dr.TransientFailure");
}

fn record(name: &str) -> Value {
    json!({"target": "record", "zone": "Z1", "record": name, "ttl": 5, "before": "source", "after": "copy", "change": "C1"})
}

fn parameter(host: &str) -> Value {
    let leads_to = json!({"host": host, "port": 5432});
    json!({"target": "parameter", "parameter": "/shop/host", "before": "source", "after": host, "leads_to": leads_to})
}

fn proxy(host: &str) -> Value {
    let through = json!({"host": host, "port": 5432});
    json!({"target": "proxy", "proxy": "shop", "group": "default", "through": through, "before": "shop-1", "after": "shop-2"})
}

#[tokio::test]
async fn a_client_is_verified_only_when_every_target_leads_to_the_copy() {
    let mut world = World::new();
    world.secrets.leads_to = "elsewhere";
    let table = [
        (vec![record("db.copy.example"), parameter("copy"), proxy("copy")], true, "through proxy shop: it answers"),
        (vec![record("db.copy.example")], true, "db.copy.example resolves to address of copy, as copy does; it answers"),
        (vec![record("db.copy.example"), record("db.source.example")], false, "resolves to address of source and not to address of copy"),
        (vec![parameter("copy"), parameter("other")], false, "parameter /shop/host leads to other:5432 and not to shop-2 at copy:5432"),
        (vec![proxy("source")], false, "through proxy shop: unreachable"),
        (vec![], false, "no target of the cut-over is on record"),
    ];
    for (moves, verified, seen) in table {
        world.moved(&moves);
        assert_eq!(world.run("verify_client").await.unwrap(), json!({"verified": verified}), "{moves:?}");
        assert!(world.timeline().iter().any(|line| line.contains(seen)), "{seen}: {:#?}", world.timeline());
    }
    world.moved(&[record("db.dark.example")]);
    assert_eq!(world.run("verify_client").await.unwrap_err().name().as_str(), "Dr.TransientFailure", "it is resolved again");
}

#[tokio::test]
async fn a_difference_is_summed_and_kept_and_the_copy_is_opened_with_the_login_it_takes() {
    let mut world = World::new();
    world.source.outcome = ProbeOutcome::Answers;
    world.secrets.passwords = vec!["old", "new"];
    world.copy.password = "old";
    assert_eq!(world.run("difference").await.unwrap(), json!({"tables": 2, "only_restored": 2, "only_source": 4, "changed": 6}));
    assert_eq!(world.kept("difference").unwrap()["tables"].as_array().unwrap().len(), 2);
    assert!(
        world.timeline()[0]
            .contains("public.orders: 7 rows in the source, 6 in the copy; 1 only in the copy, 2 only in the source, 3 changed")
    );
}

#[tokio::test]
async fn a_source_that_cannot_be_opened_is_a_line_in_the_timeline_and_not_an_error() {
    let mut world = World::new();
    assert_eq!(world.run("difference").await.unwrap(), json!({"tables": 0, "only_restored": 0, "only_source": 0, "changed": 0}));
    assert!(world.kept("difference").is_none(), "no difference must not look like an empty one");
    assert!(world.timeline()[0].contains("the source cannot be opened (unreachable"), "{:?}", world.timeline());
}
