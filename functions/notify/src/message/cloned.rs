//! The letter about a clone of today's data.

use super::parts::{self, letter};
use super::quarantine;
use super::{Advice, Letter, Severity};
use crate::commands::{self, RecoveryInput};
use crate::ending::Ending;
use crate::story::Story;
use crate::text::{count, took};
use lifeboat_domain::validation::Validation;
use lifeboat_domain::words::{Grade, Scenario};
use lifeboat_domain::{Span, show_time};

/// What a clone is, wherever one is told of.
pub(crate) const WHAT: &str = "a clone of today's data, damaged or not, which proves nothing about a recovery point";

/// A clone stands beside production.
pub(crate) fn cloned(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let headline = format!("CLONED {} beside production, as it is now", incident.resource);
    let mut letter = letter(ending, Severity::Warning, headline, "Look, export or try a repair there: it brings nothing back.");
    letter.happened = parts::evidence(story);
    letter.done = parts::calls_or_nothing(ending);
    letter.done.extend(ready(story));
    letter.done.extend(quarantine::line(story));
    letter.done.extend(story.validation.as_ref().map(checks).unwrap_or_default());
    letter.to_do = quarantine::way_in(story).into_iter().collect();
    letter.to_do.extend(bring_back(ending));
    letter.to_do.extend(release(ending));
    letter.to_do.extend(parts::leftovers(story));
    letter
}

fn ready(story: &Story) -> Vec<String> {
    let incident = &story.incident;
    let (Some(clone), Some(validation)) = (&incident.restored, &story.validation) else { return Vec::new() };
    let after = took(Span::between(incident.first_signal_at, validation.at));
    let ready = format!("{} was ready {after} after the request; production was not touched", clone.id);
    let is = format!("It is {WHAT}: what its checks say, production's would; no recovery point is verified by it");
    let listens = clone.endpoint.as_ref().map(|at| format!("It listens at {}:{}, with today's logins", at.host, at.port));
    [ready, is].into_iter().chain(listens).collect()
}

/// How many checks passed, and each one that did not.
fn checks(validation: &Validation) -> Vec<String> {
    let passed = validation.checks.iter().filter(|check| check.grade == Grade::Pass).count();
    let first = format!("Of {} that it was asked {passed} passed", count(validation.checks.len(), "check"));
    std::iter::once(first).chain(parts::checks(validation).into_iter().skip(1)).collect()
}

/// How to get data of before the damage, which a clone does not have.
fn bring_back(ending: &Ending<'_>) -> Option<Advice> {
    let incident = &ending.story.incident;
    let scenario = incident.scenario().filter(|scenario| scenario.is_about_data())?;
    let asked = RecoveryInput { option: None, ..RecoveryInput::to_plan(incident) };
    let at = match (scenario, asked.restore_to) {
        (_, Some(at)) => format!(", to {}", show_time(at)),
        (Scenario::Corruption, None) => ", to when every watched check last passed".to_owned(),
        _ => {
            let say = "To bring data back, start recovery with human_error and restore_to, the last moment at which it was good; find_moment looks for that";
            return Some(Advice::say(say));
        }
    };
    let say = format!("To bring data back, see the plan of a restore beside production{at}; the clone is no part of it");
    Some(Advice::new(say, commands::start(ending.execution, &asked)))
}

fn release(ending: &Ending<'_>) -> Option<Advice> {
    let story = ending.story;
    let clone = story.incident.restored.as_ref()?;
    let cost = story.plan().and_then(|plan| plan.forecast()).map_or("an instance", |forecast| forecast.cost.as_str());
    let say =
        format!("When you have what you need, release {}, which costs {cost}; deleting either of the two leaves the other whole", clone.id);
    let by_hand = || commands::delete_copy(&clone.arn, &clone.id, story.is_copy_protected(&clone.id));
    let release = commands::release(ending.execution, &story.incident.resource, &clone.id);
    Some(Advice::new(say, release.map_or_else(by_hand, |release| vec![release])))
}
