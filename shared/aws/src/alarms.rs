//! CloudWatch's alarms.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, CompositeAlarm, Dimension, EvaluationWindow, MetricAlarm as Shown, StandardUnit, Statistic,
};
use lifeboat_domain::alarms::{Alarm, MetricAlarm, OtherAlarm};
use lifeboat_domain::ports::{Answer, ReadAlarms, WriteAlarms};
use lifeboat_domain::{CallClass, CallError};
use std::time::{Duration, Instant};

const READ: &str = "cloudwatch:DescribeAlarms";
const WRITE: &str = "cloudwatch:PutMetricAlarm";
/// Alarms on a page, at most.
const PAGE: i32 = 100;
/// Pages that are read, at most: of ten thousand alarms.
const MOST_PAGES: usize = 100;
/// Until then another page is asked for: a plan does not wait for alarms.
const LISTED_WITHIN: Duration = Duration::from_secs(10);

/// The alarms of one Region.
#[derive(Debug, Clone)]
pub struct Alarms {
    client: Client,
}

impl Alarms {
    /// CloudWatch as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

fn words<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn pairs(dimensions: &[Dimension]) -> impl Iterator<Item = (String, String)> {
    dimensions.iter().map(|it| (it.name.clone().unwrap_or_default(), it.value.clone().unwrap_or_default()))
}

/// What keeps an alarm from being told to `PutMetricAlarm` as one on one metric.
fn why_not(shown: &Shown) -> Option<&'static str> {
    let is_plain = |window: &EvaluationWindow| matches!(window, EvaluationWindow::SlidingWindow(_));
    if shown.threshold_metric_id.is_some() {
        return Some("it compares with an anomaly band, which learns from the old one's past");
    }
    if shown.metrics.as_ref().is_some_and(|metrics| !metrics.is_empty()) {
        return Some("it watches an expression of several metrics");
    }
    if shown.evaluation_criteria.is_some() || shown.evaluation_interval.is_some() {
        return Some("it watches a query");
    }
    let is_newer = shown.warm_up_configuration.is_some() || shown.action_configuration.is_some();
    if is_newer || shown.evaluation_window.as_ref().is_some_and(|window| !is_plain(window)) {
        return Some("it has settings that Lifeboat does not copy yet");
    }
    (shown.metric_name.is_none() || shown.threshold.is_none()).then_some("it names no metric")
}

fn metric(shown: &Shown) -> Option<Alarm> {
    let name = shown.alarm_name.clone()?;
    if let Some(why) = why_not(shown) {
        let metrics = shown.metrics().iter().filter_map(|query| query.metric_stat()?.metric());
        let dimensions = metrics.flat_map(|metric| pairs(metric.dimensions())).chain(pairs(shown.dimensions())).collect();
        return Some(Alarm::Other(OtherAlarm { name, dimensions, rule: None, why: why.to_owned() }));
    }
    Some(Alarm::Metric(Box::new(MetricAlarm {
        name,
        description: shown.alarm_description.clone(),
        namespace: shown.namespace.clone().unwrap_or_default(),
        metric: shown.metric_name.clone().unwrap_or_default(),
        dimensions: pairs(shown.dimensions()).collect(),
        statistic: words(shown.statistic.as_ref()),
        extended_statistic: shown.extended_statistic.clone(),
        unit: words(shown.unit.as_ref()),
        period: shown.period.unwrap_or_default(),
        evaluation_periods: shown.evaluation_periods.unwrap_or_default(),
        datapoints_to_alarm: shown.datapoints_to_alarm,
        threshold: words(shown.threshold).unwrap_or_default(),
        comparison: words(shown.comparison_operator.as_ref()).unwrap_or_default(),
        missing_data: shown.treat_missing_data.clone(),
        low_samples: shown.evaluate_low_sample_count_percentile.clone(),
        // As CloudWatch has it where nobody said otherwise.
        actions_enabled: shown.actions_enabled.unwrap_or(true),
        alarm_actions: shown.alarm_actions().to_vec(),
        ok_actions: shown.ok_actions().to_vec(),
        no_data_actions: shown.insufficient_data_actions().to_vec(),
    })))
}

fn composite(shown: &CompositeAlarm) -> Option<Alarm> {
    Some(Alarm::Other(OtherAlarm {
        name: shown.alarm_name.clone()?,
        dimensions: Vec::new(),
        rule: shown.alarm_rule.clone(),
        why: "it is composite: its rule names the alarms on the old one, and their copies must be added to it".to_owned(),
    }))
}

impl ReadAlarms for Alarms {
    async fn alarms(&self) -> Answer<Vec<Alarm>> {
        let (mut found, mut from, began) = (Vec::new(), None, Instant::now());
        for _ in 0..MOST_PAGES {
            if began.elapsed() > LISTED_WITHIN {
                let text = format!("{} alarms were listed within {} s, and there are more", found.len(), LISTED_WITHIN.as_secs());
                return Err(CallError::new(CallClass::Unknown, READ, "Deadline", text));
            }
            let request = self.client.describe_alarms().alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
            let output = request.max_records(PAGE).set_next_token(from).send().await.map_err(|error| call_error(READ, &error))?;
            found.extend(output.metric_alarms().iter().filter_map(metric));
            found.extend(output.composite_alarms().iter().filter_map(composite));
            from = output.next_token;
            if from.is_none() {
                return Ok(found);
            }
        }
        Err(invalid(READ, "NextToken", "the list of alarms does not end"))
    }

    async fn alarm(&self, name: &str) -> Answer<Option<Alarm>> {
        let request = self.client.describe_alarms().alarm_names(name);
        let request = request.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
        let output = request.send().await.map_err(|error| call_error(READ, &error))?;
        let found = output.metric_alarms().iter().filter_map(metric).chain(output.composite_alarms().iter().filter_map(composite));
        Ok(found.into_iter().find(|alarm| alarm.name() == name))
    }
}

impl WriteAlarms for Alarms {
    async fn put_alarm(&self, alarm: &MetricAlarm) -> Answer<()> {
        let threshold: f64 =
            alarm.threshold.parse().map_err(|_| invalid(WRITE, "Threshold", format!("{:?} is no number", alarm.threshold)))?;
        let dimensions = alarm.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build());
        let request = self
            .client
            .put_metric_alarm()
            .alarm_name(&alarm.name)
            .set_alarm_description(alarm.description.clone())
            .namespace(&alarm.namespace)
            .metric_name(&alarm.metric)
            .set_dimensions(Some(dimensions.collect()))
            .set_statistic(alarm.statistic.as_deref().map(Statistic::from))
            .set_extended_statistic(alarm.extended_statistic.clone())
            .set_unit(alarm.unit.as_deref().map(StandardUnit::from))
            .period(alarm.period)
            .evaluation_periods(alarm.evaluation_periods)
            .set_datapoints_to_alarm(alarm.datapoints_to_alarm)
            .threshold(threshold)
            .comparison_operator(ComparisonOperator::from(alarm.comparison.as_str()))
            .set_treat_missing_data(alarm.missing_data.clone())
            .set_evaluate_low_sample_count_percentile(alarm.low_samples.clone())
            .actions_enabled(alarm.actions_enabled)
            .set_alarm_actions(Some(alarm.alarm_actions.clone()))
            .set_ok_actions(Some(alarm.ok_actions.clone()))
            .set_insufficient_data_actions(Some(alarm.no_data_actions.clone()));
        request.send().await.map(|_| ()).map_err(|error| call_error(WRITE, &error))
    }
}

#[cfg(test)]
mod tests;
