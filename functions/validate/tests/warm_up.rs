//! Warming up against real servers: what it says was read, the servers' own counters say, too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "support/mariadb.rs"]
mod mariadb;
mod support;

use lifeboat_domain::Span;
use lifeboat_domain::ports::OpenDatabases;
use lifeboat_domain::warm_up::{Part, PartKind, PartState, Parts, WarmUpRule};
use support::{PASSWORD, Server, limits, login};

/// About 30 MiB in rows: several pieces; a unique index, another one, and values that are kept out of line.
const ORDERS: &str = "SET ROLE shop;
    CREATE TABLE orders (id bigint PRIMARY KEY, customer text, note text) WITH (autovacuum_enabled = off);
    ALTER TABLE orders ALTER note SET STORAGE EXTERNAL;
    INSERT INTO orders SELECT n, repeat('customer ', 20) || n, CASE WHEN n % 500 = 0 THEN repeat('long ', 2000) END FROM generate_series(1, 120000) n;
    CREATE INDEX by_customer ON orders (customer);
    CREATE TABLE carts (id bigint PRIMARY KEY, what text);
    INSERT INTO carts SELECT n, 'what ' || n FROM generate_series(1, 5000) n";

fn rule(relations: &[&str], largest: u32) -> WarmUpRule {
    WarmUpRule { relations: relations.iter().map(|name| (*name).to_owned()).collect(), largest, at_most: Span::minutes(5) }
}

fn long() -> Span {
    Span::seconds(60)
}

async fn list(databases: &impl OpenDatabases, target: &lifeboat_domain::ports::Target, rule: &WarmUpRule) -> Parts {
    databases.list_parts(target, &login(PASSWORD), limits(), rule).await.unwrap()
}

fn kinds(parts: &[Part]) -> Vec<(&str, PartKind)> {
    parts.iter().map(|part| (part.relation.as_str(), part.kind)).collect()
}

/// Blocks that the server has read or found in its cache for a table, by what it keeps them for.
fn touched(server: &Server, column: &str) -> i64 {
    let sql = format!(
        "SELECT pg_stat_force_next_flush(); SELECT coalesce({column}_blks_read, 0) + coalesce({column}_blks_hit, 0)
           FROM pg_statio_user_tables WHERE relname = 'orders'"
    );
    server.sql("shop", &sql).lines().last().unwrap().trim().parse().unwrap()
}

fn blocks(server: &Server, file: &str) -> i64 {
    server.sql("shop", &format!("SELECT pg_relation_size({file}) / 8192")).parse().unwrap()
}

const TOAST: &str = "(SELECT reltoastrelid FROM pg_class WHERE relname = 'orders')";

#[tokio::test]
async fn without_the_extension_every_page_of_the_rows_and_of_the_unique_index_is_read_and_nothing_is_installed() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    let (postgres, target) = (server.postgres(), server.target());
    let mut found = list(&postgres, &target, &rule(&["public.orders"], 0)).await;
    assert_eq!(kinds(&found.parts), [("public.orders", PartKind::Index), ("public.orders", PartKind::Rows)], "{found:?}");
    assert!(found.notes[0].contains("1 index and 2 files of large values") && found.notes[0].contains("pg_prewarm"), "{:?}", found.notes);

    let before = (touched(&server, "heap"), touched(&server, "idx"));
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, Span::seconds(0)).await.unwrap();
    assert!(found.parts.iter().all(|part| part.state == PartState::Waiting && part.read == 0), "there was no time: {found:?}");
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts[1..], long()).await.unwrap();
    let rows = touched(&server, "heap") - before.0;
    let all = blocks(&server, "'orders'");
    assert!(all > 2048 && rows >= all, "{rows} of {all} blocks");
    assert_eq!(found.parts[1].cursor.as_deref(), Some(all.to_string().as_str()));

    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, long()).await.unwrap();
    assert!(found.parts.iter().all(|part| part.state == PartState::Read && part.read == part.bytes), "{found:?}");
    let (read, all) = (touched(&server, "idx") - before.1, blocks(&server, "'orders_pkey'"));
    assert!(all > 100 && read >= all - 2, "{read} of {all} blocks, besides its first and its root");
    assert_eq!(server.sql("shop", "SELECT string_agg(extname, ',') FROM pg_extension"), "plpgsql");
    assert_eq!(server.sql("shop", "SELECT count(*) FROM orders"), "120000");
}

#[tokio::test]
async fn with_the_extension_every_file_is_read_and_a_second_time_does_no_harm() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    server.sql("shop", "CREATE SCHEMA \"a b\"; CREATE EXTENSION pg_prewarm SCHEMA \"a b\"");
    server.sql("shop", "GRANT USAGE ON SCHEMA \"a b\" TO shop");
    let (postgres, target) = (server.postgres(), server.target());
    let found = list(&postgres, &target, &rule(&[], 1)).await;
    use PartKind::{Index, LargeValues, Rows};
    let expected = [Index, Index, Rows, LargeValues, LargeValues].map(|kind| ("public.orders", kind));
    assert_eq!((kinds(&found.parts), found.notes.len()), (expected.to_vec(), 0), "the largest: {found:?}");
    let before = ["heap", "idx", "toast", "tidx"].map(|kind| touched(&server, kind));
    let mut once = found.parts.clone();
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut once, long()).await.unwrap();
    assert!(once.iter().all(|part| part.state == PartState::Read), "{once:?}");
    let all = [
        blocks(&server, "'orders'"),
        blocks(&server, "'orders_pkey'") + blocks(&server, "'by_customer'"),
        blocks(&server, TOAST),
        blocks(&server, &format!("(SELECT indexrelid FROM pg_index WHERE indrelid = {TOAST})")),
    ];
    for ((kind, before), all) in ["heap", "idx", "toast", "tidx"].into_iter().zip(before).zip(all) {
        let read = touched(&server, kind) - before;
        assert!(all > 0 && read >= all, "{kind}: {read} of {all} blocks");
    }
    let mut again = found.parts;
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut again, long()).await.unwrap();
    assert_eq!(once, again);
}

#[tokio::test]
async fn what_is_missing_or_forbidden_is_told_and_the_rest_is_read() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    server.sql("shop", "CREATE TABLE secret (id int); INSERT INTO secret VALUES (1)");
    server.sql(
        "shop",
        "SET ROLE shop; CREATE TABLE logs (id int, day int) PARTITION BY RANGE (day); CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (1) TO (2);
         CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (2) TO (3); INSERT INTO logs SELECT n, 1 + n % 2 FROM generate_series(1, 100) n",
    );
    let (postgres, target) = (server.postgres(), server.target());
    let mut found = list(&postgres, &target, &rule(&["public.nothing", "public.secret", "public.logs"], 1)).await;
    assert!(found.notes[0].contains("no relation public.nothing"), "{:?}", found.notes);
    let names: Vec<&str> = found.parts.iter().filter(|part| part.kind == PartKind::Rows).map(|part| part.relation.as_str()).collect();
    assert_eq!(names, ["public.secret", "public.logs_1", "public.logs_2", "public.orders"]);
    server.sql("shop", "DROP TABLE logs_2");
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, long()).await.unwrap();
    let how = |name: &str| found.parts.iter().find(|part| part.relation == name && part.kind == PartKind::Rows).unwrap();
    assert!(how("public.secret").text.as_deref().unwrap().contains("permission denied"), "{found:?}");
    assert_eq!(how("public.logs_2").text.as_deref(), Some("it is not there any more"));
    assert_eq!([how("public.logs_1").state, how("public.orders").state], [PartState::Read; 2]);
}

#[tokio::test]
async fn a_lock_is_not_waited_for_and_a_server_that_goes_leaves_what_was_read() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    let (postgres, target) = (server.postgres(), server.target());
    let mut found = list(&postgres, &target, &rule(&["public.carts", "public.orders"], 0)).await;
    use PartState::{Read, Waiting};
    let held = server.open_transaction("LOCK TABLE carts");
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts[..1], Span::seconds(1)).await.unwrap();
    assert!(found.parts[0].state == Waiting && found.parts[0].tries > 0, "{:?}", found.parts[0]);
    server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    drop(held);
    postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts[..2], long()).await.unwrap();
    server.kill();
    let error = postgres.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, long()).await.unwrap_err();
    assert_eq!(error.class, lifeboat_domain::error::CallClass::Unknown, "{error}");
    let states: Vec<PartState> = found.parts.iter().map(|part| part.state).collect();
    assert_eq!(states, [Read, Read, Waiting, Waiting]);
    assert!(postgres.list_parts(&target, &login(PASSWORD), limits(), &rule(&[], 1)).await.is_err());
}

/// The rows that the server has handed on from any index or table, and the pages that it was asked for.
fn handed_on(server: &mariadb::Server) -> (i64, i64) {
    let sum = |names: &str| {
        let sql = format!("SELECT SUM(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ({names})");
        server.sql("shop", &sql).trim().parse::<f64>().unwrap() as i64
    };
    (sum("'HANDLER_READ_NEXT', 'HANDLER_READ_RND_NEXT'"), sum("'INNODB_BUFFER_POOL_READ_REQUESTS'"))
}

#[tokio::test]
async fn on_mariadb_every_row_and_every_index_is_read() {
    let mut server = mariadb::Server::start();
    server.sql(
        "shop",
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer varchar(60), KEY by_customer (customer));
         INSERT INTO orders SELECT seq, CONCAT('customer ', seq) FROM seq_1_to_50000;
         CREATE TABLE pairs (a int, b int, note varchar(100), PRIMARY KEY (a, b));
         INSERT INTO pairs SELECT seq, seq % 7, REPEAT('x', 90) FROM seq_1_to_9000;
         CREATE TABLE heap (a int, KEY `odd ``name` (a)); INSERT INTO heap SELECT seq FROM seq_1_to_3000;
         CREATE TABLE floats (a double PRIMARY KEY); INSERT INTO floats SELECT seq FROM seq_1_to_1000;
         ANALYZE TABLE orders, pairs, heap, floats",
    );
    let (mysql, target) = (server.mysql(), server.target());
    let mut found = list(&mysql, &target, &rule(&["shop.pairs", "shop.nothing"], 3)).await;
    assert!(found.notes.len() == 1 && found.notes[0].contains("no table shop.nothing"), "{:?}", found.notes);
    let mut names: Vec<(&str, PartKind)> = kinds(&found.parts);
    assert_eq!(names.remove(0), ("shop.pairs", PartKind::Rows), "what is named comes first");
    assert_eq!(names.remove(0), ("shop.orders", PartKind::Rows), "then the largest");
    assert_eq!(names.len(), 4, "two tables and two indexes more: {names:?}");

    mysql.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, Span::seconds(0)).await.unwrap();
    assert!(found.parts.iter().all(|part| part.state == PartState::Waiting));
    let before = handed_on(&server);
    mysql.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, long()).await.unwrap();
    assert!(found.parts.iter().all(|part| part.state == PartState::Read), "{found:?}");
    let after = handed_on(&server);
    let rows = 50_000 * 2 + 9000 + 3000 * 2 + 1000;
    assert!(after.0 - before.0 >= rows, "{} of {rows} entries", after.0 - before.0);
    let pages: i64 = found.parts.iter().map(|part| i64::try_from(part.bytes / 16_384).unwrap()).sum();
    // The dictionary counts pages that are set aside and still empty.
    assert!(pages > 100 && after.1 - before.1 >= pages * 3 / 4, "{} of {pages} pages", after.1 - before.1);

    server.kill();
    let mut again = list_again(&found);
    let error = mysql.read_parts(&target, &login(PASSWORD), limits(), &mut again, long()).await.unwrap_err();
    assert_eq!(error.class, lifeboat_domain::error::CallClass::Unknown, "{error}");
}

fn list_again(found: &Parts) -> Vec<Part> {
    found.parts.iter().map(|part| Part::new(&part.relation, part.kind, &part.name, part.bytes)).collect()
}

#[tokio::test]
async fn on_mariadb_a_range_is_taken_up_where_it_ended_and_a_table_that_went_is_told() {
    let server = mariadb::Server::start();
    server.sql(
        "shop",
        "CREATE TABLE orders (id bigint PRIMARY KEY, note varchar(90)); INSERT INTO orders SELECT seq, REPEAT('x', 80) FROM seq_1_to_50000",
    );
    server.sql("shop", "CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO gone SELECT seq FROM seq_1_to_10; ANALYZE TABLE orders, gone");
    let (mysql, target) = (server.mysql(), server.target());
    let mut found = list(&mysql, &target, &rule(&["shop.gone", "shop.orders"], 0)).await;
    server.sql("shop", "DROP TABLE gone");
    found.parts[1].advance("40000", 4 << 20);
    let before = handed_on(&server).0;
    mysql.read_parts(&target, &login(PASSWORD), limits(), &mut found.parts, long()).await.unwrap();
    assert!(found.parts[0].text.as_deref().unwrap().contains("no table shop.gone"), "{found:?}");
    assert_eq!(found.parts[1].state, PartState::Read);
    let read = handed_on(&server).0 - before;
    assert!((9_900..30_000).contains(&read), "only what was left: {read}");
}
