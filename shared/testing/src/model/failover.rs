//! `RebootDBInstance`, and the failovers that AWS makes by itself.

use chrono::{DateTime, Utc};

use super::events;
use super::instance::Server;
use super::steps::Then;
use super::words::DbInstance;
use super::{Action, ApiError, Effect, Model, RebootDbInstance};

impl Action for RebootDbInstance {
    const NAME: &'static str = "RebootDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let id = model.find(&self.db_instance_identifier)?;
        let it = model.instance(&self.db_instance_identifier)?;
        let failover = self.force_failover.unwrap_or(false);
        if failover && !it.shown.multi_az {
            return Err(ApiError::combination("Cannot force failover: the DB instance is not Multi-AZ."));
        }
        if it.status != "incompatible-parameters" {
            it.require_free(Self::NAME)?;
        }
        let (dark, hung, abandoned) = (it.zone_is_dark, it.server == Server::Hung, failover && it.standby_lost);
        if abandoned {
            model.instance_event(&id, now, events::FAILOVER_ABANDONED);
            return Ok(model.instance(&self.db_instance_identifier)?.shown.clone());
        }
        let durations = model.settings.durations.clone();
        model.begin(&id, "rebooting", now);
        if failover {
            model.start_failover(&id, now);
        } else {
            model.instance_event(&id, now, events::SHUT_DOWN);
            if hung {
                // What hangs is not shut down in order, and must not hold up what waits for it.
                model.effect(Effect::Kill { server: id.clone() });
            }
            // In a dark zone there is no host to come back on: it stays `rebooting` until the zone is back.
            if !dark {
                let effect = model.effect(Effect::Restart { server: id.clone() });
                model.schedule_after(now + durations.rebooting, [effect], Then::Rebooted(id.clone()));
            }
        }
        model.instances.get(&id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl Model {
    /// The database is away from now until the standby is promoted.
    fn start_failover(&mut self, id: &str, at: DateTime<Utc>) {
        self.instance_event(id, at, events::FAILOVER_STARTED);
        self.effect(Effect::Kill { server: id.to_owned() });
        self.with(id, |it| it.server = Server::Down);
        self.schedule(at + self.settings.durations.failover, Then::Promotes(id.to_owned()));
    }

    pub(crate) fn promotes(&mut self, id: &str, at: DateTime<Utc>) {
        let effect = self.effect(Effect::PromoteStandby { server: id.to_owned() });
        self.schedule_after(at, [effect], Then::FailedOver(id.to_owned()));
    }

    /// AWS has noticed that the primary is dead.
    pub(crate) fn failover_starts(&mut self, id: &str, at: DateTime<Utc>) {
        let needed = self.instances.get(id).is_some_and(|it| it.server == Server::Down && it.shown.multi_az && !it.standby_lost);
        if needed && self.with(id, |it| it.healing = true).is_some() {
            self.start_failover(id, at);
        }
    }

    pub(crate) fn failed_over(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        if result.is_err() {
            return self.give_up(id, "failed", at);
        }
        self.back_up_again(id);
        self.instance_event(id, at, events::RESTARTED);
        self.instance_event(id, at, events::FAILOVER_COMPLETED);
        self.schedule(at + self.settings.durations.zone_swap_lag, Then::ZonesSwap(id.to_owned()));
        self.instance_event(id, at, events::STANDBY_REBUILDING);
        self.rebuild_standby(id, at);
    }

    /// A new standby follows the new primary, as soon as that one answers.
    pub(crate) fn rebuild_standby(&mut self, id: &str, at: DateTime<Utc>) {
        match self.instances.get(id).map(|it| it.server) {
            None => {}
            Some(Server::Up) => {
                let effect = self.effect(Effect::AddStandby { server: id.to_owned() });
                self.schedule_after(at + self.settings.durations.converting, [effect], Then::StandbyRebuilt(id.to_owned()));
            }
            Some(_) => self.schedule(at + self.settings.durations.failure_detection, Then::StandbyIsTried(id.to_owned())),
        }
    }

    pub(crate) fn standby_rebuilt(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        self.with(id, |it| it.standby_lost = result.is_err());
        if result.is_ok() {
            self.instance_event(id, at, events::STANDBY_REBUILT);
        } else {
            self.schedule(at + self.settings.durations.failure_detection, Then::StandbyIsTried(id.to_owned()));
        }
    }

    pub(crate) fn zones_swap(&mut self, id: &str) {
        self.with(id, |it| {
            if let Some(secondary) = &mut it.shown.secondary_availability_zone {
                std::mem::swap(secondary, &mut it.shown.availability_zone);
            }
        });
    }

    pub(crate) fn rebooted(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        if result.is_err() {
            return self.give_up(id, "failed", at);
        }
        if self.instances.get(id).is_some_and(|it| it.zone_is_dark) {
            // The zone went dark meanwhile: it stays `rebooting` until the zone is back.
            self.effect(Effect::Kill { server: id.to_owned() });
            return;
        }
        self.back_up_again(id);
        self.instance_event(id, at, events::RESTARTED);
        self.member_is_up(id, at);
    }

    /// The server answers again, with the parameters that waited for a reboot.
    pub(crate) fn back_up_again(&mut self, id: &str) {
        self.with(id, |it| {
            it.server = Server::Up;
            it.healing = false;
            it.cluster_parameters = "in-sync";
            for group in &mut it.shown.db_parameter_groups {
                "in-sync".clone_into(&mut group.parameter_apply_status);
            }
        });
        self.set_available(id);
    }
}
