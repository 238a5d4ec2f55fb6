//! Replicas of a global table in other Regions, as DynamoDB tells of them in this one. Their items are not modelled: what was written
//! elsewhere is written here by who plays that Region.

use super::{ApiError, Tables};

impl Tables {
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
