//! Restores of clusters. What a restore is not told, it loses; and an Aurora cluster comes back without instances.

use chrono::{DateTime, Utc};

use super::backups::no_cluster_backup;
use super::birth::{ClusterBirth, default_version, is_made_of_members};
use super::{ClusterStep, DbCluster, RestoreDbClusterFromSnapshot, RestoreDbClusterToPointInTime, cluster_state};
use crate::model::instance::RestoredFrom;
use crate::model::{Action, ApiError, Model, Origin};

impl Action for RestoreDbClusterFromSnapshot {
    const NAME: &'static str = "RestoreDBClusterFromSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        let identifier = model.check_new_cluster(&self.db_cluster_identifier, &self.engine, &self.config)?;
        let snapshot = model.cluster_snapshot(&self.snapshot_identifier)?.clone();
        if snapshot.shown.status != "available" {
            return Err(ApiError::new(
                "InvalidDBClusterSnapshotStateFault",
                format!("The snapshot {} is {}, not available.", self.snapshot_identifier, snapshot.shown.status),
            ));
        }
        if snapshot.source.engine != self.engine {
            let engine = &snapshot.source.engine;
            return Err(ApiError::combination(format!("The engine {} is not that of the snapshot: {engine}.", self.engine)));
        }
        // The version is not the snapshot's.
        let engine_version = self.engine_version.as_deref().unwrap_or(default_version(&self.engine)?);
        let birth = ClusterBirth { engine_version, ..heir(&identifier, &snapshot.source) };
        let shown = model.describe_new_cluster(&birth, &self.config)?;
        let (id, from) = (shown.db_cluster_resource_id.clone(), RestoredFrom::Snapshot(self.snapshot_identifier.clone()));
        let ready_at = now + model.settings.durations.restoring;
        let shown = model.bear_cluster(shown, Origin::Image(snapshot.image), Some(from), ready_at)?;
        // Fact sheet 2.2: a snapshot is being restored.
        model.with_cluster(&id, |it| "migrating".clone_into(&mut it.status));
        model.schedule_cluster(&id, now + model.settings.durations.status_lag, ClusterStep::Show);
        Ok(shown)
    }
}

impl Action for RestoreDbClusterToPointInTime {
    const NAME: &'static str = "RestoreDBClusterToPointInTime";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        if self.is_clone()? {
            return self.clone_of(model, now);
        }
        let id = self.source(model)?;
        let source = match model.clusters.get(&id) {
            Some(it) => it.shown.clone(),
            None => model.cluster_backups.get(&id).map(|backup| backup.source.clone()).ok_or_else(|| no_cluster_backup(&id))?,
        };
        let identifier = model.check_new_cluster(&self.db_cluster_identifier, &source.engine, &self.config)?;
        let to = self.time(model, &id, now)?;
        let shown = model.describe_new_cluster(&heir(&identifier, &source), &self.config)?;
        let from = RestoredFrom::Time(source.db_cluster_identifier, to);
        let ready_at = now + model.settings.durations.restoring;
        model.bear_cluster(shown, Origin::PointInTime { server: id, to }, Some(from), ready_at)
    }
}

impl RestoreDbClusterToPointInTime {
    /// The resource id of the source, which may be gone.
    fn source(&self, model: &Model) -> Result<String, ApiError> {
        match (self.source_db_cluster_identifier.as_deref(), self.source_db_cluster_resource_id.as_deref()) {
            (Some(identifier), None) => model.find_cluster(identifier),
            (None, Some(id)) if model.clusters.contains_key(id) || model.cluster_backups.contains_key(id) => Ok(id.to_owned()),
            (None, Some(id)) => Err(no_cluster_backup(id)),
            _ => Err(ApiError::combination("Specify exactly one of SourceDBClusterIdentifier and SourceDbClusterResourceId.")),
        }
    }

    fn is_clone(&self) -> Result<bool, ApiError> {
        match self.restore_type.as_deref() {
            None | Some("full-copy") => Ok(false),
            Some("copy-on-write") => Ok(true),
            Some(other) => Err(ApiError::value(format!("Invalid restore type: {other}"))),
        }
    }

    /// Aurora User Guide, "Cloning a volume": of the data as they are, for Aurora only, of a cluster that is available and has an instance.
    /// How many there may be only the quota of clusters limits; the guide once had a limit of fifteen for each volume.
    fn clone_of(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        if self.restore_to_time.is_some() || !self.use_latest_restorable_time.unwrap_or(false) {
            return Err(ApiError::combination("RestoreToTime cannot be specified with a RestoreType of copy-on-write."));
        }
        let id = self.source(model)?;
        let found = model.clusters.get(&id).ok_or_else(|| no_cluster_backup(&id))?;
        let (source, status) = (found.shown.clone(), found.status.clone());
        if !is_made_of_members(&source.engine) {
            return Err(ApiError::combination("The RestoreType copy-on-write is supported for Aurora DB clusters only."));
        }
        if status != "available" || model.members(&id).next().is_none() {
            return Err(cluster_state("The source of a clone must be available and have a DB instance."));
        }
        let identifier = model.check_new_cluster(&self.db_cluster_identifier, &source.engine, &self.config)?;
        let shown = model.describe_new_cluster(&heir(&identifier, &source), &self.config)?;
        let from = RestoredFrom::Time(source.db_cluster_identifier, now);
        let ready_at = now + model.settings.durations.restoring;
        model.bear_cluster(shown, Origin::Clone { of: id }, Some(from), ready_at)
    }

    /// The time to restore to, inside the window.
    fn time(&self, model: &Model, id: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, ApiError> {
        if self.use_latest_restorable_time.unwrap_or(false) == self.restore_to_time.is_some() {
            return Err(ApiError::combination("Specify exactly one of RestoreToTime and UseLatestRestorableTime."));
        }
        let window = model.cluster_restore_window(id, now).and_then(|window| window.earliest_time.zip(window.latest_time));
        let (earliest, latest) = window.ok_or_else(|| cluster_state("The source has no restorable time yet."))?;
        match self.restore_to_time {
            None => Ok(latest),
            Some(time) if time < earliest || time >= latest => Err(ApiError::value(format!(
                "RestoreToTime {} is outside of what can be restored: from {} to before {}.",
                time.to_rfc3339(),
                earliest.to_rfc3339(),
                latest.to_rfc3339()
            ))),
            Some(time) => Ok(time),
        }
    }
}

/// What a restored cluster inherits. Everything else is default unless it is passed.
fn heir<'a>(identifier: &'a str, source: &'a DbCluster) -> ClusterBirth<'a> {
    ClusterBirth {
        identifier,
        engine: &source.engine,
        engine_version: &source.engine_version,
        master_username: &source.master_username,
        database_name: source.database_name.as_deref(),
        allocated_storage: source.allocated_storage,
        encrypted: source.storage_encrypted,
        kms_key_id: source.kms_key_id.as_deref(),
        retention: source.backup_retention_period,
        backup_window: &source.preferred_backup_window,
        tags: &source.tag_list,
    }
}
