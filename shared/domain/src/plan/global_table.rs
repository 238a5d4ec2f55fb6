//! Leading clients to the replica of a global table in this Region. Every replica takes writes: nothing is promoted, and DynamoDB is
//! asked for nothing. What is moved is this Region's side of the clients' configuration: the parameter that names their Region.

use super::options::{PlanFacts, Weighed, plain};
use super::{FencePlan, Forecast, Plan, Remedy, take_over};
use crate::error::DrError;
use crate::global_table::{Reading, is_strong, lacks, other_regions, regions_but, why_it_cannot_serve};
use crate::observed::ObservedDatabase;
use crate::point::Manifest;
use crate::policy::CutOverTarget;
use crate::span::Span;
use crate::words::{ResourceKind, Scenario};

/// Weighs it; whether it is wanted is always for a person to say.
pub(super) fn weigh(facts: PlanFacts<'_>, table: &ObservedDatabase) -> Weighed {
    let refuse = |reason: String| plain(Remedy::TakeOver, false, reason);
    let (id, own) = (&table.id, facts.incident.source.arn.region());
    if let Some(why) = why_it_cannot_serve(table) {
        return refuse(format!("{id} {why}"));
    }
    if !facts.policy.cut_over.iter().any(CutOverTarget::holds_region) {
        return refuse(
            "cut_over of its policy names no ssm_parameter with holds: region: Lifeboat could lead nobody to another Region".to_owned(),
        );
    }
    let others = other_regions(table).join(", ");
    let reason = format!("{id} has a replica here beside those in {others}, which takes writes as it is: clients are led to {own}");
    let mut weighed = plain(Remedy::TakeOver, true, reason);
    weighed.option.forecast = Forecast {
        // What earlier recoveries took says nothing: those were restores.
        rto: None,
        rto_evidence: "a parameter is written within seconds; nothing is promoted, and nothing is copied".to_owned(),
        // The other Region may be dark: it is not asked.
        loss: is_strong(table).then_some(Span::seconds(0)),
        cost: "none: nothing is made".to_owned(),
        risk: format!("{others} and {own} may both be written: of two writes of one item the later one stays"),
    };
    weighed
}

/// The calls: the parameter, who reads it, and a first recovery point.
pub(super) fn add_calls(facts: PlanFacts<'_>, plan: &mut Plan, table: &ObservedDatabase, manifest: &Manifest) -> Result<(), DrError> {
    plan.fence = Some(FencePlan::Elsewhere);
    // Without keys no item is compared, and nothing was restored that could be wrong.
    let newest = facts.baselines.first().filter(|_| facts.policy.items.keep_keys);
    plan.baseline = newest.map(|(_, key)| key.clone());
    add_risks(facts, plan, table);
    plan.guidance = afterwards(facts, table);
    take_over::lead_clients(facts, plan, manifest, &table.id)
}

fn add_risks(facts: PlanFacts<'_>, plan: &mut Plan, table: &ObservedDatabase) {
    let (id, others) = (&table.id, other_regions(table).join(", "));
    if is_strong(table) {
        plan.risks.push(format!(
            "split brain: {id} takes writes in {others}, too, and cannot be fenced there from here; its consistency is STRONG: of two writes of one item at once one is refused, and nothing that was acknowledged is missing"
        ));
    } else {
        plan.risks.push(format!(
            "split brain: {id} takes writes in {others}, too, and cannot be fenced there from here; of two writes of one item the later one stays in every Region, and the other is gone without a word"
        ));
        plan.risks.push(format!(
            "what {others} acknowledged and had not replicated is missing here until that Region is back, and how much that is cannot be told from here; it then arrives, and writes over nothing that is newer"
        ));
    }
    plan.risks.extend(lacks(table, facts.policy, Reading::Whole).into_iter().map(|lack| format!("{id} {lack}")));
}

/// What is left to a person once clients were led here.
fn afterwards(facts: PlanFacts<'_>, table: &ObservedDatabase) -> Vec<String> {
    let (id, own, others) = (&table.id, facts.incident.source.arn.region(), other_regions(table).join(", "));
    let back = format!(
        "The way back is a parameter: when the other Region is well and has the items of {own}, put its name back, and restart consumers. Recovery started there leads only the clients that read their Region there."
    );
    let put = |target: &CutOverTarget| match target {
        CutOverTarget::SsmParameter { name, .. } if target.holds_region() => {
            Some(format!("aws ssm put-parameter --region {own} --name {name} --value OTHER_REGION --overwrite"))
        }
        _ => None,
    };
    let away = format!("Keep the clients of {others} away from {id} there until their items have arrived in {own}: it is not fenced.");
    [away, back].into_iter().chain(facts.policy.cut_over.iter().filter_map(put)).collect()
}

/// What is known of its replicas here, of the table itself or of its last manifest.
pub(super) fn known_regions(facts: PlanFacts<'_>) -> Vec<String> {
    let configuration = facts.observed.map(|it| &it.configuration).or_else(|| facts.manifest.map(|manifest| &manifest.configuration));
    configuration.map(|it| regions_but(facts.incident.source.arn.region(), it)).unwrap_or_default()
}

/// What a person can do where clients are not led here.
pub(super) fn guidance(facts: PlanFacts<'_>) -> Vec<String> {
    let id = &facts.incident.source.id;
    let others = known_regions(facts);
    if others.is_empty() {
        return vec![
            "Replicas must exist before a Region is lost: aws dynamodb update-table --replica-updates 'Create={RegionName=...}'."
                .to_owned(),
        ];
    }
    let look =
        |there: &String| format!("aws dynamodb describe-table --region {there} --table-name {id} --query 'Table.[TableStatus,Replicas]'");
    let lead = format!(
        "Lead clients to one of {}: start recovery there with this scenario, or set their Region by hand; the table has the same name there.",
        others.join(", ")
    );
    others.iter().map(look).chain(std::iter::once(lead)).collect()
}

/// Whether a target leads the clients of this recovery: within a Region from table to table, or from Region to Region.
pub(super) fn applies(facts: PlanFacts<'_>, target: &CutOverTarget) -> bool {
    let between_regions = facts.incident.scenario() == Some(Scenario::RegionOutage);
    facts.incident.source.id.kind() != ResourceKind::DynamodbTable || target.holds_region() == between_regions
}

/// The targets that are left alone, each as a sentence; and that nobody is moved, where all of them are.
pub(super) fn left_alone(facts: PlanFacts<'_>) -> Vec<String> {
    let id = &facts.incident.source.id;
    let (left, moved): (Vec<&CutOverTarget>, Vec<&CutOverTarget>) =
        facts.policy.cut_over.iter().partition(|target| !applies(facts, target));
    let mut told: Vec<String> = left
        .iter()
        .map(|target| match target.holds_region() {
            true => format!("{} stays as it is: it holds the Region of clients, and they stay in theirs", target.name()),
            false => format!("{} stays as it is: {id} has the same name in every Region", target.name()),
        })
        .collect();
    if moved.is_empty() && !left.is_empty() {
        told.push(format!(
            "cut_over names no way to move clients of {id} within their Region: nobody is moved, and a copy stands beside it"
        ));
    }
    told
}
