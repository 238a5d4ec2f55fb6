//! One connection for one visit: verified TLS, read-only, every wait bounded.

use super::trouble;
use crate::databases::Engine;
use crate::sql::place::{Place, endpoint_of};
use crate::sql::trouble::Trouble;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{Credentials, Target, VisitLimits};
use lifeboat_domain::probe::ProbeOutcome;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Params, Row, SslOpts, Value};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{timeout, timeout_at};

/// How a visit shows up in `performance_schema.session_connect_attrs`.
const APPLICATION: &str = "lifeboat-validate";
/// The server ends a statement at its limit; we wait this much longer before we call it hung.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a good-bye may take.
const GOOD_BYE: Duration = Duration::from_millis(250);
/// How long a second look may take at a place where the first one saw nothing in time.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// The largest packet that we take, in bytes: rows of ours are short.
const PACKET: usize = 16 << 20;

/// How long the driver takes an idle connection for alive, in seconds; ours are never idle for so long.
const IDLE: usize = 28_800;

/// A row as the server writes it: as texts.
pub(super) type Texts = Vec<Option<String>>;

/// An open connection, logged in and set up.
pub(super) struct Session {
    conn: Leash,
    /// Host and port, for sentences.
    pub place: String,
    /// Whether the server accepts writes (ours are read-only all the same).
    pub writable: bool,
    limits: VisitLimits,
}

/// A connection that is closed with its owner, wherever the owner was. The driver's own way is to go on reading what is still to
/// come, which a hung server never sends.
struct Leash(Option<Conn>);

impl Leash {
    fn conn(&mut self, place: &str) -> Result<&mut Conn, Trouble> {
        self.0.as_mut().ok_or_else(|| Trouble::could_not("closed", format!("the connection to {place} is closed")))
    }

    /// Says good-bye, and does not wait long for the answer.
    async fn close(&mut self) {
        if let Some(conn) = self.0.take() {
            let _ = timeout(GOOD_BYE, conn.disconnect()).await;
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let (Some(conn), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { Self(Some(conn)).close().await });
        }
    }
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
    pub async fn run(&mut self, sql: &str) -> Result<(), Trouble> {
        let limit = self.statement_limit();
        bounded(&self.place, limit, self.conn.conn(&self.place)?.query_drop(sql)).await
    }

    /// Runs one statement.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<Texts>, Trouble> {
        let limit = self.statement_limit();
        let rows: Vec<Row> = bounded(&self.place, limit, self.conn.conn(&self.place)?.query(sql)).await?;
        rows.into_iter().map(|row| texts(&self.place, row)).collect()
    }

    /// Runs one statement with text parameters; it answers texts and whole numbers only.
    pub async fn rows(&mut self, sql: &str, parameters: &[&str]) -> Result<Vec<Texts>, Trouble> {
        if parameters.is_empty() {
            return self.texts(sql).await;
        }
        let limit = self.statement_limit();
        let parameters = Params::Positional(parameters.iter().map(|text| Value::from(*text)).collect());
        let rows: Vec<Row> = bounded(&self.place, limit, self.conn.conn(&self.place)?.exec(sql, parameters)).await?;
        rows.into_iter().map(|row| texts(&self.place, row)).collect()
    }

    /// Runs one statement that answers exactly one row.
    pub async fn row(&mut self, sql: &str, parameters: &[&str]) -> Result<Texts, Trouble> {
        let rows = self.rows(sql, parameters).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Trouble::could_not("no_row", format!("{} answered no row where one was expected", self.place)))
    }

    /// A column that is not NULL.
    pub fn text<'a>(&self, row: &'a Texts, column: usize) -> Result<&'a str, Trouble> {
        row.get(column)
            .and_then(Option::as_deref)
            .ok_or_else(|| Trouble::could_not("driver", format!("{} answered nothing in column {}", self.place, column + 1)))
    }

    /// A column that is a whole number.
    pub fn number(&self, row: &Texts, column: usize) -> Result<i64, Trouble> {
        let text = self.text(row, column)?;
        text.parse().map_err(|_| Trouble::could_not("driver", format!("{} answered {text:?} where it counts", self.place)))
    }
}

async fn bounded<T>(place: &str, limit: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    let limit = limit + MARGIN;
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| trouble::of(place, &error)),
        Err(_) => Err(Trouble::new(
            ProbeOutcome::NoAnswer,
            "timeout",
            format!("{place} gave no answer to a statement within {} s", limit.as_secs()),
        )),
    }
}

fn texts(place: &str, row: Row) -> Result<Texts, Trouble> {
    let text = |value| match value {
        Value::NULL => Ok(None),
        Value::Bytes(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Value::Int(number) => Ok(Some(number.to_string())),
        Value::UInt(number) => Ok(Some(number.to_string())),
        other => Err(Trouble::could_not("driver", format!("{place} answered {other:?}, which is no text"))),
    };
    row.unwrap().into_iter().map(text).collect()
}

/// Opens `target`, does `work` on the one connection, and closes it again.
pub(super) async fn visit<T>(
    roots: &[u8],
    target: &Target,
    credentials: &Credentials,
    limits: VisitLimits,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let Endpoint { host, port } = endpoint_of(target, Engine::MySql)?;
    let place = Place::new(host, *port, limits);
    let addresses = place.resolve().await?;
    let opening = Conn::new(options(roots, host, &addresses, target, credentials));
    let conn = match timeout_at(place.deadline, opening).await {
        Ok(opened) => opened.map_err(|error| trouble::of_connect(&place, &error))?,
        Err(_) => return Err(look_again(&place, &addresses).await),
    };
    let mut session = Session { conn: Leash(Some(conn)), place: place.shown.clone(), writable: false, limits };
    let done = match timeout_at(place.deadline, set_up(&mut session)).await {
        Ok(Ok(writable)) => {
            session.writable = writable;
            work(&mut session).await
        }
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(place.silent()),
    };
    session.conn.close().await;
    done
}

/// The driver connects and logs in as one; which of the two was too slow, only another connection tells.
async fn look_again(place: &Place<'_>, addresses: &[SocketAddr]) -> Trouble {
    match timeout(SECOND_LOOK, TcpStream::connect(addresses)).await {
        Ok(Ok(_)) => place.silent(),
        Ok(Err(error)) => place.not_connected(&error),
        Err(_) => place.nobody_there(),
    }
}

fn options(roots: &[u8], host: &str, addresses: &[SocketAddr], target: &Target, credentials: &Credentials) -> Opts {
    // Made anew for each visit, so that no TLS session is resumed: a restored server under an old name must show its own certificate.
    let tls = SslOpts::default().with_disable_built_in_roots(true).with_root_certs(vec![roots.to_vec().into()]);
    let database = target.database.as_deref().or(credentials.database.as_deref());
    OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(addresses.first().map_or(0, SocketAddr::port))
        .resolved_ips(Some(addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>()))
        .user(Some(&credentials.username))
        .pass(Some(credentials.password.reveal()))
        .db_name(database)
        .ssl_opts(tls)
        .prefer_socket(false)
        .stmt_cache_size(0)
        .secure_auth(true)
        .enable_cleartext_plugin(false)
        // Given, so that the driver need not ask.
        .max_allowed_packet(Some(PACKET))
        .wait_timeout(Some(IDLE))
        .connect_attribute("program_name", APPLICATION)
        .into()
}

/// What decides whether clients can write, and which of the two engines bounds a statement how.
const VARIABLES: &str = "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'innodb_read_only', 'tx_read_only',
  'transaction_read_only', 'innodb_force_recovery', 'max_statement_time', 'max_execution_time')";

/// Asks the first question (does it accept writes?), then makes the session read-only, bounded and literal about times.
async fn set_up(session: &mut Session) -> Result<bool, Trouble> {
    let mut variables = HashMap::new();
    for row in session.texts(VARIABLES).await? {
        variables.insert(session.text(&row, 0)?.to_lowercase(), session.text(&row, 1)?.to_owned());
    }
    let statement = session.limits.statement.as_secs().max(1);
    let lock = (statement / 2).clamp(1, 5);
    let limit = if variables.contains_key("max_statement_time") {
        format!(", max_statement_time = {statement}")
    } else if variables.contains_key("max_execution_time") {
        format!(", max_execution_time = {}", statement.saturating_mul(1000))
    } else {
        String::new()
    };
    let idle = statement.saturating_mul(4);
    let sql = format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
         SET SESSION time_zone = '+00:00', lock_wait_timeout = {lock}, innodb_lock_wait_timeout = {lock}, wait_timeout = {idle}{limit}"
    );
    session.run(&sql).await?;
    Ok(accepts_writes(&variables))
}

/// MariaDB 12 knows more words than `ON` for `read_only`; from `innodb_force_recovery` 4 on, InnoDB is read-only.
fn accepts_writes(variables: &HashMap<String, String>) -> bool {
    let off = |name: &str| variables.get(name).is_none_or(|value| matches!(value.as_str(), "OFF" | "0"));
    let forced = variables.get("innodb_force_recovery").and_then(|value| value.parse::<u8>().ok()).unwrap_or(0);
    forced < 4 && ["read_only", "super_read_only", "innodb_read_only", "tx_read_only", "transaction_read_only"].into_iter().all(off)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_switch_of_many_makes_a_server_read_only() {
        let with = |name: &str, value: &str| {
            let mut variables: HashMap<String, String> =
                ["read_only", "innodb_read_only", "tx_read_only"].map(|name| (name.to_owned(), "OFF".to_owned())).into();
            variables.insert(name.to_owned(), value.to_owned());
            accepts_writes(&variables)
        };
        assert!(with("read_only", "OFF") && with("read_only", "0") && with("innodb_force_recovery", "3"));
        for (name, value) in [
            ("read_only", "ON"),
            ("read_only", "NO_LOCK_NO_ADMIN"),
            ("super_read_only", "ON"),
            ("innodb_read_only", "ON"),
            ("tx_read_only", "ON"),
            ("transaction_read_only", "1"),
            ("innodb_force_recovery", "4"),
        ] {
            assert!(!with(name, value), "{name} = {value}");
        }
    }
}
