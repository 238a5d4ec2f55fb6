//! Bringing rows back from a copy: commands made from the measured difference, never run by Lifeboat.

use crate::commands;
use crate::message::Advice;
use crate::story::Story;
use crate::text::count;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::policy::{FingerprintTable, is_sql_identifier};
use lifeboat_domain::validation::{KeyRanges, TableDifference};
use lifeboat_domain::words::ResourceKind;

/// More ranges than this are for a person with an editor.
const MOST_RANGES: usize = 3;

/// What to do about each table that differs. Items of a DynamoDB table are compared by samples: whatever these show, all can be looked at.
pub(crate) fn bring_back(story: &Story, execution: &str) -> Vec<Advice> {
    salvage(story, execution).into_iter().chain(of_tables(story)).collect()
}

fn of_tables(story: &Story) -> Vec<Advice> {
    let Some(difference) = &story.difference else {
        return vec![Advice::say("The two sides were not compared: look at the copy yourself before you bring anything back")];
    };
    let advice: Vec<Advice> = difference.tables.iter().flat_map(|table| of_table(story, table)).collect();
    if advice.is_empty() {
        return vec![Advice::say("The compared tables do not differ between production and the copy")];
    }
    let asks_for_login = advice.iter().any(|advice| !advice.commands.is_empty());
    log_in(story).filter(|_| asks_for_login).into_iter().chain(advice).collect()
}

/// A login for the `psql` commands below.
fn log_in(story: &Story) -> Option<Advice> {
    let source = &story.incident.source;
    let secret = source.secret.as_ref()?;
    let say = format!("First let psql log in as clients do, with user and password of secret {secret}, which are not shown");
    Some(Advice::new(say, commands::log_in(&source.arn, secret)))
}

fn is_table(story: &Story) -> bool {
    story.incident.source.id.kind() == ResourceKind::DynamodbTable
}

/// How the two sides were compared: of a table only some items were, and those that are missing may not be among them.
pub(crate) fn how_compared(source: &DatabaseId) -> &'static str {
    match source.kind() {
        ResourceKind::DynamodbTable => "by a sample of items, which may hold none of those that are missing",
        _ => "by key",
    }
}

/// What previews the salvage of single items of a DynamoDB table.
fn salvage(story: &Story, execution: &str) -> Option<Advice> {
    let copy = &story.incident.restored.as_ref()?.id;
    let written_at = story.promise.written_at.as_deref();
    let undated = if written_at.is_some() {
        ""
    } else {
        "; add \"written_at\" with the attribute that says when an item was last written, or only missing items are shown"
    };
    let say = format!(
        "See what of {copy} could be written back into {}, never over an item that was written later: this compares every item and writes nothing yet{undated}",
        story.incident.source.id
    );
    is_table(story).then(|| Advice::new(say, commands::salvage(execution, &story.incident.resource, copy, written_at)))
}

fn of_table(story: &Story, table: &TableDifference) -> Vec<Advice> {
    let name = &table.table;
    let sides = Sides::of(story, name);
    let mut advice = Vec::new();
    if table.only_restored.count > 0 {
        let (rows, keys) = (count(table.only_restored.count, "row"), ranges(&table.only_restored));
        let commands = sides.as_ref().map(|sides| sides.copy_back(&table.only_restored)).unwrap_or_default();
        let how = if is_table(story) { "the preview above counts all of them" } else { "bring them back after looking at them" };
        advice.push(Advice::new(format!("{name}: {rows} only in the copy ({keys}); {how}"), commands));
    }
    if table.changed.count > 0 {
        let (rows, keys) = (count(table.changed.count, "row"), ranges(&table.changed));
        let commands = sides.as_ref().map(|sides| sides.compare(&table.changed)).unwrap_or_default();
        let is_part = table.changed.ranges.len() > MOST_RANGES && !commands.is_empty();
        let part = if is_part { "; these commands show the first of them" } else { "" };
        let differ = if table.changed.count == 1 { "differs" } else { "differ" };
        let say = format!(
            "{name}: {rows} {differ} between production and the copy (keys {keys}); compare them before you decide which side is right{part}"
        );
        advice.push(Advice::new(say, commands));
    }
    if table.only_source.count > 0 {
        let (rows, keys) = (count(table.only_source.count, "row"), ranges(&table.only_source));
        advice.push(Advice::say(format!(
            "{name}: {rows} only in production (keys {keys}), written after the restore time: moving clients to that state would drop them"
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

/// Both sides of one table, as `psql` reaches them.
struct Sides<'a> {
    table: &'a FingerprintTable,
    production: String,
    copy: String,
}

impl<'a> Sides<'a> {
    /// Only for tables whose names need no quoting.
    fn of(story: &'a Story, table: &str) -> Option<Self> {
        let table = story.promise.tables.iter().find(|known| known.table == table).filter(|known| is_safe(known))?;
        let database = story.incident.source.database.as_deref().filter(|name| is_sql_identifier(name)).unwrap_or("DATABASE");
        let connection = |at: &Endpoint| format!("host={} port={} dbname={database}", at.host, at.port);
        let copy = connection(story.incident.restored.as_ref()?.endpoint.as_ref()?);
        Some(Self { table, production: connection(story.incident.source.endpoint.as_ref()?), copy })
    }

    /// Copies the missing rows through a file; only all of them, or none.
    fn copy_back(&self, keys: &KeyRanges) -> Vec<String> {
        if keys.ranges.len() > MOST_RANGES || !are_plain(&keys.ranges) {
            return Vec::new();
        }
        let (name, key) = (&self.table.table, &self.table.key);
        let each = keys.ranges.iter().map(|(from, to)| {
            let file = format!("{name}-{from}-{to}.csv");
            let rows = format!("SELECT * FROM {name} WHERE {key} BETWEEN '{from}' AND '{to}'");
            [
                format!(r#"psql "{}" -c "\copy ({rows}) TO '{file}' CSV""#, self.copy),
                format!(r#"psql "{}" -c "\copy {name} FROM '{file}' CSV""#, self.production),
            ]
        });
        each.flatten().collect()
    }

    /// Shows the first ranges of both sides, line by line.
    fn compare(&self, keys: &KeyRanges) -> Vec<String> {
        let shown: Vec<(String, String)> = keys.ranges.iter().take(MOST_RANGES).cloned().collect();
        if shown.is_empty() || !are_plain(&shown) {
            return Vec::new();
        }
        let (name, key) = (&self.table.table, &self.table.key);
        let within: Vec<String> = shown.iter().map(|(from, to)| format!("{key} BETWEEN '{from}' AND '{to}'")).collect();
        let rows = format!("SELECT * FROM {name} WHERE {} ORDER BY {key}", within.join(" OR "));
        let read = |side: &str, file: &str| format!(r#"psql "{side}" -c "\copy ({rows}) TO '{file}' CSV HEADER""#);
        let (ours, copied) = (format!("{name}-production.csv"), format!("{name}-copy.csv"));
        vec![read(&self.production, &ours), read(&self.copy, &copied), format!("diff {ours} {copied}")]
    }
}

fn are_plain(ranges: &[(String, String)]) -> bool {
    let is_plain = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    ranges.iter().all(|(from, to)| is_plain(from) && is_plain(to))
}

fn is_safe(table: &FingerprintTable) -> bool {
    table.table.split('.').all(is_sql_identifier) && is_sql_identifier(&table.key)
}
