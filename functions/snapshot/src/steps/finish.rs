//! Sums a run up: what has a new recovery point, what has none, and why. Takes note of points that recoveries left in the making.

use crate::{Batch, Deps, FinishInput, PointSummary, Run, read, write};
use lifeboat_domain::DrError;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedSnapshot, SnapshotStatus};
use lifeboat_domain::point::{PointState, RecoveryPoint};
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabases};
use lifeboat_domain::words::ResourceKind;
use lifeboat_lambda::metrics::{Metric, emit};
use serde::Serialize;

/// Whether every protected database has a new recovery point.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FinishAnswer {
    complete: bool,
    points: usize,
    missing: usize,
}

/// Writes the summary.
pub(crate) async fn finish<R: ReadDatabases, L: Ledger, D: Documents, C: Clock>(
    deps: &Deps<R, L, D, C>,
    input: &FinishInput,
) -> Result<FinishAnswer, DrError> {
    let mut run: Run = read(&deps.documents, &input.run).await?;
    run.points.clear();
    let mut batches: Vec<Batch> = Vec::new();
    for key in &run.batches {
        batches.push(read(&deps.documents, key).await?);
    }
    let kinds: Vec<ResourceKind> = batches.iter().flat_map(Batch::kinds).collect();
    // Of what does not answer, the next run takes note.
    let found = deps.databases.manual_snapshots(&kinds).await.found;
    for batch in batches {
        for item in batch.items {
            settle_others(deps, &item.target.resource, &found).await?;
            let key = keys::point(&item.target.resource, batch.started_at, &item.snapshot);
            let point = ledger::read::<RecoveryPoint>(&deps.ledger, &key).await?.map(|kept| kept.value);
            let state = point.as_ref().map_or(PointState::Failed, |point| point.state);
            let note = point.map_or_else(|| Some("it was never asked for".to_owned()), |point| point.note);
            run.points.push(PointSummary { resource: item.target.resource, snapshot: item.snapshot, state, note });
        }
    }
    write(&deps.documents, &input.run, &run).await?;
    let good = run.points.iter().filter(|point| matches!(point.state, PointState::Available | PointState::Verified)).count();
    let missing = run.points.len() - good + run.skipped.iter().filter(|skipped| !skipped.leased).count();
    emit(deps.clock.now(), &[], &[Metric::count("BackupIncomplete", u32::from(missing > 0))], &[]);
    Ok(FinishAnswer { complete: missing == 0, points: good, missing })
}

/// A recovery takes a first point without waiting for it: here it becomes available, or is found to have failed.
async fn settle_others<R, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    resource: &lifeboat_domain::ids::Identity,
    found: &[ObservedSnapshot],
) -> Result<(), DrError> {
    for kept in ledger::list::<RecoveryPoint>(&deps.ledger, &keys::resource(resource), "point#").await? {
        let point = kept.value;
        let Some(snapshot) = found.iter().find(|snapshot| snapshot.id == point.snapshot && point.state == PointState::Creating) else {
            continue;
        };
        let state = match &snapshot.status {
            SnapshotStatus::Available => PointState::Available,
            SnapshotStatus::Failed(_) => PointState::Failed,
            SnapshotStatus::Pending(_) => continue,
        };
        ledger::update::<RecoveryPoint, _>(&deps.ledger, &keys::point(resource, point.started_at, &point.snapshot), |point| {
            point.state = state;
            point.arn = Some(snapshot.arn.clone());
            point.data_time = snapshot.data_time.or(snapshot.created_at);
            Ok(())
        })
        .await?;
    }
    Ok(())
}
