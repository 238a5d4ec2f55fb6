//! Whole reports, compared to the letter. `UPDATE_GOLDEN=1` rewrites them.

use super::fixture::{INCIDENT, World, mistake, plan, planned, recovered};
use super::stories::{half_finished, half_moved, moved_back_in_time};
use lifeboat_domain::acting::CutOverState;
use lifeboat_domain::incident::Phase;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::words::Scenario;
use serde_json::{Value, json};
use std::path::PathBuf;

fn compare(name: &str, text: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; if that is meant, run the test with UPDATE_GOLDEN=1 and read the difference", path.display());
}

/// Closes, and compares both pages and the email.
async fn report(world: World, outcome: &str, name: &str) {
    world.close(outcome, Value::Null).await.unwrap();
    for ending in ["md", "html"] {
        compare(&format!("{name}.{ending}"), &world.object(&format!("reports/orders-db/{INCIDENT}/{outcome}-1.{ending}")));
    }
    compare(&format!("{name}.email.txt"), &world.messages()[0].text);
}

#[tokio::test]
async fn the_report_of_a_recovery() {
    report(recovered(), "recovered", "recovered").await;
}

#[tokio::test]
async fn the_report_of_clients_moved_back_in_time() {
    report(moved_back_in_time(), "recovered", "moved_back_in_time").await;
}

#[tokio::test]
async fn the_report_of_a_copy_beside_production() {
    report(mistake(), "restored_beside", "restored_beside").await;
}

#[tokio::test]
async fn the_report_of_a_refusal() {
    let world = planned(&plan(Scenario::InstanceFailure, Remedy::RestoreLatest, true));
    world.tell("10:30:16", Phase::Plan, "plan 12345678: restore_latest, because it is possible; ask: expected to lose 9 min of writes, more than the policy's max_data_loss of 5 min");
    report(world, "refused", "refused").await;
}

#[tokio::test]
async fn the_report_of_a_recovery_that_broke_off_halfway() {
    report(half_moved(CutOverState::Moved), "interrupted", "interrupted").await;
}

#[tokio::test]
async fn the_message_of_a_failure_after_the_move() {
    let world = half_finished();
    let failure = json!({"error": "Dr.Unrecoverable", "cause": "rds:AddTagsToResource answered AccessDenied", "state": "MoveIdentity"});
    world.close("failed", failure).await.unwrap();
    compare("failed_after_the_move.email.txt", &world.messages()[0].text);
}
