//! Real Redis servers for fake ElastiCache replication groups.
//!
//! - A node is a server of its own behind an address of its own; a replica follows its primary by Redis's own asynchronous
//!   replication, as on ElastiCache. What a node holds is in memory only, and lost with it.
//! - A group has two more addresses: one leads to its primary, the other to a replica that serves, or to the primary where there is
//!   none. With encryption in transit all of them lead to the servers' TLS ports.
//! - An image is the RDB file that a node writes; a server that starts from it loads it.
//!
//! With cluster mode a group has all its servers, each a primary or a replica of its own, but they are not joined to one Redis Cluster:
//! its configuration endpoint leads to the first shard, and no key is sent to another.

mod config;
mod node;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lifeboat_testing::model::Door;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::error::EngineError;
use super::front::{Addresses, Front};
use super::host::Host;
use super::{Source, check_name};
use config::{DUMP, Token};
use node::Node;

/// Where Debian has it: the program of `redis-server`, which starts no service without that package, or that package's own.
const PROGRAMS: [&str; 3] = ["/usr/bin/redis-server", "/usr/bin/redis-check-rdb", "/usr/local/bin/redis-server"];
/// How long a replica waits for its primary.
const PATIENCE: Duration = Duration::from_secs(30);

/// All Redis servers of one estate.
pub struct Caches {
    host: Arc<Host>,
    addresses: Arc<Addresses>,
    secret: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    servers: HashMap<String, Server>,
    groups: HashMap<String, Group>,
    /// How many servers there have been: none gets the directory of another.
    made: u32,
}

/// A node of a group. Its address outlives its server, which may be replaced under its name.
struct Server {
    front: Front,
    door: Door,
    token: Token,
    /// The server that it follows.
    follows: Option<String>,
    node: Option<Arc<Node>>,
}

/// The addresses of a group, and where they lead.
struct Group {
    primary: Front,
    reader: Front,
    leads: Lead,
}

/// Where the addresses of a group lead.
#[derive(Debug, Clone)]
pub struct Lead {
    /// The server of its primary; with cluster mode that of the first shard.
    pub primary: String,
    /// The servers of all its nodes.
    pub members: Vec<String>,
    /// Whether clients speak TLS.
    pub tls: bool,
    /// Whom its ports let in.
    pub door: Door,
}

/// Where clients reach a group and its nodes.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The primary.
    pub primary: SocketAddr,
    /// A replica.
    pub reader: SocketAddr,
    /// Each node, by its server.
    pub nodes: BTreeMap<String, SocketAddr>,
}

impl Caches {
    /// None yet.
    pub(super) fn new(host: &Arc<Host>, addresses: &Arc<Addresses>) -> Result<Self, EngineError> {
        let mut random = [0; 24];
        let read = fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut random));
        read.map_err(EngineError::io("make a password"))?;
        let secret = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { host: Arc::clone(host), addresses: Arc::clone(addresses), secret, state: Mutex::default() })
    }

    fn front(&self) -> Result<Front, EngineError> {
        Front::new(&self.addresses).map_err(EngineError::io("take a port"))
    }

    fn server<'a>(&self, state: &'a mut State, name: &str) -> Result<&'a mut Server, EngineError> {
        if !state.servers.contains_key(name) {
            check_name(name)?;
            let made = Server { front: self.front()?, door: Door::Closed, token: Token::Unknown, follows: None, node: None };
            state.servers.insert(name.to_owned(), made);
        }
        state.servers.get_mut(name).ok_or_else(|| EngineError::Missing(format!("server {name}")))
    }

    /// Leads the addresses of a group; makes them, and those of its nodes, if they are not there yet.
    ///
    /// # Errors
    /// A name that cannot be one.
    pub async fn lead(&self, group: &str, leads: Lead) -> Result<Reached, EngineError> {
        let mut state = self.state.lock().await;
        let mut nodes = BTreeMap::new();
        for name in &leads.members {
            nodes.insert(name.clone(), self.server(&mut state, name)?.front.address());
        }
        if !state.groups.contains_key(group) {
            let made = Group { primary: self.front()?, reader: self.front()?, leads: leads.clone() };
            state.groups.insert(group.to_owned(), made);
        }
        let found = state.groups.get_mut(group).ok_or_else(|| EngineError::Missing(format!("group {group}")))?;
        found.leads = leads;
        let reached = Reached { primary: found.primary.address(), reader: found.reader.address(), nodes };
        state.lead().await;
        Ok(reached)
    }

    /// Starts a server under a name that has none; returns where clients reach it.
    ///
    /// # Errors
    /// There is one, the image does not exist, its primary is not there for a while, or Redis fails.
    pub async fn provision(&self, name: &str, source: Source, door: Door) -> Result<SocketAddr, EngineError> {
        let program = PROGRAMS.iter().map(Path::new).find(|path| path.exists()).ok_or(EngineError::NoRedis)?;
        let (address, data) = {
            let mut state = self.state.lock().await;
            state.made += 1;
            let number = state.made;
            let server = self.server(&mut state, name)?;
            if server.node.is_some() {
                return Err(EngineError::Taken(format!("server {name}")));
            }
            server.door = door;
            (server.front.address(), self.directory(name).join(format!("data-{number}")))
        };
        self.host.make_dir(&self.directory(name))?;
        self.host.make_dir(&data)?;
        let node = Arc::new(Node::new(&self.host, program, &self.secret, data.clone())?);
        let (follows, token) = match source {
            Source::Empty { password, .. } => (None, if password.is_empty() { Token::None } else { Token::Is(password) }),
            Source::Image(image) => {
                check_name(&image)?;
                let from = self.host.image_dir(&image).join(DUMP);
                if !from.exists() {
                    return Err(EngineError::Missing(format!("image {image}")));
                }
                self.host.copy(&from, &data.join(DUMP)).await?;
                (None, Token::Unknown)
            }
            Source::Replica { of } => (Some(of), Token::Unknown),
            Source::PointInTime { .. } => return Err(EngineError::Missing("archive of a cache".to_owned())),
        };
        let upstream = match &follows {
            Some(of) => Some(self.running(of).await?),
            None => None,
        };
        // From here on accidents find it.
        {
            let mut state = self.state.lock().await;
            let server = self.server(&mut state, name)?;
            (server.node, server.follows, server.token) = (Some(Arc::clone(&node)), follows.clone(), token);
        }
        let started = node.start(upstream.map(|node| node.ports().plain)).await;
        if let Err(error) = started {
            self.end(name).await;
            return Err(error);
        }
        let token = self.state.lock().await.token_of(name);
        node.let_in(&token).await?;
        self.state.lock().await.lead().await;
        Ok(address)
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.host.server_dir(name)
    }

    /// The server of this name, once it runs.
    async fn running(&self, name: &str) -> Result<Arc<Node>, EngineError> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(node) = self.node(name).await
                && node.runs().await
            {
                return Ok(node);
            }
            sleep(Duration::from_millis(30)).await;
        }
        Err(EngineError::Missing(format!("server {name} that could be followed")))
    }

    async fn node(&self, name: &str) -> Result<Arc<Node>, EngineError> {
        let state = self.state.lock().await;
        let found = state.servers.get(name).and_then(|server| server.node.clone());
        found.ok_or_else(|| EngineError::Missing(format!("server {name}")))
    }

    /// Says what clients log in with, there and on all that follow it; nothing at all if it is empty.
    ///
    /// # Errors
    /// It is dead or hung.
    pub async fn set_token(&self, name: &str, token: &str) -> Result<(), EngineError> {
        let token = if token.is_empty() { Token::None } else { Token::Is(token.to_owned()) };
        let nodes: Vec<Arc<Node>> = {
            let mut state = self.state.lock().await;
            self.server(&mut state, name)?.token = token.clone();
            let is_it = |(other, server): &(&String, &Server)| *other == name || server.follows.as_deref() == Some(name);
            state.servers.iter().filter(is_it).filter_map(|(_, server)| server.node.clone()).collect()
        };
        let own = self.node(name).await?;
        for node in nodes {
            let told = node.let_in(&token).await;
            // One that only starts asks for it itself.
            if Arc::ptr_eq(&node, &own) {
                told?;
            }
        }
        Ok(())
    }

    /// A replica follows nobody any more, with what it has received, and accepts writes.
    ///
    /// # Errors
    /// It is dead or hung.
    pub async fn promote(&self, name: &str) -> Result<(), EngineError> {
        self.node(name).await?.promote().await?;
        let mut state = self.state.lock().await;
        let token = state.token_of(name);
        let server = self.server(&mut state, name)?;
        (server.follows, server.token) = (None, token);
        Ok(())
    }

    /// Keeps what a node holds as an image. All that was acknowledged before the returned time is in it, unless its primary is down.
    ///
    /// # Errors
    /// The image exists already, or the server is dead or hung.
    pub async fn take_image(&self, name: &str, image: &str) -> Result<DateTime<Utc>, EngineError> {
        check_name(image)?;
        let (done, part) = (self.host.image_dir(image), self.host.image_dir(&format!("{image}.part")));
        if done.exists() || part.exists() {
            return Err(EngineError::Taken(format!("image {image}")));
        }
        let node = self.node(name).await?;
        let follows = self.state.lock().await.servers.get(name).and_then(|server| server.follows.clone());
        let primary = match follows {
            Some(of) => self.node(&of).await.ok(),
            None => None,
        };
        let taken = node.back_up(&part, primary.as_deref()).await;
        if taken.is_err() {
            self.host.remove(&part).await;
        } else {
            fs::rename(&part, &done).map_err(EngineError::io("name the finished image"))?;
        }
        taken
    }

    /// Says whom the port of a node lets in.
    pub async fn set_door(&self, name: &str, door: Door) {
        let mut state = self.state.lock().await;
        if let Some(server) = state.servers.get_mut(name) {
            server.door = door;
        }
        state.lead().await;
    }

    /// Kills the server of a node: what it held is lost.
    pub async fn kill(&self, name: &str) {
        if let Ok(node) = self.node(name).await {
            node.kill().await;
        }
        self.state.lock().await.lead().await;
    }

    /// It still accepts connections, and never answers.
    pub async fn hang(&self, name: &str) {
        if let Ok(node) = self.node(name).await {
            node.hang().await;
        }
        self.state.lock().await.lead().await;
    }

    /// Ends [`Caches::hang`].
    pub async fn resume(&self, name: &str) {
        if let Ok(node) = self.node(name).await {
            node.resume().await;
        }
        self.state.lock().await.lead().await;
    }

    /// Ends the server of a node, or the addresses of a group with those of its nodes. Images stay.
    pub async fn delete(&self, name: &str) {
        let gone = self.state.lock().await.groups.remove(name);
        let Some(group) = gone else { return self.end(name).await };
        for member in &group.leads.members {
            self.end(member).await;
            // Bound to a name: dropping a front does not wait until its address has closed.
            let server = self.state.lock().await.servers.remove(member);
            if let Some(server) = server {
                server.front.lead_to(None).await;
            }
        }
        group.primary.lead_to(None).await;
        group.reader.lead_to(None).await;
    }

    async fn end(&self, name: &str) {
        let node = {
            let mut state = self.state.lock().await;
            state.servers.get_mut(name).and_then(|server| server.node.take())
        };
        if let Some(node) = node {
            node.kill().await;
            self.host.remove(&self.directory(name)).await;
        }
        self.state.lock().await.lead().await;
    }

    /// Kills all servers. The files stay.
    pub(super) async fn shut_down(&self) {
        let mut state = self.state.lock().await;
        state.groups.clear();
        for (_, server) in state.servers.drain() {
            if let Some(node) = server.node {
                node.kill().await;
            }
        }
    }
}

impl State {
    /// What clients of a server log in with: a replica's, what its primary's do.
    fn token_of(&self, name: &str) -> Token {
        let Some(server) = self.servers.get(name) else { return Token::Unknown };
        match &server.follows {
            Some(of) if server.token == Token::Unknown => self.token_of(of),
            _ => server.token.clone(),
        }
    }

    /// Where a server listens for clients, if it lives.
    async fn port(&self, name: &str, tls: bool) -> Option<u16> {
        let node = self.servers.get(name)?.node.as_ref()?;
        let ports = node.ports();
        node.lives().await.then_some(if tls { ports.tls } else { ports.plain })
    }

    /// Leads every address to where it belongs now.
    async fn lead(&self) {
        for group in self.groups.values() {
            let Lead { primary, members, tls, door } = &group.leads;
            let mut reader = None;
            for name in members {
                let port = self.port(name, *tls).await;
                if let Some(server) = self.servers.get(name) {
                    server.front.set_door(server.door).await;
                    server.front.lead_to(port).await;
                    let serves = match &server.node {
                        Some(node) => node.runs().await,
                        None => false,
                    };
                    if reader.is_none() && serves && server.follows.as_ref() == Some(primary) {
                        reader = port;
                    }
                }
            }
            let port = self.port(primary, *tls).await;
            for (front, port) in [(&group.primary, port), (&group.reader, reader.or(port))] {
                front.set_door(*door).await;
                front.lead_to(port).await;
            }
        }
    }
}
