//! The physical name of a database: what it is, and what AWS calls it.

use super::{Arn, is_rds_name};
use crate::error::DrError;
use crate::words::ResourceKind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The physical name of a database. An instance and a cluster may have the same name, so the kind is part of it.
///
/// Written as AWS's ARNs end, without the word for an instance: `orders-db`, `cluster:orders`, `table/orders`,
/// `replicationgroup:sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseId {
    kind: ResourceKind,
    name: String,
}

/// What precedes the name in an ARN, and what is accepted as a name (fact sheet 3.7).
const fn form(kind: ResourceKind) -> (&'static str, &'static str) {
    match kind {
        ResourceKind::RdsInstance => ("db:", "1 to 63 letters, digits and single hyphens, a letter first"),
        ResourceKind::DbCluster => ("cluster:", "1 to 63 letters, digits and single hyphens, a letter first"),
        ResourceKind::DynamodbTable => ("table/", "3 to 255 letters, digits, underscores, hyphens and dots"),
        ResourceKind::ReplicationGroup => ("replicationgroup:", "1 to 40 letters, digits and single hyphens, a letter first"),
    }
}

impl DatabaseId {
    /// Checks the name of a database of this kind and takes it.
    pub fn new(kind: ResourceKind, name: impl Into<String>) -> Result<Self, DrError> {
        let name = name.into();
        let is_good = match kind {
            ResourceKind::RdsInstance | ResourceKind::DbCluster => is_rds_name(&name, 63),
            ResourceKind::DynamodbTable => {
                (3..=255).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            }
            ResourceKind::ReplicationGroup => is_rds_name(&name, 40),
        };
        if is_good { Ok(Self { kind, name }) } else { Err(DrError::invalid(kind.as_str(), format!("{name:?}"), form(kind).1)) }
    }

    /// Reads what [`String::from`] wrote; a bare name is a DB instance.
    pub fn parse(text: impl Into<String>) -> Result<Self, DrError> {
        let text = text.into();
        for kind in ResourceKind::ALL {
            if let Some(name) = text.strip_prefix(form(*kind).0) {
                return Self::new(*kind, name);
            }
        }
        Self::new(ResourceKind::RdsInstance, text)
    }

    /// The database that an ARN names; none if it is of something else.
    pub fn of_arn(arn: &Arn) -> Option<Self> {
        let resource = arn.as_str().splitn(6, ':').nth(5)?;
        let kind = ResourceKind::ALL.iter().find(|kind| resource.starts_with(form(**kind).0))?;
        Self::new(*kind, resource.strip_prefix(form(*kind).0)?).ok()
    }

    /// What it is.
    pub const fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The name alone, as AWS's calls take it.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// How its ARN ends.
    pub fn in_arn(&self) -> String {
        format!("{}{}", form(self.kind).0, self.name)
    }
}

impl TryFrom<String> for DatabaseId {
    type Error = DrError;
    fn try_from(text: String) -> Result<Self, DrError> {
        Self::parse(text)
    }
}

impl From<DatabaseId> for String {
    fn from(id: DatabaseId) -> Self {
        if id.kind == ResourceKind::RdsInstance { id.name } else { id.in_arn() }
    }
}

/// People read the name; of which kind it is, the resource says.
impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_as_the_same_database() {
        for (kind, name) in [
            (ResourceKind::RdsInstance, "orders-db"),
            (ResourceKind::DbCluster, "orders-db"),
            (ResourceKind::DynamodbTable, "Orders_2.archive"),
            (ResourceKind::ReplicationGroup, "sessions"),
        ] {
            let id = DatabaseId::new(kind, name).unwrap();
            assert_eq!(DatabaseId::parse(String::from(id.clone())).unwrap(), id);
            assert_eq!((id.kind(), id.as_str(), id.to_string().as_str()), (kind, name, name));
        }
    }

    #[test]
    fn a_bare_name_is_a_db_instance_and_differs_from_a_cluster_of_that_name() {
        let bare = DatabaseId::parse("orders-db").unwrap();
        assert_eq!(bare.kind(), ResourceKind::RdsInstance);
        assert_ne!(bare, DatabaseId::parse("cluster:orders-db").unwrap());
    }

    #[test]
    fn a_name_that_aws_would_refuse_is_refused_with_what_is_accepted() {
        for (text, field, accepted) in [
            ("1orders", "rds_instance", "a letter first"),
            ("cluster:orders--db", "db_cluster", "single hyphens"),
            ("table/ab", "dynamodb_table", "3 to 255"),
            ("table/a b c", "dynamodb_table", "underscores"),
            (&format!("replicationgroup:{}", "a".repeat(41)), "replication_group", "1 to 40"),
            ("", "rds_instance", "1 to 63"),
        ] {
            let error = DatabaseId::parse(text).unwrap_err().to_string();
            assert!(error.contains(field) && error.contains(accepted), "{text}: {error}");
        }
    }

    #[test]
    fn an_arn_names_its_database_or_none() {
        let of = |arn: &str| DatabaseId::of_arn(&Arn::parse(arn).unwrap()).map(String::from);
        assert_eq!(of("arn:aws:rds:us-east-1:123456789012:db:orders-db").as_deref(), Some("orders-db"));
        assert_eq!(of("arn:aws:rds:us-east-1:123456789012:cluster:orders").as_deref(), Some("cluster:orders"));
        assert_eq!(of("arn:aws:dynamodb:us-east-1:123456789012:table/orders").as_deref(), Some("table/orders"));
        assert_eq!(of("arn:aws:elasticache:us-east-1:123456789012:replicationgroup:s").as_deref(), Some("replicationgroup:s"));
        assert_eq!(of("arn:aws:rds:us-east-1:123456789012:snapshot:s"), None);
        assert_eq!(of("arn:aws:dynamodb:us-east-1:123456789012:table/orders/backup/01"), None);
    }
}
