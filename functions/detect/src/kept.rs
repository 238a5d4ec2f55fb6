//! The weekly reminder: what recoveries kept, what it costs, and how it is released.

use crate::Deps;
use chrono::{DurationRound, TimeDelta};
use lifeboat_domain::bisection;
use lifeboat_domain::ids::{Identity, IncidentId};
use lifeboat_domain::incident::{Incident, IncidentState};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{Configuration, ObservedDatabase, tags};
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases};
use lifeboat_domain::prices::Prices;
use lifeboat_domain::register::News;
use lifeboat_domain::words::{ResourceKind, show_time};
use lifeboat_domain::{DrError, Timestamp};

/// What was kept for less is not yet worth a reminder: the message of its recovery is young.
const QUIET: TimeDelta = TimeDelta::days(1);

/// One kept database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept<'a> {
    instance: &'a ObservedDatabase,
    resource: Identity,
    since: Option<Timestamp>,
    /// By what, in words.
    by: String,
}

/// Tells once a week, as long as something is kept.
pub(crate) async fn remind<R: ReadDatabases, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    all: &[ObservedDatabase],
) -> Result<(), DrError> {
    let now = deps.clock.now();
    let mut kept = Vec::new();
    let tables = match deps.databases.kept().await {
        Ok(tables) => tables,
        // The others are told all the same.
        Err(error) => {
            tracing::warn!("the kept tables are not told: {error}");
            Vec::new()
        }
    };
    for instance in all.iter().chain(&tables) {
        // A member is kept and released with its cluster.
        if instance.policy().is_none() && instance.cluster.is_none() {
            kept.extend(by_search(deps, instance, now).await?);
            kept.extend(by_incident(deps, instance, now).await?);
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
    let text = format!("{}. Nothing of this is ever deleted by itself: {}.", lines.join(". "), how(&kept));
    let news = News { at: now, resource: None, incident: None, title, text, told_at: None };
    news.leave(&deps.ledger, now.duration_trunc(TimeDelta::days(7)).unwrap_or(now)).await
}

async fn by_incident<'a, R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    instance: &'a ObservedDatabase,
    now: Timestamp,
) -> Result<Option<Kept<'a>>, DrError> {
    let mark = instance.tags.get(tags::RETIRED).or_else(|| instance.tags.get(tags::INCIDENT));
    let Some(Ok(id)) = mark.map(|mark| IncidentId::parse(mark.clone())) else { return Ok(None) };
    let incident = ledger::read::<Incident>(&deps.ledger, &keys::incident(&id)).await?.map(|kept| kept.value);
    let is_due =
        |incident: &Incident| incident.state == IncidentState::Closed && incident.closed_at.is_some_and(|closed| now > closed + QUIET);
    let kept = |incident: Incident| Kept {
        instance,
        resource: incident.resource,
        since: incident.closed_at,
        by: format!("incident {}", incident.id),
    };
    Ok(incident.filter(is_due).map(kept))
}

/// A copy that was made to be asked, however its search has ended: an execution that was stopped concludes nothing.
async fn by_search<'a, R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    instance: &'a ObservedDatabase,
    now: Timestamp,
) -> Result<Option<Kept<'a>>, DrError> {
    let Some(mark) = instance.tags.get(tags::SEARCH) else { return Ok(None) };
    let Some(search) = bisection::marked(&deps.ledger, mark).await? else { return Ok(None) };
    let since = search.ended.as_ref().map(|ended| ended.at).or(search.held_until);
    let is_due = !search.is_running(now) && since.is_none_or(|since| now > since + QUIET);
    let by = format!("a bisection, planned at {}", show_time(search.plan.planned_at));
    Ok(is_due.then_some(Kept { instance, resource: search.plan.resource, since, by }))
}

/// What a person does with the lines.
fn how(kept: &[Kept<'_>]) -> &'static str {
    let tables = kept.iter().filter(|kept| is_table(kept.instance)).count();
    match (tables, kept.len() - tables) {
        (0, _) => "start the state machine `release` with the input of each that you do not need any more",
        (_, 0) => "run the commands of each that you do not need any more, one after the other",
        _ => {
            "start the state machine `release` with the input of each that you do not need any more; of a table, run its commands one after the other"
        }
    }
}

fn is_table(database: &ObservedDatabase) -> bool {
    database.id.kind() == ResourceKind::DynamodbTable
}

/// A table is deleted by a person's own commands: its last backup must stand before, which no single call makes sure of.
fn commands(table: &ObservedDatabase) -> String {
    let on = |verb: &str, more: &str| format!("`aws dynamodb {verb} --region {} --table-name {}{more}`", table.arn.region(), table.id);
    format!(
        "{}, and once that backup is AVAILABLE {} and {}",
        on("create-backup", &format!(" --backup-name {}-final", table.id)),
        on("update-table", " --no-deletion-protection-enabled"),
        on("delete-table", "")
    )
}

/// The class and the size, in words; an Aurora cluster has neither itself.
fn what_is_billed(configuration: &Configuration) -> (String, String) {
    let size = configuration.allocated_storage.map_or_else(|| "of unknown size".to_owned(), |gib| format!("{gib} GiB"));
    if let Some(table) = configuration.table() {
        let class = table.table_class.as_deref().unwrap_or("STANDARD");
        let more = table.capacity.map_or_else(String::new, |(reads, writes)| {
            format!("; its capacity of {reads} read and {writes} write units is billed besides")
        });
        return (format!("table of class {class}"), format!("{size}{more}"));
    }
    match configuration.cluster().filter(|_| configuration.class.is_empty()) {
        Some(cluster) => {
            let classes: Vec<&str> = cluster.members.iter().map(|member| member.class.as_str()).collect();
            (format!("cluster of [{}]", classes.join(", ")), "a volume that is billed by what it holds".to_owned())
        }
        None => (configuration.class.clone(), size),
    }
}

fn line(kept: &Kept<'_>, prices: &Prices) -> String {
    let Kept { instance, resource, since, by } = kept;
    let configuration = &instance.configuration;
    let what = if instance.tags.contains_key(tags::RETIRED) {
        format!("from which the clients of {resource} were moved")
    } else {
        format!("a restored copy of {resource}")
    };
    let (class, size) = what_is_billed(configuration);
    let cost = prices.month(configuration).map_or_else(
        || format!("what a {class} of {size} costs (no price of it stands under prices in the policies)"),
        |cost| format!("about {cost} a month ({class}, {size})"),
    );
    let since = since.map_or_else(String::new, |since| format!(" since {}", show_time(since)));
    let input = serde_json::json!({"resource": resource, "instance": instance.id, "confirm": instance.id});
    let release = if is_table(instance) { commands(instance) } else { input.to_string() };
    format!("{}, {what}, is kept{since} by {by} and costs {cost}; to release it: {release}", instance.id)
}
