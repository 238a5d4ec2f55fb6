//! The ports on replication groups of the model, as `shared/aws/src/caches` has them on ElastiCache.

use super::{Cloud, mapping};
use crate::model::{
    CacheClustersPage, CacheSnapshotsPage, CreateCacheSnapshot, CreateReplicationGroup, DeleteReplicationGroup, DescribeCacheClusters,
    DescribeCacheSnapshots, DescribeCacheSubnetGroups, DescribeReplicationGroups, ListTagsForResource, LogDeliveryConfiguration,
    ModifyReplicationGroup, ReplicationGroup, Secret as ModelSecret, Tag,
};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{DatabaseId, SnapshotId};
use lifeboat_domain::observed::{ObservedDatabase, ObservedSnapshot};
use lifeboat_domain::plan::RestoreSettings;
use lifeboat_domain::ports::{Answer, MakeCaches, PromoteNodes, Secret};
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

const MODIFY: &str = "elasticache:ModifyReplicationGroup";
const DESCRIBE: &str = "elasticache:DescribeReplicationGroups";

pub(super) fn is_cache(id: &DatabaseId) -> bool {
    id.kind() == ResourceKind::ReplicationGroup
}

impl Cloud {
    pub(super) fn one_cache(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        match self.rds(DESCRIBE, &DescribeReplicationGroups::of(id.as_str())) {
            Ok(page) => Ok(self.with_nodes(page.replication_groups)?.into_iter().next()),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn cache_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        let Some(id) = mapping::cache_of_resource_id(resource_id) else { return Ok(None) };
        Ok(self.one_cache(&id)?.filter(|found| found.resource_id == resource_id))
    }

    pub(super) fn all_caches(&self) -> Answer<Vec<ObservedDatabase>> {
        let (mut request, mut found) = (DescribeReplicationGroups::default(), Vec::new());
        loop {
            let page = self.rds(DESCRIBE, &request)?;
            found.extend(page.replication_groups);
            request.page.marker = page.marker;
            if request.page.marker.is_none() {
                return self.with_nodes(found);
            }
        }
    }

    /// Groups with what their nodes, subnet groups and tags tell: Describe of a group tells the least of it.
    fn with_nodes(&self, groups: Vec<ReplicationGroup>) -> Answer<Vec<ObservedDatabase>> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let (mut request, mut nodes) = (DescribeCacheClusters::default(), Vec::new());
        loop {
            let CacheClustersPage { cache_clusters, marker } = self.rds("elasticache:DescribeCacheClusters", &request)?;
            nodes.extend(cache_clusters);
            request.page.marker = marker;
            if request.page.marker.is_none() {
                break;
            }
        }
        let page = self.rds("elasticache:DescribeCacheSubnetGroups", &DescribeCacheSubnetGroups::default())?;
        let mut found = Vec::new();
        for group in groups {
            let tags = self.tags_of_cache(&group.arn)?;
            found.push(mapping::cache(&group, &nodes, &page.cache_subnet_groups, &tags)?);
        }
        Ok(found)
    }

    /// What ElastiCache does not tell of a group that is not `available`, the tagging API does, some time later.
    fn tags_of_cache(&self, arn: &str) -> Answer<Vec<Tag>> {
        match self.rds("elasticache:ListTagsForResource", &ListTagsForResource { resource_name: arn.to_owned() }) {
            Ok(tags) => Ok(tags.0),
            Err(error) if error.class == CallClass::WrongState => Ok(self.see().rds.model.tags_as_listed(arn)),
            Err(error) => Err(error),
        }
    }

    /// Snapshots of one group, or of all.
    pub(super) fn cache_snapshots(&self, cache: Option<&DatabaseId>, only_manual: bool) -> Answer<Vec<ObservedSnapshot>> {
        let (mut request, mut found) = (DescribeCacheSnapshots::default(), Vec::new());
        loop {
            let CacheSnapshotsPage { snapshots, marker } = self.rds("elasticache:DescribeSnapshots", &request)?;
            found.extend(snapshots);
            request.page.marker = marker;
            if request.page.marker.is_none() {
                break;
            }
        }
        let mut observed = Vec::new();
        for shown in found.iter().filter(|shown| !only_manual || shown.snapshot_source == "manual") {
            let Some(of) = mapping::cache_of_snapshot(shown).filter(|of| cache.is_none_or(|cache| cache == of)) else { continue };
            observed.push(mapping::cache_snapshot(shown, of, &self.tags_of_cache(&shown.arn)?)?);
        }
        Ok(observed)
    }

    /// Of a replica where there is one, of the group with cluster mode.
    pub(super) fn create_cache_snapshot(&self, cache: &DatabaseId, snapshot: &SnapshotId, tags: &BTreeMap<String, String>) -> Answer<()> {
        let found = self.one_cache(cache)?;
        let is_cluster = found.as_ref().and_then(|found| found.configuration.cache()).is_some_and(|cache| cache.cluster_mode);
        let members = found.map(|found| found.members).unwrap_or_default();
        let best = members.iter().min_by_key(|member| (!member.status.accepts_calls(), member.is_writer, member.id.clone()));
        let request = CreateCacheSnapshot {
            snapshot_name: snapshot.to_string(),
            replication_group_id: (is_cluster || best.is_none()).then(|| cache.to_string()),
            cache_cluster_id: best.filter(|_| !is_cluster).map(|member| member.id.to_string()),
            tags: Some(mapping::list(tags)),
        };
        self.rds("elasticache:CreateSnapshot", &request).map(|_| ())
    }

    pub(super) fn modify_cache(&self, cache: &DatabaseId, change: impl FnOnce(&mut ModifyReplicationGroup)) -> Answer<()> {
        let mut request = ModifyReplicationGroup::now(cache.as_str());
        change(&mut request);
        self.rds(MODIFY, &request).map(|_| ())
    }

    pub(super) fn delete_cache(&self, cache: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        let request = DeleteReplicationGroup {
            replication_group_id: cache.to_string(),
            retain_primary_cluster: None,
            final_snapshot_identifier: final_snapshot.map(ToString::to_string),
        };
        self.rds("elasticache:DeleteReplicationGroup", &request).map(|_| ())
    }
}

impl MakeCaches for Cloud {
    async fn make_cache(
        &self,
        cache: &DatabaseId,
        from: Option<&SnapshotId>,
        settings: &RestoreSettings,
        token: Option<&Secret>,
    ) -> Answer<()> {
        let it = &settings.configuration;
        let own = it.cache().cloned().unwrap_or_default();
        let log = |log: &lifeboat_domain::observed::LogDelivery| LogDeliveryConfiguration {
            log_type: log.log_type.clone(),
            destination_type: log.destination_type.clone(),
            destination: log.destination.clone(),
            log_format: log.format.clone(),
        };
        let request = CreateReplicationGroup {
            replication_group_id: cache.to_string(),
            replication_group_description: format!("made by Lifeboat as {cache}"),
            engine: it.engine.clone(),
            engine_version: Some(it.engine_version.clone()),
            cache_node_type: it.class.clone(),
            cluster_mode: own.cluster_mode.then(|| "enabled".to_owned()),
            num_cache_clusters: (!own.cluster_mode).then_some(own.replicas_per_shard + 1),
            num_node_groups: own.cluster_mode.then_some(own.shards),
            replicas_per_node_group: own.cluster_mode.then_some(own.replicas_per_shard),
            automatic_failover_enabled: Some(own.automatic_failover),
            multi_az_enabled: Some(it.multi_az),
            snapshot_name: from.map(ToString::to_string),
            cache_parameter_group_name: it.parameter_group.clone(),
            cache_subnet_group_name: it.subnet_group.clone(),
            security_group_ids: Some(it.security_groups.clone()),
            port: it.port.map(i32::from),
            preferred_maintenance_window: it.maintenance_window.clone(),
            notification_topic_arn: own.topic.clone(),
            auto_minor_version_upgrade: Some(it.auto_minor_version_upgrade),
            snapshot_retention_limit: Some(it.backup_retention_days),
            snapshot_window: it.backup_window.clone(),
            auth_token: token.map(|token| ModelSecret::new(token.reveal())),
            transit_encryption_enabled: Some(own.transit_encryption),
            transit_encryption_mode: own.transit_encryption_mode.clone(),
            at_rest_encryption_enabled: Some(it.storage_encrypted),
            kms_key_id: it.kms_key.clone(),
            user_group_ids: (!own.user_groups.is_empty()).then(|| own.user_groups.clone()),
            log_delivery_configurations: (!own.logs.is_empty()).then(|| own.logs.iter().map(log).collect()),
            data_tiering_enabled: own.data_tiering.then_some(true),
            network_type: it.network_type.clone(),
            ip_discovery: own.ip_discovery.clone(),
            tags: Some(mapping::list(&settings.tags)),
        };
        self.rds("elasticache:CreateReplicationGroup", &request).map(|_| ())
    }
}

impl PromoteNodes for Cloud {
    async fn promote_node(&self, cache: &DatabaseId, node: &DatabaseId) -> Answer<()> {
        self.modify_cache(cache, |request| request.primary_cluster_id = Some(node.to_string()))
    }

    async fn set_failover(&self, cache: &DatabaseId, automatic: bool, multi_az: bool) -> Answer<()> {
        self.modify_cache(cache, |request| {
            (request.automatic_failover_enabled, request.multi_az_enabled) = (Some(automatic), Some(multi_az));
        })
    }
}
