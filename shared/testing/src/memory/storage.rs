//! The ledger and the bucket.

use super::{Cloud, World};
use lifeboat_domain::ports::{Answer, Documents, Key, Ledger, Versioned, Written};
use serde_json::Value;

const PUT: &str = "dynamodb:PutItem";

/// A conditional put: only where this version (or nothing) stands.
fn put(world: &mut World, key: &Key, expected: Option<u64>, document: &Value) -> Written {
    if world.ledger.get(key).map(|kept| kept.version) != expected {
        return Written::No;
    }
    world.ledger.insert(key.clone(), Versioned { version: expected.unwrap_or(0) + 1, document: document.clone() });
    Written::Yes
}

impl Ledger for Cloud {
    async fn read(&self, key: &Key) -> Answer<Option<Versioned>> {
        self.serve("dynamodb:GetItem", &key.partition, |world| Ok(world.ledger.get(key).cloned()))
    }

    async fn create(&self, key: &Key, document: &Value) -> Answer<Written> {
        self.serve(PUT, &key.partition, |world| Ok(put(world, key, None, document)))
    }

    async fn replace(&self, key: &Key, version: u64, document: &Value) -> Answer<Written> {
        self.serve(PUT, &key.partition, |world| Ok(put(world, key, Some(version), document)))
    }

    async fn list(&self, partition: &str, prefix: &str) -> Answer<Vec<(Key, Versioned)>> {
        self.serve("dynamodb:Query", partition, |world| {
            let found = world.ledger.iter().filter(|(key, _)| key.partition == partition && key.sort.starts_with(prefix));
            Ok(found.map(|(key, kept)| (key.clone(), kept.clone())).collect())
        })
    }
}

impl Documents for Cloud {
    async fn put_json(&self, key: &str, document: &Value) -> Answer<()> {
        self.serve("s3:PutObject", key, |world| {
            world.documents.insert(key.to_owned(), document.clone());
            Ok(())
        })
    }

    async fn put_text(&self, key: &str, _content_type: &str, text: &str) -> Answer<()> {
        self.put_json(key, &Value::from(text)).await
    }

    async fn get_json(&self, key: &str) -> Answer<Option<Value>> {
        self.serve("s3:GetObject", key, |world| Ok(world.documents.get(key).cloned()))
    }

    fn location(&self, key: &str) -> String {
        format!("s3://lifeboat/{key}")
    }
}
