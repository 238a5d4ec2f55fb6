//! Opening, joining and reconciling incidents. Whatever is repeated here meets what it did before.

use crate::Deps;
use crate::resources::source;
use chrono::{DurationRound, TimeDelta};
use lifeboat_domain::acting::{CutOver, CutOverState};
use lifeboat_domain::ids::IncidentId;
use lifeboat_domain::incident::{Incident, IncidentState, Outcome, Phase, Request, Signal, execution_name, incident_id};
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::ports::{Clock, ExecutionState, Ledger, ReadExecutions, StartRecovery, Started};
use lifeboat_domain::probe::Probe;
use lifeboat_domain::register::{News, ResourceRecord};
use lifeboat_domain::words::{Plane, Run, Scenario, show_time};
use lifeboat_domain::{DrError, Timestamp};

/// Executions that start by themselves for one incident.
const MOST_ATTEMPTS: u32 = 3;

/// What was done about a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) incident: IncidentId,
    pub(crate) reason: String,
}

/// What a new incident starts from.
pub(crate) struct Beginning<'a> {
    pub(crate) record: &'a ResourceRecord,
    pub(crate) observed: Option<&'a ObservedDatabase>,
    pub(crate) signal: Signal,
    pub(crate) scenario: Option<Scenario>,
}

/// Opens an incident and starts `recovery`, or adds the signal to the one that is open.
pub(crate) async fn open_or_join<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    beginning: Beginning<'_>,
) -> Result<Opened, DrError> {
    let record = beginning.record;
    if let Some(id) = &record.open_incident
        && let Some(opened) = join(deps, id, &beginning.signal).await?
    {
        return Ok(opened);
    }
    // A check that goes on failing is one story, however many sweeps see it: it is dated by when the checks last passed.
    let dated = record.checks_passed_at.filter(|_| beginning.scenario == Some(Scenario::Corruption)).unwrap_or(beginning.signal.at);
    let id = incident_id(&record.resource, dated, &beginning.signal.source)?;
    let request = Request {
        run: Run::Execute,
        scenario: beginning.scenario,
        restore_to: None,
        cut_over: false,
        option: None,
        plan: None,
        by_person: false,
    };
    let incident = fresh(deps, id.clone(), (record, beginning.observed), request, beginning.signal.clone());
    ledger::create(&deps.ledger, &keys::incident(&id), &incident).await?;
    let incident = ledger::incident(&deps.ledger, &id).await?;
    if incident.state != IncidentState::Open {
        return Ok(Opened { incident: id, reason: format!("its incident {} is {} already", incident.id, incident.state) });
    }
    let claimed = claim(deps, record, &id).await?;
    if claimed != id {
        let joined = join(deps, &claimed, &beginning.signal).await?;
        return joined.ok_or_else(|| DrError::conflict(format!("incident {claimed} was opened and closed meanwhile")));
    }
    ledger::create(&deps.ledger, &keys::opened(incident.opened_at, &id), &incident.resource).await?;
    ledger::tell(
        &deps.ledger,
        &id,
        incident.first_signal_at,
        Phase::Detect,
        format!("{}: {}", beginning.signal.source, beginning.signal.text),
    )
    .await?;
    let reason = reconcile(deps, &id, None).await?;
    Ok(Opened { incident: id, reason })
}

/// An incident as it begins.
pub(crate) fn fresh<R, L, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    id: IncidentId,
    (record, observed): (&ResourceRecord, Option<&ObservedDatabase>),
    request: Request,
    signal: Signal,
) -> Incident {
    Incident {
        id,
        resource: record.resource.clone(),
        kind: record.kind,
        policy: record.policy.clone(),
        policy_hash: deps.policies.hash.clone(),
        source: source(record, observed),
        request,
        scenario: None,
        state: IncidentState::Open,
        outcome: None,
        first_signal_at: signal.at,
        opened_at: deps.clock.now(),
        closed_at: None,
        execution: None,
        attempt: 1,
        plan: None,
        signals: vec![signal],
        unreachable_since: record.unreachable_since,
        failed_probes: record.failed_probes,
        last_probe_at: None,
        answered: record.answered.clone(),
        counted_from: None,
        verdict: None,
        waiting_since: None,
        healthy_at: None,
        restored: None,
        setbacks: Vec::new(),
    }
}

/// Makes `id` the resource's open incident, unless another one is; answers whichever is.
async fn claim<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, record: &ResourceRecord, id: &IncidentId) -> Result<IncidentId, DrError> {
    let stale = record.open_incident.clone();
    let record = ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&record.resource), |record| {
        if record.open_incident.is_none() || record.open_incident == stale {
            record.open_incident = Some(id.clone());
        }
        Ok(())
    })
    .await?;
    Ok(record.open_incident.unwrap_or_else(|| id.clone()))
}

/// Adds a signal to an incident that is not closed; none if it is closed or gone.
pub(crate) async fn join<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    id: &IncidentId,
    signal: &Signal,
) -> Result<Option<Opened>, DrError> {
    let Some(kept) = ledger::read::<Incident>(&deps.ledger, &keys::incident(id)).await? else { return Ok(None) };
    if kept.value.state == IncidentState::Closed || swallows(&kept.value, signal) {
        return Ok(None);
    }
    let incident = ledger::update::<Incident, _>(&deps.ledger, &keys::incident(id), |incident| {
        incident.add_signal(signal.clone());
        Ok(())
    })
    .await?;
    ledger::tell(&deps.ledger, id, signal.at, Phase::Detect, format!("{}: {}", signal.source, signal.text)).await?;
    let reason = match incident.state {
        IncidentState::WaitingForPerson => format!("added to incident {id}, which waits for a person"),
        IncidentState::Open | IncidentState::Closed => format!("added to incident {id}; {}", reconcile(deps, id, None).await?),
    };
    Ok(Some(Opened { incident: id.clone(), reason }))
}

/// A story about data that waits for a person must not swallow an outage that begins meanwhile.
pub(crate) fn swallows(incident: &Incident, signal: &Signal) -> bool {
    incident.state == IncidentState::WaitingForPerson
        && incident.scenario().is_some_and(Scenario::leaves_source_serving)
        && signal.plane != Plane::Person
}

/// Closes an incident that waits for a person although the database serves again, so that the next outage is a new story.
pub(crate) async fn close_healed<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    id: &IncidentId,
    probe: &Probe,
) -> Result<(), DrError> {
    let incident = ledger::incident(&deps.ledger, id).await?;
    if incident.state != IncidentState::WaitingForPerson || incident.scenario().is_some_and(Scenario::leaves_source_serving) {
        return Ok(());
    }
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(id)).await?;
    if cut_over.is_some_and(|kept| kept.value.state() == CutOverState::Verified) {
        return Ok(()); // Clients are elsewhere for good: what remains to be done is not done by the source's coming back.
    }
    let after = ledger::update::<Incident, _>(&deps.ledger, &keys::incident(id), |incident| {
        if incident.state == IncidentState::WaitingForPerson {
            // What was restored meanwhile is kept, but a later outage is another story, with another copy.
            incident.outcome = if incident.restored.is_some() { incident.outcome } else { Some(Outcome::SelfHealed) };
            incident.outrun_copy();
            incident.state = IncidentState::Closed;
            incident.healthy_at = Some(probe.at);
            incident.closed_at = Some(probe.at);
        }
        Ok(())
    })
    .await?;
    if after.state != IncidentState::Closed {
        return Ok(());
    }
    ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&incident.resource), |record| {
        if record.open_incident.as_ref() == Some(id) {
            record.open_incident = None;
        }
        Ok(())
    })
    .await?;
    let copy = incident.restored.as_ref().map_or_else(
        || "What Lifeboat had done until then, if anything, is in its report.".to_owned(),
        |restored| {
            format!(
                "The copy {} that was restored meanwhile is kept and billed: it may lack what was written since; delete it when you do not need it.",
                restored.id
            )
        },
    );
    let text = format!(
        "It waited for a person since its recovery was refused or stopped, and now {} answers again: {}. {copy} The incident {id} is closed.",
        incident.source.id, probe.text
    );
    ledger::tell(&deps.ledger, id, probe.at, Phase::Close, text.clone()).await?;
    tell_people(deps, probe.at, Some(&incident), &format!("{} serves again by itself", incident.resource), text).await
}

/// Starts the execution of an incident's current attempt.
async fn start<R, L, D, E: StartRecovery, C>(deps: &Deps<R, L, D, E, C>, incident: &Incident) -> Result<Started, DrError> {
    let name = execution_name(&incident.resource, &incident.id, incident.attempt);
    let input = serde_json::json!({ "incident": incident.id });
    deps.executions.start_recovery(&name, &input).await.map_err(|error| error.while_doing(format!("starting execution {name}")))
}

/// How an execution ended, where an event said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HowEnded {
    /// A person stopped it.
    Stopped,
    /// It failed or timed out.
    Otherwise,
}

/// Looks after an open incident: if nothing works on it, starts the next attempt or hands it to a person.
pub(crate) async fn reconcile<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    id: &IncidentId,
    ended: Option<HowEnded>,
) -> Result<String, DrError> {
    let incident = ledger::incident(&deps.ledger, id).await?;
    if incident.state != IncidentState::Open {
        return Ok(format!("incident {id} is {}", incident.state));
    }
    let Some(execution) = &incident.execution else {
        return started(deps, &incident, ended).await;
    };
    look_after(deps, &incident, execution, ended).await
}

/// Starts the current attempt. If it was started before, it is looked at: one that could not even write down that it works on the
/// incident has ended without a trace.
async fn started<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    incident: &Incident,
    ended: Option<HowEnded>,
) -> Result<String, DrError> {
    match start(deps, incident).await? {
        Started::New(arn) => Ok(format!("opened incident {} and started {arn}", incident.id)),
        Started::Exists(arn) => look_after(deps, incident, &arn, ended).await,
    }
}

/// Looks whether an execution still runs; if not, another attempt follows, or a person.
async fn look_after<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    incident: &Incident,
    execution: &str,
    ended: Option<HowEnded>,
) -> Result<String, DrError> {
    let id = &incident.id;
    let state = deps.executions.execution(execution).await.map_err(|error| error.while_doing(format!("asking after {execution}")))?;
    if state == ExecutionState::Running {
        return Ok(format!("{execution} works on it"));
    }
    if ended == Some(HowEnded::Stopped) || incident.attempt >= MOST_ATTEMPTS || incident.request.run == Run::Plan {
        return hand_over(deps, incident, execution, ended).await;
    }
    if let Some(until) = lease_lasts(deps, incident, execution).await? {
        // An attempt that starts now could not take it, and would end as a failure.
        return Ok(format!(
            "{execution} has ended; its lease lasts until {}: the sweep starts the next attempt after that",
            show_time(until)
        ));
    }
    let next = ledger::update::<Incident, _>(&deps.ledger, &keys::incident(id), |now| {
        if now.execution == incident.execution && now.attempt == incident.attempt {
            now.execution = None;
            now.attempt += 1;
        }
        Ok(())
    })
    .await?;
    ledger::tell(
        &deps.ledger,
        id,
        deps.clock.now(),
        Phase::Detect,
        format!("{execution} ended without closing the incident: attempt {} follows", next.attempt),
    )
    .await?;
    Ok(match start(deps, &next).await? {
        Started::New(arn) => format!("incident {id}: started {arn}"),
        Started::Exists(arn) => format!("incident {id}: {arn} was started already; the sweep looks after it"),
    })
}

/// Until when the ended execution still holds the lease, if it does.
async fn lease_lasts<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    incident: &Incident,
    execution: &str,
) -> Result<Option<Timestamp>, DrError> {
    let lease = ledger::read::<Lease>(&deps.ledger, &keys::lease(&incident.resource)).await?.map(|kept| kept.value);
    let held = lease.filter(|lease| lease.owner == execution && !lease.released && deps.clock.now() < lease.expires_at);
    Ok(held.map(|lease| lease.expires_at))
}

async fn hand_over<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    incident: &Incident,
    execution: &str,
    ended: Option<HowEnded>,
) -> Result<String, DrError> {
    let now = deps.clock.now();
    let why = match ended {
        Some(HowEnded::Stopped) => "a person stopped it".to_owned(),
        _ => format!("it was attempt {} and ended without closing the incident", incident.attempt),
    };
    let id = &incident.id;
    let expected = &incident.execution;
    let after = ledger::update::<Incident, _>(&deps.ledger, &keys::incident(id), |incident| {
        if incident.execution == *expected && incident.state == IncidentState::Open {
            incident.state = IncidentState::WaitingForPerson;
            incident.outcome = Some(Outcome::Interrupted);
        }
        Ok(())
    })
    .await?;
    if after.outcome != Some(Outcome::Interrupted) {
        return Ok(format!("incident {id} was taken on by another execution meanwhile"));
    }
    let text = format!(
        "Nothing works on {} now, and its source is kept. Execution {} is not running: {why}.",
        incident.resource,
        execution.rsplit(':').next().unwrap_or_default()
    );
    tell_people(deps, now, Some(incident), &format!("{} needs you: its recovery was interrupted", incident.resource), text).await?;
    Ok(format!("incident {id} waits for a person: {why}"))
}

/// Leaves news for `notify`; the same news of the same incident and moment is told once.
pub(crate) async fn tell_people<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    now: Timestamp,
    incident: Option<&Incident>,
    title: &str,
    text: String,
) -> Result<(), DrError> {
    let news = News {
        at: now,
        resource: incident.map(|incident| incident.resource.clone()),
        incident: incident.map(|incident| incident.id.clone()),
        title: title.to_owned(),
        text,
        told_at: None,
    };
    news.leave(&deps.ledger, now).await
}

/// Leaves news of what every sweep finds until somebody mends it: told once a day.
pub(crate) async fn tell_people_daily<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    title: &str,
    text: String,
) -> Result<(), DrError> {
    let now = deps.clock.now();
    let news = News { at: now, resource: None, incident: None, title: title.to_owned(), text, told_at: None };
    news.leave(&deps.ledger, now.duration_trunc(TimeDelta::days(1)).unwrap_or(now)).await
}
