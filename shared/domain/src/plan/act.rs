//! The mutating calls of a plan, each with its parameters.

use super::{AdoptedSettings, LateSettings, RestoreSettings, TableSetting, table};
use crate::alarms::MetricAlarm;
use crate::caches::CacheAt;
use crate::ids::{Arn, DatabaseId, Identity, SnapshotId};
use crate::observed::{Configuration, MemberConfiguration};
use crate::policy::ParameterHolds;
use crate::words::{ResourceKind, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One mutating call, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Act {
    /// `rds:RestoreDBInstanceFromDBSnapshot`; of a cache `elasticache:CreateReplicationGroup` with `SnapshotName`.
    RestoreFromSnapshot {
        /// What is restored.
        snapshot: SnapshotId,
        /// The new instance.
        target: DatabaseId,
        /// Everything that would otherwise fall back to a default.
        settings: Box<RestoreSettings>,
    },
    /// `rds:RestoreDBInstanceToPointInTime`.
    RestoreToPointInTime {
        /// `SourceDbiResourceId`: works for a deleted source with retained backups too.
        source: String,
        /// The moment; none is the latest restorable.
        at: Option<Timestamp>,
        /// The new instance.
        target: DatabaseId,
        /// Everything that would otherwise fall back to a default.
        settings: Box<RestoreSettings>,
    },
    /// `rds:RestoreDBClusterToPointInTime` with `RestoreType` `copy-on-write`: of the data as they are now, so that it names neither a
    /// time nor a recovery point.
    CloneCluster {
        /// The Aurora cluster.
        source: DatabaseId,
        /// Its `DbClusterResourceId`: another one under its name is not cloned.
        resource_id: String,
        /// The new cluster.
        target: DatabaseId,
        /// Everything that would otherwise fall back to a default.
        settings: Box<RestoreSettings>,
    },
    /// `elasticache:CreateReplicationGroup` without a snapshot: an empty cache as its source was configured.
    RebuildCold {
        /// The new replication group.
        target: DatabaseId,
        /// Everything that would otherwise fall back to a default.
        settings: Box<RestoreSettings>,
    },
    /// `elasticache:ModifyReplicationGroup` with `AutomaticFailoverEnabled` and `MultiAZEnabled`: a node is promoted by hand only
    /// while both are off.
    SetFailover {
        /// The replication group.
        instance: DatabaseId,
        /// `AutomaticFailoverEnabled`.
        automatic: bool,
        /// `MultiAZEnabled`.
        multi_az: bool,
    },
    /// `rds:RebootDBInstance` with `ForceFailover`; of a cluster `rds:FailoverDBCluster`; of a cache
    /// `elasticache:ModifyReplicationGroup` with `PrimaryClusterId`. Never `elasticache:TestFailover`, which is for drills only.
    ForceFailover {
        /// The Multi-AZ instance, or the cluster.
        instance: DatabaseId,
        /// `TargetDBInstanceIdentifier` or `PrimaryClusterId`: the member that shall write.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<DatabaseId>,
        /// The member of a cluster that wrote when the plan was made: if another one writes by then, nothing is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<DatabaseId>,
    },
    /// `rds:CreateDBInstance` into a restored cluster, which has no instances (Aurora).
    MakeMember {
        /// The new instance.
        member: DatabaseId,
        /// The restored cluster.
        cluster: DatabaseId,
        /// The cluster's engine.
        engine: String,
        /// What the source's member was told.
        settings: Box<MemberConfiguration>,
        /// All its tags.
        tags: BTreeMap<String, String>,
    },
    /// `rds:PromoteReadReplica`.
    PromoteReplica {
        /// The replica.
        instance: DatabaseId,
        /// Its `DbiResourceId`: another one under its name is not promoted.
        resource_id: String,
        /// `BackupRetentionPeriod`, in days; without backups there is no point-in-time recovery.
        backup_days: i32,
        /// `PreferredBackupWindow`.
        backup_window: Option<String>,
        /// What it will look like once all that the plan sets is set.
        expected: Box<Configuration>,
    },
    /// `rds:PromoteReadReplicaDBCluster` of a replica cluster; of a cache `elasticache:FailoverGlobalReplicationGroup`. Always in the
    /// Region of the member.
    TakeOver {
        /// The member that takes over.
        instance: DatabaseId,
        /// Its resource id: another one under its name does not take over.
        resource_id: String,
        /// What it follows: the source's ARN, or the global datastore.
        follows: String,
        /// Its Region, which becomes the `PrimaryRegion` of a global datastore.
        region: String,
    },
    /// `rds:ModifyDBInstance` for what a promoted replica has otherwise than its source.
    AdoptSettings {
        /// The promoted replica.
        instance: DatabaseId,
        /// What to set.
        settings: AdoptedSettings,
    },
    /// `rds:ModifyDBInstance` with `MultiAZ`.
    MakeMultiAz {
        /// The instance.
        instance: DatabaseId,
    },
    /// `rds:ModifyDBInstance` for what a restore does not accept.
    ReplaySettings {
        /// The new instance.
        instance: DatabaseId,
        /// What to set.
        settings: LateSettings,
    },
    /// One setting that a restored table comes without; named as its call is (`dynamodb:UpdateTimeToLive`, ...).
    SetTable {
        /// The restored table.
        table: DatabaseId,
        /// What is set.
        setting: TableSetting,
    },
    /// Grow the volume.
    GrowStorage {
        /// The instance.
        instance: DatabaseId,
        /// `AllocatedStorage`, in GiB.
        gib: i32,
        /// `Iops`, where they are provisioned: RDS wants them named again.
        iops: Option<i32>,
        /// `StorageThroughput`, in MiB/s, where it is provisioned.
        throughput: Option<i32>,
    },
    /// `rds:ModifyDBInstance` with the master password of today's secret; a restored engine holds its old one.
    ResetMasterPassword {
        /// The new instance.
        instance: DatabaseId,
        /// Whose password is set.
        secret: String,
    },
    /// `rds:ModifyDBInstance` with the security groups.
    SetSecurityGroups {
        /// The instance.
        instance: DatabaseId,
        /// Its only groups from then on.
        groups: Vec<String>,
    },
    /// `rds:RebootDBInstance` without failover: ends the sessions that a changed group leaves alive.
    EndSessions {
        /// The fenced instance.
        instance: DatabaseId,
    },
    /// `secretsmanager:PutSecretValue`: host and port of the new instance, all else as it was.
    PointSecret {
        /// The secret.
        secret: String,
        /// The instance that clients shall find.
        instance: DatabaseId,
    },
    /// `route53:ChangeResourceRecordSets`: a CNAME record leads to the new instance.
    PointRecord {
        /// The hosted zone.
        zone: String,
        /// The record.
        record: String,
        /// Its TTL in seconds, as it was found.
        ttl: u32,
        /// The instance that clients shall find.
        instance: DatabaseId,
    },
    /// `ssm:PutParameter`: the parameter leads to the new instance.
    PointParameter {
        /// The parameter.
        parameter: String,
        /// What its value is.
        holds: ParameterHolds,
        /// The instance that clients shall find.
        instance: DatabaseId,
        /// Of a parameter that holds a Region: the one that it gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
    },
    /// `rds:DeregisterDBProxyTargets`: a target group holds one instance only.
    RemoveProxyTarget {
        /// The proxy.
        proxy: String,
        /// Its target group.
        group: String,
        /// The instance that it led to.
        instance: DatabaseId,
    },
    /// `rds:RegisterDBProxyTargets`.
    AddProxyTarget {
        /// The proxy.
        proxy: String,
        /// Its target group.
        group: String,
        /// The instance that clients shall find.
        instance: DatabaseId,
    },
    /// `rds:ModifyDBInstance` with `NewDBInstanceIdentifier`: it is unavailable for about ten minutes, and keeps its `DbiResourceId`.
    RenameInstance {
        /// The name that it has.
        instance: DatabaseId,
        /// Its `DbiResourceId`; none for a copy that does not exist yet when the plan is made.
        resource_id: Option<String>,
        /// The name that it gets.
        to: DatabaseId,
    },
    /// `ecs:UpdateService` with a forced new deployment.
    RestartService {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
    },
    /// `lambda:UpdateFunctionConfiguration`: one environment variable is set, and every instance starts anew.
    TouchFunction {
        /// The function.
        function: String,
    },
    /// A signed POST.
    CallWebhook {
        /// Its name in the policy.
        name: String,
        /// Where to.
        url: String,
        /// The secret that holds the signing key.
        secret: String,
    },
    /// `cloudwatch:PutMetricAlarm`: a copy of an alarm watches the new database; never one that stands under another's name.
    CopyAlarm {
        /// The database that it watches.
        database: DatabaseId,
        /// The name of the alarm that it is a copy of.
        of: String,
        /// The copy.
        alarm: Box<MetricAlarm>,
    },
    /// `FLUSHALL ASYNC` on each primary of a cache that was filled from the database; sent by `validate`, not through an API of AWS.
    FlushCache {
        /// The cache's identity.
        cache: Identity,
        /// Where it is: another one under its identity is not flushed.
        at: Box<CacheAt>,
    },
    /// `rds:AddTagsToResource`.
    AddTags {
        /// The resource.
        arn: Arn,
        /// The tags.
        tags: BTreeMap<String, String>,
    },
    /// `rds:RemoveTagsFromResource`.
    RemoveTags {
        /// The resource.
        arn: Arn,
        /// The keys.
        keys: Vec<String>,
    },
    /// `rds:CreateDBSnapshot`.
    CreateSnapshot {
        /// The instance.
        instance: DatabaseId,
        /// The snapshot.
        snapshot: SnapshotId,
        /// Its tags.
        tags: BTreeMap<String, String>,
    },
}

/// The environment variable of a Lambda function that names the incident of its last cut-over.
pub const CUT_OVER_VARIABLE: &str = "LIFEBOAT_CUT_OVER";

/// What a call is called for an instance, and for a cluster.
const fn by_kind(id: &DatabaseId, instance: &'static str, cluster: &'static str) -> &'static str {
    match id.kind() {
        ResourceKind::DbCluster => cluster,
        ResourceKind::RdsInstance | ResourceKind::DynamodbTable | ResourceKind::ReplicationGroup => instance,
    }
}

/// What makes a replication group.
const CREATE_CACHE: &str = "elasticache:CreateReplicationGroup";
/// What changes one.
const MODIFY_CACHE: &str = "elasticache:ModifyReplicationGroup";

pub(super) const fn is_cache(id: &DatabaseId) -> bool {
    matches!(id.kind(), ResourceKind::ReplicationGroup)
}

impl Act {
    /// The IAM action.
    pub fn action(&self) -> &'static str {
        if let Some(action) = table::action(self) {
            return action;
        }
        match self {
            Self::SetTable { setting, .. } => setting.action(),
            Self::RestoreFromSnapshot { target, .. } if is_cache(target) => CREATE_CACHE,
            Self::RebuildCold { .. } => CREATE_CACHE,
            Self::SetFailover { .. } => MODIFY_CACHE,
            Self::ForceFailover { instance, .. }
            | Self::ReplaySettings { instance, .. }
            | Self::ResetMasterPassword { instance, .. }
            | Self::SetSecurityGroups { instance, .. }
                if is_cache(instance) =>
            {
                MODIFY_CACHE
            }
            Self::CreateSnapshot { instance, .. } if is_cache(instance) => "elasticache:CreateSnapshot",
            Self::RestoreFromSnapshot { target, .. } => {
                by_kind(target, "rds:RestoreDBInstanceFromDBSnapshot", "rds:RestoreDBClusterFromSnapshot")
            }
            Self::RestoreToPointInTime { target, .. } => {
                by_kind(target, "rds:RestoreDBInstanceToPointInTime", "rds:RestoreDBClusterToPointInTime")
            }
            Self::CloneCluster { .. } => "rds:RestoreDBClusterToPointInTime",
            Self::ForceFailover { instance, .. } => by_kind(instance, "rds:RebootDBInstance", "rds:FailoverDBCluster"),
            Self::MakeMember { .. } => "rds:CreateDBInstance",
            // Of a cluster: each of its members.
            Self::EndSessions { .. } => "rds:RebootDBInstance",
            Self::PromoteReplica { .. } => "rds:PromoteReadReplica",
            Self::TakeOver { instance, .. } if is_cache(instance) => "elasticache:FailoverGlobalReplicationGroup",
            Self::TakeOver { .. } => "rds:PromoteReadReplicaDBCluster",
            Self::ReplaySettings { instance, .. }
            | Self::ResetMasterPassword { instance, .. }
            | Self::SetSecurityGroups { instance, .. } => by_kind(instance, "rds:ModifyDBInstance", "rds:ModifyDBCluster"),
            Self::AdoptSettings { .. } | Self::MakeMultiAz { .. } | Self::RenameInstance { .. } | Self::GrowStorage { .. } => {
                "rds:ModifyDBInstance"
            }
            Self::PointSecret { .. } => "secretsmanager:PutSecretValue",
            Self::PointRecord { .. } => "route53:ChangeResourceRecordSets",
            Self::PointParameter { .. } => "ssm:PutParameter",
            Self::RemoveProxyTarget { .. } => "rds:DeregisterDBProxyTargets",
            Self::AddProxyTarget { .. } => "rds:RegisterDBProxyTargets",
            Self::RestartService { .. } => "ecs:UpdateService",
            Self::TouchFunction { .. } => "lambda:UpdateFunctionConfiguration",
            Self::CallWebhook { .. } => "https:POST",
            Self::CopyAlarm { .. } => "cloudwatch:PutMetricAlarm",
            Self::FlushCache { .. } => "cache:FLUSHALL",
            Self::AddTags { arn, .. } if arn.is_of_elasticache() => "elasticache:AddTagsToResource",
            Self::RemoveTags { arn, .. } if arn.is_of_elasticache() => "elasticache:RemoveTagsFromResource",
            Self::AddTags { .. } => "rds:AddTagsToResource",
            Self::RemoveTags { .. } => "rds:RemoveTagsFromResource",
            Self::CreateSnapshot { instance, .. } => by_kind(instance, "rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot"),
        }
    }

    /// Whether it changes the instance with this name, or is made of it as it is.
    pub fn is_on(&self, id: &DatabaseId, instance_arn: &Arn) -> bool {
        match self {
            Self::ForceFailover { instance, .. }
            | Self::SetFailover { instance, .. }
            | Self::EndSessions { instance }
            | Self::PromoteReplica { instance, .. }
            | Self::TakeOver { instance, .. }
            | Self::AdoptSettings { instance, .. }
            | Self::MakeMultiAz { instance }
            | Self::ReplaySettings { instance, .. }
            | Self::ResetMasterPassword { instance, .. }
            | Self::SetSecurityGroups { instance, .. }
            | Self::GrowStorage { instance, .. }
            | Self::CreateSnapshot { instance, .. } => instance == id,
            Self::SetTable { table, .. } => table == id,
            Self::CopyAlarm { database, .. } => database == id,
            Self::CloneCluster { source, .. } => source == id,
            Self::AddTags { arn, .. } | Self::RemoveTags { arn, .. } => arn == instance_arn,
            Self::RestoreFromSnapshot { .. }
            | Self::RestoreToPointInTime { .. }
            | Self::RebuildCold { .. }
            | Self::MakeMember { .. }
            | Self::PointSecret { .. }
            | Self::PointRecord { .. }
            | Self::PointParameter { .. }
            | Self::RemoveProxyTarget { .. }
            | Self::AddProxyTarget { .. }
            // Known by its resource id, whatever it is called: guarded by the one who sends it.
            | Self::RenameInstance { .. }
            | Self::RestartService { .. }
            | Self::TouchFunction { .. }
            | Self::CallWebhook { .. }
            | Self::FlushCache { .. } => false,
        }
    }

    /// Whether it is made after a verified cut-over, which its failure never undoes: a consumer is told to look again, an alarm to watch.
    pub const fn is_restart(&self) -> bool {
        matches!(self, Self::RestartService { .. } | Self::TouchFunction { .. } | Self::CallWebhook { .. } | Self::CopyAlarm { .. })
    }

    /// Whether it is made for others after a verified cut-over, which its failure never undoes: consumers look again, caches are emptied.
    pub const fn is_for_others(&self) -> bool {
        self.is_restart() || matches!(self, Self::FlushCache { .. })
    }
}
