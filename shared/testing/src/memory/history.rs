//! What CloudTrail and RDS's announcements tell afterwards, and what rows in memory tell of a table's past.

use super::Cloud;
use crate::data::Row;
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::moments::traces::{Change, Counters, Gap, Traces};
use lifeboat_domain::moments::trail::Trail;
use lifeboat_domain::ports::{Answer, ReadDatabaseEvents, ReadTrail};
use std::collections::BTreeMap;

impl ReadTrail for Cloud {
    async fn actions_on(&self, name: &str, from: Timestamp, to: Timestamp) -> Answer<Trail> {
        self.serve("cloudtrail:LookupEvents", name, |world| {
            let found = world.trail.iter().rev().filter(|(of, deed)| of == name && from <= deed.at && deed.at <= to);
            Ok(Trail { actions: found.map(|(_, deed)| deed.clone()).collect(), is_complete: true })
        })
    }
}

impl ReadDatabaseEvents for Cloud {
    async fn events_of(&self, instance: &DatabaseId, from: Timestamp, to: Timestamp) -> Answer<Vec<(Timestamp, String)>> {
        self.serve("rds:DescribeEvents", instance.as_str(), |world| {
            let found = world.announced.iter().filter(|(of, at, _)| of == instance.as_str() && from <= *at && *at <= to);
            Ok(found.map(|(_, at, text)| (*at, text.clone())).collect())
        })
    }
}

/// What rows tell: those that were committed after a row with a higher key were there before; keys follow each other without gaps.
pub(super) fn traces(rows: &BTreeMap<i64, Row>, (from, to): (Timestamp, Timestamp), writes: u64) -> Traces {
    let mut changed: BTreeMap<Timestamp, Vec<i64>> = BTreeMap::new();
    let mut earliest_above: Option<Timestamp> = None;
    for (key, row) in rows.iter().rev() {
        let at = row.committed_at;
        if earliest_above.is_some_and(|above| above < at) && from <= at && at <= to {
            changed.entry(at).or_default().push(*key);
        }
        earliest_above = Some(earliest_above.map_or(at, |above| above.min(at)));
    }
    let change = |(at, keys): (Timestamp, Vec<i64>)| Change {
        at,
        rows: i64::try_from(keys.len()).unwrap_or(i64::MAX),
        keys: (keys.last().map(ToString::to_string).unwrap_or_default(), keys.first().map(ToString::to_string).unwrap_or_default()),
        known_to_be_older: true,
    };
    let gap = |((before, written_before), (behind, written_behind)): ((&i64, &Row), (&i64, &Row))| Gap {
        between: (before.to_string(), behind.to_string()),
        missing: behind - before - 1,
        written_before: written_before.committed_at,
        written_behind: written_behind.committed_at,
    };
    let beside = rows.iter().zip(rows.iter().skip(1));
    let held = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let deleted_or_updated = i64::try_from(writes).unwrap_or(i64::MAX) - held;
    Traces {
        changes: Ok(changed.into_iter().map(change).collect()),
        gaps: Ok(beside.map(gap).filter(|gap| gap.missing > 0).collect()),
        counters: Ok(Counters { deleted: 0, updated: deleted_or_updated.max(0), since: "its beginning".to_owned() }),
    }
}
