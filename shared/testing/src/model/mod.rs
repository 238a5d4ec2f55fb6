//! How the RDS control plane behaves, as one pure state machine over `now`.

mod accidents;
mod backups;
mod birth;
mod caches;
mod clusters;
mod create;
mod delete;
mod describe;
mod effects;
mod elsewhere;
mod error;
mod events;
mod failover;
mod faults;
mod instance;
mod log;
mod modify;
mod names;
mod network;
mod power;
mod replica;
mod requests;
mod restore;
mod settings;
mod snapshot;
mod steps;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use backups::Backup;
pub use caches::*;
pub use clusters::*;
pub use describe::InstanceView;
pub use effects::{CacheShard, Done, Door, Effect, EffectId, EffectOutcome, Origin};
pub use elsewhere::{FailoverGlobalReplicationGroup, GlobalReplicationGroup, GlobalReplicationGroupInfo, PromoteReadReplicaDbCluster};
pub use error::{ApiError, CallError, Silence};
pub use events::{Detail, Event};
pub(crate) use faults::Faults;
pub use faults::{Fault, FaultKind, When};
use instance::Instance;
pub use log::{CallRecord, Outcome};
pub use replica::{CreateDbInstanceReadReplica, PromoteReadReplica};
pub use requests::*;
pub use settings::{Durations, Settings, SubnetGroup};
use snapshot::Snapshot;
use steps::Step;
pub use tables::{ExportRequest, Exporting, Restore, Table, TableBackup, TableCall, TableExport, Tables, trail_event};
pub use tags::TagList;
pub use words::*;

/// One action of the RDS API. Made with [`Model::call`].
pub trait Action: Serialize {
    /// AWS's name of it, for example `CreateDBSnapshot`.
    const NAME: &'static str;
    /// Whether it changes anything; such calls are logged.
    const MUTATES: bool;
    /// The element that wraps the output in AWS's reply; `None` where the output's fields stand in the result itself.
    const RESULT: Option<&'static str>;
    /// What AWS answers.
    type Output: Serialize;

    /// The resource that the call names, as it spells it; empty if it names none.
    fn resource(&self) -> &str;

    /// AWS's rules and effect. Not for callers: [`Model::call`] adds time, faults and the log.
    ///
    /// # Errors
    /// AWS's refusal; then nothing has changed.
    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<Self::Output, ApiError>;
}

/// The RDS control plane of one account in one Region.
///
/// A host loops over [`Model::tick`], [`Model::take_effects`], [`Model::effect_done`] and [`Model::take_events`].
#[derive(Debug)]
pub struct Model {
    pub(crate) settings: Settings,
    /// By resource id, which a rename does not change.
    pub(crate) instances: BTreeMap<String, Instance>,
    /// By snapshot identifier.
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    /// By the instance's resource id; outlives the instance.
    pub(crate) backups: BTreeMap<String, Backup>,
    /// By resource id, which a rename does not change.
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// By snapshot identifier.
    pub(crate) cluster_snapshots: BTreeMap<String, ClusterSnapshot>,
    /// By the cluster's resource id; outlives the cluster.
    pub(crate) cluster_backups: BTreeMap<String, Backup<DbCluster>>,
    /// DynamoDB's tables.
    pub tables: Tables,
    /// By `ReplicationGroupId`, which nothing changes.
    pub(crate) caches: BTreeMap<String, CacheGroup>,
    /// By `SnapshotName`.
    pub(crate) cache_snapshots: BTreeMap<String, StoredCacheSnapshot>,
    pub(crate) failover_is_stalled: bool,
    notices: Vec<CacheNotice>,
    pub(crate) dark_zones: BTreeSet<String>,
    /// By resource id: what Describe does not show.
    pub(crate) unseen: BTreeSet<String>,
    steps: Vec<Step>,
    effects: Vec<(EffectId, Effect)>,
    events: Vec<Event>,
    faults: Faults,
    log: Vec<CallRecord>,
    last_effect: u64,
    pub(crate) random: u64,
}

impl Model {
    /// An account without databases.
    pub fn new(settings: Settings) -> Self {
        Self {
            faults: Faults::new(settings.seed),
            random: settings.seed,
            settings,
            instances: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            backups: BTreeMap::new(),
            clusters: BTreeMap::new(),
            cluster_snapshots: BTreeMap::new(),
            cluster_backups: BTreeMap::new(),
            tables: Tables::default(),
            caches: BTreeMap::new(),
            cache_snapshots: BTreeMap::new(),
            failover_is_stalled: false,
            notices: Vec::new(),
            dark_zones: BTreeSet::new(),
            unseen: BTreeSet::new(),
            steps: Vec::new(),
            effects: Vec::new(),
            events: Vec::new(),
            log: Vec::new(),
            last_effect: 0,
        }
    }

    /// How the account looks and how long things take.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes one call to the API, with time, faults and the log as on AWS.
    ///
    /// # Errors
    /// AWS's refusal, or no answer at all.
    pub fn call<A: Action>(&mut self, action: &A, now: DateTime<Utc>) -> Result<A::Output, CallError> {
        self.tick(now);
        let fault = self.faults.strike(A::NAME, action.resource());
        let (result, outcome) = match fault {
            Some(FaultKind::TimeoutBefore) => (Err(CallError::NoReply(Silence::TimedOut)), Outcome::NeverArrived),
            Some(FaultKind::ReplyLost) => match action.run(self, now) {
                Ok(_) => (Err(CallError::NoReply(Silence::ConnectionReset)), Outcome::ReplyLost),
                Err(refusal) => (Err(CallError::NoReply(Silence::ConnectionReset)), Outcome::Refused { code: refusal.code }),
            },
            Some(FaultKind::Throttle) => refused(ApiError::throttled()),
            Some(FaultKind::ServiceError) => refused(ApiError::internal()),
            Some(FaultKind::Refused { code, message }) => refused(ApiError::new(&code, message)),
            None => match action.run(self, now) {
                Ok(output) => (Ok(output), Outcome::Applied),
                Err(refusal) => refused(refusal),
            },
        };
        if A::MUTATES {
            let parameters = log::without_nulls(serde_json::to_value(action).unwrap_or_default());
            self.log.push(CallRecord { number: self.log.len() + 1, action: A::NAME, parameters, at: now, outcome });
        }
        result
    }

    /// The effects to carry out, each once, in order.
    pub fn take_effects(&mut self) -> Vec<(EffectId, Effect)> {
        std::mem::take(&mut self.effects)
    }

    /// The events published since the last time.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Every mutating call so far.
    pub fn calls(&self) -> &[CallRecord] {
        &self.log
    }

    /// The mutating calls that changed the world, whether or not the caller was told.
    pub fn effective_calls(&self) -> impl Iterator<Item = &CallRecord> {
        self.log.iter().filter(|call| call.took_effect())
    }

    /// Adds a fault of the control plane.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Removes every fault.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Queues an effect and names it.
    pub(crate) fn effect(&mut self, effect: Effect) -> EffectId {
        self.last_effect += 1;
        let id = EffectId(self.last_effect);
        self.effects.push((id, effect));
        id
    }
}

fn refused<T>(refusal: ApiError) -> (Result<T, CallError>, Outcome) {
    let code = refusal.code.clone();
    (Err(CallError::Refused(refusal)), Outcome::Refused { code })
}
