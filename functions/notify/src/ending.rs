//! One ending of one execution: the story, the outcome, and what both add up to.

use crate::calls::{Comparison, compare};
use crate::measure::{Measured, measure};
use crate::story::Story;
use crate::text;
use lifeboat_domain::Timestamp;
use lifeboat_domain::acting::CallState;
use lifeboat_domain::cause::plain;
use lifeboat_domain::error::ErrorName;
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::plan::{Decision, Remedy};
use lifeboat_domain::verdict::Verdict;
use lifeboat_domain::words::Scenario;
use serde::{Deserialize, Serialize};

/// A failure, as the state machine caught it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// Its name: `Dr.*`, `States.*`, `Lambda.*`.
    pub(crate) error: String,
    /// The runtime's JSON, or free text; a time-out has none.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// The state that failed.
    #[serde(default)]
    pub(crate) state: Option<String>,
}

/// How `restore` joins a gate's reason and what would lift it.
const LIFT: &str = ". What would lift this: ";

/// How `recovery` joins the cause of a failure and that of its undoing.
const UNDOING_FAILED: &str = " -- AND UNDOING FAILED TOO, look at the fence and at what clients read: ";

impl Failure {
    /// What it says, for a person.
    pub(crate) fn message(&self) -> String {
        let cause = self.cause.as_deref().unwrap_or_default();
        let said = match cause.split_once(UNDOING_FAILED) {
            Some((first, second)) => format!("{}{UNDOING_FAILED}{}", plain(first), plain(second)),
            None => plain(cause),
        };
        let said = text::foreign(&said);
        if !said.is_empty() {
            return said;
        }
        match self.error.as_str() {
            "States.Timeout" | "States.HeartbeatTimeout" => "it did not answer in time".to_owned(),
            "States.Permissions" => "the state machine's role may not do it".to_owned(),
            "States.QueryEvaluationError" => "an expression of the state machine could not be evaluated: a bug".to_owned(),
            _ => "no cause was given".to_owned(),
        }
    }

    /// Its name, if it is one of ours.
    pub(crate) fn name(&self) -> Option<ErrorName> {
        ErrorName::parse(&self.error)
    }

    /// `Dr.Refused at CutOver`.
    pub(crate) fn place(&self) -> String {
        match &self.state {
            Some(state) => format!("{} at {state}", self.error),
            None => self.error.clone(),
        }
    }
}

/// One ending, with everything that messages and the report say.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) story: &'a Story,
    pub(crate) outcome: Outcome,
    pub(crate) at: Timestamp,
    pub(crate) execution: &'a str,
    pub(crate) failure: Option<&'a Failure>,
    /// Why it ended so, as a sentence.
    pub(crate) reason: String,
    /// What would lift a refusal, where its gate said so.
    pub(crate) lift: Option<String>,
    pub(crate) measured: Measured,
    pub(crate) calls: Comparison,
    /// Where a person finds the report.
    pub(crate) report: String,
}

impl<'a> Ending<'a> {
    pub(crate) fn new(
        story: &'a Story,
        outcome: Outcome,
        at: Timestamp,
        execution: &'a str,
        failure: Option<&'a Failure>,
        reason: Option<&str>,
        report: String,
    ) -> Self {
        let reason = why(story, outcome, failure, reason);
        let (reason, lift) = match reason.split_once(LIFT) {
            Some((reason, lift)) => (reason.to_owned(), Some(lift.to_owned())),
            None => (reason, None),
        };
        Self {
            story,
            outcome,
            at,
            execution,
            failure,
            reason,
            lift,
            measured: measure(story, outcome),
            calls: compare(story, outcome),
            report,
        }
    }

    /// Whether clients are without their database, as far as is known.
    pub(crate) fn is_down(&self) -> bool {
        let served = match self.outcome {
            Outcome::Recovered
            | Outcome::FailedOver
            | Outcome::StorageGrown
            | Outcome::SwappedBack
            | Outcome::TookOver
            | Outcome::SelfHealed
            | Outcome::SourceHealed => true,
            Outcome::RestoredBeside
            | Outcome::Cloned
            | Outcome::Planned
            | Outcome::Refused
            | Outcome::HeldByValidation
            | Outcome::NeedsPerson
            | Outcome::Failed
            | Outcome::Interrupted => false,
        };
        let incident = &self.story.incident;
        let seen_down = incident.unreachable_since.is_some() && incident.healthy_at.is_none();
        !served
            && self.story.moved().is_none()
            && (seen_down || (!incident.request.by_person && !incident.scenario().is_some_and(Scenario::is_about_data)))
    }
}

/// What the state machine called the ending, made as exact as the records allow.
pub(crate) fn exact_outcome(story: &Story, outcome: Outcome, failure: Option<&Failure>) -> Outcome {
    match (outcome, failure.and_then(Failure::name)) {
        (Outcome::Failed, Some(ErrorName::Refused)) => Outcome::Refused,
        // Wrong input that changed nothing is a refusal too; later it would be a bug.
        (Outcome::Failed, Some(ErrorName::InvalidInput)) if !story.anything_sent() => Outcome::Refused,
        (Outcome::SelfHealed, _) if story.failed_over() => Outcome::FailedOver,
        (Outcome::SelfHealed, _) if story.grown_to().is_some() => Outcome::StorageGrown,
        (Outcome::Recovered, _) if story.plan().is_some_and(|plan| plan.remedy == Some(Remedy::SwapBack)) => Outcome::SwappedBack,
        (Outcome::Recovered, _) if story.takes_over() => Outcome::TookOver,
        (Outcome::RestoredBeside, _) if story.is_clone() => Outcome::Cloned,
        _ => outcome,
    }
}

/// Why it ended so: the failure's words, the state machine's, or the last that the timeline says on the matter.
fn why(story: &Story, outcome: Outcome, failure: Option<&Failure>, reason: Option<&str>) -> String {
    if let Some(failure) = failure {
        return failure.message();
    }
    if let Some(reason) = reason.map(text::foreign).filter(|reason| !reason.is_empty()) {
        return reason;
    }
    let told = |phases: &[Phase]| story.last_of(phases).map(|entry| without_word(&entry.text));
    let planned = || story.plan().map(|plan| text::one_line(&plan.reason));
    let found = match outcome {
        Outcome::Recovered
        | Outcome::RestoredBeside
        | Outcome::Cloned
        | Outcome::FailedOver
        | Outcome::StorageGrown
        | Outcome::SwappedBack
        | Outcome::TookOver
        | Outcome::Planned => planned(),
        Outcome::Refused => told(&[Phase::Plan]).or_else(planned),
        Outcome::SelfHealed => told(&[Phase::Judge]),
        Outcome::SourceHealed => told(&[Phase::Fence]).or_else(|| told(&[Phase::Judge])),
        Outcome::NeedsPerson => not_known(story).or_else(|| told(&[Phase::Judge])),
        Outcome::HeldByValidation => held(story),
        Outcome::Failed | Outcome::Interrupted => story.timeline.last().map(|entry| text::one_line(&entry.text)),
    };
    found.unwrap_or_else(|| "no reason is on record".to_owned())
}

/// The timeline's line without the verdict that it starts with, and a refused plan's without the plan.
fn without_word(line: &str) -> String {
    let line = text::one_line(line);
    if let Some((_, reason)) = line.rsplit_once(&format!("; {}: ", Decision::Ask)) {
        return reason.to_owned();
    }
    match line.split_once(": ") {
        Some((word, reason)) if Verdict::parse(word).is_some() => reason.to_owned(),
        _ => line,
    }
}

/// A call of unknown outcome is why nothing more is done.
fn not_known(story: &Story) -> Option<String> {
    let (_, record) = story.calls.iter().find(|(_, record)| record.state == CallState::Sent)?;
    Some(format!("whether {} took place is not known, and it is not sent twice", record.act.describe()))
}

fn held(story: &Story) -> Option<String> {
    let validation = story.validation.as_ref()?;
    let worst = validation.checks.iter().max_by_key(|check| check.grade)?;
    Some(format!("{} is {}: {}", worst.name, worst.grade, text::one_line(&worst.text)))
}
