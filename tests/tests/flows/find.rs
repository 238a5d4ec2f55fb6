//! Finding the last good moment: candidates are never later than the mistake, the surest comes first, and whoever does not answer is named.

use crate::account::{Account, GOLD, ORDERS, SECRET, server_of, write_to};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::moments::trail::Action;
use lifeboat_domain::{Timestamp, show_time};
use lifeboat_testing::model::{FaultKind, When};
use serde_json::{Value, json};

/// Somebody writes or deletes rows of `orders-db`; answers when.
fn tamper(account: &Account, keys: impl IntoIterator<Item = i64>, value: Option<&str>) -> DateTime<Utc> {
    let server = server_of(&account.cloud, ORDERS).unwrap();
    keys.into_iter().for_each(|key| assert!(write_to(&account.cloud, &server, key, value)));
    account.time()
}

/// Asks, and expects an answer.
async fn search(account: &mut Account, input: Value) -> Value {
    let before = account.last_call();
    let ended = account.find_moment(input).await;
    assert!(ended.is_well(), "{} {}", ended.error(), ended.cause());
    assert_eq!(account.calls_since(before), Vec::<String>::new(), "a search changes nothing");
    assert_eq!(account.incidents().len(), 0, "a search is no incident");
    let most = ended.0.trace.iter().map(|step| step.input_bytes.max(step.output_bytes)).max().unwrap_or_default();
    assert!(most < 32 * 1024, "{most} bytes travel");
    ended.output().clone()
}

fn moments(answer: &Value) -> Vec<(String, Timestamp)> {
    let candidates = answer["candidates"].as_array().unwrap().iter();
    let moment = |candidate: &Value| {
        let input = &candidate["input"];
        assert_eq!((&input["scenario"], &input["run"], &input["resource"]), (&json!("human_error"), &json!("plan"), &json!(ORDERS)));
        (candidate["sureness"].as_str().unwrap().to_owned(), input["restore_to"].as_str().unwrap().parse().unwrap())
    };
    candidates.map(moment).collect()
}

fn notes(answer: &Value) -> String {
    answer["notes"].as_array().unwrap().iter().map(|note| format!("{}\n", note.as_str().unwrap())).collect()
}

/// The best candidate lies within so many minutes before the mistake.
fn best_is_within(answer: &Value, minutes: i64, mistake: DateTime<Utc>) {
    let (sureness, at) = moments(answer).first().cloned().unwrap_or_else(|| panic!("no candidate: {answer:#}"));
    assert_eq!(sureness, "proven", "{answer:#}");
    assert!(at <= mistake && mistake - at <= Duration::minutes(minutes), "{at} for a mistake at {mistake}: {answer:#}");
}

#[tokio::test]
async fn rows_that_were_deleted_lead_to_the_fingerprint_that_still_had_them() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(3)).await;
    let mistake = tamper(&account, 5..=9, None);
    account.pass(Duration::minutes(8)).await;
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    best_is_within(&answer, 15, mistake);
    assert!(moments(&answer).iter().all(|(_, at)| *at <= mistake), "none is later than the mistake: {answer:#}");
    assert!(answer["candidates"][0]["text"].as_str().unwrap().contains("public.orders held"), "{answer:#}");
    assert!(notes(&answer).contains("CloudTrail shows an action up to 15 minutes late"), "{}", notes(&answer));

    account.sweeps(1).await;
    let text = account.texts_about("NEWS orders-db");
    assert!(text.contains("\"scenario\": \"human_error\"") && text.contains("Nothing was changed"), "{text}");
    let input: Value = answer["candidates"][0]["input"].clone();
    assert!(account.ask(input).await.is_well(), "the candidate's input is one that recovery takes: {}", account.explain());
    assert!(account.subjects().last().unwrap().contains("PLAN"), "{:?}", account.subjects());
}

#[tokio::test]
async fn rows_deleted_between_two_fingerprints_are_dated_by_both() {
    let mut account = Account::new(false).await;
    account.pass(Duration::hours(2)).await;
    assert!(account.backup().await.is_well());
    let before = account.time();
    account.pass(Duration::minutes(10)).await;
    let mistake = tamper(&account, 5..=9, None);
    account.pass(Duration::hours(1)).await;
    assert!(account.backup().await.is_well());
    account.pass(Duration::hours(3)).await;
    let answer = search(&mut account, json!({"resource": ORDERS, "table": "public.orders"})).await;
    best_is_within(&answer, 40, mistake);
    let text = answer["candidates"][0]["text"].as_str().unwrap();
    assert!(text.contains("nothing of it has changed since"), "the later fingerprint bounds it: {text}");
    assert!(moments(&answer)[0].1 <= before, "{answer:#}");
}

#[tokio::test]
async fn rows_that_were_altered_are_dated_by_their_transaction() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(31)).await;
    let mistake = tamper(&account, 3..=7, Some("0.01"));
    account.pass(Duration::minutes(12)).await;
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    let likely = moments(&answer).into_iter().find(|(sureness, _)| sureness == "likely").map(|(_, at)| at);
    assert_eq!(likely, Some(mistake - Duration::seconds(1)), "one second before the transaction: {answer:#}");
    best_is_within(&answer, 60, mistake);
}

#[tokio::test]
async fn a_check_that_fails_leads_to_when_it_last_passed() {
    let mut account = Account::new(false).await;
    account.sweeps(3).await;
    let mistake = tamper(&account, 5_000..=5_000, Some("-3.00"));
    account.pass(Duration::minutes(1)).await;
    let answer = search(&mut account, json!({"resource": ORDERS, "check": "no bad amounts"})).await;
    best_is_within(&answer, 2, mistake);
    assert_eq!(answer["candidates"][0]["origin"], "checks");
}

#[tokio::test]
async fn what_people_did_is_a_hint_and_a_dark_cloudtrail_is_named() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(5)).await;
    let at = account.time();
    let deed =
        |who: &str, by_person| Action { at, call: "secretsmanager:GetSecretValue".into(), who: who.into(), by_person, matters: true };
    account.cloud.touch().trail = vec![(SECRET.into(), deed("ann", true)), (SECRET.into(), deed("orders-service", false))];
    account.pass(Duration::minutes(5)).await;
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    assert_eq!(moments(&answer), [("possible".to_owned(), at - Duration::seconds(1))]);
    let text = answer["candidates"][0]["text"].as_str().unwrap();
    assert!(text.contains("ann called secretsmanager:GetSecretValue"), "{text}");

    for kind in [FaultKind::Throttle, FaultKind::TimeoutBefore, refused()] {
        account.fault("cloudtrail:LookupEvents", When::Always, kind);
        account.pass(Duration::minutes(1)).await;
        let answer = search(&mut account, json!({"resource": ORDERS})).await;
        assert_eq!(moments(&answer), [], "{answer:#}");
        assert!(notes(&answer).contains("CloudTrail did not tell"), "{}", notes(&answer));
        account.cloud.touch().clear_faults();
    }
}

fn refused() -> FaultKind {
    FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "not authorized".to_owned() }
}

#[tokio::test]
async fn where_nothing_shows_when_the_answer_says_so() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(10)).await;
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    assert_eq!(answer["candidates"], json!([]));
    assert!(answer["reason"].as_str().unwrap().contains("nothing shows when it went wrong"), "{answer:#}");
    let notes = notes(&answer);
    for word in ["passes now", "nothing that its fingerprint"] {
        assert!(notes.contains(word), "{word} in {notes}");
    }
    account.sweeps(1).await;
    assert!(account.texts_about("NEWS orders-db: nothing shows").contains("Name the moment yourself"), "{:?}", account.subjects());
}

#[tokio::test]
async fn a_database_that_is_gone_or_silent_is_searched_without_its_data() {
    let mut account = Account::new(false).await;
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    assert!(notes(&answer).contains("tells nothing") && notes(&answer).contains("could not be read"), "{}", notes(&answer));

    let mut account = Account::new(false).await;
    account.happen(|model, now| model.delete_behind_back(ORDERS, true, now)).unwrap();
    account.drop_events();
    account.advance(Duration::minutes(5));
    account.drop_events();
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    assert!(notes(&answer).contains("does not exist any more"), "{}", notes(&answer));
}

#[tokio::test]
async fn without_validate_the_search_ends_with_what_is_known_elsewhere() {
    let mut account = Account::new(false).await;
    account.unavailable = vec!["LookForMoment"];
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    assert!(notes(&answer).contains("The data itself was not looked at"), "{}", notes(&answer));
}

#[tokio::test]
async fn bad_input_is_refused_by_field_and_value_with_what_is_accepted() {
    let mut account = Account::new(false).await;
    let now = account.time();
    let (future, old) = (show_time(now + Duration::hours(1)), show_time(now - Duration::days(36)));
    let rows = [
        (json!({}), "Dr.InvalidInput", vec!["resource"]),
        (json!({"resource": "orders-bd"}), "Dr.NotFound", vec!["orders-bd", "did you mean", ORDERS]),
        (json!({"resource": ORDERS, "when": "today"}), "Dr.InvalidInput", vec!["when", "from", "check"]),
        (json!({"resource": ORDERS, "from": "yesterday"}), "Dr.InvalidInput", vec!["from", "yesterday", "zone"]),
        (json!({"resource": ORDERS, "to": future}), "Dr.InvalidInput", vec!["to", &future, "in the past"]),
        (json!({"resource": ORDERS, "from": old}), "Dr.InvalidInput", vec!["from", &old, "35 days"]),
        (json!({"resource": ORDERS, "from": show_time(now), "to": show_time(now)}), "Dr.InvalidInput", vec!["from", "before `to`"]),
        (json!({"resource": ORDERS, "table": "orders"}), "Dr.InvalidInput", vec!["table", "orders", "one of public.orders"]),
        (json!({"resource": ORDERS, "check": "none"}), "Dr.InvalidInput", vec!["check", "none", "one of no bad amounts"]),
    ];
    for (input, error, names) in rows {
        let documents = account.cloud.see().ledger.len();
        let ended = account.find_moment(input.clone()).await;
        assert_eq!(ended.error(), error, "{input}: {}", ended.cause());
        for name in names {
            assert!(ended.cause().contains(name), "{input}: {:?} should name {name:?}", ended.cause());
        }
        assert_eq!(account.cloud.see().ledger.len(), documents, "{input}: nothing is written");
    }
}

#[tokio::test]
async fn a_policy_without_tables_and_checks_is_told_that_nothing_is_measured() {
    let bare = GOLD.lines().filter(|line| !line.contains("fingerprint:") && !line.contains("checks:")).collect::<Vec<_>>().join("\n");
    let mut account = Account::under(&bare, false).await;
    let answer = search(&mut account, json!({"resource": ORDERS})).await;
    assert!(notes(&answer).contains("names no tables under fingerprint"), "{}", notes(&answer));
    let ended = account.find_moment(json!({"resource": ORDERS, "table": "public.orders"})).await;
    assert!(ended.cause().contains("names none under fingerprint"), "{}", ended.cause());
}

/// What must be the same however a call goes wrong once.
fn told(answer: &Value) -> Value {
    json!([answer["reason"], answer["candidates"]])
}

#[tokio::test]
async fn every_call_may_fail_once_and_the_same_is_found() {
    async fn found(fault: Option<(&str, FaultKind)>) -> Value {
        let mut account = Account::new(false).await;
        account.pass(Duration::minutes(3)).await;
        tamper(&account, 5..=9, None);
        account.client.writes = false;
        account.pass(Duration::minutes(8)).await;
        if let Some((action, kind)) = fault {
            account.fault(action, When::Nth(1), kind);
        }
        let ended =
            account.find_moment(json!({"resource": ORDERS, "to": "2026-01-15T11:00:00Z"}).as_object().map_or(Value::Null, |input| {
                let mut input = input.clone();
                input.insert("to".to_owned(), json!(show_time(account.time())));
                Value::Object(input)
            }));
        let ended = ended.await;
        assert!(ended.is_well(), "{}", ended.cause());
        ended.output().clone()
    }
    let expected = told(&found(None).await);
    let calls = [
        "DescribeDBInstances",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "rds:DescribeEvents",
        "cloudtrail:LookupEvents",
    ];
    for action in calls {
        for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
            let answer = found(Some((action, kind.clone()))).await;
            if action == "secretsmanager:GetSecretValue" {
                assert!(notes(&answer).contains("The data was not looked at"), "{action} {kind:?}: {answer:#}");
                continue;
            }
            assert_eq!(told(&answer), expected, "{action} {kind:?}");
        }
    }
}
