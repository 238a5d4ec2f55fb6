//! What RDS announced of its own healing, told by the ids of its events.

use lifeboat_domain::events::EventId;
use lifeboat_domain::incident::{Incident, Signal};

/// A failover of a Multi-AZ instance has begun.
pub(crate) const FAILOVER_BEGAN: EventId = EventId(13);

/// What AWS does by itself, with the events that announce it; a failover explains a restart, so it comes first.
const BY_ITSELF: &[(&str, &[u16])] = &[
    ("a failover by AWS", &[13, 15, 49]),
    ("a recovery of its host by AWS", &[20, 21, 50, 51, 52, 53]),
    ("a restart", &[4, 6]),
];

/// What AWS did by itself, and the first event that said so.
pub(crate) fn by_itself(incident: &Incident) -> Option<(&'static str, &Signal)> {
    let says = |signal: &Signal, ids: &[u16]| EventId::parse(&signal.source).is_ok_and(|id| ids.contains(&id.0));
    BY_ITSELF.iter().find_map(|(what, ids)| incident.signals.iter().find(|signal| says(signal, ids)).map(|signal| (*what, signal)))
}
