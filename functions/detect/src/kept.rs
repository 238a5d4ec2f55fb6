//! The weekly reminder: what recoveries kept, what it costs, and how it is released.

use crate::Deps;
use chrono::{DurationRound, TimeDelta};
use lifeboat_domain::ids::IncidentId;
use lifeboat_domain::incident::{Incident, IncidentState};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedInstance, tags};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::prices::Prices;
use lifeboat_domain::register::News;
use lifeboat_domain::words::show_time;
use lifeboat_domain::{DrError, Timestamp};

/// What was kept for less is not yet worth a reminder: the message of its recovery is young.
const QUIET: TimeDelta = TimeDelta::days(1);

/// One kept database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept<'a> {
    instance: &'a ObservedInstance,
    incident: Incident,
}

/// Tells once a week, as long as something is kept.
pub(crate) async fn remind<R, L: Ledger, D, E, C: Clock>(deps: &Deps<R, L, D, E, C>, all: &[ObservedInstance]) -> Result<(), DrError> {
    let now = deps.clock.now();
    let mut kept = Vec::new();
    for instance in all {
        let mark = instance.tags.get(tags::RETIRED).or_else(|| instance.tags.get(tags::INCIDENT));
        let Some(mark) = mark.filter(|_| instance.policy().is_none()) else { continue };
        let Ok(id) = IncidentId::parse(mark.clone()) else { continue };
        if let Some(incident) = ledger::read::<Incident>(&deps.ledger, &keys::incident(&id)).await?.map(|kept| kept.value)
            && is_due(&incident, now)
        {
            kept.push(Kept { instance, incident });
        }
    }
    if kept.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = kept.iter().map(|kept| line(kept, &deps.policies.prices)).collect();
    let title = match kept.len() {
        1 => "1 kept database waits to be released".to_owned(),
        several => format!("{several} kept databases wait to be released"),
    };
    let text = format!(
        "{}. Nothing of this is ever deleted by itself: start the state machine `release` with the input of each that you do not need any more.",
        lines.join(". ")
    );
    let news = News { at: now, resource: None, incident: None, title, text, told_at: None };
    news.leave(&deps.ledger, now.duration_trunc(TimeDelta::days(7)).unwrap_or(now)).await
}

fn is_due(incident: &Incident, now: Timestamp) -> bool {
    incident.state == IncidentState::Closed && incident.closed_at.is_some_and(|closed| now > closed + QUIET)
}

fn line(kept: &Kept<'_>, prices: &Prices) -> String {
    let Kept { instance, incident } = kept;
    let configuration = &instance.configuration;
    let resource = &incident.resource;
    let what = if instance.tags.contains_key(tags::RETIRED) {
        format!("from which the clients of {resource} were moved")
    } else {
        format!("a restored copy of {resource}")
    };
    let size = configuration.allocated_storage.map_or_else(|| "of unknown size".to_owned(), |gib| format!("{gib} GiB"));
    let cost = prices.month(configuration).map_or_else(
        || format!("what a {} of {size} costs (no price of it stands under prices in the policies)", configuration.class),
        |cost| format!("about {cost} a month ({}, {size})", configuration.class),
    );
    let since = incident.closed_at.map_or_else(String::new, |closed| format!(" since {}", show_time(closed)));
    let input = serde_json::json!({"resource": incident.resource, "instance": instance.id, "confirm": instance.id});
    format!("{}, {what}, is kept{since} by incident {} and costs {cost}; to release it: {input}", instance.id, incident.id)
}
