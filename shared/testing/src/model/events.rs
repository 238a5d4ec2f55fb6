//! What RDS publishes on EventBridge, in AWS's envelope.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// One event as EventBridge delivers it; serialises to exactly AWS's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Always `0`.
    pub version: &'static str,
    /// A UUID.
    pub id: String,
    /// For example `RDS DB Instance Event`.
    #[serde(rename = "detail-type")]
    pub detail_type: &'static str,
    /// Always `aws.rds`.
    pub source: &'static str,
    /// The account.
    pub account: String,
    /// When; AWS writes it to the second.
    #[serde(serialize_with = "to_the_second")]
    pub time: DateTime<Utc>,
    /// The Region.
    pub region: String,
    /// The ARN.
    pub resources: Vec<String>,
    /// What happened.
    pub detail: Detail,
}

/// The `detail` of an RDS event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Detail {
    /// For example `failover`.
    pub event_categories: Vec<&'static str>,
    /// `DB_INSTANCE`, `SNAPSHOT`, `CLUSTER` or `CLUSTER_SNAPSHOT`.
    pub source_type: &'static str,
    /// The ARN.
    pub source_arn: String,
    /// When, to the millisecond.
    #[serde(serialize_with = "to_the_millisecond")]
    pub date: DateTime<Utc>,
    /// For people; never to be matched on.
    pub message: String,
    /// The identifier.
    pub source_identifier: String,
    /// For example `RDS-EVENT-0031`.
    #[serde(rename = "EventID")]
    pub event_id: String,
    /// The tags when the event was sent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Event {
    /// The number of the event id, for example `31`.
    pub fn number(&self) -> Option<u16> {
        self.detail.event_id.strip_prefix("RDS-EVENT-")?.parse().ok()
    }
}

fn to_the_second<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn to_the_millisecond<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The kinds of events that the model publishes: number, category, message.
pub(crate) type Kind = (u16, &'static str, &'static str);

pub(crate) const BACKUP_STARTED: Kind = (1, "backup", "Backing up DB instance");
pub(crate) const BACKUP_FINISHED: Kind = (2, "backup", "Finished DB Instance backup");
pub(crate) const DELETED: Kind = (3, "deletion", "DB instance deleted");
pub(crate) const SHUT_DOWN: Kind = (4, "availability", "DB instance shutdown");
pub(crate) const CREATED: Kind = (5, "creation", "DB instance created");
pub(crate) const RESTARTED: Kind = (6, "availability", "DB instance restarted");
pub(crate) const CLASS_CHANGING: Kind = (12, "configuration change", "Applying modification to database instance class");
pub(crate) const CLASS_CHANGED: Kind = (14, "configuration change", "Finished applying modification to DB instance class");
pub(crate) const FAILOVER_STARTED: Kind = (13, "failover", "Multi-AZ instance failover started.");
pub(crate) const CREDENTIALS_RESET: Kind = (16, "configuration change", "Reset master credentials");
pub(crate) const CREDENTIALS_NOT_RESET: Kind = (67, "configuration change", "Unable to reset your password.");
pub(crate) const STORAGE_CHANGING: Kind = (18, "configuration change", "Applying modification to allocated storage");
pub(crate) const STORAGE_CHANGED: Kind = (17, "configuration change", "Finished applying modification to allocated storage");
pub(crate) const STORAGE_FULL: Kind =
    (221, "availability", "DB instance has reached the storage-full threshold, and the database has been shut down.");
pub(crate) const FAILOVER_ABANDONED: Kind =
    (34, "failover", "Amazon RDS is not attempting a requested failover because a failover recently occurred on the DB instance.");
pub(crate) const RESTORED_TO_TIME: Kind = (19, "restoration", "Restored from DB instance");
pub(crate) const RECOVERY_STARTED: Kind =
    (20, "recovery", "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered.");
pub(crate) const RECOVERED: Kind = (21, "recovery", "Recovery of the DB instance is complete.");
pub(crate) const BECOMING_MULTI_AZ: Kind = (24, "configuration change", "Applying modification to convert to a Multi-AZ DB instance");
pub(crate) const BECAME_MULTI_AZ: Kind =
    (25, "configuration change", "Finished applying modification to convert to a Multi-AZ DB instance");
pub(crate) const BACKUPS_OFF: Kind = (28, "configuration change", "Disabled automated backups");
pub(crate) const BECAME_SINGLE_AZ: Kind =
    (29, "configuration change", "Finished applying modification to convert to a standard (Single-AZ) DB instance");
pub(crate) const BECOMING_SINGLE_AZ: Kind =
    (30, "configuration change", "Applying modification to convert to a standard (Single-AZ) DB instance");
pub(crate) const FAILED: Kind =
    (31, "failure", "DB instance put into failed state. RDS recommends that you initiate a point-in-time-restore.");
pub(crate) const BACKUPS_ON: Kind = (32, "configuration change", "Enabled automated backups");
pub(crate) const SNAPSHOT_CREATING: Kind = (40, "creation", "Creating manual snapshot");
pub(crate) const SNAPSHOT_DELETED: Kind = (41, "deletion", "Deleted user snapshot");
pub(crate) const SNAPSHOT_CREATED: Kind = (42, "creation", "Manual snapshot created");
pub(crate) const RESTORED_FROM_SNAPSHOT: Kind = (43, "restoration", "Restored from snapshot");
pub(crate) const FAILOVER_COMPLETED: Kind = (49, "failover", "Multi-AZ instance failover completed");
pub(crate) const MONITORING_CHANGED: Kind = (78, "configuration change", "Monitoring interval changed");
pub(crate) const STANDBY_REBUILDING: Kind = (361, "recovery", "The standby of the Multi-AZ DB instance is being rebuilt.");
pub(crate) const STANDBY_REBUILT: Kind = (362, "recovery", "The standby of the Multi-AZ DB instance has been rebuilt.");
pub(crate) const STOPPED: Kind = (87, "notification", "DB instance stopped");
pub(crate) const STARTED: Kind = (88, "notification", "DB instance started");
pub(crate) const AUTOMATED_SNAPSHOT_CREATING: Kind = (90, "creation", "Creating automated snapshot");
pub(crate) const AUTOMATED_SNAPSHOT_CREATED: Kind = (91, "creation", "Automated snapshot created");

// Of DB clusters. Those of cluster snapshots have another category than those of DB snapshots.
pub(crate) const CLUSTER_FAILOVER_FAILED: Kind =
    (69, "failover", "Cluster failover failed, check the health of your cluster instances and try again.");
pub(crate) const CLUSTER_PROMOTES_OLD: Kind = (70, "failover", "Promoting previous primary again:");
pub(crate) const CLUSTER_FAILED_OVER: Kind = (71, "failover", "Completed failover to DB instance:");
pub(crate) const CLUSTER_FAILS_OVER_IN_ZONE: Kind = (72, "failover", "Started same AZ failover to DB instance:");
pub(crate) const CLUSTER_FAILS_OVER: Kind = (73, "failover", "Started cross AZ failover to DB instance:");
pub(crate) const CLUSTER_SNAPSHOT_CREATING: Kind = (74, "backup", "Creating manual cluster snapshot");
pub(crate) const CLUSTER_SNAPSHOT_CREATED: Kind = (75, "backup", "Manual cluster snapshot created");
pub(crate) const AUTOMATED_CLUSTER_SNAPSHOT_CREATING: Kind = (168, "backup", "Creating automated cluster snapshot");
pub(crate) const AUTOMATED_CLUSTER_SNAPSHOT_CREATED: Kind = (169, "backup", "Automated cluster snapshot created");
pub(crate) const CLUSTER_CREATED: Kind = (170, "creation", "DB cluster created");
pub(crate) const CLUSTER_DELETED: Kind = (171, "deletion", "DB cluster deleted");
pub(crate) const CLUSTER_RENAMED: Kind = (172, "notification", "Renamed cluster");
