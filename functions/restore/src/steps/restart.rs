//! After the verified move: consumers are made to look again. What fails here is told, and undoes nothing.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::steps::cut_over::mark_verified;
use crate::{Case, Databases, Deps, Nothing, Secrets};
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::{DrError, ErrorName};

/// Tells every consumer of the plan, however it went with the one before; what may succeed later is tried again by the workflow.
pub(crate) async fn restart<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    mark_verified(deps, &recovery).await?;
    let calls: Vec<_> = recovery.plan.calls_of(Phase::Close).map(|(index, call)| (index, call.clone())).collect();
    let mut again = None;
    for (index, call) in calls.into_iter().filter(|(_, call)| call.act.is_restart()) {
        let why = match make(deps, &mut recovery, index, &call, None).await {
            Ok(Made::Done(_)) => continue,
            Ok(Made::NotYet(reason)) => DrError::conflict(reason),
            Err(error) => error,
        };
        let text = format!("{} was not made: {why}; the cut-over stands all the same", call.act.describe());
        recovery.tell(&deps.ledger, Phase::Close, text).await?;
        if matches!(why.name(), ErrorName::TransientFailure | ErrorName::Conflict) {
            again = Some(why);
        }
    }
    again.map_or(Ok(Nothing {}), Err)
}
