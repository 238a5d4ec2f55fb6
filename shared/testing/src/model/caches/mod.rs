//! ElastiCache replication groups: nodes in shards, of which one in each writes; asynchronous replicas; data that is only in memory.

mod accidents;
mod create;
mod describe;
mod failover;
mod modify;
mod requests;
mod snapshot;
mod words;

use chrono::{DateTime, Utc};

pub use describe::{CacheView, NodeView};
pub use requests::*;
pub use words::*;

use super::steps::Then;
use super::words::{Secret, Tag, VpcSecurityGroupMembership};
use super::{ApiError, CacheShard, Done, Door, Effect, EffectId, Model, Origin};
pub(crate) use snapshot::StoredCacheSnapshot;

/// In memory the data plane has users: whoever knows the AUTH token logs in as this one.
pub const CACHE_USER: &str = "lifeboat";

/// One replication group.
#[derive(Debug, Clone)]
pub(crate) struct CacheGroup {
    /// What Describe shows but for its nodes; its status may lag.
    pub shown: ReplicationGroup,
    /// The status that is true.
    pub status: String,
    /// The status to begin with is not left by itself.
    pub stuck: bool,
    pub nodes: Vec<Node>,
    /// Those of its nodes, with their status.
    pub groups: Vec<VpcSecurityGroupMembership>,
    pub parameter_group: String,
    pub subnet_group: String,
    pub engine_version: String,
    pub maintenance_window: String,
    pub topic: Option<String>,
    pub port: u16,
    pub token: Option<Secret>,
    pub tags: Vec<Tag>,
    /// A promotion that is under way.
    pub promotes: Option<String>,
    /// The group in the data plane.
    pub server: String,
    /// Where the primary endpoint and the reader endpoint lead, where that is not under AWS's names.
    pub reached: Option<(String, String)>,
}

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// `CacheClusterId`.
    pub id: String,
    /// `NodeGroupId`.
    pub shard: String,
    pub zone: String,
    pub is_primary: bool,
    /// `CacheClusterStatus`.
    pub status: String,
    /// Its server answers, or would if it did not hang.
    pub is_up: bool,
    pub is_hung: bool,
    /// Its server in the data plane.
    pub server: String,
    /// Where it listens, where that is not under AWS's name.
    pub address: Option<String>,
}

/// The slots of Redis Cluster.
const SLOTS: u32 = 16384;

/// The first and the last slot of a shard by its place: they are spread evenly.
fn slots_of(place: u32, shards: u32) -> (u32, u32) {
    (place * SLOTS / shards, (place + 1) * SLOTS / shards - 1)
}

/// How the names of all servers of caches begin, and of all groups in the data plane.
const SERVER: &str = "cache-";

/// Whether a server of the data plane is a node of a replication group, or such a group.
pub fn is_cache_server(name: &str) -> bool {
    name.starts_with(SERVER)
}

/// What happens to a replication group later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CacheStep {
    /// The status that is true is now the one that is seen.
    Show,
    /// Its nodes are there.
    Born,
    /// A modification is finished.
    Modified,
    /// New security groups are in force.
    GroupsChanged,
    /// A snapshot is finished.
    SnapshotTaken(String),
    /// AWS looks whether its primaries live.
    PrimaryMissed,
    /// This node has become the primary of its shard.
    Promoted(String),
    /// The secondary of a global datastore is its primary.
    TookOver,
    /// This node was replaced, or follows the new primary.
    NodeBack(String),
    /// A deletion is finished.
    Gone,
}

impl CacheStep {
    /// Whether it is a stage of changing the status, which a stuck group never leaves.
    pub fn moves_the_status(&self) -> bool {
        !matches!(self, Self::GroupsChanged | Self::SnapshotTaken(_) | Self::NodeBack(_))
    }
}

/// What ElastiCache tells the topic of a replication group, as SNS carries it: `{"ElastiCache:FailoverComplete": "sessions-002"}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CacheNotice {
    /// When.
    pub at: DateTime<Utc>,
    /// The topic.
    pub topic: String,
    /// The message.
    pub message: String,
}

fn no_group(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::new("ReplicationGroupNotFoundFault", format!("ReplicationGroup {name} not found.")) }
}

fn group_state(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidReplicationGroupState", message)
}

impl CacheGroup {
    /// The refusal for everything that needs an `available` group: while a snapshot is taken nothing else is done.
    fn require_available(&self, action: &str) -> Result<(), ApiError> {
        if self.status == "available" {
            return Ok(());
        }
        let name = &self.shown.replication_group_id;
        Err(group_state(format!("Replication group {name} is not in an available state for {action}: it is {}.", self.status)))
    }

    fn primary_of(&self, shard: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.is_primary && node.shard == shard)
    }

    /// Its shards in order, each with its slots and its servers.
    fn shards(&self) -> Vec<CacheShard> {
        let mut names: Vec<&String> = self.nodes.iter().map(|node| &node.shard).collect();
        names.dedup();
        let count = u32::try_from(names.len()).unwrap_or(1);
        let shard = |(place, name): (u32, &String)| CacheShard {
            slots: slots_of(place, count),
            primary: self.primary_of(name).map(|node| node.server.clone()).unwrap_or_default(),
            members: self.nodes.iter().filter(|node| node.shard == *name).map(|node| node.server.clone()).collect(),
        };
        (0..count).zip(names).map(shard).collect()
    }

    fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    fn fails_over(&self) -> bool {
        self.shown.automatic_failover == "enabled"
    }
}

impl Model {
    fn cache(&self, name: &str) -> Result<&CacheGroup, ApiError> {
        self.caches.get(&name.to_ascii_lowercase()).ok_or_else(|| no_group(name))
    }

    fn with_cache<R>(&mut self, id: &str, change: impl FnOnce(&mut CacheGroup) -> R) -> Option<R> {
        self.caches.get_mut(id).map(change)
    }

    /// Changes a node that may be gone.
    fn with_node<R>(&mut self, id: &str, node: &str, change: impl FnOnce(&mut Node) -> R) -> Option<R> {
        self.caches.get_mut(id)?.nodes.iter_mut().find(|it| it.id == node).map(change)
    }

    /// Changes the status, seen at once.
    pub(super) fn set_cache(&mut self, id: &str, status: &str) {
        self.with_cache(id, |it| {
            status.clone_into(&mut it.status);
            status.clone_into(&mut it.shown.status);
        });
    }

    /// Changes the status; Describe shows it only after the status lag.
    pub(super) fn begin_cache(&mut self, id: &str, status: &str, now: DateTime<Utc>) {
        self.with_cache(id, |it| status.clone_into(&mut it.status));
        self.schedule_cache(id, now + self.settings.durations.status_lag, CacheStep::Show);
    }

    fn schedule_cache(&mut self, id: &str, at: DateTime<Utc>, step: CacheStep) {
        self.schedule(at, Then::Cache(id.to_owned(), step));
    }

    pub(crate) fn is_cache_stuck(&self, id: &str) -> bool {
        self.caches.get(id).is_some_and(|it| it.stuck)
    }

    fn cache_arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:elasticache:{}:{}:{kind}:{name}", self.settings.region, self.settings.account)
    }

    /// Tells the topic of the group, if it has one.
    fn notice(&mut self, id: &str, at: DateTime<Utc>, what: &str, of: &str) {
        let Some(topic) = self.caches.get(id).and_then(|it| it.topic.clone()) else { return };
        self.notices.push(CacheNotice { at, topic, message: serde_json::json!({ format!("ElastiCache:{what}"): of }).to_string() });
    }

    /// What the topics were told since the last time.
    pub fn take_notices(&mut self) -> Vec<CacheNotice> {
        std::mem::take(&mut self.notices)
    }

    /// The tags of a group, or of a snapshot of one.
    /// For a tagging operation of ElastiCache, which it refuses of a group that is not `available`.
    pub(crate) fn cache_tags(&mut self, arn: &str) -> Result<&mut Vec<Tag>, ApiError> {
        let mut parts = arn.split(':').skip(5);
        let (kind, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match kind {
            "replicationgroup" => match self.caches.get_mut(name) {
                Some(it) if it.status == "available" => Ok(&mut it.tags),
                Some(_) => Err(group_state("Cluster not in available state to perform tagging operations")),
                None => Err(no_group(name)),
            },
            "snapshot" => self.cache_snapshots.get_mut(name).map(|it| &mut it.tags).ok_or_else(|| snapshot::no_cache_snapshot(name)),
            _ => Err(ApiError::new("InvalidARN", format!("Invalid resource name: {arn}"))),
        }
    }

    /// In every status.
    pub(crate) fn kept_cache_tags(&self, arn: &str) -> Result<Vec<Tag>, ApiError> {
        let group = self.caches.values().find(|it| it.shown.arn == arn).map(|it| &it.tags);
        let tags = group.or_else(|| self.cache_snapshots.values().find(|it| it.shown.arn == arn).map(|it| &it.tags));
        tags.cloned().ok_or_else(|| no_group(arn))
    }

    /// As the tagging API lists it, in every status, but not yet while it is being made.
    pub fn tags_as_listed(&self, arn: &str) -> Vec<Tag> {
        let is_new = self.caches.values().any(|it| it.shown.arn == arn && it.status == "creating");
        if is_new { Vec::new() } else { self.kept_cache_tags(arn).unwrap_or_default() }
    }

    /// The server that a client finds behind the endpoint of a group: of its primary, dead or alive; with cluster mode that of the first
    /// shard, which knows the others.
    pub fn behind_cache_endpoint(&self, host: &str) -> Option<String> {
        let is_it = |endpoint: Option<&CacheEndpoint>| endpoint.is_some_and(|endpoint| endpoint.address.eq_ignore_ascii_case(host));
        let found = self.caches.values().find(|it| {
            let primary = it.shown.node_groups.first().and_then(|shard| shard.primary_endpoint.as_ref());
            is_it(it.shown.configuration_endpoint.as_ref()) || is_it(primary)
        })?;
        found.nodes.iter().find(|node| node.is_primary).map(|node| node.server.clone())
    }

    /// The servers of the primaries of a group, a shard each.
    pub fn cache_servers(&self, id: &str) -> Vec<String> {
        let nodes = self.caches.get(id).map(|it| it.nodes.as_slice()).unwrap_or_default();
        nodes.iter().filter(|node| node.is_primary).map(|node| node.server.clone()).collect()
    }

    /// The group of a server, by what stands for its resource id.
    pub fn cache_of(&self, server: &str) -> Option<String> {
        let (name, it) = self.caches.iter().find(|(_, it)| it.nodes.iter().any(|node| node.server == server))?;
        Some(lifeboat_domain::observed::cache_resource_id(name, it.shown.replication_group_create_time))
    }

    /// The names of all snapshots of caches.
    pub fn cache_snapshot_names(&self) -> Vec<String> {
        self.cache_snapshots.keys().cloned().collect()
    }

    /// Declares a subnet group.
    pub fn add_subnet_group(&mut self, name: &str, vpc: &str) {
        let group = super::SubnetGroup { vpc_id: vpc.to_owned(), subnets: Vec::new() };
        self.settings.subnet_groups.insert(name.to_owned(), group);
    }

    /// The names of all groups.
    pub fn cache_names(&self) -> Vec<String> {
        self.caches.keys().cloned().collect()
    }

    fn cache_door(&self, it: &CacheGroup) -> Door {
        self.door(&it.groups)
    }

    /// A node gets a server that holds what `from` holds.
    fn provision_node(&mut self, id: &str, node: &str, from: Origin) -> Vec<EffectId> {
        let Some((server, door, token)) =
            self.caches.get(id).and_then(|it| Some((it.node(node)?.server.clone(), self.cache_door(it), it.token.clone())))
        else {
            return Vec::new();
        };
        // No snapshot holds a token, nor that there is none.
        let sets_token = matches!(from, Origin::Image(_));
        let mut effects = vec![self.effect(Effect::Provision { server: server.clone(), from, door })];
        if sets_token {
            let password = token.unwrap_or_else(|| Secret::new(""));
            effects.push(self.effect(Effect::SetPassword { server, user: CACHE_USER.to_owned(), password }));
        }
        effects
    }

    /// Leads its addresses to its primary.
    fn lead_cache(&mut self, id: &str) -> Option<EffectId> {
        let it = self.caches.get(id)?;
        let primary = it.nodes.iter().find(|node| node.is_primary).map(|node| node.server.clone())?;
        let effect = Effect::LeadCache {
            server: it.server.clone(),
            primary,
            members: it.nodes.iter().map(|node| node.server.clone()).collect(),
            shards: if it.shown.cluster_enabled { it.shards() } else { Vec::new() },
            tls: it.shown.transit_encryption_enabled,
            door: self.cache_door(it),
        };
        Some(self.effect(effect))
    }

    /// Where a server of no data begins.
    fn empty_cache(&self, id: &str) -> Origin {
        let it = self.caches.get(id);
        Origin::Empty {
            engine: it.map(|it| it.shown.engine.clone()).unwrap_or_default(),
            master_user: CACHE_USER.to_owned(),
            password: it.and_then(|it| it.token.clone()).unwrap_or_else(|| Secret::new("")),
            db_name: None,
        }
    }

    pub(crate) fn apply_to_cache(&mut self, id: &str, step: CacheStep, at: DateTime<Utc>, result: &Result<(), String>, done: &[Done]) {
        match step {
            CacheStep::Show => {
                self.with_cache(id, |it| it.shown.status.clone_from(&it.status));
            }
            CacheStep::Born => self.cache_born(id, at, result, done),
            CacheStep::Modified => self.cache_modified(id, at),
            CacheStep::GroupsChanged => self.cache_groups_changed(id),
            CacheStep::SnapshotTaken(name) => self.cache_snapshot_taken(id, &name, at, result, done),
            CacheStep::PrimaryMissed => self.primary_missed(id, at),
            CacheStep::Promoted(node) => self.node_promoted(id, &node, at),
            CacheStep::TookOver => self.cache_took_over(id, result),
            CacheStep::NodeBack(node) => self.node_back(id, &node, at),
            CacheStep::Gone => self.cache_gone(id, at),
        }
    }
}
