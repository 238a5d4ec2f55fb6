//! The undo of every target, written down before the first one is moved.

use crate::case::Recovery;
use crate::observe::instance;
use crate::targets::rename;
use crate::{Databases, Deps, Secrets};
use lifeboat_domain::acting::{CutOver, CutOverState, TargetEntry, TargetMove};
use lifeboat_domain::cut_over::write_token;
use lifeboat_domain::global_table::other_regions;
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::plan::Act;
use lifeboat_domain::policy::ParameterHolds;
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::{CallError, DrError};

/// Reads where every target of the plan leads and writes it down; a move that was begun keeps what was written then.
pub(crate) async fn note<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
) -> Result<CutOver, DrError> {
    let key = keys::cut_over(&recovery.incident.id);
    let earlier = ledger::read::<CutOver>(&deps.ledger, &key).await?.map(|kept| kept.value);
    if let Some(begun) = earlier.as_ref().filter(|earlier| earlier.is_begun()) {
        return Ok(begun.clone());
    }
    let mut targets: Vec<TargetEntry> = Vec::new();
    for (_, call) in recovery.plan.calls_of(Phase::CutOver) {
        if targets.iter().any(|target| target.moves.is_moved_by(&call.act)) {
            continue;
        }
        let Some(mut moves) = moves(deps, recovery, &call.act).await? else { continue };
        // A read that still shows a move which was undone a moment ago is no undo.
        let known = earlier.iter().flat_map(|earlier| &earlier.targets).find(|known| known.moves.is_moved_by(&call.act));
        if let Some(known) = known.filter(|_| moves.before() == moves.after()) {
            moves = known.moves.clone();
        }
        let text = format!("{} leads to {}, and is about to lead to {}", moves.name(), moves.before(), moves.after());
        targets.push(TargetEntry { moves, state: CutOverState::Noted, text, at: recovery.now });
    }
    let opened_at = earlier.and_then(|earlier| earlier.opened_at);
    let noted = CutOver {
        targets,
        began_at: recovery.now,
        opened_at,
        left_sessions: false,
        sessions_ended_at: None,
        closed: None,
        back_since: None,
        back_refused: 0,
    };
    ledger::write(&deps.ledger, &key, &noted).await?;
    Ok(noted)
}

/// Writes down that `act` is about to be sent; its target may lead to either side from here on.
pub(crate) async fn begin<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Result<(), DrError> {
    ledger::update::<CutOver, _>(&deps.ledger, &keys::cut_over(&recovery.incident.id), |cut_over| {
        let target = cut_over.moved_by(act).ok_or_else(|| DrError::unrecoverable(format!("no undo is known of {}", act.describe())))?;
        if !target.is_begun() {
            if let TargetMove::Secret { secret, token, .. } = &mut target.moves {
                *token = write_token(&recovery.incident.id, &recovery.plan.hash, secret, "move", recovery.now);
            }
            let text = format!("{} is about to lead to {}", target.moves.name(), target.moves.after());
            target.reach(CutOverState::Moving, recovery.now, text);
        }
        Ok(())
    })
    .await
    .map(|_| ())
}

/// The endpoint that clients are moved to.
pub(crate) fn destination(recovery: &Recovery<'_>) -> Result<Endpoint, DrError> {
    let to = recovery.incident.restored.as_ref();
    to.and_then(|to| to.endpoint.clone()).ok_or_else(|| DrError::conflict("the endpoint of the new database is not known yet"))
}

async fn moves<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Result<Option<TargetMove>, DrError> {
    let to = destination(recovery)?;
    Ok(Some(match act {
        Act::PointSecret { secret, .. } => {
            let today = deps.secrets.credentials(secret, None).await.map_err(|error| reading(error, secret))?;
            if today.managed_by_rds {
                let why = format!("secret {secret} is managed by RDS and cannot be edited: clients must be moved another way");
                return Err(DrError::refused(why));
            }
            let before = today.endpoint.or_else(|| recovery.incident.source.endpoint.clone()).ok_or_else(|| {
                DrError::refused(format!("secret {secret} has no host and port: it is not how clients find the database"))
            })?;
            TargetMove::Secret { secret: secret.clone(), before, after: to, token: String::new() }
        }
        Act::PointRecord { zone, record, ttl, .. } => {
            let found = deps.secrets.read_records(zone, record).await.map_err(|error| reading(error, record))?;
            let [only] = found.as_slice() else {
                return Err(DrError::refused(format!("record {record} stands {} times in zone {zone}: it is not moved", found.len())));
            };
            let ([value], false, false, "CNAME") = (only.values.as_slice(), only.is_alias, only.is_routed, only.kind.as_str()) else {
                return Err(DrError::refused(format!("record {record} in zone {zone} is no simple CNAME any more: it is not moved")));
            };
            TargetMove::Record {
                zone: zone.clone(),
                record: record.clone(),
                ttl: *ttl,
                before: value.clone(),
                after: to.host,
                change: None,
            }
        }
        Act::PointParameter { parameter, holds, region, .. } => {
            parameter_move(deps, recovery, parameter, (*holds, region.as_deref()), to).await?
        }
        Act::RemoveProxyTarget { proxy, group, .. } | Act::AddProxyTarget { proxy, group, .. } => {
            let found = deps.databases.read_proxy(proxy, group).await.map_err(|error| reading(error, proxy))?;
            let found = found.ok_or_else(|| DrError::refused(format!("there is no target group {group} of proxy {proxy} any more")))?;
            let restored = recovery.incident.restored.as_ref().ok_or_else(|| DrError::unrecoverable("nothing was restored"))?;
            TargetMove::Proxy {
                proxy: proxy.clone(),
                group: group.clone(),
                through: found.endpoint,
                before: recovery.incident.source.id.clone(),
                after: restored.id.clone(),
            }
        }
        Act::RenameInstance { .. } => rename::noted(deps, recovery).await?,
        _ => return Ok(None),
    }))
}

fn reading(error: CallError, name: &str) -> DrError {
    error.while_doing(format!("reading where {name} leads, before it is moved"))
}

async fn parameter_move<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    parameter: &str,
    (holds, region): (ParameterHolds, Option<&str>),
    to: Endpoint,
) -> Result<TargetMove, DrError> {
    let found = deps.secrets.read_parameter(parameter).await.map_err(|error| reading(error, parameter))?;
    let found = found.ok_or_else(|| DrError::refused(format!("there is no parameter {parameter} any more: it is not moved")))?;
    let port = recovery.incident.source.endpoint.as_ref().map_or(0, |endpoint| endpoint.port);
    let is_known = match region {
        Some(region) => found.value == region || has_replica_in(deps, recovery, &found.value).await?,
        None => holds.endpoint_in(&found.value, port).is_some(),
    };
    if !is_known {
        let why = format!("parameter {parameter} does not hold a {holds} any more: it is not moved, as its value could not be kept");
        return Err(DrError::refused(why));
    }
    let after = holds.value_for(&to, region.unwrap_or_default());
    Ok(TargetMove::Parameter { parameter: parameter.to_owned(), before: found.value, after, leads_to: to })
}

/// Whether clients that go to this Region use the same table there.
async fn has_replica_in<R: Databases, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    region: &str,
) -> Result<bool, DrError> {
    let table = instance(&deps.databases, &recovery.incident.source.id).await?;
    Ok(table.is_some_and(|table| other_regions(&table).iter().any(|other| other == region)))
}
