//! How far a standby follows, as its own engine says it.

use super::session::Session;
use crate::sql::trouble::Trouble;
use lifeboat_domain::probe::{ProbeOutcome, ReplicaLook};
use lifeboat_domain::{Timestamp, show_time};

/// One row, as text. What a standby that never replayed a transaction does not know, is null.
const QUESTION: &str = "SELECT pg_catalog.pg_is_in_recovery(),
    pg_catalog.to_char(pg_catalog.pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() END,
    CASE WHEN pg_catalog.pg_is_in_recovery()
        THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())::bigint END";

/// Asks.
pub(super) async fn look(session: &Session, now: Timestamp) -> Result<ReplicaLook, Trouble> {
    let rows = session.texts(QUESTION).await?;
    let row = rows.first().ok_or_else(|| Trouble::could_not("no_row", format!("{} did not say how far it follows", session.place)))?;
    let column = |column: usize| row.try_get(column).ok().flatten();
    let in_recovery = column(0).map(|word| word == "t");
    let newest = column(1).and_then(|text| text.parse::<Timestamp>().ok());
    let backlog_bytes = column(3).and_then(|text| text.parse::<i64>().ok());
    Ok(ReplicaLook {
        at: now,
        outcome: ProbeOutcome::Answers,
        text: sentence(&session.place, in_recovery, newest, column(2), backlog_bytes),
        in_recovery,
        newest: newest.filter(|_| in_recovery == Some(true)),
        backlog_bytes,
    })
}

fn sentence(place: &str, in_recovery: Option<bool>, newest: Option<Timestamp>, replayed: Option<&str>, backlog: Option<i64>) -> String {
    if in_recovery != Some(true) {
        return format!("{place} is no standby");
    }
    let newest = newest.map_or_else(
        || "has replayed no transaction since it started".to_owned(),
        |newest| format!("has replayed every transaction up to {}", show_time(newest)),
    );
    let replayed = replayed.map(|lsn| format!(" (LSN {lsn})")).unwrap_or_default();
    let backlog = backlog
        .map_or_else(|| "what it has received is not known".to_owned(), |bytes| format!("{bytes} bytes received wait to be replayed"));
    format!("{place} {newest}{replayed}; {backlog}")
}
