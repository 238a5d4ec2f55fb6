//! What a new cluster looks like: AWS's defaults first, then what the call says.

use chrono::{DateTime, Utc};

use super::words::ClusterPendingModifiedValues;
use super::{Cluster, ClusterConfig, ClusterStep, DbCluster, MOST_CLUSTERS};
use crate::model::birth::{check_retention, membership};
use crate::model::events;
use crate::model::instance::RestoredFrom;
use crate::model::steps::Then;
use crate::model::words::Tag;
use crate::model::{ApiError, Done, Effect, Model, Origin, names, tags};

/// What a new cluster is made from, beside its [`ClusterConfig`].
#[derive(Debug, Clone, Copy)]
pub(super) struct ClusterBirth<'a> {
    pub identifier: &'a str,
    pub engine: &'a str,
    pub engine_version: &'a str,
    pub master_username: &'a str,
    pub database_name: Option<&'a str>,
    pub allocated_storage: i32,
    pub encrypted: bool,
    pub kms_key_id: Option<&'a str>,
    pub retention: i32,
    pub backup_window: &'a str,
    pub tags: &'a [Tag],
}

/// The Region's default version of an engine: what comes up where `EngineVersion` is not said.
pub(super) fn default_version(engine: &str) -> Result<&'static str, ApiError> {
    match engine {
        "aurora-postgresql" => Ok("16.6"),
        "aurora-mysql" => Ok("8.0.mysql_aurora.3.08.0"),
        "postgres" => Ok("16.4"),
        "mysql" => Ok("8.0.36"),
        // Other services that answer the same calls; their clusters get no class, as Aurora's.
        "neptune" => Ok("1.3.2.1"),
        "docdb" => Ok("5.0.0"),
        other => Err(ApiError::value(format!("Invalid DB engine: {other}"))),
    }
}

impl Model {
    /// The checks that every call makes which creates a cluster; returns the identifier as AWS stores it.
    pub(super) fn check_new_cluster(&self, identifier: &str, engine: &str, config: &ClusterConfig) -> Result<String, ApiError> {
        let identifier = names::cluster_identifier(identifier)?;
        let taken = |it: &Cluster| {
            it.shown.db_cluster_identifier == identifier
                || it.shown.pending_modified_values.db_cluster_identifier.as_deref() == Some(&identifier)
        };
        if self.clusters.values().any(taken) {
            return Err(ApiError::new("DBClusterAlreadyExistsFault", "DB Cluster already exists"));
        }
        default_version(engine)?;
        match (is_made_of_members(engine), &config.db_cluster_instance_class) {
            (true, Some(_)) => return Err(ApiError::combination("DBClusterInstanceClass isn't supported for Aurora DB clusters.")),
            (false, None) => return Err(ApiError::combination("DBClusterInstanceClass is required for Multi-AZ DB clusters.")),
            _ => {}
        }
        check_cluster_retention(config.backup_retention_period)?;
        check_groups(config.vpc_security_group_ids.as_deref())?;
        if let Some(told) = &config.tags {
            tags::check(told)?;
        }
        if self.clusters.len() >= MOST_CLUSTERS {
            return Err(ApiError { status: 403, ..ApiError::new("DBClusterQuotaExceededFault", "DB Cluster quota exceeded") });
        }
        Ok(identifier)
    }

    pub(super) fn known_cluster_parameter_group(&self, name: &str) -> Result<String, ApiError> {
        self.known_parameter_group(name).map_err(|_| ApiError {
            status: 404,
            ..ApiError::new("DBClusterParameterGroupNotFound", format!("DBClusterParameterGroup not found: {name}"))
        })
    }

    /// A new cluster as AWS would make it: what `config` does not say becomes AWS's default.
    pub(super) fn describe_new_cluster(&mut self, birth: &ClusterBirth<'_>, config: &ClusterConfig) -> Result<DbCluster, ApiError> {
        let is_aurora = is_made_of_members(birth.engine);
        let subnet_group = self.subnet_group(config.db_subnet_group_name.as_deref())?.db_subnet_group_name;
        let parameter_group = match &config.db_cluster_parameter_group_name {
            Some(name) => self.known_cluster_parameter_group(name)?,
            None => format!("default.{}", names::family(birth.engine, birth.engine_version)),
        };
        let groups = match config.vpc_security_group_ids.as_deref().filter(|groups| !groups.is_empty()) {
            Some(groups) => groups.iter().map(|group| membership(group)).collect(),
            None => vec![membership(&self.settings.default_security_group)],
        };
        let (endpoint, reader_endpoint) = self.cluster_endpoints(birth.identifier);
        let (yes, default_port) = (|told: Option<bool>| told.unwrap_or(false), if birth.engine.contains("postgres") { 5432 } else { 3306 });
        Ok(DbCluster {
            db_cluster_identifier: birth.identifier.to_owned(),
            db_cluster_arn: self.arn("cluster", birth.identifier),
            db_cluster_resource_id: self.new_cluster_resource_id(),
            status: "creating".to_owned(),
            engine: birth.engine.to_owned(),
            engine_version: birth.engine_version.to_owned(),
            engine_mode: config.engine_mode.clone().unwrap_or_else(|| "provisioned".to_owned()),
            engine_lifecycle_support: config
                .engine_lifecycle_support
                .clone()
                .unwrap_or_else(|| "open-source-rds-extended-support".to_owned()),
            db_cluster_instance_class: config.db_cluster_instance_class.clone(),
            master_username: birth.master_username.to_owned(),
            database_name: birth.database_name.map(str::to_owned),
            endpoint,
            reader_endpoint,
            port: config.port.unwrap_or(default_port),
            db_subnet_group: subnet_group,
            vpc_security_groups: groups,
            db_cluster_parameter_group: parameter_group,
            db_cluster_members: Vec::new(),
            multi_az: !is_aurora,
            replication_source_identifier: None,
            cluster_create_time: None,
            earliest_restorable_time: None,
            latest_restorable_time: None,
            backup_retention_period: config.backup_retention_period.unwrap_or(birth.retention),
            preferred_backup_window: config.preferred_backup_window.clone().unwrap_or_else(|| birth.backup_window.to_owned()),
            preferred_maintenance_window: "sun:06:00-sun:06:30".to_owned(),
            storage_type: config.storage_type.clone().unwrap_or_else(|| if is_aurora { "aurora" } else { "gp3" }.to_owned()),
            allocated_storage: birth.allocated_storage,
            iops: config.iops,
            storage_encrypted: birth.encrypted,
            kms_key_id: birth.kms_key_id.map(str::to_owned),
            network_type: config.network_type.clone().unwrap_or_else(|| "IPV4".to_owned()),
            deletion_protection: yes(config.deletion_protection),
            iam_database_authentication_enabled: yes(config.enable_iam_database_authentication),
            enabled_cloudwatch_logs_exports: config.enable_cloudwatch_logs_exports.clone().unwrap_or_default(),
            copy_tags_to_snapshot: yes(config.copy_tags_to_snapshot),
            backtrack_window: config.backtrack_window.unwrap_or(0),
            http_endpoint_enabled: false,
            serverless_v2_scaling_configuration: config.serverless_v2_scaling_configuration.clone(),
            publicly_accessible: (!is_aurora).then(|| yes(config.publicly_accessible)),
            auto_minor_version_upgrade: true,
            pending_modified_values: ClusterPendingModifiedValues::default(),
            tag_list: config.tags.clone().unwrap_or_else(|| birth.tags.to_vec()),
        })
    }

    /// Adds a new cluster and asks for its volume. A Multi-AZ DB cluster gets its members at once, an Aurora cluster none.
    pub(super) fn bear_cluster(
        &mut self,
        shown: DbCluster,
        from: Origin,
        restored_from: Option<RestoredFrom>,
        ready_at: DateTime<Utc>,
    ) -> Result<DbCluster, ApiError> {
        let id = shown.db_cluster_resource_id.clone();
        let cluster = Cluster {
            status: shown.status.clone(),
            shown: shown.clone(),
            stuck: None,
            writer: None,
            shown_writer: None,
            invented_endpoints: true,
            password: None,
            restored_from,
        };
        let own_members = self.own_members(&shown)?;
        let volume = self.effect(Effect::MakeVolume { server: id.clone(), from });
        self.clusters.insert(id.clone(), cluster);
        for member in own_members {
            self.join(&id, member, ready_at);
        }
        self.schedule_after(ready_at, [volume], Then::Cluster(id, ClusterStep::Born));
        Ok(shown)
    }

    /// The volume is there, or could not be made.
    pub(super) fn cluster_born(&mut self, id: &str, at: DateTime<Utc>, result: &Result<(), String>, done: &[Done]) {
        let Some(restored_from) = self.with_cluster(id, |it| it.restored_from.clone()) else { return };
        if result.is_err() {
            self.cancel_steps(id);
            return self.set_cluster(id, if restored_from.is_some() { "restore-error" } else { "failed" });
        }
        self.with_cluster(id, |it| {
            it.shown.cluster_create_time = Some(at);
            if let Some(Done::Endpoints { writer, reader, port }) = done.iter().find(|it| matches!(it, Done::Endpoints { .. })) {
                it.shown.endpoint.clone_from(writer);
                it.shown.reader_endpoint.clone_from(reader);
                (it.shown.port, it.invented_endpoints) = (i32::from(*port), false);
            }
        });
        self.set_cluster(id, "available");
        self.cluster_event(id, at, events::CLUSTER_CREATED);
        self.begin_first_cluster_backup(id, at);
    }
}

/// Whether RDS makes no instance of it by itself.
pub(super) fn is_made_of_members(engine: &str) -> bool {
    engine.starts_with("aurora") || matches!(engine, "neptune" | "docdb")
}

/// The backups of a cluster cannot be switched off.
pub(super) fn check_cluster_retention(days: Option<i32>) -> Result<(), ApiError> {
    match days {
        Some(0) => Err(ApiError::value("Invalid backup retention period: 0. Must be between 1 and 35.")),
        other => check_retention(other),
    }
}

pub(super) fn check_groups(groups: Option<&[String]>) -> Result<(), ApiError> {
    match groups {
        Some(groups) if groups.iter().any(|group| !group.starts_with("sg-")) => {
            Err(ApiError::value("Invalid security group: an id begins with sg-."))
        }
        _ => Ok(()),
    }
}
