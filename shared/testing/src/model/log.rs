//! Every mutating call that was made, for tests to compare with what was planned.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// One mutating call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRecord {
    /// Counted from 1.
    pub number: usize,
    /// For example `RestoreDBInstanceToPointInTime`.
    pub action: &'static str,
    /// What was sent, in AWS's spelling, without what was not sent. Passwords read `****`.
    pub parameters: Value,
    /// When.
    pub at: DateTime<Utc>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a mutating call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect and the caller knows.
    Applied,
    /// **It took effect and the caller does not know.**
    ReplyLost,
    /// It was refused, by a rule or by a fault.
    Refused {
        /// The wire code.
        code: String,
    },
    /// It never arrived.
    NeverArrived,
}

impl CallRecord {
    /// Whether it changed the world.
    pub fn took_effect(&self) -> bool {
        matches!(self.outcome, Outcome::Applied | Outcome::ReplyLost)
    }
}

/// Drops `null`s and empty lists, at every depth: what was not sent.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, v)| !v.is_null() && v.as_array().is_none_or(|list| !list.is_empty()))
                .map(|(k, v)| (k, without_nulls(v)))
                .collect(),
        ),
        other => other,
    }
}
