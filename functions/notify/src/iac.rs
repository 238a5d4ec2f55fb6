//! What a recovery changed that infrastructure code must be told, and what did not move with it.

mod table;

use crate::alarms;
use crate::caches;
use crate::message::Advice;
use crate::message::parts::IAC;
use crate::story::Story;
use crate::undo;
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::incident::{Restored, Source};
use lifeboat_domain::words::ResourceKind;
use serde::{Deserialize, Serialize};

/// One identifier before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) what: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// Something that still names the old database, and how to find and mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftBehind {
    pub(crate) what: String,
    /// A command, or what to do in words.
    pub(crate) how: String,
}

impl LeftBehind {
    pub(crate) fn is_command(&self) -> bool {
        self.how.starts_with("aws ")
    }
}

/// What infrastructure code must be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TellYourIac {
    pub(crate) changed: Vec<Changed>,
    pub(crate) terraform_import_block: String,
    pub(crate) terraform_commands: Vec<String>,
    pub(crate) cloudformation_resources_to_import: String,
    pub(crate) did_not_move: Vec<LeftBehind>,
}

/// The recovery's new database, if clients are on it.
fn moved(story: &Story) -> Option<&Restored> {
    story.moved().filter(|_| !story.takes_over()).and(story.incident.restored.as_ref())
}

/// The whole of it, where clients were moved to a new database.
pub(crate) fn tell(story: &Story) -> Option<TellYourIac> {
    let restored = moved(story)?;
    let source = &story.incident.source;
    if restored.id.kind() == ResourceKind::ReplicationGroup {
        return Some(caches::tell_iac(&story.incident.resource, source, restored, changed(story, restored)));
    }
    let name = logical(&story.incident.resource);
    let address = terraform_type(&restored.id);
    Some(TellYourIac {
        changed: changed(story, restored),
        terraform_import_block: format!("import {{\n  to = {address}.{name}\n  id = \"{}\"\n}}", restored.id),
        terraform_commands: terraform(&name, &restored.id),
        cloudformation_resources_to_import: cloudformation(&story.incident.resource, &restored.id),
        did_not_move: alarms::made(story).into_iter().chain(left_behind(source, restored, undo::swap(story).is_some())).collect(),
    })
}

/// The shortest useful hint, for a message.
pub(crate) fn short(story: &Story) -> Option<Advice> {
    let restored = moved(story)?;
    let say = format!(
        "Tell your infrastructure code before its next run, or it may undo this: the identifier is now {} (here for Terraform)",
        restored.id
    );
    let name = logical(&story.incident.resource);
    let commands = terraform(&name, &restored.id);
    Some(Advice::new(say, commands).see(IAC))
}

/// Forgetting comes first: it deletes nothing, and the address must be free for the import.
pub(crate) fn terraform(name: &str, new: &DatabaseId) -> Vec<String> {
    let address = terraform_type(new);
    let mut commands = vec![format!("terraform state rm {address}.{name}"), format!("terraform import {address}.{name} {new}")];
    if new.kind() == ResourceKind::DbCluster {
        commands.push(format!(
            "# and each of its members: terraform state rm, then terraform import aws_rds_cluster_instance.MEMBER {new}-NUMBER"
        ));
    }
    commands
}

/// The type of a Terraform resource.
const fn terraform_type(id: &DatabaseId) -> &'static str {
    match id.kind() {
        ResourceKind::DbCluster => "aws_rds_cluster",
        ResourceKind::DynamodbTable => "aws_dynamodb_table",
        ResourceKind::ReplicationGroup => "aws_elasticache_replication_group",
        ResourceKind::RdsInstance => "aws_db_instance",
    }
}

fn cloudformation(resource: &Identity, new: &DatabaseId) -> String {
    let logical: String = resource
        .as_str()
        .split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect();
    if new.kind() == ResourceKind::DynamodbTable {
        return format!(
            "[{{\"ResourceType\": \"AWS::DynamoDB::Table\", \"LogicalResourceId\": \"{logical}\", \"ResourceIdentifier\": {{\"TableName\": \"{new}\"}}}}]"
        );
    }
    let noun = if new.kind() == ResourceKind::DbCluster { "DBCluster" } else { "DBInstance" };
    format!(
        "[{{\"ResourceType\": \"AWS::RDS::{noun}\", \"LogicalResourceId\": \"{logical}\", \"ResourceIdentifier\": {{\"{noun}Identifier\": \"{new}\"}}}}]"
    )
}

/// `orders-db` as a Terraform name.
fn logical(resource: &Identity) -> String {
    resource.as_str().replace('-', "_")
}

fn changed(story: &Story, restored: &Restored) -> Vec<Changed> {
    let source = &story.incident.source;
    let line = |what: &str, before: &str, after: String| Changed { what: what.to_owned(), before: before.to_owned(), after };
    let endpoint = |endpoint: Option<&lifeboat_domain::observed::Endpoint>| {
        endpoint.map_or_else(|| "not known".to_owned(), |at| format!("{}:{}", at.host, at.port))
    };
    // AWS gives a cache no id of its own besides its name.
    let resource_id = match restored.id.kind() {
        ResourceKind::RdsInstance => Some(("DbiResourceId", "rds describe-db-instances --db-instance-identifier")),
        ResourceKind::DbCluster => Some(("DbClusterResourceId", "rds describe-db-clusters --db-cluster-identifier")),
        ResourceKind::DynamodbTable => Some(("TableId", "dynamodb describe-table --table-name")),
        ResourceKind::ReplicationGroup => None,
    };
    let resource_id = resource_id.map(|(name, describe)| {
        let known = story.record.as_ref().filter(|record| record.id == restored.id && record.resource_id != source.resource_id);
        let after = known.map_or_else(|| format!("see aws {describe} {}", restored.id), |record| record.resource_id.clone());
        line(name, &source.resource_id, after)
    });
    // After a swap of names the new one is what the old one was to whoever goes by name, and only its resource id tells them apart.
    let swapped = undo::swap(story).map(|names| (names.name.as_str(), names.through.as_ref(), restored.arn.as_str()));
    let (id, at, arn) = swapped.unwrap_or((source.id.as_str(), source.endpoint.as_ref(), source.arn.as_str()));
    [line("Identifier", id, restored.id.to_string()), line("ARN", arn, restored.arn.to_string())]
        .into_iter()
        .chain(resource_id)
        .chain([line("Endpoint", &endpoint(at), endpoint(restored.endpoint.as_ref()))])
        .collect()
}

/// What names the old database by identifier and was not touched.
fn left_behind(source: &Source, restored: &Restored, is_swapped: bool) -> Vec<LeftBehind> {
    if restored.id.kind() == ResourceKind::DynamodbTable {
        return table::left_behind(source, restored);
    }
    let (region, old, new) = (source.arn.region(), &source.id, &restored.id);
    let is_cluster = new.kind() == ResourceKind::DbCluster;
    let (dimension, proxied) = if is_cluster {
        ("DBClusterIdentifier", "--db-cluster-identifiers")
    } else {
        ("DBInstanceIdentifier", "--db-instance-identifiers")
    };
    let by_name = vec![
        line(
            &format!("CloudWatch alarms with the dimension {dimension}, which stand as they stood: they watch the old one"),
            format!(
                "aws cloudwatch describe-alarms --region {region} --query \"MetricAlarms[?Dimensions[?Name=='{dimension}' && Value=='{old}']].AlarmName\""
            ),
        ),
        line("CloudWatch dashboards that name it", format!("aws cloudwatch list-dashboards --region {region}")),
        line("RDS Proxy targets", format!("aws rds register-db-proxy-targets --region {region} --db-proxy-name PROXY {proxied} {new}")),
        line(
            "RDS event subscriptions with source ids",
            format!(
                "aws rds add-source-identifier-to-subscription --region {region} --subscription-name SUBSCRIPTION --source-identifier {new}"
            ),
        ),
    ];
    // What goes by name has found the new one after a swap of names.
    let by_name = if is_swapped { Vec::new() } else { by_name };
    let by_resource = if is_cluster { of_cluster(source) } else { of_instance(source, restored) };
    let addresses = (!is_swapped).then(|| {
        line(
            "DNS names and configuration files that hold the old endpoint",
            format!("search your repositories for {}", source.endpoint.as_ref().map_or(old.as_str(), |endpoint| endpoint.host.as_str())),
        )
    });
    by_name.into_iter().chain(by_resource).chain(addresses).collect()
}

fn line(what: &str, how: String) -> LeftBehind {
    LeftBehind { what: what.to_owned(), how }
}

/// Whom the resource id of an instance names.
fn of_instance(source: &Source, restored: &Restored) -> Vec<LeftBehind> {
    let (region, old) = (source.arn.region(), &source.id);
    vec![
        line(
            "Read replicas, which follow the old one",
            format!(
                "aws rds describe-db-instances --region {region} --db-instance-identifier {old} --query 'DBInstances[0].ReadReplicaDBInstanceIdentifiers'"
            ),
        ),
        line(
            "Automated backups replicated to another Region",
            format!(
                "aws rds start-db-instance-automated-backups-replication --region STANDBY_REGION --source-db-instance-arn {} --source-region {region}",
                restored.arn
            ),
        ),
        line("IAM policies for rds-db:connect, which name the DbiResourceId", format!("search your policies for {}", source.resource_id)),
    ]
}

/// What hangs on a cluster itself and not on its data.
fn of_cluster(source: &Source) -> Vec<LeftBehind> {
    let (region, old) = (source.arn.region(), &source.id);
    let shown = |query: &str| {
        format!("aws rds describe-db-clusters --region {region} --db-cluster-identifier {old} --query 'DBClusters[0].{query}'")
    };
    vec![
        line("Replica clusters, which follow the old one", shown("ReadReplicaIdentifiers")),
        line("Roles that the cluster may use (S3, Lambda)", shown("AssociatedRoles")),
        line("Custom endpoints", format!("aws rds describe-db-cluster-endpoints --region {region} --db-cluster-identifier {old}")),
        line(
            "Autoscaling of its readers",
            format!(
                "aws application-autoscaling describe-scalable-targets --region {region} --service-namespace rds --resource-ids cluster:{old}"
            ),
        ),
        line("A global database", format!("aws rds describe-global-clusters --region {region}")),
        line(
            "IAM policies for rds-db:connect, which name the DbClusterResourceId",
            format!("search your policies for {}", source.resource_id),
        ),
    ]
}
