//! Salvage: single items of a DynamoDB table are written back from a restored copy, previewed first, and never over a newer item.
//!
//! A preview reads every item of the copy and the same keys of the table, and writes nothing. What it would change it keeps as hashes
//! alone: no item and no key leaves the tables. A person then names the preview's plan, and each item that the plan knows is judged
//! again and written under a condition of its own, so that whoever writes meanwhile wins. Both hold no lease, and give way to a recovery.
//!
//! The cursor is the number of a segment of a parallel Scan: DynamoDB's own cursor is a key, which might be personal data.

mod condition;
mod judge;
mod ports;
mod told;

pub use condition::{Condition, MOST_COMPARED, condition};
pub use judge::{Change, Finding, Pair, Rules};
pub use ports::{CompareItems, Page, Put, Restored, Segment, TableFacts, WriteItems};
pub use told::{Concluded, conclude};

use crate::error::DrError;
use crate::ids::{DatabaseId, Identity, PlanHash, digest, short_digest};
use crate::ledger::{self, keys};
use crate::ports::{Documents, Ledger};
use crate::span::Span;
use crate::words::{Timestamp, closed_enum, show_time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Changes that one plan may hold: what is more is no damage to single items, and is for a cut-over. Their hashes are 7 MB.
pub const MOST_CHANGES: u64 = 100_000;
/// How long a plan may be written after its preview has ended.
pub const PLAN_LASTS: Span = Span::hours(24);
/// No preview and no writing lasts longer; the machine's own time-out lies two hours behind, so that it ends by itself and says so.
pub const LONGEST_RUN: Span = Span::hours(12);
/// Items of one page: what one `BatchGetItem` takes.
pub const PAGE_ITEMS: u32 = 100;
/// Pages that one turn reads before it waits.
pub const TURN_PAGES: u64 = 250;
/// Pages that are read in a second, over the turns and the waits between them: up to 1,000 items, or read units of items up to 4 KB,
/// of the copy and as many of the table that serves.
pub const PAGES_PER_SECOND: u64 = 10;
/// Items that one turn writes before it waits.
pub const TURN_WRITES: u64 = 1_000;
/// Items of one segment that DynamoDB does not take, before the salvage ends and says why: it is not about single items then.
pub const MOST_REFUSED: u64 = 100;
/// Items that are written in a second, over the turns and the waits between them.
pub const WRITES_PER_SECOND: u64 = 50;
/// How long one turn works, at most: its function has five minutes, and the last is for writing down what was found.
pub const LONGEST_TURN: Span = Span::seconds(240);
/// Between two turns, at least: in [`LONGEST_RUN`] that is 2,160 turns of nine events each, of the 25,000 that an execution may have
/// (AWS Step Functions, "Service quotas").
pub const SHORTEST_WAIT: Span = Span::seconds(20);
/// Turns in a row that got nowhere, because the tables were too busy, before it ends.
pub const MOST_STALLS: u32 = 30;
/// Items that a segment is meant to hold.
const SEGMENT_ITEMS: u64 = 1_000;
/// Segments, at least and at most; DynamoDB takes a million.
const SEGMENTS: (u32, u32) = (16, 262_144);
/// What is multiplied where a segment was too large for one turn.
const FINER: u32 = 16;

closed_enum! {
    /// What a person asks for.
    Mode {
        /// To see what could be written back.
        Preview = "preview",
        /// To write what a preview has shown.
        Write = "write",
    }
}

closed_enum! {
    /// What it came to.
    Outcome {
        /// Everything was compared, and there is a plan.
        Previewed = "previewed",
        /// Everything was compared, and nothing is to be written back.
        NothingToDo = "nothing_to_do",
        /// Everything of the plan was looked at again, and written where it may be.
        Written = "written",
        /// Something ended it before its end.
        EndedEarly = "ended_early",
    }
}

/// What was found, in items of the copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Not in the table: to be written back.
    pub missing: u64,
    /// In the table, different, and last written no later than the copy's own item: to be written back.
    pub damaged: u64,
    /// The same on both sides.
    pub same: u64,
    /// In the table, different, and written after the copy's moment: kept.
    pub kept_newer: u64,
    /// In the table, different, and nobody knows when it was written: kept.
    pub kept_undated: u64,
    /// In the table, damaged, and of more attributes than one condition compares: kept.
    pub kept_too_wide: u64,
    /// Expired by the table's time to live: left out.
    pub expired: u64,
}

impl Counts {
    /// What would be written.
    pub const fn changes(&self) -> u64 {
        self.missing + self.damaged
    }

    /// Counts one finding.
    pub const fn add(&mut self, finding: Finding) {
        let count = match finding {
            Finding::Missing => &mut self.missing,
            Finding::Damaged => &mut self.damaged,
            Finding::Same => &mut self.same,
            Finding::KeptNewer => &mut self.kept_newer,
            Finding::KeptUndated => &mut self.kept_undated,
            Finding::KeptTooWide => &mut self.kept_too_wide,
            Finding::Expired => &mut self.expired,
        };
        *count += 1;
    }

    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            missing: self.missing + other.missing,
            damaged: self.damaged + other.damaged,
            same: self.same + other.same,
            kept_newer: self.kept_newer + other.kept_newer,
            kept_undated: self.kept_undated + other.kept_undated,
            kept_too_wide: self.kept_too_wide + other.kept_too_wide,
            expired: self.expired + other.expired,
        }
    }
}

/// The changes of some segments: by the change's first hash its second one, see [`Change`].
pub type Changes = BTreeMap<u32, BTreeMap<String, String>>;

/// Where the changes of some segments lie in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// The document's key, which follows from what it holds.
    pub key: String,
    /// SHA-256 of what it holds.
    pub digest: String,
    /// How many changes.
    pub changes: u64,
}

/// How far the writing of a plan is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    /// The plan.
    pub plan: PlanHash,
    /// How many leaves of it are done.
    pub leaves: usize,
    /// How many segments of the next leaf are done.
    pub segments: usize,
    /// Items of the plan that are as in the copy again.
    pub salvaged: u64,
    /// Items of the plan that others have changed since the preview, or that have expired: kept as they are.
    pub changed_since: u64,
    /// Items of the plan that DynamoDB does not take.
    #[serde(default)]
    pub refused: u64,
    /// Why it did not take the first of them.
    #[serde(default)]
    pub refusal: Option<String>,
}

impl Writing {
    /// Nothing of a plan is written yet.
    pub const fn new(plan: PlanHash) -> Self {
        Self { plan, leaves: 0, segments: 0, salvaged: 0, changed_since: 0, refused: 0, refusal: None }
    }
}

/// Why it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// What ended it before its end, as a sentence without its full stop; none where everything was looked at.
    pub early: Option<String>,
}

/// One preview, or one writing of its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salvage {
    /// Its own name, which follows from its execution.
    pub id: String,
    /// The execution's ARN: CloudTrail knows who started it.
    pub execution: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// Who they say they are.
    pub claimed_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The table's identity.
    pub resource: Identity,
    /// The table that serves.
    pub table: DatabaseId,
    /// Its `TableId`: another table under the same name is another table.
    pub table_id: String,
    /// The copy.
    pub copy: DatabaseId,
    /// Its `TableId`.
    pub copy_id: String,
    /// The names of the key's attributes.
    pub key: Vec<String>,
    /// The attribute of the table's time to live; none where it is off.
    pub ends_at: Option<String>,
    /// The attribute that says when an item was last written; without it only what is missing comes back.
    pub written_at: Option<String>,
    /// The moment that the copy shows; none until DynamoDB was asked.
    pub point: Option<Timestamp>,
    /// Of how many segments the copy is read; 0 until it is known.
    pub segments: u32,
    /// How many of them are compared.
    pub compared: u32,
    /// What was found in them.
    pub counts: Counts,
    /// What would be changed.
    pub leaves: Vec<Leaf>,
    /// How far the writing is; none in a preview.
    pub writing: Option<Writing>,
    /// Turns in a row that got nowhere.
    pub stalls: u32,
    /// How it ended; none while it goes on.
    pub ended: Option<Ended>,
}

/// A plan: what a preview has shown, until when it may be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The preview.
    pub salvage: String,
    /// After this moment it cannot be written any more.
    pub expires_at: Timestamp,
}

/// The name of an execution's salvage.
pub fn salvage_id(execution: &str) -> String {
    digest(&["salvage", execution]).chars().take(16).collect()
}

/// How many segments a table of so many items, as far as DynamoDB knows, is read in.
pub fn segments_for(items: u64) -> u32 {
    u32::try_from(items / SEGMENT_ITEMS).unwrap_or(u32::MAX).clamp(SEGMENTS.0, SEGMENTS.1)
}

impl Salvage {
    /// Whether it writes.
    pub const fn mode(&self) -> Mode {
        if self.writing.is_some() { Mode::Write } else { Mode::Preview }
    }

    /// The hash of everything that its plan rests on; only of a preview that came to its end.
    pub fn plan(&self) -> Result<PlanHash, DrError> {
        let leaves: Vec<&str> = self.leaves.iter().map(|leaf| leaf.digest.as_str()).collect();
        let facts = serde_json::json!({
            "execution": self.execution, "resource": self.resource, "table": self.table_id, "copy": self.copy_id, "key": self.key,
            "ends_at": self.ends_at, "written_at": self.written_at, "point": self.point, "segments": self.segments, "leaves": leaves,
        });
        PlanHash::parse(digest(&[&facts.to_string()]))
    }

    /// When its plan expires; none before it has come to its end.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ended.as_ref().filter(|ended| ended.early.is_none()).map(|ended| ended.at + PLAN_LASTS.as_delta())
    }

    /// How many items its plan, or the one that it writes, changes.
    pub fn changes(&self) -> u64 {
        self.leaves.iter().map(|leaf| leaf.changes).sum()
    }

    /// Ends it, unless it has ended before.
    pub fn end(&mut self, at: Timestamp, early: Option<String>) {
        if self.ended.is_none() {
            self.ended = Some(Ended { at, early });
        }
    }

    /// Why it must end because of its age; none before that.
    pub fn why_too_long(&self, now: Timestamp) -> Option<String> {
        (Span::between(self.started_at, now) >= LONGEST_RUN)
            .then(|| format!("it has lasted since {}, longer than {LONGEST_RUN}", show_time(self.started_at)))
    }

    /// One more turn got nowhere.
    pub fn stall(&mut self, now: Timestamp, why: &str) {
        self.stalls += 1;
        if self.stalls >= MOST_STALLS {
            self.end(now, Some(format!("{MOST_STALLS} attempts in a row got nowhere: {why}")));
        }
    }

    /// A segment of the copy was too large for one turn: everything is compared anew, in smaller ones.
    pub fn divide(&mut self, now: Timestamp) {
        if self.segments.saturating_mul(FINER) > SEGMENTS.1 {
            let why = format!(
                "a part of {} holds more items than are compared within {LONGEST_TURN}: many items with one partition key, perhaps",
                self.copy
            );
            return self.end(now, Some(why));
        }
        self.segments *= FINER;
        (self.compared, self.counts) = (0, Counts::default());
        self.leaves.clear();
    }

    /// How long to wait after a turn that read so many pages and wrote so many items.
    pub fn wait_after(pages: u64, writes: u64) -> Span {
        SHORTEST_WAIT.max(Span::seconds(pages / PAGES_PER_SECOND)).max(Span::seconds(writes / WRITES_PER_SECOND))
    }

    /// The key under which changes lie, and their hash.
    pub fn leaf(&self, changes: &Changes) -> Result<Leaf, DrError> {
        let digest = digest(&[&ledger::encode(changes)?.to_string()]);
        let key = format!("salvages/{}/{}-{:06}-{}.json", self.id, self.segments, self.compared, short_digest(&[&digest]));
        Ok(Leaf { key, digest, changes: changes.values().map(|some| some.len() as u64).sum() })
    }
}

/// What of an execution's salvage the ledger has.
pub async fn expect(ledger: &impl Ledger, id: &str, execution: &str) -> Result<Salvage, DrError> {
    let salvage = ledger::expect::<Salvage>(ledger, &keys::salvage(id)).await?.value;
    if salvage.execution == execution {
        Ok(salvage)
    } else {
        Err(DrError::refused(format!("salvage {id} was not begun by {execution}: nothing is done for it")))
    }
}

/// Reads the changes of a plan, which must be those that were previewed.
pub async fn changes(documents: &impl Documents, leaf: &Leaf) -> Result<Changes, DrError> {
    let place = documents.location(&leaf.key);
    let found = documents.get_json(&leaf.key).await.map_err(|error| error.while_doing(format!("reading {place}")))?;
    let found = found.and_then(|found| serde_json::from_value::<Changes>(found).ok());
    let found = found.filter(|found| ledger::encode(found).is_ok_and(|found| digest(&[&found.to_string()]) == leaf.digest));
    found.ok_or_else(|| DrError::refused(format!("plan: {place} is gone, or no longer what was previewed: preview again")))
}

#[cfg(test)]
mod tests;
