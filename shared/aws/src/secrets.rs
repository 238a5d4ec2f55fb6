//! Secrets Manager: logins, and the host and port that clients read.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use lifeboat_domain::ids::digest;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{
    Answer, Credentials, ReadKeys, ReadSecretOwners, ReadSecretVersions, ReadSecrets, Secret, SecretVersion, WriteSecrets,
};
use lifeboat_domain::{CallClass, CallError};
use serde_json::{Map, Value};

const READ: &str = "secretsmanager:GetSecretValue";
const LIST: &str = "secretsmanager:ListSecretVersionIds";
const WRITE: &str = "secretsmanager:PutSecretValue";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
/// The stage of the version in use.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that was in use before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// Secrets Manager of one Region.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
}

/// One version with its fields.
struct Version {
    id: String,
    managed_by_rds: bool,
    fields: Map<String, Value>,
}

impl SecretsManager {
    /// Secrets Manager as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    async fn version(&self, secret: &str, id: Option<&str>, stage: Option<&str>) -> Answer<GetSecretValueOutput> {
        let request = self
            .client
            .get_secret_value()
            .secret_id(secret)
            .set_version_id(id.map(str::to_owned))
            .set_version_stage(stage.map(str::to_owned));
        request.send().await.map_err(|error| call_error(READ, &error))
    }
}

impl ReadSecretVersions for SecretsManager {
    async fn secret_versions(&self, secret: &str) -> Answer<Vec<SecretVersion>> {
        let mut pages = self.client.list_secret_version_ids().secret_id(secret).include_deprecated(true).into_paginator().send();
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error(LIST, &error))?;
            for entry in page.versions.unwrap_or_default() {
                let id = entry.version_id.ok_or_else(|| missing(LIST, secret, "VersionId"))?;
                let created = entry.created_date.ok_or_else(|| missing(LIST, secret, "CreatedDate"))?;
                let created_at = crate::time::timestamp(&created).ok_or_else(|| missing(LIST, secret, "CreatedDate"))?;
                let is_current = entry.version_stages.unwrap_or_default().iter().any(|stage| stage == CURRENT);
                versions.push(SecretVersion { id, created_at, is_current });
            }
        }
        versions.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(versions)
    }
}

impl ReadSecrets for SecretsManager {
    async fn credentials(&self, secret: &str, version: Option<&str>) -> Answer<Credentials> {
        let stage = version.is_none().then_some(CURRENT);
        let version = opened(secret, self.version(secret, version, stage).await?)?;
        let text = |field: &str| version.fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Credentials {
            username: text("username").ok_or_else(|| missing(READ, secret, "username"))?,
            password: Secret::new(text("password").ok_or_else(|| missing(READ, secret, "password"))?),
            database: text("dbname"),
            endpoint: text("host").zip(version.fields.get("port").and_then(port)).map(|(host, port)| Endpoint { host, port }),
            managed_by_rds: version.managed_by_rds,
            version: version.id,
        })
    }
}

impl WriteSecrets for SecretsManager {
    async fn point_secret(&self, secret: &str, endpoint: &Endpoint, token: &str) -> Answer<String> {
        let token = token_of(token);
        let mut current = opened(secret, self.version(secret, None, Some(CURRENT)).await?)?;
        if current.id == token {
            // Written by an earlier run of this very intent.
            let before = self.version(secret, None, Some(PREVIOUS)).await?;
            return before.version_id.ok_or_else(|| missing(READ, secret, "VersionId"));
        }
        if current.managed_by_rds {
            return Err(invalid(
                WRITE,
                "SecretId",
                format!("{secret} is managed by RDS and cannot be edited; clients must learn the new host elsewhere"),
            ));
        }
        let as_text = current.fields.get("port").is_some_and(Value::is_string);
        let port = if as_text { Value::from(endpoint.port.to_string()) } else { Value::from(endpoint.port) };
        current.fields.insert("host".to_owned(), Value::from(endpoint.host.clone()));
        current.fields.insert("port".to_owned(), port);
        let text = Value::Object(current.fields).to_string();
        let request = self.client.put_secret_value().secret_id(secret).client_request_token(&token).secret_string(text);
        let output = request.send().await.map_err(|error| call_error(WRITE, &error))?;
        let stages = output.version_stages();
        if !stages.is_empty() && !stages.iter().any(|stage| stage == CURRENT) {
            let message = format!(
                "{secret}: version {token} exists already and is not {CURRENT}: somebody moved the secret on since; nothing was changed"
            );
            return Err(CallError::new(CallClass::WrongState, WRITE, "VersionStages", message));
        }
        Ok(current.id)
    }
}

impl ReadSecretOwners for SecretsManager {
    async fn owning_service(&self, secret: &str) -> Answer<Option<String>> {
        let output = self.client.describe_secret().secret_id(secret).send().await.map_err(|error| call_error(DESCRIBE, &error))?;
        // A replica of a secret is read-only until it is promoted to one of its own (fact sheet 3.4).
        let lies_in = output.arn.as_deref().and_then(|arn| arn.split(':').nth(3));
        let primary = output.primary_region.filter(|primary| lies_in.is_some_and(|region| region != primary));
        Ok(output.owning_service.or(primary.map(|region| format!("its primary in {region}"))))
    }
}

impl ReadKeys for SecretsManager {
    async fn signing_key(&self, secret: &str) -> Answer<Secret> {
        let text = self.version(secret, None, Some(CURRENT)).await?.secret_string.filter(|text| !text.trim().is_empty());
        text.map(|text| Secret::new(text.trim().to_owned())).ok_or_else(|| missing(READ, secret, "SecretString"))
    }
}

/// A version's fields. Errors name fields, never their values.
fn opened(secret: &str, output: GetSecretValueOutput) -> Answer<Version> {
    let id = output.version_id.ok_or_else(|| missing(READ, secret, "VersionId"))?;
    let text = output.secret_string.ok_or_else(|| missing(READ, secret, "SecretString"))?;
    let Ok(Value::Object(fields)) = serde_json::from_str(&text) else {
        return Err(invalid(READ, "SecretString", format!("{secret} is not a JSON object with username and password")));
    };
    let managed_by_rds = output.name.as_deref().unwrap_or(secret).starts_with("rds!");
    Ok(Version { id, managed_by_rds, fields })
}

/// A port, written as a number or as text.
fn port(value: &Value) -> Option<u16> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64().and_then(|port| u16::try_from(port).ok()),
    }
}

/// Secrets Manager takes tokens of 32 to 64 characters; others are hashed to one.
fn token_of(token: &str) -> String {
    if (32..=64).contains(&token.len()) { token.to_owned() } else { digest(&[token]) }
}

fn missing(action: &str, secret: &str, field: &str) -> CallError {
    invalid(action, field, format!("{secret} has no usable {field}"))
}

#[cfg(test)]
mod tests;
