//! What ElastiCache tells of caches: the topic of a node-based one names the group or a node of it, and never proves anything alone.

use super::event::{EventAnswer, begin, join_only, why_stale};
use crate::incidents::{tell_people, tell_people_daily};
use crate::{Deps, resources};
use lifeboat_domain::DrError;
use lifeboat_domain::events::{CacheNotice, EventClass, ServerlessNotice};
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::incident::Signal;
use lifeboat_domain::observed::{ObservedDatabase, cache_id, cache_node_of};
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases, ReadExecutions, StartRecovery};
use lifeboat_domain::words::{Plane, Scenario, show_time};

/// The group that a notice means: its subject is a group or a node.
async fn meant(databases: &impl ReadDatabases, subject: &str) -> Result<(Vec<DatabaseId>, Option<ObservedDatabase>), DrError> {
    let named: Vec<DatabaseId> = cache_id(subject).ok().into_iter().chain(cache_node_of(subject)).collect();
    for id in &named {
        if let Some(found) = resources::instance(databases, id).await? {
            return Ok((named, Some(found)));
        }
    }
    Ok((named, None))
}

pub(super) async fn of_cache<R, L, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    notice: &CacheNotice,
) -> Result<(Option<Identity>, EventAnswer), DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let (named, observed) = meant(&deps.databases, &notice.subject).await?;
    let record = match &observed {
        Some(found) => match (resources::why_left_alone(found), found.identity()) {
            (Some(reason), resource) => return Ok((resource, EventAnswer::only(reason))),
            (None, Some(resource)) => match resources::refreshed(&deps.ledger, &resource, found).await? {
                Ok(record) => Some(record),
                Err(why) => return Ok((Some(resource), EventAnswer::only(why))),
            },
            (None, None) => None,
        },
        None => resources::remembered(&deps.ledger, &named).await?,
    };
    let Some(record) = record else {
        return Ok((None, EventAnswer::only(format!("{} is no cache that Lifeboat knows", notice.subject))));
    };
    let resource = Some(record.resource.clone());
    if let Some(reason) = why_stale(deps, &record, notice.at)? {
        return Ok((resource, EventAnswer::only(reason)));
    }
    let (class, meaning) = notice.meaning();
    let text = format!("{}: {meaning}", notice.subject);
    let source = format!("ElastiCache:{}", notice.what);
    let signal = Signal { at: notice.at, plane: Plane::ControlPlane, source, text };
    let answer = match class {
        EventClass::Ignore | EventClass::Record | EventClass::Fresh => EventAnswer::only(format!("recorded: {}", signal.text)),
        EventClass::Watch | EventClass::Recover => {
            let scenario = observed.is_none().then_some(Scenario::Deletion);
            begin(deps, &record, observed.as_ref(), signal, scenario).await?
        }
        EventClass::Confirm => join_only(deps, &record, &signal).await?,
        EventClass::Alert => {
            let title = format!("{}: {meaning}", record.resource);
            let when = show_time(notice.at);
            let text = format!(
                "{} reports for {} at {when}: {meaning}. Lifeboat does nothing by itself about this; please look.",
                signal.source, notice.subject
            );
            tell_people(deps, deps.clock.now(), None, &title, text).await?;
            EventAnswer::only(format!("told to people: {meaning}"))
        }
    };
    Ok((resource, answer))
}

/// A serverless cache heals by itself or not at all: Lifeboat tells.
pub(super) async fn of_serverless<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    notice: &ServerlessNotice,
) -> Result<EventAnswer, DrError> {
    if !notice.is_bad() {
        return Ok(EventAnswer::only(format!("recorded: {} of {}", notice.what, notice.subject)));
    }
    let title = format!("ElastiCache: {} of {}", notice.what, notice.subject);
    let text = format!("{}. Lifeboat recovers no serverless cache; please look.", notice.text);
    tell_people_daily(deps, &title, text).await?;
    Ok(EventAnswer::only(format!("told to people: {} of {}", notice.what, notice.subject)))
}
