//! Approval: a person's answer to a plan, by the machine `approval`; what is forged, late, repeated or for another plan does nothing.

use crate::account::{Account, Disturbance, GOLD, How, ORDERS};
use chrono::Duration;
use lifeboat_domain::approval::{Question, Reply};
use lifeboat_domain::incident::{Incident, IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::{Plan, Remedy};
use lifeboat_testing::model::{FaultKind, When};
use serde_json::{Value, json};

/// `orders-db` has failed for good, and the policy asks before it acts.
async fn asked() -> Account {
    let mut account = Account::under(&GOLD.replace("mode: automatic", "mode: approve"), false).await;
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.recoveries().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    account
}

fn hash(account: &Account) -> String {
    account.incident().plan.unwrap().to_string()
}

fn answer(account: &Account, decision: &str) -> Value {
    json!({"resource": ORDERS, "plan": hash(account), "decision": decision, "claimed_by": "Ann"})
}

fn question(account: &Account, plan: &str) -> Question {
    account.document(&keys::question(&lifeboat_domain::ids::PlanHash::parse(plan).unwrap())).unwrap()
}

/// An answer that does not count: refused by name, told to people, and nothing is changed or started.
async fn does_nothing(account: &mut Account, input: Value, error: &str, why: &str) {
    let (calls, incident) = (account.last_call(), account.incident());
    let ended = account.answer(input.clone()).await;
    assert_eq!(ended.error(), error, "{input}: {}", ended.cause());
    assert!(ended.cause().contains(why), "{input}: {:?} should say {why:?}", ended.cause());
    account.recoveries().await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{input}");
    assert_eq!(account.incident(), incident, "{input}");
}

fn told(account: &Account, words: &str) -> bool {
    account.subjects().iter().any(|subject| subject.contains(words))
}

#[tokio::test]
async fn the_message_has_the_inputs_that_approve_choose_and_deny() {
    let account = asked().await;
    let plan = hash(&account);
    let text = account.last_text();
    for words in [
        format!("{{\"resource\": \"orders-db\", \"plan\": \"{plan}\", \"decision\": \"approve\"}}"),
        format!("{{\"resource\": \"orders-db\", \"plan\": \"{plan}\", \"decision\": \"deny\"}}"),
        "stateMachine:lifeboat-approval --input".to_owned(),
        lifeboat_domain::show_time(question(&account, &plan).expires_at),
    ] {
        assert!(text.contains(&words), "{words} is missing in {text}");
    }
}

#[tokio::test]
async fn an_approved_plan_is_carried_out_and_the_timeline_says_who_said_so() {
    let mut account = asked().await;
    let input = answer(&account, "approve");
    let ended = account.answer(input).await;
    assert!(ended.is_well(), "{}", ended.cause());
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.incidents().len(), 1, "the same story goes on");
    let timeline = account.timeline(&account.incident().id);
    assert!(
        timeline.contains("approve at") && timeline.contains("lifeboat-approval:") && timeline.contains("claims to be Ann"),
        "{timeline}"
    );
}

#[tokio::test]
async fn what_is_forged_replayed_mixed_up_or_malformed_does_nothing_and_is_reported() {
    let mut account = asked().await;
    account.create("second-db", false, &[]);
    let plan = hash(&account);
    let rows = [
        (json!({"resource": ORDERS, "plan": "a".repeat(64), "decision": "approve"}), "Dr.NotFound", "nobody was ever asked"),
        (json!({"resource": "second-db", "plan": plan, "decision": "approve"}), "Dr.InvalidInput", "orders-db, which the plan is for"),
        (json!({"resource": ORDERS, "plan": plan, "decision": "choose", "option": "grow_storage"}), "Dr.InvalidInput", "grow_storage"),
        (json!({"resource": ORDERS, "plan": plan, "decision": "choose"}), "Dr.InvalidInput", "option"),
        (json!({"resource": ORDERS, "plan": plan, "decision": "approve", "option": "guided"}), "Dr.InvalidInput", "choose"),
        (json!({"resource": ORDERS, "plan": plan, "decision": "yes"}), "Dr.InvalidInput", "approve"),
        (json!({"resource": ORDERS, "plan": "short", "decision": "approve"}), "Dr.InvalidInput", "plan"),
        (json!({"resource": ORDERS, "plan": plan, "decision": "approve", "by": "Ann"}), "Dr.InvalidInput", "by"),
    ];
    for (input, error, why) in rows {
        does_nothing(&mut account, input, error, why).await;
    }
    account.sweeps(1).await;
    assert!(told(&account, "An answer for second-db does not count"), "{:?}", account.subjects());
    let input = answer(&account, "approve");
    account.answer(input.clone()).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    does_nothing(&mut account, input, "Dr.Refused", "answered already").await;
}

#[tokio::test]
async fn a_late_answer_does_nothing_by_either_machine_and_the_plan_is_asked_about_anew() {
    let mut account = asked().await;
    let plan = hash(&account);
    account.advance(Duration::hours(4) + Duration::minutes(1));
    let late = answer(&account, "approve");
    does_nothing(&mut account, late, "Dr.Refused", "expired").await;
    let calls = account.last_call();
    account.ask(json!({"resource": ORDERS, "scenario": "instance_failure", "run": "execute", "plan": plan})).await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert!(account.last_text().contains("approval expired"), "{}", account.last_text());
    assert!(question(&account, &hash(&account)).expires_at > account.time(), "it was asked anew");
    let input = answer(&account, "approve");
    account.answer(input).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
}

#[tokio::test]
async fn a_denied_plan_is_left_alone_by_sweeps_and_by_its_hash() {
    let mut account = asked().await;
    let plan = hash(&account);
    let calls = account.last_call();
    assert!(account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "deny", "reason": "it is meant"})).await.is_well());
    account.sweeps(3).await;
    account.recoveries().await;
    assert!(told(&account, "the plan was denied"), "{:?}", account.subjects());
    account.ask(json!({"resource": ORDERS, "scenario": "instance_failure", "run": "execute", "plan": plan})).await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert!(account.last_text().contains("it was denied"), "{}", account.last_text());
    assert_eq!(account.incident().state, IncidentState::WaitingForPerson);
}

#[tokio::test]
async fn another_option_is_planned_and_asked_about_before_it_runs() {
    let mut account = asked().await;
    assert!(account.backup().await.is_well() || account.incident().state == IncidentState::WaitingForPerson);
    let first = hash(&account);
    let plan: Plan = account.document(&keys::plan(&account.incident().id, &account.incident().plan.unwrap())).unwrap();
    let other = plan.options.iter().find(|option| option.possible && Some(option.remedy) != plan.remedy);
    let Some(other) = other.map(|option| option.remedy) else { panic!("no other option in {:#?}", plan.options) };
    let calls = account.last_call();
    let ended = account.answer(json!({"resource": ORDERS, "plan": first, "decision": "choose", "option": other.as_str()})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    account.recoveries().await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert_ne!(hash(&account), first);
    assert!(account.last_text().contains("nobody has seen its calls yet"), "{}", account.last_text());
    assert_eq!(question(&account, &first).answer.map(|answer| answer.reply), Some(Reply::Choose));
    let input = answer(&account, "approve");
    account.answer(input).await;
    account.settle().await;
    let incident: Incident = account.incident();
    assert_eq!((incident.outcome, incident.request.option), (Some(Outcome::Recovered), Some(other)), "{}", account.explain());
    assert_eq!(other, Remedy::RestoreSnapshot);
}

#[tokio::test]
async fn who_only_invokes_the_function_approves_nothing() {
    let mut account = asked().await;
    let request = answer(&account, "approve");
    let at = account.time();
    let forged = [
        "arn:aws:states:us-east-1:123456789012:execution:lifeboat-approval:never-started",
        "arn:aws:states:us-east-1:123456789012:execution:lifeboat-recovery:by-hand",
        "Ann",
    ];
    for execution in forged {
        let input = json!({"step": "approve", "request": request, "started_at": at, "execution": execution});
        let error = account.detect(input).await.unwrap_err();
        assert_eq!(error.name().as_str(), "Dr.Refused", "{error}");
    }
    account.recoveries().await;
    assert_eq!(account.incident().state, IncidentState::WaitingForPerson, "{}", account.explain());
}

#[tokio::test]
async fn a_plan_that_the_world_has_outrun_is_made_anew_and_asked_about_again() {
    let mut account = Account::under(&GOLD.replace("mode: automatic", "mode: approve"), false).await;
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(3).await;
    account.settle().await;
    let first = hash(&account);
    account.advance(Duration::minutes(1));
    account.rotate_password("rotated-since");
    let input = answer(&account, "approve");
    let calls = account.last_call();
    assert!(account.answer(input.clone()).await.is_well());
    account.settle().await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert_ne!(hash(&account), first, "the password must be set on the copy now");
    assert!(account.last_text().contains("the world has moved on"), "{}", account.last_text());
    does_nothing(&mut account, input, "Dr.Refused", "").await;
    let input = answer(&account, "approve");
    account.answer(input).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
}

#[tokio::test]
async fn an_answer_whose_step_or_call_is_disturbed_counts_exactly_once() {
    for how in [How::Twice, How::ReplyLost, How::TimesOut, How::ThenDies, How::ThenDiesUnheard] {
        let mut account = asked().await;
        account.disturbance = Some(Disturbance::new(how, "approval/TakeAnswer", 1));
        let input = answer(&account, "approve");
        account.answer(input.clone()).await;
        account.settle().await;
        if account.incident().outcome != Some(Outcome::Recovered) {
            account.answer(input).await;
            account.settle().await;
        }
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{how:?}: {}", account.explain());
    }
    for action in ["dynamodb:GetItem", "dynamodb:PutItem", "states:StartExecution", "states:DescribeExecution"] {
        for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
            let mut account = asked().await;
            account.fault(action, When::Nth(1), kind.clone());
            let input = answer(&account, "approve");
            account.answer(input).await;
            account.settle().await;
            assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{action} {kind:?}: {}", account.explain());
            let started = account.cloud.see().executions.iter().filter(|execution| execution.name.contains("answered-")).count();
            assert_eq!(started, 1, "{action} {kind:?}");
        }
    }
}
