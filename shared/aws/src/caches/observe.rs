//! From ElastiCache's answers to the domain's types.

use super::{DESCRIBE, DESCRIBE_SNAPSHOTS};
use crate::classify::invalid;
use crate::time::timestamp;
use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, CacheSubnetGroup, DataTieringStatus, DestinationDetails, LogDeliveryConfiguration,
    MultiAzStatus, NodeGroup, NodeGroupMember, ReplicationGroup, Snapshot, Tag,
};
use lifeboat_domain::DrError;
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{
    CacheConfiguration, Configuration, Endpoint, LogDelivery, Member, MemberConfiguration, ObservedDatabase, ObservedSnapshot, Own,
    SecurityGroup, SnapshotStatus, cache_id, cache_node_of, cache_resource_id, cache_status_of, cache_version, groups_of_nodes,
};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

/// A group as Describe showed it, with those of `nodes` that are its own. Versions, security groups, parameter group and subnet group
/// are told by its nodes only.
pub(super) fn cache(
    shown: &ReplicationGroup,
    nodes: &[CacheCluster],
    subnet_groups: &[CacheSubnetGroup],
    tags: BTreeMap<String, String>,
) -> Answer<ObservedDatabase> {
    let name = mandatory(DESCRIBE, "ReplicationGroupId", shown.replication_group_id.as_ref())?;
    let nodes: Vec<&CacheCluster> = nodes.iter().filter(|node| node.replication_group_id() == Some(&name)).collect();
    let mut members = Vec::new();
    for shard in shown.node_groups() {
        for (place, listed) in shard.node_group_members().iter().enumerate() {
            members.push(member(shown, shard, (place, listed), &nodes)?);
        }
    }
    let made_at = shown.replication_group_create_time().and_then(timestamp);
    let groups = groups_of_nodes(nodes.iter().map(|node| groups(node)));
    let zone_of = |is_writer: bool| members.iter().find(|member| member.is_writer == is_writer).and_then(|member| member.zone.clone());
    let parameters = nodes.first().and_then(|node| node.cache_parameter_group());
    Ok(ObservedDatabase {
        id: parsed(DESCRIBE, cache_id(&name))?,
        arn: parsed(DESCRIBE, Arn::parse(mandatory(DESCRIBE, "ARN", shown.arn.as_ref())?))?,
        resource_id: cache_resource_id(&name, made_at),
        status: cache_status_of(&mandatory(DESCRIBE, "Status", shown.status.as_ref())?, &members),
        endpoint: endpoint(shown),
        zone: zone_of(true),
        secondary_zone: zone_of(false),
        latest_restorable: None,
        created_at: made_at,
        parameter_status: parameters.and_then(|group| group.parameter_apply_status.clone()),
        pending: pending(shown),
        global: None,
        replica_of: follows(shown),
        replication: None,
        replicas: Vec::new(),
        cluster: None,
        configuration: configuration(shown, nodes.first().copied(), subnet_groups, &groups),
        groups,
        members,
        tags,
    })
}

/// The global datastore that a group follows as its secondary; one that is its primary follows nobody.
fn follows(shown: &ReplicationGroup) -> Option<String> {
    let info = shown.global_replication_group_info()?;
    let is_secondary = info.global_replication_group_member_role().is_some_and(|role| role.eq_ignore_ascii_case("secondary"));
    info.global_replication_group_id.clone().filter(|_| is_secondary)
}

fn member(
    shown: &ReplicationGroup,
    shard: &NodeGroup,
    (place, listed): (usize, &NodeGroupMember),
    nodes: &[&CacheCluster],
) -> Answer<Member> {
    let name = mandatory(DESCRIBE, "CacheClusterId", listed.cache_cluster_id.as_ref())?;
    let node = nodes.iter().find(|node| node.cache_cluster_id() == Some(&name));
    let parameters = node.and_then(|node| node.cache_parameter_group());
    Ok(Member {
        id: parsed(DESCRIBE, DatabaseId::new(ResourceKind::RdsInstance, name))?,
        // With cluster mode ElastiCache does not tell the roles: the first one stands for its shard.
        is_writer: listed.current_role().map_or(place == 0, |role| role == "primary"),
        // One that is listed, and not shown as a cluster yet, is being made.
        status: DatabaseStatus::new(node.and_then(|node| node.cache_cluster_status.clone()).unwrap_or_else(|| "creating".to_owned())),
        zone: listed.preferred_availability_zone.clone(),
        tags: BTreeMap::new(),
        parameter_status: parameters.and_then(|group| group.parameter_apply_status.clone()),
        shard: shard.node_group_id.clone(),
        configuration: MemberConfiguration { class: shown.cache_node_type.clone().unwrap_or_default(), ..MemberConfiguration::default() },
    })
}

fn configuration(
    shown: &ReplicationGroup,
    node: Option<&CacheCluster>,
    subnet_groups: &[CacheSubnetGroup],
    groups: &[SecurityGroup],
) -> Configuration {
    let subnet_group = node.and_then(|node| node.cache_subnet_group_name.clone());
    let lies_in = subnet_groups.iter().find(|group| subnet_group.is_some() && group.cache_subnet_group_name == subnet_group);
    let replicas = shown.node_groups().iter().map(|shard| shard.node_group_members().len().saturating_sub(1)).max();
    let parameters = node.and_then(|node| node.cache_parameter_group());
    let topic = node.and_then(|node| node.notification_configuration());
    Configuration {
        class: shown.cache_node_type.clone().unwrap_or_default(),
        engine: shown.engine().or(node.and_then(|node| node.engine())).unwrap_or_default().to_owned(),
        engine_version: node.and_then(|node| node.engine_version()).map(cache_version).unwrap_or_default(),
        vpc: lies_in.and_then(|group| group.vpc_id.clone()),
        subnet_group,
        security_groups: groups.iter().map(|group| group.id.clone()).collect(),
        parameter_group: parameters.and_then(|group| group.cache_parameter_group_name.clone()),
        multi_az: shown.multi_az() == Some(&MultiAzStatus::Enabled),
        port: endpoint(shown).map(|endpoint| endpoint.port),
        auto_minor_version_upgrade: shown.auto_minor_version_upgrade.unwrap_or_default(),
        storage_encrypted: shown.at_rest_encryption_enabled.unwrap_or_default(),
        kms_key: shown.kms_key_id.clone(),
        network_type: shown.network_type().map(|kind| kind.as_str().to_owned()),
        backup_retention_days: shown.snapshot_retention_limit.unwrap_or_default(),
        backup_window: shown.snapshot_window.clone(),
        maintenance_window: node.and_then(|node| node.preferred_maintenance_window.clone()),
        own: Some(Own::Cache(Box::new(CacheConfiguration {
            cluster_mode: shown.cluster_enabled.unwrap_or_default(),
            shards: i32::try_from(shown.node_groups().len()).unwrap_or(1).max(1),
            replicas_per_shard: replicas.and_then(|replicas| i32::try_from(replicas).ok()).unwrap_or_default(),
            automatic_failover: matches!(
                shown.automatic_failover(),
                Some(AutomaticFailoverStatus::Enabled | AutomaticFailoverStatus::Enabling)
            ),
            transit_encryption: shown.transit_encryption_enabled.unwrap_or_default(),
            transit_encryption_mode: shown.transit_encryption_mode().map(|mode| mode.as_str().to_owned()),
            auth_token: shown.auth_token_enabled.unwrap_or_default(),
            user_groups: sorted(shown.user_group_ids().to_vec()),
            data_tiering: shown.data_tiering() == Some(&DataTieringStatus::Enabled),
            global: shown.global_replication_group_info().and_then(|info| info.global_replication_group_id.clone()),
            topic: topic.and_then(|topic| topic.topic_arn.clone()),
            ip_discovery: shown.ip_discovery().map(|kind| kind.as_str().to_owned()),
            logs: sorted(shown.log_delivery_configurations().iter().filter_map(log).collect()),
        }))),
        ..Configuration::default()
    }
}

fn log(shown: &LogDeliveryConfiguration) -> Option<LogDelivery> {
    let destination = shown.destination_details().and_then(destination)?;
    Some(LogDelivery {
        log_type: shown.log_type()?.as_str().to_owned(),
        destination_type: shown.destination_type()?.as_str().to_owned(),
        destination,
        format: shown.log_format()?.as_str().to_owned(),
    })
}

fn destination(details: &DestinationDetails) -> Option<String> {
    let group = details.cloud_watch_logs_details().and_then(|details| details.log_group.clone());
    group.or_else(|| details.kinesis_firehose_details()?.delivery_stream.clone())
}

/// With cluster mode the configuration endpoint, else the primary's.
fn endpoint(shown: &ReplicationGroup) -> Option<Endpoint> {
    let primary = || shown.node_groups().first()?.primary_endpoint();
    let found = shown.configuration_endpoint().or_else(primary)?;
    let host = found.address.clone().filter(|host| !host.is_empty())?;
    Some(Endpoint { host, port: found.port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)? })
}

/// What is changed later only.
fn pending(shown: &ReplicationGroup) -> Vec<String> {
    let Some(pending) = shown.pending_modified_values() else { return Vec::new() };
    let names = [
        (pending.primary_cluster_id.is_some(), "PrimaryClusterId"),
        (pending.automatic_failover_status.is_some(), "AutomaticFailoverStatus"),
        (pending.resharding.is_some(), "Resharding"),
        (pending.auth_token_status.is_some(), "AuthTokenStatus"),
        (pending.user_groups.is_some(), "UserGroups"),
        (pending.log_delivery_configurations.as_ref().is_some_and(|logs| !logs.is_empty()), "LogDeliveryConfigurations"),
        (pending.transit_encryption_enabled.is_some(), "TransitEncryptionEnabled"),
        (pending.transit_encryption_mode.is_some(), "TransitEncryptionMode"),
        (pending.cluster_mode.is_some(), "ClusterMode"),
    ];
    names.into_iter().filter(|(is_pending, _)| *is_pending).map(|(_, name)| name.to_owned()).collect()
}

fn groups(node: &CacheCluster) -> Vec<SecurityGroup> {
    let one = |group: &aws_sdk_elasticache::types::SecurityGroupMembership| {
        Some(SecurityGroup { id: group.security_group_id.clone()?, status: group.status.clone().unwrap_or_default() })
    };
    node.security_groups().iter().filter_map(one).collect()
}

/// Whose snapshot it is: without cluster mode it may tell the node only.
pub(super) fn cache_of(shown: &Snapshot) -> Option<DatabaseId> {
    let group = shown.replication_group_id().filter(|group| !group.is_empty());
    match group {
        Some(group) => cache_id(group).ok(),
        None => cache_node_of(shown.cache_cluster_id()?),
    }
}

/// A snapshot as Describe showed it: its data is as old as its oldest part.
pub(super) fn snapshot(shown: &Snapshot, of: DatabaseId, tags: BTreeMap<String, String>) -> Answer<ObservedSnapshot> {
    let taken = shown.node_snapshots().iter().filter_map(|part| part.snapshot_create_time().and_then(timestamp)).min();
    Ok(ObservedSnapshot {
        shards: shown.num_node_groups,
        id: parsed(DESCRIBE_SNAPSHOTS, SnapshotId::parse(mandatory(DESCRIBE_SNAPSHOTS, "SnapshotName", shown.snapshot_name.as_ref())?))?,
        arn: parsed(DESCRIBE_SNAPSHOTS, Arn::parse(mandatory(DESCRIBE_SNAPSHOTS, "ARN", shown.arn.as_ref())?))?,
        instance: of,
        resource_id: None,
        status: SnapshotStatus::parse(&mandatory(DESCRIBE_SNAPSHOTS, "SnapshotStatus", shown.snapshot_status.as_ref())?),
        percent: None,
        created_at: taken,
        data_time: taken,
        kind: shown.snapshot_source.clone().unwrap_or_default(),
        tags,
    })
}

pub(super) fn tags(list: &[Tag]) -> BTreeMap<String, String> {
    list.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

fn mandatory(action: &str, field: &str, value: Option<&String>) -> Answer<String> {
    let value = value.filter(|value| !value.is_empty());
    value.cloned().ok_or_else(|| invalid(action, field, format!("the answer has no {field}")))
}

fn parsed<T>(action: &str, id: Result<T, DrError>) -> Answer<T> {
    id.map_err(|error| invalid(action, "identifier", error.message()))
}
