//! Promoting a read replica: which one, how much it would lose, and the calls, in the order that keeps two sides from being written.

use super::adopted::{expected, stays_different};
use super::calls::{add_cut_over_calls, add_fence_calls, password_call};
use super::options::{PlanFacts, Weighed, plain};
use super::renames;
use super::{Act, AdoptedSettings, FencePlan, Forecast, LateSettings, Plan, PlannedCall, Remedy};
use crate::error::DrError;
use crate::ids::DatabaseId;
use crate::incident::{Phase, Setback};
use crate::observed::{Configuration, ObservedDatabase, tags};
use crate::probe::ProbeOutcome;
use crate::replica::Replica;
use crate::span::Span;
use crate::words::{Timestamp, show_time};

/// What `StatusInfos` says of a replica that follows.
const REPLICATING: &str = "replicating";
/// RDS's words for a replication that broke off, which it also does when the source dies.
const BROKEN_OFF: [&str; 2] = ["error", "stopped"];

/// A replica that could be promoted.
struct Candidate<'a> {
    replica: &'a Replica,
    newest: Option<Timestamp>,
    loss: Option<Span>,
}

/// Weighs the promotion of the best replica; says of each other one why not.
pub(super) fn weigh(facts: PlanFacts<'_>) -> Weighed {
    let refuse = |reason: String| plain(Remedy::PromoteReplica, false, reason);
    if facts.replicas.is_empty() {
        return refuse("it has no read replica in its Region".to_owned());
    }
    if facts.incident.request.restore_to.is_some() {
        return refuse("a moment to restore to was named, and a replica holds only the newest".to_owned());
    }
    if facts.policy.cut_over.is_empty() {
        return refuse("the policy's cut_over names no way to move clients, and a promotion cannot be taken back".to_owned());
    }
    if facts.manifest.is_none() {
        return refuse("the source's configuration is not known, which the promoted replica must be given".to_owned());
    }
    let (mut candidates, mut passed_over) = (Vec::new(), Vec::new());
    for replica in facts.replicas {
        match candidate(facts, replica) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => passed_over.push(format!("{} is passed over: {why}", replica.observed.id)),
        }
    }
    candidates.sort_by_key(|it| (it.loss.is_none(), it.loss, is_unlike(facts, it.replica), it.replica.observed.id.clone()));
    let mut candidates = candidates.into_iter();
    let Some(best) = candidates.next() else { return refuse(passed_over.join("; ")) };
    let others = candidates.map(|other| format!("{} is passed over: {}", other.replica.observed.id, less_good(&best, &other)));
    let others: Vec<String> = others.chain(passed_over).collect();
    promoting(facts, &best, &others)
}

/// Whether it is another class than the source, which counts only between replicas that lose the same.
fn is_unlike(facts: PlanFacts<'_>, replica: &Replica) -> bool {
    facts.manifest.is_some_and(|manifest| manifest.configuration.class != replica.observed.configuration.class)
}

fn less_good(best: &Candidate<'_>, other: &Candidate<'_>) -> String {
    match (best.loss, other.loss) {
        (Some(_), None) => "how much it lacks is not known".to_owned(),
        (Some(least), Some(loss)) if least < loss => format!("it would lose {loss}, which is more"),
        _ => format!("it is no better than {}", best.replica.observed.id),
    }
}

/// Whether a replica can be promoted; if not, why.
fn candidate<'a>(facts: PlanFacts<'_>, replica: &'a Replica) -> Result<Candidate<'a>, String> {
    let found = &replica.observed;
    let tried = facts.incident.setbacks.iter().find_map(|setback| match setback {
        Setback::PromotionFailed { target, text } if *target == found.id => Some(text.clone()),
        Setback::PromotionSent { target } if *target == found.id => Some("its promotion was asked for in this incident".to_owned()),
        _ => None,
    });
    if let Some(tried) = tried {
        return Err(format!("{tried}; it is not asked for twice"));
    }
    if found.tags.get(tags::PROMOTABLE).map(String::as_str) != Some(facts.incident.resource.as_str()) {
        return Err(format!("it does not carry the tag {}={}", tags::PROMOTABLE, facts.incident.resource));
    }
    if !found.status.accepts_calls() {
        return Err(format!("RDS reports {}, in which a promotion is refused", found.status));
    }
    let vpc = facts.manifest.and_then(|manifest| manifest.configuration.vpc.as_ref());
    if vpc != found.configuration.vpc.as_ref() {
        return Err("it lies in another VPC, to which the security groups of its source do not lead".to_owned());
    }
    let look = replica.look.as_ref();
    if look.is_some_and(|look| look.outcome.is_down()) {
        return Err(format!("it gives no answer: {}", look.map_or("", |look| look.text.as_str())));
    }
    if look.is_some_and(|look| look.outcome == ProbeOutcome::Answers && look.in_recovery == Some(false)) {
        return Err("its engine says that it is no standby: somebody has promoted it already".to_owned());
    }
    let newest = look.and_then(|look| look.newest);
    let loss = newest.map(|newest| Span::between(newest, facts.incident.last_write()));
    broken_replication(facts, found, newest, loss)?;
    Ok(Candidate { replica, newest, loss })
}

/// A replication that broke off is no obstacle where the replica followed until the source died: the data proves that.
fn broken_replication(facts: PlanFacts<'_>, found: &ObservedDatabase, newest: Option<Timestamp>, loss: Option<Span>) -> Result<(), String> {
    let Some(replication) = &found.replication else { return Err("RDS does not say whether it follows its source".to_owned()) };
    if replication.normal && replication.status == REPLICATING {
        return Ok(());
    }
    let told = replication.message.as_ref().map(|message| format!(" ({message})")).unwrap_or_default();
    let state = format!("RDS reports its replication as {}{told}", replication.status);
    match (newest, loss) {
        _ if !BROKEN_OFF.contains(&replication.status.as_str()) => Err(state),
        (Some(_), Some(loss)) if loss <= facts.policy.max_data_loss => Ok(()),
        (Some(newest), _) => {
            Err(format!("{state}, and its newest transaction is of {}: it broke before the source did", show_time(newest)))
        }
        (None, _) => Err(format!("{state}, and how much it lacks is not known")),
    }
}

fn promoting(facts: PlanFacts<'_>, best: &Candidate<'_>, others: &[String]) -> Weighed {
    let found = &best.replica.observed;
    let look = best.replica.look.as_ref();
    let last_write = show_time(facts.incident.last_write());
    let holds = match (best.newest, best.loss) {
        (Some(newest), Some(loss)) => format!(
            "replica {} holds every transaction up to {}; the source may have taken writes until {last_write}, so at most {loss} of them are lost",
            found.id,
            show_time(newest)
        ),
        _ => format!(
            "replica {} follows the source, but how much it lacks is not known: {}",
            found.id,
            look.map_or("its engine was not asked", |look| look.text.as_str())
        ),
    };
    let backlog = look.and_then(|look| look.backlog_bytes).filter(|bytes| *bytes > 0);
    let backlog = backlog.map(|bytes| format!("; {bytes} bytes that it has received are replayed first")).unwrap_or_default();
    let others = if others.is_empty() { String::new() } else { format!("; {}", others.join("; ")) };
    let mut weighed = plain(Remedy::PromoteReplica, true, format!("{holds}{backlog}{others}"));
    weighed.option.forecast = Forecast {
        rto: None,
        rto_evidence: format!(
            "RDS reboots the replica and backs it up, which takes minutes; nothing is copied{}",
            renames::cost(facts).map(|cost| format!("; swapping the names takes about {cost} more")).unwrap_or_default()
        ),
        loss: best.loss,
        cost: "the replica is gone as a replica: reads that went to it, and its place, must be made up for".to_owned(),
        risk: "there is no way back: once promoted it is never a replica again".to_owned(),
    };
    // Without a proof of its data, the replica holds what it held when nothing is known to have been written any more.
    weighed.restore_point = best.newest.map(|newest| newest.min(facts.incident.last_write()));
    weighed.replica = Some(found.id.clone());
    weighed
}

/// Least loss first: a promotion goes behind each restore that would lose less, or of which more is known. Otherwise it goes before
/// them, as it copies nothing.
pub(super) fn rank(weighed: &mut [Weighed]) {
    let Some(mut at) = weighed.iter().position(|it| it.option.remedy == Remedy::PromoteReplica && it.option.possible) else { return };
    let loss = |it: &Weighed| it.option.forecast.loss.map_or(u64::MAX, Span::as_secs);
    let mut next = at + 1;
    while next < weighed.len() {
        let is_better =
            matches!((weighed.get(at), weighed.get(next)), (Some(one), Some(other)) if other.option.possible && loss(other) < loss(one));
        if is_better {
            weighed.get_mut(at..=next).unwrap_or_default().rotate_left(1);
            at += 1;
        }
        next += 1;
    }
}

/// The calls: the source is fenced before the replica can be written, and everything else is as after a restore.
pub(super) fn add_promotion_calls(facts: PlanFacts<'_>, plan: &mut Plan, chosen: &Weighed) -> Result<(), DrError> {
    let found = chosen.replica.as_ref().and_then(|id| facts.replicas.iter().find(|replica| replica.observed.id == *id));
    let (Some(found), Some(manifest)) = (found.map(|replica| &replica.observed), facts.manifest) else {
        return Err(DrError::unrecoverable("a promotion was chosen without a replica or a manifest"));
    };
    let (source, replica) = (&manifest.configuration, &found.configuration);
    let target = found.id.clone();
    add_fence_calls(facts, plan);
    if plan.fence == Some(FencePlan::Impossible) {
        plan.risks.push(format!("{target} can be written the moment it is promoted"));
    }
    let backup_days = source.backup_retention_days.max(1);
    let expected = expected(source, replica, backup_days);
    add_risks(plan, found, source, &expected);
    let act = Act::PromoteReplica {
        instance: target.clone(),
        resource_id: found.resource_id.clone(),
        backup_days,
        backup_window: source.backup_window.clone(),
        expected: Box::new(expected),
    };
    let mut push = |phase, act, why: &str| plan.calls.push(PlannedCall { phase, act, why: why.to_owned() });
    push(Phase::Act, act, &chosen.option.reason);
    add_settings(&mut push, &target, source, replica);
    plan.calls.extend(password_call(facts, plan, manifest, &target));
    add_cut_over_calls(facts, plan, manifest, &target)?;
    if source.multi_az && !replica.multi_az {
        let why = "its source had a standby; clients do not wait for the minutes that it takes".to_owned();
        plan.calls.push(PlannedCall {
            phase: Phase::Close,
            act: Act::MakeMultiAz { instance: renames::after(facts, plan, &target)?.new },
            why,
        });
    }
    plan.guidance.extend(other_replicas(facts, &target));
    Ok(())
}

/// What the replica has otherwise than its source, and can be given.
fn add_settings(push: &mut impl FnMut(Phase, Act, &str), target: &DatabaseId, source: &Configuration, replica: &Configuration) {
    if source.security_groups != replica.security_groups {
        let act = Act::SetSecurityGroups { instance: target.clone(), groups: source.security_groups.clone() };
        push(Phase::Configure, act, "clients of the source reach the promoted one by the same groups");
    }
    let settings = AdoptedSettings::of(source, replica);
    if settings != AdoptedSettings::default() {
        push(Phase::Configure, Act::AdoptSettings { instance: target.clone(), settings }, "a promotion keeps the replica's own settings");
    }
    let settings = LateSettings::of(source);
    if settings != LateSettings::default() && !settings.are_in(replica) {
        push(Phase::Configure, Act::ReplaySettings { instance: target.clone(), settings }, "as the source had them");
    }
}

fn add_risks(plan: &mut Plan, found: &ObservedDatabase, source: &Configuration, expected: &Configuration) {
    let id = &found.id;
    plan.risks.push(format!("{id} can never be a replica again; from its promotion on, it and the source differ"));
    plan.risks.extend(stays_different(source, expected).into_iter().map(|line| format!("{id} stays otherwise than its source: {line}")));
    if source.parameter_group != found.configuration.parameter_group {
        plan.risks.push(format!("static parameters of the source's parameter group take effect on {id} at its next reboot only"));
    }
    if source.multi_az && !found.configuration.multi_az {
        plan.risks.push(format!("{id} has no standby until its conversion to Multi-AZ has ended, minutes after clients are served"));
    }
}

/// The other replicas follow the old source for good: each must be made anew.
fn other_replicas(facts: PlanFacts<'_>, promoted: &DatabaseId) -> Vec<String> {
    let (source, region) = (&facts.incident.source.id, facts.incident.source.arn.region());
    let named = facts.observed.map(|observed| observed.replicas.as_slice()).unwrap_or_default();
    let others: Vec<&String> = named.iter().filter(|name| name.as_str() != promoted.as_str()).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = others.iter().map(|name| name.as_str()).collect();
    let mut lines = vec![format!(
        "Other replicas of {source} follow it still, and nothing that {promoted} takes: {}. Make each anew from {promoted}, then release the old one.",
        names.join(", ")
    )];
    for name in others.into_iter().filter(|name| !name.starts_with("arn:")) {
        lines.push(format!(
            "aws rds create-db-instance-read-replica --region {region} --db-instance-identifier {name}-2 --source-db-instance-identifier {promoted}"
        ));
    }
    lines
}
