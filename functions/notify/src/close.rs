//! The step `close`: the report, the incident's end, the resource's record, the message. Each part may run twice.
//!
//! What must not change the second time (the moment, the outcome, the message, the generation) is written down first, in one
//! document for each execution; the rest follows it. A part that fails does not keep the message back.

use crate::Deps;
use crate::ending::{Ending, Failure, exact_outcome};
use crate::message::{Letter, asks, beside, broken, cloned, ends, take_over, without};
use crate::report;
use crate::story::Story;
use crate::told::{self, Closing, Told};
use lifeboat_domain::ids::{IncidentId, short_digest};
use lifeboat_domain::incident::{Incident, IncidentState, Outcome};
use lifeboat_domain::ledger::{self, Kept, keys};
use lifeboat_domain::ports::{Clock, Documents, Key, Ledger, Publish};
use lifeboat_domain::register::{News, ResourceRecord};
use lifeboat_domain::{DrError, Span, Timestamp};
use lifeboat_lambda::metrics::{self, Metric};
use serde::{Deserialize, Serialize};

/// An execution's end, as the state machine sees it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    incident: Option<IncidentId>,
    execution: String,
    outcome: Outcome,
    #[serde(default)]
    failure: Option<Failure>,
    /// Why, in the state machine's words; else the timeline is asked.
    #[serde(default)]
    reason: Option<String>,
}

/// How it ended, and where to read about it.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    outcome: Outcome,
    report: Option<String>,
}

pub(crate) async fn close(deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>, input: Close) -> Result<Answer, DrError> {
    let now = deps.clock.now();
    let Some(id) = &input.incident else { return without_incident(deps, &input, now).await };
    let story = match Story::read(&deps.ledger, &deps.policies, id).await {
        Ok(story) => story,
        Err(error) => return Err(dark_ledger(deps, &input, id, error, now).await),
    };
    let key = closing_key(id, &input.execution);
    let kept = match settle(deps, &input, &story, &key, now).await {
        Ok(kept) => kept,
        Err(error) => return Err(dark_ledger(deps, &input, id, error, now).await),
    };
    let told = kept.value;
    let closing = told.closing.clone().ok_or_else(|| DrError::unrecoverable(format!("{} holds no closing", key.sort)))?;
    let ending = ending_of(deps, &input, &story, &closing, told.at);
    let reported = write_report(deps, &key, &ending, &closing).await;
    let closed = if closing.owns { close_incident(deps, &ending, &closing).await } else { Ok(()) };
    let sent = told::send(&deps.ledger, &deps.topic, &key, &told, now).await;
    if matches!(sent, Ok(true)) && closing.owns {
        emit(&ending);
    }
    reported.and(closed).and(sent.map(|_| ()))?;
    Ok(Answer { outcome: closing.outcome, report: Some(ending.report) })
}

fn closing_key(id: &IncidentId, execution: &str) -> Key {
    keys::message(id, &format!("close#{}", short_digest(&[execution])))
}

/// Tells of an execution that ended without closing its incident, which `detect` has handed to a person already: the report and one
/// letter. Answers whether that covers this news: what was found before the letter went out is in it.
pub(crate) async fn interrupted(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    story: &Story,
    news: &News,
    now: Timestamp,
) -> Result<bool, DrError> {
    let id = &story.incident.id;
    let execution = story.incident.execution.clone().unwrap_or_default();
    let key = closing_key(id, &execution);
    let reason = Some(news.text.clone());
    let input = Close { incident: Some(id.clone()), execution, outcome: Outcome::Interrupted, failure: None, reason };
    let told = settle(deps, &input, story, &key, now).await?.value;
    let Some(closing) = told.closing.clone().filter(|closing| closing.outcome == Outcome::Interrupted) else { return Ok(false) };
    if told.sent_at.is_some_and(|sent| sent < news.at) {
        return Ok(false);
    }
    let ending = ending_of(deps, &input, story, &closing, told.at);
    let reported = write_report(deps, &key, &ending, &closing).await;
    let sent = told::send(&deps.ledger, &deps.topic, &key, &told, now).await;
    reported.and(sent).map(|_| true)
}

/// Decides what stays fixed, once; a rerun finds it decided.
async fn settle(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    input: &Close,
    story: &Story,
    key: &Key,
    now: Timestamp,
) -> Result<Kept<Told>, DrError> {
    if let Some(kept) = ledger::read(&deps.ledger, key).await? {
        return Ok(kept);
    }
    let incident = &story.incident;
    let outcome = exact_outcome(story, input.outcome, input.failure.as_ref());
    let owns = incident.execution.as_deref().is_none_or(|execution| execution == input.execution);
    let changed = owns
        && (story.anything_done()
            || matches!(
                outcome,
                Outcome::Recovered | Outcome::FailedOver | Outcome::StorageGrown | Outcome::SwappedBack | Outcome::TookOver
            ));
    let number = if owns { incident.attempt.to_string() } else { short_digest(&[&input.execution]) };
    let closing = Closing {
        outcome,
        report: format!("reports/{}/{}/{outcome}-{number}", incident.resource, incident.id),
        report_written: false,
        owns,
        generation: story.record.as_ref().filter(|_| changed).map(|record| record.generation + 1),
    };
    let ending = ending_of(deps, input, story, &closing, now);
    let message = letter(&ending).into_message(now)?;
    told::write_down(&deps.ledger, key, Told::new(now, &input.execution, message, Some(closing))).await
}

fn ending_of<'a, D: Documents>(
    deps: &Deps<impl Ledger, D, impl Publish, impl Clock>,
    input: &'a Close,
    story: &'a Story,
    closing: &Closing,
    at: Timestamp,
) -> Ending<'a> {
    let location = deps.documents.location(&format!("{}.md", closing.report));
    Ending::new(story, closing.outcome, at, &input.execution, input.failure.as_ref(), input.reason.as_deref(), location)
}

/// One letter for each outcome.
pub(crate) fn letter(ending: &Ending<'_>) -> Letter {
    match ending.outcome {
        Outcome::Recovered => ends::recovered(ending),
        Outcome::FailedOver => ends::failed_over(ending),
        Outcome::StorageGrown => ends::storage_grown(ending),
        Outcome::SwappedBack => ends::swapped_back(ending),
        Outcome::TookOver => take_over::took_over(ending),
        Outcome::SelfHealed => ends::self_healed(ending),
        Outcome::RestoredBeside => beside::restored_beside(ending),
        Outcome::Cloned => cloned::cloned(ending),
        Outcome::Planned => ends::planned(ending),
        Outcome::Refused => asks::refused(ending),
        Outcome::HeldByValidation => asks::held(ending),
        Outcome::SourceHealed => asks::source_healed(ending),
        Outcome::NeedsPerson => asks::needs_person(ending),
        Outcome::Failed => broken::failed(ending),
        Outcome::Interrupted => broken::interrupted(ending),
    }
}

/// Writes all forms of the report, unless they were.
async fn write_report(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    key: &Key,
    ending: &Ending<'_>,
    closing: &Closing,
) -> Result<(), DrError> {
    if closing.report_written {
        return Ok(());
    }
    let report = report::Report::of(ending);
    let json = format!("{}.json", closing.report);
    let documents = &deps.documents;
    documents.put_json(&json, &ledger::encode(&report)?).await.map_err(|error| error.while_doing(format!("writing the report {json}")))?;
    let pages =
        [("md", "text/markdown; charset=utf-8", report::markdown(&report)), ("html", "text/html; charset=utf-8", report::html(&report))];
    for (ending, content_type, text) in pages {
        let place = format!("{}.{ending}", closing.report);
        documents.put_text(&place, content_type, &text).await.map_err(|error| error.while_doing(format!("writing the report {place}")))?;
    }
    ledger::update(&deps.ledger, key, |told: &mut Told| {
        if let Some(closing) = &mut told.closing {
            closing.report_written = true;
        }
        Ok(())
    })
    .await
    .map(|_| ())
}

/// The incident ends (or waits for a person), and its resource is told.
async fn close_incident(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    ending: &Ending<'_>,
    closing: &Closing,
) -> Result<(), DrError> {
    let outcome = closing.outcome;
    let id = &ending.story.incident.id;
    let execution = ending.execution;
    let incident: Incident = ledger::update(&deps.ledger, &keys::incident(id), |incident: &mut Incident| {
        if incident.execution.as_deref().is_none_or(|other| other == execution) {
            incident.state = if outcome.closes() { IncidentState::Closed } else { IncidentState::WaitingForPerson };
            incident.outcome = Some(outcome);
            incident.closed_at = outcome.closes().then_some(ending.at);
        }
        Ok(())
    })
    .await?;
    if ending.story.record.is_none() {
        return Ok(());
    }
    let still_ours = incident.execution.as_deref().is_none_or(|other| other == execution);
    let took = ending.measured.rto.span().filter(|_| matches!(outcome, Outcome::Recovered | Outcome::FailedOver | Outcome::StorageGrown));
    ledger::update(&deps.ledger, &keys::record(&incident.resource), |record: &mut ResourceRecord| {
        if still_ours && outcome.closes() && record.open_incident.as_ref() == Some(id) {
            record.open_incident = None;
        }
        count_recovery(record, closing.generation, (outcome, took), ending.at);
        Ok(())
    })
    .await
    .map(|_| ())
}

/// Counts a recovery that changed something, once: the generation says whether it was counted. A clone is none, and cools nothing down.
fn count_recovery(record: &mut ResourceRecord, generation: Option<u32>, (outcome, took): (Outcome, Option<Span>), at: Timestamp) {
    if let Some(generation) = generation.filter(|generation| record.generation < *generation) {
        record.generation = generation;
        record.last_recovery = if outcome == Outcome::Cloned { record.last_recovery } else { Some(at) };
        record.recovery_times.extend(took);
    }
}

/// The input was refused, or failed, before there was a story.
async fn without_incident(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    input: &Close,
    now: Timestamp,
) -> Result<Answer, DrError> {
    let outcome = without::outcome(input.outcome, input.failure.as_ref());
    let letter = without::no_incident(outcome, input.failure.as_ref(), input.reason.as_deref(), &input.execution);
    let key = Key { sort: "message".to_owned(), ..keys::execution(&input.execution) };
    let told = Told::new(now, &input.execution, letter.into_message(now)?, None);
    match told::write_down(&deps.ledger, &key, told.clone()).await {
        Ok(kept) => told::send(&deps.ledger, &deps.topic, &key, &kept.value, now).await.map(|_| ())?,
        Err(error) => return Err(tell_beside_the_ledger(deps, &input.execution, &told, error).await),
    }
    Ok(Answer { outcome, report: None })
}

/// The ledger is dark: nothing can be closed, but a person must know, with the manual commands. Answers the error, so that the step is tried again.
async fn dark_ledger(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    input: &Close,
    id: &IncidentId,
    error: DrError,
    now: Timestamp,
) -> DrError {
    let letter = without::dark_ledger(id, input.outcome, input.failure.as_ref(), &input.execution, &error);
    match letter.into_message(now) {
        Ok(message) => tell_beside_the_ledger(deps, &input.execution, &Told::new(now, &input.execution, message, None), error).await,
        Err(_) => error,
    }
}

/// What the bucket remembers while the ledger is dark.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Mark {
    failures: u32,
    told: bool,
}

/// Publishes without the ledger: at once where nobody will try again, else at the second failure (one may be a hiccup).
///
/// The bucket remembers; if it is dark too, the message may come more than once.
async fn tell_beside_the_ledger(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    execution: &str,
    told: &Told,
    error: DrError,
) -> DrError {
    let place = format!("reports/untold/{}.json", short_digest(&[execution]));
    let found = deps.documents.get_json(&place).await;
    let remembers = found.is_ok();
    let mut mark: Mark = found.ok().flatten().and_then(|document| serde_json::from_value(document).ok()).unwrap_or_default();
    if mark.told {
        return error;
    }
    mark.failures += 1;
    if !remembers || !error.name().is_retryable() || mark.failures > 1 {
        match told::publish(&deps.topic, &told.message).await {
            Ok(_) => mark.told = true,
            Err(untold) => tracing::error!(execution, "neither the ledger nor the topic can be reached: {untold}"),
        }
    }
    if let Ok(document) = ledger::encode(&mark)
        && let Err(unmarked) = deps.documents.put_json(&place, &document).await
    {
        tracing::warn!(execution, "the bucket does not remember that this was told: {unmarked}");
    }
    error
}

fn emit(ending: &Ending<'_>) {
    let measured = &ending.measured;
    let named = [("RtoSeconds", measured.rto.span()), ("RpoSeconds", measured.rpo.span())];
    let metrics: Vec<Metric> = named.into_iter().filter_map(|(name, span)| span.map(|span| Metric::seconds(name, span))).collect();
    if metrics.is_empty() {
        return;
    }
    let incident = &ending.story.incident;
    let properties = [("incident", incident.id.as_str()), ("execution", ending.execution), ("outcome", ending.outcome.as_str())];
    metrics::emit(ending.at, &[("Resource", incident.resource.as_str())], &metrics, &properties);
}
