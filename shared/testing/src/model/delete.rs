//! `DeleteDBInstance`.

use chrono::{DateTime, Utc};

use super::events;
use super::steps::Then;
use super::words::DbInstance;
use super::{Action, ApiError, DeleteDbInstance, Done, Effect, Model, names};

impl Action for DeleteDbInstance {
    const NAME: &'static str = "DeleteDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let id = model.find(&self.db_instance_identifier)?;
        let it = model.instance(&self.db_instance_identifier)?;
        if it.status == "deleting" {
            return Err(ApiError::instance_state(format!("Instance {} is already being deleted.", self.db_instance_identifier)));
        }
        if it.shown.deletion_protection {
            return Err(ApiError::combination("Cannot delete protected DB Instance, please disable deletion protection and try again."));
        }
        if it.cluster.is_some() {
            return self.of_member(model, &id, now);
        }
        let final_snapshot = match (self.skip_final_snapshot.unwrap_or(false), &self.final_db_snapshot_identifier) {
            (true, None) => None,
            (false, Some(name)) => Some(names::snapshot_identifier(name)?),
            (true, Some(_)) => {
                return Err(ApiError::combination("FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true."));
            }
            (false, None) => {
                return Err(ApiError::combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."));
            }
        };
        if let Some(name) = &final_snapshot {
            it.require_free("a final snapshot")?;
            model.check_new_snapshot(name)?;
        }
        model.start_deletion(&id, self.delete_automated_backups == Some(false), final_snapshot, now);
        model.instances.get(&id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl Model {
    pub(crate) fn start_deletion(&mut self, id: &str, keep_backups: bool, final_snapshot: Option<String>, now: DateTime<Utc>) {
        self.cancel_steps(id);
        self.with(id, |it| it.stuck = None);
        self.set(id, "deleting");
        let Some(source) = self.instances.get(id).map(|it| it.shown.clone()) else { return };
        let mut waits = Vec::new();
        if let Some(name) = &final_snapshot {
            let (_, effect) = self.new_snapshot(name, "manual", &source, &[], now);
            self.snapshot_event(name, now, events::SNAPSHOT_CREATING);
            waits.push(effect);
        }
        let then = Then::Gone(id.to_owned(), keep_backups, final_snapshot);
        self.schedule_after(now + self.settings.durations.deleting, waits, then);
    }

    /// A deletion is finished. What stays: manual snapshots, and the automated backups if they were to be kept.
    pub(crate) fn gone(
        &mut self,
        id: &str,
        keep_backups: bool,
        snapshot: Option<&str>,
        at: DateTime<Utc>,
        result: Result<(), String>,
        done: &[Done],
    ) {
        if let Some(snapshot) = snapshot {
            self.finish_snapshot(snapshot, at, &result, done);
        }
        self.instance_event(id, at, events::DELETED);
        let Some(it) = self.instances.remove(id) else { return };
        if let Some(cluster) = &it.cluster {
            self.member_is_gone(cluster, id, at);
        }
        match self.backups.get_mut(id) {
            Some(backup) if keep_backups && backup.earliest.is_some() => {
                backup.retained = true;
                backup.source = it.shown;
            }
            _ => self.end_backups(id),
        }
        self.effect(Effect::Kill { server: id.to_owned() });
        self.effect(Effect::Delete { server: id.to_owned() });
    }
}
