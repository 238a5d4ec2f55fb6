//! The ports of the control plane.

use super::caches::is_cache;
use super::mapping::list;
use super::tables::is_table;
use super::{Cloud, mapping};
use crate::model::{
    AddTagsToResource, CreateDbSnapshot, DbInstance, DeleteDbInstance, DescribeDbInstanceAutomatedBackups, DescribeDbInstances,
    DescribeDbSnapshots, Filter, InstanceConfig, ModifyDbInstance, PromoteReadReplica, RebootDbInstance, RemoveTagsFromResource,
    RestoreDbInstanceFromDbSnapshot, RestoreDbInstanceToPointInTime, Secret as ModelSecret,
};
use chrono::{DateTime, SubsecRound, Utc};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{ObservedDatabase, ObservedSnapshot, RestoreWindow, is_cache_resource_id, is_of_rds};
use lifeboat_domain::plan::{AdoptedSettings, LateSettings, RestoreSettings};
use lifeboat_domain::ports::{
    Answer, DeleteDatabases, Listing, ModifyDatabases, PromoteDatabases, ReadDatabases, RebootDatabases, RestoreDatabases, Secret,
    TagDatabases, TakeSnapshots,
};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, CallError};
use std::collections::BTreeMap;

/// The kinds that RDS lists.
const OF_RDS: [ResourceKind; 2] = [ResourceKind::RdsInstance, ResourceKind::DbCluster];

/// How the resource id of a cluster begins.
const OF_CLUSTER: &str = "cluster-";

fn is_cluster(id: &DatabaseId) -> bool {
    id.kind() == ResourceKind::DbCluster
}

const MODIFY: &str = "rds:ModifyDBInstance";
const DELETE: &str = "rds:DeleteDBInstance";

/// A cluster and an instance may share a name: what is for instances must not meet the other.
fn only_an_instance(action: &str, id: &DatabaseId) -> Answer<()> {
    if id.kind() == ResourceKind::RdsInstance {
        return Ok(());
    }
    let text = format!("{id} is of the kind {}, and the call is for a {}; nothing was sent", id.kind(), ResourceKind::RdsInstance);
    Err(CallError::new(CallClass::Invalid, action, "DBInstanceIdentifier", text))
}

impl Cloud {
    fn instances(&self) -> Answer<Vec<DbInstance>> {
        let (mut request, mut found) = (DescribeDbInstances::default(), Vec::new());
        loop {
            let page = self.rds("rds:DescribeDBInstances", &request)?;
            found.extend(page.db_instances.into_iter().filter(|shown| is_of_rds(&shown.engine)));
            request.page.marker = page.marker;
            if request.page.marker.is_none() {
                return Ok(found);
            }
        }
    }

    fn snapshots(&self, mut request: DescribeDbSnapshots) -> Answer<Vec<ObservedSnapshot>> {
        let mut found = Vec::new();
        loop {
            let page = self.rds("rds:DescribeDBSnapshots", &request)?;
            found.extend(page.db_snapshots);
            request.page.marker = page.marker;
            if request.page.marker.is_none() {
                return found.iter().map(mapping::snapshot).collect();
            }
        }
    }
}

impl ReadDatabases for Cloud {
    async fn database(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        if is_cluster(id) {
            return self.cluster(id);
        }
        if is_table(id) {
            return self.table(id);
        }
        if is_cache(id) {
            return self.one_cache(id);
        }
        match self.rds("rds:DescribeDBInstances", &DescribeDbInstances::of(id.as_str())) {
            Ok(page) => page.db_instances.iter().find(|shown| is_of_rds(&shown.engine)).map(mapping::instance).transpose(),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        if is_cache_resource_id(resource_id) {
            return self.cache_by_resource_id(resource_id);
        }
        if resource_id.starts_with(OF_CLUSTER) {
            return self.cluster_by_resource_id(resource_id);
        }
        let filter = Filter { name: "dbi-resource-id".to_owned(), values: vec![resource_id.to_owned()] };
        let page = self.rds("rds:DescribeDBInstances", &DescribeDbInstances { filters: vec![filter], ..DescribeDbInstances::default() })?;
        page.db_instances.iter().find(|shown| is_of_rds(&shown.engine)).map(mapping::instance).transpose()
    }

    async fn databases(&self, kinds: &[ResourceKind]) -> Listing<ObservedDatabase> {
        let mut listing = Listing::default();
        let wanted = |kind: &ResourceKind| kinds.contains(kind);
        if OF_RDS.iter().any(wanted) {
            let instances = self.instances();
            for kind in OF_RDS.into_iter().filter(wanted) {
                listing.take(
                    kind,
                    instances.clone().and_then(|instances| match kind {
                        ResourceKind::DbCluster => self.clusters(&instances),
                        _ => instances.iter().map(mapping::instance).collect(),
                    }),
                );
            }
        }
        if wanted(&ResourceKind::DynamodbTable) {
            listing.take(ResourceKind::DynamodbTable, self.protected_tables());
        }
        if wanted(&ResourceKind::ReplicationGroup) {
            listing.take(ResourceKind::ReplicationGroup, self.all_caches());
        }
        listing
    }

    async fn kept(&self) -> Answer<Vec<ObservedDatabase>> {
        self.kept_tables()
    }

    async fn restore_window(&self, known_as: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        if is_table(known_as) {
            return self.table_window(known_as, resource_id);
        }
        if is_cache_resource_id(resource_id) {
            return Ok(None); // There is no point-in-time recovery.
        }
        if resource_id.starts_with(OF_CLUSTER) {
            return self.cluster_restore_window(resource_id);
        }
        let request = DescribeDbInstanceAutomatedBackups {
            dbi_resource_id: Some(resource_id.to_owned()),
            ..DescribeDbInstanceAutomatedBackups::default()
        };
        let page = match self.rds("rds:DescribeDBInstanceAutomatedBackups", &request) {
            Ok(page) => page,
            Err(error) if error.class == CallClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let window = page.db_instance_automated_backups.first().and_then(|backup| backup.restore_window.clone());
        Ok(window.and_then(|window| Some(RestoreWindow { earliest: window.earliest_time?, latest: window.latest_time? })))
    }

    async fn manual_snapshots(&self, kinds: &[ResourceKind]) -> Listing<ObservedSnapshot> {
        let mut listing = Listing::default();
        for kind in ResourceKind::ALL.iter().copied().filter(|kind| kinds.contains(kind)) {
            let manual = DescribeDbSnapshots { snapshot_type: Some("manual".to_owned()), ..DescribeDbSnapshots::default() };
            listing.take(
                kind,
                match kind {
                    ResourceKind::RdsInstance => self.snapshots(manual),
                    ResourceKind::DbCluster => self.cluster_snapshots(None, Some("manual")),
                    ResourceKind::DynamodbTable => self.table_backups(None),
                    ResourceKind::ReplicationGroup => self.cache_snapshots(None, true),
                },
            );
        }
        listing
    }

    async fn snapshots_of(&self, instance: &DatabaseId) -> Answer<Vec<ObservedSnapshot>> {
        if is_cluster(instance) {
            return self.cluster_snapshots(Some(instance), None);
        }
        if is_table(instance) {
            return self.table_backups(Some(instance));
        }
        if is_cache(instance) {
            return self.cache_snapshots(Some(instance), false);
        }
        self.snapshots(DescribeDbSnapshots { db_instance_identifier: Some(instance.to_string()), ..DescribeDbSnapshots::default() })
    }
}

impl TakeSnapshots for Cloud {
    async fn create_snapshot(&self, instance: &DatabaseId, snapshot: &SnapshotId, tags: &BTreeMap<String, String>) -> Answer<()> {
        if is_cluster(instance) {
            return self.create_cluster_snapshot(instance, snapshot, tags);
        }
        if is_table(instance) {
            return self.create_table_backup(instance, snapshot);
        }
        if is_cache(instance) {
            return self.create_cache_snapshot(instance, snapshot, tags);
        }
        let request = CreateDbSnapshot { tags: Some(list(tags)), ..CreateDbSnapshot::of(instance.as_str(), snapshot.as_str()) };
        self.rds("rds:CreateDBSnapshot", &request).map(|_| ())
    }
}

/// Everything that both restore calls accept.
fn told(settings: &RestoreSettings) -> InstanceConfig {
    let it = &settings.configuration;
    InstanceConfig {
        db_instance_class: Some(it.class.clone()),
        db_subnet_group_name: it.subnet_group.clone(),
        vpc_security_group_ids: Some(it.security_groups.clone()),
        db_parameter_group_name: it.parameter_group.clone(),
        option_group_name: it.option_group.clone().filter(|group| !group.starts_with("default:")),
        multi_az: Some(it.multi_az),
        publicly_accessible: Some(it.publicly_accessible),
        port: it.port.map(i32::from),
        network_type: it.network_type.clone(),
        storage_type: it.storage_type.clone(),
        dedicated_log_volume: it.dedicated_log_volume.then_some(true),
        enable_iam_database_authentication: it.iam_authentication.then_some(true),
        enable_cloudwatch_logs_exports: (!it.log_exports.is_empty()).then(|| it.log_exports.clone()),
        ca_certificate_identifier: it.ca_certificate.clone(),
        license_model: it.license_model.clone(),
        engine_lifecycle_support: it.engine_lifecycle_support.clone(),
        backup_retention_period: Some(it.backup_retention_days),
        preferred_backup_window: it.backup_window.clone(),
        auto_minor_version_upgrade: Some(it.auto_minor_version_upgrade),
        copy_tags_to_snapshot: Some(it.copy_tags_to_snapshot),
        tags: Some(list(&settings.tags)),
        ..InstanceConfig::default()
    }
}

impl RestoreDatabases for Cloud {
    async fn restore_from_snapshot(&self, snapshot: &SnapshotId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()> {
        if is_cluster(target) {
            return self.restore_cluster_from_snapshot(snapshot, target, settings);
        }
        if is_table(target) {
            return self.restore_table_from_backup(snapshot, target);
        }
        let request = RestoreDbInstanceFromDbSnapshot {
            db_instance_identifier: target.to_string(),
            db_snapshot_identifier: snapshot.to_string(),
            config: told(settings),
        };
        self.rds("rds:RestoreDBInstanceFromDBSnapshot", &request).map(|_| ())
    }

    async fn restore_to_point_in_time(
        &self,
        source: &str,
        at: Option<DateTime<Utc>>,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        if is_cluster(target) {
            return self.restore_cluster_to_point_in_time(source, at, target, settings);
        }
        if is_table(target) {
            return self.restore_table_to_point_in_time(source, at, target);
        }
        let request = RestoreDbInstanceToPointInTime {
            target_db_instance_identifier: target.to_string(),
            source_dbi_resource_id: Some(source.to_owned()),
            restore_time: at.map(|at| at.trunc_subsecs(0)),
            use_latest_restorable_time: at.is_none().then_some(true),
            config: InstanceConfig { max_allocated_storage: settings.configuration.max_allocated_storage, ..told(settings) },
            ..RestoreDbInstanceToPointInTime::default()
        };
        self.rds("rds:RestoreDBInstanceToPointInTime", &request).map(|_| ())
    }
}

impl RebootDatabases for Cloud {
    async fn reboot(&self, instance: &DatabaseId, force_failover: bool) -> Answer<()> {
        only_an_instance("rds:RebootDBInstance", instance)?;
        let request = RebootDbInstance { db_instance_identifier: instance.to_string(), force_failover: Some(force_failover) };
        self.rds("rds:RebootDBInstance", &request).map(|_| ())
    }
}

impl PromoteDatabases for Cloud {
    async fn promote_replica(&self, replica: &DatabaseId, backup_days: i32, backup_window: Option<&str>) -> Answer<()> {
        only_an_instance("rds:PromoteReadReplica", replica)?;
        let request = PromoteReadReplica {
            db_instance_identifier: replica.to_string(),
            backup_retention_period: Some(backup_days),
            preferred_backup_window: backup_window.map(str::to_owned),
        };
        self.rds("rds:PromoteReadReplica", &request).map(|_| ())
    }
}

impl ModifyDatabases for Cloud {
    async fn grow_storage(&self, instance: &DatabaseId, gib: i32, iops: Option<i32>, throughput: Option<i32>) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = ModifyDbInstance {
            allocated_storage: Some(gib),
            iops,
            storage_throughput: throughput,
            ..ModifyDbInstance::now(instance.as_str())
        };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn set_late_settings(&self, instance: &DatabaseId, settings: &LateSettings) -> Answer<()> {
        if is_cluster(instance) {
            return self.set_late_cluster_settings(instance, settings);
        }
        let (key, days) = settings.performance_insights.clone().unwrap_or_default();
        let request = ModifyDbInstance {
            monitoring_interval: settings.monitoring.as_ref().map(|(interval, _)| *interval),
            monitoring_role_arn: settings.monitoring.as_ref().map(|(_, role)| role.clone()),
            enable_performance_insights: settings.performance_insights.is_some().then_some(true),
            performance_insights_kms_key_id: key,
            performance_insights_retention_period: days,
            preferred_maintenance_window: settings.maintenance_window.clone(),
            max_allocated_storage: settings.max_allocated_storage,
            deletion_protection: settings.deletion_protection.then_some(true),
            ..ModifyDbInstance::now(instance.as_str())
        };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn set_security_groups(&self, instance: &DatabaseId, groups: &[String]) -> Answer<()> {
        if is_cluster(instance) {
            return self.modify_cluster(instance, |request| request.vpc_security_group_ids = Some(groups.to_vec()));
        }
        if is_table(instance) {
            return self.set_table_door(instance, groups);
        }
        if is_cache(instance) {
            return self.modify_cache(instance, |request| request.security_group_ids = Some(groups.to_vec()));
        }
        let request = ModifyDbInstance { vpc_security_group_ids: Some(groups.to_vec()), ..ModifyDbInstance::now(instance.as_str()) };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn adopt_settings(&self, instance: &DatabaseId, settings: &AdoptedSettings) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = ModifyDbInstance {
            db_parameter_group_name: settings.parameter_group.clone(),
            publicly_accessible: settings.publicly_accessible,
            auto_minor_version_upgrade: settings.auto_minor_version_upgrade,
            copy_tags_to_snapshot: settings.copy_tags_to_snapshot,
            enable_iam_database_authentication: settings.iam_authentication,
            enable_log_types: (!settings.log_exports.is_empty()).then(|| settings.log_exports.clone()),
            ..ModifyDbInstance::now(instance.as_str())
        };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn make_multi_az(&self, instance: &DatabaseId) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = ModifyDbInstance { multi_az: Some(true), ..ModifyDbInstance::now(instance.as_str()) };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn rename(&self, instance: &DatabaseId, to: &DatabaseId) -> Answer<()> {
        only_an_instance(MODIFY, instance)?;
        let request = ModifyDbInstance { new_db_instance_identifier: Some(to.to_string()), ..ModifyDbInstance::now(instance.as_str()) };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn set_master_password(&self, instance: &DatabaseId, password: &Secret) -> Answer<()> {
        let password = ModelSecret::new(password.reveal());
        if is_cluster(instance) {
            return self.modify_cluster(instance, |request| request.master_user_password = Some(password));
        }
        let request = ModifyDbInstance { master_user_password: Some(password), ..ModifyDbInstance::now(instance.as_str()) };
        self.rds(MODIFY, &request).map(|_| ())
    }
}

impl TagDatabases for Cloud {
    async fn add_tags(&self, arn: &Arn, tags: &BTreeMap<String, String>) -> Answer<()> {
        if let Some(table) = DatabaseId::of_arn(arn).filter(is_table) {
            return self.tag_table(&table, tags, &[]);
        }
        self.rds("rds:AddTagsToResource", &AddTagsToResource { resource_name: arn.to_string(), tags: list(tags) }).map(|_| ())
    }

    async fn remove_tags(&self, arn: &Arn, keys: &[String]) -> Answer<()> {
        if let Some(table) = DatabaseId::of_arn(arn).filter(is_table) {
            return self.tag_table(&table, &BTreeMap::new(), keys);
        }
        self.rds("rds:RemoveTagsFromResource", &RemoveTagsFromResource { resource_name: arn.to_string(), tag_keys: keys.to_vec() })
            .map(|_| ())
    }
}

impl DeleteDatabases for Cloud {
    async fn delete_failed_restore(&self, instance: &DatabaseId) -> Answer<()> {
        if is_cluster(instance) {
            return self.delete_cluster(instance, None);
        }
        if is_cache(instance) {
            return self.delete_cache(instance, None);
        }
        only_an_instance(DELETE, instance)?;
        let request = DeleteDbInstance {
            db_instance_identifier: instance.to_string(),
            skip_final_snapshot: Some(true),
            delete_automated_backups: Some(false),
            ..DeleteDbInstance::default()
        };
        self.rds(DELETE, &request).map(|_| ())
    }

    async fn lift_deletion_protection(&self, instance: &DatabaseId) -> Answer<()> {
        if is_cluster(instance) {
            return self.modify_cluster(instance, |request| request.deletion_protection = Some(false));
        }
        if is_cache(instance) {
            return Ok(()); // A cache has none.
        }
        only_an_instance(MODIFY, instance)?;
        let request = ModifyDbInstance { deletion_protection: Some(false), ..ModifyDbInstance::now(instance.as_str()) };
        self.rds(MODIFY, &request).map(|_| ())
    }

    async fn delete_released(&self, instance: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        if is_cluster(instance) {
            return self.delete_cluster(instance, final_snapshot);
        }
        if is_cache(instance) {
            return self.delete_cache(instance, final_snapshot);
        }
        only_an_instance(DELETE, instance)?;
        let request = DeleteDbInstance {
            db_instance_identifier: instance.to_string(),
            skip_final_snapshot: Some(final_snapshot.is_none()),
            final_db_snapshot_identifier: final_snapshot.map(ToString::to_string),
            delete_automated_backups: Some(false),
        };
        self.rds(DELETE, &request).map(|_| ())
    }
}
