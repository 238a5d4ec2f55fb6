//! What is judged, what is written under which condition, and what is told.

use super::*;
use crate::words::ResourceKind;
use serde_json::{Value, json};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-01-15T12:00:00Z")
}

fn item(amount: &str, written: &str) -> Value {
    json!({"id": {"S": "jane@example.org"}, "amount": {"N": amount}, "written_at": {"S": written}})
}

fn pair(copy: Value, seen: Option<Value>) -> Pair {
    Pair { copy, seen }
}

const OLD: &str = "2026-01-15T10:00:00Z";
const NEW: &str = "2026-01-15T11:30:00Z";

fn judged(pair: &Pair, written_at: Option<&str>) -> Finding {
    let key = ["id".to_owned()];
    Rules { key: &key, ends_at: Some("ends_at"), written_at, point: at("2026-01-15T11:00:00Z") }.judge(pair, now())
}

#[test]
fn only_what_is_missing_or_damaged_before_the_copys_moment_comes_back() {
    let copy = item("1", OLD);
    for (seen, written_at, expected) in [
        (Some(copy.clone()), Some("written_at"), Finding::Same),
        (None, Some("written_at"), Finding::Missing),
        (None, None, Finding::Missing),
        (Some(item("-1", OLD)), Some("written_at"), Finding::Damaged),
        // Of before the copy's moment by its own word, and yet not what the copy had then.
        (Some(item("-1", "2026-01-15T11:00:00Z")), Some("written_at"), Finding::KeptNewer),
        (Some(item("2", NEW)), Some("written_at"), Finding::KeptNewer),
        (Some(item("2", "yesterday")), Some("written_at"), Finding::KeptUndated),
        (Some(item("2", OLD)), Some("touched_at"), Finding::KeptUndated),
        (Some(item("2", OLD)), None, Finding::KeptUndated),
    ] {
        assert_eq!(judged(&pair(copy.clone(), seen.clone()), written_at), expected, "{seen:?} by {written_at:?}");
    }
}

#[test]
fn what_time_to_live_has_ended_stays_away_and_what_it_ignores_does_not() {
    let ends = |value: Value| {
        let mut copy = item("1", OLD);
        copy["ends_at"] = value;
        judged(&pair(copy, None), None)
    };
    let in_an_hour = (now().timestamp() + 3600).to_string();
    assert_eq!(ends(json!({"N": now().timestamp().to_string()})), Finding::Expired);
    assert_eq!(ends(json!({"N": in_an_hour})), Finding::Missing, "it lives on");
    assert_eq!(ends(json!({"S": OLD})), Finding::Missing, "time to live knows numbers only");
    assert_eq!(ends(json!({"N": "1000"})), Finding::Missing, "nothing is deleted that ended more than five years ago");
}

#[test]
fn a_condition_names_every_attribute_that_was_seen_and_those_that_only_the_copy_has() {
    let key = ["id".to_owned()];
    let missing = condition(None, &item("1", OLD), &key).unwrap();
    assert_eq!((missing.equal, missing.absent), (Vec::new(), vec!["id".to_owned()]));
    let mut seen = item("-1", OLD);
    seen["note"] = json!({"S": "broken"});
    let mut copy = item("1", OLD);
    copy["tags"] = json!({"SS": ["a"]});
    let over = condition(Some(&seen), &copy, &key).unwrap();
    let mut names: Vec<&str> = over.equal.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!((names, over.absent), (vec!["amount", "id", "note", "written_at"], vec!["tags".to_owned()]));
}

#[test]
fn an_item_of_more_attributes_than_an_expression_takes_is_kept() {
    let wide = |count: usize| {
        let mut seen = item("-1", OLD);
        for place in 3..count {
            seen[format!("a{place}")] = json!({"N": "1"});
        }
        judged(&pair(item("1", OLD), Some(seen)), Some("written_at"))
    };
    assert_eq!((wide(MOST_COMPARED), wide(MOST_COMPARED + 1)), (Finding::Damaged, Finding::KeptTooWide));
    // What one condition of that many comparisons comes to, within 300 operators and 4 KB.
    let longest = "#a100 = :a100 AND ".len() * MOST_COMPARED;
    assert!(2 * MOST_COMPARED <= 300 && longest <= 4096, "{longest}");
}

#[test]
fn a_change_is_two_hashes_that_follow_every_side_and_nothing_of_the_item() {
    let key = ["id".to_owned()];
    let change = pair(item("1", OLD), Some(item("-1", OLD))).change(&key);
    let other_seen = pair(item("1", OLD), Some(item("-2", OLD))).change(&key);
    let other_copy = pair(item("3", OLD), Some(item("-1", OLD))).change(&key);
    let missing = pair(item("1", OLD), None).change(&key);
    assert_eq!(change.item, other_seen.item, "the same item of the copy");
    assert_eq!(change.item, missing.item);
    assert!(change.over != other_seen.over && change.over != missing.over && change.item != other_copy.item);
    assert!([change.item, change.over].iter().all(|text| text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit())));
}

fn salvage() -> Salvage {
    let table = |name: &str| DatabaseId::new(ResourceKind::DynamodbTable, name).unwrap();
    Salvage {
        id: salvage_id("arn:one"),
        execution: "arn:one".to_owned(),
        started_at: now(),
        claimed_by: None,
        reason: None,
        resource: Identity::parse("orders-db").unwrap(),
        table: table("orders"),
        table_id: "t-1".to_owned(),
        copy: table("orders-db-r1a2b3c4d"),
        copy_id: "t-2".to_owned(),
        key: vec!["id".to_owned()],
        ends_at: None,
        written_at: None,
        point: Some(at("2026-01-15T11:00:00Z")),
        segments: 16,
        compared: 16,
        counts: Counts::default(),
        leaves: Vec::new(),
        writing: None,
        stalls: 0,
        ended: Some(Ended { at: now(), early: None }),
    }
}

fn with_a_leaf(mut salvage: Salvage) -> Salvage {
    let changes = Changes::from([(3, [("a".to_owned(), "b".to_owned())].into())]);
    let leaf = salvage.leaf(&changes).unwrap();
    salvage.counts.add(Finding::Missing);
    salvage.leaves.push(leaf);
    salvage
}

#[test]
fn a_plan_is_another_one_where_anything_is_that_it_rests_on() {
    let plan = with_a_leaf(salvage()).plan().unwrap();
    assert_eq!(with_a_leaf(salvage()).plan().unwrap(), plan);
    for change in [
        |it: &mut Salvage| it.execution.push('2'),
        |it: &mut Salvage| it.table_id.push('2'),
        |it: &mut Salvage| it.copy_id.push('2'),
        |it: &mut Salvage| it.written_at = Some("written_at".to_owned()),
        |it: &mut Salvage| it.point = None,
        |it: &mut Salvage| it.leaves[0].digest.push('2'),
    ] {
        let mut other = with_a_leaf(salvage());
        change(&mut other);
        assert_ne!(other.plan().unwrap(), plan, "{other:?}");
    }
}

#[test]
fn a_preview_tells_the_input_that_writes_it_and_until_when() {
    let salvage = with_a_leaf(salvage());
    let told = conclude(&salvage).unwrap();
    assert_eq!((told.outcome, told.expires_at.as_deref()), (Outcome::Previewed, Some("2026-01-16T12:00:00Z")));
    let news = told.news(&salvage, now());
    assert!(news.title.contains("1 item can be salvaged"), "{}", news.title);
    for part in [told.plan.as_deref().unwrap(), "`-salvage`", "until 2026-01-16T12:00:00Z", "Nothing was written."] {
        assert!(news.text.contains(part), "{part}: {}", news.text);
    }
}

#[test]
fn what_ended_early_says_why_and_how_to_go_on() {
    let mut salvage = with_a_leaf(salvage());
    let writing = Writing::new(salvage.plan().unwrap());
    (salvage.writing, salvage.ended) = (Some(writing), None);
    salvage.end(now(), Some("a recovery is under way".to_owned()));
    salvage.end(now(), Some("something later".to_owned()));
    let told = conclude(&salvage).unwrap();
    assert_eq!(told.outcome, Outcome::EndedEarly);
    assert!(told.reason.contains("a recovery is under way") && !told.reason.contains("later"), "{}", told.reason);
    assert!(told.news(&salvage, now()).text.contains("To go on"), "{}", told.news(&salvage, now()).text);
}

#[test]
fn items_that_dynamodb_does_not_take_are_counted_and_the_first_refusal_is_told() {
    let mut salvage = with_a_leaf(salvage());
    let refusal = Some("ValidationException: Type mismatch for Index Key state".to_owned());
    salvage.writing = Some(Writing { refused: 1, refusal, ..Writing::new(salvage.plan().unwrap()) });
    let told = conclude(&salvage).unwrap();
    assert_eq!((told.outcome, told.refused), (Outcome::Written, Some(1)));
    let news = told.news(&salvage, now());
    assert!(news.title.ends_with("0 items salvaged, 1 not taken by DynamoDB"), "{}", news.title);
    assert!(news.text.contains("once the reason is gone, start the state machine") && told.input.is_some(), "{}", news.text);
    assert!(
        told.reason.ends_with("kept; 1 item was not taken by DynamoDB, first: ValidationException: Type mismatch for Index Key state"),
        "{}",
        told.reason
    );
}

#[test]
fn a_segment_too_large_is_divided_until_it_cannot_be() {
    let mut salvage = Salvage { ended: None, ..with_a_leaf(salvage()) };
    salvage.divide(now());
    assert_eq!((salvage.segments, salvage.compared, salvage.changes(), salvage.counts), (256, 0, 0, Counts::default()));
    for _ in 0..3 {
        salvage.divide(now());
    }
    let why = salvage.ended.and_then(|ended| ended.early).unwrap();
    assert!(why.contains("one partition key"), "{why}");
}

#[test]
fn the_rate_of_reads_and_writes_is_kept_over_turns_and_waits() {
    assert_eq!(Salvage::wait_after(0, 0), SHORTEST_WAIT);
    assert_eq!(Salvage::wait_after(TURN_PAGES, 0), Span::seconds(25));
    assert_eq!(Salvage::wait_after(7_000, 0), Span::seconds(700), "one large segment is waited for as long");
    assert_eq!(Salvage::wait_after(0, TURN_WRITES), SHORTEST_WAIT);
    let most_turns = LONGEST_RUN.as_secs() / SHORTEST_WAIT.as_secs();
    assert!(most_turns * 9 < 25_000, "{most_turns} turns do not fit into one execution");
    assert_eq!((segments_for(0), segments_for(2_000_000), segments_for(u64::MAX)), (16, 2_000, 262_144));
}
