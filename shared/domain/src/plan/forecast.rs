//! What an option is expected to take and lose; "no evidence" where nothing was ever timed.

use crate::span::Span;
use serde::{Deserialize, Serialize};

/// Expected time, loss, cost and risk of one option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Expected time until clients are served; none where nothing was ever timed.
    pub rto: Option<Span>,
    /// Where that time comes from.
    pub rto_evidence: String,
    /// Expected loss of committed data; none where it is not known.
    pub loss: Option<Span>,
    /// What it costs, in words (prices differ by Region and contract).
    pub cost: String,
    /// The main risk.
    pub risk: String,
}

/// The 90th percentile of measured durations (nearest rank); none of none.
pub fn p90(measured: &[Span]) -> Option<Span> {
    let mut sorted = measured.to_vec();
    sorted.sort();
    let rank = (sorted.len() * 9).div_ceil(10);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p90_is_the_nearest_rank_and_nothing_of_nothing() {
        let spans: Vec<Span> = (1..=10).map(Span::seconds).collect();
        assert_eq!(p90(&spans), Some(Span::seconds(9)));
        assert_eq!(p90(&[Span::seconds(7)]), Some(Span::seconds(7)));
        assert_eq!(p90(&[]), None);
    }
}
