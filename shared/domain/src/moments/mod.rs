//! When did it go wrong? Evidence of every plane becomes candidates for `restore_to`, the surest first.
//!
//! A finding says between which two moments something happened to the data. What it proposes is the earlier one: the last moment
//! that was still good by this evidence. What only shows that something was going on there is called possible, and never hidden
//! among what is proven.

pub mod prints;
pub mod traces;
pub mod trail;
pub mod with_trail;

use crate::bisection::{Answered, Wish};
use crate::ids::{Identity, short_digest};
use crate::ports::{Key, Target};
use crate::recovery_input::RecoveryInput;
use crate::register::News;
use crate::span::Span;
use crate::words::{Run, Scenario, Timestamp, closed_enum, show_time};
use chrono::{SubsecRound, TimeDelta};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The longest window that is searched, and how far back: automated backups of RDS reach no further.
pub const LONGEST: Span = Span::hours(35 * 24);
/// What is searched if nobody says when it happened.
pub const USUAL: Span = Span::hours(24);

/// Candidates that are told.
const MOST_CANDIDATES: usize = 5;
/// Remarks that are told.
const MOST_NOTES: usize = 14;
/// The longest sentence, in characters: five candidates with their inputs stay far below the 32 KiB that may travel.
const LONGEST_TEXT: usize = 500;

closed_enum! {
    /// How sure a finding is. The order is the order in which candidates are told.
    Sureness {
        /// What the data held was measured before and after: it was damaged in between.
        Proven = "proven",
        /// The data itself dates it, but what is seen there may have been meant.
        Likely = "likely",
        /// Something happened then; whether it harmed the data is not known.
        Possible = "possible",
    }
}

closed_enum! {
    /// Where a finding comes from.
    Origin {
        /// The watched checks of the policy.
        Checks = "checks",
        /// The fingerprints that are kept with the recovery points.
        Fingerprints = "fingerprints",
        /// The engine's own record of when a row was committed.
        CommitTimes = "commit_times",
        /// Keys that are missing, with the rows beside them.
        Rows = "rows",
        /// An incident of this database.
        Incidents = "incidents",
        /// Work that was announced.
        PlannedWork = "planned_work",
        /// What people did, by CloudTrail.
        CloudTrail = "cloudtrail",
        /// What RDS announced.
        RdsEvents = "rds_events",
    }
}

/// One piece of evidence: something happened to the data after `good_at`, and had happened by `bad_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where it comes from.
    pub origin: Origin,
    /// How sure it is.
    pub sureness: Sureness,
    /// The last moment that was still good, by this evidence.
    pub good_at: Timestamp,
    /// The moment by which it had happened.
    pub bad_at: Timestamp,
    /// What was seen, as a sentence without its full stop.
    pub text: String,
}

impl Finding {
    /// It happened between two moments.
    pub fn between(origin: Origin, sureness: Sureness, (good_at, bad_at): (Timestamp, Timestamp), text: impl Into<String>) -> Self {
        Self { origin, sureness, good_at, bad_at, text: text.into() }
    }

    /// It happened at a moment that is known: the second before was good.
    pub fn at(origin: Origin, sureness: Sureness, at: Timestamp, text: impl Into<String>) -> Self {
        Self::between(origin, sureness, (at - TimeDelta::seconds(1), at), text)
    }

    /// Whether it may have happened within the window.
    fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        self.good_at < to && from <= self.bad_at
    }

    /// What would be restored: whole seconds, and never later than what was good.
    fn restore_to(&self) -> Timestamp {
        self.good_at.trunc_subsecs(0)
    }

    fn width(&self) -> TimeDelta {
        self.bad_at - self.good_at
    }
}

/// A search as `detect` began it: what to look for, and what the ledger and the control plane know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Search {
    /// The database.
    pub resource: Identity,
    /// The policy's name.
    pub policy: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// It happened at this moment at the earliest.
    pub from: Timestamp,
    /// It happened by this moment.
    pub to: Timestamp,
    /// The tables to look at, of those that the policy names.
    pub tables: Vec<String>,
    /// The check to run, by name.
    pub check: Option<String>,
    /// When every watched check last passed.
    pub checks_passed_at: Option<Timestamp>,
    /// The database to look into; none if it is gone.
    pub target: Option<Target>,
    /// Where the fingerprints lie in the bucket that are of the past of today's data, oldest first.
    pub fingerprints: Vec<String>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What else is to be said, as sentences without their full stops.
    pub notes: Vec<String>,
    /// What restored copies shall be asked, if a person wants that planned.
    #[serde(default)]
    pub bisect: Option<Wish>,
}

/// What `validate` found in the database itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What else is to be said: above all what cannot be told.
    pub notes: Vec<String>,
    /// What the predicate of a bisection says of production.
    #[serde(default)]
    pub predicate: Option<Answered>,
}

/// A moment to go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// How sure it is.
    pub sureness: Sureness,
    /// Where it comes from.
    pub origin: Origin,
    /// Why, as a sentence.
    pub text: String,
    /// The input that plans it.
    pub input: RecoveryInput,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conclusion {
    /// What was found, in one sentence.
    pub reason: String,
    /// Moments to go back to, the surest first.
    pub candidates: Vec<Candidate>,
    /// What else is to be known, above all what cannot be told.
    pub notes: Vec<String>,
    /// How copies could be asked, where that was wanted: the plan, or why there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bisect: Vec<String>,
    /// The input that begins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begin: Option<serde_json::Value>,
}

/// The id of the search that an execution makes: a repeated step meets the same search.
pub fn search_id(execution: &str) -> String {
    short_digest(&[execution])
}

/// Where a search is kept.
pub fn search_key(id: &str) -> Key {
    Key { partition: format!("search#{id}"), sort: "search".to_owned() }
}

/// Where is kept what was found in the data.
pub fn looked_key(id: &str) -> Key {
    Key { partition: format!("search#{id}"), sort: "looked".to_owned() }
}

/// Ranks what was found.
pub fn conclude(search: &Search, looked: Option<&Looked>) -> Conclusion {
    let found = search.findings.iter().chain(looked.into_iter().flat_map(|looked| &looked.findings));
    let mut found: Vec<&Finding> = found.filter(|finding| finding.touches(search.from, search.to)).collect();
    let proven = found.iter().filter(|finding| finding.sureness == Sureness::Proven).min_by_key(|finding| finding.width()).copied();
    // What lies within the narrowest proven time is about the same story; of the rest nobody knows.
    let elsewhere = |finding: &Finding| proven.is_some_and(|proven| !finding.touches(proven.good_at, proven.bad_at));
    found.sort_by_key(|finding| (finding.sureness, elsewhere(finding), finding.width(), Reverse(finding.good_at)));
    let mut candidates: Vec<Candidate> = Vec::new();
    for finding in found {
        let restore_to = Some(finding.restore_to());
        let is_full = candidates.len() >= MOST_CANDIDATES;
        match candidates.iter_mut().find(|candidate| candidate.input.restore_to == restore_to) {
            Some(known) if known.text.contains(&finding.text) => {}
            Some(known) => known.text = shortened(&format!("{}; {}", known.text, finding.text)),
            None if is_full => {}
            None => candidates.push(candidate(search, finding)),
        }
    }
    let unseen = "The data itself was not looked at: the step that opens the database did not end; its log says why".to_owned();
    let seen = looked.map_or_else(|| vec![unseen], |looked| looked.notes.clone());
    let notes = search.notes.iter().chain(&seen).take(MOST_NOTES).map(|note| shortened(note)).collect();
    Conclusion { reason: summary(search, &candidates), candidates, notes, bisect: Vec::new(), begin: None }
}

fn candidate(search: &Search, finding: &Finding) -> Candidate {
    let input = RecoveryInput {
        resource: search.resource.clone(),
        scenario: Some(Scenario::HumanError),
        restore_to: Some(finding.restore_to()),
        cut_over: None,
        option: None,
        run: Run::Plan,
        plan: None,
    };
    Candidate { sureness: finding.sureness, origin: finding.origin, text: shortened(&finding.text), input }
}

fn summary(search: &Search, candidates: &[Candidate]) -> String {
    let Search { resource, from, to, .. } = search;
    let window = format!("between {} and {}", show_time(*from), show_time(*to));
    let Some((best, at)) = candidates.first().and_then(|best| Some((best, best.input.restore_to?))) else {
        return format!(
            "{resource}: nothing shows when it went wrong {window}. Name the moment yourself, or restore a copy beside production and compare"
        );
    };
    // The surest may be hours too early: whoever can check a later one keeps more of the data.
    let later = candidates.iter().find(|candidate| candidate.input.restore_to > Some(at));
    let later = later
        .and_then(|later| Some((later, later.input.restore_to?)))
        .map_or_else(String::new, |(later, at)| format!("; later, but only {}, by {}, is {}", later.sureness, later.origin, show_time(at)));
    let others = if candidates.len() > 1 { format!("; {} moments are told", candidates.len()) } else { String::new() };
    format!(
        "{resource}: the surest moment to go back to, {window}, is {} ({}, by {}){later}{others}",
        show_time(at),
        best.sureness,
        best.origin
    )
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT { text.to_owned() } else { text.chars().take(LONGEST_TEXT).chain("...".chars()).collect() }
}

impl Conclusion {
    /// What people are told.
    pub fn news(&self, search: &Search) -> News {
        let moment = |(number, candidate): (usize, &Candidate)| {
            let Candidate { sureness, origin, text, input } = candidate;
            format!("{}. {sureness}, by {origin}: {text}. To see the plan, start `recovery` with: {}", number + 1, input.paste())
        };
        let parts = std::iter::once(format!("{}.", self.reason))
            .chain(self.candidates.iter().enumerate().map(moment))
            .chain(self.notes.iter().map(|note| format!("{note}.")))
            .chain(self.bisect.iter().map(|line| if line.ends_with('}') { line.clone() } else { format!("{line}.") }))
            .chain(std::iter::once("Nothing was changed.".to_owned()));
        let title = match self.candidates.len() {
            0 => format!("{}: nothing shows when it went wrong", search.resource),
            1 => format!("{}: 1 moment to go back to", search.resource),
            several => format!("{}: {several} moments to go back to", search.resource),
        };
        News {
            at: search.asked_at,
            resource: Some(search.resource.clone()),
            incident: None,
            title,
            text: parts.collect::<Vec<_>>().join("\n"),
            told_at: None,
        }
    }
}

#[cfg(test)]
mod tests;
