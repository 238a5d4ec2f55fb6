//! What PostgreSQL can tell of a table's past: commit timestamps where they are kept, missing keys, its own counters.
//!
//! Every statement is bounded by the statement time-out; the dearest reads the table once, as a fingerprint does.

use super::session::Session;
use super::table::Table;
use crate::sql::trouble::Trouble;
use lifeboat_domain::Timestamp;
use lifeboat_domain::moments::traces::{Change, Counters, Gap, Told, Traces};
use lifeboat_domain::policy::FingerprintTable;

/// Transactions of a window that are told: those that wrote the most rows.
const MOST_CHANGES: usize = 3;
/// Runs of missing keys that are told: the longest.
const MOST_GAPS: usize = 3;
/// The newest keys, among which missing ones are looked for.
const NEWEST: usize = 200_000;
/// A row that says it was written so long before its transaction was committed was there before.
const OLDER: &str = "interval '1 minute'";

/// Asks three questions; one that is not answered keeps no other back.
pub(super) async fn read(session: &Session, table: &FingerprintTable, (from, to): (Timestamp, Timestamp)) -> Result<Traces, Trouble> {
    session.run("SET search_path = pg_catalog").await?;
    let known = Table::look_up(session, table).await?;
    let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
    let window = (from.as_str(), to.as_str());
    let told = |trouble: Trouble| trouble.text;
    Ok(Traces {
        changes: changes(session, &known, window).await.map_err(told).flatten(),
        gaps: gaps(session, &known, window).await.map_err(told).flatten(),
        counters: counters(session, table).await.map_err(told).flatten(),
    })
}

/// Transactions committed within the window that wrote rows which had been there before, as far as the rows tell.
async fn changes(session: &Session, table: &Table, (from, to): (&str, &str)) -> Result<Told<Vec<Change>>, Trouble> {
    let kept: String = session.get(&session.row("SELECT current_setting('track_commit_timestamp')", &[]).await?, 0)?;
    if kept != "on" {
        return Ok(Err("PostgreSQL keeps commit timestamps only with the parameter track_commit_timestamp = on".to_owned()));
    }
    let from_table = &table.from;
    // A server without `written_at` tells old rows from new ones by nothing: then many rows at once are all there is to see.
    let (oldest, wanted) = match &table.written_at {
        Some(written_at) => (format!("min({written_at})::timestamptz"), format!("oldest < committed_at - {OLDER}")),
        None => ("NULL::timestamptz".to_owned(), "rows > 1".to_owned()),
    };
    let sql = format!(
        "SELECT mark::text, committed_at
           FROM (SELECT mark, rows, oldest, pg_xact_commit_timestamp(mark) AS committed_at
                   FROM (SELECT lifeboat_row.xmin AS mark, count(*) AS rows, {oldest} AS oldest FROM {from_table} GROUP BY lifeboat_row.xmin) AS marks
                ) AS dated
          WHERE committed_at BETWEEN $1::timestamptz AND $2::timestamptz AND {wanted}
          ORDER BY rows DESC, committed_at DESC LIMIT {MOST_CHANGES}"
    );
    let mut found = Vec::new();
    for row in session.rows(&sql, &[from, to]).await? {
        let (mark, at): (String, Timestamp) = (session.get(&row, 0)?, session.get(&row, 1)?);
        found.extend(change(session, table, &mark, at).await?);
    }
    Ok(Ok(found))
}

/// The rows of one transaction that had been there before.
async fn change(session: &Session, table: &Table, mark: &str, at: Timestamp) -> Result<Option<Change>, Trouble> {
    let Table { from, key, written_at, .. } = table;
    let (older, mut texts) = match written_at {
        Some(written_at) => (format!(" AND {written_at}::timestamptz < $2::timestamptz - {OLDER}"), vec![mark.to_owned(), at.to_rfc3339()]),
        None => (String::new(), vec![mark.to_owned()]),
    };
    let sql = format!(
        "WITH hit AS MATERIALIZED (SELECT {key} AS key FROM {from} WHERE lifeboat_row.xmin::text = $1 AND {key} IS NOT NULL{older})
         SELECT (SELECT count(*) FROM hit), (SELECT key::text FROM hit ORDER BY key LIMIT 1), (SELECT key::text FROM hit ORDER BY key DESC LIMIT 1)"
    );
    let texts: Vec<&str> = texts.iter_mut().map(|text| text.as_str()).collect();
    let row = session.row(&sql, &texts).await?;
    let ends: Option<(String, String)> = session.get::<Option<String>>(&row, 1)?.zip(session.get::<Option<String>>(&row, 2)?);
    let rows = session.get(&row, 0)?;
    Ok(ends.map(|keys| Change { at, rows, keys, known_to_be_older: written_at.is_some() }))
}

/// Runs of missing keys, if the keys are numbers that are drawn in order.
async fn gaps(session: &Session, table: &Table, (from, to): (&str, &str)) -> Result<Told<Vec<Gap>>, Trouble> {
    let Table { from: from_table, key, key_type, written_at } = table;
    if !matches!(key_type.as_str(), "smallint" | "integer" | "bigint") {
        return Ok(Err(format!("its key is a {key_type}, and only whole numbers have gaps")));
    }
    let Some(written_at) = written_at else {
        return Ok(Err("the policy names no written_at, so that the rows beside a gap have no time".to_owned()));
    };
    let sql = format!(
        "SELECT before::text, key::text, (key::numeric - before - 1)::int8, written_before, written_at
           FROM (SELECT key, written_at, lag(key) OVER by_key AS before, lag(written_at) OVER by_key AS written_before
                   FROM (SELECT {key} AS key, {written_at}::timestamptz AS written_at FROM {from_table}
                          WHERE {key} IS NOT NULL ORDER BY {key} DESC LIMIT {NEWEST}) AS newest
                 WINDOW by_key AS (ORDER BY key)) AS pairs
          WHERE key::numeric - before > 1 AND written_before BETWEEN $1::timestamptz AND $2::timestamptz AND isfinite(written_at)
          ORDER BY 3 DESC, key DESC LIMIT {MOST_GAPS}"
    );
    let mut found = Vec::new();
    for row in session.rows(&sql, &[from, to]).await? {
        found.push(Gap {
            between: (session.get(&row, 0)?, session.get(&row, 1)?),
            missing: session.get(&row, 2)?,
            written_before: session.get(&row, 3)?,
            written_behind: session.get(&row, 4)?,
        });
    }
    Ok(Ok(found))
}

const COUNTERS: &str =
    "SELECT t.n_tup_del, t.n_tup_upd, coalesce(to_char(d.stats_reset, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'its statistics began')
  FROM pg_stat_all_tables t, pg_stat_database d
 WHERE t.schemaname || '.' || t.relname = $1 AND d.datname = current_database()";

async fn counters(session: &Session, table: &FingerprintTable) -> Result<Told<Counters>, Trouble> {
    let rows = session.rows(COUNTERS, &[&table.table]).await?;
    let Some(row) = rows.first() else { return Ok(Err("the engine keeps no counters of it".to_owned())) };
    Ok(Ok(Counters { deleted: session.get(row, 0)?, updated: session.get(row, 1)?, since: session.get(row, 2)? }))
}
