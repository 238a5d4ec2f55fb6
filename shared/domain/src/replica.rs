//! Read replicas of a source: who they are, what their engines say, and which one may be promoted.

use crate::error::DrError;
use crate::ids::DatabaseId;
use crate::observed::{Endpoint, ObservedDatabase};
use crate::ports::ReadDatabases;
use crate::probe::ReplicaLook;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A replica for `validate` to open: that function describes nothing itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaTarget {
    /// `DBInstanceIdentifier`.
    pub id: DatabaseId,
    /// `DbiResourceId`.
    pub resource_id: String,
    /// `Engine`.
    pub engine: String,
    /// Where it listens.
    pub endpoint: Option<Endpoint>,
    /// The database in it.
    pub database: Option<String>,
}

/// The replicas of an incident's source, as they were described when it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// When they were described.
    pub at: Timestamp,
    /// Those of the same Region.
    pub replicas: Vec<ReplicaTarget>,
}

impl Replicas {
    /// Those of `found`.
    pub fn of(found: &[ObservedDatabase], at: Timestamp) -> Self {
        let target = |replica: &ObservedDatabase| ReplicaTarget {
            id: replica.id.clone(),
            resource_id: replica.resource_id.clone(),
            engine: replica.configuration.engine.clone(),
            endpoint: replica.endpoint.clone(),
            database: replica.configuration.database.clone(),
        };
        Self { at, replicas: found.iter().map(target).collect() }
    }
}

/// What the engines of the replicas said, by `DbiResourceId`: a replica that was made anew under the same name is another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaLooks {
    /// The last look at each.
    pub looks: BTreeMap<String, ReplicaLook>,
}

/// A replica with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// What Describe shows.
    pub observed: ObservedDatabase,
    /// What its engine said; none if it was never asked.
    pub look: Option<ReplicaLook>,
}

/// Whether a name in `ReadReplicaDBInstanceIdentifiers` is one of another Region: those are ARNs.
fn is_of_another_region(name: &str) -> bool {
    name.starts_with("arn:")
}

/// Describes the replicas that the source names in its own Region; one that is gone, or follows another by now, is none of them.
pub async fn of_source(databases: &impl ReadDatabases, source: &ObservedDatabase) -> Result<Vec<ObservedDatabase>, DrError> {
    let mut found = Vec::new();
    for name in source.replicas.iter().filter(|name| !is_of_another_region(name)) {
        let id = DatabaseId::parse(name.clone())?;
        let replica = databases.database(&id).await.map_err(|error| error.while_doing(format!("describing the replica {id}")))?;
        found.extend(replica.filter(|replica| replica.replica_of.as_deref() == Some(source.id.as_str())));
    }
    Ok(found)
}
