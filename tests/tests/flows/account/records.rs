//! Looking at what is written down: incidents, timelines, calls, messages.

use super::{Account, ORDERS, SECRET};
use lifeboat_domain::ids::{Identity, IncidentId};
use lifeboat_domain::incident::{Incident, TimelineEntry};
use lifeboat_domain::lease::Lease;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Plan;
use lifeboat_domain::ports::Key;
use lifeboat_domain::register::{ResourceRecord, SeenSignal};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The identity of `orders-db`.
fn orders() -> Identity {
    Identity::parse(ORDERS).unwrap()
}

impl Account {
    /// A document of the ledger, if it is there.
    pub fn document<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let world = self.cloud.see();
        world.ledger.get(key).map(|kept| serde_json::from_value(kept.document.clone()).unwrap())
    }

    fn documents<T: DeserializeOwned>(&self, wanted: impl Fn(&Key) -> bool) -> Vec<T> {
        let world = self.cloud.see();
        let found = world.ledger.iter().filter(|(key, _)| wanted(key));
        found.map(|(_, kept)| serde_json::from_value(kept.document.clone()).unwrap()).collect()
    }

    /// What the ledger knows of `orders-db`.
    pub fn record(&self) -> ResourceRecord {
        self.document(&keys::record(&orders())).expect("orders-db is known")
    }

    /// All incidents, oldest first.
    pub fn incidents(&self) -> Vec<Incident> {
        let mut incidents: Vec<Incident> = self.documents(|key| key.sort == "incident" && key.partition.starts_with("incident#"));
        incidents.sort_by_key(|incident| incident.opened_at);
        incidents
    }

    /// All plans.
    pub fn plans(&self) -> Vec<Plan> {
        self.documents(|key| key.sort.starts_with("plan#") && key.partition.starts_with("incident#"))
    }

    /// The newest incident.
    pub fn incident(&self) -> Incident {
        self.incidents().pop().expect("there is an incident")
    }

    /// The timeline of an incident, a line each.
    pub fn timeline(&self, id: &IncidentId) -> String {
        let partition = keys::of_incident(id);
        let lines: Vec<TimelineEntry> = self.documents(|key| key.partition == partition && key.sort.starts_with("timeline#"));
        lines.iter().map(|entry| format!("{} {}: {}\n", entry.at.format("%H:%M:%S"), entry.phase, entry.text)).collect()
    }

    /// Why each event was left alone or not.
    pub fn reasons(&self) -> Vec<String> {
        let seen: Vec<SeenSignal> = self.documents(|key| key.partition.starts_with("seen#"));
        seen.into_iter().map(|signal| format!("{}: {}", signal.source, signal.reason)).collect()
    }

    /// The number of the last mutating call.
    pub fn last_call(&self) -> usize {
        self.cloud.see().rds.model.calls().len()
    }

    /// The effective mutating calls after a number, as `action parameters`.
    pub fn calls_since(&self, number: usize) -> Vec<String> {
        let world = self.cloud.see();
        let calls = world.rds.model.effective_calls().filter(|call| call.number > number);
        calls.map(|call| format!("{} {}", call.action, call.parameters)).collect()
    }

    /// Where each version of the secret leads, and its password.
    pub fn secret_versions(&self) -> Vec<(String, String)> {
        let world = self.cloud.see();
        let text = |fields: &Value, name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        world.secrets[SECRET].iter().map(|stored| (text(&stored.fields, "host"), text(&stored.fields, "password"))).collect()
    }

    /// The subjects of all messages.
    pub fn subjects(&self) -> Vec<String> {
        self.cloud.see().messages.iter().map(|message| message.subject.clone()).collect()
    }

    /// The texts of all messages whose subject begins so.
    pub fn texts_about(&self, beginning: &str) -> String {
        let world = self.cloud.see();
        let about = world.messages.iter().filter(|message| message.subject.starts_with(beginning));
        about.map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The text of the last message.
    pub fn last_text(&self) -> String {
        self.cloud.see().messages.last().map(|message| message.text.clone()).unwrap_or_default()
    }

    /// Whether nobody holds the lease of `orders-db`: given back, or expired while its execution does not run.
    pub fn lease_is_free(&self) -> bool {
        let lease: Option<Lease> = self.document(&keys::lease(&orders()));
        lease.is_none_or(|lease| lease.released || lease.expires_at <= self.time())
    }

    /// Everything for a person who wonders why a flow ended as it did.
    pub fn explain(&self) -> String {
        let stories = self
            .incidents()
            .into_iter()
            .map(|incident| format!("{} {:?} {:?}\n{}", incident.id, incident.state, incident.outcome, self.timeline(&incident.id)));
        format!("{}\nmessages: {:#?}", stories.collect::<String>(), self.subjects())
    }
}
