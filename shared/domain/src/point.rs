//! Recovery points: what can be restored, with the manifest and the fingerprint kept beside it.

use crate::alarms::Alarm;
use crate::ids::{Arn, DatabaseId, Identity, SnapshotId};
use crate::items::Item;
use crate::observed::{Configuration, ObservedDatabase, tags};
use crate::words::{ResourceKind, Timestamp, closed_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

closed_enum! {
    /// How far a recovery point is.
    PointState {
        /// The snapshot is being made.
        Creating = "creating",
        /// It can be restored; that it can was never proven.
        Available = "available",
        /// A restore of it was validated.
        Verified = "verified",
        /// It will never be restorable.
        Failed = "failed",
    }
}

/// The source's full configuration, kept so that a restore can replay it when the source is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// When it was read.
    pub captured_at: Timestamp,
    /// The source's identifier.
    pub id: DatabaseId,
    /// The source's ARN.
    pub arn: Arn,
    /// The source's `DbiResourceId`.
    pub resource_id: String,
    /// Its configuration.
    pub configuration: Configuration,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The CloudWatch alarms on it; none where they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<Alarm>>,
}

impl Manifest {
    /// Reads the manifest off what Describe showed.
    pub fn of(observed: &ObservedDatabase, now: Timestamp) -> Self {
        Self {
            captured_at: now,
            id: observed.id.clone(),
            arn: observed.arn.clone(),
            resource_id: observed.resource_id.clone(),
            configuration: observed.configuration.clone(),
            tags: observed.tags.clone(),
            alarms: None,
        }
    }

    /// The secret that clients read.
    pub fn secret(&self) -> Option<&str> {
        self.tags.get(tags::SECRET).map(String::as_str)
    }
}

/// Facts about one table at or below a watermark; hashes, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFingerprint {
    /// `schema.table`.
    pub table: String,
    /// The highest key counted, as text.
    pub watermark: Option<String>,
    /// Rows at or below the watermark.
    pub rows: i64,
    /// Order-independent hash of those rows.
    pub hash: String,
    /// The newest `written_at` at or below the watermark.
    pub newest: Option<Timestamp>,
    /// The sampled items of a DynamoDB table, where the policy keeps their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Sampled>,
}

/// An item of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sampled {
    /// What was seen of it, without its attributes.
    Seen(Item),
    /// Its key alone: of a fingerprint that an earlier version took.
    Key(String),
}

impl Sampled {
    /// The primary key, as [`Item::key`] writes it.
    pub fn key(&self) -> &str {
        match self {
            Self::Seen(item) => &item.key,
            Self::Key(key) => key,
        }
    }

    /// What was seen of it.
    pub const fn item(&self) -> Option<&Item> {
        match self {
            Self::Seen(item) => Some(item),
            Self::Key(_) => None,
        }
    }
}

/// The fingerprint of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// When it was taken; what it counts was committed before.
    pub taken_at: Timestamp,
    /// Tables that exist, `schema.table`, sorted.
    pub tables: Vec<String>,
    /// The fingerprinted ones.
    pub contents: Vec<TableFingerprint>,
    /// What a cache holds instead of tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyspace: Option<crate::keyspace::Keyspace>,
}

/// Something restorable, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// Whose.
    pub resource: Identity,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Its ARN, once known.
    pub arn: Option<Arn>,
    /// How far it is.
    pub state: PointState,
    /// When the run or the incident that wants it began.
    pub started_at: Timestamp,
    /// When a call was sent that must not be sent twice, as its name protects from nothing: of a table's backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// Its newest transaction.
    pub data_time: Option<Timestamp>,
    /// Where the manifest lies in the bucket.
    pub manifest: String,
    /// Where the fingerprint lies; none where it could not be taken.
    pub fingerprint: Option<String>,
    /// Why there is no fingerprint, or why the point failed.
    pub note: Option<String>,
    /// The backup run or the incident that made it.
    pub made_by: String,
    /// The `DbiResourceId` of the instance that it was taken of.
    #[serde(default)]
    pub resource_id: Option<String>,
}

/// One difference between the manifest and the restored configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// AWS's name of the setting, as this project's field.
    pub setting: String,
    /// What the source had.
    pub source: String,
    /// What the restored one has.
    pub restored: String,
}

impl Difference {
    /// The name under which a parameter group is told that is set and not in force.
    pub const PARAMETERS: &'static str = "parameter_group_status";

    /// How many members of a cluster write, where that is not one.
    pub const WRITERS: &'static str = "writers";
    /// How many members of a cluster serve, where that is not each.
    pub const MEMBERS: &'static str = "members_that_serve";

    /// What is wrong with the members of a cluster, whose own status says nothing of them; nothing of an instance.
    pub fn of_members(restored: &ObservedDatabase) -> Vec<Self> {
        if restored.id.kind() != ResourceKind::DbCluster {
            return Vec::new();
        }
        let all = restored.members.len();
        let writers = restored.members.iter().filter(|member| member.is_writer).count();
        let serving = restored.members.iter().filter(|member| member.status.is_serving()).count();
        let difference = |setting: &str, source: usize, restored: usize| {
            let (setting, source, restored) = (setting.to_owned(), source.to_string(), restored.to_string());
            (source != restored).then_some(Self { setting, source, restored })
        };
        [difference(Self::WRITERS, 1, writers), difference(Self::MEMBERS, all, serving)].into_iter().flatten().collect()
    }

    /// A parameter group that is set and not in force; none if it is, or if nothing is known of it.
    pub fn of_parameters(restored: &ObservedDatabase) -> Option<Self> {
        let status = restored.parameters_out_of_force()?;
        Some(Self { setting: Self::PARAMETERS.to_owned(), source: "in-sync".to_owned(), restored: status.to_owned() })
    }
}

/// Compares two configurations setting by setting; the result is empty when nothing was lost.
pub fn differences(source: &Configuration, restored: &Configuration) -> Vec<Difference> {
    let (Ok(Value::Object(source)), Ok(Value::Object(restored))) = (serde_json::to_value(source), serde_json::to_value(restored)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (setting, value) in source.iter().filter(|(setting, _)| *setting != "left_behind") {
        compare(setting, value, restored.get(setting), &mut found);
    }
    found
}

/// Goes into what both have, so that a difference is named by the one setting that differs: `cluster.members.0.class`.
fn compare(setting: &str, source: &Value, restored: Option<&Value>, found: &mut Vec<Difference>) {
    match (source, restored) {
        (source, Some(restored)) if source == restored => {}
        (Value::Object(source), Some(Value::Object(restored))) => {
            for (name, value) in source {
                compare(&format!("{setting}.{name}"), value, restored.get(name), found);
            }
        }
        (Value::Array(source), Some(Value::Array(restored))) if source.len() == restored.len() && source.iter().any(Value::is_object) => {
            for (place, (value, restored)) in source.iter().zip(restored).enumerate() {
                compare(&format!("{setting}.{place}"), value, Some(restored), found);
            }
        }
        (source, restored) => {
            let show = |value: Option<&Value>| value.map(ToString::to_string).unwrap_or_default();
            found.push(Difference { setting: setting.to_owned(), source: show(Some(source)), restored: show(restored) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{Own, TableConfiguration};

    fn table(ttl: Option<&str>) -> Configuration {
        let own = TableConfiguration { ttl: ttl.map(str::to_owned), ..TableConfiguration::default() };
        Configuration { engine: "dynamodb".to_owned(), own: Some(Own::Table(Box::new(own))), ..Configuration::default() }
    }

    #[test]
    fn a_setting_that_only_one_kind_has_is_told_by_its_name() {
        let lost = differences(&table(Some("ends_at")), &table(None));
        let told = Difference { setting: "table.ttl".to_owned(), source: "\"ends_at\"".to_owned(), restored: "null".to_owned() };
        assert_eq!(lost, [told]);
        assert!(differences(&table(None), &table(None)).is_empty());
    }

    #[test]
    fn what_is_written_of_a_kind_is_read_again_and_a_kind_that_has_nothing_more_writes_nothing() {
        for configuration in [table(Some("ends_at")), Configuration::default()] {
            let text = serde_json::to_string(&configuration).unwrap();
            assert_eq!(serde_json::from_str::<Configuration>(&text).unwrap(), configuration, "{text}");
        }
    }
}
