//! `ModifyDBInstance`.

use chrono::{DateTime, Utc};

use super::birth::check_retention;
use super::events;
use super::instance::Instance;
use super::steps::Then;
use super::words::{DbInstance, PendingModifiedValues, Secret};
use super::{Action, ApiError, Effect, Model, ModifyDbInstance, names};

impl Action for ModifyDbInstance {
    const NAME: &'static str = "ModifyDBInstance";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBInstance");
    type Output = DbInstance;

    fn resource(&self) -> &str {
        &self.db_instance_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstance, ApiError> {
        let id = model.find(&self.db_instance_identifier)?;
        self.check(model, model.instance(&self.db_instance_identifier)?)?;
        if let Some(groups) = &self.vpc_security_group_ids {
            model.change_groups(&id, groups, now);
        }
        model.with(&id, |it| {
            self.apply_at_once(&mut it.shown);
            self.note_pending(&mut it.shown);
        });
        self.start(model, &id, now);
        model.instances.get(&id).map(|it| it.shown.clone()).ok_or_else(|| ApiError::no_instance(&self.db_instance_identifier))
    }
}

impl ModifyDbInstance {
    fn check(&self, model: &Model, it: &Instance) -> Result<(), ApiError> {
        if it.cluster.is_some() && self.is_for_the_cluster() {
            return Err(ApiError::combination("The DB instance is a member of a DB cluster: modify the DB cluster instead."));
        }
        match it.status.as_str() {
            "storage-full" if self.allocated_storage.is_some() => {}
            "incompatible-parameters" if self.db_parameter_group_name.is_some() => {}
            _ => it.require_free(Self::NAME)?,
        }
        if it.status == "storage-optimization" && self.allocated_storage.is_some() {
            return Err(ApiError::instance_state("The storage of this instance is still being optimized; it can't be changed again yet."));
        }
        if let Some(size) = self.allocated_storage.filter(|size| *size < it.shown.allocated_storage) {
            let current = it.shown.allocated_storage;
            return Err(ApiError::value(format!(
                "Requested storage size ({size}) cannot be less than the current storage size ({current})."
            )));
        }
        if self.vpc_security_group_ids.as_ref().is_some_and(|groups| groups.iter().any(|group| !group.starts_with("sg-"))) {
            return Err(ApiError::value("Invalid security group: an id begins with sg-."));
        }
        if let Some(name) = &self.db_parameter_group_name {
            model.known_parameter_group(name)?;
        }
        if let Some(new) = &self.new_db_instance_identifier {
            let new = names::instance_identifier(new)?;
            if model.find(&new).is_ok() {
                return Err(ApiError::new("DBInstanceAlreadyExists", "DB instance already exists"));
            }
        }
        if let Some(password) = &self.master_user_password {
            check_password(password)?;
        }
        check_retention(self.backup_retention_period)?;
        let role = self.monitoring_role_arn.as_deref().or(it.shown.monitoring_role_arn.as_deref());
        check_monitoring(self.monitoring_interval, role)
    }

    /// What is the same for all members of a cluster.
    fn is_for_the_cluster(&self) -> bool {
        self.vpc_security_group_ids.is_some()
            || self.master_user_password.is_some()
            || self.backup_retention_period.is_some()
            || self.preferred_backup_window.is_some()
            || self.deletion_protection.is_some()
            || self.allocated_storage.is_some()
            || self.multi_az.is_some()
            || self.enable_iam_database_authentication.is_some()
    }

    /// What AWS changes at once, whatever `ApplyImmediately` says.
    fn apply_at_once(&self, shown: &mut DbInstance) {
        set(&mut shown.deletion_protection, self.deletion_protection);
        set(&mut shown.copy_tags_to_snapshot, self.copy_tags_to_snapshot);
        set(&mut shown.auto_minor_version_upgrade, self.auto_minor_version_upgrade);
        set(&mut shown.publicly_accessible, self.publicly_accessible);
        set(&mut shown.iam_database_authentication_enabled, self.enable_iam_database_authentication);
        set(&mut shown.database_insights_mode, self.database_insights_mode.clone());
        set(&mut shown.preferred_backup_window, self.preferred_backup_window.clone());
        set(&mut shown.preferred_maintenance_window, self.preferred_maintenance_window.clone());
        if self.max_allocated_storage.is_some() {
            shown.max_allocated_storage = self.max_allocated_storage;
        }
        if let Some(interval) = self.monitoring_interval {
            shown.monitoring_interval = interval;
            let role = self.monitoring_role_arn.clone().or_else(|| shown.monitoring_role_arn.take());
            shown.monitoring_role_arn = role.filter(|_| interval > 0);
        }
        if let Some(enabled) = self.enable_performance_insights {
            shown.performance_insights_enabled = enabled;
            let days = self.performance_insights_retention_period.or(shown.performance_insights_retention_period);
            shown.performance_insights_retention_period = enabled.then(|| days.unwrap_or(7));
            let key = self.performance_insights_kms_key_id.clone().or_else(|| shown.performance_insights_kms_key_id.take());
            shown.performance_insights_kms_key_id = key.filter(|_| enabled);
        }
        let exports = &mut shown.enabled_cloudwatch_logs_exports;
        exports.retain(|log| !self.disable_log_types.iter().flatten().any(|off| off == log));
        for log in self.enable_log_types.iter().flatten() {
            if !exports.contains(log) {
                exports.push(log.clone());
            }
        }
        if let (Some(name), Some(group)) = (&self.db_parameter_group_name, shown.db_parameter_groups.first_mut())
            && group.db_parameter_group_name != *name
        {
            group.db_parameter_group_name.clone_from(name);
            "pending-reboot".clone_into(&mut group.parameter_apply_status);
        }
        if let (Some(name), Some(group)) = (&self.option_group_name, shown.option_group_memberships.first_mut()) {
            group.option_group_name.clone_from(name);
        }
        if let Some(days) = self.backup_retention_period.filter(|days| *days > 0 && shown.backup_retention_period > 0) {
            shown.backup_retention_period = days;
        }
    }

    /// What AWS changes now or in the next maintenance window.
    fn note_pending(&self, shown: &mut DbInstance) {
        let minimum = shown.allocated_storage + (shown.allocated_storage + 9) / 10;
        let size = self.allocated_storage.filter(|size| *size != shown.allocated_storage).map(|size| size.max(minimum));
        let pending = &mut shown.pending_modified_values;
        note(&mut pending.db_instance_class, self.db_instance_class.as_ref(), &shown.db_instance_class);
        note(&mut pending.engine_version, self.engine_version.as_ref(), &shown.engine_version);
        note(&mut pending.storage_type, self.storage_type.as_ref(), &shown.storage_type);
        note(&mut pending.ca_certificate_identifier, self.ca_certificate_identifier.as_ref(), &shown.ca_certificate_identifier);
        note(&mut pending.multi_az, self.multi_az.as_ref(), &shown.multi_az);
        note(&mut pending.backup_retention_period, self.backup_retention_period.as_ref(), &shown.backup_retention_period);
        let new_name = self.new_db_instance_identifier.as_ref().map(|name| name.to_ascii_lowercase());
        note(&mut pending.db_instance_identifier, new_name.as_ref(), &shown.db_instance_identifier);
        pending.allocated_storage = size.or(pending.allocated_storage);
        pending.iops = self.iops.or(pending.iops);
        pending.storage_throughput = self.storage_throughput.or(pending.storage_throughput);
        if self.master_user_password.is_some() {
            pending.master_user_password = Some("****".to_owned());
        }
    }

    /// Starts what begins now. `ApplyImmediately` also applies what earlier calls left pending.
    fn start(&self, model: &mut Model, id: &str, now: DateTime<Utc>) {
        let Some(shown) = model.instances.get(id).map(|it| it.shown.clone()) else { return };
        let durations = model.settings.durations.clone();
        let pending = &shown.pending_modified_values;
        let mut waits = Vec::new();
        let mut phase = None;
        if let Some(password) = self.master_user_password.clone() {
            let (server, user) = (id.to_owned(), shown.master_username.clone());
            waits.push(model.effect(Effect::SetPassword { server, user, password }));
            phase = Some(("resetting-master-credentials", durations.resetting_credentials));
        }
        if self.touches_the_server() {
            phase = Some(("modifying", durations.modifying));
        }
        if self.monitoring_interval.is_some() {
            model.instance_event(id, now, events::MONITORING_CHANGED);
        }
        if self.apply_immediately == Some(true) && *pending != PendingModifiedValues::default() {
            let rest = PendingModifiedValues { master_user_password: None, ..pending.clone() };
            if rest != PendingModifiedValues::default() {
                phase = Some(("modifying", durations.modifying));
            }
            if let Some(multi_az) = pending.multi_az {
                let server = id.to_owned();
                waits.push(model.effect(if multi_az { Effect::AddStandby { server } } else { Effect::RemoveStandby { server } }));
                model.instance_event(id, now, if multi_az { events::BECOMING_MULTI_AZ } else { events::BECOMING_SINGLE_AZ });
                phase = Some(("modifying", durations.converting));
            }
            if pending.db_instance_class.is_some() || pending.engine_version.is_some() {
                waits.push(model.effect(Effect::Restart { server: id.to_owned() }));
                model.instance_event(id, now, events::CLASS_CHANGING);
            }
            if pending.allocated_storage.is_some() {
                model.instance_event(id, now, events::STORAGE_CHANGING);
                if model.instances.get(id).is_some_and(|it| it.status == "storage-full") {
                    waits.push(model.effect(Effect::Restart { server: id.to_owned() }));
                }
            }
            if pending.db_instance_identifier.is_some() {
                waits.push(model.effect(Effect::Restart { server: id.to_owned() }));
                phase = Some(("renaming", durations.renaming));
            }
            model.with(id, |it| it.applying = true);
        }
        if let Some((status, duration)) = phase {
            model.begin(id, status, now);
            model.schedule_after(now + duration, waits, Then::Modified(id.to_owned()));
        }
    }

    /// Whether the status reads `modifying` although nothing is pending.
    fn touches_the_server(&self) -> bool {
        self.db_parameter_group_name.is_some()
            || self.option_group_name.is_some()
            || self.monitoring_interval.is_some()
            || self.database_insights_mode.is_some()
            || self.enable_performance_insights.is_some()
            || self.enable_iam_database_authentication.is_some()
            || self.enable_log_types.is_some()
            || self.disable_log_types.is_some()
            || self.publicly_accessible.is_some()
    }
}

impl Model {
    /// A modification is finished, or its effect failed: then what was pending is dropped.
    pub(crate) fn modified(&mut self, id: &str, at: DateTime<Utc>, result: Result<(), String>) {
        let Some(it) = self.instances.get_mut(id) else { return };
        let applying = std::mem::take(&mut it.applying);
        let password = it.shown.pending_modified_values.master_user_password.take().is_some();
        let pending = if applying { std::mem::take(&mut it.shown.pending_modified_values) } else { PendingModifiedValues::default() };
        if password {
            self.instance_event(id, at, if result.is_ok() { events::CREDENTIALS_RESET } else { events::CREDENTIALS_NOT_RESET });
        }
        if result.is_ok() {
            self.apply_pending(id, &pending, at);
        }
        match pending.backup_retention_period.filter(|_| result.is_ok()) {
            Some(0) => {
                self.end_backups(id);
                self.instance_event(id, at, events::BACKUPS_OFF);
                self.set_available(id);
            }
            Some(_) if !self.backups.contains_key(id) => {
                self.instance_event(id, at, events::BACKUPS_ON);
                self.begin_first_backup(id, at);
            }
            _ if pending.allocated_storage.is_some() && result.is_ok() => {
                self.set(id, "storage-optimization");
                self.schedule(at + self.settings.durations.modifying, Then::Optimized(id.to_owned()));
            }
            _ => self.set_available(id),
        }
    }

    fn apply_pending(&mut self, id: &str, pending: &PendingModifiedValues, at: DateTime<Utc>) {
        let Some(primary) = self.instances.get(id).map(|it| it.shown.availability_zone.clone()) else { return };
        let standby = self.standby_zone(&primary);
        self.with(id, |it| {
            let shown = &mut it.shown;
            set(&mut shown.db_instance_class, pending.db_instance_class.clone());
            set(&mut shown.engine_version, pending.engine_version.clone());
            set(&mut shown.storage_type, pending.storage_type.clone());
            set(&mut shown.ca_certificate_identifier, pending.ca_certificate_identifier.clone());
            set(&mut shown.allocated_storage, pending.allocated_storage);
            set(&mut shown.backup_retention_period, pending.backup_retention_period);
            shown.iops = pending.iops.or(shown.iops);
            shown.storage_throughput = pending.storage_throughput.or(shown.storage_throughput);
            if let Some(multi_az) = pending.multi_az {
                shown.multi_az = multi_az;
                shown.secondary_availability_zone = standby.filter(|_| multi_az);
            }
        });
        if let Some(name) = &pending.db_instance_identifier {
            self.rename(id, name);
        }
        if pending.db_instance_class.is_some() || pending.engine_version.is_some() {
            self.instance_event(id, at, events::CLASS_CHANGED);
        }
        if pending.allocated_storage.is_some() {
            self.instance_event(id, at, events::STORAGE_CHANGED);
            // What was shut down for want of room comes back by itself.
            if self.with(id, |it| std::mem::replace(&mut it.server, super::instance::Server::Up) == super::instance::Server::Down)
                == Some(true)
            {
                self.instance_event(id, at, events::RESTARTED);
            }
        }
        match pending.multi_az {
            Some(true) => self.instance_event(id, at, events::BECAME_MULTI_AZ),
            Some(false) => self.instance_event(id, at, events::BECAME_SINGLE_AZ),
            None => {}
        }
    }

    fn rename(&mut self, id: &str, name: &str) {
        let arn = self.arn("db", name);
        let invented = self.with(id, |it| {
            it.shown.db_instance_arn = arn;
            name.clone_into(&mut it.shown.db_instance_identifier);
            it.invented_endpoint
        });
        if invented == Some(true) {
            self.settle_endpoint(id, None);
        }
    }
}

pub(crate) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Notes a change; asking for what already is, withdraws a change that is pending.
fn note<T: Clone + PartialEq>(pending: &mut Option<T>, wanted: Option<&T>, current: &T) {
    if let Some(wanted) = wanted {
        *pending = (wanted != current).then(|| wanted.clone());
    }
}

pub(crate) fn check_password(password: &Secret) -> Result<(), ApiError> {
    let text = password.expose();
    if text.len() < 8 {
        return Err(ApiError::value("The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters."));
    }
    if text.len() > 128 || text.chars().any(|c| matches!(c, '/' | '@' | '"' | ' ') || !c.is_ascii_graphic()) {
        return Err(ApiError::value(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.",
        ));
    }
    Ok(())
}

pub(crate) fn check_monitoring(interval: Option<i32>, role: Option<&str>) -> Result<(), ApiError> {
    match interval {
        None | Some(0) => Ok(()),
        Some(1 | 5 | 10 | 15 | 30 | 60) if role.is_some() => Ok(()),
        Some(1 | 5 | 10 | 15 | 30 | 60) => {
            Err(ApiError::combination("A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0."))
        }
        Some(other) => Err(ApiError::value(format!("Invalid monitoring interval: {other}. One of 0, 1, 5, 10, 15, 30, 60."))),
    }
}
