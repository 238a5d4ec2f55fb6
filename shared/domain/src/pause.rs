//! Pauses: a person's order that Lifeboat starts nothing by itself, for one resource or for all, until a moment.

use crate::error::DrError;
use crate::ids::Identity;
use crate::ledger::{self, keys};
use crate::ports::Ledger;
use crate::span::Span;
use crate::words::{Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// The longest pause that is accepted: one that is forgotten must not last for ever.
pub const LONGEST: Span = Span::hours(31 * 24);

/// A pause, in force until its end or until somebody lifts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Until when.
    pub until: Timestamp,
    /// Why, in the words of whoever ordered it.
    pub reason: String,
    /// Who they say they are; who it was, CloudTrail knows by the execution.
    pub claimed_by: Option<String>,
    /// The execution that ordered it.
    pub ordered_by: String,
    /// When it was ordered.
    pub ordered_at: Timestamp,
}

/// A pause in force, with what it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// The resource; none if everything is paused.
    pub resource: Option<Identity>,
    /// The pause.
    pub pause: Pause,
}

impl InForce {
    /// What is paused, until when, by whom and why, as a sentence.
    pub fn describe(&self) -> String {
        let what = self.resource.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string);
        let who = self.pause.claimed_by.as_deref().unwrap_or("somebody");
        format!("{what} is paused until {}, ordered by {who}: {}", show_time(self.pause.until), self.pause.reason)
    }

    /// The input of `pause` that lifts it.
    pub fn override_input(&self) -> String {
        let resource = self.resource.as_ref().map_or("*", Identity::as_str);
        serde_json::json!({"resource": resource, "action": "resume"}).to_string()
    }
}

/// The pause that covers a resource now, its own before that of everything.
pub async fn in_force(ledger: &impl Ledger, resource: &Identity, now: Timestamp) -> Result<Option<InForce>, DrError> {
    for covered in [Some(resource), None] {
        let kept = ledger::read::<Pause>(ledger, &keys::pause(covered)).await?.map(|kept| kept.value);
        if let Some(pause) = kept.filter(|pause| now < pause.until) {
            return Ok(Some(InForce { resource: covered.cloned(), pause }));
        }
    }
    Ok(None)
}
