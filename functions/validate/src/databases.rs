//! Which engine opens a database: what Describe says decides.

use crate::mysql::MySql;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::sql::checks::not_run;
use crate::sql::trouble::Trouble;
use lifeboat_aws::tables::TableItems;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::items::{self, ReadItems};
use lifeboat_domain::moments::traces::Traces;
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Answer, Clock, Credentials, FlushCaches, OpenDatabases, OtherSessions, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ReplicaLook};
use lifeboat_domain::salvage::{CompareItems, Condition, Page, Put, Segment, TableFacts, WriteItems};
use lifeboat_domain::validation::{Check, TableDifference, WriteMark};
use lifeboat_domain::warm_up::{Part, Parts, WarmUpRule};
use lifeboat_domain::{DrError, Span, Timestamp};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The engines that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// `postgres` and what speaks its protocol.
    Postgres,
    /// `mysql`, `mariadb` and what speaks their protocol.
    MySql,
    /// A DynamoDB table, which is asked through AWS's API and not opened.
    Table,
    /// `redis` and `valkey`.
    Redis,
}

impl Engine {
    /// The engine that Describe calls `name`; none if it cannot be opened.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "postgres" | "aurora-postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" | "aurora-mysql" => Some(Self::MySql),
            "dynamodb" => Some(Self::Table),
            "redis" | "valkey" => Some(Self::Redis),
            _ => None,
        }
    }

    /// Why a target of another engine is not opened.
    pub fn cannot_be_opened(target: &Target) -> Trouble {
        let Target { resource, instance, engine, .. } = target;
        let text =
            format!("{resource}: {instance} runs {engine}, which cannot be opened here; postgres, mysql, mariadb, redis and valkey can");
        Trouble::could_not("engine", text)
    }
}

/// The certificate authorities in the PEM file `roots`.
pub(crate) fn trusted(roots: &Path) -> Result<RootCertStore, DrError> {
    let wrong = |why: String| {
        DrError::invalid("LIFEBOAT_TLS_ROOTS", format!("{} ({why})", roots.display()), "a PEM file of certificate authorities")
    };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(roots).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        trusted.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if trusted.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(trusted)
}

/// TLS that trusts the certificate authorities in the PEM file `roots` and nobody else.
pub(crate) fn verifying(roots: &Path) -> Result<ClientConfig, DrError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| DrError::unrecoverable("TLS cannot be set up").because(error))?
        .with_root_certificates(trusted(roots)?)
        .with_no_client_auth();
    // A resumed session skips the certificate; a restored server under an old name must show its own.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Opens databases of every engine that it knows.
pub struct Databases<C, I = TableItems> {
    items: I,
    postgres: Postgres<C>,
    mysql: MySql<C>,
    redis: Redis<C>,
    clock: C,
}

impl<C: Clock + Clone, I: ReadItems> Databases<C, I> {
    /// Trusts the certificate authorities in the PEM file `roots` and nobody else; `items` are those of DynamoDB's tables.
    pub fn new(roots: &Path, items: I, clock: C) -> Result<Self, DrError> {
        Ok(Self {
            items,
            postgres: Postgres::new(roots, clock.clone())?,
            mysql: MySql::new(roots, clock.clone())?,
            redis: Redis::new(roots, clock.clone())?,
            clock,
        })
    }
}

impl<C: Clock, I: ReadItems> OpenDatabases for Databases<C, I> {
    async fn probe(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, watched: &[SqlCheck]) -> Probe {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.probe(target, credentials, limits, watched).await,
            Some(Engine::MySql) => self.mysql.probe(target, credentials, limits, watched).await,
            Some(Engine::Table) => items::probe(&self.items, target, self.clock.now()).await,
            Some(Engine::Redis) => self.redis.probe(target, credentials, limits, watched).await,
            None => crate::open::could_not_run(self.clock.now(), Engine::cannot_be_opened(target).text),
        }
    }

    async fn probe_writes(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Probe {
        match Engine::of(&target.engine) {
            Some(Engine::Table) => items::probe_writes(&self.items, target, self.clock.now()).await,
            _ => self.probe(target, credentials, limits, &[]).await,
        }
    }

    async fn write_mark(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Option<WriteMark> {
        match Engine::of(&target.engine)? {
            Engine::Postgres => self.postgres.write_mark(target, credentials, limits).await,
            // InnoDB's counts are not of users' tables only, and are lost with every restart: whoever undoes is asked.
            // A table keeps no count at all, nor does a cache.
            Engine::MySql | Engine::Redis | Engine::Table => None,
        }
    }

    async fn end_other_sessions(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Answer<OtherSessions> {
        match Engine::of(&target.engine) {
            Some(Engine::Redis) => self.redis.end_other_sessions(target, credentials, limits).await,
            _ => Err(Engine::cannot_be_opened(target).during("end_sessions")),
        }
    }

    async fn look_at_replica(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, now: Timestamp) -> ReplicaLook {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.look_at_replica(target, credentials, limits, now).await,
            Some(Engine::MySql) => self.mysql.look_at_replica(target, credentials, limits, now).await,
            Some(Engine::Table) => ReplicaLook::unknown(now, Engine::cannot_be_opened(target).text),
            // Nodes of one group are no databases of their own.
            Some(Engine::Redis) => ReplicaLook::unknown(now, Engine::cannot_be_opened(target).text),
            None => ReplicaLook::unknown(now, Engine::cannot_be_opened(target).text),
        }
    }

    async fn traces(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        table: &FingerprintTable,
        window: (Timestamp, Timestamp),
    ) -> Traces {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.traces(target, credentials, limits, table, window).await,
            // InnoDB keeps no time of a commit that a statement could read, and its binary log is not read here.
            Some(Engine::MySql) => self.mysql.traces(target, credentials, limits, table, window).await,
            Some(Engine::Redis) => Traces::cannot_be_told("a cache keeps no traces of its past"),
            Some(Engine::Table) | None => Traces::cannot_be_told(&Engine::cannot_be_opened(target).text),
        }
    }

    async fn fingerprint(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        tables: &[FingerprintTable],
        watermarks: &BTreeMap<String, String>,
    ) -> Answer<Fingerprint> {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.fingerprint(target, credentials, limits, tables, watermarks).await,
            Some(Engine::MySql) => self.mysql.fingerprint(target, credentials, limits, tables, watermarks).await,
            Some(Engine::Table) => items::fingerprint(&self.items, &target.instance, tables, watermarks, self.clock.now()).await,
            Some(Engine::Redis) => self.redis.fingerprint(target, credentials, limits, tables, watermarks).await,
            None => Err(Engine::cannot_be_opened(target).during("fingerprint")),
        }
    }

    async fn list_parts(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, rule: &WarmUpRule) -> Answer<Parts> {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.list_parts(target, credentials, limits, rule).await,
            Some(Engine::MySql) => self.mysql.list_parts(target, credentials, limits, rule).await,
            Some(Engine::Redis | Engine::Table) | None => Err(Engine::cannot_be_opened(target).during("warm_up")),
        }
    }

    async fn read_parts(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        parts: &mut [Part],
        time: Span,
    ) -> Answer<()> {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.read_parts(target, credentials, limits, parts, time).await,
            Some(Engine::MySql) => self.mysql.read_parts(target, credentials, limits, parts, time).await,
            Some(Engine::Redis | Engine::Table) | None => Err(Engine::cannot_be_opened(target).during("warm_up")),
        }
    }

    async fn run_checks(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, checks: &[SqlCheck]) -> Vec<Check> {
        match Engine::of(&target.engine) {
            Some(Engine::Postgres) => self.postgres.run_checks(target, credentials, limits, checks).await,
            Some(Engine::MySql) => self.mysql.run_checks(target, credentials, limits, checks).await,
            Some(Engine::Redis) => self.redis.run_checks(target, credentials, limits, checks).await,
            Some(Engine::Table) | None => checks.iter().map(|check| not_run(check, &Engine::cannot_be_opened(target))).collect(),
        }
    }

    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        limits: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        // A side of the other engine is refused by the one that is asked.
        match Engine::of(&source.0.engine) {
            Some(Engine::Postgres) => self.postgres.compare_table(source, restored, limits, table).await,
            Some(Engine::MySql) => self.mysql.compare_table(source, restored, limits, table).await,
            Some(Engine::Table) => items::compare(&self.items, &source.0.instance, &restored.0.instance, table).await,
            Some(Engine::Redis) | None => Err(Engine::cannot_be_opened(source.0).during("compare")),
        }
    }
}

impl<C: Clock, I: CompareItems> CompareItems for Databases<C, I> {
    async fn table_facts(&self, table: &DatabaseId) -> Answer<Option<TableFacts>> {
        self.items.table_facts(table).await
    }

    async fn segment_page(&self, table: &DatabaseId, segment: Segment, from: Option<&Value>) -> Answer<Page> {
        self.items.segment_page(table, segment, from).await
    }

    async fn items_under(&self, table: &DatabaseId, keys: &[Value]) -> Answer<Vec<Value>> {
        self.items.items_under(table, keys).await
    }
}

impl<C: Clock, I: WriteItems> WriteItems for Databases<C, I> {
    async fn put_if(&self, table: &DatabaseId, item: &Value, condition: &Condition) -> Answer<Put> {
        self.items.put_if(table, item, condition).await
    }
}

impl<C: Clock, I> FlushCaches for Databases<C, I> {
    async fn flush_all(&self, cache: &Target, credentials: &Credentials, limits: VisitLimits) -> Answer<u32> {
        match Engine::of(&cache.engine) {
            Some(Engine::Redis) => self.redis.flush_all(cache, credentials, limits).await,
            Some(Engine::Postgres | Engine::MySql | Engine::Table) | None => Err(Engine::cannot_be_opened(cache).during("flush")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_rds_gives_to_engines_we_know_are_known() {
        for name in ["postgres", "aurora-postgresql"] {
            assert_eq!(Engine::of(name), Some(Engine::Postgres), "{name}");
        }
        for name in ["mysql", "mariadb", "aurora-mysql"] {
            assert_eq!(Engine::of(name), Some(Engine::MySql), "{name}");
        }
        for name in ["redis", "valkey"] {
            assert_eq!(Engine::of(name), Some(Engine::Redis), "{name}");
        }
        for name in ["", "memcached", "oracle-ee", "sqlserver-ex", "db2-se", "docdb", "neptune", "custom-sqlserver-ee"] {
            assert_eq!(Engine::of(name), None, "{name}");
        }
    }
}
