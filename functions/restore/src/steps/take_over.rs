//! What is otherwise where a member takes over from another Region: it stays where it is, and nothing is fenced. A table takes writes as
//! it is: that is looked at, and nothing is asked for.

use crate::case::Recovery;
use crate::observe::instance;
use crate::{Databases, Deps, Look};
use lifeboat_domain::DrError;
use lifeboat_domain::global_table::why_it_cannot_serve;
use lifeboat_domain::incident::{Incident, Phase, Restored};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{FencePlan, Plan, Remedy};
use lifeboat_domain::ports::Ledger;
use lifeboat_domain::words::Progress;

/// Whether clients came to a database that stays open whatever becomes of them: what took over is not closed on the way back, as no
/// other one serves in this Region.
pub(crate) async fn stays<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, incident: &Incident) -> Result<bool, DrError> {
    let Some(hash) = &incident.plan else { return Ok(false) };
    let plan = ledger::read::<Plan>(&deps.ledger, &keys::plan(&incident.id, hash)).await?;
    Ok(plan.is_some_and(|plan| plan.value.fence == Some(FencePlan::Elsewhere)))
}

/// Whether what takes over takes writes as it is.
pub(crate) fn is_writable_already(plan: &Plan) -> bool {
    plan.remedy == Some(Remedy::TakeOver) && plan.calls_of(Phase::Act).next().is_none()
}

/// Looks whether the table can serve alone, and notes it as what clients are led to. One that cannot any more is planned anew.
pub(crate) async fn stand<R: Databases, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
) -> Result<Look, DrError> {
    let (poll, source) = (recovery.policy.timing.poll, recovery.incident.source.clone());
    let id = &source.id;
    let found = instance(&deps.databases, id).await?.filter(|found| found.resource_id == source.resource_id);
    let why = match &found {
        Some(found) => why_it_cannot_serve(found),
        None => Some("does not exist in this Region any more, or is another table by now".to_owned()),
    };
    if let Some(why) = why {
        let text = format!("{id} {why}");
        if recovery.incident.restored.is_some() {
            let forget = |incident: &mut Incident| {
                incident.restored = None;
                Ok(())
            };
            recovery.change(&deps.ledger, forget).await?;
        }
        recovery.tell(&deps.ledger, Phase::Act, text.clone()).await?;
        return Ok(Look::new(Progress::Failed, poll, text));
    }
    let restored =
        Restored { id: id.clone(), arn: source.arn.clone(), endpoint: found.and_then(|found| found.endpoint), resource_id: None };
    let text = format!("{id} takes writes in {} as it is: nothing is promoted", source.arn.region());
    if recovery.incident.restored.as_ref() != Some(&restored) {
        let now = recovery.now;
        recovery
            .change(&deps.ledger, |incident| {
                incident.restored = Some(restored.clone());
                incident.waiting_since = Some(now);
                Ok(())
            })
            .await?;
        recovery.tell(&deps.ledger, Phase::Act, text.clone()).await?;
    }
    Ok(Look::new(Progress::Done, poll, text))
}
