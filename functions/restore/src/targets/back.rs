//! The way back of one target.

use crate::{Databases, Deps, Secrets};
use lifeboat_domain::acting::{CutOverState, TargetEntry, TargetMove};
use lifeboat_domain::cut_over::write_token;
use lifeboat_domain::incident::Incident;
use lifeboat_domain::{CallClass, CallError, DrError, Timestamp};

/// Makes a target lead to where it led before; answers what is known then. A value that is neither the old nor the new one is
/// somebody else's, and stays.
pub(crate) async fn move_back<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    target: &TargetEntry,
    now: Timestamp,
) -> Result<String, DrError> {
    let name = target.moves.name();
    let (before, after) = (target.moves.before(), target.moves.after());
    let failed = |error: CallError| error.while_doing(format!("moving clients back: {name} to {before}"));
    // An effect whose reply was lost may become visible later: what shows the old value is written all the same.
    let is_ours = |value: &str| value.eq_ignore_ascii_case(&before) || value.eq_ignore_ascii_case(&after);
    let foreign = |value: &str| {
        DrError::refused(format!("moving clients back: {name} leads to {value}, which Lifeboat did not write: it is left alone"))
    };
    match &target.moves {
        TargetMove::Secret { secret, before, .. } => {
            let plan = incident.plan.clone().ok_or_else(|| DrError::unrecoverable("a cut-over without a plan cannot be undone"))?;
            let today = deps.secrets.credentials(secret, None).await.map_err(failed)?.endpoint;
            if let Some(shown) = today.map(|today| format!("{}:{}", today.host, today.port)).filter(|shown| !is_ours(shown)) {
                return Err(foreign(&shown));
            }
            let token = write_token(&incident.id, &plan, secret, "back", target.at);
            deps.secrets.point_secret(secret, before, &token).await.map_err(failed)?;
        }
        TargetMove::Record { zone, record, ttl, before, .. } => {
            let found = deps.secrets.read_records(zone, record).await.map_err(failed)?;
            if let Some(value) = found.iter().flat_map(|found| &found.values).find(|value| !is_ours(value)) {
                return Err(foreign(value));
            }
            deps.secrets.upsert_record(zone, record, *ttl, before).await.map_err(failed)?;
        }
        TargetMove::Parameter { parameter, before, .. } => {
            let found = deps.secrets.read_parameter(parameter).await.map_err(failed)?;
            if found.is_none_or(|found| !is_ours(&found.value)) {
                return Err(foreign("another value, or is gone,"));
            }
            deps.secrets.overwrite_parameter(parameter, before).await.map_err(failed)?;
        }
        TargetMove::Proxy { proxy, group, before, after, .. } => {
            let found = deps.databases.read_proxy(proxy, group).await.map_err(failed)?;
            let stands = found.map(|found| found.targets).unwrap_or_default();
            if let Some(other) = stands.iter().find(|stands| !is_ours(&stands.instance)) {
                return Err(foreign(&other.instance));
            }
            match deps.databases.deregister_target(proxy, group, after).await {
                Err(error) if error.class != CallClass::NotFound => return Err(failed(error)),
                _ => {}
            }
            match deps.databases.register_target(proxy, group, before).await {
                Ok(()) => {}
                Err(error) if error.class == CallClass::AlreadyExists => {}
                Err(error) if error.class == CallClass::NotFound => {
                    return Ok(format!("{name} leads nowhere: {before}, which was behind it, does not exist any more"));
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }
    let ttl = match &target.moves {
        TargetMove::Record { ttl, .. } if target.state == CutOverState::Moved => format!(", for everybody after its TTL of {ttl} s"),
        _ => String::new(),
    };
    let verb = if matches!(target.moves, TargetMove::Secret { .. }) { "names" } else { "leads to" };
    tracing::info!(incident = %incident.id, target = name, at = %now, "moved back");
    Ok(format!("{name} {verb} {before} again{ttl}"))
}
