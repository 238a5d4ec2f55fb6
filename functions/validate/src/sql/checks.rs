//! The owner's SQL checks: one read-only transaction each, one value each.

use super::trouble::{Trouble, short};
use lifeboat_domain::policy::SqlCheck;
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;
use std::time::Duration;
use tokio::time::Instant;

/// What a check's query returned.
pub(crate) enum Returned {
    /// One value; none is NULL.
    Value(Option<String>),
    /// Nothing.
    NoRow,
    /// A row of so many columns.
    Columns(usize),
    /// More than one row of one value.
    ManyRows,
}

impl Returned {
    /// Of at most two rows, as texts: more need not be asked for.
    pub fn of(mut rows: Vec<Vec<Option<String>>>) -> Self {
        match (rows.len(), rows.first_mut()) {
            (_, None) => Self::NoRow,
            (_, Some(row)) if row.len() != 1 => Self::Columns(row.len()),
            (1, Some(row)) => Self::Value(row.pop().flatten()),
            _ => Self::ManyRows,
        }
    }
}

/// A session that can be asked for one value.
pub(crate) trait Ask {
    /// Runs one SELECT in a read-only transaction of its own.
    async fn ask(&mut self, sql: &str) -> Result<Returned, Trouble>;
    /// How long one statement may take.
    fn statement_limit(&self) -> Duration;
}

/// Runs the checks, one result each; once the server is silent, the rest is not tried.
pub(crate) async fn run(session: &mut impl Ask, checks: &[SqlCheck]) -> Vec<Check> {
    let mut results = Vec::with_capacity(checks.len());
    let mut gone: Option<Trouble> = None;
    for check in checks {
        let started = Instant::now();
        let returned = match &gone {
            Some(trouble) => Err(trouble.clone()),
            None => session.ask(check.sql.trim().trim_end_matches(';')).await,
        };
        if let Err(trouble) = &returned {
            gone = gone.or_else(|| trouble.ends_the_visit().then(|| trouble.clone()));
        }
        results.push(Check { millis: millis_since(started), ..judge(session.statement_limit(), check, returned) });
    }
    results
}

/// The result of a check that never got to run.
pub(crate) fn not_run(check: &SqlCheck, trouble: &Trouble) -> Check {
    Check::new(&check.name, Grade::Unknown, format!("could not run: {}", trouble.text))
}

/// Milliseconds since `started`.
pub(crate) fn millis_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn judge(limit: Duration, check: &SqlCheck, returned: Result<Returned, Trouble>) -> Check {
    let SqlCheck { name, expect, .. } = check;
    let (grade, text) = match returned {
        Ok(Returned::Value(Some(value))) if value == *expect => (Grade::Pass, format!("returned {value:?}, as expected")),
        Ok(Returned::Value(Some(value))) => (Grade::Fail, format!("returned {:?}; expected {expect:?}", short(&value))),
        Ok(Returned::Value(None)) => (Grade::Fail, format!("returned NULL; expected {expect:?}")),
        Ok(Returned::NoRow) => (Grade::Unknown, "returned no row; a check is one SELECT of one value".to_owned()),
        Ok(Returned::Columns(columns)) => (Grade::Unknown, format!("returned {columns} columns; a check is one SELECT of one value")),
        Ok(Returned::ManyRows) => (Grade::Unknown, "returned more than one row; a check is one SELECT of one value".to_owned()),
        Err(trouble) if trouble.is_time_out() => (Grade::Unknown, format!("did not end within {} s: {}", limit.as_secs(), trouble.text)),
        Err(trouble) => return not_run(check, &trouble),
    };
    Check::new(name, grade, text)
}
