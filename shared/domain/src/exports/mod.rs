//! Exports of tables to S3: a copy of the items that outlives the table, its backups and the account's slips.
//!
//! An export is no recovery point: nothing restores from it. `ImportTable` makes another table of it, by hand, which lacks everything but the
//! items and the key. So no type here leads to a [`crate::point::RecoveryPoint`], and no plan is given one as an option.

mod by_hand;
mod next;
#[cfg(test)]
mod tests;
mod told;

pub use by_hand::Beside;
pub use next::{Next, Wish};
pub use told::Trouble;

use crate::error::DrError;
use crate::ids::{Arn, Identity};
use crate::span::Span;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};

/// What a policy asks for; of other kinds than tables it has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRule {
    /// The bucket.
    pub bucket: String,
    /// What its keys begin with; the identity of each table follows.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The account that owns the bucket, where it is another one.
    #[serde(default)]
    pub bucket_owner: Option<String>,
    /// How old the newest export may get; whole days, as they are asked for in the nightly backup.
    pub every: Span,
}

const DAY: u64 = 24 * 3600;

impl ExportRule {
    /// How much earlier than `every` a night may begin and still count: no two nights begin in the same second.
    const SLACK: Span = Span::hours(3);

    /// Refuses what cannot be meant; `field` is where it stands in the policy.
    pub fn check(&self, field: &str) -> Result<(), DrError> {
        let in_field = |key: &str| format!("{field}.{key}");
        if !is_bucket(&self.bucket) {
            let accepted = "the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends";
            return Err(DrError::invalid(&in_field("bucket"), format!("{:?}", self.bucket), accepted));
        }
        if let Some(prefix) = self.prefix.as_ref().filter(|prefix| !is_prefix(prefix)) {
            let accepted = "1 to 512 letters, digits and any of !_.*'()/-, without a slash at either end, such as exports/shop";
            return Err(DrError::invalid(&in_field("prefix"), format!("{prefix:?}"), accepted));
        }
        if let Some(owner) = self.bucket_owner.as_ref().filter(|owner| !is_account(owner)) {
            return Err(DrError::invalid(&in_field("bucket_owner"), format!("{owner:?}"), "the 12 digits of an account, in quotes"));
        }
        let seconds = self.every.as_secs();
        if seconds == 0 || !seconds.is_multiple_of(DAY) {
            return Err(DrError::invalid(&in_field("every"), self.every, "whole days, at least 1d: it is asked for in the nightly backup"));
        }
        Ok(())
    }

    /// Where the exports of a resource go.
    pub fn place(&self, resource: &Identity) -> ExportPlace {
        let prefix = self.prefix.as_ref().map_or_else(|| resource.to_string(), |prefix| format!("{prefix}/{resource}"));
        ExportPlace { bucket: self.bucket.clone(), prefix, bucket_owner: self.bucket_owner.clone() }
    }
}

fn is_bucket(name: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.starts_with(is_end)
        && name.ends_with(is_end)
        && !name.contains("..")
        && name.chars().all(|c| is_end(c) || matches!(c, '.' | '-'))
}

fn is_prefix(prefix: &str) -> bool {
    (1..=512).contains(&prefix.len())
        && !prefix.starts_with('/')
        && !prefix.ends_with('/')
        && prefix.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

/// Where an export is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPlace {
    /// `S3Bucket`.
    pub bucket: String,
    /// `S3Prefix`: DynamoDB adds `/AWSDynamoDB/` and the export's id.
    pub prefix: String,
    /// `S3BucketOwner`.
    pub bucket_owner: Option<String>,
}

impl std::fmt::Display for ExportPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// An export as DynamoDB shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedExport {
    /// `ExportArn`.
    pub arn: Arn,
    /// `ExportStatus`, with what belongs to it.
    pub progress: ExportProgress,
}

impl ObservedExport {
    /// Whether its end is to come.
    pub fn is_under_way(&self) -> bool {
        self.progress == ExportProgress::UnderWay
    }

    /// Why what was asked for will never be.
    pub fn failure(&self, asked: &AskedExport) -> Option<Trouble> {
        let ExportProgress::Failed { code, message } = &self.progress else { return None };
        let asked = AskedExport { arn: Some(self.arn.clone()), ..asked.clone() };
        Some(Trouble::Failed { asked, code: code.clone(), message: message.clone() })
    }
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportProgress {
    /// It may last for hours.
    UnderWay,
    /// It stands in the bucket.
    Completed(Exported),
    /// It never will.
    Failed {
        /// `FailureCode`.
        code: String,
        /// `FailureMessage`.
        message: String,
    },
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// `ExportTime`: the moment whose items it holds.
    pub at: Timestamp,
    /// `ItemCount`.
    pub items: Option<u64>,
    /// `BilledSizeBytes`.
    pub bytes: Option<u64>,
    /// `ExportManifest`: the key of its manifest.
    pub manifest: Option<String>,
}

/// An export that was asked for: written down before the call, so that it is asked for at most once in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedExport {
    /// `ClientToken`: of the run and the table, so that the call may be repeated for a while.
    pub token: String,
    /// The run that wants it.
    pub run: String,
    /// The table.
    pub table: Arn,
    /// Its `TableId`.
    pub table_id: String,
    /// Where it goes: as it was asked for, since the same token with another place is a conflict.
    pub place: ExportPlace,
    /// When.
    pub asked_at: Timestamp,
    /// `ExportArn`, once it was answered.
    pub arn: Option<Arn>,
}

/// An export that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptExport {
    /// `ExportArn`.
    pub arn: Arn,
    /// The table, which may be gone.
    pub table: Arn,
    /// Its `TableId`.
    pub table_id: String,
    /// Where it is.
    pub place: ExportPlace,
    /// What it holds.
    pub exported: Exported,
}

impl KeptExport {
    /// The key that its data files begin with.
    pub fn data_prefix(&self) -> String {
        let id = self.arn.as_str().rsplit('/').next().unwrap_or_default();
        format!("{}/AWSDynamoDB/{id}/data/", self.place.prefix)
    }
}

/// What the ledger knows of a resource's exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// Whose.
    pub resource: Identity,
    /// The newest one that stands.
    pub newest: Option<KeptExport>,
    /// The one whose end is not known.
    pub open: Option<AskedExport>,
    /// The run that last asked for one.
    pub asked_in: Option<String>,
    /// What people were last told.
    pub told: Option<Told>,
}

/// What people were told, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which trouble.
    pub what: String,
    /// When.
    pub at: Timestamp,
}

impl ExportRecord {
    /// For how long the same trouble is not told again.
    const QUIET: Span = Span::hours(7 * 24);

    /// Of a resource that never was exported.
    pub const fn new(resource: Identity) -> Self {
        Self { resource, newest: None, open: None, asked_in: None, told: None }
    }

    /// Whether people do not know of the trouble yet, or have heard of it so long ago that they may have forgotten.
    pub fn is_news(&self, trouble: &Trouble, now: Timestamp) -> bool {
        let what = trouble.word();
        self.told.as_ref().is_none_or(|told| told.what != what || Span::between(told.at, now) >= Self::QUIET)
    }

    /// People were told.
    pub fn tell(&mut self, trouble: &Trouble, now: Timestamp) {
        self.told = Some(Told { what: trouble.word(), at: now });
    }

    /// Writes down that an export is asked for; false if one is open, or was asked for in this run.
    pub fn intend(&mut self, asked: &AskedExport) -> bool {
        let is_free = self.open.is_none() && self.asked_in.as_deref() != Some(asked.run.as_str());
        if is_free {
            self.open = Some(asked.clone());
            self.asked_in = Some(asked.run.clone());
        }
        is_free
    }

    /// The call certainly did nothing: it may be sent anew in this very run.
    pub fn forget(&mut self, token: &str) {
        if self.open.take_if(|open| open.token == token).is_some() {
            self.asked_in = None;
        }
    }

    /// Nothing came of it, and this run asks for no other one.
    pub fn close(&mut self, token: &str) {
        self.open.take_if(|open| open.token == token);
    }

    /// Takes down what DynamoDB shows of the open export.
    pub fn observe(&mut self, token: &str, observed: &ObservedExport) {
        let Some(open) = self.open.take_if(|open| open.token == token) else { return };
        let arn = observed.arn.clone();
        match &observed.progress {
            ExportProgress::UnderWay => self.open = Some(AskedExport { arn: Some(arn), ..open }),
            ExportProgress::Failed { .. } => {}
            ExportProgress::Completed(exported) => {
                let AskedExport { table, table_id, place, .. } = open;
                self.newest = Some(KeptExport { arn, table, table_id, place, exported: exported.clone() });
                self.told = None;
            }
        }
    }
}
