//! Looks how far the snapshots of a batch are: one Describe for all of them.

use super::start::{ask, fail, forget};
use crate::exports::{self, Turn};
use crate::{Batch, BatchInput, Deps, Item, read};
use lifeboat_domain::ids::Identity;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedSnapshot, SnapshotStatus};
use lifeboat_domain::point::{PointState, RecoveryPoint};
use lifeboat_domain::ports::{Clock, Documents, ExportTables, Ledger, ReadDatabases, TakeSnapshots};
use lifeboat_domain::words::Progress;
use lifeboat_domain::{DrError, Span};
use serde::{Deserialize, Serialize};

/// A backup that was begun is listed within minutes; until then it is watched, as a second one of its name would be another.
const SHOWS_WITHIN: Span = Span::minutes(10);

/// How far the batch is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CheckAnswer {
    progress: Progress,
    wait_seconds: u64,
    ready: usize,
    total: usize,
}

#[derive(Debug, Default, Deserialize)]
struct Fingerprints {
    fingerprints: Vec<FingerprintRef>,
}

#[derive(Debug, Deserialize)]
struct FingerprintRef {
    resource: Identity,
    key: Option<String>,
    note: Option<String>,
}

/// The interval of the batch: the longest of its policies.
pub(crate) fn poll<R, L, D, C>(deps: &Deps<R, L, D, C>, batch: &Batch) -> Span {
    let policies = batch.items.iter().filter_map(|item| deps.policies.policy(&item.policy).ok());
    policies.map(|policy| policy.timing.poll).max().unwrap_or(Span::seconds(30))
}

/// Updates every point of the batch.
pub(crate) async fn check<R: ReadDatabases + TakeSnapshots + ExportTables, L: Ledger, D: Documents, C: Clock>(
    deps: &Deps<R, L, D, C>,
    input: &BatchInput,
) -> Result<CheckAnswer, DrError> {
    let batch: Batch = read(&deps.documents, &input.batch).await?;
    let listing = deps.databases.manual_snapshots(&batch.kinds()).await;
    let fingerprints = fingerprints(deps, &input.batch).await?;
    let give_up =
        batch.items.iter().filter_map(|item| deps.policies.policy(&item.policy).ok()).map(|policy| policy.timing.give_up_after).max();
    let waited = Span::between(batch.started_at, deps.clock.now());
    let expired = waited >= give_up.unwrap_or(Span::hours(4));
    let mut ready = 0;
    for item in &batch.items {
        let seen = match listing.unanswered.get(&item.target.instance.kind()) {
            Some(error) => {
                tracing::warn!(snapshot = %item.snapshot, "could not be looked at: {error}");
                Seen::NotAsked
            }
            None => listing.found.iter().find(|snapshot| snapshot.id == item.snapshot).map_or(Seen::Nothing, Seen::Snapshot),
        };
        let fingerprint = fingerprints.fingerprints.iter().find(|entry| entry.resource == item.target.resource);
        ready += usize::from(update(deps, &batch, item, seen, fingerprint, expired.then_some(waited)).await?);
    }
    let progress = match (ready == batch.items.len(), expired) {
        (true, _) => Progress::Done,
        (false, true) => Progress::Expired,
        (false, false) => Progress::InProgress,
    };
    if progress != Progress::InProgress {
        exports::tend(deps, &batch, Turn::Last).await;
    }
    Ok(CheckAnswer { progress, wait_seconds: poll(deps, &batch).as_secs(), ready, total: batch.items.len() })
}

async fn fingerprints<R, L, D: Documents, C>(deps: &Deps<R, L, D, C>, batch: &str) -> Result<Fingerprints, DrError> {
    let key = format!("{}-fingerprints.json", batch.trim_end_matches(".json"));
    let document = deps.documents.get_json(&key).await.map_err(|error| error.while_doing(format!("reading {key}")))?;
    Ok(document.and_then(|document| serde_json::from_value(document).ok()).unwrap_or_default())
}

/// What a listing says of one snapshot.
#[derive(Debug, Clone, Copy)]
enum Seen<'a> {
    Snapshot(&'a ObservedSnapshot),
    /// It is not there.
    Nothing,
    /// Its service did not answer.
    NotAsked,
}

/// Answers whether the point is final.
async fn update<R: TakeSnapshots, L: Ledger, D, C: Clock>(
    deps: &Deps<R, L, D, C>,
    batch: &Batch,
    item: &Item,
    seen: Seen<'_>,
    fingerprint: Option<&FingerprintRef>,
    expired: Option<Span>,
) -> Result<bool, DrError> {
    let key = keys::point(&item.target.resource, batch.started_at, &item.snapshot);
    let point = ledger::expect::<RecoveryPoint>(&deps.ledger, &key).await?.value;
    if point.state != PointState::Creating {
        return Ok(true);
    }
    let snapshot = match seen {
        Seen::Snapshot(snapshot) => Some(snapshot),
        Seen::Nothing | Seen::NotAsked => None,
    };
    match (snapshot.map(|snapshot| &snapshot.status), expired) {
        (Some(SnapshotStatus::Available), _) => {
            ledger::update::<RecoveryPoint, _>(&deps.ledger, &key, |point| {
                point.state = PointState::Available;
                point.arn = snapshot.map(|snapshot| snapshot.arn.clone());
                point.data_time = snapshot.and_then(|snapshot| snapshot.data_time.or(snapshot.created_at));
                point.fingerprint = fingerprint.and_then(|entry| entry.key.clone());
                point.note = fingerprint.and_then(|entry| entry.note.clone());
                Ok(())
            })
            .await?;
            Ok(true)
        }
        (Some(SnapshotStatus::Failed(status)), _) => {
            fail(deps, &key, format!("the snapshot ended in status {status}")).await?;
            Ok(true)
        }
        (_, Some(waited)) => {
            fail(deps, &key, format!("gave up after {waited}: the snapshot was not available by then")).await?;
            Ok(true)
        }
        (Some(SnapshotStatus::Pending(_)), None) => Ok(false),
        // It may be there: neither is it asked for anew, nor forgotten.
        (None, None) if matches!(seen, Seen::NotAsked) => Ok(false),
        (None, None) if point.asked_at.is_some_and(|asked| Span::between(asked, deps.clock.now()) >= SHOWS_WITHIN) => {
            // Not listed for so long: it was not begun. The next look asks for it anew.
            forget(deps, &key).await?;
            Ok(false)
        }
        // It was busy, or the first call was lost: the name, or what is written down, makes sure that it is taken once.
        (None, None) => {
            // Refused again: the next look repeats it, and the others are looked at all the same.
            if let Err(error) = ask(deps, batch, item).await? {
                tracing::warn!(snapshot = %item.snapshot, "could not be asked for again: {error}");
            }
            Ok(false)
        }
    }
}
