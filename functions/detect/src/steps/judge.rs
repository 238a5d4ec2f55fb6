//! Judging the source: Describe and the last probe, weighed by the domain.

use crate::{Deps, JudgeInput, Moment, replicas, resources};
use lifeboat_domain::acting::{CutOver, Fence, FenceState};
use lifeboat_domain::incident::{Answered, Incident, IncidentState, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Plan, rows_since};
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::verdict::{Evidence, Judgement, Verdict, judge as weigh};
use lifeboat_domain::words::{Run, Scenario};
use lifeboat_domain::{DrError, Span, Timestamp};
use serde::Serialize;

/// What the state machine is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JudgeAnswer {
    verdict: Verdict,
    reason: String,
    wait_seconds: u64,
}

/// Judges, and keeps what was counted.
pub(crate) async fn judge<R: ReadDatabases, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &JudgeInput,
) -> Result<JudgeAnswer, DrError> {
    let now = deps.clock.now();
    let key = keys::incident(&input.incident);
    let probe = ledger::read::<Probe>(&deps.ledger, &keys::probe(&input.incident)).await?.map(|kept| kept.value);
    let before = ledger::incident(&deps.ledger, &input.incident).await?;
    if before.state != IncidentState::Open {
        return Err(DrError::refused(format!("incident {} is {}: there is nothing to judge", before.id, before.state)));
    }
    let (observed, mistaken) = match look(deps, &before).await? {
        Seen::Source(found) => (Some(*found), None),
        Seen::Nothing => (None, None),
        Seen::Another(why) => (None, Some(why)),
    };
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&input.incident)).await?.map(|kept| kept.value);
    let counted = ledger::update::<Incident, _>(&deps.ledger, &key, |incident| {
        if let Some(found) = &observed {
            incident.source.engine = Some(found.configuration.engine.clone());
            incident.source.endpoint = found.endpoint.clone().or(incident.source.endpoint.clone());
            incident.source.database = found.configuration.database.clone().or(incident.source.database.clone());
        }
        count(incident, probe.as_ref(), observed.as_ref(), observed.is_none() && mistaken.is_none());
        Ok(())
    })
    .await?;
    let policy = deps.policies.policy(&counted.policy)?;
    if counted.request.run == Run::Execute {
        lifeboat_domain::lease::renew(&deps.ledger, &counted.resource, &input.execution, now, policy.timing.lease).await?;
    }
    let judgement = match carried_on(deps, &counted).await?.or(written_meanwhile(deps, &counted, input.moment).await?) {
        Some(judgement) => judgement,
        None => weigh(Evidence {
            now,
            observed: observed.as_ref(),
            mistaken: mistaken.as_deref(),
            fenced: fence.is_some_and(|fence| fence.state != FenceState::Opened),
            before_cut_over: input.moment == Moment::BeforeCutOver,
            probe: probe.as_ref(),
            incident: &counted,
            policy,
        }),
    };
    keep(deps, &counted, &judgement, probe.as_ref(), input.moment, now).await?;
    if judgement.verdict == Verdict::Failed && input.moment == Moment::BeforePlan {
        replicas::note(deps, &counted, judgement.scenario.or(counted.scenario()), observed.as_ref(), now).await?;
    }
    Ok(JudgeAnswer {
        verdict: judgement.verdict,
        reason: judgement.reason,
        wait_seconds: judgement.look_again_in.unwrap_or(policy.timing.probe_every).as_secs(),
    })
}

/// What stands where the source was.
enum Seen {
    /// The source.
    Source(Box<ObservedDatabase>),
    /// Nothing.
    Nothing,
    /// Something that must not be taken for it, with why.
    Another(String),
}

/// Looks for the source by its name; what has the name may be another instance, and the source may have another name.
async fn look<R: ReadDatabases, L, D, E, C>(deps: &Deps<R, L, D, E, C>, incident: &Incident) -> Result<Seen, DrError> {
    let source = &incident.source;
    match resources::instance(&deps.databases, &source.id).await? {
        Some(found) if found.resource_id == source.resource_id => return Ok(Seen::Source(Box::new(found))),
        Some(other) => {
            let why =
                format!("{} is another instance now ({}, and the incident is about {})", source.id, other.resource_id, source.resource_id);
            return Ok(Seen::Another(why));
        }
        None => {}
    }
    let all = deps.databases.databases().await.map_err(|error| error.while_doing("listing DB instances"))?;
    let renamed = all.into_iter().find(|found| found.resource_id == source.resource_id);
    Ok(renamed.map_or(Seen::Nothing, |found| Seen::Another(format!("{} is called {} now", source.id, found.id))))
}

/// Clients that are being moved, or were, are not left half-way: the source is not judged anew.
async fn carried_on<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, incident: &Incident) -> Result<Option<Judgement>, DrError> {
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    Ok(cut_over.filter(CutOver::is_begun).map(|cut_over| Judgement {
        verdict: Verdict::Failed,
        scenario: incident.scenario(),
        reason: format!("the cut-over is {} already: it is carried on", cut_over.state()),
        look_again_in: None,
    }))
}

/// An undo that was to lose nothing, although somebody has written since it was planned: it stops before anything is fenced.
async fn written_meanwhile<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    incident: &Incident,
    moment: Moment,
) -> Result<Option<Judgement>, DrError> {
    let (Moment::BeforeCutOver, Some(Scenario::Undo), Some(hash)) = (moment, incident.scenario(), &incident.plan) else { return Ok(None) };
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?;
    let plan = ledger::expect::<Plan>(&deps.ledger, &keys::plan(&incident.id, hash)).await?.value;
    let loses_nothing = plan.forecast().and_then(|forecast| forecast.loss) == Some(Span::seconds(0));
    if !loses_nothing || fence.is_some_and(|fence| fence.value.state != FenceState::Opened) {
        return Ok(None);
    }
    let record = ledger::expect::<ResourceRecord>(&deps.ledger, &keys::record(&incident.resource)).await?.value;
    let rows = match &record.moved_by {
        Some(moved_by) => rows_since(&deps.ledger, moved_by, &incident.id).await?,
        None => None,
    };
    let written = match rows {
        Some(0) => return Ok(None),
        Some(1) => format!("1 row was written to {} since the plan was made, which was to lose nothing", incident.source.id),
        Some(rows) => format!("{rows} rows were written to {} since the plan was made, which was to lose nothing", incident.source.id),
        None => format!("whether {} was written since the plan was made cannot be told any more", incident.source.id),
    };
    let reason = format!("{written}: start again to see the new plan");
    Ok(Some(Judgement { verdict: Verdict::Healthy, scenario: None, reason, look_again_in: None }))
}

/// Counts a probe once. Of what is gone no probe says since when: its first signal does, and the probe came later.
fn count(incident: &mut Incident, probe: Option<&Probe>, observed: Option<&ObservedDatabase>, is_gone: bool) {
    let Some(probe) = probe.filter(|probe| Some(probe.at) != incident.last_probe_at) else { return };
    incident.last_probe_at = Some(probe.at);
    if probe.outcome.is_down() && !is_gone {
        incident.failed_probes += 1;
        incident.unreachable_since.get_or_insert(probe.at);
    } else if probe.outcome == ProbeOutcome::Answers {
        incident.failed_probes = 0;
        if let Some(observed) = observed {
            incident.answered = Some(Answered { at: probe.at, security_groups: observed.configuration.security_groups.clone() });
        }
    }
}

async fn keep<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    before: &Incident,
    judgement: &Judgement,
    probe: Option<&Probe>,
    moment: Moment,
    now: Timestamp,
) -> Result<(), DrError> {
    let healthy_at = probe.filter(|_| judgement.verdict == Verdict::Healthy && moment == Moment::BeforePlan).map(|probe| probe.at);
    // A source that serves again may take writes that the copy lacks: the copy is not for clients any more.
    let is_outrun = judgement.verdict == Verdict::Healthy && !before.scenario().is_some_and(Scenario::leaves_source_serving);
    ledger::update::<Incident, _>(&deps.ledger, &keys::incident(&before.id), |incident| {
        incident.verdict = Some(judgement.verdict);
        if is_outrun {
            incident.outrun_copy();
        }
        if moment == Moment::BeforePlan {
            incident.scenario = judgement.scenario.or(incident.scenario);
        }
        if incident.healthy_at.is_none() {
            incident.healthy_at = healthy_at;
        }
        Ok(())
    })
    .await?;
    if before.verdict != Some(judgement.verdict) || moment == Moment::BeforeCutOver {
        let phase = if moment == Moment::BeforePlan { Phase::Judge } else { Phase::Fence };
        let again = if moment == Moment::BeforePlan { "" } else { "the source once more: " };
        ledger::tell(&deps.ledger, &before.id, now, phase, format!("{again}{}: {}", judgement.verdict, judgement.reason)).await?;
    }
    Ok(())
}
