//! Bisecting: planned at the end of a search, begun by a person who names the plan, and concluded.

use crate::{ApproveInput, Deps, EndInput, resources};
use lifeboat_domain::bisection::{self, Begun, Bisection, Concluded, Facts, MOST_COPIES, Plan, USUAL_WIDTH, Watched, Wish};
use lifeboat_domain::cause::plain;
use lifeboat_domain::events::ExecutionEnded;
use lifeboat_domain::ids::{Arn, PlanHash};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::moments::{Conclusion, Looked, Search};
use lifeboat_domain::observed::Configuration;
use lifeboat_domain::point::Manifest;
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabases, ReadExecutions};
use lifeboat_domain::prices::Money;
use lifeboat_domain::proof::prove;
use lifeboat_domain::register::{self, ResourceRecord};
use lifeboat_domain::words::{parse_time, show_time};
use lifeboat_domain::{DrError, Span};
use serde::{Deserialize, Serialize};

/// The longest predicate, in characters: it travels in messages.
const LONGEST_PREDICATE: usize = 2000;

/// What a person writes under `bisect`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    predicate: String,
    #[serde(default)]
    good_at: Option<String>,
    #[serde(default)]
    bad_at: Option<String>,
    #[serde(default)]
    within: Option<String>,
    copies_at_most: u32,
    cost_at_most: String,
}

/// What a person writes to begin a plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    resource: String,
    plan: PlanHash,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    claimed_by: Option<String>,
}

/// What the state machine is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BeginAnswer {
    plan: PlanHash,
}

/// Checks what was written.
pub(super) fn wish(asked: &Asked, search: &Search) -> Result<Wish, DrError> {
    let predicate = asked.predicate.trim().trim_end_matches(';').to_owned();
    let first = predicate.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if !["select", "with"].contains(&first.as_str()) || predicate.chars().count() > LONGEST_PREDICATE {
        let shown: String = predicate.chars().take(40).collect();
        let accepted = format!("one SELECT of one boolean, true where the data is good, of at most {LONGEST_PREDICATE} characters");
        return Err(DrError::invalid("bisect.predicate", format!("{shown:?}"), accepted));
    }
    if !(1..=MOST_COPIES).contains(&asked.copies_at_most) {
        return Err(DrError::invalid("bisect.copies_at_most", asked.copies_at_most, format!("1 to {MOST_COPIES}")));
    }
    let moment = |field: &str, text: &Option<String>| {
        let moment = text.as_deref().map(|text| parse_time(field, text)).transpose()?;
        match moment.filter(|moment| *moment > search.asked_at) {
            Some(late) => {
                Err(DrError::invalid(field, show_time(late), format!("a moment in the past; it is {} now", show_time(search.asked_at))))
            }
            None => Ok(moment),
        }
    };
    let width = |text: &str| Span::parse(text).ok().filter(|span| span.as_secs() > 0);
    let within = match asked.within.as_deref() {
        None => USUAL_WIDTH,
        Some(text) => width(text).ok_or_else(|| DrError::invalid("bisect.within", format!("{text:?}"), Span::ACCEPTED))?,
    };
    Ok(Wish {
        predicate,
        good_at: moment("bisect.good_at", &asked.good_at)?,
        bad_at: moment("bisect.bad_at", &asked.bad_at)?,
        within,
        copies_at_most: asked.copies_at_most,
        cost_at_most: Money::parse("bisect.cost_at_most", &asked.cost_at_most)?,
    })
}

/// Makes the plan that the search asks for, from the world as it is; a refusal names what is lacking.
pub(super) async fn plan<R: ReadDatabases, L: Ledger, D: Documents, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    search: &Search,
    looked: Option<&Looked>,
    (wish, execution): (&Wish, &str),
) -> Result<Plan, DrError> {
    let record = resources::record(&deps.ledger, &search.resource).await?;
    let record = record.ok_or_else(|| DrError::not_found(format!("{} is not known any more", search.resource)))?;
    let manifest = manifest(deps, &record).await?;
    let window = deps.databases.restore_window(&manifest.id, &manifest.resource_id).await;
    let window = window.map_err(|error| error.while_doing("reading the restorable window"))?;
    bisection::make(Facts {
        execution,
        search,
        looked,
        wish,
        manifest: &manifest,
        window,
        policy: deps.policies.policy(&search.policy)?,
        prices: &deps.policies.prices,
        recovery_times: &record.recovery_times,
        groups: &bisection::groups(&manifest.configuration, &deps.policies.quarantine_groups),
    })
}

/// The source as it is, or as it was kept. A fence is no part of it: a copy behind it could not be asked.
async fn manifest<R: ReadDatabases, L, D: Documents, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
) -> Result<Manifest, DrError> {
    let observed = resources::instance(&deps.databases, &record.id).await?.filter(|found| found.resource_id == record.resource_id);
    let today = observed.map(|observed| Manifest::of(&observed, deps.clock.now()));
    let fence = |manifest: &Manifest| {
        let vpc = manifest.configuration.vpc.as_ref()?;
        deps.policies.fence_groups.get(vpc).filter(|fence| manifest.configuration.security_groups == [(*fence).clone()])
    };
    match today {
        Some(today) if fence(&today).is_none() => Ok(today),
        today => {
            let lost = || {
                DrError::refused(format!(
                    "{}: its configuration is not known: it is gone or fenced, and no manifest was kept",
                    record.resource
                ))
            };
            let kept = register::kept_manifest(&deps.documents, record).await?.ok_or_else(lost)?;
            let security_groups = kept.configuration.security_groups.clone();
            Ok(match today {
                Some(today) => Manifest { configuration: Configuration { security_groups, ..today.configuration }, ..today },
                None => kept,
            })
        }
    }
}

/// Adds the plan to what the search found, or why there is none. Nothing is begun.
pub(super) async fn add_plan<R: ReadDatabases, L: Ledger, D: Documents, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    search: &Search,
    looked: Option<&Looked>,
    execution: &str,
    conclusion: &mut Conclusion,
) -> Result<(), DrError> {
    let Some(wish) = &search.bisect else { return Ok(()) };
    match plan(deps, search, looked, (wish, execution)).await {
        Ok(plan) => {
            ledger::create(&deps.ledger, &keys::bisection(&plan.hash), &Bisection::of(plan.clone())).await?;
            conclusion.bisect = plan.describe();
            conclusion.begin = Some(serde_json::json!({"resource": plan.resource, "plan": plan.hash}));
            Ok(())
        }
        Err(error) if error.name().is_retryable() => Err(error),
        Err(error) => {
            conclusion.bisect = vec![format!("Bisecting is not planned: {error}")];
            Ok(())
        }
    }
}

/// Begins a plan: once, in time, by an execution of `bisect` that was started with its hash. Repeated, it is the same.
pub(crate) async fn begin<R, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &ApproveInput,
) -> Result<BeginAnswer, DrError> {
    let order: Order = lifeboat_lambda::decode(input.request.clone())?;
    prove(&deps.executions, &input.execution, "bisect", &input.request).await?;
    let key = keys::bisection(&order.plan);
    let known = ledger::read::<Bisection>(&deps.ledger, &key).await?;
    let known = known.ok_or_else(|| DrError::not_found(format!("plan: nobody ever planned to bisect with the hash {}", order.plan)))?.value;
    let record = resources::record(&deps.ledger, &known.plan.resource).await?;
    let named = Arn::parse(&order.resource).map_or_else(|_| order.resource.clone(), |arn| arn.name().to_owned());
    let fits = |record: &ResourceRecord| named == record.resource.as_str() || named == record.id.as_str();
    let Some(record) = record.filter(fits) else {
        return Err(DrError::invalid(
            "resource",
            format!("{:?}", order.resource),
            format!("{}, which the plan is for", known.plan.resource),
        ));
    };
    if record.resource_id != known.plan.source {
        return Err(DrError::refused(format!(
            "plan: {} is another database than when this was planned: plan anew with `find_moment`",
            record.resource
        )));
    }
    let (now, lease) = (deps.clock.now(), deps.policies.policy(&known.plan.policy)?.timing.lease);
    // First: the sweep looks after whatever may have begun.
    let watched = Watched { plan: order.plan.clone(), concluded_at: None };
    ledger::create(&deps.ledger, &keys::watched_bisection(&order.plan), &watched).await?;
    ledger::update::<Bisection, _>(&deps.ledger, &key, |bisection| {
        if let Some(why) = bisection.why_not_begun(&input.execution, now) {
            return Err(DrError::refused(format!("plan {} cannot be begun: {why}; plan anew with `find_moment`", order.plan)));
        }
        bisection.hold(now + lease.as_delta());
        bisection.begun.get_or_insert_with(|| Begun {
            execution: input.execution.clone(),
            at: input.started_at,
            claimed_by: order.claimed_by.clone(),
            reason: order.reason.clone(),
        });
        Ok(())
    })
    .await?;
    tracing::info!(execution = input.execution, plan = %order.plan, "a bisection begins");
    Ok(BeginAnswer { plan: order.plan })
}

/// Ends it, however it came to this, and leaves what was found for `notify`.
pub(crate) async fn conclude<R, L: Ledger, D, E, C: Clock>(deps: &Deps<R, L, D, E, C>, input: &EndInput) -> Result<Concluded, DrError> {
    bisection::expect(&deps.ledger, &input.plan, &input.execution).await?;
    let now = deps.clock.now();
    let why =
        input.trouble.as_deref().map_or_else(|| "it was ended".to_owned(), |trouble| format!("it was broken off: {}", plain(trouble)));
    let ended = ledger::update::<Bisection, _>(&deps.ledger, &keys::bisection(&input.plan), |bisection| {
        bisection.end(now, why.clone());
        bisection.held_until = None;
        Ok(())
    })
    .await?;
    let at = ended.ended.as_ref().map_or(now, |ended| ended.at);
    let concluded = bisection::conclude(&ended, at);
    tracing::info!(execution = input.execution, outcome = %concluded.outcome, "{}", concluded.reason);
    concluded.news(&ended, at).leave(&deps.ledger, at).await?;
    let over = Watched { plan: input.plan.clone(), concluded_at: Some(at) };
    ledger::write(&deps.ledger, &keys::watched_bisection(&input.plan), &over).await?;
    Ok(concluded)
}

/// An execution that was stopped or timed out concludes nothing itself: people are told what it found, and which copies stand.
pub(super) async fn interrupted<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    ended: &ExecutionEnded,
) -> Result<Option<String>, DrError> {
    let order = ended.input.as_deref().and_then(|input| serde_json::from_str::<Order>(input).ok());
    let Some(plan) = order.map(|order| order.plan) else { return Ok(None) };
    let known = ledger::read::<Bisection>(&deps.ledger, &keys::bisection(&plan)).await?.map(|kept| kept.value);
    if known.is_none_or(|known| known.begun.is_none_or(|begun| begun.execution != ended.execution_arn)) {
        return Ok(None);
    }
    let trouble = Some(format!("its execution ended as {}", ended.status.as_str()));
    let concluded = conclude(deps, &EndInput { plan, execution: ended.execution_arn.clone(), trouble }).await?;
    Ok(Some(concluded.reason))
}
