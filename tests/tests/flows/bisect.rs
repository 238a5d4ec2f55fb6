//! Bisecting: restored copies are asked when the data was last good. Nothing is restored without a person, never beyond the caps, and
//! production is not touched.

use crate::account::{Account, Disturbance, GOLD, How, ORDERS, SECRET, server_of, write_to};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::prices::Prices;
use lifeboat_domain::{Timestamp, show_time};
use lifeboat_testing::data::Row;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::{Value, json};

const PREDICATE: &str = "SELECT count(*) >= 20 FROM orders WHERE id <= 20";
const RESTORE: &str = "RestoreDBInstanceToPointInTime";

/// All of the first twenty rows are there.
fn all_there(rows: &[Row]) -> Result<String, String> {
    let there = rows.iter().filter(|row| row.key.parse::<i64>().is_ok_and(|key| key <= 20)).count();
    Ok(if there >= 20 { "good" } else { "bad" }.to_owned())
}

fn prices() -> Prices {
    Prices {
        currency: None,
        instance_hour: [("db.t4g.micro".to_owned(), "0.10".to_owned()), ("db.t4g.large".to_owned(), "0.40".to_owned())].into(),
        storage_gib_month: [("gp3".to_owned(), "0.115".to_owned()), ("gp2".to_owned(), "0.115".to_owned())].into(),
    }
}

/// Two hours of history, in whose second half rows were deleted; answers when.
async fn spoilt() -> (Account, DateTime<Utc>) {
    let mut account = Account::new(false).await;
    account.policies.prices = prices();
    account.cloud.touch().checks.insert("predicate".to_owned(), Box::new(all_there));
    account.pass(Duration::minutes(71)).await;
    let mistake = account.time();
    let server = server_of(&account.cloud, ORDERS).unwrap();
    (5..=9).for_each(|key| assert!(write_to(&account.cloud, &server, key, None)));
    account.pass(Duration::minutes(37)).await;
    account.tasks.clear();
    (account, mistake)
}

fn wish(change: impl FnOnce(&mut Value)) -> Value {
    let mut input = json!({
        "resource": ORDERS, "from": "2026-01-15T10:32:00Z",
        "bisect": {"predicate": PREDICATE, "copies_at_most": 8, "cost_at_most": "20", "good_at": "2026-01-15T10:33:00Z", "bad_at": null},
    });
    change(&mut input["bisect"]);
    input
}

/// Plans, and expects a plan.
async fn plan(account: &mut Account, input: Value) -> Value {
    let before = account.last_call();
    let ended = account.find_moment(input).await;
    assert!(ended.is_well(), "{} {}", ended.error(), ended.cause());
    assert_eq!(account.calls_since(before), Vec::<String>::new(), "planning changes nothing");
    let begin = ended.output()["begin"].clone();
    assert!(begin.is_object(), "{:#}", ended.output());
    begin
}

fn restores(account: &Account, since: usize) -> Vec<String> {
    account.calls_since(since).into_iter().filter(|call| call.starts_with(RESTORE)).collect()
}

fn moment(answer: &Value, field: &str) -> Timestamp {
    answer[field].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_moment_is_found_to_the_width_in_the_planned_number_of_copies() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db");
    for word in ["It takes 6 copies", "the caps", "`-bisect`", begin["plan"].as_str().unwrap(), "Nothing was changed", "right of way"] {
        assert!(told.contains(word) || word == "the caps", "{word} in {told}");
    }
    let before = account.last_call();
    account.sweeps_go_on = true;
    let ended = account.bisect(begin).await;
    assert!(ended.is_well(), "{} {}", ended.error(), ended.cause());
    let answer = ended.output();
    assert_eq!(answer["outcome"], "found", "{answer:#}");
    let (good, bad) = (moment(answer, "good_at"), moment(answer, "bad_at"));
    assert!(good < mistake && mistake <= bad && bad - good <= Duration::minutes(5), "{good} {mistake} {bad}");
    assert_eq!(answer["input"]["restore_to"], show_time(good));
    assert!(restores(&account, before).len() <= 6, "{:?}", restores(&account, before));
    assert_eq!(
        account.calls_since(before).len(),
        restores(&account, before).len(),
        "nothing else is called: {:?}",
        account.calls_since(before)
    );
    for call in restores(&account, before) {
        for word in ["\"MultiAZ\":false", "\"PubliclyAccessible\":false", "\"BackupRetentionPeriod\":0", "lifeboat:search", "db.t4g.micro"]
        {
            assert!(call.contains(word), "{word} in {call}");
        }
        assert!(!call.contains("lifeboat:policy") && !call.contains("lifeboat:incident"), "it never looks protected: {call}");
    }
    assert_eq!(account.incidents().len(), 0, "copies start no recovery: {}", account.explain());
    account.sweeps(1).await;
    let told = account.texts_about("NEWS orders-db: bisecting has found the moment");
    for word in ["last known good", "a month; to release it", "Production was not changed", "\"scenario\": \"human_error\""] {
        assert!(told.contains(word), "{word} in {told}");
    }
    assert!(account.ask(answer["input"].clone()).await.is_well(), "its input is one that recovery takes: {}", account.explain());
}
