//! A global table: the Region is lost in which its clients use it, and they are led to its replica here; and what the sweep says of it
//! while all is well. Two Regions are not to be had here: what DynamoDB tells of the other one is the model's.

use super::*;
use lifeboat_domain::global_table::{GlobalTable, TableReplica};
use lifeboat_domain::plan::{FencePlan, Remedy};
use lifeboat_testing::model::{FaultKind, When};

const REGION: &str = "/shop/orders/region";
const HOME: &str = "eu-west-1";
const HERE: &str = "us-east-1";
const TARGETS: &str =
    "[{ssm_parameter: {name: /shop/orders/table, holds: host}}, {ssm_parameter: {name: /shop/orders/region, holds: region}}]";

fn policy(targets: &str) -> String {
    POLICY.replace("[{ssm_parameter: {name: /shop/orders/table, holds: host}}]", targets)
}

/// The table has a replica in the Region that clients use, and one that nobody uses.
pub(super) async fn account() -> Account {
    account_under(TARGETS, false).await
}

async fn account_under(targets: &str, is_strong: bool) -> Account {
    let account = account_of(replicated(is_strong), &policy(targets)).await;
    set_region(&account, HOME);
    account
}

/// It has replicas in two other Regions.
fn replicated(is_strong: bool) -> TableConfiguration {
    let replica = |region: &str| TableReplica { region: region.to_owned(), status: "ACTIVE".to_owned(), ..TableReplica::default() };
    let replicas = vec![replica("eu-north-1"), replica(HOME)];
    TableConfiguration {
        replicas: replicas.iter().map(|replica| replica.region.clone()).collect(),
        global: Some(Box::new(GlobalTable { version: Some("2019.11.21".to_owned()), is_strong, replicas })),
        ..own()
    }
}

/// The Region that clients use.
pub(super) fn region(account: &Account) -> Option<String> {
    account.cloud.see().parameters.get(REGION).map(|found| found.value.clone())
}

fn set_region(account: &Account, value: &str) {
    let parameter = Parameter { value: value.to_owned(), kind: "String".to_owned() };
    account.cloud.touch().parameters.insert(REGION.to_owned(), parameter);
}

fn stick(cloud: &Cloud, status: &'static str) {
    cloud.touch().rds.happen(|model, _| model.tables.existing(TABLE).map(|table| table.stuck = Some(status))).unwrap();
}

/// A person says that the Region is lost, and no more.
async fn asked(account: &mut Account) -> Vec<String> {
    let before = account.last_call();
    account.ask(json!({"resource": RESOURCE, "scenario": "region_outage", "run": "execute"})).await;
    account.settle().await;
    account.calls_since(before)
}

#[tokio::test]
async fn clients_are_led_to_the_replica_here_and_dynamodb_is_asked_for_nothing_but_a_backup() {
    let (account, calls) = told(Story::RegionLost, Outcome::TookOver).await;
    assert_eq!(actions(&calls), ["CreateBackup"]);
    assert_eq!((region(&account).as_deref(), serving(&account).as_str()), (Some(HERE), TABLE), "the Region is moved, and no name");
    let plan = plan(&account);
    assert_eq!((plan.remedy, plan.fence), (Some(Remedy::TakeOver), Some(FencePlan::Elsewhere)));
    for said in ["split brain", "the later one stays in every Region", "/shop/orders/table stays as it is"] {
        assert!(plan.risks.iter().any(|risk| risk.contains(said)), "{said}: {:?}", plan.risks);
    }
    let timeline = account.timeline(&account.incident().id);
    for said in ["takes writes in us-east-1 as it is: nothing is promoted", "leads to orders:443 in us-east-1", "validation"] {
        assert!(timeline.contains(said), "{said}: {timeline}");
    }
    let text = account.texts_about("TOOK OVER");
    for said in ["arrives when", "aws ssm put-parameter --region us-east-1 --name /shop/orders/region --value OTHER_REGION"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(account.record().id.as_str(), TABLE, "it stays what it is, and is looked after");
}

/// What the SMS about something advise.
fn shorts(account: &Account, about: &str) -> Vec<String> {
    let world = account.cloud.see();
    let about = world.messages.iter().filter(|message| message.subject.contains(about));
    about.map(|message| message.short.split_once(". ").map_or("", |(_, hint)| hint).to_owned()).collect()
}

#[tokio::test]
async fn nobody_is_led_anywhere_before_a_person_has_approved_the_plan_by_its_hash() {
    let mut account = account().await;
    assert_eq!(asked(&mut account).await, Vec::<String>::new());
    assert_eq!((account.incident().outcome, region(&account).as_deref()), (Some(Outcome::Refused), Some(HOME)));
    let text = account.texts_about("APPROVAL NEEDED");
    assert!(text.contains("always for a person to decide") && text.contains("split brain"), "{text}");
}

#[tokio::test]
async fn with_strong_consistency_nothing_is_said_to_be_lost() {
    let mut account = account_under(TARGETS, true).await;
    Story::RegionLost.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::TookOver), "{}", account.explain());
    let text = account.texts_about("TOOK OVER");
    assert!(text.contains("the consistency of the global table is STRONG") && !text.contains("arrives"), "{text}");
    assert_eq!(shorts(&account, "TOOK OVER"), ["Clients were led to it. Nothing is lost."]);
}

#[tokio::test]
async fn clients_that_are_here_already_are_led_nowhere_and_that_is_said() {
    let mut account = account().await;
    set_region(&account, HERE);
    Story::RegionLost.play(&mut account).await;
    assert_eq!((account.incident().outcome, region(&account).as_deref()), (Some(Outcome::TookOver), Some(HERE)), "{}", account.explain());
    assert!(plan(&account).risks.iter().any(|risk| risk.contains("holds us-east-1 already: nobody")), "{:?}", plan(&account).risks);
    let text = account.texts_about("TOOK OVER");
    assert!(text.contains("led to us-east-1 already, which was verified"), "{text}");
    assert_eq!(shorts(&account, "TOOK OVER"), ["Clients were here already, and nobody was moved."]);
}

#[tokio::test]
async fn a_parameter_that_names_another_region_or_holds_something_else_is_never_written_over_nor_shown() {
    for (held, shown) in [("ap-south-1", "holds ap-south-1, which is no Region"), ("hunter2", "holds something, which is no Region")] {
        let mut account = account().await;
        set_region(&account, held);
        assert_eq!(asked(&mut account).await, Vec::<String>::new());
        assert_eq!((account.incident().outcome, region(&account).as_deref()), (Some(Outcome::Refused), Some(held)));
        assert!(plan(&account).refusals[0].contains(shown), "{:?}", plan(&account).refusals);
        let world = account.cloud.see();
        assert!(world.messages.iter().all(|message| !message.text.contains("hunter2")), "a secret is told");
        assert!(world.ledger.values().all(|kept| !kept.document.to_string().contains("hunter2")), "a secret is kept");
    }
}

#[tokio::test]
async fn a_parameter_that_somebody_changes_after_the_approval_is_left_as_it_is() {
    let mut account = account().await;
    account.before("CutOver", |cloud| {
        cloud.touch().parameters.get_mut(REGION).unwrap().value = "ap-south-1".to_owned();
    });
    Story::RegionLost.play(&mut account).await;
    assert_eq!(region(&account).as_deref(), Some("ap-south-1"), "{}", account.explain());
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    assert!(account.last_text().contains("does not hold a region any more"), "{}", account.last_text());
    assert!(account.lease_is_free());
}

#[tokio::test]
async fn a_table_that_cannot_serve_alone_leads_nobody_and_a_person_gets_the_reason_and_commands() {
    for (status, why) in [("REPLICATION_NOT_AUTHORIZED", "replication is denied"), ("ARCHIVED", "it was archived")] {
        let mut account = account().await;
        stick(&account.cloud, status);
        assert_eq!(asked(&mut account).await, Vec::<String>::new());
        assert_eq!(region(&account).as_deref(), Some(HOME));
        let text = account.last_text();
        assert!(text.contains(status) && text.contains(why), "{text}");
        assert!(text.contains("aws dynamodb describe-table --region eu-west-1"), "{text}");
    }
    let mut account = account_under("[{ssm_parameter: {name: /shop/orders/table, holds: host}}]", false).await;
    asked(&mut account).await;
    assert!(account.last_text().contains("names no ssm_parameter with holds: region"), "{}", account.last_text());
}

#[tokio::test]
async fn a_table_that_stops_serving_after_the_approval_gets_no_clients_and_is_planned_anew() {
    for step in ["TakeOver", "CheckTakeOver"] {
        let mut account = account().await;
        account.before(step, |cloud| stick(cloud, "REPLICATION_NOT_AUTHORIZED"));
        Story::RegionLost.play(&mut account).await;
        let ended = (account.incident().outcome, region(&account));
        assert_eq!(ended, (Some(Outcome::Refused), Some(HOME.to_owned())), "{step}: {}", account.explain());
        assert!(account.last_text().contains("REPLICATION_NOT_AUTHORIZED"), "{step}: {}", account.last_text());
        assert!(account.lease_is_free());
        // It is the database itself, and no copy that somebody might release.
        let world = account.cloud.see();
        assert!(world.messages.iter().all(|message| !message.text.contains("delete-table")), "{step}");
        let reports = world.documents.iter().filter(|(key, _)| key.contains("report"));
        assert!(
            reports.clone().count() > 0 && reports.clone().all(|(_, report)| !format!("{report:?}").contains("delete-table")),
            "{step}"
        );
    }
}

#[tokio::test]
async fn clients_that_do_not_get_through_here_are_led_back_to_the_region_where_they_were() {
    let mut account = account().await;
    account.before("VerifyCutOver", |cloud| {
        cloud.touch().rds.happen(|model, now| model.tables.deny_writes(TABLE, true, now)).unwrap();
    });
    Story::RegionLost.play(&mut account).await;
    assert_eq!(region(&account).as_deref(), Some(HOME), "{}", account.explain());
    assert!(account.incidents().iter().any(|incident| incident.outcome == Some(Outcome::Failed)), "{}", account.explain());
    assert!(account.lease_is_free());
}

#[tokio::test]
async fn a_parameter_that_may_not_be_written_ends_whole_and_with_the_command_for_a_person() {
    let denied = FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "the role may not".to_owned() };
    let mut account = account().await;
    account.fault("ssm:PutParameter", When::Always, denied);
    Story::RegionLost.play(&mut account).await;
    assert_eq!((account.incident().outcome, region(&account).as_deref()), (Some(Outcome::Failed), Some(HOME)), "{}", account.explain());
    let text = account.texts_about("FAILED");
    assert!(text.contains("ssm:PutParameter"), "{text}");
}

#[tokio::test]
async fn an_undo_of_a_take_over_is_refused_and_says_what_leads_back() {
    let (mut account, _) = told(Story::RegionLost, Outcome::TookOver).await;
    account.advance(Duration::minutes(10));
    let before = account.last_call();
    account.ask(json!({"resource": RESOURCE, "scenario": "undo", "run": "execute"})).await;
    account.settle().await;
    assert_eq!(account.calls_since(before), Vec::<String>::new());
    assert_eq!(region(&account).as_deref(), Some(HERE));
    assert!(account.last_text().contains("the old Region in the parameter that holds it"), "{}", account.last_text());
}

#[tokio::test]
async fn a_recovery_within_the_region_moves_the_name_and_leaves_the_region_as_it_is() {
    // A restored table has no replicas, which its validation warns of.
    let mut account = account_of(replicated(false), &policy(TARGETS).replace("[freshness]", "[freshness, configuration]")).await;
    set_region(&account, HERE);
    Story::CutOver.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!((region(&account).as_deref(), serving(&account)), (Some(HERE), copy(&account)));
    // With nothing but a Region nobody can be moved: the copy stands beside.
    let mut account = account_under("[{ssm_parameter: {name: /shop/orders/region, holds: region}}]", false).await;
    Story::CutOver.play(&mut account).await;
    let said = "names no way to move clients of orders within their Region";
    assert!(plan(&account).risks.iter().any(|risk| risk.contains(said)), "{:?}", plan(&account).risks);
    assert_eq!((region(&account).as_deref(), serving(&account).as_str()), (Some(HOME), TABLE));
}

fn told_unready(account: &Account) -> usize {
    account.subjects().iter().filter(|subject| subject.contains("is not ready for the loss of a Region")).count()
}

fn set_replica(account: &Account, status: &str) {
    account.cloud.touch().rds.happen(|model, _| model.tables.set_replica(TABLE, HOME, status)).unwrap();
}

/// The account after a sweep has found that a replica is no good.
pub(super) async fn not_ready() -> Account {
    let mut account = account().await;
    set_replica(&account, "REGION_DISABLED");
    account.cloud.touch().rds.happen(|model, _| model.tables.protect(TABLE, false)).unwrap();
    account.sweeps(1).await;
    account
}

#[tokio::test]
async fn what_a_global_table_lacks_is_news_once_and_again_when_it_changes() {
    let mut account = account().await;
    account.sweeps(3).await;
    assert_eq!(told_unready(&account), 0, "all is well: {:?}", account.subjects());
    for (status, times) in [
        ("REGION_DISABLED", 1),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", 2),
        ("UPDATING", 2),
        ("ACTIVE", 2),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", 3),
    ] {
        set_replica(&account, status);
        account.sweeps(3).await;
        assert_eq!(told_unready(&account), times, "{status}: {:?}", account.subjects());
    }
    let text = account.last_text();
    for said in ["has a replica in eu-west-1 that is INACCESSIBLE_ENCRYPTION_CREDENTIALS", "describe-table --region us-east-1"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(account.incidents().is_empty(), "it is no incident: {}", account.explain());
}

#[tokio::test]
async fn what_a_table_lacks_is_told_once_however_the_ledger_fails_a_sweep() {
    for action in ["dynamodb:PutItem", "dynamodb:GetItem", "sns:Publish"] {
        for nth in 1..=6 {
            for kind in [FaultKind::Throttle, FaultKind::TimeoutBefore, FaultKind::ReplyLost] {
                let mut account = account().await;
                set_replica(&account, "REGION_DISABLED");
                account.fault(action, When::Nth(nth), kind.clone());
                account.sweeps(4).await;
                // A message that was sent, which could not be noted, is sent again; it is one piece of news.
                let told = told_unready(&account);
                assert!((1..=2).contains(&told), "{action} {nth} {kind:?}: {told}: {:?}", account.subjects());
                let news = account.cloud.see().ledger.keys().filter(|key| key.partition == "news").count();
                assert_eq!(news, 1, "{action} {nth} {kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_table_of_one_region_is_news_only_where_its_policy_promises_another_one() {
    for (targets, times) in [(TARGETS, 1), ("[{ssm_parameter: {name: /shop/orders/table, holds: host}}]", 0)] {
        let mut account = account_of(own(), &policy(targets)).await;
        account.sweeps(3).await;
        assert_eq!(told_unready(&account), times, "{targets}: {:?}", account.subjects());
    }
}
