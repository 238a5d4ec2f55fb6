//! From Describe's answers to the domain's types.

use super::{DESCRIBE_INSTANCES, DESCRIBE_SNAPSHOTS, pending};
use crate::classify::invalid;
use crate::time::timestamp;
use aws_sdk_rds::types::{DatabaseInsightsMode, DbInstance, DbSnapshot, MasterUserSecret, Tag, VpcSecurityGroupMembership};
use aws_smithy_types::DateTime;
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{
    Configuration, Endpoint, ObservedDatabase, ObservedSnapshot, Replication, RestoreWindow, SecurityGroup, SnapshotStatus,
};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::{DrError, Timestamp};
use std::collections::BTreeMap;

/// An instance as Describe showed it; an answer without a mandatory field is an error that names the field.
pub(super) fn instance(shown: &DbInstance) -> Answer<ObservedDatabase> {
    let name = shown.db_instance_identifier.as_deref().unwrap_or("an instance");
    let have = |value: &Option<String>, field: &str| mandatory(DESCRIBE_INSTANCES, name, field, value.as_deref());
    Ok(ObservedDatabase {
        id: parsed(DESCRIBE_INSTANCES, DatabaseId::parse(have(&shown.db_instance_identifier, "DBInstanceIdentifier")?))?,
        arn: parsed(DESCRIBE_INSTANCES, Arn::parse(have(&shown.db_instance_arn, "DBInstanceArn")?))?,
        resource_id: have(&shown.dbi_resource_id, "DbiResourceId")?,
        status: DatabaseStatus::new(have(&shown.db_instance_status, "DBInstanceStatus")?),
        endpoint: endpoint(shown),
        zone: shown.availability_zone.clone(),
        secondary_zone: shown.secondary_availability_zone.clone(),
        latest_restorable: time(shown.latest_restorable_time.as_ref()),
        created_at: time(shown.instance_create_time.as_ref()),
        groups: groups(shown.vpc_security_groups()),
        parameter_status: shown.db_parameter_groups().first().and_then(|group| group.parameter_apply_status.clone()),
        pending: shown.pending_modified_values.as_ref().map(pending::names).unwrap_or_default(),
        global: None,
        replica_of: shown.read_replica_source_db_instance_identifier.clone(),
        replication: replication(shown),
        replicas: shown.read_replica_db_instance_identifiers().to_vec(),
        cluster: shown.db_cluster_identifier.clone(),
        members: Vec::new(),
        configuration: configuration(shown, &have)?,
        tags: tags(shown.tag_list()),
    })
}

fn configuration(shown: &DbInstance, have: &impl Fn(&Option<String>, &str) -> Answer<String>) -> Answer<Configuration> {
    let subnets = shown.db_subnet_group.as_ref();
    Ok(Configuration {
        class: have(&shown.db_instance_class, "DBInstanceClass")?,
        engine: have(&shown.engine, "Engine")?,
        engine_version: have(&shown.engine_version, "EngineVersion")?,
        master_user: have(&shown.master_username, "MasterUsername")?,
        subnet_group: subnets.and_then(|group| group.db_subnet_group_name.clone()),
        vpc: subnets.and_then(|group| group.vpc_id.clone()),
        security_groups: groups(shown.vpc_security_groups()).into_iter().map(|group| group.id).collect(),
        parameter_group: shown.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name.clone()),
        option_group: shown.option_group_memberships().first().and_then(|group| group.option_group_name.clone()),
        multi_az: shown.multi_az.unwrap_or_default(),
        publicly_accessible: shown.publicly_accessible.unwrap_or_default(),
        port: configured_port(shown),
        auto_minor_version_upgrade: shown.auto_minor_version_upgrade.unwrap_or_default(),
        copy_tags_to_snapshot: shown.copy_tags_to_snapshot.unwrap_or_default(),
        iam_authentication: shown.iam_database_authentication_enabled.unwrap_or_default(),
        log_exports: sorted(shown.enabled_cloudwatch_logs_exports().to_vec()),
        deletion_protection: shown.deletion_protection.unwrap_or_default(),
        allocated_storage: shown.allocated_storage,
        max_allocated_storage: shown.max_allocated_storage,
        storage_type: shown.storage_type.clone(),
        iops: shown.iops,
        storage_throughput: shown.storage_throughput,
        storage_encrypted: shown.storage_encrypted.unwrap_or_default(),
        kms_key: shown.kms_key_id.clone(),
        ca_certificate: shown.ca_certificate_identifier.clone(),
        network_type: shown.network_type.clone(),
        backup_retention_days: shown.backup_retention_period.unwrap_or_default(),
        backup_window: shown.preferred_backup_window.clone(),
        maintenance_window: shown.preferred_maintenance_window.clone(),
        license_model: shown.license_model.clone(),
        dedicated_log_volume: shown.dedicated_log_volume.unwrap_or_default(),
        engine_lifecycle_support: shown.engine_lifecycle_support.clone(),
        monitoring_interval: shown.monitoring_interval.unwrap_or_default(),
        monitoring_role: shown.monitoring_role_arn.clone(),
        performance_insights: shown.performance_insights_enabled.unwrap_or_default(),
        performance_insights_key: shown.performance_insights_kms_key_id.clone(),
        performance_insights_retention_days: shown.performance_insights_retention_period,
        database: shown.db_name.clone(),
        left_behind: left_behind(
            shown.database_insights_mode.as_ref().map(DatabaseInsightsMode::as_str),
            shown.master_user_secret.as_ref(),
            shown.associated_roles().iter().map(|role| (role.role_arn(), role.feature_name())),
        ),
        own: None,
    })
}

/// What Describe shows, no restore call accepts (fact sheet 3.2), and Lifeboat does not set.
pub(super) fn left_behind<'a>(
    insights: Option<&str>,
    secret: Option<&MasterUserSecret>,
    roles: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> Vec<String> {
    let insights = insights.filter(|mode| *mode == "advanced").map(|_| "Database Insights in its advanced mode".to_owned());
    let secret = secret.and_then(MasterUserSecret::secret_arn);
    let secret = secret.map(|secret| format!("a master password that RDS keeps in {secret} and rotates (its own is that of its data)"));
    let role = |(arn, feature): (Option<&str>, Option<&str>)| {
        format!(
            "the role {} for {}",
            arn.unwrap_or("without an ARN"),
            feature.filter(|name| !name.is_empty()).unwrap_or("no named feature")
        )
    };
    insights.into_iter().chain(secret).chain(roles.map(role)).collect()
}

/// A snapshot as Describe showed it.
pub(super) fn snapshot(shown: &DbSnapshot) -> Answer<ObservedSnapshot> {
    let name = shown.db_snapshot_identifier.as_deref().unwrap_or("a snapshot");
    let have = |value: &Option<String>, field: &str| mandatory(DESCRIBE_SNAPSHOTS, name, field, value.as_deref());
    Ok(ObservedSnapshot {
        shards: None,
        id: parsed(DESCRIBE_SNAPSHOTS, SnapshotId::parse(have(&shown.db_snapshot_identifier, "DBSnapshotIdentifier")?))?,
        arn: parsed(DESCRIBE_SNAPSHOTS, Arn::parse(have(&shown.db_snapshot_arn, "DBSnapshotArn")?))?,
        instance: parsed(DESCRIBE_SNAPSHOTS, DatabaseId::parse(have(&shown.db_instance_identifier, "DBInstanceIdentifier")?))?,
        resource_id: shown.dbi_resource_id.clone(),
        status: SnapshotStatus::parse(&have(&shown.status, "Status")?),
        percent: shown.percent_progress,
        created_at: time(shown.original_snapshot_create_time.as_ref()).or_else(|| time(shown.snapshot_create_time.as_ref())),
        data_time: time(shown.snapshot_database_time.as_ref()),
        kind: have(&shown.snapshot_type, "SnapshotType")?,
        tags: tags(shown.tag_list()),
    })
}

/// The window of an automated backup; none while it has no backup yet.
pub(super) fn restore_window(window: Option<&aws_sdk_rds::types::RestoreWindow>) -> Option<RestoreWindow> {
    let window = window?;
    Some(RestoreWindow { earliest: time(window.earliest_time.as_ref())?, latest: time(window.latest_time.as_ref())? })
}

fn endpoint(shown: &DbInstance) -> Option<Endpoint> {
    let endpoint = shown.endpoint.as_ref()?;
    let host = endpoint.address.clone().filter(|host| !host.is_empty())?;
    Some(Endpoint { host, port: listens_on(shown)? })
}

/// How a read replica follows; none of what is no replica.
fn replication(shown: &DbInstance) -> Option<Replication> {
    let info = shown.status_infos().iter().find(|info| info.status_type() == Some("read replication"))?;
    Some(Replication {
        status: info.status.clone().unwrap_or_default(),
        normal: info.normal.unwrap_or_default(),
        message: info.message.clone().filter(|message| !message.is_empty()),
    })
}

/// The endpoint's port; `DbInstancePort` is 0 on many instances.
fn listens_on(shown: &DbInstance) -> Option<u16> {
    let of_endpoint = shown.endpoint.as_ref().and_then(|endpoint| endpoint.port);
    of_endpoint.or(shown.db_instance_port).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

/// The port that was asked for, where RDS shows it; else the one that it listens on, which on AWS is the same.
fn configured_port(shown: &DbInstance) -> Option<u16> {
    let asked = shown.db_instance_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    asked.or_else(|| listens_on(shown))
}

/// The security groups, sorted by id.
pub(super) fn groups(shown: &[VpcSecurityGroupMembership]) -> Vec<SecurityGroup> {
    let one = |group: &VpcSecurityGroupMembership| {
        Some(SecurityGroup { id: group.vpc_security_group_id.clone()?, status: group.status.clone().unwrap_or_default() })
    };
    let mut groups: Vec<SecurityGroup> = shown.iter().filter_map(one).collect();
    groups.sort_by(|one, other| one.id.cmp(&other.id));
    groups
}

pub(super) fn tags(list: &[Tag]) -> BTreeMap<String, String> {
    list.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect()
}

pub(super) fn time(at: Option<&DateTime>) -> Option<Timestamp> {
    at.and_then(timestamp)
}

pub(super) fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

pub(super) fn mandatory(action: &str, name: &str, field: &str, value: Option<&str>) -> Answer<String> {
    let value = value.filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| invalid(action, field, format!("the answer about {name} has no {field}")))
}

pub(super) fn parsed<T>(action: &str, id: Result<T, DrError>) -> Answer<T> {
    id.map_err(|error| invalid(action, "identifier", error.message()))
}
