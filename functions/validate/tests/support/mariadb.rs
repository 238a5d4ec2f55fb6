//! A throw-away MariaDB with TLS: own directory, own port, gone with the test even when it panics.

use super::support::{PASSWORD, USER, WallClock, wait_for, write_certificates};
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::Target;
use lifeboat_validate::mysql::MySql;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

static COUNTER: AtomicU32 = AtomicU32::new(0);

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
            let _ = kill_process(Pid::from_child(&self.0), Signal::KILL);
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
        Self::start_with(&[])
    }

    /// The same with more options of the server.
    pub fn start_with(options: &[&str]) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("lifeboat-validate-mariadb-{}-{number}", std::process::id()));
        std::fs::create_dir_all(directory.join("tmp")).unwrap();
        write_certificates(&directory);
        own(&directory);
        let mut install = as_server("/usr/bin/mariadb-install-db", &directory);
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
        let made = install.arg(format!("--datadir={}", directory.join("data").display())).output().unwrap();
        assert!(made.status.success(), "{}{}", String::from_utf8_lossy(&made.stdout), String::from_utf8_lossy(&made.stderr));
        // Somebody else may take the free port first: then another one is tried.
        let (port, process) = (0..5).find_map(|_| launch(&directory, options)).expect("MariaDB starts on one of five ports");
        let server = Self { port, directory, process };
        server.sql(
            "mysql",
            &format!(
                "CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
                 GRANT ALL ON shop.* TO {USER}@'127.0.0.1'; GRANT PROCESS ON *.* TO {USER}@'127.0.0.1'"
            ),
        );
        server
    }

    /// Runs SQL as the superuser, over the socket.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let done = self.client(database, sql).output().unwrap();
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn client(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new("/usr/bin/mariadb");
        command.args(["--no-defaults", "--batch", "--skip-column-names", "--user=root", "--default-character-set=utf8mb4"]);
        command.arg(format!("--socket={}", self.directory.join("socket").display())).args(["-D", database, "-e", sql]);
        command.stdin(Stdio::null());
        command
    }

    /// Starts a session that runs `sql` and then keeps its transaction open.
    pub fn open_transaction(&self, sql: &str) -> Held {
        let mut client = self.client("shop", &format!("BEGIN; {sql}; SELECT SLEEP(60)"));
        let mut process = client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let asleep = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'";
        wait_for("the open transaction", || process.try_wait().unwrap().is_none() && self.sql("shop", asleep) == "1");
        Held(process)
    }

    /// Stops the server where it stands: it accepts connections and never answers.
    pub fn hang(&self) {
        kill_process(Pid::from_child(&self.process.0), Signal::STOP).unwrap();
    }

    pub fn resume(&self) {
        kill_process(Pid::from_child(&self.process.0), Signal::CONT).unwrap();
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        self.process.end();
    }

    pub fn mysql(&self) -> MySql<WallClock> {
        MySql::new(&self.directory.join("ca.pem"), WallClock).unwrap()
    }

    /// An adapter that trusts the authority of `other` too.
    pub fn trusting(&self, other: &Self) -> MySql<WallClock> {
        let both = self.directory.join("both.pem");
        let read = |server: &Self| std::fs::read_to_string(server.directory.join("ca.pem")).unwrap();
        std::fs::write(&both, format!("{}{}", read(self), read(other))).unwrap();
        MySql::new(&both, WallClock).unwrap()
    }

    pub fn target(&self) -> Target {
        Target {
            resource: Identity::parse("shop").unwrap(),
            instance: DatabaseId::parse("shop-1").unwrap(),
            engine: "mariadb".into(),
            endpoint: Some(Endpoint { host: "127.0.0.1".into(), port: self.port }),
            secret: None,
            database: Some("shop".into()),
        }
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

/// MariaDB does not run as root: then it runs as a user without rights.
///
/// Temporary files lie in a directory of its own: a server that starts removes those of others.
fn as_server(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).current_dir("/").env("TMPDIR", directory.join("tmp"));
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
    let named = |name: &str| users.lines().find(|line| line.split(':').next() == Some(name));
    let line = named("mysql").or_else(|| named("nobody")).expect("a user mysql or nobody, as this runs as root");
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

fn own(directory: &Path) {
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(directory.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    if let Some((uid, gid)) = unprivileged() {
        for path in [directory.to_owned(), directory.join("tmp"), directory.join("server.key")] {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    }
}

/// Starts the server on a free port and waits until it is ready; none if it ended instead.
fn launch(directory: &Path, options: &[&str]) -> Option<(u16, Running)> {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let at = |name: &str| directory.join(name).display().to_string();
    let mut server = as_server("/usr/sbin/mariadbd", directory);
    server.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--max-connections=10", "--skip-log-bin"]);
    server.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF"]);
    server.args([format!("--port={port}"), format!("--datadir={}", at("data")), format!("--socket={}", at("socket"))]);
    server.args([
        format!("--ssl-ca={}", at("ca.pem")),
        format!("--ssl-cert={}", at("server.pem")),
        format!("--ssl-key={}", at("server.key")),
    ]);
    server.arg(format!("--pid-file={}", at("pid"))).args(options).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Running(server.spawn().unwrap());
    let mut ended = false;
    wait_for("MariaDB to start", || {
        ended = process.0.try_wait().unwrap().is_some();
        let mut asked = Command::new("/usr/bin/mariadb-admin");
        asked.args(["--no-defaults", "--user=root", &format!("--socket={}", at("socket")), "ping"]);
        ended || asked.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    });
    (!ended).then_some((port, process))
}
