//! The calls that move targets, and what the world shows of them.

use crate::case::Recovery;
use crate::observe::Observation;
use crate::targets::note::destination;
use crate::{Databases, Deps, Secrets};
use lifeboat_domain::acting::{CutOver, TargetMove};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::Act;
use lifeboat_domain::ports::{Answer, Ledger};
use lifeboat_domain::{CallClass, CallError, DrError};

/// Sends a call that moves a target.
pub(crate) async fn send<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Answer<()> {
    let to = destination(recovery)
        .map_err(|_| CallError::new(CallClass::Invalid, act.action(), "no_endpoint", "the new database has no endpoint yet"))?;
    match act {
        Act::PointSecret { secret, .. } => {
            let token = token(deps, recovery, act).await?;
            deps.secrets.point_secret(secret, &to, &token).await.map(|_| ())
        }
        Act::PointRecord { zone, record, ttl, .. } => {
            let change = deps.secrets.upsert_record(zone, record, *ttl, &to.host).await?;
            keep_change(deps, recovery, act, change).await
        }
        Act::PointParameter { parameter, holds, region, .. } => {
            let region = region.as_deref().unwrap_or_default();
            deps.secrets.overwrite_parameter(parameter, &holds.value_for(&to, region)).await
        }
        Act::RemoveProxyTarget { proxy, group, instance } => match deps.databases.deregister_target(proxy, group, instance).await {
            Err(error) if error.class == CallClass::NotFound => Ok(()), // Gone with its instance, or by an earlier call.
            answer => answer,
        },
        Act::AddProxyTarget { proxy, group, instance } => deps.databases.register_target(proxy, group, instance).await,
        other => Err(CallError::new(CallClass::Invalid, other.action(), "no_target", "this call moves no target")),
    }
}

/// The token that was written down for this move.
async fn token<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, recovery: &Recovery<'_>, act: &Act) -> Answer<String> {
    let kept = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&recovery.incident.id)).await.ok().flatten();
    let token = kept.and_then(|mut kept| match &kept.value.moved_by(act)?.moves {
        TargetMove::Secret { token, .. } => Some(token.clone()),
        _ => None,
    });
    token.filter(|token| !token.is_empty()).ok_or_else(|| {
        CallError::new(CallClass::Throttled, act.action(), "no_token", "the undo of the cut-over could not be read from the ledger")
    })
}

/// Route 53 took the change; without its id nobody could ask whether all name servers have it, so a lost one is asked for again.
async fn keep_change<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
    id: String,
) -> Answer<()> {
    let kept = ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&recovery.incident.id), |cut_over| {
        if let Some(TargetMove::Record { change, .. }) = cut_over.moved_by(act).map(|target| &mut target.moves) {
            *change = Some(id.clone());
        }
        Ok(())
    })
    .await;
    kept.map(|_| ()).map_err(|error| CallError::new(CallClass::Unknown, act.action(), "change_not_kept", error.message()))
}

/// Looks whether a call that moves a target took place.
pub(crate) async fn observe<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Result<Observation, DrError> {
    let to = destination(recovery)?;
    match act {
        Act::PointSecret { secret, .. } => {
            let today =
                deps.secrets.credentials(secret, None).await.map_err(|error| error.while_doing(format!("reading secret {secret}")))?;
            Ok(Observation::done_if(today.endpoint.as_ref() == Some(&to), "the secret names the new database"))
        }
        Act::PointParameter { parameter, holds, region, .. } => {
            let found = deps
                .secrets
                .read_parameter(parameter)
                .await
                .map_err(|error| error.while_doing(format!("reading parameter {parameter}")))?;
            let value = holds.value_for(&to, region.as_deref().unwrap_or_default());
            Ok(Observation::done_if(found.is_some_and(|found| found.value == value), "the parameter leads to the new database"))
        }
        Act::RemoveProxyTarget { proxy, group, instance } | Act::AddProxyTarget { proxy, group, instance } => {
            let found =
                deps.databases.read_proxy(proxy, group).await.map_err(|error| error.while_doing(format!("reading proxy {proxy}")))?;
            let stands = found.is_some_and(|found| found.targets.iter().any(|target| target.instance == instance.as_str()));
            let is_added = matches!(act, Act::AddProxyTarget { .. });
            Ok(Observation::done_if(stands == is_added, "the proxy's target group shows it"))
        }
        // The same UPSERT again changes nothing, and answers the id of a change that can be asked after.
        _ => Ok(Observation::NotDone),
    }
}
