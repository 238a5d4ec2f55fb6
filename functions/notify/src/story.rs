//! Everything that the ledger tells of one incident, read once.

use crate::copies::{self, Leftover};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Fence, FenceState};
use lifeboat_domain::approval::Question;
use lifeboat_domain::error::DrError;
use lifeboat_domain::events;
use lifeboat_domain::ids::{Arn, DatabaseId, IncidentId, PlanHash};
use lifeboat_domain::incident::{Incident, Phase, Setback, TimelineEntry};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Act, FencePlan, Plan, PlannedCall, Remedy};
use lifeboat_domain::point::Difference;
use lifeboat_domain::policy::{FingerprintTable, Objective, PolicyDocument};
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::validation::{SideDifference, Validation};
use lifeboat_domain::verdict::Verdict;
use lifeboat_domain::warm_up::WarmUp;
use lifeboat_domain::words::{Plane, RecoveryMode};

/// The story of an incident.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) incident: Incident,
    /// Every plan that was made, in the order of their hashes.
    pub(crate) plans: Vec<Plan>,
    /// Every call on record, with the plan that it belongs to.
    pub(crate) calls: Vec<(PlanHash, CallRecord)>,
    pub(crate) validation: Option<Validation>,
    pub(crate) warm_up: Option<WarmUp>,
    pub(crate) difference: Option<SideDifference>,
    pub(crate) configuration: Vec<Difference>,
    pub(crate) fence: Option<Fence>,
    pub(crate) cut_over: Option<CutOver>,
    /// Oldest first.
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) record: Option<ResourceRecord>,
    /// What a person is asked about the plan in force.
    pub(crate) question: Option<Question>,
    /// Databases of earlier stories that may still exist; looked for only where something was restored.
    pub(crate) leftovers: Vec<Leftover>,
    pub(crate) promise: Promise,
}

/// What the policy promises, where it is still known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promise {
    pub(crate) objective: Option<Objective>,
    pub(crate) mode: Option<RecoveryMode>,
    pub(crate) tables: Vec<FingerprintTable>,
    /// The attribute that says when an item of a DynamoDB table was last written.
    pub(crate) written_at: Option<String>,
}

impl Promise {
    fn of(policies: &PolicyDocument, incident: &Incident) -> Self {
        let Some(policy) = policies.policies.get(&incident.policy) else { return Self::default() };
        let scenario = incident.scenario();
        Self {
            objective: Some(scenario.map_or(policy.objective, |scenario| policy.objective_for(scenario))),
            mode: Some(scenario.map_or(policy.mode, |scenario| policy.mode_for(scenario))),
            tables: policy.fingerprint.clone(),
            written_at: policy.items.written_at.clone(),
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
            warm_up: ledger::read(ledger, &keys::warm_up(id)).await?.map(|kept| kept.value),
            difference: ledger::read(ledger, &keys::difference(id)).await?.map(|kept| kept.value),
            configuration: ledger::read(ledger, &keys::configuration(id)).await?.map(|kept| kept.value).unwrap_or_default(),
            fence: ledger::read(ledger, &keys::fence(id)).await?.map(|kept| kept.value),
            cut_over: ledger::read(ledger, &keys::cut_over(id)).await?.map(|kept| kept.value),
            timeline,
            record: ledger::read(ledger, &keys::record(&incident.resource)).await?.map(|kept| kept.value),
            question: question(ledger, &incident).await?,
            leftovers: copies::leftovers(ledger, &incident).await,
            promise: Promise::of(policies, &incident),
            incident,
        })
    }

    /// The question that waits for its answer.
    pub(crate) fn open_question(&self) -> Option<&Question> {
        self.question.as_ref().filter(|question| question.answer.is_none() && self.approvable_plan().is_some())
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        let hash = self.incident.plan.as_ref()?;
        self.plans.iter().find(|plan| plan.hash == *hash)
    }

    /// The plan in force, if a person's approval could make it run: not where it observes, cannot fence, cannot move clients as the policy
    /// says, or made a spoilt copy.
    pub(crate) fn approvable_plan(&self) -> Option<&Plan> {
        self.plan().filter(|plan| {
            plan.remedy.is_some_and(|remedy| remedy != Remedy::Guided)
                && self.promise.mode != Some(RecoveryMode::Observe)
                && plan.fence != Some(FencePlan::Impossible)
                && !cannot_move_clients(plan)
                && !plan.target.as_ref().is_some_and(|target| self.is_spoilt(target))
        })
    }

    /// Whether a member is to take over from another Region: it stays where it is, and nothing is kept beside it.
    pub(crate) fn takes_over(&self) -> bool {
        self.plan().is_some_and(|plan| plan.remedy == Some(Remedy::TakeOver))
    }

    /// Whether what it makes is a clone of today's data: it brings nothing back.
    pub(crate) fn is_clone(&self) -> bool {
        self.plan().is_some_and(|plan| plan.remedy == Some(Remedy::Clone))
    }

    /// Whether a copy must not be used any more.
    pub(crate) fn is_spoilt(&self, copy: &DatabaseId) -> bool {
        self.incident.setbacks.iter().filter_map(Setback::spoils).any(|spoilt| spoilt == copy)
    }

    /// Whether the source answered again after its copy was restored.
    pub(crate) fn outran_its_copy(&self) -> bool {
        self.incident.setbacks.iter().any(|setback| matches!(setback, Setback::Outrun { .. }))
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

    /// The size that the volume was grown to by Lifeboat, in GiB.
    pub(crate) fn grown_to(&self) -> Option<i32> {
        let done = self.calls.iter().filter(|(_, record)| record.state == CallState::Done);
        done.filter_map(|(_, record)| if let Act::GrowStorage { gib, .. } = record.act { Some(gib) } else { None }).next_back()
    }

    /// The last line of the timeline that belongs to one of `phases`.
    pub(crate) fn last_of(&self, phases: &[Phase]) -> Option<&TimelineEntry> {
        self.timeline.iter().rev().find(|entry| phases.contains(&entry.phase))
    }

    /// The cut-over, if clients were moved and are still there.
    pub(crate) fn moved(&self) -> Option<&CutOver> {
        self.cut_over.as_ref().filter(|cut_over| matches!(cut_over.state(), CutOverState::Moved | CutOverState::Verified))
    }

    /// The cut-over, if clients were seen on the new database: from then on it only goes forward.
    pub(crate) fn verified(&self) -> Option<&CutOver> {
        self.cut_over.as_ref().filter(|cut_over| cut_over.state() == CutOverState::Verified)
    }

    /// The cut-over, if some target leads to the new database, or may.
    pub(crate) fn perhaps_moved(&self) -> Option<&CutOver> {
        self.cut_over.as_ref().filter(|cut_over| cut_over.is_begun())
    }

    /// The fence, unless it was opened again.
    pub(crate) fn fenced(&self) -> Option<&Fence> {
        self.fence.as_ref().filter(|fence| fence.state != FenceState::Opened)
    }

    /// The planned calls after the move that are not known to be done, besides those that are made for others.
    pub(crate) fn unfinished(&self) -> Vec<&PlannedCall> {
        let Some(plan) = self.plan() else { return Vec::new() };
        let done = |index: usize| {
            self.calls.iter().any(|(hash, record)| *hash == plan.hash && record.index == index && record.state == CallState::Done)
        };
        plan.calls_of(Phase::Close).filter(|(index, call)| !call.act.is_for_others() && !done(*index)).map(|(_, call)| call).collect()
    }

    /// The calls for others that are not known to be made since the move: consumers were not told, caches not emptied.
    pub(crate) fn not_made_for_others(&self) -> Vec<(&PlannedCall, Option<&CallRecord>)> {
        let Some(plan) = self.plan().filter(|_| self.verified().is_some()) else { return Vec::new() };
        let record = |index: usize| self.calls.iter().find(|(hash, record)| *hash == plan.hash && record.index == index);
        let for_others = plan.calls_of(Phase::Close).filter(|(_, call)| call.act.is_for_others());
        let untold = for_others.map(|(index, call)| (call, record(index).map(|(_, record)| record)));
        untold.filter(|(_, record)| record.is_none_or(|record| record.state != CallState::Done)).collect()
    }

    /// Whether the identity was moved to the new database, or may have been.
    pub(crate) fn identity_moved(&self) -> bool {
        let is_tag = |act: &Act| matches!(act, Act::AddTags { .. } | Act::RemoveTags { .. });
        self.calls.iter().any(|(_, record)| record.phase == Phase::Close && record.state != CallState::Refused && is_tag(&record.act))
    }

    /// A failover that was asked for, and of which nobody knows whether it took place.
    pub(crate) fn lost_failover(&self) -> Option<&CallRecord> {
        let mut sent = self.calls.iter().map(|(_, record)| record).filter(|record| record.state == CallState::Sent);
        sent.find(|record| matches!(record.act, Act::ForceFailover { .. }))
    }

    /// Whether the source had deletion protection when the plan was made, which its copy gets too; none if no plan says so.
    pub(crate) fn is_protected(&self) -> Option<bool> {
        self.plan()?.calls.iter().find_map(|call| match &call.act {
            Act::RestoreFromSnapshot { settings, .. } | Act::RestoreToPointInTime { settings, .. } | Act::CloneCluster { settings, .. } => {
                Some(settings.configuration.deletion_protection)
            }
            Act::PromoteReplica { expected, .. } => Some(expected.deletion_protection),
            _ => None,
        })
    }

    /// Whether a copy has deletion protection, which it gets once it is usable; none if no plan says so.
    pub(crate) fn is_copy_protected(&self, copy: &DatabaseId) -> Option<bool> {
        let never_ran = self.incident.setbacks.iter().filter_map(Setback::unusable).any(|unusable| unusable == copy);
        if never_ran { Some(false) } else { self.is_protected() }
    }

    /// The copy that the plan in force has made, or may have, as long as no client was led to it: it is billed, whatever it lacks.
    pub(crate) fn standing_copy(&self) -> Option<(&DatabaseId, Arn)> {
        let plan = self.plan().filter(|_| self.perhaps_moved().is_none())?;
        let target = plan.target.as_ref()?;
        let made =
            self.calls.iter().any(|(hash, record)| *hash == plan.hash && record.state != CallState::Refused && makes_copy(&record.act));
        made.then_some(target).zip(self.incident.source.arn.sibling(target).ok())
    }

    /// Whether the source is gone, as the plan found it.
    pub(crate) fn source_is_gone(&self) -> bool {
        self.plan().is_some_and(|plan| plan.fence == Some(FencePlan::Gone))
    }

    /// Whether the source is in a status that RDS never leaves by itself, as the plan found it.
    pub(crate) fn source_is_terminal(&self) -> bool {
        self.plan().is_some_and(|plan| plan.fence == Some(FencePlan::Terminal))
    }

    /// Whether the story began with a person's request: then nobody knows when the trouble itself began.
    pub(crate) fn began_with_request(&self) -> bool {
        let first = self.incident.first_signal_at;
        self.incident.signals.iter().any(|signal| signal.at == first && signal.plane == Plane::Person)
    }

    /// Whether anybody saw it down: a probe, a verdict, or an event of RDS.
    pub(crate) fn saw_outage(&self) -> bool {
        // The same request asked again is the same incident, with the lines of before.
        let judged_down = |entry: &TimelineEntry| {
            let word = entry.text.split(':').next().and_then(Verdict::parse);
            let is_down = matches!(word, Some(Verdict::SelfHealing | Verdict::Suspect | Verdict::Failed));
            entry.phase == Phase::Judge && entry.at >= self.incident.opened_at && is_down
        };
        self.incident.unreachable_since.is_some() || self.timeline.iter().any(judged_down) || events::by_itself(&self.incident).is_some()
    }
}

const fn makes_copy(act: &Act) -> bool {
    matches!(act, Act::RestoreFromSnapshot { .. } | Act::RestoreToPointInTime { .. } | Act::CloneCluster { .. } | Act::RebuildCold { .. })
}

/// Whether clients cannot be moved as the policy says.
pub(crate) fn cannot_move_clients(plan: &Plan) -> bool {
    plan.moves_clients && !plan.refusals.is_empty()
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

async fn question(ledger: &impl Ledger, incident: &Incident) -> Result<Option<Question>, DrError> {
    let Some(plan) = &incident.plan else { return Ok(None) };
    Ok(ledger::read::<Question>(ledger, &keys::question(plan)).await?.map(|kept| kept.value))
}
