//! What happens later: each step has a time, and often effects that must be done first.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::caches::CacheStep;
use super::clusters::ClusterStep;
use super::{Done, EffectId, EffectOutcome, Model};

/// Something that happens at a time, and not before its effects are done.
#[derive(Debug)]
pub(crate) struct Step {
    at: DateTime<Utc>,
    waits: BTreeSet<EffectId>,
    done: Vec<Done>,
    failure: Option<String>,
    then: Then,
}

/// What a step does. Instances are named by resource id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Then {
    /// The status that is true is now the one that is seen.
    Show(String),
    /// A new server is up.
    Born(String),
    /// The first backup of an instance is finished; with its automated snapshot.
    BackedUp(String, Option<String>),
    /// A snapshot (the second name) of an instance is finished.
    SnapshotTaken(String, String),
    /// A modification is finished.
    Modified(String),
    /// Storage is optimised after it has grown.
    Optimized(String),
    /// New security groups are in force.
    GroupsChanged(String),
    /// A reboot without failover is finished.
    Rebooted(String),
    /// AWS has noticed a dead primary.
    FailoverStarts(String),
    /// The standby takes over.
    Promotes(String),
    /// The standby has taken over.
    FailedOver(String),
    /// A replica is promoted.
    Promoted(String),
    /// Once more: a new standby.
    StandbyIsTried(String),
    /// A new standby follows the new primary.
    StandbyRebuilt(String),
    /// Describe shows the zones as they are.
    ZonesSwap(String),
    /// A zone is back and so is its server.
    Recovered(String),
    /// A stop is finished.
    Stopped(String),
    /// A start is finished.
    Started(String),
    /// Time to archive.
    ShipLog(String),
    /// The archive answered.
    LogShipped(String),
    /// Of a DB cluster.
    Cluster(String, ClusterStep),
    /// Of a replication group.
    Cache(String, CacheStep),
    /// A deletion is finished; whether automated backups are kept, and the final snapshot.
    Gone(String, bool, Option<String>),
}

impl Then {
    /// Log shipping never ends.
    fn is_endless(&self) -> bool {
        matches!(self, Self::ShipLog(_) | Self::LogShipped(_) | Self::Cluster(_, ClusterStep::ShipLog | ClusterStep::LogShipped))
    }

    /// A snapshot under way ends by itself, whatever becomes of what it is of.
    fn is_a_snapshot(&self) -> bool {
        matches!(
            self,
            Self::SnapshotTaken(..) | Self::Cluster(_, ClusterStep::SnapshotTaken(_)) | Self::Cache(_, CacheStep::SnapshotTaken(_))
        )
    }

    /// Whose it is: an instance's, or a cluster's.
    fn owner(&self) -> &str {
        match self {
            Self::Show(id)
            | Self::Born(id)
            | Self::BackedUp(id, _)
            | Self::SnapshotTaken(id, _)
            | Self::Modified(id)
            | Self::Optimized(id)
            | Self::GroupsChanged(id)
            | Self::Rebooted(id)
            | Self::FailoverStarts(id)
            | Self::Promotes(id)
            | Self::FailedOver(id)
            | Self::Promoted(id)
            | Self::StandbyIsTried(id)
            | Self::StandbyRebuilt(id)
            | Self::ZonesSwap(id)
            | Self::Recovered(id)
            | Self::Stopped(id)
            | Self::Started(id)
            | Self::ShipLog(id)
            | Self::LogShipped(id)
            | Self::Cluster(id, _)
            | Self::Cache(id, _)
            | Self::Gone(id, ..) => id,
        }
    }

    /// Whether it is a stage of changing the status, which a stuck instance never leaves.
    fn moves_the_status(&self) -> bool {
        if let Self::Cache(_, step) = self {
            return step.moves_the_status();
        }
        if let Self::Cluster(_, step) = self {
            return step.moves_the_status();
        }
        !matches!(
            self,
            Self::ShipLog(_)
                | Self::LogShipped(_)
                | Self::GroupsChanged(_)
                | Self::StandbyIsTried(_)
                | Self::StandbyRebuilt(_)
                | Self::ZonesSwap(_)
                | Self::SnapshotTaken(..)
        )
    }
}

impl Model {
    /// Lets everything happen that is due by `now`, in the order of time.
    pub fn tick(&mut self, now: DateTime<Utc>) {
        while let Some(step) = self.next_step(now) {
            self.apply(step);
        }
    }

    /// When the next thing will happen that waits for no effect.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.steps.iter().filter(|step| self.may_happen(step)).map(|step| step.at).min()
    }

    /// Its effects are done, and its instance is not stuck.
    fn may_happen(&self, step: &Step) -> bool {
        let owner = step.then.owner();
        let stuck =
            || self.instances.get(owner).is_some_and(|it| it.stuck.is_some()) || self.is_cluster_stuck(owner) || self.is_cache_stuck(owner);
        step.waits.is_empty() && !(step.then.moves_the_status() && stuck())
    }

    /// Whether nothing is under way and nothing is still to come; log shipping, which never ends, does not count.
    pub fn is_settled(&self) -> bool {
        self.effects.is_empty() && self.steps.iter().all(|step| step.then.is_endless())
    }

    /// Reports what became of an effect. Unknown ids are ignored: the instance may be gone.
    pub fn effect_done(&mut self, now: DateTime<Utc>, id: EffectId, outcome: EffectOutcome) {
        for step in self.steps.iter_mut().filter(|step| step.waits.contains(&id)) {
            step.waits.remove(&id);
            step.at = step.at.max(now);
            match outcome.clone() {
                Ok(done) => step.done.push(done),
                Err(reason) => {
                    step.failure.get_or_insert(reason);
                }
            }
        }
        self.tick(now);
    }

    pub(crate) fn schedule(&mut self, at: DateTime<Utc>, then: Then) {
        self.schedule_after(at, [], then);
    }

    pub(crate) fn schedule_after(&mut self, at: DateTime<Utc>, waits: impl IntoIterator<Item = EffectId>, then: Then) {
        self.steps.push(Step { at, waits: waits.into_iter().collect(), done: Vec::new(), failure: None, then });
    }

    /// Forgets what was to happen to an instance or a cluster; a snapshot under way ends by itself.
    pub(crate) fn cancel_steps(&mut self, owner: &str) {
        self.steps.retain(|step| step.then.owner() != owner || step.then.is_a_snapshot());
    }

    fn next_step(&mut self, now: DateTime<Utc>) -> Option<Step> {
        let ready = self.steps.iter().enumerate().filter(|(_, step)| step.at <= now && self.may_happen(step));
        let (index, _) = ready.min_by_key(|(index, step)| (step.at, *index))?;
        Some(self.steps.remove(index))
    }

    fn apply(&mut self, step: Step) {
        let Step { at, done, failure, then, .. } = step;
        let result = failure.map_or(Ok(()), Err);
        match then {
            Then::Show(id) => self.show(&id),
            Then::Born(id) => self.born(&id, at, result, &done),
            Then::BackedUp(id, snapshot) => self.backed_up(&id, snapshot.as_deref(), at, result, &done),
            Then::SnapshotTaken(id, snapshot) => self.snapshot_taken(&id, &snapshot, at, result, &done),
            Then::Modified(id) => self.modified(&id, at, result),
            Then::Optimized(id) => self.set_available(&id),
            Then::GroupsChanged(id) => self.groups_changed(&id),
            Then::Rebooted(id) => self.rebooted(&id, at, result),
            Then::FailoverStarts(id) => self.failover_starts(&id, at),
            Then::Promotes(id) => self.promotes(&id, at),
            Then::FailedOver(id) => self.failed_over(&id, at, result),
            Then::Promoted(id) => self.promoted(&id, at, result),
            Then::StandbyIsTried(id) => self.rebuild_standby(&id, at),
            Then::StandbyRebuilt(id) => self.standby_rebuilt(&id, at, result),
            Then::ZonesSwap(id) => self.zones_swap(&id),
            Then::Recovered(id) => self.recovered(&id, at, result),
            Then::Stopped(id) => self.stopped(&id, at),
            Then::Started(id) => self.started(&id, at, result),
            Then::ShipLog(id) => self.ship_log(&id, at),
            Then::LogShipped(id) => self.log_shipped(&id, at, &done),
            Then::Cluster(id, step) => self.apply_to_cluster(&id, step, at, result, &done),
            Then::Cache(id, step) => self.apply_to_cache(&id, step, at, &result, &done),
            Then::Gone(id, keep_backups, snapshot) => self.gone(&id, keep_backups, snapshot.as_deref(), at, result, &done),
        }
    }
}
