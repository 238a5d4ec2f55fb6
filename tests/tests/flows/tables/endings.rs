//! What each story comes to.

use super::*;

/// What a restored table is given back, in this order.
const SETTINGS: [&str; 10] = [
    "TagResource",
    "UpdateContinuousBackups",
    "UpdateTimeToLive",
    "UpdateTable",
    "EnableKinesisStreamingDestination",
    "UpdateContributorInsights",
    "PutScalingPolicy",
    "PutScalingPolicy",
    "PutResourcePolicy",
    "UpdateTable",
];

fn with(before: &[&'static str], after: &[&'static str]) -> Vec<&'static str> {
    before.iter().chain(&SETTINGS).chain(after).copied().collect()
}

#[tokio::test]
async fn a_deleted_table_comes_back_from_the_backup_that_dynamodb_made_of_it_when_a_person_says_so() {
    for story in [Story::Deletion, Story::DeletionUnheard] {
        let (account, calls) = told(story, Outcome::Recovered).await;
        assert_eq!(actions(&calls), with(&["RestoreTableFromBackup"], &["TagResource", "CreateBackup"]), "{story:?}");
        assert!(calls[0].contains("table/orders/backup/"), "named by its ARN: {}", calls[0]);
        let copy = copy(&account);
        assert_eq!(serving(&account), copy, "the parameter holds the new name");
        assert!((1..=20).all(|key: u32| items(&account, &copy).contains_key(&key.to_string())), "no item is lost");
        assert!(account.subjects().iter().any(|subject| subject.starts_with("APPROVAL NEEDED: orders-db (deletion)")));
        let blamed = account.cloud.see().messages.iter().any(|message| message.text.contains("not the address of the source"));
        assert!(!blamed, "the parameter leads to the deleted table, as it should");
        assert!(
            account.subjects().iter().any(|subject| subject.starts_with("RECOVERED orders-db from deletion")),
            "{:?}",
            account.subjects()
        );
    }
}

#[tokio::test]
async fn a_restored_table_is_configured_as_its_source_was_and_says_so() {
    let (account, _) = told(Story::Deletion, Outcome::Recovered).await;
    let name = copy(&account);
    let world = account.cloud.see();
    let copy = world.rds.model.tables.table(&name).unwrap();
    let new = format!("table/{name}\"");
    let expected = TableConfiguration { policy: own().policy.map(|policy| policy.replace("table/orders\"", &new)), ..own() };
    assert_eq!(copy.configuration.table(), Some(&expected));
    assert!(copy.configuration.deletion_protection);
    let tag = |key: &str| copy.tags.get(key).map(String::as_str);
    assert_eq!((tag("team"), tag("lifeboat:policy"), tag("lifeboat:resource")), (Some("shop"), Some("gold"), Some(RESOURCE)));
    drop(world);
    let timeline = account.timeline(&account.incident().id);
    assert!(timeline.contains("is configured exactly as its source was"), "{timeline}");
}

#[tokio::test]
async fn deleted_items_stand_in_a_copy_beside_production_that_nobody_looks_after_and_nobody_is_moved() {
    let (mut account, calls) = told(Story::HumanError, Outcome::RestoredBeside).await;
    assert_eq!(actions(&calls), with(&["RestoreTableToPointInTime"], &[]));
    let copy = copy(&account);
    assert!((1..=20).all(|key: u32| items(&account, &copy).contains_key(&key.to_string())), "the deleted items are there");
    assert!((5..=9).all(|key: u32| !items(&account, TABLE).contains_key(&key.to_string())), "production is as it was");
    assert_eq!(serving(&account), TABLE, "clients were not moved");
    assert!(account.last_text().contains("only in the copy"), "{}", account.last_text());
    let timeline = account.timeline(&account.incident().id);
    assert!(timeline.contains("by a sample: 5 items only in the copy, 0 only in the source"), "{timeline}");
    // The copy is deleted by somebody: it is nobody's resource, and no recovery of it begins.
    let incidents = account.incidents().len();
    account.cloud.touch().rds.happen(|model, now| model.tables.delete_behind_back(&copy, now)).unwrap();
    let now = account.time();
    account.advance(Duration::minutes(1));
    account.detect(trail_event("DeleteTable", &copy, &json!({}), now)).await.unwrap();
    account.sweeps(3).await;
    assert_eq!(account.incidents().len(), incidents, "{}", account.explain());
}

#[tokio::test]
async fn a_cut_over_denies_every_write_to_the_old_table_before_clients_are_led_to_the_new_one() {
    let (account, calls) = told(Story::CutOver, Outcome::Recovered).await;
    let after = ["PutResourcePolicy", "TagResource", "TagResource", "UntagResource", "CreateBackup"];
    assert_eq!(actions(&calls), with(&["RestoreTableToPointInTime"], &after));
    assert!(calls[11].contains("\"DeniesWrites\":true") && calls[11].contains("table/orders\""), "{}", calls[11]);
    let copy = copy(&account);
    assert_eq!(serving(&account), copy);
    assert!(!write(&account, TABLE, 50, Some("5.00")), "the old table denies writes");
    assert!(items(&account, TABLE).len() >= 15, "and is kept");
    let timeline = account.timeline(&account.incident().id);
    assert!(timeline.contains("the fence is proven: a write to the source is denied by its resource policy"), "{timeline}");
    assert_eq!(account.record().id.as_str(), copy);
}

#[tokio::test]
async fn a_cut_over_of_a_table_is_undone_by_opening_the_old_one_behind_a_fence_around_the_new_one() {
    // What was deleted by mistake is missing in the old one, too.
    let mut account = account_of(own(), &POLICY.replace("[freshness]", "[data, freshness]")).await;
    Story::CutOver.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let copy = copy(&account);
    let before = account.last_call();
    account.pass(Duration::minutes(10)).await;
    account.ask(json!({"resource": RESOURCE, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
    approve(&mut account).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::SwappedBack), "{}", account.explain());
    assert_eq!(serving(&account), TABLE);
    assert!(write(&account, TABLE, 50, Some("5.00")) && !write(&account, &copy, 50, Some("5.00")));
    let calls = account.calls_since(before);
    assert!(calls[0].contains(&copy) && calls[0].contains("\"DeniesWrites\":true"), "{calls:?}");
    assert!(calls[1].contains("table/orders\"") && calls[1].contains("\"DeniesWrites\":false"), "{calls:?}");
}

/// Somebody does; the event comes twice.
pub(super) async fn switch_recovery_off(account: &mut Account) {
    account.cloud.touch().rds.happen(|model, _| model.tables.switch_recovery_off(TABLE)).unwrap();
    let off = json!({"pointInTimeRecoverySpecification": {"pointInTimeRecoveryEnabled": false}});
    let event = trail_event("UpdateContinuousBackups", TABLE, &off, account.time());
    account.detect(event.clone()).await.unwrap();
    account.detect(event).await.unwrap();
    account.sweeps(3).await;
}

#[tokio::test]
async fn recovery_that_is_switched_off_is_news_at_once_and_at_every_days_sweep_and_never_a_recovery() {
    let mut account = account().await;
    switch_recovery_off(&mut account).await;
    assert!(account.incidents().is_empty(), "{}", account.explain());
    let told = |beginning: &str| account.subjects().iter().filter(|subject| subject.contains(beginning)).count();
    assert_eq!(told("point-in-time recovery was switched off"), 1, "{:?}", account.subjects());
    assert_eq!(told("has no point-in-time recovery"), 1, "{:?}", account.subjects());
}

#[tokio::test]
async fn without_recovery_a_deleted_table_comes_back_from_its_last_backup_with_its_loss_told() {
    let mut account = account().await;
    account.cloud.touch().rds.happen(|model, _| model.tables.switch_recovery_off(TABLE)).unwrap();
    write(&account, TABLE, 21, Some("1.00"));
    Story::DeletionUnheard.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let plan = plan(&account);
    assert!(plan.options[0].reason.contains("point-in-time recovery is off, or went with the table"), "{:?}", plan.options);
    let copy = copy(&account);
    assert_eq!(items(&account, &copy).len(), 20, "what was written since is not in the backup");
}

#[tokio::test]
async fn an_availability_zone_a_key_and_a_region_are_for_a_person_and_the_reason_is_told() {
    for (scenario, reason) in [
        ("az_outage", "DynamoDB is a regional service"),
        ("hung", "heals by itself"),
        ("region_outage", "it has no replica in another Region"),
        ("key_inaccessible", "a person must repair the cause"),
    ] {
        let mut account = account().await;
        account.ask(json!({"resource": RESOURCE, "scenario": scenario})).await;
        account.settle().await;
        let plan = plan(&account);
        assert!(plan.reason.contains(reason) && plan.calls.is_empty(), "{scenario}: {}", plan.reason);
    }
}

#[tokio::test]
async fn a_target_that_has_no_meaning_for_a_table_is_refused_by_its_name() {
    let policy = POLICY.replace("[{ssm_parameter: {name: /shop/orders/table, holds: host}}]", "[secrets_manager]");
    let mut account = account_of(own(), &policy).await;
    Story::DeletionUnheard.play(&mut account).await;
    let plan = plan(&account);
    assert!(plan.refusals[0].contains("clients find a table by its name alone"), "{:?}", plan.refusals);
    assert_ne!(account.incident().outcome, Some(Outcome::Recovered));
}

#[tokio::test]
async fn another_table_under_the_name_of_a_deleted_one_is_not_taken_for_it() {
    let mut account = account().await;
    account.cloud.touch().rds.happen(|model, now| model.tables.delete_behind_back(TABLE, now)).unwrap();
    account.advance(Duration::minutes(1));
    {
        let mut world = account.cloud.touch();
        let now = world.rds.now();
        world.rds.model.tables.put_table(TABLE, now, own(), &[]);
    }
    let answer = account.detect(trail_event("DeleteTable", TABLE, &json!({}), account.time())).await.unwrap();
    assert!(answer["reason"].as_str().unwrap().contains("no tag lifeboat:policy"), "{answer}");
    account.sweeps(2).await;
    assert!(account.calls_since(0).iter().all(|call| !call.starts_with("PutResourcePolicy")), "the stranger is not touched");
}
