//! Databases that earlier stories of a resource have left behind. Only a person deletes them, so whoever reads of one hears of all.

use lifeboat_domain::Timestamp;
use lifeboat_domain::error::DrError;
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, IncidentId};
use lifeboat_domain::incident::{Incident, Outcome, Restored, Setback};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::show_time;

/// How far back is looked, in days: whoever paid longer for a copy knows of it.
const DAYS: i64 = 31;

/// A database that may still exist, and is billed if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    pub(crate) id: DatabaseId,
    pub(crate) arn: Arn,
    pub(crate) why: String,
    resource_id: Option<String>,
}

/// What other stories of the same resource have left, and this one on its way. What cannot be read is left out: a message must not
/// wait for it.
pub(crate) async fn leftovers(ledger: &impl Ledger, incident: &Incident) -> Vec<Leftover> {
    let Some(restored) = &incident.restored else { return Vec::new() };
    let mut found: Vec<Leftover> = incident.setbacks.iter().filter_map(|setback| outrun(incident, setback)).collect();
    match of_others(ledger, incident).await {
        Ok(others) => found.extend(others),
        Err(error) => tracing::warn!(incident = %incident.id, "earlier copies are not told: {error}"),
    }
    // After a swap of names, one that an earlier story left may serve under another name.
    let serves = |leftover: &Leftover| leftover.resource_id.is_some() && leftover.resource_id == restored.resource_id;
    found.retain(|leftover| leftover.id != restored.id && leftover.id != incident.source.id && !serves(leftover));
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found.dedup_by(|one, other| one.id == other.id);
    found
}

fn outrun(incident: &Incident, setback: &Setback) -> Option<Leftover> {
    let Setback::Outrun { target } = setback else { return None };
    let arn = incident.source.arn.sibling(target).ok()?;
    Some(Leftover {
        id: target.clone(),
        arn,
        why: "an earlier copy of this incident; the source answered again meanwhile".to_owned(),
        resource_id: None,
    })
}

async fn of_others(ledger: &impl Ledger, incident: &Incident) -> Result<Vec<Leftover>, DrError> {
    let mut found = Vec::new();
    for month in months(incident.opened_at) {
        let opened = ledger.list("opened", &month).await.map_err(|error| error.while_doing("listing earlier incidents"))?;
        for (key, versioned) in opened {
            let Some(id) = key.sort.split_once('#').and_then(|(_, id)| IncidentId::parse(id).ok()) else { continue };
            let is_its = serde_json::from_value::<Identity>(versioned.document).is_ok_and(|resource| resource == incident.resource);
            if is_its && id != incident.id {
                let other = ledger::read::<Incident>(ledger, &keys::incident(&id)).await?;
                found.extend(other.and_then(|other| left_by(&other.value)));
            }
        }
    }
    Ok(found)
}

/// The months to look at, as the keys of opened incidents begin: `2026-01`.
fn months(at: Timestamp) -> Vec<String> {
    let earlier = at - chrono::TimeDelta::days(DAYS);
    let mut months: Vec<String> = [earlier, at].iter().map(|at| at.format("%Y-%m").to_string()).collect();
    months.dedup();
    months
}

/// A recovery leaves its source, anything else what it restored.
fn left_by(other: &Incident) -> Option<Leftover> {
    let at = show_time(other.closed_at.unwrap_or(other.opened_at));
    if other.outcome == Some(Outcome::Recovered) {
        let why = format!("it was the database before incident {}, which retired it at {at}", other.id);
        return Some(Leftover {
            id: other.source.id.clone(),
            arn: other.source.arn.clone(),
            why,
            resource_id: Some(other.source.resource_id.clone()),
        });
    }
    let Restored { id, arn, resource_id, .. } = other.restored.clone().filter(|restored| restored.id != other.source.id)?;
    let failed = other.setbacks.iter().any(|setback| matches!(setback, Setback::RestoreFailed { target, .. } if *target == id));
    let how = match other.outcome {
        Some(Outcome::RestoredBeside) => "restored beside production",
        Some(Outcome::Cloned) => "cloned from production as it was then",
        _ => "restored, and clients were not moved to it",
    };
    (!failed).then(|| Leftover { id, arn, why: format!("{how} by incident {} of {at}", other.id), resource_id })
}
