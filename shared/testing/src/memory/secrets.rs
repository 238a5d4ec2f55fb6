//! Secrets with versions, as Secrets Manager keeps them.

use super::faults::refusal;
use super::{Cloud, World};
use chrono::{DateTime, Utc};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{Answer, Credentials, ReadSecretVersions, ReadSecrets, Secret, SecretVersion, WriteSecrets};
use serde_json::Value;

const LIST: &str = "secretsmanager:ListSecretVersionIds";
const READ: &str = "secretsmanager:GetSecretValue";
const WRITE: &str = "secretsmanager:PutSecretValue";

/// A version of a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSecret {
    /// Its id: the token that made it.
    pub version: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its JSON.
    pub fields: Value,
}

impl World {
    /// Writes a new version of a secret, which becomes the current one.
    pub fn put_secret(&mut self, name: &str, fields: Value) {
        let created_at = self.rds.now();
        let versions = self.secrets.entry(name.to_owned()).or_default();
        let version = format!("by-hand-{}", versions.len() + 1);
        versions.push(StoredSecret { version, created_at, fields });
    }

    fn versions(&self, action: &str, secret: &str) -> Answer<&[StoredSecret]> {
        let found = self.secrets.get(secret).map(Vec::as_slice).filter(|versions| !versions.is_empty());
        found.ok_or_else(|| refusal(action, "ResourceNotFoundException", format!("there is no secret {secret}")))
    }
}

impl ReadSecretVersions for Cloud {
    async fn secret_versions(&self, secret: &str) -> Answer<Vec<SecretVersion>> {
        self.serve(LIST, secret, |world| {
            let versions = world.versions(LIST, secret)?;
            let shown = |(place, stored): (usize, &StoredSecret)| SecretVersion {
                id: stored.version.clone(),
                created_at: stored.created_at,
                is_current: place + 1 == versions.len(),
            };
            Ok(versions.iter().enumerate().map(shown).collect())
        })
    }
}

impl ReadSecrets for Cloud {
    async fn credentials(&self, secret: &str, version: Option<&str>) -> Answer<Credentials> {
        self.serve(READ, secret, |world| {
            let versions = world.versions(READ, secret)?;
            let stored = versions.iter().rfind(|stored| version.is_none_or(|version| stored.version == version));
            let stored = stored.ok_or_else(|| refusal(READ, "ResourceNotFoundException", format!("{secret} has no such version")))?;
            let text = |name: &str| stored.fields.get(name).and_then(Value::as_str).map(str::to_owned);
            let port = stored.fields.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            Ok(Credentials {
                version: stored.version.clone(),
                username: text("username").unwrap_or_default(),
                password: Secret::new(text("password").unwrap_or_default()),
                database: text("dbname"),
                endpoint: text("host").zip(port).map(|(host, port)| Endpoint { host, port }),
                managed_by_rds: secret.starts_with("rds!"),
            })
        })
    }
}

impl WriteSecrets for Cloud {
    async fn point_secret(&self, secret: &str, endpoint: &Endpoint, token: &str) -> Answer<String> {
        self.serve(WRITE, secret, |world| {
            let versions = world.versions(WRITE, secret)?;
            let before = versions.iter().rev().nth(1).map(|stored| stored.version.clone());
            let current = versions.last().cloned().ok_or_else(|| refusal(WRITE, "ResourceNotFoundException", secret))?;
            if current.version == token {
                return Ok(before.unwrap_or_default());
            }
            if versions.iter().any(|stored| stored.version == token) {
                return Err(refusal(
                    WRITE,
                    "ConditionalRequestConflict",
                    format!("version {token} of {secret} is not AWSCURRENT any more"),
                ));
            }
            let mut fields = current.fields.clone();
            if let Value::Object(fields) = &mut fields {
                fields.insert("host".to_owned(), Value::from(endpoint.host.clone()));
                fields.insert("port".to_owned(), Value::from(endpoint.port));
            }
            let created_at = world.rds.now();
            world.secrets.entry(secret.to_owned()).or_default().push(StoredSecret { version: token.to_owned(), created_at, fields });
            Ok(current.version)
        })
    }
}
