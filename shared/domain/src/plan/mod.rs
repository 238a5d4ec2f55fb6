//! A plan: every mutating call that a recovery will make, as data, before anything is touched.

mod act;
mod adopted;
mod alarms;
mod cache;
mod calls;
mod clone;
mod cluster;
mod describe;
mod forecast;
mod gates;
mod global_table;
mod guidance;
mod matrix;
mod options;
mod promotion;
mod quarantine;
mod renames;
mod repeat;
mod settings;
mod stale;
mod swap_back;
mod table;
mod take_over;
mod targets;
#[cfg(test)]
mod tests;

pub use act::{Act, CUT_OVER_VARIABLE};
pub use adopted::AdoptedSettings;
pub use forecast::{Forecast, p90};
pub use gates::{Decision, Gate, GateFacts, decide, is_approvable};
pub use matrix::{MATRIX, MatrixRow, Remedy};
pub use options::{PlanFacts, Planned, UsablePoint, make_plan};
pub use quarantine::Quarantine;
pub use renames::{NameHolders, RENAME, kept_name};
pub use repeat::{FencePlan, Repeat};
pub use settings::{LateSettings, RestoreSettings};
pub use swap_back::{MovedFrom, rows_since};
pub use table::{TableSetting, expected_of_table};
pub use take_over::take_over_by_hand;
pub use targets::FoundTarget;

use crate::ids::{DatabaseId, Identity, IncidentId, PlanHash, digest};
use crate::incident::Phase;
use crate::policy::WarmUpRule;
use crate::words::{Scenario, Timestamp};
use serde::{Deserialize, Serialize};

/// A call of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// The phase that makes it.
    pub phase: Phase,
    /// The call.
    pub act: Act,
    /// Why it is made.
    pub why: String,
}

/// One way to recover, with what it would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedOption {
    /// The remedy.
    pub remedy: Remedy,
    /// Whether it can be done now.
    pub possible: bool,
    /// Why it is chosen, possible or impossible.
    pub reason: String,
    /// What it is expected to take and lose.
    pub forecast: Forecast,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// SHA-256 over what an approval approves.
    pub hash: PlanHash,
    /// Whose.
    pub resource: Identity,
    /// For which incident.
    pub incident: IncidentId,
    /// For what.
    pub scenario: Scenario,
    /// When it was made.
    pub made_at: Timestamp,
    /// The chosen remedy; none where only a person can go on.
    pub remedy: Option<Remedy>,
    /// Whether clients are moved.
    pub moves_clients: bool,
    /// The instance that clients are moved to: a new one, or one that exists.
    pub target: Option<DatabaseId>,
    /// The `DbiResourceId` of a target that exists already.
    #[serde(default)]
    pub target_resource_id: Option<String>,
    /// The data time that is expected on the serving side.
    pub restore_point: Option<Timestamp>,
    /// The fingerprint to compare the restored data with, in the bucket: the newest one taken before the restore point.
    pub baseline: Option<String>,
    /// Every mutating call, in order.
    pub calls: Vec<PlannedCall>,
    /// How the source will be kept from its clients; none where clients are not moved.
    pub fence: Option<FencePlan>,
    /// The options, best first.
    pub options: Vec<RankedOption>,
    /// How long clients wait for which relations of a lazily loaded copy to be read; none where they do not wait. A policy that is
    /// deployed after an approval changes nothing of it.
    #[serde(default)]
    pub warm_up: Option<WarmUpRule>,
    /// What could go wrong, by name.
    pub risks: Vec<String>,
    /// What only a person can do, as commands or sentences.
    pub guidance: Vec<String>,
    /// Why clients cannot be moved as the policy says, if they cannot.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// Why this plan, as a sentence.
    pub reason: String,
    /// SHA-256 of the policy document.
    pub policy_hash: String,
}

impl Plan {
    /// Computes the hash: the calls, what they mean and what clients wait for, not the forecast, which changes every minute.
    pub fn hash_of(&self) -> Result<PlanHash, crate::DrError> {
        let unwritable = |error| crate::DrError::unrecoverable("the plan cannot be written as JSON").because(error);
        let calls: Vec<&Act> = self.calls.iter().map(|call| &call.act).collect();
        let calls = serde_json::to_string(&calls).map_err(unwritable)?;
        let warm_up = self.warm_up.as_ref().map(serde_json::to_string).transpose().map_err(unwritable)?;
        let remedy = self.remedy.map_or("none", Remedy::as_str);
        let moves = if self.moves_clients { "moves" } else { "beside" };
        let (resource, incident, scenario) = (self.resource.as_str(), self.incident.as_str(), self.scenario.as_str());
        let mut parts = vec![resource, incident, scenario, remedy, moves, &self.policy_hash, &calls];
        parts.extend(warm_up.as_deref());
        PlanHash::parse(digest(&parts))
    }

    /// The calls of one phase, with their place in the plan.
    pub fn calls_of(&self, phase: Phase) -> impl Iterator<Item = (usize, &PlannedCall)> {
        self.calls.iter().enumerate().filter(move |(_, call)| call.phase == phase)
    }

    /// The forecast of the chosen option.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.options.iter().find(|option| Some(option.remedy) == self.remedy).map(|option| &option.forecast)
    }
}
