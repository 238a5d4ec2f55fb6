//! Automated backups: the first backup, the archive of the log, the window that can be restored.

use chrono::{DateTime, Utc};

use super::events;
use super::instance::Server;
use super::steps::Then;
use super::words::{DbInstance, RestoreWindow};
use super::{Done, Effect, Model};

/// The automated backups of one instance. Outlives the instance when it was deleted with `DeleteAutomatedBackups=false`.
#[derive(Debug, Clone)]
pub(crate) struct Backup<S = DbInstance> {
    /// The instance as it was last seen.
    pub source: S,
    /// The time before which nothing can be restored; `None` until the first backup is finished.
    pub earliest: Option<DateTime<Utc>>,
    /// The times up to which the log is archived, oldest first.
    pub shipped: Vec<DateTime<Utc>>,
    /// The instance is gone.
    pub retained: bool,
}

impl<S> Backup<S> {
    /// None is finished yet.
    pub fn begun(source: S) -> Self {
        Self { source, earliest: None, shipped: Vec::new(), retained: false }
    }

    /// What can be restored by what was archived at `seen` or before.
    pub fn window(&self, seen: DateTime<Utc>) -> Option<RestoreWindow> {
        let earliest = self.earliest?;
        let latest = self.shipped.iter().filter(|time| **time <= seen).max().copied()?;
        Some(RestoreWindow { earliest_time: Some(earliest), latest_time: Some(latest.max(earliest)) })
    }

    /// The archive reaches `up_to`; of what it held, only what is not seen yet and the newest that is seen still matters.
    pub fn reaches(&mut self, up_to: DateTime<Utc>, seen: DateTime<Utc>) {
        let newest_seen = self.shipped.iter().filter(|time| **time <= seen).max().copied();
        self.shipped.retain(|time| newest_seen.is_none_or(|seen| *time >= seen));
        self.shipped.push(up_to);
    }
}

impl Model {
    /// What can be restored of an instance, as AWS would say it at `now`: the archive is seen only after a while.
    /// `None` until there is a backup and a piece of log after it.
    pub(crate) fn restore_window(&self, id: &str, now: DateTime<Utc>) -> Option<RestoreWindow> {
        self.backups.get(id)?.window(now - self.settings.durations.restorable_lag)
    }

    /// `backing-up`, if the instance is to have backups; else `available`.
    pub(crate) fn begin_first_backup(&mut self, id: &str, at: DateTime<Utc>) {
        let Some(it) = self.instances.get(id) else { return };
        // The backups of a member are its cluster's.
        if it.shown.backup_retention_period == 0 || it.cluster.is_some() {
            return self.set_available(id);
        }
        let source = it.shown.clone();
        self.set(id, "backing-up");
        self.instance_event(id, at, events::BACKUP_STARTED);
        let snapshot = self.settings.automated_snapshots.then(|| self.new_automated_snapshot(&source, at));
        let waits = snapshot.iter().map(|(_, effect)| *effect).collect::<Vec<_>>();
        self.backups.insert(id.to_owned(), Backup::begun(source));
        let then = Then::BackedUp(id.to_owned(), snapshot.map(|(name, _)| name));
        self.schedule_after(at + self.settings.durations.backing_up, waits, then);
    }

    pub(crate) fn backed_up(&mut self, id: &str, snapshot: Option<&str>, at: DateTime<Utc>, result: Result<(), String>, done: &[Done]) {
        if let Some(snapshot) = snapshot {
            self.finish_snapshot(snapshot, at, &result, done);
        }
        let data_time = done.iter().find_map(Done::image);
        self.instance_event(id, at, events::BACKUP_FINISHED);
        self.set_available(id);
        if let Some(backup) = self.backups.get_mut(id) {
            // Nothing can be restored from before this image was complete.
            backup.earliest = Some(data_time.unwrap_or(at).max(at));
        }
        self.schedule(at, Then::ShipLog(id.to_owned()));
    }

    /// Automated backups end: nothing can be restored to a time any more.
    pub(crate) fn end_backups(&mut self, id: &str) {
        self.backups.remove(id);
        self.snapshots.retain(|_, snapshot| snapshot.shown.snapshot_type != "automated" || snapshot.shown.dbi_resource_id != id);
    }

    pub(crate) fn ship_log(&mut self, id: &str, at: DateTime<Utc>) {
        let Some(it) = self.instances.get(id) else { return };
        if !self.backups.contains_key(id) {
            return;
        }
        if it.server == Server::Up && it.status != "stopped" {
            let effect = self.effect(Effect::ShipLog { server: id.to_owned() });
            self.schedule_after(at, [effect], Then::LogShipped(id.to_owned()));
        } else {
            self.schedule(at + self.settings.durations.log_ship_interval, Then::ShipLog(id.to_owned()));
        }
    }

    pub(crate) fn log_shipped(&mut self, id: &str, at: DateTime<Utc>, done: &[Done]) {
        let up_to = done.iter().find_map(|it| match it {
            Done::Shipped(time) => *time,
            _ => None,
        });
        if let (Some(backup), Some(up_to)) = (self.backups.get_mut(id), up_to) {
            backup.reaches(up_to, at - self.settings.durations.restorable_lag);
        }
        self.schedule(at + self.settings.durations.log_ship_interval, Then::ShipLog(id.to_owned()));
    }
}

impl Done {
    /// The newest data time of an image.
    pub(crate) fn image(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Image(time) => Some(*time),
            _ => None,
        }
    }
}
