//! What goes wrong while copies are made: the answer is the same or says why not, and no copy is made twice.

use super::{bisect, copies, holds, moment, notes, plan, restores, spoilt, wish};
use crate::account::{Account, BETWEEN_SWEEPS, Disturbance, How, ORDERS};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::Span;
use lifeboat_domain::bisection::LONGEST_ASK;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::{Value, json};

fn refused(code: &str) -> FaultKind {
    FaultKind::Refused { code: code.to_owned(), message: "as the test wants it".to_owned() }
}

#[tokio::test]
async fn every_call_may_fail_once_and_the_same_moment_is_found_in_as_many_copies() {
    async fn found(fault: Option<(&str, u64, FaultKind)>) -> (Value, usize) {
        let (mut account, mistake) = spoilt().await;
        account.client.writes = false;
        let begin = plan(&mut account, wish(|it| it["bad_at"] = json!("2026-01-15T12:15:00Z"))).await;
        let before = account.last_call();
        if let Some((action, nth, kind)) = fault {
            account.fault(action, When::Nth(nth), kind);
        }
        let answer = bisect(&mut account, begin).await;
        holds(&answer, mistake);
        let made = restores(&account, before).len();
        assert_eq!(copies(&account.cloud).len(), made, "{answer:#}");
        (json!([answer["outcome"], answer["good_at"], answer["bad_at"]]), made)
    }
    let expected = found(None).await;
    assert_eq!(expected.0[0], "found");
    let calls = [
        ("RestoreDBInstanceToPointInTime", 1),
        ("RestoreDBInstanceToPointInTime", 3),
        ("DescribeDBInstances", 2),
        ("DescribeDBInstanceAutomatedBackups", 1),
        ("dynamodb:GetItem", 5),
        ("dynamodb:PutItem", 3),
        ("secretsmanager:GetSecretValue", 1),
        ("secretsmanager:ListSecretVersionIds", 1),
    ];
    for (action, nth) in calls {
        for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
            assert_eq!(found(Some((action, nth, kind.clone()))).await, expected, "{action} {nth} {kind:?}");
        }
    }
}

#[tokio::test]
async fn a_class_that_is_not_to_be_had_is_followed_by_the_next_cheapest() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    let before = account.last_call();
    account.fault("RestoreDBInstanceToPointInTime", When::Nth(1), refused("InsufficientDBInstanceCapacity"));
    let answer = bisect(&mut account, begin).await;
    holds(&answer, mistake);
    assert_eq!(answer["outcome"], "found");
    assert!(restores(&account, before).iter().all(|call| call.contains("db.t4g.large")), "{:?}", restores(&account, before));
    assert!(notes(&answer).contains("RDS had none: db.t4g.micro"), "{answer:#}");

    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.fault("RestoreDBInstanceToPointInTime", When::Always, refused("InsufficientDBInstanceCapacity"));
    let answer = bisect(&mut account, begin).await;
    assert!(answer["reason"].as_str().unwrap().contains("none of the classes is to be had"), "{answer:#}");
    assert_eq!(copies(&account.cloud), Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_breaks_it_off_with_what_is_known_and_which_copies_stand() {
    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.fault("RestoreDBInstanceToPointInTime", When::Nth(3), refused("InstanceQuotaExceeded"));
    let ended = account.bisect(begin).await;
    assert_eq!(ended.error(), "Dr.Unrecoverable", "{}", ended.cause());
    assert_eq!(copies(&account.cloud).len(), 2);
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db: bisecting has ended early");
    assert!(told.contains("it was broken off") && told.contains("InstanceQuotaExceeded"), "{told}");
    copies(&account.cloud).iter().for_each(|copy| assert!(told.contains(copy), "{copy} in {told}"));
}

/// Something happens to the first copy as soon as it is looked at.
async fn with_first_copy(happens: fn(&Cloud, &str, DateTime<Utc>)) -> (Account, Value, DateTime<Utc>) {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    let hook = move |cloud: &Cloud| {
        let now = cloud.see().rds.now();
        happens(cloud, &copies(cloud)[0], now);
    };
    account.before.insert(("MakeCopy".to_owned(), 2), Box::new(hook));
    let answer = bisect(&mut account, begin).await;
    (account, answer, mistake)
}

#[tokio::test]
async fn a_copy_that_never_becomes_usable_ends_the_search() {
    let never = |cloud: &Cloud, copy: &str, _| cloud.touch().rds.happen(|model, now| model.stuck(copy, "creating", now)).unwrap();
    let (account, answer, mistake) = with_first_copy(never).await;
    assert_eq!(answer["outcome"], "narrowed");
    assert!(answer["reason"].as_str().unwrap().contains("has been creating for"), "{answer:#}");
    holds(&answer, mistake);
    assert_eq!(copies(&account.cloud).len(), 1, "none is made beside one that does not come up");
    assert!(notes(&answer).contains("not usable when the search ended"), "{answer:#}");
}

#[tokio::test]
async fn a_copy_that_fails_decides_nothing_and_another_moment_is_asked() {
    let fails =
        |cloud: &Cloud, copy: &str, _| cloud.touch().rds.happen(|model, now| model.set_status(copy, "incompatible-restore", now)).unwrap();
    let (_, answer, mistake) = with_first_copy(fails).await;
    holds(&answer, mistake);
    assert_eq!(answer["copies"][0]["reply"], "unknown");
    assert!(answer["copies"][0]["text"].as_str().unwrap().contains("incompatible-restore"), "{answer:#}");
    assert!(answer["copies"].as_array().unwrap().len() > 2, "{answer:#}");
}

#[tokio::test]
async fn a_copy_that_somebody_deletes_is_not_made_again() {
    let vanishes = |cloud: &Cloud, copy: &str, _| {
        cloud.touch().rds.happen(|model, now| model.delete_behind_back(copy, false, now)).unwrap();
    };
    let (account, answer, mistake) = with_first_copy(vanishes).await;
    holds(&answer, mistake);
    let gone = answer["copies"][0]["instance"].as_str().unwrap();
    assert!(!copies(&account.cloud).contains(&gone.to_owned()), "{answer:#}");
}

#[tokio::test]
async fn a_recovery_has_the_right_of_way_and_the_search_ends() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    let fails = |cloud: &Cloud| cloud.touch().rds.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.before.insert(("MakeCopy".to_owned(), 12), Box::new(fails));
    account.sweeps_go_on = true;
    let answer = bisect(&mut account, begin).await;
    assert!(answer["reason"].as_str().unwrap().contains("has the right of way"), "{answer:#}");
    holds(&answer, mistake);
    account.settle().await;
    assert!(account.incident().restored.is_some(), "the recovery goes its way: {}", account.explain());
}

#[tokio::test]
async fn a_password_that_is_younger_than_the_copies_is_set_on_them() {
    let (mut account, mistake) = spoilt().await;
    account.rotate_password("battery-staple");
    account.cloud.touch().secrets.get_mut(crate::account::SECRET).unwrap().remove(0);
    let begin = plan(&mut account, wish(|_| ())).await;
    let before = account.last_call();
    let answer = bisect(&mut account, begin).await;
    assert_eq!(answer["outcome"], "found", "{answer:#}");
    holds(&answer, mistake);
    let set = account.calls_since(before).into_iter().filter(|call| call.starts_with("ModifyDBInstance")).collect::<Vec<_>>();
    assert_eq!(set.len(), copies(&account.cloud).len(), "{set:?}");
    assert!(set.iter().all(|call| call.contains("orders-db-s") && !call.contains("battery-staple")), "{set:?}");
}

#[tokio::test]
async fn a_stopped_execution_is_told_with_its_copies() {
    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.before.insert(("MakeCopy".to_owned(), 9), Box::new(|_: &Cloud| ()));
    account.stopped_before = Some("AskCopy");
    let ended = account.bisect(begin.clone()).await;
    assert!(!ended.is_well());
    let execution = account.cloud.see().executions.iter().rfind(|execution| execution.input == begin).cloned().unwrap();
    let event = account.execution_ended(&execution, "ABORTED");
    account.detect(event).await.unwrap();
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db: bisecting has ended early");
    assert!(told.contains("its execution ended as ABORTED") && told.contains(&copies(&account.cloud)[0]), "{told}");
}

#[tokio::test]
async fn a_copy_is_released_by_a_person_once_the_search_is_over_and_people_are_reminded_of_it() {
    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|it| it["copies_at_most"] = json!(2))).await;
    let before = account.last_call();
    account.stopped_before = Some("AskCopy");
    account.bisect(begin).await;
    let copy = copies(&account.cloud).remove(0);
    let order = json!({"resource": ORDERS, "instance": copy, "confirm": copy});
    let ended = account.release(order.clone()).await;
    assert!(ended.error() == "Dr.Refused" && ended.cause().contains("its bisection goes on"), "{}", ended.cause());
    account.pass(Duration::days(1) + Duration::hours(1)).await;
    account.sweep().await;
    account.pass(BETWEEN_SWEEPS).await;
    account.sweep().await;
    let reminder = account.texts_about("NEWS 1 kept database waits to be released");
    assert!(
        reminder.contains(&copy) && reminder.contains("by a bisection") && reminder.contains("a month"),
        "{:?} {reminder}",
        account.subjects()
    );
    assert!(account.release(order.clone()).await.is_well());
    let calls = account.calls_since(before);
    assert!(calls.last().unwrap().starts_with("DeleteDBInstance"), "{calls:?}");
    account.pass(Duration::minutes(30)).await;
    assert_eq!(copies(&account.cloud), Vec::<String>::new());
    let foreign = json!({"resource": ORDERS, "instance": ORDERS, "confirm": ORDERS});
    assert_eq!(account.release(foreign).await.error(), "Dr.Refused");
    assert!(account.incidents().is_empty(), "{}", account.explain());
}

#[tokio::test]
async fn a_moment_that_is_not_restorable_yet_is_waited_for() {
    let (mut account, _) = spoilt().await;
    let good_at = account.time() - Duration::minutes(2);
    let server = crate::account::server_of(&account.cloud, ORDERS).unwrap();
    (5..=9).for_each(|key| assert!(crate::account::write_to(&account.cloud, &server, key, Some("again"))));
    account.pass(Duration::minutes(1)).await;
    let mistake = account.time();
    assert!(crate::account::write_to(&account.cloud, &server, 5, None));
    account.pass(Duration::minutes(1)).await;
    let narrow = |it: &mut Value| {
        it["good_at"] = json!(lifeboat_domain::show_time(good_at + Duration::minutes(2)));
        it["within"] = json!("10s");
    };
    let begin = plan(&mut account, wish(narrow)).await;
    let answer = bisect(&mut account, begin).await;
    assert_eq!(answer["outcome"], "found", "{answer:#}");
    assert!(moment(&answer, "good_at") < mistake, "{answer:#}");
}

/// A search whose execution is gone before its first copy was asked, and of whose end no event tells; answers its plan.
async fn dies_unheard(account: &mut Account) -> Value {
    let begin = plan(account, wish(|_| ())).await;
    account.stopped_before = Some("AskCopy");
    assert!(!account.bisect(begin.clone()).await.is_well());
    begin["plan"].clone()
}

#[tokio::test]
async fn what_broke_a_search_off_is_told_in_words_and_not_as_the_runtimes_json() {
    let (mut account, _) = spoilt().await;
    let plan = dies_unheard(&mut account).await;
    let execution = account.cloud.see().executions.last().unwrap().arn.clone();
    let trouble = r#"{"errorType": "Dr.Unrecoverable", "errorMessage": "the quota of instances is used up", "stackTrace": []}"#;
    let step = json!({"step": "conclude_bisection", "plan": plan, "execution": execution, "trouble": trouble});
    account.detect(step).await.unwrap();
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db: bisecting has ended early");
    assert!(told.contains("it was broken off: the quota of instances is used up"), "{told}");
    assert!(!told.contains("errorMessage") && !told.contains("stackTrace"), "{told}");
}

#[tokio::test]
async fn a_search_whose_end_nobody_heard_of_is_concluded_by_the_sweep_once_nothing_holds_it() {
    let (mut account, _) = spoilt().await;
    dies_unheard(&mut account).await;
    account.sweeps(1).await;
    let early = |account: &Account| account.subjects().iter().filter(|it| it.contains("bisecting has ended early")).count();
    assert_eq!(early(&account), 0, "it may be at work yet: {:?}", account.subjects());
    account.sweeps(10).await;
    let told = account.texts_about("NEWS orders-db: bisecting has ended early");
    assert!(told.contains("its execution ended without a conclusion") && told.contains(&copies(&account.cloud)[0]), "{told}");
    account.sweeps(10).await;
    assert_eq!(early(&account), 1, "told once: {:?}", account.subjects());
}

#[tokio::test]
async fn a_search_that_was_over_and_died_before_it_said_so_is_concluded_by_the_sweep_with_its_own_reason() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.stopped_before = Some("ConcludeBisection");
    account.sweeps_go_on = true;
    assert!(!account.bisect(begin).await.is_well());
    account.sweeps(10).await;
    let told = account.texts_about("NEWS orders-db: bisecting has found the moment");
    assert!(told.contains("last known good") && !told.contains("broken off"), "{mistake} {told}");
}

#[tokio::test]
async fn a_search_ends_by_itself_after_a_day_however_long_a_copy_may_take_and_however_short_the_poll() {
    let (mut account, _) = spoilt().await;
    for policy in account.policies.policies.values_mut() {
        (policy.timing.poll, policy.timing.give_up_after) = (Span::seconds(1), Span::hours(48));
    }
    let begin = plan(&mut account, wish(|_| ())).await;
    let never = |cloud: &Cloud| {
        let copy = copies(cloud).remove(0);
        cloud.touch().rds.happen(|model, now| model.stuck(&copy, "creating", now)).unwrap();
    };
    account.before.insert(("MakeCopy".to_owned(), 2), Box::new(never));
    let answer = bisect(&mut account, begin).await;
    assert_eq!(answer["outcome"], "narrowed", "{answer:#}");
    assert!(answer["reason"].as_str().unwrap().contains("it has lasted since"), "{answer:#}");
    assert!(notes(&answer).contains("not usable when the search ended"), "{answer:#}");
}

#[tokio::test]
async fn nobody_may_release_a_copy_while_it_may_still_be_asked() {
    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.disturbance = Some(Disturbance::new(How::ThenDiesUnheard, "bisect/AskCopy", 1));
    assert!(!account.bisect(begin).await.is_well());
    let timing = account.policies.policies.values().next().unwrap().timing.clone();
    account.pass(timing.lease.as_delta() + timing.poll.as_delta() + Duration::seconds(1)).await;
    let copy = copies(&account.cloud).remove(0);
    let order = json!({"resource": ORDERS, "instance": copy, "confirm": copy});
    let ended = account.release(order.clone()).await;
    assert!(ended.error() == "Dr.Refused" && ended.cause().contains("its bisection goes on"), "{} {}", ended.error(), ended.cause());
    account.pass(LONGEST_ASK.as_delta()).await;
    let ended = account.release(order).await;
    assert!(ended.is_well(), "{} {}", ended.error(), ended.cause());
}

#[test]
fn the_longest_ask_is_the_time_out_of_the_state_that_asks() {
    let bisect = include_str!("../../../../statemachines/bisect.asl.json");
    let bisect: Value = serde_json::from_str(bisect).unwrap();
    assert_eq!(bisect["States"]["AskCopy"]["TimeoutSeconds"], LONGEST_ASK.as_secs());
}
