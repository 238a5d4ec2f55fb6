//! What a MariaDB server is before it has any data.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::super::error::EngineError;
use super::super::host::Host;
use super::config::{BOOTSTRAP, MASTER_PRIVILEGES, temporary};
use super::node::Node;

/// Where MariaDB's programs are; Debian's packages put them there.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    server: PathBuf,
    bin: PathBuf,
}

impl Programs {
    /// Looks for them.
    pub(super) fn find() -> Result<Self, EngineError> {
        let servers = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd", "/usr/local/bin/mariadbd"];
        let server = servers.iter().map(PathBuf::from).find(|path| path.exists()).ok_or(EngineError::NoMariaDb)?;
        let found = ["/usr/bin", "/usr/local/bin"].iter().map(PathBuf::from).find(|bin| bin.join("mariadb-install-db").exists());
        Ok(Self { server, bin: found.ok_or(EngineError::NoMariaDb)? })
    }

    /// `mariadbd`.
    pub(super) fn server(&self) -> &Path {
        &self.server
    }

    /// `mariadb-binlog`, which decodes the binary log.
    pub(super) fn binlog(&self) -> PathBuf {
        self.bin.join("mariadb-binlog")
    }

    /// `mariadb`, which runs what was decoded.
    pub(super) fn client(&self) -> PathBuf {
        self.bin.join("mariadb")
    }

    fn install(&self) -> PathBuf {
        self.bin.join("mariadb-install-db")
    }
}

/// Initialising takes a second, copying a moment: done once per root, by whoever needs it first.
pub(super) async fn prepare_template(host: &Host, programs: &Programs) -> Result<PathBuf, EngineError> {
    let done = host.template_dir().with_extension("mariadb");
    if done.exists() {
        return Ok(done);
    }
    let part = done.with_extension("mariadb-part");
    host.remove(&part).await;
    host.make_dir(&part)?;
    host.make_dir(&temporary(&part))?;
    let mut install = host.command(programs.install());
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
    install.arg(format!("--datadir={}", part.display())).env("TMPDIR", temporary(&part));
    host.run(install).await?;
    let script = host.run_dir().join("bootstrap.sql");
    host.write(&script, BOOTSTRAP, 0o600)?;
    let mut bootstrap = host.command(programs.server());
    bootstrap.args(["--no-defaults", "--bootstrap"]).arg(format!("--datadir={}", part.display())).env("TMPDIR", temporary(&part));
    bootstrap.stdin(Stdio::from(File::open(&script).map_err(EngineError::io("open the bootstrap's script"))?));
    host.run(bootstrap).await?;
    fs::rename(&part, &done).map_err(EngineError::io("name the finished template"))?;
    Ok(done)
}

/// What RDS's master user is: no superuser, but nearly.
pub(super) async fn create_master(node: &Node, user: &str, password: &str, database: &str) -> Result<(), EngineError> {
    let account = format!("{}@'%'", text(user));
    let mut statements = vec![
        format!("CREATE USER {account} IDENTIFIED BY {}", text(password)),
        format!("GRANT {MASTER_PRIVILEGES} ON *.* TO {account} WITH GRANT OPTION"),
    ];
    if !database.is_empty() {
        statements.push(format!("CREATE DATABASE `{}`", database.replace('`', "``")));
    }
    node.execute("create the master user", &statements).await
}

/// A literal where no backslash escapes.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
