//! The ports of the control plane, for DB clusters.

use super::caches::is_cache;
use super::{Cloud, mapping};
use crate::model::{
    ClusterConfig, CreateDbClusterMember, CreateDbClusterSnapshot, DbInstance, DeleteDbCluster, DeleteDbInstance,
    DescribeDbClusterAutomatedBackups, DescribeDbClusterSnapshots, DescribeDbClusters, DescribeDbInstances, EnableHttpEndpoint,
    FailoverDbCluster, FailoverGlobalReplicationGroup, Filter, ModifyDbCluster, PromoteReadReplicaDbCluster, RestoreDbClusterFromSnapshot,
    RestoreDbClusterToPointInTime, ServerlessV2Scaling,
};
use chrono::{DateTime, SubsecRound, Utc};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{DatabaseId, SnapshotId};
use lifeboat_domain::observed::{MemberConfiguration, ObservedDatabase, ObservedSnapshot, RestoreWindow, is_of_rds};
use lifeboat_domain::plan::{LateSettings, RestoreSettings};
use lifeboat_domain::ports::{Answer, CloneClusters, FailClustersOver, MakeMembers, TakeOver};
use lifeboat_domain::status::StatusMeaning;
use std::collections::BTreeMap;

const DESCRIBE: &str = "rds:DescribeDBClusters";
const MODIFY: &str = "rds:ModifyDBCluster";

/// Everything that both restore calls accept, as `shared/aws` sends it.
fn told(settings: &RestoreSettings) -> ClusterConfig {
    let it = &settings.configuration;
    let cluster = it.cluster().cloned().unwrap_or_default();
    let scaling = |told: lifeboat_domain::observed::Scaling| ServerlessV2Scaling {
        min_capacity_halves: told.least_half_acus,
        max_capacity_halves: told.most_half_acus,
        seconds_until_auto_pause: told.pauses_after_seconds,
    };
    let class = Some(it.class.clone()).filter(|class| !class.is_empty());
    ClusterConfig {
        db_subnet_group_name: it.subnet_group.clone(),
        vpc_security_group_ids: (!it.security_groups.is_empty()).then(|| it.security_groups.clone()),
        db_cluster_parameter_group_name: it.parameter_group.clone(),
        port: it.port.map(i32::from),
        engine_mode: cluster.engine_mode.clone().filter(|_| class.is_none()),
        network_type: it.network_type.clone(),
        storage_type: it.storage_type.clone(),
        deletion_protection: None,
        enable_iam_database_authentication: it.iam_authentication.then_some(true),
        enable_cloudwatch_logs_exports: (!it.log_exports.is_empty()).then(|| it.log_exports.clone()),
        backtrack_window: (cluster.backtrack_seconds > 0).then_some(cluster.backtrack_seconds),
        copy_tags_to_snapshot: Some(it.copy_tags_to_snapshot),
        serverless_v2_scaling_configuration: cluster.scaling.map(scaling),
        backup_retention_period: Some(it.backup_retention_days),
        preferred_backup_window: it.backup_window.clone(),
        engine_lifecycle_support: it.engine_lifecycle_support.clone(),
        iops: it.iops.filter(|_| class.is_some()),
        publicly_accessible: class.is_some().then_some(it.publicly_accessible),
        db_cluster_instance_class: class,
        tags: Some(mapping::list(&settings.tags)),
    }
}

fn has_http_endpoint(found: &ObservedDatabase) -> bool {
    found.configuration.cluster().is_some_and(|cluster| cluster.http_endpoint)
}

impl Cloud {
    pub(super) fn cluster(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        let shown = match self.rds(DESCRIBE, &DescribeDbClusters::of(id.as_str())) {
            Ok(page) => page.db_clusters.into_iter().find(|shown| is_of_rds(&shown.engine)),
            Err(error) if error.class == CallClass::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(shown) = shown else { return Ok(None) };
        let filter = Filter { name: "db-cluster-id".to_owned(), values: vec![id.to_string()] };
        let members =
            self.rds("rds:DescribeDBInstances", &DescribeDbInstances { filters: vec![filter], ..DescribeDbInstances::default() })?;
        mapping::cluster(&shown, &members.db_instances).map(Some)
    }

    /// The cluster with this `DbClusterResourceId`, whatever it is called.
    pub(super) fn cluster_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        let filter = Filter { name: "db-cluster-resource-id".to_owned(), values: vec![resource_id.to_owned()] };
        let page = self.rds(DESCRIBE, &DescribeDbClusters { filters: vec![filter], ..DescribeDbClusters::default() })?;
        match page.db_clusters.first() {
            Some(shown) => self.cluster(&mapping::cluster(shown, &[])?.id),
            None => Ok(None),
        }
    }

    /// All clusters, with the instances among `instances` that are their members.
    pub(super) fn clusters(&self, instances: &[DbInstance]) -> Answer<Vec<ObservedDatabase>> {
        let (mut request, mut found) = (DescribeDbClusters::default(), Vec::new());
        loop {
            let page = self.rds(DESCRIBE, &request)?;
            found.extend(page.db_clusters);
            request.page.marker = page.marker;
            if request.page.marker.is_none() {
                let found = found.iter().filter(|shown| is_of_rds(&shown.engine));
                return found.map(|shown| mapping::cluster(shown, instances)).collect();
            }
        }
    }

    pub(super) fn cluster_restore_window(&self, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        let request = DescribeDbClusterAutomatedBackups {
            db_cluster_resource_id: Some(resource_id.to_owned()),
            ..DescribeDbClusterAutomatedBackups::default()
        };
        let page = match self.rds("rds:DescribeDBClusterAutomatedBackups", &request) {
            Ok(page) => page,
            Err(error) if error.class == CallClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let window = page.db_cluster_automated_backups.first().and_then(|backup| backup.restore_window.clone());
        Ok(window.and_then(|window| Some(RestoreWindow { earliest: window.earliest_time?, latest: window.latest_time? })))
    }

    /// Snapshots of one cluster, or of all.
    pub(super) fn cluster_snapshots(&self, cluster: Option<&DatabaseId>, kind: Option<&str>) -> Answer<Vec<ObservedSnapshot>> {
        let mut request = DescribeDbClusterSnapshots {
            db_cluster_identifier: cluster.map(ToString::to_string),
            snapshot_type: kind.map(str::to_owned),
            ..DescribeDbClusterSnapshots::default()
        };
        let mut found = Vec::new();
        loop {
            let page = self.rds("rds:DescribeDBClusterSnapshots", &request)?;
            found.extend(page.db_cluster_snapshots);
            request.page.marker = page.marker;
            if request.page.marker.is_none() {
                return found.iter().filter(|shown| is_of_rds(&shown.engine)).map(mapping::cluster_snapshot).collect();
            }
        }
    }

    pub(super) fn create_cluster_snapshot(
        &self,
        cluster: &DatabaseId,
        snapshot: &SnapshotId,
        tags: &BTreeMap<String, String>,
    ) -> Answer<()> {
        let tags = Some(mapping::list(tags));
        let request = CreateDbClusterSnapshot { tags, ..CreateDbClusterSnapshot::of(cluster.as_str(), snapshot.as_str()) };
        self.rds("rds:CreateDBClusterSnapshot", &request).map(|_| ())
    }

    pub(super) fn restore_cluster_from_snapshot(
        &self,
        snapshot: &SnapshotId,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        let request = RestoreDbClusterFromSnapshot {
            db_cluster_identifier: target.to_string(),
            snapshot_identifier: snapshot.to_string(),
            engine: settings.configuration.engine.clone(),
            engine_version: Some(settings.configuration.engine_version.clone()),
            config: told(settings),
        };
        self.rds("rds:RestoreDBClusterFromSnapshot", &request).map(|_| ())
    }

    pub(super) fn restore_cluster_to_point_in_time(
        &self,
        source: &str,
        at: Option<DateTime<Utc>>,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        let request = RestoreDbClusterToPointInTime {
            db_cluster_identifier: target.to_string(),
            source_db_cluster_resource_id: Some(source.to_owned()),
            restore_to_time: at.map(|at| at.trunc_subsecs(0)),
            use_latest_restorable_time: at.is_none().then_some(true),
            config: told(settings),
            ..RestoreDbClusterToPointInTime::default()
        };
        self.rds("rds:RestoreDBClusterToPointInTime", &request).map(|_| ())
    }

    pub(super) fn modify_cluster(&self, cluster: &DatabaseId, change: impl FnOnce(&mut ModifyDbCluster)) -> Answer<()> {
        let mut request = ModifyDbCluster::now(cluster.as_str());
        change(&mut request);
        self.rds(MODIFY, &request).map(|_| ())
    }

    /// Its members first, as `shared/aws` does.
    pub(super) fn delete_cluster(&self, cluster: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        let Some(found) = self.cluster(cluster)? else { return Ok(()) };
        let is_aurora = found.configuration.class.is_empty();
        for member in found.members.iter().filter(|member| is_aurora && member.status.meaning() != StatusMeaning::Deleting) {
            let name = member.id.to_string();
            let request = DeleteDbInstance { db_instance_identifier: name, skip_final_snapshot: Some(true), ..DeleteDbInstance::default() };
            self.rds("rds:DeleteDBInstance", &request)?;
        }
        let request = DeleteDbCluster {
            db_cluster_identifier: cluster.to_string(),
            skip_final_snapshot: Some(final_snapshot.is_none()),
            final_db_snapshot_identifier: final_snapshot.map(ToString::to_string),
            delete_automated_backups: Some(false),
        };
        self.rds("rds:DeleteDBCluster", &request).map(|_| ())
    }

    pub(super) fn set_late_cluster_settings(&self, cluster: &DatabaseId, settings: &LateSettings) -> Answer<()> {
        if let Some(found) = self.cluster(cluster)?.filter(|found| settings.http_endpoint && !has_http_endpoint(found)) {
            self.rds("rds:EnableHttpEndpoint", &EnableHttpEndpoint { resource_arn: found.arn.to_string() })?;
        }
        if settings.maintenance_window.is_none() && !settings.deletion_protection {
            return Ok(());
        }
        self.modify_cluster(cluster, |request| {
            request.preferred_maintenance_window.clone_from(&settings.maintenance_window);
            request.deletion_protection = settings.deletion_protection.then_some(true);
        })
    }
}

impl CloneClusters for Cloud {
    async fn clone_cluster(&self, source: &DatabaseId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()> {
        let request = RestoreDbClusterToPointInTime {
            db_cluster_identifier: target.to_string(),
            source_db_cluster_identifier: Some(source.to_string()),
            restore_type: Some("copy-on-write".to_owned()),
            use_latest_restorable_time: Some(true),
            config: told(settings),
            ..RestoreDbClusterToPointInTime::default()
        };
        self.rds("rds:RestoreDBClusterToPointInTime", &request).map(|_| ())
    }
}

impl MakeMembers for Cloud {
    async fn make_member(
        &self,
        member: &DatabaseId,
        cluster: &DatabaseId,
        engine: &str,
        told: &MemberConfiguration,
        tags: &BTreeMap<String, String>,
    ) -> Answer<()> {
        let request = CreateDbClusterMember {
            db_instance_identifier: member.to_string(),
            db_cluster_identifier: cluster.to_string(),
            engine: engine.to_owned(),
            db_instance_class: Some(told.class.clone()),
            promotion_tier: Some(told.promotion_tier),
            availability_zone: None,
            db_parameter_group_name: told.parameter_group.clone(),
            publicly_accessible: Some(told.publicly_accessible),
            auto_minor_version_upgrade: Some(told.auto_minor_version_upgrade),
            ca_certificate_identifier: told.ca_certificate.clone(),
            monitoring_interval: (told.monitoring_interval > 0).then_some(told.monitoring_interval),
            monitoring_role_arn: told.monitoring_role.clone(),
            enable_performance_insights: told.performance_insights.then_some(true),
            performance_insights_kms_key_id: told.performance_insights_key.clone(),
            performance_insights_retention_period: told.performance_insights_retention_days,
            tags: Some(mapping::list(tags)),
        };
        self.rds("rds:CreateDBInstance", &request).map(|_| ())
    }
}

impl FailClustersOver for Cloud {
    async fn fail_cluster_over(&self, cluster: &DatabaseId, to: Option<&DatabaseId>) -> Answer<()> {
        let request =
            FailoverDbCluster { db_cluster_identifier: cluster.to_string(), target_db_instance_identifier: to.map(ToString::to_string) };
        self.rds("rds:FailoverDBCluster", &request).map(|_| ())
    }
}

impl TakeOver for Cloud {
    async fn take_over(&self, member: &DatabaseId, follows: &str, region: &str) -> Answer<()> {
        if is_cache(member) {
            let request = FailoverGlobalReplicationGroup {
                global_replication_group_id: follows.to_owned(),
                primary_region: region.to_owned(),
                primary_replication_group_id: member.to_string(),
            };
            return self.rds("elasticache:FailoverGlobalReplicationGroup", &request).map(|_| ());
        }
        let request = PromoteReadReplicaDbCluster { db_cluster_identifier: member.to_string() };
        self.rds("rds:PromoteReadReplicaDBCluster", &request).map(|_| ())
    }
}
