//! Reading a restored PostgreSQL database once, block by block.
//!
//! Where its owner has installed the extension `pg_prewarm`, every fork of rows, TOAST and indexes is read by it. Where not
//! (nothing is ever installed), rows are read by their block numbers, and an index over one unique column by its keys.

use super::session::Session;
use super::table::quoted;
use crate::sql::trouble::Trouble;
use crate::sql::warm_up::{MOST_PARTS, Warmer};
use lifeboat_domain::warm_up::{Part, PartKind, Parts, WarmUpRule};

/// Blocks of one piece: 8 MiB, which a lazily loaded volume brings within a statement's time.
const BLOCKS: u64 = 1024;
/// Entries of an index of one piece.
const ENTRIES: u64 = 20_000;
/// Stands before the name of a key column, which is read through its index; other parts are known by their OID.
const BY_KEY: &str = "key:";

/// Where `pg_prewarm` is, if it is there and we may call it.
const EXTENSION: &str = "SELECT n.nspname FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
  JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'pg_prewarm'
 WHERE e.extname = 'pg_prewarm' AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')";

/// A relation with its partitions, by name.
const NAMED: &str = "WITH RECURSIVE named AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'm')
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN named ON named.oid = i.inhparent)
  SELECT oid::bigint FROM named";

/// The largest relations that we may read, besides the system's own.
const LARGEST: &str = "SELECT c.oid::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
   AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
 ORDER BY pg_catalog.pg_total_relation_size(c.oid) DESC, c.oid LIMIT ";

/// A relation's own file, its indexes, and its TOAST with that one's index: in the order in which a query needs them.
const FILES: &str =
    "SELECT pg_catalog.format('%s.%s', n.nspname, c.relname), f.kind, f.oid::bigint, pg_catalog.pg_relation_size(f.oid), f.key
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
    SELECT 1, 'index' AS kind, i.indexrelid AS oid,
        CASE WHEN i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND m.amname = 'btree' THEN a.attname::text END
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attnum > 0
     WHERE i.indrelid = c.oid AND i.indisvalid
    UNION ALL SELECT 2, 'rows', c.oid, NULL
    UNION ALL SELECT 3, 'large_values', t.oid, NULL FROM pg_catalog.pg_class t
     WHERE t.oid = c.reltoastrelid AND pg_catalog.pg_relation_size(t.oid) > 0
    UNION ALL SELECT 3, 'large_values', i.indexrelid, NULL FROM pg_catalog.pg_index i
     WHERE i.indrelid = c.reltoastrelid AND pg_catalog.pg_relation_size(c.reltoastrelid) > 0) f (place, kind, oid, key)
 WHERE c.oid = $1::text::oid AND c.relkind IN ('r', 'm') ORDER BY f.place, f.oid";

/// Lists what the rule asks for.
pub(super) async fn list(session: &Session, rule: &WarmUpRule) -> Result<Parts, Trouble> {
    let extension = !session.rows(EXTENSION, &[]).await?.is_empty();
    let mut found = Parts::default();
    let mut relations: Vec<i64> = Vec::new();
    for name in &rule.relations {
        let (schema, table) = name.split_once('.').unwrap_or(("public", name));
        let rows = session.rows(NAMED, &[schema, table]).await?;
        if rows.is_empty() {
            found.notes.push(format!("{} has no relation {name}", session.place));
        }
        for row in &rows {
            relations.push(session.get(row, 0)?);
        }
    }
    if rule.largest > 0 {
        let named = i64::try_from(relations.len()).unwrap_or(i64::MAX);
        let mut others = u64::from(rule.largest);
        for row in session.rows(&format!("{LARGEST}{}", i64::from(rule.largest).saturating_add(named)), &[]).await? {
            let oid = session.get(&row, 0)?;
            if others > 0 && !relations.contains(&oid) {
                relations.push(oid);
                others -= 1;
            }
        }
    }
    let mut left_out = LeftOut::default();
    for oid in relations {
        for row in session.rows(FILES, &[&oid.to_string()]).await? {
            let (relation, kind): (String, String) = (session.get(&row, 0)?, session.get(&row, 1)?);
            let (file, bytes): (i64, i64) = (session.get(&row, 2)?, session.get(&row, 3)?);
            let kind = PartKind::parse(&kind).unwrap_or(PartKind::Rows);
            let name = match (kind, session.get::<Option<String>>(&row, 4)?) {
                _ if extension => Some(file.to_string()),
                (PartKind::Rows, _) => Some(file.to_string()),
                (PartKind::Index, Some(key)) => quoted(&key).ok().map(|_| format!("{BY_KEY}{oid}:{key}")),
                _ => None,
            };
            match name {
                _ if bytes == 0 => {}
                None => left_out.count(kind, bytes),
                Some(_) if found.parts.len() >= MOST_PARTS => left_out.too_many += 1,
                Some(name) => found.parts.push(Part::new(relation, kind, name, bytes.unsigned_abs())),
            }
        }
    }
    found.notes.extend(left_out.notes());
    Ok(found)
}

/// What is not listed, and why.
#[derive(Default)]
struct LeftOut {
    indexes: usize,
    large_values: usize,
    bytes: u64,
    too_many: usize,
}

impl LeftOut {
    fn count(&mut self, kind: PartKind, bytes: i64) {
        match kind {
            PartKind::Index => self.indexes += 1,
            PartKind::Rows | PartKind::LargeValues => self.large_values += 1,
        }
        self.bytes = self.bytes.saturating_add(bytes.unsigned_abs());
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.indexes + self.large_values > 0 {
            let counts = [(self.indexes, "index", "indexes"), (self.large_values, "file of large values", "files of large values")];
            let named = counts.iter().filter(|(count, ..)| *count > 0);
            let named: Vec<String> = named.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many })).collect();
            let bytes = lifeboat_domain::warm_up::size(self.bytes);
            let text = "can only be read with the extension pg_prewarm, which this login cannot use in this database";
            notes.push(format!("{} ({bytes}) {text}", named.join(" and ")));
        }
        if self.too_many > 0 {
            notes.push(format!("{} files more than the {MOST_PARTS} that are read", self.too_many));
        }
        notes
    }
}

/// A session that reads.
pub(super) struct Reader<'a> {
    session: &'a Session,
    /// `"schema".pg_prewarm`, where it can be called.
    prewarm: Option<String>,
    block: u64,
}

impl<'a> Reader<'a> {
    /// Looks how to read. The session must take the way that is wanted: through the index, in its order.
    pub async fn open(session: &'a Session) -> Result<Self, Trouble> {
        session
            .run("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET max_parallel_workers_per_gather = 0")
            .await?;
        let schema = session.rows(EXTENSION, &[]).await?.first().map(|row| session.get::<String>(row, 0)).transpose()?;
        let prewarm = schema.map(|schema| format!("\"{}\".pg_prewarm", schema.replace('"', "\"\"")));
        let row = session.row("SELECT pg_catalog.current_setting('block_size')::bigint", &[]).await?;
        let block: i64 = session.get(&row, 0)?;
        Ok(Self { session, prewarm, block: block.unsigned_abs().max(1) })
    }

    /// The blocks from the cursor on.
    async fn blocks(&self, part: &mut Part) -> Result<(), Trouble> {
        let known = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.pg_relation_size(c.oid)
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::text::oid";
        let rows = self.session.rows(known, &[&part.name]).await?;
        let Some(row) = rows.first() else {
            part.skip("it is not there any more");
            return Ok(());
        };
        let (name, bytes): (String, i64) = (self.session.get(row, 0)?, self.session.get(row, 1)?);
        let end = bytes.unsigned_abs() / self.block;
        let first: u64 = part.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        if first >= end {
            part.finish();
            return Ok(());
        }
        let next = first.saturating_add(BLOCKS).min(end);
        let (last, oid) = (next - 1, &part.name);
        let sql = match &self.prewarm {
            // Into the server's own cache, too: that is where clients look first.
            Some(prewarm) => format!("SELECT {prewarm}({oid}::oid::regclass, 'buffer', 'main', {first}, {last})"),
            // A block is read to look whether its first row is there, which need not be.
            None => format!(
                "SELECT count(*) FROM ONLY {name} WHERE ctid = ANY (ARRAY(
                   SELECT pg_catalog.format('(%s,1)', block)::tid FROM pg_catalog.generate_series({first}, {last}) AS block))"
            ),
        };
        self.session.run(&sql).await?;
        part.advance(next.to_string(), (next - first).saturating_mul(self.block));
        if next == end {
            part.finish();
        }
        Ok(())
    }

    /// The entries of a unique index above the cursor, in its order.
    async fn entries(&self, part: &mut Part, oid: &str, key: &str) -> Result<(), Trouble> {
        let look = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.format_type(a.atttypid, -1), c.reltuples::bigint
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped WHERE c.oid = $1::text::oid";
        let rows = self.session.rows(look, &[oid, key]).await?;
        let Some(row) = rows.first() else {
            part.skip("it is not there any more");
            return Ok(());
        };
        let (name, key_type, tuples): (String, String, i64) =
            (self.session.get(row, 0)?, self.session.get(row, 1)?, self.session.get(row, 2)?);
        let key = quoted(key)?;
        let (above, texts) = match &part.cursor {
            Some(cursor) => (format!("{key} > $1::text::{key_type}"), vec![cursor.as_str()]),
            None => (format!("{key} IS NOT NULL"), Vec::new()),
        };
        let last = ENTRIES - 1;
        let sql = format!("SELECT {key}::text FROM ONLY {name} WHERE {above} ORDER BY {key} LIMIT 1 OFFSET {last}");
        let found = self.session.rows(&sql, &texts).await?;
        match found.first() {
            Some(row) => {
                let cursor: String = self.session.get(row, 0)?;
                let pieces = u64::try_from(tuples).unwrap_or(0).div_ceil(ENTRIES).max(1);
                part.advance(cursor, part.bytes / pieces);
            }
            None => part.finish(),
        }
        Ok(())
    }
}

impl Warmer for Reader<'_> {
    async fn piece(&mut self, part: &mut Part) -> Result<(), Trouble> {
        let name = part.name.clone();
        match name.strip_prefix(BY_KEY).and_then(|rest| rest.split_once(':')) {
            Some((oid, key)) => self.entries(part, oid, key).await,
            None => self.blocks(part).await,
        }
    }
}
