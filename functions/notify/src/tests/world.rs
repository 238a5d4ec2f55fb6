//! A world of in-memory ports, with short words for what tests do to it.

use super::fixture::{EXECUTION, INCIDENT, incident_id, resource, time};
use super::ports::{MemoryBucket, MemoryLedger, MemoryTopic, SetClock};
use crate::{Deps, handle};
use lifeboat_domain::DrError;
use lifeboat_domain::acting::{CallRecord, CallState};
use lifeboat_domain::incident::{Incident, Phase, TimelineEntry};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Plan;
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::ports::{Key, Message, Versioned};
use lifeboat_domain::register::ResourceRecord;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::cell::Cell;

const POLICIES: &str = "
version: 1
policies:
  gold:
    mode: automatic
    objective: {rto: 15m, rpo: 5m}
    modes: {human_error: approve}
    cut_over: [secrets_manager]
    drill: {waived: 'the demo'}
    fingerprint:
      - {table: public.orders, key: id, written_at: created_at, append_only: true}
  watched: {}
";

pub(crate) struct World {
    pub(crate) deps: Deps<MemoryLedger, MemoryBucket, MemoryTopic, SetClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            deps: Deps {
                ledger: MemoryLedger::default(),
                documents: MemoryBucket::default(),
                topic: MemoryTopic::default(),
                clock: SetClock(Cell::new(time("10:42:00"))),
                policies: PolicyDocument::from_yaml(POLICIES).unwrap(),
            },
        }
    }

    pub(crate) fn put(&self, key: Key, document: &impl Serialize) {
        let document = serde_json::to_value(document).unwrap();
        self.deps.ledger.documents.borrow_mut().insert(key, Versioned { version: 1, document });
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> T {
        serde_json::from_value(self.deps.ledger.documents.borrow().get(key).unwrap().document.clone()).unwrap()
    }

    pub(crate) fn remove(&self, key: &Key) {
        self.deps.ledger.documents.borrow_mut().remove(key);
    }

    pub(crate) fn change<T: Serialize + DeserializeOwned>(&self, key: Key, change: impl FnOnce(&mut T)) {
        let mut value: T = self.get(&key);
        change(&mut value);
        self.put(key, &value);
    }

    pub(crate) fn incident(&self) -> Incident {
        self.get(&keys::incident(&incident_id()))
    }

    pub(crate) fn change_incident(&self, change: impl FnOnce(&mut Incident)) {
        self.change(keys::incident(&incident_id()), change);
    }

    pub(crate) fn record(&self) -> ResourceRecord {
        self.get(&keys::record(&resource()))
    }

    pub(crate) fn tell(&self, at: &str, phase: Phase, text: &str) {
        let entry = TimelineEntry { at: time(at), phase, text: text.to_owned() };
        self.put(keys::timeline(&incident_id(), entry.at, phase, text), &entry);
    }

    pub(crate) fn made(&self, plan: &Plan, index: usize, state: CallState, sent: &str, ended: Option<&str>, text: &str) {
        let call = &plan.calls[index];
        let record = CallRecord {
            phase: call.phase,
            index,
            act: call.act.clone(),
            state,
            token: 1,
            sent_at: time(sent),
            ended_at: ended.map(time),
            text: text.to_owned(),
            before: None,
        };
        self.put(keys::call(&plan.incident, &plan.hash, index), &record);
    }

    pub(crate) async fn step(&self, input: Value) -> Result<Value, DrError> {
        handle(&self.deps, input).await
    }

    pub(crate) async fn close(&self, outcome: &str, failure: Value) -> Result<Value, DrError> {
        self.step(json!({"step": "close", "incident": INCIDENT, "execution": EXECUTION, "outcome": outcome, "failure": failure})).await
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.deps.topic.messages.borrow().clone()
    }

    pub(crate) fn object(&self, key: &str) -> String {
        self.deps
            .documents
            .objects
            .borrow()
            .get(key)
            .unwrap_or_else(|| panic!("no object {key}: {:?}", self.deps.documents.objects.borrow().keys()))
            .clone()
    }

    pub(crate) fn report(&self, outcome: &str) -> Value {
        serde_json::from_str(&self.object(&format!("reports/orders-db/{INCIDENT}/{outcome}-1.json"))).unwrap()
    }
}
