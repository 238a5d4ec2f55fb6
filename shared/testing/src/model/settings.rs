//! How the modelled account looks and how long things take there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use serde::{Deserialize, Serialize};

/// The account, its limits, its surroundings, its pace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The account number in every ARN.
    pub account: String,
    /// The Region in every ARN.
    pub region: String,
    /// The zones of the Region. A new instance goes to the first that is not dark; a standby to the next one.
    pub zones: Vec<String>,
    /// `InstanceQuotaExceeded` beyond.
    pub max_instances: usize,
    /// `SnapshotQuotaExceeded` beyond; automated snapshots do not count.
    pub max_manual_snapshots: usize,
    /// The DB subnet groups that exist. Empty: any name is accepted and lies in a VPC of its own.
    pub subnet_groups: BTreeMap<String, SubnetGroup>,
    /// The DB parameter groups that exist beside the `default.*` ones. Empty: any name is accepted.
    pub parameter_groups: BTreeSet<String>,
    /// The VPC and the security group of whoever does not say where he wants to live.
    pub default_vpc: String,
    /// See [`Settings::default_vpc`].
    pub default_security_group: String,
    /// Security groups that let nobody in (fences).
    pub closed_groups: BTreeSet<String>,
    /// Security groups that let in only the prober (quarantines).
    pub prober_groups: BTreeSet<String>,
    /// Whether a first backup makes an automated snapshot (`rds:...`) beside the restore window.
    pub automated_snapshots: bool,
    /// Makes resource ids, event ids and random faults; the same seed gives the same run.
    pub seed: u64,
    /// How long things take.
    pub durations: Durations,
}

/// A DB subnet group that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubnetGroup {
    /// The VPC it belongs to.
    pub vpc_id: String,
    /// Its subnets, one for each zone, in the order of [`Settings::zones`].
    #[serde(default)]
    pub subnets: Vec<String>,
}

/// How long each transition takes, in seconds when written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// `CreateDBInstance`: `creating`.
    #[serde(with = "seconds")]
    pub creating: Duration,
    /// Either restore: `creating`.
    #[serde(with = "seconds")]
    pub restoring: Duration,
    /// The first backup of a new instance: `backing-up`.
    #[serde(with = "seconds")]
    pub backing_up: Duration,
    /// `CreateDBSnapshot`: snapshot `creating`, instance `backing-up`.
    #[serde(with = "seconds")]
    pub snapshotting: Duration,
    /// `ModifyDBInstance`: `modifying`.
    #[serde(with = "seconds")]
    pub modifying: Duration,
    /// `ModifyDBInstance` to Multi-AZ: `modifying`.
    #[serde(with = "seconds")]
    pub converting: Duration,
    /// `ModifyDBInstance` with a new identifier: `renaming`.
    #[serde(with = "seconds")]
    pub renaming: Duration,
    /// `ModifyDBInstance` with a new password: `resetting-master-credentials`.
    #[serde(with = "seconds")]
    pub resetting_credentials: Duration,
    /// Security groups: from `adding`/`removing` to `active`/gone.
    #[serde(with = "seconds")]
    pub group_change: Duration,
    /// `RebootDBInstance`: `rebooting`.
    #[serde(with = "seconds")]
    pub rebooting: Duration,
    /// A failover, asked for or not, from its start to its completion.
    #[serde(with = "seconds")]
    pub failover: Duration,
    /// A failover of a DB cluster, asked for or not, from its start until another member writes.
    #[serde(with = "seconds")]
    pub cluster_failover: Duration,
    /// `PromoteReadReplica`: `modifying`, until the reboot is over.
    #[serde(with = "seconds")]
    pub promoting: Duration,
    /// How long AWS needs to notice that a primary is dead.
    #[serde(with = "seconds")]
    pub failure_detection: Duration,
    /// How long after a failover Describe still shows the old zones.
    #[serde(with = "seconds")]
    pub zone_swap_lag: Duration,
    /// How long after an accepted Modify, Reboot, Stop or Start the status still reads as before.
    #[serde(with = "seconds")]
    pub status_lag: Duration,
    /// `DeleteDBInstance`: `deleting`.
    #[serde(with = "seconds")]
    pub deleting: Duration,
    /// `StopDBInstance`: `stopping`.
    #[serde(with = "seconds")]
    pub stopping: Duration,
    /// `StartDBInstance`: `starting`.
    #[serde(with = "seconds")]
    pub starting: Duration,
    /// How often a living server's log is archived.
    #[serde(with = "seconds")]
    pub log_ship_interval: Duration,
    /// How long after archiving `LatestRestorableTime` shows it.
    #[serde(with = "seconds")]
    pub restorable_lag: Duration,
}

impl Durations {
    /// What one sees on AWS with a small database.
    pub fn aws_like() -> Self {
        Self {
            creating: Duration::minutes(5),
            restoring: Duration::minutes(12),
            backing_up: Duration::minutes(2),
            snapshotting: Duration::minutes(3),
            modifying: Duration::seconds(90),
            converting: Duration::minutes(10),
            renaming: Duration::minutes(10),
            resetting_credentials: Duration::seconds(30),
            group_change: Duration::seconds(15),
            rebooting: Duration::seconds(60),
            failover: Duration::seconds(90),
            cluster_failover: Duration::seconds(30),
            promoting: Duration::minutes(4),
            failure_detection: Duration::seconds(15),
            zone_swap_lag: Duration::minutes(2),
            status_lag: Duration::seconds(5),
            deleting: Duration::minutes(3),
            stopping: Duration::minutes(4),
            starting: Duration::minutes(5),
            log_ship_interval: Duration::minutes(4),
            restorable_lag: Duration::minutes(1),
        }
    }

    /// The same story in seconds, for a demo and for tests with real servers.
    pub fn short() -> Self {
        let ms = Duration::milliseconds;
        Self {
            creating: ms(1500),
            restoring: ms(2000),
            backing_up: ms(500),
            snapshotting: ms(1000),
            modifying: ms(800),
            converting: ms(1500),
            renaming: ms(1500),
            resetting_credentials: ms(600),
            group_change: ms(500),
            rebooting: ms(800),
            failover: ms(1500),
            cluster_failover: ms(1000),
            promoting: ms(1500),
            failure_detection: ms(300),
            zone_swap_lag: ms(1000),
            status_lag: ms(200),
            deleting: ms(800),
            stopping: ms(800),
            starting: ms(800),
            log_ship_interval: ms(1000),
            restorable_lag: ms(500),
        }
    }
}

impl Settings {
    /// An account that behaves at AWS's pace.
    pub fn aws_like() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: String::new(),
            zones: Vec::new(),
            max_instances: 40,
            max_manual_snapshots: 100,
            subnet_groups: BTreeMap::new(),
            parameter_groups: BTreeSet::new(),
            default_vpc: "vpc-default".to_owned(),
            default_security_group: "sg-default".to_owned(),
            closed_groups: BTreeSet::new(),
            prober_groups: BTreeSet::new(),
            automated_snapshots: true,
            seed: 1,
            durations: Durations::aws_like(),
        }
        .in_region("us-east-1")
    }

    /// The same account in seconds instead of minutes.
    pub fn short() -> Self {
        Self { durations: Durations::short(), ..Self::aws_like() }
    }

    /// The same account in another Region, with that Region's zones.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        Self { region: region.to_owned(), zones: ["a", "b", "c"].map(|zone| format!("{region}{zone}")).to_vec(), ..self }
    }

    /// The same, with something changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// A duration as a number of seconds.
mod seconds {
    use chrono::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_seconds_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=1e9).contains(&seconds) {
            return Err(serde::de::Error::custom(format!("a duration is a number of seconds from 0 to 1e9, not {seconds}")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "in range: checked above")]
        Ok(Duration::milliseconds((seconds * 1000.0).round() as i64))
    }
}
