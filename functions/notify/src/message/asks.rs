//! Letters about endings after which a person is needed.

use super::ends::no_approval;
use super::parts::{self, letter};
use super::{Advice, Letter, Severity};
use crate::commands;
use crate::ending::Ending;
use crate::text::one_line;
use lifeboat_domain::error::ErrorName;
use lifeboat_domain::words::{Grade, RecoveryMode, Scenario};
use lifeboat_domain::{Span, show_time};

/// Critical while clients are without their database.
fn severity(ending: &Ending<'_>, at_least: Severity) -> Severity {
    if ending.is_down() { Severity::Critical } else { at_least }
}

/// A safety rule, the mode or the policy said no.
pub(crate) fn refused(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let approval = parts::approval(story).filter(|_| is_by_gate(ending));
    let hint = if approval.is_some() { "You can approve it: the email has the input." } else { "The email says what would lift it." };
    let headline = format!("REFUSED {} ({}): {}", story.incident.resource, parts::scenario(story), ending.reason);
    let mut letter = letter(ending, severity(ending, Severity::Warning), headline, hint);
    letter.happened = vec![format!("Lifeboat refused to go on: {}", ending.reason)];
    letter.happened.extend(ending.lift.as_ref().map(|lift| format!("What would lift this: {lift}")));
    letter.happened.extend(ending.failure.map(|failure| format!("The refusal came as {}", failure.place())));
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(parts::evidence(story));
    letter.happened.extend(story.plan().map(parts::plan_lines).unwrap_or_default());
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(parts::moves(story));
    letter.to_do = story.plan().map(parts::guidance).unwrap_or_default();
    letter.to_do.extend(to_lift(ending));
    letter.to_do.push(Advice::new("See how the source stands now", parts::look(story)));
    letter.approve_with = approval;
    letter
}

/// Whether it was the gate before the plan that refused: only that one an approval lifts.
fn is_by_gate(ending: &Ending<'_>) -> bool {
    ending.failure.is_none()
}

fn to_lift(ending: &Ending<'_>) -> Vec<Advice> {
    let story = ending.story;
    if ending.failure.is_some_and(|failure| failure.name() == Some(ErrorName::InvalidInput)) {
        return vec![parts::ask_plan(
            story,
            ending.execution,
            "Correct the input and start again; this is the input without the plan it asked for",
        )];
    }
    if is_by_gate(ending) {
        let say = "If you agree with the plan above, approve it: start recovery with exactly this input";
        if let Some(advice) = parts::ask_approval(story, ending.execution, say) {
            return vec![advice];
        }
        if story.promise.mode == Some(RecoveryMode::Observe) {
            let mode = story.incident.scenario().map_or_else(|| "mode".to_owned(), |scenario| format!("modes.{scenario}"));
            let say = format!(
                "To let Lifeboat act, set {mode} of policy {} to approve or automatic in the policies and deploy them",
                story.incident.policy
            );
            return vec![Advice::say(say), parts::ask_plan(story, ending.execution, "After that, see the plan first")];
        }
        return vec![Advice::say(format!("No approval would help: {}", no_approval(ending)))];
    }
    let say = "When the cause is mended, start the same plan again; calls that are done are not made twice";
    parts::ask_approval(story, ending.execution, say).into_iter().collect()
}

/// The restored copy did not pass.
pub(crate) fn held(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let headline = format!("HELD {}: clients were not moved: {}", incident.resource, ending.reason);
    let mut letter = letter(ending, severity(ending, Severity::Warning), headline, "The restored copy did not pass its checks.");
    letter.happened = vec![format!("The restored database did not pass, so clients were not moved to it: {}", ending.reason)];
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(story.validation.as_ref().map(parts::checks).unwrap_or_default());
    letter.happened.extend(parts::evidence(story));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.push("The source and the copy are both kept; nothing was cut over".to_owned());
    if let Some(restored) = &incident.restored {
        let look = vec![commands::describe(&restored.arn, &restored.id), commands::events(&restored.arn, &restored.id)];
        letter.to_do.push(Advice::new(format!("Look at the copy {} yourself", restored.id), look));
    }
    let warned = story
        .validation
        .iter()
        .flat_map(|validation| &validation.checks)
        .filter(|check| check.grade == Grade::Warn)
        .map(|check| check.name.as_str());
    let warned: Vec<&str> = warned.collect();
    if !warned.is_empty() {
        letter.to_do.push(Advice::say(format!(
            "A WARN that you accept for good goes into accept_warnings of policy {}: {}",
            incident.policy,
            warned.join(", ")
        )));
    }
    letter.to_do.extend(parts::ask_approval(
        story,
        ending.execution,
        "When the cause is mended, start the same plan again: the copy is checked anew, nothing is restored twice",
    ));
    letter.to_do.push(Advice::say("Or restore to an earlier moment: the same input with restore_to, \"run\": \"plan\" and no plan"));
    letter.approve_with = parts::approval(story);
    letter
}

/// The source answered again just before the cut-over.
pub(crate) fn source_healed(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let headline = format!("STOPPED {}: the source may be alive, clients were not moved", incident.resource);
    let mut letter = letter(ending, Severity::Warning, headline, "Decide between the source and the restored copy.");
    letter.happened = vec![format!("Just before the cut-over the source was looked at again: {}", ending.reason)];
    letter.happened.extend(parts::evidence(story));
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.push("Clients still go to the source; they were not moved, because it may hold newer data".to_owned());
    letter.to_do = vec![Advice::new("See whether the source really serves", parts::look(story))];
    if let Some(restored) = &incident.restored {
        letter.to_do.push(Advice::new(
            format!("If it does, delete the copy {}, which is billed like a second database", restored.id),
            commands::delete_copy(&restored.arn, &restored.id),
        ));
    }
    letter.to_do.extend(parts::ask_approval(
        story,
        ending.execution,
        "If it does not, start the same plan again; the source is probed again before clients move",
    ));
    letter.approve_with = parts::approval(story);
    letter
}

/// It cannot be told what is wrong.
pub(crate) fn needs_person(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let headline = format!("NEEDS YOU {}: {}", incident.resource, ending.reason);
    let mut letter = letter(ending, Severity::Critical, headline, "Lifeboat cannot tell and does nothing.");
    letter.happened = vec![format!("Lifeboat cannot tell what is wrong, and does nothing when unsure: {}", ending.reason)];
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(parts::evidence(story));
    letter.done = parts::calls_or_nothing(ending);
    letter.to_do = vec![
        Advice::new("See how it stands and what RDS says", parts::look(story)),
        parts::ask_plan(
            story,
            ending.execution,
            format!("When you know what happened, see the plan for it; scenario may be {}", Scenario::accepted()),
        ),
    ];
    letter
}

/// A step failed.
pub(crate) fn failed(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let place = ending.failure.map_or_else(|| "a step failed".to_owned(), crate::ending::Failure::place);
    let headline = format!("FAILED {} ({}): {place}: {}", story.incident.resource, parts::scenario(story), ending.reason);
    let hint = if ending.is_down() { "The database is still down." } else { "Read the email." };
    let mut letter = letter(ending, Severity::Critical, headline, hint);
    letter.happened = vec![format!("The recovery failed: {place}: {}", ending.reason)];
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(parts::evidence(story));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(parts::moves(story));
    letter.done.extend(stands(ending));
    letter.to_do = vec![Advice::new("See how the source stands now", parts::look(story))];
    go_on(ending, &mut letter);
    letter
}

/// The execution ended without closing its incident.
pub(crate) fn interrupted(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let headline = format!("INTERRUPTED {} ({}): the recovery ended halfway", story.incident.resource, parts::scenario(story));
    let hint = if ending.is_down() { "The database is still down." } else { "Read the email." };
    let mut letter = letter(ending, Severity::Critical, headline, hint);
    letter.happened = vec![format!(
        "The execution ended without closing its incident (stopped, timed out, or broken off). The last that is known: {}",
        ending.reason
    )];
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(parts::evidence(story));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(parts::moves(story));
    letter.done.extend(stands(ending));
    letter.to_do = vec![Advice::new("See how the source stands now", parts::look(story))];
    go_on(ending, &mut letter);
    letter
}

/// Where clients are, and that nothing was thrown away.
fn stands(ending: &Ending<'_>) -> Vec<String> {
    let story = ending.story;
    let clients = match story.moved() {
        Some(cut_over) => format!("Clients are sent to {} since {}", cut_over.endpoint_after.host, show_time(cut_over.at)),
        None => "Clients are sent where they always were".to_owned(),
    };
    let last = story.timeline.last();
    let since = last.map(|entry| {
        format!("Last line of the timeline, {} before this message: {}", Span::between(entry.at, ending.at), one_line(&entry.text))
    });
    std::iter::once(clients).chain(since).chain([format!("{} is kept", story.incident.source.id)]).collect()
}

/// How to go back, and how to go on.
fn go_on(ending: &Ending<'_>, letter: &mut Letter) {
    let story = ending.story;
    let undo = parts::undo(story);
    if !undo.is_empty() {
        letter
            .to_do
            .push(Advice::new("To put clients and groups back as they were (first make sure that this was not done already)", undo));
    }
    let again = "To go on, start the same plan again; calls that are done are not made twice";
    match parts::ask_approval(story, ending.execution, again) {
        Some(advice) => letter.to_do.push(advice),
        None => letter.to_do.push(parts::ask_plan(story, ending.execution, "When the cause is mended, see the plan first")),
    }
    letter.approve_with = parts::approval(story);
}
