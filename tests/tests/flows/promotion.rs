//! Promoting a read replica: the story, the lag gate, the choice between replicas, and what goes wrong.

use crate::account::{Account, GOLD, ORDERS, REPLICA, rows_of, server_of, write_to};
use crate::story::{Story, check_always};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::{Plan, Remedy};
use lifeboat_testing::model::{FaultKind, ModifyDbInstance, When};
use serde_json::json;

/// Plays a story; its last incident must have ended so. Answers the calls that it made.
async fn told(story: Story, outcome: Outcome) -> (Account, Vec<String>) {
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(outcome), "{}", account.explain());
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    let calls = account.calls_since(before);
    (account, calls)
}

fn actions(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split(' ').next().unwrap()).collect()
}

fn plan(account: &Account) -> Plan {
    let incident = account.incident();
    account.document(&keys::plan(&incident.id, incident.plan.as_ref().unwrap())).unwrap()
}

fn server(account: &Account, name: &str) -> String {
    server_of(&account.cloud, name).unwrap()
}

/// Every row that any side acknowledged is served.
fn assert_nothing_lost(account: &Account) {
    let rows = account.rows();
    let lost: Vec<i64> = account.client.acknowledged.iter().map(|row| row.0).filter(|key| !rows.contains_key(key)).collect();
    assert_eq!(lost, Vec::<i64>::new(), "{}", account.explain());
}

/// An account under this policy whose source fails; its replicas are made by `prepare`.
async fn failing(gold: &str, replicas: &[&str], prepare: impl FnOnce(&mut Account)) -> (Account, Vec<String>) {
    let mut account = Account::under(gold, false).await;
    for name in replicas {
        account.add_replica(name, |_| {}).await;
    }
    prepare(&mut account);
    account.pass(Duration::minutes(8)).await;
    let before = account.last_call();
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    let calls = account.calls_since(before);
    (account, calls)
}

const PROMOTE: &str = "PromoteReadReplica";
const MODIFY: &str = "ModifyDBInstance";
const TAG: &str = "AddTagsToResource";

#[tokio::test]
async fn a_failed_instance_with_a_replica_is_replaced_by_it_and_no_row_is_lost() {
    let (account, calls) = told(Story::Promotion, Outcome::Recovered).await;
    assert_eq!(actions(&calls), [PROMOTE, MODIFY, TAG, TAG, "RemoveTagsFromResource", "CreateDBSnapshot"], "{calls:?}");
    assert!(calls[0].contains("\"BackupRetentionPeriod\":7"), "as many days of backups as the source had: {}", calls[0]);
    assert_eq!(account.record().id.as_str(), REPLICA);
    assert_nothing_lost(&account);
    let promoted = account.instance(REPLICA);
    assert_eq!(promoted["ReadReplicaSourceDBInstanceIdentifier"], json!(null));
    assert_eq!((&promoted["BackupRetentionPeriod"], &promoted["DeletionProtection"]), (&json!(7), &json!(true)));
    assert_eq!(account.instance(ORDERS)["DBInstanceStatus"], "failed", "the source is kept");
    let text = account.texts_about("RECOVERED");
    assert!(text.contains("replicate_source_db") && text.contains("orders-db-b is no replica any more"), "{text}");
}

#[tokio::test]
async fn a_hung_source_is_fenced_before_its_replica_can_be_written() {
    let (account, calls) = told(Story::PromotionHung, Outcome::Recovered).await;
    assert_eq!(actions(&calls)[..3], [MODIFY, "RebootDBInstance", PROMOTE], "{calls:?}");
    assert!(calls[0].contains("sg-fence") && calls[0].contains("\"orders-db\""), "{}", calls[0]);
    assert_eq!(account.record().id.as_str(), REPLICA);
    assert_nothing_lost(&account);
}

#[tokio::test]
async fn the_source_is_probed_judged_and_proven_fenced_before_the_promotion_and_again_before_clients_are_moved() {
    let (account, _) = told(Story::PromotionHung, Outcome::Recovered).await;
    let at = |state: &str| account.tasks.iter().filter(|task| **task == format!("recovery/{state}")).count();
    assert_eq!((at("ProbeSourceAgain"), at("JudgeBeforeCutOver"), at("ProveFence")), (2, 2, 2), "{:?}", account.tasks);
}

#[tokio::test]
async fn a_single_az_replica_of_a_multi_az_source_gets_its_standby_once_clients_are_served() {
    let mut account = Account::under(GOLD, true).await;
    account.add_replica(REPLICA, |_| {}).await;
    let before = account.last_call();
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let calls = account.calls_since(before);
    let last = calls.last().unwrap();
    assert!(last.starts_with(MODIFY) && last.contains("\"MultiAZ\":true"), "{calls:?}");
    account.pass(Duration::minutes(30)).await;
    assert_eq!(account.instance(REPLICA)["MultiAZ"], json!(true));
    let risks = plan(&account).risks.join("; ");
    assert!(risks.contains("has no standby until"), "{risks}");
}

#[tokio::test]
async fn a_replica_that_lags_more_than_the_policy_allows_asks_a_person_who_may_approve_it() {
    let mut account = Account::under(&GOLD.replace("max_data_loss: 30m", "max_data_loss: 1m"), false).await;
    account.add_replica(REPLICA, |_| {}).await;
    // Without automated backups a restore would lose more still.
    account.call(&ModifyDbInstance { backup_retention_period: Some(0), ..ModifyDbInstance::now(ORDERS) });
    account.pass(Duration::minutes(5)).await;
    account.happen(|model, now| model.stop_streaming(REPLICA, now)).unwrap();
    account.pass(Duration::minutes(3)).await;
    let before = account.last_call();
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    let calls = account.calls_since(before);
    assert_eq!(calls, Vec::<String>::new(), "{}", account.explain());
    let incident = account.incident();
    assert_eq!((incident.state, incident.outcome), (IncidentState::WaitingForPerson, Some(Outcome::Refused)), "{}", account.explain());
    assert_eq!(plan(&account).remedy, Some(Remedy::PromoteReplica));
    assert!(account.last_text().contains("more than the policy's max_data_loss of 1 min"), "{}", account.last_text());
    account.pass(Duration::minutes(2)).await;
    let approved = json!({"resource": ORDERS, "scenario": "instance_failure", "run": "execute", "plan": incident.plan});
    assert!(account.ask(approved).await.is_well(), "{}", account.explain());
    assert_eq!(account.record().id.as_str(), REPLICA, "{}", account.explain());
}

#[tokio::test]
async fn a_replica_that_would_lose_more_than_a_restore_goes_behind_it() {
    let (account, calls) = failing(GOLD, &[REPLICA], |account| {
        account.happen(|model, now| model.stop_streaming(REPLICA, now)).unwrap();
    })
    .await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert!(calls[0].starts_with("RestoreDBInstanceToPointInTime"), "{calls:?}");
    let options: Vec<Remedy> = plan(&account).options.iter().map(|option| option.remedy).collect();
    assert_eq!(options[..2], [Remedy::RestoreLatest, Remedy::PromoteReplica]);
    assert_eq!(account.instance(REPLICA)["ReadReplicaSourceDBInstanceIdentifier"], ORDERS, "it is left as it is");
}

#[tokio::test]
async fn of_two_replicas_the_one_that_lost_less_is_promoted_and_the_other_is_named() {
    let (account, calls) = failing(GOLD, &["orders-db-a", REPLICA], |account| {
        account.happen(|model, now| model.stop_streaming("orders-db-a", now)).unwrap();
    })
    .await;
    assert_eq!(account.record().id.as_str(), REPLICA, "{}", account.explain());
    assert_eq!(calls.iter().filter(|call| call.starts_with(PROMOTE)).count(), 1, "{calls:?}");
    let plan = plan(&account);
    assert!(plan.reason.contains("orders-db-a is passed over: it would lose"), "{}", plan.reason);
    let guidance = plan.guidance.join("; ");
    assert!(guidance.contains("create-db-instance-read-replica") && guidance.contains("orders-db-a"), "{guidance}");
    assert!(account.texts_about("RECOVERED").contains("orders-db-a"), "{}", account.texts_about("RECOVERED"));
}

#[tokio::test]
async fn a_replica_that_is_not_free_not_marked_or_broke_before_is_passed_over_with_the_reason() {
    type Prepare = fn(&mut Account);
    let cases: [(Prepare, &str); 3] = [
        (|account| account.happen(|model, now| model.stuck(REPLICA, "modifying", now)).unwrap(), "RDS reports modifying"),
        (
            |account| {
                account.happen(|model, now| model.stop_streaming(REPLICA, now)).unwrap();
                account.happen(|model, now| model.break_replication(REPLICA, "terminated", now)).unwrap();
            },
            "RDS reports its replication as terminated",
        ),
        (
            |account| {
                let arn = account.instance(REPLICA)["DBInstanceArn"].as_str().unwrap().to_owned();
                let keys = vec!["lifeboat:promotable".to_owned()];
                account.call(&lifeboat_testing::model::RemoveTagsFromResource { resource_name: arn, tag_keys: keys });
            },
            "it does not carry the tag lifeboat:promotable=orders-db",
        ),
    ];
    for (prepare, why) in cases {
        let (account, calls) = failing(GOLD, &[REPLICA], prepare).await;
        assert!(calls[0].starts_with("RestoreDBInstanceToPointInTime"), "{why}: {calls:?}");
        let option = plan(&account).options.into_iter().find(|option| option.remedy == Remedy::PromoteReplica).unwrap();
        assert!(!option.possible && option.reason.contains(why), "{}", option.reason);
    }
}

#[tokio::test]
async fn a_replication_that_broke_because_the_source_died_is_no_obstacle() {
    let mut account = Account::under(GOLD, false).await;
    account.add_replica(REPLICA, |_| {}).await;
    account.happen(|model, now| {
        model.fail_instance(ORDERS, now).unwrap();
        model.break_replication(REPLICA, "error", now).unwrap();
    });
    account.settle().await;
    assert_eq!(account.record().id.as_str(), REPLICA, "{}", account.explain());
    assert_nothing_lost(&account);
}

#[tokio::test]
async fn a_refused_promotion_gives_the_source_its_groups_back_and_is_followed_by_a_restore() {
    let (account, calls) = told(Story::PromotionRefused, Outcome::Recovered).await;
    assert!(actions(&calls).contains(&"RestoreDBInstanceToPointInTime"), "{calls:?}");
    assert_eq!(account.instance(REPLICA)["ReadReplicaSourceDBInstanceIdentifier"], ORDERS, "it is a replica still");
    let reason = plan(&account).options.into_iter().find(|option| option.remedy == Remedy::PromoteReplica).unwrap().reason;
    assert!(reason.contains("was refused") && reason.contains("not asked for twice"), "{reason}");
}

#[tokio::test]
async fn a_promotion_whose_reply_was_lost_is_recognised_and_never_sent_twice() {
    let mut account = Story::Promotion.begin().await;
    account.fault(PROMOTE, When::Nth(1), FaultKind::ReplyLost);
    Story::Promotion.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let sent = account.cloud.see().rds.model.calls().iter().filter(|call| call.action == PROMOTE).count();
    assert_eq!(sent, 1, "sent once");
}

#[tokio::test]
async fn a_promotion_that_was_lost_on_its_way_is_not_asked_for_again_but_goes_to_a_person_with_the_command() {
    for kind in [FaultKind::TimeoutBefore, FaultKind::ServiceError] {
        for story in [Story::Promotion, Story::PromotionHung] {
            let mut account = story.begin().await;
            account.fault(PROMOTE, When::Nth(1), kind.clone());
            story.play(&mut account).await;
            let sent = account.cloud.see().rds.model.calls().iter().filter(|call| call.action == PROMOTE).count();
            assert_eq!((sent, account.incident().outcome), (1, Some(Outcome::Failed)), "{}", account.explain());
            assert_eq!(check_always(&account), Ok(()));
            assert_eq!(account.secret_versions().len(), 1, "nobody is moved");
            let groups = account.instance(ORDERS)["VpcSecurityGroups"].to_string();
            assert!(groups.contains("sg-app") && !groups.contains("sg-fence"), "opened again: {groups}");
            let text = account.texts_about("FAILED");
            assert!(text.contains("cannot be told") && text.contains("promote-read-replica"), "what happened, and the command: {text}");
        }
    }
}

#[tokio::test]
async fn a_replica_that_is_busy_with_its_backup_is_asked_again_for_a_while() {
    let mut account = Story::Promotion.begin().await;
    let busy = || FaultKind::Refused { code: "InvalidDBInstanceState".to_owned(), message: "backing-up".to_owned() };
    account.fault(PROMOTE, When::Nth(1), busy());
    Story::Promotion.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.record().id.as_str(), REPLICA, "{}", account.explain());
}

#[tokio::test]
async fn a_source_that_answers_again_behind_its_fence_is_opened_and_nothing_is_promoted() {
    for state in ["ProveFence", "PromoteReplica"] {
        let mut account = Story::Promotion.begin().await;
        account.before(state, |cloud| {
            let source = server_of(cloud, ORDERS).unwrap();
            let mut world = cloud.touch();
            let now = world.rds.now();
            let up = lifeboat_testing::model::Effect::Restart { server: source };
            lifeboat_testing::data::DataPlane::carry_out(&mut world.rds.data, now, &up).unwrap();
            world.rds.happen(|model, now| model.set_status(ORDERS, "available", now)).unwrap();
        });
        let before = account.last_call();
        Story::Promotion.play(&mut account).await;
        let calls = account.calls_since(before);
        assert!(!actions(&calls).contains(&PROMOTE), "{state}: {calls:?}");
        assert_eq!(account.secret_versions().len(), 1, "{state}: nobody is moved");
        assert_eq!(account.serving(), server_of(&account.cloud, ORDERS), "{state}");
        assert!(rows_of(&account.cloud, &server(&account, ORDERS)).is_some(), "{state}: clients are let in");
    }
}

#[tokio::test]
async fn somebody_who_opens_the_fence_before_the_promotion_stops_it() {
    let mut account = Story::PromotionHung.begin().await;
    account.before("PromoteReplica", |cloud| {
        let open = ModifyDbInstance { vpc_security_group_ids: Some(vec!["sg-app".to_owned()]), ..ModifyDbInstance::now(ORDERS) };
        cloud.touch().rds.call(&open).unwrap();
        cloud.touch().rds.advance(Duration::minutes(1));
    });
    let before = account.last_call();
    Story::PromotionHung.play(&mut account).await;
    assert!(!actions(&account.calls_since(before)).contains(&PROMOTE), "{}", account.explain());
    assert!(
        account.texts_about("REFUSED").contains("not behind its fence") || account.texts_about("FAILED").contains("not behind its fence")
    );
}

#[tokio::test]
async fn a_wrong_promoted_replica_is_held_kept_and_named_and_its_source_is_opened_again() {
    let (account, calls) = told(Story::PromotedIsWrong, Outcome::HeldByValidation).await;
    assert_eq!(actions(&calls)[0], PROMOTE);
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved");
    assert_eq!(account.instance(REPLICA)["ReadReplicaSourceDBInstanceIdentifier"], json!(null), "there is no way back");
    let text = account.last_text();
    assert!(text.contains("orders-db-b was promoted and is kept") && text.contains("create-db-instance-read-replica"), "{text}");
}

#[tokio::test]
async fn a_source_in_a_dark_zone_is_replaced_although_the_reboot_that_fences_it_never_ends() {
    for has_replica in [true, false] {
        let mut account = Account::under(GOLD, false).await;
        if has_replica {
            account.add_replica(REPLICA, |it| it.availability_zone = Some("us-east-1b".to_owned())).await;
        }
        account.happen(|model, now| model.az_outage(ORDERS, now)).unwrap();
        account.sweeps(2).await;
        account.settle().await;
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
        assert_eq!(account.instance(ORDERS)["DBInstanceStatus"], "rebooting");
        assert_eq!(account.record().id.as_str() == REPLICA, has_replica, "{}", account.explain());
        assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    }
}

#[tokio::test]
async fn a_refused_promotion_whose_fence_has_brought_the_source_back_leaves_it_in_service() {
    let mut account = Story::PromotionHung.begin().await;
    let kind = FaultKind::Refused { code: "InvalidParameterCombination".to_owned(), message: "not this one".to_owned() };
    account.fault(PROMOTE, When::Always, kind);
    let before = account.last_call();
    Story::PromotionHung.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::SelfHealed), "{}", account.explain());
    assert_eq!(actions(&account.calls_since(before)), [MODIFY, "RebootDBInstance", MODIFY], "fenced, and opened again");
    let groups = account.instance(ORDERS)["VpcSecurityGroups"].to_string();
    assert!(groups.contains("sg-app") && !groups.contains("sg-fence"), "{groups}");
    assert_nothing_lost(&account);
}

#[tokio::test]
async fn a_fence_that_cannot_be_opened_after_a_held_promotion_is_told_with_its_command() {
    let mut account = Story::PromotionHung.begin().await;
    account.before("ValidateRestored", |cloud| assert!(write_to(cloud, &server_of(cloud, REPLICA).unwrap(), 7, None), "a row is lost"));
    account.before("OpenBeforeHold", |cloud| {
        let kind = FaultKind::Refused { code: "AccessDenied".to_owned(), message: "the role may not".to_owned() };
        let action = Some("ModifyDBInstance".to_owned());
        cloud.touch().add_fault(lifeboat_testing::model::Fault { action, resource: None, when: When::Always, kind });
    });
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.recoveries().await;
    assert_eq!(account.incident().outcome, Some(Outcome::HeldByValidation), "{}", account.explain());
    let text = account.last_text();
    assert!(text.contains("The fence is not open again") && text.contains("--vpc-security-group-ids sg-app"), "{text}");
}

#[tokio::test]
async fn a_promoted_replica_gets_its_standby_also_where_its_way_back_was_gone_once() {
    let mut account = Account::under(GOLD, true).await;
    account.add_replica(REPLICA, |_| {}).await;
    account.before("VerifyCutOver", |cloud| cloud.touch().rds.happen(|model, now| model.hang(REPLICA, now)).unwrap());
    // Whatever brings it back, it hangs again.
    account.whenever = Some(Box::new(|cloud| drop(cloud.touch().rds.happen(|model, now| model.hang(ORDERS, now)))));
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    let ended = account.next_recovery().await;
    assert!(!ended.is_well(), "{}", account.explain());
    account.advance(Duration::minutes(3));
    let plan = account.incident().plan.unwrap();
    account.ask(json!({"resource": ORDERS, "scenario": "hung", "run": "execute", "plan": plan})).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    account.pass(Duration::minutes(30)).await;
    assert_eq!(account.instance(REPLICA)["MultiAZ"], json!(true), "{}", account.explain());
}
