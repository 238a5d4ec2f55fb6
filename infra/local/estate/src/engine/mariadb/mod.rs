//! Real MariaDB servers for fake RDS instances: what [`super`] does with PostgreSQL, by MariaDB's own means.
//!
//! - A copy (of an image, of a base backup) is what a crash would have left: the process stands still while it is made, as a volume
//!   does for its snapshot. The binary log is part of it.
//! - The closed files of the binary log go to the archive. Point-in-time recovery starts from the base backup and replays them with
//!   `mariadb-binlog`, which knows whole seconds only: it stops at what began in the second that was asked for, or later.
//! - The standby is the volume's mirror, as on RDS: a failover starts another server on it, which recovers as after a crash. No
//!   acknowledged commit is lost.

mod config;
mod node;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lifeboat_testing::model::Door;
use tokio::sync::Mutex;

use super::error::EngineError;
use super::front::{Addresses, Front};
use super::host::Host;
use super::{Source, check_name};
use node::{Node, is_log};
use setup::{Programs, create_master, prepare_template, text};

/// In an archive: the first file of the binary log that the base backup does not hold.
const FIRST: &str = "first";
/// In an archive: up to which time it leads, in RFC 3339.
const UNTIL: &str = "until";

/// All MariaDB servers of one estate.
pub(super) struct Servers {
    host: Arc<Host>,
    servers: Mutex<HashMap<String, Arc<Server>>>,
    /// Held while the template is made.
    template: Mutex<()>,
}

/// One server behind its address.
pub(super) struct Server {
    host: Arc<Host>,
    name: String,
    front: Front,
    /// Whether there is a standby; held by what must not overlap: restart, failover.
    standby: Mutex<bool>,
    /// Held while files go to the archive.
    shipping: Mutex<()>,
    node: Node,
}

/// Whether a copied data directory is one of MariaDB.
fn is_ours(data: &Path) -> bool {
    data.join("ibdata1").exists()
}

impl Servers {
    /// None yet.
    pub(super) fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host), servers: Mutex::default(), template: Mutex::default() }
    }

    /// Whether this source makes a MariaDB server.
    pub(super) fn makes(&self, source: &Source) -> bool {
        match source {
            Source::Empty { engine, .. } => engine == "mariadb",
            Source::Image(image) => is_ours(&self.host.image_dir(image)),
            Source::Replica { of } => is_ours(&self.host.server_dir(of).join("data")),
            Source::PointInTime { server, .. } => is_ours(&self.host.archive_dir(server).join("base")),
        }
    }

    /// The server of this name, if it is one of ours.
    pub(super) async fn find(&self, server: &str) -> Option<Arc<Server>> {
        self.servers.lock().await.get(server).cloned()
    }

    /// Starts a new server in its directories, which are there and empty, and takes its base backup.
    pub(super) async fn start_new(&self, addresses: &Addresses, server: &str, source: Source) -> Result<SocketAddr, EngineError> {
        let programs = Programs::find()?;
        let archive = self.host.archive_dir(server);
        self.host.make_dir(&archive.join("wal"))?;
        let node = Node::new(&self.host, &programs, self.host.server_dir(server).join("data"))?;
        match source {
            Source::Empty { master_user, password, db_name, .. } => {
                let template = {
                    let _making = self.template.lock().await;
                    prepare_template(&self.host, &programs).await?
                };
                self.host.copy(&template, node.data()).await?;
                node.start().await?;
                create_master(&node, &master_user, &password, &db_name).await?;
            }
            Source::Image(image) => {
                check_name(&image)?;
                self.host.copy(&self.host.image_dir(&image), node.data()).await?;
                node.start().await?;
            }
            Source::Replica { of } => return Err(EngineError::Missing(format!("read replica of {of} here; those of postgres are"))),
            Source::PointInTime { server: origin, to } => {
                check_name(&origin)?;
                self.recover(&node, &self.host.archive_dir(&origin), to).await?;
            }
        }
        // Nobody knows its address yet: what follows is the first that its own log will hold.
        let (_, first) = node.close_log().await?;
        node.back_up(&archive.join("base")).await?;
        self.host.write(&archive.join(FIRST), &first, 0o600)?;
        let front = Front::new(addresses).map_err(EngineError::io("take a port"))?;
        front.lead_to(Some(node.port())).await;
        let address = front.address();
        let made = Server {
            host: Arc::clone(&self.host),
            name: server.to_owned(),
            front,
            standby: Mutex::new(false),
            shipping: Mutex::default(),
            node,
        };
        self.servers.lock().await.insert(server.to_owned(), Arc::new(made));
        Ok(address)
    }

    /// A server on a copy of the base backup, with what the archive holds up to a time.
    async fn recover(&self, node: &Node, archive: &Path, to: Option<DateTime<Utc>>) -> Result<(), EngineError> {
        let until = fs::read_to_string(archive.join(UNTIL)).unwrap_or_default();
        let until = DateTime::parse_from_rfc3339(&until).map_err(|_| EngineError::Missing("archived log yet".to_owned()))?;
        if let Some(to) = to.filter(|to| *to > until) {
            return Err(EngineError::Missing(format!("archived log up to {to}, only up to {until}")));
        }
        self.host.copy(&archive.join("base"), node.data()).await?;
        node.start().await?;
        node.replay(&archived(archive)?, to).await
    }

    /// Kills the server and removes its data; answers whether it was one of ours.
    pub(super) async fn delete(&self, server: &str) -> bool {
        let Some(found) = self.servers.lock().await.remove(server) else { return false };
        found.end().await;
        self.host.remove(&self.host.server_dir(server)).await;
        true
    }

    /// Kills all servers. The files stay.
    pub(super) async fn shut_down(&self) {
        let servers: Vec<_> = self.servers.lock().await.drain().collect();
        for (_, server) in servers {
            server.end().await;
        }
    }
}

impl Server {
    /// See [`super::Engine::take_image`].
    pub(super) async fn take_image(&self, done: &Path, part: &Path) -> Result<DateTime<Utc>, EngineError> {
        let time = self.node.now().await?;
        if let Err(error) = self.node.back_up(part).await {
            self.host.remove(part).await;
            return Err(error);
        }
        fs::rename(part, done).map_err(EngineError::io("name the finished image"))?;
        Ok(time)
    }

    /// Keeps a mirror of the volume from now on.
    pub(super) async fn add_standby(&self) -> Result<(), EngineError> {
        let mut standby = self.standby.lock().await;
        if *standby {
            return Err(EngineError::HasStandby(self.name.clone()));
        }
        self.node.now().await?;
        *standby = true;
        Ok(())
    }

    /// Kills the server, starts another on the mirror of its volume, and leads the address there.
    pub(super) async fn promote_standby(&self) -> Result<(), EngineError> {
        let mut standby = self.standby.lock().await;
        if !*standby {
            return Err(EngineError::NoStandby(self.name.clone()));
        }
        self.start_again(false).await?;
        *standby = false;
        Ok(())
    }

    /// Stops the server (or what is left of it), and starts it again; all connections end.
    pub(super) async fn restart(&self) -> Result<(), EngineError> {
        let _alone = self.standby.lock().await;
        let clean = self.node.runs().await;
        self.start_again(clean).await
    }

    async fn start_again(&self, clean: bool) -> Result<(), EngineError> {
        self.front.lead_to(None).await;
        if clean {
            self.node.stop().await;
        } else {
            self.node.kill().await;
        }
        self.front.cut();
        self.node.start().await?;
        self.front.lead_to(Some(self.node.port())).await;
        Ok(())
    }

    /// Sets a user's password.
    pub(super) async fn set_password(&self, user: &str, password: &str) -> Result<(), EngineError> {
        let statement = format!("ALTER USER {}@'%' IDENTIFIED BY {}", text(user), text(password));
        self.node.execute("set a password", &[statement]).await
    }

    /// Kills the process; connections are refused.
    pub(super) async fn kill(&self) {
        self.node.kill().await;
        self.front.lead_to(None).await;
    }

    /// Stops the process in mid-work.
    pub(super) async fn hang(&self) {
        self.node.hang().await;
    }

    /// Ends [`Server::hang`].
    pub(super) async fn resume(&self) {
        self.node.resume().await;
    }

    /// Says whom the port lets in, as a security group does.
    pub(super) async fn set_door(&self, door: Door) {
        self.front.set_door(door).await;
    }

    /// See [`super::Engine::ship_log`]: everything that was acknowledged before the returned second can be restored.
    pub(super) async fn ship_log(&self) -> Option<DateTime<Utc>> {
        let _alone = self.shipping.lock().await;
        if !self.node.runs().await {
            return None;
        }
        self.ship().await.inspect_err(|error| tracing::warn!(%error, server = self.name, "cannot ship the log")).ok()
    }

    async fn ship(&self) -> Result<DateTime<Utc>, EngineError> {
        let archive = self.host.archive_dir(&self.name);
        let (time, open) = self.node.close_log().await?;
        let first = read(&archive.join(FIRST))?;
        for name in self.node.closed_logs(&open)? {
            let (done, part) = (archive.join("wal").join(&name), archive.join("wal").join(format!(".{name}")));
            if name >= first && !done.exists() {
                self.host.copy(&self.node.data().join(&name), &part).await?;
                fs::rename(&part, &done).map_err(EngineError::io("name an archived file"))?;
            }
        }
        self.host.write(&archive.join(UNTIL), &time.to_rfc3339(), 0o600)?;
        Ok(time)
    }

    async fn end(&self) {
        self.front.lead_to(None).await;
        self.front.cut();
        self.node.kill().await;
    }
}

/// The archived files of a binary log, in order.
fn archived(archive: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let entries = fs::read_dir(archive.join("wal")).map_err(EngineError::io("list the archive"))?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_log(name)).collect();
    names.sort();
    Ok(names.iter().map(|name| archive.join("wal").join(name)).collect())
}

fn read(path: &Path) -> Result<String, EngineError> {
    fs::read_to_string(path).map_err(EngineError::io(format!("read {}", path.display())))
}
