//! What an ElastiCache replication group has beyond what every database has.

use super::{Member, ObservedDatabase, SecurityGroup};
use crate::error::DrError;
use crate::ids::DatabaseId;
use crate::status::{DatabaseStatus, StatusMeaning};
use crate::words::{ResourceKind, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a restored replication group must be told (fact sheet 3.6): what is not told falls back to a default that is weaker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheConfiguration {
    /// `ClusterEnabled`: data is spread over shards by key.
    pub cluster_mode: bool,
    /// Node groups (shards); 1 without cluster mode.
    pub shards: i32,
    /// Replicas of each shard; where shards differ, the most.
    pub replicas_per_shard: i32,
    /// `AutomaticFailover` is `enabled`, or is on its way to it.
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
    /// `NotificationConfiguration.TopicArn`: where ElastiCache tells what happens to it.
    #[serde(default)]
    pub topic: Option<String>,
    /// `IpDiscovery`: `ipv4` or `ipv6`.
    #[serde(default)]
    pub ip_discovery: Option<String>,
    /// `LogDeliveryConfigurations`, sorted.
    #[serde(default)]
    pub logs: Vec<LogDelivery>,
}

/// Where one kind of log is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogDelivery {
    /// `LogType`: `slow-log` or `engine-log`.
    pub log_type: String,
    /// `DestinationType`: `cloudwatch-logs` or `kinesis-firehose`.
    pub destination_type: String,
    /// The log group, or the delivery stream.
    pub destination: String,
    /// `LogFormat`: `text` or `json`.
    pub format: String,
}

/// The version as `CreateReplicationGroup` takes it: from 6 on ElastiCache chooses the patch itself, and refuses one that is named.
///
/// ```
/// use lifeboat_domain::observed::cache_version;
/// assert_eq!((cache_version("7.1.0").as_str(), cache_version("5.0.6").as_str()), ("7.1", "5.0.6"));
/// ```
pub fn cache_version(shown: &str) -> String {
    let mut parts = shown.split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next());
    match (major.parse::<u32>(), minor) {
        (Ok(number), Some(minor)) if number >= 6 => format!("{major}.{minor}"),
        _ => shown.to_owned(),
    }
}

/// The security groups of a replication group, each node of which tells its own: one is `active` where it is so on every node.
pub fn groups_of_nodes(nodes: impl IntoIterator<Item = Vec<SecurityGroup>>) -> Vec<SecurityGroup> {
    let nodes: Vec<Vec<SecurityGroup>> = nodes.into_iter().collect();
    let ids: BTreeSet<&String> = nodes.iter().flatten().map(|group| &group.id).collect();
    let status = |id: &String| {
        let shown: Vec<&str> = nodes.iter().flatten().filter(|group| group.id == *id).map(|group| group.status.as_str()).collect();
        if shown.iter().all(|status| *status == "removing") {
            "removing"
        } else if shown.len() == nodes.len() && shown.iter().all(|status| *status == "active") {
            "active"
        } else {
            "adding"
        }
    };
    ids.into_iter().map(|id| SecurityGroup { id: id.clone(), status: status(id).to_owned() }).collect()
}

/// How the resource id of a replication group begins.
const OF_CACHE: &str = "replicationgroup:";

/// The name of a replication group, checked.
pub fn cache_id(name: &str) -> Result<DatabaseId, DrError> {
    DatabaseId::new(ResourceKind::ReplicationGroup, name)
}

/// ElastiCache gives no resource id: the name, with when it was made, tells it from another one that gets its name later.
pub fn cache_resource_id(name: &str, made_at: Option<Timestamp>) -> String {
    format!("{OF_CACHE}{name}:{}", made_at.map_or(0, |at| at.timestamp()))
}

/// Whether it is the resource id of a replication group.
pub fn is_cache_resource_id(resource_id: &str) -> bool {
    resource_id.starts_with(OF_CACHE)
}

/// The replication group whose resource id it is.
pub fn cache_of_resource_id(resource_id: &str) -> Option<DatabaseId> {
    let (name, _) = resource_id.strip_prefix(OF_CACHE)?.rsplit_once(':')?;
    cache_id(name).ok()
}

/// The replication group of a node, by its name: `sessions-001`, with cluster mode `sessions-0001-001`. None if it is no such name.
pub fn cache_node_of(node: &str) -> Option<DatabaseId> {
    let numbered = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, _) = node.rsplit_once('-').filter(|(_, number)| numbered(number, 3))?;
    let group = rest.rsplit_once('-').filter(|(_, shard)| numbered(shard, 4)).map_or(rest, |(group, _)| group);
    cache_id(group).ok()
}

impl ObservedDatabase {
    /// What its status means. Of a cache that could not be made nobody can tell what it held: another one is made beside it.
    pub fn meaning(&self) -> StatusMeaning {
        match (self.id.kind(), self.status.meaning()) {
            (ResourceKind::ReplicationGroup, StatusMeaning::FailedCreation) => StatusMeaning::Terminal,
            (_, meaning) => meaning,
        }
    }

    /// Whether another member serves.
    pub fn has_reader(&self) -> bool {
        self.members.iter().any(|member| !member.is_writer && member.status.is_serving())
    }
}

/// What a replication group is, by its own word and its nodes': a group is called `available` while the node that writes is replaced.
pub fn cache_status_of(group: &str, members: &[Member]) -> DatabaseStatus {
    let own = DatabaseStatus::new(group);
    if !own.is_serving() {
        return own;
    }
    let down = members.iter().find(|member| member.is_writer && !member.status.is_serving());
    down.map_or(own, |writer| writer.status.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::MemberConfiguration;

    fn node(is_writer: bool, status: &str) -> Member {
        Member {
            id: DatabaseId::parse("sessions-001").unwrap(),
            is_writer,
            status: DatabaseStatus::new(status),
            zone: None,
            parameter_status: None,
            shard: None,
            tags: std::collections::BTreeMap::new(),
            configuration: MemberConfiguration::default(),
        }
    }

    #[test]
    fn a_group_holds_only_where_every_node_has_it() {
        let shows = |shown: &[(&str, &str)]| -> Vec<SecurityGroup> {
            shown.iter().map(|(id, status)| SecurityGroup { id: (*id).to_owned(), status: (*status).to_owned() }).collect()
        };
        let of = |nodes: &[&[(&str, &str)]]| groups_of_nodes(nodes.iter().map(|node| shows(node)));
        assert_eq!(
            of(&[&[("sg-b", "active"), ("sg-a", "active")], &[("sg-a", "active"), ("sg-b", "active")]]),
            shows(&[("sg-a", "active"), ("sg-b", "active")])
        );
        let behind = of(&[&[("sg-fence", "active")], &[("sg-fence", "adding"), ("sg-app", "removing")]]);
        assert_eq!(behind, shows(&[("sg-app", "removing"), ("sg-fence", "adding")]), "one node still lets clients in");
        assert_eq!(of(&[&[("sg-fence", "active")], &[("sg-app", "active")]]), shows(&[("sg-app", "adding"), ("sg-fence", "adding")]));
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn a_node_tells_its_group_and_a_resource_id_its_name() {
        for (node, group) in [("sessions-001", Some("sessions")), ("s-1-0003-002", Some("s-1")), ("s-1-003", Some("s-1")), ("lone", None)] {
            assert_eq!(cache_node_of(node).map(|id| id.to_string()).as_deref(), group, "{node}");
        }
        let id = cache_resource_id("sessions", "2026-01-15T10:25:00Z".parse().ok());
        assert_eq!(cache_of_resource_id(&id).unwrap().as_str(), "sessions");
        assert!(is_cache_resource_id(&id) && !is_cache_resource_id("db-ABC"));
    }

    #[test]
    fn a_group_is_what_its_worst_primary_is() {
        let rows = [
            ("available", vec![node(true, "available"), node(false, "creating")], "available"),
            ("available", vec![node(true, "available"), node(true, "rebooting cluster nodes")], "rebooting cluster nodes"),
            ("snapshotting", vec![node(true, "snapshotting")], "snapshotting"),
            ("modifying", vec![node(true, "available")], "modifying"),
            ("create-failed", vec![], "create-failed"),
            ("available", vec![], "available"),
        ];
        for (group, members, expected) in rows {
            assert_eq!(cache_status_of(group, &members).as_str(), expected, "{group}");
        }
    }
}
