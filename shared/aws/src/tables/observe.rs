//! From DynamoDB's answers to the domain's types.

use super::{DESCRIBE, parsed};
use crate::classify::invalid;
use crate::time::timestamp;
use aws_sdk_dynamodb::types::{
    BillingMode, ContinuousBackupsDescription, KeyType, MultiRegionConsistency, PointInTimeRecoveryStatus, ReplicaDescription,
    TableDescription,
};
use lifeboat_domain::global_table::{GlobalTable, TableReplica};
use lifeboat_domain::ids::{Arn, DatabaseId};
use lifeboat_domain::observed::{
    Configuration, KeyAttribute, ObservedDatabase, Own, RestoreWindow, TableConfiguration, UNFENCED, status_of_table, table_door,
    table_endpoint,
};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::status::DatabaseStatus;
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

/// What point-in-time recovery can reach; none where it is off, or has nothing yet.
pub(super) fn window(shown: &ContinuousBackupsDescription) -> Option<RestoreWindow> {
    let shown = shown.point_in_time_recovery_description.as_ref()?;
    let earliest = shown.earliest_restorable_date_time.as_ref().and_then(timestamp)?;
    Some(RestoreWindow { earliest, latest: shown.latest_restorable_date_time.as_ref().and_then(timestamp)? })
}

/// `RecoveryPeriodInDays`; 35 where DynamoDB does not say it.
fn recovery_days(shown: &ContinuousBackupsDescription) -> Option<i32> {
    let shown = shown.point_in_time_recovery_description.as_ref()?;
    let is_on = shown.point_in_time_recovery_status == Some(PointInTimeRecoveryStatus::Enabled);
    is_on.then(|| shown.recovery_period_in_days.unwrap_or(35))
}

/// A table as DescribeTable and DescribeContinuousBackups showed it, without the settings that other calls tell.
pub(super) fn table(
    shown: &TableDescription,
    backups: Option<&ContinuousBackupsDescription>,
    tags: BTreeMap<String, String>,
) -> Answer<ObservedDatabase> {
    let have = |value: &Option<String>, field: &str| value.clone().ok_or_else(|| invalid(DESCRIBE, field, format!("{field} is missing")));
    let id = parsed(DESCRIBE, DatabaseId::new(ResourceKind::DynamodbTable, have(&shown.table_name, "TableName")?))?;
    let indexes: Vec<&str> = shown.global_secondary_indexes().iter().filter_map(|index| Some(index.index_status()?.as_str())).collect();
    let restoring = shown.restore_summary.as_ref().is_some_and(|summary| summary.restore_in_progress);
    let status = status_of_table(shown.table_status.as_ref().map_or("", |status| status.as_str()), restoring, &indexes);
    Ok(ObservedDatabase {
        arn: parsed(DESCRIBE, Arn::parse(have(&shown.table_arn, "TableArn")?))?,
        resource_id: have(&shown.table_id, "TableId")?,
        status: DatabaseStatus::new(status),
        endpoint: Some(table_endpoint(&id)),
        id,
        zone: None,
        secondary_zone: None,
        latest_restorable: backups.and_then(window).map(|window| window.latest),
        created_at: shown.creation_date_time.as_ref().and_then(timestamp),
        groups: table_door(false),
        parameter_status: None,
        pending: Vec::new(),
        global: None,
        replica_of: None,
        replication: None,
        replicas: Vec::new(),
        cluster: None,
        members: Vec::new(),
        configuration: configuration(shown, backups),
        tags,
    })
}

fn configuration(shown: &TableDescription, backups: Option<&ContinuousBackupsDescription>) -> Configuration {
    let by_request = shown.billing_mode_summary.as_ref().is_some_and(|mode| mode.billing_mode == Some(BillingMode::PayPerRequest));
    let capacity = shown.provisioned_throughput.as_ref().filter(|_| !by_request);
    let mut indexes: Vec<String> = shown.global_secondary_indexes().iter().filter_map(|index| index.index_name.clone()).collect();
    indexes.extend(shown.local_secondary_indexes().iter().filter_map(|index| index.index_name.clone()));
    indexes.sort();
    let global = global(shown);
    let stream = shown.stream_specification.as_ref().filter(|stream| stream.stream_enabled);
    let own = TableConfiguration {
        key: key(shown),
        capacity: capacity.and_then(|capacity| Some((capacity.read_capacity_units?, capacity.write_capacity_units?))),
        table_class: Some(
            shown
                .table_class_summary
                .as_ref()
                .and_then(|class| class.table_class.as_ref())
                .map_or("STANDARD", |class| class.as_str())
                .to_owned(),
        ),
        indexes,
        point_in_time_days: backups.and_then(recovery_days),
        stream: stream.and_then(|stream| Some(stream.stream_view_type.as_ref()?.as_str().to_owned())),
        replicas: global.iter().flat_map(|global| elsewhere(shown, global)).collect(),
        global: global.map(Box::new),
        ..TableConfiguration::default()
    };
    Configuration {
        engine: "dynamodb".to_owned(),
        security_groups: vec![UNFENCED.to_owned()],
        deletion_protection: shown.deletion_protection_enabled.unwrap_or_default(),
        kms_key: shown.sse_description.as_ref().and_then(|sse| sse.kms_master_key_arn.clone()),
        storage_encrypted: true,
        own: Some(Own::Table(Box::new(own))),
        ..Configuration::default()
    }
}

/// What it is as a part of a global table. A table of one Region has neither a version nor replicas.
fn global(shown: &TableDescription) -> Option<GlobalTable> {
    if shown.replicas().is_empty() && shown.global_table_version.is_none() {
        return None;
    }
    let mut replicas: Vec<TableReplica> = shown.replicas().iter().filter_map(of_replica).collect();
    replicas.sort_by(|one, other| one.region.cmp(&other.region));
    Some(GlobalTable {
        version: shown.global_table_version.clone(),
        is_strong: shown.multi_region_consistency == Some(MultiRegionConsistency::Strong),
        replicas,
    })
}

/// One replica. Indexes are replicated (2019.11.21), and it may list only those with settings of their own.
fn of_replica(shown: &ReplicaDescription) -> Option<TableReplica> {
    Some(TableReplica {
        region: shown.region_name.clone()?,
        status: shown.replica_status.as_ref().map_or("", |status| status.as_str()).to_owned(),
        reads: shown.provisioned_throughput_override.as_ref().and_then(|told| told.read_capacity_units),
    })
}

/// Regions of its replicas but its own, which is listed in some answers and not in others.
fn elsewhere(shown: &TableDescription, global: &GlobalTable) -> Vec<String> {
    let own = shown.table_arn.as_deref().and_then(|arn| arn.split(':').nth(3));
    global.replicas.iter().map(|replica| replica.region.clone()).filter(|region| Some(region.as_str()) != own).collect()
}

/// The key's attributes with their types, the partition key first.
pub(super) fn key(shown: &TableDescription) -> Vec<KeyAttribute> {
    let kind = |name: &str| {
        let found = shown.attribute_definitions().iter().find(|defined| defined.attribute_name() == name);
        found.map_or_else(String::new, |defined| defined.attribute_type().as_str().to_owned())
    };
    let mut parts: Vec<(bool, &str)> =
        shown.key_schema().iter().map(|part| (part.key_type() != &KeyType::Hash, part.attribute_name())).collect();
    parts.sort();
    parts.into_iter().map(|(_, name)| KeyAttribute { name: name.to_owned(), kind: kind(name) }).collect()
}
