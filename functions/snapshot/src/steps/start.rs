//! Asks for the snapshots of a batch; what is there already is looked at, not asked for again.

use crate::exports::{self, Turn};
use crate::{Batch, BatchInput, Deps, Item, read};
use lifeboat_domain::error::CallClass;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedSnapshot, tags};
use lifeboat_domain::point::{PointState, RecoveryPoint};
use lifeboat_domain::ports::{Clock, Documents, ExportTables, Ledger, ReadDatabases, TakeSnapshots};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallError, DrError};
use serde::Serialize;
use std::collections::BTreeMap;

/// Until the first look.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StartAnswer {
    started: usize,
    wait_seconds: u64,
}

/// Starts what is not started. One database that fails never fails the batch; what may be tried again is.
pub(crate) async fn start<R, L, D, C>(deps: &Deps<R, L, D, C>, input: &BatchInput) -> Result<StartAnswer, DrError>
where
    R: ReadDatabases + TakeSnapshots + ExportTables,
    L: Ledger,
    D: Documents,
    C: Clock,
{
    let batch: Batch = read(&deps.documents, &input.batch).await?;
    let existing = deps.databases.manual_snapshots(&batch.kinds()).await;
    let mut again: Option<CallError> = None;
    for item in &batch.items {
        note(deps, &batch, item).await?;
        if let Some(error) = existing.unanswered.get(&item.target.instance.kind()) {
            // What is there is not known: `check` asks once it is.
            tracing::warn!(snapshot = %item.snapshot, "not asked for yet: {error}");
            continue;
        }
        let found = existing.found.iter().find(|snapshot| snapshot.id == item.snapshot);
        if let Err(error) = start_one(deps, &batch, item, found).await? {
            again = Some(error);
        }
    }
    if let Some(error) = again {
        return Err(error.while_doing("starting the snapshots of a batch; those that were accepted are not asked for again"));
    }
    exports::tend(deps, &batch, Turn::First).await;
    Ok(StartAnswer { started: batch.items.len(), wait_seconds: super::check::poll(deps, &batch).as_secs() })
}

/// Writes down that the point is wanted, before anything is asked for.
async fn note<R, L: Ledger, D, C>(deps: &Deps<R, L, D, C>, batch: &Batch, item: &Item) -> Result<(), DrError> {
    let resource = &item.target.resource;
    let key = keys::point(resource, batch.started_at, &item.snapshot);
    let point = RecoveryPoint {
        resource: resource.clone(),
        snapshot: item.snapshot.clone(),
        arn: None,
        state: PointState::Creating,
        started_at: batch.started_at,
        asked_at: None,
        data_time: None,
        manifest: item.manifest.clone(),
        fingerprint: None,
        note: None,
        made_by: batch.run.clone(),
        resource_id: Some(item.resource_id.clone()),
    };
    ledger::create(&deps.ledger, &key, &point).await.map(|_| ())
}

/// The outer error ends the step; the inner one is worth another try.
async fn start_one<R: TakeSnapshots, L: Ledger, D, C: Clock>(
    deps: &Deps<R, L, D, C>,
    batch: &Batch,
    item: &Item,
    found: Option<&ObservedSnapshot>,
) -> Result<Result<(), CallError>, DrError> {
    // A backup of a table has no tags; its name was made of the run and the table.
    if found.is_some_and(|found| is_nameable(item) && found.tags.get(tags::BACKUP) != Some(&batch.run)) {
        let key = keys::point(&item.target.resource, batch.started_at, &item.snapshot);
        return fail(deps, &key, format!("a snapshot named {} exists and is not of this run", item.snapshot)).await.map(Ok);
    }
    if found.is_some() {
        return Ok(Ok(()));
    }
    ask(deps, batch, item).await
}

/// Whether a second call under the same name is refused; DynamoDB makes a second backup.
const fn is_nameable(item: &Item) -> bool {
    !matches!(item.target.instance.kind(), ResourceKind::DynamodbTable)
}

/// Writes down that a call is sent which must not be sent twice; false if it was before.
async fn intend<R, L: Ledger, D, C: Clock>(deps: &Deps<R, L, D, C>, key: &lifeboat_domain::ports::Key) -> Result<bool, DrError> {
    let now = deps.clock.now();
    let mut is_ours = false;
    let noted = |point: &mut RecoveryPoint| {
        // Looked at where it is written: of two invocations that overlap, one sends.
        is_ours = point.asked_at.is_none();
        point.asked_at.get_or_insert(now);
        Ok(())
    };
    ledger::update::<RecoveryPoint, _>(&deps.ledger, key, noted).await?;
    Ok(is_ours)
}

/// Asks for the snapshot. A database that is busy now is asked again at each look, and never holds up its batch.
pub(super) async fn ask<R: TakeSnapshots, L: Ledger, D, C: Clock>(
    deps: &Deps<R, L, D, C>,
    batch: &Batch,
    item: &Item,
) -> Result<Result<(), CallError>, DrError> {
    let resource = &item.target.resource;
    let key = keys::point(resource, batch.started_at, &item.snapshot);
    let marks: BTreeMap<String, String> =
        [(tags::RESOURCE.to_owned(), resource.to_string()), (tags::BACKUP.to_owned(), batch.run.clone())].into();
    if !is_nameable(item) && !intend(deps, &key).await? {
        return Ok(Ok(()));
    }
    let answer = deps.databases.create_snapshot(&item.target.instance, &item.snapshot, &marks).await;
    if !is_nameable(item) && answer.as_ref().is_err_and(CallError::certainly_did_nothing) {
        forget(deps, &key).await?;
    }
    match answer {
        Ok(()) => Ok(Ok(())),
        // It is watched: only what is not listed for minutes was not begun.
        Err(error) if error.class == CallClass::Unknown && !is_nameable(item) => {
            tracing::warn!(%resource, "whether the backup was begun is not known: {error}");
            Ok(Ok(()))
        }
        Err(error) if error.class == CallClass::AlreadyExists => Ok(Ok(())),
        Err(error) if error.class == CallClass::WrongState => {
            tracing::info!(%resource, "busy, asked again later: {error}");
            Ok(Ok(()))
        }
        Err(error) if matches!(error.class, CallClass::Throttled | CallClass::Unknown) => Ok(Err(error)),
        Err(error) => fail(deps, &key, error.to_string()).await.map(Ok),
    }
}

/// Notes that nothing was begun, so that it may be asked for anew.
pub(super) async fn forget<R, L: Ledger, D, C>(deps: &Deps<R, L, D, C>, key: &lifeboat_domain::ports::Key) -> Result<(), DrError> {
    let nothing = |point: &mut RecoveryPoint| {
        point.asked_at = None;
        Ok(())
    };
    ledger::update::<RecoveryPoint, _>(&deps.ledger, key, nothing).await.map(|_| ())
}

/// Notes why a point will never be.
pub(crate) async fn fail<R, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    key: &lifeboat_domain::ports::Key,
    why: String,
) -> Result<(), DrError> {
    ledger::update::<RecoveryPoint, _>(&deps.ledger, key, |point| {
        point.state = PointState::Failed;
        point.note = Some(why.clone());
        Ok(())
    })
    .await
    .map(|_| ())
}
