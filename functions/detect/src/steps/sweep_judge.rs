//! The sweep's second half: counts silence, opens incidents, looks after those whose execution is gone.

use super::searches;
use super::sweep_list::SweepList;
use crate::incidents::{Beginning, close_healed, open_or_join, reconcile, swallows, tell_people, tell_people_daily};
use crate::{Deps, SweepJudgeInput, by_hand, readiness, resources};
use chrono::TimeDelta;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::incident::{Answered, Incident, IncidentState, Signal};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::life::KeptLife;
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabases, ReadExecutions, StartRecovery};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::register::{News, ResourceRecord};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::{Plane, Scenario, show_time};
use lifeboat_domain::{DrError, Span, Timestamp};
use lifeboat_lambda::metrics::{Metric, emit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Judges every probe, every missing resource, every open incident and every bisection. One that cannot be judged hides no other.
pub(crate) async fn sweep_judge<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: &SweepJudgeInput) -> Result<SweepAnswer, DrError>
where
    R: ReadDatabases,
    L: Ledger,
    D: Documents,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let list: SweepList = read(deps, &input.list).await?;
    let probes = probes(deps, input).await?;
    let mut troubles = Troubles::default();
    let mut opened = 0;
    let mut unprobed = 0;
    for (name, observed) in &list.observed {
        let Ok(resource) = Identity::parse(name.clone()) else { continue };
        let probe = probes.get(name);
        unprobed += u32::from(probe.is_none());
        opened += u32::from(troubles.note(&resource, judge_one(deps, &resource, probe, observed).await).unwrap_or(false));
    }
    for resource in &list.missing {
        opened += u32::from(troubles.note(resource, judge_missing(deps, resource).await).unwrap_or(false));
    }
    let named = |name: &String| Identity::parse(name.clone()).ok();
    for (resource, why) in list.unlisted.iter().filter_map(|(name, why)| Some((named(name)?, why))) {
        // It is told of the whole service, and here only counted.
        troubles.note::<()>(&resource, Err(DrError::transient(why.clone())));
    }
    let known = list.observed.keys().chain(list.unlisted.keys()).filter_map(named).chain(list.missing.clone());
    let mut past_rto = 0;
    for resource in known {
        past_rto += u32::from(troubles.note(&resource, look_after_open(deps, &resource).await).unwrap_or(false));
    }
    match searches::look_after(deps).await {
        Ok(looked) => looked.into_iter().for_each(|(resource, result)| {
            troubles.note(&resource, result);
        }),
        // What was found of databases is told all the same; the next sweep looks again.
        Err(error) => tracing::error!("nobody looked after bisections: {error}"),
    }
    let now = deps.clock.now();
    let counts = [
        Metric::count("SweepRun", 1),
        Metric::count("IncidentPastRto", past_rto),
        Metric::count("DatabasesNotProbed", unprobed),
        Metric::count("DatabasesNotJudged", troubles.count()),
    ];
    emit(now, &[], &counts, &[]);
    troubles.tell(deps).await?;
    Ok(SweepAnswer { news: has_news(deps, now).await?, opened })
}

/// What could not be judged, by whom.
#[derive(Debug, Default)]
struct Troubles(BTreeMap<Identity, DrError>);

impl Troubles {
    fn note<T>(&mut self, resource: &Identity, judged: Result<T, DrError>) -> Option<T> {
        let trouble = |error| {
            tracing::error!(%resource, "could not be judged: {error}");
            self.0.entry(resource.clone()).or_insert(error);
        };
        judged.map_err(trouble).ok()
    }

    /// Databases, not errors.
    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The next sweep repeats what repeating can help, and the count raises an alarm if it does not; the rest is told, once a day.
    async fn tell<R, L: Ledger, D, E, C: Clock>(self, deps: &Deps<R, L, D, E, C>) -> Result<(), DrError> {
        for (resource, error) in self.0.iter().filter(|(_, error)| !error.name().is_retryable()) {
            let text = format!("{error}. Until this is mended, {resource} is not looked after.");
            tell_people_daily(deps, &format!("{resource} could not be judged"), text).await?;
        }
        Ok(())
    }
}

/// What the probes found, by identity; a group whose prober could not run has none.
async fn probes<R, L, D: Documents, E, C>(deps: &Deps<R, L, D, E, C>, input: &SweepJudgeInput) -> Result<BTreeMap<String, Probe>, DrError> {
    let mut probes = BTreeMap::new();
    for key in input.results.iter().filter(|key| !key.is_empty()) {
        let results: Results = read(deps, key).await?;
        probes.extend(results.probes.into_iter().map(|probed| (probed.resource.to_string(), probed.probe)));
    }
    Ok(probes)
}

async fn read<R, L, D: Documents, E, C, T: serde::de::DeserializeOwned>(deps: &Deps<R, L, D, E, C>, key: &str) -> Result<T, DrError> {
    let document = deps.documents.get_json(key).await.map_err(|error| error.while_doing(format!("reading {key}")))?;
    let document = document.ok_or_else(|| DrError::not_found(format!("{key} is not in the bucket")))?;
    serde_json::from_value(document).map_err(|error| DrError::unrecoverable(format!("{key} does not decode: {error}")))
}

/// One database: answers whether an incident was opened or joined.
async fn judge_one<R, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    resource: &Identity,
    probe: Option<&Probe>,
    observed: &ObservedDatabase,
) -> Result<bool, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let now = deps.clock.now();
    let record = ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(resource), |record| {
        if let Some(probe) = probe.filter(|probe| record.last_probe_at.is_none_or(|last| last < probe.at)) {
            count(record, probe, observed, now);
        }
        Ok(())
    })
    .await?;
    if let Some((title, text)) = blindness(&record, probe, observed) {
        tell_people_daily(deps, &title, text).await?;
    }
    let Some((signal, scenario)) = finding(&record, probe, observed, now) else {
        if let Some((id, probe)) = record.open_incident.zip(probe.filter(|probe| serves(probe, observed))) {
            close_healed(deps, &id, probe).await?;
        }
        // Last, so that it keeps no incident from being opened or closed.
        readiness::look(deps, resource, &record.policy, observed).await?;
        return Ok(false);
    };
    if is_looked_at(deps, &record, &signal).await? {
        return Ok(false);
    }
    open_or_join(deps, Beginning { record: &record, observed: Some(observed), signal, scenario }).await?;
    Ok(true)
}

/// Counts a probe. Silence during planned work counts for nothing, then or later.
fn count(record: &mut ResourceRecord, probe: &Probe, observed: &ObservedDatabase, now: Timestamp) {
    record.last_probe_at = Some(probe.at);
    record.life = KeptLife::after(record.life.take(), probe, &observed.resource_id);
    let is_planned = record.planned_work.as_ref().is_some_and(|work| work.explains(now));
    if probe.outcome.is_down() && !is_planned {
        record.failed_probes += 1;
        record.unreachable_since.get_or_insert(probe.at);
    } else if probe.outcome == ProbeOutcome::Answers || is_planned {
        record.failed_probes = 0;
        record.unreachable_since = None;
    }
    if probe.outcome == ProbeOutcome::Answers {
        record.answered = Some(Answered { at: probe.at, security_groups: observed.configuration.security_groups.clone() });
    }
    if probe.checks_passed {
        // What was written while the probe went on may not have been seen by it.
        record.checks_passed_at = Some(probe.at - TimeDelta::milliseconds(i64::try_from(probe.millis).unwrap_or(i64::MAX / 1000)));
    }
}

/// Why Lifeboat would not see an outage of it, if it would not: a title and a text for people.
fn blindness(record: &ResourceRecord, probe: Option<&Probe>, observed: &ObservedDatabase) -> Option<(String, String)> {
    let resource = &record.resource;
    if observed.configuration.table().is_some_and(|table| table.point_in_time_days.is_none()) {
        let text = format!(
            "Point-in-time recovery of {} is off: after a deletion or a mistake only its last backup could be restored.\nSwitch it on\n{}",
            record.id,
            by_hand::recover_table(&record.arn, &record.id)
        );
        return Some((format!("{resource} has no point-in-time recovery"), text));
    }
    if observed.status.meaning() == StatusMeaning::Off {
        let text = format!(
            "RDS reports {}: somebody stopped {}. It is protected, and serves nobody.\nStart it, or take its tag lifeboat:policy away if it is meant to be off\n{}",
            observed.status,
            record.id,
            by_hand::start(&record.arn, &record.id)
        );
        return Some((format!("{resource} is stopped"), text));
    }
    let title = format!("{resource} cannot be probed");
    let remedy = "Until this is mended, Lifeboat would not see it hang.";
    let Some(probe) = probe else {
        let vpc = observed.configuration.vpc.as_deref().unwrap_or("none");
        return Some((title, format!("No prober could run in its VPC {vpc}: look at the log of the function validate there. {remedy}")));
    };
    match probe.outcome {
        ProbeOutcome::LoginRefused => {
            let text = format!("The probe's login was refused: {}. Does its secret hold today's user and password? {remedy}", probe.text);
            Some((title, text))
        }
        ProbeOutcome::CouldNotRun => Some((title, format!("{}. {remedy}", probe.text))),
        ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer if record.answered.is_none() => {
            let text =
                format!("No probe has ever reached it: {}. Do validate's subnets and security group lead to it? {remedy}", probe.text);
            Some((title, text))
        }
        _ => None,
    }
}

fn serves(probe: &Probe, observed: &ObservedDatabase) -> bool {
    observed.status.is_serving() && probe.outcome == ProbeOutcome::Answers && probe.writable != Some(false)
}

/// Whether this finding belongs to the incident that is not closed yet.
async fn is_looked_at<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    signal: &Signal,
) -> Result<bool, DrError> {
    let Some(id) = &record.open_incident else { return Ok(false) };
    let incident = ledger::incident(&deps.ledger, id).await?;
    Ok(incident.state != IncidentState::Closed && !swallows(&incident, signal))
}

/// What a probe and Describe together give reason to look at. Planned work explains silence only.
fn finding(
    record: &ResourceRecord,
    probe: Option<&Probe>,
    observed: &ObservedDatabase,
    now: Timestamp,
) -> Option<(Signal, Option<Scenario>)> {
    let signal = |at, plane, text| Signal { at, plane, source: "sweep".to_owned(), text };
    if let Some(probe) = probe.filter(|probe| !probe.failed_checks.is_empty()) {
        let text = format!("a check of the policy fails: {}", probe.failed_checks.join("; "));
        return Some((signal(probe.at, Plane::DataPlane, text), Some(Scenario::Corruption)));
    }
    if observed.status.lacks_instances() {
        let text = format!("cluster {} has no instance that serves", observed.id);
        return Some((signal(record.unreachable_since.unwrap_or(now), Plane::ControlPlane, text), None));
    }
    match observed.meaning() {
        StatusMeaning::Serving | StatusMeaning::ServingBusy => {
            let silent = probe.filter(|probe| probe.outcome.is_down() && record.failed_probes >= SILENT_SWEEPS)?;
            record.answered.as_ref()?;
            let text = format!("{} sweeps in a row: {}", record.failed_probes, silent.text);
            Some((signal(record.unreachable_since.unwrap_or(silent.at), Plane::DataPlane, text), None))
        }
        StatusMeaning::Terminal
        | StatusMeaning::StorageFull
        | StatusMeaning::BadParameters
        | StatusMeaning::BadNetwork
        | StatusMeaning::KeyLost => {
            let at = record.unreachable_since.or(probe.map(|probe| probe.at)).unwrap_or(now);
            Some((signal(at, Plane::ControlPlane, format!("{} reports {}", observed.id.kind().service(), observed.status)), None))
        }
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
    if resources::instance(&deps.databases, &record.id).await?.is_some() {
        return Ok(false); // It exists: its tags were taken away.
    }
    let text = format!("{} does not exist any more", record.id);
    let signal = Signal { at: deps.clock.now(), plane: Plane::ControlPlane, source: "sweep".to_owned(), text };
    if is_looked_at(deps, &record, &signal).await? {
        return Ok(false);
    }
    open_or_join(deps, Beginning { record: &record, observed: None, signal, scenario: Some(Scenario::Deletion) }).await?;
    Ok(true)
}

/// Reconciles a resource's open incident; answers whether it is past its RTO.
async fn look_after_open<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, resource: &Identity) -> Result<bool, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let now = deps.clock.now();
    let Some(id) = resources::record(&deps.ledger, resource).await?.and_then(|record| record.open_incident) else { return Ok(false) };
    let Some(kept) = ledger::read::<Incident>(&deps.ledger, &keys::incident(&id)).await? else { return Ok(false) };
    let incident = kept.value;
    if incident.state == IncidentState::Closed {
        return Ok(false);
    }
    if incident.state == IncidentState::Open {
        reconcile(deps, &id, None).await?;
    }
    let policy = deps.policies.policy(&incident.policy)?;
    let scenario = incident.scenario();
    let rto = scenario.map_or(policy.objective, |scenario| policy.objective_for(scenario)).rto;
    if now <= incident.first_signal_at + rto.as_delta() {
        return Ok(false);
    }
    let what = scenario.map_or("not judged yet", Scenario::as_str);
    let open_for = Span::between(incident.first_signal_at, now);
    let next = match ledger::incident(&deps.ledger, &id).await?.state {
        IncidentState::WaitingForPerson => "It waits for a person.",
        IncidentState::Open | IncidentState::Closed => "Its recovery goes on, and is not given up because of this.",
    };
    let text = format!("{next} The first signal came at {}, {open_for} ago ({what}, incident {id}).", show_time(incident.first_signal_at));
    let at = incident.first_signal_at + rto.as_delta();
    tell_people(deps, at, Some(&incident), &format!("{resource} is past its RTO of {rto}"), text).await?;
    Ok(true)
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
