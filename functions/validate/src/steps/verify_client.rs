//! `verify_client`: goes the way of a client, from the secret to the database.

use crate::{Case, Deps, open};
use lifeboat_domain::DrError;
use lifeboat_domain::error::CallClass;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{Clock, Ledger, OpenDatabases, ReadSecrets};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    verified: bool,
}

/// Verifies, and writes what it saw to the timeline.
pub(crate) async fn verify_client<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Verified, DrError>
where
    L: Ledger,
    S: ReadSecrets,
    O: OpenDatabases,
    C: Clock,
{
    open::keep_lease(deps, case).await?;
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let found = go(deps, &incident).await?;
    let verified = found.is_ok();
    let text = found.unwrap_or_else(|why| why);
    let text = format!("a client {}: {text}", if verified { "finds the new database" } else { "does not find the new database" });
    tracing::info!(execution = case.execution, incident = %incident.id, verified, "{text}");
    ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::CutOver, text).await?;
    Ok(Verified { verified })
}

/// The way itself; the inner result says in a sentence how far a client gets.
async fn go<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
) -> Result<Result<String, String>, DrError> {
    let policy = deps.policies.policy(&incident.policy)?;
    let target = open::restored(incident)?;
    let Some(secret) = &target.secret else { return Ok(Err(format!("no secret is known for {}", incident.resource))) };
    let credentials = match deps.secrets.credentials(secret, None).await {
        Ok(credentials) => credentials,
        // That the way was not gone says nothing of where it leads: the caller tries again.
        Err(error) if matches!(error.class, CallClass::Throttled | CallClass::Unknown) => {
            return Err(error.while_doing(format!("reading the secret {secret} as a client does")));
        }
        Err(error) => return Ok(Err(format!("the secret {secret} cannot be read: {error}"))),
    };
    let (Some(shown), Some(expected)) = (&credentials.endpoint, &target.endpoint) else {
        return Ok(Err(format!("the secret {secret} names no host and port")));
    };
    if !same(shown, expected) {
        let text = format!(
            "the secret {secret} leads to {}:{} and not to {} at {}:{}",
            shown.host, shown.port, target.instance, expected.host, expected.port
        );
        return Ok(Err(text));
    }
    let seen = deps.databases.probe(&target, &credentials, open::limits(policy), &[]).await;
    Ok(arrived(&seen))
}

fn arrived(seen: &Probe) -> Result<String, String> {
    match (seen.outcome, seen.writable) {
        (ProbeOutcome::Answers, Some(true)) => Ok(seen.text.clone()),
        (ProbeOutcome::Answers, _) => Err(format!("it answers, but accepts no writes: {}", seen.text)),
        (outcome, _) => Err(format!("{outcome}: {}", seen.text)),
    }
}

/// Host names do not care about case.
fn same(one: &Endpoint, other: &Endpoint) -> bool {
    one.port == other.port && one.host.eq_ignore_ascii_case(&other.host)
}
