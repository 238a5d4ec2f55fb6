//! What a salvage asks of DynamoDB.

use super::Condition;
use crate::error::CallError;
use crate::ids::DatabaseId;
use crate::ports::Answer;
use crate::words::Timestamp;
use serde_json::Value;

/// What a table is, as far as a salvage must know it at each turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    /// `TableId`.
    pub id: String,
    /// `TableArn`.
    pub arn: String,
    /// Whether its items can be read and written.
    pub is_usable: bool,
    /// The names of the key's attributes, the partition key first.
    pub key: Vec<String>,
    /// `ItemCount`, up to six hours old; 0 of a table that was just restored.
    pub items: u64,
    /// `RestoreSummary`; none of a table that was not restored.
    pub restored: Option<Restored>,
}

/// What a table was restored from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// `SourceTableArn`.
    pub from: String,
    /// `RestoreDateTime`: the moment that it shows.
    pub at: Timestamp,
    /// `RestoreInProgress`.
    pub in_progress: bool,
}

/// A part of a table: one of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// From 0.
    pub number: u32,
    /// How many there are.
    pub total: u32,
}

/// Some items of a segment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// As DynamoDB spells items in JSON.
    pub items: Vec<Value>,
    /// Where the next page begins; none after the last. It is a key, and is kept nowhere.
    pub next: Option<Value>,
}

/// What a conditional write met with.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It was written, over this.
    Written(Option<Value>),
    /// The condition did not hold.
    Kept,
    /// A resource policy denies it expressly: the fence.
    Fenced,
    /// DynamoDB does not take this item, whoever asks: why.
    Refused(String),
}

impl Put {
    /// What a refusal says of the item alone. The copy has what the table cannot take where an index was added to the table since, whose key
    /// is of another type, or where all items of one partition key are as large as a local index allows (10 GB).
    pub fn of_item(error: &CallError) -> Option<Self> {
        matches!(error.code.as_str(), "ValidationException" | "ItemCollectionSizeLimitExceededException")
            .then(|| Self::Refused(format!("{}: {}", error.code, error.message)))
    }
}

/// `dynamodb:DescribeTable`, `Scan` and `BatchGetItem`, consistent.
#[allow(async_fn_in_trait, reason = "as the other ports: handlers run on one thread")]
pub trait CompareItems {
    /// What a table is; none if it does not exist.
    async fn table_facts(&self, table: &DatabaseId) -> Answer<Option<TableFacts>>;
    /// One page of a segment.
    async fn segment_page(&self, table: &DatabaseId, segment: Segment, from: Option<&Value>) -> Answer<Page>;
    /// Those of some keys that exist. What DynamoDB does not answer is no missing item: then it is throttled.
    async fn items_under(&self, table: &DatabaseId, keys: &[Value]) -> Answer<Vec<Value>>;
}

/// `dynamodb:PutItem`, always with a condition.
#[allow(async_fn_in_trait, reason = "as the other ports: handlers run on one thread")]
pub trait WriteItems {
    /// Writes an item if the condition holds of what is there.
    async fn put_if(&self, table: &DatabaseId, item: &Value, condition: &Condition) -> Answer<Put>;
}
