//! Each call throttled, refused, lost; each step twice, cut off, taken up midway: the end is the same, or a person is told.

use super::*;
use crate::account::{Disturbance, How};
use lifeboat_testing::model::{FaultKind, When};
use std::collections::BTreeSet;

/// Every call that a recovery of a table makes to DynamoDB.
const CALLS: [&str; 22] = [
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
    "TagResource",
    "UntagResource",
    "UpdateContinuousBackups",
    "UpdateTimeToLive",
    "UpdateTable",
    "EnableKinesisStreamingDestination",
    "UpdateContributorInsights",
    "PutScalingPolicy",
    "PutResourcePolicy",
    "CreateBackup",
    "DescribeTable",
    "DescribeContinuousBackups",
    "ListBackups",
    "DeleteItem",
    "Scan",
    "BatchGetItem",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricAlarm",
    "ssm:GetParameter",
    "ssm:PutParameter",
];

/// How a story ended: what must be the same however it is disturbed. Names of copies come from the moment.
#[derive(Debug, PartialEq, Eq)]
struct End {
    outcomes: Vec<Option<Outcome>>,
    calls: Vec<String>,
    serves: bool,
    region: Option<String>,
    items: usize,
    lease_is_free: bool,
}

fn end(account: &Account, since: usize) -> End {
    let (serving, calls) = (serving(account), account.calls_since(since));
    End {
        outcomes: account.incidents().into_iter().map(|incident| incident.outcome).collect(),
        calls: actions(&calls).into_iter().map(str::to_owned).collect(),
        serves: serving == TABLE,
        region: global::region(account),
        items: items(account, &serving).keys().filter(|key| *key != "999").count(),
        lease_is_free: account.lease_is_free(),
    }
}

async fn undisturbed(story: Story) -> (End, BTreeMap<String, usize>) {
    let mut account = story.begin().await;
    let since = account.last_call();
    story.play(&mut account).await;
    let mut visits: BTreeMap<String, usize> = BTreeMap::new();
    for task in &account.tasks {
        *visits.entry(task.clone()).or_default() += 1;
    }
    (end(&account, since), visits)
}

async fn faulty(story: Story, action: &str, when: When, kind: &FaultKind) -> (Account, End) {
    let mut account = story.begin().await;
    let since = account.last_call();
    account.fault(action, when, kind.clone());
    story.play(&mut account).await;
    let end = end(&account, since);
    (account, end)
}

#[tokio::test]
async fn one_fault_of_any_call_changes_nothing_in_the_end() {
    let mut wrong = Vec::new();
    for story in [Story::Deletion, Story::HumanError, Story::CutOver, Story::RegionLost, Story::Backup] {
        let (expected, _) = undisturbed(story).await;
        for action in CALLS {
            for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
                let (account, mut seen) = faulty(story, action, When::Nth(1), &kind).await;
                let unknown = matches!(kind, FaultKind::ServiceError | FaultKind::TimeoutBefore);
                let lacks = |calls: &[String]| calls.last().is_none_or(|call| call != action);
                let is_first_point = action == "CreateBackup" && story != Story::Backup && !lacks(&expected.calls);
                if is_first_point && unknown && lacks(&seen.calls) {
                    // Whether it was made is not known, and a second one would be another backup: the next backup run makes one.
                    seen.calls.push(action.to_owned());
                }
                if let Err(why) = always(&account) {
                    wrong.push(format!("{story:?} {action} {kind:?}: {why}"));
                }
                if seen != expected {
                    wrong.push(format!("{story:?} {action} {kind:?}: {seen:#?}\n{}", account.explain()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} runs differ\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_call_that_is_refused_for_good_ends_whole_and_with_a_person_who_is_told() {
    let denied = FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "the role may not".to_owned() };
    let mut wrong = Vec::new();
    for action in CALLS.into_iter().take(12) {
        let (account, seen) = faulty(Story::CutOver, action, When::Always, &denied).await;
        if let Err(why) = always(&account) {
            wrong.push(format!("{action}: {why}\n{}", account.explain()));
        }
        let told = account.cloud.see().messages.iter().any(|message| message.text.contains(action));
        let failed = seen.outcomes.last().is_some_and(|outcome| outcome.is_some_and(|outcome| !outcome.closes()));
        if !seen.lease_is_free || (failed && !told) {
            wrong.push(format!("{action}: leased or untold: {seen:?}\n{}", account.explain()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_step_that_runs_twice_is_cut_off_or_taken_up_midway_changes_nothing_in_the_end() {
    let mut wrong = Vec::new();
    for story in [Story::Deletion, Story::CutOver, Story::RegionLost] {
        let (expected, visits) = undisturbed(story).await;
        for (task, count) in visits.iter().filter(|(task, _)| task.starts_with("recovery/")) {
            let repeats = BTreeSet::from([1, *count]).into_iter().flat_map(|visit| [(How::Twice, visit), (How::ReplyLost, visit)]);
            for (how, visit) in repeats.chain([(How::TimesOut, *count), (How::ThenDies, 1), (How::ThenDiesUnheard, *count)]) {
                let mut account = story.begin().await;
                let since = account.last_call();
                account.disturbance = Some(Disturbance::new(how, task, visit));
                story.play(&mut account).await;
                let seen = end(&account, since);
                if seen != expected || always(&account).is_err() {
                    wrong.push(format!(
                        "{story:?} {how:?} {task} (visit {visit}): {:?} {seen:#?}\n{}",
                        always(&account),
                        account.explain()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} runs differ\n{}", wrong.len(), wrong.join("\n"));
}

/// The negative control: what the runs above look for is seen where it is there.
#[tokio::test]
async fn a_source_that_takes_writes_after_the_move_and_a_deletion_are_both_noticed() {
    let (account, _) = told(Story::CutOver, Outcome::Recovered).await;
    account.cloud.touch().rds.happen(|model, now| model.tables.deny_writes(TABLE, false, now)).unwrap();
    assert!(always(&account).unwrap_err().contains("takes writes"));
}
