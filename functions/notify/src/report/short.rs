//! The report in a few lines, for who has no time to read it: what happened, what was done, what was lost, where clients are, what next.

use super::page::link;
use crate::ending::Ending;
use crate::iac;
use crate::message::{Advice, Letter, beside, cloned, parts};
use crate::phrases;
use crate::rows::how_compared;
use crate::standby;
use crate::story::Story;
use crate::text::{count, one_line, shorten, took};
use crate::undo;
use crate::usable;
use lifeboat_domain::acting::CallState;
use lifeboat_domain::incident::{Outcome, Restored};
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::show_time;

/// A line of it, at most.
const LINE: usize = 260;

/// At most ten lines; `opening` says how the story began.
pub(super) fn in_short(ending: &Ending<'_>, opening: &str, letter: &Letter, keeps: bool) -> Vec<String> {
    let next = &letter.to_do;
    // A copy beside production asks for a decision first; its steps are ways to carry one out.
    let first = if matches!(ending.outcome, Outcome::RestoredBeside | Outcome::Cloned) {
        Some(&letter.hint)
    } else {
        next.first().map(|first| &first.say)
    };
    let mut lines = vec![
        format!("**What happened:** {}", happened(ending, opening, letter)),
        format!("**What was done:** {}", done(ending)),
        format!("**Data lost:** {}", lost(ending)),
        format!("**Where clients are:** {}", clients(ending)),
    ];
    lines.extend(first.map(|first| format!("**What to do next:** {}", one_line(&shorten(first, LINE)))));
    let more = sections(ending.story, next, keeps);
    if !more.is_empty() {
        lines.push(format!("**Read on:** {}", more.join(", ")));
    }
    lines
}

fn happened(ending: &Ending<'_>, opening: &str, letter: &Letter) -> String {
    let how = match ending.outcome {
        Outcome::Recovered
        | Outcome::FailedOver
        | Outcome::StorageGrown
        | Outcome::SwappedBack
        | Outcome::TookOver
        | Outcome::SelfHealed
        | Outcome::Cloned
        | Outcome::Planned => {
            return opening.to_owned();
        }
        Outcome::RestoredBeside => {
            return beside::why_this_moment(ending.story).map_or_else(|| opening.to_owned(), |why| format!("{opening}. {why}"));
        }
        Outcome::Refused if letter.approve_with.is_some() => "It waits for your approval",
        Outcome::Refused => "It was refused",
        Outcome::HeldByValidation => "The restored copy did not pass",
        Outcome::SourceHealed => "It was stopped before clients were moved",
        Outcome::NeedsPerson => "It cannot be told what is wrong",
        Outcome::Failed => "A step failed",
        Outcome::Interrupted => "It broke off",
    };
    format!("{opening}. {how}: {}", shorten(&ending.reason, LINE))
}

fn done(ending: &Ending<'_>) -> String {
    let story = ending.story;
    let restored = |restored: &Restored| {
        let plan = story.plan();
        let at = plan.and_then(|plan| plan.restore_point).map_or_else(String::new, |at| format!(" as of {}", show_time(at)));
        let how = plan.and_then(|plan| plan.remedy).map_or("", Remedy::as_str);
        let grade = story.validation.as_ref().map_or_else(String::new, |validation| format!(", graded {}", validation.grade()));
        if plan.and_then(|plan| plan.remedy) == Some(Remedy::PromoteReplica) {
            let held = at.replacen(" as of", ", with what it held at", 1);
            return format!("Read replica {} was promoted{held} ({how}){grade}", restored.id);
        }
        format!("{} was restored{at} ({how}){grade}", restored.id)
    };
    let made = story.calls.iter().filter(|(_, record)| record.state == CallState::Done).count();
    match (ending.outcome, &story.incident.restored) {
        (Outcome::Recovered, Some(copy)) => {
            let when = ending.measured.rto.in_words().map_or_else(String::new, |took| format!(", {took}"));
            let after = if story.began_with_request() { "" } else { " after the first signal" };
            let [available, usable] = [usable::available(story), usable::usable(ending)];
            let times = available.zip(usable).map_or_else(String::new, |(available, usable)| {
                format!(" (available after {}, usable after {})", available.took(), usable.took())
            });
            format!("{}; clients were moved to it{when}{after}{times}", restored(copy))
        }
        (Outcome::Cloned, Some(clone)) => format!("{} was made, {}, beside production, which was not touched", clone.id, cloned::WHAT),
        (Outcome::RestoredBeside, Some(copy)) => format!("{}, beside production, which was not touched", restored(copy)),
        (Outcome::HeldByValidation | Outcome::SourceHealed, Some(copy)) => {
            format!("{}; it is kept, and clients were not moved", restored(copy))
        }
        (Outcome::TookOver, _) => {
            let led = if story.moved().is_some() { "clients were led to it" } else { "clients are led to it by hand" };
            format!("{} took over from another Region; {led}", story.incident.source.id)
        }
        (Outcome::SwappedBack, Some(old)) => {
            format!("{} lets clients in again, and they were moved back to it; nothing was restored", old.id)
        }
        (Outcome::StorageGrown, _) => {
            let size = story.grown_to().map_or_else(String::new, |gib| format!(" to {gib} GiB"));
            format!("the volume of {} was grown{size}", story.incident.source.id)
        }
        (Outcome::FailedOver, _) => {
            let source = &story.incident.source.id;
            format!("{source} was failed over to {}", standby::successor(source.kind()))
        }
        _ if made > 0 => format!("{} made; the plan holds {}", count(made, "call"), ending.calls.planned.len()),
        _ => "Nothing was changed".to_owned(),
    }
}

fn lost(ending: &Ending<'_>) -> String {
    let story = ending.story;
    let rows = ending.measured.rows.map(|rows| {
        let (ours, copied) = (count(rows.only_source, "row"), count(rows.only_restored, "row"));
        let how = how_compared(&story.incident.source.id);
        format!("{how}, {ours} are only on the old side, {copied} only on the restored one, {} differ", rows.changed)
    });
    match ending.outcome {
        Outcome::Recovered => {
            let rpo = &ending.measured.rpo;
            let measured =
                rpo.in_words().map_or_else(|| format!("not measured: {}", rpo.text), |lost| format!("{lost} of writes, {}", rpo.text));
            rows.map_or(measured.clone(), |rows| format!("{measured}; {rows}"))
        }
        // The plan counted the rows, as far as the server counts them.
        Outcome::SwappedBack => match story.plan().and_then(|plan| plan.reason.split("; ").next()) {
            Some(counted) => format!("{counted}: {}", ending.measured.rpo.text),
            None => ending.measured.rpo.text.clone(),
        },
        Outcome::TookOver if ending.measured.rpo.seconds == Some(0) => format!("nothing: {}", ending.measured.rpo.text),
        Outcome::TookOver => format!("not known: {}", ending.measured.rpo.text),
        Outcome::FailedOver => match standby::kept_all(&story.incident.source) {
            Ok(why) => format!("nothing: {why}"),
            Err(why) => format!("not known: {why}"),
        },
        Outcome::StorageGrown | Outcome::SelfHealed => "nothing: the same database serves".to_owned(),
        Outcome::Cloned => "nothing: production was not touched, and nothing was brought back".to_owned(),
        Outcome::RestoredBeside => {
            let nothing = "nothing by the recovery: production was not touched";
            rows.map_or_else(|| nothing.to_owned(), |rows| format!("{nothing}; {rows}"))
        }
        _ if story.perhaps_moved().is_some() => format!("not measured: {}", ending.measured.rpo.text),
        _ => {
            let plan =
                story.plan().filter(|plan| plan.moves_clients && !plan.target.as_ref().is_some_and(|target| story.is_spoilt(target)));
            let loss = plan.and_then(|plan| plan.forecast()).and_then(|forecast| forecast.loss);
            loss.map_or_else(
                || "nothing by Lifeboat".to_owned(),
                |loss| format!("nothing by Lifeboat so far; the plan expects to lose {} of writes", took(loss)),
            )
        }
    }
}

fn clients(ending: &Ending<'_>) -> String {
    let story = ending.story;
    let clients = phrases::clients(&story.incident.source.id, story.cut_over.as_ref());
    parts::down_line(ending).map_or(clients.clone(), |down| format!("{clients}. {down}"))
}

fn sections(story: &Story, next: &[Advice], keeps: bool) -> Vec<String> {
    let steps = (!next.is_empty()).then(|| format!("{} ({})", link(parts::NEXT), count(next.len(), "step")));
    let others = [
        (parts::UNDO, story.moved().is_some() && !undo::commands(story).is_empty()),
        (parts::IAC, iac::tell(story).is_some()),
        (parts::KEPT, keeps),
    ];
    steps.into_iter().chain(others.into_iter().filter(|(_, exists)| *exists).map(|(section, _)| link(section))).collect()
}
