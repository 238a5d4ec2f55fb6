//! Bisecting: restored copies are asked one after the other whether the data was good then, until the moment is narrow enough.
//!
//! It costs hours and money, so that it is planned first, capped twice (copies and money) and begun by a person who names the
//! plan's hash: once, in time. A copy is made beside production, changes nothing of it, and stands until a person releases it.

mod makes;
mod moves;
mod running;
mod told;

pub use makes::{Facts, groups, make};
pub use moves::{Known, Move, next, why_not_now};
pub use running::{LONGEST_ASK, Watched};
pub use told::{Concluded, Kept, conclude};

use crate::error::DrError;
use crate::ids::{DatabaseId, Identity, PlanHash, deterministic_name, digest, short_digest};
use crate::ledger::{self, keys};
use crate::observed::{Configuration, Endpoint};
use crate::plan::RestoreSettings;
use crate::ports::{Ledger, Target};
use crate::prices::Money;
use crate::span::Span;
use crate::words::{Timestamp, closed_enum, show_time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// No search takes longer, whether or not a copy is being made then: the machine's own time-out lies two hours behind, so that the search
/// ends by itself and says so.
pub const LONGEST_RUN: Span = Span::hours(24);
/// Copies of one search, at most: 2^12 times the narrowest width is more than a month in quarters of an hour.
pub const MOST_COPIES: u32 = 12;
/// How narrow the moment must become if nobody says it.
pub const USUAL_WIDTH: Span = Span::minutes(5);
/// Copies that could not be asked before a search gives up.
pub const MOST_UNKNOWN: usize = 3;
/// How long a copy takes if none was ever timed; RDS documents nothing, and it grows with the volume.
pub const USUAL_RESTORE: Span = Span::hours(1);
/// How often one copy is asked before it counts as one that cannot be asked.
pub const MOST_ASKS: u32 = 3;

closed_enum! {
    /// What the predicate says of one state of the data.
    Reply {
        /// It is true: the data is good.
        Good = "good",
        /// It is false.
        Bad = "bad",
        /// It could not be asked, or is neither.
        Unknown = "unknown",
    }
}

closed_enum! {
    /// What is to be done next.
    Turn {
        /// Wait, and look again.
        Wait = "wait",
        /// A copy is usable: ask it.
        Ask = "ask",
        /// The search is over.
        Over = "over",
    }
}

closed_enum! {
    /// What a search came to.
    Outcome {
        /// The moment is as narrow as was asked for, and both of its ends were seen.
        Found = "found",
        /// It is narrower than before, and something ended the search.
        Narrowed = "narrowed",
        /// The answers contradict what the search began with.
        Contradicted = "contradicted",
    }
}

/// What a person asks for, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// One SELECT of one boolean: true where the data is good.
    pub predicate: String,
    /// It was good then, by the person.
    pub good_at: Option<Timestamp>,
    /// It was bad then, by the person.
    pub bad_at: Option<Timestamp>,
    /// How narrow the moment must become.
    pub within: Span,
    /// Copies, at most.
    pub copies_at_most: u32,
    /// Money, at most, in the currency of the prices: no copy is begun that would lead beyond it.
    pub cost_at_most: Money,
}

/// What the predicate said once, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What it said.
    pub reply: Reply,
    /// When it was asked.
    pub at: Timestamp,
    /// How it was asked and what came of it, as a sentence without its full stop.
    pub text: String,
}

/// One end of the time in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The moment, in whole seconds: RDS restores to nothing finer.
    pub at: Timestamp,
    /// Whether the predicate was seen to say so; else it is what the search began with.
    pub seen: bool,
    /// How it is known, as words.
    pub by: String,
}

/// A class of copies, with what one of them costs in an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedClass {
    /// `DBInstanceClass`.
    pub class: String,
    /// By the hour, with the volume.
    pub hour: Money,
}

/// What a person approves: everything that the search may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// SHA-256 of all the rest.
    pub hash: PlanHash,
    /// The execution that planned it: no two plans have one hash, so that an old approval fits no new plan.
    pub planned_by: String,
    /// The database.
    pub resource: Identity,
    /// The policy's name.
    pub policy: String,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// After this moment it cannot be begun any more.
    pub expires_at: Timestamp,
    /// The `DbiResourceId` of the source: its backups are restored, whether it still exists or not.
    pub source: String,
    /// The secret with the login of the copies.
    pub secret: Option<String>,
    /// One SELECT of one boolean.
    pub predicate: String,
    /// It was good then.
    pub good: End,
    /// It was bad then.
    pub bad: End,
    /// How narrow the moment must become.
    pub within: Span,
    /// Copies, at most.
    pub copies_at_most: u32,
    /// Money, at most.
    pub cost_at_most: Money,
    /// The currency, for messages.
    pub currency: String,
    /// The classes of copies, the cheapest first.
    pub classes: Vec<PricedClass>,
    /// How long one copy takes, as far as anybody has timed it.
    pub restore_takes: Span,
    /// What the copies are told to be, but for their class.
    pub configuration: Configuration,
    /// The tags of the copies, but for the mark of this plan.
    pub tags: BTreeMap<String, String>,
}

/// Who began a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The execution's ARN: CloudTrail knows who started it.
    pub execution: String,
    /// When.
    pub at: Timestamp,
    /// Who they say they are.
    pub claimed_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Why a search ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why, as a sentence without its full stop.
    pub why: String,
}

/// One copy: written down before it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The moment that it shows.
    pub moment: Timestamp,
    /// Its name, which follows from the plan, its place and its class.
    pub instance: DatabaseId,
    /// Its class, with its price.
    pub class: PricedClass,
    /// When it was written down: its cost is counted from here.
    pub begun_at: Timestamp,
    /// Whether it may have been asked for: taken back where RDS certainly did nothing.
    pub sent: bool,
    /// Whether RDS has shown it.
    pub exists: bool,
    /// When it was first usable.
    pub ready_at: Option<Timestamp>,
    /// When its password was set to today's, if it had to be.
    pub password_set_at: Option<Timestamp>,
    /// Where it listens.
    pub endpoint: Option<Endpoint>,
    /// How often it was to be asked.
    pub asks: u32,
    /// Why it was asked in vain the last time.
    pub trouble: Option<String>,
    /// What it said.
    pub answer: Option<Answered>,
}

/// A search with copies: the plan, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bisection {
    /// The plan.
    pub plan: Plan,
    /// Who began it; none while it waits for a person.
    pub begun: Option<Begun>,
    /// The execution is at work until then; renewed at each step.
    pub held_until: Option<Timestamp>,
    /// The copies, in the order in which they were made.
    pub copies: Vec<Copied>,
    /// Classes that were not to be had.
    pub without: Vec<String>,
    /// How it ended; none while it goes on.
    pub ended: Option<Ended>,
}

impl Plan {
    /// The hash of all the rest.
    fn hash_of(&self) -> Result<PlanHash, DrError> {
        let mut fields = ledger::encode(self)?;
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("hash");
        }
        PlanHash::parse(digest(&[&fields.to_string()]))
    }

    /// The input that begins it.
    pub fn paste(&self) -> String {
        format!("{{\"resource\": \"{}\", \"plan\": \"{}\"}}", self.resource, self.hash)
    }

    /// What a copy of a class is told to be.
    pub fn settings(&self, class: &PricedClass) -> RestoreSettings {
        let mut tags = self.tags.clone();
        tags.insert(crate::observed::tags::SEARCH.to_owned(), self.hash.to_string());
        let configuration = Configuration { class: class.class.clone(), ..self.configuration.clone() };
        // No client is ever let in.
        RestoreSettings { configuration, opens_to: Vec::new(), tags }
    }

    /// The name of the copy at a place; its ending is what roles know it by.
    fn name(&self, place: usize, class: &PricedClass) -> Result<DatabaseId, DrError> {
        let suffix = format!("s{}", short_digest(&[self.hash.as_str(), &place.to_string(), &class.class]));
        DatabaseId::parse(deterministic_name(self.resource.as_str(), &suffix, 63))
    }
}

impl Copied {
    /// What it has cost until now.
    pub fn cost(&self, now: Timestamp) -> Money {
        self.class.hour.hourly_for(Span::between(self.begun_at, now))
    }

    /// What it is for `validate`.
    pub fn target(&self, plan: &Plan) -> Target {
        Target {
            resource: plan.resource.clone(),
            instance: self.instance.clone(),
            engine: plan.configuration.engine.clone(),
            endpoint: self.endpoint.clone(),
            secret: plan.secret.clone(),
            database: plan.configuration.database.clone(),
        }
    }
}

impl Bisection {
    /// Planned, and not begun.
    pub const fn of(plan: Plan) -> Self {
        Self { plan, begun: None, held_until: None, copies: Vec::new(), without: Vec::new(), ended: None }
    }

    /// The copy that is being made or asked; none between two of them.
    pub fn current(&self) -> Option<&Copied> {
        self.copies.last().filter(|copy| copy.answer.is_none())
    }

    /// Adds the next copy, which is not asked for yet.
    pub fn add_copy(&mut self, moment: Timestamp, class: PricedClass, now: Timestamp) -> Result<(), DrError> {
        let instance = self.plan.name(self.copies.len(), &class)?;
        self.copies.push(Copied {
            moment,
            instance,
            class,
            begun_at: now,
            sent: true,
            exists: false,
            ready_at: None,
            password_set_at: None,
            endpoint: None,
            asks: 0,
            trouble: None,
            answer: None,
        });
        Ok(())
    }

    /// What all copies have cost until now.
    pub fn spent(&self, now: Timestamp) -> Money {
        self.copies.iter().map(|copy| copy.cost(now)).fold(Money::default(), Money::plus)
    }

    /// Whether an execution is at work on it: one that was stopped is not, as nothing renews it.
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.held_until.is_some_and(|until| now < until)
    }

    /// Ends it, unless it has ended before.
    pub fn end(&mut self, at: Timestamp, why: impl Into<String>) {
        if self.ended.is_none() {
            self.ended = Some(Ended { at, why: why.into() });
        }
    }

    /// Why an execution may not begin it now; none if it may. Repeated by the same execution it may as before.
    pub fn why_not_begun(&self, execution: &str, now: Timestamp) -> Option<String> {
        match &self.begun {
            Some(begun) if begun.execution == execution => None,
            Some(begun) => Some(format!("it was begun already, at {} by {}", show_time(begun.at), begun.execution)),
            None => (now > self.plan.expires_at).then(|| format!("it expired at {}", show_time(self.plan.expires_at))),
        }
    }
}

/// The bisection that an execution works on.
pub async fn expect(ledger: &impl Ledger, plan: &PlanHash, execution: &str) -> Result<Bisection, DrError> {
    let bisection = ledger::expect::<Bisection>(ledger, &keys::bisection(plan)).await?.value;
    match &bisection.begun {
        Some(begun) if begun.execution == execution => Ok(bisection),
        _ => Err(DrError::refused(format!("plan {plan} was not begun by {execution}: nothing is done for it"))),
    }
}

/// The bisection that a copy is marked with.
pub async fn marked(ledger: &impl Ledger, mark: &str) -> Result<Option<Bisection>, DrError> {
    let Ok(plan) = PlanHash::parse(mark) else { return Ok(None) };
    Ok(ledger::read::<Bisection>(ledger, &keys::bisection(&plan)).await?.map(|kept| kept.value))
}

#[cfg(test)]
mod tests;
