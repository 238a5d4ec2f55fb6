//! Looking whether a call of unknown outcome took place, before anything is sent again.

use crate::{Databases, Deps, Secrets, case::Recovery, targets};
use lifeboat_domain::acting::{CallRecord, Names};
use lifeboat_domain::events::announces_failover;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, Restored, Signal};
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::plan::Act;
use lifeboat_domain::ports::{Ledger, ReadDatabases};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{DrError, Span};

/// A reboot that was not seen for so long after it was written down was not sent; only a fenced source is rebooted again.
const REBOOT_SHOWS_WITHIN: Span = Span::minutes(2);

/// What the world shows of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    /// It took place.
    Done(String),
    /// It did not (or repeating it is harmless).
    NotDone,
    /// It cannot be told yet.
    CannotTell,
}

impl Observation {
    pub(crate) fn done_if(done: bool, text: &str) -> Self {
        if done { Self::Done(text.to_owned()) } else { Self::NotDone }
    }
}

/// Reads one instance.
pub(crate) async fn instance(databases: &impl ReadDatabases, id: &DatabaseId) -> Result<Option<ObservedDatabase>, DrError> {
    databases.database(id).await.map_err(|error| error.while_doing(format!("describing {id}")))
}

/// Reads the instance with this `DbiResourceId`, whatever it is called.
pub(crate) async fn by_resource_id(databases: &impl ReadDatabases, id: &str) -> Result<Option<ObservedDatabase>, DrError> {
    databases.instance_by_resource_id(id).await.map_err(|error| error.while_doing(format!("describing the instance {id}")))
}

/// Reads the new database, whatever it is called now.
pub(crate) async fn restored(databases: &impl ReadDatabases, restored: &Restored) -> Result<Option<ObservedDatabase>, DrError> {
    match &restored.resource_id {
        Some(id) => same(databases, &restored.id, id).await,
        None => instance(databases, &restored.id).await,
    }
}

/// Reads the database with this resource id. A table is found by its name only, which it keeps: it must still be that one.
pub(crate) async fn same(databases: &impl ReadDatabases, id: &DatabaseId, resource_id: &str) -> Result<Option<ObservedDatabase>, DrError> {
    match id.kind() {
        ResourceKind::DynamodbTable => Ok(instance(databases, id).await?.filter(|found| found.resource_id == resource_id)),
        _ => by_resource_id(databases, resource_id).await,
    }
}

/// Reads the source. What has its name but is another instance is never touched. While names may be swapped, nobody under its name
/// does not mean that it is gone.
pub(crate) async fn source(
    databases: &impl ReadDatabases,
    incident: &Incident,
    swap: Option<&Names>,
) -> Result<Option<ObservedDatabase>, DrError> {
    let source = &incident.source;
    let found = instance(databases, &source.id).await?;
    match found {
        // The new database has got the name: the source has another one, or is gone.
        Some(new) if incident.restored.as_ref().is_some_and(|it| it.resource_id.as_ref() == Some(&new.resource_id)) => {
            by_resource_id(databases, &source.resource_id).await
        }
        None if swap.is_some() => by_resource_id(databases, &source.resource_id).await,
        Some(other) if other.resource_id != source.resource_id => Err(DrError::refused(format!(
            "{} is another instance now ({}, and the incident is about {}): it is not touched",
            source.id, other.resource_id, source.resource_id
        ))),
        found => Ok(found),
    }
}

/// Reads the new database, where its name was moved: after a swap of names another one might have it.
pub(crate) async fn renamed(databases: &impl ReadDatabases, incident: &Incident) -> Result<(), DrError> {
    let Some((restored, expected)) = incident.restored.as_ref().and_then(|it| Some((it, it.resource_id.as_ref()?))) else { return Ok(()) };
    match instance(databases, &restored.id).await? {
        Some(other) if other.resource_id != *expected => Err(DrError::refused(format!(
            "{} is another instance now ({}, and clients were moved to {expected}): it is not touched",
            restored.id, other.resource_id
        ))),
        _ => Ok(()),
    }
}

/// Looks whether `record`'s call took place.
pub(crate) async fn observe<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    record: &CallRecord,
) -> Result<Observation, DrError> {
    match &record.act {
        Act::RestoreFromSnapshot { target, .. }
        | Act::RestoreToPointInTime { target, .. }
        | Act::CloneCluster { target, .. }
        | Act::RebuildCold { target, .. } => observe_restore(deps, recovery, target).await,
        Act::CreateSnapshot { instance, snapshot, .. } => {
            let found = deps
                .databases
                .snapshots_of(instance)
                .await
                .map_err(|error| error.while_doing(format!("listing snapshots of {instance}")))?;
            match found.iter().find(|found| found.id == *snapshot) {
                // A backup of a table has no tags; its name was made of the incident and the table.
                Some(_) if instance.kind() == ResourceKind::DynamodbTable => {
                    Ok(Observation::Done("the backup exists under our name".to_owned()))
                }
                // A second one under the same name would be made without a word: what is not listed is never asked for again.
                None if instance.kind() == ResourceKind::DynamodbTable => Ok(Observation::CannotTell),
                Some(found) if found.tags.get(tags::INCIDENT).map(String::as_str) == Some(recovery.incident.id.as_str()) => {
                    Ok(Observation::Done("the snapshot exists and is ours".to_owned()))
                }
                Some(_) => Err(not_ours(snapshot.as_str())),
                None => Ok(Observation::NotDone),
            }
        }
        Act::PointSecret { .. }
        | Act::PointRecord { .. }
        | Act::PointParameter { .. }
        | Act::RemoveProxyTarget { .. }
        | Act::AddProxyTarget { .. } => targets::calls::observe(deps, recovery, &record.act).await,
        Act::RenameInstance { .. } => targets::rename::observe(deps, recovery, &record.act).await,
        Act::CopyAlarm { .. } => targets::alarms::observe(&deps.databases, record).await,
        Act::RestartService { .. } | Act::TouchFunction { .. } | Act::CallWebhook { .. } => {
            targets::consumers::observe(deps, recovery, record).await
        }
        // Made and recorded by `validate`.
        Act::FlushCache { .. } => Ok(Observation::CannotTell),
        Act::MakeMember { member, cluster, .. } => match instance(&deps.databases, member).await? {
            None => Ok(Observation::NotDone),
            Some(found) if found.cluster.as_deref() == Some(cluster.as_str()) && is_ours(&found, recovery) => {
                Ok(Observation::Done(format!("{member} exists in {cluster}")))
            }
            Some(_) => Err(not_ours(member.as_str())),
        },
        Act::ForceFailover { instance: id, .. }
        | Act::SetFailover { instance: id, .. }
        | Act::GrowStorage { instance: id, .. }
        | Act::PromoteReplica { instance: id, .. }
        | Act::TakeOver { instance: id, .. }
        | Act::AdoptSettings { instance: id, .. }
        | Act::MakeMultiAz { instance: id }
        | Act::ReplaySettings { instance: id, .. }
        | Act::ResetMasterPassword { instance: id, .. }
        | Act::SetSecurityGroups { instance: id, .. }
        | Act::SetTable { table: id, .. }
        | Act::EndSessions { instance: id } => Ok(of_instance(recovery, record, instance(&deps.databases, id).await?.as_ref())),
        Act::AddTags { arn, .. } | Act::RemoveTags { arn, .. } => {
            let id = DatabaseId::of_arn(arn).ok_or_else(|| DrError::unrecoverable(format!("{arn} names no database")))?;
            Ok(of_instance(recovery, record, instance(&deps.databases, &id).await?.as_ref()))
        }
    }
}

async fn observe_restore<R: Databases, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    target: &DatabaseId,
) -> Result<Observation, DrError> {
    match instance(&deps.databases, target).await? {
        None => Ok(Observation::NotDone),
        Some(found) if is_ours(&found, recovery) => Ok(Observation::Done(format!("{target} exists and carries this incident's tag"))),
        Some(_) => Err(not_ours(target.as_str())),
    }
}

/// Whether an instance carries this incident's mark.
pub(crate) fn is_ours(found: &ObservedDatabase, recovery: &Recovery<'_>) -> bool {
    if is_ours_without_a_mark(found, recovery) {
        return true;
    }
    found.tags.get(tags::INCIDENT).map(String::as_str) == Some(recovery.incident.id.as_str())
}

/// A restored table is born without tags, and those of a new cache are not told before it is available. Until then it is known by its
/// name, which holds a hash of the incident, and by its age; one that carries another incident's mark, or a policy, is somebody else's.
fn is_ours_without_a_mark(found: &ObservedDatabase, recovery: &Recovery<'_>) -> bool {
    let is_target = recovery.target().is_some_and(|target| target == found.id) && recovery.plan.target_resource_id.is_none();
    let is_young = found.created_at.is_some_and(|created| created >= recovery.incident.first_signal_at);
    let is_plain = !found.tags.keys().any(|key| key.starts_with("lifeboat:"));
    let is_silent = matches!(found.id.kind(), ResourceKind::DynamodbTable | ResourceKind::ReplicationGroup);
    is_silent && is_target && is_young && is_plain
}

fn not_ours(name: &str) -> DrError {
    DrError::refused(format!("{name} exists already and does not carry this incident's tag {}: it is not touched", tags::INCIDENT))
}

fn of_instance(recovery: &Recovery<'_>, record: &CallRecord, found: Option<&ObservedDatabase>) -> Observation {
    let Some(found) = found else { return Observation::CannotTell };
    match &record.act {
        Act::ForceFailover { .. } => shows_failover(&recovery.incident, record, found).map_or(Observation::CannotTell, Observation::Done),
        Act::SetFailover { automatic, multi_az, .. } => {
            let shown = found.configuration.cache().map(|cache| cache.automatic_failover);
            Observation::done_if(shown == Some(*automatic) && found.configuration.multi_az == *multi_az, "automatic failover is set so")
        }
        Act::EndSessions { .. } => {
            if found.status.is_rebooting() {
                Observation::Done("RDS reports rebooting".to_owned())
            } else if Span::between(record.sent_at, recovery.now) < REBOOT_SHOWS_WITHIN {
                Observation::CannotTell
            } else {
                Observation::NotDone
            }
        }
        Act::GrowStorage { gib, .. } => {
            let is_pending = found.pending.iter().any(|name| name == "AllocatedStorage");
            let has_grown = found.configuration.allocated_storage.is_some_and(|size| size >= *gib);
            Observation::done_if(has_grown || is_pending, "RDS shows the new size")
        }
        // Until it shows, nobody knows: it may have been lost on its way, and is not sent again.
        Act::PromoteReplica { resource_id, .. } | Act::TakeOver { resource_id, .. }
            if found.resource_id == *resource_id && found.replica_of.is_none() =>
        {
            Observation::Done(format!("{} shows it as no replica any more", found.id.kind().service()))
        }
        Act::AdoptSettings { settings, .. } => Observation::done_if(settings.are_in(&found.configuration), "the settings are there"),
        Act::MakeMultiAz { .. } => {
            let is_pending = found.pending.iter().any(|name| name == "MultiAZ");
            Observation::done_if(found.configuration.multi_az || is_pending, "RDS is making it Multi-AZ")
        }
        Act::SetTable { setting, .. } => Observation::done_if(setting.is_in(&found.configuration), "the table shows it"),
        Act::ReplaySettings { settings, .. } => Observation::done_if(settings.are_in(&found.configuration), "the settings are there"),
        Act::ResetMasterPassword { .. } => {
            let resetting = found.status.is_resetting_password() || found.pending.iter().any(|name| name == "MasterUserPassword");
            Observation::done_if(resetting, "RDS reports that the password is being set")
        }
        Act::SetSecurityGroups { groups, .. } => {
            let now: Vec<&str> = found.groups.iter().filter(|group| group.status != "removing").map(|group| group.id.as_str()).collect();
            Observation::done_if(groups.iter().map(String::as_str).eq(now.iter().copied()), "the groups are set")
        }
        Act::AddTags { tags, .. } => {
            Observation::done_if(tags.iter().all(|(key, value)| found.tags.get(key) == Some(value)), "the tags are there")
        }
        Act::RemoveTags { keys, .. } => Observation::done_if(keys.iter().all(|key| !found.tags.contains_key(key)), "the tags are gone"),
        Act::PromoteReplica { .. }
        | Act::TakeOver { .. }
        | Act::RestoreFromSnapshot { .. }
        | Act::RestoreToPointInTime { .. }
        | Act::CloneCluster { .. }
        | Act::RebuildCold { .. }
        | Act::MakeMember { .. }
        | Act::CreateSnapshot { .. }
        | Act::PointSecret { .. }
        | Act::PointRecord { .. }
        | Act::PointParameter { .. }
        | Act::RemoveProxyTarget { .. }
        | Act::AddProxyTarget { .. }
        | Act::RenameInstance { .. }
        | Act::RestartService { .. }
        | Act::TouchFunction { .. }
        | Act::CallWebhook { .. }
        | Act::FlushCache { .. }
        | Act::CopyAlarm { .. } => Observation::CannotTell,
    }
}

/// Whether the zones are swapped against what was written down before the failover was asked for.
pub(crate) fn has_failed_over(record: &CallRecord, found: &ObservedDatabase) -> bool {
    let Some(before) = &record.before else { return false };
    match (&before.writer, found.writer()) {
        (Some(before), Some(now)) => *before != now.id,
        _ if found.id.kind() == ResourceKind::DbCluster => false,
        _ => before.zone.is_some() && found.zone.is_some() && before.zone != found.zone,
    }
}

/// What shows that a failover took place, if anything does: the zones are shown swapped minutes later only.
pub(crate) fn shows_failover(incident: &Incident, record: &CallRecord, found: &ObservedDatabase) -> Option<String> {
    if has_failed_over(record, found) {
        let what = if found.members.is_empty() { "the Availability Zones have swapped" } else { "another member writes" };
        return Some(what.to_owned());
    }
    if found.status.is_rebooting() {
        return Some("RDS reports rebooting".to_owned());
    }
    let announced = |signal: &&Signal| signal.at >= record.sent_at && announces_failover(signal);
    incident.signals.iter().find(announced).map(|signal| format!("{}: {}", signal.source, signal.text))
}
