//! Commands for people in the news that `detect` leaves. In a text each stands on a line of its own, below the line that says what it is
//! for: `notify` shows it as a step to take.

use lifeboat_domain::ids::{Arn, DatabaseId};
use lifeboat_domain::words::ResourceKind;

/// Switches the point-in-time recovery of a table on.
pub(crate) fn recover_table(arn: &Arn, table: &DatabaseId) -> String {
    let region = arn.region();
    format!(
        "aws dynamodb update-continuous-backups --region {region} --table-name {table} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    )
}

/// Shows a global table as its Region sees it.
pub(crate) fn replicas_of(arn: &Arn, table: &DatabaseId) -> String {
    let what = "Table.[TableStatus,GlobalTableVersion,DeletionProtectionEnabled,Replicas]";
    format!("aws dynamodb describe-table --region {} --table-name {table} --query '{what}'", arn.region())
}

/// Starts what somebody stopped; tables and caches cannot be stopped.
pub(crate) fn start(arn: &Arn, id: &DatabaseId) -> String {
    let noun = if id.kind() == ResourceKind::DbCluster { "cluster" } else { "instance" };
    format!("aws rds start-db-{noun} --region {} --db-{noun}-identifier {id}", arn.region())
}

/// Gives a database a tag.
pub(crate) fn tag(arn: &Arn, key: &str, value: &str) -> String {
    let (region, tag) = (arn.region(), format!("--tags Key={key},Value={value}"));
    match DatabaseId::of_arn(arn).map(|id| id.kind()) {
        Some(ResourceKind::DynamodbTable) => format!("aws dynamodb tag-resource --region {region} --resource-arn {arn} {tag}"),
        Some(ResourceKind::ReplicationGroup) => {
            format!("aws elasticache add-tags-to-resource --region {region} --resource-name {arn} {tag}")
        }
        _ => format!("aws rds add-tags-to-resource --region {region} --resource-name {arn} {tag}"),
    }
}
