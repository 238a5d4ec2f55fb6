//! Replaying what a restore loses, then comparing with the manifest.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::instance;
use crate::steps::quarantine;
use crate::steps::restore::give_up_or;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::DrError;
use lifeboat_domain::acting::CallRecord;
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{Configuration, ObservedDatabase};
use lifeboat_domain::plan::{Act, PlannedCall, TableSetting, expected_of_table};
use lifeboat_domain::point::{Difference, differences};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::{Progress, ResourceKind};

/// Makes the calls of the phase one by one, each when the last has settled.
pub(crate) async fn configure<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let (_, expired) = recovery.waited();
    let target = recovery.incident.restored.as_ref().map(|restored| restored.id.clone());
    let target = target.ok_or_else(|| DrError::unrecoverable("nothing was restored"))?;
    let found = instance(&deps.databases, &target).await?.ok_or_else(|| DrError::not_found(format!("{target} has vanished")))?;
    if !found.status.accepts_calls() || !found.pending.is_empty() {
        let reason = format!("{target} is {}, pending: [{}]", found.status, found.pending.join(", "));
        return Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
    }
    if found.is_applying_parameters() {
        return Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, format!("the parameter group of {target} is being applied"))));
    }
    let calls: Vec<(usize, PlannedCall)> = recovery.plan.calls_of(Phase::Configure).map(|(index, call)| (index, call.clone())).collect();
    for (index, call) in calls {
        let waits_for = match make(deps, &mut recovery, index, &call, None).await? {
            Made::NotYet(reason) => Some(reason),
            Made::Done(record) => unsettled(&record, &found, &recovery),
        };
        if let Some(reason) = waits_for {
            return Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)));
        }
    }
    if found.id.kind() == ResourceKind::DynamodbTable
        && let Some(missing) = not_shown(&recovery, &found)
    {
        return Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, missing)));
    }
    compare(deps, &recovery, &found).await?;
    Ok(Look::new(Progress::Done, poll, format!("{target} is configured")))
}

/// What was set in this very step was not looked at yet.
fn not_shown(recovery: &Recovery<'_>, found: &ObservedDatabase) -> Option<String> {
    let settings = recovery.plan.calls_of(Phase::Configure).filter_map(|(_, call)| match &call.act {
        Act::SetTable { setting, .. } => Some(setting),
        _ => None,
    });
    let missing: Vec<String> = settings.filter(|setting| !setting.is_in(&found.configuration)).map(TableSetting::describe).collect();
    (!missing.is_empty()).then(|| format!("{} does not show yet: {}", found.id, missing.join(", ")))
}

/// A changed instance may read `available` for a moment before it starts to change: one poll must lie in between.
fn unsettled(record: &CallRecord, found: &ObservedDatabase, recovery: &Recovery<'_>) -> Option<String> {
    let ended = record.ended_at?;
    // Only calls that change the table itself must follow one another.
    if let Act::SetTable { setting, .. } = &record.act
        && !setting.updates_the_table()
        && recovery.now < ended + recovery.policy.timing.poll.as_delta()
    {
        return None;
    }
    if matches!(record.act, Act::AddTags { .. }) {
        return None;
    }
    if recovery.now < ended + recovery.policy.timing.poll.as_delta() {
        return Some(format!("{} was accepted a moment ago", record.act.describe()));
    }
    match &record.act {
        Act::ReplaySettings { settings, .. } if !settings.are_in(&found.configuration) => {
            Some(format!("{} does not show its settings yet", found.id))
        }
        Act::SetTable { setting, .. } if !setting.is_in(&found.configuration) => {
            Some(format!("{} does not show {} yet", found.id, setting.describe()))
        }
        Act::AdoptSettings { settings, .. } if !settings.are_in(&found.configuration) => {
            Some(format!("{} does not show its settings yet", found.id))
        }
        Act::SetSecurityGroups { groups, .. } => {
            let in_force = found.groups.iter().all(|group| group.status == "active" && groups.contains(&group.id));
            (!in_force).then(|| format!("the security groups of {} are being changed", found.id))
        }
        _ => None,
    }
}

/// Writes down what differs from what the restore was told; `validate` grades it.
async fn compare<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<(), DrError> {
    let promoted = recovery.plan.calls.iter().find_map(|call| match &call.act {
        Act::PromoteReplica { expected, .. } => Some(&**expected),
        _ => None,
    });
    let told = recovery.plan.restore_settings().map(|settings| &settings.configuration).or(promoted);
    // What was not restored has lost nothing.
    let mut wanted: Configuration = told.unwrap_or(&found.configuration).clone();
    if quarantine::was_opened(deps, recovery, found).await? {
        wanted.security_groups.clone_from(&found.configuration.security_groups);
    }
    wanted = expected_of_table(wanted, &found.configuration);
    let mut lost = differences(&wanted, &found.configuration);
    // A restored copy has its group from birth; of a promoted one the plan says that it needs a restart, and a kept one has served like that.
    let is_restored = recovery.plan.restore_settings().is_some();
    lost.extend(Difference::of_parameters(found).filter(|_| is_restored));
    lost.extend(Difference::of_members(found));
    ledger::write(&deps.ledger, &keys::configuration(&recovery.incident.id), &lost).await?;
    let text = if lost.is_empty() {
        format!("{} is configured exactly as its source was", found.id)
    } else {
        let names: Vec<&str> = lost.iter().map(|difference| difference.setting.as_str()).collect();
        format!("{} differs from its source in {}", found.id, names.join(", "))
    };
    recovery.tell(&deps.ledger, Phase::Configure, text).await
}
