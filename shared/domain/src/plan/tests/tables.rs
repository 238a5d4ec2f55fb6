//! Plans for DynamoDB tables: what is given back to a restored one, and what is never asked of one.

use super::*;
use crate::ids::{Arn, DatabaseId, SnapshotId};
use crate::observed::{Configuration, FENCED, KeyAttribute, Own, TableConfiguration, UNFENCED, table_door, table_endpoint};
use crate::status::DatabaseStatus;

pub(super) const BY_PARAMETER: &str =
    "mode: automatic\ncut_over: [{ssm_parameter: {name: /orders/table, holds: host}}]\ndrill: {waived: \"by the test\"}";
const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders_2";

pub(super) fn own() -> TableConfiguration {
    TableConfiguration {
        key: vec![KeyAttribute { name: "id".into(), kind: "S".into() }],
        ttl: Some("ends_at".into()),
        point_in_time_days: Some(35),
        stream: Some("NEW_IMAGE".into()),
        policy: Some(format!("{{\"Resource\":[\"{ARN}\",\"{ARN}/index/x\",\"{ARN}-archive\"]}}")),
        ..TableConfiguration::default()
    }
}

pub(super) fn table() -> ObservedDatabase {
    let id = DatabaseId::new(ResourceKind::DynamodbTable, "Orders_2").unwrap();
    let configuration = Configuration {
        engine: "dynamodb".into(),
        deletion_protection: true,
        security_groups: vec![UNFENCED.into()],
        own: Some(Own::Table(Box::new(own()))),
        ..Configuration::default()
    };
    ObservedDatabase {
        arn: Arn::parse(ARN).unwrap(),
        resource_id: "t-1".into(),
        status: DatabaseStatus::new("ACTIVE"),
        endpoint: Some(table_endpoint(&id)),
        id,
        groups: table_door(false),
        configuration,
        ..instance("available")
    }
}

pub(super) fn world(scenario: Scenario, yaml: &str) -> World {
    let mut world = World::new(scenario, "available", yaml);
    world.incident.kind = ResourceKind::DynamodbTable;
    let source = table();
    (world.incident.source.id, world.incident.source.arn, world.incident.source.resource_id) =
        (source.id.clone(), source.arn.clone(), source.resource_id.clone());
    world.incident.source.endpoint.clone_from(&source.endpoint);
    let parameter = Parameter { value: "Orders_2".into(), kind: "String".into() };
    world.targets = vec![FoundTarget::Parameter(Some(parameter))];
    world.manifest = Some(Manifest::of(&source, at(0)));
    world.observed = Some(source);
    world
}

pub(super) fn actions(plan: &Plan) -> Vec<&'static str> {
    plan.calls.iter().map(|call| call.act.action()).collect()
}

#[test]
fn a_deleted_table_is_restored_from_a_backup_by_its_arn_and_given_back_its_tags_first() {
    let mut world = world(Scenario::Deletion, BY_PARAMETER);
    world.observed = None;
    world.window = None;
    let system = SnapshotId::parse(format!("{ARN}/backup/01-a")).unwrap();
    world.points = vec![UsablePoint { snapshot: system.clone(), data_time: at(-10), shards: None }];
    let plan = world.plan().plan;
    assert_eq!(plan.remedy, Some(Remedy::RestoreSnapshot));
    let expected = [
        "dynamodb:RestoreTableFromBackup",
        "dynamodb:TagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTimeToLive",
        "dynamodb:UpdateTable",
        "dynamodb:PutResourcePolicy",
        "dynamodb:UpdateTable",
        "ssm:PutParameter",
        "dynamodb:TagResource",
        "dynamodb:CreateBackup",
    ];
    assert_eq!(actions(&plan), expected);
    assert!(matches!(&plan.calls[0].act, Act::RestoreFromSnapshot { snapshot, .. } if *snapshot == system));
    assert_eq!(plan.calls[9].act.repeat(), Repeat::AtMostOnce, "two backups may have one name");
    assert_eq!(plan.fence, Some(FencePlan::Gone));
}

#[test]
fn a_policy_that_names_the_old_table_names_the_new_one_and_no_other_table_that_begins_alike() {
    let mut world = world(Scenario::HumanError, BY_PARAMETER);
    world.incident.request.restore_to = Some(at(-3600));
    let plan = world.plan().plan;
    let target = plan.target.clone().unwrap();
    let policy = plan.calls.iter().find_map(|call| match &call.act {
        Act::SetTable { setting: TableSetting::Policy { document }, .. } => Some(document.clone()),
        _ => None,
    });
    let new = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{target}");
    assert_eq!(policy, Some(format!("{{\"Resource\":[\"{new}\",\"{new}/index/x\",\"{ARN}-archive\"]}}")));
    let source = plan.calls.iter().find_map(|call| match &call.act {
        Act::RestoreToPointInTime { source, .. } => Some(source.clone()),
        _ => None,
    });
    assert_eq!(source.as_deref(), Some(ARN), "a table is named by its ARN");
    assert!(!plan.risks.iter().any(|risk| risk.contains("quarantine")), "{:?}", plan.risks);
}

#[test]
fn the_fence_is_one_statement_and_there_are_no_sessions_to_end() {
    let mut world = world(Scenario::HumanError, BY_PARAMETER);
    world.incident.request.restore_to = Some(at(-3600));
    world.incident.request.cut_over = true;
    let plan = world.plan().plan;
    let fence: Vec<&Act> = plan.calls_of(Phase::Fence).map(|(_, call)| &call.act).collect();
    assert!(matches!(fence.as_slice(), [Act::SetSecurityGroups { groups, .. }] if groups == &[FENCED.to_owned()]), "{fence:?}");
    assert_eq!(fence[0].describe(), "dynamodb:PutResourcePolicy Orders_2 denies every write");
    assert_eq!(plan.refusals, Vec::<String>::new());
    assert!(plan.warm_up.is_none());
}

#[test]
fn a_target_without_a_meaning_for_a_table_is_refused_by_its_name() {
    let mut world = world(Scenario::HumanError, AUTOMATIC);
    world.incident.request.restore_to = Some(at(-3600));
    world.incident.request.cut_over = true;
    world.targets = vec![FoundTarget::Secret(None)];
    let refusals = world.plan().plan.refusals;
    assert!(refusals[0].contains("clients find a table by its name alone"), "{refusals:?}");
}

#[test]
fn every_setting_is_shown_by_what_it_was_made_of() {
    let configuration = table().configuration;
    let settings = TableSetting::of(&configuration);
    assert!(settings.iter().all(|setting| setting.is_in(&configuration)), "{settings:?}");
    let bare = Configuration { own: Some(Own::Table(Box::default())), ..Configuration::default() };
    assert!(settings.iter().all(|setting| !setting.is_in(&bare)));
    assert_eq!(settings.last(), Some(&TableSetting::DeletionProtection), "what protects the data first, what protects the table last");
}
