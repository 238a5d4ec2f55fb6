//! Undoing what was half done: wholly forward once clients were verified on the new side, else wholly back.

use crate::observe;
use crate::{Case, Databases, Deps, Nothing, Secrets};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Fence, FenceState, UNDONE};
use lifeboat_domain::ids::DbInstanceId;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::Act;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{DrError, Timestamp, ids};

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
    if cut_over.as_ref().is_some_and(|cut_over| cut_over.state == CutOverState::Verified) {
        return Ok(Undone::MovedForGood);
    }
    let half_moved = cut_over.filter(|cut_over| matches!(cut_over.state, CutOverState::Moving | CutOverState::Moved));
    let fenced = fence.filter(|fence| fence.state != FenceState::Opened && fence.group.is_some());
    let reopened = reopened(deps, incident).await?;
    if half_moved.is_none() && fenced.is_none() && reopened.is_none() {
        return Ok(Undone::HalfDone);
    }
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, &case.execution, now, lasts).await?;
    if let Some(cut_over) = half_moved {
        move_back(deps, incident, &cut_over, now).await?;
        forget_calls(deps, incident, Phase::CutOver, now).await?;
    }
    if let Some(target) = reopened {
        close_again(deps, incident, &target, now).await?;
        forget_calls(deps, incident, Phase::Act, now).await?;
    }
    if let Some(fence) = fenced {
        open_again(deps, incident, &fence, now).await?;
        forget_calls(deps, incident, Phase::Fence, now).await?;
    }
    Ok(Undone::HalfDone)
}

/// What was undone is not done: a later attempt makes these calls again.
async fn forget_calls<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    phase: Phase,
    now: Timestamp,
) -> Result<(), DrError> {
    let Some(hash) = &incident.plan else { return Ok(()) };
    for kept in ledger::list::<CallRecord>(&deps.ledger, &keys::of_incident(&incident.id), &format!("call#{hash}#")).await? {
        if kept.value.phase == phase && kept.value.state != CallState::Refused {
            ledger::update::<CallRecord, _>(&deps.ledger, &keys::call(&incident.id, hash, kept.value.index), |call| {
                call.state = CallState::Refused;
                call.ended_at = Some(now);
                call.text = UNDONE.to_owned();
                Ok(())
            })
            .await?;
        }
    }
    Ok(())
}

async fn move_back<R, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    cut_over: &CutOver,
    now: Timestamp,
) -> Result<(), DrError> {
    let before = &cut_over.endpoint_before;
    let token = ids::digest(&[incident.id.as_str(), "undo", &cut_over.at.to_rfc3339(), &cut_over.secret]);
    deps.secrets.point_secret(&cut_over.secret, before, &token).await.map_err(|error| error.while_doing("moving clients back"))?;
    ledger::write(&deps.ledger, &keys::cut_over(&incident.id), &CutOver { state: CutOverState::Undone, at: now, ..cut_over.clone() })
        .await?;
    let text = format!("moved back: secret {} names {}:{} again", cut_over.secret, before.host, before.port);
    ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, text).await
}

/// The kept database that an undo has let clients into again.
async fn reopened<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, incident: &Incident) -> Result<Option<DbInstanceId>, DrError> {
    let (Some(Scenario::Undo), Some(hash)) = (incident.scenario(), &incident.plan) else { return Ok(None) };
    let calls = ledger::list::<CallRecord>(&deps.ledger, &keys::of_incident(&incident.id), &format!("call#{hash}#")).await?;
    let opening = calls.into_iter().find(|call| call.value.phase == Phase::Act && call.value.state != CallState::Refused);
    Ok(opening.and_then(|call| match call.value.act {
        Act::SetSecurityGroups { instance, .. } => Some(instance),
        _ => None,
    }))
}

/// Closes it again, and sees that it is closed: only then may the other one be opened, or both could be written.
async fn close_again<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    target: &DbInstanceId,
    now: Timestamp,
) -> Result<(), DrError> {
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?.and_then(|fence| fence.value.group);
    let (Some(group), Some(found)) = (fence, observe::instance(&deps.databases, target).await?) else { return Ok(()) };
    if !found.has_exactly_group(&group) {
        let closing = |error: lifeboat_domain::CallError| error.while_doing(format!("closing {target} again"));
        deps.databases.set_security_groups(target, std::slice::from_ref(&group)).await.map_err(closing)?;
        let shown = observe::instance(&deps.databases, target).await?;
        if !shown.is_some_and(|shown| shown.has_exactly_group(&group)) {
            return Err(DrError::conflict(format!("{target} is being closed again: {} is opened after that", incident.source.id)));
        }
    }
    if found.status.accepts_calls() {
        deps.databases.reboot(target, false).await.map_err(|error| error.while_doing(format!("ending the sessions on {target}")))?;
    }
    let text = format!("closed again: {target} admits nobody, and its sessions were ended");
    ledger::tell(&deps.ledger, &incident.id, now, Phase::Fence, text).await
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
