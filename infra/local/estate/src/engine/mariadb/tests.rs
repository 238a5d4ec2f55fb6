//! With real MariaDB servers.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use lifeboat_testing::model::Door;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::super::{Engine, EngineError, Source};

const PASSWORD: &str = "it's \"secret\" \\ %";
const A_MOMENT: Duration = Duration::from_secs(1);

/// A directory of its own, removed afterwards.
struct Dir(PathBuf);

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
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lifeboat-mariadb-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = Dir(std::env::temp_dir().join(name));
        let engine = Engine::new(dir.0.clone()).await.unwrap();
        let address = engine.provision("db-A", empty()).await.unwrap();
        let estate = Self { engine, address, _dir: dir };
        let mut client = estate.client().await;
        client.query_drop("CREATE TABLE t (id int PRIMARY KEY, at timestamp(6) DEFAULT current_timestamp(6))").await.unwrap();
        estate
    }

    async fn client(&self) -> Conn {
        self.login(self.address, PASSWORD).await.unwrap()
    }

    async fn login(&self, address: SocketAddr, password: &str) -> Result<Conn, mysql_async::Error> {
        let tls = SslOpts::default().with_disable_built_in_roots(true).with_root_certs(vec![self.engine.ca_pem_path().into()]);
        Conn::new(options(address, password).ssl_opts(tls)).await
    }

    async fn restore(&self, server: &str, source: Source) -> Result<Conn, EngineError> {
        let address = self.engine.provision(server, source).await?;
        Ok(self.login(address, PASSWORD).await.unwrap())
    }
}

fn options(address: SocketAddr, password: &str) -> OptsBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = OptsBuilder::default().ip_or_hostname(address.ip().to_string()).tcp_port(address.port()).prefer_socket(false);
    options.user(Some("master")).pass(Some(password)).db_name(Some("orders"))
}

fn empty() -> Source {
    Source::Empty { engine: "mariadb".into(), master_user: "master".into(), password: PASSWORD.into(), db_name: "orders".into() }
}

fn at_time(to: Option<DateTime<Utc>>) -> Source {
    Source::PointInTime { server: "db-A".into(), to }
}

async fn insert(client: &mut Conn, id: u32) {
    client.query_drop(format!("INSERT INTO t (id) VALUES ({id})")).await.unwrap();
}

async fn ids(client: &mut Conn) -> Vec<u32> {
    client.query("SELECT id FROM t ORDER BY id").await.unwrap()
}

/// Writes 1, 2, 3, ... until the connection ends; answers how many were acknowledged.
fn writer(mut client: Conn) -> tokio::task::JoinHandle<u32> {
    tokio::spawn(async move {
        let mut id = 0;
        while client.query_drop(format!("INSERT INTO t (id) VALUES ({})", id + 1)).await.is_ok() {
            id += 1;
        }
        id
    })
}

/// Waits until a whole second has begun on the server's clock; that second.
async fn next_second(client: &mut Conn) -> DateTime<Utc> {
    let read = async |client: &mut Conn| {
        let text: Option<String> = client.query_first("SELECT CAST(UTC_TIMESTAMP AS CHAR)").await.unwrap();
        NaiveDateTime::parse_from_str(&text.unwrap(), "%Y-%m-%d %H:%M:%S").unwrap().and_utc()
    };
    let first = read(client).await;
    loop {
        let now = read(client).await;
        if now > first {
            return now;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_image_of_a_server_that_is_written_to_restores_every_acknowledged_row_and_the_users() {
    let estate = Estate::new().await;
    let writing = writer(estate.client().await);
    sleep(Duration::from_millis(300)).await;
    let mut client = estate.client().await;
    let before: Option<u32> = client.query_first("SELECT MAX(id) FROM t").await.unwrap();
    let time = estate.engine.take_image("db-A", "rds:image-1").await.unwrap();
    assert!(matches!(estate.engine.take_image("db-A", "rds:image-1").await, Err(EngineError::Taken(_))));
    estate.engine.kill("db-A").await;
    let acknowledged = writing.await.unwrap();

    let mut copy = estate.restore("db-B", Source::Image("rds:image-1".to_owned())).await.unwrap();
    let found = ids(&mut copy).await;
    let held = u32::try_from(found.len()).unwrap();
    assert_eq!(found, (1..=held).collect::<Vec<_>>(), "no row is missing in between");
    assert!(held >= before.unwrap() && held <= acknowledged + 1, "{before:?} <= {held} <= {acknowledged}");
    let late: Option<u32> = copy.exec_first("SELECT COUNT(*) FROM t WHERE at > ?", (text(time + TimeDelta::seconds(1)),)).await.unwrap();
    assert_eq!(late, Some(0));
    insert(&mut copy, 1_000_000).await;
    assert!(estate.engine.take_image("db-A", "of-a-dead-one").await.is_err());
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

#[tokio::test]
async fn recovery_to_a_second_has_what_was_committed_before_it_and_nothing_later_and_needs_the_archive_only() {
    let estate = Estate::new().await;
    let mut client = estate.client().await;
    insert(&mut client, 1).await;
    let second = next_second(&mut client).await;
    insert(&mut client, 2).await;
    client.query_drop("BEGIN; INSERT INTO t (id) VALUES (3)").await.unwrap();
    let third = next_second(&mut client).await;
    client.query_drop("COMMIT").await.unwrap();
    next_second(&mut client).await;
    let shipped = estate.engine.ship_log("db-A").await.unwrap();
    assert!(third < shipped, "{third} {shipped}");
    insert(&mut client, 4).await;
    estate.engine.delete("db-A").await;

    for (name, to, expected) in [
        ("db-1", Some(second), vec![1]),
        ("db-2", Some(third), vec![1, 2]),
        ("db-3", Some(shipped), vec![1, 2, 3]),
        ("db-4", None, vec![1, 2, 3]),
    ] {
        let mut copy = estate.restore(name, at_time(to)).await.unwrap();
        assert_eq!(ids(&mut copy).await, expected, "{name} {to:?}");
    }
    let later = estate.restore("db-5", at_time(Some(shipped + TimeDelta::seconds(1)))).await;
    assert!(matches!(later, Err(EngineError::Missing(_))), "what was not archived cannot be restored");

    // The copy has a log and an archive of its own.
    let address = estate.engine.provision("db-6", at_time(None)).await.unwrap();
    let mut copy = estate.login(address, PASSWORD).await.unwrap();
    insert(&mut copy, 10).await;
    estate.engine.ship_log("db-6").await.unwrap();
    let mut grandchild = estate.restore("db-7", Source::PointInTime { server: "db-6".into(), to: None }).await.unwrap();
    assert_eq!(ids(&mut grandchild).await, [1, 2, 3, 10]);
}

#[tokio::test]
async fn a_client_meets_a_refusal_a_silence_or_a_hung_server_as_on_aws() {
    let estate = Estate::new().await;
    let mut client = estate.client().await;
    estate.engine.hang("db-A").await;
    assert!(timeout(A_MOMENT, client.query_drop("SELECT 1")).await.is_err(), "a hung server does not answer");
    assert!(timeout(A_MOMENT * 20, TcpStream::connect(estate.address)).await.unwrap().is_ok(), "it accepts connections");
    assert!(estate.engine.ship_log("db-A").await.is_none());
    assert!(estate.engine.take_image("db-A", "of-a-hung-one").await.is_err());
    estate.engine.resume("db-A").await;

    let mut client = estate.client().await;
    estate.engine.set_door("db-A", Door::Closed).await;
    assert!(timeout(A_MOMENT, TcpStream::connect(estate.address)).await.is_err(), "nobody answers at a closed port");
    client.query_drop("SELECT 1").await.unwrap();
    estate.engine.set_door("db-A", Door::Open).await;
    estate.client().await;

    estate.engine.kill("db-A").await;
    assert!(TcpStream::connect(estate.address).await.is_err(), "a dead server refuses");
    assert!(estate.engine.ship_log("db-A").await.is_none());
    estate.engine.restart("db-A").await.unwrap();
    estate.client().await;
}

#[tokio::test]
async fn a_failover_and_a_crash_keep_every_acknowledged_row() {
    let estate = Estate::new().await;
    assert!(matches!(estate.engine.promote_standby("db-A").await, Err(EngineError::NoStandby(_))));
    estate.engine.add_standby("db-A").await.unwrap();
    assert!(matches!(estate.engine.add_standby("db-A").await, Err(EngineError::HasStandby(_))));
    let writing = writer(estate.client().await);
    sleep(Duration::from_millis(300)).await;
    estate.engine.hang("db-A").await;
    estate.engine.promote_standby("db-A").await.unwrap();
    let acknowledged = writing.await.unwrap();
    let found = ids(&mut estate.client().await).await;
    assert!(acknowledged > 0 && found.len() >= acknowledged as usize, "{} of {acknowledged}", found.len());
    estate.engine.kill("db-A").await;
    estate.engine.restart("db-A").await.unwrap();
    assert_eq!(ids(&mut estate.client().await).await, found);
}

#[tokio::test]
async fn only_the_right_password_over_tls_gets_in_and_the_administrator_only_over_the_socket() {
    let estate = Estate::new().await;
    assert!(estate.login(estate.address, "wrong").await.is_err());
    assert!(Conn::new(options(estate.address, PASSWORD)).await.is_err(), "without TLS nobody is let in");
    for user in ["rdsadmin", "root"] {
        let tls = SslOpts::default().with_disable_built_in_roots(true).with_root_certs(vec![estate.engine.ca_pem_path().into()]);
        let someone = options(estate.address, "").ssl_opts(tls).user(Some(user)).db_name(None::<String>);
        assert!(Conn::new(someone).await.is_err(), "{user} is let in");
    }
    estate.engine.set_password("db-A", "master", "new' \\ one").await.unwrap();
    assert!(estate.login(estate.address, PASSWORD).await.is_err());
    estate.login(estate.address, "new' \\ one").await.unwrap();
    assert!(estate.engine.set_password("db-A", "nobody", "x").await.is_err());
}
