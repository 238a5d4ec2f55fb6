//! Exports where a table has nothing left to restore: named in the guidance for a person, and never an option of the plan.

use lifeboat_domain::exports::{Beside, ExportRecord};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::Plan;
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::words::{ResourceKind, Scenario};

/// Adds to a plan without any remedy what a person can do with the newest export.
pub(crate) async fn add_guidance(ledger: &impl Ledger, incident: &Incident, beside: Beside<'_>, plan: &mut Plan) {
    let loses_data = matches!(plan.scenario, Scenario::Deletion | Scenario::Corruption | Scenario::HumanError);
    if plan.remedy.is_some() || incident.kind != ResourceKind::DynamodbTable || !loses_data {
        return;
    }
    match ledger::read::<ExportRecord>(ledger, &keys::exports(&incident.resource)).await {
        Ok(kept) => plan.guidance.extend(kept.map(|kept| kept.value.by_hand(beside)).unwrap_or_default()),
        // A plan that does not name them is better than none.
        Err(error) => tracing::warn!(resource = %incident.resource, "its exports are not named in the plan: {error}"),
    }
}
