//! What a DynamoDB table has beyond what every database has.

use super::{Endpoint, SecurityGroup};
use crate::global_table::GlobalTable;
use crate::ids::DatabaseId;
use serde::{Deserialize, Serialize};

/// Where every table answers: clients know it by its name.
pub const TABLE_PORT: u16 = 443;
/// The door of a table that Lifeboat has fenced: a statement of its resource policy denies every write.
pub const FENCED: &str = "lifeboat-fence";
/// The door of a table without that statement.
pub const UNFENCED: &str = "open";

/// What clients know of a table is its name.
pub fn table_endpoint(table: &DatabaseId) -> Endpoint {
    Endpoint { host: table.as_str().to_owned(), port: TABLE_PORT }
}

/// A table lies in no VPC and has no security groups. Whether its policy holds the fence is told as if it were one, so that a fence
/// is closed, proven, opened and undone in the same way for every kind.
pub fn table_door(is_fenced: bool) -> Vec<SecurityGroup> {
    vec![SecurityGroup { id: if is_fenced { FENCED } else { UNFENCED }.to_owned(), status: "active".to_owned() }]
}

/// What a table is, by its own status and what stands behind it: after a restore it is ACTIVE only with all its indexes.
pub fn status_of_table(table: &str, restore_in_progress: bool, indexes: &[&str]) -> String {
    let is_being_made = restore_in_progress || indexes.contains(&"CREATING");
    if table == "ACTIVE" && is_being_made { "CREATING".to_owned() } else { table.to_owned() }
}

/// An attribute of a table's primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// `AttributeName`.
    pub name: String,
    /// `AttributeType`: `S`, `N` or `B`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A scalable target of Application Auto Scaling with its target-tracking policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Autoscaling {
    /// The global secondary index; none is the table itself.
    pub index: Option<String>,
    /// `ScalableDimension`: of reads, or else of writes.
    pub reads: bool,
    /// `MinCapacity`, in capacity units.
    pub least: i32,
    /// `MaxCapacity`, in capacity units.
    pub most: i32,
    /// `TargetValue`: the use that is aimed at, in per cent.
    pub target_percent: Option<u8>,
}

impl Autoscaling {
    /// `ResourceId` for a table.
    pub fn resource(&self, table: &str) -> String {
        self.index.as_ref().map_or_else(|| format!("table/{table}"), |index| format!("table/{table}/index/{index}"))
    }

    /// `ScalableDimension`.
    pub const fn dimension(&self) -> &'static str {
        match (self.index.is_some(), self.reads) {
            (false, true) => "dynamodb:table:ReadCapacityUnits",
            (false, false) => "dynamodb:table:WriteCapacityUnits",
            (true, true) => "dynamodb:index:ReadCapacityUnits",
            (true, false) => "dynamodb:index:WriteCapacityUnits",
        }
    }
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
    /// The resource policy, as JSON text with sorted keys, without Lifeboat's own statement.
    pub policy: Option<String>,
    /// Other Regions in which it has replicas, sorted.
    pub replicas: Vec<String>,
    /// What it is as a part of a global table; none of one that is in its Region only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<Box<GlobalTable>>,
    /// Scalable targets, sorted.
    #[serde(default)]
    pub autoscaling: Vec<Autoscaling>,
    /// ARNs of the Kinesis streams that its changes go to, sorted.
    #[serde(default)]
    pub kinesis: Vec<String>,
    /// Where Contributor Insights is on: index names, and an empty name for the table itself; sorted.
    #[serde(default)]
    pub insights: Vec<String>,
    /// What could not be read of it, each with why: a restore cannot give it back, and says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_usable_only_with_all_its_indexes_and_after_its_restore() {
        for (status, restoring, indexes, expected) in [
            ("ACTIVE", false, vec!["ACTIVE"], "ACTIVE"),
            ("ACTIVE", true, vec![], "CREATING"),
            ("ACTIVE", false, vec!["ACTIVE", "CREATING"], "CREATING"),
            ("UPDATING", false, vec!["UPDATING"], "UPDATING"),
            ("DELETING", true, vec![], "DELETING"),
        ] {
            assert_eq!(status_of_table(status, restoring, &indexes), expected, "{status} {restoring} {indexes:?}");
        }
    }
}
