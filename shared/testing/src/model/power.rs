//! `StopDBInstance` and `StartDBInstance`.

use chrono::{DateTime, Utc};

use super::events;
use super::instance::Server;
use super::steps::Then;
use super::words::DbInstance;
use super::{Action, ApiError, Effect, Model, StartDbInstance, StopDbInstance};

impl Action for StopDbInstance {
    const NAME: &'static str = "StopDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let id = model.find(&self.db_instance_identifier)?;
        model.instance(&self.db_instance_identifier)?.require_alone(Self::NAME)?;
        model.instance(&self.db_instance_identifier)?.require_free(Self::NAME)?;
        let effect = model.effect(Effect::Stop { server: id.clone() });
        model.begin(&id, "stopping", now);
        model.schedule_after(now + model.settings.durations.stopping, [effect], Then::Stopped(id.clone()));
        model.instances.get(&id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl Action for StartDbInstance {
    const NAME: &'static str = "StartDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let id = model.find(&self.db_instance_identifier)?;
        let status = &model.instance(&self.db_instance_identifier)?.status;
        let startable = ["stopped", "inaccessible-encryption-credentials-recoverable", "incompatible-network"];
        if !startable.contains(&status.as_str()) {
            return Err(ApiError::instance_state(format!(
                "Instance {} cannot be started as it is not in one of the following statuses: '{}'.",
                self.db_instance_identifier,
                startable.join(", ")
            )));
        }
        let effect = model.effect(Effect::Start { server: id.clone() });
        model.begin(&id, "starting", now);
        model.schedule_after(now + model.settings.durations.starting, [effect], Then::Started(id.clone()));
        model.instances.get(&id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl Model {
    pub(crate) fn stopped(&mut self, id: &str, at: DateTime<Utc>) {
        self.with(id, |it| it.server = Server::Down);
        self.set(id, "stopped");
        self.instance_event(id, at, events::STOPPED);
    }

    pub(crate) fn started(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        if result.is_err() {
            return self.give_up(id, "failed", at);
        }
        self.back_up_again(id);
        self.instance_event(id, at, events::STARTED);
    }
}
