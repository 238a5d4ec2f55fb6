//! What only a DB cluster needs.

use super::Answer;
use crate::ids::DatabaseId;
use crate::observed::MemberConfiguration;
use crate::plan::RestoreSettings;
use std::collections::BTreeMap;

/// `rds:FailoverDBCluster`. Sent without SDK retries: a duplicate flips back.
pub trait FailClustersOver {
    /// Makes another member the writer: `to`, or the one that RDS chooses.
    async fn fail_cluster_over(&self, cluster: &DatabaseId, to: Option<&DatabaseId>) -> Answer<()>;
}

/// `rds:PromoteReadReplicaDBCluster`, of a cache `elasticache:FailoverGlobalReplicationGroup`. Sent without SDK retries: the first has no
/// way back, and a second one of the other could go back.
pub trait TakeOver {
    /// Makes a member that follows another Region's writable; `follows` is the source, or the global datastore, and `region` its own.
    async fn take_over(&self, member: &DatabaseId, follows: &str, region: &str) -> Answer<()>;
}

/// `rds:RestoreDBClusterToPointInTime` with `RestoreType` `copy-on-write` (with `rds:AddTagsToResource`). It takes no time: a clone holds
/// what is there when it is made.
pub trait CloneClusters {
    /// Starts the clone of an Aurora cluster; `AlreadyExists` is for the caller to look at.
    async fn clone_cluster(&self, source: &DatabaseId, target: &DatabaseId, settings: &RestoreSettings) -> Answer<()>;
}

/// `rds:CreateDBInstance` into a cluster (with `rds:AddTagsToResource`): a restored Aurora cluster has no instances.
pub trait MakeMembers {
    /// Makes a member; `AlreadyExists` is for the caller to look at.
    async fn make_member(
        &self,
        member: &DatabaseId,
        cluster: &DatabaseId,
        engine: &str,
        told: &MemberConfiguration,
        tags: &BTreeMap<String, String>,
    ) -> Answer<()>;
}
