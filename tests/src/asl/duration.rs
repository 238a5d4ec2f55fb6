//! How long a machine can take.
//!
//! Waits are chosen by functions, so a loop is bounded in the end only by the machine's own `TimeoutSeconds`.
//! Everything else is bounded by the longest way that visits no state twice.

use super::machine::{Flow, Machine, Retrier, State};
use super::shape::{find_loop, ways};

/// Upper bounds of the time of one execution, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duration {
    /// The longest way, each Task once and for its whole `TimeoutSeconds`, no waiting.
    pub once: f64,
    /// The longest way, each Task as often as its Retry allows, with every pause at its longest.
    pub with_retries: f64,
    /// Whether the machine contains a loop.
    pub loops: bool,
    /// The machine's `TimeoutSeconds`, which ends everything.
    pub limit: f64,
}

impl Duration {
    /// Bounds the time of `machine`; the items of a Map count as one round of concurrent items.
    pub fn of(machine: &Machine) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
        let limit = machine.timeout_seconds.map_or(f64::INFINITY, |limit| limit as f64);
        Self {
            once: longest(machine.flow(), false),
            with_retries: longest(machine.flow(), true),
            loops: machine.flows().into_iter().any(|flow| find_loop(flow, |_, _, _| true).is_some()),
            limit,
        }
    }

    /// The worst case: what loops or could pass the limit is ended by it.
    pub fn worst(&self) -> f64 {
        if self.loops { self.limit } else { self.with_retries.min(self.limit) }
    }
}

fn longest(flow: Flow<'_>, retried: bool) -> f64 {
    longest_from(flow, flow.start_at, retried, &mut Vec::new())
}

/// The longest way from `name` that visits no state twice. Our machines are small enough to try all of them.
fn longest_from<'a>(flow: Flow<'a>, name: &'a str, retried: bool, path: &mut Vec<&'a str>) -> f64 {
    let Some(state) = flow.states.get(name).filter(|_| !path.contains(&name)) else { return 0.0 };
    path.push(name);
    let after = ways(state).into_iter().map(|(_, next)| longest_from(flow, next, retried, path)).fold(0.0, f64::max);
    path.pop();
    own(state, retried) + after
}

/// The time of one visit to a state.
fn own(state: &State, retried: bool) -> f64 {
    match state {
        State::Task(task) => {
            #[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
            let once = task.timeout_seconds.map_or(f64::INFINITY, |timeout| timeout as f64);
            if retried { repeated(once, &task.retry) } else { once }
        }
        State::Map(map) => {
            let once = longest(map.flow(), retried);
            if retried { repeated(once, &map.retry) } else { once }
        }
        State::Pass(_) | State::Choice(_) | State::Wait(_) | State::Succeed(_) | State::Fail(_) => 0.0,
    }
}

/// Each retrier counts for itself: in the worst case all of them are used up.
fn repeated(once: f64, retriers: &[Retrier]) -> f64 {
    let again: f64 = retriers.iter().flat_map(|retrier| (0..retrier.attempts()).map(|count| retrier.pause(count) + once)).sum();
    once + again
}

/// Seconds for a reader: `48 h`, `12 min`, `1 h 5 min`, `50 s`; rounded up to a minute from ten minutes on.
pub fn show(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "without limit".to_owned();
    }
    if seconds < 600.0 {
        let (minutes, rest) = ((seconds / 60.0).floor(), seconds % 60.0);
        return match (minutes > 0.0, rest > 0.0) {
            (true, true) => format!("{minutes} min {} s", rest.ceil()),
            (true, false) => format!("{minutes} min"),
            (false, _) => format!("{} s", rest.ceil()),
        };
    }
    let minutes = (seconds / 60.0).ceil();
    let (hours, rest) = ((minutes / 60.0).floor(), minutes % 60.0);
    match (hours > 0.0, rest > 0.0) {
        (true, true) => format!("{hours} h {rest} min"),
        (true, false) => format!("{hours} h"),
        (false, _) => format!("{rest} min"),
    }
}
