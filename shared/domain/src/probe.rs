//! What the data plane showed: the probe's outcomes.

use crate::life::Life;
use crate::words::{Timestamp, closed_enum};
use serde::{Deserialize, Serialize};

closed_enum! {
    /// What a probe found.
    ProbeOutcome {
        /// It logged in and got an answer.
        Answers = "answers",
        /// Nothing accepts connections there (refused, no route, no such name).
        Unreachable = "unreachable",
        /// A connection was accepted, but no answer came in time.
        NoAnswer = "no_answer",
        /// It answers, but refuses the login: it lives; nothing is proven.
        LoginRefused = "login_refused",
        /// It answers, but has no connection left: it lives; nothing is proven.
        TooManyConnections = "too_many_connections",
        /// It answers, and a policy of its own refuses every write: Lifeboat's fence around a table.
        WriteDenied = "write_denied",
        /// It says that it is starting up, shutting down or in recovery.
        StartingUp = "starting_up",
        /// The probe itself could not run (no secret, no address, its own failure): nothing is known.
        CouldNotRun = "could_not_run",
    }
}

/// One probe of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When it ended.
    pub at: Timestamp,
    /// What it found.
    pub outcome: ProbeOutcome,
    /// The details as a sentence; never a secret.
    pub text: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Whether it accepts writes, where it answered.
    pub writable: Option<bool>,
    /// Names and findings of the watched checks that failed.
    #[serde(default)]
    pub failed_checks: Vec<String>,
    /// Whether every watched check ran and passed.
    #[serde(default)]
    pub checks_passed: bool,
    /// Of a cache that answered: the processes of its primaries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Life>,
}

/// What the engine of a read replica says of how far it follows its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaLook {
    /// When it was asked.
    pub at: Timestamp,
    /// Whether it could be asked.
    pub outcome: ProbeOutcome,
    /// The details as a sentence; never a secret.
    pub text: String,
    /// Whether it is a standby still, where it answered.
    pub in_recovery: Option<bool>,
    /// When the newest transaction that it has replayed was committed on the source; none if it has replayed none since its start.
    pub newest: Option<Timestamp>,
    /// Bytes of the log that it has received and not replayed yet; a promotion replays them first.
    pub backlog_bytes: Option<i64>,
}

impl ReplicaLook {
    /// A replica of which nothing is known, with why.
    pub fn unknown(at: Timestamp, text: impl Into<String>) -> Self {
        Self { at, outcome: ProbeOutcome::CouldNotRun, text: text.into(), in_recovery: None, newest: None, backlog_bytes: None }
    }
}

impl ProbeOutcome {
    /// Whether this is evidence of an outage (and not merely of our own ignorance).
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Unreachable | Self::NoAnswer)
    }
}
