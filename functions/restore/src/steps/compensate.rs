//! Undoing what was half done: wholly forward once clients were verified on the new side, else wholly back.

use crate::observe;
use crate::steps::open_again::open_again;
use crate::steps::{caches, quarantine, take_over};
use crate::targets::back::{self, Back, Sent};
use crate::targets::names;
use crate::targets::rename;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Fence, FenceState, TargetEntry, TargetMove, UNDONE};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::Act;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::{Progress, ResourceKind, Scenario};
use lifeboat_domain::{CallClass, CallError, DrError, ErrorName, Span, Timestamp};

/// How long the way back may take: two renames, closing, restarts, and what a busy instance refuses meanwhile.
const BACK_WITHIN: Span = Span::minutes(60);
/// So many refusals on a way back that is gone step by step are tried again.
const MOST_REFUSALS: u32 = 2;

/// Moves clients back unless the move was verified, and opens the fence unless they were moved.
pub(crate) async fn compensate<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let poll = deps.policies.policy(&incident.policy)?.timing.poll;
    Ok(match undo_half_done(deps, &incident, case).await? {
        Undone::NotYet(reason) => Look::new(Progress::InProgress, poll, reason),
        Undone::GivenUp(reason) => Look::new(Progress::Expired, poll, reason),
        Undone::HalfDone => Look::new(Progress::Done, poll, "nothing is left half done"),
        Undone::MovedForGood => {
            let text = "clients were verified on the new side before the failure: nothing is moved back";
            ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Close, text).await?;
            Look::new(Progress::Done, poll, text)
        }
    })
}

/// What was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undone {
    /// Nothing, as clients were moved for good.
    MovedForGood,
    /// Whatever was half done.
    HalfDone,
    /// Not all of it yet: a group is being changed, or names are given back, which takes minutes.
    NotYet(String),
    /// Not all of it, and it is not waited for any longer.
    GivenUp(String),
}

/// Undoes what this execution, or one before it, left half done. A way back that takes its time is gone step by step, but not for ever.
pub(crate) async fn undo_half_done<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    case: &Case,
) -> Result<Undone, DrError> {
    let (incident, _) = names::follow(&deps.databases, &deps.ledger, incident.clone()).await?;
    let undone = undo(deps, &incident, case).await;
    let key = keys::cut_over(&incident.id);
    let Some(kept) = ledger::read::<CutOver>(&deps.ledger, &key).await?.map(|kept| kept.value) else { return undone };
    let (now, is_swap) = (deps.clock.now(), kept.targets.iter().any(|target| matches!(target.moves, TargetMove::Names(_))));
    let reason = match undone {
        Ok(Undone::NotYet(reason)) => reason,
        // What is being renamed, closed or restarted refuses other calls meanwhile; a change of groups takes a minute.
        Err(error) if error.name() == ErrorName::Conflict => error.to_string(),
        Err(error) if is_swap && error.name() == ErrorName::Unrecoverable && kept.back_refused < MOST_REFUSALS => {
            let count = |cut_over: &mut CutOver| {
                cut_over.back_refused += 1;
                Ok(())
            };
            ledger::update::<CutOver, _>(&deps.ledger, &key, count).await?;
            error.to_string()
        }
        Ok(Undone::HalfDone) if kept.back_since.is_some() => {
            let end = |cut_over: &mut CutOver| {
                (cut_over.back_since, cut_over.back_refused) = (None, 0);
                Ok(())
            };
            ledger::update::<CutOver, _>(&deps.ledger, &key, end).await?;
            return Ok(Undone::HalfDone);
        }
        other => return other,
    };
    let begin = |cut_over: &mut CutOver| {
        cut_over.back_since.get_or_insert(now);
        Ok(())
    };
    let since = ledger::update::<CutOver, _>(&deps.ledger, &key, begin).await?.back_since.unwrap_or(now);
    let lasted = Span::between(since, now);
    if lasted >= BACK_WITHIN {
        return Ok(Undone::GivenUp(format!("the way back is given up after {lasted}: {reason}")));
    }
    Ok(Undone::NotYet(reason))
}

async fn undo<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    case: &Case,
) -> Result<Undone, DrError> {
    let now = deps.clock.now();
    if let Some(reason) = caches::switch_on_again(deps, incident, case).await? {
        return Ok(Undone::NotYet(reason));
    }
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?.map(|kept| kept.value);
    if cut_over.as_ref().is_some_and(|cut_over| cut_over.state() == CutOverState::Verified) {
        return Ok(Undone::MovedForGood);
    }
    let opened = quarantine::is_left(deps, incident, cut_over.as_ref()).await?;
    let is_being_left = cut_over.as_ref().is_some_and(|cut_over| cut_over.left_sessions && cut_over.sessions_ended_at.is_none());
    let half_moved = cut_over.filter(CutOver::is_begun);
    let fenced = fence.filter(|fence| fence.state != FenceState::Opened && fence.group.is_some());
    let reopened = reopened(deps, incident).await?;
    if half_moved.is_none() && fenced.is_none() && reopened.is_none() && !opened && !is_being_left {
        return Ok(Undone::HalfDone);
    }
    // What an undo has opened is closed below, which ends its sessions.
    let left_sessions = left_sessions(deps, incident, half_moved.as_ref(), opened).await? && reopened.is_none();
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, &case.execution, now, lasts).await?;
    if let Some(half_moved) = half_moved.as_ref().filter(|half| half.swap().is_some() && half.back_since.is_none()) {
        begin_back(deps, incident, half_moved, now).await?;
    }
    // First the side that clients were led to is closed: one that stays away from the secret would go on writing there.
    let left = if left_sessions { leave(deps, incident, fenced.as_ref(), now).await } else { Ok(None) };
    if left.as_ref().is_err_and(|error| error.name().is_retryable()) {
        return left.map(|_| Undone::HalfDone);
    }
    if let Some(cut_over) = half_moved {
        let moved_back = move_back(deps, incident, &cut_over, now).await;
        if let Some(reason) = moved_back.and_then(|moved_back| left.map(|left| moved_back.or(left)))? {
            return Ok(Undone::NotYet(reason));
        }
    } else if let Some(reason) = left? {
        return Ok(Undone::NotYet(reason));
    }
    // Names may have been given back: the incident says what each is called now.
    let incident = &ledger::incident(&deps.ledger, &incident.id).await?;
    if let Some(target) = reopened {
        close_again(deps, incident, &target, now).await?;
        forget_calls(deps, incident, now, |call| call.phase == Phase::Act).await?;
    }
    if let Some(fence) = fenced {
        if let Some(reason) = open_again(deps, incident, &fence, now).await? {
            return Ok(Undone::NotYet(reason));
        }
        forget_calls(deps, incident, now, |call| call.phase == Phase::Fence).await?;
    }
    Ok(Undone::HalfDone)
}

/// The calls of the plan in force.
pub(crate) async fn calls_of<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
) -> Result<Vec<CallRecord>, DrError> {
    let Some(hash) = &incident.plan else { return Ok(Vec::new()) };
    let kept = ledger::list::<CallRecord>(&deps.ledger, &keys::of_incident(&incident.id), &format!("call#{hash}#")).await?;
    Ok(kept.into_iter().map(|kept| kept.value).collect())
}

/// What was undone is not done: a later attempt makes these calls again.
pub(crate) async fn forget_calls<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    now: Timestamp,
    was_undone: impl Fn(&CallRecord) -> bool,
) -> Result<(), DrError> {
    let Some(hash) = &incident.plan else { return Ok(()) };
    for made in calls_of(deps, incident).await? {
        if was_undone(&made) && made.state != CallState::Refused {
            ledger::update::<CallRecord, _>(&deps.ledger, &keys::call(&incident.id, hash, made.index), |call| {
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

/// From now on the way back of a swap is being gone; a rename takes minutes.
async fn begin_back<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    half_moved: &CutOver,
    now: Timestamp,
) -> Result<(), DrError> {
    let swapped: Vec<String> = half_moved.targets.iter().map(|target| target.moves.name()).collect();
    ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, format!("moving clients back: {}", swapped.join(", "))).await?;
    let begin = |cut_over: &mut CutOver| {
        cut_over.back_since.get_or_insert(now);
        Ok(())
    };
    ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&incident.id), begin).await.map(|_| ())
}

/// Moves every target back that was begun, the last one first. One that cannot be moved back keeps no other one from it; but then the
/// fence stays closed, as some clients may still be led to the new side. Answers what is waited for, if anything is.
async fn move_back<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    cut_over: &CutOver,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    let mut failures: Vec<DrError> = Vec::new();
    let calls = calls_of(deps, incident).await?;
    for (place, target) in cut_over.targets.iter().enumerate().rev().filter(|(_, target)| target.is_begun()) {
        let moved = match &target.moves {
            TargetMove::Names(names) => rename::give_back(deps, incident, names, &calls, now).await,
            _ => back::move_back(deps, incident, target, was_sent(&calls, target)).await,
        };
        let (state, told, text) = match moved {
            Ok(Back::Done(text)) => (CutOverState::Undone, format!("moved back: {text}"), text),
            Ok(Back::Stayed(text)) => (CutOverState::Noted, text, String::new()),
            Ok(Back::NotYet(reason)) => return Ok(Some(reason)),
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        names::follow(&deps.databases, &deps.ledger, incident.clone()).await?;
        ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&incident.id), |kept| {
            if let Some(kept) = kept.targets.get_mut(place) {
                kept.reach(state, now, text.clone());
            }
            Ok(())
        })
        .await?;
        forget_calls(deps, incident, now, |call| call.phase == Phase::CutOver && target.moves.is_moved_by(&call.act)).await?;
        ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, told).await?;
    }
    let Some(first) = failures.first() else { return Ok(None) };
    let all: Vec<String> = failures.iter().map(ToString::to_string).collect();
    let text = format!("{}; the fence stays closed until every target leads to the source again", all.join("; "));
    ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, text.clone()).await?;
    // What may succeed later is tried again.
    let name = failures.iter().map(DrError::name).find(|name| *name == ErrorName::TransientFailure).unwrap_or_else(|| first.name());
    Err(DrError::new(name, text))
}

/// Whether a call of a target's move took place, or may have.
fn was_sent(calls: &[CallRecord], target: &TargetEntry) -> Sent {
    let sent = |call: &CallRecord| call.state != CallState::Refused && target.moves.is_moved_by(&call.act);
    if calls.iter().any(sent) { Sent::Perhaps } else { Sent::Never }
}

/// Whether clients may have opened sessions on the new side, led there or by its address; written down before the calls of the move are forgotten.
async fn left_sessions<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    half_moved: Option<&CutOver>,
    opened: bool,
) -> Result<bool, DrError> {
    let key = keys::cut_over(&incident.id);
    let Some(kept) = ledger::read::<CutOver>(&deps.ledger, &key).await? else { return Ok(false) };
    if take_over::stays(deps, incident).await? {
        return Ok(false);
    }
    let calls = calls_of(deps, incident).await?;
    let moved = opened
        || half_moved.is_some_and(|half| half.targets.iter().any(|target| target.is_begun() && was_sent(&calls, target) == Sent::Perhaps));
    if moved && !kept.value.left_sessions {
        ledger::update::<CutOver, _>(&deps.ledger, &key, |cut_over| {
            cut_over.left_sessions = true;
            Ok(())
        })
        .await?;
    }
    Ok(moved || kept.value.left_sessions)
}

/// Nobody writes to the new side any more: it is closed, into its quarantine if it was born in one, else where the source can be opened
/// again, and its sessions are ended. A source that RDS never brings back is no second side. Answers what is waited for, if anything is.
async fn leave<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    fenced: Option<&Fence>,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    if let (Some(restored), Some(group)) = (&incident.restored, quarantine::group_of(deps, incident).await?) {
        if let Some(found) = observe::restored(&deps.databases, restored).await? {
            quarantine::close(deps, incident, &found, &group, now).await?;
        }
    } else if let (Some(restored), Some(group)) = (&incident.restored, fenced.and_then(|fence| fence.group.as_ref()))
        && let Some(found) = observe::restored(&deps.databases, restored).await?
    {
        let groups = found.configuration.security_groups.clone();
        ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&incident.id), |cut_over| {
            cut_over.closed.get_or_insert_with(|| groups.clone());
            Ok(())
        })
        .await?;
        shut(deps, incident, &found, group).await?;
    }
    end_sessions(deps, incident, now).await
}

/// Moves an instance behind the group that admits nobody, and sees that it is there: only then may the other side be opened.
pub(crate) async fn shut<R: Databases, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    found: &ObservedDatabase,
    group: &str,
) -> Result<(), DrError> {
    let id = &found.id;
    if found.has_exactly_group(group) {
        return Ok(());
    }
    if !found.is_moving_to(group) {
        let closing = |error: CallError| error.while_doing(format!("closing {id} on the way back"));
        deps.databases.set_security_groups(id, &[group.to_owned()]).await.map_err(closing)?;
    }
    let shown = observe::same(&deps.databases, id, &found.resource_id).await?;
    if shown.is_none_or(|shown| !shown.has_exactly_group(group)) {
        return Err(DrError::conflict(format!("{id} is being closed on the way back: {} is opened after that", incident.source.id)));
    }
    Ok(())
}

/// Clients may have opened sessions on the new side while they were led there, and would go on writing to it: a restart ends them.
/// Written down before it is sent, and sent once: a second one would only prolong it. What is being renamed is not found under its
/// name: that is waited for, and answered.
async fn end_sessions<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    let key = keys::cut_over(&incident.id);
    let Some(restored) = &incident.restored else { return Ok(None) };
    if ledger::expect::<CutOver>(&deps.ledger, &key).await?.value.sessions_ended_at.is_some() {
        return Ok(None);
    }
    let write_down = |at: Option<Timestamp>| {
        ledger::update::<CutOver, _>(&deps.ledger, &key, move |cut_over| {
            cut_over.sessions_ended_at = at;
            Ok(())
        })
    };
    let told = async |text: String| ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, text).await.map(|()| None);
    if restored.id.kind() == ResourceKind::DynamodbTable {
        write_down(Some(now)).await?;
        return told(format!("{} keeps no sessions: whoever was led to it is denied its next write", restored.id)).await;
    }
    let resource_id = restored.resource_id.as_deref().unwrap_or_default();
    let found = observe::restored(&deps.databases, restored).await?;
    let is_gone = names::is_gone(&deps.ledger, incident, resource_id, found.is_some(), now).await?;
    let id = match found {
        Some(found) => found.id,
        None if is_gone => {
            write_down(Some(now)).await?;
            return told(format!("{} does not exist: nobody is connected to it", restored.id)).await;
        }
        // Under the name that it had may stand another one: without a sight of it, nothing is restarted.
        None => return Ok(Some(out_of_sight(&restored.id))),
    };
    write_down(Some(now)).await?;
    if id.kind() == ResourceKind::ReplicationGroup {
        let text = format!(
            "{id} admits validate alone again; sessions of clients that came to it stand until they end them, and what they write there stays there: a restart would end them, and wipe it"
        );
        return told(text).await;
    }
    let text = match deps.databases.reboot(&id, false).await {
        Ok(()) => format!("{id} is restarted, which ends the sessions of clients that came to it; it keeps what they wrote"),
        Err(error) if error.class == CallClass::NotFound => {
            if !names::is_gone(&deps.ledger, incident, resource_id, false, now).await? {
                write_down(None).await?;
                return Ok(Some(out_of_sight(&id)));
            }
            format!("{id} does not exist: nobody is connected to it")
        }
        Err(error) if error.certainly_did_nothing() => {
            write_down(None).await?;
            return Err(error.while_doing(format!("ending the sessions on {id}, to which clients came")));
        }
        Err(error) => format!("whether {id} was restarted, to end the sessions of clients that came to it, is not known: {error}"),
    };
    told(text).await
}

fn out_of_sight(id: &DatabaseId) -> String {
    format!("{id} is not to be seen: it may be being renamed, and its sessions are ended after that")
}

/// The kept database that an undo has let clients into again.
async fn reopened<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, incident: &Incident) -> Result<Option<DatabaseId>, DrError> {
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
    target: &DatabaseId,
    now: Timestamp,
) -> Result<(), DrError> {
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?.and_then(|fence| fence.value.group);
    let (Some(group), Some(found)) = (fence, observe::instance(&deps.databases, target).await?) else { return Ok(()) };
    shut(deps, incident, &found, &group).await?;
    if let Some(reason) = end_sessions(deps, incident, now).await? {
        return Err(DrError::conflict(reason));
    }
    let text = match target.kind() {
        ResourceKind::ReplicationGroup => {
            format!("closed again: {target} admits validate alone; sessions that clients opened stand until they end them")
        }
        _ => format!("closed again: {target} admits nobody, and its sessions were ended"),
    };
    ledger::tell(&deps.ledger, &incident.id, now, Phase::Fence, text).await
}
