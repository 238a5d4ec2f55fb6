//! One write, and who came in between.

use super::Halt;
use super::turn::rules;
use super::write::{Became, Writer};
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::salvage::{CompareItems, Condition, Counts, Page, Pair, Put, Salvage, Segment, TableFacts, WriteItems, salvage_id};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, CallError, Timestamp};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// One item, and a client that adds an attribute just before the first write.
struct OneItem {
    there: RefCell<Option<Value>>,
    added: RefCell<Option<(&'static str, Value)>>,
    /// Writes that fail, from the one with this number on.
    fails_from: usize,
    writes: Cell<usize>,
}

impl OneItem {
    fn holding(there: Value) -> Self {
        Self { there: RefCell::new(Some(there)), added: RefCell::new(None), fails_from: usize::MAX, writes: Cell::new(0) }
    }
}

impl CompareItems for OneItem {
    async fn table_facts(&self, _: &DatabaseId) -> Answer<Option<TableFacts>> {
        Ok(None)
    }
    async fn segment_page(&self, _: &DatabaseId, _: Segment, _: Option<&Value>) -> Answer<Page> {
        Ok(Page::default())
    }
    async fn items_under(&self, _: &DatabaseId, _: &[Value]) -> Answer<Vec<Value>> {
        Ok(self.there.borrow().iter().cloned().collect())
    }
}

impl WriteItems for OneItem {
    async fn put_if(&self, _: &DatabaseId, item: &Value, condition: &Condition) -> Answer<Put> {
        self.writes.set(self.writes.get() + 1);
        if self.writes.get() >= self.fails_from {
            return Err(CallError::new(CallClass::Unknown, "dynamodb:PutItem", "timeout", "no answer"));
        }
        let mut there = self.there.borrow_mut();
        if let (Some((name, value)), Some(there)) = (self.added.borrow_mut().take(), there.as_mut()) {
            there[name] = value;
        }
        let has = |name: &String| there.as_ref().and_then(|there| there.get(name));
        let holds =
            condition.equal.iter().all(|(name, value)| has(name) == Some(value)) && condition.absent.iter().all(|name| has(name).is_none());
        Ok(if holds { Put::Written(there.replace(item.clone())) } else { Put::Kept })
    }
}

fn salvage() -> Salvage {
    let table = |name: &str| DatabaseId::new(ResourceKind::DynamodbTable, name).unwrap();
    Salvage {
        id: salvage_id("arn"),
        execution: "arn".to_owned(),
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
        written_at: Some("written_at".to_owned()),
        point: Some(now()),
        segments: 16,
        compared: 16,
        counts: Counts::default(),
        leaves: Vec::new(),
        writing: None,
        stalls: 0,
        ended: None,
    }
}

fn now() -> Timestamp {
    "2026-01-15T11:00:00Z".parse().unwrap()
}

fn item(amount: &str) -> Value {
    json!({"id": {"S": "1"}, "amount": {"N": amount}, "written_at": {"S": "2026-01-15T10:00:00Z"}})
}

async fn written(items: &OneItem) -> Result<Became, Halt> {
    let salvage = salvage();
    let pair = Pair { copy: item("1"), seen: Some(item("-1")) };
    Writer { items, salvage: &salvage, rules: rules(&salvage, now()) }.one(&pair).await
}

#[tokio::test]
async fn an_item_that_is_as_it_was_seen_is_written() {
    let items = OneItem::holding(item("-1"));
    assert_eq!(written(&items).await.unwrap(), Became::Salvaged);
    assert_eq!(*items.there.borrow(), Some(item("1")));
}

#[tokio::test]
async fn whoever_was_quicker_is_kept_and_our_own_lost_reply_is_known() {
    let newer = OneItem::holding(item("7"));
    assert_eq!(written(&newer).await.unwrap(), Became::Theirs);
    assert_eq!(*newer.there.borrow(), Some(item("7")));
    let ours = OneItem::holding(item("1"));
    assert_eq!(written(&ours).await.unwrap(), Became::Salvaged, "an earlier attempt has written it");
    assert_eq!(ours.writes.get(), 1);
}

#[tokio::test]
async fn an_attribute_that_somebody_adds_in_the_same_moment_is_given_back() {
    let items = OneItem::holding(item("-1"));
    *items.added.borrow_mut() = Some(("note", json!({"S": "call me"})));
    assert_eq!(written(&items).await.unwrap(), Became::Theirs, "it was changed since, and is theirs");
    let mut theirs = item("-1");
    theirs["note"] = json!({"S": "call me"});
    assert_eq!((items.there.borrow().clone(), items.writes.get()), (Some(theirs), 2));
}

#[tokio::test]
async fn what_cannot_be_given_back_fails_loudly_and_names_no_content() {
    let items = OneItem { fails_from: 2, ..OneItem::holding(item("-1")) };
    *items.added.borrow_mut() = Some(("note", json!({"S": "call me"})));
    let Err(Halt::Failed(error)) = written(&items).await else { panic!("it is told") };
    assert!(error.message().contains("could not be given back") && !error.message().contains("call me"), "{error}");
    assert_eq!(items.writes.get(), 4, "three attempts");
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_looked_at_by_the_next_turn() {
    let items = OneItem { fails_from: 1, ..OneItem::holding(item("-1")) };
    assert!(matches!(written(&items).await, Err(Halt::Pause(Some(why))) if why.contains("timeout")));
}
