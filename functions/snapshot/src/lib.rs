//! The `snapshot` Lambda: recovery points for everything with a policy tag, in batches.
//!
//! A snapshot's name is derived from its run, so that a step that runs twice meets its own snapshot. Each recovery point is
//! written down before its snapshot is asked for, with the manifest that a restore will need.

mod exports;
mod steps;

use lifeboat_domain::ids::{Arn, Identity, SnapshotId};
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::ports::{Clock, Documents, ExportTables, Ledger, ReadAlarms, ReadDatabases, TakeSnapshots, Target};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{DrError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the function needs of the outside world.
pub struct Deps<R, L, D, C> {
    /// The databases' control plane.
    pub databases: R,
    /// The ledger.
    pub ledger: L,
    /// The bucket.
    pub documents: D,
    /// The time.
    pub clock: C,
    /// The promises.
    pub policies: PolicyDocument,
}

/// The steps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Finds everything protected and makes batches.
    Discover(DiscoverInput),
    /// Starts the snapshots of a batch.
    Start(BatchInput),
    /// Looks how far the snapshots of a batch are.
    Check(BatchInput),
    /// Sums the run up.
    Finish(FinishInput),
}

/// Input of `discover`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoverInput {
    /// When the run started; part of every name that it gives.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `start` and `check`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchInput {
    /// Where the batch lies in the bucket.
    pub batch: String,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `finish`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishInput {
    /// Where the run's summary lies in the bucket.
    pub run: String,
    /// The execution's ARN.
    pub execution: String,
}

/// One database of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) target: Target,
    pub(crate) policy: String,
    pub(crate) snapshot: SnapshotId,
    pub(crate) manifest: String,
    pub(crate) resource_id: String,
    /// Of a table: what its exports hang on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<TableItem>,
}

/// What exports of a table hang on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TableItem {
    pub(crate) arn: Arn,
    /// Whether its point-in-time recovery is on.
    pub(crate) is_recoverable: bool,
}

/// A batch, as it lies in the bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) run: String,
    pub(crate) started_at: Timestamp,
    pub(crate) items: Vec<Item>,
}

impl Batch {
    /// The kinds whose snapshots have to be listed for it.
    pub(crate) fn kinds(&self) -> Vec<ResourceKind> {
        let has = |kind: &&ResourceKind| self.items.iter().any(|item| item.target.instance.kind() == **kind);
        ResourceKind::ALL.iter().filter(has).copied().collect()
    }
}

/// A run, as it lies in the bucket; `finish` fills in what became of its points.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) run: String,
    pub(crate) started_at: Timestamp,
    pub(crate) batches: Vec<String>,
    pub(crate) points: Vec<PointSummary>,
    pub(crate) skipped: Vec<Skipped>,
}

/// What became of one recovery point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PointSummary {
    pub(crate) resource: Identity,
    pub(crate) snapshot: SnapshotId,
    pub(crate) state: lifeboat_domain::point::PointState,
    pub(crate) note: Option<String>,
}

/// What was not backed up, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Skipped {
    pub(crate) resource: Identity,
    pub(crate) reason: String,
    /// A leased resource is being recovered: that is no gap to complain of.
    pub(crate) leased: bool,
}

/// Carries out one step.
pub async fn handle<R, L, D, C>(deps: &Deps<R, L, D, C>, input: Value) -> Result<Value, DrError>
where
    R: ReadDatabases + TakeSnapshots + ReadAlarms + ExportTables,
    L: Ledger,
    D: Documents,
    C: Clock,
{
    match lifeboat_lambda::decode::<Step>(input)? {
        Step::Discover(input) => lifeboat_lambda::encode(&Box::pin(steps::discover::discover(deps, &input)).await?),
        Step::Start(input) => lifeboat_lambda::encode(&Box::pin(steps::start::start(deps, &input)).await?),
        Step::Check(input) => lifeboat_lambda::encode(&Box::pin(steps::check::check(deps, &input)).await?),
        Step::Finish(input) => lifeboat_lambda::encode(&Box::pin(steps::finish::finish(deps, &input)).await?),
    }
}

/// Reads JSON that an earlier step wrote.
pub(crate) async fn read<T: serde::de::DeserializeOwned>(documents: &impl Documents, key: &str) -> Result<T, DrError> {
    let document = documents.get_json(key).await.map_err(|error| error.while_doing(format!("reading {key}")))?;
    let document = document.ok_or_else(|| DrError::not_found(format!("{key} is not in the bucket")))?;
    serde_json::from_value(document).map_err(|error| DrError::unrecoverable(format!("{key} does not decode: {error}")))
}

/// Writes JSON for a later step.
pub(crate) async fn write<T: Serialize>(documents: &impl Documents, key: &str, value: &T) -> Result<(), DrError> {
    let document = lifeboat_domain::ledger::encode(value)?;
    documents.put_json(key, &document).await.map_err(|error| error.while_doing(format!("writing {key}")))
}
