//! A cache that is filled from a database which goes back in time.

use crate::account::{Account, Disturbance, FILLED, GOLD, How, ORDERS};
use crate::story::{change_password, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::ids::Identity;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::ports::Versioned;
use lifeboat_domain::show_time;
use lifeboat_testing::model::{FaultKind, When};
use serde_json::json;

fn gold(after: &str) -> String {
    GOLD.replace("    cut_over:", &format!("    caches: [{{identity: {FILLED}, after: {after}}}]\n    cut_over:"))
}

async fn filled(after: &str) -> Account {
    Account::with_filled_cache(&gold(after)).await
}

/// `orders-db` hangs for good: restored, and clients are moved.
async fn hang(account: &mut Account) {
    account.client.writes = false;
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(check_always(account), Ok(()));
}

/// The database is restored, and its cache refuses to be emptied.
pub async fn refuses() -> Account {
    let mut account = filled("flush").await;
    account.fault("cache:FLUSHALL", When::Always, refused());
    hang(&mut account).await;
    account
}

#[tokio::test]
async fn it_is_emptied_once_clients_are_moved_and_again_by_the_undo() {
    let mut account = filled("flush").await;
    hang(&mut account).await;
    assert_eq!(account.cached(), 0, "{}", account.explain());
    let timeline = account.timeline(&account.incident().id);
    assert!(timeline.contains("cache:FLUSHALL orders-cache (cache orders-cache) ASYNC: it is empty"), "{timeline}");
    assert!(!account.texts_about("RECOVERED").contains("WARN: not every cache"), "{}", account.last_text());
    account.fill_cache();
    account.pass(Duration::minutes(5)).await;
    account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::SwappedBack), "{}", account.explain());
    assert_eq!(account.cached(), 0, "the data has changed again: {}", account.explain());
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn a_copy_beside_production_empties_nothing() {
    let mut account = filled("flush").await;
    let at = show_time(account.time() - Duration::minutes(6));
    account.ask(json!({"resource": ORDERS, "scenario": "human_error", "restore_to": at, "run": "execute"})).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::RestoredBeside), "{}", account.explain());
    assert_eq!(account.cached(), 5);
}

#[tokio::test]
async fn what_only_a_person_may_empty_stays_full_and_is_told_with_its_command() {
    for (after, word) in [("tell", "FLUSHALL ASYNC"), ("rebuild_cold", "\"option\": \"rebuild_cold\"")] {
        let mut account = filled(after).await;
        hang(&mut account).await;
        assert_eq!(account.cached(), 5, "{after}");
        let text = account.texts_about("RECOVERED");
        assert!(text.contains(word) && text.contains("Cache orders-cache holds what"), "{after}: {text}");
    }
}

#[tokio::test]
async fn the_input_that_is_told_for_a_cold_cache_is_a_plan_that_can_be_approved() {
    let mut account = filled("rebuild_cold").await;
    hang(&mut account).await;
    let text = account.texts_about("RECOVERED");
    let start = text.find("{\"resource\": \"orders-cache\"").unwrap_or_else(|| panic!("{text}"));
    let end = start + text[start..].find('}').unwrap() + 1;
    let input: serde_json::Value = serde_json::from_str(&text[start..end]).unwrap();
    account.pass(Duration::minutes(30)).await;
    account.ask(input).await;
    let plan = account.plans().into_iter().find(|plan| plan.resource.as_str() == FILLED).unwrap_or_else(|| panic!("{}", account.explain()));
    assert_eq!((plan.remedy, plan.moves_clients, plan.refusals), (Some(Remedy::RebuildCold), true, Vec::new()));
}

fn refused() -> FaultKind {
    FaultKind::Refused { code: "NOPERM".to_owned(), message: "no permissions to run flushall".to_owned() }
}

#[tokio::test]
async fn a_cache_that_cannot_be_emptied_is_reported_with_its_command_and_undoes_nothing() {
    type Row = (&'static str, When, fn() -> FaultKind, bool);
    let table: [Row; 5] = [
        ("refused for good", When::Always, refused, false),
        ("refused once", When::Nth(1), refused, false),
        ("no answer once", When::Nth(1), || FaultKind::TimeoutBefore, true),
        ("its reply lost once", When::Nth(1), || FaultKind::ReplyLost, true),
        ("throttled for ever", When::Always, || FaultKind::Throttle, false),
    ];
    for (name, when, kind, empties) in table {
        let mut account = filled("flush").await;
        account.fault("cache:FLUSHALL", when, kind());
        hang(&mut account).await;
        assert_eq!(account.cached() == 0, empties, "{name}: {}", account.explain());
        let text = account.texts_about("RECOVERED");
        let warns = text.contains("WARN: not every cache was emptied") && text.contains("redis-cli --tls -h ");
        assert_eq!(warns, !empties, "{name}: {text}");
    }
}

#[tokio::test]
async fn a_cache_that_is_another_one_by_then_or_is_being_recovered_itself_is_left_alone() {
    for other in [true, false] {
        let mut account = filled("flush").await;
        account.before("FlushCaches", move |cloud| {
            let (of, now) = (Identity::parse(FILLED).unwrap(), cloud.see().rds.now());
            let mut world = cloud.touch();
            if other {
                world.ledger.get_mut(&keys::record(&of)).unwrap().document["id"] = json!("replicationgroup:orders-cache-2");
            } else {
                let lease = json!({"owner": "another", "incident": "inc-20260115t100000z-1a2b3c4d", "token": 1, "released": false,
                    "expires_at": now + Duration::minutes(5)});
                world.ledger.insert(keys::lease(&of), Versioned { version: 1, document: lease });
            }
        });
        hang(&mut account).await;
        assert_eq!(account.cached(), 5, "{other}");
        let why = if other { "is not cache orders-cache any more" } else { "is being recovered itself" };
        let timeline = account.timeline(&account.incident().id);
        assert!(timeline.contains(why) && timeline.contains("the cut-over stands all the same"), "{timeline}");
        assert!(account.texts_about("RECOVERED").contains("WARN: not every cache was emptied"));
    }
}

#[tokio::test]
async fn however_the_step_is_disturbed_it_is_emptied_behind_the_move_and_never_before() {
    for how in [How::Twice, How::ReplyLost, How::TimesOut, How::ThenDies, How::ThenDiesUnheard] {
        let mut account = filled("flush").await;
        account.disturbance = Some(Disturbance::new(how, "recovery/FlushCaches", 1));
        hang(&mut account).await;
        assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "{how:?}");
        assert_eq!(account.cached(), 0, "{how:?}: {}", account.explain());
    }
}

#[tokio::test]
async fn it_is_not_emptied_where_clients_are_refused_after_the_move_and_led_back() {
    let mut account = filled("flush").await;
    account.before("CutOver", |cloud| change_password(cloud, &copy_of_orders(cloud).1));
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.settle().await;
    assert_ne!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(account.cached(), 5);
}
