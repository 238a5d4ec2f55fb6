//! The step `tell`: a message on the way, once for each incident (and plan).

use crate::Deps;
use crate::message::progress::{self, Progress};
use crate::story::Story;
use crate::told::{self, Told};
use lifeboat_domain::DrError;
use lifeboat_domain::ids::IncidentId;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Documents, Ledger, Publish};
use serde::{Deserialize, Serialize};

/// What to tell.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tell {
    incident: IncidentId,
    #[serde(default)]
    execution: String,
    what: Progress,
    #[serde(default)]
    detail: Option<String>,
}

/// Whether people know it now.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    told: bool,
}

pub(crate) async fn tell(deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>, input: Tell) -> Result<Answer, DrError> {
    let now = deps.clock.now();
    let incident = ledger::incident(&deps.ledger, &input.incident).await?;
    let key = keys::message(&incident.id, &input.what.told_as(incident.plan.as_ref()));
    let kept = match ledger::read::<Told>(&deps.ledger, &key).await? {
        Some(kept) => kept,
        None => {
            let story = Story::read(&deps.ledger, &deps.policies, &input.incident).await?;
            let letter = progress::letter(&story, input.what, input.detail.as_deref(), &input.execution, now);
            told::write_down(&deps.ledger, &key, Told::new(now, &input.execution, letter.into_message(now)?, None)).await?
        }
    };
    told::send(&deps.ledger, &deps.topic, &key, &kept.value, now).await?;
    Ok(Answer { told: true })
}
