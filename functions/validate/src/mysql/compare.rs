//! One side of a comparison: a table of MySQL within a snapshot.

use super::fingerprint::SNAPSHOT;
use super::session::Session;
use super::table::Table;
use crate::sql::compare::{self, RANGE};
use crate::sql::trouble::Trouble;
use lifeboat_domain::policy::FingerprintTable;

/// A session within its snapshot.
pub(super) struct Side<'a> {
    session: &'a mut Session,
    table: Table,
}

impl<'a> Side<'a> {
    /// Looks the table up, and takes the snapshot.
    pub async fn open(session: &'a mut Session, table: &FingerprintTable) -> Result<Self, Trouble> {
        session.run("SET SESSION sql_mode = ''").await?;
        let table = Table::look_up(session, table).await?;
        session.run(SNAPSHOT).await?;
        Ok(Self { session, table })
    }
}

impl compare::Side for Side<'_> {
    async fn end_of_range(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<Option<String>, Trouble> {
        let Table { from, key, key_text, .. } = &self.table;
        let (condition, texts) = self.table.between(above, up_to);
        let sql = format!("SELECT {key_text} FROM {from} WHERE {condition} ORDER BY {key} LIMIT 1 OFFSET {}", RANGE - 1);
        let rows = self.session.rows(&sql, &texts).await?;
        rows.first().map(|row| self.session.text(row, 0).map(str::to_owned)).transpose()
    }

    async fn facts(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<(i64, String), Trouble> {
        let Table { from, row_hash, .. } = &self.table;
        let (condition, texts) = self.table.between(above, up_to);
        let sql = format!("SELECT COUNT(*), CAST(COALESCE(SUM({row_hash}), 0) AS CHAR) FROM {from} WHERE {condition}");
        let row = self.session.row(&sql, &texts).await?;
        Ok((self.session.number(&row, 0)?, self.session.text(&row, 1)?.to_owned()))
    }

    async fn keys(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<Vec<(String, String)>, Trouble> {
        let Table { from, key, key_text, row_hash, .. } = &self.table;
        let (condition, texts) = self.table.between(above, up_to);
        let sql = format!(
            "SELECT MIN({key_text}), CONCAT(COUNT(*), ':', SUM({row_hash})) FROM {from} WHERE {condition} GROUP BY {key} ORDER BY {key}"
        );
        let rows = self.session.rows(&sql, &texts).await?;
        rows.iter().map(|row| Ok((self.session.text(row, 0)?.to_owned(), self.session.text(row, 1)?.to_owned()))).collect()
    }
}
