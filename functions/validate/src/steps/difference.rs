//! `difference`: how the restored copy and its source differ, table by table; counts and key ranges, never values.

use super::checks::{is_clone, login};
use crate::budget::Budget;
use crate::{Case, Deps, open};
use lifeboat_domain::DrError;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Credentials, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets, Target, VisitLimits};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::validation::{SideDifference, TableDifference};
use lifeboat_domain::words::ResourceKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the step answers: sums over the tables.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Differences {
    tables: usize,
    only_restored: i64,
    only_source: i64,
    changed: i64,
}

/// A side that can be opened.
type Side = (Target, Credentials);

/// Compares; a side that cannot be opened is a line in the timeline and not an error.
pub(crate) async fn difference<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Differences, DrError>
where
    L: Ledger,
    S: ReadSecrets + ReadSecretVersions,
    O: OpenDatabases,
    C: Clock,
{
    open::keep_lease(deps, case).await?;
    let budget = Budget::start();
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let (answer, text) = match sides(deps, &incident).await? {
        Ok((source, restored)) => compare(deps, &incident, &source, &restored, budget).await?,
        Err(why) => (Differences::default(), format!("the copy was not compared with its source: {why}")),
    };
    tracing::info!(execution = case.execution, incident = %incident.id, tables = answer.tables, "{text}");
    ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Validate, text).await?;
    Ok(answer)
}

/// Both sides with logins that work, or why not.
async fn sides<L: Ledger, D, S: ReadSecrets + ReadSecretVersions, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
) -> Result<Result<(Side, Side), String>, DrError> {
    let policy = deps.policies.policy(&incident.policy)?;
    if policy.tables_of(&incident.source.id, &incident.resource).is_empty() && incident.kind != ResourceKind::ReplicationGroup {
        return Ok(Err(format!("the policy {} names no tables under fingerprint", incident.policy)));
    }
    let limits = open::limits(policy);
    let restored = open::restored(incident)?;
    let plan = open::plan(&deps.ledger, incident).await?;
    if is_clone(plan.as_ref()) {
        return Ok(Err("a clone holds what the source held when it was made".to_owned()));
    }
    let restore_point = plan.and_then(|plan| plan.restore_point);
    let source = open::source(incident);
    let credentials = match open::today(&deps.secrets, &source).await {
        Ok(credentials) => credentials,
        Err(why) => return Ok(Err(why.to_string())),
    };
    let seen = deps.databases.probe(&source, &credentials, limits, &[]).await;
    if seen.outcome != ProbeOutcome::Answers {
        return Ok(Err(format!("the source cannot be opened ({}: {})", seen.outcome, seen.text)));
    }
    let login = login::try_logins(deps, &restored, limits, restore_point).await?;
    Ok(match login.works {
        Some(works) => Ok(((source, credentials), (restored, works))),
        None => Err(format!("the copy cannot be opened ({})", login.why_not())),
    })
}

async fn compare<L: Ledger, D, S, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    source: &Side,
    restored: &Side,
    budget: Budget,
) -> Result<(Differences, String), DrError> {
    let policy = deps.policies.policy(&incident.policy)?;
    if incident.kind == ResourceKind::ReplicationGroup {
        return Ok((Differences::default(), keyspaces(deps, open::limits(policy), source, restored, budget).await));
    }
    let mut tables: Vec<TableDifference> = Vec::new();
    let mut lines = Vec::new();
    for table in &policy.tables_of(&incident.source.id, &incident.resource) {
        let comparing = deps.databases.compare_table((&source.0, &source.1), (&restored.0, &restored.1), open::limits(policy), table);
        match budget.spend(comparing).await.and_then(|compared| compared.map_err(|error| error.to_string())) {
            Ok(found) => {
                lines.push(sentence(&found));
                tables.push(found);
            }
            Err(error) => lines.push(format!("{} was not compared: {error}", table.table)),
        }
    }
    let sum = |count: fn(&TableDifference) -> i64| tables.iter().map(count).sum();
    let answer = Differences {
        tables: tables.len(),
        only_restored: sum(|table| table.only_restored.count),
        only_source: sum(|table| table.only_source.count),
        changed: sum(|table| table.changed.count),
    };
    ledger::write(&deps.ledger, &keys::difference(&incident.id), &SideDifference { at: deps.clock.now(), tables }).await?;
    Ok((answer, format!("compared {} with its source: {}", restored.0.instance, lines.join("; "))))
}

/// How the keys of both sides differ, as counts and shares.
async fn keyspaces<L, D, S, O: OpenDatabases, C>(
    deps: &Deps<L, D, S, O, C>,
    limits: VisitLimits,
    source: &Side,
    restored: &Side,
    budget: Budget,
) -> String {
    let taken = async |side: &Side| {
        let none = BTreeMap::new();
        let taking = deps.databases.fingerprint(&side.0, &side.1, limits, &[], &none);
        let taken = budget.spend(taking).await?.map_err(|error| error.to_string())?;
        taken.keyspace.ok_or_else(|| format!("{} told no keys", side.0.instance))
    };
    match (taken(source).await, taken(restored).await) {
        (Ok(then), Ok(now)) => format!("{} beside its source: {}", restored.0.instance, then.compare(&now).1),
        (Err(why), _) | (_, Err(why)) => format!("the copy was not compared with its source: {why}"),
    }
}

fn sentence(found: &TableDifference) -> String {
    let TableDifference { table, source_rows, restored_rows, only_restored, only_source, changed, sampled } = found;
    if *sampled {
        return format!(
            "{table}, by a sample: {} items only in the copy, {} only in the source, {} changed, of {} that were looked at",
            only_restored.count,
            only_source.count,
            changed.count,
            source_rows.max(restored_rows)
        );
    }
    format!(
        "{table}: {source_rows} rows in the source, {restored_rows} in the copy; {} only in the copy, {} only in the source, {} changed",
        only_restored.count, only_source.count, changed.count
    )
}
