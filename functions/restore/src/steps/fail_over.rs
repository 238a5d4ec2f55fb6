//! A forced Multi-AZ failover: asked for at most once, then watched.

use crate::case::Recovery;
use crate::executor::{Made, finish, make};
use crate::observe::{has_failed_over, shows_failover, source};
use crate::steps::caches;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{Before, CallRecord, CallState};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Phase, Setback};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, PlannedCall};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::{Progress, ResourceKind};
use lifeboat_domain::{DrError, Span};

/// Asks for the failover. An intent that stands is never sent again.
pub(crate) async fn fail_over<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    if recovery.incident.kind == ResourceKind::ReplicationGroup {
        return caches::fail_over(deps, recovery).await;
    }
    let poll = recovery.policy.timing.poll;
    let (index, call) = failover_call(&recovery)?;
    let source = recovery.incident.source.id.clone();
    let found = look(deps, &recovery).await?;
    let writer = found.writer().map(|writer| writer.id.clone());
    if let Some(reason) = already_moved(deps, &recovery, index, &call, writer.as_ref()).await? {
        recovery.tell(&deps.ledger, Phase::Act, reason.clone()).await?;
        return Ok(Look::new(Progress::InProgress, poll, reason));
    }
    let before = Before { zone: found.zone, secondary_zone: found.secondary_zone, writer };
    let (made, refused) = send_once(deps, &mut recovery, (index, &call), before).await?;
    if let Some(why) = refused {
        made?;
        return Err(DrError::conflict(format!("the failover of {source} was refused and nothing was changed: {why}")));
    }
    let reason = match made? {
        Made::Done(record) => record.text,
        Made::NotYet(reason) => reason,
    };
    Ok(Look::new(Progress::InProgress, poll, reason))
}

/// Writes down first that a failover was asked for, so that this incident plans no other one, whatever becomes of this step and its plan;
/// then asks. What AWS refused has changed nothing: it does not count, and its reason is told.
pub(crate) async fn send_once<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    (index, call): (usize, &PlannedCall),
    before: Before,
) -> Result<(Result<Made, DrError>, Option<String>), DrError> {
    let now = recovery.now;
    recovery
        .change(&deps.ledger, |incident| {
            if !incident.setbacks.contains(&Setback::FailoverSent) {
                incident.setbacks.push(Setback::FailoverSent);
                // A refusal that lasts must come to an end: its wait is not begun anew.
                incident.waiting_since.get_or_insert(now);
            }
            Ok(())
        })
        .await?;
    let made = make(deps, recovery, index, call, Some(before)).await;
    let record = ledger::read::<CallRecord>(&deps.ledger, &keys::call(&recovery.incident.id, &recovery.plan.hash, index)).await?;
    let Some(refused) = record.filter(|record| record.value.state == CallState::Refused) else { return Ok((made, None)) };
    recovery
        .change(&deps.ledger, |incident| {
            incident.setbacks.retain(|setback| *setback != Setback::FailoverSent);
            Ok(())
        })
        .await?;
    Ok((made, Some(refused.value.text)))
}

/// Why nothing is to be sent: another member writes than when the plan was made, so that a failover would flip back.
async fn already_moved<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    index: usize,
    call: &PlannedCall,
    writer: Option<&DatabaseId>,
) -> Result<Option<String>, DrError> {
    let Act::ForceFailover { instance, from: Some(from), .. } = &call.act else { return Ok(None) };
    let Some(writer) = writer.filter(|writer| *writer != from) else { return Ok(None) };
    let key = keys::call(&recovery.incident.id, &recovery.plan.hash, index);
    let was_sent = ledger::read::<CallRecord>(&deps.ledger, &key).await?.is_some_and(|kept| kept.value.state != CallState::Refused);
    let reason = format!("{writer} writes for {instance} already, and no longer {from}: no failover is asked for, as it would flip back");
    Ok((!was_sent).then_some(reason))
}

pub(crate) async fn look<R: Databases, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
) -> Result<ObservedDatabase, DrError> {
    let found = source(&deps.databases, &recovery.incident, None).await?;
    found.ok_or_else(|| DrError::not_found(format!("{} does not exist", recovery.incident.source.id)))
}

/// AWS and the clients have their time again: silence from before the end of the failover does not count against it.
pub(crate) async fn count_anew<L: Ledger>(ledger: &L, recovery: &mut Recovery<'_>) -> Result<(), DrError> {
    let now = recovery.now;
    recovery
        .change(ledger, |incident| {
            if incident.counted_from.is_none() {
                incident.counted_from = Some(now);
                incident.failed_probes = 0;
            }
            Ok(())
        })
        .await
}

fn failover_call(recovery: &Recovery<'_>) -> Result<(usize, PlannedCall), DrError> {
    let call = recovery.plan.calls_of(Phase::Act).next().map(|(index, call)| (index, call.clone()));
    call.ok_or_else(|| DrError::unrecoverable("the plan has no failover"))
}

/// Looks whether it took place: the zones swap, sometimes minutes later; nothing is sent here.
pub(crate) async fn check<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    if recovery.incident.kind == ResourceKind::ReplicationGroup {
        return caches::fail_over(deps, recovery).await;
    }
    let poll = recovery.policy.timing.poll;
    let (index, _) = failover_call(&recovery)?;
    let source = recovery.incident.source.id.clone();
    let Some(kept) = ledger::read::<CallRecord>(&deps.ledger, &keys::call(&recovery.incident.id, &recovery.plan.hash, index)).await? else {
        return Ok(Look::new(
            Progress::Done,
            poll,
            format!("the failover of {source} was never written down, so it was never sent: the probe decides"),
        ));
    };
    let mut record = kept.value;
    let found = look(deps, &recovery).await?;
    let grace = recovery.policy.timing.failover_grace;
    let waited = Span::between(record.sent_at, recovery.now);
    if record.state == CallState::Sent
        && let Some(text) = shows_failover(&recovery.incident, &record, &found)
    {
        record = *finish(deps, &recovery, &record, kept.version, text).await?;
    }
    if has_failed_over(&record, &found) && found.status.is_serving() {
        count_anew(&deps.ledger, &mut recovery).await?;
        let zone = found.zone.as_deref().unwrap_or("another zone");
        recovery.tell(&deps.ledger, Phase::Act, format!("{source} serves from {zone}")).await?;
        return Ok(Look::new(Progress::Done, poll, format!("{source} serves from {zone}")));
    }
    if waited < grace || !found.status.is_serving() {
        let (_, expired) = recovery.waited();
        let reason =
            format!("{source} is {} in {}, {waited} after the failover was asked for", found.status, found.zone.as_deref().unwrap_or("?"));
        return Ok(super::restore::give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
    }
    if record.state == CallState::Done {
        count_anew(&deps.ledger, &mut recovery).await?;
        return Ok(Look::new(
            Progress::Done,
            poll,
            format!("the failover took place ({}), but its zones have not swapped within {grace}: the probe decides", record.text),
        ));
    }
    let reason = format!(
        "whether the failover of {source} took place cannot be told: the reply was lost and its zones have not swapped within {grace}; it is not asked for twice, as a second one would flip back"
    );
    Ok(Look::new(Progress::Expired, poll, reason))
}
