//! `orders-db` as a DB cluster: what is known of an instance by its name is known of a cluster by the same.

use super::{Account, ORDERS, SECRET, policies};
use chrono::Duration;
use lifeboat_testing::model::{CreateDbCluster, CreateDbClusterMember, DescribeDbClusters, EnableHttpEndpoint, Tag};
use serde_json::{Value, json};

/// What kind of cluster it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Aurora, with so many members: `orders-db-1` writes, `orders-db-3` is promoted first.
    Aurora(usize),
    /// A Multi-AZ DB cluster, whose three members RDS makes.
    MultiAz,
}

impl Account {
    /// `orders-db` is a cluster, holds rows, was backed up and swept, and is well.
    pub async fn with_cluster(gold: &str, made: Made) -> Self {
        let account = Self::empty(policies(gold));
        account.create_cluster(ORDERS, made);
        account.lived_in().await
    }

    /// Makes a cluster with the tags of a protected one.
    pub fn create_cluster(&self, id: &str, made: Made) {
        let tags = [("lifeboat:policy", "gold"), ("lifeboat:resource", id), ("lifeboat:secret", SECRET), ("team", "shop")];
        let mut request = match made {
            Made::Aurora(_) => CreateDbCluster { engine_version: Some("15.4".to_owned()), ..CreateDbCluster::example(id) },
            Made::MultiAz => CreateDbCluster::multi_az_example(id),
        };
        request.preferred_maintenance_window = Some("tue:04:00-tue:04:30".to_owned());
        self.call(&request.with(|it| {
            it.db_cluster_parameter_group_name = Some("orders-cluster".to_owned());
            it.enable_iam_database_authentication = Some(true);
            it.copy_tags_to_snapshot = Some(true);
            it.db_subnet_group_name = Some("orders-private".to_owned());
            it.vpc_security_group_ids = Some(vec!["sg-app".to_owned()]);
            it.deletion_protection = Some(true);
            it.tags = Some(tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect());
        }));
        let Made::Aurora(members) = made else { return };
        self.cloud.touch().rds.advance(Duration::minutes(10));
        let resource_arn = self.cluster(id)["DBClusterArn"].as_str().unwrap().to_owned();
        self.call(&EnableHttpEndpoint { resource_arn });
        for number in 1..=members {
            let tier = if number == 3 { 1 } else { 2 };
            let member = CreateDbClusterMember::example(id, &format!("{id}-{number}"), tier);
            // AWS's console gives members the cluster's tags.
            let tags = tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect();
            let parameters = Some("orders-member".to_owned());
            self.call(&CreateDbClusterMember { tags: Some(tags), db_parameter_group_name: parameters, ..member });
        }
    }

    /// What Describe shows of a cluster; null if there is none.
    pub fn cluster(&self, id: &str) -> Value {
        let found = self.cloud.touch().rds.call(&DescribeDbClusters::of(id));
        found.map_or(Value::Null, |page| serde_json::to_value(page.db_clusters.first()).unwrap())
    }

    /// The status of a database, cluster or instance; null if there is none.
    pub fn status(&self, id: &str) -> Value {
        match self.cluster(id) {
            Value::Null if !self.cache(id).is_null() => self.cache(id)["Status"].clone(),
            Value::Null => self.instance(id)["DBInstanceStatus"].clone(),
            cluster => cluster["Status"].clone(),
        }
    }

    /// Host and port of a database, cluster or instance.
    pub fn address(&self, id: &str) -> (Value, Value) {
        match self.cluster(id) {
            Value::Null if !self.cache(id).is_null() => self.cache_address(id),
            Value::Null => (self.instance(id)["Endpoint"]["Address"].clone(), self.instance(id)["Endpoint"]["Port"].clone()),
            cluster => (cluster["Endpoint"].clone(), cluster["Port"].clone()),
        }
    }

    /// The members of a cluster, by name, the writer first.
    pub fn members(&self, id: &str) -> Vec<String> {
        let mut members: Vec<Value> = self.cluster(id)["DBClusterMembers"].as_array().cloned().unwrap_or_default();
        members.sort_by_key(|member| member["IsClusterWriter"] != json!(true));
        members.iter().map(|member| member["DBInstanceIdentifier"].as_str().unwrap().to_owned()).collect()
    }
}
