//! Publishes what AWS would: events to EventBridge, what ElastiCache tells a topic to SNS.

use std::time::Duration;

use hyper::Request;
use hyper::body::Bytes;
use lifeboat_testing::model::{CacheNotice, Event};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::http;

/// How often publishing is tried before an event is lost; on AWS, too, delivery is best effort.
const TRIES: u32 = 20;

/// One of them.
#[derive(Debug)]
pub(crate) enum Published {
    /// Of RDS.
    Event(Box<Event>),
    /// Of ElastiCache.
    Notice(CacheNotice),
}

/// Publishes in order. Whoever does not take an event after many tries does not get it.
pub(crate) async fn publish(to: String, mut events: UnboundedReceiver<Published>) {
    while let Some(published) = events.recv().await {
        let mut tries = 0;
        loop {
            let request = match &published {
                Published::Event(event) => put_events(&to, event),
                Published::Notice(notice) => told(&to, notice),
            };
            let why = match http::send(&to, request).await {
                Ok(response) if response.status().is_success() => match failed_entries(response.body()) {
                    None => break,
                    Some(why) => why,
                },
                Ok(response) => format!("{}: {}", response.status(), String::from_utf8_lossy(response.body())),
                Err(error) => error.to_string(),
            };
            tries += 1;
            if tries == TRIES {
                tracing::warn!(why, ?published, "an event is lost");
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// What `PutEvents` says of an entry that it did not take.
fn failed_entries(body: &[u8]) -> Option<String> {
    let reply: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let failed = reply.get("FailedEntryCount").and_then(serde_json::Value::as_u64).unwrap_or(0);
    (failed > 0).then(|| reply.to_string())
}

fn put_events(to: &str, event: &Event) -> Request<Bytes> {
    let entry = json!({
        "Source": event.source,
        "DetailType": event.detail_type,
        "Detail": serde_json::to_string(&event.detail).unwrap_or_default(),
        "Resources": event.resources,
        "Time": event.time.timestamp(),
    });
    let host = to.strip_prefix("http://").unwrap_or(to).trim_end_matches('/');
    let credential = format!("test/20260101/{}/events/aws4_request", event.region);
    let request = Request::post("/")
        .header("host", host)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSEvents.PutEvents")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"))
        .body(Bytes::from(json!({ "Entries": [entry] }).to_string()));
    request.unwrap_or_default()
}

/// The Region of an ARN.
fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

fn told(to: &str, notice: &CacheNotice) -> Request<Bytes> {
    let host = to.strip_prefix("http://").unwrap_or(to).trim_end_matches('/');
    let credential = format!("test/20260101/{}/sns/aws4_request", region_of(&notice.topic));
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "Publish")
        .append_pair("Version", "2010-03-31")
        .append_pair("TopicArn", &notice.topic)
        .append_pair("Subject", "ElastiCache Notification Message")
        .append_pair("Message", &notice.message)
        .finish();
    let request = Request::post("/")
        .header("host", host)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"))
        .body(Bytes::from(form));
    request.unwrap_or_default()
}
