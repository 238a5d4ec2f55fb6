//! What is told otherwise of a DynamoDB table, and of an ElastiCache replication group.

use super::Scene;
use super::When::{Begins, Broken, News, Question, Refused, Well};
use super::scenes::story;
use crate::caches::CacheTale as Tale;
use crate::story::Story;
use crate::tables;

pub(super) fn all() -> Vec<Scene> {
    let tale = |tale: Tale| story(Story::Cache(tale));
    vec![
        Scene::new(
            &[
                (Question, "DynamoDB table: somebody deleted it", "APPROVAL NEEDED"),
                (Well, "DynamoDB table: it was restored under another name, and clients were moved", "RECOVERED"),
            ],
            tables::deleted(),
        ),
        Scene::new(&[(Well, "DynamoDB table: a copy stands beside production", "RESTORED")], tables::spoilt()),
        Scene::new(&[(Broken, "DynamoDB table: a person stopped the execution behind the fence", "INTERRUPTED")], tables::interrupted()),
        Scene::new(&[(Broken, "Replication group: a person stopped the execution behind the fence", "INTERRUPTED")], async {
            let mut account = Tale::HumanErrorCutOver.begin().await;
            account.stopped_before = Some("CutOver");
            Tale::HumanErrorCutOver.play(&mut account).await;
            account.settle().await;
            account.sweeps(3).await;
            account
        }),
        Scene::new(
            &[
                (News, "DynamoDB table: its point-in-time recovery was switched off", "point-in-time recovery was switched off"),
                (News, "DynamoDB table: the sweep finds no point-in-time recovery", "has no point-in-time recovery"),
            ],
            tables::unprotected(),
        ),
        Scene::new(
            &[(Well, "Replication group: the primary hung without automatic failover, and its replica was promoted", "FAILED OVER")],
            tale(Tale::HungByHand),
        ),
        Scene::new(
            &[
                (Begins, "Replication group: it is lost, and its newest snapshot is restored", "PLAN for"),
                (Well, "Replication group: it was restored, and clients were moved", "RECOVERED"),
            ],
            tale(Tale::Failed),
        ),
        Scene::new(
            &[(Refused, "Replication group: there is no snapshot, and an empty one must be approved", "APPROVAL NEEDED")],
            tale(Tale::Cold),
        ),
    ]
}
