//! DB snapshots: manual and automated.

use chrono::{DateTime, Utc};

use super::events::{self, Kind};
use super::steps::Then;
use super::words::{DbInstance, DbSnapshot, Tag};
use super::{Action, ApiError, CreateDbSnapshot, DeleteDbSnapshot, Done, Effect, EffectId, Model, names, tags};

/// One snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub shown: DbSnapshot,
    /// The host's name of the data, never used twice.
    pub image: String,
    /// The instance as it was.
    pub source: DbInstance,
}

impl Action for CreateDbSnapshot {
    const NAME: &'static str = "CreateDBSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBSnapshot");
    type Output = DbSnapshot;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbSnapshot, ApiError> {
        let identifier = names::snapshot_identifier(&self.db_snapshot_identifier)?;
        let own_tags = self.tags.clone().unwrap_or_default();
        tags::check(&own_tags)?;
        let id = model.find(&self.db_instance_identifier)?;
        model.check_new_snapshot(&identifier)?;
        let instance = model.instance(&self.db_instance_identifier)?;
        instance.require_alone(Self::NAME)?;
        instance.require_free(Self::NAME)?;
        let source = instance.shown.clone();
        model.begin(&id, "backing-up", now);
        let (shown, effect) = model.new_snapshot(&identifier, "manual", &source, &own_tags, now);
        model.snapshot_event(&identifier, now, events::SNAPSHOT_CREATING);
        model.schedule_after(now + model.settings.durations.snapshotting, [effect], Then::SnapshotTaken(id, identifier));
        Ok(shown)
    }
}

impl Action for DeleteDbSnapshot {
    const NAME: &'static str = "DeleteDBSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBSnapshot");
    type Output = DbSnapshot;

    fn resource(&self) -> &str {
        &self.db_snapshot_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbSnapshot, ApiError> {
        let snapshot = model.snapshot(&self.db_snapshot_identifier)?;
        let mut shown = snapshot.shown.clone();
        if shown.snapshot_type != "manual" {
            return Err(ApiError::new(
                "InvalidDBSnapshotState",
                "Automated snapshots follow the retention period; they cannot be deleted.",
            ));
        }
        if shown.status == "creating" {
            return Err(ApiError::new("InvalidDBSnapshotState", "Cannot delete the snapshot: it is creating."));
        }
        model.snapshot_event(&shown.db_snapshot_identifier, now, events::SNAPSHOT_DELETED);
        model.snapshots.remove(&shown.db_snapshot_identifier);
        "deleted".clone_into(&mut shown.status);
        Ok(shown)
    }
}

impl Model {
    /// The snapshot with this identifier or ARN.
    pub(crate) fn snapshot(&self, identifier: &str) -> Result<&Snapshot, ApiError> {
        let name = names::parse_arn(identifier).map_or(identifier, |(_, name)| name);
        self.snapshots.get(&name.to_ascii_lowercase()).ok_or_else(|| ApiError::no_snapshot(name))
    }

    pub(crate) fn manual_snapshots(&self) -> usize {
        self.snapshots.values().filter(|snapshot| snapshot.shown.snapshot_type == "manual").count()
    }

    /// The name is free and the quota allows one more.
    pub(crate) fn check_new_snapshot(&self, identifier: &str) -> Result<(), ApiError> {
        if self.snapshots.contains_key(identifier) {
            return Err(ApiError::new(
                "DBSnapshotAlreadyExists",
                format!("Cannot create the snapshot because a snapshot with the identifier {identifier} already exists."),
            ));
        }
        let limit = self.settings.max_manual_snapshots;
        if self.manual_snapshots() >= limit {
            return Err(ApiError::new("SnapshotQuotaExceeded", format!("Cannot create more than {limit} manual snapshots")));
        }
        Ok(())
    }

    pub(crate) fn new_automated_snapshot(&mut self, source: &DbInstance, at: DateTime<Utc>) -> (String, EffectId) {
        let stem = format!("rds:{}-{}", source.db_instance_identifier, at.format("%Y-%m-%d-%H-%M"));
        let mut identifier = stem.clone();
        let mut copy = 1;
        while self.snapshots.contains_key(&identifier) {
            copy += 1;
            identifier = format!("{stem}-{copy}");
        }
        let (_, effect) = self.new_snapshot(&identifier, "automated", source, &[], at);
        self.snapshot_event(&identifier, at, events::AUTOMATED_SNAPSHOT_CREATING);
        (identifier, effect)
    }

    /// Adds a snapshot that is `creating` and asks for its image.
    pub(crate) fn new_snapshot(
        &mut self,
        identifier: &str,
        snapshot_type: &str,
        source: &DbInstance,
        own_tags: &[Tag],
        at: DateTime<Utc>,
    ) -> (DbSnapshot, EffectId) {
        let server = source.dbi_resource_id.clone();
        let image = format!("image-{}", self.new_uuid());
        let effect = self.effect(Effect::TakeImage { server, image: image.clone() });
        let mut tag_list = own_tags.to_vec();
        if source.copy_tags_to_snapshot {
            tags::add(&mut tag_list, &source.tag_list, false);
        }
        let shown = DbSnapshot {
            db_snapshot_identifier: identifier.to_owned(),
            db_snapshot_arn: self.arn("snapshot", identifier),
            db_instance_identifier: source.db_instance_identifier.clone(),
            dbi_resource_id: source.dbi_resource_id.clone(),
            status: "creating".to_owned(),
            snapshot_type: snapshot_type.to_owned(),
            percent_progress: 0,
            snapshot_create_time: Some(at),
            original_snapshot_create_time: Some(at),
            snapshot_database_time: None,
            instance_create_time: source.instance_create_time,
            engine: source.engine.clone(),
            engine_version: source.engine_version.clone(),
            license_model: source.license_model.clone(),
            master_username: source.master_username.clone(),
            port: source.endpoint.as_ref().map_or(source.db_instance_port, |endpoint| i32::from(endpoint.port)),
            availability_zone: source.availability_zone.clone(),
            vpc_id: source.db_subnet_group.vpc_id.clone(),
            option_group_name: source.option_group_memberships.first().map(|group| group.option_group_name.clone()).unwrap_or_default(),
            allocated_storage: source.allocated_storage,
            storage_type: source.storage_type.clone(),
            iops: source.iops,
            storage_throughput: source.storage_throughput,
            encrypted: source.storage_encrypted,
            kms_key_id: source.kms_key_id.clone(),
            dedicated_log_volume: source.dedicated_log_volume,
            iam_database_authentication_enabled: source.iam_database_authentication_enabled,
            backup_retention_period: source.backup_retention_period,
            preferred_backup_window: source.preferred_backup_window.clone(),
            tag_list,
        };
        let snapshot = Snapshot { shown: shown.clone(), image, source: source.clone() };
        self.snapshots.insert(identifier.to_owned(), snapshot);
        (shown, effect)
    }

    /// A manual snapshot is finished, and its instance is free again.
    pub(crate) fn snapshot_taken(&mut self, id: &str, snapshot: &str, at: DateTime<Utc>, result: Result<(), String>, done: &[Done]) {
        self.finish_snapshot(snapshot, at, &result, done);
        if self.instances.get(id).is_some_and(|it| it.status == "backing-up") {
            self.set_available(id);
        }
    }

    pub(crate) fn finish_snapshot(&mut self, identifier: &str, at: DateTime<Utc>, result: &Result<(), String>, done: &[Done]) {
        let Some(snapshot) = self.snapshots.get_mut(identifier) else { return };
        if result.is_err() {
            "failed".clone_into(&mut snapshot.shown.status);
            return;
        }
        "available".clone_into(&mut snapshot.shown.status);
        snapshot.shown.percent_progress = 100;
        snapshot.shown.snapshot_database_time = done.iter().find_map(Done::image);
        let automated = snapshot.shown.snapshot_type == "automated";
        let kind = if automated { events::AUTOMATED_SNAPSHOT_CREATED } else { events::SNAPSHOT_CREATED };
        self.snapshot_event(identifier, at, kind);
    }

    pub(crate) fn snapshot_event(&mut self, identifier: &str, at: DateTime<Utc>, kind: Kind) {
        self.snapshot_event_saying(identifier, at, kind, kind.2.to_owned());
    }

    pub(crate) fn snapshot_event_saying(&mut self, identifier: &str, at: DateTime<Utc>, kind: Kind, message: String) {
        let tags = self.snapshots.get(identifier).map(|snapshot| snapshot.shown.tag_list.clone()).unwrap_or_default();
        let name = (self.arn("snapshot", identifier), identifier.to_owned());
        self.publish(("RDS DB Snapshot Event", "SNAPSHOT"), name, &tags, at, kind, message);
    }
}
