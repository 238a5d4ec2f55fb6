//! A shop's database, its copy, and the ports to them.

use crate::{Deps, handle};
use lifeboat_domain::error::{CallClass, CallError};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::point::{Fingerprint, TableFingerprint};
use lifeboat_domain::policy::{FingerprintTable, PolicyDocument, SqlCheck};
use lifeboat_domain::ports::{
    Answer, Clock, Credentials, Documents, FlushCaches, Key, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets, ResolveNames, Secret,
    SecretVersion, Target, Versioned, VisitLimits, Written,
};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::salvage::{CompareItems, Condition, Page, Put, Segment, TableFacts, WriteItems};
use lifeboat_domain::validation::{Check, KeyRanges, TableDifference};
use lifeboat_domain::words::Grade;
use lifeboat_domain::{DrError, Timestamp};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

pub(super) const INCIDENT: &str = "inc-20260115t102500z-1a2b3c4d";
pub(super) const POLICIES: &str = "
version: 1
policies:
  gold:
    accept_warnings: []
    fingerprint: [{table: public.orders, key: id, written_at: written_at, append_only: true}, {table: public.carts, key: id}]
    checks: [{name: no_negative_total, sql: SELECT 0, expect: '0', watch: true}, {name: slow_sum, sql: SELECT 1, expect: '1'}]
";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn unavailable() -> CallError {
    CallError::new(CallClass::Unknown, "test", "timeout", "no answer")
}

pub(super) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        at("2026-01-15T11:00:00Z")
    }
}

#[derive(Default)]
pub(super) struct Memory {
    pub entries: RefCell<BTreeMap<Key, Versioned>>,
    pub files: RefCell<BTreeMap<String, Value>>,
    pub dark: bool,
}

impl Memory {
    fn lit(&self) -> Answer<()> {
        if self.dark { Err(unavailable()) } else { Ok(()) }
    }
}

impl Ledger for Memory {
    async fn read(&self, key: &Key) -> Answer<Option<Versioned>> {
        self.lit()?;
        Ok(self.entries.borrow().get(key).cloned())
    }
    async fn create(&self, key: &Key, document: &Value) -> Answer<Written> {
        self.lit()?;
        if self.entries.borrow().contains_key(key) {
            return Ok(Written::No);
        }
        self.entries.borrow_mut().insert(key.clone(), Versioned { version: 1, document: document.clone() });
        Ok(Written::Yes)
    }
    async fn replace(&self, key: &Key, version: u64, document: &Value) -> Answer<Written> {
        self.entries.borrow_mut().insert(key.clone(), Versioned { version: version + 1, document: document.clone() });
        Ok(Written::Yes)
    }
    async fn list(&self, _: &str, _: &str) -> Answer<Vec<(Key, Versioned)>> {
        Ok(Vec::new())
    }
}

impl Documents for Memory {
    async fn put_json(&self, key: &str, document: &Value) -> Answer<()> {
        self.files.borrow_mut().insert(key.to_owned(), document.clone());
        Ok(())
    }
    async fn put_text(&self, _: &str, _: &str, _: &str) -> Answer<()> {
        Ok(())
    }
    async fn get_json(&self, key: &str) -> Answer<Option<Value>> {
        Ok(self.files.borrow().get(key).cloned())
    }
    fn location(&self, key: &str) -> String {
        format!("s3://test/{key}")
    }
}

/// Passwords by version; the last one is today's, the first one was made at nine.
pub(super) struct Secrets {
    pub passwords: Vec<&'static str>,
    pub leads_to: &'static str,
    pub failure: Option<CallError>,
}

impl ReadSecretVersions for Secrets {
    async fn secret_versions(&self, _: &str) -> Answer<Vec<SecretVersion>> {
        let made = ["2026-01-15T09:00:00Z", "2026-01-15T10:30:00Z"];
        let last = self.passwords.len() - 1;
        Ok(self
            .passwords
            .iter()
            .zip(made)
            .enumerate()
            .map(|(n, (id, made))| SecretVersion { id: (*id).into(), created_at: at(made), is_current: n == last })
            .collect())
    }
}

impl ReadSecrets for Secrets {
    async fn credentials(&self, _: &str, version: Option<&str>) -> Answer<Credentials> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let password = version.unwrap_or(self.passwords[self.passwords.len() - 1]);
        Ok(Credentials {
            version: password.into(),
            username: "shop".into(),
            password: Secret::new(password.into()),
            database: Some("shop".into()),
            endpoint: Some(Endpoint { host: self.leads_to.into(), port: 5432 }),
            managed_by_rds: false,
        })
    }
}

/// One physical database, as far as its ports show it.
#[derive(Clone)]
pub(super) struct Fake {
    pub outcome: ProbeOutcome,
    pub password: &'static str,
    pub writable: bool,
    pub contents: Vec<TableFingerprint>,
    pub newest: Option<Timestamp>,
    pub checks: BTreeMap<&'static str, Grade>,
    pub fingerprints: bool,
}

/// The databases by host.
pub(super) struct Databases(pub BTreeMap<&'static str, Fake>);

impl Databases {
    fn at(&self, target: &Target) -> &Fake {
        &self.0[target.endpoint.as_ref().map_or("nowhere", |endpoint| endpoint.host.as_str())]
    }
}

impl OpenDatabases for Databases {
    async fn probe(&self, target: &Target, credentials: &Credentials, _: VisitLimits, watched: &[SqlCheck]) -> Probe {
        let fake = self.at(target);
        let welcome = fake.outcome != ProbeOutcome::Answers || credentials.password.reveal() == fake.password;
        let outcome = if welcome { fake.outcome } else { ProbeOutcome::LoginRefused };
        let answers = outcome == ProbeOutcome::Answers;
        let names = || watched.iter().map(|check| check.name.clone());
        let failed_checks = names().filter(|name| fake.checks.get(name.as_str()) == Some(&Grade::Fail)).collect();
        Probe {
            at: FixedClock.now(),
            outcome,
            text: format!("it {outcome}"),
            millis: 1,
            writable: answers.then_some(fake.writable),
            failed_checks,
            checks_passed: false,
            life: None,
        }
    }
    async fn fingerprint(
        &self,
        target: &Target,
        _: &Credentials,
        _: VisitLimits,
        tables: &[FingerprintTable],
        watermarks: &BTreeMap<String, String>,
    ) -> Answer<Fingerprint> {
        let fake = self.at(target);
        if !fake.fingerprints {
            return Err(unavailable());
        }
        let mut contents: Vec<TableFingerprint> =
            fake.contents.iter().filter(|facts| tables.iter().any(|table| table.table == facts.table)).cloned().collect();
        for facts in contents.iter_mut().filter(|_| watermarks.is_empty()) {
            facts.newest = fake.newest;
        }
        let tables = fake.contents.iter().map(|facts| facts.table.clone()).collect();
        Ok(Fingerprint { taken_at: at("2026-01-15T10:00:00Z"), tables, contents, keyspace: None })
    }
    async fn run_checks(&self, target: &Target, _: &Credentials, _: VisitLimits, checks: &[SqlCheck]) -> Vec<Check> {
        let fake = self.at(target);
        checks
            .iter()
            .map(|check| Check::new(&check.name, fake.checks.get(check.name.as_str()).copied().unwrap_or(Grade::Pass), "so it went"))
            .collect()
    }
    async fn compare_table(
        &self,
        _: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        _: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        let keys = |count| KeyRanges { count, ranges: Vec::new() };
        assert_eq!(restored.1.password.reveal(), self.at(restored.0).password, "the copy is opened with the login that works");
        Ok(TableDifference {
            table: table.table.clone(),
            source_rows: 7,
            restored_rows: 6,
            only_restored: keys(1),
            only_source: keys(2),
            changed: keys(3),
            sampled: false,
        })
    }
}

/// No salvage is played here: there is no table.
impl CompareItems for Databases {
    async fn table_facts(&self, _: &DatabaseId) -> Answer<Option<TableFacts>> {
        Ok(None)
    }
    async fn segment_page(&self, _: &DatabaseId, _: Segment, _: Option<&Value>) -> Answer<Page> {
        Err(unavailable())
    }
    async fn items_under(&self, _: &DatabaseId, _: &[Value]) -> Answer<Vec<Value>> {
        Err(unavailable())
    }
}

impl WriteItems for Databases {
    async fn put_if(&self, _: &DatabaseId, _: &Value, _: &Condition) -> Answer<Put> {
        Err(unavailable())
    }
}

/// Each side is a cache of one primary here.
impl FlushCaches for Databases {
    async fn flush_all(&self, cache: &Target, _: &Credentials, _: VisitLimits) -> Answer<u32> {
        if self.at(cache).outcome == ProbeOutcome::Answers { Ok(1) } else { Err(unavailable()) }
    }
}

/// Names resolve to themselves; a record to what its test says.
impl ResolveNames for Databases {
    async fn addresses(&self, host: &str) -> Answer<Vec<String>> {
        match host {
            "db.copy.example" => Ok(vec!["address of copy".to_owned()]),
            "db.source.example" => Ok(vec!["address of source".to_owned()]),
            "db.dark.example" => Err(unavailable()),
            host => Ok(vec![format!("address of {host}")]),
        }
    }
}

pub(super) fn facts(table: &str, rows: i64) -> TableFingerprint {
    TableFingerprint {
        table: table.into(),
        watermark: Some("100".into()),
        rows,
        hash: format!("hash of {rows}"),
        newest: None,
        sample: Vec::new(),
    }
}

/// A world in which everything went well: the source is dead, its copy holds all data.
pub(super) struct World {
    pub memory: Memory,
    pub secrets: Secrets,
    pub source: Fake,
    pub copy: Fake,
    pub incident: Value,
    pub plan: Value,
    pub policies: String,
}

impl World {
    pub fn new() -> Self {
        let well = Fake {
            outcome: ProbeOutcome::Answers,
            password: "new",
            writable: true,
            contents: vec![facts("public.orders", 100), facts("public.carts", 50)],
            newest: Some(at("2026-01-15T10:18:00Z")),
            checks: BTreeMap::new(),
            fingerprints: true,
        };
        let baseline = json!({"taken_at": "2026-01-15T10:00:00Z", "tables": ["public.carts", "public.orders"], "contents": well.contents});
        let memory = Memory::default();
        memory.files.borrow_mut().insert("fingerprints/shop/base.json".into(), baseline);
        let world = Self {
            memory,
            secrets: Secrets { passwords: vec!["new"], leads_to: "copy", failure: None },
            source: Fake { outcome: ProbeOutcome::Unreachable, ..well.clone() },
            copy: well,
            incident: incident(),
            plan: plan(),
            policies: POLICIES.into(),
        };
        world.put("configuration", &json!([]));
        world.moved(&[json!({"target": "secret", "secret": "shop-login", "before": {"host": "source", "port": 5432},
            "after": {"host": "copy", "port": 5432}, "token": "t"})]);
        world
    }

    /// Puts a document of the incident into the ledger.
    pub fn put(&self, sort: &str, document: &Value) {
        let key = Key { partition: format!("incident#{INCIDENT}"), sort: sort.into() };
        self.memory.entries.borrow_mut().insert(key, Versioned { version: 1, document: document.clone() });
    }

    /// These targets were moved.
    pub fn moved(&self, moves: &[Value]) {
        let at = "2026-01-15T10:59:00Z";
        let entry = |moves: &Value| json!({"moves": moves, "state": "moved", "text": "moved", "at": at});
        self.put("cut_over", &json!({"targets": moves.iter().map(entry).collect::<Vec<_>>(), "began_at": at}));
    }

    /// Carries a step out and keeps what it wrote.
    pub async fn run(&mut self, step: &str) -> Result<Value, DrError> {
        self.input(
            json!({"step": step, "incident": INCIDENT, "execution": "arn:aws:states:eu-central-1:123456789012:execution:recovery:x"}),
        )
        .await
    }

    pub async fn input(&mut self, input: Value) -> Result<Value, DrError> {
        self.put("incident", &self.incident);
        self.put(&format!("plan#{}", "0".repeat(64)), &self.plan);
        let files = Memory { files: RefCell::new(self.memory.files.take()), ..Memory::default() };
        let secrets =
            Secrets { passwords: self.secrets.passwords.clone(), leads_to: self.secrets.leads_to, failure: self.secrets.failure.clone() };
        let deps = Deps {
            ledger: std::mem::take(&mut self.memory),
            documents: files,
            secrets,
            databases: Databases(BTreeMap::from([("source", self.source.clone()), ("copy", self.copy.clone())])),
            clock: FixedClock,
            policies: PolicyDocument::from_yaml(&self.policies).unwrap(),
        };
        let answer = handle(&deps, input).await;
        self.memory = deps.ledger;
        self.memory.files = deps.documents.files;
        answer
    }

    /// A document of the incident.
    pub fn kept(&self, sort: &str) -> Option<Value> {
        let key = Key { partition: format!("incident#{INCIDENT}"), sort: sort.into() };
        self.memory.entries.borrow().get(&key).map(|entry| entry.document.clone())
    }

    /// The lines of the timeline, as `phase: text`.
    pub fn timeline(&self) -> Vec<String> {
        let entries = self.memory.entries.borrow();
        let lines = entries.iter().filter(|(key, _)| key.sort.starts_with("timeline#"));
        lines
            .map(|(_, entry)| format!("{}: {}", entry.document["phase"].as_str().unwrap(), entry.document["text"].as_str().unwrap()))
            .collect()
    }

    pub fn file(&self, key: &str) -> Value {
        self.memory.files.borrow().get(key).cloned().unwrap_or_else(|| panic!("no file {key}"))
    }

    /// The check called `name` of the last validation.
    pub fn check(&self, name: &str) -> Check {
        let validation: lifeboat_domain::validation::Validation = serde_json::from_value(self.kept("validation").unwrap()).unwrap();
        validation.checks.into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
    }
}

fn incident() -> Value {
    json!({
        "id": INCIDENT, "resource": "shop", "kind": "rds_instance", "policy": "gold", "policy_hash": "h",
        "source": {"id": "shop-1", "arn": "arn:aws:rds:eu-central-1:123456789012:db:shop-1", "resource_id": "db-1",
            "endpoint": {"host": "source", "port": 5432}, "secret": "shop-login", "database": "shop"},
        "request": {"run": "execute", "cut_over": false, "by_person": false}, "scenario": "instance_failure", "state": "open",
        "first_signal_at": "2026-01-15T10:25:00Z", "opened_at": "2026-01-15T10:25:10Z", "attempt": 1, "plan": "0".repeat(64), "signals": [],
        "failed_probes": 0,
        "restored": {"id": "shop-2", "arn": "arn:aws:rds:eu-central-1:123456789012:db:shop-2", "endpoint": {"host": "copy", "port": 5432}}
    })
}

fn plan() -> Value {
    json!({
        "hash": "0".repeat(64), "resource": "shop", "incident": INCIDENT, "scenario": "instance_failure", "made_at": "2026-01-15T10:26:00Z",
        "moves_clients": true, "restore_point": "2026-01-15T10:20:00Z", "baseline": "fingerprints/shop/base.json", "calls": [], "options": [],
        "risks": [], "guidance": [], "reason": "because", "policy_hash": "h"
    })
}
