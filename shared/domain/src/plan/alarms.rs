//! The alarms of a database whose clients are moved: the new one gets copies once clients are on it, so that a copy beside production,
//! or one that is still being made, pages nobody.

use super::options::PlanFacts;
use super::{Act, Plan, PlannedCall};
use crate::alarms::{AlarmCopy, copies, dimension};
use crate::ids::DatabaseId;
use crate::incident::Phase;
use crate::point::Manifest;
use crate::words::Scenario;

/// Adds a call for each copy, and names what is not copied.
pub(super) fn add_calls(facts: PlanFacts<'_>, plan: &mut Plan, manifest: &Manifest, to: &DatabaseId) {
    let from = &facts.incident.source.id;
    let keeps_its_name = from == to || plan.calls.iter().any(|call| matches!(call.act, Act::RenameInstance { .. }));
    // What clients are moved back to has the alarms that it always had.
    if keeps_its_name || facts.incident.scenario() == Some(Scenario::Undo) || dimension(from.kind()).is_none() {
        return;
    }
    let Some(alarms) = &manifest.alarms else {
        plan.risks
            .push(format!("nobody knows which CloudWatch alarms watch {from}, as they could not be read: {to} gets no copies of them"));
        return;
    };
    let planned = copies(alarms, from, to);
    plan.risks.extend(planned.left.into_iter().map(|(name, why)| format!("alarm {name} goes on watching {from} only: {why}")));
    plan.calls.extend(planned.copies.into_iter().map(|AlarmCopy { of, alarm }| PlannedCall {
        phase: Phase::Close,
        act: Act::CopyAlarm { database: to.clone(), of, alarm: Box::new(alarm) },
        why: format!("the alarm goes on watching {from}, which nobody uses any more"),
    }));
}
