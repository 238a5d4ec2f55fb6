//! Finds everything protected, keeps each manifest, and makes batches.

use crate::{Batch, Deps, DiscoverInput, Item, Run, Skipped, TableItem, write};
use lifeboat_domain::alarms::{Alarm, on};
use lifeboat_domain::ids::{Identity, SnapshotId, deterministic_name, short_digest};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::point::Manifest;
use lifeboat_domain::ports::{Clock, Documents, Ledger, Listing, ReadAlarms, ReadDatabases, Target};
use lifeboat_domain::register::{self, FleetMember, ResourceRecord};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallError, DrError, ErrorName};
use serde::Serialize;
use std::collections::BTreeMap;

/// Databases that one `start` asks a snapshot of: well under the function's time-out, even when throttled.
const BATCH: usize = 20;

/// Where the run and its batches lie.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DiscoverAnswer {
    run: String,
    batches: Vec<BatchRef>,
}

/// Where a batch lies.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BatchRef {
    batch: String,
}

/// Makes the run.
pub(crate) async fn discover<R: ReadDatabases + ReadAlarms, L: Ledger, D: Documents, C: Clock>(
    deps: &Deps<R, L, D, C>,
    input: &DiscoverInput,
) -> Result<DiscoverAnswer, DrError> {
    let stamp = input.started_at.format("%Y%m%dt%H%M%Sz").to_string();
    let folder = format!("backups/{stamp}-{}", short_digest(&[&input.execution]));
    let listing = deps.databases.databases(ResourceKind::ALL).await;
    let Listing { found, unanswered } = listing.settled(&deps.documents, &format!("{folder}/unanswered.json")).await?;
    // A backup without them is better than none.
    let alarms = deps.databases.alarms().await;
    let alarms = alarms.inspect_err(|error| tracing::warn!("the manifests will name no alarms: {error}")).ok();
    let (mut items, mut skipped) = (Vec::new(), unlisted(deps, &unanswered).await?);
    for observed in &found {
        let (Some(policy), Some(resource)) = (observed.policy(), observed.identity()) else { continue };
        if observed.cluster.is_some() || observed.replica_of.is_some() {
            continue;
        }
        if register::record(&deps.ledger, &resource).await?.is_some_and(|record| record.has_retired(observed)) {
            continue;
        }
        match why_skipped(deps, &resource, observed).await? {
            Some(skip) => skipped.push(skip),
            None => {
                // A list of tables shows little of each; the manifest is of all that it is.
                let whole = match observed.id.kind() {
                    ResourceKind::DynamodbTable => described(deps, observed).await?,
                    _ => None,
                };
                let observed = whole.as_ref().unwrap_or(observed);
                match item(deps, input, &stamp, policy, &resource, (observed, alarms.as_deref())).await {
                    Ok(item) => items.push(item),
                    // Another database has its identity: that one is backed up.
                    Err(error) if error.name() == ErrorName::Refused => {
                        skipped.push(Skipped { resource, reason: error.message().to_owned(), leased: false });
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }
    let mut batches = Vec::new();
    for (number, items) in items.chunks(BATCH).enumerate() {
        let key = format!("{folder}/batch-{number:03}.json");
        write(&deps.documents, &key, &Batch { run: stamp.clone(), started_at: input.started_at, items: items.to_vec() }).await?;
        batches.push(key);
    }
    let run = format!("{folder}/run.json");
    write(&deps.documents, &run, &Run { run: stamp, started_at: input.started_at, batches: batches.clone(), points: Vec::new(), skipped })
        .await?;
    Ok(DiscoverAnswer { run, batches: batches.into_iter().map(|batch| BatchRef { batch }).collect() })
}

/// What is known of the kinds that could not be listed: they hold up no backup of the others.
async fn unlisted<R, L: Ledger, D, C: Clock>(
    deps: &Deps<R, L, D, C>,
    unanswered: &BTreeMap<ResourceKind, CallError>,
) -> Result<Vec<Skipped>, DrError> {
    let mut skipped = Vec::new();
    if unanswered.is_empty() {
        return Ok(skipped);
    }
    for member in ledger::list::<FleetMember>(&deps.ledger, "fleet", "").await? {
        let resource = member.value.resource;
        let kind = register::record(&deps.ledger, &resource).await?.map(|record| record.kind);
        let Some((kind, error)) = kind.and_then(|kind| unanswered.get_key_value(&kind)) else { continue };
        let leased = lifeboat_domain::lease::is_held(&deps.ledger, &resource, deps.clock.now()).await?;
        let reason = format!("{} did not list its {}s: {error}", kind.service(), kind.in_words());
        skipped.push(Skipped { resource, reason, leased });
    }
    Ok(skipped)
}

async fn described<R: ReadDatabases, L, D, C>(
    deps: &Deps<R, L, D, C>,
    listed: &ObservedDatabase,
) -> Result<Option<ObservedDatabase>, DrError> {
    let found = deps.databases.database(&listed.id).await.map_err(|error| error.while_doing(format!("describing {}", listed.id)))?;
    Ok(found.filter(|found| found.resource_id == listed.resource_id))
}

async fn why_skipped<R, L: Ledger, D, C: Clock>(
    deps: &Deps<R, L, D, C>,
    resource: &Identity,
    observed: &ObservedDatabase,
) -> Result<Option<Skipped>, DrError> {
    let skip = |reason: String, leased| Some(Skipped { resource: resource.clone(), reason, leased });
    if lifeboat_domain::lease::is_held(&deps.ledger, resource, deps.clock.now()).await? {
        return Ok(skip("it is being recovered: its lease is held".to_owned(), true));
    }
    if !observed.status.accepts_calls() {
        return Ok(skip(format!("{} reports {}: no snapshot can be taken now", observed.id.kind().service(), observed.status), false));
    }
    Ok(deps.policies.policy(observed.policy().unwrap_or_default()).err().and_then(|error| skip(error.to_string(), false)))
}

async fn item<R, L: Ledger, D: Documents, C: Clock>(
    deps: &Deps<R, L, D, C>,
    input: &DiscoverInput,
    stamp: &str,
    policy: &str,
    resource: &Identity,
    (observed, alarms): (&ObservedDatabase, Option<&[Alarm]>),
) -> Result<Item, DrError> {
    let suffix = format!("{stamp}-{}", short_digest(&[observed.arn.as_str(), &input.execution]));
    let snapshot =
        SnapshotId::parse(deterministic_name(&format!("lifeboat-{resource}"), &suffix, observed.id.kind().longest_snapshot_name()))?;
    let manifest = format!("manifests/{resource}/{snapshot}.json");
    let alarms = alarms.map(|all| on(all, &observed.id));
    register::refresh(&deps.ledger, resource, observed).await?;
    write(&deps.documents, &manifest, &Manifest { alarms, ..Manifest::of(observed, input.started_at) }).await?;
    ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(resource), |record| {
        record.manifest = Some(manifest.clone());
        Ok(())
    })
    .await?;
    let target = Target::of(resource, observed);
    let own = observed.configuration.table();
    let table = own.map(|own| TableItem { arn: observed.arn.clone(), is_recoverable: own.point_in_time_days.is_some() });
    Ok(Item { target, policy: policy.to_owned(), snapshot, manifest, resource_id: observed.resource_id.clone(), table })
}
