//! What the databases of a swap of names are called. A name says nothing here: after a swap, or half-way through one, it is another
//! instance's. Whatever is meant is found by its `DbiResourceId`, and the incident is told at once what each is called now.

use super::rename::EACH_WITHIN;
use crate::observe::{by_resource_id, instance};
use lifeboat_domain::acting::{CutOver, Names};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, Restored};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{NameHolders, kept_name};
use lifeboat_domain::ports::{Ledger, ReadDatabases};
use lifeboat_domain::{DrError, Span, Timestamp};

/// Who has the names of a swap, when a plan is made.
pub(crate) async fn holders(databases: &impl ReadDatabases, incident: &Incident) -> Result<NameHolders, DrError> {
    let holder = async |id: &DatabaseId| instance(databases, id).await.map(|found| found.map(|found| found.resource_id));
    Ok(NameHolders { name: holder(&incident.source.id).await?, kept_as: holder(&kept_name(incident)?).await? })
}

/// Writes down what both databases are called now, while a swap may be under way; answers the incident as it is then, and the swap.
pub(crate) async fn follow<R: ReadDatabases, L: Ledger>(
    databases: &R,
    ledger: &L,
    incident: Incident,
) -> Result<(Incident, Option<Names>), DrError> {
    let cut_over = ledger::read::<CutOver>(ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    let Some(names) = cut_over.and_then(|cut_over| cut_over.swap().cloned()) else { return Ok((incident, None)) };
    let source = match &names.source {
        Some(id) => by_resource_id(databases, id).await?,
        None => None,
    };
    let copy = by_resource_id(databases, &names.copy).await?;
    let rewrite = |incident: &mut Incident| {
        if let Some(found) = &source {
            incident.source.id = found.id.clone();
            incident.source.arn = found.arn.clone();
            incident.source.endpoint.clone_from(&found.endpoint);
        }
        if let Some(found) = &copy {
            let resource_id = Some(found.resource_id.clone());
            let (id, arn, endpoint) = (found.id.clone(), found.arn.clone(), found.endpoint.clone());
            incident.restored = Some(Restored { id, arn, endpoint, resource_id });
        }
    };
    let mut today = incident.clone();
    rewrite(&mut today);
    if today == incident {
        return Ok((incident, Some(names)));
    }
    let change = |incident: &mut Incident| {
        rewrite(incident);
        Ok(())
    };
    let incident = ledger::update(ledger, &keys::incident(&incident.id), change).await?;
    Ok((incident, Some(names)))
}

/// Whether an instance of a swap is gone. What is being renamed may be out of sight: only what nobody has seen for as long as a rename
/// may take does not exist any more. Where no names are swapped, what is not seen is gone.
pub(crate) async fn is_gone<L: Ledger>(
    ledger: &L,
    incident: &Incident,
    resource_id: &str,
    is_seen: bool,
    now: Timestamp,
) -> Result<bool, DrError> {
    let key = keys::cut_over(&incident.id);
    let kept = ledger::read::<CutOver>(ledger, &key).await?.map(|kept| kept.value);
    let names = kept.as_ref().and_then(CutOver::names);
    let Some(names) = names.filter(|names| names.copy == resource_id || names.source.as_deref() == Some(resource_id)) else {
        return Ok(!is_seen);
    };
    match (is_seen, names.unseen.get(resource_id)) {
        (true, None) => return Ok(false),
        (false, Some(since)) => return Ok(Span::between(*since, now) >= EACH_WITHIN),
        _ => {}
    }
    let note = |cut_over: &mut CutOver| {
        let Some(names) = cut_over.names_mut() else { return Ok(()) };
        if is_seen {
            names.unseen.remove(resource_id);
        } else {
            names.unseen.entry(resource_id.to_owned()).or_insert(now);
        }
        Ok(())
    };
    ledger::update::<CutOver, _>(ledger, &key, note).await?;
    Ok(false)
}
