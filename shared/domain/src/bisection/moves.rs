//! What a search does next: the middle of the widest time that is not decided, then the ends that nobody has seen, then nothing more.

use super::{Bisection, End, MOST_UNKNOWN, PricedClass, Reply};
use crate::span::Span;
use crate::words::{Timestamp, show_time};
use chrono::{SubsecRound, TimeDelta};

/// What is known by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The last moment known good.
    pub good: End,
    /// The first moment known bad.
    pub bad: End,
    /// Moments between them that could not be asked.
    pub unknown: Vec<Timestamp>,
}

/// The next move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Make a copy of this moment, of this class.
    Copy(Timestamp, PricedClass),
    /// The search is over; why, as a sentence without its full stop.
    Over(String),
}

impl Known {
    /// What the copies have said.
    pub fn of(bisection: &Bisection) -> Self {
        let (mut good, mut bad) = (bisection.plan.good.clone(), bisection.plan.bad.clone());
        let mut unknown = Vec::new();
        for copy in &bisection.copies {
            let Some(answer) = &copy.answer else { continue };
            let end = || End { at: copy.moment, seen: true, by: format!("copy {}", copy.instance) };
            match answer.reply {
                Reply::Good if copy.moment >= good.at => good = end(),
                Reply::Bad if copy.moment <= bad.at => bad = end(),
                Reply::Good | Reply::Bad => {}
                Reply::Unknown => unknown.push(copy.moment),
            }
        }
        unknown.retain(|moment| good.at <= *moment && *moment <= bad.at);
        unknown.sort();
        Self { good, bad, unknown }
    }

    /// Good where it should be bad, or the other way round.
    pub fn is_contradictory(&self) -> bool {
        self.good.at >= self.bad.at
    }

    /// How narrow it is.
    pub fn width(&self) -> Span {
        Span::between(self.good.at, self.bad.at)
    }

    /// The widest time without a moment that was asked.
    fn widest(&self) -> (Timestamp, Timestamp) {
        let inner = self.unknown.iter().copied().filter(|moment| self.good.at < *moment && *moment < self.bad.at);
        let points: Vec<Timestamp> = std::iter::once(self.good.at).chain(inner).chain([self.bad.at]).collect();
        let gaps = points.iter().copied().zip(points.iter().copied().skip(1));
        // Of two that are equally wide the later one: less is lost by going back to it.
        gaps.max_by_key(|(from, to)| *to - *from).unwrap_or((self.good.at, self.bad.at))
    }
}

/// Decides what comes next, while no copy is being made or asked.
pub fn next(bisection: &Bisection, now: Timestamp) -> Move {
    let (plan, known) = (&bisection.plan, Known::of(bisection));
    if known.is_contradictory() {
        return Move::Over(contradiction(bisection, &known));
    }
    let unknown = bisection.copies.iter().filter(|copy| copy.answer.as_ref().is_some_and(|answer| answer.reply == Reply::Unknown)).count();
    if unknown >= MOST_UNKNOWN {
        return Move::Over(format!("{unknown} copies could not be asked"));
    }
    let Some(moment) = moment(&known, plan.within) else {
        return Move::Over(format!("the moment is known to {}", known.width()));
    };
    match why_not_now(bisection, now) {
        Some(why) => Move::Over(why),
        None => match class(bisection) {
            Some(class) => Move::Copy(moment, class.clone()),
            None => Move::Over(format!("none of the classes is to be had now: {}", bisection.without.join(", "))),
        },
    }
}

/// The moment to ask about; none if everything is seen that can be.
fn moment(known: &Known, within: Span) -> Option<Timestamp> {
    let (from, to) = known.widest();
    let width = to - from;
    if width > within.as_delta().max(TimeDelta::seconds(1)) {
        return Some((from + width / 2).trunc_subsecs(0));
    }
    let unseen = [&known.good, &known.bad].into_iter().find(|end| !end.seen && !known.unknown.contains(&end.at));
    unseen.map(|end| end.at)
}

/// The cheapest class that is to be had.
fn class(bisection: &Bisection) -> Option<&PricedClass> {
    bisection.plan.classes.iter().find(|priced| !bisection.without.contains(&priced.class))
}

/// Why no further copy may be begun; none if one may. What exists already goes on costing while the next one is made.
pub fn why_not_now(bisection: &Bisection, now: Timestamp) -> Option<String> {
    let plan = &bisection.plan;
    if let Some(why) = bisection.why_too_long(now) {
        return Some(why);
    }
    if bisection.copies.len() >= plan.copies_at_most as usize {
        return Some(format!("it has made {} copies, as many as copies_at_most allows", bisection.copies.len()));
    }
    let priced = class(bisection)?;
    let takes = bisection
        .copies
        .iter()
        .filter_map(|copy| copy.ready_at.map(|ready| Span::between(copy.begun_at, ready)))
        .max()
        .unwrap_or(plan.restore_takes);
    let spent = bisection.spent(now);
    let meanwhile = bisection.copies.iter().map(|copy| copy.class.hour.hourly_for(takes));
    let with_next = meanwhile.fold(spent.plus(priced.hour.hourly_for(takes)), crate::prices::Money::plus);
    (with_next > plan.cost_at_most).then(|| {
        let currency = &plan.currency;
        format!(
            "the next copy would lead to {with_next} {currency} (spent are {spent}, and it takes about {takes}), beyond cost_at_most, which is {}",
            plan.cost_at_most
        )
    })
}

fn contradiction(bisection: &Bisection, known: &Known) -> String {
    let plan = &bisection.plan;
    if known.bad.at <= plan.good.at {
        return format!(
            "the data is bad at {} already, which was to be good ({}): it went wrong earlier",
            show_time(plan.good.at),
            plan.good.by
        );
    }
    format!(
        "the data is still good at {}, which was to be bad ({}): it went wrong later, or not at all",
        show_time(plan.bad.at),
        plan.bad.by
    )
}
