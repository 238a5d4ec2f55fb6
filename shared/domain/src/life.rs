//! Whether a cache still holds what it held: a node that AWS replaced by an empty one answers, takes writes, and has lost everything.
//!
//! Redis gives each process a run id. A server that has the same one was not replaced: whoever emptied it is its owner. Another one that
//! holds as much is a replica that was promoted, or a node that was copied. Only another one that holds next to nothing has lost data.

use crate::probe::Probe;
use crate::span::Span;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};

/// Fewer keys may come and go within minutes: nothing can be told by them.
const FEWEST: u64 = 10;
/// What is left of data that is lost, as one of so many: clients fill a cache again from its first second on.
const LEFT: u64 = 10;
/// After so long without a probe the keys may have expired.
const COUNTS_FOR: Span = Span::hours(1);
/// After so long a replica may have stopped to follow.
const LAG_COUNTS_FOR: Span = Span::minutes(15);
/// From then on what is left is taken for what the owner wants.
const TOLD_FOR: Span = Span::hours(24);

/// The primaries of a cache, as one probe saw them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// One for each shard.
    pub nodes: Vec<NodeLife>,
}

/// A server process and how much it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLife {
    /// `run_id` of `INFO server`.
    pub run_id: String,
    /// Its keys, by `INFO keyspace`.
    pub keys: u64,
    /// How long ago the last of its replicas that follow acknowledged what it was sent, in seconds, by `INFO replication`; they do so once a
    /// second. None where none follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
}

impl Life {
    /// What was lost since `before`, as a sentence; none if nothing shows that.
    fn lost_since(&self, before: &Self) -> Option<String> {
        let keys = |life: &Self, without: &Self| -> u64 {
            let is_other = |node: &&NodeLife| without.nodes.iter().all(|other| other.run_id != node.run_id);
            life.nodes.iter().filter(is_other).map(|node| node.keys).sum()
        };
        let nobody = Self::default();
        let is_new = self.nodes.iter().any(|node| before.nodes.iter().all(|other| other.run_id != node.run_id));
        let (gone, came) = (keys(before, self), keys(self, before));
        // What was moved to shards that stand is not lost.
        let fewer = keys(before, &nobody).saturating_sub(keys(self, &nobody));
        let is_lost = is_new && gone >= FEWEST && came < gone / LEFT && fewer > gone - gone / LEFT;
        is_lost.then(|| {
            format!(
                "keys kept: a server that was started anew holds {came} keys, where another one held {gone}: what was in its memory is lost"
            )
        })
    }
}

/// The life of a cache as the ledger keeps it: the last one in which nothing was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLife {
    /// What stands for the `DbiResourceId` of the group.
    pub resource_id: String,
    /// What it held.
    pub life: Life,
    /// When it was last looked at.
    pub at: Timestamp,
    /// When data was first seen to be lost since; none while it is not.
    pub lost_at: Option<Timestamp>,
}

impl KeptLife {
    /// What a promotion of a replica would lose, by what was seen when the primary last answered; none where that is too long ago.
    pub fn loss(&self, now: Timestamp) -> Option<Span> {
        if Span::between(self.at, now) > LAG_COUNTS_FOR {
            return None;
        }
        let lags: Option<Vec<u64>> = self.life.nodes.iter().map(|node| node.lag).collect();
        let most = lags?.into_iter().max()?;
        // The second in which the next acknowledgement was due.
        Some(Span::seconds(most.saturating_add(1)))
    }

    fn counts(&self, resource_id: &str, at: Timestamp) -> bool {
        self.resource_id == resource_id
            && Span::between(self.at, at) < COUNTS_FOR
            && self.lost_at.is_none_or(|lost| Span::between(lost, at) < TOLD_FOR)
    }

    /// What is kept after a probe of the group `resource_id`.
    pub fn after(kept: Option<Self>, probe: &Probe, resource_id: &str) -> Option<Self> {
        let Some(life) = &probe.life else { return kept };
        match kept {
            Some(kept) if kept.counts(resource_id, probe.at) && life.lost_since(&kept.life).is_some() => {
                Some(Self { at: probe.at, lost_at: kept.lost_at.or(Some(probe.at)), ..kept })
            }
            _ => Some(Self { resource_id: resource_id.to_owned(), life: life.clone(), at: probe.at, lost_at: None }),
        }
    }

    /// Grades a probe by it, as one more watched check; `is_alone` if the policy has none.
    pub fn grade(&self, probe: &mut Probe, resource_id: &str, is_alone: bool) {
        let Some(life) = probe.life.as_ref().filter(|_| self.counts(resource_id, probe.at)) else { return };
        let lost = life.lost_since(&self.life);
        probe.checks_passed = lost.is_none() && (is_alone || probe.checks_passed);
        probe.failed_checks.extend(lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, probe};

    fn life(nodes: &[(&str, u64)]) -> Life {
        Life { nodes: nodes.iter().map(|(run_id, keys)| NodeLife { run_id: (*run_id).to_owned(), keys: *keys, lag: Some(0) }).collect() }
    }

    #[test]
    fn only_a_server_that_was_started_anew_and_holds_next_to_nothing_has_lost_data() {
        let table = [
            (life(&[("a", 1000)]), life(&[("b", 0)]), true),
            (life(&[("a", 1000)]), life(&[("b", 60)]), true),
            (life(&[("a", 1000)]), life(&[("b", 990)]), false),
            (life(&[("a", 1000)]), life(&[("a", 0)]), false),
            (life(&[("a", 9)]), life(&[("b", 0)]), false),
            (life(&[("a", 500), ("b", 500)]), life(&[("a", 500), ("c", 0)]), true),
            (life(&[("a", 500), ("b", 500)]), life(&[("a", 500), ("c", 499)]), false),
            (life(&[("a", 500), ("b", 500)]), life(&[("a", 1000)]), false),
            (life(&[("a", 1000)]), life(&[("a", 500), ("c", 500)]), false),
            (life(&[("a", 1000)]), life(&[("a", 1000), ("c", 0)]), false),
            (life(&[("a", 500), ("b", 500)]), life(&[("a", 990), ("c", 2)]), false),
        ];
        for (before, now, lost) in table {
            assert_eq!(now.lost_since(&before).is_some(), lost, "{before:?} {now:?}");
        }
    }

    fn seen(seconds: i64, nodes: &[(&str, u64)]) -> Probe {
        Probe { at: at(seconds), life: Some(life(nodes)), ..probe(crate::probe::ProbeOutcome::Answers) }
    }

    #[test]
    fn a_loss_is_compared_with_what_was_there_before_until_a_day_has_passed() {
        let full = KeptLife::after(None, &seen(0, &[("a", 1000)]), "g");
        let mut empty = seen(120, &[("b", 0)]);
        full.as_ref().unwrap().grade(&mut empty, "g", true);
        assert!(!empty.checks_passed && empty.failed_checks[0].contains("holds 0 keys, where another one held 1000"), "{empty:?}");
        let mut kept = full;
        for minutes in (2..24 * 60).step_by(30) {
            kept = KeptLife::after(kept, &seen(minutes * 60, &[("b", 0)]), "g");
            assert_eq!(kept.as_ref().unwrap().life, life(&[("a", 1000)]), "{minutes}");
        }
        kept = KeptLife::after(kept, &seen(24 * 3600 + 180, &[("b", 0)]), "g");
        assert_eq!(kept.unwrap().life, life(&[("b", 0)]), "its owner has left it so");
    }

    #[test]
    fn a_promotion_loses_at_least_the_second_in_which_no_replica_has_acknowledged_yet() {
        let kept = |lags: &[Option<u64>]| {
            let nodes = lags.iter().map(|lag| NodeLife { run_id: "a".to_owned(), keys: 1, lag: *lag }).collect();
            KeptLife { resource_id: "g".to_owned(), life: Life { nodes }, at: at(0), lost_at: None }
        };
        assert_eq!(kept(&[Some(0)]).loss(at(60)), Some(Span::seconds(1)));
        assert_eq!(kept(&[Some(1), Some(7)]).loss(at(60)), Some(Span::seconds(8)));
        assert_eq!(kept(&[Some(1), None]).loss(at(60)), None, "one has no replica that follows");
        assert_eq!(kept(&[]).loss(at(60)), None);
        assert_eq!(kept(&[Some(0)]).loss(at(3600)), None, "nobody has looked for an hour");
    }

    #[test]
    fn what_nobody_looked_at_for_an_hour_or_is_another_group_is_compared_with_nothing() {
        let kept = KeptLife::after(None, &seen(0, &[("a", 1000)]), "g").unwrap();
        for (seconds, group) in [(3600, "g"), (120, "another")] {
            let mut probe = seen(seconds, &[("b", 0)]);
            kept.grade(&mut probe, group, true);
            assert!(probe.failed_checks.is_empty() && !probe.checks_passed, "nothing is known: {probe:?}");
        }
    }

    #[test]
    fn a_cache_that_holds_what_it_held_passes_and_one_that_does_not_answer_is_not_graded() {
        let kept = KeptLife::after(None, &seen(0, &[("a", 1000)]), "g");
        let mut same = seen(120, &[("a", 990)]);
        kept.as_ref().unwrap().grade(&mut same, "g", true);
        assert!(same.checks_passed && same.failed_checks.is_empty());
        let silent = Probe { life: None, ..seen(120, &[]) };
        assert_eq!(KeptLife::after(kept.clone(), &silent, "g"), kept);
    }
}
