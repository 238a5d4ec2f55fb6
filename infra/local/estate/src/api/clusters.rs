//! From the parameters of a call about DB clusters to the model's request.

use lifeboat_testing::model::{
    ApiError, ClusterConfig, CreateDbCluster, CreateDbClusterMember, CreateDbClusterSnapshot, DeleteDbCluster, DeleteDbClusterSnapshot,
    DescribeDbClusterAutomatedBackups, DescribeDbClusterSnapshots, DescribeDbClusters, EnableHttpEndpoint, FailoverDbCluster,
    ModifyDbCluster, Page, RestoreDbClusterFromSnapshot, RestoreDbClusterToPointInTime, Secret, ServerlessV2Scaling,
};

use super::decode::Decode;
use super::form::Form;

pub(super) const CLUSTER: &str = "DBClusterIdentifier";
const INSTANCE: &str = "DBInstanceIdentifier";
const SNAPSHOT: &str = "DBClusterSnapshotIdentifier";

impl Decode for ClusterConfig {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_subnet_group_name: form.text("DBSubnetGroupName"),
            vpc_security_group_ids: form.list("VpcSecurityGroupIds"),
            db_cluster_parameter_group_name: form.text("DBClusterParameterGroupName"),
            port: form.number("Port")?,
            network_type: form.text("NetworkType"),
            engine_mode: form.text("EngineMode"),
            storage_type: form.text("StorageType"),
            deletion_protection: form.flag("DeletionProtection")?,
            enable_iam_database_authentication: form.flag("EnableIAMDatabaseAuthentication")?,
            enable_cloudwatch_logs_exports: form.list("EnableCloudwatchLogsExports"),
            backtrack_window: form.number("BacktrackWindow")?.map(i64::from),
            copy_tags_to_snapshot: form.flag("CopyTagsToSnapshot")?,
            serverless_v2_scaling_configuration: scaling(form)?,
            backup_retention_period: form.number("BackupRetentionPeriod")?,
            preferred_backup_window: form.text("PreferredBackupWindow"),
            engine_lifecycle_support: form.text("EngineLifecycleSupport"),
            db_cluster_instance_class: form.text("DBClusterInstanceClass"),
            iops: form.number("Iops")?,
            publicly_accessible: form.flag("PubliclyAccessible")?,
            tags: form.tags("Tags"),
        })
    }
}

/// Capacities are said in ACUs, in steps of a half.
fn scaling(form: &mut Form) -> Result<Option<ServerlessV2Scaling>, ApiError> {
    let least = form.halves("ServerlessV2ScalingConfiguration.MinCapacity")?;
    let most = form.halves("ServerlessV2ScalingConfiguration.MaxCapacity")?;
    let pause = form.number("ServerlessV2ScalingConfiguration.SecondsUntilAutoPause")?;
    Ok(least.zip(most).map(|(least, most)| ServerlessV2Scaling {
        min_capacity_halves: least,
        max_capacity_halves: most,
        seconds_until_auto_pause: pause,
    }))
}

impl Decode for CreateDbCluster {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_identifier: form.required(CLUSTER)?,
            engine: form.required("Engine")?,
            engine_version: form.text("EngineVersion"),
            master_username: form.required("MasterUsername")?,
            master_user_password: Secret::new(form.required("MasterUserPassword")?),
            database_name: form.text("DatabaseName"),
            storage_encrypted: form.flag("StorageEncrypted")?,
            kms_key_id: form.text("KmsKeyId"),
            allocated_storage: form.number("AllocatedStorage")?,
            preferred_maintenance_window: form.text("PreferredMaintenanceWindow"),
            config: ClusterConfig::decode(form)?,
        })
    }
}

impl Decode for CreateDbClusterMember {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_instance_identifier: form.required(INSTANCE)?,
            db_cluster_identifier: form.required(CLUSTER)?,
            engine: form.required("Engine")?,
            db_instance_class: form.text("DBInstanceClass"),
            promotion_tier: form.number("PromotionTier")?,
            availability_zone: form.text("AvailabilityZone"),
            db_parameter_group_name: form.text("DBParameterGroupName"),
            publicly_accessible: form.flag("PubliclyAccessible")?,
            auto_minor_version_upgrade: form.flag("AutoMinorVersionUpgrade")?,
            ca_certificate_identifier: form.text("CACertificateIdentifier"),
            monitoring_interval: form.number("MonitoringInterval")?,
            monitoring_role_arn: form.text("MonitoringRoleArn"),
            enable_performance_insights: form.flag("EnablePerformanceInsights")?,
            performance_insights_kms_key_id: form.text("PerformanceInsightsKMSKeyId"),
            performance_insights_retention_period: form.number("PerformanceInsightsRetentionPeriod")?,
            tags: form.tags("Tags"),
        })
    }
}

impl Decode for DescribeDbClusters {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        form.flag("IncludeShared")?;
        Ok(Self { db_cluster_identifier: form.text(CLUSTER), filters: form.filters(), page: Page::decode(form)? })
    }
}

impl Decode for RestoreDbClusterFromSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_identifier: form.required(CLUSTER)?,
            snapshot_identifier: form.required("SnapshotIdentifier")?,
            engine: form.required("Engine")?,
            engine_version: form.text("EngineVersion"),
            config: ClusterConfig::decode(form)?,
        })
    }
}

impl Decode for RestoreDbClusterToPointInTime {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_identifier: form.required(CLUSTER)?,
            source_db_cluster_identifier: form.text("SourceDBClusterIdentifier"),
            source_db_cluster_resource_id: form.text("SourceDbClusterResourceId"),
            restore_type: form.text("RestoreType"),
            restore_to_time: form.time("RestoreToTime")?,
            use_latest_restorable_time: form.flag("UseLatestRestorableTime")?,
            config: ClusterConfig::decode(form)?,
        })
    }
}

impl Decode for FailoverDbCluster {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_cluster_identifier: form.required(CLUSTER)?, target_db_instance_identifier: form.text("TargetDBInstanceIdentifier") })
    }
}

impl Decode for ModifyDbCluster {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_identifier: form.required(CLUSTER)?,
            apply_immediately: form.flag("ApplyImmediately")?,
            new_db_cluster_identifier: form.text("NewDBClusterIdentifier"),
            vpc_security_group_ids: form.list("VpcSecurityGroupIds"),
            master_user_password: form.secret("MasterUserPassword"),
            db_cluster_parameter_group_name: form.text("DBClusterParameterGroupName"),
            deletion_protection: form.flag("DeletionProtection")?,
            enable_iam_database_authentication: form.flag("EnableIAMDatabaseAuthentication")?,
            backup_retention_period: form.number("BackupRetentionPeriod")?,
            preferred_backup_window: form.text("PreferredBackupWindow"),
            preferred_maintenance_window: form.text("PreferredMaintenanceWindow"),
            copy_tags_to_snapshot: form.flag("CopyTagsToSnapshot")?,
        })
    }
}

impl Decode for EnableHttpEndpoint {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { resource_arn: form.required("ResourceArn")? })
    }
}

impl Decode for CreateDbClusterSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_snapshot_identifier: form.required(SNAPSHOT)?,
            db_cluster_identifier: form.required(CLUSTER)?,
            tags: form.tags("Tags"),
        })
    }
}

impl Decode for DeleteDbClusterSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { db_cluster_snapshot_identifier: form.required(SNAPSHOT)? })
    }
}

impl Decode for DescribeDbClusterSnapshots {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        // Nothing is shared here, so asking for it changes nothing.
        form.flag("IncludeShared")?;
        form.flag("IncludePublic")?;
        Ok(Self {
            db_cluster_identifier: form.text(CLUSTER),
            db_cluster_snapshot_identifier: form.text(SNAPSHOT),
            snapshot_type: form.text("SnapshotType"),
            page: Page::decode(form)?,
        })
    }
}

impl Decode for DescribeDbClusterAutomatedBackups {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_resource_id: form.text("DbClusterResourceId"),
            db_cluster_identifier: form.text(CLUSTER),
            page: Page::decode(form)?,
        })
    }
}

impl Decode for DeleteDbCluster {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            db_cluster_identifier: form.required(CLUSTER)?,
            skip_final_snapshot: form.flag("SkipFinalSnapshot")?,
            final_db_snapshot_identifier: form.text("FinalDBSnapshotIdentifier"),
            delete_automated_backups: form.flag("DeleteAutomatedBackups")?,
        })
    }
}
