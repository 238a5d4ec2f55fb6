//! MySQL and MariaDB behind the port [`OpenDatabases`]: one connection per visit, read-only, over verified TLS, every wait bounded.
//!
//! A policy's `schema.table` is `database.table` here.

mod compare;
mod fingerprint;
mod session;
mod sql_check;
mod table;
mod trouble;
mod warm_up;

use crate::databases::trusted;
use crate::sql::answer::{Seen, bounded, probed};
use crate::sql::{checks, compare as comparison, warm_up as warming};
use compare::Side;
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Answer, Clock, Credentials, OpenDatabases, Target, VisitLimits};
use lifeboat_domain::probe::Probe;
use lifeboat_domain::validation::{Check, TableDifference};
use lifeboat_domain::warm_up::{Part, Parts, WarmUpRule};
use lifeboat_domain::{DrError, Span};
use session::visit;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Opens MySQL and MariaDB databases.
pub struct MySql<C> {
    roots: Vec<u8>,
    clock: C,
}

impl<C: Clock> MySql<C> {
    /// Trusts the certificate authorities in the PEM file `roots` and nobody else.
    pub fn new(roots: &Path, clock: C) -> Result<Self, DrError> {
        trusted(roots)?;
        // The driver asks the process for its cryptography; whoever was first to say which has said the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let read = std::fs::read(roots).map_err(|error| {
            DrError::invalid("LIFEBOAT_TLS_ROOTS", format!("{} ({error})", roots.display()), "a PEM file of certificate authorities")
        })?;
        Ok(Self { roots: read, clock })
    }
}

impl<C: Clock> OpenDatabases for MySql<C> {
    async fn probe(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, watched: &[SqlCheck]) -> Probe {
        let started = Instant::now();
        let seen = visit(&self.roots, target, credentials, limits, async |session| {
            let answered = checks::millis_since(started);
            let ran = checks::run(session, watched).await;
            Ok(Seen { place: session.place.clone(), answered, writable: session.writable, checks: ran })
        })
        .await;
        probed(seen, self.clock.now(), started)
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
            visit(&self.roots, target, credentials, limits, async |session| fingerprint::take(session, tables, watermarks).await).await;
        taken.map_err(|trouble| trouble.during("mysql:fingerprint"))
    }

    async fn run_checks(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, asked: &[SqlCheck]) -> Vec<Check> {
        let ran = visit(&self.roots, target, credentials, limits, async |session| Ok(checks::run(session, asked).await)).await;
        ran.unwrap_or_else(|trouble| asked.iter().map(|check| checks::not_run(check, &trouble)).collect())
    }

    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        limits: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        let work = visit(&self.roots, source.0, source.1, limits, async |source| {
            visit(&self.roots, restored.0, restored.1, limits, async |restored| {
                let (mut source, mut restored) = tokio::try_join!(Side::open(source, table), Side::open(restored, table))?;
                comparison::compare(&mut source, &mut restored, table).await
            })
            .await
        });
        bounded(work, limits, table).await.map_err(|trouble| trouble.during("mysql:compare"))
    }

    async fn list_parts(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, rule: &WarmUpRule) -> Answer<Parts> {
        let listed = visit(&self.roots, target, credentials, limits, async |session| warm_up::list(session, rule).await).await;
        listed.map_err(|trouble| trouble.during("mysql:warm_up"))
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
        let read = visit(&self.roots, target, credentials, limits, async |session| {
            session.run("SET SESSION sql_mode = ''").await?;
            warming::read(&mut warm_up::Reader(session), parts, ends).await
        })
        .await;
        read.map_err(|trouble| trouble.during("mysql:warm_up"))
    }
}
