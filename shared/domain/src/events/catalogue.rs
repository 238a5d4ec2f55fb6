//! Every RDS event we know, as data: what it means and what it asks for.
//!
//! The category of an event does not decide: most of category `failure` is a notice, and RDS-EVENT-0420 of that category
//! is good news. The id decides. Only [`EventClass::Recover`], a short list, may make a candidate for recovery, and even
//! then Describe and a probe must confirm it.
//!
//! Where the action depends on who did it (a deletion, a stop, a creation), the class is the one for *somebody else*;
//! whoever recognises the work of Lifeboat or an announced change lowers it.

use super::normalise_categories;
use crate::words::{Scenario, closed_enum};

closed_enum! {
    /// What an event is about. The spelling is that of the event's `SourceType`.
    SourceType {
        /// A DB instance.
        DbInstance = "DB_INSTANCE",
        /// An Aurora or Multi-AZ DB cluster.
        Cluster = "CLUSTER",
        /// A snapshot of a DB instance.
        Snapshot = "SNAPSHOT",
        /// A snapshot of a DB cluster.
        ClusterSnapshot = "CLUSTER_SNAPSHOT",
        /// A parameter group.
        ParameterGroup = "DB_PARAM",
        /// A security group of EC2-Classic.
        SecurityGroup = "SECURITY_GROUP",
        /// An RDS Proxy.
        Proxy = "DB_PROXY",
        /// A blue/green deployment.
        BlueGreen = "BLUE_GREEN_DEPLOYMENT",
        /// A custom engine version of RDS Custom.
        CustomEngineVersion = "CUSTOM_ENGINE_VERSION",
    }
}

impl SourceType {
    /// The spelling in an event.
    pub const fn wire(self) -> &'static str {
        self.as_str()
    }

    /// The spelling of the `DescribeEvents` call.
    pub const fn describe_events(self) -> &'static str {
        match self {
            Self::DbInstance => "db-instance",
            Self::Cluster => "db-cluster",
            Self::Snapshot => "db-snapshot",
            Self::ClusterSnapshot => "db-cluster-snapshot",
            Self::ParameterGroup => "db-parameter-group",
            Self::SecurityGroup => "db-security-group",
            Self::Proxy => "db-proxy",
            Self::BlueGreen => "blue-green-deployment",
            Self::CustomEngineVersion => "custom-engine-version",
        }
    }

    /// Finds the source type that an event or `DescribeEvents` spells `text`, in any case.
    pub fn from_aws(text: &str) -> Option<Self> {
        let text = text.trim();
        let is = |spelling: &str| text.eq_ignore_ascii_case(spelling);
        Self::ALL.iter().copied().find(|source| is(source.wire()) || is(source.describe_events()))
    }
}

closed_enum! {
    /// What an event asks for.
    EventClass {
        /// Nothing.
        Ignore = "ignore",
        /// A line in the timeline.
        Record = "record",
        /// A new time in the record of backup freshness.
        Fresh = "fresh",
        /// Open or extend an incident, let AWS heal for the grace time, then look.
        Watch = "watch",
        /// A candidate for recovery: Describe and a probe must confirm it, then the policy decides.
        Recover = "recover",
        /// May close an incident, after Describe and a probe.
        Confirm = "confirm",
        /// Tell a person; do nothing.
        Alert = "alert",
    }
}

closed_enum! {
    /// A planned reason for being unreachable.
    Planned {
        /// Patching of the operating system or the engine.
        Maintenance = "maintenance",
        /// An engine upgrade.
        Upgrade = "upgrade",
        /// A switchover that somebody ordered; it renames or moves things.
        Switchover = "switchover",
        /// Stopped: planned only if somebody meant it.
        Stop = "stop",
        /// A serverless database that went to sleep for want of work; a connection wakes it.
        Pause = "pause",
    }
}

/// What else an event says to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// Nothing more.
    None,
    /// The scenario that it would be, should the verdict confirm trouble.
    Scenario(Scenario),
    /// A planned absence starts: it suppresses recovery. Events get lost, so the absence must also end by age.
    Planned(Planned),
    /// A planned absence is over, or was called off.
    PlannedOver(Planned),
    /// It serves, but the standby or a member is missing: the next failure would not heal by itself.
    HighAvailabilityLost,
    /// A replica no longer follows its source: it must not be promoted without a look at its lag.
    ReplicationStopped,
    /// An export to S3: no recovery point, since RDS cannot restore from it.
    ExportOnly,
}

/// What one event id means for some source types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatalogueEntry {
    /// The number in `RDS-EVENT-nnnn`.
    pub id: u16,
    /// Whose event it is.
    pub sources: &'static [SourceType],
    /// What it asks for.
    pub class: EventClass,
    /// What else it says.
    pub hint: Hint,
    /// What happened, as a fragment that ends a sentence such as "RDS says: ...".
    pub meaning: &'static str,
}

/// Declares tables of entries for the source types in brackets: `id Class "meaning" => Hint detail;`, the hint optional.
macro_rules! table {
    ($($(#[$meta:meta])* $name:ident $sources:tt {
        $($id:literal $class:ident $meaning:literal $(=> $($hint:ident)+)?;)+
    })+) => {
        $($(#[$meta])*
        pub(super) const $name: &[$crate::events::CatalogueEntry] = &[$($crate::events::CatalogueEntry {
            id: $id,
            sources: table!(@sources $sources),
            class: $crate::events::EventClass::$class,
            hint: table!(@hint $($($hint)+)?),
            meaning: $meaning,
        }),+];)+
    };
    (@sources [$($source:ident)+]) => { &[$($crate::events::SourceType::$source),+] };
    (@hint) => { $crate::events::Hint::None };
    (@hint Scenario $scenario:ident) => { $crate::events::Hint::Scenario($crate::words::Scenario::$scenario) };
    (@hint Planned $planned:ident) => { $crate::events::Hint::Planned($crate::events::Planned::$planned) };
    (@hint PlannedOver $planned:ident) => { $crate::events::Hint::PlannedOver($crate::events::Planned::$planned) };
    (@hint $hint:ident) => { $crate::events::Hint::$hint };
}

mod cluster;
mod instance;
mod others;
#[cfg(test)]
mod tests;

const TABLES: &[&[CatalogueEntry]] = &[
    instance::INSTANCE,
    cluster::INSTANCE_AND_CLUSTER,
    cluster::CLUSTER,
    others::SNAPSHOT,
    others::CLUSTER_SNAPSHOT,
    others::PARAMETER_GROUP,
    others::SECURITY_GROUP,
    others::PROXY,
    others::BLUE_GREEN,
    others::CUSTOM_ENGINE_VERSION,
];

/// Every event we know, by id; one id may appear once for each source type.
pub const CATALOGUE: &[CatalogueEntry] = &sorted_by_id();

/// The entry of event `id` from a source of type `source`, if we know it.
pub fn look_up(source: SourceType, id: u16) -> Option<&'static CatalogueEntry> {
    CATALOGUE.iter().find(|entry| entry.id == id && entry.sources.contains(&source))
}

/// The class of an event that the catalogue does not know: a person should hear of trouble, nothing is ever done.
pub fn classify_unknown(categories: &[String]) -> EventClass {
    let is_trouble = |category: &String| matches!(category.as_str(), "failure" | "availability" | "low storage");
    if normalise_categories(categories).iter().any(is_trouble) { EventClass::Alert } else { EventClass::Record }
}

const fn count() -> usize {
    let (mut tables, mut total) = (TABLES, 0);
    while let [table, rest @ ..] = tables {
        total += table.len();
        tables = rest;
    }
    total
}

/// All tables in one list, by insertion sort: no other sort runs while compiling.
const fn sorted_by_id() -> [CatalogueEntry; count()] {
    let blank = CatalogueEntry { id: 0, sources: &[], class: EventClass::Ignore, hint: Hint::None, meaning: "" };
    let mut sorted = [blank; count()];
    let (mut tables, mut filled) = (TABLES, 0);
    while let [table, rest @ ..] = tables {
        let (_, free) = sorted.split_at_mut(filled);
        free.split_at_mut(table.len()).0.copy_from_slice(table);
        filled += table.len();
        tables = rest;
    }
    let mut next = 0;
    while next < sorted.len() {
        let mut place = next;
        while must_swap(&sorted, place) {
            sorted.swap(place - 1, place);
            place -= 1;
        }
        next += 1;
    }
    sorted
}

/// Whether the entry at `place` belongs before its neighbour.
const fn must_swap(entries: &[CatalogueEntry], place: usize) -> bool {
    let (before, from) = entries.split_at(place);
    match (before.last(), from.first()) {
        (Some(previous), Some(entry)) => previous.id > entry.id,
        _ => false,
    }
}
