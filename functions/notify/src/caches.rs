//! Ready commands and notes for caches. No command reboots a node: a rebooted primary comes back empty.

use crate::commands::quoted;
use crate::iac::{Changed, LeftBehind, TellYourIac};
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, SnapshotId};
use lifeboat_domain::incident::{Restored, Source};
use lifeboat_domain::show_time;
use lifeboat_domain::words::ResourceKind;

/// Whether it is a replication group.
pub(crate) const fn is_cache(id: &DatabaseId) -> bool {
    matches!(id.kind(), ResourceKind::ReplicationGroup)
}

fn on(verb: &str, arn: &Arn, id: &DatabaseId, rest: &str) -> String {
    let plural = if verb == "describe" { "s" } else { "" };
    let region = arn.region();
    format!("aws elasticache {verb}-replication-group{plural} --region {region} --replication-group-id {id} {rest}").trim_end().to_owned()
}

/// How a cache stands now.
pub(crate) fn describe(arn: &Arn, id: &DatabaseId) -> String {
    on("describe", arn, id, "--query 'ReplicationGroups[0].[Status,AutomaticFailover,MultiAZ,NodeGroups]'")
}

/// What ElastiCache says happened to it in the last two hours, or since a moment.
pub(crate) fn events(arn: &Arn, id: &DatabaseId, since: Option<Timestamp>) -> String {
    let region = arn.region();
    let when = since.map_or_else(|| "--duration 120".to_owned(), |since| format!("--start-time {}", show_time(since)));
    format!("aws elasticache describe-events --region {region} --source-type replication-group --source-identifier {id} {when}")
}

/// Promotes a replica, as ElastiCache lets it be done; each waits for the one before, and what was switched off is on at the end.
pub(crate) fn force_failover(arn: &Arn, id: &DatabaseId) -> String {
    let off = on("modify", arn, id, "--no-automatic-failover-enabled --no-multi-az-enabled --apply-immediately");
    let wait = format!("aws elasticache wait replication-group-available --region {} --replication-group-id {id}", arn.region());
    let promote = on("modify", arn, id, "--primary-cluster-id REPLICA --apply-immediately");
    let on_again = on("modify", arn, id, "--automatic-failover-enabled --multi-az-enabled --apply-immediately");
    // Whatever becomes of the promotion, a cache must not stay without automatic failover.
    format!("{off} && {wait} && {promote}; {wait}; {on_again}")
}

/// Gives a cache other security groups.
pub(crate) fn set_groups(arn: &Arn, id: &DatabaseId, groups: &[String]) -> String {
    on("modify", arn, id, &format!("--security-group-ids {} --apply-immediately", groups.join(" ")))
}

/// Moves a cache behind the group that admits `validate` alone. Its sessions are ended by its engine.
pub(crate) fn shut(arn: &Arn, id: &DatabaseId, group: &str) -> Vec<String> {
    vec![
        set_groups(arn, id, &[group.to_owned()]),
        "# from a host that the group admits, with its AUTH token in REDISCLI_AUTH; never reboot a primary, which wipes it:".to_owned(),
        end_sessions(id),
    ]
}

/// Ends the sessions of everybody else on a cache, by its engine.
pub(crate) fn end_sessions(id: &DatabaseId) -> String {
    format!("redis-cli --tls -h PRIMARY_ENDPOINT_OF_{id} CLIENT KILL TYPE normal SKIPME yes")
}

/// Adds or removes tags.
pub(crate) fn add_tags(arn: &Arn, shorthand: &str) -> String {
    format!("aws elasticache add-tags-to-resource --region {} --resource-name {arn} --tags {shorthand}", arn.region())
}

/// See [`add_tags`].
pub(crate) fn remove_tags(arn: &Arn, keys: &str) -> String {
    format!("aws elasticache remove-tags-from-resource --region {} --resource-name {arn} --tag-keys {keys}", arn.region())
}

/// A snapshot of its last node, which is a replica where it has one; with cluster mode, of the group.
pub(crate) fn snapshot(arn: &Arn, id: &DatabaseId, name: &SnapshotId, shorthand: &str) -> String {
    let region = arn.region();
    let node = on("describe", arn, id, "--query 'ReplicationGroups[0].NodeGroups[0].NodeGroupMembers[-1].CacheClusterId' --output text");
    let told = format!("--snapshot-name {name} --tags {shorthand}");
    format!(
        "aws elasticache create-snapshot --region {region} --cache-cluster-id \"$({node})\" {told} # with cluster mode: --replication-group-id {id} instead"
    )
}

/// Deletes a cache, with a final snapshot where one is wanted.
pub(crate) fn delete(arn: &Arn, id: &DatabaseId, with_snapshot: bool) -> String {
    let snapshot = if with_snapshot { format!("--final-snapshot-identifier {id}-final") } else { String::new() };
    on("delete", arn, id, &snapshot)
}

/// What infrastructure code must be told of a cache.
pub(crate) fn tell_iac(resource: &Identity, source: &Source, restored: &Restored, changed: Vec<Changed>) -> TellYourIac {
    let name = resource.as_str().replace('-', "_");
    let (region, old, new) = (source.arn.region(), &source.id, &restored.id);
    let line = |what: &str, how: String| LeftBehind { what: what.to_owned(), how };
    let alarms = format!("MetricAlarms[?Dimensions[?Name=='CacheClusterId' && starts_with(Value, '{old}-')]].AlarmName");
    let host = source.endpoint.as_ref().map_or(old.as_str(), |endpoint| endpoint.host.as_str());
    TellYourIac {
        changed,
        terraform_import_block: format!("import {{\n  to = aws_elasticache_replication_group.{name}\n  id = \"{new}\"\n}}"),
        terraform_commands: terraform(&name, new),
        cloudformation_resources_to_import: serde_json::json!([{
            "ResourceType": "AWS::ElastiCache::ReplicationGroup", "LogicalResourceId": resource.as_str().replace('-', ""),
            "ResourceIdentifier": {"ReplicationGroupId": new.as_str()},
        }])
        .to_string(),
        did_not_move: vec![
            line(
                "CloudWatch alarms with the dimension CacheClusterId",
                format!("aws cloudwatch describe-alarms --region {region} --query {}", quoted(&alarms)),
            ),
            line("CloudWatch dashboards that name it", format!("aws cloudwatch list-dashboards --region {region}")),
            line(
                "Its place in a global datastore, if it had one",
                format!("aws elasticache describe-global-replication-groups --region {region}"),
            ),
            line(
                "Autoscaling of its shards and replicas",
                format!("aws application-autoscaling describe-scalable-targets --region {region} --service-namespace elasticache"),
            ),
            line("DNS names and configuration files that hold the old endpoint", format!("search your repositories for {host}")),
        ],
    }
}

/// Forgetting comes first: it deletes nothing.
pub(crate) fn terraform(name: &str, new: &DatabaseId) -> Vec<String> {
    let of = format!("aws_elasticache_replication_group.{name}");
    vec![format!("terraform state rm {of}"), format!("terraform import {of} {new}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_for_a_cache_reboots_a_node_or_tests_a_failover() {
        let arn = Arn::parse("arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:sessions").unwrap();
        let id = DatabaseId::parse("replicationgroup:sessions").unwrap();
        let mut all = vec![describe(&arn, &id), events(&arn, &id, None), force_failover(&arn, &id), delete(&arn, &id, true)];
        all.extend(shut(&arn, &id, "sg-1"));
        for command in all {
            assert!(!command.contains("reboot-") && !command.contains("test-failover") && !command.contains("aws rds"), "{command}");
        }
    }
}
