//! What a DB cluster has beyond a DB instance: members, of which one writes.

use super::Configuration;
use crate::ids::DatabaseId;
use crate::status::{DatabaseStatus, StatusMeaning};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

impl Configuration {
    /// Whether it is of an Aurora cluster that shows no instance: nobody knows by it which to make.
    pub fn lacks_members(&self) -> bool {
        self.class.is_empty() && self.cluster().is_some_and(|cluster| cluster.members.is_empty())
    }
}

/// What a restored cluster must be told besides what an instance is told (fact sheet 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterConfiguration {
    /// `EngineMode`, such as `provisioned`.
    pub engine_mode: Option<String>,
    /// `ServerlessV2ScalingConfiguration`.
    pub scaling: Option<Scaling>,
    /// `BacktrackWindow` in seconds; 0 is off.
    pub backtrack_seconds: i64,
    /// `HttpEndpointEnabled`: the Data API.
    pub http_endpoint: bool,
    /// Its members, most preferred for promotion first; of a Multi-AZ DB cluster none is made by us.
    pub members: Vec<MemberConfiguration>,
}

/// `ServerlessV2ScalingConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// `MinCapacity`, in halves of an ACU.
    pub least_half_acus: u32,
    /// `MaxCapacity`, in halves of an ACU.
    pub most_half_acus: u32,
    /// `SecondsUntilAutoPause`.
    pub pauses_after_seconds: Option<i32>,
}

/// What a member must be told when it is made anew; a restored Aurora cluster has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberConfiguration {
    /// `PromotionTier`, 0 to 15; the least is promoted first.
    pub promotion_tier: i32,
    /// `DBInstanceClass`.
    pub class: String,
    /// `DBParameterGroupName`.
    pub parameter_group: Option<String>,
    /// `PubliclyAccessible`.
    pub publicly_accessible: bool,
    /// `AutoMinorVersionUpgrade`.
    pub auto_minor_version_upgrade: bool,
    /// `CACertificateIdentifier`.
    pub ca_certificate: Option<String>,
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
}

/// One DB instance of a cluster, or one node of a replication group, as Describe showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `DBInstanceIdentifier`, or `CacheClusterId`: a node is no database of its own, and is named by the rules of an instance.
    pub id: DatabaseId,
    /// `IsClusterWriter`, or `CurrentRole` is `primary`.
    pub is_writer: bool,
    /// `DBInstanceStatus`.
    pub status: DatabaseStatus,
    /// `AvailabilityZone`.
    pub zone: Option<String>,
    /// `DBClusterParameterGroupStatus` of this member.
    pub parameter_status: Option<String>,
    /// `NodeGroupId` of a node of a replication group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// What it must be told when it is made anew.
    pub configuration: MemberConfiguration,
    /// `TagList`: what may be done to it hangs on its own tags, not on its cluster's.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Engines that answer the same calls as RDS and are other services: they are never looked at, and never touched.
const OTHER_SERVICES: [&str; 2] = ["neptune", "docdb"];

/// Whether a database of this engine is one of RDS.
pub fn is_of_rds(engine: &str) -> bool {
    !OTHER_SERVICES.contains(&engine)
}

/// What a cluster is, by its own status and its writer's: a cluster is called `available` while the instance behind its endpoint is
/// being rebooted, and right after a restore, when it has no instance at all.
pub fn status_of(cluster: &str, members: &[Member]) -> DatabaseStatus {
    let own = DatabaseStatus::new(cluster);
    if !own.is_serving() {
        return own;
    }
    match members.iter().find(|member| member.is_writer) {
        // The instance goes, and not the cluster: another one takes over, or there is none.
        Some(writer) if writer.status.meaning() == StatusMeaning::Deleting => {
            let takes_over = members.iter().any(|member| !member.is_writer && member.status.is_serving());
            if takes_over { DatabaseStatus::new("failing-over") } else { DatabaseStatus::of_no_instances() }
        }
        Some(writer) if !writer.status.is_serving() => writer.status.clone(),
        Some(_) => own,
        None if members.is_empty() => DatabaseStatus::of_no_instances(),
        None => DatabaseStatus::new("creating"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ResourceKind;

    fn member(is_writer: bool, status: &str) -> Member {
        Member {
            id: DatabaseId::new(ResourceKind::RdsInstance, "orders-1").unwrap(),
            is_writer,
            status: DatabaseStatus::new(status),
            zone: None,
            parameter_status: None,
            shard: None,
            configuration: MemberConfiguration::default(),
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn a_cluster_is_what_its_writer_is_and_without_one_it_is_on_its_way() {
        let rows = [
            ("available", vec![member(true, "available")], "available"),
            ("available", vec![member(true, "rebooting"), member(false, "available")], "rebooting"),
            ("available", vec![member(true, "available"), member(false, "creating")], "available"),
            ("available", vec![], "without-instances"),
            ("creating", vec![], "creating"),
            ("available", vec![member(false, "creating")], "creating"),
            ("available", vec![member(true, "deleting")], "without-instances"),
            ("available", vec![member(true, "deleting"), member(false, "available")], "failing-over"),
            ("deleting", vec![member(true, "available")], "deleting"),
            ("failing-over", vec![member(true, "available")], "failing-over"),
            ("backing-up", vec![member(true, "available")], "backing-up"),
        ];
        for (cluster, members, expected) in rows {
            assert_eq!(status_of(cluster, &members).as_str(), expected, "{cluster} {members:?}");
        }
    }
}
