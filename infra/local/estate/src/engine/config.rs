//! `postgresql.conf` and `pg_hba.conf`.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::host::Host;

/// The engine's superuser, and the database it works in; both as on RDS.
pub(super) const ADMIN: &str = "rdsadmin";
/// The name a standby streams under.
pub(super) const STANDBY: &str = "standby";
/// The name a read replica streams under: no commit waits for it.
pub(super) const REPLICA: &str = "replica";

/// What a server process is there for.
pub(super) enum Role {
    /// Serves clients. With `synchronous`, no commit is acknowledged before the standby has it.
    Primary {
        /// Wait for the standby?
        synchronous: bool,
    },
    /// Serves clients of a DB cluster: no commit is acknowledged before each of these readers has it, as if they shared a volume.
    Writer {
        /// The names that they stream under.
        readers: Vec<String>,
    },
    /// Follows the writer of a DB cluster.
    Reader {
        /// The writer's port.
        upstream: u16,
        /// The name that it streams under.
        name: String,
    },
    /// Follows the server on this port.
    Standby {
        /// The primary's port.
        upstream: u16,
        /// The name that it streams under.
        name: &'static str,
    },
    /// Replays an archive up to a time (or all of it), then serves clients.
    Recovery {
        /// Directory of archived WAL.
        wal: PathBuf,
        /// Commits at or before this time are in, later ones are not.
        to: Option<DateTime<Utc>>,
    },
}

impl Role {
    /// The file whose presence puts PostgreSQL into this role.
    pub(super) fn signal_file(&self) -> Option<&'static str> {
        match self {
            Self::Primary { .. } | Self::Writer { .. } => None,
            Self::Standby { .. } | Self::Reader { .. } => Some("standby.signal"),
            Self::Recovery { .. } => Some("recovery.signal"),
        }
    }
}

/// Local logins are the engine's alone, others come over TCP, and only with TLS.
pub(super) const HBA: &str = "\
local   all          rdsadmin                trust
local   replication  rdsadmin                trust
host    all          rdsadmin  127.0.0.1/32  reject
host    rdsadmin     all       127.0.0.1/32  reject
hostssl all          all       127.0.0.1/32  scram-sha-256
";

/// Safe against a killed process, not against a power cut: that is what `fsync = off` gives up.
///
/// Dynamic shared memory lies in the data directory and goes with it: in `/dev/shm`, a killed server would leave it behind.
///
/// The archive command never replaces a segment and never leaves half of one. `archive_mode = always`: a segment that the
/// primary could no longer deliver is delivered by its standby, which is about to be promoted.
pub(super) fn postgresql_conf(host: &Host, server: &str, port: u16, role: &Role) -> String {
    let wal = host.archive_dir(server).join("wal");
    let (wal, run, tls) = (wal.display(), host.run_dir(), host.tls_dir());
    let mut conf = format!(
        "listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{run}'
max_connections = 100
ssl = on
ssl_cert_file = '{tls}/server.crt'
ssl_key_file = '{tls}/server.key'
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
log_min_error_statement = panic
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
fsync = off
wal_level = replica
max_wal_senders = 8
wal_keep_size = 128MB
min_wal_size = 4MB
max_wal_size = 256MB
track_commit_timestamp = on
archive_mode = always
archive_command = 'test -f {wal}/%f || {{ cp %p {wal}/.{port}.%f && mv {wal}/.{port}.%f {wal}/%f; }}'
wal_retrieve_retry_interval = 100ms
",
        run = run.display(),
        tls = tls.display(),
    );
    // Writing to a String cannot fail.
    let follow = |upstream: &u16, name: &str| {
        format!("primary_conninfo = 'host={} port={upstream} user={ADMIN} application_name={name}'", run.display())
    };
    let _ = match role {
        Role::Primary { synchronous: false } => Ok(()),
        Role::Primary { synchronous: true } => writeln!(conf, "synchronous_standby_names = '{STANDBY}'"),
        Role::Writer { readers } if readers.is_empty() => Ok(()),
        Role::Writer { readers } => {
            let names: Vec<String> = readers.iter().map(|name| format!("\"{name}\"")).collect();
            writeln!(conf, "synchronous_standby_names = 'FIRST {} ({})'", names.len(), names.join(", "))
        }
        Role::Standby { upstream, name } => writeln!(conf, "{}", follow(upstream, name)),
        Role::Reader { upstream, name } => writeln!(conf, "{}", follow(upstream, name)),
        Role::Recovery { wal, to } => {
            let target = to.map(|to| {
                let time = to.format("%Y-%m-%d %H:%M:%S%.6f+00");
                format!("recovery_target_time = '{time}'\nrecovery_target_action = 'promote'\n")
            });
            let target = target.unwrap_or_default();
            writeln!(conf, "restore_command = 'cp {}/%f \"%p\"'\n{target}", wal.display())
        }
    };
    conf
}
