//! What a restored database is told to be.

use crate::observed::Configuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a restore call is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSettings {
    /// The source's configuration, perhaps with another class, and in quarantine with its group only.
    pub configuration: Configuration,
    /// The source's security groups, where the copy is born in quarantine; empty where it is born with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opens_to: Vec<String>,
    /// All tags of the new instance: passing none would inherit the source's, and with them its protection.
    pub tags: BTreeMap<String, String>,
}

/// Settings that are made once a copy is usable: those that no restore call accepts (fact sheet 3.2), and deletion protection,
/// without which a copy that never becomes usable can be removed again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateSettings {
    /// `MonitoringInterval`, with its role.
    pub monitoring: Option<(i32, String)>,
    /// `EnablePerformanceInsights`, with key and retention days.
    pub performance_insights: Option<(Option<String>, Option<i32>)>,
    /// `PreferredMaintenanceWindow`.
    pub maintenance_window: Option<String>,
    /// `MaxAllocatedStorage`.
    pub max_allocated_storage: Option<i32>,
    /// `DeletionProtection`.
    pub deletion_protection: bool,
    /// The Data API of an Aurora cluster (`EnableHttpEndpoint`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub http_endpoint: bool,
}

impl LateSettings {
    /// What must still be set on a restored instance to match `configuration`.
    pub fn of(configuration: &Configuration) -> Self {
        if configuration.cache().is_some() {
            return Self::default(); // All of it is told to a cache when it is made.
        }
        if let Some(cluster) = configuration.cluster() {
            // The rest is told to a Multi-AZ DB cluster by its restore, and to an Aurora cluster's members as they are made.
            let (maintenance_window, deletion_protection) = (configuration.maintenance_window.clone(), configuration.deletion_protection);
            return Self { maintenance_window, deletion_protection, http_endpoint: cluster.http_endpoint, ..Self::default() };
        }
        Self {
            monitoring: (configuration.monitoring_interval > 0)
                .then(|| (configuration.monitoring_interval, configuration.monitoring_role.clone().unwrap_or_default())),
            performance_insights: configuration
                .performance_insights
                .then(|| (configuration.performance_insights_key.clone(), configuration.performance_insights_retention_days)),
            maintenance_window: configuration.maintenance_window.clone(),
            max_allocated_storage: configuration.max_allocated_storage,
            deletion_protection: configuration.deletion_protection,
            http_endpoint: false,
        }
    }

    /// Whether `configuration` already shows all of it.
    pub fn are_in(&self, configuration: &Configuration) -> bool {
        let shown = Self::of(configuration);
        (self.monitoring.is_none() || shown.monitoring == self.monitoring)
            && (self.performance_insights.is_none() || shown.performance_insights.is_some())
            && (self.maintenance_window.is_none() || shown.maintenance_window == self.maintenance_window)
            && (self.max_allocated_storage.is_none() || shown.max_allocated_storage == self.max_allocated_storage)
            && (!self.deletion_protection || shown.deletion_protection)
            && (!self.http_endpoint || shown.http_endpoint)
    }

    /// What is set, in words.
    pub(super) fn describe(&self) -> String {
        let names = [
            (self.monitoring.is_some(), "monitoring"),
            (self.performance_insights.is_some(), "performance insights"),
            (self.maintenance_window.is_some(), "maintenance window"),
            (self.max_allocated_storage.is_some(), "storage limit"),
            (self.deletion_protection, "deletion protection"),
            (self.http_endpoint, "Data API"),
        ];
        names.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
    }
}
