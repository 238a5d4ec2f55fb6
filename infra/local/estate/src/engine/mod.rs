//! Real database servers: PostgreSQL here and MariaDB in [`mariadb`] for fake RDS instances, Redis in [`redis`] for fake caches.
//!
//! A server is a PostgreSQL process with its own data directory, reached through a stable TCP port ([`Engine::provision`]).
//! Its completed WAL segments go to an archive, which together with a base backup outlives it: point-in-time recovery knows
//! nothing else of a server. Everything lies below one root directory:
//!
//! | Path | What |
//! |---|---|
//! | `servers/ID/data`, `data-2`, ... | a primary's or standby's data directory, or that of a DB cluster's member; `data.log` is its log |
//! | `archive/ID/wal`, `archive/ID/base` | archived WAL, and the base backup taken when the server was provisioned |
//! | `images/NAME` | a snapshot: a data directory that can be copied and started |
//! | `template`, `template.mariadb` | an initialised data directory |
//! | `tls/ca.pem` | what clients trust |
//! | `run` | Unix sockets, for the engine alone |
//! | `pids` | postmasters that run now |
//!
//! No process outlives the engine: dropping it kills them, a guard process kills them if the estate is killed, and
//! [`Engine::new`] kills what an estate in the same directory may nevertheless have left.

mod birth;
mod caller;
mod clusters;
mod config;
mod error;
mod front;
mod host;
mod mariadb;
mod node;
mod process;
mod redis;
mod server;
mod setup;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lifeboat_testing::model::Door;
use tokio::process::Child;
use tokio::sync::Mutex;

pub use clusters::{Clusters, Volume};
use config::{REPLICA, Role, STANDBY};
pub use error::EngineError;
use front::{Addresses, Front};
use host::Host;
use node::Node;
pub use redis::{Caches, Lead, Reached};
use server::{Nodes, Server, stop_all};

/// All database servers of one estate.
pub struct Engine {
    host: Arc<Host>,
    servers: Mutex<HashMap<String, Arc<Server>>>,
    mariadb: mariadb::Servers,
    /// The DB clusters, which have names of their own.
    pub clusters: Clusters,
    /// The nodes of replication groups.
    pub caches: Caches,
    guard: Mutex<Child>,
    addresses: Arc<Addresses>,
}

/// What a new server starts with.
#[derive(Debug, Clone)]
pub enum Source {
    /// Nothing but a master user and, unless its name is empty, a database.
    Empty {
        /// What RDS calls its engine: `postgres` or `mariadb`. Copies and archives know theirs.
        engine: String,
        /// Owner of the databases; as on RDS no superuser.
        master_user: String,
        /// Its password.
        password: String,
        /// The database; may be empty.
        db_name: String,
    },
    /// The data of an image, with its users.
    Image(String),
    /// The data another server had at a time, from its archive only; that server may be alive, dead or deleted.
    PointInTime {
        /// The other server.
        server: String,
        /// Commits at or before it are there, later ones are not. `None`: everything archived.
        to: Option<DateTime<Utc>>,
    },
    /// The data of a running server, which it follows from then on; it accepts no writes until it is promoted.
    Replica {
        /// The other server.
        of: String,
    },
}

impl Engine {
    /// An engine whose files are below `root`, which is created if need be. Kills what an earlier one left there.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or the directory cannot be used.
    pub async fn new(root: PathBuf) -> Result<Self, EngineError> {
        let host = Host::new(&root).await?;
        process::end(host.tag_prefix()).await;
        host.remove(&host.servers_dir()).await;
        host.make_dir(&host.servers_dir())?;
        tls::prepare(&host)?;
        setup::prepare_template(&host).await?;
        let guard = process::guard(host.tag_prefix())?;
        let addresses = Arc::new(Addresses::new().map_err(EngineError::io("take a port"))?);
        let host = Arc::new(host);
        let (mariadb, clusters, caches) = (mariadb::Servers::new(&host), Clusters::new(&host, &addresses), Caches::new(&host, &addresses)?);
        Ok(Self { host, servers: Mutex::default(), mariadb, clusters, caches, guard: Mutex::new(guard), addresses })
    }

    /// The certificate authority of all servers' certificates (for loopback addresses and localhost).
    pub fn ca_pem_path(&self) -> PathBuf {
        self.host.tls_dir().join("ca.pem")
    }

    /// Starts a new server and takes its base backup; returns the loopback address and port where clients reach it until it is deleted.
    ///
    /// # Errors
    /// The name was in use before, the source does not exist, or PostgreSQL fails: for instance if a point in time lies
    /// before the base backup or after the last archived commit.
    pub async fn provision(&self, server: &str, source: Source) -> Result<SocketAddr, EngineError> {
        check_name(server)?;
        let (dir, archive) = (self.host.server_dir(server), self.host.archive_dir(server));
        if dir.exists() || archive.exists() {
            return Err(EngineError::Taken(format!("server {server}")));
        }
        self.host.make_dir(&dir)?;
        self.host.make_dir(&archive)?;
        let made = if self.mariadb.makes(&source) {
            self.mariadb.start_new(&self.addresses, server, source).await
        } else {
            self.start_postgres(server, source).await
        };
        if made.is_err() {
            self.host.remove(&dir).await;
            self.host.remove(&archive).await;
        }
        made
    }

    async fn start_postgres(&self, server: &str, source: Source) -> Result<SocketAddr, EngineError> {
        let made = self.start_new(server, source).await?;
        let address = made.front.address();
        self.servers.lock().await.insert(server.to_owned(), Arc::new(made));
        Ok(address)
    }

    async fn start_new(&self, server: &str, source: Source) -> Result<Server, EngineError> {
        let archive = self.host.archive_dir(server);
        self.host.make_dir(&archive.join("wal"))?;
        let node = Node::new(&self.host, server, self.host.server_dir(server).join("data"))?;
        let mut upstream = None;
        if let Source::Replica { of } = source {
            let followed = self.find(&of).await?.primary().await;
            followed.back_up(node.data()).await?;
            node.start(&Role::Standby { upstream: followed.port(), name: REPLICA }).await?;
            upstream = Some(followed.port());
        } else {
            birth::start_from(&self.host, &node, source).await?;
        }
        node.back_up(&archive.join("base")).await?;
        let front = Front::new(&self.addresses).map_err(EngineError::io("take a port"))?;
        front.lead_to(Some(node.port())).await;
        let nodes = Nodes { primary: Arc::new(node), standby: None, upstream, made: 1 };
        Ok(Server { front, work: Mutex::default(), nodes: Mutex::new(nodes) })
    }

    /// Copies the server's data as an image. All that was committed before the returned time is in it (and perhaps a little
    /// that was committed while it was taken).
    ///
    /// # Errors
    /// The image exists already, or the server is dead or hung.
    pub async fn take_image(&self, server: &str, image: &str) -> Result<DateTime<Utc>, EngineError> {
        check_name(image)?;
        let (done, part) = (self.host.image_dir(image), self.host.image_dir(&format!("{image}.part")));
        if done.exists() || part.exists() {
            return Err(EngineError::Taken(format!("image {image}")));
        }
        if let Some(found) = self.mariadb.find(server).await {
            return found.take_image(&done, &part).await;
        }
        let node = self.find(server).await?.primary().await;
        let time = node.now().await?;
        if let Err(error) = node.back_up(&part).await {
            self.host.remove(&part).await;
            return Err(error);
        }
        fs::rename(&part, &done).map_err(EngineError::io("name the finished image"))?;
        Ok(time)
    }

    /// Adds a streaming replica without which, from now on, no commit is acknowledged.
    ///
    /// # Errors
    /// There is one already, or the primary is dead or hung.
    pub async fn add_standby(&self, server: &str) -> Result<(), EngineError> {
        if let Some(found) = self.mariadb.find(server).await {
            return found.add_standby().await;
        }
        let found = self.find(server).await?;
        let _work = found.work.lock().await;
        let (primary, number) = {
            let mut nodes = found.nodes.lock().await;
            if nodes.standby.is_some() {
                return Err(EngineError::HasStandby(server.to_owned()));
            }
            nodes.made += 1;
            (Arc::clone(&nodes.primary), nodes.made)
        };
        let standby = Node::new(&self.host, server, self.host.server_dir(server).join(format!("data-{number}")))?;
        primary.back_up(standby.data()).await?;
        standby.start(&Role::Standby { upstream: primary.port(), name: STANDBY }).await?;
        if let Err(error) = primary.require_standby().await {
            // The standby ends here; commits must not wait for it.
            primary.configure(&Role::Primary { synchronous: false })?;
            primary.reload().await?;
            return Err(error);
        }
        found.nodes.lock().await.standby = Some(Arc::new(standby));
        Ok(())
    }

    /// Kills the primary, makes the standby the primary, and leads the port there. Every acknowledged commit is kept.
    ///
    /// # Errors
    /// There is no standby, or it cannot be promoted.
    pub async fn promote_standby(&self, server: &str) -> Result<(), EngineError> {
        if let Some(found) = self.mariadb.find(server).await {
            return found.promote_standby().await;
        }
        let found = self.find(server).await?;
        let _work = found.work.lock().await;
        let standby = found.standby().await.ok_or_else(|| EngineError::NoStandby(server.to_owned()))?;
        let old = found.primary().await;
        found.front.lead_to(None).await;
        old.kill().await;
        found.front.cut();
        standby.promote().await?;
        {
            let mut nodes = found.nodes.lock().await;
            nodes.primary = Arc::clone(&standby);
            nodes.standby = None;
        }
        found.front.lead_to(Some(standby.port())).await;
        self.host.remove(old.data()).await;
        Ok(())
    }

    /// Makes a read replica a server of its own: it replays what it has received, and accepts writes. All connections end.
    ///
    /// # Errors
    /// It is none, or its engine cannot be promoted.
    pub async fn promote_replica(&self, server: &str) -> Result<(), EngineError> {
        let found = self.find(server).await?;
        let _work = found.work.lock().await;
        let node = found.primary().await;
        // As on RDS, which reboots it: nobody is let in meanwhile.
        found.front.lead_to(None).await;
        found.front.cut();
        node.promote().await?;
        found.nodes.lock().await.upstream = None;
        node.configure(&Role::Primary { synchronous: false })?;
        node.reload().await?;
        found.front.lead_to(Some(node.port())).await;
        Ok(())
    }

    /// A read replica gets nothing more from the server that it follows.
    ///
    /// # Errors
    /// It is dead or hung.
    pub async fn stop_streaming(&self, server: &str) -> Result<(), EngineError> {
        self.find(server).await?.primary().await.stop_streaming().await
    }

    /// Sets a user's password.
    ///
    /// # Errors
    /// There is no such user, or the server is dead or hung.
    pub async fn set_password(&self, server: &str, user: &str, password: &str) -> Result<(), EngineError> {
        if let Some(found) = self.mariadb.find(server).await {
            return found.set_password(user, password).await;
        }
        let node = self.find(server).await?.primary().await;
        node.execute("set a password", "ALTER ROLE %I PASSWORD %L", &[user, password]).await
    }

    /// Stops the server (or what is left of it), and starts it again; all connections end.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&self, server: &str) -> Result<(), EngineError> {
        if let Some(found) = self.mariadb.find(server).await {
            return found.restart().await;
        }
        let found = self.find(server).await?;
        let _work = found.work.lock().await;
        let node = found.primary().await;
        found.front.lead_to(None).await;
        if node.runs().await {
            node.stop().await;
        } else {
            node.kill().await;
        }
        found.front.cut();
        node.start(&found.role().await).await?;
        found.front.lead_to(Some(node.port())).await;
        Ok(())
    }

    /// Kills the primary with SIGKILL. Nothing more is archived, and connections are refused. A standby lives on.
    pub async fn kill(&self, server: &str) {
        if let Some(found) = self.mariadb.find(server).await {
            return found.kill().await;
        }
        if let Ok(found) = self.find(server).await {
            found.primary().await.kill().await;
            found.front.lead_to(None).await;
        }
    }

    /// Stops all processes of the primary in mid-work: it still accepts connections, and never answers.
    pub async fn hang(&self, server: &str) {
        if let Some(found) = self.mariadb.find(server).await {
            return found.hang().await;
        }
        if let Ok(found) = self.find(server).await {
            found.primary().await.hang();
        }
    }

    /// Ends [`Engine::hang`].
    pub async fn resume(&self, server: &str) {
        if let Some(found) = self.mariadb.find(server).await {
            return found.resume().await;
        }
        if let Ok(found) = self.find(server).await {
            found.primary().await.resume();
        }
    }

    /// Says whom the port lets in, as a security group does: others' attempts to connect get no answer at all; connections that
    /// exist stay.
    pub async fn set_door(&self, server: &str, door: Door) {
        if let Some(found) = self.mariadb.find(server).await {
            return found.set_door(door).await;
        }
        if let Ok(found) = self.find(server).await {
            found.front.set_door(door).await;
        }
    }

    /// Has the log archived. Everything whose commit was acknowledged before the returned time can be restored from the
    /// archive, and a recovery to that time or an earlier one succeeds: the archive then holds a later commit, too, which
    /// PostgreSQL needs to see that it has reached its target. `None` if the server is dead or hung,
    /// or so busy that archiving lags by more than some seconds.
    pub async fn ship_log(&self, server: &str) -> Option<DateTime<Utc>> {
        if let Some(found) = self.mariadb.find(server).await {
            return found.ship_log().await;
        }
        let node = self.find(server).await.ok()?.primary().await;
        if !node.runs().await {
            return None;
        }
        let shipped = node.ship_log(&self.host.archive_dir(server).join("wal")).await;
        shipped.inspect_err(|error| tracing::warn!(%error, server, "cannot ship the log")).ok()
    }

    /// Kills the server and removes its data. Its archive and all images stay.
    pub async fn delete(&self, server: &str) {
        if self.mariadb.delete(server).await {
            return;
        }
        let Some(found) = self.servers.lock().await.remove(server) else {
            return;
        };
        stop_all(&found).await;
        self.host.remove(&self.host.server_dir(server)).await;
    }

    /// Kills all servers. The files stay.
    pub async fn shut_down(&self) {
        self.mariadb.shut_down().await;
        self.clusters.shut_down().await;
        self.caches.shut_down().await;
        let servers: Vec<_> = self.servers.lock().await.drain().collect();
        for (_, server) in servers {
            stop_all(&server).await;
        }
        // Those that were just being made.
        process::end(self.host.tag_prefix()).await;
        let mut guard = self.guard.lock().await;
        drop(guard.stdin.take());
        let _ = guard.wait().await;
    }

    async fn find(&self, server: &str) -> Result<Arc<Server>, EngineError> {
        let found = self.servers.lock().await.get(server).cloned();
        found.ok_or_else(|| EngineError::Missing(format!("server {server}")))
    }
}

/// Names become directory names, and stand in shell commands. AWS's automated snapshots have a colon.
fn check_name(name: &str) -> Result<(), EngineError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
    if name.is_empty() || name.len() > 128 || name.starts_with('-') || !name.bytes().all(fits) {
        return Err(EngineError::BadName(name.to_owned()));
    }
    Ok(())
}
