//! `CreateDBInstance`, and the first minutes of every new instance.

use chrono::{DateTime, Utc};

use super::birth::Birth;
use super::events::{self, Kind};
use super::instance::{Instance, RestoredFrom, Server};
use super::steps::Then;
use super::words::{DbInstance, Endpoint};
use super::{Action, ApiError, CreateDbInstance, Done, Effect, Model, Origin, modify};

const DEFAULT_BACKUP_WINDOW: &str = "03:00-03:30";

impl Action for CreateDbInstance {
    const NAME: &'static str = "CreateDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let config = &self.config;
        let identifier = model.check_new(&self.db_instance_identifier, config)?;
        let missing = |name: &str| ApiError::new("MissingParameter", format!("The request must contain the parameter {name}"));
        let class = config.db_instance_class.as_deref().ok_or_else(|| missing("DBInstanceClass"))?;
        let allocated_storage = config.allocated_storage.ok_or_else(|| missing("AllocatedStorage"))?;
        modify::check_password(&self.master_user_password)?;
        modify::check_monitoring(self.monitoring_interval, self.monitoring_role_arn.as_deref())?;
        let version = self.engine_version.as_deref().unwrap_or(match self.engine.as_str() {
            "postgres" => "16.4",
            "mariadb" => "10.11.8",
            _ => "8.0.36",
        });
        let birth = Birth {
            identifier: &identifier,
            engine: &self.engine,
            engine_version: version,
            class,
            master_username: &self.master_username,
            db_name: self.db_name.as_deref(),
            allocated_storage,
            storage_type: "gp3",
            iops: None,
            storage_throughput: None,
            encrypted: self.storage_encrypted.unwrap_or(false) || self.kms_key_id.is_some(),
            kms_key_id: self.kms_key_id.as_deref(),
            retention: 1,
            backup_window: DEFAULT_BACKUP_WINDOW,
            tags: &[],
        };
        let mut shown = model.describe_new(&birth, config)?;
        shown.monitoring_interval = self.monitoring_interval.unwrap_or(0);
        shown.monitoring_role_arn.clone_from(&self.monitoring_role_arn);
        if let Some(mode) = &self.database_insights_mode {
            shown.database_insights_mode.clone_from(mode);
        }
        shown.performance_insights_enabled = self.enable_performance_insights.unwrap_or(false);
        if shown.performance_insights_enabled {
            shown.performance_insights_retention_period = Some(self.performance_insights_retention_period.unwrap_or(7));
            shown.performance_insights_kms_key_id.clone_from(&self.performance_insights_kms_key_id);
        }
        if let Some(window) = &self.preferred_maintenance_window {
            shown.preferred_maintenance_window.clone_from(window);
        }
        let from = Origin::Empty {
            engine: self.engine.clone(),
            master_user: self.master_username.clone(),
            password: self.master_user_password.clone(),
            db_name: self.db_name.clone(),
        };
        let duration = model.settings.durations.creating;
        Ok(model.bear(shown, from, None, now + duration))
    }
}

impl Model {
    /// Adds a new instance and asks for its server.
    pub(crate) fn bear(
        &mut self,
        shown: DbInstance,
        from: Origin,
        restored_from: Option<RestoredFrom>,
        ready_at: DateTime<Utc>,
    ) -> DbInstance {
        let (id, door) = (shown.dbi_resource_id.clone(), self.door(&shown.vpc_security_groups));
        let mut waits = vec![self.effect(Effect::Provision { server: id.clone(), from, door })];
        if shown.multi_az {
            waits.push(self.effect(Effect::AddStandby { server: id.clone() }));
        }
        self.schedule_after(ready_at, waits, Then::Born(id.clone()));
        let instance = Instance {
            status: shown.db_instance_status.clone(),
            shown: shown.clone(),
            server: Server::Up,
            zone_is_dark: false,
            stuck: None,
            healing: false,
            applying: false,
            standby_lost: false,
            door,
            invented_endpoint: false,
            promotion: None,
            cluster: None,
            cluster_parameters: "in-sync",
            restored_from,
        };
        self.instances.insert(id, instance);
        shown
    }

    /// A new server is up, or could not be made.
    pub(crate) fn born(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>, done: &[Done]) {
        let Some(it) = self.instances.get(id) else { return };
        let restored_from = it.restored_from.clone();
        if result.is_err() {
            self.cancel_steps(id);
            self.with(id, |it| it.server = Server::Down);
            let status = if restored_from.is_some() { "restore-error" } else { "failed" };
            self.set(id, status);
            return;
        }
        let endpoint = done.iter().find_map(|it| match it {
            Done::Listening(endpoint) => Some(endpoint.clone()),
            _ => None,
        });
        self.settle_endpoint(id, endpoint.flatten());
        self.with(id, |it| it.shown.instance_create_time = Some(at));
        match restored_from {
            None => self.instance_event(id, at, events::CREATED),
            Some(RestoredFrom::Snapshot(snapshot)) => self.restored_event(id, at, &snapshot),
            Some(RestoredFrom::Time(source, to)) => {
                let (number, category, text) = events::RESTORED_TO_TIME;
                let name = self.instances.get(id).map(|it| it.shown.db_instance_identifier.clone()).unwrap_or_default();
                self.instance_event_saying(id, at, (number, category, text), format!("{text} {source} to {name} at {}.", to.to_rfc3339()));
            }
        }
        self.refresh_port(id);
        self.begin_first_backup(id, at);
        self.member_is_up(id, at);
    }

    /// Where the server listens; if the host does not care, AWS's own kind of name.
    pub(crate) fn settle_endpoint(&mut self, id: &str, given: Option<(String, u16)>) {
        let region = self.settings.region.clone();
        self.with(id, |it| {
            it.invented_endpoint = given.is_none();
            let invented = || {
                let name = &it.shown.db_instance_identifier;
                (format!("{name}.c1a2b3c4d5e6.{region}.rds.amazonaws.com"), u16::try_from(it.shown.db_instance_port).unwrap_or(5432))
            };
            let (address, port) = given.unwrap_or_else(invented);
            it.shown.endpoint = Some(Endpoint { address, port, hosted_zone_id: "Z2R2ITUGPM61AM".to_owned() });
        });
    }

    fn instance_event_saying(&mut self, id: &str, at: DateTime<Utc>, kind: Kind, message: String) {
        let Some(it) = self.instances.get(id) else { return };
        let name = (it.shown.db_instance_arn.clone(), it.shown.db_instance_identifier.clone());
        let tags = it.shown.tag_list.clone();
        self.publish(("RDS DB Instance Event", "DB_INSTANCE"), name, &tags, at, kind, message);
    }

    /// AWS reports a restore from a snapshot as an event of the snapshot.
    fn restored_event(&mut self, id: &str, at: DateTime<Utc>, snapshot: &str) {
        let Some(name) = self.instances.get(id).map(|it| it.shown.db_instance_identifier.clone()) else { return };
        let (_, _, text) = events::RESTORED_FROM_SNAPSHOT;
        self.snapshot_event_saying(snapshot, at, events::RESTORED_FROM_SNAPSHOT, format!("{text} {snapshot} to {name}."));
    }
}
