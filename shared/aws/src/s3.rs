//! The bucket for what is large.

use crate::classify::{invalid, own_call_error};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use lifeboat_domain::ports::{Answer, Documents};
use lifeboat_domain::{CallClass, CallError};
use serde_json::Value;

/// One bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket called `name`; with `path_style` its name stands in the path and not in the host, as local clouds need it.
    pub fn new(config: &SdkConfig, name: &str, path_style: bool) -> Self {
        let config = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).build();
        Self { client: Client::from_conf(config), name: name.to_owned() }
    }

    async fn put(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Answer<()> {
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(content_type).body(ByteStream::from(bytes));
        request.send().await.map(|_| ()).map_err(|error| own_call_error("s3:PutObject", &error))
    }
}

impl Documents for Bucket {
    async fn put_json(&self, key: &str, document: &Value) -> Answer<()> {
        self.put(key, "application/json", document.to_string().into_bytes()).await
    }

    async fn put_text(&self, key: &str, content_type: &str, text: &str) -> Answer<()> {
        self.put(key, content_type, text.as_bytes().to_vec()).await
    }

    async fn get_json(&self, key: &str) -> Answer<Option<Value>> {
        let action = "s3:GetObject";
        let output = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(output) => output,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(own_call_error(action, &error)),
        };
        let bytes = output
            .body
            .collect()
            .await
            .map_err(|error| CallError::new(CallClass::Unknown, action, "body", format!("reading broke off: {error}")))?;
        serde_json::from_slice(&bytes.into_bytes())
            .map(Some)
            .map_err(|error| invalid(action, "body", format!("{} is not JSON (line {})", self.location(key), error.line())))
    }

    fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}

#[cfg(test)]
mod tests;
