//! One account with `orders-db`: the real handlers on the behaviour model, the real machines in virtual time.

mod caches;
mod clients;
mod clusters;
mod disturbance;
mod functions;
mod records;
mod running;

pub use caches::{CACHE, FILLED, Shape, sns};
pub use clients::{rows_inside, rows_of, server_of, write_inside, write_to};
pub use clusters::Made;
pub use disturbance::{Disturbance, How};
pub use running::{BETWEEN_SWEEPS, Ended, machines};

use chrono::{DateTime, Duration, Utc};
use clients::Client;
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_testing::data::Row;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{
    Action, CreateDbInstance, CreateDbInstanceReadReplica, DescribeDbInstances, Fault, FaultKind, InstanceConfig, Model, Settings,
    SubnetGroup, Tag, When,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// The database of the flows.
pub const ORDERS: &str = "orders-db";
/// Its read replica, where it has one.
pub const REPLICA: &str = "orders-db-b";
/// The secret that its clients read.
pub const SECRET: &str = "prod/orders";
/// The policy of the flows.
pub const GOLD: &str = r#"
    mode: automatic
    max_data_loss: 30m
    drill: {waived: "the owner of the flows: they have no drills"}
    cut_over: [secrets_manager]
    fallback_classes: [db.t4g.large]
    fingerprint: [{table: public.orders, key: id, written_at: created_at, append_only: true}]
    warm_up: {relations: [public.orders], at_most: 10m}
    checks: [{name: no bad amounts, sql: "SELECT count(*) FROM orders WHERE amount < 0", expect: "0", watch: true}]
    timing: {poll: 30s, probe_every: 10s, host_recovery_grace: 3m, cool_down: 1m}
"#;

/// Something that happens just before a state runs.
pub type Hook = Box<dyn FnOnce(&Cloud)>;
/// Something that happens just before every state.
pub type Watch = Box<dyn Fn(&Cloud)>;

/// The account.
pub struct Account {
    /// The cloud, shared with the handlers.
    pub cloud: Cloud,
    /// The policies in force.
    pub policies: PolicyDocument,
    /// What is done to one Task of one execution.
    pub disturbance: Option<Disturbance>,
    /// What happens just before a visit to a Task, by its name and the number of the visit, from 1.
    pub before: BTreeMap<(String, usize), Hook>,
    /// What happens just before every Task.
    pub whenever: Option<Watch>,
    /// Tasks whose function is never to be had, by the state's name.
    pub unavailable: Vec<&'static str>,
    /// A person stops the execution just before this state.
    pub stopped_before: Option<&'static str>,
    /// Every Task that ran, in order, as `machine/state`.
    pub tasks: Vec<String>,
    /// Whether sweeps go on every two minutes while a recovery runs.
    pub sweeps_go_on: bool,
    /// A client that keeps writing.
    pub client: Client,
    events: VecDeque<Value>,
    running: Vec<&'static str>,
    dying: bool,
    next_sweep: DateTime<Utc>,
}

/// The checks' answer: how many rows hold a negative amount.
fn bad_amounts(rows: &[Row]) -> Result<String, String> {
    Ok(rows.iter().filter(|row| row.value.starts_with('-')).count().to_string())
}

fn settings() -> Settings {
    let group = SubnetGroup { vpc_id: "vpc-orders".to_owned(), subnets: Vec::new() };
    Settings::aws_like().with(|it| {
        it.closed_groups.insert("sg-fence".to_owned());
        it.prober_groups.insert("sg-quarantine".to_owned());
        it.subnet_groups.insert("orders-private".to_owned(), group);
        it.durations.restoring = Duration::minutes(3);
        it.durations.log_ship_interval = Duration::minutes(2);
    })
}

/// A document with one policy, `gold`.
pub fn policies(gold: &str) -> PolicyDocument {
    let groups = "fence_groups: {vpc-orders: sg-fence}\nquarantine_groups: {vpc-orders: sg-quarantine}";
    let text = format!("version: 1\n{groups}\npolicies:\n  gold:{gold}");
    PolicyDocument::from_yaml(&text).unwrap()
}

impl Account {
    /// `orders-db` exists, holds rows, was backed up and swept, and is well.
    pub async fn new(multi_az: bool) -> Self {
        Self::under(GOLD, multi_az).await
    }

    /// The same under another policy.
    pub async fn under(gold: &str, multi_az: bool) -> Self {
        let account = Self::empty(policies(gold));
        account.create(ORDERS, multi_az, &[]);
        account.lived_in().await
    }

    /// `orders-db`, just created, has its secret, rows and a backup, and was swept.
    async fn lived_in(self) -> Self {
        let mut account = self;
        account.advance(Duration::minutes(20));
        account.cloud.touch().rds.take_events();
        account.make_secret();
        account.write_rows(1..=20);
        account.client.writes = true;
        account.advance(Duration::minutes(5));
        assert!(account.backup().await.is_well(), "tonight's backup ends well");
        account.advance(Duration::minutes(7));
        assert!(account.sweep().await.is_well(), "a sweep of a healthy account ends well");
        account.tasks.clear();
        account
    }

    /// `orders-db` gets a read replica that its owner lets Lifeboat promote.
    pub async fn add_replica(&mut self, name: &str, change: impl FnOnce(&mut InstanceConfig)) {
        let tags = [("lifeboat:promotable", ORDERS), ("team", "shop")];
        self.call(&CreateDbInstanceReadReplica::of(ORDERS, name, &tags).with(change));
        self.pass(Duration::minutes(6)).await;
        assert!(self.sweep().await.is_well(), "a sweep of a healthy account ends well");
        self.tasks.clear();
    }

    /// An account without databases.
    pub fn empty(policies: PolicyDocument) -> Self {
        let start: DateTime<Utc> = "2026-01-15T10:00:00Z".parse().unwrap();
        let cloud = Cloud::new(settings(), start);
        cloud.touch().checks.insert("no bad amounts".to_owned(), Box::new(bad_amounts));
        Self {
            cloud,
            policies,
            disturbance: None,
            before: BTreeMap::new(),
            whenever: None,
            unavailable: Vec::new(),
            stopped_before: None,
            tasks: Vec::new(),
            sweeps_go_on: false,
            client: Client::default(),
            events: VecDeque::new(),
            running: Vec::new(),
            dying: false,
            next_sweep: start,
        }
    }

    /// Makes a database with the tags of a protected one, and others.
    pub fn create(&self, id: &str, multi_az: bool, tags: &[(&str, &str)]) {
        let mut all: BTreeMap<&str, &str> =
            [("lifeboat:policy", "gold"), ("lifeboat:resource", id), ("lifeboat:secret", SECRET), ("team", "shop")].into();
        all.extend(tags.iter().copied());
        let tags = all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| Tag::new(key, value)).collect();
        let request = CreateDbInstance::example(id).with(|it| {
            it.multi_az = Some(multi_az);
            it.db_subnet_group_name = Some("orders-private".to_owned());
            it.vpc_security_group_ids = Some(vec!["sg-app".to_owned()]);
            it.deletion_protection = Some(true);
            it.tags = Some(tags);
        });
        self.call(&request);
    }

    /// The secret names today's address of `orders-db`.
    pub fn make_secret(&self) {
        let (host, port) = self.address(ORDERS);
        let fields = json!({
            "engine": "postgres", "host": host, "port": port,
            "username": "lifeboat", "password": "correct-horse", "dbname": "app",
        });
        self.cloud.touch().put_secret(SECRET, fields);
    }

    /// Makes a call to RDS as somebody else would.
    pub fn call<A: Action>(&self, action: &A) -> A::Output {
        self.cloud.touch().rds.call(action).unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    /// What Describe shows of an instance; null if there is none.
    pub fn instance(&self, id: &str) -> Value {
        let found = self.cloud.touch().rds.call(&DescribeDbInstances::of(id));
        found.map_or(Value::Null, |page| serde_json::to_value(page.db_instances.first()).unwrap())
    }

    /// Something happens to `orders-db` or to another instance.
    pub fn happen<R>(&self, accident: impl FnOnce(&mut Model, DateTime<Utc>) -> R) -> R {
        self.cloud.touch().rds.happen(accident)
    }

    /// Calls go wrong: RDS's by their plain name, others as IAM spells them.
    pub fn fault(&self, action: &str, when: When, kind: FaultKind) {
        self.cloud.touch().add_fault(Fault { action: Some(action.to_owned()), resource: None, when, kind });
    }

    /// Something happens just before a Task runs for the first time.
    pub fn before(&mut self, state: &str, hook: impl FnOnce(&Cloud) + 'static) {
        self.before.insert((state.to_owned(), 1), Box::new(hook));
    }

    /// What the clock shows.
    pub fn time(&self) -> DateTime<Utc> {
        self.cloud.see().rds.now()
    }
}
