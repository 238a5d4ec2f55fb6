//! Identifiers in SQL: only letters, digits and underscores, and always quoted; nothing else is ever formatted into a statement.

use super::trouble::Trouble;
use lifeboat_domain::policy::is_sql_identifier;

/// An identifier between the engine's quotes.
pub(crate) fn quoted(identifier: &str, quote: char) -> Result<String, Trouble> {
    if is_sql_identifier(identifier) { Ok(format!("{quote}{identifier}{quote}")) } else { Err(refused(identifier)) }
}

/// A table as it is written in a policy, `schema.table` (on MySQL `database.table`), in its two parts.
pub(crate) fn parts(table: &str) -> Result<(&str, &str), Trouble> {
    table.split_once('.').ok_or_else(|| refused(table))
}

fn refused(text: &str) -> Trouble {
    Trouble::could_not(
        "identifier",
        format!(
            "{text:?} is not an identifier of letters, digits and underscores (tables are written schema.table, on MySQL database.table)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_with_a_quote_or_a_table_without_a_schema_is_refused() {
        for (text, quote) in [("a\"b", '"'), ("a`b", '`'), ("a b", '"'), ("", '`')] {
            assert_eq!(quoted(text, quote).unwrap_err().code, "identifier");
        }
        assert_eq!(parts("orders").unwrap_err().code, "identifier");
    }

    #[test]
    fn an_identifier_stands_between_its_engines_quotes() {
        assert_eq!(quoted("Orders_1", '"').unwrap(), "\"Orders_1\"");
        assert_eq!(quoted("Orders_1", '`').unwrap(), "`Orders_1`");
        assert_eq!(parts("public.orders").unwrap(), ("public", "orders"));
    }
}
