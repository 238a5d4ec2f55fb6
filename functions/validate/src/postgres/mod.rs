//! PostgreSQL behind the port [`OpenDatabases`]: one connection per visit, read-only, over verified TLS, every wait bounded.

mod compare;
mod fingerprint;
mod replica;
mod session;
mod sql_check;
mod table;
mod traces;
mod trouble;
mod warm_up;
mod write_mark;

use crate::databases::verifying;
use crate::sql::answer::{Seen, bounded, probed};
use crate::sql::trouble::Trouble;
use crate::sql::{checks, compare as comparison, warm_up as warming};
use compare::Side;
use lifeboat_domain::moments::traces::Traces;
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Answer, Clock, Credentials, OpenDatabases, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ReplicaLook};
use lifeboat_domain::validation::{Check, TableDifference, WriteMark};
use lifeboat_domain::warm_up::{Part, Parts, WarmUpRule};
use lifeboat_domain::{DrError, Span, Timestamp};
use session::visit;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Opens PostgreSQL databases.
pub struct Postgres<C> {
    tls: MakeRustlsConnect,
    clock: C,
}

impl<C: Clock> Postgres<C> {
    /// Trusts the certificate authorities in the PEM file `roots` and nobody else.
    pub fn new(roots: &Path, clock: C) -> Result<Self, DrError> {
        Ok(Self { tls: MakeRustlsConnect::new(verifying(roots)?), clock })
    }
}

impl<C: Clock> OpenDatabases for Postgres<C> {
    async fn probe(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, watched: &[SqlCheck]) -> Probe {
        let started = Instant::now();
        let seen = visit(&self.tls, target, credentials, limits, async |session| {
            let answered = checks::millis_since(started);
            let ran = checks::run(session, watched).await;
            Ok(Seen { place: session.place.clone(), answered, writable: session.writable, checks: ran })
        })
        .await;
        probed(seen, self.clock.now(), started)
    }

    async fn write_mark(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Option<WriteMark> {
        let read = visit(&self.tls, target, credentials, limits, async |session| write_mark::read(session).await).await;
        read.inspect_err(|trouble| tracing::warn!("how much it has written cannot be told: {}", trouble.text)).ok().flatten()
    }

    async fn look_at_replica(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, now: Timestamp) -> ReplicaLook {
        let seen = visit(&self.tls, target, credentials, limits, async |session| replica::look(session, now).await).await;
        seen.unwrap_or_else(|Trouble { outcome, text, .. }| ReplicaLook { outcome, ..ReplicaLook::unknown(now, text) })
    }

    async fn fingerprint(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        tables: &[FingerprintTable],
        watermarks: &BTreeMap<String, String>,
    ) -> Answer<Fingerprint> {
        let taken =
            visit(&self.tls, target, credentials, limits, async |session| fingerprint::take(session, tables, watermarks).await).await;
        taken.map_err(|trouble| trouble.during("postgres:fingerprint"))
    }

    async fn traces(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        table: &FingerprintTable,
        window: (Timestamp, Timestamp),
    ) -> Traces {
        let read = visit(&self.tls, target, credentials, limits, async |session| traces::read(session, table, window).await).await;
        read.unwrap_or_else(|trouble| Traces::cannot_be_told(&trouble.text))
    }

    async fn run_checks(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, asked: &[SqlCheck]) -> Vec<Check> {
        let ran = visit(&self.tls, target, credentials, limits, async |session| Ok(checks::run(session, asked).await)).await;
        ran.unwrap_or_else(|trouble| asked.iter().map(|check| checks::not_run(check, &trouble)).collect())
    }

    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        limits: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        let work = visit(&self.tls, source.0, source.1, limits, async |source| {
            visit(&self.tls, restored.0, restored.1, limits, async |restored| {
                let (mut source, mut restored) = tokio::try_join!(Side::open(source, table), Side::open(restored, table))?;
                comparison::compare(&mut source, &mut restored, table).await
            })
            .await
        });
        bounded(work, limits, table).await.map_err(|trouble| trouble.during("postgres:compare"))
    }

    async fn list_parts(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, rule: &WarmUpRule) -> Answer<Parts> {
        let listed = visit(&self.tls, target, credentials, limits, async |session| warm_up::list(session, rule).await).await;
        listed.map_err(|trouble| trouble.during("postgres:warm_up"))
    }

    async fn read_parts(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        parts: &mut [Part],
        time: Span,
    ) -> Answer<()> {
        let ends = Instant::now() + Duration::from_secs(time.as_secs());
        let read = visit(&self.tls, target, credentials, limits, async |session| {
            warming::read(&mut warm_up::Reader::open(session).await?, parts, ends).await
        })
        .await;
        read.map_err(|trouble| trouble.during("postgres:warm_up"))
    }
}
