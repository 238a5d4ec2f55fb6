//! Security groups and the port: a fence lets nobody in, and leaves in who is in.

use chrono::{DateTime, Utc};

use super::steps::Then;
use super::words::VpcSecurityGroupMembership;
use super::{Door, Effect, Model};

impl Model {
    /// Declares which security groups let nobody in. An instance whose groups in force are all closed refuses **new** connections;
    /// a connection that stands is tracked and stays, as on AWS, until a restart cuts it.
    pub fn set_closed_groups(&mut self, groups: impl IntoIterator<Item = String>) {
        self.settings.closed_groups = groups.into_iter().collect();
        self.refresh_ports();
    }

    /// Declares which security groups let in only the prober.
    pub fn set_prober_groups(&mut self, groups: impl IntoIterator<Item = String>) {
        self.settings.prober_groups = groups.into_iter().collect();
        self.refresh_ports();
    }

    /// How long a change of security groups takes from now on.
    pub fn set_group_change(&mut self, takes: chrono::Duration) {
        self.settings.durations.group_change = takes;
    }

    fn refresh_ports(&mut self) {
        let ids: Vec<String> = self.instances.keys().cloned().collect();
        for id in ids {
            self.refresh_port(&id);
        }
        for id in self.cache_names() {
            self.refresh_cache_ports(&id);
        }
    }

    /// Begins to swap security groups: the new are `adding`, the old `removing`; all that were in force stay so until it is done.
    pub(crate) fn change_groups(&mut self, id: &str, wanted: &[String], now: DateTime<Utc>) {
        self.with(id, |it| swap_groups(&mut it.shown.vpc_security_groups, wanted));
        self.schedule(now + self.settings.durations.group_change, Then::GroupsChanged(id.to_owned()));
    }

    pub(crate) fn groups_changed(&mut self, id: &str) {
        self.with(id, |it| settle_groups(&mut it.shown.vpc_security_groups));
        self.refresh_port(id);
    }

    /// Opens or closes the port, if the groups in force say otherwise than it is.
    pub(crate) fn refresh_port(&mut self, id: &str) {
        let Some(it) = self.instances.get(id) else { return };
        let door = self.door(&it.shown.vpc_security_groups);
        // Before its endpoint is known a server is not there yet.
        if door != it.door && it.shown.endpoint.is_some() {
            self.with(id, |it| it.door = door);
            self.effect(Effect::SetPort { server: id.to_owned(), door });
        }
    }

    /// Whom the groups in force let in: each admits more, none less.
    pub(crate) fn door(&self, groups: &[VpcSecurityGroupMembership]) -> Door {
        let in_force = || groups.iter().filter(|group| group.status != "adding").map(|group| &group.vpc_security_group_id);
        let (closed, prober) = (&self.settings.closed_groups, &self.settings.prober_groups);
        if in_force().any(|group| !closed.contains(group) && !prober.contains(group)) {
            Door::Open
        } else if in_force().any(|group| prober.contains(group)) {
            Door::Prober
        } else {
            Door::Closed
        }
    }
}

/// The new are `adding`, the old `removing`.
pub(crate) fn swap_groups(groups: &mut Vec<VpcSecurityGroupMembership>, wanted: &[String]) {
    for group in groups.iter_mut() {
        let kept = wanted.contains(&group.vpc_security_group_id);
        let status = if !kept {
            "removing"
        } else if group.status == "adding" {
            "adding"
        } else {
            "active"
        };
        status.clone_into(&mut group.status);
    }
    for name in wanted {
        if !groups.iter().any(|group| group.vpc_security_group_id == *name) {
            groups.push(VpcSecurityGroupMembership { vpc_security_group_id: name.clone(), status: "adding".to_owned() });
        }
    }
}

/// The new are in force, the old are gone.
pub(crate) fn settle_groups(groups: &mut Vec<VpcSecurityGroupMembership>) {
    groups.retain(|group| group.status != "removing");
    for group in groups {
        "active".clone_into(&mut group.status);
    }
}
