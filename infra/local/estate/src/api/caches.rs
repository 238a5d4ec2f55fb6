//! The ElastiCache Query API (version 2015-02-02): from the parameters of a call to the model's request, and back to AWS's XML.

use lifeboat_testing::model::{
    Action, AddTagsToResource, ApiError, CreateCacheSnapshot, CreateReplicationGroup, DeleteCacheSnapshot, DeleteReplicationGroup,
    DescribeCacheClusters, DescribeCacheSnapshots, DescribeCacheSubnetGroups, DescribeReplicationGroups, ListTagsForIam,
    ListTagsForResource, LogDeliveryConfiguration, ModifyReplicationGroup, Page, RebootCacheCluster, RemoveTagsFromResource,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::decode::Decode;
use super::form::Form;
use super::{Api, Reply};

/// What a caller of this API says in every request.
const VERSION: &str = "2015-02-02";
/// The namespace of its answers.
pub(super) const NAMESPACE: &str = "http://elasticache.amazonaws.com/doc/2015-02-02/";
/// How logs are delivered: the type of the destination, its details, and what names it.
const DESTINATIONS: [(&str, &str, &str); 2] =
    [("cloudwatch-logs", "CloudWatchLogsDetails", "LogGroup"), ("kinesis-firehose", "KinesisFirehoseDetails", "DeliveryStream")];

const GROUP: &str = "ReplicationGroupId";
const NODE: &str = "CacheClusterId";
const SNAPSHOT: &str = "SnapshotName";

/// Whether a call is one to ElastiCache.
pub(super) fn is_ours(form: &Form) -> bool {
    form.version() == VERSION
}

/// Answers a call to ElastiCache.
pub(super) fn dispatch(api: &Api, action: &str, form: Form) -> Reply {
    match action {
        CreateReplicationGroup::NAME => api.call::<CreateReplicationGroup>(form),
        ModifyReplicationGroup::NAME => api.call::<ModifyReplicationGroup>(form),
        DeleteReplicationGroup::NAME => api.call::<DeleteReplicationGroup>(form),
        DescribeReplicationGroups::NAME => api.call::<DescribeReplicationGroups>(form),
        DescribeCacheClusters::NAME => api.call::<DescribeCacheClusters>(form),
        DescribeCacheSubnetGroups::NAME => api.call::<DescribeCacheSubnetGroups>(form),
        RebootCacheCluster::NAME => api.call::<RebootCacheCluster>(form),
        CreateCacheSnapshot::NAME => api.call::<CreateCacheSnapshot>(form),
        DeleteCacheSnapshot::NAME => api.call::<DeleteCacheSnapshot>(form),
        DescribeCacheSnapshots::NAME => api.call::<DescribeCacheSnapshots>(form),
        AddTagsToResource::NAME => api.call::<AddTagsToResource>(form),
        RemoveTagsFromResource::NAME => api.call::<RemoveTagsFromResource>(form),
        ListTagsForResource::NAME => api.call::<ListTagsForResource>(form),
        // Of the gate before the estate, which judges by tags.
        ListTagsForIam::NAME => api.call::<ListTagsForIam>(form),
        _ => Reply::NotOurs,
    }
}

/// ElastiCache's shape of an answer: a log's destination is nested, and where RDS answers nothing, an empty list of tags.
pub(super) fn shaped(output: &impl Serialize) -> Value {
    let mut shown = serde_json::to_value(output).unwrap_or_default();
    if shown.is_null() {
        return json!({ "TagList": [] });
    }
    nest(&mut shown);
    shown
}

fn nest(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(nest),
        Value::Object(fields) => {
            let details = DESTINATIONS.iter().find(|(kind, ..)| fields.get("DestinationType").is_some_and(|found| found == kind));
            if let (Some((_, details, name)), Some(destination)) = (details, fields.remove("Destination")) {
                fields.insert("DestinationDetails".to_owned(), json!({ *details: { *name: destination } }));
                fields.insert("Status".to_owned(), "active".into());
            }
            fields.values_mut().for_each(nest);
        }
        _ => {}
    }
}

impl Decode for CreateReplicationGroup {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            replication_group_id: form.required(GROUP)?,
            replication_group_description: form.required("ReplicationGroupDescription")?,
            engine: form.text("Engine").unwrap_or_else(|| "redis".to_owned()),
            engine_version: form.text("EngineVersion"),
            cache_node_type: form.required("CacheNodeType")?,
            cluster_mode: form.text("ClusterMode"),
            num_cache_clusters: form.number("NumCacheClusters")?,
            num_node_groups: form.number("NumNodeGroups")?,
            replicas_per_node_group: form.number("ReplicasPerNodeGroup")?,
            automatic_failover_enabled: form.flag("AutomaticFailoverEnabled")?,
            multi_az_enabled: form.flag("MultiAZEnabled")?,
            snapshot_name: form.text(SNAPSHOT),
            cache_parameter_group_name: form.text("CacheParameterGroupName"),
            cache_subnet_group_name: form.text("CacheSubnetGroupName"),
            security_group_ids: form.list("SecurityGroupIds"),
            port: form.number("Port")?,
            preferred_maintenance_window: form.text("PreferredMaintenanceWindow"),
            notification_topic_arn: form.text("NotificationTopicArn"),
            auto_minor_version_upgrade: form.flag("AutoMinorVersionUpgrade")?,
            snapshot_retention_limit: form.number("SnapshotRetentionLimit")?,
            snapshot_window: form.text("SnapshotWindow"),
            auth_token: form.secret("AuthToken"),
            transit_encryption_enabled: form.flag("TransitEncryptionEnabled")?,
            transit_encryption_mode: form.text("TransitEncryptionMode"),
            at_rest_encryption_enabled: form.flag("AtRestEncryptionEnabled")?,
            kms_key_id: form.text("KmsKeyId"),
            user_group_ids: form.list("UserGroupIds"),
            log_delivery_configurations: logs(form),
            data_tiering_enabled: form.flag("DataTieringEnabled")?,
            network_type: form.text("NetworkType"),
            ip_discovery: form.text("IpDiscovery"),
            tags: form.tags("Tags"),
        })
    }
}

fn logs(form: &mut Form) -> Option<Vec<LogDeliveryConfiguration>> {
    let found = form.structures("LogDeliveryConfigurations");
    (!found.is_empty()).then(|| {
        let read = |mut fields: std::collections::BTreeMap<String, String>| {
            let mut take = |name: &str| fields.remove(name).unwrap_or_default();
            let destination_type = take("DestinationType");
            let of = DESTINATIONS.iter().find(|(kind, ..)| *kind == destination_type);
            LogDeliveryConfiguration {
                log_type: take("LogType"),
                log_format: take("LogFormat"),
                destination: of.map(|(_, details, name)| take(&format!("DestinationDetails.{details}.{name}"))).unwrap_or_default(),
                destination_type,
            }
        };
        found.into_iter().map(read).collect()
    })
}

impl Decode for ModifyReplicationGroup {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            replication_group_id: form.required(GROUP)?,
            primary_cluster_id: form.text("PrimaryClusterId"),
            automatic_failover_enabled: form.flag("AutomaticFailoverEnabled")?,
            multi_az_enabled: form.flag("MultiAZEnabled")?,
            security_group_ids: form.list("SecurityGroupIds"),
            apply_immediately: form.flag("ApplyImmediately")?,
        })
    }
}

impl Decode for DeleteReplicationGroup {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            replication_group_id: form.required(GROUP)?,
            retain_primary_cluster: form.flag("RetainPrimaryCluster")?,
            final_snapshot_identifier: form.text("FinalSnapshotIdentifier"),
        })
    }
}

impl Decode for DescribeReplicationGroups {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { replication_group_id: form.text(GROUP), page: Page::decode(form)? })
    }
}

impl Decode for DescribeCacheClusters {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        // Nodes are always shown with their endpoints.
        form.flag("ShowCacheNodeInfo")?;
        Ok(Self { page: Page::decode(form)? })
    }
}

impl Decode for DescribeCacheSubnetGroups {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { page: Page::decode(form)? })
    }
}

impl Decode for RebootCacheCluster {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        // A node of Redis or Valkey is called so in every cluster.
        form.list("CacheNodeIdsToReboot");
        Ok(Self { cache_cluster_id: form.required(NODE)? })
    }
}

impl Decode for CreateCacheSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self {
            snapshot_name: form.required(SNAPSHOT)?,
            replication_group_id: form.text(GROUP),
            cache_cluster_id: form.text(NODE),
            tags: form.tags("Tags"),
        })
    }
}

impl Decode for DeleteCacheSnapshot {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { snapshot_name: form.required(SNAPSHOT)? })
    }
}

impl Decode for DescribeCacheSnapshots {
    fn decode(form: &mut Form) -> Result<Self, ApiError> {
        Ok(Self { snapshot_name: form.text(SNAPSHOT), snapshot_source: form.text("SnapshotSource"), page: Page::decode(form)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_logs_go_is_nested_as_elasticache_nests_it() {
        let body = "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType=slow-log\
            &LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationType=cloudwatch-logs\
            &LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationDetails.CloudWatchLogsDetails.LogGroup=/g\
            &LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogFormat=json";
        let mut form = Form::parse(body.as_bytes(), None);
        let read = logs(&mut form).unwrap();
        assert!(form.finish().is_ok());
        let shown = shaped(&read);
        assert_eq!(shown[0]["DestinationDetails"], json!({ "CloudWatchLogsDetails": { "LogGroup": "/g" } }));
        assert_eq!((shown[0]["LogFormat"].as_str(), shown[0].get("Destination")), (Some("json"), None));
    }
}
