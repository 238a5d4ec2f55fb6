//! What ElastiCache shows. Field names are AWS's, in snake case.

#![expect(missing_docs, reason = "the fields are AWS's own and AWS documents them")]

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::elsewhere::GlobalReplicationGroupInfo;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheEndpoint {
    pub address: String,
    pub port: u16,
}

/// A replication group as `DescribeReplicationGroups` shows it: its nodes' settings stand in `DescribeCacheClusters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicationGroup {
    pub replication_group_id: String,
    pub description: String,
    /// `creating`, `available`, `modifying`, `deleting`, `create-failed`, `snapshotting`.
    pub status: String,
    pub member_clusters: Vec<String>,
    pub node_groups: Vec<NodeGroup>,
    /// `enabled`, `disabled`, `enabling`, `disabling`.
    pub automatic_failover: String,
    /// `enabled` or `disabled`.
    #[serde(rename = "MultiAZ")]
    pub multi_az: String,
    /// With cluster mode.
    pub configuration_endpoint: Option<CacheEndpoint>,
    pub snapshot_retention_limit: i32,
    pub snapshot_window: String,
    pub cluster_enabled: bool,
    pub cache_node_type: String,
    pub auth_token_enabled: bool,
    pub transit_encryption_enabled: bool,
    pub transit_encryption_mode: Option<String>,
    pub at_rest_encryption_enabled: bool,
    pub kms_key_id: Option<String>,
    #[serde(rename = "ARN")]
    pub arn: String,
    pub user_group_ids: Vec<String>,
    pub log_delivery_configurations: Vec<LogDeliveryConfiguration>,
    pub global_replication_group_info: Option<GlobalReplicationGroupInfo>,
    pub replication_group_create_time: Option<DateTime<Utc>>,
    /// `enabled` or `disabled`.
    pub data_tiering: String,
    pub auto_minor_version_upgrade: bool,
    pub network_type: String,
    pub ip_discovery: String,
    pub engine: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeGroup {
    pub node_group_id: String,
    /// `available`, `creating`, `modifying`, `deleting`.
    pub status: String,
    /// Without cluster mode.
    pub primary_endpoint: Option<CacheEndpoint>,
    /// Without cluster mode.
    pub reader_endpoint: Option<CacheEndpoint>,
    /// With cluster mode.
    pub slots: Option<String>,
    pub node_group_members: Vec<NodeGroupMember>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeGroupMember {
    pub cache_cluster_id: String,
    pub cache_node_id: String,
    pub preferred_availability_zone: String,
    /// `primary` or `replica`; without cluster mode only.
    pub current_role: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogDeliveryConfiguration {
    pub log_type: String,
    pub destination_type: String,
    pub destination: String,
    pub log_format: String,
}

/// One node of a replication group as `DescribeCacheClusters` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheCluster {
    pub cache_cluster_id: String,
    pub cache_node_type: String,
    pub engine: String,
    pub engine_version: String,
    pub cache_cluster_status: String,
    pub num_cache_nodes: i32,
    pub preferred_availability_zone: String,
    pub preferred_maintenance_window: String,
    pub notification_configuration: Option<NotificationConfiguration>,
    pub cache_parameter_group: CacheParameterGroupStatus,
    pub cache_subnet_group_name: String,
    pub security_groups: Vec<SecurityGroupMembership>,
    pub replication_group_id: String,
    pub cache_nodes: Vec<CacheNode>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationConfiguration {
    pub topic_arn: String,
    pub topic_status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheParameterGroupStatus {
    pub cache_parameter_group_name: String,
    /// `in-sync`, `applying` or `pending-reboot`.
    pub parameter_apply_status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecurityGroupMembership {
    pub security_group_id: String,
    pub status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheNode {
    pub cache_node_id: String,
    pub endpoint: CacheEndpoint,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheSubnetGroup {
    pub cache_subnet_group_name: String,
    pub vpc_id: String,
}

/// A snapshot as `DescribeSnapshots` shows it: without tags, and with the age of each shard's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheSnapshot {
    pub snapshot_name: String,
    pub replication_group_id: Option<String>,
    /// The node that it was taken of, without cluster mode.
    pub cache_cluster_id: Option<String>,
    /// `creating`, `available`, `restoring`, `copying`, `deleting`. There is no word for one that failed: it vanishes.
    pub snapshot_status: String,
    /// `automated` or `manual`.
    pub snapshot_source: String,
    pub cache_node_type: String,
    pub engine: String,
    pub engine_version: String,
    pub num_node_groups: i32,
    pub node_snapshots: Vec<NodeSnapshot>,
    pub data_tiering: String,
    #[serde(rename = "ARN")]
    pub arn: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeSnapshot {
    pub cache_cluster_id: String,
    pub node_group_id: String,
    pub snapshot_create_time: Option<DateTime<Utc>>,
}

/// A page of `DescribeReplicationGroups`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicationGroupsPage {
    pub replication_groups: Vec<ReplicationGroup>,
    pub marker: Option<String>,
}

/// A page of `DescribeCacheClusters`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheClustersPage {
    pub cache_clusters: Vec<CacheCluster>,
    pub marker: Option<String>,
}

/// A page of `DescribeCacheSubnetGroups`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheSubnetGroupsPage {
    pub cache_subnet_groups: Vec<CacheSubnetGroup>,
    pub marker: Option<String>,
}

/// A page of `DescribeSnapshots`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CacheSnapshotsPage {
    pub snapshots: Vec<CacheSnapshot>,
    pub marker: Option<String>,
}
