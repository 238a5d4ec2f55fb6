//! The calls of the chosen remedy, in order, each with its reason.

use super::cluster::class_for;
use super::options::{PlanFacts, Weighed};
use super::promotion::add_promotion_calls;
use super::renames;
use super::swap_back::reopening;
use super::targets::{add_consumer_calls, add_target_calls};
use super::{
    Act, FencePlan, LateSettings, Plan, PlannedCall, Remedy, RestoreSettings, alarms, cache, clone, cluster, quarantine, stale, table,
    take_over,
};
use crate::error::DrError;
use crate::ids::{DatabaseId, SnapshotId, deterministic_name, short_digest};
use crate::incident::Phase;
use crate::observed::{FENCED, tags};
use crate::point::Manifest;
use crate::status::StatusMeaning;
use crate::words::{ResourceKind, show_time};
use std::collections::BTreeMap;

/// Adds the calls of `chosen` to the plan.
pub(super) fn add_calls(facts: PlanFacts<'_>, plan: &mut Plan, chosen: &Weighed) -> Result<(), DrError> {
    match chosen.option.remedy {
        Remedy::Guided => Ok(()),
        Remedy::GrowStorage => {
            if let Some(act) = growth(facts) {
                plan.calls.push(PlannedCall { phase: Phase::Act, act, why: chosen.option.reason.clone() });
            }
            Ok(())
        }
        Remedy::SwapBack => add_swap_calls(facts, plan),
        Remedy::ForceFailover if cache::is_cache(facts) => {
            plan.calls.extend(facts.observed.map(|observed| cache::failover_calls(observed, &chosen.option.reason)).unwrap_or_default());
            Ok(())
        }
        Remedy::ForceFailover => {
            let (from, to) = cluster::failover_between(facts);
            let act = Act::ForceFailover { instance: facts.incident.source.id.clone(), to, from };
            plan.calls.push(PlannedCall { phase: Phase::Act, act, why: chosen.option.reason.clone() });
            Ok(())
        }
        Remedy::PromoteReplica => add_promotion_calls(facts, plan, chosen),
        Remedy::TakeOver => take_over::add_calls(facts, plan),
        Remedy::Clone => clone::add_calls(facts, plan, chosen),
        Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot | Remedy::RebuildCold => {
            add_restore_calls(facts, plan, chosen)
        }
    }
}

/// The call that grows the volume, if it can grow enough.
pub(super) fn growth(facts: PlanFacts<'_>) -> Option<Act> {
    let configuration = &facts.observed?.configuration;
    let gib = facts.policy.storage.after(configuration.allocated_storage?, configuration.max_allocated_storage)?;
    Some(Act::GrowStorage {
        instance: facts.incident.source.id.clone(),
        gib,
        iops: configuration.provisioned_iops(),
        throughput: configuration.provisioned_throughput(),
    })
}

/// The fence first: the old database is opened only once the new one admits nobody.
fn add_swap_calls(facts: PlanFacts<'_>, plan: &mut Plan) -> Result<(), DrError> {
    let (Some(target), Some(manifest)) = (plan.target.clone(), facts.manifest) else {
        return Err(DrError::unrecoverable("a swap back was chosen without a target or a manifest"));
    };
    add_cut_over_calls(facts, plan, manifest, &target)?;
    let after_fence = plan.calls.iter().position(|call| call.phase != Phase::Fence).unwrap_or(plan.calls.len());
    let mut between: Vec<PlannedCall> = reopening(facts).into_iter().collect();
    between.extend(password_call(facts, plan, manifest, &target));
    plan.calls.splice(after_fence..after_fence, between);
    let place = plan.calls.iter().position(|call| matches!(call.act, Act::CreateSnapshot { .. })).unwrap_or(plan.calls.len());
    let arn = renames::after(facts, plan, &target)?.new_arn;
    let members = cluster::members_of(facts.moved_from.and_then(|from| from.observed.as_ref()), tags::RETIRED)?;
    let unretired = std::iter::once(arn).chain(members).map(|arn| PlannedCall {
        phase: Phase::Close,
        act: Act::RemoveTags { arn, keys: vec![tags::RETIRED.to_owned()] },
        why: "the old one is not retired any more".to_owned(),
    });
    let unretired: Vec<PlannedCall> = unretired.collect();
    plan.calls.splice(place..place, unretired);
    Ok(())
}

pub(super) fn add_restore_calls(facts: PlanFacts<'_>, plan: &mut Plan, chosen: &Weighed) -> Result<(), DrError> {
    let (Some(target), Some(manifest), Some(class)) = (plan.target.clone(), facts.manifest, class_for(facts)) else {
        return Err(DrError::unrecoverable("a restore was chosen without a target, a manifest or a class"));
    };
    let configuration = cache::with_shards_of(facts, plan, chosen.snapshot.as_ref(), table::restored(manifest, &target)?);
    let told = RestoreSettings {
        configuration: cluster::restored(&configuration, &class),
        opens_to: Vec::new(),
        tags: restored_tags(manifest, plan),
    };
    let is_table = target.kind() == ResourceKind::DynamodbTable;
    let tags = told.tags.clone();
    let settings = Box::new(quarantine::born(facts, plan, &target, told));
    plan.risks.extend(cache::risks_of_restore(&manifest.configuration, &target));
    let left_behind = manifest.configuration.left_behind.iter();
    plan.risks.extend(left_behind.map(|what| format!("{target} comes without {what}, until somebody sets it")));
    let act = match &chosen.snapshot {
        _ if chosen.option.remedy == Remedy::Clone => clone::act(facts, &target, settings),
        _ if chosen.option.remedy == Remedy::RebuildCold => Act::RebuildCold { target: target.clone(), settings },
        Some(snapshot) => Act::RestoreFromSnapshot { snapshot: snapshot.clone(), target: target.clone(), settings },
        None => Act::RestoreToPointInTime {
            // A table is named by its ARN: its id alone restores nothing.
            source: if is_table { manifest.arn.to_string() } else { manifest.resource_id.clone() },
            at: chosen.restore_point.filter(|_| facts.incident.request.restore_to.is_some() || plan.scenario.is_about_data()),
            target: target.clone(),
            settings,
        },
    };
    plan.calls.push(PlannedCall { phase: Phase::Act, act, why: chosen.option.reason.clone() });
    cluster::add_members(plan, manifest, &target, &class, &tags)?;
    let late = LateSettings::of(&manifest.configuration);
    if is_table {
        let told = RestoreSettings { configuration, opens_to: Vec::new(), tags };
        table::add_settings(plan, &target, &told, manifest)?;
    } else if late != LateSettings::default() {
        let act = Act::ReplaySettings { instance: target.clone(), settings: late };
        plan.calls.push(PlannedCall { phase: Phase::Configure, act, why: "these settings are made once the copy is usable".to_owned() });
    }
    plan.calls.extend(password_call(facts, plan, manifest, &target));
    if plan.moves_clients {
        add_cut_over_calls(facts, plan, manifest, &target)?;
    }
    Ok(())
}

/// The source's tags without what would make the copy look protected, and the mark that it is ours.
fn restored_tags(manifest: &Manifest, plan: &Plan) -> BTreeMap<String, String> {
    let mut kept = manifest.tags.clone();
    kept.retain(|key, _| !key.starts_with("aws:") && !key.starts_with("rds:") && !key.starts_with("lifeboat:"));
    kept.insert(tags::INCIDENT.to_owned(), plan.incident.to_string());
    kept
}

pub(super) fn password_call(facts: PlanFacts<'_>, plan: &Plan, manifest: &Manifest, target: &DatabaseId) -> Option<PlannedCall> {
    // A cache has no password of its own: its token is told to it when it is made.
    if cache::is_cache(facts) {
        return None;
    }
    let (secret, changed, point) = (manifest.secret()?, facts.secret_changed_at?, plan.restore_point?);
    (changed > point).then(|| {
        let why = format!(
            "the secret changed at {}, after the restore point {}: the restored engine holds the old password",
            show_time(changed),
            show_time(point)
        );
        let act = Act::ResetMasterPassword { instance: target.clone(), secret: secret.to_owned() };
        PlannedCall { phase: Phase::Configure, act, why }
    })
}

pub(super) fn add_cut_over_calls(facts: PlanFacts<'_>, plan: &mut Plan, manifest: &Manifest, target: &DatabaseId) -> Result<(), DrError> {
    if plan.fence.is_none() {
        add_fence_calls(facts, plan);
    }
    plan.refusals.extend(cache::refused_checks(facts));
    quarantine::add_opening(plan, target);
    add_target_calls(facts, plan, manifest, target)?;
    add_consumer_calls(facts, plan);
    stale::add_caches(facts, plan);
    alarms::add_calls(facts, plan, manifest, target);
    let after = renames::after(facts, plan, target)?;
    let old_members = cluster::members_of(facts.observed, tags::POLICY)?;
    let new_members = cluster::new_members(facts, plan)?;
    let takes_tags = facts.observed.filter(|observed| cache::takes_tags(observed));
    if let (Some(observed), None) = (facts.observed, takes_tags) {
        plan.risks.push(format!(
            "{} is {}, in which ElastiCache takes no tags: it keeps {}, and Lifeboat's ledger alone knows that it is retired; delete it once it is not needed",
            observed.id,
            observed.status,
            tags::POLICY
        ));
    }
    let mut push = |phase, act, why: &str| plan.calls.push(PlannedCall { phase, act, why: why.to_owned() });
    let mut moved: BTreeMap<String, String> = [(tags::RESOURCE.to_owned(), plan.resource.to_string())].into();
    moved.insert(tags::POLICY.to_owned(), facts.incident.policy.clone());
    moved.extend(manifest.secret().map(|secret| (tags::SECRET.to_owned(), secret.to_owned())));
    if takes_tags.is_some() {
        let retired: BTreeMap<String, String> = [(tags::RETIRED.to_owned(), plan.incident.to_string())].into();
        let why = "the old one is never judged again, and never deleted by Lifeboat";
        push(Phase::Close, Act::AddTags { arn: after.old_arn.clone(), tags: retired.clone() }, why);
        for arn in old_members.clone() {
            push(Phase::Close, Act::AddTags { arn, tags: retired.clone() }, "a member is retired with its cluster");
        }
    }
    push(Phase::Close, Act::AddTags { arn: after.new_arn, tags: moved.clone() }, "the new one carries the identity and the policy");
    for arn in new_members {
        push(Phase::Close, Act::AddTags { arn, tags: moved.clone() }, "a member is tagged as its cluster, which permissions hang on");
    }
    if takes_tags.is_some() {
        let keys = vec![tags::POLICY.to_owned()];
        push(Phase::Close, Act::RemoveTags { arn: after.old_arn, keys: keys.clone() }, "one identity, one protected database");
        for arn in old_members {
            push(Phase::Close, Act::RemoveTags { arn, keys: keys.clone() }, "a member loses what its cluster loses");
        }
    }
    let snapshot = SnapshotId::parse(deterministic_name(
        &format!("lifeboat-{}", plan.resource),
        &format!("first-{}", short_digest(&[plan.incident.as_str(), target.as_str()])),
        target.kind().longest_snapshot_name(),
    ))?;
    let marks = [(tags::RESOURCE.to_owned(), plan.resource.to_string()), (tags::INCIDENT.to_owned(), plan.incident.to_string())].into();
    push(Phase::Close, Act::CreateSnapshot { instance: after.new, snapshot, tags: marks }, "the first recovery point of the new database");
    Ok(())
}

pub(super) fn add_fence_calls(facts: PlanFacts<'_>, plan: &mut Plan) {
    let source = &facts.incident.source.id;
    if let (Some(observed), ResourceKind::DynamodbTable) = (facts.observed, source.kind())
        && observed.status.meaning() != StatusMeaning::Terminal
    {
        let act = Act::SetSecurityGroups { instance: source.clone(), groups: vec![FENCED.to_owned()] };
        let why = "every write to the old one is denied by its resource policy; requests keep no sessions".to_owned();
        plan.calls.push(PlannedCall { phase: Phase::Fence, act, why });
        let replicas = observed.configuration.table().map(|table| table.replicas.join(", ")).unwrap_or_default();
        let (fence, risk) = if replicas.is_empty() {
            (FencePlan::Group, format!("writes to {source} are denied from the fence on"))
        } else {
            let risk = format!(
                "split brain: writes to {source} are denied here from the fence on, but not those to its replicas in {replicas}, which are copied to it; see that nobody writes there"
            );
            (FencePlan::Unended, risk)
        };
        plan.risks.push(risk);
        plan.fence = Some(fence);
        return;
    }
    if let Some(observed) = facts.observed.filter(|_| cache::is_cache(facts)) {
        return cache::add_fence_calls(facts, plan, observed);
    }
    let (fence, risk) = match (facts.observed, facts.fence_group) {
        (None, _) => (FencePlan::Gone, format!("{source} does not exist: nothing to fence")),
        (Some(observed), _) if observed.status.meaning() == StatusMeaning::Terminal => (
            FencePlan::Terminal,
            format!(
                "{source} cannot be fenced by a security group: RDS refuses changes in status {}, which it also never leaves by itself; a login is proven to fail before clients move",
                observed.status
            ),
        ),
        (Some(_), None) => (
            FencePlan::Impossible,
            format!("split brain: {source} cannot be fenced, as fence_groups names no group for its VPC; both sides could be written"),
        ),
        (Some(_), Some(group)) => {
            let calls = [
                (
                    Act::SetSecurityGroups { instance: source.clone(), groups: vec![group.to_owned()] },
                    "no new connection reaches the old one",
                ),
                (Act::EndSessions { instance: source.clone() }, "a changed group does not cut tracked connections"),
            ];
            plan.calls.extend(calls.map(|(act, why)| PlannedCall { phase: Phase::Fence, act, why: why.to_owned() }));
            plan.risks.extend(facts.observed.and_then(cluster::untagged_members));
            (FencePlan::Group, format!("sessions on {source} are cut when it is fenced"))
        }
    };
    plan.fence = Some(fence);
    plan.risks.push(risk);
}
