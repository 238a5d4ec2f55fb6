//! Finding the caches that are filled from a database.

use crate::observe::instance;
use crate::{Databases, Deps};
use lifeboat_domain::caches::{CacheAt, FilledCache, FoundCache};
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{DrError, register};

/// Where each of the caches is now. What is not known of one keeps no database from being recovered: the plan names it.
pub(crate) async fn find<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    caches: &[FilledCache],
) -> Result<Vec<FoundCache>, DrError> {
    let mut found = Vec::new();
    for cache in caches {
        found.push(one(deps, cache).await?);
    }
    Ok(found)
}

async fn one<R: Databases, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, cache: &FilledCache) -> Result<FoundCache, DrError> {
    let lacking = |why: String| Ok(FoundCache::Lacking(why));
    let identity = &cache.identity;
    let Some(record) = register::record(&deps.ledger, identity).await? else {
        return lacking(format!("no cache with the tags lifeboat:resource={identity} and lifeboat:policy was seen by a sweep"));
    };
    if record.kind != ResourceKind::ReplicationGroup {
        return lacking(format!("{identity} is a {} and no cache", record.kind));
    }
    let observed = match instance(&deps.databases, &record.id).await {
        Ok(Some(observed)) if observed.resource_id == record.resource_id => observed,
        Ok(_) => return lacking(format!("{}, which the ledger knows as {identity}, does not exist any more", record.id)),
        Err(error) => return lacking(format!("{} cannot be looked at: {error}", record.id)),
    };
    let (Some(endpoint), Some(settings)) = (observed.endpoint.clone(), observed.configuration.cache()) else {
        return lacking(format!("{} has no address", record.id));
    };
    Ok(FoundCache::At(CacheAt {
        arn: observed.arn.clone(),
        engine: observed.configuration.engine.clone(),
        cluster_mode: settings.cluster_mode,
        tls: settings.transit_encryption,
        secret: observed.secret().map(str::to_owned),
        endpoint,
        instance: record.id,
    }))
}
