//! `approve`: a person's answer to a plan that waits for one. It starts `recovery`; it never acts itself.

use crate::incidents::{reconcile, tell_people};
use crate::{ApproveInput, Deps};
use lifeboat_domain::DrError;
use lifeboat_domain::approval::{AnswerInput, GivenAnswer, Question, Reply};
use lifeboat_domain::ids::Arn;
use lifeboat_domain::incident::{Incident, IncidentState, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Plan, Remedy};
use lifeboat_domain::ports::{Clock, Ledger, ReadExecutions, StartRecovery, Started};
use lifeboat_domain::proof::prove;
use lifeboat_domain::recovery_input::RecoveryInput;
use lifeboat_domain::words::{Run, Timestamp};
use serde::Serialize;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ApproveAnswer {
    reason: String,
}

/// Takes the answer, once and in time. Repeated by the same execution, it goes on where it was.
pub(crate) async fn approve<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: &ApproveInput) -> Result<ApproveAnswer, DrError>
where
    L: Ledger,
    E: ReadExecutions + StartRecovery,
    C: Clock,
{
    let order: AnswerInput = lifeboat_lambda::decode(input.request.clone())?;
    check(&order)?;
    match answered(deps, &order, input).await {
        Ok(question) => carry_out(deps, &order, &question, input).await.map(|reason| ApproveAnswer { reason }),
        Err(refusal) if !refusal.name().is_retryable() => {
            let text = format!(
                "Nothing was done: {refusal}. It was the answer {:?} to plan {}, by {}.",
                order.decision.as_str(),
                order.plan,
                input.execution
            );
            tell_people(deps, input.started_at, None, &format!("An answer for {} does not count", order.resource), text).await?;
            Err(refusal)
        }
        Err(error) => Err(error),
    }
}

/// Checks what can be checked before anything is read.
fn check(order: &AnswerInput) -> Result<(), DrError> {
    match (order.decision, order.option) {
        (Reply::Choose, None) => Err(DrError::missing("option", "the option to plan instead, as the message of the plan lists them")),
        (Reply::Approve | Reply::Deny, Some(option)) => {
            Err(DrError::invalid("option", option, "an option only together with \"decision\": \"choose\""))
        }
        _ => Ok(()),
    }
}

/// Writes the answer down, if it counts.
async fn answered<R, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    order: &AnswerInput,
    input: &ApproveInput,
) -> Result<Question, DrError> {
    prove(&deps.executions, &input.execution, "approval", &input.request).await?;
    let key = keys::question(&order.plan);
    let question = ledger::read::<Question>(&deps.ledger, &key)
        .await?
        .ok_or_else(|| DrError::not_found(format!("plan: nobody was ever asked about a plan with the hash {}", order.plan)))?
        .value;
    let named = Arn::parse(&order.resource).map_or_else(|_| order.resource.clone(), |arn| arn.name().to_owned());
    let incident = ledger::incident(&deps.ledger, &question.incident).await?;
    if named != question.resource.as_str() && named != incident.source.id.as_str() {
        return Err(DrError::invalid("resource", format!("{:?}", order.resource), format!("{}, which the plan is for", question.resource)));
    }
    if incident.plan.as_ref() != Some(&order.plan) && question.answer.is_none() {
        let now = incident.plan.map_or_else(|| "none".to_owned(), |plan| plan.to_string());
        return Err(DrError::refused(format!("the world has moved on since: the plan of incident {} is {now} now", incident.id)));
    }
    if order.decision == Reply::Choose {
        expect_option(deps, order, &question).await?;
    }
    let answer = GivenAnswer {
        reply: order.decision,
        option: order.option,
        at: input.started_at,
        execution: input.execution.clone(),
        claimed_by: order.claimed_by.clone(),
        reason: order.reason.clone(),
    };
    let now = deps.clock.now();
    ledger::update::<Question, _>(&deps.ledger, &key, |question| {
        if let Some(why) = question.why_closed(&input.execution, now) {
            return Err(DrError::refused(format!(
                "plan {} cannot be answered: {why}; start `recovery` with {} to be asked anew",
                order.plan,
                to_plan(question).paste()
            )));
        }
        question.answer.get_or_insert_with(|| answer.clone());
        Ok(())
    })
    .await
}

/// The chosen option must be one of the plan's that is possible.
async fn expect_option<R, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, order: &AnswerInput, question: &Question) -> Result<(), DrError> {
    let plan = ledger::expect::<Plan>(&deps.ledger, &keys::plan(&question.incident, &order.plan)).await?.value;
    let open: Vec<Remedy> =
        plan.options.iter().filter(|option| option.possible && Some(option.remedy) != plan.remedy).map(|option| option.remedy).collect();
    let names: Vec<&str> = open.iter().map(|remedy| remedy.as_str()).collect();
    match order.option.filter(|option| !open.contains(option)) {
        Some(option) if names.is_empty() => Err(DrError::invalid("option", option, "approve or deny: this plan has no other option")),
        Some(option) => Err(DrError::invalid("option", option, names.join(", "))),
        None => Ok(()),
    }
}

fn to_plan(question: &Question) -> RecoveryInput {
    RecoveryInput { run: Run::Plan, plan: None, ..question.input.clone() }
}

async fn carry_out<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    order: &AnswerInput,
    question: &Question,
    input: &ApproveInput,
) -> Result<String, DrError> {
    let (resource, id) = (&question.resource, &question.incident);
    let answer = question.answer.as_ref().map(GivenAnswer::describe).unwrap_or_default();
    let said = format!("a person's answer to plan {}: {answer}", order.plan.as_str().get(..8).unwrap_or_default());
    ledger::tell(&deps.ledger, id, input.started_at, Phase::Plan, said).await?;
    match order.decision {
        Reply::Approve => {
            let started = start(deps, &question.input, question.asked_at).await?;
            Ok(format!("plan {} of {resource} is approved: {started}", order.plan))
        }
        Reply::Deny => {
            let incident = ledger::incident(&deps.ledger, id).await?;
            let text = format!(
                "Lifeboat does nothing more for it. The answer was {answer}. To be asked anew, start `recovery` with {}.",
                to_plan(question).paste()
            );
            tell_people(deps, input.started_at, Some(&incident), &format!("{resource}: the plan was denied"), text).await?;
            Ok(format!("plan {} of {resource} is denied: nothing is done", order.plan))
        }
        Reply::Choose => choose(deps, order, question).await,
    }
}

/// Plans the chosen option: in the incident that waits, else, where only a plan was asked for, as another one.
async fn choose<R, L: Ledger, D, E: ReadExecutions + StartRecovery, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    order: &AnswerInput,
    question: &Question,
) -> Result<String, DrError> {
    let id = &question.incident;
    let incident = ledger::update::<Incident, _>(&deps.ledger, &keys::incident(id), |incident| {
        if incident.state == IncidentState::WaitingForPerson && incident.request.option != order.option {
            incident.state = IncidentState::Open;
            incident.request.option = order.option;
            incident.request.plan = None;
            incident.execution = None;
            incident.attempt += 1;
        }
        Ok(())
    })
    .await?;
    if incident.state == IncidentState::Closed {
        let input = RecoveryInput { option: order.option, ..to_plan(question) };
        return start(deps, &input, question.asked_at).await;
    }
    reconcile(deps, id, None).await
}

/// Starts `recovery` under a name of this question: whoever repeats it meets the same execution.
async fn start<R, L, D, E: StartRecovery, C>(
    deps: &Deps<R, L, D, E, C>,
    input: &RecoveryInput,
    asked_at: Timestamp,
) -> Result<String, DrError> {
    let seed = lifeboat_domain::ids::short_digest(&[&input.paste(), &asked_at.to_rfc3339()]);
    let name = lifeboat_domain::ids::deterministic_name(input.resource.as_str(), &format!("answered-{seed}"), 80);
    let input = lifeboat_lambda::encode(input)?;
    let started =
        deps.executions.start_recovery(&name, &input).await.map_err(|error| error.while_doing(format!("starting execution {name}")))?;
    let (Started::New(arn) | Started::Exists(arn)) = started;
    Ok(format!("started {arn}"))
}
