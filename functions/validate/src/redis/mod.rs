//! Redis and Valkey behind the port [`OpenDatabases`]: one connection per node, over verified TLS, every wait bounded. Nothing is written;
//! only [`FlushCaches`] empties.

mod keys;
mod session;

use crate::databases::verifying;
use crate::sql::answer::{Seen, probed};
use crate::sql::checks::{millis_since, not_run};
use crate::sql::trouble::Trouble;
use lifeboat_domain::keyspace::Keyspace;
use lifeboat_domain::life::Life;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Answer, Clock, Credentials, FlushCaches, OpenDatabases, OtherSessions, Target, VisitLimits};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::validation::{Check, TableDifference};
use lifeboat_domain::{CallClass, CallError, DrError};
use rustls::ClientConfig;
use session::{Session, visit};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;

/// Opens caches.
pub struct Redis<C> {
    tls: Arc<ClientConfig>,
    clock: C,
}

impl<C: Clock> Redis<C> {
    /// Trusts the certificate authorities in the PEM file `roots` and nobody else.
    pub fn new(roots: &Path, clock: C) -> Result<Self, DrError> {
        Ok(Self { tls: Arc::new(verifying(roots)?), clock })
    }

    /// Does `work` on the primary of each shard, one after the other; without cluster mode on the one that the endpoint leads to.
    async fn each_shard<T>(
        &self,
        (target, credentials, limits): (&Target, &Credentials, VisitLimits),
        mut work: impl AsyncFnMut(&mut Session) -> Result<T, Trouble>,
    ) -> Result<Vec<T>, Trouble> {
        let mut done = Vec::new();
        for node in self.shards(target, credentials, limits).await? {
            done.push(visit(&self.tls, &node, credentials, limits, async |session| work(session).await).await?);
        }
        Ok(done)
    }

    /// The primary of each shard; without cluster mode the one there is.
    async fn shards(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Result<Vec<Target>, Trouble> {
        let primaries = visit(&self.tls, target, credentials, limits, async |session| session.primaries().await).await?;
        if primaries.is_empty() {
            return Ok(vec![target.clone()]);
        }
        let at = |(host, port)| Target { endpoint: Some(Endpoint { host, port }), ..target.clone() };
        Ok(primaries.into_iter().map(at).collect())
    }
}

impl<C: Clock> OpenDatabases for Redis<C> {
    /// With cluster mode every shard must answer: keys of one that does not are gone for clients.
    async fn probe(&self, target: &Target, credentials: &Credentials, limits: VisitLimits, watched: &[SqlCheck]) -> Probe {
        let started = Instant::now();
        let seen = self.each_shard((target, credentials, limits), async |session| Ok((session.look().await?, session.life().await?))).await;
        let (seen, lives): (Result<Vec<_>, _>, Vec<_>) = match seen {
            Ok(nodes) => {
                let (seen, lives) = nodes.into_iter().unzip();
                (Ok(seen), lives)
            }
            Err(trouble) => (Err(trouble), Vec::new()),
        };
        let seen = seen.map(|nodes: Vec<(String, bool)>| Seen {
            place: nodes.first().map(|(place, _)| place.clone()).unwrap_or_default(),
            answered: millis_since(started),
            writable: nodes.iter().all(|(_, writable)| *writable),
            checks: watched.iter().map(|check| not_run(check, &no_sql(target))).collect(),
        });
        let life = lives.into_iter().collect::<Option<Vec<_>>>().filter(|nodes| !nodes.is_empty()).map(|nodes| Life { nodes });
        Probe { life, ..probed(seen, self.clock.now(), started) }
    }

    /// Tables are none of a cache's: it tells its keyspace.
    async fn fingerprint(
        &self,
        target: &Target,
        credentials: &Credentials,
        limits: VisitLimits,
        _tables: &[FingerprintTable],
        _watermarks: &BTreeMap<String, String>,
    ) -> Answer<Fingerprint> {
        let taken = self.each_shard((target, credentials, limits), async |session| keys::keyspace(session).await).await;
        let keyspace: Keyspace = keys::joined(taken.map_err(|trouble| trouble.during("redis:fingerprint"))?);
        Ok(Fingerprint { taken_at: self.clock.now(), tables: Vec::new(), contents: Vec::new(), keyspace: Some(keyspace) })
    }

    async fn end_other_sessions(&self, target: &Target, credentials: &Credentials, limits: VisitLimits) -> Answer<OtherSessions> {
        let during = |trouble: Trouble| trouble.during("redis:end_sessions");
        let (mut sum, mut silence) = (OtherSessions::default(), None);
        let shards = self.shards(target, credentials, limits).await.map_err(during)?;
        for node in &shards {
            match visit(&self.tls, node, credentials, limits, async |session| session.end_others().await).await {
                Ok(one) => (sum.ended, sum.left) = (sum.ended + one.ended, sum.left + one.left),
                // What is silent holds up no other shard: clients of those that answer must not go on writing.
                Err(trouble) if matches!(trouble.outcome, ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer) => {
                    sum.silent += 1;
                    silence = Some(trouble);
                }
                Err(trouble) => return Err(during(trouble)),
            }
        }
        let all = usize::try_from(sum.silent).is_ok_and(|silent| silent == shards.len());
        silence.filter(|_| all).map_or(Ok(sum), |trouble| Err(during(trouble)))
    }

    async fn run_checks(&self, target: &Target, _credentials: &Credentials, _limits: VisitLimits, checks: &[SqlCheck]) -> Vec<Check> {
        checks.iter().map(|check| not_run(check, &no_sql(target))).collect()
    }

    async fn compare_table(
        &self,
        source: (&Target, &Credentials),
        _restored: (&Target, &Credentials),
        _limits: VisitLimits,
        _table: &FingerprintTable,
    ) -> Answer<TableDifference> {
        Err(CallError::new(CallClass::Invalid, "compare", "engine", no_sql(source.0).text))
    }
}

impl<C: Clock> FlushCaches for Redis<C> {
    /// A node that is no primary refuses it.
    async fn flush_all(&self, cache: &Target, credentials: &Credentials, limits: VisitLimits) -> Answer<u32> {
        let mut emptied: u32 = 0;
        let done = self.each_shard((cache, credentials, limits), async |session| {
            session.flush().await?;
            emptied += 1;
            Ok(())
        });
        match done.await {
            Ok(_) => Ok(emptied),
            Err(trouble) if emptied == 0 => Err(trouble.during("cache:FLUSHALL")),
            // Some are empty already: nobody may take it for a call that changed nothing.
            Err(trouble) => {
                let text = format!("{emptied} of its shards are empty, not all: {}", trouble.text);
                Err(CallError::new(CallClass::Unknown, "cache:FLUSHALL", trouble.code, text))
            }
        }
    }
}

fn no_sql(target: &Target) -> Trouble {
    Trouble::new(ProbeOutcome::CouldNotRun, "engine", format!("{} is a cache, which knows no SQL and no tables", target.instance))
}
