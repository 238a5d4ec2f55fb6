//! Moving the clients: the secret names the new database.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{CutOver, CutOverState, Fence, FenceState};
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::Act;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::Progress;
use lifeboat_domain::{DrError, ids};

/// Moves every target of the plan; refuses where the source is not fenced.
pub(crate) async fn cut_over<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&recovery.incident.id)).await?;
    if !fence.is_some_and(|fence| matches!(fence.value.state, FenceState::SessionsEnded | FenceState::Proven)) {
        return Err(DrError::refused("the source is not fenced: clients are not moved, as both sides could be written"));
    }
    let calls: Vec<_> = recovery.plan.calls_of(Phase::CutOver).map(|(index, call)| (index, call.clone())).collect();
    for (index, call) in calls {
        if let Act::PointSecret { secret, .. } = &call.act {
            keep_undo(deps, &recovery, secret).await?;
        }
        match make(deps, &mut recovery, index, &call, None).await? {
            Made::Done(_) => {}
            Made::NotYet(reason) => return Err(DrError::conflict(reason)),
        }
    }
    let now = recovery.now;
    ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&recovery.incident.id), |cut_over| {
        if cut_over.state == CutOverState::Moving {
            cut_over.state = CutOverState::Moved;
            cut_over.at = now;
            cut_over.text = format!("secret {} names {}:{}", cut_over.secret, cut_over.endpoint_after.host, cut_over.endpoint_after.port);
        }
        Ok(())
    })
    .await?;
    Ok(Look::new(Progress::Done, poll, "clients find the new database"))
}

/// Writes down where clients went before; an RDS-managed secret cannot be edited and is refused here, before anything moves.
async fn keep_undo<R, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    secret: &str,
) -> Result<(), DrError> {
    let key = keys::cut_over(&recovery.incident.id);
    if ledger::read::<CutOver>(&deps.ledger, &key).await?.is_some_and(|kept| kept.value.state != CutOverState::Undone) {
        return Ok(());
    }
    let today = deps.secrets.credentials(secret, None).await.map_err(|error| error.while_doing(format!("reading secret {secret}")))?;
    if today.managed_by_rds {
        return Err(DrError::refused(format!("secret {secret} is managed by RDS and cannot be edited: clients must be moved another way")));
    }
    let restored = recovery.incident.restored.as_ref().and_then(|restored| restored.endpoint.clone());
    let (Some(before), Some(after)) = (today.endpoint.or_else(|| recovery.incident.source.endpoint.clone()), restored) else {
        return Err(DrError::refused(format!("secret {secret} has no host and port: it is not how clients find the database")));
    };
    let text = format!("secret {secret} is about to name {}:{}", after.host, after.port);
    let cut_over = CutOver {
        state: CutOverState::Moving,
        secret: secret.to_owned(),
        endpoint_before: before,
        endpoint_after: after,
        text,
        at: recovery.now,
        token: ids::digest(&[recovery.incident.id.as_str(), recovery.plan.hash.as_str(), secret, &recovery.now.to_rfc3339()]),
    };
    ledger::write(&deps.ledger, &key, &cut_over).await
}
