//! The members of a cluster: `CreateDBInstance` into it, and what becomes of it when one goes.

use chrono::{DateTime, Utc};

use super::{ClusterStep, CreateDbClusterMember, DbCluster, DbClusterMember};
use crate::model::birth::Birth;
use crate::model::instance::Instance;
use crate::model::words::DbInstance;
use crate::model::{Action, ApiError, InstanceConfig, Model, Origin, modify};

impl Action for CreateDbClusterMember {
    const NAME: &'static str = "CreateDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let cluster = model.find_cluster(&self.db_cluster_identifier)?;
        let it = model.cluster(&self.db_cluster_identifier)?;
        it.require_available("CreateDBInstance")?;
        let of = it.shown.clone();
        if of.engine != self.engine {
            return Err(ApiError::combination(format!("The engine {} is not that of the DB cluster: {}.", self.engine, of.engine)));
        }
        if of.db_cluster_instance_class.is_some() {
            return Err(ApiError::combination("RDS makes the instances of a Multi-AZ DB cluster by itself."));
        }
        let missing = || ApiError::new("MissingParameter", "The request must contain the parameter DBInstanceClass");
        let class = self.db_instance_class.as_deref().ok_or_else(missing)?;
        let tier = self.promotion_tier.unwrap_or(1);
        if !(0..=15).contains(&tier) {
            return Err(ApiError::value(format!("Invalid promotion tier: {tier}. Must be between 0 and 15.")));
        }
        modify::check_monitoring(self.monitoring_interval, self.monitoring_role_arn.as_deref())?;
        let told = InstanceConfig {
            availability_zone: self.availability_zone.clone(),
            db_parameter_group_name: self.db_parameter_group_name.clone(),
            publicly_accessible: self.publicly_accessible,
            auto_minor_version_upgrade: self.auto_minor_version_upgrade,
            ca_certificate_identifier: self.ca_certificate_identifier.clone(),
            tags: self.tags.clone(),
            ..InstanceConfig::default()
        };
        let mut shown = model.describe_member(&of, (&self.db_instance_identifier, class, tier), told)?;
        shown.monitoring_interval = self.monitoring_interval.unwrap_or(0);
        shown.monitoring_role_arn.clone_from(&self.monitoring_role_arn);
        shown.performance_insights_enabled = self.enable_performance_insights.unwrap_or(false);
        if shown.performance_insights_enabled {
            shown.performance_insights_retention_period = Some(self.performance_insights_retention_period.unwrap_or(7));
            shown.performance_insights_kms_key_id.clone_from(&self.performance_insights_kms_key_id);
        }
        let ready_at = now + model.settings.durations.creating;
        Ok(model.join(&cluster, shown, ready_at))
    }
}

impl Model {
    /// A new member: network, security groups, engine, credentials and backups are its cluster's.
    fn describe_member(
        &mut self,
        cluster: &DbCluster,
        (identifier, class, tier): (&str, &str, i32),
        told: InstanceConfig,
    ) -> Result<DbInstance, ApiError> {
        let id = &cluster.db_cluster_resource_id;
        let config = InstanceConfig {
            db_subnet_group_name: Some(cluster.db_subnet_group.clone()),
            vpc_security_group_ids: Some(cluster.vpc_security_groups.iter().map(|group| group.vpc_security_group_id.clone()).collect()),
            port: Some(cluster.port),
            network_type: Some(cluster.network_type.clone()),
            availability_zone: told.availability_zone.clone().or_else(|| self.emptiest_zone(id)),
            ..told
        };
        let identifier = self.check_new(identifier, &config)?;
        let birth = Birth {
            identifier: &identifier,
            engine: &cluster.engine,
            engine_version: &cluster.engine_version,
            class,
            master_username: &cluster.master_username,
            db_name: cluster.database_name.as_deref(),
            allocated_storage: cluster.allocated_storage,
            storage_type: &cluster.storage_type,
            iops: cluster.iops,
            storage_throughput: None,
            encrypted: cluster.storage_encrypted,
            kms_key_id: cluster.kms_key_id.as_deref(),
            retention: cluster.backup_retention_period,
            backup_window: &cluster.preferred_backup_window,
            tags: &[],
        };
        let mut shown = self.describe_new(&birth, &config)?;
        shown.vpc_security_groups.clone_from(&cluster.vpc_security_groups);
        shown.db_cluster_identifier = Some(cluster.db_cluster_identifier.clone());
        shown.promotion_tier = Some(tier);
        Ok(shown)
    }

    /// The lit zone with the fewest members.
    fn emptiest_zone(&self, cluster: &str) -> Option<String> {
        let lit = self.settings.zones.iter().filter(|zone| !self.dark_zones.contains(*zone));
        lit.min_by_key(|zone| self.members(cluster).filter(|(_, it)| it.shown.availability_zone == **zone).count()).cloned()
    }

    /// The three members that RDS makes of a Multi-AZ DB cluster, each in another zone.
    pub(super) fn own_members(&mut self, cluster: &DbCluster) -> Result<Vec<DbInstance>, ApiError> {
        let Some(class) = cluster.db_cluster_instance_class.clone() else { return Ok(Vec::new()) };
        let zones: Vec<String> = self.settings.zones.iter().filter(|zone| !self.dark_zones.contains(*zone)).take(3).cloned().collect();
        if zones.len() < 3 {
            let message = "A Multi-AZ DB cluster needs three Availability Zones with capacity.";
            return Err(ApiError { status: 403, ..ApiError::new("InsufficientDBClusterCapacityFault", message) });
        }
        let mut members = Vec::new();
        for (number, zone) in zones.into_iter().enumerate() {
            let name = format!("{}-instance-{}", cluster.db_cluster_identifier, number + 1);
            let told = InstanceConfig {
                availability_zone: Some(zone),
                publicly_accessible: cluster.publicly_accessible,
                tags: Some(cluster.tag_list.clone()),
                ..InstanceConfig::default()
            };
            members.push(self.describe_member(cluster, (&name, &class, 1), told)?);
        }
        Ok(members)
    }

    /// The first member writes.
    pub(super) fn join(&mut self, cluster: &str, shown: DbInstance, ready_at: DateTime<Utc>) -> DbInstance {
        let id = shown.dbi_resource_id.clone();
        let writes = self.clusters.get(cluster).is_some_and(|it| it.writer.is_none());
        let shown = self.bear(shown, Origin::Volume { of: cluster.to_owned(), writes }, None, ready_at);
        self.with(&id, |it| it.cluster = Some(cluster.to_owned()));
        if writes {
            self.with_cluster(cluster, |it| {
                it.writer = Some(id.clone());
                it.shown_writer = Some(id);
            });
        }
        shown
    }

    /// What Describe shows of a cluster's members, by name.
    pub(super) fn shown_members(&self, cluster: &str) -> Vec<DbClusterMember> {
        let Some(of) = self.clusters.get(cluster) else { return Vec::new() };
        let shown = |(id, it): (&String, &Instance)| DbClusterMember {
            db_instance_identifier: it.shown.db_instance_identifier.clone(),
            is_cluster_writer: of.shown_writer.as_ref() == Some(id),
            db_cluster_parameter_group_status: it.cluster_parameters.to_owned(),
            promotion_tier: it.shown.promotion_tier.unwrap_or(1),
        };
        let mut members: Vec<DbClusterMember> = self.members(cluster).map(shown).collect();
        members.sort_by(|one, other| one.db_instance_identifier.cmp(&other.db_instance_identifier));
        members
    }

    /// A server died. If it wrote for a cluster, AWS notices after a while.
    pub(crate) fn member_is_down(&mut self, id: &str, at: DateTime<Utc>) {
        let Some(cluster) = self.instances.get(id).and_then(|it| it.cluster.clone()) else { return };
        if self.clusters.get(&cluster).is_some_and(|it| it.writer.as_deref() == Some(id)) {
            self.schedule_cluster(&cluster, at + self.settings.durations.failure_detection, ClusterStep::WriterMissed);
        }
    }

    /// A member was deleted. A cluster that lost its writer so makes a reader the writer, if it has one.
    pub(crate) fn member_is_gone(&mut self, cluster: &str, id: &str, at: DateTime<Utc>) {
        let lost = self.with_cluster(cluster, |it| {
            let lost = it.writer.as_deref() == Some(id);
            if lost {
                (it.writer, it.shown_writer) = (None, None);
            }
            lost
        });
        if lost == Some(true) {
            self.writer_missed(cluster, at);
        }
    }
}
