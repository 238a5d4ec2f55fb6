//! What every step needs to open a database: which one, with which login, within which limits.

use crate::{Case, Deps};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::lease::Lease;
use lifeboat_domain::plan::Plan;
use lifeboat_domain::policy::{Policy, SqlCheck};
use lifeboat_domain::ports::{Clock, Credentials, Documents, Ledger, OpenDatabases, ReadSecrets, Secret, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::{DrError, Timestamp, ledger, ledger::keys};
use serde::de::DeserializeOwned;

/// Renews the lease that this execution holds, as validation may take as long as the lease lasts. It changes no database: an
/// execution that holds none may still look.
pub(crate) async fn keep_lease<L: Ledger, D, S, O, C: Clock>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<(), DrError> {
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let held = ledger::read::<Lease>(&deps.ledger, &keys::lease(&incident.resource)).await?.map(|kept| kept.value);
    if held.is_none_or(|lease| lease.owner != case.execution || lease.released) {
        return Ok(());
    }
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, &case.execution, deps.clock.now(), lasts).await.map(|_| ())
}

/// The limits that a policy sets.
pub(crate) const fn limits(policy: &Policy) -> VisitLimits {
    VisitLimits { connect: policy.timing.probe_timeout, statement: policy.timing.statement_timeout }
}

/// The incident's source.
pub(crate) fn source(incident: &Incident) -> Target {
    let source = &incident.source;
    Target {
        resource: incident.resource.clone(),
        instance: source.id.clone(),
        engine: source.engine.clone().unwrap_or_else(|| "an unknown engine".to_owned()),
        endpoint: source.endpoint.clone(),
        secret: source.secret.clone(),
        database: source.database.clone(),
    }
}

/// The incident's restored database, which must be known with its endpoint.
pub(crate) fn restored(incident: &Incident) -> Result<Target, DrError> {
    let Some(restored) = &incident.restored else {
        return Err(DrError::not_found(format!("{} has no restored database to look at", incident.id)));
    };
    if restored.endpoint.is_none() {
        return Err(DrError::conflict(format!("the endpoint of {}, which {} restored, is not known yet", restored.id, incident.id)));
    }
    Ok(Target { instance: restored.id.clone(), endpoint: restored.endpoint.clone(), ..source(incident) })
}

/// The incident's plan, if there is one.
pub(crate) async fn plan(ledger: &impl Ledger, incident: &Incident) -> Result<Option<Plan>, DrError> {
    match &incident.plan {
        Some(hash) => Ok(ledger::read(ledger, &keys::plan(&incident.id, hash)).await?.map(|kept| kept.value)),
        None => Ok(None),
    }
}

/// Today's login of a target, or why there is none.
pub(crate) async fn today(secrets: &impl ReadSecrets, target: &Target) -> Result<Credentials, DrError> {
    if !target.has_login() {
        return Ok(Credentials {
            version: String::new(),
            username: String::new(),
            password: Secret::new(String::new()),
            database: None,
            endpoint: target.endpoint.clone(),
            managed_by_rds: false,
        });
    }
    let Some(secret) = &target.secret else {
        let text = format!("no secret is known for {}: its instance has no tag lifeboat:secret", target.resource);
        return Err(DrError::not_found(text));
    };
    secrets
        .credentials(secret, None)
        .await
        .map_err(|error| error.while_doing(format!("reading the secret {secret} of {}", target.resource)))
}

/// Probes a target with today's login; whatever goes wrong is an outcome.
pub(crate) async fn probe<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    target: &Target,
    limits: VisitLimits,
    watched: &[SqlCheck],
) -> Probe {
    match today(&deps.secrets, target).await {
        Ok(credentials) => deps.databases.probe(target, &credentials, limits, watched).await,
        Err(why) => could_not_run(deps.clock.now(), why.to_string()),
    }
}

/// Asks with today's login whether a client could write; whatever goes wrong is an outcome.
pub(crate) async fn probe_writes<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    target: &Target,
    limits: VisitLimits,
) -> Probe {
    match today(&deps.secrets, target).await {
        Ok(credentials) => deps.databases.probe_writes(target, &credentials, limits).await,
        Err(why) => could_not_run(deps.clock.now(), why.to_string()),
    }
}

/// The probe that was not made.
pub(crate) fn could_not_run(at: Timestamp, text: String) -> Probe {
    Probe {
        at,
        outcome: ProbeOutcome::CouldNotRun,
        text,
        millis: 0,
        writable: None,
        failed_checks: Vec::new(),
        checks_passed: false,
        life: None,
    }
}

/// The checks that every sweep runs too.
pub(crate) fn watched(policy: &Policy) -> Vec<SqlCheck> {
    policy.checks.iter().filter(|check| check.watch).cloned().collect()
}

/// Reads a document of the bucket that must be there; `field` is the input that named it.
pub(crate) async fn document<T: DeserializeOwned>(documents: &impl Documents, field: &str, key: &str) -> Result<T, DrError> {
    let location = documents.location(key);
    let found = documents.get_json(key).await.map_err(|error| error.while_doing(format!("reading {location}")))?;
    let found = found.ok_or_else(|| DrError::not_found(format!("{field}: there is no {location}")))?;
    serde_json::from_value(found)
        .map_err(|error| DrError::invalid(field, format!("{location} ({error})"), "a document as its writer makes it"))
}

/// The key of what answers the document at `key`: the same place, another ending.
pub(crate) fn beside(key: &str, ending: &str) -> String {
    format!("{}{ending}", key.strip_suffix(".json").unwrap_or(key))
}
