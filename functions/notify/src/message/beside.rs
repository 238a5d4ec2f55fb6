//! The letter about a copy that stands beside production.

use super::parts::{self, letter};
use super::quarantine;
use super::{Advice, Letter, Severity};
use crate::commands::{self, RecoveryInput};
use crate::ending::Ending;
use crate::rows;
use crate::story::Story;
use crate::text::took;
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{Span, Timestamp, show_time};

/// A validated copy stands beside production.
pub(crate) fn restored_beside(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let as_of = point(story).map_or_else(String::new, |point| format!(", as of {}", show_time(point)));
    let headline = format!("RESTORED {} beside production{as_of}", incident.resource);
    let mut letter = letter(ending, Severity::Warning, headline, "Clients were not moved: decide what to bring back.");
    letter.happened = parts::evidence(story);
    letter.happened.extend(why_this_moment(story));
    letter.happened.extend(parts::measured(ending));
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(ready(story));
    letter.done.extend(quarantine::line(story));
    letter.done.extend(story.validation.as_ref().map(parts::checks).unwrap_or_default());
    letter.to_do = quarantine::way_in(story).into_iter().collect();
    letter.to_do.extend(rows::bring_back(story, ending.execution));
    letter.to_do.extend(move_clients(ending));
    if let Some(restored) = &incident.restored {
        letter.to_do.push(Advice::new(
            format!("When you have what you need, delete the copy {}, which is billed like a second database", restored.id),
            commands::delete_copy(&restored.arn, &restored.id, story.is_copy_protected(&restored.id)),
        ));
    }
    letter.to_do.extend(parts::leftovers(story));
    letter
}

fn point(story: &Story) -> Option<Timestamp> {
    story.plan().and_then(|plan| plan.restore_point).or(story.incident.request.restore_to)
}

fn ready(story: &Story) -> Vec<String> {
    let incident = &story.incident;
    let (Some(restored), Some(validation)) = (&incident.restored, &story.validation) else { return Vec::new() };
    let after = took(Span::between(incident.first_signal_at, validation.at));
    let since = if story.began_with_request() { "the request" } else { "the first signal" };
    let listens = restored
        .endpoint
        .as_ref()
        // A table is known by its name alone, and AWS lets in whoever may.
        .filter(|_| restored.id.kind().has_login())
        .map(|endpoint| format!("It listens at {}:{}, with the logins of the restore time", endpoint.host, endpoint.port));
    let ready = format!("{} was ready and checked {after} after {since}; production was not touched", restored.id);
    std::iter::once(ready).chain(listens).collect()
}

/// Why Lifeboat went back to this moment, where nobody named one.
pub(crate) fn why_this_moment(story: &Story) -> Option<String> {
    let incident = &story.incident;
    let point = show_time(story.plan()?.restore_point?);
    if incident.scenario() != Some(Scenario::Corruption) || incident.request.restore_to.is_some() {
        return None;
    }
    Some(if story.plan()?.remedy == Some(Remedy::RestoreSnapshot) {
        format!("Why {point}: it is the newest snapshot of before the moment at which every watched check of the policy last passed")
    } else {
        format!("Why {point}: every watched check of the policy passed then for the last time")
    })
}

/// How to let clients go back in time after all, and what that costs them.
fn move_clients(ending: &Ending<'_>) -> Option<Advice> {
    let story = ending.story;
    let incident = &story.incident;
    if !incident.scenario().is_some_and(Scenario::is_about_data) || story.promise.mode.is_none() {
        return None;
    }
    let point = point(story)?;
    let (at, so_far) = (show_time(point), took(Span::between(point, ending.at)));
    let forecast = story.plan().and_then(|plan| plan.forecast()).and_then(|forecast| forecast.rto);
    let forecast = forecast.map_or_else(|| "not known".to_owned(), took);
    let copy = incident.restored.as_ref().map_or("this copy", |restored| restored.id.as_str());
    let say = format!(
        "Or move clients to that state: this restores a new copy as of {at}, then moves clients to it. Every write from {at} until the fence is lost: {so_far} so far, and the time that the restore takes (forecast {forecast}). It is only planned first. Delete {copy} yourself when you no longer need it"
    );
    let asked = RecoveryInput::to_plan(incident);
    let input = RecoveryInput { cut_over: Some(true), restore_to: asked.restore_to.or(Some(point)), ..asked };
    Some(Advice::new(say, commands::start(ending.execution, &input)))
}
