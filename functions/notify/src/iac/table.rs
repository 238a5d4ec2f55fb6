//! What names an old DynamoDB table and was not touched.

use super::LeftBehind;
use lifeboat_domain::incident::{Restored, Source};

pub(super) fn left_behind(source: &Source, restored: &Restored) -> Vec<LeftBehind> {
    let (region, old, new) = (source.arn.region(), &source.id, &restored.id);
    let line = |what: &str, how: String| LeftBehind { what: what.to_owned(), how };
    vec![
        line(
            "CloudWatch alarms with the dimension TableName, which stand as they stood: they watch the old one",
            format!(
                "aws cloudwatch describe-alarms --region {region} --query \"MetricAlarms[?Dimensions[?Name=='TableName' && Value=='{old}']].AlarmName\""
            ),
        ),
        line(
            "Functions that read its stream: the new table's stream has another ARN and begins with its restore",
            format!("aws dynamodb describe-table --region {region} --table-name {new} --query Table.LatestStreamArn"),
        ),
        line(
            "Replicas in other Regions",
            format!("aws dynamodb describe-table --region {region} --table-name {old} --query Table.Replicas"),
        ),
        line("IAM policies that name the table", format!("search your policies for {}", source.arn)),
        line("Backup plans of AWS Backup, and exports, that name it", format!("search your plans for {}", source.arn)),
        line("Configuration files that hold the old name", format!("search your repositories for {old}")),
    ]
}
