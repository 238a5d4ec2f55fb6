//! What a visit answers.

use super::checks::millis_since;
use super::trouble::Trouble;
use lifeboat_domain::Timestamp;
use lifeboat_domain::policy::FingerprintTable;
use lifeboat_domain::ports::VisitLimits;
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A whole comparison may take so many statements' time, whatever it finds.
const COMPARISON_STATEMENTS: u32 = 8;

/// What a probe saw of a server that let it in.
pub(crate) struct Seen {
    /// Host and port.
    pub place: String,
    /// Milliseconds until the first answer.
    pub answered: u64,
    /// Whether it accepts writes.
    pub writable: bool,
    /// The watched checks.
    pub checks: Vec<Check>,
}

/// The probe that began at `started`.
pub(crate) fn probed(seen: Result<Seen, Trouble>, at: Timestamp, started: Instant) -> Probe {
    let millis = millis_since(started);
    match seen {
        Ok(seen) => answering(&seen, at, millis),
        Err(Trouble { outcome, text, .. }) => {
            Probe { at, outcome, text, millis, writable: None, failed_checks: Vec::new(), checks_passed: false, life: None }
        }
    }
}

fn answering(seen: &Seen, at: Timestamp, millis: u64) -> Probe {
    let Seen { place, answered, writable, checks } = seen;
    let failed: Vec<String> =
        checks.iter().filter(|check| check.grade == Grade::Fail).map(|check| format!("{}: {}", check.name, check.text)).collect();
    let passed = checks.iter().filter(|check| check.grade == Grade::Pass).count();
    let writes = if *writable { "accepts writes" } else { "is read-only" };
    let watched = if checks.is_empty() { String::new() } else { format!("; {passed} of {} watched checks passed", checks.len()) };
    Probe {
        at,
        outcome: ProbeOutcome::Answers,
        text: format!("{place} logged in and answered in {answered} ms; it {writes}{watched}"),
        millis,
        writable: Some(*writable),
        failed_checks: failed,
        // Without a watched check nothing is known of the data.
        checks_passed: !checks.is_empty() && passed == checks.len(),
        life: None,
    }
}

/// Compares within a time of its own.
pub(crate) async fn bounded<T>(
    comparison: impl Future<Output = Result<T, Trouble>>,
    limits: VisitLimits,
    table: &FingerprintTable,
) -> Result<T, Trouble> {
    let limit = Duration::from_secs(limits.statement.as_secs()) * COMPARISON_STATEMENTS;
    timeout(limit, comparison).await.unwrap_or_else(|_| {
        Err(Trouble::could_not(
            "timeout",
            format!("{} was not compared within {} s; it is too large or too slow", table.table, limit.as_secs()),
        ))
    })
}
