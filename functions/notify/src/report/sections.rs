//! Parts of the report that are judged and not only read: risks, and what is kept.

use super::Kept;
use crate::commands;
use crate::ending::Ending;
use crate::story::Story;
use crate::text::one_line;
use lifeboat_domain::acting::{CutOverState, FenceState};
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::plan::FencePlan;
use lifeboat_domain::show_time;
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
    let moved_unfenced = story.moved().is_some()
        && story.fence.as_ref().is_none_or(|fence| !matches!(fence.state, FenceState::SessionsEnded | FenceState::Proven));
    if moved_unfenced && story.plan().is_none_or(|plan| !matches!(plan.fence, Some(FencePlan::Gone))) {
        risks.push("split brain: clients were moved, and no proof is on record that the source refuses them".to_owned());
    }
    if story.cut_over.as_ref().is_some_and(|cut_over| matches!(cut_over.state, CutOverState::Moving | CutOverState::Moved)) {
        risks.push("the cut-over was not proven from a client's side: some clients may still go to the source".to_owned());
    }
    let warned = story.validation.iter().flat_map(|validation| &validation.checks).filter(|check| check.grade == Grade::Warn);
    risks.extend(warned.map(|check| format!("check {} is WARN: {}", check.name, one_line(&check.text))));
    if !story.configuration.is_empty() {
        risks.push(format!("{} of the source's settings differ on the restored database", story.configuration.len()));
    }
    risks
}

/// What is kept although it does not serve.
pub(super) fn kept(story: &Story) -> Vec<Kept> {
    let incident = &story.incident;
    let source = &incident.source;
    let Some(restored) = &incident.restored else { return Vec::new() };
    if let Some(cut_over) = story.moved() {
        let point = story
            .plan()
            .and_then(|plan| plan.restore_point)
            .map_or_else(String::new, |at| format!("; it may hold writes after {} that the new one lacks", show_time(at)));
        return vec![Kept {
            id: source.id.clone(),
            why: format!("it was the database until {}, and Lifeboat never deletes a source{point}", show_time(cut_over.at)),
            cost: format!(
                "{} is billed like before for its storage and backups, and for its instance hours unless it is stopped (RDS starts a stopped one again after 7 days); so for now you pay for two databases",
                source.id
            ),
            release_commands: commands::release_source(&source.arn, &source.id),
            release_note:
                " (RDS takes the final snapshot only of an instance that is available; of any other one keep its last recovery point)"
                    .to_owned(),
        }];
    }
    vec![Kept {
        id: restored.id.clone(),
        why: format!("it is the restored copy; {} still is the database", source.id),
        cost: format!("{} is billed like a second database of the same size until it is deleted", restored.id),
        release_commands: commands::delete_copy(&restored.arn, &restored.id),
        release_note: String::new(),
    }]
}

/// The clients' side, in one sentence.
pub(super) fn where_clients_are(report: &super::Report) -> String {
    match &report.cut_over {
        Some(cut_over) if matches!(cut_over.state, CutOverState::Moved | CutOverState::Verified) => {
            format!("Clients read {} and find {}:{}", cut_over.secret, cut_over.endpoint_after.host, cut_over.endpoint_after.port)
        }
        Some(_) => "Clients were moved back, or not moved for certain: see the cut-over".to_owned(),
        None => format!("Clients go where they always went: {}", report.source.id),
    }
}

/// The scenario for the summary.
pub(super) fn scenario(ending: &super::Report) -> String {
    ending.scenario.map_or_else(|| "not known".to_owned(), |scenario| scenario.to_string())
}

/// The restored configuration against the source's, where both are known.
pub(super) fn configuration_note(report: &super::Report) -> Option<String> {
    let validated = report.validation.as_ref()?;
    let checked = validated.checks.iter().any(|check| check.name == "configuration");
    (checked && report.configuration_differences.is_empty())
        .then(|| "The restored configuration equals the source's, as far as the two were compared".to_owned())
}
