//! One volume and its members.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lifeboat_testing::model::Door;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use crate::engine::check_name;
use crate::engine::config::Role;
use crate::engine::error::EngineError;
use crate::engine::front::{Addresses, Front};
use crate::engine::host::Host;
use crate::engine::node::Node;

/// One volume, its endpoints, and its members.
pub struct Volume {
    host: Arc<Host>,
    name: String,
    writer_front: Front,
    reader_front: Front,
    /// Held by what must not overlap: start, promotion, a copy of data that nobody runs on.
    work: Mutex<()>,
    state: Mutex<State>,
}

struct State {
    /// The data of whoever writes, or wrote last.
    data: PathBuf,
    /// How many data directories there have been.
    made: u32,
    writer: Option<String>,
    members: BTreeMap<String, Member>,
}

/// One member. `node` is what runs, or ran last; a new member has none yet.
#[derive(Clone)]
struct Member {
    front: Arc<Front>,
    door: Door,
    node: Option<Arc<Node>>,
    up: bool,
    hung: bool,
}

impl State {
    fn writer(&self) -> Option<&Member> {
        self.writer.as_ref().and_then(|name| self.members.get(name))
    }

    /// The readers that serve, by name.
    fn readers(&self) -> Vec<String> {
        let serve = |(name, it): &(&String, &Member)| it.up && !it.hung && self.writer.as_ref() != Some(*name);
        self.members.iter().filter(serve).map(|(name, _)| name.clone()).collect()
    }
}

impl Member {
    /// Where it listens behind its front, if it does.
    fn port(&self) -> Option<u16> {
        self.node.as_ref().filter(|_| self.up).map(|node| node.port())
    }
}

impl Volume {
    /// Around data that nobody runs on.
    pub(super) fn new(host: &Arc<Host>, addresses: &Addresses, name: &str, data: PathBuf) -> Result<Self, EngineError> {
        let front = || Front::new(addresses).map_err(EngineError::io("take a port"));
        Ok(Self {
            host: Arc::clone(host),
            name: name.to_owned(),
            writer_front: front()?,
            reader_front: front()?,
            work: Mutex::default(),
            state: Mutex::new(State { data, made: 1, writer: None, members: BTreeMap::new() }),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients reach the writer, and a reader.
    pub(super) fn endpoints(&self) -> (SocketAddr, SocketAddr) {
        (self.writer_front.address(), self.reader_front.address())
    }

    /// Leads every address to where it belongs now.
    async fn lead(&self) {
        let state = self.state.lock().await;
        for member in state.members.values() {
            member.front.lead_to(member.port()).await;
        }
        let writer = state.writer();
        let reader = state.readers().first().and_then(|name| state.members.get(name)).or(writer);
        for (front, member) in [(&self.writer_front, writer), (&self.reader_front, reader)] {
            if let Some(member) = member {
                front.set_door(member.door).await;
            }
            front.lead_to(member.and_then(Member::port)).await;
        }
    }

    async fn change<R>(&self, name: &str, change: impl FnOnce(&mut Member) -> R) -> Option<R> {
        self.state.lock().await.members.get_mut(name).map(change)
    }

    async fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.state.lock().await.members.get(name)?.node.clone()
    }

    /// The writer's server, if it runs.
    async fn running_writer(&self) -> Option<Arc<Node>> {
        let state = self.state.lock().await;
        let node = state.writer().filter(|it| it.up && !it.hung)?.node.clone()?;
        drop(state);
        if node.runs().await { Some(node) } else { None }
    }

    pub(super) async fn add(&self, addresses: &Addresses, name: &str, writes: bool, door: Door) -> Result<SocketAddr, EngineError> {
        let front = Arc::new(Front::new(addresses).map_err(EngineError::io("take a port"))?);
        let address = front.address();
        front.set_door(door).await;
        let member = Member { front, door, node: None, up: false, hung: false };
        {
            let mut state = self.state.lock().await;
            state.members.insert(name.to_owned(), member);
            if writes {
                state.writer = Some(name.to_owned());
            }
        }
        let begun = Instant::now();
        while !writes && self.running_writer().await.is_none() {
            if begun.elapsed() > PATIENCE {
                return Err(EngineError::Missing(format!("writer of {} for {name} to follow", self.name)));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let _work = self.work.lock().await;
        if writes {
            self.start_writer(name).await?
        } else {
            self.start_reader(name).await?
        }
        Ok(address)
    }

    /// Starts this member on the volume's data.
    async fn start_writer(&self, name: &str) -> Result<(), EngineError> {
        let (data, readers) = {
            let state = self.state.lock().await;
            (state.data.clone(), state.readers())
        };
        let node = match self.node(name).await.filter(|node| node.data() == data) {
            Some(node) => node,
            None => Arc::new(Node::new(&self.host, &self.name, data)?),
        };
        node.start(&Role::Writer { readers }).await?;
        self.serves(name, node).await;
        Ok(())
    }

    /// Starts this member on a fresh copy of the writer's data, as its reader, without which from then on no commit is acknowledged.
    async fn start_reader(&self, name: &str) -> Result<(), EngineError> {
        let writer = self.running_writer().await.ok_or_else(|| EngineError::Missing(format!("writer of {} that runs", self.name)))?;
        let number = {
            let mut state = self.state.lock().await;
            state.made += 1;
            state.made
        };
        if let Some(old) = self.node(name).await {
            old.kill().await;
            self.host.remove(old.data()).await;
        }
        let node = Node::new(&self.host, &self.name, self.host.server_dir(&self.name).join(format!("data-{number}")))?;
        // A writer that begins to hang must not be waited for longer: another one waits to be promoted.
        let copied = timeout(PATIENCE, writer.back_up(node.data())).await;
        copied.map_err(|_| EngineError::Slow { what: format!("copy the writer of {}", self.name), limit: PATIENCE })??;
        node.start(&Role::Reader { upstream: writer.port(), name: name.to_owned() }).await?;
        let mut readers = self.state.lock().await.readers();
        readers.push(name.to_owned());
        let count = readers.len();
        if let Err(error) = writer.require(&Role::Writer { readers }, count).await {
            self.agree().await;
            return Err(error);
        }
        self.serves(name, Arc::new(node)).await;
        Ok(())
    }

    async fn serves(&self, name: &str, node: Arc<Node>) {
        self.change(name, |it| (it.node, it.up, it.hung) = (Some(node), true, false)).await;
        self.lead().await;
    }

    /// Lets commits wait for those readers that serve, and for no other.
    async fn agree(&self) {
        let Some(writer) = self.running_writer().await else { return };
        let readers = self.state.lock().await.readers();
        let told = async {
            writer.configure(&Role::Writer { readers })?;
            writer.reload().await
        };
        if let Err(error) = told.await {
            tracing::warn!(%error, volume = self.name, "cannot tell the writer whom to wait for");
        }
    }

    /// Makes a member the writer, with every acknowledged commit, or a reader of the writer. A dead reader stays dead.
    ///
    /// # Errors
    /// There is no such member, or its server fails.
    pub async fn set_role(&self, name: &str, writes: bool) -> Result<(), EngineError> {
        let _work = self.work.lock().await;
        let node = self.node(name).await.ok_or_else(|| EngineError::Missing(format!("member {name}")))?;
        let is_writer = self.state.lock().await.writer.as_deref() == Some(name);
        match (writes, is_writer) {
            (true, true) => Ok(()),
            (true, false) => self.promote(name, node).await,
            (false, _) if node.runs().await => {
                node.kill().await;
                self.change(name, |it| it.up = false).await;
                self.lead().await;
                if is_writer { Ok(()) } else { self.start_reader(name).await }
            }
            (false, _) => Ok(()),
        }
    }

    /// Of its connections none survives, as on Aurora, which restarts the member.
    async fn promote(&self, name: &str, node: Arc<Node>) -> Result<(), EngineError> {
        let old = self.state.lock().await.writer().cloned();
        if let Some(old) = old.and_then(|it| it.node) {
            old.kill().await;
        }
        let fronts = self.change(name, |it| Arc::clone(&it.front)).await;
        node.promote().await?;
        node.configure(&Role::Writer { readers: Vec::new() })?;
        node.reload().await?;
        let others = {
            let mut state = self.state.lock().await;
            if let Some(old) = state.writer.replace(name.to_owned()).and_then(|old| state.members.get_mut(&old)) {
                old.up = false;
            }
            node.data().clone_into(&mut state.data);
            state.readers()
        };
        // They are told of nothing yet, and commits must not wait for them.
        for other in &others {
            self.change(other, |it| it.up = false).await;
        }
        if let Some(front) = fronts {
            front.cut();
        }
        self.writer_front.cut();
        self.reader_front.cut();
        self.lead().await;
        for other in others {
            self.start_reader(&other).await?;
        }
        Ok(())
    }

    /// Copies the data as an image, whatever runs. All that was committed before the returned time is in it.
    ///
    /// # Errors
    /// The image exists already, or no copy can be made.
    pub async fn take_image(&self, image: &str) -> Result<DateTime<Utc>, EngineError> {
        check_name(image)?;
        let (done, part) = (self.host.image_dir(image), self.host.image_dir(&format!("{image}.part")));
        if done.exists() || part.exists() {
            return Err(EngineError::Taken(format!("image {image}")));
        }
        let copied = match self.running_writer().await {
            Some(writer) => {
                let time = writer.now().await?;
                writer.back_up(&part).await.map(|()| time)
            }
            None => self.copy_cold(&part).await,
        };
        if copied.is_err() {
            self.host.remove(&part).await;
        } else {
            fs::rename(&part, &done).map_err(EngineError::io("name the finished image"))?;
        }
        copied
    }

    /// Nobody writes: the files are as a crash would leave them, or a clean stop.
    async fn copy_cold(&self, to: &Path) -> Result<DateTime<Utc>, EngineError> {
        let _work = self.work.lock().await;
        let data = self.state.lock().await.data.clone();
        let time = crate::world::now();
        self.host.copy(&data, to).await?;
        match fs::remove_file(to.join("postmaster.pid")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(EngineError::io("free the copy")(error)),
            _ => Ok(time),
        }
    }

    /// As [`crate::engine::Engine::ship_log`], of the writer.
    pub async fn ship_log(&self) -> Option<DateTime<Utc>> {
        let shipped = self.running_writer().await?.ship_log(&self.host.archive_dir(&self.name).join("wal")).await;
        shipped.inspect_err(|error| tracing::warn!(%error, volume = self.name, "cannot ship the log")).ok()
    }

    /// Sets a user's password.
    ///
    /// # Errors
    /// There is no such user, or no writer that runs.
    pub async fn set_password(&self, user: &str, password: &str) -> Result<(), EngineError> {
        let writer = self.running_writer().await.ok_or_else(|| EngineError::Missing(format!("writer of {} that runs", self.name)))?;
        writer.execute("set a password", "ALTER ROLE %I PASSWORD %L", &[user, password]).await
    }

    /// Stops a member (or what is left of it), and starts it again in its role; its connections end.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&self, name: &str) -> Result<(), EngineError> {
        let _work = self.work.lock().await;
        let is_writer = self.state.lock().await.writer.as_deref() == Some(name);
        let Some(node) = self.node(name).await else { return Err(EngineError::Missing(format!("member {name}"))) };
        let runs = node.runs().await;
        self.change(name, |it| it.up = false).await;
        self.lead().await;
        if runs {
            node.stop().await;
        } else {
            node.kill().await;
        }
        if is_writer {
            return self.start_writer(name).await;
        }
        self.agree().await;
        self.start_reader(name).await
    }

    /// Kills a member with SIGKILL. The others live on.
    pub async fn kill(&self, name: &str) {
        let node = self.change(name, |it| {
            it.up = false;
            it.node.clone()
        });
        if let Some(node) = node.await.flatten() {
            node.kill().await;
        }
        self.lead().await;
        self.agree().await;
    }

    /// Stops all processes of a member in mid-work: it still accepts connections, and never answers.
    pub async fn hang(&self, name: &str) {
        let node = self.change(name, |it| {
            it.hung = true;
            it.node.clone()
        });
        if let Some(node) = node.await.flatten() {
            node.hang();
        }
        self.agree().await;
    }

    /// Ends [`Volume::hang`].
    pub async fn resume(&self, name: &str) {
        let node = self.change(name, |it| {
            it.hung = false;
            it.node.clone()
        });
        if let Some(node) = node.await.flatten() {
            node.resume();
        }
        self.agree().await;
    }

    /// Says whom the security groups let in, as [`crate::engine::Engine::set_door`]; the cluster's endpoints are as those they lead to.
    pub async fn set_door(&self, name: &str, door: Door) {
        let front = self.change(name, |it| {
            it.door = door;
            Arc::clone(&it.front)
        });
        if let Some(front) = front.await {
            front.set_door(door).await;
        }
        self.lead().await;
    }

    /// Removes a member; the data of the writer stay with the volume. By the volume's own name: everything.
    pub(super) async fn delete(&self, name: &str) {
        if name == self.name {
            self.kill_all().await;
            return self.host.remove(&self.host.server_dir(name)).await;
        }
        let (gone, data) = {
            let mut state = self.state.lock().await;
            state.writer.take_if(|writer| writer == name);
            (state.members.remove(name), state.data.clone())
        };
        let Some(member) = gone else { return };
        member.front.lead_to(None).await;
        member.front.cut();
        self.lead().await;
        if let Some(node) = member.node {
            node.kill().await;
            if node.data() != data {
                self.host.remove(node.data()).await;
            }
        }
        self.agree().await;
    }

    pub(super) async fn kill_all(&self) {
        let names: Vec<String> = self.state.lock().await.members.keys().cloned().collect();
        for name in names {
            self.kill(&name).await;
        }
        self.writer_front.cut();
        self.reader_front.cut();
    }
}
