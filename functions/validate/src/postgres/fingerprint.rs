//! Fingerprints: counts and hashes at or below a watermark, true while writers go on.

use super::session::Session;
use super::table::{ROW_HASH, Table};
use crate::sql::trouble::Trouble;
use lifeboat_domain::Timestamp;
use lifeboat_domain::point::{Fingerprint, TableFingerprint};
use lifeboat_domain::policy::FingerprintTable;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Partitions come and go with their parent's rotation; the parent is what must exist.
const TABLES: &str = "SELECT n.nspname || '.' || c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'";

/// Between two looks at the writers that are still at it.
const LOOK: Duration = Duration::from_millis(100);

/// Takes the fingerprint of `tables`, each at its watermark or at today's.
pub(super) async fn take(
    session: &Session,
    tables: &[FingerprintTable],
    watermarks: &BTreeMap<String, String>,
) -> Result<Fingerprint, Trouble> {
    session.run("SET search_path = pg_catalog").await?;
    let mut known = Vec::with_capacity(tables.len());
    for table in tables {
        let looked_up = Table::look_up(session, table).await?;
        let watermark = match watermarks.get(&table.table) {
            Some(given) => Some(given.clone()),
            None => top_key(session, &looked_up).await?,
        };
        known.push((table.table.clone(), looked_up, watermark));
    }
    if tables.iter().any(|table| !watermarks.contains_key(&table.table)) {
        settle(session).await?;
    }
    session.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let taken_at: Timestamp = session.get(&session.row("SELECT clock_timestamp()", &[]).await?, 0)?;
    let mut names = Vec::new();
    for row in session.rows(TABLES, &[]).await? {
        names.push(session.get(&row, 0)?);
    }
    names.sort();
    let mut contents = Vec::with_capacity(known.len());
    for (name, table, watermark) in known {
        contents.push(count(session, name, &table, watermark).await?);
    }
    session.run("ROLLBACK").await?;
    Ok(Fingerprint { taken_at, tables: names, contents, keyspace: None })
}

async fn top_key(session: &Session, table: &Table) -> Result<Option<String>, Trouble> {
    let Table { from, key, .. } = table;
    let rows = session.rows(&format!("SELECT {key}::text FROM {from} WHERE {key} IS NOT NULL ORDER BY {key} DESC LIMIT 1"), &[]).await?;
    rows.first().map(|row| session.get(row, 0)).transpose()
}

/// Transactions of this database that have written and not ended: each holds a lock on its own id until it is visible.
const WRITERS: &str = "SELECT string_agg(l.transactionid::text, ',') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND (l.pid IS NULL OR a.datname = current_database())";
/// Whether one of them is still at it.
const STILL_WRITING: &str = "SELECT EXISTS (SELECT FROM pg_locks l
 WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.transactionid::text = ANY (string_to_array($1, ',')))";

/// Waits, for seconds at most, until every transaction that may hold a lower key than the watermark has ended.
///
/// Keys are drawn before they are committed: a row below the watermark may still be invisible. Counted now, it would
/// appear later and make a good copy look altered.
async fn settle(session: &Session) -> Result<(), Trouble> {
    let Some(writers) = session.get::<Option<String>>(&session.row(WRITERS, &[]).await?, 0)? else { return Ok(()) };
    let deadline = Instant::now() + session.patience();
    while session.get::<bool>(&session.row(STILL_WRITING, &[&writers]).await?, 0)? {
        if Instant::now() >= deadline {
            let waited = session.patience().as_secs();
            let text = format!(
                "{}: a transaction that was writing has not ended within {waited} s, so rows below the watermark are not settled",
                session.place
            );
            return Err(Trouble::could_not("unsettled", text));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

async fn count(session: &Session, name: String, table: &Table, watermark: Option<String>) -> Result<TableFingerprint, Trouble> {
    let Some(watermark) = watermark else {
        return Ok(TableFingerprint { table: name, watermark: None, rows: 0, hash: "0".to_owned(), newest: None, sample: Vec::new() });
    };
    let newest = table.written_at.as_ref().map_or_else(
        || "NULL::timestamptz".to_owned(),
        |written_at| format!("(max({written_at}) FILTER (WHERE isfinite({written_at})))::timestamptz"),
    );
    let (condition, texts) = table.between(None, Some(&watermark));
    let sql = format!("SELECT count(*), coalesce(sum({ROW_HASH}), 0)::text, {newest} FROM {} WHERE {condition}", table.from);
    let row = session.row(&sql, &texts).await?;
    let (rows, hash, newest) = (session.get(&row, 0)?, session.get(&row, 1)?, session.get(&row, 2)?);
    Ok(TableFingerprint { table: name, watermark: Some(watermark), rows, hash, newest, sample: Vec::new() })
}
