//! What is planned otherwise for a DB cluster: a failover chooses its writer, and a restored Aurora cluster is given its members.

use super::options::{PlanFacts, Weighed, plain};
use super::{Act, Forecast, Plan, PlannedCall, Remedy};
use crate::error::DrError;
use crate::ids::{Arn, DatabaseId, deterministic_name};
use crate::incident::{Phase, Setback};
use crate::observed::{Configuration, Member, MemberConfiguration, ObservedDatabase, tags};
use crate::point::Manifest;
use crate::span::Span;
use crate::words::{ResourceKind, Scenario};
use std::collections::BTreeMap;

/// The class that a restore wants: an Aurora cluster has none itself, but its members have.
pub(super) fn class_of(configuration: &Configuration) -> &str {
    match configuration.cluster() {
        Some(cluster) if configuration.class.is_empty() => cluster.members.first().map_or("", |member| &member.class),
        _ => &configuration.class,
    }
}

/// The source's class, or the first fallback that was not found wanting.
pub(super) fn class_for(facts: PlanFacts<'_>) -> Option<String> {
    let wanting = |class: &str| {
        facts.incident.setbacks.iter().any(|setback| matches!(setback, Setback::NoCapacity { class: none, .. } if none == class))
    };
    let own = facts.manifest.map(|manifest| class_of(&manifest.configuration).to_owned());
    own.into_iter().chain(facts.policy.fallback_classes.iter().cloned()).find(|class| !wanting(class))
}

/// The member that shall write next: of those that serve, one of another zone, as what is dark may be the writer's, and a status lags; of
/// these the one that RDS itself prefers (the least promotion tier, then the class of today's writer).
pub(super) fn next_writer(observed: &ObservedDatabase) -> Option<&Member> {
    let class = observed.writer().map(|writer| writer.configuration.class.as_str());
    let readers = observed.members.iter().filter(|member| !member.is_writer && member.status.is_serving());
    readers.min_by_key(|member| {
        let other_class = class.is_some_and(|class| class != member.configuration.class);
        (!is_elsewhere(observed, member), member.configuration.promotion_tier, other_class, member.id.clone())
    })
}

/// Whether it is known to lie in another zone than the writer.
fn is_elsewhere(observed: &ObservedDatabase, member: &Member) -> bool {
    let dark = observed.writer().and_then(|writer| writer.zone.as_ref());
    dark.zip(member.zone.as_ref()).is_some_and(|(dark, zone)| dark != zone)
}

/// The member that a failover names; none leaves the choice to RDS, which knows who is alive: a named one of the dark zone would overrule
/// it. RDS for MySQL takes no target (fact sheet 3.1).
fn named_writer<'a>(facts: PlanFacts<'_>, observed: &'a ObservedDatabase) -> Option<&'a Member> {
    let zone_is_dark = facts.incident.scenario() == Some(Scenario::AzOutage);
    let takes_target = observed.configuration.engine != "mysql";
    next_writer(observed).filter(|next| takes_target && (!zone_is_dark || is_elsewhere(observed, next)))
}

pub(super) fn weigh_failover(facts: PlanFacts<'_>, observed: &ObservedDatabase) -> Weighed {
    let refuse = |reason: String| plain(Remedy::ForceFailover, false, reason);
    let Some(next) = next_writer(observed) else {
        return refuse("no other member of the cluster serves: there is nothing to fail over to".to_owned());
    };
    let writer_is_well = observed.writer().is_none_or(|writer| writer.status.is_serving());
    if writer_is_well && !observed.status.accepts_calls() {
        return refuse(format!("RDS reports {} of the cluster itself, in which a failover is refused", observed.status));
    }
    if facts.incident.setbacks.contains(&Setback::FailoverSent) {
        return refuse("a failover was already asked for in this incident; a second one would flip back".to_owned());
    }
    let zone = next.zone.as_deref().unwrap_or("an unknown Availability Zone");
    let writer = observed.writer().map_or_else(|| "nobody".to_owned(), |writer| writer.id.to_string());
    let reason = match named_writer(facts, observed) {
        Some(_) => format!("{} in {zone} can write instead of {writer}, from the same volume", next.id),
        None => format!("RDS chooses who writes instead of {writer}, from the same volume; {} in {zone} serves", next.id),
    };
    let mut weighed = plain(Remedy::ForceFailover, true, reason);
    weighed.option.forecast = Forecast {
        rto: Some(Span::seconds(60)),
        rto_evidence: "RDS documents less than 60 s for a failover to a reader".to_owned(),
        loss: Some(Span::seconds(0)),
        cost: "none".to_owned(),
        risk: "open connections are cut, and the cluster has one reader less until the old writer is back".to_owned(),
    };
    weighed
}

/// Who writes, and who shall write after a failover of a cluster; of an instance RDS knows its standby.
pub(super) fn failover_between(facts: PlanFacts<'_>) -> (Option<DatabaseId>, Option<DatabaseId>) {
    let cluster = facts.observed.filter(|observed| observed.id.kind() == ResourceKind::DbCluster);
    let Some(observed) = cluster else { return (None, None) };
    (observed.writer().map(|writer| writer.id.clone()), named_writer(facts, observed).map(|member| member.id.clone()))
}

/// The members of a cluster that carry a tag; none of an instance.
pub(super) fn members_of(observed: Option<&ObservedDatabase>, tag: &str) -> Result<Vec<Arn>, DrError> {
    let Some(observed) = observed else { return Ok(Vec::new()) };
    let tagged = observed.members.iter().filter(|member| member.tags.contains_key(tag));
    tagged.map(|member| observed.arn.sibling(&member.id)).collect()
}

/// The members of what clients are moved to: those that the plan makes, or those that were retired with their cluster.
pub(super) fn new_members(facts: PlanFacts<'_>, plan: &Plan) -> Result<Vec<Arn>, DrError> {
    let made = plan.calls.iter().filter_map(|call| match &call.act {
        Act::MakeMember { member, .. } => Some(facts.incident.source.arn.sibling(member)),
        _ => None,
    });
    let kept = facts.moved_from.filter(|from| plan.target.as_ref() == Some(&from.source.id)).and_then(|from| from.observed.as_ref());
    let kept = members_of(kept, tags::RETIRED)?;
    made.chain(kept.into_iter().map(Ok)).collect()
}

/// Lifeboat's role ends only sessions on what carries a tag of Lifeboat, and a member does not carry its cluster's.
pub(super) fn untagged_members(observed: &ObservedDatabase) -> Option<String> {
    let ours = [tags::POLICY, tags::INCIDENT, tags::RETIRED];
    let bare = observed.members.iter().filter(|member| !ours.iter().any(|tag| member.tags.contains_key(*tag)));
    let bare: Vec<&str> = bare.map(|member| member.id.as_str()).collect();
    (!bare.is_empty()).then(|| {
        format!(
            "{} of {} does not carry {}, so that Lifeboat's role cannot end its sessions: at a writer the recovery would stop at the fence, and a reader's would go on reading; give members the tags of their cluster",
            bare.join(", "),
            observed.id,
            tags::POLICY
        )
    })
}

/// What a restore is told, with a class that is to be had.
pub(super) fn restored(configuration: &Configuration, class: &str) -> Configuration {
    let mut told = configuration.clone();
    if !configuration.class.is_empty() {
        class.clone_into(&mut told.class);
        return told;
    }
    let own = class_of(configuration).to_owned();
    for member in told.cluster_mut().into_iter().flat_map(|cluster| &mut cluster.members).filter(|member| member.class == own) {
        class.clone_into(&mut member.class);
    }
    told
}

/// Adds the calls that give a restored cluster its members, the preferred one first; `class` replaces one that is not to be had.
pub(super) fn add_members(
    plan: &mut Plan,
    manifest: &Manifest,
    target: &DatabaseId,
    class: &str,
    tags: &BTreeMap<String, String>,
) -> Result<(), DrError> {
    let configuration = &manifest.configuration;
    let Some(cluster) = configuration.cluster().filter(|_| configuration.class.is_empty()) else { return Ok(()) };
    let own = class_of(configuration);
    for (place, member) in cluster.members.iter().enumerate() {
        let settings =
            MemberConfiguration { class: if member.class == own { class.to_owned() } else { member.class.clone() }, ..member.clone() };
        let act = Act::MakeMember {
            member: member_name(target, place)?,
            cluster: target.clone(),
            engine: configuration.engine.clone(),
            settings: Box::new(settings),
            tags: tags.clone(),
        };
        let why = if place == 0 { "a restored cluster has no instances: this one writes" } else { "the source had a reader like this" };
        plan.calls.push(PlannedCall { phase: Phase::Act, act, why: why.to_owned() });
    }
    Ok(())
}

/// The name of a member of a restored cluster, so that a second call meets the first one's result. The end of its cluster's name is
/// kept whole: the roles know a copy by it.
fn member_name(target: &DatabaseId, place: usize) -> Result<DatabaseId, DrError> {
    let (stem, mark) = target.as_str().rsplit_once('-').unwrap_or(("copy", target.as_str()));
    DatabaseId::new(ResourceKind::RdsInstance, deterministic_name(stem, &format!("{mark}-{}", place + 1), 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_named_after_its_cluster_however_long_that_name_is() {
        for stem in ["orders-db".to_owned(), "a".repeat(53)] {
            let target = DatabaseId::new(ResourceKind::DbCluster, format!("{stem}-r1a2b3c4d")).unwrap();
            let names: Vec<String> = (0..15).map(|place| member_name(&target, place).unwrap().to_string()).collect();
            assert!(names.iter().all(|name| name.contains("-r1a2b3c4d-") && name.len() <= 63), "{names:?}");
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 15);
        }
    }
}
