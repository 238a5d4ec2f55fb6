//! One connection for one visit: verified TLS, read-only, every wait bounded.

use super::trouble;
use crate::databases::Engine;
use crate::sql::place::{Place, endpoint_of};
use crate::sql::trouble::Trouble;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{Credentials, Target, VisitLimits};
use lifeboat_domain::probe::ProbeOutcome;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Row, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How a visit shows up in `pg_stat_activity`.
const APPLICATION: &str = "lifeboat-validate";
/// The server ends a statement at its limit; we wait this much longer before we call it hung.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a good-bye may take.
const GOOD_BYE: Duration = Duration::from_millis(250);

/// An open connection, logged in and set up.
pub(super) struct Session {
    client: Client,
    /// Host and port, for sentences.
    pub place: String,
    /// Whether the server accepts writes (ours are read-only all the same).
    pub writable: bool,
    limits: VisitLimits,
}

impl Session {
    /// How long one statement may take.
    pub fn statement_limit(&self) -> Duration {
        Duration::from_secs(self.limits.statement.as_secs())
    }

    /// How long this session may wait for others.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.limits.connect.as_secs())
    }

    /// Runs statements whose results do not matter.
    pub async fn run(&self, sql: &str) -> Result<(), Trouble> {
        self.bounded(self.client.batch_execute(sql)).await
    }

    /// Runs one statement with text parameters.
    pub async fn rows(&self, sql: &str, texts: &[&str]) -> Result<Vec<Row>, Trouble> {
        let typed: Vec<(&(dyn ToSql + Sync), Type)> = texts.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT)).collect();
        self.bounded(self.client.query_typed(sql, &typed)).await
    }

    /// Runs one statement that answers exactly one row.
    pub async fn row(&self, sql: &str, texts: &[&str]) -> Result<Row, Trouble> {
        let rows = self.rows(sql, texts).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Trouble::could_not("no_row", format!("{} answered no row where one was expected", self.place)))
    }

    /// Runs statements and answers the rows as the server writes them: as text.
    pub async fn texts(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, Trouble> {
        let answer = self.bounded(self.client.simple_query(sql)).await?;
        Ok(answer.into_iter().filter_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None }).collect())
    }

    /// Reads a column.
    pub fn get<'a, T: tokio_postgres::types::FromSql<'a>>(&self, row: &'a Row, column: usize) -> Result<T, Trouble> {
        row.try_get(column).map_err(|error| trouble::of(&self.place, &error))
    }

    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
        let limit = self.statement_limit() + MARGIN;
        match timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|error| trouble::of(&self.place, &error)),
            Err(_) => Err(Trouble::new(
                ProbeOutcome::NoAnswer,
                "timeout",
                format!("{} gave no answer to a statement within {} s", self.place, limit.as_secs()),
            )),
        }
    }
}

/// Opens `target`, does `work` on the one connection, and closes it again.
pub(super) async fn visit<T>(
    tls: &MakeRustlsConnect,
    target: &Target,
    credentials: &Credentials,
    limits: VisitLimits,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let Endpoint { host, port } = endpoint_of(target, Engine::Postgres)?;
    let place = Place::new(host, *port, limits);
    let stream = place.connect(&place.resolve().await?).await?;
    let Place { shown: name, deadline, .. } = &place;
    let secured = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut tls.clone(), host)
        .map_err(|error| Trouble::could_not("tls", format!("{name}: its name cannot be verified: {error}")))?;
    let config = configuration(target, credentials);
    let opened = timeout_at(*deadline, config.connect_raw(stream, secured)).await.map_err(|_| place.silent())?;
    let (client, mut connection) = opened.map_err(|error| trouble::of(name, &error))?;
    let mut session = Session { client, place: name.clone(), writable: false, limits };
    let conversation = async {
        session.writable = timeout_at(*deadline, set_up(&session)).await.map_err(|_| place.silent())??;
        work(&mut session).await
    };
    // The connection is driven here and not by a task of its own: nothing outlives the visit.
    let cut = tokio::select! {
        biased;
        done = conversation => Ok(done),
        end = &mut connection => Err(end),
    };
    match cut {
        Ok(done) => {
            drop(session);
            let _ = timeout(GOOD_BYE, connection).await;
            done
        }
        Err(Ok(())) => Err(Trouble::new(ProbeOutcome::NoAnswer, "closed", format!("{name} closed the connection"))),
        Err(Err(error)) => Err(trouble::of(name, &error)),
    }
}

fn configuration(target: &Target, credentials: &Credentials) -> Config {
    let database = target.database.as_deref().or(credentials.database.as_deref()).unwrap_or("postgres");
    let mut config = Config::new();
    config.user(&credentials.username).password(credentials.password.reveal()).dbname(database);
    config.application_name(APPLICATION).ssl_mode(SslMode::Require);
    config
}

/// Asks the first question (does it accept writes?), then makes the session read-only, bounded and literal about every type.
async fn set_up(session: &Session) -> Result<bool, Trouble> {
    let statement = session.limits.statement.as_secs().saturating_mul(1000).max(1000);
    let lock = (statement / 2).min(5000);
    let idle = statement.saturating_mul(4);
    let sql = format!(
        "SELECT NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.current_setting('transaction_read_only') = 'off';
         SET default_transaction_read_only = on;
         SET statement_timeout = {statement}; SET lock_timeout = {lock}; SET idle_in_transaction_session_timeout = {idle};
         SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3;
         SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET cursor_tuple_fraction = 1.0"
    );
    let rows = session.texts(&sql).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok().flatten()) == Some("t"))
}
