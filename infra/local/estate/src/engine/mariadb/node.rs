//! One MariaDB server process and its data directory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, Utc};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::super::error::{EngineError, tail};
use super::super::front::HeldPort;
use super::super::host::Host;
use super::super::process;
use super::config::{ADMIN, BINLOG, options, socket, temporary};
use super::setup::Programs;

/// A start, with all the log it may have to replay.
const START: Duration = Duration::from_secs(120);
/// A statement of the engine, on an overloaded machine.
const STATEMENT: Duration = Duration::from_secs(20);
/// A look at the server that must not wait long for a hung one.
const GLANCE: Duration = Duration::from_secs(5);
/// A clean stop.
const STOP: Duration = Duration::from_secs(5);

/// One server process; killed when dropped.
pub(super) struct Node {
    host: Arc<Host>,
    programs: Programs,
    tag: String,
    data: PathBuf,
    port: HeldPort,
    /// Whether somebody has it hang. Held while it stands still for a copy, so that neither ends the other's stillness.
    hung: Mutex<bool>,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A node with its own port; nothing runs yet, and `data` need not exist.
    pub(super) fn new(host: &Arc<Host>, programs: &Programs, data: PathBuf) -> Result<Self, EngineError> {
        Ok(Self {
            tag: host.next_tag(),
            host: Arc::clone(host),
            programs: programs.clone(),
            data,
            port: HeldPort::take().map_err(EngineError::io("take a port"))?,
            hung: Mutex::new(false),
            child: Mutex::new(None),
        })
    }

    /// The port that it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port.address.port()
    }

    /// The data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Starts the server and waits until it accepts logins; after a crash, that is after its recovery.
    pub(super) async fn start(&self) -> Result<(), EngineError> {
        self.host.make_dir(&temporary(&self.data))?;
        let log = File::options().create(true).append(true).open(self.log_path()).map_err(EngineError::io("open the server's log"))?;
        let mut command = self.host.command(self.programs.server());
        command.args(options(&self.host, &self.data, self.port(), &self.tag));
        // Not into a copy that is being made of what the process before has left.
        let still = self.hung.lock().await;
        let child = command.current_dir(&self.data).stderr(Stdio::from(log)).spawn().map_err(EngineError::io("start mariadbd"))?;
        self.host.pids.change(|pids| pids.extend(child.id()));
        *self.child.lock().await = Some(child);
        drop(still);
        let started = Instant::now();
        while started.elapsed() < START {
            if !self.runs().await {
                let log = tail(&fs::read(self.log_path()).unwrap_or_default());
                return Err(EngineError::Died { data: self.data.clone(), log });
            }
            if self.now().await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(15)).await;
        }
        Err(EngineError::Slow { what: format!("start MariaDB in {}", self.data.display()), limit: START })
    }

    /// Kills it; nothing is archived afterwards.
    pub(super) async fn kill(&self) {
        let mut child = self.child.lock().await;
        process::end(&self.tag).await;
        self.buried(child.take()).await;
    }

    /// Stops it cleanly, or not, if it takes too long.
    pub(super) async fn stop(&self) {
        let mut child = self.child.lock().await;
        if let Some(child) = child.as_mut() {
            if let Some(pid) = child.id() {
                process::signal(pid, Signal::TERM);
            }
            let _ = timeout(STOP, child.wait()).await;
        }
        process::end(&self.tag).await;
        self.buried(child.take()).await;
    }

    async fn buried(&self, child: Option<Child>) {
        *self.hung.lock().await = false;
        if let Some(mut child) = child {
            let pid = child.id();
            let _ = child.wait().await;
            self.host.pids.change(|pids| pids.retain(|known| Some(*known) != pid));
        }
    }

    /// Stops it in mid-work.
    pub(super) async fn hang(&self) {
        *self.hung.lock().await = true;
        process::freeze(&self.tag);
    }

    /// Lets it go on.
    pub(super) async fn resume(&self) {
        let mut hung = self.hung.lock().await;
        process::thaw(&self.tag);
        *hung = false;
    }

    /// Is its process there and not stopped?
    pub(super) async fn runs(&self) -> bool {
        let alive = self.child.lock().await.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        alive && !*self.hung.lock().await
    }

    /// An administrator's connection, over the Unix socket.
    async fn client(&self) -> Result<Conn, EngineError> {
        let options = OptsBuilder::default().socket(Some(socket(&self.host, self.port()).display().to_string())).user(Some(ADMIN));
        Conn::new(options).await.map_err(failed("connect"))
    }

    /// Runs statements one after the other on a connection of its own. In them a quote is doubled and nothing else escaped.
    pub(super) async fn execute(&self, what: &'static str, statements: &[String]) -> Result<(), EngineError> {
        within(what, STATEMENT, async {
            let mut client = self.client().await?;
            client.query_drop("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'").await.map_err(failed(what))?;
            for statement in statements {
                client.query_drop(statement).await.map_err(failed(what))?;
            }
            client.disconnect().await.map_err(failed(what))
        })
        .await
    }

    /// The time on the server's clock.
    pub(super) async fn now(&self) -> Result<DateTime<Utc>, EngineError> {
        within("read the clock", GLANCE, async {
            let mut client = self.client().await?;
            let time = clock(&mut client).await;
            let _ = client.disconnect().await;
            time
        })
        .await
    }

    /// Closes the file of the binary log that is written to, so that all that was committed so far lies in closed ones. Answers a
    /// time before which all that was begun is in them, to the second below as `mariadb-binlog` knows no parts of seconds, and the
    /// file that is written to from now on.
    pub(super) async fn close_log(&self) -> Result<(DateTime<Utc>, String), EngineError> {
        let what = "close the binary log's file";
        within(what, GLANCE, async {
            let mut client = self.client().await?;
            let before = clock(&mut client).await?;
            client.query_drop("FLUSH BINARY LOGS").await.map_err(failed(what))?;
            let status: Option<(String, u64, String, String)> = client.query_first("SHOW MASTER STATUS").await.map_err(failed(what))?;
            let _ = client.disconnect().await;
            let (file, ..) = status.ok_or(EngineError::Sql { what, why: "there is no binary log".to_owned() })?;
            Ok((before.trunc_subsecs(0), file))
        })
        .await
    }

    /// The names of the closed files of the binary log, in order: all but `open`.
    pub(super) fn closed_logs(&self, open: &str) -> Result<BTreeSet<String>, EngineError> {
        let entries = fs::read_dir(&self.data).map_err(EngineError::io("list the data directory"))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter(|name| is_log(name) && name.as_str() < open).collect())
    }

    /// A consistent copy of the data directory: the process stands still meanwhile, so that the copy is what a crash at that moment
    /// would have left, and starts as after one.
    pub(super) async fn back_up(&self, to: &Path) -> Result<(), EngineError> {
        let hung = self.hung.lock().await;
        let child = self.child.lock().await.as_ref().and_then(Child::id);
        if *hung || child.is_none() {
            return Err(EngineError::Sql { what: "copy the data directory", why: "the server is dead or hangs".to_owned() });
        }
        process::freeze(&self.tag);
        let copied = self.host.copy(&self.data, to).await;
        process::thaw(&self.tag);
        drop(hung);
        copied
    }

    /// Runs these files of a binary log, up to a second if asked: what began in it or later is left out.
    pub(super) async fn replay(&self, logs: &[PathBuf], to: Option<DateTime<Utc>>) -> Result<(), EngineError> {
        if logs.is_empty() {
            return Ok(());
        }
        let script = self.data.with_extension("replay.sql");
        let mut decode = self.host.command(self.programs.binlog());
        decode.arg("--no-defaults").arg(format!("--result-file={}", script.display()));
        if let Some(to) = to {
            decode.arg(format!("--stop-datetime={}", to.format("%Y-%m-%d %H:%M:%S")));
        }
        decode.args(logs);
        self.host.run(decode).await?;
        let mut client = self.host.command(self.programs.client());
        client.args(["--no-defaults", "--binary-mode", "--user", ADMIN]);
        client.arg(format!("--socket={}", socket(&self.host, self.port()).display()));
        client.stdin(Stdio::from(File::open(&script).map_err(EngineError::io("open the decoded log"))?));
        self.host.run(client).await?;
        self.host.remove(&script).await;
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = self.child.get_mut() {
            process::kill(&self.tag);
            let pid = child.id();
            self.host.pids.change(|pids| pids.retain(|known| Some(*known) != pid));
        }
    }
}

/// `binlog.000017`, and not `binlog.index`.
pub(super) fn is_log(name: &str) -> bool {
    let number = name.strip_prefix(BINLOG).and_then(|rest| rest.strip_prefix('.'));
    number.is_some_and(|number| number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

async fn clock(client: &mut Conn) -> Result<DateTime<Utc>, EngineError> {
    let what = "read the clock";
    let text: Option<String> = client.query_first("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").await.map_err(failed(what))?;
    let text = text.unwrap_or_default();
    let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f");
    time.map(|time| time.and_utc()).map_err(|error| EngineError::Sql { what, why: format!("{text:?}: {error}") })
}

/// A mapper for the driver's errors.
fn failed(what: &'static str) -> impl Fn(mysql_async::Error) -> EngineError {
    move |error| EngineError::Sql { what, why: error.to_string() }
}

/// Bounds what a hung server would make endless.
async fn within<T>(what: &str, limit: Duration, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    let slow = |_| EngineError::Slow { what: what.to_owned(), limit };
    timeout(limit, work).await.map_err(slow)?
}
