//! The control plane of ElastiCache: replication groups of Redis OSS and Valkey, with and without cluster mode.
//!
//! `TestFailover` (for drills only, and AWS may block it) and `RebootCacheCluster` (which wipes a primary) are never called.

mod acts;
mod observe;
#[cfg(test)]
mod tests;

use crate::classify::call_error;
use crate::tagging::Tagging;
use aws_config::SdkConfig;
use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup, ReplicationGroup, Snapshot};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{Arn, DatabaseId};
use lifeboat_domain::observed::{ObservedDatabase, ObservedSnapshot, RestoreWindow, cache_of_resource_id, tags};
use lifeboat_domain::ports::{Answer, Listing, ReadDatabases};
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

const DESCRIBE: &str = "elasticache:DescribeReplicationGroups";
const DESCRIBE_NODES: &str = "elasticache:DescribeCacheClusters";
const DESCRIBE_SUBNETS: &str = "elasticache:DescribeCacheSubnetGroups";
const DESCRIBE_SNAPSHOTS: &str = "elasticache:DescribeSnapshots";
const LIST_TAGS: &str = "elasticache:ListTagsForResource";

/// How the tagging API calls a replication group.
const RESOURCE_TYPE: &str = "elasticache:replicationgroup";
/// How the names of our own snapshots begin: only their tags are asked for, one call each.
const OURS: &str = "lifeboat-";

/// ElastiCache of one Region.
#[derive(Debug, Clone)]
pub struct Caches {
    client: Client,
    /// Sends each request once: a second promotion could go back.
    at_most_once: Client,
    tagging: Tagging,
}

/// What Describe shows of all groups: of a group itself, the least of it.
struct Shown {
    nodes: Vec<CacheCluster>,
    subnet_groups: Vec<CacheSubnetGroup>,
}

impl Caches {
    /// ElastiCache as configured; `at_most_once` is the same configuration without retries.
    pub fn new(config: &SdkConfig, at_most_once: &SdkConfig, tagging: Tagging) -> Self {
        Self { client: Client::new(config), at_most_once: Client::new(at_most_once), tagging }
    }

    /// Nodes and subnet groups of the whole Region: neither can be asked for by its group.
    async fn shown(&self) -> Answer<Shown> {
        let (mut nodes, mut subnet_groups) = (Vec::new(), Vec::new());
        let mut items = self.client.describe_cache_clusters().show_cache_node_info(true).into_paginator().items().send();
        while let Some(item) = items.next().await {
            nodes.push(item.map_err(|error| call_error(DESCRIBE_NODES, &error))?);
        }
        let mut items = self.client.describe_cache_subnet_groups().into_paginator().items().send();
        while let Some(item) = items.next().await {
            subnet_groups.push(item.map_err(|error| call_error(DESCRIBE_SUBNETS, &error))?);
        }
        Ok(Shown { nodes, subnet_groups })
    }

    async fn one(&self, id: &DatabaseId) -> Answer<Option<ReplicationGroup>> {
        let output = self.client.describe_replication_groups().replication_group_id(id.as_str()).send().await;
        match output.map_err(|error| call_error(DESCRIBE, &error)) {
            Ok(output) => Ok(output.replication_groups.unwrap_or_default().into_iter().next()),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// ElastiCache tells no tags of what is not `available`: then those count that the tagging API has, which lags.
    async fn tags_of(&self, arn: &str) -> Answer<BTreeMap<String, String>> {
        let output = self.client.list_tags_for_resource().resource_name(arn).send().await;
        match output.map_err(|error| call_error(LIST_TAGS, &error)) {
            Ok(output) => Ok(observe::tags(output.tag_list())),
            Err(error) if error.class == CallClass::WrongState => self.tagging.of(arn).await,
            Err(error) => Err(error),
        }
    }

    /// Tags of all groups that carry one of Lifeboat's. The tagging API lags, so that it only says whom to ask about the policy.
    async fn tags_of_ours(&self) -> Answer<BTreeMap<Arn, BTreeMap<String, String>>> {
        let mut found = self.tagging.carrying(RESOURCE_TYPE, tags::RETIRED).await?;
        found.extend(self.tagging.carrying(RESOURCE_TYPE, tags::INCIDENT).await?);
        for arn in self.tagging.protected(RESOURCE_TYPE).await?.into_keys() {
            match self.tags_of(arn.as_str()).await {
                Ok(tags) => drop(found.insert(arn, tags)),
                // Deleted since.
                Err(error) if error.class == CallClass::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Snapshots of one group, or of all. A snapshot without cluster mode tells the node only, so that all are listed.
    async fn snapshots(&self, cache: Option<&DatabaseId>, source: Option<&str>) -> Answer<Vec<ObservedSnapshot>> {
        let request = self.client.describe_snapshots().set_snapshot_source(source.map(str::to_owned));
        let mut items = request.into_paginator().items().send();
        let mut found: Vec<(Snapshot, DatabaseId)> = Vec::new();
        while let Some(item) = items.next().await {
            let snapshot = item.map_err(|error| call_error(DESCRIBE_SNAPSHOTS, &error))?;
            let of = observe::cache_of(&snapshot).filter(|of| cache.is_none_or(|cache| cache == of));
            found.extend(of.map(|of| (snapshot, of)));
        }
        let mut observed = Vec::new();
        for (snapshot, of) in found {
            let is_ours = snapshot.snapshot_name().is_some_and(|name| name.starts_with(OURS));
            let tags = match snapshot.arn().filter(|_| is_ours) {
                Some(arn) => match self.tags_of(arn).await {
                    Ok(tags) => tags,
                    // It failed or was deleted since: there is no status for that.
                    Err(error) if error.class == CallClass::NotFound => continue,
                    Err(error) => return Err(error),
                },
                None => BTreeMap::new(),
            };
            observed.push(observe::snapshot(&snapshot, of, tags)?);
        }
        Ok(observed)
    }
}

impl ReadDatabases for Caches {
    async fn database(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        let Some(found) = self.one(id).await? else { return Ok(None) };
        let shown = self.shown().await?;
        let tags = match found.arn() {
            Some(arn) => self.tags_of(arn).await?,
            None => BTreeMap::new(),
        };
        observe::cache(&found, &shown.nodes, &shown.subnet_groups, tags).map(Some)
    }

    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        let Some(id) = cache_of_resource_id(resource_id) else { return Ok(None) };
        Ok(self.database(&id).await?.filter(|found| found.resource_id == resource_id))
    }

    async fn databases(&self, kinds: &[ResourceKind]) -> Listing<ObservedDatabase> {
        let mut listing = Listing::default();
        if kinds.contains(&ResourceKind::ReplicationGroup) {
            listing.take(ResourceKind::ReplicationGroup, self.all().await);
        }
        listing
    }

    /// There is no point-in-time recovery.
    async fn restore_window(&self, _known_as: &DatabaseId, _resource_id: &str) -> Answer<Option<RestoreWindow>> {
        Ok(None)
    }

    async fn manual_snapshots(&self, kinds: &[ResourceKind]) -> Listing<ObservedSnapshot> {
        let mut listing = Listing::default();
        if kinds.contains(&ResourceKind::ReplicationGroup) {
            listing.take(ResourceKind::ReplicationGroup, self.snapshots(None, Some("user")).await);
        }
        listing
    }

    async fn snapshots_of(&self, cache: &DatabaseId) -> Answer<Vec<ObservedSnapshot>> {
        self.snapshots(Some(cache), None).await
    }
}

impl Caches {
    /// All groups of the Region, every page.
    async fn all(&self) -> Answer<Vec<ObservedDatabase>> {
        let mut items = self.client.describe_replication_groups().into_paginator().items().send();
        let mut groups = Vec::new();
        while let Some(item) = items.next().await {
            groups.push(item.map_err(|error| call_error(DESCRIBE, &error))?);
        }
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let (shown, ours) = (self.shown().await?, self.tags_of_ours().await?);
        let of = |arn: Option<&str>| ours.iter().find(|(known, _)| Some(known.as_str()) == arn).map(|(_, tags)| tags.clone());
        let observe =
            |group: &ReplicationGroup| observe::cache(group, &shown.nodes, &shown.subnet_groups, of(group.arn()).unwrap_or_default());
        groups.iter().map(observe).collect()
    }
}
