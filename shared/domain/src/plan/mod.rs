//! A plan: every mutating call that a recovery will make, as data, before anything is touched.

mod calls;
mod forecast;
mod gates;
mod guidance;
mod matrix;
mod options;
mod settings;
mod targets;
#[cfg(test)]
mod tests;

pub use forecast::{Forecast, p90};
pub use gates::{Decision, Gate, GateFacts, decide, is_approvable};
pub use matrix::{MATRIX, MatrixRow, Remedy};
mod swap_back;

pub use options::{PlanFacts, Planned, UsablePoint, make_plan};
pub use settings::{LateSettings, RestoreSettings};
pub use swap_back::{MovedFrom, rows_since};
pub use targets::FoundTarget;

use crate::ids::{Arn, DbInstanceId, Identity, IncidentId, PlanHash, SnapshotId, digest};
use crate::incident::Phase;
use crate::policy::ParameterHolds;
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
    /// `route53:ChangeResourceRecordSets`: a CNAME record leads to the new instance.
    PointRecord {
        /// The hosted zone.
        zone: String,
        /// The record.
        record: String,
        /// Its TTL in seconds, as it was found.
        ttl: u32,
        /// The instance that clients shall find.
        instance: DbInstanceId,
    },
    /// `ssm:PutParameter`: the parameter leads to the new instance.
    PointParameter {
        /// The parameter.
        parameter: String,
        /// What its value is.
        holds: ParameterHolds,
        /// The instance that clients shall find.
        instance: DbInstanceId,
    },
    /// `rds:DeregisterDBProxyTargets`: a target group holds one instance only.
    RemoveProxyTarget {
        /// The proxy.
        proxy: String,
        /// Its target group.
        group: String,
        /// The instance that it led to.
        instance: DbInstanceId,
    },
    /// `rds:RegisterDBProxyTargets`.
    AddProxyTarget {
        /// The proxy.
        proxy: String,
        /// Its target group.
        group: String,
        /// The instance that clients shall find.
        instance: DbInstanceId,
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

/// The environment variable of a Lambda function that names the incident of its last cut-over.
pub const CUT_OVER_VARIABLE: &str = "LIFEBOAT_CUT_OVER";

impl Act {
    /// The IAM action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::RestoreFromSnapshot { .. } => "rds:RestoreDBInstanceFromDBSnapshot",
            Self::RestoreToPointInTime { .. } => "rds:RestoreDBInstanceToPointInTime",
            Self::ForceFailover { .. } | Self::EndSessions { .. } => "rds:RebootDBInstance",
            Self::ReplaySettings { .. } | Self::ResetMasterPassword { .. } | Self::SetSecurityGroups { .. } | Self::GrowStorage { .. } => {
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
            | Self::ReplaySettings { instance, .. }
            | Self::ResetMasterPassword { instance, .. }
            | Self::SetSecurityGroups { instance, .. }
            | Self::GrowStorage { instance, .. }
            | Self::CreateSnapshot { instance, .. } => instance == id,
            Self::AddTags { arn, .. } | Self::RemoveTags { arn, .. } => arn == instance_arn,
            Self::RestoreFromSnapshot { .. }
            | Self::RestoreToPointInTime { .. }
            | Self::PointSecret { .. }
            | Self::PointRecord { .. }
            | Self::PointParameter { .. }
            | Self::RemoveProxyTarget { .. }
            | Self::AddProxyTarget { .. }
            | Self::RestartService { .. }
            | Self::TouchFunction { .. }
            | Self::CallWebhook { .. } => false,
        }
    }

    /// Whether it tells a consumer to look again: made after a verified cut-over, which its failure never undoes.
    pub const fn is_restart(&self) -> bool {
        matches!(self, Self::RestartService { .. } | Self::TouchFunction { .. } | Self::CallWebhook { .. })
    }

    /// What may be done when its outcome is unknown.
    pub const fn repeat(&self) -> Repeat {
        match self {
            Self::RestoreFromSnapshot { .. } | Self::RestoreToPointInTime { .. } | Self::CreateSnapshot { .. } => Repeat::Nameable,
            Self::ForceFailover { .. } | Self::EndSessions { .. } => Repeat::AtMostOnce,
            Self::ReplaySettings { .. }
            | Self::ResetMasterPassword { .. }
            | Self::SetSecurityGroups { .. }
            | Self::GrowStorage { .. }
            | Self::PointSecret { .. }
            | Self::PointRecord { .. }
            | Self::PointParameter { .. }
            | Self::RemoveProxyTarget { .. }
            | Self::AddProxyTarget { .. }
            | Self::RestartService { .. }
            | Self::TouchFunction { .. }
            | Self::CallWebhook { .. }
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
            Self::GrowStorage { instance, gib, .. } => format!("{action} {instance} AllocatedStorage={gib} GiB"),
            Self::ReplaySettings { instance, settings } => format!("{action} {instance} {}", settings.describe()),
            Self::ResetMasterPassword { instance, secret } => format!("{action} {instance} MasterUserPassword as in secret {secret}"),
            Self::SetSecurityGroups { instance, groups } => format!("{action} {instance} VpcSecurityGroupIds={}", groups.join(",")),
            Self::EndSessions { instance } => format!("{action} {instance} (ends its sessions)"),
            Self::PointSecret { secret, instance } => format!("{action} {secret} host and port of {instance}"),
            Self::PointRecord { zone, record, ttl, instance } => {
                format!("{action} {record} CNAME in {zone}, TTL {ttl} s, to the host of {instance}")
            }
            Self::PointParameter { parameter, holds: ParameterHolds::Host, instance } => format!("{action} {parameter} host of {instance}"),
            Self::PointParameter { parameter, holds: ParameterHolds::HostPort, instance } => {
                format!("{action} {parameter} host:port of {instance}")
            }
            Self::RemoveProxyTarget { proxy, group, instance } | Self::AddProxyTarget { proxy, group, instance } => {
                format!("{action} {instance} in target group {group} of proxy {proxy}")
            }
            Self::RestartService { cluster, service } => format!("{action} {cluster}/{service} ForceNewDeployment=true"),
            Self::TouchFunction { function } => format!("{action} {function} {CUT_OVER_VARIABLE}"),
            Self::CallWebhook { name, url, .. } => format!("{action} {name} {url}"),
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
    /// The instance that clients are moved to: a new one, or one that exists.
    pub target: Option<DbInstanceId>,
    /// The `DbiResourceId` of a target that exists already.
    #[serde(default)]
    pub target_resource_id: Option<String>,
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
    /// Why clients cannot be moved as the policy says, if they cannot.
    #[serde(default)]
    pub refusals: Vec<String>,
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
