//! Opening databases: what a prober needs to know, and what it is asked.

use super::{Answer, Credentials, OtherSessions};
use crate::error::{CallClass, CallError};
use crate::ids::{DatabaseId, Identity};
use crate::moments::traces::Traces;
use crate::observed::{Endpoint, ObservedDatabase};
use crate::point::Fingerprint;
use crate::policy::{FingerprintTable, SqlCheck};
use crate::probe::{Probe, ReplicaLook};
use crate::validation::{Check, TableDifference, WriteMark};
use crate::warm_up::{Part, Parts, WarmUpRule};
use crate::words::{ResourceKind, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A database to open, as Describe and the secret know it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// Whose.
    pub resource: Identity,
    /// The physical instance.
    pub instance: DatabaseId,
    /// `Engine`, such as `postgres`.
    pub engine: String,
    /// Where it listens: always as described, never as the secret says.
    pub endpoint: Option<Endpoint>,
    /// The secret with its login.
    pub secret: Option<String>,
    /// The database in it.
    pub database: Option<String>,
}

impl Target {
    /// Whether a secret holds its login. A cache without one is asked without a password: one without AUTH admits whoever reaches it, and
    /// any other refuses.
    pub fn has_login(&self) -> bool {
        self.instance.kind().has_login() && (self.secret.is_some() || self.instance.kind() != ResourceKind::ReplicationGroup)
    }

    /// An instance as it was described.
    pub fn of(resource: &Identity, observed: &ObservedDatabase) -> Self {
        Self {
            resource: resource.clone(),
            instance: observed.id.clone(),
            engine: observed.configuration.engine.clone(),
            endpoint: observed.endpoint.clone(),
            secret: observed.secret().map(str::to_owned),
            database: observed.configuration.database.clone(),
        }
    }
}

/// Limits of one visit to a database.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct VisitLimits {
    /// For connecting and the first answer.
    pub connect: crate::Span,
    /// For one statement.
    pub statement: crate::Span,
}

/// The databases themselves, opened by `validate` only. Everything is read-only, on one connection, with time-outs.
pub trait OpenDatabases {
    /// Logs in and asks the smallest question, then runs `watched` checks. Never an error: what can't be told is an outcome.
    async fn probe(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, watched: &[SqlCheck]) -> Probe;
    /// Whether clients could write, without a change whatever the answer is; where a login tells that too, the same as a probe.
    async fn probe_writes(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Probe {
        self.probe(target, credentials, limits, &[]).await
    }
    /// How much the server has written, by its own count; none where it keeps no count that can be trusted, or cannot be asked.
    async fn write_mark(&self, _target: &Target, _credentials: &Credentials, _limits: VisitLimits) -> Option<WriteMark> {
        None
    }
    /// Ends the sessions of everybody else, by the engine's own word for it, and counts those that stand all the same. For engines that a
    /// restart would wipe.
    async fn end_other_sessions(&self, target: &Target, _credentials: &Credentials, _limits: VisitLimits) -> Answer<OtherSessions> {
        let text = format!("{}: the sessions of {} are ended by a restart", target.instance, target.engine);
        Err(CallError::new(CallClass::Invalid, "end_sessions", "engine", text))
    }
    /// Asks a replica's engine how far it follows. Never an error: what can't be told is an outcome.
    async fn look_at_replica(&self, target: &Target, _credentials: &Credentials, _limits: VisitLimits, now: Timestamp) -> ReplicaLook {
        ReplicaLook::unknown(now, format!("{}: the replication of {} cannot be read", target.instance, target.engine))
    }
    /// What the engine can tell of a table's past within a window; an engine that keeps no such traces says so.
    async fn traces(
        &self,
        target: &Target,
        _credentials: &Credentials,
        _limits: VisitLimits,
        _table: &FingerprintTable,
        _window: (Timestamp, Timestamp),
    ) -> Traces {
        Traces::cannot_be_told(&format!("{} is not asked for it", target.engine))
    }
    /// Takes a fingerprint; at or below `watermarks` (by table) where given, else at today's.
    async fn fingerprint(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        tables: &[FingerprintTable],
        watermarks: &BTreeMap<String, String>,
    ) -> Answer<Fingerprint>;
    /// Runs the policy's checks, one result each.
    async fn run_checks(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, checks: &[SqlCheck]) -> Vec<Check>;
    /// Compares one table on both sides by key, in ranges.
    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        limits: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference>;
    /// Lists what a warm-up of a restored database reads.
    async fn list_parts(&self, target: &Target, _credentials: &Credentials, _limits: VisitLimits, _rule: &WarmUpRule) -> Answer<Parts> {
        let text = format!("{}: what {} holds cannot be listed", target.instance, target.engine);
        Err(CallError::new(CallClass::Invalid, "warm_up", "engine", text))
    }
    /// Reads parts, one after the other and in pieces, until all are read or `time` has passed (a piece may last as long as a
    /// statement). What was read stands in `parts` whatever the answer.
    async fn read_parts(
        &self,
        target: &Target,
        _credentials: &Credentials,
        _limits: VisitLimits,
        _parts: &mut [Part],
        _time: crate::Span,
    ) -> Answer<()> {
        let text = format!("{}: what {} holds cannot be read in parts", target.instance, target.engine);
        Err(CallError::new(CallClass::Invalid, "warm_up", "engine", text))
    }
}

/// Emptying a cache: the only call that changes what is in a database, and made by no function but the one that may do nothing else.
pub trait FlushCaches {
    /// `FLUSHALL ASYNC` on the primary of each shard; answers how many. Whatever was written meanwhile may be gone, too.
    async fn flush_all(&self, cache: &Target, credentials: &Credentials, limits: VisitLimits) -> Answer<u32>;
}
