//! The weekly reminder names kept tables, too.

use super::*;
use lifeboat_domain::prices::Prices;

const NEWS: &str = "NEWS 1 kept database waits to be released";

async fn a_day_after(story: Story) -> Account {
    let mut account = account().await;
    account.policies.prices = Prices {
        currency: Some("EUR".to_owned()),
        instance_hour: BTreeMap::new(),
        storage_gib_month: [("STANDARD".to_owned(), "0.29".to_owned())].into(),
    };
    story.play(&mut account).await;
    account.sweeps(2).await;
    assert_eq!(account.texts_about(NEWS), "", "not on the day itself");
    account.advance(Duration::hours(30));
    account
}

#[tokio::test]
async fn a_table_that_clients_were_moved_from_is_named_weekly_with_its_cost_and_the_commands_that_delete_it() {
    let mut account = a_day_after(Story::CutOver).await;
    account.sweeps(3).await;
    let text = account.texts_about(NEWS);
    assert_eq!(text.matches("from which the clients of orders-db were moved").count(), 1, "once, however many sweeps: {text}");
    assert!(text.contains("about 0.29 EUR a month (table of class STANDARD, 1 GiB; its capacity of 5 read and 5 write units"), "{text}");
    let (backup, deletion) = (text.find("aws dynamodb create-backup --region us-east-1"), text.find("aws dynamodb delete-table"));
    assert!(backup.is_some() && backup < deletion, "its last backup first: {text}");
    assert!(!text.contains("start the state machine"), "release deletes no table: {text}");
}

#[tokio::test]
async fn a_copy_beside_production_is_named_and_one_that_is_gone_is_not() {
    let mut account = a_day_after(Story::HumanError).await;
    let copy = copy(&account);
    account.sweeps(1).await;
    let told = account.texts_about(NEWS);
    assert!(told.contains(&format!("{copy}, a restored copy of orders-db, is kept")), "{told}");
    account.cloud.touch().rds.happen(|model, now| model.tables.delete_behind_back(&copy, now)).unwrap();
    account.advance(Duration::days(7));
    account.sweeps(2).await;
    assert_eq!(account.texts_about(NEWS), told, "nothing is kept any more");
}
