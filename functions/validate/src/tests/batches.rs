//! `probe_group` and `fingerprint`.

use super::world::World;
use serde_json::{Value, json};

fn item(resource: &str, host: &str, policy: &str) -> Value {
    let target = json!({"resource": resource, "instance": format!("{resource}-1"), "engine": "postgres",
        "endpoint": {"host": host, "port": 5432}, "secret": "s", "database": null});
    json!({"target": target, "policy": policy})
}

#[tokio::test]
async fn a_group_is_probed_at_once_and_answered_in_its_order() {
    let mut world = World::new();
    let items: Vec<Value> = (0..40).map(|n| item(&format!("db{n}"), if n % 2 == 0 { "source" } else { "copy" }, "gold")).collect();
    world
        .memory
        .files
        .borrow_mut()
        .insert("sweeps/1.json".into(), json!({"groups": {"vpc-1": items, "vpc-2": [item("odd", "copy", "gone")]}}));
    let input = |group: &str| json!({"step": "probe_group", "list": "sweeps/1.json", "group": group});
    assert_eq!(world.input(input("vpc-1")).await.unwrap(), json!({"results": "sweeps/1/vpc-1.json", "probed": 40}));
    let probes = world.file("sweeps/1/vpc-1.json")["probes"].clone();
    assert_eq!(probes[0]["resource"], "db0");
    assert_eq!((&probes[0]["probe"]["outcome"], &probes[39]["probe"]["outcome"]), (&json!("unreachable"), &json!("answers")));

    world.input(input("vpc-2")).await.unwrap();
    assert_eq!(world.file("sweeps/1/vpc-2.json")["probes"][0]["probe"]["outcome"], "could_not_run", "an unknown policy is our own failure");
    assert_eq!(world.input(input("vpc-3")).await.unwrap_err().name().as_str(), "Dr.NotFound");
    assert_eq!(world.input(input("../x")).await.unwrap_err().name().as_str(), "Dr.InvalidInput");
}

#[tokio::test]
async fn one_database_that_fails_never_fails_the_batch() {
    let mut world = World::new();
    world.source.fingerprints = false;
    let batch = json!({"items": [item("shop", "copy", "gold"), item("dead", "source", "gold"), item("odd", "copy", "gone")]});
    world.memory.files.borrow_mut().insert("backups/7.json".into(), batch);
    let answer = world.input(json!({"step": "fingerprint", "batch": "backups/7.json", "execution": "arn"})).await.unwrap();
    assert_eq!(answer, json!({"fingerprints": "backups/7-fingerprints.json", "taken": 1, "missed": 2}));
    let summary = world.file("backups/7-fingerprints.json")["fingerprints"].clone();
    assert_eq!(summary[0], json!({"resource": "shop", "key": "fingerprints/shop/2026-01-15T10:00:00Z.json", "note": null}));
    assert!(summary[1]["key"].is_null() && summary[1]["note"].as_str().unwrap().contains("no answer"), "{summary}");
    assert_eq!(world.file("fingerprints/shop/2026-01-15T10:00:00Z.json")["contents"][0]["rows"], 100);
}
