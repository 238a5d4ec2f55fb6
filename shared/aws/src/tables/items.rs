//! Items, as `validate` looks at them: single pages and single keys, never a whole table.

use super::{DESCRIBE, observe};
use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::items::{Item, ItemsRule, ReadItems, WriteTry, segments};
use lifeboat_domain::observed::KeyAttribute;
use lifeboat_domain::ports::Answer;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Into how many pages, each of another segment, a sample is divided; a table that has fewer items is read in more.
const PAGES: u32 = 4;
/// Keys that one BatchGetItem takes.
const BATCH: usize = 100;
pub(super) const GET: &str = "dynamodb:BatchGetItem";
/// How often keys that DynamoDB left out are asked for again.
const TRIES: usize = 5;
/// So many writes to keys in different places must be denied: a new policy takes some time to reach all of a table.
const WRITE_TRIES: usize = 8;
/// How AWS words a denial by a resource policy, and not for the want of a permission.
pub(super) const BY_POLICY: &str = "explicit deny in a resource-based policy";

/// The items of one Region's tables.
#[derive(Debug, Clone)]
pub struct TableItems {
    pub(super) client: Client,
}

impl TableItems {
    /// DynamoDB as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Those of up to a hundred keys that exist. What was left out would look like what is missing: it is asked for again, and then an error.
    pub(super) async fn get_all(
        &self,
        table: &DatabaseId,
        mut wanted: Vec<HashMap<String, AttributeValue>>,
        consistent: bool,
        mut take: impl FnMut(&HashMap<String, AttributeValue>),
    ) -> Answer<()> {
        for _ in 0..TRIES {
            let keys = KeysAndAttributes::builder().set_keys(Some(std::mem::take(&mut wanted))).consistent_read(consistent).build();
            let keys = keys.map_err(|error| invalid(GET, "Keys", error.to_string()))?;
            let output = self.client.batch_get_item().request_items(table.as_str(), keys).send().await;
            let output = output.map_err(|error| call_error(GET, &error))?;
            output.responses.iter().flat_map(HashMap::values).flatten().for_each(&mut take);
            wanted = output.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys).collect();
            if wanted.is_empty() {
                return Ok(());
            }
        }
        let text = format!("{} keys of {table} were not answered", wanted.len());
        Err(lifeboat_domain::CallError::new(CallClass::Throttled, GET, "UnprocessedKeys", text))
    }

    async fn key(&self, table: &DatabaseId) -> Answer<Vec<KeyAttribute>> {
        let output = self.client.describe_table().table_name(table.as_str()).send().await.map_err(|error| call_error(DESCRIBE, &error))?;
        let key = output.table.as_ref().map(observe::key).unwrap_or_default();
        if key.is_empty() { Err(invalid(DESCRIBE, "KeySchema", format!("{table} has no key"))) } else { Ok(key) }
    }
}

/// How a text begins that is the key of no item. The role may try to delete items whose partition key begins like this, and no others.
const NOBODYS_TEXT: &str = "lifeboat-probe-";
/// The same of a number. A binary key cannot be told so to IAM, which then refuses the trial: whether clients can write is unknown.
const NOBODYS_NUMBER: &str = "-7777777777777777";

/// A key that no item has: many random bits in each attribute.
fn random_key(key: &[KeyAttribute]) -> HashMap<String, AttributeValue> {
    let random = || u128::from(RandomState::new().hash_one(0)) << 64 | u128::from(RandomState::new().hash_one(1));
    let value = |kind: &str| match kind {
        "N" => AttributeValue::N(format!("{NOBODYS_NUMBER}{:020}", random() % 10_u128.pow(20))),
        "B" => AttributeValue::B(Blob::new(random().to_be_bytes())),
        _ => AttributeValue::S(format!("{NOBODYS_TEXT}{:032x}", random())),
    };
    key.iter().map(|part| (part.name.clone(), value(&part.kind))).collect()
}

impl ReadItems for TableItems {
    async fn ask(&self, table: &DatabaseId) -> Answer<()> {
        let key = self.key(table).await?;
        let output = self.client.get_item().table_name(table.as_str()).set_key(Some(random_key(&key))).send().await;
        output.map(|_| ()).map_err(|error| call_error("dynamodb:GetItem", &error))
    }

    async fn try_to_write(&self, table: &DatabaseId) -> Answer<WriteTry> {
        let key = self.key(table).await?;
        let name = key.first().map(|part| part.name.clone()).unwrap_or_default();
        for _ in 0..WRITE_TRIES {
            let request = self.client.delete_item().table_name(table.as_str()).set_key(Some(random_key(&key)));
            let request = request.condition_expression("attribute_exists(#key)").expression_attribute_names("#key", &name);
            match request.send().await.map_err(|error| call_error("dynamodb:DeleteItem", &error)) {
                Err(error) if error.class == CallClass::Denied && error.message.contains(BY_POLICY) => {}
                Ok(_) => return Ok(WriteTry::Accepted),
                Err(error) if error.code == "ConditionalCheckFailedException" => return Ok(WriteTry::Accepted),
                Err(error) if error.class == CallClass::Denied => return Ok(WriteTry::Denied(error.to_string())),
                Err(error) => return Err(error),
            }
        }
        Ok(WriteTry::DeniedByPolicy)
    }

    async fn sample(&self, table: &DatabaseId, rule: &ItemsRule, seed: u64) -> Answer<Vec<Item>> {
        let names: Vec<String> = self.key(table).await?.into_iter().map(|part| part.name).collect();
        let page = i32::try_from(rule.sample.div_ceil(PAGES)).unwrap_or(i32::MAX);
        let most = usize::try_from(rule.sample).unwrap_or(usize::MAX);
        let (total, order) = segments(seed);
        let mut found = Vec::new();
        for segment in order {
            if found.len() >= most {
                break;
            }
            let request = self.client.scan().table_name(table.as_str()).segment(segment).total_segments(total).limit(page);
            let output = request.send().await.map_err(|error| call_error("dynamodb:Scan", &error))?;
            found.extend(output.items().iter().map(|item| facts(item, &names, rule)));
        }
        Ok(found)
    }

    async fn items(&self, table: &DatabaseId, rule: &ItemsRule, keys: &[String]) -> Answer<Vec<Item>> {
        let names: Vec<String> = self.key(table).await?.into_iter().map(|part| part.name).collect();
        let mut found = Vec::new();
        for some in keys.chunks(BATCH) {
            let mut wanted: Vec<HashMap<String, AttributeValue>> = Vec::new();
            for key in some {
                wanted.push(key_in(key).ok_or_else(|| invalid(GET, "Keys", "a sampled key is no key of this table"))?);
            }
            self.get_all(table, wanted, false, |item| found.push(facts(item, &names, rule))).await?;
        }
        Ok(found)
    }
}

fn facts(item: &HashMap<String, AttributeValue>, key: &[String], rule: &ItemsRule) -> Item {
    Item::of(&json_of_item(item), key, rule.written_at.as_deref())
}

pub(super) fn json_of_item(item: &HashMap<String, AttributeValue>) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), json_of(value))).collect::<Map<String, Value>>())
}

/// As DynamoDB spells a value in JSON.
fn json_of(value: &AttributeValue) -> Value {
    let encode = |blob: &Blob| aws_smithy_types::base64::encode(blob.as_ref());
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(blob) => json!({"B": encode(blob)}),
        AttributeValue::Bool(value) => json!({"BOOL": value}),
        AttributeValue::Null(value) => json!({"NULL": value}),
        AttributeValue::Ss(set) => json!({"SS": set}),
        AttributeValue::Ns(set) => json!({"NS": set}),
        AttributeValue::Bs(set) => json!({"BS": set.iter().map(encode).collect::<Vec<_>>()}),
        AttributeValue::L(list) => json!({"L": list.iter().map(json_of).collect::<Vec<_>>()}),
        AttributeValue::M(map) => json!({"M": json_of_item(map)}),
        _ => json!({"unknown": true}),
    }
}

/// A key as [`Item::key`] writes it.
pub(super) fn key_in(text: &str) -> Option<HashMap<String, AttributeValue>> {
    let Value::Object(parts) = serde_json::from_str(text).ok()? else { return None };
    let value = |value: &Value| {
        let (kind, value) = value.as_object()?.iter().next()?;
        Some(match (kind.as_str(), value.as_str()?) {
            ("S", text) => AttributeValue::S(text.to_owned()),
            ("N", number) => AttributeValue::N(number.to_owned()),
            ("B", blob) => AttributeValue::B(Blob::new(aws_smithy_types::base64::decode(blob).ok()?)),
            _ => return None,
        })
    };
    parts.iter().map(|(name, part)| Some((name.clone(), value(part)?))).collect()
}
