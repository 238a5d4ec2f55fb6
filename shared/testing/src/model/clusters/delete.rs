//! `DeleteDBCluster`, and `DeleteDBInstance` of a member.

use chrono::{DateTime, Utc};

use super::{ClusterStep, DbCluster, DeleteDbCluster, cluster_state, no_cluster};
use crate::model::events;
use crate::model::steps::Then;
use crate::model::words::DbInstance;
use crate::model::{Action, ApiError, DeleteDbInstance, Effect, Model, names};

impl Action for DeleteDbCluster {
    const NAME: &'static str = "DeleteDBCluster";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        let id = model.find_cluster(&self.db_cluster_identifier)?;
        let it = model.cluster(&self.db_cluster_identifier)?;
        if it.status == "deleting" {
            return Err(cluster_state(format!("DB cluster {} is already being deleted.", self.db_cluster_identifier)));
        }
        if it.shown.deletion_protection {
            return Err(ApiError::combination("Cannot delete protected Cluster, please disable deletion protection and try again."));
        }
        if it.shown.is_aurora() && model.members(&id).any(|(_, member)| member.status != "deleting") {
            return Err(cluster_state("Cluster cannot be deleted, it still contains DB instances in non-deleting state."));
        }
        let final_snapshot = match (self.skip_final_snapshot.unwrap_or(false), &self.final_db_snapshot_identifier) {
            (true, None) => None,
            (false, Some(name)) => Some(names::cluster_snapshot_identifier(name)?),
            (true, Some(_)) => {
                return Err(ApiError::combination("FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true."));
            }
            (false, None) => {
                return Err(ApiError::combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."));
            }
        };
        if let Some(name) = &final_snapshot {
            it.require_available("a final snapshot")?;
            model.check_new_cluster_snapshot(name)?;
        }
        model.start_cluster_deletion(&id, self.delete_automated_backups == Some(false), final_snapshot, now);
        model.clusters.get(&id).map(|it| it.shown.clone()).ok_or_else(|| no_cluster(&self.db_cluster_identifier))
    }
}

impl DeleteDbInstance {
    /// A member holds nothing of its own: there is no final snapshot, and its cluster's deletion protection does not protect it.
    pub(crate) fn of_member(&self, model: &mut Model, id: &str, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        if self.final_db_snapshot_identifier.is_some() {
            return Err(ApiError::combination("FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance."));
        }
        let cluster = model.instances.get(id).and_then(|it| it.cluster.as_deref());
        if cluster.and_then(|cluster| model.clusters.get(cluster)).is_some_and(|it| !it.shown.is_aurora()) {
            return Err(cluster_state("The DB instances of a Multi-AZ DB cluster are deleted with it."));
        }
        model.start_deletion(id, false, None, now);
        model.instances.get(id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl Model {
    pub(super) fn start_cluster_deletion(&mut self, id: &str, keep_backups: bool, final_snapshot: Option<String>, now: DateTime<Utc>) {
        self.cancel_steps(id);
        self.with_cluster(id, |it| it.stuck = None);
        self.set_cluster(id, "deleting");
        for member in self.member_ids(id) {
            if self.instances.get(&member).is_some_and(|it| it.status != "deleting") {
                self.start_deletion(&member, false, None, now);
            }
        }
        let Some(source) = self.clusters.get(id).map(|it| it.shown.clone()) else { return };
        let mut waits = Vec::new();
        if let Some(name) = &final_snapshot {
            let (_, effect) = self.new_cluster_snapshot(name, "manual", &source, &[], now);
            self.cluster_snapshot_event(name, now, events::CLUSTER_SNAPSHOT_CREATING);
            waits.push(effect);
        }
        let then = Then::Cluster(id.to_owned(), ClusterStep::Gone(keep_backups, final_snapshot));
        self.schedule_after(now + self.settings.durations.deleting, waits, then);
    }

    /// A deletion is finished, once its members are gone. What stays: manual snapshots, and the automated backups if they were to be kept.
    pub(super) fn cluster_gone(
        &mut self,
        id: &str,
        keep_backups: bool,
        snapshot: Option<&str>,
        at: DateTime<Utc>,
        result: &Result<(), String>,
    ) {
        if let Some(snapshot) = snapshot {
            self.finish_cluster_snapshot(snapshot, at, result);
        }
        if self.members(id).next().is_some() {
            return self.schedule_cluster(id, at + self.settings.durations.status_lag, ClusterStep::Gone(keep_backups, None));
        }
        self.cluster_event(id, at, events::CLUSTER_DELETED);
        let Some(it) = self.clusters.remove(id) else { return };
        match self.cluster_backups.get_mut(id) {
            Some(backup) if keep_backups && backup.earliest.is_some() => {
                backup.retained = true;
                backup.source = it.shown;
            }
            _ => self.end_cluster_backups(id),
        }
        self.effect(Effect::Delete { server: id.to_owned() });
    }
}
