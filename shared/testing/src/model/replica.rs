//! Read replicas: `CreateDBInstanceReadReplica`, `PromoteReadReplica`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::birth::{Birth, check_retention};
use super::events;
use super::instance::Server;
use super::steps::Then;
use super::words::{DbInstance, DbInstanceStatusInfo, Tag};
use super::{Action, ApiError, Effect, InstanceConfig, Model, Origin};

/// Makes a read replica in the same Region. It keeps no backups of its own unless it is told to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDbInstanceReadReplica {
    /// The new replica.
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    /// Whom it follows.
    #[serde(rename = "SourceDBInstanceIdentifier")]
    pub source_db_instance_identifier: String,
    /// What is not said becomes as on the source, but for the standby and the backups.
    #[serde(flatten)]
    pub config: InstanceConfig,
}

impl CreateDbInstanceReadReplica {
    /// A replica of the source's own kind, with these tags.
    pub fn of(source: &str, replica: &str, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect();
        Self {
            db_instance_identifier: replica.to_owned(),
            source_db_instance_identifier: source.to_owned(),
            config: InstanceConfig { tags: Some(tags), ..InstanceConfig::default() },
        }
    }

    /// The same, with other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut InstanceConfig)) -> Self {
        change(&mut self.config);
        self
    }
}

/// Makes a read replica a database of its own. There is no way back.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PromoteReadReplica {
    /// The replica.
    #[serde(rename = "DBInstanceIdentifier")]
    pub db_instance_identifier: String,
    /// AWS's default is one day.
    pub backup_retention_period: Option<i32>,
    /// As on the replica, if it is not said.
    pub preferred_backup_window: Option<String>,
}

fn replicating() -> DbInstanceStatusInfo {
    let (status_type, status) = ("read replication".to_owned(), "replicating".to_owned());
    DbInstanceStatusInfo { status_type, normal: true, status, message: None }
}

impl Action for CreateDbInstanceReadReplica {
    const NAME: &'static str = "CreateDBInstanceReadReplica";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let it = model.instance(&self.source_db_instance_identifier)?;
        it.require_alone(Self::NAME)?;
        it.require_free(Self::NAME)?;
        let source = it.shown.clone();
        if source.backup_retention_period == 0 {
            return Err(ApiError::instance_state("Automated backups are not enabled for this database instance."));
        }
        let like_source = InstanceConfig {
            db_subnet_group_name: Some(source.db_subnet_group.db_subnet_group_name.clone()),
            db_parameter_group_name: source.db_parameter_groups.first().map(|group| group.db_parameter_group_name.clone()),
            vpc_security_group_ids: Some(source.vpc_security_groups.iter().map(|group| group.vpc_security_group_id.clone()).collect()),
            publicly_accessible: Some(source.publicly_accessible),
            port: Some(source.db_instance_port),
            ..InstanceConfig::default()
        };
        let told = &self.config;
        let config = InstanceConfig {
            db_subnet_group_name: like_source.db_subnet_group_name,
            db_parameter_group_name: told.db_parameter_group_name.clone().or(like_source.db_parameter_group_name),
            vpc_security_group_ids: told.vpc_security_group_ids.clone().or(like_source.vpc_security_group_ids),
            publicly_accessible: told.publicly_accessible.or(like_source.publicly_accessible),
            port: told.port.or(like_source.port),
            ..told.clone()
        };
        let identifier = model.check_new(&self.db_instance_identifier, &config)?;
        let birth = Birth {
            identifier: &identifier,
            engine: &source.engine,
            engine_version: &source.engine_version,
            class: &source.db_instance_class,
            master_username: &source.master_username,
            db_name: source.db_name.as_deref(),
            allocated_storage: source.allocated_storage,
            storage_type: &source.storage_type,
            iops: source.iops,
            storage_throughput: source.storage_throughput,
            encrypted: source.storage_encrypted,
            kms_key_id: source.kms_key_id.as_deref(),
            retention: 0,
            backup_window: &source.preferred_backup_window,
            tags: &[],
        };
        let mut shown = model.describe_new(&birth, &config)?;
        shown.read_replica_source_db_instance_identifier = Some(source.db_instance_identifier.clone());
        shown.status_infos = vec![replicating()];
        model.with(&source.dbi_resource_id, |it| it.shown.read_replica_db_instance_identifiers.push(identifier));
        let duration = model.settings.durations.creating;
        Ok(model.bear(shown, Origin::Replica { of: source.dbi_resource_id }, None, now + duration))
    }
}

impl Action for PromoteReadReplica {
    const NAME: &'static str = "PromoteReadReplica";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let id = model.find(&self.db_instance_identifier)?;
        let it = model.instance(&self.db_instance_identifier)?;
        if it.shown.read_replica_source_db_instance_identifier.is_none() {
            return Err(ApiError::instance_state("DB Instance is not a read replica."));
        }
        // `backing-up` is refused too.
        it.require_free(Self::NAME)?;
        check_retention(self.backup_retention_period)?;
        let backups = (self.backup_retention_period.unwrap_or(1), self.preferred_backup_window.clone());
        model.with(&id, |it| it.promotion = Some(backups));
        model.begin(&id, "modifying", now);
        model.instance_event(&id, now, events::SHUT_DOWN);
        let effect = model.effect(Effect::PromoteReplica { server: id.clone() });
        model.schedule_after(now + model.settings.durations.promoting, [effect], Then::Promoted(id.clone()));
        model.instances.get(&id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl Model {
    /// A promotion is finished, or the engine could not be promoted.
    pub(crate) fn promoted(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        if result.is_err() {
            return self.give_up(id, "failed", at);
        }
        let Some(it) = self.instances.get_mut(id) else { return };
        let source = it.shown.read_replica_source_db_instance_identifier.take();
        let replica = it.shown.db_instance_identifier.clone();
        it.shown.status_infos.clear();
        it.server = Server::Up;
        let (days, window) = it.promotion.take().unwrap_or((1, None));
        it.shown.backup_retention_period = days;
        if let Some(window) = window {
            it.shown.preferred_backup_window = window;
        }
        if let Some(source) = source.and_then(|source| self.find(&source).ok()) {
            self.with(&source, |it| it.shown.read_replica_db_instance_identifiers.retain(|name| *name != replica));
        }
        self.instance_event(id, at, events::RESTARTED);
        self.begin_first_backup(id, at);
    }
}
