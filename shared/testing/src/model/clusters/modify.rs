//! `ModifyDBCluster`, and the tags of clusters.

use chrono::{DateTime, Utc};

use super::birth::{check_cluster_retention, check_groups};
use super::snapshot::no_cluster_snapshot;
use super::{Cluster, ClusterStep, DbCluster, EnableHttpEndpoint, HttpEndpoint, ModifyDbCluster, cluster_state, no_cluster};
use crate::model::events;
use crate::model::modify::{check_password, set};
use crate::model::network::{settle_groups, swap_groups};
use crate::model::steps::Then;
use crate::model::words::Tag;
use crate::model::{Action, ApiError, Effect, Model, names};

impl Action for ModifyDbCluster {
    const NAME: &'static str = "ModifyDBCluster";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = Some("DBCluster");
    type Output = DbCluster;

    fn resource(&self) -> &str {
        &self.db_cluster_identifier
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbCluster, ApiError> {
        let id = model.find_cluster(&self.db_cluster_identifier)?;
        self.check(model, model.cluster(&self.db_cluster_identifier)?)?;
        if let Some(groups) = &self.vpc_security_group_ids {
            model.change_cluster_groups(&id, groups, now);
        }
        model.with_cluster(&id, |it| self.note(it));
        for member in model.member_ids(&id) {
            model.with(&member, |it| {
                set(&mut it.shown.backup_retention_period, self.backup_retention_period);
                if self.db_cluster_parameter_group_name.is_some() {
                    it.cluster_parameters = "pending-reboot";
                }
            });
        }
        self.start(model, &id, now);
        model.clusters.get(&id).map(|it| it.shown.clone()).ok_or_else(|| no_cluster(&self.db_cluster_identifier))
    }
}

impl Action for EnableHttpEndpoint {
    const NAME: &'static str = "EnableHttpEndpoint";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = None;
    type Output = HttpEndpoint;

    fn resource(&self) -> &str {
        &self.resource_arn
    }

    fn run(&self, model: &mut Model, _: DateTime<Utc>) -> Result<HttpEndpoint, ApiError> {
        let id = model.find_cluster(&self.resource_arn)?;
        let it = model.cluster(&self.resource_arn)?;
        it.require_available(Self::NAME)?;
        if !it.shown.is_aurora() {
            return Err(ApiError::combination("The Data API isn't supported for Multi-AZ DB clusters."));
        }
        model.with_cluster(&id, |it| it.shown.http_endpoint_enabled = true);
        Ok(HttpEndpoint { resource_arn: self.resource_arn.clone(), http_endpoint_enabled: true })
    }
}

impl ModifyDbCluster {
    fn check(&self, model: &Model, it: &Cluster) -> Result<(), ApiError> {
        it.require_available(Self::NAME)?;
        check_groups(self.vpc_security_group_ids.as_deref())?;
        check_cluster_retention(self.backup_retention_period)?;
        if let Some(name) = &self.db_cluster_parameter_group_name {
            model.known_cluster_parameter_group(name)?;
        }
        if let Some(password) = &self.master_user_password {
            check_password(password)?;
            if it.writer.is_none() {
                return Err(cluster_state("The DB cluster has no DB instance that could change its password."));
            }
        }
        if let Some(new) = &self.new_db_cluster_identifier
            && model.find_cluster(&names::cluster_identifier(new)?).is_ok()
        {
            return Err(ApiError::new("DBClusterAlreadyExistsFault", "DB Cluster already exists"));
        }
        Ok(())
    }

    /// What changes at once, and what waits.
    fn note(&self, it: &mut Cluster) {
        let shown = &mut it.shown;
        set(&mut shown.deletion_protection, self.deletion_protection);
        set(&mut shown.copy_tags_to_snapshot, self.copy_tags_to_snapshot);
        set(&mut shown.iam_database_authentication_enabled, self.enable_iam_database_authentication);
        set(&mut shown.backup_retention_period, self.backup_retention_period);
        set(&mut shown.preferred_backup_window, self.preferred_backup_window.clone());
        set(&mut shown.preferred_maintenance_window, self.preferred_maintenance_window.clone());
        set(&mut shown.db_cluster_parameter_group, self.db_cluster_parameter_group_name.clone());
        if let Some(password) = &self.master_user_password {
            it.password = Some(password.clone());
            shown.pending_modified_values.master_user_password = Some("****".to_owned());
        }
        if let Some(name) = &self.new_db_cluster_identifier {
            shown.pending_modified_values.db_cluster_identifier = Some(name.to_ascii_lowercase());
        }
    }

    /// Starts what begins now. `ApplyImmediately` also applies what earlier calls left pending.
    fn start(&self, model: &mut Model, id: &str, now: DateTime<Utc>) {
        let durations = model.settings.durations.clone();
        let Some(it) = model.clusters.get(id) else { return };
        let (user, writer, at_once) = (it.shown.master_username.clone(), it.writer.clone(), self.apply_immediately == Some(true));
        let is_renaming = at_once && it.shown.pending_modified_values.db_cluster_identifier.is_some();
        let password = it.password.clone().filter(|_| at_once).zip(writer);
        let mut waits = Vec::new();
        let mut phase = self.touches_the_servers().then_some(("modifying", durations.modifying));
        if let Some((password, server)) = password {
            waits.push(model.effect(Effect::SetPassword { server, user, password }));
            phase = Some(("resetting-master-credentials", durations.resetting_credentials));
        }
        if is_renaming {
            phase = Some(("renaming", durations.renaming));
        }
        if let Some((status, duration)) = phase {
            model.begin_cluster(id, status, now);
            model.schedule_after(now + duration, waits, Then::Cluster(id.to_owned(), ClusterStep::Modified));
        }
    }

    /// Whether the status reads `modifying` although nothing is pending.
    fn touches_the_servers(&self) -> bool {
        self.db_cluster_parameter_group_name.is_some()
            || self.enable_iam_database_authentication.is_some()
            || self.backup_retention_period.is_some()
    }
}

impl Model {
    /// New groups are those of the cluster and of all its members.
    fn change_cluster_groups(&mut self, id: &str, wanted: &[String], now: DateTime<Utc>) {
        self.with_cluster(id, |it| swap_groups(&mut it.shown.vpc_security_groups, wanted));
        for member in self.member_ids(id) {
            self.change_groups(&member, wanted, now);
        }
        self.schedule_cluster(id, now + self.settings.durations.group_change, ClusterStep::GroupsChanged);
    }

    pub(super) fn cluster_groups_changed(&mut self, id: &str) {
        self.with_cluster(id, |it| settle_groups(&mut it.shown.vpc_security_groups));
        // Members that joined meanwhile have them too.
        let Some(groups) = self.clusters.get(id).map(|it| it.shown.vpc_security_groups.clone()) else { return };
        for member in self.member_ids(id) {
            self.with(&member, |it| it.shown.vpc_security_groups.clone_from(&groups));
            self.refresh_port(&member);
        }
    }

    /// A modification is finished; a password that could not be set is forgotten.
    pub(super) fn cluster_modified(&mut self, id: &str, at: DateTime<Utc>, result: &Result<(), String>) {
        let taken = self.with_cluster(id, |it| (it.password.take(), std::mem::take(&mut it.shown.pending_modified_values)));
        let Some((password, pending)) = taken else { return };
        if password.is_some() && result.is_ok() {
            self.cluster_event(id, at, events::CREDENTIALS_RESET);
        }
        if let Some(name) = pending.db_cluster_identifier {
            self.rename_cluster(id, &name);
            self.cluster_event(id, at, events::CLUSTER_RENAMED);
        }
        self.set_cluster(id, "available");
    }

    /// The endpoints follow the name; the members keep theirs.
    fn rename_cluster(&mut self, id: &str, name: &str) {
        let (arn, endpoints) = (self.arn("cluster", name), self.cluster_endpoints(name));
        self.with_cluster(id, |it| {
            name.clone_into(&mut it.shown.db_cluster_identifier);
            it.shown.db_cluster_arn = arn;
            if it.invented_endpoints {
                (it.shown.endpoint, it.shown.reader_endpoint) = endpoints;
            }
        });
        for member in self.member_ids(id) {
            self.with(&member, |it| it.shown.db_cluster_identifier = Some(name.to_owned()));
        }
    }

    /// The tags of a cluster, or of a snapshot of one.
    pub(crate) fn cluster_tags(&mut self, kind: &str, name: &str) -> Result<&mut Vec<Tag>, ApiError> {
        if kind == "cluster" {
            let id = self.find_cluster(name)?;
            return self.clusters.get_mut(&id).map(|it| &mut it.shown.tag_list).ok_or_else(|| no_cluster(name));
        }
        let found = self.cluster_snapshots.get_mut(&name.to_ascii_lowercase());
        found.map(|snapshot| &mut snapshot.shown.tag_list).ok_or_else(|| no_cluster_snapshot(name))
    }
}
