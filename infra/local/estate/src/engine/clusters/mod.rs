//! DB clusters. On AWS the members of an Aurora cluster share one volume; here they are a writer and its synchronous streaming
//! readers, so that no acknowledged commit is ever on the writer alone while a reader lives.
//!
//! A volume is named like a server and has a directory and an archive like one. It holds the data of whoever wrote last, also while
//! there is no member; every member runs in a data directory of its own below it. Two addresses belong to it: one leads to the
//! writer, the other to a reader, or to the writer where there is none.

mod volume;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lifeboat_testing::model::Door;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::error::EngineError;
use super::front::Addresses;
use super::host::Host;
use super::node::Node;
use super::{Source, birth, check_name};
pub use volume::Volume;

/// How long a member waits for its volume, and a reader for its writer.
const PATIENCE: Duration = Duration::from_secs(60);

/// All DB clusters of one estate.
pub struct Clusters {
    host: Arc<Host>,
    addresses: Arc<Addresses>,
    /// The volume of each name: its own, and those of its members.
    volumes: Mutex<HashMap<String, Arc<Volume>>>,
}

impl Clusters {
    /// None yet.
    pub(super) fn new(host: &Arc<Host>, addresses: &Arc<Addresses>) -> Self {
        Self { host: Arc::clone(host), addresses: Arc::clone(addresses), volumes: Mutex::default() }
    }

    /// The volume of this name, or the one that a member of this name belongs to.
    pub async fn find(&self, name: &str) -> Option<Arc<Volume>> {
        self.volumes.lock().await.get(name).cloned()
    }

    /// Makes a volume with its first backup; returns where clients will reach the writer and the readers. Nobody listens there
    /// before there is a member.
    ///
    /// # Errors
    /// As for [`super::Engine::provision`]. A cluster cannot begin as a replica.
    pub async fn make_volume(&self, name: &str, source: Source) -> Result<(SocketAddr, SocketAddr), EngineError> {
        check_name(name)?;
        let (dir, archive) = (self.host.server_dir(name), self.host.archive_dir(name));
        if dir.exists() || archive.exists() {
            return Err(EngineError::Taken(format!("volume {name}")));
        }
        self.host.make_dir(&dir)?;
        self.host.make_dir(&archive)?;
        let made = self.fill(name, source).await;
        match made {
            Ok(volume) => {
                let endpoints = volume.endpoints();
                self.volumes.lock().await.insert(name.to_owned(), Arc::new(volume));
                Ok(endpoints)
            }
            Err(error) => {
                self.host.remove(&dir).await;
                self.host.remove(&archive).await;
                Err(error)
            }
        }
    }

    /// Makes a volume of what another one holds now; on AWS the two share their pages until one is changed, here they are copied.
    ///
    /// # Errors
    /// There is no such volume, its writer hangs, or as for [`Clusters::make_volume`].
    pub async fn clone_volume(&self, name: &str, of: &str) -> Result<(SocketAddr, SocketAddr), EngineError> {
        let source = self.find(of).await.ok_or_else(|| EngineError::Missing(format!("volume {of}")))?;
        let image = format!("clone-{name}");
        source.take_image(&image).await?;
        let made = self.make_volume(name, Source::Image(image.clone())).await;
        self.host.remove(&self.host.image_dir(&image)).await;
        made
    }

    /// A server brings the data into shape and ends; whatever is wrong with them is known now, and not when a member starts.
    async fn fill(&self, name: &str, source: Source) -> Result<Volume, EngineError> {
        let archive = self.host.archive_dir(name);
        self.host.make_dir(&archive.join("wal"))?;
        let node = Node::new(&self.host, name, self.host.server_dir(name).join("data"))?;
        birth::start_from(&self.host, &node, source).await?;
        node.back_up(&archive.join("base")).await?;
        node.stop().await;
        Volume::new(&self.host, &self.addresses, name, node.data().to_owned())
    }

    /// Starts a new member; the one that writes on the volume's own data, others as its readers, once it is there. Returns where
    /// clients reach it.
    ///
    /// # Errors
    /// There is no such volume or, for a reader, no writer that lives, for a while; or PostgreSQL fails.
    pub async fn add_member(&self, volume: &str, name: &str, writes: bool, door: Door) -> Result<SocketAddr, EngineError> {
        check_name(name)?;
        let begun = Instant::now();
        let found = loop {
            match self.find(volume).await {
                Some(found) => break found,
                None if begun.elapsed() > PATIENCE => return Err(EngineError::Missing(format!("volume {volume}"))),
                None => sleep(Duration::from_millis(50)).await,
            }
        };
        // From here on accidents find it.
        self.volumes.lock().await.insert(name.to_owned(), Arc::clone(&found));
        let made = found.add(&self.addresses, name, writes, door).await;
        if made.is_err() {
            self.delete(name).await;
        }
        made
    }

    /// Removes a member, or a whole volume with its members. Archives and images stay.
    pub async fn delete(&self, name: &str) {
        let Some(found) = self.volumes.lock().await.remove(name) else { return };
        found.delete(name).await;
        if found.name() == name {
            self.volumes.lock().await.retain(|_, volume| volume.name() != name);
        }
    }

    /// Kills all members. The files stay.
    pub(super) async fn shut_down(&self) {
        for (_, volume) in self.volumes.lock().await.drain() {
            volume.kill_all().await;
        }
    }
}
