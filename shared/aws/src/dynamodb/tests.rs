//! What the ledger sends and reads.

use super::*;
use crate::wire::{Wire, error_json};
use lifeboat_domain::CallClass;
use serde_json::json;

fn key() -> Key {
    Key { partition: "resource#orders".to_owned(), sort: "lease".to_owned() }
}

fn item(version: &str, sort: &str) -> Value {
    json!({"pk": {"S": "eu-central-1#resource#orders"}, "sk": {"S": sort}, "version": {"N": version}, "document": {"M": {"owner": {"S": "exec-1"}, "n": {"N": "3"}}}})
}

async fn ledger(wire: &Wire) -> DynamoLedger {
    wire.clients().await.ledger("lifeboat", "eu-central-1")
}

#[tokio::test(start_paused = true)]
async fn reads_are_consistent_and_keyed_by_home_region() {
    let wire = Wire::answering(&[(200, &json!({"Item": item("7", "lease")}).to_string()), (200, "{}")]);
    let ledger = ledger(&wire).await;
    let read = ledger.read(&key()).await.unwrap();
    assert_eq!(read, Some(Versioned { version: 7, document: json!({"owner": "exec-1", "n": 3}) }));
    assert_eq!(ledger.read(&key()).await.unwrap(), None);
    let keyed = json!({"pk": {"S": "eu-central-1#resource#orders"}, "sk": {"S": "lease"}});
    assert_eq!(wire.json()[0], json!({"TableName": "lifeboat", "ConsistentRead": true, "Key": keyed}));
    assert_eq!(wire.headers("x-amz-target")[0], "DynamoDB_20120810.GetItem");
}

#[tokio::test(start_paused = true)]
async fn a_document_is_created_once_and_replaced_by_version() {
    let lost = error_json("ConditionalCheckFailedException", "The conditional request failed");
    let wire = Wire::answering(&[(200, "{}"), (400, &lost), (200, "{}"), (400, &lost)]);
    let ledger = ledger(&wire).await;
    let document = json!({"owner": "exec-1", "until": null, "list": [1.5, ""], "nested": {"deep": true}});
    assert_eq!(ledger.create(&key(), &document).await.unwrap(), Written::Yes);
    assert_eq!(ledger.create(&key(), &document).await.unwrap(), Written::No);
    assert_eq!(ledger.replace(&key(), 7, &document).await.unwrap(), Written::Yes);
    assert_eq!(ledger.replace(&key(), 7, &document).await.unwrap(), Written::No);

    let sent = wire.json();
    assert_eq!(sent[0]["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(sent[0]["Item"]["pk"], json!({"S": "eu-central-1#resource#orders"}));
    assert_eq!(sent[0]["Item"]["version"], json!({"N": "1"}));
    let stored = json!({"M": {"owner": {"S": "exec-1"}, "until": {"NULL": true}, "list": {"L": [{"N": "1.5"}, {"S": ""}]}, "nested": {"M": {"deep": {"BOOL": true}}}}});
    assert_eq!(sent[0]["Item"]["document"], stored);
    assert_eq!(sent[2]["ConditionExpression"], "#version = :version");
    assert_eq!(sent[2]["ExpressionAttributeNames"], json!({"#version": "version"}));
    assert_eq!(sent[2]["ExpressionAttributeValues"], json!({":version": {"N": "7"}}));
    assert_eq!(sent[2]["Item"]["version"], json!({"N": "8"}));
    assert_ne!(sent[0]["Item"]["nonce"], sent[1]["Item"]["nonce"]);
}

#[tokio::test(start_paused = true)]
async fn another_writers_document_stays() {
    let theirs = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no", "Item": {"nonce": {"S": "theirs"}}});
    let wire = Wire::answering(&[(500, ""), (400, &theirs.to_string())]);
    assert_eq!(ledger(&wire).await.create(&key(), &json!({})).await.unwrap(), Written::No);
    let sent = wire.json();
    assert_eq!(sent[0], sent[1], "the retry is the same write");
    assert_eq!(sent[0]["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[test]
fn a_retry_recognises_its_own_lost_write() {
    use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    let failed = |nonce: Option<&str>| {
        let item = nonce.map(|nonce| HashMap::from([(NONCE.to_owned(), AttributeValue::S(nonce.to_owned()))]));
        let failed = ConditionalCheckFailedException::builder().set_item(item).build();
        let response = HttpResponse::new(400.try_into().unwrap(), "".into());
        SdkError::service_error(PutItemError::ConditionalCheckFailedException(failed), response)
    };
    assert_eq!(written(Err(failed(Some("mine"))), "mine").unwrap(), Written::Yes);
    assert_eq!(written(Err(failed(Some("theirs"))), "mine").unwrap(), Written::No);
    assert_eq!(written(Err(failed(None)), "mine").unwrap(), Written::No);
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_listed_over_all_pages() {
    let last = json!({"pk": {"S": "eu-central-1#resource#orders"}, "sk": {"S": "point#1"}});
    let first = json!({"Items": [item("1", "point#1")], "LastEvaluatedKey": last});
    let second = json!({"Items": [item("2", "point#2")]});
    let wire = Wire::answering(&[(200, &first.to_string()), (200, &second.to_string()), (200, r#"{"Items": []}"#)]);
    let ledger = ledger(&wire).await;
    let listed = ledger.list("resource#orders", "point#").await.unwrap();
    let keys: Vec<_> = listed.iter().map(|(key, found)| (key.partition.as_str(), key.sort.as_str(), found.version)).collect();
    assert_eq!(keys, [("resource#orders", "point#1", 1), ("resource#orders", "point#2", 2)]);
    assert_eq!(ledger.list("resource#orders", "").await.unwrap(), []);

    let sent = wire.json();
    assert_eq!(sent[0]["ConsistentRead"], true);
    assert_eq!(sent[0]["KeyConditionExpression"], "pk = :pk AND begins_with(sk, :prefix)");
    assert_eq!(sent[0]["ExpressionAttributeValues"], json!({":pk": {"S": "eu-central-1#resource#orders"}, ":prefix": {"S": "point#"}}));
    assert_eq!(sent[1]["ExclusiveStartKey"], last);
    assert_eq!(sent[2]["KeyConditionExpression"], "pk = :pk");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_not_ours_is_an_error_with_the_attribute() {
    for (broken, attribute) in [
        (json!({"document": {"M": {}}}), "version"),
        (json!({"version": {"N": "1"}}), "document"),
        (json!({"version": {"S": "1"}}), "version"),
    ] {
        let wire = Wire::answering(&[(200, &json!({"Item": broken}).to_string())]);
        let error = ledger(&wire).await.read(&key()).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, attribute));
    }
}
