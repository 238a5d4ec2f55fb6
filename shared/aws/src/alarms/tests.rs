//! What is sent to CloudWatch and read of it, in the binary JSON (RFC 8949) that its SDK speaks.

use super::*;
use crate::wire;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use lifeboat_domain::CallClass;
use serde_json::{Map, Value, json};

/// A length with its major type.
fn head(kind: u8, length: usize, into: &mut Vec<u8>) {
    into.push(kind << 5 | 26);
    into.extend(u32::try_from(length).unwrap().to_be_bytes());
}

fn encode(value: &Value, into: &mut Vec<u8>) {
    match value {
        Value::Bool(yes) => into.push(if *yes { 0xf5 } else { 0xf4 }),
        Value::Number(number) if number.is_f64() => {
            into.push(0xfb);
            into.extend(number.as_f64().unwrap().to_be_bytes());
        }
        Value::Number(number) => head(0, usize::try_from(number.as_u64().unwrap()).unwrap(), into),
        Value::String(text) => {
            head(3, text.len(), into);
            into.extend(text.as_bytes());
        }
        Value::Array(members) => {
            head(4, members.len(), into);
            members.iter().for_each(|member| encode(member, into));
        }
        Value::Object(fields) => {
            head(5, fields.len(), into);
            for (name, value) in fields {
                encode(&json!(name), into);
                encode(value, into);
            }
        }
        Value::Null => into.push(0xf6),
    }
}

fn take(from: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = from.split_at(length);
    *from = rest;
    taken.to_vec()
}

fn decode(from: &mut &[u8]) -> Value {
    let first = take(from, 1)[0];
    let (kind, low) = (first >> 5, first & 31);
    let size = |from: &mut &[u8]| match low {
        0..=23 => usize::from(low),
        24 => usize::from(take(from, 1)[0]),
        25 => usize::from(u16::from_be_bytes(take(from, 2).try_into().unwrap())),
        26 => u32::from_be_bytes(take(from, 4).try_into().unwrap()) as usize,
        _ => usize::MAX,
    };
    match kind {
        0 => json!(size(from)),
        3 => {
            let length = size(from);
            json!(String::from_utf8(take(from, length)).unwrap())
        }
        4 | 5 => {
            let (count, mut list, mut map) = (size(from), Vec::new(), Map::new());
            while from[0] != 0xff && (if kind == 4 { list.len() } else { map.len() }) < count {
                let first = decode(from);
                if kind == 4 {
                    list.push(first);
                } else {
                    map.insert(first.as_str().unwrap().to_owned(), decode(from));
                }
            }
            if low == 31 {
                take(from, 1);
            }
            if kind == 4 { json!(list) } else { Value::Object(map) }
        }
        7 if first == 0xfb => json!(f64::from_be_bytes(take(from, 8).try_into().unwrap())),
        7 if first == 0xfa => json!(f32::from_be_bytes(take(from, 4).try_into().unwrap())),
        7 => json!(first == 0xf5),
        _ => panic!("{first:#x} is nothing that CloudWatch's SDK sends"),
    }
}

struct CloudWatch(StaticReplayClient);

impl CloudWatch {
    fn answering(answers: &[(u16, Value)]) -> Self {
        let answer = |(status, body): &(u16, Value)| {
            let mut bytes = Vec::new();
            encode(body, &mut bytes);
            let mut response = HttpResponse::new((*status).try_into().unwrap(), SdkBody::from(bytes));
            response.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
            ReplayEvent::new(HttpRequest::new(SdkBody::empty()), response)
        };
        Self(StaticReplayClient::new(answers.iter().map(answer).collect()))
    }

    async fn alarms(&self) -> Alarms {
        Alarms::new(&wire::config(self.0.clone()).await)
    }

    fn sent(&self) -> Vec<Value> {
        self.0.actual_requests().map(|request| decode(&mut request.body().bytes().unwrap())).collect()
    }
}

fn throttles() -> Value {
    json!({
        "AlarmName": "throttles", "AlarmDescription": "page", "Namespace": "AWS/DynamoDB", "MetricName": "ReadThrottleEvents",
        "Dimensions": [{"Name": "TableName", "Value": "orders"}], "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2, "Threshold": 10.5, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "ActionsEnabled": true, "AlarmActions": ["arn:aws:sns:eu-central-1:1:on-call"], "OKActions": [], "InsufficientDataActions": [],
    })
}

fn alarm() -> MetricAlarm {
    MetricAlarm {
        name: "throttles".into(),
        description: Some("page".into()),
        namespace: "AWS/DynamoDB".into(),
        metric: "ReadThrottleEvents".into(),
        dimensions: [("TableName".to_owned(), "orders".to_owned())].into(),
        statistic: Some("Sum".into()),
        period: 60,
        evaluation_periods: 3,
        datapoints_to_alarm: Some(2),
        threshold: "10.5".into(),
        comparison: "GreaterThanThreshold".into(),
        missing_data: Some("notBreaching".into()),
        actions_enabled: true,
        alarm_actions: vec!["arn:aws:sns:eu-central-1:1:on-call".into()],
        ..MetricAlarm::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_read_whole_and_written_as_it_was_read() {
    let service = CloudWatch::answering(&[(200, json!({"MetricAlarms": [throttles()], "CompositeAlarms": []})), (200, json!({}))]);
    let alarms = service.alarms().await;
    assert_eq!(alarms.alarm("throttles").await.unwrap(), Some(Alarm::Metric(Box::new(alarm()))));
    alarms.put_alarm(&alarm()).await.unwrap();
    assert_eq!(service.sent()[1], throttles(), "nothing is lost and nothing is added");
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read_and_what_cannot_be_copied_says_why() {
    let with = |name: &str, more: Value| {
        let mut shown = throttles();
        shown["AlarmName"] = json!(name);
        shown.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shown
    };
    let query = |id: &str| {
        let dimension = json!([{"Name": "TableName", "Value": "orders"}]);
        let metric = json!({"Namespace": "AWS/DynamoDB", "MetricName": "x", "Dimensions": dimension});
        json!({"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}})
    };
    let math = json!({"AlarmName": "math", "Metrics": [query("a"), {"Id": "b", "Expression": "a*2"}], "Threshold": 1.0});
    let band = json!({"AlarmName": "band", "Metrics": [query("a")], "ThresholdMetricId": "ad1"});
    let later = with("later", json!({"WarmUpConfiguration": {}}));
    let pages = [
        (200, json!({"MetricAlarms": [throttles(), math, band, later], "CompositeAlarms": [], "NextToken": "more"})),
        (200, json!({"MetricAlarms": [], "CompositeAlarms": [{"AlarmName": "both", "AlarmRule": "ALARM(throttles)"}]})),
    ];
    let service = CloudWatch::answering(&pages);
    let found = service.alarms().await.alarms().await.unwrap();
    let other = |alarm: &Alarm| match alarm {
        Alarm::Metric(_) => None,
        Alarm::Other(other) => Some((other.name.clone(), other.dimensions.clone(), other.rule.clone(), other.why.clone())),
    };
    assert!(matches!(&found[0], Alarm::Metric(found) if **found == alarm()), "{found:?}");
    let others: Vec<_> = found.iter().filter_map(other).collect();
    assert_eq!(others.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["math", "band", "later", "both"]);
    assert!(others[..3].iter().all(|it| it.1.contains(&("TableName".into(), "orders".into()))), "{others:?}");
    assert!(others[0].3.contains("expression") && others[1].3.contains("anomaly") && others[2].3.contains("not copy yet"), "{others:?}");
    assert_eq!(others[3].2.as_deref(), Some("ALARM(throttles)"));
    let sent = service.sent();
    assert_eq!(sent[0], json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}));
    assert_eq!(sent[1]["NextToken"], "more");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_by_its_code_and_a_threshold_that_is_no_number_is_never_sent() {
    let refused = |code: &str| (400, json!({"__type": format!("com.amazonaws.cloudwatch#{code}"), "message": "no"}));
    let service = CloudWatch::answering(&[refused("LimitExceededFault"), refused("AccessDenied")]);
    let alarms = service.alarms().await;
    let error = alarms.put_alarm(&alarm()).await.unwrap_err();
    assert_eq!(error.code, "LimitExceededFault", "{error}");
    assert_eq!(alarms.put_alarm(&alarm()).await.unwrap_err().class, CallClass::Denied);
    let broken = MetricAlarm { threshold: "much".into(), ..alarm() };
    assert_eq!(alarms.put_alarm(&broken).await.unwrap_err().class, CallClass::Invalid);
    assert_eq!(service.sent().len(), 2);
}
