//! DB clusters: Aurora, whose members share one volume, and Multi-AZ DB clusters, whose three members RDS makes by itself.

mod accidents;
mod backups;
mod birth;
mod create;
mod delete;
mod describe;
mod endpoints;
mod failover;
mod members;
mod modify;
mod requests;
mod restore;
mod snapshot;
mod words;

use chrono::{DateTime, Utc};

pub use describe::ClusterView;
pub use requests::*;
pub use words::*;

use super::events::Kind;
use super::instance::{Instance, RestoredFrom};
use super::steps::Then;
use super::words::Secret;
use super::{ApiError, Done, Model, names};
pub(crate) use snapshot::ClusterSnapshot;

/// `DBClusterQuotaExceededFault` beyond (fact sheet 3.7).
const MOST_CLUSTERS: usize = 40;

/// One DB cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// What Describe shows but for its members; its status may lag.
    pub shown: DbCluster,
    /// The status that is true.
    pub status: String,
    /// The status does not change by itself; this is the status that would be true.
    pub stuck: Option<String>,
    /// The member that writes, by resource id, whether it lives or not.
    pub writer: Option<String>,
    /// The member that Describe shows as the writer.
    pub shown_writer: Option<String>,
    /// The endpoints are the model's invention and follow the name.
    pub invented_endpoints: bool,
    /// A password that waits for `ApplyImmediately`.
    pub password: Option<Secret>,
    /// From where it was restored, for the event that says so.
    pub restored_from: Option<RestoredFrom>,
}

/// What happens to a cluster later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClusterStep {
    /// The status that is true is now the one that is seen.
    Show,
    /// Its volume is there.
    Born,
    /// Its first backup is finished; with its automated snapshot.
    BackedUp(Option<String>),
    /// A snapshot is finished.
    SnapshotTaken(String),
    /// A modification is finished.
    Modified,
    /// New security groups are in force.
    GroupsChanged,
    /// AWS looks whether its writer lives.
    WriterMissed,
    /// This member takes over.
    Promotes(String),
    /// This member has taken over.
    FailedOver(String),
    /// A replica cluster was promoted.
    TookOver,
    /// Describe shows the writer as it is.
    WriterShown,
    /// Time to archive.
    ShipLog,
    /// The archive answered.
    LogShipped,
    /// A deletion is finished; whether automated backups are kept, and the final snapshot.
    Gone(bool, Option<String>),
}

impl ClusterStep {
    /// Whether it is a stage of changing the status, which a stuck cluster never leaves.
    pub fn moves_the_status(&self) -> bool {
        !matches!(
            self,
            Self::ShipLog | Self::LogShipped | Self::GroupsChanged | Self::WriterShown | Self::BackedUp(_) | Self::SnapshotTaken(_)
        )
    }
}

impl Cluster {
    /// The refusal for everything that needs an `available` cluster.
    fn require_available(&self, action: &str) -> Result<(), ApiError> {
        if self.status == "available" {
            return Ok(());
        }
        let name = &self.shown.db_cluster_identifier;
        Err(cluster_state(format!("DB cluster {name} is not in an available state for {action}: it is {}.", self.status)))
    }
}

fn no_cluster(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::new("DBClusterNotFoundFault", format!("DBCluster {name} not found.")) }
}

fn cluster_state(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidDBClusterStateFault", message)
}

impl Model {
    /// The resource id of the cluster with this identifier or ARN.
    pub(crate) fn find_cluster(&self, identifier: &str) -> Result<String, ApiError> {
        let name = names::parse_arn(identifier).map_or(identifier, |(_, name)| name);
        let found = self.clusters.iter().find(|(_, it)| it.shown.db_cluster_identifier.eq_ignore_ascii_case(name));
        found.map(|(id, _)| id.clone()).ok_or_else(|| no_cluster(name))
    }

    /// The cluster with this identifier.
    fn cluster(&self, identifier: &str) -> Result<&Cluster, ApiError> {
        let id = self.find_cluster(identifier)?;
        self.clusters.get(&id).ok_or_else(|| no_cluster(identifier))
    }

    /// Changes a cluster that may be gone.
    fn with_cluster<R>(&mut self, id: &str, change: impl FnOnce(&mut Cluster) -> R) -> Option<R> {
        self.clusters.get_mut(id).map(change)
    }

    /// Changes the status, seen at once.
    pub(super) fn set_cluster(&mut self, id: &str, status: &str) {
        self.with_cluster(id, |it| {
            status.clone_into(&mut it.status);
            status.clone_into(&mut it.shown.status);
        });
    }

    /// Changes the status; Describe shows it only after the status lag.
    pub(super) fn begin_cluster(&mut self, id: &str, status: &str, now: DateTime<Utc>) {
        self.with_cluster(id, |it| status.clone_into(&mut it.status));
        self.schedule_cluster(id, now + self.settings.durations.status_lag, ClusterStep::Show);
    }

    fn schedule_cluster(&mut self, id: &str, at: DateTime<Utc>, step: ClusterStep) {
        self.schedule(at, Then::Cluster(id.to_owned(), step));
    }

    pub(crate) fn is_cluster_stuck(&self, id: &str) -> bool {
        self.clusters.get(id).is_some_and(|it| it.stuck.is_some())
    }

    /// The members of a cluster, by resource id.
    fn members<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = (&'a String, &'a Instance)> {
        self.instances.iter().filter(move |(_, it)| it.cluster.as_deref() == Some(cluster))
    }

    /// The same in the order of their names.
    fn member_ids(&self, cluster: &str) -> Vec<String> {
        let mut members: Vec<(&String, &Instance)> = self.members(cluster).collect();
        members.sort_by_key(|(_, it)| &it.shown.db_instance_identifier);
        members.into_iter().map(|(id, _)| id.clone()).collect()
    }

    fn cluster_event(&mut self, id: &str, at: DateTime<Utc>, kind: Kind) {
        self.cluster_event_saying(id, at, kind, kind.2.to_owned());
    }

    fn cluster_event_saying(&mut self, id: &str, at: DateTime<Utc>, kind: Kind, message: String) {
        let Some(it) = self.clusters.get(id) else { return };
        let name = (it.shown.db_cluster_arn.clone(), it.shown.db_cluster_identifier.clone());
        let tags = it.shown.tag_list.clone();
        self.publish(("RDS DB Cluster Event", "CLUSTER"), name, &tags, at, kind, message);
    }

    pub(crate) fn apply_to_cluster(&mut self, id: &str, step: ClusterStep, at: DateTime<Utc>, result: Result<(), String>, done: &[Done]) {
        match step {
            ClusterStep::Show => {
                self.with_cluster(id, |it| it.shown.status.clone_from(&it.status));
            }
            ClusterStep::Born => self.cluster_born(id, at, &result, done),
            ClusterStep::BackedUp(snapshot) => self.cluster_backed_up(id, snapshot.as_deref(), at, &result, done),
            ClusterStep::SnapshotTaken(snapshot) => self.cluster_snapshot_taken(id, &snapshot, at, &result),
            ClusterStep::Modified => self.cluster_modified(id, at, &result),
            ClusterStep::GroupsChanged => self.cluster_groups_changed(id),
            ClusterStep::WriterMissed => self.writer_missed(id, at),
            ClusterStep::Promotes(member) => self.member_promotes(id, &member, at),
            ClusterStep::FailedOver(member) => self.cluster_failed_over(id, &member, at, &result),
            ClusterStep::TookOver => self.cluster_took_over(id, &result),
            ClusterStep::WriterShown => {
                self.with_cluster(id, |it| it.shown_writer.clone_from(&it.writer));
            }
            ClusterStep::ShipLog => self.ship_cluster_log(id, at),
            ClusterStep::LogShipped => self.cluster_log_shipped(id, at, done),
            ClusterStep::Gone(keep_backups, snapshot) => self.cluster_gone(id, keep_backups, snapshot.as_deref(), at, &result),
        }
    }
}
