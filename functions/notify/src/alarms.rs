//! Copies of alarms: the command that makes one, and what infrastructure code must be told of them.

use crate::commands::quoted;
use crate::iac::LeftBehind;
use crate::story::Story;
use lifeboat_domain::acting::CallState;
use lifeboat_domain::alarms::MetricAlarm;
use lifeboat_domain::ids::Arn;
use lifeboat_domain::plan::Act;
use serde_json::{Map, Value, json};

/// Makes a copy, as the plan has it.
pub(crate) fn put(arn: &Arn, alarm: &MetricAlarm) -> String {
    let mut input = Map::new();
    let mut tell = |name: &str, value: Value| {
        if !value.is_null() {
            input.insert(name.to_owned(), value);
        }
    };
    let dimensions: Vec<Value> = alarm.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    tell("AlarmName", json!(alarm.name));
    tell("AlarmDescription", json!(alarm.description));
    tell("Namespace", json!(alarm.namespace));
    tell("MetricName", json!(alarm.metric));
    tell("Dimensions", json!(dimensions));
    tell("Statistic", json!(alarm.statistic));
    tell("ExtendedStatistic", json!(alarm.extended_statistic));
    tell("Unit", json!(alarm.unit));
    tell("Period", json!(alarm.period));
    tell("EvaluationPeriods", json!(alarm.evaluation_periods));
    tell("DatapointsToAlarm", json!(alarm.datapoints_to_alarm));
    tell("Threshold", serde_json::from_str(&alarm.threshold).unwrap_or_default());
    tell("ComparisonOperator", json!(alarm.comparison));
    tell("TreatMissingData", json!(alarm.missing_data));
    tell("EvaluateLowSampleCountPercentile", json!(alarm.low_samples));
    tell("ActionsEnabled", json!(alarm.actions_enabled));
    tell("AlarmActions", json!(alarm.alarm_actions));
    tell("OKActions", json!(alarm.ok_actions));
    tell("InsufficientDataActions", json!(alarm.no_data_actions));
    format!("aws cloudwatch put-metric-alarm --region {} --cli-input-json {}", arn.region(), quoted(&Value::Object(input).to_string()))
}

/// The copies that were made: nobody's code knows them, and they page.
pub(crate) fn made(story: &Story) -> Option<LeftBehind> {
    let plan = story.plan()?;
    let is_done = |index: usize| {
        story.calls.iter().any(|(hash, record)| *hash == plan.hash && record.index == index && record.state == CallState::Done)
    };
    let made = plan.calls.iter().enumerate().filter(|(index, _)| is_done(*index));
    let names: Vec<String> = made
        .filter_map(|(_, call)| match &call.act {
            Act::CopyAlarm { alarm, .. } => Some(quoted(&alarm.name)),
            _ => None,
        })
        .collect();
    let region = story.incident.source.arn.region();
    (!names.is_empty()).then(|| LeftBehind {
        what: format!(
            "Copies of its CloudWatch alarms, {} in number: take them into your code, or delete them once its own alarms watch the new one",
            names.len()
        ),
        how: format!("aws cloudwatch describe-alarms --region {region} --alarm-names {}", names.join(" ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tells_all_that_the_copy_is_and_nothing_that_it_is_not() {
        let alarm = MetricAlarm {
            name: "lifeboat-copy-orders-r1-it's".into(),
            namespace: "AWS/DynamoDB".into(),
            metric: "ReadThrottleEvents".into(),
            dimensions: [("TableName".to_owned(), "orders-r1".to_owned())].into(),
            statistic: Some("Sum".into()),
            period: 60,
            evaluation_periods: 3,
            threshold: "0.5".into(),
            comparison: "GreaterThanThreshold".into(),
            actions_enabled: true,
            alarm_actions: vec!["arn:aws:sns:eu-west-1:1:on-call".into()],
            ..MetricAlarm::default()
        };
        let arn = Arn::parse("arn:aws:dynamodb:eu-west-1:123456789012:table/orders").unwrap();
        let command = put(&arn, &alarm);
        let (before, input) = command.split_once(" --cli-input-json ").unwrap();
        assert_eq!(before, "aws cloudwatch put-metric-alarm --region eu-west-1");
        let input: Value = serde_json::from_str(&input.trim_matches('\'').replace(r"'\''", "'")).unwrap();
        assert_eq!(input["Threshold"], json!(0.5));
        assert_eq!(input["AlarmName"], "lifeboat-copy-orders-r1-it's");
        assert_eq!(input["Dimensions"], json!([{"Name": "TableName", "Value": "orders-r1"}]));
        assert!(input.get("Unit").is_none() && input.get("TreatMissingData").is_none(), "{input}");
    }
}
