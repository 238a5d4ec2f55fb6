//! The one place that reads the clock.

use lifeboat_domain::Timestamp;
use lifeboat_domain::ports::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the edge's clock: everything else is told the time")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }
}
