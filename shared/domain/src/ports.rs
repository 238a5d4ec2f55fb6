//! Ports: what a function may do to the outside world. One port is one capability, with the IAM actions it needs.
//!
//! A function is generic over exactly the ports that it uses; adapters live in `shared/aws`, in-memory ones in `shared/testing`.
//! Every call answers in domain types or a [`CallError`]; no port waits, retries beyond the SDK's seconds, or judges.

#![allow(async_fn_in_trait, reason = "handlers run on one thread; no future crosses threads")]

mod alarms;
mod caches;
mod clusters;
mod exports;
mod listing;
mod tables;
mod visits;

pub use alarms::{ReadAlarms, WriteAlarms};
pub use caches::{MakeCaches, OtherSessions, PromoteNodes};
pub use clusters::{CloneClusters, FailClustersOver, MakeMembers, TakeOver};
pub use exports::ExportTables;
pub use listing::Listing;
pub use tables::SetTables;
pub use visits::{FlushCaches, OpenDatabases, Target, VisitLimits};

use crate::error::CallError;
use crate::ids::{Arn, DatabaseId, SnapshotId};
use crate::moments::trail::Trail;
use crate::observed::{DnsRecord, Endpoint, ObservedDatabase, ObservedSnapshot, Parameter, ProxyGroup, RestoreWindow};
use crate::plan::{AdoptedSettings, LateSettings, RestoreSettings};
use crate::words::{ResourceKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a port answers.
pub type Answer<T> = Result<T, CallError>;

/// The time; read once per invocation at the edge.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// `rds:DescribeDBInstances`, `rds:DescribeDBSnapshots`, `rds:DescribeDBInstanceAutomatedBackups`; of clusters
/// `rds:DescribeDBClusters`, `rds:DescribeDBClusterSnapshots`, `rds:DescribeDBClusterAutomatedBackups`; of caches
/// `elasticache:DescribeReplicationGroups`, `DescribeCacheClusters`, `DescribeCacheSubnetGroups`, `DescribeSnapshots`,
/// `ListTagsForResource`, and `tag:GetResources`.
pub trait ReadDatabases {
    /// One instance; none if it does not exist.
    async fn database(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>>;
    /// The instance with this `DbiResourceId`, or the cluster with this `DbClusterResourceId`, whatever it is called; none if it does
    /// not exist.
    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>>;
    /// All databases of these kinds in the Region, every page: of tables those that are protected.
    async fn databases(&self, kinds: &[ResourceKind]) -> Listing<ObservedDatabase>;
    /// What recoveries have kept and [`Self::databases`] does not list, as it lists only what is protected: tables, each with its size as
    /// `allocated_storage`, in GiB, as DynamoDB counted it some hours ago.
    async fn kept(&self) -> Answer<Vec<ObservedDatabase>> {
        Ok(Vec::new())
    }
    /// The restorable window of a database, dead or alive, by `DbiResourceId`; `known_as` says of what kind it is.
    async fn restore_window(&self, known_as: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>>;
    /// All manual snapshots of these kinds in the Region, every page: one Describe for a whole batch.
    async fn manual_snapshots(&self, kinds: &[ResourceKind]) -> Listing<ObservedSnapshot>;
    /// All snapshots of one instance, manual and automated.
    async fn snapshots_of(&self, instance: &DatabaseId) -> Answer<Vec<ObservedSnapshot>>;
}

/// `rds:DescribeEvents`: what RDS announced, for 14 days back.
pub trait ReadDatabaseEvents {
    /// What was announced of an instance between two moments, with its time.
    async fn events_of(&self, instance: &DatabaseId, from: Timestamp, to: Timestamp) -> Answer<Vec<(Timestamp, String)>>;
}

/// `cloudtrail:LookupEvents`: management events of 90 days, two requests a second for the whole account and Region.
pub trait ReadTrail {
    /// What was done to what has this name between two moments, newest first, as far as a few pages go.
    async fn actions_on(&self, name: &str, from: Timestamp, to: Timestamp) -> Answer<Trail>;
}

/// `rds:CreateDBSnapshot`, of a cluster `rds:CreateDBClusterSnapshot`, of a cache `elasticache:CreateSnapshot` (with `rds:AddTagsToResource`, as tags are passed).
pub trait TakeSnapshots {
    /// Starts a snapshot; `AlreadyExists` is for the caller to look at.
    async fn create_snapshot(&self, instance: &DatabaseId, snapshot: &SnapshotId, tags: &BTreeMap<String, String>) -> Answer<()>;
}

/// `rds:RestoreDBInstanceFromDBSnapshot`, `rds:RestoreDBInstanceToPointInTime`, of a cluster `rds:RestoreDBClusterFromSnapshot`,
/// `rds:RestoreDBClusterToPointInTime` (with `rds:AddTagsToResource`).
pub trait RestoreDatabases {
    /// Starts a restore from a snapshot.
    async fn restore_from_snapshot(&self, snapshot: &SnapshotId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()>;
    /// Starts a restore of the source with this `DbiResourceId`; no time is the latest restorable.
    async fn restore_to_point_in_time(
        &self,
        source: &str,
        at: Option<Timestamp>,
        target: &DatabaseId,
        settings: &RestoreSettings,
    ) -> Answer<()>;
}

/// `rds:RebootDBInstance`. Sent without SDK retries: a duplicate failover flips back.
pub trait RebootDatabases {
    /// Reboots an instance, which may be a member of a cluster; with `force_failover` to the standby.
    async fn reboot(&self, instance: &DatabaseId, force_failover: bool) -> Answer<()>;
}

/// `rds:PromoteReadReplica`. Sent without SDK retries: there is no way back.
pub trait PromoteDatabases {
    /// Makes a read replica a database of its own, with so many days of automated backups.
    async fn promote_replica(&self, replica: &DatabaseId, backup_days: i32, backup_window: Option<&str>) -> Answer<()>;
}

/// `rds:ModifyDBInstance`, of a cluster `rds:ModifyDBCluster`, of a cache `elasticache:ModifyReplicationGroup`, always with `ApplyImmediately`; and `rds:EnableHttpEndpoint`.
pub trait ModifyDatabases {
    /// Grows the volume, at once; IOPS and throughput that are provisioned are named again.
    async fn grow_storage(&self, instance: &DatabaseId, gib: i32, iops: Option<i32>, throughput: Option<i32>) -> Answer<()>;
    /// Sets, at once, what no restore call accepts.
    async fn set_late_settings(&self, instance: &DatabaseId, settings: &LateSettings) -> Answer<()>;
    /// Makes these the only security groups.
    async fn set_security_groups(&self, instance: &DatabaseId, groups: &[String]) -> Answer<()>;
    /// Sets, at once, what a promoted replica has otherwise than its source.
    async fn adopt_settings(&self, instance: &DatabaseId, settings: &AdoptedSettings) -> Answer<()>;
    /// Gives it a standby in another Availability Zone.
    async fn make_multi_az(&self, instance: &DatabaseId) -> Answer<()>;
    /// Gives it another identifier, at once. Sent without SDK retries: after a swap the old name is another instance's.
    async fn rename(&self, instance: &DatabaseId, to: &DatabaseId) -> Answer<()>;
    /// Sets the master password.
    async fn set_master_password(&self, instance: &DatabaseId, password: &Secret) -> Answer<()>;
}

/// `rds:AddTagsToResource`, `rds:RemoveTagsFromResource`.
pub trait TagDatabases {
    /// Adds or replaces tags.
    async fn add_tags(&self, arn: &Arn, tags: &BTreeMap<String, String>) -> Answer<()>;
    /// Removes tags; absent ones are no error.
    async fn remove_tags(&self, arn: &Arn, keys: &[String]) -> Answer<()>;
}

/// `rds:DeleteDBInstance`, of a cache `elasticache:DeleteReplicationGroup`, of a cluster its members' and then `rds:DeleteDBCluster`: only for restored copies that never became
/// usable, and for what a person releases.
pub trait DeleteDatabases {
    /// Deletes without a final snapshot (none can be taken of a failed one); automated backups stay.
    async fn delete_failed_restore(&self, instance: &DatabaseId) -> Answer<()>;
    /// Switches `DeletionProtection` off.
    async fn lift_deletion_protection(&self, instance: &DatabaseId) -> Answer<()>;
    /// Deletes what a person released, with a final snapshot where one is named; automated backups stay.
    async fn delete_released(&self, instance: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()>;
}

/// A document of the ledger with the version that a replacement must name.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned {
    /// Counts writes, from 1.
    pub version: u64,
    /// The document.
    pub document: Value,
}

/// Where a document lies: partition and sort key, without the Region, which the adapter adds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Groups what is listed together, such as `resource#orders-db`.
    pub partition: String,
    /// Orders within the partition.
    pub sort: String,
}

/// Whether a conditional write took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It did.
    Yes,
    /// Another document (or version) is there; nothing was written.
    No,
}

/// The ledger: one DynamoDB table. `dynamodb:GetItem`, `PutItem`, `Query`; reads are strongly consistent.
pub trait Ledger {
    /// One document.
    async fn read(&self, key: &Key) -> Answer<Option<Versioned>>;
    /// Writes a document that must not exist yet.
    async fn create(&self, key: &Key, document: &Value) -> Answer<Written>;
    /// Replaces the document that must still have this version.
    async fn replace(&self, key: &Key, version: u64, document: &Value) -> Answer<Written>;
    /// All documents of a partition whose sort key starts with `prefix`, in order, every page.
    async fn list(&self, partition: &str, prefix: &str) -> Answer<Vec<(Key, Versioned)>>;
}

/// The bucket for what is large: `s3:PutObject`, `s3:GetObject`; `s3:ListBucket`, or a missing key would be "forbidden".
pub trait Documents {
    /// Writes JSON under a key.
    async fn put_json(&self, key: &str, document: &Value) -> Answer<()>;
    /// Writes text of a content type.
    async fn put_text(&self, key: &str, content_type: &str, text: &str) -> Answer<()>;
    /// Reads JSON; none if there is none.
    async fn get_json(&self, key: &str) -> Answer<Option<Value>>;
    /// How a person finds it, for example `s3://bucket/key`.
    fn location(&self, key: &str) -> String;
}

/// A secret text: shown as `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// One version of a secret's JSON: `{engine, host, port, username, password, dbname, ...}`.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The version's id.
    pub version: String,
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Secret,
    /// `dbname`.
    pub database: Option<String>,
    /// `host` and `port`, where it has them.
    pub endpoint: Option<Endpoint>,
    /// Whether the secret is managed by RDS itself and cannot be edited.
    pub managed_by_rds: bool,
}

/// A version of a secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersion {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is `AWSCURRENT`.
    pub is_current: bool,
}

/// `secretsmanager:ListSecretVersionIds`: when a password changed, never what it is.
pub trait ReadSecretVersions {
    /// All versions, deprecated ones too, oldest first.
    async fn secret_versions(&self, secret: &str) -> Answer<Vec<SecretVersion>>;
}

/// `secretsmanager:GetSecretValue`.
pub trait ReadSecrets {
    /// A version's credentials; none for the version is `AWSCURRENT`.
    async fn credentials(&self, secret: &str, version: Option<&str>) -> Answer<Credentials>;
}

/// `secretsmanager:PutSecretValue`.
pub trait WriteSecrets {
    /// Writes today's JSON again with this host and port, all other fields as they are; the token makes it idempotent.
    /// Answers the id of the version that was current before.
    async fn point_secret(&self, secret: &str, endpoint: &Endpoint, token: &str) -> Answer<String>;
}

/// `secretsmanager:DescribeSecret`: whose a secret is, never what it holds.
pub trait ReadSecretOwners {
    /// The service that manages the secret, such as `rds`, or the Region whose replica it is; none if it is the user's own.
    async fn owning_service(&self, secret: &str) -> Answer<Option<String>>;
}

/// `secretsmanager:GetSecretValue`, for a secret whose text is a key.
pub trait ReadKeys {
    /// The text of `AWSCURRENT`.
    async fn signing_key(&self, secret: &str) -> Answer<Secret>;
}

/// `route53:ListResourceRecordSets`, `route53:GetChange`.
pub trait ReadRecords {
    /// Every record set of this name, of any type.
    async fn read_records(&self, zone: &str, record: &str) -> Answer<Vec<DnsRecord>>;
    /// Whether every name server of Route 53 has the change.
    async fn is_in_sync(&self, change: &str) -> Answer<bool>;
}

/// `route53:ChangeResourceRecordSets`, only UPSERT of a CNAME.
pub trait WriteRecords {
    /// Makes the record a CNAME with this value; answers the id of the change.
    async fn upsert_record(&self, zone: &str, record: &str, ttl: u32, value: &str) -> Answer<String>;
}

/// `ssm:GetParameter`, without decryption.
pub trait ReadParameters {
    /// The parameter; none if it does not exist.
    async fn read_parameter(&self, name: &str) -> Answer<Option<Parameter>>;
}

/// `ssm:PutParameter`, only over one that exists.
pub trait WriteParameters {
    /// Replaces the value.
    async fn overwrite_parameter(&self, name: &str, value: &str) -> Answer<()>;
}

/// `rds:DescribeDBProxies`, `rds:DescribeDBProxyTargets`.
pub trait ReadProxies {
    /// The proxy with this target group; none if one of them does not exist.
    async fn read_proxy(&self, proxy: &str, group: &str) -> Answer<Option<ProxyGroup>>;
}

/// `rds:RegisterDBProxyTargets`, `rds:DeregisterDBProxyTargets`.
pub trait WriteProxies {
    /// Adds an instance; `AlreadyExists` is for the caller to look at.
    async fn register_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()>;
    /// Removes an instance; one that is not there is `NotFound`.
    async fn deregister_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()>;
}

/// `ecs:DescribeServices`, `ecs:UpdateService`.
pub trait RestartServices {
    /// When the newest deployment of the service was made.
    async fn deployed_at(&self, cluster: &str, service: &str) -> Answer<Option<Timestamp>>;
    /// Forces a new deployment of what the service runs.
    async fn force_deployment(&self, cluster: &str, service: &str) -> Answer<()>;
}

/// `lambda:GetFunctionConfiguration`, `lambda:UpdateFunctionConfiguration`.
pub trait TouchFunctions {
    /// The value of one environment variable; the others never leave the adapter.
    async fn function_variable(&self, function: &str, variable: &str) -> Answer<Option<String>>;
    /// Sets one environment variable and keeps all others; refused where the configuration changes meanwhile.
    async fn set_function_variable(&self, function: &str, variable: &str, value: &str) -> Answer<()>;
}

/// HTTPS from outside the databases' network; needs no IAM.
pub trait CallWebhooks {
    /// Posts a body with headers; any answer of 2xx is success. Nothing is followed, nothing is read of the answer.
    async fn post_webhook(&self, url: &str, headers: &[(String, String)], body: &str) -> Answer<()>;
}

/// The resolver of the network in which the databases are.
pub trait ResolveNames {
    /// The addresses behind a name, sorted.
    async fn addresses(&self, host: &str) -> Answer<Vec<String>>;
}

/// What starting an execution came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// Runs now, with this ARN.
    New(String),
    /// An execution of this name exists, with this ARN: look at it.
    Exists(String),
}

/// An execution's status, by what matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// Running (or waiting for redrive).
    Running,
    /// Ended well.
    Succeeded,
    /// Ended otherwise.
    Ended,
    /// Unknown to Step Functions.
    Missing,
}

/// `states:DescribeExecution`.
pub trait ReadExecutions {
    /// How an execution stands.
    async fn execution(&self, arn: &str) -> Answer<ExecutionState>;

    /// How an execution stands, and what it was started with; none if there is no such execution.
    async fn started_with(&self, arn: &str) -> Answer<Option<(ExecutionState, Value)>>;
}

/// `states:StartExecution` on the `recovery` machine.
pub trait StartRecovery {
    /// Starts under a deterministic name.
    async fn start_recovery(&self, name: &str, input: &Value) -> Answer<Started>;
}

/// A message for people and machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Under 100 characters, one line.
    pub subject: String,
    /// For people, in full (email).
    pub text: String,
    /// For people, in one or two lines (SMS, chat).
    pub short: String,
    /// For machines (SQS, Lambda, HTTP), as JSON text.
    pub json: String,
    /// Attributes to filter by: `severity`, `resource`, `scenario`, `outcome`.
    pub attributes: BTreeMap<String, String>,
}

/// `sns:Publish`.
pub trait Publish {
    /// Publishes; answers the message id.
    async fn publish(&self, message: &Message) -> Answer<String>;
}
