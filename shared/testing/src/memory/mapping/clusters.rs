//! Clusters as `shared/aws/src/rds/clusters.rs` reads them.

use super::{groups, parsed, tags};
use crate::model::{DbCluster, DbClusterMember, DbClusterSnapshot, DbInstance};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{
    ClusterConfiguration, Configuration, Endpoint, Member, MemberConfiguration, ObservedDatabase, ObservedSnapshot, Own, Scaling,
    SnapshotStatus, status_of,
};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::words::ResourceKind;

/// A cluster, with the instances among `instances` that are its members.
pub(in crate::memory) fn cluster(shown: &DbCluster, instances: &[DbInstance]) -> Answer<ObservedDatabase> {
    let instance_of = |member: &DbClusterMember| instances.iter().find(|it| it.db_instance_identifier == member.db_instance_identifier);
    let mut members = Vec::new();
    for listed in &shown.db_cluster_members {
        if let Some(instance) = instance_of(listed) {
            members.push(member(listed, instance)?);
        }
    }
    let vpc = shown.db_cluster_members.iter().find_map(|listed| Some(instance_of(listed)?.db_subnet_group.vpc_id.clone()));
    let statuses = || members.iter().filter_map(|member| member.parameter_status.clone());
    let port = u16::try_from(shown.port).ok().filter(|port| *port > 0);
    Ok(ObservedDatabase {
        id: parsed(DatabaseId::new(ResourceKind::DbCluster, shown.db_cluster_identifier.clone()))?,
        arn: parsed(Arn::parse(shown.db_cluster_arn.clone()))?,
        resource_id: shown.db_cluster_resource_id.clone(),
        status: status_of(&shown.status, &members),
        endpoint: port.map(|port| Endpoint { host: shown.endpoint.clone(), port }),
        zone: members.iter().find(|member| member.is_writer).and_then(|writer| writer.zone.clone()),
        secondary_zone: None,
        latest_restorable: shown.latest_restorable_time,
        created_at: shown.cluster_create_time,
        groups: groups(&shown.vpc_security_groups),
        parameter_status: statuses().find(|status| status != "in-sync").or_else(|| statuses().next()),
        pending: Vec::new(),
        global: None,
        replica_of: shown.replication_source_identifier.clone(),
        replication: None,
        replicas: Vec::new(),
        cluster: None,
        configuration: configuration(shown, vpc, &members),
        members,
        tags: tags(&shown.tag_list),
    })
}

fn member(listed: &DbClusterMember, instance: &DbInstance) -> Answer<Member> {
    Ok(Member {
        id: parsed(DatabaseId::new(ResourceKind::RdsInstance, instance.db_instance_identifier.clone()))?,
        is_writer: listed.is_cluster_writer,
        status: DatabaseStatus::new(instance.db_instance_status.clone()),
        zone: Some(instance.availability_zone.clone()),
        parameter_status: Some(listed.db_cluster_parameter_group_status.clone()),
        shard: None,
        configuration: MemberConfiguration {
            promotion_tier: listed.promotion_tier,
            class: instance.db_instance_class.clone(),
            parameter_group: instance.db_parameter_groups.first().map(|group| group.db_parameter_group_name.clone()),
            publicly_accessible: instance.publicly_accessible,
            auto_minor_version_upgrade: instance.auto_minor_version_upgrade,
            ca_certificate: Some(instance.ca_certificate_identifier.clone()),
            monitoring_interval: instance.monitoring_interval,
            monitoring_role: instance.monitoring_role_arn.clone(),
            performance_insights: instance.performance_insights_enabled,
            performance_insights_key: instance.performance_insights_kms_key_id.clone(),
            performance_insights_retention_days: instance.performance_insights_retention_period,
        },
        tags: tags(&instance.tag_list),
    })
}

fn configuration(shown: &DbCluster, vpc: Option<String>, members: &[Member]) -> Configuration {
    let mut described: Vec<MemberConfiguration> = members.iter().map(|member| member.configuration.clone()).collect();
    described.sort();
    let mut log_exports = shown.enabled_cloudwatch_logs_exports.clone();
    log_exports.sort();
    Configuration {
        class: shown.db_cluster_instance_class.clone().unwrap_or_default(),
        engine: shown.engine.clone(),
        engine_version: shown.engine_version.clone(),
        subnet_group: Some(shown.db_subnet_group.clone()),
        vpc,
        security_groups: groups(&shown.vpc_security_groups).into_iter().map(|group| group.id).collect(),
        parameter_group: Some(shown.db_cluster_parameter_group.clone()),
        multi_az: shown.multi_az,
        publicly_accessible: shown.publicly_accessible.unwrap_or_default(),
        port: u16::try_from(shown.port).ok().filter(|port| *port > 0),
        auto_minor_version_upgrade: shown.auto_minor_version_upgrade,
        copy_tags_to_snapshot: shown.copy_tags_to_snapshot,
        iam_authentication: shown.iam_database_authentication_enabled,
        log_exports,
        deletion_protection: shown.deletion_protection,
        allocated_storage: (!shown.is_aurora()).then_some(shown.allocated_storage),
        storage_type: Some(shown.storage_type.clone()),
        iops: shown.iops,
        storage_encrypted: shown.storage_encrypted,
        kms_key: shown.kms_key_id.clone(),
        network_type: Some(shown.network_type.clone()),
        backup_retention_days: shown.backup_retention_period,
        backup_window: Some(shown.preferred_backup_window.clone()),
        maintenance_window: Some(shown.preferred_maintenance_window.clone()),
        engine_lifecycle_support: Some(shown.engine_lifecycle_support.clone()),
        master_user: shown.master_username.clone(),
        database: shown.database_name.clone(),
        own: Some(Own::Cluster(Box::new(ClusterConfiguration {
            engine_mode: Some(shown.engine_mode.clone()),
            scaling: shown.serverless_v2_scaling_configuration.as_ref().map(|scaling| Scaling {
                least_half_acus: scaling.min_capacity_halves,
                most_half_acus: scaling.max_capacity_halves,
                pauses_after_seconds: scaling.seconds_until_auto_pause,
            }),
            backtrack_seconds: shown.backtrack_window,
            http_endpoint: shown.http_endpoint_enabled,
            members: described,
        }))),
        ..Configuration::default()
    }
}

/// A cluster snapshot: it does not tell its newest transaction.
pub(in crate::memory) fn cluster_snapshot(shown: &DbClusterSnapshot) -> Answer<ObservedSnapshot> {
    Ok(ObservedSnapshot {
        shards: None,
        id: parsed(SnapshotId::parse(shown.db_cluster_snapshot_identifier.clone()))?,
        arn: parsed(Arn::parse(shown.db_cluster_snapshot_arn.clone()))?,
        instance: parsed(DatabaseId::new(ResourceKind::DbCluster, shown.db_cluster_identifier.clone()))?,
        resource_id: Some(shown.db_cluster_resource_id.clone()),
        status: SnapshotStatus::parse(&shown.status),
        percent: Some(shown.percent_progress),
        created_at: shown.snapshot_create_time,
        data_time: None,
        kind: shown.snapshot_type.clone(),
        tags: tags(&shown.tag_list),
    })
}
