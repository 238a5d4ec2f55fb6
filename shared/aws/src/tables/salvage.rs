//! Whole items, read and conditionally written for a salvage. What passes here is kept nowhere.

use super::items::{BY_POLICY, GET, TableItems, json_of_item, key_in};
use super::{DESCRIBE, observe};
use crate::classify::{call_error, invalid};
use crate::time::timestamp;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TableDescription, TableStatus};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::ports::Answer;
use lifeboat_domain::salvage::{CompareItems, Condition, PAGE_ITEMS, Page, Put, Restored, Segment, TableFacts, WriteItems};
use serde_json::Value;
use std::collections::HashMap;

const SCAN: &str = "dynamodb:Scan";
const PUT: &str = "dynamodb:PutItem";

type Attributes = HashMap<String, AttributeValue>;

/// An item from DynamoDB's own JSON.
fn item_in(item: &Value) -> Option<Attributes> {
    item.as_object()?.iter().map(|(name, value)| Some((name.clone(), value_in(value)?))).collect()
}

fn value_in(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let blob = |text: &str| aws_smithy_types::base64::decode(text).ok().map(Blob::new);
    let texts = || value.as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect::<Option<Vec<String>>>();
    Some(match kind.as_str() {
        "S" => AttributeValue::S(value.as_str()?.to_owned()),
        "N" => AttributeValue::N(value.as_str()?.to_owned()),
        "B" => AttributeValue::B(blob(value.as_str()?)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(value.as_bool()?),
        "SS" => AttributeValue::Ss(texts()?),
        "NS" => AttributeValue::Ns(texts()?),
        "BS" => AttributeValue::Bs(texts()?.iter().map(|text| blob(text)).collect::<Option<_>>()?),
        "L" => AttributeValue::L(value.as_array()?.iter().map(value_in).collect::<Option<_>>()?),
        "M" => AttributeValue::M(item_in(value)?),
        _ => return None,
    })
}

/// An item, or a refusal that holds nothing of it.
fn have(action: &str, item: Option<Attributes>) -> Answer<Attributes> {
    item.ok_or_else(|| invalid(action, "Item", "an item holds a value of a kind that is not known"))
}

fn facts(shown: &TableDescription) -> TableFacts {
    let restored = shown.restore_summary.as_ref().and_then(|summary| {
        let at = timestamp(&summary.restore_date_time)?;
        Some(Restored { from: summary.source_table_arn.clone()?, at, in_progress: summary.restore_in_progress })
    });
    TableFacts {
        id: shown.table_id.clone().unwrap_or_default(),
        arn: shown.table_arn.clone().unwrap_or_default(),
        is_usable: matches!(shown.table_status, Some(TableStatus::Active | TableStatus::Updating)),
        key: observe::key(shown).into_iter().map(|part| part.name).collect(),
        items: shown.item_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        restored,
    }
}

impl CompareItems for TableItems {
    async fn table_facts(&self, table: &DatabaseId) -> Answer<Option<TableFacts>> {
        let output = self.client.describe_table().table_name(table.as_str()).send().await;
        match output.map_err(|error| call_error(DESCRIBE, &error)) {
            Ok(output) => Ok(output.table.as_ref().map(facts)),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn segment_page(&self, table: &DatabaseId, segment: Segment, from: Option<&Value>) -> Answer<Page> {
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let from = from.map(|from| have(SCAN, item_in(from))).transpose()?;
        let request = self.client.scan().table_name(table.as_str()).consistent_read(true).limit(number(PAGE_ITEMS));
        let request = request.segment(number(segment.number)).total_segments(number(segment.total));
        let output = request.set_exclusive_start_key(from).send().await.map_err(|error| call_error(SCAN, &error))?;
        Ok(Page {
            items: output.items().iter().map(json_of_item).collect(),
            next: output.last_evaluated_key().filter(|key| !key.is_empty()).map(json_of_item),
        })
    }

    async fn items_under(&self, table: &DatabaseId, keys: &[Value]) -> Answer<Vec<Value>> {
        let mut wanted = Vec::new();
        for key in keys {
            wanted.push(key_in(&key.to_string()).ok_or_else(|| invalid(GET, "Keys", "a key is no key of this table"))?);
        }
        let mut found = Vec::new();
        self.get_all(table, wanted, true, |item| found.push(json_of_item(item))).await?;
        Ok(found)
    }
}

impl WriteItems for TableItems {
    async fn put_if(&self, table: &DatabaseId, item: &Value, condition: &Condition) -> Answer<Put> {
        let request = self.client.put_item().table_name(table.as_str()).set_item(Some(have(PUT, item_in(item))?));
        let mut request = request.return_values(ReturnValue::AllOld);
        let mut terms = Vec::new();
        for (place, (name, value)) in condition.equal.iter().enumerate() {
            let value = value_in(value).ok_or_else(|| invalid(PUT, "Item", "an item holds a value of a kind that is not known"))?;
            request = request.expression_attribute_names(format!("#e{place}"), name);
            request = request.expression_attribute_values(format!(":e{place}"), value);
            terms.push(format!("#e{place} = :e{place}"));
        }
        for (place, name) in condition.absent.iter().enumerate() {
            request = request.expression_attribute_names(format!("#n{place}"), name);
            terms.push(format!("attribute_not_exists(#n{place})"));
        }
        let sent = request.condition_expression(terms.join(" AND ")).send().await;
        match sent.map_err(|error| call_error(PUT, &error)) {
            Ok(output) => Ok(Put::Written(output.attributes().filter(|old| !old.is_empty()).map(json_of_item))),
            Err(error) if error.code == "ConditionalCheckFailedException" => Ok(Put::Kept),
            Err(error) if error.class == CallClass::Denied && error.message.contains(BY_POLICY) => Ok(Put::Fenced),
            Err(error) => Put::of_item(&error).ok_or(error),
        }
    }
}
