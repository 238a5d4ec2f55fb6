//! Where clients connect: the cluster endpoint leads to the writer, the reader endpoint to a reader.

use crate::model::Model;
use crate::model::instance::Server;

impl Model {
    /// The endpoint and the reader endpoint of a cluster of this name.
    pub(super) fn cluster_endpoints(&self, name: &str) -> (String, String) {
        let host = |kind: &str| format!("{name}.{kind}-c1a2b3c4d5e6.{}.rds.amazonaws.com", self.settings.region);
        (host("cluster"), host("cluster-ro"))
    }

    /// The server (resource id) of the member that writes for a cluster, dead or alive; none if there is no such cluster.
    pub fn writer_server(&self, cluster: &str) -> Option<String> {
        self.cluster(cluster).ok()?.writer.clone()
    }

    /// The cluster (resource id) that a server is a member of.
    pub fn cluster_of(&self, server: &str) -> Option<String> {
        self.instances.get(server)?.cluster.clone()
    }

    /// The server (resource id) that a client finds behind the endpoint or the reader endpoint of a cluster: the writer, dead or
    /// alive; a reader that is up, or the writer where there is none. None if the host is no cluster's, or the cluster has no member.
    pub fn behind_cluster_endpoint(&self, host: &str) -> Option<String> {
        let (id, it) = self
            .clusters
            .iter()
            .find(|(_, it)| it.shown.endpoint.eq_ignore_ascii_case(host) || it.shown.reader_endpoint.eq_ignore_ascii_case(host))?;
        if it.shown.endpoint.eq_ignore_ascii_case(host) {
            return it.writer.clone();
        }
        let is_serving = |member: &&String| {
            self.instances.get(*member).is_some_and(|member| member.server == Server::Up && member.shown.endpoint.is_some())
        };
        let mut readers = self.members(id).map(|(member, _)| member).filter(|member| it.writer.as_ref() != Some(member));
        readers.find(is_serving).cloned().or_else(|| it.writer.clone())
    }
}
