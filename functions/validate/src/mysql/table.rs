//! A fingerprinted table as SQL sees it: identifiers only from the allow-list, always quoted.

use super::session::{Session, Texts};
use crate::sql::identifier;
use crate::sql::trouble::Trouble;
use lifeboat_domain::policy::FingerprintTable;

/// A table with what statements about it need.
pub(super) struct Table {
    /// `` `schema`.`table` AS lifeboat_row ``.
    pub from: String,
    /// `` lifeboat_row.`key` ``.
    pub key: String,
    /// The key as text, from which it can be made again.
    pub key_text: String,
    /// A parameter as a key.
    bound: String,
    /// The newest `written_at`, as RFC 3339.
    pub newest: String,
    /// A row as a number: 60 bits of its MD5; their sum does not depend on the order of rows.
    pub row_hash: String,
}

/// The columns in their order, with the table's kind and whether its storage engine knows transactions.
const COLUMNS: &str = "SELECT c.COLUMN_NAME, LOWER(c.DATA_TYPE), c.COLUMN_TYPE LIKE '%unsigned%',
   CONCAT('DECIMAL(', c.NUMERIC_PRECISION, ',', c.NUMERIC_SCALE, ')'), t.ENGINE, e.TRANSACTIONS
  FROM information_schema.COLUMNS c
  JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
  LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
 WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION";

/// One column.
struct Column {
    name: String,
    data_type: String,
    unsigned: bool,
    decimal: Option<String>,
}

impl Table {
    /// Looks the columns up; a table or column that is not there is trouble.
    pub async fn look_up(session: &mut Session, table: &FingerprintTable) -> Result<Self, Trouble> {
        let (schema, name) = identifier::parts(&table.table)?;
        let from = format!("{}.{} AS lifeboat_row", quoted(schema)?, quoted(name)?);
        let rows = session.rows(COLUMNS, &[schema, name]).await?;
        only_transactional(session, table, &rows)?;
        let columns = rows.iter().map(|row| column(session, row)).collect::<Result<Vec<_>, _>>()?;
        let find = |wanted: &str| {
            columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(wanted))
                .ok_or_else(|| Trouble::could_not("1146", format!("{} has no table {} with a column {wanted}", session.place, table.table)))
        };
        let (key_column, key) = (find(&table.key)?, named(&table.key)?);
        let (key_text, bound) = key_column.as_key(&key).ok_or_else(|| {
            let text = format!("the key {} of {} is a {}, which has no exact text in order", table.key, table.table, key_column.data_type);
            Trouble::could_not("key", text)
        })?;
        let newest = match &table.written_at {
            Some(name) => newest(find(name)?, table)?,
            None => "NULL".to_owned(),
        };
        Ok(Self { from, key, key_text, bound, newest, row_hash: row_hash(&columns) })
    }

    /// The condition "above the first ? and at or below the second", as far as there are such bounds, with their values in order.
    pub fn between<'a>(&self, above: Option<&'a str>, up_to: Option<&'a str>) -> (String, Vec<&'a str>) {
        let mut condition = format!("{} IS NOT NULL", self.key);
        let mut texts = Vec::new();
        for (sign, bound) in [(">", above), ("<=", up_to)] {
            if let Some(bound) = bound {
                texts.push(bound);
                condition.push_str(&format!(" AND {} {sign} {}", self.key, self.bound));
            }
        }
        (condition, texts)
    }
}

/// Without transactions no snapshot holds the table still, and a copy of it would differ for no reason.
fn only_transactional(session: &Session, table: &FingerprintTable, rows: &[Texts]) -> Result<(), Trouble> {
    let Some(row) = rows.first() else {
        return Err(Trouble::could_not("1146", format!("{} has no table {} that it shows to us", session.place, table.table)));
    };
    let (engine, transactions) = (row.get(4).cloned().flatten(), row.get(5).cloned().flatten());
    match engine {
        Some(engine) if transactions.as_deref() != Some("YES") => {
            let text = format!("{} is stored by {engine}, which has no transactions: only such tables have fingerprints", table.table);
            Err(Trouble::could_not("engine", text))
        }
        _ => Ok(()),
    }
}

fn column(session: &Session, row: &Texts) -> Result<Column, Trouble> {
    Ok(Column {
        name: session.text(row, 0)?.to_owned(),
        data_type: session.text(row, 1)?.to_owned(),
        unsigned: session.text(row, 2)? == "1",
        decimal: row.get(3).cloned().flatten(),
    })
}

impl Column {
    /// The key as text, and a parameter as such a key; none where texts cannot be trusted to come back as the same key.
    fn as_key(&self, key: &str) -> Option<(String, String)> {
        let bound = match self.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" if self.unsigned => "CAST(? AS UNSIGNED)".to_owned(),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => "CAST(? AS SIGNED)".to_owned(),
            "decimal" => format!("CAST(? AS {})", self.decimal.as_ref()?),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "uuid" | "inet4" | "inet6" => "?".to_owned(),
            "datetime" | "timestamp" => "CAST(? AS DATETIME(6))".to_owned(),
            "date" => "CAST(? AS DATE)".to_owned(),
            "binary" | "varbinary" => return Some((format!("HEX({key})"), "UNHEX(?)".to_owned())),
            _ => return None,
        };
        Some((format!("CAST({key} AS CHAR)"), bound))
    }

    /// What is hashed of it: each column's part is closed in itself, so that no two rows read the same. What can be long is
    /// hashed by itself: a row's text longer than `max_allowed_packet` would be NULL.
    fn part(&self) -> String {
        let name = format!("lifeboat_row.`{}`", self.name.replace('`', "``"));
        match self.data_type.as_str() {
            // A FLOAT's own text is rounded.
            "float" => format!("QUOTE({name} + 0e0)"),
            "binary" | "varbinary" | "bit" | "tinyblob" => format!("COALESCE(HEX({name}), 'NULL')"),
            "text" | "mediumtext" | "longtext" | "json" => format!("COALESCE(MD5(CONVERT({name} USING utf8mb4)), 'NULL')"),
            "blob" | "mediumblob" | "longblob" => format!("COALESCE(MD5({name}), 'NULL')"),
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
            | "geomcollection" => format!("COALESCE(MD5(ST_AsBinary({name})), 'NULL')"),
            _ => format!("QUOTE(CONVERT({name} USING utf8mb4))"),
        }
    }
}

fn row_hash(columns: &[Column]) -> String {
    let parts: Vec<String> = columns.iter().map(Column::part).collect();
    format!("CAST(CONV(LEFT(MD5(CONCAT_WS(',', {})), 15), 16, 10) AS UNSIGNED)", parts.join(", "))
}

/// The session's time zone is UTC; a DATETIME, which has none, is taken for UTC.
fn newest(column: &Column, table: &FingerprintTable) -> Result<String, Trouble> {
    if !matches!(column.data_type.as_str(), "datetime" | "timestamp" | "date") {
        let text = format!("{} of {} is a {}, not a time", column.name, table.table, column.data_type);
        return Err(Trouble::could_not("written_at", text));
    }
    Ok(format!("DATE_FORMAT(MAX({}), '%Y-%m-%dT%H:%i:%s.%fZ')", named(&column.name)?))
}

fn named(name: &str) -> Result<String, Trouble> {
    Ok(format!("lifeboat_row.{}", quoted(name)?))
}

fn quoted(identifier: &str) -> Result<String, Trouble> {
    identifier::quoted(identifier, '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_type(data_type: &str) -> Column {
        Column { name: "id".into(), data_type: data_type.into(), unsigned: false, decimal: Some("DECIMAL(12,2)".into()) }
    }

    fn orders() -> Table {
        let (key_text, bound) = of_type("bigint").as_key("lifeboat_row.`id`").unwrap();
        Table {
            from: "`shop`.`orders` AS lifeboat_row".into(),
            key: "lifeboat_row.`id`".into(),
            key_text,
            bound,
            newest: "NULL".into(),
            row_hash: "0".into(),
        }
    }

    #[test]
    fn bounds_are_parameters_and_never_part_of_the_sql() {
        let (sql, texts) = orders().between(Some("1; DROP TABLE x"), Some("9"));
        assert_eq!(
            sql,
            "lifeboat_row.`id` IS NOT NULL AND lifeboat_row.`id` > CAST(? AS SIGNED) AND lifeboat_row.`id` <= CAST(? AS SIGNED)"
        );
        assert_eq!(texts, ["1; DROP TABLE x", "9"]);
        let (sql, texts) = orders().between(None, Some("9"));
        assert!(sql.ends_with("<= CAST(? AS SIGNED)"), "{sql}");
        assert_eq!(texts, ["9"]);
    }

    #[test]
    fn a_key_whose_text_is_rounded_or_sorted_otherwise_is_no_key() {
        for data_type in ["float", "double", "enum", "set", "json", "bit", "longblob"] {
            assert!(of_type(data_type).as_key("k").is_none(), "{data_type}");
        }
        assert_eq!(of_type("decimal").as_key("k").unwrap().1, "CAST(? AS DECIMAL(12,2))");
        assert_eq!(of_type("binary").as_key("k").unwrap(), ("HEX(k)".to_owned(), "UNHEX(?)".to_owned()));
    }

    #[test]
    fn a_column_of_any_name_stays_within_its_quotes() {
        let odd = Column { name: "a`b".into(), ..of_type("int") };
        assert_eq!(odd.part(), "QUOTE(CONVERT(lifeboat_row.`a``b` USING utf8mb4))");
    }
}
