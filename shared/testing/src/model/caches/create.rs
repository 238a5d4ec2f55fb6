//! `CreateReplicationGroup`, with or without a snapshot, and `DeleteReplicationGroup`.

use chrono::{DateTime, Utc};

use super::snapshot::StoredCacheSnapshot;
use super::{
    CacheEndpoint, CacheGroup, CacheStep, CreateReplicationGroup, DeleteReplicationGroup, Node, NodeGroup, ReplicationGroup, SERVER,
    group_state, no_group, slots_of,
};
use crate::model::steps::Then;
use crate::model::words::VpcSecurityGroupMembership;
use crate::model::{Action, ApiError, Done, Effect, Model, Origin, tags};

/// The patch that ElastiCache chooses.
const PATCH: &str = ".1";
/// The port of Redis and Valkey.
const PORT: u16 = 6379;
/// The most shards of a group.
const MOST_SHARDS: i32 = 90;

/// Shards, replicas of each, and whether cluster mode is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    shards: i32,
    replicas: i32,
    cluster_mode: bool,
}

impl Action for CreateReplicationGroup {
    const NAME: &'static str = "CreateReplicationGroup";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("ReplicationGroup");
    type Output = ReplicationGroup;

    fn resource(&self) -> &str {
        &self.replication_group_id
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<ReplicationGroup, ApiError> {
        let id = self.replication_group_id.to_ascii_lowercase();
        let is_name = id.starts_with(|c: char| c.is_ascii_alphabetic())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !id.ends_with('-')
            && !id.contains("--")
            && id.len() <= 40;
        if !is_name {
            return Err(ApiError::value(format!("The parameter ReplicationGroupId must be 1 to 40 letters, digits and hyphens: {id}")));
        }
        if model.caches.contains_key(&id) {
            let message = format!("Replication group {id} already exists.");
            return Err(ApiError::new("ReplicationGroupAlreadyExists", message));
        }
        tags::check(self.tags.as_deref().unwrap_or_default())?;
        let shape = self.shape()?;
        let snapshot = self.snapshot(model, shape)?.cloned();
        self.check(shape)?;
        let group = self.group(model, &id, shape, now)?;
        let shown = group.shown.clone();
        model.caches.insert(id.clone(), group);
        let mut waits: Vec<_> = model.lead_cache(&id).into_iter().collect();
        let nodes: Vec<Node> = model.caches.get(&id).map(|it| it.nodes.clone()).unwrap_or_default();
        let mut primary = String::new();
        for (place, node) in nodes.iter().enumerate() {
            let from = match &snapshot {
                _ if !node.is_primary => Origin::Replica { of: primary.clone() },
                Some(snapshot) => Origin::Image(snapshot.image_of(place / nodes_of_a_shard(shape))),
                None => model.empty_cache(&id),
            };
            if node.is_primary {
                primary.clone_from(&node.server);
            }
            waits.extend(model.provision_node(&id, &node.id, from));
        }
        let takes = if snapshot.is_some() { model.settings.durations.restoring } else { model.settings.durations.creating };
        model.schedule_after(now + takes, waits, Then::Cache(id, CacheStep::Born));
        Ok(shown)
    }
}

/// From 6 on ElastiCache chooses the patch itself.
fn names_a_patch(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= 6) && version.matches('.').count() > 1
}

fn shown_version(asked: &str) -> String {
    if asked.matches('.').count() == 1 { format!("{asked}{PATCH}") } else { asked.to_owned() }
}

fn nodes_of_a_shard(shape: Shape) -> usize {
    usize::try_from(shape.replicas + 1).unwrap_or(1)
}

impl CreateReplicationGroup {
    fn shape(&self) -> Result<Shape, ApiError> {
        let cluster_mode = self.cluster_mode.as_deref() == Some("enabled") || self.num_node_groups.is_some_and(|shards| shards > 1);
        if !cluster_mode {
            let nodes = self.num_cache_clusters.unwrap_or_else(|| 1 + self.replicas_per_node_group.unwrap_or(0));
            if !(1..=6).contains(&nodes) {
                return Err(ApiError::value("NumCacheClusters must be between 1 and 6."));
            }
            return Ok(Shape { shards: 1, replicas: nodes - 1, cluster_mode });
        }
        if self.num_cache_clusters.is_some() {
            return Err(ApiError::combination(
                "NumCacheClusters cannot be used with cluster mode: use NumNodeGroups and ReplicasPerNodeGroup.",
            ));
        }
        let shape = Shape { shards: self.num_node_groups.unwrap_or(1), replicas: self.replicas_per_node_group.unwrap_or(1), cluster_mode };
        if !(1..=MOST_SHARDS).contains(&shape.shards) || !(0..=5).contains(&shape.replicas) {
            return Err(ApiError::value("NumNodeGroups must be between 1 and 90, ReplicasPerNodeGroup between 0 and 5."));
        }
        Ok(shape)
    }

    /// The snapshot to begin with. That it does not exist is no error of its own (fact sheet 3.6).
    fn snapshot<'a>(&self, model: &'a Model, shape: Shape) -> Result<Option<&'a StoredCacheSnapshot>, ApiError> {
        let Some(name) = &self.snapshot_name else { return Ok(None) };
        let Some(found) = model.cache_snapshots.get(name).filter(|found| found.shown.snapshot_status == "available") else {
            return Err(ApiError::value(format!("Snapshot {name} does not exist or is not available.")));
        };
        if found.cluster_mode && !shape.cluster_mode {
            return Err(ApiError::combination(
                "A snapshot of a cluster-mode-enabled replication group cannot be restored without cluster mode.",
            ));
        }
        if found.shown.num_node_groups != shape.shards {
            let (has, wants) = (found.shown.num_node_groups, shape.shards);
            return Err(ApiError::value(format!("Snapshot {name} has {has} node groups, and {wants} are asked for.")));
        }
        if (found.shown.data_tiering == "enabled") != (self.data_tiering_enabled == Some(true)) {
            return Err(ApiError::combination("Data tiering must be as in the snapshot."));
        }
        Ok(Some(found))
    }

    fn check(&self, shape: Shape) -> Result<(), ApiError> {
        if !matches!(self.engine.as_str(), "valkey" | "redis") {
            return Err(ApiError::value("The engine of a replication group must be valkey or redis."));
        }
        if let Some(version) = self.engine_version.as_deref().filter(|version| names_a_patch(version)) {
            let wanted = version.rsplit_once('.').map_or(version, |(wanted, _)| wanted);
            return Err(ApiError::value(format!("Specific version selection is not allowed for '{version}', please use '{wanted}'")));
        }
        let automatic = self.automatic_failover_enabled.unwrap_or(false);
        if automatic && shape.replicas == 0 && !shape.cluster_mode {
            return Err(ApiError::combination("Automatic failover needs at least two nodes."));
        }
        if shape.cluster_mode && !automatic {
            return Err(ApiError::combination("Automatic failover must be enabled with cluster mode."));
        }
        if self.multi_az_enabled == Some(true) && (!automatic || shape.replicas == 0) {
            return Err(ApiError::combination("Multi-AZ needs automatic failover and a replica in each shard."));
        }
        if self.transit_encryption_enabled == Some(true) && self.cache_subnet_group_name.is_none() {
            return Err(ApiError::combination("Encryption in transit needs a CacheSubnetGroupName."));
        }
        if self.auth_token.is_some() && self.transit_encryption_enabled != Some(true) {
            return Err(ApiError::combination("An AUTH token needs encryption in transit."));
        }
        Ok(())
    }

    fn group(&self, model: &Model, id: &str, shape: Shape, now: DateTime<Utc>) -> Result<CacheGroup, ApiError> {
        let port = u16::try_from(self.port.unwrap_or_else(|| PORT.into())).map_err(|_| ApiError::value("Invalid Port."))?;
        let groups = self.security_group_ids.clone().filter(|groups| !groups.is_empty());
        let groups = groups.unwrap_or_else(|| vec![model.settings.default_security_group.clone()]);
        let nodes = nodes(model, id, shape, now);
        let enabled = |on: Option<bool>| if on == Some(true) { "enabled" } else { "disabled" }.to_owned();
        let tls = self.transit_encryption_enabled.unwrap_or(false);
        let shown = ReplicationGroup {
            replication_group_id: id.to_owned(),
            description: self.replication_group_description.clone(),
            status: "creating".to_owned(),
            member_clusters: nodes.iter().map(|node| node.id.clone()).collect(),
            node_groups: Vec::new(),
            automatic_failover: enabled(self.automatic_failover_enabled),
            multi_az: enabled(self.multi_az_enabled),
            configuration_endpoint: None,
            snapshot_retention_limit: self.snapshot_retention_limit.unwrap_or(0),
            snapshot_window: self.snapshot_window.clone().unwrap_or_else(|| "03:00-04:00".to_owned()),
            cluster_enabled: shape.cluster_mode,
            cache_node_type: self.cache_node_type.clone(),
            auth_token_enabled: self.auth_token.is_some(),
            transit_encryption_enabled: tls,
            transit_encryption_mode: tls.then(|| self.transit_encryption_mode.clone().unwrap_or_else(|| "required".to_owned())),
            at_rest_encryption_enabled: self.at_rest_encryption_enabled.unwrap_or(self.engine == "valkey"),
            kms_key_id: self.kms_key_id.clone(),
            arn: model.cache_arn("replicationgroup", id),
            user_group_ids: self.user_group_ids.clone().unwrap_or_default(),
            log_delivery_configurations: self.log_delivery_configurations.clone().unwrap_or_default(),
            global_replication_group_info: None,
            replication_group_create_time: Some(now),
            data_tiering: enabled(self.data_tiering_enabled),
            auto_minor_version_upgrade: self.auto_minor_version_upgrade.unwrap_or(true),
            network_type: self.network_type.clone().unwrap_or_else(|| "ipv4".to_owned()),
            ip_discovery: self.ip_discovery.clone().unwrap_or_else(|| "ipv4".to_owned()),
            engine: self.engine.clone(),
        };
        let membership = |id: String| VpcSecurityGroupMembership { vpc_security_group_id: id, status: "active".to_owned() };
        let default_parameters = if shape.cluster_mode { "default.valkey8.cluster.on" } else { "default.valkey8" };
        Ok(CacheGroup {
            shown,
            status: "creating".to_owned(),
            stuck: false,
            nodes,
            groups: groups.into_iter().map(membership).collect(),
            parameter_group: self.cache_parameter_group_name.clone().unwrap_or_else(|| default_parameters.to_owned()),
            subnet_group: self.cache_subnet_group_name.clone().unwrap_or_else(|| "default".to_owned()),
            engine_version: shown_version(self.engine_version.as_deref().unwrap_or("8.0")),
            maintenance_window: self.preferred_maintenance_window.clone().unwrap_or_else(|| "sun:05:00-sun:06:00".to_owned()),
            topic: self.notification_topic_arn.clone(),
            port,
            token: self.auth_token.clone(),
            tags: self.tags.clone().unwrap_or_default(),
            promotes: None,
            server: format!("{SERVER}group-{}-{id}", now.timestamp_millis()),
            reached: None,
        })
    }
}

/// `sessions-001` without cluster mode, `sessions-0001-001` with it; nodes of a shard go to different zones.
fn nodes(model: &Model, id: &str, shape: Shape, now: DateTime<Utc>) -> Vec<Node> {
    let zones: Vec<&String> = model.settings.zones.iter().filter(|zone| !model.dark_zones.contains(*zone)).collect();
    let mut nodes = Vec::new();
    for shard in 1..=shape.shards {
        for number in 1..=shape.replicas + 1 {
            let name = if shape.cluster_mode { format!("{id}-{shard:04}-{number:03}") } else { format!("{id}-{number:03}") };
            let zone = usize::try_from(number - 1).ok().and_then(|place| zones.get(place % zones.len().max(1)));
            nodes.push(Node {
                server: format!("{SERVER}{}-{name}", now.timestamp_millis()),
                address: None,
                id: name,
                shard: format!("{shard:04}"),
                zone: zone.map(|zone| (*zone).clone()).unwrap_or_default(),
                is_primary: number == 1,
                status: "creating".to_owned(),
                is_up: true,
                is_hung: false,
            });
        }
    }
    nodes
}

impl Model {
    /// Its nodes are up, or never will be: `create-failed`, which no waiter of the SDK takes for an error.
    pub(super) fn cache_born(&mut self, id: &str, at: DateTime<Utc>, result: &Result<(), String>, done: &[Done]) {
        if result.is_err() {
            self.with_cache(id, |it| it.nodes.iter_mut().for_each(|node| "restore-failed".clone_into(&mut node.status)));
            self.set_cache(id, "create-failed");
            self.notice(id, at, "ReplicationGroupCreateFailed", id);
            return;
        }
        let region = self.settings.region.clone();
        self.with_cache(id, |it| reach(it, done));
        self.with_cache(id, |it| {
            let (port, prefix) = (it.port, if it.shown.transit_encryption_enabled { "master." } else { "" });
            let endpoint = |address: String| Some(CacheEndpoint { address, port });
            if it.shown.cluster_enabled {
                let own = it.reached.as_ref().map(|(primary, _)| primary.clone());
                it.shown.configuration_endpoint =
                    endpoint(own.unwrap_or_else(|| format!("clustercfg.{id}.a1b2c3.{region}.cache.amazonaws.com")));
            }
            let mut shards: Vec<String> = it.nodes.iter().map(|node| node.shard.clone()).collect();
            shards.dedup();
            let is_cluster = it.shown.cluster_enabled;
            let (primary, reader) = it.reached.clone().unwrap_or_else(|| {
                let host = |prefix: &str| format!("{prefix}{id}.a1b2c3.{region}.cache.amazonaws.com");
                (host(prefix), host("replica."))
            });
            let count = u32::try_from(shards.len()).unwrap_or(1).max(1);
            it.shown.node_groups = (0..count)
                .zip(shards)
                .map(|(place, shard)| NodeGroup {
                    primary_endpoint: endpoint(primary.clone()).filter(|_| !is_cluster),
                    reader_endpoint: endpoint(reader.clone()).filter(|_| !is_cluster),
                    slots: is_cluster.then(|| slots_of(place, count)).map(|(first, last)| format!("{first}-{last}")),
                    node_group_id: shard,
                    status: "available".to_owned(),
                    node_group_members: Vec::new(),
                })
                .collect();
            it.nodes.iter_mut().for_each(|node| "available".clone_into(&mut node.status));
        });
        self.set_cache(id, "available");
        self.notice(id, at, "ReplicationGroupCreateComplete", id);
    }

    pub(super) fn start_cache_deletion(&mut self, id: &str, now: DateTime<Utc>) {
        self.cancel_steps(id);
        self.with_cache(id, |it| it.stuck = false);
        self.set_cache(id, "deleting");
        self.schedule_cache(id, now + self.settings.durations.deleting, CacheStep::Gone);
    }

    /// Its snapshots stay, manual ones at least.
    pub(super) fn cache_gone(&mut self, id: &str, at: DateTime<Utc>) {
        self.notice(id, at, "DeleteReplicationGroupComplete", id);
        let Some(it) = self.caches.remove(id) else { return };
        for node in it.nodes {
            self.effect(Effect::Kill { server: node.server.clone() });
            self.effect(Effect::Delete { server: node.server });
        }
        self.effect(Effect::Delete { server: it.server });
    }
}

/// Where its addresses are, if the data plane has its own.
fn reach(it: &mut CacheGroup, done: &[Done]) {
    let found = done.iter().find_map(|done| match done {
        Done::Reached { primary, reader, nodes, port } => Some((primary, reader, nodes, *port)),
        _ => None,
    });
    let Some((primary, reader, nodes, port)) = found else { return };
    (it.reached, it.port) = (Some((primary.clone(), reader.clone())), port);
    for node in &mut it.nodes {
        node.address = nodes.get(&node.server).cloned();
    }
}

impl Action for DeleteReplicationGroup {
    const NAME: &'static str = "DeleteReplicationGroup";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("ReplicationGroup");
    type Output = ReplicationGroup;

    fn resource(&self) -> &str {
        &self.replication_group_id
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<ReplicationGroup, ApiError> {
        let it = model.cache(&self.replication_group_id)?;
        let id = it.shown.replication_group_id.clone();
        if !matches!(it.status.as_str(), "available" | "create-failed") {
            return Err(group_state(format!("Replication group {id} is {}.", it.status)));
        }
        if let Some(name) = &self.final_snapshot_identifier {
            model.begin_cache_snapshot(&id, name, &[], now)?;
        }
        model.start_cache_deletion(&id, now);
        model.caches.get(&id).map(|it| it.shown.clone()).ok_or_else(|| no_group(&id))
    }
}
