//! What somebody did to a DynamoDB table, as CloudTrail tells EventBridge: DynamoDB publishes no events of its own.

use super::EnvelopeError;
use super::fields::{required, text, time_of, wrong};
use crate::words::{Timestamp, closed_enum};
use serde_json::Value;

closed_enum! {
    /// What was done.
    TableDeed {
        /// `DeleteTable`.
        Deleted = "deleted",
        /// `UpdateContinuousBackups` that switches point-in-time recovery off: its window is lost for good.
        RecoveryOff = "recovery_off",
        /// Anything else.
        Other = "other",
    }
}

/// A call on a table that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEvent {
    /// The envelope's id.
    pub envelope_id: String,
    /// AWS's name of the call.
    pub call: String,
    /// What it means.
    pub deed: TableDeed,
    /// The table's name.
    pub table: String,
    /// Who did it, as CloudTrail names them; for people.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Reads `AWS API Call via CloudTrail` of DynamoDB; none if the call was refused, or names no table.
pub(super) fn parse(event: &Value) -> Result<Option<TableEvent>, EnvelopeError> {
    let call = required(event, "detail.eventName", "the call, such as DeleteTable")?;
    if text(event, "detail.errorCode").is_some() {
        return Ok(None);
    }
    let named = text(event, "detail.requestParameters.tableName").or_else(|| text(event, "detail.requestParameters.resourceArn"));
    let Some(named) = named else { return Ok(None) };
    let table = named.rsplit_once("table/").map_or(named, |(_, name)| name).split('/').next().unwrap_or_default();
    if table.is_empty() {
        return Err(wrong(event, "detail.requestParameters.tableName", "a table's name or ARN"));
    }
    let enabled = event.pointer("/detail/requestParameters/pointInTimeRecoverySpecification/pointInTimeRecoveryEnabled");
    let deed = match call {
        "DeleteTable" => TableDeed::Deleted,
        "UpdateContinuousBackups" if enabled.and_then(Value::as_bool) == Some(false) => TableDeed::RecoveryOff,
        _ => TableDeed::Other,
    };
    Ok(Some(TableEvent {
        envelope_id: required(event, "id", "the event's id, a UUID")?.to_owned(),
        call: call.to_owned(),
        deed,
        table: table.to_owned(),
        by: text(event, "detail.userIdentity.arn").unwrap_or("somebody").to_owned(),
        at: time_of(event, None)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(call: &str, parameters: &Value) -> Value {
        json!({
            "id": "e-1", "source": "aws.dynamodb", "detail-type": "AWS API Call via CloudTrail", "time": "2026-01-15T10:25:00Z",
            "detail": {"eventName": call, "requestParameters": parameters, "userIdentity": {"arn": "arn:aws:iam::123456789012:user/jane"}},
        })
    }

    #[test]
    fn a_deletion_and_recovery_that_is_switched_off_are_told_from_all_else() {
        let off =
            |enabled: bool| json!({"tableName": "orders", "pointInTimeRecoverySpecification": {"pointInTimeRecoveryEnabled": enabled}});
        let arn = json!({"tableName": "arn:aws:dynamodb:us-east-1:123456789012:table/orders"});
        for (call, parameters, deed) in [
            ("DeleteTable", json!({"tableName": "orders"}), TableDeed::Deleted),
            ("DeleteTable", arn, TableDeed::Deleted),
            ("UpdateContinuousBackups", off(false), TableDeed::RecoveryOff),
            ("UpdateContinuousBackups", off(true), TableDeed::Other),
            ("UpdateTable", json!({"tableName": "orders"}), TableDeed::Other),
        ] {
            let seen = parse(&event(call, &parameters)).unwrap().unwrap();
            assert_eq!((seen.deed, seen.table.as_str()), (deed, "orders"), "{call} {parameters}");
        }
    }

    #[test]
    fn a_call_that_was_refused_did_nothing() {
        let mut refused = event("DeleteTable", &json!({"tableName": "orders"}));
        refused["detail"]["errorCode"] = json!("AccessDenied");
        assert_eq!(parse(&refused).unwrap(), None);
        assert_eq!(parse(&event("ListTables", &json!({}))).unwrap(), None);
    }
}
