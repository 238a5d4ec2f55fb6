//! The owner's SQL checks: one read-only transaction each, one value each.

use super::session::Session;
use super::trouble::{Trouble, short};
use lifeboat_domain::policy::SqlCheck;
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;
use tokio::time::Instant;

/// What a check's query returned.
enum Returned {
    Value(Option<String>),
    NoRow,
    Columns(usize),
    ManyRows,
}

/// Runs the checks, one result each; once the server is silent, the rest is not tried.
pub(super) async fn run(session: &Session, checks: &[SqlCheck]) -> Vec<Check> {
    let mut results = Vec::with_capacity(checks.len());
    let mut gone: Option<Trouble> = None;
    for check in checks {
        let started = Instant::now();
        let returned = match &gone {
            Some(trouble) => Err(trouble.clone()),
            None => ask(session, check).await,
        };
        if let Err(trouble) = &returned {
            gone = gone.or_else(|| trouble.ends_the_visit().then(|| trouble.clone()));
        }
        results.push(Check { millis: millis_since(started), ..judge(session, check, returned) });
    }
    results
}

/// The result of a check that never got to run.
pub(super) fn not_run(check: &SqlCheck, trouble: &Trouble) -> Check {
    Check::new(&check.name, Grade::Unknown, format!("could not run: {}", trouble.text))
}

/// Milliseconds since `started`.
pub(super) fn millis_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn judge(session: &Session, check: &SqlCheck, returned: Result<Returned, Trouble>) -> Check {
    let SqlCheck { name, expect, .. } = check;
    let (grade, text) = match returned {
        Ok(Returned::Value(Some(value))) if value == *expect => (Grade::Pass, format!("returned {value:?}, as expected")),
        Ok(Returned::Value(Some(value))) => (Grade::Fail, format!("returned {:?}; expected {expect:?}", short(&value))),
        Ok(Returned::Value(None)) => (Grade::Fail, format!("returned NULL; expected {expect:?}")),
        Ok(Returned::NoRow) => (Grade::Unknown, "returned no row; a check is one SELECT of one value".to_owned()),
        Ok(Returned::Columns(columns)) => (Grade::Unknown, format!("returned {columns} columns; a check is one SELECT of one value")),
        Ok(Returned::ManyRows) => (Grade::Unknown, "returned more than one row; a check is one SELECT of one value".to_owned()),
        Err(trouble) if trouble.is_time_out() => {
            (Grade::Unknown, format!("did not end within {} s: {}", session.statement_limit().as_secs(), trouble.text))
        }
        Err(trouble) => return not_run(check, &trouble),
    };
    Check::new(name, grade, text)
}

/// A cursor takes exactly one SELECT without side effects, and hands over no more rows than are asked of it.
async fn ask(session: &Session, check: &SqlCheck) -> Result<Returned, Trouble> {
    session.run("BEGIN TRANSACTION READ ONLY").await?;
    let returned = fetch(session, check.sql.trim().trim_end_matches(';')).await;
    session.run("ROLLBACK").await?;
    returned
}

async fn fetch(session: &Session, sql: &str) -> Result<Returned, Trouble> {
    session.rows(&format!("DECLARE lifeboat_check NO SCROLL CURSOR FOR {sql}"), &[]).await?;
    let rows = session.texts("FETCH FORWARD 2 FROM lifeboat_check").await?;
    let Some(row) = rows.first() else { return Ok(Returned::NoRow) };
    if row.len() != 1 {
        return Ok(Returned::Columns(row.len()));
    }
    if rows.len() > 1 {
        return Ok(Returned::ManyRows);
    }
    Ok(Returned::Value(row.try_get(0).ok().flatten().map(str::to_owned)))
}
