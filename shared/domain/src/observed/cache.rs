//! What an ElastiCache replication group has beyond what every database has.

use serde::{Deserialize, Serialize};

/// What a restored replication group must be told (fact sheet 3.6): what is not told falls back to a default that is weaker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheConfiguration {
    /// `ClusterEnabled`: data is spread over shards by key.
    pub cluster_mode: bool,
    /// Node groups (shards); 1 without cluster mode.
    pub shards: i32,
    /// Replicas of each shard.
    pub replicas_per_shard: i32,
    /// `AutomaticFailover` is `enabled`.
    pub automatic_failover: bool,
    /// `TransitEncryptionEnabled`.
    pub transit_encryption: bool,
    /// `TransitEncryptionMode`: `required` or `preferred`.
    pub transit_encryption_mode: Option<String>,
    /// `AuthTokenEnabled`.
    pub auth_token: bool,
    /// `UserGroupIds`, sorted.
    pub user_groups: Vec<String>,
    /// `DataTiering` is `enabled`.
    pub data_tiering: bool,
    /// The global datastore that it belongs to.
    pub global: Option<String>,
}
