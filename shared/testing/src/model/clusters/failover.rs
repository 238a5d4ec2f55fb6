//! `FailoverDBCluster`, and the failovers that AWS makes by itself.

use chrono::{DateTime, Utc};

use super::{ClusterStep, DbCluster, FailoverDbCluster, cluster_state, no_cluster};
use crate::model::events;
use crate::model::instance::{Instance, Server};
use crate::model::steps::Then;
use crate::model::{Action, ApiError, Effect, Model};

impl Action for FailoverDbCluster {
    const NAME: &'static str = "FailoverDBCluster";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        let id = model.find_cluster(&self.db_cluster_identifier)?;
        let it = model.cluster(&self.db_cluster_identifier)?;
        it.require_available(Self::NAME)?;
        let target = match &self.target_db_instance_identifier {
            Some(_) if it.shown.engine == "mysql" => {
                return Err(ApiError::combination("TargetDBInstanceIdentifier isn't supported for RDS for MySQL Multi-AZ DB clusters."));
            }
            Some(name) => self.target(model, &id, name)?,
            None => model.best_reader(&id).ok_or_else(|| {
                let name = &self.db_cluster_identifier;
                cluster_state(format!("Cannot fail over DB cluster {name}: it has no other DB instance that is available."))
            })?,
        };
        model.start_cluster_failover(&id, &target, now);
        model.clusters.get(&id).map(|it| it.shown.clone()).ok_or_else(|| no_cluster(&self.db_cluster_identifier))
    }
}

impl FailoverDbCluster {
    /// The reader that was asked for. AWS models `InvalidDBInstanceState` for this call and no error for a stranger.
    fn target(&self, model: &Model, cluster: &str, name: &str) -> Result<String, ApiError> {
        let member = model.find(name).ok().filter(|id| model.members(cluster).any(|(member, _)| member == id));
        let Some(member) = member else {
            return Err(ApiError::value(format!("{name} is not a member of DB cluster {}.", self.db_cluster_identifier)));
        };
        if model.readers_that_serve(cluster).any(|(id, _)| *id == member) {
            return Ok(member);
        }
        Err(ApiError::instance_state(format!("{name} is the writer already, or is not available.")))
    }
}

impl Model {
    /// The members that could take over.
    fn readers_that_serve<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = (&'a String, &'a Instance)> {
        let writer = self.clusters.get(cluster).and_then(|it| it.writer.as_ref());
        let fit = move |(id, it): &(&String, &Instance)| writer != Some(*id) && it.server == Server::Up && it.is_free();
        self.members(cluster).filter(fit)
    }

    /// The one of the least promotion tier.
    fn best_reader(&self, cluster: &str) -> Option<String> {
        let order = |it: &Instance| (it.shown.promotion_tier, it.shown.db_instance_identifier.clone());
        self.readers_that_serve(cluster).min_by_key(|(_, it)| order(it)).map(|(id, _)| id.clone())
    }

    /// AWS looks after its writer: if it is dead and a reader lives, the reader takes over. Without one nothing happens.
    pub(super) fn writer_missed(&mut self, cluster: &str, at: DateTime<Utc>) {
        let Some(it) = self.clusters.get(cluster) else { return };
        let is_lost = it.writer.as_ref().is_none_or(|id| self.instances.get(id).is_none_or(|writer| writer.server == Server::Down));
        if !is_lost {
            return;
        }
        match (it.status.as_str(), self.best_reader(cluster)) {
            ("available", Some(reader)) => self.start_cluster_failover(cluster, &reader, at),
            ("creating" | "backing-up" | "modifying" | "resetting-master-credentials" | "renaming", Some(_)) => {
                self.schedule_cluster(cluster, at + self.settings.durations.failure_detection, ClusterStep::WriterMissed);
            }
            _ => {}
        }
    }

    /// A member serves again: if the writer is lost, AWS may make it the writer now.
    pub(crate) fn member_is_up(&mut self, id: &str, at: DateTime<Utc>) {
        let Some(cluster) = self.instances.get(id).and_then(|it| it.cluster.clone()) else { return };
        if self.clusters.get(&cluster).is_some_and(|it| it.writer.as_deref() != Some(id)) {
            self.writer_missed(&cluster, at);
        }
    }

    /// Nobody writes from now until the target is promoted.
    fn start_cluster_failover(&mut self, cluster: &str, target: &str, at: DateTime<Utc>) {
        let zone_of = |model: &Self, id: &str| model.instances.get(id).map(|it| it.shown.availability_zone.clone());
        let old = self.clusters.get(cluster).and_then(|it| it.writer.clone());
        let same_zone = old.as_deref().and_then(|old| zone_of(self, old)).is_some_and(|zone| zone_of(self, target) == Some(zone));
        self.member_event(cluster, target, at, if same_zone { events::CLUSTER_FAILS_OVER_IN_ZONE } else { events::CLUSTER_FAILS_OVER });
        if let Some(old) = old.filter(|old| self.instances.get(old).is_some_and(|it| it.server != Server::Down)) {
            self.instance_event(&old, at, events::SHUT_DOWN);
            self.effect(Effect::Kill { server: old.clone() });
            self.with(&old, |it| it.server = Server::Down);
        }
        self.begin_cluster(cluster, "failing-over", at);
        self.schedule_cluster(cluster, at + self.settings.durations.cluster_failover, ClusterStep::Promotes(target.to_owned()));
    }

    pub(super) fn member_promotes(&mut self, cluster: &str, target: &str, at: DateTime<Utc>) {
        if self.instances.get(target).is_none_or(|it| it.server != Server::Up) {
            return self.cluster_failover_failed(cluster, at);
        }
        let old = self.clusters.get(cluster).and_then(|it| it.writer.clone()).filter(|old| self.instances.contains_key(old));
        let mut roles = vec![self.effect(Effect::SetRole { server: target.to_owned(), writes: true })];
        roles.extend(old.map(|server| self.effect(Effect::SetRole { server, writes: false })));
        self.schedule_after(at, roles, Then::Cluster(cluster.to_owned(), ClusterStep::FailedOver(target.to_owned())));
    }

    pub(super) fn cluster_failed_over(&mut self, cluster: &str, target: &str, at: DateTime<Utc>, result: &Result<(), String>) {
        if result.is_err() {
            return self.cluster_failover_failed(cluster, at);
        }
        let old = self.with_cluster(cluster, |it| it.writer.replace(target.to_owned())).flatten();
        self.instance_event(target, at, events::RESTARTED);
        self.member_event(cluster, target, at, events::CLUSTER_FAILED_OVER);
        self.set_cluster(cluster, "available");
        self.schedule_cluster(cluster, at + self.settings.durations.zone_swap_lag, ClusterStep::WriterShown);
        if let Some(old) = old {
            self.bring_back(&old, at);
        }
    }

    /// The failover came to nothing: the old writer is to serve again, if it can.
    fn cluster_failover_failed(&mut self, cluster: &str, at: DateTime<Utc>) {
        self.cluster_event(cluster, at, events::CLUSTER_FAILOVER_FAILED);
        self.set_cluster(cluster, "available");
        if let Some(old) = self.clusters.get(cluster).and_then(|it| it.writer.clone()) {
            self.member_event(cluster, &old, at, events::CLUSTER_PROMOTES_OLD);
            self.bring_back(&old, at);
        }
        self.schedule_cluster(cluster, at + self.settings.durations.failure_detection, ClusterStep::WriterMissed);
    }

    /// A member that was the writer comes back, unless its zone is dark.
    pub(super) fn bring_back(&mut self, member: &str, at: DateTime<Utc>) {
        let may = |it: &Instance| it.server == Server::Down && !it.zone_is_dark && it.status == "available";
        if self.instances.get(member).is_some_and(may) {
            let effect = self.effect(Effect::Restart { server: member.to_owned() });
            self.schedule_after(at + self.settings.durations.rebooting, [effect], Then::Rebooted(member.to_owned()));
        }
    }

    /// An event of a cluster that names one of its members.
    fn member_event(&mut self, cluster: &str, member: &str, at: DateTime<Utc>, kind: events::Kind) {
        let name = self.instances.get(member).map(|it| it.shown.db_instance_identifier.clone()).unwrap_or_default();
        self.cluster_event_saying(cluster, at, kind, format!("{} {name}", kind.2));
    }
}
