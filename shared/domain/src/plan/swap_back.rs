//! Undoing a cut-over: clients go back to the database that they were moved from, which was kept.

use super::options::{PlanFacts, Weighed, plain};
use super::renames;
use super::{Act, Forecast, PlannedCall, Remedy};
use crate::error::DrError;
use crate::ids::IncidentId;
use crate::incident::{Phase, Source};
use crate::ledger::{self, keys};
use crate::observed::ObservedDatabase;
use crate::ports::Ledger;
use crate::span::Span;
use crate::validation::{Validation, WriteMark};
use crate::words::{ResourceKind, Timestamp, show_time};
use std::time::Duration;

/// The database that clients were moved from, and what is known of the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFrom {
    /// The database.
    pub source: Source,
    /// How it stands; none if it does not exist any more.
    pub observed: Option<ObservedDatabase>,
    /// The security groups that it had before it was fenced; none if it was not fenced by one.
    pub groups_before: Option<Vec<String>>,
    /// The last moment at which a client may have written to it.
    pub last_write: Timestamp,
    /// When clients were seen on the new database.
    pub moved_at: Timestamp,
    /// Rows written to the new database since then; none if it cannot be told.
    pub rows_since: Option<u64>,
}

/// Rows that clients wrote since they were moved, by the server's own counts: of its validation, before the move, and of the last
/// probe of `undo`. None if it cannot be told.
pub async fn rows_since(ledger: &impl Ledger, moved_by: &IncidentId, undo: &IncidentId) -> Result<Option<u64>, DrError> {
    let before = ledger::read::<Validation>(ledger, &keys::validation(moved_by)).await?.and_then(|kept| kept.value.write_mark);
    let now = ledger::read::<Option<WriteMark>>(ledger, &keys::written(undo)).await?.and_then(|kept| kept.value);
    Ok(before.zip(now).and_then(|(before, now)| now.since(&before)))
}

/// Swapping back takes the fence's time and the cut-over's; there is nothing to wait for besides.
const SWAP: Duration = Duration::from_secs(180);

pub(super) fn weigh_swap_back(facts: PlanFacts<'_>) -> Weighed {
    let refuse = |reason: String| plain(Remedy::SwapBack, false, reason);
    let Some(from) = facts.moved_from else {
        return refuse("no recovery of Lifeboat has moved its clients here: there is nothing to undo".to_owned());
    };
    let (old, new) = (&from.source.id, &facts.incident.source.id);
    if from.source.resource_id == facts.incident.source.resource_id && new.kind() == ResourceKind::DynamodbTable {
        return refuse(format!(
            "{new} stayed where it is, and clients were led to it from another Region: a way back is the old Region in the parameter that holds it, which the message about the take-over has as a command"
        ));
    }
    if from.source.resource_id == facts.incident.source.resource_id {
        return refuse(format!(
            "{new} took over from another Region and stayed where it is: a way back is a new replica there, and a plan there to take over from {new}"
        ));
    }
    let Some(observed) = &from.observed else {
        return refuse(format!("{old}, which clients were moved from, does not exist any more"));
    };
    if !observed.status.accepts_calls() {
        return refuse(format!("{old}, which clients were moved from, is {}", observed.status));
    }
    let since = format!("since clients were moved at {}", show_time(from.moved_at));
    let (loss, written) = match from.rows_since {
        Some(0) => (Span::seconds(0), format!("nothing was written to {new} {since}")),
        Some(1) => (
            Span::between(from.moved_at, facts.now),
            format!("clients lose 1 row written to {new} {since}, and what is written until it is fenced"),
        ),
        Some(rows) => (
            Span::between(from.moved_at, facts.now),
            format!("clients lose {rows} rows written to {new} {since}, and what is written until it is fenced"),
        ),
        None => (Span::between(from.moved_at, facts.now), format!("whether anything was written to {new} {since} cannot be told")),
    };
    let held = show_time(from.last_write);
    let mut weighed = plain(Remedy::SwapBack, true, format!("{written}; {old} is kept, with all that it held at {held}"));
    weighed.option.forecast = Forecast {
        rto: Some(Span::seconds(SWAP.as_secs() + renames::cost(facts).map_or(0, Span::as_secs))),
        rto_evidence: format!("a fence, a look and a cut-over; nothing is restored{}", renames::evidence(facts)),
        loss: Some(loss),
        cost: "none: both databases are kept".to_owned(),
        risk: format!("whatever made clients leave {old} may happen again"),
    };
    weighed.restore_point = Some(from.last_write);
    weighed
}

/// The call that lets clients into the old database again, once the new one admits nobody.
pub(super) fn reopening(facts: PlanFacts<'_>) -> Option<PlannedCall> {
    let from = facts.moved_from?;
    let groups = from.groups_before.clone()?;
    let act = Act::SetSecurityGroups { instance: from.source.id.clone(), groups };
    let why = "the old one gets its security groups back, once the new one is proven to admit nobody".to_owned();
    Some(PlannedCall { phase: Phase::Act, act, why })
}
