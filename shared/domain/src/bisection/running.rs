//! A search at work: how long it holds its copies, when it looks again, when it has lasted too long, and what the sweep knows it by.

use super::{Bisection, LONGEST_RUN};
use crate::ids::PlanHash;
use crate::span::Span;
use crate::words::{Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// The longest that one visit to a copy takes: the time-out of the state that asks.
pub const LONGEST_ASK: Span = Span::seconds(310);
/// A search waits for so small a part of what it has lasted, at least. A turn is nine events of its execution, which may have 25,000
/// (AWS Step Functions, "Service quotas"): with the shortest poll, a second, it is about 1,500 turns in [`LONGEST_RUN`], which leaves
/// nearly half of the events to steps that are repeated.
const PART_OF_RUN: u64 = 200;

/// A search in the list of those that were begun: the sweep looks after it until it is concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The plan that was begun.
    pub plan: PlanHash,
    /// When people were told what it came to; none while that is still to be done.
    pub concluded_at: Option<Timestamp>,
}

impl Bisection {
    /// An execution is at work on it until then, at the earliest. What has ended is held no more.
    pub fn hold(&mut self, until: Timestamp) {
        if self.ended.is_none() {
            self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
        }
    }

    /// How long to wait before the next look: the poll, and longer the longer it has lasted.
    pub fn look_again_in(&self, poll: Span, now: Timestamp) -> Span {
        poll.max(Span::seconds(self.lasted(now).as_secs() / PART_OF_RUN))
    }

    /// Why it must end because of its age; none before that.
    pub fn why_too_long(&self, now: Timestamp) -> Option<String> {
        let begun = self.begun.as_ref().filter(|_| self.lasted(now) >= LONGEST_RUN)?;
        Some(format!("it has lasted since {}, longer than {LONGEST_RUN}", show_time(begun.at)))
    }

    fn lasted(&self, now: Timestamp) -> Span {
        self.begun.as_ref().map_or(Span::seconds(0), |begun| Span::between(begun.at, now))
    }
}
