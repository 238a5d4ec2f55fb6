//! Replication groups as `shared/aws/src/caches` reads them.

use super::{parsed, tags};
use crate::model::{CacheCluster, CacheSnapshot, CacheSubnetGroup, ReplicationGroup, Tag};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{
    CacheConfiguration, Configuration, Endpoint, LogDelivery, Member, MemberConfiguration, ObservedDatabase, ObservedSnapshot, Own,
    SecurityGroup, SnapshotStatus, cache_id, cache_node_of, cache_resource_id, cache_status_of, cache_version, groups_of_nodes,
};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

pub(in crate::memory) use lifeboat_domain::observed::cache_of_resource_id;

/// A group, with what its nodes show.
pub(in crate::memory) fn cache(
    shown: &ReplicationGroup,
    nodes: &[CacheCluster],
    subnet_groups: &[CacheSubnetGroup],
    tag_list: &[Tag],
) -> Answer<ObservedDatabase> {
    let nodes: Vec<&CacheCluster> = nodes.iter().filter(|node| node.replication_group_id == shown.replication_group_id).collect();
    let mut members = Vec::new();
    for shard in &shown.node_groups {
        for (place, listed) in shard.node_group_members.iter().enumerate() {
            let node = nodes.iter().find(|node| node.cache_cluster_id == listed.cache_cluster_id);
            members.push(Member {
                id: parsed(DatabaseId::new(ResourceKind::RdsInstance, listed.cache_cluster_id.clone()))?,
                // With cluster mode ElastiCache does not tell the roles: the first one stands for its shard.
                is_writer: listed.current_role.as_ref().map_or(place == 0, |role| role == "primary"),
                status: DatabaseStatus::new(node.map_or("creating", |node| &node.cache_cluster_status)),
                zone: Some(listed.preferred_availability_zone.clone()),
                tags: BTreeMap::new(),
                parameter_status: node.map(|node| node.cache_parameter_group.parameter_apply_status.clone()),
                shard: Some(shard.node_group_id.clone()),
                configuration: MemberConfiguration { class: shown.cache_node_type.clone(), ..MemberConfiguration::default() },
            });
        }
    }
    let endpoint = shown.configuration_endpoint.as_ref().or_else(|| shown.node_groups.first()?.primary_endpoint.as_ref());
    let group =
        |shown: &crate::model::SecurityGroupMembership| SecurityGroup { id: shown.security_group_id.clone(), status: shown.status.clone() };
    let groups = groups_of_nodes(nodes.iter().map(|node| node.security_groups.iter().map(group).collect()));
    let zone_of = |is_writer: bool| members.iter().find(|member| member.is_writer == is_writer).and_then(|member| member.zone.clone());
    let global = shown.global_replication_group_info.as_ref();
    Ok(ObservedDatabase {
        id: parsed(cache_id(&shown.replication_group_id))?,
        arn: parsed(Arn::parse(shown.arn.clone()))?,
        resource_id: cache_resource_id(&shown.replication_group_id, shown.replication_group_create_time),
        status: cache_status_of(&shown.status, &members),
        endpoint: endpoint.map(|endpoint| Endpoint { host: endpoint.address.clone(), port: endpoint.port }),
        zone: zone_of(true),
        secondary_zone: zone_of(false),
        latest_restorable: None,
        created_at: shown.replication_group_create_time,
        parameter_status: nodes.first().map(|node| node.cache_parameter_group.parameter_apply_status.clone()),
        pending: Vec::new(),
        global: None,
        replica_of: global
            .filter(|info| info.global_replication_group_member_role == "SECONDARY")
            .map(|info| info.global_replication_group_id.clone()),
        replication: None,
        replicas: Vec::new(),
        cluster: None,
        configuration: configuration(shown, nodes.first().copied(), subnet_groups, &groups),
        groups,
        members,
        tags: tags(tag_list),
    })
}

fn configuration(
    shown: &ReplicationGroup,
    node: Option<&CacheCluster>,
    subnet_groups: &[CacheSubnetGroup],
    groups: &[SecurityGroup],
) -> Configuration {
    let subnet_group = node.map(|node| node.cache_subnet_group_name.clone());
    let vpc = subnet_groups.iter().find(|group| Some(&group.cache_subnet_group_name) == subnet_group.as_ref());
    let shards = i32::try_from(shown.node_groups.len()).unwrap_or(1);
    let replicas = shown.node_groups.iter().map(|shard| shard.node_group_members.len().saturating_sub(1)).max().unwrap_or(0);
    let mut user_groups = shown.user_group_ids.clone();
    user_groups.sort();
    let log = |log: &crate::model::LogDeliveryConfiguration| LogDelivery {
        log_type: log.log_type.clone(),
        destination_type: log.destination_type.clone(),
        destination: log.destination.clone(),
        format: log.log_format.clone(),
    };
    Configuration {
        class: shown.cache_node_type.clone(),
        engine: shown.engine.clone(),
        engine_version: node.map(|node| cache_version(&node.engine_version)).unwrap_or_default(),
        vpc: vpc.map(|group| group.vpc_id.clone()),
        subnet_group,
        security_groups: groups.iter().map(|group| group.id.clone()).collect(),
        parameter_group: node.map(|node| node.cache_parameter_group.cache_parameter_group_name.clone()),
        multi_az: shown.multi_az == "enabled",
        port: node.and_then(|node| node.cache_nodes.first()).map(|node| node.endpoint.port),
        auto_minor_version_upgrade: shown.auto_minor_version_upgrade,
        storage_encrypted: shown.at_rest_encryption_enabled,
        kms_key: shown.kms_key_id.clone(),
        network_type: Some(shown.network_type.clone()),
        backup_retention_days: shown.snapshot_retention_limit,
        backup_window: Some(shown.snapshot_window.clone()),
        maintenance_window: node.map(|node| node.preferred_maintenance_window.clone()),
        own: Some(Own::Cache(Box::new(CacheConfiguration {
            cluster_mode: shown.cluster_enabled,
            shards,
            replicas_per_shard: i32::try_from(replicas).unwrap_or(0),
            automatic_failover: matches!(shown.automatic_failover.as_str(), "enabled" | "enabling"),
            transit_encryption: shown.transit_encryption_enabled,
            transit_encryption_mode: shown.transit_encryption_mode.clone(),
            auth_token: shown.auth_token_enabled,
            user_groups,
            data_tiering: shown.data_tiering == "enabled",
            global: shown.global_replication_group_info.as_ref().map(|info| info.global_replication_group_id.clone()),
            topic: node.and_then(|node| node.notification_configuration.as_ref()).map(|topic| topic.topic_arn.clone()),
            ip_discovery: Some(shown.ip_discovery.clone()),
            logs: shown.log_delivery_configurations.iter().map(log).collect(),
        }))),
        ..Configuration::default()
    }
}

/// Whose snapshot it is: without cluster mode it tells the node only.
pub(in crate::memory) fn cache_of_snapshot(shown: &CacheSnapshot) -> Option<DatabaseId> {
    match (&shown.replication_group_id, &shown.cache_cluster_id) {
        (Some(group), _) => cache_id(group).ok(),
        (None, node) => cache_node_of(node.as_deref()?),
    }
}

/// A snapshot; its data is as old as its oldest part.
pub(in crate::memory) fn cache_snapshot(shown: &CacheSnapshot, of: DatabaseId, tag_list: &[Tag]) -> Answer<ObservedSnapshot> {
    let taken = shown.node_snapshots.iter().filter_map(|part| part.snapshot_create_time).min();
    Ok(ObservedSnapshot {
        shards: Some(shown.num_node_groups),
        id: parsed(SnapshotId::parse(shown.snapshot_name.clone()))?,
        arn: parsed(Arn::parse(shown.arn.clone()))?,
        instance: of,
        resource_id: None,
        status: SnapshotStatus::parse(&shown.snapshot_status),
        percent: None,
        created_at: taken,
        data_time: taken,
        kind: shown.snapshot_source.clone(),
        tags: tags(tag_list),
    })
}
