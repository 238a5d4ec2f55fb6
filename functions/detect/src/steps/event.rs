//! What EventBridge delivers: classified by event id, confirmed by Describe, never acted on by itself.

use super::{bisect, notice, salvage};
use crate::incidents::{Beginning, HowEnded, open_or_join, reconcile, tell_people};
use crate::{Deps, resources};
use lifeboat_domain::events::{AlarmChange, AlarmState, EventClass, ExecutionEnded, ExecutionStatus, Hint, Incoming, RdsEvent, SourceType};
use lifeboat_domain::ids::{DatabaseId, Identity, IncidentId};
use lifeboat_domain::incident::Signal;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases, ReadExecutions, StartRecovery};
use lifeboat_domain::register::{ExecutionRecord, PlannedWork, ResourceRecord, SeenSignal};
use lifeboat_domain::words::{Plane, ResourceKind, Scenario, show_time};
use lifeboat_domain::{DrError, Span, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// Alarms called so are evidence that starts a look; others only join an open incident.
const WATCHING_ALARM: &str = "lifeboat-watch-";

/// What was done about an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EventAnswer {
    reason: String,
    incident: Option<IncidentId>,
}

impl EventAnswer {
    pub(super) fn only(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), incident: None }
    }
}

/// Handles one event; the reason is kept, whatever came of it.
pub(crate) async fn event<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: &Value) -> Result<EventAnswer, DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let (key, source, plane, resource, answer) = match Incoming::parse(input)? {
        Incoming::Rds(event) => {
            let key = keys::seen(&event.envelope_id);
            if let Some(seen) = ledger::read::<SeenSignal>(&deps.ledger, &key).await? {
                return Ok(EventAnswer { reason: format!("seen before: {}", seen.value.reason), incident: seen.value.incident });
            }
            let (resource, answer) = rds(deps, &event).await?;
            (key, name_of(&event), Plane::ControlPlane, resource, answer)
        }
        Incoming::Table(event) => {
            let key = keys::seen(&event.envelope_id);
            if let Some(seen) = ledger::read::<SeenSignal>(&deps.ledger, &key).await? {
                return Ok(EventAnswer { reason: format!("seen before: {}", seen.value.reason), incident: seen.value.incident });
            }
            let (resource, answer) = super::table::table(deps, &event).await?;
            (key, format!("CloudTrail {}", event.call), Plane::ControlPlane, resource, answer)
        }
        Incoming::Alarm(change) => {
            let key = keys::seen(&format!("{}#{}", change.alarm_name, change.at.to_rfc3339()));
            if let Some(seen) = ledger::read::<SeenSignal>(&deps.ledger, &key).await? {
                return Ok(EventAnswer { reason: format!("seen before: {}", seen.value.reason), incident: seen.value.incident });
            }
            let (resource, answer) = alarm(deps, &change).await?;
            (key, change.alarm_name, Plane::Metrics, resource, answer)
        }
        Incoming::Cache(notice) => {
            let key = keys::seen(&notice.message_id);
            if let Some(seen) = ledger::read::<SeenSignal>(&deps.ledger, &key).await? {
                return Ok(EventAnswer { reason: format!("seen before: {}", seen.value.reason), incident: seen.value.incident });
            }
            let (resource, answer) = notice::of_cache(deps, &notice).await?;
            (key, notice.what, Plane::ControlPlane, resource, answer)
        }
        Incoming::Serverless(notice) => return notice::of_serverless(deps, &notice).await,
        Incoming::ExecutionEnded(ended) => return execution_ended(deps, &ended).await,
        Incoming::Scheduled => return Ok(EventAnswer::only("a schedule without a step starts nothing")),
        Incoming::Other { source, detail_type } => {
            return Ok(EventAnswer::only(format!("{source} / {detail_type} is nothing that Lifeboat acts on")));
        }
    };
    let seen =
        SeenSignal { at: deps.clock.now(), source, plane, resource, incident: answer.incident.clone(), reason: answer.reason.clone() };
    ledger::create(&deps.ledger, &key, &seen).await?;
    Ok(answer)
}

fn name_of(event: &RdsEvent) -> String {
    event.event_id.map_or_else(|| "RDS event without id".to_owned(), |id| id.to_string())
}

async fn rds<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, event: &RdsEvent) -> Result<(Option<Identity>, EventAnswer), DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let class = event.class();
    let meaning = event.entry().map_or(event.message.as_str(), |entry| entry.meaning);
    let kind = match event.source_type {
        Some(SourceType::DbInstance) => ResourceKind::RdsInstance,
        Some(SourceType::Cluster) => ResourceKind::DbCluster,
        _ => return Ok((None, EventAnswer::only(format!("recorded: {meaning} (only DB instances and clusters are recovered)")))),
    };
    let Ok(named) = DatabaseId::new(kind, event.resource_id.clone()) else {
        return Ok((None, EventAnswer::only(format!("{:?} is not the identifier of a {kind}", event.resource_id))));
    };
    let (id, observed) = whole(&deps.databases, named).await?;
    let record = match &observed {
        Some(observed) => match resources::why_left_alone(observed) {
            Some(reason) => return Ok((observed.identity(), EventAnswer::only(reason))),
            None => match observed.identity() {
                Some(resource) => match resources::refreshed(&deps.ledger, &resource, observed).await? {
                    Ok(record) => Some(record),
                    Err(why) => return Ok((Some(resource), EventAnswer::only(why))),
                },
                None => None,
            },
        },
        None => remembered(deps, event, &id).await?,
    };
    let Some(record) = record else {
        return Ok((None, EventAnswer::only(format!("{id} does not exist and Lifeboat does not know it"))));
    };
    let resource = Some(record.resource.clone());
    if let Some(reason) = why_stale(deps, &record, event.at)? {
        return Ok((resource, EventAnswer::only(reason)));
    }
    note_planned_work(deps, event, &record).await?;
    Ok((resource, act_on(deps, event, class, meaning, &record, observed.as_ref()).await?))
}

/// Why an event says nothing of today any more.
pub(super) fn why_stale<R, L, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    at: Timestamp,
) -> Result<Option<String>, DrError> {
    let limit = deps.policies.policy(&record.policy)?.timing.stale_event;
    let age = Span::between(at, deps.clock.now());
    Ok((age > limit).then(|| format!("stale: it is {age} old, older than the policy's {limit}; the sweep sees the present")))
}

/// What is judged as one: of a member of a cluster, the cluster.
async fn whole(databases: &impl ReadDatabases, named: DatabaseId) -> Result<(DatabaseId, Option<ObservedDatabase>), DrError> {
    let observed = resources::instance(databases, &named).await?;
    let cluster = observed.as_ref().and_then(|observed| observed.cluster.clone());
    match cluster.map(|cluster| DatabaseId::new(ResourceKind::DbCluster, cluster)).transpose()? {
        Some(cluster) => {
            let observed = resources::instance(databases, &cluster).await?;
            Ok((cluster, observed))
        }
        None => Ok((named, observed)),
    }
}

/// A deleted database can only be known from the event's tags or from the ledger.
async fn remembered<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    event: &RdsEvent,
    id: &DatabaseId,
) -> Result<Option<ResourceRecord>, DrError> {
    let name = event.tags.get(tags::RESOURCE).cloned().unwrap_or_else(|| id.as_str().to_ascii_lowercase());
    let Ok(resource) = Identity::parse(name) else { return Ok(None) };
    Ok(resources::record(&deps.ledger, &resource).await?.filter(|record| record.id == *id))
}

async fn note_planned_work<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    event: &RdsEvent,
    record: &ResourceRecord,
) -> Result<(), DrError> {
    let planned = match event.entry().map(|entry| entry.hint) {
        Some(Hint::Planned(_)) => Some(PlannedWork { what: event.entry().map_or("", |entry| entry.meaning).to_owned(), since: event.at }),
        Some(Hint::PlannedOver(_)) => None,
        _ => return Ok(()),
    };
    ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&record.resource), |record| {
        record.planned_work.clone_from(&planned);
        Ok(())
    })
    .await
    .map(|_| ())
}

async fn act_on<R, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    event: &RdsEvent,
    class: EventClass,
    meaning: &str,
    record: &ResourceRecord,
    observed: Option<&ObservedDatabase>,
) -> Result<EventAnswer, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let signal = Signal { at: event.at, plane: Plane::ControlPlane, source: name_of(event), text: meaning.to_owned() };
    let hint = event.entry().map_or(Hint::None, |entry| entry.hint);
    let now = deps.clock.now();
    let gone = observed.is_none();
    let scenario = match hint {
        Hint::Scenario(scenario) => Some(scenario),
        _ => None,
    };
    if matches!(hint, Hint::Planned(_)) && class != EventClass::Alert {
        return Ok(EventAnswer::only(format!("planned work: {meaning}; silence during it is no failure")));
    }
    // Planned work explains silence and what comes with it; it explains no failure, no loss, and nothing that people must know.
    let may_be_explained = matches!(class, EventClass::Watch | EventClass::Confirm);
    if let Some(work) = record.planned_work.as_ref().filter(|work| may_be_explained && work.explains(now)) {
        return Ok(EventAnswer::only(format!("{meaning}; explained by planned work since {}: {}", show_time(work.since), work.what)));
    }
    match class {
        EventClass::Ignore | EventClass::Record | EventClass::Fresh => Ok(EventAnswer::only(format!("recorded: {meaning}"))),
        EventClass::Watch | EventClass::Recover => begin(deps, record, observed, signal, scenario).await,
        EventClass::Alert if scenario == Some(Scenario::Deletion) && gone => begin(deps, record, observed, signal, scenario).await,
        EventClass::Alert => {
            let title = format!("{}: {meaning}", record.resource);
            let text = format!(
                "{} reports for {} at {}: {meaning}. Lifeboat does nothing by itself about this; please look.",
                signal.source,
                record.id,
                show_time(event.at)
            );
            tell_people(deps, now, None, &title, text).await?;
            Ok(EventAnswer::only(format!("told to people: {meaning}")))
        }
        EventClass::Confirm => join_only(deps, record, &signal).await,
    }
}

/// Good news and other evidence: belongs to an open incident, opens none.
pub(super) async fn join_only<R, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    signal: &Signal,
) -> Result<EventAnswer, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    if let Some(id) = &record.open_incident
        && let Some(opened) = crate::incidents::join(deps, id, signal).await?
    {
        return Ok(EventAnswer { reason: opened.reason, incident: Some(opened.incident) });
    }
    Ok(EventAnswer::only(format!("recorded: {}; no incident is open", signal.text)))
}

pub(super) async fn begin<R, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    observed: Option<&ObservedDatabase>,
    signal: Signal,
    scenario: Option<Scenario>,
) -> Result<EventAnswer, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    // What the evidence means is judged later, with the data plane; only a deletion cannot be probed.
    let scenario = scenario.filter(|scenario| *scenario == Scenario::Deletion);
    let opened = open_or_join(deps, Beginning { record, observed, signal, scenario }).await?;
    Ok(EventAnswer { reason: opened.reason, incident: Some(opened.incident) })
}

async fn alarm<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, change: &AlarmChange) -> Result<(Option<Identity>, EventAnswer), DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let named = |kind: ResourceKind, name: &Option<String>| name.clone().and_then(|name| DatabaseId::new(kind, name).ok());
    let instance = named(ResourceKind::RdsInstance, &change.db_instance);
    let Some(id) = instance.or_else(|| named(ResourceKind::DbCluster, &change.db_cluster)) else {
        return Ok((None, EventAnswer::only(format!("alarm {} names no DB instance and no cluster", change.alarm_name))));
    };
    let (id, observed) = whole(&deps.databases, id).await?;
    let Some(observed) = observed else {
        return Ok((None, EventAnswer::only(format!("{id} does not exist; the sweep notices what has vanished"))));
    };
    let (None, Some(resource)) = (resources::why_left_alone(&observed), observed.identity()) else {
        return Ok((observed.identity(), EventAnswer::only(format!("{id} is not protected"))));
    };
    let record = resources::refresh(&deps.ledger, &resource, &observed).await?;
    let text = format!("alarm is {:?}: {}", change.state, change.reason);
    let signal = Signal { at: change.at, plane: Plane::Metrics, source: change.alarm_name.clone(), text };
    let answer = if change.state == AlarmState::Alarm && change.alarm_name.starts_with(WATCHING_ALARM) {
        begin(deps, &record, Some(&observed), signal, None).await?
    } else {
        join_only(deps, &record, &signal).await?
    };
    Ok((Some(resource), answer))
}

async fn execution_ended<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, ended: &ExecutionEnded) -> Result<EventAnswer, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let how = if ended.status == ExecutionStatus::Aborted { HowEnded::Stopped } else { HowEnded::Otherwise };
    let Some(known) = ledger::read::<ExecutionRecord>(&deps.ledger, &keys::execution(&ended.execution_arn)).await? else {
        if let Some(reason) = bisect::interrupted(deps, ended).await? {
            return Ok(EventAnswer::only(reason));
        }
        if let Some(reason) = salvage::interrupted(deps, ended).await? {
            return Ok(EventAnswer::only(reason));
        }
        return Ok(EventAnswer::only(format!("{} worked on no incident", ended.name)));
    };
    let id = known.value.incident;
    let incident = ledger::incident(&deps.ledger, &id).await?;
    if incident.execution.as_deref() != Some(ended.execution_arn.as_str()) {
        return Ok(EventAnswer { reason: format!("{} no longer works on incident {id}", ended.name), incident: Some(id) });
    }
    let reason = reconcile(deps, &id, Some(how)).await?;
    Ok(EventAnswer { reason, incident: Some(id) })
}
