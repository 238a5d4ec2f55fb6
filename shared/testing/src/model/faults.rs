//! Faults of the control plane itself: seeded and scripted.

use serde::{Deserialize, Serialize};

/// One fault: which calls it strikes, when, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The action, for example `CreateDBSnapshot`; `None` strikes any.
    #[serde(default)]
    pub action: Option<String>,
    /// Only calls that name this resource (identifier, resource id or ARN, as the call spells it).
    #[serde(default)]
    pub resource: Option<String>,
    /// Which of the calls that match.
    pub when: When,
    /// What happens to them.
    pub kind: FaultKind,
}

/// Which of the matching calls are struck. Calls are counted from when the fault was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Only the n-th, counted from 1.
    Nth(u64),
    /// The first n.
    Times(u64),
    /// Every one.
    Always,
    /// Each with this chance in a thousand, drawn from the seed.
    PerMille(u16),
}

/// What happens to a call that is struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// `Throttling: Rate exceeded`. No effect.
    Throttle,
    /// HTTP 500, `InternalFailure`. No effect.
    ServiceError,
    /// This refusal. No effect.
    Refused {
        /// The wire code.
        code: String,
        /// The message.
        message: String,
    },
    /// The call never arrives and is never answered. No effect.
    TimeoutBefore,
    /// **The call takes effect** and the answer is lost.
    ReplyLost,
}

/// The faults that wait for their calls.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    waiting: Vec<(Fault, u64)>,
    random: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { waiting: Vec::new(), random: seed }
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.waiting.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Counts the call for every fault that it matches and returns the first that strikes.
    pub(crate) fn strike(&mut self, action: &str, resource: &str) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, seen) in &mut self.waiting {
            let matches = fault.action.as_deref().is_none_or(|name| name == action)
                && fault.resource.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(resource));
            if !matches {
                continue;
            }
            *seen += 1;
            let hit = match fault.when {
                When::Nth(n) => *seen == n,
                When::Times(n) => *seen <= n,
                When::Always => true,
                When::PerMille(chance) => next_random(&mut self.random) % 1000 < u64::from(chance),
            };
            if hit && struck.is_none() {
                struck = Some(fault.kind.clone());
            }
        }
        struck
    }
}

/// SplitMix64: small, good enough, the same on every machine.
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
