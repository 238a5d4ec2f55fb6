//! PostgreSQL behind the port [`OpenDatabases`]: one connection per visit, read-only, over verified TLS, every wait bounded.

mod compare;
mod fingerprint;
mod session;
mod sql_check;
mod table;
mod traces;
mod trouble;
mod write_mark;

use lifeboat_domain::moments::traces::Traces;
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Answer, Clock, Credentials, OpenDatabases, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::validation::{Check, TableDifference, WriteMark};
use lifeboat_domain::words::Grade;
use lifeboat_domain::{DrError, Timestamp};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use session::visit;
use sql_check::millis_since;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_postgres_rustls::MakeRustlsConnect;
use trouble::Trouble;

/// A whole comparison may take so many statements' time, whatever it finds.
const COMPARISON_STATEMENTS: u32 = 8;

/// Opens PostgreSQL databases.
pub struct Postgres<C> {
    tls: MakeRustlsConnect,
    clock: C,
}

impl<C: Clock> Postgres<C> {
    /// Trusts the certificate authorities in the PEM file `roots` and nobody else.
    pub fn new(roots: &Path, clock: C) -> Result<Self, DrError> {
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
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| DrError::unrecoverable("TLS cannot be set up").because(error))?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        // A resumed session skips the certificate; a restored server under an old name must show its own.
        config.resumption = Resumption::disabled();
        Ok(Self { tls: MakeRustlsConnect::new(config), clock })
    }
}

impl<C: Clock> OpenDatabases for Postgres<C> {
    async fn probe(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, watched: &[SqlCheck]) -> Probe {
        let started = Instant::now();
        let seen = visit(&self.tls, target, credentials, limits, async |session| {
            let answered = millis_since(started);
            Ok((session.place.clone(), answered, session.writable, sql_check::run(session, watched).await))
        })
        .await;
        let millis = millis_since(started);
        match seen {
            Ok((place, answered, writable, checks)) => answering(&place, answered, writable, &checks, self.clock.now(), millis),
            Err(Trouble { outcome, text, .. }) => {
                Probe { at: self.clock.now(), outcome, text, millis, writable: None, failed_checks: Vec::new(), checks_passed: false }
            }
        }
    }

    async fn write_mark(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Option<WriteMark> {
        let read = visit(&self.tls, target, credentials, limits, async |session| write_mark::read(session).await).await;
        read.inspect_err(|trouble| tracing::warn!("how much it has written cannot be told: {}", trouble.text)).ok().flatten()
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

    async fn run_checks(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, checks: &[SqlCheck]) -> Vec<Check> {
        let ran = visit(&self.tls, target, credentials, limits, async |session| Ok(sql_check::run(session, checks).await)).await;
        ran.unwrap_or_else(|trouble| checks.iter().map(|check| sql_check::not_run(check, &trouble)).collect())
    }

    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        restored: (&Target, &Credentials),
        limits: VisitLimits,
        table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        let limit = Duration::from_secs(limits.statement.as_secs()) * COMPARISON_STATEMENTS;
        let comparison = visit(&self.tls, source.0, source.1, limits, async |source| {
            visit(&self.tls, restored.0, restored.1, limits, async |restored| compare::compare(source, restored, table).await).await
        });
        let compared = timeout(limit, comparison).await.unwrap_or_else(|_| {
            Err(Trouble::could_not(
                "timeout",
                format!("{} was not compared within {} s; it is too large or too slow", table.table, limit.as_secs()),
            ))
        });
        compared.map_err(|trouble| trouble.during("postgres:compare"))
    }
}

fn answering(place: &str, answered: u64, writable: bool, checks: &[Check], at: Timestamp, millis: u64) -> Probe {
    let failed: Vec<String> =
        checks.iter().filter(|check| check.grade == Grade::Fail).map(|check| format!("{}: {}", check.name, check.text)).collect();
    let passed = checks.iter().filter(|check| check.grade == Grade::Pass).count();
    let writes = if writable { "accepts writes" } else { "is read-only" };
    let watched = if checks.is_empty() { String::new() } else { format!("; {passed} of {} watched checks passed", checks.len()) };
    Probe {
        at,
        outcome: ProbeOutcome::Answers,
        text: format!("{place} logged in and answered in {answered} ms; it {writes}{watched}"),
        millis,
        writable: Some(writable),
        failed_checks: failed,
        // Without a watched check nothing is known of the data.
        checks_passed: !checks.is_empty() && passed == checks.len(),
    }
}
