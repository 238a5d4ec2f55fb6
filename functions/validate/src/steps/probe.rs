//! `probe`: opens the source of an incident and writes down what it saw.

use crate::budget::Budget;
use crate::{Case, Deps, open};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::policy::SqlCheck;
use lifeboat_domain::ports::{Clock, Documents, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::validation::WriteMark;
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{DrError, register};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Probed {
    outcome: ProbeOutcome,
}

/// Probes; only an unreachable ledger is an error.
pub(crate) async fn probe<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Probed, DrError>
where
    L: Ledger,
    D: Documents,
    S: ReadSecrets + ReadSecretVersions,
    O: OpenDatabases,
    C: Clock,
{
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let looking = look(deps, &incident);
    let mut seen = Budget::start().spend(looking).await.unwrap_or_else(|late| open::could_not_run(deps.clock.now(), late));
    if incident.scenario() == Some(Scenario::Corruption)
        && let Some(life) = register::record(&deps.ledger, &incident.resource).await?.and_then(|record| record.life)
    {
        life.grade(&mut seen, &incident.source.resource_id, watched(deps, &incident).is_empty());
    }
    if incident.scenario() == Some(Scenario::Undo) {
        let mark = Budget::start().spend(written(deps, &incident)).await.unwrap_or_default();
        ledger::write(&deps.ledger, &keys::written(&incident.id), &mark).await?;
    }
    ledger::write(&deps.ledger, &keys::probe(&incident.id), &seen).await?;
    tracing::info!(execution = case.execution, incident = %incident.id, outcome = %seen.outcome, millis = seen.millis, "probed: {}", seen.text);
    Ok(Probed { outcome: seen.outcome })
}

/// Checks of the data are evidence only where the data is in question; elsewhere they would only make the probe slower.
async fn look<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(deps: &Deps<L, D, S, O, C>, incident: &Incident) -> Probe {
    let policy = match deps.policies.policy(&incident.policy) {
        Ok(policy) => policy,
        Err(error) => return open::could_not_run(deps.clock.now(), error.to_string()),
    };
    open::probe(deps, &open::source(incident), open::limits(policy), &watched(deps, incident)).await
}

fn watched<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, incident: &Incident) -> Vec<SqlCheck> {
    let is_asked = incident.scenario() == Some(Scenario::Corruption);
    deps.policies.policy(&incident.policy).ok().filter(|_| is_asked).map(open::watched).unwrap_or_default()
}

/// How much clients wrote to the database that they are to leave.
async fn written<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(deps: &Deps<L, D, S, O, C>, incident: &Incident) -> Option<WriteMark> {
    let limits = open::limits(deps.policies.policy(&incident.policy).ok()?);
    let source = open::source(incident);
    let credentials = open::today(&deps.secrets, &source).await.ok()?;
    deps.databases.write_mark(&source, &credentials, limits).await
}
