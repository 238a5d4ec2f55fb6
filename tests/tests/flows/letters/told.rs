//! Stories whose messages come from the sweep, from a person's order, from a backup, or from where there is no story at all.

use super::Scene;
use super::When::{Backup, News, Orders, Without};
use super::scenes::{asks, denied, fail, fails, pause, rds_event, story};
use crate::account::{Account, GOLD, ORDERS, policies};
use crate::story::Story;
use chrono::Duration;
use lifeboat_domain::prices::Prices;
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::show_time;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::json;

pub(super) fn news() -> Vec<Scene> {
    vec![
        Scene::new(&[(News, "Its RTO has passed, and it waits for a person", "past its RTO")], async {
            let mut account = fails(&asks(), |_| ()).await;
            account.sweeps(12).await;
            account
        }),
        Scene::new(&[(News, "Its RTO has passed, and the recovery goes on", "past its RTO")], async {
            let mut account = Account::under(&format!("{GOLD}    objective: {{rto: 3m, rpo: 5m}}\n"), false).await;
            account.sweeps_go_on = true;
            account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
            account.recoveries().await;
            account.sweeps(1).await;
            account
        }),
        Scene::new(&[(News, "Two databases carry one identity", "ambiguous")], story(Story::News)),
        Scene::new(&[(News, "Its policy does not exist", "unknown policy")], async {
            let mut account = Account::new(false).await;
            account.create("legacy-db", false, &[("lifeboat:policy", "glod")]);
            account.advance(Duration::minutes(20));
            account.sweeps(1).await;
            account
        }),
        Scene::new(&[(News, "The policy of an open incident has vanished", "could not be judged")], async {
            let mut account = fails(&asks(), |_| ()).await;
            let gold = account.policies.policies.remove("gold").unwrap();
            account.policies.policies.insert("gold2".to_owned(), gold);
            account.sweeps(2).await;
            account
        }),
        Scene::new(&[(News, "Somebody stopped a protected database", "is stopped")], async {
            let mut account = Account::new(false).await;
            account.happen(|model, now| model.set_status(ORDERS, "stopped", now)).unwrap();
            account.sweeps(2).await;
            account
        }),
        Scene::new(&[(News, "No prober can run", "cannot be probed")], async {
            let mut account = Account::new(false).await;
            account.unavailable = vec!["ProbeGroup"];
            account.sweeps(2).await;
            account
        }),
        Scene::new(&[(News, "No probe has ever reached it", "cannot be probed")], async {
            let mut account = Account::empty(policies(GOLD));
            account.create(ORDERS, true, &[]);
            account.advance(Duration::minutes(20));
            account.make_secret();
            account.cloud.touch().visits.insert(ORDERS.to_owned(), ProbeOutcome::NoAnswer);
            account.sweeps(2).await;
            account
        }),
        Scene::new(&[(News, "The probe's login is refused", "cannot be probed")], async {
            let mut account = Account::new(false).await;
            account.cloud.touch().visits.insert(ORDERS.to_owned(), ProbeOutcome::LoginRefused);
            account.sweeps(2).await;
            account
        }),
        Scene::new(&[(News, "RDS reports something that a person must look at", "NEWS")], async {
            let mut account = Account::new(false).await;
            let event = rds_event(&account, "RDS-EVENT-0028");
            account.detect(event).await.unwrap();
            account.sweeps(1).await;
            account
        }),
        Scene::new(
            &[(News, "Copies could be asked when the data was last good", "to go back to"), (News, "Copies were asked", "bisecting has")],
            async {
                let mut account = Account::new(false).await;
                crate::bisect::play(&mut account).await;
                account.sweeps(1).await;
                account
            },
        ),
        Scene::new(&[(News, "The weekly reminder of what is kept", "waits to be released")], async {
            let mut account = Account::under(GOLD, false).await;
            account.policies.prices = Prices {
                currency: Some("EUR".to_owned()),
                instance_hour: [("db.t4g.micro".to_owned(), "0.073".to_owned())].into(),
                storage_gib_month: [("gp3".to_owned(), "0.127".to_owned())].into(),
            };
            account.client.writes = false;
            fail(&mut account).await;
            account.settle().await;
            account.advance(Duration::hours(30));
            account.sweeps(2).await;
            account
        }),
    ]
}

pub(super) fn orders() -> Vec<Scene> {
    vec![
        Scene::new(
            &[(Orders, "A person ended a pause", "not paused any more"), (Orders, "A person paused everything", "everything: paused")],
            async {
                let mut account = Account::new(false).await;
                let until = show_time(account.time() + Duration::hours(2));
                account.order(json!({"resource": "*", "action": "pause", "until": until, "reason": "game day"})).await;
                pause(&mut account).await;
                account.sweeps(1).await;
                account.order(json!({"resource": ORDERS, "action": "resume", "claimed_by": "Ann"})).await;
                account.sweeps(1).await;
                account
            },
        ),
        Scene::new(&[(Orders, "A person ended a cool-down", "acknowledged")], async {
            let mut account = fails(GOLD, |_| ()).await;
            account.order(json!({"resource": ORDERS, "action": "acknowledge"})).await;
            account.sweeps(1).await;
            account
        }),
        Scene::new(
            &[(Orders, "A plan was denied", "the plan was denied"), (Orders, "An answer does not count", "does not count")],
            async {
                let mut account = fails(&asks(), |_| ()).await;
                let plan = account.incident().plan;
                account
                    .answer(json!({"resource": ORDERS, "plan": plan, "decision": "deny", "claimed_by": "Ann", "reason": "it is meant"}))
                    .await;
                account.pass(Duration::minutes(2)).await;
                account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "approve"})).await;
                account.sweeps(1).await;
                account
            },
        ),
        Scene::new(&[(Orders, "A kept database was released", "was deleted, as a person released it")], async {
            let mut account = story(Story::Hung).await;
            account.pass(Duration::minutes(10)).await;
            let order =
                json!({"resource": ORDERS, "instance": ORDERS, "confirm": ORDERS, "claimed_by": "Ann", "reason": "two weeks of quiet"});
            account.release(order).await;
            account.sweeps(1).await;
            account
        }),
    ]
}

pub(super) fn elsewhere() -> Vec<Scene> {
    vec![
        Scene::new(&[(Backup, "A backup run did not cover everything", "BACKUP")], async {
            let mut account = Account::new(false).await;
            account.create("second-db", false, &[]);
            account.advance(Duration::minutes(20));
            account.cloud.touch().add_fault(lifeboat_testing::model::Fault {
                action: Some("CreateDBSnapshot".to_owned()),
                resource: Some("second-db".to_owned()),
                when: When::Always,
                kind: denied(),
            });
            account.backup().await;
            account
        }),
        Scene::new(&[(Without, "A person's input makes no sense", "REFUSED a start")], story(Story::WrongInput)),
        Scene::new(&[(Without, "A start failed before an incident was opened", "before an incident")], async {
            let mut account = Account::new(false).await;
            account.fault("DescribeDBInstances", When::Always, denied());
            account.ask(json!({"resource": ORDERS, "scenario": "hung", "run": "execute"})).await;
            account
        }),
        Scene::new(&[(Without, "The ledger cannot be read", "the ledger")], async {
            fails(GOLD, |account| {
                account.before("ValidateRestored", |cloud| {
                    for action in ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"] {
                        let (action, resource) = (Some(action.to_owned()), None);
                        let kind = FaultKind::TimeoutBefore;
                        cloud.touch().add_fault(lifeboat_testing::model::Fault { action, resource, when: When::Always, kind });
                    }
                });
            })
            .await
        }),
    ]
}
