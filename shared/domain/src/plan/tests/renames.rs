//! A swap of names in a plan: the calls, the names that hold afterwards, what it costs, and what keeps it from being made.

use super::*;
use crate::observed::tags;
use crate::plan::{NameHolders, kept_name};

const SWAP: &str = "mode: automatic\ncut_over: [rename_swap]\ndrill: {waived: \"by the test\"}\nmax_data_loss: 10m";

fn world(scenario: Scenario, status: &str) -> World {
    let mut world = World::new(scenario, status, SWAP);
    world.incident.setbacks.push(Setback::FailoverSent);
    let identity = world.incident.resource.to_string();
    world.observed.iter_mut().for_each(|observed| drop(observed.tags.insert(tags::RESOURCE.to_owned(), identity.clone())));
    let name = Some(world.incident.source.resource_id.clone());
    world.targets = vec![FoundTarget::Names(NameHolders { name, kept_as: None })];
    world
}

#[test]
fn both_renames_are_planned_and_what_follows_names_what_holds_after_them() {
    let world = world(Scenario::Hung, "available");
    let plan = world.plan().plan;
    assert_eq!((plan.refusals.clone(), world.gate().decision), (Vec::new(), Decision::Execute));
    let source = &world.incident.source;
    let (kept, to) = (kept_name(&world.incident).unwrap(), plan.target.clone().unwrap());
    let moves: Vec<&Act> = plan.calls_of(Phase::CutOver).map(|(_, call)| &call.act).collect();
    let first = Act::RenameInstance { instance: source.id.clone(), resource_id: Some(source.resource_id.clone()), to: kept.clone() };
    let second = Act::RenameInstance { instance: to.clone(), resource_id: None, to: source.id.clone() };
    assert_eq!(moves, [&first, &second]);
    let closing: Vec<String> = plan.calls_of(Phase::Close).map(|(_, call)| call.act.describe()).collect();
    let on = |action: &str, name: &DatabaseId| closing.iter().any(|call| call.starts_with(&format!("{action} {name} ")));
    assert!(on("rds:AddTagsToResource", &kept) && on("rds:RemoveTagsFromResource", &kept), "{closing:?}");
    assert!(on("rds:AddTagsToResource", &source.id) && !closing.iter().any(|call| call.contains(to.as_str())), "{closing:?}");
    assert!(closing.iter().any(|call| call.ends_with(&format!("of {}", source.id))), "{closing:?}");
    assert!(plan.risks.iter().any(|risk| risk.contains("10 min for each, 20 min for both")), "{:?}", plan.risks);
    assert!(plan.forecast().unwrap().rto_evidence.contains("20 min"), "{:?}", plan.forecast());
}

#[test]
fn a_source_that_is_gone_needs_one_rename_only() {
    let mut world = world(Scenario::Deletion, "available");
    (world.observed, world.targets) = (None, vec![FoundTarget::Names(NameHolders::default())]);
    let plan = world.plan().plan;
    assert_eq!((plan.calls_of(Phase::CutOver).count(), plan.refusals.len()), (1, 0), "{:?}", plan.refusals);
    assert!(plan.forecast().unwrap().rto_evidence.contains("10 min"), "{:?}", plan.forecast());
}

#[test]
fn a_name_that_cannot_be_moved_is_refused_with_its_reason() {
    let other = Some("db-ANOTHER".to_owned());
    let own = Some(incident().source.resource_id);
    let table = [
        (Scenario::InstanceFailure, "failed", NameHolders { name: own.clone(), kept_as: None }, "RDS refuses changes in status failed"),
        (Scenario::AzOutage, "available", NameHolders { name: own.clone(), kept_as: None }, "while its Availability Zone is dark"),
        (Scenario::Hung, "available", NameHolders { name: other.clone(), kept_as: None }, "another instance (db-ANOTHER) has it now"),
        (Scenario::Hung, "available", NameHolders { name: own, kept_as: other }, "is the name of another instance (db-ANOTHER)"),
    ];
    for (scenario, status, holders, because) in table {
        let mut world = world(scenario, status);
        world.targets = vec![FoundTarget::Names(holders)];
        let gate = world.gate();
        assert_eq!(gate.decision, Decision::Ask, "{because}");
        assert!(gate.reason.contains("the name orders-db cannot be given") && gate.reason.contains(because), "{}", gate.reason);
    }
}

#[test]
fn a_source_that_is_known_by_its_name_only_does_not_give_it_up() {
    let mut world = world(Scenario::Hung, "available");
    world.observed.iter_mut().for_each(|observed| drop(observed.tags.remove(tags::RESOURCE)));
    let gate = world.gate();
    assert_eq!(gate.decision, Decision::Ask);
    assert!(gate.reason.contains("the name orders-db cannot be given"), "{}", gate.reason);
    assert!(gate.reason.contains("add lifeboat:resource=orders-db to it"), "{}", gate.reason);
    assert_eq!(world.plan().plan.calls_of(Phase::CutOver).count(), 0);
}
