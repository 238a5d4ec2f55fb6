//! The plan against what was done: each planned call once, nothing else.

use crate::story::Story;
use lifeboat_domain::acting::{CallRecord, CallState};
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::plan::Plan;
use lifeboat_domain::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// What became of a planned call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallFate {
    /// It took place.
    Done,
    /// It was sent; whether it took place is not known.
    Unknown,
    /// It was refused and changed nothing.
    Refused,
    /// Its phase began, but it was not made.
    NotMade,
    /// Its phase was not reached.
    NotReached,
}

impl CallFate {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unknown => "sent, outcome not known",
            Self::Refused => "refused",
            Self::NotMade => "not made",
            Self::NotReached => "not reached",
        }
    }
}

impl From<CallState> for CallFate {
    fn from(state: CallState) -> Self {
        match state {
            CallState::Done => Self::Done,
            CallState::Sent => Self::Unknown,
            CallState::Refused => Self::Refused,
        }
    }
}

/// One call, planned or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallLine {
    /// Its place in its plan, from 1.
    pub(crate) number: usize,
    pub(crate) phase: Phase,
    pub(crate) action: String,
    /// The action and what it is done to.
    pub(crate) call: String,
    /// Why it was planned; none for a call that was not.
    pub(crate) why: Option<String>,
    pub(crate) fate: CallFate,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) seconds: Option<u64>,
    /// What became of it, as a sentence.
    pub(crate) text: Option<String>,
}

impl CallLine {
    fn of(record: &CallRecord, why: Option<String>) -> Self {
        Self {
            number: record.index + 1,
            phase: record.phase,
            action: record.act.action().to_owned(),
            call: record.act.describe(),
            why,
            fate: record.state.into(),
            sent_at: Some(record.sent_at),
            ended_at: record.ended_at,
            seconds: record.ended_at.map(|ended| Span::between(record.sent_at, ended).as_secs()),
            text: Some(record.text.clone()),
        }
    }
}

/// The comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Every planned call of the executed phases took place exactly once, and no other call did.
    pub(crate) equal: bool,
    /// The calls of the plan in force, in its order.
    pub(crate) planned: Vec<CallLine>,
    /// Calls that no plan holds.
    pub(crate) extra: Vec<CallLine>,
    /// Calls of plans that were superseded within the incident.
    pub(crate) earlier: Vec<CallLine>,
}

/// Compares what was planned with what is on record.
pub(crate) fn compare(story: &Story, outcome: Outcome) -> Comparison {
    let mut result = Comparison::default();
    let in_force = story.plan();
    let matches = |plan: Option<&Plan>, record: &CallRecord| {
        plan.and_then(|plan| plan.calls.get(record.index)).is_some_and(|call| call.act == record.act)
    };
    for (hash, record) in &story.calls {
        let plan = story.plans.iter().find(|plan| plan.hash == *hash);
        if !matches(plan, record) {
            result.extra.push(CallLine::of(record, None));
        } else if in_force.is_none_or(|plan| plan.hash != *hash) {
            let why = plan.and_then(|plan| plan.calls.get(record.index)).map(|call| call.why.clone());
            result.earlier.push(CallLine::of(record, why));
        }
    }
    if let Some(plan) = in_force {
        let made: Vec<&CallRecord> = story
            .calls
            .iter()
            .filter(|(hash, record)| *hash == plan.hash && matches(Some(plan), record))
            .map(|(_, record)| record)
            .collect();
        let complete =
            matches!(outcome, Outcome::Recovered | Outcome::FailedOver | Outcome::StorageGrown | Outcome::SwappedBack | Outcome::TookOver);
        let began = |phase: Phase| complete || made.iter().any(|record| record.phase == phase);
        result.planned = plan
            .calls
            .iter()
            .enumerate()
            .map(|(index, call)| match made.iter().find(|record| record.index == index) {
                Some(record) => CallLine::of(record, Some(call.why.clone())),
                None => CallLine {
                    number: index + 1,
                    phase: call.phase,
                    action: call.act.action().to_owned(),
                    call: call.act.describe(),
                    why: Some(call.why.clone()),
                    fate: if began(call.phase) { CallFate::NotMade } else { CallFate::NotReached },
                    sent_at: None,
                    ended_at: None,
                    seconds: None,
                    text: None,
                },
            })
            .collect();
    }
    let kept = |line: &CallLine| matches!(line.fate, CallFate::Done | CallFate::NotReached);
    result.equal = result.planned.iter().all(kept) && result.extra.iter().all(|line| line.fate == CallFate::Refused);
    result
}
