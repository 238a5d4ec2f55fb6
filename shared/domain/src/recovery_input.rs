//! The input of `recovery`, as a person pastes it in the console.

use crate::ids::{Identity, PlanHash};
use crate::incident::Incident;
use crate::plan::{Plan, Remedy};
use crate::words::{Run, Scenario, Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// The input of `recovery`, as pasted in the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryInput {
    /// The database.
    pub resource: Identity,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Scenario>,
    /// The last moment at which the data was good.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_shown")]
    pub restore_to: Option<Timestamp>,
    /// Whether clients are moved although the scenario's default is to restore beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_over: Option<bool>,
    /// The option to plan instead of the best one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<Remedy>,
    /// Plan or act.
    pub run: Run,
    /// The plan that is approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHash>,
}

fn as_shown<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(&exact(*at)),
        None => serializer.serialize_none(),
    }
}

/// A moment without losing its fraction: a plan approved for `10:25:00.5Z` is not the plan of `10:25:00Z`.
fn exact(at: Timestamp) -> String {
    if at.timestamp_subsec_nanos() == 0 { show_time(at) } else { at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true) }
}

impl RecoveryInput {
    /// Asks for a plan of what `incident` asks for. A person's own words are kept: the same request meets the same incident.
    pub fn to_plan(incident: &Incident) -> Self {
        let request = &incident.request;
        Self {
            resource: incident.resource.clone(),
            scenario: if request.by_person { request.scenario.or(incident.scenario) } else { incident.scenario() },
            restore_to: request.restore_to,
            cut_over: request.cut_over.then_some(true),
            option: request.option,
            run: Run::Plan,
            plan: None,
        }
    }

    /// Approves exactly `plan`. Where Lifeboat chose the moment to go back to, it is named, or tomorrow's choice would make another plan.
    pub fn to_approve(incident: &Incident, plan: &Plan) -> Self {
        let asked = Self::to_plan(incident);
        let chosen = plan.restore_point.filter(|_| !incident.request.by_person && plan.scenario.is_about_data());
        Self { restore_to: asked.restore_to.or(chosen), run: Run::Execute, plan: Some(plan.hash.clone()), ..asked }
    }

    /// Asks what it would mean to undo the cut-over that `incident` ended in.
    pub fn to_undo(incident: &Incident) -> Self {
        let (resource, scenario) = (incident.resource.clone(), Some(Scenario::Undo));
        Self { resource, scenario, restore_to: None, cut_over: None, option: None, run: Run::Plan, plan: None }
    }

    /// The JSON on one line, with spaces, as a person would write it.
    pub fn paste(&self) -> String {
        let mut fields = vec![format!("\"resource\": \"{}\"", self.resource)];
        fields.extend(self.scenario.map(|scenario| format!("\"scenario\": \"{scenario}\"")));
        fields.extend(self.restore_to.map(|at| format!("\"restore_to\": \"{}\"", exact(at))));
        fields.extend(self.cut_over.map(|cut_over| format!("\"cut_over\": {cut_over}")));
        fields.extend(self.option.map(|option| format!("\"option\": \"{option}\"")));
        fields.push(format!("\"run\": \"{}\"", self.run));
        fields.extend(self.plan.as_ref().map(|plan| format!("\"plan\": \"{plan}\"")));
        format!("{{{}}}", fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> RecoveryInput {
        RecoveryInput {
            resource: Identity::parse("orders-db").unwrap(),
            scenario: Some(Scenario::HumanError),
            restore_to: Some("2026-01-15T10:25:00Z".parse().unwrap()),
            cut_over: Some(true),
            option: Some(Remedy::RestoreSnapshot),
            run: Run::Execute,
            plan: Some(PlanHash::parse("a".repeat(64)).unwrap()),
        }
    }

    #[test]
    fn the_input_to_paste_has_exactly_these_fields_in_this_order() {
        let hash = "a".repeat(64);
        let expected = format!(
            "{{\"resource\": \"orders-db\", \"scenario\": \"human_error\", \"restore_to\": \"2026-01-15T10:25:00Z\", \"cut_over\": true, \"option\": \"restore_snapshot\", \"run\": \"execute\", \"plan\": \"{hash}\"}}"
        );
        assert_eq!(input().paste(), expected);
        let read: serde_json::Value = serde_json::from_str(&expected).unwrap();
        assert_eq!(serde_json::to_value(input()).unwrap(), read);
        let bare = RecoveryInput { scenario: None, restore_to: None, cut_over: None, option: None, run: Run::Plan, plan: None, ..input() };
        assert_eq!(bare.paste(), "{\"resource\": \"orders-db\", \"run\": \"plan\"}");
    }

    #[test]
    fn a_fraction_of_a_second_is_kept() {
        let input = RecoveryInput { restore_to: Some("2026-01-15T10:25:00.5Z".parse().unwrap()), ..input() };
        assert!(input.paste().contains("\"2026-01-15T10:25:00.500Z\""), "{}", input.paste());
    }
}
