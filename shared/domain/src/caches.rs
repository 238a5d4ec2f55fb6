//! Caches that are filled from a database: what becomes of them once the database went back in time, and they hold what is gone from it.

use crate::error::DrError;
use crate::ids::{Arn, DatabaseId, Identity};
use crate::observed::Endpoint;
use crate::words::closed_enum;
use serde::{Deserialize, Serialize};

/// A cache that a policy names as filled from its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilledCache {
    /// The cache, by its tag `lifeboat:resource`.
    pub identity: Identity,
    /// What becomes of it once clients are on a database that was restored.
    #[serde(default = "tell")]
    pub after: AfterRestore,
}

const fn tell() -> AfterRestore {
    AfterRestore::Tell
}

closed_enum! {
    /// What becomes of a cache after its database was restored.
    AfterRestore {
        /// It is emptied, in place.
        Flush = "flush",
        /// A person is given the input that makes an empty one beside it and moves clients there.
        RebuildCold = "rebuild_cold",
        /// A person is told, with the command that empties it.
        Tell = "tell",
    }
}

/// What was found of a cache when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundCache {
    /// Where it is.
    At(CacheAt),
    /// Why it cannot be reached, as a sentence.
    Lacking(String),
}

/// Where a cache is, and how it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheAt {
    /// Today's replication group.
    pub instance: DatabaseId,
    /// Its ARN.
    pub arn: Arn,
    /// `redis` or `valkey`.
    pub engine: String,
    /// Where its writes go.
    pub endpoint: Endpoint,
    /// Whether it has shards of its own addresses.
    #[serde(default)]
    pub cluster_mode: bool,
    /// Whether it wants TLS, for the command by hand.
    pub tls: bool,
    /// The secret with its login, if it has one.
    pub secret: Option<String>,
}

/// Says which of the entries is wrong; `field` names the policy's list.
pub(crate) fn check(caches: &[FilledCache], moves_clients: bool, field: &str) -> Result<(), DrError> {
    for (place, cache) in caches.iter().enumerate() {
        if caches.iter().take(place).any(|earlier| earlier.identity == cache.identity) {
            return Err(DrError::invalid(field, format!("{} twice", cache.identity), "each cache once"));
        }
    }
    if !caches.is_empty() && !moves_clients {
        return Err(DrError::invalid(field, "caches without cut_over", "caches only where cut_over moves clients"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyDocument;

    fn read(caches: &str) -> Result<Vec<FilledCache>, String> {
        let yaml = format!("version: 1\npolicies:\n  p:\n    cut_over: [secrets_manager]\n    caches: {caches}\n");
        let document = PolicyDocument::from_yaml(&yaml).map_err(|error| error.to_string())?;
        Ok(document.policy("p").map_err(|error| error.to_string())?.caches.clone())
    }

    #[test]
    fn a_cache_of_which_nothing_else_is_said_is_only_told_of() {
        let read = read("[{identity: orders-cache}, {identity: carts-cache, after: flush}]").unwrap();
        assert_eq!(read.iter().map(|cache| cache.after).collect::<Vec<_>>(), [AfterRestore::Tell, AfterRestore::Flush]);
    }

    #[test]
    fn a_list_of_caches_that_cannot_be_meant_is_refused_by_its_name() {
        for (caches, because) in [
            ("[{identity: a}, {identity: a, after: flush}]", "a twice"),
            ("[{identity: a, after: flushall}]", "flushall"),
            ("[{identity: a, before: flush}]", "before"),
        ] {
            assert!(read(caches).unwrap_err().contains(because), "{caches}");
        }
        let beside = PolicyDocument::from_yaml("version: 1\npolicies:\n  p:\n    caches: [{identity: a}]\n").unwrap_err();
        assert!(beside.to_string().contains("policies.p.caches") && beside.to_string().contains("cut_over"), "{beside}");
    }
}
