//! Single items are written back from the copy: what was shown, only while it is as it was shown, and never over a newer item.

mod disturbed;
mod troubles;

use super::*;
use crate::account::Ended;
use lifeboat_testing::model::{FaultKind, When};
use std::collections::BTreeSet;

/// What only a person may see: it stands in an item that is deleted, and in one that is overwritten.
const PRIVATE: &str = "jane@example.org";
/// Deleted by the mistake, and still missing.
const DELETED: [u32; 4] = [6, 7, 8, 9];
/// Overwritten by a job that leaves `written_at` as it was.
const DAMAGED: [u32; 2] = [10, 11];
/// Written by users after the copy's moment: one that was deleted, and one that was not.
const NEWER: [u32; 2] = [5, 12];

/// A client writes an item as it likes.
pub(super) fn put(cloud: &Cloud, key: u32, item: Option<Value>) {
    let mut world = cloud.touch();
    let now = world.rds.now();
    world.rds.model.tables.write(TABLE, &key.to_string(), item, now).unwrap();
}

fn private(key: u32) -> Value {
    let mut private = item(key, "1.00", "2026-01-15T10:20:00Z");
    private["mail"] = json!({"S": PRIVATE});
    private
}

/// A copy stands beside the table, which lacks some items and holds others that are wrong; users have put two right themselves.
async fn broken() -> Account {
    let mut account = account().await;
    put(&account.cloud, 6, Some(private(6)));
    put(&account.cloud, 10, Some(private(10)));
    Story::HumanError.play(&mut account).await;
    for key in DAMAGED {
        put(&account.cloud, key, Some(item(key, "-1.00", "2026-01-15T10:20:00Z")));
    }
    for key in NEWER {
        write(&account, TABLE, key, Some("3.00"));
    }
    account.tasks.clear();
    account
}

fn look(account: &Account) -> Value {
    json!({"resource": RESOURCE, "copy": copy(account), "written_at": "written_at"})
}

/// The items of the table that the mistake has touched, by key.
fn touched(account: &Account) -> BTreeMap<String, Value> {
    let wanted: BTreeSet<String> = DELETED.iter().chain(&DAMAGED).chain(&NEWER).map(u32::to_string).collect();
    items(account, TABLE).into_iter().filter(|(key, _)| wanted.contains(key)).collect()
}

/// What must stand there in the end: the copy's, but for what users have written.
fn mended(account: &Account) -> BTreeMap<String, Value> {
    let mut expected = touched(account);
    let past = items(account, &copy(account));
    for key in DELETED.iter().chain(&DAMAGED) {
        expected.insert(key.to_string(), past[&key.to_string()].clone());
    }
    expected
}

fn puts(account: &Account, since: usize) -> usize {
    account.calls_since(since).iter().filter(|call| call.starts_with("PutItem")).count()
}

/// A preview that must succeed; its output.
async fn preview(account: &mut Account) -> Value {
    let ended = account.salvage(look(account)).await;
    assert!(ended.is_well(), "{} {}", ended.error(), ended.cause());
    ended.output().clone()
}

fn counts(output: &Value) -> [u64; 7] {
    ["missing", "damaged", "same", "kept_newer", "kept_undated", "kept_too_wide", "expired"].map(|name| output[name].as_u64().unwrap())
}

fn written(ended: &Ended) -> (String, u64, u64) {
    let output = ended.output();
    let count = |name: &str| output[name].as_u64().unwrap_or_else(|| panic!("{name}: {output:#} {}", ended.cause()));
    (output["outcome"].as_str().unwrap().to_owned(), count("salvaged"), count("changed_since"))
}

/// A preview, and the writing of its plan; both are told.
pub async fn play(account: &mut Account) {
    let shown = account.salvage(look(account)).await.output().clone();
    account.salvage(shown["input"].clone()).await;
    account.sweeps(1).await;
}

/// The account with a table to be salvaged, for who reads its messages.
pub async fn salvaged() -> Account {
    let mut account = broken().await;
    play(&mut account).await;
    account
}

/// The same where a recovery comes in between.
pub async fn given_way() -> Account {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    account.before("WriteItems", troubles::lease);
    account.salvage(shown["input"].clone()).await;
    account.sweeps(1).await;
    account
}

/// Every Task of the machine that a story visits.
pub async fn visits() -> BTreeSet<String> {
    let mut account = broken().await;
    play(&mut account).await;
    let denied = FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "not this role".to_owned() };
    account.fault("Scan", When::Always, denied);
    account.salvage(look(&account)).await;
    account.tasks.into_iter().filter(|task| task.starts_with("salvage/")).collect()
}

#[tokio::test]
async fn a_preview_writes_nothing_and_its_plan_writes_exactly_what_it_has_shown() {
    let mut account = broken().await;
    let (before, expected) = (account.last_call(), mended(&account));
    let shown = preview(&mut account).await;
    assert_eq!((shown["outcome"].as_str(), counts(&shown)), (Some("previewed"), [4, 2, 12, 2, 0, 0, 0]), "{shown:#}");
    assert_eq!(account.calls_since(before), Vec::<String>::new(), "a look changes nothing");
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!(written(&ended), ("written".to_owned(), 6, 0));
    assert_eq!(puts(&account, before), 6);
    assert_eq!(touched(&account), expected);
    // Once more: what is back is the same on both sides.
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!((written(&ended), puts(&account, before)), (("written".to_owned(), 6, 0), 6));
    let again = preview(&mut account).await;
    assert_eq!((again["outcome"].as_str(), counts(&again)), (Some("nothing_to_do"), [0, 0, 18, 2, 0, 0, 0]), "{again:#}");
    assert!(again["plan"].is_null() && again["input"].is_null(), "{again:#}");
}

#[tokio::test]
async fn nothing_of_an_item_and_no_key_is_kept_or_told() {
    let account = salvaged().await;
    let world = account.cloud.see();
    let has = |text: &str| text.contains(PRIVATE) || text.contains("\"amount\"");
    let kept = world.ledger.iter().filter(|(key, _)| key.partition.contains("salvage")).map(|(_, kept)| kept.document.to_string());
    let kept: Vec<String> =
        kept.chain(world.documents.iter().filter(|(key, _)| key.starts_with("salvages/")).map(|(_, it)| it.to_string())).collect();
    assert!(kept.len() >= 4, "two salvages, a plan and its leaf: {kept:#?}");
    assert_eq!(kept.iter().filter(|text| has(text)).collect::<Vec<_>>(), Vec::<&String>::new());
    let told = world.messages.iter().filter(|message| has(&message.text) || has(&message.json)).count();
    assert_eq!(told, 0);
    assert!(has(&private(6).to_string()), "it would be seen");
}

#[tokio::test]
async fn without_the_attribute_that_dates_a_write_only_what_is_missing_comes_back() {
    let mut account = broken().await;
    let ended = account.salvage(json!({"resource": RESOURCE, "copy": copy(&account)})).await;
    let shown = ended.output().clone();
    assert_eq!(counts(&shown), [4, 0, 12, 0, 4, 0, 0], "{shown:#} {}", ended.cause());
    account.sweeps(1).await;
    assert!(
        account.texts_about("NEWS orders-db: 4 items can be salvaged").contains("no `written_at` was given"),
        "{:?}",
        account.subjects()
    );
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!(written(&ended), ("written".to_owned(), 4, 0));
    let damaged: Vec<Value> = DAMAGED.iter().map(|key| items(&account, TABLE)[&key.to_string()]["amount"]["N"].clone()).collect();
    assert_eq!(damaged, [json!("-1.00"), json!("-1.00")], "what nobody can date is kept");
}

#[tokio::test]
async fn what_users_write_after_the_preview_is_kept() {
    let mut account = broken().await;
    let shown = preview(&mut account).await;
    write(&account, TABLE, 6, Some("7.00"));
    write(&account, TABLE, 10, Some("7.00"));
    // A job that leaves the date as it was, and one that deletes what was damaged.
    put(&account.cloud, 11, None);
    put(&account.cloud, 7, Some(item(7, "0.00", "2026-01-15T10:20:00Z")));
    let kept: Vec<Option<Value>> = [6, 7, 10, 11].iter().map(|key: &u32| items(&account, TABLE).remove(&key.to_string())).collect();
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!(written(&ended), ("written".to_owned(), 2, 4));
    let now: Vec<Option<Value>> = [6, 7, 10, 11].iter().map(|key: &u32| items(&account, TABLE).remove(&key.to_string())).collect();
    assert_eq!(now, kept);
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db: 2 items salvaged");
    assert!(told.contains("4 were changed by others since the preview and kept"), "{told} {:?}", account.subjects());
}

#[tokio::test]
async fn an_item_that_dynamodb_does_not_take_holds_up_no_other() {
    let mut account = broken().await;
    let (before, shown) = (account.last_call(), preview(&mut account).await);
    let (code, message) = ("ValidationException".to_owned(), "Type mismatch for Index Key state".to_owned());
    account.fault("PutItem", When::Nth(2), FaultKind::Refused { code, message });
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!((written(&ended), ended.output()["refused"].as_u64()), (("written".to_owned(), 5, 0), Some(1)));
    assert!(ended.output()["reason"].as_str().unwrap().contains("Type mismatch for Index Key state"), "{:#}", ended.output());
    assert_eq!(puts(&account, before), 5);
    // The reason is gone, and the same plan writes what is left.
    let ended = account.salvage(shown["input"].clone()).await;
    assert_eq!((written(&ended), ended.output()["refused"].as_u64()), (("written".to_owned(), 6, 0), None));
    assert_eq!(puts(&account, before), 6);
}

#[tokio::test]
async fn what_time_to_live_has_ended_stays_away() {
    let mut account = account().await;
    let ends = account.time() + Duration::minutes(30);
    for (key, ends) in [(6, ends), (7, ends + Duration::days(1))] {
        let mut item = item(key, "1.00", "2026-01-15T10:20:00Z");
        item["ends_at"] = json!({"N": ends.timestamp().to_string()});
        put(&account.cloud, key, Some(item));
    }
    Story::HumanError.play(&mut account).await;
    account.pass(Duration::minutes(40)).await;
    let shown = preview(&mut account).await;
    assert_eq!((shown["expired"].as_u64(), shown["missing"].as_u64()), (Some(1), Some(4)), "{shown:#}");
}

#[tokio::test]
async fn the_message_about_the_copy_has_the_input_that_previews_it() {
    let mut account = account().await;
    Story::HumanError.play(&mut account).await;
    let text = account.texts_about("RESTORED BESIDE").replace('\n', " ")
        + &account.cloud.see().messages.iter().map(|it| it.text.clone()).collect::<String>();
    let input = format!("{{\"resource\":\"{RESOURCE}\",\"copy\":\"{}\",\"written_at\":\"written_at\"}}", copy(&account));
    assert!(text.contains("-salvage") && text.replace("\": \"", "\":\"").replace(", \"", ",\"").contains(&input), "{input}\n{text}");
    let ended = account.salvage(serde_json::from_str(&input).unwrap()).await;
    assert!(ended.is_well(), "{}", ended.cause());
}
