//! After the move: the new database carries identity and policy, the old one is retired, a first recovery point is taken.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::instance;
use crate::steps::cut_over::mark_verified;
use crate::{Case, Databases, Deps, Nothing, Secrets};
use lifeboat_domain::DrError;
use lifeboat_domain::alarms::on;
use lifeboat_domain::incident::{Answered, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Act, PlannedCall};
use lifeboat_domain::point::{Manifest, PointState, RecoveryPoint};
use lifeboat_domain::ports::{Clock, Documents, Ledger};
use lifeboat_domain::register::{Branch, ResourceRecord};

/// Moves the identity; called once the move was verified from the client's side.
pub(crate) async fn move_identity<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let now = recovery.now;
    mark_verified(deps, &recovery).await?;
    recovery
        .change(&deps.ledger, |incident| {
            incident.healthy_at.get_or_insert(now);
            Ok(())
        })
        .await?;
    for (index, call) in closing_calls(&recovery, false) {
        if let Made::NotYet(reason) = make(deps, &mut recovery, index, &call, None).await? {
            return Err(DrError::conflict(reason));
        }
    }
    let restored = recovery.incident.restored.clone().ok_or_else(|| DrError::unrecoverable("nothing was restored"))?;
    let found =
        instance(&deps.databases, &restored.id).await?.ok_or_else(|| DrError::not_found(format!("{} has vanished", restored.id)))?;
    let moved_by = recovery.incident.id.clone();
    let source = recovery.incident.source.resource_id.clone();
    let left = recovery.plan.restore_point.map(|at| Branch { resource_id: recovery.incident.source.resource_id.clone(), at });
    ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(&recovery.incident.resource), |record| {
        if let Some(left) = left.as_ref().filter(|left| !record.branches.contains(left)) {
            record.branches.push(left.clone());
        }
        record.id = found.id.clone();
        record.arn = found.arn.clone();
        record.resource_id.clone_from(&found.resource_id);
        if !record.retired.contains(&source) {
            record.retired.push(source.clone());
        }
        record.endpoint.clone_from(&found.endpoint);
        // What serves again is no past of anything.
        record.retired.retain(|retired| *retired != found.resource_id);
        record.branches.retain(|branch| branch.resource_id != found.resource_id);
        record.moved_by = Some(moved_by.clone());
        record.failed_probes = 0;
        record.unreachable_since = None;
        record.answered = Some(Answered { at: now, security_groups: found.configuration.security_groups.clone() });
        Ok(())
    })
    .await?;
    recovery
        .tell(
            &deps.ledger,
            Phase::Close,
            format!("{} is from now on {}: it carries the identity and the policy", recovery.incident.resource, found.id),
        )
        .await?;
    Ok(Nothing {})
}

fn closing_calls(recovery: &Recovery<'_>, snapshots: bool) -> Vec<(usize, PlannedCall)> {
    recovery
        .plan
        .calls_of(Phase::Close)
        .filter(|(_, call)| !call.act.is_for_others() && !matches!(call.act, Act::MakeMultiAz { .. }))
        .filter(|(_, call)| matches!(call.act, Act::CreateSnapshot { .. }) == snapshots)
        .map(|(index, call)| (index, call.clone()))
        .collect()
}

/// Starts the first snapshot of the new database and keeps its manifest; the next backup run takes note of its end.
pub(crate) async fn first_point<R: Databases, L: Ledger, D: Documents, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    for (index, call) in closing_calls(&recovery, true) {
        let Act::CreateSnapshot { instance: id, snapshot, .. } = call.act.clone() else { continue };
        let found = instance(&deps.databases, &id).await?.ok_or_else(|| DrError::not_found(format!("{id} has vanished")))?;
        let manifest = format!("manifests/{}/{snapshot}.json", recovery.incident.resource);
        // The next backup reads them where this fails.
        let alarms = deps.databases.alarms().await.ok().map(|all| on(&all, &found.id));
        let document = ledger::encode(&Manifest { alarms, ..Manifest::of(&found, recovery.now) })?;
        deps.documents.put_json(&manifest, &document).await.map_err(|error| error.while_doing("keeping the manifest"))?;
        if let Made::NotYet(reason) = make(deps, &mut recovery, index, &call, None).await? {
            return Err(DrError::conflict(reason));
        }
        let started_at = recovery.incident.healthy_at.unwrap_or(recovery.incident.opened_at);
        let point = RecoveryPoint {
            resource: recovery.incident.resource.clone(),
            snapshot: snapshot.clone(),
            arn: None,
            state: PointState::Creating,
            started_at,
            asked_at: None,
            data_time: None,
            manifest,
            fingerprint: None,
            note: Some("taken right after a cut-over".to_owned()),
            made_by: recovery.incident.id.to_string(),
            resource_id: Some(found.resource_id.clone()),
        };
        ledger::create(&deps.ledger, &keys::point(&recovery.incident.resource, started_at, &snapshot), &point).await?;
    }
    Ok(Nothing {})
}
