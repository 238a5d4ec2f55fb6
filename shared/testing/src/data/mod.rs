//! The data plane: what the database servers hold and whether one can reach it.

mod memory;

use chrono::{DateTime, Utc};

use crate::model::{Effect, EffectOutcome};

pub use memory::{LoginError, MemoryData, Row, Session};

/// Carries out what the control plane asks of servers, at once.
pub trait DataPlane {
    /// Carries out one effect; an error is a sentence.
    fn carry_out(&mut self, now: DateTime<Utc>, effect: &Effect) -> EffectOutcome;
}
