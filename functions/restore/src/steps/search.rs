//! `make_copy`: the copies of a bisection, one after the other. Each is written down before it is asked for, and known by its name and
//! its mark afterwards.
//!
//! No lease is taken: a search changes nothing of its source, and a lease held for hours would keep a recovery waiting. It gives way
//! instead, and looks before each move whether somebody works on the resource.

use crate::observe::instance;
use crate::{CopyLook, Databases, Deps, SearchCase, Secrets};
use lifeboat_domain::bisection::{self, Answered, Bisection, Copied, MOST_ASKS, Move, Reply, Turn};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, IncidentState};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::policy::Policy;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::{ResourceKind, show_time};
use lifeboat_domain::{CallClass, CallError, DrError, Span, Timestamp};

/// One look at a search.
struct At<'a> {
    case: &'a SearchCase,
    policy: &'a Policy,
    now: Timestamp,
    /// Before the next look.
    wait: Span,
}

impl At<'_> {
    fn look(&self, turn: Turn, reason: impl Into<String>) -> CopyLook {
        CopyLook { turn, wait_seconds: self.wait.as_secs(), reason: reason.into() }
    }
}

/// Makes one move: begins a copy, watches it, hands it over to be asked, or ends the search.
pub(crate) async fn make_copy<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &SearchCase,
) -> Result<CopyLook, DrError> {
    let found = bisection::expect(&deps.ledger, &case.plan, &case.execution).await?;
    let (policy, now) = (deps.policies.policy(&found.plan.policy)?, deps.clock.now());
    let at = At { case, policy, now, wait: found.look_again_in(policy.timing.poll, now) };
    let until = now + (policy.timing.lease.as_delta() + at.wait.as_delta());
    let bisection = change(deps, &at, |bisection| {
        bisection.hold(until);
        Ok(())
    })
    .await?;
    if let Some(ended) = &bisection.ended {
        return Ok(at.look(Turn::Over, ended.why.clone()));
    }
    if let Some(why) = worked_on(deps, &bisection, at.now).await? {
        return end(deps, &at, why).await;
    }
    match bisection.current() {
        Some(copy) => watch(deps, &at, &bisection, copy).await,
        None => begin(deps, &at, &bisection).await,
    }
}

/// Changes the search, which this execution must have begun.
async fn change<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    change: impl FnMut(&mut Bisection) -> Result<(), DrError>,
) -> Result<Bisection, DrError> {
    ledger::update(&deps.ledger, &keys::bisection(&at.case.plan), change).await
}

async fn end<R, L: Ledger, D, S, E, C>(deps: &Deps<R, L, D, S, E, C>, at: &At<'_>, why: String) -> Result<CopyLook, DrError> {
    tracing::info!(execution = at.case.execution, plan = %at.case.plan, "the search is over: {why}");
    change(deps, at, |bisection| {
        bisection.end(at.now, why.clone());
        Ok(())
    })
    .await?;
    Ok(at.look(Turn::Over, why))
}

/// Who works on the resource: a recovery has the right of way, and its incident need not even have the lease yet.
async fn worked_on<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    bisection: &Bisection,
    now: Timestamp,
) -> Result<Option<String>, DrError> {
    let resource = &bisection.plan.resource;
    let record = lifeboat_domain::register::record(&deps.ledger, resource).await?;
    if let Some(open) = record.and_then(|record| record.open_incident) {
        let incident = ledger::read::<Incident>(&deps.ledger, &keys::incident(&open)).await?.map(|kept| kept.value);
        if incident.is_some_and(|incident| incident.state == IncidentState::Open) {
            return Ok(Some(format!("incident {open} of {resource} is being worked on and has the right of way")));
        }
    }
    let held = lifeboat_domain::lease::is_held(&deps.ledger, resource, now).await?;
    Ok(held.then(|| format!("{resource} is being changed, which has the right of way")))
}

/// Begins the next copy, if there is one to be made and it may be.
async fn begin<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    bisection: &Bisection,
) -> Result<CopyLook, DrError> {
    let (moment, class) = match bisection::next(bisection, at.now) {
        Move::Copy(moment, class) => (moment, class),
        Move::Over(why) => return end(deps, at, why).await,
    };
    let source = &bisection.plan.source;
    // Only instances are copied to be asked.
    let known_as = DatabaseId::new(ResourceKind::RdsInstance, bisection.plan.resource.as_str())?;
    let window =
        deps.databases.restore_window(&known_as, source).await.map_err(|error| error.while_doing("reading the restorable window"))?;
    let Some(window) = window.filter(|window| window.earliest <= moment) else {
        return end(deps, at, format!("{} cannot be restored any more", show_time(moment))).await;
    };
    if moment >= window.latest {
        let reason = format!("{} is not restorable yet; what is lies before {}", show_time(moment), show_time(window.latest));
        return Ok(at.look(Turn::Wait, reason));
    }
    let count = bisection.copies.len();
    let kept = change(deps, at, |bisection| {
        if bisection.copies.len() == count && bisection.ended.is_none() {
            bisection.add_copy(moment, class.clone(), at.now)?;
        }
        Ok(())
    })
    .await?;
    match kept.current() {
        Some(copy) => send(deps, at, &kept, copy, Sending::First).await,
        None => Ok(at.look(Turn::Wait, "another invocation was quicker")),
    }
}

/// Whether an earlier sending of the same call may have taken place all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    First,
    /// Its reply was lost, and Describe, which lags, does not show it.
    Again,
}

/// Asks RDS for the copy; its name makes sure that there is one.
async fn send<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    bisection: &Bisection,
    copy: &Copied,
    sending: Sending,
) -> Result<CopyLook, DrError> {
    let plan = &bisection.plan;
    let settings = plan.settings(&copy.class);
    let sent = deps.databases.restore_to_point_in_time(&plan.source, Some(copy.moment), &copy.instance, &settings).await;
    match sent {
        Ok(()) => Ok(at.look(Turn::Wait, format!("{} is being restored to {}", copy.instance, show_time(copy.moment)))),
        // Whose it is shows the next look.
        Err(error) if matches!(error.class, CallClass::AlreadyExists | CallClass::WrongState) => Ok(at.look(Turn::Wait, error.to_string())),
        Err(error) if error.certainly_did_nothing() => refused(deps, at, copy, sending, error).await,
        Err(error) => Err(doing(copy, error)),
    }
}

fn doing(copy: &Copied, error: CallError) -> DrError {
    error.while_doing(format!("restoring {} to {}", copy.instance, show_time(copy.moment)))
}

/// A copy that was refused at once does not exist and costs nothing: it is as if it had never been written down. After a reply that was
/// lost nobody knows, and it stays in the list.
async fn refused<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    copy: &Copied,
    sending: Sending,
    error: CallError,
) -> Result<CopyLook, DrError> {
    let lacks_class = error.class == CallClass::NoCapacity;
    change(deps, at, |bisection| {
        match (sending, error.class) {
            (Sending::Again, _) => {}
            // What is sent again keeps its place and its name.
            (Sending::First, CallClass::Throttled) => {
                bisection.copies.iter_mut().filter(|known| known.instance == copy.instance).for_each(|known| known.sent = false);
            }
            (Sending::First, _) => bisection.copies.retain(|known| known.instance != copy.instance || known.exists),
        }
        if lacks_class && !bisection.without.contains(&copy.class.class) {
            bisection.without.push(copy.class.class.clone());
        }
        Ok(())
    })
    .await?;
    match (lacks_class, sending) {
        (true, Sending::First) => Ok(at.look(Turn::Wait, error.to_string())),
        (true, Sending::Again) => settle(deps, at, copy, format!("it was asked for twice, and then: {error}")).await,
        (false, _) => Err(doing(copy, error)),
    }
}

/// Looks how far the copy is.
async fn watch<R: Databases, L: Ledger, D, S: Secrets, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    bisection: &Bisection,
    copy: &Copied,
) -> Result<CopyLook, DrError> {
    let id = &copy.instance;
    let waited = Span::between(copy.begun_at, at.now);
    let too_long = bisection.why_too_long(at.now);
    let expired = copy.ready_at.is_none() && waited >= at.policy.timing.give_up_after(Some(bisection.plan.restore_takes));
    let Some(found) = instance(&deps.databases, id).await? else {
        return match (copy.exists, expired, too_long) {
            (true, ..) => settle(deps, at, copy, format!("{id} is gone: somebody deleted it")).await,
            (false, true, _) => end(deps, at, format!("{id} was asked for {waited} ago and is not to be seen")).await,
            (false, false, Some(why)) => end(deps, at, why).await,
            (false, false, None) => send_again(deps, at, bisection, copy).await,
        };
    };
    if found.tags.get(tags::SEARCH).map(String::as_str) != Some(at.case.plan.as_str()) {
        return Err(DrError::refused(format!("{id} exists and does not carry this search's mark {}: it is not touched", tags::SEARCH)));
    }
    seen(deps, at, id, |copy| copy.exists = true).await?;
    if let Some(why) = too_long {
        return end(deps, at, why).await;
    }
    match found.status.meaning() {
        StatusMeaning::Serving if found.endpoint.is_some() => usable(deps, at, bisection, copy, &found).await,
        StatusMeaning::FailedCreation | StatusMeaning::Terminal => failed(deps, at, copy, &found).await,
        _ if expired => end(deps, at, format!("{id} has been {} for {waited}", found.status)).await,
        _ => Ok(at.look(Turn::Wait, format!("{id} has been {} for {waited}", found.status))),
    }
}

/// Sends what RDS does not show.
async fn send_again<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    bisection: &Bisection,
    copy: &Copied,
) -> Result<CopyLook, DrError> {
    let sending = if copy.sent { Sending::Again } else { Sending::First };
    seen(deps, at, &copy.instance, |copy| copy.sent = true).await?;
    send(deps, at, bisection, copy, sending).await
}

/// Changes what is known of one copy.
async fn seen<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    id: &DatabaseId,
    mut what: impl FnMut(&mut Copied),
) -> Result<Bisection, DrError> {
    change(deps, at, |bisection| {
        bisection.copies.iter_mut().filter(|copy| copy.instance == *id).for_each(&mut what);
        Ok(())
    })
    .await
}

/// Decides that a copy decides nothing.
async fn settle<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    copy: &Copied,
    text: String,
) -> Result<CopyLook, DrError> {
    let answer = Answered { reply: Reply::Unknown, at: at.now, text: text.clone() };
    seen(deps, at, &copy.instance, |copy| {
        copy.answer.get_or_insert_with(|| answer.clone());
    })
    .await?;
    Ok(at.look(Turn::Wait, text))
}

async fn failed<R, L: Ledger, D, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    copy: &Copied,
    found: &ObservedDatabase,
) -> Result<CopyLook, DrError> {
    if found.status.lacks_capacity() {
        change(deps, at, |bisection| {
            if !bisection.without.contains(&copy.class.class) {
                bisection.without.push(copy.class.class.clone());
            }
            Ok(())
        })
        .await?;
    }
    settle(deps, at, copy, format!("{} ended in status {}", copy.instance, found.status)).await
}

/// A copy that is up: its password is today's, or is made so; then it is asked, a few times if it must be.
async fn usable<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    bisection: &Bisection,
    copy: &Copied,
    found: &ObservedDatabase,
) -> Result<CopyLook, DrError> {
    if copy.ready_at.is_none()
        && let Some(reason) = password(deps, at, bisection, copy, found).await?
    {
        return Ok(at.look(Turn::Wait, reason));
    }
    if copy.asks >= MOST_ASKS {
        let why = copy.trouble.as_deref().unwrap_or("the function that asks did not answer");
        return settle(deps, at, copy, format!("asked {MOST_ASKS} times in vain: {why}")).await;
    }
    seen(deps, at, &copy.instance, |copy| {
        copy.ready_at.get_or_insert(at.now);
        copy.endpoint.clone_from(&found.endpoint);
        copy.asks += 1;
    })
    .await?;
    Ok(at.look(Turn::Ask, format!("{} is {}", copy.instance, found.status)))
}

/// A restored engine holds the password of its moment; where the secret is younger, it is set to today's. Why that is to be waited for.
async fn password<R: Databases, L: Ledger, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    at: &At<'_>,
    bisection: &Bisection,
    copy: &Copied,
    found: &ObservedDatabase,
) -> Result<Option<String>, DrError> {
    let Some(secret) = &bisection.plan.secret else { return Ok(None) };
    let id = &copy.instance;
    if let Some(set) = copy.password_set_at {
        // It may read `available` for a moment before it starts to change: one poll must lie in between.
        let settled = at.now >= set + at.policy.timing.poll.as_delta() && !found.status.is_resetting_password() && found.pending.is_empty();
        return Ok((!settled).then(|| format!("the password of {id} is being set")));
    }
    let versions =
        deps.secrets.secret_versions(secret).await.map_err(|error| error.while_doing(format!("listing versions of secret {secret}")))?;
    if !versions.iter().any(|version| version.is_current && version.created_at > copy.moment) {
        return Ok(None);
    }
    if !found.status.accepts_calls() {
        return Ok(Some(format!("{id} is {}", found.status)));
    }
    let doing = |error: CallError| error.while_doing(format!("setting the password of {id}"));
    let today = deps.secrets.credentials(secret, None).await.map_err(doing)?;
    match deps.databases.set_master_password(id, &today.password).await {
        Ok(()) => {}
        Err(error) if error.class == CallClass::WrongState => return Ok(Some(error.to_string())),
        Err(error) => return Err(doing(error)),
    }
    seen(deps, at, id, |copy| copy.password_set_at = Some(at.now)).await?;
    Ok(Some(format!("the password of {id} is being set")))
}
