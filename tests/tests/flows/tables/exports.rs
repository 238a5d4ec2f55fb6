//! Exports to S3 beside the nightly backup: asked for once, settled by whichever look comes after their end, told when they do not go well;
//! and whatever becomes of them, the backup is as it was, and they are nothing to restore from.

use super::*;
use crate::account::{Disturbance, How};
use lifeboat_domain::exports::ExportRecord;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::point::{PointState, RecoveryPoint};
use lifeboat_testing::model::{Exporting, FaultKind, When};

const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/orders";
const EXPORT: &str = "ExportTableToPointInTime";

fn exported(every: &str) -> String {
    format!("{POLICY}    export: {{bucket: acme-exports, prefix: shop, every: {every}}}\n")
}

/// The table was backed up last night, and from tonight on its policy asks for exports.
async fn exporting(every: &str) -> Account {
    let mut account = account().await;
    account.policies = policies(&exported(every));
    account
}

/// A day passes, a backup runs, and a sweep tells its news.
async fn night(account: &mut Account) {
    account.advance(Duration::hours(24));
    assert!(account.backup().await.is_well(), "no export fails a backup: {}", account.explain());
    account.sweeps(1).await;
}

async fn nights(account: &mut Account, count: usize) {
    for _ in 0..count {
        night(account).await;
    }
}

fn exports(account: &Account) -> ExportRecord {
    account.document(&keys::exports(&Identity::parse(RESOURCE).unwrap())).expect("exports are known")
}

/// The calls that began an export, or met one.
fn asked(account: &Account) -> Vec<String> {
    account.calls_since(0).into_iter().filter(|call| call.starts_with(EXPORT)).collect()
}

/// How many exports there are, once all have ended.
fn standing(account: &Account) -> usize {
    let world = account.cloud.see();
    world.rds.model.tables.list_exports(ARN, world.rds.now() + Duration::hours(12)).len()
}

fn points(account: &Account) -> Vec<RecoveryPoint> {
    let world = account.cloud.see();
    let found = world.ledger.iter().filter(|(key, _)| key.sort.starts_with("point#"));
    found.map(|(_, kept)| serde_json::from_value(kept.document.clone()).unwrap()).collect()
}

fn told(account: &Account, title: &str) -> usize {
    account.subjects().iter().filter(|subject| subject.contains(title)).count()
}

fn from_now_on(account: &Account, lasts: Duration, fails: Option<(&str, &str)>) {
    let fails = fails.map(|(code, message)| (code.to_owned(), message.to_owned()));
    account.cloud.touch().rds.model.tables.exporting = Exporting { lasts, fails };
}

fn quarter() -> Duration {
    Duration::minutes(15)
}

/// A night in which nothing that is asked of exports is answered, then one as ever.
async fn after(fault: &str, when: When, kind: FaultKind) -> Account {
    let mut account = exporting("7d").await;
    account.fault(fault, when, kind);
    night(&mut account).await;
    account.cloud.touch().clear_faults();
    night(&mut account).await;
    account
}

#[tokio::test]
async fn a_nightly_backup_asks_for_an_export_and_the_next_one_takes_its_end_down() {
    let mut account = exporting("3d").await;
    night(&mut account).await;
    let first = exports(&account);
    let open = first.open.clone().expect("it is under way");
    assert!(open.arn.as_ref().is_some_and(|arn| arn.as_str().starts_with(ARN)) && first.newest.is_none(), "{first:?}");
    let [call] = asked(&account).try_into().unwrap();
    assert!(call.contains(r#""S3Bucket":"acme-exports""#) && call.contains(r#""S3Prefix":"shop/orders-db""#), "{call}");
    assert!(call.contains(&open.token) && !call.contains("S3BucketOwner"), "{call}");
    night(&mut account).await;
    let record = exports(&account);
    let newest = record.newest.expect("it stands");
    assert_eq!((record.open, newest.exported.items, newest.exported.bytes), (None, Some(20), Some(2000)));
    let id = newest.arn.as_str().rsplit('/').next().unwrap();
    let manifest = format!("shop/orders-db/AWSDynamoDB/{id}/manifest-summary.json");
    assert_eq!((newest.exported.manifest, newest.exported.at), (Some(manifest), open.asked_at));
    nights(&mut account, 1).await;
    assert_eq!(asked(&account).len(), 1, "it is young enough");
    nights(&mut account, 1).await;
    assert_eq!(asked(&account).len(), 2, "the policy lets none get older than three days");
    assert!(!account.subjects().iter().any(|subject| subject.contains("S3")), "what goes well is not told: {:?}", account.subjects());
}

#[tokio::test]
async fn an_export_that_has_ended_by_the_last_look_of_its_own_run_is_settled_by_it() {
    let mut account = exporting("1d").await;
    from_now_on(&account, Duration::seconds(20), None);
    night(&mut account).await;
    assert!(exports(&account).newest.is_some());
}

#[tokio::test]
async fn an_export_is_no_recovery_point_whatever_becomes_of_it() {
    let mut account = exporting("1d").await;
    from_now_on(&account, quarter(), None);
    nights(&mut account, 3).await;
    let points = points(&account);
    assert_eq!((points.len(), exports(&account).newest.is_some()), (4, true), "one point of each night");
    assert!(points.iter().all(|point| point.state == PointState::Available), "{points:?}");
    assert!(points.iter().all(|point| point.arn.as_ref().is_some_and(|arn| arn.as_str().contains("/backup/"))), "{points:?}");
}

#[tokio::test]
async fn a_table_with_an_export_and_no_recovery_point_has_no_option_and_the_person_gets_the_import_by_hand() {
    let account = only_an_export_is_left().await;
    let plan = plan(&account);
    assert!(plan.remedy.is_none() && plan.calls.is_empty() && plan.options.iter().all(|option| !option.possible), "{plan:?}");
    let text = account.last_text();
    let id = exports(&account).newest.unwrap().arn.as_str().rsplit('/').next().unwrap().to_owned();
    for part in [
        "aws dynamodb import-table --region us-east-1",
        &format!("S3Bucket=acme-exports,S3KeyPrefix=shop/orders-db/AWSDynamoDB/{id}/data/"),
        r#""TableName":"orders-db-restored-by-hand""#,
        r#""KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]"#,
        "what was written since is lost",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_backups_step_that_runs_twice_or_whose_reply_is_lost_asks_for_no_second_export() {
    let undisturbed = {
        let mut account = exporting("7d").await;
        nights(&mut account, 2).await;
        account
    };
    let tasks: std::collections::BTreeSet<String> = undisturbed.tasks.iter().filter(|task| task.starts_with("backup/")).cloned().collect();
    assert!(tasks.len() > 4, "{tasks:?}");
    for task in &tasks {
        for (how, visit) in [(How::Twice, 1), (How::ReplyLost, 1), (How::TimesOut, 1), (How::Twice, 2), (How::ReplyLost, 2)] {
            let mut account = exporting("7d").await;
            account.disturbance = Some(Disturbance::new(how, task, visit));
            nights(&mut account, 2).await;
            let (is, was) = (exports(&account), exports(&undisturbed));
            assert_eq!((asked(&account).len(), standing(&account)), (1, 1), "{how:?} {task} {visit}: {is:?}");
            assert_eq!(is.newest.is_some(), was.newest.is_some(), "{how:?} {task} {visit}: {is:?}");
            assert_eq!((is.open, is.told), (None, None), "{how:?} {task} {visit}");
        }
    }
}

#[tokio::test]
async fn a_run_that_dies_after_asking_leaves_one_export_that_the_next_run_settles() {
    for task in ["backup/DiscoverResources", "backup/FingerprintBatch", "backup/StartSnapshots", "backup/CheckSnapshots"] {
        let mut account = exporting("7d").await;
        account.disturbance = Some(Disturbance::new(How::ThenDies, task, 1));
        account.advance(Duration::hours(24));
        account.backup().await;
        nights(&mut account, 2).await;
        let record = exports(&account);
        assert_eq!((asked(&account).len(), standing(&account), record.open), (1, 1, None), "{task}");
        assert!(record.newest.is_some(), "{task}");
    }
}

#[tokio::test]
async fn a_lost_reply_is_settled_by_the_same_call_with_the_same_token() {
    let account = after(EXPORT, When::Nth(1), FaultKind::ReplyLost).await;
    let calls = asked(&account);
    assert_eq!((calls.len(), standing(&account)), (2, 1), "the second one met the first");
    assert_eq!(calls[0], calls[1]);
    assert!(exports(&account).newest.is_some());
}

#[tokio::test]
async fn where_every_reply_of_a_night_is_lost_the_next_one_finds_the_export_by_its_token() {
    let account = after(EXPORT, When::Always, FaultKind::ReplyLost).await;
    assert_eq!(standing(&account), 1, "no second one is made: {:?}", asked(&account));
    let record = exports(&account);
    assert!(record.newest.is_some() && record.open.is_none(), "{record:?}");
}

#[tokio::test]
async fn where_no_call_of_a_night_arrived_the_next_one_asks_anew() {
    let account = after(EXPORT, When::Always, FaultKind::TimeoutBefore).await;
    assert_eq!((asked(&account).len(), standing(&account)), (1, 1));
    assert!(exports(&account).open.is_some());
    assert_eq!(told(&account, "could not be exported to S3"), 1, "{:?}", account.subjects());
}

#[tokio::test]
async fn what_is_refused_or_throttled_is_told_once_by_name_and_asked_for_again_each_night() {
    let refused = |code: &str| FaultKind::Refused { code: code.to_owned(), message: "not with this role".to_owned() };
    for kind in
        [refused("AccessDeniedException"), refused("ExportConflictException"), refused("LimitExceededException"), FaultKind::Throttle]
    {
        let mut account = exporting("7d").await;
        account.fault(EXPORT, When::Always, kind.clone());
        nights(&mut account, 3).await;
        assert_eq!((told(&account, "could not be exported to S3"), asked(&account).len()), (1, 0), "{kind:?}: {:?}", account.subjects());
        let text = account.texts_about("NEWS orders-db: it could not be exported");
        assert!(
            text.contains("table orders to s3://acme-exports/shop/orders-db") && text.contains("get-bucket-policy --bucket acme-exports"),
            "{text}"
        );
        account.cloud.touch().clear_faults();
        night(&mut account).await;
        assert_eq!(asked(&account).len(), 1, "{kind:?}");
        account.fault(EXPORT, When::Always, kind.clone());
        nights(&mut account, 6).await;
        assert_eq!(told(&account, "could not be exported to S3"), 1, "{kind:?}: it is not due yet");
        nights(&mut account, 2).await;
        assert_eq!(told(&account, "could not be exported to S3"), 2, "{kind:?}: it went well in between, so it is news again");
    }
}

#[tokio::test]
async fn what_passes_before_the_last_look_of_a_run_is_not_told() {
    let account = after(EXPORT, When::Nth(1), FaultKind::Throttle).await;
    assert_eq!((asked(&account).len(), standing(&account), told(&account, "S3")), (1, 1, 0), "{:?}", account.subjects());
}

#[tokio::test]
async fn an_export_that_fails_is_told_once_with_its_reason_and_asked_for_again_by_each_later_run() {
    let mut account = exporting("7d").await;
    from_now_on(&account, quarter(), Some(("S3NoSuchBucket", "The specified bucket does not exist")));
    nights(&mut account, 4).await;
    assert_eq!((told(&account, "its export to S3 has failed"), asked(&account).len()), (1, 4), "{:?}", account.subjects());
    let text = account.texts_about("NEWS orders-db: its export to S3 has failed");
    for part in [
        "table orders",
        "s3://acme-exports/shop/orders-db",
        "does not exist (S3NoSuchBucket)",
        "aws dynamodb describe-export",
        "no recovery point",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    nights(&mut account, 5).await;
    assert_eq!(told(&account, "its export to S3 has failed"), 2, "after a week once more");
    from_now_on(&account, quarter(), None);
    nights(&mut account, 2).await;
    assert!(exports(&account).newest.is_some() && exports(&account).told.is_none());
}

#[tokio::test]
async fn an_export_that_fails_within_its_run_is_not_asked_for_again_by_that_run() {
    let mut account = exporting("7d").await;
    from_now_on(&account, Duration::seconds(20), Some(("S3NoSuchBucket", "The specified bucket does not exist")));
    night(&mut account).await;
    assert_eq!((asked(&account).len(), told(&account, "its export to S3 has failed")), (1, 1));
}

#[tokio::test]
async fn without_point_in_time_recovery_nothing_is_sent_and_it_is_told_once() {
    let mut account = exporting("7d").await;
    account.cloud.touch().rds.happen(|model, _| model.tables.switch_recovery_off(TABLE)).unwrap();
    // A call that should not be sent would be told as refused.
    nights(&mut account, 3).await;
    assert_eq!((told(&account, "as its point-in-time recovery is off"), told(&account, "could not be exported")), (1, 0));
    let text = account.texts_about("NEWS orders-db: it is not exported");
    assert!(text.contains("aws dynamodb update-continuous-backups --region us-east-1 --table-name orders"), "{text}");
    assert!(account.cloud.see().rds.model.calls().iter().all(|call| call.action != EXPORT));
}

#[tokio::test]
async fn an_export_that_lasts_holds_nothing_up_and_is_the_only_one_meanwhile() {
    let mut account = exporting("1d").await;
    from_now_on(&account, Duration::hours(80), None);
    nights(&mut account, 3).await;
    assert_eq!((asked(&account).len(), told(&account, "its export to S3 does not end")), (1, 1), "{:?}", account.subjects());
    nights(&mut account, 2).await;
    let record = exports(&account);
    assert!(record.newest.is_some() && record.told.is_none(), "{record:?}");
    assert_eq!(asked(&account).len(), 2, "and then the next one");
}

#[tokio::test]
async fn a_look_at_an_export_that_is_not_answered_loses_nothing() {
    let mut account = exporting("7d").await;
    night(&mut account).await;
    account.fault("DescribeExport", When::Always, FaultKind::TimeoutBefore);
    night(&mut account).await;
    assert!(exports(&account).open.is_some());
    account.cloud.touch().clear_faults();
    night(&mut account).await;
    assert!(exports(&account).newest.is_some());
    assert_eq!(standing(&account), 1);
}

#[tokio::test]
async fn an_instance_under_a_policy_with_exports_is_backed_up_as_ever() {
    let gold = format!("{}    export: {{bucket: acme-exports, every: 1d}}\n", crate::account::GOLD);
    let account = Account::under(&gold, false).await;
    assert!(account.cloud.see().rds.model.calls().iter().all(|call| call.action != EXPORT));
}

/// The account after exports failed, were refused, did not end, and were impossible, for who reads its messages.
pub async fn troubled() -> Account {
    let mut account = exporting("1d").await;
    from_now_on(&account, quarter(), Some(("S3NoSuchBucket", "The specified bucket does not exist")));
    nights(&mut account, 2).await;
    from_now_on(&account, Duration::hours(60), None);
    nights(&mut account, 5).await;
    account.fault(
        EXPORT,
        When::Always,
        FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "not with this role".to_owned() },
    );
    nights(&mut account, 2).await;
    account.cloud.touch().clear_faults();
    account.cloud.touch().rds.happen(|model, _| model.tables.switch_recovery_off(TABLE)).unwrap();
    nights(&mut account, 3).await;
    account
}

/// The account after a table was deleted of which nothing but an export is left.
pub async fn only_an_export_is_left() -> Account {
    let mut account = exporting("7d").await;
    nights(&mut account, 2).await;
    let arns: Vec<String> = account.cloud.see().rds.model.tables.backups().iter().map(|backup| backup.arn.clone()).collect();
    account.cloud.touch().rds.happen(|model, now| {
        model.tables.switch_recovery_off(TABLE).unwrap();
        for arn in &arns {
            model.tables.delete_backup(arn).unwrap();
        }
        model.tables.delete_behind_back(TABLE, now).unwrap();
    });
    account.pass(Duration::minutes(1)).await;
    account.sweeps(3).await;
    account.settle().await;
    account.sweeps(1).await;
    account
}
