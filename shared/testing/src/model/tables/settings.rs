//! Changing a table's settings: what each call wants, and what it refuses.

use super::{ApiError, Table, Tables, UPDATING};
use chrono::{DateTime, Utc};
use lifeboat_domain::plan::TableSetting;
use std::collections::BTreeMap;

fn validation(text: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", text)
}

impl Tables {
    /// Makes one setting.
    ///
    /// # Errors
    /// The table is being made or changed, or has that setting already where AWS complains of it.
    pub fn set(&mut self, name: &str, setting: &TableSetting, now: DateTime<Utc>) -> Result<(), ApiError> {
        // Its call knows no ResourceInUseException.
        if matches!(setting, TableSetting::PointInTime { .. }) && matches!(self.existing(name)?.status(now), Some("CREATING" | "DELETING"))
        {
            let text = format!("Backups are being enabled for the table: {name}. Please retry later");
            return Err(ApiError::new("ContinuousBackupsUnavailableException", text));
        }
        let table = if setting.updates_the_table() { self.active(name, now)? } else { self.made_already(name, now)? };
        let own = table.own();
        match setting {
            TableSetting::PointInTime { days } => {
                own.point_in_time_days = Some(*days);
                table.recoverable_since.get_or_insert(now);
            }
            TableSetting::TimeToLive { attribute } if own.ttl.as_ref() == Some(attribute) => {
                return Err(validation("TimeToLive is already enabled"));
            }
            TableSetting::TimeToLive { attribute } => own.ttl = Some(attribute.clone()),
            TableSetting::Stream { .. } if own.stream.is_some() => {
                return Err(validation(format!("Table already has an enabled stream: {name}")));
            }
            TableSetting::Stream { view } => own.stream = Some(view.clone()),
            TableSetting::TableClass { class } => own.table_class = Some(class.clone()),
            TableSetting::Kinesis { stream } if own.kinesis.contains(stream) => {
                return Err(ApiError::new("ResourceInUseException", "Table is already enabled with this stream"));
            }
            TableSetting::Kinesis { stream } => own.kinesis.push(stream.clone()),
            TableSetting::Insights { index } => own.insights.push(index.clone()),
            TableSetting::Autoscaling { target } => {
                own.autoscaling.retain(|it| (it.resource(""), it.dimension()) != (target.resource(""), target.dimension()));
                own.autoscaling.push(target.clone());
                own.autoscaling.sort();
            }
            TableSetting::Policy { document } => own.policy = Some(document.clone()),
            TableSetting::DeletionProtection => table.configuration.deletion_protection = true,
        }
        if setting.updates_the_table() {
            table.updated_until = now + UPDATING;
        }
        Ok(())
    }

    /// A table that has been made, whatever is being changed of it.
    fn made_already(&mut self, name: &str, now: DateTime<Utc>) -> Result<&mut Table, ApiError> {
        let table = self.existing(name)?;
        match table.status(now) {
            Some("ACTIVE" | "UPDATING") => Ok(table),
            status => Err(super::in_use(name, status.unwrap_or("gone"))),
        }
    }

    /// Adds Lifeboat's denial of writes to the policy, or takes it away.
    ///
    /// # Errors
    /// The table is not there, or not made yet.
    pub fn deny_writes(&mut self, name: &str, denies: bool, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.made_already(name, now)?.denies_writes = denies;
        Ok(())
    }

    /// Adds and removes tags.
    ///
    /// # Errors
    /// The table is not there, or not made yet.
    pub fn tag(&mut self, name: &str, add: &BTreeMap<String, String>, remove: &[String], now: DateTime<Utc>) -> Result<(), ApiError> {
        let table = self.made_already(name, now)?;
        table.tags.extend(add.clone());
        table.tags.retain(|key, _| !remove.contains(key));
        Ok(())
    }

    /// Somebody switches point-in-time recovery off: the window is lost for good.
    ///
    /// # Errors
    /// The table is not there.
    pub fn switch_recovery_off(&mut self, name: &str) -> Result<(), ApiError> {
        let table = self.existing(name)?;
        table.own().point_in_time_days = None;
        table.recoverable_since = None;
        Ok(())
    }
}
