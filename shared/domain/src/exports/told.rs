//! What people are told of exports.

use super::{AskedExport, ExportPlace};
use crate::error::CallError;
use crate::ids::{Arn, Identity};
use crate::register::News;
use crate::words::{Timestamp, show_time};

/// Why a table is not exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Its point-in-time recovery is off.
    RecoveryOff {
        /// The table.
        table: Arn,
        /// Where it would have gone.
        place: ExportPlace,
    },
    /// A call about it was refused, or not answered.
    Answered {
        /// The table.
        table: Arn,
        /// Where it would have gone.
        place: ExportPlace,
        /// The answer.
        error: CallError,
    },
    /// It began and failed.
    Failed {
        /// What was asked for.
        asked: AskedExport,
        /// `FailureCode`.
        code: String,
        /// `FailureMessage`.
        message: String,
    },
    /// It does not end.
    Lasts {
        /// What was asked for.
        asked: AskedExport,
    },
}

impl Trouble {
    /// What makes it another trouble than the last one that was told.
    pub fn word(&self) -> String {
        match self {
            Self::RecoveryOff { .. } => "recovery_off".to_owned(),
            Self::Answered { error, .. } => format!("answered {} {}", error.action, error.code),
            Self::Failed { code, .. } => format!("failed {code}"),
            Self::Lasts { .. } => "lasts".to_owned(),
        }
    }

    /// The news of it.
    pub fn news(&self, resource: &Identity, now: Timestamp) -> News {
        let after = "Its backups are as they were: an export is no recovery point. The next nightly backup tries again.";
        let (title, text) = match self {
            Self::RecoveryOff { table, place } => (
                "it is not exported to S3, as its point-in-time recovery is off",
                format!(
                    "Its policy asks for an export to {place}, and DynamoDB exports a table only while its point-in-time recovery is on; \
                     nothing was asked of it. {after}\nSwitch it on\n{}",
                    recovery_on(table)
                ),
            ),
            Self::Answered { table, place, error } => (
                "it could not be exported to S3",
                format!(
                    "Exporting table {} to {place}: {error}. {after} The role of snapshot may write only to what \
                     ExportBucketArns of the stack names, and use only the keys of KMS in ExportKeyArns; a bucket and a key of another account must \
                     admit it, too.\nLook whom the bucket's policy admits; \
                     where it has none, only its own account\n{}",
                    table.name(),
                    look_at(place)
                ),
            ),
            Self::Failed { asked, code, message } => (
                "its export to S3 has failed",
                format!(
                    "DynamoDB could not export table {} to {}: {message} ({code}). {after}\nSee what DynamoDB says of it\n{}",
                    asked.table.name(),
                    asked.place,
                    describe(asked)
                ),
            ),
            Self::Lasts { asked } => (
                "its export to S3 does not end",
                format!(
                    "The export of table {} to {} was asked for at {} and has not ended; until it does, no other one is asked for. Its \
                     backups are as they were.\nSee what DynamoDB says of it\n{}",
                    asked.table.name(),
                    asked.place,
                    show_time(asked.asked_at),
                    describe(asked)
                ),
            ),
        };
        // The name stands in the title, as news of one run are told apart by it.
        News { at: now, resource: Some(resource.clone()), incident: None, title: format!("{resource}: {title}"), text, told_at: None }
    }
}

fn recovery_on(table: &Arn) -> String {
    format!(
        "aws dynamodb update-continuous-backups --region {} --table-name {} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
        table.region(),
        table.name()
    )
}

fn look_at(place: &ExportPlace) -> String {
    let owner = place.bucket_owner.as_ref().map(|owner| format!(" --expected-bucket-owner {owner}")).unwrap_or_default();
    format!("aws s3api get-bucket-policy --bucket {}{owner}", place.bucket)
}

fn describe(asked: &AskedExport) -> String {
    let region = asked.table.region();
    match &asked.arn {
        Some(arn) => format!("aws dynamodb describe-export --region {region} --export-arn {arn}"),
        None => format!("aws dynamodb list-exports --region {region} --table-arn {}", asked.table),
    }
}
