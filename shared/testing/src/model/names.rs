//! Identifiers, ARNs, and what AWS accepts as one.

use super::faults::next_random;
use super::{ApiError, Model};

/// Checks a DB instance identifier and returns it as AWS stores it: in lower case.
pub(crate) fn instance_identifier(name: &str) -> Result<String, ApiError> {
    identifier("DBInstanceIdentifier", name, 63)
}

/// Checks the identifier of a manual snapshot.
pub(crate) fn snapshot_identifier(name: &str) -> Result<String, ApiError> {
    identifier("DBSnapshotIdentifier", name, 255)
}

/// Checks the identifier of a DB cluster.
pub(crate) fn cluster_identifier(name: &str) -> Result<String, ApiError> {
    identifier("DBClusterIdentifier", name, 63)
}

/// Checks the identifier of a manual snapshot of a cluster: shorter than one of an instance.
pub(crate) fn cluster_snapshot_identifier(name: &str) -> Result<String, ApiError> {
    identifier("DBClusterSnapshotIdentifier", name, 63)
}

fn identifier(field: &str, name: &str, longest: usize) -> Result<String, ApiError> {
    let legal = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--")
        && name.len() <= longest;
    if legal {
        return Ok(name.to_ascii_lowercase());
    }
    Err(ApiError::value(format!(
        "The parameter {field} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, \
         and hyphens; must not end with a hyphen or contain two consecutive hyphens; and have at most {longest} characters. Not: {name:?}"
    )))
}

/// `postgres16` of `postgres` `16.4`, `mysql8.0` of `mysql` `8.0.36`.
pub(crate) fn family(engine: &str, version: &str) -> String {
    let parts = if engine.ends_with("postgres") || engine.ends_with("postgresql") { 1 } else { 2 };
    let major: Vec<&str> = version.split('.').take(parts).collect();
    format!("{engine}{}", major.join("."))
}

/// `default:postgres-16`.
pub(crate) fn default_option_group(engine: &str, version: &str) -> String {
    let family = family(engine, version);
    let major = family.strip_prefix(engine).unwrap_or_default().replace('.', "-");
    format!("default:{engine}-{major}")
}

impl Model {
    pub(crate) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:rds:{}:{}:{kind}:{name}", self.settings.region, self.settings.account)
    }

    /// `db-` and 26 letters and digits, the same for the same seed.
    pub(crate) fn new_resource_id(&mut self) -> String {
        self.new_id("db")
    }

    /// The same for a cluster.
    pub(crate) fn new_cluster_resource_id(&mut self) -> String {
        self.new_id("cluster")
    }

    fn new_id(&mut self, kind: &str) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let letters = (0..26).map(|_| {
            let index = next_random(&mut self.random) % 32;
            usize::try_from(index).ok().and_then(|i| ALPHABET.get(i)).map_or('A', |&byte| char::from(byte))
        });
        format!("{kind}-{}", letters.collect::<String>())
    }

    /// A UUID of version 4, the same for the same seed.
    pub(crate) fn new_uuid(&mut self) -> String {
        let (high, low) = (next_random(&mut self.random), next_random(&mut self.random));
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff, low >> 52, low & 0xffff_ffff_ffff)
    }
}

/// The resource that an ARN of RDS names.
pub(crate) fn parse_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(7, ':');
    let kind = parts.nth(5)?;
    Some((kind, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_stored_in_lower_case() {
        assert_eq!(instance_identifier("Orders-DB").unwrap(), "orders-db");
    }

    #[test]
    fn an_identifier_that_aws_would_refuse_is_refused() {
        for wrong in ["", "1orders", "-orders", "orders-", "or--ders", "or_ders", "órders", &"a".repeat(64)] {
            assert_eq!(instance_identifier(wrong).unwrap_err().code, "InvalidParameterValue", "{wrong:?}");
        }
    }

    #[test]
    fn a_snapshot_identifier_may_be_longer_than_an_instance_identifier() {
        assert!(snapshot_identifier(&"a".repeat(255)).is_ok());
        assert!(snapshot_identifier(&"a".repeat(256)).is_err());
    }

    #[test]
    fn the_family_has_one_number_for_postgres_and_two_for_others() {
        assert_eq!(family("postgres", "16.4"), "postgres16");
        assert_eq!(family("mysql", "8.0.36"), "mysql8.0");
        assert_eq!(default_option_group("mysql", "8.0.36"), "default:mysql-8-0");
    }

    #[test]
    fn an_arn_of_an_automated_snapshot_keeps_its_colon() {
        assert_eq!(parse_arn("arn:aws:rds:us-east-1:123456789012:snapshot:rds:a-1"), Some(("snapshot", "rds:a-1")));
    }
}
