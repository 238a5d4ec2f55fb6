//! The way back of one target.

use crate::{Databases, Deps, Secrets};
use lifeboat_domain::acting::{CutOverState, TargetEntry, TargetMove};
use lifeboat_domain::cut_over::write_token;
use lifeboat_domain::incident::Incident;
use lifeboat_domain::{CallClass, CallError, DrError};

/// Whether a call of the move was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It took place, or may have.
    Perhaps,
    /// Every one was refused, or none was made.
    Never,
}

/// Makes a target lead to where it led before; answers what is known then. A value that is neither the old nor the new one is
/// somebody else's, and stays.
pub(crate) async fn move_back<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    target: &TargetEntry,
    sent: Sent,
) -> Result<String, DrError> {
    let name = target.moves.name();
    let (before, after) = (target.moves.before(), target.moves.after());
    let stayed = |shown: &str| sent == Sent::Never && shown.eq_ignore_ascii_case(&before);
    let failed = |error: CallError| error.while_doing(format!("moving clients back: {name} to {before}"));
    // An effect whose reply was lost may become visible later: what shows the old value is written all the same.
    let is_ours = |value: &str| value.eq_ignore_ascii_case(&before) || value.eq_ignore_ascii_case(&after);
    let foreign = |value: &str| {
        DrError::refused(format!("moving clients back: {name} leads to {value}, which Lifeboat did not write: it is left alone"))
    };
    let never_left = format!("{name} was not moved: it leads to {before}");
    match &target.moves {
        TargetMove::Secret { secret, before, .. } => {
            let plan = incident.plan.clone().ok_or_else(|| DrError::unrecoverable("a cut-over without a plan cannot be undone"))?;
            let today = deps.secrets.credentials(secret, None).await.map_err(failed)?.endpoint;
            let today = today.map(|today| format!("{}:{}", today.host, today.port));
            match today.as_deref() {
                Some(shown) if stayed(shown) => return Ok(never_left),
                Some(shown) if !is_ours(shown) => return Err(foreign(shown)),
                _ => {}
            }
            let token = write_token(&incident.id, &plan, secret, "back", target.at);
            deps.secrets.point_secret(secret, before, &token).await.map_err(failed)?;
        }
        TargetMove::Record { zone, record, ttl, before, .. } => {
            let found = deps.secrets.read_records(zone, record).await.map_err(failed)?;
            match found.iter().flat_map(|found| &found.values).next() {
                Some(value) if stayed(value) => return Ok(never_left),
                Some(value) if !is_ours(value) => return Err(foreign(value)),
                _ => {}
            }
            deps.secrets.upsert_record(zone, record, *ttl, before).await.map_err(failed)?;
        }
        TargetMove::Parameter { parameter, before, .. } => {
            let found = deps.secrets.read_parameter(parameter).await.map_err(failed)?;
            match found {
                Some(found) if stayed(&found.value) => return Ok(never_left),
                Some(found) if is_ours(&found.value) => {}
                // What it holds is somebody else's, and not shown.
                Some(_) => return Err(foreign("another value")),
                None => return Err(DrError::refused(format!("moving clients back: {name} is gone; it held {before}"))),
            }
            deps.secrets.overwrite_parameter(parameter, before).await.map_err(failed)?;
        }
        TargetMove::Names(_) => return Err(DrError::unrecoverable(format!("{name} is given back step by step"))),
        TargetMove::Proxy { proxy, group, before, after, .. } => {
            let found = deps.databases.read_proxy(proxy, group).await.map_err(failed)?;
            let stands = found.map(|found| found.targets).unwrap_or_default();
            match stands.as_slice() {
                [only] if stayed(&only.instance) => return Ok(never_left),
                others => {
                    if let Some(other) = others.iter().find(|stands| !is_ours(&stands.instance)) {
                        return Err(foreign(&other.instance));
                    }
                }
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
    Ok(format!("{name} {verb} {before} again{ttl}"))
}
