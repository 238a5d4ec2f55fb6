//! Every kind of database behind one type: each call goes to the service that knows its kind. A new kind is an adapter of its own and a
//! line in each of these.

use crate::caches::Caches;
use crate::rds::Rds;
use crate::tables::Tables;
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{MemberConfiguration, ObservedDatabase, ObservedSnapshot, ProxyGroup, RestoreWindow, is_cache_resource_id};
use lifeboat_domain::plan::{AdoptedSettings, LateSettings, RestoreSettings, TableSetting};
use lifeboat_domain::ports::{
    Answer, CloneClusters, DeleteDatabases, FailClustersOver, Listing, MakeCaches, MakeMembers, ModifyDatabases, PromoteDatabases,
    PromoteNodes, ReadDatabaseEvents, ReadDatabases, ReadProxies, RebootDatabases, RestoreDatabases, Secret, SetTables, TagDatabases,
    TakeOver, TakeSnapshots, WriteProxies,
};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, CallError, Timestamp};
use std::collections::BTreeMap;

/// The databases of one Region.
#[derive(Debug, Clone)]
pub struct Databases {
    pub(crate) rds: Rds,
    pub(crate) tables: Tables,
    pub(crate) caches: Caches,
    /// What watches them.
    #[cfg(feature = "alarms")]
    pub(crate) alarms: crate::alarms::Alarms,
}

const fn is_table(id: &DatabaseId) -> bool {
    matches!(id.kind(), ResourceKind::DynamodbTable)
}

/// What has no meaning for a table is refused before anything is sent.
fn not_of_a_table(action: &str, id: &DatabaseId) -> Answer<()> {
    if !is_table(id) {
        return Ok(());
    }
    Err(CallError::new(CallClass::Invalid, action, "TableName", format!("{id} is a table, which has no such thing; nothing was sent")))
}

/// A final backup of a table must be seen to stand before it is deleted, which no single call does.
fn released_by_hand(id: &DatabaseId) -> CallError {
    let text = format!(
        "{id} is a table, which a person deletes: aws dynamodb create-backup --table-name {id} --backup-name final-{id}, and once that backup is AVAILABLE aws dynamodb delete-table --table-name {id}"
    );
    CallError::new(CallClass::Invalid, "dynamodb:DeleteTable", "TableName", text)
}

const fn is_cache(id: &DatabaseId) -> bool {
    matches!(id.kind(), ResourceKind::ReplicationGroup)
}

/// What has no meaning for a cache is refused before anything is sent: above all a restart, which would wipe it.
fn not_of_a_cache(action: &str, id: &DatabaseId) -> Answer<()> {
    if !is_cache(id) {
        return Ok(());
    }
    let text = format!("{id} is a replication group, which has no such thing; nothing was sent");
    Err(CallError::new(CallClass::Invalid, action, "ReplicationGroupId", text))
}

impl ReadDatabases for Databases {
    async fn database(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        match id.kind() {
            ResourceKind::DynamodbTable => self.tables.table(id).await,
            ResourceKind::ReplicationGroup => self.caches.database(id).await,
            ResourceKind::RdsInstance | ResourceKind::DbCluster => self.rds.database(id).await,
        }
    }

    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        if is_cache_resource_id(resource_id) {
            return self.caches.instance_by_resource_id(resource_id).await;
        }
        self.rds.instance_by_resource_id(resource_id).await
    }

    /// All services at once: one that is dark must not use up the time in which the others answer.
    async fn databases(&self, kinds: &[ResourceKind]) -> Listing<ObservedDatabase> {
        let tables = async {
            let mut listing = Listing::default();
            if kinds.contains(&ResourceKind::DynamodbTable) {
                listing.take(ResourceKind::DynamodbTable, self.tables.protected().await);
            }
            listing
        };
        let (rds, tables, caches) = tokio::join!(self.rds.databases(kinds), tables, self.caches.databases(kinds));
        rds.and(tables).and(caches)
    }

    async fn kept(&self) -> Answer<Vec<ObservedDatabase>> {
        self.tables.kept().await
    }

    async fn restore_window(&self, known_as: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        if is_table(known_as) {
            return self.tables.window(known_as, resource_id).await;
        }
        if is_cache_resource_id(resource_id) {
            return self.caches.restore_window(known_as, resource_id).await;
        }
        self.rds.restore_window(known_as, resource_id).await
    }

    async fn manual_snapshots(&self, kinds: &[ResourceKind]) -> Listing<ObservedSnapshot> {
        let tables = async {
            let mut listing = Listing::default();
            if kinds.contains(&ResourceKind::DynamodbTable) {
                listing.take(ResourceKind::DynamodbTable, self.tables.backups(None).await);
            }
            listing
        };
        let (rds, tables, caches) = tokio::join!(self.rds.manual_snapshots(kinds), tables, self.caches.manual_snapshots(kinds));
        rds.and(tables).and(caches)
    }

    async fn snapshots_of(&self, instance: &DatabaseId) -> Answer<Vec<ObservedSnapshot>> {
        match instance.kind() {
            ResourceKind::DynamodbTable => self.tables.backups(Some(instance)).await,
            ResourceKind::ReplicationGroup => self.caches.snapshots_of(instance).await,
            ResourceKind::RdsInstance | ResourceKind::DbCluster => self.rds.snapshots_of(instance).await,
        }
    }
}

impl ReadDatabaseEvents for Databases {
    /// DynamoDB announces nothing. What ElastiCache told is in its topic's notices, which `detect` keeps.
    async fn events_of(&self, instance: &DatabaseId, from: Timestamp, to: Timestamp) -> Answer<Vec<(Timestamp, String)>> {
        if is_cache(instance) || is_table(instance) { Ok(Vec::new()) } else { self.rds.events_of(instance, from, to).await }
    }
}

#[cfg(feature = "alarms")]
impl lifeboat_domain::ports::ReadAlarms for Databases {
    async fn alarms(&self) -> Answer<Vec<lifeboat_domain::alarms::Alarm>> {
        self.alarms.alarms().await
    }

    async fn alarm(&self, name: &str) -> Answer<Option<lifeboat_domain::alarms::Alarm>> {
        self.alarms.alarm(name).await
    }
}

#[cfg(feature = "alarms")]
impl lifeboat_domain::ports::WriteAlarms for Databases {
    async fn put_alarm(&self, alarm: &lifeboat_domain::alarms::MetricAlarm) -> Answer<()> {
        self.alarms.put_alarm(alarm).await
    }
}

impl TakeSnapshots for Databases {
    async fn create_snapshot(&self, instance: &DatabaseId, snapshot: &SnapshotId, tags: &BTreeMap<String, String>) -> Answer<()> {
        if is_table(instance) {
            return self.tables.create_backup(instance, snapshot).await;
        }
        if is_cache(instance) {
            return self.caches.create_snapshot(instance, snapshot, tags).await;
        }
        self.rds.create_snapshot(instance, snapshot, tags).await
    }
}

impl RestoreDatabases for Databases {
    async fn restore_from_snapshot(&self, snapshot: &SnapshotId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()> {
        if is_table(target) {
            return self.tables.restore_from_backup(snapshot, target, settings).await;
        }
        not_of_a_cache("rds:RestoreDBInstanceFromDBSnapshot", target)?;
        self.rds.restore_from_snapshot(snapshot, target, settings).await
    }

    async fn restore_to_point_in_time(
        &self,
        source: &str,
        at: Option<Timestamp>,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()> {
        if is_table(target) {
            return self.tables.restore_to_point_in_time(source, at, target, settings).await;
        }
        not_of_a_cache("rds:RestoreDBInstanceToPointInTime", target)?;
        self.rds.restore_to_point_in_time(source, at, target, settings).await
    }
}

impl RebootDatabases for Databases {
    async fn reboot(&self, instance: &DatabaseId, force_failover: bool) -> Answer<()> {
        not_of_a_table("rds:RebootDBInstance", instance)?;
        not_of_a_cache("rds:RebootDBInstance", instance)?;
        self.rds.reboot(instance, force_failover).await
    }
}

impl PromoteDatabases for Databases {
    async fn promote_replica(&self, replica: &DatabaseId, backup_days: i32, backup_window: Option<&str>) -> Answer<()> {
        not_of_a_table("rds:PromoteReadReplica", replica)?;
        not_of_a_cache("rds:PromoteReadReplica", replica)?;
        self.rds.promote_replica(replica, backup_days, backup_window).await
    }
}

/// What one kind alone has never meets another kind of the same name.
fn only_a(kind: ResourceKind, action: &str, id: &DatabaseId) -> Answer<()> {
    if id.kind() == kind {
        return Ok(());
    }
    let text = format!("{id} is of the kind {}, and the call is for a {kind}; nothing was sent", id.kind());
    Err(CallError::new(CallClass::Invalid, action, "Identifier", text))
}

/// The call that changes a cache.
const MODIFY_CACHE: &str = "elasticache:ModifyReplicationGroup";

/// The call that most of what RDS can change goes by.
const MODIFY: &str = "rds:ModifyDBInstance";

impl ModifyDatabases for Databases {
    async fn grow_storage(&self, instance: &DatabaseId, gib: i32, iops: Option<i32>, throughput: Option<i32>) -> Answer<()> {
        not_of_a_table(MODIFY, instance)?;
        not_of_a_cache(MODIFY, instance)?;
        self.rds.grow_storage(instance, gib, iops, throughput).await
    }

    async fn set_late_settings(&self, instance: &DatabaseId, settings: &LateSettings) -> Answer<()> {
        not_of_a_table(MODIFY, instance)?;
        not_of_a_cache(MODIFY, instance)?;
        self.rds.set_late_settings(instance, settings).await
    }

    async fn set_security_groups(&self, instance: &DatabaseId, groups: &[String]) -> Answer<()> {
        if is_table(instance) {
            return self.tables.set_door(instance, groups).await;
        }
        if is_cache(instance) {
            return self.caches.set_security_groups(instance, groups).await;
        }
        self.rds.set_security_groups(instance, groups).await
    }

    async fn adopt_settings(&self, instance: &DatabaseId, settings: &AdoptedSettings) -> Answer<()> {
        not_of_a_table(MODIFY, instance)?;
        not_of_a_cache(MODIFY, instance)?;
        self.rds.adopt_settings(instance, settings).await
    }

    async fn make_multi_az(&self, instance: &DatabaseId) -> Answer<()> {
        not_of_a_table(MODIFY, instance)?;
        not_of_a_cache(MODIFY, instance)?;
        self.rds.make_multi_az(instance).await
    }

    async fn rename(&self, instance: &DatabaseId, to: &DatabaseId) -> Answer<()> {
        not_of_a_table(MODIFY, instance)?;
        not_of_a_cache(MODIFY, instance)?;
        self.rds.rename(instance, to).await
    }

    async fn set_master_password(&self, instance: &DatabaseId, password: &Secret) -> Answer<()> {
        not_of_a_table(MODIFY, instance)?;
        not_of_a_cache(MODIFY, instance)?;
        self.rds.set_master_password(instance, password).await
    }
}

impl TagDatabases for Databases {
    async fn add_tags(&self, arn: &Arn, tags: &BTreeMap<String, String>) -> Answer<()> {
        if DatabaseId::of_arn(arn).is_some_and(|id| is_table(&id)) {
            return self.tables.add_tags(arn, tags).await;
        }
        if arn.is_of_elasticache() { self.caches.add_tags(arn, tags).await } else { self.rds.add_tags(arn, tags).await }
    }

    async fn remove_tags(&self, arn: &Arn, keys: &[String]) -> Answer<()> {
        if DatabaseId::of_arn(arn).is_some_and(|id| is_table(&id)) {
            return self.tables.remove_tags(arn, keys).await;
        }
        if arn.is_of_elasticache() { self.caches.remove_tags(arn, keys).await } else { self.rds.remove_tags(arn, keys).await }
    }
}

impl DeleteDatabases for Databases {
    async fn delete_failed_restore(&self, instance: &DatabaseId) -> Answer<()> {
        if is_table(instance) {
            return Err(released_by_hand(instance));
        }
        if is_cache(instance) {
            return self.caches.delete_failed_restore(instance).await;
        }
        self.rds.delete_failed_restore(instance).await
    }

    async fn lift_deletion_protection(&self, instance: &DatabaseId) -> Answer<()> {
        if is_table(instance) {
            return Err(released_by_hand(instance));
        }
        if is_cache(instance) {
            return Ok(()); // A cache has none.
        }
        self.rds.lift_deletion_protection(instance).await
    }

    async fn delete_released(&self, instance: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        if is_table(instance) {
            return Err(released_by_hand(instance));
        }
        if is_cache(instance) {
            return self.caches.delete_released(instance, final_snapshot).await;
        }
        self.rds.delete_released(instance, final_snapshot).await
    }
}

impl CloneClusters for Databases {
    async fn clone_cluster(&self, source: &DatabaseId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()> {
        only_a(ResourceKind::DbCluster, "rds:RestoreDBClusterToPointInTime", source)?;
        self.rds.clone_cluster(source, target, settings).await
    }
}

impl MakeMembers for Databases {
    async fn make_member(
        &self,
        member: &DatabaseId,
        cluster: &DatabaseId,
        engine: &str,
        told: &MemberConfiguration,
        tags: &BTreeMap<String, String>,
    ) -> Answer<()> {
        only_a(ResourceKind::DbCluster, "rds:CreateDBInstance", cluster)?;
        self.rds.make_member(member, cluster, engine, told, tags).await
    }
}

impl FailClustersOver for Databases {
    async fn fail_cluster_over(&self, cluster: &DatabaseId, to: Option<&DatabaseId>) -> Answer<()> {
        only_a(ResourceKind::DbCluster, "rds:FailoverDBCluster", cluster)?;
        self.rds.fail_cluster_over(cluster, to).await
    }
}

impl TakeOver for Databases {
    async fn take_over(&self, member: &DatabaseId, follows: &str, region: &str) -> Answer<()> {
        match member.kind() {
            ResourceKind::ReplicationGroup => self.caches.take_over(member, follows, region).await,
            _ => self.rds.take_over(member, follows, region).await,
        }
    }
}

impl SetTables for Databases {
    async fn set_table(&self, table: &DatabaseId, setting: &TableSetting) -> Answer<()> {
        only_a(ResourceKind::DynamodbTable, setting.action(), table)?;
        self.tables.set_table(table, setting).await
    }
}

impl MakeCaches for Databases {
    async fn make_cache(
        &self,
        cache: &DatabaseId,
        from: Option<&SnapshotId>,
        settings: &RestoreSettings,
        token: Option<&Secret>,
    ) -> Answer<()> {
        only_a(ResourceKind::ReplicationGroup, "elasticache:CreateReplicationGroup", cache)?;
        self.caches.make_cache(cache, from, settings, token).await
    }
}

impl PromoteNodes for Databases {
    async fn promote_node(&self, cache: &DatabaseId, node: &DatabaseId) -> Answer<()> {
        only_a(ResourceKind::ReplicationGroup, MODIFY_CACHE, cache)?;
        self.caches.promote_node(cache, node).await
    }

    async fn set_failover(&self, cache: &DatabaseId, automatic: bool, multi_az: bool) -> Answer<()> {
        only_a(ResourceKind::ReplicationGroup, MODIFY_CACHE, cache)?;
        self.caches.set_failover(cache, automatic, multi_az).await
    }
}

impl ReadProxies for Databases {
    async fn read_proxy(&self, proxy: &str, group: &str) -> Answer<Option<ProxyGroup>> {
        self.rds.read_proxy(proxy, group).await
    }
}

impl WriteProxies for Databases {
    async fn register_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()> {
        not_of_a_cache("rds:RegisterDBProxyTargets", instance)?;
        self.rds.register_target(proxy, group, instance).await
    }

    async fn deregister_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()> {
        not_of_a_cache("rds:DeregisterDBProxyTargets", instance)?;
        self.rds.deregister_target(proxy, group, instance).await
    }
}
