//! Letters about endings after which nobody has to hurry.

use super::parts::{self, letter};
use super::{Advice, Letter, Severity};
use crate::commands::{self, RecoveryInput};
use crate::ending::Ending;
use crate::iac;
use crate::rows;
use crate::text::{count, one_line};
use lifeboat_domain::Span;
use lifeboat_domain::show_time;
use lifeboat_domain::words::{RecoveryMode, Scenario};

/// A new database took over.
pub(crate) fn recovered(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let took = ending.measured.rto.span().map_or_else(String::new, |took| format!(" in {took}"));
    let headline = format!("RECOVERED {} from {}{took}", incident.resource, parts::scenario(story));
    let missed = ending.measured.rto.met == Some(false) || ending.measured.rpo.met == Some(false);
    let promise = if missed { "An objective was missed" } else { "Clients are served" };
    let severity = if ending.calls.equal && !missed { Severity::Info } else { Severity::Warning };
    let mut letter = letter(ending, severity, headline, format!("{promise}. Restart consumers that hold old connections."));
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.done = story.plan().map(|plan| format!("Chosen: {}, because {}", remedy(plan), one_line(&plan.reason))).into_iter().collect();
    letter.done.extend(parts::calls_made(ending));
    letter.done.extend(story.validation.as_ref().map(parts::checks).unwrap_or_default());
    letter.done.extend(parts::moves(story));
    if !ending.calls.equal {
        letter.done.push("The calls made are not exactly those of the plan: read the report".to_owned());
    }
    letter.to_do = after_recovery(ending);
    letter
}

fn after_recovery(ending: &Ending<'_>) -> Vec<Advice> {
    let story = ending.story;
    let source = &story.incident.source;
    let mut to_do =
        vec![Advice::say("Restart consumers that still hold connections to the old database: sockets and pools survive a cut-over")];
    if let Some(import) = iac::short(story) {
        to_do.push(import);
    }
    let undo = parts::undo(story);
    if !undo.is_empty() && !parts::undo_leads_nowhere(story) {
        to_do.push(Advice::new(
            "Only if the new database is wrong, go back; whatever clients wrote to it meanwhile stays there and is lost to them",
            undo,
        ));
    }
    to_do.push(Advice::say(format!(
        "{} is kept and costs what a second database costs; the report says how to release it when you are sure",
        source.id
    )));
    to_do
}

fn remedy(plan: &lifeboat_domain::plan::Plan) -> &'static str {
    plan.remedy.map_or("nothing", |remedy| remedy.as_str())
}

/// The standby took over.
pub(crate) fn failed_over(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let took = ending.measured.rto.span().map_or_else(String::new, |took| format!(" in {took}"));
    let headline = format!("FAILED OVER {} after {}{took}", incident.resource, parts::scenario(story));
    let mut letter = letter(ending, Severity::Info, headline, "Same endpoint, no data lost. Check that a standby is being rebuilt.");
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    letter.to_do = vec![
        Advice::new(
            format!(
                "See that {} has a standby again (SecondaryAvailabilityZone): until then the next failure of a zone is an outage",
                incident.source.id
            ),
            vec![commands::describe(&incident.source.arn, &incident.source.id)],
        ),
        Advice::say("Identifier, ARN and endpoint are the same: there is nothing to change in your infrastructure code"),
    ];
    letter
}

/// It serves, and Lifeboat changed nothing.
pub(crate) fn self_healed(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let (headline, hint) = match ending.measured.rto.span() {
        Some(took) => {
            (format!("HEALED {} by itself after {took}; nothing was changed", incident.resource), "Look for the cause in the RDS events.")
        }
        None => {
            (format!("HEALTHY {}: no outage was seen; nothing was changed", incident.resource), "A signal came, but the database answered.")
        }
    };
    let mut letter = letter(ending, Severity::Info, headline, hint);
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    letter.to_do = vec![Advice::new("Nothing is urgent; see what RDS says about the cause", parts::look(story))];
    letter
}

/// A validated copy stands beside production.
pub(crate) fn restored_beside(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let point = story.plan().and_then(|plan| plan.restore_point).or(incident.request.restore_to);
    let as_of = point.map_or_else(String::new, |point| format!(", as of {}", show_time(point)));
    let headline = format!("RESTORED {} beside production{as_of}", incident.resource);
    let mut letter = letter(ending, Severity::Warning, headline, "Clients were not moved: decide what to bring back.");
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    if let (Some(restored), Some(validation)) = (&incident.restored, &story.validation) {
        let took = Span::between(incident.first_signal_at, validation.at);
        letter.done.push(format!("{} was ready and checked {took} after the first signal; production was not touched", restored.id));
        let listens = restored
            .endpoint
            .as_ref()
            .map(|endpoint| format!("It listens at {}:{}, with the logins of the restore time", endpoint.host, endpoint.port));
        letter.done.extend(listens);
    }
    letter.done.extend(story.validation.as_ref().map(parts::checks).unwrap_or_default());
    letter.to_do = rows::bring_back(story);
    if incident.scenario().is_some_and(Scenario::is_about_data) && story.promise.mode.is_some() {
        let input = RecoveryInput { cut_over: Some(true), ..RecoveryInput::to_plan(incident) };
        letter.to_do.push(Advice::new(
            "Or move the clients to the copy: this drops every write after the restore time; the plan counts them and shows its hash first",
            commands::start(ending.execution, &input),
        ));
    }
    if let Some(restored) = &incident.restored {
        let commands = commands::delete_copy(&restored.arn, &restored.id);
        letter.to_do.push(Advice::new(
            format!("When you have what you need, delete the copy {}, which is billed like a second database", restored.id),
            commands,
        ));
    }
    letter
}

/// Only a plan was asked for.
pub(crate) fn planned(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let chosen = story.plan().map_or("nothing", remedy);
    let headline = format!("PLANNED {} for {}: {chosen}", incident.resource, parts::scenario(story));
    let mut letter = letter(ending, Severity::Info, headline, "Nothing was changed. The email has the input that runs it.");
    letter.happened = vec![format!("A plan was asked for: {}", ending.reason)];
    letter.happened.extend(parts::evidence(story));
    letter.done = vec!["Nothing was changed".to_owned()];
    if let Some(plan) = story.plan() {
        letter.happened.extend(parts::plan_lines(plan));
        letter.happened.extend(
            plan.calls
                .iter()
                .enumerate()
                .map(|(index, call)| format!("Call {}: {}: {}", index + 1, call.act.describe(), one_line(&call.why))),
        );
        letter.to_do = parts::guidance(plan);
    }
    letter.approve_with = parts::approval(story);
    match parts::ask_approval(story, ending.execution, "To carry out exactly this plan, start recovery with this input") {
        Some(advice) => letter.to_do.push(advice),
        None => letter.to_do.push(Advice::say(format!("There is nothing to approve: {}", no_approval(ending)))),
    }
    letter
}

/// Why no approval would help.
pub(crate) fn no_approval(ending: &Ending<'_>) -> String {
    let story = ending.story;
    match story.plan() {
        None => "no plan could be made".to_owned(),
        Some(plan) if story.approvable_plan().is_none() && story.promise.mode == Some(RecoveryMode::Observe) => {
            format!(
                "the policy {} only observes {}; set its mode to approve or automatic and deploy it",
                story.incident.policy, plan.scenario
            )
        }
        Some(plan) => format!("the plan holds {}; only a person can go on", count(plan.calls.len(), "call")),
    }
}
