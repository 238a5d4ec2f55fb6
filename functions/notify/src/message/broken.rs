//! Letters about recoveries that broke off: what stands, how to finish or undo it, how to go on.

use super::parts::{self, letter};
use super::{Advice, Letter, Severity};
use super::{promotion, quarantine, take_over};
use crate::ending::{Ending, Failure};
use crate::phrases;
use crate::story::Story;
use crate::text::{count, one_line, took};
use crate::undo;
use lifeboat_domain::Span;
use lifeboat_domain::acting::CutOver;

/// A step failed.
pub(crate) fn failed(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let (resource, scenario) = (&story.incident.resource, parts::scenario(story));
    let place = ending.failure.map_or_else(|| "a step failed".to_owned(), Failure::place);
    let at = ending.failure.and_then(|failure| failure.state.as_deref()).map_or_else(String::new, |state| format!(" at {state}"));
    let headline = match story.verified() {
        Some(_) => format!("FAILED {resource} ({scenario}): clients ARE on the new database; unfinished{at}: {}", ending.reason),
        None => format!("FAILED {resource} ({scenario}){at}: {}", ending.reason),
    };
    broken(ending, headline, format!("The recovery failed: {place}: {}", ending.reason))
}

/// The execution ended without closing its incident.
pub(crate) fn interrupted(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let (resource, scenario) = (&story.incident.resource, parts::scenario(story));
    let what = match story.verified() {
        Some(_) => "clients ARE on the new database; the recovery was interrupted after that",
        None => "its recovery was interrupted, nobody works on it now",
    };
    let headline = format!("INTERRUPTED {resource} ({scenario}): {what}");
    broken(ending, headline, format!("The recovery ended without a result, and Lifeboat does not go on by itself: {}", ending.reason))
}

fn broken(ending: &Ending<'_>, headline: String, happened: String) -> Letter {
    let story = ending.story;
    let hint = match (story.verified().is_some(), undo::is_half_done(story), story.standing_copy().is_some(), ending.is_down()) {
        (true, ..) => "Clients are served. Finish the move: the email has the commands.",
        (_, true, ..) => "Left half-way: the email has the commands to put it back.",
        (_, _, true, true) => "As far as known it is still down. A copy stands, and is billed.",
        (_, _, true, false) => "A copy stands, and is billed.",
        (_, _, _, true) => "As far as known it is still down. Nothing is left half-way.",
        _ => "Nothing is left half-way.",
    };
    let mut letter = letter(ending, Severity::Critical, headline, hint);
    letter.happened = story.verified().map(|cut_over| served(ending, cut_over)).into_iter().chain([happened]).collect();
    letter.happened.extend(parts::down_line(ending));
    letter.happened.extend(parts::evidence(story));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(parts::moves(story));
    letter.done.extend(stands(ending));
    letter.done.extend(parts::standing(story));
    letter.done.extend(quarantine::line(story));
    match story.verified() {
        Some(_) => letter.to_do.extend(parts::finish(story)),
        None => {
            letter.to_do.extend(go_back(story));
            letter.to_do.extend(promotion::left_alone(story));
            letter.to_do.extend(take_over::left_alone(story));
            letter.to_do.extend(quarantine::way_in(story));
        }
    }
    letter.to_do.push(Advice::new("See how the source stands now", parts::look(story)));
    letter.to_do.push(go_on(ending));
    letter.to_do.extend(parts::delete_standing(story));
    letter.approve_with = parts::approval(story);
    letter
}

/// What a tired person must read first.
fn served(ending: &Ending<'_>, cut_over: &CutOver) -> String {
    let story = ending.story;
    let left = count(story.unfinished().len(), "call");
    format!(
        "Clients ARE on the new database already, and were seen to work there: {}. Nothing is moved back; {left} of the plan after the move are not known to be done",
        phrases::leads(cut_over)
    )
}

/// Where clients are, and that nothing was thrown away.
fn stands(ending: &Ending<'_>) -> Vec<String> {
    let story = ending.story;
    let source = &story.incident.source.id;
    let mut clients = phrases::clients(source, story.cut_over.as_ref());
    if story.verified().is_none() && story.fenced().is_some_and(|fence| fence.group.is_some()) {
        clients.push_str(&format!("; the fence around {source} keeps them out of it"));
    }
    let last = story.timeline.last().map(|entry| {
        let ago = took(Span::between(entry.at, ending.at));
        format!("Last line of the timeline, {ago} before this message: {}", one_line(&entry.text))
    });
    let kept = (!story.source_is_gone()).then(|| format!("{source} is kept"));
    std::iter::once(clients).chain(last).chain(kept).collect()
}

/// What was left half-way, put back by hand.
pub(crate) fn go_back(story: &Story) -> Option<Advice> {
    let commands = undo::commands(story);
    if commands.is_empty() || !undo::is_half_done(story) {
        return None;
    }
    let what = match (story.fenced().is_some_and(|fence| fence.group.is_some()), story.perhaps_moved().is_some()) {
        (true, true) => "The fence is not open again, and clients may be moved half-way",
        (true, false) => "The fence is not open again: clients cannot reach the source",
        (false, false) => "The copy may have left its quarantine: whoever knows its address can write to it",
        (false, true) => "Clients may be moved half-way",
    };
    let stay = if story.perhaps_moved().is_some() { "; what clients wrote to the new database meanwhile stays there" } else { "" };
    Some(Advice::new(format!("{what}; to put it back as it was, after making sure that this was not done already{stay}"), commands))
}

fn go_on(ending: &Ending<'_>) -> Advice {
    let story = ending.story;
    let say = match story.verified() {
        Some(_) => {
            "Or let Lifeboat finish, which also keeps its ledger right: start the same plan again; calls that are done are not made twice"
        }
        None => "To go on, start the same plan again; calls that are done are not made twice",
    };
    parts::ask_approval(story, ending.execution, say)
        .unwrap_or_else(|| parts::ask_plan(story, ending.execution, "When the cause is mended, see the plan first"))
}
