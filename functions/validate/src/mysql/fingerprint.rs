//! Fingerprints: counts and hashes at or below a watermark, true while writers go on.

use super::session::Session;
use super::table::Table;
use crate::sql::trouble::Trouble;
use lifeboat_domain::Timestamp;
use lifeboat_domain::point::{Fingerprint, TableFingerprint};
use lifeboat_domain::policy::FingerprintTable;
use lifeboat_domain::words::parse_time;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Everything that is read afterwards is of this moment.
pub(super) const SNAPSHOT: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// A schema is a database.
const TABLES: &str = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES
 WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

/// Between two looks at the writers that are still at it; InnoDB tells news no oftener than every tenth of a second.
const LOOK: Duration = Duration::from_millis(120);

/// Takes the fingerprint of `tables`, each at its watermark or at today's.
pub(super) async fn take(
    session: &mut Session,
    tables: &[FingerprintTable],
    watermarks: &BTreeMap<String, String>,
) -> Result<Fingerprint, Trouble> {
    session.run("SET SESSION sql_mode = ''").await?;
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
    session.run(SNAPSHOT).await?;
    let now = session.row("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ')", &[]).await?;
    let taken_at = time(session.text(&now, 0)?)
        .ok_or_else(|| Trouble::could_not("driver", format!("{} tells no time that we can read", session.place)))?;
    let mut names = Vec::new();
    for row in session.texts(TABLES).await? {
        names.push(session.text(&row, 0)?.to_owned());
    }
    names.sort();
    let mut contents = Vec::with_capacity(known.len());
    for (name, table, watermark) in known {
        contents.push(count(session, name, &table, watermark).await?);
    }
    session.run("ROLLBACK").await?;
    Ok(Fingerprint { taken_at, tables: names, contents, keyspace: None })
}

/// As `DATE_FORMAT` writes it; none for what is no date, such as the zero date.
fn time(text: &str) -> Option<Timestamp> {
    parse_time("time", text).ok()
}

async fn top_key(session: &mut Session, table: &Table) -> Result<Option<String>, Trouble> {
    let Table { from, key, key_text, .. } = table;
    let rows = session.texts(&format!("SELECT {key_text} FROM {from} WHERE {key} IS NOT NULL ORDER BY {key} DESC LIMIT 1")).await?;
    rows.first().map(|row| session.text(row, 0).map(str::to_owned)).transpose()
}

/// Transactions that have written, or wait to, and have not ended. One of another database may write in this one, too.
const WRITERS: &str = "SELECT CAST(trx_id AS CHAR) FROM information_schema.INNODB_TRX
 WHERE (trx_rows_modified > 0 OR trx_state = 'LOCK WAIT') AND trx_mysql_thread_id <> CONNECTION_ID()";

/// Waits, for seconds at most, until every transaction that may hold a lower key than the watermark has ended.
///
/// Keys are drawn before they are committed: a row below the watermark may still be invisible. Counted now, it would
/// appear later and make a good copy look altered.
async fn settle(session: &mut Session) -> Result<(), Trouble> {
    let writers = writers(session).await?;
    let deadline = Instant::now() + session.patience();
    let mut still = writers.clone();
    while still.iter().any(|writer| writers.contains(writer)) {
        if Instant::now() >= deadline {
            let waited = session.patience().as_secs();
            let text = format!(
                "{}: a transaction that was writing has not ended within {waited} s, so rows below the watermark are not settled",
                session.place
            );
            return Err(Trouble::could_not("unsettled", text));
        }
        sleep(LOOK).await;
        still = self::writers(session).await?;
    }
    Ok(())
}

async fn writers(session: &mut Session) -> Result<Vec<String>, Trouble> {
    let rows = session.texts(WRITERS).await.map_err(|trouble| match trouble.code.as_str() {
        "1227" => {
            Trouble { text: format!("{}; a fingerprint needs the privilege PROCESS, to see who is writing", trouble.text), ..trouble }
        }
        _ => trouble,
    })?;
    rows.iter().map(|row| session.text(row, 0).map(str::to_owned)).collect()
}

async fn count(session: &mut Session, name: String, table: &Table, watermark: Option<String>) -> Result<TableFingerprint, Trouble> {
    let Some(watermark) = watermark else {
        return Ok(TableFingerprint { table: name, watermark: None, rows: 0, hash: "0".to_owned(), newest: None, sample: Vec::new() });
    };
    let Table { from, row_hash, newest, .. } = table;
    let (condition, texts) = table.between(None, Some(&watermark));
    let sql = format!("SELECT COUNT(*), CAST(COALESCE(SUM({row_hash}), 0) AS CHAR), {newest} FROM {from} WHERE {condition}");
    let row = session.row(&sql, &texts).await?;
    let (rows, hash) = (session.number(&row, 0)?, session.text(&row, 1)?.to_owned());
    let newest = row.get(2).and_then(Option::as_deref).and_then(time);
    Ok(TableFingerprint { table: name, watermark: Some(watermark), rows, hash, newest, sample: Vec::new() })
}
