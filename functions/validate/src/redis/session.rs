//! One connection to one node: verified TLS, every wait bounded.

use crate::databases::Engine;
use crate::sql::place::{Place, endpoint_of};
use crate::sql::trouble::{Trouble, chain, lost, short};
use lifeboat_domain::life::NodeLife;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{Credentials, OtherSessions, Target, VisitLimits};
use lifeboat_domain::probe::ProbeOutcome;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;

/// Whom a node without user groups knows.
const DEFAULT_USER: &str = "default";

/// An open connection, logged in.
pub(super) struct Session {
    connection: MultiplexedConnection,
    /// Host and port, for sentences.
    pub place: String,
    limits: VisitLimits,
}

impl Session {
    /// Asks one command.
    pub async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Trouble> {
        let limit = Duration::from_secs(self.limits.statement.as_secs());
        match timeout(limit, command.query_async(&mut self.connection)).await {
            Ok(answer) => answer.map_err(|error| trouble(&self.place, &error)),
            Err(_) => Err(Trouble::new(
                ProbeOutcome::NoAnswer,
                "timeout",
                format!("{} gave no answer to a command within {} s", self.place, limit.as_secs()),
            )),
        }
    }

    /// One section of `INFO`, as pairs.
    pub async fn info(&mut self, section: &str) -> Result<Vec<(String, String)>, Trouble> {
        let text: String = self.ask(redis::cmd("INFO").arg(section)).await?;
        Ok(text.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Whether it answers, and whether it takes writes.
    pub async fn look(&mut self) -> Result<(String, bool), Trouble> {
        let _: String = self.ask(&redis::cmd("PING")).await?;
        if self.info("persistence").await?.iter().any(|(name, value)| name == "loading" && value == "1") {
            return Err(Trouble::new(ProbeOutcome::StartingUp, "loading", format!("{} is loading its data", self.place)));
        }
        let replication = self.info("replication").await?;
        Ok((self.place.clone(), replication.iter().any(|(name, value)| name == "role" && value == "master")))
    }

    /// Its process and how much it holds; none where it does not say.
    pub async fn life(&mut self) -> Result<Option<NodeLife>, Trouble> {
        let run_id = self.info("server").await?.into_iter().find(|(name, _)| name == "run_id").map(|(_, run_id)| run_id);
        let mut keys = 0;
        for (_, database) in self.info("keyspace").await?.iter().filter(|(name, _)| name.starts_with("db")) {
            let count = database.split(',').find_map(|field| field.strip_prefix("keys=")).and_then(|count| count.parse::<u64>().ok());
            let Some(count) = count else { return Ok(None) };
            keys += count;
        }
        let replicas = self.info("replication").await?;
        // One that does not follow makes the whole unknown: it may be the one that is promoted.
        let lag_of = |state: &str| {
            let field = |name: &str| state.split(',').find_map(|field| field.strip_prefix(name)).map(str::to_owned);
            field("state=").filter(|state| state == "online").and_then(|_| field("lag=")?.parse::<u64>().ok())
        };
        let is_replica = |name: &str| name.strip_prefix("slave").is_some_and(|number| number.parse::<u32>().is_ok());
        let lags: Option<Vec<u64>> = replicas.iter().filter(|(name, _)| is_replica(name)).map(|(_, state)| lag_of(state)).collect();
        let lag = lags.and_then(|lags| lags.into_iter().max());
        Ok(run_id.map(|run_id| NodeLife { run_id, keys, lag }))
    }

    /// The primaries of all shards; none without cluster mode.
    pub async fn primaries(&mut self) -> Result<Vec<(String, u16)>, Trouble> {
        let is_cluster = self.info("cluster").await?.iter().any(|(name, value)| name == "cluster_enabled" && value == "1");
        if !is_cluster {
            return Ok(Vec::new());
        }
        let ranges: Vec<Vec<redis::Value>> = self.ask(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        let mut primaries: Vec<(String, u16)> = Vec::new();
        for range in ranges {
            let Some(redis::Value::Array(node)) = range.into_iter().nth(2) else { continue };
            let mut fields = node.into_iter();
            let (Some(host), Some(port)) = (fields.next(), fields.next()) else { continue };
            let read = redis::from_redis_value::<String>(host).ok().zip(redis::from_redis_value::<u16>(port).ok());
            primaries.extend(read.filter(|node| !primaries.contains(node)));
        }
        if primaries.is_empty() {
            return Err(Trouble::new(ProbeOutcome::NoAnswer, "slots", format!("{} knows no shard: its cluster is down", self.place)));
        }
        Ok(primaries)
    }

    /// Empties the node; it frees its memory while it goes on answering.
    pub async fn flush(&mut self) -> Result<(), Trouble> {
        let _: String = self.ask(redis::cmd("FLUSHALL").arg("ASYNC")).await?;
        Ok(())
    }

    /// Ends everybody else's sessions, and counts those that were there before this one and stand. Whoever came later came past a group
    /// that admits no client: ElastiCache's own monitors do.
    pub async fn end_others(&mut self) -> Result<OtherSessions, Trouble> {
        let own: u64 = self.ask(redis::cmd("CLIENT").arg("ID")).await?;
        let mut ended = 0;
        for kind in ["normal", "pubsub"] {
            let killed: u32 = self.ask(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg(kind).arg("SKIPME").arg("yes")).await?;
            ended += killed;
        }
        let mut left = 0;
        for kind in ["normal", "pubsub"] {
            let listed: String = self.ask(redis::cmd("CLIENT").arg("LIST").arg("TYPE").arg(kind)).await?;
            let id = |line: &str| line.strip_prefix("id=")?.split(' ').next()?.parse::<u64>().ok();
            left += u32::try_from(listed.lines().filter_map(id).filter(|id| *id < own).count()).unwrap_or(u32::MAX);
        }
        Ok(OtherSessions { ended, left, silent: 0 })
    }
}

/// Opens `target`, does `work` on the one connection, and closes it again.
pub(super) async fn visit<T>(
    tls: &Arc<ClientConfig>,
    target: &Target,
    credentials: &Credentials,
    limits: VisitLimits,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let Endpoint { host, port } = endpoint_of(target, Engine::Redis)?;
    let place = Place::new(host, *port, limits);
    let addresses = place.resolve().await?;
    let stream = place.connect(&addresses).await?;
    let name = ServerName::try_from(host.clone())
        .map_err(|error| Trouble::could_not("tls", format!("{}: its name cannot be verified: {error}", place.shown)))?;
    let secured = timeout_at(place.deadline, TlsConnector::from(Arc::clone(tls)).connect(name, stream)).await;
    match secured {
        Ok(Ok(stream)) => converse(&place, stream, credentials, limits, work).await,
        // ElastiCache gives no AUTH token to a cache without TLS: a password is never sent in clear.
        Ok(Err(error))
            if credentials.password.reveal().is_empty()
                && error.get_ref().is_none_or(|cause| !cause.is::<rustls::Error>() || is_no_tls(cause)) =>
        {
            let stream = place.connect(&addresses).await?;
            converse(&place, stream, credentials, limits, work).await
        }
        Ok(Err(error)) if lost(&error) => {
            Err(Trouble::new(ProbeOutcome::NoAnswer, "closed", format!("{} closed the connection: {}", place.shown, chain(&error))))
        }
        Ok(Err(error)) => Err(Trouble::could_not("tls", format!("{}: no TLS that can be trusted: {}", place.shown, chain(&error)))),
        Err(_) => Err(place.silent()),
    }
}

/// Whether the other side speaks no TLS at all, in contrast to one that is not to be trusted.
fn is_no_tls(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(cause.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidMessage(_)))
}

async fn converse<T>(
    place: &Place<'_>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    credentials: &Credentials,
    limits: VisitLimits,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut info = RedisConnectionInfo::default();
    if !credentials.password.reveal().is_empty() {
        info = info.set_password(credentials.password.reveal());
        // An AUTH token belongs to no user; a user of a user group is named.
        if !credentials.username.is_empty() && credentials.username != DEFAULT_USER {
            info = info.set_username(&credentials.username);
        }
    }
    let opened = timeout_at(place.deadline, MultiplexedConnection::new(&info, stream)).await.map_err(|_| place.silent())?;
    let (connection, driver) = opened.map_err(|error| trouble(&place.shown, &error))?;
    let mut session = Session { connection, place: place.shown.clone(), limits };
    // The connection is driven here and not by a task of its own: nothing outlives the visit.
    tokio::select! {
        biased;
        done = work(&mut session) => done,
        () = driver => Err(Trouble::new(ProbeOutcome::NoAnswer, "closed", format!("{} closed the connection", place.shown))),
    }
}

/// What an error of a node proves. What it says may quote a key, and is shown only where it is about the login or the node.
fn trouble(place: &str, error: &RedisError) -> Trouble {
    let code = error.code().unwrap_or_default().to_owned();
    let said = short(error.detail().unwrap_or_default());
    let (outcome, what) = match code.as_str() {
        "NOAUTH" | "WRONGPASS" | "NOPERM" => (ProbeOutcome::LoginRefused, "refuses the login"),
        "LOADING" => (ProbeOutcome::StartingUp, "is loading its data"),
        "MASTERDOWN" | "CLUSTERDOWN" => (ProbeOutcome::NoAnswer, "has lost its primary or its cluster"),
        _ if said.contains("max number of clients") => (ProbeOutcome::TooManyConnections, "has no connection left"),
        _ if error.kind() == ErrorKind::AuthenticationFailed => (ProbeOutcome::LoginRefused, "refuses the login"),
        _ if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() => {
            (ProbeOutcome::NoAnswer, "broke the connection off")
        }
        _ => (ProbeOutcome::CouldNotRun, "did not carry a command out"),
    };
    let code = if code.is_empty() { "redis".to_owned() } else { code };
    Trouble::new(outcome, &code, format!("{place} {what} ({code})"))
}
