//! What EventBridge delivers, parsed tolerantly: only what we cannot do without is required.
//!
//! `detail-type` names a shape and nothing more; whether an event is good or bad, its id decides. RDS leaves the id out
//! of some events, writes categories in several spellings and may add fields: none of that is an error here.
//! The source `aws.rds` also carries Neptune and DocumentDB: only Describe can tell them apart, by their engine.

use super::notice::{CacheNotice, ServerlessNotice};
use super::{CatalogueEntry, EventClass, SourceType, classify_unknown, look_up, normalise_categories};
use crate::error::DrError;
use crate::words::{Timestamp, closed_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod fields;
#[cfg(test)]
mod tests;
mod trail;

pub use trail::{TableDeed, TableEvent};

use fields::{arn_part, found, parse_time, parsed, required, text, time_of, wrong};

/// The number in an RDS event id; shown as `RDS-EVENT-0031`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(pub u16);

impl EventId {
    /// Reads `RDS-EVENT-0031`.
    pub fn parse(text: &str) -> Result<Self, EnvelopeError> {
        let digits = text.trim().strip_prefix("RDS-EVENT-").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).map(Self).ok_or_else(|| EnvelopeError {
            field: "detail.EventID",
            found: format!("{text:?}"),
            accepted: "RDS-EVENT- and a number, such as RDS-EVENT-0031",
        })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RDS-EVENT-{:04}", self.0)
    }
}

impl TryFrom<String> for EventId {
    type Error = EnvelopeError;
    fn try_from(text: String) -> Result<Self, EnvelopeError> {
        Self::parse(&text)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

/// An event that cannot be used: which field, what it held, what it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeError {
    /// The path of the field, for example `detail.SourceArn`.
    pub field: &'static str,
    /// What stood there, shortened.
    pub found: String,
    /// What is accepted there.
    pub accepted: &'static str,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not accepted; accepted is {}", self.field, self.found, self.accepted)
    }
}

impl std::error::Error for EnvelopeError {}

impl From<EnvelopeError> for DrError {
    fn from(error: EnvelopeError) -> Self {
        Self::invalid(error.field, error.found, error.accepted)
    }
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Something happened to an RDS resource.
    Rds(RdsEvent),
    /// Somebody did something to a DynamoDB table.
    Table(TableEvent),
    /// A CloudWatch alarm changed its state.
    Alarm(AlarmChange),
    /// A state machine execution ended.
    ExecutionEnded(ExecutionEnded),
    /// A topic of ElastiCache told something.
    Cache(CacheNotice),
    /// Something happened to a serverless cache.
    Serverless(ServerlessNotice),
    /// It is time for scheduled work.
    Scheduled,
    /// Something else, which the caller may know or leave alone.
    Other {
        /// Who sent it.
        source: String,
        /// What it is called.
        detail_type: String,
    },
}

/// An event of RDS about one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RdsEvent {
    /// The envelope's id.
    pub envelope_id: String,
    /// The account.
    pub account: String,
    /// The Region that sent it.
    pub region: String,
    /// What it is about; none for a source type that we do not know.
    pub source_type: Option<SourceType>,
    /// The resource's ARN, in any partition.
    pub source_arn: String,
    /// The resource's identifier, which is the last part of the ARN. That of an automated snapshot starts with `rds:`;
    /// that of a proxy is its generated id and not its name.
    pub resource_id: String,
    /// The event id, which RDS promises for instances only.
    pub event_id: Option<EventId>,
    /// The categories, normalised.
    pub categories: Vec<String>,
    /// RDS's words: for people, never to be matched on.
    pub message: String,
    /// When it happened; when it was sent, if it does not say so readably.
    pub at: Timestamp,
    /// The resource's tags when the event was sent; often missing.
    pub tags: BTreeMap<String, String>,
}

impl RdsEvent {
    /// What the catalogue says about it, if it knows it.
    pub fn entry(&self) -> Option<&'static CatalogueEntry> {
        look_up(self.source_type?, self.event_id?.0)
    }

    /// What it asks for: by its id if the catalogue knows it, otherwise by its categories.
    pub fn class(&self) -> EventClass {
        self.entry().map_or_else(|| classify_unknown(&self.categories), |entry| entry.class)
    }
}

closed_enum! {
    /// The state of a CloudWatch alarm.
    AlarmState {
        /// As it should be.
        Ok = "OK",
        /// The threshold is crossed.
        Alarm = "ALARM",
        /// Too little data to tell: neither good nor bad.
        InsufficientData = "INSUFFICIENT_DATA",
    }
}

/// A CloudWatch alarm that changed its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmChange {
    /// The alarm's name.
    pub alarm_name: String,
    /// The state it is in now.
    pub state: AlarmState,
    /// When it changed.
    pub at: Timestamp,
    /// The DB instance that its metrics are about; none if they name no instance, or several.
    pub db_instance: Option<String>,
    /// The DB cluster that its metrics are about; none if they name no cluster, or several.
    pub db_cluster: Option<String>,
    /// CloudWatch's words.
    pub reason: String,
}

closed_enum! {
    /// How an execution ended.
    ExecutionStatus {
        /// As planned.
        Succeeded = "SUCCEEDED",
        /// With an error.
        Failed = "FAILED",
        /// It took longer than the machine allows; no Catch ran.
        TimedOut = "TIMED_OUT",
        /// Somebody stopped it; no Catch ran.
        Aborted = "ABORTED",
    }
}

/// A state machine execution that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecutionEnded {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The state machine's ARN.
    pub machine_arn: String,
    /// The execution's name.
    pub name: String,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it ended.
    pub at: Timestamp,
    /// Its input as JSON text; none if Step Functions left it out for its size.
    pub input: Option<String>,
}

impl Incoming {
    /// Reads one event as EventBridge delivers it.
    pub fn parse(event: &Value) -> Result<Self, EnvelopeError> {
        if !event.is_object() {
            return Err(EnvelopeError { field: "event", found: found(Some(event)), accepted: "an EventBridge event, a JSON object" });
        }
        if let Some(notice) = CacheNotice::parse(event) {
            return notice.map(Self::Cache);
        }
        let source = required(event, "source", "the sender, such as aws.rds")?;
        let detail_type = required(event, "detail-type", "the event's type, such as RDS DB Instance Event")?;
        let other = || Self::Other { source: source.to_owned(), detail_type: detail_type.to_owned() };
        match (source, detail_type) {
            ("aws.rds", _) => match RdsShape::of(detail_type) {
                Some(shape) => rds(event, shape).map(Self::Rds),
                None => Ok(other()),
            },
            ("aws.dynamodb", "AWS API Call via CloudTrail") => Ok(trail::parse(event)?.map_or_else(other, Self::Table)),
            ("aws.cloudwatch", "CloudWatch Alarm State Change") => alarm(event).map(Self::Alarm),
            ("aws.states", "Step Functions Execution Status Change") => match text(event, "detail.status") {
                Some("RUNNING" | "PENDING_REDRIVE") => Ok(other()),
                _ => execution(event).map(Self::ExecutionEnded),
            },
            ("aws.elasticache", _) => Ok(Self::Serverless(ServerlessNotice::of(event, detail_type))),
            ("aws.events" | "aws.scheduler", "Scheduled Event") => Ok(Self::Scheduled),
            _ => Ok(other()),
        }
    }
}

/// A detail type whose detail has RDS's shape, and the source type that it stands for if the catalogue has it.
struct RdsShape(Option<SourceType>);

impl RdsShape {
    fn of(detail_type: &str) -> Option<Self> {
        Some(Self(match detail_type {
            "RDS DB Instance Event" => Some(SourceType::DbInstance),
            "RDS DB Cluster Event" => Some(SourceType::Cluster),
            "RDS DB Snapshot Event" => Some(SourceType::Snapshot),
            "RDS DB Cluster Snapshot Event" => Some(SourceType::ClusterSnapshot),
            "RDS DB Parameter Group Event" => Some(SourceType::ParameterGroup),
            "RDS DB Security Group Event" => Some(SourceType::SecurityGroup),
            "RDS DB Proxy Event" => Some(SourceType::Proxy),
            "RDS Blue Green Deployment Event" => Some(SourceType::BlueGreen),
            "RDS Custom Engine Version Event" => Some(SourceType::CustomEngineVersion),
            "RDS DB Shard Group Event" | "RDS Zero ETL Event" => None,
            _ => return None,
        }))
    }
}

fn rds(event: &Value, shape: RdsShape) -> Result<RdsEvent, EnvelopeError> {
    const ARN: &str = "an ARN such as arn:aws:rds:us-east-1:123456789012:db:orders-db";
    let resource = event.pointer("/resources/0").and_then(Value::as_str);
    let arn = text(event, "detail.SourceArn").or(resource).ok_or_else(|| wrong(event, "detail.SourceArn", ARN))?;
    let part = |index| arn_part(arn, index);
    let resource_id = part(6).filter(|_| part(0) == Some("arn"));
    let or_from_arn =
        |field, index, accepted| text(event, field).or(part(index)).map(str::to_owned).ok_or_else(|| wrong(event, field, accepted));
    let categories = event.pointer("/detail/EventCategories").and_then(Value::as_array);
    let categories: Vec<&str> = categories.into_iter().flatten().filter_map(Value::as_str).collect();
    let tags = event.pointer("/detail/Tags").and_then(Value::as_object);
    let tags = tags.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Ok(RdsEvent {
        envelope_id: required(event, "id", "the event's id, a UUID")?.to_owned(),
        account: or_from_arn("account", 4, "the account's 12 digits")?,
        region: or_from_arn("region", 3, "a Region such as us-east-1")?,
        source_type: text(event, "detail.SourceType").and_then(SourceType::from_aws).or(shape.0),
        source_arn: arn.to_owned(),
        resource_id: resource_id.ok_or_else(|| wrong(event, "detail.SourceArn", ARN))?.to_owned(),
        event_id: text(event, "detail.EventID").and_then(|id| EventId::parse(id).ok()),
        categories: normalise_categories(&categories),
        message: text(event, "detail.Message").unwrap_or_default().to_owned(),
        at: time_of(event, text(event, "detail.Date").and_then(parse_time))?,
        tags: tags.collect(),
    })
}

fn alarm(event: &Value) -> Result<AlarmChange, EnvelopeError> {
    Ok(AlarmChange {
        alarm_name: required(event, "detail.alarmName", "the alarm's name")?.to_owned(),
        state: parsed(event, "detail.state.value", "OK, ALARM or INSUFFICIENT_DATA", AlarmState::parse)?,
        at: time_of(event, text(event, "detail.state.timestamp").and_then(parse_time))?,
        db_instance: the_only_dimension(event, "DBInstanceIdentifier"),
        db_cluster: the_only_dimension(event, "DBClusterIdentifier"),
        reason: text(event, "detail.state.reason").unwrap_or_default().to_owned(),
    })
}

/// The value that the alarm's metrics give the dimension; an alarm over several databases accuses none of them.
fn the_only_dimension(event: &Value, dimension: &str) -> Option<String> {
    let path = format!("metricStat.metric.dimensions.{dimension}");
    let metrics = event.pointer("/detail/configuration/metrics").and_then(Value::as_array)?;
    let mut values = metrics.iter().filter_map(|metric| text(metric, &path)).collect::<BTreeSet<_>>().into_iter();
    values.next().filter(|_| values.next().is_none()).map(str::to_owned)
}

fn execution(event: &Value) -> Result<ExecutionEnded, EnvelopeError> {
    let stopped = event.pointer("/detail/stopDate").and_then(Value::as_i64).and_then(chrono::DateTime::from_timestamp_millis);
    let status = parsed(event, "detail.status", "SUCCEEDED, FAILED, TIMED_OUT or ABORTED", ExecutionStatus::parse)?;
    Ok(ExecutionEnded {
        execution_arn: required(event, "detail.executionArn", "the execution's ARN")?.to_owned(),
        machine_arn: required(event, "detail.stateMachineArn", "the state machine's ARN")?.to_owned(),
        name: required(event, "detail.name", "the execution's name")?.to_owned(),
        status,
        at: time_of(event, stopped)?,
        input: text(event, "detail.input").map(str::to_owned),
    })
}
