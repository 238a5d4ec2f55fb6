//! What RDS announces of its own healing, told by the ids of its events.

use super::EventId;
use crate::incident::{Incident, Signal};

/// A failover of a Multi-AZ instance: begun, or complete.
const FAILOVER: &[u16] = &[13, 15, 49];

/// A Multi-AZ instance begins to leave its primary: by a failover, or by a partial or full recovery before one.
const BEGUN: &[u16] = &[13, 50, 52];

/// What AWS does by itself, with the events that announce it; a failover explains a restart, so it comes first.
const BY_ITSELF: &[(&str, &[u16])] =
    &[("a failover by AWS", FAILOVER), ("a recovery of its host by AWS", &[20, 21, 50, 51, 52, 53]), ("a restart", &[4, 6])];

fn says(signal: &Signal, ids: &[u16]) -> bool {
    EventId::parse(&signal.source).is_ok_and(|id| ids.contains(&id.0))
}

/// Whether a signal says that a failover of a Multi-AZ instance took place.
pub fn announces_failover(signal: &Signal) -> bool {
    says(signal, FAILOVER)
}

/// Whether a signal says that RDS began to move a Multi-AZ instance off its primary.
pub fn announces_failover_begun(signal: &Signal) -> bool {
    says(signal, BEGUN)
}

/// What AWS did by itself, and the first event that said so.
pub fn by_itself(incident: &Incident) -> Option<(&'static str, &Signal)> {
    BY_ITSELF.iter().find_map(|(what, ids)| incident.signals.iter().find(|signal| says(signal, ids)).map(|signal| (*what, signal)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, incident};
    use crate::words::Plane;

    fn told(sources: &[&str]) -> Incident {
        let signal = |source: &&str| Signal { at: at(0), plane: Plane::ControlPlane, source: (*source).to_owned(), text: String::new() };
        Incident { signals: sources.iter().map(signal).collect(), ..incident() }
    }

    #[test]
    fn a_failover_explains_the_restart_that_comes_with_it() {
        let seen = told(&["RDS-EVENT-0004", "RDS-EVENT-0006", "RDS-EVENT-0049"]);
        assert_eq!(by_itself(&seen).map(|(what, signal)| (what, signal.source.as_str())), Some(("a failover by AWS", "RDS-EVENT-0049")));
        assert_eq!(by_itself(&told(&["RDS-EVENT-0006"])).map(|(what, _)| what), Some("a restart"));
        assert!(by_itself(&told(&["sweep", "RDS-EVENT-0031"])).is_none());
    }
}
