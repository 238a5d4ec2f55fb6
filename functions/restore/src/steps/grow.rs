//! Growing a full volume: asked for, then watched until RDS has made the room.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::source;
use crate::steps::restore::give_up_or;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::DrError;
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Act, PlannedCall};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::words::Progress;

/// Asks for the room.
pub(crate) async fn grow<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let asked = ask(deps, &mut recovery).await?;
    Ok(Look::new(Progress::InProgress, recovery.policy.timing.poll, asked))
}

/// Asks, and says what became of it.
async fn ask<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
) -> Result<String, DrError> {
    let now = recovery.now;
    let (index, call) = growth_call(recovery)?;
    if recovery.incident.waiting_since.is_none() {
        recovery.begin_waiting(&deps.ledger).await?;
    }
    match make(deps, recovery, index, &call, None).await? {
        Made::NotYet(reason) => Ok(reason),
        Made::Done(record) => {
            let grown_at = record.ended_at.unwrap_or(now);
            ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&recovery.incident.resource), |record| {
                record.storage_grown_at = Some(grown_at);
                Ok(())
            })
            .await?;
            Ok(record.text)
        }
    }
}

fn growth_call(recovery: &Recovery<'_>) -> Result<(usize, PlannedCall), DrError> {
    let call = recovery.plan.calls_of(Phase::Act).next().map(|(index, call)| (index, call.clone()));
    call.ok_or_else(|| DrError::unrecoverable("the plan has no growth"))
}

/// Looks whether the room is there; asks again where the call was not accepted yet.
pub(crate) async fn check<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let asked = ask(deps, &mut recovery).await?;
    let poll = recovery.policy.timing.poll;
    let (waited, expired) = recovery.waited();
    let id = &recovery.incident.source.id;
    let found =
        source(&deps.databases, &recovery.incident, None).await?.ok_or_else(|| DrError::not_found(format!("{id} does not exist")))?;
    let Act::GrowStorage { gib, .. } = growth_call(&recovery)?.1.act else {
        return Err(DrError::unrecoverable("the plan's act is no growth"));
    };
    let size = found.configuration.allocated_storage.unwrap_or_default();
    if size >= gib && found.status.is_serving() {
        let text = format!("{id} has {size} GiB and is {}", found.status);
        recovery.tell(&deps.ledger, Phase::Act, text.clone()).await?;
        return Ok(Look::new(Progress::Done, poll, text));
    }
    let reason = format!("{id} has {size} of {gib} GiB and has been {} for {waited}; {asked}", found.status);
    Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)))
}
