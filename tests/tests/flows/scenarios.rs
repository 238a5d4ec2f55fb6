//! What each scenario comes to, told once from its break to its end.

use crate::account::{Account, GOLD, ORDERS, rows_inside, rows_of, server_of};
use crate::story::{Story, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Plan;
use lifeboat_testing::data::Row;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Plays a story; its last incident must have ended so.
async fn told(story: Story, state: IncidentState, outcome: Outcome) -> (Account, Vec<String>) {
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

fn told_to_people(account: &Account, beginning: &str) -> bool {
    account.subjects().iter().any(|subject| subject.starts_with(beginning))
}

fn plan(account: &Account) -> Plan {
    let incident = account.incident();
    account.document(&keys::plan(&incident.id, incident.plan.as_ref().unwrap())).unwrap()
}

/// Every row acknowledged by the source up to the restore point is served, none from after it, and all that the new side took.
fn assert_rows(account: &Account) {
    let point = plan(account).restore_point.expect("the plan names its restore point");
    let (source, rows) = (server_of(&account.cloud, ORDERS), account.rows());
    let restored = account.serving();
    assert_ne!(source, restored, "clients were moved");
    // A row of that very instant may have been committed before the log was archived, or after.
    for (key, at, server) in account.client.acknowledged.iter().filter(|row| row.1 != point) {
        let expected = Some(server) == restored.as_ref() || *at <= point;
        assert_eq!(rows.contains_key(key), expected, "row {key}, committed at {at} by {server}; restored to {point}");
    }
    assert!((1..=20).all(|key| rows[&key].value == format!("{key}.00")), "the rows from before the backup are as they were");
}

/// What a copy beside production holds: no client is let in, and a person who was given access reads it.
fn rows_beside(account: &Account) -> BTreeMap<i64, Row> {
    let server = copy_of_orders(&account.cloud).1;
    assert_eq!(rows_of(&account.cloud, &server), None, "the copy is in quarantine");
    rows_inside(&account.cloud, &server).unwrap()
}

const RESTORE: &str = "RestoreDBInstanceToPointInTime";
const MODIFY: &str = "ModifyDBInstance";
const REBOOT: &str = "RebootDBInstance";
const TAG: &str = "AddTagsToResource";
const UNTAG: &str = "RemoveTagsFromResource";
const SNAPSHOT: &str = "CreateDBSnapshot";

#[tokio::test]
async fn a_failed_instance_is_restored_validated_and_replaced_without_losing_a_row_of_before_the_restore_point() {
    let (account, calls) = told(Story::InstanceFailure, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
    assert!(calls[0].contains("sg-quarantine") && calls[2].contains("sg-app"), "{calls:?}");
    assert_rows(&account);
    assert_eq!(account.instance(ORDERS)["DBInstanceStatus"], "failed", "the source is kept");
    assert!(told_to_people(&account, "RECOVERED orders-db from instance_failure"));
}

#[tokio::test]
async fn a_copy_is_configured_as_its_source_was_and_carries_the_identity_only_after_the_cut_over() {
    let (account, calls) = told(Story::InstanceFailure, IncidentState::Closed, Outcome::Recovered).await;
    let (source, copy) = (account.instance(ORDERS), account.instance(&copy_of_orders(&account.cloud).0));
    for field in ["DBInstanceClass", "DeletionProtection", "BackupRetentionPeriod", "VpcSecurityGroups", "DBParameterGroups", "MultiAZ"] {
        assert_eq!(copy[field], source[field], "{field}");
    }
    let tag = |instance: &Value, key: &str| {
        instance["TagList"].as_array().unwrap().iter().find(|tag| tag["Key"] == key).map(|tag| tag["Value"].clone())
    };
    assert_eq!(tag(&copy, "team"), Some(json!("shop")), "the owner's tags come along");
    assert_eq!((tag(&copy, "lifeboat:policy"), tag(&source, "lifeboat:policy")), (Some(json!("gold")), None));
    assert!(!calls[0].contains("lifeboat:policy"), "born without the policy tag: {}", calls[0]);
}

#[tokio::test]
async fn an_outage_that_aws_heals_is_watched_and_nothing_is_changed() {
    let (account, calls) = told(Story::AzOutage, IncidentState::Closed, Outcome::SelfHealed).await;
    assert_eq!(calls, Vec::<String>::new());
    assert!(told_to_people(&account, "HEALED orders-db by itself"));
}

#[tokio::test]
async fn a_hung_multi_az_instance_is_found_by_two_sweeps_and_failed_over_once() {
    let (account, calls) = told(Story::HungMultiAz, IncidentState::Closed, Outcome::FailedOver).await;
    assert_eq!(actions(&calls), [REBOOT]);
    assert!(calls[0].contains("\"ForceFailover\":true"), "{calls:?}");
    let sweeps = account.incident().signals[0].text.clone();
    assert!(sweeps.starts_with("2 sweeps in a row"), "{sweeps}");
}

#[tokio::test]
async fn a_hung_single_az_instance_is_fenced_before_its_clients_are_moved() {
    let (account, calls) = told(Story::Hung, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY, MODIFY, REBOOT, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
    assert!(calls[2].contains("sg-fence") && calls[3].contains("\"orders-db\""), "{calls:?}");
    assert_rows(&account);
}

#[tokio::test]
async fn rows_deleted_by_mistake_stand_in_a_copy_beside_production_and_nobody_is_moved() {
    let (account, calls) = told(Story::HumanError, IncidentState::Closed, Outcome::RestoredBeside).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY]);
    let copy = rows_beside(&account);
    assert!((1..=20).all(|key| copy[&key].value == format!("{key}.00")), "the deleted rows are there");
    let production = account.rows();
    assert!((5..=9).all(|key| !production.contains_key(&key)), "production is as it was");
    assert_eq!(account.secret_versions().len(), 1, "clients were not moved");
    assert!(told_to_people(&account, "RESTORED orders-db beside production"));
    assert!(account.last_text().contains("5 rows only in the copy (5 to 9)"), "{}", account.last_text());
}

#[tokio::test]
async fn moving_clients_to_an_earlier_state_waits_for_a_person_who_names_the_plans_hash() {
    let (account, calls) = told(Story::HumanErrorCutOver, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY, MODIFY, REBOOT, MODIFY, TAG, TAG, UNTAG, SNAPSHOT]);
    assert!(told_to_people(&account, "APPROVAL NEEDED: orders-db (human_error): moving clients to an earlier state drops every write"));
    let rows = account.rows();
    assert!((5..=9).all(|key| rows.contains_key(&key)), "the deleted rows are served again");
    assert_rows(&account);
}

#[tokio::test]
async fn a_moment_that_is_not_restorable_yet_is_waited_for() {
    let (account, _) = told(Story::HumanErrorJustNow, IncidentState::Closed, Outcome::RestoredBeside).await;
    let timeline = account.timeline(&account.incident().id);
    assert!(timeline.contains("wait: asked for 2026-01-15T10:38:00Z, restorable so far is"), "{timeline}");
}

#[tokio::test]
async fn a_watched_check_that_fails_brings_a_copy_of_when_it_last_passed() {
    let (account, calls) = told(Story::Corruption, IncidentState::Closed, Outcome::RestoredBeside).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY]);
    let copy = rows_beside(&account);
    assert_eq!((copy[&3].value.as_str(), account.rows()[&3].value.as_str()), ("3.00", "-3.00"));
}

#[tokio::test]
async fn a_deleted_instance_comes_back_from_its_retained_backup_when_a_person_says_so() {
    let (account, calls) = told(Story::Deletion, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [RESTORE, MODIFY, MODIFY, TAG, SNAPSHOT]);
    assert!(told_to_people(&account, "APPROVAL NEEDED: orders-db (deletion): deletion is always for a person to decide"));
    assert_rows(&account);
}

#[tokio::test]
async fn a_full_volume_is_grown_by_the_policys_share_and_nobody_is_moved() {
    let (account, calls) = told(Story::StorageFull, IncidentState::Closed, Outcome::StorageGrown).await;
    assert_eq!(actions(&calls), [MODIFY]);
    assert!(calls[0].contains("\"AllocatedStorage\":24"), "20 GiB and a fifth more: {calls:?}");
    assert_eq!(account.instance(ORDERS)["AllocatedStorage"], 24);
    assert_eq!(account.secret_versions().len(), 1, "clients stay where they were");
    assert!(told_to_people(&account, "STORAGE GROWN: orders-db to 24 GiB"), "{:?}", account.subjects());
    assert!((1..=20).all(|key| account.rows().contains_key(&key)));
}

#[tokio::test]
async fn a_volume_that_is_full_again_within_six_hours_is_for_a_person() {
    let (mut account, _) = told(Story::StorageFull, IncidentState::Closed, Outcome::StorageGrown).await;
    account.pass(Duration::hours(1)).await;
    let before = account.last_call();
    account.happen(|model, now| model.storage_full(ORDERS, now)).unwrap();
    account.settle().await;
    assert_eq!(account.calls_since(before), Vec::<String>::new(), "{}", account.explain());
    assert!(account.last_text().contains("once in 6 h only"), "{}", account.last_text());
}

#[tokio::test]
async fn a_volume_never_grows_past_the_policys_limit() {
    let limit = GOLD.replace("cut_over:", "storage: {most_gib: 21}\n    cut_over:");
    let mut account = Account::under(&limit, false).await;
    let before = account.last_call();
    account.happen(|model, now| model.storage_full(ORDERS, now)).unwrap();
    account.settle().await;
    assert_eq!(account.calls_since(before), Vec::<String>::new(), "{}", account.explain());
    assert!(account.last_text().contains("storage.most_gib is 21"), "{}", account.last_text());
}

#[tokio::test]
async fn a_plan_changes_nothing_takes_no_lease_and_opens_nothing() {
    let (account, calls) = told(Story::PlanOnly, IncidentState::Closed, Outcome::Planned).await;
    assert_eq!(calls, Vec::<String>::new());
    assert_eq!(account.record().open_incident, None);
    assert!(!account.timeline(&account.incident().id).contains("lease"), "{}", account.explain());
}

#[tokio::test]
async fn a_policy_that_observes_tells_and_changes_nothing() {
    let (account, calls) = told(Story::Observed, IncidentState::WaitingForPerson, Outcome::Refused).await;
    assert_eq!(calls, Vec::<String>::new());
    assert!(told_to_people(&account, "REFUSED orders-db (instance_failure): the policy's mode"), "{:?}", account.subjects());
}

#[tokio::test]
async fn two_planes_that_disagree_go_to_a_person_and_nothing_is_changed() {
    let (account, calls) = told(Story::Contradiction, IncidentState::WaitingForPerson, Outcome::NeedsPerson).await;
    assert_eq!(calls, Vec::<String>::new());
    assert!(told_to_people(&account, "NEEDS YOU orders-db"));
}

#[tokio::test]
async fn a_leaking_fence_is_opened_again_and_nobody_is_moved() {
    let (account, calls) = told(Story::FenceLeaks, IncidentState::Closed, Outcome::Refused).await;
    assert_eq!(account.secret_versions().len(), 1, "clients were not moved");
    let last = calls.iter().rfind(|call| call.contains("VpcSecurityGroupIds")).unwrap();
    assert!(last.contains("sg-app") && !last.contains("sg-fence"), "the source has its own groups again: {last}");
}

#[tokio::test]
async fn clients_that_cannot_log_in_after_the_cut_over_are_moved_back() {
    let (account, _) = told(Story::ClientRefused, IncidentState::Closed, Outcome::Failed).await;
    let hosts: Vec<String> = account.secret_versions().into_iter().map(|(host, _)| host).collect();
    assert_eq!((hosts.len(), hosts.first()), (3, hosts.last()), "{hosts:?}");
    assert!(told_to_people(&account, "FAILED orders-db"), "{:?}", account.subjects());
}

#[tokio::test]
async fn a_restore_that_never_becomes_usable_is_cleaned_up_and_followed_by_another() {
    let (account, calls) = told(Story::RestoreFails, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(actions(&calls)[..3], [RESTORE, "DeleteDBInstance", RESTORE], "{calls:?}");
    assert_rows(&account);
}

#[tokio::test]
async fn a_class_that_is_not_to_be_had_gives_way_to_the_policys_next() {
    let (account, calls) = told(Story::NoCapacity, IncidentState::Closed, Outcome::Recovered).await;
    assert!(calls[0].starts_with(RESTORE) && calls[0].contains("db.t4g.large"), "{calls:?}");
    assert_rows(&account);
}

#[tokio::test]
async fn the_next_backup_covers_the_new_instance_and_a_second_failure_is_recovered_again() {
    let (mut account, _) = told(Story::InstanceFailure, IncidentState::Closed, Outcome::Recovered).await;
    let (first_copy, _) = copy_of_orders(&account.cloud);
    account.pass(Duration::hours(3)).await;
    let before = account.last_call();
    assert!(account.backup().await.is_well());
    let backup = account.calls_since(before);
    assert!(backup.len() == 1 && backup[0].contains(&first_copy), "{backup:?}");
    account.pass(Duration::minutes(10)).await;
    account.happen(|model, now| model.fail_instance(&first_copy, now)).unwrap();
    account.settle().await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(incident.resource.as_str(), ORDERS, "one identity through both");
    assert_ne!(account.record().id.as_str(), first_copy);
    assert!((1..=20).all(|key| account.rows().contains_key(&key)));
    assert_eq!(account.instance(&first_copy)["DBInstanceStatus"], "failed", "the second source is kept, too");
}

#[tokio::test]
async fn a_password_rotated_after_the_restore_point_is_set_on_the_copy_before_anyone_is_moved() {
    let mut account = Account::new(false).await;
    account.pass(Duration::minutes(3)).await;
    let before = account.time();
    account.pass(Duration::minutes(1)).await;
    account.rotate_password("rotated-since");
    account.pass(Duration::minutes(10)).await;
    let input = json!({"resource": ORDERS, "scenario": "human_error", "restore_to": lifeboat_domain::show_time(before), "cut_over": true});
    account.ask(input.clone()).await;
    let mut approved = input;
    approved["run"] = json!("execute");
    approved["plan"] = json!(account.incident().plan.unwrap());
    account.ask(approved).await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.secret_versions().last().unwrap().1, "rotated-since", "clients keep the password that they know");
    assert!((1..=20).all(|key| account.rows().contains_key(&key)), "a client is let in with it");
}
