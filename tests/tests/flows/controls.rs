//! Negative controls: a copy that is wrong in any way never gets the clients.

use crate::account::{Account, ORDERS, rows_of, write_inside};
use crate::story::{Story, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_testing::memory::Cloud;
use serde_json::json;

/// Fails `orders-db`, tampers with the copy just before it is validated, and expects that it is held for this reason.
async fn held(tamper: impl FnOnce(&Cloud) + 'static, why: &str) {
    let mut account = Account::new(false).await;
    account.before("ValidateRestored", tamper);
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    let incident = account.incident();
    assert_eq!(
        (incident.state, incident.outcome),
        (IncidentState::WaitingForPerson, Some(Outcome::HeldByValidation)),
        "{}",
        account.explain()
    );
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved");
    assert_eq!(account.record().id.as_str(), ORDERS, "the identity stays");
    let (subject, text) = (account.subjects().pop().unwrap(), account.last_text());
    assert!(subject.starts_with("HELD orders-db: clients were not moved"), "{subject}");
    assert!(text.contains(why), "{text} should say {why:?}");
    assert!(account.lease_is_free());
}

fn copy(cloud: &Cloud) -> String {
    copy_of_orders(cloud).1
}

#[tokio::test]
async fn one_altered_row_holds_the_copy() {
    held(|cloud| assert!(write_inside(cloud, &copy(cloud), 7, Some("7.01"))), "must not change").await;
}

#[tokio::test]
async fn one_missing_row_holds_the_copy() {
    held(|cloud| assert!(write_inside(cloud, &copy(cloud), 7, None)), "must not change").await;
}

#[tokio::test]
async fn a_missing_table_holds_the_copy() {
    held(|cloud| (1..=100).for_each(|key| assert!(write_inside(cloud, &copy(cloud), key, None))), "public.orders").await;
}

#[tokio::test]
async fn a_login_that_is_refused_holds_the_copy() {
    let refuse = |cloud: &Cloud| {
        let id = copy_of_orders(cloud).0;
        cloud.touch().visits.insert(id, ProbeOutcome::LoginRefused);
    };
    held(refuse, "login").await;
}

#[tokio::test]
async fn a_check_that_times_out_is_unknown_and_holds_the_copy() {
    let time_out = |cloud: &Cloud| {
        cloud
            .touch()
            .checks
            .insert("no bad amounts".to_owned(), Box::new(|_| Err("canceling statement due to statement timeout".to_owned())));
    };
    held(time_out, "statement timeout").await;
}

#[tokio::test]
async fn a_check_of_the_policy_that_fails_holds_the_copy() {
    held(|cloud| assert!(write_inside(cloud, &copy(cloud), 9_999, Some("-1.00"))), "no bad amounts").await;
}

#[tokio::test]
async fn a_cut_over_that_is_taken_back_closes_the_copy_and_the_same_plan_opens_it_again_behind_the_fence() {
    let mut account = Story::Hung.begin().await;
    account.before("VerifyCutOver", |cloud| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.happen(|model, now| model.hang(&copy, now)).unwrap();
    });
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    let ended = account.next_recovery().await;
    assert!(!ended.is_well(), "{}", account.explain());
    let (copy, server) = copy_of_orders(&account.cloud);
    account.advance(Duration::minutes(3));
    assert_eq!(rows_of(&account.cloud, &server), None, "{copy} lets somebody in: {}", account.explain());
    assert_eq!(account.secret_versions().len(), 3, "clients were moved back");
    assert_eq!(check_always(&account), Ok(()));
    let plan = account.incident().plan.unwrap();
    // The source hangs again: what its fence's restart had woken is no way back.
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.ask(json!({"resource": ORDERS, "scenario": "hung", "run": "execute", "plan": plan})).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.record().id.as_str(), copy);
    assert_eq!(check_always(&account), Ok(()));
}
