//! The requests about caches that the model answers. Field names are AWS's, in snake case; what is `None` was not sent.

#![expect(missing_docs, reason = "the fields are AWS's own and AWS documents them")]

use serde::Serialize;

use super::words::LogDeliveryConfiguration;
use crate::model::requests::Page;
use crate::model::words::{Secret, Tag};

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateReplicationGroup {
    pub replication_group_id: String,
    pub replication_group_description: String,
    pub engine: String,
    pub engine_version: Option<String>,
    pub cache_node_type: String,
    /// `enabled`, `compatible` or `disabled`.
    pub cluster_mode: Option<String>,
    /// Without cluster mode: all nodes.
    pub num_cache_clusters: Option<i32>,
    pub num_node_groups: Option<i32>,
    pub replicas_per_node_group: Option<i32>,
    pub automatic_failover_enabled: Option<bool>,
    #[serde(rename = "MultiAZEnabled")]
    pub multi_az_enabled: Option<bool>,
    pub snapshot_name: Option<String>,
    pub cache_parameter_group_name: Option<String>,
    pub cache_subnet_group_name: Option<String>,
    pub security_group_ids: Option<Vec<String>>,
    pub port: Option<i32>,
    pub preferred_maintenance_window: Option<String>,
    pub notification_topic_arn: Option<String>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub snapshot_retention_limit: Option<i32>,
    pub snapshot_window: Option<String>,
    pub auth_token: Option<Secret>,
    pub transit_encryption_enabled: Option<bool>,
    pub transit_encryption_mode: Option<String>,
    pub at_rest_encryption_enabled: Option<bool>,
    pub kms_key_id: Option<String>,
    pub user_group_ids: Option<Vec<String>>,
    pub log_delivery_configurations: Option<Vec<LogDeliveryConfiguration>>,
    pub data_tiering_enabled: Option<bool>,
    pub network_type: Option<String>,
    pub ip_discovery: Option<String>,
    pub tags: Option<Vec<Tag>>,
}

impl CreateReplicationGroup {
    /// A cache as a careful owner makes it: a primary and a replica, automatic failover, TLS, an AUTH token, a week of snapshots.
    pub fn example(id: &str) -> Self {
        Self {
            replication_group_id: id.to_owned(),
            replication_group_description: "sessions of the shop".to_owned(),
            engine: "valkey".to_owned(),
            engine_version: Some("8.0".to_owned()),
            cache_node_type: "cache.m7g.large".to_owned(),
            num_cache_clusters: Some(2),
            automatic_failover_enabled: Some(true),
            multi_az_enabled: Some(true),
            cache_subnet_group_name: Some("caches-private".to_owned()),
            security_group_ids: Some(vec!["sg-app".to_owned()]),
            transit_encryption_enabled: Some(true),
            at_rest_encryption_enabled: Some(true),
            auth_token: Some(Secret::new("correct-horse")),
            snapshot_retention_limit: Some(7),
            ..Self::default()
        }
    }

    /// The same with changes.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyReplicationGroup {
    pub replication_group_id: String,
    pub primary_cluster_id: Option<String>,
    pub automatic_failover_enabled: Option<bool>,
    #[serde(rename = "MultiAZEnabled")]
    pub multi_az_enabled: Option<bool>,
    pub security_group_ids: Option<Vec<String>>,
    pub apply_immediately: Option<bool>,
}

impl ModifyReplicationGroup {
    /// A change that is made at once.
    pub fn now(id: &str) -> Self {
        Self { replication_group_id: id.to_owned(), apply_immediately: Some(true), ..Self::default() }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteReplicationGroup {
    pub replication_group_id: String,
    pub retain_primary_cluster: Option<bool>,
    pub final_snapshot_identifier: Option<String>,
}

/// Restarts a node. It does not fail over: a primary comes back empty.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RebootCacheCluster {
    pub cache_cluster_id: String,
}

/// Called `CreateSnapshot` by ElastiCache.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateCacheSnapshot {
    pub snapshot_name: String,
    /// With cluster mode.
    pub replication_group_id: Option<String>,
    /// One node, without cluster mode.
    pub cache_cluster_id: Option<String>,
    pub tags: Option<Vec<Tag>>,
}

/// Called `DeleteSnapshot` by ElastiCache.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteCacheSnapshot {
    pub snapshot_name: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeReplicationGroups {
    pub replication_group_id: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

impl DescribeReplicationGroups {
    /// One of them.
    pub fn of(id: &str) -> Self {
        Self { replication_group_id: Some(id.to_owned()), ..Self::default() }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeCacheClusters {
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeCacheSubnetGroups {
    #[serde(flatten)]
    pub page: Page,
}

/// Called `DescribeSnapshots` by ElastiCache.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeCacheSnapshots {
    pub snapshot_name: Option<String>,
    /// `user` for manual ones, `system` for automated ones.
    pub snapshot_source: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}
