//! Opening the fence again: clients get the source back.

use crate::targets::names;
use crate::{Databases, Deps, observe};
use lifeboat_domain::acting::{CutOver, Fence, FenceState};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallError, DrError, Span, Timestamp};

/// How long a resource policy may not be shown after it was put (`GetResourcePolicy` is eventually consistent).
const POLICY_SHOWS_WITHIN: Span = Span::seconds(30);

pub(crate) async fn open_again<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    fence: &Fence,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    let source = &incident.source.id;
    let cut_over = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.map(|kept| kept.value);
    let found = observe::source(&deps.databases, incident, cut_over.as_ref().and_then(CutOver::names)).await?;
    let is_gone = names::is_gone(&deps.ledger, incident, &incident.source.resource_id, found.is_some(), now).await?;
    let text = match found {
        // What a table's policy says is shown some time later: what is not there yet cannot be taken away.
        Some(found) if source.kind() == ResourceKind::DynamodbTable && !is_shown(&found, fence) && is_fresh(fence, now) => {
            return Ok(Some(format!("{source} was fenced a moment ago, and its policy may not show it yet")));
        }
        // Describe may not show a swap that was accepted a moment ago: the groups are set whatever it shows.
        Some(found) => {
            let opening = |error: CallError| error.while_doing(format!("opening the fence around {source} again"));
            deps.databases.set_security_groups(&found.id, &fence.groups_before).await.map_err(opening)?;
            format!("opened again: {source} has its groups {} back", fence.groups_before.join(", "))
        }
        None if is_gone => format!("{source} does not exist any more: there is nothing to open again"),
        None => {
            return Err(DrError::conflict(format!("{source} is not to be seen: its fence stays until it is, as it may be being renamed")));
        }
    };
    ledger::write(&deps.ledger, &keys::fence(&incident.id), &Fence { state: FenceState::Opened, at: now, ..fence.clone() }).await?;
    ledger::tell(&deps.ledger, &incident.id, now, Phase::Fence, text).await?;
    Ok(None)
}

fn is_shown(found: &ObservedDatabase, fence: &Fence) -> bool {
    fence.group.as_deref().is_some_and(|group| found.is_moving_to(group))
}

fn is_fresh(fence: &Fence, now: Timestamp) -> bool {
    Span::between(fence.at, now) < POLICY_SHOWS_WITHIN
}
