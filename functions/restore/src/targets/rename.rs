//! A swap of names: the source gives its name up, and the new database gets it; and the way back, the new database's name first.
//! Each instance is looked at by its `DbiResourceId` just before it is renamed, and after.

use super::back::Back;
use super::names::{follow, is_gone};
use super::settle::Settled;
use crate::case::Recovery;
use crate::observe::{Observation, by_resource_id, instance, is_ours};
use crate::{Databases, Deps};
use lifeboat_domain::acting::{CallRecord, CallState, CutOver, CutOverState, Names, TargetEntry, TargetMove};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, kept_name};
use lifeboat_domain::ports::{Answer, Ledger, ReadDatabases};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::{CallClass, CallError, DrError, ErrorName, Span, Timestamp, show_time};
use std::collections::BTreeMap;

/// How long a rename may take, before the swap is given up: one and a half times what RDS documents.
pub(crate) const EACH_WITHIN: Span = Span::minutes(15);
/// A rename whose reply was lost shows by then, or was not accepted.
const SHOWS_WITHIN: Span = Span::minutes(5);
/// Resolvers may remember so long that there was no such name, while the instance was being renamed.
const RESOLVERS: Span = Span::minutes(2);

/// What is written down before the first rename: which instance is which. A source that cannot be renamed now would keep clients
/// waiting for nothing.
pub(crate) async fn noted<R: Databases, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
) -> Result<TargetMove, DrError> {
    let source = &recovery.incident.source;
    let restored = recovery.incident.restored.as_ref().ok_or_else(|| DrError::unrecoverable("nothing was restored"))?;
    let found = instance(&deps.databases, &restored.id).await?;
    let found = found.ok_or_else(|| DrError::not_found(format!("{} has vanished", restored.id)))?;
    let is_known = match &recovery.plan.target_resource_id {
        Some(planned) => *planned == found.resource_id,
        None => is_ours(&found, recovery),
    };
    if !is_known {
        let why = format!("{} is another instance now ({}): it does not get the name {}", found.id, found.resource_id, source.id);
        return Err(DrError::refused(why));
    }
    let kept = by_resource_id(&deps.databases, &source.resource_id).await?;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.id != source.id) {
        return Err(DrError::refused(format!("{} is called {} now: its name is not moved", source.id, kept.id)));
    }
    if let Some(kept) = kept.as_ref().filter(|kept| !kept.status.is_serving()) {
        let why = format!("{} is {}, in which RDS refuses to rename it: clients are not moved", kept.id, kept.status);
        return Err(DrError::refused(why));
    }
    Ok(TargetMove::Names(Names {
        name: source.id.clone(),
        kept_as: kept_name(&recovery.incident)?,
        was: found.id,
        source: kept.map(|kept| kept.resource_id),
        copy: found.resource_id,
        through: source.endpoint.clone(),
        unseen: BTreeMap::new(),
    }))
}

/// How a rename stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stand {
    /// It has the new name.
    Renamed(Box<ObservedDatabase>),
    /// It has the old name, and can be renamed.
    Ready,
    /// Not now.
    NotYet(String),
}

/// Looks at one instance before it is renamed, or after. Another instance, or another name, is a refusal.
async fn stand<R: ReadDatabases>(databases: &R, id: &str, from: &DatabaseId, to: &DatabaseId) -> Result<Stand, DrError> {
    let Some(found) = by_resource_id(databases, id).await? else {
        return Err(DrError::conflict(format!("{from} ({id}) is not to be seen: nothing is renamed")));
    };
    if found.id == *to {
        return Ok(Stand::Renamed(Box::new(found)));
    }
    if found.id != *from {
        return Err(DrError::refused(format!("{from} ({id}) is called {} now: somebody else renamed it, and it is left alone", found.id)));
    }
    if is_to_be_renamed(&found) {
        return Ok(Stand::NotYet(format!("{from} is to be renamed: {}", found.status)));
    }
    match found.status.meaning() {
        StatusMeaning::Serving => {}
        StatusMeaning::ServingBusy | StatusMeaning::Transitional => return Ok(Stand::NotYet(format!("{from} is {}", found.status))),
        _ => return Err(DrError::refused(format!("{from} is {}: RDS refuses to rename it to {to}", found.status))),
    }
    match instance(databases, to).await? {
        None => Ok(Stand::Ready),
        Some(other) => {
            Err(DrError::refused(format!("the name {to} is another instance's ({}): {from} cannot be renamed to it", other.resource_id)))
        }
    }
}

/// Whether RDS has accepted a rename of it that has not begun to show in its status.
fn is_to_be_renamed(found: &ObservedDatabase) -> bool {
    found.pending.iter().any(|name| name == "DBInstanceIdentifier")
}

/// The instance that a call of the swap means, by its `DbiResourceId`.
fn meant<'a>(names: &'a Names, act: &'a Act) -> Result<(&'a str, &'a DatabaseId, &'a DatabaseId), DrError> {
    let Act::RenameInstance { instance, resource_id, to } = act else {
        return Err(DrError::unrecoverable(format!("{} renames nothing", act.describe())));
    };
    let id = if *instance == names.was { Some(&names.copy) } else { names.source.as_ref() };
    let id =
        id.ok_or_else(|| DrError::refused(format!("{instance} did not exist when clients were about to be moved: nothing is renamed")))?;
    if resource_id.as_ref().is_some_and(|planned| planned != id) {
        return Err(DrError::refused(format!(
            "{instance} is {id}, and the plan means {}: nothing is renamed",
            resource_id.as_deref().unwrap_or("")
        )));
    }
    Ok((id, instance, to))
}

/// The swap as it was written down.
async fn written<L: Ledger>(ledger: &L, incident: &Incident) -> Result<Names, DrError> {
    let kept = ledger::read::<CutOver>(ledger, &keys::cut_over(&incident.id)).await?;
    kept.and_then(|kept| kept.value.swap().cloned()).ok_or_else(|| DrError::unrecoverable("no undo is known of the swap of names"))
}

/// Sends a rename of the plan; the instance is looked at in the same breath, as its name may be another one's.
pub(crate) async fn send<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Answer<()> {
    let unsent = |error: DrError| {
        let class = match error.name() {
            ErrorName::TransientFailure => CallClass::Throttled,
            ErrorName::Conflict => CallClass::WrongState,
            _ => CallClass::Invalid,
        };
        CallError::new(class, act.action(), "not_sent", error.message())
    };
    let names = written(&deps.ledger, &recovery.incident).await.map_err(unsent)?;
    let (id, from, to) = meant(&names, act).map_err(unsent)?;
    match stand(&deps.databases, id, from, to).await.map_err(unsent)? {
        Stand::Renamed(_) => Ok(()),
        Stand::NotYet(reason) => Err(CallError::new(CallClass::WrongState, act.action(), "not_sent", reason)),
        Stand::Ready => deps.databases.rename(from, to).await.map_err(not_free_yet),
    }
}

/// Describe showed nobody under the name a moment ago: RDS gives it free later than it shows.
fn not_free_yet(error: CallError) -> CallError {
    if error.class == CallClass::AlreadyExists { CallError { class: CallClass::WrongState, ..error } } else { error }
}

/// Looks whether a rename took place.
pub(crate) async fn observe<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    act: &Act,
) -> Result<Observation, DrError> {
    let names = written(&deps.ledger, &recovery.incident).await?;
    let (id, from, to) = meant(&names, act)?;
    Ok(match stand(&deps.databases, id, from, to).await? {
        Stand::Renamed(_) => Observation::Done(format!("{id} is called {to}")),
        Stand::Ready => Observation::NotDone,
        Stand::NotYet(_) => Observation::CannotTell,
    })
}

/// Why the next call must wait: an accepted rename takes minutes. None once it is done and written into the incident.
pub(crate) async fn unsettled<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    act: &Act,
) -> Result<Option<String>, DrError> {
    if !matches!(act, Act::RenameInstance { .. }) {
        return Ok(None);
    }
    let names = written(&deps.ledger, &recovery.incident).await?;
    let (id, from, to) = meant(&names, act)?;
    let found = by_resource_id(&deps.databases, id).await?;
    let Some(found) = found else { return Ok(Some(format!("{from} is being renamed to {to}, and is not to be seen at the moment"))) };
    if found.id != *to || found.status.meaning() == StatusMeaning::Transitional {
        return Ok(Some(format!("{from} is being renamed to {to}: {} is {}", found.id, found.status)));
    }
    recovery.incident = follow(&deps.databases, &deps.ledger, recovery.incident.clone()).await?.0;
    Ok(None)
}

/// Whether the swap is whole: each instance under its new name, and time for resolvers to forget that there was no such name.
pub(crate) async fn settled<R: Databases, L, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    target: &TargetEntry,
    names: &Names,
    now: Timestamp,
) -> Result<Settled, DrError> {
    let name = &names.name;
    let copy = by_resource_id(&deps.databases, &names.copy).await?;
    if copy.is_none_or(|copy| copy.id != *name) {
        return Ok(Settled::Elsewhere(format!("{name} is not the new database ({}): somebody renamed it", names.copy)));
    }
    if target.state != CutOverState::Moved {
        return Ok(Settled::Everywhere(format!("{name} is the new database ({})", names.copy)));
    }
    Ok(if Span::between(target.at, now) >= RESOLVERS {
        Settled::Yes(format!("{name} is the new database ({})", names.copy))
    } else {
        Settled::NotYet(format!("resolvers may remember for {RESOLVERS} that there was no {name}"))
    })
}

/// Gives the names back, the new database's first. Each call returns at once; the caller comes again.
pub(crate) async fn give_back<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    names: &Names,
    calls: &[CallRecord],
    now: Timestamp,
) -> Result<Back, DrError> {
    let copy = by_resource_id(&deps.databases, &names.copy).await?;
    let source = match &names.source {
        Some(id) => by_resource_id(&deps.databases, id).await?,
        None => None,
    };
    let late = |from: &DatabaseId, found: Option<&ObservedDatabase>| {
        found.filter(|found| found.id == *from).and_then(|_| shows_late(calls, from, now))
    };
    if let Some(reason) = late(&names.was, copy.as_ref()).or_else(|| late(&names.name, source.as_ref())) {
        return Ok(Back::NotYet(reason));
    }
    for (found, to) in [(copy, &names.was), (source.clone(), &names.name)] {
        let Some(found) = found else { continue };
        if let Some(reason) = rename_back(deps, incident, &found, to, now).await? {
            return Ok(Back::NotYet(reason));
        }
    }
    if let Some(id) = &names.source {
        let is_gone = is_gone(&deps.ledger, incident, id, source.is_some(), now).await?;
        if source.is_none() && !is_gone {
            return Ok(Back::NotYet(format!("the old database ({id}) is not to be seen: it may be being renamed")));
        }
    }
    Ok(Back::Done(match (&names.source, source) {
        (Some(id), Some(_)) => format!("{} is the old database ({id}) again", names.name),
        _ => format!("{} is nobody's: the old database, which had the name, does not exist any more", names.name),
    }))
}

/// A call of unknown outcome that nothing shows of may still show: until then, what has its old name may be about to lose it.
fn shows_late(calls: &[CallRecord], from: &DatabaseId, now: Timestamp) -> Option<String> {
    let is_of = |call: &&CallRecord| matches!(&call.act, Act::RenameInstance { instance, .. } if instance == from);
    let call = calls.iter().filter(|call| call.state != CallState::Refused).find(is_of)?;
    let asked_at = call.ended_at.unwrap_or(call.sent_at).max(call.sent_at);
    (Span::between(asked_at, now) < SHOWS_WITHIN)
        .then(|| format!("a rename of {from} was asked for at {}, and nothing shows of it yet", show_time(asked_at)))
}

/// One step back; answers what is waited for, if anything is.
async fn rename_back<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    found: &ObservedDatabase,
    to: &DatabaseId,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    let (id, from) = (&found.resource_id, &found.id);
    if from == to {
        let is_busy = is_to_be_renamed(found) || found.status.meaning() == StatusMeaning::Transitional;
        return Ok(is_busy.then(|| format!("{to} is to keep its name: {}", found.status)));
    }
    match stand(&deps.databases, id, from, to).await? {
        Stand::Renamed(found) => Ok(Some(format!("{to} is {}", found.status))),
        Stand::NotYet(reason) => Ok(Some(reason)),
        Stand::Ready => match deps.databases.rename(from, to).await.map_err(not_free_yet) {
            Ok(()) => {
                let text = format!("{from} ({id}) is being renamed to {to} again");
                ledger::tell(&deps.ledger, &incident.id, now, Phase::CutOver, text.clone()).await?;
                Ok(Some(text))
            }
            Err(error) if error.class == CallClass::WrongState => Ok(Some(error.to_string())),
            Err(error) => Err(error.while_doing(format!("moving clients back: renaming {from} ({id}) to {to}"))),
        },
    }
}
