//! The quarantine of a restored copy: opened behind a fence that stands, closed again on the way back.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::{self, instance, is_ours};
use crate::steps::compensate::{calls_of, forget_calls, shut};
use crate::steps::cut_over::SETTLES_WITHIN;
use crate::steps::fence::expect_fenced;
use crate::steps::restore::give_up_or;
use crate::targets::note::note;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, Plan};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::Progress;
use lifeboat_domain::{CallError, DrError, Span, Timestamp};

/// Goes one step further with the opening each time it is called; done where the copy never was in quarantine.
pub(crate) async fn open<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let Some((index, call)) = recovery.plan.opening().map(|(index, call)| (index, call.clone())) else {
        return Ok(Look::new(Progress::Done, poll, "the new database is in no quarantine"));
    };
    let Act::SetSecurityGroups { instance: target, groups } = &call.act else {
        return Err(DrError::unrecoverable(format!("{} does not open anything", call.act.describe())));
    };
    expect_fenced(deps, &recovery, &format!("{target} stays in quarantine")).await?;
    if is_behind(deps, &recovery, index).await? {
        return Ok(Look::new(Progress::Done, poll, "the new database has left its quarantine, and clients are being moved to it"));
    }
    let found = instance(&deps.databases, target).await?.ok_or_else(|| DrError::not_found(format!("{target} has vanished")))?;
    if !is_ours(&found, &recovery) {
        return Err(DrError::refused(format!("{target} is not this incident's: it is not touched")));
    }
    let since = begin(deps, &recovery).await?;
    let expired = Span::between(since, recovery.now) >= SETTLES_WITHIN;
    let not_yet = |reason: String| Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
    match make(deps, &mut recovery, index, &call, None).await? {
        Made::NotYet(reason) => not_yet(reason),
        Made::Done(record) => {
            // Describe may show for a moment what was before the call.
            let settled = record.ended_at.is_some_and(|ended| recovery.now >= ended + poll.as_delta());
            if !settled || !found.has_exactly_groups(groups) || !found.status.accepts_calls() {
                return not_yet(format!("{target} is {}; {}", found.status, record.act.describe()));
            }
            let text = format!("{target} has left its quarantine: it admits whom its source admitted");
            recovery.tell(&deps.ledger, Phase::CutOver, text.clone()).await?;
            Ok(Look::new(Progress::Done, poll, text))
        }
    }
}

/// Whether an earlier execution has opened it and gone on: since then it may even have another name.
async fn is_behind<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    index: usize,
) -> Result<bool, DrError> {
    let id = &recovery.incident.id;
    let record = ledger::read::<CallRecord>(&deps.ledger, &keys::call(id, &recovery.plan.hash, index)).await?;
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(id)).await?;
    Ok(record.is_some_and(|record| record.value.state == CallState::Done) && cut_over.is_some_and(|kept| kept.value.is_begun()))
}

/// Writes the undo of every target down, and that the copy may be open from now on; since when it may be.
async fn begin<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
) -> Result<Timestamp, DrError> {
    note(deps, recovery).await?;
    let kept = ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&recovery.incident.id), |cut_over| {
        cut_over.opened_at.get_or_insert(recovery.now);
        Ok(())
    })
    .await?;
    Ok(kept.opened_at.unwrap_or(recovery.now))
}

/// Whether an earlier execution has opened the copy: it is right then that it has its source's groups.
pub(crate) async fn was_opened<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<bool, DrError> {
    if recovery.plan.quarantine().is_none_or(|quarantine| !found.has_exactly_groups(quarantine.opens_to)) {
        return Ok(false);
    }
    let kept = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&recovery.incident.id)).await?;
    Ok(kept.is_some_and(|kept| kept.value.opened_at.is_some()))
}

/// The group of the quarantine in which the incident's copy was born.
pub(crate) async fn group_of<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
) -> Result<Option<String>, DrError> {
    let Some(hash) = &incident.plan else { return Ok(None) };
    let plan = ledger::read::<Plan>(&deps.ledger, &keys::plan(&incident.id, hash)).await?.map(|kept| kept.value);
    Ok(plan.and_then(|plan| plan.quarantine().map(|quarantine| quarantine.group.to_owned())))
}

/// Whether it opens the copy.
fn is_opening(call: &CallRecord) -> bool {
    call.phase == Phase::CutOver && matches!(call.act, Act::SetSecurityGroups { .. })
}

/// Whether the copy may have left its quarantine. An opening that was never sent, or refused, has opened nothing.
pub(crate) async fn is_left<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    cut_over: Option<&CutOver>,
) -> Result<bool, DrError> {
    let (Some(restored), Some(group)) = (&incident.restored, group_of(deps, incident).await?) else { return Ok(false) };
    if cut_over.is_none_or(|cut_over| cut_over.opened_at.is_none()) {
        return Ok(false);
    }
    let sent = calls_of(deps, incident).await?.into_iter().find(is_opening);
    let in_there = match sent.map(|call| call.state) {
        None => true,
        // A sending before the refused one may have opened it all the same.
        Some(CallState::Refused) => observe::restored(&deps.databases, restored).await?.is_none_or(|found| found.has_exactly_group(&group)),
        Some(CallState::Sent | CallState::Done) => false,
    };
    if in_there {
        is_in_again(deps, incident).await?;
    }
    Ok(!in_there)
}

async fn is_in_again<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, incident: &Incident) -> Result<(), DrError> {
    ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&incident.id), |cut_over| {
        cut_over.opened_at = None;
        Ok(())
    })
    .await
    .map(|_| ())
}

/// Puts the copy back behind `group`, and sees that it is there.
pub(crate) async fn close<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    found: &ObservedDatabase,
    group: &str,
    now: Timestamp,
) -> Result<(), DrError> {
    let kept = ledger::expect::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.value;
    if kept.opened_at.is_none() {
        return shut(deps, incident, found, group).await;
    }
    let id = &found.id;
    // Describe may not show an opening that was accepted a moment ago: the group is set whatever it shows, and looked at later.
    let closing = |error: CallError| error.while_doing(format!("closing {id} on the way back"));
    deps.databases.set_security_groups(id, &[group.to_owned()]).await.map_err(closing)?;
    forget_calls(deps, incident, now, is_opening).await?;
    is_in_again(deps, incident).await?;
    let text = format!("{id} goes back into its quarantine: nobody is let in but validate");
    ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, text.clone()).await?;
    Err(DrError::conflict(format!("{text}; {} is opened after that", incident.source.id)))
}
