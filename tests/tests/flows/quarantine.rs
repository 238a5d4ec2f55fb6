//! The quarantine of a restored copy: no client gets in before the source is proven to admit nobody, and none stays on the way back.

use crate::account::{Account, Disturbance, How, ORDERS, rows_inside, rows_of, server_of, write_to};
use crate::story::{Story, check_always, copy_of_orders};
use chrono::Duration;
use lifeboat_domain::incident::Outcome;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{Fault, FaultKind, ModifyDbInstance, When};
use serde_json::{Value, json};

/// Calls to RDS that change the copy go wrong from now on.
fn strike(cloud: &Cloud, when: When, kind: &FaultKind) {
    let copy = copy_of_orders(cloud).0;
    cloud.touch().add_fault(Fault { action: Some("ModifyDBInstance".to_owned()), resource: Some(copy), when, kind: kind.clone() });
}

fn refused(code: &str) -> FaultKind {
    FaultKind::Refused { code: code.to_owned(), message: "not now".to_owned() }
}

fn groups(account: &Account, id: &str) -> String {
    account.instance(id)["VpcSecurityGroups"].to_string()
}

/// Plays a story in which something happens just before the copy is opened.
async fn disturbed(story: Story, hook: impl FnOnce(&Cloud) + 'static) -> Account {
    let mut account = story.begin().await;
    account.before("OpenRestored", hook);
    story.play(&mut account).await;
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    assert!(account.lease_is_free(), "{}", account.explain());
    account
}

/// How often the copy was given its source's groups.
fn openings(account: &Account) -> usize {
    let copy = copy_of_orders(&account.cloud).0;
    let calls = account.calls_since(0);
    calls.iter().filter(|call| call.starts_with("ModifyDBInstance") && call.contains(&copy) && call.contains("sg-app")).count()
}

/// Clients are where they were, the copy is in quarantine, and a fence that was a group is open again.
fn assert_wholly_back(account: &Account) {
    let copy = copy_of_orders(&account.cloud).0;
    assert_eq!(account.record().id.as_str(), ORDERS, "{}", account.explain());
    assert_eq!(account.serving(), server_of(&account.cloud, ORDERS));
    assert!(groups(account, &copy).contains("sg-quarantine") && !groups(account, &copy).contains("sg-app"), "{}", groups(account, &copy));
    assert!(groups(account, ORDERS).contains("sg-app") && !groups(account, ORDERS).contains("sg-fence"), "{}", groups(account, ORDERS));
}

#[tokio::test]
async fn one_fault_of_the_opening_changes_nothing_but_its_time() {
    for story in [Story::Hung, Story::InstanceFailure, Story::HumanErrorCutOver] {
        for kind in [
            FaultKind::Throttle,
            FaultKind::ServiceError,
            FaultKind::TimeoutBefore,
            FaultKind::ReplyLost,
            refused("InvalidDBInstanceState"),
        ] {
            let account = disturbed(story, {
                let kind = kind.clone();
                move |cloud| strike(cloud, When::Nth(1), &kind)
            })
            .await;
            assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{story:?} {kind:?}: {}", account.explain());
            assert_eq!((openings(&account), account.record().id.as_str() == ORDERS), (1, false), "{story:?} {kind:?}");
        }
    }
}

#[tokio::test]
async fn an_opening_that_is_refused_for_good_ends_wholly_back_and_never_let_anybody_in() {
    for story in [Story::Hung, Story::InstanceFailure] {
        for kind in [refused("AccessDenied"), refused("InvalidDBInstanceState"), FaultKind::Throttle] {
            let account = disturbed(story, {
                let kind = kind.clone();
                move |cloud| strike(cloud, When::Always, &kind)
            })
            .await;
            assert_wholly_back(&account);
            assert_eq!(openings(&account), 0, "{story:?} {kind:?}");
            let texts = account.texts_about("FAILED");
            assert!(texts.contains("is in quarantine") && texts.contains("ModifyDBInstance"), "{story:?} {kind:?}: {texts}");
        }
    }
}

#[tokio::test]
async fn an_opening_whose_fate_is_never_known_leaves_the_fence_closed_and_tells_how_to_close_the_copy() {
    for kind in [FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
        let account = disturbed(Story::Hung, {
            let kind = kind.clone();
            move |cloud| strike(cloud, When::Always, &kind)
        })
        .await;
        if account.incident().outcome == Some(Outcome::Recovered) {
            assert_eq!(kind, FaultKind::ReplyLost, "what Describe shows is as good as a reply");
            continue;
        }
        assert!(groups(&account, ORDERS).contains("sg-fence"), "{kind:?}: the other side may be open: {}", account.explain());
        let texts = account.texts_about("FAILED");
        assert!(texts.contains("--vpc-security-group-ids sg-quarantine --apply-immediately"), "{kind:?}: {texts}");
    }
}

#[tokio::test]
async fn a_copy_that_never_becomes_usable_after_its_opening_goes_back_into_quarantine_before_the_source_is_opened() {
    let mut account = Story::Hung.begin().await;
    account.before.insert(
        ("OpenRestored".to_owned(), 2),
        Box::new(|cloud| {
            let copy = copy_of_orders(cloud).0;
            cloud.touch().rds.happen(|model, now| model.stuck(&copy, "modifying", now)).unwrap();
        }),
    );
    account.before("Compensate", |cloud| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.happen(|model, now| model.unstick(&copy, now)).unwrap();
    });
    Story::Hung.play(&mut account).await;
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    assert_eq!((account.incident().outcome, openings(&account)), (Some(Outcome::Failed), 1), "{}", account.explain());
    assert_wholly_back(&account);
    assert_eq!(rows_of(&account.cloud, &copy_of_orders(&account.cloud).1), None);
    let texts = account.texts_about("FAILED");
    assert!(texts.contains("gave up waiting") && texts.contains("is in quarantine"), "{texts}");
}

#[tokio::test]
async fn a_fence_that_somebody_opens_after_its_proof_keeps_the_copy_in_quarantine() {
    let open = |cloud: &Cloud| {
        let change = ModifyDbInstance { vpc_security_group_ids: Some(vec!["sg-app".to_owned()]), ..ModifyDbInstance::now(ORDERS) };
        cloud.touch().rds.call(&change).unwrap();
    };
    let account = disturbed(Story::Hung, open).await;
    assert_eq!((account.incident().outcome, openings(&account)), (Some(Outcome::Refused), 0), "{}", account.explain());
    assert_wholly_back(&account);
    let texts = account.texts_about("REFUSED");
    assert!(texts.contains("stays in quarantine"), "{texts}: {}", account.explain());
}

#[tokio::test]
async fn whoever_got_in_behind_the_fence_is_put_out_again_on_the_way_back_of_either_fence() {
    for story in [Story::Hung, Story::InstanceFailure] {
        let mut account = story.begin().await;
        account.before("CutOver", |cloud| {
            let server = copy_of_orders(cloud).1;
            assert!(write_to(cloud, &server, 9_000, Some("1.00")), "an early client gets in, as the source admits nobody");
            let mut world = cloud.touch();
            assert!(world.rds.data.sessions(&server) > 0);
            let copy = world.rds.model.instances(world.rds.now()).into_iter().find(|it| it.instance.dbi_resource_id == server);
            let copy = copy.unwrap().instance.db_instance_identifier;
            world.rds.happen(|model, now| model.hang(&copy, now)).unwrap();
        });
        story.play(&mut account).await;
        assert_eq!(check_always(&account), Ok(()), "{story:?}: {}", account.explain());
        assert_wholly_back(&account);
        let server = copy_of_orders(&account.cloud).1;
        assert_eq!((rows_of(&account.cloud, &server), account.cloud.see().rds.data.sessions(&server)), (None, 0), "{story:?}");
        assert!(rows_inside(&account.cloud, &server).unwrap().contains_key(&9_000), "what was written stays in the copy");
    }
}

#[tokio::test]
async fn an_execution_that_is_stopped_around_the_opening_is_taken_up_by_the_same_plan() {
    for state in ["OpenRestored", "CutOver", "VerifyCutOver"] {
        let mut account = Story::Hung.begin().await;
        account.stopped_before = Some(state);
        Story::Hung.play(&mut account).await;
        assert_eq!(check_always(&account), Ok(()), "{state}: {}", account.explain());
        assert_eq!(account.incident().outcome, Some(Outcome::Interrupted), "{state}: {}", account.explain());
        account.stopped_before = None;
        account.pass(Duration::minutes(20)).await;
        let plan = account.incident().plan;
        account.ask(json!({"resource": ORDERS, "scenario": "hung", "run": "execute", "plan": plan})).await;
        account.settle().await;
        assert_eq!(check_always(&account), Ok(()), "{state}: {}", account.explain());
        assert_eq!((account.incident().outcome, openings(&account)), (Some(Outcome::Recovered), 1), "{state}: {}", account.explain());
    }
}

#[tokio::test]
async fn without_a_group_for_the_vpc_the_copy_is_born_open_as_the_plan_says_by_name() {
    let mut account = Story::Hung.begin().await;
    account.policies.quarantine_groups.clear();
    Story::Hung.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(openings(&account), 0, "it has them from birth");
    let texts = account.cloud.see().messages.iter().map(|message| message.text.clone()).collect::<String>();
    assert!(texts.contains("quarantine_groups names no group for vpc-orders"), "{texts}");
}

#[tokio::test]
async fn a_copy_that_gets_no_clients_stays_in_quarantine_and_the_message_tells_the_way_in() {
    for (story, outcome) in [
        (Story::HumanError, Outcome::RestoredBeside),
        (Story::CopyIsWrong, Outcome::HeldByValidation),
        (Story::SourceHealed, Outcome::SourceHealed),
        (Story::FenceLeaks, Outcome::Refused),
    ] {
        let mut account = story.begin().await;
        story.play(&mut account).await;
        assert!(account.incidents().iter().any(|incident| incident.outcome == Some(outcome)), "{story:?}: {}", account.explain());
        let copy = copy_of_orders(&account.cloud).0;
        assert_eq!((openings(&account), check_always(&account)), (0, Ok(())), "{story:?}");
        assert_eq!(account.instance(&copy)["VpcSecurityGroups"], json!([{"VpcSecurityGroupId": "sg-quarantine", "Status": "active"}]));
        let texts = account.cloud.see().messages.iter().map(|message| message.text.clone()).collect::<String>();
        assert!(texts.contains(&format!("{copy} is in quarantine")), "{story:?}: {texts}");
        let way = format!("--db-instance-identifier {copy} --vpc-security-group-ids sg-app --apply-immediately");
        assert_eq!(texts.contains(&way), story != Story::SourceHealed, "{story:?}: {texts}");
    }
}

#[tokio::test]
async fn a_quarantine_that_leaks_is_found_by_whoever_knocks_everywhere() {
    let mut account = Story::HumanErrorCutOver.begin().await;
    account.before("ConfigureRestored", |cloud| cloud.touch().rds.happen(|model, _| model.set_prober_groups(Vec::new())));
    Story::HumanErrorCutOver.play(&mut account).await;
    assert!(account.client.split_brain.iter().any(|found| found.contains("let clients in")), "{:?}", account.client.split_brain);
    assert!(matches!(account.instance(ORDERS), Value::Object(_)));
}

#[tokio::test]
async fn one_fault_of_the_closing_on_the_way_back_keeps_the_source_shut_until_the_copy_is() {
    let kinds =
        [FaultKind::Throttle, FaultKind::ServiceError, FaultKind::TimeoutBefore, FaultKind::ReplyLost, refused("InvalidDBInstanceState")];
    for (story, kind) in
        [Story::Hung, Story::InstanceFailure].into_iter().flat_map(|story| kinds.iter().map(move |kind| (story, kind.clone())))
    {
        let mut account = story.begin().await;
        account.before("VerifyCutOver", |cloud| {
            let copy = copy_of_orders(cloud).0;
            cloud.touch().rds.happen(|model, now| model.hang(&copy, now)).unwrap();
        });
        let struck = kind.clone();
        account.before("Compensate", move |cloud| strike(cloud, When::Nth(1), &struck));
        story.play(&mut account).await;
        assert_eq!(check_always(&account), Ok(()), "{story:?} {kind:?}: {}", account.explain());
        assert_wholly_back(&account);
        assert_eq!(rows_of(&account.cloud, &copy_of_orders(&account.cloud).1), None, "{story:?} {kind:?}");
    }
}

#[tokio::test]
async fn a_closing_that_is_refused_for_good_leaves_the_fence_closed_and_the_commands_close_the_copy_first() {
    let mut account = Story::Hung.begin().await;
    account.before("VerifyCutOver", |cloud| {
        let copy = copy_of_orders(cloud).0;
        cloud.touch().rds.happen(|model, now| model.hang(&copy, now)).unwrap();
    });
    account.before("Compensate", |cloud| strike(cloud, When::Always, &refused("AccessDenied")));
    Story::Hung.play(&mut account).await;
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
    assert!(groups(&account, ORDERS).contains("sg-fence"), "the copy is open still: {}", account.explain());
    let texts = account.texts_about("FAILED");
    let (shut, open) =
        ("--vpc-security-group-ids sg-quarantine --apply-immediately", "--vpc-security-group-ids sg-app --apply-immediately");
    assert!(texts.find(shut).zip(texts.find(open)).is_some_and(|(shut, open)| shut < open), "{texts}");
}

#[tokio::test]
async fn a_closing_that_takes_minutes_is_waited_for_and_clients_are_led_back_after_it() {
    for story in [Story::Hung, Story::HumanErrorCutOver] {
        let mut account = story.begin().await;
        account.before("VerifyCutOver", |cloud| {
            let copy = copy_of_orders(cloud).0;
            cloud.touch().rds.happen(|model, now| model.hang(&copy, now)).unwrap();
        });
        account.before("Compensate", |cloud| cloud.touch().rds.happen(|model, _| model.set_group_change(Duration::minutes(4))));
        story.play(&mut account).await;
        assert_eq!(check_always(&account), Ok(()), "{story:?}: {}", account.explain());
        assert_wholly_back(&account);
    }
}

#[tokio::test]
async fn giving_the_lease_back_closes_what_was_opened_and_asks_to_be_repeated_until_it_is_closed() {
    let mut account = Story::Hung.begin().await;
    account.disturbance = Some(Disturbance::new(How::ThenDiesUnheard, "recovery/OpenRestored", 1));
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.next_recovery().await;
    assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "{}", account.explain());
    let incident = account.incident();
    let release = json!({"step": "release", "incident": incident.id, "execution": incident.execution});
    let mut answers = Vec::new();
    for _ in 0..6 {
        match account.restore(release.clone()).await {
            Ok(_) => break,
            Err(error) => answers.push(error.name().as_str()),
        }
        account.advance(Duration::seconds(20));
    }
    assert!(!answers.is_empty() && answers.iter().all(|name| *name == "Dr.Conflict"), "{answers:?}");
    account.advance(Duration::minutes(2));
    assert_wholly_back(&account);
    assert_eq!(check_always(&account), Ok(()), "{}", account.explain());
}
