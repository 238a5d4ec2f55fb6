//! Calls that go wrong: a transient fault changes nothing in the end; a lasting one ends with a person, and nothing half done.

use crate::account::{Account, SECRET};
use crate::story::{Story, Summary, check_always};
use lifeboat_domain::acting::{CutOver, CutOverState};
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_testing::model::{FaultKind, When};

/// The calls to RDS that change something.
const MUTATING: [&str; 8] = [
    "RestoreDBInstanceToPointInTime",
    "ModifyDBInstance",
    "RebootDBInstance",
    "AddTagsToResource",
    "RemoveTagsFromResource",
    "CreateDBSnapshot",
    "DeleteDBInstance",
    "PromoteReadReplica",
];

/// The same of clusters.
const MUTATING_CLUSTERS: [&str; 9] = [
    "RestoreDBClusterToPointInTime",
    "CreateDBInstance",
    "ModifyDBCluster",
    "RebootDBInstance",
    "AddTagsToResource",
    "RemoveTagsFromResource",
    "CreateDBClusterSnapshot",
    "FailoverDBCluster",
    "DeleteDBCluster",
];

/// The same of caches.
const MUTATING_CACHES: [&str; 6] = [
    "CreateReplicationGroup",
    "ModifyReplicationGroup",
    "AddTagsToResource",
    "RemoveTagsFromResource",
    "CreateSnapshot",
    "DeleteReplicationGroup",
];

/// What only a cache is asked.
const OF_CACHES: [&str; 5] =
    ["DescribeReplicationGroups", "DescribeCacheClusters", "DescribeCacheSubnetGroups", "DescribeSnapshots", "ListTagsForResource"];

/// What only a cluster is asked.
const OF_CLUSTERS: [&str; 3] = ["DescribeDBClusters", "DescribeDBClusterSnapshots", "DescribeDBClusterAutomatedBackups"];

/// The calls to RDS that change something in a story.
pub fn mutating(story: Story) -> Vec<&'static str> {
    match story {
        Story::Cluster(_) => MUTATING_CLUSTERS.to_vec(),
        Story::Cache(_) => MUTATING_CACHES.to_vec(),
        _ => MUTATING.to_vec(),
    }
}

/// All other calls that a recovery makes.
const OTHERS: [&str; 12] = [
    "DescribeDBInstances",
    "DescribeDBSnapshots",
    "DescribeDBInstanceAutomatedBackups",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "s3:GetObject",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "sns:Publish",
    "states:StartExecution",
];

async fn undisturbed(story: Story) -> Summary {
    let mut account = story.begin().await;
    let calls = account.last_call();
    story.play(&mut account).await;
    story.summary(&account, calls)
}

/// One run with a fault; how it differs from the undisturbed one, if it does.
async fn struck(story: Story, action: &str, when: When, kind: &FaultKind, expected: &Summary) -> Option<String> {
    let mut account = story.begin().await;
    let calls = account.last_call();
    account.fault(action, when, kind.clone());
    story.play(&mut account).await;
    let end = story.summary(&account, calls);
    let broken = check_always(&account).err();
    // Every message is there; one whose reply was lost may be there twice.
    let told = expected.messages.iter().all(|message| end.messages.contains(message));
    let messages = if told { expected.messages.clone() } else { end.messages.clone() };
    let differs = expected.difference(&Summary { messages, ..end });
    let found: Vec<String> = broken.into_iter().chain(differs).collect();
    (!found.is_empty()).then(|| format!("{action} {when:?} {kind:?}: {}\n{}", found.join("; "), account.explain()))
}

pub async fn every_transient_fault(story: Story) {
    let expected = undisturbed(story).await;
    let mut table = Vec::new();
    let kinds = [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost];
    let of_clusters = OF_CLUSTERS.into_iter().filter(|_| matches!(story, Story::Cluster(_)));
    let of_caches = OF_CACHES.into_iter().filter(|_| matches!(story, Story::Cache(_)));
    for action in mutating(story).into_iter().chain(of_clusters).chain(of_caches).chain(OTHERS) {
        for kind in &kinds {
            if story == Story::HungMultiAz && action == "RebootDBInstance" && *kind != FaultKind::Throttle {
                continue; // A failover of unknown fate is never asked for again: told below.
            }
            if action == "FailoverDBCluster" && matches!(kind, FaultKind::ServiceError | FaultKind::TimeoutBefore) {
                continue; // Nor is a cluster's: told with the stories of clusters.
            }
            if story == Story::Cache(crate::caches::CacheTale::HungByHand)
                && action == "ModifyReplicationGroup"
                && matches!(kind, FaultKind::ServiceError | FaultKind::TimeoutBefore)
            {
                continue; // Nor is the promotion of a node.
            }
            let may_be_lost = matches!(kind, FaultKind::ServiceError | FaultKind::TimeoutBefore);
            if matches!(story, Story::Promotion | Story::PromotionHung) && action == "PromoteReadReplica" && may_be_lost {
                continue; // Nor is a promotion.
            }
            table.extend(struck(story, action, When::Nth(1), kind, &expected).await);
        }
        table.extend(struck(story, action, When::Nth(2), &FaultKind::ReplyLost, &expected).await);
    }
    assert!(table.is_empty(), "{story:?}: {} of the runs differ\n{}", table.len(), table.join("\n"));
}

macro_rules! stories {
    ($($name:ident: $story:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_transient_fault(Story::$story).await; })+
    };
}

stories! {
    one_fault_of_any_call_does_not_change_how_a_failed_instance_is_recovered: InstanceFailure,
    one_fault_of_any_call_does_not_change_how_a_hung_instance_is_recovered: Hung,
    one_fault_of_any_call_does_not_bring_a_second_failover: HungMultiAz,
    one_fault_of_any_call_does_not_change_an_approved_cut_over: HumanErrorCutOver,
    one_fault_of_any_call_does_not_change_how_a_volume_grows: StorageFull,
    one_fault_of_any_call_does_not_change_how_a_cut_over_is_undone: Undo,
    one_fault_of_any_call_does_not_change_a_promotion: Promotion,
    one_fault_of_any_call_does_not_change_a_promotion_behind_a_fence: PromotionHung,
    one_fault_of_any_call_does_not_change_a_backup: Backup,
}

#[tokio::test]
async fn a_failover_that_was_lost_on_its_way_is_not_asked_for_again_but_goes_to_a_person() {
    for kind in [FaultKind::TimeoutBefore, FaultKind::ServiceError] {
        let mut account = Story::HungMultiAz.begin().await;
        account.fault("RebootDBInstance", When::Nth(1), kind);
        Story::HungMultiAz.play(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::NeedsPerson), "{}", account.explain());
        assert_eq!(check_always(&account), Ok(()));
        let text = account.last_text();
        assert!(text.contains("cannot be told") && text.contains("reboot-db-instance"), "what happened, and the command: {text}");
    }
}

#[tokio::test]
async fn a_failover_whose_reply_was_lost_is_recognised_by_what_rds_shows_and_announces() {
    let mut account = Story::HungMultiAz.begin().await;
    account.fault("RebootDBInstance", When::Nth(1), FaultKind::ReplyLost);
    Story::HungMultiAz.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::FailedOver), "{}", account.explain());
    assert_eq!(check_always(&account), Ok(()));
}

/// Clients were moved for good, and the rest is for a person, who is told exactly what.
fn is_told_the_rest(account: &Account) -> bool {
    let incident = account.incident();
    let cut_over: Option<CutOver> = account.document(&keys::cut_over(&incident.id));
    let moved = cut_over.filter(|cut_over| cut_over.state() == CutOverState::Verified);
    let text = account.texts_about("FAILED");
    let leads = |moved: &CutOver| moved.targets.iter().all(|target| text.contains(&target.moves.after()));
    moved.is_some_and(|moved| leads(&moved) && text.contains("-tags-") && (text.contains("aws rds ") || text.contains("aws elasticache ")))
}

/// Where clients are, and whether their database has the identity.
fn is_whole(account: &Account) -> Result<(), String> {
    let serving = account.serving_database();
    let record = account.record();
    let moved = account.secret_versions().last().map(|(host, _)| host.clone());
    // A member that took over is what it was, and its clients may still be led to where it came from.
    let is_elsewhere = moved.as_deref() == Some(crate::members::HOME_HOST);
    if serving.as_deref() == Some(&record.resource_id) || is_elsewhere {
        return Ok(());
    }
    Err(format!("{SECRET} leads to {moved:?} ({serving:?}), the ledger says {} ({})", record.id, record.resource_id))
}

pub async fn lasting(story: Story, action: &str, kind: &FaultKind) -> Result<Option<Outcome>, String> {
    let mut account = story.begin().await;
    account.fault(action, When::Always, kind.clone());
    story.play(&mut account).await;
    let incident = account.incident();
    let story_told = account.explain();
    check_always(&account).map_err(|why| format!("{why}\n{story_told}"))?;
    if !is_told_the_rest(&account) {
        is_whole(&account).map_err(|why| format!("{why}\n{story_told}\n{}", account.texts_about("FAILED")))?;
    }
    if incident.state == IncidentState::Open || !account.lease_is_free() {
        return Err(format!("left open or leased: {story_told}"));
    }
    let failed = incident.outcome.is_some_and(|outcome| !outcome.closes());
    let plain = action.rsplit(':').next().unwrap_or(action);
    let told = account.cloud.see().messages.iter().any(|message| message.text.contains(plain));
    if failed && !told {
        return Err(format!("no message names {plain}: {:#?}\n{story_told}", account.last_text()));
    }
    Ok(incident.outcome)
}

#[tokio::test]
async fn a_call_that_is_refused_for_good_ends_whole_and_with_a_message_that_names_it() {
    let denied = FaultKind::Refused { code: "AccessDenied".to_owned(), message: "the role may not".to_owned() };
    let mut wrong = Vec::new();
    for story in [Story::InstanceFailure, Story::Hung, Story::Promotion, Story::PromotionHung] {
        for action in MUTATING.into_iter().chain(["secretsmanager:PutSecretValue"]) {
            if let Err(why) = lasting(story, action, &denied).await {
                wrong.push(format!("{story:?} {action}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_call_that_is_throttled_for_ever_ends_whole_and_with_a_message_that_names_it() {
    let mut wrong = Vec::new();
    for action in MUTATING.into_iter().chain(["secretsmanager:PutSecretValue"]) {
        if let Err(why) = lasting(Story::Hung, action, &FaultKind::Throttle).await {
            wrong.push(format!("{action}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn without_the_ledger_nothing_is_changed() {
    for action in ["dynamodb:GetItem", "dynamodb:PutItem"] {
        let story = Story::InstanceFailure;
        let mut account = story.begin().await;
        let calls = account.last_call();
        account.fault(action, When::Always, FaultKind::TimeoutBefore);
        story.play(&mut account).await;
        assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{action}");
        assert_eq!(account.secret_versions().len(), 1, "{action}");
    }
}

#[tokio::test]
async fn a_dark_topic_does_not_stop_a_recovery() {
    let story = Story::InstanceFailure;
    let mut account = story.begin().await;
    account.fault("sns:Publish", When::Always, FaultKind::TimeoutBefore);
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
}

#[tokio::test]
async fn a_dark_bucket_holds_what_cannot_be_compared() {
    let story = Story::InstanceFailure;
    let mut account = story.begin().await;
    account.fault("s3:GetObject", When::Always, FaultKind::TimeoutBefore);
    story.play(&mut account).await;
    assert_eq!(check_always(&account), Ok(()));
    assert_ne!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved to what could not be compared");
}
