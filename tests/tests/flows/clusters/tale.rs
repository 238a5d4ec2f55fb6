//! Stories of a DB cluster: the real machines and handlers, told as those of an instance are.

use crate::account::{Account, BETWEEN_SWEEPS, GOLD, Hook, Made, ORDERS, write_inside};
use crate::story::{Story, capacity_of_the_next_class, copy_of_orders, delete_rows};
use chrono::Duration;
use lifeboat_domain::incident::IncidentState;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::json;

/// What happens to the cluster `orders-db`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tale {
    /// The host of the writer is lost: RDS makes a reader the writer.
    WriterLost,
    /// The writer hangs: failed over.
    Hung,
    /// The writer of a Multi-AZ DB cluster hangs: failed over.
    HungMultiAz,
    /// The only member hangs: restored, fenced by its security group, cut over.
    HungAlone,
    /// RDS gives up on it: restored with its members, cut over.
    Failed,
    /// The same of a Multi-AZ DB cluster, whose restore makes its members itself.
    FailedMultiAz,
    /// It was deleted with its members; a person approves its recovery.
    Deletion,
    /// The same, and its automated backups went with it: tonight's snapshot is left.
    DeletionWithoutBackups,
    /// A person deleted rows and asks for a copy beside production.
    HumanError,
    /// The same, then cut over with the plan's hash.
    HumanErrorCutOver,
    /// A person deleted rows and wants a clone of what is there now.
    Clone,
    /// The restored copy lacks a row.
    CopyIsWrong,
    /// The first restore never becomes usable.
    RestoreFails,
    /// The class of the members is not to be had.
    NoCapacity,
    /// A cut-over is regretted.
    Undo,
    /// Tonight's backup.
    Backup,
}

impl Tale {
    /// The account before anything happens.
    pub async fn begin(self) -> Account {
        let made = match self {
            Self::HungMultiAz | Self::FailedMultiAz => Made::MultiAz,
            Self::HungAlone | Self::HumanErrorCutOver | Self::Undo => Made::Aurora(1),
            _ => Made::Aurora(3),
        };
        Account::with_cluster(GOLD, made).await
    }

    /// What is arranged before it happens.
    pub fn prepare(self, account: &mut Account) {
        let (state, hook): (&str, Hook) = match self {
            Self::CopyIsWrong => {
                ("ValidateRestored", Box::new(|cloud| assert!(write_inside(cloud, &copy_of_orders(cloud).1, 7, None), "a row is lost")))
            }
            Self::RestoreFails => {
                account.cloud.touch().rds.data.break_effects("make_volume", "the volume cannot be attached");
                ("CleanUpRestore", Box::new(|cloud| cloud.touch().rds.data.mend()))
            }
            Self::NoCapacity => {
                let kind = FaultKind::Refused { code: "InsufficientDBInstanceCapacity".to_owned(), message: "not now".to_owned() };
                account.fault("CreateDBInstance", When::Always, kind);
                account.whenever = Some(Box::new(capacity_of_the_next_class));
                return;
            }
            _ => return,
        };
        account.before.insert((state.to_owned(), 1), hook);
    }

    /// Lets it happen; its end is the story's.
    pub async fn play(self, account: &mut Account) {
        match self {
            Self::WriterLost => {
                account.happen(|model, now| model.lose_writer(ORDERS, now)).unwrap();
                account.pass(Duration::seconds(20)).await;
            }
            Self::Hung | Self::HungMultiAz | Self::HungAlone => self.hang(account).await,
            Self::Failed | Self::FailedMultiAz | Self::CopyIsWrong | Self::RestoreFails | Self::NoCapacity => {
                account.happen(|model, now| model.fail_cluster(ORDERS, "failed", now)).unwrap();
                account.sweeps(1).await;
            }
            Self::Deletion | Self::DeletionWithoutBackups => {
                let keeps = self == Self::Deletion;
                account.happen(|model, now| model.delete_cluster_behind_back(ORDERS, keeps, now)).unwrap();
                account.pass(Duration::minutes(5)).await;
                account.settle().await;
                Story::Cluster(self).approve(account).await;
            }
            Self::HumanError => Story::HumanError.human_error(account).await,
            Self::HumanErrorCutOver => Story::HumanErrorCutOver.human_error(account).await,
            Self::Clone => {
                account.pass(Duration::minutes(3)).await;
                delete_rows(&account.cloud);
                account.pass(Duration::minutes(2)).await;
                account.ask(json!({"resource": ORDERS, "scenario": "human_error", "option": "clone", "run": "execute"})).await;
                account.settle().await;
                Story::Cluster(self).approve(account).await;
            }
            Self::Undo => {
                self.hang(account).await;
                while account.incidents().iter().any(|incident| incident.state == IncidentState::Open) {
                    account.settle().await;
                    account.pass(BETWEEN_SWEEPS).await;
                }
                account.pass(Duration::minutes(10)).await;
                account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
                account.settle().await;
                Story::Cluster(self).approve(account).await;
            }
            Self::Backup => drop(account.backup().await),
        }
    }

    async fn hang(self, account: &mut Account) {
        account.happen(|model, now| model.hang_cluster(ORDERS, now)).unwrap();
        account.sweeps(2).await;
        while account.incidents().is_empty() {
            account.sweeps(1).await;
        }
    }

    /// The machines that the tale is about.
    pub const fn machines(self) -> &'static [&'static str] {
        match self {
            Self::Backup => &["backup/"],
            Self::Hung | Self::HungMultiAz | Self::HungAlone => &["recovery/", "sweep/"],
            Self::Deletion | Self::DeletionWithoutBackups | Self::HumanErrorCutOver | Self::Clone | Self::Undo => {
                &["recovery/", "approval/"]
            }
            _ => &["recovery/"],
        }
    }
}
