//! Parts of the report that are judged and not only read.

use crate::ending::Ending;
use crate::text::one_line;
use lifeboat_domain::acting::CutOverState;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::plan::{Act, FencePlan};
use lifeboat_domain::words::Grade;

/// The risks that the plan named, and those that the records show.
pub(super) fn risks(ending: &Ending<'_>) -> Vec<String> {
    let story = ending.story;
    let mut risks: Vec<String> = story.plan().map(|plan| plan.risks.iter().map(|risk| one_line(risk)).collect()).unwrap_or_default();
    if let Some(plan) = story.plan()
        && let Some(forecast) = plan.forecast()
        && ending.outcome != Outcome::Planned
    {
        risks.push(one_line(&forecast.risk));
    }
    let moved_unfenced = story.moved().is_some() && story.fence.as_ref().is_none_or(|fence| !fence.state.stands());
    if moved_unfenced && story.plan().is_none_or(|plan| !matches!(plan.fence, Some(FencePlan::Gone | FencePlan::Elsewhere))) {
        risks.push("split brain: clients were moved, and no proof is on record that the source refuses them".to_owned());
    }
    if story.cut_over.as_ref().is_some_and(|cut_over| matches!(cut_over.state(), CutOverState::Moving | CutOverState::Moved)) {
        risks.push("the cut-over was not proven from a client's side: some clients may still go to the source".to_owned());
    }
    for (call, record) in story.not_made_for_others() {
        let why = record.map_or("it was not reached", |record| record.text.as_str());
        let effect = match call.act {
            Act::CopyAlarm { .. } => "nobody is paged by it for the new database",
            Act::FlushCache { .. } => "the cache may hold what is gone from the database",
            _ => "clients may hold old connections and addresses",
        };
        risks.push(format!("WARN: {} was not made, {effect}: {}", call.act.describe(), one_line(why)));
    }
    let warned = story.validation.iter().flat_map(|validation| &validation.checks).filter(|check| check.grade == Grade::Warn);
    risks.extend(warned.map(|check| format!("check {} is WARN: {}", check.name, one_line(&check.text))));
    if !story.configuration.is_empty() {
        risks.push(format!("{} of the source's settings differ on the restored database", story.configuration.len()));
    }
    risks
}

/// The scenario for the summary; where none was judged, what AWS did by itself.
pub(super) fn scenario(report: &super::Report) -> String {
    let announced = || report.by_itself.as_ref().map_or_else(|| "not known".to_owned(), |said| format!("none was judged: {said}"));
    report.scenario.map_or_else(announced, |scenario| scenario.to_string())
}

/// The restored configuration against the source's, where both are known.
pub(super) fn configuration_note(report: &super::Report) -> Option<String> {
    let validated = report.validation.as_ref()?;
    let checked = validated.checks.iter().any(|check| check.name == "configuration");
    (checked && report.configuration_differences.is_empty())
        .then(|| "The restored configuration equals the source's, as far as the two were compared".to_owned())
}

/// `8 of 8 passed`.
pub(super) fn passed(validation: &super::ValidationFacts) -> String {
    let passed = validation.checks.iter().filter(|check| check.grade == Grade::Pass).count();
    format!("{passed} of {} passed", validation.checks.len())
}

/// Whether the calls that were made are those of the plan.
pub(super) fn calls_equal_plan(report: &super::Report) -> &'static str {
    let none_made = report.calls.iter().all(|line| line.sent_at.is_none()) && report.extra_calls.is_empty();
    match (report.calls_equal_plan, none_made) {
        (true, true) => "yes: no call was made",
        (true, false) => "yes",
        (false, _) => "no",
    }
}
