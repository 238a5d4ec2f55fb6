//! One view of the databases' control plane and of who did what to it.

use super::trail::Trail;
use crate::ids::DatabaseId;
use crate::observed::{ObservedDatabase, ObservedSnapshot, RestoreWindow};
use crate::ports::{Answer, Listing, ReadDatabaseEvents, ReadDatabases, ReadTrail};
use crate::words::{ResourceKind, Timestamp};

/// Two services behind one name, for whoever reads both.
#[derive(Debug, Clone)]
pub struct WithTrail<R, T> {
    /// The databases' control plane.
    pub databases: R,
    /// Who did what.
    pub trail: T,
}

impl<R: ReadDatabases, T> ReadDatabases for WithTrail<R, T> {
    async fn database(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        self.databases.database(id).await
    }

    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedDatabase>> {
        self.databases.instance_by_resource_id(resource_id).await
    }

    async fn databases(&self, kinds: &[ResourceKind]) -> Listing<ObservedDatabase> {
        self.databases.databases(kinds).await
    }

    async fn kept(&self) -> Answer<Vec<ObservedDatabase>> {
        self.databases.kept().await
    }

    async fn restore_window(&self, known_as: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        self.databases.restore_window(known_as, resource_id).await
    }

    async fn manual_snapshots(&self, kinds: &[ResourceKind]) -> Listing<ObservedSnapshot> {
        self.databases.manual_snapshots(kinds).await
    }

    async fn snapshots_of(&self, instance: &DatabaseId) -> Answer<Vec<ObservedSnapshot>> {
        self.databases.snapshots_of(instance).await
    }
}

impl<R: ReadDatabaseEvents, T> ReadDatabaseEvents for WithTrail<R, T> {
    async fn events_of(&self, instance: &DatabaseId, from: Timestamp, to: Timestamp) -> Answer<Vec<(Timestamp, String)>> {
        self.databases.events_of(instance, from, to).await
    }
}

impl<R, T: ReadTrail> ReadTrail for WithTrail<R, T> {
    async fn actions_on(&self, name: &str, from: Timestamp, to: Timestamp) -> Answer<Trail> {
        self.trail.actions_on(name, from, to).await
    }
}
