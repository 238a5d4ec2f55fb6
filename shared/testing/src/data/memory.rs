//! A database server in a few lines: a log of changes with commit times, passwords with their history, and whether it is alive.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::DataPlane;
use crate::model::{Done, Door, Effect, EffectOutcome, Origin};

/// A session that a server let in; cut by a restart, a failover or a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session(u64);

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// When it was last written.
    pub committed_at: DateTime<Utc>,
}

/// Why a server does not let somebody in, or does not answer him.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginError {
    /// There is no such server.
    NoServer,
    /// Nothing listens: connection refused.
    Dead,
    /// It accepts and never answers: a time-out.
    Hung,
    /// The port is closed to new connections: a time-out.
    PortClosed,
    /// The user or the password is wrong.
    WrongPassword,
    /// The session was cut.
    SessionCut,
    /// It is a replica or a reader of a DB cluster, and accepts no writes.
    ReadOnly,
}

/// What a server has committed, in order. `None` as a value is a deletion.
#[derive(Debug, Clone, Default)]
struct History {
    changes: Vec<(DateTime<Utc>, String, String, Option<String>)>,
    passwords: Vec<(DateTime<Utc>, String, String)>,
}

impl History {
    fn until(&self, time: DateTime<Utc>) -> Self {
        Self {
            changes: self.changes.iter().filter(|change| change.0 <= time).cloned().collect(),
            passwords: self.passwords.iter().filter(|password| password.0 <= time).cloned().collect(),
        }
    }

    fn rows(&self, table: &str) -> Vec<Row> {
        let mut rows = BTreeMap::new();
        for (at, _, key, value) in self.changes.iter().filter(|change| change.1 == table) {
            match value {
                Some(value) => rows.insert(key, Row { key: key.clone(), value: value.clone(), committed_at: *at }),
                None => rows.remove(key),
            };
        }
        rows.into_values().collect()
    }
}

#[derive(Debug, Clone)]
struct Server {
    /// Where its data lies: its own, or that of its DB cluster.
    volume: String,
    /// A reader of a DB cluster.
    reads_only: bool,
    alive: bool,
    hung: bool,
    door: Door,
    sessions: BTreeSet<Session>,
    /// The server that it follows by streaming.
    follows: Option<String>,
    /// It gets nothing more from it.
    cut_off: bool,
    made_at: DateTime<Utc>,
}

/// Servers by name (the instance's `DbiResourceId`), what they hold, their images and their archives.
#[derive(Debug, Default)]
pub struct MemoryData {
    servers: BTreeMap<String, Server>,
    /// By the server's name; of a DB cluster, by its `DbClusterResourceId`.
    volumes: BTreeMap<String, History>,
    images: BTreeMap<String, History>,
    archives: BTreeMap<String, History>,
    last_session: u64,
    broken: BTreeMap<String, String>,
}

impl MemoryData {
    /// Opens a session, as a client would.
    ///
    /// # Errors
    /// Why not.
    pub fn login(&mut self, server: &str, user: &str, password: &str) -> Result<Session, LoginError> {
        self.enter(server, user, password, &[Door::Open])
    }

    /// Opens a session as the prober, whom a quarantine lets in.
    ///
    /// # Errors
    /// Why not.
    pub fn probe(&mut self, server: &str, user: &str, password: &str) -> Result<Session, LoginError> {
        self.enter(server, user, password, &[Door::Open, Door::Prober])
    }

    fn enter(&mut self, server: &str, user: &str, password: &str, doors: &[Door]) -> Result<Session, LoginError> {
        let it = self.servers.get_mut(server).ok_or(LoginError::NoServer)?;
        match () {
            () if !it.alive => return Err(LoginError::Dead),
            () if !doors.contains(&it.door) => return Err(LoginError::PortClosed),
            () if it.hung => return Err(LoginError::Hung),
            () => {}
        }
        let passwords = self.volumes.get(&it.volume).map(|history| history.passwords.as_slice()).unwrap_or_default();
        let current = passwords.iter().rev().find(|entry| entry.1 == user);
        if current.is_none_or(|entry| entry.2 != password) {
            return Err(LoginError::WrongPassword);
        }
        self.last_session += 1;
        let session = Session(self.last_session);
        it.sessions.insert(session);
        Ok(session)
    }

    /// The rows of a table, by key, as a session sees them.
    ///
    /// # Errors
    /// The session was cut, or the server does not answer.
    pub fn read(&self, server: &str, session: Session, table: &str) -> Result<Vec<Row>, LoginError> {
        self.through(server, session).map(|history| history.rows(table))
    }

    /// The tables that a session sees. There is no DDL here: a table is there as long as it holds a row.
    ///
    /// # Errors
    /// The session was cut, or the server does not answer.
    pub fn tables(&self, server: &str, session: Session) -> Result<Vec<String>, LoginError> {
        let history = self.through(server, session)?;
        let named: BTreeSet<&str> = history.changes.iter().map(|change| change.1.as_str()).collect();
        Ok(named.into_iter().filter(|table| !history.rows(table).is_empty()).map(str::to_owned).collect())
    }

    /// How many rows the server has written.
    ///
    /// # Errors
    /// The session was cut, or the server does not answer.
    pub fn writes(&self, server: &str, session: Session) -> Result<u64, LoginError> {
        self.through(server, session).map(|history| history.changes.len() as u64)
    }

    /// Writes a row (or deletes it: `None`) and commits at `now`.
    ///
    /// # Errors
    /// The session was cut, or the server does not answer; then nothing is written.
    pub fn write(
        &mut self,
        server: &str,
        session: Session,
        (table, key): (&str, &str),
        value: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), LoginError> {
        self.through(server, session)?;
        if self.is_replica(server) {
            return Err(LoginError::ReadOnly);
        }
        let change = (now, table.to_owned(), key.to_owned(), value.map(str::to_owned));
        self.on_it_and_its_replicas(server, |history| history.changes.push(change.clone()));
        Ok(())
    }

    /// What a server commits, and with it those that follow.
    fn on_it_and_its_replicas(&mut self, server: &str, commit: impl FnMut(&mut History)) {
        let follows = |it: &Server| it.follows.as_deref() == Some(server) && it.alive && !it.cut_off;
        let reached = self.servers.iter().filter(|(name, it)| *name == server || follows(it)).map(|(_, it)| &it.volume);
        let reached: BTreeSet<&String> = reached.collect();
        self.volumes.iter_mut().filter(|(name, _)| reached.contains(name)).map(|(_, history)| history).for_each(commit);
    }

    /// Whether a server is a replica, or a reader of a DB cluster.
    pub fn is_replica(&self, server: &str) -> bool {
        self.servers.get(server).is_some_and(|it| it.follows.is_some() || it.reads_only)
    }

    /// What a server, or the volume of a DB cluster, holds.
    fn history(&self, name: &str) -> Option<&History> {
        self.volumes.get(self.servers.get(name).map_or(name, |it| it.volume.as_str()))
    }

    /// When the newest change that a server holds was committed.
    pub fn newest(&self, server: &str) -> Option<DateTime<Utc>> {
        self.history(server)?.changes.iter().map(|change| change.0).max()
    }

    /// Ends every session of a server, as a fence does after the port is closed.
    pub fn end_sessions(&mut self, server: &str) {
        if let Some(it) = self.servers.get_mut(server) {
            it.sessions.clear();
        }
    }

    /// Whether a living server lets clients in, or would if it did not hang.
    pub fn admits_clients(&self, server: &str) -> bool {
        self.servers.get(server).is_some_and(|it| it.alive && it.door == Door::Open)
    }

    /// When a server was made: one that replaces another under its name is another one.
    pub fn made_at(&self, server: &str) -> Option<DateTime<Utc>> {
        self.servers.get(server).map(|it| it.made_at)
    }

    /// How many sessions a server has.
    pub fn sessions(&self, server: &str) -> usize {
        self.servers.get(server).map_or(0, |it| it.sessions.len())
    }

    /// The next effects of this kind (its `effect` name, for example `provision`) fail with this sentence, until mended.
    pub fn break_effects(&mut self, effect: &str, reason: &str) {
        self.broken.insert(effect.to_owned(), reason.to_owned());
    }

    /// The end of [`MemoryData::break_effects`].
    pub fn mend(&mut self) {
        self.broken.clear();
    }

    fn through(&self, server: &str, session: Session) -> Result<&History, LoginError> {
        let it = self.servers.get(server).ok_or(LoginError::NoServer)?;
        match () {
            () if !it.alive || !it.sessions.contains(&session) => Err(LoginError::SessionCut),
            () if it.hung => Err(LoginError::Hung),
            () => self.volumes.get(&it.volume).ok_or(LoginError::NoServer),
        }
    }

    /// The data that a new server or volume begins with.
    fn origin(&self, now: DateTime<Utc>, from: &Origin) -> Result<History, String> {
        Ok(match from {
            Origin::Volume { of, .. } | Origin::Clone { of } => {
                self.volumes.get(of).cloned().ok_or_else(|| format!("there is no volume {of}"))?
            }
            Origin::Empty { master_user, password, .. } => {
                History { changes: Vec::new(), passwords: vec![(now, master_user.clone(), password.expose().to_owned())] }
            }
            Origin::Image(image) => self.images.get(image).cloned().ok_or_else(|| format!("there is no image {image}"))?,
            Origin::Replica { of } => {
                let source = self.servers.get(of).filter(|it| it.alive && !it.hung);
                source.and_then(|it| self.volumes.get(&it.volume)).cloned().ok_or_else(|| format!("{of} cannot be copied"))?
            }
            Origin::PointInTime { server, to } => {
                self.archives.get(server).map(|archive| archive.until(*to)).ok_or_else(|| format!("there is no archive of {server}"))?
            }
        })
    }

    fn provision(&mut self, now: DateTime<Utc>, server: &str, (from, door): (&Origin, Door)) -> EffectOutcome {
        let history = self.origin(now, from)?;
        let (volume, reads_only) = match from {
            Origin::Volume { of, writes } => (of.clone(), !writes),
            _ => (server.to_owned(), false),
        };
        // Replicas go on with whoever is provisioned under the name that they follow.
        let followers = self.servers.values().filter(|it| it.follows.as_deref() == Some(server)).map(|it| it.volume.clone());
        for follower in followers.collect::<Vec<_>>() {
            self.volumes.insert(follower, history.clone());
        }
        self.volumes.insert(volume.clone(), history);
        let follows = if let Origin::Replica { of } = from { Some(of.clone()) } else { None };
        let fresh =
            Server { volume, reads_only, alive: true, hung: false, door, sessions: BTreeSet::new(), follows, cut_off: false, made_at: now };
        self.servers.insert(server.to_owned(), fresh);
        Ok(Done::Listening(None))
    }

    /// What needs no server that lives: the volume of a DB cluster keeps its own backups.
    fn change_volume(&mut self, now: DateTime<Utc>, name: &str, effect: &Effect) -> EffectOutcome {
        let Some(history) = self.volumes.get(name).cloned() else { return Err(format!("there is no volume {name}")) };
        match effect {
            Effect::TakeImage { image, .. } => Ok(self.keep_image(name, image, history, now)),
            Effect::ShipLog { .. } => {
                self.archives.insert(name.to_owned(), history);
                Ok(Done::Shipped(Some(now)))
            }
            Effect::Delete { .. } => {
                self.volumes.remove(name);
                Ok(Done::Ok)
            }
            _ => Err(format!("{name} is a volume, and {} is for servers", effect.name())),
        }
    }

    /// A backup is archived too: from its time on, the log leads anywhere.
    fn keep_image(&mut self, name: &str, image: &str, history: History, now: DateTime<Utc>) -> Done {
        let newest = history.changes.iter().map(|change| change.0).max().unwrap_or(now);
        self.images.insert(image.to_owned(), history.clone());
        self.archives.insert(name.to_owned(), history);
        Done::Image(newest.max(now))
    }

    fn change(&mut self, now: DateTime<Utc>, effect: &Effect) -> EffectOutcome {
        let name = effect.server().to_owned();
        let Some(it) = self.servers.get_mut(&name) else { return Err(format!("there is no server {name}")) };
        match effect {
            Effect::TakeImage { image, .. } => {
                if !it.alive {
                    return Err(format!("{name} is dead"));
                }
                let history = self.history(&name).cloned().unwrap_or_default();
                return Ok(self.keep_image(&name, image, history, now));
            }
            Effect::ShipLog { .. } => {
                if !it.alive || it.hung {
                    return Ok(Done::Shipped(None));
                }
                let history = self.history(&name).cloned().unwrap_or_default();
                self.archives.insert(name, history);
                return Ok(Done::Shipped(Some(now)));
            }
            Effect::SetPassword { user, password, .. } => {
                if !it.alive || it.hung {
                    return Err(format!("{name} does not answer"));
                }
                let entry = (now, user.clone(), password.expose().to_owned());
                self.on_it_and_its_replicas(&name, |history| history.passwords.push(entry.clone()));
            }
            Effect::PromoteReplica { .. } => {
                if !it.alive {
                    return Err(format!("{name} is dead"));
                }
                it.sessions.clear();
                it.follows = None;
            }
            Effect::SetRole { writes, .. } => {
                if *writes && !it.alive {
                    return Err(format!("{name} is dead"));
                }
                it.sessions.clear();
                it.reads_only = !writes;
            }
            Effect::Restart { .. } | Effect::PromoteStandby { .. } | Effect::Start { .. } => {
                it.sessions.clear();
                (it.alive, it.hung) = (true, false);
            }
            Effect::Kill { .. } | Effect::Stop { .. } => {
                it.sessions.clear();
                it.alive = false;
            }
            Effect::StopStreaming { .. } => it.cut_off = true,
            Effect::Hang { .. } => it.hung = true,
            Effect::Resume { .. } => it.hung = false,
            Effect::SetPort { door, .. } => it.door = *door,
            Effect::Delete { .. } => {
                self.servers.remove(&name);
                self.volumes.remove(&name);
            }
            Effect::Provision { .. }
            | Effect::MakeVolume { .. }
            | Effect::LeadCache { .. }
            | Effect::AddStandby { .. }
            | Effect::RemoveStandby { .. } => {}
        }
        Ok(Done::Ok)
    }
}

impl DataPlane for MemoryData {
    fn carry_out(&mut self, now: DateTime<Utc>, effect: &Effect) -> EffectOutcome {
        if let Some(reason) = self.broken.get(effect.name()) {
            return Err(reason.clone());
        }
        match effect {
            Effect::Provision { server, from, door } => self.provision(now, server, (from, *door)),
            Effect::MakeVolume { server, from } => {
                let history = self.origin(now, from)?;
                self.volumes.insert(server.clone(), history);
                Ok(Done::Ok)
            }
            // Under the names that AWS would give them.
            Effect::LeadCache { .. } => Ok(Done::Ok),
            _ if !self.servers.contains_key(effect.server()) && self.volumes.contains_key(effect.server()) => {
                self.change_volume(now, effect.server(), effect)
            }
            _ => self.change(now, effect),
        }
    }
}
