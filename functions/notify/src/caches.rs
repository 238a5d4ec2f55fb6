//! Ready commands and notes for caches. No command reboots a node: a rebooted primary comes back empty.

use crate::commands::quoted;
use crate::iac::{Changed, LeftBehind, TellYourIac, terraform};
use lifeboat_domain::Timestamp;
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, SnapshotId};
use lifeboat_domain::incident::{Restored, Source};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::show_time;

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

/// Promotes a replica, as ElastiCache lets it be done. `before` says whether automatic failover and Multi-AZ were on, where they must be
/// off meanwhile: what was on is on again at the end, whatever becomes of the promotion.
pub(crate) fn force_failover(arn: &Arn, id: &DatabaseId, to: Option<&DatabaseId>, before: Option<(bool, bool)>) -> String {
    let to = to.map_or("REPLICA", DatabaseId::as_str);
    let promote = on("modify", arn, id, &format!("--primary-cluster-id {to} --apply-immediately"));
    let Some((automatic, multi_az)) = before else { return promote };
    let off = on("modify", arn, id, "--no-automatic-failover-enabled --no-multi-az-enabled --apply-immediately");
    let wait = format!("aws elasticache wait replication-group-available --region {} --replication-group-id {id}", arn.region());
    let was_on = [("--automatic-failover-enabled", automatic), ("--multi-az-enabled", multi_az)];
    let was_on: Vec<&str> = was_on.into_iter().filter_map(|(option, on)| on.then_some(option)).collect();
    let on_again = on("modify", arn, id, &format!("{} --apply-immediately", was_on.join(" ")));
    format!("{off} && {wait} && {promote}; {wait}; {on_again}")
}

/// Gives a cache other security groups.
pub(crate) fn set_groups(arn: &Arn, id: &DatabaseId, groups: &[String]) -> String {
    on("modify", arn, id, &format!("--security-group-ids {} --apply-immediately", groups.join(" ")))
}

/// Where `redis-cli` must run, and how to go on where it ran elsewhere.
pub(crate) const HOW_TO_END_SESSIONS: &str = "# from a host that the group admits, with the AUTH token in REDISCLI_AUTH; where you end the sessions elsewhere, set CLOSED=yes yourself. Never reboot a primary, which wipes it";

/// Moves a cache behind the group that admits `validate` alone, waits until each node shows it, and ends the sessions by its engine.
pub(crate) fn shut(arn: &Arn, id: &DatabaseId, endpoint: Option<&Endpoint>, group: &str) -> Vec<String> {
    let shown = nodes(arn, id, "SecurityGroups[].join(`=`,[SecurityGroupId,Status])");
    let in_force = format!("until [ \"$({shown} | tr '\\t' '\\n' | sort -u)\" = {group}=active ]; do sleep 5; done");
    // Without an address nobody was ever led to it.
    let end = endpoint.map(|endpoint| end_sessions(arn, id, endpoint));
    [set_groups(arn, id, &[group.to_owned()]), in_force].into_iter().chain(end).collect()
}

/// Something of each node.
fn nodes(arn: &Arn, id: &DatabaseId, what: &str) -> String {
    let region = arn.region();
    format!(
        "aws elasticache describe-cache-clusters --region {region} --show-cache-node-info --output text --query 'CacheClusters[?ReplicationGroupId==`\"{id}\"`].{what}'"
    )
}

/// Ends the sessions of everybody else on a cache, by its engine: on its primary; with cluster mode, where each shard has one, on every
/// node. `redis-cli` exits with 0 where the engine says no, so its answer must be a number.
pub(crate) fn end_sessions(arn: &Arn, id: &DatabaseId, endpoint: &Endpoint) -> String {
    // ElastiCache names what is encrypted in transit `master.` and `clustercfg.`.
    let is_cluster_mode = endpoint.host.contains("clustercfg.");
    let tls = if endpoint.host.starts_with("master.") || endpoint.host.starts_with("clustercfg.") { "--tls " } else { "" };
    let kill = |host: &str| {
        let port = endpoint.port;
        format!("[ \"$(redis-cli {tls}-h {host} -p {port} CLIENT KILL TYPE normal SKIPME yes)\" -ge 0 ]")
    };
    if !is_cluster_mode {
        return kill(&endpoint.host);
    }
    let (nodes, kill) = (nodes(arn, id, "CacheNodes[].Endpoint.Address"), kill("\"$node\""));
    format!("LEFT=all && for node in $({nodes}); do if {kill}; then LEFT=; else LEFT=$node; break; fi; done && [ -z \"$LEFT\" ]")
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
    let snapshot = if with_snapshot { format!("--final-snapshot-identifier {}", final_name(id)) } else { String::new() };
    on("delete", arn, id, &snapshot)
}

/// `<id>-final` within the length of a snapshot's name.
fn final_name(id: &DatabaseId) -> String {
    const MOST: usize = 40;
    const END: &str = "-final";
    let stem: String = id.as_str().chars().take(MOST - END.len()).collect();
    format!("{}{END}", stem.trim_end_matches('-'))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> (Arn, DatabaseId, Endpoint) {
        let arn = Arn::parse("arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:sessions").unwrap();
        let host = "master.sessions.a1b2c3.euw1.cache.amazonaws.com".to_owned();
        (arn, DatabaseId::parse("replicationgroup:sessions").unwrap(), Endpoint { host, port: 6380 })
    }

    #[test]
    fn no_command_for_a_cache_reboots_a_node_or_tests_a_failover() {
        let (arn, id, endpoint) = sessions();
        let mut all = vec![describe(&arn, &id), events(&arn, &id, None), delete(&arn, &id, true)];
        all.push(force_failover(&arn, &id, None, Some((true, true))));
        all.extend(shut(&arn, &id, Some(&endpoint), "sg-1"));
        for command in all {
            assert!(!command.contains("reboot-") && !command.contains("test-failover") && !command.contains("aws rds"), "{command}");
        }
    }

    #[test]
    fn a_promotion_by_hand_names_the_replica_and_switches_on_only_what_was_on() {
        let (arn, id, _) = sessions();
        let replica = DatabaseId::parse("sessions-002").unwrap();
        let plain = force_failover(&arn, &id, Some(&replica), None);
        assert!(plain.contains("--primary-cluster-id sessions-002") && !plain.contains("-enabled"), "{plain}");
        let automatic = force_failover(&arn, &id, Some(&replica), Some((true, false)));
        assert!(automatic.ends_with("--automatic-failover-enabled --apply-immediately"), "{automatic}");
        assert!(!automatic.contains(" --multi-az-enabled") && automatic.contains(" --no-multi-az-enabled"), "{automatic}");
    }

    #[test]
    fn sessions_are_ended_where_the_cache_really_listens() {
        let (arn, id, endpoint) = sessions();
        let encrypted = end_sessions(&arn, &id, &endpoint);
        assert!(encrypted.contains("redis-cli --tls -h master.sessions.a1b2c3.euw1.cache.amazonaws.com -p 6380 "), "{encrypted}");
        let plain = Endpoint { host: "sessions.a1b2c3.ng.0001.euw1.cache.amazonaws.com".to_owned(), port: 6379 };
        let plain = end_sessions(&arn, &id, &plain);
        assert!(plain.contains("redis-cli -h sessions.a1b2c3.ng.0001.euw1.cache.amazonaws.com -p 6379 "), "{plain}");
        let sharded = Endpoint { host: "clustercfg.sessions.a1b2c3.euw1.cache.amazonaws.com".to_owned(), port: 6379 };
        let sharded = end_sessions(&arn, &id, &sharded);
        assert!(sharded.contains("for node in") && sharded.contains("redis-cli --tls -h \"$node\""), "{sharded}");
    }

    #[test]
    fn the_final_snapshot_has_a_name_that_elasticache_takes() {
        let (arn, id, _) = sessions();
        assert!(delete(&arn, &id, true).ends_with("--final-snapshot-identifier sessions-final"));
        let long = DatabaseId::parse("replicationgroup:a-cache-with-a-name-as-long-as-it-may-b1").unwrap();
        let name = final_name(&long);
        assert!(name.len() <= 40 && name.ends_with("-final") && !name.contains("--"), "{name}");
    }
}
