//! What a search came to, for people and for whoever reads the execution's output.

use super::{Bisection, Known, Outcome, Reply};
use crate::recovery_input::RecoveryInput;
use crate::register::News;
use crate::span::Span;
use crate::words::{Run, Scenario, Timestamp, show_time};
use serde::Serialize;
use serde_json::{Value, json};

/// AWS counts a month as so many hours.
const MONTH: Span = Span::hours(730);
/// The longest sentence about one answer, in characters: twelve copies stay far below the 32 KiB that may travel.
const LONGEST_TEXT: usize = 300;

/// A copy that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub instance: String,
    /// The moment that it shows.
    pub moment: String,
    /// What it said.
    pub reply: Reply,
    /// How that is known.
    pub text: String,
    /// What it costs a month.
    pub costs_a_month: String,
    /// The input of `release` that deletes it.
    pub release: Value,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concluded {
    /// In one word.
    pub outcome: Outcome,
    /// In one sentence.
    pub reason: String,
    /// The last moment known good.
    pub good_at: String,
    /// The first moment known bad.
    pub bad_at: String,
    /// The input of `recovery` that plans to go back; none where no copy has shown a good moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RecoveryInput>,
    /// The copies that stand.
    pub copies: Vec<Kept>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// Concludes a search that has ended.
pub fn conclude(bisection: &Bisection, now: Timestamp) -> Concluded {
    let (plan, known) = (&bisection.plan, Known::of(bisection));
    let outcome = if known.is_contradictory() {
        Outcome::Contradicted
    } else if known.width() <= plan.within && known.good.seen && known.bad.seen {
        Outcome::Found
    } else {
        Outcome::Narrowed
    };
    let input = (outcome != Outcome::Contradicted && known.good.seen).then(|| RecoveryInput {
        resource: plan.resource.clone(),
        scenario: Some(Scenario::HumanError),
        restore_to: Some(known.good.at),
        cut_over: None,
        option: None,
        run: Run::Plan,
        plan: None,
    });
    Concluded {
        outcome,
        reason: reason(bisection, &known, outcome),
        good_at: show_time(known.good.at),
        bad_at: show_time(known.bad.at),
        input,
        copies: bisection.copies.iter().filter(|copy| copy.exists).map(|copy| kept(bisection, copy)).collect(),
        notes: notes(bisection, &known, now),
    }
}

fn reason(bisection: &Bisection, known: &Known, outcome: Outcome) -> String {
    let resource = &bisection.plan.resource;
    let why = bisection.ended.as_ref().map_or("it goes on", |ended| ended.why.as_str());
    if outcome == Outcome::Contradicted {
        return format!("{resource}: the search has found no moment: {why}");
    }
    let end = |end: &super::End| format!("{} ({}{})", show_time(end.at), end.by, if end.seen { "" } else { ", and no copy has shown it" });
    let (good, bad) = (end(&known.good), end(&known.bad));
    let found = format!("the data was last known good at {good} and first known bad at {bad}, {} apart", known.width());
    match outcome {
        Outcome::Found => format!("{resource}: {found}"),
        _ => format!("{resource}: {found}; the search ended before it was narrower, because {why}"),
    }
}

fn kept(bisection: &Bisection, copy: &super::Copied) -> Kept {
    let (reply, text) = copy.answer.as_ref().map_or((Reply::Unknown, "it was not asked"), |answer| (answer.reply, answer.text.as_str()));
    Kept {
        instance: copy.instance.to_string(),
        moment: show_time(copy.moment),
        reply,
        text: text.chars().take(LONGEST_TEXT).collect(),
        costs_a_month: format!("{} {}", copy.class.hour.hourly_for(MONTH), bisection.plan.currency),
        release: json!({"resource": bisection.plan.resource, "instance": copy.instance, "confirm": copy.instance}),
    }
}

fn notes(bisection: &Bisection, known: &Known, now: Timestamp) -> Vec<String> {
    let plan = &bisection.plan;
    let asked = bisection.copies.iter().filter(|copy| copy.exists).count();
    let mut notes = vec![format!(
        "{asked} of at most {} copies were made; they have cost about {} {} of at most {} until now",
        plan.copies_at_most,
        bisection.spent(now),
        plan.currency,
        plan.cost_at_most
    )];
    let unknown: Vec<String> = known.unknown.iter().map(|moment| show_time(*moment)).collect();
    if !unknown.is_empty() {
        notes.push(format!("Copies of {} could not be asked and decide nothing", unknown.join(", ")));
    }
    if !bisection.without.is_empty() {
        notes.push(format!("Of these classes RDS had none: {}", bisection.without.join(", ")));
    }
    if let Some(going) = bisection.copies.iter().find(|copy| copy.exists && copy.ready_at.is_none()) {
        notes.push(format!("{} was not usable when the search ended, and may still become so", going.instance));
    }
    for unseen in bisection.copies.iter().filter(|copy| !copy.exists && copy.answer.is_none()) {
        notes.push(format!("{} was asked for and never seen: look whether it exists, and release it if it does", unseen.instance));
    }
    notes.push(
        "If the predicate was true and false more than once in this time, this is one change of it, and not always the first".to_owned(),
    );
    notes
}

impl Concluded {
    /// What people are told; `filed_at` is the same however often the step runs.
    pub fn news(&self, bisection: &Bisection, filed_at: Timestamp) -> News {
        let plan = &bisection.plan;
        let copy = |kept: &Kept| {
            format!(
                "{} shows {}, is {} ({}) and costs {} a month; to release it: {}",
                kept.instance, kept.moment, kept.reply, kept.text, kept.costs_a_month, kept.release
            )
        };
        let input = self.input.as_ref().map(|input| format!("To see the plan to go back, start `recovery` with: {}", input.paste()));
        let parts = std::iter::once(format!("{}.", self.reason))
            .chain(input)
            .chain(self.notes.iter().map(|note| format!("{note}.")))
            .chain(self.copies.iter().map(copy))
            .chain(std::iter::once("Production was not changed.".to_owned()));
        let title = match self.outcome {
            Outcome::Found => format!("{}: bisecting has found the moment", plan.resource),
            Outcome::Narrowed => format!("{}: bisecting has ended early", plan.resource),
            Outcome::Contradicted => format!("{}: bisecting has found no moment", plan.resource),
        };
        News {
            at: filed_at,
            resource: Some(plan.resource.clone()),
            incident: None,
            title,
            text: parts.collect::<Vec<_>>().join("\n"),
            told_at: None,
        }
    }
}
