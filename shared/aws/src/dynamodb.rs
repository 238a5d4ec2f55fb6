//! The ledger in DynamoDB.

use crate::classify::{invalid, own_call_error};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use lifeboat_domain::CallError;
use lifeboat_domain::ports::{Answer, Key, Ledger, Versioned, Written};
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Partition key.
const PK: &str = "pk";
/// Sort key.
const SK: &str = "sk";
/// Counts writes, from 1.
const VERSION: &str = "version";
/// The document.
const DOCUMENT: &str = "document";
/// Marks the write that made this version, so that a retry recognises its own lost write.
const NONCE: &str = "nonce";

type Item = HashMap<String, AttributeValue>;

/// One table; its keys carry the home Region, so that a standby reads another Region's documents in the same global table.
#[derive(Debug, Clone)]
pub struct DynamoLedger {
    client: Client,
    table: String,
    home_region: String,
}

impl DynamoLedger {
    /// The ledger of `home_region` in `table`.
    pub fn new(config: &SdkConfig, table: &str, home_region: &str) -> Self {
        Self { client: Client::new(config), table: table.to_owned(), home_region: home_region.to_owned() }
    }

    fn partition(&self, partition: &str) -> AttributeValue {
        AttributeValue::S(format!("{}#{partition}", self.home_region))
    }

    fn put(&self, key: &Key, version: u64, document: &Value, nonce: &str) -> Answer<PutItemFluentBuilder> {
        let document = serde_dynamo::to_attribute_value(document).map_err(|error| {
            invalid("dynamodb:PutItem", DOCUMENT, format!("the document {} {} cannot be stored: {error}", key.partition, key.sort))
        })?;
        Ok(self
            .client
            .put_item()
            .table_name(&self.table)
            .item(PK, self.partition(&key.partition))
            .item(SK, AttributeValue::S(key.sort.clone()))
            .item(VERSION, AttributeValue::N(version.to_string()))
            .item(DOCUMENT, document)
            .item(NONCE, AttributeValue::S(nonce.to_owned()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }
}

impl Ledger for DynamoLedger {
    async fn read(&self, key: &Key) -> Answer<Option<Versioned>> {
        let action = "dynamodb:GetItem";
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let output = request.key(PK, self.partition(&key.partition)).key(SK, AttributeValue::S(key.sort.clone())).send().await;
        match output.map_err(|error| own_call_error(action, &error))?.item {
            Some(item) => versioned(action, item).map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, key: &Key, document: &Value) -> Answer<Written> {
        let nonce = nonce();
        let request = self.put(key, 1, document, &nonce)?.condition_expression("attribute_not_exists(pk)");
        written(request.send().await.map(|_| ()), &nonce)
    }

    async fn replace(&self, key: &Key, version: u64, document: &Value) -> Answer<Written> {
        let nonce = nonce();
        let request = self
            .put(key, version.saturating_add(1), document, &nonce)?
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()));
        written(request.send().await.map(|_| ()), &nonce)
    }

    async fn list(&self, partition: &str, prefix: &str) -> Answer<Vec<(Key, Versioned)>> {
        let action = "dynamodb:Query";
        let request =
            self.client.query().table_name(&self.table).consistent_read(true).expression_attribute_values(":pk", self.partition(partition));
        // An empty prefix is not a valid operand.
        let request = if prefix.is_empty() {
            request.key_condition_expression("pk = :pk")
        } else {
            request
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
        };
        let mut items = request.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| own_call_error(action, &error))?;
            let sort = item.get(SK).and_then(|sort| sort.as_s().ok()).cloned().ok_or_else(|| missing(action, SK))?;
            found.push((Key { partition: partition.to_owned(), sort }, versioned(action, item)?));
        }
        Ok(found)
    }
}

/// The outcome of a conditional write. A condition that failed on our own nonce was met by an attempt whose reply was lost.
fn written(result: Result<(), SdkError<PutItemError>>, nonce: &str) -> Answer<Written> {
    let Err(error) = result else { return Ok(Written::Yes) };
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
            let there = failed.item.as_ref().and_then(|item| item.get(NONCE)).and_then(|nonce| nonce.as_s().ok());
            Ok(if there.is_some_and(|there| there == nonce) { Written::Yes } else { Written::No })
        }
        _ => Err(own_call_error("dynamodb:PutItem", &error)),
    }
}

fn versioned(action: &str, mut item: Item) -> Answer<Versioned> {
    let version = item.get(VERSION).and_then(|version| version.as_n().ok()).and_then(|version| version.parse().ok());
    let version = version.ok_or_else(|| missing(action, VERSION))?;
    let document = item.remove(DOCUMENT).ok_or_else(|| missing(action, DOCUMENT))?;
    let document = serde_dynamo::from_attribute_value(document)
        .map_err(|error| invalid(action, DOCUMENT, format!("the stored document cannot be read: {error}")))?;
    Ok(Versioned { version, document })
}

fn missing(action: &str, field: &str) -> CallError {
    invalid(action, field, format!("the item has no usable attribute {field}"))
}

/// 128 bits that no other write has; not a secret.
fn nonce() -> String {
    let [one, other] = [RandomState::new().hash_one(1_u8), RandomState::new().hash_one(2_u8)];
    format!("{one:016x}{other:016x}")
}

#[cfg(test)]
mod tests;
