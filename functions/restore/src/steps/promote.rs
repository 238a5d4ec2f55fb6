//! Promoting a read replica, behind a proven fence only, or what follows another Region, which nobody here can fence: asked for at most
//! once, then watched.

use crate::case::Recovery;
use crate::executor::{Made, make};
use crate::observe::instance;
use crate::steps::fence::expect_fenced;
use crate::steps::restore::give_up_or;
use crate::steps::take_over;
use crate::{Case, Databases, Deps, Look, Secrets};
use lifeboat_domain::acting::{CallRecord, CallState};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, Phase, Restored, Setback};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::plan::{Act, PlannedCall};
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::Progress;
use lifeboat_domain::{DrError, Span};

/// The planned promotion.
struct Promotion {
    index: usize,
    call: PlannedCall,
    replica: DatabaseId,
    resource_id: String,
    /// Whom it follows as long as it is a replica.
    follows: String,
}

impl Promotion {
    fn of(recovery: &Recovery<'_>) -> Result<Self, DrError> {
        let found = recovery.plan.calls_of(Phase::Act).find_map(|(index, call)| match &call.act {
            Act::PromoteReplica { instance, resource_id, .. } => {
                let follows = recovery.incident.source.id.to_string();
                Some(Self { index, call: call.clone(), replica: instance.clone(), resource_id: resource_id.clone(), follows })
            }
            Act::TakeOver { instance, resource_id, follows, .. } => Some(Self {
                index,
                call: call.clone(),
                replica: instance.clone(),
                resource_id: resource_id.clone(),
                follows: follows.clone(),
            }),
            _ => None,
        });
        found.ok_or_else(|| DrError::unrecoverable("the plan has no promotion"))
    }

    /// Whether it takes over from another Region: its source cannot be fenced, and is not asked.
    const fn takes_over(&self) -> bool {
        matches!(self.call.act, Act::TakeOver { .. })
    }

    async fn record<R, L: Ledger, D, S, E, C>(
        &self,
        deps: &Deps<R, L, D, S, E, C>,
        recovery: &Recovery<'_>,
    ) -> Result<Option<CallRecord>, DrError> {
        let key = keys::call(&recovery.incident.id, &recovery.plan.hash, self.index);
        Ok(ledger::read::<CallRecord>(&deps.ledger, &key).await?.map(|kept| kept.value))
    }

    /// Describes the replica; another instance under its name is never touched. Once names are being swapped it may have another one.
    async fn look<R: Databases, L, D, S, E, C>(
        &self,
        deps: &Deps<R, L, D, S, E, C>,
        recovery: &Recovery<'_>,
    ) -> Result<ObservedDatabase, DrError> {
        let id = &recovery.swap.as_ref().and(recovery.target()).unwrap_or_else(|| self.replica.clone());
        let found = instance(&deps.databases, id).await?.ok_or_else(|| DrError::not_found(format!("the replica {id} does not exist")))?;
        if found.resource_id != self.resource_id {
            let text = format!("{id} is another one now ({}, and the plan is about {})", found.resource_id, self.resource_id);
            return Err(DrError::refused(format!("{text}: it is not promoted")));
        }
        Ok(found)
    }
}

/// Asks for the promotion. An intent that stands is never sent again.
pub(crate) async fn promote<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    if take_over::is_writable_already(&recovery.plan) {
        return take_over::stand(deps, &mut recovery).await;
    }
    let promotion = Promotion::of(&recovery)?;
    advance(deps, &mut recovery, &promotion).await
}

/// Looks whether it took place; sends only what was never sent, or was refused as the replica was busy.
pub(crate) async fn check<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Look, DrError> {
    let mut recovery = Recovery::read(deps, case).await?;
    if take_over::is_writable_already(&recovery.plan) {
        return take_over::stand(deps, &mut recovery).await;
    }
    let promotion = Promotion::of(&recovery)?;
    let asked = advance(deps, &mut recovery, &promotion).await?;
    if asked.progress != Progress::InProgress {
        return Ok(asked);
    }
    let found = promotion.look(deps, &recovery).await?;
    let id = &promotion.replica;
    let poll = recovery.policy.timing.poll;
    let record = promotion.record(deps, &recovery).await?;
    let (waited, expired) = recovery.waited();
    match found.status.meaning() {
        StatusMeaning::Terminal | StatusMeaning::FailedCreation => {
            let text = format!("{id} ended in status {} when it was promoted", found.status);
            give_up(deps, &mut recovery, &promotion, &text).await?;
            return Ok(Look::new(Progress::Failed, poll, text));
        }
        StatusMeaning::Serving | StatusMeaning::ServingBusy if found.replica_of.is_none() && found.endpoint.is_some() => {
            arrived(deps, &mut recovery, &found).await?;
            return Ok(Look::new(Progress::Done, poll, format!("{id} is {} and no replica any more", found.status)));
        }
        _ => {}
    }
    let is_unknown = record.as_ref().is_some_and(|record| record.state == CallState::Sent);
    let since_sent = record.map_or(Span::seconds(0), |record| Span::between(record.sent_at, recovery.now));
    if is_unknown && found.status.is_serving() && since_sent >= recovery.policy.timing.failover_grace {
        let text = format!(
            "whether the promotion of {id} took place cannot be told: the reply was lost, and {} shows it as a replica still, {since_sent} later; it is not asked for twice",
            id.kind().service()
        );
        give_up(deps, &mut recovery, &promotion, &text).await?;
        return Ok(Look::new(Progress::Expired, poll, text));
    }
    let reason = format!("{id} has been {} for {waited}; {}", found.status, asked.reason);
    Ok(give_up_or(expired, Look::new(Progress::InProgress, poll, reason)))
}

/// Why this promotion is not tried again in this incident.
fn given_up(recovery: &Recovery<'_>, promotion: &Promotion) -> Option<String> {
    recovery.incident.setbacks.iter().find_map(|setback| match setback {
        Setback::PromotionFailed { target, text } if *target == promotion.replica => Some(text.clone()),
        _ => None,
    })
}

/// Makes the call, where it may be made.
async fn advance<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    promotion: &Promotion,
) -> Result<Look, DrError> {
    let poll = recovery.policy.timing.poll;
    let before = promotion.record(deps, recovery).await?;
    if let Some(text) = given_up(recovery, promotion) {
        let is_unknown = before.is_some_and(|record| record.state == CallState::Sent);
        return Ok(Look::new(if is_unknown { Progress::Expired } else { Progress::Failed }, poll, text));
    }
    let is_to_be_sent = before.as_ref().is_none_or(|record| record.state == CallState::Refused);
    if is_to_be_sent {
        if !promotion.takes_over() {
            expect_fenced(deps, recovery, "nothing is promoted").await?;
        }
        let found = promotion.look(deps, recovery).await?;
        if found.replica_of.as_ref() != Some(&promotion.follows) {
            let text = format!("{} does not follow {} any more: somebody is at work there", found.id, promotion.follows);
            give_up(deps, recovery, promotion, &text).await?;
            return Ok(Look::new(Progress::Failed, poll, text));
        }
        note_intent(deps, recovery, promotion).await?;
    }
    let made = make(deps, recovery, promotion.index, &promotion.call, None).await;
    let is_refused = promotion.record(deps, recovery).await?.is_some_and(|record| record.state == CallState::Refused);
    match made {
        Ok(Made::Done(record)) => Ok(Look::new(Progress::InProgress, poll, record.text)),
        // Busy, with its backup for example: asked for again, for a while.
        Ok(Made::NotYet(reason)) if is_refused && recovery.waited().0 >= recovery.policy.timing.failover_grace => {
            let text = format!("the promotion of {} was refused: {reason}", promotion.replica);
            give_up(deps, recovery, promotion, &text).await?;
            Ok(Look::new(Progress::Failed, poll, text))
        }
        Ok(Made::NotYet(reason)) => Ok(Look::new(Progress::InProgress, poll, reason)),
        Err(error) if is_refused && !error.name().is_retryable() => {
            let text = format!("the promotion of {} was refused: {error}", promotion.replica);
            give_up(deps, recovery, promotion, &text).await?;
            Ok(Look::new(Progress::Failed, poll, text))
        }
        Err(error) => Err(error),
    }
}

/// Written down first: whatever becomes of this step and its plan, this incident plans no other promotion of this replica.
async fn note_intent<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    promotion: &Promotion,
) -> Result<(), DrError> {
    let setback = Setback::PromotionSent { target: promotion.replica.clone() };
    let arn = recovery.incident.source.arn.sibling(&promotion.replica)?;
    let now = recovery.now;
    recovery
        .change(&deps.ledger, |incident| {
            if !incident.setbacks.contains(&setback) {
                incident.setbacks.push(setback.clone());
                incident.waiting_since = Some(now);
            }
            if incident.restored.as_ref().is_none_or(|restored| restored.id != promotion.replica) {
                incident.restored = Some(Restored { id: promotion.replica.clone(), arn: arn.clone(), endpoint: None, resource_id: None });
            }
            Ok(())
        })
        .await
}

/// No promotion of this replica is tried again in this incident. One that was certainly refused leaves it a replica.
async fn give_up<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    promotion: &Promotion,
    text: &str,
) -> Result<(), DrError> {
    let was_sent = promotion.record(deps, recovery).await?.is_some_and(|record| record.state != CallState::Refused);
    let target = promotion.replica.clone();
    let failed = Setback::PromotionFailed { target: target.clone(), text: text.to_owned() };
    let change = |incident: &mut Incident| {
        incident.setbacks.retain(|setback| !matches!(setback, Setback::PromotionSent { target: sent } if *sent == target));
        if !incident.setbacks.contains(&failed) {
            incident.setbacks.push(failed.clone());
        }
        if !was_sent && incident.restored.as_ref().is_some_and(|restored| restored.id == target) {
            incident.restored = None;
        }
        Ok(())
    };
    recovery.change(&deps.ledger, change).await?;
    recovery.tell(&deps.ledger, Phase::Act, text).await
}

/// It is a database of its own: from here on it is treated as a restored copy is.
async fn arrived<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &mut Recovery<'_>,
    found: &ObservedDatabase,
) -> Result<(), DrError> {
    let now = recovery.now;
    let first = recovery.incident.restored.as_ref().is_none_or(|restored| restored.endpoint.is_none());
    recovery
        .change(&deps.ledger, |incident| {
            if let Some(restored) = &mut incident.restored {
                if restored.endpoint.is_none() {
                    incident.waiting_since = Some(now);
                }
                restored.endpoint.clone_from(&found.endpoint);
            }
            Ok(())
        })
        .await?;
    if first {
        recovery.tell(&deps.ledger, Phase::Act, format!("{} is {} and no replica any more", found.id, found.status)).await?;
    }
    Ok(())
}
