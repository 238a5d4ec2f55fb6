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
    /// It is a replica, and accepts no writes.
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
    history: History,
    alive: bool,
    hung: bool,
    door: Door,
    sessions: BTreeSet<Session>,
    /// The server that it follows by streaming.
    follows: Option<String>,
    /// It gets nothing more from it.
    cut_off: bool,
}

/// Servers by name (the instance's `DbiResourceId`), their images and their archives.
#[derive(Debug, Default)]
pub struct MemoryData {
    servers: BTreeMap<String, Server>,
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
        let current = it.history.passwords.iter().rev().find(|entry| entry.1 == user);
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
        self.through(server, session).map(|it| it.history.rows(table))
    }

    /// The tables that a session sees. There is no DDL here: a table is there as long as it holds a row.
    ///
    /// # Errors
    /// The session was cut, or the server does not answer.
    pub fn tables(&self, server: &str, session: Session) -> Result<Vec<String>, LoginError> {
        let history = &self.through(server, session)?.history;
        let named: BTreeSet<&str> = history.changes.iter().map(|change| change.1.as_str()).collect();
        Ok(named.into_iter().filter(|table| !history.rows(table).is_empty()).map(str::to_owned).collect())
    }

    /// How many rows the server has written.
    ///
    /// # Errors
    /// The session was cut, or the server does not answer.
    pub fn writes(&self, server: &str, session: Session) -> Result<u64, LoginError> {
        self.through(server, session).map(|it| it.history.changes.len() as u64)
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
        if self.through(server, session)?.follows.is_some() {
            return Err(LoginError::ReadOnly);
        }
        let change = (now, table.to_owned(), key.to_owned(), value.map(str::to_owned));
        self.on_it_and_its_replicas(server, |it| it.history.changes.push(change.clone()));
        Ok(())
    }

    /// What a server commits, and with it those that follow.
    fn on_it_and_its_replicas(&mut self, server: &str, mut commit: impl FnMut(&mut Server)) {
        let follows = |it: &Server| it.follows.as_deref() == Some(server) && it.alive && !it.cut_off;
        for (name, it) in &mut self.servers {
            if name == server || follows(it) {
                commit(it);
            }
        }
    }

    /// Whether a server is a replica.
    pub fn is_replica(&self, server: &str) -> bool {
        self.servers.get(server).is_some_and(|it| it.follows.is_some())
    }

    /// When the newest change that a server holds was committed.
    pub fn newest(&self, server: &str) -> Option<DateTime<Utc>> {
        self.servers.get(server)?.history.changes.iter().map(|change| change.0).max()
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

    fn through(&self, server: &str, session: Session) -> Result<&Server, LoginError> {
        let it = self.servers.get(server).ok_or(LoginError::NoServer)?;
        match () {
            () if !it.alive || !it.sessions.contains(&session) => Err(LoginError::SessionCut),
            () if it.hung => Err(LoginError::Hung),
            () => Ok(it),
        }
    }

    fn provision(&mut self, now: DateTime<Utc>, server: &str, (from, door): (&Origin, Door)) -> EffectOutcome {
        let history = match from {
            Origin::Empty { master_user, password, .. } => {
                History { changes: Vec::new(), passwords: vec![(now, master_user.clone(), password.expose().to_owned())] }
            }
            Origin::Image(image) => self.images.get(image).cloned().ok_or_else(|| format!("there is no image {image}"))?,
            Origin::Replica { of } => {
                let source = self.servers.get(of).filter(|it| it.alive && !it.hung);
                source.map(|it| it.history.clone()).ok_or_else(|| format!("{of} cannot be copied"))?
            }
            Origin::PointInTime { server, to } => {
                self.archives.get(server).map(|archive| archive.until(*to)).ok_or_else(|| format!("there is no archive of {server}"))?
            }
        };
        let follows = if let Origin::Replica { of } = from { Some(of.clone()) } else { None };
        let fresh = Server { history, alive: true, hung: false, door, sessions: BTreeSet::new(), follows, cut_off: false };
        self.servers.insert(server.to_owned(), fresh);
        Ok(Done::Listening(None))
    }

    fn change(&mut self, now: DateTime<Utc>, effect: &Effect) -> EffectOutcome {
        let name = effect.server().to_owned();
        let Some(it) = self.servers.get_mut(&name) else { return Err(format!("there is no server {name}")) };
        match effect {
            Effect::TakeImage { image, .. } => {
                if !it.alive {
                    return Err(format!("{name} is dead"));
                }
                let history = it.history.clone();
                let newest = history.changes.iter().map(|change| change.0).max().unwrap_or(now);
                self.images.insert(image.clone(), history.clone());
                // A backup is archived too: from its time on, the log leads anywhere.
                self.archives.insert(name, history);
                return Ok(Done::Image(newest.max(now)));
            }
            Effect::ShipLog { .. } => {
                if !it.alive || it.hung {
                    return Ok(Done::Shipped(None));
                }
                self.archives.insert(name, it.history.clone());
                return Ok(Done::Shipped(Some(now)));
            }
            Effect::SetPassword { user, password, .. } => {
                if !it.alive || it.hung {
                    return Err(format!("{name} does not answer"));
                }
                let entry = (now, user.clone(), password.expose().to_owned());
                self.on_it_and_its_replicas(&name, |it| it.history.passwords.push(entry.clone()));
            }
            Effect::PromoteReplica { .. } => {
                if !it.alive {
                    return Err(format!("{name} is dead"));
                }
                it.sessions.clear();
                it.follows = None;
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
            }
            Effect::Provision { .. } | Effect::AddStandby { .. } | Effect::RemoveStandby { .. } => {}
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
            _ => self.change(now, effect),
        }
    }
}
