//! Closing a database to its clients by pasted commands: what must not run before that is in force asks the shell whether it is.

use super::{MEMBERS, on, set_groups, table};
use crate::caches;
use lifeboat_domain::ids::{Arn, DatabaseId};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::words::ResourceKind;

/// Moves a database behind the group that admits no client, waits until that is in force, and ends its sessions. Each step runs only if
/// the one before went well, and the last one sets `CLOSED=yes`, for [`only_if_closed`].
pub(crate) fn shut(arn: &Arn, id: &DatabaseId, endpoint: Option<&Endpoint>, group: &str) -> Vec<String> {
    let (note, steps) = match id.kind() {
        ResourceKind::DynamodbTable => (None, table::shut(arn, group)),
        ResourceKind::ReplicationGroup => (Some(caches::HOW_TO_END_SESSIONS.to_owned()), caches::shut(arn, id, endpoint, group)),
        ResourceKind::DbCluster => (None, of_cluster(arn, id, group)),
        ResourceKind::RdsInstance => (None, of_instance(arn, id, group)),
    };
    let last = steps.len().saturating_sub(1);
    let chained = steps.into_iter().enumerate().map(|(place, step)| {
        let (indent, then) = (if place == 0 { "" } else { "  " }, if place == last { "&& CLOSED=yes" } else { "&&" });
        format!("{indent}{step} {then}")
    });
    note.into_iter().chain(std::iter::once("CLOSED=no".to_owned())).chain(chained).collect()
}

/// A command that runs only after the commands of [`shut`] went through.
pub(crate) fn only_if_closed(command: &str, opened: &DatabaseId, closed: &DatabaseId) -> String {
    format!(r#"if [ "$CLOSED" = yes ]; then {command}; else echo "STOP: {opened} stays closed, as {closed} is not seen to be closed"; fi"#)
}

/// Commands that run only after those of [`shut`] went through.
pub(crate) fn all_if_closed(commands: Vec<String>) -> Vec<String> {
    if commands.is_empty() {
        return commands;
    }
    std::iter::once(r#"if [ "$CLOSED" = yes ]; then"#.to_owned()).chain(commands).chain(std::iter::once("fi".to_owned())).collect()
}

/// Asks until the group is the only one, and in force.
fn in_force(arn: &Arn, id: &DatabaseId, list: &str, group: &str) -> String {
    let shown = on("describe", arn, id, "--output text --query");
    format!(
        "until [ \"$({shown} '{list}[0].VpcSecurityGroups[].join(`=`,[VpcSecurityGroupId,Status])')\" = {group}=active ]; do sleep 5; done"
    )
}

fn of_instance(arn: &Arn, id: &DatabaseId, group: &str) -> Vec<String> {
    let status = on("describe", arn, id, "--output text --query 'DBInstances[0].DBInstanceStatus'");
    vec![
        set_groups(arn, id, &[group.to_owned()]),
        in_force(arn, id, "DBInstances", group),
        on("reboot", arn, id, ""),
        format!("until [ \"$({status})\" = rebooting ]; do sleep 1; done"),
        format!("aws rds wait db-instance-available --region {} --db-instance-identifier {id}", arn.region()),
    ]
}

/// The status of a cluster says nothing of a restart: each member is seen to go and to come back before the next one is restarted.
fn of_cluster(arn: &Arn, id: &DatabaseId, group: &str) -> Vec<String> {
    let of = format!("--region {} --db-instance-identifier \"$member\"", arn.region());
    let status = format!("aws rds describe-db-instances {of} --output text --query 'DBInstances[0].DBInstanceStatus'");
    let members = on("describe", arn, id, MEMBERS);
    vec![
        set_groups(arn, id, &[group.to_owned()]),
        in_force(arn, id, "DBClusters", group),
        format!("[ -n \"$({members})\" ]"),
        format!(
            "for member in $({members}); do aws rds reboot-db-instance {of}; until [ \"$({status})\" = rebooting ]; do sleep 1; done; aws rds wait db-instance-available {of}; done"
        ),
    ]
}
