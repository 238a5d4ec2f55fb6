//! The Resource Groups Tagging API: what carries a tag, without one call for each resource of the account.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use lifeboat_domain::ids::Arn;
use lifeboat_domain::observed::tags;
use lifeboat_domain::ports::Answer;
use std::collections::BTreeMap;

const ACTION: &str = "tag:GetResources";
/// The most resources that a page holds.
const PAGE: i32 = 100;

/// The tags of one Region's resources. What was tagged or untagged a moment ago may not be shown yet.
#[derive(Debug, Clone)]
pub struct Tagging {
    client: Client,
}

impl Tagging {
    /// The API as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// All resources of a type that carry `lifeboat:policy`, with all their tags. `resource_type` is spelled as in an ARN, such as
    /// `dynamodb:table`. A page that does not come is an error: what is missing in the answer would look deleted.
    pub async fn protected(&self, resource_type: &str) -> Answer<BTreeMap<Arn, BTreeMap<String, String>>> {
        self.carrying(resource_type, tags::POLICY).await
    }

    /// The same of any tag.
    pub async fn carrying(&self, resource_type: &str, key: &str) -> Answer<BTreeMap<Arn, BTreeMap<String, String>>> {
        let filter = TagFilter::builder().key(key).build();
        let request = self.client.get_resources().resource_type_filters(resource_type).tag_filters(filter).resources_per_page(PAGE);
        let mut pages = request.into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for resource in page.map_err(|error| call_error(ACTION, &error))?.resource_tag_mapping_list() {
                let shown = resource.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
                let shown: BTreeMap<String, String> = shown.collect();
                // The API also lists what once had a tag.
                if !shown.contains_key(key) {
                    continue;
                }
                let arn = resource.resource_arn().unwrap_or_default();
                let arn = Arn::parse(arn).map_err(|error| invalid(ACTION, "ResourceARN", error.to_string()))?;
                found.insert(arn, shown);
            }
        }
        Ok(found)
    }

    /// All tags of one resource, as far as the API knows them yet; none of one that it does not know.
    pub async fn of(&self, arn: &str) -> Answer<BTreeMap<String, String>> {
        let output = self.client.get_resources().resource_arn_list(arn).send().await.map_err(|error| call_error(ACTION, &error))?;
        let found = output.resource_tag_mapping_list().iter().find(|resource| resource.resource_arn() == Some(arn));
        let tags = found.map(|resource| resource.tags()).unwrap_or_default();
        Ok(tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Wire, error_json};
    use lifeboat_domain::CallClass;
    use serde_json::{Value, json};

    fn page(tables: &[(&str, &str)], next: &str) -> String {
        let mapping = |(table, key): &(&str, &str)| json!({"ResourceARN": format!("arn:aws:dynamodb:eu-central-1:123456789012:table/{table}"), "Tags": [{"Key": key, "Value": "gold"}]});
        json!({"ResourceTagMappingList": tables.iter().map(mapping).collect::<Vec<Value>>(), "PaginationToken": next}).to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn what_carries_the_tag_today_is_listed_from_every_page() {
        let wire = Wire::answering(&[
            (200, &page(&[("orders", "lifeboat:policy"), ("once", "team")], "more")),
            (200, &page(&[("carts", "lifeboat:policy")], "")),
        ]);
        let found = wire.clients().await.tagging().protected("dynamodb:table").await.unwrap();
        assert_eq!(found.keys().map(Arn::name).collect::<Vec<_>>(), ["carts", "orders"]);
        assert!(found.values().all(|shown| shown["lifeboat:policy"] == "gold"));
        let asked = &wire.json()[0];
        assert_eq!(asked["ResourceTypeFilters"], json!(["dynamodb:table"]));
        assert_eq!(asked["TagFilters"], json!([{"Key": "lifeboat:policy"}]));
        assert_eq!(wire.json()[1]["PaginationToken"], "more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_does_not_come_is_an_error_and_never_a_shorter_list() {
        let throttled = error_json("ThrottledException", "Rate exceeded");
        let wire = Wire::answering(&[
            (200, &page(&[("orders", "lifeboat:policy")], "more")),
            (400, &throttled),
            (400, &throttled),
            (400, &throttled),
        ]);
        let error = wire.clients().await.tagging().protected("dynamodb:table").await.unwrap_err();
        assert_eq!((error.class, error.action.as_str()), (CallClass::Throttled, ACTION));
    }
}
