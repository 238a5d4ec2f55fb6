//! What ElastiCache tells: by SNS to the topic of a node-based cache, by EventBridge of a serverless one. Best effort, both.

use super::EventClass;
use super::envelope::EnvelopeError;
use crate::words::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// How ElastiCache's words begin.
const PREFIX: &str = "ElastiCache:";

/// One notice of a topic: `{"ElastiCache:FailoverComplete": "sessions-002"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheNotice {
    /// SNS's id of the message; the same on redelivery.
    pub message_id: String,
    /// When SNS took it.
    pub at: Timestamp,
    /// What happened, such as `FailoverComplete`.
    pub what: String,
    /// To what: a replication group, or one of its nodes.
    pub subject: String,
}

/// What happened, what it asks for, and what it means (fact sheet 1.5; the list is from memory, so that what is not in it is recorded).
const NOTICES: &[(&str, EventClass, &str)] = &[
    ("FailoverComplete", EventClass::Confirm, "a replica has become the primary"),
    ("CacheNodeReplaceStarted", EventClass::Watch, "a node is lost and being replaced"),
    ("CacheNodeReplaceComplete", EventClass::Confirm, "a node was replaced; a primary without replicas comes back empty"),
    ("CacheNodesRebooted", EventClass::Watch, "nodes were rebooted; a rebooted primary comes back empty"),
    ("CacheClusterRestoreFailed", EventClass::Alert, "a snapshot could not be restored"),
    ("SnapshotFailed", EventClass::Alert, "a snapshot could not be taken"),
    ("CreateReplicationGroupFailed", EventClass::Alert, "a replication group could not be made"),
    ("ReplicationGroupCreateFailed", EventClass::Alert, "a replication group could not be made"),
    ("AddCacheNodeFailed", EventClass::Alert, "a node could not be added"),
    ("CacheClusterScalingFailed", EventClass::Alert, "it could not be scaled"),
    ("DeleteCacheClusterComplete", EventClass::Watch, "a node was deleted"),
    ("DeleteReplicationGroupComplete", EventClass::Watch, "the replication group was deleted"),
    ("SnapshotComplete", EventClass::Fresh, "a snapshot was taken"),
    ("NodeReplacementScheduled", EventClass::Record, "a node is to be replaced in its maintenance window"),
];

impl CacheNotice {
    /// Reads the notice that SNS hands to a function; none if it is no message of SNS.
    pub fn parse(event: &Value) -> Option<Result<Self, EnvelopeError>> {
        let record = event.pointer("/Records/0").filter(|record| record["EventSource"] == "aws:sns")?;
        Some(Self::of(&record["Sns"]))
    }

    fn of(sns: &Value) -> Result<Self, EnvelopeError> {
        let wrong = |field, accepted| EnvelopeError { field, found: "something else".to_owned(), accepted };
        let text = |field: &str| sns[field].as_str();
        let at = text("Timestamp").and_then(|at| at.parse().ok());
        let message: Option<Value> = text("Message").and_then(|message| serde_json::from_str(message).ok());
        let said = message.as_ref().and_then(Value::as_object).into_iter().flatten();
        let (what, subject) = said
            .filter_map(|(what, subject)| Some((what.strip_prefix(PREFIX)?, subject.as_str()?)))
            .next()
            .ok_or_else(|| wrong("Records[0].Sns.Message", "a notice such as {\"ElastiCache:FailoverComplete\": \"sessions-002\"}"))?;
        Ok(Self {
            message_id: text("MessageId").ok_or_else(|| wrong("Records[0].Sns.MessageId", "SNS's id of the message"))?.to_owned(),
            at: at.ok_or_else(|| wrong("Records[0].Sns.Timestamp", "a date and time with its zone"))?,
            what: what.to_owned(),
            subject: subject.to_owned(),
        })
    }

    /// What it asks for, and what it means.
    pub fn meaning(&self) -> (EventClass, &str) {
        let known = NOTICES.iter().find(|(what, ..)| *what == self.what);
        known.map_or((EventClass::Record, self.what.as_str()), |(_, class, meaning)| (*class, meaning))
    }
}

/// What EventBridge tells of a serverless cache. Lifeboat recovers none; people are told of what fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerlessNotice {
    /// The envelope's id.
    pub envelope_id: String,
    /// The detail type, such as `Snapshot Creation Failed`.
    pub what: String,
    /// The cache or the snapshot.
    pub subject: String,
    /// ElastiCache's words.
    pub text: String,
}

impl ServerlessNotice {
    /// Reads the event of source `aws.elasticache`.
    pub fn of(event: &Value, detail_type: &str) -> Self {
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            envelope_id: text("/id"),
            what: detail_type.to_owned(),
            subject: text("/detail/SourceIdentifier"),
            text: text("/detail/Message"),
        }
    }

    /// Whether people must know.
    pub fn is_bad(&self) -> bool {
        self.what.ends_with("Failed") || self.what.ends_with("Limit Approaching")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Incoming;
    use serde_json::json;

    fn sns(message: &str) -> Value {
        json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {
            "Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:caches",
            "Subject": "ElastiCache Notification", "Message": message, "Timestamp": "2026-01-15T10:25:00.000Z",
        }}]})
    }

    #[test]
    fn a_notice_of_the_topic_is_read_with_what_it_asks_for() {
        let Ok(Incoming::Cache(notice)) = Incoming::parse(&sns(r#"{"ElastiCache:FailoverComplete": "sessions-002"}"#)) else { panic!() };
        assert_eq!((notice.what.as_str(), notice.subject.as_str()), ("FailoverComplete", "sessions-002"));
        assert_eq!(notice.meaning().0, EventClass::Confirm);
        let unknown = CacheNotice { what: "SomethingNew".into(), ..notice };
        assert_eq!(unknown.meaning(), (EventClass::Record, "SomethingNew"));
    }

    #[test]
    fn a_message_of_the_topic_that_is_no_notice_is_refused_with_what_is_accepted() {
        for message in ["hello", "{}", r#"{"other": 1}"#] {
            let error = Incoming::parse(&sns(message)).unwrap_err();
            assert!(error.to_string().contains("FailoverComplete"), "{error}");
        }
    }

    #[test]
    fn a_serverless_cache_is_told_of_and_never_recovered() {
        let event = json!({"id": "e-1", "source": "aws.elasticache", "detail-type": "Snapshot Creation Failed",
            "detail": {"SourceIdentifier": "carts", "Message": "no room"}});
        let Ok(Incoming::Serverless(notice)) = Incoming::parse(&event) else { panic!() };
        assert!(notice.is_bad() && notice.subject == "carts");
        let well = ServerlessNotice { what: "Cache Created".into(), ..notice };
        assert!(!well.is_bad());
    }
}
