//! Calls that change caches. What is not said comes back as a default that is weaker (fact sheet 3.6).

use super::Caches;
use crate::classify::{call_error, invalid};
use aws_sdk_elasticache::types::{
    CloudWatchLogsDestinationDetails, ClusterMode, DestinationDetails, DestinationType, IpDiscovery, KinesisFirehoseDestinationDetails,
    LogDeliveryConfigurationRequest, LogFormat, LogType, NetworkType, Tag, TransitEncryptionMode,
};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::LogDelivery;
use lifeboat_domain::plan::{AdoptedSettings, LateSettings, RestoreSettings};
use lifeboat_domain::ports::{
    Answer, DeleteDatabases, MakeCaches, ModifyDatabases, PromoteNodes, ReadDatabases, Secret, TagDatabases, TakeOver, TakeSnapshots,
};
use std::collections::BTreeMap;

const CREATE: &str = "elasticache:CreateReplicationGroup";
const MODIFY: &str = "elasticache:ModifyReplicationGroup";
const DELETE: &str = "elasticache:DeleteReplicationGroup";
const SNAPSHOT: &str = "elasticache:CreateSnapshot";

impl TakeSnapshots for Caches {
    /// Without cluster mode of a node, of a replica where one serves: the fork costs the primary memory. With it of the group.
    async fn create_snapshot(&self, cache: &DatabaseId, snapshot: &SnapshotId, tags: &BTreeMap<String, String>) -> Answer<()> {
        let Some(found) = self.database(cache).await? else {
            return Err(invalid(SNAPSHOT, "ReplicationGroupId", format!("{cache} does not exist; nothing was sent")));
        };
        let request = self.client.create_snapshot().snapshot_name(snapshot.as_str()).set_tags(Some(tag_list(tags)));
        let is_cluster = found.configuration.cache().is_some_and(|cache| cache.cluster_mode);
        let best = found.members.iter().min_by_key(|member| (!member.status.accepts_calls(), member.is_writer, member.id.clone()));
        let request = match best.filter(|_| !is_cluster) {
            Some(node) => request.cache_cluster_id(node.id.as_str()),
            None => request.replication_group_id(cache.as_str()),
        };
        request.send().await.map(|_| ()).map_err(|error| call_error(SNAPSHOT, &error))
    }
}

impl MakeCaches for Caches {
    async fn make_cache(
        &self,
        cache: &DatabaseId,
        from: Option<&SnapshotId>,
        settings: &RestoreSettings,
        token: Option<&Secret>,
    ) -> Answer<()> {
        let it = &settings.configuration;
        let Some(own) = it.cache() else {
            return Err(invalid(CREATE, "ReplicationGroupId", format!("{cache} has no configuration of a cache; nothing was sent")));
        };
        let tags = tag_list(&settings.tags);
        // Engines below 7.0.5 know no mode; `required` is the default.
        let preferred = own.transit_encryption_mode.as_deref() == Some("preferred");
        let request = self
            .client
            .create_replication_group()
            .replication_group_id(cache.as_str())
            .replication_group_description(format!("made by Lifeboat as {cache}"))
            .engine(&it.engine)
            .engine_version(&it.engine_version)
            .cache_node_type(&it.class)
            .set_snapshot_name(from.map(|snapshot| snapshot.as_str().to_owned()))
            .automatic_failover_enabled(own.automatic_failover)
            .multi_az_enabled(it.multi_az)
            .set_cache_parameter_group_name(it.parameter_group.clone())
            .set_cache_subnet_group_name(it.subnet_group.clone())
            .set_security_group_ids((!it.security_groups.is_empty()).then(|| it.security_groups.clone()))
            .set_port(it.port.map(i32::from))
            .set_preferred_maintenance_window(it.maintenance_window.clone())
            .set_notification_topic_arn(own.topic.clone())
            .auto_minor_version_upgrade(it.auto_minor_version_upgrade)
            .snapshot_retention_limit(it.backup_retention_days)
            .set_snapshot_window(it.backup_window.clone())
            .set_auth_token(token.map(|token| token.reveal().to_owned()))
            .transit_encryption_enabled(own.transit_encryption)
            .set_transit_encryption_mode(preferred.then_some(TransitEncryptionMode::Preferred))
            .at_rest_encryption_enabled(it.storage_encrypted)
            .set_kms_key_id(it.kms_key.clone())
            .set_user_group_ids((!own.user_groups.is_empty()).then(|| own.user_groups.clone()))
            .set_log_delivery_configurations((!own.logs.is_empty()).then(|| own.logs.iter().map(log).collect()))
            .set_data_tiering_enabled(own.data_tiering.then_some(true))
            .set_network_type(it.network_type.as_deref().map(NetworkType::from))
            .set_ip_discovery(own.ip_discovery.as_deref().map(IpDiscovery::from))
            .set_tags(Some(tags));
        let request = if own.cluster_mode {
            let request = request.cluster_mode(ClusterMode::Enabled).num_node_groups(own.shards);
            request.replicas_per_node_group(own.replicas_per_shard)
        } else {
            request.num_cache_clusters(own.replicas_per_shard + 1)
        };
        request.send().await.map(|_| ()).map_err(|error| call_error(CREATE, &error))
    }
}

impl PromoteNodes for Caches {
    async fn promote_node(&self, cache: &DatabaseId, node: &DatabaseId) -> Answer<()> {
        let request = self.at_most_once.modify_replication_group().replication_group_id(cache.as_str());
        let request = request.primary_cluster_id(node.as_str()).apply_immediately(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn set_failover(&self, cache: &DatabaseId, automatic: bool, multi_az: bool) -> Answer<()> {
        let request = self.client.modify_replication_group().replication_group_id(cache.as_str());
        let request = request.automatic_failover_enabled(automatic).multi_az_enabled(multi_az).apply_immediately(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }
}

impl TakeOver for Caches {
    async fn take_over(&self, cache: &DatabaseId, global: &str, region: &str) -> Answer<()> {
        let request = self.at_most_once.failover_global_replication_group().global_replication_group_id(global);
        let request = request.primary_region(region).primary_replication_group_id(cache.as_str());
        request.send().await.map(|_| ()).map_err(|error| call_error("elasticache:FailoverGlobalReplicationGroup", &error))
    }
}

impl ModifyDatabases for Caches {
    async fn set_security_groups(&self, cache: &DatabaseId, groups: &[String]) -> Answer<()> {
        if groups.is_empty() {
            return Err(invalid(MODIFY, "SecurityGroupIds", format!("no group for {cache}; nothing was sent")));
        }
        let request = self.client.modify_replication_group().replication_group_id(cache.as_str());
        let request = request.set_security_group_ids(Some(groups.to_vec())).apply_immediately(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(MODIFY, &error))
    }

    async fn grow_storage(&self, cache: &DatabaseId, _gib: i32, _iops: Option<i32>, _throughput: Option<i32>) -> Answer<()> {
        not_of_caches(cache, "AllocatedStorage")
    }

    async fn set_late_settings(&self, cache: &DatabaseId, _settings: &LateSettings) -> Answer<()> {
        not_of_caches(cache, "LateSettings")
    }

    async fn adopt_settings(&self, cache: &DatabaseId, _settings: &AdoptedSettings) -> Answer<()> {
        not_of_caches(cache, "AdoptedSettings")
    }

    async fn make_multi_az(&self, cache: &DatabaseId) -> Answer<()> {
        not_of_caches(cache, "MultiAZ")
    }

    async fn rename(&self, cache: &DatabaseId, _to: &DatabaseId) -> Answer<()> {
        not_of_caches(cache, "NewDBInstanceIdentifier")
    }

    async fn set_master_password(&self, cache: &DatabaseId, _password: &Secret) -> Answer<()> {
        not_of_caches(cache, "MasterUserPassword")
    }
}

/// What no plan for a cache holds is refused here once more, before anything is sent.
fn not_of_caches(cache: &DatabaseId, field: &str) -> Answer<()> {
    Err(invalid(MODIFY, field, format!("{cache} is a replication group, which has no such setting; nothing was sent")))
}

impl TagDatabases for Caches {
    async fn add_tags(&self, arn: &Arn, tags: &BTreeMap<String, String>) -> Answer<()> {
        let request = self.client.add_tags_to_resource().resource_name(arn.as_str()).set_tags(Some(tag_list(tags)));
        request.send().await.map(|_| ()).map_err(|error| call_error("elasticache:AddTagsToResource", &error))
    }

    /// ElastiCache refuses keys that are not there.
    async fn remove_tags(&self, arn: &Arn, keys: &[String]) -> Answer<()> {
        let there = self.tags_of(arn.as_str()).await?;
        let keys: Vec<String> = keys.iter().filter(|key| there.contains_key(*key)).cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let request = self.client.remove_tags_from_resource().resource_name(arn.as_str()).set_tag_keys(Some(keys));
        request.send().await.map(|_| ()).map_err(|error| call_error("elasticache:RemoveTagsFromResource", &error))
    }
}

impl DeleteDatabases for Caches {
    async fn delete_failed_restore(&self, cache: &DatabaseId) -> Answer<()> {
        let request = self.client.delete_replication_group().replication_group_id(cache.as_str());
        request.send().await.map(|_| ()).map_err(|error| call_error(DELETE, &error))
    }

    /// A cache has none.
    async fn lift_deletion_protection(&self, _cache: &DatabaseId) -> Answer<()> {
        Ok(())
    }

    async fn delete_released(&self, cache: &DatabaseId, final_snapshot: Option<&SnapshotId>) -> Answer<()> {
        let request = self.client.delete_replication_group().replication_group_id(cache.as_str());
        let request = request.set_final_snapshot_identifier(final_snapshot.map(ToString::to_string));
        request.send().await.map(|_| ()).map_err(|error| call_error(DELETE, &error))
    }
}

fn log(told: &LogDelivery) -> LogDeliveryConfigurationRequest {
    let details = DestinationDetails::builder();
    let details = if told.destination_type == "cloudwatch-logs" {
        details.cloud_watch_logs_details(CloudWatchLogsDestinationDetails::builder().log_group(&told.destination).build())
    } else {
        details.kinesis_firehose_details(KinesisFirehoseDestinationDetails::builder().delivery_stream(&told.destination).build())
    };
    LogDeliveryConfigurationRequest::builder()
        .log_type(LogType::from(told.log_type.as_str()))
        .destination_type(DestinationType::from(told.destination_type.as_str()))
        .destination_details(details.build())
        .log_format(LogFormat::from(told.format.as_str()))
        .enabled(true)
        .build()
}

/// Tags as AWS takes them: those of AWS's own namespaces cannot be set.
fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let own = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    own.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
