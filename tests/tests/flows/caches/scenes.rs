//! How each story of a cache goes when nothing disturbs it.

use crate::account::{Account, ORDERS};
use crate::caches::CacheTale as Tale;
use crate::story::{Story, check_always};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_testing::model::CreateCacheSnapshot;
use serde_json::json;

/// Plays a tale; its last incident must have ended so.
async fn told(tale: Tale, state: IncidentState, outcome: Outcome) -> (Account, Vec<String>) {
    let story = Story::Cache(tale);
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

const CREATE: &str = "CreateReplicationGroup";
const MODIFY: &str = "ModifyReplicationGroup";
const TAG: &str = "AddTagsToResource";
const UNTAG: &str = "RemoveTagsFromResource";
const SNAPSHOT: &str = "CreateSnapshot";

#[tokio::test]
async fn a_lost_primary_is_replaced_by_elasticache_and_nothing_is_changed() {
    let story = Story::Cache(Tale::NodeLost);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    account.settle().await;
    assert!(account.incidents().iter().all(|it| it.outcome == Some(Outcome::SelfHealed)), "{}", account.explain());
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    assert_eq!(account.primary(ORDERS).as_deref(), Some("orders-db-002"));
}

#[tokio::test]
async fn a_hung_primary_without_automatic_failover_gives_way_to_its_replica_by_one_call() {
    let (account, calls) = told(Tale::HungByHand, IncidentState::Closed, Outcome::FailedOver).await;
    assert_eq!(actions(&calls), [MODIFY]);
    assert!(calls[0].contains("\"PrimaryClusterId\":\"orders-db-002\""), "{calls:?}");
    assert_eq!(account.primary(ORDERS).as_deref(), Some("orders-db-002"));
    let messages = account.cloud.see().messages.clone();
    let letter = messages.iter().find(|message| message.subject.starts_with("FAILED OVER")).unwrap();
    let told = format!("{} {}", letter.short, letter.text);
    assert!(told.contains("may be lost") && told.contains("replication is asynchronous"), "{told}");
    assert!(!told.contains("no data lost") && !told.contains("synchronous copy") && !told.contains("SecondaryAvailabilityZone"), "{told}");
}

#[tokio::test]
async fn automatic_failover_that_does_nothing_is_off_for_the_promotion_and_on_again_after_it() {
    let (account, calls) = told(Tale::HungStalled, IncidentState::Closed, Outcome::FailedOver).await;
    assert_eq!(actions(&calls), [MODIFY, MODIFY, MODIFY]);
    assert!(calls[0].contains("\"AutomaticFailoverEnabled\":false") && calls[0].contains("\"MultiAZEnabled\":false"), "{calls:?}");
    assert!(calls[1].contains("\"PrimaryClusterId\":\"orders-db-002\""), "{calls:?}");
    assert!(calls[2].contains("\"AutomaticFailoverEnabled\":true") && calls[2].contains("\"MultiAZEnabled\":true"), "{calls:?}");
    let shown = account.cache(ORDERS);
    assert_eq!((shown["AutomaticFailover"].as_str(), shown["MultiAZ"].as_str()), (Some("enabled"), Some("enabled")));
}

#[tokio::test]
async fn a_hung_node_whose_sessions_cannot_be_ended_is_replaced_only_when_a_person_says_so() {
    let (account, calls) = told(Tale::HungAlone, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [CREATE, MODIFY, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
    let asked = account.cloud.see().messages.iter().any(|message| message.text.contains("split brain: orders-db gives no answer"));
    assert!(asked, "the risk was named: {}", account.explain());
}

#[tokio::test]
async fn a_failed_cache_is_restored_with_all_that_its_source_had() {
    let (account, calls) = told(Tale::Failed, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [CREATE, MODIFY, TAG, SNAPSHOT], "a failed group takes no tags");
    let told: serde_json::Value = serde_json::from_str(calls[0].split_once(' ').unwrap().1).unwrap();
    for (field, value) in [
        ("AutomaticFailoverEnabled", json!(true)),
        ("MultiAZEnabled", json!(true)),
        ("NumCacheClusters", json!(2)),
        ("TransitEncryptionEnabled", json!(true)),
        ("AtRestEncryptionEnabled", json!(true)),
        ("AuthToken", json!("****")),
        ("SnapshotRetentionLimit", json!(7)),
        ("CacheSubnetGroupName", json!("caches-private")),
        ("SecurityGroupIds", json!(["sg-quarantine"])),
        ("NotificationTopicArn", json!("arn:aws:sns:us-east-1:123456789012:caches")),
    ] {
        assert_eq!(told[field], value, "{field}: {told}");
    }
    let keys: Vec<&str> = told["Tags"].as_array().unwrap().iter().map(|tag| tag["Key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["lifeboat:incident", "team"], "a copy never looks protected");
    assert!(account.last_text().contains("configured exactly as its source was") || !account.last_text().contains("differs"));
}

#[tokio::test]
async fn a_failed_cache_that_still_carries_its_policy_is_never_judged_or_backed_up_again() {
    let (mut account, _) = told(Tale::Failed, IncidentState::Closed, Outcome::Recovered).await;
    let (serving, before, incidents) = (account.record().id, account.last_call(), account.incidents().len());
    account.sweeps(2).await;
    account.backup().await;
    assert_eq!(account.record().id, serving, "the identity stays with the new one");
    assert_eq!(account.incidents().len(), incidents, "{}", account.explain());
    assert_eq!(actions(&account.calls_since(before)), [SNAPSHOT], "{}", account.explain());
}

#[tokio::test]
async fn a_sweep_sees_everything_while_a_cache_is_busy_and_tells_no_tags() {
    let mut account = Story::Cache(Tale::Backup).begin().await;
    let (snapshot_name, cache_cluster_id) = ("by-hand".to_owned(), Some("orders-db-002".to_owned()));
    account.call(&CreateCacheSnapshot { snapshot_name, cache_cluster_id, replication_group_id: None, tags: None });
    account.pass(Duration::seconds(30)).await;
    assert_eq!(account.cache(ORDERS)["Status"], "snapshotting");
    let before = account.record().last_probe_at;
    account.sweeps(1).await;
    assert!(account.record().last_probe_at > before, "{}", account.explain());
    assert_eq!(account.incidents().len(), 0, "{}", account.explain());
}

#[tokio::test]
async fn a_failed_cache_with_cluster_mode_comes_back_with_all_its_shards() {
    let (_, calls) = told(Tale::FailedShards, IncidentState::Closed, Outcome::Recovered).await;
    assert!(calls[0].contains("\"NumNodeGroups\":2") && calls[0].contains("\"ClusterMode\":\"enabled\""), "{calls:?}");
}

#[tokio::test]
async fn without_a_snapshot_a_cache_is_built_anew_and_empty_only_when_a_person_says_so() {
    let (account, calls) = told(Tale::Cold, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [CREATE, MODIFY, TAG, SNAPSHOT], "a failed group takes no tags");
    assert!(!calls[0].contains("SnapshotName"), "{calls:?}");
    let asked = account.cloud.see().messages.iter().any(|message| message.text.contains("everything that is not kept elsewhere is lost"));
    assert!(asked, "{}", account.explain());
}

#[tokio::test]
async fn a_deleted_cache_comes_back_from_its_snapshot_when_a_person_says_so() {
    let (_, calls) = told(Tale::Deletion, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [CREATE, MODIFY, TAG, SNAPSHOT]);
}

#[tokio::test]
async fn keys_deleted_by_mistake_stand_in_a_cache_beside_production_and_nobody_is_moved() {
    let (account, calls) = told(Tale::HumanError, IncidentState::Closed, Outcome::RestoredBeside).await;
    assert_eq!(actions(&calls), [CREATE]);
    assert_eq!(account.secret_versions().len(), 1, "clients were not moved");
}

#[tokio::test]
async fn a_serving_cache_is_fenced_by_ending_the_sessions_of_all_others() {
    let (account, calls) = told(Tale::HumanErrorCutOver, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [CREATE, MODIFY, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
    assert!(!actions(&calls).contains(&"RebootCacheCluster"), "{calls:?}");
    let rows = account.rows();
    assert!((5..=9).all(|key| rows.contains_key(&key)), "the deleted keys are served again");
}

#[tokio::test]
async fn a_copy_that_lost_most_of_its_keys_is_held() {
    let (account, _) = told(Tale::CopyIsWrong, IncidentState::WaitingForPerson, Outcome::HeldByValidation).await;
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved");
}

#[tokio::test]
async fn a_restored_cache_that_never_becomes_usable_is_cleaned_up_and_followed_by_another() {
    let (_, calls) = told(Tale::RestoreFails, IncidentState::Closed, Outcome::Recovered).await;
    assert!(actions(&calls).contains(&"DeleteReplicationGroup"), "{calls:?}");
}

#[tokio::test]
async fn a_cut_over_of_a_cache_is_undone() {
    let (account, _) = told(Tale::Undo, IncidentState::Closed, Outcome::SwappedBack).await;
    assert_eq!(account.record().id.as_str(), ORDERS);
}

#[tokio::test]
async fn a_backup_of_a_cache_is_one_snapshot_of_its_replica_with_manifest_and_fingerprint() {
    let story = Story::Cache(Tale::Backup);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    let calls = account.calls_since(before);
    assert_eq!(actions(&calls), [SNAPSHOT]);
    assert!(calls[0].contains("\"CacheClusterId\":\"orders-db-002\""), "{calls:?}");
    let kept = account.cloud.see().documents.values().filter(|document| !document["keyspace"].is_null()).count();
    assert!(kept >= 2, "a fingerprint for each backup");
}

#[tokio::test]
async fn a_person_who_names_a_resource_means_the_cache_that_serves_and_not_the_failed_one_that_takes_no_tags() {
    let (mut account, _) = told(Tale::Failed, IncidentState::Closed, Outcome::Recovered).await;
    let asked = account.ask(json!({"resource": ORDERS, "scenario": "instance_failure"})).await;
    assert!(asked.is_well(), "{}", asked.cause());
    assert_eq!(account.incident().source.id, account.record().id, "{}", account.explain());
}
