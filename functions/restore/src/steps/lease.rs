//! Taking, renewing and giving back the right to change a resource.

use crate::{Case, Deps, Nothing};
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger;
use lifeboat_domain::ports::{Clock, Ledger, ReadExecutions};
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
    ledger::tell(&deps.ledger, &incident.id, incident.opened_at.max(incident.first_signal_at), Phase::Detect, text).await?;
    tracing::info!(resource = %incident.resource, token = lease.token, until = %show_time(lease.expires_at), "lease held");
    Ok(Nothing {})
}

/// Gives the lease back; another owner's stays.
pub(crate) async fn release<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, case: &Case) -> Result<Nothing, DrError> {
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    lifeboat_domain::lease::release(&deps.ledger, &incident.resource, &case.execution).await?;
    Ok(Nothing {})
}
