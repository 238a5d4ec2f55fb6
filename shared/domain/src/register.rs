//! What the ledger knows of each resource, through cut-overs.

use crate::error::DrError;
use crate::ids::{Arn, DatabaseId, Identity, IncidentId, short_digest};
use crate::incident::Answered;
use crate::ledger::{self, keys};
use crate::life::KeptLife;
use crate::observed::{Endpoint, ObservedDatabase};
use crate::point::Manifest;
use crate::ports::{Documents, Ledger};
use crate::span::Span;
use crate::words::{Plane, ResourceKind, Timestamp};
use serde::{Deserialize, Serialize};

/// A resource as the ledger knows it; the sweep keeps it fresh, a cut-over moves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// The identity.
    pub resource: Identity,
    /// What it is.
    pub kind: ResourceKind,
    /// The policy's name.
    pub policy: String,
    /// Today's physical identifier.
    pub id: DatabaseId,
    /// Today's ARN.
    pub arn: Arn,
    /// Today's `DbiResourceId`.
    pub resource_id: String,
    /// Its `Engine`, such as `postgres`: it must be known when the instance is gone.
    #[serde(default)]
    pub engine: Option<String>,
    /// Where clients connected when it was last seen: what leads there can still be told when it is gone.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// The secret that clients read.
    pub secret: Option<String>,
    /// Where the last manifest lies in the bucket.
    pub manifest: Option<String>,
    /// The incident that last moved its clients.
    #[serde(default)]
    pub moved_by: Option<IncidentId>,
    /// The incident that is open or waits for a person.
    pub open_incident: Option<IncidentId>,
    /// Counts recoveries that changed something; part of the names of the next ones.
    pub generation: u32,
    /// When the last recovery ended.
    pub last_recovery: Option<Timestamp>,
    /// When Lifeboat last grew its volume: RDS refuses a further change for six hours.
    #[serde(default)]
    pub storage_grown_at: Option<Timestamp>,
    /// The end of the last recovery that a person has looked at: its cool-down is over.
    #[serde(default)]
    pub acknowledged: Option<Timestamp>,
    /// How long past recoveries took, newest last; the RTO forecast.
    pub recovery_times: Vec<Span>,
    /// Failed probes of the sweep, in a row.
    pub failed_probes: u32,
    /// When the sweep's probe first failed in that row.
    pub unreachable_since: Option<Timestamp>,
    /// When the last probe of the sweep that was counted ended: no probe is counted twice.
    #[serde(default)]
    pub last_probe_at: Option<Timestamp>,
    /// When it last answered a probe; none if no probe has ever reached it.
    #[serde(default)]
    pub answered: Option<Answered>,
    /// Where its data left the line of an earlier instance, oldest first.
    #[serde(default)]
    pub branches: Vec<Branch>,
    /// `DbiResourceId`s that clients were moved away from: one that could not be tagged as retired still carries the policy.
    #[serde(default)]
    pub retired: Vec<String>,
    /// Of a cache: what it held when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<KeptLife>,
    /// When every watched check last passed: a good moment to restore to.
    pub checks_passed_at: Option<Timestamp>,
    /// Work that somebody planned: silence during it is no failure.
    #[serde(default)]
    pub planned_work: Option<PlannedWork>,
    /// When a drill last passed.
    pub last_drill: Option<Timestamp>,
}

/// A cut-over: what the instance before wrote after the restore point is on no line that leads to today's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The `DbiResourceId` of the instance before.
    pub resource_id: String,
    /// The restore point that its successor began with.
    pub at: Timestamp,
}

/// Work that somebody planned, as RDS announced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWork {
    /// What, in words.
    pub what: String,
    /// When it began; it counts for at most [`PlannedWork::COUNTS_FOR`], as the event of its end may be lost.
    pub since: Timestamp,
}

impl ResourceRecord {
    /// Whether clients were moved away from it, whatever its tags say.
    pub fn has_retired(&self, observed: &ObservedDatabase) -> bool {
        self.retired.contains(&observed.resource_id)
    }

    /// Whether what an instance held at a moment is part of the past of today's data.
    pub fn descends_from(&self, resource_id: &str, at: Timestamp) -> bool {
        let left = self.branches.iter().find(|branch| branch.resource_id == resource_id);
        resource_id == self.resource_id || left.is_some_and(|branch| at <= branch.at)
    }
}

impl PlannedWork {
    /// For how long planned work explains silence.
    pub const COUNTS_FOR: Span = Span::hours(2);

    /// Whether it still explains silence.
    pub fn explains(&self, now: Timestamp) -> bool {
        now < self.since + Self::COUNTS_FOR.as_delta()
    }
}

/// Which incident an execution works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRecord {
    /// The incident.
    pub incident: IncidentId,
}

/// A protected resource, so that its disappearance is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetMember {
    /// The identity.
    pub resource: Identity,
}

/// An event or a sweep's finding that was looked at, with what became of it: nothing is dropped without a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSignal {
    /// When it was seen.
    pub at: Timestamp,
    /// What it is.
    pub source: String,
    /// Its plane.
    pub plane: Plane,
    /// What it is about, if that is known.
    pub resource: Option<Identity>,
    /// The incident that it opened or belongs to.
    pub incident: Option<IncidentId>,
    /// What was done and why.
    pub reason: String,
}

/// Something to tell people that no workflow tells: written by `detect`, told by `notify` at the next sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// When it was found.
    pub at: Timestamp,
    /// About whom, if that is known.
    pub resource: Option<Identity>,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
    /// One line.
    pub title: String,
    /// What happened, why it matters, what to do, as sentences.
    pub text: String,
    /// When it was told.
    pub told_at: Option<Timestamp>,
}

impl News {
    /// Leaves it for `notify`; the same title of the same incident is told once for one `filed_at`.
    pub async fn leave(&self, ledger: &impl Ledger, filed_at: Timestamp) -> Result<(), DrError> {
        let about = self.incident.as_ref().map_or("", IncidentId::as_str);
        let key = keys::news(filed_at, &short_digest(&[&self.title, about]));
        ledger::create(ledger, &key, self).await.map(|_| ())
    }
}

/// What the ledger knows of a resource.
pub async fn record(ledger: &impl Ledger, resource: &Identity) -> Result<Option<ResourceRecord>, DrError> {
    Ok(ledger::read::<ResourceRecord>(ledger, &keys::record(resource)).await?.map(|kept| kept.value))
}

/// The configuration that was kept of it, for when it is gone.
pub async fn kept_manifest(documents: &impl Documents, record: &ResourceRecord) -> Result<Option<Manifest>, DrError> {
    let Some(key) = &record.manifest else { return Ok(None) };
    let found = documents.get_json(key).await.map_err(|error| error.while_doing(format!("reading the manifest {key}")))?;
    let decoded = found.map(serde_json::from_value).transpose();
    decoded.map_err(|error| DrError::unrecoverable(format!("the manifest {key} does not decode: {error}")))
}

/// Writes today's physical facts into the record, making it if it is new. A database of another kind under the same identity is refused:
/// its record and its incidents would mix two databases.
pub async fn refresh(ledger: &impl Ledger, resource: &Identity, observed: &ObservedDatabase) -> Result<ResourceRecord, DrError> {
    let key = keys::record(resource);
    let policy = observed.policy().unwrap_or_default().to_owned();
    if ledger::read::<ResourceRecord>(ledger, &key).await?.is_none() {
        let record = ResourceRecord {
            resource: resource.clone(),
            kind: observed.id.kind(),
            policy: policy.clone(),
            id: observed.id.clone(),
            arn: observed.arn.clone(),
            resource_id: observed.resource_id.clone(),
            engine: Some(observed.configuration.engine.clone()),
            endpoint: observed.endpoint.clone(),
            secret: observed.secret().map(str::to_owned),
            manifest: None,
            moved_by: None,
            open_incident: None,
            generation: 0,
            last_recovery: None,
            storage_grown_at: None,
            acknowledged: None,
            recovery_times: Vec::new(),
            failed_probes: 0,
            unreachable_since: None,
            last_probe_at: None,
            answered: None,
            branches: Vec::new(),
            retired: Vec::new(),
            life: None,
            checks_passed_at: None,
            planned_work: None,
            last_drill: None,
        };
        ledger::create(ledger, &key, &record).await?;
        ledger::create(ledger, &keys::fleet(resource), &FleetMember { resource: resource.clone() }).await?;
    }
    ledger::update::<ResourceRecord, _>(ledger, &key, |record| {
        if record.has_retired(observed) {
            return Ok(());
        }
        if record.kind != observed.id.kind() {
            return Err(DrError::refused(format!(
                "{} carries the identity {resource}, which is that of {}, a {}: give one of them another tag lifeboat:resource",
                observed.arn,
                record.arn,
                record.kind.in_words()
            )));
        }
        record.policy.clone_from(&policy);
        // On its way to deletion it has no address any more.
        let last = record.endpoint.take().filter(|_| record.resource_id == observed.resource_id);
        record.endpoint = observed.endpoint.clone().or(last);
        record.id = observed.id.clone();
        record.arn = observed.arn.clone();
        record.resource_id.clone_from(&observed.resource_id);
        record.engine = Some(observed.configuration.engine.clone());
        record.secret = observed.secret().map(str::to_owned);
        Ok(())
    })
    .await
}
