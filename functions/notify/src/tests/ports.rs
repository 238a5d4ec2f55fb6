//! Ports in memory, with the faults that matter here: a lost reply, a dark service.

use lifeboat_domain::ports::{Answer, Clock, Documents, Key, Ledger, Message, Publish, Versioned, Written};
use lifeboat_domain::{CallClass, CallError, Timestamp};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What a port does with the next call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It acts, but its reply is lost.
    LostReply,
    /// It answers nothing and does nothing.
    Dark,
}

fn unknown(action: &str) -> CallError {
    CallError::new(CallClass::Unknown, action, "timeout", "no answer in time")
}

#[derive(Debug, Default)]
pub(crate) struct MemoryLedger {
    pub(crate) documents: RefCell<BTreeMap<Key, Versioned>>,
    pub(crate) is_dark: Cell<bool>,
}

impl MemoryLedger {
    fn lit(&self) -> Answer<()> {
        if self.is_dark.get() { Err(unknown("dynamodb:GetItem")) } else { Ok(()) }
    }
}

impl Ledger for MemoryLedger {
    async fn read(&self, key: &Key) -> Answer<Option<Versioned>> {
        self.lit()?;
        Ok(self.documents.borrow().get(key).cloned())
    }

    async fn create(&self, key: &Key, document: &Value) -> Answer<Written> {
        self.lit()?;
        if self.documents.borrow().contains_key(key) {
            return Ok(Written::No);
        }
        self.documents.borrow_mut().insert(key.clone(), Versioned { version: 1, document: document.clone() });
        Ok(Written::Yes)
    }

    async fn replace(&self, key: &Key, version: u64, document: &Value) -> Answer<Written> {
        self.lit()?;
        match self.documents.borrow_mut().get_mut(key) {
            Some(kept) if kept.version == version => {
                *kept = Versioned { version: version + 1, document: document.clone() };
                Ok(Written::Yes)
            }
            _ => Ok(Written::No),
        }
    }

    async fn list(&self, partition: &str, prefix: &str) -> Answer<Vec<(Key, Versioned)>> {
        self.lit()?;
        let documents = self.documents.borrow();
        Ok(documents
            .iter()
            .filter(|(key, _)| key.partition == partition && key.sort.starts_with(prefix))
            .map(|(key, kept)| (key.clone(), kept.clone()))
            .collect())
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryBucket {
    pub(crate) objects: RefCell<BTreeMap<String, String>>,
    pub(crate) writes: Cell<u32>,
    pub(crate) is_dark: Cell<bool>,
}

impl MemoryBucket {
    fn put(&self, key: &str, text: String) -> Answer<()> {
        if self.is_dark.get() {
            return Err(unknown("s3:PutObject"));
        }
        self.writes.set(self.writes.get() + 1);
        self.objects.borrow_mut().insert(key.to_owned(), text);
        Ok(())
    }
}

impl Documents for MemoryBucket {
    async fn put_json(&self, key: &str, document: &Value) -> Answer<()> {
        self.put(key, document.to_string())
    }

    async fn put_text(&self, key: &str, content_type: &str, text: &str) -> Answer<()> {
        let promised = if key.ends_with(".html") { "text/html" } else { "text/markdown" };
        assert_eq!(content_type, format!("{promised}; charset=utf-8"));
        self.put(key, text.to_owned())
    }

    async fn get_json(&self, key: &str) -> Answer<Option<Value>> {
        if self.is_dark.get() {
            return Err(unknown("s3:GetObject"));
        }
        Ok(self.objects.borrow().get(key).map(|text| serde_json::from_str(text).unwrap()))
    }

    fn location(&self, key: &str) -> String {
        format!("s3://lifeboat-documents/{key}")
    }
}

#[derive(Debug, Default)]
pub(crate) struct MemoryTopic {
    pub(crate) messages: RefCell<Vec<Message>>,
    pub(crate) fault: Cell<Fault>,
}

impl Publish for MemoryTopic {
    async fn publish(&self, message: &Message) -> Answer<String> {
        let fault = self.fault.take();
        if fault != Fault::Dark {
            self.messages.borrow_mut().push(message.clone());
        }
        if fault == Fault::None { Ok(format!("message-{}", self.messages.borrow().len())) } else { Err(unknown("sns:Publish")) }
    }
}

#[derive(Debug)]
pub(crate) struct SetClock(pub(crate) Cell<Timestamp>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}
