//! Looking at the policy's targets when a plan is made: what cannot be moved is refused by its name, before anything is touched.

use crate::targets::names;
use crate::{Databases, Deps, Secrets};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::plan::FoundTarget;
use lifeboat_domain::policy::CutOverTarget;
use lifeboat_domain::ports::Answer;
use lifeboat_domain::{CallClass, DrError};

/// What is found of each target, in their order; `secret` is the one that the source's tag names.
pub(crate) async fn find<R: Databases, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    incident: &Incident,
    targets: &[CutOverTarget],
    secret: Option<&str>,
) -> Result<Vec<FoundTarget>, DrError> {
    let mut found = Vec::new();
    for target in targets {
        let seen = match target {
            CutOverTarget::SecretsManager => match secret {
                Some(secret) => deps.secrets.owning_service(secret).await.map(FoundTarget::Secret),
                None => Ok(FoundTarget::Secret(None)),
            },
            CutOverTarget::Route53 { zone, record } => deps.secrets.read_records(zone, record).await.map(FoundTarget::Record),
            CutOverTarget::SsmParameter { name, .. } => deps.secrets.read_parameter(name).await.map(FoundTarget::Parameter),
            CutOverTarget::RenameSwap => {
                found.push(FoundTarget::Names(names::holders(&deps.databases, incident).await?));
                continue;
            }
            CutOverTarget::RdsProxy { proxy, group } => deps.databases.read_proxy(proxy, group).await.map(FoundTarget::Proxy),
        };
        found.push(refusal_or(seen, target)?);
    }
    Ok(found)
}

/// A target that may not be read, or whose zone or secret does not exist, is a refusal of the plan; one that could not be read now
/// is looked at again.
fn refusal_or(seen: Answer<FoundTarget>, target: &CutOverTarget) -> Result<FoundTarget, DrError> {
    match seen {
        Ok(found) => Ok(found),
        Err(error) if matches!(error.class, CallClass::Denied | CallClass::NotFound | CallClass::Invalid) => {
            Ok(FoundTarget::Unreadable(error.to_string()))
        }
        Err(error) => Err(error.while_doing(format!("looking at {}, where clients find the database", target.name()))),
    }
}
