//! Stories to tell: a failed instance that was recovered, and a mistake restored beside production.

pub(crate) use super::world::World;
use lifeboat_domain::acting::{CallState, CutOver, CutOverState, Fence, FenceState, TargetEntry, TargetMove};
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, IncidentId, PlanHash, SnapshotId};
use lifeboat_domain::incident::{Incident, IncidentState, Phase, Request, Restored, Signal, Source};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::observed::{Configuration, Endpoint};
use lifeboat_domain::plan::{Act, FencePlan, Forecast, Plan, PlannedCall, RankedOption, Remedy, RestoreSettings};
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::validation::{Check, KeyRanges, SideDifference, TableDifference, Validation};
use lifeboat_domain::words::{Grade, Plane, ResourceKind, Run, Scenario};
use lifeboat_domain::{Span, Timestamp};
use serde_json::json;

pub(crate) const EXECUTION: &str =
    "arn:aws:states:eu-central-1:123456789012:execution:lifeboat-recovery:orders-db-20260115t103000z-5e0f7a11-1";
pub(crate) const INCIDENT: &str = "inc-20260115t103000z-5e0f7a11";

pub(crate) fn time(text: &str) -> Timestamp {
    format!("2026-01-15T{text}Z").parse().unwrap()
}

pub(crate) fn id(text: &str) -> DatabaseId {
    DatabaseId::parse(text).unwrap()
}

pub(crate) fn resource() -> Identity {
    Identity::parse("orders-db").unwrap()
}

pub(crate) fn incident_id() -> IncidentId {
    IncidentId::parse(INCIDENT).unwrap()
}

pub(crate) fn arn(name: &str) -> Arn {
    Arn::parse(format!("arn:aws:rds:eu-central-1:123456789012:db:{name}")).unwrap()
}

pub(crate) fn endpoint(name: &str) -> Endpoint {
    Endpoint { host: format!("{name}.c9akciq32.eu-central-1.rds.amazonaws.com"), port: 5432 }
}

fn request() -> Request {
    Request { run: Run::Execute, scenario: None, restore_to: None, cut_over: false, option: None, plan: None, by_person: false }
}

fn incident() -> Incident {
    Incident {
        id: incident_id(),
        resource: resource(),
        kind: ResourceKind::RdsInstance,
        policy: "gold".to_owned(),
        policy_hash: "4f".repeat(32),
        source: Source {
            id: id("orders-db"),
            arn: arn("orders-db"),
            resource_id: "db-OLD0EXAMPLE".to_owned(),
            engine: Some("postgres".to_owned()),
            endpoint: Some(endpoint("orders-db")),
            secret: Some("prod/orders-db".to_owned()),
            database: Some("orders".to_owned()),
        },
        request: request(),
        scenario: Some(Scenario::InstanceFailure),
        state: IncidentState::Open,
        outcome: None,
        first_signal_at: time("10:30:00"),
        opened_at: time("10:30:06"),
        closed_at: None,
        execution: Some(EXECUTION.to_owned()),
        attempt: 1,
        plan: None,
        signals: vec![
            Signal {
                at: time("10:30:00"),
                plane: Plane::ControlPlane,
                source: "RDS-EVENT-0031".to_owned(),
                text: "orders-db was put into failed state".to_owned(),
            },
            Signal {
                at: time("10:30:04"),
                plane: Plane::ControlPlane,
                source: "describe".to_owned(),
                text: "RDS reports failed".to_owned(),
            },
            Signal {
                at: time("10:30:09"),
                plane: Plane::DataPlane,
                source: "probe".to_owned(),
                text: "connection refused by orders-db:5432 after 12 ms".to_owned(),
            },
        ],
        unreachable_since: Some(time("10:30:09")),
        failed_probes: 1,
        last_probe_at: Some(time("10:30:09")),
        verdict: None,
        answered: None,
        counted_from: None,
        waiting_since: None,
        healthy_at: None,
        restored: None,
        setbacks: Vec::new(),
    }
}

fn record() -> ResourceRecord {
    serde_json::from_value(json!({
        "resource": "orders-db", "kind": "rds_instance", "policy": "gold", "id": "orders-db", "arn": arn("orders-db"),
        "resource_id": "db-OLD0EXAMPLE", "secret": "prod/orders-db", "manifest": null, "open_incident": INCIDENT, "generation": 4,
        "last_recovery": null, "recovery_times": ["8m"], "failed_probes": 0, "unreachable_since": null, "checks_passed_at": null, "last_drill": null
    }))
    .unwrap()
}

fn forecast(rto: Option<Span>, evidence: &str, loss: Option<Span>, cost: &str, risk: &str) -> Forecast {
    Forecast { rto, rto_evidence: evidence.to_owned(), loss, cost: cost.to_owned(), risk: risk.to_owned() }
}

fn options(chosen: Remedy) -> Vec<RankedOption> {
    let second = "a second instance of the same size until one of the two is released";
    let lazy = "blocks are loaded lazily: the first reads are slow";
    vec![
        RankedOption {
            remedy: chosen,
            possible: true,
            reason: "point-in-time recovery reaches 2026-01-15T10:27:30Z".to_owned(),
            forecast: forecast(Some(Span::minutes(8)), "what its one timed recovery took", Some(Span::seconds(150)), second, lazy),
        },
        RankedOption {
            remedy: Remedy::RestoreSnapshot,
            possible: true,
            reason: "snapshot lifeboat-orders-db-20260115 holds data up to 2026-01-15T01:00:12Z".to_owned(),
            forecast: forecast(Some(Span::minutes(8)), "what its one timed recovery took", Some(Span::seconds(34_188)), second, lazy),
        },
        RankedOption {
            remedy: Remedy::ForceFailover,
            possible: false,
            reason: "the instance is Single-AZ: there is no standby".to_owned(),
            forecast: forecast(None, "depends on a person", None, "none by Lifeboat", "time"),
        },
    ]
}

fn tags(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A restore with or without the move of the clients.
pub(crate) fn plan(scenario: Scenario, remedy: Remedy, moves_clients: bool) -> Plan {
    let target = id("orders-db-r7c21d0aa");
    let settings = Box::new(RestoreSettings {
        configuration: Configuration { class: "db.r6g.large".to_owned(), ..Configuration::default() },
        opens_to: Vec::new(),
        tags: tags(&[("lifeboat:incident", INCIDENT)]),
    });
    let at = (remedy == Remedy::RestoreToTime).then(|| time("10:25:00"));
    let mut calls = vec![(
        Phase::Act,
        Act::RestoreToPointInTime { source: "db-OLD0EXAMPLE".to_owned(), at, target: target.clone(), settings },
        "the newest data that can be restored",
    )];
    if moves_clients {
        calls.push((
            Phase::CutOver,
            Act::PointSecret { secret: "prod/orders-db".to_owned(), instance: target.clone() },
            "clients find the new database through it",
        ));
        calls.push((
            Phase::Close,
            Act::AddTags { arn: arn("orders-db"), tags: tags(&[("lifeboat:retired", INCIDENT)]) },
            "the old one is never judged again, and never deleted by Lifeboat",
        ));
        calls.push((
            Phase::Close,
            Act::AddTags {
                arn: arn("orders-db-r7c21d0aa"),
                tags: tags(&[("lifeboat:policy", "gold"), ("lifeboat:resource", "orders-db"), ("lifeboat:secret", "prod/orders-db")]),
            },
            "the new one carries the identity and the policy",
        ));
        calls.push((
            Phase::Close,
            Act::RemoveTags { arn: arn("orders-db"), keys: vec!["lifeboat:policy".to_owned()] },
            "one identity, one protected database",
        ));
        let snapshot = SnapshotId::parse("lifeboat-orders-db-first-91c0ffee").unwrap();
        calls.push((
            Phase::Close,
            Act::CreateSnapshot { instance: target.clone(), snapshot, tags: tags(&[("lifeboat:resource", "orders-db")]) },
            "the first recovery point of the new database",
        ));
    }
    let mut plan = Plan {
        hash: PlanHash::parse("0".repeat(64)).unwrap(),
        resource: resource(),
        incident: incident_id(),
        scenario,
        made_at: time("10:30:15"),
        remedy: Some(remedy),
        moves_clients,
        target: Some(target),
        target_resource_id: None,
        restore_point: Some(if remedy == Remedy::RestoreToTime { time("10:25:00") } else { time("10:27:30") }),
        baseline: None,
        calls: calls.into_iter().map(|(phase, act, why)| PlannedCall { phase, act, why: why.to_owned() }).collect(),
        fence: moves_clients.then_some(FencePlan::Terminal),
        options: options(remedy),
        warm_up: None,
        risks: if moves_clients {
            vec!["orders-db cannot be fenced by a security group: RDS refuses changes in status failed, which it also never leaves by itself; a login is proven to fail before clients move".to_owned()]
        } else {
            Vec::new()
        },
        guidance: Vec::new(),
        refusals: Vec::new(),
        reason: "point-in-time recovery reaches 2026-01-15T10:27:30Z".to_owned(),
        policy_hash: "4f".repeat(32),
    };
    plan.hash = plan.hash_of().unwrap();
    plan
}

fn checks() -> Vec<Check> {
    let check = |name: &str, text: &str, millis| Check { millis, ..Check::new(name, Grade::Pass, text) };
    vec![
        check("reachability", "orders-db-r7c21d0aa accepts connections", 8),
        check("login", "the login of today's secret works", 31),
        check("role", "it accepts writes", 4),
        check("tables", "12 of 12 tables exist", 17),
        check("data", "public.orders: 104,882 rows at or below id 104882, hash as in the fingerprint", 912),
        check("freshness", "newest row of public.orders is of 2026-01-15T10:27:28Z, 2 s before the restore point", 6),
        check("configuration", "all settings are as on the source", 0),
        check("orders_total", "the policy's check returned 0, as expected", 44),
    ]
}

pub(crate) fn restored() -> Restored {
    Restored {
        id: id("orders-db-r7c21d0aa"),
        arn: arn("orders-db-r7c21d0aa"),
        endpoint: Some(endpoint("orders-db-r7c21d0aa")),
        resource_id: None,
    }
}

/// An incident that was opened and judged; nothing else.
pub(crate) fn judged() -> World {
    let world = World::new();
    world.put(keys::incident(&incident_id()), &incident());
    world.put(keys::record(&resource()), &record());
    world.tell("10:30:00", Phase::Detect, "RDS-EVENT-0031: orders-db was put into failed state");
    world.tell("10:30:06", Phase::Detect, "lease 1 of orders-db taken by this execution");
    world.tell("10:30:12", Phase::Judge, "failed: RDS reports failed, which it does not leave by itself, and the probe agrees: connection refused by orders-db:5432 after 12 ms (first silent 3 s ago)");
    world
}

/// With a plan; nothing was done yet.
pub(crate) fn planned(plan: &Plan) -> World {
    let world = judged();
    world.put(keys::plan(&incident_id(), &plan.hash), plan);
    world.change_incident(|incident| {
        incident.plan = Some(plan.hash.clone());
        incident.scenario = Some(plan.scenario);
    });
    let short = &plan.hash.as_str()[..8];
    world.tell(
        "10:30:15",
        Phase::Plan,
        &format!(
            "plan {short}: {}, because {}; execute: the policy's mode for instance_failure is automatic",
            plan.remedy.unwrap(),
            plan.reason
        ),
    );
    world
}

/// Restored and checked; nobody was moved.
pub(crate) fn restored_beside(plan: &Plan) -> World {
    let world = planned(plan);
    world.made(plan, 0, CallState::Done, "10:30:18", Some("10:30:20"), "AWS accepted it");
    world.tell("10:30:20", Phase::Act, "rds:RestoreDBInstanceToPointInTime orders-db-r7c21d0aa: AWS accepted it");
    world.tell("10:37:02", Phase::Act, "orders-db-r7c21d0aa is available");
    world.tell("10:37:40", Phase::Configure, "the configuration equals the source's");
    world.tell("10:38:15", Phase::Validate, "validation PASS: 8 of 8 checks passed");
    world.put(
        keys::validation(&incident_id()),
        &Validation { at: time("10:38:15"), checks: checks(), newest_data: Some(time("10:27:28")), write_mark: None },
    );
    world.change_incident(|incident| incident.restored = Some(restored()));
    world
}

/// The whole way: clients moved, identity moved.
pub(crate) fn recovered() -> World {
    moved(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true))
}

/// Clients moved by `plan`, identity moved.
pub(crate) fn moved(plan: &Plan) -> World {
    let world = restored_beside(plan);
    let text = "orders-db is failed, which RDS never leaves by itself; it accepts no change";
    world.put(
        keys::fence(&incident_id()),
        &Fence { state: FenceState::Proven, groups_before: Vec::new(), group: None, text: text.to_owned(), at: time("10:38:30") },
    );
    world.tell(
        "10:38:30",
        Phase::Fence,
        "the fence is proven: nothing accepts a new connection to the source (orders-db: connection refused)",
    );
    let cut_over = CutOver {
        targets: vec![TargetEntry {
            moves: TargetMove::Secret {
                secret: "prod/orders-db".to_owned(),
                before: endpoint("orders-db"),
                after: endpoint("orders-db-r7c21d0aa"),
                token: String::new(),
            },
            state: CutOverState::Verified,
            text: "verified from the client's side".to_owned(),
            at: time("10:38:44"),
        }],
        began_at: time("10:38:44"),
        opened_at: None,
        left_sessions: false,
        sessions_ended_at: None,
        closed: None,
        back_since: None,
        back_refused: 0,
    };
    world.put(keys::cut_over(&incident_id()), &cut_over);
    world.made(plan, 1, CallState::Done, "10:38:40", Some("10:38:41"), "AWS accepted it");
    world.tell("10:38:44", Phase::CutOver, "a client that reads prod/orders-db reaches orders-db-r7c21d0aa and may write");
    for (index, at) in [(2, "10:38:50"), (3, "10:38:52"), (4, "10:38:53"), (5, "10:38:55")] {
        world.made(plan, index, CallState::Done, at, Some(at), "AWS accepted it");
    }
    world.tell("10:38:55", Phase::Close, "orders-db is now orders-db-r7c21d0aa");
    world.change(keys::record(&resource()), |record: &mut ResourceRecord| {
        record.id = id("orders-db-r7c21d0aa");
        record.arn = arn("orders-db-r7c21d0aa");
        record.resource_id = "db-NEW0EXAMPLE".to_owned();
    });
    world.change_incident(|incident| incident.healthy_at = Some(time("10:38:50")));
    world
}

/// Rows deleted by mistake, restored to the second before, beside production.
pub(crate) fn mistake() -> World {
    let mut plan = plan(Scenario::HumanError, Remedy::RestoreToTime, false);
    plan.reason = "point-in-time recovery reaches 2026-01-15T10:25:00Z".to_owned();
    plan.calls[0].why.clone_from(&plan.reason);
    plan.options[0].reason.clone_from(&plan.reason);
    let world = restored_beside(&plan);
    world.change_incident(|incident| {
        incident.request =
            Request { scenario: Some(Scenario::HumanError), restore_to: Some(time("10:25:00")), by_person: true, ..request() };
        incident.unreachable_since = None;
        incident.failed_probes = 0;
        incident.signals = vec![Signal {
            at: time("10:30:00"),
            plane: Plane::Person,
            source: "person".to_owned(),
            text: "asked to carry out human_error".to_owned(),
        }];
    });
    world.deps.ledger.documents.borrow_mut().retain(|key, _| !key.sort.starts_with("timeline#2026-01-15T10:30:"));
    world.tell("10:30:00", Phase::Detect, "person: asked to carry out human_error");
    world.tell("10:30:12", Phase::Judge, "failed: human_error was named in the request; the server itself need not be down for that");
    world.tell(
        "10:30:15",
        Phase::Plan,
        &format!(
            "plan {}: restore_to_time, because {}; execute: a person approved exactly this plan",
            &plan.hash.as_str()[..8],
            plan.reason
        ),
    );
    world.tell("10:30:20", Phase::Act, "rds:RestoreDBInstanceToPointInTime orders-db-r7c21d0aa: AWS accepted it");
    let table = TableDifference {
        table: "public.orders".to_owned(),
        source_rows: 104_402,
        restored_rows: 104_802,
        only_restored: KeyRanges { count: 500, ranges: vec![("1001".to_owned(), "1500".to_owned())] },
        only_source: KeyRanges { count: 100, ranges: vec![("104803".to_owned(), "104902".to_owned())] },
        changed: KeyRanges::default(),
        sampled: false,
    };
    world.put(keys::difference(&incident_id()), &SideDifference { at: time("10:38:20"), tables: vec![table] });
    world.tell("10:38:20", Phase::Validate, "public.orders: 500 rows only in the copy, 100 only in production");
    world
}
