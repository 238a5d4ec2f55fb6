//! Bringing rows back from a copy: commands made from the measured difference, never run by Lifeboat.

use crate::message::Advice;
use crate::story::Story;
use crate::text::count;
use lifeboat_domain::incident::Restored;
use lifeboat_domain::policy::{FingerprintTable, is_sql_identifier};
use lifeboat_domain::validation::{KeyRanges, TableDifference};

/// More ranges than this are for a person with an editor.
const MOST_RANGES: usize = 3;

/// What to do about each table that differs.
pub(crate) fn bring_back(story: &Story) -> Vec<Advice> {
    let Some(difference) = &story.difference else {
        return vec![Advice::say("The two sides were not compared: look at the copy yourself before you bring anything back")];
    };
    let mut advice: Vec<Advice> = difference.tables.iter().flat_map(|table| of_table(story, table)).collect();
    if advice.is_empty() {
        advice.push(Advice::say("The compared tables do not differ between production and the copy"));
    }
    advice
}

fn of_table(story: &Story, table: &TableDifference) -> Vec<Advice> {
    let mut advice = Vec::new();
    if table.only_restored.count > 0 {
        let say = format!(
            "{}: {} only in the copy ({}); bring them back after looking at them",
            table.table,
            count(table.only_restored.count, "row"),
            ranges(&table.only_restored)
        );
        advice.push(Advice::new(say, copy_back(story, table)));
    }
    if table.changed.count > 0 {
        advice.push(Advice::say(format!(
            "{}: {} differ between production and the copy (keys {}); compare them before you decide which side is right",
            table.table,
            count(table.changed.count, "row"),
            ranges(&table.changed)
        )));
    }
    if table.only_source.count > 0 {
        advice.push(Advice::say(format!(
            "{}: {} only in production (keys {}), written after the restore time: moving clients to the copy would drop them",
            table.table,
            count(table.only_source.count, "row"),
            ranges(&table.only_source)
        )));
    }
    advice
}

/// `1 to 5, 9 to 9`, with a mark when there are more.
pub(crate) fn ranges(keys: &KeyRanges) -> String {
    let shown: Vec<String> =
        keys.ranges.iter().take(MOST_RANGES).map(|(from, to)| if from == to { from.clone() } else { format!("{from} to {to}") }).collect();
    let more = if keys.ranges.len() > shown.len() { ", ..." } else { "" };
    if shown.is_empty() { "ranges not known".to_owned() } else { format!("{}{more}", shown.join(", ")) }
}

/// `psql` commands that copy the missing rows through a file; only for names and keys that need no quoting.
fn copy_back(story: &Story, table: &TableDifference) -> Vec<String> {
    let Some(known) = story.promise.tables.iter().find(|known| known.table == table.table) else { return Vec::new() };
    let (Some(restored), Some(source)) = (&story.incident.restored, &story.incident.source.endpoint) else { return Vec::new() };
    let Some(copy) = connection(restored, story) else { return Vec::new() };
    let production = format!("host={} port={} dbname={}", source.host, source.port, database(story));
    let all_plain = table.only_restored.ranges.iter().all(|(from, to)| is_plain(from) && is_plain(to));
    if table.only_restored.ranges.len() > MOST_RANGES || !all_plain || !is_safe(known) {
        return Vec::new();
    }
    let mut commands = Vec::new();
    for (from, to) in &table.only_restored.ranges {
        let (name, key) = (&known.table, &known.key);
        let file = format!("{name}-{from}-{to}.csv");
        commands
            .push(format!(r#"psql "{copy}" -c "\copy (SELECT * FROM {name} WHERE {key} BETWEEN '{from}' AND '{to}') TO '{file}' CSV""#));
        commands.push(format!(r#"psql "{production}" -c "\copy {name} FROM '{file}' CSV""#));
    }
    commands
}

fn connection(restored: &Restored, story: &Story) -> Option<String> {
    let endpoint = restored.endpoint.as_ref()?;
    Some(format!("host={} port={} dbname={}", endpoint.host, endpoint.port, database(story)))
}

fn database(story: &Story) -> &str {
    story.incident.source.database.as_deref().filter(|name| is_sql_identifier(name)).unwrap_or("DATABASE")
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_safe(table: &FingerprintTable) -> bool {
    table.table.split('.').all(is_sql_identifier) && is_sql_identifier(&table.key)
}
