//! Exports of tables to S3.

use super::{MOST_PAGES, Tables, parsed};
use crate::classify::{call_error, invalid};
use crate::databases::Databases;
use crate::time::timestamp;
use aws_sdk_dynamodb::types::{ExportDescription, ExportFormat, ExportStatus, ExportType};
use lifeboat_domain::exports::{ExportPlace, ExportProgress, Exported, ObservedExport};
use lifeboat_domain::ids::Arn;
use lifeboat_domain::ports::{Answer, ExportTables};
use lifeboat_domain::{CallClass, Timestamp};

const EXPORT: &str = "dynamodb:ExportTableToPointInTime";
const DESCRIBE: &str = "dynamodb:DescribeExport";
const LIST: &str = "dynamodb:ListExports";

impl Tables {
    async fn shown(&self, export: &str) -> Answer<Option<ExportDescription>> {
        let output = self.client.describe_export().export_arn(export).send().await;
        match output.map_err(|error| call_error(DESCRIBE, &error)) {
            Ok(output) => Ok(output.export_description),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl ExportTables for Tables {
    async fn export_table(&self, table: &Arn, place: &ExportPlace, token: &str) -> Answer<ObservedExport> {
        let request = self.at_most_once.export_table_to_point_in_time().table_arn(table.as_str()).client_token(token);
        let request = request.export_format(ExportFormat::DynamodbJson).export_type(ExportType::FullExport);
        let request = request.s3_bucket(&place.bucket).s3_prefix(&place.prefix).set_s3_bucket_owner(place.bucket_owner.clone());
        let output = request.send().await.map_err(|error| call_error(EXPORT, &error))?;
        let shown = output.export_description.ok_or_else(|| invalid(EXPORT, "ExportDescription", "ExportDescription is missing"))?;
        observed(EXPORT, &shown)
    }

    async fn described_export(&self, export: &Arn) -> Answer<Option<ObservedExport>> {
        self.shown(export.as_str()).await?.map(|shown| observed(DESCRIBE, &shown)).transpose()
    }

    /// The newest are listed first, without their tokens.
    async fn export_by_token(&self, table: &Arn, token: &str, since: Timestamp) -> Answer<Option<ObservedExport>> {
        let mut from = None;
        for _ in 0..MOST_PAGES {
            let output = self.client.list_exports().table_arn(table.as_str()).set_next_token(from).send().await;
            let output = output.map_err(|error| call_error(LIST, &error))?;
            for arn in output.export_summaries().iter().filter_map(|summary| summary.export_arn()) {
                let Some(shown) = self.shown(arn).await? else { continue };
                if shown.client_token() == Some(token) {
                    return observed(DESCRIBE, &shown).map(Some);
                }
                if shown.start_time().and_then(timestamp).is_some_and(|started| started < since) {
                    return Ok(None);
                }
            }
            from = output.next_token;
            if from.is_none() {
                return Ok(None);
            }
        }
        Err(invalid(LIST, "NextToken", "the list of exports does not end"))
    }
}

impl ExportTables for Databases {
    async fn export_table(&self, table: &Arn, place: &ExportPlace, token: &str) -> Answer<ObservedExport> {
        self.tables.export_table(table, place, token).await
    }

    async fn described_export(&self, export: &Arn) -> Answer<Option<ObservedExport>> {
        self.tables.described_export(export).await
    }

    async fn export_by_token(&self, table: &Arn, token: &str, since: Timestamp) -> Answer<Option<ObservedExport>> {
        self.tables.export_by_token(table, token, since).await
    }
}

/// A status that DynamoDB may add one day is no end.
fn observed(action: &str, shown: &ExportDescription) -> Answer<ObservedExport> {
    let arn = shown.export_arn().ok_or_else(|| invalid(action, "ExportArn", "ExportArn is missing"))?;
    let text = |text: Option<&str>| text.unwrap_or("not told").to_owned();
    let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    let progress = match shown.export_status() {
        Some(ExportStatus::Completed) => {
            let at = shown.export_time().or_else(|| shown.start_time()).and_then(timestamp);
            ExportProgress::Completed(Exported {
                at: at.ok_or_else(|| invalid(action, "ExportTime", "ExportTime is missing"))?,
                items: count(shown.item_count()),
                bytes: count(shown.billed_size_bytes()),
                manifest: shown.export_manifest().map(str::to_owned),
            })
        }
        Some(ExportStatus::Failed) => ExportProgress::Failed { code: text(shown.failure_code()), message: text(shown.failure_message()) },
        _ => ExportProgress::UnderWay,
    };
    Ok(ObservedExport { arn: parsed(action, Arn::parse(arn))?, progress })
}
