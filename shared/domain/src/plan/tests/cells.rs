//! Every cell of the decision matrix: what is planned for each scenario of each kind, whatever exists.

use super::*;
use crate::ids::SnapshotId;
use crate::observed::{Member, MemberConfiguration, Own, Replication, TableConfiguration, tags};
use crate::probe::{ProbeOutcome, ReplicaLook};
use crate::replica::Replica;
use crate::status::DatabaseStatus;

/// A table is found by its name, and used in a Region.
const OF_TABLES: &str = "mode: automatic
cut_over: [{ssm_parameter: {name: /orders/table, holds: host}}, {ssm_parameter: {name: /orders/region, holds: region}}]
drill: {waived: \"by the test\"}
max_data_loss: 10m";

/// What a recovery could start from.
#[derive(Debug, Clone, Copy)]
struct Exists {
    /// The source itself.
    source: bool,
    /// A standby, or another node that AWS may make the first one.
    second: bool,
    /// A read replica that may be promoted.
    replica: bool,
    /// A restorable window that holds the wanted moment.
    window: bool,
    /// A recovery point that is old enough.
    point: bool,
    /// What the source follows in another Region.
    followed: bool,
}

impl Exists {
    fn every() -> impl Iterator<Item = Self> {
        (0_u8..64).map(|bits| {
            let has = |bit: u8| bits & (1 << bit) != 0;
            Self { source: has(0), second: has(1), replica: has(2), window: has(3), point: has(4), followed: has(5) }
        })
    }

    /// Whether a remedy is possible with it, in the words of the runbooks and not of the code.
    fn allows(self, kind: ResourceKind, scenario: Scenario, remedy: Remedy) -> bool {
        match remedy {
            // A replication group that was never made has nothing to promote.
            Remedy::ForceFailover if (kind, scenario) == (ResourceKind::ReplicationGroup, Scenario::InstanceFailure) => false,
            Remedy::ForceFailover => self.source && self.second,
            Remedy::RebuildCold => kind == ResourceKind::ReplicationGroup,
            Remedy::PromoteReplica => self.replica && kind == ResourceKind::RdsInstance,
            Remedy::RestoreLatest | Remedy::RestoreToTime => self.window,
            Remedy::RestoreSnapshot => self.point,
            Remedy::TakeOver => self.source && self.followed,
            Remedy::GrowStorage => self.source,
            Remedy::Clone => self.source && kind == ResourceKind::DbCluster,
            // No recovery has moved clients here.
            Remedy::SwapBack => false,
            Remedy::Guided => true,
        }
    }
}

/// The status in which a scenario finds its source.
const fn status(kind: ResourceKind, scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::InstanceFailure if matches!(kind, ResourceKind::ReplicationGroup) => "create-failed",
        Scenario::InstanceFailure => "failed",
        Scenario::StorageFull => "storage-full",
        _ => "available",
    }
}

fn member(name: &str, is_writer: bool) -> Member {
    Member {
        id: DatabaseId::parse(name).unwrap(),
        is_writer,
        status: DatabaseStatus::new("available"),
        zone: None,
        tags: std::collections::BTreeMap::new(),
        parameter_status: None,
        shard: None,
        configuration: MemberConfiguration { class: "db.r6g.large".into(), ..MemberConfiguration::default() },
    }
}

fn source(kind: ResourceKind, scenario: Scenario, exists: Exists) -> ObservedDatabase {
    let mut observed = instance(status(kind, scenario));
    observed.id = DatabaseId::new(kind, "orders-db").unwrap();
    observed.configuration.multi_az = exists.second;
    observed.configuration.allocated_storage = Some(100);
    if exists.followed && kind == ResourceKind::DynamodbTable {
        let own = TableConfiguration { replicas: vec!["eu-west-1".to_owned()], ..TableConfiguration::default() };
        observed.configuration.own = Some(Own::Table(Box::new(own)));
    }
    observed.replica_of = exists.followed.then(|| "arn:aws:rds:eu-west-1:123456789012:cluster:orders-home".to_owned());
    if kind == ResourceKind::DbCluster {
        observed.configuration.engine = "aurora-postgresql".to_owned();
    }
    if kind != ResourceKind::RdsInstance {
        // A cluster is what its writer is.
        observed.members = vec![Member { status: observed.status.clone(), ..member("orders-1", true) }];
        observed.members.extend(exists.second.then(|| member("orders-2", false)));
    }
    observed
}

fn replica() -> Replica {
    let mut observed = instance("available");
    observed.id = DatabaseId::parse("orders-db-b").unwrap();
    observed.replica_of = Some("orders-db".into());
    observed.replication = Some(Replication { status: "replicating".into(), normal: true, message: None });
    observed.tags = [(tags::PROMOTABLE.to_owned(), "orders-db".to_owned())].into();
    let look = ReplicaLook {
        at: at(30),
        outcome: ProbeOutcome::Answers,
        text: "answers".into(),
        in_recovery: Some(true),
        newest: Some(at(-1)),
        backlog_bytes: Some(0),
    };
    Replica { observed, look: Some(look) }
}

fn plan(kind: ResourceKind, scenario: Scenario, exists: Exists) -> Plan {
    let policy = if kind == ResourceKind::DynamodbTable { OF_TABLES } else { AUTOMATIC };
    let mut world = World::new(scenario, status(kind, scenario), policy);
    if kind == ResourceKind::DynamodbTable {
        let holds = |value: &str| FoundTarget::Parameter(Some(Parameter { value: value.into(), kind: "String".into() }));
        world.targets = vec![holds("orders-db"), holds("eu-west-1")];
    }
    let source = source(kind, scenario, exists);
    world.incident.kind = kind;
    world.incident.source.id = source.id.clone();
    if scenario.is_about_data() {
        world.incident.request.restore_to = Some(at(-3600));
    }
    if !exists.window {
        world.window = None;
    }
    if exists.point {
        world.points = vec![UsablePoint { snapshot: SnapshotId::parse("nightly").unwrap(), data_time: at(-7200), shards: None }];
    }
    // A replica may outlive its source; that it is still listed is not asked here.
    world.replicas = exists.replica.then(replica).into_iter().collect();
    world.manifest = Some(Manifest::of(&source, at(0)));
    world.observed = exists.source.then_some(source);
    world.plan().plan
}

#[test]
fn each_cell_plans_the_first_option_of_its_row_that_exists_allows_and_says_why_of_each_other() {
    let mut cells = 0;
    for row in MATRIX {
        for exists in Exists::every() {
            let plan = plan(row.kind, row.scenario, exists);
            let cell = format!("{} {} {exists:?}: {}", row.kind, row.scenario, plan.reason);
            // A replica that would lose more than a restore never goes first; here it loses less.
            // A clone brings nothing back: it is never chosen but by name, whatever else is impossible.
            let possible = |remedy: &Remedy| *remedy != Remedy::Clone && exists.allows(row.kind, row.scenario, *remedy);
            let expected = row.remedies.iter().copied().find(possible);
            assert_eq!(plan.remedy, expected, "{cell}");
            assert_eq!(plan.options.len(), row.remedies.len(), "{cell}");
            for option in &plan.options {
                assert_eq!(option.possible, exists.allows(row.kind, row.scenario, option.remedy), "{cell}: {option:?}");
                assert!(!option.reason.is_empty(), "{cell}: {}", option.remedy);
            }
            assert_eq!(plan.calls.is_empty(), plan.remedy.is_none_or(|remedy| remedy == Remedy::Guided), "{cell}");
            assert!(plan.target.as_ref().is_none_or(|target| target.kind() == row.kind), "{cell}");
            cells += 1;
        }
    }
    assert_eq!(cells, 64 * MATRIX.len());
}

#[test]
fn no_plan_deletes_anything() {
    for row in MATRIX {
        for exists in Exists::every() {
            let plan = plan(row.kind, row.scenario, exists);
            assert!(plan.calls.iter().all(|call| !call.act.action().contains("Delete")), "{} {}", row.kind, row.scenario);
        }
    }
}
