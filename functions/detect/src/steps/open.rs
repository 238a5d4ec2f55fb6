//! The first state of `recovery`: checks the input, finds the resource, opens or joins its incident.

use crate::incidents::fresh;
use crate::{Deps, OpenInput, resources};
use lifeboat_domain::ids::{Arn, Identity, IncidentId, PlanHash};
use lifeboat_domain::incident::{Incident, IncidentState, Outcome, Phase, Request, Signal, requested_incident_id};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::policy::nearest;
use lifeboat_domain::ports::{Clock, ExecutionState, Ledger, Listing, ReadDatabases, ReadExecutions, Written};
use lifeboat_domain::register::{ExecutionRecord, ResourceRecord};
use lifeboat_domain::words::{Plane, ResourceKind, Run, Scenario, Timestamp, parse_time, show_time};
use lifeboat_domain::{CallError, DrError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `detect` starts `recovery` with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detected {
    incident: IncidentId,
}

/// What a person starts `recovery` with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    resource: String,
    scenario: Scenario,
    #[serde(default)]
    restore_to: Option<String>,
    #[serde(default)]
    cut_over: bool,
    #[serde(default)]
    option: Option<Remedy>,
    #[serde(default)]
    run: Option<Run>,
    #[serde(default)]
    plan: Option<PlanHash>,
}

/// What the state machine is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OpenAnswer {
    incident: IncidentId,
    run: Run,
}

/// Opens or joins.
pub(crate) async fn open<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: OpenInput) -> Result<OpenAnswer, DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions,
    C: Clock,
{
    if input.request.get("incident").is_some() {
        let detected: Detected = lifeboat_lambda::decode(input.request.clone())?;
        expect_in_force(deps, &detected.incident).await?;
        take_on(deps, &detected.incident, &input.execution, None).await?;
        return Ok(OpenAnswer { incident: detected.incident, run: Run::Execute });
    }
    let asked: Asked = lifeboat_lambda::decode(input.request.clone())?;
    let request = check(&asked, deps.clock.now())?;
    let (record, observed) = find(deps, &asked.resource, asked.scenario).await?;
    let approved = approved(deps, &record, &request, &input.execution).await?;
    let incident = match &approved {
        Some(waiting) => waiting.clone(),
        None => requested_incident_id(&record.resource, &request, record.generation)?,
    };
    let gives_way = match request.run {
        Run::Execute => giving_way(deps, &record, &incident).await?,
        Run::Plan => None,
    };
    if approved.is_none() {
        own_incident(deps, &incident, (&record, observed.as_ref()), &request, &input).await?;
    }
    if request.run == Run::Execute {
        claim(deps, &record, &incident, gives_way, input.started_at).await?;
    }
    take_on(deps, &incident, &input.execution, Some(&request)).await?;
    Ok(OpenAnswer { incident, run: request.run })
}

/// Checks what can be checked before anything is read.
fn check(asked: &Asked, now: Timestamp) -> Result<Request, DrError> {
    let run = asked.run.unwrap_or(Run::Plan);
    let restore_to = asked.restore_to.as_deref().map(|text| parse_time("restore_to", text)).transpose()?;
    if let Some(at) = restore_to.filter(|at| *at > now) {
        return Err(DrError::invalid("restore_to", show_time(at), format!("a moment in the past; it is {} now", show_time(now))));
    }
    let is_clone = asked.option == Some(Remedy::Clone);
    if is_clone && asked.cut_over {
        return Err(DrError::invalid(
            "cut_over",
            "true together with \"option\": \"clone\"",
            "false: a clone holds the same data, damaged or not, so that clients are never moved to one",
        ));
    }
    if asked.scenario == Scenario::HumanError && restore_to.is_none() && !is_clone {
        return Err(DrError::missing("restore_to", "the moment just before the mistake, in UTC, such as 2026-01-15T10:25:00Z"));
    }
    if asked.plan.is_some() && run == Run::Plan {
        return Err(DrError::invalid(
            "plan",
            "a hash together with \"run\": \"plan\"",
            "a plan's hash only together with \"run\": \"execute\"",
        ));
    }
    let (scenario, plan) = (Some(asked.scenario), asked.plan.clone());
    Ok(Request { run, scenario, restore_to, cut_over: asked.cut_over, option: asked.option, plan, by_person: true })
}

/// Finds the resource by identity or ARN, alive or remembered. What other services do not answer stops nobody's recovery.
async fn find<R: ReadDatabases, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    name: &str,
    scenario: Scenario,
) -> Result<(ResourceRecord, Option<ObservedDatabase>), DrError> {
    let by_arn = Arn::parse(name).ok();
    let kinds = by_arn.as_ref().map_or(ResourceKind::ALL, Arn::kinds);
    let Listing { found: all, unanswered } = deps.databases.databases(kinds).await;
    let named = |observed: &&ObservedDatabase| match &by_arn {
        Some(arn) => observed.arn == *arn,
        None => observed.identity().is_some_and(|identity| identity.as_str() == name) || observed.id.as_str() == name,
    };
    let found: Vec<&ObservedDatabase> = all.iter().filter(named).collect();
    let mut protected: Vec<&ObservedDatabase> = Vec::new();
    for observed in found.iter().copied().filter(|observed| resources::why_refused(observed, scenario).is_none()) {
        // One that takes no tags is retired in the ledger only.
        let record = match observed.identity() {
            Some(identity) => resources::record(&deps.ledger, &identity).await?,
            None => None,
        };
        if !record.is_some_and(|record| record.has_retired(observed)) {
            protected.push(observed);
        }
    }
    // A member of a cluster carries the cluster's identity, and is not what is meant.
    let meant = found.iter().find(|observed| observed.cluster.is_none()).or(found.first());
    match (protected.as_slice(), meant) {
        ([one], _) => {
            let identity = one.identity().ok_or_else(|| DrError::refused(format!("{} has no usable identity", one.id)))?;
            Ok((resources::refresh(&deps.ledger, &identity, one).await?, Some((*one).clone())))
        }
        ([], Some(unprotected)) if unanswered.is_empty() => {
            let why = resources::why_refused(unprotected, scenario);
            let why = why.unwrap_or_else(|| format!("{} is retired: it is never judged again", unprotected.id));
            Err(DrError::refused(format!("{why}; without a policy nothing is changed")))
        }
        ([], _) => remembered(deps, name, by_arn.as_ref(), &all, &unanswered).await,
        (several, _) => {
            let candidates: Vec<String> = several.iter().map(|observed| observed.arn.to_string()).collect();
            Err(DrError::invalid("resource", format!("{name:?} (ambiguous)"), format!("one of {}", candidates.join(", "))))
        }
    }
}

/// A deleted resource is found in the ledger; its retained backups may still be restored.
async fn remembered<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    name: &str,
    arn: Option<&Arn>,
    all: &[ObservedDatabase],
    unanswered: &BTreeMap<ResourceKind, CallError>,
) -> Result<(ResourceRecord, Option<ObservedDatabase>), DrError> {
    let unseen = |error: &CallError| error.clone().while_doing(format!("looking whether {name} exists"));
    let identity = Identity::parse(arn.map_or(name, Arn::name));
    if let Ok(identity) = identity
        && let Some(record) = resources::record(&deps.ledger, &identity).await?
        && arn.is_none_or(|arn| arn.kinds().contains(&record.kind))
    {
        return unanswered.get(&record.kind).map_or(Ok((record, None)), |error| Err(unseen(error)));
    }
    if let Some(error) = unanswered.values().next() {
        return Err(unseen(error));
    }
    let known: Vec<String> =
        all.iter().filter(|observed| observed.policy().is_some()).filter_map(ObservedDatabase::identity).map(String::from).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = nearest(name, &known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    Err(DrError::not_found(format!(
        "resource: {name:?} is no protected database of this account and Region{hint} Known are: {}",
        known.join(", ")
    )))
}

/// An approval by hash belongs to the incident that waits with exactly this plan, or that this very execution took on already.
async fn approved<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    request: &Request,
    execution: &str,
) -> Result<Option<IncidentId>, DrError> {
    let (Some(plan), Some(id)) = (&request.plan, &record.open_incident) else { return Ok(None) };
    let found = ledger::incident(&deps.ledger, id).await?;
    let is_ours = found.state == IncidentState::Open && found.execution.as_deref() == Some(execution);
    let waits = found.state == IncidentState::WaitingForPerson;
    Ok(((waits || is_ours) && found.plan.as_ref() == Some(plan)).then(|| id.clone()))
}

/// The incident of this very request: the same request meets the same incident.
async fn own_incident<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    id: &IncidentId,
    resource: (&ResourceRecord, Option<&ObservedDatabase>),
    request: &Request,
    input: &OpenInput,
) -> Result<(), DrError> {
    let scenario = request.scenario.map_or("", Scenario::as_str);
    let signal = Signal {
        at: input.started_at,
        plane: Plane::Person,
        source: "person".to_owned(),
        text: match request.run {
            Run::Plan => format!("asked for a plan only, for {scenario}"),
            Run::Execute => format!("asked to carry out {scenario}"),
        },
    };
    let incident = fresh(deps, id.clone(), resource, request.clone(), signal);
    let key = keys::incident(id);
    if ledger::create(&deps.ledger, &key, &incident).await? == Written::No {
        let reopened = Incident { execution: ledger::incident(&deps.ledger, id).await?.execution, ..incident };
        ledger::update::<Incident, _>(&deps.ledger, &key, |kept| {
            if kept.state != IncidentState::Open {
                let attempt = kept.attempt + 1;
                *kept = Incident { attempt, restored: kept.restored.clone(), setbacks: kept.setbacks.clone(), ..reopened.clone() };
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Makes this execution the one that works on the incident; refused while another one runs.
async fn take_on<R, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    id: &IncidentId,
    execution: &str,
    request: Option<&Request>,
) -> Result<(), DrError> {
    let incident = ledger::incident(&deps.ledger, id).await?;
    if let Some(other) = incident.execution.as_deref().filter(|other| *other != execution) {
        let state = deps.executions.execution(other).await.map_err(|error| error.while_doing(format!("asking after {other}")))?;
        if state == ExecutionState::Running {
            return Err(DrError::conflict(format!("incident {id} is being worked on by {other}")));
        }
    }
    if request.is_none() && incident.state != IncidentState::Open {
        return Err(DrError::refused(format!(
            "incident {id} is {}: start `recovery` with the resource and the scenario instead",
            incident.state
        )));
    }
    ledger::update::<Incident, _>(&deps.ledger, &keys::incident(id), |incident| {
        incident.execution = Some(execution.to_owned());
        incident.state = IncidentState::Open;
        incident.outcome = None;
        incident.closed_at = None;
        if let Some(request) = request {
            incident.request = request.clone();
        }
        Ok(())
    })
    .await?;
    ledger::create(&deps.ledger, &keys::execution(execution), &ExecutionRecord { incident: id.clone() }).await.map(|_| ())
}

/// An incident that was started by itself must be the one that its resource is about.
async fn expect_in_force<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, id: &IncidentId) -> Result<(), DrError> {
    let incident = ledger::incident(&deps.ledger, id).await?;
    let in_force = resources::record(&deps.ledger, &incident.resource).await?.and_then(|record| record.open_incident);
    if in_force.as_ref() == Some(id) {
        return Ok(());
    }
    let other = in_force.map_or_else(|| "none is".to_owned(), |other| format!("{other} is"));
    Err(DrError::refused(format!("incident {id} is not the open incident of {}: {other}", incident.resource)))
}

/// The incident that gives way to `id`: one that waits for a person. One that is being worked on does not; then nothing is opened
/// that could be taken up later.
async fn giving_way<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    id: &IncidentId,
) -> Result<Option<Incident>, DrError> {
    let Some(other) = record.open_incident.as_ref().filter(|other| *other != id) else { return Ok(None) };
    let other = ledger::incident(&deps.ledger, other).await?;
    match other.state {
        IncidentState::Open => Err(DrError::conflict(format!("incident {} of {} is open: it must end first", other.id, record.resource))),
        IncidentState::WaitingForPerson => Ok(Some(other)),
        IncidentState::Closed => Ok(None),
    }
}

/// Makes it the resource's open incident, in the place of the one that gives way.
async fn claim<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    id: &IncidentId,
    gives_way: Option<Incident>,
    started_at: Timestamp,
) -> Result<(), DrError> {
    // First, as a repeated call that finds the claim made does not know any more what gave way to it.
    if let Some(other) = gives_way {
        let now = deps.clock.now();
        ledger::update::<Incident, _>(&deps.ledger, &keys::incident(&other.id), |incident| {
            if incident.state == IncidentState::WaitingForPerson {
                incident.state = IncidentState::Closed;
                incident.outcome = incident.outcome.or(Some(Outcome::Interrupted));
                incident.closed_at = Some(now);
            }
            Ok(())
        })
        .await?;
        ledger::tell(&deps.ledger, &other.id, now, Phase::Close, format!("closed: a person went on with incident {id}")).await?;
    }
    ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&record.resource), |now| {
        if now.open_incident != record.open_incident && now.open_incident.as_ref() != Some(id) {
            return Err(DrError::conflict(format!("another incident of {} was opened at the same moment: start again", now.resource)));
        }
        now.open_incident = Some(id.clone());
        Ok(())
    })
    .await?;
    ledger::create(&deps.ledger, &keys::opened(started_at, id), &record.resource).await.map(|_| ())
}
