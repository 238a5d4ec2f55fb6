//! Letters without a story: the input was refused before an incident existed, or the ledger could not be read.

use super::{About, Advice, Letter, Numbers, Severity};
use crate::commands::Execution;
use crate::ending::Failure;
use crate::text;
use lifeboat_domain::DrError;
use lifeboat_domain::error::ErrorName;
use lifeboat_domain::ids::IncidentId;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::words::Scenario;

const EXAMPLE: &str =
    "{\"resource\": \"orders-db\", \"scenario\": \"human_error\", \"restore_to\": \"2026-01-15T10:25:00Z\", \"run\": \"plan\"}";

fn bare(outcome: Outcome, severity: Severity, headline: String, hint: &str, execution: &str) -> Letter {
    Letter {
        what: "outcome".to_owned(),
        outcome: Some(outcome),
        severity,
        headline,
        hint: hint.to_owned(),
        happened: Vec::new(),
        done: vec!["Nothing was changed: no incident was opened".to_owned()],
        to_do: Vec::new(),
        approve_with: None,
        numbers: Numbers::default(),
        about: About { execution: Some(execution.to_owned()).filter(|execution| !execution.is_empty()), ..About::default() },
    }
}

/// What an ending without an incident is.
pub(crate) fn outcome(outcome: Outcome, failure: Option<&Failure>) -> Outcome {
    match failure.and_then(Failure::name) {
        Some(ErrorName::Refused | ErrorName::InvalidInput | ErrorName::NotFound | ErrorName::Conflict) if outcome == Outcome::Failed => {
            Outcome::Refused
        }
        _ => outcome,
    }
}

/// No incident exists.
pub(crate) fn no_incident(outcome: Outcome, failure: Option<&Failure>, reason: Option<&str>, execution: &str) -> Letter {
    let said = failure.map(Failure::message).or_else(|| reason.map(text::foreign)).unwrap_or_else(|| "no reason was given".to_owned());
    if outcome != Outcome::Refused {
        let place = failure.map_or_else(|| "no failure was named".to_owned(), Failure::place);
        let headline = format!("FAILED before an incident was opened: {place}: {said}");
        let mut letter = bare(outcome, Severity::Critical, headline, "Nothing was changed.", execution);
        letter.happened = vec![format!("Recovery was started and failed at once: {place}: {said}")];
        letter.to_do = vec![Advice::say("If a database is down, look at it yourself now: Lifeboat is not on it")];
        letter.to_do.extend(find_protected(execution, None));
        return letter;
    }
    let mut letter = bare(outcome, Severity::Warning, format!("REFUSED a start of recovery: {said}"), "Nothing was changed.", execution);
    if failure.and_then(Failure::name) == Some(ErrorName::Conflict) {
        letter.happened = vec![format!("Recovery was started while something else is at work on the same database: {said}")];
        letter.to_do =
            vec![Advice::say("Wait for the message that ends it; if what you asked for is still needed, start again with the same input")];
        return letter;
    }
    letter.happened = vec![format!("Recovery was started with an input that it does not take: {said}")];
    letter.to_do = vec![
        Advice::new("Correct the input and start again; this is a complete one", vec![EXAMPLE.to_owned()]),
        Advice::say(format!("scenario may be {}", Scenario::accepted())),
    ];
    letter
}

/// The ledger cannot tell the story: what a person can do by hand.
pub(crate) fn dark_ledger(incident: &IncidentId, outcome: Outcome, failure: Option<&Failure>, execution: &str, error: &DrError) -> Letter {
    let resource = resource_of(execution);
    let name = resource.unwrap_or("a database");
    let headline = format!("NEEDS YOU {name}: the ledger cannot be read, so Lifeboat does nothing more ({outcome})");
    let mut letter = bare(outcome, Severity::Critical, headline, "The email has the manual commands.", execution);
    letter.about.incident = Some(incident.clone());
    letter.happened = vec![format!("The ledger cannot be read: {}", text::foreign(error.message()))];
    letter.happened.extend(failure.map(|failure| format!("Before that: {}: {}", failure.place(), failure.message())));
    letter.happened.push(format!("The state machine called the ending {outcome}; what was done until then is in the execution's history"));
    letter.done = vec!["Lifeboat changes nothing that it cannot write down; every source is kept".to_owned()];
    letter.to_do.extend(find_protected(execution, resource));
    let region = Execution::parse(execution).map(|execution| execution.region()).unwrap_or("REGION");
    letter.to_do.push(Advice::say(
        "If it is down for good and you must act by hand, restore a copy beside it with the commands of its kind, which its ARN tells; OLD and NEW are names, never give NEW one that exists. What is not named comes back as a default, and weaker: docs/by-hand.md says the rest, and how clients are moved. Never delete the old one",
    ));
    letter.to_do.extend(restores_by_hand(region));
    letter
}

/// A copy beside what is lost, for each kind: nothing is known but a name. Each has tags of its own where the API takes any: RDS gives a
/// copy without them its source's, and it would be taken for the protected one.
fn restores_by_hand(region: &str) -> Vec<Advice> {
    let tags = "--tags Key=made-by,Value=hand";
    let rds = format!("--db-subnet-group-name SUBNETS --vpc-security-group-ids SG {tags}");
    vec![
        Advice::new(
            "An instance (its ARN has `:db:`)",
            vec![format!(
                "aws rds restore-db-instance-to-point-in-time --region {region} --source-db-instance-identifier OLD --target-db-instance-identifier NEW --use-latest-restorable-time --db-instance-class CLASS --db-parameter-group-name PARAMETERS --multi-az --no-publicly-accessible {rds}"
            )],
        ),
        Advice::new(
            "A DB cluster (`:cluster:`); an Aurora cluster comes back without an instance",
            vec![
                format!(
                    "aws rds restore-db-cluster-to-point-in-time --region {region} --source-db-cluster-identifier OLD --db-cluster-identifier NEW --use-latest-restorable-time --db-cluster-parameter-group-name PARAMETERS {rds}"
                ),
                format!("aws rds wait db-cluster-available --region {region} --db-cluster-identifier NEW"),
                format!(
                    "aws rds create-db-instance --region {region} --db-instance-identifier NEW-1 --db-cluster-identifier NEW --engine ENGINE --db-instance-class CLASS {tags}"
                ),
            ],
        ),
        Advice::new(
            "A DynamoDB table (`:table/`); what it loses by that is named in docs/by-hand.md",
            vec![format!(
                "aws dynamodb restore-table-to-point-in-time --region {region} --source-table-name OLD --target-table-name NEW --use-latest-restorable-time"
            )],
        ),
        Advice::new(
            "A replication group (`:replicationgroup:`), from its newest snapshot; without --auth-token or --user-group-ids it would admit whoever reaches it",
            vec![
                format!(
                    "aws elasticache describe-snapshots --region {region} --replication-group-id OLD --query 'Snapshots[].[SnapshotName,SnapshotStatus,NodeSnapshots[0].SnapshotCreateTime]'"
                ),
                format!(
                    "aws elasticache create-replication-group --region {region} --replication-group-id NEW --replication-group-description hand --snapshot-name SNAPSHOT --engine ENGINE --engine-version VERSION --cache-node-type CLASS --num-cache-clusters 2 --automatic-failover-enabled --multi-az-enabled --cache-subnet-group-name SUBNETS --security-group-ids SG --cache-parameter-group-name PARAMETERS --at-rest-encryption-enabled --transit-encryption-enabled --auth-token TOKEN --snapshot-retention-limit 7 {tags}"
                ),
            ],
        ),
    ]
}

/// The identity in the execution's name, `<resource>-<stamp>-<digest>-<attempt>`, where Lifeboat named it.
fn resource_of(execution: &str) -> Option<&str> {
    let name = Execution::parse(execution)?.name();
    let mut parts = name.rsplitn(4, '-');
    let (attempt, digest, stamp, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let ours = attempt.chars().all(|c| c.is_ascii_digit()) && digest.len() == 8 && stamp.len() == 16 && stamp.ends_with('z');
    ours.then_some(resource)
}

fn find_protected(execution: &str, resource: Option<&str>) -> Option<Advice> {
    let region = Execution::parse(execution)?.region();
    let filter = resource.map_or_else(|| "Key=lifeboat:policy".to_owned(), |resource| format!("Key=lifeboat:resource,Values={resource}"));
    Some(Advice::new(
        "Find the database and see how it stands",
        vec![
            format!(
                "aws resourcegroupstaggingapi get-resources --region {region} --tag-filters {filter} --query 'ResourceTagMappingList[].ResourceARN'"
            ),
            format!(
                "aws rds describe-db-instances --region {region} --query 'DBInstances[].[DBInstanceIdentifier,DBInstanceStatus,LatestRestorableTime]' --output table"
            ),
            format!(
                "aws rds describe-db-clusters --region {region} --query 'DBClusters[].[DBClusterIdentifier,Status,LatestRestorableTime]' --output table"
            ),
            format!(
                "aws elasticache describe-replication-groups --region {region} --query 'ReplicationGroups[].[ReplicationGroupId,Status]' --output table"
            ),
            "# a table, by its name in the ARN".to_owned(),
            format!("aws dynamodb describe-table --region {region} --table-name NAME --query Table.TableStatus"),
        ],
    ))
}
