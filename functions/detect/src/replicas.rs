//! The read replicas of a failed source, written down for `validate`, which opens databases and describes none.

use crate::Deps;
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{MatrixRow, Remedy};
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases};
use lifeboat_domain::replica::{Replicas, of_source};
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{DrError, Timestamp};

/// Writes them down where the matrix could promote one; of a source without replicas nothing is read and nothing written.
pub(crate) async fn note<R: ReadDatabases, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    incident: &Incident,
    scenario: Option<Scenario>,
    source: Option<&ObservedDatabase>,
    now: Timestamp,
) -> Result<(), DrError> {
    let promotes = scenario
        .and_then(|scenario| MatrixRow::of(incident.kind, scenario))
        .is_some_and(|row| row.remedies.contains(&Remedy::PromoteReplica));
    let Some(source) = source.filter(|source| promotes && !source.replicas.is_empty()) else { return Ok(()) };
    let found = of_source(&deps.databases, source).await?;
    ledger::write(&deps.ledger, &keys::replicas(&incident.id), &Replicas::of(&found, now)).await
}
