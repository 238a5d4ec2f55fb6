//! Quarantine: until its cut-over a restored copy admits `validate` and no client, not even one that learns its address from Describe.

use super::options::PlanFacts;
use super::{Act, Plan, PlannedCall, RestoreSettings};
use crate::ids::DatabaseId;
use crate::incident::Phase;
use crate::observed::Configuration;
use crate::words::ResourceKind;

/// How a restored copy is kept from clients until they are moved to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine<'a> {
    /// Its only group until then.
    pub group: &'a str,
    /// The source's groups, which it gets then.
    pub opens_to: &'a [String],
}

impl Plan {
    /// What the plan's restore is told; none where nothing is restored.
    pub fn restore_settings(&self) -> Option<&RestoreSettings> {
        self.calls.iter().find_map(|call| match &call.act {
            Act::RestoreFromSnapshot { settings, .. }
            | Act::RestoreToPointInTime { settings, .. }
            | Act::CloneCluster { settings, .. }
            | Act::RebuildCold { settings, .. } => Some(&**settings),
            _ => None,
        })
    }

    /// The quarantine in which the copy is born; none where it is born with its source's groups, or nothing is restored.
    pub fn quarantine(&self) -> Option<Quarantine<'_>> {
        let settings = self.restore_settings().filter(|settings| !settings.opens_to.is_empty())?;
        let group = settings.configuration.security_groups.first()?;
        Some(Quarantine { group, opens_to: &settings.opens_to })
    }

    /// The call that lets clients into the copy, with its place in the plan; none where it is in no quarantine, or stays there.
    pub fn opening(&self) -> Option<(usize, &PlannedCall)> {
        self.quarantine()?;
        self.calls_of(Phase::CutOver).find(|(_, call)| matches!(call.act, Act::SetSecurityGroups { .. }))
    }
}

/// The settings with which a copy is born: in quarantine where the source's VPC has a group for that, else the risk has a name.
pub(super) fn born(facts: PlanFacts<'_>, plan: &mut Plan, target: &DatabaseId, told: RestoreSettings) -> RestoreSettings {
    if target.kind() == ResourceKind::DynamodbTable {
        // A table has no address to learn: nobody knows a copy's name before it is told, and no policy admits anybody to it.
        return told;
    }
    let groups = told.configuration.security_groups.clone();
    match facts.quarantine_group {
        Some(group) if !groups.is_empty() => {
            let configuration = Configuration { security_groups: vec![group.to_owned()], ..told.configuration };
            RestoreSettings { configuration, opens_to: groups, ..told }
        }
        _ => {
            let vpc = told.configuration.vpc.as_deref().unwrap_or("its VPC");
            plan.risks.push(format!(
                "{target} is born with its source's security groups, as quarantine_groups names no group for {vpc}: whoever learns its address could write to it before clients are moved"
            ));
            told
        }
    }
}

/// The first call of the cut-over, behind the fence.
pub(super) fn add_opening(plan: &mut Plan, target: &DatabaseId) {
    let Some(groups) = plan.quarantine().map(|quarantine| quarantine.opens_to.to_vec()) else { return };
    let act = Act::SetSecurityGroups { instance: target.clone(), groups };
    let why = "the copy leaves its quarantine: it gets its source's groups, now that the source admits nobody".to_owned();
    plan.calls.push(PlannedCall { phase: Phase::CutOver, act, why });
}
