//! Making consumers look again where their database is.

use crate::case::Recovery;
use crate::observe::Observation;
use crate::{Deps, Secrets};
use lifeboat_domain::acting::CallRecord;
use lifeboat_domain::plan::{Act, CUT_OVER_VARIABLE};
use lifeboat_domain::ports::Answer;
use lifeboat_domain::{CallClass, CallError, DrError, webhook};

/// Tells a consumer.
pub(crate) async fn send<R, L, D, S: Secrets, E, C>(deps: &Deps<R, L, D, S, E, C>, recovery: &Recovery<'_>, act: &Act) -> Answer<()> {
    match act {
        Act::RestartService { cluster, service } => deps.secrets.force_deployment(cluster, service).await,
        Act::TouchFunction { function } => {
            deps.secrets.set_function_variable(function, CUT_OVER_VARIABLE, recovery.incident.id.as_str()).await
        }
        Act::CallWebhook { name, url, secret } => {
            let key = deps.secrets.signing_key(secret).await?;
            let signed = webhook::cut_over(&recovery.incident, name, &key, recovery.now)
                .map_err(|error| CallError::new(CallClass::Invalid, act.action(), "body", error.message()))?;
            deps.secrets.post_webhook(url, &signed.headers, &signed.body).await
        }
        other => Err(CallError::new(CallClass::Invalid, other.action(), "no_consumer", "this call tells no consumer")),
    }
}

/// Looks whether a consumer was told. A webhook cannot be asked: it is told again, under the same delivery id.
pub(crate) async fn observe<R, L, D, S: Secrets, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    recovery: &Recovery<'_>,
    record: &CallRecord,
) -> Result<Observation, DrError> {
    match &record.act {
        Act::RestartService { cluster, service } => {
            let newest = deps
                .secrets
                .deployed_at(cluster, service)
                .await
                .map_err(|error| error.while_doing(format!("reading ECS service {service}")))?;
            Ok(Observation::done_if(newest.is_some_and(|newest| newest >= record.sent_at), "ECS shows a newer deployment"))
        }
        Act::TouchFunction { function } => {
            let value = deps
                .secrets
                .function_variable(function, CUT_OVER_VARIABLE)
                .await
                .map_err(|error| error.while_doing(format!("reading Lambda function {function}")))?;
            Ok(Observation::done_if(value.as_deref() == Some(recovery.incident.id.as_str()), "its environment names this incident"))
        }
        _ => Ok(Observation::NotDone),
    }
}
