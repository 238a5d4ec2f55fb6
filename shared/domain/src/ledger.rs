//! The ledger's documents: keys, typed reads and writes, over the [`Ledger`] port.

use crate::error::{CallError, DrError};
use crate::ids::{Identity, IncidentId, PlanHash, SnapshotId};
use crate::incident::{Incident, Phase, TimelineEntry};
use crate::ports::{Key, Ledger, Versioned, Written};
use crate::words::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// A typed document with its version.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<T> {
    /// What a replacement must name.
    pub version: u64,
    /// The document.
    pub value: T,
}

/// The keys of every kind of document.
pub mod keys {
    use super::{Identity, IncidentId, Key, PlanHash, SnapshotId, Timestamp};

    /// The partition of all bisections that were begun.
    pub const BISECTIONS: &str = "bisections";

    fn key(partition: String, sort: impl Into<String>) -> Key {
        Key { partition, sort: sort.into() }
    }

    /// The partition of a resource.
    pub fn resource(resource: &Identity) -> String {
        format!("resource#{resource}")
    }

    /// The partition of an incident.
    pub fn of_incident(incident: &IncidentId) -> String {
        format!("incident#{incident}")
    }

    /// What is known of a resource: [`crate::register::ResourceRecord`].
    pub fn record(of: &Identity) -> Key {
        key(resource(of), "record")
    }

    /// The right to change it: [`crate::lease::Lease`].
    pub fn lease(of: &Identity) -> Key {
        key(resource(of), "lease")
    }

    /// A pause of one resource, or of everything: [`crate::pause::Pause`].
    pub fn pause(of: Option<&Identity>) -> Key {
        of.map_or_else(|| key("pause".to_owned(), "all"), |of| key(resource(of), "pause"))
    }

    /// A recovery point: [`crate::point::RecoveryPoint`].
    pub fn point(of: &Identity, started_at: Timestamp, snapshot: &SnapshotId) -> Key {
        key(resource(of), format!("point#{}#{snapshot}", crate::show_time(started_at)))
    }

    /// The exports of its table: [`crate::exports::ExportRecord`].
    pub fn exports(of: &Identity) -> Key {
        key(resource(of), "exports")
    }

    /// What a global table lacks, as it was last told: [`crate::global_table::Readiness`].
    pub fn readiness(of: &Identity) -> Key {
        key(resource(of), "readiness")
    }

    /// An incident's main document: [`crate::incident::Incident`].
    pub fn incident(id: &IncidentId) -> Key {
        key(of_incident(id), "incident")
    }

    /// A plan: [`crate::plan::Plan`].
    pub fn plan(id: &IncidentId, hash: &PlanHash) -> Key {
        key(of_incident(id), format!("plan#{hash}"))
    }

    /// The execution that released a kept database.
    pub fn released(of: &Identity, instance: &crate::ids::DatabaseId) -> Key {
        key(resource(of), format!("released#{instance}"))
    }

    /// A bisection, with its plan: [`crate::bisection::Bisection`].
    pub fn bisection(plan: &PlanHash) -> Key {
        key(format!("bisection#{plan}"), "bisection")
    }

    /// A bisection in the list of all that were begun: [`crate::bisection::Watched`].
    pub fn watched_bisection(plan: &PlanHash) -> Key {
        key(BISECTIONS.to_owned(), plan.as_str())
    }

    /// A preview of a salvage, or the writing of its plan: [`crate::salvage::Salvage`].
    pub fn salvage(id: &str) -> Key {
        key(format!("salvage#{id}"), "salvage")
    }

    /// What a preview has shown, by its hash: [`crate::salvage::Plan`].
    pub fn salvage_plan(plan: &PlanHash) -> Key {
        key(format!("salvage-plan#{plan}"), "plan")
    }

    /// A plan that a person is asked about: [`crate::approval::Question`].
    pub fn question(plan: &PlanHash) -> Key {
        key(format!("question#{plan}"), "question")
    }

    /// A call: [`crate::acting::CallRecord`].
    pub fn call(id: &IncidentId, hash: &PlanHash, index: usize) -> Key {
        key(of_incident(id), format!("call#{hash}#{index:03}"))
    }

    /// The latest validation: [`crate::validation::Validation`].
    pub fn validation(id: &IncidentId) -> Key {
        key(of_incident(id), "validation")
    }

    /// The warm-up of the restored database: [`crate::warm_up::WarmUp`].
    pub fn warm_up(id: &IncidentId) -> Key {
        key(of_incident(id), "warm_up")
    }

    /// The last probe: [`crate::probe::Probe`].
    pub fn probe(id: &IncidentId) -> Key {
        key(of_incident(id), "probe")
    }

    /// How much the source of an undo has written: [`crate::validation::WriteMark`].
    pub fn written(id: &IncidentId) -> Key {
        key(of_incident(id), "written")
    }

    /// The read replicas of the source that could be promoted, for `validate` to open: [`crate::replica::Replicas`].
    pub fn replicas(id: &IncidentId) -> Key {
        key(of_incident(id), "replicas")
    }

    /// What their engines said: [`crate::replica::ReplicaLooks`].
    pub fn replica_looks(id: &IncidentId) -> Key {
        key(of_incident(id), "replica_looks")
    }

    /// How the sides differ: [`crate::validation::SideDifference`].
    pub fn difference(id: &IncidentId) -> Key {
        key(of_incident(id), "difference")
    }

    /// How the restored configuration differs: a list of [`crate::point::Difference`].
    pub fn configuration(id: &IncidentId) -> Key {
        key(of_incident(id), "configuration")
    }

    /// The fence around the source: [`crate::acting::Fence`].
    pub fn fence(id: &IncidentId) -> Key {
        key(of_incident(id), "fence")
    }

    /// The cut-over: [`crate::acting::CutOver`].
    pub fn cut_over(id: &IncidentId) -> Key {
        key(of_incident(id), "cut_over")
    }

    /// Something to tell people that no workflow tells: [`crate::register::News`].
    pub fn news(at: Timestamp, id: &str) -> Key {
        key("news".to_owned(), format!("{}#{id}", crate::show_time(at)))
    }

    /// What a message was sent about: a message is written down before it is published.
    pub fn message(id: &IncidentId, what: &str) -> Key {
        key(of_incident(id), format!("message#{what}"))
    }

    /// An event that was seen, by its envelope id.
    pub fn seen(event: &str) -> Key {
        key(format!("seen#{event}"), "seen")
    }

    /// Which incident an execution works on: [`crate::register::ExecutionRecord`].
    pub fn execution(arn: &str) -> Key {
        key(format!("execution#{arn}"), "execution")
    }

    /// A protected resource in the list of all: [`crate::register::FleetMember`].
    pub fn fleet(of: &Identity) -> Key {
        key("fleet".to_owned(), of.as_str())
    }

    /// One line for each opened incident, in the order of time: the breaker counts them.
    pub fn opened(at: Timestamp, id: &IncidentId) -> Key {
        key("opened".to_owned(), format!("{}#{id}", crate::show_time(at)))
    }

    /// A line of the timeline.
    pub fn timeline(id: &IncidentId, at: Timestamp, phase: super::Phase, text: &str) -> Key {
        let stamp = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        key(of_incident(id), format!("timeline#{stamp}#{phase}#{}", crate::ids::short_digest(&[text])))
    }
}

fn could_not(doing: &str, key: &Key) -> impl FnOnce(CallError) -> DrError {
    let doing = format!("{doing} {} / {} in the ledger", key.partition, key.sort);
    move |error| error.while_doing(doing)
}

/// Turns a document into its type; one that does not decode is a bug or a foreign hand.
pub fn decode<T: DeserializeOwned>(key: &Key, versioned: Versioned) -> Result<Kept<T>, DrError> {
    serde_json::from_value(versioned.document)
        .map(|value| Kept { version: versioned.version, value })
        .map_err(|error| DrError::unrecoverable(format!("the ledger's {} / {} does not decode: {error}", key.partition, key.sort)))
}

/// Turns a value into a document.
pub fn encode<T: Serialize>(value: &T) -> Result<serde_json::Value, DrError> {
    serde_json::to_value(value).map_err(|error| DrError::unrecoverable("a document cannot be written as JSON").because(error))
}

/// Reads a document.
pub async fn read<T: DeserializeOwned>(ledger: &impl Ledger, key: &Key) -> Result<Option<Kept<T>>, DrError> {
    let found = ledger.read(key).await.map_err(could_not("reading", key))?;
    found.map(|versioned| decode(key, versioned)).transpose()
}

/// Reads a document that must be there.
pub async fn expect<T: DeserializeOwned>(ledger: &impl Ledger, key: &Key) -> Result<Kept<T>, DrError> {
    read(ledger, key).await?.ok_or_else(|| DrError::not_found(format!("the ledger has no {} / {}", key.partition, key.sort)))
}

/// Creates a document; `No` if another is there.
pub async fn create<T: Serialize>(ledger: &impl Ledger, key: &Key, value: &T) -> Result<Written, DrError> {
    ledger.create(key, &encode(value)?).await.map_err(could_not("writing", key))
}

/// Replaces a document; `No` if somebody else replaced it first.
pub async fn replace<T: Serialize>(ledger: &impl Ledger, key: &Key, version: u64, value: &T) -> Result<Written, DrError> {
    ledger.replace(key, version, &encode(value)?).await.map_err(could_not("writing", key))
}

/// Writes a document whatever is there: for facts that are simply newer.
pub async fn write<T: Serialize>(ledger: &impl Ledger, key: &Key, value: &T) -> Result<(), DrError> {
    for _ in 0..5 {
        let written = match ledger.read(key).await.map_err(could_not("reading", key))? {
            Some(found) => replace(ledger, key, found.version, value).await?,
            None => create(ledger, key, value).await?,
        };
        if written == Written::Yes {
            return Ok(());
        }
    }
    Err(DrError::conflict(format!("{} / {} is being written by others", key.partition, key.sort)))
}

/// Reads, changes and replaces a document until nobody came in between; answers the new value.
pub async fn update<T, F>(ledger: &impl Ledger, key: &Key, mut change: F) -> Result<T, DrError>
where
    T: Serialize + DeserializeOwned + PartialEq + Clone,
    F: FnMut(&mut T) -> Result<(), DrError>,
{
    for _ in 0..5 {
        let kept: Kept<T> = expect(ledger, key).await?;
        let mut value = kept.value.clone();
        change(&mut value)?;
        if value == kept.value || replace(ledger, key, kept.version, &value).await? == Written::Yes {
            return Ok(value);
        }
    }
    Err(DrError::conflict(format!("{} / {} is being written by others", key.partition, key.sort)))
}

/// Lists the documents of a partition by prefix.
pub async fn list<T: DeserializeOwned>(ledger: &impl Ledger, partition: &str, prefix: &str) -> Result<Vec<Kept<T>>, DrError> {
    let whole = Key { partition: partition.to_owned(), sort: prefix.to_owned() };
    let found = ledger.list(partition, prefix).await.map_err(could_not("listing", &whole))?;
    found.into_iter().map(|(key, versioned)| decode(&key, versioned)).collect()
}

/// Reads an incident.
pub async fn incident(ledger: &impl Ledger, id: &IncidentId) -> Result<Incident, DrError> {
    Ok(expect(ledger, &keys::incident(id)).await?.value)
}

/// Adds a line to the timeline; the same line twice is one line.
pub async fn tell(ledger: &impl Ledger, id: &IncidentId, at: Timestamp, phase: Phase, text: impl Into<String>) -> Result<(), DrError> {
    let entry = TimelineEntry { at, phase, text: text.into() };
    create(ledger, &keys::timeline(id, at, phase, &entry.text), &entry).await.map(|_| ())
}
