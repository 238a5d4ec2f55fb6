//! Messages, one body for each kind of reader.

use super::*;
use crate::wire::{Wire, error_xml};
use lifeboat_domain::CallClass;
use serde_json::json;

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:lifeboat";

fn message() -> Message {
    Message {
        subject: "orders-db: recovered in 12 min".to_owned(),
        text: "In full.\nTwo lines.".to_owned(),
        short: "In short.".to_owned(),
        json: "{\"outcome\":\"recovered\"}".to_owned(),
        attributes: [("severity".to_owned(), "info".to_owned()), ("scenario".to_owned(), String::new())].into(),
    }
}

#[tokio::test(start_paused = true)]
async fn every_reader_gets_its_body() {
    let ok = "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>";
    let wire = Wire::answering(&[(200, ok)]);
    assert_eq!(wire.clients().await.topic(TOPIC).publish(&message()).await.unwrap(), "m-1");
    let mut sent = wire.form();
    let bodies: Value = serde_json::from_str(&sent.remove("Message").unwrap()).unwrap();
    let machine = "{\"outcome\":\"recovered\"}";
    let people = "In full.\nTwo lines.";
    let expected = json!({
        "default": people, "email": people, "sms": "In short.",
        "email-json": machine, "sqs": machine, "lambda": machine, "http": machine, "https": machine
    });
    assert_eq!(bodies, expected);
    let rest = crate::wire::form(&[
        ("Action", "Publish"),
        ("TopicArn", TOPIC),
        ("Subject", "orders-db: recovered in 12 min"),
        ("MessageStructure", "json"),
        ("MessageAttributes.entry.1.Name", "severity"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "info"),
    ]);
    assert_eq!(sent, rest, "an empty attribute is left out: SNS refuses it");
}

#[tokio::test(start_paused = true)]
async fn what_sns_would_refuse_is_not_sent() {
    let wire = Wire::answering(&[]);
    let topic = wire.clients().await.topic(TOPIC);
    for subject in [String::new(), "two\nlines".to_owned(), "tab\there".to_owned(), "ä".repeat(100)] {
        let error = topic.publish(&Message { subject, ..message() }).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, "Subject"));
    }
    let long = Message { text: "x".repeat(MOST_BYTES), ..message() };
    assert_eq!(topic.publish(&long).await.unwrap_err().code, "Message");
    assert_eq!(wire.count(), 0);
    assert!(checked(&Message { subject: "ä".repeat(99), ..message() }).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_classified() {
    for (status, code, class) in [
        (404, "NotFound", CallClass::Invalid),
        (403, "AuthorizationError", CallClass::Denied),
        (400, "InvalidParameter", CallClass::Invalid),
    ] {
        let wire = Wire::answering(&[(status, &error_xml(code, "why"))]);
        assert_eq!(wire.clients().await.topic(TOPIC).publish(&message()).await.unwrap_err().class, class);
    }
}
