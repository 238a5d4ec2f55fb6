//! Negative controls: a copy that is wrong in any way never gets the clients.

use crate::account::{Account, ORDERS, write_to};
use crate::story::copy_of_orders;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_testing::memory::Cloud;

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
    held(|cloud| assert!(write_to(cloud, &copy(cloud), 7, Some("7.01"))), "must not change").await;
}

#[tokio::test]
async fn one_missing_row_holds_the_copy() {
    held(|cloud| assert!(write_to(cloud, &copy(cloud), 7, None)), "must not change").await;
}

#[tokio::test]
async fn a_missing_table_holds_the_copy() {
    held(|cloud| (1..=100).for_each(|key| assert!(write_to(cloud, &copy(cloud), key, None))), "public.orders").await;
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
    held(|cloud| assert!(write_to(cloud, &copy(cloud), 9_999, Some("-1.00"))), "no bad amounts").await;
}
