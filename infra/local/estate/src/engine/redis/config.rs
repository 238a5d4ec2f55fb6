//! `redis.conf`, and who may do what.

use std::path::{Path, PathBuf};

use super::super::host::Host;

/// The engine's administrator.
pub(super) const ADMIN: &str = "estate";
/// What a snapshot is called in its directory, and in that of a server.
pub(super) const DUMP: &str = "dump.rdb";

/// What ElastiCache lets no client do (its list of restricted commands).
const RESTRICTED: &str = "-acl|setuser -acl|deluser -acl|load -acl|save -bgrewriteaof -bgsave -config -debug -failover -migrate \
     -module -psync -replicaof -save -shutdown -slaveof -sync";

/// The socket of the server on this port; it lies where only the server user may enter.
pub(super) fn socket(host: &Host, port: u16) -> PathBuf {
    host.run_dir().join(format!("{port}.redis"))
}

/// The ports of a server: without TLS, and with it. Which one its clients reach is for the front before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: u16,
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
pub(super) fn conf(host: &Host, data: &Path, ports: Ports, (tag, secret): (&str, &str), follows: Option<u16>) -> String {
    let tls = host.tls_dir();
    let follows = follows.map(|port| format!("replicaof 127.0.0.1 {port}\n")).unwrap_or_default();
    format!(
        "bind 127.0.0.1
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
{follows}",
        plain = ports.plain,
        with_tls = ports.tls,
        tls = tls.display(),
        socket = socket(host, ports.plain).display(),
        data = data.display(),
    )
}
