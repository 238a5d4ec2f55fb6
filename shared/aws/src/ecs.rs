//! ECS services, made to look again by a forced new deployment of what they run.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use lifeboat_domain::ports::{Answer, RestartServices};
use lifeboat_domain::{CallClass, CallError, Timestamp};

const DESCRIBE: &str = "ecs:DescribeServices";
const UPDATE: &str = "ecs:UpdateService";

/// The services of one Region.
#[derive(Debug, Clone)]
pub struct Services {
    client: Client,
}

impl Services {
    /// ECS as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl RestartServices for Services {
    async fn deployed_at(&self, cluster: &str, service: &str) -> Answer<Option<Timestamp>> {
        let request = self.client.describe_services().cluster(cluster).services(service);
        let output = request.send().await.map_err(|error| call_error(DESCRIBE, &error))?;
        if let Some(failure) = output.failures().first() {
            let reason = failure.reason().unwrap_or("FAILURE");
            return Err(CallError::new(CallClass::NotFound, DESCRIBE, reason, format!("{cluster}/{service}")));
        }
        let found = output.services().first().ok_or_else(|| invalid(DESCRIBE, "services", format!("{cluster}/{service} is not shown")))?;
        Ok(found.deployments().iter().filter_map(|deployment| crate::time::timestamp(deployment.created_at()?)).max())
    }

    async fn force_deployment(&self, cluster: &str, service: &str) -> Answer<()> {
        let request = self.client.update_service().cluster(cluster).service(service).force_new_deployment(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(UPDATE, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Wire, error_json};
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_service_is_deployed_anew_and_nothing_else_of_it_is_changed() {
        let none = error_json("ServiceNotFoundException", "no");
        let wire = Wire::answering(&[(200, "{}"), (400, &none)]);
        let services = wire.clients().await.services();
        services.force_deployment("shop", "orders").await.unwrap();
        assert_eq!(wire.json()[0], json!({"cluster": "shop", "service": "orders", "forceNewDeployment": true}));
        assert_eq!(services.force_deployment("shop", "orders").await.unwrap_err().class, CallClass::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_deployment_counts_and_a_missing_service_is_not_found() {
        let deployments = json!([{"createdAt": 1_768_471_200.0}, {"createdAt": 1_768_471_260.5}]);
        let found = json!({"services": [{"deployments": deployments}]}).to_string();
        let missing = json!({"failures": [{"arn": "x", "reason": "MISSING"}]}).to_string();
        let wire = Wire::answering(&[(200, &found), (200, &missing)]);
        let services = wire.clients().await.services();
        let newest = services.deployed_at("shop", "orders").await.unwrap().unwrap();
        assert_eq!(lifeboat_domain::show_time(newest), "2026-01-15T10:01:00Z");
        let error = services.deployed_at("shop", "orders").await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (CallClass::NotFound, "MISSING"));
    }
}
