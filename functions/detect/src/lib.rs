//! The `detect` Lambda: sees and judges, never acts on a database.
//!
//! It is started by EventBridge (RDS events, alarm changes, ended executions), by the sweep, and by the first states of `recovery`.
//! Whatever event of a database it looks at leaves a reason in the ledger.

mod by_hand;
mod history;
mod incidents;
mod kept;
mod readiness;
mod replicas;
mod resources;
mod steps;

use lifeboat_domain::DrError;
use lifeboat_domain::ids::{IncidentId, PlanHash};
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabaseEvents, ReadDatabases, ReadExecutions, ReadTrail, StartRecovery};
use lifeboat_domain::words::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What the function needs of the outside world.
pub struct Deps<R, L, D, E, C> {
    /// The databases' control plane, read only.
    pub databases: R,
    /// The ledger.
    pub ledger: L,
    /// The bucket.
    pub documents: D,
    /// Step Functions: asking after executions, starting `recovery`.
    pub executions: E,
    /// The time.
    pub clock: C,
    /// The promises.
    pub policies: PolicyDocument,
}

/// The steps of the state machines; anything without a `step` is an event.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Checks the input of `recovery`, opens or joins the incident.
    Open(OpenInput),
    /// Judges the source.
    Judge(JudgeInput),
    /// Carries out a person's order about what may start by itself.
    Pause(PauseInput),
    /// Takes a person's answer to a plan.
    Approve(ApproveInput),
    /// Begins the search for the moment at which the data went wrong.
    Find(FindInput),
    /// Ends such a search.
    Conclude(SearchInput),
    /// Begins to ask restored copies, because a person says so.
    BeginBisection(ApproveInput),
    /// Ends that, and tells what it came to.
    ConcludeBisection(EndInput),
    /// Begins to look what of a copied table could be written back, or to write it, because a person says so.
    BeginSalvage(ApproveInput),
    /// Ends that, and tells what it came to.
    ConcludeSalvage(SalvageEndInput),
    /// Lists everything protected, in groups to probe.
    SweepList(SweepListInput),
    /// Judges what the probes found.
    SweepJudge(SweepJudgeInput),
}

/// Input of `open`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenInput {
    /// The execution's input, as a person or detect wrote it.
    pub request: Value,
    /// The execution's name.
    pub name: String,
    /// When it started.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `judge`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeInput {
    /// The story.
    pub incident: IncidentId,
    /// The execution's ARN.
    pub execution: String,
    /// When it is judged.
    pub moment: Moment,
}

/// When a source is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before anything is planned.
    BeforePlan,
    /// Just before clients are moved.
    BeforeCutOver,
}

/// Input of `pause`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseInput {
    /// The execution's input, as a person wrote it.
    pub request: Value,
    /// When it started.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `approve`, `begin_bisection` and `begin_salvage`: a person's order, proven by the execution.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveInput {
    /// The execution's input, as a person wrote it.
    pub request: Value,
    /// When it started.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `find`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindInput {
    /// The execution's input, as a person wrote it.
    pub request: Value,
    /// When it started.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `conclude`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchInput {
    /// The search that `find` began.
    pub search: String,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `conclude_bisection`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndInput {
    /// The plan that was begun, by its hash.
    pub plan: PlanHash,
    /// The execution's ARN.
    pub execution: String,
    /// Why the execution goes no further, where a step failed.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// Input of `conclude_salvage`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SalvageEndInput {
    /// The salvage that `begin_salvage` began.
    pub salvage: String,
    /// The execution's ARN.
    pub execution: String,
    /// Why the execution goes no further, where a step failed.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// Input of `sweep_list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepListInput {
    /// When the sweep started.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// Input of `sweep_judge`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepJudgeInput {
    /// The list that `sweep_list` wrote.
    pub list: String,
    /// Where the probes' results lie; an empty text is a group that could not be probed.
    pub results: Vec<String>,
    /// The execution's ARN.
    pub execution: String,
}

/// Handles a step or an event.
pub async fn handle<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: Value) -> Result<Value, DrError>
where
    R: ReadDatabases + ReadDatabaseEvents + ReadTrail,
    L: Ledger,
    D: Documents,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    if input.get("step").is_none() {
        return lifeboat_lambda::encode(&Box::pin(steps::event::event(deps, &input)).await?);
    }
    match lifeboat_lambda::decode::<Step>(input)? {
        Step::Open(input) => lifeboat_lambda::encode(&Box::pin(steps::open::open(deps, input)).await?),
        Step::Judge(input) => lifeboat_lambda::encode(&Box::pin(steps::judge::judge(deps, &input)).await?),
        Step::Pause(input) => lifeboat_lambda::encode(&Box::pin(steps::pause::pause(deps, &input)).await?),
        Step::Approve(input) => lifeboat_lambda::encode(&Box::pin(steps::approve::approve(deps, &input)).await?),
        Step::Find(input) => lifeboat_lambda::encode(&Box::pin(steps::find::find(deps, &input)).await?),
        Step::Conclude(input) => lifeboat_lambda::encode(&Box::pin(steps::find::conclude(deps, &input)).await?),
        Step::BeginBisection(input) => lifeboat_lambda::encode(&Box::pin(steps::bisect::begin(deps, &input)).await?),
        Step::ConcludeBisection(input) => lifeboat_lambda::encode(&Box::pin(steps::bisect::conclude(deps, &input)).await?),
        Step::BeginSalvage(input) => lifeboat_lambda::encode(&Box::pin(steps::salvage::begin(deps, &input)).await?),
        Step::ConcludeSalvage(input) => lifeboat_lambda::encode(&Box::pin(steps::salvage::conclude(deps, &input)).await?),
        Step::SweepList(input) => lifeboat_lambda::encode(&Box::pin(steps::sweep_list::sweep_list(deps, &input)).await?),
        Step::SweepJudge(input) => lifeboat_lambda::encode(&Box::pin(steps::sweep_judge::sweep_judge(deps, &input)).await?),
    }
}
