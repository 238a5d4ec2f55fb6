//! Releasing what a recovery kept: only with its name typed twice, only what nobody needs, and never what serves.

use crate::account::{Account, Disturbance, GOLD, How, ORDERS};
use crate::story::{Story, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::prices::Prices;
use lifeboat_testing::model::{FaultKind, ModifyDbInstance, When};
use serde_json::{Value, json};

/// Clients were moved off a hung `orders-db`, which is kept.
async fn kept() -> Account {
    let mut account = Story::Hung.begin().await;
    Story::Hung.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    account.pass(Duration::minutes(10)).await;
    account
}

fn order(instance: &str) -> Value {
    json!({"resource": ORDERS, "instance": instance, "confirm": instance, "claimed_by": "Ann", "reason": "two weeks of quiet"})
}

fn exists(account: &Account, id: &str) -> bool {
    let world = account.cloud.see();
    let views = world.rds.model.instances(world.rds.now());
    views.into_iter().any(|view| view.instance.db_instance_identifier == id)
}

#[tokio::test]
async fn a_retired_source_is_deleted_with_a_final_snapshot_when_a_person_types_its_name_twice() {
    let mut account = kept().await;
    let before = account.last_call();
    let ended = account.release(order(ORDERS)).await;
    assert!(ended.is_well(), "{}", ended.cause());
    let calls = account.calls_since(before);
    let deletion = calls.last().unwrap();
    assert!(deletion.starts_with("DeleteDBInstance") && deletion.contains("lifeboat-orders-db-final-"), "{calls:?}");
    assert!(deletion.contains("\"DeleteAutomatedBackups\":false"), "{deletion}");
    account.pass(Duration::minutes(30)).await;
    assert!(!exists(&account, ORDERS));
    account.sweeps(2).await;
    assert!(account.subjects().iter().any(|subject| subject.contains("instance orders-db was deleted")), "{:?}", account.subjects());
    assert_eq!(account.incidents().len(), 1, "the deletion of what is retired is no incident: {}", account.explain());
    let undo = account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "plan"})).await;
    assert!(undo.is_well());
    assert!(account.last_text().contains("does not exist any more"), "the undo window is over: {}", account.last_text());
}

#[tokio::test]
async fn what_serves_is_protected_foreign_unnamed_or_in_use_is_never_released() {
    let mut account = kept().await;
    let copy = copy_of_orders(&account.cloud).0;
    account.create("stranger", false, &[]);
    let without = |field: &str| {
        let mut order = order(ORDERS);
        order.as_object_mut().unwrap().remove(field);
        order
    };
    let rows = [
        (order(&copy), "Dr.Refused", "it serves as orders-db"),
        (order("stranger"), "Dr.Refused", "it is protected"),
        (order("nobody"), "Dr.NotFound", "nobody"),
        (without("confirm"), "Dr.InvalidInput", "confirm"),
        (json!({"resource": ORDERS, "instance": ORDERS, "confirm": "yes"}), "Dr.InvalidInput", "typed once more"),
        (json!({"resource": "nothing", "instance": ORDERS, "confirm": ORDERS}), "Dr.NotFound", "resource"),
        (without("resource"), "Dr.InvalidInput", "resource"),
        (json!({"resource": ORDERS, "instance": ORDERS, "confirm": ORDERS, "force": true}), "Dr.InvalidInput", "force"),
    ];
    let before = account.last_call();
    for (input, error, why) in rows {
        let ended = account.release(input.clone()).await;
        assert_eq!(ended.error(), error, "{input}: {}", ended.cause());
        assert!(ended.cause().contains(why), "{input}: {}", ended.cause());
    }
    assert_eq!(account.calls_since(before), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_released_while_a_recovery_may_need_it() {
    let mut account = kept().await;
    let copy = copy_of_orders(&account.cloud).0;
    account.happen(|model, now| model.hang(&copy, now)).unwrap();
    account.sweeps(3).await;
    let ended = account.release(order(ORDERS)).await;
    assert_eq!(ended.error(), "Dr.Refused", "{}", ended.cause());
    assert!(ended.cause().contains("must end first"), "{}", ended.cause());
    assert!(exists(&account, ORDERS));
}

#[tokio::test]
async fn a_failed_source_that_is_protected_from_deletion_is_left_to_aws_support_and_nothing_is_changed() {
    let mut account = Account::under(GOLD, false).await;
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    account.pass(Duration::minutes(10)).await;
    let before = account.last_call();
    let ended = account.release(order(ORDERS)).await;
    assert_eq!(ended.error(), "Dr.Refused", "{}", ended.cause());
    assert!(ended.cause().contains("AWS Support"), "{}", ended.cause());
    assert_eq!(account.calls_since(before), Vec::<String>::new());
}

#[tokio::test]
async fn one_fault_of_any_call_releases_it_all_the_same_and_once() {
    for action in
        ["DescribeDBInstances", "ModifyDBInstance", "DeleteDBInstance", "dynamodb:GetItem", "dynamodb:PutItem", "states:DescribeExecution"]
    {
        for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
            let mut account = kept().await;
            account.fault(action, When::Nth(1), kind.clone());
            let before = account.last_call();
            let ended = account.release(order(ORDERS)).await;
            assert!(ended.is_well(), "{action} {kind:?}: {}", ended.cause());
            let deletions = account.calls_since(before).iter().filter(|call| call.starts_with("DeleteDBInstance")).count();
            assert_eq!(deletions, 1, "{action} {kind:?}");
            account.pass(Duration::minutes(30)).await;
            account.sweeps(2).await;
            let told = account.subjects().iter().filter(|subject| subject.contains("instance orders-db was deleted")).count();
            assert_eq!(told, 1, "{action} {kind:?}: {:?}", account.subjects());
        }
    }
}

#[tokio::test]
async fn who_only_invokes_the_function_releases_nothing() {
    let account = kept().await;
    let forged = [
        "arn:aws:states:us-east-1:123456789012:execution:lifeboat-release:never-started",
        "arn:aws:states:us-east-1:123456789012:execution:lifeboat-recovery:by-hand",
        "Ann",
    ];
    let (before, at) = (account.last_call(), account.time());
    for execution in forged {
        let input = json!({"step": "release_kept", "request": order(ORDERS), "started_at": at, "execution": execution});
        let error = account.restore(input).await.unwrap_err();
        assert_eq!(error.name().as_str(), "Dr.Refused", "{error}");
    }
    assert_eq!(account.calls_since(before), Vec::<String>::new());
}

#[tokio::test]
async fn once_a_week_people_are_told_what_is_kept_what_it_costs_and_how_it_is_released() {
    let mut account = Account::under(GOLD, false).await;
    account.policies.prices = Prices {
        currency: Some("EUR".to_owned()),
        instance_hour: [("db.t4g.micro".to_owned(), "0.073".to_owned())].into(),
        storage_gib_month: [("gp3".to_owned(), "0.127".to_owned())].into(),
    };
    account.client.writes = false;
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    let told = |account: &Account| account.subjects().iter().filter(|subject| subject.contains("waits to be released")).count();
    account.sweeps(2).await;
    assert_eq!(told(&account), 0, "not on the day itself");
    account.advance(Duration::hours(30));
    account.sweeps(3).await;
    assert_eq!(told(&account), 1, "{:?}", account.subjects());
    let text = account.texts_about("NEWS 1 kept database waits");
    assert!(text.contains("55.83 EUR a month (db.t4g.micro, 20 GiB)"), "{text:?}");
    assert!(text.contains("\"confirm\":\"orders-db\""), "{text}");
    account.advance(Duration::days(7));
    account.sweeps(2).await;
    assert_eq!(told(&account), 2, "{:?}", account.subjects());
}

#[tokio::test]
async fn a_release_whose_step_is_disturbed_deletes_once() {
    for how in [How::Twice, How::ReplyLost, How::TimesOut] {
        let mut account = kept().await;
        account.disturbance = Some(Disturbance::new(how, "release/ReleaseKept", 1));
        let before = account.last_call();
        let ended = account.release(order(ORDERS)).await;
        assert!(ended.is_well(), "{how:?}: {}", ended.cause());
        let deletions = account.calls_since(before).iter().filter(|call| call.starts_with("DeleteDBInstance")).count();
        assert_eq!(deletions, 1, "{how:?}");
    }
}

#[tokio::test]
async fn what_is_well_and_busy_is_never_deleted_without_its_final_snapshot() {
    let mut account = kept().await;
    account.happen(|model, now| model.set_status(ORDERS, "backing-up", now)).unwrap();
    let before = account.last_call();
    let ended = account.release(order(ORDERS)).await;
    let deletions: Vec<String> = account.calls_since(before).into_iter().filter(|call| call.starts_with("DeleteDBInstance")).collect();
    assert!(deletions.iter().all(|call| call.contains("lifeboat-orders-db-final-")), "{deletions:?}");
    assert!(ended.is_well() || ended.error() == "Dr.Conflict", "{}", ended.cause());
}

#[tokio::test]
async fn what_has_become_well_since_the_promise_is_not_deleted_without_a_final_snapshot() {
    let mut account = kept().await;
    account.call(&ModifyDbInstance { deletion_protection: Some(false), ..ModifyDbInstance::now(ORDERS) });
    account.pass(Duration::minutes(10)).await;
    account.happen(|model, now| model.set_status(ORDERS, "incompatible-network", now)).unwrap();
    account.fault("DeleteDBInstance", When::Nth(1), FaultKind::Throttle);
    let set = std::cell::Cell::new(0);
    account.whenever = Some(Box::new(move |cloud| {
        set.set(set.get() + 1);
        if set.get() == 2 {
            cloud.touch().rds.happen(|model, now| model.set_status(ORDERS, "available", now)).unwrap();
        }
    }));
    let before = account.last_call();
    let ended = account.release(order(ORDERS)).await;
    assert!(ended.is_well(), "{}", ended.cause());
    let deletions: Vec<String> = account.calls_since(before).into_iter().filter(|call| call.starts_with("DeleteDBInstance")).collect();
    assert!(deletions.last().unwrap().contains("lifeboat-orders-db-final-"), "{deletions:?}");
}
