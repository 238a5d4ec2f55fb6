//! What several services list together: one that does not answer hides nothing of the others.

use super::{Answer, Documents};
use crate::error::{CallError, DrError};
use crate::words::ResourceKind;
use std::collections::BTreeMap;

/// Tries of a step before it goes on without a service that does not answer.
const MOST_TRIES: u64 = 3;

/// What was found, and which kinds were not looked at: of those, nothing that is absent here is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What was found of the kinds that answered.
    pub found: Vec<T>,
    /// The kinds whose listing failed, each with why.
    pub unanswered: BTreeMap<ResourceKind, CallError>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { found: Vec::new(), unanswered: BTreeMap::new() }
    }
}

impl<T> Listing<T> {
    /// Adds what the listing of one kind answered.
    pub fn take(&mut self, kind: ResourceKind, answer: Answer<Vec<T>>) {
        match answer {
            Ok(found) => self.found.extend(found),
            Err(error) => drop(self.unanswered.insert(kind, error)),
        }
    }

    /// With what another listing brought.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.found.extend(other.found);
        self.unanswered.extend(other.unanswered);
        self
    }

    /// For a step that its machine repeats: an error where nobody answers, or while another try may help (a few, counted under `key`);
    /// else what there is.
    pub async fn settled(self, documents: &impl Documents, key: &str) -> Result<Self, DrError> {
        let errors = self.unanswered.values().map(|error| error.clone().while_doing("listing databases"));
        let Some(error) = errors.max_by_key(|error| error.name().is_retryable()) else { return Ok(self) };
        if self.unanswered.len() == ResourceKind::ALL.len() {
            return Err(error);
        }
        if error.name().is_retryable() {
            let counted = documents.get_json(key).await.map_err(|error| error.while_doing(format!("reading {key}")))?;
            let tries = counted.and_then(|tries| tries.as_u64()).unwrap_or_default() + 1;
            documents.put_json(key, &tries.into()).await.map_err(|error| error.while_doing(format!("writing {key}")))?;
            if tries < MOST_TRIES {
                return Err(error);
            }
        }
        Ok(self)
    }

    /// For whoever needs every kind that was asked for.
    pub fn whole(self) -> Answer<Vec<T>> {
        self.unanswered.into_values().next().map_or(Ok(self.found), Err)
    }
}
