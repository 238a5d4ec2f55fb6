//! The standby of a promoted database, once its clients are served: its conversion takes minutes, and they do not wait for it.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::instance;
use crate::steps::restore::give_up_or;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::DrError;
use lifeboat_domain::plan::{Act, PlannedCall};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::Progress;

/// Asks for it as soon as RDS takes changes again (the first recovery point is being made); it is not waited for.
pub(crate) async fn add<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    let poll = recovery.policy.timing.poll;
    let (_, expired) = recovery.waited();
    let planned: Option<(usize, PlannedCall)> = recovery
        .plan
        .calls
        .iter()
        .enumerate()
        .find(|(_, call)| matches!(call.act, Act::MakeMultiAz { .. }))
        .map(|(index, call)| (index, call.clone()));
    let Some((index, call)) = planned else { return Ok(Look::new(Progress::Done, poll, "no standby is planned")) };
    let Act::MakeMultiAz { instance: id } = &call.act else { return Err(DrError::unrecoverable("the plan has no standby")) };
    let found = instance(&deps.databases, id).await?.ok_or_else(|| DrError::not_found(format!("{id} has vanished")))?;
    let has_it = found.configuration.multi_az || found.pending.iter().any(|name| name == "MultiAZ");
    if !has_it && !found.status.accepts_calls() {
        let look = Look::new(Progress::InProgress, poll, format!("{id} is {}", found.status));
        return Ok(give_up_or(expired, look));
    }
    Ok(match make(deps, &mut recovery, index, &call, None).await? {
        Made::Done(record) => Look::new(Progress::Done, poll, record.text),
        Made::NotYet(reason) => give_up_or(expired, Look::new(Progress::InProgress, poll, reason)),
    })
}
