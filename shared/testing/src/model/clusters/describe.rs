//! The calls about clusters that only read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Cluster, ClusterAutomatedBackupsPage, DbCluster, DbClusterAutomatedBackup, DbClusterSnapshot, DbClusterSnapshotsPage, DbClustersPage,
    DescribeDbClusterAutomatedBackups, DescribeDbClusterSnapshots, DescribeDbClusters,
};
use crate::model::backups::Backup;
use crate::model::describe::check_filters;
use crate::model::{Action, ApiError, Model};

impl Action for DescribeDbClusters {
    const NAME: &'static str = "DescribeDBClusters";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = DbClustersPage;

    fn resource(&self) -> &str {
        self.db_cluster_identifier.as_deref().unwrap_or_default()
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbClustersPage, ApiError> {
        check_filters(&self.filters, &["clone-group-id", "db-cluster-id", "db-cluster-resource-id", "domain", "engine"])?;
        let mut found = match &self.db_cluster_identifier {
            Some(identifier) => vec![model.describe_cluster(&model.find_cluster(identifier)?, now)],
            None => model.clusters.keys().map(|id| model.describe_cluster(id, now)).collect(),
        };
        found.retain(|it| {
            it.as_ref().is_some_and(|it| {
                self.filters.iter().all(|filter| match filter.name.as_str() {
                    "db-cluster-id" => filter.has(&it.db_cluster_identifier) || filter.has(&it.db_cluster_arn),
                    "db-cluster-resource-id" => filter.has(&it.db_cluster_resource_id),
                    "engine" => filter.has(&it.engine),
                    _ => false,
                })
            })
        });
        let mut found: Vec<DbCluster> = found.into_iter().flatten().collect();
        found.sort_by(|one, other| one.db_cluster_identifier.cmp(&other.db_cluster_identifier));
        let (db_clusters, marker) = self.page.cut(found, |it: &DbCluster| &it.db_cluster_identifier)?;
        Ok(DbClustersPage { db_clusters, marker })
    }
}

impl Action for DescribeDbClusterSnapshots {
    const NAME: &'static str = "DescribeDBClusterSnapshots";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = DbClusterSnapshotsPage;

    fn resource(&self) -> &str {
        self.db_cluster_snapshot_identifier.as_deref().or(self.db_cluster_identifier.as_deref()).unwrap_or_default()
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<DbClusterSnapshotsPage, ApiError> {
        let mut found: Vec<DbClusterSnapshot> = match &self.db_cluster_snapshot_identifier {
            Some(name) => vec![model.cluster_snapshot(name)?.shown.clone()],
            None => model.cluster_snapshots.values().map(|snapshot| snapshot.shown.clone()).collect(),
        };
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        found.retain(|it| same(&self.db_cluster_identifier, &it.db_cluster_identifier) && same(&self.snapshot_type, &it.snapshot_type));
        let (db_cluster_snapshots, marker) = self.page.cut(found, |it: &DbClusterSnapshot| &it.db_cluster_snapshot_identifier)?;
        Ok(DbClusterSnapshotsPage { db_cluster_snapshots, marker })
    }
}

impl Action for DescribeDbClusterAutomatedBackups {
    const NAME: &'static str = "DescribeDBClusterAutomatedBackups";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = ClusterAutomatedBackupsPage;

    fn resource(&self) -> &str {
        self.db_cluster_identifier.as_deref().or(self.db_cluster_resource_id.as_deref()).unwrap_or_default()
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<ClusterAutomatedBackupsPage, ApiError> {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        let all = model.cluster_backups.iter().map(|(id, backup)| model.cluster_automated_backup(id, backup, now));
        let found: Vec<_> = all
            .filter(|it| same(&self.db_cluster_resource_id, &it.db_cluster_resource_id))
            .filter(|it| same(&self.db_cluster_identifier, &it.db_cluster_identifier))
            .collect();
        if let Some(id) = self.db_cluster_resource_id.as_deref().filter(|_| found.is_empty()) {
            return Err(super::backups::no_cluster_backup(id));
        }
        let (db_cluster_automated_backups, marker) = self.page.cut(found, |it: &DbClusterAutomatedBackup| &it.db_cluster_resource_id)?;
        Ok(ClusterAutomatedBackupsPage { db_cluster_automated_backups, marker })
    }
}

/// A cluster as it truly is, for those who stand behind the stage.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterView {
    /// What Describe shows.
    pub cluster: DbCluster,
    /// The status that is true; what Describe shows may lag.
    pub true_status: String,
    /// The `DBInstanceIdentifier` of the member that truly writes; what Describe shows may lag.
    pub writer: Option<String>,
}

impl Model {
    /// Every cluster as it truly is. No call to the API: it meets no fault.
    pub fn clusters(&self, now: DateTime<Utc>) -> Vec<ClusterView> {
        let view = |(id, it): (&String, &Cluster)| {
            let writer = it.writer.as_ref().and_then(|writer| self.instances.get(writer));
            Some(ClusterView {
                cluster: self.describe_cluster(id, now)?,
                true_status: it.status.clone(),
                writer: writer.map(|writer| writer.shown.db_instance_identifier.clone()),
            })
        };
        self.clusters.iter().filter_map(view).collect()
    }

    /// A cluster as Describe shows it.
    fn describe_cluster(&self, id: &str, now: DateTime<Utc>) -> Option<DbCluster> {
        let shown = self.clusters.get(id)?.shown.clone();
        let window = self.cluster_restore_window(id, now);
        Some(DbCluster {
            db_cluster_members: self.shown_members(id),
            earliest_restorable_time: window.as_ref().and_then(|window| window.earliest_time),
            latest_restorable_time: window.and_then(|window| window.latest_time),
            ..shown
        })
    }

    fn cluster_automated_backup(&self, id: &str, backup: &Backup<DbCluster>, now: DateTime<Utc>) -> DbClusterAutomatedBackup {
        let source = self.clusters.get(id).map_or(&backup.source, |it| &it.shown);
        let name = id.strip_prefix("cluster-").unwrap_or(id).to_lowercase();
        let status = match (backup.retained, backup.earliest) {
            (true, _) => "retained",
            (false, Some(_)) => "active",
            (false, None) => "creating",
        };
        DbClusterAutomatedBackup {
            db_cluster_arn: source.db_cluster_arn.clone(),
            db_cluster_automated_backups_arn: self.arn("cluster-auto-backup", &format!("ab-{name}")),
            db_cluster_resource_id: id.to_owned(),
            db_cluster_identifier: source.db_cluster_identifier.clone(),
            status: status.to_owned(),
            restore_window: self.cluster_restore_window(id, now),
            engine: source.engine.clone(),
            engine_version: source.engine_version.clone(),
            master_username: source.master_username.clone(),
            backup_retention_period: source.backup_retention_period,
            tag_list: source.tag_list.clone(),
        }
    }
}
