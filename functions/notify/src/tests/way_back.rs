//! The way back, pasted into a shell as a whole: whatever becomes of the closing of the copy, both sides are never open to clients.

use super::fixture::{World, incident_id};
use super::stories::half_moved;
use crate::story::Story;
use crate::undo;
use lifeboat_domain::acting::{CutOverState, Fence};
use lifeboat_domain::ids::{Arn, DatabaseId};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::observed::{Endpoint, FENCED, UNFENCED};
use std::sync::atomic::{AtomicU32, Ordering};

/// A half-way story of another kind of database.
fn world_of(source: (&str, &str), copy: (&str, &str), host: &str, fence: (&str, &str)) -> World {
    let world = half_moved(CutOverState::Moved);
    let named = |(id, arn): (&str, &str)| (DatabaseId::parse(id).unwrap(), Arn::parse(arn).unwrap());
    world.change_incident(|incident| {
        (incident.source.id, incident.source.arn) = named(source);
        let restored = incident.restored.as_mut().unwrap();
        (restored.id, restored.arn) = named(copy);
        restored.endpoint = Some(Endpoint { host: host.to_owned(), port: 6379 });
    });
    world.change(keys::fence(&incident_id()), |kept: &mut Fence| {
        kept.group = Some(fence.0.to_owned());
        kept.groups_before = vec![fence.1.to_owned()];
    });
    world
}

fn cache() -> World {
    let of = |id: &str| format!("arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:{id}");
    let (source, copy) = (of("orders"), of("orders-r1"));
    let host = "master.orders-r1.a1b2c3.euc1.cache.amazonaws.com";
    world_of(("replicationgroup:orders", &source), ("replicationgroup:orders-r1", &copy), host, ("sg-fence", "sg-app"))
}

fn table() -> World {
    let of = |id: &str| format!("arn:aws:dynamodb:eu-central-1:123456789012:table/{id}");
    let (source, copy) = (of("orders"), of("orders-r1"));
    world_of(("table/orders", &source), ("table/orders-r1", &copy), "orders-r1", (FENCED, UNFENCED))
}

/// What the pasted commands come to in a shell that goes on after a failure, as a person's does; `aws` answers as told.
async fn pasted(world: &World, answers: &str, engine: &str) -> String {
    let story = Story::read(&world.deps.ledger, &world.deps.policies, &incident_id()).await.unwrap();
    // A function's name has no hyphen.
    let commands = undo::commands(&story).join("\n").replace("redis-cli ", "redis_cli ");
    let stub = format!(
        r#"
        aws() {{
            case "$*" in
{answers}
            *get-secret-value*) echo '{{}}' ;;
            *put-secret-value*) cat > /dev/null; printf 'pointed ' >&3 ;;
            *) printf 'UNEXPECTED: %s ' "$*" >&3 ;;
            esac
        }}
        redis_cli() {{
            case "$*" in
            --tls\ -h\ master.orders-r1.a1b2c3.euc1.cache.amazonaws.com\ -p\ 6379\ CLIENT\ KILL*) {engine} ;;
            *) printf 'UNEXPECTED: %s ' "$*" >&3 ;;
            esac
        }}
        jq() {{ cat > /dev/null; echo '{{}}'; }}
        sleep() {{ printf . >> "$HOME/slept"; [ "$(cat "$HOME/slept")" != ..... ] || {{ printf 'waits ' >&3; kill $$; }}; }}
        "#
    );
    static TIMES: AtomicU32 = AtomicU32::new(0);
    let home = format!("lifeboat-way-back-{}-{}", std::process::id(), TIMES.fetch_add(1, Ordering::Relaxed));
    let home = std::env::temp_dir().join(home);
    std::fs::create_dir_all(&home).unwrap();
    let told = home.join("told");
    let script = format!("exec 3>'{}'\n{stub}\n{commands}\n", told.display());
    let shell = std::process::Command::new("sh").arg("-uc").arg(&script).env("HOME", &home).output().unwrap();
    let told = std::fs::read_to_string(&told).unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    assert!(!told.contains("UNEXPECTED"), "{told}\n{commands}\n{}", String::from_utf8_lossy(&shell.stderr));
    told.trim().to_owned()
}

#[tokio::test]
async fn a_cache_lets_clients_in_again_only_after_its_copy_is_seen_to_be_closed_on_each_node_and_its_sessions_are_ended() {
    let (closes, ends) = ("printf 'closed ' >&3", "printf 'ended ' >&3; echo 3");
    let half = r"printf 'sg-fence=active\tsg-app=removing'";
    let in_force = format!(
        r#"printf n >> "$HOME/n"; if [ "$(cat "$HOME/n")" = nn ]; then printf 'sg-fence=active\tsg-fence=active'; else {half}; fi"#
    );
    for (modify, nodes, engine, told) in [
        (closes, in_force.as_str(), ends, "closed ended OPENED pointed"),
        ("return 254", &in_force, ends, ""),
        (closes, "return 254", ends, "closed waits"),
        (closes, half, ends, "closed waits"),
        (closes, &in_force, "return 1", "closed"),
        (closes, &in_force, "echo 'NOAUTH Authentication required.'", "closed"),
    ] {
        let answers = format!(
            r"
            *modify-replication-group*orders-r1\ --security-group-ids\ sg-fence*) {modify} ;;
            *describe-cache-clusters*orders-r1*) {nodes} ;;
            *modify-replication-group*orders\ --security-group-ids\ sg-app*) printf 'OPENED ' >&3 ;;"
        );
        assert_eq!(pasted(&cache(), &answers, engine).await, told, "{modify} | {nodes} | {engine}");
    }
}

#[tokio::test]
async fn a_table_is_written_again_only_after_its_copy_shows_that_nobody_may_write_to_it() {
    let closes = "printf 'closed ' >&3; touch \"$HOME/closed\"";
    let shows = "if [ -e \"$HOME/closed\" ]; then echo LifeboatFence; else return 254; fi";
    for (put, get, told) in [
        (closes, shows, "closed OPENED pointed"),
        ("return 254", shows, ""),
        (closes, "return 254", "closed waits"),
        (closes, "echo another", "closed waits"),
    ] {
        let answers = format!(
            r"
            *put-resource-policy*table/orders-r1\ *) {put} ;;
            *get-resource-policy*table/orders-r1\ *) {get} ;;
            *get-resource-policy*table/orders\ *) echo '{{}}' ;;
            *put-resource-policy*table/orders\ *|*delete-resource-policy*table/orders\ *) printf 'OPENED ' >&3 ;;"
        );
        assert_eq!(pasted(&table(), &answers, "return 1").await, told, "{put} | {get}");
    }
}

#[tokio::test]
async fn an_instance_lets_clients_in_again_only_after_its_copy_is_closed() {
    let world = half_moved(CutOverState::Moved);
    for (modify, told) in [("printf 'closed ' >&3", "closed restarted OPENED pointed"), ("return 254", "")] {
        let answers = format!(
            r#"
            *modify-db-instance*orders-db-r7c21d0aa\ *) {modify} ;;
            *VpcSecurityGroups*) echo sg-0fe9ce0fe9ce0fe9c=active ;;
            *reboot-db-instance*) printf 'restarted ' >&3 ;;
            *DBInstanceStatus*) echo rebooting ;;
            *"wait db-instance-available"*) : ;;
            *modify-db-instance*orders-db\ *) printf 'OPENED ' >&3 ;;"#
        );
        assert_eq!(pasted(&world, &answers, "return 1").await, told, "{modify}");
    }
}
