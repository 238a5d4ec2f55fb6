//! The ports of the control plane and of the items, for DynamoDB tables.

use super::{Cloud, mapping};
use crate::model::{CallError as ApiFailure, Restore, Table, TableCall, Tables};
use chrono::{DateTime, SubsecRound, Utc};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::items::{Item, ItemsRule, ReadItems, WriteTry};
use lifeboat_domain::observed::{
    Configuration, FENCED, ObservedDatabase, ObservedSnapshot, RestoreWindow, SnapshotStatus, TableConfiguration, status_of_table,
    table_door, table_endpoint, tags,
};
use lifeboat_domain::plan::TableSetting;
use lifeboat_domain::ports::{Answer, SetTables};
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, CallError, DrError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DESCRIBE: &str = "DescribeTable";

pub(super) fn is_table(id: &DatabaseId) -> bool {
    id.kind() == ResourceKind::DynamodbTable
}

fn parsed<T>(made: Result<T, DrError>) -> Answer<T> {
    made.map_err(|error| CallError::new(CallClass::Invalid, "dynamodb:DescribeTable", "unreadable", error.to_string()))
}

fn named(name: &str) -> Answer<DatabaseId> {
    parsed(DatabaseId::new(ResourceKind::DynamodbTable, name))
}

pub(super) fn named_arn(arn: &str) -> Answer<Arn> {
    parsed(Arn::parse(arn))
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}")
}

/// A table as the calls of `shared/aws` would show it together.
fn observed(table: &Table, now: DateTime<Utc>) -> Answer<ObservedDatabase> {
    let id = named(&table.name)?;
    let is_made = now < table.created_at;
    let groups = table_door(table.denies_writes);
    let status = status_of_table(table.status(now).unwrap_or("DELETING"), is_made, &[]);
    Ok(ObservedDatabase {
        arn: parsed(Arn::parse(arn(&table.name)))?,
        resource_id: table.id.clone(),
        status: DatabaseStatus::new(status),
        endpoint: Some(table_endpoint(&id)),
        id,
        zone: None,
        secondary_zone: None,
        latest_restorable: table.window(now).map(|(_, latest)| latest),
        created_at: Some(table.created_at),
        configuration: Configuration {
            security_groups: groups.iter().map(|group| group.id.clone()).collect(),
            ..table.configuration.clone()
        },
        groups,
        parameter_status: None,
        pending: Vec::new(),
        global: None,
        replica_of: None,
        replication: None,
        replicas: Vec::new(),
        cluster: None,
        members: Vec::new(),
        tags: table.tags.clone(),
    })
}

impl Cloud {
    /// A call to DynamoDB; of its failure is said what the adapter would say.
    pub(super) fn dynamodb<T>(
        &self,
        action: &'static str,
        resource: &str,
        parameters: Option<Value>,
        run: impl FnOnce(&mut Tables, DateTime<Utc>) -> Result<T, crate::model::ApiError>,
    ) -> Answer<T> {
        let mut world = self.touch();
        let now = world.rds.now();
        let call = TableCall { action, resource, mutates: parameters.is_some() };
        let answer = world.rds.model.table_call(call, parameters.unwrap_or_default(), now, |tables| run(tables, now));
        answer.map_err(|failure| table_error(&format!("dynamodb:{action}"), &failure))
    }

    pub(super) fn table(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        let found =
            self.dynamodb(DESCRIBE, id.as_str(), None, |tables, now| tables.existing(id.as_str()).map(|table| (table.clone(), now)));
        match found {
            Ok((table, now)) => observed(&table, now).map(Some),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Those that carry `lifeboat:policy`, as the tagging API lists them, each described.
    pub(super) fn protected_tables(&self) -> Answer<Vec<ObservedDatabase>> {
        let shown = self.dynamodb("GetResources", "", None, |tables, now| {
            let protected = tables.all().filter(|table| table.tags.contains_key(tags::POLICY));
            Ok((protected.cloned().collect::<Vec<Table>>(), now))
        })?;
        shown.0.iter().map(|table| observed(table, shown.1)).collect()
    }

    /// Those that recoveries kept, as the tagging API lists them, each of one GiB.
    pub(super) fn kept_tables(&self) -> Answer<Vec<ObservedDatabase>> {
        let shown = self.dynamodb("GetResources", "", None, |tables, now| {
            let is_kept = |table: &&Table| table.tags.contains_key(tags::RETIRED) || table.tags.contains_key(tags::INCIDENT);
            let kept = tables.all().filter(|table| is_kept(table) && !table.tags.contains_key(tags::POLICY));
            Ok((kept.cloned().collect::<Vec<Table>>(), now))
        })?;
        let sized = |table: ObservedDatabase| {
            let configuration = Configuration { allocated_storage: Some(1), ..table.configuration };
            ObservedDatabase { configuration, ..table }
        };
        shown.0.iter().map(|table| observed(table, shown.1).map(sized)).collect()
    }

    pub(super) fn table_window(&self, id: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        let found = self.dynamodb("DescribeContinuousBackups", id.as_str(), None, |tables, now| {
            let table = tables.existing(id.as_str())?;
            Ok((table.id.clone(), table.window(now)))
        });
        match found {
            Ok((id, window)) if id == resource_id => Ok(window.map(|(earliest, latest)| RestoreWindow { earliest, latest })),
            Ok(_) => Ok(None),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Backups of one table, or of all; the system's own only where one table is asked for.
    pub(super) fn table_backups(&self, of: Option<&DatabaseId>) -> Answer<Vec<ObservedSnapshot>> {
        let resource = of.map(DatabaseId::as_str).unwrap_or_default();
        let found = self.dynamodb("ListBackups", resource, None, |tables, now| {
            let wanted = |it: &&&crate::model::TableBackup| of.map_or(it.kind == "USER", |of| it.table == of.as_str());
            let all = tables.backups();
            Ok(all.iter().filter(wanted).map(|it| ((*it).clone(), it.status(now))).collect::<Vec<_>>())
        })?;
        let show = |(backup, status): (crate::model::TableBackup, &str)| {
            Ok(ObservedSnapshot {
                shards: None,
                id: parsed(SnapshotId::parse(backup.name.clone()).or_else(|_| SnapshotId::parse(backup.arn.clone())))?,
                arn: parsed(Arn::parse(backup.arn))?,
                instance: named(&backup.table)?,
                resource_id: Some(backup.table_id),
                status: SnapshotStatus::parse(status),
                percent: None,
                created_at: Some(backup.created_at),
                data_time: None,
                kind: backup.kind.to_ascii_lowercase(),
                tags: BTreeMap::new(),
            })
        };
        found.into_iter().map(show).collect()
    }

    pub(super) fn create_table_backup(&self, table: &DatabaseId, name: &SnapshotId) -> Answer<()> {
        let sent = json!({"TableName": table.as_str(), "BackupName": name.as_str()});
        self.dynamodb("CreateBackup", table.as_str(), Some(sent), |tables, now| tables.create_backup(table.as_str(), name.as_str(), now))
    }

    pub(super) fn restore_table_from_backup(&self, backup: &SnapshotId, target: &DatabaseId) -> Answer<()> {
        let sent = json!({"TargetTableName": target.as_str(), "BackupArn": backup.as_str()});
        self.dynamodb("RestoreTableFromBackup", backup.as_str(), Some(sent), |tables, now| {
            tables.restore_from_backup(backup.as_str(), Restore { target: target.as_str(), now })
        })
    }

    pub(super) fn restore_table_to_point_in_time(&self, source: &str, at: Option<DateTime<Utc>>, target: &DatabaseId) -> Answer<()> {
        let at = at.map(|at| at.trunc_subsecs(0));
        let sent = json!({"TargetTableName": target.as_str(), "SourceTableArn": source, "RestoreDateTime": at});
        self.dynamodb("RestoreTableToPointInTime", source, Some(sent), |tables, now| {
            tables.restore_to_point_in_time(source, at, Restore { target: target.as_str(), now })
        })
    }

    /// The door of a table is a statement of its policy.
    pub(super) fn set_table_door(&self, table: &DatabaseId, groups: &[String]) -> Answer<()> {
        let denies = groups.iter().any(|group| group == FENCED);
        let sent = json!({"ResourceArn": arn(table.as_str()), "DeniesWrites": denies});
        self.dynamodb("PutResourcePolicy", table.as_str(), Some(sent), |tables, now| tables.deny_writes(table.as_str(), denies, now))
    }

    pub(super) fn tag_table(&self, table: &DatabaseId, add: &BTreeMap<String, String>, remove: &[String]) -> Answer<()> {
        let name = arn(table.as_str());
        let (action, sent) = if remove.is_empty() {
            ("TagResource", json!({"ResourceArn": name, "Tags": add}))
        } else {
            ("UntagResource", json!({"ResourceArn": name, "TagKeys": remove}))
        };
        self.dynamodb(action, table.as_str(), Some(sent), |tables, now| tables.tag(table.as_str(), add, remove, now))
    }

    fn read_table<T>(
        &self,
        action: &'static str,
        table: &DatabaseId,
        read: impl FnOnce(&TableConfiguration, BTreeMap<String, Value>) -> T,
    ) -> Answer<T> {
        self.dynamodb(action, table.as_str(), None, |tables, now| {
            let found = tables.existing(table.as_str())?;
            let own = found.configuration.table().cloned().unwrap_or_default();
            Ok(read(&own, found.items(now)))
        })
    }
}

/// The classes of `shared/aws/src/classify.rs`, for the codes of DynamoDB.
fn table_error(action: &str, failure: &ApiFailure) -> CallError {
    let class = match failure {
        ApiFailure::Refused(refusal) => match refusal.code.as_str() {
            "TableInUseException" | "BackupInUseException" | "ExportConflictException" => Some(CallClass::WrongState),
            "LimitExceededException" => Some(CallClass::Throttled),
            _ => None,
        },
        ApiFailure::NoReply(_) => None,
    };
    let error = mapping::call_error(action, failure);
    CallError { class: class.unwrap_or(error.class), ..error }
}

impl SetTables for Cloud {
    async fn set_table(&self, table: &DatabaseId, setting: &TableSetting) -> Answer<()> {
        let action = setting.action().rsplit(':').next().unwrap_or_default();
        let sent = json!({"TableName": table.as_str(), "Setting": setting});
        self.dynamodb(action, table.as_str(), Some(sent), |tables, now| tables.set(table.as_str(), setting, now))
    }
}

impl ReadItems for Cloud {
    async fn ask(&self, table: &DatabaseId) -> Answer<()> {
        self.dynamodb("GetItem", table.as_str(), None, |tables, now| {
            let found = tables.existing(table.as_str())?;
            match found.status(now) {
                Some("ACTIVE" | "UPDATING" | "REPLICATION_NOT_AUTHORIZED") => Ok(()),
                _ => Err(crate::model::ApiError::new("ResourceNotFoundException", "Requested resource not found")),
            }
        })
    }

    async fn try_to_write(&self, table: &DatabaseId) -> Answer<WriteTry> {
        let found =
            self.dynamodb("DeleteItem", table.as_str(), None, |tables, _| tables.existing(table.as_str()).map(|found| found.denies_writes));
        found.map(|denies| if denies { WriteTry::DeniedByPolicy } else { WriteTry::Accepted })
    }

    async fn sample(&self, table: &DatabaseId, rule: &ItemsRule, seed: u64) -> Answer<Vec<Item>> {
        let most = usize::try_from(rule.sample).unwrap_or(usize::MAX);
        self.read_table("Scan", table, |own, items| {
            let begin = usize::try_from(seed % (items.len().max(1) as u64)).unwrap_or_default();
            let round = items.values().skip(begin).chain(items.values().take(begin));
            round.take(most).map(|item| facts(own, item, rule)).collect()
        })
    }

    async fn items(&self, table: &DatabaseId, rule: &ItemsRule, keys: &[String]) -> Answer<Vec<Item>> {
        self.read_table("BatchGetItem", table, |own, items| {
            items.into_values().map(|item| facts(own, &item, rule)).filter(|item| keys.contains(&item.key)).collect()
        })
    }
}

fn facts(own: &TableConfiguration, item: &Value, rule: &ItemsRule) -> Item {
    let key: Vec<String> = own.key.iter().map(|part| part.name.clone()).collect();
    Item::of(item, &key, rule.written_at.as_deref())
}
