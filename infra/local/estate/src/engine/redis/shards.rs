//! Cluster mode: what the nodes of a Redis Cluster are told.
//!
//! - Every node finds the whole cluster in its `nodes.conf` when it starts, as if it had been there before: nobody has to introduce nodes,
//!   or to give them slots. One that is replaced under its name has the identity of the one before.
//! - A node listens on the port of its front, on another loopback address of the same number. That is its address for other nodes, past
//!   all doors; what clients are told, by `MOVED` and `CLUSTER SLOTS`, is the host name that it announces: the front's address.
//! - No replica takes over by itself: that is the control plane's.

use std::net::{IpAddr, SocketAddr};

use lifeboat_testing::model::CacheShard;

/// The file in which a node keeps what it knows of its cluster.
pub(super) const NODES: &str = "nodes.conf";

/// Where a node of a cluster is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    /// For other nodes, and for its front.
    pub(super) behind: SocketAddr,
    /// For clients.
    pub(super) front: IpAddr,
    /// The port on which nodes talk to each other, the same for all.
    pub(super) bus: u16,
    /// Whether clients and replicas speak TLS.
    pub(super) tls: bool,
}

impl Seat {
    /// What `redis.conf` says of it. As on ElastiCache, shards that are up serve while another one is down.
    pub(super) fn conf(&self) -> String {
        format!(
            "cluster-enabled yes
cluster-config-file {NODES}
cluster-port {bus}
cluster-announce-ip {behind}
cluster-announce-port {port}
cluster-announce-bus-port {bus}
cluster-announce-hostname {front}
cluster-preferred-endpoint-type hostname
cluster-require-full-coverage no
cluster-replica-no-failover yes
cluster-allow-replica-migration no
tls-replication {tls}
",
            bus = self.bus,
            behind = self.behind.ip(),
            port = self.behind.port(),
            front = self.front,
            tls = if self.tls { "yes" } else { "no" },
        )
    }
}

/// A node as the others know it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) server: String,
    /// 40 hexadecimal digits.
    pub(super) id: String,
    pub(super) seat: Seat,
}

/// The `nodes.conf` of the node on the server `own`.
pub(super) fn nodes_conf(shards: &[CacheShard], peers: &[Peer], own: &str) -> String {
    let id = |server: &str| peers.iter().find(|peer| peer.server == server).map(|peer| peer.id.as_str());
    let mut text = String::new();
    for (epoch, shard) in (1..).zip(shards) {
        for peer in peers.iter().filter(|peer| shard.members.contains(&peer.server)) {
            let myself = if peer.server == own { "myself," } else { "" };
            let Seat { behind, front, bus, .. } = peer.seat;
            let what = match id(&shard.primary) {
                Some(primary) if peer.server != shard.primary => format!("slave {primary} 0 0 0 connected"),
                _ => format!("master - 0 0 {epoch} connected {}-{}", shard.slots.0, shard.slots.1),
            };
            text.push_str(&format!("{} {behind}@{bus},{front} {myself}{what}\n", peer.id));
        }
    }
    text.push_str(&format!("vars currentEpoch {} lastVoteEpoch 0\n", shards.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_told_of_all_nodes_with_their_fronts_and_their_slots() {
        let peer = |number: u8| Peer {
            server: format!("s{number}"),
            id: format!("{number:040}"),
            seat: Seat { behind: ([127, 0, 1, number], 7000).into(), front: [127, 0, 0, number].into(), bus: 7001, tls: true },
        };
        let shard = |slots, primary: &str, other: &str| CacheShard {
            slots,
            primary: primary.to_owned(),
            members: vec![primary.to_owned(), other.to_owned()],
        };
        let shards = [shard((0, 8191), "s3", "s2"), shard((8192, 16383), "s4", "s5")];
        let peers: Vec<Peer> = (2..=5).map(peer).collect();
        let told = nodes_conf(&shards, &peers, "s2");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], format!("{:040} 127.0.1.2:7000@7001,127.0.0.2 myself,slave {:040} 0 0 0 connected", 2, 3));
        assert_eq!(lines[1], format!("{:040} 127.0.1.3:7000@7001,127.0.0.3 master - 0 0 1 connected 0-8191", 3));
        assert_eq!(lines[2], format!("{:040} 127.0.1.4:7000@7001,127.0.0.4 master - 0 0 2 connected 8192-16383", 4));
        assert_eq!(lines[4], "vars currentEpoch 2 lastVoteEpoch 0");
    }
}
