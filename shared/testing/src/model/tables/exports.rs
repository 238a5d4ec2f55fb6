//! Exports of tables to S3: idempotent by their token for eight hours, of hours, and possibly of no good end.

use super::{ApiError, Tables};
use chrono::{DateTime, Duration, Utc};

/// For how long the same token is the same export.
const TOKEN_HOLDS: Duration = Duration::hours(8);
/// For how long an export is listed and described.
const KNOWN: Duration = Duration::days(90);
/// Exports of an account that may go on at once.
const MOST_EXPORTS: usize = 300;

/// What an export is asked for with; the same again is the same export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// `TableArn`.
    pub table: String,
    /// `ClientToken`.
    pub token: String,
    /// `S3Bucket`.
    pub bucket: String,
    /// `S3Prefix`.
    pub prefix: String,
    /// `S3BucketOwner`.
    pub owner: Option<String>,
}

/// How exports that are asked for from now on will go.
#[derive(Debug, Clone)]
pub struct Exporting {
    /// How long they last.
    pub lasts: Duration,
    /// `FailureCode` and `FailureMessage` of their end.
    pub fails: Option<(String, String)>,
}

impl Default for Exporting {
    fn default() -> Self {
        Self { lasts: Duration::minutes(20), fails: None }
    }
}

/// An export.
#[derive(Debug, Clone)]
pub struct TableExport {
    /// `ExportArn`.
    pub arn: String,
    /// What was asked.
    pub request: ExportRequest,
    /// `StartTime`, and the moment whose items it holds.
    pub started_at: DateTime<Utc>,
    /// `ItemCount`.
    pub items: usize,
    going: Exporting,
}

impl TableExport {
    /// `ExportStatus`.
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        match &self.going.fails {
            _ if now < self.started_at + self.going.lasts => "IN_PROGRESS",
            Some(_) => "FAILED",
            None => "COMPLETED",
        }
    }

    /// `FailureCode` and `FailureMessage`, once it has failed.
    pub fn failure(&self, now: DateTime<Utc>) -> Option<(String, String)> {
        self.going.fails.clone().filter(|_| self.status(now) == "FAILED")
    }

    /// `ExportManifest`.
    pub fn manifest(&self) -> String {
        let id = self.arn.rsplit('/').next().unwrap_or_default();
        format!("{}/AWSDynamoDB/{id}/manifest-summary.json", self.request.prefix)
    }
}

impl Tables {
    /// `ExportTableToPointInTime`, of now.
    ///
    /// # Errors
    /// There is no such table, its point-in-time recovery is off, the token stands for something else, or too many exports go on.
    pub fn export_table(&mut self, request: ExportRequest, now: DateTime<Utc>) -> Result<TableExport, ApiError> {
        let of_token = |it: &&TableExport| it.request.token == request.token && now < it.started_at + TOKEN_HOLDS;
        if let Some(export) = self.exports.values().find(of_token) {
            return match export.request == request {
                true => Ok(export.clone()),
                false => Err(ApiError::new("ExportConflictException", "The client token stands for another export")),
            };
        }
        let name = request.table.rsplit('/').next().unwrap_or_default();
        let found = self.tables.get(name).filter(|table| table.deleted_at.is_none());
        let found = found.ok_or_else(|| ApiError::new("TableNotFoundException", format!("Table not found: {name}")))?;
        if found.recoverable_since.is_none() {
            let text = format!("Point in time recovery is not enabled for table '{name}'");
            return Err(ApiError::new("PointInTimeRecoveryUnavailableException", text));
        }
        if self.exports.values().filter(|export| export.status(now) == "IN_PROGRESS").count() >= MOST_EXPORTS {
            return Err(ApiError::new("LimitExceededException", "Too many exports are in progress"));
        }
        let items = found.items(now).len();
        self.made += 1;
        let arn = format!("{}/export/0{}-{:08x}", request.table, now.timestamp_millis(), self.made);
        let export = TableExport { arn: arn.clone(), request, started_at: now, items, going: self.exporting.clone() };
        self.exports.insert(arn, export.clone());
        Ok(export)
    }

    /// `DescribeExport`.
    ///
    /// # Errors
    /// There is no such export, or it is too old.
    pub fn describe_export(&self, arn: &str, now: DateTime<Utc>) -> Result<TableExport, ApiError> {
        let found = self.exports.get(arn).filter(|export| now < export.started_at + KNOWN);
        found.cloned().ok_or_else(|| ApiError::new("ExportNotFoundException", format!("Export not found: {arn}")))
    }

    /// `ListExports`: those of a table that have ended, newest first.
    pub fn list_exports(&self, table: &str, now: DateTime<Utc>) -> Vec<&TableExport> {
        let is_listed = |it: &&TableExport| it.request.table == table && it.status(now) != "IN_PROGRESS" && now < it.started_at + KNOWN;
        let mut listed: Vec<&TableExport> = self.exports.values().filter(is_listed).collect();
        listed.reverse();
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::observed::TableConfiguration;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/orders";

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_768_470_000, 0).unwrap() + Duration::minutes(minutes)
    }

    fn tables() -> Tables {
        let mut tables = Tables::default();
        tables.put_table("orders", at(0), TableConfiguration { point_in_time_days: Some(35), ..TableConfiguration::default() }, &[]);
        tables
    }

    fn request(token: &str, bucket: &str) -> ExportRequest {
        ExportRequest { table: TABLE.into(), token: token.into(), bucket: bucket.into(), prefix: "shop".into(), owner: None }
    }

    #[test]
    fn the_same_token_is_the_same_export_for_eight_hours_and_never_another_one_meanwhile() {
        let mut it = tables();
        let first = it.export_table(request("a", "b-1"), at(0)).unwrap().arn;
        assert_eq!(it.export_table(request("a", "b-1"), at(479)).unwrap().arn, first);
        assert_eq!(it.export_table(request("a", "b-2"), at(479)).unwrap_err().code, "ExportConflictException");
        assert_ne!(it.export_table(request("a", "b-1"), at(480)).unwrap().arn, first);
        assert_eq!(it.list_exports(TABLE, at(490)).len(), 1, "one that goes on is not listed");
        assert_eq!(it.list_exports(TABLE, at(510))[1].arn, first, "the newest first");
    }

    #[test]
    fn an_export_wants_a_table_that_is_there_and_whose_recovery_is_on() {
        let mut it = tables();
        it.switch_recovery_off("orders").unwrap();
        assert_eq!(it.export_table(request("a", "b-1"), at(1)).unwrap_err().code, "PointInTimeRecoveryUnavailableException");
        it.delete_behind_back("orders", at(2)).unwrap();
        assert_eq!(it.export_table(request("a", "b-1"), at(3)).unwrap_err().code, "TableNotFoundException");
        assert_eq!(it.describe_export("arn:none", at(3)).unwrap_err().code, "ExportNotFoundException");
    }
}
