//! Clones: what is there now, beside production, and nothing that looks as if it had been proven.

use super::scenes::{DATA_API, MEMBER, MODIFY, RESTORE, counted, told};
use crate::account::{Account, GOLD, Made, ORDERS, rows_inside};
use crate::clusters::Tale;
use crate::story::{Story, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::ports::Key;
use lifeboat_domain::register::ResourceRecord;
use lifeboat_testing::model::{CreateDbCluster, DeleteDbInstance};
use serde_json::{Value, json};

/// Everything in the ledger that says what was proven, or how long a recovery takes, besides the incident's own story.
fn proofs(account: &Account) -> (Vec<(Key, Value)>, ResourceRecord) {
    let world = account.cloud.see();
    let about_points = |key: &&Key| key.sort.starts_with("point#");
    let points = world.ledger.keys().filter(about_points).map(|key| (key.clone(), world.ledger[key].document.clone())).collect();
    drop(world);
    (points, account.record())
}

fn clone() -> Value {
    json!({"resource": ORDERS, "scenario": "human_error", "option": "clone", "run": "execute"})
}

async fn deletes_by_mistake(account: &mut Account) -> String {
    account.pass(Duration::minutes(3)).await;
    let before = lifeboat_domain::show_time(account.time());
    account.pass(Duration::seconds(1)).await;
    crate::story::delete_rows(&account.cloud);
    account.pass(Duration::minutes(8)).await;
    before
}

#[tokio::test]
async fn a_clone_shows_the_damage_as_it_is_and_production_serves_all_the_time() {
    let (account, calls) = told(Tale::Clone, IncidentState::Closed, Outcome::Cloned).await;
    assert_eq!(counted(&calls), [(RESTORE, 1), (MEMBER, 1), (DATA_API, 1), (MODIFY, 1)]);
    assert!(calls[0].contains("\"RestoreType\":\"copy-on-write\"") && calls[0].contains("\"SourceDBClusterIdentifier\":\"orders-db\""));
    assert!(
        !calls[0].contains("RestoreToTime") && !calls[0].contains("lifeboat:policy") && calls[0].contains("sg-quarantine"),
        "{}",
        calls[0]
    );
    let (_, server) = copy_of_orders(&account.cloud);
    let rows = rows_inside(&account.cloud, &server).expect("validate may enter");
    assert!((5..=9).all(|key| !rows.contains_key(&key)), "the rows are gone there, too");
    let made = account.plans().into_iter().find(|plan| plan.remedy == Some(Remedy::Clone)).unwrap().made_at;
    let newest_before = account.client.acknowledged.iter().filter(|(_, at, _)| *at <= made).count();
    assert!(
        newest_before > 0 && account.client.acknowledged.iter().filter(|(_, at, _)| *at <= made).all(|(key, ..)| rows.contains_key(key))
    );
    assert_eq!(account.secret_versions().len(), 1, "clients were not moved");
    assert_eq!((account.status(ORDERS), account.members(ORDERS).len()), (json!("available"), 3));
}

#[tokio::test]
async fn a_clone_verifies_no_point_begins_no_line_and_is_no_recovery_that_was_timed() {
    let story = Story::Cluster(Tale::Clone);
    let mut account = story.begin().await;
    let before = proofs(&account);
    assert!(!before.0.is_empty(), "there is a point that could be marked");
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Cloned), "{}", account.explain());
    let after = proofs(&account);
    assert_eq!(after.0, before.0, "every point is as it was");
    let kept =
        |record: &ResourceRecord| (record.last_recovery, record.recovery_times.clone(), record.last_drill, record.resource_id.clone());
    assert_eq!(kept(&after.1), kept(&before.1), "a clone cools nothing down, and is no rehearsal");
    assert_eq!(after.1.generation, before.1.generation + 1, "the same wish once more is another clone");
    let validation: Value = account.document(&lifeboat_domain::ledger::keys::validation(&account.incident().id)).unwrap();
    assert_eq!(validation["newest_data"], Value::Null, "no freshness is measured");
    let names: Vec<&str> = validation["checks"].as_array().unwrap().iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(names, ["reachability", "login", "role", "no bad amounts", "configuration"]);
    let text = account.last_text();
    for words in
        ["a clone of today's data, damaged or not, which proves nothing about a recovery point", "lifeboat-release", "deleting either"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn data_that_a_check_finds_wrong_are_what_a_clone_is_for() {
    let mut account = Account::with_cluster(GOLD, Made::Aurora(1)).await;
    account.pass(Duration::minutes(3)).await;
    let server = crate::account::server_of(&account.cloud, ORDERS).unwrap();
    assert!(crate::account::write_to(&account.cloud, &server, 3, Some("-3.00")));
    account.ask(clone()).await;
    account.settle().await;
    Story::Cluster(Tale::Clone).approve(&mut account).await;
    account.settle().await;
    let cloned = account.incidents().into_iter().find(|incident| incident.outcome == Some(Outcome::Cloned));
    assert!(cloned.is_some(), "{}", account.explain());
    assert!(account.texts_about("CLONED").contains("no bad amounts is FAIL"), "{}", account.texts_about("CLONED"));
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn clients_are_never_moved_to_a_clone_and_the_field_is_named_before_anything_is_opened() {
    let mut account = Account::with_cluster(GOLD, Made::Aurora(1)).await;
    let calls = account.last_call();
    let mut input = clone();
    input["cut_over"] = json!(true);
    let ended = account.ask(input).await;
    assert_eq!(ended.error(), "Dr.InvalidInput", "{}", ended.cause());
    assert!(["cut_over", "clone", "clients are never moved"].iter().all(|word| ended.cause().contains(word)), "{}", ended.cause());
    assert_eq!((account.calls_since(calls), account.incidents().len()), (Vec::new(), 0));
}

#[tokio::test]
async fn what_rds_does_not_clone_is_refused_with_what_is_accepted_and_nothing_is_sent() {
    let without = Account::with_cluster(GOLD, Made::Aurora(1)).await;
    without.call(&DeleteDbInstance {
        db_instance_identifier: "orders-db-1".to_owned(),
        skip_final_snapshot: Some(true),
        ..DeleteDbInstance::default()
    });
    let multi_az = Account::with_cluster(GOLD, Made::MultiAz).await;
    let instance = Account::new(false).await;
    for (mut account, why) in [(multi_az, "a Multi-AZ DB cluster of postgres"), (without, "no instance"), (instance, "restore_to_time")] {
        let at = a_while_later(&mut account).await;
        let calls = account.last_call();
        let mut input = clone();
        input["restore_to"] = json!(at);
        let ended = account.ask(input).await;
        assert_eq!(ended.error(), "Dr.InvalidInput", "{why}: {}", ended.cause());
        assert!(ended.cause().contains(why) && ended.cause().contains("option: clone"), "{why}: {}", ended.cause());
        assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{why}");
    }
}

async fn a_while_later(account: &mut Account) -> String {
    let at = lifeboat_domain::show_time(account.time());
    account.advance(Duration::minutes(12));
    account.drop_events();
    at
}

#[tokio::test]
async fn a_clone_can_be_chosen_instead_of_the_restore_that_was_asked_about() {
    let mut account = Account::with_cluster(&GOLD.replace("mode: automatic", "mode: approve"), Made::Aurora(1)).await;
    let at = deletes_by_mistake(&mut account).await;
    account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "run": "execute"})).await;
    account.settle().await;
    let text = account.last_text();
    assert!(text.contains("\"decision\": \"choose\", \"option\": \"clone\""), "{text}");
    let plan = account.incident().plan.unwrap();
    let ended = account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "choose", "option": "clone"})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    account.settle().await;
    assert!(account.last_text().contains("is not applied: a clone holds what is there now"), "{}", account.last_text());
    Story::Cluster(Tale::Clone).approve(&mut account).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Cloned), "{}", account.explain());
    assert!(account.last_text().contains(&format!("\"restore_to\": \"{at}\"")), "the way to the data of before: {}", account.last_text());
}

#[tokio::test]
async fn a_clone_that_never_becomes_usable_is_removed_and_another_one_is_asked_about() {
    let story = Story::Cluster(Tale::Clone);
    let mut account = story.begin().await;
    account.cloud.touch().rds.data.break_effects("make_volume", "the volume cannot be attached");
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    let calls = account.calls_since(0);
    assert_eq!(calls.iter().filter(|call| call.starts_with("DeleteDBCluster ")).count(), 1, "{calls:?}");
    assert!(account.last_text().contains("the world has moved on"), "{}", account.last_text());
    assert_eq!((check_always(&account), account.status(ORDERS)), (Ok(()), json!("available")));
    account.cloud.touch().rds.data.mend();
    story.approve(&mut account).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Cloned), "{}", account.explain());
}

#[tokio::test]
async fn a_clone_is_released_by_a_person_and_told_weekly_until_then() {
    let (mut account, _) = told(Tale::Clone, IncidentState::Closed, Outcome::Cloned).await;
    let (clone, _) = copy_of_orders(&account.cloud);
    account.advance(Duration::hours(30));
    account.sweeps(3).await;
    assert!(account.texts_about("NEWS 1 kept database waits").contains(&clone), "{:?}", account.subjects());
    let id = format!("cluster:{clone}");
    let ended = account.release(json!({"resource": ORDERS, "instance": id, "confirm": id})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    account.pass(Duration::minutes(30)).await;
    assert_eq!((account.cluster(&clone), account.status(ORDERS)), (Value::Null, json!("available")));
}

#[tokio::test]
async fn another_cluster_that_has_taken_the_name_since_the_approval_is_not_cloned() {
    let story = Story::Cluster(Tale::Clone);
    let mut account = story.begin().await;
    account.before("StartRestore", |cloud| {
        cloud.touch().rds.happen(|model, now| model.delete_cluster_behind_back(ORDERS, true, now)).unwrap();
        cloud.touch().rds.advance(Duration::minutes(10));
        cloud.touch().rds.call(&CreateDbCluster::example(ORDERS)).unwrap();
        cloud.touch().rds.advance(Duration::minutes(10));
    });
    let before = account.last_call();
    story.play(&mut account).await;
    let calls = account.calls_since(before);
    assert!(!calls.iter().any(|call| call.starts_with("RestoreDBCluster")), "{calls:?}");
    let told = account.cloud.see().messages.iter().any(|message| message.text.contains("is another instance now"));
    assert!(told, "{}", account.explain());
}
