//! `flush_caches`: empties the caches that were filled from a database which went back in time.
//!
//! Deployed as a function of its own that has no other step. It makes the calls of the approved plan and no others, behind the verified
//! cut-over, under the lease of the database. What fails here is told, and undoes nothing.

use crate::{Case, Deps, open};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, NextMove, Place, conclude, intend, state_after};
use lifeboat_domain::caches::CacheAt;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::incident::{Incident, IncidentState, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Act, Plan, PlannedCall};
use lifeboat_domain::ports::{Clock, FlushCaches, Ledger, ReadSecrets, Target};
use lifeboat_domain::{DrError, ErrorName, lease, register};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Flushed {}

/// Empties every cache of the plan, however it went with the one before; what may succeed later is tried again by the workflow.
pub(crate) async fn flush_caches<L: Ledger, D, S: ReadSecrets, O: FlushCaches, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    case: &Case,
) -> Result<Flushed, DrError> {
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let Some(plan) = open::plan(&deps.ledger, &incident).await? else { return Ok(Flushed {}) };
    let mut again = None;
    for (index, call) in plan.calls_of(Phase::Close) {
        let Act::FlushCache { cache, at } = &call.act else { continue };
        let Err(why) = flush(deps, case, (&incident, &plan), (index, call), (cache, at)).await else { continue };
        let text = format!("{} was not made: {why}; the cut-over stands all the same", call.act.describe());
        ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Close, text).await?;
        if matches!(why.name(), ErrorName::TransientFailure | ErrorName::Conflict) {
            again = Some(why);
        }
    }
    again.map_or(Ok(Flushed {}), Err)
}

/// Permit, intent, call, conclusion. Emptied twice is emptied: a call of unknown outcome is sent again.
async fn flush<L: Ledger, D, S: ReadSecrets, O: FlushCaches, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    case: &Case,
    (incident, plan): (&Incident, &Plan),
    (index, call): (usize, &PlannedCall),
    (cache, at): (&Identity, &CacheAt),
) -> Result<(), DrError> {
    let now = deps.clock.now();
    let policy = deps.policies.policy(&incident.policy)?;
    may_be_flushed(deps, incident, cache, at).await?;
    let target = target(cache, at);
    let credentials = open::today(&deps.secrets, &target).await?;
    let permit = lease::renew(&deps.ledger, &incident.resource, &case.execution, now, policy.timing.lease).await?;
    let place = Place { resource: &incident.resource, incident: &incident.id, plan: &plan.hash };
    let (record, version) = match intend(&deps.ledger, place, index, call, None, &permit, now).await? {
        NextMove::Done(_) => return Ok(()),
        NextMove::Send(record, version) | NextMove::Observe(record, version) => (record, version),
    };
    let answer = deps.databases.flush_all(&target, &credentials, open::limits(policy)).await;
    let ended = |state, text: String| conclude(&deps.ledger, place, &record, version, state, text, deps.clock.now());
    match answer {
        Ok(shards) => {
            let text = if shards == 1 { "it is empty".to_owned() } else { format!("its {shards} shards are empty") };
            let CallRecord { act, text, .. } = ended(CallState::Done, text).await?;
            ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Close, format!("{}: {text}", act.describe())).await
        }
        Err(error) => {
            if state_after::<()>(&Err(error.clone())) == CallState::Refused {
                ended(CallState::Refused, error.to_string()).await?;
            }
            Err(error.while_doing(format!("emptying cache {cache}")))
        }
    }
}

/// Only behind a verified move of an open incident, only the cache that the plan names, and none that is being recovered itself.
async fn may_be_flushed<L: Ledger, D, S, O, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    cache: &Identity,
    at: &CacheAt,
) -> Result<(), DrError> {
    if incident.state != IncidentState::Open {
        return Err(DrError::refused(format!("incident {} is {}: nothing may act on it", incident.id, incident.state)));
    }
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    if cut_over.is_none_or(|cut_over| cut_over.state() != CutOverState::Verified) {
        return Err(DrError::refused("clients were not seen on the new database: it may still be filled from the old one"));
    }
    let known = register::record(&deps.ledger, cache).await?;
    if known.is_none_or(|known| known.id != at.instance) {
        return Err(DrError::refused(format!("{} is not cache {cache} any more", at.instance)));
    }
    if lease::is_held(&deps.ledger, cache, deps.clock.now()).await? {
        return Err(DrError::refused(format!("cache {cache} is being recovered itself")));
    }
    Ok(())
}

fn target(cache: &Identity, at: &CacheAt) -> Target {
    Target {
        resource: cache.clone(),
        instance: at.instance.clone(),
        engine: at.engine.clone(),
        endpoint: Some(at.endpoint.clone()),
        secret: at.secret.clone(),
        database: None,
    }
}
