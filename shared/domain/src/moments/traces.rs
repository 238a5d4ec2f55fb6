//! What an engine can tell of one table's past: facts, and what they make likely.

use super::{Finding, Origin, Sureness};
use crate::policy::FingerprintTable;
use crate::words::{Timestamp, show_time};

/// What was asked, or why it cannot be told.
pub type Told<T> = Result<T, String>;

/// The traces of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// Transactions that changed rows which had been there before, within the window.
    pub changes: Told<Vec<Change>>,
    /// Runs of keys that are missing among the newest keys.
    pub gaps: Told<Vec<Gap>>,
    /// The engine's own counters.
    pub counters: Told<Counters>,
}

/// One transaction that changed rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was committed, by the engine.
    pub at: Timestamp,
    /// How many rows carry its mark today.
    pub rows: i64,
    /// The lowest and the highest key of them.
    pub keys: (String, String),
    /// Whether the rows say themselves that they were written before (by `written_at`); without, they may be new.
    pub known_to_be_older: bool,
}

/// A run of missing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The keys beside it.
    pub between: (String, String),
    /// How many are missing.
    pub missing: i64,
    /// When the row before it was written, by `written_at`.
    pub written_before: Timestamp,
    /// When the row behind it was written.
    pub written_behind: Timestamp,
}

/// What the engine counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Rows deleted.
    pub deleted: i64,
    /// Rows updated.
    pub updated: i64,
    /// When it began to count, as the engine writes it.
    pub since: String,
}

impl Traces {
    /// An engine that cannot be asked.
    pub fn cannot_be_told(why: &str) -> Self {
        Self { changes: Err(why.to_owned()), gaps: Err(why.to_owned()), counters: Err(why.to_owned()) }
    }

    /// What follows from them within a window, and what cannot be told, as sentences.
    pub fn read(self, table: &FingerprintTable, (from, to): (Timestamp, Timestamp), now: Timestamp) -> (Vec<Finding>, Vec<String>) {
        let name = &table.table;
        let within = |at: Timestamp| from <= at && at <= to;
        let (mut findings, mut notes) = (Vec::new(), Vec::new());
        match self.changes {
            Ok(changes) => {
                findings.extend(changes.into_iter().filter(|change| within(change.at)).map(|change| changed(table, &change)));
            }
            Err(why) => notes.push(format!("{name}: when its rows were committed cannot be told: {why}")),
        }
        match self.gaps {
            Ok(gaps) => {
                let dated = gaps.into_iter().filter(|gap| within(gap.written_before) && gap.written_before < now);
                findings.extend(dated.map(|gap| missing(name, &gap, now)));
            }
            Err(why) => notes.push(format!("{name}: which keys are missing cannot be told: {why}")),
        }
        match self.counters {
            Ok(Counters { deleted, updated, since }) if deleted + updated > 0 => notes.push(format!(
                "{name}: the engine counted {deleted} deleted and {updated} changed rows since {since}; it does not say when"
            )),
            Ok(_) => {}
            Err(why) => notes.push(format!("{name}: how many rows were deleted cannot be told: {why}")),
        }
        (findings, notes)
    }
}

fn changed(table: &FingerprintTable, change: &Change) -> Finding {
    let Change { at, rows, keys: (first, last), known_to_be_older } = change;
    let older = if *known_to_be_older { "that had been written before " } else { "" };
    let text = format!(
        "{rows} rows of {} {older}(keys {first} to {last}) were written by one transaction that was committed at {}",
        table.table,
        show_time(*at)
    );
    let sureness = if *known_to_be_older && table.append_only { Sureness::Likely } else { Sureness::Possible };
    Finding::at(Origin::CommitTimes, sureness, *at, text)
}

/// Keys are drawn in order, so that what is missing was written after the row before it: before that, nothing of it was there to be
/// deleted. When it was deleted, no row tells.
fn missing(table: &str, gap: &Gap, now: Timestamp) -> Finding {
    let Gap { between: (before, behind), missing, written_before, written_behind } = gap;
    let text = format!(
        "{missing} keys of {table} are missing between {before} (written at {}) and {behind} (written at {}): they were deleted some time later, or never committed; a copy of this moment is from before they were written",
        show_time(*written_before),
        show_time(*written_behind)
    );
    Finding::between(Origin::Rows, Sureness::Possible, (*written_before, now), text)
}
