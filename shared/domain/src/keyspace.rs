//! The fingerprint of a cache: how many keys, and a sample of those that do not expire; hashes, never names or values.

use crate::words::Grade;
use serde::{Deserialize, Serialize};

/// Of that many keys the sample is made, at most.
pub const MOST_SAMPLED: usize = 256;

/// What a cache held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyspace {
    /// Its databases that hold keys, in the order of their numbers; over all shards.
    pub databases: Vec<KeyCount>,
    /// Whether every key was looked at: only then is the sample the same wherever it is taken.
    pub is_whole: bool,
    /// Keys without expiry, those with the least hashes of their names; in that order.
    pub sample: Vec<KeySample>,
}

/// One database of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCount {
    /// Its number.
    pub database: u32,
    /// `keys` of `INFO keyspace`.
    pub keys: u64,
    /// `expires`: those that end by themselves.
    pub expiring: u64,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeySample {
    /// Hash of its database and name.
    pub key: String,
    /// Hash of its type and of its value, or of how long that is.
    pub value: String,
}

impl Keyspace {
    /// Keys that do not expire.
    pub fn lasting(&self) -> u64 {
        self.databases.iter().map(|it| it.keys.saturating_sub(it.expiring)).sum()
    }

    /// All keys.
    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|it| it.keys).sum()
    }

    /// Takes a key into the sample, if it belongs there.
    pub fn take(&mut self, key: KeySample) {
        let place = self.sample.partition_point(|known| *known < key);
        if self.sample.get(place) != Some(&key) && place < MOST_SAMPLED {
            self.sample.insert(place, key);
            self.sample.truncate(MOST_SAMPLED);
        }
    }

    /// Whether a key of this hash could belong to the sample.
    pub fn may_take(&self, key: &str) -> bool {
        self.sample.len() < MOST_SAMPLED || self.sample.last().is_some_and(|last| key < last.key.as_str())
    }

    /// Compares what a restored cache holds with what its source held. Keys with an expiry end between both, and values change until the
    /// snapshot is taken: shares are judged, and never single keys.
    pub fn compare(&self, restored: &Self) -> (Grade, String) {
        let (then, now) = (self.lasting(), restored.lasting());
        let counted = format!("{now} keys without expiry, {then} then; {} keys in all, {} then", restored.keys(), self.keys());
        if then == 0 {
            return (Grade::Pass, format!("{counted}: nothing was to last"));
        }
        let by_count = grade(share(now, then));
        if !self.is_whole || !restored.is_whole || self.sample.is_empty() {
            return (by_count, format!("{counted}; too many keys to compare them one by one"));
        }
        let find = |key: &KeySample| restored.sample.iter().find(|other| other.key == key.key);
        // Beyond its last one the restored sample says nothing.
        let last = restored.sample.last().filter(|_| restored.sample.len() >= MOST_SAMPLED);
        let compared = self.sample.iter().filter(|key| last.is_none_or(|last| key.key <= last.key));
        let (mut looked, mut found, mut same) = (0_u64, 0_u64, 0_u64);
        for key in compared {
            looked += 1;
            let other = find(key);
            found += u64::from(other.is_some());
            same += u64::from(other.is_some_and(|other| other.value == key.value));
        }
        let by_sample = grade(share(found, looked));
        (by_count.max(by_sample), format!("{counted}; of {looked} keys compared {found} are there, {same} with the same value"))
    }
}

/// In a hundred; a share of nothing is all.
fn share(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

/// More than half lost is no cache to move clients to; a tenth may have changed until the snapshot.
const fn grade(share: u64) -> Grade {
    match share {
        90.. => Grade::Pass,
        50..=89 => Grade::Warn,
        _ => Grade::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(lasting: u64, expiring: u64) -> Keyspace {
        let mut keyspace = Keyspace { is_whole: true, ..Keyspace::default() };
        keyspace.databases.push(KeyCount { database: 0, keys: lasting + expiring, expiring });
        (0..lasting).for_each(|n| keyspace.take(KeySample { key: crate::ids::short_digest(&[&n.to_string()]), value: "v".into() }));
        keyspace
    }

    #[test]
    fn a_cache_that_holds_what_it_held_passes_and_one_that_lost_most_of_it_fails() {
        let then = held(1000, 50);
        assert_eq!(then.sample.len(), MOST_SAMPLED);
        assert_eq!(then.compare(&held(1000, 0)).0, Grade::Pass, "keys with an expiry have ended");
        assert_eq!(then.compare(&held(950, 0)).0, Grade::Pass);
        assert_eq!(then.compare(&held(700, 0)).0, Grade::Warn);
        assert_eq!(then.compare(&held(0, 900)).0, Grade::Fail);
        assert_eq!(held(0, 500).compare(&held(0, 0)).0, Grade::Pass, "nothing was to last");
    }

    #[test]
    fn as_many_other_keys_are_not_the_same_keys() {
        let (then, mut now) = (held(1000, 0), held(1000, 0));
        for key in &mut now.sample {
            key.key = crate::ids::short_digest(&["other", &key.key]);
        }
        now.sample.sort();
        let (grade, text) = then.compare(&now);
        assert_eq!(grade, Grade::Fail, "{text}");
    }

    #[test]
    fn what_was_not_looked_at_as_a_whole_is_compared_by_its_count() {
        let (mut then, now) = (held(1000, 0), held(980, 0));
        then.is_whole = false;
        then.sample.clear();
        let (grade, text) = then.compare(&now);
        assert!(grade == Grade::Pass && text.contains("one by one"), "{text}");
    }
}
