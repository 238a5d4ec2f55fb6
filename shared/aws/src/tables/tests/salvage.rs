//! Whole items, read and written back.

use super::{ARN, answering, id, operations, refused, table, well};
use lifeboat_domain::CallClass;
use lifeboat_domain::salvage::{CompareItems, Condition, Put, Restored, Segment, WriteItems};
use serde_json::{Value, json};

/// One of each kind of value.
fn everything() -> Value {
    json!({
        "id": {"S": "4711"}, "at": {"N": "1"}, "blob": {"B": "AQI="}, "yes": {"BOOL": true}, "none": {"NULL": true},
        "texts": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2"]}, "blobs": {"BS": ["AQI="]},
        "list": {"L": [{"S": "x"}, {"N": "2"}]}, "map": {"M": {"inner": {"S": "y"}}},
    })
}

#[tokio::test(start_paused = true)]
async fn what_a_table_was_restored_from_is_told_with_its_moment() {
    let mut shown = table();
    shown["Table"]["ItemCount"] = json!(7);
    let mut copy = shown.clone();
    copy["Table"]["RestoreSummary"] = json!({"SourceTableArn": ARN, "RestoreDateTime": 1_768_472_700.0, "RestoreInProgress": true});
    let wire = answering(&[well(&shown), well(&copy), refused("ResourceNotFoundException", "gone")]);
    let items = wire.clients().await.table_items();
    let plain = items.table_facts(&id("orders")).await.unwrap().unwrap();
    assert_eq!((plain.id.as_str(), plain.arn.as_str(), plain.is_usable, plain.items), ("t-1", ARN, true, 7));
    assert_eq!((plain.key, plain.restored), (vec!["id".to_owned(), "at".to_owned()], None));
    let copy = items.table_facts(&id("copy")).await.unwrap().unwrap();
    let at = "2026-01-15T10:25:00Z".parse().unwrap();
    assert_eq!(copy.restored, Some(Restored { from: ARN.to_owned(), at, in_progress: true }));
    assert_eq!(items.table_facts(&id("gone")).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_read_consistently_from_its_segment_and_goes_on_where_the_last_one_ended() {
    let key = json!({"id": {"S": "4711"}, "at": {"N": "1"}});
    let wire = answering(&[well(&json!({"Items": [everything()], "LastEvaluatedKey": key})), well(&json!({"Items": []}))]);
    let items = wire.clients().await.table_items();
    let segment = Segment { number: 3, total: 16 };
    let page = items.segment_page(&id("copy"), segment, None).await.unwrap();
    assert_eq!((page.items, page.next.as_ref()), (vec![everything()], Some(&key)));
    let last = items.segment_page(&id("copy"), segment, page.next.as_ref()).await.unwrap();
    assert_eq!((last.items.len(), last.next), (0, None));
    let sent = wire.json();
    assert_eq!(
        (&sent[0]["ConsistentRead"], &sent[0]["Segment"], &sent[0]["TotalSegments"], &sent[0]["Limit"]),
        (&json!(true), &json!(3), &json!(16), &json!(100))
    );
    assert_eq!(sent[1]["ExclusiveStartKey"], key);
}

#[tokio::test(start_paused = true)]
async fn keys_that_dynamodb_leaves_out_are_asked_for_again_and_are_never_missing() {
    let keys = [json!({"id": {"S": "1"}, "at": {"N": "1"}}), json!({"id": {"S": "2"}, "at": {"N": "1"}})];
    let left = json!({"orders": {"Keys": [keys[1]], "ConsistentRead": true}});
    let some = json!({"Responses": {"orders": [keys[0]]}, "UnprocessedKeys": left});
    let wire = answering(&[well(&some), well(&json!({"Responses": {"orders": [keys[1]]}, "UnprocessedKeys": {}}))]);
    let found = wire.clients().await.table_items().items_under(&id("orders"), &keys).await.unwrap();
    assert_eq!(found, keys);
    assert_eq!(wire.json()[1]["RequestItems"], left, "asked for consistently, and only for what was left");
    let never = json!({"Responses": {}, "UnprocessedKeys": left});
    let wire = answering(&[well(&never), well(&never), well(&never), well(&never), well(&never)]);
    let error = wire.clients().await.table_items().items_under(&id("orders"), &keys).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (CallClass::Throttled, "UnprocessedKeys"));
}

#[tokio::test(start_paused = true)]
async fn an_item_is_put_as_it_is_under_a_condition_that_names_every_attribute_by_a_place_holder() {
    let old = json!({"id": {"S": "4711"}, "size of": {"N": "2"}});
    let wire = answering(&[well(&json!({"Attributes": old})), well(&json!({}))]);
    let items = wire.clients().await.table_items();
    let condition = Condition {
        equal: vec![("id".to_owned(), json!({"S": "4711"})), ("size of".to_owned(), json!({"N": "2"}))],
        absent: vec!["list".to_owned()],
    };
    assert_eq!(items.put_if(&id("orders"), &everything(), &condition).await.unwrap(), Put::Written(Some(old)));
    let missing = Condition { equal: Vec::new(), absent: vec!["id".to_owned()] };
    assert_eq!(items.put_if(&id("orders"), &everything(), &missing).await.unwrap(), Put::Written(None));
    let sent = wire.json();
    assert_eq!((&sent[0]["TableName"], &sent[0]["Item"], &sent[0]["ReturnValues"]), (&json!("orders"), &everything(), &json!("ALL_OLD")));
    assert_eq!(sent[0]["ConditionExpression"], "#e0 = :e0 AND #e1 = :e1 AND attribute_not_exists(#n0)");
    assert_eq!(sent[0]["ExpressionAttributeNames"], json!({"#e0": "id", "#e1": "size of", "#n0": "list"}));
    assert_eq!(sent[0]["ExpressionAttributeValues"], json!({":e0": {"S": "4711"}, ":e1": {"N": "2"}}));
    assert_eq!(
        (&sent[1]["ConditionExpression"], &sent[1]["ExpressionAttributeNames"]),
        (&json!("attribute_not_exists(#n0)"), &json!({"#n0": "id"}))
    );
    assert_eq!(operations(&wire), ["PutItem", "PutItem"]);
}

#[tokio::test(start_paused = true)]
async fn who_was_quicker_and_a_fence_are_answers_and_a_missing_permission_is_an_error() {
    let fence =
        "User: x is not authorized to perform: dynamodb:PutItem on resource: orders with an explicit deny in a resource-based policy";
    let wire = answering(&[
        refused("ConditionalCheckFailedException", "The conditional request failed"),
        refused("AccessDeniedException", fence),
        refused("AccessDeniedException", "no identity-based policy allows it"),
        refused("ValidationException", "Type mismatch for Index Key state"),
    ]);
    let items = wire.clients().await.table_items();
    let missing = Condition { equal: Vec::new(), absent: vec!["id".to_owned()] };
    assert_eq!(items.put_if(&id("orders"), &everything(), &missing).await.unwrap(), Put::Kept);
    assert_eq!(items.put_if(&id("orders"), &everything(), &missing).await.unwrap(), Put::Fenced);
    let error = items.put_if(&id("orders"), &everything(), &missing).await.unwrap_err();
    assert_eq!(error.class, CallClass::Denied);
    let refused = items.put_if(&id("orders"), &everything(), &missing).await.unwrap();
    let Put::Refused(why) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("ValidationException: Type mismatch for Index Key state"), "{why}");
    let unknown = items.put_if(&id("orders"), &json!({"id": {"X": "secret"}}), &missing).await.unwrap_err();
    assert!(unknown.class == CallClass::Invalid && !unknown.to_string().contains("secret"), "{unknown}");
}
