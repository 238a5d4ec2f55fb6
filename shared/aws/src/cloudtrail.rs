//! CloudTrail: who did what.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_smithy_types::DateTime;
use lifeboat_domain::Timestamp;
use lifeboat_domain::moments::trail::{Action, Trail};
use lifeboat_domain::ports::{Answer, ReadTrail};

const ACTION: &str = "cloudtrail:LookupEvents";
/// The most events that a page holds.
const PAGE: i32 = 50;
/// Pages of one look-up: CloudTrail answers two requests a second, to everybody in the account and Region together.
const PAGES: usize = 3;

/// CloudTrail's event history, which is there without any trail.
#[derive(Debug, Clone)]
pub struct CloudTrail {
    client: Client,
}

impl CloudTrail {
    /// CloudTrail as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl ReadTrail for CloudTrail {
    /// A page that does not come after others did makes the answer incomplete, and no failure.
    async fn actions_on(&self, name: &str, from: Timestamp, to: Timestamp) -> Answer<Trail> {
        let attribute = LookupAttribute::builder().attribute_key(LookupAttributeKey::ResourceName).attribute_value(name).build();
        let attribute = attribute.map_err(|error| invalid(ACTION, "LookupAttributes", error.to_string()))?;
        let request = self.client.lookup_events().lookup_attributes(attribute).max_results(PAGE);
        let request = request.start_time(DateTime::from_secs(from.timestamp())).end_time(DateTime::from_secs(to.timestamp()));
        let mut trail = Trail::default();
        let mut next: Option<String> = None;
        for page in 0..PAGES {
            let output = match request.clone().set_next_token(next.take()).send().await {
                Ok(output) => output,
                Err(error) if page == 0 => return Err(call_error(ACTION, &error)),
                Err(_) => return Ok(trail),
            };
            let records = output.events().iter().filter_map(|event| serde_json::from_str(event.cloud_trail_event()?).ok());
            trail.actions.extend(records.filter_map(|record| Action::of(&record)));
            next = output.next_token;
            if next.is_none() {
                trail.is_complete = true;
                break;
            }
        }
        Ok(trail)
    }
}

#[cfg(test)]
mod tests;
