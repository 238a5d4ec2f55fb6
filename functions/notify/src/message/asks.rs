//! Letters about endings after which a person is needed.

use super::broken;
use super::ends::no_approval;
use super::parts::{self, letter};
use super::{Advice, Letter, Severity};
use super::{promotion, quarantine, take_over};
use crate::commands::{self, RecoveryInput};
use crate::ending::Ending;
use crate::standby;
use crate::story::{Story, cannot_move_clients};
use crate::text::took;
use lifeboat_domain::acting::CallRecord;
use lifeboat_domain::error::ErrorName;
use lifeboat_domain::plan::Act;
use lifeboat_domain::show_time;
use lifeboat_domain::words::{Grade, RecoveryMode, Scenario};

/// Critical while clients are without their database.
fn severity(ending: &Ending<'_>, at_least: Severity) -> Severity {
    if ending.is_down() { Severity::Critical } else { at_least }
}

/// A safety rule, the mode or the policy said no, or asks for a person's approval first.
pub(crate) fn refused(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let approval = parts::approval(story).filter(|_| is_by_gate(ending) && !ending.reason.starts_with(GAVE_UP));
    let (resource, scenario) = (&story.incident.resource, parts::scenario(story));
    let (headline, hint, happened) = if approval.is_some() {
        let headline = format!("APPROVAL NEEDED: {resource} ({scenario}): {}", ending.reason);
        (headline, what_it_does(story), "Lifeboat waits for your approval")
    } else if let Some(headline) = parts::no_remedy(story).filter(|_| is_by_gate(ending)) {
        (headline, "The email says what to do.".to_owned(), "Lifeboat has no remedy that it could carry out")
    } else {
        let hint = "The email says what would lift it.".to_owned();
        (format!("REFUSED {resource} ({scenario}): {}", ending.reason), hint, "Lifeboat refused to go on")
    };
    let mut letter = letter(ending, severity(ending, Severity::Warning), headline, hint);
    letter.happened = vec![format!("{happened}: {}", ending.reason)];
    // That an approval lifts it is said below, with the input.
    let is_told = parts::no_remedy(story).is_some() && is_by_gate(ending);
    letter.happened.extend(ending.lift.as_deref().filter(|_| !is_told).and_then(|lift| beside_approval(lift, approval.is_some())));
    letter.happened.extend(ending.failure.map(|failure| format!("The refusal came as {}", failure.place())));
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(parts::evidence(story));
    letter.happened.extend(story.plan().filter(|_| !is_told).map(parts::plan_lines).unwrap_or_default());
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(parts::moves(story));
    letter.done.extend(parts::standing(story));
    letter.done.extend(quarantine::line(story));
    letter.to_do = story.plan().map(parts::guidance).unwrap_or_default();
    letter.to_do.extend(to_lift(ending, approval.is_some()));
    letter.to_do.push(Advice::new("See how the source stands now", parts::look(story)));
    letter.to_do.extend(quarantine::way_in(story));
    letter.to_do.extend(parts::delete_standing(story));
    letter.approve_with = approval;
    letter
}

/// What an approval would run and cost, for who has only a phone.
fn what_it_does(story: &Story) -> String {
    let plan = story.plan();
    let remedy = plan.and_then(|plan| plan.remedy).map_or("not known", |remedy| remedy.as_str());
    let loss = plan.filter(|plan| plan.moves_clients).and_then(|plan| plan.forecast()).and_then(|forecast| forecast.loss);
    let loss = loss.map_or_else(String::new, |loss| format!(", loses {} of writes", took(loss)));
    format!("Plan: {remedy}{loss}. The email approves it.")
}

/// What would lift a refusal, apart from an approval that the letter offers anyway.
fn beside_approval(lift: &str, is_offered: bool) -> Option<String> {
    if !is_offered {
        return Some(format!("What would lift this: {lift}"));
    }
    let other = lift.split_once("; or")?.1.trim_start_matches([',', ' ']);
    Some(format!("Without an approval this would lift it: {other}"))
}

/// How a gate says that what was asked for did not become restorable in time: another approval would only wait again.
const GAVE_UP: &str = "gave up waiting";

/// Whether it was the gate before the plan that refused: only that one an approval lifts.
fn is_by_gate(ending: &Ending<'_>) -> bool {
    ending.failure.is_none()
}

fn to_lift(ending: &Ending<'_>, can_be_approved: bool) -> Vec<Advice> {
    let story = ending.story;
    let plan_again = |say: &str| parts::ask_plan(story, ending.execution, say);
    if ending.failure.is_some_and(|failure| failure.name() == Some(ErrorName::InvalidInput)) {
        return vec![plan_again("Correct what is named above and start again; this is the input as it was, to see the plan only")];
    }
    if !is_by_gate(ending) {
        let say = "When the cause is mended, start the same plan again; calls that are done are not made twice";
        return parts::ask_approval(story, ending.execution, say).into_iter().collect();
    }
    if can_be_approved {
        return parts::ask_answer(story, ending.execution);
    }
    if story.promise.mode == Some(RecoveryMode::Observe) {
        let mode = story.incident.scenario().map_or_else(|| "mode".to_owned(), |scenario| format!("modes.{scenario}"));
        let say = format!(
            "To let Lifeboat act, set {mode} of policy {} to approve or automatic in the policies and deploy them",
            story.incident.policy
        );
        return vec![Advice::say(say), plan_again("After that, see the plan first")];
    }
    if ending.reason.starts_with(GAVE_UP) {
        return vec![plan_again("See what can be restored by now; name an earlier restore_to if that moment is still out of reach")];
    }
    if story.plan().is_some_and(cannot_move_clients) {
        let say = format!(
            "No approval lifts this. Mend the target, or cut_over of policy {}, and deploy the policies; then see the new plan, which you can approve",
            story.incident.policy
        );
        return std::iter::once(plan_again(&say)).chain(beside_meanwhile(ending)).collect();
    }
    if parts::no_remedy(story).is_some() {
        return Vec::new();
    }
    vec![Advice::say(format!("No approval would help: {}", no_approval(ending)))]
}

/// A copy that moves nobody, where that is all that can be had.
fn beside_meanwhile(ending: &Ending<'_>) -> Option<Advice> {
    let story = ending.story;
    let point = story.plan()?.restore_point?;
    let input = RecoveryInput {
        scenario: Some(Scenario::HumanError),
        restore_to: Some(point),
        cut_over: None,
        option: None,
        ..RecoveryInput::to_plan(&story.incident)
    };
    let say = format!("Or have the data of {} restored beside it meanwhile, which moves nobody; see that plan first", show_time(point));
    Some(Advice::new(say, commands::start(ending.execution, &input)))
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
    if !story.takes_over() {
        letter.done.push("The source and the copy are both kept; nothing was cut over".to_owned());
    }
    letter.done.extend(quarantine::line(story));
    if let Some(restored) = incident.restored.as_ref().filter(|_| !story.takes_over()) {
        let look = vec![commands::describe(&restored.arn, &restored.id), commands::events(&restored.arn, &restored.id)];
        letter.to_do.push(Advice::new(format!("Look at the copy {} yourself", restored.id), look));
    }
    letter.to_do.extend(quarantine::way_in(story));
    letter.to_do.extend(broken::go_back(story));
    letter.to_do.extend(promotion::left_alone(story));
    letter.to_do.extend(take_over::left_alone(story));
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
    if incident.scenario() == Some(Scenario::Undo) {
        return undo_stopped(ending);
    }
    let is_outrun = story.outran_its_copy();
    let headline = format!("STOPPED {}: the source may be alive, clients were not moved", incident.resource);
    let hint =
        if is_outrun { "The copy may lack writes: plan anew if you need one." } else { "Decide between the source and the restored copy." };
    let mut letter = letter(ending, Severity::Warning, headline, hint);
    letter.happened = vec![format!("Just before the cut-over the source was looked at again: {}", ending.reason)];
    let outrun = "The source answered again after the copy was restored: the copy may lack writes; it is kept";
    letter.happened.extend(is_outrun.then(|| outrun.to_owned()));
    letter.happened.extend(parts::evidence(story));
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.push("Clients still go to the source; they were not moved, because it may hold newer data".to_owned());
    letter.done.extend(quarantine::line(story));
    letter.to_do = vec![Advice::new("See whether the source really serves", parts::look(story))];
    if let Some(restored) = &incident.restored {
        let when = if is_outrun { "Delete the copy" } else { "If it does, delete the copy" };
        letter.to_do.push(Advice::new(
            format!("{when} {}, which is billed like a second database", restored.id),
            commands::delete_copy(&restored.arn, &restored.id, story.is_copy_protected(&restored.id)),
        ));
    }
    letter.to_do.extend(broken::go_back(story));
    letter.to_do.extend(promotion::left_alone(story));
    if is_outrun {
        let say = "If the source does not serve after all, this copy is not used any more: for a new plan start with \"run\": \"plan\"";
        letter.to_do.push(parts::ask_plan(story, ending.execution, say));
        return letter;
    }
    letter.to_do.extend(parts::ask_approval(
        story,
        ending.execution,
        "If it does not, start the same plan again; the source is probed again before clients move",
    ));
    letter.approve_with = parts::approval(story);
    letter
}

/// An undo that would lose more than its plan said.
fn undo_stopped(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let source = &story.incident.source.id;
    let headline = format!("STOPPED the undo of {}: {}", story.incident.resource, ending.reason);
    let mut letter = letter(ending, Severity::Warning, headline, "Clients stay where they are.");
    letter.happened = vec![format!("Just before anything was fenced the world was looked at again: {}", ending.reason)];
    letter.happened.extend(parts::evidence(story));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.push(format!("Clients stay on {source}; both databases are kept"));
    let say = "If clients shall go back all the same, see the new plan first: it says what they would lose";
    letter.to_do =
        vec![parts::ask_plan(story, ending.execution, say), Advice::new(format!("See how {source} stands now"), parts::look(story))];
    letter
}

/// It cannot be told what is wrong.
pub(crate) fn needs_person(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let reason = ending.reason.strip_prefix(&format!("{}: ", incident.resource)).unwrap_or(&ending.reason);
    let headline = format!("NEEDS YOU {}: {reason}", incident.resource);
    let mut letter = letter(ending, Severity::Critical, headline, "Lifeboat cannot tell and does nothing.");
    letter.happened = vec![format!("Lifeboat cannot tell what is wrong, and does nothing when unsure: {}", ending.reason)];
    // Without a probe that failed, what is not understood may well serve.
    letter.happened.extend(incident.unreachable_since.and_then(|_| parts::down_line(ending)));
    letter.happened.extend(parts::evidence(story).into_iter().filter(|line| !line.ends_with(ending.reason.as_str())));
    letter.done = parts::calls_or_nothing(ending);
    letter.to_do = vec![Advice::new("See how it stands and what AWS says", parts::look(story))];
    letter.to_do.extend(story.lost_failover().map(|record| lost_failover(ending, record)).unwrap_or_default());
    letter.to_do.push(parts::ask_plan(
        story,
        ending.execution,
        format!("When you know what happened, see the plan for it; scenario may be {}", Scenario::accepted()),
    ));
    letter
}

/// A failover that was asked for and of which nothing was seen: AWS announces each one, so its silence tells.
fn lost_failover(ending: &Ending<'_>, record: &CallRecord) -> Vec<Advice> {
    let source = &ending.story.incident.source;
    let sent = show_time(record.sent_at);
    let (event, when) = standby::announced(source.id.kind());
    vec![
        Advice::new(
            format!("See whether the failover took place: AWS publishes {event} {when}, and it was asked for at {sent}"),
            vec![commands::events_since(&source.arn, &source.id, record.sent_at)],
        ),
        Advice::new(
            format!(
                "If that shows no {event} after {sent}, the failover never took place: ask for it by hand, once; a second one would flip back"
            ),
            vec![ask_again(ending.story, record)],
        ),
    ]
}

/// The same failover, asked for by hand: to the member that the plan named, and with what the plan would switch off and on again.
fn ask_again(story: &Story, record: &CallRecord) -> String {
    let source = &story.incident.source;
    let Act::ForceFailover { to, .. } = &record.act else { return String::new() };
    let mut switched = story.plan().into_iter().flat_map(|plan| &plan.calls).filter_map(|call| match call.act {
        Act::SetFailover { automatic, multi_az, .. } => Some((automatic, multi_az)),
        _ => None,
    });
    commands::force_failover(&source.arn, &source.id, to.as_ref(), switched.next_back())
}
