//! Reading single fields of an event, and saying well what is wrong with one.

use super::EnvelopeError;
use crate::words::Timestamp;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The most characters of a found value that an error repeats.
const SHOWN: usize = 80;

/// The text at a path such as `detail.state.value`; an empty text counts as missing.
pub(super) fn text<'event>(event: &'event Value, path: &str) -> Option<&'event str> {
    at(event, path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The text at a path that must have one.
pub(super) fn required<'event>(event: &'event Value, field: &'static str, accepted: &'static str) -> Result<&'event str, EnvelopeError> {
    text(event, field).ok_or_else(|| wrong(event, field, accepted))
}

/// The text at a path, read by `read`.
pub(super) fn parsed<Word>(
    event: &Value,
    field: &'static str,
    accepted: &'static str,
    read: impl Fn(&str) -> Option<Word>,
) -> Result<Word, EnvelopeError> {
    text(event, field).and_then(read).ok_or_else(|| wrong(event, field, accepted))
}

/// The error that says what stands in `field`.
pub(super) fn wrong(event: &Value, field: &'static str, accepted: &'static str) -> EnvelopeError {
    EnvelopeError { field, found: found(at(event, field)), accepted }
}

/// A value as an error repeats it: short, and without what lists and objects hold.
pub(super) fn found(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(Value::String(text)) if text.chars().count() > SHOWN => {
            format!("{:?}...", text.chars().take(SHOWN).collect::<String>())
        }
        Some(value) => value.to_string(),
    }
}

/// The time that the event gives for itself, otherwise the time at which it was sent.
pub(super) fn time_of(event: &Value, own: Option<Timestamp>) -> Result<Timestamp, EnvelopeError> {
    own.map_or_else(|| parsed(event, "time", "a time with its offset, such as 2026-01-15T10:25:00Z", parse_time), Ok)
}

/// Reads RFC 3339, or CloudWatch's way with an offset of `+0000`. A time without an offset is nobody's time: refused.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    time.ok().map(|time| time.with_timezone(&Utc))
}

/// One of the seven parts of an ARN; the seventh may hold colons itself. An empty part counts as missing.
pub(super) fn arn_part(arn: &str, index: usize) -> Option<&str> {
    arn.splitn(7, ':').nth(index).filter(|part| !part.is_empty())
}

fn at<'event>(event: &'event Value, path: &str) -> Option<&'event Value> {
    path.split('.').try_fold(event, |value, key| value.get(key))
}
