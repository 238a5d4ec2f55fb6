//! Finding resources, and keeping what the ledger knows of them fresh.

use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::incident::Source;
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::ports::{Ledger, ReadDatabases};
use lifeboat_domain::register::FleetMember;
pub(crate) use lifeboat_domain::register::{ResourceRecord, record, refresh};
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{DrError, ErrorName, ledger};

/// Reads one instance.
pub(crate) async fn instance(databases: &impl ReadDatabases, id: &DatabaseId) -> Result<Option<ObservedDatabase>, DrError> {
    databases.database(id).await.map_err(|error| error.while_doing(format!("describing {id}")))
}

/// The resource that one of these was: what is gone has no tags, so the ledger's records are asked.
pub(crate) async fn remembered(ledger: &impl Ledger, named: &[DatabaseId]) -> Result<Option<ResourceRecord>, DrError> {
    for member in ledger::list::<FleetMember>(ledger, "fleet", "").await? {
        if let Some(record) = record(ledger, &member.value.resource).await?.filter(|record| named.contains(&record.id)) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// The record with today's facts; else why they are not its, which repeating does not change.
pub(crate) async fn refreshed(
    ledger: &impl Ledger,
    resource: &Identity,
    observed: &ObservedDatabase,
) -> Result<Result<ResourceRecord, String>, DrError> {
    match refresh(ledger, resource, observed).await {
        Ok(record) if record.has_retired(observed) => Ok(Err(format!("{} is retired: it is never judged again", observed.id))),
        Ok(record) => Ok(Ok(record)),
        Err(error) if error.name() == ErrorName::Refused => Ok(Err(error.message().to_owned())),
        Err(error) => Err(error),
    }
}

/// Why an instance is left alone; none if it is protected.
pub(crate) fn why_left_alone(observed: &ObservedDatabase) -> Option<String> {
    let id = &observed.id;
    if observed.tags.contains_key(lifeboat_domain::observed::tags::RETIRED) {
        return Some(format!("{id} is retired: it is never judged again"));
    }
    if observed.policy().is_none() {
        return Some(format!("{id} has no tag {}: it is not protected", lifeboat_domain::observed::tags::POLICY));
    }
    if let Some(cluster) = &observed.cluster {
        return Some(format!("{id} belongs to cluster {cluster}: a member is not judged alone"));
    }
    if let Some(source) = &observed.replica_of {
        return Some(format!("{id} is a read replica of {source}: a replica is not recovered"));
    }
    if observed.identity().is_none() {
        return Some(format!("{id} has no usable identity: its tag lifeboat:resource, or else its name, must be {}", Identity::ACCEPTED));
    }
    None
}

/// Why a person may not have it recovered. What follows another Region's is left alone, until that Region is lost and a person says so.
pub(crate) fn why_refused(observed: &ObservedDatabase, scenario: Scenario) -> Option<String> {
    if scenario == Scenario::RegionOutage && observed.replica_of.is_some() {
        return why_left_alone(&ObservedDatabase { replica_of: None, ..observed.clone() });
    }
    why_left_alone(observed)
}

/// The source of an incident, from what is observed or else from what the ledger remembers.
pub(crate) fn source(record: &ResourceRecord, observed: Option<&ObservedDatabase>) -> Source {
    Source {
        id: record.id.clone(),
        arn: record.arn.clone(),
        resource_id: record.resource_id.clone(),
        engine: observed.map(|observed| observed.configuration.engine.clone()).or_else(|| record.engine.clone()),
        endpoint: observed.and_then(|observed| observed.endpoint.clone()).or_else(|| record.endpoint.clone()),
        secret: record.secret.clone(),
        database: observed.and_then(|observed| observed.configuration.database.clone()),
    }
}

/// The protected ones of `all`, by identity.
pub(crate) fn protected(all: Vec<ObservedDatabase>) -> Vec<(Identity, ObservedDatabase)> {
    let looked_after = all.into_iter().filter(|observed| why_left_alone(observed).is_none());
    looked_after.filter_map(|observed| Some((observed.identity()?, observed))).collect()
}
