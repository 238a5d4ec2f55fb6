//! Letting clients into the database that they are moved back to, once the other one is proven to admit nobody.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::{instance, is_ours};
use crate::steps::restore::give_up_or;
use crate::targets::note::note;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::DrError;
use lifeboat_domain::acting::{CutOver, Fence};
use lifeboat_domain::incident::{Phase, Restored};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, Remedy};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::Progress;

/// Goes one step further each time it is called.
pub(crate) async fn reopen<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&recovery.incident.id)).await?;
    if !fence.is_some_and(|fence| fence.value.state.stands()) {
        return Err(DrError::refused("today's database is not fenced: the old one is not opened, as both could be written"));
    }
    let target = recovery.target().ok_or_else(|| DrError::unrecoverable("the plan goes back to nothing"))?;
    let found = instance(&deps.databases, &target).await?.ok_or_else(|| DrError::not_found(format!("{target} does not exist any more")))?;
    expect_known(&recovery, &found)?;
    if recovery.plan.remedy != Some(Remedy::SwapBack) {
        return open_closed(deps, &recovery, &found).await;
    }
    let (arn, endpoint, now) = (found.arn.clone(), found.endpoint.clone(), recovery.now);
    let resource_id = recovery.plan.target_resource_id.clone();
    recovery
        .change(&deps.ledger, |incident| {
            if incident.restored.is_none() {
                incident.waiting_since = Some(now);
            }
            incident.restored =
                Some(Restored { id: target.clone(), arn: arn.clone(), endpoint: endpoint.clone(), resource_id: resource_id.clone() });
            Ok(())
        })
        .await?;
    // The undo of every target is written down before anything opens; sessions that are ended on the way back are those of this opening.
    note(deps, &recovery).await?;
    let (_, expired) = recovery.waited();
    let not_yet = |reason: String| Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
    let calls: Vec<_> = recovery.plan.calls_of(Phase::Act).map(|(index, call)| (index, call.clone())).collect();
    for (index, call) in calls {
        let groups = match &call.act {
            Act::SetSecurityGroups { groups, .. } => groups.clone(),
            other => return Err(DrError::unrecoverable(format!("{} does not open anything", other.describe()))),
        };
        match make(deps, &mut recovery, index, &call, None).await? {
            Made::NotYet(reason) => return not_yet(reason),
            Made::Done(record) => {
                let settled = record.ended_at.is_some_and(|ended| recovery.now >= ended + poll.as_delta());
                if !settled || !found.has_exactly_groups(&groups) {
                    return not_yet(format!("{target} is {}; {}", found.status, record.act.describe()));
                }
            }
        }
    }
    if !found.status.accepts_calls() {
        return not_yet(format!("{target} is {}", found.status));
    }
    Ok(Look::new(Progress::Done, poll, format!("{target} lets clients in again")))
}

/// What has the target's name must be what the plan means.
fn expect_known(recovery: &Recovery<'_>, found: &ObservedDatabase) -> Result<(), DrError> {
    let known = match &recovery.plan.target_resource_id {
        Some(planned) => *planned == found.resource_id,
        None => is_ours(found, recovery),
    };
    if known {
        Ok(())
    } else {
        Err(DrError::refused(format!("{} is another instance now ({}): it is not touched", found.id, found.resource_id)))
    }
}

/// A copy that an earlier way back has closed gets its groups back, now that the source is fenced once more.
async fn open_closed<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<Look, DrError> {
    let (poll, id, key) = (recovery.policy.timing.poll, &found.id, keys::cut_over(&recovery.incident.id));
    let closed = ledger::read::<CutOver>(&deps.ledger, &key).await?.and_then(|kept| kept.value.closed);
    let Some(groups) = closed else { return Ok(Look::new(Progress::Done, poll, format!("{id} is open"))) };
    let (_, expired) = recovery.waited();
    let not_yet = |reason: String| Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
    if !found.has_exactly_groups(&groups) {
        let opening = |error: lifeboat_domain::CallError| error.while_doing(format!("opening {id} again"));
        deps.databases.set_security_groups(id, &groups).await.map_err(opening)?;
        return not_yet(format!("{id} is being opened again"));
    }
    if !found.status.accepts_calls() {
        return not_yet(format!("{id} is {}", found.status));
    }
    ledger::update::<CutOver, _>(&deps.ledger, &key, |cut_over| {
        (cut_over.closed, cut_over.left_sessions, cut_over.sessions_ended_at) = (None, false, None);
        Ok(())
    })
    .await?;
    let text = format!("{id} lets clients in again: it was closed when they were moved back");
    recovery.tell(&deps.ledger, Phase::Fence, text.clone()).await?;
    Ok(Look::new(Progress::Done, poll, text))
}
