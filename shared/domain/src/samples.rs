//! Sample values for the unit tests of this crate.

use crate::ids::{Arn, DatabaseId, Identity};
use crate::incident::{Incident, IncidentState, Request, Signal, Source, incident_id};
use crate::observed::{Configuration, Endpoint, ObservedDatabase, SecurityGroup, tags};
use crate::policy::{Policy, PolicyDocument};
use crate::probe::{Probe, ProbeOutcome};
use crate::status::DatabaseStatus;
use crate::words::{Plane, ResourceKind, Run, Scenario, Timestamp};

/// 10:25:00 and so many seconds on a day of January 2026.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-01-15T10:25:00Z".parse::<Timestamp>().unwrap() + chrono::TimeDelta::seconds(seconds)
}

pub(crate) fn policy(yaml: &str) -> Policy {
    let indented: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let body = if indented.trim().is_empty() { "    {}\n".to_owned() } else { indented };
    PolicyDocument::from_yaml(&format!("version: 1\npolicies:\n  p:\n{body}")).unwrap().policies.remove("p").unwrap()
}

pub(crate) fn instance(status: &str) -> ObservedDatabase {
    let configuration = Configuration {
        class: "db.m6g.large".into(),
        engine: "postgres".into(),
        engine_version: "15.4".into(),
        vpc: Some("vpc-1".into()),
        security_groups: vec!["sg-app".into()],
        multi_az: true,
        maintenance_window: Some("sun:04:00-sun:04:30".into()),
        master_user: "app".into(),
        ..Configuration::default()
    };
    ObservedDatabase {
        id: DatabaseId::parse("orders-db").unwrap(),
        arn: Arn::parse("arn:aws:rds:us-east-1:123456789012:db:orders-db").unwrap(),
        resource_id: "db-ABC".into(),
        status: DatabaseStatus::new(status),
        endpoint: Some(Endpoint { host: "orders-db.example".into(), port: 5432 }),
        zone: Some("us-east-1a".into()),
        secondary_zone: Some("us-east-1b".into()),
        latest_restorable: Some(at(-300)),
        created_at: None,
        groups: vec![SecurityGroup { id: "sg-app".into(), status: "active".into() }],
        parameter_status: Some("in-sync".into()),
        pending: Vec::new(),
        global: None,
        replica_of: None,
        replication: None,
        replicas: Vec::new(),
        cluster: None,
        members: Vec::new(),
        configuration,
        tags: [(tags::POLICY.into(), "p".into()), (tags::SECRET.into(), "orders".into()), ("team".into(), "shop".into())].into(),
    }
}

pub(crate) fn incident() -> Incident {
    let resource = Identity::parse("orders-db").unwrap();
    let observed = instance("available");
    Incident {
        id: incident_id(&resource, at(0), "RDS-EVENT-0031").unwrap(),
        resource,
        kind: ResourceKind::RdsInstance,
        policy: "p".into(),
        policy_hash: "h".into(),
        source: Source {
            id: observed.id,
            arn: observed.arn,
            resource_id: observed.resource_id,
            engine: Some(observed.configuration.engine),
            endpoint: observed.endpoint,
            secret: Some("orders".into()),
            database: None,
        },
        request: Request {
            run: Run::Execute,
            scenario: None,
            restore_to: None,
            cut_over: false,
            option: None,
            plan: None,
            by_person: false,
        },
        scenario: Some(Scenario::InstanceFailure),
        state: IncidentState::Open,
        outcome: None,
        first_signal_at: at(0),
        opened_at: at(1),
        closed_at: None,
        execution: None,
        attempt: 1,
        plan: None,
        signals: vec![Signal {
            at: at(0),
            plane: Plane::ControlPlane,
            source: "RDS-EVENT-0031".into(),
            text: "put into a failed state".into(),
        }],
        unreachable_since: None,
        failed_probes: 0,
        last_probe_at: None,
        answered: Some(crate::incident::Answered { at: at(-60), security_groups: instance("available").configuration.security_groups }),
        counted_from: None,
        verdict: None,
        waiting_since: None,
        healthy_at: None,
        restored: None,
        setbacks: Vec::new(),
    }
}

pub(crate) fn probe(outcome: ProbeOutcome) -> Probe {
    Probe {
        at: at(10),
        outcome,
        text: format!("the probe found {outcome}"),
        millis: 5,
        writable: Some(true),
        failed_checks: Vec::new(),
        checks_passed: false,
        life: None,
    }
}
