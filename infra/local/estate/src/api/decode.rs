//! From the parameters of a call to the model's request.

use lifeboat_testing::model::{
    AddTagsToResource, ApiError, CreateDbInstance, CreateDbInstanceReadReplica, CreateDbSnapshot, DeleteDbInstance, DeleteDbSnapshot,
    DescribeAccountAttributes, DescribeDbInstanceAutomatedBackups, DescribeDbInstances, DescribeDbSnapshots, InstanceConfig,
    ListTagsForIam, ListTagsForResource, ModifyDbInstance, Page, PromoteReadReplica, RebootDbInstance, RemoveTagsFromResource,
    RestoreDbInstanceFromDbSnapshot, RestoreDbInstanceToPointInTime, Secret, StartDbInstance, StopDbInstance,
};

use super::form::Form;

/// Can be read from a form.
pub trait Decode: Sized {
    /// Takes its parameters out of the form.
    ///
    /// # Errors
    /// A parameter is missing or malformed.
    fn decode(form: &mut Form) -> Result<Self, ApiError>;
}

const INSTANCE: &str = "DBInstanceIdentifier";
const SNAPSHOT: &str = "DBSnapshotIdentifier";

impl Decode for InstanceConfig {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_class: form.text("DBInstanceClass"),
            db_subnet_group_name: form.text("DBSubnetGroupName"),
            vpc_security_group_ids: form.list("VpcSecurityGroupIds"),
            db_parameter_group_name: form.text("DBParameterGroupName"),
            option_group_name: form.text("OptionGroupName"),
            multi_az: form.flag("MultiAZ")?,
            availability_zone: form.text("AvailabilityZone"),
            publicly_accessible: form.flag("PubliclyAccessible")?,
            port: form.number("Port")?,
            network_type: form.text("NetworkType"),
            allocated_storage: form.number("AllocatedStorage")?,
            max_allocated_storage: form.number("MaxAllocatedStorage")?,
            storage_type: form.text("StorageType"),
            iops: form.number("Iops")?,
            storage_throughput: form.number("StorageThroughput")?,
            dedicated_log_volume: form.flag("DedicatedLogVolume")?,
            deletion_protection: form.flag("DeletionProtection")?,
            enable_iam_database_authentication: form.flag("EnableIAMDatabaseAuthentication")?,
            enable_cloudwatch_logs_exports: form.list("EnableCloudwatchLogsExports"),
            ca_certificate_identifier: form.text("CACertificateIdentifier"),
            license_model: form.text("LicenseModel"),
            engine_lifecycle_support: form.text("EngineLifecycleSupport"),
            backup_retention_period: form.number("BackupRetentionPeriod")?,
            preferred_backup_window: form.text("PreferredBackupWindow"),
            auto_minor_version_upgrade: form.flag("AutoMinorVersionUpgrade")?,
            copy_tags_to_snapshot: form.flag("CopyTagsToSnapshot")?,
            tags: form.tags("Tags"),
        })
    }
}

impl Decode for CreateDbInstance {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            engine: form.required("Engine")?,
            engine_version: form.text("EngineVersion"),
            master_username: form.required("MasterUsername")?,
            master_user_password: Secret::new(form.required("MasterUserPassword")?),
            db_name: form.text("DBName"),
            storage_encrypted: form.flag("StorageEncrypted")?,
            kms_key_id: form.text("KmsKeyId"),
            monitoring_interval: form.number("MonitoringInterval")?,
            monitoring_role_arn: form.text("MonitoringRoleArn"),
            database_insights_mode: form.text("DatabaseInsightsMode"),
            enable_performance_insights: form.flag("EnablePerformanceInsights")?,
            performance_insights_retention_period: form.number("PerformanceInsightsRetentionPeriod")?,
            performance_insights_kms_key_id: form.text("PerformanceInsightsKMSKeyId"),
            preferred_maintenance_window: form.text("PreferredMaintenanceWindow"),
            config: InstanceConfig::decode(form)?,
        })
    }
}

impl Decode for RestoreDbInstanceFromDbSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            db_snapshot_identifier: form.required(SNAPSHOT)?,
            config: InstanceConfig::decode(form)?,
        })
    }
}

impl Decode for RestoreDbInstanceToPointInTime {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            target_db_instance_identifier: form.required("TargetDBInstanceIdentifier")?,
            source_db_instance_identifier: form.text("SourceDBInstanceIdentifier"),
            source_dbi_resource_id: form.text("SourceDbiResourceId"),
            source_db_instance_automated_backups_arn: form.text("SourceDBInstanceAutomatedBackupsArn"),
            restore_time: form.time("RestoreTime")?,
            use_latest_restorable_time: form.flag("UseLatestRestorableTime")?,
            config: InstanceConfig::decode(form)?,
        })
    }
}

impl Decode for ModifyDbInstance {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            apply_immediately: form.flag("ApplyImmediately")?,
            new_db_instance_identifier: form.text("NewDBInstanceIdentifier"),
            vpc_security_group_ids: form.list("VpcSecurityGroupIds"),
            master_user_password: form.secret("MasterUserPassword"),
            db_instance_class: form.text("DBInstanceClass"),
            db_parameter_group_name: form.text("DBParameterGroupName"),
            option_group_name: form.text("OptionGroupName"),
            multi_az: form.flag("MultiAZ")?,
            publicly_accessible: form.flag("PubliclyAccessible")?,
            engine_version: form.text("EngineVersion"),
            allocated_storage: form.number("AllocatedStorage")?,
            max_allocated_storage: form.number("MaxAllocatedStorage")?,
            storage_type: form.text("StorageType"),
            iops: form.number("Iops")?,
            storage_throughput: form.number("StorageThroughput")?,
            deletion_protection: form.flag("DeletionProtection")?,
            enable_iam_database_authentication: form.flag("EnableIAMDatabaseAuthentication")?,
            enable_log_types: form.list("CloudwatchLogsExportConfiguration.EnableLogTypes"),
            disable_log_types: form.list("CloudwatchLogsExportConfiguration.DisableLogTypes"),
            ca_certificate_identifier: form.text("CACertificateIdentifier"),
            monitoring_interval: form.number("MonitoringInterval")?,
            monitoring_role_arn: form.text("MonitoringRoleArn"),
            database_insights_mode: form.text("DatabaseInsightsMode"),
            enable_performance_insights: form.flag("EnablePerformanceInsights")?,
            performance_insights_retention_period: form.number("PerformanceInsightsRetentionPeriod")?,
            performance_insights_kms_key_id: form.text("PerformanceInsightsKMSKeyId"),
            backup_retention_period: form.number("BackupRetentionPeriod")?,
            preferred_backup_window: form.text("PreferredBackupWindow"),
            preferred_maintenance_window: form.text("PreferredMaintenanceWindow"),
            auto_minor_version_upgrade: form.flag("AutoMinorVersionUpgrade")?,
            copy_tags_to_snapshot: form.flag("CopyTagsToSnapshot")?,
        })
    }
}

impl Decode for Page {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { max_records: form.number("MaxRecords")?, marker: form.text("Marker") })
    }
}

impl Decode for DescribeDbInstances {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_instance_identifier: form.text(INSTANCE), filters: form.filters(), page: Page::decode(form)? })
    }
}

impl Decode for CreateDbInstanceReadReplica {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            source_db_instance_identifier: form.required("SourceDBInstanceIdentifier")?,
            config: InstanceConfig::decode(form)?,
        })
    }
}

impl Decode for PromoteReadReplica {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            backup_retention_period: form.number("BackupRetentionPeriod")?,
            preferred_backup_window: form.text("PreferredBackupWindow"),
        })
    }
}

impl Decode for RebootDbInstance {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_instance_identifier: form.required(INSTANCE)?, force_failover: form.flag("ForceFailover")? })
    }
}

impl Decode for DeleteDbInstance {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            skip_final_snapshot: form.flag("SkipFinalSnapshot")?,
            final_db_snapshot_identifier: form.text("FinalDBSnapshotIdentifier"),
            delete_automated_backups: form.flag("DeleteAutomatedBackups")?,
        })
    }
}

impl Decode for StartDbInstance {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_instance_identifier: form.required(INSTANCE)? })
    }
}

impl Decode for StopDbInstance {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_instance_identifier: form.required(INSTANCE)? })
    }
}

impl Decode for CreateDbSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_snapshot_identifier: form.required(SNAPSHOT)?,
            db_instance_identifier: form.required(INSTANCE)?,
            tags: form.tags("Tags"),
        })
    }
}

impl Decode for DeleteDbSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_snapshot_identifier: form.required(SNAPSHOT)? })
    }
}

impl Decode for DescribeDbSnapshots {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        // Nothing is shared here, so asking for it changes nothing.
        form.flag("IncludeShared")?;
        form.flag("IncludePublic")?;
        Ok(Self {
            db_instance_identifier: form.text(INSTANCE),
            db_snapshot_identifier: form.text(SNAPSHOT),
            snapshot_type: form.text("SnapshotType"),
            dbi_resource_id: form.text("DbiResourceId"),
            filters: form.filters(),
            page: Page::decode(form)?,
        })
    }
}

impl Decode for DescribeDbInstanceAutomatedBackups {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            dbi_resource_id: form.text("DbiResourceId"),
            db_instance_identifier: form.text(INSTANCE),
            db_instance_automated_backups_arn: form.text("DBInstanceAutomatedBackupsArn"),
            filters: form.filters(),
            page: Page::decode(form)?,
        })
    }
}

impl Decode for DescribeAccountAttributes {
    fn decode(_form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {})
    }
}

impl Decode for AddTagsToResource {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { resource_name: form.required("ResourceName")?, tags: form.tags("Tags").unwrap_or_default() })
    }
}

impl Decode for RemoveTagsFromResource {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { resource_name: form.required("ResourceName")?, tag_keys: form.list("TagKeys").unwrap_or_default() })
    }
}

impl Decode for ListTagsForIam {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { resource_name: form.required("ResourceName")? })
    }
}

impl Decode for ListTagsForResource {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        form.filters();
        Ok(Self { resource_name: form.required("ResourceName")? })
    }
}
