//! Looked up by name, page by page, and never for ever.

use super::*;
use crate::wire::{Wire, error_json};
use lifeboat_domain::CallClass;
use serde_json::{Value, json};

fn page(calls: &[&str], next: Option<&str>) -> String {
    let record = |call: &&str| {
        let record = json!({
            "eventTime": "2026-01-15T10:25:00Z", "eventSource": "rds.amazonaws.com", "eventName": call, "readOnly": false,
            "userIdentity": {"type": "IAMUser", "userName": "ann"},
        });
        json!({"EventId": "e", "EventName": call, "CloudTrailEvent": record.to_string()})
    };
    json!({"Events": calls.iter().map(record).collect::<Vec<Value>>(), "NextToken": next}).to_string()
}

async fn look_up(wire: &Wire) -> Answer<Trail> {
    let at = |text: &str| text.parse().unwrap();
    wire.clients().await.trail().actions_on("orders-db", at("2026-01-15T10:00:00Z"), at("2026-01-15T11:00:00Z")).await
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_looked_up_by_name_within_the_window_on_every_page() {
    let wire = Wire::answering(&[(200, &page(&["ModifyDBInstance"], Some("more"))), (200, &page(&["RebootDBInstance"], None))]);
    let trail = look_up(&wire).await.unwrap();
    let calls: Vec<&str> = trail.actions.iter().map(|action| action.call.as_str()).collect();
    assert_eq!((calls, trail.is_complete), (vec!["rds:ModifyDBInstance", "rds:RebootDBInstance"], true));
    let name = json!([{"AttributeKey": "ResourceName", "AttributeValue": "orders-db"}]);
    let first = &wire.json()[0];
    assert_eq!((&first["LookupAttributes"], &first["MaxResults"]), (&name, &json!(50)));
    assert_eq!((first["StartTime"].as_f64(), first["EndTime"].as_f64()), (Some(1_768_471_200.0), Some(1_768_474_800.0)));
    assert_eq!(wire.json()[1]["NextToken"], "more");
}

#[tokio::test(start_paused = true)]
async fn a_trail_without_end_is_read_for_three_pages_and_said_to_be_incomplete() {
    let endless = page(&["ModifyDBInstance"], Some("more"));
    let wire = Wire::answering(&[(200, &endless), (200, &endless), (200, &endless), (200, &endless)]);
    let trail = look_up(&wire).await.unwrap();
    assert_eq!((trail.actions.len(), trail.is_complete, wire.count()), (3, false, 3));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_does_not_come_leaves_what_came_before_it() {
    let throttled = error_json("ThrottlingException", "Rate exceeded");
    let wire =
        Wire::answering(&[(200, &page(&["ModifyDBInstance"], Some("more"))), (400, &throttled), (400, &throttled), (400, &throttled)]);
    let trail = look_up(&wire).await.unwrap();
    assert_eq!((trail.actions.len(), trail.is_complete), (1, false));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_one() {
    let wire = Wire::answering(&[(400, &error_json("AccessDeniedException", "not authorized"))]);
    let error = look_up(&wire).await.unwrap_err();
    assert_eq!((error.class, error.action.as_str()), (CallClass::Denied, ACTION));
    let wire = Wire::answering(&[(200, &json!({"Events": [{"CloudTrailEvent": "no JSON"}, {}]}).to_string())]);
    assert_eq!(look_up(&wire).await.unwrap(), Trail { actions: Vec::new(), is_complete: true });
}
