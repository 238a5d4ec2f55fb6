//! What is planned otherwise for a DynamoDB table: what a restore loses is set again, call by call, and some things have no meaning.

use super::options::PlanFacts;
use super::{Act, Plan, PlannedCall, RestoreSettings, global_table};
use crate::error::DrError;
use crate::global_table::regions_but;
use crate::ids::DatabaseId;
use crate::incident::{Incident, Phase};
use crate::observed::{Autoscaling, Configuration, Own, TableConfiguration};
use crate::point::Manifest;
use crate::policy::CutOverTarget;
use crate::words::{ResourceKind, Scenario};
use serde::{Deserialize, Serialize};

/// One setting that a restored table comes without (fact sheet 3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "setting", rename_all = "snake_case")]
pub enum TableSetting {
    /// `dynamodb:UpdateContinuousBackups`.
    PointInTime {
        /// `RecoveryPeriodInDays`, 1 to 35.
        days: i32,
    },
    /// `dynamodb:UpdateTimeToLive`.
    TimeToLive {
        /// The attribute that holds an item's end.
        attribute: String,
    },
    /// `dynamodb:UpdateTable` with `StreamSpecification`.
    Stream {
        /// `StreamViewType`.
        view: String,
    },
    /// `dynamodb:UpdateTable` with `TableClass`.
    TableClass {
        /// `STANDARD_INFREQUENT_ACCESS`.
        class: String,
    },
    /// `dynamodb:EnableKinesisStreamingDestination`.
    Kinesis {
        /// The stream's ARN.
        stream: String,
    },
    /// `dynamodb:UpdateContributorInsights`.
    Insights {
        /// The index; an empty name is the table itself.
        index: String,
    },
    /// `application-autoscaling:RegisterScalableTarget`, `application-autoscaling:PutScalingPolicy`.
    Autoscaling {
        /// What is scaled, and how far.
        target: Autoscaling,
    },
    /// `dynamodb:PutResourcePolicy`.
    Policy {
        /// The document, as JSON text.
        document: String,
    },
    /// `dynamodb:UpdateTable` with `DeletionProtectionEnabled`.
    DeletionProtection,
}

impl TableSetting {
    /// All that a table like this needs, in the order in which it is set: what protects its data first.
    pub fn of(configuration: &Configuration) -> Vec<Self> {
        let Some(table) = configuration.table() else { return Vec::new() };
        let mut settings = Vec::new();
        settings.extend(table.point_in_time_days.map(|days| Self::PointInTime { days }));
        settings.extend(table.ttl.clone().map(|attribute| Self::TimeToLive { attribute }));
        settings.extend(table.stream.clone().map(|view| Self::Stream { view }));
        let other_class = table.table_class.clone().filter(|class| class != "STANDARD");
        settings.extend(other_class.map(|class| Self::TableClass { class }));
        settings.extend(table.kinesis.iter().cloned().map(|stream| Self::Kinesis { stream }));
        settings.extend(table.insights.iter().cloned().map(|index| Self::Insights { index }));
        settings.extend(table.autoscaling.iter().cloned().map(|target| Self::Autoscaling { target }));
        settings.extend(table.policy.clone().map(|document| Self::Policy { document }));
        settings.extend(configuration.deletion_protection.then_some(Self::DeletionProtection));
        settings
    }

    /// Whether `configuration` shows it.
    pub fn is_in(&self, configuration: &Configuration) -> bool {
        Self::of(configuration).contains(self)
    }

    /// Whether it changes the table by `UpdateTable`, of which one at a time is accepted.
    pub const fn updates_the_table(&self) -> bool {
        matches!(self, Self::Stream { .. } | Self::TableClass { .. } | Self::DeletionProtection)
    }

    /// The IAM action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::PointInTime { .. } => "dynamodb:UpdateContinuousBackups",
            Self::TimeToLive { .. } => "dynamodb:UpdateTimeToLive",
            Self::Stream { .. } | Self::TableClass { .. } | Self::DeletionProtection => "dynamodb:UpdateTable",
            Self::Kinesis { .. } => "dynamodb:EnableKinesisStreamingDestination",
            Self::Insights { .. } => "dynamodb:UpdateContributorInsights",
            Self::Autoscaling { .. } => "application-autoscaling:PutScalingPolicy",
            Self::Policy { .. } => "dynamodb:PutResourcePolicy",
        }
    }

    /// What is set, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::PointInTime { days } => format!("point-in-time recovery of {days} days"),
            Self::TimeToLive { attribute } => format!("time to live by {attribute}"),
            Self::Stream { view } => format!("a stream of {view}"),
            Self::TableClass { class } => format!("TableClass={class}"),
            Self::Kinesis { stream } => format!("changes go to {stream}"),
            Self::Insights { index } if index.is_empty() => "contributor insights".to_owned(),
            Self::Insights { index } => format!("contributor insights of index {index}"),
            Self::Autoscaling { target } => {
                format!(
                    "{} from {} to {}{}",
                    target.dimension(),
                    target.least,
                    target.most,
                    target.index.as_ref().map(|index| format!(" of index {index}")).unwrap_or_default()
                )
            }
            Self::Policy { .. } => "its resource policy".to_owned(),
            Self::DeletionProtection => "DeletionProtectionEnabled=true".to_owned(),
        }
    }
}

/// What a call is called where it is made on a table.
pub(super) fn action(act: &Act) -> Option<&'static str> {
    let of = |id: &DatabaseId, action| (id.kind() == ResourceKind::DynamodbTable).then_some(action);
    let of_arn = |arn, action| DatabaseId::of_arn(arn).and_then(|id| of(&id, action));
    match act {
        Act::RestoreFromSnapshot { target, .. } => of(target, "dynamodb:RestoreTableFromBackup"),
        Act::RestoreToPointInTime { target, .. } => of(target, "dynamodb:RestoreTableToPointInTime"),
        Act::SetSecurityGroups { instance, .. } => of(instance, "dynamodb:PutResourcePolicy"),
        Act::CreateSnapshot { instance, .. } => of(instance, "dynamodb:CreateBackup"),
        Act::AddTags { arn, .. } => of_arn(arn, "dynamodb:TagResource"),
        Act::RemoveTags { arn, .. } => of_arn(arn, "dynamodb:UntagResource"),
        Act::SetTable { setting, .. } => Some(setting.action()),
        _ => None,
    }
}

/// What is restored: what names the old table names the new one.
pub(super) fn restored(manifest: &Manifest, target: &DatabaseId) -> Result<Configuration, DrError> {
    let Some(table) = manifest.configuration.table() else { return Ok(manifest.configuration.clone()) };
    let new = manifest.arn.sibling(target)?;
    let named = |text: &String| {
        text.replace(&format!("{}\"", manifest.arn), &format!("{new}\"")).replace(&format!("{}/", manifest.arn), &format!("{new}/"))
    };
    let own = TableConfiguration { policy: table.policy.as_ref().map(named), global: None, ..table.clone() };
    Ok(Configuration { own: Some(Own::Table(Box::new(own))), ..manifest.configuration.clone() })
}

/// Adds the calls that give a restored table what its restore lost: the mark that it is ours first.
pub(super) fn add_settings(plan: &mut Plan, target: &DatabaseId, told: &RestoreSettings, manifest: &Manifest) -> Result<(), DrError> {
    let arn = manifest.arn.sibling(target)?;
    let mut push = |act, why: &str| plan.calls.push(PlannedCall { phase: Phase::Configure, act, why: why.to_owned() });
    push(Act::AddTags { arn, tags: told.tags.clone() }, "a restored table has no tags: it gets its owner's, and the mark that it is ours");
    for setting in TableSetting::of(&told.configuration) {
        push(Act::SetTable { table: target.clone(), setting }, "a restored table comes without it");
    }
    if !regions_but(manifest.arn.region(), &told.configuration).is_empty() {
        plan.risks.push(format!("{target} has no replicas in other Regions, and its source had: they are not made by Lifeboat"));
    }
    let unread = told.configuration.table().map(|table| table.unread.clone()).unwrap_or_default();
    plan.risks.extend(unread.into_iter().map(|what| format!("{target} may lack what could not be read of its source: {what}")));
    Ok(())
}

/// The comparison of a restored table with what it was told to be: where its capacity is scaled, it is what it is now.
pub fn expected_of_table(told: Configuration, found: &Configuration) -> Configuration {
    let (Some(table), Some(shown)) = (told.table(), found.table()) else { return told };
    if table.autoscaling.iter().all(|target| target.index.is_some()) {
        return told;
    }
    let own = TableConfiguration { capacity: shown.capacity, ..table.clone() };
    Configuration { own: Some(Own::Table(Box::new(own))), ..told }
}

/// Why a target of the policy has no meaning for a table; none if it has one.
pub(super) fn refusal(target: &CutOverTarget, source: &DatabaseId) -> Option<String> {
    if source.kind() != ResourceKind::DynamodbTable {
        let only = "only a DynamoDB table has one name in several Regions";
        return target.holds_region().then(|| format!("{}: it holds a Region, and {only}; let it hold host or host_port", target.name()));
    }
    if matches!(target, CutOverTarget::SsmParameter { .. }) {
        return None;
    }
    let why = match target {
        CutOverTarget::RenameSwap => "a table cannot be renamed",
        _ => "clients find a table by its name alone, and not by an address",
    };
    Some(format!("{}: {why}; name an ssm_parameter that holds the name of {source}", target.name()))
}

/// Why only a person can go on.
pub(super) fn why_guided(facts: PlanFacts<'_>) -> Option<String> {
    if facts.incident.kind != ResourceKind::DynamodbTable {
        return None;
    }
    let replicas = global_table::known_regions(facts);
    Some(match facts.incident.scenario()? {
        Scenario::RegionOutage if replicas.is_empty() => {
            "it has no replica in another Region: nothing can take over before the Region is back".to_owned()
        }
        Scenario::RegionOutage => {
            format!("it is a global table: its replicas in {} hold its data, and clients must be led there", replicas.join(", "))
        }
        Scenario::KeyInaccessible | Scenario::SecurityBreach => "a person must repair the cause; restoring would not help".to_owned(),
        _ => "DynamoDB is a regional service: it spreads a table over its zones, has no hosts, volumes or parameters of ours, and heals by itself".to_owned(),
    })
}

/// Commands for the scenarios that no restore would mend.
pub(super) fn guidance(scenario: Scenario, incident: &Incident) -> Vec<String> {
    let (id, region) = (&incident.source.id, incident.source.arn.region());
    let describe =
        format!("aws dynamodb describe-table --region {region} --table-name {id} --query 'Table.[TableStatus,SSEDescription,Replicas]'");
    match scenario {
        Scenario::KeyInaccessible => vec![
            format!("The KMS key of {id} is unreachable: enable it or cancel its deletion within 7 days, or the table is archived."),
            describe,
            "What is archived comes back from the backup that DynamoDB makes of it, once a key is there.".to_owned(),
        ],
        Scenario::SecurityBreach => vec![
            "Decide first what must be kept as evidence: take a backup before anything else.".to_owned(),
            format!("aws dynamodb create-backup --region {region} --table-name {id} --backup-name evidence-{id}"),
            "Then take the intruder's permissions away, and restore to before the intrusion with scenario human_error and its restore_to."
                .to_owned(),
        ],
        Scenario::AzOutage
        | Scenario::Hung
        | Scenario::InstanceFailure
        | Scenario::StorageFull
        | Scenario::ParameterFailure
        | Scenario::NetworkFailure => vec![describe],
        Scenario::Corruption | Scenario::HumanError | Scenario::Deletion | Scenario::Undo | Scenario::RegionOutage => Vec::new(),
    }
}
