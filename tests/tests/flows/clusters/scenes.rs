//! How each story of a cluster goes when nothing disturbs it.

use crate::account::{Account, GOLD, Made, ORDERS};
use crate::clusters::Tale;
use crate::story::{Story, check_always, copy_of_orders};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Plan;
use lifeboat_domain::words::ResourceKind;
use lifeboat_testing::model::FailoverDbCluster;
use serde_json::Value;

/// Plays a tale; its last incident must have ended so.
pub(super) async fn told(tale: Tale, state: IncidentState, outcome: Outcome) -> (Account, Vec<String>) {
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

/// The calls in which the same one is repeated are told once, with how often.
pub(super) fn counted(calls: &[String]) -> Vec<(&str, usize)> {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for action in actions(calls) {
        match counted.last_mut() {
            Some((last, count)) if *last == action => *count += 1,
            _ => counted.push((action, 1)),
        }
    }
    counted
}

/// What a copy of a cluster must have of its source, and what it must not look like.
fn assert_is_a_copy(account: &Account, members: usize) {
    let (source, copy) = (account.cluster(ORDERS), account.cluster(&copy_of_orders(&account.cloud).0));
    for field in [
        "Engine",
        "EngineVersion",
        "EngineMode",
        "DBClusterInstanceClass",
        "DBClusterParameterGroup",
        "DBSubnetGroup",
        "DeletionProtection",
        "BackupRetentionPeriod",
        "PreferredBackupWindow",
        "PreferredMaintenanceWindow",
        "IamDatabaseAuthenticationEnabled",
        "IAMDatabaseAuthenticationEnabled",
        "CopyTagsToSnapshot",
        "HttpEndpointEnabled",
        "Port",
        "StorageEncrypted",
    ] {
        assert_eq!(copy[field], source[field], "{field}");
    }
    let of = |cluster: &Value| {
        let names = account.members(cluster["DBClusterIdentifier"].as_str().unwrap());
        let mut found: Vec<Value> = names.iter().map(|name| account.instance(name)).collect();
        found.sort_by_key(|it| it["PromotionTier"].to_string());
        found
    };
    let (old, new) = (of(&source), of(&copy));
    assert_eq!((old.len(), new.len()), (members, members));
    for (old, new) in old.iter().zip(&new) {
        for field in ["DBInstanceClass", "PromotionTier", "DBParameterGroups", "PubliclyAccessible", "EngineVersion"] {
            assert_eq!(new[field], old[field], "{field}");
        }
        assert_eq!(new["DBInstanceStatus"], "available");
    }
}

/// Every row acknowledged by the source up to the restore point is served, and none from after it.
fn assert_rows(account: &Account) {
    let incident = account.incident();
    let plan: Plan = account.document(&keys::plan(&incident.id, incident.plan.as_ref().unwrap())).unwrap();
    let (point, rows, restored) = (plan.restore_point.unwrap(), account.rows(), account.serving());
    for (key, at, server) in account.client.acknowledged.iter().filter(|row| row.1 != point) {
        let expected = Some(server) == restored.as_ref() || *at <= point;
        assert_eq!(rows.contains_key(key), expected, "row {key}, committed at {at} by {server}; restored to {point}");
    }
    assert!((1..=20).all(|key| rows[&key].value == format!("{key}.00")), "the rows from before the backup are as they were");
}

pub(super) const RESTORE: &str = "RestoreDBClusterToPointInTime";
pub(super) const MEMBER: &str = "CreateDBInstance";
pub(super) const DATA_API: &str = "EnableHttpEndpoint";
pub(super) const MODIFY: &str = "ModifyDBCluster";
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
    let (account, calls) = told(Tale::HungAlone, IncidentState::Closed, Outcome::Recovered).await;
    let fence = [(RESTORE, 1), (MEMBER, 1), (DATA_API, 1), (MODIFY, 2), (REBOOT, 1), (MODIFY, 1)];
    assert_eq!(counted(&calls), [&fence[..], &[(TAG, 4), (UNTAG, 2), (SNAPSHOT, 1)]].concat());
    assert!(calls[4].contains("sg-fence") && calls[5].contains("\"orders-db-1\""), "{calls:?}");
    assert_is_a_copy(&account, 1);
    assert_rows(&account);
}

#[tokio::test]
async fn a_failed_cluster_is_restored_with_its_members_validated_and_replaced() {
    let (account, calls) = told(Tale::Failed, IncidentState::Closed, Outcome::Recovered).await;
    let expected = [(RESTORE, 1), (MEMBER, 3), (DATA_API, 1), (MODIFY, 2), (TAG, 8), (UNTAG, 4), (SNAPSHOT, 1)];
    assert_eq!(counted(&calls), expected);
    assert!(calls[0].contains("sg-quarantine") && !calls[0].contains("lifeboat:policy"), "born in quarantine, unprotected: {}", calls[0]);
    assert!(calls[1..=3].iter().all(|call| call.contains("lifeboat:incident") && !call.contains("lifeboat:policy")), "{calls:?}");
    assert_eq!(account.status(ORDERS), "failed", "the source is kept");
    assert_is_a_copy(&account, 3);
    assert_rows(&account);
    let taken: Value = serde_json::from_str(calls.last().unwrap().split_once(' ').unwrap().1).unwrap();
    let name = taken["DBClusterSnapshotIdentifier"].as_str().unwrap();
    assert!(name.starts_with("lifeboat-orders-db-first-") && name.len() <= 63, "{name}");
}

#[tokio::test]
async fn after_a_recovery_members_carry_what_their_cluster_carries() {
    let (account, _) = told(Tale::Failed, IncidentState::Closed, Outcome::Recovered).await;
    let marks = |id: &str| {
        let tags = account.instance(id)["TagList"].as_array().unwrap().clone();
        let is_set = |mark: &str| tags.iter().any(|tag| tag["Key"] == mark);
        (is_set("lifeboat:policy"), is_set("lifeboat:retired"))
    };
    assert!(account.members(ORDERS).iter().all(|member| marks(member) == (false, true)), "the old ones are retired");
    let copy = copy_of_orders(&account.cloud).0;
    assert!(account.members(&copy).iter().all(|member| marks(member) == (true, false)), "the new ones are protected");
}

#[tokio::test]
async fn the_restore_of_a_multi_az_db_cluster_makes_its_members_itself() {
    let (account, calls) = told(Tale::FailedMultiAz, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(counted(&calls), [(RESTORE, 1), (MODIFY, 2), (TAG, 5), (UNTAG, 4), (SNAPSHOT, 1)]);
    assert_is_a_copy(&account, 3);
    assert_rows(&account);
}

#[tokio::test]
async fn a_deleted_cluster_comes_back_from_its_retained_backup_when_a_person_says_so() {
    let (account, calls) = told(Tale::Deletion, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(counted(&calls), [(RESTORE, 1), (MEMBER, 3), (DATA_API, 1), (MODIFY, 2), (TAG, 4), (SNAPSHOT, 1)]);
    assert!(account.subjects().iter().any(|subject| subject.starts_with("APPROVAL NEEDED: orders-db (deletion)")));
    assert_rows(&account);
}

#[tokio::test]
async fn a_deleted_cluster_without_retained_backups_comes_back_from_its_snapshot() {
    let story = Story::Cluster(Tale::DeletionWithoutBackups);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let calls = account.calls_since(before);
    assert!(calls[0].starts_with("RestoreDBClusterFromSnapshot") && calls[0].contains("\"EngineVersion\":\"15.4\""), "{calls:?}");
    assert!((1..=20).all(|key| account.rows().contains_key(&key)), "what the snapshot held");
}

#[tokio::test]
async fn rows_deleted_by_mistake_stand_in_a_cluster_beside_production_and_nobody_is_moved() {
    let (account, calls) = told(Tale::HumanError, IncidentState::Closed, Outcome::RestoredBeside).await;
    assert_eq!(counted(&calls), [(RESTORE, 1), (MEMBER, 3), (DATA_API, 1), (MODIFY, 1)]);
    assert_is_a_copy(&account, 3);
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
    let deletion = calls.iter().find(|call| call.starts_with("DeleteDBCluster")).expect("what never became usable is deleted");
    assert!(
        deletion.contains("\"DBClusterIdentifier\":\"orders-db-r") && deletion.contains("\"DeleteAutomatedBackups\":false"),
        "{deletion}"
    );
    let restored: Vec<&String> = calls.iter().filter(|call| call.starts_with(RESTORE)).collect();
    assert_eq!(restored.len(), 2, "{calls:?}");
}

#[tokio::test]
async fn a_class_that_is_not_to_be_had_for_members_gives_way_to_the_policys_next() {
    let (account, calls) = told(Tale::NoCapacity, IncidentState::Closed, Outcome::Recovered).await;
    assert_eq!(calls.iter().filter(|call| call.starts_with("DeleteDBCluster")).count(), 1, "the one that got no member is removed");
    assert_rows(&account);
    assert!(calls.iter().any(|call| call.starts_with(MEMBER) && call.contains("db.t4g.large")), "{calls:?}");
}

#[tokio::test]
async fn a_cut_over_of_a_cluster_is_undone() {
    let (account, _) = told(Tale::Undo, IncidentState::Closed, Outcome::SwappedBack).await;
    assert_eq!(account.record().id, DatabaseId::new(ResourceKind::DbCluster, ORDERS).unwrap());
}

#[tokio::test]
async fn a_backup_of_a_cluster_is_one_cluster_snapshot_with_manifest_and_fingerprint() {
    let story = Story::Cluster(Tale::Backup);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    let calls = account.calls_since(before);
    assert_eq!(actions(&calls), [SNAPSHOT]);
    let taken: Value = serde_json::from_str(calls[0].split_once(' ').unwrap().1).unwrap();
    let name = taken["DBClusterSnapshotIdentifier"].as_str().unwrap();
    assert!(name.starts_with("lifeboat-orders-db-") && name.len() <= 63, "{name}");
    let world = account.cloud.see();
    let mut points = world.ledger.iter().filter(|(key, _)| key.sort.starts_with("point#")).map(|(_, kept)| &kept.document);
    let point = points.rfind(|point| point["snapshot"] == name).expect("the ledger knows the point");
    assert_eq!(point["state"], "available");
    let manifest = &world.documents[point["manifest"].as_str().unwrap()];
    assert_eq!(manifest["configuration"]["cluster"]["members"].as_array().map(Vec::len), Some(3), "{manifest}");
    let fingerprint = &world.documents[point["fingerprint"].as_str().unwrap()];
    assert!(fingerprint["contents"][0]["rows"].as_i64().unwrap() > 20, "{fingerprint}");
}

#[tokio::test]
async fn a_failover_that_rds_has_made_meanwhile_is_not_made_again() {
    let story = Story::Cluster(Tale::Hung);
    let mut account = story.begin().await;
    // RDS, or a person, was quicker: between the plan and the call.
    account.before("ForceFailover", |cloud| {
        let target =
            FailoverDbCluster { db_cluster_identifier: ORDERS.to_owned(), target_db_instance_identifier: Some("orders-db-2".to_owned()) };
        cloud.touch().rds.call(&target).unwrap();
        cloud.touch().rds.advance(chrono::Duration::minutes(6));
    });
    let before = account.last_call();
    story.play(&mut account).await;
    let calls = account.calls_since(before);
    assert_eq!(actions(&calls), ["FailoverDBCluster"], "only the person's own: {calls:?}");
    assert!(calls[0].contains("orders-db-2"));
    let incident = account.incident();
    assert!(incident.outcome.is_some_and(Outcome::closes), "{}", account.explain());
    assert!(account.timeline(&incident.id).contains("no failover is asked for, as it would flip back"), "{}", account.explain());
    assert_eq!(account.members(ORDERS)[0], "orders-db-2");
}

#[tokio::test]
async fn the_moment_of_a_cluster_is_found_and_no_copies_of_it_are_made_to_be_asked() {
    let mut account = Account::with_cluster(GOLD, Made::Aurora(1)).await;
    account.pass(chrono::Duration::minutes(10)).await;
    let before = account.last_call();
    let ended = account.find_moment(serde_json::json!({"resource": ORDERS})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    let ended = account.find_moment(crate::bisect::wish(|_| ())).await;
    let told = format!("{} {} {}", ended.output(), ended.cause(), account.last_text());
    assert!(told.contains("copies to be asked are made of DB instances only"), "{told}");
    assert_eq!(account.calls_since(before), Vec::<String>::new());
}

#[tokio::test]
async fn names_of_clusters_are_not_swapped_and_the_plan_says_so() {
    for (target, why) in
        [("rename_swap", "swaps the names of DB instances only"), ("{rds_proxy: {proxy: orders}}", "members of a DB cluster")]
    {
        let gold = GOLD.replace("cut_over: [secrets_manager]", &format!("cut_over: [{target}]"));
        let mut account = Account::with_cluster(&gold, Made::Aurora(1)).await;
        let before = account.last_call();
        account.happen(|model, now| model.fail_cluster(ORDERS, "failed", now)).unwrap();
        account.settle().await;
        account.sweeps(3).await;
        assert_eq!(account.calls_since(before), Vec::<String>::new(), "{}", account.explain());
        let subjects = account.subjects();
        assert!(!subjects.iter().any(|subject| subject.starts_with("APPROVAL")), "no approval lifts it: {subjects:?}");
        let letter = account.cloud.see().messages.iter().find(|message| message.subject.starts_with("REFUSED")).unwrap().text.clone();
        assert!(letter.contains(why), "{target}: {letter}");
        let inputs: Vec<&str> = letter.lines().map(str::trim).filter(|line| line.starts_with('{')).collect();
        assert_eq!(inputs.len(), 2, "{letter}");
        for input in inputs {
            account.ask(serde_json::from_str(input).unwrap()).await;
            let subject = account.subjects().last().cloned().unwrap();
            assert!(subject.starts_with("PLANNED"), "what the letter says to paste is done: {input}: {subject}");
        }
    }
}
