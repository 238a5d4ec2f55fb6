//! Looking into a DynamoDB table: samples of items, by hash; never all of it, and never its item count alone, which is hours old.

use crate::error::{CallClass, CallError, DrError, ErrorName};
use crate::ids::{DatabaseId, digest, short_digest};
use crate::point::{Fingerprint, Sampled, TableFingerprint};
use crate::policy::FingerprintTable;
use crate::ports::{Answer, Target};
use crate::probe::{Probe, ProbeOutcome};
use crate::validation::{KeyRanges, TableDifference};
use crate::words::{Timestamp, show_time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Keys that a difference names, at most.
const NAMED: usize = 5;
/// The most items that a policy may ask a sample of.
const MOST_SAMPLED: u32 = 10_000;

/// What is looked at in a table's items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemsRule {
    /// The attribute that holds when an item was last written: a date and time as text, or seconds since 1970 as a number.
    pub written_at: Option<String>,
    /// Items that a sample holds, 1 to 10,000.
    pub sample: u32,
    /// Keep the sampled keys with each fingerprint, and name them in differences: only then can a restored table be compared with a
    /// fingerprint. Keys may be personal data.
    pub keep_keys: bool,
}

impl Default for ItemsRule {
    fn default() -> Self {
        Self { written_at: None, sample: 400, keep_keys: false }
    }
}

impl ItemsRule {
    /// Checks what a policy says under `field`.
    pub(crate) fn check(&self, field: &str) -> Result<(), DrError> {
        if !(1..=MOST_SAMPLED).contains(&self.sample) {
            return Err(DrError::invalid(&format!("{field}.sample"), self.sample, format!("1 to {MOST_SAMPLED}")));
        }
        let is_name = |name: &String| (1..=255).contains(&name.len()) && !name.chars().any(char::is_control);
        if self.written_at.as_ref().is_some_and(|name| !is_name(name)) {
            return Err(DrError::new(
                ErrorName::InvalidInput,
                format!("{field}.written_at: an attribute's name of 1 to 255 characters is accepted"),
            ));
        }
        Ok(())
    }

    /// The rule in the form in which a visit takes it; `table` is the resource's identity, which outlives the table's name.
    pub fn as_table(&self, table: &str) -> FingerprintTable {
        let (written_at, items) = (self.written_at.clone(), Some(self.clone()));
        FingerprintTable { table: table.to_owned(), key: "item".to_owned(), written_at, append_only: false, items }
    }
}

/// An item, without its attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Its primary key as canonical JSON, as DynamoDB spells values: `{"id":{"S":"4711"}}`.
    pub key: String,
    /// SHA-256 of the whole item as canonical JSON.
    pub hash: String,
    /// When it was last written, by the policy's attribute.
    pub written_at: Option<Timestamp>,
}

impl Item {
    /// Reads an item as DynamoDB spells it in JSON. `key` are the names of the key's attributes.
    pub fn of(item: &Value, key: &[String], written_at: Option<&str>) -> Self {
        let parts: BTreeMap<&String, &Value> = key.iter().filter_map(|name| Some((name, item.get(name)?))).collect();
        Self {
            key: canonical(&serde_json::to_value(parts).unwrap_or_default()),
            hash: digest(&[&canonical(item)]),
            written_at: written_at.and_then(|name| item.get(name)).and_then(time_in),
        }
    }
}

/// The same JSON for the same values: names in their order, sets (which have none) sorted.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let shown = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("SS" | "NS" | "BS", Value::Array(members)) => {
                        let members: BTreeSet<String> = members.iter().map(canonical).collect();
                        format!("[{}]", members.into_iter().collect::<Vec<_>>().join(","))
                    }
                    (_, value) => canonical(value),
                };
                format!("{}:{value}", Value::from(name.as_str()))
            };
            format!("{{{}}}", sorted.into_iter().map(shown).collect::<Vec<_>>().join(","))
        }
        Value::Array(members) => format!("[{}]", members.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// The moment in an attribute: a date and time as text, or seconds (or milliseconds) since 1970.
pub(crate) fn time_in(value: &Value) -> Option<Timestamp> {
    if let Some(text) = value.get("S").and_then(Value::as_str) {
        return chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    }
    let number: f64 = value.get("N")?.as_str()?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "a moment in milliseconds is far below 2^53")]
    let millis = if number > 1e11 { number as i64 } else { (number * 1000.0) as i64 };
    chrono::DateTime::from_timestamp_millis(millis)
}

/// What a write that can never change anything met with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteTry {
    /// It was let in, and its condition kept it from changing anything.
    Accepted,
    /// A resource policy denies it expressly: the fence.
    DeniedByPolicy,
    /// Something else denies it: the prober's own permissions, perhaps.
    Denied(String),
}

/// `dynamodb:GetItem`, `BatchGetItem`, `Scan` (of single pages), `DescribeTable`; `DeleteItem` with a condition that never holds.
#[allow(async_fn_in_trait, reason = "as the other ports: handlers run on one thread")]
pub trait ReadItems {
    /// Asks for a key that cannot exist.
    async fn ask(&self, table: &DatabaseId) -> Answer<()>;
    /// Tries to delete a random key under the condition that it exists.
    async fn try_to_write(&self, table: &DatabaseId) -> Answer<WriteTry>;
    /// Some items: one page of each of a few segments that the seed chooses ([`segments`]), about as many as the rule says.
    async fn sample(&self, table: &DatabaseId, rule: &ItemsRule, seed: u64) -> Answer<Vec<Item>>;
    /// Those of `keys` that exist.
    async fn items(&self, table: &DatabaseId, rule: &ItemsRule, keys: &[String]) -> Answer<Vec<Item>>;
}

/// The fewest segments that a table is cut into for a sample, and how many more there may be.
const FEWEST_SEGMENTS: i32 = 8;
const MORE_SEGMENTS: u64 = 25;

/// A number that a text stands for.
fn seed_of(text: &str) -> u64 {
    u64::from_str_radix(digest(&[text]).get(..16).unwrap_or_default(), 16).unwrap_or_default()
}

/// The segments of a sample in the order in which they are read, and how many there are in all: another seed cuts the table at other places
/// and begins elsewhere, so that night after night other items are looked at. Each is named once; whoever has enough items stops.
pub fn segments(seed: u64) -> (i32, Vec<i32>) {
    let total = FEWEST_SEGMENTS + i32::try_from(seed % MORE_SEGMENTS).unwrap_or_default();
    let mut left: Vec<i32> = (0..total).collect();
    let (mut order, mut state) = (Vec::new(), seed);
    while !left.is_empty() {
        // Knuth's linear congruential generator; its upper bits choose.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from((state >> 33) % (left.len() as u64)).unwrap_or_default();
        order.push(left.swap_remove(place));
    }
    (total, order)
}

/// Asks once more where the first answer was lost or throttled: everything here only reads, or can change nothing.
async fn twice<T>(ask: impl AsyncFn() -> Answer<T>) -> Answer<T> {
    match ask().await {
        Err(error) if matches!(error.class, CallClass::Throttled | CallClass::Unknown) => ask().await,
        answer => answer,
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Takes the fingerprint of a table; where `keys` are given, of exactly these items.
pub async fn fingerprint(
    items: &impl ReadItems,
    table: &DatabaseId,
    wanted: &[FingerprintTable],
    keys: &BTreeMap<String, String>,
    now: Timestamp,
) -> Answer<Fingerprint> {
    let mut contents = Vec::new();
    // Its time stands in the fingerprint, and with it which segments were read.
    let seed = seed_of(&show_time(now));
    for one in wanted {
        let rule = one.items.clone().unwrap_or_default();
        let given: Option<Vec<String>> = keys.get(&one.table).and_then(|text| serde_json::from_str(text).ok());
        let mut found = match &given {
            Some(keys) => twice(async || items.items(table, &rule, keys).await).await?,
            None => twice(async || items.sample(table, &rule, seed).await).await?,
        };
        found.sort();
        let texts: Vec<&str> = found.iter().flat_map(|item| [item.key.as_str(), item.hash.as_str()]).collect();
        contents.push(TableFingerprint {
            table: one.table.clone(),
            watermark: None,
            rows: count(found.len()),
            hash: digest(&texts),
            newest: found.iter().filter_map(|item| item.written_at).max(),
            sample: if rule.keep_keys { found.into_iter().map(Sampled::Seen).collect() } else { Vec::new() },
        });
    }
    // That the table is there was seen by the sample, or else is asked.
    if wanted.is_empty() {
        twice(async || items.ask(table).await).await?;
    }
    Ok(Fingerprint { taken_at: now, tables: wanted.iter().map(|one| one.table.clone()).collect(), contents, keyspace: None })
}

fn probed(at: Timestamp, outcome: ProbeOutcome, writable: Option<bool>, text: String) -> Probe {
    Probe { at, outcome, text, millis: 0, writable, failed_checks: Vec::new(), checks_passed: false, life: None }
}

/// What a call that failed says of the table: only that it is gone, or that nobody answered.
fn failed(at: Timestamp, table: &DatabaseId, error: &CallError) -> Probe {
    let outcome = match error.class {
        CallClass::NotFound => ProbeOutcome::Unreachable,
        CallClass::Denied => ProbeOutcome::LoginRefused,
        // Throttled or failed once is no outage of a regional service, and our own failure proves nothing.
        _ => ProbeOutcome::CouldNotRun,
    };
    probed(at, outcome, None, format!("{table}: {error}"))
}

/// Probes a table by one cheap read.
pub async fn probe(items: &impl ReadItems, target: &Target, at: Timestamp) -> Probe {
    if target.endpoint.is_none() {
        return probed(at, ProbeOutcome::CouldNotRun, None, format!("{} is gone: it has no name to ask for", target.instance));
    }
    match twice(async || items.ask(&target.instance).await).await {
        Ok(()) => probed(at, ProbeOutcome::Answers, None, format!("{} answers a read", target.instance)),
        Err(error) => failed(at, &target.instance, &error),
    }
}

/// Probes a table by one write that changes nothing whatever its answer is.
pub async fn probe_writes(items: &impl ReadItems, target: &Target, at: Timestamp) -> Probe {
    let table = &target.instance;
    if target.endpoint.is_none() {
        return probed(at, ProbeOutcome::CouldNotRun, None, format!("{table} is gone: it has no name to write to"));
    }
    match twice(async || items.try_to_write(table).await).await {
        Ok(WriteTry::Accepted) => {
            let text = format!("{table} takes writes (one whose condition never holds was let in)");
            probed(at, ProbeOutcome::Answers, Some(true), text)
        }
        Ok(WriteTry::DeniedByPolicy) => {
            probed(at, ProbeOutcome::WriteDenied, Some(false), format!("{table}: its resource policy denies every write"))
        }
        Ok(WriteTry::Denied(why)) => probed(at, ProbeOutcome::LoginRefused, None, format!("{table}: {why}")),
        Err(error) => failed(at, table, &error),
    }
}

/// Compares samples of both sides, each with the same items of the other side.
pub async fn compare(
    items: &impl ReadItems,
    source: &DatabaseId,
    restored: &DatabaseId,
    table: &FingerprintTable,
) -> Answer<TableDifference> {
    let rule = table.items.clone().unwrap_or_default();
    let by_key = |found: Vec<Item>| -> BTreeMap<String, Item> { found.into_iter().map(|item| (item.key.clone(), item)).collect() };
    // The same segments of both sides, which hold the same keys.
    let seed = seed_of(restored.as_str());
    let mut here = by_key(twice(async || items.sample(source, &rule, seed).await).await?);
    let mut there = by_key(twice(async || items.sample(restored, &rule, seed).await).await?);
    let missing = |one: &BTreeMap<String, Item>, other: &BTreeMap<String, Item>| -> Vec<String> {
        one.keys().filter(|key| !other.contains_key(*key)).cloned().collect()
    };
    let (ask_there, ask_here) = (missing(&here, &there), missing(&there, &here));
    there.extend(by_key(twice(async || items.items(restored, &rule, &ask_there).await).await?));
    here.extend(by_key(twice(async || items.items(source, &rule, &ask_here).await).await?));
    let changed: Vec<String> = here
        .iter()
        .filter(|(key, item)| there.get(*key).is_some_and(|other| other.hash != item.hash))
        .map(|(key, _)| key.clone())
        .collect();
    Ok(TableDifference {
        table: table.table.clone(),
        source_rows: count(here.len()),
        restored_rows: count(there.len()),
        only_restored: named(&missing(&there, &here), rule.keep_keys),
        only_source: named(&missing(&here, &there), rule.keep_keys),
        changed: named(&changed, rule.keep_keys),
        sampled: true,
    })
}

/// A count of keys, and the first of them: as they are only where the policy keeps keys, else by their hash.
pub fn named(keys: &[String], as_they_are: bool) -> KeyRanges {
    let shown = |key: &String| if as_they_are { key.clone() } else { short_digest(&[key]) };
    let ranges = keys.iter().take(NAMED).map(|key| (shown(key), shown(key)));
    KeyRanges { count: count(keys.len()), ranges: ranges.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_item_has_the_same_hash_however_its_names_and_sets_are_ordered() {
        let key = ["id".to_owned()];
        let one = json!({"id": {"S": "a"}, "tags": {"SS": ["x", "y"]}, "list": {"L": [{"N": "1"}, {"N": "2"}]}});
        let same = json!({"list": {"L": [{"N": "1"}, {"N": "2"}]}, "tags": {"SS": ["y", "x"]}, "id": {"S": "a"}});
        let other = json!({"list": {"L": [{"N": "2"}, {"N": "1"}]}, "tags": {"SS": ["y", "x"]}, "id": {"S": "a"}});
        assert_eq!(Item::of(&one, &key, None), Item::of(&same, &key, None));
        assert_eq!(Item::of(&one, &key, None).key, r#"{"id":{"S":"a"}}"#);
        assert_ne!(Item::of(&one, &key, None).hash, Item::of(&other, &key, None).hash, "a list has an order");
    }

    #[test]
    fn the_time_of_a_write_is_read_as_text_and_as_seconds_or_milliseconds() {
        let at: Timestamp = "2026-01-15T10:25:00Z".parse().unwrap();
        for value in [json!({"S": "2026-01-15T11:25:00+01:00"}), json!({"N": "1768472700"}), json!({"N": "1768472700000"})] {
            assert_eq!(time_in(&value), Some(at), "{value}");
        }
        assert_eq!(time_in(&json!({"S": "yesterday"})), None);
    }

    #[test]
    fn another_night_reads_other_segments_and_each_is_named_once() {
        let nights: Vec<(i32, Vec<i32>)> = (1..=20).map(|night| segments(seed_of(&format!("2026-01-{night:02}T01:00:00Z")))).collect();
        for (total, order) in &nights {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..*total).collect::<Vec<i32>>());
            assert!((8..=32).contains(total), "{total}");
        }
        let first = |(total, order): &(i32, Vec<i32>)| (*total, order[..4].to_vec());
        let different: BTreeSet<_> = nights.iter().map(first).collect();
        assert_eq!(different.len(), nights.len(), "{different:?}");
        assert_eq!(segments(7), segments(7), "the same seed reads the same");
    }

    #[test]
    fn keys_are_shown_as_hashes_unless_the_policy_keeps_them() {
        let keys = [r#"{"id":{"S":"jane@example.org"}}"#.to_owned()];
        assert!(!serde_json::to_string(&named(&keys, false)).unwrap().contains("jane"));
        assert_eq!(named(&keys, true).ranges[0].0, keys[0]);
    }

    #[test]
    fn a_sample_that_is_no_sample_is_refused_by_name() {
        for sample in [0, MOST_SAMPLED + 1] {
            let error = ItemsRule { sample, ..ItemsRule::default() }.check("policies.p.items").unwrap_err().to_string();
            assert!(error.contains("policies.p.items.sample"), "{error}");
        }
    }
}
