//! Everything that the ledger tells of one incident, read once.

use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Fence};
use lifeboat_domain::error::DrError;
use lifeboat_domain::ids::{IncidentId, PlanHash};
use lifeboat_domain::incident::{Incident, Phase, TimelineEntry};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Act, Plan, Remedy};
use lifeboat_domain::point::Difference;
use lifeboat_domain::policy::{FingerprintTable, Objective, PolicyDocument};
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::validation::{SideDifference, Validation};
use lifeboat_domain::words::RecoveryMode;

/// The story of an incident.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) incident: Incident,
    /// Every plan that was made, in the order of their hashes.
    pub(crate) plans: Vec<Plan>,
    /// Every call on record, with the plan that it belongs to.
    pub(crate) calls: Vec<(PlanHash, CallRecord)>,
    pub(crate) validation: Option<Validation>,
    pub(crate) difference: Option<SideDifference>,
    pub(crate) configuration: Vec<Difference>,
    pub(crate) fence: Option<Fence>,
    pub(crate) cut_over: Option<CutOver>,
    /// Oldest first.
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) record: Option<ResourceRecord>,
    pub(crate) promise: Promise,
}

/// What the policy promises, where it is still known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promise {
    pub(crate) objective: Option<Objective>,
    pub(crate) mode: Option<RecoveryMode>,
    pub(crate) tables: Vec<FingerprintTable>,
}

impl Promise {
    fn of(policies: &PolicyDocument, incident: &Incident) -> Self {
        let Some(policy) = policies.policies.get(&incident.policy) else { return Self::default() };
        let scenario = incident.scenario();
        Self {
            objective: Some(scenario.map_or(policy.objective, |scenario| policy.objective_for(scenario))),
            mode: Some(scenario.map_or(policy.mode, |scenario| policy.mode_for(scenario))),
            tables: policy.fingerprint.clone(),
        }
    }
}

impl Story {
    /// Reads it.
    pub(crate) async fn read(ledger: &impl Ledger, policies: &PolicyDocument, id: &IncidentId) -> Result<Self, DrError> {
        let incident = ledger::incident(ledger, id).await?;
        let partition = keys::of_incident(id);
        let plans = ledger::list(ledger, &partition, "plan#").await?.into_iter().map(|kept| kept.value).collect();
        let mut timeline: Vec<TimelineEntry> =
            ledger::list(ledger, &partition, "timeline#").await?.into_iter().map(|kept| kept.value).collect();
        timeline.sort_by_key(|entry| entry.at);
        Ok(Self {
            plans,
            calls: calls(ledger, &partition).await?,
            validation: ledger::read(ledger, &keys::validation(id)).await?.map(|kept| kept.value),
            difference: ledger::read(ledger, &keys::difference(id)).await?.map(|kept| kept.value),
            configuration: ledger::read(ledger, &keys::configuration(id)).await?.map(|kept| kept.value).unwrap_or_default(),
            fence: ledger::read(ledger, &keys::fence(id)).await?.map(|kept| kept.value),
            cut_over: ledger::read(ledger, &keys::cut_over(id)).await?.map(|kept| kept.value),
            timeline,
            record: ledger::read(ledger, &keys::record(&incident.resource)).await?.map(|kept| kept.value),
            promise: Promise::of(policies, &incident),
            incident,
        })
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        let hash = self.incident.plan.as_ref()?;
        self.plans.iter().find(|plan| plan.hash == *hash)
    }

    /// The plan in force, if a person's approval could make it run.
    pub(crate) fn approvable_plan(&self) -> Option<&Plan> {
        self.plan()
            .filter(|plan| plan.remedy.is_some_and(|remedy| remedy != Remedy::Guided) && self.promise.mode != Some(RecoveryMode::Observe))
    }

    /// Whether anything was changed for certain.
    pub(crate) fn anything_done(&self) -> bool {
        self.calls.iter().any(|(_, record)| record.state == CallState::Done)
    }

    /// Whether anything was changed, or may have been.
    pub(crate) fn anything_sent(&self) -> bool {
        self.calls.iter().any(|(_, record)| record.state != CallState::Refused)
    }

    /// Whether Lifeboat's own failover took place.
    pub(crate) fn failed_over(&self) -> bool {
        self.calls.iter().any(|(_, record)| record.state == CallState::Done && matches!(record.act, Act::ForceFailover { .. }))
    }

    /// The last line of the timeline that belongs to one of `phases`.
    pub(crate) fn last_of(&self, phases: &[Phase]) -> Option<&TimelineEntry> {
        self.timeline.iter().rev().find(|entry| phases.contains(&entry.phase))
    }

    /// The cut-over, if clients were moved and are still there.
    pub(crate) fn moved(&self) -> Option<&CutOver> {
        self.cut_over.as_ref().filter(|cut_over| matches!(cut_over.state, CutOverState::Moved | CutOverState::Verified))
    }
}

/// The calls with their plan's hash, which only the key tells: `call#<hash>#<place>`.
async fn calls(ledger: &impl Ledger, partition: &str) -> Result<Vec<(PlanHash, CallRecord)>, DrError> {
    let found = ledger.list(partition, "call#").await.map_err(|error| error.while_doing(format!("listing the calls of {partition}")))?;
    found
        .into_iter()
        .map(|(key, versioned)| {
            let hash = PlanHash::parse(key.sort.split('#').nth(1).unwrap_or_default())?;
            Ok((hash, ledger::decode(&key, versioned)?.value))
        })
        .collect()
}
