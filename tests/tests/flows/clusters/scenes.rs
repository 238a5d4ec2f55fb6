//! How each story of a cluster goes when nothing disturbs it.

use crate::account::Account;
use crate::clusters::Tale;
use crate::story::{Story, check_always};
use lifeboat_domain::incident::{IncidentState, Outcome};

/// Plays a tale; its last incident must have ended so.
async fn told(tale: Tale, state: IncidentState, outcome: Outcome) -> (Account, Vec<String>) {
    let story = Story::Cluster(tale);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    let incident = account.incident();
    assert_eq!((incident.state, incident.outcome), (state, Some(outcome)), "{}", account.explain());
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    assert!(account.lease_is_free(), "the lease is given back");
    let calls = account.calls_since(before);
    (account, calls)
}

fn actions(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split(' ').next().unwrap()).collect()
}

const RESTORE: &str = "RestoreDBClusterToPointInTime";
const MEMBER: &str = "CreateDBInstance";
const MODIFY: &str = "ModifyDBCluster";
const REBOOT: &str = "RebootDBInstance";
const TAG: &str = "AddTagsToResource";
const UNTAG: &str = "RemoveTagsFromResource";
const SNAPSHOT: &str = "CreateDBClusterSnapshot";

#[tokio::test]
async fn a_lost_writer_is_replaced_by_rds_and_nothing_is_changed() {
    let (_, calls) = told(Tale::WriterLost, IncidentState::Closed, Outcome::SelfHealed).await;
    assert_eq!(calls, Vec::<String>::new());
}

#[tokio::test]
async fn a_hung_writer_is_failed_over_once_to_the_reader_of_the_best_tier() {
    let (account, calls) = told(Tale::Hung, IncidentState::Closed, Outcome::FailedOver).await;
    assert_eq!(actions(&calls), ["FailoverDBCluster"]);
    assert!(calls[0].contains("\"TargetDBInstanceIdentifier\":\"orders-db-3\""), "{calls:?}");
    assert_eq!(account.members("orders-db")[0], "orders-db-3");
}

#[tokio::test]
async fn the_hung_writer_of_a_multi_az_db_cluster_is_failed_over_once() {
    let (_, calls) = told(Tale::HungMultiAz, IncidentState::Closed, Outcome::FailedOver).await;
    assert_eq!(actions(&calls), ["FailoverDBCluster"]);
}

#[tokio::test]
async fn a_hung_cluster_without_readers_is_fenced_before_its_clients_are_moved() {
    let (_, calls) = told(Tale::HungAlone, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MEMBER, MODIFY, MODIFY, REBOOT, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
}

#[tokio::test]
async fn a_failed_cluster_is_restored_with_its_members_validated_and_replaced() {
    let (_, calls) = told(Tale::Failed, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MEMBER, MEMBER, MEMBER, MODIFY, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
}

#[tokio::test]
async fn the_restore_of_a_multi_az_db_cluster_makes_its_members_itself() {
    let (_, calls) = told(Tale::FailedMultiAz, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
}

#[tokio::test]
async fn a_deleted_cluster_comes_back_from_its_retained_backup_when_a_person_says_so() {
    let (_, calls) = told(Tale::Deletion, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MEMBER, MEMBER, MEMBER, MODIFY, MODIFY, TAG, SNAPSHOT]);
}

#[tokio::test]
async fn rows_deleted_by_mistake_stand_in_a_cluster_beside_production_and_nobody_is_moved() {
    let (account, calls) = told(Tale::HumanError, IncidentState::Closed, Outcome::RestoredBeside).await;
    assert_eq!(actions(&calls), [RESTORE, MEMBER, MEMBER, MEMBER, MODIFY]);
    assert_eq!(account.secret_versions().len(), 1, "clients were not moved");
    assert!(account.last_text().contains("5 rows only in the copy (5 to 9)"), "{}", account.last_text());
}

#[tokio::test]
async fn moving_clients_to_an_earlier_state_of_a_cluster_waits_for_a_person() {
    let (account, _) = told(Tale::HumanErrorCutOver, IncidentState::Closed, Outcome::Recovered).await;
    let rows = account.rows();
    assert!((5..=9).all(|key| rows.contains_key(&key)), "the deleted rows are served again");
}

#[tokio::test]
async fn a_wrong_copy_of_a_cluster_is_held() {
    let (account, _) = told(Tale::CopyIsWrong, IncidentState::WaitingForPerson, Outcome::HeldByValidation).await;
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved");
}

#[tokio::test]
async fn a_restored_cluster_that_never_becomes_usable_is_cleaned_up_and_followed_by_another() {
    let (_, calls) = told(Tale::RestoreFails, IncidentState::Closed, Outcome::Recovered).await;
    assert!(actions(&calls).contains(&"DeleteDBCluster"), "{calls:?}");
}

#[tokio::test]
async fn a_class_that_is_not_to_be_had_for_members_gives_way_to_the_policys_next() {
    let (_, calls) = told(Tale::NoCapacity, IncidentState::Closed, Outcome::Recovered).await;
    assert!(calls.iter().any(|call| call.starts_with(MEMBER) && call.contains("db.t4g.large")), "{calls:?}");
}

#[tokio::test]
async fn a_cut_over_of_a_cluster_is_undone() {
    let (account, _) = told(Tale::Undo, IncidentState::Closed, Outcome::SwappedBack).await;
    assert_eq!(account.record().id.as_str(), "orders-db");
}

#[tokio::test]
async fn a_backup_of_a_cluster_is_one_cluster_snapshot_with_manifest_and_fingerprint() {
    let story = Story::Cluster(Tale::Backup);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    let calls = account.calls_since(before);
    assert_eq!(actions(&calls), [SNAPSHOT]);
}
