//! `docs/mistakes.md`: each mistake that cannot happen names the tests that keep it so.

use crate::repo::{files, none, read};
use std::collections::BTreeSet;

/// The names of all tests of the workspace.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in ["shared", "functions", "tests", "infra"].into_iter().flat_map(|folder| files(folder, &[".rs"])) {
        let text = read(&path);
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if !line.starts_with("#[") && is_test {
                let name = line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split_once('('));
                names.extend(name.map(|(name, _)| name.to_owned()));
                is_test = false;
            }
        }
    }
    names
}

/// The cells of the tables' rows.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| mistake |"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

#[test]
fn every_mistake_names_a_test_that_exists() {
    let (tests, text) = (tests(), read("docs/mistakes.md"));
    assert!(tests.len() > 500, "{} tests were found", tests.len());
    let mut complaints = Vec::new();
    for row in rows(&text) {
        let [mistake, instead, kept_by] = row.as_slice() else {
            complaints.push(format!("{row:?} has not three cells"));
            continue;
        };
        let named: Vec<&str> = kept_by.split(',').map(|name| name.trim().trim_matches('`')).collect();
        if mistake.is_empty() || instead.is_empty() || named.is_empty() {
            complaints.push(format!("{row:?} lacks something"));
        }
        complaints.extend(named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("{mistake}: there is no test {name}")));
    }
    assert!(rows(&text).count() > 30);
    none(complaints);
}
