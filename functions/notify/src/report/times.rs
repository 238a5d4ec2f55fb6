//! Offsets and bars: when, counted from the first signal, and how long.

use crate::measure::millis_between;
use crate::text::took_millis;
use lifeboat_domain::{Timestamp, show_time};

/// How wide the longest bar is.
const BAR: u64 = 20;

/// `+4 min 2 s` after `first`, `-30 s` before it; `<1 s` on either side.
pub(super) fn offset(first: Timestamp, at: Timestamp) -> String {
    let (sign, millis) = if at < first { ("-", millis_between(at, first)) } else { ("+", millis_between(first, at)) };
    if millis < 1000 { took_millis(millis) } else { format!("{sign}{}", took_millis(millis)) }
}

/// `10:31:40` of the day of the report; the whole moment on another day.
pub(super) fn time_of_day(first: Timestamp, at: Timestamp) -> String {
    if at.date_naive() == first.date_naive() { at.format("%H:%M:%S").to_string() } else { show_time(at) }
}

/// A bar in proportion; what took any time at all shows.
pub(super) fn bar(part: u64, whole: u64) -> String {
    let blocks = if whole == 0 { 0 } else { (part * BAR).div_ceil(whole).min(BAR) };
    "█".repeat(usize::try_from(blocks).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_from_the_first_signal_and_bars_show_the_share() {
        let first: Timestamp = "2026-01-15T10:30:00Z".parse().unwrap();
        let later: Timestamp = "2026-01-15T10:34:02Z".parse().unwrap();
        assert_eq!((offset(first, later), offset(later, first)), ("+4 min 2 s".to_owned(), "-4 min 2 s".to_owned()));
        let soon: Timestamp = "2026-01-15T10:30:00.400Z".parse().unwrap();
        assert_eq!(
            (offset(first, soon), offset(soon, first), offset(first, first)),
            ("<1 s".to_owned(), "<1 s".to_owned(), "<1 s".to_owned())
        );
        assert_eq!(time_of_day(first, later), "10:34:02");
        assert_eq!(time_of_day("2026-01-14T10:30:00Z".parse().unwrap(), later), "2026-01-15T10:34:02Z");
        assert_eq!(
            (bar(0, 100).chars().count(), bar(1, 100).chars().count(), bar(100, 100).chars().count(), bar(0, 0).chars().count()),
            (0, 1, 20, 0)
        );
    }
}
