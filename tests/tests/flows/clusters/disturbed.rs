//! The same disturbances as those of an instance: each step repeated, cut off and taken up; each call going wrong in each way.

use crate::account::{Account, Disturbance, GOLD, How, Made, ORDERS};
use crate::clusters::Tale;
use crate::faults::{every_transient_fault, lasting, mutating};
use crate::steps::every_step;
use crate::story::{Story, check_always};
use chrono::Duration;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::plan::Act;
use lifeboat_domain::words::Scenario;
use lifeboat_testing::model::{DeleteDbInstance, Fault, FaultKind, When};
use serde_json::json;
use std::collections::BTreeSet;

macro_rules! steps {
    ($($name:ident: $tale:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_step(Story::Cluster(Tale::$tale)).await; })+
    };
}

macro_rules! faults {
    ($($name:ident: $tale:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_transient_fault(Story::Cluster(Tale::$tale)).await; })+
    };
}

steps! {
    a_writer_that_rds_replaces_is_left_alone_however_a_step_is_disturbed: WriterLost,
    a_cluster_is_failed_over_once_however_a_step_is_disturbed: Hung,
    a_cluster_without_readers_is_fenced_and_restored_the_same_however_a_step_is_disturbed: HungAlone,
    a_failed_cluster_is_recovered_the_same_however_a_step_is_disturbed: Failed,
    a_failed_multi_az_db_cluster_is_recovered_the_same_however_a_step_is_disturbed: FailedMultiAz,
    a_deleted_cluster_is_recovered_the_same_however_a_step_is_disturbed: Deletion,
    a_cluster_beside_production_is_made_once_however_a_step_is_disturbed: HumanError,
    a_clone_is_made_once_however_a_step_is_disturbed: Clone,
    a_wrong_cluster_is_held_however_a_step_is_disturbed: CopyIsWrong,
    a_failed_restore_of_a_cluster_is_followed_by_another_however_a_step_is_disturbed: RestoreFails,
    a_cut_over_of_a_cluster_is_undone_once_however_a_step_is_disturbed: Undo,
    a_backup_of_a_cluster_is_taken_once_however_a_step_is_disturbed: Backup,
}

faults! {
    one_fault_of_any_call_does_not_bring_a_second_failover_of_a_cluster: Hung,
    one_fault_of_any_call_does_not_change_how_a_hung_cluster_without_readers_is_recovered: HungAlone,
    one_fault_of_any_call_does_not_change_how_a_failed_cluster_is_recovered: Failed,
    one_fault_of_any_call_does_not_change_an_approved_cut_over_of_a_cluster: HumanErrorCutOver,
    one_fault_of_any_call_makes_no_second_clone: Clone,
    one_fault_of_any_call_does_not_change_how_a_cut_over_of_a_cluster_is_undone: Undo,
    one_fault_of_any_call_does_not_change_a_backup_of_a_cluster: Backup,
}

#[tokio::test]
async fn an_execution_that_dies_between_a_missing_class_and_its_clean_up_leaves_an_empty_cluster_that_people_are_reminded_of() {
    let story = Story::Cluster(Tale::NoCapacity);
    for task in ["recovery/StartRestore", "recovery/CheckRestore"] {
        let mut account = story.begin().await;
        account.disturbance = Some(Disturbance::new(How::ThenDies, task, 1));
        story.play(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
        assert_eq!(check_always(&account), Ok(()));
        let calls = account.calls_since(0);
        let first = calls.iter().find(|call| call.starts_with("RestoreDBCluster")).unwrap();
        let empty = first.split('"').nth(3).unwrap().to_owned();
        assert_eq!(account.members(&empty), Vec::<String>::new(), "nobody was ever let in");
        account.advance(Duration::hours(30));
        account.sweeps(3).await;
        let text = account.texts_about("NEWS 2 kept databases wait");
        assert!(text.contains(&format!("\"instance\":\"cluster:{empty}\"")), "{:?} {text}", account.subjects());
        let id = format!("cluster:{empty}");
        let ended = account.release(json!({"resource": ORDERS, "instance": id, "confirm": id})).await;
        assert!(ended.is_well(), "{}", ended.cause());
    }
}

#[tokio::test]
async fn a_member_whose_restart_got_no_reply_is_restarted_again_behind_the_fence_and_all_sessions_are_ended() {
    for nth in [1, 2, 3] {
        let mut account = Account::with_cluster(GOLD, Made::Aurora(3)).await;
        account.fault("RebootDBInstance", When::Nth(nth), FaultKind::ReplyLost);
        let before = account.last_call();
        Story::HumanErrorCutOver.human_error(&mut account).await;
        account.settle().await;
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{nth}: {}", account.explain());
        assert_eq!(check_always(&account), Ok(()), "{nth}");
        let calls = account.calls_since(before);
        let restarted: BTreeSet<&str> =
            calls.iter().filter_map(|call| call.strip_prefix("RebootDBInstance ")).filter_map(|call| call.split('"').nth(3)).collect();
        assert_eq!(restarted, BTreeSet::from(["orders-db-1", "orders-db-2", "orders-db-3"]), "{nth}: {calls:?}");
    }
}

#[tokio::test]
async fn a_reader_that_refuses_its_restart_keeps_nobody_fenced_and_is_named_and_no_member_is_restarted_twice() {
    let mut account = Account::with_cluster(GOLD, Made::Aurora(3)).await;
    let kind = FaultKind::Refused { code: "InvalidDBInstanceState".to_owned(), message: "it is being modified".to_owned() };
    let (action, resource) = (Some("RebootDBInstance".to_owned()), Some("orders-db-2".to_owned()));
    account.cloud.touch().add_fault(Fault { action, resource, when: When::Always, kind });
    let (before, began) = (account.last_call(), account.time());
    Story::HumanErrorCutOver.human_error(&mut account).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert!(account.time() - began < Duration::hours(2), "clients are not shut out for hours");
    let calls = account.calls_since(before);
    let restarted = calls.iter().filter_map(|call| call.strip_prefix("RebootDBInstance ")).filter_map(|call| call.split('"').nth(3));
    assert_eq!(restarted.collect::<Vec<_>>(), ["orders-db-1", "orders-db-3"], "the writer, and whoever can be");
    let timeline = account.timeline(&account.incident().id);
    assert!(timeline.contains("not restarted: orders-db-2 answered"), "{timeline}");
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn a_cluster_that_has_lost_its_instances_is_told_as_such_and_a_copy_of_it_gets_those_that_it_had() {
    let mut account = Account::with_cluster(GOLD, Made::Aurora(2)).await;
    let at = lifeboat_domain::show_time(account.time() - Duration::minutes(8));
    for member in account.members(ORDERS) {
        account.call(&DeleteDbInstance { db_instance_identifier: member, skip_final_snapshot: Some(true), ..DeleteDbInstance::default() });
    }
    account.pass(Duration::minutes(10)).await;
    account.collect();
    account.drop_events();
    assert!(account.members(ORDERS).is_empty());
    account.sweeps(2).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::NeedsPerson), "{}", account.explain());
    let text = account.last_text();
    assert!(text.contains("has no instance that serves") && text.contains("aws rds create-db-instance"), "{text}");
    let ended = account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at})).await;
    assert!(ended.is_well(), "{}", ended.cause());
    let plan = account.plans().into_iter().find(|plan| plan.scenario == Scenario::HumanError).expect("there is a plan");
    let made = plan.calls.iter().filter(|call| matches!(&call.act, Act::MakeMember { settings, .. } if !settings.class.is_empty()));
    assert_eq!(made.count(), 2, "{plan:#?}");
}

async fn hung_with(kind: FaultKind) -> Account {
    let story = Story::Cluster(Tale::Hung);
    let mut account = story.begin().await;
    account.fault("FailoverDBCluster", When::Nth(1), kind);
    story.play(&mut account).await;
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    account
}

#[tokio::test]
async fn a_failover_of_a_cluster_that_was_lost_on_its_way_is_not_asked_for_again_but_goes_to_a_person() {
    for kind in [FaultKind::TimeoutBefore, FaultKind::ServiceError] {
        let account = hung_with(kind).await;
        assert_eq!(account.incident().outcome, Some(Outcome::NeedsPerson), "{}", account.explain());
        let text = account.last_text();
        assert!(text.contains("cannot be told") && text.contains("failover-db-cluster"), "what happened, and the command: {text}");
    }
}

#[tokio::test]
async fn a_failover_of_a_cluster_whose_reply_was_lost_is_recognised_by_its_writer() {
    let account = hung_with(FaultKind::ReplyLost).await;
    assert_eq!(account.incident().outcome, Some(Outcome::FailedOver), "{}", account.explain());
    assert_eq!(account.members("orders-db")[0], "orders-db-3");
}

#[tokio::test]
async fn a_call_on_a_cluster_that_is_refused_for_good_ends_whole_and_with_a_message_that_names_it() {
    let denied = FaultKind::Refused { code: "AccessDenied".to_owned(), message: "the role may not".to_owned() };
    let mut wrong = Vec::new();
    for tale in [Tale::Failed, Tale::HungAlone] {
        let story = Story::Cluster(tale);
        for action in mutating(story).into_iter().chain(["secretsmanager:PutSecretValue"]) {
            if let Err(why) = lasting(story, action, &denied).await {
                wrong.push(format!("{tale:?} {action}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_call_on_a_cluster_that_is_throttled_for_ever_ends_whole_and_with_a_message_that_names_it() {
    let story = Story::Cluster(Tale::HungAlone);
    let mut wrong = Vec::new();
    for action in mutating(story).into_iter().chain(["secretsmanager:PutSecretValue"]) {
        if let Err(why) = lasting(story, action, &FaultKind::Throttle).await {
            wrong.push(format!("{action}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
