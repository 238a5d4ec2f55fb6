//! The ports of a salvage: whole items, a few to a page so that flows see more than one.

use super::Cloud;
use super::tables::arn;
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{DatabaseId, digest};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::salvage::{CompareItems, Condition, Page, Put, Restored, Segment, TableFacts, WriteItems};
use serde_json::{Value, json};

/// Items of a page.
const PAGE: usize = 3;

/// In which segment DynamoDB would keep an item.
fn is_in(segment: Segment, key: &str) -> bool {
    let hash = digest(&[key]);
    let number = u32::from_str_radix(hash.get(..8).unwrap_or_default(), 16).unwrap_or_default();
    number % segment.total == segment.number
}

impl CompareItems for Cloud {
    async fn table_facts(&self, table: &DatabaseId) -> Answer<Option<TableFacts>> {
        let found = self.dynamodb("DescribeTable", table.as_str(), None, |tables, now| {
            let table = tables.existing(table.as_str())?;
            let restored = table.restored_from.clone().zip(table.restored_to);
            let is_usable = matches!(table.status(now), Some("ACTIVE" | "UPDATING"));
            Ok(TableFacts {
                id: table.id.clone(),
                arn: arn(&table.name),
                is_usable,
                key: table.configuration.table().map(|own| own.key.iter().map(|part| part.name.clone()).collect()).unwrap_or_default(),
                items: 0,
                restored: restored.map(|(from, at)| Restored { from, at, in_progress: !is_usable }),
            })
        });
        match found {
            Ok(facts) => Ok(Some(facts)),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn segment_page(&self, table: &DatabaseId, segment: Segment, from: Option<&Value>) -> Answer<Page> {
        self.dynamodb("Scan", table.as_str(), None, |tables, now| {
            let found = tables.existing(table.as_str())?;
            let after = from.map(|from| found.key_of(from));
            let rest =
                found.items(now).into_iter().filter(|(key, _)| is_in(segment, key) && after.as_ref().is_none_or(|after| key > after));
            let mut items: Vec<Value> = rest.map(|(_, item)| item).collect();
            let is_last = items.len() <= PAGE;
            items.truncate(PAGE);
            Ok(Page { next: items.last().filter(|_| !is_last).cloned(), items })
        })
    }

    async fn items_under(&self, table: &DatabaseId, keys: &[Value]) -> Answer<Vec<Value>> {
        self.dynamodb("BatchGetItem", table.as_str(), None, |tables, now| {
            let found = tables.existing(table.as_str())?;
            let mut items = found.items(now);
            Ok(keys.iter().filter_map(|key| items.remove(&found.key_of(key))).collect())
        })
    }
}

impl WriteItems for Cloud {
    async fn put_if(&self, table: &DatabaseId, item: &Value, condition: &Condition) -> Answer<Put> {
        let sent = json!({"TableName": table.as_str(), "Item": digest(&[&item.to_string()])});
        let answer =
            self.dynamodb("PutItem", table.as_str(), Some(sent), |tables, now| tables.put_if(table.as_str(), item, condition, now));
        match answer {
            Ok(over) => Ok(Put::Written(over)),
            Err(error) if error.code == "ConditionalCheckFailedException" => Ok(Put::Kept),
            Err(error) if error.class == CallClass::Denied && error.message.contains("explicit deny in a resource-based policy") => {
                Ok(Put::Fenced)
            }
            Err(error) => Put::of_item(&error).ok_or(error),
        }
    }
}
