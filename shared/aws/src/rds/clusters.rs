//! DB clusters: Aurora and Multi-AZ. Neptune and DocumentDB answer the same calls, and are never touched.

use super::Rds;
use super::observe::{groups, left_behind, mandatory, parsed, restore_window, sorted, tags, time};
use crate::classify::call_error;
use aws_sdk_rds::types::{
    DatabaseInsightsMode, DbCluster, DbClusterMember, DbClusterSnapshot, DbInstance, Filter, ServerlessV2ScalingConfigurationInfo,
};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{
    ClusterConfiguration, Configuration, Endpoint, Member, MemberConfiguration, ObservedDatabase, ObservedSnapshot, Own, RestoreWindow,
    Scaling, SnapshotStatus, is_of_rds, status_of,
};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::words::ResourceKind;

pub(super) const DESCRIBE_CLUSTERS: &str = "rds:DescribeDBClusters";
const DESCRIBE_CLUSTER_SNAPSHOTS: &str = "rds:DescribeDBClusterSnapshots";
const DESCRIBE_CLUSTER_BACKUPS: &str = "rds:DescribeDBClusterAutomatedBackups";

impl Rds {
    /// One cluster with its members; none if it does not exist.
    pub(super) async fn cluster(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        let output = self.client.describe_db_clusters().db_cluster_identifier(id.as_str()).send().await;
        let found = match output.map_err(|error| call_error(DESCRIBE_CLUSTERS, &error)) {
            Ok(output) => output.db_clusters.unwrap_or_default().into_iter().find(is_rds),
            Err(error) if error.class == CallClass::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(found) = found else { return Ok(None) };
        let of_cluster = Filter::builder().name("db-cluster-id").values(id.as_str()).build();
        let mut items = self.client.describe_db_instances().filters(of_cluster).into_paginator().items().send();
        let mut members = Vec::new();
        while let Some(item) = items.next().await {
            members.push(item.map_err(|error| call_error(super::DESCRIBE_INSTANCES, &error))?);
        }
        observe(&found, &members).map(Some)
    }

    /// The cluster with this `DbClusterResourceId`, whatever it is called.
    pub(super) async fn cluster_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        let filter = Filter::builder().name("db-cluster-resource-id").values(resource_id).build();
        let output = self.client.describe_db_clusters().filters(filter).send().await;
        let found = match output.map_err(|error| call_error(DESCRIBE_CLUSTERS, &error)) {
            Ok(output) => output.db_clusters.unwrap_or_default().into_iter().find(is_rds),
            Err(error) if error.class == CallClass::NotFound => None,
            Err(error) => return Err(error),
        };
        match found.and_then(|found| found.db_cluster_identifier) {
            Some(name) => self.cluster(&parsed(DESCRIBE_CLUSTERS, DatabaseId::new(ResourceKind::DbCluster, name))?).await,
            None => Ok(None),
        }
    }

    /// All clusters of the Region, every page.
    pub(super) async fn clusters(&self) -> Answer<Vec<DbCluster>> {
        let mut items = self.client.describe_db_clusters().into_paginator().items().send();
        let mut clusters = Vec::new();
        while let Some(item) = items.next().await {
            clusters.push(item.map_err(|error| call_error(DESCRIBE_CLUSTERS, &error))?);
        }
        clusters.retain(is_rds);
        Ok(clusters)
    }

    /// What point-in-time recovery of a cluster can reach, dead or alive.
    pub(super) async fn cluster_restore_window(&self, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        let request = self.client.describe_db_cluster_automated_backups().db_cluster_resource_id(resource_id);
        let mut items = request.into_paginator().items().send();
        let mut newest: Option<RestoreWindow> = None;
        while let Some(item) = items.next().await {
            match item.map_err(|error| call_error(DESCRIBE_CLUSTER_BACKUPS, &error)) {
                Ok(backup) => {
                    let window = restore_window(backup.restore_window.as_ref());
                    newest = newest.into_iter().chain(window).max_by_key(|window| window.latest);
                }
                Err(error) if error.class == CallClass::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(newest)
    }

    /// Snapshots of one cluster, or of all.
    pub(super) async fn cluster_snapshots(&self, cluster: Option<&DatabaseId>, kind: Option<&str>) -> Answer<Vec<ObservedSnapshot>> {
        let request = self.client.describe_db_cluster_snapshots();
        let request =
            request.set_db_cluster_identifier(cluster.map(|id| id.as_str().to_owned())).set_snapshot_type(kind.map(str::to_owned));
        let mut items = request.into_paginator().items().send();
        let mut snapshots = Vec::new();
        while let Some(item) = items.next().await {
            match item.map_err(|error| call_error(DESCRIBE_CLUSTER_SNAPSHOTS, &error)) {
                Ok(snapshot) if snapshot.snapshot_type() == Some("awsbackup") => {}
                Ok(snapshot) if !snapshot.engine().is_none_or(is_of_rds) => {}
                Ok(snapshot) => snapshots.push(observe_snapshot(&snapshot)?),
                Err(error) if error.class == CallClass::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        Ok(snapshots)
    }
}

fn is_rds(cluster: &DbCluster) -> bool {
    cluster.engine().is_none_or(is_of_rds)
}

/// A cluster as Describe showed it, with the instances among `instances` that are its members.
pub(super) fn observe(shown: &DbCluster, instances: &[DbInstance]) -> Answer<ObservedDatabase> {
    let name = shown.db_cluster_identifier.as_deref().unwrap_or("a cluster");
    let have = |value: &Option<String>, field: &str| mandatory(DESCRIBE_CLUSTERS, name, field, value.as_deref());
    let id = have(&shown.db_cluster_identifier, "DBClusterIdentifier")?;
    let instance_of = |member: &DbClusterMember| {
        instances
            .iter()
            .find(|instance| instance.db_instance_identifier.is_some() && instance.db_instance_identifier == member.db_instance_identifier)
    };
    let mut members = Vec::new();
    for member in shown.db_cluster_members() {
        members.extend(observe_member(member, instance_of(member))?);
    }
    let vpc = shown.db_cluster_members().iter().find_map(|member| instance_of(member)?.db_subnet_group.as_ref()?.vpc_id.clone());
    let writer = members.iter().find(|member| member.is_writer);
    let (zone, parameter_status) = (writer.and_then(|writer| writer.zone.clone()), parameter_status(&members));
    Ok(ObservedDatabase {
        id: parsed(DESCRIBE_CLUSTERS, DatabaseId::new(ResourceKind::DbCluster, id))?,
        arn: parsed(DESCRIBE_CLUSTERS, Arn::parse(have(&shown.db_cluster_arn, "DBClusterArn")?))?,
        resource_id: have(&shown.db_cluster_resource_id, "DbClusterResourceId")?,
        status: status_of(&have(&shown.status, "Status")?, &members),
        endpoint: endpoint(shown),
        zone,
        secondary_zone: None,
        latest_restorable: time(shown.latest_restorable_time.as_ref()),
        created_at: time(shown.cluster_create_time.as_ref()),
        groups: groups(shown.vpc_security_groups()),
        parameter_status,
        pending: Vec::new(),
        global: shown.global_cluster_identifier.clone().filter(|global| !global.is_empty()),
        replica_of: shown.replication_source_identifier.clone().filter(|source| !source.is_empty()),
        replication: None,
        replicas: shown.read_replica_identifiers().to_vec(),
        cluster: None,
        configuration: configuration(shown, vpc, &members, &have)?,
        members,
        tags: tags(shown.tag_list()),
    })
}

/// A member that is listed, and whose instance is not shown any more, is being deleted: it is left out.
fn observe_member(member: &DbClusterMember, instance: Option<&DbInstance>) -> Answer<Option<Member>> {
    let (Some(name), Some(instance)) = (&member.db_instance_identifier, instance) else { return Ok(None) };
    Ok(Some(Member {
        id: parsed(DESCRIBE_CLUSTERS, DatabaseId::new(ResourceKind::RdsInstance, name))?,
        is_writer: member.is_cluster_writer.unwrap_or_default(),
        status: DatabaseStatus::new(instance.db_instance_status.clone().unwrap_or_default()),
        zone: instance.availability_zone.clone(),
        parameter_status: member.db_cluster_parameter_group_status.clone(),
        shard: None,
        configuration: MemberConfiguration {
            promotion_tier: member.promotion_tier.or(instance.promotion_tier).unwrap_or(1),
            class: instance.db_instance_class.clone().unwrap_or_default(),
            parameter_group: instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name.clone()),
            publicly_accessible: instance.publicly_accessible.unwrap_or_default(),
            auto_minor_version_upgrade: instance.auto_minor_version_upgrade.unwrap_or_default(),
            ca_certificate: instance.ca_certificate_identifier.clone(),
            monitoring_interval: instance.monitoring_interval.unwrap_or_default(),
            monitoring_role: instance.monitoring_role_arn.clone(),
            performance_insights: instance.performance_insights_enabled.unwrap_or_default(),
            performance_insights_key: instance.performance_insights_kms_key_id.clone(),
            performance_insights_retention_days: instance.performance_insights_retention_period,
        },
        tags: tags(instance.tag_list()),
    }))
}

/// The status of the cluster's parameter group: that of the member which is furthest from having it in force.
fn parameter_status(members: &[Member]) -> Option<String> {
    let statuses = || members.iter().filter_map(|member| member.parameter_status.as_deref());
    statuses().find(|status| *status != "in-sync").or_else(|| statuses().next()).map(str::to_owned)
}

fn configuration(
    shown: &DbCluster,
    vpc: Option<String>,
    members: &[Member],
    have: &impl Fn(&Option<String>, &str) -> Answer<String>,
) -> Answer<Configuration> {
    let engine = have(&shown.engine, "Engine")?;
    let is_aurora = engine.starts_with("aurora");
    let mut described: Vec<MemberConfiguration> = members.iter().map(|member| member.configuration.clone()).collect();
    described.sort();
    Ok(Configuration {
        class: shown.db_cluster_instance_class.clone().unwrap_or_default(),
        engine_version: have(&shown.engine_version, "EngineVersion")?,
        subnet_group: shown.db_subnet_group.clone(),
        vpc,
        security_groups: groups(shown.vpc_security_groups()).into_iter().map(|group| group.id).collect(),
        parameter_group: shown.db_cluster_parameter_group.clone(),
        multi_az: shown.multi_az.unwrap_or_default(),
        publicly_accessible: shown.publicly_accessible.unwrap_or_default(),
        port: shown.port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0),
        auto_minor_version_upgrade: shown.auto_minor_version_upgrade.unwrap_or_default(),
        copy_tags_to_snapshot: shown.copy_tags_to_snapshot.unwrap_or_default(),
        iam_authentication: shown.iam_database_authentication_enabled.unwrap_or_default(),
        log_exports: sorted(shown.enabled_cloudwatch_logs_exports().to_vec()),
        deletion_protection: shown.deletion_protection.unwrap_or_default(),
        // Aurora's volume has no size of its own: Describe says 1.
        allocated_storage: shown.allocated_storage.filter(|_| !is_aurora),
        storage_type: shown.storage_type.clone().filter(|kind| !kind.is_empty()),
        iops: shown.iops,
        storage_throughput: shown.storage_throughput,
        storage_encrypted: shown.storage_encrypted.unwrap_or_default(),
        kms_key: shown.kms_key_id.clone(),
        network_type: shown.network_type.clone(),
        backup_retention_days: shown.backup_retention_period.unwrap_or_default(),
        backup_window: shown.preferred_backup_window.clone(),
        maintenance_window: shown.preferred_maintenance_window.clone(),
        engine_lifecycle_support: shown.engine_lifecycle_support.clone(),
        monitoring_interval: shown.monitoring_interval.unwrap_or_default(),
        monitoring_role: shown.monitoring_role_arn.clone(),
        performance_insights: shown.performance_insights_enabled.unwrap_or_default(),
        performance_insights_key: shown.performance_insights_kms_key_id.clone(),
        performance_insights_retention_days: shown.performance_insights_retention_period,
        master_user: have(&shown.master_username, "MasterUsername")?,
        database: shown.database_name.clone().filter(|name| !name.is_empty()),
        left_behind: left_behind(
            shown.database_insights_mode.as_ref().map(DatabaseInsightsMode::as_str),
            shown.master_user_secret.as_ref(),
            shown.associated_roles().iter().map(|role| (role.role_arn(), role.feature_name())),
        ),
        own: Some(Own::Cluster(Box::new(ClusterConfiguration {
            engine_mode: shown.engine_mode.clone(),
            scaling: shown.serverless_v2_scaling_configuration.as_ref().and_then(scaling),
            backtrack_seconds: shown.backtrack_window.unwrap_or_default(),
            http_endpoint: shown.http_endpoint_enabled.unwrap_or_default(),
            members: described,
        }))),
        engine,
        ..Configuration::default()
    })
}

/// Capacities are halves of an ACU, from 0 to 256.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a capacity is at most 256")]
fn scaling(shown: &ServerlessV2ScalingConfigurationInfo) -> Option<Scaling> {
    let half_acus = |capacity: f64| (capacity * 2.0).round() as u32;
    Some(Scaling {
        least_half_acus: half_acus(shown.min_capacity?),
        most_half_acus: half_acus(shown.max_capacity?),
        pauses_after_seconds: shown.seconds_until_auto_pause,
    })
}

fn endpoint(shown: &DbCluster) -> Option<Endpoint> {
    let host = shown.endpoint.clone().filter(|host| !host.is_empty())?;
    let port = shown.port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)?;
    Some(Endpoint { host, port })
}

/// A cluster snapshot as Describe showed it: it does not tell its newest transaction.
fn observe_snapshot(shown: &DbClusterSnapshot) -> Answer<ObservedSnapshot> {
    let action = DESCRIBE_CLUSTER_SNAPSHOTS;
    let name = shown.db_cluster_snapshot_identifier.as_deref().unwrap_or("a cluster snapshot");
    let have = |value: &Option<String>, field: &str| mandatory(action, name, field, value.as_deref());
    let cluster = have(&shown.db_cluster_identifier, "DBClusterIdentifier")?;
    Ok(ObservedSnapshot {
        shards: None,
        id: parsed(action, SnapshotId::parse(have(&shown.db_cluster_snapshot_identifier, "DBClusterSnapshotIdentifier")?))?,
        arn: parsed(action, Arn::parse(have(&shown.db_cluster_snapshot_arn, "DBClusterSnapshotArn")?))?,
        instance: parsed(action, DatabaseId::new(ResourceKind::DbCluster, cluster))?,
        resource_id: shown.db_cluster_resource_id.clone(),
        status: SnapshotStatus::parse(&have(&shown.status, "Status")?),
        percent: shown.percent_progress,
        created_at: time(shown.snapshot_create_time.as_ref()),
        data_time: None,
        kind: have(&shown.snapshot_type, "SnapshotType")?,
        tags: tags(shown.tag_list()),
    })
}
