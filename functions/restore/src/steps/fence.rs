//! Keeping the source from its clients, with the undo written down first.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe;
use crate::steps::restore::give_up_or;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{CallRecord, CallState, Fence, FenceState};
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, FencePlan, PlannedCall};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::{Progress, ResourceKind};
use lifeboat_domain::{DrError, Timestamp};

/// Goes one step further with the fence each time it is called.
pub(crate) async fn fence<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let source = recovery.incident.source.id.clone();
    let found = observe::source(&deps.databases, &recovery.incident, recovery.swap.as_ref()).await?;
    match (recovery.plan.fence, found) {
        (Some(FencePlan::Group | FencePlan::Unended), Some(found)) => close_and_cut(deps, &mut recovery, &found).await,
        (Some(FencePlan::Terminal | FencePlan::Gone | FencePlan::Group | FencePlan::Unended), None) => {
            keep(deps, &recovery, format!("{source} does not exist: nothing to fence")).await?;
            Ok(Look::new(Progress::Done, poll, "nothing to fence"))
        }
        (Some(FencePlan::Terminal), Some(found)) if !found.status.is_serving() => {
            let text = format!("{source} is {}, which it never leaves by itself; it accepts no change", found.status);
            keep(deps, &recovery, text.clone()).await?;
            Ok(Look::new(Progress::Done, poll, text))
        }
        (_, Some(found)) => {
            Ok(Look::new(Progress::Failed, poll, format!("{source} is {} and the plan has no way to fence it", found.status)))
        }
        (_, None) => Ok(Look::new(Progress::Failed, poll, "the plan has no way to fence the source")),
    }
}

async fn close_and_cut<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<Look, DrError> {
    let poll = recovery.policy.timing.poll;
    let calls: Vec<(usize, PlannedCall)> = recovery.plan.calls_of(Phase::Fence).map(|(index, call)| (index, call.clone())).collect();
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&recovery.incident.id)).await?;
    let fence = fence.filter(|fence| fence.value.state != FenceState::Opened);
    if fence.is_none() {
        recovery.begin_waiting(&deps.ledger).await?;
    }
    let (_, expired) = recovery.waited();
    let not_yet = |reason: String| Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
    let mut sessions_ended = None;
    for (place, (index, call)) in calls.into_iter().enumerate() {
        if place > 0 && !found.status.accepts_calls() && !is_written_down(deps, recovery, index).await? {
            return not_yet(format!("{} is {}", found.id, found.status));
        }
        let group = match &call.act {
            Act::SetSecurityGroups { groups, .. } => groups.first().cloned(),
            _ => None,
        };
        if let Some(group) = &group
            && fence.is_none()
        {
            keep_undo(deps, recovery, found, group).await?;
        }
        match make(deps, recovery, index, &call, None).await? {
            Made::NotYet(reason) => return not_yet(reason),
            Made::Done(record) => {
                let settled = record.ended_at.is_some_and(|ended| recovery.now >= ended + poll.as_delta());
                let closed = group.is_none_or(|group| found.has_exactly_group(&group));
                if !settled || !closed {
                    return not_yet(format!("{} is {}; {}", found.id, found.status, record.act.describe()));
                }
                sessions_ended = record.ended_at.filter(|_| matches!(record.act, Act::EndSessions { .. }));
            }
        }
    }
    if !found.status.accepts_calls() && !stays_down(recovery, found, sessions_ended) {
        return not_yet(format!("{} is {}", found.id, found.status));
    }
    let groups_before = fence.map(|fence| fence.value.groups_before).unwrap_or_default();
    let group = found.groups.first().map(|group| group.id.clone());
    let text = match found.id.kind() {
        ResourceKind::DynamodbTable => format!("the resource policy of {} denies every write; requests keep no sessions", found.id),
        ResourceKind::ReplicationGroup => format!("{} admits validate alone, which ends the sessions of all others", found.id),
        _ => format!("{} admits nobody, and its sessions were ended", found.id),
    };
    let done = Fence { state: FenceState::SessionsEnded, groups_before, group, text: text.clone(), at: recovery.now };
    ledger::write(&deps.ledger, &keys::fence(&recovery.incident.id), &done).await?;
    recovery.tell(&deps.ledger, Phase::Fence, text.clone()).await?;
    Ok(Look::new(Progress::Done, poll, text))
}

/// The source must be behind its fence at this moment, or `or_else` is what is refused: what can be written next is the other side.
pub(crate) async fn expect_fenced<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    or_else: &str,
) -> Result<(), DrError> {
    let source = &recovery.incident.source.id;
    let refuse = |why: String| Err(DrError::refused(format!("{why}: {or_else}, as both sides could be written")));
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&recovery.incident.id)).await?.map(|kept| kept.value);
    let Some(fence) = fence.filter(|fence| fence.state == FenceState::Proven) else {
        return refuse(format!("that {source} is fenced is not proven"));
    };
    let found = observe::source(&deps.databases, &recovery.incident, recovery.swap.as_ref()).await?;
    match (found, recovery.plan.fence, fence.group) {
        (None, _, _) => Ok(()),
        (Some(found), Some(FencePlan::Terminal), _) if !found.status.is_serving() => Ok(()),
        (Some(found), Some(FencePlan::Group | FencePlan::Unended), Some(group)) if found.has_exactly_group(&group) => Ok(()),
        (Some(found), _, _) => {
            let groups: Vec<String> = found.groups.iter().map(|group| format!("{} {}", group.id, group.status)).collect();
            refuse(format!("{source} is {} with the security groups {}, and not behind its fence", found.status, groups.join(", ")))
        }
    }
}

/// In a dark zone there is no host to come back on: a reboot that has lasted longer than a failover may has ended every session,
/// and whatever comes back one day comes back behind the group.
fn stays_down(recovery: &Recovery<'_>, found: &ObservedDatabase, sessions_ended: Option<Timestamp>) -> bool {
    let grace = recovery.policy.timing.failover_grace;
    found.status.is_rebooting() && sessions_ended.is_some_and(|ended| recovery.now >= ended + grace.as_delta())
}

/// The groups to give back. A fence that an earlier story never opened is not among them: the plan knows those of before.
fn groups_before(recovery: &Recovery<'_>, found: &ObservedDatabase, fence: &str) -> Vec<String> {
    let shown = &found.configuration.security_groups;
    let restored = recovery.plan.restore_settings().map(|settings| {
        // A copy in quarantine is born without them, and opened to them.
        if settings.opens_to.is_empty() { &settings.configuration.security_groups } else { &settings.opens_to }
    });
    let promoted = recovery.plan.calls.iter().find_map(|call| match &call.act {
        Act::PromoteReplica { expected, .. } => Some(&expected.security_groups),
        _ => None,
    });
    let planned = restored.or(promoted);
    planned.filter(|_| *shown == [fence.to_owned()]).unwrap_or(shown).clone()
}

/// Whether a call was sent, or is about to be.
async fn is_written_down<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    index: usize,
) -> Result<bool, DrError> {
    let key = keys::call(&recovery.incident.id, &recovery.plan.hash, index);
    let record = ledger::read::<CallRecord>(&deps.ledger, &key).await?;
    Ok(record.is_some_and(|record| record.value.state != CallState::Refused))
}

/// The undo is written down before anything is changed.
async fn keep_undo<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    found: &ObservedDatabase,
    group: &str,
) -> Result<(), DrError> {
    let fence = Fence {
        state: FenceState::Closing,
        groups_before: groups_before(recovery, found, group),
        group: Some(group.to_owned()),
        text: format!("{} is being moved to {group}", found.id),
        at: recovery.now,
    };
    ledger::write(&deps.ledger, &keys::fence(&recovery.incident.id), &fence).await
}

/// Nothing is closed now; but a group that was set is never forgotten: whoever sees the source again must be able to open it.
async fn keep<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, recovery: &Recovery<'_>, text: String) -> Result<(), DrError> {
    let key = keys::fence(&recovery.incident.id);
    let kept = ledger::read::<Fence>(&deps.ledger, &key).await?.map(|kept| kept.value).filter(|kept| kept.state != FenceState::Opened);
    let (group, groups_before) = kept.map(|kept| (kept.group, kept.groups_before)).unwrap_or_default();
    let fence = Fence { state: FenceState::SessionsEnded, groups_before, group, text: text.clone(), at: recovery.now };
    ledger::write(&deps.ledger, &key, &fence).await?;
    recovery.tell(&deps.ledger, Phase::Fence, text).await
}
