//! Table tests of the quarantine of a restored copy.

use super::{AUTOMATIC, World, actions};
use crate::incident::{Phase, Setback};
use crate::plan::{Act, FencePlan, Plan, Remedy};
use crate::policy::PolicyDocument;
use crate::samples::at;
use crate::words::Scenario;

/// A world in which no failover helps any more.
fn world(scenario: Scenario, status: &str) -> World {
    let mut world = World::new(scenario, status, AUTOMATIC);
    world.incident.setbacks.push(Setback::FailoverSent);
    world
}

fn quarantined(scenario: Scenario, status: &str) -> World {
    World { quarantine: Some("sg-quarantine"), ..world(scenario, status) }
}

fn born_with(plan: &Plan) -> &[String] {
    &plan.restore_settings().unwrap().configuration.security_groups
}

fn opening(plan: &Plan) -> Option<(usize, Vec<String>)> {
    let (index, call) = plan.opening()?;
    let Act::SetSecurityGroups { instance, groups } = &call.act else { panic!("{:?}", call.act) };
    assert_eq!(Some(instance), plan.target.as_ref());
    Some((index, groups.clone()))
}

#[test]
fn a_copy_is_born_in_quarantine_and_gets_its_sources_groups_first_of_all_behind_the_fence() {
    for (status, fence) in [("failed", FencePlan::Terminal), ("available", FencePlan::Group)] {
        let plan = quarantined(Scenario::Hung, status).plan().plan;
        assert_eq!((plan.fence, born_with(&plan)), (Some(fence), ["sg-quarantine".to_owned()].as_slice()));
        let (index, groups) = opening(&plan).unwrap();
        assert_eq!(groups, ["sg-app"]);
        let phases: Vec<Phase> = plan.calls.iter().map(|call| call.phase).collect();
        assert_eq!(phases.iter().position(|phase| *phase == Phase::CutOver), Some(index), "{:?}", actions(&plan));
        assert!(phases.iter().take(index).all(|phase| matches!(phase, Phase::Act | Phase::Configure | Phase::Fence)));
        assert!(!plan.risks.iter().any(|risk| risk.contains("quarantine")), "{:?}", plan.risks);
    }
}

#[test]
fn without_a_group_for_the_vpc_the_copy_is_born_open_and_the_risk_has_a_name() {
    let plan = world(Scenario::Hung, "available").plan().plan;
    assert_eq!((born_with(&plan), opening(&plan)), (["sg-app".to_owned()].as_slice(), None));
    let named = plan.risks.iter().filter(|risk| risk.contains("quarantine_groups names no group for vpc-"));
    assert_eq!(named.count(), 1, "{:?}", plan.risks);
    assert_ne!(plan.hash, quarantined(Scenario::Hung, "available").plan().plan.hash, "the calls are others");
}

#[test]
fn a_copy_beside_production_stays_in_quarantine() {
    let mut world = quarantined(Scenario::HumanError, "available");
    world.incident.request.restore_to = Some(at(-3600));
    let plan = world.plan().plan;
    assert_eq!((plan.moves_clients, born_with(&plan), opening(&plan)), (false, ["sg-quarantine".to_owned()].as_slice(), None));
    assert_eq!(plan.quarantine().unwrap().opens_to, ["sg-app"]);
}

#[test]
fn what_restores_nothing_knows_no_quarantine() {
    let world = World { quarantine: Some("sg-quarantine"), ..World::new(Scenario::Hung, "available", AUTOMATIC) };
    let plan = world.plan().plan;
    assert_eq!((plan.remedy, plan.quarantine(), plan.opening()), (Some(Remedy::ForceFailover), None, None));
}

#[test]
fn a_quarantine_that_would_keep_validate_out_is_refused() {
    let yaml =
        |group: &str| format!("version: 1\npolicies: {{}}\nfence_groups: {{vpc-1: sg-fence}}\nquarantine_groups: {{vpc-1: {group}}}\n");
    let error = PolicyDocument::from_yaml(&yaml("sg-fence")).unwrap_err().to_string();
    assert!(error.contains("quarantine_groups.vpc-1") && error.contains("sg-fence"), "{error}");
    assert!(PolicyDocument::from_yaml(&yaml("sg-quarantine")).is_ok());
}
