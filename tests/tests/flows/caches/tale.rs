//! Stories of a cache: the real machines and handlers, told as those of an instance are.

use crate::account::{Account, CACHE, Hook, ORDERS, Shape, write_inside};
use crate::story::{Story, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::IncidentState;
use lifeboat_testing::model::DeleteCacheSnapshot;
use serde_json::json;

/// What happens to the cache `orders-db`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tale {
    /// The host of the primary is lost: ElastiCache makes the replica the primary.
    NodeLost,
    /// The primary hangs, and automatic failover is off: the replica is promoted.
    HungByHand,
    /// The primary hangs, and automatic failover does nothing: it is switched off, the replica promoted, and on again.
    HungStalled,
    /// The only node hangs: a person approves that it cannot be fenced whole; restored, cut over.
    HungAlone,
    /// It is `create-failed`: restored, cut over.
    Failed,
    /// The same with cluster mode.
    FailedShards,
    /// It is `create-failed`, and there is no snapshot: a person approves an empty one.
    Cold,
    /// It was deleted; a person approves its recovery.
    Deletion,
    /// A person deleted keys and asks for a copy beside production.
    HumanError,
    /// The same, then cut over with the plan's hash.
    HumanErrorCutOver,
    /// The restored copy lacks most of its keys.
    CopyIsWrong,
    /// The first restore never becomes usable.
    RestoreFails,
    /// A cut-over is regretted.
    Undo,
    /// Tonight's backup.
    Backup,
}

impl Tale {
    /// The account before anything happens.
    pub async fn begin(self) -> Account {
        let shape = match self {
            Self::HungByHand => Shape::PairByHand,
            Self::HungAlone => Shape::Alone,
            Self::FailedShards => Shape::Shards,
            _ => Shape::Pair,
        };
        let account = Account::with_cache(CACHE, shape).await;
        if self == Self::Cold {
            let names = account.cloud.see().rds.model.cache_snapshot_names();
            names.into_iter().for_each(|snapshot_name| drop(account.call(&DeleteCacheSnapshot { snapshot_name })));
        }
        account
    }

    /// What is arranged before it happens.
    pub fn prepare(self, account: &mut Account) {
        let (state, hook): (&str, Hook) = match self {
            Self::CopyIsWrong => {
                let lose = |cloud: &lifeboat_testing::memory::Cloud| {
                    let copy = copy_of_orders(cloud).1;
                    (1..=18).for_each(|key| assert!(write_inside(cloud, &copy, key, None), "a key is lost"));
                };
                ("ValidateRestored", Box::new(lose))
            }
            Self::RestoreFails => {
                account.cloud.touch().rds.data.break_effects("provision", "the node cannot be started");
                ("CleanUpRestore", Box::new(|cloud| cloud.touch().rds.data.mend()))
            }
            Self::HungStalled => {
                account.happen(|model, _| model.stall_failover(true));
                return;
            }
            _ => return,
        };
        account.before.insert((state.to_owned(), 1), hook);
    }

    /// Lets it happen; its end is the story's.
    pub async fn play(self, account: &mut Account) {
        let story = Story::Cache(self);
        match self {
            Self::NodeLost => {
                account.happen(|model, now| model.lose_primary(ORDERS, now)).unwrap();
                account.pass(Duration::seconds(20)).await;
                account.sweeps(2).await;
            }
            Self::HungByHand | Self::HungStalled => self.hang(account).await,
            Self::HungAlone => {
                self.hang(account).await;
                account.settle().await;
                story.approve(account).await;
            }
            Self::Failed | Self::FailedShards | Self::CopyIsWrong | Self::RestoreFails => {
                account.happen(|model, _| model.fail_cache(ORDERS)).unwrap();
                account.sweeps(1).await;
            }
            Self::Cold => {
                account.happen(|model, _| model.fail_cache(ORDERS)).unwrap();
                account.sweeps(1).await;
                account.settle().await;
                story.approve(account).await;
            }
            Self::Deletion => {
                account.happen(|model, now| model.delete_cache_behind_back(ORDERS, now)).unwrap();
                account.pass(Duration::minutes(5)).await;
                account.settle().await;
                story.approve(account).await;
            }
            Self::HumanError => Story::HumanError.human_error(account).await,
            Self::HumanErrorCutOver => Story::HumanErrorCutOver.human_error(account).await,
            Self::Undo => {
                Story::HumanErrorCutOver.human_error(account).await;
                while account.incidents().iter().any(|incident| incident.state == IncidentState::Open) {
                    account.settle().await;
                }
                account.pass(Duration::minutes(10)).await;
                account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
                account.settle().await;
                story.approve(account).await;
            }
            Self::Backup => drop(account.backup().await),
        }
    }

    async fn hang(self, account: &mut Account) {
        account.happen(|model, now| model.hang_primary(ORDERS, now)).unwrap();
        account.sweeps(2).await;
        while account.incidents().is_empty() {
            account.sweeps(1).await;
        }
    }

    /// The machines that the tale is about.
    pub const fn machines(self) -> &'static [&'static str] {
        match self {
            Self::Backup => &["backup/"],
            Self::HungByHand | Self::HungStalled => &["recovery/", "sweep/"],
            Self::HungAlone | Self::Cold | Self::Deletion | Self::HumanErrorCutOver | Self::Undo => &["recovery/", "approval/"],
            _ => &["recovery/"],
        }
    }
}
