//! `ask_copy`: asks a restored copy whether the data was good at its moment.

use super::checks::login::try_logins;
use crate::budget::Budget;
use crate::sql::predicate;
use crate::{AskInput, Deps, open};
use lifeboat_domain::bisection::{self, Answered, Bisection, LONGEST_ASK, Reply};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets};
use lifeboat_domain::{DrError, show_time};
use serde::Serialize;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Asked {
    reply: Reply,
}

/// Asks, and writes the answer down. What cannot be asked is noted: `restore` decides whether it is asked again. Repeated, the first
/// answer stays.
pub(crate) async fn ask_copy<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: &AskInput) -> Result<Asked, DrError>
where
    L: Ledger,
    S: ReadSecrets + ReadSecretVersions,
    O: OpenDatabases,
    C: Clock,
{
    let budget = Budget::start();
    let found = bisection::expect(&deps.ledger, &input.plan, &input.execution).await?;
    let policy = deps.policies.policy(&found.plan.policy)?;
    // Nobody may release the copy while it is being asked, nor before the next look at the search.
    let until = deps.clock.now() + (LONGEST_ASK.as_delta() + policy.timing.lease.as_delta() + policy.timing.poll.as_delta());
    let bisection = ledger::update::<Bisection, _>(&deps.ledger, &keys::bisection(&input.plan), |bisection| {
        bisection.hold(until);
        Ok(())
    })
    .await?;
    let Some(copy) = bisection.current().filter(|copy| copy.ready_at.is_some() && bisection.ended.is_none()) else {
        let said = bisection.copies.last().and_then(|copy| copy.answer.as_ref()).map_or(Reply::Unknown, |answer| answer.reply);
        return Ok(Asked { reply: said });
    };
    let limits = open::limits(policy);
    let target = copy.target(&bisection.plan);
    let login = try_logins(deps, &target, limits, Some(copy.moment)).await?;
    let (reply, text) = match &login.works {
        Some(credentials) => {
            let asked = predicate::ask(&deps.databases, &target, credentials, limits, &bisection.plan.predicate);
            budget.spend(asked).await.unwrap_or_else(|why| (Reply::Unknown, why))
        }
        None => (Reply::Unknown, format!("no login works: {}", login.why_not())),
    };
    tracing::info!(execution = input.execution, copy = %copy.instance, moment = show_time(copy.moment), %reply, "{text}");
    let (instance, at) = (copy.instance.clone(), deps.clock.now());
    let kept = ledger::update::<Bisection, _>(&deps.ledger, &keys::bisection(&input.plan), |bisection| {
        let asked = bisection.copies.iter_mut().find(|copy| copy.instance == instance && copy.answer.is_none());
        match asked {
            Some(copy) if reply == Reply::Unknown => copy.trouble = Some(text.clone()),
            Some(copy) => copy.answer = Some(Answered { reply, at, text: text.clone() }),
            None => {}
        }
        Ok(())
    })
    .await?;
    let said = kept.copies.iter().find(|copy| copy.instance == instance).and_then(|copy| copy.answer.as_ref());
    Ok(Asked { reply: said.map_or(Reply::Unknown, |answer| answer.reply) })
}
