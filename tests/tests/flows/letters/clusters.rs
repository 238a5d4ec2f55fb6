//! What is told otherwise of a DB cluster.

use super::Scene;
use super::When::{Begins, News, Question, Refused, Stopped, Well};
use super::scenes::{denied, story};
use crate::account::{Account, GOLD, Made, ORDERS};
use crate::clusters::Tale;
use crate::story::Story;
use chrono::Duration;
use lifeboat_testing::model::When;

pub(super) fn all() -> Vec<Scene> {
    let tale = |tale: Tale| story(Story::Cluster(tale));
    vec![
        Scene::new(&[(Well, "DB cluster: the writer hung, and a reader was made the writer", "FAILED OVER")], tale(Tale::Hung)),
        Scene::new(
            &[
                (Begins, "DB cluster: the plan makes its members, too", "PLAN for"),
                (Well, "DB cluster: it was restored with its members, and clients were moved", "RECOVERED"),
            ],
            tale(Tale::Failed),
        ),
        Scene::new(&[(Well, "DB cluster: a copy stands beside production", "RESTORED")], tale(Tale::HumanError)),
        Scene::new(
            &[
                (Question, "DB cluster: a person wants a clone of what is there now", "APPROVAL NEEDED"),
                (Well, "DB cluster: a clone of today's data stands beside production", "CLONED"),
            ],
            tale(Tale::Clone),
        ),
        Scene::new(&[(Refused, "DB cluster: names of clusters are not swapped", "REFUSED")], async {
            let gold = GOLD.replace("cut_over: [secrets_manager]", "cut_over: [rename_swap]");
            failed(&gold, |_| {}).await
        }),
        Scene::new(&[(Stopped, "DB cluster: the role may not make a member", "FAILED")], async {
            failed(GOLD, |account| account.fault("CreateDBInstance", When::Always, denied())).await
        }),
        Scene::new(&[(News, "DB cluster: a copy is kept for more than a day", "NEWS 1 kept database waits")], async {
            let mut account = story(Story::Cluster(Tale::HumanError)).await;
            account.advance(Duration::hours(30));
            account.sweeps(3).await;
            account
        }),
    ]
}

/// The cluster `orders-db` fails for good under this policy, after something else was arranged.
async fn failed(gold: &str, arrange: impl FnOnce(&mut Account)) -> Account {
    let mut account = Account::with_cluster(gold, Made::Aurora(3)).await;
    arrange(&mut account);
    account.happen(|model, now| model.fail_cluster(ORDERS, "failed", now)).unwrap();
    account.settle().await;
    account.sweeps(1).await;
    account
}
