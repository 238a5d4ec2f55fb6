//! The deployed functions, each on the cloud.

use super::Account;
use lifeboat_domain::DrError;
use serde_json::Value;

impl Account {
    /// Gives `detect` an event, as EventBridge would, or a step.
    pub async fn detect(&self, input: Value) -> Result<Value, DrError> {
        let cloud = &self.cloud;
        let deps = lifeboat_detect::Deps {
            databases: cloud.clone(),
            ledger: cloud.clone(),
            documents: cloud.clone(),
            executions: cloud.clone(),
            clock: cloud.clone(),
            policies: self.policies.clone(),
        };
        lifeboat_detect::handle(&deps, input).await
    }

    /// Calls a deployed function by the name that machines have for it.
    pub async fn function(&self, name: &str, input: Value) -> Result<Value, DrError> {
        match name {
            "Detect" => self.detect(input).await,
            "Snapshot" => self.snapshot(input).await,
            "RestorePlan" | "RestoreAct" | "RestoreCleanUp" | "RestoreRelease" | "RestoreSearch" => self.restore(input).await,
            "Validate" | "ValidateFlush" | "Salvage" => self.validate(input).await,
            "Notify" => self.notify(input).await,
            other => panic!("there is no function {other}"),
        }
    }

    async fn snapshot(&self, input: Value) -> Result<Value, DrError> {
        let cloud = &self.cloud;
        let deps = lifeboat_snapshot::Deps {
            databases: cloud.clone(),
            ledger: cloud.clone(),
            documents: cloud.clone(),
            clock: cloud.clone(),
            policies: self.policies.clone(),
        };
        lifeboat_snapshot::handle(&deps, input).await
    }

    pub async fn restore(&self, input: Value) -> Result<Value, DrError> {
        let cloud = &self.cloud;
        let deps = lifeboat_restore::Deps {
            databases: cloud.clone(),
            ledger: cloud.clone(),
            documents: cloud.clone(),
            secrets: cloud.clone(),
            executions: cloud.clone(),
            clock: cloud.clone(),
            policies: self.policies.clone(),
        };
        lifeboat_restore::handle(&deps, input).await
    }

    async fn validate(&self, input: Value) -> Result<Value, DrError> {
        let cloud = &self.cloud;
        let deps = lifeboat_validate::Deps {
            ledger: cloud.clone(),
            documents: cloud.clone(),
            secrets: cloud.clone(),
            databases: cloud.clone(),
            clock: cloud.clone(),
            policies: self.policies.clone(),
        };
        lifeboat_validate::handle(&deps, input).await
    }

    async fn notify(&self, input: Value) -> Result<Value, DrError> {
        let cloud = &self.cloud;
        let deps = lifeboat_notify::Deps {
            ledger: cloud.clone(),
            documents: cloud.clone(),
            topic: cloud.clone(),
            clock: cloud.clone(),
            policies: self.policies.clone(),
        };
        lifeboat_notify::handle(&deps, input).await
    }
}
