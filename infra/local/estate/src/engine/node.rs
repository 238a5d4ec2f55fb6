//! One PostgreSQL server process and its data directory: a primary or a standby.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

use super::config::{ADMIN, HBA, Role, postgresql_conf};
use super::error::{EngineError, tail};
use super::front::HeldPort;
use super::host::Host;
use super::process;

/// A start, with all the WAL it may have to replay.
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
    server: String,
    tag: String,
    data: PathBuf,
    port: HeldPort,
    hung: AtomicBool,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A node of this server with its own port; nothing runs yet, and `data` need not exist.
    pub(super) fn new(host: &Arc<Host>, server: &str, data: PathBuf) -> Result<Self, EngineError> {
        Ok(Self {
            tag: host.next_tag(),
            host: Arc::clone(host),
            server: server.to_owned(),
            data,
            port: HeldPort::take().map_err(EngineError::io("take a port"))?,
            hung: AtomicBool::new(false),
            child: Mutex::new(None),
        })
    }

    /// The port PostgreSQL listens on.
    pub(super) fn port(&self) -> u16 {
        self.port.address.port()
    }

    /// The data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Writes the configuration for this role.
    pub(super) fn configure(&self, role: &Role) -> Result<(), EngineError> {
        let conf = postgresql_conf(&self.host, &self.server, self.port(), role);
        self.host.write(&self.data.join("postgresql.conf"), &conf, 0o600)?;
        self.host.write(&self.data.join("pg_hba.conf"), HBA, 0o600)
    }

    /// Starts PostgreSQL in this role and waits until it accepts logins and, unless a standby, is out of recovery.
    pub(super) async fn start(&self, role: &Role) -> Result<(), EngineError> {
        self.configure(role)?;
        if let Some(name) = role.signal_file() {
            self.host.write(&self.data.join(name), "", 0o600)?;
        }
        let log = self.log_path();
        let log = File::options().create(true).append(true).open(&log).map_err(EngineError::io("open the server's log"))?;
        let mut command = self.host.postgres_tool("postgres");
        command.arg("-D").arg(&self.data).arg("-c").arg(format!("cluster_name={}", self.tag));
        let child = command.current_dir(&self.data).stderr(Stdio::from(log)).spawn().map_err(EngineError::io("start postgres"))?;
        self.host.pids.change(|pids| pids.extend(child.id()));
        *self.child.lock().await = Some(child);
        self.ready(matches!(role, Role::Standby { .. } | Role::Reader { .. })).await
    }

    /// Waits until it accepts logins and is a standby, or is none any more.
    pub(super) async fn ready(&self, standby: bool) -> Result<(), EngineError> {
        let started = Instant::now();
        while started.elapsed() < START {
            if !self.runs().await {
                let log = tail(&fs::read(self.log_path()).unwrap_or_default());
                return Err(EngineError::Died { data: self.data.clone(), log });
            }
            if self.is_standby().await.is_ok_and(|is| is == standby) {
                return Ok(());
            }
            sleep(Duration::from_millis(15)).await;
        }
        Err(EngineError::Slow { what: format!("start PostgreSQL in {}", self.data.display()), limit: START })
    }

    /// Kills it and all its children; nothing is archived afterwards.
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
                process::signal(pid, Signal::INT);
            }
            let _ = timeout(STOP, child.wait()).await;
        }
        process::end(&self.tag).await;
        self.buried(child.take()).await;
    }

    async fn buried(&self, child: Option<Child>) {
        self.hung.store(false, Ordering::Relaxed);
        if let Some(mut child) = child {
            let pid = child.id();
            let _ = child.wait().await;
            self.host.pids.change(|pids| pids.retain(|known| Some(*known) != pid));
        }
    }

    /// Stops all its processes in mid-work.
    pub(super) fn hang(&self) {
        self.hung.store(true, Ordering::Relaxed);
        process::freeze(&self.tag);
    }

    /// Lets them go on.
    pub(super) fn resume(&self) {
        process::thaw(&self.tag);
        self.hung.store(false, Ordering::Relaxed);
    }

    /// Is its process there and not stopped?
    pub(super) async fn runs(&self) -> bool {
        let alive = self.child.lock().await.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        alive && !self.hung.load(Ordering::Relaxed)
    }

    async fn is_standby(&self) -> Result<bool, EngineError> {
        within("ask for the role", GLANCE, async {
            let client = self.client().await?;
            let row = client.query_one("SELECT pg_is_in_recovery()", &[]).await;
            row.and_then(|row| row.try_get(0)).map_err(EngineError::sql("ask for the role"))
        })
        .await
    }

    /// A superuser connection, over the Unix socket.
    async fn client(&self) -> Result<Client, EngineError> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.host.run_dir()).port(self.port()).user(ADMIN).dbname(ADMIN);
        let (client, connection) = config.connect(NoTls).await.map_err(EngineError::sql("connect"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Runs one statement, built with PostgreSQL's `format` (`%I` a name, `%L` a string), on a connection of its own.
    pub(super) async fn execute(&self, what: &'static str, template: &str, values: &[&str]) -> Result<(), EngineError> {
        within(what, STATEMENT, async {
            let client = self.client().await?;
            let format = "SELECT format($1::text, VARIADIC $2::text[])";
            let built = client.query_one(format, &[&template, &values]).await;
            let statement: String = built.and_then(|row| row.try_get(0)).map_err(EngineError::sql(what))?;
            client.batch_execute(&statement).await.map_err(EngineError::sql(what))
        })
        .await
    }

    /// The time on the server's clock.
    pub(super) async fn now(&self) -> Result<DateTime<Utc>, EngineError> {
        within("read the clock", GLANCE, async {
            let row = self.client().await?.query_one("SELECT clock_timestamp()", &[]).await;
            row.and_then(|row| row.try_get(0)).map_err(EngineError::sql("read the clock"))
        })
        .await
    }

    /// Has all that was committed so far archived, and a later commit too: see `Engine::ship_log`.
    pub(super) async fn ship_log(&self, wal: &Path) -> Result<DateTime<Utc>, EngineError> {
        let what = "have the log archived";
        within(what, GLANCE, async {
            let client = self.client().await?;
            // A transaction that has an id leaves a commit record, even if it changed nothing.
            let mark = "SELECT clock_timestamp(), pg_current_xact_id()::text";
            let row = client.query_one(mark, &[]).await.map_err(EngineError::sql(what))?;
            let before: DateTime<Utc> = row.try_get(0).map_err(EngineError::sql(what))?;
            let id: String = row.try_get(1).map_err(EngineError::sql(what))?;
            let switch = "SELECT pg_xact_commit_timestamp($1::text::xid8::xid), pg_walfile_name(pg_switch_wal())";
            let row = client.query_one(switch, &[&id]).await.map_err(EngineError::sql(what))?;
            let marked: DateTime<Utc> = row.try_get(0).map_err(EngineError::sql(what))?;
            let segment: String = row.try_get(1).map_err(EngineError::sql(what))?;
            let segment = wal.join(segment);
            while !segment.exists() {
                sleep(Duration::from_millis(5)).await;
            }
            // Recovery to a time stops at the first commit after it, so there must be one: ours.
            Ok(before.min(marked - TimeDelta::microseconds(1)))
        })
        .await
    }

    /// Puts a changed configuration in force, soon.
    pub(super) async fn reload(&self) -> Result<(), EngineError> {
        self.execute("reload the configuration", "SELECT pg_reload_conf()", &[]).await
    }

    /// Makes commits wait for the standby, and returns when they surely do.
    pub(super) async fn require_standby(&self) -> Result<(), EngineError> {
        self.require(&Role::Primary { synchronous: true }, 1).await
    }

    /// The same for so many, whom the role names.
    pub(super) async fn require(&self, role: &Role, followers: usize) -> Result<(), EngineError> {
        self.configure(role)?;
        self.reload().await?;
        let what = "make the standby synchronous";
        within(what, STATEMENT, async {
            let client = self.client().await?;
            let state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'";
            let wanted = i64::try_from(followers).unwrap_or(i64::MAX);
            while client.query_one(state, &[]).await.map_err(EngineError::sql(what))?.get::<_, i64>(0) < wanted {
                sleep(Duration::from_millis(5)).await;
            }
            // It is the checkpointer that puts the setting in force, before it begins a checkpoint.
            client.batch_execute("CHECKPOINT").await.map_err(EngineError::sql(what))
        })
        .await
    }

    /// Makes a standby a primary.
    pub(super) async fn promote(&self) -> Result<(), EngineError> {
        self.execute("promote the standby", "SELECT pg_promote(false)", &[]).await?;
        self.ready(false).await
    }

    /// A consistent copy of this server's data directory.
    pub(super) async fn back_up(&self, to: &Path) -> Result<(), EngineError> {
        let mut command = self.host.postgres_tool("pg_basebackup");
        command.arg("-h").arg(self.host.run_dir()).args(["-p", &self.port().to_string(), "-U", ADMIN, "-D"]).arg(to);
        command.args(["--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-manifest", "--no-password"]);
        self.host.run(command).await?;
        // Of a standby it would be in the copy, too, which is to be none.
        match fs::remove_file(to.join("standby.signal")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(EngineError::io("make the copy no standby")(error)),
            _ => Ok(()),
        }
    }

    /// Lets a standby stream no more; what it has received stays.
    pub(super) async fn stop_streaming(&self) -> Result<(), EngineError> {
        self.configure(&Role::Primary { synchronous: false })?;
        self.reload().await
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

/// Bounds what a hung server would make endless.
async fn within<T>(what: &str, limit: Duration, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    let slow = |_| EngineError::Slow { what: what.to_owned(), limit };
    timeout(limit, work).await.map_err(slow)?
}
