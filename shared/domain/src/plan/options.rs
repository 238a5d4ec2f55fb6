//! Making a plan: which remedies of the matrix are possible with what exists, and the calls of the best one.

use super::calls::{add_calls, growth};
use super::swap_back::{MovedFrom, weigh_swap_back};
use super::{Act, FencePlan, Forecast, FoundTarget, MatrixRow, Plan, RankedOption, Remedy, guidance::guidance, p90};
use super::{cache, clone, cluster, global_table, promotion, renames, table, take_over};
use crate::caches::FoundCache;
use crate::error::DrError;
use crate::ids::{DatabaseId, PlanHash, SnapshotId, deterministic_name, short_digest};
use crate::incident::{Incident, Setback};
use crate::life::KeptLife;
use crate::observed::{ObservedDatabase, RestoreWindow};
use crate::point::Manifest;
use crate::policy::Policy;
use crate::replica::Replica;
use crate::span::Span;
use crate::warm_up::{WarmUpRule, is_lazy};
use crate::words::{ResourceKind, Scenario, Timestamp, show_time};
use chrono::SubsecRound;

/// A snapshot that could be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsablePoint {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Its newest transaction, or else when it was made.
    pub data_time: Timestamp,
    /// Of a cache: the shards that it holds.
    pub shards: Option<i32>,
}

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct PlanFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The story so far.
    pub incident: &'a Incident,
    /// The promises.
    pub policy: &'a Policy,
    /// The source, if it exists.
    pub observed: Option<&'a ObservedDatabase>,
    /// Its configuration: from the source itself, else as kept with a recovery point.
    pub manifest: Option<&'a Manifest>,
    /// What point-in-time recovery can reach.
    pub window: Option<RestoreWindow>,
    /// Usable snapshots, newest first.
    pub points: &'a [UsablePoint],
    /// Fingerprints as (taken at, key in the bucket), newest first.
    pub baselines: &'a [(Timestamp, String)],
    /// The group that admits nobody, in the source's VPC.
    pub fence_group: Option<&'a str>,
    /// The group that admits only `validate`, in the source's VPC.
    pub quarantine_group: Option<&'a str>,
    /// When the secret's current version was made.
    pub secret_changed_at: Option<Timestamp>,
    /// When every watched check last passed.
    pub checks_passed_at: Option<Timestamp>,
    /// How long past recoveries took.
    pub recovery_times: &'a [Span],
    /// When Lifeboat last grew the volume.
    pub storage_grown_at: Option<Timestamp>,
    /// The database that a recovery moved clients from, where that is to be undone.
    pub moved_from: Option<&'a MovedFrom>,
    /// What was found of each of the policy's cut-over targets, in the same order.
    pub targets: &'a [FoundTarget],
    /// What was found of each of the policy's caches, in the same order.
    pub caches: &'a [FoundCache],
    /// The source's read replicas in its own Region.
    pub replicas: &'a [Replica],
    /// What a cache held when it was last seen.
    pub life: Option<&'a KeptLife>,
}

/// A plan, and what it must wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The moment that is asked for and the newest restorable one, if the former is not reached yet.
    pub wait_for: Option<(Timestamp, Option<Timestamp>)>,
}

/// One remedy, weighed.
pub(super) struct Weighed {
    pub(super) option: RankedOption,
    pub(super) restore_point: Option<Timestamp>,
    pub(super) snapshot: Option<SnapshotId>,
    pub(super) replica: Option<DatabaseId>,
    pub(super) wait_for: Option<(Timestamp, Option<Timestamp>)>,
}

/// Makes the plan for the incident's scenario.
pub fn make_plan(facts: PlanFacts<'_>) -> Result<Planned, DrError> {
    let scenario = facts.incident.scenario().ok_or_else(|| DrError::unrecoverable("a plan needs a scenario, and none was judged"))?;
    let row = MatrixRow::of(facts.incident.kind, scenario)
        .ok_or_else(|| DrError::unrecoverable(format!("the matrix has no row for {scenario} of a {}", facts.incident.kind)))?;
    let wanted = wanted_time(facts, scenario)?;
    let mut weighed: Vec<Weighed> = row.remedies.iter().map(|remedy| weigh(facts, *remedy, wanted)).collect();
    promotion::rank(&mut weighed);
    let chosen = match facts.incident.request.option {
        Some(wanted) => Some(wanted_option(&weighed, wanted, scenario)?),
        None => weighed.iter().find(|weighed| weighed.option.possible && !weighed.option.remedy.is_only_chosen()),
    };
    let remedy = chosen.map(|weighed| weighed.option.remedy);
    let restore_point = chosen.and_then(|weighed| weighed.restore_point);
    let target = match remedy {
        Some(Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot | Remedy::RebuildCold | Remedy::Clone) => {
            Some(target_name(facts.incident)?)
        }
        Some(Remedy::SwapBack) => facts.moved_from.map(|from| from.source.id.clone()),
        Some(Remedy::TakeOver) => Some(facts.incident.source.id.clone()),
        Some(Remedy::PromoteReplica) => chosen.and_then(|weighed| weighed.replica.clone()),
        _ => None,
    };
    let mut plan = Plan {
        hash: PlanHash::parse("0".repeat(64))?,
        resource: facts.incident.resource.clone(),
        incident: facts.incident.id.clone(),
        scenario,
        made_at: facts.now,
        remedy,
        moves_clients: target.is_some()
            && facts.incident.moves_clients()
            && facts.policy.cut_over.iter().any(|target| global_table::applies(facts, target)),
        target_resource_id: existing_target(facts, remedy, target.as_ref()),
        target,
        restore_point,
        baseline: facts.baselines.iter().find(|(taken, _)| restore_point.is_some_and(|point| *taken <= point)).map(|(_, key)| key.clone()),
        calls: Vec::new(),
        fence: None,
        options: weighed.iter().map(|weighed| weighed.option.clone()).collect(),
        warm_up: None,
        risks: Vec::new(),
        guidance: take_over::guidance(facts).unwrap_or_else(|| {
            if cache::is_cache(facts) { cache::guidance(facts) } else { guidance(scenario, facts.incident, facts.observed) }
        }),
        reason: reason(&weighed, chosen, scenario),
        refusals: Vec::new(),
        policy_hash: facts.incident.policy_hash.clone(),
    };
    if let Some(chosen) = chosen {
        add_calls(facts, &mut plan, chosen)?;
    }
    if plan.target.is_some() && facts.incident.moves_clients() {
        plan.risks.extend(global_table::left_alone(facts));
    }
    let engine = facts.incident.source.engine.as_deref();
    let waits = plan.moves_clients && plan.fence != Some(FencePlan::Impossible) && is_lazy(remedy, engine);
    plan.warm_up = facts.policy.warm_up.clone().filter(|_| waits);
    plan.risks.extend(plan.warm_up.as_ref().map(WarmUpRule::risk));
    plan.hash = plan.hash_of()?;
    Ok(Planned { plan, wait_for: chosen.and_then(|weighed| weighed.wait_for) })
}

/// The `DbiResourceId` of a target that is there before the plan: what is made anew under its name is another one.
fn existing_target(facts: PlanFacts<'_>, remedy: Option<Remedy>, target: Option<&DatabaseId>) -> Option<String> {
    match remedy? {
        Remedy::SwapBack => facts.moved_from.map(|from| from.source.resource_id.clone()),
        Remedy::TakeOver => Some(facts.incident.source.resource_id.clone()),
        Remedy::PromoteReplica => {
            let promoted = facts.replicas.iter().find(|replica| Some(&replica.observed.id) == target);
            promoted.map(|replica| replica.observed.resource_id.clone())
        }
        _ => None,
    }
}

/// The moment to go back to: as asked, else when the data was last known to be good.
fn wanted_time(facts: PlanFacts<'_>, scenario: Scenario) -> Result<Option<Timestamp>, DrError> {
    let wanted = facts.incident.request.restore_to.or(if scenario == Scenario::Corruption { facts.checks_passed_at } else { None });
    // RDS restores to whole seconds: the plan says what it will do, and rather a moment too early than too late.
    let wanted = wanted.map(|wanted| wanted.trunc_subsecs(0));
    if clone::is_chosen(facts) {
        return Ok(wanted); // It holds what is there now: no moment is needed, and none is out of reach.
    }
    if scenario.is_about_data() && wanted.is_none() {
        return Err(DrError::missing("restore_to", format!("the moment just before the {scenario}, in UTC, such as 2026-01-15T10:25:00Z")));
    }
    if let (Some(wanted), Some(window)) = (wanted, facts.window)
        && wanted < window.earliest
        && !facts.points.iter().any(|point| point.data_time <= wanted)
    {
        return Err(DrError::invalid(
            "restore_to",
            show_time(wanted),
            format!("a moment from {} to now: nothing older can be restored", show_time(window.earliest)),
        ));
    }
    Ok(wanted)
}

/// The option that a person wants instead of the best one.
fn wanted_option(weighed: &[Weighed], wanted: Remedy, scenario: Scenario) -> Result<&Weighed, DrError> {
    let others = || weighed.iter().map(|weighed| &weighed.option).filter(|option| option.remedy != wanted);
    let possible: Vec<&str> = others().filter(|option| option.possible).map(|option| option.remedy.as_str()).collect();
    let accepted = if possible.is_empty() {
        let all: Vec<&str> = others().map(|option| option.remedy.as_str()).collect();
        format!("for {scenario}, once it is possible: {}", all.join(", "))
    } else {
        format!("for {scenario} with what exists: {}", possible.join(", "))
    };
    match weighed.iter().find(|weighed| weighed.option.remedy == wanted) {
        Some(found) if found.option.possible => Ok(found),
        Some(found) => Err(DrError::invalid("option", format!("{wanted}, which is not possible: {}", found.option.reason), accepted)),
        None => Err(DrError::invalid("option", wanted, accepted)),
    }
}

fn reason(weighed: &[Weighed], chosen: Option<&Weighed>, scenario: Scenario) -> String {
    match chosen {
        Some(best) if best.option.remedy == Remedy::Guided => {
            let passed = weighed.iter().filter(|weighed| !weighed.option.possible);
            let passed: Vec<String> =
                passed.map(|weighed| format!("; {} is not possible: {}", weighed.option.remedy, weighed.option.reason)).collect();
            format!("{}{}", best.option.reason, passed.concat())
        }
        Some(best) => best.option.reason.clone(),
        None => {
            let why: Vec<String> = weighed.iter().map(|weighed| format!("{}: {}", weighed.option.remedy, weighed.option.reason)).collect();
            format!("nothing can be done for {scenario} with what exists: {}", why.join("; "))
        }
    }
}

fn weigh(facts: PlanFacts<'_>, remedy: Remedy, wanted: Option<Timestamp>) -> Weighed {
    match remedy {
        Remedy::ForceFailover => weigh_failover(facts),
        Remedy::PromoteReplica => promotion::weigh(facts),
        Remedy::TakeOver => take_over::weigh(facts),
        Remedy::Clone => clone::weigh(facts),
        Remedy::GrowStorage => weigh_growth(facts),
        Remedy::SwapBack => weigh_swap_back(facts),
        Remedy::RestoreLatest | Remedy::RestoreToTime => weigh_point_in_time(facts, remedy, wanted),
        Remedy::RestoreSnapshot => cache::told_of_restore(facts, weigh_snapshot(facts, wanted)),
        Remedy::RebuildCold => cache::weigh_rebuild(facts),
        Remedy::Guided => {
            let why = || "a person must repair the cause; restoring would not help".to_owned();
            plain(remedy, true, table::why_guided(facts).unwrap_or_else(why))
        }
    }
}

pub(super) fn plain(remedy: Remedy, possible: bool, reason: String) -> Weighed {
    let forecast = Forecast {
        rto: None,
        rto_evidence: "depends on a person".to_owned(),
        loss: None,
        cost: "none by Lifeboat".to_owned(),
        risk: "time".to_owned(),
    };
    Weighed {
        option: RankedOption { remedy, possible, reason, forecast },
        restore_point: None,
        snapshot: None,
        replica: None,
        wait_for: None,
    }
}

/// RDS refuses a second change of the storage for so long.
const BETWEEN_GROWTHS: Span = Span::hours(6);

fn weigh_growth(facts: PlanFacts<'_>) -> Weighed {
    let refuse = |reason: String| plain(Remedy::GrowStorage, false, reason);
    let Some(size) = facts.observed.and_then(|observed| observed.configuration.allocated_storage) else {
        return refuse("the size of its volume is not known".to_owned());
    };
    if let Some(grown) = facts.storage_grown_at.filter(|grown| facts.now < *grown + BETWEEN_GROWTHS.as_delta()) {
        let again = show_time(grown + BETWEEN_GROWTHS.as_delta());
        return refuse(format!(
            "it was grown at {}, and RDS changes the storage once in {BETWEEN_GROWTHS} only: not before {again}",
            show_time(grown)
        ));
    }
    let Some(Act::GrowStorage { gib, .. }) = growth(facts) else {
        let autoscaling = facts.observed.and_then(|observed| observed.configuration.max_allocated_storage);
        let limits = [("the policy's storage.most_gib", facts.policy.storage.most_gib), ("its MaxAllocatedStorage", autoscaling)];
        let limits: Vec<String> = limits.iter().filter_map(|(name, most)| most.map(|most| format!("{name} is {most}"))).collect();
        return refuse(format!("it has {size} GiB, and {}: RDS wants at least a tenth more", limits.join(", ")));
    };
    let mut weighed = plain(Remedy::GrowStorage, true, format!("its volume can grow from {size} to {gib} GiB while it stays where it is"));
    weighed.option.forecast = Forecast {
        rto: None,
        rto_evidence: "RDS makes the room within minutes, and optimises the volume for hours".to_owned(),
        loss: Some(Span::seconds(0)),
        cost: format!("{} GiB of storage more, for good: a volume never shrinks", gib - size),
        risk: "what filled it may go on: look for it".to_owned(),
    };
    weighed
}

fn weigh_failover(facts: PlanFacts<'_>) -> Weighed {
    let refuse = |reason: &str| plain(Remedy::ForceFailover, false, reason.to_owned());
    let Some(observed) = facts.observed else { return refuse("it does not exist") };
    if observed.id.kind() == ResourceKind::DbCluster {
        return cluster::weigh_failover(facts, observed);
    }
    if cache::is_cache(facts) {
        return cache::weigh_failover(facts, observed);
    }
    if !observed.configuration.multi_az {
        return refuse("the instance is Single-AZ: there is no standby");
    }
    if !observed.status.accepts_calls() {
        return refuse(&format!("RDS reports {}, in which a failover is refused", observed.status));
    }
    if facts.incident.setbacks.contains(&Setback::FailoverSent) {
        return refuse("a failover was already asked for in this incident; a second one would flip back");
    }
    let mut weighed = plain(
        Remedy::ForceFailover,
        true,
        format!("a synchronous standby exists in {}", observed.secondary_zone.as_deref().unwrap_or("another Availability Zone")),
    );
    weighed.option.forecast = Forecast {
        rto: Some(Span::seconds(120)),
        rto_evidence: "RDS documents 60 to 120 s for a Multi-AZ failover".to_owned(),
        loss: Some(Span::seconds(0)),
        cost: "none".to_owned(),
        risk: "open connections are cut; a long transaction prolongs the standby's recovery".to_owned(),
    };
    weighed
}

fn weigh_point_in_time(facts: PlanFacts<'_>, remedy: Remedy, wanted: Option<Timestamp>) -> Weighed {
    if let Some(obstacle) = restore_obstacle(facts, remedy) {
        return plain(remedy, false, obstacle);
    }
    let Some(window) = facts.window else {
        let why = match facts.incident.kind {
            ResourceKind::DynamodbTable => "point-in-time recovery is off, or went with the table",
            _ => "automated backups are off: there is no point-in-time recovery",
        };
        return plain(remedy, false, why.to_owned());
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted < window.earliest) {
        let reason = format!("{} is before the restorable window, which begins at {}", show_time(wanted), show_time(window.earliest));
        return plain(remedy, false, reason);
    }
    let point = wanted.unwrap_or(window.latest);
    let wait_for = wanted.filter(|wanted| *wanted >= window.latest).map(|wanted| (wanted, Some(window.latest)));
    let reason = match wanted {
        Some(wanted) => format!("point-in-time recovery reaches {}", show_time(wanted)),
        None => format!("point-in-time recovery reaches {}", show_time(window.latest)),
    };
    restoring(facts, remedy, reason, point, None, wait_for)
}

fn weigh_snapshot(facts: PlanFacts<'_>, wanted: Option<Timestamp>) -> Weighed {
    let remedy = Remedy::RestoreSnapshot;
    if let Some(obstacle) = restore_obstacle(facts, remedy) {
        return plain(remedy, false, obstacle);
    }
    let newest = facts
        .points
        .iter()
        .filter(|point| wanted.is_none_or(|wanted| point.data_time <= wanted) && cache::fits(facts, point))
        .max_by_key(|point| point.data_time);
    match newest {
        Some(point) => {
            let reason = format!("snapshot {} holds data up to {}", point.snapshot, show_time(point.data_time));
            restoring(facts, remedy, reason, point.data_time, Some(point.snapshot.clone()), None)
        }
        None => plain(remedy, false, "there is no usable snapshot old enough".to_owned()),
    }
}

/// What makes any restore impossible.
pub(super) fn restore_obstacle(facts: PlanFacts<'_>, remedy: Remedy) -> Option<String> {
    if let Some(missing) = clone::lacks_moment(facts, remedy) {
        return Some(missing);
    }
    if facts.manifest.is_none() {
        return Some("its configuration is not known: it is gone, and no manifest was kept".to_owned());
    }
    if facts.manifest.is_some_and(|manifest| manifest.configuration.lacks_members()) {
        return Some("the cluster has no instances, and no manifest was kept that says which it had".to_owned());
    }
    if cluster::class_for(facts).is_none() {
        return Some("none of the policy's instance classes is to be had now".to_owned());
    }
    let failed: Vec<&str> = facts
        .incident
        .setbacks
        .iter()
        .filter_map(|setback| match setback {
            Setback::RestoreFailed { remedy: tried, text, .. } if *tried == remedy => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (failed.len() >= 2).then(|| format!("it was tried {} times and failed: {}", failed.len(), failed.join("; ")))
}

fn restoring(
    facts: PlanFacts<'_>,
    remedy: Remedy,
    reason: String,
    point: Timestamp,
    snapshot: Option<SnapshotId>,
    wait_for: Option<(Timestamp, Option<Timestamp>)>,
) -> Weighed {
    let last_write = if facts.incident.scenario().is_some_and(Scenario::is_about_data) { facts.now } else { facts.incident.last_write() };
    // What was timed before holds its cut-over too; it is never quicker than the renames.
    let rto = p90(facts.recovery_times).map(|rto| renames::cost(facts).map_or(rto, |cost| rto.max(cost)));
    let forecast = Forecast {
        rto,
        rto_evidence: match facts.recovery_times.len() {
            0 => format!(
                "no recovery or drill of it was ever timed{}",
                renames::cost(facts).map(|cost| format!("; swapping the names takes about {cost}")).unwrap_or_default()
            ),
            1 => format!("what its one timed recovery took{}", renames::evidence(facts)),
            n => format!("90th percentile of {n} timed recoveries{}", renames::evidence(facts)),
        },
        loss: Some(Span::between(point, last_write)),
        cost: "a second instance of the same size until one of the two is released".to_owned(),
        risk: "blocks are loaded lazily: the first reads are slow".to_owned(),
    };
    let forecast = match facts.incident.kind {
        ResourceKind::DynamodbTable => Forecast {
            cost: "a second table with the same capacity until one of the two is released".to_owned(),
            risk: "a restore takes from minutes to hours, whatever the table's size".to_owned(),
            ..forecast
        },
        _ => forecast,
    };
    Weighed {
        option: RankedOption { remedy, possible: true, reason, forecast },
        restore_point: Some(point),
        snapshot,
        replica: None,
        wait_for,
    }
}

/// The restored copy's name: of the incident and how many copies were spoilt before, so that a second call meets the first one's result.
fn target_name(incident: &Incident) -> Result<DatabaseId, DrError> {
    let attempt = incident.setbacks.iter().filter(|setback| setback.spoils().is_some()).count();
    let suffix = format!("r{}", short_digest(&[incident.id.as_str(), &attempt.to_string()]));
    let kind = incident.source.id.kind();
    DatabaseId::new(kind, deterministic_name(incident.resource.as_str(), &suffix, kind.longest_name()))
}
