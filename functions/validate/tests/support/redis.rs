//! A throw-away Redis with TLS: own directory, own port, gone with the test even when it panics.

use crate::support::{PASSWORD, WallClock, wait_for, write_certificates};
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::Target;
use lifeboat_validate::redis::Redis;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
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

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a server whose certificate is for 127.0.0.1, with an AUTH token.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more options of the server.
    pub fn start_with(options: &[&str]) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("lifeboat-validate-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        write_certificates(&directory);
        // Somebody else may take the free port first: then another one is tried.
        let (port, process) = (0..5).find_map(|_| launch(&directory, options)).expect("Redis starts on one of five ports");
        Self { port, directory, process }
    }

    /// Runs a command as the owner.
    pub fn cli(&self, words: &[&str]) -> String {
        let done = cli(&self.directory, self.port, words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// A client that stays connected.
    pub fn stay(&self) -> Client {
        let mut client = cli(&self.directory, self.port, &[]);
        let process = client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let before = self.cli(&["CLIENT", "LIST"]).lines().count();
        wait_for("the client", || self.cli(&["CLIENT", "LIST"]).lines().count() >= before.max(2));
        Client(process)
    }

    /// Stops the server where it stands: it accepts connections and never answers.
    pub fn hang(&self) {
        kill_process(Pid::from_child(&self.process.0), Signal::STOP).unwrap();
    }

    pub fn redis(&self) -> Redis<WallClock> {
        Redis::new(&self.directory.join("ca.pem"), WallClock).unwrap()
    }

    pub fn target(&self) -> Target {
        Target {
            resource: Identity::parse("sessions").unwrap(),
            instance: DatabaseId::parse("replicationgroup:sessions").unwrap(),
            engine: "valkey".into(),
            endpoint: Some(Endpoint { host: "127.0.0.1".into(), port: self.port }),
            secret: None,
            database: None,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A connected client.
pub struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cli(directory: &Path, port: u16, words: &[&str]) -> Command {
    let mut command = Command::new("redis-cli");
    // The owner at the console looks at no certificate; the adapter under test does.
    command.env("REDISCLI_AUTH", PASSWORD).args(["--no-auth-warning", "--tls", "--insecure", "--cacert"]).arg(directory.join("ca.pem"));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(words).stdin(Stdio::null());
    command
}

/// Where Debian has it: the package of tools starts no service.
const PROGRAMS: [&str; 3] = ["/usr/bin/redis-server", "/usr/bin/redis-check-rdb", "/usr/local/bin/redis-server"];

/// Starts the server on a free port and waits until it answers; none if it ended instead.
fn launch(directory: &Path, options: &[&str]) -> Option<(u16, Running)> {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let program = PROGRAMS.into_iter().find(|path| Path::new(path).exists()).expect("redis-tools or redis-server is installed");
    let mut command = Command::new(program);
    // Debian's program is several ones, by the name that it is started under.
    command.arg0("redis-server");
    command.args(["--port", "0", "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD, "--masterauth", PASSWORD]);
    command.args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no", "--tls-replication", "yes"]);
    for (option, file) in [("--tls-cert-file", "server.pem"), ("--tls-key-file", "server.key"), ("--tls-ca-cert-file", "ca.pem")] {
        command.arg(option).arg(directory.join(file));
    }
    command.arg("--dir").arg(directory).args(options);
    let mut process = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut ended = false;
    wait_for("Redis to start", || {
        ended = process.0.try_wait().unwrap().is_some();
        ended || cli(directory, port, &["PING"]).output().unwrap().stdout.starts_with(b"PONG")
    });
    (!ended).then_some((port, process))
}
