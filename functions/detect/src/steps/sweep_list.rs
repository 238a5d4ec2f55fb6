//! The sweep's first half: one batched Describe, grouped by VPC, with what has vanished. A service that does not answer hides nothing of
//! the others, and nothing of it has vanished.

use crate::incidents::tell_people_daily;
use crate::{Deps, SweepListInput, by_hand, kept, resources};
use lifeboat_domain::ids::Identity;
use lifeboat_domain::ledger;
use lifeboat_domain::life::KeptLife;
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::ports::{Clock, Documents, Ledger, Listing, ReadDatabases, Target};
use lifeboat_domain::register::{self, FleetMember};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallError, DrError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A database to probe.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) target: Target,
    pub(crate) policy: String,
    /// Of a cache: what this very group held when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) life: Option<KeptLife>,
}

/// What the sweep found, as it lies in the bucket.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SweepList {
    /// Databases to probe, by VPC.
    pub(crate) groups: BTreeMap<String, Vec<Listed>>,
    /// What Describe showed, by identity.
    #[serde(default)]
    pub(crate) observed: BTreeMap<String, ObservedDatabase>,
    /// Known resources that Describe no longer shows.
    #[serde(default)]
    pub(crate) missing: Vec<Identity>,
    /// Known resources whose kind could not be listed, each with why: nobody looked at them.
    #[serde(default)]
    pub(crate) unlisted: BTreeMap<String, String>,
}

/// Where the list lies, and its groups.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SweepListAnswer {
    list: String,
    groups: Vec<String>,
}

/// Lists everything protected and refreshes what the ledger knows of it.
pub(crate) async fn sweep_list<R: ReadDatabases, L: Ledger, D: Documents, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &SweepListInput,
) -> Result<SweepListAnswer, DrError> {
    let mut list = SweepList::default();
    let key = format!("sweeps/{}", input.started_at.format("%Y-%m-%d/%H%M%S%.3f"));
    let listing = deps.databases.databases(ResourceKind::ALL).await;
    let Listing { found, unanswered } = listing.settled(&deps.documents, &format!("{key}-unanswered.json")).await?;
    // Half a list of what is kept would be told for a week.
    if unanswered.is_empty()
        && let Err(error) = kept::remind(deps, &found).await
    {
        // A reminder must not keep the sweep from its work: the next one tries again.
        tracing::warn!("nobody was reminded of what is kept: {error}");
    }
    for (resource, observed) in resources::protected(found) {
        if register::record(&deps.ledger, &resource).await?.is_some_and(|record| record.has_retired(&observed)) {
            continue;
        }
        if let Some(other) = list.observed.get(resource.as_str()) {
            ambiguous(deps, &resource, other, &observed).await?;
            continue;
        }
        let record = match resources::refreshed(&deps.ledger, &resource, &observed).await? {
            Ok(record) => record,
            Err(why) => {
                tell_people_daily(deps, &format!("{resource} is ambiguous"), format!("{why}. Until then it is not looked at.")).await?;
                continue;
            }
        };
        if let Err(error) = deps.policies.policy(&record.policy) {
            let title = format!("{resource} has an unknown policy");
            tell_people_daily(
                deps,
                &title,
                format!(
                    "{error}. Until its tag is corrected, or a policy of that name is deployed, it is not protected.\nCorrect its tag; POLICY is one that is accepted\n{}",
                    by_hand::tag(&observed.arn, tags::POLICY, "POLICY")
                ),
            )
            .await?;
            continue;
        }
        let target = Target::of(&resource, &observed);
        let life = record.life.filter(|life| life.resource_id == observed.resource_id);
        let group = match observed.id.kind() {
            // A table lies in no VPC: it is asked through the gateway of any.
            ResourceKind::DynamodbTable => "dynamodb".to_owned(),
            _ => observed.configuration.vpc.clone().unwrap_or_else(|| "no-vpc".to_owned()),
        };
        list.groups.entry(group).or_default().push(Listed { target, policy: record.policy, life });
        list.observed.insert(resource.to_string(), observed);
    }
    absent(deps, &mut list, &unanswered).await?;
    tell_unlisted(deps, &list, &unanswered).await?;
    let key = format!("{key}.json");
    let document = ledger::encode(&list)?;
    deps.documents.put_json(&key, &document).await.map_err(|error| error.while_doing("keeping the sweep's list"))?;
    Ok(SweepListAnswer { groups: list.groups.into_keys().collect(), list: key })
}

/// Of what is known and was not found, what has vanished, and what nobody could look for.
async fn absent<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    list: &mut SweepList,
    unanswered: &BTreeMap<ResourceKind, CallError>,
) -> Result<(), DrError> {
    for member in ledger::list::<FleetMember>(&deps.ledger, "fleet", "").await? {
        let resource = member.value.resource;
        if list.observed.contains_key(resource.as_str()) {
            continue;
        }
        let record = if unanswered.is_empty() { None } else { resources::record(&deps.ledger, &resource).await? };
        let kind = record.map(|record| record.kind);
        match kind.and_then(|kind| unanswered.get(&kind)) {
            Some(error) => drop(list.unlisted.insert(resource.to_string(), error.to_string())),
            None => list.missing.push(resource),
        }
    }
    Ok(())
}

/// Once a day for each service. The next sweep asks it again.
async fn tell_unlisted<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    list: &SweepList,
    unanswered: &BTreeMap<ResourceKind, CallError>,
) -> Result<(), DrError> {
    let mut services: BTreeMap<&str, (Vec<String>, String)> = BTreeMap::new();
    for (kind, error) in unanswered {
        let (kinds, why) = services.entry(kind.service()).or_default();
        kinds.push(format!("{}s", kind.in_words()));
        *why = error.to_string();
    }
    for (service, (kinds, why)) in services {
        let names: Vec<&str> = list.unlisted.iter().filter(|(_, reason)| **reason == why).map(|(name, _)| name.as_str()).collect();
        let names = if names.is_empty() { "none that is known".to_owned() } else { names.join(", ") };
        let text = format!(
            "{service} did not list its {}: {why}. Each sweep asks again; until it answers, these are not looked after: {names}. All others are.",
            kinds.join(" and its "),
        );
        tell_people_daily(deps, &format!("{service} did not list what it has"), text).await?;
    }
    Ok(())
}

async fn ambiguous<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    resource: &Identity,
    one: &ObservedDatabase,
    other: &ObservedDatabase,
) -> Result<(), DrError> {
    let title = format!("{resource} is ambiguous");
    let text = format!(
        "{} and {} both carry the identity {resource} and a policy. Only the first is looked at.\nGive another identity to the one that clients do not use; NAME is yours to choose\n{}\n# or\n{}",
        one.arn,
        other.arn,
        by_hand::tag(&other.arn, tags::RESOURCE, "NAME"),
        by_hand::tag(&one.arn, tags::RESOURCE, "NAME")
    );
    tell_people_daily(deps, &title, text).await
}
