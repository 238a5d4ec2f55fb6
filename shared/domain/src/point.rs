//! Recovery points: what can be restored, with the manifest and the fingerprint kept beside it.

use crate::ids::{Arn, DatabaseId, Identity, SnapshotId};
use crate::observed::{Configuration, ObservedDatabase, tags};
use crate::words::{Timestamp, closed_enum};
use serde::{Deserialize, Serialize};
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
    /// Keys of the sampled items of a DynamoDB table, where the policy keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<String>,
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
    /// When it was asked for.
    pub started_at: Timestamp,
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

    /// A parameter group that is set and not in force; none if it is, or if nothing is known of it.
    pub fn of_parameters(restored: &ObservedDatabase) -> Option<Self> {
        let status = restored.parameters_out_of_force()?;
        Some(Self { setting: Self::PARAMETERS.to_owned(), source: "in-sync".to_owned(), restored: status.to_owned() })
    }
}

/// Compares two configurations setting by setting; the result is empty when nothing was lost.
pub fn differences(source: &Configuration, restored: &Configuration) -> Vec<Difference> {
    let (source, restored) = (settings(source), settings(restored));
    let show = |value: Option<&serde_json::Value>| value.map(ToString::to_string).unwrap_or_default();
    source
        .iter()
        .filter(|(setting, value)| restored.get(*setting) != Some(value))
        .map(|(setting, value)| Difference { setting: setting.clone(), source: show(Some(value)), restored: show(restored.get(setting)) })
        .collect()
}

/// The settings by name; what only one kind of database has stands among them.
fn settings(configuration: &Configuration) -> serde_json::Map<String, serde_json::Value> {
    let Ok(serde_json::Value::Object(mut settings)) = serde_json::to_value(configuration) else { return serde_json::Map::new() };
    for kind in ["cluster", "table", "cache"] {
        if let Some(serde_json::Value::Object(own)) = settings.remove(kind) {
            settings.extend(own);
        }
    }
    settings
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
        let told = Difference { setting: "ttl".to_owned(), source: "\"ends_at\"".to_owned(), restored: "null".to_owned() };
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
