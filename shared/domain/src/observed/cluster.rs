//! What a DB cluster has beyond a DB instance: members, of which one writes.

use crate::ids::DatabaseId;
use crate::status::DatabaseStatus;
use serde::{Deserialize, Serialize};

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

/// One DB instance of a cluster as Describe showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `DBInstanceIdentifier`.
    pub id: DatabaseId,
    /// `IsClusterWriter`.
    pub is_writer: bool,
    /// `DBInstanceStatus`.
    pub status: DatabaseStatus,
    /// `AvailabilityZone`.
    pub zone: Option<String>,
    /// `DBClusterParameterGroupStatus` of this member.
    pub parameter_status: Option<String>,
    /// What it must be told when it is made anew.
    pub configuration: MemberConfiguration,
}
