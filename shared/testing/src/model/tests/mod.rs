//! The rules, one sentence each.

mod accidents;
mod backups;
mod clusters;
mod elsewhere;
mod failover;
mod faults;
mod life;
mod modify;
mod network;
mod replica;
mod restore;
mod snapshots;
mod tags;

use chrono::{DateTime, Duration, Utc};

use super::*;
use crate::InMemory;
use crate::data::{LoginError, Session};

pub(super) const PASSWORD: &str = "correct-horse";

pub(super) fn start() -> DateTime<Utc> {
    "2026-09-27T20:00:00Z".parse().unwrap()
}

pub(super) fn minutes(count: i64) -> Duration {
    Duration::minutes(count)
}

pub(super) fn seconds(count: i64) -> Duration {
    Duration::seconds(count)
}

/// An account at AWS's pace, without databases.
pub(super) fn empty() -> InMemory {
    InMemory::new(Settings::aws_like().with(|settings| settings.closed_groups = ["sg-fence".to_owned()].into()), start())
}

/// An account with one database `orders` that has been up for a while.
pub(super) fn cloud(change: impl FnOnce(&mut InstanceConfig)) -> InMemory {
    let mut cloud = empty();
    cloud.call(&CreateDbInstance::example("orders").with(change)).unwrap();
    cloud.advance(minutes(30));
    cloud.take_events();
    cloud
}

pub(super) fn single() -> InMemory {
    cloud(|_| {})
}

pub(super) fn multi_az() -> InMemory {
    cloud(|config| config.multi_az = Some(true))
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    match result.unwrap_err() {
        CallError::Refused(error) => error.code,
        CallError::NoReply(silence) => format!("{silence:?}"),
    }
}

impl InMemory {
    pub(super) fn show(&mut self, identifier: &str) -> DbInstance {
        self.call(&DescribeDbInstances::of(identifier)).unwrap().db_instances.remove(0)
    }

    pub(super) fn status(&mut self, identifier: &str) -> String {
        self.show(identifier).db_instance_status
    }

    pub(super) fn show_snapshot(&mut self, identifier: &str) -> DbSnapshot {
        let wanted = DescribeDbSnapshots { db_snapshot_identifier: Some(identifier.to_owned()), ..DescribeDbSnapshots::default() };
        self.call(&wanted).unwrap().db_snapshots.remove(0)
    }

    pub(super) fn login(&mut self, identifier: &str, password: &str) -> Result<Session, LoginError> {
        let server = self.show(identifier).dbi_resource_id;
        self.data.login(&server, "lifeboat", password)
    }

    pub(super) fn write(&mut self, identifier: &str, key: &str) {
        let server = self.show(identifier).dbi_resource_id;
        let session = self.data.login(&server, "lifeboat", PASSWORD).unwrap();
        let now = self.now();
        self.data.write(&server, session, ("orders", key), Some("1"), now).unwrap();
    }

    pub(super) fn keys(&mut self, identifier: &str) -> Vec<String> {
        let server = self.show(identifier).dbi_resource_id;
        let session = self.data.login(&server, "lifeboat", PASSWORD).unwrap();
        self.data.read(&server, session, "orders").unwrap().into_iter().map(|row| row.key).collect()
    }

    /// The events since the last time, as `number name`.
    pub(super) fn heard(&mut self) -> Vec<String> {
        let name = |event: Event| format!("{} {}", event.number().unwrap(), event.detail.source_identifier);
        self.take_events().into_iter().map(name).collect()
    }

    /// The statuses that Describe shows while time passes, without repetition.
    pub(super) fn statuses(&mut self, identifier: &str, during: Duration) -> Vec<String> {
        let end = self.now() + during;
        let mut seen = vec![self.status(identifier)];
        while self.now() < end {
            self.advance(seconds(1));
            let status = self.status(identifier);
            if seen.last() != Some(&status) {
                seen.push(status);
            }
        }
        seen
    }
}

pub(super) fn latest(target: &str) -> RestoreDbInstanceToPointInTime {
    RestoreDbInstanceToPointInTime {
        target_db_instance_identifier: target.to_owned(),
        source_db_instance_identifier: Some("orders".to_owned()),
        use_latest_restorable_time: Some(true),
        ..RestoreDbInstanceToPointInTime::default()
    }
}

pub(super) fn to_time(target: &str, time: DateTime<Utc>) -> RestoreDbInstanceToPointInTime {
    RestoreDbInstanceToPointInTime { restore_time: Some(time), use_latest_restorable_time: None, ..latest(target) }
}

pub(super) fn from_snapshot(target: &str, snapshot: &str) -> RestoreDbInstanceFromDbSnapshot {
    RestoreDbInstanceFromDbSnapshot {
        db_instance_identifier: target.to_owned(),
        db_snapshot_identifier: snapshot.to_owned(),
        config: InstanceConfig::default(),
    }
}

pub(super) fn reboot(identifier: &str, force_failover: bool) -> RebootDbInstance {
    RebootDbInstance { db_instance_identifier: identifier.to_owned(), force_failover: Some(force_failover) }
}
