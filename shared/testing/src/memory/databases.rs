//! The databases themselves: probes, fingerprints, checks and comparisons on rows in memory.

use super::caches::is_cache;
use super::tables::is_table;
use super::{CHECKED_TABLE, Cloud, history};
use crate::data::{LoginError, Row, Session};
use lifeboat_domain::keyspace::{KeyCount, KeySample, Keyspace};
use lifeboat_domain::life::{Life, NodeLife};
use lifeboat_domain::moments::traces::Traces;
use lifeboat_domain::point::{Fingerprint, TableFingerprint};
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Answer, Credentials, FlushCaches, OpenDatabases, OtherSessions, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ProbeOutcome, ReplicaLook};
use lifeboat_domain::validation::{Check, KeyRanges, TableDifference, WriteMark};
use lifeboat_domain::warm_up::{Part, Parts, WarmUpRule};
use lifeboat_domain::words::Grade;
use lifeboat_domain::{CallClass, CallError, Span, Timestamp, ids, items};
use std::collections::{BTreeMap, BTreeSet};

/// One visit: the server and the session that was let in.
struct Visit {
    server: String,
    session: Session,
}

impl Cloud {
    /// The server behind the address that clients and probes connect to: of an instance, or of a cluster.
    pub fn server_at(&self, host: &str) -> Option<String> {
        let world = self.see();
        if let Some(member) = world.rds.model.behind_cluster_endpoint(host) {
            return Some(member);
        }
        if let Some(primary) = world.rds.model.behind_cache_endpoint(host) {
            return Some(primary);
        }
        let views = world.rds.model.instances(world.rds.now());
        let mut shown = views.into_iter().map(|view| view.instance);
        let found = shown.find(|shown| shown.endpoint.as_ref().is_some_and(|endpoint| endpoint.address == host));
        found.map(|shown| shown.dbi_resource_id)
    }

    fn open(&self, target: &Target, credentials: &Credentials) -> Result<Visit, ProbeOutcome> {
        if let Some(scripted) = self.see().visits.get(target.instance.as_str()).filter(|outcome| **outcome != ProbeOutcome::Answers) {
            return Err(*scripted);
        }
        let endpoint = target.endpoint.as_ref().ok_or(ProbeOutcome::CouldNotRun)?;
        let host = self.behind_proxy(&endpoint.host).unwrap_or_else(|| endpoint.host.clone());
        let server = self.server_at(&host).ok_or(ProbeOutcome::Unreachable)?;
        let session = self.touch().rds.data.probe(&server, &credentials.username, credentials.password.reveal()).map_err(outcome)?;
        Ok(Visit { server, session })
    }

    /// The rows of a table whose keys are numbers, in their order.
    fn rows(&self, target: &Target, credentials: &Credentials, table: &str) -> Answer<BTreeMap<i64, Row>> {
        let visit = self.open(target, credentials).map_err(|outcome| unread(target, outcome))?;
        let rows = self.see().rds.data.read(&visit.server, visit.session, table).map_err(|why| unread(target, outcome(why)))?;
        Ok(rows.into_iter().filter_map(|row| Some((row.key.parse().ok()?, row))).collect())
    }

    fn tables(&self, target: &Target, credentials: &Credentials) -> Answer<Vec<String>> {
        let visit = self.open(target, credentials).map_err(|outcome| unread(target, outcome))?;
        self.see().rds.data.tables(&visit.server, visit.session).map_err(|why| unread(target, outcome(why)))
    }

    fn check(&self, target: &Target, credentials: &Credentials, check: &SqlCheck) -> Check {
        let rows = self.rows(target, credentials, CHECKED_TABLE).map_err(|error| error.message);
        let world = self.see();
        let answer = rows.and_then(|rows| match world.checks.get(&check.name) {
            Some(answer) => answer(&rows.into_values().collect::<Vec<_>>()),
            None => Err("nobody said what it answers".to_owned()),
        });
        match answer {
            Ok(value) if value == check.expect => Check::new(&check.name, Grade::Pass, format!("returned {value}, as expected")),
            Ok(value) => Check::new(&check.name, Grade::Fail, format!("returned {value}, expected was {}", check.expect)),
            Err(why) => Check::new(&check.name, Grade::Unknown, format!("could not run: {why}")),
        }
    }
}

impl Cloud {
    /// Of a cache that answers: the server behind its endpoint since it was made, with its rows as keys.
    fn life(&self, target: &Target, credentials: &Credentials) -> Option<Life> {
        let visit = self.open(target, credentials).ok().filter(|_| is_cache(&target.instance))?;
        let keys = u64::try_from(self.rows(target, credentials, CHECKED_TABLE).ok()?.len()).ok()?;
        let run_id = format!("{} since {}", visit.server, self.see().rds.data.made_at(&visit.server)?);
        Some(Life { nodes: vec![NodeLife { run_id, keys, lag: Some(0) }] })
    }

    /// Keys are the rows of [`CHECKED_TABLE`]; none of them expires.
    fn keyspace(&self, target: &Target, credentials: &Credentials) -> Answer<Fingerprint> {
        let rows = self.rows(target, credentials, CHECKED_TABLE)?;
        let keys = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let databases = (keys > 0).then_some(KeyCount { database: 0, keys, expiring: 0 }).into_iter().collect();
        let mut keyspace = Keyspace { databases, is_whole: true, sample: Vec::new() };
        for row in rows.values() {
            keyspace.take(KeySample { key: ids::digest(&[&row.key]), value: ids::digest(&[&row.value]) });
        }
        Ok(Fingerprint { taken_at: self.see().rds.now(), tables: Vec::new(), contents: Vec::new(), keyspace: Some(keyspace) })
    }
}

/// What a prober would say of it.
fn outcome(why: LoginError) -> ProbeOutcome {
    match why {
        LoginError::Hung | LoginError::PortClosed => ProbeOutcome::NoAnswer,
        LoginError::WrongPassword => ProbeOutcome::LoginRefused,
        LoginError::NoServer | LoginError::Dead | LoginError::SessionCut | LoginError::ReadOnly => ProbeOutcome::Unreachable,
    }
}

fn unread(target: &Target, outcome: ProbeOutcome) -> CallError {
    CallError::new(CallClass::Unknown, "postgres", outcome.as_str(), format!("{} could not be read", target.instance))
}

fn facts(table: &FingerprintTable, rows: &BTreeMap<i64, Row>, watermark: Option<&String>) -> TableFingerprint {
    let mark = watermark.and_then(|mark| mark.parse().ok()).or_else(|| rows.keys().next_back().copied());
    let below: Vec<&Row> = rows.range(..=mark.unwrap_or(i64::MIN)).map(|(_, row)| row).collect();
    let texts: Vec<&str> = below.iter().flat_map(|row| [row.key.as_str(), row.value.as_str()]).collect();
    TableFingerprint {
        table: table.table.clone(),
        watermark: mark.map(|mark| mark.to_string()),
        rows: count(below.len()),
        hash: ids::digest(&texts),
        newest: table.written_at.as_ref().and_then(|_| below.iter().map(|row| row.committed_at).max()),
        sample: Vec::new(),
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn ranges(keys: &BTreeSet<i64>) -> KeyRanges {
    let range = keys.first().zip(keys.last()).map(|(first, last)| (first.to_string(), last.to_string()));
    KeyRanges { count: count(keys.len()), ranges: range.into_iter().collect() }
}

impl OpenDatabases for Cloud {
    async fn probe(&self, target: &Target, credentials: &Credentials, _limits: VisitLimits, watched: &[SqlCheck]) -> Probe {
        let at = self.see().rds.now();
        if is_table(&target.instance) {
            return items::probe(self, target, at).await;
        }
        let opened = self.open(target, credentials);
        let writable = opened.as_ref().ok().map(|visit| !self.see().rds.data.is_replica(&visit.server));
        let outcome = opened.err().unwrap_or(ProbeOutcome::Answers);
        let answers = outcome == ProbeOutcome::Answers;
        let ran: Vec<Check> = watched.iter().filter(|_| answers).map(|check| self.check(target, credentials, check)).collect();
        let failed = ran.iter().filter(|check| check.grade == Grade::Fail).map(|check| format!("{} {}", check.name, check.text)).collect();
        Probe {
            at,
            outcome,
            text: format!("{}: {outcome}", target.instance),
            millis: 1,
            writable,
            failed_checks: failed,
            checks_passed: !ran.is_empty() && ran.iter().all(|check| check.grade == Grade::Pass),
            life: self.life(target, credentials),
        }
    }

    async fn probe_writes(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Probe {
        if is_table(&target.instance) {
            let now = self.see().rds.now();
            return items::probe_writes(self, target, now).await;
        }
        self.probe(target, credentials, limits, &[]).await
    }

    async fn write_mark(&self, target: &Target, credentials: &Credentials, _limits: VisitLimits) -> Option<WriteMark> {
        let visit = self.open(target, credentials).ok()?;
        let rows = self.see().rds.data.writes(&visit.server, visit.session).ok()?;
        Some(WriteMark { rows, counted_since: visit.server })
    }

    /// Of every shard.
    async fn end_other_sessions(&self, target: &Target, credentials: &Credentials, _limits: VisitLimits) -> Answer<OtherSessions> {
        self.open(target, credentials).map_err(|outcome| unread(target, outcome))?;
        let servers = self.see().rds.model.cache_servers(target.instance.as_str());
        self.serve("cache:ClientKill", target.instance.as_str(), |world| {
            let ended: usize = servers.iter().map(|server| world.rds.data.sessions(server)).sum();
            servers.iter().for_each(|server| world.rds.data.end_sessions(server));
            Ok(OtherSessions { ended: u32::try_from(ended).unwrap_or(u32::MAX), left: 0, silent: 0 })
        })
    }

    async fn look_at_replica(&self, target: &Target, credentials: &Credentials, _limits: VisitLimits, now: Timestamp) -> ReplicaLook {
        let visit = match self.open(target, credentials) {
            Ok(visit) => visit,
            Err(outcome) => return ReplicaLook { outcome, ..ReplicaLook::unknown(now, format!("{}: {outcome}", target.instance)) },
        };
        let world = self.see();
        ReplicaLook {
            at: now,
            outcome: ProbeOutcome::Answers,
            text: format!("{} answers", target.instance),
            in_recovery: Some(world.rds.data.is_replica(&visit.server)),
            newest: world.rds.data.newest(&visit.server),
            backlog_bytes: Some(0),
        }
    }

    async fn traces(
        &self,
        target: &Target,
        credentials: &Credentials,
        _limits: VisitLimits,
        table: &FingerprintTable,
        window: (Timestamp, Timestamp),
    ) -> Traces {
        let visited = self.rows(target, credentials, &table.table).and_then(|rows| {
            let visit = self.open(target, credentials).map_err(|outcome| unread(target, outcome))?;
            let writes = self.see().rds.data.writes(&visit.server, visit.session).map_err(|why| unread(target, outcome(why)))?;
            Ok(history::traces(&rows, window, writes))
        });
        visited.unwrap_or_else(|error| Traces::cannot_be_told(&error.message))
    }

    async fn fingerprint(
        &self,
        target: &Target,
        credentials: &Credentials,
        _limits: VisitLimits,
        tables: &[FingerprintTable],
        watermarks: &BTreeMap<String, String>,
    ) -> Answer<Fingerprint> {
        if is_table(&target.instance) {
            let now = self.see().rds.now();
            return items::fingerprint(self, &target.instance, tables, watermarks, now).await;
        }
        if is_cache(&target.instance) {
            return self.keyspace(target, credentials);
        }
        let mut contents = Vec::new();
        for table in tables {
            contents.push(facts(table, &self.rows(target, credentials, &table.table)?, watermarks.get(&table.table)));
        }
        let tables = self.tables(target, credentials)?;
        Ok(Fingerprint { taken_at: self.see().rds.now(), tables, contents, keyspace: None })
    }

    async fn run_checks(&self, target: &Target, credentials: &Credentials, _limits: VisitLimits, checks: &[SqlCheck]) -> Vec<Check> {
        checks.iter().map(|check| self.check(target, credentials, check)).collect()
    }

    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        _limits: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        if is_table(&source.0.instance) {
            return items::compare(self, &source.0.instance, &restored.0.instance, table).await;
        }
        let (source, restored) = (self.rows(source.0, source.1, &table.table)?, self.rows(restored.0, restored.1, &table.table)?);
        let only = |one: &BTreeMap<i64, Row>, other: &BTreeMap<i64, Row>| {
            ranges(&one.keys().filter(|key| !other.contains_key(key)).copied().collect())
        };
        let differ = |(key, row): (&i64, &Row)| restored.get(key).is_some_and(|other| other.value != row.value);
        Ok(TableDifference {
            table: table.table.clone(),
            source_rows: count(source.len()),
            restored_rows: count(restored.len()),
            only_restored: only(&restored, &source),
            only_source: only(&source, &restored),
            changed: ranges(&source.iter().filter(|entry| differ(*entry)).map(|(key, _)| *key).collect()),
            sampled: false,
        })
    }

    async fn list_parts(&self, target: &Target, credentials: &Credentials, _limits: VisitLimits, rule: &WarmUpRule) -> Answer<Parts> {
        self.parts_of(target, self.tables(target, credentials)?, rule)
    }

    async fn read_parts(
        &self,
        target: &Target,
        credentials: &Credentials,
        _limits: VisitLimits,
        parts: &mut [Part],
        _time: Span,
    ) -> Answer<()> {
        let tables = self.tables(target, credentials)?;
        self.read_a_piece(target, &tables, parts)
    }
}

impl FlushCaches for Cloud {
    async fn flush_all(&self, cache: &Target, credentials: &Credentials, _limits: VisitLimits) -> Answer<u32> {
        let Visit { server, session } = self.open(cache, credentials).map_err(|outcome| unread(cache, outcome))?;
        self.serve("cache:FLUSHALL", cache.instance.as_str(), |world| {
            let now = world.rds.now();
            let failed = |why| unread(cache, outcome(why));
            for row in world.rds.data.read(&server, session, CHECKED_TABLE).map_err(failed)? {
                world.rds.data.write(&server, session, (CHECKED_TABLE, &row.key), None, now).map_err(failed)?;
            }
            Ok(1)
        })
    }
}
