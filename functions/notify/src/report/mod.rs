//! The report: the facts as JSON, and a page that one would send to their boss, as Markdown and drawn as HTML.

mod body;
mod calls;
mod html;
mod kept;
mod line;
mod markdown;
mod page;
mod sections;
mod sheet;
mod short;
mod times;

pub(crate) use html::html;
pub(crate) use markdown::markdown;

use crate::calls::CallLine;
use crate::close;
use crate::commands::Execution;
use crate::ending::Ending;
use crate::iac::{self, TellYourIac};
use crate::measure::{Measure, PhaseTime, Rows, phases};
use crate::message::{Advice, Severity, beside, cloned, parts};
use crate::phrases;
use crate::text::one_line;
use crate::undo;
use crate::usable::{self, Reached, WarmUpFacts};
use lifeboat_domain::acting::{CutOver, Fence};
use lifeboat_domain::events;
use lifeboat_domain::ids::{DatabaseId, Identity, IncidentId, PlanHash};
use lifeboat_domain::incident::{Incident, Outcome, Restored, Signal, Source, TimelineEntry};
use lifeboat_domain::plan::{RankedOption, Remedy};
use lifeboat_domain::point::Difference;
use lifeboat_domain::validation::{Check, SideDifference};
use lifeboat_domain::words::{Grade, ResourceKind, Run, Scenario};
use lifeboat_domain::{Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// The report; fields are only ever added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) format: u32,
    pub(crate) headline: String,
    /// The whole of it in at most ten lines of Markdown.
    pub(crate) in_short: Vec<String>,
    pub(crate) outcome: Outcome,
    pub(crate) severity: Severity,
    pub(crate) resource: Identity,
    pub(crate) kind: ResourceKind,
    pub(crate) scenario: Option<Scenario>,
    /// What AWS did by itself, where its events told of it.
    pub(crate) by_itself: Option<String>,
    pub(crate) incident: IncidentId,
    pub(crate) attempt: u32,
    pub(crate) policy: String,
    pub(crate) policy_hash: String,
    pub(crate) execution: String,
    pub(crate) console: Option<String>,
    pub(crate) first_signal_at: Timestamp,
    /// Whether the first signal is a person's request.
    pub(crate) began_with_request: bool,
    pub(crate) written_at: Timestamp,
    pub(crate) rto: Measure,
    pub(crate) rpo: Measure,
    /// When the restored database was available and configured; none where none was restored.
    #[serde(default)]
    pub(crate) available: Option<Reached>,
    /// When it was validated and warm; none where it was not.
    #[serde(default)]
    pub(crate) usable: Option<Reached>,
    /// Rows on one side only; none where the sides were not compared.
    pub(crate) rows: Option<Rows>,
    /// Every planned call of the executed phases took place exactly once, and no other did.
    pub(crate) calls_equal_plan: bool,
    pub(crate) what_happened: Vec<String>,
    pub(crate) signals: Vec<Signal>,
    pub(crate) phases: Vec<PhaseTime>,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) plan: Option<PlanFacts>,
    pub(crate) calls: Vec<CallLine>,
    pub(crate) extra_calls: Vec<CallLine>,
    pub(crate) earlier_calls: Vec<CallLine>,
    pub(crate) validation: Option<ValidationFacts>,
    /// What was read of it before clients came.
    #[serde(default)]
    pub(crate) warm_up: Option<WarmUpFacts>,
    pub(crate) difference: Option<SideDifference>,
    pub(crate) configuration_differences: Vec<Difference>,
    pub(crate) source: Source,
    pub(crate) restored: Option<Restored>,
    pub(crate) fence: Option<Fence>,
    pub(crate) cut_over: Option<CutOver>,
    pub(crate) undo_commands: Vec<String>,
    pub(crate) undo_note: Option<String>,
    /// What must be known before going back, one sentence each.
    pub(crate) undo_notes: Vec<String>,
    pub(crate) risks: Vec<String>,
    pub(crate) tell_your_iac: Option<TellYourIac>,
    pub(crate) kept: Vec<Kept>,
    pub(crate) next_steps: Vec<Advice>,
}

/// The plan in force, without the calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlanFacts {
    pub(crate) hash: PlanHash,
    pub(crate) made_at: Timestamp,
    pub(crate) remedy: Option<Remedy>,
    pub(crate) reason: String,
    pub(crate) moves_clients: bool,
    pub(crate) target: Option<DatabaseId>,
    pub(crate) restore_point: Option<Timestamp>,
    pub(crate) options: Vec<RankedOption>,
    pub(crate) guidance: Vec<String>,
}

/// The validation with its grade.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ValidationFacts {
    pub(crate) at: Timestamp,
    pub(crate) grade: Grade,
    pub(crate) newest_data: Option<Timestamp>,
    pub(crate) checks: Vec<Check>,
}

/// A database that is kept although it does not serve, with what that costs and how to end it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) id: DatabaseId,
    /// Whether it is known to exist; a person may have deleted what earlier incidents left.
    pub(crate) is_certain: bool,
    pub(crate) why: String,
    pub(crate) cost: String,
    pub(crate) release_commands: Vec<String>,
    /// What must be known before, as the rest of a sentence.
    pub(crate) release_note: String,
}

impl Report {
    /// Gathers it. Everything comes from the story and the ending, so that a rerun writes the same report.
    pub(crate) fn of(ending: &Ending<'_>) -> Self {
        let story = ending.story;
        let incident = &story.incident;
        let letter = close::letter(ending);
        let kept = kept::kept(story, ending.execution, ending.outcome.closes());
        Self {
            format: 1,
            headline: one_line(&letter.headline),
            in_short: short::in_short(ending, &opening(ending, incident), &letter, !kept.is_empty()),
            outcome: ending.outcome,
            severity: letter.severity,
            resource: incident.resource.clone(),
            kind: incident.kind,
            scenario: incident.scenario(),
            by_itself: events::by_itself(incident).map(|(what, signal)| format!("{what} ({}: {})", signal.source, one_line(&signal.text))),
            incident: incident.id.clone(),
            attempt: incident.attempt,
            policy: incident.policy.clone(),
            policy_hash: incident.policy_hash.clone(),
            execution: ending.execution.to_owned(),
            console: Execution::parse(ending.execution).map(|execution| execution.console()),
            first_signal_at: incident.first_signal_at,
            began_with_request: story.began_with_request(),
            written_at: ending.at,
            rto: ending.measured.rto.clone(),
            rpo: ending.measured.rpo.clone(),
            available: usable::available(story),
            usable: usable::usable(ending),
            rows: ending.measured.rows,
            calls_equal_plan: ending.calls.equal,
            what_happened: what_happened(ending),
            signals: incident.signals.clone(),
            phases: phases(story),
            timeline: story.timeline.clone(),
            plan: plan(ending),
            calls: ending.calls.planned.clone(),
            extra_calls: ending.calls.extra.clone(),
            earlier_calls: ending.calls.earlier.clone(),
            validation: validation(ending),
            warm_up: usable::warm_up(story),
            difference: story.difference.clone(),
            configuration_differences: story.configuration.clone(),
            source: incident.source.clone(),
            restored: incident.restored.clone(),
            fence: story.fence.clone(),
            cut_over: story.cut_over.clone(),
            undo_commands: undo::commands(story),
            undo_note: undo::repair_first(story),
            undo_notes: story.moved().map(|_| undo::notes(story)).unwrap_or_default(),
            risks: sections::risks(ending),
            tell_your_iac: iac::tell(story),
            kept,
            next_steps: letter.to_do,
        }
    }
}

/// The story in sentences: what was found, what was chosen, how it ended.
fn what_happened(ending: &Ending<'_>) -> Vec<String> {
    let story = ending.story;
    let mut lines = vec![opening(ending, &story.incident)];
    lines.extend(parts::verdict(story).map(|entry| format!("The verdict was: {}", one_line(&entry.text))));
    lines.extend(
        story.plan().map(|plan| format!("The choice was {}: {}", plan.remedy.map_or("nothing", Remedy::as_str), one_line(&plan.reason))),
    );
    lines.extend(beside::why_this_moment(story));
    lines.extend(closing(ending));
    if !ending.outcome.closes() || ending.failure.is_some() {
        lines.push(format!("It ended as {}: {}", ending.outcome, ending.reason));
    }
    lines.extend(ending.failure.map(|failure| format!("The failure was {}", failure.place())));
    lines.extend(parts::down_line(ending));
    lines
}

fn opening(ending: &Ending<'_>, incident: &Incident) -> String {
    let resource = &incident.resource;
    let at = show_time(incident.first_signal_at);
    let restore_to = incident.request.restore_to.map_or_else(String::new, |at| format!(" (back to {})", show_time(at)));
    let attempts = if incident.attempt > 1 { format!("; this is attempt {}", incident.attempt) } else { String::new() };
    if ending.story.began_with_request() {
        if incident.scenario() == Some(Scenario::Undo) {
            let asked = if incident.request.run == Run::Plan { "for a plan to undo" } else { "to undo" };
            return format!("A person asked {asked} the last cut-over of {resource} at {at}{attempts}");
        }
        let scenario = parts::scenario(ending.story);
        let asked = if incident.request.run == Run::Plan { "for a plan against" } else { "for a recovery from" };
        return format!("A person asked {asked} {scenario} of {resource}{restore_to} at {at}{attempts}");
    }
    match (incident.scenario(), incident.signals.first()) {
        (Some(scenario), _) => format!("Lifeboat found {} at {at}{restore_to}{attempts}", phrases::found(scenario, resource)),
        (None, Some(first)) => {
            format!("Lifeboat looked at {resource} at {at}, because of {}: {}{attempts}", first.source, one_line(&first.text))
        }
        (None, None) => format!("Lifeboat looked at {resource} at {at}{attempts}"),
    }
}

/// What a boss wants to know: since when it serves, from what, and how sure that is.
fn closing(ending: &Ending<'_>) -> Option<String> {
    let story = ending.story;
    let source = &story.incident.source.id;
    let took = ending.measured.rto.in_words();
    let checked = story.validation.as_ref().map_or_else(String::new, |validation| format!(", validated {}", validation.grade()));
    match (ending.outcome, &story.incident.restored, took) {
        (Outcome::Recovered, Some(restored), Some(took)) => {
            let what = if story.began_with_request() {
                format!("Clients were moved {took} to")
            } else {
                format!("Clients were served again after {took} by")
            };
            let kept = if story.source_is_gone() { String::new() } else { format!("; {source} is kept") };
            Some(format!("{what} {}, a new database{checked}{kept}", restored.id))
        }
        (Outcome::TookOver, _, took) => {
            let led = took.map_or_else(String::new, |took| format!(", and clients were led to it {took}"));
            Some(format!("{source} took over from another Region{led}{checked}"))
        }
        (Outcome::SwappedBack, Some(old), Some(took)) => {
            Some(format!("Clients were moved back {took} to {}, which was kept{checked}; {source} is kept now", old.id))
        }
        (Outcome::StorageGrown, _, Some(took)) => Some(format!("{source} served again after {took}, with a larger volume")),
        (Outcome::FailedOver, _, Some(took)) => Some(format!("{source} served again after {took}, from its standby")),
        (Outcome::SelfHealed, _, Some(took)) => {
            let by = events::by_itself(&story.incident).map_or_else(String::new, |(what, _)| format!(": it was {what}"));
            Some(format!("{source} served again after {took}, by itself{by}"))
        }
        (Outcome::SelfHealed, _, None) => Some(format!("{source} serves: no outage was seen")),
        (Outcome::Cloned, Some(clone), _) => Some(format!("{}, {}, stands beside {source}, which was not touched", clone.id, cloned::WHAT)),
        (Outcome::RestoredBeside, Some(restored), _) => {
            Some(format!("{}{checked}, stands beside {source}, which was not touched", restored.id))
        }
        _ => None,
    }
}

fn plan(ending: &Ending<'_>) -> Option<PlanFacts> {
    ending.story.plan().map(|plan| PlanFacts {
        hash: plan.hash.clone(),
        made_at: plan.made_at,
        remedy: plan.remedy,
        reason: plan.reason.clone(),
        moves_clients: plan.moves_clients,
        target: plan.target.clone(),
        restore_point: plan.restore_point,
        options: plan.options.clone(),
        guidance: plan.guidance.clone(),
    })
}

fn validation(ending: &Ending<'_>) -> Option<ValidationFacts> {
    ending.story.validation.as_ref().map(|validation| ValidationFacts {
        at: validation.at,
        grade: validation.grade(),
        newest_data: validation.newest_data,
        checks: validation.checks.clone(),
    })
}
