//! Exports of tables.

use super::Cloud;
use super::tables::named_arn;
use crate::model::{ExportRequest, TableExport};
use chrono::{DateTime, Utc};
use lifeboat_domain::exports::{ExportPlace, ExportProgress, Exported, ObservedExport};
use lifeboat_domain::ids::Arn;
use lifeboat_domain::ports::{Answer, ExportTables};
use lifeboat_domain::{CallClass, Timestamp};
use serde_json::json;

fn observed((shown, now): (TableExport, DateTime<Utc>)) -> Answer<ObservedExport> {
    let failed = shown.failure(now).map(|(code, message)| ExportProgress::Failed { code, message });
    let items = u64::try_from(shown.items).ok();
    let completed = || {
        let exported = Exported { at: shown.started_at, items, bytes: items.map(|items| items * 100), manifest: Some(shown.manifest()) };
        ExportProgress::Completed(exported)
    };
    let progress = failed.unwrap_or_else(|| if shown.status(now) == "COMPLETED" { completed() } else { ExportProgress::UnderWay });
    Ok(ObservedExport { arn: named_arn(&shown.arn)?, progress })
}

impl ExportTables for Cloud {
    async fn export_table(&self, table: &Arn, place: &ExportPlace, token: &str) -> Answer<ObservedExport> {
        let request = ExportRequest {
            table: table.to_string(),
            token: token.to_owned(),
            bucket: place.bucket.clone(),
            prefix: place.prefix.clone(),
            owner: place.bucket_owner.clone(),
        };
        let sent = json!({
            "TableArn": table.as_str(), "ClientToken": token, "S3Bucket": place.bucket, "S3Prefix": place.prefix,
            "S3BucketOwner": place.bucket_owner,
        });
        let shown = self.dynamodb("ExportTableToPointInTime", table.name(), Some(sent), |tables, now| {
            tables.export_table(request, now).map(|export| (export, now))
        });
        observed(shown?)
    }

    async fn described_export(&self, export: &Arn) -> Answer<Option<ObservedExport>> {
        let shown = self.dynamodb("DescribeExport", export.as_str(), None, |tables, now| {
            tables.describe_export(export.as_str(), now).map(|export| (export, now))
        });
        match shown {
            Ok(shown) => observed(shown).map(Some),
            Err(error) if error.class == CallClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn export_by_token(&self, table: &Arn, token: &str, since: Timestamp) -> Answer<Option<ObservedExport>> {
        let listed = self.dynamodb("ListExports", table.name(), None, |tables, now| {
            let found = tables.list_exports(table.as_str(), now).into_iter().find(|it| it.request.token == token && it.started_at >= since);
            Ok(found.cloned().map(|export| (export, now)))
        });
        listed?.map(observed).transpose()
    }
}
