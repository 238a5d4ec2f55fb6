//! Backups of tables, and restores: always to a new table, which lacks most of its source's settings.

use super::{ApiError, MOST_RESTORES, RESTORING, Table, Tables, Version, no_table};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::observed::{Configuration, Own, TableConfiguration};
use serde_json::Value;
use std::collections::BTreeMap;

/// How long `CreateBackup` is CREATING.
const BACKING_UP: Duration = Duration::seconds(30);

/// A backup.
#[derive(Debug, Clone)]
pub struct TableBackup {
    /// `BackupArn`.
    pub arn: String,
    /// `BackupName`, which other backups may have, too.
    pub name: String,
    /// `TableName`.
    pub table: String,
    /// `TableId`.
    pub table_id: String,
    /// `BackupCreationDateTime`.
    pub created_at: DateTime<Utc>,
    /// `USER` or `SYSTEM`.
    pub kind: &'static str,
    configuration: Configuration,
    items: BTreeMap<String, Value>,
}

impl TableBackup {
    /// `BackupStatus`.
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        if self.kind == "SYSTEM" || now >= self.created_at + BACKING_UP { "AVAILABLE" } else { "CREATING" }
    }
}

/// What is restored, as what.
#[derive(Debug, Clone, Copy)]
pub struct Restore<'a> {
    /// The new table.
    pub target: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
}

fn arn(name: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}")
}

impl Tables {
    /// All backups, oldest first.
    pub fn backups(&self) -> Vec<&TableBackup> {
        let mut all: Vec<&TableBackup> = self.backups.values().collect();
        all.sort_by_key(|backup| backup.created_at);
        all
    }

    fn keep(&mut self, table: &Table, name: String, kind: &'static str, now: DateTime<Utc>) {
        self.made += 1;
        let arn = format!("{}/backup/0{}-{:08x}", arn(&table.name), now.timestamp_millis(), self.made);
        let backup = TableBackup {
            arn: arn.clone(),
            name,
            table: table.name.clone(),
            table_id: table.id.clone(),
            created_at: now,
            kind,
            configuration: table.configuration.clone(),
            items: table.items(now),
        };
        self.backups.insert(arn, backup);
    }

    /// `CreateBackup`: the same name again makes another backup.
    ///
    /// # Errors
    /// The table does not exist, or is not ACTIVE.
    pub fn create_backup(&mut self, table: &str, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let found = self.tables.get(table).cloned();
        let found = found.ok_or_else(|| ApiError::new("TableNotFoundException", format!("Table not found: {table}")))?;
        if found.status(now) != Some("ACTIVE") {
            return Err(ApiError::new("TableInUseException", format!("Table is in use: {table}")));
        }
        self.keep(&found, name.to_owned(), "USER", now);
        Ok(())
    }

    /// `DeleteTable`; of a table with point-in-time recovery a SYSTEM backup stays.
    ///
    /// # Errors
    /// It is protected, being changed, or not there.
    pub fn delete_table(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        let found = self.active(name, now)?;
        if found.configuration.deletion_protection {
            return Err(ApiError::new(
                "ValidationException",
                format!("Resource cannot be deleted as it is currently protected against deletion: {name}"),
            ));
        }
        found.deleted_at = Some(now);
        let gone = found.clone();
        if gone.window(now).is_some() {
            self.keep(&gone, format!("{name}$DeletedTableBackup"), "SYSTEM", now);
        }
        Ok(())
    }

    /// Somebody lifts the protection and deletes it.
    ///
    /// # Errors
    /// As [`Tables::delete_table`].
    pub fn delete_behind_back(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.existing(name)?.configuration.deletion_protection = false;
        self.delete_table(name, now)
    }

    /// `RestoreTableFromBackup`.
    ///
    /// # Errors
    /// The backup is not there or not usable, the target exists, too many restores go on.
    pub fn restore_from_backup(&mut self, backup: &str, to: Restore<'_>) -> Result<(), ApiError> {
        let found = self.backups.get(backup).cloned();
        let found = found.ok_or_else(|| ApiError::new("BackupNotFoundException", format!("Backup not found: {backup}")))?;
        if found.status(to.now) != "AVAILABLE" {
            return Err(ApiError::new("BackupInUseException", format!("Backup is in use: {backup}")));
        }
        self.make(to, &found.configuration, found.items, (arn(&found.table), found.created_at))
    }

    /// `RestoreTableToPointInTime` of the table with this ARN; no time is the latest restorable.
    ///
    /// # Errors
    /// There is no such table, no point-in-time recovery, no such moment, or the target exists.
    pub fn restore_to_point_in_time(&mut self, source: &str, at: Option<DateTime<Utc>>, to: Restore<'_>) -> Result<(), ApiError> {
        let name = source.rsplit('/').next().unwrap_or_default();
        let found = self.tables.get(name).filter(|table| table.deleted_at.is_none()).cloned();
        let found = found.ok_or_else(|| ApiError::new("TableNotFoundException", format!("Table not found: {name}")))?;
        let off = || {
            ApiError::new("PointInTimeRecoveryUnavailableException", format!("Point in time recovery is not enabled for table '{name}'"))
        };
        if found.configuration.table().is_none_or(|table| table.point_in_time_days.is_none()) {
            return Err(off());
        }
        let (earliest, latest) = found.window(to.now).ok_or_else(off)?;
        let at = at.unwrap_or(latest);
        if at < earliest || at > latest {
            return Err(ApiError::new(
                "InvalidRestoreTimeException",
                format!("RestoreDateTime {at} is not between {earliest} and {latest}"),
            ));
        }
        self.make(to, &found.configuration, found.items(at), (arn(name), at))
    }

    /// What comes back has the key, the capacity, the class and the indexes of its source, and nothing else (fact sheet 3.5).
    fn make(
        &mut self,
        to: Restore<'_>,
        source: &Configuration,
        items: BTreeMap<String, Value>,
        (from, at): (String, DateTime<Utc>),
    ) -> Result<(), ApiError> {
        let standing = self.tables.get(to.target).and_then(|table| table.status(to.now));
        if let Some("CREATING" | "DELETING") = standing {
            return Err(ApiError::new("TableInUseException", format!("Table is in use: {}", to.target)));
        }
        if standing.is_some() {
            return Err(ApiError::new("TableAlreadyExistsException", format!("Table already exists: {}", to.target)));
        }
        let under_way = self.tables.values().filter(|table| table.restored_from.is_some() && to.now < table.usable_at).count();
        if under_way >= MOST_RESTORES {
            return Err(ApiError::new("LimitExceededException", "Subscriber limit exceeded: 50 concurrent restores"));
        }
        self.made += 1;
        let had = source.table().cloned().unwrap_or_default();
        let own = TableConfiguration {
            key: had.key,
            capacity: had.capacity,
            table_class: had.table_class,
            indexes: had.indexes,
            ..TableConfiguration::default()
        };
        let configuration = Configuration { deletion_protection: false, own: Some(Own::Table(Box::new(own))), ..source.clone() };
        let usable_at = to.now + RESTORING;
        let past = items.into_iter().map(|(key, value)| Version { at: to.now, key, value: Some(value) }).collect();
        let table = Table {
            name: to.target.to_owned(),
            id: self.new_id(),
            created_at: to.now,
            configuration,
            tags: BTreeMap::new(),
            restored_from: Some(from),
            restored_to: Some(at),
            denies_writes: false,
            stuck: None,
            usable_at,
            updated_until: usable_at,
            deleted_at: None,
            recoverable_since: None,
            past,
        };
        self.tables.insert(to.target.to_owned(), table);
        Ok(())
    }

    /// Deletes a backup for good.
    ///
    /// # Errors
    /// It is not there.
    pub fn delete_backup(&mut self, backup: &str) -> Result<(), ApiError> {
        self.backups.remove(backup).map(|_| ()).ok_or_else(|| no_table(backup))
    }
}
