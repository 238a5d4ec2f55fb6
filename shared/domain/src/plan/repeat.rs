//! How a call may be repeated, and how a source is fenced.

use super::Act;
use crate::words::{ResourceKind, closed_enum};

closed_enum! {
    /// What may be done when the outcome of a call is not known.
    Repeat {
        /// The name makes a second call harmless: "already exists" is looked at.
        Nameable = "nameable",
        /// Repeating changes nothing more.
        Idempotent = "idempotent",
        /// Never sent twice for one intent.
        AtMostOnce = "at_most_once",
    }
}

closed_enum! {
    /// How a source can be kept from its clients before they are moved.
    FencePlan {
        /// By a security group that admits no client, and by ending the sessions that stand.
        Group = "group",
        /// Not wholly, so that a split brain could follow: a cache that gives no answer keeps its sessions (a restart would end them, and
        /// its data with them), and a table is written through its replicas in other Regions.
        Unended = "unended",
        /// Its status is terminal: RDS refuses changes and never brings it back.
        Terminal = "terminal",
        /// It does not exist.
        Gone = "gone",
        /// It lies in another Region, which may be dark, and cannot be fenced from here: a split brain could follow, and only a person
        /// may decide that.
        Elsewhere = "elsewhere",
        /// Not at all: a split brain could follow.
        Impossible = "impossible",
    }
}

impl Act {
    /// What may be done when its outcome is unknown.
    pub fn repeat(&self) -> Repeat {
        match self {
            Self::RestoreFromSnapshot { .. }
            | Self::RestoreToPointInTime { .. }
            | Self::CloneCluster { .. }
            | Self::RebuildCold { .. }
            | Self::MakeMember { .. } => Repeat::Nameable,
            // Two backups of a table may have one name.
            Self::CreateSnapshot { instance, .. } if instance.kind() == ResourceKind::DynamodbTable => Repeat::AtMostOnce,
            Self::CreateSnapshot { .. } => Repeat::Nameable,
            Self::ForceFailover { .. } | Self::EndSessions { .. } | Self::PromoteReplica { .. } | Self::TakeOver { .. } => {
                Repeat::AtMostOnce
            }
            Self::ReplaySettings { .. }
            | Self::SetTable { .. }
            | Self::SetFailover { .. }
            | Self::AdoptSettings { .. }
            | Self::MakeMultiAz { .. }
            | Self::ResetMasterPassword { .. }
            | Self::SetSecurityGroups { .. }
            | Self::GrowStorage { .. }
            | Self::PointSecret { .. }
            | Self::PointRecord { .. }
            | Self::PointParameter { .. }
            | Self::RemoveProxyTarget { .. }
            | Self::AddProxyTarget { .. }
            | Self::RenameInstance { .. }
            | Self::RestartService { .. }
            | Self::TouchFunction { .. }
            | Self::CallWebhook { .. }
            | Self::CopyAlarm { .. }
            | Self::FlushCache { .. }
            | Self::AddTags { .. }
            | Self::RemoveTags { .. } => Repeat::Idempotent,
        }
    }
}
