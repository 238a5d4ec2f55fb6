//! `compare_items` and `write_items`: one turn of a salvage each. Whatever a turn did is in the ledger before it answers; a turn that was
//! cut off is done again, and finds what it wrote already.

mod compare;
#[cfg(test)]
mod tests;
mod turn;
mod write;

pub(crate) use compare::compare_items;
pub(crate) use write::write_items;

use crate::Deps;
use lifeboat_domain::incident::{Incident, IncidentState};
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::register;
use lifeboat_domain::salvage::Salvage;
use lifeboat_domain::words::{Progress, Timestamp};
use lifeboat_domain::{CallClass, CallError, DrError};
use serde::Serialize;

/// What the state machine is told.
#[derive(Debug, Serialize)]
pub(crate) struct TurnAnswer {
    progress: Progress,
    wait_seconds: u64,
}

impl TurnAnswer {
    fn of(salvage: &Salvage, (pages, writes): (u64, u64), now: Timestamp) -> Self {
        let progress = match &salvage.ended {
            None => Progress::InProgress,
            Some(_) if salvage.why_too_long(now).is_some() => Progress::Expired,
            Some(_) => Progress::Done,
        };
        Self { progress, wait_seconds: Salvage::wait_after(pages, writes).as_secs() }
    }
}

/// Why a turn goes no further.
#[derive(Debug)]
enum Halt {
    /// It has done enough, or the tables are too busy: the next turn goes on. With what was in the way, if anything was.
    Pause(Option<String>),
    /// The salvage is over before its end.
    Over(String),
    /// A segment is larger than what one turn compares.
    TooLarge,
    /// The step fails.
    Failed(DrError),
}

impl From<DrError> for Halt {
    fn from(error: DrError) -> Self {
        Self::Failed(error)
    }
}

impl Halt {
    /// What a call that failed means for the turn.
    fn of(error: CallError, doing: &str) -> Self {
        match error.class {
            CallClass::Throttled | CallClass::Unknown => Self::Pause(Some(format!("while {doing}: {error}"))),
            CallClass::NotFound => Self::Over(format!("a table is gone: while {doing}, {error}")),
            _ => Self::Failed(error.while_doing(doing)),
        }
    }
}

/// Why a salvage must end now, whatever it has done: it is too old, or it gives way to a recovery of its table.
async fn why_not_now<L: Ledger, D, S, O, C>(
    deps: &Deps<L, D, S, O, C>,
    salvage: &Salvage,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    if let Some(why) = salvage.why_too_long(now) {
        return Ok(Some(why));
    }
    let resource = &salvage.resource;
    let lease = ledger::read::<Lease>(&deps.ledger, &keys::lease(resource)).await?.map(|kept| kept.value);
    if let Some(lease) = lease.filter(|lease| !lease.released && now < lease.expires_at) {
        return Ok(Some(format!("a recovery of {resource} is under way: incident {}", lease.incident)));
    }
    let Some(record) = register::record(&deps.ledger, resource).await? else {
        return Ok(Some(format!("{resource} is not known any more")));
    };
    if record.resource_id != salvage.table_id {
        return Ok(Some(format!("{resource} is another table now: {}", record.id)));
    }
    let Some(id) = &record.open_incident else { return Ok(None) };
    let incident = ledger::read::<Incident>(&deps.ledger, &keys::incident(id)).await?.map(|kept| kept.value);
    let acts = incident.is_some_and(|incident| incident.state == IncidentState::Open);
    Ok(acts.then(|| format!("incident {id} of {resource} is open, and its recovery goes first")))
}
