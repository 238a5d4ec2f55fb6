//! Global tables: whether a replica could serve alone in its Region, and what it lacks for that.
//!
//! Every replica takes writes (fact sheet 3.5), so that nothing is promoted: what can be missing is a replica, its health, what each
//! Region sets for itself, and a way to lead clients there. Judged from what DynamoDB tells in one Region; no other Region is asked.

use crate::error::DrError;
use crate::ids::Identity;
use crate::ledger::{self, keys};
use crate::observed::{Configuration, ObservedDatabase, TableConfiguration};
use crate::policy::{CutOverTarget, Policy};
use crate::ports::Ledger;
use crate::register::News;
use crate::words::{RecoveryMode, Scenario, Timestamp};
use serde::{Deserialize, Serialize};

/// The version whose replicas DescribeTable does not name.
const LEGACY: &str = "2017.11.29";

/// A replica of a global table, as DescribeTable of any of its Regions shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReplica {
    /// `RegionName`.
    pub region: String,
    /// `ReplicaStatus`: AWS's word.
    pub status: String,
    /// `ProvisionedThroughputOverride.ReadCapacityUnits`, where it has read capacity of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<i64>,
}

/// What a table is as a part of a global one. It is never given to a restored table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalTable {
    /// `GlobalTableVersion`, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether `MultiRegionConsistency` is `STRONG`.
    #[serde(default)]
    pub is_strong: bool,
    /// Every replica that is told, by Region; that of its own Region may be among them or not.
    pub replicas: Vec<TableReplica>,
}

/// How much was read of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// By a sweep: no auto scaling; and a sweep tells daily of point-in-time recovery that is off.
    Sweep,
    /// All its settings.
    Whole,
}

/// What a status other than ACTIVE means for who would be led there; none of one that serves as if it were ACTIVE.
fn trouble(status: &str) -> Option<&'static str> {
    Some(match status {
        "ACTIVE" | "UPDATING" => return None,
        "CREATING" => "it is being made, and does not hold everything yet",
        "CREATION_FAILED" => "it could not be made",
        "DELETING" => "it is being deleted",
        "REGION_DISABLED" => "its Region is switched off for this account; after 20 hours it is no replica any more",
        "REPLICATION_NOT_AUTHORIZED" => "replication is denied, so that it lags ever more; after 20 hours it is no replica any more",
        "INACCESSIBLE_ENCRYPTION_CREDENTIALS" => "its KMS key cannot be used; after 20 hours it is no replica any more",
        "ARCHIVING" | "ARCHIVED" => "it was archived, as its KMS key was gone for a week",
        _ => "what that means is not known",
    })
}

fn own(table: &ObservedDatabase) -> Option<&TableConfiguration> {
    table.configuration.table()
}

fn global(table: &ObservedDatabase) -> Option<&GlobalTable> {
    own(table)?.global.as_deref()
}

/// Other Regions in which it has replicas. What an older version kept may name its own among them.
pub fn other_regions(table: &ObservedDatabase) -> Vec<String> {
    regions_but(table.arn.region(), &table.configuration)
}

/// The Regions of a table's replicas but its own.
pub fn regions_but(own: &str, configuration: &Configuration) -> Vec<String> {
    let regions = configuration.table().map(|table| table.replicas.as_slice()).unwrap_or_default();
    regions.iter().filter(|region| *region != own).cloned().collect()
}

/// Whether what one Region acknowledged is in all of them.
pub fn is_strong(table: &ObservedDatabase) -> bool {
    global(table).is_some_and(|global| global.is_strong)
}

fn replicas_elsewhere(table: &ObservedDatabase) -> impl Iterator<Item = &TableReplica> {
    let own = table.arn.region();
    global(table).into_iter().flat_map(|global| &global.replicas).filter(move |replica| replica.region != own)
}

/// Its status here and what it means, where it does not serve as a replica should.
fn trouble_here(table: &ObservedDatabase) -> Option<String> {
    let region = table.arn.region();
    let replica = global(table).into_iter().flat_map(|global| &global.replicas).find(|replica| replica.region == region);
    let of_table = Some(table.status.as_str()).filter(|_| !table.status.accepts_calls());
    let mut statuses = of_table.into_iter().chain(replica.map(|replica| replica.status.as_str()));
    statuses.find_map(|status| Some(format!("is {status} in {region}: {}", trouble(status)?)))
}

/// Why it cannot serve alone in its Region, as what is said after its name; none if it can.
pub fn why_it_cannot_serve(table: &ObservedDatabase) -> Option<String> {
    if other_regions(table).is_empty() {
        let version = if is_legacy(table) {
            format!("; of a global table of version {LEGACY} DynamoDB does not name them here: update it to 2019.11.21")
        } else {
            String::new()
        };
        return Some(format!("has no replica in another Region: there is none from which clients could be led here{version}"));
    }
    trouble_here(table)
}

fn is_legacy(table: &ObservedDatabase) -> bool {
    global(table).is_some_and(|global| global.version.as_deref() == Some(LEGACY))
}

/// Whether the policy says anything of the loss of a Region.
fn promises_a_region(policy: &Policy) -> bool {
    policy.objectives.contains_key(&Scenario::RegionOutage)
        || policy.modes.get(&Scenario::RegionOutage).is_some_and(|mode| *mode != RecoveryMode::Observe)
        || policy.cut_over.iter().any(CutOverTarget::holds_region)
}

/// What it lacks to serve alone in its Region, or to be replaced by another one, each as what is said after its name. Of a table that is
/// in one Region only, and is promised no more, nothing is expected.
pub fn lacks(table: &ObservedDatabase, policy: &Policy, reading: Reading) -> Vec<String> {
    let Some(own) = own(table) else { return Vec::new() };
    let region = table.arn.region();
    if other_regions(table).is_empty() {
        let missing = why_it_cannot_serve(table).filter(|_| promises_a_region(policy) || is_legacy(table));
        return missing.into_iter().collect();
    }
    let mut lacks: Vec<String> = trouble_here(table).into_iter().collect();
    if is_legacy(table) {
        lacks.push(format!("is a global table of version {LEGACY}: update it to 2019.11.21"));
    }
    for replica in replicas_elsewhere(table) {
        lacks.extend(trouble(&replica.status).map(|why| format!("has a replica in {} that is {}: {why}", replica.region, replica.status)));
    }
    if !table.configuration.deletion_protection {
        lacks.push(format!("has no deletion protection in {region}, which each Region sets for itself"));
    }
    if reading == Reading::Whole {
        if own.point_in_time_days.is_none() {
            lacks.push(format!("has no point-in-time recovery in {region}, which each Region has for itself"));
        }
        lacks.extend(fixed_capacity(own));
        lacks.extend(replicas_elsewhere(table).filter_map(|replica| reads_less(replica, own)));
    }
    if !policy.cut_over.iter().any(CutOverTarget::holds_region) {
        lacks.push(
            "has a policy whose cut_over names no ssm_parameter with holds: region: nobody would be led to another Region".to_owned(),
        );
    }
    lacks
}

/// Fewer reads than here, for now: where auto scaling stands behind it there, it moves all day, so that only a plan says it.
fn reads_less(replica: &TableReplica, own: &TableConfiguration) -> Option<String> {
    let ((here, _), there) = (own.capacity?, replica.reads?);
    let region = &replica.region;
    (there < here).then(|| {
        format!(
            "has {there} read capacity units in {region} and {here} here: clients that are led there are throttled unless it scales there"
        )
    })
}

/// Provisioned capacity that nothing scales: the clients of another Region come on top of those that are here.
fn fixed_capacity(own: &TableConfiguration) -> Option<String> {
    let (reads, writes) = own.capacity?;
    let is_scaled = |reads: bool| own.autoscaling.iter().any(|target| target.index.is_none() && target.reads == reads);
    let fixed: Vec<String> = [(is_scaled(true), reads, "read"), (is_scaled(false), writes, "write")]
        .into_iter()
        .filter(|(is_scaled, ..)| !is_scaled)
        .map(|(_, units, what)| format!("{units} {what} capacity units"))
        .collect();
    (!fixed.is_empty())
        .then(|| format!("has {} that nothing scales: clients that come from another Region are throttled", fixed.join(" and ")))
}

/// What was last found lacking of a table, and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// What it lacked; nothing once all was mended.
    pub lacks: Vec<String>,
    /// When that was found first.
    pub since: Timestamp,
    /// Whether people were told: a sweep that died before it could is followed by one that tells.
    pub is_told: bool,
}

/// Leaves news of what a table lacks, once for each change; what was mended is not told.
pub async fn tell(ledger: &impl Ledger, resource: &Identity, lacks: Vec<String>, text: String, now: Timestamp) -> Result<(), DrError> {
    let key = keys::readiness(resource);
    let kept = ledger::read::<Readiness>(ledger, &key).await?.map(|kept| kept.value);
    let found = match kept {
        None if lacks.is_empty() => return Ok(()),
        Some(kept) if kept.lacks == lacks && kept.is_told => return Ok(()),
        Some(kept) if kept.lacks == lacks => kept,
        _ => Readiness { is_told: lacks.is_empty(), lacks, since: now },
    };
    ledger::write(ledger, &key, &found).await?;
    if found.is_told {
        return Ok(());
    }
    let title = format!("{resource} is not ready for the loss of a Region");
    let news = News { at: found.since, resource: Some(resource.clone()), incident: None, title, text, told_at: None };
    news.leave(ledger, found.since).await?;
    ledger::write(ledger, &key, &Readiness { is_told: true, ..found }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Arn, DatabaseId};
    use crate::observed::{Autoscaling, Own};
    use crate::samples::{instance, policy};
    use crate::status::DatabaseStatus;
    use crate::words::ResourceKind;

    const LEADS: &str = "cut_over: [{ssm_parameter: {name: /orders/region, holds: region}}]";

    fn replica(region: &str, status: &str) -> TableReplica {
        TableReplica { region: region.to_owned(), status: status.to_owned(), ..TableReplica::default() }
    }

    fn scaled(reads: bool) -> Autoscaling {
        Autoscaling { index: None, reads, least: 5, most: 50, target_percent: Some(70) }
    }

    /// A global table that lacks nothing, changed.
    fn table(status: &str, change: impl FnOnce(&mut TableConfiguration, &mut GlobalTable)) -> ObservedDatabase {
        let mut global =
            GlobalTable { version: Some("2019.11.21".to_owned()), is_strong: false, replicas: vec![replica("eu-west-1", "ACTIVE")] };
        let mut own = TableConfiguration {
            capacity: Some((100, 20)),
            point_in_time_days: Some(35),
            autoscaling: vec![scaled(true), scaled(false)],
            replicas: vec!["eu-west-1".to_owned()],
            ..TableConfiguration::default()
        };
        change(&mut own, &mut global);
        own.global = Some(Box::new(global));
        let configuration = Configuration { deletion_protection: true, own: Some(Own::Table(Box::new(own))), ..Configuration::default() };
        ObservedDatabase {
            id: DatabaseId::new(ResourceKind::DynamodbTable, "orders").unwrap(),
            arn: Arn::parse("arn:aws:dynamodb:us-east-1:123456789012:table/orders").unwrap(),
            status: DatabaseStatus::new(status),
            configuration,
            ..instance("ACTIVE")
        }
    }

    #[test]
    fn what_a_global_table_lacks_is_named_one_by_one_and_of_one_that_lacks_nothing_nothing() {
        type Change = fn(&mut TableConfiguration, &mut GlobalTable);
        let rows: [(&str, Change, &[&str]); 12] = [
            ("ACTIVE", |_, _| {}, &[]),
            ("UPDATING", |_, _| {}, &[]),
            ("ACTIVE", |_, global| global.replicas.push(replica("us-east-1", "ACTIVE")), &[]),
            ("REPLICATION_NOT_AUTHORIZED", |_, _| {}, &["is REPLICATION_NOT_AUTHORIZED in us-east-1: replication is denied"]),
            ("ACTIVE", |_, global| global.replicas.push(replica("us-east-1", "REGION_DISABLED")), &["is REGION_DISABLED in us-east-1"]),
            (
                "ACTIVE",
                |_, global| global.replicas[0].status = "CREATING".to_owned(),
                &["a replica in eu-west-1 that is CREATING: it is being made"],
            ),
            (
                "ACTIVE",
                |_, global| global.replicas[0].status = "SLEEPING".to_owned(),
                &["eu-west-1 that is SLEEPING: what that means is not known"],
            ),
            ("ACTIVE", |_, global| global.version = Some(LEGACY.to_owned()), &["version 2017.11.29: update it"]),
            ("ACTIVE", |_, global| global.replicas[0].reads = Some(5), &["has 5 read capacity units in eu-west-1 and 100 here"]),
            ("ACTIVE", |_, global| global.replicas[0].reads = Some(200), &[]),
            ("ACTIVE", |own, _| own.autoscaling = vec![scaled(true)], &["has 20 write capacity units that nothing scales"]),
            ("ACTIVE", |own, _| (own.capacity, own.point_in_time_days) = (None, None), &["has no point-in-time recovery in us-east-1"]),
        ];
        for (status, change, expected) in rows {
            let found = lacks(&table(status, change), &policy(LEADS), Reading::Whole);
            assert_eq!(found.len(), expected.len(), "{status}: {found:?}, expected {expected:?}");
            assert!(found.iter().zip(expected).all(|(found, expected)| found.contains(expected)), "{found:?}, expected {expected:?}");
        }
        let mut open = table("ACTIVE", |_, _| {});
        open.configuration.deletion_protection = false;
        assert!(lacks(&open, &policy(LEADS), Reading::Whole)[0].contains("no deletion protection in us-east-1"));
        let nobody = lacks(&table("ACTIVE", |_, _| {}), &policy("cut_over: [secrets_manager]"), Reading::Whole);
        assert!(nobody.len() == 1 && nobody[0].contains("nobody would be led"), "{nobody:?}");
    }

    #[test]
    fn a_sweep_says_nothing_of_what_it_has_not_read_or_tells_anyway() {
        let bare = table("ACTIVE", |own, global| {
            (own.autoscaling, own.point_in_time_days) = (Vec::new(), None);
            global.replicas[0].reads = Some(5);
        });
        assert_eq!(lacks(&bare, &policy(LEADS), Reading::Sweep), Vec::<String>::new());
        assert_eq!(lacks(&bare, &policy(LEADS), Reading::Whole).len(), 3);
    }

    #[test]
    fn its_own_region_is_no_other_one_even_where_an_older_version_kept_it_so() {
        let alone = table("ACTIVE", |own, global| {
            own.replicas = vec!["us-east-1".to_owned()];
            global.replicas.clear();
        });
        assert_eq!(other_regions(&alone), Vec::<String>::new());
        assert!(why_it_cannot_serve(&alone).unwrap().contains("no replica in another Region"));
    }

    #[test]
    fn a_table_of_one_region_is_ready_unless_its_policy_or_its_version_promises_another_one() {
        let alone = table("ACTIVE", |own, global| (own.replicas, global.replicas) = (Vec::new(), Vec::new()));
        for (yaml, expected) in [
            ("", 0),
            ("modes: {region_outage: observe}", 0),
            ("modes: {region_outage: approve}", 1),
            ("objectives: {region_outage: {rto: 30m, rpo: 1m}}", 1),
            (LEADS, 1),
        ] {
            assert_eq!(lacks(&alone, &policy(yaml), Reading::Sweep).len(), expected, "{yaml}");
        }
        let legacy = table("ACTIVE", |own, global| {
            (own.replicas, global.replicas, global.version) = (Vec::new(), Vec::new(), Some(LEGACY.to_owned()));
        });
        assert!(lacks(&legacy, &policy(""), Reading::Sweep)[0].contains("update it to 2019.11.21"));
        assert_eq!(lacks(&instance("available"), &policy(LEADS), Reading::Whole), Vec::<String>::new(), "another kind");
    }

    #[test]
    fn a_table_serves_alone_only_if_it_has_replicas_elsewhere_and_is_well_here() {
        let why = |table: &ObservedDatabase| why_it_cannot_serve(table);
        assert_eq!(
            why(&table("ACTIVE", |_, global| global.replicas[0].status = "REGION_DISABLED".to_owned())),
            None,
            "that Region is dark"
        );
        assert_eq!(why(&table("UPDATING", |_, _| {})), None);
        for status in ["CREATING", "DELETING", "INACCESSIBLE_ENCRYPTION_CREDENTIALS", "REPLICATION_NOT_AUTHORIZED", "ARCHIVED"] {
            assert!(why(&table(status, |_, _| {})).unwrap().contains(&format!("is {status} in us-east-1")), "{status}");
        }
        assert!(why(&table("ACTIVE", |own, _| own.replicas.clear())).unwrap().contains("no replica in another Region"));
    }
}
