//! What the RDS API says of DB clusters, in its own words. Field names are AWS's, in snake case.

#![expect(missing_docs, reason = "the fields are AWS's own and AWS documents them")]

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::model::words::{RestoreWindow, Tag, VpcSecurityGroupMembership};

/// A member of a DB cluster as `DescribeDBClusters` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbClusterMember {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub is_cluster_writer: bool,
    /// `in-sync`, `applying` or `pending-reboot`.
    #[serde(rename = "DBClusterParameterGroupStatus")]
    pub db_cluster_parameter_group_status: String,
    pub promotion_tier: i32,
}

/// `ServerlessV2ScalingConfiguration`, its capacities in halves of an ACU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServerlessV2Scaling {
    #[serde(rename = "MinCapacity", serialize_with = "in_acus")]
    pub min_capacity_halves: u32,
    #[serde(rename = "MaxCapacity", serialize_with = "in_acus")]
    pub max_capacity_halves: u32,
    pub seconds_until_auto_pause: Option<i32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn in_acus<S: Serializer>(halves: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(f64::from(*halves) / 2.0)
}

/// A DB cluster as `DescribeDBClusters` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    #[serde(rename = "DBClusterArn")]
    pub db_cluster_arn: String,
    pub db_cluster_resource_id: String,
    pub status: String,
    pub engine: String,
    pub engine_version: String,
    pub engine_mode: String,
    pub engine_lifecycle_support: String,
    /// Only of a Multi-AZ DB cluster.
    #[serde(rename = "DBClusterInstanceClass")]
    pub db_cluster_instance_class: Option<String>,
    pub master_username: String,
    pub database_name: Option<String>,
    /// Leads to the writer.
    pub endpoint: String,
    /// Leads to a reader, or to the writer where there is none.
    pub reader_endpoint: String,
    pub port: i32,
    #[serde(rename = "DBSubnetGroup")]
    pub db_subnet_group: String,
    pub vpc_security_groups: Vec<VpcSecurityGroupMembership>,
    #[serde(rename = "DBClusterParameterGroup")]
    pub db_cluster_parameter_group: String,
    #[serde(rename = "DBClusterMembers")]
    pub db_cluster_members: Vec<DbClusterMember>,
    #[serde(rename = "MultiAZ")]
    pub multi_az: bool,
    pub cluster_create_time: Option<DateTime<Utc>>,
    pub earliest_restorable_time: Option<DateTime<Utc>>,
    pub latest_restorable_time: Option<DateTime<Utc>>,
    pub backup_retention_period: i32,
    pub preferred_backup_window: String,
    pub preferred_maintenance_window: String,
    pub storage_type: String,
    /// Aurora says 1.
    pub allocated_storage: i32,
    pub iops: Option<i32>,
    pub storage_encrypted: bool,
    pub kms_key_id: Option<String>,
    pub network_type: String,
    pub deletion_protection: bool,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    pub iam_database_authentication_enabled: bool,
    pub enabled_cloudwatch_logs_exports: Vec<String>,
    pub copy_tags_to_snapshot: bool,
    pub backtrack_window: i64,
    pub http_endpoint_enabled: bool,
    pub serverless_v2_scaling_configuration: Option<ServerlessV2Scaling>,
    /// Whom a replica cluster follows.
    pub replication_source_identifier: Option<String>,
    pub publicly_accessible: Option<bool>,
    pub auto_minor_version_upgrade: bool,
    /// The settings in `PendingModifiedValues`.
    pub pending_modified_values: ClusterPendingModifiedValues,
    pub tag_list: Vec<Tag>,
}

impl DbCluster {
    /// Whether it is of Aurora, whose restores have no instances.
    pub fn is_aurora(&self) -> bool {
        self.engine.starts_with("aurora")
    }
}

/// What a modification of a cluster will change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterPendingModifiedValues {
    /// `****` while a new password is on its way.
    pub master_user_password: Option<String>,
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: Option<String>,
}

/// A DB cluster snapshot as `DescribeDBClusterSnapshots` shows it. It does not tell its newest transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbClusterSnapshot {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub db_cluster_snapshot_identifier: String,
    #[serde(rename = "DBClusterSnapshotArn")]
    pub db_cluster_snapshot_arn: String,
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub db_cluster_resource_id: String,
    pub status: String,
    pub snapshot_type: String,
    pub percent_progress: i32,
    pub snapshot_create_time: Option<DateTime<Utc>>,
    pub cluster_create_time: Option<DateTime<Utc>>,
    pub engine: String,
    pub engine_version: String,
    pub engine_mode: String,
    pub master_username: String,
    pub port: i32,
    pub allocated_storage: i32,
    pub storage_encrypted: bool,
    pub kms_key_id: Option<String>,
    pub tag_list: Vec<Tag>,
}

/// The automated backups of a cluster, which may be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbClusterAutomatedBackup {
    #[serde(rename = "DBClusterArn")]
    pub db_cluster_arn: String,
    #[serde(rename = "DBClusterAutomatedBackupsArn")]
    pub db_cluster_automated_backups_arn: String,
    pub db_cluster_resource_id: String,
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    /// `creating`, `active` or `retained`.
    pub status: String,
    pub restore_window: Option<RestoreWindow>,
    pub engine: String,
    pub engine_version: String,
    pub master_username: String,
    pub backup_retention_period: i32,
    pub tag_list: Vec<Tag>,
}
