//! The requests about DB clusters that the model answers. Field names are AWS's, in snake case; what is `None` was not sent.

#![expect(missing_docs, reason = "the fields are AWS's own and AWS documents them")]

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::words::{DbCluster, DbClusterAutomatedBackup, DbClusterSnapshot, ServerlessV2Scaling};
use crate::model::requests::{Filter, Page};
use crate::model::words::{Secret, Tag};

/// What every call that makes a cluster may say about it. What is left out becomes AWS's default, **not** the source's value.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterConfig {
    #[serde(rename = "DBSubnetGroupName")]
    pub db_subnet_group_name: Option<String>,
    pub vpc_security_group_ids: Option<Vec<String>>,
    #[serde(rename = "DBClusterParameterGroupName")]
    pub db_cluster_parameter_group_name: Option<String>,
    pub port: Option<i32>,
    pub network_type: Option<String>,
    /// AWS's default is `provisioned`.
    pub engine_mode: Option<String>,
    pub storage_type: Option<String>,
    pub deletion_protection: Option<bool>,
    #[serde(rename = "EnableIAMDatabaseAuthentication")]
    pub enable_iam_database_authentication: Option<bool>,
    pub enable_cloudwatch_logs_exports: Option<Vec<String>>,
    pub backtrack_window: Option<i64>,
    pub copy_tags_to_snapshot: Option<bool>,
    pub serverless_v2_scaling_configuration: Option<ServerlessV2Scaling>,
    pub backup_retention_period: Option<i32>,
    pub preferred_backup_window: Option<String>,
    pub engine_lifecycle_support: Option<String>,
    /// Makes it a Multi-AZ DB cluster.
    #[serde(rename = "DBClusterInstanceClass")]
    pub db_cluster_instance_class: Option<String>,
    pub iops: Option<i32>,
    pub publicly_accessible: Option<bool>,
    pub tags: Option<Vec<Tag>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDbCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub engine: String,
    pub engine_version: Option<String>,
    pub master_username: String,
    pub master_user_password: Secret,
    pub database_name: Option<String>,
    pub storage_encrypted: Option<bool>,
    pub kms_key_id: Option<String>,
    pub allocated_storage: Option<i32>,
    pub preferred_maintenance_window: Option<String>,
    #[serde(flatten)]
    pub config: ClusterConfig,
}

impl CreateDbCluster {
    /// An Aurora PostgreSQL with seven days of backups, for tests. It has no instances yet.
    pub fn example(identifier: &str) -> Self {
        Self {
            db_cluster_identifier: identifier.to_owned(),
            engine: "aurora-postgresql".to_owned(),
            engine_version: None,
            master_username: "lifeboat".to_owned(),
            master_user_password: Secret::new("correct-horse"),
            database_name: Some("app".to_owned()),
            storage_encrypted: None,
            kms_key_id: None,
            allocated_storage: None,
            preferred_maintenance_window: None,
            config: ClusterConfig { backup_retention_period: Some(7), ..ClusterConfig::default() },
        }
    }

    /// A Multi-AZ DB cluster of PostgreSQL, for tests. RDS makes its three instances.
    pub fn multi_az_example(identifier: &str) -> Self {
        let example = Self { engine: "postgres".to_owned(), allocated_storage: Some(100), ..Self::example(identifier) };
        example.with(|config| config.db_cluster_instance_class = Some("db.m6gd.large".to_owned()))
    }

    /// The same, with other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ClusterConfig)) -> Self {
        change(&mut self.config);
        self
    }
}

/// `CreateDBInstance` into a DB cluster: what only the cluster may be told is not there.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDbClusterMember {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub engine: String,
    #[serde(rename = "DBInstanceClass")]
    pub db_instance_class: Option<String>,
    /// AWS's default is 1.
    pub promotion_tier: Option<i32>,
    pub availability_zone: Option<String>,
    #[serde(rename = "DBParameterGroupName")]
    pub db_parameter_group_name: Option<String>,
    pub publicly_accessible: Option<bool>,
    pub auto_minor_version_upgrade: Option<bool>,
    #[serde(rename = "CACertificateIdentifier")]
    pub ca_certificate_identifier: Option<String>,
    pub monitoring_interval: Option<i32>,
    pub monitoring_role_arn: Option<String>,
    pub enable_performance_insights: Option<bool>,
    #[serde(rename = "PerformanceInsightsKMSKeyId")]
    pub performance_insights_kms_key_id: Option<String>,
    pub performance_insights_retention_period: Option<i32>,
    pub tags: Option<Vec<Tag>>,
}

impl CreateDbClusterMember {
    /// A member of an Aurora PostgreSQL cluster, for tests.
    pub fn example(cluster: &str, member: &str, promotion_tier: i32) -> Self {
        Self {
            db_instance_identifier: member.to_owned(),
            db_cluster_identifier: cluster.to_owned(),
            engine: "aurora-postgresql".to_owned(),
            db_instance_class: Some("db.r6g.large".to_owned()),
            promotion_tier: Some(promotion_tier),
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDbClusters {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: Option<String>,
    pub filters: Vec<Filter>,
    #[serde(flatten)]
    pub page: Page,
}

impl DescribeDbClusters {
    /// One cluster, by identifier.
    pub fn of(identifier: &str) -> Self {
        Self { db_cluster_identifier: Some(identifier.to_owned()), ..Self::default() }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbClustersPage {
    #[serde(rename = "DBClusters")]
    pub db_clusters: Vec<DbCluster>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreDbClusterFromSnapshot {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub snapshot_identifier: String,
    pub engine: String,
    /// AWS's default is the **Region's** default version, not the snapshot's.
    pub engine_version: Option<String>,
    #[serde(flatten)]
    pub config: ClusterConfig,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreDbClusterToPointInTime {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    #[serde(rename = "SourceDBClusterIdentifier")]
    pub source_db_cluster_identifier: Option<String>,
    pub source_db_cluster_resource_id: Option<String>,
    /// `full-copy`, which is AWS's default, or `copy-on-write`: a clone.
    pub restore_type: Option<String>,
    pub restore_to_time: Option<DateTime<Utc>>,
    pub use_latest_restorable_time: Option<bool>,
    #[serde(flatten)]
    pub config: ClusterConfig,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailoverDbCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    #[serde(rename = "TargetDBInstanceIdentifier")]
    pub target_db_instance_identifier: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyDbCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub apply_immediately: Option<bool>,
    #[serde(rename = "NewDBClusterIdentifier")]
    pub new_db_cluster_identifier: Option<String>,
    pub vpc_security_group_ids: Option<Vec<String>>,
    pub master_user_password: Option<Secret>,
    #[serde(rename = "DBClusterParameterGroupName")]
    pub db_cluster_parameter_group_name: Option<String>,
    pub deletion_protection: Option<bool>,
    #[serde(rename = "EnableIAMDatabaseAuthentication")]
    pub enable_iam_database_authentication: Option<bool>,
    pub backup_retention_period: Option<i32>,
    pub preferred_backup_window: Option<String>,
    pub preferred_maintenance_window: Option<String>,
    pub copy_tags_to_snapshot: Option<bool>,
}

impl ModifyDbCluster {
    /// A modification, applied at once, that changes nothing yet.
    pub fn now(identifier: &str) -> Self {
        Self { db_cluster_identifier: identifier.to_owned(), apply_immediately: Some(true), ..Self::default() }
    }
}

/// Switches the Data API of an Aurora cluster on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnableHttpEndpoint {
    pub resource_arn: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HttpEndpoint {
    pub resource_arn: String,
    pub http_endpoint_enabled: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDbClusterSnapshot {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub db_cluster_snapshot_identifier: String,
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub tags: Option<Vec<Tag>>,
}

impl CreateDbClusterSnapshot {
    /// A snapshot without tags of its own.
    pub fn of(cluster: &str, snapshot: &str) -> Self {
        Self { db_cluster_snapshot_identifier: snapshot.to_owned(), db_cluster_identifier: cluster.to_owned(), tags: None }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct DeleteDbClusterSnapshot {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub db_cluster_snapshot_identifier: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDbClusterSnapshots {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: Option<String>,
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub db_cluster_snapshot_identifier: Option<String>,
    pub snapshot_type: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbClusterSnapshotsPage {
    #[serde(rename = "DBClusterSnapshots")]
    pub db_cluster_snapshots: Vec<DbClusterSnapshot>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDbClusterAutomatedBackups {
    pub db_cluster_resource_id: Option<String>,
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterAutomatedBackupsPage {
    #[serde(rename = "DBClusterAutomatedBackups")]
    pub db_cluster_automated_backups: Vec<DbClusterAutomatedBackup>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteDbCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: String,
    pub skip_final_snapshot: Option<bool>,
    #[serde(rename = "FinalDBSnapshotIdentifier")]
    pub final_db_snapshot_identifier: Option<String>,
    /// AWS's default is **true**: point-in-time recovery is destroyed.
    pub delete_automated_backups: Option<bool>,
}
