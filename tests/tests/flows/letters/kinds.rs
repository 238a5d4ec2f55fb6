//! What is told otherwise of a DynamoDB table, and of an ElastiCache replication group.

use super::Scene;
use super::When::{Begins, Broken, News, Orders, Question, Refused, Stopped, Well};
use super::scenes::story;
use crate::caches::{CacheTale as Tale, emptied, filled};
use crate::members::MemberTale;
use crate::story::Story;
use crate::tables;

pub(super) fn all() -> Vec<Scene> {
    let tale = |tale: Tale| story(Story::Cache(tale));
    let member = |tale: MemberTale| story(Story::Member(tale));
    vec![
        Scene::new(
            &[
                (Question, "Another Region is lost: may the replica cluster here take over?", "APPROVAL NEEDED"),
                (Well, "Another Region is lost: the replica cluster here was promoted, and clients were led to it", "TOOK OVER"),
            ],
            member(MemberTale::Cluster),
        ),
        Scene::new(
            &[(Well, "Another Region is lost: the replication group here became the primary of its global datastore", "TOOK OVER")],
            member(MemberTale::Cache),
        ),
        Scene::new(
            &[(Well, "Another Region is lost: it took over, and the policy names no way to move clients", "TOOK OVER")],
            member(MemberTale::ClusterByHand),
        ),
        Scene::new(
            &[(Refused, "Another Region is lost: ElastiCache refuses, as that Region cannot be called", "NO AUTOMATIC REMEDY")],
            member(MemberTale::CacheRefused),
        ),
        Scene::new(
            &[(Stopped, "Another Region is lost: what was promoted here does not pass a check", "HELD")],
            member(MemberTale::ClusterIsWrong),
        ),
        Scene::new(
            &[
                (Question, "DynamoDB table: somebody deleted it", "APPROVAL NEEDED"),
                (Well, "DynamoDB table: it was restored under another name, and clients were moved", "RECOVERED"),
            ],
            tables::deleted(),
        ),
        Scene::new(
            &[
                (Question, "Another Region is lost: may clients be led to the replica of the global table here?", "APPROVAL NEEDED"),
                (Well, "Another Region is lost: clients were led to the replica of the global table here", "TOOK OVER"),
            ],
            tables::led_here(),
        ),
        Scene::new(&[(News, "A global table is not ready for the loss of a Region", "is not ready")], tables::not_ready()),
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
                (Orders, "DynamoDB table: items could be written back from the copy", "can be salvaged"),
                (Orders, "DynamoDB table: they were written back", "items salvaged"),
            ],
            tables::salvage::salvaged(),
        ),
        Scene::new(
            &[(Orders, "DynamoDB table: writing items back gave way to a recovery", "the salvage has ended early")],
            tables::salvage::given_way(),
        ),
        Scene::new(
            &[
                (News, "DynamoDB table: its point-in-time recovery was switched off", "point-in-time recovery was switched off"),
                (News, "DynamoDB table: the sweep finds no point-in-time recovery", "has no point-in-time recovery"),
            ],
            tables::unprotected(),
        ),
        Scene::new(
            &[
                (News, "DynamoDB table: its export to S3 failed", "its export to S3 has failed"),
                (News, "DynamoDB table: its export to S3 lasts for days", "its export to S3 does not end"),
                (News, "DynamoDB table: its export to S3 was refused", "it could not be exported to S3"),
                (News, "DynamoDB table: it cannot be exported to S3 without point-in-time recovery", "it is not exported to S3"),
            ],
            tables::exports::troubled(),
        ),
        Scene::new(
            &[(Begins, "DynamoDB table: it was deleted, and nothing but an export is left", "NO AUTOMATIC REMEDY")],
            tables::exports::only_an_export_is_left(),
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
        Scene::new(
            &[(Well, "Replication group: AWS replaced its only node by an empty one, and a copy stands beside it", "RESTORED")],
            emptied::found(),
        ),
        Scene::new(&[(Well, "A restored database whose cache could not be emptied", "RECOVERED")], filled::refuses()),
    ]
}
