//! `warm_up`: reads what clients will need of a lazily loaded copy, before they come, as long as the plan allows:
//! who approved it has approved this wait, whatever the policy says by now.
//!
//! It never fails a recovery. Its document in the ledger holds when it began and how far it is, so that a step that runs twice, or
//! whose reply is lost, goes on where the last one stopped; reading a page twice does no harm.

use super::checks::login;
use crate::budget::Budget;
use crate::{Case, Deps, open};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, Kept, keys};
use lifeboat_domain::plan::Plan;
use lifeboat_domain::policy::{Policy, WarmUpRule};
use lifeboat_domain::ports::{Clock, Credentials, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets, Target, VisitLimits, Written};
use lifeboat_domain::warm_up::{WarmUp, WarmUpEnd};
use lifeboat_domain::words::Progress;
use lifeboat_domain::{DrError, Span, Timestamp};
use serde::Serialize;

/// The longest visit; a last statement may take as long again.
const LONGEST_VISIT: Span = Span::seconds(60);
/// Visits in a row in which nothing could be read: then clients are not kept waiting any longer.
const MOST_TROUBLES: u32 = 5;

/// What the step answers.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Warming {
    progress: Progress,
    wait_seconds: u64,
    reason: String,
}

impl Warming {
    fn new(progress: Progress, wait: Span, reason: impl Into<String>) -> Self {
        Self { progress, wait_seconds: wait.as_secs().max(1), reason: reason.into() }
    }
}

/// One visit: as much as its time allows.
pub(crate) async fn warm_up<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Warming, DrError>
where
    L: Ledger,
    S: ReadSecrets + ReadSecretVersions,
    O: OpenDatabases,
    C: Clock,
{
    open::keep_lease(deps, case).await?;
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let policy = deps.policies.policy(&incident.policy)?;
    let plan = open::plan(&deps.ledger, &incident).await?;
    let Some(rule) = plan.as_ref().and_then(|plan| plan.warm_up.as_ref()) else {
        return Ok(Warming::new(Progress::Done, policy.timing.poll, "the plan asks for no warm-up"));
    };
    let visit = Visit { deps, case, incident: &incident, policy, rule, plan: plan.as_ref(), target: open::restored(&incident)? };
    visit.go_on().await
}

struct Visit<'a, L, D, S, O, C> {
    deps: &'a Deps<L, D, S, O, C>,
    case: &'a Case,
    incident: &'a Incident,
    policy: &'a Policy,
    rule: &'a WarmUpRule,
    plan: Option<&'a Plan>,
    target: Target,
}

impl<L: Ledger, D, S: ReadSecrets + ReadSecretVersions, O: OpenDatabases, C: Clock> Visit<'_, L, D, S, O, C> {
    async fn go_on(&self) -> Result<Warming, DrError> {
        let now = self.deps.clock.now();
        let Kept { version, value: before } = self.begun(now).await?;
        if let Some((end, at)) = before.ended {
            return self.end(end, at, &before).await;
        }
        let mut warm_up = before.clone();
        match warm_up.left(self.rule.at_most, now) {
            None => warm_up.ended = Some((WarmUpEnd::TimeOver, now)),
            Some(left) => self.read(&mut warm_up, &before, left).await?,
        }
        self.keep(version, &warm_up).await
    }

    /// The document, which is there before anything is read.
    async fn begun(&self, now: Timestamp) -> Result<Kept<WarmUp>, DrError> {
        let key = keys::warm_up(&self.incident.id);
        let begins = WarmUp::begin(self.target.instance.clone(), now);
        match ledger::read::<WarmUp>(&self.deps.ledger, &key).await? {
            // What is known of another copy says nothing of this one.
            Some(kept) if kept.value.target != begins.target => {
                ledger::replace(&self.deps.ledger, &key, kept.version, &begins).await?;
            }
            Some(_) => {}
            None => {
                ledger::create(&self.deps.ledger, &key, &begins).await?;
            }
        }
        let kept = ledger::expect::<WarmUp>(&self.deps.ledger, &key).await?;
        if kept.value.list.is_none() {
            let text = format!("the warm-up of {} begins; clients wait for it for {} at most", begins.target, self.rule.at_most);
            ledger::tell(&self.deps.ledger, &self.incident.id, kept.value.began_at, Phase::WarmUp, text).await?;
        }
        Ok(kept)
    }

    /// How long one visit reads: the lease must outlast it with its last statement.
    fn span(&self, left: Span) -> Span {
        Span::seconds((self.policy.timing.lease.as_secs() / 3).max(1)).min(LONGEST_VISIT).min(left)
    }

    async fn read(&self, warm_up: &mut WarmUp, before: &WarmUp, left: Span) -> Result<(), DrError> {
        let span = self.span(left);
        let limits = open::limits(self.policy);
        let limits = VisitLimits { statement: limits.statement.min(span), ..limits };
        let restore_point = self.plan.and_then(|plan| plan.restore_point);
        let login = login::try_logins(self.deps, &self.target, limits, restore_point).await?;
        let trouble = match &login.works {
            Some(credentials) => self.read_as(credentials, warm_up, limits, span).await.err(),
            None => Some(format!("no login works ({})", login.why_not())),
        };
        let now = self.deps.clock.now();
        warm_up.trouble.clone_from(&trouble);
        let has_read = warm_up.list != before.list;
        warm_up.troubles = if trouble.is_some() && !has_read { warm_up.troubles + 1 } else { 0 };
        warm_up.ended = if let Some(end) = warm_up.all_done() {
            Some((end, now))
        } else if warm_up.left(self.rule.at_most, now).is_none() {
            Some((WarmUpEnd::TimeOver, now))
        } else {
            (warm_up.troubles >= MOST_TROUBLES).then_some((WarmUpEnd::GaveUp, now))
        };
        Ok(())
    }

    /// Lists what is not listed yet, and reads; why not, as a sentence.
    async fn read_as(&self, credentials: &Credentials, warm_up: &mut WarmUp, limits: VisitLimits, span: Span) -> Result<(), String> {
        let (databases, budget) = (&self.deps.databases, Budget::start());
        if warm_up.list.is_none() {
            let listing = databases.list_parts(&self.target, credentials, limits, self.rule);
            warm_up.list = Some(budget.spend(listing).await?.map_err(|error| error.to_string())?);
        }
        let Some(list) = &mut warm_up.list else { return Ok(()) };
        let reading = databases.read_parts(&self.target, credentials, limits, &mut list.parts, span);
        budget.spend(reading).await?.map_err(|error| error.to_string())
    }

    /// Writes down how far it is. Where another run of this step was quicker, its account stands.
    async fn keep(&self, version: u64, warm_up: &WarmUp) -> Result<Warming, DrError> {
        let key = keys::warm_up(&self.incident.id);
        if ledger::replace(&self.deps.ledger, &key, version, warm_up).await? == Written::No {
            return Ok(Warming::new(Progress::InProgress, Span::seconds(1), "another run of this step goes on with it"));
        }
        let Some((end, at)) = warm_up.ended else {
            let wait = if warm_up.trouble.is_some() { self.policy.timing.poll } else { Span::seconds(1) };
            let trouble = warm_up.trouble.as_ref().map_or_else(String::new, |trouble| format!("; {trouble}"));
            return Ok(Warming::new(Progress::InProgress, wait, format!("read so far: {}{trouble}", warm_up.how_much())));
        };
        self.end(end, at, warm_up).await
    }

    /// Tells how it ended, which is one line however often it is told.
    async fn end(&self, end: WarmUpEnd, at: Timestamp, warm_up: &WarmUp) -> Result<Warming, DrError> {
        let text = warm_up.sentence(Some(self.rule.at_most));
        tracing::info!(execution = self.case.execution, incident = %self.incident.id, end = %end, "{text}");
        ledger::tell(&self.deps.ledger, &self.incident.id, at, Phase::WarmUp, &text).await?;
        let progress = match end {
            WarmUpEnd::Complete | WarmUpEnd::Partial | WarmUpEnd::GaveUp => Progress::Done,
            WarmUpEnd::TimeOver => Progress::Expired,
        };
        Ok(Warming::new(progress, self.policy.timing.poll, text))
    }
}
