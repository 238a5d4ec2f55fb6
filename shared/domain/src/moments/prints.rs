//! What fingerprints prove: between which two of them a table lost or changed rows.

use super::{Finding, Origin, Sureness};
use crate::point::{Fingerprint, TableFingerprint};
use crate::policy::FingerprintTable;
use crate::words::{Timestamp, show_time};

/// Rows of a table that is not append-only may be removed as a matter of course.
const fn sureness(table: &FingerprintTable) -> Sureness {
    if table.append_only { Sureness::Proven } else { Sureness::Possible }
}

/// Compares each fingerprint with the next one, of `prints` from the oldest to the newest.
pub fn between(tables: &[FingerprintTable], prints: &[Fingerprint]) -> Vec<Finding> {
    let pairs = prints.iter().zip(prints.iter().skip(1));
    pairs.flat_map(|(earlier, later)| tables.iter().filter_map(|table| pair(table, earlier, later))).collect()
}

fn pair(table: &FingerprintTable, earlier: &Fingerprint, later: &Fingerprint) -> Option<Finding> {
    let name = &table.table;
    let times = (earlier.taken_at, later.taken_at);
    let (from, to) = (show_time(times.0), show_time(times.1));
    if earlier.tables.contains(name) && !later.tables.contains(name) {
        let text = format!("{name} was there at {from} and was gone at {to}");
        return Some(Finding::between(Origin::Fingerprints, Sureness::Proven, times, text));
    }
    let of = |print: &Fingerprint| print.contents.iter().find(|content| content.table == *name).cloned();
    let (before, after) = (of(earlier)?, of(later)?);
    let what = if after.rows < before.rows {
        format!("held {} rows at {from} and {} at {to}", before.rows, after.rows)
    } else if table.append_only && before.watermark == after.watermark && before.hash != after.hash {
        format!("held other contents at {to} than at {from}, at or below the same key {}", shown(&before))
    } else {
        return None;
    };
    Some(Finding::between(Origin::Fingerprints, sureness(table), times, format!("{name} {what}{}", meaning(table))))
}

/// How rows at or below a fingerprint's watermark stand today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Today {
    /// As they were.
    AsThen,
    /// Rows are missing, or their contents differ; what, as words.
    Differs(String),
}

/// Compares what was kept with what the same rows are today.
pub fn today(table: &FingerprintTable, kept: &TableFingerprint, kept_at: Timestamp, now: &TableFingerprint) -> Today {
    let held = format!("held {} rows at or below key {} at {}", kept.rows, shown(kept), show_time(kept_at));
    if now.rows < kept.rows {
        return Today::Differs(format!("{held}, and holds {} of them now", now.rows));
    }
    if table.append_only && now.hash != kept.hash {
        return Today::Differs(format!("{held}; the contents of what is there at or below that key differ now"));
    }
    Today::AsThen
}

/// The finding that rows were as they should be at `kept_at` and are not any more; `intact_since` is a later fingerprint whose rows
/// are as they were, so that it had happened by then.
pub fn finding(table: &FingerprintTable, what: &str, kept_at: Timestamp, now: Timestamp, intact_since: Option<Timestamp>) -> Finding {
    let until = intact_since.map_or_else(String::new, |at| format!("; nothing of it has changed since {}", show_time(at)));
    let times = (kept_at, intact_since.unwrap_or(now));
    Finding::between(Origin::Fingerprints, sureness(table), times, format!("{} {what}{until}{}", table.table, meaning(table)))
}

const fn meaning(table: &FingerprintTable) -> &'static str {
    if table.append_only { "" } else { " (rows may be removed there as a matter of course)" }
}

fn shown(print: &TableFingerprint) -> &str {
    print.watermark.as_deref().unwrap_or("none")
}
