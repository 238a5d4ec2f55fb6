//! What follows another Region's resource, and takes over from it: replica clusters and secondaries of a global datastore. The other
//! Region is not modelled: it may be dark.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::caches::CacheStep;
use super::clusters::ClusterStep;
use super::steps::Then;
use super::{Action, ApiError, DbCluster, Effect, Model, ReplicationGroup};

/// The role of a group that follows, and of one that is followed.
const SECONDARY: &str = "SECONDARY";
const PRIMARY: &str = "PRIMARY";

/// `GlobalReplicationGroupInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GlobalReplicationGroupInfo {
    /// The global datastore.
    pub global_replication_group_id: String,
    /// `PRIMARY` or `SECONDARY`.
    pub global_replication_group_member_role: String,
}

/// Makes a replica cluster a cluster of its own. There is no way back.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PromoteReadReplicaDbCluster {
    /// The replica cluster.
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
}

/// Makes a member the primary of its global datastore.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailoverGlobalReplicationGroup {
    /// The global datastore.
    pub global_replication_group_id: String,
    /// The Region of the new primary.
    pub primary_region: String,
    /// The new primary.
    pub primary_replication_group_id: String,
}

/// What `FailoverGlobalReplicationGroup` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GlobalReplicationGroup {
    /// The global datastore.
    pub global_replication_group_id: String,
    /// `modifying` from now on.
    pub status: String,
}

impl Action for PromoteReadReplicaDbCluster {
    const NAME: &'static str = "PromoteReadReplicaDBCluster";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        let id = model.find_cluster(&self.db_cluster_identifier)?;
        let state = |message: String| ApiError::new("InvalidDBClusterStateFault", message);
        let Some(it) = model.clusters.get(&id) else { return Err(state(format!("{} is gone.", self.db_cluster_identifier))) };
        let name = &it.shown.db_cluster_identifier;
        if it.shown.replication_source_identifier.is_none() {
            return Err(state(format!("DB cluster {name} is not a read replica.")));
        }
        if it.status != "available" {
            return Err(state(format!("DB cluster {name} is {}, not available.", it.status)));
        }
        let (shown, writer) = (it.shown.clone(), it.writer.clone());
        let Some(writer) = writer else { return Err(state(format!("DB cluster {name} has no DB instance."))) };
        model.begin_cluster(&id, "promoting", now);
        let effect = model.effect(Effect::SetRole { server: writer, writes: true });
        let at = now + model.settings.durations.promoting;
        model.schedule_after(at, [effect], Then::Cluster(id, ClusterStep::TookOver));
        Ok(shown)
    }
}

impl Action for FailoverGlobalReplicationGroup {
    const NAME: &'static str = "FailoverGlobalReplicationGroup";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("GlobalReplicationGroup");
    type Output = GlobalReplicationGroup;

    fn resource(&self) -> &str {
        &self.primary_replication_group_id
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<GlobalReplicationGroup, ApiError> {
        let global = &self.global_replication_group_id;
        let is_in = |group: &ReplicationGroup| {
            group.global_replication_group_info.as_ref().is_some_and(|info| info.global_replication_group_id == *global)
        };
        if !model.caches.values().any(|it| is_in(&it.shown)) {
            let message = format!("Global replication group {global} not found.");
            return Err(ApiError { status: 404, ..ApiError::new("GlobalReplicationGroupNotFoundFault", message) });
        }
        let name = self.primary_replication_group_id.to_ascii_lowercase();
        let found = model.caches.get(&name).filter(|it| is_in(&it.shown) && self.primary_region == model.settings.region);
        let Some(it) = found else {
            return Err(ApiError::value(format!("{name} in {} is no member of {global}.", self.primary_region)));
        };
        let state = |message: String| Err(ApiError::new("InvalidGlobalReplicationGroupState", message));
        if it.shown.global_replication_group_info.as_ref().is_some_and(|it| it.global_replication_group_member_role == PRIMARY) {
            return state(format!("{name} is the primary of {global} already."));
        }
        if it.status != "available" {
            return state(format!("{name} is {}, not available.", it.status));
        }
        let servers: Vec<String> = it.nodes.iter().filter(|node| node.is_primary).map(|node| node.server.clone()).collect();
        model.begin_cache(&name, "modifying", now);
        let effects: Vec<_> = servers.into_iter().map(|server| model.effect(Effect::SetRole { server, writes: true })).collect();
        let at = now + model.settings.durations.promoting;
        model.schedule_after(at, effects, Then::Cache(name, CacheStep::TookOver));
        Ok(GlobalReplicationGroup { global_replication_group_id: global.clone(), status: "modifying".to_owned() })
    }
}

impl Model {
    /// From now on a cluster follows one of another Region, and is read-only.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn follow_elsewhere(&mut self, cluster: &str, source: &str) -> Result<(), ApiError> {
        let id = self.find_cluster(cluster)?;
        let writer = self.clusters.get_mut(&id).and_then(|it| {
            it.shown.replication_source_identifier = Some(source.to_owned());
            it.writer.clone()
        });
        if let Some(server) = writer {
            self.effect(Effect::SetRole { server, writes: false });
        }
        Ok(())
    }

    /// From now on a replication group is the secondary of a global datastore, and read-only.
    ///
    /// # Errors
    /// There is no such group.
    pub fn join_global(&mut self, name: &str, global: &str) -> Result<(), ApiError> {
        let servers = self.cache_servers(name);
        let Some(it) = self.caches.get_mut(name) else {
            return Err(ApiError::new("ReplicationGroupNotFoundFault", format!("ReplicationGroup {name} not found.")));
        };
        it.shown.global_replication_group_info = Some(GlobalReplicationGroupInfo {
            global_replication_group_id: global.to_owned(),
            global_replication_group_member_role: SECONDARY.to_owned(),
        });
        for server in servers {
            self.effect(Effect::SetRole { server, writes: false });
        }
        Ok(())
    }

    /// A replica cluster is a cluster of its own, or could not be promoted and stays what it is.
    pub(super) fn cluster_took_over(&mut self, id: &str, result: &Result<(), String>) {
        if let Some(it) = self.clusters.get_mut(id).filter(|_| result.is_ok()) {
            it.shown.replication_source_identifier = None;
        }
        self.set_cluster(id, "available");
    }

    /// The secondary is the primary.
    pub(super) fn cache_took_over(&mut self, id: &str, result: &Result<(), String>) {
        if let Some(info) =
            self.caches.get_mut(id).filter(|_| result.is_ok()).and_then(|it| it.shown.global_replication_group_info.as_mut())
        {
            PRIMARY.clone_into(&mut info.global_replication_group_member_role);
        }
        self.set_cache(id, "available");
    }
}
