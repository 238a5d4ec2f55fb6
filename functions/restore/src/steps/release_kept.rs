//! Releasing what a recovery kept: a retired source or a copy is deleted because a person says so, with its name typed twice.

use crate::observe::instance;
use crate::{Databases, Deps, ReleaseOrder};
use lifeboat_domain::bisection;
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, IncidentId, SnapshotId, deterministic_name, short_digest};
use lifeboat_domain::incident::{Incident, IncidentState, Phase};
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{Member, ObservedDatabase, tags};
use lifeboat_domain::ports::{Clock, Ledger, ReadExecutions};
use lifeboat_domain::proof::prove;
use lifeboat_domain::register::{News, ResourceRecord};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{DrError, Timestamp};
use serde::{Deserialize, Serialize};

/// What a person writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    resource: String,
    instance: DatabaseId,
    #[serde(default)]
    confirm: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    claimed_by: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Released {
    reason: String,
}

/// What is written down before anything is deleted: whoever repeats the order keeps its promise and tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Promise {
    /// The execution that the order came by.
    execution: String,
    /// The incident that kept the database; none for a copy of a bisection.
    incident: Option<IncidentId>,
    /// Its `DbiResourceId`.
    resource_id: String,
    /// The final snapshot; none where RDS could give none.
    snapshot: Option<SnapshotId>,
    /// What is done, as a sentence.
    text: String,
}

/// Deletes one kept database, with a final snapshot where it is well enough to give one. Repeated, it changes nothing more.
pub(crate) async fn release_kept<R: Databases, L: Ledger, D, S, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &ReleaseOrder,
) -> Result<Released, DrError> {
    let order: Order = lifeboat_lambda::decode(case.request.clone())?;
    confirmed(&order)?;
    no_table(&order)?;
    prove(&deps.executions, &case.execution, "release", &case.request).await?;
    let name = Arn::parse(&order.resource).map_or_else(|_| order.resource.clone(), |arn| arn.name().to_owned());
    let record = lifeboat_domain::register::record(&deps.ledger, &Identity::parse(name)?).await?;
    let record = record.ok_or_else(|| DrError::not_found(format!("resource: {:?} is not known", order.resource)))?;
    let promise = ledger::read::<Promise>(&deps.ledger, &keys::released(&record.resource, &order.instance)).await?;
    let promise = promise.map(|kept| kept.value).filter(|promise| promise.execution == case.execution);
    let Some(found) = instance(&deps.databases, &order.instance).await? else {
        return match promise {
            Some(promise) => tell(deps, &record, case, &order.instance, promise).await,
            None => {
                Err(DrError::not_found(format!("instance: {} does not exist; if it was released before, that is done", order.instance)))
            }
        };
    };
    let keeper = marked_by(deps, &order, &found, &record).await?;
    expect_quiet(deps, &record, deps.clock.now()).await?;
    let promise = promise.filter(|promise| promise.resource_id == found.resource_id);
    if found.status.meaning() == StatusMeaning::Deleting {
        return match promise {
            Some(promise) => tell(deps, &record, case, &found.id, promise).await,
            None => Ok(Released { reason: format!("{} is being deleted already", found.id) }),
        };
    }
    let promise = match promise {
        Some(promise) => promise,
        None => make_promise(deps, &order, case, (&record, keeper.as_ref()), &found).await?,
    };
    let promise = with_snapshot(&record, &found, promise)?;
    delete(deps, &found, &promise).await?;
    tell(deps, &record, case, &found.id, promise).await
}

fn confirmed(order: &Order) -> Result<(), DrError> {
    // Of a cluster with or without its kind, which stands in `instance`.
    let name = String::from(order.instance.clone());
    match order.confirm.as_deref() {
        Some(confirm) if confirm == order.instance.as_str() || confirm == name => Ok(()),
        Some(other) => Err(DrError::invalid("confirm", format!("{other:?}"), format!("{name}, typed once more"))),
        None => Err(DrError::missing("confirm", format!("{name}, typed once more: it is deleted"))),
    }
}

/// A final backup must stand before a table is deleted, which no single call does, and no role of Lifeboat may delete one.
fn no_table(order: &Order) -> Result<(), DrError> {
    let id = &order.instance;
    if id.kind() != ResourceKind::DynamodbTable {
        return Ok(());
    }
    Err(DrError::refused(format!(
        "instance: {id} is a table, which Lifeboat never deletes: run the commands that its report and the weekly message have, which take a last backup first"
    )))
}

/// The incident that kept it; none for a copy of a bisection. What serves, is protected, or was not kept by Lifeboat for this resource
/// is never deleted.
async fn marked_by<R, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    order: &Order,
    found: &ObservedDatabase,
    record: &ResourceRecord,
) -> Result<Option<Incident>, DrError> {
    let refuse = |why: String| Err(DrError::refused(format!("{} is not released: {why}", order.instance)));
    if found.resource_id == record.resource_id || found.id == record.id {
        return refuse(format!("it serves as {}", record.resource));
    }
    if let Some(cluster) = &found.cluster {
        return refuse(format!("it is a member of the cluster {cluster}, and released with it only"));
    }
    if found.tags.contains_key(tags::POLICY) {
        return refuse(format!("it is protected: it carries {}", tags::POLICY));
    }
    if let Some(mark) = found.tags.get(tags::SEARCH) {
        return searched(deps, mark, found, record).await.map(|()| None);
    }
    let Some(mark) = found.tags.get(tags::RETIRED).or_else(|| found.tags.get(tags::INCIDENT)) else {
        return refuse(format!("it carries none of {}, {} and {}: Lifeboat did not keep it", tags::RETIRED, tags::INCIDENT, tags::SEARCH));
    };
    let incident = ledger::read::<Incident>(&deps.ledger, &keys::incident(&IncidentId::parse(mark.clone())?)).await?;
    let Some(incident) = incident.map(|kept| kept.value).filter(|incident| incident.resource == record.resource) else {
        return refuse(format!("incident {mark}, which it is marked with, is none of {}", record.resource));
    };
    if incident.state != IncidentState::Closed {
        return refuse(format!("incident {mark}, which it belongs to, is {}: it may still be needed", incident.state));
    }
    Ok(Some(incident))
}

/// A copy that a bisection made is released once that is over, or its execution has died.
async fn searched<R, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    mark: &str,
    found: &ObservedDatabase,
    record: &ResourceRecord,
) -> Result<(), DrError> {
    let refuse = |why: String| Err(DrError::refused(format!("{} is not released: {why}", found.id)));
    let bisection = bisection::marked(&deps.ledger, mark).await?;
    let made = bisection.filter(|made| made.plan.resource == record.resource && made.copies.iter().any(|copy| copy.instance == found.id));
    match made {
        None => refuse(format!("the bisection {mark}, which it is marked with, made no such copy of {}", record.resource)),
        Some(made) if made.is_running(deps.clock.now()) => refuse("its bisection goes on: it may still be asked".to_owned()),
        Some(_) => Ok(()),
    }
}

/// Nothing is deleted while somebody works on the resource: a recovery or an undo may need it.
async fn expect_quiet<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    record: &ResourceRecord,
    now: Timestamp,
) -> Result<(), DrError> {
    if let Some(open) = &record.open_incident {
        return Err(DrError::refused(format!("incident {open} of {} must end first: it may need what is to be released", record.resource)));
    }
    let lease = ledger::read::<Lease>(&deps.ledger, &keys::lease(&record.resource)).await?.map(|kept| kept.value);
    match lease.filter(|lease| !lease.released && now < lease.expires_at) {
        Some(lease) => Err(DrError::conflict(format!("{} is being worked on by {}", record.resource, lease.owner))),
        None => Ok(()),
    }
}

/// Writes down what will be done; refuses what RDS would refuse.
async fn make_promise<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    order: &Order,
    case: &ReleaseOrder,
    (record, incident): (&ResourceRecord, Option<&Incident>),
    found: &ObservedDatabase,
) -> Result<Promise, DrError> {
    let id = &found.id;
    let snapshot = final_snapshot(record, found)?;
    let kept = snapshot.as_ref().map_or_else(
        || match found.id.kind() {
            ResourceKind::ReplicationGroup => {
                format!("without a final snapshot, as ElastiCache takes none of one that is {}", found.status)
            }
            _ => format!("without a final snapshot, as RDS takes none of one that is {}; its automated backups are kept", found.status),
        },
        |snapshot| format!("with the final snapshot {snapshot}"),
    );
    if found.configuration.deletion_protection && snapshot.is_none() {
        let status = &found.status;
        return Err(DrError::refused(format!(
            "{id} is protected from deletion, and RDS changes nothing of one that is {status}: ask AWS Support"
        )));
    }
    let who = order.claimed_by.as_deref().unwrap_or("somebody");
    let why = order.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let promise = Promise {
        execution: case.execution.clone(),
        incident: incident.map(|incident| incident.id.clone()),
        resource_id: found.resource_id.clone(),
        snapshot,
        text: format!("The {} {id} is deleted {kept} ({who}, by {}{why})", id.kind().in_words(), case.execution),
    };
    if let Some(incident) = incident {
        ledger::tell(&deps.ledger, &incident.id, case.started_at, Phase::Close, promise.text.clone()).await?;
    }
    ledger::write(&deps.ledger, &keys::released(&record.resource, id), &promise).await?;
    Ok(promise)
}

/// What has become well since the promise gives a final snapshot after all; one that was promised is never left out.
fn with_snapshot(record: &ResourceRecord, found: &ObservedDatabase, promise: Promise) -> Result<Promise, DrError> {
    if promise.snapshot.is_some() {
        return Ok(promise);
    }
    match final_snapshot(record, found)? {
        Some(snapshot) => {
            let text = format!("{}; it has become well since, so that there is a final snapshot {snapshot}", promise.text);
            Ok(Promise { snapshot: Some(snapshot), text, ..promise })
        }
        None => Ok(promise),
    }
}

async fn delete<R: Databases, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    found: &ObservedDatabase,
    promise: &Promise,
) -> Result<(), DrError> {
    let id = &found.id;
    let doing = |error: lifeboat_domain::CallError| error.while_doing(format!("releasing {id}"));
    if found.configuration.deletion_protection {
        deps.databases.lift_deletion_protection(id).await.map_err(doing)?;
    }
    match deps.databases.delete_released(id, promise.snapshot.as_ref()).await {
        Ok(()) => Ok(()),
        // Its reply may have been lost: then it is going already.
        Err(error) => match instance(&deps.databases, id).await? {
            Some(shown) if shown.status.meaning() != StatusMeaning::Deleting => Err(doing(error)),
            _ => Ok(()),
        },
    }
}

/// The news of it, which is told once however often it is left.
async fn tell<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    record: &ResourceRecord,
    case: &ReleaseOrder,
    id: &DatabaseId,
    promise: Promise,
) -> Result<Released, DrError> {
    let title = format!("{}: the kept {} {id} was deleted, as a person released it", record.resource, id.kind().in_words());
    let (serving, resource) = (&record.id, &record.resource);
    let text = format!("{}. Clients of {resource} are on {serving}, which is not touched.", promise.text);
    let resource = Some(resource.clone());
    let news = News { at: case.started_at, resource, incident: promise.incident, title, text, told_at: None };
    news.leave(&deps.ledger, case.started_at).await?;
    Ok(Released { reason: promise.text })
}

/// Whether it is a cluster of which every member is gone, or going.
fn has_lost_its_members(found: &ObservedDatabase) -> bool {
    let is_going = |member: &Member| member.status.meaning() == StatusMeaning::Deleting;
    found.id.kind() == ResourceKind::DbCluster && found.members.iter().all(is_going)
}

/// Its name follows from the instance; none only where RDS can give none (fact sheet 2.1).
fn final_snapshot(record: &ResourceRecord, found: &ObservedDatabase) -> Result<Option<SnapshotId>, DrError> {
    match found.status.meaning() {
        StatusMeaning::Serving => {}
        // A volume gives a snapshot without members: an earlier order may have come as far as that.
        StatusMeaning::Transitional if has_lost_its_members(found) => {}
        StatusMeaning::Terminal | StatusMeaning::FailedCreation | StatusMeaning::BadNetwork => return Ok(None),
        // It is well, and busy: what can give a snapshot is never deleted without one.
        _ => return Err(DrError::conflict(format!("{} is {}: it is released once it is available", found.id, found.status))),
    }
    let suffix = format!("final-{}", short_digest(&[&found.resource_id]));
    SnapshotId::parse(deterministic_name(&format!("lifeboat-{}", record.resource), &suffix, found.id.kind().longest_snapshot_name()))
        .map(Some)
}
