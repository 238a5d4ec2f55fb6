//! What must never start a recovery: readers, members, restored copies, and the clusters of other services.

use crate::account::{Account, GOLD, Made, ORDERS};
use crate::clusters::Tale;
use crate::story::{Story, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::events::CATALOGUE;
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::model::{CreateDbCluster, CreateDbClusterMember, RebootDbInstance, Tag};
use serde_json::{Value, json};

async fn a_cluster() -> Account {
    Account::with_cluster(GOLD, Made::Aurora(3)).await
}

fn event(account: &Account, id: &str, number: u16, (of_cluster, name): (bool, &str)) -> Value {
    let (detail_type, source_type, kind) =
        if of_cluster { ("RDS DB Cluster Event", "CLUSTER", "cluster") } else { ("RDS DB Instance Event", "DB_INSTANCE", "db") };
    let (arn, now) = (format!("arn:aws:rds:us-east-1:123456789012:{kind}:{name}"), lifeboat_domain::show_time(account.time()));
    json!({
        "version": "0", "id": id, "source": "aws.rds", "detail-type": detail_type, "account": "123456789012",
        "region": "us-east-1", "time": now, "resources": [arn],
        "detail": {
            "EventCategories": ["failure"], "SourceType": source_type, "SourceArn": arn, "SourceIdentifier": name,
            "Date": now, "Message": "a message of RDS", "EventID": format!("RDS-EVENT-{number:04}"),
        },
    })
}

fn alarm(account: &Account, name: &str, dimension: &str, value: &str) -> Value {
    let now = lifeboat_domain::show_time(account.time());
    json!({
        "version": "0", "id": format!("alarm-{name}-{value}"), "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
        "account": "123456789012", "region": "us-east-1", "time": now,
        "resources": [format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}")],
        "detail": {
            "alarmName": name, "state": {"value": "ALARM", "reason": "threshold crossed", "timestamp": now},
            "configuration": {"metrics": [{"id": "m1", "metricStat": {"metric": {
                "namespace": "AWS/RDS", "name": "DatabaseConnections", "dimensions": {(dimension): value}}, "period": 60, "stat": "Sum"}}]},
        },
    })
}

#[tokio::test]
async fn a_reader_that_restarts_or_is_lost_starts_no_recovery() {
    let mut account = a_cluster().await;
    let before = account.last_call();
    account.call(&RebootDbInstance { db_instance_identifier: "orders-db-2".to_owned(), force_failover: None });
    account.sweeps(3).await;
    account.happen(|model, now| model.az_outage("orders-db-3", now)).unwrap();
    account.pass(Duration::minutes(5)).await;
    account.sweeps(3).await;
    account.happen(|model, now| model.delete_behind_back("orders-db-2", false, now)).unwrap();
    account.pass(Duration::minutes(10)).await;
    account.settle().await;
    account.sweeps(3).await;
    let calls = account.calls_since(before);
    assert_eq!(calls.len(), 1, "only the person's own reboot: {calls:?}");
    let left: Vec<_> = account.incidents().into_iter().filter(|incident| incident.outcome != Some(Outcome::SelfHealed)).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn no_event_of_the_whole_catalogue_makes_lifeboat_change_a_cluster_that_answers() {
    let mut account = a_cluster().await;
    let before = account.last_call();
    for (place, entry) in CATALOGUE.iter().enumerate() {
        for (of, about) in [(true, ORDERS), (false, "orders-db-1"), (false, "orders-db-2")].into_iter().enumerate() {
            let event = event(&account, &format!("event-{place}-{of}"), entry.id, about);
            let answer = account.detect(event).await.unwrap();
            assert!(!answer["reason"].as_str().unwrap().is_empty(), "{}", entry.id);
        }
    }
    account.settle().await;
    account.sweeps(3).await;
    assert_eq!(account.calls_since(before), Vec::<String>::new(), "{}", account.explain());
    assert!(account.incidents().iter().all(|incident| incident.outcome == Some(Outcome::SelfHealed)), "{}", account.explain());
}

#[tokio::test]
async fn an_alarm_about_a_cluster_or_its_member_is_evidence_about_the_cluster() {
    for (dimension, value) in [("DBClusterIdentifier", ORDERS), ("DBInstanceIdentifier", "orders-db-2")] {
        let mut account = a_cluster().await;
        let other = account.detect(alarm(&account, "cpu", dimension, value)).await.unwrap();
        assert!(other["reason"].as_str().unwrap().contains("no incident is open"), "{other}");
        account.detect(alarm(&account, "lifeboat-watch-connections", dimension, value)).await.unwrap();
        account.settle().await;
        let incident = account.incident();
        assert_eq!((incident.resource.as_str(), incident.outcome), (ORDERS, Some(Outcome::SelfHealed)), "{}", account.explain());
    }
}

#[tokio::test]
async fn a_restored_cluster_never_looks_protected_and_its_end_is_no_incident() {
    let story = Story::Cluster(Tale::HumanError);
    let mut account = story.begin().await;
    story.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::RestoredBeside), "{}", account.explain());
    let (copy, _) = copy_of_orders(&account.cloud);
    let marks = |tags: &Value| tags.as_array().unwrap().iter().map(|tag| tag["Key"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(marks(&account.cluster(&copy)["TagList"]), ["lifeboat:incident", "team"]);
    let members = account.members(&copy);
    assert_eq!(members.len(), 3);
    assert!(members.iter().all(|member| marks(&account.instance(member)["TagList"]) == ["lifeboat:incident", "team"]));
    let before = account.last_call();
    for (member, number) in members.iter().zip([31_u16, 22, 7]) {
        account.detect(event(&account, &format!("of-{member}"), number, (false, member))).await.unwrap();
    }
    account.happen(|model, now| model.fail_cluster(&copy, "failed", now)).unwrap();
    account.pass(Duration::minutes(5)).await;
    account.sweeps(3).await;
    account.happen(|model, now| model.delete_cluster_behind_back(&copy, true, now)).unwrap();
    account.pass(Duration::minutes(20)).await;
    account.settle().await;
    account.sweeps(3).await;
    assert_eq!(account.incidents().len(), 1, "{}", account.explain());
    assert_eq!(account.calls_since(before), Vec::<String>::new());
}

/// Clusters of Neptune and DocumentDB, protected to the letter.
fn strangers(account: &Account) {
    for (engine, id) in [("neptune", "graph"), ("docdb", "papers")] {
        let tags = [("lifeboat:policy", "gold"), ("lifeboat:resource", id), ("lifeboat:secret", crate::account::SECRET)];
        let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect();
        let mut request = CreateDbCluster::example(id).with(|it| it.tags = Some(tags.clone()));
        request.engine = engine.to_owned();
        account.call(&request);
        account.cloud.touch().rds.advance(Duration::minutes(10));
        let member = CreateDbClusterMember { engine: engine.to_owned(), ..CreateDbClusterMember::example(id, &format!("{id}-1"), 1) };
        account.call(&CreateDbClusterMember { tags: Some(tags), ..member });
    }
}

#[tokio::test]
async fn neptune_and_documentdb_share_the_api_and_are_never_touched() {
    let mut account = a_cluster().await;
    strangers(&account);
    account.pass(Duration::minutes(30)).await;
    account.sweeps(2).await;
    let before = account.last_call();
    assert!(account.backup().await.is_well());
    let backup = account.calls_since(before);
    assert!(backup.len() == 1 && backup[0].contains("\"DBClusterIdentifier\":\"orders-db\""), "{backup:?}");
    let before = account.last_call();
    for id in ["graph", "papers"] {
        for (place, entry) in CATALOGUE.iter().enumerate() {
            let member = format!("{id}-1");
            for (of, about) in [(true, id), (false, member.as_str())].into_iter().enumerate() {
                account.detect(event(&account, &format!("{id}-{place}-{of}"), entry.id, about)).await.unwrap();
            }
        }
        account.happen(|model, now| model.fail_cluster(id, "failed", now)).unwrap();
        account.sweeps(3).await;
        let asked = account.ask(json!({"resource": id, "scenario": "instance_failure", "run": "execute"})).await;
        assert!(!asked.is_well(), "{}", account.explain());
        account.happen(|model, now| model.delete_cluster_behind_back(id, true, now)).unwrap();
        account.pass(Duration::minutes(20)).await;
        account.sweeps(3).await;
    }
    account.settle().await;
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    assert_eq!(account.incidents().len(), 0, "{}", account.explain());
    let world = account.cloud.see();
    let known: Vec<String> = world.ledger.keys().filter(|key| key.partition == "fleet").map(|key| key.sort.clone()).collect();
    assert_eq!(known.len(), 1, "only orders-db is known: {known:?}");
}
