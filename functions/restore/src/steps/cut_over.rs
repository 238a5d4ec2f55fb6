//! Moving the clients: every target of the plan, in its order, until each leads to the new database for everybody.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::targets::note::{begin, note};
use crate::targets::rename;
use crate::targets::settle::{Settled, settled};
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{CutOver, CutOverState, Fence, TargetEntry, TargetMove};
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::FencePlan;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::Progress;
use lifeboat_domain::{DrError, Span};

/// How long a target may take to lead to the new side, besides its TTL: Route 53 tells its name servers within a minute, a proxy
/// finds a healthy target within a few. Clients are down meanwhile, so the policy's hours for a restore are no measure here.
pub(super) const SETTLES_WITHIN: Span = Span::minutes(30);

/// Goes on with the move each time it is called; refuses where the source is not fenced.
pub(crate) async fn cut_over<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&recovery.incident.id)).await?;
    // What lies in another Region cannot be fenced from here, and a person has approved a plan that says so.
    let is_elsewhere = recovery.plan.fence == Some(FencePlan::Elsewhere);
    if !is_elsewhere && !fence.is_some_and(|fence| fence.value.state.stands()) {
        return Err(DrError::refused("the source is not fenced: clients are not moved, as both sides could be written"));
    }
    let noted = note(deps, &recovery).await?;
    if recovery.plan.opening().is_some() && noted.opened_at.is_none() {
        return Err(DrError::refused("the copy is in quarantine still: clients are not moved, as it would admit none of them"));
    }
    if !noted.is_begun() {
        recovery.begin_waiting(&deps.ledger).await?;
    }
    let opening = recovery.plan.opening().map(|(index, _)| index);
    let moves = recovery.plan.calls_of(Phase::CutOver).filter(|(index, _)| Some(*index) != opening);
    let calls: Vec<_> = moves.map(|(index, call)| (index, call.clone())).collect();
    for (index, call) in calls {
        begin(deps, &recovery, &call.act).await?;
        if let Made::NotYet(reason) = make(deps, &mut recovery, index, &call, None).await? {
            return Ok(wait(&recovery, &noted, reason));
        }
        if let Some(reason) = rename::unsettled(deps, &mut recovery, &call.act).await? {
            return Ok(wait(&recovery, &noted, reason));
        }
    }
    let kept = ledger::expect::<CutOver>(&deps.ledger, &keys::cut_over(&recovery.incident.id)).await?.value;
    for target in &kept.targets {
        match look(deps, &recovery, target).await? {
            Settled::Yes(_) => {}
            Settled::Everywhere(reason) | Settled::NotYet(reason) => return Ok(wait(&recovery, &kept, reason)),
            Settled::Elsewhere(reason) => {
                recovery.tell(&deps.ledger, Phase::CutOver, reason.clone()).await?;
                return Ok(Look::new(Progress::Failed, poll, reason));
            }
        }
    }
    Ok(Look::new(Progress::Done, poll, "clients find the new database"))
}

/// Looks at a target, and writes down what it reached.
async fn look<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    target: &TargetEntry,
) -> Result<Settled, DrError> {
    let found = settled(deps, target, recovery.now).await?;
    if let Settled::Yes(text) | Settled::Everywhere(text) = &found
        && target.state == CutOverState::Moving
    {
        ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&recovery.incident.id), |cut_over| {
            let moving = cut_over.targets.iter_mut().find(|kept| kept.moves == target.moves && kept.state == CutOverState::Moving);
            if let Some(moving) = moving {
                moving.reach(CutOverState::Moved, recovery.now, text.clone());
            }
            Ok(())
        })
        .await?;
    }
    Ok(found)
}

fn wait(recovery: &Recovery<'_>, cut_over: &CutOver, reason: String) -> Look {
    let ttl = cut_over.targets.iter().map(|target| if let TargetMove::Record { ttl, .. } = &target.moves { *ttl } else { 0 }).max();
    let renames = cut_over.targets.iter().map(|target| if let TargetMove::Names(names) = &target.moves { names.renames() } else { 0 });
    let renames = rename::EACH_WITHIN.as_secs().saturating_mul(renames.sum());
    let longest = SETTLES_WITHIN.as_secs().saturating_add(u64::from(ttl.unwrap_or(0))).saturating_add(renames);
    let (waited, _) = recovery.waited();
    let progress = if waited.as_secs() >= longest { Progress::Expired } else { Progress::InProgress };
    let reason = if progress == Progress::Expired { format!("gave up after {waited}: {reason}") } else { reason };
    Look::new(progress, recovery.policy.timing.poll, reason)
}

/// Clients were seen on the new side: from here on the cut-over only goes forward.
pub(crate) async fn mark_verified<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, recovery: &Recovery<'_>) -> Result<(), DrError> {
    ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&recovery.incident.id), |cut_over| {
        for target in cut_over.targets.iter_mut().filter(|target| target.state != CutOverState::Verified) {
            let at = target.at;
            target.reach(CutOverState::Verified, at, "verified from the client's side");
        }
        Ok(())
    })
    .await
    .map(|_| ())
}
