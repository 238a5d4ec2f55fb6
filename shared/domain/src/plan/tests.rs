//! Table tests of plans and gates.

use super::*;
use crate::incident::{Incident, Setback};
use crate::observed::{DnsRecord, Endpoint, ObservedDatabase, Parameter, ProxyGroup, ProxyTarget, RestoreWindow};
use crate::point::Manifest;
use crate::policy::{Breaker, Policy};
use crate::samples::{at, incident, instance, policy};
use crate::words::{ResourceKind, Run};

mod caches;
mod cells;
mod clones;
mod clusters;
mod global_tables;
mod promotion;
mod quarantine;
mod renames;
mod tables;

const AUTOMATIC: &str = "mode: automatic\ncut_over: [secrets_manager]\ndrill: {waived: \"by the test\"}\nmax_data_loss: 10m";

struct World {
    incident: Incident,
    observed: Option<ObservedDatabase>,
    policy: Policy,
    window: Option<RestoreWindow>,
    points: Vec<UsablePoint>,
    fence: Option<&'static str>,
    quarantine: Option<&'static str>,
    secret_changed_at: Option<Timestamp>,
    targets: Vec<FoundTarget>,
    replicas: Vec<crate::replica::Replica>,
    caches: Vec<crate::caches::FoundCache>,
    manifest: Option<Manifest>,
}

impl World {
    fn new(scenario: Scenario, status: &str, yaml: &str) -> Self {
        let mut incident = incident();
        incident.scenario = Some(scenario);
        Self {
            incident,
            observed: Some(instance(status)),
            policy: policy(yaml),
            window: Some(RestoreWindow { earliest: at(-86_400), latest: at(-240) }),
            points: Vec::new(),
            fence: Some("sg-fence"),
            quarantine: None,
            secret_changed_at: None,
            targets: Vec::new(),
            replicas: Vec::new(),
            caches: Vec::new(),
            manifest: None,
        }
    }

    fn plan(&self) -> Planned {
        let today = || Manifest::of(&self.observed.clone().unwrap_or_else(|| instance("available")), at(0));
        let manifest = self.manifest.clone().unwrap_or_else(today);
        make_plan(PlanFacts {
            now: at(60),
            incident: &self.incident,
            policy: &self.policy,
            observed: self.observed.as_ref(),
            manifest: Some(&manifest),
            window: self.window,
            points: &self.points,
            baselines: &[],
            fence_group: self.fence,
            quarantine_group: self.quarantine,
            secret_changed_at: self.secret_changed_at,
            checks_passed_at: Some(at(-600)),
            recovery_times: &[],
            storage_grown_at: None,
            life: None,
            moved_from: None,
            targets: &self.targets,
            caches: &self.caches,
            replicas: &self.replicas,
        })
        .unwrap()
    }

    fn gate(&self) -> Gate {
        let planned = self.plan();
        let facts = GateFacts {
            kind: ResourceKind::RdsInstance,
            now: at(60),
            request: &self.incident.request,
            question: None,
            policy: &self.policy,
            breaker: &Breaker::default(),
            recent_incidents: 1,
            last_recovery: None,
            last_drill: None,
            pause: None,
            wait_for: planned.wait_for,
        };
        decide(&planned.plan, facts)
    }
}

fn actions(plan: &Plan) -> Vec<String> {
    plan.calls.iter().map(|call| format!("{} {}", call.phase, call.act.action())).collect()
}

#[test]
fn a_failed_instance_is_restored_fenced_by_its_status_and_cut_over() {
    let plan = World::new(Scenario::InstanceFailure, "failed", AUTOMATIC).plan().plan;
    assert_eq!(plan.remedy, Some(Remedy::RestoreLatest));
    assert_eq!(plan.fence, Some(FencePlan::Terminal));
    assert_eq!(
        actions(&plan),
        [
            "act rds:RestoreDBInstanceToPointInTime",
            "configure rds:ModifyDBInstance",
            "cut_over secretsmanager:PutSecretValue",
            "close rds:AddTagsToResource",
            "close rds:AddTagsToResource",
            "close rds:RemoveTagsFromResource",
            "close rds:CreateDBSnapshot",
        ]
    );
}

#[test]
fn a_hung_multi_az_instance_fails_over_once_and_is_restored_only_after_that() {
    let mut world = World::new(Scenario::Hung, "available", AUTOMATIC);
    assert_eq!(world.plan().plan.remedy, Some(Remedy::ForceFailover));
    world.incident.setbacks.push(Setback::FailoverSent);
    let plan = world.plan().plan;
    assert_eq!(plan.remedy, Some(Remedy::RestoreLatest));
    assert!(actions(&plan).contains(&"fence rds:RebootDBInstance".to_owned()), "an instance that may wake up is fenced first");
}

#[test]
fn a_restored_copy_never_inherits_what_would_make_it_look_protected() {
    let plan = World::new(Scenario::InstanceFailure, "failed", AUTOMATIC).plan().plan;
    let Some(Act::RestoreToPointInTime { settings, .. }) = plan.calls.first().map(|call| call.act.clone()) else { panic!("no restore") };
    let keys: Vec<&str> = settings.tags.keys().map(String::as_str).collect();
    assert_eq!(keys, ["lifeboat:incident", "team"]);
    assert_eq!(settings.configuration, instance("failed").configuration, "every setting is passed");
}

#[test]
fn human_error_restores_beside_unless_cut_over_is_asked_for() {
    let mut world = World::new(Scenario::HumanError, "available", AUTOMATIC);
    world.incident.request.restore_to = Some(at(-3600));
    let plan = world.plan().plan;
    assert!(!plan.moves_clients);
    assert!(plan.calls.iter().all(|call| matches!(call.phase, Phase::Act | Phase::Configure)), "{:?}", actions(&plan));
    world.incident.request.cut_over = true;
    assert!(world.plan().plan.moves_clients);
    assert_eq!(world.gate().decision, Decision::Ask, "dropping writes is never automatic");
}

#[test]
fn the_hash_stays_while_only_time_passes_and_changes_with_what_is_done() {
    let mut world = World::new(Scenario::InstanceFailure, "failed", AUTOMATIC);
    let first = world.plan().plan.hash;
    world.window = Some(RestoreWindow { earliest: at(-86_400), latest: at(-200) });
    assert_eq!(world.plan().plan.hash, first);
    world.secret_changed_at = Some(at(-100));
    assert_ne!(world.plan().plan.hash, first, "a password reset is one call more");
}

#[test]
fn a_secret_rotated_after_the_restore_point_has_its_password_reset() {
    let mut world = World::new(Scenario::InstanceFailure, "failed", AUTOMATIC);
    world.secret_changed_at = Some(at(-100));
    assert!(world.plan().plan.calls.iter().any(|call| matches!(call.act, Act::ResetMasterPassword { .. })));
    world.secret_changed_at = Some(at(-100_000));
    assert!(!world.plan().plan.calls.iter().any(|call| matches!(call.act, Act::ResetMasterPassword { .. })));
}

#[test]
fn a_time_that_is_not_restorable_yet_is_waited_for_and_one_before_the_window_is_refused() {
    let mut world = World::new(Scenario::HumanError, "available", AUTOMATIC);
    world.incident.request.restore_to = Some(at(-100));
    let gate = world.gate();
    assert_eq!(gate.decision, Decision::Wait, "{}", gate.reason);
    world.incident.request.restore_to = Some(at(-90_000));
    let manifest = Manifest::of(&instance("available"), at(0));
    let facts = PlanFacts {
        now: at(60),
        incident: &world.incident,
        policy: &world.policy,
        observed: world.observed.as_ref(),
        manifest: Some(&manifest),
        window: world.window,
        points: &[],
        baselines: &[],
        fence_group: None,
        quarantine_group: None,
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
    let error = make_plan(facts).unwrap_err();
    assert_eq!(error.name(), crate::ErrorName::InvalidInput);
    assert!(error.message().contains("restore_to") && error.message().contains("2026-01-14T10:25:00Z"), "{error}");
}

#[test]
fn capacity_that_lacks_leads_to_the_next_class_and_then_to_a_refusal() {
    let mut world = World::new(Scenario::InstanceFailure, "failed", &format!("{AUTOMATIC}\nfallback_classes: [db.r6g.large]"));
    world.incident.setbacks.push(Setback::NoCapacity { class: "db.m6g.large".into(), target: None });
    let plan = world.plan().plan;
    let Some(Act::RestoreToPointInTime { settings, .. }) = plan.calls.first().map(|call| call.act.clone()) else { panic!("no restore") };
    assert_eq!(settings.configuration.class, "db.r6g.large");
    world.incident.setbacks.push(Setback::NoCapacity { class: "db.r6g.large".into(), target: None });
    assert_eq!(world.plan().plan.remedy, None);
}

#[test]
fn a_failed_restore_takes_the_next_name() {
    let mut world = World::new(Scenario::InstanceFailure, "failed", AUTOMATIC);
    let first = world.plan().plan.target.unwrap();
    world.incident.setbacks.push(Setback::RestoreFailed {
        target: first.clone(),
        remedy: Remedy::RestoreLatest,
        text: "restore-error".into(),
    });
    assert_ne!(world.plan().plan.target.unwrap(), first);
}

#[test]
fn a_source_that_cannot_be_fenced_is_never_cut_over_from() {
    let mut world = World::new(Scenario::Hung, "available", AUTOMATIC);
    world.incident.setbacks.push(Setback::FailoverSent);
    world.fence = None;
    world.incident.request.plan = Some(world.plan().plan.hash);
    let gate = world.gate();
    assert_eq!(gate.decision, Decision::Ask);
    assert!(gate.reason.contains("split brain"), "{}", gate.reason);
}

#[test]
fn gates_refuse_with_a_reason_and_what_would_lift_it() {
    let failed = |yaml: &str| World::new(Scenario::InstanceFailure, "failed", yaml);
    let cases: Vec<(&str, World, &str)> = vec![
        ("observe is the default", failed("cut_over: [secrets_manager]"), "observe"),
        ("approve asks", failed("mode: approve\ncut_over: [secrets_manager]"), "approve"),
        ("too much loss", failed("mode: automatic\ncut_over: [secrets_manager]\nmax_data_loss: 1m\ndrill: {waived: x}"), "max_data_loss"),
        ("never drilled", failed("mode: automatic\ncut_over: [secrets_manager]\nmax_data_loss: 10m"), "drill"),
        ("deletion", World::new(Scenario::Deletion, "failed", AUTOMATIC), "always for a person"),
    ];
    for (name, world, words) in cases {
        let gate = world.gate();
        assert_eq!(gate.decision, Decision::Ask, "{name}");
        assert!(gate.reason.contains(words), "{name}: {}", gate.reason);
        assert!(gate.lift.is_some(), "{name} says what would lift it");
    }
    assert_eq!(failed(AUTOMATIC).gate().decision, Decision::Execute);
}

#[test]
fn a_named_plan_must_be_this_plan() {
    let mut world = World::new(Scenario::InstanceFailure, "failed", "mode: approve\ncut_over: [secrets_manager]");
    world.incident.request.plan = Some(world.plan().plan.hash);
    assert_eq!(world.gate().decision, Decision::Execute);
    world.incident.request.plan = Some(PlanHash::parse("a".repeat(64)).unwrap());
    let gate = world.gate();
    assert_eq!(gate.decision, Decision::Ask);
    assert!(gate.reason.contains("moved on"), "{}", gate.reason);
}

#[test]
fn a_plan_only_run_stops_whatever_the_mode() {
    for yaml in ["mode: observe", AUTOMATIC] {
        let mut world = World::new(Scenario::InstanceFailure, "failed", yaml);
        world.incident.request.run = Run::Plan;
        assert_eq!(world.gate().decision, Decision::Stop);
    }
}

#[test]
fn every_scenario_makes_a_plan_or_guides_a_person() {
    for scenario in Scenario::ALL.iter().filter(|scenario| **scenario != Scenario::Undo) {
        let mut world = World::new(*scenario, "available", AUTOMATIC);
        world.incident.request.restore_to = scenario.is_about_data().then(|| at(-3600));
        let plan = world.plan().plan;
        assert!(plan.remedy.is_some(), "{scenario}");
        assert!(plan.remedy != Some(Remedy::Guided) || !plan.guidance.is_empty(), "{scenario} guides");
    }
}

const EVERYWHERE: &str = "mode: automatic
drill: {waived: \"by the test\"}
max_data_loss: 10m
cut_over:
  - secrets_manager
  - route53: {zone: Z1, record: db.example.com}
  - ssm_parameter: {name: /orders/host, holds: host}
  - rds_proxy: {proxy: orders}
restart:
  - ecs_service: {cluster: shop, service: orders}
  - webhook: {name: rollout, url: \"https://rollout.example.com\", secret: prod/rollout}";

fn record(values: &[&str], ttl: u32) -> DnsRecord {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    DnsRecord { kind: "CNAME".to_owned(), values, ttl: Some(ttl), is_alias: false, is_routed: false }
}

fn behind(instances: &[&str]) -> FoundTarget {
    let target = |instance: &&str| ProxyTarget { instance: (*instance).to_owned(), is_available: true, health: String::new() };
    let endpoint = Endpoint { host: "orders.proxy.example".to_owned(), port: 5432 };
    FoundTarget::Proxy(Some(ProxyGroup { endpoint, targets: instances.iter().map(target).collect() }))
}

fn parameter(kind: &str, value: &str) -> FoundTarget {
    FoundTarget::Parameter(Some(Parameter { value: value.to_owned(), kind: kind.to_owned() }))
}

fn everywhere() -> World {
    let mut world = World::new(Scenario::InstanceFailure, "failed", EVERYWHERE);
    world.targets = vec![
        FoundTarget::Secret(None),
        FoundTarget::Record(vec![record(&["orders-db.example"], 5)]),
        parameter("String", "orders-db.example"),
        behind(&["orders-db"]),
    ];
    world
}

#[test]
fn every_target_and_every_consumer_stands_in_the_plan_in_the_policys_order_with_its_parameters() {
    let world = everywhere();
    let plan = world.plan().plan;
    assert_eq!((plan.refusals.clone(), world.gate().decision), (Vec::new(), Decision::Execute), "{:?}", plan.refusals);
    let moves: Vec<String> =
        plan.calls.iter().filter(|call| call.phase == Phase::CutOver || call.act.is_restart()).map(|call| call.act.describe()).collect();
    let to = plan.target.as_ref().unwrap();
    assert_eq!(
        moves,
        [
            format!("secretsmanager:PutSecretValue orders host and port of {to}"),
            format!("route53:ChangeResourceRecordSets db.example.com CNAME in Z1, TTL 5 s, to the host of {to}"),
            format!("ssm:PutParameter /orders/host host of {to}"),
            "rds:DeregisterDBProxyTargets orders-db in target group default of proxy orders".to_owned(),
            format!("rds:RegisterDBProxyTargets {to} in target group default of proxy orders"),
            "ecs:UpdateService shop/orders ForceNewDeployment=true".to_owned(),
            "https:POST rollout https://rollout.example.com".to_owned(),
        ]
    );
    let mut longer = everywhere();
    longer.targets[1] = FoundTarget::Record(vec![record(&["orders-db.example"], 300)]);
    let longer = longer.plan().plan;
    assert_ne!(longer.hash, plan.hash, "what is approved names the TTL");
    assert!(longer.risks.iter().any(|risk| risk.contains("up to 300 s") && risk.contains("db.example.com")), "{:?}", longer.risks);
    assert!(!plan.risks.iter().any(|risk| risk.contains("TTL")), "{:?}", plan.risks);
}

#[test]
fn a_target_that_cannot_be_moved_is_refused_by_its_name_when_the_plan_is_made() {
    let alias = DnsRecord { ttl: None, is_alias: true, kind: "A".to_owned(), ..record(&["orders.elb.example"], 5) };
    let routed = DnsRecord { is_routed: true, ..record(&["orders-db.example"], 5) };
    let address = DnsRecord { kind: "A".to_owned(), ..record(&["10.0.0.1"], 5) };
    let table = [
        (0, FoundTarget::Secret(Some("rds".to_owned())), "secret orders is managed by rds"),
        (1, FoundTarget::Record(Vec::new()), "there is no record db.example.com in zone Z1"),
        (1, FoundTarget::Record(vec![alias]), "is an alias of orders.elb.example"),
        (1, FoundTarget::Record(vec![routed]), "has a routing policy"),
        (1, FoundTarget::Record(vec![address]), "is of type A"),
        (2, FoundTarget::Parameter(None), "there is no parameter /orders/host"),
        (2, parameter("SecureString", "AQICAHh"), "parameter /orders/host is a SecureString"),
        (2, parameter("String", "postgres://app:hunter2@orders-db.example/app"), "does not hold a host"),
        (2, FoundTarget::Unreadable("ssm:GetParameter answered AccessDenied".to_owned()), "parameter /orders/host cannot be read"),
        (3, FoundTarget::Proxy(None), "there is no proxy orders with a target group default"),
        (3, behind(&["carts-db"]), "leads to carts-db, which is not the source"),
    ];
    for (place, found, refusal) in table {
        let mut world = everywhere();
        world.targets[place] = found;
        let (plan, gate) = (world.plan().plan, world.gate());
        assert_eq!(gate.decision, Decision::Ask, "{refusal}");
        assert!(gate.reason.contains(refusal), "{}", gate.reason);
        assert!(gate.lift.is_some() && !format!("{plan:?}").contains("hunter2"));
    }
}

#[test]
fn a_target_that_leads_elsewhere_is_a_named_risk_and_an_empty_proxy_is_only_filled() {
    let mut world = everywhere();
    world.targets[1] = FoundTarget::Record(vec![record(&["carts-db.example"], 5)]);
    world.targets[2] = parameter("String", "carts-db.example");
    world.targets[3] = behind(&[]);
    let plan = world.plan().plan;
    let elsewhere = plan.risks.iter().filter(|risk| risk.contains("carts-db.example, which is not the address of the source")).count();
    assert_eq!((elsewhere, plan.refusals.len()), (2, 0), "{:?} {:?}", plan.risks, plan.refusals);
    assert!(!plan.calls.iter().any(|call| matches!(call.act, Act::RemoveProxyTarget { .. })));
    world.incident.source.endpoint = None;
    let plan = world.plan().plan;
    let blamed = plan.risks.iter().any(|risk| risk.contains("not the address of the source"));
    assert!(!blamed, "its address is not known, so that nothing can be said of another one: {:?}", plan.risks);
}

#[test]
fn a_warm_up_that_clients_wait_for_is_a_named_risk_a_part_of_the_hash_and_changes_no_call() {
    let plain = everywhere();
    let mut warm = everywhere();
    warm.policy.warm_up = Some(WarmUpRule { relations: vec!["public.orders".to_owned()], largest: 0, at_most: crate::Span::minutes(7) });
    let rule = warm.policy.warm_up.clone();
    let mut longer = everywhere();
    longer.policy.warm_up = rule.clone().map(|rule| WarmUpRule { at_most: crate::Span::minutes(8), ..rule });
    let (plain, warm, longer) = (plain.plan().plan, warm.plan().plan, longer.plan().plan);
    assert!(warm.risks.iter().any(|risk| risk.contains("loaded lazily") && risk.contains("up to 7 min")), "{:?}", warm.risks);
    assert!(!plain.risks.iter().any(|risk| risk.contains("lazily")), "{:?}", plain.risks);
    assert_eq!((&plain.warm_up, &warm.warm_up, &warm.calls), (&None, &rule, &plain.calls));
    assert!(warm.hash != plain.hash && longer.hash != warm.hash, "who approves one wait has not approved another");
}
