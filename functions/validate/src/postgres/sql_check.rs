//! Asking PostgreSQL for one value.

use super::session::Session;
use crate::sql::checks::{Ask, Returned};
use crate::sql::trouble::Trouble;
use std::time::Duration;
use tokio_postgres::SimpleQueryRow;

/// A cursor takes exactly one SELECT without side effects, and hands over no more rows than are asked of it.
impl Ask for Session {
    async fn ask(&mut self, sql: &str) -> Result<Returned, Trouble> {
        self.run("BEGIN TRANSACTION READ ONLY").await?;
        let returned = fetch(self, sql).await;
        self.run("ROLLBACK").await?;
        returned
    }

    fn statement_limit(&self) -> Duration {
        Self::statement_limit(self)
    }
}

async fn fetch(session: &Session, sql: &str) -> Result<Returned, Trouble> {
    session.rows(&format!("DECLARE lifeboat_check NO SCROLL CURSOR FOR {sql}"), &[]).await?;
    let rows = session.texts("FETCH FORWARD 2 FROM lifeboat_check").await?;
    let text = |row: &SimpleQueryRow, column| row.try_get(column).ok().flatten().map(str::to_owned);
    Ok(Returned::of(rows.iter().map(|row| (0..row.len()).map(|column| text(row, column)).collect()).collect()))
}
