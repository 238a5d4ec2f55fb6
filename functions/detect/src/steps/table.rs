//! What somebody did to a table: a deletion starts a look, and recovery that is switched off is news, never a recovery.

use super::event::{EventAnswer, begin, why_stale};
use crate::incidents::tell_people;
use crate::{Deps, by_hand, resources};
use lifeboat_domain::DrError;
use lifeboat_domain::events::{TableDeed, TableEvent};
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::incident::Signal;
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases, ReadExecutions, StartRecovery};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::{Plane, ResourceKind, Scenario, show_time};

/// Handles one event of a table.
pub(super) async fn table<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, event: &TableEvent) -> Result<(Option<Identity>, EventAnswer), DrError>
where
    R: ReadDatabases,
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let Ok(id) = DatabaseId::new(ResourceKind::DynamodbTable, event.table.clone()) else {
        return Ok((None, EventAnswer::only(format!("{:?} is not the name of a table", event.table))));
    };
    if event.deed == TableDeed::Other {
        return Ok((None, EventAnswer::only(format!("recorded: {} on {id}", event.call))));
    }
    let observed = resources::instance(&deps.databases, &id).await?;
    let record = match &observed {
        Some(observed) => match (resources::why_left_alone(observed), observed.identity()) {
            (None, Some(resource)) => match resources::refreshed(&deps.ledger, &resource, observed).await? {
                Ok(record) => Some(record),
                Err(why) => return Ok((Some(resource), EventAnswer::only(why))),
            },
            (reason, resource) => return Ok((resource, EventAnswer::only(reason.unwrap_or_else(|| format!("{id} has no identity"))))),
        },
        None => resources::remembered(&deps.ledger, std::slice::from_ref(&id)).await?,
    };
    let Some(record) = record else {
        return Ok((None, EventAnswer::only(format!("{id} does not exist and Lifeboat does not know it"))));
    };
    let resource = Some(record.resource.clone());
    if let Some(reason) = why_stale(deps, &record, event.at)? {
        return Ok((resource, EventAnswer::only(reason)));
    }
    let is_going = observed.as_ref().is_none_or(|observed| observed.status.meaning() == StatusMeaning::Deleting);
    let answer = match event.deed {
        TableDeed::Deleted if !is_going => EventAnswer::only(format!("{id} was deleted, and another table has its name now")),
        TableDeed::Deleted => {
            let text = format!("{} deleted {id}", event.by);
            let signal = Signal { at: event.at, plane: Plane::ControlPlane, source: format!("CloudTrail {}", event.call), text };
            begin(deps, &record, observed.as_ref(), signal, Some(Scenario::Deletion)).await?
        }
        TableDeed::RecoveryOff | TableDeed::Other => {
            let title = format!("{}: point-in-time recovery was switched off", record.resource);
            let text = format!(
                "{} switched it off for {id} at {}. What could be restored until then is lost, and nothing of now on can be.\nSwitch it on again: its window begins anew\n{}",
                event.by,
                show_time(event.at),
                by_hand::recover_table(&record.arn, &record.id)
            );
            tell_people(deps, deps.clock.now(), None, &title, text).await?;
            EventAnswer::only(title)
        }
    };
    Ok((resource, answer))
}
