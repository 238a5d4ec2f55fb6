//! The stories whose messages are shown.

use super::When::{Backup, Begins, Broken, News, Orders, Question, Refused, Stopped, Well, Without};
use super::{Pick, Scene};
use crate::account::{Account, GOLD, ORDERS, policies, write_to};
use crate::story::{Story, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::prices::Prices;
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::show_time;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{FaultKind, ModifyDbInstance, When};
use serde_json::{Value, json};

/// All of them; where one story has several messages worth showing, they are shown together.
pub(super) fn all() -> Vec<Scene> {
    [told_by_stories(), asked(), refused(), stopped(), broken(), news(), orders(), elsewhere()].into_iter().flatten().collect()
}

/// One of the stories, to its end.
async fn story(story: Story) -> Account {
    let mut account = story.begin().await;
    story.play(&mut account).await;
    account
}

/// `orders-db` fails for good under this policy, after something else was arranged.
async fn fails(gold: &str, arrange: impl FnOnce(&mut Account)) -> Account {
    let mut account = Account::under(gold, false).await;
    arrange(&mut account);
    fail(&mut account).await;
    account.settle().await;
    account
}

async fn fail(account: &mut Account) {
    let id = account.record().id.to_string();
    account.happen(|model, now| model.fail_instance(&id, now)).unwrap();
    account.recoveries().await;
}

/// `orders-db` hangs, after something else was arranged.
async fn hangs(gold: &str, arrange: impl FnOnce(&mut Account)) -> Account {
    let mut account = Account::under(gold, false).await;
    arrange(&mut account);
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(3).await;
    account.settle().await;
    account.sweeps(3).await;
    account
}

/// A policy that asks before it acts.
fn asks() -> String {
    GOLD.replace("mode: automatic", "mode: approve")
}

fn denied() -> FaultKind {
    let message = "User: arn:aws:sts::123456789012:assumed-role/restore-act is not authorized to perform this action".to_owned();
    FaultKind::Refused { code: "AccessDenied".to_owned(), message }
}

fn told_by_stories() -> Vec<Scene> {
    const FAILED: &[Pick] = &[
        (Begins, "RDS says that the database failed", "OPENED"),
        (Begins, "A plan is made, and runs by itself", "PLAN for"),
        (Well, "The failed database was restored, and clients were moved", "RECOVERED"),
    ];
    const HUNG: &[Pick] = &[
        (Begins, "Two sweeps in a row found it silent", "OPENED"),
        (Well, "The hung database was restored, fenced, and clients were moved", "RECOVERED"),
    ];
    const FAILED_OVER: &[Pick] = &[(Well, "The hung database was failed over to its standby", "FAILED OVER")];
    const HEALED: &[Pick] = &[(Well, "AWS healed it", "HEALED")];
    const BESIDE: &[Pick] = &[
        (Begins, "A person asks for a copy of an earlier moment", "OPENED"),
        (Well, "Rows were deleted by mistake: a copy stands beside production", "RESTORED"),
    ];
    const BACK: &[Pick] = &[
        (Question, "A person wants to move clients to an earlier state", "APPROVAL NEEDED"),
        (Well, "Clients were moved to an earlier state, as a person approved", "RECOVERED"),
    ];
    const CORRUPT: &[Pick] = &[(Well, "A watched check failed: a copy of when it last passed stands beside", "RESTORED")];
    const DELETED: &[Pick] = &[(Question, "It was deleted", "APPROVAL NEEDED"), (Well, "The deleted database came back", "RECOVERED")];
    const GROWN: &[Pick] = &[(Well, "Its volume was full, and was grown", "STORAGE GROWN")];
    const PLANNED: &[Pick] = &[(Well, "A person asked for a plan only", "PLANNED")];
    const UNDO: &[Pick] = &[
        (Question, "A person wants to undo a cut-over, and clients have written since", "APPROVAL NEEDED"),
        (Well, "A cut-over was undone", "UNDONE"),
    ];
    const CAPACITY: &[Pick] = &[(Well, "The class was not to be had: another one of the policy was taken", "RECOVERED")];
    vec![
        Scene::new(FAILED, story(Story::InstanceFailure)),
        Scene::new(HUNG, story(Story::Hung)),
        Scene::new(FAILED_OVER, story(Story::HungMultiAz)),
        Scene::new(HEALED, story(Story::AzOutage)),
        Scene::new(BESIDE, story(Story::HumanError)),
        Scene::new(BACK, story(Story::HumanErrorCutOver)),
        Scene::new(CORRUPT, story(Story::Corruption)),
        Scene::new(DELETED, story(Story::Deletion)),
        Scene::new(GROWN, story(Story::StorageFull)),
        Scene::new(PLANNED, story(Story::PlanOnly)),
        Scene::new(UNDO, story(Story::Undo)),
        Scene::new(CAPACITY, story(Story::NoCapacity)),
        Scene::new(&[(Well, "A recovery was asked for, and the database is well", "NOTHING TO DO")], async {
            let mut account = Account::new(false).await;
            account.ask(json!({"resource": ORDERS, "scenario": "hung", "run": "execute"})).await;
            account
        }),
        Scene::new(&[(Well, "A signal came, and no outage was seen", "HEALTHY")], async {
            let mut account = Account::new(false).await;
            let event = rds_event(&account, "RDS-EVENT-0031");
            account.detect(event).await.unwrap();
            account.settle().await;
            account
        }),
    ]
}

fn asked() -> Vec<Scene> {
    vec![
        Scene::new(&[(Question, "The policy asks before it acts", "APPROVAL NEEDED")], async { fails(&asks(), |_| ()).await }),
        Scene::new(&[(Question, "Another option was chosen, and is planned", "a person chose")], async {
            let mut account = fails(&asks(), |_| ()).await;
            account.backup().await;
            let plan = account.incident().plan;
            account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "choose", "option": "restore_snapshot"})).await;
            account.recoveries().await;
            account
        }),
        Scene::new(&[(Question, "The loss would be larger than the policy allows", "APPROVAL NEEDED")], async {
            fails(&GOLD.replace("max_data_loss: 30m", "max_data_loss: 10s"), |_| ()).await
        }),
        Scene::new(&[(Question, "No drill was ever passed", "APPROVAL NEEDED")], async {
            fails(&GOLD.replace("drill: {waived: \"the owner of the flows: they have no drills\"}", ""), |_| ()).await
        }),
        Scene::new(&[(Question, "It failed again within the cool-down", "APPROVAL NEEDED")], async {
            let mut account = fails(&GOLD.replace("cool_down: 1m", "cool_down: 30m"), |_| ()).await;
            account.pass(Duration::minutes(15)).await;
            fail(&mut account).await;
            account
        }),
        Scene::new(&[(Question, "It failed while it was paused", "APPROVAL NEEDED"), (Orders, "A person paused it", "paused")], async {
            let mut account = Account::new(false).await;
            pause(&mut account).await;
            fail(&mut account).await;
            account.sweeps(1).await;
            account
        }),
        Scene::new(&[(Question, "More databases fail at once than the breaker allows", "APPROVAL NEEDED")], breaker()),
        Scene::new(&[(Question, "An approval came after its plan had expired", "APPROVAL NEEDED")], async {
            let mut account = fails(&asks(), |_| ()).await;
            let plan = account.incident().plan;
            account.advance(Duration::hours(4) + Duration::minutes(1));
            account.ask(json!({"resource": ORDERS, "scenario": "instance_failure", "run": "execute", "plan": plan})).await;
            account
        }),
        Scene::new(&[(Question, "The world has moved on since the plan was made", "APPROVAL NEEDED")], async {
            let mut account = hangs(&asks(), |_| ()).await;
            account.rotate_password("rotated-since");
            let plan = account.incident().plan;
            account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "approve"})).await;
            account.settle().await;
            account
        }),
    ]
}

async fn breaker() -> Account {
    let mut account = Account::new(false).await;
    let others = ["carts-db", "stock-db", "users-db"];
    others.into_iter().for_each(|id| account.create(id, false, &[]));
    account.advance(Duration::minutes(20));
    account.sweep().await;
    for id in others.into_iter().chain([ORDERS]) {
        account.happen(|model, now| model.fail_instance(id, now)).unwrap();
    }
    account.recoveries().await;
    account
}

async fn pause(account: &mut Account) {
    let until = show_time(account.time() + Duration::hours(2));
    let order = json!({"resource": ORDERS, "action": "pause", "until": until, "reason": "storage migration", "claimed_by": "Ann"});
    account.order(order).await;
}

fn refused() -> Vec<Scene> {
    vec![
        Scene::new(&[(Refused, "The policy only observes", "REFUSED")], story(Story::Observed)),
        Scene::new(&[(Refused, "The volume may not grow further", "NO AUTOMATIC REMEDY")], async {
            let mut account = Account::under(&GOLD.replace("cut_over:", "storage: {most_gib: 21}\n    cut_over:"), false).await;
            account.happen(|model, now| model.storage_full(ORDERS, now)).unwrap();
            account.settle().await;
            account
        }),
        Scene::new(&[(Refused, "There is nothing to undo", "undo")], async {
            let mut account = Account::new(false).await;
            account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
            account
        }),
        Scene::new(&[(Question, "A plan is started that was denied", "APPROVAL NEEDED")], async {
            let mut account = fails(&asks(), |_| ()).await;
            let plan = account.incident().plan;
            account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "deny", "reason": "it is meant"})).await;
            account.ask(json!({"resource": ORDERS, "scenario": "instance_failure", "run": "execute", "plan": plan})).await;
            account
        }),
        Scene::new(&[(Refused, "A moment is asked for that is not restorable any more", "REFUSED")], async {
            let mut account = Account::new(false).await;
            let at = "2026-01-15T09:00:00Z";
            account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "run": "execute"})).await;
            account
        }),
        Scene::new(&[(Refused, "The fence does not keep clients out, and was opened again", "REFUSED")], story(Story::FenceLeaks)),
        Scene::new(&[(Without, "Another recovery works on the same database", "FAILED before")], async {
            let mut account = Account::new(false).await;
            account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
            account.sweeps(2).await;
            account.deliver().await;
            let at = show_time(account.time() - Duration::minutes(8));
            account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "run": "execute"})).await;
            account
        }),
    ]
}

fn stopped() -> Vec<Scene> {
    vec![
        Scene::new(&[(Stopped, "The restored copy lacks a row", "HELD")], story(Story::CopyIsWrong)),
        Scene::new(
            &[
                (Stopped, "The source answered again just before the cut-over", "STOPPED"),
                (News, "It serves again", "serves again by itself"),
            ],
            story(Story::SourceHealed),
        ),
        Scene::new(&[(Stopped, "Clients wrote while an undo began", "STOPPED")], async {
            let mut account = Story::Hung.begin().await;
            account.client.writes = false;
            Story::Hung.play(&mut account).await;
            account.pass(Duration::minutes(5)).await;
            let writes = |cloud: &Cloud| assert!(write_to(cloud, &copy_of_orders(cloud).1, 900, Some("late")));
            account.before.insert(("ProbeSourceAgain".to_owned(), 2), Box::new(writes));
            account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
            account
        }),
        Scene::new(&[(Stopped, "RDS says failed, and the database answers", "NEEDS YOU")], story(Story::Contradiction)),
        Scene::new(&[(Stopped, "A failover may have been lost on its way", "NEEDS YOU")], async {
            let mut account = Story::HungMultiAz.begin().await;
            account.fault("RebootDBInstance", When::Nth(1), FaultKind::TimeoutBefore);
            Story::HungMultiAz.play(&mut account).await;
            account
        }),
        Scene::new(&[(Stopped, "It is silent since its security groups changed", "NEEDS YOU")], async {
            let mut account = Account::new(true).await;
            let groups = Some(vec!["sg-new".to_owned()]);
            account.call(&ModifyDbInstance { vpc_security_group_ids: groups, ..ModifyDbInstance::now(ORDERS) });
            account.cloud.touch().visits.insert(ORDERS.to_owned(), ProbeOutcome::NoAnswer);
            account.pass(Duration::minutes(2)).await;
            account.sweeps(4).await;
            account.settle().await;
            account
        }),
    ]
}

fn broken() -> Vec<Scene> {
    vec![
        Scene::new(&[(Broken, "The restore was refused by IAM", "FAILED")], async {
            fails(GOLD, |account| account.fault("RestoreDBInstanceToPointInTime", When::Always, denied())).await
        }),
        Scene::new(&[(Broken, "Clients could not log in, and were moved back", "FAILED")], story(Story::ClientRefused)),
        Scene::new(&[(Broken, "Clients were moved, and the identity could not follow", "FAILED")], async {
            hangs(GOLD, |account| account.fault("AddTagsToResource", When::Always, denied())).await
        }),
        Scene::new(
            &[
                (Broken, "The secret could not be written, and the fence could not be opened again", "FAILED"),
                (News, "What a recovery began could not be undone", "left half-way"),
            ],
            async {
                hangs(GOLD, |account| {
                    account.before("CutOver", |cloud| {
                        for action in ["secretsmanager:PutSecretValue", "ModifyDBInstance"] {
                            let (action, resource) = (Some(action.to_owned()), None);
                            let kind = denied();
                            cloud.touch().add_fault(lifeboat_testing::model::Fault { action, resource, when: When::Always, kind });
                        }
                    });
                })
                .await
            },
        ),
        Scene::new(&[(Broken, "A person stopped the execution before anything was fenced", "INTERRUPTED")], async {
            interrupted("ValidateRestored").await
        }),
        Scene::new(&[(Broken, "A person stopped the execution behind the fence", "INTERRUPTED")], async { interrupted("CutOver").await }),
        Scene::new(&[(Broken, "A person stopped the execution after clients were moved", "INTERRUPTED")], async {
            interrupted("MoveIdentity").await
        }),
        Scene::new(&[(Broken, "Three executions died without a trace", "INTERRUPTED")], async {
            let mut account = Account::new(false).await;
            account.unavailable = vec!["OpenIncident"];
            account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
            account.recoveries().await;
            for _ in 0..8 {
                account.sweeps(1).await;
                account.recoveries().await;
            }
            account
        }),
    ]
}

async fn interrupted(before: &'static str) -> Account {
    hangs(GOLD, |account| account.stopped_before = Some(before)).await
}

fn rds_event(account: &Account, number: &str) -> Value {
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders-db";
    let now = show_time(account.time());
    json!({
        "version": "0", "id": format!("{number}-{now}"), "source": "aws.rds", "detail-type": "RDS DB Instance Event",
        "account": "123456789012", "region": "us-east-1", "time": now, "resources": [arn],
        "detail": {"EventCategories": ["failure"], "SourceType": "DB_INSTANCE", "SourceArn": arn, "SourceIdentifier": ORDERS,
                   "Date": now, "Message": "a message of RDS", "EventID": number},
    })
}

fn news() -> Vec<Scene> {
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

fn orders() -> Vec<Scene> {
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
        Scene::new(&[(Orders, "A kept database was released", "was released")], async {
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

fn elsewhere() -> Vec<Scene> {
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
