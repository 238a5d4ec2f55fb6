//! What a failover costs, and what stands by afterwards, in the words of each kind of database.

use lifeboat_domain::incident::Source;
use lifeboat_domain::words::ResourceKind;

/// Whether what took over had everything that was committed, as a sentence; the error is why that is not known.
pub(crate) fn kept_all(source: &Source) -> Result<&'static str, &'static str> {
    match source.id.kind() {
        ResourceKind::RdsInstance => Ok("the standby is a synchronous copy: nothing committed is lost"),
        ResourceKind::DbCluster if source.engine.as_deref().is_some_and(|engine| engine.starts_with("aurora")) => {
            Ok("all members share one volume: nothing committed is lost")
        }
        ResourceKind::DbCluster => Ok("each commit waits for a reader: nothing committed is lost"),
        ResourceKind::ReplicationGroup | ResourceKind::DynamodbTable => {
            Err("replication is asynchronous: what the primary acknowledged in its last moments may be missing")
        }
    }
}

/// What AWS says of a failover that takes place, and when.
pub(crate) const fn announced(kind: ResourceKind) -> (&'static str, &'static str) {
    match kind {
        ResourceKind::RdsInstance => ("RDS-EVENT-0013", "when it begins"),
        ResourceKind::DbCluster => ("RDS-EVENT-0073", "when it begins"),
        ResourceKind::ReplicationGroup | ResourceKind::DynamodbTable => {
            ("ElastiCache:FailoverComplete", "when a replica has become the primary")
        }
    }
}

/// What took over.
pub(crate) const fn successor(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::RdsInstance => "its standby",
        ResourceKind::DbCluster => "one of its readers",
        ResourceKind::ReplicationGroup | ResourceKind::DynamodbTable => "one of its replicas",
    }
}

/// What must stand by again, with where Describe shows it.
pub(crate) const fn again(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::RdsInstance => "a standby again (SecondaryAvailabilityZone)",
        ResourceKind::DbCluster => "a reader again that serves (DBClusterMembers)",
        ResourceKind::ReplicationGroup | ResourceKind::DynamodbTable => "a replica again that serves (NodeGroupMembers)",
    }
}
