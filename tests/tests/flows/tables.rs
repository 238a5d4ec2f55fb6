//! A DynamoDB table: deleted, spoilt, fenced, moved from; told from its break to its end, and told again with disturbances.

mod alarms;
mod disturbed;
mod endings;
pub mod exports;
mod global;
mod kept;
pub mod salvage;

use crate::account::{Account, BETWEEN_SWEEPS, policies};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::observed::{Autoscaling, KeyAttribute, Parameter, TableConfiguration};
use lifeboat_domain::plan::Plan;
use lifeboat_domain::show_time;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::trail_event;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The table of these flows; its identity is that of the other flows, `orders-db`.
const TABLE: &str = "orders";
const RESOURCE: &str = "orders-db";
const PARAMETER: &str = "/shop/orders/table";

const POLICY: &str = r#"
    mode: automatic
    max_data_loss: 30m
    drill: {waived: "the owner of the flows: they have no drills"}
    cut_over: [{ssm_parameter: {name: /shop/orders/table, holds: host}}]
    items: {written_at: written_at, sample: 100, keep_keys: true}
    accept_warnings: [freshness]
    timing: {poll: 30s, probe_every: 10s, host_recovery_grace: 3m, cool_down: 1m}
"#;

fn own() -> TableConfiguration {
    let scaled = |reads| Autoscaling { index: None, reads, least: 5, most: 50, target_percent: Some(70) };
    let mut autoscaling = vec![scaled(true), scaled(false)];
    autoscaling.sort();
    TableConfiguration {
        key: vec![KeyAttribute { name: "id".to_owned(), kind: "S".to_owned() }],
        capacity: Some((5, 5)),
        table_class: Some("STANDARD".to_owned()),
        indexes: vec!["by-customer".to_owned()],
        ttl: Some("ends_at".to_owned()),
        point_in_time_days: Some(35),
        stream: Some("NEW_AND_OLD_IMAGES".to_owned()),
        policy: Some(r#"{"Statement":[{"Effect":"Allow","Resource":"arn:aws:dynamodb:us-east-1:123456789012:table/orders"}]}"#.to_owned()),
        autoscaling,
        kinesis: vec!["arn:aws:kinesis:us-east-1:123456789012:stream/orders".to_owned()],
        insights: vec![String::new()],
        ..TableConfiguration::default()
    }
}

fn item(key: u32, value: &str, at: &str) -> Value {
    json!({"id": {"S": key.to_string()}, "amount": {"N": value}, "written_at": {"S": at}})
}

/// The table exists, holds items, was backed up and swept, and is well.
async fn account() -> Account {
    account_of(own(), POLICY).await
}

async fn account_of(own: TableConfiguration, policy: &str) -> Account {
    let mut account = Account::empty(policies(policy));
    {
        let mut world = account.cloud.touch();
        let now = world.rds.now();
        let tags = [("lifeboat:policy", "gold"), ("lifeboat:resource", RESOURCE), ("team", "shop")];
        world.rds.model.tables.put_table(TABLE, now, own, &tags);
        let parameter = Parameter { value: TABLE.to_owned(), kind: "String".to_owned() };
        world.parameters.insert(PARAMETER.to_owned(), parameter);
        for alarm in alarms::on_the_table() {
            world.alarms.insert(alarm.name().to_owned(), alarm);
        }
    }
    account.advance(Duration::minutes(20));
    for key in 1..=20 {
        write(&account, TABLE, key, Some("1.00"));
    }
    account.advance(Duration::minutes(10));
    assert!(account.backup().await.is_well(), "tonight's backup ends well");
    account.advance(Duration::minutes(7));
    assert!(account.sweep().await.is_well(), "a sweep of a healthy account ends well");
    account.tasks.clear();
    account
}

/// A client writes or deletes an item; whether it is let in.
fn write(account: &Account, table: &str, key: u32, value: Option<&str>) -> bool {
    write_on(&account.cloud, table, key, value)
}

fn write_on(cloud: &Cloud, table: &str, key: u32, value: Option<&str>) -> bool {
    let mut world = cloud.touch();
    let now = world.rds.now();
    let value = value.map(|value| item(key, value, &show_time(now)));
    world.rds.model.tables.write(table, &key.to_string(), value, now).is_ok()
}

/// The items that a table holds now.
fn items(account: &Account, table: &str) -> BTreeMap<String, Value> {
    let world = account.cloud.see();
    world.rds.model.tables.table(table).map(|found| found.items(world.rds.now())).unwrap_or_default()
}

/// Where clients are led.
fn serving(account: &Account) -> String {
    account.cloud.see().parameters[PARAMETER].value.clone()
}

/// The restored copy.
fn copy(account: &Account) -> String {
    let world = account.cloud.see();
    let copy = world.rds.model.tables.all().find(|table| table.restored_from.is_some()).expect("there is a copy");
    copy.name.clone()
}

fn plan(account: &Account) -> Plan {
    let incident = account.incident();
    account.document(&keys::plan(&incident.id, incident.plan.as_ref().unwrap())).unwrap()
}

/// What happens to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Somebody deletes it; a person approves its recovery.
    Deletion,
    /// The same, and EventBridge loses the event: the sweep finds it.
    DeletionUnheard,
    /// Somebody deletes items, and a person asks for a copy beside production.
    HumanError,
    /// The same, then cut over with the plan's hash.
    CutOver,
    /// Another Region is lost, in which clients use the table; a person says so, and approves.
    RegionLost,
    /// Tonight's backup.
    Backup,
}

impl Story {
    /// The account before anything happens.
    async fn begin(self) -> Account {
        match self {
            Self::RegionLost => global::account().await,
            _ => account().await,
        }
    }

    async fn play(self, account: &mut Account) {
        match self {
            Self::Deletion | Self::DeletionUnheard => {
                write(account, TABLE, 20, Some("2.00"));
                account.advance(Duration::seconds(30));
                let now = account.time();
                account.cloud.touch().rds.happen(|model, now| model.tables.delete_behind_back(TABLE, now)).unwrap();
                account.advance(Duration::minutes(1));
                if self == Self::Deletion {
                    account.publish(trail_event("DeleteTable", TABLE, &json!({}), now));
                    account.pass(Duration::seconds(1)).await;
                } else {
                    account.sweeps(1).await;
                }
                account.settle().await;
                approve(account).await;
            }
            Self::HumanError | Self::CutOver => {
                account.pass(Duration::minutes(3)).await;
                write(account, TABLE, 20, Some("2.00"));
                let before = account.time();
                account.pass(Duration::seconds(1)).await;
                for key in 5..=9 {
                    write(account, TABLE, key, None);
                }
                account.pass(Duration::minutes(8)).await;
                let mut input = json!({"resource": RESOURCE, "scenario": "human_error", "restore_to": show_time(before), "run": "execute"});
                if self == Self::CutOver {
                    input["cut_over"] = json!(true);
                }
                account.ask(input).await;
                if self == Self::CutOver {
                    account.settle().await;
                    approve(account).await;
                }
            }
            Self::RegionLost => {
                account.ask(json!({"resource": RESOURCE, "scenario": "region_outage", "run": "execute"})).await;
                account.settle().await;
                approve(account).await;
            }
            Self::Backup => drop(account.backup().await),
        }
        account.settle().await;
        account.sweeps(3).await;
        account.settle().await;
    }
}

/// A person pastes what the message says.
async fn approve(account: &mut Account) {
    while !account.lease_is_free() {
        account.pass(BETWEEN_SWEEPS).await;
    }
    let plan = account.incident().plan.unwrap_or_else(|| panic!("nothing to approve: {}", account.explain()));
    account.answer(json!({"resource": RESOURCE, "plan": plan, "decision": "approve"})).await;
    account.recoveries().await;
}

/// Plays a story; its last incident must have ended so.
async fn told(story: Story, outcome: Outcome) -> (Account, Vec<String>) {
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    let incident = account.incident();
    assert_eq!((incident.state, incident.outcome), (IncidentState::Closed, Some(outcome)), "{}", account.explain());
    assert_eq!(always(&account), Ok(()), "{}", account.explain());
    assert!(account.lease_is_free(), "the lease is given back");
    let calls = account.calls_since(before);
    (account, calls)
}

/// The account after somebody deleted the table, for who reads its messages.
pub async fn deleted() -> Account {
    played(Story::Deletion).await
}

/// The account after a copy was restored beside the table.
pub async fn spoilt() -> Account {
    played(Story::HumanError).await
}

/// The account after a person stopped a cut-over behind the fence.
pub async fn interrupted() -> Account {
    let mut account = account().await;
    account.stopped_before = Some("CutOver");
    Story::CutOver.play(&mut account).await;
    account
}

/// The account after clients were led to the replica of a global table here.
pub async fn led_here() -> Account {
    played(Story::RegionLost).await
}

/// The account after a sweep has found that a global table is not ready.
pub async fn not_ready() -> Account {
    global::not_ready().await
}

/// The account after somebody switched recovery off.
pub async fn unprotected() -> Account {
    let mut account = account().await;
    endings::switch_recovery_off(&mut account).await;
    account
}

async fn played(story: Story) -> Account {
    let mut account = story.begin().await;
    story.play(&mut account).await;
    account
}

/// What must hold however a story went: nothing is deleted, and no two tables that clients could be led to take writes.
fn always(account: &Account) -> Result<(), String> {
    if let Some(call) = account.calls_since(0).iter().find(|call| call.starts_with("DeleteTable") || call.starts_with("DeleteBackup")) {
        return Err(format!("something was deleted: {call}"));
    }
    let serving = serving(account);
    if serving != TABLE && write(account, TABLE, 999, Some("9.99")) {
        return Err(format!("clients were led to {serving}, and {TABLE} takes writes"));
    }
    if account.cloud.see().rds.model.tables.table(&serving).is_some() && !write(account, &serving, 999, Some("9.99")) {
        return Err(format!("clients are led to {serving}, which denies their writes"));
    }
    Ok(())
}

fn actions(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split(' ').next().unwrap()).collect()
}
