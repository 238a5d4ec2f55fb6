//! The cut-over as the ledger keeps it: one entry for each target, whose undo is written before its effect.

use crate::ids::{self, DatabaseId, IncidentId, PlanHash};
use crate::observed::Endpoint;
use crate::plan::Act;
use crate::words::{Timestamp, closed_enum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

closed_enum! {
    /// How far the cut-over is.
    CutOverState {
        /// About to be moved, or moved without proof.
        Moving = "moving",
        /// Moved; a client would find the new side.
        Moved = "moved",
        /// Proven from the client's side.
        Verified = "verified",
        /// Moved back.
        Undone = "undone",
        /// Its undo is known; nothing was sent.
        Noted = "noted",
    }
}

/// Where one target led before, and where it leads after its move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum TargetMove {
    /// Host and port in a secret.
    Secret {
        /// The secret.
        secret: String,
        /// The undo.
        before: Endpoint,
        /// Where it leads then.
        after: Endpoint,
        /// The token of the write that moves: another one for each move, as one that was used before writes nothing.
        token: String,
    },
    /// A CNAME record.
    Record {
        /// The hosted zone.
        zone: String,
        /// The record.
        record: String,
        /// Its TTL in seconds, before and after.
        ttl: u32,
        /// The undo: the name that it leads to.
        before: String,
        /// Where it leads then.
        after: String,
        /// Route 53's id of the change, once it was accepted.
        change: Option<String>,
    },
    /// An SSM parameter.
    Parameter {
        /// Its name.
        parameter: String,
        /// The undo: its value.
        before: String,
        /// Its value then.
        after: String,
        /// Where that value leads.
        leads_to: Endpoint,
    },
    /// The instance behind an RDS Proxy.
    Proxy {
        /// The proxy.
        proxy: String,
        /// Its target group.
        group: String,
        /// Where its clients connect, before and after.
        through: Endpoint,
        /// The undo: the instance behind it.
        before: DatabaseId,
        /// The instance behind it then.
        after: DatabaseId,
    },
    /// The identifier of the source, with the endpoint that hangs on it.
    Names(Names),
}

/// A swap of names. Which instance is which, only its `DbiResourceId` says: names are what is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The name that clients know.
    pub name: DatabaseId,
    /// The name under which the source is kept.
    pub kept_as: DatabaseId,
    /// The name that the new database has before, and has again after the way back.
    pub was: DatabaseId,
    /// The source's `DbiResourceId`; none if it is gone.
    pub source: Option<String>,
    /// The new database's `DbiResourceId`.
    pub copy: String,
    /// Where clients connect before and after, if it was known.
    pub through: Option<Endpoint>,
    /// Since when one of them is not to be seen, by its `DbiResourceId`: what is being renamed may be out of sight for a moment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unseen: BTreeMap<String, Timestamp>,
}

impl Names {
    /// How many instances are renamed.
    pub const fn renames(&self) -> u64 {
        1 + self.source.is_some() as u64
    }
}

/// One target of a cut-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetEntry {
    /// What is moved, with its undo.
    pub moves: TargetMove,
    /// How far it is.
    pub state: CutOverState,
    /// What is known, as a sentence.
    pub text: String,
    /// When the state was reached.
    pub at: Timestamp,
}

/// The cut-over: every target in the order in which they are moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOver {
    /// The targets.
    pub targets: Vec<TargetEntry>,
    /// When the first one was about to be moved.
    pub began_at: Timestamp,
    /// Since when the new side may have left its quarantine; none while it is in there, or if it never was.
    #[serde(default)]
    pub opened_at: Option<Timestamp>,
    /// Whether the way back was taken after clients may have opened sessions on the new side.
    #[serde(default)]
    pub left_sessions: bool,
    /// When those sessions were about to be ended.
    #[serde(default)]
    pub sessions_ended_at: Option<Timestamp>,
    /// The security groups that the new side had before it was closed on the way back; none where it is open.
    #[serde(default)]
    pub closed: Option<Vec<String>>,
    /// Since when a way back that takes its time is being gone.
    #[serde(default)]
    pub back_since: Option<Timestamp>,
    /// How many of its calls were refused: a refusal that passes must not leave clients half-way.
    #[serde(default)]
    pub back_refused: u32,
}

impl TargetMove {
    /// Its name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Secret { secret, .. } => format!("secret {secret}"),
            Self::Record { record, .. } => format!("record {record}"),
            Self::Parameter { parameter, .. } => format!("parameter {parameter}"),
            Self::Proxy { proxy, group, .. } => format!("proxy {proxy} (target group {group})"),
            Self::Names(names) => format!("name {}", names.name),
        }
    }

    /// Where it led before.
    pub fn before(&self) -> String {
        match self {
            Self::Secret { before, .. } => format!("{}:{}", before.host, before.port),
            Self::Record { before, .. } | Self::Parameter { before, .. } => before.clone(),
            Self::Proxy { before, .. } => before.to_string(),
            Self::Names(Names { source: Some(source), .. }) => format!("the old database ({source})"),
            Self::Names(Names { source: None, .. }) => "nothing".to_owned(),
        }
    }

    /// Where it leads after its move.
    pub fn after(&self) -> String {
        match self {
            Self::Secret { after, .. } => format!("{}:{}", after.host, after.port),
            Self::Record { after, .. } | Self::Parameter { after, .. } => after.clone(),
            Self::Proxy { after, .. } => after.to_string(),
            Self::Names(names) => format!("the new database ({})", names.copy),
        }
    }

    /// Whether `act` is a call of its move.
    pub fn is_moved_by(&self, act: &Act) -> bool {
        match (self, act) {
            (Self::Secret { secret, .. }, Act::PointSecret { secret: moved, .. }) => secret == moved,
            (Self::Record { zone, record, .. }, Act::PointRecord { zone: of, record: moved, .. }) => (zone, record) == (of, moved),
            (Self::Parameter { parameter, .. }, Act::PointParameter { parameter: moved, .. }) => parameter == moved,
            (
                Self::Proxy { proxy, group, .. },
                Act::RemoveProxyTarget { proxy: of, group: moved, .. } | Act::AddProxyTarget { proxy: of, group: moved, .. },
            ) => (proxy, group) == (of, moved),
            (Self::Names(names), Act::RenameInstance { instance, .. }) => *instance == names.name || *instance == names.was,
            _ => false,
        }
    }
}

impl TargetEntry {
    /// Whether it leads to the new side, or may.
    pub fn is_begun(&self) -> bool {
        matches!(self.state, CutOverState::Moving | CutOverState::Moved | CutOverState::Verified)
    }

    /// Reaches a state.
    pub fn reach(&mut self, state: CutOverState, at: Timestamp, text: impl Into<String>) {
        (self.state, self.at, self.text) = (state, at, text.into());
    }
}

impl CutOver {
    /// How far the whole is: no further than its least target.
    pub fn state(&self) -> CutOverState {
        let all = |states: &[CutOverState]| self.targets.iter().all(|target| states.contains(&target.state));
        if all(&[CutOverState::Noted]) {
            CutOverState::Noted
        } else if all(&[CutOverState::Noted, CutOverState::Undone]) {
            CutOverState::Undone
        } else if all(&[CutOverState::Verified]) {
            CutOverState::Verified
        } else if all(&[CutOverState::Moved, CutOverState::Verified]) {
            CutOverState::Moved
        } else {
            CutOverState::Moving
        }
    }

    /// Whether some target leads to the new side, or may.
    pub fn is_begun(&self) -> bool {
        self.targets.iter().any(TargetEntry::is_begun)
    }

    /// When the state was reached.
    pub fn at(&self) -> Timestamp {
        self.targets.iter().map(|target| target.at).max().unwrap_or(self.began_at)
    }

    /// The swap of names that may be under way, if one is.
    pub fn swap(&self) -> Option<&Names> {
        self.targets.iter().find_map(|target| match &target.moves {
            TargetMove::Names(names) if matches!(target.state, CutOverState::Moving | CutOverState::Moved) => Some(names),
            _ => None,
        })
    }

    /// The swap of names, however far it is.
    pub fn names(&self) -> Option<&Names> {
        self.targets.iter().find_map(|target| match &target.moves {
            TargetMove::Names(names) => Some(names),
            _ => None,
        })
    }

    /// The same, to write to it.
    pub fn names_mut(&mut self) -> Option<&mut Names> {
        self.targets.iter_mut().find_map(|target| match &mut target.moves {
            TargetMove::Names(names) => Some(names),
            _ => None,
        })
    }

    /// The entry that `act` moves.
    pub fn moved_by(&mut self, act: &Act) -> Option<&mut TargetEntry> {
        self.targets.iter_mut().find(|target| target.moves.is_moved_by(act))
    }
}

/// A token for one write of one target: another one for each attempt and for the way back.
pub fn write_token(incident: &IncidentId, plan: &PlanHash, target: &str, way: &str, at: Timestamp) -> String {
    ids::digest(&[incident.as_str(), plan.as_str(), target, way, &at.to_rfc3339()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_over(states: &[CutOverState]) -> CutOver {
        let at: Timestamp = "2026-01-15T10:00:00Z".parse().unwrap();
        let moves = TargetMove::Record {
            zone: "Z1".to_owned(),
            record: "db.example.com".to_owned(),
            ttl: 5,
            before: "old".to_owned(),
            after: "new".to_owned(),
            change: None,
        };
        let entry = |state: &CutOverState| TargetEntry { moves: moves.clone(), state: *state, text: String::new(), at };
        CutOver {
            targets: states.iter().map(entry).collect(),
            began_at: at,
            opened_at: None,
            left_sessions: false,
            sessions_ended_at: None,
            closed: None,
            back_since: None,
            back_refused: 0,
        }
    }

    #[test]
    fn the_whole_is_no_further_than_its_least_target() {
        use CutOverState::{Moved, Moving, Noted, Undone, Verified};
        let table = [
            (vec![Noted, Noted], Noted, false),
            (vec![Moving, Noted], Moving, true),
            (vec![Moved, Noted], Moving, true),
            (vec![Moved, Moved], Moved, true),
            (vec![Verified, Moved], Moved, true),
            (vec![Verified, Verified], Verified, true),
            (vec![Undone, Noted], Undone, false),
            (vec![Undone, Moved], Moving, true),
            (vec![Undone, Verified], Moving, true),
        ];
        for (states, whole, is_begun) in table {
            let cut_over = cut_over(&states);
            assert_eq!((cut_over.state(), cut_over.is_begun()), (whole, is_begun), "{states:?}");
        }
    }
}
