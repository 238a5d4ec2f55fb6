//! What is otherwise where a member takes over from another Region: it stays where it is, and nothing is fenced.

use crate::Deps;
use lifeboat_domain::DrError;
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{FencePlan, Plan};
use lifeboat_domain::ports::Ledger;

/// Whether clients came to a database that stays open whatever becomes of them: what took over is not closed on the way back, as no
/// other one serves in this Region.
pub(crate) async fn stays<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, incident: &Incident) -> Result<bool, DrError> {
    let Some(hash) = &incident.plan else { return Ok(false) };
    let plan = ledger::read::<Plan>(&deps.ledger, &keys::plan(&incident.id, hash)).await?;
    Ok(plan.is_some_and(|plan| plan.value.fence == Some(FencePlan::Elsewhere)))
}
