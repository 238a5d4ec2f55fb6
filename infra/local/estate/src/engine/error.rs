//! What can go wrong with a database server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the engine could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No usable PostgreSQL (13 or newer) on this machine.
    #[error("PostgreSQL server binaries not found; apt-get install postgresql")]
    NoPostgres,
    /// No MariaDB server on this machine.
    #[error("MariaDB server binaries not found; apt-get install mariadb-server")]
    NoMariaDb,
    /// No Redis server on this machine.
    #[error("Redis server binary not found; apt-get install redis-tools")]
    NoRedis,
    /// PostgreSQL refuses to run as root, and there is neither a `postgres` nor a `nobody` user to run it as.
    #[error("running as root, and neither user postgres nor nobody exists to run PostgreSQL as")]
    NoUser,
    /// The estate's directory cannot hold servers.
    #[error("directory {root} cannot be used: {why}", root = .root.display())]
    Root {
        /// The directory.
        root: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file operation failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// A program failed.
    #[error("{command} ended with {outcome}: {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// Exit status.
        outcome: String,
        /// The last lines it wrote to stderr.
        stderr: String,
    },
    /// A server process ended when it should have run.
    #[error("the server in {data} ended unasked; its log: {log}", data = .data.display())]
    Died {
        /// The data directory.
        data: PathBuf,
        /// The last lines of its log.
        log: String,
    },
    /// A statement failed.
    #[error("cannot {what}: {why}")]
    Sql {
        /// What was tried.
        what: &'static str,
        /// The server's message.
        why: String,
    },
    /// It took too long: the server hangs, or the machine is overloaded.
    #[error("gave up after {limit:?} trying to {what}")]
    Slow {
        /// What was tried.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A name that cannot be a directory name.
    #[error("{0:?} cannot be the name of a server or an image")]
    BadName(String),
    /// The server or image already exists (or, for a server, once did: its archive stays).
    #[error("{0} already exists")]
    Taken(String),
    /// No such running server, image or archive.
    #[error("there is no {0}")]
    Missing(String),
    /// `add_standby` to a server that has one.
    #[error("{0} already has a standby")]
    HasStandby(String),
    /// `promote_standby` of a server without one.
    #[error("{0} has no standby")]
    NoStandby(String),
    /// The certificates could not be made.
    #[error("cannot make the certificates: {0}")]
    Tls(#[from] rcgen::Error),
}

impl EngineError {
    /// A mapper for file errors: `.map_err(EngineError::io("read the log"))`.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// A mapper for statement errors; `tokio_postgres::Error` alone prints only "db error".
    pub(super) fn sql(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |error| {
            let why = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            Self::Sql { what, why }
        }
    }
}

/// The last few lines of a program's output.
pub(super) fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
}
