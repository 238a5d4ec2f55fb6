//! `orders-db` as a replication group: what is known of an instance by its name is known of a cache by the same.

use super::{Account, ORDERS, SECRET, policies, rows_of, write_to};
use lifeboat_testing::model::{CacheNotice, CreateReplicationGroup, DescribeReplicationGroups, Tag};
use serde_json::{Value, json};

/// The policy of a cache: no SQL.
pub const CACHE: &str = r#"
    mode: automatic
    max_data_loss: 2h
    drill: {waived: "the owner of the flows: they have no drills"}
    cut_over: [secrets_manager]
    fallback_classes: [cache.t4g.medium]
    timing: {poll: 30s, probe_every: 10s, host_recovery_grace: 3m, cool_down: 1m}
"#;

/// The cache that is filled from `orders-db`, where it has one.
pub const FILLED: &str = "orders-cache";

/// Where ElastiCache tells what happens to it.
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:caches";

/// How the cache is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A primary, a replica, automatic failover, Multi-AZ.
    Pair,
    /// A primary and a replica; nobody fails over.
    PairByHand,
    /// One node.
    Alone,
    /// Cluster mode: two shards of two nodes.
    Shards,
}

impl Account {
    /// `orders-db` is a cache, holds keys, was backed up and swept, and is well.
    pub async fn with_cache(gold: &str, shape: Shape) -> Self {
        let account = Self::empty(policies(gold));
        account.cloud.touch().rds.model.add_subnet_group("caches-private", "vpc-orders");
        account.create_cache(ORDERS, shape);
        account.lived_in().await
    }

    /// `orders-db` is an instance, and [`FILLED`] a cache that is filled from it and holds what was read.
    pub async fn with_filled_cache(gold: &str) -> Self {
        let account = Self::empty(policies(&format!("{gold}\n  silver:{CACHE}")));
        account.cloud.touch().rds.model.add_subnet_group("caches-private", "vpc-orders");
        account.create(ORDERS, false, &[]);
        account.create_cache_under("silver", FILLED, Shape::Pair);
        let account = account.lived_in().await;
        account.fill_cache();
        account
    }

    /// Clients read five rows through the cache.
    pub fn fill_cache(&self) {
        let server = self.cloud.server_at(self.cache_address(FILLED).0.as_str().unwrap()).unwrap();
        assert!((1..=5).all(|key| write_to(&self.cloud, &server, key, Some("read before"))));
    }

    /// How many values the filled cache holds.
    pub fn cached(&self) -> usize {
        let server = self.cloud.server_at(self.cache_address(FILLED).0.as_str().unwrap()).unwrap();
        rows_of(&self.cloud, &server).unwrap().len()
    }

    /// Makes a cache with the tags of a protected one.
    pub fn create_cache(&self, id: &str, shape: Shape) {
        self.create_cache_under("gold", id, shape);
    }

    /// The same under another policy.
    fn create_cache_under(&self, policy: &str, id: &str, shape: Shape) {
        let tags = [("lifeboat:policy", policy), ("lifeboat:resource", id), ("lifeboat:secret", SECRET), ("team", "shop")];
        self.call(&CreateReplicationGroup::example(id).with(|it| {
            it.notification_topic_arn = Some(TOPIC.to_owned());
            it.tags = Some(tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect());
            match shape {
                Shape::Pair => {}
                Shape::PairByHand => (it.automatic_failover_enabled, it.multi_az_enabled) = (None, None),
                Shape::Alone => {
                    (it.automatic_failover_enabled, it.multi_az_enabled) = (None, None);
                    it.num_cache_clusters = Some(1);
                }
                Shape::Shards => {
                    it.cluster_mode = Some("enabled".to_owned());
                    it.num_cache_clusters = None;
                    (it.num_node_groups, it.replicas_per_node_group) = (Some(2), Some(1));
                }
            }
        }));
    }

    /// What Describe shows of a cache; null if there is none.
    pub fn cache(&self, id: &str) -> Value {
        let found = self.cloud.touch().rds.call(&DescribeReplicationGroups::of(id));
        found.map_or(Value::Null, |page| serde_json::to_value(page.replication_groups.first()).unwrap())
    }

    /// Host and port of a cache.
    pub fn cache_address(&self, id: &str) -> (Value, Value) {
        let shown = self.cache(id);
        let primary = shown["NodeGroups"][0]["PrimaryEndpoint"].clone();
        let endpoint = if primary.is_null() { shown["ConfigurationEndpoint"].clone() } else { primary };
        (endpoint["Address"].clone(), endpoint["Port"].clone())
    }

    /// The node that writes.
    pub fn primary(&self, id: &str) -> Option<String> {
        let members = self.cache(id)["NodeGroups"][0]["NodeGroupMembers"].as_array().cloned().unwrap_or_default();
        let primary = members.iter().find(|member| member["CurrentRole"] == json!("primary"))?;
        primary["CacheClusterId"].as_str().map(str::to_owned)
    }
}

/// A notice as SNS hands it to a function.
pub fn sns(notice: &CacheNotice, number: usize) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {
        "Type": "Notification", "MessageId": format!("notice-{number}-{}", notice.at.timestamp_millis()), "TopicArn": notice.topic,
        "Subject": "ElastiCache Notification", "Message": notice.message, "Timestamp": notice.at.to_rfc3339(),
    }}]})
}
