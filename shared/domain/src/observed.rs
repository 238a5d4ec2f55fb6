//! What a Describe call showed of a database, in our types.

mod cache;
mod cluster;
mod table;

pub use cache::{
    CacheConfiguration, LogDelivery, cache_id, cache_node_of, cache_of_resource_id, cache_resource_id, cache_status_of, cache_version,
    groups_of_nodes, is_cache_resource_id,
};
pub use cluster::{ClusterConfiguration, Member, MemberConfiguration, Scaling, is_of_rds, status_of};
pub use table::{Autoscaling, FENCED, KeyAttribute, TABLE_PORT, TableConfiguration, UNFENCED, status_of_table, table_door, table_endpoint};

use crate::ids::{Arn, DatabaseId, Identity, SnapshotId};
use crate::status::DatabaseStatus;
use crate::words::{ResourceKind, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tags that Lifeboat reads and writes.
pub mod tags {
    /// Chooses the policy; its presence makes a database a protected resource.
    pub const POLICY: &str = "lifeboat:policy";
    /// The identity; without it the identifier is the identity.
    pub const RESOURCE: &str = "lifeboat:resource";
    /// The Secrets Manager secret that clients read.
    pub const SECRET: &str = "lifeboat:secret";
    /// The incident that retired this one; a retired database is never judged again.
    pub const RETIRED: &str = "lifeboat:retired";
    /// The incident that made this one.
    pub const INCIDENT: &str = "lifeboat:incident";
    /// A copy that was restored to be asked: the plan of its bisection, by hash.
    pub const SEARCH: &str = "lifeboat:search";
    /// On a read replica: the identity of the resource whose recovery may promote it. Without it a replica is never touched.
    pub const PROMOTABLE: &str = "lifeboat:promotable";
    /// The backup run that made this snapshot.
    pub const BACKUP: &str = "lifeboat:backup";
}

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The DNS name (or address).
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Whether both lead to the same place; host names do not care about case.
    pub fn is_same(&self, other: &Self) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
    }
}

/// A security group of an instance and its status (`active`, `adding`, `removing`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// The group's id.
    pub id: String,
    /// AWS's word for its status.
    pub status: String,
}

/// A record set of a hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Its type, such as `CNAME`.
    pub kind: String,
    /// Its values without the last dot; of an alias, what it is an alias of.
    pub values: Vec<String>,
    /// Its TTL in seconds; an alias has none.
    pub ttl: Option<u32>,
    /// Whether it is an alias.
    pub is_alias: bool,
    /// Whether a routing policy chooses between several of its name.
    pub is_routed: bool,
}

/// An SSM parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its value; of a SecureString, encrypted.
    pub value: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
}

/// An RDS Proxy with one of its target groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyGroup {
    /// Where the proxy's clients connect.
    pub endpoint: Endpoint,
    /// What stands behind it.
    pub targets: Vec<ProxyTarget>,
}

/// What stands behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyTarget {
    /// `RdsResourceId`: the identifier of an instance.
    pub instance: String,
    /// Whether the proxy gets through to it: `TargetHealth.State` is `AVAILABLE`.
    pub is_available: bool,
    /// Why not, in AWS's words.
    pub health: String,
}

/// One entry of a replica's `StatusInfos` of the type `read replication`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// AWS's word: `replicating`, `replication stop point set`, `replication stop point reached`, `error`, `stopped`, `terminated`.
    pub status: String,
    /// `Normal`.
    pub normal: bool,
    /// `Message`, where it is in an error.
    pub message: Option<String>,
}

/// Everything that a restore must be told, or it comes back with defaults (fact sheet 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// `DBInstanceClass`.
    pub class: String,
    /// `Engine`.
    pub engine: String,
    /// `EngineVersion`.
    pub engine_version: String,
    /// `DBSubnetGroupName`.
    pub subnet_group: Option<String>,
    /// `VpcId` of the subnet group.
    pub vpc: Option<String>,
    /// `VpcSecurityGroupIds`, sorted.
    pub security_groups: Vec<String>,
    /// `DBParameterGroupName`.
    pub parameter_group: Option<String>,
    /// `OptionGroupName`.
    pub option_group: Option<String>,
    /// `MultiAZ`.
    pub multi_az: bool,
    /// `PubliclyAccessible`.
    pub publicly_accessible: bool,
    /// The port that it listens on.
    pub port: Option<u16>,
    /// `AutoMinorVersionUpgrade`.
    pub auto_minor_version_upgrade: bool,
    /// `CopyTagsToSnapshot`.
    pub copy_tags_to_snapshot: bool,
    /// `IAMDatabaseAuthenticationEnabled`.
    pub iam_authentication: bool,
    /// `EnabledCloudwatchLogsExports`, sorted.
    pub log_exports: Vec<String>,
    /// `DeletionProtection`.
    pub deletion_protection: bool,
    /// `AllocatedStorage` in GiB.
    pub allocated_storage: Option<i32>,
    /// `MaxAllocatedStorage` in GiB.
    pub max_allocated_storage: Option<i32>,
    /// `StorageType`.
    pub storage_type: Option<String>,
    /// `Iops`.
    pub iops: Option<i32>,
    /// `StorageThroughput` in MiB/s.
    pub storage_throughput: Option<i32>,
    /// `StorageEncrypted`.
    pub storage_encrypted: bool,
    /// `KmsKeyId`.
    pub kms_key: Option<String>,
    /// `CACertificateIdentifier`.
    pub ca_certificate: Option<String>,
    /// `NetworkType`.
    pub network_type: Option<String>,
    /// `BackupRetentionPeriod` in days.
    pub backup_retention_days: i32,
    /// `PreferredBackupWindow`.
    pub backup_window: Option<String>,
    /// `PreferredMaintenanceWindow`.
    pub maintenance_window: Option<String>,
    /// `LicenseModel`.
    pub license_model: Option<String>,
    /// `DedicatedLogVolume`.
    pub dedicated_log_volume: bool,
    /// `EngineLifecycleSupport`.
    pub engine_lifecycle_support: Option<String>,
    /// `MonitoringInterval` in seconds; 0 is off.
    pub monitoring_interval: i32,
    /// `MonitoringRoleArn`.
    pub monitoring_role: Option<String>,
    /// `PerformanceInsightsEnabled`.
    pub performance_insights: bool,
    /// `PerformanceInsightsKMSKeyId`.
    pub performance_insights_key: Option<String>,
    /// `PerformanceInsightsRetentionPeriod` in days.
    pub performance_insights_retention_days: Option<i32>,
    /// `MasterUsername`.
    pub master_user: String,
    /// `DBName`.
    pub database: Option<String>,
    /// What a copy comes without, as neither a restore nor Lifeboat sets it: named, never compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// What only a database of its kind has; a DB instance has nothing more.
    #[serde(flatten)]
    pub own: Option<Own>,
}

/// What only one kind of database has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Own {
    /// A DB cluster.
    Cluster(Box<ClusterConfiguration>),
    /// A DynamoDB table.
    Table(Box<TableConfiguration>),
    /// An ElastiCache replication group.
    Cache(Box<CacheConfiguration>),
}

/// Below so many GiB a gp3 volume has a fixed performance, which must not be named even though Describe shows it.
const GP3_TUNABLE_FROM: i32 = 400;
/// The same for Oracle.
const GP3_TUNABLE_FROM_ORACLE: i32 = 200;

impl Configuration {
    /// What only a DB cluster has.
    pub fn cluster(&self) -> Option<&ClusterConfiguration> {
        match &self.own {
            Some(Own::Cluster(cluster)) => Some(cluster),
            _ => None,
        }
    }

    /// What only a DB cluster has, to be changed.
    pub fn cluster_mut(&mut self) -> Option<&mut ClusterConfiguration> {
        match &mut self.own {
            Some(Own::Cluster(cluster)) => Some(cluster),
            _ => None,
        }
    }

    /// What only a DynamoDB table has.
    pub fn table(&self) -> Option<&TableConfiguration> {
        match &self.own {
            Some(Own::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// What only an ElastiCache replication group has.
    pub fn cache(&self) -> Option<&CacheConfiguration> {
        match &self.own {
            Some(Own::Cache(cache)) => Some(cache),
            _ => None,
        }
    }

    /// IOPS where they may be named: always for `io1` and `io2`, for `gp3` only where they can be tuned.
    pub fn provisioned_iops(&self) -> Option<i32> {
        match self.storage_type.as_deref() {
            Some("io1" | "io2") => self.iops,
            Some("gp3") if self.is_tunable_gp3() => self.iops,
            _ => None,
        }
    }

    /// Throughput, which only `gp3` has.
    pub fn provisioned_throughput(&self) -> Option<i32> {
        (self.storage_type.as_deref() == Some("gp3") && self.is_tunable_gp3()).then_some(self.storage_throughput).flatten()
    }

    fn is_tunable_gp3(&self) -> bool {
        let from = match self.engine.as_str() {
            engine if engine.starts_with("sqlserver") => 0,
            engine if engine.starts_with("oracle") => GP3_TUNABLE_FROM_ORACLE,
            _ => GP3_TUNABLE_FROM,
        };
        self.allocated_storage.is_some_and(|size| size >= from)
    }
}

/// One DB instance or DB cluster as Describe showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedDatabase {
    /// `DBInstanceIdentifier`.
    pub id: DatabaseId,
    /// `DBInstanceArn`.
    pub arn: Arn,
    /// `DbiResourceId`: stays when the name changes.
    pub resource_id: String,
    /// `DBInstanceStatus`.
    pub status: DatabaseStatus,
    /// `Endpoint`; absent while creating.
    pub endpoint: Option<Endpoint>,
    /// `AvailabilityZone`.
    pub zone: Option<String>,
    /// `SecondaryAvailabilityZone`.
    pub secondary_zone: Option<String>,
    /// `LatestRestorableTime`.
    pub latest_restorable: Option<Timestamp>,
    /// `InstanceCreateTime`.
    pub created_at: Option<Timestamp>,
    /// Status of each security group.
    pub groups: Vec<SecurityGroup>,
    /// `ParameterApplyStatus`: `in-sync`, `applying`, `pending-reboot`.
    pub parameter_status: Option<String>,
    /// Names of the settings in `PendingModifiedValues`.
    pub pending: Vec<String>,
    /// `GlobalClusterIdentifier`: the Aurora global database that a cluster belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<String>,
    /// `ReadReplicaSourceDBInstanceIdentifier`; of a cluster `ReplicationSourceIdentifier`; of a secondary group its global datastore.
    pub replica_of: Option<String>,
    /// `StatusInfos` of a read replica.
    #[serde(default)]
    pub replication: Option<Replication>,
    /// `ReadReplicaDBInstanceIdentifiers`: names, and ARNs of replicas in other Regions.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// `DBClusterIdentifier`: a member of a cluster is not judged alone.
    pub cluster: Option<String>,
    /// `DBClusterMembers` of a cluster, each with what Describe showed of the instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// What a restore must be told.
    pub configuration: Configuration,
    /// `TagList`.
    pub tags: BTreeMap<String, String>,
}

impl ObservedDatabase {
    /// The member that writes; none of an instance, or of a cluster that has lost it.
    pub fn writer(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is_writer)
    }

    /// Whether AWS has where to move it to by itself: a standby, or another member that serves.
    pub fn has_standby(&self) -> bool {
        match self.id.kind() {
            ResourceKind::DbCluster => self.has_reader(),
            ResourceKind::ReplicationGroup => self.configuration.cache().is_some_and(|cache| cache.automatic_failover) && self.has_reader(),
            _ => self.configuration.multi_az,
        }
    }

    /// The policy's name, if this database is protected and not retired.
    pub fn policy(&self) -> Option<&str> {
        if self.tags.contains_key(tags::RETIRED) { None } else { self.tags.get(tags::POLICY).map(String::as_str) }
    }

    /// Its identity: the tag, else the identifier in lower case (when that is short enough).
    pub fn identity(&self) -> Option<Identity> {
        let name = self.tags.get(tags::RESOURCE).cloned().unwrap_or_else(|| self.id.as_str().to_ascii_lowercase());
        Identity::parse(name).ok()
    }

    /// The secret that clients read.
    pub fn secret(&self) -> Option<&str> {
        self.tags.get(tags::SECRET).map(String::as_str)
    }

    /// Whether RDS is still applying its parameter group.
    pub fn is_applying_parameters(&self) -> bool {
        self.parameter_status.as_deref() == Some("applying")
    }

    /// The status of a parameter group that is not in force: the engine runs with other settings until it is restarted.
    pub fn parameters_out_of_force(&self) -> Option<&str> {
        self.parameter_status.as_deref().filter(|status| *status != "in-sync")
    }

    /// Whether `group` and nothing else is active.
    pub fn has_exactly_group(&self, group: &str) -> bool {
        self.has_exactly_groups(std::slice::from_ref(&group))
    }

    /// Whether it is set to `group` and nothing else, in force or not yet.
    pub fn is_moving_to(&self, group: &str) -> bool {
        let mut set = self.groups.iter().filter(|shown| shown.status != "removing").peekable();
        set.peek().is_some() && set.all(|shown| shown.id == group)
    }

    /// Whether `groups`, in any order, and nothing else are active.
    pub fn has_exactly_groups(&self, groups: &[impl AsRef<str>]) -> bool {
        self.groups.len() == groups.len()
            && !groups.is_empty()
            && groups.iter().all(|group| self.groups.iter().any(|shown| shown.id == group.as_ref() && shown.status == "active"))
    }
}

/// One DB snapshot as Describe showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedSnapshot {
    /// `DBSnapshotIdentifier`.
    pub id: SnapshotId,
    /// `DBSnapshotArn`.
    pub arn: Arn,
    /// `DBInstanceIdentifier`.
    pub instance: DatabaseId,
    /// `DbiResourceId` of the source.
    pub resource_id: Option<String>,
    /// `Status`.
    pub status: SnapshotStatus,
    /// `PercentProgress`.
    pub percent: Option<i32>,
    /// `OriginalSnapshotCreateTime`, which a copy keeps, or `SnapshotCreateTime`.
    pub created_at: Option<Timestamp>,
    /// `SnapshotDatabaseTime`: its newest transaction.
    pub data_time: Option<Timestamp>,
    /// `SnapshotType`: `manual`, `automated`, ...
    pub kind: String,
    /// `NumNodeGroups` of a cache: what is restored from it has as many shards.
    #[serde(default)]
    pub shards: Option<i32>,
    /// `TagList`.
    pub tags: BTreeMap<String, String>,
}

/// A snapshot's status, by what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotStatus {
    /// Can be restored.
    Available,
    /// On its way (`creating`, `copying`), or a word that we do not know.
    Pending(String),
    /// Will never be restorable (`failed`, `deleting`, `deleted`, `incompatible-restore`, ...).
    Failed(String),
}

impl SnapshotStatus {
    /// Takes AWS's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "available" | "AVAILABLE" => Self::Available,
            "failed" | "deleting" | "deleted" | "DELETED" | "incompatible-restore" | "incompatible-parameters" => {
                Self::Failed(word.to_owned())
            }
            other => Self::Pending(other.to_owned()),
        }
    }
}

/// `RestoreWindow` of an instance's automated backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreWindow {
    /// The earliest restorable time.
    pub earliest: Timestamp,
    /// The latest restorable time.
    pub latest: Timestamp,
}
