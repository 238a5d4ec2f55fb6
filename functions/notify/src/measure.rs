//! What an incident took and lost, measured, against what the policy promises.

use crate::story::Story;
use lifeboat_domain::acting::{CutOverState, FenceState};
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{Span, Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// One measured quantity against its objective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// What was measured; none where there is nothing to measure or it could not be.
    pub(crate) seconds: Option<u64>,
    /// What the policy promises for the scenario.
    pub(crate) objective_seconds: Option<u64>,
    /// Whether the promise was kept; none where either is not known.
    pub(crate) met: Option<bool>,
    /// From where to where it was measured, or why it was not.
    pub(crate) text: String,
}

impl Measure {
    fn new(measured: Result<(Span, String), String>, objective: Option<Span>) -> Self {
        let (span, text) = match measured {
            Ok((span, text)) => (Some(span), text),
            Err(text) => (None, text),
        };
        let met = span.zip(objective).map(|(span, objective)| span <= objective);
        Self { seconds: span.map(Span::as_secs), objective_seconds: objective.map(Span::as_secs), met, text }
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.seconds.map(Span::seconds)
    }

    /// `4 min 12 s, objective 15 min: met`; `emphasis` goes around the verdict.
    pub(crate) fn verdict(&self, emphasis: &str) -> String {
        let objective = self
            .objective_seconds
            .map_or_else(|| "objective not known".to_owned(), |seconds| format!("objective {}", Span::seconds(seconds)));
        let over = self.seconds.unwrap_or_default().saturating_sub(self.objective_seconds.unwrap_or_default());
        match (self.span(), self.met) {
            (None, _) => format!("not measured, {objective}: {}", self.text),
            (Some(span), None) => format!("{span}, {objective}"),
            (Some(span), Some(true)) => format!("{span}, {objective}: {emphasis}met{emphasis}"),
            (Some(span), Some(false)) => format!("{span}, {objective}: {emphasis}missed{emphasis} by {}", Span::seconds(over)),
        }
    }
}

/// Rows on one side only, summed over the compared tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) only_source: i64,
    pub(crate) only_restored: i64,
    pub(crate) changed: i64,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) rto: Measure,
    pub(crate) rpo: Measure,
    pub(crate) rows: Option<Rows>,
}

/// Measures a story that ended with `outcome`.
pub(crate) fn measure(story: &Story, outcome: Outcome) -> Measured {
    let objective = story.promise.objective;
    Measured {
        rto: Measure::new(rto(story, outcome), objective.map(|objective| objective.rto)),
        rpo: Measure::new(rpo(story, outcome), objective.map(|objective| objective.rpo)),
        rows: story.difference.as_ref().map(|difference| Rows {
            only_source: difference.tables.iter().map(|table| table.only_source.count).sum(),
            only_restored: difference.tables.iter().map(|table| table.only_restored.count).sum(),
            changed: difference.tables.iter().map(|table| table.changed.count).sum(),
        }),
    }
}

/// When clients were served again, by a proof and not by a status.
fn served_again(story: &Story, outcome: Outcome) -> Result<(Timestamp, &'static str), &'static str> {
    match outcome {
        Outcome::Recovered => {
            let verified = story.cut_over.as_ref().filter(|cut_over| cut_over.state == CutOverState::Verified).map(|cut_over| cut_over.at);
            let told = || story.last_of(&[Phase::CutOver]).map(|entry| entry.at);
            verified.or_else(told).map(|at| (at, "the verified cut-over")).ok_or("no cut-over is on record")
        }
        Outcome::FailedOver | Outcome::SelfHealed => {
            story.incident.healthy_at.map(|at| (at, "the first probe that answered")).ok_or("no probe had failed: no outage was seen")
        }
        Outcome::RestoredBeside => Err("clients were not moved, so there is no time to recovery"),
        Outcome::Planned => Err("only a plan was made"),
        Outcome::Refused
        | Outcome::HeldByValidation
        | Outcome::SourceHealed
        | Outcome::NeedsPerson
        | Outcome::Failed
        | Outcome::Interrupted => Err("it did not end in a recovery"),
    }
}

fn rto(story: &Story, outcome: Outcome) -> Result<(Span, String), String> {
    let first = story.incident.first_signal_at;
    let (until, what) = served_again(story, outcome)?;
    Ok((Span::between(first, until), format!("from the first signal at {} to {what} at {}", show_time(first), show_time(until))))
}

/// The last moment at which a client may have written what the serving side does not have.
fn last_write(story: &Story) -> (Timestamp, &'static str) {
    let incident = &story.incident;
    if incident.scenario().is_some_and(Scenario::is_about_data) {
        // The source served on: writes went there until it was closed to clients.
        let closed = |state| matches!(state, FenceState::Closed | FenceState::SessionsEnded | FenceState::Proven);
        if let Some(fence) = story.fence.as_ref().filter(|fence| closed(fence.state)) {
            return (fence.at, "the source was fenced");
        }
        if let Some(moved) = story.moved() {
            return (moved.at, "clients were moved");
        }
    }
    let first = incident.first_signal_at;
    match incident.unreachable_since {
        Some(since) if since < first => (since, "the outage began"),
        _ => (first, "the outage began"),
    }
}

fn rpo(story: &Story, outcome: Outcome) -> Result<(Span, String), String> {
    match outcome {
        Outcome::FailedOver => Ok((Span::seconds(0), "the standby is a synchronous copy: nothing committed is lost".to_owned())),
        Outcome::SelfHealed if story.incident.healthy_at.is_none() => Err("no probe had failed: no outage was seen".to_owned()),
        Outcome::SelfHealed => Ok((Span::seconds(0), "the same database serves again; nothing was restored".to_owned())),
        Outcome::Recovered => {
            let (until, what) = last_write(story);
            let newest = story.validation.as_ref().and_then(|validation| validation.newest_data);
            let planned = story.plan().and_then(|plan| plan.restore_point);
            let (from, held) = match (newest, planned) {
                (Some(newest), _) => (newest, "the newest data in the restored database"),
                (None, Some(point)) => (point, "the restore point (the newest data could not be measured)"),
                (None, None) => return Err("neither the newest data nor the restore point is known".to_owned()),
            };
            Ok((Span::between(from, until), format!("from {held} at {} until {what} at {}", show_time(from), show_time(until))))
        }
        Outcome::RestoredBeside => Err("nobody was moved, so nothing was lost by the recovery".to_owned()),
        Outcome::Planned => Err("only a plan was made".to_owned()),
        Outcome::Refused
        | Outcome::HeldByValidation
        | Outcome::SourceHealed
        | Outcome::NeedsPerson
        | Outcome::Failed
        | Outcome::Interrupted => Err("it did not end in a recovery".to_owned()),
    }
}

/// One phase's share of the time since the first signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseTime {
    pub(crate) phase: Phase,
    /// From the first signal to the phase's first line.
    pub(crate) first_offset_seconds: u64,
    pub(crate) seconds: u64,
}

/// Shares the time out: what passed before a line of the timeline was spent on that line's phase.
///
/// Lines are written when something is known, not when it begins; so the phases add up to the whole.
pub(crate) fn phases(story: &Story) -> Vec<PhaseTime> {
    let first = story.incident.first_signal_at;
    let mut shares: Vec<PhaseTime> = Vec::new();
    let mut before = first;
    for entry in &story.timeline {
        let seconds = Span::between(before, entry.at).as_secs();
        before = before.max(entry.at);
        match shares.iter_mut().find(|share| share.phase == entry.phase) {
            Some(share) => share.seconds += seconds,
            None => shares.push(PhaseTime { phase: entry.phase, first_offset_seconds: Span::between(first, entry.at).as_secs(), seconds }),
        }
    }
    shares
}
