//! The calls about caches that only read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    CacheCluster, CacheClustersPage, CacheEndpoint, CacheGroup, CacheNode, CacheParameterGroupStatus, CacheSnapshotsPage, CacheSubnetGroup,
    CacheSubnetGroupsPage, DescribeCacheClusters, DescribeCacheSnapshots, DescribeCacheSubnetGroups, DescribeReplicationGroups,
    NodeGroupMember, NotificationConfiguration, ReplicationGroup, ReplicationGroupsPage, SecurityGroupMembership,
};
use crate::model::{Action, ApiError, Model, Tag};

impl Action for DescribeReplicationGroups {
    const NAME: &'static str = "DescribeReplicationGroups";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = ReplicationGroupsPage;

    fn resource(&self) -> &str {
        self.replication_group_id.as_deref().unwrap_or_default()
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<ReplicationGroupsPage, ApiError> {
        let found: Vec<ReplicationGroup> = match &self.replication_group_id {
            Some(id) => vec![described(model.cache(id)?)],
            None => model.caches.values().map(described).collect(),
        };
        let (replication_groups, marker) = self.page.cut(found, |it: &ReplicationGroup| &it.replication_group_id)?;
        Ok(ReplicationGroupsPage { replication_groups, marker })
    }
}

/// With its nodes; which of them is the primary is shown without cluster mode only.
fn described(it: &CacheGroup) -> ReplicationGroup {
    let mut shown = it.shown.clone();
    let is_cluster = shown.cluster_enabled;
    for shard in &mut shown.node_groups {
        let nodes = it.nodes.iter().filter(|node| node.shard == shard.node_group_id);
        shard.node_group_members = nodes
            .map(|node| NodeGroupMember {
                cache_cluster_id: node.id.clone(),
                cache_node_id: "0001".to_owned(),
                preferred_availability_zone: node.zone.clone(),
                current_role: (!is_cluster).then(|| if node.is_primary { "primary" } else { "replica" }.to_owned()),
            })
            .collect();
    }
    shown
}

impl Action for DescribeCacheClusters {
    const NAME: &'static str = "DescribeCacheClusters";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = CacheClustersPage;

    fn resource(&self) -> &'static str {
        ""
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<CacheClustersPage, ApiError> {
        let (cache_clusters, marker) = self.page.cut(model.cache_clusters(), |it: &CacheCluster| &it.cache_cluster_id)?;
        Ok(CacheClustersPage { cache_clusters, marker })
    }
}

impl Action for DescribeCacheSubnetGroups {
    const NAME: &'static str = "DescribeCacheSubnetGroups";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = CacheSubnetGroupsPage;

    fn resource(&self) -> &'static str {
        ""
    }

    /// Subnet groups of caches are those of the account's settings; any other name lies in the default VPC.
    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<CacheSubnetGroupsPage, ApiError> {
        let known = model.settings.subnet_groups.iter().map(|(name, group)| (name.clone(), group.vpc_id.clone()));
        let used = model.caches.values().map(|it| (it.subnet_group.clone(), model.settings.default_vpc.clone()));
        let mut all: std::collections::BTreeMap<String, String> = used.collect();
        all.extend(known);
        let all = all.into_iter().map(|(cache_subnet_group_name, vpc_id)| CacheSubnetGroup { cache_subnet_group_name, vpc_id }).collect();
        let (cache_subnet_groups, marker) = self.page.cut(all, |it: &CacheSubnetGroup| &it.cache_subnet_group_name)?;
        Ok(CacheSubnetGroupsPage { cache_subnet_groups, marker })
    }
}

impl Action for DescribeCacheSnapshots {
    const NAME: &'static str = "DescribeSnapshots";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = CacheSnapshotsPage;

    fn resource(&self) -> &'static str {
        ""
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<CacheSnapshotsPage, ApiError> {
        let source = self.snapshot_source.as_deref().map(|source| if source == "user" { "manual" } else { "automated" });
        let wanted = |it: &&super::CacheSnapshot| {
            source.is_none_or(|source| it.snapshot_source == source)
                && self.snapshot_name.as_ref().is_none_or(|name| *name == it.snapshot_name)
        };
        let all: Vec<_> = model.cache_snapshots.values().map(|it| &it.shown).filter(wanted).cloned().collect();
        if let Some(name) = self.snapshot_name.as_ref().filter(|_| all.is_empty()) {
            return Err(super::snapshot::no_cache_snapshot(name));
        }
        let (snapshots, marker) = self.page.cut(all, |it: &super::CacheSnapshot| &it.snapshot_name)?;
        Ok(CacheSnapshotsPage { snapshots, marker })
    }
}

/// A replication group as it truly is.
#[derive(Debug, Clone, Serialize)]
pub struct CacheView {
    /// As Describe shows it.
    pub group: ReplicationGroup,
    /// The status that is true.
    pub true_status: String,
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// Those of its nodes, as far as they stay.
    pub security_groups: Vec<String>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// A node as it truly is.
#[derive(Debug, Clone, Serialize)]
pub struct NodeView {
    /// As Describe shows it.
    pub node: CacheCluster,
    /// Its server.
    pub server: String,
    /// Whether it writes.
    pub is_primary: bool,
    /// Whether its server answers, or would if it did not hang.
    pub is_up: bool,
    /// Whether it hangs.
    pub is_hung: bool,
}

impl Model {
    /// Every replication group as it truly is.
    pub fn caches(&self) -> Vec<CacheView> {
        let node = |it: &CacheGroup, node: &super::Node| NodeView {
            node: self.cache_cluster(it, node),
            server: node.server.clone(),
            is_primary: node.is_primary,
            is_up: node.is_up,
            is_hung: node.is_hung,
        };
        let view = |it: &CacheGroup| CacheView {
            group: described(it),
            true_status: it.status.clone(),
            nodes: it.nodes.iter().map(|found| node(it, found)).collect(),
            security_groups: it
                .groups
                .iter()
                .filter(|group| group.status != "removing")
                .map(|group| group.vpc_security_group_id.clone())
                .collect(),
            tags: it.tags.clone(),
        };
        self.caches.values().map(view).collect()
    }

    /// All nodes, in the order of their names.
    pub(super) fn cache_clusters(&self) -> Vec<CacheCluster> {
        let mut all: Vec<CacheCluster> =
            self.caches.values().flat_map(|it| it.nodes.iter().map(|node| self.cache_cluster(it, node))).collect();
        all.sort_by(|one, other| one.cache_cluster_id.cmp(&other.cache_cluster_id));
        all
    }

    fn cache_cluster(&self, it: &CacheGroup, node: &super::Node) -> CacheCluster {
        let topic = |topic_arn: String| NotificationConfiguration { topic_arn, topic_status: "active".to_owned() };
        let own = || format!("{}.{}.a1b2c3.{}.cache.amazonaws.com", node.id, it.shown.replication_group_id, self.settings.region);
        let address = node.address.clone().unwrap_or_else(own);
        CacheCluster {
            cache_cluster_id: node.id.clone(),
            cache_node_type: it.shown.cache_node_type.clone(),
            engine: it.shown.engine.clone(),
            engine_version: it.engine_version.clone(),
            cache_cluster_status: if it.status == "snapshotting" { it.status.clone() } else { node.status.clone() },
            num_cache_nodes: 1,
            preferred_availability_zone: node.zone.clone(),
            preferred_maintenance_window: it.maintenance_window.clone(),
            notification_configuration: it.topic.clone().map(topic),
            cache_parameter_group: CacheParameterGroupStatus {
                cache_parameter_group_name: it.parameter_group.clone(),
                parameter_apply_status: "in-sync".to_owned(),
            },
            cache_subnet_group_name: it.subnet_group.clone(),
            security_groups: it
                .groups
                .iter()
                .map(|group| SecurityGroupMembership {
                    security_group_id: group.vpc_security_group_id.clone(),
                    status: group.status.clone(),
                })
                .collect(),
            replication_group_id: it.shown.replication_group_id.clone(),
            cache_nodes: vec![CacheNode { cache_node_id: "0001".to_owned(), endpoint: CacheEndpoint { address, port: it.port } }],
        }
    }
}
