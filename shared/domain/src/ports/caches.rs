//! What only a replication group needs.

use super::{Answer, Secret};
use crate::ids::{DatabaseId, SnapshotId};
use crate::plan::RestoreSettings;
use serde::{Deserialize, Serialize};

/// `elasticache:CreateReplicationGroup` (with `elasticache:AddTagsToResource`, as tags are passed, and, for logs that are delivered,
/// `logs:CreateLogDelivery`, `logs:DescribeLogGroups`, `logs:DescribeResourcePolicies`, `logs:GetLogDelivery`, `logs:ListLogDeliveries`,
/// `logs:PutResourcePolicy` and `logs:UpdateLogDelivery`).
pub trait MakeCaches {
    /// Makes a replication group, from a snapshot or empty; `AlreadyExists` is for the caller to look at. No snapshot holds the AUTH
    /// token: it is told here, where the source had one.
    async fn make_cache(
        &self,
        cache: &DatabaseId,
        from: Option<&SnapshotId>,
        settings: &RestoreSettings,
        token: Option<&Secret>,
    ) -> Answer<()>;
}

/// `elasticache:ModifyReplicationGroup`, always with `ApplyImmediately`. Not `elasticache:TestFailover`, which is for drills, and not
/// `elasticache:RebootCacheCluster`, which wipes a primary.
pub trait PromoteNodes {
    /// Makes a replica the primary. Sent without SDK retries: a second one could go back.
    async fn promote_node(&self, cache: &DatabaseId, node: &DatabaseId) -> Answer<()>;
    /// Switches automatic failover and Multi-AZ.
    async fn set_failover(&self, cache: &DatabaseId, automatic: bool, multi_az: bool) -> Answer<()>;
}

/// What became of the sessions of others, by the engine's own list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSessions {
    /// Those that were ended.
    pub ended: u32,
    /// Those that were opened before ours, and stand.
    pub left: u32,
    /// Shards that give no answer, while others do: sessions there stand.
    #[serde(default)]
    pub silent: u32,
}
