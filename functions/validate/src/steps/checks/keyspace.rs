//! The check of a cache's keys against the fingerprint.

use lifeboat_domain::keyspace::Keyspace;
use lifeboat_domain::plan::{Plan, Remedy};
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::show_time;
use lifeboat_domain::validation::Check;
use lifeboat_domain::words::Grade;

const NAME: &str = "keyspace";

/// Whether the new cache holds what its source held; one that was to be empty holds nothing.
pub(crate) fn check(baseline: &Result<Option<Fingerprint>, String>, found: &Keyspace, plan: Option<&Plan>, was_opened: bool) -> Check {
    let keys = found.keys();
    if plan.is_some_and(|plan| plan.remedy == Some(Remedy::RebuildCold)) {
        return match keys {
            0 => Check::new(NAME, Grade::Pass, "it is empty, as the plan says"),
            _ if was_opened => Check::new(NAME, Grade::Pass, format!("it holds {keys} keys that clients wrote when it was open before")),
            _ => Check::new(NAME, Grade::Fail, format!("it holds {keys} keys, and was to be empty: somebody writes to it already")),
        };
    }
    if plan.is_some_and(|plan| plan.remedy == Some(Remedy::SwapBack)) {
        return Check::new(NAME, Grade::Pass, format!("it holds {keys} keys; nothing was restored: they are its own"));
    }
    match baseline {
        Err(error) => Check::new(NAME, Grade::Unknown, format!("could not run: {error}")),
        Ok(Some(Fingerprint { keyspace: Some(then), taken_at, .. })) => {
            let (grade, text) = then.compare(found);
            Check::new(NAME, grade, format!("against the fingerprint of {}: {text}", show_time(*taken_at)))
        }
        Ok(_) if plan.is_some_and(|plan| plan.remedy == Some(Remedy::TakeOver)) => {
            Check::new(NAME, Grade::Pass, format!("it holds {keys} keys; nothing was restored: they were replicated from the other Region"))
        }
        Ok(_) => {
            let text = "there is no fingerprint from before the restore point to compare with; the first backup makes one";
            Check::new(NAME, Grade::Warn, format!("it holds {keys} keys; {text}"))
        }
    }
}
