//! The servers and groups of an estate, and where each address leads.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use lifeboat_testing::model::Door;

use super::super::front::Front;
use super::Lead;
use super::config::Token;
use super::node::Node;
use super::shards::{Peer, Seat, nodes_conf};

#[derive(Default)]
pub(super) struct State {
    pub(super) servers: HashMap<String, Server>,
    pub(super) groups: HashMap<String, Group>,
    /// How many servers there have been: none gets the directory of another.
    pub(super) made: u32,
}

/// A node of a group. Its address outlives its server, which may be replaced under its name.
pub(super) struct Server {
    pub(super) front: Front,
    /// What it is called in a cluster.
    pub(super) id: String,
    pub(super) door: Door,
    pub(super) token: Token,
    /// The server that it follows.
    pub(super) follows: Option<String>,
    pub(super) node: Option<Arc<Node>>,
}

/// The addresses of a group, and where they lead.
pub(super) struct Group {
    pub(super) primary: Front,
    pub(super) reader: Front,
    pub(super) leads: Lead,
}

impl State {
    /// What clients of a server log in with: a replica's, what its primary's do.
    pub(super) fn token_of(&self, name: &str) -> Token {
        let Some(server) = self.servers.get(name) else { return Token::Unknown };
        match &server.follows {
            Some(of) if server.token == Token::Unknown => self.token_of(of),
            _ => server.token.clone(),
        }
    }

    /// Where a server listens for clients, if it lives.
    async fn reached(&self, name: &str, tls: bool) -> Option<SocketAddr> {
        let node = self.servers.get(name)?.node.as_ref()?;
        node.lives().await.then(|| node.reached(tls))
    }

    async fn serves(&self, name: &str) -> bool {
        match self.servers.get(name).and_then(|server| server.node.as_ref()) {
            Some(node) => node.runs().await,
            None => false,
        }
    }

    /// Where a server of a group with cluster mode is.
    pub(super) fn seat(&self, name: &str, bus: u16) -> Option<Seat> {
        let is_its = |group: &&Group| !group.leads.shards.is_empty() && group.leads.members.iter().any(|member| member == name);
        let group = self.groups.values().find(is_its)?;
        let front = &self.servers.get(name)?.front;
        Some(Seat { behind: front.behind(), front: front.address().ip(), bus, tls: group.leads.tls })
    }

    /// What a node of a cluster is told of that.
    pub(super) fn told(&self, name: &str, bus: u16) -> String {
        let is_its = |group: &&Group| group.leads.members.iter().any(|member| member == name);
        let Some(group) = self.groups.values().find(is_its) else { return String::new() };
        let peer = |server: &String| {
            Some(Peer { server: server.clone(), id: self.servers.get(server)?.id.clone(), seat: self.seat(server, bus)? })
        };
        let peers: Vec<Peer> = group.leads.members.iter().filter_map(peer).collect();
        nodes_conf(&group.leads.shards, &peers, name)
    }

    /// Leads every address to where it belongs now.
    pub(super) async fn lead(&self) {
        for group in self.groups.values() {
            let Lead { primary, members, shards, tls, door } = &group.leads;
            let (mut reader, mut any) = (None, None);
            for name in members {
                let reached = self.reached(name, *tls).await;
                if let Some(server) = self.servers.get(name) {
                    server.front.set_door(server.door).await;
                    server.front.lead_to_address(reached).await;
                    let serves = self.serves(name).await;
                    if reader.is_none() && serves && server.follows.as_ref() == Some(primary) {
                        reader = reached;
                    }
                    any = any.or(reached.filter(|_| serves));
                }
            }
            let mut first = self.reached(primary, *tls).await;
            // A node that serves tells its clients where all others are.
            if !shards.is_empty() && !self.serves(primary).await {
                first = any.or(first);
            }
            for (front, leads) in [(&group.primary, first), (&group.reader, reader.or(first))] {
                front.set_door(*door).await;
                front.lead_to_address(leads).await;
            }
        }
    }
}
