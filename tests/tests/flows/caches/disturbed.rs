//! The same disturbances as those of an instance: each step repeated, cut off and taken up; each call going wrong in each way.

use crate::caches::CacheTale as Tale;
use crate::faults::{every_transient_fault, lasting, mutating};
use crate::steps::every_step;
use crate::story::{Story, check_always};
use chrono::TimeDelta;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_testing::model::{FaultKind, When};

macro_rules! steps {
    ($($name:ident: $tale:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_step(Story::Cache(Tale::$tale)).await; })+
    };
}

macro_rules! faults {
    ($($name:ident: $tale:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_transient_fault(Story::Cache(Tale::$tale)).await; })+
    };
}

steps! {
    a_replica_is_promoted_once_however_a_step_is_disturbed: HungByHand,
    automatic_failover_is_on_again_however_a_step_is_disturbed: HungStalled,
    a_hung_cache_is_replaced_the_same_however_a_step_is_disturbed: HungAlone,
    a_failed_cache_is_recovered_the_same_however_a_step_is_disturbed: Failed,
    a_failed_cache_with_cluster_mode_is_recovered_the_same_however_a_step_is_disturbed: FailedShards,
    an_empty_cache_is_made_once_however_a_step_is_disturbed: Cold,
    a_deleted_cache_is_recovered_the_same_however_a_step_is_disturbed: Deletion,
    a_cache_beside_production_is_made_once_however_a_step_is_disturbed: HumanError,
    an_approved_cut_over_of_a_cache_is_made_once_however_a_step_is_disturbed: HumanErrorCutOver,
    a_wrong_cache_is_held_however_a_step_is_disturbed: CopyIsWrong,
    a_failed_restore_of_a_cache_is_followed_by_another_however_a_step_is_disturbed: RestoreFails,
    a_cut_over_of_a_cache_is_undone_once_however_a_step_is_disturbed: Undo,
    a_backup_of_a_cache_is_taken_once_however_a_step_is_disturbed: Backup,
}

faults! {
    one_fault_of_any_call_does_not_bring_a_second_promotion: HungByHand,
    one_fault_of_any_call_does_not_leave_automatic_failover_off: HungStalled,
    one_fault_of_any_call_does_not_change_how_a_hung_cache_is_replaced: HungAlone,
    one_fault_of_any_call_does_not_change_how_a_failed_cache_is_recovered: Failed,
    one_fault_of_any_call_does_not_change_an_approved_cut_over_of_a_cache: HumanErrorCutOver,
    one_fault_of_any_call_does_not_change_a_backup_of_a_cache: Backup,
}

#[tokio::test]
async fn a_call_on_a_cache_that_is_refused_for_good_ends_whole_and_with_a_message_that_names_it() {
    let denied = FaultKind::Refused { code: "AccessDenied".to_owned(), message: "the role may not".to_owned() };
    let mut wrong = Vec::new();
    for tale in [Tale::Failed, Tale::HumanErrorCutOver] {
        let story = Story::Cache(tale);
        for action in mutating(story).into_iter().chain(["secretsmanager:PutSecretValue"]) {
            if let Err(why) = lasting(story, action, &denied).await {
                wrong.push(format!("{tale:?} {action}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_promotion_of_a_node_that_was_lost_on_its_way_is_not_asked_for_again_but_goes_to_a_person() {
    for kind in [FaultKind::TimeoutBefore, FaultKind::ServiceError] {
        let story = Story::Cache(Tale::HungByHand);
        let mut account = story.begin().await;
        account.fault("ModifyReplicationGroup", When::Nth(1), kind);
        story.play(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::NeedsPerson), "{}", account.explain());
        assert_eq!(check_always(&account), Ok(()));
        assert!(account.last_text().contains("--primary-cluster-id"), "the command: {}", account.last_text());
    }
}

#[tokio::test]
async fn a_promotion_that_is_refused_for_ever_is_given_up() {
    let story = Story::Cache(Tale::HungByHand);
    let mut account = story.begin().await;
    let busy = FaultKind::Refused { code: "InvalidReplicationGroupState".to_owned(), message: "not now".to_owned() };
    account.fault("ModifyReplicationGroup", When::Always, busy);
    story.play(&mut account).await;
    let incident = account.incident();
    assert_ne!(incident.state, IncidentState::Open, "{}", account.explain());
    assert!(account.time() - incident.opened_at < TimeDelta::hours(24), "{} {}", account.time(), account.explain());
    assert_eq!(check_always(&account), Ok(()));
}
