//! Stories: what happens to `orders-db`, told from its break to its end, so that each can be told again with disturbances.

mod ending;

use ending::Names;
pub use ending::check_always;

use crate::account::{Account, BETWEEN_SWEEPS, GOLD, Hook, ORDERS, REPLICA, server_of, write_inside, write_to};
use crate::caches::CacheTale;
use crate::clusters::Tale;
use crate::members::MemberTale;
use chrono::Duration;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ports::Key;
use lifeboat_domain::show_time;
use lifeboat_testing::data::DataPlane;
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{Effect, FaultKind, Secret, When};
use serde_json::{Value, json};

/// One story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// RDS gives up on the instance: restored, cut over.
    InstanceFailure,
    /// It hangs, Single-AZ: restored, fenced by its security group, cut over.
    Hung,
    /// It hangs, Multi-AZ: failed over.
    HungMultiAz,
    /// Its zone goes dark, Multi-AZ: AWS heals it.
    AzOutage,
    /// A person deleted rows and asks for a copy beside production.
    HumanError,
    /// The same, then cut over with the plan's hash.
    HumanErrorCutOver,
    /// The same, at a moment that is not restorable yet.
    HumanErrorJustNow,
    /// A watched check finds bad rows.
    Corruption,
    /// It was deleted; a person approves its recovery.
    Deletion,
    /// A person asks for a plan only.
    PlanOnly,
    /// What a person asks for makes no sense.
    WrongInput,
    /// RDS gives up on it, and the policy only observes.
    Observed,
    /// RDS says that it failed, and it answers.
    Contradiction,
    /// The restored copy lacks a row.
    CopyIsWrong,
    /// The source answers again just before the cut-over.
    SourceHealed,
    /// The fence does not keep clients out.
    FenceLeaks,
    /// Clients cannot log in after the cut-over.
    ClientRefused,
    /// The first restore never becomes usable.
    RestoreFails,
    /// The instance class is not to be had.
    NoCapacity,
    /// Tonight's backup.
    Backup,
    /// Tonight's backup cannot even list the databases.
    BackupImpossible,
    /// A sweep that has news to tell.
    News,
    /// A person pauses everything, for a while.
    Pause,
    /// Somebody deleted rows, and a person asks when.
    FindMoment,
    /// Somebody deleted rows, and copies are asked when.
    Bisect,
    /// Its volume is full: grown.
    StorageFull,
    /// A cut-over is regretted: clients go back, after a person has seen what they lose.
    Undo,
    /// RDS gives up on it, and a read replica follows it: promoted.
    Promotion,
    /// It hangs, and a read replica follows it: fenced by its security group, then promoted.
    PromotionHung,
    /// The promotion is refused for good: restored.
    PromotionRefused,
    /// The promoted replica lacks a row.
    PromotedIsWrong,
    /// What happens to a DB cluster.
    Cluster(Tale),
    /// Something happens to `orders-db`, which is a cache.
    Cache(CacheTale),
    /// `orders-db` follows another Region, which is lost.
    Member(MemberTale),
}

/// How a story ended: what must be the same however it is disturbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// State and outcome of every incident.
    pub incidents: Vec<(IncidentState, Option<Outcome>)>,
    /// Every call that changed the cloud, in order.
    pub calls: Vec<String>,
    /// Where the secret led, one after the other.
    pub secret: Vec<String>,
    /// Which instance carries the identity.
    pub serves: String,
    /// The messages, by subject, without what time makes of them.
    pub messages: Vec<String>,
    /// Whether the lease is free.
    pub lease_is_free: bool,
    /// Whether the source exists.
    pub source: Value,
}

impl Summary {
    /// How another run of the same story differs; none if it does not.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let mut found = Vec::new();
        if self.incidents != other.incidents {
            found.push(format!("incidents {:?}", other.incidents));
        }
        if self.calls != other.calls {
            let extra: Vec<&String> = other.calls.iter().filter(|call| !self.calls.contains(call)).collect();
            let missing: Vec<&String> = self.calls.iter().filter(|call| !other.calls.contains(call)).collect();
            let counts = (other.calls.len(), self.calls.len());
            found.push(format!("{} calls instead of {}: extra {extra:#?}, missing {missing:#?}", counts.0, counts.1));
        }
        if self.secret != other.secret {
            found.push(format!("the secret led to {:?}", other.secret));
        }
        if (&self.serves, &self.source) != (&other.serves, &other.source) {
            found.push(format!("{} serves, the source is {}", other.serves, other.source));
        }
        if self.messages != other.messages {
            found.push(format!("messages {:#?}", other.messages));
        }
        if self.lease_is_free != other.lease_is_free {
            found.push("the lease is held".to_owned());
        }
        (!found.is_empty()).then(|| found.join("; "))
    }
}

pub fn delete_rows(cloud: &Cloud) {
    let server = server_of(cloud, ORDERS).unwrap();
    for key in 5..=9 {
        assert!(write_to(cloud, &server, key, None));
    }
}

/// Somebody changes a password on a server, and in no secret.
pub fn change_password(cloud: &Cloud, server: &str) {
    let mut world = cloud.touch();
    let now = world.rds.now();
    let effect = Effect::SetPassword { server: server.to_owned(), user: "lifeboat".to_owned(), password: Secret::new("nobody-knows") };
    world.rds.data.carry_out(now, &effect).unwrap();
}

/// Only the second class is to be had: the calls are refused until it is planned.
pub fn capacity_of_the_next_class(cloud: &Cloud) {
    let plans_it = |key: &Key, document: &Value| key.sort.starts_with("plan#") && document["calls"].to_string().contains("db.t4g.large");
    let planned = cloud.see().ledger.iter().any(|(key, kept)| plans_it(key, &kept.document));
    if planned {
        cloud.touch().clear_faults();
    }
}

/// The restored copy, which exists by now.
pub fn copy_of_orders(cloud: &Cloud) -> (String, String) {
    let world = cloud.see();
    let views = world.rds.model.instances(world.rds.now());
    let shown = views.into_iter().map(|view| view.instance);
    let mut names = shown.map(|shown| shown.db_cluster_identifier.unwrap_or(shown.db_instance_identifier));
    let mut names = names.by_ref().chain(world.rds.model.cache_names());
    let found = names.find(|name| name.starts_with("orders-db-r")).expect("there is a copy");
    drop(world);
    let server = server_of(cloud, &found).expect("it has a server");
    (found, server)
}

impl Story {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::InstanceFailure,
        Self::Hung,
        Self::HungMultiAz,
        Self::AzOutage,
        Self::HumanError,
        Self::HumanErrorCutOver,
        Self::HumanErrorJustNow,
        Self::Corruption,
        Self::Deletion,
        Self::PlanOnly,
        Self::WrongInput,
        Self::Observed,
        Self::Contradiction,
        Self::CopyIsWrong,
        Self::SourceHealed,
        Self::FenceLeaks,
        Self::ClientRefused,
        Self::RestoreFails,
        Self::NoCapacity,
        Self::Backup,
        Self::BackupImpossible,
        Self::News,
        Self::Pause,
        Self::FindMoment,
        Self::Bisect,
        Self::StorageFull,
        Self::Undo,
        Self::Promotion,
        Self::PromotionHung,
        Self::PromotionRefused,
        Self::PromotedIsWrong,
        Self::Member(MemberTale::Cluster),
    ];

    /// The account before anything happens.
    pub async fn begin(self) -> Account {
        if let Self::Cache(tale) = self {
            return tale.begin().await;
        }
        if let Self::Member(tale) = self {
            return tale.begin().await;
        }
        if let Self::Cluster(tale) = self {
            return tale.begin().await;
        }
        let multi_az = matches!(self, Self::HungMultiAz | Self::AzOutage);
        let observe = GOLD.replace("mode: automatic", "mode: observe");
        let mut account = Account::under(if self == Self::Observed { &observe } else { GOLD }, multi_az).await;
        if self.has_replica() {
            account.add_replica(REPLICA, |_| {}).await;
        }
        account
    }

    const fn has_replica(self) -> bool {
        matches!(self, Self::Promotion | Self::PromotionHung | Self::PromotionRefused | Self::PromotedIsWrong)
    }

    /// Lets it happen, to its end.
    pub async fn play(self, account: &mut Account) {
        self.prepare(account);
        match self {
            Self::Cluster(tale) => tale.play(account).await,
            Self::Cache(tale) => tale.play(account).await,
            Self::Member(tale) => tale.play(account).await,
            Self::InstanceFailure
            | Self::Observed
            | Self::CopyIsWrong
            | Self::RestoreFails
            | Self::NoCapacity
            | Self::Promotion
            | Self::PromotionRefused
            | Self::PromotedIsWrong => {
                account.happen(|model, now| model.fail_instance(ORDERS, now)).unwrap();
            }
            Self::StorageFull => account.happen(|model, now| model.storage_full(ORDERS, now)).unwrap(),
            Self::Hung | Self::PromotionHung | Self::HungMultiAz | Self::SourceHealed | Self::FenceLeaks | Self::ClientRefused => {
                account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
                account.sweeps(2).await;
            }
            Self::AzOutage => {
                account.happen(|model, now| model.az_outage(ORDERS, now)).unwrap();
                account.pass(Duration::seconds(20)).await;
            }
            Self::HumanError | Self::HumanErrorCutOver | Self::HumanErrorJustNow => self.human_error(account).await,
            Self::Corruption => {
                account.pass(Duration::minutes(8)).await;
                let server = server_of(&account.cloud, ORDERS).unwrap();
                write_to(&account.cloud, &server, 3, Some("-3.00"));
                account.sweeps(1).await;
            }
            Self::Deletion => {
                account.happen(|model, now| model.delete_behind_back(ORDERS, true, now)).unwrap();
                account.pass(Duration::minutes(5)).await;
                account.settle().await;
                self.approve(account).await;
            }
            Self::PlanOnly => drop(account.ask(json!({"resource": ORDERS, "scenario": "instance_failure"})).await),
            Self::WrongInput => drop(account.ask(json!({"resource": ORDERS, "scenario": "sunspots"})).await),
            Self::Contradiction => {
                account.happen(|model, now| model.set_status(ORDERS, "failed", now)).unwrap();
                account.sweeps(1).await;
            }
            Self::Undo => {
                account.happen(|model, now| model.hang(ORDERS, now)).unwrap();
                while account.incidents().is_empty() {
                    account.sweeps(1).await;
                }
                account.settle().await;
                account.pass(Duration::minutes(10)).await;
                account.ask(json!({"resource": ORDERS, "scenario": "undo", "run": "execute"})).await;
                account.settle().await;
                self.approve(account).await;
            }
            Self::Backup | Self::BackupImpossible => drop(account.backup().await),
            Self::News => account.sweeps(1).await,
            Self::FindMoment => {
                account.pass(Duration::minutes(3)).await;
                delete_rows(&account.cloud);
                account.pass(Duration::minutes(8)).await;
                account.find_moment(json!({"resource": ORDERS})).await;
            }
            Self::Bisect => crate::bisect::play(account).await,
            Self::Pause => {
                let until = show_time(account.time() + Duration::hours(2));
                account.order(json!({"resource": "*", "action": "pause", "until": until, "reason": "a rehearsal"})).await;
            }
        }
        account.settle().await;
        // What was left half-way is found by sweeps, and news is told by them.
        account.sweeps(3).await;
        account.settle().await;
        if self == Self::StorageFull {
            account.pass(Duration::minutes(30)).await; // RDS goes on optimising the volume.
        }
    }

    fn prepare(self, account: &mut Account) {
        let (state, visit, hook): (&str, usize, Hook) = match self {
            Self::Cluster(tale) => return tale.prepare(account),
            Self::Cache(tale) => return tale.prepare(account),
            Self::Member(tale) => return tale.prepare(account),
            Self::CopyIsWrong => {
                ("ValidateRestored", 1, Box::new(|cloud| assert!(write_inside(cloud, &copy_of_orders(cloud).1, 7, None), "a row is lost")))
            }
            Self::SourceHealed => {
                ("ProbeSourceAgain", 1, Box::new(|cloud| cloud.touch().rds.happen(|model, now| model.resume(ORDERS, now)).unwrap()))
            }
            Self::FenceLeaks => ("FenceSource", 1, Box::new(|cloud| cloud.touch().rds.happen(|model, _| model.set_closed_groups([])))),
            Self::ClientRefused => ("CutOver", 1, Box::new(|cloud| change_password(cloud, &copy_of_orders(cloud).1))),
            Self::RestoreFails => {
                account.cloud.touch().rds.data.break_effects("provision", "the volume cannot be attached");
                ("CleanUpRestore", 1, Box::new(|cloud| cloud.touch().rds.data.mend()))
            }
            Self::NoCapacity => {
                let kind = FaultKind::Refused { code: "InsufficientDBInstanceCapacity".to_owned(), message: "not now".to_owned() };
                account.fault("RestoreDBInstanceToPointInTime", When::Always, kind);
                return account.whenever = Some(Box::new(capacity_of_the_next_class));
            }
            Self::PromotionRefused => {
                let kind = FaultKind::Refused { code: "InvalidParameterCombination".to_owned(), message: "not this one".to_owned() };
                return account.fault("PromoteReadReplica", When::Always, kind);
            }
            Self::PromotedIsWrong => {
                let lose = |cloud: &Cloud| {
                    let server = server_of(cloud, REPLICA).unwrap();
                    assert!(write_to(cloud, &server, 7, None), "a row is lost");
                };
                ("ValidateRestored", 1, Box::new(lose))
            }
            Self::BackupImpossible => return account.fault("s3:PutObject", When::Always, FaultKind::Throttle),
            Self::News => return account.create("twin-db", false, &[("lifeboat:resource", ORDERS)]),
            _ => return,
        };
        account.before.insert((state.to_owned(), visit), hook);
    }

    pub async fn human_error(self, account: &mut Account) {
        account.pass(Duration::minutes(3)).await;
        let before = account.time();
        account.pass(Duration::seconds(1)).await;
        delete_rows(&account.cloud);
        if self != Self::HumanErrorJustNow {
            account.pass(Duration::minutes(8)).await;
        }
        let mut input = json!({"resource": ORDERS, "scenario": "human_error", "restore_to": show_time(before), "run": "execute"});
        if self == Self::HumanErrorCutOver {
            input["cut_over"] = json!(true);
            account.ask(input.clone()).await;
            account.settle().await;
            return self.approve(account).await;
        }
        account.ask(input).await;
    }

    /// A person pastes what the message says: the plan's hash.
    pub async fn approve(self, account: &mut Account) {
        while !account.lease_is_free() {
            account.pass(BETWEEN_SWEEPS).await;
        }
        let plan = account.incident().plan.unwrap_or_else(|| panic!("nothing to approve: {}", account.explain()));
        account.answer(json!({"resource": ORDERS, "plan": plan, "decision": "approve"})).await;
        account.recoveries().await;
    }

    /// Whether its execution, if it dies, is followed by another one that takes it up.
    pub const fn is_taken_up(self) -> bool {
        !matches!(
            self,
            Self::Cluster(Tale::Backup)
                | Self::Cache(CacheTale::Backup)
                | Self::PlanOnly
                | Self::WrongInput
                | Self::Backup
                | Self::BackupImpossible
                | Self::Pause
                | Self::FindMoment
                | Self::Bisect
        )
    }

    /// Whether a Task belongs to the story, and not only to what goes on around it.
    pub fn is_about(self, task: &str) -> bool {
        let of = |machine: &str| task.starts_with(machine);
        match self {
            Self::Backup | Self::BackupImpossible => of("backup/"),
            Self::News => of("sweep/"),
            Self::Pause => of("pause/"),
            Self::FindMoment => of("find_moment/"),
            Self::Bisect => of("bisect/"),
            Self::Hung | Self::PromotionHung | Self::Corruption | Self::Contradiction => of("recovery/") || of("sweep/"),
            Self::Deletion | Self::HumanErrorCutOver | Self::Undo => of("recovery/") || of("approval/"),
            Self::Cluster(tale) => tale.machines().iter().any(|machine| of(machine)),
            Self::Member(tale) => tale.machines().iter().any(|machine| of(machine)),
            Self::Cache(tale) => tale.machines().iter().any(|machine| of(machine)),
            _ => of("recovery/"),
        }
    }

    /// Other ends that are as right where a second execution takes the story up: it may find the source well again (AWS, or the
    /// reboot of the fence, has brought it back), or find in its validation what the first one found later.
    pub fn other_ends(self) -> Vec<Vec<(IncidentState, Option<Outcome>)>> {
        let healed = vec![(IncidentState::Closed, Some(Outcome::SelfHealed))];
        let held = vec![(IncidentState::Closed, Some(Outcome::HeldByValidation))];
        match self {
            Self::SourceHealed | Self::FenceLeaks => vec![healed],
            Self::ClientRefused => vec![healed, held],
            _ => Vec::new(),
        }
    }

    /// How it ended.
    pub fn summary(self, account: &Account, since: usize) -> Summary {
        let names = Names::of(account, since);
        Summary {
            incidents: account.incidents().into_iter().map(|incident| (incident.state, incident.outcome)).collect(),
            calls: account.calls_since(since).into_iter().map(|call| names.replace(call)).collect(),
            secret: account.secret_versions().into_iter().map(|(host, _)| names.replace(host)).collect(),
            serves: names.replace(account.record().id.to_string()),
            messages: account.subjects().into_iter().filter_map(|subject| names.timeless(subject)).collect(),
            lease_is_free: account.lease_is_free(),
            source: account.status(ORDERS),
        }
    }
}
