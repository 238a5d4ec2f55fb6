//! Letters about endings after which nobody has to hurry.

use super::parts::{self, letter};
use super::promotion;
use super::{Advice, Letter, Severity};
use crate::commands::{self, RecoveryInput};
use crate::ending::Ending;
use crate::iac;
use crate::standby;
use crate::story::{Story, cannot_move_clients};
use crate::text::{count, one_line};
use crate::undo;
use lifeboat_domain::events;
use lifeboat_domain::plan::{FencePlan, Remedy};
use lifeboat_domain::words::RecoveryMode;

/// A new database took over.
pub(crate) fn recovered(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let took = ending.measured.rto.in_words().map_or_else(String::new, |took| format!(" in {took}"));
    let lost = ending.measured.rpo.in_words().map_or_else(String::new, |lost| format!(", {lost} of writes lost"));
    let headline = format!("RECOVERED {} from {}{took}{lost}", incident.resource, parts::scenario(story));
    let missed = ending.measured.rto.met == Some(false) || ending.measured.rpo.met == Some(false);
    let promise = if missed { "An objective was missed" } else { "Clients are served" };
    let severity = if ending.calls.equal && !missed { Severity::Info } else { Severity::Warning };
    let mut letter = letter(ending, severity, headline, format!("{promise}. {}", restart_hint(story)));
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

const fn restart_hint(story: &Story) -> &'static str {
    if story.incident.source.id.kind().has_login() {
        "Restart consumers that hold old connections."
    } else {
        "Restart consumers that keep the old name."
    }
}

fn after_recovery(ending: &Ending<'_>) -> Vec<Advice> {
    let story = ending.story;
    let source = &story.incident.source;
    let serving = story.incident.restored.as_ref().map_or("the new database", |restored| restored.id.as_str());
    let mut to_do = parts::finish(story);
    let restart = if source.id.kind().has_login() {
        format!("Restart consumers that still hold connections to {}: sockets and pools survive a cut-over", source.id)
    } else {
        format!("Restart consumers that read the name {} once and keep it", source.id)
    };
    to_do.push(Advice::say(restart));
    to_do.extend(iac::short(story));
    to_do.extend(promotion::afterwards(story));
    to_do.extend(story.plan().filter(|plan| plan.remedy != Some(Remedy::PromoteReplica)).map(parts::guidance).unwrap_or_default());
    if !undo::commands(story).is_empty() && !undo::leads_nowhere(story) {
        let say = format!(
            "Only if {serving} is wrong, go back to {}: this shows what clients wrote meanwhile, which is lost to them, and the calls; with \"run\": \"execute\" it goes back at once if that is nothing",
            source.id
        );
        to_do.push(Advice::new(say, commands::start(ending.execution, &RecoveryInput::to_undo(&story.incident))).see(parts::UNDO));
    }
    if !story.source_is_gone() {
        let say = format!("{} is kept and costs what a second database costs; release it when you are sure", source.id);
        to_do.push(Advice::say(say).see(parts::KEPT));
    }
    to_do.extend(parts::leftovers(story));
    to_do
}

/// Clients are back where they were before a recovery.
pub(crate) fn swapped_back(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let took = ending.measured.rto.in_words().map_or_else(String::new, |took| format!(" in {took}"));
    let old = incident.restored.as_ref().map_or("the old database", |old| old.id.as_str());
    let headline = format!("UNDONE {}: clients are back on {old}{took}", incident.resource);
    let mut letter = letter(ending, Severity::Warning, headline, format!("Clients are served. {}", restart_hint(story)));
    letter.happened = vec![story.plan().map_or_else(String::new, |plan| one_line(&plan.reason))];
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(parts::moves(story));
    letter.to_do = after_recovery(ending);
    letter
}

fn remedy(plan: &lifeboat_domain::plan::Plan) -> &'static str {
    plan.remedy.map_or("nothing", |remedy| remedy.as_str())
}

/// The standby took over.
pub(crate) fn failed_over(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let took = ending.measured.rto.in_words().map_or_else(String::new, |took| format!(" in {took}"));
    let headline = format!("FAILED OVER {} after {}{took}", incident.resource, parts::scenario(story));
    let (source, kept) = (&incident.source, standby::kept_all(&incident.source));
    let (severity, hint) = match kept {
        Ok(_) => (Severity::Info, "Same endpoint, no data lost. Check that a standby is being rebuilt."),
        Err(_) => (Severity::Warning, "Same endpoint; the last writes before it may be lost."),
    };
    let mut letter = letter(ending, severity, headline, hint);
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.happened.extend(kept.err().map(|why| format!("RPO: not known: {why}")));
    letter.done = parts::calls_or_nothing(ending);
    let again = format!("See that {} has {}", source.id, standby::again(source.id.kind()));
    letter.to_do = vec![
        Advice::new(
            format!("{again}: until then the next failure of a zone is an outage"),
            vec![commands::describe(&source.arn, &source.id)],
        ),
        Advice::say("Identifier, ARN and endpoint are the same: there is nothing to change in your infrastructure code"),
    ];
    letter
}

/// It serves again from the same, larger volume.
pub(crate) fn storage_grown(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let took = ending.measured.rto.in_words().map_or_else(String::new, |took| format!(" in {took}"));
    let size = story.grown_to().map_or_else(String::new, |gib| format!(" to {gib} GiB"));
    let headline = format!("STORAGE GROWN: {}{size}{took}", incident.resource);
    let mut letter = letter(ending, Severity::Warning, headline, "Look for what filled it.");
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    let region = incident.source.arn.region();
    letter.to_do = vec![
        Advice::new(
            "Find out what filled it, or it fills again",
            vec![format!(
                "aws rds describe-db-log-files --region {region} --db-instance-identifier {} --query 'reverse(sort_by(DescribeDBLogFiles, &Size))[:5]'",
                incident.source.id
            )],
        ),
        Advice::say("A further growth is refused by RDS for six hours, and for as long as it optimises the volume".to_owned()),
        Advice::say(
            "Tell your infrastructure code the new allocated storage: a volume never shrinks, and its next run would fail".to_owned(),
        ),
    ];
    letter
}

/// It serves, and Lifeboat changed nothing.
pub(crate) fn self_healed(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let resource = &story.incident.resource;
    let is_unasked = !story.saw_outage() && story.began_with_request();
    let nothing = if story.anything_sent() { "" } else { "; nothing was changed" };
    let by = events::by_itself(&story.incident).map_or_else(String::new, |(what, _)| format!(" ({what})"));
    let (headline, hint) = match ending.measured.rto.in_words() {
        _ if is_unasked => (format!("NOTHING TO DO: {resource} is healthy"), "It was asked for, but the database serves."),
        Some(took) => (format!("HEALED {resource} by itself after {took}{by}{nothing}"), "Look for the cause in its events."),
        None => (format!("HEALTHY {resource}: no outage was seen{nothing}"), "A signal came, but the database answered."),
    };
    let mut letter = letter(ending, Severity::Info, headline, hint);
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    let say = if is_unasked { "If you still see trouble, look here" } else { "Nothing is urgent; see what AWS says about the cause" };
    letter.to_do = vec![Advice::new(say, parts::look(story))];
    if is_unasked {
        let data = "If its data is wrong, ask for human_error with restore_to, or for corruption: those do not need it to be down";
        letter.to_do.push(parts::ask_plan(story, ending.execution, "To see what a recovery would do all the same, ask for the plan"));
        letter.to_do.push(Advice::say(data));
    }
    letter
}

/// Only a plan was asked for.
pub(crate) fn planned(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let chosen = story.plan().map_or("nothing", remedy);
    let (headline, hint) = match parts::no_remedy(story) {
        Some(headline) => (headline, "Nothing was changed. The email says what to do."),
        None => (
            format!("PLANNED {} for {}: {chosen}", incident.resource, parts::scenario(story)),
            "Nothing was changed. The email has the input that runs it.",
        ),
    };
    let mut letter = letter(ending, Severity::Info, headline, hint);
    letter.happened = vec![format!("A plan against {} of {} was asked for", parts::scenario(story), incident.resource)];
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
    let answers = parts::ask_answer(story, ending.execution);
    if answers.is_empty() {
        letter.to_do.push(Advice::say(format!("There is nothing to approve: {}", no_approval(ending))));
    }
    letter.to_do.extend(answers);
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
        Some(plan) if plan.fence == Some(FencePlan::Impossible) => {
            "the source cannot be fenced: name a security group that admits nobody under fence_groups in the policies".to_owned()
        }
        Some(plan) if cannot_move_clients(plan) => format!("clients cannot be moved as the policy says: {}", plan.refusals.join("; ")),
        Some(plan) if plan.calls.is_empty() => "the plan holds no call; only a person can go on".to_owned(),
        Some(plan) => format!("the plan holds {}; only a person can go on", count(plan.calls.len(), "call")),
    }
}
