//! The options of `mariadbd`, and who may do what.

use std::path::{Path, PathBuf};

use super::super::host::Host;

/// The engine's superuser, over the socket only; as on RDS.
pub(super) const ADMIN: &str = "rdsadmin";
/// The binary log's files are `binlog.000001`, `binlog.000002`, ... in the data directory: a copy without them would lose
/// commits that only they hold yet.
pub(super) const BINLOG: &str = "binlog";

/// What RDS grants to a master user of MariaDB 10.11.
pub(super) const MASTER_PRIVILEGES: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, \
     SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, \
     CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER";

/// Run once on a fresh data directory: the one administrator comes over the socket.
pub(super) const BOOTSTRAP: &str = "\
UPDATE mysql.global_priv SET User = 'rdsadmin' WHERE User = 'root' AND Host = 'localhost';
DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
";

/// The socket of the server on this port; it lies where only the server user may enter.
pub(super) fn socket(host: &Host, port: u16) -> PathBuf {
    host.run_dir().join(format!("{port}.sock"))
}

/// Temporary files of the server with this data directory: a server that starts removes those that it finds.
pub(super) fn temporary(data: &Path) -> PathBuf {
    data.with_extension("tmp")
}

/// Safe against a killed process, not against a power cut: nothing is flushed to the disk at a commit.
pub(super) fn options(host: &Host, data: &Path, port: u16, tag: &str) -> Vec<String> {
    let tls = host.tls_dir();
    let path = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let mut options = vec![
        "--no-defaults".to_owned(),
        path("datadir", data),
        path("socket", &socket(host, port)),
        path("tmpdir", &temporary(data)),
        path("pid-file", &data.with_extension("pid")),
        path("ssl-ca", &tls.join("ca.pem")),
        path("ssl-cert", &tls.join("server.crt")),
        path("ssl-key", &tls.join("server.key")),
        format!("--port={port}"),
        // It changes nothing but the command line, by which the process is found.
        format!("--report-host={tag}"),
        format!("--log-bin={BINLOG}"),
    ];
    let fixed = [
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--require-secure-transport=ON",
        "--server-id=1",
        "--binlog-format=ROW",
        "--sync-binlog=0",
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
        "--performance-schema=OFF",
        "--max-connections=100",
        "--default-time-zone=+00:00",
        "--character-set-server=utf8mb4",
    ];
    options.extend(fixed.map(str::to_owned));
    options
}
