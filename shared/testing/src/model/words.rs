//! What the RDS API says, in its own words: instances, snapshots, automated backups. Field names are AWS's, in snake case.

#![expect(missing_docs, reason = "the fields are AWS's own and AWS documents them")]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A password on its way to a server. Neither `Debug` nor serde ever show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("****")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("****")
    }
}

/// A tag of an instance or a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl Tag {
    /// A tag.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }

    /// The tags as a map, as EventBridge shows them.
    pub fn map(tags: &[Self]) -> BTreeMap<String, String> {
        tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    pub address: String,
    pub port: u16,
    pub hosted_zone_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpcSecurityGroupMembership {
    pub vpc_security_group_id: String,
    /// `adding`, `active` or `removing`.
    pub status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DbParameterGroupStatus {
    #[serde(rename = "DBParameterGroupName")]
    pub db_parameter_group_name: String,
    /// `in-sync`, `applying` or `pending-reboot`.
    #[serde(rename = "ParameterApplyStatus")]
    pub parameter_apply_status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OptionGroupMembership {
    pub option_group_name: String,
    pub status: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbSubnetGroup {
    #[serde(rename = "DBSubnetGroupName")]
    pub db_subnet_group_name: String,
    #[serde(rename = "DBSubnetGroupDescription")]
    pub db_subnet_group_description: String,
    pub vpc_id: String,
    pub subnet_group_status: String,
    pub subnets: Vec<Subnet>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Subnet {
    pub subnet_identifier: String,
    pub subnet_availability_zone: AvailabilityZone,
    pub subnet_status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AvailabilityZone {
    pub name: String,
}

/// What a modification will change, later or soon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PendingModifiedValues {
    #[serde(rename = "DBInstanceClass")]
    pub db_instance_class: Option<String>,
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: Option<String>,
    pub allocated_storage: Option<i32>,
    /// `****` while a new password is on its way; AWS never says more.
    pub master_user_password: Option<String>,
    pub port: Option<i32>,
    pub backup_retention_period: Option<i32>,
    #[serde(rename = "MultiAZ")]
    pub multi_az: Option<bool>,
    pub engine_version: Option<String>,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub storage_type: Option<String>,
    #[serde(rename = "CACertificateIdentifier")]
    pub ca_certificate_identifier: Option<String>,
}

/// A DB instance as `DescribeDBInstances` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    #[serde(rename = "DBInstanceArn")]
    pub db_instance_arn: String,
    pub dbi_resource_id: String,
    #[serde(rename = "DBInstanceStatus")]
    pub db_instance_status: String,
    #[serde(rename = "DBInstanceClass")]
    pub db_instance_class: String,
    pub engine: String,
    pub engine_version: String,
    pub engine_lifecycle_support: String,
    pub license_model: String,
    pub master_username: String,
    #[serde(rename = "DBName")]
    pub db_name: Option<String>,
    /// Absent until the server is up for the first time.
    pub endpoint: Option<Endpoint>,
    pub db_instance_port: i32,
    pub instance_create_time: Option<DateTime<Utc>>,
    pub latest_restorable_time: Option<DateTime<Utc>>,
    #[serde(rename = "DBSubnetGroup")]
    pub db_subnet_group: DbSubnetGroup,
    pub vpc_security_groups: Vec<VpcSecurityGroupMembership>,
    #[serde(rename = "DBParameterGroups")]
    pub db_parameter_groups: Vec<DbParameterGroupStatus>,
    pub option_group_memberships: Vec<OptionGroupMembership>,
    #[serde(rename = "MultiAZ")]
    pub multi_az: bool,
    pub availability_zone: String,
    pub secondary_availability_zone: Option<String>,
    pub publicly_accessible: bool,
    pub network_type: String,
    pub allocated_storage: i32,
    pub max_allocated_storage: Option<i32>,
    pub storage_type: String,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub storage_encrypted: bool,
    pub kms_key_id: Option<String>,
    pub dedicated_log_volume: bool,
    pub deletion_protection: bool,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    pub iam_database_authentication_enabled: bool,
    pub enabled_cloudwatch_logs_exports: Vec<String>,
    #[serde(rename = "CACertificateIdentifier")]
    pub ca_certificate_identifier: String,
    pub monitoring_interval: i32,
    pub monitoring_role_arn: Option<String>,
    /// `standard` or `advanced`.
    pub database_insights_mode: String,
    pub performance_insights_enabled: bool,
    pub performance_insights_retention_period: Option<i32>,
    #[serde(rename = "PerformanceInsightsKMSKeyId")]
    pub performance_insights_kms_key_id: Option<String>,
    pub backup_retention_period: i32,
    pub preferred_backup_window: String,
    pub preferred_maintenance_window: String,
    pub auto_minor_version_upgrade: bool,
    pub copy_tags_to_snapshot: bool,
    pub pending_modified_values: PendingModifiedValues,
    #[serde(rename = "ReadReplicaDBInstanceIdentifiers")]
    pub read_replica_db_instance_identifiers: Vec<String>,
    #[serde(rename = "ReadReplicaSourceDBInstanceIdentifier")]
    pub read_replica_source_db_instance_identifier: Option<String>,
    /// Of a read replica.
    pub status_infos: Vec<DbInstanceStatusInfo>,
    /// Of a member of a DB cluster.
    #[serde(rename = "DBClusterIdentifier")]
    pub db_cluster_identifier: Option<String>,
    /// Of a member of a DB cluster.
    pub promotion_tier: Option<i32>,
    pub tag_list: Vec<Tag>,
}

/// How a read replica follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbInstanceStatusInfo {
    /// Always `read replication`.
    pub status_type: String,
    pub normal: bool,
    /// `replicating`, `error`, `stopped`, `terminated`, ...
    pub status: String,
    pub message: Option<String>,
}

/// A DB snapshot as `DescribeDBSnapshots` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbSnapshot {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub db_snapshot_identifier: String,
    #[serde(rename = "DBSnapshotArn")]
    pub db_snapshot_arn: String,
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub dbi_resource_id: String,
    pub status: String,
    pub snapshot_type: String,
    pub percent_progress: i32,
    pub snapshot_create_time: Option<DateTime<Utc>>,
    pub original_snapshot_create_time: Option<DateTime<Utc>>,
    /// The newest transaction in it.
    pub snapshot_database_time: Option<DateTime<Utc>>,
    pub instance_create_time: Option<DateTime<Utc>>,
    pub engine: String,
    pub engine_version: String,
    pub license_model: String,
    pub master_username: String,
    pub port: i32,
    pub availability_zone: String,
    pub vpc_id: String,
    pub option_group_name: String,
    pub allocated_storage: i32,
    pub storage_type: String,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub encrypted: bool,
    pub kms_key_id: Option<String>,
    pub dedicated_log_volume: bool,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    pub iam_database_authentication_enabled: bool,
    pub backup_retention_period: i32,
    pub preferred_backup_window: String,
    pub tag_list: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreWindow {
    pub earliest_time: Option<DateTime<Utc>>,
    pub latest_time: Option<DateTime<Utc>>,
}

/// The automated backups of an instance, which may be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbInstanceAutomatedBackup {
    #[serde(rename = "DBInstanceArn")]
    pub db_instance_arn: String,
    #[serde(rename = "DBInstanceAutomatedBackupsArn")]
    pub db_instance_automated_backups_arn: String,
    pub dbi_resource_id: String,
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub region: String,
    /// `creating`, `active` or `retained`.
    pub status: String,
    pub restore_window: Option<RestoreWindow>,
    pub backup_retention_period: i32,
    pub preferred_backup_window: String,
    pub instance_create_time: Option<DateTime<Utc>>,
    pub master_username: String,
    pub engine: String,
    pub engine_version: String,
    pub license_model: String,
    pub port: i32,
    pub availability_zone: String,
    pub vpc_id: String,
    pub option_group_name: String,
    pub allocated_storage: i32,
    pub storage_type: String,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub encrypted: bool,
    pub kms_key_id: Option<String>,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    pub iam_database_authentication_enabled: bool,
    pub dedicated_log_volume: bool,
    pub tag_list: Vec<Tag>,
}

/// One quota of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountQuota {
    pub account_quota_name: String,
    pub used: i64,
    pub max: i64,
}
