//! A plan: every mutating call that a recovery will make, as data, before anything is touched.

mod adopted;
mod calls;
mod forecast;
mod gates;
mod guidance;
mod matrix;
mod options;
mod promotion;
#[cfg(test)]
mod tests;

pub use adopted::AdoptedSettings;
pub use forecast::{Forecast, p90};
pub use gates::{Decision, Gate, GateFacts, decide};
pub use matrix::{MATRIX, MatrixRow, Remedy};
pub use options::{PlanFacts, Planned, UsablePoint, make_plan};

use crate::ids::{Arn, DbInstanceId, Identity, IncidentId, PlanHash, SnapshotId, digest};
use crate::incident::Phase;
use crate::observed::Configuration;
use crate::words::{Scenario, Timestamp, closed_enum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

closed_enum! {
    /// What may be done when the outcome of a call is not known.
    Repeat {
        /// The name makes a second call harmless: "already exists" is looked at.
        Nameable = "nameable",
        /// Repeating changes nothing more.
        Idempotent = "idempotent",
        /// Never sent twice for one intent.
        AtMostOnce = "at_most_once",
    }
}

closed_enum! {
    /// How a source can be kept from its clients before they are moved.
    FencePlan {
        /// By the security group that admits nobody.
        Group = "group",
        /// Its status is terminal: RDS refuses changes and never brings it back.
        Terminal = "terminal",
        /// It does not exist.
        Gone = "gone",
        /// Not at all: a split brain could follow.
        Impossible = "impossible",
    }
}

/// One mutating call, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Act {
    /// `rds:RestoreDBInstanceFromDBSnapshot`.
    RestoreFromSnapshot {
        /// What is restored.
        snapshot: SnapshotId,
        /// The new instance.
        target: DbInstanceId,
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
        target: DbInstanceId,
        /// Everything that would otherwise fall back to a default.
        settings: Box<RestoreSettings>,
    },
    /// `rds:RebootDBInstance` with `ForceFailover`.
    ForceFailover {
        /// The Multi-AZ instance.
        instance: DbInstanceId,
    },
    /// `rds:PromoteReadReplica`.
    PromoteReplica {
        /// The replica.
        instance: DbInstanceId,
        /// Its `DbiResourceId`: another one under its name is not promoted.
        resource_id: String,
        /// `BackupRetentionPeriod`, in days; without backups there is no point-in-time recovery.
        backup_days: i32,
        /// `PreferredBackupWindow`.
        backup_window: Option<String>,
        /// What it will look like once all that the plan sets is set.
        expected: Box<Configuration>,
    },
    /// `rds:ModifyDBInstance` for what a promoted replica has otherwise than its source.
    AdoptSettings {
        /// The promoted replica.
        instance: DbInstanceId,
        /// What to set.
        settings: AdoptedSettings,
    },
    /// `rds:ModifyDBInstance` with `MultiAZ`.
    MakeMultiAz {
        /// The instance.
        instance: DbInstanceId,
    },
    /// `rds:ModifyDBInstance` for what a restore does not accept.
    ReplaySettings {
        /// The new instance.
        instance: DbInstanceId,
        /// What to set.
        settings: LateSettings,
    },
    /// Grow the volume.
    GrowStorage {
        /// The instance.
        instance: DbInstanceId,
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
        instance: DbInstanceId,
        /// Whose password is set.
        secret: String,
    },
    /// `rds:ModifyDBInstance` with the security groups.
    SetSecurityGroups {
        /// The instance.
        instance: DbInstanceId,
        /// Its only groups from then on.
        groups: Vec<String>,
    },
    /// `rds:RebootDBInstance` without failover: ends the sessions that a changed group leaves alive.
    EndSessions {
        /// The fenced instance.
        instance: DbInstanceId,
    },
    /// `secretsmanager:PutSecretValue`: host and port of the new instance, all else as it was.
    PointSecret {
        /// The secret.
        secret: String,
        /// The instance that clients shall find.
        instance: DbInstanceId,
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
        instance: DbInstanceId,
        /// The snapshot.
        snapshot: SnapshotId,
        /// Its tags.
        tags: BTreeMap<String, String>,
    },
}

/// What a restore call is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSettings {
    /// The source's configuration, perhaps with another class.
    pub configuration: Configuration,
    /// All tags of the new instance: passing none would inherit the source's, and with them its protection.
    pub tags: BTreeMap<String, String>,
}

/// Settings that are made once a copy is usable: those that no restore call accepts (fact sheet 3.2), and deletion protection,
/// without which a copy that never becomes usable can be removed again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateSettings {
    /// `MonitoringInterval`, with its role.
    pub monitoring: Option<(i32, String)>,
    /// `EnablePerformanceInsights`, with key and retention days.
    pub performance_insights: Option<(Option<String>, Option<i32>)>,
    /// `PreferredMaintenanceWindow`.
    pub maintenance_window: Option<String>,
    /// `MaxAllocatedStorage`.
    pub max_allocated_storage: Option<i32>,
    /// `DeletionProtection`.
    pub deletion_protection: bool,
}

impl LateSettings {
    /// What must still be set on a restored instance to match `configuration`.
    pub fn of(configuration: &Configuration) -> Self {
        Self {
            monitoring: (configuration.monitoring_interval > 0)
                .then(|| (configuration.monitoring_interval, configuration.monitoring_role.clone().unwrap_or_default())),
            performance_insights: configuration
                .performance_insights
                .then(|| (configuration.performance_insights_key.clone(), configuration.performance_insights_retention_days)),
            maintenance_window: configuration.maintenance_window.clone(),
            max_allocated_storage: configuration.max_allocated_storage,
            deletion_protection: configuration.deletion_protection,
        }
    }

    /// Whether `configuration` already shows all of it.
    pub fn are_in(&self, configuration: &Configuration) -> bool {
        let shown = Self::of(configuration);
        (self.monitoring.is_none() || shown.monitoring == self.monitoring)
            && (self.performance_insights.is_none() || shown.performance_insights.is_some())
            && (self.maintenance_window.is_none() || shown.maintenance_window == self.maintenance_window)
            && (self.max_allocated_storage.is_none() || shown.max_allocated_storage == self.max_allocated_storage)
            && (!self.deletion_protection || shown.deletion_protection)
    }

    /// What is set, in words.
    fn describe(&self) -> String {
        let names = [
            (self.monitoring.is_some(), "monitoring"),
            (self.performance_insights.is_some(), "performance insights"),
            (self.maintenance_window.is_some(), "maintenance window"),
            (self.max_allocated_storage.is_some(), "storage limit"),
            (self.deletion_protection, "deletion protection"),
        ];
        names.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
    }
}

impl Act {
    /// The IAM action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::RestoreFromSnapshot { .. } => "rds:RestoreDBInstanceFromDBSnapshot",
            Self::RestoreToPointInTime { .. } => "rds:RestoreDBInstanceToPointInTime",
            Self::ForceFailover { .. } | Self::EndSessions { .. } => "rds:RebootDBInstance",
            Self::PromoteReplica { .. } => "rds:PromoteReadReplica",
            Self::ReplaySettings { .. }
            | Self::AdoptSettings { .. }
            | Self::MakeMultiAz { .. }
            | Self::ResetMasterPassword { .. }
            | Self::SetSecurityGroups { .. }
            | Self::GrowStorage { .. } => "rds:ModifyDBInstance",
            Self::PointSecret { .. } => "secretsmanager:PutSecretValue",
            Self::AddTags { .. } => "rds:AddTagsToResource",
            Self::RemoveTags { .. } => "rds:RemoveTagsFromResource",
            Self::CreateSnapshot { .. } => "rds:CreateDBSnapshot",
        }
    }

    /// Whether it changes the instance with this name.
    pub fn is_on(&self, id: &DbInstanceId, instance_arn: &Arn) -> bool {
        match self {
            Self::ForceFailover { instance }
            | Self::EndSessions { instance }
            | Self::PromoteReplica { instance, .. }
            | Self::AdoptSettings { instance, .. }
            | Self::MakeMultiAz { instance }
            | Self::ReplaySettings { instance, .. }
            | Self::ResetMasterPassword { instance, .. }
            | Self::SetSecurityGroups { instance, .. }
            | Self::GrowStorage { instance, .. }
            | Self::CreateSnapshot { instance, .. } => instance == id,
            Self::AddTags { arn, .. } | Self::RemoveTags { arn, .. } => arn == instance_arn,
            Self::RestoreFromSnapshot { .. } | Self::RestoreToPointInTime { .. } | Self::PointSecret { .. } => false,
        }
    }

    /// What may be done when its outcome is unknown.
    pub const fn repeat(&self) -> Repeat {
        match self {
            Self::RestoreFromSnapshot { .. } | Self::RestoreToPointInTime { .. } | Self::CreateSnapshot { .. } => Repeat::Nameable,
            Self::ForceFailover { .. } | Self::EndSessions { .. } | Self::PromoteReplica { .. } => Repeat::AtMostOnce,
            Self::ReplaySettings { .. }
            | Self::AdoptSettings { .. }
            | Self::MakeMultiAz { .. }
            | Self::ResetMasterPassword { .. }
            | Self::SetSecurityGroups { .. }
            | Self::GrowStorage { .. }
            | Self::PointSecret { .. }
            | Self::AddTags { .. }
            | Self::RemoveTags { .. } => Repeat::Idempotent,
        }
    }

    /// One line for a person: the action and what it is done to.
    pub fn describe(&self) -> String {
        let action = self.action();
        match self {
            Self::RestoreFromSnapshot { snapshot, target, .. } => format!("{action} {target} from snapshot {snapshot}"),
            Self::RestoreToPointInTime { source, at, target, .. } => {
                let when = at.map_or_else(|| "the latest restorable time".to_owned(), crate::show_time);
                format!("{action} {target} from {source} at {when}")
            }
            Self::ForceFailover { instance } => format!("{action} {instance} ForceFailover=true"),
            Self::PromoteReplica { instance, backup_days, .. } => format!("{action} {instance} BackupRetentionPeriod={backup_days}"),
            Self::AdoptSettings { instance, settings } => format!("{action} {instance} {}", settings.describe()),
            Self::MakeMultiAz { instance } => format!("{action} {instance} MultiAZ=true"),
            Self::GrowStorage { instance, gib, .. } => format!("{action} {instance} AllocatedStorage={gib} GiB"),
            Self::ReplaySettings { instance, settings } => format!("{action} {instance} {}", settings.describe()),
            Self::ResetMasterPassword { instance, secret } => format!("{action} {instance} MasterUserPassword as in secret {secret}"),
            Self::SetSecurityGroups { instance, groups } => format!("{action} {instance} VpcSecurityGroupIds={}", groups.join(",")),
            Self::EndSessions { instance } => format!("{action} {instance} (ends its sessions)"),
            Self::PointSecret { secret, instance } => format!("{action} {secret} host and port of {instance}"),
            Self::AddTags { arn, tags } => {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("{action} {} {}", arn.name(), tags.join(" "))
            }
            Self::RemoveTags { arn, keys } => format!("{action} {} {}", arn.name(), keys.join(" ")),
            Self::CreateSnapshot { instance, snapshot, .. } => format!("{action} {snapshot} of {instance}"),
        }
    }
}

/// A call of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// The phase that makes it.
    pub phase: Phase,
    /// The call.
    pub act: Act,
    /// Why it is made.
    pub why: String,
}

/// One way to recover, with what it would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedOption {
    /// The remedy.
    pub remedy: Remedy,
    /// Whether it can be done now.
    pub possible: bool,
    /// Why it is chosen, possible or impossible.
    pub reason: String,
    /// What it is expected to take and lose.
    pub forecast: Forecast,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// SHA-256 over what an approval approves.
    pub hash: PlanHash,
    /// Whose.
    pub resource: Identity,
    /// For which incident.
    pub incident: IncidentId,
    /// For what.
    pub scenario: Scenario,
    /// When it was made.
    pub made_at: Timestamp,
    /// The chosen remedy; none where only a person can go on.
    pub remedy: Option<Remedy>,
    /// Whether clients are moved.
    pub moves_clients: bool,
    /// The new instance, if one is made.
    pub target: Option<DbInstanceId>,
    /// The data time that is expected on the serving side.
    pub restore_point: Option<Timestamp>,
    /// The fingerprint to compare the restored data with, in the bucket: the newest one taken before the restore point.
    pub baseline: Option<String>,
    /// Every mutating call, in order.
    pub calls: Vec<PlannedCall>,
    /// How the source will be kept from its clients; none where clients are not moved.
    pub fence: Option<FencePlan>,
    /// The options, best first.
    pub options: Vec<RankedOption>,
    /// What could go wrong, by name.
    pub risks: Vec<String>,
    /// What only a person can do, as commands or sentences.
    pub guidance: Vec<String>,
    /// Why this plan, as a sentence.
    pub reason: String,
    /// SHA-256 of the policy document.
    pub policy_hash: String,
}

impl Plan {
    /// Computes the hash: the calls and what they mean, not the forecast, which changes every minute.
    pub fn hash_of(&self) -> Result<PlanHash, crate::DrError> {
        let calls: Vec<&Act> = self.calls.iter().map(|call| &call.act).collect();
        let calls = serde_json::to_string(&calls)
            .map_err(|error| crate::DrError::unrecoverable("the plan cannot be written as JSON").because(error))?;
        let remedy = self.remedy.map_or("none", Remedy::as_str);
        let moves = if self.moves_clients { "moves" } else { "beside" };
        PlanHash::parse(digest(&[
            self.resource.as_str(),
            self.incident.as_str(),
            self.scenario.as_str(),
            remedy,
            moves,
            &self.policy_hash,
            &calls,
        ]))
    }

    /// The calls of one phase, with their place in the plan.
    pub fn calls_of(&self, phase: Phase) -> impl Iterator<Item = (usize, &PlannedCall)> {
        self.calls.iter().enumerate().filter(move |(_, call)| call.phase == phase)
    }

    /// The forecast of the chosen option.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.options.iter().find(|option| Some(option.remedy) == self.remedy).map(|option| &option.forecast)
    }
}
