//! Warm-up: a volume restored from a snapshot is `available` before its blocks are there; each block is fetched from S3 when it is
//! first read, and clients wait for that. Reading the relations that they need once, before they come, takes that wait from them.
//!
//! It prolongs the outage by what it takes, so it is the policy's to ask for, and to bound. It never fails a recovery: what is
//! not read by then, clients will fetch.

use crate::error::DrError;
use crate::ids::DatabaseId;
use crate::plan::Remedy;
use crate::policy::is_sql_identifier;
use crate::span::Span;
use crate::words::{Timestamp, closed_enum};
use serde::{Deserialize, Serialize};

/// What a policy asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUpRule {
    /// Relations to read first, in this order, as `schema.table`.
    #[serde(default)]
    pub relations: Vec<String>,
    /// Then so many others, the largest first.
    #[serde(default)]
    pub largest: u32,
    /// The longest time that clients may wait for it.
    pub at_most: Span,
}

impl WarmUpRule {
    /// The most relations that can be named, and the most that can be asked for by size: the list of their parts is one document.
    pub const MOST_RELATIONS: u32 = 50;
    /// The longest `at_most`: each look is a few events of the execution, which may have 25,000.
    pub const LONGEST: Span = Span::hours(4);

    /// What it costs, for the plan.
    pub fn risk(&self) -> String {
        format!("the restored volume is loaded lazily: clients wait for up to {} more while what they need is read", self.at_most)
    }

    /// Refuses what cannot be meant; `field` is where it stands in the policy.
    pub fn check(&self, field: &str) -> Result<(), DrError> {
        let names = format!("{field}.relations");
        if let Some(wrong) = self.relations.iter().find(|name| !is_relation(name)) {
            return Err(DrError::invalid(&names, format!("{wrong:?}"), "schema.table of letters, digits and underscores"));
        }
        if let Some(twice) = self.relations.iter().enumerate().find_map(|(at, name)| self.relations.iter().take(at).find(|it| *it == name))
        {
            return Err(DrError::invalid(&names, format!("{twice:?} twice"), "each relation once"));
        }
        let most = Self::MOST_RELATIONS;
        if self.relations.len() > usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(DrError::invalid(&names, format!("{} names", self.relations.len()), format!("at most {most}; largest takes more")));
        }
        if self.largest > most {
            return Err(DrError::invalid(&format!("{field}.largest"), self.largest, format!("0 to {most}")));
        }
        if self.relations.is_empty() && self.largest == 0 {
            return Err(DrError::invalid(field, "nothing to read", "relations, or largest above zero, or both"));
        }
        if self.at_most == Span::seconds(0) || self.at_most > Self::LONGEST {
            return Err(DrError::invalid(&format!("{field}.at_most"), self.at_most, format!("1s to {}", Self::LONGEST)));
        }
        Ok(())
    }
}

fn is_relation(name: &str) -> bool {
    name.split_once('.').is_some_and(|(schema, table)| is_sql_identifier(schema) && is_sql_identifier(table))
}

/// Whether what a remedy made is loaded lazily: only a volume made from a snapshot is, and Aurora's are not. A replica, a standby, a
/// grown volume and a database that was kept have all their blocks.
pub fn is_lazy(remedy: Option<Remedy>, engine: Option<&str>) -> bool {
    let restored = matches!(remedy, Some(Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot));
    restored && !engine.is_some_and(|engine| engine.starts_with("aurora") || matches!(engine, "redis" | "valkey" | "dynamodb"))
}

closed_enum! {
    /// What a part of a relation is.
    PartKind {
        /// Its rows.
        Rows = "rows",
        /// What is too long for a row (PostgreSQL: TOAST).
        LargeValues = "large_values",
        /// An index.
        Index = "index",
    }
}

closed_enum! {
    /// How far a part is.
    PartState {
        /// Not read to its end.
        Waiting = "waiting",
        /// Read to its end.
        Read = "read",
        /// It cannot be read, or not in any reasonable number of tries.
        Skipped = "skipped",
    }
}

/// A part of a relation that is read by itself: rows, long values, one index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `schema.table`.
    pub relation: String,
    /// Which part.
    pub kind: PartKind,
    /// How the engine knows it: an OID, an index's name, a key column; empty where the relation's name says it.
    pub name: String,
    /// Its size in bytes, as far as the engine knows it.
    pub bytes: u64,
    /// How much of that was read.
    pub read: u64,
    /// How far that is, in the engine's own words; none before the first piece.
    pub cursor: Option<String>,
    /// Time-outs in a row.
    pub tries: u32,
    /// How far it is.
    pub state: PartState,
    /// Why it was skipped.
    pub text: Option<String>,
}

impl Part {
    /// A part that is still to be read.
    pub fn new(relation: impl Into<String>, kind: PartKind, name: impl Into<String>, bytes: u64) -> Self {
        let (relation, name) = (relation.into(), name.into());
        Self { relation, kind, name, bytes, read: 0, cursor: None, tries: 0, state: PartState::Waiting, text: None }
    }

    /// It was read up to `cursor`, `bytes` more than before.
    pub fn advance(&mut self, cursor: impl Into<String>, bytes: u64) {
        self.cursor = Some(cursor.into());
        self.read = self.read.saturating_add(bytes).min(self.bytes);
        self.tries = 0;
    }

    /// It was read to its end.
    pub fn finish(&mut self) {
        (self.read, self.state, self.tries) = (self.bytes, PartState::Read, 0);
    }

    /// It will not be read (any further).
    pub fn skip(&mut self, why: impl Into<String>) {
        (self.state, self.text) = (PartState::Skipped, Some(why.into()));
    }
}

/// The parts of a restored database that are to be read, in order, and what is to be known of those that are not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The parts.
    pub parts: Vec<Part>,
    /// What cannot be read, and why, as sentences.
    pub notes: Vec<String>,
}

closed_enum! {
    /// How a warm-up ended.
    WarmUpEnd {
        /// Every part was read.
        Complete = "complete",
        /// Every part was read but some that cannot be.
        Partial = "partial",
        /// The policy's `at_most` passed.
        TimeOver = "time_over",
        /// The database could not be opened, or broke off again and again.
        GaveUp = "gave_up",
    }
}

/// The warm-up of one restored database: its document in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmUp {
    /// The restored database.
    pub target: DatabaseId,
    /// When it began: `at_most` counts from here, whatever becomes of a step.
    pub began_at: Timestamp,
    /// What there is to read; none before that was asked.
    pub list: Option<Parts>,
    /// Visits in a row that ended in trouble without having read anything.
    pub troubles: u32,
    /// What the last trouble was.
    pub trouble: Option<String>,
    /// How it ended, and when; none while it goes on.
    pub ended: Option<(WarmUpEnd, Timestamp)>,
}

impl WarmUp {
    /// One that begins now.
    pub const fn begin(target: DatabaseId, now: Timestamp) -> Self {
        Self { target, began_at: now, list: None, troubles: 0, trouble: None, ended: None }
    }

    fn parts(&self) -> &[Part] {
        self.list.as_ref().map_or(&[], |list| &list.parts)
    }

    /// How much is left of the time that the policy gives it; none if it is over.
    pub fn left(&self, at_most: Span, now: Timestamp) -> Option<Span> {
        let left = at_most.as_secs().saturating_sub(Span::between(self.began_at, now).as_secs());
        (left > 0).then(|| Span::seconds(left))
    }

    /// How it ends if it ends now, all parts being done with; none if some wait.
    pub fn all_done(&self) -> Option<WarmUpEnd> {
        let list = self.list.as_ref()?;
        if list.parts.iter().any(|part| part.state == PartState::Waiting) {
            return None;
        }
        let whole = list.notes.is_empty() && list.parts.iter().all(|part| part.state == PartState::Read);
        Some(if whole { WarmUpEnd::Complete } else { WarmUpEnd::Partial })
    }

    /// Bytes read, and bytes in all.
    pub fn bytes(&self) -> (u64, u64) {
        let sum = |bytes: fn(&Part) -> u64| self.parts().iter().map(bytes).sum();
        (sum(|part| part.read), sum(|part| part.bytes))
    }

    /// `1.2 GiB of 3.4 GiB, 5 of 7 parts of 2 relations to their end`.
    pub fn how_much(&self) -> String {
        if self.list.is_none() {
            return "nothing".to_owned();
        }
        let (read, all) = self.bytes();
        let parts = self.parts();
        let done = parts.iter().filter(|part| part.state == PartState::Read).count();
        let mut relations: Vec<&str> = parts.iter().map(|part| part.relation.as_str()).collect();
        relations.dedup();
        let (count, plural) = (relations.len(), if relations.len() == 1 { "" } else { "s" });
        format!("{} of {}, {done} of {} parts of {count} relation{plural} to their end", size(read), size(all), parts.len())
    }

    /// What could not be read, and why.
    pub fn unread(&self) -> Vec<String> {
        let notes = self.list.iter().flat_map(|list| list.notes.iter().cloned());
        let skipped = self.parts().iter().filter(|part| part.state == PartState::Skipped).map(|part| {
            let why = part.text.as_deref().unwrap_or("no reason is on record");
            format!("the {} of {} were not read to their end: {why}", part.kind.as_words(), part.relation)
        });
        notes.chain(skipped).collect()
    }

    /// How it ended, as a sentence for the timeline and the report.
    pub fn sentence(&self, at_most: Option<Span>) -> String {
        let read = self.how_much();
        let Some((end, at)) = self.ended else { return format!("the warm-up of {} did not end; it read {read}", self.target) };
        let took = Span::between(self.began_at, at);
        let limit = at_most.map_or_else(String::new, |limit| format!(" of {limit}"));
        let how = match end {
            WarmUpEnd::Complete => "everything that the policy asks for was read".to_owned(),
            WarmUpEnd::Partial => format!("the rest cannot be read: {}", first(&self.unread())),
            WarmUpEnd::TimeOver => format!("its time{limit} was over; what is not read yet, clients fetch when they first need it"),
            WarmUpEnd::GaveUp => format!("it gave up: {}", self.trouble.as_deref().unwrap_or("no reason is on record")),
        };
        format!("the warm-up of {} read {read}, in {took}: {how}", self.target)
    }
}

impl PartKind {
    /// In words, in the plural.
    pub const fn as_words(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::LargeValues => "large values",
            Self::Index => "entries of an index",
        }
    }
}

/// The first sentence, and how many more there are.
fn first(sentences: &[String]) -> String {
    match sentences {
        [] => "no reason is on record".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// Bytes as people read them: `512 B`, `16.0 MiB`, `3.4 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, so that nothing is rounded twice.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    for unit in UNITS {
        if tenths < 10_240 || unit == "TiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1024;
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests;
