//! Identifiers: one type each, parsed at the edge.

mod database;

pub use database::DatabaseId;

use crate::error::DrError;
use crate::words::ResourceKind;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Declares a string newtype that is checked when it is made or decoded.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident, $field:literal, $accepted:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What is accepted, in words.
            pub const ACCEPTED: &'static str = $accepted;

            /// Checks `text` and takes it.
            pub fn parse(text: impl Into<String>) -> Result<Self, DrError> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(DrError::invalid($field, format!("{text:?}"), $accepted)) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = DrError;
            fn try_from(text: String) -> Result<Self, DrError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// RDS's rule for identifiers: letters, digits and single hyphens, a letter first, no hyphen last.
fn is_rds_name(text: &str, most: usize) -> bool {
    text.len() <= most
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// `arn:aws:dynamodb:<region>:<account>:table/<table>/backup/<id>`.
fn is_backup_arn(text: &str) -> bool {
    let resource = text.starts_with("arn:").then(|| text.splitn(6, ':').nth(5)).flatten().unwrap_or_default();
    let id = resource.strip_prefix("table/").and_then(|rest| rest.split_once("/backup/")).map_or("", |(_, id)| id);
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

identifier! {
    /// The stable logical name of a protected resource (tag `lifeboat:resource`); a cut-over does not change it.
    Identity, "resource", "1 to 40 lower-case letters, digits and single hyphens, a letter first, such as orders-db",
    |text| is_rds_name(text, 40) && !text.chars().any(|c| c.is_ascii_uppercase())
}
identifier! {
    /// The name of a snapshot; automated ones start with `rds:`, and those of caches with `automatic.`. Backups of a table share names:
    /// where one is restored, its ARN.
    SnapshotId, "DBSnapshotIdentifier", "1 to 255 letters, digits and single hyphens, a letter first, or the ARN of a table's backup",
    |text| is_rds_name(text.strip_prefix("rds:").or_else(|| text.strip_prefix("automatic.")).unwrap_or(text), 255) || is_backup_arn(text)
}
identifier! {
    /// An Amazon Resource Name.
    Arn, "arn", "an ARN such as arn:aws:rds:us-east-1:123456789012:db:orders-db",
    |text| text.starts_with("arn:") && text.splitn(7, ':').count() >= 6
}
identifier! {
    /// One story of one resource.
    IncidentId, "incident", "an incident id such as inc-20260115t102500z-1a2b3c4d",
    |text| text.starts_with("inc-") && text.len() <= 40 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
identifier! {
    /// The hash that an approval names: 64 hex digits of SHA-256.
    PlanHash, "plan", "the 64 hex digits that the plan was shown with",
    |text| text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

impl Arn {
    /// The last part, for example `orders-db` of `...:db:orders-db` or of `...:table/orders-db`; may hold colons itself.
    pub fn name(&self) -> &str {
        let resource = self.0.splitn(6, ':').nth(5).unwrap_or_default();
        resource.split_once([':', '/']).map_or("", |(_, name)| name)
    }

    /// The ARN of the database `id` in the same partition, Region and account.
    pub fn sibling(&self, id: &DatabaseId) -> Result<Self, DrError> {
        let parts: Vec<&str> = self.0.splitn(7, ':').collect();
        let [arn, partition, service, region, account, ..] = parts.as_slice() else {
            return Err(DrError::invalid("arn", format!("{:?}", self.0), Self::ACCEPTED));
        };
        Self::parse(format!("{arn}:{partition}:{service}:{region}:{account}:{}", id.in_arn()))
    }

    /// The kinds that its service has; none of a service without databases.
    pub fn kinds(&self) -> &'static [ResourceKind] {
        match self.0.split(':').nth(2) {
            Some("rds") => &[ResourceKind::RdsInstance, ResourceKind::DbCluster],
            Some("dynamodb") => &[ResourceKind::DynamodbTable],
            Some("elasticache") => &[ResourceKind::ReplicationGroup],
            _ => &[],
        }
    }

    /// Whether ElastiCache's API answers for it.
    pub fn is_of_elasticache(&self) -> bool {
        self.0.split(':').nth(2) == Some("elasticache")
    }

    /// The Region in the ARN.
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }

    /// The account in the ARN.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

/// The hex SHA-256 of `parts`, each length-prefixed so that no two lists collide.
pub fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first eight hex digits of [`digest`].
pub fn short_digest(parts: &[&str]) -> String {
    digest(parts).chars().take(8).collect()
}

/// A deterministic RDS name: `<stem>-<suffix>`, lower-case, single hyphens, at most `most` characters; the stem gives way.
pub fn deterministic_name(stem: &str, suffix: &str, most: usize) -> String {
    let room = most.saturating_sub(suffix.len() + 1);
    let mut name = String::new();
    for c in stem.to_ascii_lowercase().chars().take(room) {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if !(c == '-' && (name.ends_with('-') || name.is_empty())) {
            name.push(c);
        }
    }
    format!("{}-{suffix}", name.trim_end_matches('-'))
}
