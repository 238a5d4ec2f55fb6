//! The step `news`: what `detect` wrote down for people and no workflow tells.

use crate::Deps;
use crate::close;
use crate::commands;
use crate::message::{About, Advice, Letter, Numbers, Severity, broken, parts};
use crate::story::Story;
use crate::text::{MOST_SHORT, one_line, shorten};
use crate::told;
use crate::undo;
use lifeboat_domain::DrError;
use lifeboat_domain::approval::Reply;
use lifeboat_domain::incident::{IncidentState, Outcome};
use lifeboat_domain::ledger;
use lifeboat_domain::ports::{Clock, Documents, Key, Ledger, Publish};
use lifeboat_domain::register::News;
use lifeboat_domain::{Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// Nothing to say but who asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TellNews {
    #[serde(default)]
    execution: Option<String>,
}

/// How many were told.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    told: u32,
}

/// Tells each untold piece of news; one that cannot be told does not keep the others back.
pub(crate) async fn tell_news(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    input: TellNews,
) -> Result<Answer, DrError> {
    let now = deps.clock.now();
    let found = deps.ledger.list("news", "").await.map_err(|error| error.while_doing("listing the news"))?;
    let (mut told, mut failure) = (0, None);
    for (key, versioned) in found {
        let outcome = match ledger::decode::<News>(&key, versioned) {
            Ok(kept) if kept.value.told_at.is_some() => continue,
            Ok(kept) => tell_one(deps, &key, &kept.value, input.execution.as_deref(), now).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => told += 1,
            Err(error) => {
                tracing::error!(sort = key.sort, "a piece of news was not told: {error}");
                failure = failure.or(Some(error));
            }
        }
    }
    failure.map_or(Ok(Answer { told }), Err)
}

async fn tell_one(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    key: &Key,
    news: &News,
    execution: Option<&str>,
    now: Timestamp,
) -> Result<(), DrError> {
    let story = match &news.incident {
        Some(id) => Story::read(&deps.ledger, &deps.policies, id).await.ok(),
        None => None,
    };
    let halted = story.as_ref().filter(|story| waits_interrupted(story));
    let is_covered = match halted {
        Some(story) => close::interrupted(deps, story, news, now).await?,
        None => false,
    };
    if !is_covered {
        told::publish(&deps.topic, &letter(news, story.as_ref(), execution).into_message(now)?).await?;
    }
    ledger::update(&deps.ledger, key, |news: &mut News| {
        news.told_at = news.told_at.or(Some(now));
        Ok(())
    })
    .await
    .map(|_| ())
}

/// Whether its recovery was broken off, and nobody has gone on with it since.
fn waits_interrupted(story: &Story) -> bool {
    story.incident.outcome == Some(Outcome::Interrupted) && story.incident.state == IncidentState::WaitingForPerson
}

/// News of an incident (nobody works on it, or it is late) cannot wait, unless it is over, or a person has said no to it already.
fn severity(news: &News, story: Option<&Story>) -> Severity {
    let is_denied = |story: &Story| {
        let answer = story.question.as_ref().and_then(|question| question.answer.as_ref());
        answer.is_some_and(|answer| answer.reply == Reply::Deny)
    };
    match story {
        _ if news.incident.is_none() => Severity::Warning,
        Some(story) if undo::is_half_done(story) => Severity::Critical,
        Some(story) if story.incident.state == IncidentState::Closed => Severity::Info,
        Some(story) if is_denied(story) => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn letter(news: &News, story: Option<&Story>, execution: Option<&str>) -> Letter {
    let name = news.resource.as_ref().map(ToString::to_string).filter(|name| !news.title.starts_with(name.as_str()));
    let resource = name.map_or_else(String::new, |name| format!("{name}: "));
    let about = match story {
        Some(story) => parts::about(story, story.incident.execution.as_deref().unwrap_or_default(), None),
        None => About {
            resource: news.resource.clone(),
            incident: news.incident.clone(),
            execution: execution.map(str::to_owned),
            ..About::default()
        },
    };
    let headline = format!("NEWS {resource}{}", news.title);
    let (text, steps) = told_and_to_do(&news.text);
    let room = MOST_SHORT.saturating_sub(headline.chars().count() + 2).max(MOST_SHORT / 3);
    Letter {
        what: "news".to_owned(),
        outcome: None,
        severity: severity(news, story),
        hint: shorten(&one_line(&text), room),
        headline,
        happened: format!("Found at {}: {text}", show_time(news.at)).lines().map(str::to_owned).collect(),
        done: Vec::new(),
        to_do: steps.into_iter().chain(story.map(to_do).unwrap_or_default()).collect(),
        approve_with: None,
        numbers: Numbers::default(),
        about,
    }
}

/// What is told, and each line below which commands stand, as a step.
fn told_and_to_do(text: &str) -> (String, Vec<Advice>) {
    let is_command = |line: &str| line.starts_with("aws ") || line.starts_with("# ");
    let (mut told, mut steps): (Vec<&str>, Vec<Advice>) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = text.lines().collect();
    for (place, line) in lines.iter().enumerate() {
        let leads = lines.get(place + 1).is_some_and(|next| is_command(next));
        match steps.last_mut() {
            Some(step) if is_command(line) => step.commands.push((*line).to_owned()),
            _ if leads => steps.push(Advice::say(*line)),
            _ => told.push(line),
        }
    }
    (told.join("\n"), steps)
}

fn to_do(story: &Story) -> Vec<Advice> {
    let execution = story.incident.execution.as_deref().unwrap_or_default();
    let source = &story.incident.source.id;
    let look = || Advice::new(format!("See how {source} stands now"), parts::look(story));
    if let Some(go_back) = broken::go_back(story) {
        return vec![go_back, look()];
    }
    match story.incident.state {
        IncidentState::Open => vec![look(), Advice::say("The recovery goes on by itself; the next message says how it ends")],
        IncidentState::WaitingForPerson if story.open_question().is_some() => {
            parts::ask_answer(story, execution).into_iter().chain([look()]).collect()
        }
        IncidentState::WaitingForPerson => {
            vec![look(), parts::ask_plan(story, execution, "To go on, see the plan first; its message has the input that runs it")]
        }
        IncidentState::Closed => match story.incident.restored.as_ref().filter(|_| story.moved().is_some()) {
            Some(serving) => vec![Advice::new(
                format!("See how {}, which clients use now, stands", serving.id),
                vec![commands::describe(&serving.arn, &serving.id), commands::events(&serving.arn, &serving.id)],
            )],
            None => vec![look()],
        },
    }
}
