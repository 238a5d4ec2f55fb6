//! Warming up: no block is ever missing in memory, so that only what is read, and in which order, is kept.

use super::Cloud;
use lifeboat_domain::ports::{Answer, Target};
use lifeboat_domain::warm_up::{Part, PartKind, PartState, Parts, WarmUpRule};

/// What every table is said to weigh.
const BYTES: u64 = 16 << 20;

impl Cloud {
    pub(super) fn parts_of(&self, target: &Target, tables: Vec<String>, rule: &WarmUpRule) -> Answer<Parts> {
        self.serve("warm_up:list", target.instance.as_str(), |_| {
            let named = rule.relations.iter().filter(|name| tables.contains(name)).cloned();
            let missing = rule.relations.iter().filter(|name| !tables.contains(name));
            let notes = missing.map(|name| format!("{} has no table {name}", target.instance)).collect();
            let others = tables.iter().filter(|name| !rule.relations.contains(name)).take(rule.largest as usize).cloned();
            let parts = named.chain(others).map(|name| Part::new(name, PartKind::Rows, "", BYTES)).collect();
            Ok(Parts { parts, notes })
        })
    }

    /// Half a table for each visit; one that was dropped meanwhile is none of its business any more.
    pub(super) fn read_a_piece(&self, target: &Target, tables: &[String], parts: &mut [Part]) -> Answer<()> {
        self.serve("warm_up:read", target.instance.as_str(), |world| {
            let Some(part) = parts.iter_mut().find(|part| part.state == PartState::Waiting) else { return Ok(()) };
            let half = || part.cursor.as_deref().map_or("first half", |_| "second half").to_owned();
            world.warmed.push((target.instance.to_string(), part.relation.clone(), half()));
            if !tables.contains(&part.relation) {
                part.skip("it is not there any more");
            } else if part.cursor.is_none() {
                part.advance("half", BYTES / 2);
            } else if !world.warms_for_ever {
                part.finish();
            }
            Ok(())
        })
    }
}
