//! Retry and Catch: which errors they are for, and how long to wait.

use super::machine::{Catcher, Retrier};

/// Whether an `ErrorEquals` is for `error`. `States.ALL` is not for what AWS calls terminal.
pub(super) fn is_for(error_equals: &[String], error: &str) -> bool {
    let terminal = matches!(error, "States.DataLimitExceeded" | "States.Runtime");
    error_equals.iter().any(|wanted| match wanted.as_str() {
        "States.ALL" => !terminal,
        "States.TaskFailed" => !terminal && error != "States.Timeout",
        wanted => wanted == error,
    })
}

/// Counts the repetitions of one visit to a state, for each retrier of its own.
#[derive(Debug)]
pub(super) struct Retries<'a> {
    retriers: Vec<(&'a Retrier, u32)>,
}

impl<'a> Retries<'a> {
    pub(super) fn new(retriers: &'a [Retrier]) -> Self {
        Self { retriers: retriers.iter().map(|retrier| (retrier, 0)).collect() }
    }

    /// How often it was repeated.
    pub(super) fn total(&self) -> u32 {
        self.retriers.iter().map(|(_, count)| count).sum()
    }

    /// Seconds to wait before trying again after `error`; none if its retrier, the first that is for it, has no more attempts.
    pub(super) fn after(&mut self, error: &str) -> Option<f64> {
        let (retrier, count) = self.retriers.iter_mut().find(|(retrier, _)| is_for(&retrier.error_equals, error))?;
        if *count >= retrier.attempts() {
            return None;
        }
        let seconds = retrier.pause(*count);
        *count += 1;
        Some(seconds)
    }
}

impl Retrier {
    /// `MaxAttempts`, or AWS's default.
    pub fn attempts(&self) -> u32 {
        self.max_attempts.unwrap_or(3)
    }

    /// The longest pause before repetition number `count`, from 0: full jitter may shorten it, never lengthen it.
    pub fn pause(&self, count: u32) -> f64 {
        let interval = self.interval_seconds.unwrap_or(1).max(1);
        let exponent = i32::try_from(count).unwrap_or(i32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "pauses are seconds, far below 2^52")]
        let (interval, longest) = (interval as f64, self.max_delay_seconds.map_or(f64::INFINITY, |longest| longest as f64));
        (interval * self.backoff_rate.unwrap_or(2.0).powi(exponent)).min(longest)
    }
}

/// The first catcher that is for `error`.
pub(super) fn catcher<'a>(catchers: &'a [Catcher], error: &str) -> Option<&'a Catcher> {
    catchers.iter().find(|catcher| is_for(&catcher.error_equals, error))
}
