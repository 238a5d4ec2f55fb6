//! What else happens on a bad night: people at work in the same account, executions that die without a trace, blind probes.

use crate::account::{Account, GOLD, ORDERS, server_of, write_to};
use crate::story::{Story, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Plan;
use lifeboat_testing::model::ModifyDbInstance;
use lifeboat_testing::model::{Fault, FaultKind, When};
use serde_json::{Value, json};

fn told(account: &Account, subject: &str) -> usize {
    account.subjects().iter().filter(|told| told.contains(subject)).count()
}

async fn hang(account: &mut Account) {
    let id = account.record().id.to_string();
    account.happen(|model, now| model.hang(&id, now)).unwrap();
}

#[tokio::test]
async fn another_database_that_has_taken_the_sources_name_meanwhile_is_never_touched() {
    let mut account = Account::new(false).await;
    hang(&mut account).await;
    account.sweeps(2).await;
    account.before("CheckRestore", |cloud| {
        cloud.touch().rds.happen(|model, now| model.delete_behind_back(ORDERS, true, now)).unwrap();
    });
    account.before("ProbeSourceAgain", |cloud| {
        cloud.touch().rds.call(&lifeboat_testing::model::CreateDbInstance::example(ORDERS)).unwrap();
    });
    account.settle().await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::SourceHealed), "{}", account.explain());
    let touched: Vec<String> =
        account.calls_since(0).into_iter().filter(|call| call.contains("\"orders-db\"") && !call.starts_with("Create")).collect();
    assert!(touched.iter().all(|call| call.starts_with("RestoreDBInstance")), "{touched:?}");
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved");
    assert!(incident.verdict.is_some_and(|verdict| verdict.as_str() == "unknown"));
}

#[tokio::test]
async fn a_renamed_database_is_no_deleted_one() {
    let mut account = Account::new(false).await;
    let rename = ModifyDbInstance { new_db_instance_identifier: Some("orders-old".to_owned()), ..ModifyDbInstance::now(ORDERS) };
    account.call(&rename);
    account.pass(Duration::minutes(10)).await;
    let calls = account.last_call();
    account.sweeps(3).await;
    account.settle().await;
    assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{}", account.explain());
    assert!(account.incidents().iter().all(|incident| incident.outcome != Some(Outcome::Recovered)));
}

#[tokio::test]
async fn an_old_copy_is_no_remedy_once_its_source_has_served_again() {
    let mut account = Account::new(false).await;
    hang(&mut account).await;
    account.sweeps(2).await;
    account.before("ProbeSourceAgain", |cloud| cloud.touch().rds.happen(|model, now| model.resume(ORDERS, now)).unwrap());
    account.settle().await;
    let stopped = account.incident();
    assert_eq!(stopped.outcome, Some(Outcome::SourceHealed), "{}", account.explain());
    let old_copy = copy_of_orders(&account.cloud).0;
    account.sweeps(1).await;
    account.pass(Duration::days(3)).await;
    account.sweeps(1).await;
    hang(&mut account).await;
    account.pass(Duration::minutes(4)).await;
    let pasted = json!({"resource": ORDERS, "scenario": "hung", "run": "execute", "plan": stopped.plan});
    let ended = account.ask(pasted).await;
    assert_eq!(ended.error(), "Dr.Refused", "{}", account.explain());
    assert_eq!(account.secret_versions().len(), 1, "nobody is moved three days back");
    let approved = json!({"resource": ORDERS, "scenario": "hung", "run": "execute", "plan": account.incident().plan});
    assert!(account.ask(approved).await.is_well(), "{}", account.explain());
    let serves = account.record().id.to_string();
    assert!(serves != old_copy && serves != ORDERS, "{serves}: {}", account.explain());
    assert!(account.rows().len() > 4_000, "three days of writes are there");
}

#[tokio::test]
async fn a_recovery_that_dies_before_it_could_write_anything_is_tried_again_and_then_told() {
    let mut account = Account::new(false).await;
    account.unavailable = vec!["OpenIncident"];
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.recoveries().await;
    for _ in 0..8 {
        account.sweeps(1).await;
        account.recoveries().await;
    }
    let incident = account.incident();
    assert_eq!((incident.state, incident.outcome), (IncidentState::WaitingForPerson, Some(Outcome::Interrupted)), "{}", account.explain());
    assert_eq!(account.cloud.see().executions.len(), 3, "three attempts");
    assert_eq!(told(&account, "interrupted"), 1, "{:?}", account.subjects());
}

#[tokio::test]
async fn a_request_that_was_refused_because_another_recovery_runs_is_not_carried_out_later() {
    let mut account = Account::new(false).await;
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.deliver().await;
    let at = lifeboat_domain::show_time(account.time() - Duration::minutes(8));
    let ended = account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "run": "execute"})).await;
    assert_eq!(ended.error(), "Dr.Conflict", "{}", ended.cause());
    account.settle().await;
    account.sweeps(6).await;
    account.recoveries().await;
    let asked: Vec<_> = account.incidents().into_iter().filter(|incident| incident.id.as_str().contains("asked")).collect();
    assert!(asked.is_empty(), "nothing was opened: {asked:#?}");
    assert_eq!(account.record().generation, 1, "one recovery: {}", account.explain());
}

#[tokio::test]
async fn a_database_that_no_probe_ever_reached_is_told_and_never_recovered_for_its_silence() {
    let mut account = Account::empty(crate::account::policies(GOLD));
    account.create(ORDERS, true, &[]);
    account.advance(Duration::minutes(20));
    account.make_secret();
    account.cloud.touch().visits.insert(ORDERS.to_owned(), lifeboat_domain::probe::ProbeOutcome::NoAnswer);
    account.cloud.touch().rds.take_events();
    let calls = account.last_call();
    account.sweeps(6).await;
    account.settle().await;
    assert_eq!((account.incidents().len(), account.calls_since(calls).len()), (0, 0), "{}", account.explain());
    assert_eq!(told(&account, "orders-db cannot be probed"), 1, "{:?}", account.subjects());
}

#[tokio::test]
async fn silence_since_somebody_changed_the_security_groups_goes_to_a_person() {
    let mut account = Account::new(true).await;
    let change = ModifyDbInstance { vpc_security_group_ids: Some(vec!["sg-new".to_owned()]), ..ModifyDbInstance::now(ORDERS) };
    account.call(&change);
    account.cloud.touch().visits.insert(ORDERS.to_owned(), lifeboat_domain::probe::ProbeOutcome::NoAnswer);
    account.pass(Duration::minutes(2)).await;
    let calls = account.last_call();
    account.sweeps(4).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::NeedsPerson), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    assert!(account.texts_about("NEEDS YOU").contains("sg-new"), "{}", account.texts_about("NEEDS YOU"));
}

#[tokio::test]
async fn a_story_about_data_that_waits_does_not_hide_that_the_server_hangs() {
    let mut account = Account::under(&GOLD.replace("mode: automatic", "mode: automatic\n    modes: {corruption: approve}"), false).await;
    let server = server_of(&account.cloud, ORDERS).unwrap();
    account.pass(Duration::minutes(8)).await;
    write_to(&account.cloud, &server, 3, Some("-3.00"));
    account.sweeps(1).await;
    account.settle().await;
    assert_eq!(account.incident().state, IncidentState::WaitingForPerson, "{}", account.explain());
    hang(&mut account).await;
    account.sweeps(3).await;
    account.settle().await;
    let hung = account.incident();
    assert_eq!(hung.scenario.map(|scenario| scenario.as_str()), Some("hung"), "{}", account.explain());
    assert_ne!(hung.outcome, None, "{}", account.explain());
}

fn rds_event(account: &Account, number: &str) -> Value {
    let arn = "arn:aws:rds:us-east-1:123456789012:db:orders-db";
    let now = lifeboat_domain::show_time(account.time());
    json!({
        "version": "0", "id": format!("{number}-{now}"), "source": "aws.rds", "detail-type": "RDS DB Instance Event",
        "account": "123456789012", "region": "us-east-1", "time": now, "resources": [arn],
        "detail": {"EventCategories": ["maintenance"], "SourceType": "DB_INSTANCE", "SourceArn": arn, "SourceIdentifier": ORDERS,
                   "Date": now, "Message": "a message of RDS", "EventID": number},
    })
}

#[tokio::test]
async fn planned_work_that_ends_in_a_failure_is_a_failure() {
    let mut account = Account::new(false).await;
    let planned = rds_event(&account, "RDS-EVENT-0026");
    account.detect(planned).await.unwrap();
    account.pass(Duration::minutes(5)).await;
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
}

#[tokio::test]
async fn somebody_who_stops_a_protected_database_is_told_of_and_nothing_is_done() {
    let mut account = Account::new(false).await;
    let stopped = rds_event(&account, "RDS-EVENT-0087");
    let calls = account.last_call();
    account.detect(stopped).await.unwrap();
    account.happen(|model, now| model.set_status(ORDERS, "stopped", now)).unwrap();
    account.sweeps(4).await;
    assert_eq!((account.incidents().len(), account.calls_since(calls).len()), (0, 0), "{}", account.explain());
    assert_eq!(told(&account, "orders-db is stopped"), 1, "{:?}", account.subjects());
}

#[tokio::test]
async fn a_prober_that_cannot_run_is_told_and_a_failed_status_is_seen_all_the_same() {
    let mut account = Account::new(false).await;
    account.unavailable = vec!["ProbeGroup"];
    account.sweeps(2).await;
    assert_eq!(account.incidents().len(), 0, "a blind prober proves nothing");
    assert_eq!(told(&account, "orders-db cannot be probed"), 1, "{:?}", account.subjects());
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.collect();
    account.drop_events();
    account.sweeps(1).await;
    assert_eq!(account.incidents().len(), 1, "{}", account.explain());
}

#[tokio::test]
async fn a_database_whose_policy_vanished_hides_no_other() {
    let mut account = Account::new(false).await;
    account.create("other-db", false, &[]);
    account.advance(Duration::minutes(20));
    account.sweep().await;
    account.happen(|model, now| model.fail_instance("other-db", now)).unwrap();
    account.deliver().await;
    let policies = crate::account::policies(GOLD);
    let mut renamed = policies.clone();
    let gold = renamed.policies.remove("gold").unwrap();
    renamed.policies.insert("gold2".to_owned(), gold);
    account.policies = renamed;
    account.unavailable = vec!["OpenIncident"];
    account.recoveries().await;
    account.sweeps(3).await;
    assert!(told(&account, "could not be judged") + told(&account, "unknown policy") > 0, "{:?}", account.subjects());
}

#[tokio::test]
async fn a_fence_that_was_never_opened_is_no_part_of_a_later_copy() {
    let mut account = Account::new(false).await;
    hang(&mut account).await;
    account.stopped_before = Some("CutOver");
    account.sweeps(2).await;
    account.settle().await;
    account.sweeps(1).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Interrupted), "{}", account.explain());
    assert!(account.instance(ORDERS)["VpcSecurityGroups"].to_string().contains("sg-fence"), "a stopped execution undoes nothing");
    account.pass(Duration::minutes(10)).await;
    let calls = account.last_call();
    let plan = json!({"resource": ORDERS, "scenario": "instance_failure", "run": "plan"});
    assert!(account.ask(plan).await.is_well());
    let asked = account.incident();
    let planned: Plan = account.document(&keys::plan(&asked.id, &asked.plan.unwrap())).unwrap();
    let restore = serde_json::to_string(&planned.calls[0]).unwrap();
    assert!(restore.contains("sg-app") && !restore.contains("sg-fence"), "{restore}");
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_written_after_a_restore_point_is_nothing_to_compare_a_later_copy_with() {
    let mut account = Story::HumanErrorCutOver.begin().await;
    account.pass(Duration::minutes(6)).await;
    Story::HumanErrorCutOver.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    account.pass(Duration::minutes(20)).await;
    let serving = account.record().id.to_string();
    account.happen(|model, now| model.fail_instance(&serving, now)).unwrap();
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
}

#[tokio::test]
async fn a_copy_that_is_born_without_capacity_gives_way_to_the_policys_next_class() {
    let mut account = Account::new(false).await;
    account.before("CheckRestore", |cloud| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.happen(|model, now| model.set_status(&copy, "insufficient-capacity", now)).unwrap();
    });
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let restores: Vec<String> = account.calls_since(0).into_iter().filter(|call| call.starts_with("RestoreDBInstance")).collect();
    assert!(restores.len() == 2 && restores[1].contains("db.t4g.large"), "{restores:?}");
}

#[tokio::test]
async fn a_busy_database_is_asked_again_and_costs_the_others_of_its_batch_nothing() {
    let mut account = Account::new(false).await;
    account.create("second-db", false, &[]);
    account.advance(Duration::minutes(20));
    let busy = FaultKind::Refused { code: "InvalidDBInstanceState".to_owned(), message: "it is being modified".to_owned() };
    account.fault("CreateDBSnapshot", When::Times(3), busy);
    let calls = account.last_call();
    assert!(account.backup().await.is_well());
    let taken = account.calls_since(calls).len();
    assert_eq!(taken, 2, "both have a point: {:?}", account.subjects());
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn a_database_that_cannot_be_judged_keeps_no_other_one_from_being_found() {
    let mut account = Account::new(false).await;
    account.create("second-db", false, &[]);
    account.advance(Duration::minutes(20));
    account.sweeps(2).await;
    let partition = keys::record(&Identity::parse("second-db").unwrap()).partition;
    let kind = FaultKind::Throttle;
    account.cloud.touch().add_fault(Fault {
        action: Some("dynamodb:PutItem".to_owned()),
        resource: Some(partition),
        when: When::Always,
        kind,
    });
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(3).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.incident().resource.as_str(), ORDERS);
}

#[tokio::test]
async fn a_growth_of_unknown_fate_that_is_refused_when_sent_again_is_still_watched() {
    let mut account = Story::StorageFull.begin().await;
    account.fault("ModifyDBInstance", When::Nth(1), FaultKind::TimeoutBefore);
    let busy = FaultKind::Refused { code: "InvalidDBInstanceState".to_owned(), message: "it is being modified".to_owned() };
    account.fault("ModifyDBInstance", When::Nth(2), busy);
    Story::StorageFull.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::StorageGrown), "{}", account.explain());
    assert!(account.record().storage_grown_at.is_some(), "or it would be grown again within six hours");
    assert_eq!(check_always(&account), Ok(()));
}
