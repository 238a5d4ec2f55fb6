//! Finding, stopping and killing exactly the processes of our servers.
//!
//! Every PostgreSQL process of a server shows the server's tag on its command line: the postmaster as the argument
//! `cluster_name=TAG`, its children (each in a session of its own, so process groups are of no use) as `postgres: TAG: ...`.
//! What they start themselves (archive commands) is found as their descendants. A MariaDB server is one process, which has the tag
//! as the argument `--report-host=TAG`; a Redis server calls itself `redis: TAG ...`, before and after it has set its own title, and so
//! does the child that writes a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::error::EngineError;

/// SIGSTOP to all processes with this tag (or tag prefix) and their descendants; returns them once they stand still: the signal is
/// sent before it is heard, and on a busy machine a server answers one statement more.
pub(super) fn freeze(tag: &str) -> BTreeSet<i32> {
    let mut stopped = BTreeSet::new();
    loop {
        // One may have forked another before it stopped: look until nothing new is there.
        let fresh: BTreeSet<i32> = tree(tag).difference(&stopped).copied().collect();
        if fresh.is_empty() {
            wait_until_still(&stopped);
            return stopped;
        }
        send(&fresh, Signal::STOP);
        stopped.extend(fresh);
    }
}

/// For a second at most: a process that waits for a disk stops when that answers.
fn wait_until_still(pids: &BTreeSet<i32>) {
    let given_up = Instant::now() + Duration::from_secs(1);
    while pids.iter().any(|pid| runs(*pid)) && Instant::now() < given_up {
        std::thread::yield_now();
    }
}

/// Whether a process is there and neither stopped nor dead, by the third field of its `stat`.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next()?.chars().next());
    state.is_some_and(|state| !matches!(state, 'T' | 't' | 'Z' | 'X'))
}

/// SIGCONT to all of them.
pub(super) fn thaw(tag: &str) {
    send(&tree(tag), Signal::CONT);
}

/// SIGKILL to all of them.
pub(super) fn kill(tag: &str) {
    // Stopped first: otherwise an archive command could outlive the archiver and still deliver.
    let pids = freeze(tag);
    send(&pids, Signal::KILL);
    release_memory(&pids);
}

/// Removes the System V shared memory that these processes made: a killed PostgreSQL leaves its interlock behind, and after 4096 of
/// them (`kernel.shmmni`) no server starts on this machine any more. What is still attached goes with its last process.
fn release_memory(pids: &BTreeSet<i32>) {
    for id in memory_of(pids) {
        let removed = std::process::Command::new("ipcrm").args(["-m", &id]).stderr(Stdio::null()).status();
        if let Err(error) = removed {
            tracing::warn!(%error, id, "cannot remove shared memory");
        }
    }
}

/// The System V shared memory that these processes made, by its id.
pub(super) fn memory_of(pids: &BTreeSet<i32>) -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    segments_of(&table, pids).into_iter().map(str::to_owned).collect()
}

/// The second column of those lines whose fifth, the creator, is one of `pids` (proc_sysvipc_shm(5)).
fn segments_of<'a>(table: &'a str, pids: &BTreeSet<i32>) -> Vec<&'a str> {
    let of_line = |line: &'a str| {
        let mut columns = line.split_whitespace().skip(1);
        let id = columns.next()?;
        let creator: i32 = columns.nth(2)?.parse().ok()?;
        pids.contains(&creator).then_some(id)
    };
    table.lines().filter_map(of_line).collect()
}

/// SIGKILL to all of them; returns when they are gone.
pub(super) async fn end(tag: &str) {
    kill(tag);
    for _ in 0..2000 {
        if tree(tag).is_empty() {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    tracing::error!(tag, "killed processes are still there");
}

/// Sends one signal to one process.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        send(&BTreeSet::from([pid]), signal);
    }
}

fn send(pids: &BTreeSet<i32>, signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // The only failure here is that it has just ended.
        let _ = kill_process(pid, signal);
    }
}

/// All live processes with this tag (or tag prefix), and their descendants.
fn tree(tag: &str) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        if is_tagged(&String::from_utf8_lossy(&read("cmdline")), tag) {
            found.insert(pid);
        }
        if let Some(parent) = parent_of(&String::from_utf8_lossy(&read("stat"))) {
            parents.insert(pid, parent);
        }
    }
    loop {
        let more: Vec<i32> =
            parents.iter().filter(|(pid, parent)| found.contains(*parent) && !found.contains(*pid)).map(|(pid, _)| *pid).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn is_tagged(command_line: &str, tag: &str) -> bool {
    let strip = |text: &str, prefix| text.strip_prefix(prefix).is_some_and(|rest: &str| rest.starts_with(tag));
    strip(command_line, "postgres: ")
        || strip(command_line, "redis: ")
        || command_line.split('\0').any(|argument| strip(argument, "cluster_name=") || strip(argument, "--report-host="))
}

/// The fourth field; the second, the program's name, may hold anything, but ends with the last parenthesis.
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The file `pids`: one postmaster a line, for whoever cleans up after a killed estate.
pub(super) struct PidFile {
    path: PathBuf,
    pids: Mutex<BTreeSet<u32>>,
}

impl PidFile {
    /// An empty file at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        let file = Self { path, pids: Mutex::default() };
        file.change(|_| ());
        file
    }

    /// Adds or removes pids.
    pub(super) fn change(&self, change: impl FnOnce(&mut BTreeSet<u32>)) {
        let mut pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut pids);
        let text: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
        if let Err(error) = fs::write(&self.path, text) {
            tracing::warn!(%error, "cannot write the pid file");
        }
    }
}

/// Waits for the end of its standard input, that is of the estate, then kills all that is left, and removes its shared memory.
const GUARD: &str = r#"read -r _
set -- /proc/[0-9]*/cmdline
grep -als -e "cluster_name=$LIFEBOAT_TAG" -e "--report-host=$LIFEBOAT_TAG" -e "^postgres: $LIFEBOAT_TAG" -e "^redis: $LIFEBOAT_TAG" "$@" | while IFS=/ read -r _ _ pid _; do
  kill -KILL "$pid"
  while read -r _ id _ _ creator _; do
    [ "$creator" != "$pid" ] || ipcrm -m "$id"
  done < /proc/sysvipc/shm
done"#;

/// Starts a shell that outlives the estate just long enough to kill its servers, even if the estate was killed with SIGKILL.
/// It waits as long as the returned child's standard input stays open.
pub(super) fn guard(tag_prefix: &str) -> Result<Child, EngineError> {
    Command::new("/bin/sh")
        .args(["-c", GUARD])
        .env("LIFEBOAT_TAG", tag_prefix)
        // Not in our process group: Ctrl-C at a terminal must not end it before us.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(EngineError::io("start the guard process"))
}

#[cfg(test)]
mod tests {
    use super::{is_tagged, parent_of, segments_of};

    #[test]
    fn only_our_processes_are_tagged() {
        assert!(is_tagged("/usr/bin/postgres\0-D\0/x\0-c\0cluster_name=lbe-1-0002\0", "lbe-1-0002"));
        assert!(is_tagged("postgres: lbe-1-0002: checkpointer ", "lbe-1-"));
        assert!(is_tagged("/usr/sbin/mariadbd\0--no-defaults\0--report-host=lbe-1-0002\0", "lbe-1-0002"));
        assert!(is_tagged("redis: lbe-1-0002 /usr/bin/redis-server", "lbe-1-"));
        assert!(!is_tagged("grep\0lbe-1-0002\0", "lbe-1-0002"));
        assert!(!is_tagged("postgres: lbe-1-0002: checkpointer ", "lbe-1-0003"));
        assert!(!is_tagged("", "lbe-1-"));
    }

    #[test]
    fn parent_is_found_behind_any_name() {
        assert_eq!(parent_of("12 (a) b (c) S 34 12 12 0"), Some(34));
        assert_eq!(parent_of(""), None);
    }

    #[test]
    fn shared_memory_is_found_by_who_made_it() {
        let table = "       key      shmid perms                  size  cpid  lpid nattch
   5432001       4711  1600                    56  1234  1300      2
   5432002       4712  1600                    56  1235  1235      0
";
        assert_eq!(segments_of(table, &[1235, 7].into()), ["4712"]);
        assert!(segments_of(table, &[1300, 56].into()).is_empty());
    }
}
