//! The topic for messages.

use crate::classify::{invalid, own_call_error};
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use lifeboat_domain::CallError;
use lifeboat_domain::ports::{Answer, Message, Publish};
use serde_json::{Value, json};

const ACTION: &str = "sns:Publish";
/// A subject must be shorter than this, in characters.
const SUBJECT: usize = 100;
/// A message with all its bodies, in bytes.
const MOST_BYTES: usize = 262_144;

/// One topic.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic with this ARN.
    pub fn new(config: &SdkConfig, arn: &str) -> Self {
        Self { client: Client::new(config), arn: arn.to_owned() }
    }
}

impl Publish for Topic {
    async fn publish(&self, message: &Message) -> Answer<String> {
        let body = checked(message)?;
        let mut request = self.client.publish().topic_arn(&self.arn).subject(&message.subject).message_structure("json").message(body);
        for (name, value) in message.attributes.iter().filter(|(_, value)| !value.is_empty()) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            request =
                request.message_attributes(name, value.map_err(|error| invalid(ACTION, "MessageAttributes", format!("{name}: {error}")))?);
        }
        let output = request.send().await.map_err(|error| own_call_error(ACTION, &error))?;
        output.message_id.ok_or_else(|| invalid(ACTION, "MessageId", "the answer has no MessageId"))
    }
}

/// The bodies by protocol, if SNS will take them.
fn checked(message: &Message) -> Result<String, CallError> {
    let subject = message.subject.as_str();
    if subject.is_empty() || subject.chars().count() >= SUBJECT || subject.chars().any(char::is_control) {
        return Err(invalid(ACTION, "Subject", format!("{subject:?} is not one line of 1 to {} characters", SUBJECT - 1)));
    }
    let body = bodies(message).to_string();
    if body.len() > MOST_BYTES {
        return Err(invalid(ACTION, "Message", format!("{} bytes are more than the {MOST_BYTES} that SNS takes", body.len())));
    }
    Ok(body)
}

/// People read text, machines read JSON.
fn bodies(message: &Message) -> Value {
    json!({
        "default": message.text,
        "email": message.text,
        "email-json": message.json,
        "sms": message.short,
        "sqs": message.json,
        "lambda": message.json,
        "http": message.json,
        "https": message.json,
    })
}

#[cfg(test)]
mod tests;
