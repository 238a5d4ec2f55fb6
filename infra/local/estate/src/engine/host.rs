//! The machine: where PostgreSQL is, as whom it runs, and the directories of one estate.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::error::{EngineError, tail};
use super::process::PidFile;

/// Longer than any copy or backup in a test may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The oldest PostgreSQL whose functions we use.
const OLDEST: u32 = 13;

/// One machine with one estate directory.
pub(super) struct Host {
    root: PathBuf,
    bin: PathBuf,
    /// User and group for the servers if we are root.
    user: Option<(u32, u32)>,
    tag_prefix: String,
    tags: AtomicU32,
    /// The file `pids`.
    pub(super) pids: PidFile,
}

impl Host {
    /// Looks around, and makes the directories.
    pub(super) async fn new(root: &Path) -> Result<Self, EngineError> {
        fs::create_dir_all(root).map_err(EngineError::io(format!("create {}", root.display())))?;
        let root = root.canonicalize().map_err(EngineError::io("resolve the root directory"))?;
        let wrong = |why| EngineError::Root { root: root.clone(), why };
        let text = root.to_str().ok_or_else(|| wrong("not UTF-8"))?;
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+=@,:".contains(&byte)) {
            return Err(wrong("only letters, digits and /._-+=@,: please; it stands in shell commands"));
        }
        if text.len() > 85 {
            return Err(wrong("longer than 85 characters, too long for a Unix socket's path"));
        }
        let user = if rustix::process::geteuid().is_root() { Some(server_user()?) } else { None };
        let host = Self {
            bin: find_binaries().await.ok_or(EngineError::NoPostgres)?,
            user,
            tag_prefix: format!("lbe-{:08x}-", fnv(text)),
            tags: AtomicU32::new(1),
            pids: PidFile::new(root.join("pids")),
            root: root.clone(),
        };
        if user.is_some() {
            // A directory of mkdtemp is closed to everyone but root; let the server user pass through.
            let mode = fs::metadata(&root).map_or(0o755, |found| found.permissions().mode());
            fs::set_permissions(&root, Permissions::from_mode(mode | 0o011))
                .map_err(EngineError::io("open the root directory to the server user"))?;
        }
        for dir in [host.servers_dir(), host.root.join("archive"), host.root.join("images"), host.tls_dir(), host.run_dir()] {
            host.make_dir(&dir)?;
        }
        let mut probe = host.command("/bin/ls");
        probe.arg(host.run_dir());
        host.run(probe).await.map_err(|_| wrong("the user that runs PostgreSQL cannot enter a directory above it"))?;
        Ok(host)
    }

    /// Begins the tag of every server of this estate.
    pub(super) fn tag_prefix(&self) -> &str {
        &self.tag_prefix
    }

    /// A tag no other server has; of fixed width, so that none is the beginning of another.
    pub(super) fn next_tag(&self) -> String {
        format!("{}{:05}", self.tag_prefix, self.tags.fetch_add(1, Ordering::Relaxed))
    }

    /// Where live servers' files are.
    pub(super) fn servers_dir(&self) -> PathBuf {
        self.root.join("servers")
    }

    /// One server's files.
    pub(super) fn server_dir(&self, server: &str) -> PathBuf {
        self.servers_dir().join(server)
    }

    /// One server's archive: `wal` and `base`.
    pub(super) fn archive_dir(&self, server: &str) -> PathBuf {
        self.root.join("archive").join(server)
    }

    /// One image.
    pub(super) fn image_dir(&self, image: &str) -> PathBuf {
        self.root.join("images").join(image)
    }

    /// The freshly initialised data directory that all empty servers start from.
    pub(super) fn template_dir(&self) -> PathBuf {
        self.root.join("template")
    }

    /// The certificates.
    pub(super) fn tls_dir(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// The Unix sockets: who can enter this directory is superuser everywhere.
    pub(super) fn run_dir(&self) -> PathBuf {
        self.root.join("run")
    }

    /// A program of PostgreSQL, run as the server user.
    pub(super) fn postgres_tool(&self, name: &str) -> Command {
        self.command(self.bin.join(name))
    }

    /// Any program, run as the server user, with a clean environment, in a process group of its own (Ctrl-C is not for it).
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir("/").process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs it to its end.
    pub(super) async fn run(&self, mut command: Command) -> Result<(), EngineError> {
        let line = command_line(&command);
        let output = match timeout(PATIENCE, command.output()).await {
            Ok(output) => output.map_err(EngineError::io(format!("run {line}")))?,
            Err(_) => return Err(EngineError::Slow { what: line, limit: PATIENCE }),
        };
        if output.status.success() {
            return Ok(());
        }
        Err(EngineError::Command { command: line, outcome: output.status.to_string(), stderr: tail(&output.stderr) })
    }

    /// `cp -a`.
    pub(super) async fn copy(&self, from: &Path, to: &Path) -> Result<(), EngineError> {
        let mut command = self.command("/bin/cp");
        command.args(["-a", "--reflink=auto"]).arg(from).arg(to);
        self.run(command).await
    }

    /// `rm -rf`; what cannot be removed is only a waste of space.
    pub(super) async fn remove(&self, path: &Path) {
        let mut command = self.command("/bin/rm");
        command.arg("-rf").arg(path);
        if let Err(error) = self.run(command).await {
            tracing::warn!(%error, "cannot remove a directory");
        }
    }

    /// Makes a directory only the server user (and root) may enter, if it is not there yet.
    pub(super) fn make_dir(&self, path: &Path) -> Result<(), EngineError> {
        let io = || EngineError::io(format!("make {}", path.display()));
        fs::create_dir_all(path).map_err(io())?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(io())?;
        self.give(path).map_err(io())
    }

    /// Writes a file of the server user.
    pub(super) fn write(&self, path: &Path, text: &str, mode: u32) -> Result<(), EngineError> {
        let io = || EngineError::io(format!("write {}", path.display()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(mode).open(path).map_err(io())?;
        file.write_all(text.as_bytes()).map_err(io())?;
        self.give(path).map_err(io())
    }

    fn give(&self, path: &Path) -> std::io::Result<()> {
        match self.user {
            Some((user, group)) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

fn command_line(command: &Command) -> String {
    let command = command.as_std();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// `postgres` if there is such a user, else `nobody`.
fn server_user() -> Result<(u32, u32), EngineError> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    };
    find("postgres").or_else(|| find("nobody")).ok_or(EngineError::NoUser)
}

/// The directory of `pg_config --bindir`, or of the newest version that Debian's packages left.
async fn find_binaries() -> Option<PathBuf> {
    let mut candidates = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output().await {
        candidates.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = debian.map(|entry| entry.path()).collect();
    debian.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    candidates.extend(debian.into_iter().rev().map(|path| path.join("bin")));
    for bin in candidates {
        if ["initdb", "pg_basebackup"].iter().all(|tool| bin.join(tool).exists()) && version(&bin).await >= Some(OLDEST) {
            return Some(bin);
        }
    }
    None
}

/// The major version: "postgres (PostgreSQL) 15.14 (Debian ...)" is 15.
async fn version(bin: &Path) -> Option<u32> {
    let output = Command::new(bin.join("postgres")).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_once("(PostgreSQL) ")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// FNV-1a: tells apart the estates of different directories, the same in every run.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
