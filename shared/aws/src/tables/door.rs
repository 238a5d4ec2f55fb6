//! The door of a table: one statement of its resource policy denies every write. All other statements stay as they are, and the policy
//! is replaced only if it is still the one that was read.

use super::Tables;
use crate::classify::{call_error, invalid};
use lifeboat_domain::CallClass;
use lifeboat_domain::ports::Answer;
use serde_json::{Value, json};

const GET: &str = "dynamodb:GetResourcePolicy";
pub(super) const PUT: &str = "dynamodb:PutResourcePolicy";
const DELETE: &str = "dynamodb:DeleteResourcePolicy";
/// The name of Lifeboat's statement.
const SID: &str = "LifeboatFence";
/// What `ExpectedRevisionId` says of a table without a policy.
const NO_POLICY: &str = "NO_POLICY";
/// DynamoDB's own role, which copies writes of a global table from Region to Region: a policy that denies it ends the replication, and
/// after 20 hours the replica is none any more for good.
const REPLICATION: &str = "arn:*:iam::*:role/aws-service-role/replication.dynamodb.amazonaws.com/*";
/// Every call that changes an item; a transaction is authorised as the calls that it is made of.
const WRITES: [&str; 7] = [
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PartiQLDelete",
];

/// A policy, and Lifeboat's statement in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Door {
    /// The whole document without Lifeboat's statement; null if nothing else is in it.
    others: Value,
    /// Whether it holds Lifeboat's statement.
    pub(super) denies: bool,
    revision: String,
}

fn is_ours(statement: &Value) -> bool {
    statement.get("Sid").is_some_and(|sid| sid == SID)
}

impl Door {
    fn of(document: &str, revision: String) -> Result<Self, serde_json::Error> {
        let mut policy: Value = serde_json::from_str(document)?;
        let statements = match policy.get_mut("Statement").map(Value::take) {
            Some(Value::Array(statements)) => statements,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let denies = statements.iter().any(is_ours);
        let others: Vec<Value> = statements.into_iter().filter(|statement| !is_ours(statement) && !statement.is_null()).collect();
        if others.is_empty() {
            return Ok(Self { others: Value::Null, denies, revision });
        }
        if let Value::Object(policy) = &mut policy {
            policy.insert("Statement".to_owned(), Value::from(others));
        }
        Ok(Self { others: policy, denies, revision })
    }

    fn none() -> Self {
        Self { others: Value::Null, denies: false, revision: NO_POLICY.to_owned() }
    }

    /// The policy of its owner, as text with sorted names.
    pub(super) fn owners(&self) -> Option<String> {
        (!self.others.is_null()).then(|| self.others.to_string())
    }

    /// The document with Lifeboat's statement.
    fn closed(&self, arn: &str) -> Value {
        let mut policy = if self.others.is_null() { json!({"Version": "2012-10-17", "Statement": []}) } else { self.others.clone() };
        let statement = json!({"Sid": SID, "Effect": "Deny", "Principal": "*", "Action": WRITES, "Resource": arn,
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": REPLICATION}}});
        if let Some(statements) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
            statements.push(statement);
        }
        policy
    }
}

impl Tables {
    pub(super) async fn door(&self, arn: &str) -> Answer<Door> {
        let output = self.client.get_resource_policy().resource_arn(arn).send().await;
        match output.map_err(|error| call_error(GET, &error)) {
            Ok(output) => {
                let (Some(document), Some(revision)) = (output.policy, output.revision_id) else { return Ok(Door::none()) };
                Door::of(&document, revision).map_err(|error| invalid(GET, "Policy", format!("the policy of {arn} is no JSON: {error}")))
            }
            Err(error) if error.code.starts_with("PolicyNotFound") => Ok(Door::none()),
            Err(error) => Err(error),
        }
    }

    /// Closes or opens the door; what is so already is not sent.
    pub(super) async fn deny_writes(&self, arn: &str, denies: bool) -> Answer<()> {
        let door = self.door(arn).await?;
        if door.denies == denies {
            return Ok(());
        }
        let document = if denies { Some(door.closed(arn)) } else { Some(door.others.clone()).filter(|others| !others.is_null()) };
        let answer = match document {
            Some(document) => self.put_policy(arn, &document.to_string(), Some(&door.revision)).await,
            None => {
                let request = self.client.delete_resource_policy().resource_arn(arn).expected_revision_id(&door.revision);
                request.send().await.map(|_| ()).map_err(|error| call_error(DELETE, &error))
            }
        };
        // Somebody else, or an attempt of ours whose reply was lost, was quicker: looked at again.
        answer.map_err(|error| {
            if error.code.starts_with("PolicyNotFound") {
                lifeboat_domain::CallError { class: CallClass::WrongState, ..error }
            } else {
                error
            }
        })
    }

    pub(super) async fn put_policy(&self, arn: &str, document: &str, revision: Option<&str>) -> Answer<()> {
        let request = self.client.put_resource_policy().resource_arn(arn).policy(document);
        let output = request.set_expected_revision_id(revision.map(str::to_owned)).send().await;
        output.map(|_| ()).map_err(|error| call_error(PUT, &error))
    }
}
