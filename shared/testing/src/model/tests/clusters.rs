//! DB clusters.

mod backups;
mod clones;
mod failover;
mod life;
mod modify;
mod restore;

use super::*;

/// An account with the Aurora cluster `ledger`, whose members `ledger-1` (the writer), `ledger-2` and `ledger-3` lie in a zone each
/// and have the tiers 1, 2 and 1.
pub(super) fn aurora() -> InMemory {
    aurora_of(&[("ledger-1", 1), ("ledger-2", 2), ("ledger-3", 1)], |_| {})
}

fn aurora_of(members: &[(&str, i32)], change: impl FnOnce(&mut ClusterConfig)) -> InMemory {
    let mut cloud = empty();
    cloud.call(&CreateDbCluster::example("ledger").with(change)).unwrap();
    cloud.advance(minutes(10));
    for (member, tier) in members {
        cloud.call(&CreateDbClusterMember::example("ledger", member, *tier)).unwrap();
    }
    cloud.advance(minutes(30));
    cloud.take_events();
    cloud
}

fn multi_az_cluster() -> InMemory {
    let mut cloud = empty();
    cloud.call(&CreateDbCluster::multi_az_example("ledger")).unwrap();
    cloud.advance(minutes(30));
    cloud.take_events();
    cloud
}

fn failover(target: Option<&str>) -> FailoverDbCluster {
    FailoverDbCluster { db_cluster_identifier: "ledger".to_owned(), target_db_instance_identifier: target.map(str::to_owned) }
}

fn to_latest(target: &str) -> RestoreDbClusterToPointInTime {
    RestoreDbClusterToPointInTime {
        db_cluster_identifier: target.to_owned(),
        source_db_cluster_identifier: Some("ledger".to_owned()),
        use_latest_restorable_time: Some(true),
        ..RestoreDbClusterToPointInTime::default()
    }
}

impl InMemory {
    fn cluster(&mut self, identifier: &str) -> DbCluster {
        self.call(&DescribeDbClusters::of(identifier)).unwrap().db_clusters.remove(0)
    }

    /// The names of all members and of the one that Describe shows as the writer.
    fn members(&mut self, identifier: &str) -> (Vec<String>, Option<String>) {
        let members = self.cluster(identifier).db_cluster_members;
        let writer = members.iter().find(|member| member.is_cluster_writer).map(|member| member.db_instance_identifier.clone());
        (members.into_iter().map(|member| member.db_instance_identifier).collect(), writer)
    }

    /// The member that a client finds at the cluster's endpoint, by name.
    fn found_at(&mut self, endpoint: &str) -> Option<String> {
        let server = self.model.behind_cluster_endpoint(endpoint)?;
        let views = self.model.instances(self.now());
        views.into_iter().map(|view| view.instance).find(|it| it.dbi_resource_id == server).map(|it| it.db_instance_identifier)
    }

    fn writer_found(&mut self) -> Option<String> {
        let endpoint = self.cluster("ledger").endpoint;
        self.found_at(&endpoint)
    }

    fn cluster_statuses(&mut self, identifier: &str, during: Duration) -> Vec<String> {
        let end = self.now() + during;
        let mut seen = vec![self.cluster(identifier).status];
        while self.now() < end {
            self.advance(seconds(1));
            let status = self.cluster(identifier).status;
            if seen.last() != Some(&status) {
                seen.push(status);
            }
        }
        seen
    }

    /// Writes through one member.
    fn try_write(&mut self, member: &str, key: &str) -> Result<(), LoginError> {
        let server = self.show(member).dbi_resource_id;
        let session = self.data.login(&server, "lifeboat", PASSWORD)?;
        let now = self.now();
        self.data.write(&server, session, ("orders", key), Some("1"), now)
    }
}
