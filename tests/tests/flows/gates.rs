//! Gates: what a policy, a person or another execution keeps from happening, and what lifts it.

use crate::account::{Account, Disturbance, GOLD, How, ORDERS};
use chrono::Duration;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::keys;
use serde_json::{Value, json};

/// `orders-db` fails for good.
async fn fail(account: &mut Account) {
    let id = account.record().id.to_string();
    account.happen(|model, now| model.fail_instance(&id, now)).unwrap();
    account.recoveries().await;
}

/// The incident must have ended as a question to a person, with nothing changed since.
fn assert_asked(account: &Account, calls: usize, why: &str) {
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Refused), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "nothing is changed");
    assert!(account.last_text().contains(why), "{:?} should say {why:?}", account.last_text());
    assert!(account.lease_is_free(), "the lease is given back");
}

/// Approves what waits, with the input that its message offers.
async fn approve(account: &mut Account) {
    let incident = account.incident();
    let scenario = incident.scenario.unwrap().as_str();
    let ended = account.ask(json!({"resource": ORDERS, "scenario": scenario, "run": "execute", "plan": incident.plan.unwrap()})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
}

#[tokio::test]
async fn a_loss_beyond_the_policys_limit_waits_for_a_person_who_lifts_it_by_hash() {
    let mut account = Account::under(&GOLD.replace("max_data_loss: 30m", "max_data_loss: 10s"), false).await;
    let calls = account.last_call();
    fail(&mut account).await;
    assert_asked(&account, calls, "max_data_loss of 10 s");
    approve(&mut account).await;
}

#[tokio::test]
async fn without_a_drill_nothing_is_automatic_unless_somebody_waived_it_by_name() {
    let waiver = "drill: {waived: \"the owner of the flows: they have no drills\"}";
    assert!(GOLD.contains(waiver));
    let mut account = Account::under(&GOLD.replace(waiver, ""), false).await;
    let calls = account.last_call();
    fail(&mut account).await;
    assert_asked(&account, calls, "never passed a drill");
    approve(&mut account).await;
}

#[tokio::test]
async fn a_mode_that_asks_waits_for_a_person() {
    let mut account = Account::under(&GOLD.replace("mode: automatic", "mode: approve"), false).await;
    let calls = account.last_call();
    fail(&mut account).await;
    assert_asked(&account, calls, "is approve");
    approve(&mut account).await;
}

#[tokio::test]
async fn a_second_failure_within_the_cool_down_waits_for_a_person() {
    let mut account = Account::under(&GOLD.replace("cool_down: 1m", "cool_down: 30m"), false).await;
    fail(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    account.pass(Duration::minutes(15)).await;
    let calls = account.last_call();
    fail(&mut account).await;
    assert_asked(&account, calls, "starts no other one until");
    approve(&mut account).await;
}

#[tokio::test]
async fn a_cool_down_that_somebody_acknowledged_is_over() {
    let mut account = Account::under(&GOLD.replace("cool_down: 1m", "cool_down: 30m"), false).await;
    fail(&mut account).await;
    account.pass(Duration::minutes(15)).await;
    assert!(account.order(json!({"resource": ORDERS, "action": "acknowledge"})).await.is_well());
    fail(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    account.pass(Duration::minutes(15)).await;
    let calls = account.last_call();
    fail(&mut account).await;
    assert_asked(&account, calls, "starts no other one until");
}

#[tokio::test]
async fn while_it_is_paused_nothing_starts_by_itself_and_the_refusal_says_how_to_lift_it() {
    for resource in [ORDERS, "*"] {
        let mut account = Account::new(false).await;
        let until = lifeboat_domain::show_time(account.time() + Duration::hours(2));
        let order = json!({"resource": resource, "action": "pause", "until": until, "reason": "storage migration", "claimed_by": "Ann"});
        assert!(account.order(order).await.is_well());
        let calls = account.last_call();
        fail(&mut account).await;
        assert_asked(&account, calls, &format!("paused until {until}, ordered by Ann: storage migration"));
        assert!(account.last_text().contains("\"action\":\"resume\""), "{}", account.last_text());
        approve(&mut account).await;
    }
}

#[tokio::test]
async fn a_pause_that_is_over_or_lifted_refuses_nothing() {
    for lifted in [true, false] {
        let mut account = Account::new(false).await;
        let until = lifeboat_domain::show_time(account.time() + Duration::minutes(30));
        account.order(json!({"resource": ORDERS, "action": "pause", "until": until, "reason": "a rehearsal"})).await;
        if lifted {
            assert!(account.order(json!({"resource": ORDERS, "action": "resume"})).await.is_well());
        } else {
            account.pass(Duration::minutes(31)).await;
        }
        fail(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    }
}

#[tokio::test]
async fn who_only_invokes_the_function_orders_nothing() {
    let account = Account::new(false).await;
    let (at, before) = (account.time(), account.cloud.see().ledger.len());
    let request = json!({"resource": "*", "action": "pause", "until": "2026-01-15T12:00:00Z", "reason": "quiet, please"});
    for execution in ["arn:aws:states:us-east-1:123456789012:execution:lifeboat-pause:never-started", "Ann"] {
        let input = json!({"step": "pause", "request": request, "started_at": at, "execution": execution});
        let error = account.detect(input).await.unwrap_err();
        assert_eq!(error.name().as_str(), "Dr.Refused", "{error}");
    }
    assert_eq!(account.cloud.see().ledger.len(), before);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_by_field_and_changes_nothing() {
    let mut account = Account::new(false).await;
    let rows = [
        (json!({"resource": ORDERS, "action": "pause", "reason": "x"}), "Dr.InvalidInput", "until"),
        (json!({"resource": ORDERS, "action": "pause", "until": "tomorrow", "reason": "x"}), "Dr.InvalidInput", "tomorrow"),
        (json!({"resource": ORDERS, "action": "pause", "until": "2026-01-15T10:00:00Z", "reason": "x"}), "Dr.InvalidInput", "31 days"),
        (json!({"resource": ORDERS, "action": "pause", "until": "2026-03-15T10:00:00Z", "reason": "x"}), "Dr.InvalidInput", "31 days"),
        (json!({"resource": ORDERS, "action": "pause", "until": "2026-01-15T12:00:00Z", "reason": " "}), "Dr.InvalidInput", "reason"),
        (json!({"resource": ORDERS, "action": "stop"}), "Dr.InvalidInput", "acknowledge"),
        (json!({"resource": ORDERS, "action": "resume", "until": "2026-01-15T12:00:00Z"}), "Dr.InvalidInput", "until"),
        (json!({"resource": "*", "action": "acknowledge"}), "Dr.InvalidInput", "one resource"),
        (json!({"resource": "orders-bd", "action": "resume"}), "Dr.NotFound", "did you mean"),
        (json!({"resource": ORDERS, "action": "resume", "who": "Ann"}), "Dr.InvalidInput", "who"),
        (json!({}), "Dr.InvalidInput", "resource"),
    ];
    let before = account.cloud.see().ledger.len();
    for (order, error, names) in rows {
        let ended = account.order(order.clone()).await;
        assert_eq!(ended.error(), error, "{order}: {}", ended.cause());
        assert!(ended.cause().contains(names), "{order}: {} should name {names}", ended.cause());
    }
    assert_eq!(account.cloud.see().ledger.len(), before, "nothing is written");
}

#[tokio::test]
async fn many_failures_at_once_open_the_breaker() {
    let mut account = Account::new(false).await;
    let others = ["a-db", "b-db", "c-db"];
    for id in others {
        account.create(id, false, &[]);
    }
    account.advance(Duration::minutes(20));
    account.sweep().await;
    let calls = account.last_call();
    for id in others.into_iter().chain([ORDERS]) {
        account.happen(|model, now| model.fail_instance(id, now)).unwrap();
    }
    account.recoveries().await;
    let refused: Vec<String> = account
        .incidents()
        .into_iter()
        .filter(|incident| incident.outcome == Some(Outcome::Refused))
        .map(|it| it.resource.to_string())
        .collect();
    assert!(!refused.is_empty(), "{}", account.explain());
    assert!(account.cloud.see().messages.iter().any(|message| message.text.contains("more than the breaker's 3")));
    let restores = account.calls_since(calls).iter().filter(|call| call.starts_with("RestoreDBInstance")).count();
    assert_eq!(restores, others.len() + 1 - refused.len(), "whoever was refused was not restored: {refused:?}");
}

#[tokio::test]
async fn a_wrong_hash_changes_nothing_and_the_right_one_is_offered() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(10)).await;
    let calls = account.last_call();
    let at = lifeboat_domain::show_time(account.time() - Duration::minutes(8));
    let mut input = json!({
        "resource": ORDERS, "scenario": "human_error", "restore_to": at, "cut_over": true, "run": "execute",
        "plan": "0000000000000000000000000000000000000000000000000000000000000000",
    });
    let ended = account.ask(input.clone()).await;
    assert_eq!(ended.error(), "Dr.Refused", "{}", ended.cause());
    assert_asked(&account, calls, "the world has moved on");
    input["plan"] = json!(account.incident().plan.unwrap());
    assert!(account.ask(input).await.is_well(), "{}", account.explain());
}

#[tokio::test]
async fn the_hash_of_another_scenarios_plan_approves_nothing() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(10)).await;
    account.ask(json!({"resource": ORDERS, "scenario": "instance_failure"})).await;
    let other: Value = json!(account.incident().plan.unwrap());
    let calls = account.last_call();
    let at = lifeboat_domain::show_time(account.time() - Duration::minutes(8));
    let input = json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "cut_over": true, "run": "execute", "plan": other});
    assert_eq!(account.ask(input).await.error(), "Dr.Refused");
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
}

fn hold_the_lease(account: &Account, owner: &str) {
    let mut lease: Lease = account.document(&keys::lease(&account.record().resource)).unwrap();
    lease.owner = owner.to_owned();
    lease.released = false;
    lease.expires_at = account.time() + Duration::minutes(5);
    let mut world = account.cloud.touch();
    let kept = world.ledger.get_mut(&keys::lease(&lifeboat_domain::ids::Identity::parse(ORDERS).unwrap())).unwrap();
    kept.document = serde_json::to_value(&lease).unwrap();
}

#[tokio::test]
async fn a_lease_that_another_execution_holds_keeps_this_one_from_changing_anything() {
    let mut account = Account::new(false).await;
    fail(&mut account).await;
    account.pass(Duration::minutes(15)).await;
    let owner = "arn:aws:states:us-east-1:123456789012:execution:lifeboat-recovery:somebody";
    hold_the_lease(&account, owner);
    let running = lifeboat_testing::memory::StartedExecution {
        name: "somebody".to_owned(),
        arn: owner.to_owned(),
        input: json!({}),
        state: lifeboat_domain::ports::ExecutionState::Succeeded,
    };
    account.cloud.touch().executions.push(running);
    let calls = account.last_call();
    let at = lifeboat_domain::show_time(account.time() - Duration::minutes(3));
    let ended = account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "run": "execute"})).await;
    assert!(!ended.is_well(), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    assert!(
        account.document::<Lease>(&keys::lease(&account.record().resource)).is_some_and(|lease| lease.owner == owner),
        "it stays theirs"
    );
}

#[tokio::test]
async fn an_execution_that_a_person_stops_is_not_started_again_and_people_are_told() {
    let mut account = Account::new(false).await;
    account.stopped_before = Some("ValidateRestored");
    fail(&mut account).await;
    account.sweeps(4).await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Interrupted), "{}", account.explain());
    assert_eq!(account.secret_versions().len(), 1, "nobody was moved");
    assert_eq!(account.cloud.see().executions.len(), 1, "no further attempt");
    assert!(
        account.subjects().iter().any(|subject| subject.contains(ORDERS) && subject.contains("interrupted")),
        "{:?}",
        account.subjects()
    );
}

#[tokio::test]
async fn executions_that_die_again_and_again_end_with_a_person() {
    let mut account = Account::new(false).await;
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    for _ in 0..3 {
        account.disturbance = Some(Disturbance::new(How::ThenDies, "recovery/CheckRestore", 1));
        account.next_recovery().await;
    }
    account.disturbance = None;
    account.sweeps(6).await;
    account.recoveries().await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Interrupted), "{}", account.explain());
    let restores = account.calls_since(0).iter().filter(|call| call.starts_with("RestoreDBInstance")).count();
    assert_eq!(restores, 1, "one restore, however many attempts");
    assert!(account.cloud.see().executions.len() <= 3, "three attempts at most");
}
