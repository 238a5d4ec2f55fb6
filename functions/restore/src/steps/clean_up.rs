//! Deleting a restored copy that never became usable: the only deletion in Lifeboat's recovery, and only with every mark in place.

use crate::observe::instance;
use crate::{Case, Databases, Deps, Nothing};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::{Incident, IncidentState, Phase};
use lifeboat_domain::ledger;
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::ports::{Answer, Clock, Ledger};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::words::ResourceKind;
use lifeboat_domain::{DrError, Span};

/// Deletes the copies of this incident's failed attempts; where any mark is missing, it keeps them and says so.
pub(crate) async fn clean_up<R: Databases, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    case: &Case,
) -> Result<Nothing, DrError> {
    let now = deps.clock.now();
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    if incident.state != IncidentState::Open {
        return Err(DrError::refused(format!("incident {} is {}: nothing is deleted for it", incident.id, incident.state)));
    }
    let lasts = deps.policies.policy(&incident.policy)?.timing.lease;
    for setback in &incident.setbacks {
        let Some(target) = setback.unusable() else { continue };
        let Some(found) = instance(&deps.databases, target).await? else { continue };
        let text = match why_kept(&incident, &found) {
            Some(_) if found.status.meaning() == StatusMeaning::Deleting => continue,
            Some(why) => format!("{target} is kept: {why}"),
            None => match delete(deps, &incident, &case.execution, target, lasts).await? {
                Ok(()) => continue,
                Err(error) => {
                    let error = error.while_doing(format!("deleting the unusable {target}"));
                    if error.name().is_retryable() {
                        return Err(error);
                    }
                    format!("{target} is kept, and billed: {}", error.message())
                }
            },
        };
        ledger::tell(&deps.ledger, &incident.id, now, Phase::Act, text).await?;
    }
    Ok(Nothing {})
}

/// Proves the lease, writes down what is about to be deleted, and deletes it.
async fn delete<R: Databases, L: Ledger, D, S, E, C: Clock>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    execution: &str,
    target: &DatabaseId,
    lasts: Span,
) -> Result<Answer<()>, DrError> {
    let now = deps.clock.now();
    lifeboat_domain::lease::renew(&deps.ledger, &incident.resource, execution, now, lasts).await?;
    let text = format!("{target} never became usable: it is deleted, and its name not used again");
    ledger::tell(&deps.ledger, &incident.id, now, Phase::Act, text).await?;
    Ok(deps.databases.delete_failed_restore(target).await)
}

/// Why it must not be deleted; none only if it is ours, unusable, unprotected and not the source.
fn why_kept(incident: &Incident, found: &ObservedDatabase) -> Option<String> {
    if found.id == incident.source.id || found.resource_id == incident.source.resource_id {
        return Some("it is the source".to_owned());
    }
    if found.tags.get(tags::INCIDENT).map(String::as_str) != Some(incident.id.as_str()) {
        return Some(format!("it does not carry the tag {} of this incident", tags::INCIDENT));
    }
    if found.tags.contains_key(tags::POLICY) || found.tags.contains_key(tags::RETIRED) {
        return Some("it is or was in service".to_owned());
    }
    match found.status.meaning() {
        StatusMeaning::FailedCreation | StatusMeaning::Terminal => None,
        // No member was to be had for it: nobody can ever have logged in.
        _ if found.id.kind() == ResourceKind::DbCluster && found.members.is_empty() => None,
        _ => Some(format!("its status is {}", found.status)),
    }
}
