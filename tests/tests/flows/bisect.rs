//! Bisecting: restored copies are asked when the data was last good. Nothing is restored without a person, never beyond the caps, and
//! production is not touched.

mod troubles;

use crate::account::{Account, ORDERS, server_of, write_to};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::prices::Prices;
use lifeboat_domain::{Timestamp, show_time};
use lifeboat_testing::data::Row;
use lifeboat_testing::memory::Cloud;
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
    let mistake = spoil(&mut account).await;
    account.tasks.clear();
    (account, mistake)
}

/// Rows are deleted, and a predicate would show it.
async fn spoil(account: &mut Account) -> DateTime<Utc> {
    account.policies.prices = prices();
    account.cloud.touch().checks.insert("predicate".to_owned(), Box::new(all_there));
    account.pass(Duration::minutes(71)).await;
    let mistake = account.time();
    let server = server_of(&account.cloud, ORDERS).unwrap();
    (5..=9).for_each(|key| assert!(write_to(&account.cloud, &server, key, None)));
    account.pass(Duration::minutes(37)).await;
    mistake
}

/// The story of a search from its plan to its end.
pub async fn play(account: &mut Account) {
    spoil(account).await;
    let begin = plan(account, wish(|_| ())).await;
    account.sweeps(1).await;
    account.bisect(begin).await;
}

pub fn wish(change: impl FnOnce(&mut Value)) -> Value {
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
    for word in [
        "It takes 6 copies",
        "db.t4g.micro in one zone, costs 0.11 USD",
        "8 copies or",
        "20.00 USD",
        "`-bisect`",
        begin["plan"].as_str().unwrap(),
        "Nothing was changed",
        "right of way",
    ] {
        assert!(told.contains(word), "{word} in {told}");
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

/// The names of the copies that exist.
fn copies(cloud: &Cloud) -> Vec<String> {
    let world = cloud.see();
    let views = world.rds.model.instances(world.rds.now());
    views.into_iter().map(|view| view.instance.db_instance_identifier).filter(|id| id.starts_with("orders-db-s")).collect()
}

/// Begins, and expects an answer.
async fn bisect(account: &mut Account, begin: Value) -> Value {
    let ended = account.bisect(begin).await;
    assert!(ended.is_well(), "{} {}", ended.error(), ended.cause());
    ended.output().clone()
}

fn notes(answer: &Value) -> String {
    answer["notes"].to_string()
}

/// The answer is right, as far as it goes.
fn holds(answer: &Value, mistake: DateTime<Utc>) {
    let (good, bad) = (moment(answer, "good_at"), moment(answer, "bad_at"));
    assert!(good < mistake && mistake <= bad, "{good} {mistake} {bad}: {answer:#}");
}

#[tokio::test]
async fn without_a_person_nothing_is_restored() {
    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    let before = account.last_call();
    account.sweeps(30).await;
    let plan = begin["plan"].clone();
    for (execution, input) in [
        ("arn:aws:states:us-east-1:123456789012:execution:lifeboat-bisect:nobody", begin.clone()),
        ("arn:aws:states:us-east-1:123456789012:execution:lifeboat-find_moment:somebody", begin),
    ] {
        let step = json!({"step": "begin_bisection", "request": input, "started_at": "2026-01-15T12:00:00Z", "execution": execution});
        assert_eq!(account.detect(step).await.unwrap_err().name().as_str(), "Dr.Refused", "{execution}");
        let step = json!({"step": "make_copy", "plan": plan, "execution": execution});
        let error = account.function("RestoreSearch", step).await.unwrap_err();
        assert!(error.message().contains("was not begun by"), "{error}");
    }
    assert_eq!(restores(&account, before), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_is_begun_once_in_time_and_only_for_its_database() {
    let (mut account, _) = spoilt().await;
    let begin = plan(&mut account, wish(|it| it["copies_at_most"] = json!(1))).await;
    let other = "0".repeat(64);
    let rows = [
        (json!({"resource": ORDERS, "plan": other}), "Dr.NotFound", "nobody ever planned"),
        (json!({"resource": "other-db", "plan": begin["plan"]}), "Dr.InvalidInput", "which the plan is for"),
        (json!({"resource": ORDERS}), "Dr.InvalidInput", "plan"),
        (json!({"resource": ORDERS, "plan": begin["plan"], "force": true}), "Dr.InvalidInput", "force"),
    ];
    let before = account.last_call();
    for (input, error, why) in rows {
        let ended = account.bisect(input.clone()).await;
        assert!(ended.error() == error && ended.cause().contains(why), "{input}: {} {}", ended.error(), ended.cause());
    }
    assert_eq!(restores(&account, before).len(), 0);
    bisect(&mut account, begin.clone()).await;
    let made = restores(&account, before).len();
    assert_eq!(made, 1);
    let ended = account.bisect(begin).await;
    assert!(ended.error() == "Dr.Refused" && ended.cause().contains("begun already"), "{}", ended.cause());
    let old = plan(&mut account, wish(|_| ())).await;
    account.pass(Duration::hours(5)).await;
    let ended = account.bisect(old).await;
    assert!(ended.error() == "Dr.Refused" && ended.cause().contains("expired at"), "{}", ended.cause());
    assert_eq!(restores(&account, before).len(), made, "replayed and late plans restore nothing");
}

#[tokio::test]
async fn both_caps_end_the_search_with_what_is_known() {
    for (field, value, copies, why) in [
        ("copies_at_most", json!(2), 2, "copies_at_most allows"),
        ("cost_at_most", json!("0.105"), 8, "beyond cost_at_most, which is 0.11"),
    ] {
        let (mut account, mistake) = spoilt().await;
        let narrow = |it: &mut Value| {
            it["within"] = json!("10s");
            it["copies_at_most"] = json!(12);
            it[field] = value.clone();
        };
        let begin = plan(&mut account, wish(narrow)).await;
        let before = account.last_call();
        let answer = bisect(&mut account, begin).await;
        assert_eq!(answer["outcome"], "narrowed", "{answer:#}");
        assert!(answer["reason"].as_str().unwrap().contains(why), "{answer:#}");
        holds(&answer, mistake);
        let made = restores(&account, before).len();
        assert!((1..=copies).contains(&made), "{made}: {answer:#}");
        account.sweeps(1).await;
        assert!(account.texts_about("NEWS orders-db: bisecting has ended early").contains("to release it"), "{:?}", account.subjects());
    }
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused_by_name_before_anything_is_looked_at() {
    let (mut account, _) = spoilt().await;
    let future = show_time(account.time() + Duration::hours(1));
    let rows: [(&str, Value, &[&str]); 9] = [
        ("predicate", json!("DELETE FROM orders"), &["bisect.predicate", "one SELECT of one boolean"]),
        ("copies_at_most", json!(0), &["bisect.copies_at_most", "1 to 12"]),
        ("copies_at_most", json!(13), &["bisect.copies_at_most", "13"]),
        ("cost_at_most", json!("much"), &["bisect.cost_at_most", "much", "decimal"]),
        ("within", json!("soon"), &["bisect.within", "soon", "15m"]),
        ("good_at", json!("yesterday"), &["bisect.good_at", "yesterday"]),
        ("good_at", json!("2025-12-24T00:00:00Z"), &["bisect.good_at", "nothing older can be restored"]),
        ("bad_at", json!(future), &["bisect.bad_at", "in the past"]),
        ("bad_at", json!("2026-01-15T10:32:30Z"), &["bisect.good_at", "before the bad one"]),
    ];
    for (field, value, words) in rows {
        let documents = account.cloud.see().ledger.len();
        let ended = account.find_moment(wish(|it| it[field] = value.clone())).await;
        assert_eq!(ended.error(), "Dr.InvalidInput", "{field}: {}", ended.cause());
        words.iter().for_each(|word| assert!(ended.cause().contains(word), "{field}: {word} in {}", ended.cause()));
        assert_eq!(account.cloud.see().ledger.len(), documents, "{field}: nothing is written");
    }
    let ended = account.find_moment(wish(|it| it["speed"] = json!("high"))).await;
    assert!(ended.error() == "Dr.InvalidInput" && ended.cause().contains("speed"), "{}", ended.cause());
    account.policies.prices = Prices::default();
    let ended = account.find_moment(wish(|_| ())).await;
    assert_eq!(ended.error(), "Dr.Refused");
    assert!(
        ended.cause().contains("prices.instance_hour.db.t4g.micro") && ended.cause().contains("no cap can be kept"),
        "{}",
        ended.cause()
    );
}

#[tokio::test]
async fn a_predicate_that_sees_nothing_in_production_plans_nothing() {
    for (answer, why) in [(Ok("good"), "true in production"), (Err("no such table"), "could not be asked in production")] {
        let (mut account, _) = spoilt().await;
        let said = move |_: &[Row]| answer.map(str::to_owned).map_err(str::to_owned);
        account.cloud.touch().checks.insert("predicate".to_owned(), Box::new(said));
        let ended = account.find_moment(wish(|_| ())).await;
        assert!(ended.is_well(), "{}", ended.cause());
        let output = ended.output();
        assert!(output["begin"].is_null() && output["bisect"].to_string().contains(why), "{output:#}");
    }
}

#[tokio::test]
async fn a_good_moment_that_is_bad_already_is_a_contradiction_and_told() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|it| it["good_at"] = json!(show_time(mistake + Duration::minutes(2))))).await;
    let answer = bisect(&mut account, begin).await;
    assert_eq!(answer["outcome"], "contradicted", "{answer:#}");
    assert!(answer["reason"].as_str().unwrap().contains("it went wrong earlier") && answer["input"].is_null(), "{answer:#}");
}

#[tokio::test]
async fn a_copy_on_which_the_predicate_fails_decides_nothing_and_is_told() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    // The first copy shows the middle of the time; there the table is in the way.
    let asked = std::cell::Cell::new(0);
    let said = move |rows: &[Row]| {
        asked.set(asked.get() + 1);
        if asked.get() <= 3 { Err("relation \"orders\" does not exist".to_owned()) } else { all_there(rows) }
    };
    account.cloud.touch().checks.insert("predicate".to_owned(), Box::new(said));
    let answer = bisect(&mut account, begin).await;
    holds(&answer, mistake);
    assert_eq!(answer["copies"][0]["reply"], "unknown", "{answer:#}");
    assert!(answer["copies"][0]["text"].as_str().unwrap().contains("does not exist"), "{answer:#}");
}

#[tokio::test]
async fn copies_that_can_never_be_asked_end_the_search() {
    let (mut account, mistake) = spoilt().await;
    let begin = plan(&mut account, wish(|_| ())).await;
    account.cloud.touch().checks.insert("predicate".to_owned(), Box::new(|_| Err("permission denied".to_owned())));
    let answer = bisect(&mut account, begin).await;
    assert_eq!(answer["outcome"], "narrowed");
    assert!(answer["reason"].as_str().unwrap().contains("3 copies could not be asked"), "{answer:#}");
    assert!(answer["input"].is_null(), "no copy has shown a good moment: {answer:#}");
    holds(&answer, mistake);
    assert!(notes(&answer).contains("decide nothing"), "{answer:#}");
}

#[tokio::test]
async fn a_source_that_is_gone_is_bisected_from_its_kept_backups() {
    let (mut account, mistake) = spoilt().await;
    let bad_at = show_time(account.time() - Duration::minutes(4));
    account.happen(|model, now| model.delete_behind_back(ORDERS, true, now)).unwrap();
    account.drop_events();
    account.advance(Duration::minutes(5));
    account.drop_events();
    let begin = plan(&mut account, wish(|it| it["bad_at"] = json!(bad_at))).await;
    let answer = bisect(&mut account, begin).await;
    assert_eq!(answer["outcome"], "found", "{answer:#}");
    holds(&answer, mistake);
}
