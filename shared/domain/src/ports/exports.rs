//! Exports of tables to S3.

use super::Answer;
use crate::exports::{ExportPlace, ObservedExport};
use crate::ids::Arn;
use crate::words::Timestamp;

/// `dynamodb:ExportTableToPointInTime` (with `s3:PutObject`, `s3:PutObjectAcl`, `s3:AbortMultipartUpload` on the bucket, by which DynamoDB
/// writes), `dynamodb:DescribeExport`, `dynamodb:ListExports`.
pub trait ExportTables {
    /// Asks for a full export of the table as it is now. The same token with the same parameters is the same export for eight hours. Sent without
    /// SDK retries, so that a refusal tells that nothing was begun by this call.
    async fn export_table(&self, table: &Arn, place: &ExportPlace, token: &str) -> Answer<ObservedExport>;
    /// One export; none if DynamoDB does not know it.
    async fn described_export(&self, export: &Arn) -> Answer<Option<ObservedExport>>;
    /// The export of the table that was asked for with this token since a moment, among those that DynamoDB lists: such as have ended.
    async fn export_by_token(&self, table: &Arn, token: &str, since: Timestamp) -> Answer<Option<ObservedExport>>;
}
