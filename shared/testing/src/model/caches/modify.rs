//! `ModifyReplicationGroup`.

use chrono::{DateTime, Utc};

use super::{CacheGroup, CacheStep, ModifyReplicationGroup, ReplicationGroup, no_group};
use crate::model::network::{settle_groups, swap_groups};
use crate::model::{Action, ApiError, Effect, Model};

impl Action for ModifyReplicationGroup {
    const NAME: &'static str = "ModifyReplicationGroup";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("ReplicationGroup");
    type Output = ReplicationGroup;

    fn resource(&self) -> &str {
        &self.replication_group_id
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<ReplicationGroup, ApiError> {
        let it = model.cache(&self.replication_group_id)?;
        let id = it.shown.replication_group_id.clone();
        it.require_available(Self::NAME)?;
        self.check(it)?;
        if let Some(groups) = &self.security_group_ids {
            model.with_cache(&id, |it| swap_groups(&mut it.groups, groups));
            model.schedule_cache(&id, now + model.settings.durations.group_change, CacheStep::GroupsChanged);
        }
        let switches = self.automatic_failover_enabled.is_some() || self.multi_az_enabled.is_some();
        if switches {
            model.with_cache(&id, |it| {
                if let Some(on) = self.automatic_failover_enabled.filter(|on| *on != it.fails_over()) {
                    it.shown.automatic_failover = if on { "enabling" } else { "disabling" }.to_owned();
                }
                if let Some(on) = self.multi_az_enabled {
                    it.shown.multi_az = if on { "enabled" } else { "disabled" }.to_owned();
                }
            });
            model.begin_cache(&id, "modifying", now);
            model.schedule_cache(&id, now + model.settings.durations.modifying, CacheStep::Modified);
        }
        if let Some(node) = self.primary_cluster_id.as_ref().filter(|node| it_is_a_replica(model, &id, node)) {
            model.begin_promotion(&id, node, now);
        }
        model.caches.get(&id).map(|it| it.shown.clone()).ok_or_else(|| no_group(&id))
    }
}

fn it_is_a_replica(model: &Model, id: &str, node: &str) -> bool {
    model.caches.get(id).and_then(|it| it.node(node)).is_some_and(|node| !node.is_primary)
}

impl ModifyReplicationGroup {
    fn check(&self, it: &CacheGroup) -> Result<(), ApiError> {
        if self.security_group_ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(ApiError::value("SecurityGroupIds must not be empty."));
        }
        if let Some(node) = &self.primary_cluster_id {
            if it.shown.cluster_enabled {
                return Err(ApiError::combination("PrimaryClusterId cannot be used with cluster mode."));
            }
            if it.shown.automatic_failover != "disabled" || it.shown.multi_az != "disabled" {
                let message = "PrimaryClusterId can be changed only while Multi-AZ and automatic failover are disabled.";
                return Err(ApiError::combination(message));
            }
            match it.node(node) {
                None => return Err(ApiError::value(format!("{node} is no node of {}.", it.shown.replication_group_id))),
                Some(found) if !found.is_primary && (!found.is_up || found.is_hung) => {
                    return Err(ApiError::new("InvalidCacheClusterState", format!("Cache cluster {node} is not available.")));
                }
                Some(_) => {}
            }
        }
        let (automatic, multi_az) = (self.automatic_failover_enabled, self.multi_az_enabled);
        if automatic == Some(true) && it.nodes.len() < 2 {
            return Err(ApiError::combination("Automatic failover needs at least two nodes."));
        }
        if automatic == Some(false) && it.shown.cluster_enabled {
            return Err(ApiError::combination("Automatic failover cannot be disabled with cluster mode."));
        }
        let stays_multi_az = multi_az.unwrap_or(it.shown.multi_az == "enabled");
        if stays_multi_az && !automatic.unwrap_or(it.fails_over()) {
            return Err(ApiError::combination("Multi-AZ needs automatic failover: disable both, or enable both."));
        }
        Ok(())
    }
}

impl Model {
    pub(super) fn cache_modified(&mut self, id: &str, at: DateTime<Utc>) {
        self.with_cache(id, |it| {
            let now = match it.shown.automatic_failover.as_str() {
                "enabling" => "enabled",
                "disabling" => "disabled",
                other => other,
            };
            it.shown.automatic_failover = now.to_owned();
        });
        self.set_cache(id, "available");
        self.notice(id, at, "ReplicationGroupModifyComplete", id);
        // With automatic failover on again, AWS looks after its primary.
        self.primary_missed(id, at);
    }

    pub(super) fn cache_groups_changed(&mut self, id: &str) {
        self.with_cache(id, |it| settle_groups(&mut it.groups));
        self.refresh_cache_ports(id);
    }

    /// Opens or closes the ports of its nodes as the groups in force say; sessions that stand are tracked and stay.
    pub(crate) fn refresh_cache_ports(&mut self, id: &str) {
        let Some(it) = self.caches.get(id) else { return };
        let door = self.door(&it.groups);
        let servers: Vec<String> = it.nodes.iter().map(|node| node.server.clone()).collect();
        for server in servers {
            self.effect(Effect::SetPort { server, door });
        }
        self.lead_cache(id);
    }
}
