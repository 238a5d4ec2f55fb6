//! `PutItem` with a condition.

use super::{ApiError, Tables};
use chrono::{DateTime, Utc};
use lifeboat_domain::salvage::Condition;
use serde_json::Value;

impl Tables {
    /// Writes an item if the condition holds of what is there; answers what it was written over.
    ///
    /// # Errors
    /// The condition does not hold, or as DynamoDB refuses a write.
    pub fn put_if(&mut self, name: &str, item: &Value, condition: &Condition, now: DateTime<Utc>) -> Result<Option<Value>, ApiError> {
        let key = self.existing(name)?.key_of(item);
        let there = self.existing(name)?.items(now).remove(&key);
        let has = |attribute: &String| there.as_ref().and_then(|there| there.get(attribute));
        let holds = condition.equal.iter().all(|(attribute, value)| has(attribute) == Some(value))
            && condition.absent.iter().all(|attribute| has(attribute).is_none());
        // Who may not write is told so whatever the condition is.
        if !holds && !self.existing(name)?.denies_writes {
            return Err(ApiError::new("ConditionalCheckFailedException", "The conditional request failed"));
        }
        self.write(name, &key, Some(item.clone()), now)?;
        Ok(there)
    }
}

impl super::Table {
    /// How the model names an item: the values of its key.
    pub fn key_of(&self, item: &Value) -> String {
        let key = self.configuration.table().map(|own| own.key.as_slice()).unwrap_or_default();
        let values = key.iter().map(|part| item.get(&part.name).and_then(|value| value.get(&part.kind)?.as_str()).unwrap_or_default());
        values.collect::<Vec<_>>().join("/")
    }
}
