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

/// How far the way back of a target is, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Back {
    /// It leads to where it led before.
    Done(String),
    /// It never led anywhere else.
    Stayed(String),
    /// A rename is under way.
    NotYet(String),
}

/// The way back of one target: where it leads today is looked at first.
struct WayBack<'a> {
    target: &'a TargetEntry,
    sent: Sent,
    before: String,
    after: String,
}

impl WayBack<'_> {
    fn name(&self) -> String {
        self.target.moves.name()
    }

    /// What shows where it led before, although no call of its move was sent, was never moved. An effect whose reply was lost may become
    /// visible later: after a call, what shows the old value is written all the same.
    fn stayed(&self, shown: &str) -> bool {
        self.sent == Sent::Never && shown.eq_ignore_ascii_case(&self.before)
    }

    fn is_ours(&self, value: &str) -> bool {
        value.eq_ignore_ascii_case(&self.before) || value.eq_ignore_ascii_case(&self.after)
    }

    fn never_left(&self) -> Back {
        Back::Stayed(format!("{} was not moved: it leads to {}", self.name(), self.before))
    }

    fn failed(&self, error: CallError) -> DrError {
        error.while_doing(format!("moving clients back: {} to {}", self.name(), self.before))
    }

    fn foreign(&self, value: &str) -> DrError {
        let name = self.name();
        DrError::refused(format!("moving clients back: {name} leads to {value}, which Lifeboat did not write: it is left alone"))
    }

    /// What is known then, if nothing need be written; a value that is neither the old nor the new one is refused.
    fn look(&self, shown: Option<&str>) -> Result<Option<Back>, DrError> {
        match shown {
            Some(shown) if self.stayed(shown) => Ok(Some(self.never_left())),
            Some(shown) if !self.is_ours(shown) => Err(self.foreign(shown)),
            _ => Ok(None),
        }
    }
}

/// Makes a target lead to where it led before; answers what is known then. A value that is neither the old nor the new one is
/// somebody else's, and stays.
pub(crate) async fn move_back<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    target: &TargetEntry,
    sent: Sent,
) -> Result<Back, DrError> {
    let way = WayBack { target, sent, before: target.moves.before(), after: target.moves.after() };
    let known = match &target.moves {
        TargetMove::Secret { .. } => secret_back(deps, incident, &way).await?,
        TargetMove::Record { zone, record, ttl, before, .. } => {
            let found = deps.secrets.read_records(zone, record).await.map_err(|error| way.failed(error))?;
            let known = way.look(found.iter().flat_map(|found| &found.values).next().map(String::as_str))?;
            if known.is_none() {
                deps.secrets.upsert_record(zone, record, *ttl, before).await.map_err(|error| way.failed(error))?;
            }
            known
        }
        TargetMove::Parameter { parameter, before, .. } => parameter_back(deps, &way, parameter, before).await?,
        TargetMove::Names(_) => return Err(DrError::unrecoverable(format!("{} is given back step by step", way.name()))),
        TargetMove::Proxy { .. } => proxy_back(deps, &way).await?,
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let ttl = match &target.moves {
        TargetMove::Record { ttl, .. } if target.state == CutOverState::Moved => format!(", for everybody after its TTL of {ttl} s"),
        _ => String::new(),
    };
    let verb = if matches!(target.moves, TargetMove::Secret { .. }) { "names" } else { "leads to" };
    Ok(Back::Done(format!("{} {verb} {} again{ttl}", way.name(), way.before)))
}

async fn secret_back<R, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    way: &WayBack<'_>,
) -> Result<Option<Back>, DrError> {
    let TargetMove::Secret { secret, before, .. } = &way.target.moves else { return Ok(None) };
    let plan = incident.plan.clone().ok_or_else(|| DrError::unrecoverable("a cut-over without a plan cannot be undone"))?;
    let today = deps.secrets.credentials(secret, None).await.map_err(|error| way.failed(error))?.endpoint;
    let today = today.map(|today| format!("{}:{}", today.host, today.port));
    let known = way.look(today.as_deref())?;
    if known.is_none() {
        let token = write_token(&incident.id, &plan, secret, "back", way.target.at);
        deps.secrets.point_secret(secret, before, &token).await.map_err(|error| way.failed(error))?;
    }
    Ok(known)
}

async fn parameter_back<R, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    way: &WayBack<'_>,
    parameter: &str,
    before: &str,
) -> Result<Option<Back>, DrError> {
    let found = deps.secrets.read_parameter(parameter).await.map_err(|error| way.failed(error))?;
    match found {
        Some(found) if way.stayed(&found.value) => return Ok(Some(way.never_left())),
        Some(found) if way.is_ours(&found.value) => {}
        // What it holds is somebody else's, and not shown.
        Some(_) => return Err(way.foreign("another value")),
        None => return Err(DrError::refused(format!("moving clients back: {} is gone; it held {before}", way.name()))),
    }
    deps.secrets.overwrite_parameter(parameter, before).await.map_err(|error| way.failed(error))?;
    Ok(None)
}

async fn proxy_back<R: Databases, L, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, way: &WayBack<'_>) -> Result<Option<Back>, DrError> {
    let TargetMove::Proxy { proxy, group, before, after, .. } = &way.target.moves else { return Ok(None) };
    let found = deps.databases.read_proxy(proxy, group).await.map_err(|error| way.failed(error))?;
    let stands = found.map(|found| found.targets).unwrap_or_default();
    match stands.as_slice() {
        [only] if way.stayed(&only.instance) => return Ok(Some(way.never_left())),
        others => {
            if let Some(other) = others.iter().find(|stands| !way.is_ours(&stands.instance)) {
                return Err(way.foreign(&other.instance));
            }
        }
    }
    match deps.databases.deregister_target(proxy, group, after).await {
        Err(error) if error.class != CallClass::NotFound => return Err(way.failed(error)),
        _ => {}
    }
    match deps.databases.register_target(proxy, group, before).await {
        Ok(()) => Ok(None),
        Err(error) if error.class == CallClass::AlreadyExists => Ok(None),
        Err(error) if error.class == CallClass::NotFound => {
            Ok(Some(Back::Done(format!("{} leads nowhere: {before}, which was behind it, does not exist any more", way.name()))))
        }
        Err(error) => Err(way.failed(error)),
    }
}
