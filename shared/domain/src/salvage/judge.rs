//! What is to be done with one item.

use super::condition::condition;
use crate::ids::digest;
use crate::items::{canonical, time_in};
use crate::words::Timestamp;
use serde_json::{Map, Value};

/// Time to live leaves an item alone that ended longer ago than this (DynamoDB, "Using time to live").
const IGNORED_AFTER_YEARS: i64 = 5;

/// An item of the copy, and what the table has under the same key, as DynamoDB spells items in JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The copy's.
    pub copy: Value,
    /// The table's; none where it has nothing.
    pub seen: Option<Value>,
}

/// What an item is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The names of the key's attributes.
    pub key: &'a [String],
    /// The attribute of the table's time to live.
    pub ends_at: Option<&'a str>,
    /// The attribute that says when an item was last written.
    pub written_at: Option<&'a str>,
    /// The moment that the copy shows.
    pub point: Timestamp,
}

/// What was found of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Not in the table.
    Missing,
    /// Different, and last written no later than the copy's own item.
    Damaged,
    /// The same on both sides.
    Same,
    /// Different, and written later.
    KeptNewer,
    /// Different, and nobody knows when it was written.
    KeptUndated,
    /// Damaged, and too wide for a condition.
    KeptTooWide,
    /// Expired by the table's time to live.
    Expired,
}

/// A change as a plan knows it: two hashes, and nothing of the item. Of SHA-256 half is enough to tell 100,000 changes apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Over the key and the copy's item.
    pub item: String,
    /// Over these and the item that it would be written over, or that there is none.
    pub over: String,
}

fn half(parts: &[&str]) -> String {
    digest(parts).chars().take(32).collect()
}

impl Pair {
    /// The key of an item: its attributes alone.
    pub fn key_of(item: &Value, names: &[String]) -> Value {
        let parts = names.iter().filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
        Value::Object(parts.collect::<Map<String, Value>>())
    }

    /// Whether both sides are the same.
    pub fn is_same(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| canonical(seen) == canonical(&self.copy))
    }

    /// The change that writes the copy's item.
    pub fn change(&self, names: &[String]) -> Change {
        let (key, copy) = (canonical(&Self::key_of(&self.copy, names)), canonical(&self.copy));
        let over = self.seen.as_ref().map_or_else(|| "nothing".to_owned(), canonical);
        Change { item: half(&[&key, &copy]), over: half(&[&key, &copy, &over]) }
    }
}

impl Rules<'_> {
    /// What is to be done with an item now.
    pub fn judge(&self, pair: &Pair, now: Timestamp) -> Finding {
        if pair.is_same() {
            return Finding::Same;
        }
        if self.has_expired(&pair.copy, now) {
            return Finding::Expired;
        }
        let Some(seen) = &pair.seen else { return Finding::Missing };
        let written = |item: &Value| self.written_at.and_then(|name| item.get(name)).and_then(time_in);
        match written(seen) {
            None => Finding::KeptUndated,
            // By the moment of the copy, or by the copy's own item: a writer may give times of the past.
            Some(there) if there > self.point || written(&pair.copy).is_none_or(|copied| there > copied) => Finding::KeptNewer,
            Some(_) if condition(Some(seen), &pair.copy, self.key).is_none() => Finding::KeptTooWide,
            Some(_) => Finding::Damaged,
        }
    }

    /// Time to live knows seconds since 1970 as a number, and nothing else.
    fn has_expired(&self, item: &Value, now: Timestamp) -> bool {
        let number = self.ends_at.and_then(|name| item.get(name)?.get("N")?.as_str());
        let ends = number.and_then(|text| text.split('.').next()?.parse::<i64>().ok());
        let (now, oldest) = (now.timestamp(), now.timestamp() - IGNORED_AFTER_YEARS * 366 * 86_400);
        ends.is_some_and(|ends| ends <= now && ends > oldest)
    }
}
