//! Ready commands for DynamoDB tables.

use super::{Execution, shorthand};
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, SnapshotId};
use lifeboat_domain::observed::FENCED;
use lifeboat_domain::show_time;
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

/// Whether an ARN is a table's.
pub(super) fn is_of_table(arn: &Arn) -> bool {
    DatabaseId::of_arn(arn).is_some_and(|id| id.kind() == ResourceKind::DynamodbTable)
}

/// The input of `salvage` that previews what of a copy could be written back, and the command that starts it.
pub(crate) fn salvage(execution: &str, resource: &Identity, copy: &DatabaseId, written_at: Option<&str>) -> Vec<String> {
    let dated = written_at.map(|name| format!(", \"written_at\": {}", serde_json::Value::from(name))).unwrap_or_default();
    let input = format!("{{\"resource\": \"{resource}\", \"copy\": \"{copy}\"{dated}}}");
    let mut commands = vec![input.clone()];
    // The shell would end the input at a quote of its own.
    let started = Execution::parse(execution).filter(|_| !input.contains('\''));
    commands.extend(started.and_then(|execution| execution.start_sibling("salvage", &input)));
    commands
}

pub(super) fn describe(arn: &Arn, id: &DatabaseId) -> String {
    let query = "Table.[TableStatus,TableId,RestoreSummary,DeletionProtectionEnabled]";
    format!("aws dynamodb describe-table --region {} --table-name {id} --query '{query}'", arn.region())
}

/// DynamoDB announces nothing: CloudTrail knows who did what.
pub(super) fn events(arn: &Arn, id: &DatabaseId, since: Option<Timestamp>) -> String {
    let since = since.map(|since| format!(" --start-time {}", show_time(since))).unwrap_or_default();
    format!(
        "aws cloudtrail lookup-events --region {} --lookup-attributes AttributeKey=ResourceName,AttributeValue={id}{since} --max-results 20",
        arn.region()
    )
}

/// Adds Lifeboat's denial of writes to the policy of a table, or takes it away; all other statements stay. The policy is read once, and
/// replaced only if it is still the one that was read: a look that fails must not cost the owner's own statements.
pub(super) fn set_door(arn: &Arn, groups: &[String]) -> String {
    let on = |verb: &str| format!("aws dynamodb {verb}-resource-policy --region {} --resource-arn {arn}", arn.region());
    let (get, put, delete) = (on("get"), on("put"), on("delete"));
    let revision = r#"--expected-revision-id "$(printf '%s' "$DOOR" | jq -r .RevisionId)""#;
    if groups.iter().any(|group| group == FENCED) {
        let actions = r#"["dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:BatchWriteItem","dynamodb:PartiQLInsert","dynamodb:PartiQLUpdate","dynamodb:PartiQLDelete"]"#;
        let statement = format!(
            r#"{{"Sid":"LifeboatFence","Effect":"Deny","Principal":"*","Action":{actions},"Resource":"{arn}","Condition":{{"ArnNotLike":{{"aws:PrincipalArn":"arn:*:iam::*:role/aws-service-role/replication.dynamodb.amazonaws.com/*"}}}}}}"#
        );
        let nothing = r#"{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[]}","RevisionId":"NO_POLICY"}"#;
        return format!(
            r#"DOOR=$({get} --output json || echo '{nothing}') && {put} {revision} --policy "$(printf '%s' "$DOOR" | jq -c '.Policy | fromjson | .Statement += [{statement}]')""#
        );
    }
    let kept = r#"jq -c '.Policy | fromjson | .Statement |= map(select(.Sid != "LifeboatFence"))'"#;
    format!(
        r#"DOOR=$({get} --output json) && KEPT=$(printf '%s' "$DOOR" | {kept}) && if [ "$(printf '%s' "$KEPT" | jq '.Statement | length')" = 0 ]; then {delete} {revision}; else {put} {revision} --policy "$KEPT"; fi"#
    )
}

/// Adds the denial, and waits until the table shows it.
pub(super) fn shut(arn: &Arn, group: &str) -> Vec<String> {
    let shown = format!("aws dynamodb get-resource-policy --region {} --resource-arn {arn} --output json", arn.region());
    vec![set_door(arn, &[group.to_owned()]), format!("until {shown} | grep -q LifeboatFence; do sleep 5; done")]
}

pub(super) fn add_tags(arn: &Arn, tags: &BTreeMap<String, String>) -> String {
    format!("aws dynamodb tag-resource --region {} --resource-arn {arn} --tags {}", arn.region(), shorthand(tags))
}

pub(super) fn remove_tags(arn: &Arn, keys: &[String]) -> String {
    format!("aws dynamodb untag-resource --region {} --resource-arn {arn} --tag-keys {}", arn.region(), keys.join(" "))
}

pub(super) fn back_up(arn: &Arn, id: &DatabaseId, name: &SnapshotId) -> String {
    format!("aws dynamodb create-backup --region {} --table-name {id} --backup-name {name}", arn.region())
}

/// Deletes a table once a last backup of it stands.
pub(super) fn delete(arn: &Arn, id: &DatabaseId, with_backup: bool) -> Vec<String> {
    let region = arn.region();
    let mut commands = Vec::new();
    if with_backup {
        commands.extend([
            format!("BACKUP=$(aws dynamodb create-backup --region {region} --table-name {id} --backup-name {id}-final --query BackupDetails.BackupArn --output text)"),
            format!("until [ \"$(aws dynamodb describe-backup --region {region} --backup-arn \"$BACKUP\" --query BackupDescription.BackupDetails.BackupStatus --output text)\" = AVAILABLE ]; do sleep 5; done"),
        ]);
    }
    commands.push(format!("aws dynamodb update-table --region {region} --table-name {id} --no-deletion-protection-enabled"));
    commands.push(format!("aws dynamodb wait table-exists --region {region} --table-name {id}"));
    commands.push(format!("aws dynamodb delete-table --region {region} --table-name {id}"));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::observed::UNFENCED;

    #[test]
    fn the_fence_is_a_statement_that_is_added_and_taken_away_and_a_deletion_waits_for_its_backup() {
        let arn = Arn::parse("arn:aws:dynamodb:eu-west-1:123456789012:table/orders").unwrap();
        let id = DatabaseId::new(ResourceKind::DynamodbTable, "orders").unwrap();
        let (closed, open) = (set_door(&arn, &[FENCED.to_owned()]), set_door(&arn, &[UNFENCED.to_owned()]));
        assert!(closed.contains("\"Effect\":\"Deny\"") && closed.contains("put-resource-policy"), "{closed}");
        assert!(!open.contains("Deny") && open.contains("delete-resource-policy"), "{open}");
        for command in [&closed, &open] {
            let writes = command.matches("put-resource-policy").count() + command.matches("delete-resource-policy").count();
            assert_eq!(command.matches("--expected-revision-id").count(), writes, "only over what was read: {command}");
        }
        let deleting = delete(&arn, &id, true).join("\n");
        assert!(deleting.find("AVAILABLE") < deleting.find("delete-table"), "{deleting}");
        assert!(is_of_table(&arn));
    }
}
