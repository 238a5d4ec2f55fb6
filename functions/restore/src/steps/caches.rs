//! What is done otherwise with a cache: a replica is promoted in up to three calls, and a new one is told its AUTH token.

use crate::case::Recovery;
use crate::executor::{Made, finish, make};
use crate::observe;
use crate::steps::compensate::{calls_of, forget_calls};
use crate::steps::fail_over::{count_anew, look, send_once};
use crate::steps::restore::give_up_or;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{Before, CallRecord, CallState};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, Plan, PlannedCall, Remedy, RestoreSettings};
use lifeboat_domain::ports::{Answer, Clock, Ledger, Secret};
use lifeboat_domain::words::{Progress, ResourceKind};
use lifeboat_domain::{CallClass, CallError, DrError, Span};

/// The AUTH token of today's secret, where the source had one: no snapshot holds it.
pub(crate) async fn token<R, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    settings: &RestoreSettings,
) -> Answer<Option<Secret>> {
    if !settings.configuration.cache().is_some_and(|cache| cache.auth_token) {
        return Ok(None);
    }
    let Some(secret) = &recovery.incident.source.secret else {
        let text = "the source has an AUTH token, and no tag lifeboat:secret names the secret that holds it; nothing was sent";
        return Err(CallError::new(CallClass::Invalid, "elasticache:CreateReplicationGroup", "AuthToken", text));
    };
    deps.secrets.credentials(secret, None).await.map(|today| Some(today.password))
}

/// Whether a promotion was begun and is not at its end: whoever takes it up carries it on, as automatic failover may be off.
pub(crate) fn is_under_way(plan: &Plan, calls: &[&CallRecord]) -> bool {
    let made = |index: usize| calls.iter().find(|call| call.index == index && call.state != CallState::Refused);
    let planned: Vec<usize> = plan.calls_of(Phase::Act).map(|(index, _)| index).collect();
    plan.remedy == Some(Remedy::ForceFailover)
        && planned.len() > 1
        && planned.iter().any(|index| made(*index).is_some())
        && planned.iter().any(|index| made(*index).is_none_or(|call| call.state != CallState::Done))
}

/// What became of one call of a promotion.
enum Went {
    /// It is done, and Describe shows it.
    On,
    /// Not yet.
    Waits(String),
    /// Nobody can tell, and it is not sent again.
    Untold(String),
}

/// Goes one step further each time it is called: automatic failover off, the promotion, and on again.
pub(crate) async fn fail_over<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    mut recovery: Recovery<'_>,
) -> Result<Look, DrError> {
    let poll = recovery.policy.timing.poll;
    let calls: Vec<(usize, PlannedCall)> = recovery.plan.calls_of(Phase::Act).map(|(index, call)| (index, call.clone())).collect();
    begin(deps, &mut recovery).await?;
    let (_, expired) = recovery.waited();
    let mut untold = None;
    for (index, call) in calls {
        let found = look(deps, &recovery).await?;
        let went = match &call.act {
            Act::SetFailover { automatic, multi_az, .. } => {
                switch(deps, &mut recovery, (index, &call), &found, (*automatic, *multi_az)).await?
            }
            Act::ForceFailover { to: Some(to), from, .. } => {
                promote(deps, &mut recovery, (index, &call), &found, (from.as_ref(), to)).await?
            }
            other => return Err(DrError::unrecoverable(format!("{} is no part of a promotion", other.describe()))),
        };
        match went {
            Went::On => {}
            Went::Waits(reason) => return Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason))),
            Went::Untold(reason) => untold = Some(reason),
        }
    }
    if let Some(reason) = untold {
        return Ok(Look::new(Progress::Expired, poll, reason));
    }
    count_anew(&deps.ledger, &mut recovery).await?;
    let found = look(deps, &recovery).await?;
    let writer = found.writer().map_or_else(|| "nobody".to_owned(), |writer| writer.id.to_string());
    let text = format!("{writer} is the primary of {}", found.id);
    recovery.tell(&deps.ledger, Phase::Act, text.clone()).await?;
    Ok(Look::new(Progress::Done, poll, text))
}

/// Waiting begins with the first call; what was waited for before does not count.
async fn begin<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, recovery: &mut Recovery<'_>) -> Result<(), DrError> {
    let calls = calls_of(deps, &recovery.incident).await?;
    if calls.iter().any(|call| call.phase == Phase::Act && call.state != CallState::Refused) {
        return Ok(());
    }
    let now = recovery.now;
    recovery
        .change(&deps.ledger, |incident| {
            incident.waiting_since.get_or_insert(now);
            Ok(())
        })
        .await
}

/// Switches automatic failover, and waits until Describe shows it.
async fn switch<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    (index, call): (usize, &PlannedCall),
    found: &ObservedDatabase,
    (automatic, multi_az): (bool, bool),
) -> Result<Went, DrError> {
    let record = match make(deps, recovery, index, call, None).await? {
        Made::NotYet(reason) => return Ok(Went::Waits(reason)),
        Made::Done(record) => record,
    };
    let is_so = found.configuration.cache().is_some_and(|cache| cache.automatic_failover == automatic);
    let settled = record.ended_at.is_some_and(|ended| recovery.now >= ended + recovery.policy.timing.poll.as_delta());
    // Later calls have been made since: they are looked at below.
    if is_behind(deps, recovery, index).await?
        || (settled && is_so && found.configuration.multi_az == multi_az && found.status.accepts_calls())
    {
        return Ok(Went::On);
    }
    Ok(Went::Waits(format!("{} is {}; {}", found.id, found.status, record.act.describe())))
}

/// Whether a later call of the promotion was written down.
async fn is_behind<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    index: usize,
) -> Result<bool, DrError> {
    let calls = calls_of(deps, &recovery.incident).await?;
    Ok(calls.iter().any(|call| call.phase == Phase::Act && call.index > index && call.state != CallState::Refused))
}

/// Asks for the promotion once, and watches the roles.
async fn promote<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    (index, call): (usize, &PlannedCall),
    found: &ObservedDatabase,
    (from, to): (Option<&DatabaseId>, &DatabaseId),
) -> Result<Went, DrError> {
    let key = keys::call(&recovery.incident.id, &recovery.plan.hash, index);
    let kept = ledger::read::<CallRecord>(&deps.ledger, &key).await?.filter(|kept| kept.value.state != CallState::Refused);
    let writer = found.writer().map(|writer| writer.id.clone());
    let Some(kept) = kept else {
        if let Some(other) = writer.as_ref().filter(|writer| Some(*writer) != from) {
            let text = format!("{other} is the primary of {} already: nothing is promoted, as it would go back", found.id);
            recovery.tell(&deps.ledger, Phase::Act, text).await?;
            return Ok(Went::On);
        }
        let before = Before { zone: found.zone.clone(), secondary_zone: found.secondary_zone.clone(), writer };
        let (made, _) = send_once(deps, recovery, (index, call), before).await?;
        return Ok(match made? {
            Made::Done(record) => Went::Waits(record.text.clone()),
            Made::NotYet(reason) => Went::Waits(reason),
        });
    };
    if writer.as_ref() == Some(to) {
        if kept.value.state == CallState::Sent {
            finish(deps, recovery, &kept.value, kept.version, format!("{to} is shown as the primary")).await?;
        }
        let is_done = found.status.accepts_calls();
        return Ok(if is_done { Went::On } else { Went::Waits(format!("{} is {}", found.id, found.status)) });
    }
    let (waited, grace) = (Span::between(kept.value.sent_at, recovery.now), recovery.policy.timing.failover_grace);
    if waited < grace || !found.status.accepts_calls() {
        return Ok(Went::Waits(format!("{} is {}, {waited} after {} was to be its primary", found.id, found.status, to)));
    }
    Ok(Went::Untold(format!(
        "{to} was asked to be the primary of {}, and is not after {waited}; it is not asked for twice, as a second one could go back",
        found.id
    )))
}

/// Automatic failover that a promotion switched off, and never on again, is switched on as it was: a cache without it heals from nothing
/// by itself. Answers what is waited for, if anything is.
pub(crate) async fn switch_on_again<R: Databases, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    case: &Case,
) -> Result<Option<String>, DrError> {
    if incident.kind != ResourceKind::ReplicationGroup {
        return Ok(None);
    }
    let mut on = None;
    for plan in ledger::list::<Plan>(&deps.ledger, &keys::of_incident(&incident.id), "plan#").await? {
        let prefix = format!("call#{}#", plan.value.hash);
        let calls = ledger::list::<CallRecord>(&deps.ledger, &keys::of_incident(&incident.id), &prefix).await?;
        let calls: Vec<CallRecord> = calls.into_iter().map(|kept| kept.value).collect();
        let sent = calls.iter().filter(|call| call.state != CallState::Refused);
        let off = sent.clone().any(|call| matches!(call.act, Act::SetFailover { automatic: false, .. }));
        let is_on = sent.clone().any(|call| call.state == CallState::Done && matches!(call.act, Act::SetFailover { automatic: true, .. }));
        if off && !is_on {
            on = plan.value.calls.iter().find_map(|call| match &call.act {
                Act::SetFailover { automatic: true, multi_az, .. } => Some((plan.value.hash.clone(), *multi_az)),
                _ => None,
            });
        }
    }
    let Some((hash, multi_az)) = on else { return Ok(None) };
    let id = &incident.source.id;
    let Some(found) = observe::source(&deps.databases, incident, None).await? else { return Ok(None) };
    let is_shown = found.configuration.cache().is_some_and(|cache| cache.automatic_failover) && found.configuration.multi_az == multi_az;
    let now = deps.clock.now();
    if is_shown && found.status.accepts_calls() {
        // What was undone is not done: a promotion that is taken up later begins anew.
        let of_plan = Incident { plan: Some(hash), ..incident.clone() };
        forget_calls(deps, &of_plan, now, |call| matches!(call.act, Act::SetFailover { .. })).await?;
        let text = format!("automatic failover of {id} is on again, as it was before the promotion");
        ledger::tell(&deps.ledger, &incident.id, now, Phase::Act, text).await?;
        return Ok(None);
    }
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, &case.execution, now, lasts).await?;
    match deps.databases.set_failover(id, true, multi_az).await {
        Ok(()) => {}
        Err(error) if error.class == CallClass::WrongState => {}
        Err(error) => return Err(error.while_doing(format!("switching automatic failover of {id} on again"))),
    }
    Ok(Some(format!("automatic failover of {id} is being switched on again: it is {}", found.status)))
}
