//! What a plan is made from, beside the database itself: its recovery points, its secret, and what else has happened lately.

use crate::{Databases, Deps, Secrets};
use lifeboat_domain::ids::SnapshotId;
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::SnapshotStatus;
use lifeboat_domain::plan::UsablePoint;
use lifeboat_domain::point::{Fingerprint, Manifest, RecoveryPoint};
use lifeboat_domain::ports::{Documents, Ledger};
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::words::{ResourceKind, show_time};
use lifeboat_domain::{DrError, Timestamp};

/// Snapshots that RDS shows as available now, and the fingerprints kept with them, newest first. What an instance held after
/// its successor's restore point is no part of today's past, and nothing to compare with.
pub(super) async fn kept_points<R: Databases, L: Ledger, D: Documents, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    record: &ResourceRecord,
) -> Result<(Vec<UsablePoint>, Vec<(Timestamp, String)>), DrError> {
    let source = &incident.source.id;
    let found = deps.databases.snapshots_of(source).await.map_err(|error| error.while_doing(format!("listing snapshots of {source}")))?;
    let mut points: Vec<UsablePoint> = found
        .into_iter()
        .filter(|snapshot| snapshot.status == SnapshotStatus::Available)
        .filter(|snapshot| snapshot.resource_id.as_ref().is_none_or(|id| *id == incident.source.resource_id))
        .filter_map(|snapshot| {
            let (data_time, shards) = (snapshot.data_time.or(snapshot.created_at)?, snapshot.shards);
            // Backups of a table share names: it is restored from an ARN.
            let by_arn = source.kind() == ResourceKind::DynamodbTable;
            let snapshot = if by_arn { SnapshotId::parse(snapshot.arn.to_string()).ok()? } else { snapshot.id };
            Some(UsablePoint { snapshot, data_time, shards })
        })
        .collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.data_time));
    let kept = ledger::list::<RecoveryPoint>(&deps.ledger, &keys::resource(&incident.resource), "point#").await?;
    let mut baselines = Vec::new();
    let fingerprints = kept.into_iter().rev().filter_map(|point| point.value.fingerprint.map(|key| (key, point.value.resource_id)));
    for (key, resource_id) in fingerprints.take(10) {
        let document = deps.documents.get_json(&key).await.map_err(|error| error.while_doing(format!("reading the fingerprint {key}")))?;
        if let Some(Ok(fingerprint)) = document.map(serde_json::from_value::<Fingerprint>)
            && resource_id.is_none_or(|id| record.descends_from(&id, fingerprint.taken_at))
        {
            baselines.push((fingerprint.taken_at, key));
        }
    }
    baselines.sort_by_key(|(taken, _)| std::cmp::Reverse(*taken));
    Ok((points, baselines))
}

pub(super) async fn secret_changed_at<R, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    manifest: Option<&Manifest>,
) -> Result<Option<Timestamp>, DrError> {
    let Some(secret) = manifest.and_then(Manifest::secret) else { return Ok(None) };
    let versions =
        deps.secrets.secret_versions(secret).await.map_err(|error| error.while_doing(format!("listing versions of secret {secret}")))?;
    let current = versions.iter().find(|version| version.is_current);
    tracing::debug!(secret, current = ?current.map(|version| show_time(version.created_at)), "secret versions read");
    Ok(current.map(|version| version.created_at))
}

pub(super) async fn recent_incidents<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, now: Timestamp) -> Result<u32, DrError> {
    let since = show_time(now - deps.policies.breaker.within.as_delta());
    let today = show_time(now);
    let mut days: Vec<&str> = [&since, &today].into_iter().filter_map(|time| time.get(..10)).collect();
    days.dedup();
    let mut count: u32 = 0;
    for day in days {
        let opened = deps.ledger.list("opened", day).await.map_err(|error| error.while_doing("counting recent incidents"))?;
        count += u32::try_from(opened.iter().filter(|(key, _)| key.sort.as_str() >= since.as_str()).count()).unwrap_or(u32::MAX / 2);
    }
    Ok(count)
}
