//! The time of one step: what is not done in time is said to be unknown, before the function is cut off without a word.

use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Four of the function's five minutes; the fifth is for writing down what was found.
const STEP: Duration = Duration::from_secs(240);

/// What is left of a step's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    ends: Instant,
}

impl Budget {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self { ends: Instant::now() + STEP }
    }

    /// Does `work` if it ends in time; else answers why not, as a sentence.
    pub(crate) async fn spend<T>(self, work: impl Future<Output = T>) -> Result<T, String> {
        timeout_at(self.ends, work).await.map_err(|_| format!("the {} s of this step were used up", STEP.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_late_is_told_and_not_waited_for() {
        let over = Budget { ends: Instant::now() };
        assert!(over.spend(std::future::pending::<()>()).await.unwrap_err().contains("used up"));
        assert_eq!(Budget::start().spend(async { 7 }).await, Ok(7));
    }
}
