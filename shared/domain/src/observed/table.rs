//! What a DynamoDB table has beyond what every database has.

use serde::{Deserialize, Serialize};

/// An attribute of a table's primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// `AttributeName`.
    pub name: String,
    /// `AttributeType`: `S`, `N` or `B`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What a restored table must be told, or told again: a restore loses most of it (fact sheet 3.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableConfiguration {
    /// `KeySchema`: the partition key, then the sort key where there is one.
    pub key: Vec<KeyAttribute>,
    /// `ProvisionedThroughput` as read and write capacity units; none where it is billed by request.
    pub capacity: Option<(i64, i64)>,
    /// `TableClass`.
    pub table_class: Option<String>,
    /// Names of the global and local secondary indexes, sorted.
    pub indexes: Vec<String>,
    /// `TimeToLiveSpecification`: the attribute that holds an item's end; none where it is off.
    pub ttl: Option<String>,
    /// `RecoveryPeriodInDays` of point-in-time recovery; none where it is off.
    pub point_in_time_days: Option<i32>,
    /// `StreamViewType`; none where there is no stream.
    pub stream: Option<String>,
    /// The resource policy, as JSON text.
    pub policy: Option<String>,
    /// Regions of its replicas, sorted.
    pub replicas: Vec<String>,
}
