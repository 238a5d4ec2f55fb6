//! With real PostgreSQL servers.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_testing::model::Door;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::process::memory_of;
use super::{Engine, EngineError, Source};

mod clusters;
mod replica;

const PASSWORD: &str = "it's \"secret\" \\ %";
const A_MOMENT: Duration = Duration::from_secs(1);

/// A directory of its own, removed afterwards.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lifeboat-engine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An engine with one server, `db-A`. The engine is dropped before its directory.
struct Estate {
    engine: Engine,
    address: SocketAddr,
    _dir: Dir,
}

impl Estate {
    async fn new() -> Self {
        let dir = Dir::new();
        let engine = Engine::new(dir.0.clone()).await.unwrap();
        let address = engine.provision("db-A", empty()).await.unwrap();
        Self { engine, address, _dir: dir }
    }

    async fn client(&self) -> Client {
        self.client_at(self.address).await
    }

    async fn client_at(&self, address: SocketAddr) -> Client {
        connect(&self.engine.ca_pem_path(), address, PASSWORD).await.unwrap()
    }

    async fn restore(&self, server: &str, to: Option<DateTime<Utc>>) -> Client {
        let source = Source::PointInTime { server: "db-A".to_owned(), to };
        self.client_at(self.engine.provision(server, source).await.unwrap()).await
    }
}

/// The machine's clock, which is also the servers'.
#[allow(clippy::disallowed_methods)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn empty() -> Source {
    Source::Empty {
        engine: "postgres".to_owned(),
        master_user: "master".to_owned(),
        password: PASSWORD.to_owned(),
        db_name: "orders".to_owned(),
    }
}

fn login(address: SocketAddr, password: &str) -> Config {
    let mut config = Config::new();
    config.host(address.ip().to_string()).port(address.port()).user("master").dbname("orders").password(password);
    config
}

async fn connect(ca: &Path, address: SocketAddr, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = MakeRustlsConnect::new(tls.with_root_certificates(roots).with_no_client_auth());
    let (client, connection) = login(address, password).ssl_mode(SslMode::Require).connect(tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn create(client: &Client) {
    client.batch_execute("CREATE TABLE t (id int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())").await.unwrap();
}

async fn insert(client: &Client, id: i32) -> Result<u64, tokio_postgres::Error> {
    client.execute("INSERT INTO t VALUES ($1)", &[&id]).await
}

async fn ids(client: &Client) -> Vec<i32> {
    client.query("SELECT id FROM t ORDER BY id", &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Writes 1, 2, 3, ... until the connection ends; returns how many were acknowledged.
fn writer(client: Client) -> tokio::task::JoinHandle<i32> {
    tokio::spawn(async move {
        let mut id = 0;
        while insert(&client, id + 1).await.is_ok() {
            id += 1;
        }
        id
    })
}

fn said(step: &str, since: Instant) {
    eprintln!("{step}: {:?}", since.elapsed());
}

#[tokio::test]
async fn an_image_restores_the_data_and_the_users() {
    let start = Instant::now();
    let estate = Estate::new().await;
    said("new engine and empty server", start);
    let client = estate.client().await;
    client.batch_execute("CREATE TABLE t AS SELECT id, md5(id::text) FROM generate_series(1, 100000) id").await.unwrap();

    let (start, before) = (Instant::now(), now());
    let time = estate.engine.take_image("db-A", "rds:image-1").await.unwrap();
    said("image of 100,000 rows", start);
    assert!(before <= time && time <= now());
    client.batch_execute("DELETE FROM t").await.unwrap();
    assert!(matches!(estate.engine.take_image("db-A", "rds:image-1").await, Err(EngineError::Taken(_))));

    let start = Instant::now();
    let source = Source::Image("rds:image-1".to_owned());
    let port = estate.engine.provision("db-B", source.clone()).await.unwrap();
    said("restore of 100,000 rows", start);
    let count: i64 = estate.client_at(port).await.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
    assert_eq!(count, 100_000);

    let start = Instant::now();
    estate.engine.provision("db-C", empty()).await.unwrap();
    said("another empty server", start);
    assert!(matches!(estate.engine.provision("db-B", source).await, Err(EngineError::Taken(_))));
    let missing = Source::Image("none".to_owned());
    assert!(matches!(estate.engine.provision("db-D", missing).await, Err(EngineError::Missing(_))));
    assert!(matches!(estate.engine.provision("../x", empty()).await, Err(EngineError::BadName(_))));
}

#[tokio::test]
async fn only_tls_logins_with_the_password_are_accepted() {
    let estate = Estate::new().await;
    let ca = estate.engine.ca_pem_path();
    assert!(login(estate.address, PASSWORD).ssl_mode(SslMode::Disable).connect(NoTls).await.is_err());
    assert!(connect(&ca, estate.address, "wrong").await.is_err());

    estate.engine.set_password("db-A", "master", "new").await.unwrap();
    assert!(connect(&ca, estate.address, PASSWORD).await.is_err());
    let client = connect(&ca, estate.address, "new").await.unwrap();
    assert!(matches!(estate.engine.set_password("db-A", "nobody", "x").await, Err(EngineError::Sql { .. })));

    // As on RDS: no superuser, but owner of its databases, and it may make roles.
    let row = client.query_one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", &[]).await.unwrap();
    assert!(!row.get::<_, bool>(0));
    client.batch_execute("CREATE ROLE app LOGIN; CREATE TABLE t (); CREATE SCHEMA s").await.unwrap();
    assert!(client.batch_execute("ALTER SYSTEM SET fsync = on").await.is_err());
}

#[tokio::test]
async fn a_point_in_time_has_exactly_what_was_committed_until_then() {
    let estate = Estate::new().await;
    let client = estate.client().await;
    create(&client).await;
    let writing = writer(estate.client().await);
    sleep(A_MOMENT).await;
    let sql = "SELECT pg_xact_commit_timestamp(xmin) FROM t ORDER BY id OFFSET 20 LIMIT 1";
    let exact: DateTime<Utc> = client.query_one(sql, &[]).await.unwrap().get(0);
    let committed = ids(&client).await.len();
    let start = Instant::now();
    let shipped = estate.engine.ship_log("db-A").await.unwrap();
    said("ship the log", start);
    sleep(A_MOMENT).await;
    estate.engine.kill("db-A").await;
    assert!(writing.await.unwrap() > 40);
    assert!(estate.engine.ship_log("db-A").await.is_none());

    // Inclusive, to the microsecond.
    let start = Instant::now();
    let at = estate.restore("db-at", Some(exact)).await;
    said("recovery to a point in time", start);
    assert_eq!(ids(&at).await, (1..=21).collect::<Vec<_>>());
    let just_before = estate.restore("db-before", Some(exact - TimeDelta::microseconds(1))).await;
    assert_eq!(ids(&just_before).await, (1..=20).collect::<Vec<_>>());

    // The returned time itself can be restored, and all before it is there.
    let late = estate.restore("db-shipped", Some(shipped)).await;
    let rows = late.query("SELECT pg_xact_commit_timestamp(xmin) FROM t ORDER BY id", &[]).await.unwrap();
    assert!(rows.len() >= committed);
    assert!(rows.iter().all(|row| row.get::<_, DateTime<Utc>>(0) <= shipped));

    // The restored server is alive and has an archive of its own.
    insert(&late, 1_000_000).await.unwrap();
    estate.engine.ship_log("db-shipped").await.unwrap();
    let source = Source::PointInTime { server: "db-shipped".to_owned(), to: None };
    let again = estate.client_at(estate.engine.provision("db-again", source).await.unwrap()).await;
    assert_eq!(ids(&again).await.len(), rows.len() + 1);

    // Later than anything archived: PostgreSQL refuses, and says why.
    let source = Source::PointInTime { server: "db-A".to_owned(), to: Some(now()) };
    let error = estate.engine.provision("db-never", source).await.unwrap_err();
    assert!(error.to_string().contains("before configured recovery target was reached"), "{error}");
}

#[tokio::test]
async fn what_was_not_archived_dies_with_the_server() {
    let estate = Estate::new().await;
    let client = estate.client().await;
    create(&client).await;
    insert(&client, 1).await.unwrap();
    estate.engine.ship_log("db-A").await.unwrap();
    insert(&client, 2).await.unwrap();
    estate.engine.kill("db-A").await;
    assert!(insert(&client, 3).await.is_err());
    assert!(TcpStream::connect(estate.address).await.is_err());
    assert_eq!(ids(&estate.restore("db-B", None).await).await, [1]);
    // Its own disk still has it.
    estate.engine.restart("db-A").await.unwrap();
    assert_eq!(ids(&estate.client().await).await, [1, 2]);

    // The archive outlives even the deleted server.
    estate.engine.delete("db-A").await;
    assert!(TcpStream::connect(estate.address).await.is_err());
    assert!(!ids(&estate.restore("db-C", None).await).await.is_empty());
}

#[tokio::test]
async fn a_hung_server_accepts_and_never_answers() {
    let estate = Estate::new().await;
    let ca = estate.engine.ca_pem_path();
    let client = estate.client().await;
    estate.engine.hang("db-A").await;

    let asked = async { client.simple_query("SELECT 1").await.map(drop) };
    tokio::pin!(asked);
    assert!(timeout(A_MOMENT, &mut asked).await.is_err());
    assert!(timeout(A_MOMENT * 20, TcpStream::connect(estate.address)).await.unwrap().is_ok());
    assert!(timeout(A_MOMENT, connect(&ca, estate.address, PASSWORD)).await.is_err());
    assert!(estate.engine.ship_log("db-A").await.is_none());

    estate.engine.resume("db-A").await;
    asked.await.unwrap();
    estate.client().await;

    // Restarting a hung server helps.
    estate.engine.hang("db-A").await;
    estate.engine.restart("db-A").await.unwrap();
    assert!(client.simple_query("SELECT 1").await.is_err());
    estate.client().await;
}

#[tokio::test]
async fn a_promotion_loses_no_acknowledged_commit() {
    let estate = Estate::new().await;
    create(&estate.client().await).await;
    let shipped = estate.engine.ship_log("db-A").await.unwrap();
    let start = Instant::now();
    estate.engine.add_standby("db-A").await.unwrap();
    said("add a standby", start);
    assert!(matches!(estate.engine.add_standby("db-A").await, Err(EngineError::HasStandby(_))));
    let client = estate.client().await;
    let state = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'standby'";
    assert_eq!(client.query_one(state, &[]).await.unwrap().get::<_, String>(0), "sync");

    // First with the primary alive, later with a dead and a hung one, and a new standby each time.
    let mut acknowledged = 0;
    for trouble in ["none", "dead", "hung"] {
        estate.client().await.batch_execute("TRUNCATE t").await.unwrap();
        let writing = writer(estate.client().await);
        // Many segments, so that the archive lags behind when it happens.
        let bulk = estate.client().await;
        let bulk = tokio::spawn(async move {
            let sql = "CREATE TABLE IF NOT EXISTS bulk (text text);
                       INSERT INTO bulk SELECT repeat(md5(n::text), 10) FROM generate_series(1, 10000) n";
            while bulk.batch_execute(sql).await.is_ok() {}
        });
        sleep(A_MOMENT).await;
        match trouble {
            "dead" => estate.engine.kill("db-A").await,
            "hung" => estate.engine.hang("db-A").await,
            _ => (),
        }
        let start = Instant::now();
        estate.engine.promote_standby("db-A").await.unwrap();
        said("promotion", start);
        acknowledged = writing.await.unwrap();
        bulk.await.unwrap();
        let found = ids(&estate.client().await).await;
        assert!(acknowledged > 20 && found.len() as i32 >= acknowledged, "{trouble}: {acknowledged} of {}", found.len());
        assert!(matches!(estate.engine.promote_standby("db-A").await, Err(EngineError::NoStandby(_))));
        estate.engine.add_standby("db-A").await.unwrap();
    }

    // One archive across all timelines: before the promotions, and after them.
    let now = estate.engine.ship_log("db-A").await.unwrap();
    estate.engine.delete("db-A").await;
    assert!(ids(&estate.restore("db-early", Some(shipped)).await).await.is_empty());
    assert!(ids(&estate.restore("db-late", Some(now)).await).await.len() as i32 >= acknowledged);
    assert!(ids(&estate.restore("db-last", None).await).await.len() as i32 >= acknowledged);
}

#[tokio::test]
async fn a_restart_ends_connections_and_keeps_the_standby() {
    let estate = Estate::new().await;
    estate.engine.add_standby("db-A").await.unwrap();
    let client = estate.client().await;
    create(&client).await;
    estate.engine.restart("db-A").await.unwrap();
    assert!(insert(&client, 1).await.is_err());
    // This commit has to wait for the standby to come back.
    insert(&estate.client().await, 2).await.unwrap();
    estate.engine.promote_standby("db-A").await.unwrap();
    assert_eq!(ids(&estate.client().await).await, [2]);
}

#[tokio::test]
async fn a_closed_port_is_silent_and_keeps_connections() {
    let estate = Estate::new().await;
    let client = estate.client().await;
    let address = estate.address;
    estate.engine.set_door("db-A", Door::Closed).await;
    client.simple_query("SELECT 1").await.unwrap();
    assert!(timeout(A_MOMENT, TcpStream::connect(address)).await.is_err(), "no answer");
    // A restart does not open it.
    estate.engine.restart("db-A").await.unwrap();
    assert!(client.simple_query("SELECT 1").await.is_err());
    assert!(timeout(A_MOMENT, TcpStream::connect(address)).await.is_err());
    estate.engine.set_door("db-A", Door::Open).await;
    estate.client().await;
}

/// A process of its own that connects, waits for the server's first bytes, and tells by its status whether some came.
fn knocks(address: SocketAddr, function: &str) -> std::process::Child {
    let script = format!(
        "exec 3<>/dev/tcp/{}/{}; printf '\\x00\\x00\\x00\\x08\\x04\\xd2\\x16\\x2f' >&3; IFS= read -r -t 2 -n 1 -u 3 byte",
        address.ip(),
        address.port()
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).env("AWS_LAMBDA_FUNCTION_NAME", function).stdin(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
async fn a_quarantine_answers_the_prober_and_nobody_else() {
    let estate = Estate::new().await;
    let address = estate.address;
    let answered = async |function: &'static str| {
        tokio::task::spawn_blocking(move || knocks(address, function).wait().unwrap().success()).await.unwrap()
    };
    assert!(answered("lifeboat-restore-act").await, "open to everybody");
    estate.engine.set_door("db-A", Door::Prober).await;
    assert!(answered("lifeboat-validate").await, "the prober is let in");
    assert!(!answered("lifeboat-restore-act").await && !answered("").await, "nobody else gets an answer");
    estate.engine.set_door("db-A", Door::Open).await;
    estate.client().await;
}

fn pids(root: &Path) -> Vec<String> {
    fs::read_to_string(root.join("pids")).unwrap_or_default().lines().map(str::to_owned).collect()
}

async fn all_gone(pids: &[String]) -> bool {
    // A process that ended but was not yet waited for has no command line any more.
    let gone = |pid: &String| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty());
    let gone = |pid: &String| !Path::new("/proc").join(pid).exists() || gone(pid);
    let makers = pids.iter().map(|pid| pid.parse().unwrap()).collect();
    for _ in 0..500 {
        if pids.iter().all(gone) && memory_of(&makers).is_empty() {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

/// The estate that the next test starts in a process of its own and kills; without its directory there is nothing to do.
#[tokio::test]
async fn victim() {
    let Some(root) = std::env::var_os("LIFEBOAT_TEST_ROOT") else {
        return;
    };
    let engine = Engine::new(root.into()).await.unwrap();
    engine.provision("db-A", empty()).await.unwrap();
    engine.add_standby("db-A").await.unwrap();
    engine.hang("db-A").await;
    sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn no_server_outlives_a_killed_estate() {
    let dir = Dir::new();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::tests::victim"])
        .env("LIFEBOAT_TEST_ROOT", &dir.0)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while pids(&dir.0).len() < 2 {
        assert!(victim.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(50)).await;
    }
    sleep(A_MOMENT).await;
    let left = pids(&dir.0);
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(all_gone(&left).await);
}

#[tokio::test]
async fn a_new_engine_and_a_shut_down_clean_up() {
    let estate = Estate::new().await;
    let root = estate._dir.0.clone();
    let old = pids(&root);
    assert_eq!(old.len(), 1);
    let next = Engine::new(root.clone()).await.unwrap();
    assert!(all_gone(&old).await);
    next.provision("db-B", empty()).await.unwrap();
    let new = pids(&root);
    next.shut_down().await;
    assert!(all_gone(&new).await);
    assert!(pids(&root).is_empty());
}
