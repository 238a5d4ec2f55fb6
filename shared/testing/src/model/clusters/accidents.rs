//! What breaks in a cluster, and in a whole zone.

use chrono::{DateTime, Utc};

use crate::model::instance::Server;
use crate::model::{ApiError, Effect, Model};

impl Model {
    /// The host of the writer is lost. AWS makes the best reader the writer after a while (0073 or 0072, 0006, 0071), and brings the
    /// old one back as a reader; without a reader nothing happens, and the status still reads `available`.
    ///
    /// # Errors
    /// There is no such cluster, or it has no writer.
    pub fn lose_writer(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let writer = self.writer_of(cluster, now)?;
        self.with(&writer, |it| it.server = Server::Down);
        self.effect(Effect::Kill { server: writer.clone() });
        self.member_is_down(&writer, now);
        Ok(())
    }

    /// The host of a lost writer, for which nobody took over, is there again.
    ///
    /// # Errors
    /// There is no such cluster, or it has no writer.
    pub fn writer_returns(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let writer = self.writer_of(cluster, now)?;
        self.bring_back(&writer, now);
        Ok(())
    }

    /// The writer hangs: connections are accepted and nothing is answered. AWS sees nothing: `available`, no event.
    ///
    /// # Errors
    /// There is no such cluster, or it has no writer.
    pub fn hang_cluster(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let writer = self.writer_of(cluster, now)?;
        self.with(&writer, |it| it.server = Server::Hung);
        self.effect(Effect::Hang { server: writer });
        Ok(())
    }

    /// Whatever member hung answers again, as if nothing had been.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn wake_cluster(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let id = self.find_cluster(cluster)?;
        for member in self.member_ids(&id) {
            self.wake(member, now);
        }
        Ok(())
    }

    /// AWS gives up on the cluster: it and its members read this status, all servers are dead, the archive is at an end.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn fail_cluster(&mut self, cluster: &str, status: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find_cluster(cluster)?;
        self.cancel_steps(&id);
        self.with_cluster(&id, |it| it.stuck = None);
        self.set_cluster(&id, status);
        for member in self.member_ids(&id) {
            self.give_up(&member, status, now);
        }
        // What was only just noticed is moot.
        self.cancel_steps(&id);
        Ok(())
    }

    /// Somebody deletes the cluster with all its members, protected or not, without a final snapshot; with or without its automated
    /// backups.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn delete_cluster_behind_back(&mut self, cluster: &str, keep_backups: bool, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find_cluster(cluster)?;
        self.start_cluster_deletion(&id, keep_backups, None, now);
        Ok(())
    }

    /// The status reads so from now on, whatever happens, until [`Model::unstick_cluster`] or a deletion.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn stuck_cluster(&mut self, cluster: &str, status: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find_cluster(cluster)?;
        self.with_cluster(&id, |it| {
            let truth = it.status.clone();
            it.stuck.get_or_insert(truth);
        });
        self.set_cluster(&id, status);
        Ok(())
    }

    /// The end of [`Model::stuck_cluster`]: what waited goes on.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn unstick_cluster(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.tick(now);
        let id = self.find_cluster(cluster)?;
        if let Some(truth) = self.with_cluster(&id, |it| it.stuck.take()).flatten() {
            self.set_cluster(&id, &truth);
        }
        self.tick(now);
        Ok(())
    }

    /// A zone goes dark, with every server in it. AWS heals what has another member or a standby elsewhere.
    pub fn zone_outage(&mut self, zone: &str, now: DateTime<Utc>) {
        self.tick(now);
        for name in self.instances_in(zone) {
            // Found just now: there is such an instance.
            self.az_outage(&name, now).unwrap_or_default();
        }
        self.dark_zones.insert(zone.to_owned());
    }

    /// The zone of the writer goes dark: [`Model::zone_outage`].
    ///
    /// # Errors
    /// There is no such cluster, or it has no writer.
    pub fn writer_zone_outage(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let writer = self.writer_of(cluster, now)?;
        if let Some(zone) = self.instances.get(&writer).map(|it| it.shown.availability_zone.clone()) {
            self.zone_outage(&zone, now);
        }
        Ok(())
    }

    /// Every zone is lit again: [`Model::zone_restored`].
    pub fn zones_restored(&mut self, now: DateTime<Utc>) {
        for zone in self.dark_zones.clone() {
            self.zone_restored(&zone, now);
        }
    }

    /// The zone is lit again, and AWS recovers what is still down there.
    pub fn zone_restored(&mut self, zone: &str, now: DateTime<Utc>) {
        self.tick(now);
        let still_dark: Vec<String> = self.dark_zones.iter().filter(|dark| *dark != zone).cloned().collect();
        for name in self.instances_in(zone) {
            self.az_restored(&name, now).unwrap_or_default();
        }
        self.dark_zones = still_dark.into_iter().collect();
    }

    fn instances_in(&self, zone: &str) -> Vec<String> {
        let there = self.instances.values().filter(|it| it.shown.availability_zone == zone);
        there.map(|it| it.shown.db_instance_identifier.clone()).collect()
    }

    fn writer_of(&mut self, cluster: &str, now: DateTime<Utc>) -> Result<String, ApiError> {
        self.tick(now);
        let id = self.find_cluster(cluster)?;
        let writer = self.clusters.get(&id).and_then(|it| it.writer.clone());
        writer.ok_or_else(|| ApiError::no_instance(&format!("the writer of {cluster}")))
    }
}
