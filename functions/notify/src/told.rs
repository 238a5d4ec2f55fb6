//! Telling once: a message is written down before it is published, and marked when it was.
//!
//! A rerun finds the record: marked, it is silent; unmarked (the reply was lost, or the invocation died), it sends the same
//! message again. Twice is better than never.

use lifeboat_domain::DrError;
use lifeboat_domain::Timestamp;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::ledger::{self, Kept};
use lifeboat_domain::ports::{Key, Ledger, Message, Publish, Written};
use serde::{Deserialize, Serialize};

/// A message on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// When it was written down.
    pub(crate) at: Timestamp,
    /// The execution that tells.
    pub(crate) execution: String,
    /// The message, exactly as it is sent.
    pub(crate) message: Message,
    /// When it was published.
    pub(crate) sent_at: Option<Timestamp>,
    /// What SNS called it.
    pub(crate) message_id: Option<String>,
    /// What closing an incident needs to be the same the second time.
    pub(crate) closing: Option<Closing>,
}

/// The facts of a closing that must not change when it is run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closing {
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// The report's key in the bucket, without `.md`, `.html` and `.json`.
    pub(crate) report: String,
    /// Whether all forms of the report were written.
    pub(crate) report_written: bool,
    /// Whether the incident and its resource are this execution's to close.
    pub(crate) owns: bool,
    /// The resource's generation afterwards, where something was changed.
    pub(crate) generation: Option<u32>,
}

impl Told {
    pub(crate) fn new(at: Timestamp, execution: &str, message: Message, closing: Option<Closing>) -> Self {
        Self { at, execution: execution.to_owned(), message, sent_at: None, message_id: None, closing }
    }
}

/// Writes it down, unless it was before; answers what is on record.
pub(crate) async fn write_down(ledger: &impl Ledger, key: &Key, told: Told) -> Result<Kept<Told>, DrError> {
    match ledger::create(ledger, key, &told).await? {
        Written::Yes => Ok(Kept { version: 1, value: told }),
        Written::No => ledger::expect(ledger, key).await,
    }
}

/// Publishes what is on record, unless it was; answers whether this call did.
pub(crate) async fn send(ledger: &impl Ledger, topic: &impl Publish, key: &Key, told: &Told, now: Timestamp) -> Result<bool, DrError> {
    if told.sent_at.is_some() {
        return Ok(false);
    }
    let id = publish(topic, &told.message).await?;
    ledger::update(ledger, key, |kept: &mut Told| {
        kept.sent_at = kept.sent_at.or(Some(now));
        kept.message_id = kept.message_id.take().or_else(|| Some(id.clone()));
        Ok(())
    })
    .await?;
    Ok(true)
}

/// Publishes, saying what could not be.
pub(crate) async fn publish(topic: &impl Publish, message: &Message) -> Result<String, DrError> {
    topic.publish(message).await.map_err(|error| error.while_doing(format!("publishing {:?}", message.subject)))
}
