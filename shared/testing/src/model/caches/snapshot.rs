//! Snapshots of caches: of a node without cluster mode, of the whole group with it.

use chrono::{DateTime, Duration, Utc};

use super::{CacheGroup, CacheSnapshot, CacheStep, CreateCacheSnapshot, DeleteCacheSnapshot, NodeSnapshot};
use crate::model::steps::Then;
use crate::model::words::Tag;
use crate::model::{Action, ApiError, Done, Effect, Model, tags};

/// Manual snapshots of one node within 24 hours (fact sheet 3.6).
const MOST_A_DAY: usize = 20;

/// A snapshot with what Describe does not show.
#[derive(Debug, Clone)]
pub(crate) struct StoredCacheSnapshot {
    pub shown: CacheSnapshot,
    pub cluster_mode: bool,
    /// One for each shard.
    pub images: Vec<String>,
    pub tags: Vec<Tag>,
    pub taken_at: DateTime<Utc>,
    /// The node, or the group with cluster mode: the daily limit is its.
    pub of: String,
}

impl StoredCacheSnapshot {
    pub fn image_of(&self, shard: usize) -> String {
        self.images.get(shard).cloned().unwrap_or_default()
    }
}

pub(super) fn no_cache_snapshot(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::new("SnapshotNotFoundFault", format!("Snapshot {name} not found.")) }
}

impl Action for CreateCacheSnapshot {
    const NAME: &'static str = "CreateSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("Snapshot");
    type Output = CacheSnapshot;

    fn resource(&self) -> &str {
        self.replication_group_id.as_deref().or(self.cache_cluster_id.as_deref()).unwrap_or_default()
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<CacheSnapshot, ApiError> {
        let own_tags = self.tags.clone().unwrap_or_default();
        tags::check(&own_tags)?;
        let id = match (&self.replication_group_id, &self.cache_cluster_id) {
            (Some(group), None) => {
                let it = model.cache(group)?;
                if !it.shown.cluster_enabled {
                    return Err(ApiError::combination("Without cluster mode a snapshot is taken of a node: use CacheClusterId."));
                }
                it.shown.replication_group_id.clone()
            }
            (None, Some(node)) => {
                let found = model.caches.iter().find(|(_, it)| it.node(node).is_some());
                let (id, it) = found.ok_or_else(|| no_node(node))?;
                if it.shown.cluster_enabled {
                    return Err(ApiError::combination("With cluster mode a snapshot is taken of the group: use ReplicationGroupId."));
                }
                if it.node(node).is_some_and(|node| !node.is_up || node.is_hung || node.status != "available") {
                    return Err(ApiError::new("InvalidCacheClusterState", format!("Cache cluster {node} is not available.")));
                }
                id.clone()
            }
            _ => return Err(ApiError::combination("Exactly one of ReplicationGroupId and CacheClusterId must be given.")),
        };
        let it = model.cache(&id)?;
        it.require_available(Self::NAME)?;
        let of = self.cache_cluster_id.clone().unwrap_or_else(|| id.clone());
        let today = model.cache_snapshots.values().filter(|it| it.of == of && it.taken_at > now - Duration::hours(24));
        if today.count() >= MOST_A_DAY {
            return Err(ApiError::new(
                "SnapshotQuotaExceededFault",
                format!("{of} has {MOST_A_DAY} manual snapshots of the last 24 hours."),
            ));
        }
        model.take_cache_snapshot(&id, self.cache_cluster_id.as_deref(), &self.snapshot_name, own_tags, now)
    }
}

fn no_node(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::new("CacheClusterNotFound", format!("CacheCluster {name} not found.")) }
}

impl Action for DeleteCacheSnapshot {
    const NAME: &'static str = "DeleteSnapshot";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("Snapshot");
    type Output = CacheSnapshot;

    fn resource(&self) -> &str {
        &self.snapshot_name
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<CacheSnapshot, ApiError> {
        let found = model.cache_snapshots.get(&self.snapshot_name).ok_or_else(|| no_cache_snapshot(&self.snapshot_name))?;
        if found.shown.snapshot_status != "available" {
            return Err(ApiError::new(
                "InvalidSnapshotState",
                format!("Snapshot {} is {}.", self.snapshot_name, found.shown.snapshot_status),
            ));
        }
        let shown = found.shown.clone();
        model.cache_snapshots.remove(&self.snapshot_name);
        Ok(shown)
    }
}

impl Model {
    /// A final snapshot, of the primary.
    pub(super) fn begin_cache_snapshot(
        &mut self,
        id: &str,
        name: &str,
        tags: &[Tag],
        now: DateTime<Utc>,
    ) -> Result<CacheSnapshot, ApiError> {
        let it = self.cache(id)?;
        it.require_available("a final snapshot")?;
        let node = it.nodes.iter().find(|node| node.is_primary).map(|node| node.id.clone()).filter(|_| !it.shown.cluster_enabled);
        self.take_cache_snapshot(id, node.as_deref(), name, tags.to_vec(), now)
    }

    fn take_cache_snapshot(
        &mut self,
        id: &str,
        node: Option<&str>,
        name: &str,
        tags: Vec<Tag>,
        now: DateTime<Utc>,
    ) -> Result<CacheSnapshot, ApiError> {
        if name.len() > 40 {
            return Err(ApiError::value("The parameter SnapshotName must be at most 40 characters long."));
        }
        if self.cache_snapshots.contains_key(name) {
            return Err(ApiError::new("SnapshotAlreadyExistsFault", format!("Snapshot {name} already exists.")));
        }
        let arn = self.cache_arn("snapshot", name);
        let it = self.cache(id)?.clone();
        // A snapshot of a replica holds what it has received.
        let sources: Vec<_> = match node {
            Some(node) => it.node(node).into_iter().collect(),
            None => it.nodes.iter().filter(|node| node.is_primary).collect(),
        };
        let shown = shown(&it, name, node, arn, &sources.iter().map(|node| (node.id.clone(), node.shard.clone())).collect::<Vec<_>>());
        let images: Vec<String> = sources.iter().map(|node| format!("{name}:{}", node.shard)).collect();
        let effects: Vec<_> = sources
            .iter()
            .zip(&images)
            .map(|(node, image)| self.effect(Effect::TakeImage { server: node.server.clone(), image: image.clone() }))
            .collect();
        let of = node.unwrap_or(id).to_owned();
        let stored = StoredCacheSnapshot { shown: shown.clone(), cluster_mode: it.shown.cluster_enabled, images, tags, taken_at: now, of };
        self.cache_snapshots.insert(name.to_owned(), stored);
        self.begin_cache(id, "snapshotting", now);
        let then = Then::Cache(id.to_owned(), CacheStep::SnapshotTaken(name.to_owned()));
        self.schedule_after(now + self.settings.durations.snapshotting, effects, then);
        Ok(shown)
    }

    /// A snapshot that failed vanishes: there is no status for it.
    pub(super) fn cache_snapshot_taken(&mut self, id: &str, name: &str, at: DateTime<Utc>, result: &Result<(), String>, done: &[Done]) {
        if result.is_err() {
            self.cache_snapshots.remove(name);
        } else if let Some(found) = self.cache_snapshots.get_mut(name) {
            let taken = done.iter().filter_map(|done| if let Done::Image(at) = done { Some(*at) } else { None }).min();
            "available".clone_into(&mut found.shown.snapshot_status);
            for part in &mut found.shown.node_snapshots {
                part.snapshot_create_time = taken.or(Some(found.taken_at));
            }
        }
        if self.caches.get(id).is_some_and(|it| it.status == "snapshotting") {
            self.set_cache(id, "available");
        }
        self.notice(id, at, if result.is_ok() { "SnapshotComplete" } else { "SnapshotFailed" }, id);
    }
}

fn shown(it: &CacheGroup, name: &str, node: Option<&str>, arn: String, parts: &[(String, String)]) -> CacheSnapshot {
    let part = |(node, shard): &(String, String)| NodeSnapshot {
        cache_cluster_id: node.clone(),
        node_group_id: shard.clone(),
        snapshot_create_time: None,
    };
    CacheSnapshot {
        snapshot_name: name.to_owned(),
        replication_group_id: node.is_none().then(|| it.shown.replication_group_id.clone()),
        cache_cluster_id: node.map(str::to_owned),
        snapshot_status: "creating".to_owned(),
        snapshot_source: "manual".to_owned(),
        cache_node_type: it.shown.cache_node_type.clone(),
        engine: it.shown.engine.clone(),
        engine_version: it.engine_version.clone(),
        num_node_groups: i32::try_from(parts.len()).unwrap_or(1),
        node_snapshots: parts.iter().map(part).collect(),
        data_tiering: it.shown.data_tiering.clone(),
        arn,
    }
}
