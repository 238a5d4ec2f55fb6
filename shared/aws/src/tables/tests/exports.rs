//! Exports: what is asked, and what is read of the answers.

use super::{ARN, answering, operations, refused, well};
use lifeboat_domain::CallClass;
use lifeboat_domain::exports::{ExportPlace, ExportProgress, Exported};
use lifeboat_domain::ids::Arn;
use lifeboat_domain::ports::ExportTables;
use serde_json::{Value, json};

const EXPORT: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/export/01768471000000-a1b2c3d4";

fn arn(text: &str) -> Arn {
    Arn::parse(text).unwrap()
}

fn place(owner: Option<&str>) -> ExportPlace {
    ExportPlace { bucket: "acme-exports".to_owned(), prefix: "shop/orders-db".to_owned(), bucket_owner: owner.map(str::to_owned) }
}

/// What DescribeExport shows.
fn described(status: &str, more: &Value) -> Value {
    let mut shown = json!({"ExportArn": EXPORT, "ExportStatus": status, "StartTime": 1_768_471_000.0, "ClientToken": "token-1"});
    shown.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"ExportDescription": shown})
}

#[tokio::test(start_paused = true)]
async fn an_export_is_asked_for_with_its_token_its_place_and_nothing_that_a_second_try_could_change() {
    let wire = answering(&[well(&described("IN_PROGRESS", &json!({}))), well(&described("IN_PROGRESS", &json!({})))]);
    let databases = wire.clients().await.databases();
    let seen = databases.export_table(&arn(ARN), &place(None), "token-1").await.unwrap();
    databases.export_table(&arn(ARN), &place(Some("210987654321")), "token-1").await.unwrap();
    assert_eq!((seen.arn.as_str(), seen.progress), (EXPORT, ExportProgress::UnderWay));
    assert_eq!(operations(&wire)[0], "ExportTableToPointInTime");
    let sent = json!({"TableArn": ARN, "ClientToken": "token-1", "S3Bucket": "acme-exports", "S3Prefix": "shop/orders-db", "ExportFormat": "DYNAMODB_JSON", "ExportType": "FULL_EXPORT"});
    assert_eq!(wire.json()[0], sent);
    assert_eq!(wire.json()[1]["S3BucketOwner"], "210987654321");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_told_as_such_and_the_sdk_sends_no_second_one_behind_our_back() {
    for (answer, class) in [
        ((500, "{}".to_owned()), CallClass::Unknown),
        (refused("PointInTimeRecoveryUnavailableException", "off"), CallClass::Invalid),
        (refused("ExportConflictException", "another place"), CallClass::WrongState),
        (refused("LimitExceededException", "300"), CallClass::Throttled),
        (refused("AccessDeniedException", "no"), CallClass::Denied),
        (refused("TableNotFoundException", "no"), CallClass::NotFound),
    ] {
        let wire = answering(&[answer]);
        let error = wire.clients().await.databases().export_table(&arn(ARN), &place(None), "token-1").await.unwrap_err();
        assert_eq!((error.class, wire.count()), (class, 1), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_export_is_read_with_what_it_holds_or_why_it_failed() {
    let completed = json!({"ExportTime": 1_768_471_000.0, "ItemCount": 20, "BilledSizeBytes": 4096, "ExportManifest": "shop/orders-db/AWSDynamoDB/01768471000000-a1b2c3d4/manifest-summary.json"});
    let failed = json!({"FailureCode": "S3NoSuchBucket", "FailureMessage": "The specified bucket does not exist"});
    let wire = answering(&[
        well(&described("COMPLETED", &completed)),
        well(&described("FAILED", &failed)),
        well(&described("A_NEW_WORD", &json!({}))),
        refused("ExportNotFoundException", "Export not found"),
    ]);
    let databases = wire.clients().await.databases();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(databases.described_export(&arn(EXPORT)).await.unwrap().unwrap().progress);
    }
    let held = Exported {
        at: "2026-01-15T09:56:40Z".parse().unwrap(),
        items: Some(20),
        bytes: Some(4096),
        manifest: Some("shop/orders-db/AWSDynamoDB/01768471000000-a1b2c3d4/manifest-summary.json".to_owned()),
    };
    let why = ExportProgress::Failed { code: "S3NoSuchBucket".to_owned(), message: "The specified bucket does not exist".to_owned() };
    assert_eq!(seen, [ExportProgress::Completed(held), why, ExportProgress::UnderWay], "an unknown word is no end");
    assert_eq!(databases.described_export(&arn(EXPORT)).await.unwrap(), None);
    assert_eq!(wire.json()[0], json!({"ExportArn": EXPORT}));
}

#[tokio::test(start_paused = true)]
async fn an_export_is_found_by_its_token_on_whatever_page_and_not_among_those_that_are_older_than_the_question() {
    let summary = |id: &str| json!({"ExportArn": format!("{ARN}/export/{id}"), "ExportStatus": "COMPLETED"});
    let other = json!({"ClientToken": "somebody-elses"});
    let lists = [
        well(&json!({"ExportSummaries": [summary("03")], "NextToken": "more"})),
        well(&described("IN_PROGRESS", &other)),
        well(&json!({"ExportSummaries": [summary("02"), summary("01")]})),
        well(&described("IN_PROGRESS", &json!({}))),
    ];
    let wire = answering(&lists);
    let since = "2026-01-15T09:00:00Z".parse().unwrap();
    let found = wire.clients().await.databases().export_by_token(&arn(ARN), "token-1", since).await.unwrap();
    assert!(found.is_some());
    assert_eq!(operations(&wire), ["ListExports", "DescribeExport", "ListExports", "DescribeExport"]);
    assert_eq!((wire.json()[0].clone(), &wire.json()[2]["NextToken"]), (json!({"TableArn": ARN}), &json!("more")));
    let wire = answering(&[well(&json!({"ExportSummaries": [summary("03"), summary("02")]})), well(&described("COMPLETED", &other))]);
    let later = "2026-01-15T11:00:00Z".parse().unwrap();
    assert_eq!(wire.clients().await.databases().export_by_token(&arn(ARN), "token-1", later).await.unwrap(), None);
    assert_eq!(wire.count(), 2, "older ones are not looked at");
}
