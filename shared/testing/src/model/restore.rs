//! Restores. What a restore is not told, it loses: AWS's defaults come up, not the source's settings.

use chrono::{DateTime, Utc};

use super::birth::Birth;
use super::instance::RestoredFrom;
use super::words::DbInstance;
use super::{Action, ApiError, InstanceConfig, Model, Origin, RestoreDbInstanceFromDbSnapshot, RestoreDbInstanceToPointInTime, names};

impl Action for RestoreDbInstanceFromDbSnapshot {
    const NAME: &'static str = "RestoreDBInstanceFromDBSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let identifier = model.check_new(&self.db_instance_identifier, &self.config)?;
        if self.config.max_allocated_storage.is_some() {
            return Err(ApiError::value(
                "RestoreDBInstanceFromDBSnapshot does not accept MaxAllocatedStorage; modify the instance afterwards.",
            ));
        }
        let snapshot = model.snapshot(&self.db_snapshot_identifier)?.clone();
        if snapshot.shown.status != "available" {
            return Err(ApiError::new(
                "InvalidDBSnapshotState",
                format!("The snapshot {} is {}, not available.", self.db_snapshot_identifier, snapshot.shown.status),
            ));
        }
        check_storage(&self.config, snapshot.shown.allocated_storage)?;
        // The class and the tags are the source's, the storage type is gp3, the rest is default.
        let birth = Birth { storage_type: "gp3", iops: None, storage_throughput: None, ..heir(&identifier, &snapshot.source) };
        let shown = model.describe_new(&birth, &self.config)?;
        let from = RestoredFrom::Snapshot(snapshot.shown.db_snapshot_identifier);
        let ready_at = now + model.settings.durations.restoring;
        Ok(model.bear(shown, Origin::Image(snapshot.image), Some(from), ready_at))
    }
}

impl Action for RestoreDbInstanceToPointInTime {
    const NAME: &'static str = "RestoreDBInstanceToPointInTime";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.target_db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let identifier = model.check_new(&self.target_db_instance_identifier, &self.config)?;
        let id = self.source(model)?;
        if let Some(it) = model.instances.get(&id) {
            it.require_alone(Self::NAME)?;
        }
        let to = self.time(model, &id, now)?;
        let source = match model.instances.get(&id) {
            Some(it) => it.shown.clone(),
            None => model.backups.get(&id).map(|backup| backup.source.clone()).ok_or_else(|| ApiError::no_instance(&id))?,
        };
        check_storage(&self.config, source.allocated_storage)?;
        let shown = model.describe_new(&heir(&identifier, &source), &self.config)?;
        let from = RestoredFrom::Time(source.db_instance_identifier, to);
        let ready_at = now + model.settings.durations.restoring;
        Ok(model.bear(shown, Origin::PointInTime { server: id, to }, Some(from), ready_at))
    }
}

impl RestoreDbInstanceToPointInTime {
    /// The resource id of the source, which may be gone.
    fn source(&self, model: &Model) -> Result<String, ApiError> {
        let backup = |id: &str| model.backups.contains_key(id).then(|| id.to_owned());
        match (
            self.source_db_instance_identifier.as_deref(),
            self.source_dbi_resource_id.as_deref(),
            self.source_db_instance_automated_backups_arn.as_deref(),
        ) {
            (Some(identifier), None, None) => model.find(identifier),
            (None, Some(id), None) if model.instances.contains_key(id) => Ok(id.to_owned()),
            (None, Some(id), None) => backup(id).ok_or_else(|| ApiError::no_automated_backup(id)),
            (None, None, Some(arn)) => {
                let id = names::parse_arn(arn).and_then(|(_, name)| name.strip_prefix("ab-")).map(|id| format!("db-{}", id.to_uppercase()));
                id.and_then(|id| backup(&id)).ok_or_else(|| ApiError::no_automated_backup(arn))
            }
            _ => Err(ApiError::combination(
                "Specify exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and SourceDBInstanceAutomatedBackupsArn.",
            )),
        }
    }

    /// The time to restore to, inside the window.
    fn time(&self, model: &Model, id: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, ApiError> {
        let latest_wanted = self.use_latest_restorable_time.unwrap_or(false);
        if latest_wanted == self.restore_time.is_some() {
            return Err(ApiError::combination("Specify exactly one of RestoreTime and UseLatestRestorableTime."));
        }
        if !model.backups.contains_key(id) && model.instances.get(id).is_some_and(|it| it.shown.backup_retention_period == 0) {
            return Err(ApiError::new(
                "PointInTimeRestoreNotEnabled",
                "Point-in-time restore is not enabled: the backup retention period is 0.",
            ));
        }
        let window = model.restore_window(id, now).and_then(|window| window.earliest_time.zip(window.latest_time));
        let (earliest, latest) = window.ok_or_else(|| ApiError::instance_state("The source has no restorable time yet."))?;
        match self.restore_time {
            None => Ok(latest),
            Some(time) if time > now => Err(ApiError::value(format!("RestoreTime {time} is in the future."))),
            Some(time) if time < earliest || time >= latest => Err(ApiError::value(format!(
                "RestoreTime {} is outside of what can be restored: from {} to before {}.",
                time.to_rfc3339(),
                earliest.to_rfc3339(),
                latest.to_rfc3339()
            ))),
            Some(time) => Ok(time),
        }
    }
}

/// What a restored instance inherits. Everything else is default unless it is passed.
fn heir<'a>(identifier: &'a str, source: &'a DbInstance) -> Birth<'a> {
    Birth {
        identifier,
        engine: &source.engine,
        engine_version: &source.engine_version,
        class: &source.db_instance_class,
        master_username: &source.master_username,
        db_name: source.db_name.as_deref(),
        allocated_storage: source.allocated_storage,
        storage_type: &source.storage_type,
        iops: source.iops,
        storage_throughput: source.storage_throughput,
        encrypted: source.storage_encrypted,
        kms_key_id: source.kms_key_id.as_deref(),
        retention: source.backup_retention_period,
        backup_window: &source.preferred_backup_window,
        tags: &source.tag_list,
    }
}

fn check_storage(config: &InstanceConfig, source: i32) -> Result<(), ApiError> {
    match config.allocated_storage {
        Some(size) if size < source => {
            Err(ApiError::value(format!("The allocated storage {size} is smaller than the source's {source} GiB.")))
        }
        Some(size) if size > source && i64::from(size) * 10 < i64::from(source) * 11 => {
            Err(ApiError::value(format!("The allocated storage {size} must be the source's {source} GiB or at least 10 % more.")))
        }
        _ => Ok(()),
    }
}
