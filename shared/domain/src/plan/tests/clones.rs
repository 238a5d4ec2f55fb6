//! Clones: only by name, beside production, of what is there now.

use super::clusters::{three, world};
use super::*;
use crate::DrError;
use crate::observed::{FENCED, tags};
use crate::status::DatabaseStatus;

/// `orders-db` under a policy that moves clients by itself, and a person asks for a clone of it.
fn asked(scenario: Scenario) -> World {
    let mut asked = world(scenario, "available", three(), &format!("{AUTOMATIC}\nfallback_classes: [db.r6g.xlarge]"));
    asked.incident.request.option = Some(Remedy::Clone);
    asked.quarantine = Some("sg-quarantine");
    asked
}

fn refused(world: &World) -> DrError {
    let manifest = Manifest::of(&world.observed.clone().unwrap_or_else(|| instance("available")), at(0));
    let facts = PlanFacts {
        now: at(60),
        incident: &world.incident,
        policy: &world.policy,
        observed: world.observed.as_ref(),
        manifest: Some(&manifest),
        window: world.window,
        points: &world.points,
        baselines: &[],
        fence_group: world.fence,
        quarantine_group: world.quarantine,
        secret_changed_at: None,
        checks_passed_at: None,
        recovery_times: &[],
        storage_grown_at: None,
        life: None,
        moved_from: None,
        targets: &[],
        caches: &[],
        replicas: &[],
    };
    make_plan(facts).expect_err("it is refused")
}

#[test]
fn a_clone_is_one_cluster_with_one_instance_in_quarantine_and_nothing_else_is_touched() {
    for scenario in [Scenario::HumanError, Scenario::Corruption] {
        let mut asked = asked(scenario);
        asked.observed.as_mut().unwrap().members[0].configuration.class = "db.r6g.4xlarge".into();
        asked.secret_changed_at = Some(at(30));
        let plan = asked.plan().plan;
        let made = ["act rds:RestoreDBClusterToPointInTime", "act rds:CreateDBInstance", "configure rds:ModifyDBCluster"];
        assert_eq!(actions(&plan), made, "deletion protection comes late: {plan:#?}");
        assert!(matches!(&plan.calls[2].act, Act::ReplaySettings { instance, .. } if Some(instance) == plan.target.as_ref()));
        assert_eq!((plan.moves_clients, plan.fence, plan.warm_up.as_ref()), (false, None, None));
        assert_eq!((plan.restore_point, plan.baseline.as_ref()), (None, None), "nothing that it could prove has a time");
        let Act::CloneCluster { source, resource_id, target, settings } = &plan.calls[0].act else { panic!("{:?}", plan.calls) };
        assert_eq!((source, Some(target)), (&asked.incident.source.id, plan.target.as_ref()));
        assert_eq!(*resource_id, asked.incident.source.resource_id);
        assert_eq!(settings.configuration.security_groups, ["sg-quarantine"]);
        assert!(settings.tags.contains_key(tags::INCIDENT) && !settings.tags.contains_key(tags::POLICY), "{:?}", settings.tags);
        let Act::MakeMember { settings, cluster, .. } = &plan.calls[1].act else { panic!("{:?}", plan.calls) };
        assert_eq!((settings.class.as_str(), cluster), ("db.r6g.4xlarge", target), "as the writer is");
        assert!(plan.risks.iter().any(|risk| risk.contains("none of the 2 readers")), "{:?}", plan.risks);
        assert!(!plan.risks.iter().any(|risk| risk.contains(FENCED)), "{:?}", plan.risks);
    }
}

#[test]
fn a_clone_is_asked_about_like_any_chosen_option_and_approved_by_its_hash() {
    let mut asked = asked(Scenario::HumanError);
    let gate = asked.gate();
    assert_eq!(gate.decision, Decision::Ask, "{gate:?}");
    assert!(gate.reason.contains("a person chose clone"), "{gate:?}");
    let plan = asked.plan().plan;
    asked.incident.request.plan = Some(plan.hash.clone());
    assert_eq!(asked.gate().decision, Decision::Execute);
    // Another cluster under the name, or another class, is another plan.
    asked.incident.source.resource_id = "cluster-OTHER".into();
    assert_ne!(asked.plan().plan.hash, plan.hash);
}

#[test]
fn a_moment_is_not_needed_not_applied_and_never_out_of_reach() {
    let mut asked = asked(Scenario::HumanError);
    let plan = asked.plan().plan;
    let reasons: Vec<&str> = plan.options.iter().filter(|option| !option.possible).map(|option| option.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{:?}", plan.options);
    assert!(reasons.iter().all(|reason| reason.contains("name restore_to")), "{reasons:?}");
    asked.incident.request.restore_to = Some(at(-1_000_000));
    let plan = asked.plan().plan;
    assert_eq!((plan.remedy, plan.restore_point), (Some(Remedy::Clone), None));
    assert!(plan.risks.iter().any(|risk| risk.contains("is not applied")), "{:?}", plan.risks);
}

#[test]
fn what_cannot_be_cloned_is_refused_by_its_reason_with_what_is_accepted() {
    type Change = fn(&mut World);
    let rows: [(Change, &str); 8] = [
        (|it| it.incident.request.cut_over = true, "clients are never moved to one"),
        (|it| it.observed = None, "is gone, or another cluster has its name"),
        (|it| it.observed.as_mut().unwrap().configuration.engine = "postgres".into(), "a Multi-AZ DB cluster of postgres"),
        (|it| it.observed.as_mut().unwrap().status = DatabaseStatus::of_no_instances(), "has no instance"),
        (|it| it.observed.as_mut().unwrap().status = DatabaseStatus::new("backtracking"), "RDS reports backtracking"),
        (|it| it.observed.as_mut().unwrap().status = DatabaseStatus::new("failed"), "RDS reports failed"),
        (
            |it| {
                it.incident.setbacks =
                    ["db.r6g.large", "db.r6g.xlarge"].map(|class| Setback::NoCapacity { class: class.into(), target: None }).into();
            },
            "none of the policy's instance classes",
        ),
        (
            |it| {
                let target = it.incident.source.id.clone();
                let failed = Setback::RestoreFailed { target, remedy: Remedy::Clone, text: "restore-error".into() };
                it.incident.setbacks = vec![failed.clone(), failed];
            },
            "it was tried 2 times",
        ),
    ];
    for (change, why) in rows {
        let mut asked = asked(Scenario::HumanError);
        asked.incident.request.restore_to = Some(at(-3600));
        change(&mut asked);
        let error = refused(&asked).to_string();
        assert!(error.contains("clone, which is not possible") && error.contains(why), "{why}: {error}");
    }
}

#[test]
fn a_clone_of_another_kind_or_against_an_outage_is_refused_with_what_is_accepted() {
    let mut instance = World::new(Scenario::HumanError, "available", AUTOMATIC);
    instance.incident.request.option = Some(Remedy::Clone);
    instance.incident.request.restore_to = Some(at(-3600));
    let mut outage = asked(Scenario::Hung);
    outage.incident.request.option = Some(Remedy::Clone);
    let mut timeless = World::new(Scenario::HumanError, "available", AUTOMATIC);
    timeless.incident.request.option = Some(Remedy::Clone);
    assert!(refused(&timeless).to_string().contains("once it is possible: restore_to_time, restore_snapshot"), "{}", refused(&timeless));
    for (world, accepted) in [(instance, "restore_to_time"), (outage, "force_failover")] {
        let error = refused(&world).to_string();
        assert!(error.contains("clone") && error.contains(accepted), "{error}");
    }
}
