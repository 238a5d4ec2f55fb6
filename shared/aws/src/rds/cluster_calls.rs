//! Calls that change DB clusters. What is not said comes back as a default (fact sheet 3.2); a restored Aurora cluster has no instances.

use super::{Rds, protecting_tags, tag_list};
use crate::classify::{call_error, invalid};
use crate::time::date_time;
use aws_sdk_rds::operation::restore_db_cluster_from_snapshot::builders::RestoreDBClusterFromSnapshotFluentBuilder;
use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDBClusterToPointInTimeFluentBuilder;
use aws_sdk_rds::types::{ServerlessV2ScalingConfiguration, Tag};
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::{DatabaseId, SnapshotId};
use lifeboat_domain::observed::{Configuration, MemberConfiguration, Scaling};
use lifeboat_domain::plan::{LateSettings, RestoreSettings};
use lifeboat_domain::ports::{Answer, CloneClusters, FailClustersOver, MakeMembers, Secret, TakeOver};
use lifeboat_domain::status::StatusMeaning;
use std::collections::BTreeMap;

const MODIFY_CLUSTER: &str = "rds:ModifyDBCluster";

/// What both restore calls accept alike: the generated builders share names but no type.
macro_rules! told {
    ($builder:expr, $configuration:expr, $tags:expr) => {{
        let (told, tags) = ($configuration, $tags);
        let cluster = told.cluster().cloned().unwrap_or_default();
        let builder = $builder
            .set_port(told.port.map(i32::from))
            .set_db_subnet_group_name(told.subnet_group.clone())
            .set_vpc_security_group_ids((!told.security_groups.is_empty()).then(|| told.security_groups.clone()))
            .set_db_cluster_parameter_group_name(told.parameter_group.clone())
            .set_enable_iam_database_authentication(told.iam_authentication.then_some(true))
            .set_backtrack_window((cluster.backtrack_seconds > 0).then_some(cluster.backtrack_seconds))
            .set_enable_cloudwatch_logs_exports((!told.log_exports.is_empty()).then(|| told.log_exports.clone()))
            .copy_tags_to_snapshot(told.copy_tags_to_snapshot)
            .set_storage_type(told.storage_type.clone())
            .set_network_type(told.network_type.clone())
            .set_serverless_v2_scaling_configuration(cluster.scaling.as_ref().map(scaling))
            .backup_retention_period(told.backup_retention_days)
            .set_preferred_backup_window(told.backup_window.clone())
            .set_engine_lifecycle_support(told.engine_lifecycle_support.clone())
            .set_tags(Some(tags));
        // Only a Multi-AZ DB cluster has a class, and makes its instances by itself.
        if told.class.is_empty() {
            builder.set_engine_mode(cluster.engine_mode.clone())
        } else {
            builder
                .db_cluster_instance_class(&told.class)
                .set_iops(told.iops)
                .publicly_accessible(told.publicly_accessible)
                .set_monitoring_interval((told.monitoring_interval > 0).then_some(told.monitoring_interval))
                .set_monitoring_role_arn(told.monitoring_role.clone())
                .set_enable_performance_insights(told.performance_insights.then_some(true))
                .set_performance_insights_kms_key_id(told.performance_insights_key.clone())
                .set_performance_insights_retention_period(told.performance_insights_retention_days)
        }
    }};
}

impl Rds {
    pub(super) async fn restore_cluster_from_snapshot(
        &self,
        snapshot: &SnapshotId,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        let action = "rds:RestoreDBClusterFromSnapshot";
        let request = self.cluster_from_snapshot(snapshot, target, settings, protecting_tags(action, settings)?);
        request.send().await.map(|_| ()).map_err(|error| call_error(action, &error))
    }

    /// `EngineVersion` is named: without it RDS takes the Region's default.
    fn cluster_from_snapshot(
        &self,
        snapshot: &SnapshotId,
        target: &DatabaseId,
        settings: &RestoreSettings,
        tags: Vec<Tag>,
    ) -> RestoreDBClusterFromSnapshotFluentBuilder {
        let told = &settings.configuration;
        let builder = self.client.restore_db_cluster_from_snapshot().snapshot_identifier(snapshot.as_str());
        let builder = builder.db_cluster_identifier(target.as_str()).engine(&told.engine).engine_version(&told.engine_version);
        told!(builder, told, tags)
    }

    pub(super) async fn restore_cluster_to_point_in_time(
        &self,
        source: &str,
        at: Option<Timestamp>,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        let action = "rds:RestoreDBClusterToPointInTime";
        let request = self.to_cluster_point_in_time(source, at, target, &settings.configuration, protecting_tags(action, settings)?);
        request.send().await.map(|_| ()).map_err(|error| call_error(action, &error))
    }

    fn to_cluster_point_in_time(
        &self,
        source: &str,
        at: Option<Timestamp>,
        target: &DatabaseId,
        told: &Configuration,
        tags: Vec<Tag>,
    ) -> RestoreDBClusterToPointInTimeFluentBuilder {
        let builder = self.client.restore_db_cluster_to_point_in_time().source_db_cluster_resource_id(source);
        let builder = builder.db_cluster_identifier(target.as_str());
        // Named otherwise than for an instance: `RestoreToTime`.
        let builder = match at {
            Some(at) => builder.restore_to_time(date_time(at)),
            None => builder.use_latest_restorable_time(true),
        };
        told!(builder, told, tags)
    }

    pub(super) async fn create_cluster_snapshot(
        &self,
        cluster: &DatabaseId,
        snapshot: &SnapshotId,
        tags: &BTreeMap<String, String>,
    ) -> Answer<()> {
        let request = self.client.create_db_cluster_snapshot().db_cluster_identifier(cluster.as_str());
        let request = request.db_cluster_snapshot_identifier(snapshot.as_str()).set_tags(Some(tag_list(tags)));
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:CreateDBClusterSnapshot", &error))
    }

    pub(super) async fn set_cluster_security_groups(&self, cluster: &DatabaseId, groups: &[String]) -> Answer<()> {
        let request = self.client.modify_db_cluster().db_cluster_identifier(cluster.as_str()).apply_immediately(true);
        let output = request.set_vpc_security_group_ids(Some(groups.to_vec())).send().await;
        output.map(|_| ()).map_err(|error| call_error(MODIFY_CLUSTER, &error))
    }

    /// What no restore call accepts of a cluster, and deletion protection. The rest of the late settings are an instance's.
    pub(super) async fn set_late_cluster_settings(&self, cluster: &DatabaseId, settings: &LateSettings) -> Answer<()> {
        if settings.http_endpoint {
            self.open_http_endpoint(cluster).await?;
        }
        if settings.maintenance_window.is_none() && !settings.deletion_protection {
            return Ok(());
        }
        let request = self.client.modify_db_cluster().db_cluster_identifier(cluster.as_str()).apply_immediately(true);
        let request = request
            .set_preferred_maintenance_window(settings.maintenance_window.clone())
            .set_deletion_protection(settings.deletion_protection.then_some(true));
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY_CLUSTER, &error))
    }

    /// `ModifyDBCluster` switches the Data API of Serverless v1 only; this call is for all others, and wants the ARN.
    async fn open_http_endpoint(&self, cluster: &DatabaseId) -> Answer<()> {
        let action = "rds:EnableHttpEndpoint";
        let Some(found) = self.cluster(cluster).await? else {
            return Err(invalid(action, "ResourceArn", format!("{cluster} does not exist; nothing was sent")));
        };
        if found.configuration.cluster().is_some_and(|cluster| cluster.http_endpoint) {
            return Ok(());
        }
        let output = self.client.enable_http_endpoint().resource_arn(found.arn.as_str()).send().await;
        output.map(|_| ()).map_err(|error| call_error(action, &error))
    }

    pub(super) async fn unprotect_cluster(&self, cluster: &DatabaseId) -> Answer<()> {
        let request = self.client.modify_db_cluster().db_cluster_identifier(cluster.as_str()).apply_immediately(true);
        request.deletion_protection(false).send().await.map(|_| ()).map_err(|error| call_error(MODIFY_CLUSTER, &error))
    }

    /// Its members first: RDS deletes an Aurora cluster only when all of them are being deleted, and the members of a Multi-AZ DB
    /// cluster with it. `DeleteAutomatedBackups` is true by default, and would take point-in-time recovery along.
    pub(super) async fn delete_cluster(&self, cluster: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        let Some(found) = self.cluster(cluster).await? else { return Ok(()) };
        let is_aurora = found.configuration.class.is_empty();
        for member in found.members.iter().filter(|member| is_aurora && member.status.meaning() != StatusMeaning::Deleting) {
            let request = self.client.delete_db_instance().db_instance_identifier(member.id.as_str()).skip_final_snapshot(true);
            request.send().await.map_err(|error| call_error("rds:DeleteDBInstance", &error))?;
        }
        let request = self.client.delete_db_cluster().db_cluster_identifier(cluster.as_str());
        let request = request.skip_final_snapshot(final_snapshot.is_none()).delete_automated_backups(false);
        let output = request.set_final_db_snapshot_identifier(final_snapshot.map(ToString::to_string)).send().await;
        output.map(|_| ()).map_err(|error| call_error("rds:DeleteDBCluster", &error))
    }

    pub(super) async fn set_cluster_password(&self, cluster: &DatabaseId, password: &Secret) -> Answer<()> {
        let request = self.client.modify_db_cluster().db_cluster_identifier(cluster.as_str()).apply_immediately(true);
        request.master_user_password(password.reveal()).send().await.map(|_| ()).map_err(|error| {
            let mut error = call_error(MODIFY_CLUSTER, &error);
            error.message = error.message.replace(password.reveal(), "***");
            error
        })
    }
}

impl CloneClusters for Rds {
    /// As AWS's guide to cloning has it: the source by its name, the type, and the latest restorable time, which is the only one that the
    /// type takes.
    async fn clone_cluster(&self, source: &DatabaseId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()> {
        let action = "rds:RestoreDBClusterToPointInTime";
        let (told, tags) = (&settings.configuration, protecting_tags(action, settings)?);
        let builder = self.client.restore_db_cluster_to_point_in_time().source_db_cluster_identifier(source.as_str());
        let builder = builder.db_cluster_identifier(target.as_str()).restore_type("copy-on-write").use_latest_restorable_time(true);
        told!(builder, told, tags).send().await.map(|_| ()).map_err(|error| call_error(action, &error))
    }
}

impl MakeMembers for Rds {
    async fn make_member(
        &self,
        member: &DatabaseId,
        cluster: &DatabaseId,
        engine: &str,
        told: &MemberConfiguration,
        tags: &BTreeMap<String, String>,
    ) -> Answer<()> {
        let action = "rds:CreateDBInstance";
        let tags = tag_list(tags);
        if tags.is_empty() {
            return Err(invalid(action, "Tags", "no tags were given, so nobody could tell whose member it is; nothing was sent"));
        }
        let request = self
            .client
            .create_db_instance()
            .db_instance_identifier(member.as_str())
            .db_cluster_identifier(cluster.as_str())
            .engine(engine)
            .db_instance_class(&told.class)
            .promotion_tier(told.promotion_tier)
            .set_db_parameter_group_name(told.parameter_group.clone())
            .publicly_accessible(told.publicly_accessible)
            .auto_minor_version_upgrade(told.auto_minor_version_upgrade)
            .set_ca_certificate_identifier(told.ca_certificate.clone())
            .set_monitoring_interval((told.monitoring_interval > 0).then_some(told.monitoring_interval))
            .set_monitoring_role_arn(told.monitoring_role.clone())
            .set_enable_performance_insights(told.performance_insights.then_some(true))
            .set_performance_insights_kms_key_id(told.performance_insights_key.clone())
            .set_performance_insights_retention_period(told.performance_insights_retention_days)
            .set_tags(Some(tags));
        request.send().await.map(|_| ()).map_err(|error| call_error(action, &error))
    }
}

impl FailClustersOver for Rds {
    async fn fail_cluster_over(&self, cluster: &DatabaseId, to: Option<&DatabaseId>) -> Answer<()> {
        let request = self.at_most_once.failover_db_cluster().db_cluster_identifier(cluster.as_str());
        let request = request.set_target_db_instance_identifier(to.map(|member| member.as_str().to_owned()));
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:FailoverDBCluster", &error))
    }
}

impl TakeOver for Rds {
    /// A replica cluster knows its source and needs no other word.
    async fn take_over(&self, cluster: &DatabaseId, _follows: &str, _region: &str) -> Answer<()> {
        let request = self.at_most_once.promote_read_replica_db_cluster().db_cluster_identifier(cluster.as_str());
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:PromoteReadReplicaDBCluster", &error))
    }
}

fn scaling(told: &Scaling) -> ServerlessV2ScalingConfiguration {
    ServerlessV2ScalingConfiguration::builder()
        .min_capacity(f64::from(told.least_half_acus) / 2.0)
        .max_capacity(f64::from(told.most_half_acus) / 2.0)
        .set_seconds_until_auto_pause(told.pauses_after_seconds)
        .build()
}
