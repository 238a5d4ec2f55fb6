//! What a step works on, read anew each time: the incident, its plan, its policy, and the lease renewed.

use crate::targets::names;
use crate::{Case, Deps};
use lifeboat_domain::acting::{Names, Place};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, IncidentState, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::Plan;
use lifeboat_domain::policy::Policy;
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases};
use lifeboat_domain::{DrError, Span, Timestamp};

/// An incident being recovered by the execution that holds its lease.
pub(crate) struct Recovery<'a> {
    pub(crate) incident: Incident,
    pub(crate) plan: Plan,
    pub(crate) policy: &'a Policy,
    pub(crate) execution: &'a str,
    pub(crate) now: Timestamp,
    /// The swap of names that may be under way.
    pub(crate) swap: Option<Names>,
}

impl<'a> Recovery<'a> {
    /// Reads it, and renews the lease: a step of an execution that lost it ends here.
    pub(crate) async fn read<R: ReadDatabases, L: Ledger, D, S, E, C: Clock>(
        deps: &'a Deps<R, L, D, S, E, C>,
        case: &'a Case,
    ) -> Result<Self, DrError> {
        let now = deps.clock.now();
        let incident = ledger::incident(&deps.ledger, &case.incident).await?;
        if incident.state != IncidentState::Open {
            return Err(DrError::refused(format!("incident {} is {}: nothing may act on it", incident.id, incident.state)));
        }
        let policy = deps.policies.policy(&incident.policy)?;
        let hash =
            incident.plan.as_ref().ok_or_else(|| DrError::unrecoverable(format!("incident {} has no plan to act on", incident.id)))?;
        let plan = ledger::expect::<Plan>(&deps.ledger, &keys::plan(&incident.id, hash)).await?.value;
        lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, &case.execution, now, policy.timing.lease).await?;
        let (incident, swap) = names::follow(&deps.databases, &deps.ledger, incident).await?;
        Ok(Self { incident, plan, policy, execution: &case.execution, now, swap })
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place { resource: &self.incident.resource, incident: &self.incident.id, plan: &self.plan.hash }
    }

    /// What clients are moved to, by the name that it has now.
    pub(crate) fn target(&self) -> Option<DatabaseId> {
        match (&self.swap, &self.incident.restored) {
            (Some(_), Some(restored)) => Some(restored.id.clone()),
            _ => self.plan.target.clone(),
        }
    }

    /// Changes the incident in the ledger and here.
    pub(crate) async fn change<F>(&mut self, ledger: &impl Ledger, change: F) -> Result<(), DrError>
    where
        F: FnMut(&mut Incident) -> Result<(), DrError>,
    {
        self.incident = ledger::update(ledger, &keys::incident(&self.incident.id), change).await?;
        Ok(())
    }

    /// From now on it waits for something else.
    pub(crate) async fn begin_waiting(&mut self, ledger: &impl Ledger) -> Result<(), DrError> {
        let now = self.now;
        self.change(ledger, |incident| {
            incident.waiting_since = Some(now);
            Ok(())
        })
        .await
    }

    /// Adds a line to the timeline.
    pub(crate) async fn tell(&self, ledger: &impl Ledger, phase: Phase, text: impl Into<String>) -> Result<(), DrError> {
        ledger::tell(ledger, &self.incident.id, self.now, phase, text).await
    }

    /// How long the current wait has lasted, and whether that is too long.
    pub(crate) fn waited(&self) -> (Span, bool) {
        let since = self.incident.waiting_since.unwrap_or(self.now);
        let waited = Span::between(since, self.now);
        let measured = self.plan.forecast().and_then(|forecast| forecast.rto);
        (waited, waited >= self.policy.timing.give_up_after(measured))
    }
}
