//! Validation: graded checks, each with a sentence, and what they allow.

use crate::words::{Grade, Timestamp};
use serde::{Deserialize, Serialize};

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name: built in ones are `reachability`, `login`, `role`, `tables`, `data`, `freshness`, `configuration`.
    pub name: String,
    /// How it went.
    pub grade: Grade,
    /// What was measured and expected, as a sentence.
    pub text: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

impl Check {
    /// A check that went `grade`.
    pub fn new(name: impl Into<String>, grade: Grade, text: impl Into<String>) -> Self {
        Self { name: name.into(), grade, text: text.into(), millis: 0 }
    }
}

/// The validation of one restored database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// When it ended.
    pub at: Timestamp,
    /// The checks.
    pub checks: Vec<Check>,
    /// The newest data in the restored database, where it could be measured: the RPO is counted from here.
    pub newest_data: Option<Timestamp>,
    /// How much was written until then, by the server's own count: before any client was moved to it.
    #[serde(default)]
    pub write_mark: Option<WriteMark>,
}

/// How many rows a server has written since its count began: two marks tell whether anybody wrote in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteMark {
    /// Rows inserted, updated and deleted.
    pub rows: u64,
    /// When the server began to count; a crash or a person may start it anew.
    pub counted_since: String,
}

impl WriteMark {
    /// Rows written since `earlier`; none if the count began anew in between.
    pub fn since(&self, earlier: &Self) -> Option<u64> {
        if self.counted_since == earlier.counted_since { self.rows.checked_sub(earlier.rows) } else { None }
    }
}

impl Validation {
    /// The worst grade; a validation without checks proves nothing.
    pub fn grade(&self) -> Grade {
        self.checks.iter().map(|check| check.grade).max().unwrap_or(Grade::Unknown)
    }

    /// The checks that hold a cut-over: FAIL, UNKNOWN, and WARN unless accepted by name.
    pub fn holding<'a>(&'a self, accepted_warnings: &[String]) -> Vec<&'a Check> {
        self.checks
            .iter()
            .filter(|check| match check.grade {
                Grade::Pass => false,
                Grade::Warn => !accepted_warnings.contains(&check.name),
                Grade::Unknown | Grade::Fail => true,
            })
            .collect()
    }
}

/// How two sides of one table differ; counts and key ranges, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDifference {
    /// `schema.table`.
    pub table: String,
    /// Rows on the source.
    pub source_rows: i64,
    /// Rows on the restored side.
    pub restored_rows: i64,
    /// Keys that only the restored side has (deleted since).
    pub only_restored: KeyRanges,
    /// Keys that only the source has (written since): a cut-over would drop them.
    pub only_source: KeyRanges,
    /// Keys that both have with different contents.
    pub changed: KeyRanges,
    /// Whether only a sample was compared: the counts are of what was looked at.
    #[serde(default)]
    pub sampled: bool,
}

/// A count of keys with the first ranges of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRanges {
    /// How many keys.
    pub count: i64,
    /// The first few ranges, `from` to `to` inclusive, as text.
    pub ranges: Vec<(String, String)>,
}

/// How the source and the restored side differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideDifference {
    /// When it was measured.
    pub at: Timestamp,
    /// One entry for each fingerprinted table.
    pub tables: Vec<TableDifference>,
}
