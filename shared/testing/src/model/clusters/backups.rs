//! The automated backups of a cluster. Its volume archives itself: no member need live.

use chrono::{DateTime, Utc};

use super::ClusterStep;
use crate::model::backups::Backup;
use crate::model::steps::Then;
use crate::model::words::RestoreWindow;
use crate::model::{ApiError, Done, Effect, Model};

pub(super) fn no_cluster_backup(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::new("DBClusterAutomatedBackupNotFoundFault", format!("Automated backup {name} not found.")) }
}

impl Model {
    /// What can be restored of a cluster, as AWS would say it at `now`.
    pub(super) fn cluster_restore_window(&self, id: &str, now: DateTime<Utc>) -> Option<RestoreWindow> {
        self.cluster_backups.get(id)?.window(now - self.settings.durations.restorable_lag)
    }

    /// Backs up a new volume. The cluster is available meanwhile.
    pub(super) fn begin_first_cluster_backup(&mut self, id: &str, at: DateTime<Utc>) {
        let Some(source) = self.clusters.get(id).map(|it| it.shown.clone()) else { return };
        let snapshot = self.settings.automated_snapshots.then(|| self.new_automated_cluster_snapshot(&source, at));
        self.cluster_backups.insert(id.to_owned(), Backup::begun(source));
        let waits: Vec<_> = snapshot.iter().map(|(_, effect)| *effect).collect();
        let step = ClusterStep::BackedUp(snapshot.map(|(name, _)| name));
        self.schedule_after(at + self.settings.durations.backing_up, waits, Then::Cluster(id.to_owned(), step));
    }

    pub(super) fn cluster_backed_up(
        &mut self,
        id: &str,
        snapshot: Option<&str>,
        at: DateTime<Utc>,
        result: &Result<(), String>,
        done: &[Done],
    ) {
        if let Some(snapshot) = snapshot {
            self.finish_cluster_snapshot(snapshot, at, result);
        }
        let data_time = done.iter().find_map(Done::image);
        if let Some(backup) = self.cluster_backups.get_mut(id) {
            backup.earliest = Some(data_time.unwrap_or(at).max(at));
        }
        self.schedule_cluster(id, at, ClusterStep::ShipLog);
    }

    /// Automated backups end: nothing can be restored to a time any more.
    pub(super) fn end_cluster_backups(&mut self, id: &str) {
        self.cluster_backups.remove(id);
        self.cluster_snapshots.retain(|_, it| it.shown.snapshot_type != "automated" || it.shown.db_cluster_resource_id != id);
    }

    pub(super) fn ship_cluster_log(&mut self, id: &str, at: DateTime<Utc>) {
        if self.clusters.contains_key(id) {
            let effect = self.effect(Effect::ShipLog { server: id.to_owned() });
            self.schedule_after(at, [effect], Then::Cluster(id.to_owned(), ClusterStep::LogShipped));
        }
    }

    pub(super) fn cluster_log_shipped(&mut self, id: &str, at: DateTime<Utc>, done: &[Done]) {
        let up_to = done.iter().find_map(|it| match it {
            Done::Shipped(time) => *time,
            _ => None,
        });
        if let (Some(backup), Some(up_to)) = (self.cluster_backups.get_mut(id), up_to) {
            backup.reaches(up_to, at - self.settings.durations.restorable_lag);
        }
        self.schedule_cluster(id, at + self.settings.durations.log_ship_interval, ClusterStep::ShipLog);
    }
}
