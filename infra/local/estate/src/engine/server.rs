//! A server as the engine keeps it: the front that clients connect to, and the nodes behind.

use super::config::{REPLICA, Role};
use super::front::Front;
use super::node::Node;
use std::sync::Arc;
use tokio::sync::Mutex;

/// One PostgreSQL server: its front, and the nodes behind it.
pub(super) struct Server {
    pub(super) front: Front,
    /// Held by what must not overlap: restart, standby, promotion.
    pub(super) work: Mutex<()>,
    pub(super) nodes: Mutex<Nodes>,
}

/// The nodes of a server.
pub(super) struct Nodes {
    pub(super) primary: Arc<Node>,
    pub(super) standby: Option<Arc<Node>>,
    /// The port of the server that this one follows as a read replica.
    pub(super) upstream: Option<u16>,
    /// How many data directories there have been.
    pub(super) made: u32,
}

impl Server {
    pub(super) async fn primary(&self) -> Arc<Node> {
        Arc::clone(&self.nodes.lock().await.primary)
    }

    /// What the serving node is there for.
    pub(super) async fn role(&self) -> Role {
        let nodes = self.nodes.lock().await;
        match nodes.upstream {
            Some(upstream) => Role::Standby { upstream, name: REPLICA },
            None => Role::Primary { synchronous: nodes.standby.is_some() },
        }
    }

    pub(super) async fn standby(&self) -> Option<Arc<Node>> {
        self.nodes.lock().await.standby.clone()
    }
}

/// Ends everything of it.
pub(super) async fn stop_all(server: &Server) {
    server.front.lead_to(None).await;
    server.front.cut();
    if let Some(standby) = server.standby().await {
        standby.kill().await;
    }
    server.primary().await.kill().await;
}
