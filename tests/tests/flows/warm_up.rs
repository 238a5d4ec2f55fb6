//! Warming a restored copy up before clients come: whatever becomes of it, the recovery goes on, and says how much was read.

use crate::account::{Account, Disturbance, GOLD, How, ORDERS};
use crate::story::{Story, check_always, copy_of_orders};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Outcome, Phase, TimelineEntry};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::warm_up::{PartState, WarmUp, WarmUpEnd, WarmUpRule};
use lifeboat_domain::{Span, Timestamp};
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::json;

const RULE: &str = "warm_up: {relations: [public.orders], at_most: 10m}";

fn warm_up(account: &Account) -> Option<WarmUp> {
    account.document(&keys::warm_up(&account.incident().id))
}

fn how_it_ended(account: &Account) -> WarmUpEnd {
    warm_up(account).and_then(|warm_up| warm_up.ended).unwrap_or_else(|| panic!("no end: {}", account.explain())).0
}

async fn lines(account: &Account) -> Vec<TimelineEntry> {
    let partition = keys::of_incident(&account.incident().id);
    let all = ledger::list::<TimelineEntry>(&account.cloud, &partition, "timeline#").await.unwrap();
    all.into_iter().map(|kept| kept.value).filter(|entry| entry.phase == Phase::WarmUp).collect()
}

/// RDS gives up on it, with a policy of GOLD's kind; `prepare` breaks something.
async fn recovered(gold: &str, prepare: impl FnOnce(&mut Account)) -> Account {
    let mut account = Account::under(gold, false).await;
    prepare(&mut account);
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "warming never stops a recovery: {}", account.explain());
    assert_eq!(check_always(&account), Ok(()));
    account
}

fn before_warming(account: &mut Account, visit: usize, hook: impl FnOnce(&Cloud) + 'static) {
    account.before.insert(("WarmRestored".to_owned(), visit), Box::new(hook));
}

/// Whatever opens the copy meets with this until it is fenced for.
fn meets(cloud: &Cloud, outcome: ProbeOutcome) {
    let (copy, _) = copy_of_orders(cloud);
    cloud.touch().visits.insert(copy, outcome);
}

fn is_well_again(account: &mut Account) {
    account.before("ProbeSourceAgain", |cloud| cloud.touch().visits.clear());
}

#[tokio::test]
async fn what_the_policy_names_is_read_after_validation_and_before_clients_are_moved_and_told_once() {
    let account = recovered(GOLD, |_| {}).await;
    let copy = copy_of_orders(&account.cloud).0;
    let read: Vec<(String, String)> = account.cloud.see().warmed.iter().map(|(at, table, _)| (at.clone(), table.clone())).collect();
    assert_eq!(read, vec![(copy, "public.orders".to_owned()); 2], "in two pieces");
    let order = ["ValidateRestored", "WarmRestored", "FenceSource", "CutOver"].map(|state| {
        let name = format!("recovery/{state}");
        account.tasks.iter().position(|task| *task == name).unwrap_or_else(|| panic!("{state} did not run"))
    });
    assert!(order.is_sorted(), "{:?}", account.tasks);
    let told = lines(&account).await;
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].text.contains("clients wait for it for 10 min at most"), "{}", told[0].text);
    assert!(told[1].text.contains("read 16.0 MiB of 16.0 MiB") && told[1].text.contains("everything"), "{}", told[1].text);
}

#[tokio::test]
async fn without_a_rule_nothing_is_read_and_nothing_is_told() {
    let account = recovered(&GOLD.replace(RULE, ""), |_| {}).await;
    assert!(account.cloud.see().warmed.is_empty() && warm_up(&account).is_none());
    assert!(lines(&account).await.is_empty());
}

#[tokio::test]
async fn nothing_is_warmed_where_nothing_is_lazy() {
    for story in [Story::HungMultiAz, Story::StorageFull, Story::Promotion, Story::HumanError] {
        let mut account = story.begin().await;
        story.play(&mut account).await;
        assert!(account.cloud.see().warmed.is_empty(), "{story:?}: {}", account.explain());
        assert!(warm_up(&account).is_none(), "{story:?}");
    }
    let mut account = Story::Undo.begin().await;
    Story::Undo.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::SwappedBack), "{}", account.explain());
    assert!(warm_up(&account).is_none(), "the kept database has all its blocks");
}

#[tokio::test]
async fn a_connection_that_is_lost_midway_is_made_again_and_reading_goes_on_where_it_stopped() {
    for kind in [FaultKind::Throttle, FaultKind::TimeoutBefore, FaultKind::ReplyLost, FaultKind::ServiceError] {
        for action in ["warm_up:list", "warm_up:read"] {
            let account = recovered(GOLD, |account| account.fault(action, When::Nth(1), kind.clone())).await;
            assert_eq!(how_it_ended(&account), WarmUpEnd::Complete, "{action} {kind:?}");
            let read = warm_up(&account).unwrap();
            assert_eq!((read.bytes(), read.troubles), ((16 << 20, 16 << 20), 0), "{action} {kind:?}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_refuses_connections_midway_keeps_clients_waiting_for_a_few_looks_only() {
    let account = recovered(GOLD, |account| {
        before_warming(account, 2, |cloud| meets(cloud, ProbeOutcome::TooManyConnections));
        is_well_again(account);
    })
    .await;
    assert_eq!(how_it_ended(&account), WarmUpEnd::GaveUp);
    let visits = account.tasks.iter().filter(|task| *task == "recovery/WarmRestored").count();
    assert_eq!(visits, 6, "one that read, five that could not");
    let told = lines(&account).await;
    let end = &told.last().unwrap().text;
    assert!(end.contains("read 8.0 MiB of 16.0 MiB") && end.contains("gave up") && end.contains("too_many_connections"), "{end}");
}

#[tokio::test]
async fn a_copy_that_answers_again_is_read_on() {
    let account = recovered(GOLD, |account| {
        before_warming(account, 2, |cloud| meets(cloud, ProbeOutcome::NoAnswer));
        before_warming(account, 4, |cloud| cloud.touch().visits.clear());
    })
    .await;
    assert_eq!(how_it_ended(&account), WarmUpEnd::Complete);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named_and_the_others_are_read() {
    let both = GOLD.replace(RULE, "warm_up: {relations: [public.nothing, public.orders], at_most: 10m}");
    let account = recovered(&both, |_| {}).await;
    assert_eq!(how_it_ended(&account), WarmUpEnd::Partial);
    let told = lines(&account).await;
    let end = &told.last().unwrap().text;
    assert!(end.contains("16.0 MiB of 16.0 MiB") && end.contains("no table public.nothing"), "{end}");
}

#[tokio::test]
async fn reading_that_never_ends_is_left_when_its_time_is_over_and_says_how_much_was_read() {
    let mut times = Vec::new();
    for at_most in [Span::minutes(2), Span::minutes(10)] {
        let rule = format!("warm_up: {{relations: [public.orders], at_most: {}m}}", at_most.as_secs() / 60);
        let account = recovered(&GOLD.replace(RULE, &rule), |account| account.cloud.touch().warms_for_ever = true).await;
        assert_eq!(how_it_ended(&account), WarmUpEnd::TimeOver);
        let told = lines(&account).await;
        let took = Span::between(told[0].at, told.last().unwrap().at);
        assert!(took >= at_most && took.as_secs() < at_most.as_secs() + 10, "{took} instead of {at_most}");
        assert!(told.last().unwrap().text.contains("8.0 MiB of 16.0 MiB"), "{:?}", told.last());
        times.push(took);
    }
    assert!(times[0] < times[1]);
}

#[tokio::test]
async fn every_step_of_it_may_run_twice_lose_its_reply_or_be_the_last_one_that_ran() {
    for how in [How::Twice, How::ReplyLost, How::TimesOut, How::ThenDies, How::ThenDiesUnheard] {
        for visit in [1, 2] {
            let mut account = Account::new(false).await;
            account.disturbance = Some(Disturbance::new(how, "recovery/WarmRestored", visit));
            account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
            account.settle().await;
            account.sweeps(3).await;
            account.settle().await;
            assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "{how:?} {visit}");
            assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{how:?} {visit}: {}", account.explain());
            assert_eq!(how_it_ended(&account), WarmUpEnd::Complete, "{how:?} {visit}");
            let told = lines(&account).await;
            assert_eq!(told.len(), 2, "{how:?} {visit}: {told:#?}");
        }
    }
}

#[tokio::test]
async fn a_function_that_is_never_to_be_had_delays_a_recovery_and_does_not_stop_it() {
    let account = recovered(GOLD, |account| account.unavailable.push("WarmRestored")).await;
    assert_eq!(warm_up(&account), None);
}

#[tokio::test]
async fn what_was_read_of_another_copy_says_nothing_of_this_one() {
    let mut account = Account::new(false).await;
    let began: Timestamp = account.time();
    before_warming(&mut account, 1, move |cloud| {
        let another = DatabaseId::parse("orders-db-rother").unwrap();
        let of_another = WarmUp { ended: Some((WarmUpEnd::Complete, began)), ..WarmUp::begin(another, began) };
        let incident = cloud.see().ledger.keys().find(|key| key.sort == "incident").unwrap().partition.clone();
        let key = lifeboat_domain::ports::Key { partition: incident, sort: "warm_up".to_owned() };
        let document = lifeboat_domain::ports::Versioned { version: 1, document: json!(of_another) };
        cloud.touch().ledger.insert(key, document);
    });
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.settle().await;
    let read = warm_up(&account).unwrap();
    assert_eq!(read.target.as_str(), copy_of_orders(&account.cloud).0);
    assert!(read.list.is_some_and(|list| list.parts.iter().all(|part| part.state == PartState::Read)), "{}", account.explain());
}

#[tokio::test]
async fn a_policy_that_is_deployed_after_the_plan_adds_nothing_to_the_wait_that_it_named() {
    for (planned, waits) in [("", None), (RULE, Some("10 min at most"))] {
        let mut account = Account::under(&GOLD.replace(RULE, planned), false).await;
        account.disturbance = Some(Disturbance::new(How::ThenDies, "recovery/ValidateRestored", 1));
        account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
        account.next_recovery().await;
        for policy in account.policies.policies.values_mut() {
            policy.warm_up = Some(WarmUpRule { relations: vec!["public.orders".to_owned()], largest: 0, at_most: Span::hours(3) });
        }
        account.settle().await;
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
        let told = lines(&account).await;
        assert_eq!(told.is_empty(), waits.is_none(), "{told:#?}");
        assert!(waits.is_none_or(|waits| told[0].text.contains(waits)), "{told:#?}");
        assert_eq!(account.cloud.see().warmed.is_empty(), waits.is_none());
    }
}
