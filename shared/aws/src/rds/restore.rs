//! What a restore call is told: everything that it accepts, because what is not said comes back as a default (fact sheet 3.2).
//!
//! Not said, on purpose:
//! - `AvailabilityZone`: excluded by `MultiAZ`, and after an AZ outage RDS should choose;
//! - `AllocatedStorage`: RDS takes the backup's, and refuses less as well as a little more;
//! - an option group called `default:...`: RDS takes it by itself;
//! - `DeletionProtection`: set with the late settings, so that a copy that never becomes usable can be removed;
//! - `Engine`, `DBName`: those of the backup; the KMS key cannot be given at all;
//! - false flags that some engines do not know (IAM authentication, dedicated log volume): off is the default.

use crate::time::date_time;
use aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::RestoreDbInstanceFromDbSnapshotInput;
use aws_sdk_rds::operation::restore_db_instance_from_db_snapshot::builders::RestoreDbInstanceFromDbSnapshotInputBuilder;
use aws_sdk_rds::operation::restore_db_instance_to_point_in_time::RestoreDbInstanceToPointInTimeInput;
use aws_sdk_rds::operation::restore_db_instance_to_point_in_time::builders::RestoreDbInstanceToPointInTimeInputBuilder;
use aws_sdk_rds::types::Tag;
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::{DatabaseId, SnapshotId};
use lifeboat_domain::plan::RestoreSettings;

/// What both calls accept alike: the generated builders share names but no type.
macro_rules! told {
    ($builder:expr, $configuration:expr, $tags:expr) => {{
        let (told, tags) = ($configuration, $tags);
        $builder
            .db_instance_class(&told.class)
            .set_db_subnet_group_name(told.subnet_group.clone())
            .set_vpc_security_group_ids(some(&told.security_groups))
            .set_db_parameter_group_name(told.parameter_group.clone())
            .set_option_group_name(told.option_group.clone().filter(|group| !group.starts_with("default:")))
            .multi_az(told.multi_az)
            .publicly_accessible(told.publicly_accessible)
            .set_port(told.port.map(i32::from))
            .auto_minor_version_upgrade(told.auto_minor_version_upgrade)
            .copy_tags_to_snapshot(told.copy_tags_to_snapshot)
            .set_enable_iam_database_authentication(told.iam_authentication.then_some(true))
            .set_enable_cloudwatch_logs_exports(some(&told.log_exports))
            .set_storage_type(told.storage_type.clone())
            .set_iops(told.provisioned_iops())
            .set_storage_throughput(told.provisioned_throughput())
            .set_ca_certificate_identifier(told.ca_certificate.clone())
            .set_network_type(told.network_type.clone())
            .backup_retention_period(told.backup_retention_days)
            .set_preferred_backup_window(told.backup_window.clone())
            .set_license_model(told.license_model.clone())
            .set_dedicated_log_volume(told.dedicated_log_volume.then_some(true))
            .set_engine_lifecycle_support(told.engine_lifecycle_support.clone())
            .set_tags(Some(tags))
    }};
}

/// A restore of `snapshot` as `target`.
pub(super) fn from_snapshot(
    snapshot: &SnapshotId,
    target: &DatabaseId,
    settings: &RestoreSettings,
    tags: Vec<Tag>,
) -> RestoreDbInstanceFromDbSnapshotInputBuilder {
    let builder =
        RestoreDbInstanceFromDbSnapshotInput::builder().db_snapshot_identifier(snapshot.as_str()).db_instance_identifier(target.as_str());
    told!(builder, &settings.configuration, tags)
}

/// A restore of the instance with `DbiResourceId` `source`, dead or alive, to a moment or to the latest restorable one, never both.
pub(super) fn to_point_in_time(
    source: &str,
    at: Option<Timestamp>,
    target: &DatabaseId,
    settings: &RestoreSettings,
    tags: Vec<Tag>,
) -> RestoreDbInstanceToPointInTimeInputBuilder {
    let builder =
        RestoreDbInstanceToPointInTimeInput::builder().source_dbi_resource_id(source).target_db_instance_identifier(target.as_str());
    let builder = match at {
        Some(at) => builder.restore_time(date_time(at)),
        None => builder.use_latest_restorable_time(true),
    };
    told!(builder, &settings.configuration, tags).set_max_allocated_storage(settings.configuration.max_allocated_storage)
}

/// An empty list is not the same as none.
fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}
