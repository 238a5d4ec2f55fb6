//! What is being renamed may be out of sight for a moment: that it is not seen does not mean that it is gone.

use super::{Struck, account, delete, end_of, hang, name_of, refuse_clients, renames};
use crate::account::{Account, Disturbance, How, ORDERS};
use crate::story::{check_always, copy_of_orders};
use crate::targets::End;
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::model::{Fault, FaultKind, When};

/// What has this `DbiResourceId` is not seen from one visit to a state until another visit.
fn hide(account: &mut Account, server: &str, (state, visit): (&str, usize), (until, again): (&str, usize)) {
    for (state, visit, is_hidden) in [(state, visit, true), (until, again, false)] {
        let server = server.to_owned();
        let hook = move |cloud: &lifeboat_testing::memory::Cloud| cloud.touch().rds.model.hide(&server, is_hidden);
        account.before.insert((state.to_owned(), visit), Box::new(hook));
    }
}

fn visits(account: &Account, state: &str) -> usize {
    account.tasks.iter().filter(|task| **task == format!("recovery/{state}")).count()
}

#[tokio::test]
async fn a_fence_with_a_group_outlives_a_source_that_is_out_of_sight() {
    let (mut account, source) = account().await;
    account.disturbance = Some(Disturbance::new(How::ThenDies, "recovery/CutOver", 12));
    hide(&mut account, &source, ("Fence", visits_of_one_fence().await + 1), ("CutOver", 13));
    account.before.insert(("CutOver".to_owned(), 14), Box::new(refuse_clients));
    hang(&mut account).await;
    assert_eq!(end_of(&account, &source), Ok(End::Back), "{}", account.explain());
    assert!(account.client.split_brain.is_empty());
}

/// How often a recovery that nothing disturbs looks at its fence until it stands.
async fn visits_of_one_fence() -> usize {
    let (mut account, _) = account().await;
    hang(&mut account).await;
    visits(&account, "Fence")
}

#[tokio::test]
async fn a_source_that_is_out_of_sight_on_the_way_back_gets_its_name_all_the_same() {
    let (mut account, source) = account().await;
    account.before("CutOver", refuse_clients);
    hide(&mut account, &source, ("Compensate", 20), ("Compensate", 34));
    hang(&mut account).await;
    assert!(visits(&account, "Compensate") > 34, "{}", visits(&account, "Compensate"));
    assert_eq!(end_of(&account, &source), Ok(End::Back), "{}", account.explain());
}

#[tokio::test]
async fn a_source_that_is_deleted_on_the_way_back_is_not_said_to_be_open() {
    let (mut account, source) = account().await;
    account.before("CutOver", refuse_clients);
    account.before.insert(
        ("Compensate".to_owned(), 20),
        Box::new(|cloud| {
            let kept = super::kept_name(cloud).unwrap();
            delete(cloud, &kept);
            cloud.touch().rds.advance(chrono::Duration::minutes(10));
        }),
    );
    hang(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Failed), "{}", account.explain());
    assert_eq!((name_of(&account, &source), account.lease_is_free()), (None, true));
    let told = account.explain();
    assert!(told.contains("does not exist any more: there is nothing to open again") && !told.contains("opened again: "), "{told}");
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn the_sessions_of_a_copy_that_is_out_of_sight_are_ended_once_it_is_seen() {
    for is_hidden in [true, false] {
        let (mut account, source) = account().await;
        account.before("CutOver", refuse_clients);
        let server = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
        let seen = server.clone();
        account.before.insert(
            ("Compensate".to_owned(), 1),
            Box::new(move |cloud| {
                let copy = crate::account::server_of(cloud, ORDERS).unwrap();
                if is_hidden {
                    cloud.touch().rds.model.hide(&copy, true);
                } else {
                    let kind = FaultKind::Refused { code: "DBInstanceNotFound".to_owned(), message: "not found".to_owned() };
                    let action = Some("RebootDBInstance".to_owned());
                    cloud.touch().add_fault(Fault { action, resource: None, when: When::Nth(1), kind });
                }
                *seen.borrow_mut() = copy;
            }),
        );
        let again = server.clone();
        account.before.insert(("Compensate".to_owned(), 6), Box::new(move |cloud| cloud.touch().rds.model.hide(&again.borrow(), false)));
        hang(&mut account).await;
        assert_eq!(end_of(&account, &source), Ok(End::Back), "hidden: {is_hidden} {}", account.explain());
        let told = account.explain();
        assert!(told.contains("which ends the sessions of clients that came to it"), "hidden: {is_hidden} {told}");
        let copy = copy_of_orders(&account.cloud).0;
        let groups = account.instance(&copy)["VpcSecurityGroups"].to_string();
        assert!(!groups.contains("sg-app"), "hidden: {is_hidden}: it is closed: {groups}");
    }
}

#[tokio::test]
async fn what_has_its_name_on_the_way_back_and_is_about_to_lose_it_is_waited_for() {
    let (mut account, source) = account().await;
    Struck::CopyThere.strike(&mut account, "refused for ever");
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let pend = |cloud: &lifeboat_testing::memory::Cloud, to: Option<&str>| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.model.pend_rename(&copy, to).unwrap();
    };
    account.before("Compensate", move |cloud| {
        cloud.touch().clear_faults();
        pend(cloud, Some(ORDERS));
    });
    let count = seen.clone();
    account.before.insert(
        ("Compensate".to_owned(), 12),
        Box::new(move |cloud| {
            let world = cloud.see();
            let renames = world.rds.model.effective_calls().filter(|call| call.parameters["NewDBInstanceIdentifier"].is_string());
            count.set(renames.count());
            drop(world);
            pend(cloud, None);
        }),
    );
    hang(&mut account).await;
    assert_eq!(end_of(&account, &source), Ok(End::Back), "{}", account.explain());
    assert_eq!((seen.get(), renames(&account).len()), (1, 2), "{:?}", renames(&account));
}
