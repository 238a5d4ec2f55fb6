//! The alarms that watch a source, when the plan is made.

use crate::{Databases, Deps};
use lifeboat_domain::DrError;
use lifeboat_domain::alarms::{dimension, on};
use lifeboat_domain::point::Manifest;
use lifeboat_domain::ports::Documents;
use lifeboat_domain::register::{ResourceRecord, kept_manifest};

/// Adds the alarms on a database to its manifest: as they stand now or, where they cannot be read or went with it, as they stood at its
/// last backup. Not knowing them stops no recovery.
pub(crate) async fn with_alarms<R: Databases, L, D: Documents, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    record: &ResourceRecord,
    manifest: Manifest,
    is_gone: bool,
) -> Result<Manifest, DrError> {
    if dimension(manifest.id.kind()).is_none() {
        return Ok(manifest);
    }
    let now = match deps.databases.alarms().await {
        Ok(all) => Some(on(&all, &manifest.id)),
        Err(error) => {
            tracing::warn!(id = %manifest.id, "its alarms could not be read: {error}");
            None
        }
    };
    let alarms = match now.filter(|now| !is_gone || !now.is_empty()) {
        Some(now) => Some(now),
        None => kept_manifest(&deps.documents, record).await?.filter(|kept| kept.id == manifest.id).and_then(|kept| kept.alarms),
    };
    Ok(Manifest { alarms, ..manifest })
}
