//! Letters on the way: opened, plan. What the machine does not tell by itself (a passed RTO) is news, told by the sweep.

use super::parts;
use super::{Advice, Letter, Numbers, Severity};
use crate::story::Story;
use crate::text::{one_line, took};
use lifeboat_domain::ids::PlanHash;
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{Span, Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// What is told on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// An incident is being looked at.
    Opened,
    /// A plan is made and will run.
    Plan,
}

impl Progress {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Plan => "plan",
        }
    }

    /// What makes two tellings the same: a new plan is news, an incident opens once.
    pub(crate) fn told_as(self, plan: Option<&PlanHash>) -> String {
        match (self, plan) {
            (Self::Opened, _) | (_, None) => self.as_str().to_owned(),
            (Self::Plan, Some(plan)) => format!("{}#{plan}", self.as_str()),
        }
    }
}

/// The letter.
pub(crate) fn letter(story: &Story, what: Progress, detail: Option<&str>, execution: &str, now: Timestamp) -> Letter {
    let incident = &story.incident;
    let scenario = parts::scenario(story);
    let (resource, objective) = (&incident.resource, story.promise.objective);
    let (severity, headline, hint) = match what {
        Progress::Opened => {
            (opened_severity(story), format!("OPENED an incident of {resource}: {}", opened_by(story)), "Lifeboat is looking at it.")
        }
        Progress::Plan => (Severity::Info, format!("PLAN for {resource} ({scenario}): {}", chosen(story)), "It runs now. Nothing to do."),
    };
    Letter {
        what: what.as_str().to_owned(),
        outcome: None,
        severity,
        headline,
        hint: hint.to_owned(),
        happened: happened(story, detail, now),
        done: done(story, what),
        to_do: to_do(what),
        approve_with: None,
        numbers: Numbers {
            rto_objective_seconds: objective.map(|objective| objective.rto.as_secs()),
            rpo_objective_seconds: objective.map(|objective| objective.rpo.as_secs()),
            ..Numbers::default()
        },
        about: parts::about(story, execution, None),
    }
}

/// A person who started it is awake already.
fn opened_severity(story: &Story) -> Severity {
    let incident = &story.incident;
    let serves = incident.request.by_person || incident.scenario().is_some_and(Scenario::is_about_data);
    if serves { Severity::Info } else { Severity::Warning }
}

fn opened_by(story: &Story) -> String {
    story
        .incident
        .signals
        .first()
        .map_or_else(|| "it was asked for".to_owned(), |signal| format!("{}: {}", signal.source, one_line(&signal.text)))
}

fn chosen(story: &Story) -> &'static str {
    story.plan().and_then(|plan| plan.remedy).map_or("no remedy", |remedy| remedy.as_str())
}

fn happened(story: &Story, detail: Option<&str>, now: Timestamp) -> Vec<String> {
    let incident = &story.incident;
    let mut lines: Vec<String> = detail.map(crate::text::foreign).into_iter().collect();
    lines.push(format!(
        "First signal at {}, {} ago",
        show_time(incident.first_signal_at),
        took(Span::between(incident.first_signal_at, now))
    ));
    lines.extend(parts::evidence(story));
    lines
}

fn done(story: &Story, what: Progress) -> Vec<String> {
    match what {
        Progress::Opened => vec!["Nothing was changed yet".to_owned()],
        Progress::Plan => story.plan().map(parts::plan_lines).unwrap_or_default(),
    }
}

fn to_do(what: Progress) -> Vec<Advice> {
    match what {
        Progress::Opened => vec![Advice::say("Nothing; the next message says how it goes on")],
        Progress::Plan => vec![Advice::say("Nothing; to keep it from going on, stop the execution (Lifeboat then tells how far it was)")],
    }
}
