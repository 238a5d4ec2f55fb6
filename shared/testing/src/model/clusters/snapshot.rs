//! DB cluster snapshots: manual and automated.

use chrono::{DateTime, Utc};

use super::{ClusterStep, CreateDbClusterSnapshot, DbCluster, DbClusterSnapshot, DeleteDbClusterSnapshot};
use crate::model::events::{self, Kind};
use crate::model::steps::Then;
use crate::model::words::Tag;
use crate::model::{Action, ApiError, Effect, EffectId, Model, names, tags};

/// One snapshot of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterSnapshot {
    pub shown: DbClusterSnapshot,
    /// The host's name of the data, never used twice.
    pub image: String,
    /// The cluster as it was.
    pub source: DbCluster,
}

impl Action for CreateDbClusterSnapshot {
    const NAME: &'static str = "CreateDBClusterSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBClusterSnapshot");
    type Output = DbClusterSnapshot;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbClusterSnapshot, ApiError> {
        let identifier = names::cluster_snapshot_identifier(&self.db_cluster_snapshot_identifier)?;
        let own_tags = self.tags.clone().unwrap_or_default();
        tags::check(&own_tags)?;
        let id = model.find_cluster(&self.db_cluster_identifier)?;
        model.check_new_cluster_snapshot(&identifier)?;
        let it = model.cluster(&self.db_cluster_identifier)?;
        it.require_available(Self::NAME)?;
        let source = it.shown.clone();
        model.begin_cluster(&id, "backing-up", now);
        let (shown, effect) = model.new_cluster_snapshot(&identifier, "manual", &source, &own_tags, now);
        model.cluster_snapshot_event(&identifier, now, events::CLUSTER_SNAPSHOT_CREATING);
        let then = Then::Cluster(id, ClusterStep::SnapshotTaken(identifier));
        model.schedule_after(now + model.settings.durations.snapshotting, [effect], then);
        Ok(shown)
    }
}

impl Action for DeleteDbClusterSnapshot {
    const NAME: &'static str = "DeleteDBClusterSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBClusterSnapshot");
    type Output = DbClusterSnapshot;

    fn resource(&self) -> &str {
        &self.db_cluster_snapshot_identifier
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<DbClusterSnapshot, ApiError> {
        let mut shown = model.cluster_snapshot(&self.db_cluster_snapshot_identifier)?.shown.clone();
        if shown.snapshot_type != "manual" || shown.status == "creating" {
            let message = format!("Cannot delete the snapshot: it is {} and {}.", shown.snapshot_type, shown.status);
            return Err(ApiError::new("InvalidDBClusterSnapshotStateFault", message));
        }
        model.cluster_snapshots.remove(&shown.db_cluster_snapshot_identifier);
        "deleted".clone_into(&mut shown.status);
        Ok(shown)
    }
}

impl Model {
    /// The snapshot with this identifier or ARN.
    pub(super) fn cluster_snapshot(&self, identifier: &str) -> Result<&ClusterSnapshot, ApiError> {
        let name = names::parse_arn(identifier).map_or(identifier, |(_, name)| name);
        self.cluster_snapshots.get(&name.to_ascii_lowercase()).ok_or_else(|| no_cluster_snapshot(name))
    }

    /// The name is free and the quota allows one more.
    pub(super) fn check_new_cluster_snapshot(&self, identifier: &str) -> Result<(), ApiError> {
        if self.cluster_snapshots.contains_key(identifier) {
            let message = format!("Cannot create the snapshot because one with the identifier {identifier} already exists.");
            return Err(ApiError::new("DBClusterSnapshotAlreadyExistsFault", message));
        }
        let limit = self.settings.max_manual_snapshots;
        if self.cluster_snapshots.values().filter(|it| it.shown.snapshot_type == "manual").count() >= limit {
            return Err(ApiError::new("SnapshotQuotaExceeded", format!("Cannot create more than {limit} manual snapshots")));
        }
        Ok(())
    }

    pub(super) fn new_automated_cluster_snapshot(&mut self, source: &DbCluster, at: DateTime<Utc>) -> (String, EffectId) {
        let stem = format!("rds:{}-{}", source.db_cluster_identifier, at.format("%Y-%m-%d-%H-%M"));
        let free = |name: &String| !self.cluster_snapshots.contains_key(name);
        let identifier = Some(stem.clone()).filter(free).unwrap_or_else(|| format!("{stem}-{}", self.cluster_snapshots.len()));
        let (_, effect) = self.new_cluster_snapshot(&identifier, "automated", source, &[], at);
        self.cluster_snapshot_event(&identifier, at, events::AUTOMATED_CLUSTER_SNAPSHOT_CREATING);
        (identifier, effect)
    }

    /// Adds a snapshot that is `creating` and asks for its image, of the volume.
    pub(super) fn new_cluster_snapshot(
        &mut self,
        identifier: &str,
        snapshot_type: &str,
        source: &DbCluster,
        own_tags: &[Tag],
        at: DateTime<Utc>,
    ) -> (DbClusterSnapshot, EffectId) {
        let image = format!("image-{}", self.new_uuid());
        let effect = self.effect(Effect::TakeImage { server: source.db_cluster_resource_id.clone(), image: image.clone() });
        let mut tag_list = own_tags.to_vec();
        if source.copy_tags_to_snapshot {
            tags::add(&mut tag_list, &source.tag_list, false);
        }
        let shown = DbClusterSnapshot {
            db_cluster_snapshot_identifier: identifier.to_owned(),
            db_cluster_snapshot_arn: self.arn("cluster-snapshot", identifier),
            db_cluster_identifier: source.db_cluster_identifier.clone(),
            db_cluster_resource_id: source.db_cluster_resource_id.clone(),
            status: "creating".to_owned(),
            snapshot_type: snapshot_type.to_owned(),
            percent_progress: 0,
            snapshot_create_time: Some(at),
            cluster_create_time: source.cluster_create_time,
            engine: source.engine.clone(),
            engine_version: source.engine_version.clone(),
            engine_mode: source.engine_mode.clone(),
            master_username: source.master_username.clone(),
            port: source.port,
            allocated_storage: source.allocated_storage,
            storage_encrypted: source.storage_encrypted,
            kms_key_id: source.kms_key_id.clone(),
            tag_list,
        };
        let snapshot = ClusterSnapshot { shown: shown.clone(), image, source: source.clone() };
        self.cluster_snapshots.insert(identifier.to_owned(), snapshot);
        (shown, effect)
    }

    /// A manual snapshot is finished, and its cluster is free again.
    pub(super) fn cluster_snapshot_taken(&mut self, id: &str, snapshot: &str, at: DateTime<Utc>, result: &Result<(), String>) {
        self.finish_cluster_snapshot(snapshot, at, result);
        if self.clusters.get(id).is_some_and(|it| it.status == "backing-up") {
            self.set_cluster(id, "available");
        }
    }

    pub(super) fn finish_cluster_snapshot(&mut self, identifier: &str, at: DateTime<Utc>, result: &Result<(), String>) {
        let Some(snapshot) = self.cluster_snapshots.get_mut(identifier) else { return };
        if result.is_err() {
            "failed".clone_into(&mut snapshot.shown.status);
            return;
        }
        "available".clone_into(&mut snapshot.shown.status);
        snapshot.shown.percent_progress = 100;
        let automated = snapshot.shown.snapshot_type == "automated";
        let kind = if automated { events::AUTOMATED_CLUSTER_SNAPSHOT_CREATED } else { events::CLUSTER_SNAPSHOT_CREATED };
        self.cluster_snapshot_event(identifier, at, kind);
    }

    pub(super) fn cluster_snapshot_event(&mut self, identifier: &str, at: DateTime<Utc>, kind: Kind) {
        let tags = self.cluster_snapshots.get(identifier).map(|snapshot| snapshot.shown.tag_list.clone()).unwrap_or_default();
        let name = (self.arn("cluster-snapshot", identifier), identifier.to_owned());
        self.publish(("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT"), name, &tags, at, kind, kind.2.to_owned());
    }
}

pub(super) fn no_cluster_snapshot(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::new("DBClusterSnapshotNotFoundFault", format!("DBClusterSnapshot {name} not found.")) }
}
