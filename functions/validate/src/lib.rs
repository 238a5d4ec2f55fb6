//! The `validate` Lambda: the only function that opens databases.
//!
//! It looks and grades, and changes nothing: every statement is read-only, and what cannot be told is said to be unknown. The two steps
//! that write, `write_items` and `flush_caches`, are deployed as functions of their own, each with a role that can do nothing else.
//! A failed check is data, not an error; errors are for the ledger and for wrong input. Every step may run twice.

mod budget;
mod databases;
pub mod mysql;
mod names;
mod open;
pub mod postgres;
pub mod redis;
mod sql;
mod steps;
#[cfg(test)]
mod tests;

pub use databases::Databases;
use lifeboat_domain::DrError;
use lifeboat_domain::ids::{IncidentId, PlanHash};
use lifeboat_domain::ledger;
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::ports::{Clock, Documents, FlushCaches, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets, ResolveNames};
use lifeboat_domain::salvage::{CompareItems, WriteItems};
use serde::Deserialize;
use serde_json::Value;
pub use sql::predicate::ask as ask_predicate;

/// What the function needs of the outside world.
pub struct Deps<L, D, S, O, C> {
    /// The ledger.
    pub ledger: L,
    /// The bucket.
    pub documents: D,
    /// Secrets and their versions.
    pub secrets: S,
    /// The databases themselves.
    pub databases: O,
    /// The time.
    pub clock: C,
    /// The promises.
    pub policies: PolicyDocument,
}

/// One step of one incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The story.
    pub incident: IncidentId,
    /// The execution's ARN.
    pub execution: String,
}

/// A group of databases to probe: those of one VPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Where the list of groups lies in the bucket.
    pub list: String,
    /// The group's name in it.
    pub group: String,
    /// The execution's ARN.
    #[serde(default)]
    pub execution: Option<String>,
}

/// A batch of databases to fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Where the batch lies in the bucket.
    pub batch: String,
    /// The execution's ARN.
    #[serde(default)]
    pub execution: Option<String>,
}

/// A search for the moment at which the data went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookInput {
    /// The search that `detect` began.
    pub search: String,
    /// The execution's ARN.
    pub execution: String,
}

/// A bisection, one of whose copies is to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskInput {
    /// The plan that was begun, by its hash.
    pub plan: PlanHash,
    /// The execution's ARN.
    pub execution: String,
}

/// A salvage, of which one turn is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SalvageInput {
    /// The salvage that `detect` began.
    pub salvage: String,
    /// The execution's ARN.
    pub execution: String,
}

/// The steps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Probes the source of an incident.
    Probe(Case),
    /// Asks the source's read replicas how far they follow.
    ProbeReplicas(Case),
    /// Probes a group of databases for the sweep.
    ProbeGroup(Group),
    /// Takes the fingerprints of a batch for the backup.
    Fingerprint(Batch),
    /// Validates the restored database.
    Checks(Case),
    /// Compares the restored database with its source.
    Difference(Case),
    /// Reads what clients will need of a lazily loaded copy.
    WarmUp(Case),
    /// Tries a login on the fenced source, which must fail.
    ProveFence(Case),
    /// Looks in the data for the moment at which it went wrong.
    LookForMoment(LookInput),
    /// Asks a restored copy whether the data was good then.
    AskCopy(AskInput),
    /// Compares a part of a copied table with the one that serves.
    CompareItems(SalvageInput),
    /// Writes items back that such a comparison has shown.
    WriteItems(SalvageInput),
    /// Goes the way of a client to the new database.
    VerifyClient(Case),
    /// Empties the caches that were filled from the old database.
    FlushCaches(Case),
}

/// Carries out one step.
pub async fn handle<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: Value) -> Result<Value, DrError>
where
    L: Ledger,
    D: Documents,
    S: ReadSecrets + ReadSecretVersions,
    O: OpenDatabases + ResolveNames + CompareItems + WriteItems + FlushCaches,
    C: Clock,
{
    match lifeboat_lambda::decode::<Step>(input)? {
        Step::Probe(case) => ledger::encode(&steps::probe::probe(deps, &case).await?),
        Step::ProbeReplicas(case) => ledger::encode(&steps::probe_replicas::probe_replicas(deps, &case).await?),
        Step::ProbeGroup(group) => ledger::encode(&steps::probe_group::probe_group(deps, &group).await?),
        Step::Fingerprint(batch) => ledger::encode(&steps::fingerprint::fingerprint(deps, &batch).await?),
        Step::Checks(case) => ledger::encode(&steps::checks::checks(deps, &case).await?),
        Step::Difference(case) => ledger::encode(&steps::difference::difference(deps, &case).await?),
        Step::WarmUp(case) => ledger::encode(&steps::warm_up::warm_up(deps, &case).await?),
        Step::ProveFence(case) => ledger::encode(&steps::prove_fence::prove_fence(deps, &case).await?),
        Step::LookForMoment(input) => ledger::encode(&steps::look_for_moment::look_for_moment(deps, &input).await?),
        Step::AskCopy(input) => ledger::encode(&steps::ask_copy::ask_copy(deps, &input).await?),
        Step::CompareItems(input) => ledger::encode(&steps::salvage::compare_items(deps, &input).await?),
        Step::WriteItems(input) => ledger::encode(&steps::salvage::write_items(deps, &input).await?),
        Step::VerifyClient(case) => ledger::encode(&steps::verify_client::verify_client(deps, &case).await?),
        Step::FlushCaches(case) => ledger::encode(&steps::flush_caches::flush_caches(deps, &case).await?),
    }
}
