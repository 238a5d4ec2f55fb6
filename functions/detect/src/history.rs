//! What is known of a database's past without opening it: fingerprints, checks, incidents, announcements, and who did what.

use crate::Deps;
use chrono::TimeDelta;
use lifeboat_domain::ids::{Identity, IncidentId};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::moments::trail::{self, LAG};
use lifeboat_domain::moments::{Finding, Origin, Search, Sureness, prints};
use lifeboat_domain::point::{Fingerprint, RecoveryPoint};
use lifeboat_domain::policy::{FingerprintTable, Policy};
use lifeboat_domain::ports::{Documents, Ledger, ReadDatabaseEvents, ReadTrail};
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::words::{Plane, Scenario, show_time};
use lifeboat_domain::{DrError, Span, Timestamp};

/// Fingerprints that are read: the newest of the window, and the one before it.
const MOST_FINGERPRINTS: usize = 16;
/// Incidents that are told.
const MOST_INCIDENTS: usize = 8;
/// How far back RDS tells what it announced: 14 days, less some time for this step.
const ANNOUNCED: Span = Span::hours(14 * 24 - 1);
/// Announcements of RDS that are told.
const MOST_EVENTS: usize = 8;

/// What the ledger knows.
pub(crate) async fn of_ledger<R, L: Ledger, D: Documents, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    policy: &Policy,
    search: &mut Search,
) -> Result<(), DrError> {
    fingerprints(deps, record, policy, search).await?;
    incidents(deps, record, search).await?;
    if let Some(work) = record.planned_work.as_ref().filter(|work| search.from <= work.since && work.since <= search.to) {
        let text = format!("work that was planned began at {}: {}", show_time(work.since), work.what);
        search.findings.push(Finding::at(Origin::PlannedWork, Sureness::Possible, work.since, text));
    }
    Ok(())
}

async fn fingerprints<R, L: Ledger, D: Documents, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    policy: &Policy,
    search: &mut Search,
) -> Result<(), DrError> {
    if search.tables.is_empty() {
        search
            .notes
            .push(format!("The policy {} names no tables under fingerprint, so that nothing of the data is measured", record.policy));
        return Ok(());
    }
    let points = ledger::list::<RecoveryPoint>(&deps.ledger, &keys::resource(&record.resource), "point#").await?;
    let is_past = |point: &RecoveryPoint| {
        let descends = point.resource_id.as_ref().is_some_and(|id| record.descends_from(id, point.started_at));
        descends && point.started_at <= search.to
    };
    let past: Vec<RecoveryPoint> = points.into_iter().map(|kept| kept.value).filter(is_past).collect();
    let within = past.iter().filter(|point| search.from <= point.started_at).count();
    let wanted: Vec<String> =
        past.into_iter().rev().filter_map(|point| point.fingerprint).take((within + 1).min(MOST_FINGERPRINTS)).collect();
    let mut read = Vec::new();
    for key in wanted.into_iter().rev() {
        let document = deps.documents.get_json(&key).await.map_err(|error| error.while_doing(format!("reading {key}")))?;
        match document.map(serde_json::from_value::<Fingerprint>) {
            Some(Ok(print)) => read.push((key, print)),
            Some(Err(error)) => search.notes.push(format!("The fingerprint {key} does not decode: {error}")),
            None => search.notes.push(format!("The fingerprint {key} is not in the bucket any more")),
        }
    }
    if read.is_empty() {
        search.notes.push("No recovery point of this time has a fingerprint to compare with".to_owned());
    }
    let tables: Vec<FingerprintTable> = policy.fingerprint.iter().filter(|table| search.tables.contains(&table.table)).cloned().collect();
    let (keys, read): (Vec<String>, Vec<Fingerprint>) = read.into_iter().unzip();
    search.findings.extend(prints::between(&tables, &read));
    search.fingerprints = keys;
    Ok(())
}

/// Incidents of the window: each sweep that found the checks failing is told with when they last passed.
async fn incidents<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, record: &ResourceRecord, search: &mut Search) -> Result<(), DrError> {
    let mut told = 0;
    let mut day = search.from;
    while day.date_naive() <= search.to.date_naive() {
        let (prefix, partition) = (day.format("%Y-%m-%d").to_string(), "opened");
        let listing = |error: lifeboat_domain::CallError| error.while_doing(format!("listing what was opened on {prefix}"));
        for (key, opened) in deps.ledger.list(partition, &prefix).await.map_err(listing)? {
            let is_ours = ledger::decode::<Identity>(&key, opened).is_ok_and(|resource| resource.value == record.resource);
            let Some(id) = key.sort.split('#').nth(1).and_then(|id| IncidentId::parse(id).ok()).filter(|_| is_ours) else { continue };
            let Some(kept) = ledger::read::<Incident>(&deps.ledger, &keys::incident(&id)).await? else { continue };
            if told < MOST_INCIDENTS {
                told += 1;
                of_incident(record, &kept.value, search);
            }
        }
        day += TimeDelta::days(1);
    }
    Ok(())
}

fn of_incident(record: &ResourceRecord, incident: &Incident, search: &mut Search) {
    if incident.request.by_person {
        return; // What a person asks for happens after what went wrong.
    }
    let failing = incident.signals.iter().find(|signal| signal.plane == Plane::DataPlane);
    let is_corruption = incident.scenario.or(incident.request.scenario) == Some(Scenario::Corruption);
    match (failing, record.checks_passed_at) {
        (Some(signal), Some(passed)) if is_corruption && passed <= signal.at => {
            let text = format!("every watched check passed at {}; at {} {}", show_time(passed), show_time(signal.at), signal.text);
            search.findings.push(Finding::between(Origin::Checks, Sureness::Proven, (passed, signal.at), text));
        }
        (Some(signal), _) if is_corruption => search.notes.push(format!(
            "At {} {}; when the checks had passed before that is not known any more",
            show_time(signal.at),
            signal.text
        )),
        _ => {
            let began = incident.first_signal_at;
            let what = incident.signals.first().map_or("", |signal| signal.text.as_str());
            let text = format!("incident {} began at {}: {what}", incident.id, show_time(began));
            search.findings.push(Finding::at(Origin::Incidents, Sureness::Possible, began, text));
        }
    }
}

/// What RDS and CloudTrail tell. Both are hints: whoever does not answer is named, and the search goes on.
pub(crate) async fn of_control_plane<R: ReadDatabaseEvents + ReadTrail, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    search: &mut Search,
) {
    let (from, to) = (search.from, search.to);
    let announced_from = from.max(search.asked_at - ANNOUNCED.as_delta());
    match deps.databases.events_of(&record.id, announced_from, to.max(announced_from)).await {
        Ok(events) => {
            let newest = events.into_iter().rev().take(MOST_EVENTS);
            let hint = |(at, text): (Timestamp, String)| {
                Finding::at(Origin::RdsEvents, Sureness::Possible, at, format!("RDS said at {}: {text}", show_time(at)))
            };
            search.findings.extend(newest.map(hint));
        }
        Err(error) => search.notes.push(format!("What RDS announced is not known: {error}")),
    }
    for name in [Some(record.id.as_str()), record.secret.as_deref()].into_iter().flatten() {
        match deps.databases.actions_on(name, from, to).await {
            Ok(found) => {
                search.findings.extend(trail::findings(&found));
                if !found.is_complete {
                    search
                        .notes
                        .push(format!("Of what CloudTrail knows of {name}, only the newest pages were read: name a narrower window"));
                }
            }
            Err(error) => search.notes.push(format!("Who did what to {name} is not known: CloudTrail did not tell: {error}")),
        }
    }
    if to > search.asked_at - LAG.as_delta() {
        search.notes.push(
            "CloudTrail shows an action up to 15 minutes late, and no SQL at all: look again later for what was done just now".to_owned(),
        );
    }
}
