//! Reading both sides, a page at a time.

use super::Halt;
use lifeboat_domain::items::canonical;
use lifeboat_domain::ports::Clock;
use lifeboat_domain::salvage::{CompareItems, LONGEST_TURN, Pair, Rules, Salvage, Segment, TableFacts};
use lifeboat_domain::{CallError, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// Both tables as they are now.
pub(super) struct Tables {
    /// The moment that the copy shows.
    pub point: Timestamp,
    /// Items, as far as DynamoDB knows.
    pub items: u64,
}

fn usable(facts: Option<TableFacts>, name: &str, id: &str) -> Result<TableFacts, String> {
    let facts = facts.ok_or_else(|| format!("{name} is gone"))?;
    match () {
        () if facts.id != id => Err(format!("{name} is another table than before: it was deleted, or made anew")),
        () if !facts.is_usable => Err(format!("{name} can be neither read nor written now")),
        () => Ok(facts),
    }
}

/// Looks whether both tables are still those that the salvage is about.
pub(super) async fn tables(items: &impl CompareItems, salvage: &Salvage) -> Result<Tables, Halt> {
    let (table, copy) = (&salvage.table, &salvage.copy);
    let failed = |error: CallError| Halt::of(error, "describing both tables");
    let serving = items.table_facts(table).await.map_err(failed)?;
    let restored = items.table_facts(copy).await.map_err(failed)?;
    let serving = usable(serving, table.as_str(), &salvage.table_id).map_err(Halt::Over)?;
    let shown = usable(restored, copy.as_str(), &salvage.copy_id).map_err(Halt::Over)?;
    let over = |why: String| Err(Halt::Over(why));
    match shown.restored {
        None => over(format!("{copy} was not restored from anything")),
        Some(restored) if restored.from != serving.arn => {
            over(format!("{copy} was restored from {}, and not from {}", restored.from, serving.arn))
        }
        Some(restored) if restored.in_progress => over(format!("{copy} is still being restored")),
        Some(_) if shown.key != serving.key || serving.key != salvage.key => {
            over(format!("{copy} has another key than {table}: {:?} and {:?}", shown.key, serving.key))
        }
        Some(restored) => Ok(Tables { point: restored.at, items: serving.items.max(shown.items) }),
    }
}

/// How an item is judged.
pub(super) fn rules(salvage: &Salvage, point: Timestamp) -> Rules<'_> {
    Rules { key: &salvage.key, ends_at: salvage.ends_at.as_deref(), written_at: salvage.written_at.as_deref(), point }
}

/// Reads segments, and counts what that takes.
pub(super) struct Reader<'a, O, C> {
    items: &'a O,
    clock: &'a C,
    salvage: &'a Salvage,
    ends: Timestamp,
    /// Pages that were read of the copy.
    pub pages: u64,
}

impl<'a, O: CompareItems, C: Clock> Reader<'a, O, C> {
    /// The turn's time counts from `now`.
    pub(super) fn new(items: &'a O, clock: &'a C, salvage: &'a Salvage, now: Timestamp) -> Self {
        Self { items, clock, salvage, ends: now + LONGEST_TURN.as_delta(), pages: 0 }
    }

    /// What the clock shows.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the turn's time is used up.
    pub(super) fn is_late(&self) -> bool {
        self.clock.now() >= self.ends
    }

    /// One page of the copy with what the table has under the same keys, and where the next one begins.
    pub(super) async fn page(&mut self, segment: Segment, from: Option<&Value>) -> Result<(Vec<Pair>, Option<Value>), Halt> {
        let Salvage { table, copy, key, .. } = self.salvage;
        let page = self.items.segment_page(copy, segment, from).await.map_err(|error| Halt::of(error, "reading the copy"))?;
        self.pages += 1;
        let keys: Vec<Value> = page.items.iter().map(|item| Pair::key_of(item, key)).collect();
        let there = if keys.is_empty() {
            Vec::new()
        } else {
            self.items.items_under(table, &keys).await.map_err(|error| Halt::of(error, "reading the same keys of the table"))?
        };
        let mut by_key: BTreeMap<String, Value> = there.into_iter().map(|item| (canonical(&Pair::key_of(&item, key)), item)).collect();
        let pair = |(copy, key): (Value, &Value)| Pair { copy, seen: by_key.remove(&canonical(key)) };
        Ok((page.items.into_iter().zip(&keys).map(pair).collect(), page.next))
    }
}
