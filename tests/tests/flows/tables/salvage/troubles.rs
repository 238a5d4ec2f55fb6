//! What is refused, and what ends a salvage before its end.

use super::*;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::ports::Versioned;
use lifeboat_testing::model::{FaultKind, When};

/// A recovery takes the lease.
pub(super) fn lease(cloud: &Cloud) {
    let mut world = cloud.touch();
    let key = keys::lease(&Identity::parse(RESOURCE).unwrap());
    let expires_at = world.rds.now() + Duration::minutes(10);
    let kept = world.ledger.get_mut(&key).expect("the copy's recovery had it");
    let mut lease: Lease = serde_json::from_value(kept.document.clone()).unwrap();
    (lease.released, lease.expires_at) = (false, expires_at);
    *kept = Versioned { version: kept.version + 1, document: serde_json::to_value(lease).unwrap() };
}

fn tag(cloud: &Cloud, table: &str, add: &[(&str, &str)], remove: &[&str]) {
    let mut world = cloud.touch();
    let now = world.rds.now();
    let add = add.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let remove: Vec<String> = remove.iter().map(|key| (*key).to_owned()).collect();
    world.rds.model.tables.tag(table, &add, &remove, now).unwrap();
}

#[tokio::test]
async fn wrong_input_is_refused_by_name_before_anything_is_written_or_read_of_a_table() {
    let mut account = broken().await;
    let copy = copy(&account);
    let hash = "0".repeat(64);
    let rows: Vec<(Value, &str, Vec<&str>)> = vec![
        (json!({"resource": RESOURCE}), "Dr.InvalidInput", vec!["copy is missing", "`plan`"]),
        (json!({"resource": RESOURCE, "copy": copy, "plan": hash}), "Dr.InvalidInput", vec!["plan", "either"]),
        (json!({"resource": RESOURCE, "copy": copy, "speed": 1}), "Dr.InvalidInput", vec!["speed"]),
        (json!({"resource": RESOURCE, "copy": "x"}), "Dr.InvalidInput", vec!["copy", "\"x\"", "3 to 255"]),
        (json!({"resource": RESOURCE, "copy": copy, "written_at": ""}), "Dr.InvalidInput", vec!["written_at", "1 to 255"]),
        (json!({"resource": RESOURCE, "plan": hash, "written_at": "x"}), "Dr.InvalidInput", vec!["written_at", "nothing beside `plan`"]),
        (json!({"resource": RESOURCE, "plan": "abc"}), "Dr.InvalidInput", vec!["plan", "64 hex digits"]),
        (json!({"resource": RESOURCE, "plan": hash}), "Dr.NotFound", vec!["plan", "no preview"]),
        (json!({"resource": "order-db", "copy": copy}), "Dr.NotFound", vec!["resource", "did you mean \"orders-db\""]),
        (json!({"resource": RESOURCE, "copy": "orders-db-r00000000"}), "Dr.NotFound", vec!["copy", "no table"]),
        (json!({"resource": RESOURCE, "copy": TABLE}), "Dr.InvalidInput", vec!["copy", "serves"]),
    ];
    let before = account.last_call();
    for (input, error, words) in rows {
        let documents = account.cloud.see().ledger.len();
        let ended = account.salvage(input.clone()).await;
        assert_eq!(ended.error(), error, "{input}: {}", ended.cause());
        let cause = ended.cause().replace("\\\"", "\"");
        words.iter().for_each(|word| assert!(cause.contains(word), "{input}: {word} in {cause}"));
        assert_eq!(account.cloud.see().ledger.len(), documents, "{input}: nothing is written down");
    }
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    assert!(!account.tasks.iter().any(|task| task == "salvage/CompareItems"), "{:?}", account.tasks);
}

#[tokio::test]
async fn only_a_copy_that_lifeboat_made_of_this_table_is_read() {
    type Change = fn(&Cloud, &str);
    let rows: [(Change, &str); 4] = [
        (|cloud, copy| tag(cloud, copy, &[], &["lifeboat:incident"]), "no tag lifeboat:incident"),
        (|cloud, copy| tag(cloud, copy, &[("lifeboat:incident", "inc-20260101t000000z-00000000")], &[]), "knows no incident"),
        (|cloud, copy| tag(cloud, copy, &[("lifeboat:retired", "inc-20260101t000000z-00000000")], &[]), "has served"),
        (
            |cloud, copy| {
                let mut world = cloud.touch();
                let from = "arn:aws:dynamodb:us-east-1:123456789012:table/customers".to_owned();
                world.rds.model.tables.existing(copy).unwrap().restored_from = Some(from);
            },
            "was restored from",
        ),
    ];
    for (change, why) in rows {
        let mut account = broken().await;
        change(&account.cloud, &copy(&account));
        let ended = account.salvage(look(&account)).await;
        assert!(["Dr.InvalidInput", "Dr.Refused"].contains(&ended.error()) && ended.cause().contains(why), "{why}: {}", ended.cause());
    }
}

#[tokio::test]
async fn a_word_that_no_person_gave_writes_nothing() {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    let before = account.last_call();
    let nobody = "arn:aws:states:us-east-1:123456789012:execution:lifeboat-salvage:nobody";
    let step = json!({"step": "begin_salvage", "request": shown["input"], "started_at": "2026-01-15T12:00:00Z", "execution": nobody});
    assert_eq!(account.detect(step).await.unwrap_err().name().as_str(), "Dr.Refused");
    let foreign = account.cloud.see().executions.last().unwrap().arn.clone();
    let id = lifeboat_domain::salvage::salvage_id(&foreign);
    for (execution, step) in [(nobody, "write_items"), (foreign.as_str(), "write_items")] {
        let step = json!({"step": step, "salvage": id, "execution": execution});
        assert_eq!(account.function("Salvage", step).await.unwrap_err().name().as_str(), "Dr.Refused", "{execution}");
    }
    assert_eq!(puts(&account, before), 0);
}

#[tokio::test]
async fn a_plan_is_written_only_in_time_and_only_into_the_table_that_was_looked_at() {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    account.advance(Duration::hours(24) + Duration::minutes(1));
    let ended = account.salvage(shown["input"].clone()).await;
    assert!(ended.error() == "Dr.Refused" && ended.cause().contains("expired at"), "{}", ended.cause());
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    let before = account.last_call();
    account.before("WriteItems", |cloud| {
        let mut world = cloud.touch();
        let now = world.rds.now();
        world.rds.model.tables.put_table(TABLE, now, own(), &[]);
    });
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!(written(&ended).0, "ended_early");
    assert!(ended.output()["reason"].as_str().unwrap().contains("another table than before"), "{:#}", ended.output());
    assert_eq!(puts(&account, before), 0);
}

#[tokio::test]
async fn a_plan_whose_hashes_were_changed_is_refused() {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    {
        let mut world = account.cloud.touch();
        let leaf = world.documents.iter_mut().find(|(key, _)| key.starts_with("salvages/")).unwrap().1;
        leaf["999"] = json!({"a": "b"});
    }
    let before = account.last_call();
    let ended = account.salvage(shown["input"].clone()).await;
    assert!(ended.error() == "Dr.Refused" && ended.cause().contains("no longer what was previewed"), "{}", ended.cause());
    assert_eq!(puts(&account, before), 0);
}

/// Ends early with these words after some of the items, and the same input writes the rest later.
async fn gives_way(hook: fn(&Cloud), undo: fn(&Cloud), why: &str) {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    let before = account.last_call();
    // A turn that is throttled half-way; then it happens.
    account.fault("PutItem", When::Nth(4), FaultKind::Throttle);
    account.before.insert(("WriteItems".to_owned(), 2), Box::new(hook));
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!(written(&ended).0, "ended_early", "{why}: {:#}", ended.output());
    assert!(ended.output()["reason"].as_str().unwrap().contains(why), "{why}: {:#}", ended.output());
    assert_eq!((puts(&account, before), &ended.output()["input"]), (3, &shown["input"]), "{why}");
    undo(&account.cloud);
    account.cloud.touch().clear_faults();
    account.advance(Duration::minutes(20));
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!((written(&ended), puts(&account, before)), (("written".to_owned(), 6, 0), 6), "{why}");
}

#[tokio::test]
async fn a_recovery_goes_first_and_the_same_input_goes_on_later() {
    gives_way(lease, |_| (), "a recovery of orders-db is under way").await;
}

#[tokio::test]
async fn a_fence_ends_it_and_the_same_input_goes_on_later() {
    fn deny(cloud: &Cloud, denies: bool) {
        cloud.touch().rds.happen(|model, now| model.tables.deny_writes(TABLE, denies, now)).unwrap();
    }
    gives_way(|cloud| deny(cloud, true), |cloud| deny(cloud, false), "is fenced").await;
}

#[tokio::test]
async fn a_copy_that_is_deleted_half_way_ends_it_and_says_so() {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    let (before, name) = (account.last_call(), copy(&account));
    account.fault("PutItem", When::Nth(4), FaultKind::Throttle);
    let gone = name.clone();
    account.before.insert(
        ("WriteItems".to_owned(), 2),
        Box::new(move |cloud: &Cloud| {
            cloud.touch().rds.happen(|model, now| model.tables.delete_behind_back(&gone, now)).unwrap();
            cloud.touch().rds.happen(|model, now| model.tables.forget_gone(now + Duration::minutes(1)));
        }),
    );
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!((written(&ended).0.as_str(), puts(&account, before)), ("ended_early", 3));
    assert!(ended.output()["reason"].as_str().unwrap().contains(&format!("{name} is gone")), "{:#}", ended.output());
}

#[tokio::test]
async fn tables_that_are_too_busy_for_long_end_it() {
    let mut account = broken().await;
    account.fault("BatchGetItem", When::Always, FaultKind::Throttle);
    let ended = account.salvage(look(&account)).await;
    assert_eq!(ended.output()["outcome"], "ended_early", "{}", ended.cause());
    assert!(ended.output()["reason"].as_str().unwrap().contains("30 attempts in a row"), "{:#}", ended.output());
}

#[tokio::test]
async fn a_stopped_execution_is_told_with_how_far_it_came() {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    account.stopped_before = Some("ConcludeSalvage");
    assert!(!account.salvage(shown["input"].clone()).await.is_well());
    let execution = account.cloud.see().executions.iter().rfind(|it| it.input == shown["input"]).cloned().unwrap();
    let event = account.execution_ended(&execution, "ABORTED");
    account.detect(event.clone()).await.unwrap();
    account.detect(event).await.unwrap();
    account.sweeps(1).await;
    let told = account.subjects().into_iter().filter(|subject| subject.contains("items salvaged")).collect::<Vec<_>>();
    assert_eq!(told, ["NEWS orders-db: 6 items salvaged"], "told once, and what was whole counts as whole");
    account.stopped_before = Some("WriteItems");
    account.salvage(shown["input"].clone()).await;
    let execution = account.cloud.see().executions.last().cloned().unwrap();
    let event = account.execution_ended(&execution, "TIMED_OUT");
    account.detect(event).await.unwrap();
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db: the salvage has ended early");
    assert!(told.contains("its execution ended as TIMED_OUT") && told.contains("To go on"), "{told} {:?}", account.subjects());
}
