//! A fingerprinted table as SQL sees it: identifiers only from the allow-list, always quoted.

use super::session::Session;
use crate::sql::identifier;
use crate::sql::trouble::Trouble;
use lifeboat_domain::policy::FingerprintTable;

/// A row as a number: 60 bits of its MD5; their sum does not depend on the order of rows.
pub(super) const ROW_HASH: &str = "('x' || substr(md5((lifeboat_row.*)::text), 1, 15))::bit(60)::bigint::numeric";

/// A table with what statements about it need.
pub(super) struct Table {
    /// `"schema"."table" AS lifeboat_row`.
    pub from: String,
    /// `lifeboat_row."key"`.
    pub key: String,
    /// The key's type, as the server writes it.
    pub key_type: String,
    /// `lifeboat_row."written_at"`.
    pub written_at: Option<String>,
}

impl Table {
    /// Looks the key's type up; a table or column that is not there is trouble.
    pub async fn look_up(session: &Session, table: &FingerprintTable) -> Result<Self, Trouble> {
        let (schema, name) = identifier::parts(&table.table)?;
        let from = format!("{}.{} AS lifeboat_row", quoted(schema)?, quoted(name)?);
        let key = column(&table.key)?;
        let written_at = table.written_at.as_deref().map(column).transpose()?;
        let found = session.rows(KEY_TYPE, &[schema, name, &table.key]).await?;
        let Some(row) = found.first() else {
            let text = format!("{} has no table {} with a column {}", session.place, table.table, table.key);
            return Err(Trouble::could_not("42P01", text));
        };
        Ok(Self { from, key, key_type: session.get(row, 0)?, written_at })
    }

    /// The condition "above $1 and at or below $2", as far as there are such bounds, with their values in order.
    pub fn between<'a>(&self, above: Option<&'a str>, up_to: Option<&'a str>) -> (String, Vec<&'a str>) {
        let mut condition = format!("{} IS NOT NULL", self.key);
        let mut texts = Vec::new();
        for (sign, bound) in [(">", above), ("<=", up_to)] {
            if let Some(bound) = bound {
                texts.push(bound);
                condition.push_str(&format!(" AND {} {sign} ${}::text::{}", self.key, texts.len(), self.key_type));
            }
        }
        (condition, texts)
    }
}

/// The type without its length, so that a cast to it never cuts a value off.
const KEY_TYPE: &str = "SELECT format_type(a.atttypid, -1)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'v', 'f')";

fn column(name: &str) -> Result<String, Trouble> {
    Ok(format!("lifeboat_row.{}", quoted(name)?))
}

pub(super) fn quoted(identifier: &str) -> Result<String, Trouble> {
    identifier::quoted(identifier, '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Table {
        Table {
            from: "\"public\".\"orders\" AS lifeboat_row".into(),
            key: "lifeboat_row.\"id\"".into(),
            key_type: "bigint".into(),
            written_at: None,
        }
    }

    #[test]
    fn bounds_are_parameters_and_never_part_of_the_sql() {
        let (sql, texts) = orders().between(Some("1; DROP TABLE x"), Some("9"));
        assert_eq!(
            sql,
            "lifeboat_row.\"id\" IS NOT NULL AND lifeboat_row.\"id\" > $1::text::bigint AND lifeboat_row.\"id\" <= $2::text::bigint"
        );
        assert_eq!(texts, ["1; DROP TABLE x", "9"]);
        let (sql, texts) = orders().between(None, Some("9"));
        assert!(sql.ends_with("<= $1::text::bigint"), "{sql}");
        assert_eq!(texts, ["9"]);
    }
}
