//! What CloudTrail tells of a call, as EventBridge delivers it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// `AWS API Call via CloudTrail` of a call on a table.
pub fn trail_event(call: &str, table: &str, parameters: &Value, now: DateTime<Utc>) -> Value {
    let time = lifeboat_domain::show_time(now);
    let mut request = json!({"tableName": table});
    if let (Value::Object(request), Value::Object(more)) = (&mut request, parameters) {
        request.extend(more.clone());
    }
    json!({
        "version": "0", "id": format!("trail-{call}-{table}-{}", now.timestamp_millis()), "source": "aws.dynamodb",
        "detail-type": "AWS API Call via CloudTrail", "account": "123456789012", "region": "us-east-1", "time": time, "resources": [],
        "detail": {
            "eventVersion": "1.11", "eventTime": time, "eventSource": "dynamodb.amazonaws.com", "eventName": call,
            "awsRegion": "us-east-1", "requestParameters": request, "readOnly": false, "eventType": "AwsApiCall",
        },
    })
}
