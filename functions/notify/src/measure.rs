//! What an incident took and lost, measured, against what the policy promises.

use crate::standby;
use crate::story::Story;
use crate::text::took;
use lifeboat_domain::acting::{CutOver, CutOverState};
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::plan::Plan;
use lifeboat_domain::words::{ResourceKind, Scenario};
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
    /// The measured quantity in words, where the seconds alone would say too much or too little.
    #[serde(default)]
    pub(crate) shown: Option<String>,
    /// From when it was measured.
    #[serde(default)]
    pub(crate) from: Option<Timestamp>,
    /// Until when.
    #[serde(default)]
    pub(crate) until: Option<Timestamp>,
}

/// A length between two moments of the story; none where it is nothing by its nature.
#[derive(Debug, Clone)]
struct Found {
    span: Span,
    between: Option<(Timestamp, Timestamp)>,
    text: String,
}

impl Found {
    fn between(from: Timestamp, until: Timestamp, text: String) -> Self {
        Self { span: Span::between(from, until), between: Some((from, until)), text }
    }

    fn nothing(text: &str) -> Self {
        Self { span: Span::seconds(0), between: None, text: text.to_owned() }
    }
}

impl Measure {
    fn new(measured: Result<Found, String>, objective: Option<Span>) -> Self {
        let (span, between, text) = match measured {
            Ok(found) => (Some(found.span), found.between, found.text),
            Err(text) => (None, None, text),
        };
        Self {
            seconds: span.map(Span::as_secs),
            objective_seconds: objective.map(Span::as_secs),
            met: span.zip(objective).map(|(span, objective)| span <= objective),
            text,
            shown: None,
            from: between.map(|(from, _)| from),
            until: between.map(|(_, until)| until),
        }
    }

    /// Counted from a request: the trouble is older, so a promise can be seen broken, but not kept.
    fn counted_from_request(self) -> Self {
        let shown = self.span().map(|span| format!("{} from the request", took(span)));
        Self { met: self.met.filter(|met| !met), shown, ..self }
    }

    /// Nothing at all, and not merely less than a second.
    fn or_nothing(self, nothing: &str) -> Self {
        let shown = (self.seconds == Some(0)).then(|| nothing.to_owned());
        Self { shown, ..self }
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.seconds.map(Span::seconds)
    }

    /// What was measured, in words.
    pub(crate) fn in_words(&self) -> Option<String> {
        self.shown.clone().or_else(|| self.span().map(took))
    }

    /// `4 min 12 s, objective 15 min: met`.
    pub(crate) fn verdict(&self) -> String {
        let (measured, verdict) = self.against();
        match verdict {
            Some((word, by)) => format!("{measured}: {word}{by}"),
            None => measured,
        }
    }

    /// What was measured and promised; and, where both are known, the verdict as a word and by how much.
    pub(crate) fn against(&self) -> (String, Option<(&'static str, String)>) {
        let objective = self
            .objective_seconds
            .map_or_else(|| "objective not known".to_owned(), |seconds| format!("objective {}", Span::seconds(seconds)));
        let over = self.seconds.unwrap_or_default().saturating_sub(self.objective_seconds.unwrap_or_default());
        let Some(measured) = self.in_words() else { return (format!("not measured, {objective}: {}", self.text), None) };
        let verdict =
            self.met.map(|met| if met { ("met", String::new()) } else { ("missed", format!(" by {}", took(Span::seconds(over)))) });
        (format!("{measured}, {objective}"), verdict)
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
    let rto = Measure::new(rto(story, outcome), objective.map(|objective| objective.rto));
    let rpo = Measure::new(rpo(story, outcome), objective.map(|objective| objective.rpo));
    Measured {
        rto: if story.began_with_request() { rto.counted_from_request() } else { rto },
        rpo: if matches!(outcome, Outcome::Recovered | Outcome::SwappedBack | Outcome::TookOver) {
            rpo
        } else {
            rpo.or_nothing("nothing lost")
        },
        rows: story.difference.as_ref().map(|difference| Rows {
            only_source: difference.tables.iter().map(|table| table.only_source.count).sum(),
            only_restored: difference.tables.iter().map(|table| table.only_restored.count).sum(),
            changed: difference.tables.iter().map(|table| table.changed.count).sum(),
        }),
    }
}

const NO_OUTAGE: &str = "no outage was seen";

/// When clients were served again, by a proof and not by a status.
fn served_again(story: &Story, outcome: Outcome) -> Result<(Timestamp, &'static str), &'static str> {
    match outcome {
        Outcome::Recovered | Outcome::SwappedBack | Outcome::TookOver => {
            let verified = story.cut_over.as_ref().filter(|cut_over| cut_over.state() == CutOverState::Verified).map(CutOver::at);
            let told = || story.last_of(&[Phase::CutOver]).map(|entry| entry.at);
            verified.or_else(told).map(|at| (at, "the verified cut-over")).ok_or("no cut-over is on record")
        }
        Outcome::SelfHealed if !story.saw_outage() => Err(NO_OUTAGE),
        Outcome::FailedOver | Outcome::StorageGrown | Outcome::SelfHealed => {
            story.incident.healthy_at.map(|at| (at, "the first probe that answered")).ok_or(NO_OUTAGE)
        }
        Outcome::RestoredBeside | Outcome::Cloned => Err("clients were not moved, so there is no time to recovery"),
        Outcome::Planned => Err("only a plan was made"),
        Outcome::Refused
        | Outcome::HeldByValidation
        | Outcome::SourceHealed
        | Outcome::NeedsPerson
        | Outcome::Failed
        | Outcome::Interrupted => Err("it did not end in a recovery"),
    }
}

fn rto(story: &Story, outcome: Outcome) -> Result<Found, String> {
    let first = story.incident.first_signal_at;
    let (until, what) = served_again(story, outcome)?;
    let since = if story.began_with_request() { "the request" } else { "the first signal" };
    let text = format!("from {since} at {} to {what} at {}", show_time(first), show_time(until));
    Ok(Found::between(first, until, text))
}

/// The last moment at which a client may have written what the serving side does not have.
fn last_write(story: &Story) -> (Timestamp, &'static str) {
    let incident = &story.incident;
    if incident.scenario().is_some_and(Scenario::is_about_data) {
        // The source served on: writes went there until it was closed to clients.
        if let Some(fence) = story.fence.as_ref().filter(|fence| fence.state.admits_nobody()) {
            return (fence.at, "the source was fenced");
        }
        if let Some(moved) = story.moved() {
            return (moved.at(), "clients were moved");
        }
    }
    let began = incident.unreachable_since.map_or(incident.first_signal_at, |since| since.min(incident.first_signal_at));
    match &incident.answered {
        Some(answered) if answered.at > began => (answered.at, "it last answered a probe"),
        _ => (began, "the outage began"),
    }
}

/// What clients lose by going back: what they wrote to the database that they leave.
fn lost_by_swap(story: &Story) -> Result<Found, String> {
    match story.plan().and_then(|plan| plan.forecast()).and_then(|forecast| forecast.loss) {
        Some(loss) if loss == Span::seconds(0) => Ok(Found::nothing("nothing had been written to the database that clients left")),
        _ => {
            let until = story.fence.as_ref().map(|fence| fence.at).ok_or("when the fence stood is not on record")?;
            let from = story.plan().and_then(|plan| plan.restore_point).ok_or("what the old database holds is not on record")?;
            let back = story.incident.restored.as_ref().map_or("the kept database", |kept| kept.id.as_str());
            let left = &story.incident.source.id;
            let text =
                format!("from the last write that {back} holds, at {}, until {left} was fenced at {}", show_time(from), show_time(until));
            Ok(Found::between(from, until, text))
        }
    }
}

/// What the other Region had not replicated: nobody here can ask it.
fn not_replicated(story: &Story) -> String {
    let newest = story.validation.as_ref().and_then(|validation| validation.newest_data);
    let held = newest.map_or_else(String::new, |newest| format!("; the newest row here was written at {}", show_time(newest)));
    let arrives = match story.incident.kind {
        ResourceKind::DynamodbTable => ", and arrives when that Region is back",
        _ => "",
    };
    format!("what the other Region had not replicated cannot be told from here{arrives}{held}")
}

fn rpo(story: &Story, outcome: Outcome) -> Result<Found, String> {
    match outcome {
        Outcome::SwappedBack => lost_by_swap(story),
        Outcome::TookOver if story.plan().and_then(Plan::forecast).and_then(|forecast| forecast.loss) == Some(Span::seconds(0)) => {
            Ok(Found::nothing("what one Region acknowledged is in all of them: the consistency of the global table is STRONG"))
        }
        Outcome::TookOver => Err(not_replicated(story)),
        Outcome::StorageGrown => Ok(Found::nothing("the same database serves again, with all that it held")),
        Outcome::FailedOver => standby::kept_all(&story.incident.source).map(Found::nothing).map_err(str::to_owned),
        Outcome::SelfHealed if !story.saw_outage() || story.incident.healthy_at.is_none() => Err(NO_OUTAGE.to_owned()),
        Outcome::SelfHealed => Ok(Found::nothing("the same database serves again; nothing was restored")),
        Outcome::Recovered => {
            let (until, what) = last_write(story);
            let newest = story.validation.as_ref().and_then(|validation| validation.newest_data);
            let planned = story.plan().and_then(|plan| plan.restore_point);
            let (from, held) = match (newest, planned) {
                (Some(newest), _) => (newest, "the newest data in the restored database"),
                (None, Some(point)) => (point, "the restore point (the newest data could not be measured)"),
                (None, None) => return Err("neither the newest data nor the restore point is known".to_owned()),
            };
            let text = format!("from {held} at {} until {what} at {}", show_time(from), show_time(until));
            Ok(Found::between(from, until, text))
        }
        Outcome::RestoredBeside | Outcome::Cloned => Err("nobody was moved, so nothing was lost by the recovery".to_owned()),
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
    /// The same as `seconds`, for shares that add up.
    #[serde(default)]
    pub(crate) milliseconds: u64,
}

/// Shares the time out: what passed before a line of the timeline was spent on that line's phase.
///
/// Lines are written when something is known, not when it begins; so the phases add up to the whole.
pub(crate) fn phases(story: &Story) -> Vec<PhaseTime> {
    let first = story.incident.first_signal_at;
    let mut shares: Vec<PhaseTime> = Vec::new();
    let mut before = first;
    for entry in &story.timeline {
        let spent = millis_between(before, entry.at);
        before = before.max(entry.at);
        match shares.iter_mut().find(|share| share.phase == entry.phase) {
            Some(share) => share.milliseconds += spent,
            None => shares.push(PhaseTime {
                phase: entry.phase,
                first_offset_seconds: Span::between(first, entry.at).as_secs(),
                seconds: 0,
                milliseconds: spent,
            }),
        }
    }
    shares.into_iter().map(|share| PhaseTime { seconds: (share.milliseconds + 500) / 1000, ..share }).collect()
}

/// Zero if `later` is the earlier one.
pub(crate) fn millis_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from((later - earlier).num_milliseconds()).unwrap_or(0)
}
