//! The sweep's look after bisections: an execution that ended and concluded nothing, while the one event that tells of it got lost, must
//! not leave copies that cost money and that nobody was told of.

use super::bisect::conclude;
use crate::{Deps, EndInput};
use lifeboat_domain::DrError;
use lifeboat_domain::bisection::{Bisection, Watched};
use lifeboat_domain::ids::Identity;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, ExecutionState, Ledger, ReadExecutions};

/// Concludes what nobody has; answers how that went, for each resource that had something to conclude. One hides no other.
pub(super) async fn look_after<R, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
) -> Result<Vec<(Identity, Result<(), DrError>)>, DrError> {
    let watched = ledger::list::<Watched>(&deps.ledger, keys::BISECTIONS, "").await?;
    let mut looked = Vec::new();
    for watched in watched.into_iter().map(|kept| kept.value).filter(|watched| watched.concluded_at.is_none()) {
        let Some(kept) = ledger::read::<Bisection>(&deps.ledger, &keys::bisection(&watched.plan)).await? else { continue };
        looked.push((kept.value.plan.resource.clone(), look_after_one(deps, watched, &kept.value).await));
    }
    Ok(looked)
}

async fn look_after_one<R, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    watched: Watched,
    bisection: &Bisection,
) -> Result<(), DrError> {
    let (plan, now) = (watched.plan, deps.clock.now());
    let Some(begun) = &bisection.begun else {
        // It was refused, or is being begun at this moment; nothing was made for it.
        if now > bisection.plan.expires_at {
            let over = Watched { plan: plan.clone(), concluded_at: Some(now) };
            ledger::write(&deps.ledger, &keys::watched_bisection(&plan), &over).await?;
        }
        return Ok(());
    };
    if bisection.held_until.is_some_and(|until| now < until) {
        return Ok(());
    }
    let execution = &begun.execution;
    let state = deps.executions.execution(execution).await.map_err(|error| error.while_doing(format!("asking after {execution}")))?;
    if state == ExecutionState::Running {
        return Ok(());
    }
    let trouble = Some("its execution ended without a conclusion".to_owned());
    conclude(deps, &EndInput { plan, execution: execution.clone(), trouble }).await.map(|_| ())
}
