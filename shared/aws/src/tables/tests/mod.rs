//! What is sent to DynamoDB, and what is read from it.

mod acts;
mod exports;
mod reads;
mod salvage;

use crate::wire::Wire;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::words::ResourceKind;
use serde_json::{Value, json};

pub(super) const ARN: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders";

pub(super) fn id(name: &str) -> DatabaseId {
    DatabaseId::new(ResourceKind::DynamodbTable, name).unwrap()
}

/// The operations that were asked for, in order.
pub(super) fn operations(wire: &Wire) -> Vec<String> {
    wire.headers("x-amz-target").into_iter().map(|target| target.rsplit('.').next().unwrap_or_default().to_owned()).collect()
}

/// What DescribeTable shows of `orders`.
pub(super) fn table() -> Value {
    json!({"Table": {
        "TableName": "orders", "TableArn": ARN, "TableId": "t-1", "TableStatus": "ACTIVE", "CreationDateTime": 1_768_470_000.0,
        "AttributeDefinitions": [{"AttributeName": "at", "AttributeType": "N"}, {"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        "GlobalSecondaryIndexes": [{"IndexName": "by-customer", "IndexStatus": "ACTIVE"}],
        "LocalSecondaryIndexes": [{"IndexName": "by-amount"}],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        "Replicas": [{"RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE"}],
        "SSEDescription": {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/k-1"},
        "DeletionProtectionEnabled": true,
    }})
}

/// What DescribeContinuousBackups shows.
pub(super) fn recoverable() -> Value {
    json!({"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": {
        "PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 21,
        "EarliestRestorableDateTime": 1_768_000_000.0, "LatestRestorableDateTime": 1_768_471_000.0,
    }}})
}

/// A service that answers these documents, in this order.
pub(super) fn answering(answers: &[(u16, String)]) -> Wire {
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    Wire::answering(&answers)
}

pub(super) fn well(body: &Value) -> (u16, String) {
    (200, body.to_string())
}

pub(super) fn refused(code: &str, message: &str) -> (u16, String) {
    (400, crate::wire::error_json(code, message))
}
