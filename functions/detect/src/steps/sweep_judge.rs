//! The sweep's second half: counts silence, opens incidents, looks after those whose execution is gone.

use super::sweep_list::SweepList;
use crate::incidents::{Beginning, close_healed, open_or_join, reconcile, tell_people};
use crate::{Deps, SweepJudgeInput, resources};
use chrono::TimeDelta;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::incident::{IncidentState, Signal};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedInstance;
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabases, ReadExecutions, StartRecovery};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::register::{News, ResourceRecord};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::{Plane, Scenario, show_time};
use lifeboat_domain::{DrError, Span, Timestamp};
use lifeboat_lambda::metrics::{Metric, emit};
use serde::{Deserialize, Serialize};

/// Sweeps in a row that must find a database silent before an incident is opened; recovery probes it again by itself.
const SILENT_SWEEPS: u32 = 2;

#[derive(Debug, Deserialize)]
struct Results {
    probes: Vec<ProbedResource>,
}

#[derive(Debug, Deserialize)]
struct ProbedResource {
    resource: Identity,
    probe: Probe,
}

/// Whether there is something to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SweepAnswer {
    news: bool,
    opened: u32,
}

/// Judges every probe, every missing resource and every open incident.
pub(crate) async fn sweep_judge<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: &SweepJudgeInput) -> Result<SweepAnswer, DrError>
where
    R: ReadDatabases,
    L: Ledger,
    D: Documents,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let list: SweepList = read(deps, &input.list).await?;
    let mut opened = 0;
    for key in input.results.iter().filter(|key| !key.is_empty()) {
        let results: Results = read(deps, key).await?;
        for probed in results.probes {
            if let Some(observed) = list.observed.get(probed.resource.as_str()) {
                opened += u32::from(judge_probe(deps, &probed, observed).await?);
            }
        }
    }
    for resource in &list.missing {
        opened += u32::from(judge_missing(deps, resource).await?);
    }
    let past_rto =
        look_after_open(deps, list.observed.keys().filter_map(|name| Identity::parse(name.clone()).ok()).chain(list.missing.clone()))
            .await?;
    let now = deps.clock.now();
    emit(now, &[], &[Metric::count("SweepRun", 1), Metric::count("IncidentPastRto", past_rto)], &[]);
    Ok(SweepAnswer { news: has_news(deps, now).await?, opened })
}

async fn read<R, L, D: Documents, E, C, T: serde::de::DeserializeOwned>(deps: &Deps<R, L, D, E, C>, key: &str) -> Result<T, DrError> {
    let document = deps.documents.get_json(key).await.map_err(|error| error.while_doing(format!("reading {key}")))?;
    let document = document.ok_or_else(|| DrError::not_found(format!("{key} is not in the bucket")))?;
    serde_json::from_value(document).map_err(|error| DrError::unrecoverable(format!("{key} does not decode: {error}")))
}

/// One database: answers whether an incident was opened or joined.
async fn judge_probe<R, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    probed: &ProbedResource,
    observed: &ObservedInstance,
) -> Result<bool, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let probe = &probed.probe;
    let record = ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&probed.resource), |record| {
        if probe.outcome.is_down() {
            if record.unreachable_since.is_none_or(|since| since < probe.at) {
                record.failed_probes += 1;
            }
            record.unreachable_since.get_or_insert(probe.at);
        } else if probe.outcome == ProbeOutcome::Answers {
            record.failed_probes = 0;
            record.unreachable_since = None;
        }
        if probe.checks_passed {
            // What was written while the probe went on may not have been seen by it.
            record.checks_passed_at = Some(probe.at - TimeDelta::milliseconds(i64::try_from(probe.millis).unwrap_or(i64::MAX / 1000)));
        }
        Ok(())
    })
    .await?;
    let Some((signal, scenario)) = finding(&record, probe, observed, deps.clock.now()) else {
        if let Some(id) = record.open_incident.filter(|_| serves(probe, observed)) {
            close_healed(deps, &id, probe).await?;
        }
        return Ok(false);
    };
    if record.open_incident.is_some() && still_open(deps, &record).await? {
        return Ok(false);
    }
    open_or_join(deps, Beginning { record: &record, observed: Some(observed), signal, scenario }).await?;
    Ok(true)
}

fn serves(probe: &Probe, observed: &ObservedInstance) -> bool {
    observed.status.is_serving() && probe.outcome == ProbeOutcome::Answers && probe.writable != Some(false)
}

async fn still_open<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, record: &ResourceRecord) -> Result<bool, DrError> {
    let Some(id) = &record.open_incident else { return Ok(false) };
    Ok(ledger::incident(&deps.ledger, id).await?.state != IncidentState::Closed)
}

/// What a probe and Describe together give reason to look at.
fn finding(record: &ResourceRecord, probe: &Probe, observed: &ObservedInstance, now: Timestamp) -> Option<(Signal, Option<Scenario>)> {
    if record.planned_work.as_ref().is_some_and(|work| work.explains(now)) {
        return None;
    }
    let signal = |plane, text| Signal { at: record.unreachable_since.unwrap_or(probe.at), plane, source: "sweep".to_owned(), text };
    if !probe.failed_checks.is_empty() {
        let text = format!("a check of the policy fails: {}", probe.failed_checks.join("; "));
        return Some((Signal { at: probe.at, plane: Plane::DataPlane, source: "sweep".to_owned(), text }, Some(Scenario::Corruption)));
    }
    match observed.status.meaning() {
        StatusMeaning::Serving | StatusMeaning::ServingBusy => (probe.outcome.is_down() && record.failed_probes >= SILENT_SWEEPS)
            .then(|| (signal(Plane::DataPlane, format!("{} sweeps in a row: {}", record.failed_probes, probe.text)), None)),
        StatusMeaning::Terminal
        | StatusMeaning::StorageFull
        | StatusMeaning::BadParameters
        | StatusMeaning::BadNetwork
        | StatusMeaning::KeyLost => Some((signal(Plane::ControlPlane, format!("RDS reports {}", observed.status)), None)),
        StatusMeaning::Transitional
        | StatusMeaning::Off
        | StatusMeaning::FailedCreation
        | StatusMeaning::Deleting
        | StatusMeaning::Unknown => None,
    }
}

/// A resource that Describe no longer shows, unless a Describe by name still does.
async fn judge_missing<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, resource: &Identity) -> Result<bool, DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let Some(record) = resources::record(&deps.ledger, resource).await? else { return Ok(false) };
    if resources::instance(&deps.databases, &record.id).await?.is_some() || still_open(deps, &record).await? {
        return Ok(false); // It exists (its tags were taken away), or it is being looked at.
    }
    let text = format!("{} does not exist any more", record.id);
    // The same absence is the same incident: it is dated by the last recovery, not by the sweep.
    let signal = Signal { at: deps.clock.now(), plane: Plane::ControlPlane, source: "sweep".to_owned(), text };
    open_or_join(deps, Beginning { record: &record, observed: None, signal, scenario: Some(Scenario::Deletion) }).await?;
    Ok(true)
}

/// Reconciles open incidents; answers how many are past their RTO.
async fn look_after_open<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, resources: impl Iterator<Item = Identity>) -> Result<u32, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let now = deps.clock.now();
    let mut past_rto = 0;
    for resource in resources {
        let Some(id) = resources::record(&deps.ledger, &resource).await?.and_then(|record| record.open_incident) else { continue };
        let Some(kept) = ledger::read::<lifeboat_domain::incident::Incident>(&deps.ledger, &keys::incident(&id)).await? else { continue };
        let incident = kept.value;
        if incident.state == IncidentState::Closed {
            continue;
        }
        if incident.state == IncidentState::Open {
            reconcile(deps, &id, None).await?;
        }
        let Some(scenario) = incident.scenario() else { continue };
        let rto = deps.policies.policy(&incident.policy)?.objective_for(scenario).rto;
        if now > incident.first_signal_at + rto.as_delta() {
            past_rto += 1;
            let title = format!("{resource} is past its RTO of {rto}");
            let open_for = Span::between(incident.first_signal_at, now);
            let text = format!(
                "Incident {id} ({scenario}) began at {}, {open_for} ago, and is {}. Its objective was {rto}. Recovery goes on; it is not given up because of this.",
                show_time(incident.first_signal_at),
                incident.state
            );
            let at = incident.first_signal_at + rto.as_delta();
            tell_people(deps, at, Some(&incident), &title, text).await?;
        }
    }
    Ok(past_rto)
}

async fn has_news<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, now: Timestamp) -> Result<bool, DrError> {
    for day in [now, now - Span::hours(24).as_delta()] {
        let day = show_time(day);
        let news = ledger::list::<News>(&deps.ledger, "news", day.get(..10).unwrap_or_default()).await?;
        if news.iter().any(|news| news.value.told_at.is_none()) {
            return Ok(true);
        }
    }
    Ok(false)
}
