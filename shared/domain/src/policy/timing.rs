//! How long things may take.

use crate::span::Span;
use serde::{Deserialize, Serialize};

/// Intervals, graces and limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// Between two looks at a restore, a modification or a snapshot.
    pub poll: Span,
    /// Between two probes of a suspect or self-healing source.
    pub probe_every: Span,
    /// Failed probes in a row that turn `suspect` into `failed`.
    pub suspect_probes: u32,
    /// How long AWS may take to fail a Multi-AZ instance over by itself (typically 60 to 120 s).
    pub failover_grace: Span,
    /// How long RDS may take to bring a Single-AZ instance back by itself.
    pub host_recovery_grace: Span,
    /// How long a probe waits for an answer.
    pub probe_timeout: Span,
    /// How long a lease lasts between renewals.
    pub lease: Span,
    /// When a wait gives up, at the earliest; never the RTO. Three times the forecast, where that is longer.
    pub give_up_after: Span,
    /// Events older than this open nothing.
    pub stale_event: Span,
    /// After a recovery, how long no further one starts by itself.
    pub cool_down: Span,
    /// How long a plan waits for a person's approval; after that it is asked about anew.
    pub approval: Span,
    /// Statement time-out of checks.
    pub statement_timeout: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Span::seconds(30),
            probe_every: Span::seconds(10),
            suspect_probes: 3,
            failover_grace: Span::seconds(150),
            host_recovery_grace: Span::minutes(15),
            probe_timeout: Span::seconds(5),
            lease: Span::minutes(5),
            give_up_after: Span::hours(4),
            stale_event: Span::hours(1),
            cool_down: Span::minutes(30),
            approval: Span::hours(4),
            statement_timeout: Span::seconds(30),
        }
    }
}

impl Timing {
    /// When a wait gives up, given how long such a recovery is expected to take.
    pub fn give_up_after(&self, forecast: Option<Span>) -> Span {
        self.give_up_after.max(forecast.map_or(Span::seconds(0), |forecast| Span::seconds(forecast.as_secs().saturating_mul(3))))
    }
}
