//! The stories whose messages are shown.

use super::When::{Begins, Broken, News, Orders, Question, Refused, Stopped, Well, Without};
use super::{Pick, Scene, told};
use crate::account::{Account, GOLD, ORDERS, write_to};
use crate::story::{Story, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::show_time;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{FaultKind, ModifyDbInstance, When};
use serde_json::{Value, json};

/// All of them; where one story has several messages worth showing, they are shown together.
pub(super) fn all() -> Vec<Scene> {
    [
        told_by_stories(),
        asked(),
        refused(),
        stopped(),
        broken(),
        told::news(),
        told::orders(),
        told::elsewhere(),
        super::clusters::all(),
        super::kinds::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One of the stories, to its end.
pub(super) async fn story(story: Story) -> Account {
    let mut account = story.begin().await;
    story.play(&mut account).await;
    account
}

/// `orders-db` fails for good under this policy, after something else was arranged.
pub(super) async fn fails(gold: &str, arrange: impl FnOnce(&mut Account)) -> Account {
    let mut account = Account::under(gold, false).await;
    arrange(&mut account);
    fail(&mut account).await;
    account.settle().await;
    account
}

pub(super) async fn fail(account: &mut Account) {
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
pub(super) fn asks() -> String {
    GOLD.replace("mode: automatic", "mode: approve")
}

pub(super) fn denied() -> FaultKind {
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
    const SWAPPED: &[Pick] =
        &[(Begins, "A plan that swaps names", "PLAN for"), (Well, "The new database got the name of the hung one", "RECOVERED")];
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
        Scene::new(SWAPPED, async { hangs(&crate::rename::policy(), |_| {}).await }),
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

pub(super) async fn pause(account: &mut Account) {
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
        Scene::new(&[(Without, "Another recovery works on the same database", "REFUSED a start")], async {
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
        Scene::new(&[(Broken, "A stranger took the name while names were swapped, and keeps it", "FAILED")], async {
            hangs(&crate::rename::policy(), |account| {
                crate::rename::between_the_renames(account, |cloud| crate::rename::create(cloud, ORDERS));
            })
            .await
        }),
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

pub(super) fn rds_event(account: &Account, number: &str) -> Value {
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders-db";
    let now = show_time(account.time());
    json!({
        "version": "0", "id": format!("{number}-{now}"), "source": "aws.rds", "detail-type": "RDS DB Instance Event",
        "account": "123456789012", "region": "us-east-1", "time": now, "resources": [arn],
        "detail": {"EventCategories": ["failure"], "SourceType": "DB_INSTANCE", "SourceArn": arn, "SourceIdentifier": ORDERS,
                   "Date": now, "Message": "a message of RDS", "EventID": number},
    })
}
