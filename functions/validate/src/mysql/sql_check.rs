//! Asking MySQL for one value.

use super::session::Session;
use crate::sql::checks::{Ask, Returned};
use crate::sql::trouble::Trouble;
use std::fmt::Write as _;
use std::time::Duration;

/// A derived table takes exactly one SELECT without side effects, and what is prepared is one statement, never two.
impl Ask for Session {
    async fn ask(&mut self, sql: &str) -> Result<Returned, Trouble> {
        self.run("START TRANSACTION READ ONLY").await?;
        let returned = fetch(self, sql).await;
        if returned.as_ref().is_err_and(Trouble::ends_the_visit) {
            return returned;
        }
        self.run("ROLLBACK").await?;
        returned
    }

    fn statement_limit(&self) -> Duration {
        Self::statement_limit(self)
    }
}

async fn fetch(session: &mut Session, sql: &str) -> Result<Returned, Trouble> {
    // The line break ends a comment at the end of the check.
    let statement = hex(&format!("SELECT * FROM ({sql}\n) AS lifeboat_check LIMIT 2"));
    session.run(&format!("SET @lifeboat_check = CONVERT(X'{statement}' USING utf8mb4)")).await?;
    session.run("PREPARE lifeboat_check FROM @lifeboat_check").await?;
    Ok(Returned::of(session.texts("EXECUTE lifeboat_check").await?))
}

/// As hexadecimal digits nothing of it can end the literal that it stands in, whatever the server's `sql_mode`.
fn hex(text: &str) -> String {
    text.bytes().fold(String::with_capacity(2 * text.len()), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
