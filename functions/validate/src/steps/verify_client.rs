//! `verify_client`: goes the way of a client, from every place where clients learn the address to the database.
//!
//! A secret is read here, as clients read it. A parameter and Route 53's own answer were read back by the function that moved them,
//! which is not in this network; what is proven here is that a name resolves to the new database, that a proxy lets a login through,
//! and that the address lets clients in and takes their writes.

use crate::{Case, Deps, open};
use lifeboat_domain::acting::{CutOver, Names, TargetMove};
use lifeboat_domain::error::CallClass;
use lifeboat_domain::incident::{Incident, Phase, Source};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::policy::is_region;
use lifeboat_domain::ports::{Clock, Credentials, Ledger, OpenDatabases, ReadSecrets, ResolveNames, Target};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::{CallError, DrError};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    verified: bool,
}

/// How far a client gets, as a sentence either way.
type Way = Result<String, String>;

/// Verifies, and writes what it saw to the timeline.
pub(crate) async fn verify_client<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Verified, DrError>
where
    L: Ledger,
    S: ReadSecrets,
    O: OpenDatabases + ResolveNames,
    C: Clock,
{
    open::keep_lease(deps, case).await?;
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    let ways = match cut_over.filter(|cut_over| !cut_over.targets.is_empty()) {
        Some(cut_over) => go(deps, &incident, &cut_over).await?,
        None => vec![Err("no target of the cut-over is on record".to_owned())],
    };
    let verified = ways.iter().all(Result::is_ok);
    for way in ways {
        let (finds, text) = match way {
            Ok(text) => ("finds the new database", text),
            Err(text) => ("does not find the new database", text),
        };
        let text = format!("a client {finds}: {text}");
        tracing::info!(execution = case.execution, incident = %incident.id, verified, "{text}");
        ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::CutOver, text).await?;
    }
    Ok(Verified { verified })
}

/// The way through each target.
async fn go<L, D, S: ReadSecrets, O: OpenDatabases + ResolveNames, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    cut_over: &CutOver,
) -> Result<Vec<Way>, DrError> {
    let target = open::restored(incident)?;
    let expected = target.endpoint.clone().unwrap_or(Endpoint { host: String::new(), port: 0 });
    let credentials = match login(deps, incident, &target).await? {
        Ok(credentials) => credentials,
        Err(why) => return Ok(vec![Err(why)]),
    };
    let mut ways = Vec::new();
    for moved in &cut_over.targets {
        ways.push(match &moved.moves {
            TargetMove::Secret { secret, .. } => through_secret(deps, incident, (&target, &expected), secret).await?,
            TargetMove::Parameter { parameter, after, leads_to, .. } if leads_to.is_same(&expected) => {
                let seen = log_in(deps, incident, &target, &credentials).await?;
                let place = format!("{}:{}", leads_to.host, leads_to.port);
                let names = if is_region(after) { format!("{place} in {after}") } else { place };
                seen.map(|seen| format!("parameter {parameter} leads to {names}; {seen}"))
            }
            TargetMove::Parameter { parameter, leads_to, .. } => {
                Err(elsewhere(&format!("parameter {parameter}"), leads_to, &target, &expected))
            }
            TargetMove::Record { record, .. } => match through_record(deps, record, &expected).await? {
                Ok(found) => log_in(deps, incident, &target, &credentials).await?.map(|seen| format!("{found}; {seen}")),
                Err(why) => Err(why),
            },
            TargetMove::Names(names) => match through_name(deps, &incident.source, names, &expected).await? {
                Ok(found) => log_in(deps, incident, &target, &credentials).await?.map(|seen| format!("{found}; {seen}")),
                Err(why) => Err(why),
            },
            TargetMove::Proxy { proxy, through, .. } => {
                let behind = Target { endpoint: Some(through.clone()), ..target.clone() };
                let seen = log_in(deps, incident, &behind, &credentials).await?;
                seen.map(|seen| format!("through proxy {proxy}: {seen}")).map_err(|why| format!("through proxy {proxy}: {why}"))
            }
        });
    }
    Ok(ways)
}

/// Today's login, whichever way clients find the address.
async fn login<L, D, S: ReadSecrets, O, C>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    target: &Target,
) -> Result<Result<Credentials, String>, DrError> {
    if !target.has_login() {
        return Ok(open::today(&deps.secrets, target).await.map_err(|error| error.to_string()));
    }
    let Some(secret) = &target.secret else { return Ok(Err(format!("no secret is known for {}", incident.resource))) };
    match deps.secrets.credentials(secret, None).await {
        Ok(credentials) => Ok(Ok(credentials)),
        Err(error) => not_read(error, secret).map(Err),
    }
}

async fn through_secret<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    (target, expected): (&Target, &Endpoint),
    secret: &str,
) -> Result<Way, DrError> {
    let credentials = match deps.secrets.credentials(secret, None).await {
        Ok(credentials) => credentials,
        Err(error) => return not_read(error, secret).map(Err),
    };
    let Some(shown) = &credentials.endpoint else { return Ok(Err(format!("the secret {secret} names no host and port"))) };
    if !shown.is_same(expected) {
        return Ok(Err(elsewhere(&format!("the secret {secret}"), shown, target, expected)));
    }
    log_in(deps, incident, target, &credentials).await
}

/// Whether the network's resolver answers the new database's addresses for a record.
async fn through_record<L, D, S, O: ResolveNames, C>(
    deps: &Deps<L, D, S, O, C>,
    record: &str,
    expected: &Endpoint,
) -> Result<Way, DrError> {
    let resolving = |error: CallError| error.while_doing("resolving a name as a client does");
    let shown = deps.databases.addresses(record).await.map_err(resolving)?;
    let wanted = deps.databases.addresses(&expected.host).await.map_err(resolving)?;
    let leads_there = !shown.is_empty() && shown.iter().all(|address| wanted.contains(address));
    Ok(if leads_there {
        Ok(format!("{record} resolves to {}, as {} does", shown.join(", "), expected.host))
    } else {
        Err(format!("{record} resolves to {} and not to {} of {}", shown.join(", "), wanted.join(", "), expected.host))
    })
}

/// Whether the name that clients always used leads away from the old database. That what has the name now is the new one was told by
/// its resource id; that a login gets through proves it once more, as the old one is behind its fence.
async fn through_name<L, D, S, O: ResolveNames, C>(
    deps: &Deps<L, D, S, O, C>,
    source: &Source,
    names: &Names,
    expected: &Endpoint,
) -> Result<Way, DrError> {
    let resolving = |error: CallError| error.while_doing("resolving a name as a client does");
    if let Some(known) = names.through.as_ref().filter(|known| !known.is_same(expected)) {
        return Ok(Err(format!(
            "{} is at {}:{} now, and clients know {}:{}",
            names.name, expected.host, expected.port, known.host, known.port
        )));
    }
    let shown = deps.databases.addresses(&expected.host).await.map_err(resolving)?;
    if shown.is_empty() {
        // A resolver may remember that there was no such name: tried again.
        return Err(DrError::conflict(format!("{} does not resolve yet", expected.host)));
    }
    let old = match source.endpoint.as_ref().filter(|old| names.source.is_some() && !old.is_same(expected)) {
        Some(old) => deps.databases.addresses(&old.host).await.map_err(resolving)?,
        None => Vec::new(),
    };
    Ok(match shown.iter().find(|address| old.contains(address)) {
        Some(address) => Err(format!("{} still resolves to {address}, which is the old database, {}", expected.host, source.id)),
        None => Ok(format!("{} resolves to {}", expected.host, shown.join(", "))),
    })
}

async fn log_in<L, D, S, O: OpenDatabases, C>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    target: &Target,
    credentials: &Credentials,
) -> Result<Way, DrError> {
    let limits = open::limits(deps.policies.policy(&incident.policy)?);
    Ok(arrived(&deps.databases.probe_writes(target, credentials, limits).await))
}

/// That the way was not gone says nothing of where it leads: the caller tries again. What is refused is an answer.
fn not_read(error: CallError, secret: &str) -> Result<String, DrError> {
    if matches!(error.class, CallClass::Throttled | CallClass::Unknown) {
        return Err(error.while_doing(format!("reading the secret {secret} as a client does")));
    }
    Ok(format!("the secret {secret} cannot be read: {error}"))
}

fn elsewhere(place: &str, shown: &Endpoint, target: &Target, expected: &Endpoint) -> String {
    format!("{place} leads to {}:{} and not to {} at {}:{}", shown.host, shown.port, target.instance, expected.host, expected.port)
}

fn arrived(seen: &Probe) -> Way {
    match (seen.outcome, seen.writable) {
        (ProbeOutcome::Answers, Some(true)) => Ok(seen.text.clone()),
        (ProbeOutcome::Answers, _) => Err(format!("it answers, but accepts no writes: {}", seen.text)),
        (outcome, _) => Err(format!("{outcome}: {}", seen.text)),
    }
}
