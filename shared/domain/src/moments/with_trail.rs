//! One view of the databases' control plane and of who did what to it.

use super::trail::Trail;
use crate::ids::DbInstanceId;
use crate::observed::{ObservedInstance, ObservedSnapshot, RestoreWindow};
use crate::ports::{Answer, ReadDatabaseEvents, ReadDatabases, ReadTrail};
use crate::words::Timestamp;

/// Two services behind one name, for whoever reads both.
#[derive(Debug, Clone)]
pub struct WithTrail<R, T> {
    /// The databases' control plane.
    pub databases: R,
    /// Who did what.
    pub trail: T,
}

impl<R: ReadDatabases, T> ReadDatabases for WithTrail<R, T> {
    async fn instance(&self, id: &DbInstanceId) -> Answer<Option<ObservedInstance>> {
        self.databases.instance(id).await
    }

    async fn instance_by_resource_id(&self, resource_id: &str) -> Answer<Option<ObservedInstance>> {
        self.databases.instance_by_resource_id(resource_id).await
    }

    async fn instances(&self) -> Answer<Vec<ObservedInstance>> {
        self.databases.instances().await
    }

    async fn restore_window(&self, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        self.databases.restore_window(resource_id).await
    }

    async fn manual_snapshots(&self) -> Answer<Vec<ObservedSnapshot>> {
        self.databases.manual_snapshots().await
    }

    async fn snapshots_of(&self, instance: &DbInstanceId) -> Answer<Vec<ObservedSnapshot>> {
        self.databases.snapshots_of(instance).await
    }
}

impl<R: ReadDatabaseEvents, T> ReadDatabaseEvents for WithTrail<R, T> {
    async fn events_of(&self, instance: &DbInstanceId, from: Timestamp, to: Timestamp) -> Answer<Vec<(Timestamp, String)>> {
        self.databases.events_of(instance, from, to).await
    }
}

impl<R, T: ReadTrail> ReadTrail for WithTrail<R, T> {
    async fn actions_on(&self, name: &str, from: Timestamp, to: Timestamp) -> Answer<Trail> {
        self.trail.actions_on(name, from, to).await
    }
}
