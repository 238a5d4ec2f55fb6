//! A throw-away PostgreSQL with TLS: own directory, own port, gone with the test even when it panics.

#![allow(dead_code, reason = "each test binary uses its part")]

use lifeboat_domain::Span;
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::policy::FingerprintTable;
use lifeboat_domain::ports::{Clock, Credentials, Secret, Target, VisitLimits};
use lifeboat_validate::postgres::Postgres;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub const USER: &str = "shop";
pub const PASSWORD: &str = "correct horse";
static COUNTER: AtomicU32 = AtomicU32::new(0);

#[derive(Clone, Copy)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

pub struct Server {
    pub port: u16,
    directory: PathBuf,
    process: Running,
}

/// A server process that ends with its owner, whatever happens.
struct Running(Child);

impl Running {
    fn end(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.0), Signal::CONT);
            let _ = kill_process(Pid::from_child(&self.0), Signal::QUIT);
            let _ = self.0.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Server {
    /// Starts a server whose certificate is for 127.0.0.1, with the user `shop` and the database `shop`.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with other parameters of the server.
    pub fn with(parameters: &[(&str, &str)]) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("lifeboat-validate-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        write_certificates(&directory);
        own(&directory);
        let data = directory.join("data");
        let made = as_server(&program("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(
            data.join("pg_hba.conf"),
            "local all all trust\nlocal replication all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
        )
        .unwrap();
        // Somebody else may take the free port first: then another one is tried.
        let (port, process) = (0..5).find_map(|_| launch(&directory, &data, parameters)).expect("PostgreSQL starts on one of five ports");
        let server = Self { port, directory, process };
        server.sql("postgres", &format!("CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"));
        server.sql("postgres", &format!("CREATE DATABASE shop OWNER {USER}"));
        server
    }

    /// A streaming standby of this server.
    pub fn standby(&self) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("lifeboat-validate-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        write_certificates(&directory);
        own(&directory);
        let data = directory.join("data");
        let mut copy = as_server(&program("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "-U", "postgres", "-p", &self.port.to_string(), "-h"]);
        let made = copy.arg(&self.directory).arg("-D").arg(&data).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (port, process) = (0..5).find_map(|_| launch(&directory, &data, &[])).expect("the standby starts on one of five ports");
        Self { port, directory, process }
    }

    /// Runs SQL as the superuser, over the socket.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let done = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
            .arg(&self.directory)
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .output()
            .unwrap();
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Starts a session that runs `sql` and then keeps its transaction open.
    pub fn open_transaction(&self, sql: &str) -> Held {
        let mut process = Command::new(program("psql"))
            .args(["-X", "-q", "-U", "postgres", "-h"])
            .arg(&self.directory)
            .args(["-p", &self.port.to_string(), "-d", "shop", "-c", &format!("BEGIN; {sql}; SELECT pg_sleep(60)")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        wait_for("the open transaction", || process.try_wait().unwrap().is_none() && self.sql("postgres", asleep) == "1");
        Held(process)
    }

    /// Stops every process of the server where it stands: it accepts connections and never answers.
    pub fn hang(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Ends the server as a crash would.
    pub fn kill(&self) {
        kill_process(self.pid(), Signal::QUIT).unwrap();
        wait_for("the server to end", || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }

    pub fn postgres(&self) -> Postgres<WallClock> {
        Postgres::new(&self.directory.join("ca.pem"), WallClock).unwrap()
    }

    /// An adapter that trusts the authority of `other` too.
    pub fn trusting(&self, other: &Self) -> Postgres<WallClock> {
        let both = self.directory.join("both.pem");
        let read = |server: &Self| std::fs::read_to_string(server.directory.join("ca.pem")).unwrap();
        std::fs::write(&both, format!("{}{}", read(self), read(other))).unwrap();
        Postgres::new(&both, WallClock).unwrap()
    }

    pub fn target(&self) -> Target {
        Target {
            resource: Identity::parse("shop").unwrap(),
            instance: DatabaseId::parse("shop-1").unwrap(),
            engine: "postgres".into(),
            endpoint: Some(Endpoint { host: "127.0.0.1".into(), port: self.port }),
            secret: None,
            database: Some("shop".into()),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.end();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A client with an open transaction.
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn login(password: &str) -> Credentials {
    Credentials {
        version: "v1".into(),
        username: USER.into(),
        password: Secret::new(password.into()),
        database: None,
        endpoint: None,
        managed_by_rds: false,
    }
}

pub fn limits() -> VisitLimits {
    VisitLimits { connect: Span::seconds(2), statement: Span::seconds(20) }
}

pub fn table(name: &str, key: &str, written_at: Option<&str>) -> FingerprintTable {
    FingerprintTable { table: name.into(), key: key.into(), written_at: written_at.map(str::to_owned), append_only: true, items: None }
}

pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test waits for a real server")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// The newest PostgreSQL of this machine.
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    versions.pop().expect("PostgreSQL's server programs under /usr/lib/postgresql").join("bin").join(name)
}

/// PostgreSQL refuses root: as root it runs as the user `postgres`.
fn as_server(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).current_dir("/");
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("a user postgres, as this runs as root");
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

fn own(directory: &Path) {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(directory.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    if let Some((uid, gid)) = unprivileged() {
        for path in [directory.to_owned(), directory.join("server.key")] {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    }
}

fn settings(directory: &Path, data: &Path, port: u16) -> Vec<String> {
    let shown = |path: &Path| path.display().to_string();
    let mut arguments = vec!["-D".to_owned(), shown(data), "-p".to_owned(), port.to_string()];
    let pairs = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("unix_socket_directories", shown(directory)),
        ("unix_socket_permissions", "0777".to_owned()),
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", shown(&directory.join("server.pem"))),
        ("ssl_key_file", shown(&directory.join("server.key"))),
        ("fsync", "off".to_owned()),
        ("max_connections", "8".to_owned()),
        ("superuser_reserved_connections", "4".to_owned()),
    ];
    for (name, value) in pairs {
        arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    arguments
}

/// Starts the server on a free port and waits until it is ready; none if it ended instead.
fn launch(directory: &Path, data: &Path, parameters: &[(&str, &str)]) -> Option<(u16, Running)> {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let others = parameters.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
    let arguments = settings(directory, data, port).into_iter().chain(others);
    let mut process = Running(as_server(&program("postgres")).args(arguments).stderr(Stdio::null()).spawn().unwrap());
    let mut ended = false;
    wait_for("PostgreSQL to start", || {
        ended = process.0.try_wait().unwrap().is_some();
        let asked = Command::new(program("pg_isready")).arg("-q").arg("-h").arg(directory).args(["-p", &port.to_string()]).status();
        ended || asked.unwrap().success()
    });
    (!ended).then_some((port, process))
}

/// A certificate authority, and a certificate for 127.0.0.1 and nothing else.
pub fn write_certificates(directory: &Path) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(directory.join("ca.pem"), authority_pem).unwrap();
    std::fs::write(directory.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(directory.join("server.key"), key.serialize_pem()).unwrap();
}
