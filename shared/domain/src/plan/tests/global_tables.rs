//! Plans for tables that have replicas in other Regions: clients are led from Region to Region, or from table to table, never both.

use super::tables::{BY_PARAMETER, actions, table, world};
use super::*;
use crate::global_table::{GlobalTable, TableReplica};
use crate::observed::{Own, TableConfiguration};
use crate::plan::is_approvable;
use crate::span::Span;
use crate::status::DatabaseStatus;

const BOTH: &str = "mode: automatic
cut_over: [{ssm_parameter: {name: /orders/table, holds: host}}, {ssm_parameter: {name: /orders/region, holds: region}}]
restart: [lambda_function: {name: orders-api}]
drill: {waived: \"by the test\"}";
const REGION_ONLY: &str = "mode: automatic
cut_over: [{ssm_parameter: {name: /orders/region, holds: region}}]
drill: {waived: \"by the test\"}";

fn parameter(value: &str) -> FoundTarget {
    FoundTarget::Parameter(Some(Parameter { value: value.into(), kind: "String".into() }))
}

fn replicated(change: impl FnOnce(&mut GlobalTable)) -> ObservedDatabase {
    let replica = TableReplica { region: "eu-west-1".into(), status: "ACTIVE".into(), ..TableReplica::default() };
    let mut global = GlobalTable { version: Some("2019.11.21".into()), is_strong: false, replicas: vec![replica] };
    change(&mut global);
    let mut table = table();
    if let Some(Own::Table(own)) = &mut table.configuration.own {
        **own = TableConfiguration { replicas: vec!["eu-west-1".into()], global: Some(Box::new(global)), ..(**own).clone() };
    }
    table
}

/// Clients go to the Region that the parameter names.
fn lost(yaml: &str, held: &str) -> World {
    let mut world = world(Scenario::RegionOutage, yaml);
    let source = replicated(|_| {});
    world.manifest = Some(Manifest::of(&source, at(0)));
    world.observed = Some(source);
    world.targets = match yaml {
        BOTH => vec![parameter("Orders_2"), parameter(held)],
        _ => vec![parameter(held)],
    };
    world
}

#[test]
fn clients_are_led_to_the_replica_here_and_dynamodb_is_asked_for_nothing_but_a_backup() {
    let plan = lost(BOTH, "eu-west-1").plan().plan;
    assert_eq!(plan.remedy, Some(Remedy::TakeOver), "{}", plan.reason);
    assert_eq!(actions(&plan), ["ssm:PutParameter", "lambda:UpdateFunctionConfiguration", "dynamodb:CreateBackup"]);
    assert_eq!(plan.calls[0].act.describe(), "ssm:PutParameter /orders/region Region us-east-1, for Orders_2");
    assert_eq!((plan.fence, plan.moves_clients), (Some(FencePlan::Elsewhere), true));
    assert_eq!(plan.target_resource_id.as_deref(), Some("t-1"), "another table under its name takes nothing over");
    assert_eq!(plan.forecast().unwrap().loss, None, "the other Region is not asked");
    let risks = plan.risks.join("\n");
    for said in ["split brain", "the later one stays in every Region", "arrives, and writes over nothing", "/orders/table stays as it is"] {
        assert!(risks.contains(said), "{said}: {risks}");
    }
    assert!(plan.guidance.iter().any(|line| line.contains("The way back is a parameter")), "{:?}", plan.guidance);
}

#[test]
fn a_global_table_of_strong_consistency_loses_nothing() {
    let mut world = lost(BOTH, "eu-west-1");
    world.observed = Some(replicated(|global| global.is_strong = true));
    let plan = world.plan().plan;
    assert_eq!(plan.forecast().unwrap().loss, Some(Span::seconds(0)));
    assert!(plan.risks[0].contains("STRONG") && !plan.risks.iter().any(|risk| risk.contains("not replicated")), "{:?}", plan.risks);
}

#[test]
fn what_the_table_lacks_is_a_risk_of_its_plan() {
    let mut world = lost(BOTH, "eu-west-1");
    let mut bare = replicated(|global| global.replicas[0].status = "REGION_DISABLED".into());
    bare.configuration.deletion_protection = false;
    world.observed = Some(bare);
    let risks = world.plan().plan.risks.join("\n");
    for said in ["Orders_2 has a replica in eu-west-1 that is REGION_DISABLED", "Orders_2 has no deletion protection in us-east-1"] {
        assert!(risks.contains(said), "{said}: {risks}");
    }
}

#[test]
fn a_plan_stays_the_same_plan_once_its_parameter_was_written() {
    let before = lost(BOTH, "eu-west-1").plan().plan;
    let after = lost(BOTH, "us-east-1").plan().plan;
    assert_eq!(before.hash, after.hash, "or a recovery that was cut off could not be taken up");
    assert!(after.risks.iter().any(|risk| risk.contains("holds us-east-1 already: nobody")), "{:?}", after.risks);
}

#[test]
fn a_parameter_that_names_no_region_of_the_replicas_is_refused_and_what_may_be_a_secret_is_not_shown() {
    for (held, shown) in [("eu-north-1", "holds eu-north-1, which is no Region"), ("hunter2", "holds something, which is no Region")] {
        let plan = lost(BOTH, held).plan().plan;
        assert!(plan.refusals.len() == 1 && plan.refusals[0].contains(shown), "{:?}", plan.refusals);
        assert!(!is_approvable(&plan, &lost(BOTH, held).policy));
        assert!(!serde_json::to_string(&plan).unwrap().contains("hunter2"));
    }
    let mut secret = lost(BOTH, "eu-west-1");
    secret.targets[1] = FoundTarget::Parameter(Some(Parameter { value: "AQIC".into(), kind: "SecureString".into() }));
    assert!(secret.plan().plan.refusals[0].contains("is a SecureString"));
    let mut gone = lost(BOTH, "eu-west-1");
    gone.targets[1] = FoundTarget::Parameter(None);
    assert!(gone.plan().plan.refusals[0].contains("there is no parameter /orders/region"));
}

#[test]
fn a_table_that_could_not_serve_alone_takes_nothing_over_and_the_reason_is_told() {
    let mut worlds: Vec<(World, &str)> = vec![(lost(BY_PARAMETER, "Orders_2"), "names no ssm_parameter with holds: region")];
    for status in ["CREATING", "REPLICATION_NOT_AUTHORIZED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS", "ARCHIVED", "DELETING"] {
        let mut world = lost(BOTH, "eu-west-1");
        world.observed = world.observed.map(|table| ObservedDatabase { status: DatabaseStatus::new(status), ..table });
        worlds.push((world, status));
    }
    let mut disabled = lost(BOTH, "eu-west-1");
    disabled.observed = Some(replicated(|global| {
        global.replicas.push(TableReplica { region: "us-east-1".into(), status: "REGION_DISABLED".into(), ..TableReplica::default() });
    }));
    worlds.push((disabled, "REGION_DISABLED in us-east-1"));
    let mut alone = lost(BOTH, "eu-west-1");
    alone.observed = Some(table());
    worlds.push((alone, "no replica in another Region"));
    let mut gone = lost(BOTH, "eu-west-1");
    gone.observed = None;
    worlds.push((gone, "does not exist in this Region"));
    for (world, why) in worlds {
        let plan = world.plan().plan;
        assert_eq!((plan.remedy, plan.calls.len()), (Some(Remedy::Guided), 0), "{why}: {}", plan.reason);
        assert!(plan.reason.contains(why), "{why}: {}", plan.reason);
        assert!(!plan.guidance.is_empty(), "{why}");
    }
}

#[test]
fn a_recovery_within_the_region_moves_the_name_and_leaves_the_region_alone_and_says_so() {
    for (yaml, moves) in [(BOTH, true), (REGION_ONLY, false)] {
        let mut world = world(Scenario::HumanError, yaml);
        world.incident.request.restore_to = Some(at(-3600));
        world.incident.request.cut_over = true;
        world.targets = match yaml {
            BOTH => vec![parameter("Orders_2"), parameter("us-east-1")],
            _ => vec![parameter("us-east-1")],
        };
        let plan = world.plan().plan;
        assert_eq!((plan.moves_clients, plan.refusals.len()), (moves, 0), "{yaml}: {:?}", plan.refusals);
        let region = plan.calls.iter().any(|call| call.act.describe().contains("/orders/region"));
        let risks = plan.risks.join("\n");
        assert!(!region && risks.contains("/orders/region stays as it is: it holds the Region of clients"), "{risks}");
        assert_eq!(risks.contains("names no way to move clients of Orders_2 within their Region"), !moves, "{risks}");
    }
}

#[test]
fn only_a_table_is_used_from_region_to_region() {
    let mut instance = World::new(Scenario::InstanceFailure, "failed", REGION_ONLY);
    instance.targets = vec![parameter("us-east-1")];
    let plan = instance.plan().plan;
    assert!(plan.refusals.len() == 1 && plan.refusals[0].contains("only a DynamoDB table has one name in several Regions"), "{plan:?}");
}
