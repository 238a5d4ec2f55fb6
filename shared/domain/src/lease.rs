//! The lease: the right to change one resource.

use crate::error::DrError;
use crate::ids::{Identity, IncidentId};
use crate::ledger::{self, keys};
use crate::ports::{ExecutionState, Ledger, ReadExecutions, Written};
use crate::span::Span;
use crate::words::{Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// Who may change a resource, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The execution's ARN.
    pub owner: String,
    /// For which incident.
    pub incident: IncidentId,
    /// Counts owners: an older token is worth nothing.
    pub token: u64,
    /// Renewed at each poll; the clock decides, never DynamoDB's TTL.
    pub expires_at: Timestamp,
    /// Given back.
    pub released: bool,
    /// When this owner took it; renewing does not change it.
    #[serde(default)]
    pub taken_at: Option<Timestamp>,
}

/// Proof that the lease was held a moment ago; only [`renew`] makes one, and every mutating call asks for it.
#[derive(Debug)]
pub struct Permit {
    token: u64,
}

impl Permit {
    /// The token, for the record of the call.
    pub const fn token(&self) -> u64 {
        self.token
    }
}

/// Takes the lease, or renews it for the same owner. Another owner's is taken over only if it has expired **and** its execution does not run.
pub async fn take(
    ledger: &impl Ledger,
    executions: &impl ReadExecutions,
    resource: &Identity,
    incident: &IncidentId,
    owner: &str,
    now: Timestamp,
    lasts: Span,
) -> Result<Lease, DrError> {
    let key = keys::lease(resource);
    let fresh = |token, taken_at| Lease {
        owner: owner.to_owned(),
        incident: incident.clone(),
        token,
        expires_at: now + lasts.as_delta(),
        released: false,
        taken_at: Some(taken_at),
    };
    let Some(kept) = ledger::read::<Lease>(ledger, &key).await? else {
        let lease = fresh(1, now);
        return match ledger::create(ledger, &key, &lease).await? {
            Written::Yes => Ok(lease),
            Written::No => Err(DrError::conflict(format!("the lease of {resource} was taken a moment ago by another execution"))),
        };
    };
    let held = &kept.value;
    let is_held = held.owner == owner && !held.released;
    let token = if is_held { held.token } else { held.token + 1 };
    let taken_at = held.taken_at.filter(|_| is_held).unwrap_or(now);
    if held.owner != owner && !held.released {
        may_take_over(executions, resource, held, now).await?;
    }
    let lease = fresh(token, taken_at);
    match ledger::replace(ledger, &key, kept.version, &lease).await? {
        Written::Yes => Ok(lease),
        Written::No => Err(DrError::conflict(format!("the lease of {resource} was taken a moment ago by another execution"))),
    }
}

async fn may_take_over(executions: &impl ReadExecutions, resource: &Identity, held: &Lease, now: Timestamp) -> Result<(), DrError> {
    let who = format!("{resource} is being changed by {} (incident {})", held.owner, held.incident);
    if now < held.expires_at {
        return Err(DrError::conflict(format!("{who}; its lease lasts until {}", show_time(held.expires_at))));
    }
    let state =
        executions.execution(&held.owner).await.map_err(|error| error.while_doing(format!("asking whether {} still runs", held.owner)))?;
    if state == ExecutionState::Running {
        return Err(DrError::conflict(format!("{who}; its lease has expired, but the execution still runs: stop it first")));
    }
    Ok(())
}

/// Renews the lease that `owner` holds and proves it: done just before each mutating call and at each poll.
pub async fn renew(ledger: &impl Ledger, resource: &Identity, owner: &str, now: Timestamp, lasts: Span) -> Result<Permit, DrError> {
    let key = keys::lease(resource);
    let kept = ledger::expect::<Lease>(ledger, &key).await?;
    let held = kept.value;
    if held.owner != owner || held.released {
        return Err(DrError::refused(format!(
            "{owner} does not hold the lease of {resource} any more: {} does; it must not change anything",
            held.owner
        )));
    }
    let token = held.token;
    let renewed = Lease { expires_at: now + lasts.as_delta(), ..held };
    match ledger::replace(ledger, &key, kept.version, &renewed).await? {
        Written::Yes => Ok(Permit { token }),
        Written::No => Err(DrError::conflict(format!("the lease of {resource} changed while it was being renewed"))),
    }
}

/// Gives the lease back, if `owner` holds it; else there is nothing to give.
pub async fn release(ledger: &impl Ledger, resource: &Identity, owner: &str) -> Result<(), DrError> {
    let key = keys::lease(resource);
    let Some(kept) = ledger::read::<Lease>(ledger, &key).await? else { return Ok(()) };
    if kept.value.owner != owner || kept.value.released {
        return Ok(());
    }
    ledger::replace(ledger, &key, kept.version, &Lease { released: true, ..kept.value }).await.map(|_| ())
}

/// Whether anybody holds the lease now.
pub async fn is_held(ledger: &impl Ledger, resource: &Identity, now: Timestamp) -> Result<bool, DrError> {
    let kept = ledger::read::<Lease>(ledger, &keys::lease(resource)).await?;
    Ok(kept.is_some_and(|kept| !kept.value.released && now < kept.value.expires_at))
}
