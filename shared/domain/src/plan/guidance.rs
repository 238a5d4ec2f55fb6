//! What only a person can do, with commands to paste.

use crate::incident::Incident;
use crate::observed::ObservedDatabase;
use crate::words::{ResourceKind, Scenario};

/// Guidance for the scenarios that no restore would mend.
pub(super) fn guidance(scenario: Scenario, incident: &Incident, observed: Option<&ObservedDatabase>) -> Vec<String> {
    if incident.kind == ResourceKind::DynamodbTable {
        return super::table::guidance(scenario, incident);
    }
    let (id, region) = (&incident.source.id, incident.source.arn.region());
    let is_cluster = incident.kind == ResourceKind::DbCluster;
    let (of, group) =
        if is_cluster { ("db-cluster", "db-cluster-parameter-group-name") } else { ("db-instance", "db-parameter-group-name") };
    let lines: Vec<String> = match scenario {
        Scenario::StorageFull => {
            let size = observed.and_then(|observed| observed.configuration.allocated_storage).unwrap_or(100);
            let grown = size + (size / 10).max(1) + 1;
            vec![
                format!("Storage of {id} is exhausted: grow it by at least 10 %."),
                format!("aws rds modify-{of} --region {region} --{of}-identifier {id} --allocated-storage {grown} --apply-immediately"),
                "A further change of the storage is refused for about six hours, so grow it enough.".to_owned(),
            ]
        }
        Scenario::ParameterFailure => vec![
            format!("A parameter keeps {id} from starting: put back the last good parameter group, then reboot."),
            format!("aws rds modify-{of} --region {region} --{of}-identifier {id} --{group} LAST_GOOD_GROUP --apply-immediately"),
            match is_cluster {
                true => "Then reboot each of its instances, the writer first.".to_owned(),
                false => format!("aws rds reboot-db-instance --region {region} --db-instance-identifier {id}"),
            },
        ],
        Scenario::NetworkFailure => vec![
            format!("The subnets or addresses of {id} cannot be used: free addresses or repair the subnet group, then start it."),
            format!("aws rds start-{of} --region {region} --{of}-identifier {id}"),
        ],
        Scenario::KeyInaccessible => vec![
            format!("The KMS key of {id} is unreachable: enable it or cancel its deletion, then start it, within 7 days."),
            format!("aws rds start-{of} --region {region} --{of}-identifier {id}"),
        ],
        Scenario::SecurityBreach => vec![
            "Decide first what must be kept as evidence: take a snapshot before anything else.".to_owned(),
            match is_cluster {
                true => format!(
                    "aws rds create-db-cluster-snapshot --region {region} --db-cluster-identifier {id} --db-cluster-snapshot-identifier evidence-{id}"
                ),
                false => {
                    format!(
                        "aws rds create-db-snapshot --region {region} --db-instance-identifier {id} --db-snapshot-identifier evidence-{id}"
                    )
                }
            },
            "Then rotate the secrets, and restore to before the intrusion with scenario human_error and its restore_to.".to_owned(),
        ],
        // Told where it is looked what could take over.
        Scenario::RegionOutage
        | Scenario::AzOutage
        | Scenario::Corruption
        | Scenario::HumanError
        | Scenario::InstanceFailure
        | Scenario::Hung
        | Scenario::Deletion
        | Scenario::Undo => Vec::new(),
    };
    lines
}
