//! What the bucket is asked.

use super::*;
use crate::wire::Wire;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn documents_are_written_with_their_type() {
    let wire = Wire::answering(&[(200, ""), (200, "")]);
    let bucket = wire.clients().await.bucket("lifeboat-docs");
    bucket.put_json("incidents/inc-1/report.json", &json!({"a": 1})).await.unwrap();
    bucket.put_text("incidents/inc-1/report.md", "text/markdown; charset=utf-8", "# Ende gut").await.unwrap();
    assert_eq!(wire.headers("content-type"), ["application/json", "text/markdown; charset=utf-8"]);
    assert_eq!(wire.bodies(), ["{\"a\":1}", "# Ende gut"]);
    assert!(
        wire.lines()[0].starts_with("PUT https://lifeboat-docs.s3.eu-central-1.amazonaws.com/incidents/inc-1/report.json"),
        "{:?}",
        wire.lines()
    );
    assert_eq!(bucket.location("x.json"), "s3://lifeboat-docs/x.json");
}

#[tokio::test(start_paused = true)]
async fn a_local_cloud_has_the_bucket_in_the_path() {
    let wire = Wire::answering(&[(200, "")]);
    let config = crate::wire::config(wire.transport()).await;
    Bucket::new(&config, "lifeboat-docs", true).put_json("x.json", &json!(1)).await.unwrap();
    assert!(wire.lines()[0].starts_with("PUT https://s3.eu-central-1.amazonaws.com/lifeboat-docs/x.json"), "{:?}", wire.lines());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_none_and_what_is_broken_an_error() {
    let error = |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    let wire = Wire::answering(&[
        (200, "{\"a\":1}"),
        (404, &error("NoSuchKey")),
        (404, &error("NoSuchBucket")),
        (403, &error("AccessDenied")),
        (200, "{"),
    ]);
    let bucket = wire.clients().await.bucket("lifeboat-docs");
    assert_eq!(bucket.get_json("k").await.unwrap(), Some(json!({"a": 1})));
    assert_eq!(bucket.get_json("k").await.unwrap(), None);
    for class in [CallClass::Invalid, CallClass::Denied, CallClass::Invalid] {
        assert_eq!(bucket.get_json("k").await.unwrap_err().class, class);
    }
}
