//! The control plane of RDS.

mod cluster_calls;
mod clusters;
mod observe;
mod pending;
mod proxies;
mod restore;

use crate::classify::{call_error, invalid};
use crate::time::{date_time, timestamp};
use aws_config::SdkConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DbCluster, DbInstance, DbSnapshot, Filter, SourceType, Tag};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{ObservedDatabase, ObservedSnapshot, RestoreWindow, is_of_rds, tags};
use lifeboat_domain::plan::{AdoptedSettings, LateSettings, RestoreSettings};
use lifeboat_domain::ports::{
    Answer, DeleteDatabases, Listing, ModifyDatabases, PromoteDatabases, ReadDatabaseEvents, ReadDatabases, RebootDatabases,
    RestoreDatabases, Secret, TagDatabases, TakeSnapshots,
};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, Timestamp};
use std::collections::BTreeMap;

const DESCRIBE_INSTANCES: &str = "rds:DescribeDBInstances";
const DESCRIBE_SNAPSHOTS: &str = "rds:DescribeDBSnapshots";
const DESCRIBE_BACKUPS: &str = "rds:DescribeDBInstanceAutomatedBackups";
const DESCRIBE_EVENTS: &str = "rds:DescribeEvents";
const MODIFY: &str = "rds:ModifyDBInstance";
const DELETE: &str = "rds:DeleteDBInstance";

/// Announcements that are read of one instance, at most: two pages.
const MOST_EVENTS: usize = 200;

/// The kinds that this adapter knows.
const OURS: [ResourceKind; 2] = [ResourceKind::RdsInstance, ResourceKind::DbCluster];

/// How the resource id of a cluster begins.
const OF_CLUSTER: &str = "cluster-";

/// RDS of one Region.
#[derive(Debug, Clone)]
pub struct Rds {
    client: Client,
    /// Sends each request once: a second failover flips back, and a promotion cannot be taken back.
    at_most_once: Client,
}

impl Rds {
    /// RDS as configured; `at_most_once` is the same configuration without retries.
    pub fn new(config: &SdkConfig, at_most_once: &SdkConfig) -> Self {
        Self { client: Client::new(config), at_most_once: Client::new(at_most_once) }
    }
}

impl ReadDatabases for Rds {
    async fn database(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        if id.kind() == ResourceKind::DbCluster {
            return self.cluster(id).await;
        }
        let output = self.client.describe_db_instances().db_instance_identifier(id.as_str()).send().await;
        match output.map_err(|error| call_error(DESCRIBE_INSTANCES, &error)) {
            Ok(output) => output.db_instances().iter().find(|it| it.engine().is_none_or(is_of_rds)).map(observe::instance).transpose(),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        if resource_id.starts_with(OF_CLUSTER) {
            return self.cluster_by_resource_id(resource_id).await;
        }
        let filter = Filter::builder().name("dbi-resource-id").values(resource_id).build();
        let output = self.client.describe_db_instances().filters(filter).send().await;
        match output.map_err(|error| call_error(DESCRIBE_INSTANCES, &error)) {
            Ok(output) => output.db_instances().iter().find(|it| it.engine().is_none_or(is_of_rds)).map(observe::instance).transpose(),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A cluster is known by its members, too: where no instance is listed, neither kind is.
    async fn databases(&self, kinds: &[ResourceKind]) -> Listing<ObservedDatabase> {
        let mut listing = Listing::default();
        if !kinds.iter().any(|kind| OURS.contains(kind)) {
            return listing;
        }
        let instances = match self.instances().await {
            Ok(instances) => instances,
            Err(error) => {
                OURS.iter().filter(|kind| kinds.contains(kind)).for_each(|kind| listing.take(*kind, Err(error.clone())));
                return listing;
            }
        };
        if kinds.contains(&ResourceKind::RdsInstance) {
            let readable = |it: &DbInstance| readable(observe::instance(it), it.tag_list(), it.db_instance_identifier());
            listing.take(ResourceKind::RdsInstance, instances.iter().filter_map(|it| readable(it).transpose()).collect());
        }
        if kinds.contains(&ResourceKind::DbCluster) {
            let readable = |it: &DbCluster| readable(clusters::observe(it, &instances), it.tag_list(), it.db_cluster_identifier());
            let clusters = self.clusters().await;
            let clusters = clusters.and_then(|clusters| clusters.iter().filter_map(|it| readable(it).transpose()).collect());
            listing.take(ResourceKind::DbCluster, clusters);
        }
        listing
    }

    async fn restore_window(&self, _known_as: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        if resource_id.starts_with(OF_CLUSTER) {
            return self.cluster_restore_window(resource_id).await;
        }
        let mut items = self.client.describe_db_instance_automated_backups().dbi_resource_id(resource_id).into_paginator().items().send();
        let mut newest: Option<RestoreWindow> = None;
        while let Some(item) = items.next().await {
            match item.map_err(|error| call_error(DESCRIBE_BACKUPS, &error)) {
                Ok(backup) => {
                    let window = observe::restore_window(backup.restore_window.as_ref());
                    newest = newest.into_iter().chain(window).max_by_key(|window| window.latest);
                }
                Err(error) if error.class == CallClass::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(newest)
    }

    async fn manual_snapshots(&self, kinds: &[ResourceKind]) -> Listing<ObservedSnapshot> {
        let mut listing = Listing::default();
        if kinds.contains(&ResourceKind::RdsInstance) {
            listing.take(ResourceKind::RdsInstance, self.snapshots(None, Some("manual")).await);
        }
        if kinds.contains(&ResourceKind::DbCluster) {
            listing.take(ResourceKind::DbCluster, self.cluster_snapshots(None, Some("manual")).await);
        }
        listing
    }

    async fn snapshots_of(&self, instance: &DatabaseId) -> Answer<Vec<ObservedSnapshot>> {
        match instance.kind() {
            ResourceKind::DbCluster => self.cluster_snapshots(Some(instance), None).await,
            _ => self.snapshots(Some(instance), None).await,
        }
    }
}

impl Rds {
    /// All instances of the Region, every page.
    async fn instances(&self) -> Answer<Vec<DbInstance>> {
        let mut items = self.client.describe_db_instances().into_paginator().items().send();
        let mut instances = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| call_error(DESCRIBE_INSTANCES, &error))?;
            if item.engine().is_none_or(is_of_rds) {
                instances.push(item);
            }
        }
        Ok(instances)
    }

    async fn snapshots(&self, instance: Option<&DatabaseId>, kind: Option<&str>) -> Answer<Vec<ObservedSnapshot>> {
        let request = self.client.describe_db_snapshots();
        let request =
            request.set_db_instance_identifier(instance.map(|id| id.as_str().to_owned())).set_snapshot_type(kind.map(str::to_owned));
        let mut items = request.into_paginator().items().send();
        let mut snapshots = Vec::new();
        while let Some(item) = items.next().await {
            match item.map_err(|error| call_error(DESCRIBE_SNAPSHOTS, &error)) {
                Ok(snapshot) => snapshots.extend(nameable(&snapshot)?),
                // Of an instance that is gone.
                Err(error) if error.class == CallClass::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        Ok(snapshots)
    }
}

impl ReadDatabaseEvents for Rds {
    /// Without those of nightly backups, which say nothing about what went wrong.
    async fn events_of(&self, instance: &DatabaseId, from: Timestamp, to: Timestamp) -> Answer<Vec<(Timestamp, String)>> {
        let source_type = if instance.kind() == ResourceKind::DbCluster { SourceType::DbCluster } else { SourceType::DbInstance };
        let request = self.client.describe_events().source_type(source_type).source_identifier(instance.as_str());
        let mut items = request.start_time(date_time(from)).end_time(date_time(to)).into_paginator().items().send();
        let mut events = Vec::new();
        for _ in 0..MOST_EVENTS {
            let Some(item) = items.next().await else { break };
            let event = item.map_err(|error| call_error(DESCRIBE_EVENTS, &error))?;
            let is_backup = event.event_categories() == ["backup"];
            events.extend(event.date().and_then(timestamp).zip(event.message.clone()).filter(|_| !is_backup));
        }
        Ok(events)
    }
}

impl TakeSnapshots for Rds {
    async fn create_snapshot(&self, instance: &DatabaseId, snapshot: &SnapshotId, tags: &BTreeMap<String, String>) -> Answer<()> {
        if instance.kind() == ResourceKind::DbCluster {
            return self.create_cluster_snapshot(instance, snapshot, tags).await;
        }
        let request = self.client.create_db_snapshot().db_instance_identifier(instance.as_str()).db_snapshot_identifier(snapshot.as_str());
        let output = request.set_tags(Some(tag_list(tags))).send().await;
        output.map(|_| ()).map_err(|error| call_error("rds:CreateDBSnapshot", &error))
    }
}

impl RestoreDatabases for Rds {
    async fn restore_from_snapshot(&self, snapshot: &SnapshotId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()> {
        if target.kind() == ResourceKind::DbCluster {
            return self.restore_cluster_from_snapshot(snapshot, target, settings).await;
        }
        let action = "rds:RestoreDBInstanceFromDBSnapshot";
        let input = restore::from_snapshot(snapshot, target, settings, protecting_tags(action, settings)?);
        input.send_with(&self.client).await.map(|_| ()).map_err(|error| call_error(action, &error))
    }

    async fn restore_to_point_in_time(
        &self,
        source: &str,
        at: Option<Timestamp>,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        if target.kind() == ResourceKind::DbCluster {
            return self.restore_cluster_to_point_in_time(source, at, target, settings).await;
        }
        let action = "rds:RestoreDBInstanceToPointInTime";
        let input = restore::to_point_in_time(source, at, target, settings, protecting_tags(action, settings)?);
        input.send_with(&self.client).await.map(|_| ()).map_err(|error| call_error(action, &error))
    }
}

impl RebootDatabases for Rds {
    async fn reboot(&self, instance: &DatabaseId, force_failover: bool) -> Answer<()> {
        only_an_instance("rds:RebootDBInstance", instance)?;
        let request = self.at_most_once.reboot_db_instance().db_instance_identifier(instance.as_str()).force_failover(force_failover);
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:RebootDBInstance", &error))
    }
}

impl PromoteDatabases for Rds {
    async fn promote_replica(&self, replica: &DatabaseId, backup_days: i32, backup_window: Option<&str>) -> Answer<()> {
        only_an_instance("rds:PromoteReadReplica", replica)?;
        let request = self.at_most_once.promote_read_replica().db_instance_identifier(replica.as_str());
        // AWS's default is one day.
        let request = request.backup_retention_period(backup_days).set_preferred_backup_window(backup_window.map(str::to_owned));
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:PromoteReadReplica", &error))
    }
}

impl ModifyDatabases for Rds {
    async fn grow_storage(&self, instance: &DatabaseId, gib: i32, iops: Option<i32>, throughput: Option<i32>) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = self.client.modify_db_instance().db_instance_identifier(instance.as_str()).apply_immediately(true);
        let request = request.allocated_storage(gib).set_iops(iops).set_storage_throughput(throughput);
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn set_late_settings(&self, instance: &DatabaseId, settings: &LateSettings) -> Answer<()> {
        if *settings == LateSettings::default() {
            return Ok(());
        }
        if instance.kind() == ResourceKind::DbCluster {
            return self.set_late_cluster_settings(instance, settings).await;
        }
        let mut request = self
            .client
            .modify_db_instance()
            .db_instance_identifier(instance.as_str())
            .apply_immediately(true)
            .set_preferred_maintenance_window(settings.maintenance_window.clone())
            .set_max_allocated_storage(settings.max_allocated_storage)
            .set_deletion_protection(settings.deletion_protection.then_some(true));
        if let Some((interval, role)) = &settings.monitoring {
            request = request.monitoring_interval(*interval).set_monitoring_role_arn(Some(role.clone()).filter(|role| !role.is_empty()));
        }
        if let Some((key, days)) = &settings.performance_insights {
            request = request.enable_performance_insights(true).set_performance_insights_kms_key_id(key.clone());
            request = request.set_performance_insights_retention_period(*days);
        }
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn set_security_groups(&self, instance: &DatabaseId, groups: &[String]) -> Answer<()> {
        if groups.is_empty() {
            return Err(invalid(MODIFY, "VpcSecurityGroupIds", format!("{instance}: no security group was named; nothing was sent")));
        }
        if instance.kind() == ResourceKind::DbCluster {
            return self.set_cluster_security_groups(instance, groups).await;
        }
        let request = self.client.modify_db_instance().db_instance_identifier(instance.as_str()).apply_immediately(true);
        let output = request.set_vpc_security_group_ids(Some(groups.to_vec())).send().await;
        output.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn adopt_settings(&self, instance: &DatabaseId, settings: &AdoptedSettings) -> Answer<()> {
        if *settings == AdoptedSettings::default() {
            return Ok(());
        }
        only_an_instance(MODIFY, instance)?;
        let logs = CloudwatchLogsExportConfiguration::builder().set_enable_log_types(Some(settings.log_exports.clone())).build();
        let request = self
            .client
            .modify_db_instance()
            .db_instance_identifier(instance.as_str())
            .apply_immediately(true)
            .set_db_parameter_group_name(settings.parameter_group.clone())
            .set_publicly_accessible(settings.publicly_accessible)
            .set_auto_minor_version_upgrade(settings.auto_minor_version_upgrade)
            .set_copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
            .set_enable_iam_database_authentication(settings.iam_authentication)
            .set_cloudwatch_logs_export_configuration((!settings.log_exports.is_empty()).then_some(logs));
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn make_multi_az(&self, instance: &DatabaseId) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = self.client.modify_db_instance().db_instance_identifier(instance.as_str()).apply_immediately(true).multi_az(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn rename(&self, instance: &DatabaseId, to: &DatabaseId) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = self.at_most_once.modify_db_instance().db_instance_identifier(instance.as_str()).apply_immediately(true);
        let output = request.new_db_instance_identifier(to.as_str()).send().await;
        output.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn set_master_password(&self, instance: &DatabaseId, password: &Secret) -> Answer<()> {
        if instance.kind() == ResourceKind::DbCluster {
            return self.set_cluster_password(instance, password).await;
        }
        let request = self.client.modify_db_instance().db_instance_identifier(instance.as_str()).apply_immediately(true);
        request.master_user_password(password.reveal()).send().await.map(|_| ()).map_err(|error| {
            let mut error = call_error(MODIFY, &error);
            error.message = error.message.replace(password.reveal(), "***");
            error
        })
    }
}

impl TagDatabases for Rds {
    async fn add_tags(&self, arn: &Arn, tags: &BTreeMap<String, String>) -> Answer<()> {
        let tags = tag_list(tags);
        if tags.is_empty() {
            return Ok(());
        }
        let request = self.client.add_tags_to_resource().resource_name(arn.as_str()).set_tags(Some(tags));
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:AddTagsToResource", &error))
    }

    async fn remove_tags(&self, arn: &Arn, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let request = self.client.remove_tags_from_resource().resource_name(arn.as_str()).set_tag_keys(Some(keys.to_vec()));
        request.send().await.map(|_| ()).map_err(|error| call_error("rds:RemoveTagsFromResource", &error))
    }
}

impl DeleteDatabases for Rds {
    async fn delete_failed_restore(&self, instance: &DatabaseId) -> Answer<()> {
        if instance.kind() == ResourceKind::DbCluster {
            return self.delete_cluster(instance, None).await;
        }
        only_an_instance(DELETE, instance)?;
        // `DeleteAutomatedBackups` is true by default, and would take point-in-time recovery along.
        let request = self.client.delete_db_instance().db_instance_identifier(instance.as_str());
        let request = request.skip_final_snapshot(true).delete_automated_backups(false);
        request.send().await.map(|_| ()).map_err(|error| call_error(DELETE, &error))
    }

    async fn lift_deletion_protection(&self, instance: &DatabaseId) -> Answer<()> {
        if instance.kind() == ResourceKind::DbCluster {
            return self.unprotect_cluster(instance).await;
        }
        only_an_instance(MODIFY, instance)?;
        let request = self.client.modify_db_instance().db_instance_identifier(instance.as_str());
        let request = request.deletion_protection(false).apply_immediately(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn delete_released(&self, instance: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        if instance.kind() == ResourceKind::DbCluster {
            return self.delete_cluster(instance, final_snapshot).await;
        }
        only_an_instance(DELETE, instance)?;
        let request = self.client.delete_db_instance().db_instance_identifier(instance.as_str());
        let request = request.skip_final_snapshot(final_snapshot.is_none()).delete_automated_backups(false);
        let request = request.set_final_db_snapshot_identifier(final_snapshot.map(ToString::to_string));
        request.send().await.map(|_| ()).map_err(|error| call_error(DELETE, &error))
    }
}

/// One database of a listing. One that cannot be read hides no other, unless it is protected: then not to see it would look like a deletion.
fn readable(observed: Answer<ObservedDatabase>, marks: &[Tag], name: Option<&str>) -> Answer<Option<ObservedDatabase>> {
    match observed {
        Ok(observed) => Ok(Some(observed)),
        Err(error) if marks.iter().any(|tag| tag.key() == Some(tags::POLICY)) => Err(error),
        Err(error) => {
            tracing::warn!(database = name.unwrap_or_default(), "left out of the listing: {error}");
            Ok(None)
        }
    }
}

/// One snapshot of a listing; those that AWS Backup names (`awsbackup:job-...`) are not ours to restore or prune.
fn nameable(snapshot: &DbSnapshot) -> Answer<Option<ObservedSnapshot>> {
    if snapshot.snapshot_type() == Some("awsbackup") { Ok(None) } else { observe::snapshot(snapshot).map(Some) }
}

/// A cluster and an instance may share a name: what is for instances must not meet the other.
fn only_an_instance(action: &str, id: &DatabaseId) -> Answer<()> {
    if id.kind() == ResourceKind::RdsInstance {
        return Ok(());
    }
    let text = format!("{id} is of the kind {}, and the call is for a {}; nothing was sent", id.kind(), ResourceKind::RdsInstance);
    Err(invalid(action, "DBInstanceIdentifier", text))
}

/// The tags of a restored instance. Passing none would inherit the source's, and with them its protection: refused.
fn protecting_tags(action: &str, settings: &RestoreSettings) -> Answer<Vec<Tag>> {
    let tags = tag_list(&settings.tags);
    if tags.is_empty() {
        return Err(invalid(action, "Tags", "no tags were given, so the copy would inherit its source's protection; nothing was sent"));
    }
    Ok(tags)
}

/// Tags as AWS takes them: those of AWS's own namespaces cannot be set.
fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("rds:"))
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

#[cfg(test)]
mod tests;
