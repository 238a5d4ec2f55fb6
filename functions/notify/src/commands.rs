//! Ready commands: what a person pastes at 3 a.m., complete and harmless to read.

use lifeboat_domain::acting::{CutOver, Fence, FenceState};
use lifeboat_domain::ids::{Arn, DbInstanceId, Identity, PlanHash};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::plan::{Act, Plan};
use lifeboat_domain::words::{Run, Scenario};
use lifeboat_domain::{Timestamp, show_time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The input of `recovery`, as pasted in the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryInput {
    pub(crate) resource: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scenario: Option<Scenario>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_shown")]
    pub(crate) restore_to: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut_over: Option<bool>,
    pub(crate) run: Run,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<PlanHash>,
}

fn as_shown<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(&exact(*at)),
        None => serializer.serialize_none(),
    }
}

/// A moment without losing its fraction: a plan approved for `10:25:00.5Z` is not the plan of `10:25:00Z`.
fn exact(at: Timestamp) -> String {
    if at.timestamp_subsec_nanos() == 0 { show_time(at) } else { at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true) }
}

impl RecoveryInput {
    /// Asks for a plan of what `incident` asks for. A person's own words are kept: the same request meets the same incident.
    pub(crate) fn to_plan(incident: &Incident) -> Self {
        let request = &incident.request;
        Self {
            resource: incident.resource.clone(),
            scenario: if request.by_person { request.scenario.or(incident.scenario) } else { incident.scenario() },
            restore_to: request.restore_to,
            cut_over: request.cut_over.then_some(true),
            run: Run::Plan,
            plan: None,
        }
    }

    /// Approves exactly `plan`. Where Lifeboat chose the moment to go back to, it is named, or tomorrow's choice would make another plan.
    pub(crate) fn to_approve(incident: &Incident, plan: &Plan) -> Self {
        let asked = Self::to_plan(incident);
        let chosen = plan.restore_point.filter(|_| !incident.request.by_person && plan.scenario.is_about_data());
        Self { restore_to: asked.restore_to.or(chosen), run: Run::Execute, plan: Some(plan.hash.clone()), ..asked }
    }

    /// The JSON on one line, with spaces, as a person would write it.
    pub(crate) fn paste(&self) -> String {
        let mut fields = vec![format!("\"resource\": \"{}\"", self.resource)];
        fields.extend(self.scenario.map(|scenario| format!("\"scenario\": \"{scenario}\"")));
        fields.extend(self.restore_to.map(|at| format!("\"restore_to\": \"{}\"", exact(at))));
        fields.extend(self.cut_over.map(|cut_over| format!("\"cut_over\": {cut_over}")));
        fields.push(format!("\"run\": \"{}\"", self.run));
        fields.extend(self.plan.as_ref().map(|plan| format!("\"plan\": \"{plan}\"")));
        format!("{{{}}}", fields.join(", "))
    }
}

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
        let Self { partition, region, account, machine, .. } = self;
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

/// How an instance stands now.
pub(crate) fn describe(arn: &Arn, id: &DbInstanceId) -> String {
    let query = "DBInstances[0].[DBInstanceStatus,AvailabilityZone,SecondaryAvailabilityZone,LatestRestorableTime]";
    format!("aws rds describe-db-instances --region {} --db-instance-identifier {id} --query '{query}'", arn.region())
}

/// Whether an instance is a read replica, and how it follows.
pub(crate) fn replication(arn: &Arn, id: &DbInstanceId) -> String {
    let query = "DBInstances[0].[DBInstanceStatus,ReadReplicaSourceDBInstanceIdentifier,StatusInfos]";
    format!("aws rds describe-db-instances --region {} --db-instance-identifier {id} --query '{query}'", arn.region())
}

/// What RDS says happened to it in the last two hours.
pub(crate) fn events(arn: &Arn, id: &DbInstanceId) -> String {
    format!("aws rds describe-events --region {} --source-type db-instance --source-identifier {id} --duration 120", arn.region())
}

/// What RDS says happened to it since a moment.
pub(crate) fn events_since(arn: &Arn, id: &DbInstanceId, since: Timestamp) -> String {
    let (region, since) = (arn.region(), show_time(since));
    format!("aws rds describe-events --region {region} --source-type db-instance --source-identifier {id} --start-time {since}")
}

/// Asks for a failover; a second one would flip back.
pub(crate) fn force_failover(arn: &Arn, id: &DbInstanceId) -> String {
    format!("aws rds reboot-db-instance --region {} --db-instance-identifier {id} --force-failover", arn.region())
}

/// Opens the fence again; nothing where nothing was closed, or where it is open.
pub(crate) fn open_fence(source: &DbInstanceId, arn: &Arn, fence: &Fence) -> Option<String> {
    let region = arn.region();
    (fence.state != FenceState::Opened && fence.group.is_some() && !fence.groups_before.is_empty()).then(|| {
        let groups = fence.groups_before.join(" ");
        format!("aws rds modify-db-instance --region {region} --db-instance-identifier {source} --vpc-security-group-ids {groups} --apply-immediately")
    })
}

/// Points the secret at the endpoint from before; the password passes through a pipe and is never shown.
pub(crate) fn point_back(arn: &Arn, cut_over: &CutOver) -> Vec<String> {
    let (region, secret) = (arn.region(), quoted(&cut_over.secret));
    let Endpoint { host, port } = &cut_over.endpoint_before;
    vec![
        format!("aws secretsmanager get-secret-value --region {region} --secret-id {secret} --query SecretString --output text |"),
        format!("  jq -c '.host = \"{host}\" | .port = {port}' |"),
        format!("  aws secretsmanager put-secret-value --region {region} --secret-id {secret} --secret-string file:///dev/stdin"),
    ]
}

/// Lets `psql` log in as clients do; what the secret holds is not shown.
pub(crate) fn log_in(arn: &Arn, secret: &str) -> Vec<String> {
    let (region, secret) = (arn.region(), quoted(secret));
    let read = format!("aws secretsmanager get-secret-value --region {region} --secret-id {secret} --query SecretString --output text");
    vec![format!("export PGUSER=$({read} | jq -r .username)"), format!("export PGPASSWORD=$({read} | jq -r .password)")]
}

/// Adds tags.
pub(crate) fn add_tags(arn: &Arn, tags: &BTreeMap<String, String>) -> String {
    format!("aws rds add-tags-to-resource --region {} --resource-name {arn} --tags {}", arn.region(), shorthand(tags))
}

/// Removes tags.
pub(crate) fn remove_tags<'a>(arn: &Arn, keys: impl IntoIterator<Item = &'a String>) -> String {
    let keys: Vec<String> = keys.into_iter().map(|key| quoted(key)).collect();
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
        Act::CreateSnapshot { instance, snapshot, tags } => {
            let (region, tags) = (arn.region(), shorthand(tags));
            Some(format!(
                "aws rds create-db-snapshot --region {region} --db-instance-identifier {instance} --db-snapshot-identifier {snapshot} --tags {tags}"
            ))
        }
        _ => None,
    }
}

/// Deletes a copy that was only looked at; its automated backups stay. A copy is protected as its source is, where that is known.
pub(crate) fn delete_copy(arn: &Arn, id: &DbInstanceId, is_protected: Option<bool>) -> Vec<String> {
    let unprotect = is_protected.unwrap_or(true).then(|| unprotect(arn, id));
    unprotect.into_iter().chain([delete_without_snapshot(arn, id)]).collect()
}

/// Releases a retired source that RDS still serves: a final snapshot first, and its automated backups stay.
pub(crate) fn release_source(arn: &Arn, id: &DbInstanceId, is_protected: Option<bool>) -> Vec<String> {
    let region = arn.region();
    let delete = format!(
        "aws rds delete-db-instance --region {region} --db-instance-identifier {id} --final-db-snapshot-identifier {id}-final --no-delete-automated-backups"
    );
    is_protected.unwrap_or(true).then(|| unprotect(arn, id)).into_iter().chain([delete]).collect()
}

/// Releases a retired source in a terminal status, of which RDS takes no snapshot and refuses most changes.
pub(crate) fn release_terminal(arn: &Arn, id: &DbInstanceId, is_protected: Option<bool>) -> Vec<String> {
    let first = is_protected.unwrap_or(true).then(|| {
        let why = "# It has deletion protection, as far as is known. RDS may refuse this in its status: then only AWS Support can lift it.";
        [why.to_owned(), unprotect(arn, id)]
    });
    first.into_iter().flatten().chain([delete_without_snapshot(arn, id)]).collect()
}

fn unprotect(arn: &Arn, id: &DbInstanceId) -> String {
    let region = arn.region();
    format!("aws rds modify-db-instance --region {region} --db-instance-identifier {id} --no-deletion-protection --apply-immediately")
}

fn delete_without_snapshot(arn: &Arn, id: &DbInstanceId) -> String {
    let region = arn.region();
    format!(
        "aws rds delete-db-instance --region {region} --db-instance-identifier {id} --skip-final-snapshot --no-delete-automated-backups"
    )
}

/// A word for the shell; names of secrets hold nothing special, but they are not ours.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:states:eu-west-1:123456789012:execution:recovery:orders-db-1";

    fn input() -> RecoveryInput {
        RecoveryInput {
            resource: Identity::parse("orders-db").unwrap(),
            scenario: Some(Scenario::HumanError),
            restore_to: Some("2026-01-15T10:25:00Z".parse().unwrap()),
            cut_over: Some(true),
            run: Run::Execute,
            plan: Some(PlanHash::parse("a".repeat(64)).unwrap()),
        }
    }

    #[test]
    fn the_input_to_paste_has_exactly_these_fields_in_this_order() {
        let hash = "a".repeat(64);
        let expected = format!(
            "{{\"resource\": \"orders-db\", \"scenario\": \"human_error\", \"restore_to\": \"2026-01-15T10:25:00Z\", \"cut_over\": true, \"run\": \"execute\", \"plan\": \"{hash}\"}}"
        );
        assert_eq!(input().paste(), expected);
        let read: serde_json::Value = serde_json::from_str(&expected).unwrap();
        assert_eq!(serde_json::to_value(input()).unwrap(), read);
        let bare = RecoveryInput { scenario: None, restore_to: None, cut_over: None, run: Run::Plan, plan: None, ..input() };
        assert_eq!(bare.paste(), "{\"resource\": \"orders-db\", \"run\": \"plan\"}");
    }

    #[test]
    fn a_fraction_of_a_second_is_kept() {
        let input = RecoveryInput { restore_to: Some("2026-01-15T10:25:00.5Z".parse().unwrap()), ..input() };
        assert!(input.paste().contains("\"2026-01-15T10:25:00.500Z\""), "{}", input.paste());
    }

    #[test]
    fn an_execution_leads_to_its_page_and_its_machine() {
        let execution = Execution::parse(ARN).unwrap();
        assert_eq!(
            execution.console(),
            format!("https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{ARN}")
        );
        let start = execution.start(&input().paste());
        assert!(start.contains("--state-machine-arn arn:aws:states:eu-west-1:123456789012:stateMachine:recovery "), "{start}");
        assert_eq!(Execution::parse("by hand"), None);
        assert_eq!(super::start("by hand", &input()), [input().paste()]);
    }

    #[test]
    fn a_foreign_word_cannot_break_out_of_the_shell() {
        assert_eq!(quoted("prod/orders"), "prod/orders");
        assert_eq!(quoted("a'b; c"), r"'a'\''b; c'");
    }
}
