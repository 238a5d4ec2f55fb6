//! DynamoDB's tables: what a restore loses, what each call wants, and the items with their past.
//!
//! Statuses follow from times: nothing has to be carried out by a host, as the items live here.

mod backups;
mod calls;
mod exports;
mod put;
mod replicas;
#[cfg(test)]
mod rules;
mod settings;
#[cfg(test)]
mod tests;

use super::{ApiError, CallError, FaultKind, Model, Outcome, Silence, log, refused};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::observed::{Configuration, Own, TableConfiguration};
use serde_json::Value;
use std::collections::BTreeMap;

pub use backups::{Restore, TableBackup};
pub use calls::trail_event;
pub use exports::{ExportRequest, Exporting, TableExport};

/// What point-in-time recovery cannot reach yet.
pub const RESTORABLE_LAG: Duration = Duration::minutes(5);
/// How long a restore, an update and a deletion last.
const RESTORING: Duration = Duration::minutes(3);
const UPDATING: Duration = Duration::seconds(20);
const DELETING: Duration = Duration::seconds(20);
/// `50 concurrent restores` of an account.
const MOST_RESTORES: usize = 50;

/// One version of one item: what it holds since then; nothing where it was deleted.
#[derive(Debug, Clone)]
struct Version {
    at: DateTime<Utc>,
    key: String,
    value: Option<Value>,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// `TableName`.
    pub name: String,
    /// `TableId`.
    pub id: String,
    /// `CreationDateTime`.
    pub created_at: DateTime<Utc>,
    /// Its settings; those of point-in-time recovery, TTL, stream and policy among them.
    pub configuration: Configuration,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// `RestoreSummary`: what it was restored from.
    pub restored_from: Option<String>,
    /// `RestoreDateTime`: the moment that it was restored to.
    pub restored_to: Option<DateTime<Utc>>,
    /// Whether its policy holds Lifeboat's denial of writes.
    pub denies_writes: bool,
    /// A status that somebody has set on it (a lost key).
    pub stuck: Option<&'static str>,
    usable_at: DateTime<Utc>,
    updated_until: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    recoverable_since: Option<DateTime<Utc>>,
    past: Vec<Version>,
}

impl Table {
    /// `TableStatus`; none once it is gone.
    pub fn status(&self, now: DateTime<Utc>) -> Option<&'static str> {
        match self.deleted_at {
            Some(deleted) if now >= deleted + DELETING => return None,
            Some(_) => return Some("DELETING"),
            None => {}
        }
        Some(match self.stuck {
            Some(stuck) => stuck,
            None if now < self.usable_at => "CREATING",
            None if now < self.updated_until => "UPDATING",
            None => "ACTIVE",
        })
    }

    /// The items at a moment, by key.
    pub fn items(&self, at: DateTime<Utc>) -> BTreeMap<String, Value> {
        let mut items = BTreeMap::new();
        for version in self.past.iter().filter(|version| version.at <= at) {
            match &version.value {
                Some(value) => items.insert(version.key.clone(), value.clone()),
                None => items.remove(&version.key),
            };
        }
        items
    }

    fn own(&mut self) -> &mut TableConfiguration {
        match &mut self.configuration.own {
            Some(Own::Table(table)) => table,
            _ => unreachable!("a table is made with its own configuration"),
        }
    }

    /// `EarliestRestorableDateTime` and `LatestRestorableDateTime`.
    pub fn window(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let days = self.configuration.table()?.point_in_time_days?;
        let since = self.recoverable_since?.max(now - Duration::days(i64::from(days)));
        (now - RESTORABLE_LAG >= since).then_some((since, now - RESTORABLE_LAG))
    }
}

/// All tables of the account, with their backups.
#[derive(Debug, Default)]
pub struct Tables {
    /// By name.
    tables: BTreeMap<String, Table>,
    /// By ARN.
    backups: BTreeMap<String, TableBackup>,
    /// By ARN.
    exports: BTreeMap<String, TableExport>,
    /// How the next exports will go.
    pub exporting: Exporting,
    made: u64,
}

/// A call to DynamoDB, as it is logged.
#[derive(Debug, Clone, Copy)]
pub struct TableCall<'a> {
    /// AWS's name of it, such as `RestoreTableToPointInTime`.
    pub action: &'static str,
    /// The table or backup that it names.
    pub resource: &'a str,
    /// Whether it changes anything; such calls are logged.
    pub mutates: bool,
}

impl Model {
    /// Makes a call to DynamoDB, with faults and the log as on AWS.
    ///
    /// # Errors
    /// AWS's refusal, or no answer at all.
    pub fn table_call<T>(
        &mut self,
        call: TableCall<'_>,
        parameters: Value,
        now: DateTime<Utc>,
        run: impl FnOnce(&mut Tables) -> Result<T, ApiError>,
    ) -> Result<T, CallError> {
        self.tick(now);
        self.tables.forget_deleted(now);
        let (result, outcome) = match self.faults.strike(call.action, call.resource) {
            Some(FaultKind::TimeoutBefore) => (Err(CallError::NoReply(Silence::TimedOut)), Outcome::NeverArrived),
            Some(FaultKind::ReplyLost) => match run(&mut self.tables) {
                Ok(_) => (Err(CallError::NoReply(Silence::ConnectionReset)), Outcome::ReplyLost),
                Err(refusal) => (Err(CallError::NoReply(Silence::ConnectionReset)), Outcome::Refused { code: refusal.code }),
            },
            Some(FaultKind::Throttle) => refused(ApiError::throttled()),
            Some(FaultKind::ServiceError) => refused(ApiError::internal()),
            Some(FaultKind::Refused { code, message }) => refused(ApiError::new(&code, message)),
            None => match run(&mut self.tables) {
                Ok(output) => (Ok(output), Outcome::Applied),
                Err(refusal) => refused(refusal),
            },
        };
        if call.mutates {
            let parameters = log::without_nulls(parameters);
            self.log.push(super::CallRecord { number: self.log.len() + 1, action: call.action, parameters, at: now, outcome });
        }
        result
    }
}

pub(super) fn no_table(name: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", format!("Requested resource not found: Table: {name} not found"))
}

fn in_use(name: &str, status: &str) -> ApiError {
    ApiError::new("ResourceInUseException", format!("Attempt to change a resource which is still in use: Table: {name} is {status}"))
}

impl Tables {
    /// Makes a table that is usable at once, as somebody made it long ago.
    pub fn put_table(&mut self, name: &str, now: DateTime<Utc>, own: TableConfiguration, tags: &[(&str, &str)]) {
        self.made += 1;
        let days = own.point_in_time_days;
        let configuration = Configuration {
            engine: "dynamodb".to_owned(),
            deletion_protection: true,
            own: Some(Own::Table(Box::new(own))),
            ..Configuration::default()
        };
        let table = Table {
            name: name.to_owned(),
            id: self.new_id(),
            created_at: now,
            configuration,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            restored_from: None,
            restored_to: None,
            denies_writes: false,
            stuck: None,
            usable_at: now,
            updated_until: now,
            deleted_at: None,
            recoverable_since: days.map(|_| now),
            past: Vec::new(),
        };
        self.tables.insert(name.to_owned(), table);
    }

    fn new_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.made)
    }

    /// Looks at a table.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// All tables.
    pub fn all(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// A table that exists.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn existing(&mut self, name: &str) -> Result<&mut Table, ApiError> {
        self.tables.get_mut(name).ok_or_else(|| no_table(name))
    }

    /// A table that accepts changes.
    fn active(&mut self, name: &str, now: DateTime<Utc>) -> Result<&mut Table, ApiError> {
        let table = self.existing(name)?;
        match table.status(now) {
            Some("ACTIVE") => Ok(table),
            status => Err(in_use(name, status.unwrap_or("gone"))),
        }
    }

    /// Forgets what is deleted by then.
    pub fn forget_gone(&mut self, now: DateTime<Utc>) {
        self.forget_deleted(now);
    }

    pub(super) fn forget_deleted(&mut self, now: DateTime<Utc>) {
        self.tables.retain(|_, table| table.status(now).is_some());
    }

    /// Somebody changes an item, or deletes it.
    ///
    /// # Errors
    /// As DynamoDB refuses a write.
    pub fn write(&mut self, name: &str, key: &str, value: Option<Value>, now: DateTime<Utc>) -> Result<(), ApiError> {
        let table = self.existing(name)?;
        if table.denies_writes {
            let text = format!(
                "User: arn:aws:sts::123456789012:assumed-role/client is not authorized to perform: dynamodb:PutItem on resource: {name} with an explicit deny in a resource-based policy"
            );
            return Err(ApiError::new("AccessDeniedException", text));
        }
        match table.status(now) {
            Some("ACTIVE" | "UPDATING" | "REPLICATION_NOT_AUTHORIZED") => {}
            Some("INACCESSIBLE_ENCRYPTION_CREDENTIALS") => {
                return Err(ApiError::new("ValidationException", "Cannot do operations on a table whose key is inaccessible"));
            }
            _ => return Err(no_table(name)),
        }
        table.past.push(Version { at: now, key: key.to_owned(), value });
        Ok(())
    }
}
