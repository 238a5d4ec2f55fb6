//! Planning: reads everything a plan is made from, makes it, keeps it, and passes it through the gates.

use crate::observe::instance;
use crate::steps::facts::{kept_points, recent_incidents, secret_changed_at};
use crate::steps::{caches, exports};
use crate::{Case, Databases, Deps, Secrets, targets};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Fence, FenceState};
use lifeboat_domain::approval::Question;
use lifeboat_domain::caches::FoundCache;
use lifeboat_domain::exports::Beside;
use lifeboat_domain::ids::IncidentId;
use lifeboat_domain::incident::{Incident, IncidentState, Phase, Setback};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{Configuration, ObservedDatabase, UNFENCED};
use lifeboat_domain::plan::{
    Decision, FoundTarget, Gate, GateFacts, MovedFrom, Plan, PlanFacts, Planned, Remedy, UsablePoint, decide, is_approvable, make_plan,
    rows_since,
};
use lifeboat_domain::point::Manifest;
use lifeboat_domain::policy::Policy;
use lifeboat_domain::ports::{Clock, Documents, Ledger};
use lifeboat_domain::recovery_input::RecoveryInput;
use lifeboat_domain::register::{ResourceRecord, kept_manifest};
use lifeboat_domain::replica::{Replica, ReplicaLooks, of_source};
use lifeboat_domain::words::{ResourceKind, Run, Scenario};
use lifeboat_domain::{DrError, Span, Timestamp};
use serde::Serialize;

/// What the state machine is told of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlanAnswer {
    decision: Decision,
    /// `restore`, `fail_over`, `promote`, `take_over`, `grow`, `swap_back` or `none`.
    remedy: &'static str,
    plan: String,
    reason: String,
    wait_seconds: u64,
}

/// What was read to make the plan from.
struct Read {
    targets: Vec<FoundTarget>,
    caches: Vec<FoundCache>,
    observed: Option<ObservedDatabase>,
    manifest: Option<Manifest>,
    points: Vec<UsablePoint>,
    baselines: Vec<(Timestamp, String)>,
    secret_changed_at: Option<Timestamp>,
    record: ResourceRecord,
    window: Option<lifeboat_domain::observed::RestoreWindow>,
    moved_from: Option<MovedFrom>,
    replicas: Vec<Replica>,
}

/// Makes the plan and decides.
pub(crate) async fn plan<R: Databases, L: Ledger, D: Documents, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<PlanAnswer, DrError> {
    let now = deps.clock.now();
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    if incident.state != IncidentState::Open {
        return Err(DrError::refused(format!("incident {} is {}: there is nothing to plan", incident.id, incident.state)));
    }
    let policy = deps.policies.policy(&incident.policy)?;
    if let Some(under_way) = under_way(deps, &incident).await? {
        return carry_on(deps, &incident, &under_way).await;
    }
    let read = read_world(deps, &incident).await?;
    let mut planned = made(deps, &incident, policy, &read, now)?;
    let has_points = read.window.is_some() || !read.points.is_empty();
    let beside = Beside { manifest: read.manifest.as_ref(), has_points, restore_to: incident.request.restore_to };
    exports::add_guidance(&deps.ledger, &incident, beside, &mut planned.plan).await;
    let gate = gate(deps, &incident, policy, &planned, &read.record, now).await?;
    let plan = planned.plan;
    if matches!(gate.decision, Decision::Ask | Decision::Stop) && is_approvable(&plan, policy) {
        put_question(deps, &incident, &plan, policy, now).await?;
    }
    keep(deps, &incident, &plan, &gate, now).await?;
    let gate = expire(&incident, policy, gate, now);
    Ok(answer(&plan, gate))
}

/// Goes on with a plan that has been begun.
async fn carry_on<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    under_way: &Plan,
) -> Result<PlanAnswer, DrError> {
    let reason = "this plan is being carried out: it is carried on, not replaced".to_owned();
    let gate = Gate { decision: Decision::Execute, reason, lift: None, look_again_in: None };
    let carried_on = answer(under_way, gate);
    // A copy that the way back has closed is opened only behind the fence.
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?;
    let closed = cut_over.is_some_and(|kept| kept.value.closed.is_some());
    Ok(if closed { PlanAnswer { remedy: "swap_back", ..carried_on } } else { carried_on })
}

/// Makes the plan from what was read.
fn made<R, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    policy: &Policy,
    read: &Read,
    now: Timestamp,
) -> Result<Planned, DrError> {
    let vpc = read.manifest.as_ref().and_then(|manifest| manifest.configuration.vpc.clone()).unwrap_or_default();
    make_plan(PlanFacts {
        now,
        incident,
        policy,
        observed: read.observed.as_ref(),
        manifest: read.manifest.as_ref(),
        window: read.window,
        points: &read.points,
        baselines: &read.baselines,
        fence_group: deps.policies.fence_groups.get(&vpc).map(String::as_str),
        quarantine_group: deps.policies.quarantine_groups.get(&vpc).map(String::as_str),
        secret_changed_at: read.secret_changed_at,
        checks_passed_at: read.record.checks_passed_at,
        recovery_times: &read.record.recovery_times,
        storage_grown_at: read.record.storage_grown_at,
        life: read.record.life.as_ref().filter(|life| life.resource_id == incident.source.resource_id),
        moved_from: read.moved_from.as_ref(),
        targets: &read.targets,
        caches: &read.caches,
        replicas: &read.replicas,
    })
}

/// Passes the plan through the gates.
async fn gate<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    policy: &Policy,
    Planned { plan, wait_for }: &Planned,
    record: &ResourceRecord,
    now: Timestamp,
) -> Result<Gate, DrError> {
    let pause = lifeboat_domain::pause::in_force(&deps.ledger, &incident.resource, now).await?;
    let question = ledger::read::<Question>(&deps.ledger, &keys::question(&plan.hash)).await?.map(|kept| kept.value);
    let facts = GateFacts {
        now,
        kind: incident.kind,
        request: &incident.request,
        question: question.as_ref(),
        policy,
        breaker: &deps.policies.breaker,
        recent_incidents: recent_incidents(deps, now).await?,
        pause: pause.as_ref(),
        last_recovery: record.last_recovery.filter(|last| record.acknowledged != Some(*last)),
        last_drill: record.last_drill,
        wait_for: *wait_for,
    };
    Ok(decide(plan, facts))
}

/// The plan whose restore or promotion was sent, has not failed, and was not outrun by its source; a promotion begins with the fence. A person who names another plan is not overruled.
async fn under_way<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, incident: &Incident) -> Result<Option<Plan>, DrError> {
    let Some(hash) = incident.plan.as_ref().filter(|hash| incident.request.plan.as_ref().is_none_or(|named| named == *hash)) else {
        return Ok(None);
    };
    if incident.request.run == Run::Plan {
        return Ok(None);
    }
    let Some(plan) = ledger::read::<Plan>(&deps.ledger, &keys::plan(&incident.id, hash)).await?.map(|kept| kept.value) else {
        return Ok(None);
    };
    let calls = ledger::list::<CallRecord>(&deps.ledger, &keys::of_incident(&incident.id), &format!("call#{hash}#")).await?;
    // A table that takes over is asked for nothing: it begins with its clients.
    let first = [(Phase::Fence, Remedy::PromoteReplica), (Phase::CutOver, Remedy::TakeOver)];
    let begins = |phase: Phase| phase == Phase::Act || first.iter().any(|(of, remedy)| *of == phase && plan.remedy == Some(*remedy));
    let sent = calls.iter().any(|call| begins(call.value.phase) && call.value.state != CallState::Refused);
    let spoilt = incident.setbacks.iter().filter_map(Setback::spoils).any(|target| Some(target) == plan.target.as_ref());
    let promotes = caches::is_under_way(&plan, &calls.iter().map(|call| &call.value).collect::<Vec<_>>());
    Ok(((plan.target.is_some() && sent && !spoilt) || promotes).then_some(plan))
}

fn answer(plan: &Plan, gate: Gate) -> PlanAnswer {
    let reason = match &gate.lift {
        Some(lift) => format!("{}. What would lift this: {lift} (plan {})", gate.reason, plan.hash),
        None => gate.reason,
    };
    PlanAnswer {
        decision: gate.decision,
        remedy: match plan.remedy {
            Some(Remedy::ForceFailover) => "fail_over",
            Some(Remedy::PromoteReplica) => "promote",
            Some(Remedy::TakeOver) => "take_over",
            Some(Remedy::GrowStorage) => "grow",
            Some(Remedy::SwapBack) => "swap_back",
            Some(Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot | Remedy::RebuildCold | Remedy::Clone) => {
                "restore"
            }
            Some(Remedy::Guided) | None => "none",
        },
        plan: plan.hash.to_string(),
        reason,
        wait_seconds: gate.look_again_in.map_or(0, Span::as_secs),
    }
}

/// From now on a person may answer, once and in time.
async fn put_question<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    plan: &Plan,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), DrError> {
    let question = Question {
        resource: incident.resource.clone(),
        incident: incident.id.clone(),
        plan: plan.hash.clone(),
        asked_at: now,
        expires_at: now + policy.timing.approval.as_delta(),
        input: RecoveryInput::to_approve(incident, plan),
        answer: None,
    };
    ledger::write(&deps.ledger, &keys::question(&plan.hash), &question).await
}

/// A wait for a restorable time ends like any other.
fn expire(incident: &Incident, policy: &Policy, gate: Gate, now: Timestamp) -> Gate {
    let since = incident.waiting_since.unwrap_or(now);
    if gate.decision == Decision::Wait && Span::between(since, now) >= policy.timing.give_up_after {
        let lift = Some("ask for an earlier restore_to".to_owned());
        return Gate { decision: Decision::Ask, reason: format!("gave up waiting: {}", gate.reason), lift, look_again_in: None };
    }
    gate
}

async fn keep<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    plan: &Plan,
    gate: &Gate,
    now: Timestamp,
) -> Result<(), DrError> {
    ledger::write(&deps.ledger, &keys::plan(&incident.id, &plan.hash), plan).await?;
    let waits = gate.decision == Decision::Wait;
    let changed = incident.plan.as_ref() != Some(&plan.hash);
    ledger::update::<Incident, _>(&deps.ledger, &keys::incident(&incident.id), |incident| {
        incident.plan = Some(plan.hash.clone());
        if waits {
            incident.waiting_since.get_or_insert(now);
        } else if changed {
            incident.waiting_since = None;
        }
        Ok(())
    })
    .await?;
    let remedy = plan.remedy.map_or("nothing", Remedy::as_str);
    let text = format!(
        "plan {}: {remedy}, because {}; {}: {}",
        plan.hash.as_str().get(..8).unwrap_or_default(),
        plan.reason,
        gate.decision,
        gate.reason
    );
    if changed || !waits {
        ledger::tell(&deps.ledger, &incident.id, now, Phase::Plan, text).await?;
    }
    Ok(())
}

async fn read_world<R: Databases, L: Ledger, D: Documents, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
) -> Result<Read, DrError> {
    let now = deps.clock.now();
    let source = &incident.source;
    let observed = instance(&deps.databases, &source.id).await?.filter(|found| found.resource_id == source.resource_id);
    let record = ledger::expect::<ResourceRecord>(&deps.ledger, &keys::record(&incident.resource)).await?.value;
    let manifest = match &observed {
        Some(observed) => {
            let shown = with_members(deps, &record, Manifest::of(observed, now)).await?;
            Some(unfenced(deps, incident, &record, shown).await?)
        }
        None => kept_manifest(&deps.documents, &record).await?,
    };
    let manifest = match manifest {
        Some(manifest) if incident.moves_clients() => Some(targets::watch::with_alarms(deps, &record, manifest, observed.is_none()).await?),
        manifest => manifest,
    };
    let window = deps
        .databases
        .restore_window(&source.id, &source.resource_id)
        .await
        .map_err(|error| error.while_doing("reading the restorable window"))?;
    let (points, baselines) = kept_points(deps, incident, &record).await?;
    let secret_changed_at = secret_changed_at(deps, manifest.as_ref()).await?;
    let moved_from = match (incident.scenario(), &record.moved_by) {
        (Some(Scenario::Undo), Some(moved_by)) => moved_from(deps, incident, moved_by).await?,
        _ => None,
    };
    let policy = deps.policies.policy(&incident.policy)?;
    let (cut_over, caches) = if incident.moves_clients() { (&*policy.cut_over, &*policy.caches) } else { (&[][..], &[][..]) };
    let caches = targets::filled::find(deps, caches).await?;
    let targets = targets::find::find(deps, incident, cut_over, manifest.as_ref().and_then(Manifest::secret)).await?;
    let replicas = replicas(deps, incident, observed.as_ref()).await?;
    Ok(Read { targets, caches, observed, manifest, points, baselines, secret_changed_at, record, window, moved_from, replicas })
}

/// What the incident that moved clients left behind; none if clients are elsewhere by now.
async fn moved_from<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    undo: &Incident,
    moved_by: &IncidentId,
) -> Result<Option<MovedFrom>, DrError> {
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(moved_by)).await?.map(|kept| kept.value);
    let Some(cut_over) = cut_over.filter(|cut_over| cut_over.state() == CutOverState::Verified) else { return Ok(None) };
    let moved = ledger::incident(&deps.ledger, moved_by).await?;
    if moved.restored.as_ref().is_none_or(|restored| restored.id != undo.source.id) {
        return Ok(None);
    }
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(moved_by)).await?.map(|kept| kept.value);
    let found = instance(&deps.databases, &moved.source.id).await?;
    let observed = found.filter(|found| found.resource_id == moved.source.resource_id);
    let rows_since = rows_since(&deps.ledger, moved_by, &undo.id).await?;
    Ok(Some(MovedFrom {
        last_write: fence
            .as_ref()
            .filter(|_| moved.scenario().is_some_and(Scenario::leaves_source_serving))
            .map_or_else(|| moved.last_write(), |fence| fence.at),
        source: moved.source,
        observed,
        groups_before: fence.filter(|fence| fence.group.is_some()).map(|fence| fence.groups_before),
        moved_at: cut_over.at(),
        rows_since,
    }))
}

/// The source's replicas as they are now, each with what its engine said before the plan.
async fn replicas<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    source: Option<&ObservedDatabase>,
) -> Result<Vec<Replica>, DrError> {
    let Some(source) = source.filter(|source| !source.replicas.is_empty()) else { return Ok(Vec::new()) };
    let found = of_source(&deps.databases, source).await?;
    let kept = ledger::read::<ReplicaLooks>(&deps.ledger, &keys::replica_looks(&incident.id)).await?.map(|kept| kept.value);
    let looks = kept.unwrap_or_default().looks;
    Ok(found.into_iter().map(|observed| Replica { look: looks.get(&observed.resource_id).cloned(), observed }).collect())
}

/// A copy of an Aurora cluster that has lost its instances is given those that the kept manifest names.
async fn with_members<R, L, D: Documents, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    record: &ResourceRecord,
    mut shown: Manifest,
) -> Result<Manifest, DrError> {
    if shown.configuration.lacks_members()
        && let Some(kept) = kept_manifest(&deps.documents, record).await?
        && let (Some(own), Some(kept)) = (shown.configuration.cluster_mut(), kept.configuration.cluster())
    {
        own.members.clone_from(&kept.members);
    }
    Ok(shown)
}

/// A fence that was never opened again is no part of the source's configuration: a copy would be born behind it.
async fn unfenced<R, L: Ledger, D: Documents, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    record: &ResourceRecord,
    manifest: Manifest,
) -> Result<Manifest, DrError> {
    if manifest.configuration.table().is_some() {
        let security_groups = vec![UNFENCED.to_owned()];
        return Ok(Manifest { configuration: Configuration { security_groups, ..manifest.configuration }, ..manifest });
    }
    let groups = match incident.kind {
        // A cache is fenced by the group that admits validate, which ends its sessions.
        ResourceKind::ReplicationGroup => &deps.policies.quarantine_groups,
        _ => &deps.policies.fence_groups,
    };
    let fence = manifest.configuration.vpc.as_ref().and_then(|vpc| groups.get(vpc));
    if fence.is_none_or(|fence| manifest.configuration.security_groups != [fence.clone()]) {
        return Ok(manifest);
    }
    let ours = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?.map(|kept| kept.value);
    if let Some(before) = ours.filter(|fence| fence.state != FenceState::Opened && !fence.groups_before.is_empty()) {
        let configuration = Configuration { security_groups: before.groups_before, ..manifest.configuration };
        return Ok(Manifest { configuration, ..manifest });
    }
    let kept = kept_manifest(&deps.documents, record)
        .await?
        .ok_or_else(|| DrError::refused(format!("{} is fenced, and no manifest of before says which security groups it had", record.id)))?;
    let security_groups = kept.configuration.security_groups;
    Ok(Manifest { configuration: Configuration { security_groups, ..manifest.configuration }, ..manifest })
}
