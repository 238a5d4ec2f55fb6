//! What is planned otherwise for a replication group: a replica is promoted by hand only while automatic failover is off, a cache may be
//! built anew without its data, and its sessions are ended by its engine, as a restart would wipe it.

use super::cluster::class_for;
use super::options::{PlanFacts, UsablePoint, Weighed, plain};
use super::{Act, FencePlan, Forecast, Plan, PlannedCall, Remedy};
use crate::ids::{DatabaseId, SnapshotId};
use crate::incident::{Phase, Setback};
use crate::observed::{Configuration, Member, ObservedDatabase, Own};
use crate::policy::CutOverTarget;
use crate::span::Span;
use crate::status::StatusMeaning;
use crate::words::{ResourceKind, Scenario, show_time};

/// Whether the plan is for a cache.
pub(super) fn is_cache(facts: PlanFacts<'_>) -> bool {
    facts.incident.kind == ResourceKind::ReplicationGroup
}

/// The replica that is promoted: of those that serve, one in another zone than the primary first.
fn next_primary(observed: &ObservedDatabase) -> Option<&Member> {
    let zone = observed.writer().and_then(|writer| writer.zone.as_ref());
    let replicas = observed.members.iter().filter(|member| !member.is_writer && member.status.is_serving());
    replicas.min_by_key(|member| (member.zone.as_ref() == zone, member.id.clone()))
}

pub(super) fn weigh_failover(facts: PlanFacts<'_>, observed: &ObservedDatabase) -> Weighed {
    let refuse = |reason: String| plain(Remedy::ForceFailover, false, reason);
    if observed.configuration.cache().is_some_and(|cache| cache.cluster_mode) {
        return refuse("with cluster mode only ElastiCache itself promotes a replica, and TestFailover is for drills".to_owned());
    }
    let Some(next) = next_primary(observed) else {
        return refuse("no replica of it serves: there is nothing to fail over to".to_owned());
    };
    if !observed.status.accepts_calls() {
        return refuse(format!("ElastiCache reports {}, in which a promotion is refused", observed.status));
    }
    if facts.incident.setbacks.contains(&Setback::FailoverSent) {
        return refuse("a promotion was already asked for in this incident; a second one could go back".to_owned());
    }
    let zone = next.zone.as_deref().unwrap_or("an unknown Availability Zone");
    let mut weighed =
        plain(Remedy::ForceFailover, true, format!("replica {} in {zone} holds its data and can become the primary", next.id));
    weighed.option.forecast = Forecast {
        rto: Some(Span::minutes(3)),
        rto_evidence: "one change of the replication group, three where automatic failover is on".to_owned(),
        loss: facts.life.and_then(|life| life.loss(facts.now)),
        cost: "none".to_owned(),
        risk: match facts.life.and_then(|life| Some((life.loss(facts.now)?, life.at))) {
            Some((lag, at)) => format!(
                "replication is asynchronous: at {} its replicas had acknowledged all but the last {lag}; what came later and was not sent on is lost",
                show_time(at)
            ),
            None => "replication is asynchronous, and how far a replica follows is not known: what was not sent on is lost".to_owned(),
        },
    };
    weighed
}

/// Whether its tags can be changed: ElastiCache refuses that of a group that is not `available`, and a terminal one never will be.
pub(super) fn takes_tags(observed: &ObservedDatabase) -> bool {
    observed.id.kind() != ResourceKind::ReplicationGroup || observed.meaning() != StatusMeaning::Terminal
}

/// Off, promote, and on again what was on before; each is a call of its own.
pub(super) fn failover_calls(observed: &ObservedDatabase, why: &str) -> Vec<PlannedCall> {
    let instance = observed.id.clone();
    let automatic = observed.configuration.cache().is_some_and(|cache| cache.automatic_failover);
    let multi_az = observed.configuration.multi_az;
    let to = next_primary(observed).map(|member| member.id.clone());
    let from = observed.writer().map(|writer| writer.id.clone());
    let call = |act, why: &str| PlannedCall { phase: Phase::Act, act, why: why.to_owned() };
    let mut calls = vec![call(Act::ForceFailover { instance: instance.clone(), to, from }, why)];
    if automatic || multi_az {
        let off = Act::SetFailover { instance: instance.clone(), automatic: false, multi_az: false };
        let on = Act::SetFailover { instance, automatic, multi_az };
        calls.insert(0, call(off, "ElastiCache promotes a named replica only while automatic failover and Multi-AZ are off"));
        calls.push(call(on, "as it was before the promotion"));
    }
    calls
}

/// An empty cache instead of its data: the last resort, and for a cache often a good one.
pub(super) fn weigh_rebuild(facts: PlanFacts<'_>) -> Weighed {
    let refuse = |reason: String| plain(Remedy::RebuildCold, false, reason);
    if facts.manifest.is_none() {
        return refuse("its configuration is not known: it is gone, and no manifest was kept".to_owned());
    }
    if class_for(facts).is_none() {
        return refuse("none of the policy's node types is to be had now".to_owned());
    }
    let tries = facts.incident.setbacks.iter();
    if tries.filter(|setback| matches!(setback, Setback::RestoreFailed { remedy: Remedy::RebuildCold, .. })).count() >= 2 {
        return refuse("it was tried twice and failed".to_owned());
    }
    let mut weighed = plain(Remedy::RebuildCold, true, "an empty cache as its source was configured; everything in it is lost".to_owned());
    weighed.option.forecast = Forecast {
        rto: super::p90(facts.recovery_times),
        rto_evidence: "ElastiCache documents minutes for a new replication group".to_owned(),
        loss: None,
        cost: "a second replication group of the same size until one of the two is released".to_owned(),
        risk: "until it has filled itself, every read of its clients goes to what stands behind it".to_owned(),
    };
    weighed
}

/// What a restore of a cache costs and risks.
pub(super) fn told_of_restore(facts: PlanFacts<'_>, mut weighed: Weighed) -> Weighed {
    if is_cache(facts) && weighed.option.possible {
        "a second replication group of the same size until one of the two is released".clone_into(&mut weighed.option.forecast.cost);
        "it holds what the snapshot held: values that have changed since are old".clone_into(&mut weighed.option.forecast.risk);
    }
    weighed
}

/// Whether a group like the source can be made of it: what lies in shards needs cluster mode (fact sheet 3.6).
pub(super) fn fits(facts: PlanFacts<'_>, point: &UsablePoint) -> bool {
    let source = facts.manifest.and_then(|manifest| manifest.configuration.cache());
    source.is_none_or(|source| source.cluster_mode) || point.shards.is_none_or(|shards| shards <= 1)
}

/// What is restored has the shards of its snapshot, whatever the source was resharded to since (fact sheet 3.6).
pub(super) fn with_shards_of(
    facts: PlanFacts<'_>,
    plan: &mut Plan,
    snapshot: Option<&SnapshotId>,
    mut configuration: Configuration,
) -> Configuration {
    let point = facts.points.iter().find(|point| Some(&point.snapshot) == snapshot);
    if let (Some(held), Some(Own::Cache(cache))) = (point.and_then(|point| point.shards), configuration.own.as_mut())
        && held != cache.shards
    {
        plan.risks.push(format!(
            "the snapshot holds {held} shards and its source has {}: the copy has {held}, each with more or less to hold than today; reshard it once clients are served",
            cache.shards
        ));
        cache.shards = held;
    }
    configuration
}

/// What a restore is told: a cache of a global datastore comes back on its own.
pub(super) fn risks_of_restore(configuration: &Configuration, target: &DatabaseId) -> Vec<String> {
    let global = configuration.cache().and_then(|cache| cache.global.as_ref());
    global
        .map(|global| format!("{target} does not belong to the global datastore {global}: it must be joined by hand"))
        .into_iter()
        .collect()
}

/// The fence of a cache: the group that admits `validate`, which then ends everybody else's sessions; no restart, which would wipe it.
pub(super) fn add_fence_calls(facts: PlanFacts<'_>, plan: &mut Plan, observed: &ObservedDatabase) {
    let source = &facts.incident.source.id;
    let (fence, risk) = match facts.quarantine_group {
        _ if observed.meaning() == StatusMeaning::Terminal => (
            FencePlan::Terminal,
            format!("{source} is {}, which it never leaves: a login is proven to fail before clients move", observed.status),
        ),
        None => (
            FencePlan::Impossible,
            format!("split brain: {source} cannot be fenced, as quarantine_groups names no group for its VPC; both sides could be written"),
        ),
        Some(group) => {
            let act = Act::SetSecurityGroups { instance: source.clone(), groups: vec![group.to_owned()] };
            let why = "no client reaches the old one any more; validate does, and ends the sessions of all others".to_owned();
            plan.calls.push(PlannedCall { phase: Phase::Fence, act, why });
            if plan.scenario.leaves_source_serving() {
                (FencePlan::Group, format!("sessions on {source} are cut when it is fenced"))
            } else {
                let risk = format!(
                    "split brain: {source} gives no answer, so that sessions that stand cannot be ended; should it come back, a client that kept one goes on writing there. A restart would end them, and wipe it"
                );
                (FencePlan::Unended, risk)
            }
        }
    };
    plan.fence = Some(fence);
    plan.risks.push(risk);
}

/// Why a cache cannot be moved by this target; none if it can.
pub(super) fn refused_target(facts: PlanFacts<'_>, target: &CutOverTarget) -> Option<String> {
    let why = match target {
        _ if !is_cache(facts) => return None,
        CutOverTarget::RdsProxy { .. } => "an RDS Proxy stands before databases of RDS only",
        CutOverTarget::RenameSwap => "ElastiCache renames no replication group",
        CutOverTarget::SecretsManager | CutOverTarget::Route53 { .. } | CutOverTarget::SsmParameter { .. } => return None,
    };
    Some(format!("{}: {why}; move the clients of a cache by its secret, a record or a parameter", target.name()))
}

/// Why a cache is not validated as the policy says; none if it can be.
pub(super) fn refused_checks(facts: PlanFacts<'_>) -> Option<String> {
    let names: Vec<&str> = facts.policy.checks.iter().map(|check| check.name.as_str()).collect();
    (is_cache(facts) && !names.is_empty())
        .then(|| format!("the policy's checks ({}) are SQL, which a cache does not speak: give it a policy without", names.join(", ")))
}

/// What only a person can do about a cache.
pub(super) fn guidance(facts: PlanFacts<'_>) -> Vec<String> {
    let (id, region) = (&facts.incident.source.id, facts.incident.source.arn.region());
    let describe = format!("aws elasticache describe-replication-groups --region {region} --replication-group-id {id}");
    match facts.incident.scenario() {
        Some(Scenario::StorageFull) => vec![
            format!("{id} has no memory left: what its maxmemory-policy evicts is gone; a larger node type keeps more."),
            format!(
                "aws elasticache modify-replication-group --region {region} --replication-group-id {id} --cache-node-type LARGER_TYPE --apply-immediately"
            ),
        ],
        Some(Scenario::ParameterFailure) => vec![
            format!("Put the last good parameter group of {id} back. Never reboot a primary: that wipes its data."),
            format!(
                "aws elasticache modify-replication-group --region {region} --replication-group-id {id} --cache-parameter-group-name LAST_GOOD_GROUP --apply-immediately"
            ),
        ],
        Some(Scenario::NetworkFailure) => {
            vec![format!("The subnets or addresses of {id} cannot be used: free addresses, or repair the subnet group."), describe]
        }
        Some(Scenario::KeyInaccessible) => vec![
            format!(
                "The KMS key of {id} is unreachable: enable it or cancel its deletion; without it no node can be replaced and no snapshot restored."
            ),
            describe,
        ],
        Some(Scenario::SecurityBreach) => vec![
            "Decide first what must be kept as evidence: take a snapshot before anything else.".to_owned(),
            format!("aws elasticache create-snapshot --region {region} {} --snapshot-name evidence-{id}", kept_from(facts)),
            "Then change the AUTH token or the user groups, and let the cache fill itself anew.".to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// Of what a snapshot is taken: of a node without cluster mode, of a replica where one serves; else of the group (fact sheet 3.6).
fn kept_from(facts: PlanFacts<'_>) -> String {
    let group = || format!("--replication-group-id {}", facts.incident.source.id);
    let Some(observed) = facts.observed.filter(|it| it.configuration.cache().is_some_and(|cache| !cache.cluster_mode)) else {
        return group();
    };
    let node = next_primary(observed).or_else(|| observed.writer());
    node.map_or_else(group, |node| format!("--cache-cluster-id {}", node.id))
}
