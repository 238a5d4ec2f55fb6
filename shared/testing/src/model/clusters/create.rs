//! `CreateDBCluster`.

use chrono::{DateTime, Utc};

use super::birth::{ClusterBirth, default_version, is_made_of_members};
use super::{CreateDbCluster, DbCluster};
use crate::model::modify::check_password;
use crate::model::{Action, ApiError, Model, Origin};

const DEFAULT_BACKUP_WINDOW: &str = "03:00-03:30";

impl Action for CreateDbCluster {
    const NAME: &'static str = "CreateDBCluster";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        let identifier = model.check_new_cluster(&self.db_cluster_identifier, &self.engine, &self.config)?;
        check_password(&self.master_user_password)?;
        let allocated_storage = match (is_made_of_members(&self.engine), self.allocated_storage) {
            (true, _) => 1,
            (false, Some(size)) => size,
            (false, None) => {
                return Err(ApiError::new("MissingParameter", "The request must contain the parameter AllocatedStorage"));
            }
        };
        let birth = ClusterBirth {
            identifier: &identifier,
            engine: &self.engine,
            engine_version: self.engine_version.as_deref().unwrap_or(default_version(&self.engine)?),
            master_username: &self.master_username,
            database_name: self.database_name.as_deref(),
            allocated_storage,
            encrypted: self.storage_encrypted.unwrap_or(false) || self.kms_key_id.is_some(),
            kms_key_id: self.kms_key_id.as_deref(),
            retention: 1,
            backup_window: DEFAULT_BACKUP_WINDOW,
            tags: &[],
        };
        let mut shown = model.describe_new_cluster(&birth, &self.config)?;
        if let Some(window) = &self.preferred_maintenance_window {
            shown.preferred_maintenance_window.clone_from(window);
        }
        let from = Origin::Empty {
            engine: self.engine.clone(),
            master_user: self.master_username.clone(),
            password: self.master_user_password.clone(),
            db_name: self.database_name.clone(),
        };
        let ready_at = now + model.settings.durations.creating;
        model.bear_cluster(shown, from, None, ready_at)
    }
}
