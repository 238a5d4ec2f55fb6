//! Ready commands: what a person pastes at 3 a.m., complete and harmless to read.

mod shut;
mod table;

pub(crate) use self::shut::{all_if_closed, only_if_closed, shut};
pub(crate) use table::salvage;

use crate::{alarms, caches, consumers};
use lifeboat_domain::acting::{CutOver, Fence, FenceState, Names, TargetMove};
use lifeboat_domain::approval::AnswerInput;
use lifeboat_domain::ids::{Arn, DatabaseId, Identity, SnapshotId};
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::plan::Act;
pub(crate) use lifeboat_domain::recovery_input::RecoveryInput;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{Timestamp, show_time};
use std::collections::BTreeMap;

/// An execution's ARN, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution<'a> {
    arn: &'a str,
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    machine: &'a str,
    name: &'a str,
}

impl<'a> Execution<'a> {
    /// Reads `arn:aws:states:<region>:<account>:execution:<machine>:<name>`; anything else has no console page.
    pub(crate) fn parse(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(8, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "states", region, account, "execution", machine, name] => {
                Some(Self { arn, partition, region, account, machine, name })
            }
            _ => None,
        }
    }

    /// The Region that it runs in.
    pub(crate) const fn region(&self) -> &'a str {
        self.region
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &'a str {
        self.name
    }

    fn console_domain(&self) -> &'static str {
        match self.partition {
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => "console.aws.amazon.com",
        }
    }

    /// The page of the execution.
    pub(crate) fn console(&self) -> String {
        let (region, domain, arn) = (self.region, self.console_domain(), self.arn);
        format!("https://{region}.{domain}/states/home?region={region}#/v2/executions/details/{arn}")
    }

    /// Starts the same state machine with `input`.
    pub(crate) fn start(&self, input: &str) -> String {
        self.start_machine(self.machine, input)
    }

    /// Starts another machine of the same stack with `input`; none where this execution's machine has no name that tells the stack's.
    pub(crate) fn start_sibling(&self, sibling: &str, input: &str) -> Option<String> {
        let stem = self.machine.strip_suffix("recovery")?;
        Some(self.start_machine(&format!("{stem}{sibling}"), input))
    }

    fn start_machine(&self, machine: &str, input: &str) -> String {
        let Self { partition, region, account, .. } = self;
        let arn = format!("arn:{partition}:states:{region}:{account}:stateMachine:{machine}");
        format!("aws stepfunctions start-execution --region {region} --state-machine-arn {arn} --input '{input}'")
    }
}

/// The command that starts `recovery` with `input`, where the execution says how; the bare input otherwise.
pub(crate) fn start(execution: &str, input: &RecoveryInput) -> Vec<String> {
    let mut commands = vec![input.paste()];
    commands.extend(Execution::parse(execution).map(|execution| execution.start(&input.paste())));
    commands
}

/// The command that starts `approval` with `input`; the bare input first, for the console.
pub(crate) fn answer(execution: &str, input: &AnswerInput) -> Vec<String> {
    let mut commands = vec![input.paste()];
    commands.extend(Execution::parse(execution).and_then(|execution| execution.start_sibling("approval", &input.paste())));
    commands
}

/// `db-instance` or `db-cluster`, as the CLI's commands, options and event sources spell it.
const fn noun(id: &DatabaseId) -> &'static str {
    match id.kind() {
        ResourceKind::DbCluster => "db-cluster",
        ResourceKind::RdsInstance | ResourceKind::DynamodbTable | ResourceKind::ReplicationGroup => "db-instance",
    }
}

/// A command on one database: its verb, the database, and what follows.
fn on(verb: &str, arn: &Arn, id: &DatabaseId, rest: &str) -> String {
    let (noun, region) = (noun(id), arn.region());
    let plural = if verb == "describe" { "s" } else { "" };
    format!("aws rds {verb}-{noun}{plural} --region {region} --{noun}-identifier {id} {rest}").trim_end().to_owned()
}

/// Asks for the names of a cluster's members, the readers first: the restart of a writer would move the others to it.
const MEMBERS: &str = "--query 'sort_by(DBClusters[0].DBClusterMembers,&to_string(IsClusterWriter))[].DBInstanceIdentifier' --output text";

/// A command on each member of a cluster, one after the other.
fn on_members(arn: &Arn, cluster: &DatabaseId, command: &str) -> String {
    let members = on("describe", arn, cluster, MEMBERS);
    format!("for member in $({members}); do aws rds {command} --region {} --db-instance-identifier \"$member\"; done", arn.region())
}

/// How a database stands now.
pub(crate) fn describe(arn: &Arn, id: &DatabaseId) -> String {
    let query = match id.kind() {
        ResourceKind::DynamodbTable => return table::describe(arn, id),
        ResourceKind::ReplicationGroup => return caches::describe(arn, id),
        ResourceKind::DbCluster => "DBClusters[0].[Status,Endpoint,DBClusterMembers,LatestRestorableTime]",
        ResourceKind::RdsInstance => "DBInstances[0].[DBInstanceStatus,AvailabilityZone,SecondaryAvailabilityZone,LatestRestorableTime]",
    };
    on("describe", arn, id, &format!("--query '{query}'"))
}

/// Whether an instance is a read replica, and how it follows.
pub(crate) fn replication(arn: &Arn, id: &DatabaseId) -> String {
    let query = "DBInstances[0].[DBInstanceStatus,ReadReplicaSourceDBInstanceIdentifier,StatusInfos]";
    format!("aws rds describe-db-instances --region {} --db-instance-identifier {id} --query '{query}'", arn.region())
}

/// What AWS says happened to it in the last two hours.
pub(crate) fn events(arn: &Arn, id: &DatabaseId) -> String {
    happened(arn, id, None)
}

/// What AWS says happened to it since a moment.
pub(crate) fn events_since(arn: &Arn, id: &DatabaseId, since: Timestamp) -> String {
    happened(arn, id, Some(since))
}

fn happened(arn: &Arn, id: &DatabaseId, since: Option<Timestamp>) -> String {
    match id.kind() {
        ResourceKind::DynamodbTable => table::events(arn, id, since),
        ResourceKind::ReplicationGroup => caches::events(arn, id, since),
        ResourceKind::RdsInstance | ResourceKind::DbCluster => {
            let when = since.map_or_else(|| "--duration 120".to_owned(), |since| format!("--start-time {}", show_time(since)));
            format!("aws rds describe-events --region {} --source-type {} --source-identifier {id} {when}", arn.region(), noun(id))
        }
    }
}

/// Makes `to` the one that takes writes; a second time would flip back. `before` says what a cache had on of automatic failover and
/// Multi-AZ, where the plan switches them off.
pub(crate) fn force_failover(arn: &Arn, id: &DatabaseId, to: Option<&DatabaseId>, before: Option<(bool, bool)>) -> String {
    match id.kind() {
        ResourceKind::ReplicationGroup => caches::force_failover(arn, id, to, before),
        ResourceKind::DbCluster => {
            on("failover", arn, id, &to.map_or_else(String::new, |to| format!("--target-db-instance-identifier {to}")))
        }
        ResourceKind::DynamodbTable => format!("# {id} is a table, which fails over to nothing"),
        ResourceKind::RdsInstance => on("reboot", arn, id, "--force-failover"),
    }
}

/// Ends the sessions on a database: by a restart where it is, of a cluster of each member; of a cache by its engine, as a restart would
/// wipe it, and only where its address is known. A table keeps none.
pub(crate) fn end_sessions(arn: &Arn, id: &DatabaseId, endpoint: Option<&Endpoint>) -> Option<String> {
    match id.kind() {
        ResourceKind::DynamodbTable => None,
        ResourceKind::ReplicationGroup => endpoint.map(|endpoint| caches::end_sessions(arn, id, endpoint)),
        ResourceKind::DbCluster => Some(on_members(arn, id, "reboot-db-instance")),
        ResourceKind::RdsInstance => Some(on("reboot", arn, id, "")),
    }
}

/// Opens the fence again; nothing where nothing was closed, or where it is open.
pub(crate) fn open_fence(source: &DatabaseId, arn: &Arn, fence: &Fence) -> Option<String> {
    let is_closed = fence.state != FenceState::Opened && fence.group.is_some() && !fence.groups_before.is_empty();
    is_closed.then(|| set_groups(arn, source, &fence.groups_before))
}

/// Gives a database other security groups.
pub(crate) fn set_groups(arn: &Arn, id: &DatabaseId, groups: &[String]) -> String {
    match id.kind() {
        ResourceKind::DynamodbTable => table::set_door(arn, groups),
        ResourceKind::ReplicationGroup => caches::set_groups(arn, id, groups),
        ResourceKind::RdsInstance | ResourceKind::DbCluster => {
            on("modify", arn, id, &format!("--vpc-security-group-ids {} --apply-immediately", groups.join(" ")))
        }
    }
}

/// Moves every target back that was begun, the last one first.
pub(crate) fn point_back(arn: &Arn, cut_over: &CutOver) -> Vec<String> {
    cut_over.targets.iter().rev().filter(|target| target.is_begun()).flat_map(|target| back(arn.region(), &target.moves)).collect()
}

/// Makes one target lead to where it led before; a secret's password passes through a pipe and is never shown.
fn back(region: &str, target: &TargetMove) -> Vec<String> {
    match target {
        TargetMove::Secret { secret, before: Endpoint { host, port }, .. } => {
            let secret = quoted(secret);
            vec![
                format!("aws secretsmanager get-secret-value --region {region} --secret-id {secret} --query SecretString --output text |"),
                format!("  jq -c '.host = \"{host}\" | .port = {port}' |"),
                format!("  aws secretsmanager put-secret-value --region {region} --secret-id {secret} --secret-string file:///dev/stdin"),
            ]
        }
        TargetMove::Record { zone, record, ttl, before, .. } => {
            let set = serde_json::json!({"Name": record, "Type": "CNAME", "TTL": ttl, "ResourceRecords": [{"Value": before}]});
            let batch = serde_json::json!({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": set}]});
            let (zone, batch) = (quoted(zone), quoted(&batch.to_string()));
            vec![format!("aws route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch {batch}")]
        }
        TargetMove::Parameter { parameter, before, .. } => {
            let (parameter, before) = (quoted(parameter), quoted(before));
            vec![format!("aws ssm put-parameter --region {region} --name {parameter} --value {before} --overwrite")]
        }
        TargetMove::Names(names) => names_back(region, names),
        TargetMove::Proxy { proxy, group, before, after, .. } => {
            let of = format!("--region {region} --db-proxy-name {} --target-group-name {}", quoted(proxy), quoted(group));
            vec![
                format!("aws rds deregister-db-proxy-targets {of} --db-instance-identifiers {after}"),
                format!("aws rds register-db-proxy-targets {of} --db-instance-identifiers {before}"),
            ]
        }
    }
}

/// Gives the names of a swap back, the new database's first. Who has which name is looked at before: half-way, only resource ids tell.
fn names_back(region: &str, names: &Names) -> Vec<String> {
    let Names { name, kept_as, was, source, copy, .. } = names;
    let ids: Vec<&str> = source.iter().map(String::as_str).chain([copy.as_str()]).collect();
    let rename = |from: &DatabaseId, to: &DatabaseId| {
        format!(
            "aws rds modify-db-instance --region {region} --db-instance-identifier {from} --new-db-instance-identifier {to} --apply-immediately &&"
        )
    };
    // Nobody has the new name yet when a rename was accepted, and RDS's own waiter gives up at once: it is looked at by resource id.
    let wait = |id: &str, to: &DatabaseId| {
        let query = "DBInstances[].join(':',[DBInstanceIdentifier,DBInstanceStatus])";
        let look = format!(
            "aws rds describe-db-instances --region {region} --filters Name=dbi-resource-id,Values={id} --query \"{query}\" --output text"
        );
        format!("  until [ \"$({look})\" = {to}:available ]; do sleep 10; done")
    };
    let mut commands = vec![
        format!(
            "aws rds describe-db-instances --region {region} --filters Name=dbi-resource-id,Values={} --query 'DBInstances[].[DBInstanceIdentifier,DbiResourceId,DBInstanceStatus]' --output text",
            ids.join(",")
        ),
        format!("# only if {copy} is called {name}; it takes about ten minutes until it is seen as {was}:"),
        rename(name, was),
        wait(copy, was),
    ];
    if let Some(source) = source {
        commands.push(format!("# only if {source} is called {kept_as}:"));
        commands.extend([rename(kept_as, name), wait(source, name)]);
    }
    commands
}

/// Lets `psql` log in as clients do; what the secret holds is not shown.
pub(crate) fn log_in(arn: &Arn, secret: &str) -> Vec<String> {
    let (region, secret) = (arn.region(), quoted(secret));
    let read = format!("aws secretsmanager get-secret-value --region {region} --secret-id {secret} --query SecretString --output text");
    vec![format!("export PGUSER=$({read} | jq -r .username)"), format!("export PGPASSWORD=$({read} | jq -r .password)")]
}

/// Adds tags.
pub(crate) fn add_tags(arn: &Arn, tags: &BTreeMap<String, String>) -> String {
    if table::is_of_table(arn) {
        return table::add_tags(arn, tags);
    }
    if arn.is_of_elasticache() {
        return caches::add_tags(arn, &shorthand(tags));
    }
    format!("aws rds add-tags-to-resource --region {} --resource-name {arn} --tags {}", arn.region(), shorthand(tags))
}

/// Removes tags.
pub(crate) fn remove_tags<'a>(arn: &Arn, keys: impl IntoIterator<Item = &'a String>) -> String {
    let keys: Vec<String> = keys.into_iter().map(|key| quoted(key)).collect();
    if table::is_of_table(arn) {
        return table::remove_tags(arn, &keys);
    }
    if arn.is_of_elasticache() {
        return caches::remove_tags(arn, &keys.join(" "));
    }
    format!("aws rds remove-tags-from-resource --region {} --resource-name {arn} --tag-keys {}", arn.region(), keys.join(" "))
}

fn shorthand(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(key, value)| quoted(&format!("Key={key},Value={value}"))).collect::<Vec<_>>().join(" ")
}

/// A planned call of after the move, as a person would make it; none for calls that are never made by hand.
pub(crate) fn by_hand(arn: &Arn, act: &Act) -> Option<String> {
    match act {
        Act::AddTags { arn, tags } => Some(add_tags(arn, tags)),
        Act::RemoveTags { arn, keys } => Some(remove_tags(arn, keys)),
        Act::MakeMultiAz { instance } => {
            let region = arn.region();
            Some(format!("aws rds modify-db-instance --region {region} --db-instance-identifier {instance} --multi-az --apply-immediately"))
        }
        Act::CreateSnapshot { instance, snapshot, tags } => Some(snapshot_of(arn, instance, snapshot, &shorthand(tags))),
        Act::CopyAlarm { alarm, .. } => Some(alarms::put(arn, alarm)),
        Act::FlushCache { at, .. } => Some(at.flush_by_hand()),
        act if act.is_restart() => consumers::restart(arn, act),
        _ => None,
    }
}

fn snapshot_of(arn: &Arn, id: &DatabaseId, name: &SnapshotId, tags: &str) -> String {
    let of = match id.kind() {
        ResourceKind::DynamodbTable => return table::back_up(arn, id, name),
        ResourceKind::ReplicationGroup => return caches::snapshot(arn, id, name, tags),
        ResourceKind::DbCluster => "db-cluster-",
        ResourceKind::RdsInstance => "db-",
    };
    let (region, noun) = (arn.region(), noun(id));
    format!("aws rds create-{of}snapshot --region {region} --{noun}-identifier {id} --{of}snapshot-identifier {name} --tags {tags}")
}

/// Starts `release`, which deletes what is kept; none of a table, and none where the execution does not tell its stack.
pub(crate) fn release(execution: &str, resource: &Identity, id: &DatabaseId) -> Option<String> {
    // No role of Lifeboat may delete a table.
    if id.kind() == ResourceKind::DynamodbTable {
        return None;
    }
    let id = String::from(id.clone());
    let input = format!("{{\"resource\": \"{resource}\", \"instance\": \"{id}\", \"confirm\": \"{id}\"}}");
    Execution::parse(execution).and_then(|execution| execution.start_sibling("release", &input))
}

/// Deletes a copy that was only looked at; its automated backups stay. A copy is protected as its source is, where that is known.
pub(crate) fn delete_copy(arn: &Arn, id: &DatabaseId, is_protected: Option<bool>) -> Vec<String> {
    match id.kind() {
        ResourceKind::DynamodbTable => table::delete(arn, id, false),
        ResourceKind::ReplicationGroup => vec![caches::delete(arn, id, false)],
        ResourceKind::RdsInstance | ResourceKind::DbCluster => {
            let unprotect = is_protected.unwrap_or(true).then(|| unprotect(arn, id));
            unprotect.into_iter().chain(members_first(arn, id)).chain([delete_without_snapshot(arn, id)]).collect()
        }
    }
}

/// Releases a retired source that AWS still serves: a final snapshot first, and its automated backups stay.
pub(crate) fn release_source(arn: &Arn, id: &DatabaseId, is_protected: Option<bool>) -> Vec<String> {
    match id.kind() {
        ResourceKind::DynamodbTable => table::delete(arn, id, true),
        ResourceKind::ReplicationGroup => vec![caches::delete(arn, id, true)],
        ResourceKind::RdsInstance | ResourceKind::DbCluster => {
            let delete = on("delete", arn, id, &format!("--final-db-snapshot-identifier {id}-final --no-delete-automated-backups"));
            is_protected.unwrap_or(true).then(|| unprotect(arn, id)).into_iter().chain(members_first(arn, id)).chain([delete]).collect()
        }
    }
}

/// Releases a retired source in a terminal status, of which RDS takes no snapshot and refuses most changes.
pub(crate) fn release_terminal(arn: &Arn, id: &DatabaseId, is_protected: Option<bool>) -> Vec<String> {
    if matches!(id.kind(), ResourceKind::DynamodbTable | ResourceKind::ReplicationGroup) {
        return delete_copy(arn, id, is_protected);
    }
    let first = is_protected.unwrap_or(true).then(|| {
        let why = "# It has deletion protection, as far as is known. RDS may refuse this in its status: then only AWS Support can lift it.";
        [why.to_owned(), unprotect(arn, id)]
    });
    first.into_iter().flatten().chain(members_first(arn, id)).chain([delete_without_snapshot(arn, id)]).collect()
}

/// A cluster is deleted after its members.
fn members_first(arn: &Arn, id: &DatabaseId) -> Option<String> {
    (id.kind() == ResourceKind::DbCluster).then(|| on_members(arn, id, "delete-db-instance --skip-final-snapshot"))
}

fn unprotect(arn: &Arn, id: &DatabaseId) -> String {
    on("modify", arn, id, "--no-deletion-protection --apply-immediately")
}

fn delete_without_snapshot(arn: &Arn, id: &DatabaseId) -> String {
    on("delete", arn, id, "--skip-final-snapshot --no-delete-automated-backups")
}

/// A word for the shell; names of secrets hold nothing special, but they are not ours.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
