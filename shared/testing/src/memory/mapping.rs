//! AWS-shaped answers in the domain's types, as the adapters of `shared/aws` would read them.

mod caches;
mod clusters;

pub(super) use caches::{cache, cache_of_resource_id, cache_of_snapshot, cache_snapshot};
pub(super) use clusters::{cluster, cluster_snapshot};

use crate::model::{CallError as ApiFailure, DbInstance, DbSnapshot, Tag, VpcSecurityGroupMembership};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{Configuration, Endpoint, ObservedDatabase, ObservedSnapshot, Replication, SecurityGroup, SnapshotStatus};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::{CallClass, CallError, DrError};
use std::collections::BTreeMap;

/// What a failure means: the classes of `shared/aws/src/classify.rs`, for the codes that are used here.
pub(super) fn call_error(action: &str, failure: &ApiFailure) -> CallError {
    let ApiFailure::Refused(refusal) = failure else {
        return CallError::new(CallClass::Unknown, action, "timeout", "no answer in time, it may have acted");
    };
    let code = refusal.code.as_str();
    let stem = code.trim_end_matches("Exception").trim_end_matches("Fault");
    let class = match stem {
        "ConditionalRequestConflict" | "ResourceInUse" => CallClass::WrongState,
        _ if refusal.status >= 500 || stem.starts_with("Internal") || stem.starts_with("ServiceUnavailable") => CallClass::Unknown,
        _ if stem.contains("Throttl") => CallClass::Throttled,
        _ if stem.ends_with("AlreadyExists") || stem.ends_with("AlreadyRegistered") => CallClass::AlreadyExists,
        _ if stem.ends_with("NotFound") => CallClass::NotFound,
        _ if stem.starts_with("Invalid") && stem.ends_with("State") => CallClass::WrongState,
        _ if stem.starts_with("Insufficient") && stem.ends_with("Capacity") => CallClass::NoCapacity,
        _ if stem.ends_with("QuotaExceeded") || stem.ends_with("LimitExceeded") => CallClass::Quota,
        _ if stem.starts_with("AccessDenied") => CallClass::Denied,
        _ => CallClass::Invalid,
    };
    CallError::new(class, action, code, refusal.message.clone())
}

fn parsed<T>(made: Result<T, DrError>) -> Answer<T> {
    made.map_err(|error| CallError::new(CallClass::Invalid, "rds:Describe", "unreadable", error.to_string()))
}

/// Tags as the model takes them.
pub(super) fn list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::new(key, value)).collect()
}

fn tags(list: &[Tag]) -> BTreeMap<String, String> {
    Tag::map(list)
}

/// Security groups by name.
fn groups(shown: &[VpcSecurityGroupMembership]) -> Vec<SecurityGroup> {
    let group =
        |shown: &VpcSecurityGroupMembership| SecurityGroup { id: shown.vpc_security_group_id.clone(), status: shown.status.clone() };
    let mut groups: Vec<SecurityGroup> = shown.iter().map(group).collect();
    groups.sort_by(|one, other| one.id.cmp(&other.id));
    groups
}

/// An instance.
pub(super) fn instance(shown: &DbInstance) -> Answer<ObservedDatabase> {
    let groups = groups(&shown.vpc_security_groups);
    Ok(ObservedDatabase {
        id: parsed(DatabaseId::parse(shown.db_instance_identifier.clone()))?,
        arn: parsed(Arn::parse(shown.db_instance_arn.clone()))?,
        resource_id: shown.dbi_resource_id.clone(),
        status: DatabaseStatus::new(shown.db_instance_status.clone()),
        endpoint: shown.endpoint.as_ref().map(|endpoint| Endpoint { host: endpoint.address.clone(), port: endpoint.port }),
        zone: Some(shown.availability_zone.clone()),
        secondary_zone: shown.secondary_availability_zone.clone(),
        latest_restorable: shown.latest_restorable_time,
        created_at: shown.instance_create_time,
        parameter_status: shown.db_parameter_groups.first().map(|group| group.parameter_apply_status.clone()),
        pending: pending(shown),
        global: None,
        replica_of: shown.read_replica_source_db_instance_identifier.clone(),
        replication: shown.status_infos.first().map(|info| Replication {
            status: info.status.clone(),
            normal: info.normal,
            message: info.message.clone(),
        }),
        replicas: shown.read_replica_db_instance_identifiers.clone(),
        cluster: shown.db_cluster_identifier.clone(),
        members: Vec::new(),
        configuration: configuration(shown, &groups),
        groups,
        tags: tags(&shown.tag_list),
    })
}

fn pending(shown: &DbInstance) -> Vec<String> {
    let pending = serde_json::to_value(&shown.pending_modified_values).unwrap_or_default();
    let names = pending.as_object().into_iter().flatten();
    names.filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect()
}

fn configuration(shown: &DbInstance, groups: &[SecurityGroup]) -> Configuration {
    let mut log_exports = shown.enabled_cloudwatch_logs_exports.clone();
    log_exports.sort();
    Configuration {
        own: None,
        class: shown.db_instance_class.clone(),
        engine: shown.engine.clone(),
        engine_version: shown.engine_version.clone(),
        subnet_group: Some(shown.db_subnet_group.db_subnet_group_name.clone()),
        vpc: Some(shown.db_subnet_group.vpc_id.clone()),
        security_groups: groups.iter().map(|group| group.id.clone()).collect(),
        parameter_group: shown.db_parameter_groups.first().map(|group| group.db_parameter_group_name.clone()),
        option_group: shown.option_group_memberships.first().map(|group| group.option_group_name.clone()),
        multi_az: shown.multi_az,
        publicly_accessible: shown.publicly_accessible,
        port: u16::try_from(shown.db_instance_port).ok().filter(|port| *port > 0),
        auto_minor_version_upgrade: shown.auto_minor_version_upgrade,
        copy_tags_to_snapshot: shown.copy_tags_to_snapshot,
        iam_authentication: shown.iam_database_authentication_enabled,
        log_exports,
        deletion_protection: shown.deletion_protection,
        allocated_storage: Some(shown.allocated_storage),
        max_allocated_storage: shown.max_allocated_storage,
        storage_type: Some(shown.storage_type.clone()),
        iops: shown.iops,
        storage_throughput: shown.storage_throughput,
        storage_encrypted: shown.storage_encrypted,
        kms_key: shown.kms_key_id.clone(),
        ca_certificate: Some(shown.ca_certificate_identifier.clone()),
        network_type: Some(shown.network_type.clone()),
        backup_retention_days: shown.backup_retention_period,
        backup_window: Some(shown.preferred_backup_window.clone()),
        maintenance_window: Some(shown.preferred_maintenance_window.clone()),
        license_model: Some(shown.license_model.clone()),
        dedicated_log_volume: shown.dedicated_log_volume,
        engine_lifecycle_support: Some(shown.engine_lifecycle_support.clone()),
        monitoring_interval: shown.monitoring_interval,
        monitoring_role: shown.monitoring_role_arn.clone(),
        performance_insights: shown.performance_insights_enabled,
        performance_insights_key: shown.performance_insights_kms_key_id.clone(),
        performance_insights_retention_days: shown.performance_insights_retention_period,
        master_user: shown.master_username.clone(),
        database: shown.db_name.clone(),
        left_behind: (shown.database_insights_mode == "advanced")
            .then(|| "Database Insights in its advanced mode".to_owned())
            .into_iter()
            .collect(),
    }
}

/// A snapshot.
pub(super) fn snapshot(shown: &DbSnapshot) -> Answer<ObservedSnapshot> {
    Ok(ObservedSnapshot {
        shards: None,
        id: parsed(SnapshotId::parse(shown.db_snapshot_identifier.clone()))?,
        arn: parsed(Arn::parse(shown.db_snapshot_arn.clone()))?,
        instance: parsed(DatabaseId::parse(shown.db_instance_identifier.clone()))?,
        resource_id: Some(shown.dbi_resource_id.clone()),
        status: SnapshotStatus::parse(&shown.status),
        percent: Some(shown.percent_progress),
        created_at: shown.original_snapshot_create_time.or(shown.snapshot_create_time),
        data_time: shown.snapshot_database_time,
        kind: shown.snapshot_type.clone(),
        tags: tags(&shown.tag_list),
    })
}
