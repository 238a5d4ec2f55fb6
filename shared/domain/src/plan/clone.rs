//! A copy-on-write clone of an Aurora cluster: the data as they are now, in a cluster of its own within minutes, whatever their size.
//!
//! It brings nothing back and proves nothing about a recovery point. It is for who wants to look at what is there, take rows from it, or
//! try a repair, before a restore replaces it. So it is made only where a person names it, always beside production, and it moves nobody.

use super::calls::add_restore_calls;
use super::cluster::class_for;
use super::options::{PlanFacts, Weighed, plain, restore_obstacle};
use super::{Act, Forecast, Plan, Remedy, RestoreSettings};
use crate::error::DrError;
use crate::ids::DatabaseId;
use crate::observed::{MemberConfiguration, ObservedDatabase};
use crate::point::Manifest;
use crate::span::Span;
use crate::words::{Scenario, show_time};

/// Whether a person asks for a clone.
pub(super) fn is_chosen(facts: PlanFacts<'_>) -> bool {
    facts.incident.request.option == Some(Remedy::Clone)
}

/// Why a restore cannot be weighed beside a clone: that was asked for without a moment, and nobody knows which to go back to.
pub(super) fn lacks_moment(facts: PlanFacts<'_>, remedy: Remedy) -> Option<String> {
    let request = &facts.incident.request;
    let known = facts.incident.scenario() == Some(Scenario::Corruption) && facts.checks_passed_at.is_some();
    let lacks = is_chosen(facts) && remedy != Remedy::Clone && request.restore_to.is_none() && !known;
    lacks.then(|| "it needs the last moment at which the data was good: name restore_to".to_owned())
}

/// Whether it can be made (Aurora User Guide, "Cloning a volume": Aurora only, the same Region, a cluster with an instance).
pub(super) fn weigh(facts: PlanFacts<'_>) -> Weighed {
    match obstacle(facts) {
        Err(why) => plain(Remedy::Clone, false, why),
        Ok(class) => possible(facts, &class),
    }
}

/// The class of its instance, or why there is no clone.
fn obstacle(facts: PlanFacts<'_>) -> Result<String, String> {
    let source = &facts.incident.source.id;
    if facts.incident.moves_clients() {
        return Err("cut_over was asked for, and a clone holds the same data, damaged or not: clients are never moved to one".to_owned());
    }
    let Some(observed) = facts.observed else {
        return Err(format!("{source} is gone, or another cluster has its name: a clone is made of what is there now"));
    };
    let engine = &observed.configuration.engine;
    if !engine.starts_with("aurora") {
        return Err(format!("RDS clones Aurora clusters only, and {source} is a Multi-AZ DB cluster of {engine}"));
    }
    if observed.status.lacks_instances() {
        return Err(format!("{source} has no instance, and RDS clones only a cluster that has one"));
    }
    if !observed.status.is_serving() {
        return Err(format!("RDS reports {} of {source}, and clones only a cluster that is available", observed.status));
    }
    let manifest = facts.manifest.map(|manifest| of_one_member(manifest, observed));
    let facts = PlanFacts { manifest: manifest.as_ref(), ..facts };
    match (restore_obstacle(facts, Remedy::Clone), class_for(facts)) {
        (Some(obstacle), _) => Err(obstacle),
        (None, class) => class.ok_or_else(|| "the class of its instance is not known".to_owned()),
    }
}

fn possible(facts: PlanFacts<'_>, class: &str) -> Weighed {
    let source = &facts.incident.source.id;
    let reason = format!(
        "{source} as it is now, damaged or not, can stand beside production to be looked at; that brings nothing back, and is done only where option names it"
    );
    let mut weighed = plain(Remedy::Clone, true, reason);
    weighed.option.forecast = Forecast {
        rto: None,
        rto_evidence: "a clone copies no data, so that it takes minutes whatever the size; then its instance is made".to_owned(),
        loss: Some(Span::seconds(0)),
        cost: format!("one instance of {class}, and of storage only what is changed on either side from now on, until it is released"),
        risk: "it shows the damage as it is, and proves nothing about a recovery point".to_owned(),
    };
    weighed
}

/// The call that makes it.
pub(super) fn act(facts: PlanFacts<'_>, target: &DatabaseId, settings: Box<RestoreSettings>) -> Act {
    let source = &facts.incident.source;
    Act::CloneCluster { source: source.id.clone(), resource_id: source.resource_id.clone(), target: target.clone(), settings }
}

/// Its calls are those of a restore beside production, with one instance.
pub(super) fn add_calls(facts: PlanFacts<'_>, plan: &mut Plan, chosen: &Weighed) -> Result<(), DrError> {
    let (Some(manifest), Some(observed)) = (facts.manifest, facts.observed) else {
        return Err(DrError::unrecoverable("a clone was chosen without a source that is there"));
    };
    let alone = of_one_member(manifest, observed);
    let readers = observed.members.len().saturating_sub(1);
    if readers > 0 {
        plan.risks.push(format!(
            "it gets one instance, as the writer is, and none of the {readers} readers: it is to be looked at, not to serve"
        ));
    }
    if let Some(asked) = facts.incident.request.restore_to {
        plan.risks.push(format!("restore_to {} is not applied: a clone holds what is there now", show_time(asked)));
    }
    add_restore_calls(PlanFacts { manifest: Some(&alone), ..facts }, plan, chosen)
}

/// The source's configuration with one instance, as its writer is.
fn of_one_member(manifest: &Manifest, observed: &ObservedDatabase) -> Manifest {
    let mut alone = manifest.clone();
    let writer: Option<MemberConfiguration> = observed.writer().map(|writer| writer.configuration.clone());
    if let Some(cluster) = alone.configuration.cluster_mut() {
        let first = writer.or_else(|| cluster.members.first().cloned());
        cluster.members = first.into_iter().collect();
    }
    alone
}
