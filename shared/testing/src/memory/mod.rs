//! The domain's ports on the one behaviour model, in memory: for flows that run in virtual time.
//!
//! [`Cloud`] is a handle: clones share one [`World`], so that a test can look at it and break it while handlers use it.
//! RDS is the model itself, with its faults and its log. The other services are a few lines each and share [`World::faults`],
//! whose actions are spelled as IAM spells them (`dynamodb:PutItem`, `secretsmanager:PutSecretValue`, ...).

mod alarms;
mod caches;
mod clusters;
mod control;
mod databases;
mod exports;
mod faults;
mod history;
mod mapping;
mod places;
mod salvage;
mod secrets;
mod storage;
mod tables;
#[cfg(test)]
mod tests;
mod warm_up;
mod workflow;

use crate::InMemory;
use crate::data::Row;
use crate::model::{Action, Faults, Settings};
use chrono::{DateTime, Utc};
use lifeboat_domain::alarms::Alarm;
use lifeboat_domain::moments::trail::Action as Deed;
use lifeboat_domain::observed::Parameter;
use lifeboat_domain::ports::{Answer, Clock, Key, Message, Versioned};
use lifeboat_domain::probe::ProbeOutcome;
use serde_json::Value;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

pub use places::{StoredRecord, StoredService, Webhook};
pub use secrets::StoredSecret;
pub use workflow::StartedExecution;

/// What a policy's SQL check answers here: a value computed from the rows of [`CHECKED_TABLE`], or why it could not run.
pub type CheckAnswer = Box<dyn Fn(&[Row]) -> Result<String, String>>;

/// The table that checks look at; there is no SQL here.
pub const CHECKED_TABLE: &str = "public.orders";

/// The whole world. Its fields are open: tests look at them and break them.
pub struct World {
    /// The control plane and the data behind it.
    pub rds: InMemory,
    /// The ledger.
    pub ledger: BTreeMap<Key, Versioned>,
    /// The bucket.
    pub documents: BTreeMap<String, Value>,
    /// The secrets, each with its versions, oldest first; the last one is current.
    pub secrets: BTreeMap<String, Vec<StoredSecret>>,
    /// The executions of `recovery`, in the order in which they were started.
    pub executions: Vec<StartedExecution>,
    /// The messages that were published.
    pub messages: Vec<Message>,
    /// What the policy's checks answer, by name; a check without an entry could not run.
    pub checks: BTreeMap<String, CheckAnswer>,
    /// What opening an instance meets with, whatever its server would do.
    pub visits: BTreeMap<String, ProbeOutcome>,
    /// Which tables of which instance were read for a warm-up, and how far, in order.
    pub warmed: Vec<(String, String, String)>,
    /// Reading for a warm-up answers, and never comes to an end.
    pub warms_for_ever: bool,
    /// What CloudTrail knows that was done, with the name of what it was done to, oldest first.
    pub trail: Vec<(String, Deed)>,
    /// What RDS announced of an instance, oldest first, for whoever asks later.
    pub announced: Vec<(String, DateTime<Utc>, String)>,
    /// Simple CNAME records by zone and name; other records by what Route 53 would show of them.
    pub records: BTreeMap<(String, String), StoredRecord>,
    /// The services that manage secrets, by the secret.
    pub secret_owners: BTreeMap<String, String>,
    /// Parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// The instances behind each proxy and target group.
    pub proxies: BTreeMap<(String, String), Vec<String>>,
    /// ECS services by cluster and name.
    pub services: BTreeMap<(String, String), StoredService>,
    /// The environments of Lambda functions, by name.
    pub functions: BTreeMap<String, BTreeMap<String, String>>,
    /// CloudWatch's alarms, by name.
    pub alarms: BTreeMap<String, Alarm>,
    /// The webhooks that were called.
    pub webhooks: Vec<Webhook>,
    faults: Faults,
}

/// A handle on the world.
#[derive(Clone)]
pub struct Cloud(Rc<RefCell<World>>);

impl Cloud {
    /// An empty account.
    pub fn new(settings: Settings, now: DateTime<Utc>) -> Self {
        Self(Rc::new(RefCell::new(World {
            faults: Faults::new(settings.seed),
            rds: InMemory::new(settings, now),
            ledger: BTreeMap::new(),
            documents: BTreeMap::new(),
            secrets: BTreeMap::new(),
            executions: Vec::new(),
            messages: Vec::new(),
            checks: BTreeMap::new(),
            visits: BTreeMap::new(),
            warmed: Vec::new(),
            warms_for_ever: false,
            trail: Vec::new(),
            announced: Vec::new(),
            records: BTreeMap::new(),
            secret_owners: BTreeMap::new(),
            parameters: BTreeMap::new(),
            proxies: BTreeMap::new(),
            services: BTreeMap::new(),
            functions: BTreeMap::new(),
            alarms: BTreeMap::new(),
            webhooks: Vec::new(),
        })))
    }

    /// Looks.
    pub fn see(&self) -> Ref<'_, World> {
        self.0.borrow()
    }

    /// Touches.
    pub fn touch(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    /// Makes a call to RDS and says of its failure what the adapter would say.
    fn rds<A: Action>(&self, action: &str, call: &A) -> Answer<A::Output> {
        self.touch().rds.call(call).map_err(|failure| mapping::call_error(action, &failure))
    }
}

impl Clock for Cloud {
    fn now(&self) -> DateTime<Utc> {
        self.see().rds.now()
    }
}
