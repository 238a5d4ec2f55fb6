//! What is planned otherwise for a DB cluster: a failover chooses its writer, and a restored Aurora cluster is given its members.

use super::options::{PlanFacts, Weighed, plain};
use super::{Act, Forecast, Plan, PlannedCall, Remedy};
use crate::error::DrError;
use crate::ids::{DatabaseId, deterministic_name};
use crate::incident::{Phase, Setback};
use crate::observed::{Configuration, Member, MemberConfiguration, ObservedDatabase};
use crate::point::Manifest;
use crate::span::Span;
use crate::words::ResourceKind;
use std::collections::BTreeMap;

/// The class that a restore wants: an Aurora cluster has none itself, but its members have.
pub(super) fn class_of(configuration: &Configuration) -> &str {
    match configuration.cluster() {
        Some(cluster) if configuration.class.is_empty() => cluster.members.first().map_or("", |member| &member.class),
        _ => &configuration.class,
    }
}

/// The member that shall write next: of those that serve, the one that RDS itself prefers (the least promotion tier, then the class of
/// today's writer).
pub(super) fn next_writer(observed: &ObservedDatabase) -> Option<&Member> {
    let class = observed.writer().map(|writer| writer.configuration.class.as_str());
    let readers = observed.members.iter().filter(|member| !member.is_writer && member.status.is_serving());
    readers.min_by_key(|member| {
        (member.configuration.promotion_tier, class.is_some_and(|class| class != member.configuration.class), member.id.clone())
    })
}

pub(super) fn weigh_failover(facts: PlanFacts<'_>, observed: &ObservedDatabase) -> Weighed {
    let refuse = |reason: String| plain(Remedy::ForceFailover, false, reason);
    let Some(next) = next_writer(observed) else {
        return refuse("no other member of the cluster serves: there is nothing to fail over to".to_owned());
    };
    if facts.incident.setbacks.contains(&Setback::FailoverSent) {
        return refuse("a failover was already asked for in this incident; a second one would flip back".to_owned());
    }
    let zone = next.zone.as_deref().unwrap_or("an unknown Availability Zone");
    let writer = observed.writer().map_or_else(|| "nobody".to_owned(), |writer| writer.id.to_string());
    let reason = format!("{} in {zone} can write instead of {writer}, from the same volume", next.id);
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

/// Who shall write after a failover of a cluster; of an instance RDS knows its standby.
pub(super) fn failover_to(observed: Option<&ObservedDatabase>) -> Option<DatabaseId> {
    let observed = observed.filter(|observed| observed.id.kind() == ResourceKind::DbCluster)?;
    next_writer(observed).map(|member| member.id.clone())
}

/// What a restore is told, with a class that is to be had.
pub(super) fn restored(configuration: &Configuration, class: &str) -> Configuration {
    let is_made_of_members = configuration.class.is_empty();
    Configuration { class: if is_made_of_members { String::new() } else { class.to_owned() }, ..configuration.clone() }
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

/// The name of a member of a restored cluster, so that a second call meets the first one's result.
fn member_name(target: &DatabaseId, place: usize) -> Result<DatabaseId, DrError> {
    DatabaseId::new(ResourceKind::RdsInstance, deterministic_name(target.as_str(), &(place + 1).to_string(), 63))
}
