//! The checks of the data against the fingerprint: are all tables there, do they hold what they held, how new is it?

use lifeboat_domain::items::Item;
use lifeboat_domain::point::{Fingerprint, Sampled, TableFingerprint};
use lifeboat_domain::policy::FingerprintTable;
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;
use lifeboat_domain::{Span, Timestamp, show_time};
use std::collections::BTreeMap;

/// Whether every table of the baseline (without one: of the policy) exists.
pub(crate) fn tables(baseline: Option<&Fingerprint>, policy: &[FingerprintTable], found: &[String]) -> Check {
    let (expected, by): (Vec<&str>, String) = match baseline {
        Some(baseline) => {
            (baseline.tables.iter().map(String::as_str).collect(), format!("the fingerprint of {}", show_time(baseline.taken_at)))
        }
        None => (policy.iter().map(|table| table.table.as_str()).collect(), "the policy".to_owned()),
    };
    let missing: Vec<&str> = expected.iter().copied().filter(|name| !found.iter().any(|table| table == name)).collect();
    let (grade, text) = if !missing.is_empty() {
        (Grade::Fail, format!("{} of {} tables of {by} are missing: {}", missing.len(), expected.len(), first_ten(&missing)))
    } else if expected.is_empty() && baseline.is_none() {
        (Grade::Warn, format!("{} tables exist; no fingerprint and no policy says which ones must", found.len()))
    } else {
        (Grade::Pass, format!("every table of {by} exists ({} of {} in all)", expected.len(), found.len()))
    };
    Check::new("tables", grade, text)
}

/// The watermarks at which the restored data is comparable, by table.
pub(crate) fn watermarks(baseline: &Fingerprint) -> BTreeMap<String, String> {
    let mark = |facts: &TableFingerprint| match facts.sample.as_slice() {
        [] => facts.watermark.clone(),
        // Of a DynamoDB table: exactly these items are looked at again.
        sample => serde_json::to_string(&sample.iter().map(Sampled::key).collect::<Vec<_>>()).ok(),
    };
    baseline.contents.iter().filter_map(|facts| Some((facts.table.clone(), mark(facts)?))).collect()
}

/// Whether the fingerprinted tables hold at or below the baseline's watermarks what they held then.
pub(crate) fn data(baseline: Option<&Fingerprint>, policy: &[FingerprintTable], restored: &[TableFingerprint]) -> Check {
    let Some(baseline) = baseline else {
        return Check::new(
            "data",
            Grade::Warn,
            "there is no fingerprint from before the restore point to compare with; the first backup makes one",
        );
    };
    if policy.is_empty() {
        return Check::new("data", Grade::Warn, "the policy names no tables under fingerprint, so that no data was compared");
    }
    let compared: Vec<(Grade, String)> = policy.iter().map(|table| one_table(baseline, table, restored)).collect();
    let grade = compared.iter().map(|(grade, _)| *grade).max().unwrap_or(Grade::Unknown);
    let lines: Vec<&str> = compared.iter().map(|(_, line)| line.as_str()).collect();
    Check::new("data", grade, format!("against the fingerprint of {}: {}", show_time(baseline.taken_at), lines.join("; ")))
}

fn one_table(baseline: &Fingerprint, table: &FingerprintTable, restored: &[TableFingerprint]) -> (Grade, String) {
    let name = &table.table;
    let Some(then) = baseline.contents.iter().find(|facts| facts.table == *name) else {
        return (Grade::Warn, format!("{name} is not in the fingerprint yet and was not compared"));
    };
    if table.items.is_some() {
        return items(name, (baseline.taken_at, then), restored.iter().find(|facts| facts.table == *name));
    }
    let Some(watermark) = &then.watermark else { return (Grade::Pass, format!("{name} was empty then")) };
    let Some(now) = restored.iter().find(|facts| facts.table == *name) else {
        return (Grade::Fail, format!("{name} is missing; it had {} rows", then.rows));
    };
    if (now.rows, &now.hash) == (then.rows, &then.hash) {
        return (Grade::Pass, format!("{name} has the same {} rows up to {} {watermark}", then.rows, table.key));
    }
    let (grade, because) =
        if table.append_only { (Grade::Fail, "and must not change") } else { (Grade::Warn, "which may be later changes") };
    let what = if now.rows == then.rows { "the same number, with other contents".to_owned() } else { format!("{} rows", now.rows) };
    (grade, format!("{name} had {} rows up to {} {watermark} and has {what}, {because}", then.rows, table.key))
}

/// A sample of items that were there then, looked at again by their keys; without keys nothing can be compared.
fn items(name: &str, (taken_at, then): (Timestamp, &TableFingerprint), now: Option<&TableFingerprint>) -> (Grade, String) {
    let Some(now) = now.filter(|_| !then.sample.is_empty()) else {
        return match then.rows {
            0 => (Grade::Pass, format!("{name} was empty then")),
            _ => (Grade::Warn, format!("no item of {name} was compared, as the policy keeps no sampled keys (items.keep_keys)")),
        };
    };
    if now.hash == then.hash {
        return (Grade::Pass, format!("the {} sampled items of {name} are as they were", then.rows));
    }
    let found: BTreeMap<&str, &Item> = now.sample.iter().filter_map(Sampled::item).map(|item| (item.key.as_str(), item)).collect();
    let seen: Vec<&Item> = then.sample.iter().filter_map(Sampled::item).collect();
    if now.rows == 0 && then.rows > 0 {
        return (Grade::Fail, format!("none of the {} sampled items of {name} is there", then.rows));
    }
    if seen.is_empty() || (found.is_empty() && now.rows > 0) {
        let what = if now.rows == then.rows { "are there, some with other contents".to_owned() } else { format!("{} are there", now.rows) };
        return (
            Grade::Warn,
            format!("of {} sampled items of {name} {what}; only their keys were kept, so that nobody knows since when", then.rows),
        );
    }
    Fates::of(&seen, &found, taken_at).judged(name)
}

/// What became of sampled items since the fingerprint.
#[derive(Debug, Default)]
struct Fates {
    same: usize,
    /// With other contents, written after the fingerprint: what clients do.
    written_since: usize,
    /// With other contents, and nothing says when.
    untold: usize,
    /// Older than the fingerprint saw it: the restore lacks a write that it must have.
    older: usize,
    /// Deleted since, or lost: no trace of an item tells which.
    missing: usize,
}

impl Fates {
    fn of(seen: &[&Item], found: &BTreeMap<&str, &Item>, taken_at: Timestamp) -> Self {
        let mut fates = Self::default();
        for then in seen {
            let fate = match found.get(then.key.as_str()) {
                None => &mut fates.missing,
                Some(now) if now.hash == then.hash => &mut fates.same,
                Some(now) if now.written_at.is_some_and(|at| then.written_at.is_some_and(|before| at < before)) => &mut fates.older,
                Some(now) if now.written_at.is_some_and(|at| at > taken_at) => &mut fates.written_since,
                Some(_) => &mut fates.untold,
            };
            *fate += 1;
        }
        fates
    }

    fn judged(&self, name: &str) -> (Grade, String) {
        let Self { same, written_since, untold, older, missing } = *self;
        let all = same + written_since + untold + older + missing;
        let mut lines = vec![format!("of {all} sampled items of {name} {same} are as they were")];
        let mut add = |count: usize, text: &str| {
            if count > 0 {
                lines.push(format!("{count} {text}"));
            }
        };
        add(written_since, "were written after it, as their own time says");
        add(older, "are older than they were then: writes that were there are lost");
        add(untold, "have other contents, and no time of theirs says that they were written since");
        add(missing, "are missing, which may be deletions since then or a loss");
        // Deletions go on in every table; that most of it was deleted since is no ordinary day.
        let grade = match (older, untold + missing) {
            (0, 0) => Grade::Pass,
            (0, _) if missing * 2 <= all => Grade::Warn,
            _ => Grade::Fail,
        };
        (grade, lines.join(", "))
    }
}

/// What the newest row is compared with.
pub(crate) struct Moment {
    /// When.
    pub at: Timestamp,
    /// What that is.
    pub what: &'static str,
}

/// How new the data is: the measured RPO. None where nothing can be measured and nothing was promised to be.
pub(crate) fn freshness(newest: Option<Timestamp>, measurable: bool, wanted: &Moment, rpo: Span) -> Option<Check> {
    let (at, what) = (show_time(wanted.at), wanted.what);
    let Some(newest) = newest else {
        return measurable
            .then(|| Check::new("freshness", Grade::Warn, "no row has a time under written_at, so that its age was not measured"));
    };
    let shown = show_time(newest);
    if newest >= wanted.at {
        return Some(Check::new("freshness", Grade::Pass, format!("the newest row was written at {shown}, not before {what} ({at})")));
    }
    let age = Span::between(newest, wanted.at);
    let (grade, verdict) =
        if age <= rpo { (Grade::Pass, "within") } else { (Grade::Warn, "nothing was written since, or it is lost: outside") };
    Some(Check::new(
        "freshness",
        grade,
        format!("the newest row was written at {shown}, {age} before {what} ({at}); {verdict} the objective of {rpo}"),
    ))
}

/// The same of a sample, whose newest item may be old in a table that is written to all the time: it can prove what is there, never what
/// is lost. DynamoDB restores to the moment that it names.
pub(crate) fn sampled_freshness(newest: Timestamp, wanted: &Moment) -> Check {
    let (shown, at, what) = (show_time(newest), show_time(wanted.at), wanted.what);
    let text = format!("of the sampled items the newest was written at {shown}; {what} is {at}, and a sample tells no more");
    Check::new("freshness", Grade::Pass, text)
}

/// The same of what took over from another Region: a person has decided about the loss, before it could be measured.
pub(crate) fn replicated_until(newest: Timestamp) -> Check {
    let text = format!("the newest row was written at {}; what the other Region took after it is not here", show_time(newest));
    Check::new("freshness", Grade::Pass, text)
}

fn first_ten(names: &[&str]) -> String {
    let shown = names.iter().take(10).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 10 { format!("{shown}, and {} more", names.len() - 10) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: &str = "2026-01-15T01:00:00Z";

    fn sampled(rows: &[(&str, &str, Option<&str>)]) -> TableFingerprint {
        let item = |(key, hash, at): &(&str, &str, Option<&str>)| {
            Sampled::Seen(Item { key: (*key).into(), hash: (*hash).into(), written_at: at.map(|at| at.parse().unwrap()) })
        };
        TableFingerprint {
            table: "orders".into(),
            watermark: None,
            rows: i64::try_from(rows.len()).unwrap(),
            hash: format!("{rows:?}"),
            newest: None,
            sample: rows.iter().map(item).collect(),
        }
    }

    #[test]
    fn items_that_were_written_since_pass_and_what_nobody_can_know_warns_and_what_went_back_in_time_fails() {
        let (before, after) = (Some("2026-01-14T10:00:00Z"), Some("2026-01-15T09:00:00Z"));
        let long_before = Some("2026-01-13T10:00:00Z");
        let then = sampled(&[("a", "1", before), ("b", "1", before), ("c", "1", before)]);
        type Rows<'a> = Vec<(&'a str, &'a str, Option<&'a str>)>;
        let rows: [(Rows<'_>, Grade, &str); 7] = [
            (vec![("a", "1", before), ("b", "2", after), ("c", "1", before)], Grade::Pass, "2 are as they were, 1 were written after it"),
            (vec![("a", "1", before), ("b", "2", before), ("c", "1", before)], Grade::Warn, "1 have other contents, and no time"),
            (vec![("a", "1", before), ("b", "2", None), ("c", "1", before)], Grade::Warn, "1 have other contents"),
            (vec![("a", "1", before), ("c", "2", after)], Grade::Warn, "1 are missing"),
            (vec![("c", "2", after)], Grade::Fail, "2 are missing"),
            (Vec::new(), Grade::Fail, "none of the 3 sampled items"),
            (vec![("a", "1", before), ("b", "0", long_before), ("c", "2", after)], Grade::Fail, "1 are older than they were then"),
        ];
        for (found, grade, text) in rows {
            let (seen, why) = items("orders", (TAKEN.parse().unwrap(), &then), Some(&sampled(&found)));
            assert_eq!(seen, grade, "{why}");
            assert!(why.contains(text), "{why}");
        }
    }

    #[test]
    fn a_fingerprint_of_keys_alone_still_says_what_is_there() {
        let mut then = sampled(&[("a", "1", None), ("b", "1", None)]);
        then.sample = serde_json::from_str(r#"["a", "b"]"#).unwrap();
        let at: Timestamp = TAKEN.parse().unwrap();
        let (grade, why) = items("orders", (at, &then), Some(&sampled(&[("a", "1", None)])));
        assert_eq!(grade, Grade::Warn);
        assert!(why.contains("of 2 sampled items of orders 1 are there; only their keys were kept"), "{why}");
        assert_eq!(
            watermarks(&Fingerprint { taken_at: at, tables: Vec::new(), contents: vec![then], keyspace: None })["orders"],
            r#"["a","b"]"#
        );
    }

    #[test]
    fn an_old_sample_says_nothing_of_a_loss() {
        let [newest, restored] = ["2026-01-14T10:00:00Z", "2026-01-15T10:25:00Z"].map(|text| text.parse::<Timestamp>().unwrap());
        let wanted = Moment { at: restored, what: "the restore point" };
        let check = sampled_freshness(newest, &wanted);
        assert_eq!(check.grade, Grade::Pass);
        assert!(["2026-01-14T10:00:00Z", "2026-01-15T10:25:00Z", "sample"].iter().all(|word| check.text.contains(word)), "{}", check.text);
        let of_all = freshness(Some(newest), true, &wanted, Span::minutes(1)).unwrap();
        assert_eq!(of_all.grade, Grade::Warn, "of all rows the newest is the newest");
    }
}
