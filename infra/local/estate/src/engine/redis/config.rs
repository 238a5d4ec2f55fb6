//! `redis.conf`, and who may do what.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::super::host::Host;
use super::shards::Seat;

/// The engine's administrator.
pub(super) const ADMIN: &str = "estate";
/// What a snapshot is called in its directory, and in that of a server.
pub(super) const DUMP: &str = "dump.rdb";

/// What ElastiCache lets no client do (its list of restricted commands).
const RESTRICTED: &str = "-acl|setuser -acl|deluser -acl|load -acl|save -bgrewriteaof -bgsave -config -debug -failover -migrate \
     -module -psync -replicaof -save -shutdown -slaveof -sync -cluster|addslots -cluster|addslotsrange -cluster|bumpepoch \
     -cluster|delslots -cluster|delslotsrange -cluster|failover -cluster|flushslots -cluster|forget -cluster|links -cluster|meet \
     -cluster|setslot";

/// Where a server listens: without TLS, and with it. Which one its clients reach is for the front before it.
#[derive(Debug, Clone)]
pub(super) struct Listens {
    pub(super) host: Ipv4Addr,
    pub(super) plain: u16,
    pub(super) tls: u16,
    /// For the engine alone: it lies where only the server user may enter.
    pub(super) socket: PathBuf,
}

/// What a server begins as.
#[derive(Debug, Clone)]
pub(super) enum Begins {
    /// Without cluster mode; it follows the server on this port.
    Alone { follows: Option<u16> },
    /// As a node of a Redis Cluster, of which it is told in its own file's words; it may be a replica.
    Joined { seat: Seat, told: String, follows: bool },
}

/// What clients log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Nobody is let in until it is known.
    Unknown,
    /// There is none.
    None,
    /// The AUTH token.
    Is(String),
}

impl Token {
    /// `AUTH` with a password alone is that of the user `default`. The words of `ACL SETUSER`.
    pub(super) fn rules(&self) -> Vec<String> {
        let way_in: Vec<String> = match self {
            Self::Unknown => vec!["off".to_owned(), "resetpass".to_owned()],
            Self::None => vec!["on".to_owned(), "nopass".to_owned()],
            Self::Is(token) => vec!["on".to_owned(), "resetpass".to_owned(), format!(">{token}")],
        };
        let may = "~* &* +@all".split_whitespace().chain(RESTRICTED.split_whitespace()).map(str::to_owned);
        way_in.into_iter().chain(may).collect()
    }
}

/// Nothing is ever written to the disk unasked: on ElastiCache, too, what is in a node is lost with it. Clients' user is told after the
/// start, when the data are loaded.
pub(super) fn conf(host: &Host, data: &Path, at: &Listens, (tag, secret): (&str, &str), begins: &Begins) -> String {
    let tls = host.tls_dir();
    let joins = match begins {
        Begins::Alone { follows } => follows.map(|port| format!("replicaof 127.0.0.1 {port}\n")).unwrap_or_default(),
        Begins::Joined { seat, .. } => seat.conf(),
    };
    format!(
        "bind {bind}
port {plain}
tls-port {with_tls}
tls-cert-file {tls}/server.crt
tls-key-file {tls}/server.key
tls-ca-cert-file {tls}/ca.pem
tls-auth-clients no
unixsocket {socket}
unixsocketperm 700
dir {data}
dbfilename {DUMP}
daemonize no
save \"\"
appendonly no
proc-title-template \"redis: {tag} {{title}}\"
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-ping-replica-period 1
user {ADMIN} on >{secret} ~* &* +@all
user default off
masteruser {ADMIN}
masterauth {secret}
{joins}",
        bind = at.host,
        plain = at.plain,
        with_tls = at.tls,
        tls = tls.display(),
        socket = at.socket.display(),
        data = data.display(),
    )
}
