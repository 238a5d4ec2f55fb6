//! What is to be done next about a table's exports.

use super::{AskedExport, ExportRecord, ExportRule};
use crate::ids::{Arn, Identity, digest};
use crate::span::Span;
use crate::words::Timestamp;

/// What a run knows of a table.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What its policy asks for.
    pub rule: Option<&'a ExportRule>,
    /// The resource.
    pub resource: &'a Identity,
    /// The table.
    pub table: &'a Arn,
    /// Its `TableId`.
    pub table_id: &'a str,
    /// Whether its point-in-time recovery is on, without which nothing is exported.
    pub is_recoverable: bool,
    /// The run.
    pub run: &'a str,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: none is wanted, or the newest is young enough.
    Nothing,
    /// Look how far the open one is, by its `ExportArn`.
    Look(AskedExport, Arn),
    /// Whether the open one was begun is not known, and its token still holds: the same call again.
    SendAgain(AskedExport),
    /// Whether the open one was begun is not known, and its token holds no more: look for it.
    Search(AskedExport),
    /// Ask for a new one.
    Ask(AskedExport),
    /// One is due, and the table's point-in-time recovery is off.
    RecoveryOff,
}

impl AskedExport {
    /// A token makes the call idempotent for eight hours after the first one was completed; an hour less, as our clock is another.
    const TOKEN_HOLDS: Span = Span::hours(7);

    /// Whether the same call is the same export.
    pub fn may_be_sent_again(&self, now: Timestamp) -> bool {
        Span::between(self.asked_at, now) < Self::TOKEN_HOLDS
    }
}

impl ExportRecord {
    /// What is to be done now. The end of an open one is wanted whatever the policy says today.
    pub fn next(&self, wish: &Wish<'_>, now: Timestamp) -> Next {
        if let Some(open) = &self.open {
            return match &open.arn {
                Some(arn) => Next::Look(open.clone(), arn.clone()),
                None if open.may_be_sent_again(now) => Next::SendAgain(open.clone()),
                None => Next::Search(open.clone()),
            };
        }
        let Some(rule) = wish.rule else { return Next::Nothing };
        if self.asked_in.as_deref() == Some(wish.run) || !self.is_due(rule, wish.table_id, now) {
            return Next::Nothing;
        }
        if !wish.is_recoverable {
            return Next::RecoveryOff;
        }
        Next::Ask(AskedExport {
            token: digest(&["export", wish.run, wish.table.as_str(), wish.table_id]),
            run: wish.run.to_owned(),
            table: wish.table.clone(),
            table_id: wish.table_id.to_owned(),
            place: rule.place(wish.resource),
            asked_at: now,
            arn: None,
        })
    }

    /// Whether the newest export of this very table is too old. One of the table before a cut-over is a copy of other data.
    fn is_due(&self, rule: &ExportRule, table_id: &str, now: Timestamp) -> bool {
        let newest = self.newest.as_ref().filter(|newest| newest.table_id == table_id);
        newest.is_none_or(|newest| now + ExportRule::SLACK.as_delta() >= newest.exported.at + rule.every.as_delta())
    }

    /// Whether the open one lasts so long that people should look at it.
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.open.as_ref().is_some_and(|open| Span::between(open.asked_at, now) >= Self::LASTS)
    }

    /// Exports of many terabytes take hours; none takes days.
    const LASTS: Span = Span::hours(2 * 24);
}
