//! One Redis server process and its directory.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::process::Child;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::super::error::{EngineError, tail};
use super::super::front::HeldPort;
use super::super::host::Host;
use super::super::process;
use super::config::{Begins, DUMP, Listens, Token, conf};
use super::shards::{NODES, Seat};
use super::wire;

/// A start, with all that it has to load or to copy from its primary.
const START: Duration = Duration::from_secs(60);
/// How long a snapshot of a replica waits for what its primary has said before.
const LAG: Duration = Duration::from_secs(3);
const A_LITTLE: Duration = Duration::from_millis(10);

/// One server process; killed when dropped.
pub(super) struct Node {
    host: Arc<Host>,
    program: PathBuf,
    secret: String,
    tag: String,
    data: PathBuf,
    plain: HeldPort,
    tls: HeldPort,
    seat: Option<Seat>,
    hung: Mutex<bool>,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A node with its own ports, and with its seat if it has one in a cluster; nothing runs yet.
    pub(super) fn new(host: &Arc<Host>, (program, secret): (&Path, &str), data: PathBuf, seat: Option<Seat>) -> Result<Self, EngineError> {
        let port = || HeldPort::take().map_err(EngineError::io("take a port"));
        Ok(Self {
            tag: host.next_tag(),
            host: Arc::clone(host),
            program: program.to_owned(),
            secret: secret.to_owned(),
            data,
            plain: port()?,
            tls: port()?,
            seat,
            hung: Mutex::new(false),
            child: Mutex::new(None),
        })
    }

    /// Where it listens. The port that clients of a cluster are told is that of its front.
    fn listens(&self) -> Listens {
        let (plain, tls) = (self.plain.address.port(), self.tls.address.port());
        let socket = self.host.run_dir().join(format!("{plain}.redis"));
        match &self.seat {
            None => Listens { host: Ipv4Addr::LOCALHOST, plain, tls, socket },
            Some(seat) => {
                let host = if let SocketAddr::V4(behind) = seat.behind { *behind.ip() } else { Ipv4Addr::LOCALHOST };
                let told = seat.behind.port();
                let (plain, tls) = if seat.tls { (plain, told) } else { (told, tls) };
                Listens { host, plain, tls, socket }
            }
        }
    }

    /// Where its clients are led.
    pub(super) fn reached(&self, tls: bool) -> SocketAddr {
        let at = self.listens();
        (at.host, if tls { at.tls } else { at.plain }).into()
    }

    /// The port on which those follow it that are in no cluster.
    pub(super) fn followed_at(&self) -> u16 {
        self.listens().plain
    }

    /// Starts the server, on the snapshot in its directory if there is one, and waits until it answers; a replica, until it holds what
    /// its primary does; a node of a cluster, until that is well, too. Clients are let in by [`Node::let_in`].
    pub(super) async fn start(&self, begins: &Begins) -> Result<(), EngineError> {
        let file = self.data.with_extension("conf");
        self.host.write(&file, &conf(&self.host, &self.data, &self.listens(), (&self.tag, &self.secret), begins), 0o600)?;
        if let Begins::Joined { told, .. } = begins {
            self.host.write(&self.data.join(NODES), told, 0o600)?;
        }
        let log = File::options().create(true).append(true).open(self.log_path()).map_err(EngineError::io("open the server's log"))?;
        let log_too = log.try_clone().map_err(EngineError::io("open the server's log"))?;
        let mut command = self.host.command(&self.program);
        // The name tells the program in Debian's redis-tools what it is, and us whose it is.
        command.arg0(format!("redis: {}", self.tag));
        command.arg(&file).current_dir(&self.data).stdout(Stdio::from(log)).stderr(Stdio::from(log_too));
        let child = command.spawn().map_err(EngineError::io("start redis-server"))?;
        self.host.pids.change(|pids| pids.extend(child.id()));
        *self.child.lock().await = Some(child);
        let started = Instant::now();
        while started.elapsed() < START {
            if !self.runs().await {
                let log = tail(&fs::read(self.log_path()).unwrap_or_default());
                return Err(EngineError::Died { data: self.data.clone(), log });
            }
            if self.is_ready(begins).await {
                return Ok(());
            }
            sleep(A_LITTLE).await;
        }
        Err(EngineError::Slow { what: format!("start Redis in {}", self.data.display()), limit: START })
    }

    /// While it loads, it answers with an error.
    async fn is_ready(&self, begins: &Begins) -> bool {
        let follows = matches!(begins, Begins::Alone { follows: Some(_) } | Begins::Joined { follows: true, .. });
        let is_up = match self.info().await {
            Ok(info) => wire::field(&info, "loading") == Some("0") && (!follows || wire::field(&info, "master_link_status") == Some("up")),
            Err(_) => false,
        };
        if !is_up || self.seat.is_none() {
            return is_up;
        }
        let cluster = self.ask("look at its cluster", &["CLUSTER", "INFO"]).await;
        cluster.is_ok_and(|cluster| wire::field(&cluster, "cluster_state") == Some("ok"))
    }

    async fn info(&self) -> Result<String, EngineError> {
        self.ask("read INFO", &["INFO"]).await
    }

    async fn ask(&self, what: &'static str, words: &[&str]) -> Result<String, EngineError> {
        wire::ask(&self.listens().socket, &self.secret, what, words).await
    }

    /// Says what clients log in with from now on.
    pub(super) async fn let_in(&self, token: &Token) -> Result<(), EngineError> {
        let rules = token.rules();
        let words: Vec<&str> = ["ACL", "SETUSER", "default"].into_iter().chain(rules.iter().map(String::as_str)).collect();
        self.ask("let clients in", &words).await.map(drop)
    }

    /// It follows nobody any more, and accepts writes; in a cluster it has the slots of its primary, which may be dead.
    pub(super) async fn promote(&self) -> Result<(), EngineError> {
        let words: &[&str] = if self.seat.is_some() { &["CLUSTER", "FAILOVER", "TAKEOVER"] } else { &["REPLICAOF", "NO", "ONE"] };
        self.ask("promote a replica", words).await.map(drop)
    }

    /// It follows the server on this port from now on, and holds nothing but what that does.
    pub(super) async fn follow(&self, port: u16) -> Result<(), EngineError> {
        self.ask("follow another primary", &["REPLICAOF", "127.0.0.1", &port.to_string()]).await.map(drop)
    }

    /// Writes a snapshot and copies it; all that was acknowledged before the returned time is in it. Of a replica: all that it had
    /// when `primary` was asked, if that still answers.
    pub(super) async fn back_up(&self, to: &Path, primary: Option<&Node>) -> Result<DateTime<Utc>, EngineError> {
        let asked = primary.unwrap_or(self).info().await;
        let before = self.info().await?;
        let (time, offset) = match &asked {
            Ok(info) => (clock(info), wire::field(info, "master_repl_offset").and_then(|text| text.parse::<u64>().ok())),
            Err(_) => (clock(&before), None),
        };
        let began = Instant::now();
        while primary.is_some() && began.elapsed() < LAG {
            let has = wire::field(&self.info().await?, "slave_repl_offset").and_then(|text| text.parse::<u64>().ok());
            if has >= offset {
                break;
            }
            sleep(A_LITTLE).await;
        }
        self.ask("write a snapshot", &["BGSAVE"]).await?;
        loop {
            let info = self.info().await?;
            if wire::field(&info, "rdb_bgsave_in_progress") == Some("0") {
                match wire::field(&info, "rdb_last_bgsave_status") {
                    Some("ok") => break,
                    other => return Err(EngineError::Sql { what: "write a snapshot", why: format!("its status is {other:?}") }),
                }
            }
            sleep(A_LITTLE).await;
        }
        self.host.make_dir(to)?;
        self.host.copy(&self.data.join(DUMP), &to.join(DUMP)).await?;
        Ok(time)
    }

    /// Kills it.
    pub(super) async fn kill(&self) {
        let mut child = self.child.lock().await;
        process::end(&self.tag).await;
        *self.hung.lock().await = false;
        if let Some(mut child) = child.take() {
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
        process::thaw(&self.tag);
        *self.hung.lock().await = false;
    }

    /// Is its process there? It may hang.
    pub(super) async fn lives(&self) -> bool {
        self.child.lock().await.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Is its process there and not stopped?
    pub(super) async fn runs(&self) -> bool {
        self.lives().await && !*self.hung.lock().await
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }
}

/// The server's clock, by its `INFO`.
fn clock(info: &str) -> DateTime<Utc> {
    let micros = wire::field(info, "server_time_usec").and_then(|text| text.parse().ok());
    micros.and_then(DateTime::from_timestamp_micros).unwrap_or_default()
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
