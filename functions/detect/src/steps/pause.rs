//! `pause`: a person's orders about what Lifeboat may start by itself.

use crate::incidents::tell_people;
use crate::{Deps, PauseInput, resources};
use lifeboat_domain::DrError;
use lifeboat_domain::ids::{Arn, Identity};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::pause::{LONGEST, Pause};
use lifeboat_domain::policy::nearest;
use lifeboat_domain::ports::{Clock, Ledger, ReadExecutions};
use lifeboat_domain::proof::prove;
use lifeboat_domain::register::{FleetMember, ResourceRecord};
use lifeboat_domain::words::{Timestamp, parse_time, show_time};
use serde::{Deserialize, Serialize};

/// What is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// Start nothing by itself until a moment.
    Pause,
    /// The pause is over.
    Resume,
    /// The last recovery was looked at: its cool-down is over.
    Acknowledge,
}

/// What a person writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    resource: String,
    action: Action,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    claimed_by: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PauseAnswer {
    reason: String,
}

/// Everything.
const ALL: &str = "*";

/// Carries the order out; repeated, it changes nothing more.
pub(crate) async fn pause<R, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &PauseInput,
) -> Result<PauseAnswer, DrError> {
    let order: Order = lifeboat_lambda::decode(input.request.clone())?;
    let pause = check(&order, input)?;
    prove(&deps.executions, &input.execution, "pause", &input.request).await?;
    let record = match order.resource.as_str() {
        ALL => None,
        name => Some(find(deps, name).await?),
    };
    let resource = record.as_ref().map(|record| &record.resource);
    let what = resource.map_or_else(|| "everything".to_owned(), ToString::to_string);
    let name = resource.map_or_else(|| ALL.to_owned(), ToString::to_string);
    let until = pause.as_ref().map_or_else(String::new, |pause| format!(" until {}", show_time(pause.until)));
    let who = order.claimed_by.as_deref().unwrap_or("somebody");
    let reason = match (pause, order.action) {
        (Some(pause), _) => {
            let reason = format!(
                "Lifeboat starts nothing by itself for {what} until {}, ordered by {who}: {}; to end it earlier, start `pause` with {{\"resource\": \"{name}\", \"action\": \"resume\"}}",
                show_time(pause.until),
                pause.reason
            );
            ledger::write(&deps.ledger, &keys::pause(resource), &pause).await?;
            reason
        }
        (None, Action::Acknowledge) => {
            let Some(record) = record else {
                return Err(DrError::invalid("resource", "\"*\"", "one resource, as a cool-down is of one"));
            };
            acknowledge(deps, &record).await?
        }
        (None, Action::Pause | Action::Resume) => {
            lift(deps, resource, input.started_at).await?;
            format!("{what} is not paused any more ({who})")
        }
    };
    tell_people(deps, input.started_at, None, &format!("{what}: {}{until}", named(order.action)), format!("{reason}.")).await?;
    Ok(PauseAnswer { reason })
}

const fn named(action: Action) -> &'static str {
    match action {
        Action::Pause => "paused",
        Action::Resume => "not paused any more",
        Action::Acknowledge => "last recovery acknowledged",
    }
}

/// Checks what can be checked before anything is read; answers the pause, if one is ordered.
fn check(order: &Order, input: &PauseInput) -> Result<Option<Pause>, DrError> {
    if order.action != Action::Pause {
        let needless = order.until.as_ref().map(|_| "until").or(order.reason.as_ref().map(|_| "reason"));
        return needless.map_or(Ok(None), |field| Err(DrError::invalid(field, "a value", "only together with \"action\": \"pause\"")));
    }
    let accepted = "a moment within the next 31 days with its zone, such as 2026-01-15T18:00:00Z";
    let text = order.until.as_deref().ok_or_else(|| DrError::missing("until", accepted))?;
    let until = parse_time("until", text)?;
    if until <= input.started_at || until > input.started_at + LONGEST.as_delta() {
        return Err(DrError::invalid("until", show_time(until), accepted));
    }
    let reason = order.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| DrError::missing("reason", "why, for whoever meets the refusal at 3 a.m."))?;
    Ok(Some(Pause {
        until,
        reason: reason.to_owned(),
        claimed_by: order.claimed_by.clone(),
        ordered_by: input.execution.clone(),
        ordered_at: input.started_at,
    }))
}

/// A resource that the ledger knows, alive or not.
async fn find<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, name: &str) -> Result<ResourceRecord, DrError> {
    let plain = Arn::parse(name).map_or_else(|_| name.to_owned(), |arn| arn.name().to_owned());
    if let Ok(identity) = Identity::parse(plain)
        && let Some(record) = resources::record(&deps.ledger, &identity).await?
    {
        return Ok(record);
    }
    let fleet = ledger::list::<FleetMember>(&deps.ledger, "fleet", "").await?;
    let known: Vec<&str> = fleet.iter().map(|member| member.value.resource.as_str()).collect();
    let hint = nearest(name, &known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    Err(DrError::not_found(format!("resource: {name:?} is not known{hint} Known are: {}, and \"*\" for everything", known.join(", "))))
}

/// The pause ends now; there may be none.
async fn lift<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, resource: Option<&Identity>, at: Timestamp) -> Result<(), DrError> {
    let key = keys::pause(resource);
    if ledger::read::<Pause>(&deps.ledger, &key).await?.is_none() {
        return Ok(());
    }
    ledger::update::<Pause, _>(&deps.ledger, &key, |pause| {
        pause.until = pause.until.min(at);
        Ok(())
    })
    .await
    .map(|_| ())
}

async fn acknowledge<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, record: &ResourceRecord) -> Result<String, DrError> {
    let resource = &record.resource;
    let Some(last) = record.last_recovery else {
        return Ok(format!("{resource} was never recovered: there is no cool-down to end"));
    };
    ledger::update::<ResourceRecord, _>(&deps.ledger, &keys::record(resource), |record| {
        record.acknowledged = Some(last);
        Ok(())
    })
    .await?;
    Ok(format!("the recovery of {resource} that ended at {} was looked at: its cool-down is over", show_time(last)))
}
