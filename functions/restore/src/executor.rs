//! Makes one planned call: permit, intent, call, conclusion.

use crate::observe::{Observation, observe, renamed, source};
use crate::steps::{caches, sessions};
use crate::{Databases, Deps, Secrets, case::Recovery, targets};
use lifeboat_domain::acting::{Before, CallRecord, CallState, NextMove, conclude, intend, state_after};
use lifeboat_domain::incident::Setback;
use lifeboat_domain::plan::{Act, PlannedCall, Repeat};
use lifeboat_domain::ports::{Answer, Clock, Ledger};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, CallError, DrError};

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// It took place, now or earlier.
    Done(Box<CallRecord>),
    /// Not now: the resource is busy, or the outcome cannot be told yet.
    NotYet(String),
}

/// Makes the call at `index` of the plan, at most once in effect.
pub(crate) async fn make<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    index: usize,
    call: &PlannedCall,
    before: Option<Before>,
) -> Result<Made, DrError> {
    let permit = lifeboat_domain::lease::renew(
        &deps.ledger,
        &recovery.incident.resource,
        recovery.execution,
        recovery.now,
        recovery.policy.timing.lease,
    )
    .await?;
    match intend(&deps.ledger, recovery.place(), index, call, before, &permit, recovery.now).await? {
        NextMove::Done(record) => Ok(Made::Done(record)),
        NextMove::Send(record, version) => send(deps, recovery, *record, version, Sending::First).await,
        NextMove::Observe(record, version) => match observe(deps, recovery, &record).await? {
            Observation::Done(text) => finish(deps, recovery, &record, version, text).await.map(Made::Done),
            Observation::NotDone => send(deps, recovery, *record, version, Sending::Again).await,
            Observation::CannotTell => Ok(Made::NotYet(format!("whether {} took place cannot be told yet", record.act.describe()))),
        },
    }
}

/// Whether an earlier sending of the same call may have taken place all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    First,
    /// Its reply was lost, and Describe, which lags, does not show it.
    Again,
}

async fn send<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    record: CallRecord,
    version: u64,
    sending: Sending,
) -> Result<Made, DrError> {
    let restored = recovery.incident.restored.as_ref().filter(|restored| restored.resource_id.is_some());
    if restored.is_some_and(|restored| record.act.is_on(&restored.id, &restored.arn)) {
        renamed(&deps.databases, &recovery.incident).await?;
    } else if record.act.is_on(&recovery.incident.source.id, &recovery.incident.source.arn) {
        source(&deps.databases, &recovery.incident, recovery.swap.as_ref()).await?;
    }
    let answer = match &record.act {
        Act::EndSessions { instance } if instance.kind() == ResourceKind::DbCluster => sessions::end(&deps.databases, instance).await,
        act => call(deps, recovery, act).await.map(|()| "AWS accepted it".to_owned()),
    };
    let state = state_after(&answer);
    match answer {
        Ok(text) => finish(deps, recovery, &record, version, text).await.map(Made::Done),
        Err(error) if error.class == CallClass::AlreadyExists => match observe(deps, recovery, &record).await? {
            Observation::Done(text) => finish(deps, recovery, &record, version, text).await.map(Made::Done),
            Observation::NotDone | Observation::CannotTell => Err(error.while_doing(record.act.describe())),
        },
        // Perhaps refused because the first one is at work: its record stays open, and is observed again.
        Err(error) if sending == Sending::Again && error.class == CallClass::WrongState => Ok(Made::NotYet(error.to_string())),
        Err(error) if state == CallState::Refused => {
            conclude(&deps.ledger, recovery.place(), &record, version, CallState::Refused, error.to_string(), recovery.now).await?;
            refused(deps, recovery, &record, error).await
        }
        // Nothing is known. A call that may be repeated is looked at when the step runs again; one that may not is watched.
        Err(error) if record.act.repeat() == Repeat::AtMostOnce => Ok(Made::NotYet(format!("its reply was lost: {error}"))),
        Err(error) => Err(error.while_doing(record.act.describe())),
    }
}

async fn refused<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    record: &CallRecord,
    error: CallError,
) -> Result<Made, DrError> {
    match (error.class, &record.act) {
        (CallClass::WrongState, _) => Ok(Made::NotYet(error.to_string())),
        (
            CallClass::NoCapacity,
            Act::RestoreFromSnapshot { .. }
            | Act::RestoreToPointInTime { .. }
            | Act::CloneCluster { .. }
            | Act::RebuildCold { .. }
            | Act::MakeMember { .. },
        ) => {
            let setback = no_capacity(&record.act);
            recovery
                .change(&deps.ledger, |incident| {
                    if !incident.setbacks.contains(&setback) {
                        incident.setbacks.push(setback.clone());
                    }
                    Ok(())
                })
                .await?;
            Err(error.while_doing(record.act.describe()))
        }
        _ => Err(error.while_doing(record.act.describe())),
    }
}

/// The class that was not to be had. A cluster that stands without a member is spoilt: the next plan restores another one.
fn no_capacity(act: &Act) -> Setback {
    let (class, target) = match act {
        Act::RestoreFromSnapshot { settings, .. }
        | Act::RestoreToPointInTime { settings, .. }
        | Act::CloneCluster { settings, .. }
        | Act::RebuildCold { settings, .. } => (settings.configuration.class.clone(), None),
        Act::MakeMember { settings, cluster, .. } => (settings.class.clone(), Some(cluster.clone())),
        _ => (String::new(), None),
    };
    Setback::NoCapacity { class, target }
}

/// Writes down that a call took place.
pub(crate) async fn finish<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    record: &CallRecord,
    version: u64,
    text: String,
) -> Result<Box<CallRecord>, DrError> {
    let record = conclude(&deps.ledger, recovery.place(), record, version, CallState::Done, text, recovery.now).await?;
    recovery.tell(&deps.ledger, record.phase, format!("{}: {}", record.act.describe(), record.text)).await?;
    Ok(Box::new(record))
}

/// Sends the call.
async fn call<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Answer<()> {
    match act {
        Act::RestoreFromSnapshot { snapshot, target, settings } if target.kind() == ResourceKind::ReplicationGroup => {
            let token = caches::token(deps, recovery, settings).await?;
            deps.databases.make_cache(target, Some(snapshot), settings, token.as_ref()).await
        }
        Act::RebuildCold { target, settings } => {
            let token = caches::token(deps, recovery, settings).await?;
            deps.databases.make_cache(target, None, settings, token.as_ref()).await
        }
        Act::SetFailover { instance, automatic, multi_az } => deps.databases.set_failover(instance, *automatic, *multi_az).await,
        Act::ForceFailover { instance, to: Some(to), .. } if instance.kind() == ResourceKind::ReplicationGroup => {
            deps.databases.promote_node(instance, to).await
        }
        Act::RestoreFromSnapshot { snapshot, target, settings } => deps.databases.restore_from_snapshot(snapshot, target, settings).await,
        Act::RestoreToPointInTime { source, at, target, settings } => {
            deps.databases.restore_to_point_in_time(source, *at, target, settings).await
        }
        Act::CloneCluster { source, target, settings, .. } => deps.databases.clone_cluster(source, target, settings).await,
        Act::ForceFailover { instance, to, .. } if instance.kind() == ResourceKind::DbCluster => {
            deps.databases.fail_cluster_over(instance, to.as_ref()).await
        }
        Act::ForceFailover { instance, .. } => deps.databases.reboot(instance, true).await,
        Act::MakeMember { member, cluster, engine, settings, tags } => {
            deps.databases.make_member(member, cluster, engine, settings, tags).await
        }
        Act::EndSessions { instance } => deps.databases.reboot(instance, false).await,
        Act::PromoteReplica { instance, backup_days, backup_window, .. } => {
            deps.databases.promote_replica(instance, *backup_days, backup_window.as_deref()).await
        }
        Act::TakeOver { instance, follows, region, .. } => deps.databases.take_over(instance, follows, region).await,
        Act::AdoptSettings { instance, settings } => deps.databases.adopt_settings(instance, settings).await,
        Act::MakeMultiAz { instance } => deps.databases.make_multi_az(instance).await,
        Act::GrowStorage { instance, gib, iops, throughput } => deps.databases.grow_storage(instance, *gib, *iops, *throughput).await,
        Act::ReplaySettings { instance, settings } => deps.databases.set_late_settings(instance, settings).await,
        Act::SetTable { table, setting } => deps.databases.set_table(table, setting).await,
        Act::SetSecurityGroups { instance, groups } => deps.databases.set_security_groups(instance, groups).await,
        Act::ResetMasterPassword { instance, secret } => {
            let today = deps.secrets.credentials(secret, None).await?;
            deps.databases.set_master_password(instance, &today.password).await
        }
        Act::PointSecret { .. }
        | Act::PointRecord { .. }
        | Act::PointParameter { .. }
        | Act::RemoveProxyTarget { .. }
        | Act::AddProxyTarget { .. } => targets::calls::send(deps, recovery, act).await,
        Act::RenameInstance { .. } => targets::rename::send(deps, recovery, act).await,
        Act::RestartService { .. } | Act::TouchFunction { .. } | Act::CallWebhook { .. } => {
            targets::consumers::send(deps, recovery, act).await
        }
        Act::CopyAlarm { alarm, .. } => targets::alarms::send(&deps.databases, alarm).await,
        Act::FlushCache { .. } => {
            Err(CallError::new(CallClass::Invalid, act.action(), "no_database", "only validate opens a database, and empties a cache"))
        }
        Act::AddTags { arn, tags } => deps.databases.add_tags(arn, tags).await,
        Act::RemoveTags { arn, keys } => deps.databases.remove_tags(arn, keys).await,
        Act::CreateSnapshot { instance, snapshot, tags } => deps.databases.create_snapshot(instance, snapshot, tags).await,
    }
}
