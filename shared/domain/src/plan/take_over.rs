//! Taking over from another Region. The resource that a person names in the standby Region is itself the member that follows one
//! elsewhere: a replica cluster, or the secondary of a global datastore. It is made writable where it stands, and the clients of this
//! Region are led to it. Every call goes to this Region: the other one may be dark (fact sheet 3.1, 3.9). A table is written in every
//! Region (`global_table.rs`): clients are led to it, and that is all.

use super::options::{PlanFacts, Weighed, plain};
use super::targets::{add_consumer_calls, add_target_calls};
use super::{Act, FencePlan, Forecast, Plan, PlannedCall, Remedy, cache, global_table};
use crate::error::DrError;
use crate::ids::{Arn, DatabaseId, SnapshotId, deterministic_name, short_digest};
use crate::incident::{Phase, Setback};
use crate::observed::{Configuration, ObservedDatabase, tags};
use crate::point::Manifest;
use crate::policy::CutOverTarget;
use crate::words::{ResourceKind, Scenario};

/// Where Route 53's control plane lies: while that Region is dark, no record can be changed.
const ROUTE_53_LIES_IN: &str = "us-east-1";

/// What a member follows, and where that lies as far as it is known here.
struct Followed {
    /// The source's ARN, or the global datastore.
    what: String,
    /// Its Region; none of a global datastore, of which only AWS knows that.
    region: Option<String>,
}

impl Followed {
    fn lies_in(&self) -> String {
        self.region.clone().unwrap_or_else(|| "another Region".to_owned())
    }
}

/// What it follows in another Region; if nothing, why it cannot take over.
fn followed(facts: PlanFacts<'_>, member: &ObservedDatabase) -> Result<Followed, String> {
    let (id, own) = (&member.id, facts.incident.source.arn.region());
    match id.kind() {
        ResourceKind::RdsInstance | ResourceKind::DynamodbTable => Err(format!("no {} follows another Region's", id.kind().in_words())),
        ResourceKind::DbCluster => {
            if let Some(global) = &member.global {
                return Err(format!("{id} belongs to the Aurora global database {global}, which is failed over as a whole"));
            }
            let Some(source) = &member.replica_of else {
                return Err(format!("{id} follows no cluster of another Region: it is no replica that could take over here"));
            };
            let region = Arn::parse(source.clone()).map(|arn| arn.region().to_owned()).unwrap_or_default();
            if region.is_empty() || region == own {
                return Err(format!("{id} follows {source}, which lies in its own Region"));
            }
            Ok(Followed { what: source.clone(), region: Some(region) })
        }
        ResourceKind::ReplicationGroup => match (&member.replica_of, member.configuration.cache().and_then(|it| it.global.as_ref())) {
            (Some(global), _) => Ok(Followed { what: global.clone(), region: None }),
            (None, Some(global)) => Err(format!("{id} is the primary of the global datastore {global} already")),
            (None, None) => Err(format!("{id} belongs to no global datastore: nothing of it lies in another Region")),
        },
    }
}

/// Weighs it; whether it is wanted is always for a person to say.
pub(super) fn weigh(facts: PlanFacts<'_>) -> Weighed {
    let refuse = |reason: String| plain(Remedy::TakeOver, false, reason);
    let Some(member) = facts.observed else {
        return refuse("it does not exist in this Region: nothing here could take over".to_owned());
    };
    let (id, kind) = (&member.id, member.id.kind());
    if kind == ResourceKind::DynamodbTable {
        return global_table::weigh(facts, member);
    }
    let followed = match followed(facts, member) {
        Ok(followed) => followed,
        Err(why) => return refuse(why),
    };
    if let Some(why) = facts.incident.setbacks.iter().find_map(|setback| match setback {
        Setback::PromotionFailed { target, text } if target == id => Some(text.clone()),
        Setback::PromotionSent { target } if target == id => Some("it was asked for in this incident".to_owned()),
        _ => None,
    }) {
        return refuse(format!("{why}; it is not asked for twice"));
    }
    if !member.status.accepts_calls() {
        return refuse(format!("{} reports {}, in which {id} cannot take over", kind.service(), member.status));
    }
    let where_from = followed.lies_in();
    let reason = match kind {
        ResourceKind::ReplicationGroup => {
            format!("{id} is a secondary of the global datastore {}, and becomes its primary", followed.what)
        }
        _ => format!("{id} follows {} in {where_from}, and becomes a cluster of its own", followed.what),
    };
    let mut weighed = plain(Remedy::TakeOver, true, reason);
    weighed.option.forecast = Forecast {
        rto: super::p90(facts.recovery_times),
        rto_evidence: format!("{} promotes it within minutes; nothing is copied", kind.service()),
        // The other Region may be dark: it is not asked, and nothing here waits for it.
        loss: None,
        cost: "none: nothing is made".to_owned(),
        risk: match kind {
            ResourceKind::DbCluster => format!("there is no way back: once promoted, {id} is never a replica again"),
            _ => format!("what {where_from} acknowledged and had not replicated yet may be lost"),
        },
    };
    weighed
}

/// The calls: the promotion, the clients of this Region, and a first recovery point.
pub(super) fn add_calls(facts: PlanFacts<'_>, plan: &mut Plan) -> Result<(), DrError> {
    let (Some(member), Some(manifest)) = (facts.observed, facts.manifest) else {
        return Err(DrError::unrecoverable("a take-over was chosen without the member that takes over"));
    };
    if member.id.kind() == ResourceKind::DynamodbTable {
        return global_table::add_calls(facts, plan, member, manifest);
    }
    let followed = followed(facts, member).map_err(DrError::unrecoverable)?;
    let (id, region) = (&member.id, facts.incident.source.arn.region());
    plan.fence = Some(FencePlan::Elsewhere);
    // What it is compared with may be of the Region that it followed: the newest that is known here.
    plan.baseline = facts.baselines.first().map(|(_, key)| key.clone());
    add_risks(plan, member, &followed);
    let (instance, resource_id) = (id.clone(), member.resource_id.clone());
    let act = Act::TakeOver { instance, resource_id, follows: followed.what.clone(), region: region.to_owned() };
    let why = format!("{id} is read-only until then; asked for once, and never again");
    plan.calls.push(PlannedCall { phase: Phase::Act, act, why });
    plan.guidance = afterwards(facts, &followed);
    if !plan.moves_clients {
        let host = member.endpoint.as_ref().map_or_else(|| id.to_string(), |endpoint| endpoint.host.clone());
        plan.guidance.insert(0, format!("The policy's cut_over names no way to move clients: lead them to {host} by hand."));
        return Ok(());
    }
    lead_clients(facts, plan, manifest, id)
}

/// The calls that lead the clients of this Region to what serves in it, and its first recovery point.
pub(super) fn lead_clients(facts: PlanFacts<'_>, plan: &mut Plan, manifest: &Manifest, id: &DatabaseId) -> Result<(), DrError> {
    plan.refusals.extend(cache::refused_checks(facts));
    add_target_calls(facts, plan, manifest, id)?;
    plan.risks.extend(facts.policy.cut_over.iter().filter_map(dark_control_plane));
    add_consumer_calls(facts, plan);
    let snapshot = SnapshotId::parse(deterministic_name(
        &format!("lifeboat-{}", plan.resource),
        &format!("first-{}", short_digest(&[plan.incident.as_str(), id.as_str()])),
        id.kind().longest_snapshot_name(),
    ))?;
    let marks = [(tags::RESOURCE.to_owned(), plan.resource.to_string()), (tags::INCIDENT.to_owned(), plan.incident.to_string())].into();
    let act = Act::CreateSnapshot { instance: id.clone(), snapshot, tags: marks };
    plan.calls.push(PlannedCall { phase: Phase::Close, act, why: "the first recovery point since it took over".to_owned() });
    Ok(())
}

/// Names change places between databases of one Region only.
pub(super) fn refused_target(facts: PlanFacts<'_>, target: &CutOverTarget) -> Option<String> {
    (facts.incident.scenario() == Some(Scenario::RegionOutage) && matches!(target, CutOverTarget::RenameSwap)).then(|| {
        format!("{}: the database that clients leave lies in another Region, and names are swapped within one only", target.name())
    })
}

/// A change of a record that cannot be made from here while one Region is dark.
fn dark_control_plane(target: &CutOverTarget) -> Option<String> {
    let CutOverTarget::Route53 { record, .. } = target else { return None };
    Some(format!(
        "Route 53 is changed through {ROUTE_53_LIES_IN} alone: if that is the Region that is dark, record {record} stays as it is"
    ))
}

fn add_risks(plan: &mut Plan, member: &ObservedDatabase, followed: &Followed) {
    let (id, region) = (&member.id, followed.lies_in());
    plan.risks.push(format!(
        "split brain: what {id} follows lies in {region} and cannot be fenced from here; whoever reaches it there goes on writing to it, and what both sides took is never brought together again"
    ));
    plan.risks.push(format!("how much {region} had not replicated yet cannot be told from here: the loss is not known"));
    plan.risks.push(match id.kind() {
        ResourceKind::DbCluster => format!("{id} can never be a replica again; a way back is a new replica of it, and a new plan"),
        _ => format!("{id} is asked to be the primary while the Region of today's may not answer: ElastiCache may refuse"),
    });
    plan.risks.extend(not_ready(member).into_iter().map(|lack| format!("{id} {lack}")));
}

/// What a member lacks of what it needs to serve alone, each as what is said after its name.
fn not_ready(member: &ObservedDatabase) -> Vec<String> {
    let configuration = &member.configuration;
    let mut lacks = Vec::new();
    let is_cache = member.id.kind() == ResourceKind::ReplicationGroup;
    if !configuration.deletion_protection && !is_cache {
        lacks.push("has no deletion protection".to_owned());
    }
    if configuration.backup_retention_days == 0 {
        lacks.push("keeps no automated backups".to_owned());
    }
    if !member.members.iter().any(|node| !node.is_writer) {
        lacks.push("has no second node, and nothing to fail over to".to_owned());
    }
    lacks
}

/// What is left to a person once it has taken over.
fn afterwards(facts: PlanFacts<'_>, followed: &Followed) -> Vec<String> {
    let (id, arn) = (&facts.incident.source.id, &facts.incident.source.arn);
    let (region, there) = (arn.region(), followed.lies_in());
    let keep_away = format!("Keep clients of {there} away from what {id} followed when that Region is back: it is not fenced.");
    match id.kind() {
        ResourceKind::ReplicationGroup => vec![
            keep_away,
            format!(
                "If ElastiCache refuses, as the Region of the primary cannot be called, take {id} out of the global datastore instead, which makes it writable:"
            ),
            disassociate(&followed.what, region, id.as_str()),
        ],
        _ => vec![
            keep_away,
            format!("{id} has no replica in another Region any more: make one as soon as there is a Region to make it in."),
            format!(
                "aws rds create-db-cluster --region OTHER_REGION --db-cluster-identifier {id}-2 --engine ENGINE --replication-source-identifier {arn} --tags Key=made-by,Value=hand"
            ),
        ],
    }
}

/// The same by a person's own hand, in the Region of the member.
pub fn take_over_by_hand(member: &DatabaseId, follows: &str, region: &str) -> Vec<String> {
    match member.kind() {
        ResourceKind::ReplicationGroup => vec![
            format!(
                "aws elasticache failover-global-replication-group --region {region} --global-replication-group-id {follows} --primary-region {region} --primary-replication-group-id {member}"
            ),
            disassociate(follows, region, member.as_str()),
        ],
        _ => vec![format!("aws rds promote-read-replica-db-cluster --region {region} --db-cluster-identifier {member}")],
    }
}

fn disassociate(global: &str, region: &str, group: &str) -> String {
    format!(
        "aws elasticache disassociate-global-replication-group --region {region} --global-replication-group-id {global} --replication-group-id {group} --replication-group-region {region}"
    )
}

/// What a person can do where nothing here can take over: named by what was found.
pub(super) fn guidance(facts: PlanFacts<'_>) -> Option<Vec<String>> {
    if facts.incident.scenario() != Some(Scenario::RegionOutage) {
        return None;
    }
    let id = &facts.incident.source.id;
    let follows = facts.observed.filter(|member| member.global.is_none()).and_then(|member| member.replica_of.as_ref());
    Some(match (id.kind(), follows) {
        (ResourceKind::DbCluster | ResourceKind::ReplicationGroup, Some(follows)) => of_member(facts, follows),
        (ResourceKind::DbCluster, None) => of_cluster(facts),
        (ResourceKind::ReplicationGroup, None) => of_cache(facts),
        (ResourceKind::DynamodbTable, _) => global_table::guidance(facts),
        (ResourceKind::RdsInstance, _) => vec![
            "Lifeboat does not move an instance to another Region by itself.".to_owned(),
            "Restore the newest copied snapshot in the standby Region, or promote the replica there, by the runbook.".to_owned(),
        ],
    })
}

const START_THERE: &str =
    "Start recovery with this scenario in the standby Region, with the name that the resource has there: what follows it there takes over.";

/// Of what follows here, and could not take over.
fn of_member(facts: PlanFacts<'_>, follows: &str) -> Vec<String> {
    let (id, own) = (&facts.incident.source.id, facts.incident.source.arn.region());
    let say = match id.kind() {
        ResourceKind::ReplicationGroup => format!(
            "{id} follows {follows} here. By hand it is made its primary, or, if that Region cannot be called at all, taken out of it, which makes it writable; look first whether it is so already:"
        ),
        _ => format!("{id} follows {follows} here. By hand it is promoted, once and for good; look first whether it is so already:"),
    };
    std::iter::once(say).chain(take_over_by_hand(id, follows, own)).collect()
}

fn of_cluster(facts: PlanFacts<'_>) -> Vec<String> {
    let id = &facts.incident.source.id;
    let Some(global) = facts.observed.and_then(|observed| observed.global.as_ref()) else {
        return vec![
            START_THERE.to_owned(),
            "Without a replica cluster there, restore the newest copied snapshot there, by the runbook.".to_owned(),
            "aws rds describe-db-cluster-snapshots --region STANDBY_REGION --query \"DBClusterSnapshots[?SourceDBClusterSnapshotArn!=null]\""
                .to_owned(),
        ];
    };
    vec![
        format!(
            "{id} belongs to the Aurora global database {global}. In the Region that shall take over, with the ARN of the cluster there:"
        ),
        format!(
            "aws rds failover-global-cluster --region STANDBY_REGION --global-cluster-identifier {global} --target-db-cluster-identifier STANDBY_CLUSTER_ARN --allow-data-loss"
        ),
        "Without --allow-data-loss it is a switchover, which needs the Region that is gone.".to_owned(),
    ]
}

/// What is known of it here, alive or kept.
fn known(facts: PlanFacts<'_>) -> Option<&Configuration> {
    facts.observed.map(|it| &it.configuration).or_else(|| facts.manifest.map(|manifest| &manifest.configuration))
}

fn of_cache(facts: PlanFacts<'_>) -> Vec<String> {
    let Some(global) = known(facts).and_then(Configuration::cache).and_then(|cache| cache.global.as_ref()) else {
        return vec![
            "It belongs to no global datastore: snapshots stay in their Region. Build it anew in the standby Region, empty or from a snapshot that was exported to S3 there.".to_owned(),
        ];
    };
    vec![
        START_THERE.to_owned(),
        format!(
            "By hand, replication is asynchronous: the last writes may be missing. Call it in the standby Region, for the global datastore {global}:"
        ),
        format!(
            "aws elasticache failover-global-replication-group --region STANDBY_REGION --global-replication-group-id {global} --primary-region STANDBY_REGION --primary-replication-group-id STANDBY_GROUP"
        ),
        "If the primary's Region cannot be called at all, take the standby's group out of the datastore instead, which makes it writable:"
            .to_owned(),
        disassociate(global, "STANDBY_REGION", "STANDBY_GROUP"),
        "Clients of the standby Region have another endpoint: move them by record, parameter or secret there.".to_owned(),
    ]
}
