//! The `restore` Lambda: plans a recovery, carries it out call by call, moves clients, and undoes.
//!
//! One binary is deployed five times: `plan` may only read, acting cannot delete, `clean_up` deletes only what is marked as
//! ours and never became usable, `release_kept` what a person releases, and `make_copy` makes copies to be asked and touches nothing else. Every step may run twice: what it does is written down before and after.

mod case;
mod everywhere;
mod executor;
mod observe;
mod steps;
mod targets;

pub use everywhere::{Everywhere, everywhere};

use lifeboat_domain::bisection::Turn;
use lifeboat_domain::ids::{IncidentId, PlanHash};
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::ports::{
    CallWebhooks, Clock, CloneClusters, DeleteDatabases, Documents, FailClustersOver, Ledger, MakeCaches, MakeMembers, ModifyDatabases,
    PromoteDatabases, PromoteNodes, ReadAlarms, ReadDatabases, ReadExecutions, ReadKeys, ReadParameters, ReadProxies, ReadRecords,
    ReadSecretOwners, ReadSecretVersions, ReadSecrets, RebootDatabases, RestartServices, RestoreDatabases, SetTables, TagDatabases,
    TakeOver, TakeSnapshots, TouchFunctions, WriteAlarms, WriteParameters, WriteProxies, WriteRecords, WriteSecrets,
};
use lifeboat_domain::words::{Progress, Timestamp};
use lifeboat_domain::{DrError, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the function needs of the outside world.
pub struct Deps<R, L, D, S, E, C> {
    /// The databases' control plane.
    pub databases: R,
    /// The ledger.
    pub ledger: L,
    /// The bucket.
    pub documents: D,
    /// Secrets and their versions, the other places where clients look, and the consumers.
    pub secrets: S,
    /// Step Functions.
    pub executions: E,
    /// The time.
    pub clock: C,
    /// The promises.
    pub policies: PolicyDocument,
}

/// What every step is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The story.
    pub incident: IncidentId,
    /// The execution's ARN: the owner of the lease.
    pub execution: String,
}

/// A person's order to release what a recovery kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOrder {
    /// The execution's input, as a person wrote it.
    pub request: Value,
    /// When it started.
    pub started_at: Timestamp,
    /// The execution's ARN.
    pub execution: String,
}

/// A bisection that an execution has begun.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchCase {
    /// The plan that was begun, by its hash.
    pub plan: PlanHash,
    /// The execution's ARN.
    pub execution: String,
}

/// The steps.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Lists every mutating call and decides whether they may be made.
    Plan(Case),
    /// Takes or renews the lease.
    TakeLease(Case),
    /// Starts the restore.
    Start(Case),
    /// Looks how far the restore is.
    Check(Case),
    /// Replays what a restore loses.
    Configure(Case),
    /// Asks for a Multi-AZ failover, once.
    FailOver(Case),
    /// Grows a full volume.
    Grow(Case),
    /// Looks whether the room is there.
    CheckGrown(Case),
    /// Looks whether the failover took place.
    CheckFailover(Case),
    /// Promotes a read replica, once.
    Promote(Case),
    /// Looks whether the promotion took place.
    CheckPromotion(Case),
    /// Gives a promoted database the standby that its source had.
    AddStandby(Case),
    /// Keeps the source from its clients.
    Fence(Case),
    /// Lets clients into the database that they are moved back to.
    Reopen(Case),
    /// Lets clients into the copy, before they are moved to it.
    OpenRestored(Case),
    /// Moves the clients.
    CutOver(Case),
    /// Makes consumers look again.
    Restart(Case),
    /// Moves the identity.
    MoveIdentity(Case),
    /// Takes the first recovery point of the new database.
    FirstPoint(Case),
    /// Undoes what was half done.
    Compensate(Case),
    /// Gives the lease back.
    Release(Case),
    /// Deletes what a person releases.
    ReleaseKept(ReleaseOrder),
    /// Deletes a restored copy that never became usable.
    CleanUp(Case),
    /// Makes the next move of a bisection: begins a copy, watches it, or ends.
    MakeCopy(SearchCase),
}

/// What a step that is waited for answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// How far it is.
    pub progress: Progress,
    /// Until the next look, in seconds.
    pub wait_seconds: u64,
    /// What was seen, as a sentence.
    pub reason: String,
}

/// What a bisection does next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyLook {
    /// In one word.
    pub turn: Turn,
    /// Until the next look, in seconds.
    pub wait_seconds: u64,
    /// What was seen, as a sentence.
    pub reason: String,
}

impl Look {
    pub(crate) fn new(progress: Progress, wait: Span, reason: impl Into<String>) -> Self {
        Self { progress, wait_seconds: wait.as_secs(), reason: reason.into() }
    }
}

/// All that `R` must be able to do; a deployed function's role allows only what its steps use.
pub trait Databases:
    ReadDatabases
    + RestoreDatabases
    + RebootDatabases
    + PromoteDatabases
    + ModifyDatabases
    + TagDatabases
    + TakeSnapshots
    + DeleteDatabases
    + MakeMembers
    + CloneClusters
    + FailClustersOver
    + SetTables
    + MakeCaches
    + PromoteNodes
    + TakeOver
    + ReadProxies
    + WriteProxies
    + ReadAlarms
    + WriteAlarms
{
}
impl<T> Databases for T where
    T: ReadDatabases
        + RestoreDatabases
        + RebootDatabases
        + PromoteDatabases
        + ModifyDatabases
        + TagDatabases
        + TakeSnapshots
        + DeleteDatabases
        + MakeMembers
        + CloneClusters
        + FailClustersOver
        + SetTables
        + MakeCaches
        + PromoteNodes
        + TakeOver
        + ReadProxies
        + WriteProxies
        + ReadAlarms
        + WriteAlarms
{
}

/// All that `S` must be able to do: secrets, and every other place where clients learn where their database is.
pub trait Secrets: ReadSecretVersions + ReadSecrets + WriteSecrets + Places + Consumers {}
impl<T: ReadSecretVersions + ReadSecrets + WriteSecrets + Places + Consumers> Secrets for T {}

/// Where clients learn where their database is, besides their secret.
pub trait Places: ReadSecretOwners + ReadRecords + WriteRecords + ReadParameters + WriteParameters {}
impl<T: ReadSecretOwners + ReadRecords + WriteRecords + ReadParameters + WriteParameters> Places for T {}

/// Who is told to look again.
pub trait Consumers: ReadKeys + RestartServices + TouchFunctions + CallWebhooks {}
impl<T: ReadKeys + RestartServices + TouchFunctions + CallWebhooks> Consumers for T {}

/// Carries out one step.
pub async fn handle<R, L, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, input: Value) -> Result<Value, DrError>
where
    R: Databases,
    L: Ledger,
    D: Documents,
    S: Secrets,
    E: ReadExecutions,
    C: Clock,
{
    match lifeboat_lambda::decode::<Step>(input)? {
        Step::Plan(case) => encode(Box::pin(steps::plan::plan(deps, &case)).await?),
        Step::TakeLease(case) => encode(Box::pin(steps::lease::take(deps, &case)).await?),
        Step::Release(case) => encode(Box::pin(steps::lease::release(deps, &case)).await?),
        Step::Start(case) => encode(Box::pin(steps::restore::start(deps, &case)).await?),
        Step::Check(case) => encode(Box::pin(steps::restore::check(deps, &case)).await?),
        Step::Configure(case) => encode(Box::pin(steps::configure::configure(deps, &case)).await?),
        Step::Grow(case) => encode(Box::pin(steps::grow::grow(deps, &case)).await?),
        Step::CheckGrown(case) => encode(Box::pin(steps::grow::check(deps, &case)).await?),
        Step::FailOver(case) => encode(Box::pin(steps::fail_over::fail_over(deps, &case)).await?),
        Step::CheckFailover(case) => encode(Box::pin(steps::fail_over::check(deps, &case)).await?),
        Step::Promote(case) => encode(Box::pin(steps::promote::promote(deps, &case)).await?),
        Step::CheckPromotion(case) => encode(Box::pin(steps::promote::check(deps, &case)).await?),
        Step::AddStandby(case) => encode(Box::pin(steps::standby::add(deps, &case)).await?),
        Step::Fence(case) => encode(Box::pin(steps::fence::fence(deps, &case)).await?),
        Step::OpenRestored(case) => encode(Box::pin(steps::quarantine::open(deps, &case)).await?),
        Step::Reopen(case) => encode(Box::pin(steps::reopen::reopen(deps, &case)).await?),
        Step::CutOver(case) => encode(Box::pin(steps::cut_over::cut_over(deps, &case)).await?),
        Step::Restart(case) => encode(Box::pin(steps::restart::restart(deps, &case)).await?),
        Step::MoveIdentity(case) => encode(Box::pin(steps::identity::move_identity(deps, &case)).await?),
        Step::FirstPoint(case) => encode(Box::pin(steps::identity::first_point(deps, &case)).await?),
        Step::Compensate(case) => encode(Box::pin(steps::compensate::compensate(deps, &case)).await?),
        Step::ReleaseKept(case) => encode(Box::pin(steps::release_kept::release_kept(deps, &case)).await?),
        Step::CleanUp(case) => encode(Box::pin(steps::clean_up::clean_up(deps, &case)).await?),
        Step::MakeCopy(case) => encode(Box::pin(steps::search::make_copy(deps, &case)).await?),
    }
}

fn encode(answer: impl Serialize) -> Result<Value, DrError> {
    lifeboat_lambda::encode(&answer)
}

/// What a step with nothing to say answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nothing {}
