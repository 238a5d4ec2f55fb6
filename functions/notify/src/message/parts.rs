//! What several letters say in the same words.

use super::{About, Advice, Letter, Numbers, Severity};
use crate::calls::{CallFate, CallLine};
use crate::commands::{self, RecoveryInput};
use crate::ending::Ending;
use crate::phrases;
use crate::rows::how_compared;
use crate::story::{Story, cannot_move_clients};
use crate::text::{count, one_line, took};
use crate::undo;
use lifeboat_domain::acting::UNDONE;
use lifeboat_domain::approval::{AnswerInput, Reply};
use lifeboat_domain::events;
use lifeboat_domain::incident::{Phase, TimelineEntry};
use lifeboat_domain::plan::{Act, Forecast, Plan, PlannedCall, Remedy};
use lifeboat_domain::validation::Validation;
use lifeboat_domain::words::{Grade, Scenario};
use lifeboat_domain::{Span, show_time};

/// Sections of the report that messages lead to.
pub(crate) const KEPT: &str = "What is kept, and what it costs";
pub(crate) const IAC: &str = "Tell your IaC";
pub(crate) const NEXT: &str = "Next steps";
pub(crate) const UNDO: &str = "Undo";

/// More signals than this are counted, not told.
const MOST_SIGNALS: usize = 5;

/// A letter about an ending, still without its sentences.
pub(crate) fn letter(ending: &Ending<'_>, severity: Severity, headline: String, hint: impl Into<String>) -> Letter {
    Letter {
        what: "outcome".to_owned(),
        outcome: Some(ending.outcome),
        severity,
        headline,
        hint: hint.into(),
        happened: Vec::new(),
        done: Vec::new(),
        to_do: Vec::new(),
        approve_with: None,
        numbers: numbers(ending),
        about: about(ending.story, ending.execution, Some(ending.report.clone())),
    }
}

/// Whom and what a message of this incident is about.
pub(crate) fn about(story: &Story, execution: &str, report: Option<String>) -> About {
    let incident = &story.incident;
    About {
        resource: Some(incident.resource.clone()),
        incident: Some(incident.id.clone()),
        scenario: incident.scenario(),
        execution: Some(execution.to_owned()).filter(|execution| !execution.is_empty()),
        plan: incident.plan.clone(),
        report,
    }
}

fn numbers(ending: &Ending<'_>) -> Numbers {
    let measured = &ending.measured;
    Numbers {
        rto_seconds: measured.rto.seconds,
        rto_objective_seconds: measured.rto.objective_seconds,
        rpo_seconds: measured.rpo.seconds,
        rpo_objective_seconds: measured.rpo.objective_seconds,
        rows_only_on_source: measured.rows.map(|rows| rows.only_source),
        rows_only_on_restored: measured.rows.map(|rows| rows.only_restored),
        calls_equal_plan: Some(ending.calls.equal),
    }
}

/// The scenario, in a place where a headline needs a word.
pub(crate) fn scenario(story: &Story) -> &'static str {
    let announced = || events::by_itself(&story.incident).map_or("an unknown failure", |(what, _)| what);
    story.incident.scenario().map_or_else(announced, |scenario| scenario.as_str())
}

/// The verdict that led to the plan, or the last one.
pub(crate) fn verdict(story: &Story) -> Option<&TimelineEntry> {
    let planned_at = story.plan().map(|plan| plan.made_at);
    let judged = |entry: &&TimelineEntry| entry.phase == Phase::Judge;
    let before_plan = story.timeline.iter().rev().filter(judged).find(|entry| planned_at.is_none_or(|at| entry.at <= at));
    before_plan.or_else(|| story.last_of(&[Phase::Judge]))
}

/// The evidence: the verdict, then the signals, oldest first.
pub(crate) fn evidence(story: &Story) -> Vec<String> {
    let incident = &story.incident;
    let mut lines: Vec<String> =
        verdict(story).map(|entry| format!("Verdict at {}: {}", show_time(entry.at), one_line(&entry.text))).into_iter().collect();
    let hidden = incident.signals.len().saturating_sub(MOST_SIGNALS);
    for signal in incident.signals.iter().take(MOST_SIGNALS) {
        lines.push(format!("{} {} ({}): {}", show_time(signal.at), signal.source, signal.plane, one_line(&signal.text)));
    }
    if hidden > 0 {
        lines.push(format!("{} more; the report lists them all", count(hidden, "signal")));
    }
    lines
}

/// How long clients have been without it, where that is known.
pub(crate) fn down_line(ending: &Ending<'_>) -> Option<String> {
    ending.is_down().then(|| {
        let incident = &ending.story.incident;
        let since = incident.unreachable_since.unwrap_or(incident.first_signal_at);
        format!(
            "{} has not served since {}, for {} now, as far as is known",
            incident.source.id,
            show_time(since),
            took(Span::between(since, ending.at))
        )
    })
}

/// What was measured, against the promise.
pub(crate) fn measured(ending: &Ending<'_>) -> Vec<String> {
    let measured = &ending.measured;
    let mut lines = Vec::new();
    if measured.rto.seconds.is_some() {
        lines.push(format!("RTO: {} ({})", measured.rto.verdict(), measured.rto.text));
    }
    if measured.rpo.seconds.is_some() {
        lines.push(format!("RPO: {} ({})", measured.rpo.verdict(), measured.rpo.text));
    }
    if let Some(rows) = measured.rows {
        let (source, restored) = (count(rows.only_source, "row"), count(rows.only_restored, "row"));
        let how = how_compared(&ending.story.incident.source.id);
        lines.push(format!("Compared {how}: {source} only on the source, {restored} only on the restored side, {} changed", rows.changed));
    }
    lines
}

/// The calls on record, one line each.
pub(crate) fn calls_made(ending: &Ending<'_>) -> Vec<String> {
    let calls = &ending.calls;
    let sent = calls.earlier.iter().chain(&calls.planned).filter(|line| line.sent_at.is_some()).map(|line| call_line(line, ""));
    sent.chain(calls.extra.iter().map(|line| call_line(line, " (not in the plan)"))).collect()
}

fn call_line(line: &CallLine, note: &str) -> String {
    let at = line.sent_at.map(show_time).unwrap_or_default();
    let what = match (line.fate, &line.text) {
        (CallFate::Done, _) | (_, None) => String::new(),
        (CallFate::Refused, Some(text)) if text == UNDONE => return format!("{at} {}{note}: done, then {UNDONE}", line.call),
        (_, Some(text)) => format!(": {}", one_line(text)),
    };
    format!("{at} {}{note}: {}{what}", line.call, line.fate.in_words())
}

/// The calls on record, or that there is none.
pub(crate) fn calls_or_nothing(ending: &Ending<'_>) -> Vec<String> {
    let calls = calls_made(ending);
    if calls.is_empty() { vec!["Nothing was changed".to_owned()] } else { calls }
}

/// The checks in one line, and each one that did not pass.
pub(crate) fn checks(validation: &Validation) -> Vec<String> {
    let passed = validation.checks.iter().filter(|check| check.grade == Grade::Pass).count();
    let mut lines = vec![format!(
        "Validation of the restored database: {} ({passed} of {} passed)",
        validation.grade(),
        count(validation.checks.len(), "check")
    )];
    let rest = validation.checks.iter().filter(|check| check.grade != Grade::Pass);
    lines.extend(rest.map(|check| format!("{} is {}: {}", check.name, check.grade, one_line(&check.text))));
    lines
}

/// What became of fence and cut-over. What the record says besides is of an earlier moment: the report has it.
pub(crate) fn moves(story: &Story) -> Vec<String> {
    let fence = story.fence.as_ref().map(|fence| phrases::fence(&story.incident.source.id, fence));
    let cut_over = story.cut_over.iter().flat_map(|cut_over| &cut_over.targets).map(phrases::target);
    fence.into_iter().chain(cut_over).collect()
}

/// The commands that show how the source stands.
pub(crate) fn look(story: &Story) -> Vec<String> {
    let source = &story.incident.source;
    vec![commands::describe(&source.arn, &source.id), commands::events(&source.arn, &source.id)]
}

/// The input that approves the plan in force.
pub(crate) fn approval(story: &Story) -> Option<RecoveryInput> {
    story.approvable_plan().map(|plan| RecoveryInput::to_approve(&story.incident, plan))
}

/// Asks for the approval of the plan in force; nothing where no approval would help.
pub(crate) fn ask_approval(story: &Story, execution: &str, say: impl Into<String>) -> Option<Advice> {
    approval(story).map(|input| Advice::new(say, commands::start(execution, &input)))
}

/// What a person may answer to the plan: approve it, deny it, or choose another of its options; as long as the question stands.
pub(crate) fn ask_answer(story: &Story, execution: &str) -> Vec<Advice> {
    let (Some(question), Some(plan)) = (story.open_question(), story.plan()) else {
        let say = "If you agree with this plan, approve it: start recovery with exactly this input";
        return ask_approval(story, execution, say).into_iter().collect();
    };
    let until = show_time(question.expires_at);
    let advice = |say: String, reply, option| Advice::new(say, commands::answer(execution, &AnswerInput::to(question, reply, option)));
    let approve = format!(
        "If you agree with exactly this plan, approve it until {until}: start the state machine approval with this input (you may add \"claimed_by\" and \"reason\")"
    );
    let mut answers = vec![advice(approve, Reply::Approve, None)];
    let others =
        plan.options.iter().filter(|option| option.possible && Some(option.remedy) != plan.remedy && option.remedy != Remedy::Guided);
    answers.extend(others.map(|option| {
        let say = format!("Or have {} planned instead ({}); you are asked again, with its calls", option.remedy, one_line(&option.reason));
        advice(say, Reply::Choose, Some(option.remedy))
    }));
    answers.push(advice("Or deny it: then nothing is done".to_owned(), Reply::Deny, None));
    answers
}

/// A plan-only start, to see what would be done.
pub(crate) fn ask_plan(story: &Story, execution: &str, say: impl Into<String>) -> Advice {
    let asked = RecoveryInput::to_plan(&story.incident);
    // The scenario is required; where none was judged, the person replaces this one.
    let input = RecoveryInput { scenario: asked.scenario.or(Some(Scenario::InstanceFailure)), ..asked };
    let mut say: String = say.into();
    if commands::Execution::parse(execution).is_none() {
        say.push_str(": start the state machine recovery with this input");
    }
    Advice::new(say, commands::start(execution, &input))
}

/// The plan in a few lines: remedy, forecast, calls, risks; of guidance there is nothing to forecast.
pub(crate) fn plan_lines(plan: &Plan) -> Vec<String> {
    let remedy = plan.remedy.map_or("nothing that Lifeboat can do", Remedy::as_str);
    let mut lines = vec![format!("Plan {}: {remedy}, because {}", plan.hash, one_line(&plan.reason))];
    if is_for_a_person(plan) {
        return lines;
    }
    lines.extend(plan.forecast().map(|forecast| {
        let loss = match forecast.loss {
            _ if plan.remedy == Some(Remedy::Clone) => "none, as production is not touched".to_owned(),
            None => "not known".to_owned(),
            Some(loss) => format!("{} of writes", took(loss)),
        };
        format!("Expected time: {}; expected loss: {loss}", expected_time(forecast))
    }));
    let clients = match (plan.moves_clients, cannot_move_clients(plan)) {
        (_, true) => "it cannot run, as clients cannot be moved",
        (true, false) => "clients are moved",
        (false, false) => "clients are not moved",
    };
    lines.push(format!("{}; {clients}", count(plan.calls.len(), "planned call")));
    lines.extend(plan.risks.iter().map(|risk| format!("Risk: {}", one_line(risk))));
    lines
}

/// `8 min (what its one timed recovery took)`; without a time only why there is none.
pub(crate) fn expected_time(forecast: &Forecast) -> String {
    let evidence = one_line(&forecast.rto_evidence);
    forecast.rto.map_or_else(|| format!("not known: {evidence}"), |rto| format!("{} ({evidence})", took(rto)))
}

/// Whether the plan holds nothing that Lifeboat could do.
pub(crate) fn is_for_a_person(plan: &Plan) -> bool {
    plan.remedy.is_none_or(|remedy| remedy == Remedy::Guided)
}

/// The headline where a person must do what no plan can, with what to do below it, if that is known.
pub(crate) fn no_remedy(story: &Story) -> Option<String> {
    let plan = story.plan().filter(|plan| is_for_a_person(plan))?;
    let what = one_line(plan.guidance.first().unwrap_or(&plan.reason));
    Some(format!("NO AUTOMATIC REMEDY for {} of {}: {what}", plan.scenario, story.incident.resource))
}

/// What the plan tells a person to do, commands apart from sentences.
pub(crate) fn guidance(plan: &Plan) -> Vec<Advice> {
    let mut advice: Vec<Advice> = Vec::new();
    for line in &plan.guidance {
        match advice.last_mut() {
            Some(last) if is_command(line) => last.commands.push(line.clone()),
            _ if is_command(line) => advice.push(Advice::new("Run this", vec![line.clone()])),
            _ => advice.push(Advice::say(line.clone())),
        }
    }
    advice
}

fn is_command(line: &str) -> bool {
    ["aws ", "redis-cli "].iter().any(|program| line.starts_with(program))
}

/// What is left of the move once clients are on the new database, as commands.
pub(crate) fn finish(story: &Story) -> Vec<Advice> {
    let arn = &story.incident.source.arn;
    let serving = story.incident.restored.as_ref().map_or("the new database", |restored| restored.id.as_str());
    let (alarms, others): (Vec<_>, Vec<_>) =
        story.not_made_for_others().into_iter().map(|(call, _)| call).partition(|call| matches!(call.act, Act::CopyAlarm { .. }));
    let (untold, full): (Vec<_>, Vec<_>) = others.into_iter().partition(|call| call.act.is_restart());
    let by_hand = |calls: Vec<&PlannedCall>| calls.into_iter().filter_map(|call| commands::by_hand(arn, &call.act)).collect::<Vec<_>>();
    let (unwatched, untold, full) = (by_hand(alarms), by_hand(untold), by_hand(full));
    let parts = [
        ("WARN: not every consumer was told of the move; it stands all the same. Make them look again".to_owned(), untold),
        (format!("WARN: not every alarm watches {serving}. Copy the others yourself"), unwatched),
        (
            "WARN: not every cache was emptied, and they may hold what is gone from the database; the move stands all the same. From a host that their groups admit, with the login in REDISCLI_AUTH".to_owned(),
            full,
        ),
        (
            format!(
                "Finish the move, in this order: until then {serving} does not carry the identity, is not protected, or has no recovery point"
            ),
            undo::to_finish(story),
        ),
    ];
    parts.into_iter().filter(|(_, commands)| !commands.is_empty()).map(|(say, commands)| Advice::new(say, commands)).collect()
}

/// That a copy stands which nobody uses, so that it is not forgotten.
pub(crate) fn standing(story: &Story) -> Option<String> {
    let (copy, _) = story.standing_copy()?;
    Some(format!("The copy {copy} stands as far as its restore got, and is billed; no client is led to it"))
}

/// How to be rid of that copy.
pub(crate) fn delete_standing(story: &Story) -> Option<Advice> {
    let (copy, arn) = story.standing_copy()?;
    let say = format!("Or, where you do not go on with it, delete the copy {copy}; the source is not touched by that");
    Some(Advice::new(say, commands::delete_copy(&arn, copy, story.is_copy_protected(copy))))
}

/// Copies of earlier stories that may still be billed.
pub(crate) fn leftovers(story: &Story) -> Option<Advice> {
    let names: Vec<&str> = story.leftovers.iter().map(|leftover| leftover.id.as_str()).collect();
    let say = format!("Of earlier incidents {} may still exist, and would be billed", names.join(", "));
    (!names.is_empty()).then(|| Advice::say(say).see(KEPT))
}
