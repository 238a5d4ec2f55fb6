//! A replica becomes the primary: by ElastiCache itself, or because somebody names it while automatic failover is off.

use chrono::{DateTime, Utc};

use super::{CacheStep, Node};
use crate::model::steps::Then;
use crate::model::{Effect, Model, Origin};

impl Model {
    /// AWS looks after the primaries. With automatic failover the best replica takes over; without it a lost node is replaced by an
    /// empty one, and one that merely hangs is left as it is.
    pub(super) fn primary_missed(&mut self, id: &str, at: DateTime<Utc>) {
        let Some(it) = self.caches.get(id) else { return };
        if it.status == "deleting" {
            return;
        }
        let lost: Vec<Node> = it.nodes.iter().filter(|node| node.is_primary && (!node.is_up || node.is_hung)).cloned().collect();
        let (fails_over, is_free) = (it.fails_over() && !self.failover_is_stalled, it.status == "available");
        for node in lost {
            let it = self.caches.get(id);
            let replica = it.and_then(|it| {
                it.nodes.iter().find(|other| other.shard == node.shard && !other.is_primary && other.is_up && !other.is_hung)
            });
            match replica.map(|replica| replica.id.clone()) {
                Some(replica) if fails_over && is_free => self.begin_promotion(id, &replica, at),
                // What is under way comes first.
                Some(_) if fails_over => self.schedule_cache(id, at + self.settings.durations.failure_detection, CacheStep::PrimaryMissed),
                _ if !node.is_up && node.status == "available" => self.replace_empty(id, &node, at),
                _ => {}
            }
        }
    }

    /// The node is replaced under its name, and what it held is gone.
    pub(super) fn replace_empty(&mut self, id: &str, node: &Node, at: DateTime<Utc>) {
        self.with_node(id, &node.id, |node| "creating".clone_into(&mut node.status));
        self.effect(Effect::Delete { server: node.server.clone() });
        let from = self.empty_cache(id);
        let waits = self.provision_node(id, &node.id, from);
        let then = Then::Cache(id.to_owned(), CacheStep::NodeBack(node.id.clone()));
        self.schedule_after(at + self.settings.durations.creating, waits, then);
    }

    pub(super) fn begin_promotion(&mut self, id: &str, node: &str, at: DateTime<Utc>) {
        self.with_cache(id, |it| it.promotes = Some(node.to_owned()));
        self.begin_cache(id, "modifying", at);
        let Some(server) = self.caches.get(id).and_then(|it| it.node(node)).map(|node| node.server.clone()) else { return };
        let promoted = self.effect(Effect::PromoteReplica { server });
        let then = Then::Cache(id.to_owned(), CacheStep::Promoted(node.to_owned()));
        self.schedule_after(at + self.settings.durations.cluster_failover, [promoted], then);
    }

    /// The endpoint leads to it now; all others of its shard follow it.
    pub(super) fn node_promoted(&mut self, id: &str, node: &str, at: DateTime<Utc>) {
        let Some(new) = self.caches.get(id).and_then(|it| it.node(node)).cloned() else { return };
        self.with_cache(id, |it| {
            it.promotes = None;
            for other in it.nodes.iter_mut().filter(|other| other.shard == new.shard) {
                other.is_primary = other.id == new.id;
            }
        });
        self.lead_cache(id);
        self.set_cache(id, "available");
        self.notice(id, at, "FailoverComplete", node);
        let others: Vec<Node> = self.caches.get(id).map(|it| it.nodes.clone()).unwrap_or_default();
        for other in others.into_iter().filter(|other| other.shard == new.shard && other.id != new.id) {
            self.with_node(id, &other.id, |node| "creating".clone_into(&mut node.status));
            self.effect(Effect::Delete { server: other.server.clone() });
            let waits = self.provision_node(id, &other.id, Origin::Replica { of: new.server.clone() });
            let then = Then::Cache(id.to_owned(), CacheStep::NodeBack(other.id));
            self.schedule_after(at + self.settings.durations.creating, waits, then);
        }
    }

    pub(super) fn node_back(&mut self, id: &str, node: &str, at: DateTime<Utc>) {
        self.with_node(id, node, |node| {
            "available".clone_into(&mut node.status);
            (node.is_up, node.is_hung) = (true, false);
        });
        self.notice(id, at, "CacheNodeReplaceComplete", node);
    }
}
