//! Documents: links that lead somewhere, and the parts that are generated from what they describe.
//!
//! `UPDATE_DOCS=1 cargo test -p lifeboat-tests --test contracts` rewrites the generated parts.

use crate::repo::{files, machines, none, read, root};
use lifeboat_domain::ErrorName;
use lifeboat_domain::plan::{MATRIX, MatrixRow};
use lifeboat_domain::words::{ResourceKind, Scenario};
use lifeboat_tests::asl::duration::{Duration, show};
use lifeboat_tests::asl::picture;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const MACHINES: &str = "statemachines/README.md";

/// Puts `body` between the markers `name:begin` and `name:end` of a document, or complains that it differs.
fn generated(path: &str, name: &str, body: &str) {
    let text = read(path);
    let begin = text.find(&format!("<!-- {name}:begin")).unwrap_or_else(|| panic!("{path} has no <!-- {name}:begin -->"));
    let start = begin + text[begin..].find("-->\n").unwrap_or_else(|| panic!("{path}: the marker {name}:begin does not end")) + 4;
    let end = start + text[start..].find(&format!("<!-- {name}:end -->")).unwrap_or_else(|| panic!("{path} has no <!-- {name}:end -->"));
    if text[start..end] == *body {
        return;
    }
    assert!(std::env::var_os("UPDATE_DOCS").is_some(), "{path}: {name} is out of date; rewrite it with UPDATE_DOCS=1");
    std::fs::write(root().join(path), format!("{}{body}{}", &text[..start], &text[end..])).unwrap();
}

/// One after the other, as they write to one file.
#[test]
fn the_machines_readme_shows_times_and_pictures_as_they_are() {
    let machines = machines();
    let mut table = String::from("| machine | every Task once | every retry used | worst case |\n|---|---|---|---|\n");
    for machine in &machines {
        let duration = Duration::of(machine);
        let waits = if duration.loops { ", plus waiting" } else { "" };
        let (once, retried) = (show(duration.once), show(duration.with_retries));
        let _ = writeln!(table, "| `{}` | {once}{waits} | {retried}{waits} | {} |", machine.name, show(duration.worst()));
    }
    generated(MACHINES, "times", &table);
    for machine in &machines {
        generated(MACHINES, &format!("picture-{}", machine.name), &picture::draw(machine));
    }
}

#[test]
fn the_readme_shows_the_matrix_as_it_is() {
    let kinds: BTreeSet<ResourceKind> = MATRIX.iter().map(|row| row.kind).collect();
    let heads: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let mut table = format!("| scenario | {} | always asks a person |\n|---|---|{}\n", heads.join(" | "), "---|".repeat(kinds.len()));
    for scenario in Scenario::ALL {
        let rows: Vec<&MatrixRow> = kinds.iter().filter_map(|kind| MatrixRow::of(*kind, *scenario)).collect();
        let options = |row: &&MatrixRow| row.remedies.iter().map(|remedy| remedy.as_str()).collect::<Vec<_>>().join(", ");
        let cells: Vec<String> = rows.iter().map(options).collect();
        let asks = if rows.iter().all(|row| row.always_ask) { "yes" } else { "no" };
        let _ = writeln!(table, "| {scenario} | {} | {asks} |", cells.join(" | "));
    }
    generated("README.md", "matrix", &table);
}

/// The JSON in fenced blocks.
fn json_blocks(text: &str) -> Vec<Value> {
    let blocks = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{block}: {error}"))).collect()
}

#[test]
fn the_machines_readme_has_an_input_to_paste_for_every_scenario() {
    let blocks = json_blocks(&read(MACHINES));
    none(
        Scenario::ALL
            .iter()
            .filter(|scenario| !blocks.iter().any(|block| block["scenario"] == scenario.as_str()))
            .map(|scenario| format!("{MACHINES}: no input for {scenario}")),
    );
}

#[test]
fn every_input_to_paste_has_only_fields_that_are_accepted() {
    let recovery = ["resource", "scenario", "restore_to", "run", "cut_over", "option", "plan", "incident"];
    let approval = ["resource", "plan", "decision", "option", "reason", "claimed_by"];
    let release = ["resource", "instance", "confirm", "reason", "claimed_by"];
    let find = ["resource", "from", "to", "table", "check", "bisect"];
    let salvage = ["resource", "copy", "written_at", "plan", "reason", "claimed_by"];
    let pause = ["resource", "action", "until", "reason", "claimed_by"];
    none(json_blocks(&read(MACHINES)).iter().filter_map(Value::as_object).flat_map(|block| {
        let accepted: &[&str] = match (block.contains_key("action"), block.contains_key("decision")) {
            (true, _) => &pause,
            (_, true) => &approval,
            _ if block.contains_key("from") || block.contains_key("table") || block.contains_key("check") => &find,
            _ if block.contains_key("confirm") => &release,
            _ if block.contains_key("copy") => &salvage,
            _ => &recovery,
        };
        let unknown: Vec<String> = block
            .keys()
            .filter(|field| !accepted.contains(&field.as_str()))
            .map(|field| format!("{MACHINES}: {field} is not accepted"))
            .collect();
        unknown
    }));
}

#[test]
fn the_machines_readme_names_every_error() {
    let text = read(MACHINES);
    none(ErrorName::ALL.iter().filter(|name| !text.contains(name.as_str())).map(|name| format!("{MACHINES}: {name} is not explained")));
}

#[test]
fn the_machines_readme_has_a_section_for_every_machine() {
    let text = read(MACHINES);
    none(
        machines()
            .iter()
            .filter(|machine| !text.contains(&format!("\n## `{}`\n", machine.name)))
            .map(|machine| format!("{MACHINES}: no section for {}", machine.name)),
    );
}

#[test]
fn every_link_between_documents_leads_to_a_file() {
    let documents = files("", &[".md"]);
    none(documents.iter().filter(|path| !path.contains("/golden/")).flat_map(|path| {
        let folder = root().join(path).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let text = read(path);
        let links: Vec<String> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect();
        let local = links.into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
        local
            .filter(|link| !folder.join(link.split('#').next().unwrap_or_default()).exists())
            .map(|link| format!("{path}: {link} leads nowhere"))
            .collect::<Vec<_>>()
    }));
}

/// The first word of the first column of a code map, such as `shared/domain`.
#[test]
fn every_folder_of_the_code_map_exists() {
    let text = read("ARCHITECTURE.md");
    let map = text.split("## Code map").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let rows = map.lines().filter(|line| line.starts_with("| `"));
    none(rows.flat_map(|row| {
        let column: Vec<&str> = row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2).collect();
        column
            .into_iter()
            .filter(|path| !root().join(path).exists())
            .map(|path| format!("ARCHITECTURE.md: {path} does not exist"))
            .collect::<Vec<_>>()
    }));
}
