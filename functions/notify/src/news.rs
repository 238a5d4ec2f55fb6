//! The step `news`: what `detect` wrote down for people and no workflow tells.

use crate::Deps;
use crate::message::{About, Letter, Numbers, Severity};
use crate::told;
use lifeboat_domain::DrError;
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
pub(crate) async fn tell_news(deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>, input: TellNews) -> Result<Answer, DrError> {
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
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>, key: &Key, news: &News, execution: Option<&str>, now: Timestamp,
) -> Result<(), DrError> {
    told::publish(&deps.topic, &letter(news, execution).into_message(now)?).await?;
    ledger::update(&deps.ledger, key, |news: &mut News| {
        news.told_at = news.told_at.or(Some(now));
        Ok(())
    })
    .await
    .map(|_| ())
}

fn letter(news: &News, execution: Option<&str>) -> Letter {
    let resource = news.resource.as_ref().map_or_else(String::new, |resource| format!(" {resource}:"));
    Letter {
        what: "news".to_owned(),
        outcome: None,
        severity: Severity::Warning,
        headline: format!("NEWS{resource} {}", news.title),
        hint: "Read the email.".to_owned(),
        happened: vec![format!("Found at {}: {}", show_time(news.at), news.text)],
        done: Vec::new(),
        to_do: Vec::new(),
        approve_with: None,
        numbers: Numbers::default(),
        about: About {
            resource: news.resource.clone(),
            incident: news.incident.clone(),
            execution: execution.map(str::to_owned),
            ..About::default()
        },
    }
}
