//! What goes wrong with caches, what happens behind Lifeboat's back, and what nobody should do.

use chrono::{DateTime, Utc};

use super::{CacheCluster, CacheStep, RebootCacheCluster};
use crate::model::{Action, ApiError, Effect, Model};

impl Action for RebootCacheCluster {
    const NAME: &'static str = "RebootCacheCluster";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("CacheCluster");
    type Output = CacheCluster;

    fn resource(&self) -> &str {
        &self.cache_cluster_id
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<CacheCluster, ApiError> {
        let found = model.caches.iter().find(|(_, it)| it.node(&self.cache_cluster_id).is_some());
        let Some((id, it)) = found.map(|(id, it)| (id.clone(), it.clone())) else {
            return Err(ApiError { status: 404, ..ApiError::new("CacheClusterNotFound", "CacheCluster not found.") });
        };
        it.require_available(Self::NAME)?;
        if let Some(node) = it.node(&self.cache_cluster_id) {
            let from = if node.is_primary {
                model.empty_cache(&id)
            } else {
                let primary = it.primary_of(&node.shard).map(|primary| primary.server.clone()).unwrap_or_default();
                crate::model::Origin::Replica { of: primary }
            };
            model.with_node(&id, &node.id, |node| "rebooting cluster nodes".clone_into(&mut node.status));
            model.effect(Effect::Delete { server: node.server.clone() });
            let waits = model.provision_node(&id, &node.id, from);
            let then = crate::model::steps::Then::Cache(id.clone(), CacheStep::NodeBack(node.id.clone()));
            model.schedule_after(now + model.settings.durations.rebooting, waits, then);
        }
        let shown = model.cache_clusters().into_iter().find(|shown| shown.cache_cluster_id == self.cache_cluster_id);
        shown.ok_or_else(|| ApiError::new("CacheClusterNotFound", "CacheCluster not found."))
    }
}

impl Model {
    /// The host of the primary of the first shard is lost, with its memory.
    ///
    /// # Errors
    /// There is no such group.
    pub fn lose_primary(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.strike_primary(name, now, false)
    }

    /// The primary of the first shard accepts connections and never answers.
    ///
    /// # Errors
    /// There is no such group.
    pub fn hang_primary(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.strike_primary(name, now, true)
    }

    fn strike_primary(&mut self, name: &str, now: DateTime<Utc>, hangs: bool) -> Result<(), ApiError> {
        let it = self.cache(name)?;
        let id = it.shown.replication_group_id.clone();
        if let Some(node) = it.nodes.iter().find(|node| node.is_primary).cloned() {
            let server = node.server.clone();
            self.effect(if hangs { Effect::Hang { server } } else { Effect::Kill { server } });
            self.with_node(&id, &node.id, |node| (node.is_up, node.is_hung) = (hangs, hangs));
        }
        self.schedule_cache(&id, now + self.settings.durations.failure_detection, CacheStep::PrimaryMissed);
        Ok(())
    }

    /// The node of the primary of the first shard is replaced by an empty one before anybody misses it, under its name and its address;
    /// its replicas follow it, and have lost everything, too. That is what AWS does about a lost node where nobody fails over.
    ///
    /// # Errors
    /// There is no such group.
    pub fn replace_primary(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let it = self.cache(name)?;
        let id = it.shown.replication_group_id.clone();
        if let Some(node) = it.nodes.iter().find(|node| node.is_primary).cloned() {
            self.effect(Effect::Kill { server: node.server.clone() });
            self.with_node(&id, &node.id, |node| node.is_up = false);
            self.replace_empty(&id, &node, now);
        }
        Ok(())
    }

    /// What hung answers again.
    ///
    /// # Errors
    /// There is no such group.
    pub fn wake_cache(&mut self, name: &str) -> Result<(), ApiError> {
        let it = self.cache(name)?;
        let id = it.shown.replication_group_id.clone();
        for node in it.nodes.clone().into_iter().filter(|node| node.is_hung) {
            self.effect(Effect::Resume { server: node.server });
            self.with_node(&id, &node.id, |node| node.is_hung = false);
        }
        Ok(())
    }

    /// From now on automatic failover does not do what it is for, or does it again.
    pub fn stall_failover(&mut self, stalled: bool) {
        self.failover_is_stalled = stalled;
    }

    /// All its nodes are lost, and ElastiCache says `create-failed`, which it never leaves.
    ///
    /// # Errors
    /// There is no such group.
    pub fn fail_cache(&mut self, name: &str) -> Result<(), ApiError> {
        let it = self.cache(name)?;
        let id = it.shown.replication_group_id.clone();
        let servers: Vec<String> = it.nodes.iter().map(|node| node.server.clone()).collect();
        for server in servers {
            self.effect(Effect::Kill { server });
        }
        self.with_cache(&id, |it| {
            it.stuck = true;
            for node in &mut it.nodes {
                node.is_up = false;
                "restore-failed".clone_into(&mut node.status);
            }
        });
        self.set_cache(&id, "create-failed");
        Ok(())
    }

    /// Somebody deletes it.
    ///
    /// # Errors
    /// There is no such group.
    pub fn delete_cache_behind_back(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let id = self.cache(name)?.shown.replication_group_id.clone();
        self.start_cache_deletion(&id, now);
        Ok(())
    }
}
