//! What the control plane does to servers. The model only asks; a host carries out and reports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::words::Secret;

/// Names one effect between [`super::Model::take_effects`] and [`super::Model::effect_done`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EffectId(pub(crate) u64);

/// Where a new server's data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Origin {
    /// A new, empty database.
    Empty {
        /// `Engine`, such as `postgres`.
        engine: String,
        /// The master user.
        master_user: String,
        /// His password.
        password: Secret,
        /// The database to make.
        db_name: Option<String>,
    },
    /// What [`Effect::TakeImage`] kept under this name.
    Image(String),
    /// The archive of a server, which may be long gone, up to a time.
    PointInTime {
        /// The server (resource id) whose archive it is.
        server: String,
        /// Everything committed by then.
        to: DateTime<Utc>,
    },
    /// A volume as it is at this moment: a clone shares its pages.
    Clone {
        /// The volume: the source's `DbClusterResourceId`.
        of: String,
    },
    /// The volume of a DB cluster, which all its members share.
    Volume {
        /// The volume: the cluster's `DbClusterResourceId`.
        of: String,
        /// The one member that writes; the others accept no writes.
        writes: bool,
    },
    /// A copy of a running server, which it then follows by streaming; it accepts no writes.
    Replica {
        /// The server (resource id) that it follows.
        of: String,
    },
}

/// A shard of a replication group with cluster mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheShard {
    /// The first and the last of its slots.
    pub slots: (u32, u32),
    /// The server of its primary.
    pub primary: String,
    /// The servers of all its nodes.
    pub members: Vec<String>,
}

/// Whom a server's security groups let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Everybody.
    Open,
    /// The prober, and nobody else.
    Prober,
    /// Nobody.
    Closed,
}

/// Something to be done to a server. A server is named by the instance's `DbiResourceId`, which a rename does not change.
/// The effects of one server are to be carried out in the order in which they were taken, except [`Effect::is_accident`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Make a server and start it.
    Provision {
        /// The new server.
        server: String,
        /// Where its data comes from.
        from: Origin,
        /// Whom it lets in from the start.
        door: Door,
    },
    /// Make the volume of a DB cluster, without a server. From then on a volume is named like a server by [`Effect::TakeImage`],
    /// [`Effect::ShipLog`] and [`Effect::Delete`], which need no server that lives.
    MakeVolume {
        /// The new volume: the cluster's `DbClusterResourceId`.
        server: String,
        /// Where its data comes from.
        from: Origin,
    },
    /// Restart a member of a DB cluster as the writer, or as a reader; a dead reader stays dead until [`Effect::Restart`].
    SetRole {
        /// The server.
        server: String,
        /// Whether it accepts writes from now on.
        writes: bool,
    },
    /// Lead the addresses of a replication group; make them, if they are not there. The answer is [`Done::Reached`]. Its servers are
    /// provisioned on their own, before or after, but those of a group with shards only after it has begun: they are told of one another
    /// at their start. [`Effect::Delete`] of the group takes the addresses away.
    LeadCache {
        /// The replication group.
        server: String,
        /// The server of its primary; with cluster mode, that of the first shard.
        primary: String,
        /// The servers of all its nodes.
        members: Vec<String>,
        /// With cluster mode: its shards, in order.
        shards: Vec<CacheShard>,
        /// Whether its clients speak TLS.
        tls: bool,
        /// Whom it lets in.
        door: Door,
    },
    /// Keep a copy of the server's data.
    TakeImage {
        /// The server.
        server: String,
        /// The copy's name, never used twice.
        image: String,
    },
    /// Give the server a synchronous standby.
    AddStandby {
        /// The server.
        server: String,
    },
    /// Take the standby away again.
    RemoveStandby {
        /// The server.
        server: String,
    },
    /// Let the standby take over; the old primary dies. [`Effect::AddStandby`] follows.
    PromoteStandby {
        /// The server.
        server: String,
    },
    /// A replica follows nobody any more, replays what it has received, and accepts writes.
    PromoteReplica {
        /// The server.
        server: String,
    },
    /// An accident: a replica gets nothing more from its source.
    StopStreaming {
        /// The server.
        server: String,
    },
    /// Change a password.
    SetPassword {
        /// The server.
        server: String,
        /// The user.
        user: String,
        /// The new password.
        password: Secret,
    },
    /// Restart, which also ends every session, and brings back a dead or hanging server.
    Restart {
        /// The server.
        server: String,
    },
    /// Shut down in order, keeping the data.
    Stop {
        /// The server.
        server: String,
    },
    /// Start after [`Effect::Stop`].
    Start {
        /// The server.
        server: String,
    },
    /// Archive the log so far. The answer is [`Done::Shipped`].
    ShipLog {
        /// The server.
        server: String,
    },
    /// Let new connections in, or not. Existing ones stay.
    SetPort {
        /// The server.
        server: String,
        /// Whose new connections are let in.
        door: Door,
    },
    /// An accident: dead at once; nothing is archived any more.
    Kill {
        /// The server.
        server: String,
    },
    /// An accident: it accepts connections and never answers.
    Hang {
        /// The server.
        server: String,
    },
    /// The end of [`Effect::Hang`].
    Resume {
        /// The server.
        server: String,
    },
    /// Remove the server. Its images and its archive stay.
    Delete {
        /// The server.
        server: String,
    },
}

impl Effect {
    /// The server it concerns.
    pub fn server(&self) -> &str {
        match self {
            Self::Provision { server, .. }
            | Self::MakeVolume { server, .. }
            | Self::SetRole { server, .. }
            | Self::LeadCache { server, .. }
            | Self::TakeImage { server, .. }
            | Self::AddStandby { server }
            | Self::RemoveStandby { server }
            | Self::PromoteStandby { server }
            | Self::PromoteReplica { server }
            | Self::StopStreaming { server }
            | Self::SetPassword { server, .. }
            | Self::Restart { server }
            | Self::Stop { server }
            | Self::Start { server }
            | Self::ShipLog { server }
            | Self::SetPort { server, .. }
            | Self::Kill { server }
            | Self::Hang { server }
            | Self::Resume { server }
            | Self::Delete { server } => server,
        }
    }

    /// Its name, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Provision { .. } => "provision",
            Self::MakeVolume { .. } => "make_volume",
            Self::SetRole { .. } => "set_role",
            Self::LeadCache { .. } => "lead_cache",
            Self::TakeImage { .. } => "take_image",
            Self::AddStandby { .. } => "add_standby",
            Self::RemoveStandby { .. } => "remove_standby",
            Self::PromoteStandby { .. } => "promote_standby",
            Self::PromoteReplica { .. } => "promote_replica",
            Self::StopStreaming { .. } => "stop_streaming",
            Self::SetPassword { .. } => "set_password",
            Self::Restart { .. } => "restart",
            Self::Stop { .. } => "stop",
            Self::Start { .. } => "start",
            Self::ShipLog { .. } => "ship_log",
            Self::SetPort { .. } => "set_port",
            Self::Kill { .. } => "kill",
            Self::Hang { .. } => "hang",
            Self::Resume { .. } => "resume",
            Self::Delete { .. } => "delete",
        }
    }

    /// Accidents wait for nobody: they overtake what the server is still busy with. What was taken after one begins after it.
    pub fn is_accident(&self) -> bool {
        matches!(self, Self::Kill { .. } | Self::Hang { .. } | Self::Resume { .. } | Self::StopStreaming { .. })
    }
}

/// What became of an effect that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing more to say.
    Ok,
    /// [`Effect::Provision`]: where the server listens. `None`: under the name and port that AWS would give it.
    Listening(Option<(String, u16)>),
    /// [`Effect::MakeVolume`]: where the cluster's endpoint and its reader endpoint listen, both on one port. With [`Done::Ok`] under
    /// the names and the port that AWS would give them.
    Endpoints {
        /// Leads to the writer.
        writer: String,
        /// Leads to a reader.
        reader: String,
        /// The port of both.
        port: u16,
    },
    /// [`Effect::LeadCache`]: where the primary endpoint, the reader endpoint and the nodes listen, all on one port. With [`Done::Ok`]
    /// under the names and the port that AWS would give them.
    Reached {
        /// Leads to the primary.
        primary: String,
        /// Leads to a replica.
        reader: String,
        /// Each node's address, by its server.
        nodes: BTreeMap<String, String>,
        /// The port of all.
        port: u16,
    },
    /// [`Effect::TakeImage`]: the newest data time in it.
    Image(DateTime<Utc>),
    /// [`Effect::ShipLog`]: everything committed before this time can be restored; `None`: nothing new.
    Shipped(Option<DateTime<Utc>>),
}

/// What became of an effect; an error is a sentence for the log.
pub type EffectOutcome = Result<Done, String>;
