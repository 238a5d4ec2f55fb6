//! The swap of names as a cut-over target: the source gives its name up and the new database gets it, or everything is as it was.

mod undo;
mod unseen;

use crate::account::{Account, Disturbance, GOLD, How, ORDERS, REPLICA, server_of};
use crate::story::{check_always, copy_of_orders};
use crate::targets::{End, KINDS, faults, kept};
use lifeboat_domain::acting::{CutOver, CutOverState};
use lifeboat_domain::ids::short_digest;
use lifeboat_domain::incident::{Incident, Outcome};
use lifeboat_domain::ledger::keys;
use lifeboat_testing::data::DataPlane;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{CreateDbInstance, Effect, Fault, Secret, When};
use std::fmt::Write as _;

/// Clients find the database by its own name.
pub fn policy() -> String {
    GOLD.replace("cut_over: [secrets_manager]", "cut_over: [rename_swap]")
}

/// An account, with the `DbiResourceId` of `orders-db`.
async fn account() -> (Account, String) {
    let account = Account::under(&policy(), false).await;
    let source = server_of(&account.cloud, ORDERS).unwrap();
    (account, source)
}

async fn hang(account: &mut Account) {
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.settle().await;
    account.sweeps(3).await;
    account.settle().await;
}

/// The renames that took effect, as `from -> to`.
fn renames(account: &Account) -> Vec<String> {
    let world = account.cloud.see();
    let calls = world.rds.model.effective_calls().filter(|call| call.parameters["NewDBInstanceIdentifier"].is_string());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    calls
        .map(|call| format!("{} -> {}", text(&call.parameters["DBInstanceIdentifier"]), text(&call.parameters["NewDBInstanceIdentifier"])))
        .collect()
}

/// What the instance with this `DbiResourceId` is called.
fn name_of(account: &Account, server: &str) -> Option<String> {
    let world = account.cloud.see();
    let views = world.rds.model.instances(world.rds.now());
    views.into_iter().find(|view| view.instance.dbi_resource_id == server).map(|view| view.instance.db_instance_identifier)
}

/// What the incident says of its two databases is what the world shows.
fn expect_truth(account: &Account, incident: &Incident, source: &str) -> Result<(), String> {
    let called = name_of(account, source);
    if called.as_ref().is_some_and(|called| called != incident.source.id.as_str()) {
        return Err(format!("the source is called {called:?}, and the incident says {}", incident.source.id));
    }
    let Some(restored) = &incident.restored else { return Ok(()) };
    let shown = account.instance(restored.id.as_str());
    let (arn, host) = (&shown["DBInstanceArn"], &shown["Endpoint"]["Address"]);
    let told = restored.endpoint.as_ref().map(|endpoint| endpoint.host.as_str());
    if *arn != restored.arn.as_str() || host.as_str() != told || shown["DbiResourceId"] == source {
        return Err(format!("the new database is {shown}, and the incident says {restored:?}"));
    }
    Ok(())
}

#[tokio::test]
async fn the_new_database_gets_the_name_and_the_old_one_is_kept_under_another() {
    let (mut account, source) = account().await;
    hang(&mut account).await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Recovered), "{}", account.explain());
    let kept = name_of(&account, &source).unwrap();
    assert!(kept.starts_with("orders-db-old-"), "{kept}");
    let serving = account.record().resource_id;
    assert_ne!(serving, source);
    assert_eq!((account.record().id.as_str(), account.serving()), (ORDERS, Some(serving)), "{}", account.explain());
    assert_eq!(renames(&account).len(), 2, "{:?}", renames(&account));
    expect_truth(&account, &incident, &source).unwrap();
    assert_eq!(incident.source.id.as_str(), kept);
    let tags = |id: &str| account.instance(id)["TagList"].to_string();
    assert!(tags(ORDERS).contains("lifeboat:policy") && !tags(ORDERS).contains("lifeboat:retired"), "{}", tags(ORDERS));
    assert!(tags(&kept).contains("lifeboat:retired") && !tags(&kept).contains("lifeboat:policy"), "{}", tags(&kept));
    assert!(account.instance(&kept)["VpcSecurityGroups"].to_string().contains("sg-fence"), "the old one stays fenced");
    assert_eq!(check_always(&account), Ok(()));
    account.pass(chrono::Duration::hours(1)).await;
    assert!(account.backup().await.is_well(), "it is protected: {:?}", account.subjects());
}

/// Somebody changes the copy's password, so that clients are refused after the move.
fn refuse_clients(cloud: &Cloud) {
    let server = copy_of_orders(cloud).1;
    let mut world = cloud.touch();
    let now = world.rds.now();
    let effect = Effect::SetPassword { server, user: "lifeboat".to_owned(), password: Secret::new("nobody-knows") };
    world.rds.data.carry_out(now, &effect).unwrap();
}

/// The name under which the source is kept while it has it.
fn kept_name(cloud: &Cloud) -> Option<String> {
    let world = cloud.see();
    let views = world.rds.model.instances(world.rds.now());
    let mut names = views.into_iter().map(|view| view.instance.db_instance_identifier);
    names.find(|name| name.starts_with("orders-db-old-"))
}

/// Which rename is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Struck {
    SourceAway,
    CopyThere,
    CopyBack,
    SourceBack,
}

impl Struck {
    const ALL: [Self; 4] = [Self::SourceAway, Self::CopyThere, Self::CopyBack, Self::SourceBack];

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::SourceAway => ("do", "the source gives its name up"),
            Self::CopyThere => ("do", "the new database gets it"),
            Self::CopyBack => ("undo", "the new database gives it up"),
            Self::SourceBack => ("undo", "the source gets it back"),
        }
    }

    /// The ends that are right. A call of the way back that is never to be had leaves only one.
    fn allowed(self, kind: &str) -> &'static [End] {
        let passes = matches!(kind, "throttled once" | "timed out before" | "reply lost");
        match (self, kind) {
            (Self::SourceAway | Self::CopyThere, _) if passes => &[End::Forward],
            (Self::SourceAway | Self::CopyThere, _) => &[End::Back],
            (Self::CopyBack | Self::SourceBack, "refused for ever" | "throttled for ever") => &[End::Told],
            (Self::CopyBack | Self::SourceBack, _) => &[End::Back],
        }
    }

    /// Lets the rename go wrong; on the way there, what was refused for ever is mended before the way back.
    fn strike(self, account: &mut Account, kind: &str) {
        let (when, what) = faults(kind);
        let fault =
            move |resource: Option<String>, when| Fault { action: Some("ModifyDBInstance".to_owned()), resource, when, kind: what.clone() };
        let again = fault.clone();
        match self {
            Self::SourceAway => account.before("CutOver", move |cloud| cloud.touch().add_fault(fault(Some(ORDERS.to_owned()), when))),
            Self::CopyThere => account.before("CutOver", move |cloud| {
                let copy = copy_of_orders(cloud).0;
                cloud.touch().add_fault(fault(Some(copy), when));
            }),
            Self::CopyBack | Self::SourceBack => account.before("CutOver", refuse_clients),
        }
        match self {
            Self::SourceAway | Self::CopyThere => account.before("Compensate", |cloud| cloud.touch().clear_faults()),
            // The first change on the way back closes the copy, which has the name; the second one renames it.
            Self::CopyBack => account.before("Compensate", move |cloud| {
                let when = if when == When::Nth(1) { When::Nth(2) } else { when };
                cloud.touch().add_fault(again(Some(ORDERS.to_owned()), when));
            }),
            Self::SourceBack => account.before("Compensate", move |cloud| {
                let kept = kept_name(cloud);
                cloud.touch().add_fault(again(kept, when));
            }),
        }
    }
}

/// How it ended, after it was made sure that names, clients, ledger and message agree.
fn end_of(account: &Account, source: &str) -> Result<End, String> {
    check_always(account)?;
    let incident = account.incident();
    expect_truth(account, &incident, source)?;
    if !account.lease_is_free() {
        return Err("the lease is held".to_owned());
    }
    let cut_over: Option<CutOver> = account.document(&keys::cut_over(&incident.id));
    let state = cut_over.map_or(CutOverState::Noted, |cut_over| cut_over.state());
    let called = name_of(account, source).ok_or("the source is gone")?;
    let has_it = server_of(&account.cloud, ORDERS);
    let is_fenced = account.instance(&called)["VpcSecurityGroups"].to_string().contains("sg-fence");
    let recovered = incident.outcome == Some(Outcome::Recovered);
    match state {
        CutOverState::Verified if recovered && is_fenced && has_it == Some(account.record().resource_id) && called != ORDERS => {
            Ok(End::Forward)
        }
        CutOverState::Noted | CutOverState::Undone if !recovered && !is_fenced && called == ORDERS => {
            let named = kept_name(&account.cloud);
            if named.is_none() { Ok(End::Back) } else { Err(format!("{named:?} is left")) }
        }
        CutOverState::Moving | CutOverState::Moved if !recovered && is_fenced => {
            let text = account.texts_about("FAILED");
            let told = text.contains("--new-db-instance-identifier orders-db ") && text.contains(source) && text.contains("fence");
            if told { Ok(End::Told) } else { Err(format!("the commands are not told: {text}")) }
        }
        state => Err(format!("{state}, {:?}, the source is {called}, fenced: {is_fenced}", incident.outcome)),
    }
}

#[tokio::test]
async fn every_fault_of_every_rename_ends_wholly_forward_or_wholly_back_or_is_told() {
    let mut table = String::from("| rename | struck | how | the end |\n|---|---|---|---|\n");
    let mut wrong = Vec::new();
    for struck in Struck::ALL {
        let (point, words) = struck.words();
        for kind in KINDS {
            let (mut account, source) = account().await;
            struck.strike(&mut account, kind);
            hang(&mut account).await;
            match end_of(&account, &source) {
                Ok(end) => {
                    let _ = writeln!(table, "| {words} | {point} | {kind} | {} |", end.words());
                    if !struck.allowed(kind).contains(&end) {
                        wrong.push(format!("{words} {kind}: {}\n{}", end.words(), account.explain()));
                    }
                }
                Err(why) => wrong.push(format!("{words} {kind}: {why}\n{:?}\n{}", renames(&account), account.explain())),
            }
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{} rows are wrong\n{}", wrong.len(), wrong.join("\n\n"));
    kept("renames", &table);
}

#[tokio::test]
async fn an_execution_that_dies_half_way_is_followed_by_one_that_goes_on() {
    for visit in [1, 2, 12, 22, 23, 43] {
        for how in [How::ThenDies, How::ThenDiesUnheard, How::Twice, How::ReplyLost] {
            let (mut account, source) = account().await;
            account.disturbance = Some(Disturbance::new(how, "recovery/CutOver", visit));
            hang(&mut account).await;
            assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "visit {visit} is made");
            let end = end_of(&account, &source);
            assert_eq!(end, Ok(End::Forward), "visit {visit}, {how:?}: {}", account.explain());
            assert_eq!(renames(&account).len(), 2, "visit {visit}, {how:?}: {:?}", renames(&account));
        }
    }
}

#[tokio::test]
async fn a_way_back_that_dies_half_way_is_followed_by_one_that_ends_it() {
    for visit in [1, 2, 4, 8, 24, 26, 28, 44] {
        let (mut account, source) = account().await;
        account.before("CutOver", refuse_clients);
        account.disturbance = Some(Disturbance::new(How::ThenDies, "recovery/Compensate", visit));
        hang(&mut account).await;
        assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "visit {visit} is made");
        let end = end_of(&account, &source);
        assert!(matches!(end, Ok(End::Back | End::Forward)), "visit {visit}: {end:?} {}", account.explain());
    }
}

/// Something happens at the visit to `CutOver` at which the source is under its other name, and `orders-db` is nobody's.
pub fn between_the_renames(account: &mut Account, happens: impl Fn(&Cloud) + 'static) {
    let done = std::cell::Cell::new(false);
    account.whenever = Some(Box::new(move |cloud| {
        if !done.get() && kept_name(cloud).is_some() && server_of(cloud, ORDERS).is_none() {
            done.set(true);
            happens(cloud);
        }
    }));
}

/// Somebody else makes an instance of this name, or deletes one.
pub fn create(cloud: &Cloud, name: &str) {
    cloud.touch().rds.call(&CreateDbInstance::example(name)).unwrap();
}

fn delete(cloud: &Cloud, name: &str) {
    cloud.touch().rds.happen(|model, now| model.delete_behind_back(name, true, now)).unwrap();
}

#[tokio::test]
async fn a_name_that_somebody_takes_between_the_renames_ends_wholly_back_once_it_is_free_or_is_told() {
    for is_freed in [true, false] {
        let (mut account, source) = account().await;
        between_the_renames(&mut account, |cloud| create(cloud, ORDERS));
        if is_freed {
            account.before("Compensate", |cloud| {
                delete(cloud, ORDERS);
                cloud.touch().rds.advance(chrono::Duration::minutes(10));
            });
        }
        hang(&mut account).await;
        let incident = account.incident();
        assert_eq!(incident.outcome, Some(Outcome::Failed), "{}", account.explain());
        let text = account.texts_about("FAILED");
        assert!(text.contains("the name orders-db is another instance's"), "{text}");
        if is_freed {
            assert_eq!(end_of(&account, &source), Ok(End::Back), "{}", account.explain());
        } else {
            let stranger = server_of(&account.cloud, ORDERS);
            assert!(stranger.is_some() && stranger.as_deref() != Some(&source), "the stranger keeps its name");
            assert_eq!(end_of(&account, &source), Ok(End::Told), "{}", account.explain());
            assert_eq!(renames(&account).len(), 1, "{:?}", renames(&account));
        }
    }
}

#[tokio::test]
async fn another_instance_under_the_copys_name_is_never_renamed() {
    let (mut account, source) = account().await;
    between_the_renames(&mut account, |cloud| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.happen(|model, now| model.delete_behind_back(&copy, false, now)).unwrap();
        cloud.touch().rds.advance(chrono::Duration::minutes(30));
        create(cloud, &copy);
    });
    hang(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Failed), "{}", account.explain());
    let stranger = copy_of_orders(&account.cloud);
    assert_eq!(name_of(&account, &source).as_deref(), Some(ORDERS), "{}", account.explain());
    let mentions = renames(&account).into_iter().filter(|rename| rename.starts_with(&stranger.0)).count();
    assert_eq!(mentions, 0, "{:?}", renames(&account));
}

#[tokio::test]
async fn a_source_that_rds_does_not_rename_is_refused_by_name_when_the_plan_is_made() {
    let (mut account, _) = account().await;
    let calls = account.last_call();
    account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.settle().await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    let text = account.texts_about("REFUSED");
    assert!(text.contains("the name orders-db cannot be given to a new database") && text.contains("in status failed"), "{text}");
}

#[tokio::test]
async fn a_name_under_which_the_source_would_be_kept_must_be_free() {
    let (mut account, _) = account().await;
    account.before("PlanRecovery", |cloud| {
        let incidents: Vec<String> =
            cloud.see().ledger.keys().filter_map(|key| key.partition.strip_prefix("incident#").map(str::to_owned)).collect();
        let id = incidents.first().unwrap().clone();
        create(cloud, &format!("orders-db-old-{}", short_digest(&[&id])));
    });
    hang(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    assert!(account.texts_about("REFUSED").contains("is the name of another instance"), "{}", account.last_text());
    assert_eq!(renames(&account), Vec::<String>::new());
}

#[tokio::test]
async fn where_the_source_is_gone_one_rename_is_enough() {
    let (mut account, source) = account().await;
    delete(&account.cloud, ORDERS);
    account.pass(chrono::Duration::minutes(5)).await;
    account.settle().await;
    let plan = account.incident().plan.unwrap();
    account.answer(serde_json::json!({"resource": ORDERS, "plan": plan, "decision": "approve"})).await;
    account.recoveries().await;
    account.settle().await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(renames(&account).len(), 1, "{:?}", renames(&account));
    assert_eq!((account.record().id.as_str(), account.serving()), (ORDERS, Some(account.record().resource_id)));
    assert_ne!(account.record().resource_id, source);
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn a_promoted_replica_gets_the_name_too_even_if_an_execution_dies_half_way() {
    for visit in [None, Some(12), Some(30)] {
        let (mut account, source) = account().await;
        account.add_replica(REPLICA, |_| {}).await;
        let replica = server_of(&account.cloud, REPLICA).unwrap();
        account.disturbance = visit.map(|visit| Disturbance::new(How::ThenDies, "recovery/CutOver", visit));
        hang(&mut account).await;
        assert!(account.disturbance.as_ref().is_none_or(Disturbance::struck), "{visit:?}");
        assert_eq!(end_of(&account, &source), Ok(End::Forward), "{visit:?}: {}", account.explain());
        assert_eq!((account.serving(), renames(&account).len()), (Some(replica), 2), "{visit:?}");
    }
}

#[tokio::test]
async fn the_plan_tells_what_the_renames_cost() {
    let (mut account, _) = account().await;
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.settle().await;
    let texts = account.cloud.see().messages.iter().map(|message| message.text.clone()).collect::<String>();
    assert!(texts.contains("10 min for each, 20 min for both") && texts.contains("nobody answers under orders-db"), "{texts}");
}

#[tokio::test]
async fn a_way_back_that_never_ends_is_given_up_and_told() {
    let (mut account, source) = account().await;
    account.before("CutOver", refuse_clients);
    account.before.insert(
        ("Compensate".to_owned(), 4),
        Box::new(|cloud| cloud.touch().rds.happen(|model, now| model.set_status(ORDERS, "modifying", now)).unwrap()),
    );
    hang(&mut account).await;
    assert_eq!(end_of(&account, &source), Ok(End::Told), "{}", account.explain());
    let text = account.texts_about("FAILED");
    assert!(text.contains("AND UNDOING FAILED TOO") && text.contains("the way back is given up after 1 h"), "{text}");
}

#[tokio::test]
async fn a_swap_that_takes_too_long_is_given_up_and_ends_wholly_back() {
    let (mut account, source) = account().await;
    account.before.insert(
        ("CutOver".to_owned(), 3),
        Box::new(|cloud| {
            let copy = copy_of_orders(cloud).0;
            cloud.touch().rds.happen(|model, now| model.set_status(&copy, "modifying", now)).unwrap();
        }),
    );
    account.before("Compensate", |cloud| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.happen(|model, now| model.set_status(&copy, "available", now)).unwrap();
    });
    hang(&mut account).await;
    assert_eq!(end_of(&account, &source), Ok(End::Back), "{}", account.explain());
    assert!(account.texts_about("FAILED").contains("gave up after 1 h"), "{}", account.last_text());
}
