//! One DB instance: what Describe shows, and what is true.

use chrono::{DateTime, Utc};

use super::events::{self, Kind};
use super::steps::Then;
use super::words::{DbInstance, Tag};
use super::{ApiError, Detail, Door, Effect, Event, Model, names};

/// How the server behind an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Up,
    Hung,
    Down,
}

/// One DB instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// What Describe shows; its status may lag.
    pub shown: DbInstance,
    /// The status that is true.
    pub status: String,
    pub server: Server,
    /// The zone is dark and the server can't come back.
    pub zone_is_dark: bool,
    /// The status does not change by itself; this is the status that would be true.
    pub stuck: Option<String>,
    /// AWS is failing over by itself while the status reads `available`.
    pub healing: bool,
    /// The modification under way applies what is pending.
    pub applying: bool,
    /// Multi-AZ in name only: the standby could not be rebuilt yet.
    pub standby_lost: bool,
    pub door: Door,
    /// The endpoint is the model's invention and follows the name.
    pub invented_endpoint: bool,
    /// The automated backups that a promotion under way will begin: days and window.
    pub promotion: Option<(i32, Option<String>)>,
    /// The resource id of the DB cluster that it is a member of.
    pub cluster: Option<String>,
    /// `DBClusterParameterGroupStatus` of a member: `in-sync` or `pending-reboot`.
    pub cluster_parameters: &'static str,
    /// From where it was restored, for the event that says so.
    pub restored_from: Option<RestoredFrom>,
}

/// From where an instance was restored.
#[derive(Debug, Clone)]
pub(crate) enum RestoredFrom {
    Snapshot(String),
    Time(String, DateTime<Utc>),
}

impl Instance {
    /// Whether AWS accepts changes: `available` or `storage-optimization`, and nothing under way.
    pub fn is_free(&self) -> bool {
        matches!(self.status.as_str(), "available" | "storage-optimization") && !self.healing
    }

    /// The refusal for everything that needs a free instance.
    pub fn require_free(&self, action: &str) -> Result<(), ApiError> {
        if self.is_free() {
            return Ok(());
        }
        let state = if self.healing { "failing over" } else { &self.status };
        Err(ApiError::instance_state(format!(
            "Instance {} is not in an available state for {action}: it is {state}.",
            self.shown.db_instance_identifier
        )))
    }
}

impl Instance {
    /// The refusal for what a member of a DB cluster cannot do alone.
    pub fn require_alone(&self, action: &str) -> Result<(), ApiError> {
        if self.cluster.is_none() {
            return Ok(());
        }
        let name = &self.shown.db_instance_identifier;
        Err(ApiError::combination(format!("{action} does not apply to {name}: it is a member of a DB cluster.")))
    }
}

impl Model {
    /// The resource id of the instance with this identifier or ARN.
    pub(crate) fn find(&self, identifier: &str) -> Result<String, ApiError> {
        let name = names::parse_arn(identifier).map_or(identifier, |(_, name)| name);
        let found = self.instances.iter().find(|(_, it)| it.shown.db_instance_identifier.eq_ignore_ascii_case(name));
        found.map(|(id, _)| id.clone()).ok_or_else(|| ApiError::no_instance(name))
    }

    /// The instance with this identifier.
    pub(crate) fn instance(&self, identifier: &str) -> Result<&Instance, ApiError> {
        let id = self.find(identifier)?;
        self.instances.get(&id).ok_or_else(|| ApiError::no_instance(identifier))
    }

    /// Changes an instance that may be gone.
    pub(crate) fn with<R>(&mut self, id: &str, change: impl FnOnce(&mut Instance) -> R) -> Option<R> {
        self.instances.get_mut(id).map(change)
    }

    /// Changes the status, seen at once.
    pub(crate) fn set(&mut self, id: &str, status: &str) {
        self.with(id, |it| {
            status.clone_into(&mut it.status);
            status.clone_into(&mut it.shown.db_instance_status);
        });
    }

    pub(crate) fn set_available(&mut self, id: &str) {
        self.set(id, "available");
    }

    /// Changes the status; Describe shows it only after the status lag.
    pub(crate) fn begin(&mut self, id: &str, status: &str, now: DateTime<Utc>) {
        self.with(id, |it| status.clone_into(&mut it.status));
        self.schedule(now + self.settings.durations.status_lag, Then::Show(id.to_owned()));
    }

    pub(crate) fn show(&mut self, id: &str) {
        self.with(id, |it| it.shown.db_instance_status.clone_from(&it.status));
    }

    /// AWS gives up on an instance.
    pub(crate) fn give_up(&mut self, id: &str, status: &str, at: DateTime<Utc>) {
        self.cancel_steps(id);
        self.with(id, |it| {
            it.server = Server::Down;
            it.healing = false;
        });
        self.set(id, status);
        self.instance_event(id, at, events::FAILED);
        self.effect(Effect::Kill { server: id.to_owned() });
        self.member_is_down(id, at);
    }

    pub(crate) fn instance_event(&mut self, id: &str, at: DateTime<Utc>, kind: Kind) {
        let Some(it) = self.instances.get(id) else { return };
        let (arn, name) = (it.shown.db_instance_arn.clone(), it.shown.db_instance_identifier.clone());
        let tags = it.shown.tag_list.clone();
        self.publish(("RDS DB Instance Event", "DB_INSTANCE"), (arn, name), &tags, at, kind, kind.2.to_owned());
    }

    pub(crate) fn publish(
        &mut self,
        (detail_type, source_type): (&'static str, &'static str),
        (arn, name): (String, String),
        tags: &[Tag],
        at: DateTime<Utc>,
        (number, category, _): Kind,
        message: String,
    ) {
        let id = self.new_uuid();
        let event = Event {
            version: "0",
            id,
            detail_type,
            source: "aws.rds",
            account: self.settings.account.clone(),
            time: at,
            region: self.settings.region.clone(),
            resources: vec![arn.clone()],
            detail: Detail {
                event_categories: vec![category],
                source_type,
                source_arn: arn,
                date: at,
                message,
                source_identifier: name,
                event_id: format!("RDS-EVENT-{number:04}"),
                tags: Tag::map(tags),
            },
        };
        self.events.push(event);
    }
}
