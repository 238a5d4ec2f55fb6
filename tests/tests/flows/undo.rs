//! Undoing a cut-over: clients go back to the database that was kept, and what they lose is told before.

use crate::account::{Account, Disturbance, How, ORDERS, server_of, write_to};
use crate::story::{Story, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_testing::memory::Cloud;
use serde_json::json;

/// Clients were moved off a hung `orders-db`, which its fence has restarted.
async fn moved(writing: bool) -> Account {
    let mut account = Story::Hung.begin().await;
    account.client.writes = writing;
    Story::Hung.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    account.pass(Duration::minutes(5)).await;
    account
}

async fn undo(account: &mut Account) {
    account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
}

#[tokio::test]
async fn before_the_first_client_write_one_start_goes_back() {
    let mut account = moved(false).await;
    let copy = copy_of_orders(&account.cloud).0;
    undo(&mut account).await;
    let incident = account.incident();
    assert_eq!((incident.state, incident.outcome), (IncidentState::Closed, Some(Outcome::SwappedBack)), "{}", account.explain());
    assert_eq!(account.record().id.as_str(), ORDERS);
    let report = {
        let world = account.cloud.see();
        world.documents.iter().find(|(key, _)| key.ends_with("swapped_back-1.md")).expect("there is a report").1.to_string()
    };
    assert!(report.contains(&format!("**Data lost:** nothing was written to {copy} since clients were moved at")), "{report}");
    let hosts: Vec<String> = account.secret_versions().into_iter().map(|(host, _)| host).collect();
    assert_eq!((hosts.len(), hosts.first()), (3, hosts.last()), "{hosts:?}");
    let tags = |id: &str| account.instance(id)["TagList"].to_string();
    assert!(tags(ORDERS).contains("lifeboat:policy") && !tags(ORDERS).contains("lifeboat:retired"), "{}", tags(ORDERS));
    assert!(tags(&copy).contains("lifeboat:retired") && !tags(&copy).contains("lifeboat:policy"), "{}", tags(&copy));
    assert_eq!(check_always(&account), Ok(()));
    account.pass(Duration::hours(1)).await;
    assert!(account.backup().await.is_well(), "it is protected again: {:?}", account.subjects());
}

#[tokio::test]
async fn after_a_client_write_its_loss_is_told_and_asked_about_first() {
    let mut account = moved(true).await;
    let calls = account.last_call();
    undo(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    assert!(account.last_text().contains("rows written to") && account.last_text().contains("clients lose"), "{}", account.last_text());
}

#[tokio::test]
async fn without_a_cut_over_there_is_nothing_to_undo() {
    let mut account = Account::new(false).await;
    undo(&mut account).await;
    assert!(account.last_text().contains("there is nothing to undo"), "{}", account.last_text());
}

#[tokio::test]
async fn what_clients_write_while_an_undo_begins_stops_it_before_anything_is_fenced() {
    let mut account = moved(false).await;
    let calls = account.last_call();
    let writes = |cloud: &Cloud| assert!(write_to(cloud, &copy_of_orders(cloud).1, 900, Some("late")));
    account.before.insert(("ProbeSourceAgain".to_owned(), 2), Box::new(writes));
    undo(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::SourceHealed), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    assert!(account.last_text().contains("1 row was written"), "{}", account.last_text());
}

#[tokio::test]
async fn an_undo_whose_old_database_does_not_pass_ends_wholly_back_with_only_one_side_open() {
    let mut account = moved(false).await;
    let (copy, server) = copy_of_orders(&account.cloud);
    account.before("ValidateKept", |cloud| {
        let old = server_of(cloud, ORDERS).unwrap();
        assert!(write_to(cloud, &old, 7, None), "a row is lost");
    });
    undo(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    assert_eq!(account.record().id.as_str(), copy);
    assert_eq!(account.serving().as_deref(), Some(server.as_str()));
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn the_sessions_on_the_old_database_are_ended_once_however_often_the_way_back_is_gone() {
    for how in [How::Twice, How::ReplyLost, How::TimesOut] {
        let mut account = moved(false).await;
        account.before("ValidateKept", |cloud| {
            let old = server_of(cloud, ORDERS).unwrap();
            assert!(write_to(cloud, &old, 7, None), "a row is lost");
        });
        account.disturbance = Some(Disturbance::new(how, "recovery/Compensate", 1));
        let before = account.last_call();
        undo(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{how:?}: {}", account.explain());
        let calls = account.calls_since(before);
        let restarts = |id: &str| {
            calls
                .iter()
                .filter(|call| call.starts_with("RebootDBInstance") && call.contains(&format!("\"DBInstanceIdentifier\":\"{id}\"")))
                .count()
        };
        assert_eq!(restarts(ORDERS), 1, "{how:?}: {calls:?}");
        assert_eq!(check_always(&account), Ok(()), "{how:?}");
    }
}
