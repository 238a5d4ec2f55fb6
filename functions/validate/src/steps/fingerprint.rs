//! `fingerprint`: the fingerprints that are kept with the recovery points of a batch.

use super::probe_group::Item;
use crate::budget::Budget;
use crate::{Batch, Deps, open};
use futures_util::{StreamExt, stream};
use lifeboat_domain::ids::Identity;
use lifeboat_domain::ports::{Documents, OpenDatabases, ReadSecrets};
use lifeboat_domain::{DrError, ledger, show_time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Databases at a time; a fingerprint is work for each of them.
const AT_ONCE: usize = 16;

/// The batch that `snapshot` writes.
#[derive(Debug, Deserialize)]
struct Items {
    items: Vec<Item>,
}

/// What `snapshot` reads.
#[derive(Debug, Serialize)]
struct Summary {
    fingerprints: Vec<Taken>,
}

/// One database: where its fingerprint lies, or why there is none.
#[derive(Debug, Serialize)]
struct Taken {
    resource: Identity,
    key: Option<String>,
    note: Option<String>,
}

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Fingerprinted {
    fingerprints: String,
    taken: usize,
    missed: usize,
}

/// Takes the fingerprints; one that cannot be taken never fails the others.
pub(crate) async fn fingerprint<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: &Batch) -> Result<Fingerprinted, DrError>
where
    D: Documents,
    S: ReadSecrets,
    O: OpenDatabases,
{
    let budget = Budget::start();
    let batch: Items = open::document(&deps.documents, "batch", &input.batch).await?;
    let mut results: Vec<(usize, Taken)> =
        stream::iter(batch.items.into_iter().enumerate().map(|(place, item)| async move { (place, one(deps, item, budget).await) }))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
    results.sort_by_key(|(place, _)| *place);
    let fingerprints: Vec<Taken> = results.into_iter().map(|(_, taken)| taken).collect();
    let taken = fingerprints.iter().filter(|one| one.key.is_some()).count();
    let missed = fingerprints.len() - taken;
    let key = open::beside(&input.batch, "-fingerprints.json");
    let writing = format!("writing {}", deps.documents.location(&key));
    let document = ledger::encode(&Summary { fingerprints })?;
    deps.documents.put_json(&key, &document).await.map_err(|error| error.while_doing(writing))?;
    tracing::info!(execution = input.execution, taken, missed, "took fingerprints");
    Ok(Fingerprinted { fingerprints: key, taken, missed })
}

async fn one<L, D: Documents, S: ReadSecrets, O: OpenDatabases, C>(deps: &Deps<L, D, S, O, C>, item: Item, budget: Budget) -> Taken {
    let resource = item.target.resource.clone();
    match budget.spend(take(deps, &item)).await.flatten() {
        Ok(key) => Taken { resource, key: Some(key), note: None },
        Err(why) => {
            tracing::warn!(%resource, "no fingerprint: {why}");
            Taken { resource, key: None, note: Some(why) }
        }
    }
}

async fn take<L, D: Documents, S: ReadSecrets, O: OpenDatabases, C>(deps: &Deps<L, D, S, O, C>, item: &Item) -> Result<String, String> {
    let policy = deps.policies.policy(&item.policy).map_err(|error| error.to_string())?;
    let credentials = open::today(&deps.secrets, &item.target).await.map_err(|error| error.to_string())?;
    let tables = policy.tables_of(&item.target.instance, &item.target.resource);
    let taken = deps.databases.fingerprint(&item.target, &credentials, open::limits(policy), &tables, &BTreeMap::new()).await;
    let fingerprint = taken.map_err(|error| error.to_string())?;
    let key = format!("fingerprints/{}/{}.json", item.target.resource, show_time(fingerprint.taken_at));
    let document = ledger::encode(&fingerprint).map_err(|error| error.to_string())?;
    deps.documents.put_json(&key, &document).await.map_err(|error| error.to_string())?;
    Ok(key)
}
