//! What a promoted replica has otherwise than its source: set where RDS lets it be set, else named as a risk.

use super::LateSettings;
use crate::observed::Configuration;
use crate::point::differences;
use serde::{Deserialize, Serialize};

/// Settings of the source that a promoted replica is given; only those that differ (fact sheet 3.1: a promotion keeps the replica's own).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedSettings {
    /// `DBParameterGroupName`; its static parameters wait for a reboot.
    pub parameter_group: Option<String>,
    /// `PubliclyAccessible`.
    pub publicly_accessible: Option<bool>,
    /// `AutoMinorVersionUpgrade`.
    pub auto_minor_version_upgrade: Option<bool>,
    /// `CopyTagsToSnapshot`.
    pub copy_tags_to_snapshot: Option<bool>,
    /// `EnableIAMDatabaseAuthentication`.
    pub iam_authentication: Option<bool>,
    /// `CloudwatchLogsExportConfiguration.EnableLogTypes`: those that the replica lacks.
    pub log_exports: Vec<String>,
}

impl AdoptedSettings {
    /// What `replica` has otherwise than `source`.
    pub fn of(source: &Configuration, replica: &Configuration) -> Self {
        let flag = |source: bool, replica: bool| (source != replica).then_some(source);
        let lacks = |log: &&String| !replica.log_exports.contains(log);
        Self {
            parameter_group: source.parameter_group.clone().filter(|group| replica.parameter_group.as_ref() != Some(group)),
            publicly_accessible: flag(source.publicly_accessible, replica.publicly_accessible),
            auto_minor_version_upgrade: flag(source.auto_minor_version_upgrade, replica.auto_minor_version_upgrade),
            copy_tags_to_snapshot: flag(source.copy_tags_to_snapshot, replica.copy_tags_to_snapshot),
            iam_authentication: flag(source.iam_authentication, replica.iam_authentication),
            log_exports: source.log_exports.iter().filter(lacks).cloned().collect(),
        }
    }

    /// `configuration` with these settings.
    pub fn onto(&self, configuration: &Configuration) -> Configuration {
        let mut log_exports = configuration.log_exports.clone();
        log_exports.extend(self.log_exports.iter().filter(|log| !configuration.log_exports.contains(log)).cloned());
        log_exports.sort();
        Configuration {
            parameter_group: self.parameter_group.clone().or_else(|| configuration.parameter_group.clone()),
            publicly_accessible: self.publicly_accessible.unwrap_or(configuration.publicly_accessible),
            auto_minor_version_upgrade: self.auto_minor_version_upgrade.unwrap_or(configuration.auto_minor_version_upgrade),
            copy_tags_to_snapshot: self.copy_tags_to_snapshot.unwrap_or(configuration.copy_tags_to_snapshot),
            iam_authentication: self.iam_authentication.unwrap_or(configuration.iam_authentication),
            log_exports,
            ..configuration.clone()
        }
    }

    /// Whether `configuration` already shows all of it.
    pub fn are_in(&self, configuration: &Configuration) -> bool {
        self.onto(configuration) == *configuration
    }

    /// What is set, in words.
    pub(super) fn describe(&self) -> String {
        let flags = [
            ("PubliclyAccessible", self.publicly_accessible),
            ("AutoMinorVersionUpgrade", self.auto_minor_version_upgrade),
            ("CopyTagsToSnapshot", self.copy_tags_to_snapshot),
            ("EnableIAMDatabaseAuthentication", self.iam_authentication),
        ];
        let group = self.parameter_group.iter().map(|group| format!("DBParameterGroupName={group}"));
        let flags = flags.into_iter().filter_map(|(name, flag)| flag.map(|flag| format!("{name}={flag}")));
        let logs = (!self.log_exports.is_empty()).then(|| format!("EnableLogTypes={}", self.log_exports.join(",")));
        group.chain(flags).chain(logs).collect::<Vec<_>>().join(" ")
    }
}

/// What the promoted database will look like when all that the plan sets is set: the replica's own hardware, the source's settings.
pub(super) fn expected(source: &Configuration, replica: &Configuration, backup_days: i32) -> Configuration {
    let late = LateSettings::of(source);
    let adopted = AdoptedSettings::of(source, replica).onto(replica);
    Configuration {
        security_groups: source.security_groups.clone(),
        backup_retention_days: backup_days,
        backup_window: source.backup_window.clone().or(adopted.backup_window),
        deletion_protection: source.deletion_protection || replica.deletion_protection,
        maintenance_window: late.maintenance_window.or(adopted.maintenance_window),
        max_allocated_storage: late.max_allocated_storage.or(adopted.max_allocated_storage),
        monitoring_interval: late.monitoring.as_ref().map_or(replica.monitoring_interval, |(interval, _)| *interval),
        monitoring_role: late.monitoring.map_or_else(|| replica.monitoring_role.clone(), |_| source.monitoring_role.clone()),
        performance_insights: source.performance_insights || replica.performance_insights,
        performance_insights_key: if source.performance_insights {
            source.performance_insights_key.clone()
        } else {
            replica.performance_insights_key.clone()
        },
        performance_insights_retention_days: if source.performance_insights {
            source.performance_insights_retention_days
        } else {
            replica.performance_insights_retention_days
        },
        ..adopted
    }
}

/// What stays otherwise than on the source, in words: class and storage above all. The standby is added once clients are served.
pub(super) fn stays_different(source: &Configuration, expected: &Configuration) -> Vec<String> {
    differences(&Configuration { multi_az: expected.multi_az, ..source.clone() }, expected)
        .into_iter()
        .map(|difference| format!("{} is {} (the source: {})", difference.setting, difference.restored, difference.source))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::instance;

    #[test]
    fn only_what_differs_is_set_and_the_hardware_stays_the_replicas_own() {
        let source = instance("available").configuration;
        assert_eq!(AdoptedSettings::of(&source, &source), AdoptedSettings::default());
        let replica = Configuration {
            class: "db.t4g.small".into(),
            copy_tags_to_snapshot: true,
            multi_az: false,
            security_groups: vec!["sg-replica".into()],
            ..source.clone()
        };
        let adopted = AdoptedSettings::of(&source, &replica);
        assert_eq!(adopted, AdoptedSettings { copy_tags_to_snapshot: Some(false), ..AdoptedSettings::default() });
        let expected = expected(&source, &replica, 7);
        assert_eq!((expected.class.as_str(), expected.backup_retention_days), ("db.t4g.small", 7));
        assert_eq!((expected.security_groups.clone(), expected.copy_tags_to_snapshot), (source.security_groups.clone(), false));
        let stays = stays_different(&source, &expected);
        assert!(stays.iter().any(|line| line.contains("db.t4g.small")), "{stays:?}");
        assert!(!stays.iter().any(|line| line.contains("multi_az")), "{stays:?}");
    }

    #[test]
    fn a_missing_log_is_added_and_one_that_the_replica_has_stays() {
        let source = Configuration { log_exports: vec!["postgresql".into()], ..Configuration::default() };
        let replica = Configuration { log_exports: vec!["upgrade".into()], ..Configuration::default() };
        let adopted = AdoptedSettings::of(&source, &replica);
        assert!(!adopted.are_in(&replica) && adopted.are_in(&adopted.onto(&replica)));
        assert_eq!(adopted.onto(&replica).log_exports, ["postgresql", "upgrade"]);
    }
}
