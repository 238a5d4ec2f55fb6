//! Replicas of a global table in other Regions, as DynamoDB tells of them in this one. Their items are not modelled: what was written
//! elsewhere is written here by who plays that Region.

use super::{ApiError, Tables};
use lifeboat_domain::global_table::{GlobalTable, TableReplica};

impl Tables {
    /// Somebody has made a table global: it has replicas in these Regions, and all is well.
    ///
    /// # Errors
    /// The table is not there.
    pub fn replicate(&mut self, name: &str, regions: &[&str], is_strong: bool) -> Result<(), ApiError> {
        let own = self.existing(name)?.own();
        let replica = |region: &&str| TableReplica { region: (*region).to_owned(), status: "ACTIVE".to_owned(), ..TableReplica::default() };
        own.replicas = regions.iter().map(|region| (*region).to_owned()).collect();
        own.replicas.sort();
        let mut replicas: Vec<TableReplica> = regions.iter().map(replica).collect();
        replicas.sort_by(|one, other| one.region.cmp(&other.region));
        own.global = Some(Box::new(GlobalTable { version: Some("2019.11.21".to_owned()), is_strong, replicas }));
        Ok(())
    }

    /// A replica in another Region gets another status.
    ///
    /// # Errors
    /// The table is not there, or has no replica in that Region.
    pub fn set_replica(&mut self, name: &str, region: &str, status: &str) -> Result<(), ApiError> {
        let global = self.existing(name)?.own().global.as_mut();
        let found = global.and_then(|global| global.replicas.iter_mut().find(|replica| replica.region == region));
        let found = found.ok_or_else(|| ApiError::new("ReplicaNotFoundException", format!("{name} has no replica in {region}")))?;
        status.clone_into(&mut found.status);
        Ok(())
    }

    /// Somebody switches deletion protection on or off, in this Region alone.
    ///
    /// # Errors
    /// The table is not there.
    pub fn protect(&mut self, name: &str, from_deletion: bool) -> Result<(), ApiError> {
        self.existing(name)?.configuration.deletion_protection = from_deletion;
        Ok(())
    }
}
