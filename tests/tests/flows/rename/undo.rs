//! Undoing a swap of names, which swaps them once more.

use super::{account, hang, name_of};
use crate::account::ORDERS;
use crate::story::check_always;
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::data::DataPlane;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{Effect, Secret};

#[tokio::test]
async fn an_undo_swaps_the_names_once_more() {
    let (mut account, source) = account().await;
    account.client.writes = false;
    hang(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let copy = account.record().resource_id;
    account.pass(chrono::Duration::minutes(5)).await;
    account.ask(serde_json::json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::SwappedBack), "{}", account.explain());
    assert_eq!((name_of(&account, &source).as_deref(), account.record().resource_id), (Some(ORDERS), source.clone()));
    assert_eq!(account.serving(), Some(source));
    let kept = name_of(&account, &copy).unwrap();
    assert!(kept.starts_with("orders-db-old-") && incident.source.id.as_str() == kept, "{kept} {:?}", incident.source);
    let tags = |id: &str| account.instance(id)["TagList"].to_string();
    assert!(tags(ORDERS).contains("lifeboat:policy") && !tags(ORDERS).contains("lifeboat:retired"), "{}", tags(ORDERS));
    assert!(tags(&kept).contains("lifeboat:retired") && !tags(&kept).contains("lifeboat:policy"), "{}", tags(&kept));
    assert_eq!(check_always(&account), Ok(()));
    account.pass(chrono::Duration::hours(1)).await;
    assert!(account.backup().await.is_well(), "it is protected again: {:?}", account.subjects());
}

#[tokio::test]
async fn an_undo_that_clients_cannot_follow_ends_wholly_back_too() {
    let (mut account, source) = account().await;
    account.client.writes = false;
    hang(&mut account).await;
    let copy = account.record().resource_id;
    account.pass(chrono::Duration::minutes(5)).await;
    let old = source.clone();
    let visits = account.tasks.iter().filter(|task| *task == "recovery/CutOver").count();
    let spoil = move |cloud: &Cloud| {
        let mut world = cloud.touch();
        let now = world.rds.now();
        let effect = Effect::SetPassword { server: old, user: "lifeboat".to_owned(), password: Secret::new("nobody-knows") };
        world.rds.data.carry_out(now, &effect).unwrap();
    };
    account.before.insert(("CutOver".to_owned(), visits + 1), Box::new(spoil));
    account.ask(serde_json::json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Failed), "{}", account.explain());
    assert_eq!((name_of(&account, &copy).as_deref(), account.record().resource_id), (Some(ORDERS), copy.clone()), "{}", account.explain());
    assert_eq!(account.serving(), Some(copy));
    assert!(name_of(&account, &source).unwrap().starts_with("orders-db-old-"));
    assert_eq!(check_always(&account), Ok(()));
}
