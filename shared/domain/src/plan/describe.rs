//! A call in one line for a person.

use super::act::is_cache;
use super::{Act, CUT_OVER_VARIABLE};
use crate::observed::FENCED;
use crate::policy::ParameterHolds;
use crate::words::ResourceKind;

impl Act {
    /// One line for a person: the action and what it is done to.
    pub fn describe(&self) -> String {
        let action = self.action();
        match self {
            Self::RestoreFromSnapshot { snapshot, target, .. } => format!("{action} {target} from snapshot {snapshot}"),
            Self::RestoreToPointInTime { source, at, target, .. } => {
                let when = at.map_or_else(|| "the latest restorable time".to_owned(), crate::show_time);
                format!("{action} {target} from {source} at {when}")
            }
            Self::CloneCluster { source, target, .. } => format!("{action} {target} from {source} RestoreType=copy-on-write"),
            Self::RebuildCold { target, .. } => format!("{action} {target} without a snapshot: it is empty"),
            Self::SetFailover { instance, automatic, multi_az } => {
                format!("{action} {instance} AutomaticFailoverEnabled={automatic} MultiAZEnabled={multi_az}")
            }
            Self::ForceFailover { instance, to: Some(to), .. } if is_cache(instance) => {
                format!("{action} {instance} PrimaryClusterId={to}")
            }
            Self::ForceFailover { instance, to: None, .. } if instance.kind() == ResourceKind::DbCluster => format!("{action} {instance}"),
            Self::ForceFailover { instance, to: None, .. } => format!("{action} {instance} ForceFailover=true"),
            Self::ForceFailover { instance, to: Some(to), .. } => format!("{action} {instance} TargetDBInstanceIdentifier={to}"),
            Self::MakeMember { member, cluster, settings, .. } => {
                format!(
                    "{action} {member} in cluster {cluster} DBInstanceClass={} PromotionTier={}",
                    settings.class, settings.promotion_tier
                )
            }
            Self::PromoteReplica { instance, backup_days, .. } => format!("{action} {instance} BackupRetentionPeriod={backup_days}"),
            Self::TakeOver { instance, follows, region, .. } if is_cache(instance) => {
                format!("{action} {follows} PrimaryRegion={region} PrimaryReplicationGroupId={instance}")
            }
            Self::TakeOver { instance, follows, .. } => format!("{action} {instance}, which follows {follows}"),
            Self::AdoptSettings { instance, settings } => format!("{action} {instance} {}", settings.describe()),
            Self::MakeMultiAz { instance } => format!("{action} {instance} MultiAZ=true"),
            Self::GrowStorage { instance, gib, .. } => format!("{action} {instance} AllocatedStorage={gib} GiB"),
            Self::ReplaySettings { instance, settings } => format!("{action} {instance} {}", settings.describe()),
            Self::ResetMasterPassword { instance, secret } => format!("{action} {instance} MasterUserPassword as in secret {secret}"),
            Self::SetTable { table, setting } => format!("{action} {table} {}", setting.describe()),
            Self::SetSecurityGroups { instance, groups } if instance.kind() == ResourceKind::DynamodbTable => {
                let what =
                    if groups.iter().any(|group| group == FENCED) { "denies every write" } else { "without Lifeboat's denial of writes" };
                format!("{action} {instance} {what}")
            }
            Self::SetSecurityGroups { instance, groups } if is_cache(instance) => {
                format!("{action} {instance} SecurityGroupIds={}", groups.join(","))
            }
            Self::SetSecurityGroups { instance, groups } => format!("{action} {instance} VpcSecurityGroupIds={}", groups.join(",")),
            Self::EndSessions { instance } => format!("{action} {instance} (ends its sessions)"),
            Self::PointSecret { secret, instance } => format!("{action} {secret} host and port of {instance}"),
            Self::PointRecord { zone, record, ttl, instance } => {
                format!("{action} {record} CNAME in {zone}, TTL {ttl} s, to the host of {instance}")
            }
            Self::PointParameter { parameter, region: Some(region), instance, .. } => {
                format!("{action} {parameter} Region {region}, for {instance}")
            }
            Self::PointParameter { parameter, holds, instance, .. } => {
                let what = if *holds == ParameterHolds::HostPort { "host:port" } else { "host" };
                format!("{action} {parameter} {what} of {instance}")
            }
            Self::RemoveProxyTarget { proxy, group, instance } | Self::AddProxyTarget { proxy, group, instance } => {
                format!("{action} {instance} in target group {group} of proxy {proxy}")
            }
            Self::RenameInstance { instance, to, .. } => format!("{action} {instance} NewDBInstanceIdentifier={to}"),
            Self::RestartService { cluster, service } => format!("{action} {cluster}/{service} ForceNewDeployment=true"),
            Self::TouchFunction { function } => format!("{action} {function} {CUT_OVER_VARIABLE}"),
            Self::CallWebhook { name, url, .. } => format!("{action} {name} {url}"),
            Self::CopyAlarm { database, of, alarm } => format!("{action} {} as {of}, {} of {database}", alarm.name, alarm.metric),
            Self::FlushCache { cache, at } => format!("{action} {} (cache {cache}) ASYNC", at.instance),
            Self::AddTags { arn, tags } => {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("{action} {} {}", arn.name(), tags.join(" "))
            }
            Self::RemoveTags { arn, keys } => format!("{action} {} {}", arn.name(), keys.join(" ")),
            Self::CreateSnapshot { instance, snapshot, .. } => format!("{action} {snapshot} of {instance}"),
        }
    }
}
