//! `probe_replicas`: asks the engine of each read replica how far it follows, before a plan weighs its promotion.
//!
//! The engine is asked and not a metric: a dead source publishes no lag, or one that grows by itself. The newest transaction that the
//! replica holds does not change any more, and is what clients will find.

use crate::budget::Budget;
use crate::{Case, Deps, open};
use lifeboat_domain::DrError;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Ledger, OpenDatabases, ReadSecrets, Target, VisitLimits};
use lifeboat_domain::probe::ReplicaLook;
use lifeboat_domain::replica::{ReplicaLooks, ReplicaTarget, Replicas};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Looked {
    replicas: usize,
}

/// Asks them all; one that cannot be asked is told as such, and is no error.
pub(crate) async fn probe_replicas<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Looked, DrError>
where
    L: Ledger,
    S: ReadSecrets,
    O: OpenDatabases,
    C: Clock,
{
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let Some(known) = ledger::read::<Replicas>(&deps.ledger, &keys::replicas(&incident.id)).await? else {
        return Ok(Looked { replicas: 0 });
    };
    let limits = open::limits(deps.policies.policy(&incident.policy)?);
    let budget = Budget::start();
    let mut found = ReplicaLooks::default();
    let mut lines = Vec::new();
    for replica in &known.value.replicas {
        let look = match budget.spend(look(deps, &incident, replica, limits)).await {
            Ok(look) => look?,
            Err(late) => ReplicaLook::unknown(deps.clock.now(), late),
        };
        lines.push(look.text.clone());
        found.looks.insert(replica.resource_id.clone(), look);
    }
    ledger::write(&deps.ledger, &keys::replica_looks(&incident.id), &found).await?;
    if !lines.is_empty() {
        let text = format!("the source has {} read replicas in its Region: {}", lines.len(), lines.join("; "));
        tracing::info!(execution = case.execution, incident = %incident.id, "{text}");
        ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Judge, text).await?;
    }
    Ok(Looked { replicas: found.looks.len() })
}

/// Asks one, with the login of its source, which it replicates.
async fn look<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    replica: &ReplicaTarget,
    limits: VisitLimits,
) -> Result<ReplicaLook, DrError> {
    let target = Target {
        instance: replica.id.clone(),
        engine: replica.engine.clone(),
        endpoint: replica.endpoint.clone(),
        database: replica.database.clone(),
        ..open::source(incident)
    };
    Ok(match open::today(&deps.secrets, &target).await {
        Ok(credentials) => deps.databases.look_at_replica(&target, &credentials, limits, deps.clock.now()).await,
        // That the secret cannot be read *now* says nothing of the replica: the step is repeated.
        Err(why) if why.name().is_retryable() => return Err(why),
        Err(why) => ReplicaLook::unknown(deps.clock.now(), why.to_string()),
    })
}
