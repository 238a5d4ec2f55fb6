//! Durations as people write them: `90s`, `15m`, `4h`, `30d`.

use crate::error::DrError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A length of time in whole seconds, written with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

impl Span {
    /// What is accepted, in words.
    pub const ACCEPTED: &'static str = "a whole number with a unit, such as 90s, 15m, 4h or 30d";

    /// `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// `minutes` minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes * 60)
    }

    /// `hours` hours.
    pub const fn hours(hours: u64) -> Self {
        Self(hours * 3600)
    }

    /// The time between two moments, zero if `later` is the earlier one.
    pub fn between(earlier: crate::words::Timestamp, later: crate::words::Timestamp) -> Self {
        Self(u64::try_from((later - earlier).num_seconds()).unwrap_or(0))
    }

    /// The length in seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// The length as chrono's type, to add to a timestamp.
    pub fn as_delta(self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(i64::try_from(self.0).unwrap_or(i64::MAX / 1000))
    }

    /// Reads `90s`, `15m`, `4h` or `30d`.
    pub fn parse(text: &str) -> Result<Self, DrError> {
        let wrong = || DrError::invalid("duration", format!("{text:?}"), Self::ACCEPTED);
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        if digits.len() + 1 != text.len() {
            return Err(wrong());
        }
        count.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Span {
    type Error = DrError;
    fn try_from(text: String) -> Result<Self, DrError> {
        Self::parse(&text)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        let (count, unit) = match span.0 {
            0 => (0, 's'),
            n if n % 86_400 == 0 => (n / 86_400, 'd'),
            n if n % 3600 == 0 => (n / 3600, 'h'),
            n if n % 60 == 0 => (n / 60, 'm'),
            n => (n, 's'),
        };
        format!("{count}{unit}")
    }
}

/// For messages: `4 s`, `12 min 30 s`, `3 h 5 min`, `2 d 1 h`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d, h, m, s) = (self.0 / 86_400, self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        let parts: Vec<String> = [(d, "d"), (h, "h"), (m, "min"), (s, "s")]
            .into_iter()
            .skip_while(|(n, unit)| *n == 0 && *unit != "s")
            .take(2)
            .filter(|(n, unit)| *n > 0 || (*unit == "s" && self.0 == 0))
            .map(|(n, unit)| format!("{n} {unit}"))
            .collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_show_like_people_write_them() {
        for (text, shown) in [("0s", "0 s"), ("90s", "1 min 30 s"), ("15m", "15 min"), ("4h", "4 h"), ("30d", "30 d"), ("3601s", "1 h")] {
            assert_eq!(Span::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "15", "m", "1.5h", "-3s", "5 m", "10ms", "99999999999999999999d"] {
            assert!(Span::parse(text).is_err(), "{text} must be refused");
        }
    }
}
