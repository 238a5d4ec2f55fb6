//! The sweep's first half: one batched Describe, grouped by VPC, with what has vanished.

use crate::incidents::tell_people_daily;
use crate::{Deps, SweepListInput, by_hand, kept, resources};
use lifeboat_domain::DrError;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::ledger;
use lifeboat_domain::life::KeptLife;
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabases, Target};
use lifeboat_domain::register::{self, FleetMember};
use lifeboat_domain::words::ResourceKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    let all = deps.databases.databases().await.map_err(|error| error.while_doing("listing DB instances"))?;
    if let Err(error) = kept::remind(deps, &all).await {
        // A reminder must not keep the sweep from its work: the next one tries again.
        tracing::warn!("nobody was reminded of what is kept: {error}");
    }
    for (resource, observed) in resources::protected(all) {
        if register::record(&deps.ledger, &resource).await?.is_some_and(|record| record.has_retired(&observed)) {
            continue;
        }
        if let Some(other) = list.observed.get(resource.as_str()) {
            ambiguous(deps, &resource, other, &observed).await?;
            continue;
        }
        let record = resources::refresh(&deps.ledger, &resource, &observed).await?;
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
    let known = ledger::list::<FleetMember>(&deps.ledger, "fleet", "").await?;
    let seen: BTreeSet<&str> = list.observed.keys().map(String::as_str).collect();
    list.missing = known.into_iter().map(|member| member.value.resource).filter(|resource| !seen.contains(resource.as_str())).collect();
    let key = format!("sweeps/{}.json", input.started_at.format("%Y-%m-%d/%H%M%S%.3f"));
    let document = ledger::encode(&list)?;
    deps.documents.put_json(&key, &document).await.map_err(|error| error.while_doing("keeping the sweep's list"))?;
    Ok(SweepListAnswer { groups: list.groups.into_keys().collect(), list: key })
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
