//! CloudWatch alarms on a database: which of them the database that clients are moved to gets a copy of, and why others are only named.
//!
//! An alarm knows its database by the value of a dimension, so that after a move it watches one that nobody uses. It is never changed:
//! the old database is kept, and its owner may want it watched.

use crate::ids::{DatabaseId, short_digest};
use crate::words::ResourceKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Copies that one recovery makes, at most; the others are named.
const MOST_COPIED: usize = 50;
/// How the names of copies begin: the acting role may write no others.
const COPY: &str = "lifeboat-copy-";
/// Alarms of this name start a look (`detect`), and their copies do.
const WATCHING: &str = "lifeboat-watch-";
/// How the name of a copy of such an alarm begins.
const WATCHING_COPY: &str = "lifeboat-watch-copy-";
/// CloudWatch's limit of `AlarmName`, in characters.
const LONGEST_NAME: usize = 255;
/// CloudWatch's limit of `AlarmDescription`, in characters.
const LONGEST_DESCRIPTION: usize = 1024;
/// Application Auto Scaling makes its own alarms for each table that it scales, and keeps them.
const OF_SCALING: &str = "TargetTracking-";
/// Services whose actions tell somebody; any other action changes something that belongs to the old database.
const TELLING: [&str; 4] = ["sns", "lambda", "ssm", "ssm-incidents"];

/// An alarm on one metric, with all that `PutMetricAlarm` must be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricAlarm {
    /// `AlarmName`.
    pub name: String,
    /// `AlarmDescription`.
    pub description: Option<String>,
    /// `Namespace`.
    pub namespace: String,
    /// `MetricName`.
    pub metric: String,
    /// `Dimensions`.
    pub dimensions: BTreeMap<String, String>,
    /// `Statistic`.
    pub statistic: Option<String>,
    /// `ExtendedStatistic`, such as `p99`.
    pub extended_statistic: Option<String>,
    /// `Unit`.
    pub unit: Option<String>,
    /// `Period`, in seconds.
    pub period: i32,
    /// `EvaluationPeriods`.
    pub evaluation_periods: i32,
    /// `DatapointsToAlarm`.
    pub datapoints_to_alarm: Option<i32>,
    /// `Threshold`, as a decimal number.
    pub threshold: String,
    /// `ComparisonOperator`.
    pub comparison: String,
    /// `TreatMissingData`.
    pub missing_data: Option<String>,
    /// `EvaluateLowSampleCountPercentile`.
    pub low_samples: Option<String>,
    /// `ActionsEnabled`.
    pub actions_enabled: bool,
    /// `AlarmActions`.
    pub alarm_actions: Vec<String>,
    /// `OKActions`.
    pub ok_actions: Vec<String>,
    /// `InsufficientDataActions`.
    pub no_data_actions: Vec<String>,
}

impl MetricAlarm {
    /// Whether both watch the same metric of the same thing.
    pub fn watches_the_same(&self, other: &Self) -> bool {
        (&self.namespace, &self.metric, &self.dimensions) == (&other.namespace, &other.metric, &other.dimensions)
    }

    /// Why no faithful copy can be made.
    fn why_left(&self) -> Option<String> {
        if !self.namespace.starts_with("AWS/") {
            return Some(format!("its metric is of {}, whose publisher must be told the new name first", self.namespace));
        }
        let mut actions = self.alarm_actions.iter().chain(&self.ok_actions).chain(&self.no_data_actions);
        let acting = actions.find(|action| !TELLING.contains(&action.split(':').nth(2).unwrap_or_default()))?;
        Some(format!("its action {acting} tells nobody: it changes something, which may belong to the old one"))
    }
}

/// An alarm that no copy is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherAlarm {
    /// `AlarmName`.
    pub name: String,
    /// The dimensions of every metric in it.
    pub dimensions: Vec<(String, String)>,
    /// `AlarmRule` of a composite alarm.
    pub rule: Option<String>,
    /// What it is, and why that cannot be copied, as a sentence.
    pub why: String,
}

/// An alarm as CloudWatch shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// On one metric.
    Metric(Box<MetricAlarm>),
    /// Composite, by an expression, by an anomaly band, or newer than this program.
    Other(OtherAlarm),
}

impl Alarm {
    /// `AlarmName`.
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.name,
            Self::Other(alarm) => &alarm.name,
        }
    }
}

/// The dimension that names a database in its metrics. A replication group's metrics name its nodes.
pub const fn dimension(kind: ResourceKind) -> Option<&'static str> {
    match kind {
        ResourceKind::RdsInstance => Some("DBInstanceIdentifier"),
        ResourceKind::DbCluster => Some("DBClusterIdentifier"),
        ResourceKind::DynamodbTable => Some("TableName"),
        ResourceKind::ReplicationGroup => None,
    }
}

/// The alarms that watch a database, and the composite ones that hang on one of them.
pub fn on(all: &[Alarm], id: &DatabaseId) -> Vec<Alarm> {
    let Some(dimension) = dimension(id.kind()) else { return Vec::new() };
    let watches = |alarm: &&Alarm| match alarm {
        Alarm::Metric(alarm) => alarm.dimensions.get(dimension).is_some_and(|value| value == id.as_str()),
        Alarm::Other(alarm) => alarm.dimensions.iter().any(|(name, value)| name == dimension && value == id.as_str()),
    };
    let mut found: Vec<Alarm> = all.iter().filter(watches).cloned().collect();
    let names: Vec<String> = found.iter().map(|alarm| alarm.name().to_owned()).collect();
    let hangs_on_one = |alarm: &&Alarm| match alarm {
        Alarm::Other(OtherAlarm { rule: Some(rule), .. }) => names.iter().any(|name| is_named(rule, name)),
        _ => false,
    };
    found.extend(all.iter().filter(hangs_on_one).cloned());
    found
}

/// Whether a rule, such as `ALARM("cpu") OR ALARM(arn:...:alarm:disk)`, names the alarm.
fn is_named(rule: &str, name: &str) -> bool {
    let before = ['"', '(', ':', ' '];
    let after = ['"', ')', ' '];
    rule.match_indices(name).any(|(at, found)| {
        let (left, right) = (rule.get(..at).unwrap_or_default(), rule.get(at + found.len()..).unwrap_or_default());
        left.ends_with(before) && right.starts_with(after)
    })
}

/// A copy, and what it is a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmCopy {
    /// The name of the alarm that is copied.
    pub of: String,
    /// The copy.
    pub alarm: MetricAlarm,
}

/// What becomes of each alarm of a database whose clients are moved to another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmCopies {
    /// Those that the new one gets.
    pub copies: Vec<AlarmCopy>,
    /// The others: the name, and why.
    pub left: Vec<(String, String)>,
}

/// Decides what becomes of the alarms on `from` when its clients are moved to `to`.
pub fn copies(alarms: &[Alarm], from: &DatabaseId, to: &DatabaseId) -> AlarmCopies {
    let mut planned = AlarmCopies::default();
    let Some(dimension) = dimension(from.kind()) else { return planned };
    let mut taken = BTreeSet::new();
    for alarm in alarms {
        let metric = match alarm {
            Alarm::Metric(alarm) if alarm.name.starts_with(OF_SCALING) => continue,
            Alarm::Metric(alarm) => alarm,
            Alarm::Other(other) => {
                planned.left.push((other.name.clone(), other.why.clone()));
                continue;
            }
        };
        let too_many = || (planned.copies.len() >= MOST_COPIED).then(|| format!("{MOST_COPIED} are copied at most"));
        if let Some(why) = metric.why_left().or_else(too_many) {
            planned.left.push((metric.name.clone(), why));
            continue;
        }
        let mut copy = MetricAlarm { name: copy_name(&metric.name, from, to), ..(**metric).clone() };
        if !taken.insert(copy.name.clone()) {
            copy.name = shortened(&copy.name, &metric.name);
            taken.insert(copy.name.clone());
        }
        copy.dimensions.insert(dimension.to_owned(), to.as_str().to_owned());
        copy.description = Some(description(metric));
        planned.copies.push(AlarmCopy { of: metric.name.clone(), alarm: copy });
    }
    planned
}

/// The name of a copy: the same for the same alarm and databases, and that of a copy's copy is no longer.
fn copy_name(name: &str, from: &DatabaseId, to: &DatabaseId) -> String {
    let starts_a_look = name.starts_with(WATCHING);
    let of_copy = [WATCHING_COPY, COPY].iter().find_map(|prefix| name.strip_prefix(prefix)?.strip_prefix(from.as_str())?.strip_prefix('-'));
    let plain = of_copy.unwrap_or_else(|| name.strip_prefix(WATCHING).unwrap_or(name));
    let copy = format!("{}{to}-{plain}", if starts_a_look { WATCHING_COPY } else { COPY });
    if copy.chars().count() > LONGEST_NAME { shortened(&copy, name) } else { copy }
}

fn shortened(copy: &str, of: &str) -> String {
    let kept: String = copy.chars().take(LONGEST_NAME - 9).collect();
    format!("{kept}-{}", short_digest(&[of]))
}

fn description(of: &MetricAlarm) -> String {
    let mark = format!("(Lifeboat's copy of {})", of.name);
    let room = LONGEST_DESCRIPTION.saturating_sub(mark.chars().count() + 1);
    let own: String = of.description.as_deref().unwrap_or_default().chars().take(room).collect();
    if own.is_empty() || own.ends_with(&mark) { mark } else { format!("{own} {mark}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> DatabaseId {
        DatabaseId::new(ResourceKind::DynamodbTable, name).unwrap()
    }

    fn alarm(name: &str) -> MetricAlarm {
        MetricAlarm {
            name: name.into(),
            namespace: "AWS/DynamoDB".into(),
            metric: "ReadThrottleEvents".into(),
            dimensions: [("TableName".into(), "orders".into()), ("GlobalSecondaryIndexName".into(), "by-customer".into())].into(),
            statistic: Some("Sum".into()),
            threshold: "0.5".into(),
            actions_enabled: true,
            alarm_actions: vec!["arn:aws:sns:us-east-1:123456789012:on-call".into()],
            ..MetricAlarm::default()
        }
    }

    fn metric(alarm: MetricAlarm) -> Alarm {
        Alarm::Metric(Box::new(alarm))
    }

    #[test]
    fn a_copy_watches_the_new_table_and_is_the_old_alarm_in_all_else() {
        let planned = copies(&[metric(alarm("throttles"))], &table("orders"), &table("orders-r1"));
        let [AlarmCopy { of, alarm: copy }] = planned.copies.as_slice() else { panic!("{planned:?}") };
        assert_eq!((of.as_str(), copy.name.as_str()), ("throttles", "lifeboat-copy-orders-r1-throttles"));
        assert_eq!(copy.dimensions["TableName"], "orders-r1");
        assert_eq!(copy.dimensions["GlobalSecondaryIndexName"], "by-customer");
        assert_eq!(copy.description.as_deref(), Some("(Lifeboat's copy of throttles)"));
        let back = MetricAlarm { name: "throttles".into(), description: None, dimensions: alarm("throttles").dimensions, ..copy.clone() };
        assert_eq!(back, alarm("throttles"), "period, threshold and actions are the same");
    }

    #[test]
    fn a_copy_of_a_copy_has_no_longer_name_and_one_that_starts_a_look_goes_on_starting_it() {
        for (name, expected) in [
            ("lifeboat-copy-orders-throttles", "lifeboat-copy-orders-r2-throttles"),
            ("lifeboat-watch-orders", "lifeboat-watch-copy-orders-r2-orders"),
            ("lifeboat-watch-copy-orders-x", "lifeboat-watch-copy-orders-r2-x"),
        ] {
            assert_eq!(copy_name(name, &table("orders"), &table("orders-r2")), expected);
        }
    }

    #[test]
    fn names_stay_within_their_limit_and_two_alarms_never_get_one_copy() {
        let long = "a".repeat(255);
        let alarms = [metric(alarm(&long)), metric(alarm("x")), metric(alarm("lifeboat-copy-orders-x"))];
        let planned = copies(&alarms, &table("orders"), &table("orders-r1"));
        let names: BTreeSet<&str> = planned.copies.iter().map(|copy| copy.alarm.name.as_str()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.iter().all(|name| name.chars().count() <= LONGEST_NAME), "{names:?}");
        let wordy = MetricAlarm { description: Some("d".repeat(1024)), ..alarm("wordy") };
        assert_eq!(description(&wordy).chars().count(), LONGEST_DESCRIPTION);
    }

    #[test]
    fn what_cannot_be_copied_faithfully_is_named_with_its_reason_and_what_scaling_makes_itself_is_neither() {
        let acting = MetricAlarm { alarm_actions: vec!["arn:aws:autoscaling:us-east-1:1:scalingPolicy:x".into()], ..alarm("acting") };
        let custom = MetricAlarm { namespace: "Shop".into(), ..alarm("custom") };
        let composite = OtherAlarm { name: "both".into(), dimensions: Vec::new(), rule: None, why: "it is composite".into() };
        let scaling = alarm("TargetTracking-table/orders-AlarmHigh-1");
        let alarms = [metric(acting), metric(custom), Alarm::Other(composite), metric(scaling)];
        let planned = copies(&alarms, &table("orders"), &table("orders-r1"));
        assert!(planned.copies.is_empty(), "{planned:?}");
        let names: Vec<&str> = planned.left.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["acting", "custom", "both"]);
        assert!(planned.left[0].1.contains("autoscaling") && planned.left[1].1.contains("Shop"), "{planned:?}");
        let many: Vec<Alarm> = (0..60).map(|number| metric(alarm(&format!("a{number}")))).collect();
        let planned = copies(&many, &table("orders"), &table("orders-r1"));
        assert_eq!((planned.copies.len(), planned.left.len()), (MOST_COPIED, 10));
    }

    #[test]
    fn an_alarm_is_on_a_database_by_its_dimension_and_a_composite_one_by_what_it_hangs_on() {
        let other = MetricAlarm { dimensions: [("TableName".into(), "orders-2".into())].into(), ..alarm("other") };
        let composite = |name: &str, rule: &str| {
            Alarm::Other(OtherAlarm { name: name.into(), dimensions: Vec::new(), rule: Some(rule.into()), why: "composite".into() })
        };
        let math = Alarm::Other(OtherAlarm {
            name: "math".into(),
            dimensions: vec![("TableName".into(), "orders".into())],
            rule: None,
            why: "an expression".into(),
        });
        let all = [
            metric(alarm("cpu")),
            metric(other),
            math,
            composite("hangs", "ALARM(\"cpu\") AND NOT ALARM(night)"),
            composite("by-arn", "ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:cpu)"),
            composite("not", "ALARM(cpu-2) OR ALARM(\"my cpu-x\")"),
        ];
        let names: Vec<String> = on(&all, &table("orders")).iter().map(|alarm| alarm.name().to_owned()).collect();
        assert_eq!(names, ["cpu", "math", "hangs", "by-arn"]);
        let cache = DatabaseId::new(ResourceKind::ReplicationGroup, "orders").unwrap();
        assert!(on(&all, &cache).is_empty(), "its metrics name nodes");
    }
}
