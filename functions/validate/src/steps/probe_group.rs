//! `probe_group`: opens every database of one VPC for the sweep, many at a time.

use crate::budget::Budget;
use crate::{Deps, Group, open};
use futures_util::{StreamExt, stream};
use lifeboat_domain::DrError;
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::life::KeptLife;
use lifeboat_domain::ports::{Clock, Documents, OpenDatabases, ReadSecrets, Target};
use lifeboat_domain::probe::Probe;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Connections at a time.
const AT_ONCE: usize = 32;

/// The list that `detect` writes.
#[derive(Debug, Deserialize)]
struct Groups {
    groups: BTreeMap<String, Vec<Item>>,
}

/// A database with the name of its policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) target: Target,
    pub(crate) policy: String,
    /// Of a cache: what it held when it was last looked at.
    #[serde(default)]
    life: Option<KeptLife>,
}

/// What the sweep reads.
#[derive(Debug, Serialize)]
struct Results {
    probes: Vec<Seen>,
}

/// One database and what the probe saw.
#[derive(Debug, Serialize)]
struct Seen {
    resource: Identity,
    instance: DatabaseId,
    probe: Probe,
}

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Probed {
    results: String,
    probed: usize,
}

/// Probes the group and writes the results beside its list.
pub(crate) async fn probe_group<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: &Group) -> Result<Probed, DrError>
where
    D: Documents,
    S: ReadSecrets,
    O: OpenDatabases,
    C: Clock,
{
    if input.group.is_empty() || !input.group.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(DrError::invalid(
            "group",
            format!("{:?}", input.group),
            "letters, digits, hyphens, underscores and dots, such as vpc-0a1b2c3d",
        ));
    }
    let budget = Budget::start();
    let mut list: Groups = open::document(&deps.documents, "list", &input.list).await?;
    let group = list
        .groups
        .remove(&input.group)
        .ok_or_else(|| DrError::not_found(format!("group: {} names no group {:?}", deps.documents.location(&input.list), input.group)))?;
    let mut seen: Vec<(usize, Seen)> =
        stream::iter(group.into_iter().enumerate().map(|(place, item)| async move { (place, look(deps, item, budget).await) }))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
    seen.sort_by_key(|(place, _)| *place);
    let probes: Vec<Seen> = seen.into_iter().map(|(_, seen)| seen).collect();
    let probed = probes.len();
    let results = open::beside(&input.list, &format!("/{}.json", input.group));
    let document = lifeboat_domain::ledger::encode(&Results { probes })?;
    let writing = format!("writing {}", deps.documents.location(&results));
    deps.documents.put_json(&results, &document).await.map_err(|error| error.while_doing(writing))?;
    tracing::info!(execution = input.execution, group = input.group, probed, "probed a group");
    Ok(Probed { results, probed })
}

async fn look<L, D, S: ReadSecrets, O: OpenDatabases, C: Clock>(deps: &Deps<L, D, S, O, C>, item: Item, budget: Budget) -> Seen {
    let probe = match deps.policies.policy(&item.policy) {
        Ok(policy) => {
            let watched = open::watched(policy);
            let probing = open::probe(deps, &item.target, open::limits(policy), &watched);
            let mut probe = budget.spend(probing).await.unwrap_or_else(|late| open::could_not_run(deps.clock.now(), late));
            if let Some(life) = &item.life {
                life.grade(&mut probe, &life.resource_id, watched.is_empty());
            }
            probe
        }
        Err(error) => open::could_not_run(deps.clock.now(), error.to_string()),
    };
    Seen { resource: item.target.resource, instance: item.target.instance, probe }
}
