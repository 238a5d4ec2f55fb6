//! Every cut-over target and every consumer, with every fault at every point: the end is wholly forward or wholly back, or, where the
//! way back itself is closed, a person is told the very commands while the fence stays closed. The table is printed, and kept in
//! `statemachines/cut-over.md`.

use crate::account::{Account, GOLD, ORDERS, SECRET};
use crate::story::{check_always, copy_of_orders};
use lifeboat_domain::acting::{CutOver, CutOverState};
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::observed::Parameter;
use lifeboat_testing::data::DataPlane;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{Effect, Fault, FaultKind, Secret, When};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

const ZONE: &str = "Z0123456789";
const RECORD: &str = "orders.internal.example.com";
const PARAMETER: &str = "/orders/db/host";
const PROXY: &str = "orders";
const HOOK: &str = "https://rollout.example.com/orders";
const KEY: &str = "prod/rollout";

/// All targets at once, each leading to the source, and all consumers.
const EVERYWHERE: &str = "cut_over:
      - secrets_manager
      - route53: {zone: Z0123456789, record: orders.internal.example.com}
      - ssm_parameter: {name: /orders/db/host, holds: host}
      - rds_proxy: {proxy: orders}
    restart:
      - ecs_service: {cluster: shop, service: orders}
      - lambda_function: {name: orders-api}
      - webhook: {name: rollout, url: \"https://rollout.example.com/orders\", secret: prod/rollout}";

fn policy() -> String {
    GOLD.replace("cut_over: [secrets_manager]", EVERYWHERE)
}

fn host(account: &Account) -> String {
    account.instance(ORDERS)["Endpoint"]["Address"].as_str().unwrap().to_owned()
}

/// An account in which clients find `orders-db` in every way there is.
async fn everywhere() -> Account {
    let account = Account::under(&policy(), false).await;
    let host = host(&account);
    {
        let mut world = account.cloud.touch();
        world.put_record(ZONE, RECORD, &host, 30);
        world.parameters.insert(PARAMETER.to_owned(), Parameter { value: host, kind: "String".to_owned() });
        world.proxies.insert((PROXY.to_owned(), "default".to_owned()), vec![ORDERS.to_owned()]);
        world.services.entry(("shop".to_owned(), "orders".to_owned())).or_default();
        world.functions.insert("orders-api".to_owned(), [("DB".to_owned(), "app".to_owned())].into());
        world.put_key(KEY, "a key");
    }
    account
}

/// Where clients of each target are led, by server.
fn led(account: &Account) -> Vec<(&'static str, Option<String>)> {
    let value = account.cloud.see().parameters[PARAMETER].value.clone();
    let behind = account.cloud.see().proxies[&(PROXY.to_owned(), "default".to_owned())].first().cloned();
    vec![
        ("secret", account.serving()),
        ("record", account.cloud.server_by_name(RECORD)),
        ("parameter", account.cloud.server_at(&value)),
        ("proxy", behind.and_then(|instance| crate::account::server_of(&account.cloud, &instance))),
    ]
}

async fn hang(account: &mut Account) {
    account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
    account.sweeps(2).await;
    account.settle().await;
    account.sweeps(3).await;
    account.settle().await;
}

/// Somebody changes the copy's password, so that clients are refused after the move.
fn refuse_clients(cloud: &Cloud) {
    let server = copy_of_orders(cloud).1;
    let mut world = cloud.touch();
    let now = world.rds.now();
    let effect = Effect::SetPassword { server, user: "lifeboat".to_owned(), password: Secret::new("nobody-knows") };
    world.rds.data.carry_out(now, &effect).unwrap();
}

#[tokio::test]
async fn every_target_is_moved_in_order_verified_and_told_and_every_consumer_looks_again() {
    let mut account = everywhere().await;
    hang(&mut account).await;
    let incident = account.incident();
    assert_eq!(incident.outcome, Some(Outcome::Recovered), "{}", account.explain());
    let serving = account.record().resource_id;
    assert!(led(&account).into_iter().all(|(_, server)| server.as_ref() == Some(&serving)), "{:?}", led(&account));
    let timeline = account.timeline(&incident.id);
    let order = ["PutSecretValue prod/orders", "ChangeResourceRecordSets", "PutParameter", "DeregisterDBProxy", "RegisterDBProxy"];
    assert!(order.iter().all(|word| timeline.contains(word)), "{timeline}");
    for seen in ["resolves to address-of-", "parameter /orders/db/host leads to", "through proxy orders"] {
        assert!(timeline.contains(&format!("a client finds the new database: {seen}")) || timeline.contains(seen), "{seen}: {timeline}");
    }
    let world = account.cloud.see();
    assert_eq!(world.services[&("shop".to_owned(), "orders".to_owned())].deployments.len(), 1);
    let environment = &world.functions["orders-api"];
    assert_eq!((environment["DB"].as_str(), environment["LIFEBOAT_CUT_OVER"].as_str()), ("app", incident.id.as_str()));
    let [told] = world.webhooks.as_slice() else { panic!("{:?}", world.webhooks) };
    let header = |name: &str| told.headers.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let body: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!((body["event"].as_str(), body["incident"].as_str()), (Some("cut_over"), Some(incident.id.as_str())));
    let key = lifeboat_domain::ports::Secret::new("a key".to_owned());
    assert_eq!(header("Lifeboat-Signature"), lifeboat_domain::webhook::signature(&key, &header("Lifeboat-Timestamp"), &told.body));
    drop(world);
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn a_target_that_cannot_be_moved_is_refused_before_anything_is_touched() {
    type Spoil = fn(&Cloud);
    let table: [(Spoil, &str); 4] = [
        (|cloud| drop(cloud.touch().parameters.remove(PARAMETER)), "there is no parameter /orders/db/host"),
        (|cloud| cloud.touch().records.clear(), "there is no record orders.internal.example.com"),
        (|cloud| cloud.touch().proxies.clear(), "there is no proxy orders"),
        (
            |cloud| {
                let denied = FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
                cloud.touch().add_fault(fault("secretsmanager:DescribeSecret", When::Always, denied));
            },
            "secret prod/orders cannot be looked at",
        ),
    ];
    for (spoil, because) in table {
        let mut account = everywhere().await;
        spoil(&account.cloud);
        let calls = account.last_call();
        hang(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{because}: {}", account.explain());
        assert_eq!(account.calls_since(calls), Vec::<String>::new(), "{because}");
        assert!(
            account.last_text().contains(because) || account.texts_about("NEEDS").contains(because),
            "{because}: {}",
            account.last_text()
        );
    }
}

#[tokio::test]
async fn a_secret_that_rds_manages_is_refused_when_the_plan_is_made() {
    let mut account = Account::new(false).await;
    account.cloud.touch().secret_owners.insert(SECRET.to_owned(), "rds".to_owned());
    let calls = account.last_call();
    hang(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Refused), "{}", account.explain());
    assert_eq!(account.calls_since(calls), Vec::<String>::new());
    let text = account.last_text();
    assert!(account.timeline(&account.incident().id).contains("secret prod/orders is managed by rds"), "{text}");
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_left_alone_and_told() {
    let mut account = everywhere().await;
    account.before("CutOver", refuse_clients);
    account.before("Compensate", |cloud| {
        cloud.touch().parameters.get_mut(PARAMETER).unwrap().value = "a-third-place.example.com".to_owned();
    });
    hang(&mut account).await;
    assert_eq!(account.cloud.see().parameters[PARAMETER].value, "a-third-place.example.com");
    let text = account.texts_about("FAILED");
    assert!(text.contains("parameter /orders/db/host") && text.contains("aws ssm put-parameter"), "{text}");
    assert!(account.instance(ORDERS)["VpcSecurityGroups"].to_string().contains("sg-fence"), "the fence stays closed");
    assert_eq!(check_always(&account), Ok(()));
}

#[tokio::test]
async fn sessions_that_clients_opened_on_the_new_side_are_ended_on_the_way_back_or_the_command_is_told() {
    for kind in KINDS {
        let mut account = everywhere().await;
        account.before("CutOver", refuse_clients);
        let (when, what) = faults(kind);
        account.before("Compensate", move |cloud| cloud.touch().add_fault(fault("RebootDBInstance", when, what)));
        let calls = account.last_call();
        hang(&mut account).await;
        let restarts =
            account.calls_since(calls).into_iter().filter(|call| call.starts_with("RebootDBInstance") && call.contains("orders-db-r"));
        let (restarts, text) = (restarts.count(), account.texts_about("FAILED"));
        if kind.ends_with("for ever") {
            assert!(restarts == 0 && text.contains("aws rds reboot-db-instance") && text.contains("orders-db-r"), "{kind}: {text}");
            assert!(account.instance(ORDERS)["VpcSecurityGroups"].to_string().contains("sg-fence"), "{kind}: the fence stays closed");
        } else {
            let expected = usize::from(kind != "timed out before");
            assert_eq!((restarts, end_of(&account, "")), (expected, Ok(End::Back)), "{kind}: {}", account.explain());
        }
        assert_eq!(check_always(&account), Ok(()), "{kind}");
    }
}

/// What is struck, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    Do,
    Verify,
    Undo,
}

/// A way in which a call goes wrong.
pub const KINDS: [&str; 6] = ["refused once", "throttled once", "timed out before", "reply lost", "refused for ever", "throttled for ever"];

pub fn faults(kind: &str) -> (When, FaultKind) {
    let denied = || FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "the role may not".to_owned() };
    match kind {
        "refused once" => (When::Nth(1), denied()),
        "throttled once" => (When::Nth(1), FaultKind::Throttle),
        "timed out before" => (When::Nth(1), FaultKind::TimeoutBefore),
        "reply lost" => (When::Nth(1), FaultKind::ReplyLost),
        "refused for ever" => (When::Always, denied()),
        _ => (When::Always, FaultKind::Throttle),
    }
}

fn fault(action: &str, when: When, kind: FaultKind) -> Fault {
    Fault { action: Some(action.to_owned()), resource: None, when, kind }
}

/// See [`TARGETS`].
type Struck = (&'static str, &'static str, (&'static str, &'static str), &'static str, &'static str);

/// Target, the call that moves it, the call that its verification hangs on, with the state in which that is made, the call of its
/// way back, and what the command by hand begins with.
const TARGETS: [Struck; 4] = [
    (
        "secret",
        "secretsmanager:PutSecretValue",
        ("secretsmanager:GetSecretValue", "VerifyCutOver"),
        "secretsmanager:PutSecretValue",
        "aws secretsmanager put-secret-value",
    ),
    (
        "record",
        "route53:ChangeResourceRecordSets",
        ("dns:resolve", "VerifyCutOver"),
        "route53:ChangeResourceRecordSets",
        "aws route53 change-resource-record-sets",
    ),
    ("record, in sync", "route53:ChangeResourceRecordSets", ("route53:GetChange", "CutOver"), "", ""),
    ("parameter", "ssm:PutParameter", ("ssm:GetParameter", "CutOver"), "ssm:PutParameter", "aws ssm put-parameter"),
];

/// The proxy's two calls are struck one by one.
const PROXY_CALLS: [(&str, &str, &str); 2] = [
    ("proxy, leave", "rds:DeregisterDBProxyTargets", "aws rds deregister-db-proxy-targets"),
    ("proxy, join", "rds:RegisterDBProxyTargets", "aws rds register-db-proxy-targets"),
];

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Forward,
    Back,
    Told,
}

impl End {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Forward => "wholly forward",
            Self::Back => "wholly back",
            Self::Told => "fence closed, commands told",
        }
    }
}

/// One run; how it ended, after it was made sure that clients, ledger and message agree.
async fn struck(action: &str, state: &str, point: Point, kind: &str, command: &str) -> Result<End, String> {
    let mut account = everywhere().await;
    let (when, what) = faults(kind);
    let call = fault(action, when, what);
    match point {
        Point::Do | Point::Verify => account.before(state, move |cloud| cloud.touch().add_fault(call)),
        Point::Undo => {
            account.before("CutOver", refuse_clients);
            account.before("Compensate", move |cloud| cloud.touch().add_fault(call));
        }
    }
    hang(&mut account).await;
    end_of(&account, command).map_err(|why| format!("{why}\n{:?}\n{}\n{}", led(&account), account.explain(), account.last_text()))
}

fn end_of(account: &Account, command: &str) -> Result<End, String> {
    check_always(account)?;
    let incident = account.incident();
    if !account.lease_is_free() {
        return Err("the lease is held".to_owned());
    }
    let cut_over: Option<CutOver> = account.document(&keys::cut_over(&incident.id));
    let state = cut_over.map_or(CutOverState::Noted, |cut_over| cut_over.state());
    let source = crate::account::server_of(&account.cloud, ORDERS);
    let all_at = |server: &Option<String>| led(account).iter().all(|(_, led)| led == server);
    let is_fenced = account.instance(ORDERS)["VpcSecurityGroups"].to_string().contains("sg-fence");
    let recovered = incident.outcome == Some(Outcome::Recovered);
    match state {
        CutOverState::Verified if recovered && is_fenced && all_at(&Some(account.record().resource_id)) => Ok(End::Forward),
        CutOverState::Noted | CutOverState::Undone if !recovered && !is_fenced && all_at(&source) => Ok(End::Back),
        CutOverState::Moving | CutOverState::Moved if !recovered && is_fenced => {
            let text = account.texts_about("FAILED");
            if text.contains(command) && text.contains("fence") { Ok(End::Told) } else { Err(format!("{command} is not told")) }
        }
        state => Err(format!("{state}, {:?}, fenced: {is_fenced}", incident.outcome)),
    }
}

/// The ends that are right. A call that the way back needs too, and that is never to be had again, leaves only one.
fn allowed(target: &str, point: Point, kind: &str) -> &'static [End] {
    match (point, kind) {
        (Point::Do, "refused for ever" | "throttled for ever") if target == "proxy, join" => &[End::Told],
        (Point::Verify, "refused for ever" | "throttled for ever") if target == "secret" => &[End::Told],
        // The step that gives the lease back tries the way back once more.
        (Point::Undo, "refused once") => &[End::Back],
        (Point::Do | Point::Verify, "throttled once" | "timed out before" | "reply lost") => &[End::Forward],
        (Point::Do | Point::Verify, _) => &[End::Back],
        (Point::Undo, "throttled once" | "timed out before" | "reply lost") => &[End::Back],
        (Point::Undo, _) => &[End::Told],
    }
}

#[tokio::test]
async fn every_fault_of_every_target_at_every_point_ends_wholly_forward_or_wholly_back_or_is_told() {
    let mut rows: Vec<(&str, Point, &str, String, &str, &str)> = Vec::new();
    for (target, moves, (reads, state), back, command) in TARGETS {
        for kind in KINDS {
            if !back.is_empty() {
                rows.push((target, Point::Do, kind, moves.to_owned(), "CutOver", command));
                rows.push((target, Point::Undo, kind, back.to_owned(), "", command));
            }
            rows.push((target, Point::Verify, kind, reads.to_owned(), state, command));
        }
    }
    for (target, action, command) in PROXY_CALLS {
        for kind in KINDS {
            rows.push((target, Point::Do, kind, action.to_owned(), "CutOver", command));
            rows.push((target, Point::Undo, kind, action.to_owned(), "", command));
        }
    }
    for kind in KINDS {
        rows.push(("proxy", Point::Verify, kind, "rds:DescribeDBProxyTargets".to_owned(), "CutOver", ""));
    }
    rows.sort_by_key(|(target, point, ..)| (*target, *point as u8));
    let mut table = String::from("| target | struck | the call | how | the end |\n|---|---|---|---|---|\n");
    let mut wrong = Vec::new();
    for (target, point, kind, action, state, command) in rows {
        let point_name = format!("{point:?}").to_lowercase();
        match struck(&action, state, point, kind, command).await {
            Ok(end) => {
                let _ = writeln!(table, "| {target} | {point_name} | `{action}` | {kind} | {} |", end.words());
                if !allowed(target, point, kind).contains(&end) {
                    wrong.push(format!("{target} {point_name} {action} {kind}: {}", end.words()));
                }
            }
            Err(why) => wrong.push(format!("{target} {point_name} {action} {kind}: {why}")),
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{} rows are wrong\n{}", wrong.len(), wrong.join("\n\n"));
    kept("targets", &table);
}

/// The call that tells a consumer, and what the command by hand holds.
const CONSUMERS: [(&str, &str, &str); 3] = [
    ("ECS service", "ecs:UpdateService", "aws ecs update-service"),
    ("Lambda function", "lambda:UpdateFunctionConfiguration", "aws lambda update-function-configuration"),
    ("webhook", "https:POST", "tell rollout at https://rollout.example.com/orders"),
];

#[tokio::test]
async fn a_consumer_that_cannot_be_told_is_reported_with_its_command_and_undoes_nothing() {
    let mut table = String::from("| consumer | the call | how | the end | told how often |\n|---|---|---|---|---|\n");
    for (consumer, action, command) in CONSUMERS {
        for kind in KINDS {
            let mut account = everywhere().await;
            let (when, what) = faults(kind);
            account.fault(action, when, what);
            hang(&mut account).await;
            assert_eq!(end_of(&account, ""), Ok(End::Forward), "{consumer} {kind}: {}", account.explain());
            let text = account.texts_about("RECOVERED");
            let warns = text.contains("WARN: not every consumer") && text.contains(command);
            let times = told(&account, consumer);
            assert_eq!(warns, kind.starts_with("refused") || kind.ends_with("ever"), "{consumer} {kind}: {times} {text}");
            assert_eq!(warns, times == 0, "{consumer} {kind}: {times}");
            let end = if warns { "forward, WARN with the command" } else { "forward" };
            let _ = writeln!(table, "| {consumer} | `{action}` | {kind} | {end} | {times} |");
        }
    }
    println!("{table}");
    kept("consumers", &table);
}

/// How often a consumer was told; a webhook's deliveries carry one id, however often it is called.
fn told(account: &Account, consumer: &str) -> usize {
    let world = account.cloud.see();
    match consumer {
        "ECS service" => world.services[&("shop".to_owned(), "orders".to_owned())].deployments.len(),
        "Lambda function" => usize::from(world.functions["orders-api"].contains_key("LIFEBOAT_CUT_OVER")),
        _ => {
            let hooks = world.webhooks.iter().filter(|hook| hook.url == HOOK);
            let ids: Vec<&String> =
                hooks.flat_map(|hook| &hook.headers).filter(|(name, _)| name == "Lifeboat-Delivery").map(|(_, id)| id).collect();
            assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "one delivery, one id");
            ids.len()
        }
    }
}

/// The table stands in the documents as it is.
pub fn kept(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../statemachines/cut-over.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("cut-over.md has no {begin}"));
    let (shown, after) = rest.split_once(&end).unwrap_or_else(|| panic!("cut-over.md has no {end}"));
    if shown != table {
        assert!(std::env::var_os("UPDATE_DOCS").is_some(), "cut-over.md: {name} is out of date; rewrite it with UPDATE_DOCS=1");
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    }
}
