//! Caches that are filled from a database: once it went back in time, they hold values that it does not have any more.
//!
//! They are emptied after a restore and after its undo, which change the data under them; not after a failover, which loses nothing that a
//! client was told of, and not after a promotion, whose loss is a replica's lag: an empty cache would put all reads on a database that has
//! just changed its place. There people are told. A restore of the latest state loses what was written after it, and empties, too.

use super::options::PlanFacts;
use super::{Act, Plan, PlannedCall, Remedy};
use crate::caches::{AfterRestore, CacheAt, FilledCache, FoundCache};
use crate::incident::Phase;
use crate::recovery_input::RecoveryInput;
use crate::words::{Run, Scenario};

impl CacheAt {
    /// The command that empties it by hand. With cluster mode `redis-cli` goes to each primary.
    pub fn flush_by_hand(&self) -> String {
        let tls = if self.tls { " --tls" } else { "" };
        let (host, port) = (&self.endpoint.host, self.endpoint.port);
        if self.cluster_mode {
            return format!("redis-cli{tls} --cluster call {host}:{port} FLUSHALL ASYNC --cluster-only-masters");
        }
        format!("redis-cli{tls} -h {host} -p {port} FLUSHALL ASYNC")
    }
}

/// Adds what becomes of the policy's caches: behind the consumers, which may still fill them from the old database.
pub(super) fn add_caches(facts: PlanFacts<'_>, plan: &mut Plan) {
    for (place, cache) in facts.policy.caches.iter().enumerate() {
        if cache.identity == facts.incident.resource {
            plan.risks.push(format!("the policy's caches name {} itself: it is not emptied", cache.identity));
            continue;
        }
        let lacking = || FoundCache::Lacking(format!("nothing is known of cache {}", cache.identity));
        let found = facts.caches.get(place).cloned().unwrap_or_else(lacking);
        let goes_back =
            matches!(plan.remedy, Some(Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot | Remedy::SwapBack));
        match (cache.after, found) {
            (AfterRestore::Flush, FoundCache::At(at)) if goes_back => add_flush(plan, cache, at),
            (AfterRestore::RebuildCold, FoundCache::At(_)) if goes_back => plan.guidance.push(rebuild(plan, cache)),
            (_, found) => tell(plan, cache, found),
        }
    }
}

fn add_flush(plan: &mut Plan, cache: &FilledCache, at: CacheAt) {
    plan.risks.push(format!(
        "cache {} is emptied once clients are moved: until it has filled itself, every read goes to the database",
        cache.identity
    ));
    let why = "it holds what was read before the move, and the database has other data now".to_owned();
    let act = Act::FlushCache { cache: cache.identity.clone(), at: Box::new(at) };
    plan.calls.push(PlannedCall { phase: Phase::Close, act, why });
}

fn tell(plan: &mut Plan, cache: &FilledCache, found: FoundCache) {
    let held = format!("Cache {} holds what was read before the move, and the database may have other data now", cache.identity);
    match found {
        FoundCache::At(at) => {
            plan.guidance.extend([format!("{held}: once clients are moved, empty it if they must not see that."), at.flush_by_hand()])
        }
        FoundCache::Lacking(why) => {
            plan.risks.push(format!("cache {} is not emptied: {why}", cache.identity));
            plan.guidance.push(format!("{held}; {why}. Empty it by hand once clients are moved."));
        }
    }
}

/// The input of `recovery` that plans an empty cache beside the one that holds what is gone.
fn rebuild(plan: &Plan, cache: &FilledCache) -> String {
    let input = RecoveryInput {
        resource: cache.identity.clone(),
        scenario: Some(Scenario::Corruption),
        restore_to: plan.restore_point,
        cut_over: Some(true),
        option: Some(Remedy::RebuildCold),
        run: Run::Plan,
        plan: None,
    };
    format!(
        "Cache {} holds what is gone from the database: once clients are moved, plan an empty one in its place by starting recovery with {}",
        cache.identity,
        input.paste()
    )
}
