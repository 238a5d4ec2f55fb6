//! Acting: one call of the plan, written down before it is sent and after it has answered.
//!
//! The record makes a step repeatable: a call that is done is not made again, a call of unknown outcome is observed
//! before it is repeated, and a call without a name is never repeated at all.

pub use crate::cut_over::{CutOver, CutOverState, Names, TargetEntry, TargetMove};

use crate::error::{CallClass, CallError, DrError};
use crate::ids::{DatabaseId, Identity, IncidentId, PlanHash};
use crate::incident::Phase;
use crate::lease::Permit;
use crate::ledger::{self, keys};
use crate::plan::{Act, PlannedCall, Repeat};
use crate::ports::{Ledger, Written};
use crate::words::{Timestamp, closed_enum};
use serde::{Deserialize, Serialize};

/// What the record of a call says that was made, and then undone by compensation: it is made again by a later attempt.
pub const UNDONE: &str = "undone by compensation";

closed_enum! {
    /// How far a call is.
    CallState {
        /// Written down; perhaps sent. Its outcome is not known.
        Sent = "sent",
        /// It took place.
        Done = "done",
        /// It was refused and changed nothing.
        Refused = "refused",
    }
}

/// One call that was made, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The phase.
    pub phase: Phase,
    /// Its place in the plan.
    pub index: usize,
    /// The call, exactly as planned.
    pub act: Act,
    /// How far it is.
    pub state: CallState,
    /// The lease's token under which it was sent.
    pub token: u64,
    /// When it was first written down.
    pub sent_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
    /// What is known, as a sentence.
    pub text: String,
    /// The state before, where that is what a rerun compares with.
    pub before: Option<Before>,
}

/// What a call without a name is compared with afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// `AvailabilityZone` before a failover.
    pub zone: Option<String>,
    /// `SecondaryAvailabilityZone` before a failover.
    pub secondary_zone: Option<String>,
    /// The member that wrote, before a failover of a cluster.
    #[serde(default)]
    pub writer: Option<DatabaseId>,
}

/// What is to be done with a planned call now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextMove {
    /// Send it; its record stands with this version.
    Send(Box<CallRecord>, u64),
    /// It was sent before and its outcome is unknown: look at the world, never send again blindly.
    Observe(Box<CallRecord>, u64),
    /// It is done.
    Done(Box<CallRecord>),
}

/// Where a call is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whose.
    pub resource: &'a Identity,
    /// Which story.
    pub incident: &'a IncidentId,
    /// Which plan.
    pub plan: &'a PlanHash,
}

/// Writes the intent down, or says what became of it earlier.
pub async fn intend(
    ledger: &impl Ledger,
    place: Place<'_>,
    index: usize,
    call: &PlannedCall,
    before: Option<Before>,
    permit: &Permit,
    now: Timestamp,
) -> Result<NextMove, DrError> {
    let key = keys::call(place.incident, place.plan, index);
    let record = CallRecord {
        phase: call.phase,
        index,
        act: call.act.clone(),
        state: CallState::Sent,
        token: permit.token(),
        sent_at: now,
        ended_at: None,
        text: "written down, about to be sent".to_owned(),
        before,
    };
    if ledger::create(ledger, &key, &record).await? == Written::Yes {
        return Ok(NextMove::Send(Box::new(record), 1));
    }
    let kept = ledger::expect::<CallRecord>(ledger, &key).await?;
    let found = kept.value;
    Ok(match (found.state, call.act.repeat()) {
        (CallState::Done, _) => NextMove::Done(Box::new(found)),
        (CallState::Refused, _) => {
            let again = CallRecord { before: found.before.clone().or(record.before), ..record_again(&found, permit, now) };
            match ledger::replace(ledger, &key, kept.version, &again).await? {
                Written::Yes => NextMove::Send(Box::new(again), kept.version + 1),
                Written::No => return Err(DrError::conflict("another invocation is making the same call")),
            }
        }
        (CallState::Sent, Repeat::Nameable | Repeat::Idempotent | Repeat::AtMostOnce) => NextMove::Observe(Box::new(found), kept.version),
    })
}

fn record_again(found: &CallRecord, permit: &Permit, now: Timestamp) -> CallRecord {
    CallRecord {
        state: CallState::Sent,
        token: permit.token(),
        sent_at: now,
        ended_at: None,
        text: format!("sent again, after: {}", found.text),
        ..found.clone()
    }
}

/// Writes down what became of a call.
pub async fn conclude(
    ledger: &impl Ledger,
    place: Place<'_>,
    record: &CallRecord,
    version: u64,
    state: CallState,
    text: impl Into<String>,
    now: Timestamp,
) -> Result<CallRecord, DrError> {
    let key = keys::call(place.incident, place.plan, record.index);
    let ended = CallRecord { state, ended_at: Some(now), text: text.into(), ..record.clone() };
    match ledger::replace(ledger, &key, version, &ended).await? {
        Written::Yes => Ok(ended),
        Written::No => {
            let kept = ledger::expect::<CallRecord>(ledger, &key).await?;
            if kept.value.state == state { Ok(kept.value) } else { Err(DrError::conflict("another invocation concluded the same call")) }
        }
    }
}

/// What an answer means for the record: done, certainly refused, or not known.
pub fn state_after<T>(answer: &Result<T, CallError>) -> CallState {
    match answer {
        Ok(_) => CallState::Done,
        Err(error) if error.class == CallClass::AlreadyExists => CallState::Sent,
        Err(error) if error.certainly_did_nothing() => CallState::Refused,
        Err(_) => CallState::Sent,
    }
}

closed_enum! {
    /// How far the fence is.
    FenceState {
        /// The group is being swapped.
        Closing = "closing",
        /// New connections are kept out; old sessions may live.
        Closed = "closed",
        /// Its sessions were ended.
        SessionsEnded = "sessions_ended",
        /// A new login was seen to fail.
        Proven = "proven",
        /// It was opened again.
        Opened = "opened",
    }
}

impl FenceState {
    /// Whether the source admits nobody and its old sessions are gone: only then may another side be written.
    pub const fn stands(self) -> bool {
        matches!(self, Self::SessionsEnded | Self::Proven)
    }

    /// Whether no new connection gets through; old sessions may still live.
    pub const fn admits_nobody(self) -> bool {
        matches!(self, Self::Closed | Self::SessionsEnded | Self::Proven)
    }
}

/// The fence around a source, with its undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// How far it is.
    pub state: FenceState,
    /// The undo: the groups that it had.
    pub groups_before: Vec<String>,
    /// The group that admits nobody; none where the status is terminal and nothing can or need be changed.
    pub group: Option<String>,
    /// What is known, as a sentence.
    pub text: String,
    /// When the state was reached.
    pub at: Timestamp,
}
