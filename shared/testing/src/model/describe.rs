//! The calls that only read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::backups::Backup;
use super::instance::{Instance, Server};
use super::words::{AccountQuota, DbInstance, DbInstanceAutomatedBackup, DbSnapshot};
use super::{
    AccountQuotas, Action, ApiError, AutomatedBackupsPage, DbInstancesPage, DbSnapshotsPage, DescribeAccountAttributes,
    DescribeDbInstanceAutomatedBackups, DescribeDbInstances, DescribeDbSnapshots, Door, Filter, Model, Page, names,
};

impl Action for DescribeDbInstances {
    const NAME: &'static str = "DescribeDBInstances";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = DbInstancesPage;

    fn resource(&self) -> &str {
        self.db_instance_identifier.as_deref().unwrap_or_default()
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<DbInstancesPage, ApiError> {
        check_filters(&self.filters, &["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"])?;
        let mut found = match &self.db_instance_identifier {
            Some(identifier) if model.unseen.contains(&model.find(identifier)?) => return Err(ApiError::no_instance(identifier)),
            Some(identifier) => vec![model.instance(identifier)?.shown.clone()],
            None => model.instances.values().map(|it| it.shown.clone()).collect(),
        };
        found.retain(|it| !model.unseen.contains(&it.dbi_resource_id));
        found.retain(|it| {
            self.filters.iter().all(|filter| match filter.name.as_str() {
                "db-instance-id" => filter.has(&it.db_instance_identifier) || filter.has(&it.db_instance_arn),
                "db-cluster-id" => it.db_cluster_identifier.as_deref().is_some_and(|cluster| filter.has(cluster)),
                "dbi-resource-id" => filter.has(&it.dbi_resource_id),
                "engine" => filter.has(&it.engine),
                _ => false,
            })
        });
        found.sort_by(|a, b| a.db_instance_identifier.cmp(&b.db_instance_identifier));
        let (mut db_instances, marker) = self.page.cut(found, |it: &DbInstance| &it.db_instance_identifier)?;
        for it in &mut db_instances {
            it.latest_restorable_time = model.restore_window(&it.dbi_resource_id, now).and_then(|window| window.latest_time);
        }
        Ok(DbInstancesPage { db_instances, marker })
    }
}

impl Action for DescribeDbSnapshots {
    const NAME: &'static str = "DescribeDBSnapshots";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = DbSnapshotsPage;

    fn resource(&self) -> &str {
        self.db_snapshot_identifier.as_deref().or(self.db_instance_identifier.as_deref()).unwrap_or_default()
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<DbSnapshotsPage, ApiError> {
        check_filters(&self.filters, &["db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type", "engine"])?;
        let mut found: Vec<DbSnapshot> = match &self.db_snapshot_identifier {
            // One automated snapshot is found only with its type.
            Some(name) if name.starts_with("rds:") && self.snapshot_type.is_none() => return Err(ApiError::no_snapshot(name)),
            Some(name) => vec![model.snapshot(name)?.shown.clone()],
            None => model.snapshots.values().map(|snapshot| snapshot.shown.clone()).collect(),
        };
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        found.retain(|it| {
            same(&self.db_instance_identifier, &it.db_instance_identifier)
                && same(&self.dbi_resource_id, &it.dbi_resource_id)
                && same(&self.snapshot_type, &it.snapshot_type)
                && self.filters.iter().all(|filter| match filter.name.as_str() {
                    "db-instance-id" => filter.has(&it.db_instance_identifier),
                    "db-snapshot-id" => filter.has(&it.db_snapshot_identifier),
                    "dbi-resource-id" => filter.has(&it.dbi_resource_id),
                    "snapshot-type" => filter.has(&it.snapshot_type),
                    "engine" => filter.has(&it.engine),
                    _ => false,
                })
        });
        let (db_snapshots, marker) = self.page.cut(found, |it: &DbSnapshot| &it.db_snapshot_identifier)?;
        Ok(DbSnapshotsPage { db_snapshots, marker })
    }
}

impl Action for DescribeDbInstanceAutomatedBackups {
    const NAME: &'static str = "DescribeDBInstanceAutomatedBackups";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = None;
    type Output = AutomatedBackupsPage;

    fn resource(&self) -> &str {
        self.db_instance_identifier.as_deref().or(self.dbi_resource_id.as_deref()).unwrap_or_default()
    }

    fn run(&self, model: &mut Model, now: DateTime<Utc>) -> Result<AutomatedBackupsPage, ApiError> {
        check_filters(&self.filters, &["status", "db-instance-id", "dbi-resource-id"])?;
        let all: Vec<_> = model.backups.iter().map(|(id, backup)| model.automated_backup(id, backup, now)).collect();
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        let mut found: Vec<_> = all.into_iter().filter(|it| same(&self.dbi_resource_id, &it.dbi_resource_id)).collect();
        found.retain(|it| {
            same(&self.db_instance_identifier, &it.db_instance_identifier)
                && same(&self.db_instance_automated_backups_arn, &it.db_instance_automated_backups_arn)
                && self.filters.iter().all(|filter| match filter.name.as_str() {
                    "status" => filter.has(&it.status),
                    "db-instance-id" => filter.has(&it.db_instance_identifier),
                    _ => filter.has(&it.dbi_resource_id),
                })
        });
        if let Some(id) = self.dbi_resource_id.as_deref().filter(|_| found.is_empty()) {
            return Err(ApiError::no_automated_backup(id));
        }
        let (backups, marker) = self.page.cut(found, |it: &DbInstanceAutomatedBackup| &it.dbi_resource_id)?;
        Ok(AutomatedBackupsPage { db_instance_automated_backups: backups, marker })
    }
}

impl Action for DescribeAccountAttributes {
    const NAME: &'static str = "DescribeAccountAttributes";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = Some("AccountQuotas");
    type Output = AccountQuotas;

    fn resource(&self) -> &'static str {
        ""
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<AccountQuotas, ApiError> {
        let storage: i64 = model.instances.values().map(|it| i64::from(it.shown.allocated_storage)).sum();
        let quota = |name: &str, used: i64, max: i64| AccountQuota { account_quota_name: name.to_owned(), used, max };
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(AccountQuotas(vec![
            quota("DBInstances", count(model.instances.len()), count(model.settings.max_instances)),
            quota("ManualSnapshots", count(model.manual_snapshots()), count(model.settings.max_manual_snapshots)),
            quota("AllocatedStorage", storage, 100_000),
        ]))
    }
}

/// An instance as it truly is, for those who stand behind the stage.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceView {
    /// What Describe shows.
    pub instance: DbInstance,
    /// The status that is true; what Describe shows may lag.
    pub true_status: String,
    /// `up`, `hung` or `down`.
    pub server: &'static str,
    /// Whether everybody's new connections are let in.
    pub port_open: bool,
}

impl Model {
    /// Every instance as it truly is. No call to the API: it meets no fault.
    pub fn instances(&self, now: DateTime<Utc>) -> Vec<InstanceView> {
        let view = |(id, it): (&String, &Instance)| {
            let latest = self.restore_window(id, now).and_then(|window| window.latest_time);
            InstanceView {
                instance: DbInstance { latest_restorable_time: latest, ..it.shown.clone() },
                true_status: it.status.clone(),
                server: match it.server {
                    Server::Up => "up",
                    Server::Hung => "hung",
                    Server::Down => "down",
                },
                port_open: it.door == Door::Open,
            }
        };
        self.instances.iter().map(view).collect()
    }

    fn automated_backup(&self, id: &str, backup: &Backup, now: DateTime<Utc>) -> DbInstanceAutomatedBackup {
        let source = self.instances.get(id).map_or(&backup.source, |it| &it.shown);
        let name = id.strip_prefix("db-").unwrap_or(id).to_lowercase();
        let status = match (backup.retained, backup.earliest) {
            (true, _) => "retained",
            (false, Some(_)) => "active",
            (false, None) => "creating",
        };
        DbInstanceAutomatedBackup {
            db_instance_arn: source.db_instance_arn.clone(),
            db_instance_automated_backups_arn: self.arn("auto-backup", &format!("ab-{name}")),
            dbi_resource_id: id.to_owned(),
            db_instance_identifier: source.db_instance_identifier.clone(),
            region: self.settings.region.clone(),
            status: status.to_owned(),
            restore_window: self.restore_window(id, now),
            backup_retention_period: source.backup_retention_period,
            preferred_backup_window: source.preferred_backup_window.clone(),
            instance_create_time: source.instance_create_time,
            master_username: source.master_username.clone(),
            engine: source.engine.clone(),
            engine_version: source.engine_version.clone(),
            license_model: source.license_model.clone(),
            port: source.endpoint.as_ref().map_or(source.db_instance_port, |endpoint| i32::from(endpoint.port)),
            availability_zone: source.availability_zone.clone(),
            vpc_id: source.db_subnet_group.vpc_id.clone(),
            option_group_name: source.option_group_memberships.first().map(|group| group.option_group_name.clone()).unwrap_or_default(),
            allocated_storage: source.allocated_storage,
            storage_type: source.storage_type.clone(),
            iops: source.iops,
            storage_throughput: source.storage_throughput,
            encrypted: source.storage_encrypted,
            kms_key_id: source.kms_key_id.clone(),
            iam_database_authentication_enabled: source.iam_database_authentication_enabled,
            dedicated_log_volume: source.dedicated_log_volume,
            tag_list: source.tag_list.clone(),
        }
    }
}

impl Filter {
    pub(crate) fn has(&self, value: &str) -> bool {
        self.values.iter().any(|wanted| {
            let name = names::parse_arn(wanted).map_or(wanted.as_str(), |(_, name)| name);
            name.eq_ignore_ascii_case(value) || wanted.eq_ignore_ascii_case(value)
        })
    }
}

pub(crate) fn check_filters(filters: &[Filter], known: &[&str]) -> Result<(), ApiError> {
    match filters.iter().find(|filter| !known.contains(&filter.name.as_str())) {
        Some(filter) => Err(ApiError::value(format!("Unrecognized filter name: {}", filter.name))),
        None => Ok(()),
    }
}

impl Page {
    /// One page of a sorted list, and the marker of the next.
    pub(crate) fn cut<T>(&self, sorted: Vec<T>, name: impl Fn(&T) -> &String) -> Result<(Vec<T>, Option<String>), ApiError> {
        let size = self.max_records.unwrap_or(100);
        if !(20..=100).contains(&size) {
            return Err(ApiError::value(format!("Invalid value {size} for MaxRecords. Must be between 20 and 100")));
        }
        let size = usize::try_from(size).unwrap_or(100);
        let mut rest = sorted.into_iter().filter(|it| self.marker.as_ref().is_none_or(|marker| name(it) > marker));
        let page: Vec<T> = rest.by_ref().take(size).collect();
        let marker = rest.next().and_then(|_| page.last().map(|last| name(last).clone()));
        Ok((page, marker))
    }
}
