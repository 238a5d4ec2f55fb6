//! Whether a moved target leads to the new side for everybody: read back where it is kept, from outside the databases' network.

use crate::targets::rename;
use crate::{Databases, Deps, Secrets};
use lifeboat_domain::acting::{CutOverState, TargetEntry, TargetMove};
use lifeboat_domain::{DrError, Span, Timestamp};

/// How a target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Who looks now finds the new side.
    Yes(String),
    /// It will, but not everybody yet.
    NotYet(String),
    /// The service has it everywhere since now; resolvers may remember the old value for its TTL.
    Everywhere(String),
    /// Somebody else has changed it meanwhile.
    Elsewhere(String),
}

/// Reads a target back.
pub(crate) async fn settled<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    target: &TargetEntry,
    now: Timestamp,
) -> Result<Settled, DrError> {
    let name = target.moves.name();
    let reading = |error: lifeboat_domain::CallError| error.while_doing(format!("reading {name} back"));
    Ok(match &target.moves {
        // The client's side reads it itself.
        TargetMove::Secret { .. } => Settled::Yes(format!("{name} names {}", target.moves.after())),
        TargetMove::Parameter { parameter, after, .. } => {
            let found = deps.secrets.read_parameter(parameter).await.map_err(reading)?;
            match found {
                Some(found) if found.value == *after => Settled::Yes(format!("{name} was read back: {after}")),
                Some(_) => Settled::Elsewhere(format!("{name} was read back, and holds another value than {after}: somebody changed it")),
                None => Settled::Elsewhere(format!("{name} is gone")),
            }
        }
        TargetMove::Record { zone, record, ttl, after, change, .. } => {
            if target.state == CutOverState::Moved {
                return Ok(remembered(target, *ttl, now));
            }
            let Some(change) = change else { return Ok(Settled::NotYet(format!("{name}: the id of its change is not known yet"))) };
            if !deps.secrets.is_in_sync(change).await.map_err(reading)? {
                return Ok(Settled::NotYet(format!("{name}: Route 53 is still telling its name servers ({change})")));
            }
            let found = deps.secrets.read_records(zone, record).await.map_err(reading)?;
            let leads = found.iter().any(|found| found.values.iter().any(|value| value.eq_ignore_ascii_case(after)));
            if leads {
                Settled::Everywhere(format!("every name server of Route 53 answers {after} for {record}"))
            } else {
                Settled::Elsewhere(format!("{name} does not lead to {after}: somebody changed it"))
            }
        }
        TargetMove::Names(names) => rename::settled(deps, target, names, now).await?,
        TargetMove::Proxy { proxy, group, after, .. } => {
            let found = deps.databases.read_proxy(proxy, group).await.map_err(reading)?;
            let stands = found.and_then(|found| found.targets.into_iter().find(|target| target.instance == after.as_str()));
            match stands {
                Some(stands) if stands.is_available => Settled::Yes(format!("{name} gets through to {after}")),
                Some(stands) => Settled::NotYet(format!("{name} does not get through to {after} yet: {}", stands.health)),
                None => Settled::Elsewhere(format!("{name} does not know {after}: somebody changed it")),
            }
        }
    })
}

/// No resolver remembers a value for longer than its TTL.
fn remembered(target: &TargetEntry, ttl: u32, now: Timestamp) -> Settled {
    let passed = Span::between(target.at, now);
    let ttl = Span::seconds(u64::from(ttl));
    if passed >= ttl {
        Settled::Yes(format!("{} leads to {} everywhere, and its TTL of {ttl} has passed", target.moves.name(), target.moves.after()))
    } else {
        Settled::NotYet(format!("resolvers may remember the old value of {} for its TTL of {ttl}", target.moves.name()))
    }
}
