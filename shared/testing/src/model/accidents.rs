//! What breaks. Accidents happen to databases; they are no calls, and AWS's log does not know them.

use chrono::{DateTime, Utc};

use super::events;
use super::instance::Server;
use super::steps::Then;
use super::{ApiError, Effect, Model};

impl Model {
    /// AWS gives up on the instance: `failed`, event 0031, the server dead, the archive at an end.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn fail_instance(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.with(&id, |it| it.stuck = None);
        self.give_up(&id, "failed", now);
        Ok(())
    }

    /// Describe does not show the instance with this resource id for a while, as it may happen to one that is being renamed.
    pub fn hide(&mut self, resource_id: &str, is_hidden: bool) {
        if is_hidden {
            self.unseen.insert(resource_id.to_owned());
        } else {
            self.unseen.remove(resource_id);
        }
    }

    /// A rename was accepted, and has neither begun nor been dropped; `None` drops it.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn pend_rename(&mut self, identifier: &str, to: Option<&str>) -> Result<(), ApiError> {
        let id = self.find(identifier)?;
        self.with(&id, |it| it.shown.pending_modified_values.db_instance_identifier = to.map(str::to_owned));
        Ok(())
    }

    /// The volume is full: RDS shuts the database down (0221) until the volume has grown.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn storage_full(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.with(&id, |it| it.server = Server::Down);
        self.set(&id, "storage-full");
        self.instance_event(&id, now, events::STORAGE_FULL);
        self.effect(Effect::Kill { server: id });
        Ok(())
    }

    /// The primary's zone goes dark. A Multi-AZ instance is healed by AWS (0013, 0006, 0049; the zones swap later).
    /// A Single-AZ instance stays dead while its status still reads `available`.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn az_outage(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        let (zone, multi_az) = {
            let shown = &self.instance(identifier)?.shown;
            (shown.availability_zone.clone(), shown.multi_az)
        };
        self.dark_zones.insert(zone);
        self.with(&id, |it| {
            it.server = Server::Down;
            it.zone_is_dark = !multi_az;
        });
        self.effect(Effect::Kill { server: id.clone() });
        self.member_is_down(&id, now);
        if multi_az {
            self.schedule(now + self.settings.durations.failure_detection, Then::FailoverStarts(id));
        }
        Ok(())
    }

    /// The zones are lit again, and AWS recovers the instance if it is still down (0020, 0006, 0021).
    ///
    /// # Errors
    /// There is no such instance.
    pub fn az_restored(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.dark_zones.clear();
        let was_down = self.with(&id, |it| std::mem::take(&mut it.zone_is_dark) && it.server == Server::Down);
        if was_down == Some(true) {
            self.instance_event(&id, now, events::RECOVERY_STARTED);
            let effect = self.effect(Effect::Restart { server: id.clone() });
            self.schedule_after(now + self.settings.durations.rebooting, [effect], Then::Recovered(id));
        }
        Ok(())
    }

    /// The database hangs: connections are accepted and nothing is answered. AWS sees nothing: `available`, no event.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn hang(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.with(&id, |it| it.server = Server::Hung);
        self.effect(Effect::Hang { server: id });
        Ok(())
    }

    /// A database that hung answers again.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn resume(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let id = self.find(identifier)?;
        self.wake(id, now);
        Ok(())
    }

    pub(super) fn wake(&mut self, id: String, now: DateTime<Utc>) {
        self.tick(now);
        let hung = self.with(&id, |it| {
            let hung = it.server == Server::Hung;
            if hung {
                it.server = Server::Up;
            }
            hung
        });
        if hung == Some(true) {
            self.effect(Effect::Resume { server: id });
        }
    }

    /// Somebody deletes the instance, protected or not, without a final snapshot; with or without its automated backups.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn delete_behind_back(&mut self, identifier: &str, keep_backups: bool, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.start_deletion(&id, keep_backups, None, now);
        Ok(())
    }

    /// The status reads so from now on, whatever happens, until [`Model::unstick`] or a deletion.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn stuck(&mut self, identifier: &str, status: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.with(&id, |it| {
            let truth = it.status.clone();
            it.stuck.get_or_insert(truth);
        });
        self.set(&id, status);
        Ok(())
    }

    /// A replica gets nothing more from its source, which RDS does not notice yet: it lags more and more.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn stop_streaming(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.effect(Effect::StopStreaming { server: id });
        Ok(())
    }

    /// A replica does not follow its source any more; RDS reports its replication so.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn break_replication(&mut self, identifier: &str, status: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.with(&id, |it| {
            for info in &mut it.shown.status_infos {
                (info.normal, info.message) = (false, Some("it lost its source".to_owned()));
                status.clone_into(&mut info.status);
            }
        });
        Ok(())
    }

    /// The end of [`Model::stuck`]: what waited goes on.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn unstick(&mut self, identifier: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        if let Some(truth) = self.with(&id, |it| it.stuck.take()).flatten() {
            self.set(&id, &truth);
        }
        self.tick(now);
        Ok(())
    }

    /// The status reads so now. Nothing else happens: no event, no effect.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn set_status(&mut self, identifier: &str, status: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find(identifier)?;
        self.with(&id, |it| it.stuck = None);
        self.set(&id, status);
        Ok(())
    }

    /// The status of a snapshot reads so now.
    ///
    /// # Errors
    /// There is no such snapshot.
    pub fn set_snapshot_status(&mut self, identifier: &str, status: &str) -> Result<(), ApiError> {
        let found = self.snapshots.get_mut(identifier).ok_or_else(|| ApiError::no_snapshot(identifier))?;
        status.clone_into(&mut found.shown.status);
        Ok(())
    }

    pub(crate) fn recovered(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        if result.is_err() {
            return self.give_up(id, "failed", at);
        }
        self.back_up_again(id);
        self.instance_event(id, at, events::RESTARTED);
        self.instance_event(id, at, events::RECOVERED);
        self.member_is_up(id, at);
    }
}
