//! Metrics: CloudWatch's embedded metric format, one raw JSON line each on standard output.
//!
//! The lines do not go through the log, whose fields around them would hide the metric (fact sheet, section 5).

use lifeboat_domain::Timestamp;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// The namespace of every metric of ours.
pub const NAMESPACE: &str = "Lifeboat";

/// Whether this process is a function, whose standard output CloudWatch reads; nobody else wants the lines.
static IS_READ: AtomicBool = AtomicBool::new(false);

/// From now on metrics are written: a function runs.
pub(crate) fn begin() {
    IS_READ.store(true, Ordering::Relaxed);
}

/// CloudWatch takes so many metrics in one directive.
const MOST_METRICS: usize = 100;

/// A unit that CloudWatch knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A duration.
    Seconds,
    /// A short duration.
    Milliseconds,
    /// A size.
    Bytes,
    /// A share of a hundred.
    Percent,
    /// None of them.
    None,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
            Self::Bytes => "Bytes",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
}

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name, such as `RecoveryPointAgeSeconds`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its value.
    pub value: f64,
}

impl Metric {
    /// A number of things.
    pub fn count(name: &'static str, value: u32) -> Self {
        Self { name, unit: Unit::Count, value: f64::from(value) }
    }

    /// A duration.
    pub fn seconds(name: &'static str, span: lifeboat_domain::Span) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a duration of 2^53 seconds does not occur")]
        let value = span.as_secs() as f64;
        Self { name, unit: Unit::Seconds, value }
    }
}

/// Writes metrics of one moment, if a function runs. `dimensions` make series (few and bounded, such as `Resource`: they cost);
/// `properties` (incident, execution) are only carried along and found in the log.
pub fn emit(at: Timestamp, dimensions: &[(&str, &str)], metrics: &[Metric], properties: &[(&str, &str)]) {
    if !IS_READ.load(Ordering::Relaxed) {
        return;
    }
    let mut out = std::io::stdout().lock();
    for line in lines(at, dimensions, metrics, properties) {
        if let Err(error) = writeln!(out, "{line}") {
            tracing::error!(%error, "a metric could not be written");
        }
    }
}

/// The lines that [`emit`] writes.
fn lines(at: Timestamp, dimensions: &[(&str, &str)], metrics: &[Metric], properties: &[(&str, &str)]) -> Vec<Value> {
    let finite: Vec<&Metric> = metrics.iter().filter(|metric| metric.value.is_finite()).collect();
    finite.chunks(MOST_METRICS).map(|chunk| line(at, dimensions, chunk, properties)).collect()
}

fn line(at: Timestamp, dimensions: &[(&str, &str)], metrics: &[&Metric], properties: &[(&str, &str)]) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let directives: Vec<Value> = metrics.iter().map(|metric| json!({"Name": metric.name, "Unit": metric.unit.as_str()})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": directives});
    let mut root = Map::new();
    root.insert("_aws".to_owned(), json!({"Timestamp": at.timestamp_millis(), "CloudWatchMetrics": [directive]}));
    for (name, text) in properties.iter().chain(dimensions) {
        root.insert((*name).to_owned(), Value::from(*text));
    }
    for metric in metrics {
        root.insert(metric.name.to_owned(), Value::from(metric.value));
    }
    Value::Object(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let metrics =
            [Metric { name: "RtoSeconds", unit: Unit::Seconds, value: 912.0 }, Metric { name: "Loss", unit: Unit::None, value: f64::NAN }];
        let lines = lines(at(), &[("Resource", "orders")], &metrics, &[("incident", "inc-01")]);
        assert_eq!(
            lines,
            [json!({
                "_aws": {"Timestamp": 1_795_348_800_000_i64, "CloudWatchMetrics": [{
                    "Namespace": "Lifeboat", "Dimensions": [["Resource"]], "Metrics": [{"Name": "RtoSeconds", "Unit": "Seconds"}]}]},
                "Resource": "orders", "incident": "inc-01", "RtoSeconds": 912.0
            })]
        );
    }

    #[test]
    fn more_metrics_than_a_line_takes_make_more_lines() {
        let metrics = vec![Metric::count("Incidents", 1); 201];
        let counts: Vec<usize> = lines(at(), &[], &metrics, &[])
            .iter()
            .map(|line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, [100, 100, 1]);
    }
}
