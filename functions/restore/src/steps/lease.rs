//! Taking, renewing and giving back the right to change a resource.

use crate::steps::compensate::{Undone, undo_half_done};
use crate::{Case, Databases, Deps, Nothing, Secrets};
use chrono::{DurationRound, TimeDelta};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Ledger, ReadExecutions};
use lifeboat_domain::register::News;
use lifeboat_domain::{DrError, show_time};

/// Takes the lease for this execution, or renews it.
pub(crate) async fn take<R, L: Ledger, D, S, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let now = deps.clock.now();
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    let lease =
        lifeboat_domain::lease::take(&deps.ledger, &deps.executions, &incident.resource, &incident.id, &case.execution, now, lasts).await?;
    let text = format!("lease {} of {} taken by this execution", lease.token, incident.resource);
    ledger::tell(&deps.ledger, &incident.id, lease.taken_at.unwrap_or(now), Phase::Detect, text).await?;
    tracing::info!(resource = %incident.resource, token = lease.token, until = %show_time(lease.expires_at), "lease held");
    Ok(Nothing {})
}

/// Gives the lease back; another owner's stays. Whichever way the execution ends, nothing stays half done behind it:
/// an earlier attempt may have fenced the source, or moved clients, before this one came to another end.
pub(crate) async fn release<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let lease = ledger::read::<Lease>(&deps.ledger, &keys::lease(&incident.resource)).await?.map(|kept| kept.value);
    if lease.is_some_and(|lease| lease.owner == case.execution && !lease.released)
        && let Err(error) = whole(undo_half_done(deps, &incident, case).await)
    {
        tell_half_done(deps, &incident, &error).await?;
        return Err(error);
    }
    lifeboat_domain::lease::release(&deps.ledger, &incident.resource, &case.execution).await?;
    Ok(Nothing {})
}

/// What is not undone yet is a conflict, which the machine's Retry comes back for; no loop waits here any more.
fn whole(undone: Result<Undone, DrError>) -> Result<(), DrError> {
    match undone? {
        Undone::NotYet(reason) => Err(DrError::conflict(reason)),
        Undone::GivenUp(reason) => Err(DrError::unrecoverable(reason)),
        Undone::MovedForGood | Undone::HalfDone => Ok(()),
    }
}

/// The end was told already: that something is left half done is news.
async fn tell_half_done<R, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    error: &DrError,
) -> Result<(), DrError> {
    let now = deps.clock.now();
    let title = format!("{} is left half-way", incident.resource);
    let text = format!(
        "Its recovery ended, and what it had begun could not be undone: {error}. Look whether {} still has its fence's security group, and whether the secret of its clients names the database that they shall use.",
        incident.source.id
    );
    let news = News { at: now, resource: Some(incident.resource.clone()), incident: Some(incident.id.clone()), title, text, told_at: None };
    news.leave(&deps.ledger, now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now)).await
}
