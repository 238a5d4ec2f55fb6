//! The requests of the RDS API that the model answers. Field names are AWS's, in snake case; what is `None` was not sent.

#![expect(missing_docs, reason = "the fields are AWS's own and AWS documents them")]

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::words::{AccountQuota, DbInstance, DbInstanceAutomatedBackup, DbSnapshot, Secret, Tag};

/// What every call that makes an instance may say about it. What is left out becomes AWS's default, **not** the source's value.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceConfig {
    #[serde(rename = "DBInstanceClass")]
    pub db_instance_class: Option<String>,
    #[serde(rename = "DBSubnetGroupName")]
    pub db_subnet_group_name: Option<String>,
    pub vpc_security_group_ids: Option<Vec<String>>,
    #[serde(rename = "DBParameterGroupName")]
    pub db_parameter_group_name: Option<String>,
    pub option_group_name: Option<String>,
    #[serde(rename = "MultiAZ")]
    pub multi_az: Option<bool>,
    pub availability_zone: Option<String>,
    pub publicly_accessible: Option<bool>,
    pub port: Option<i32>,
    pub network_type: Option<String>,
    pub allocated_storage: Option<i32>,
    /// Not accepted by a restore from a snapshot.
    pub max_allocated_storage: Option<i32>,
    pub storage_type: Option<String>,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub dedicated_log_volume: Option<bool>,
    pub deletion_protection: Option<bool>,
    #[serde(rename = "EnableIAMDatabaseAuthentication")]
    pub enable_iam_database_authentication: Option<bool>,
    pub enable_cloudwatch_logs_exports: Option<Vec<String>>,
    #[serde(rename = "CACertificateIdentifier")]
    pub ca_certificate_identifier: Option<String>,
    pub license_model: Option<String>,
    pub engine_lifecycle_support: Option<String>,
    pub backup_retention_period: Option<i32>,
    pub preferred_backup_window: Option<String>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub copy_tags_to_snapshot: Option<bool>,
    pub tags: Option<Vec<Tag>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub engine: String,
    pub engine_version: Option<String>,
    pub master_username: String,
    pub master_user_password: Secret,
    #[serde(rename = "DBName")]
    pub db_name: Option<String>,
    pub storage_encrypted: Option<bool>,
    pub kms_key_id: Option<String>,
    pub monitoring_interval: Option<i32>,
    pub monitoring_role_arn: Option<String>,
    pub database_insights_mode: Option<String>,
    pub enable_performance_insights: Option<bool>,
    pub performance_insights_retention_period: Option<i32>,
    #[serde(rename = "PerformanceInsightsKMSKeyId")]
    pub performance_insights_kms_key_id: Option<String>,
    pub preferred_maintenance_window: Option<String>,
    #[serde(flatten)]
    pub config: InstanceConfig,
}

impl CreateDbInstance {
    /// A small PostgreSQL with seven days of backups, for tests.
    pub fn example(identifier: &str) -> Self {
        Self {
            db_instance_identifier: identifier.to_owned(),
            engine: "postgres".to_owned(),
            engine_version: None,
            master_username: "lifeboat".to_owned(),
            master_user_password: Secret::new("correct-horse"),
            db_name: Some("app".to_owned()),
            storage_encrypted: None,
            kms_key_id: None,
            monitoring_interval: None,
            monitoring_role_arn: None,
            database_insights_mode: None,
            enable_performance_insights: None,
            performance_insights_retention_period: None,
            performance_insights_kms_key_id: None,
            preferred_maintenance_window: None,
            config: InstanceConfig {
                db_instance_class: Some("db.t4g.micro".to_owned()),
                allocated_storage: Some(20),
                backup_retention_period: Some(7),
                ..InstanceConfig::default()
            },
        }
    }

    /// The same, with other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut InstanceConfig)) -> Self {
        change(&mut self.config);
        self
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreDbInstanceFromDbSnapshot {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    #[serde(rename = "DBSnapshotIdentifier")]
    pub db_snapshot_identifier: String,
    #[serde(flatten)]
    pub config: InstanceConfig,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreDbInstanceToPointInTime {
    #[serde(rename = "TargetDBInstanceIdentifier")]
    pub target_db_instance_identifier: String,
    #[serde(rename = "SourceDBInstanceIdentifier")]
    pub source_db_instance_identifier: Option<String>,
    pub source_dbi_resource_id: Option<String>,
    #[serde(rename = "SourceDBInstanceAutomatedBackupsArn")]
    pub source_db_instance_automated_backups_arn: Option<String>,
    pub restore_time: Option<DateTime<Utc>>,
    pub use_latest_restorable_time: Option<bool>,
    #[serde(flatten)]
    pub config: InstanceConfig,
}

/// `Filters.Filter.N`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    pub name: String,
    pub values: Vec<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Page {
    pub max_records: Option<i32>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDbInstances {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: Option<String>,
    pub filters: Vec<Filter>,
    #[serde(flatten)]
    pub page: Page,
}

impl DescribeDbInstances {
    /// One instance, by identifier.
    pub fn of(identifier: &str) -> Self {
        Self { db_instance_identifier: Some(identifier.to_owned()), ..Self::default() }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbInstancesPage {
    #[serde(rename = "DBInstances")]
    pub db_instances: Vec<DbInstance>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDbSnapshot {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub db_snapshot_identifier: String,
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub tags: Option<Vec<Tag>>,
}

impl CreateDbSnapshot {
    /// A snapshot without tags of its own.
    pub fn of(instance: &str, snapshot: &str) -> Self {
        Self { db_snapshot_identifier: snapshot.to_owned(), db_instance_identifier: instance.to_owned(), tags: None }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct DeleteDbSnapshot {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub db_snapshot_identifier: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDbSnapshots {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: Option<String>,
    #[serde(rename = "DBSnapshotIdentifier")]
    pub db_snapshot_identifier: Option<String>,
    pub snapshot_type: Option<String>,
    pub dbi_resource_id: Option<String>,
    pub filters: Vec<Filter>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DbSnapshotsPage {
    #[serde(rename = "DBSnapshots")]
    pub db_snapshots: Vec<DbSnapshot>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RebootDbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub force_failover: Option<bool>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyDbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub apply_immediately: Option<bool>,
    #[serde(rename = "NewDBInstanceIdentifier")]
    pub new_db_instance_identifier: Option<String>,
    pub vpc_security_group_ids: Option<Vec<String>>,
    pub master_user_password: Option<Secret>,
    #[serde(rename = "DBInstanceClass")]
    pub db_instance_class: Option<String>,
    #[serde(rename = "DBParameterGroupName")]
    pub db_parameter_group_name: Option<String>,
    pub option_group_name: Option<String>,
    #[serde(rename = "MultiAZ")]
    pub multi_az: Option<bool>,
    pub publicly_accessible: Option<bool>,
    pub engine_version: Option<String>,
    pub allocated_storage: Option<i32>,
    pub max_allocated_storage: Option<i32>,
    pub storage_type: Option<String>,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub deletion_protection: Option<bool>,
    #[serde(rename = "EnableIAMDatabaseAuthentication")]
    pub enable_iam_database_authentication: Option<bool>,
    /// `CloudwatchLogsExportConfiguration.EnableLogTypes`.
    pub enable_log_types: Option<Vec<String>>,
    /// `CloudwatchLogsExportConfiguration.DisableLogTypes`.
    pub disable_log_types: Option<Vec<String>>,
    #[serde(rename = "CACertificateIdentifier")]
    pub ca_certificate_identifier: Option<String>,
    pub monitoring_interval: Option<i32>,
    pub monitoring_role_arn: Option<String>,
    pub database_insights_mode: Option<String>,
    pub enable_performance_insights: Option<bool>,
    pub performance_insights_retention_period: Option<i32>,
    #[serde(rename = "PerformanceInsightsKMSKeyId")]
    pub performance_insights_kms_key_id: Option<String>,
    pub backup_retention_period: Option<i32>,
    pub preferred_backup_window: Option<String>,
    pub preferred_maintenance_window: Option<String>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub copy_tags_to_snapshot: Option<bool>,
}

impl ModifyDbInstance {
    /// A modification, applied at once, that changes nothing yet.
    pub fn now(identifier: &str) -> Self {
        Self { db_instance_identifier: identifier.to_owned(), apply_immediately: Some(true), ..Self::default() }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteDbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    pub skip_final_snapshot: Option<bool>,
    #[serde(rename = "FinalDBSnapshotIdentifier")]
    pub final_db_snapshot_identifier: Option<String>,
    /// AWS's default is **true**: point-in-time recovery is destroyed.
    pub delete_automated_backups: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StopDbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct StartDbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddTagsToResource {
    /// The ARN of an instance or a snapshot.
    pub resource_name: String,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveTagsFromResource {
    pub resource_name: String,
    pub tag_keys: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResource {
    pub resource_name: String,
}

/// What no caller of AWS can ask: the tags by which IAM decides, in every status.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForIam {
    pub resource_name: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDbInstanceAutomatedBackups {
    pub dbi_resource_id: Option<String>,
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: Option<String>,
    #[serde(rename = "DBInstanceAutomatedBackupsArn")]
    pub db_instance_automated_backups_arn: Option<String>,
    pub filters: Vec<Filter>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AutomatedBackupsPage {
    #[serde(rename = "DBInstanceAutomatedBackups")]
    pub db_instance_automated_backups: Vec<DbInstanceAutomatedBackup>,
    pub marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct DescribeAccountAttributes {}

/// The quotas of the account.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct AccountQuotas(pub Vec<AccountQuota>);
