//! The adapter against a real PostgreSQL: what it proves, and what it must never claim.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

mod support;

use lifeboat_domain::bisection::Reply;
use lifeboat_domain::error::CallClass;
use lifeboat_domain::moments::traces::Gap;
use lifeboat_domain::policy::{FingerprintTable, SqlCheck};
use lifeboat_domain::ports::{Clock, OpenDatabases, Target};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::validation::KeyRanges;
use lifeboat_domain::words::Grade;
use lifeboat_domain::{Span, Timestamp};
use lifeboat_validate::ask_predicate;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use support::{PASSWORD, Server, WallClock, limits, login, table, wait_for};

const ORDERS: &str =
    "SET ROLE shop; CREATE TABLE orders (id bigint PRIMARY KEY, customer text, total numeric(12,2), written_at timestamptz);
    INSERT INTO orders SELECT n, 'customer ' || n % 997, n / 7.0, timestamptz '2026-01-15 10:00:00Z' + n * interval '1 second'
    FROM generate_series(1, 20000) n";

fn sql(name: &str, sql: &str, expect: &str) -> SqlCheck {
    SqlCheck { name: name.into(), sql: sql.into(), expect: expect.into(), watch: true }
}

fn at_port(target: &Target, host: &str, port: u16) -> Target {
    Target { endpoint: Some(lifeboat_domain::observed::Endpoint { host: host.into(), port }), ..target.clone() }
}

fn range(from: &str, to: &str) -> (String, String) {
    (from.into(), to.into())
}

#[tokio::test]
async fn a_probe_tells_answers_from_refusals_and_silence_and_its_own_ignorance() {
    let server = Server::start();
    let (postgres, target) = (server.postgres(), server.target());
    let probe = async |target: &Target, password: &str| postgres.probe(target, &login(password), limits(), &[]).await;

    let seen = probe(&target, PASSWORD).await;
    assert_eq!((seen.outcome, seen.writable, seen.checks_passed), (ProbeOutcome::Answers, Some(true), false), "{}", seen.text);

    let seen = probe(&target, "wrong horse").await;
    assert_eq!(seen.outcome, ProbeOutcome::LoginRefused, "{}", seen.text);
    assert!(seen.text.contains(&format!("127.0.0.1:{}", server.port)) && !seen.text.contains("horse"), "{}", seen.text);

    let seen = probe(&Target { database: Some("nowhere".into()), ..target.clone() }, PASSWORD).await;
    assert_eq!(seen.outcome, ProbeOutcome::LoginRefused, "{}", seen.text);

    let seen = probe(&at_port(&target, "localhost", server.port), PASSWORD).await;
    assert_eq!(seen.outcome, ProbeOutcome::CouldNotRun, "the certificate is not for localhost: {}", seen.text);

    let seen = probe(&Target { engine: "mysql".into(), ..target.clone() }, PASSWORD).await;
    assert_eq!(seen.outcome, ProbeOutcome::CouldNotRun, "{}", seen.text);

    server.sql("postgres", "ALTER ROLE shop CONNECTION LIMIT 0");
    let seen = probe(&target, PASSWORD).await;
    assert_eq!(seen.outcome, ProbeOutcome::TooManyConnections, "{}", seen.text);
    server.sql("postgres", "ALTER ROLE shop CONNECTION LIMIT -1; ALTER ROLE shop SET default_transaction_read_only = on");
    assert_eq!(probe(&target, PASSWORD).await.writable, Some(false));

    server.hang();
    let started = Instant::now();
    let seen = probe(&target, PASSWORD).await;
    assert_eq!(seen.outcome, ProbeOutcome::NoAnswer, "{}", seen.text);
    assert!(started.elapsed() < Duration::from_secs(4), "a hung server took {:?}", started.elapsed());
    server.resume();

    server.kill();
    let seen = probe(&target, PASSWORD).await;
    assert_eq!(seen.outcome, ProbeOutcome::Unreachable, "{}", seen.text);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let (server, other) = (Server::start(), Server::start());
    let seen = other.postgres().probe(&server.target(), &login(PASSWORD), limits(), &[]).await;
    assert_eq!(seen.outcome, ProbeOutcome::CouldNotRun, "{}", seen.text);
    assert!(seen.text.contains("certificate"), "{}", seen.text);
}

#[tokio::test]
async fn a_server_that_closes_without_a_word_gives_no_answer_and_one_without_tls_gets_no_password() {
    let server = Server::start();
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let closing = std::thread::spawn(move || drop(silent.accept().unwrap()));
    let seen = server.postgres().probe(&at_port(&server.target(), "127.0.0.1", port), &login(PASSWORD), limits(), &[]).await;
    closing.join().unwrap();
    assert_eq!(seen.outcome, ProbeOutcome::NoAnswer, "{}", seen.text);

    let plain = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = plain.local_addr().unwrap().port();
    let refusing = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = plain.accept().unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    let seen = server.postgres().probe(&at_port(&server.target(), "127.0.0.1", port), &login(PASSWORD), limits(), &[]).await;
    assert_eq!(seen.outcome, ProbeOutcome::CouldNotRun, "{}", seen.text);
    assert!(refusing.join().unwrap().is_empty(), "nothing may be sent without TLS");
}

#[tokio::test]
async fn a_predicate_is_true_false_or_unknown_and_can_change_nothing() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    use Reply::{Bad, Good, Unknown};
    let table = [
        ("SELECT count(*) = 20000 FROM orders -- all of them;", Good),
        ("SELECT count(*) > 20000 FROM orders", Bad),
        ("WITH few AS (SELECT * FROM orders WHERE id < 5) SELECT count(*) = 4 FROM few;", Good),
        ("SELECT max(id) > 5 FROM orders WHERE id < 0", Unknown),
        ("SELECT id > 5 FROM orders", Unknown),
        ("SELECT true, false", Unknown),
        ("SELECT count(*) > 5 FROM no_such_table", Unknown),
        ("SELECT 1", Unknown),
        ("SELECT true) WHEN TRUE THEN 'good' END; DELETE FROM orders; SELECT (SELECT true", Unknown),
        ("WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) > 0 FROM gone", Unknown),
    ];
    for (predicate, expected) in table {
        let (reply, text) = ask_predicate(&server.postgres(), &server.target(), &login(PASSWORD), limits(), predicate).await;
        assert_eq!(reply, expected, "{predicate}: {text}");
        assert!(!text.is_empty(), "{predicate}");
    }
    assert_eq!(server.sql("shop", "SELECT count(*) FROM orders"), "20000");
}

#[tokio::test]
async fn sql_checks_are_graded_and_can_change_nothing() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    let short = lifeboat_domain::ports::VisitLimits { statement: Span::seconds(1), ..limits() };
    let checks = [
        sql("count", "SELECT count(*) FROM orders;", "20000"),
        sql("negative", "SELECT count(*) FROM orders WHERE total < 0", "1"),
        sql("null", "SELECT max(id) FROM orders WHERE id < 0", ""),
        sql("rows", "SELECT id FROM orders", "1"),
        sql("columns", "SELECT 1, 2", "1"),
        sql("none", "SELECT 1 WHERE false", "1"),
        sql("gone", "SELECT count(*) FROM no_such_table", "1"),
        sql("slow", "SELECT 1 FROM pg_sleep(5)", "1"),
        sql("writes", "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone", "0"),
        sql("two", "SELECT 1; DELETE FROM orders", "1"),
        sql("escapes", "SELECT set_config('transaction_read_only', 'off', false)", "off"),
        sql("time", "SELECT written_at FROM orders WHERE id = 1", "2026-01-15 10:00:01+00"),
    ];
    let found = server.postgres().run_checks(&server.target(), &login(PASSWORD), short, &checks).await;
    let grades: Vec<(&str, Grade)> = found.iter().map(|check| (check.name.as_str(), check.grade)).collect();
    use Grade::{Fail, Pass, Unknown};
    let expected = [
        ("count", Pass),
        ("negative", Fail),
        ("null", Fail),
        ("rows", Unknown),
        ("columns", Unknown),
        ("none", Unknown),
        ("gone", Unknown),
        ("slow", Unknown),
        ("writes", Unknown),
        ("two", Unknown),
        ("escapes", Unknown),
        ("time", Pass),
    ];
    assert_eq!(grades, expected, "{found:#?}");
    assert!(found[7].text.contains("did not end within 1 s"), "{}", found[7].text);
    assert_eq!(server.sql("shop", "SELECT count(*) FROM orders"), "20000");

    let seen = server.postgres().probe(&server.target(), &login(PASSWORD), limits(), &checks[..2]).await;
    assert_eq!((seen.failed_checks.len(), seen.checks_passed), (1, false), "{seen:?}");
    let seen = server.postgres().probe(&server.target(), &login(PASSWORD), limits(), &checks[..1]).await;
    assert!(seen.checks_passed && seen.failed_checks.is_empty(), "{seen:?}");
    wait_for("the visits to end", || {
        server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lifeboat-validate'") == "0"
    });
}

#[tokio::test]
async fn a_fingerprint_stays_true_while_writers_go_on_and_one_altered_row_shows() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    server.sql(
        "shop",
        "CREATE TABLE notes (code text PRIMARY KEY, body jsonb, at date); GRANT SELECT ON notes TO shop;
        INSERT INTO notes SELECT md5(n::text), '{\"n\": 1}', NULL FROM generate_series(1, 500) n; CREATE TABLE nothing (id int)",
    );
    server.sql("shop", "GRANT SELECT ON nothing TO shop");
    let tables =
        [table("public.orders", "id", Some("written_at")), table("public.notes", "code", Some("at")), table("public.nothing", "id", None)];
    let (postgres, target) = (server.postgres(), server.target());
    let take =
        async |watermarks: &BTreeMap<String, String>| postgres.fingerprint(&target, &login(PASSWORD), limits(), &tables, watermarks).await;

    let baseline = take(&BTreeMap::new()).await.unwrap();
    assert_eq!(baseline.tables, ["public.notes", "public.nothing", "public.orders"]);
    let [orders, notes, nothing] = baseline.contents.as_slice() else { panic!("{baseline:?}") };
    assert_eq!((orders.rows, orders.watermark.as_deref()), (20_000, Some("20000")));
    assert_eq!(orders.newest.unwrap().to_rfc3339(), "2026-01-15T15:33:20+00:00");
    assert_eq!((notes.rows, notes.newest), (500, None));
    assert_eq!((nothing.rows, &nothing.watermark), (0, &None));

    let watermarks: BTreeMap<String, String> =
        baseline.contents.iter().filter_map(|facts| Some((facts.table.clone(), facts.watermark.clone()?))).collect();
    server.sql("shop", "INSERT INTO orders VALUES (20001, 'new', 1, now())");
    assert_eq!(take(&watermarks).await.unwrap().contents, baseline.contents, "rows above the watermark must not count");

    server.sql("shop", "UPDATE orders SET total = total + 0.01 WHERE id = 4711");
    let altered = take(&watermarks).await.unwrap();
    assert_eq!(altered.contents[0].rows, 20_000);
    assert_ne!(altered.contents[0].hash, orders.hash, "an altered row must show");
    assert_eq!(altered.contents[1], *notes);

    server.sql("shop", "DROP TABLE notes");
    let error = take(&watermarks).await.unwrap_err();
    assert_eq!(error.class, CallClass::NotFound);
    assert!(error.message.contains("public.notes"), "{error}");
}

#[tokio::test]
async fn a_fingerprint_waits_for_writers_below_its_watermark_and_else_is_not_taken() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    server.sql("shop", "DELETE FROM orders WHERE id = 100");
    let tables = [table("public.orders", "id", None)];
    let take = async || server.postgres().fingerprint(&server.target(), &login(PASSWORD), limits(), &tables, &BTreeMap::new()).await;

    let writer = server.open_transaction("INSERT INTO orders VALUES (100, 'late', 1, now())");
    let error = take().await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (CallClass::WrongState, "unsettled"), "{error}");
    drop(writer);
    wait_for("the writer to end", || {
        server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'; ") == "0"
            || server.sql("postgres", "SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                == "t"
    });
    assert_eq!(take().await.unwrap().contents[0].rows, 19_999);
}

#[tokio::test]
async fn a_comparison_names_what_each_side_has_and_what_changed() {
    let (source, restored) = (Server::start(), Server::start());
    for server in [&source, &restored] {
        server.sql("shop", ORDERS);
        server.sql("shop", "SET ROLE shop; CREATE TABLE names (name text PRIMARY KEY, n int); INSERT INTO names SELECT 'name-' || lpad(n::text, 6, '0'), n FROM generate_series(1, 6000) n");
    }
    let compare = async |name: &str, key: &str| {
        let (ours, theirs) = (source.target(), restored.target());
        source
            .trusting(&restored)
            .compare_table((&ours, &login(PASSWORD)), (&theirs, &login(PASSWORD)), limits(), &table(name, key, None))
            .await
    };
    let same = compare("public.orders", "id").await.unwrap();
    assert_eq!((same.source_rows, same.restored_rows), (20_000, 20_000));
    assert_eq!([&same.only_restored, &same.only_source, &same.changed], [&KeyRanges::default(); 3]);

    source.sql(
        "shop",
        "DELETE FROM orders WHERE id BETWEEN 1995 AND 2010; DELETE FROM orders WHERE id = 9000;
        UPDATE orders SET customer = 'gone wrong' WHERE id BETWEEN 12000 AND 12999 OR id = 3;
        INSERT INTO orders SELECT n, 'new', 1, now() FROM generate_series(20001, 29000) n",
    );
    let found = compare("public.orders", "id").await.unwrap();
    assert_eq!((found.source_rows, found.restored_rows), (28_983, 20_000));
    assert_eq!(found.only_restored, KeyRanges { count: 17, ranges: vec![range("1995", "2010"), range("9000", "9000")] });
    assert_eq!(found.changed, KeyRanges { count: 1001, ranges: vec![range("3", "3"), range("12000", "12999")] });
    assert_eq!(found.only_source, KeyRanges { count: 9000, ranges: vec![range("20001", "29000")] });

    source.sql("shop", "UPDATE names SET n = 0 WHERE name IN ('name-000002', 'name-004000'); INSERT INTO names VALUES ('zoe', 1)");
    let found = compare("public.names", "name").await.unwrap();
    assert_eq!(found.changed.ranges, [range("name-000002", "name-000002"), range("name-004000", "name-004000")]);
    assert_eq!(found.only_source, KeyRanges { count: 1, ranges: vec![range("zoe", "zoe")] });

    restored.sql("shop", "TRUNCATE names");
    assert_eq!(compare("public.names", "name").await.unwrap().only_source.count, 6001);
}

/// The measure for ARCHITECTURE.md; printed, and bounded only against a change of kind.
#[tokio::test]
async fn a_hundred_thousand_rows_are_fingerprinted_in_seconds() {
    let server = Server::start();
    server.sql("shop", &ORDERS.replace("20000", "100000"));
    let tables = [table("public.orders", "id", Some("written_at"))];
    let started = Instant::now();
    let taken = server.postgres().fingerprint(&server.target(), &login(PASSWORD), limits(), &tables, &BTreeMap::new()).await.unwrap();
    println!("fingerprint of 100,000 rows: {:?}", started.elapsed());
    assert_eq!(taken.contents[0].rows, 100_000);
    assert!(started.elapsed() < Duration::from_secs(15));

    let copy = Server::start();
    copy.sql("shop", &ORDERS.replace("20000", "100000"));
    let (ours, theirs) = (server.target(), copy.target());
    let started = Instant::now();
    let found =
        server.trusting(&copy).compare_table((&ours, &login(PASSWORD)), (&theirs, &login(PASSWORD)), limits(), &tables[0]).await.unwrap();
    println!("comparison of 100,000 equal rows: {:?}", started.elapsed());
    assert_eq!(found.changed.count, 0);
}

#[tokio::test]
async fn a_standby_says_up_to_when_it_follows_and_a_server_of_its_own_says_that_it_is_none() {
    let server = Server::start();
    let standby = server.standby();
    let look =
        async |server: &Server| server.postgres().look_at_replica(&server.target(), &login(PASSWORD), limits(), WallClock.now()).await;

    let before = WallClock.now();
    server.sql("shop", "CREATE TABLE public.seen (id int); INSERT INTO public.seen VALUES (1)");
    wait_for("the standby to follow", || standby.sql("shop", "SELECT to_regclass('public.seen') IS NOT NULL") == "t");
    let seen = look(&standby).await;
    assert_eq!((seen.outcome, seen.in_recovery), (ProbeOutcome::Answers, Some(true)), "{}", seen.text);
    let newest = seen.newest.expect("a transaction was replayed");
    assert!(newest >= before && newest <= WallClock.now(), "{newest}: {}", seen.text);

    // What it has received and not replayed is told, and is not counted as held.
    standby.sql("postgres", "SELECT pg_wal_replay_pause()");
    server.sql("shop", "INSERT INTO public.seen SELECT generate_series(1, 1000)");
    wait_for("the standby to receive", || standby.sql("postgres", "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()") == "t");
    let behind = look(&standby).await;
    assert_eq!(behind.newest, Some(newest), "{}", behind.text);
    assert!(behind.backlog_bytes.is_some_and(|bytes| bytes > 0), "{}", behind.text);

    // The source dies: nothing of it changes, however long one waits.
    server.kill();
    assert_eq!(look(&standby).await.newest, Some(newest));

    standby.sql("postgres", "SELECT pg_promote()");
    let promoted = look(&standby).await;
    assert_eq!((promoted.in_recovery, promoted.newest), (Some(false), None), "{}", promoted.text);
    standby.kill();
    assert_eq!(look(&standby).await.outcome, ProbeOutcome::Unreachable);
}

#[tokio::test]
async fn changed_rows_are_dated_by_their_commit_and_missing_keys_by_the_rows_beside_them() {
    let server = Server::with(&[("track_commit_timestamp", "on")]);
    server.sql("shop", ORDERS);
    let moment = |text: &str| text.parse::<Timestamp>().unwrap();
    let clock = || moment(&server.sql("shop", "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"));
    let traces = async |table: &FingerprintTable, window: (Timestamp, Timestamp)| {
        server.postgres().traces(&server.target(), &login(PASSWORD), limits(), table, window).await
    };
    let orders = table("public.orders", "id", Some("written_at"));

    let loaded = clock();
    server.sql("shop", "UPDATE orders SET total = 0 WHERE id BETWEEN 5000 AND 5036");
    let changed = clock();
    server.sql("shop", "UPDATE orders SET total = 1 WHERE id < 6");
    server.sql("shop", "INSERT INTO orders SELECT n, 'new', 1, now() FROM generate_series(20001, 20900) n");
    server.sql("shop", "DELETE FROM orders WHERE id BETWEEN 100 AND 149 OR id = 9000");
    let now = clock();

    let found = traces(&orders, (loaded, now)).await;
    let changes = found.changes.unwrap();
    let seen: Vec<(i64, (&str, &str))> =
        changes.iter().map(|change| (change.rows, (change.keys.0.as_str(), change.keys.1.as_str()))).collect();
    assert_eq!(seen, [(37, ("5000", "5036")), (5, ("1", "5"))], "what is new is no damage");
    assert!(loaded <= changes[0].at && changes[0].at <= changed && changed <= changes[1].at, "{changes:?}");
    assert_eq!(found.gaps, Ok(Vec::new()), "the rows beside it were not written within this window");
    let counters = found.counters.unwrap();
    assert_eq!((counters.deleted, counters.updated), (51, 42));

    let of_january = (moment("2026-01-15T10:00:00Z"), moment("2026-01-16T10:00:00Z"));
    let found = traces(&orders, of_january).await;
    assert_eq!(found.changes, Ok(Vec::new()));
    let gap = |before: &str, behind: &str, missing, written: (&str, &str)| Gap {
        between: (before.into(), behind.into()),
        missing,
        written_before: moment(written.0),
        written_behind: moment(written.1),
    };
    let first = gap("99", "150", 50, ("2026-01-15T10:01:39Z", "2026-01-15T10:02:30Z"));
    assert_eq!(found.gaps, Ok(vec![first, gap("8999", "9001", 1, ("2026-01-15T12:29:59Z", "2026-01-15T12:30:01Z"))]));

    let without = traces(&table("public.orders", "id", None), (loaded, now)).await;
    let rows: Vec<i64> = without.changes.unwrap().iter().map(|change| change.rows).collect();
    assert_eq!(rows, [900, 37, 5], "without written_at new rows cannot be told from old ones");
    assert!(without.gaps.unwrap_err().contains("written_at"));
    let by_name = traces(&table("public.orders", "customer", Some("written_at")), (loaded, now)).await;
    assert!(by_name.gaps.unwrap_err().contains("its key is a text"));
}

#[tokio::test]
async fn what_cannot_be_told_of_the_past_is_said_with_its_reason_and_in_time() {
    let server = Server::start();
    server.sql("shop", ORDERS);
    let (orders, window) = (table("public.orders", "id", Some("written_at")), (Timestamp::UNIX_EPOCH, WallClock.now()));
    let short = lifeboat_domain::ports::VisitLimits { statement: Span::seconds(1), ..limits() };
    let traces = async |table: &FingerprintTable| server.postgres().traces(&server.target(), &login(PASSWORD), short, table, window).await;

    assert!(traces(&orders).await.changes.unwrap_err().contains("track_commit_timestamp = on"));
    assert!(traces(&table("public.nothing", "id", None)).await.counters.unwrap_err().contains("no table public.nothing"));

    let locked = server.open_transaction("LOCK TABLE orders");
    let started = Instant::now();
    let found = traces(&orders).await;
    assert!(found.gaps.unwrap_err().contains("lock timeout"));
    assert!(found.counters.is_ok(), "one question that is not answered keeps no other back");
    assert!(started.elapsed() < Duration::from_secs(4), "it took {:?}", started.elapsed());
    drop(locked);

    server.kill();
    let gone = traces(&orders).await;
    assert!(gone.changes.unwrap_err().contains("nothing accepts connections") && gone.gaps.is_err() && gone.counters.is_err());
}
