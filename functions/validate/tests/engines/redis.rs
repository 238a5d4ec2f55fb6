//! The adapter against a real Redis: what it proves, and what it must never claim.

#[path = "../support/redis.rs"]
mod server;

use crate::support::{PASSWORD, limits, login, wait_for};
use lifeboat_domain::CallClass;
use lifeboat_domain::keyspace::Keyspace;
use lifeboat_domain::policy::SqlCheck;
use lifeboat_domain::ports::{Credentials, FlushCaches, OpenDatabases};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::words::Grade;
use server::Server;
use std::collections::BTreeMap;

fn token(password: &str) -> Credentials {
    Credentials { username: "default".into(), ..login(password) }
}

async fn keyspace(server: &Server) -> Keyspace {
    let taken = server.redis().fingerprint(&server.target(), &token(PASSWORD), limits(), &[], &BTreeMap::new()).await.unwrap();
    taken.keyspace.unwrap()
}

#[tokio::test]
async fn a_primary_answers_and_accepts_writes_and_its_replica_accepts_none() {
    let primary = Server::start();
    let probe = primary.redis().probe(&primary.target(), &token(PASSWORD), limits(), &[]).await;
    assert_eq!((probe.outcome, probe.writable), (ProbeOutcome::Answers, Some(true)), "{}", probe.text);
    let replica = Server::start();
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    let probe = replica.redis().probe(&replica.target(), &token(PASSWORD), limits(), &[]).await;
    assert_eq!((probe.outcome, probe.writable), (ProbeOutcome::Answers, Some(false)), "{}", probe.text);
}

#[tokio::test]
async fn what_a_probe_meets_is_told_by_what_it_proves() {
    let server = Server::start();
    let redis = server.redis();
    let refused = redis.probe(&server.target(), &token("wrong"), limits(), &[]).await;
    assert_eq!(refused.outcome, ProbeOutcome::LoginRefused, "{}", refused.text);
    assert!(!refused.text.contains("wrong"), "{}", refused.text);
    let other = Server::start();
    let untrusted = redis.probe(&other.target(), &token(PASSWORD), limits(), &[]).await;
    assert_eq!(untrusted.outcome, ProbeOutcome::CouldNotRun, "a wrong certificate proves no outage: {}", untrusted.text);
    server.hang();
    let hung = redis.probe(&server.target(), &token(PASSWORD), limits(), &[]).await;
    assert_eq!(hung.outcome, ProbeOutcome::NoAnswer, "{}", hung.text);
    let target = server.target();
    drop(server);
    let gone = redis.probe(&target, &token(PASSWORD), limits(), &[]).await;
    assert_eq!(gone.outcome, ProbeOutcome::Unreachable, "{}", gone.text);
}

#[tokio::test]
async fn a_check_in_sql_is_unknown_and_never_passed() {
    let server = Server::start();
    let check = SqlCheck { name: "no bad".into(), sql: "SELECT 1".into(), expect: "1".into(), watch: true };
    let ran = server.redis().run_checks(&server.target(), &token(PASSWORD), limits(), std::slice::from_ref(&check)).await;
    assert_eq!(ran[0].grade, Grade::Unknown, "{ran:?}");
    let probe = server.redis().probe(&server.target(), &token(PASSWORD), limits(), &[check]).await;
    assert!(!probe.checks_passed && probe.failed_checks.is_empty(), "{probe:?}");
}

#[tokio::test]
async fn the_keyspace_counts_all_and_samples_only_what_does_not_expire() {
    let server = Server::start();
    server.cli(&["EVAL", "for i = 1, 2000 do redis.call('SET', 'user:'..i, 'v'..i) end", "0"]);
    server.cli(&["EVAL", "for i = 1, 30 do redis.call('SET', 'session:'..i, 's', 'EX', '600') end", "0"]);
    server.cli(&["-n", "3", "RPUSH", "queue", "a", "b"]);
    let then = keyspace(&server).await;
    assert_eq!((then.keys(), then.lasting(), then.is_whole, then.databases.len()), (2031, 2001, true, 2));
    assert_eq!(then, keyspace(&server).await, "the same wherever and whenever it is taken");
    let text = serde_json::to_string(&then).unwrap();
    assert!(!text.contains("user:") && !text.contains("queue"), "hashes, never names");

    // Another server with another hash seed, and the same keys.
    let copy = Server::start();
    copy.cli(&["EVAL", "for i = 2000, 1, -1 do redis.call('SET', 'user:'..i, 'v'..i) end", "0"]);
    copy.cli(&["-n", "3", "RPUSH", "queue", "a", "b"]);
    let (grade, text) = then.compare(&keyspace(&copy).await);
    assert_eq!(grade, Grade::Pass, "{text}");
    copy.cli(&["EVAL", "for i = 1, 1500 do redis.call('DEL', 'user:'..i) end", "0"]);
    let (grade, text) = then.compare(&keyspace(&copy).await);
    assert_eq!(grade, Grade::Fail, "{text}");
    copy.cli(&["FLUSHALL"]);
    assert_eq!(then.compare(&keyspace(&copy).await).0, Grade::Fail);
}

#[tokio::test]
async fn everybody_elses_sessions_are_ended_and_none_of_them_is_left() {
    let server = Server::start();
    let _clients = [server.stay(), server.stay()];
    let done = server.redis().end_other_sessions(&server.target(), &token(PASSWORD), limits()).await.unwrap();
    assert!(done.ended >= 2 && done.left == 0, "{done:?}");
}

#[tokio::test]
async fn with_cluster_mode_each_shard_is_asked() {
    let options = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-announce-ip", "127.0.0.1"];
    let server = Server::start_with(&options);
    server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    wait_for("the cluster", || server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    server.cli(&["SET", "a", "1"]);
    let probe = server.redis().probe(&server.target(), &token(PASSWORD), limits(), &[]).await;
    assert_eq!((probe.outcome, probe.writable), (ProbeOutcome::Answers, Some(true)), "{}", probe.text);
    assert_eq!(keyspace(&server).await.lasting(), 1);
    server.cli(&["CLUSTER", "DELSLOTSRANGE", "0", "16383"]);
    let down = server.redis().probe(&server.target(), &token(PASSWORD), limits(), &[]).await;
    assert_eq!(down.outcome, ProbeOutcome::NoAnswer, "{}", down.text);
}

#[tokio::test]
async fn a_flush_empties_every_database_of_a_primary_as_often_as_it_is_sent_and_a_replica_refuses_it() {
    let primary = Server::start();
    primary.cli(&["EVAL", "for i = 1, 50 do redis.call('SET', 'user:'..i, 'v'..i) end", "0"]);
    primary.cli(&["-n", "3", "RPUSH", "queue", "a", "b"]);
    let replica = Server::start();
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    let refused = replica.redis().flush_all(&replica.target(), &token(PASSWORD), limits()).await.unwrap_err();
    assert_eq!((refused.class, refused.code.as_str()), (CallClass::Invalid, "READONLY"), "{refused}");
    assert_eq!(keyspace(&primary).await.keys(), 51, "what is refused empties nothing");
    for _ in 0..2 {
        assert_eq!(primary.redis().flush_all(&primary.target(), &token(PASSWORD), limits()).await, Ok(1));
        assert_eq!(keyspace(&primary).await.keys(), 0);
    }
}

#[tokio::test]
async fn a_flush_that_is_not_permitted_or_gets_no_answer_is_told_from_one_that_took_place() {
    let server = Server::start();
    server.cli(&["SET", "user", "v"]);
    server.cli(&["ACL", "SETUSER", "reader", "on", &format!(">{PASSWORD}"), "~*", "+@all", "-flushall"]);
    let reader = Credentials { username: "reader".into(), ..login(PASSWORD) };
    let denied = server.redis().flush_all(&server.target(), &reader, limits()).await.unwrap_err();
    assert_eq!((denied.class, denied.certainly_did_nothing()), (CallClass::Denied, true), "{denied}");
    assert_eq!(keyspace(&server).await.keys(), 1);
    server.hang();
    let silent = server.redis().flush_all(&server.target(), &token(PASSWORD), limits()).await.unwrap_err();
    assert_eq!((silent.class, silent.certainly_did_nothing()), (CallClass::Unknown, false), "{silent}");
}
