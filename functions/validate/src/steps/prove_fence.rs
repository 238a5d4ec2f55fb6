//! `prove_fence`: tries a new login on the fenced source; it must fail, and not merely for the want of a password.

use crate::{Case, Deps, open};
use lifeboat_domain::acting::{Fence, FenceState};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::FencePlan;
use lifeboat_domain::ports::{Answer, Clock, Ledger, OpenDatabases, OtherSessions, ReadSecrets, Target};
use lifeboat_domain::probe::{Probe, ProbeOutcome};
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{CallClass, DrError};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Proven {
    proven: bool,
    reason: String,
}

/// Tries, and writes what it saw to the timeline.
pub(crate) async fn prove_fence<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Proven, DrError>
where
    L: Ledger,
    S: ReadSecrets,
    O: OpenDatabases,
    C: Clock,
{
    open::keep_lease(deps, case).await?;
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let policy = deps.policies.policy(&incident.policy)?;
    let fence = ledger::read::<Fence>(&deps.ledger, &keys::fence(&incident.id)).await?.map(|kept| kept.value);
    let target = open::source(&incident);
    let seen = open::probe_writes(deps, &target, open::limits(policy)).await;
    let (proven, why) = match incident.kind {
        ResourceKind::ReplicationGroup => of_cache(deps, &incident, &target, &seen).await?,
        _ => {
            let (proven, why) = judge(&seen, fence.as_ref(), target.endpoint.is_some());
            (proven, why.to_owned())
        }
    };
    let verdict = if proven { "the fence is proven" } else { "the fence is not proven" };
    let text = format!("{verdict}: {why} ({}: {})", target.instance, seen.text);
    tracing::info!(execution = case.execution, incident = %incident.id, proven, "{text}");
    if let Some(fence) = fence.filter(|fence| proven && fence.state == FenceState::SessionsEnded) {
        let proof = Fence { state: FenceState::Proven, at: deps.clock.now(), ..fence };
        ledger::write(&deps.ledger, &keys::fence(&incident.id), &proof).await?;
    }
    ledger::tell(&deps.ledger, &incident.id, deps.clock.now(), Phase::Fence, text.as_str()).await?;
    Ok(Proven { proven, reason: text })
}

/// A cache admits `validate` still, which ends the sessions of everybody else and asks who is left: new ones cannot come, as its group
/// admits no client. One that gives no answer proves nothing, unless a person has approved the plan that says so.
async fn of_cache<L, D, S, O, C>(
    deps: &Deps<L, D, S, O, C>,
    incident: &Incident,
    target: &Target,
    seen: &Probe,
) -> Result<(bool, String), DrError>
where
    L: Ledger,
    S: ReadSecrets,
    O: OpenDatabases,
{
    let limits = open::limits(deps.policies.policy(&incident.policy)?);
    let fence = open::plan(&deps.ledger, incident).await?.and_then(|plan| plan.fence);
    let said = |proven: bool, why: &str| Ok((proven, why.to_owned()));
    match (seen.outcome, fence) {
        (ProbeOutcome::Answers, _) | (ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer, Some(FencePlan::Unended)) => {
            let credentials = open::today(&deps.secrets, target).await?;
            let done = deps.databases.end_other_sessions(target, &credentials, limits).await;
            Ok(judge_sessions(done, seen.outcome != ProbeOutcome::Answers))
        }
        (ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer | ProbeOutcome::CouldNotRun, Some(FencePlan::Gone)) => {
            said(true, "the source is gone: nobody is connected to it")
        }
        (ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer, Some(FencePlan::Terminal)) => said(true, "it gives no answer, and never will"),
        (ProbeOutcome::CouldNotRun, Some(FencePlan::Terminal)) if target.endpoint.is_none() => {
            said(true, "it has no address, and never will")
        }
        (ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer, _) => {
            said(false, "it gives no answer, so that the sessions that stand cannot be ended")
        }
        _ => said(false, "it cannot be asked who is connected to it"),
    }
}

/// What became of the sessions of others. `may_be_silent`: the approved plan says that what gives no answer keeps them; one silent shard
/// makes the whole silent, and those of the shards that answer must be gone all the same.
fn judge_sessions(done: Answer<OtherSessions>, may_be_silent: bool) -> (bool, String) {
    match done {
        Ok(OtherSessions { ended, left: 0, silent: 0 }) => {
            (true, format!("its group admits validate alone, and {ended} sessions of others were ended: none of them stands"))
        }
        Ok(OtherSessions { ended, left: 0, silent }) => {
            let text = format!("{ended} sessions of others were ended, and {silent} of its shards give no answer: sessions there stand");
            (
                may_be_silent,
                if may_be_silent { format!("its group admits validate alone; {text}, which the approved plan names") } else { text },
            )
        }
        Ok(OtherSessions { ended, left, .. }) => (false, format!("{ended} sessions of others were ended, and {left} stand")),
        Err(error) if may_be_silent && error.class == CallClass::Unknown => {
            let text = "its group admits validate alone and it gives no answer; sessions that stand could not be ended, which the approved plan names";
            (true, text.to_owned())
        }
        Err(error) => (false, format!("the sessions of others could not be ended: {error}")),
    }
}

/// Silence proves a fence only where one was written down as closed: a hung server that was never fenced may wake up.
fn judge(seen: &Probe, fence: Option<&Fence>, has_endpoint: bool) -> (bool, &'static str) {
    let closed = fence.is_some_and(|fence| fence.state.admits_nobody());
    let nothing_to_close = fence.is_some_and(|fence| fence.group.is_none());
    match seen.outcome {
        ProbeOutcome::Unreachable => (true, "nothing accepts a new connection to the source"),
        ProbeOutcome::WriteDenied if closed => (true, "a write to the source is denied by its resource policy"),
        ProbeOutcome::WriteDenied => (false, "a write is denied by a policy of somebody else, and no closed fence is written down"),
        ProbeOutcome::NoAnswer if closed => (true, "a new connection to the source gets no answer, and its security group admits nobody"),
        ProbeOutcome::NoAnswer => (false, "the source gives no answer, but connections still reach it and no closed fence is written down"),
        ProbeOutcome::Answers => (false, "a new login on the source worked"),
        ProbeOutcome::LoginRefused | ProbeOutcome::TooManyConnections | ProbeOutcome::StartingUp => {
            (false, "the source turned the login down, so it lives and can be reached")
        }
        ProbeOutcome::CouldNotRun if !has_endpoint && closed && nothing_to_close => (true, "the source is gone and has no address"),
        ProbeOutcome::CouldNotRun => (false, "the login could not be tried, so nothing is known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::CallError;

    #[test]
    fn a_silent_shard_keeps_its_own_sessions_alone_and_only_where_the_plan_says_so() {
        let sessions = |left, silent| Ok(OtherSessions { ended: 2, left, silent });
        let answered = |class| Err(CallError::new(class, "redis:end_sessions", "code", "text"));
        for (done, may_be_silent, expected) in [
            (sessions(0, 0), false, true),
            (sessions(0, 0), true, true),
            (sessions(0, 1), false, false),
            (sessions(0, 1), true, true),
            (sessions(1, 1), true, false),
            (answered(CallClass::Unknown), true, true),
            (answered(CallClass::Unknown), false, false),
            (answered(CallClass::Denied), true, false),
        ] {
            let (proven, why) = judge_sessions(done.clone(), may_be_silent);
            assert_eq!(proven, expected, "{done:?} {may_be_silent}: {why}");
        }
    }
}
