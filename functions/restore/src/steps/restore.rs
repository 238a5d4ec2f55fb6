//! Starting a restore and looking how far it is.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::{instance, is_ours};
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::incident::{Phase, Restored, Setback};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, Remedy};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::Progress;
use lifeboat_domain::{DrError, ErrorName};

/// Sends the restore call of the plan.
pub(crate) async fn start<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    begin_wait(deps, &mut recovery).await?;
    send_restore(deps, &mut recovery).await
}

/// Starts the clock of the wait and names what is being made.
async fn begin_wait<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, recovery: &mut Recovery<'_>) -> Result<(), DrError> {
    let target = recovery.target().ok_or_else(|| DrError::unrecoverable("the plan restores nothing"))?;
    let arn = recovery.incident.source.arn.sibling(&target)?;
    let now = recovery.now;
    recovery
        .change(&deps.ledger, |incident| {
            if incident.restored.as_ref().is_none_or(|restored| restored.id != target) {
                incident.restored = Some(Restored { id: target.clone(), arn: arn.clone(), endpoint: None, resource_id: None });
                incident.waiting_since = Some(now);
            }
            Ok(())
        })
        .await
}

async fn send_restore<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
) -> Result<Look, DrError> {
    let poll = recovery.policy.timing.poll;
    let calls: Vec<_> = recovery.plan.calls_of(Phase::Act).map(|(index, call)| (index, call.clone())).collect();
    if let Some(reason) = lacks_a_class(recovery) {
        return Ok(Look::new(Progress::Failed, poll, reason));
    }
    for (index, call) in calls {
        match make(deps, recovery, index, &call, None).await {
            Ok(Made::Done(_)) => {}
            Ok(Made::NotYet(reason)) => return Ok(Look::new(Progress::InProgress, poll, reason)),
            // The cluster stands already: it is cleaned up before another one is restored.
            Err(error) if error.name() == ErrorName::NoCapacity && matches!(call.act, Act::MakeMember { .. }) => {
                recovery.tell(&deps.ledger, Phase::Act, error.message()).await?;
                return Ok(Look::new(Progress::Failed, poll, error.message()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Look::new(Progress::InProgress, poll, "the restore was accepted"))
}

/// Why no more members are made: the class of one was not to be had.
fn lacks_a_class(recovery: &Recovery<'_>) -> Option<String> {
    recovery.incident.setbacks.iter().find_map(|setback| match setback {
        Setback::NoCapacity { class, target: Some(target) } if Some(target) == recovery.plan.target.as_ref() => {
            Some(format!("{class} is not to be had for a member of {target}"))
        }
        _ => None,
    })
}

/// Looks how far the restored copy is.
pub(crate) async fn check<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let (waited, expired) = recovery.waited();
    let started = send_restore(deps, &mut recovery).await?;
    if started.progress == Progress::Failed {
        return Ok(started);
    }
    let target = recovery.incident.restored.as_ref().map(|restored| restored.id.clone());
    let target = target.ok_or_else(|| DrError::unrecoverable("no restore was started"))?;
    let Some(found) = instance(&deps.databases, &target).await? else {
        return Ok(give_up_or(
            expired,
            Look::new(Progress::InProgress, poll, format!("{}; {target} is not to be seen yet", started.reason)),
        ));
    };
    if !is_ours(&found, &recovery) {
        return Err(DrError::refused(format!("{target} is not this incident's: it is not touched")));
    }
    match found.status.meaning() {
        StatusMeaning::Serving if found.endpoint.is_some() && members_missing(&recovery, &found) == 0 => {
            arrived(deps, &mut recovery, &found).await?;
            Ok(Look::new(Progress::Done, poll, format!("{target} is {}", found.status)))
        }
        StatusMeaning::FailedCreation | StatusMeaning::Terminal => failed(deps, &mut recovery, &found).await,
        StatusMeaning::Serving if found.members.iter().any(|member| member.status.meaning() == StatusMeaning::FailedCreation) => {
            failed(deps, &mut recovery, &found).await
        }
        StatusMeaning::Serving if members_missing(&recovery, &found) > 0 => {
            let missing = members_missing(&recovery, &found);
            let reason = format!("{}; {target} serves, and {missing} of its members do not yet ({waited})", started.reason);
            Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)))
        }
        _ => Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, format!("{target} has been {} for {waited}", found.status)))),
    }
}

/// How many of the members that the plan gives a restored cluster do not serve yet; none of an instance.
fn members_missing(recovery: &Recovery<'_>, found: &ObservedDatabase) -> usize {
    let planned = recovery.plan.calls.iter().filter(|call| matches!(call.act, Act::MakeMember { .. })).count();
    planned.saturating_sub(found.members.iter().filter(|member| member.status.is_serving()).count())
}

pub(crate) fn give_up_or(expired: bool, look: Look) -> Look {
    if expired { Look { progress: Progress::Expired, reason: format!("gave up waiting: {}", look.reason), ..look } } else { look }
}

async fn arrived<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<(), DrError> {
    let endpoint = found.endpoint.clone();
    let now = recovery.now;
    let first = recovery.incident.restored.as_ref().is_some_and(|restored| restored.endpoint.is_none());
    recovery
        .change(&deps.ledger, |incident| {
            if let Some(restored) = &mut incident.restored {
                if restored.endpoint.is_none() {
                    incident.waiting_since = Some(now);
                }
                restored.endpoint.clone_from(&endpoint);
            }
            Ok(())
        })
        .await?;
    if first {
        recovery.tell(&deps.ledger, Phase::Act, format!("{} is {}", found.id, found.status)).await?;
    }
    Ok(())
}

async fn failed<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<Look, DrError> {
    let member =
        found.members.iter().find(|member| !matches!(member.status.meaning(), StatusMeaning::Serving | StatusMeaning::ServingBusy));
    let (id, status) = member.map_or((&found.id, &found.status), |member| (&member.id, &member.status));
    let text = format!("{id} ended in status {status}");
    let setback = if status.lacks_capacity() {
        let class = member.map_or(&found.configuration.class, |member| &member.configuration.class);
        Setback::NoCapacity { class: class.clone(), target: Some(found.id.clone()) }
    } else {
        let remedy = recovery.plan.remedy.unwrap_or(Remedy::RestoreLatest);
        Setback::RestoreFailed { target: found.id.clone(), remedy, text: text.clone() }
    };
    recovery
        .change(&deps.ledger, |incident| {
            if !incident.setbacks.contains(&setback) {
                incident.setbacks.push(setback.clone());
            }
            Ok(())
        })
        .await?;
    recovery.tell(&deps.ledger, Phase::Act, text.clone()).await?;
    Ok(Look::new(Progress::Failed, recovery.policy.timing.poll, text))
}
