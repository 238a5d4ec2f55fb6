//! Reading a restored MySQL or MariaDB database once.
//!
//! InnoDB keeps rows in the order of the primary key: where that is one column, they are read in ranges of it; else a table is read
//! as a whole, as an index is. What a time-out cuts off has been read up to there, and goes quicker the next time.

use super::session::Session;
use super::table::Table;
use crate::sql::trouble::Trouble;
use crate::sql::warm_up::{MOST_PARTS, Warmer};
use lifeboat_domain::policy::{FingerprintTable, is_sql_identifier};
use lifeboat_domain::warm_up::{Part, PartKind, Parts, WarmUpRule};

/// Rows of one piece.
const ROWS: u64 = 20_000;

/// The tables that we may see, the largest first, with the column of a primary key that is only one.
const TABLES: &str =
    "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, CAST(COALESCE(t.DATA_LENGTH, 0) AS CHAR), CAST(COALESCE(t.INDEX_LENGTH, 0) AS CHAR),
   (SELECT IF(COUNT(*) = 1, MIN(k.COLUMN_NAME), NULL) FROM information_schema.STATISTICS k
     WHERE k.TABLE_SCHEMA = t.TABLE_SCHEMA AND k.TABLE_NAME = t.TABLE_NAME AND k.INDEX_NAME = 'PRIMARY')
  FROM information_schema.TABLES t
 WHERE t.TABLE_TYPE = 'BASE TABLE' AND t.TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
 ORDER BY COALESCE(t.DATA_LENGTH, 0) + COALESCE(t.INDEX_LENGTH, 0) DESC, t.TABLE_SCHEMA, t.TABLE_NAME";

/// Indexes that a statement can be led through; the primary key is the rows themselves.
const INDEXES: &str = "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
 WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_TYPE = 'BTREE' AND INDEX_NAME <> 'PRIMARY' ORDER BY INDEX_NAME";

/// A table as the dictionary shows it.
struct Found {
    relation: String,
    data: u64,
    indexes: u64,
    key: Option<String>,
}

/// Lists what the rule asks for.
pub(super) async fn list(session: &mut Session, rule: &WarmUpRule) -> Result<Parts, Trouble> {
    let mut parts = Parts::default();
    let mut tables = Vec::new();
    for row in session.texts(TABLES).await? {
        let (schema, name) = (session.text(&row, 0)?, session.text(&row, 1)?);
        if is_sql_identifier(schema) && is_sql_identifier(name) {
            let (data, indexes) = (session.number(&row, 2)?.unsigned_abs(), session.number(&row, 3)?.unsigned_abs());
            let key = row.get(4).cloned().flatten().filter(|key| is_sql_identifier(key));
            tables.push(Found { relation: format!("{schema}.{name}"), data, indexes, key });
        }
    }
    let mut wanted: Vec<&Found> = Vec::new();
    for name in &rule.relations {
        // Whether names are told apart by case is a setting of the server.
        let exact = tables.iter().find(|found| found.relation == *name);
        match exact.or_else(|| tables.iter().find(|found| found.relation.eq_ignore_ascii_case(name))) {
            Some(found) => wanted.push(found),
            None => parts.notes.push(format!("{} has no table {name} that it shows to us", session.place)),
        }
    }
    let others: Vec<&Found> = tables.iter().filter(|found| !wanted.iter().any(|named| named.relation == found.relation)).collect();
    wanted.extend(others.into_iter().take(usize::try_from(rule.largest).unwrap_or(usize::MAX)));
    for found in wanted {
        add(session, found, &mut parts).await?;
    }
    let too_many = parts.parts.len().saturating_sub(MOST_PARTS);
    if too_many > 0 {
        parts.parts.truncate(MOST_PARTS);
        parts.notes.push(format!("{too_many} parts more than the {MOST_PARTS} that are read"));
    }
    Ok(parts)
}

async fn add(session: &mut Session, found: &Found, parts: &mut Parts) -> Result<(), Trouble> {
    let Some((schema, name)) = found.relation.split_once('.') else { return Ok(()) };
    parts.parts.push(Part::new(&found.relation, PartKind::Rows, found.key.clone().unwrap_or_default(), found.data));
    let rows = session.rows(INDEXES, &[schema, name]).await?;
    let share = found.indexes / u64::try_from(rows.len()).unwrap_or(1).max(1);
    for row in &rows {
        parts.parts.push(Part::new(&found.relation, PartKind::Index, session.text(row, 0)?, share));
    }
    Ok(())
}

/// A session that reads.
pub(super) struct Reader<'a>(pub(super) &'a mut Session);

impl Reader<'_> {
    /// The rows above the cursor, in the order of the primary key, which is theirs.
    async fn range(&mut self, part: &mut Part, table: &Table) -> Result<(), Trouble> {
        let Table { from, key, key_text, .. } = table;
        let (condition, texts) = table.between(part.cursor.as_deref(), None);
        let last = ROWS - 1;
        let sql = format!("SELECT {key_text} FROM {from} FORCE INDEX (PRIMARY) WHERE {condition} ORDER BY {key} LIMIT 1 OFFSET {last}");
        let found = self.0.rows(&sql, &texts).await?;
        match found.first() {
            Some(row) => {
                let cursor = self.0.text(row, 0)?.to_owned();
                let bytes = self.average_row(&part.relation).await?.saturating_mul(ROWS);
                part.advance(cursor, bytes);
            }
            None => part.finish(),
        }
        Ok(())
    }

    /// Bytes of a row, as the dictionary estimates.
    async fn average_row(&mut self, relation: &str) -> Result<u64, Trouble> {
        let (schema, name) = relation.split_once('.').unwrap_or_default();
        let sql =
            "SELECT CAST(COALESCE(AVG_ROW_LENGTH, 0) AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
        let rows = self.0.rows(sql, &[schema, name]).await?;
        rows.first().map_or(Ok(0), |row| Ok(self.0.number(row, 0)?.unsigned_abs()))
    }

    /// All of a table by its rows, or by an index.
    async fn whole(&mut self, part: &mut Part, index: Option<&str>) -> Result<(), Trouble> {
        let (schema, name) = part.relation.split_once('.').unwrap_or_default();
        let hint = index.map_or_else(|| "USE INDEX ()".to_owned(), |index| format!("FORCE INDEX (`{}`)", index.replace('`', "``")));
        self.0.run(&format!("SELECT COUNT(*) FROM `{schema}`.`{name}` {hint}")).await?;
        part.finish();
        Ok(())
    }
}

impl Warmer for Reader<'_> {
    async fn piece(&mut self, part: &mut Part) -> Result<(), Trouble> {
        if part.kind == PartKind::Index {
            let index = part.name.clone();
            return self.whole(part, Some(&index)).await;
        }
        let keyed =
            FingerprintTable { table: part.relation.clone(), key: part.name.clone(), written_at: None, append_only: false, items: None };
        match if part.name.is_empty() { None } else { Some(Table::look_up(self.0, &keyed).await) } {
            Some(Ok(table)) => self.range(part, &table).await,
            // A key whose texts are not in its order, or a storage engine without transactions: read all the same.
            Some(Err(trouble)) if matches!(trouble.code.as_str(), "key" | "engine") => self.whole(part, None).await,
            Some(Err(trouble)) => Err(trouble),
            None => self.whole(part, None).await,
        }
    }
}
