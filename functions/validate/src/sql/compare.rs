//! Comparing one table on two sides: ranges of keys by hash, and only ranges that differ key by key.
//!
//! Both sides are read in one snapshot each. At no time more than two ranges' keys and hashes are in memory, and no
//! statement reads more than a few ranges, so that a large table needs many short statements and never a long one.
//! Rows without a key are not compared.

use super::trouble::Trouble;
use lifeboat_domain::policy::FingerprintTable;
use lifeboat_domain::validation::{KeyRanges, TableDifference};
use std::collections::HashMap;

/// Rows of one range.
pub(crate) const RANGE: usize = 2000;
/// How many ranges of keys a difference names.
const NAMED: usize = 10;

/// One side: one table within one snapshot.
pub(crate) trait Side {
    /// The key that ends the range of [`RANGE`] rows which starts above `above`; none where fewer rows are left.
    async fn end_of_range(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<Option<String>, Trouble>;
    /// Count and hash of a range.
    async fn facts(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<(i64, String), Trouble>;
    /// The keys of a range in order, each with the hash of its rows.
    async fn keys(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<Vec<(String, String)>, Trouble>;
}

/// Compares `table`, which both sides have open.
pub(crate) async fn compare(
    source: &mut impl Side,
    restored: &mut impl Side,
    table: &FingerprintTable,
) -> Result<TableDifference, Trouble> {
    let mut found = Found::default();
    let (mut source_rows, mut restored_rows) = (0, 0);
    let mut above: Option<String> = None;
    loop {
        let up_to = restored.end_of_range(above.as_deref(), None).await?;
        let (ours, theirs) =
            tokio::try_join!(source.facts(above.as_deref(), up_to.as_deref()), restored.facts(above.as_deref(), up_to.as_deref()))?;
        source_rows += ours.0;
        restored_rows += theirs.0;
        if ours == theirs {
            found.stop_if(ours.0 > 0);
        } else {
            compare_range(source, restored, above.as_deref(), up_to.as_deref(), &mut found).await?;
        }
        let Some(up_to) = up_to else { break };
        if above.as_ref() == Some(&up_to) {
            return Err(Trouble::could_not(
                "key",
                format!("the key {} of {} has no exact text, so ranges of it have no end", table.key, table.table),
            ));
        }
        above = Some(up_to);
    }
    Ok(TableDifference {
        table: table.table.clone(),
        source_rows,
        restored_rows,
        only_restored: found.only_restored.ranges,
        only_source: found.only_source.ranges,
        changed: found.changed.ranges,
        sampled: false,
    })
}

/// Compares one range key by key. The restored side has at most [`RANGE`] keys in it; the source may have many more.
async fn compare_range(
    source: &mut impl Side,
    restored: &mut impl Side,
    above: Option<&str>,
    end: Option<&str>,
    found: &mut Found,
) -> Result<(), Trouble> {
    let mut above = above.map(str::to_owned);
    loop {
        let cut = source.end_of_range(above.as_deref(), end).await?;
        let up_to = cut.as_deref().or(end);
        let (ours, theirs) = tokio::try_join!(source.keys(above.as_deref(), up_to), restored.keys(above.as_deref(), up_to))?;
        found.add(&ours, &theirs);
        if cut.is_none() || cut.as_deref() == end {
            return Ok(());
        }
        above = cut;
    }
}

/// What was found so far, in the order of keys.
#[derive(Default)]
struct Found {
    only_restored: Runs,
    only_source: Runs,
    changed: Runs,
}

impl Found {
    /// Adds one range: `ours` of the source, `theirs` of the restored side.
    fn add(&mut self, ours: &[(String, String)], theirs: &[(String, String)]) {
        let restored: HashMap<&str, &str> = theirs.iter().map(|(key, hash)| (key.as_str(), hash.as_str())).collect();
        let source: HashMap<&str, &str> = ours.iter().map(|(key, hash)| (key.as_str(), hash.as_str())).collect();
        for (key, hash) in ours {
            let other = restored.get(key.as_str());
            self.only_source.see(key, other.is_none());
            self.changed.see(key, other.is_some_and(|other| *other != hash));
        }
        for (key, _) in theirs {
            self.only_restored.see(key, !source.contains_key(key.as_str()));
        }
    }

    /// Equal rows lie between what came before and what comes next.
    fn stop_if(&mut self, rows_between: bool) {
        if rows_between {
            self.only_restored.open = false;
            self.only_source.open = false;
            self.changed.open = false;
        }
    }
}

/// Keys of one kind; a range is a run of them without another key of the same side between.
#[derive(Default)]
struct Runs {
    ranges: KeyRanges,
    open: bool,
}

impl Runs {
    fn see(&mut self, key: &str, counts: bool) {
        if !counts {
            self.open = false;
            return;
        }
        self.ranges.count += 1;
        let named = &mut self.ranges.ranges;
        if let Some(last) = named.last_mut().filter(|_| self.open) {
            key.clone_into(&mut last.1);
        } else if named.len() < NAMED {
            named.push((key.to_owned(), key.to_owned()));
            self.open = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: &[(&str, &str)]) -> Vec<(String, String)> {
        keys.iter().map(|(key, hash)| ((*key).to_owned(), (*hash).to_owned())).collect()
    }

    #[test]
    fn keys_that_follow_each_other_are_one_range() {
        let mut found = Found::default();
        found.add(
            &rows(&[("1", "a"), ("2", "x"), ("3", "x"), ("4", "d"), ("9", "n")]),
            &rows(&[("1", "a"), ("2", "b"), ("3", "c"), ("4", "d"), ("5", "e")]),
        );
        found.add(&rows(&[("10", "n")]), &[]);
        assert_eq!(found.changed.ranges, KeyRanges { count: 2, ranges: vec![("2".into(), "3".into())] });
        assert_eq!(found.only_source.ranges, KeyRanges { count: 2, ranges: vec![("9".into(), "10".into())] });
        assert_eq!(found.only_restored.ranges, KeyRanges { count: 1, ranges: vec![("5".into(), "5".into())] });
    }

    #[test]
    fn every_key_is_counted_but_only_the_first_ranges_are_named() {
        let mut runs = Runs::default();
        for key in 0..100 {
            runs.see(&key.to_string(), key % 3 != 0);
        }
        assert_eq!(runs.ranges.count, 66);
        assert_eq!(runs.ranges.ranges.len(), NAMED);
        assert_eq!(runs.ranges.ranges.last(), Some(&("28".to_owned(), "29".to_owned())));
    }
}
