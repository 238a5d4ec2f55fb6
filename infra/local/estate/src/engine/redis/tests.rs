//! With real Redis servers, and Redis's own client.

mod shards;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifeboat_testing::model::Door;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::super::{Engine, EngineError, Lead, Reached, Source};

const TOKEN: &str = "correct-horse";
const A_MOMENT: Duration = Duration::from_secs(1);
const PRIMARY: &str = "cache-1-s-001";
const REPLICA: &str = "cache-1-s-002";
const GROUP: &str = "cache-group-1-s";

/// A directory of its own, removed afterwards.
struct Dir(PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An engine with a group of a primary and a replica. The engine is dropped before its directory.
struct Estate {
    engine: Engine,
    at: Reached,
    tls: bool,
    _dir: Dir,
}

fn empty() -> Source {
    Source::Empty { engine: "valkey".to_owned(), master_user: "any".to_owned(), password: TOKEN.to_owned(), db_name: String::new() }
}

fn lead(primary: &str, tls: bool, door: Door) -> Lead {
    Lead { primary: primary.to_owned(), members: vec![PRIMARY.to_owned(), REPLICA.to_owned()], shards: Vec::new(), tls, door }
}

impl Estate {
    async fn engine() -> (Engine, Dir) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lifeboat-redis-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = Dir(std::env::temp_dir().join(name));
        (Engine::new(dir.0.clone()).await.unwrap(), dir)
    }

    async fn new(tls: bool) -> Self {
        let (engine, dir) = Self::engine().await;
        let at = engine.caches.lead(GROUP, lead(PRIMARY, tls, Door::Open)).await.unwrap();
        // Whatever comes first: a replica waits for its primary.
        let caches = &engine.caches;
        let replica = caches.provision(REPLICA, Source::Replica { of: PRIMARY.to_owned() }, Door::Open);
        let (replica, primary) = tokio::join!(replica, caches.provision(PRIMARY, empty(), Door::Open));
        assert_eq!((primary.unwrap(), replica.unwrap()), (at.nodes[PRIMARY], at.nodes[REPLICA]));
        Self { engine, at, tls, _dir: dir }
    }

    /// What `redis-cli` says to a command.
    fn ask(&self, at: SocketAddr, token: &str, words: &[&str]) -> String {
        let mut command = Command::new("timeout");
        command.args(["20", "redis-cli", "-h", &at.ip().to_string(), "-p", &at.port().to_string()]);
        if self.tls {
            command.arg("--tls").arg("--cacert").arg(self.engine.ca_pem_path());
        }
        if !token.is_empty() {
            command.args(["--no-auth-warning", "-a", token]);
        }
        let output = command.args(words).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
    }

    fn set(&self, at: SocketAddr, key: &str) -> String {
        self.ask(at, TOKEN, &["SET", key, "v"])
    }

    fn get(&self, at: SocketAddr, key: &str) -> String {
        self.ask(at, TOKEN, &["GET", key])
    }

    /// Replication is asynchronous.
    async fn arrives(&self, at: SocketAddr, key: &str) {
        for _ in 0..100 {
            if self.get(at, key) == "v" {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{key} has not arrived: {}", self.get(at, key));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_needs_tls_and_the_token_where_the_group_has_them() {
    let mut estate = Estate::new(true).await;
    assert_eq!(estate.set(estate.at.primary, "a"), "OK");
    assert!(estate.ask(estate.at.primary, "", &["GET", "a"]).contains("NOAUTH"));
    assert!(estate.ask(estate.at.primary, "wrong", &["GET", "a"]).contains("WRONGPASS"));
    for forbidden in [&["CONFIG", "GET", "port"][..], &["SHUTDOWN"], &["REPLICAOF", "NO", "ONE"], &["ACL", "SETUSER", "default", "nopass"]]
    {
        assert!(estate.ask(estate.at.primary, TOKEN, forbidden).contains("NOPERM"), "{forbidden:?}");
    }
    estate.tls = false;
    assert_ne!(estate.get(estate.at.primary, "a"), "v", "without TLS nobody gets in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_follows_and_when_it_is_promoted_it_has_all_and_the_endpoint_leads_there() {
    let estate = Estate::new(true).await;
    let (caches, node) = (&estate.engine.caches, |name: &str| estate.at.nodes[name]);
    assert_eq!(estate.set(estate.at.primary, "a"), "OK");
    estate.arrives(node(REPLICA), "a").await;
    assert_eq!(estate.get(estate.at.reader, "a"), "v");
    assert!(estate.set(estate.at.reader, "b").contains("READONLY"), "the reader endpoint leads to the replica");

    caches.kill(PRIMARY).await;
    assert!(estate.set(estate.at.primary, "c").contains("refused"), "the primary endpoint waits for a promotion");
    caches.promote(REPLICA).await.unwrap();
    caches.lead(GROUP, lead(REPLICA, true, Door::Open)).await.unwrap();
    assert_eq!(estate.get(estate.at.primary, "a"), "v");
    assert_eq!(estate.set(estate.at.primary, "d"), "OK");

    // The lost node comes back under its name and its address, as a replica.
    caches.delete(PRIMARY).await;
    let again = caches.provision(PRIMARY, Source::Replica { of: REPLICA.to_owned() }, Door::Open).await.unwrap();
    assert_eq!(again, node(PRIMARY));
    estate.arrives(again, "d").await;
    assert!(estate.set(again, "e").contains("READONLY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_replaced_by_an_empty_one_is_another_process_and_its_replica_loses_everything_with_it() {
    let estate = Estate::new(true).await;
    let caches = &estate.engine.caches;
    let run_id = |at| estate.ask(at, TOKEN, &["INFO", "server"]).lines().find(|line| line.starts_with("run_id:")).map(str::to_owned);
    assert_eq!(estate.set(estate.at.primary, "a"), "OK");
    estate.arrives(estate.at.nodes[REPLICA], "a").await;
    let (before, replica) = (run_id(estate.at.primary).unwrap(), run_id(estate.at.nodes[REPLICA]));

    caches.kill(PRIMARY).await;
    caches.delete(PRIMARY).await;
    assert_eq!(caches.provision(PRIMARY, empty(), Door::Open).await.unwrap(), estate.at.nodes[PRIMARY]);
    assert_ne!(run_id(estate.at.primary).unwrap(), before);
    assert_eq!(estate.get(estate.at.primary, "a"), "");
    assert_eq!(estate.set(estate.at.primary, "b"), "OK");
    estate.arrives(estate.at.nodes[REPLICA], "b").await;
    assert_eq!((estate.get(estate.at.nodes[REPLICA], "a"), run_id(estate.at.nodes[REPLICA])), (String::new(), replica));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_a_replica_is_an_rdb_file_from_which_a_new_server_starts() {
    let estate = Estate::new(false).await;
    let caches = &estate.engine.caches;
    assert_eq!(estate.set(estate.at.primary, "a"), "OK");
    let taken = caches.take_image(REPLICA, "snap:0001").await.unwrap();
    assert_eq!(estate.set(estate.at.primary, "later"), "OK");
    let written = estate.ask(estate.at.primary, TOKEN, &["TIME"]);
    let written: i64 = written.lines().next().unwrap().parse().unwrap();
    assert!(taken.timestamp() <= written && taken.timestamp() > written - 10, "{taken}");

    let alone = "cache-2-r-001".to_owned();
    let other = Lead { primary: alone.clone(), members: vec![alone], shards: Vec::new(), tls: false, door: Door::Open };
    let at = caches.lead("cache-group-2-r", other).await.unwrap();
    caches.provision("cache-2-r-001", Source::Image("snap:0001".to_owned()), Door::Open).await.unwrap();
    assert!(estate.get(at.primary, "a").contains("NOAUTH"), "nobody gets in before the token is set");
    caches.set_token("cache-2-r-001", "another").await.unwrap();
    assert_eq!(estate.ask(at.primary, "another", &["GET", "a"]), "v");
    assert_eq!(estate.ask(at.primary, "another", &["GET", "later"]), "");
    assert!(matches!(caches.take_image(PRIMARY, "snap:0001").await, Err(EngineError::Taken(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_port_answers_nobody_and_leaves_the_sessions_that_stand() {
    let estate = Estate::new(false).await;
    let mut session = TcpStream::connect(estate.at.primary).await.unwrap();
    let mut answer = [0; 16];
    session.write_all(format!("AUTH {TOKEN}\r\n").as_bytes()).await.unwrap();
    let read = session.read(&mut answer).await.unwrap();
    assert_eq!(&answer[..read], b"+OK\r\n");

    estate.engine.caches.lead(GROUP, lead(PRIMARY, false, Door::Closed)).await.unwrap();
    estate.engine.caches.set_door(PRIMARY, Door::Closed).await;
    for closed in [estate.at.primary, estate.at.reader, estate.at.nodes[PRIMARY]] {
        assert!(timeout(A_MOMENT, TcpStream::connect(closed)).await.is_err(), "{closed} answers");
    }
    session.write_all(b"SET kept v\r\n").await.unwrap();
    let read = session.read(&mut answer).await.unwrap();
    assert_eq!(&answer[..read], b"+OK\r\n");

    // What its engine ends, ends.
    estate.engine.caches.lead(GROUP, lead(PRIMARY, false, Door::Open)).await.unwrap();
    assert!(estate.ask(estate.at.primary, TOKEN, &["CLIENT", "KILL", "TYPE", "normal"]).parse::<u32>().unwrap() >= 1);
    assert_eq!(timeout(A_MOMENT * 20, session.read(&mut answer)).await.unwrap().unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_primary_takes_connections_and_never_answers() {
    let estate = Estate::new(false).await;
    estate.engine.caches.hang(PRIMARY).await;
    let mut session = timeout(A_MOMENT * 20, TcpStream::connect(estate.at.primary)).await.unwrap().unwrap();
    session.write_all(b"PING\r\n").await.unwrap();
    assert!(timeout(A_MOMENT, session.read(&mut [0; 16])).await.is_err());
    assert!(estate.engine.caches.take_image(PRIMARY, "never").await.is_err());
    estate.engine.caches.resume(PRIMARY).await;
    assert_eq!(estate.set(estate.at.primary, "a"), "OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_outlives_its_group_nor_its_engine() {
    let estate = Estate::new(false).await;
    let directory = estate._dir.0.join("servers");
    estate.engine.caches.delete(GROUP).await;
    assert!(TcpStream::connect(estate.at.primary).await.is_err() && TcpStream::connect(estate.at.nodes[REPLICA]).await.is_err());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    estate.engine.caches.lead(GROUP, lead(PRIMARY, false, Door::Open)).await.unwrap();
    estate.engine.caches.provision(PRIMARY, empty(), Door::Open).await.unwrap();
    assert_ne!(fs::read_to_string(estate._dir.0.join("pids")).unwrap(), "");
    estate.engine.shut_down().await;
    assert_eq!(fs::read_to_string(estate._dir.0.join("pids")).unwrap(), "");
}
