//! `PendingModifiedValues`, by name: what was asked for and is not in force yet.

use aws_sdk_rds::types::PendingModifiedValues;

/// The names of the pending settings, as AWS spells them.
pub(super) fn names(pending: &PendingModifiedValues) -> Vec<String> {
    let set = [
        ("AllocatedStorage", pending.allocated_storage.is_some()),
        ("AutomationMode", pending.automation_mode.is_some()),
        ("BackupRetentionPeriod", pending.backup_retention_period.is_some()),
        ("CACertificateIdentifier", pending.ca_certificate_identifier.is_some()),
        ("DBInstanceClass", pending.db_instance_class.is_some()),
        ("DBInstanceIdentifier", pending.db_instance_identifier.is_some()),
        ("DBSubnetGroupName", pending.db_subnet_group_name.is_some()),
        ("DedicatedLogVolume", pending.dedicated_log_volume.is_some()),
        ("Engine", pending.engine.is_some()),
        ("EngineVersion", pending.engine_version.is_some()),
        ("IAMDatabaseAuthenticationEnabled", pending.iam_database_authentication_enabled.is_some()),
        ("Iops", pending.iops.is_some()),
        ("LicenseModel", pending.license_model.is_some()),
        ("MasterUserPassword", pending.master_user_password.is_some()),
        ("MultiAZ", pending.multi_az.is_some()),
        ("MultiTenant", pending.multi_tenant.is_some()),
        ("PendingCloudwatchLogsExports", pending.pending_cloudwatch_logs_exports.is_some()),
        ("Port", pending.port.is_some()),
        ("ProcessorFeatures", !pending.processor_features().is_empty()),
        ("StorageThroughput", pending.storage_throughput.is_some()),
        ("StorageType", pending.storage_type.is_some()),
    ];
    set.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (*name).to_owned()).collect()
}
