//! Undoing what was half done: wholly forward once clients were verified on the new side, else wholly back.

use crate::observe;
use crate::targets::back;
use crate::{Case, Databases, Deps, Nothing, Secrets};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Fence, FenceState};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::{DrError, ErrorName, Timestamp};

/// Moves clients back unless the move was verified, and opens the fence unless they were moved.
pub(crate) async fn compensate<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    if undo_half_done(deps, &incident, case).await? == Undone::MovedForGood {
        let text = "clients were verified on the new side before the failure: nothing is moved back";
        ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Close, text).await?;
    }
    Ok(Nothing {})
}

/// What was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undone {
    /// Nothing, as clients were moved for good.
    MovedForGood,
    /// Whatever was half done.
    HalfDone,
}

/// Undoes what this execution, or one before it, left half done.
pub(crate) async fn undo_half_done<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    case: &Case,
) -> Result<Undone, DrError> {
    let now = deps.clock.now();
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?.map(|kept| kept.value);
    if cut_over.as_ref().is_some_and(|cut_over| cut_over.state() == CutOverState::Verified) {
        return Ok(Undone::MovedForGood);
    }
    let half_moved = cut_over.filter(CutOver::is_begun);
    let fenced = fence.filter(|fence| fence.state != FenceState::Opened && fence.group.is_some());
    if half_moved.is_none() && fenced.is_none() {
        return Ok(Undone::HalfDone);
    }
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, &case.execution, now, lasts).await?;
    if let Some(cut_over) = half_moved {
        move_back(deps, incident, &cut_over, now).await?;
    }
    if let Some(fence) = fenced {
        open_again(deps, incident, &fence, now).await?;
        forget_calls(deps, incident, now, |call| call.phase == Phase::Fence).await?;
    }
    Ok(Undone::HalfDone)
}

/// What was undone is not done: a later attempt makes these calls again.
async fn forget_calls<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    now: Timestamp,
    was_undone: impl Fn(&CallRecord) -> bool,
) -> Result<(), DrError> {
    let Some(hash) = &incident.plan else { return Ok(()) };
    for kept in ledger::list::<CallRecord>(&deps.ledger, &keys::of_incident(&incident.id), &format!("call#{hash}#")).await? {
        if was_undone(&kept.value) && kept.value.state != CallState::Refused {
            ledger::update::<CallRecord, _>(&deps.ledger, &keys::call(&incident.id, hash, kept.value.index), |call| {
                call.state = CallState::Refused;
                call.ended_at = Some(now);
                call.text = "undone by compensation".to_owned();
                Ok(())
            })
            .await?;
        }
    }
    Ok(())
}

/// Moves every target back that was begun, the last one first. One that cannot be moved back keeps no other one from it; but then the
/// fence stays closed, as some clients may still be led to the new side.
async fn move_back<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    cut_over: &CutOver,
    now: Timestamp,
) -> Result<(), DrError> {
    let mut failures: Vec<DrError> = Vec::new();
    for (place, target) in cut_over.targets.iter().enumerate().rev().filter(|(_, target)| target.is_begun()) {
        let text = match back::move_back(deps, incident, target, now).await {
            Ok(text) => text,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&incident.id), |kept| {
            if let Some(kept) = kept.targets.get_mut(place) {
                kept.reach(CutOverState::Undone, now, text.clone());
            }
            Ok(())
        })
        .await?;
        forget_calls(deps, incident, now, |call| call.phase == Phase::CutOver && target.moves.is_moved_by(&call.act)).await?;
        ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, format!("moved back: {text}")).await?;
    }
    let Some(first) = failures.first() else { return Ok(()) };
    let all: Vec<String> = failures.iter().map(ToString::to_string).collect();
    let text = format!("{}; the fence stays closed until every target leads to the source again", all.join("; "));
    ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, text.clone()).await?;
    // What may succeed later is tried again.
    let name = failures.iter().map(DrError::name).find(|name| *name == ErrorName::TransientFailure).unwrap_or_else(|| first.name());
    Err(DrError::new(name, text))
}

async fn open_again<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    fence: &Fence,
    now: Timestamp,
) -> Result<(), DrError> {
    let source = &incident.source.id;
    // Describe may not show a swap that was accepted a moment ago: the groups are set whatever it shows.
    if observe::source(&deps.databases, incident).await?.is_some() {
        deps.databases
            .set_security_groups(source, &fence.groups_before)
            .await
            .map_err(|error| error.while_doing(format!("opening the fence around {source} again")))?;
    }
    ledger::write(&deps.ledger, &keys::fence(&incident.id), &Fence { state: FenceState::Opened, at: now, ..fence.clone() }).await?;
    let text = format!("opened again: {source} has its groups {} back", fence.groups_before.join(", "));
    ledger::tell(&deps.ledger, &incident.id, now, Phase::Fence, text).await
}
