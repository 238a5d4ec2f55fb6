//! What AWS tells us, parsed once: the catalogue of RDS events and the envelopes that EventBridge delivers.

pub mod catalogue;
pub mod envelope;
mod healing;
mod notice;

pub use catalogue::{CATALOGUE, CatalogueEntry, EventClass, Hint, Planned, SourceType, classify_unknown, look_up};
pub use envelope::{AlarmChange, AlarmState, EnvelopeError, EventId, ExecutionEnded, ExecutionStatus, Incoming, RdsEvent};
pub use envelope::{TableDeed, TableEvent};
pub use healing::{announces_failover, announces_failover_begun, by_itself};
pub use notice::{CacheNotice, ServerlessNotice};

/// The categories in one spelling: lower case, spaces instead of hyphens and underscores, one category an entry
/// (an entry such as `maintenance, notification` holds two).
pub fn normalise_categories<Text: AsRef<str>>(categories: &[Text]) -> Vec<String> {
    categories
        .iter()
        .flat_map(|entry| entry.as_ref().split(','))
        .map(|category| category.trim().to_lowercase().replace(['-', '_'], " "))
        .filter(|category| !category.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_of_every_spelling_become_one() {
        let spellings = ["Global-Failover", "global_failover", " global failover ", "maintenance, low-storage", ""];
        assert_eq!(
            normalise_categories(&spellings),
            ["global failover", "global failover", "global failover", "maintenance", "low storage"]
        );
    }
}
