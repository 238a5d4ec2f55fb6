//! How each take-over goes when nothing disturbs it.

use super::tale::{GLOBAL, HOME_HOST};
use crate::account::{Account, GOLD, Made, ORDERS};
use crate::members::MemberTale as Tale;
use crate::story::{Story, check_always};
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::plan::{FencePlan, Remedy};
use serde_json::json;

async fn told(tale: Tale, state: IncidentState, outcome: Outcome) -> (Account, Vec<String>) {
    let story = Story::Member(tale);
    let mut account = story.begin().await;
    let before = account.last_call();
    story.play(&mut account).await;
    let incident = account.incident();
    assert_eq!((incident.state, incident.outcome), (state, Some(outcome)), "{}", account.explain());
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    assert!(account.lease_is_free(), "the lease is given back");
    let calls = account.calls_since(before);
    (account, calls)
}

fn actions(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split(' ').next().unwrap()).collect()
}

#[tokio::test]
async fn a_replica_cluster_is_promoted_where_it_stands_and_the_clients_of_its_region_are_led_to_it() {
    let (account, calls) = told(Tale::Cluster, IncidentState::Closed, Outcome::TookOver).await;
    assert_eq!(actions(&calls), ["PromoteReadReplicaDBCluster", "CreateDBClusterSnapshot"]);
    let shown = account.cluster(ORDERS);
    assert!(shown["ReplicationSourceIdentifier"].is_null(), "it follows nobody: {shown}");
    let hosts: Vec<String> = account.secret_versions().into_iter().map(|(host, _)| host).collect();
    assert_eq!(hosts[hosts.len() - 2..], [HOME_HOST.to_owned(), shown["Endpoint"].as_str().unwrap().to_owned()]);
    let plan = account.plans().into_iter().find(|plan| plan.remedy == Some(Remedy::TakeOver)).unwrap();
    assert_eq!(plan.fence, Some(FencePlan::Elsewhere));
    for said in ["split brain", "eu-west-1", "the loss is not known", "never be a replica again"] {
        assert!(plan.risks.iter().any(|risk| risk.contains(said)), "{said}: {:?}", plan.risks);
    }
    assert_eq!(account.record().id.as_str(), ORDERS, "it stays what it is");
}

#[tokio::test]
async fn the_secondary_of_a_global_datastore_becomes_its_primary() {
    let (account, calls) = told(Tale::Cache, IncidentState::Closed, Outcome::TookOver).await;
    assert_eq!(actions(&calls), ["FailoverGlobalReplicationGroup", "CreateSnapshot"]);
    for said in [GLOBAL, "\"PrimaryRegion\":\"us-east-1\"", "\"PrimaryReplicationGroupId\":\"orders-db\""] {
        assert!(calls[0].contains(said), "{said}: {calls:?}");
    }
    assert_eq!(account.cache(ORDERS)["GlobalReplicationGroupInfo"]["GlobalReplicationGroupMemberRole"], "PRIMARY");
}

#[tokio::test]
async fn nothing_takes_over_before_a_person_has_approved_the_plan_by_its_hash() {
    for tale in [Tale::Cluster, Tale::Cache] {
        let mut account = tale.begin().await;
        let before = account.last_call();
        account.ask(json!({"resource": ORDERS, "scenario": "region_outage", "run": "plan"})).await;
        account.ask(json!({"resource": ORDERS, "scenario": "region_outage", "run": "execute"})).await;
        account.settle().await;
        assert_eq!(account.calls_since(before), Vec::<String>::new(), "{tale:?}");
        assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
        let text = account.texts_about("APPROVAL NEEDED");
        assert!(text.contains("always for a person to decide") && text.contains("split brain"), "{text}");
    }
}

#[tokio::test]
async fn a_refused_take_over_ends_in_guidance_and_leaves_the_member_as_it_was() {
    let (account, _) = told(Tale::ClusterRefused, IncidentState::WaitingForPerson, Outcome::Refused).await;
    assert!(!account.cluster(ORDERS)["ReplicationSourceIdentifier"].is_null());
    assert!(account.last_text().contains("promote-read-replica-db-cluster"), "{}", account.last_text());
    let (account, _) = told(Tale::CacheRefused, IncidentState::WaitingForPerson, Outcome::Refused).await;
    assert_eq!(account.cache(ORDERS)["GlobalReplicationGroupInfo"]["GlobalReplicationGroupMemberRole"], "SECONDARY");
    assert!(account.last_text().contains("disassociate-global-replication-group"), "{}", account.last_text());
}

#[tokio::test]
async fn without_a_way_to_move_clients_it_takes_over_and_says_where_they_must_go() {
    let (account, calls) = told(Tale::ClusterByHand, IncidentState::Closed, Outcome::TookOver).await;
    assert_eq!(actions(&calls), ["PromoteReadReplicaDBCluster"]);
    let host = account.cluster(ORDERS)["Endpoint"].as_str().unwrap().to_owned();
    assert!(account.last_text().contains(&host), "{}", account.last_text());
}

#[tokio::test]
async fn a_member_that_fails_a_check_gets_no_clients_and_goes_on_where_it_stopped() {
    let (mut account, calls) = told(Tale::ClusterIsWrong, IncidentState::WaitingForPerson, Outcome::HeldByValidation).await;
    assert_eq!(actions(&calls), ["PromoteReadReplicaDBCluster"]);
    assert_eq!(account.secret_versions().last().unwrap().0, HOME_HOST);
    // What was wrong is mended, and the same plan is started again by its hash.
    let server = crate::account::server_of(&account.cloud, ORDERS).unwrap();
    assert!(crate::account::write_to(&account.cloud, &server, 3, Some("3.00")));
    let plan = account.incident().plan.unwrap();
    account.ask(json!({"resource": ORDERS, "scenario": "region_outage", "run": "execute", "plan": plan})).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::TookOver), "{}", account.explain());
    assert_eq!(check_always(&account), Ok(()), "promoted once");
}

#[tokio::test]
async fn a_database_that_follows_nobody_gets_guidance_with_what_it_is() {
    let mut account = Account::with_cluster(GOLD, Made::Aurora(2)).await;
    account.client.writes = false;
    let before = account.last_call();
    account.ask(json!({"resource": ORDERS, "scenario": "region_outage", "run": "execute"})).await;
    account.settle().await;
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    let text = account.last_text();
    assert!(text.contains("follows no cluster of another Region") && text.contains("standby Region"), "{text}");
}

#[tokio::test]
async fn a_member_is_left_alone_until_a_person_says_that_its_region_is_lost() {
    let mut account = Tale::Cluster.begin().await;
    account.sweeps(3).await;
    assert!(account.incidents().is_empty(), "{}", account.explain());
    let ended = account.ask(json!({"resource": ORDERS, "scenario": "hung", "run": "execute"})).await;
    assert!(ended.cause().contains("read replica"), "{}", ended.cause());
}

#[tokio::test]
async fn a_take_over_is_not_undone_but_refused_with_what_to_do() {
    let (mut account, _) = told(Tale::Cluster, IncidentState::Closed, Outcome::TookOver).await;
    account.advance(chrono::Duration::minutes(10));
    let before = account.last_call();
    account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    assert!(account.last_text().contains("took over from another Region"), "{}", account.last_text());
}
