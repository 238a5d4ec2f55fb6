//! Commands that make consumers look again.

use crate::commands::quoted;
use lifeboat_domain::ids::Arn;
use lifeboat_domain::plan::{Act, CUT_OVER_VARIABLE};

/// Makes a consumer look again where its database is.
pub(crate) fn restart(arn: &Arn, act: &Act) -> Option<String> {
    let region = arn.region();
    match act {
        Act::RestartService { cluster, service } => {
            let (cluster, service) = (quoted(cluster), quoted(service));
            Some(format!("aws ecs update-service --region {region} --cluster {cluster} --service {service} --force-new-deployment"))
        }
        Act::TouchFunction { function } => {
            let function = quoted(function);
            Some(format!(
                "aws lambda get-function-configuration --region {region} --function-name {function} --query '{{Variables: Environment.Variables}}' --output json | jq -c '.Variables.{CUT_OVER_VARIABLE} = \"by-hand\"' | aws lambda update-function-configuration --region {region} --function-name {function} --environment file:///dev/stdin"
            ))
        }
        Act::CallWebhook { name, url, .. } => {
            Some(format!("# tell {name} at {url} yourself, or make what it would make: clients must look again"))
        }
        _ => None,
    }
}
