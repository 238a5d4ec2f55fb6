//! Each call throttled, refused, lost; each step twice, cut off; two executions at once: each item is written once, and the end is the same.

use super::*;
use crate::account::{Disturbance, How};
use lifeboat_domain::ports::ExecutionState;
use lifeboat_testing::memory::StartedExecution;
use lifeboat_testing::model::{FaultKind, When};

/// Every call of a salvage: to DynamoDB's tables, and to the ledger, the bucket and Step Functions as IAM spells them.
const CALLS: [&str; 9] = [
    "DescribeTable",
    "Scan",
    "BatchGetItem",
    "PutItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "s3:PutObject",
    "s3:GetObject",
    "states:DescribeExecution",
];

/// The end that every run must come to.
fn expect(account: &Account, since: usize, expected: &BTreeMap<String, Value>, what: &str) -> Option<String> {
    let (there, count) = (touched(account), puts(account, since));
    (there != *expected || count != 6).then(|| format!("{what}: {count} puts, {there:#?}\n{:?}", account.subjects()))
}

#[tokio::test]
async fn one_fault_of_any_call_changes_nothing_in_the_end() {
    let mut wrong = Vec::new();
    for action in CALLS {
        for kind in [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
            for nth in [1, 3] {
                let mut account = broken().await;
                let (since, expected) = (account.last_call(), mended(&account));
                account.fault(action, When::Nth(nth), kind.clone());
                play(&mut account).await;
                wrong.extend(expect(&account, since, &expected, &format!("{action} {kind:?} {nth}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} runs differ\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_step_that_runs_twice_or_is_cut_off_changes_nothing_in_the_end() {
    let mut wrong = Vec::new();
    let tasks = visits().await.into_iter().filter(|task| !task.ends_with("ConcludeBrokenOff"));
    for task in tasks {
        for how in [How::Twice, How::ReplyLost, How::TimesOut] {
            let mut account = broken().await;
            let (since, expected) = (account.last_call(), mended(&account));
            account.disturbance = Some(Disturbance::new(how, &task, 1));
            play(&mut account).await;
            assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "{task} was not visited");
            let told = account.subjects().into_iter().filter(|subject| subject.contains("salvage")).count();
            wrong.extend((told != 2).then(|| format!("{task} {how:?}: told {told} times: {:?}", account.subjects())));
            wrong.extend(expect(&account, since, &expected, &format!("{task} {how:?}")));
        }
    }
    assert!(wrong.is_empty(), "{} runs differ\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_broken_off_salvage_is_told_once_however_its_last_step_is_disturbed() {
    for how in [How::Twice, How::ReplyLost, How::TimesOut] {
        let mut account = broken().await;
        let denied = FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "not this role".to_owned() };
        account.fault("Scan", When::Always, denied);
        account.disturbance = Some(Disturbance::new(how, "salvage/ConcludeBrokenOff", 1));
        let ended = account.salvage(look(&account)).await;
        assert!(
            ended.error() == "Dr.Unrecoverable" && ended.cause().contains("not this role"),
            "{how:?}: {} {}",
            ended.error(),
            ended.cause()
        );
        account.sweeps(1).await;
        let told: Vec<String> = account.subjects().into_iter().filter(|subject| subject.contains("salvage")).collect();
        assert_eq!(told, ["NEWS orders-db: the preview of a salvage has ended early"], "{how:?}");
        assert!(account.texts_about(&told[0]).contains("not this role"), "{how:?}");
    }
}

/// Begins the writing of a plan by hand, as an execution of its own; answers the payload of its turns.
async fn begin(account: &Account, name: &str, input: &Value) -> Value {
    let arn = format!("arn:aws:states:us-east-1:123456789012:execution:lifeboat-salvage:{name}");
    let state = ExecutionState::Running;
    account.cloud.touch().executions.push(StartedExecution { name: name.to_owned(), arn: arn.clone(), input: input.clone(), state });
    let step = json!({"step": "begin_salvage", "request": input, "started_at": "2026-01-15T12:00:00Z", "execution": arn});
    let begun = account.detect(step).await.unwrap();
    json!({"step": "write_items", "salvage": begun["salvage"], "execution": arn})
}

#[tokio::test]
async fn one_plan_that_two_executions_write_at_once_is_written_once() {
    let mut account = broken().await;
    let (since, expected) = (account.last_call(), mended(&account));
    let shown = preview(&mut account).await;
    let (one, other) = (begin(&account, "one", &shown["input"]).await, begin(&account, "other", &shown["input"]).await);
    account.fault("PutItem", When::Nth(3), FaultKind::Throttle);
    account.fault("PutItem", When::Nth(5), FaultKind::Throttle);
    let mut over = [false, false];
    for turn in 0..20 {
        let answer = account.function("Salvage", [&one, &other][turn % 2].clone()).await.unwrap();
        over[turn % 2] = answer["progress"] == "done";
        if over == [true, true] {
            break;
        }
    }
    assert_eq!(over, [true, true]);
    for turn in [&one, &other] {
        let end = json!({"step": "conclude_salvage", "salvage": turn["salvage"], "execution": turn["execution"]});
        let told = account.detect(end).await.unwrap();
        assert_eq!((told["outcome"].as_str(), told["salvaged"].as_u64()), (Some("written"), Some(6)), "{told:#}");
    }
    assert_eq!(expect(&account, since, &expected, "two at once"), None);
}

/// The negative control: what the runs above look for is seen where it is there.
#[tokio::test]
async fn an_item_that_is_written_twice_or_over_a_newer_one_is_noticed() {
    let mut account = broken().await;
    let (since, expected) = (account.last_call(), mended(&account));
    play(&mut account).await;
    assert_eq!(expect(&account, since, &expected, "well"), None);
    write(&account, TABLE, 5, Some("0.00"));
    assert!(expect(&account, since, &expected, "over a newer one").is_some());
}
