//! DynamoDB's tables: their control plane, and their items as `validate` looks into them.

mod door;
mod exports;
mod items;
mod observe;
mod salvage;
mod settings;
#[cfg(test)]
mod tests;

pub use items::TableItems;

use crate::classify::{call_error, invalid};
use crate::tagging::Tagging;
use crate::time::{date_time, timestamp};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    BackupSummary, BackupTypeFilter, ContinuousBackupsDescription, SseSpecification, SseType, TableDescription, Tag,
};
use lifeboat_domain::ids::{Arn, DatabaseId, SnapshotId};
use lifeboat_domain::observed::{FENCED, ObservedDatabase, ObservedSnapshot, RestoreWindow, SnapshotStatus, tags};
use lifeboat_domain::plan::RestoreSettings;
use lifeboat_domain::ports::Answer;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, DrError, Timestamp};
use std::collections::BTreeMap;

const DESCRIBE: &str = "dynamodb:DescribeTable";
const DESCRIBE_BACKUPS: &str = "dynamodb:DescribeContinuousBackups";
const LIST_BACKUPS: &str = "dynamodb:ListBackups";
/// How the tagging API spells a table.
const RESOURCE_TYPE: &str = "dynamodb:table";
/// Pages of backups that are read, at most: of a hundred each.
const MOST_PAGES: usize = 100;

/// The tables of one Region.
#[derive(Debug, Clone)]
pub struct Tables {
    client: Client,
    /// Sends each request once: a second backup of one name is another backup.
    at_most_once: Client,
    scaling: aws_sdk_applicationautoscaling::Client,
    tagging: Tagging,
}

fn parsed<T>(action: &str, made: Result<T, DrError>) -> Answer<T> {
    made.map_err(|error| invalid(action, "answer", error.to_string()))
}

impl Tables {
    /// DynamoDB as configured; `at_most_once` is the same configuration without retries.
    pub fn new(config: &SdkConfig, at_most_once: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            at_most_once: Client::new(at_most_once),
            scaling: aws_sdk_applicationautoscaling::Client::new(config),
            tagging: Tagging::new(config),
        }
    }

    async fn describe(&self, name: &str) -> Answer<Option<TableDescription>> {
        let output = self.client.describe_table().table_name(name).send().await;
        match output.map_err(|error| call_error(DESCRIBE, &error)) {
            Ok(output) => Ok(output.table),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// None of a table that is gone, or not made yet.
    async fn continuous_backups(&self, name: &str) -> Answer<Option<ContinuousBackupsDescription>> {
        let output = self.client.describe_continuous_backups().table_name(name).send().await;
        match output.map_err(|error| call_error(DESCRIBE_BACKUPS, &error)) {
            Ok(output) => Ok(output.continuous_backups_description),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One table with everything that a restore loses.
    pub(crate) async fn table(&self, id: &DatabaseId) -> Answer<Option<ObservedDatabase>> {
        let Some(shown) = self.describe(id.as_str()).await? else { return Ok(None) };
        let backups = self.continuous_backups(id.as_str()).await?;
        let arn = shown.table_arn.clone().unwrap_or_default();
        let tags = match self.tags(&arn).await {
            Ok(tags) => tags,
            // It was deleted between the two calls.
            Err(error) if error.class == CallClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut table = observe::table(&shown, backups.as_ref(), tags)?;
        if table.status.is_serving() {
            self.read_settings(&mut table).await?;
        }
        Ok(Some(table))
    }

    /// Those that carry `lifeboat:policy`: status, tags and point-in-time recovery of each. A list of all settings would take eight calls for
    /// each table at every sweep.
    pub(crate) async fn protected(&self) -> Answer<Vec<ObservedDatabase>> {
        let mut found = Vec::new();
        for arn in self.tagging.protected(RESOURCE_TYPE).await?.into_keys() {
            // The tagging API lags, and only names candidates: of a table that a recovery has just retired it still shows the policy, and
            // would give it the identity back.
            let Some(shown) = self.describe(arn.name()).await? else { continue };
            let tags = match self.tags(arn.as_str()).await {
                Ok(tags) => tags,
                Err(error) if error.class == CallClass::NotFound => continue,
                Err(error) => return Err(error),
            };
            let backups = self.continuous_backups(arn.name()).await?;
            match observe::table(&shown, backups.as_ref(), tags) {
                Ok(table) => found.push(table),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Those that a recovery moved clients from, or made and nobody uses, each with its size.
    pub(crate) async fn kept(&self) -> Answer<Vec<ObservedDatabase>> {
        let mut arns = self.tagging.carrying(RESOURCE_TYPE, tags::RETIRED).await?;
        arns.extend(self.tagging.carrying(RESOURCE_TYPE, tags::INCIDENT).await?);
        let mut found = Vec::new();
        for arn in arns.into_keys() {
            let Some(shown) = self.describe(arn.name()).await? else { continue };
            let tags = match self.tags(arn.as_str()).await {
                Ok(tags) => tags,
                Err(error) if error.class == CallClass::NotFound => continue,
                Err(error) => return Err(error),
            };
            // The tagging API lags: what clients use has its policy by now.
            let is_kept = tags.contains_key(tags::RETIRED) || tags.contains_key(tags::INCIDENT);
            if !is_kept || tags.contains_key(tags::POLICY) {
                continue;
            }
            let mut table = observe::table(&shown, None, tags)?;
            let gib = shown.table_size_bytes.and_then(|bytes| u64::try_from(bytes).ok()).map(|bytes| bytes.div_ceil(1 << 30));
            table.configuration.allocated_storage = gib.and_then(|gib| i32::try_from(gib).ok());
            found.push(table);
        }
        Ok(found)
    }

    pub(crate) async fn window(&self, id: &DatabaseId, resource_id: &str) -> Answer<Option<RestoreWindow>> {
        // Of another table under the same name nothing is restored.
        if self.describe(id.as_str()).await?.is_none_or(|shown| shown.table_id.as_deref() != Some(resource_id)) {
            return Ok(None);
        }
        Ok(self.continuous_backups(id.as_str()).await?.as_ref().and_then(observe::window))
    }

    /// Backups of one table, the system's own among them, or all that somebody made.
    pub(crate) async fn backups(&self, of: Option<&DatabaseId>) -> Answer<Vec<ObservedSnapshot>> {
        let kind = if of.is_some() { BackupTypeFilter::All } else { BackupTypeFilter::User };
        let (mut found, mut from) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let request = self.client.list_backups().set_table_name(of.map(|of| of.as_str().to_owned())).backup_type(kind.clone());
            let output = request.set_exclusive_start_backup_arn(from).send().await;
            let output = output.map_err(|error| call_error(LIST_BACKUPS, &error))?;
            for summary in output.backup_summaries() {
                found.extend(backup(summary)?);
            }
            from = output.last_evaluated_backup_arn;
            if from.is_none() {
                return Ok(found);
            }
        }
        Err(invalid(LIST_BACKUPS, "LastEvaluatedBackupArn", "the list of backups does not end"))
    }

    pub(crate) async fn create_backup(&self, table: &DatabaseId, name: &SnapshotId) -> Answer<()> {
        let output = self.at_most_once.create_backup().table_name(table.as_str()).backup_name(name.as_str()).send().await;
        output.map(|_| ()).map_err(|error| call_error("dynamodb:CreateBackup", &error))
    }

    pub(crate) async fn restore_from_backup(&self, backup: &SnapshotId, target: &DatabaseId, told: &RestoreSettings) -> Answer<()> {
        let request = self.client.restore_table_from_backup().backup_arn(backup.as_str()).target_table_name(target.as_str());
        let output = request.set_sse_specification_override(encryption(told)).send().await;
        output.map(|_| ()).map_err(|error| call_error("dynamodb:RestoreTableFromBackup", &error))
    }

    /// `source` is the table's ARN; no time is the latest restorable.
    pub(crate) async fn restore_to_point_in_time(
        &self,
        source: &str,
        at: Option<Timestamp>,
        target: &DatabaseId,
        told: &RestoreSettings,
    ) -> Answer<()> {
        let request = self.client.restore_table_to_point_in_time().source_table_arn(source).target_table_name(target.as_str());
        let request = match at {
            Some(at) => request.restore_date_time(date_time(at)),
            None => request.use_latest_restorable_time(true),
        };
        let output = request.set_sse_specification_override(encryption(told)).send().await;
        output.map(|_| ()).map_err(|error| call_error("dynamodb:RestoreTableToPointInTime", &error))
    }

    pub(crate) async fn set_door(&self, table: &DatabaseId, groups: &[String]) -> Answer<()> {
        let Some(shown) = self.describe(table.as_str()).await? else {
            return Err(lifeboat_domain::CallError::new(
                CallClass::NotFound,
                door::PUT,
                "ResourceNotFoundException",
                format!("{table} does not exist"),
            ));
        };
        let denies = groups.iter().any(|group| group == FENCED);
        self.deny_writes(&shown.table_arn.unwrap_or_default(), denies).await
    }

    pub(crate) async fn add_tags(&self, arn: &Arn, tags: &BTreeMap<String, String>) -> Answer<()> {
        let mut list = Vec::new();
        for (key, value) in tags {
            let tag = Tag::builder().key(key).value(value).build();
            list.push(tag.map_err(|error| invalid("dynamodb:TagResource", "Tags", error.to_string()))?);
        }
        let output = self.client.tag_resource().resource_arn(arn.as_str()).set_tags(Some(list)).send().await;
        output.map(|_| ()).map_err(|error| call_error("dynamodb:TagResource", &error))
    }

    pub(crate) async fn remove_tags(&self, arn: &Arn, keys: &[String]) -> Answer<()> {
        let output = self.client.untag_resource().resource_arn(arn.as_str()).set_tag_keys(Some(keys.to_vec())).send().await;
        output.map(|_| ()).map_err(|error| call_error("dynamodb:UntagResource", &error))
    }

    async fn tags(&self, arn: &str) -> Answer<BTreeMap<String, String>> {
        let action = "dynamodb:ListTagsOfResource";
        let (mut tags, mut from) = (BTreeMap::new(), None);
        for _ in 0..MOST_PAGES {
            let output = self.client.list_tags_of_resource().resource_arn(arn).set_next_token(from).send().await;
            let output = output.map_err(|error| call_error(action, &error))?;
            tags.extend(output.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
            from = output.next_token;
            if from.is_none() {
                return Ok(tags);
            }
        }
        Err(invalid(action, "NextToken", "the list of tags does not end"))
    }
}

/// A key of the customer's own is named again: without it a table comes back under one of AWS's.
fn encryption(told: &RestoreSettings) -> Option<SseSpecification> {
    let key = told.configuration.kms_key.as_ref()?;
    Some(SseSpecification::builder().enabled(true).sse_type(SseType::Kms).kms_master_key_id(key).build())
}

/// A backup; none if it is of something that has no name here.
fn backup(shown: &BackupSummary) -> Answer<Option<ObservedSnapshot>> {
    let have =
        |value: &Option<String>, field: &str| value.clone().ok_or_else(|| invalid(LIST_BACKUPS, field, format!("{field} is missing")));
    let (arn, name) = (have(&shown.backup_arn, "BackupArn")?, have(&shown.backup_name, "BackupName")?);
    let Ok(instance) = DatabaseId::new(ResourceKind::DynamodbTable, have(&shown.table_name, "TableName")?) else { return Ok(None) };
    let id = SnapshotId::parse(name).or_else(|_| SnapshotId::parse(arn.clone()));
    Ok(Some(ObservedSnapshot {
        shards: None,
        id: parsed(LIST_BACKUPS, id)?,
        arn: parsed(LIST_BACKUPS, Arn::parse(arn))?,
        instance,
        resource_id: shown.table_id.clone(),
        status: SnapshotStatus::parse(shown.backup_status.as_ref().map_or("", |status| status.as_str())),
        percent: None,
        created_at: shown.backup_creation_date_time.as_ref().and_then(timestamp),
        data_time: None,
        kind: shown.backup_type.as_ref().map_or("user", |kind| kind.as_str()).to_ascii_lowercase(),
        tags: BTreeMap::new(),
    }))
}
