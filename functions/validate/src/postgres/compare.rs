//! One side of a comparison: a table of PostgreSQL within a snapshot.

use super::session::Session;
use super::table::{ROW_HASH, Table};
use crate::sql::compare::{self, RANGE};
use crate::sql::trouble::Trouble;
use lifeboat_domain::policy::FingerprintTable;

/// A session within its snapshot.
pub(super) struct Side<'a> {
    session: &'a Session,
    table: Table,
}

impl<'a> Side<'a> {
    /// Looks the table up, and takes the snapshot.
    pub async fn open(session: &'a Session, table: &FingerprintTable) -> Result<Self, Trouble> {
        session.run("SET search_path = pg_catalog").await?;
        let table = Table::look_up(session, table).await?;
        session.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        Ok(Self { session, table })
    }
}

impl compare::Side for Side<'_> {
    async fn end_of_range(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<Option<String>, Trouble> {
        let Table { from, key, .. } = &self.table;
        let (condition, texts) = self.table.between(above, up_to);
        let sql = format!("SELECT {key}::text FROM {from} WHERE {condition} ORDER BY {key} OFFSET {} LIMIT 1", RANGE - 1);
        let rows = self.session.rows(&sql, &texts).await?;
        rows.first().map(|row| self.session.get(row, 0)).transpose()
    }

    async fn facts(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<(i64, String), Trouble> {
        let (condition, texts) = self.table.between(above, up_to);
        let sql = format!("SELECT count(*), coalesce(sum({ROW_HASH}), 0)::text FROM {} WHERE {condition}", self.table.from);
        let row = self.session.row(&sql, &texts).await?;
        Ok((self.session.get(&row, 0)?, self.session.get(&row, 1)?))
    }

    async fn keys(&mut self, above: Option<&str>, up_to: Option<&str>) -> Result<Vec<(String, String)>, Trouble> {
        let Table { from, key, .. } = &self.table;
        let (condition, texts) = self.table.between(above, up_to);
        let sql =
            format!("SELECT {key}::text, count(*) || ':' || sum({ROW_HASH}) FROM {from} WHERE {condition} GROUP BY {key} ORDER BY {key}");
        let rows = self.session.rows(&sql, &texts).await?;
        rows.iter().map(|row| Ok((self.session.get(row, 0)?, self.session.get(row, 1)?))).collect()
    }
}
