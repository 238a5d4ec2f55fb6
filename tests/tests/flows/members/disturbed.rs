//! The same disturbances as those of other stories: each step repeated, cut off and taken up; each call going wrong in each way.

use crate::faults::{every_transient_fault, lasting, mutating};
use crate::members::MemberTale as Tale;
use crate::steps::every_step;
use crate::story::{Story, check_always};
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::model::{FaultKind, When};

macro_rules! steps {
    ($($name:ident: $tale:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_step(Story::Member(Tale::$tale)).await; })+
    };
}

macro_rules! faults {
    ($($name:ident: $tale:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_transient_fault(Story::Member(Tale::$tale)).await; })+
    };
}

steps! {
    a_replica_cluster_takes_over_once_however_a_step_is_disturbed: Cluster,
    a_global_datastore_fails_over_once_however_a_step_is_disturbed: Cache,
    a_refused_promotion_of_a_cluster_ends_in_guidance_however_a_step_is_disturbed: ClusterRefused,
    a_refused_failover_of_a_datastore_ends_in_guidance_however_a_step_is_disturbed: CacheRefused,
    a_cluster_takes_over_without_a_way_to_move_clients_however_a_step_is_disturbed: ClusterByHand,
    a_wrong_member_is_held_however_a_step_is_disturbed: ClusterIsWrong,
}

faults! {
    one_fault_of_any_call_does_not_bring_a_second_promotion_of_a_cluster: Cluster,
    one_fault_of_any_call_does_not_bring_a_second_failover_of_a_datastore: Cache,
}

const BOTH: [(Tale, &str); 2] = [(Tale::Cluster, "PromoteReadReplicaDBCluster"), (Tale::Cache, "FailoverGlobalReplicationGroup")];

#[tokio::test]
async fn a_call_that_is_refused_for_good_ends_whole_and_with_a_message_that_names_it() {
    let denied = FaultKind::Refused { code: "AccessDenied".to_owned(), message: "the role may not".to_owned() };
    let mut wrong = Vec::new();
    for (tale, _) in BOTH {
        let story = Story::Member(tale);
        for action in mutating(story).into_iter().chain(["secretsmanager:PutSecretValue"]) {
            if let Err(why) = lasting(story, action, &denied).await {
                wrong.push(format!("{tale:?} {action}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_take_over_whose_reply_was_lost_is_recognised_and_not_asked_for_again() {
    for (tale, action) in BOTH {
        let story = Story::Member(tale);
        let mut account = story.begin().await;
        account.fault(action, When::Nth(1), FaultKind::ReplyLost);
        let before = account.last_call();
        story.play(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::TookOver), "{action}: {}", account.explain());
        assert_eq!(account.calls_since(before).iter().filter(|call| call.starts_with(action)).count(), 1, "{action}");
        assert_eq!(check_always(&account), Ok(()));
    }
}

#[tokio::test]
async fn a_take_over_that_was_lost_on_its_way_is_not_asked_for_again_but_goes_to_a_person_with_the_command() {
    for (tale, action) in BOTH {
        for kind in [FaultKind::TimeoutBefore, FaultKind::ServiceError] {
            let story = Story::Member(tale);
            let mut account = story.begin().await;
            account.fault(action, When::Nth(1), kind);
            story.play(&mut account).await;
            assert_eq!(account.incident().outcome, Some(Outcome::Failed), "{action}: {}", account.explain());
            let texts = account.texts_about("FAILED");
            let command = if tale == Tale::Cluster { "promote-read-replica-db-cluster" } else { "failover-global-replication-group" };
            assert!(texts.contains(command) && texts.contains("cannot be told"), "{action}: {texts}");
            assert_eq!(check_always(&account), Ok(()));
        }
    }
}
