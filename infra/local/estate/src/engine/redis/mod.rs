//! Real Redis servers for fake ElastiCache replication groups.
//!
//! - A node is a server of its own behind an address of its own; a replica follows its primary by Redis's own asynchronous
//!   replication, as on ElastiCache. What a node holds is in memory only, and lost with it: a replica of a server that is started anew
//!   under its name follows that one, and loses everything, too.
//! - A group has two more addresses: one leads to its primary, the other to a replica that serves, or to the primary where there is
//!   none. With encryption in transit all of them lead to the servers' TLS ports.
//! - An image is the RDB file that a node writes; a server that starts from it loads it.
//!
//! With cluster mode the servers of a group are one Redis Cluster ([`shards`]): each shard has its slots, and clients find their way by
//! `MOVED`. The configuration endpoint leads to any node that serves. A snapshot is an image of each shard.

mod config;
mod node;
mod shards;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lifeboat_testing::model::{CacheShard, Door};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::error::EngineError;
use super::front::{Addresses, Front, HeldPort};
use super::host::Host;
use super::{Source, check_name};
use config::{Begins, DUMP, Token};
use node::Node;
use state::{Group, Server, State};

/// Where Debian has it: the program of `redis-server`, which starts no service without that package, or that package's own.
const PROGRAMS: [&str; 3] = ["/usr/bin/redis-server", "/usr/bin/redis-check-rdb", "/usr/local/bin/redis-server"];
/// How long a replica waits for its primary.
const PATIENCE: Duration = Duration::from_secs(30);

/// All Redis servers of one estate.
pub struct Caches {
    host: Arc<Host>,
    addresses: Arc<Addresses>,
    secret: String,
    /// On which the nodes of clusters talk, each on an address of its own.
    bus: HeldPort,
    state: Mutex<State>,
}

/// Where the addresses of a group lead.
#[derive(Debug, Clone)]
pub struct Lead {
    /// The server of its primary; with cluster mode that of the first shard.
    pub primary: String,
    /// The servers of all its nodes.
    pub members: Vec<String>,
    /// With cluster mode its shards.
    pub shards: Vec<CacheShard>,
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
        let bus = HeldPort::take().map_err(EngineError::io("take a port"))?;
        let (secret, state) = (random(24)?, Mutex::default());
        Ok(Self { host: Arc::clone(host), addresses: Arc::clone(addresses), secret, bus, state })
    }

    fn front(&self) -> Result<Front, EngineError> {
        Front::new(&self.addresses).map_err(EngineError::io("take a port"))
    }

    fn server<'a>(&self, state: &'a mut State, name: &str) -> Result<&'a mut Server, EngineError> {
        if !state.servers.contains_key(name) {
            check_name(name)?;
            let (front, id) = (self.front()?, random(20)?);
            let made = Server { front, id, door: Door::Closed, token: Token::Unknown, follows: None, node: None };
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
        let seat = self.state.lock().await.seat(name, self.bus.address.port());
        let node = Arc::new(Node::new(&self.host, (program, &self.secret), data.clone(), seat)?);
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
        let begins = match seat {
            Some(seat) => Begins::Joined { seat, told: self.state.lock().await.told(name, seat.bus), follows: upstream.is_some() },
            None => Begins::Alone { follows: upstream.map(|node| node.followed_at()) },
        };
        // From here on accidents find it.
        {
            let mut state = self.state.lock().await;
            let server = self.server(&mut state, name)?;
            (server.node, server.follows, server.token) = (Some(Arc::clone(&node)), follows.clone(), token);
        }
        let started = node.start(&begins).await;
        if let Err(error) = started {
            self.end(name).await;
            return Err(error);
        }
        let token = self.state.lock().await.token_of(name);
        node.let_in(&token).await?;
        if seat.is_none() {
            self.lead_followers(name, node.followed_at()).await;
        }
        self.state.lock().await.lead().await;
        Ok(address)
    }

    /// Whoever follows a server goes on with the one that has its name now. In a cluster nodes find each other.
    async fn lead_followers(&self, name: &str, port: u16) {
        let followers: Vec<Arc<Node>> = {
            let state = self.state.lock().await;
            let followers = state.servers.values().filter(|server| server.follows.as_deref() == Some(name));
            followers.filter_map(|server| server.node.clone()).collect()
        };
        for follower in followers {
            // One that is dead or hung is replaced.
            if let Err(error) = follower.follow(port).await {
                tracing::debug!(%error, name, "a replica does not follow");
            }
        }
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
        for shard in state.groups.values_mut().flat_map(|group| &mut group.leads.shards) {
            if shard.members.iter().any(|member| member == name) {
                name.clone_into(&mut shard.primary);
            }
        }
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

/// Random bytes, in hexadecimal digits.
fn random(bytes: usize) -> Result<String, EngineError> {
    let mut random = vec![0; bytes];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut random));
    read.map_err(EngineError::io("read random bytes"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
