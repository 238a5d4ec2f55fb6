//! `orders-db` is the member of this Region: a replica cluster, or the secondary of a global datastore. The other Region is dark.

use crate::account::{Account, CACHE, GOLD, Hook, Made, ORDERS, SECRET, Shape, write_inside};
use crate::story::Story;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::json;

/// Whom the replica cluster follows.
pub const HOME: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:orders-home";
/// What the replication group belongs to.
pub const GLOBAL: &str = "ldgnf-orders";
/// Where clients went before.
pub const HOME_HOST: &str = "orders-home.cluster-c1.eu-west-1.rds.amazonaws.com";

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tale {
    /// A replica cluster is promoted, and clients are led to it.
    Cluster,
    /// A secondary becomes the primary of its global datastore.
    Cache,
    /// RDS refuses the promotion for good.
    ClusterRefused,
    /// ElastiCache refuses, as the primary's Region cannot be called.
    CacheRefused,
    /// The policy names no way to move clients.
    ClusterByHand,
    /// The promoted cluster does not pass a check of the policy.
    ClusterIsWrong,
}

impl Tale {
    /// The account before anything happens.
    pub async fn begin(self) -> Account {
        let mut account = match self {
            Self::Cache | Self::CacheRefused => Account::with_cache(CACHE, Shape::Pair).await,
            Self::ClusterByHand => Account::with_cluster(&GOLD.replace("[secrets_manager]", "[]"), Made::Aurora(2)).await,
            _ => Account::with_cluster(GOLD, Made::Aurora(2)).await,
        };
        account.client.writes = false;
        match self {
            Self::Cache | Self::CacheRefused => account.happen(|model, _| model.join_global(ORDERS, GLOBAL)).unwrap(),
            _ => account.happen(|model, _| model.follow_elsewhere(ORDERS, HOME)).unwrap(),
        }
        let fields = json!({
            "engine": "postgres", "host": HOME_HOST, "port": 5432,
            "username": "lifeboat", "password": "correct-horse", "dbname": "app",
        });
        account.cloud.touch().put_secret(SECRET, fields);
        account
    }

    /// What is arranged before it happens.
    pub fn prepare(self, account: &mut Account) {
        let refused = |code: &str| FaultKind::Refused { code: code.to_owned(), message: "not this one".to_owned() };
        match self {
            Self::ClusterRefused => account.fault("PromoteReadReplicaDBCluster", When::Always, refused("InvalidParameterCombination")),
            Self::CacheRefused => account.fault("FailoverGlobalReplicationGroup", When::Always, refused("InvalidParameterValue")),
            Self::ClusterIsWrong => {
                let spoil: Hook = Box::new(|cloud| {
                    let server = crate::account::server_of(cloud, ORDERS).unwrap();
                    assert!(write_inside(cloud, &server, 3, Some("3.01")));
                });
                account.before.insert(("ValidateMember".to_owned(), 1), spoil);
            }
            Self::Cluster | Self::Cache | Self::ClusterByHand => {}
        }
    }

    /// A person asks, and approves the plan that is shown.
    pub async fn play(self, account: &mut Account) {
        account.ask(json!({"resource": ORDERS, "scenario": "region_outage", "run": "execute"})).await;
        account.settle().await;
        Story::Member(self).approve(account).await;
    }

    /// The machines that the tale is about.
    pub const fn machines(self) -> &'static [&'static str] {
        &["recovery/", "approval/"]
    }
}
