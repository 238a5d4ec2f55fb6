//! AWS's XML: what the model answers is serialised to JSON, and that is written with AWS's names for the items of lists.

use lifeboat_testing::model::ApiError;
use serde::Serialize;
use serde_json::Value;

/// The namespace of RDS.
pub const RDS: &str = "http://rds.amazonaws.com/doc/2014-10-31/";
const REQUEST: &str = "<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>";

/// The reply to an action that succeeded.
pub fn result(namespace: &str, action: &str, wrapper: Option<&str>, output: &impl Serialize) -> String {
    let output = serde_json::to_value(output).unwrap_or_default();
    let mut xml = format!("<?xml version=\"1.0\"?>\n<{action}Response xmlns=\"{namespace}\">");
    if !output.is_null() {
        xml.push_str(&format!("<{action}Result>"));
        match wrapper {
            Some(name) => element(&mut xml, name, &output),
            None => children(&mut xml, &output),
        }
        xml.push_str(&format!("</{action}Result>"));
    }
    xml.push_str(REQUEST);
    xml.push_str(&format!("</{action}Response>"));
    xml
}

/// The reply to an action that was refused.
pub fn error(error: &ApiError) -> String {
    let side = if error.status >= 500 { "Receiver" } else { "Sender" };
    let mut xml = format!("<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{RDS}\"><Error><Type>{side}</Type>");
    element(&mut xml, "Code", &Value::from(error.code.as_str()));
    element(&mut xml, "Message", &Value::from(error.message.as_str()));
    xml.push_str("</Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>");
    xml
}

fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push_str(&format!("<{name}>"));
    match value {
        Value::Array(items) => items.iter().for_each(|item| element(xml, item_of(name), item)),
        Value::Object(_) => children(xml, value),
        Value::String(text) => escape(xml, text),
        other => xml.push_str(&other.to_string()),
    }
    xml.push_str(&format!("</{name}>"));
}

fn children(xml: &mut String, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        element(xml, name, value);
    }
}

/// What AWS calls an item of this list.
fn item_of(list: &str) -> &str {
    match list {
        "DBInstances" => "DBInstance",
        "DBClusters" => "DBCluster",
        "DBClusterMembers" => "DBClusterMember",
        "DBClusterSnapshots" => "DBClusterSnapshot",
        "DBClusterAutomatedBackups" => "DBClusterAutomatedBackup",
        "DBSnapshots" => "DBSnapshot",
        "DBInstanceAutomatedBackups" => "DBInstanceAutomatedBackup",
        "AccountQuotas" => "AccountQuota",
        "TagList" => "Tag",
        "VpcSecurityGroups" => "VpcSecurityGroupMembership",
        "DBParameterGroups" => "DBParameterGroup",
        "OptionGroupMemberships" => "OptionGroupMembership",
        "Subnets" => "Subnet",
        "StatusInfos" => "DBInstanceStatusInfo",
        "ReadReplicaDBInstanceIdentifiers" => "ReadReplicaDBInstanceIdentifier",
        "ReplicationGroups" => "ReplicationGroup",
        "MemberClusters" => "ClusterId",
        "NodeGroups" => "NodeGroup",
        "NodeGroupMembers" => "NodeGroupMember",
        "CacheClusters" => "CacheCluster",
        "CacheNodes" => "CacheNode",
        "CacheSubnetGroups" => "CacheSubnetGroup",
        "Snapshots" => "Snapshot",
        "NodeSnapshots" => "NodeSnapshot",
        "LogDeliveryConfigurations" => "LogDeliveryConfiguration",
        _ => "member",
    }
}

fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {}
            c => xml.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_of_lists_get_the_names_that_aws_gives_them() {
        let xml = result(
            RDS,
            "DescribeDBInstances",
            None,
            &json!({"DBInstances":[{"TagList":[{"Key":"a"}],"EnabledCloudwatchLogsExports":["postgresql"]}]}),
        );
        assert!(xml.contains("<DescribeDBInstancesResult><DBInstances><DBInstance>"), "{xml}");
        assert!(xml.contains("<TagList><Tag><Key>a</Key></Tag></TagList>"), "{xml}");
        assert!(xml.contains("<EnabledCloudwatchLogsExports><member>postgresql</member></EnabledCloudwatchLogsExports>"), "{xml}");
    }

    #[test]
    fn what_is_null_is_not_written() {
        assert!(!result(RDS, "X", Some("Y"), &json!({"A":null,"B":1})).contains("<A>"));
    }

    #[test]
    fn an_action_without_a_result_has_none() {
        assert!(!result(RDS, "AddTagsToResource", None, &()).contains("Result>"));
    }

    #[test]
    fn text_is_escaped() {
        let xml = error(&ApiError::new("Code", "a < b & \u{1}c"));
        assert!(xml.contains("<Message>a &lt; b &amp; c</Message>"), "{xml}");
    }
}
