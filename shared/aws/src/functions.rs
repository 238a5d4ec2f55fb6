//! Lambda functions, made to look again by one variable of their environment: every instance starts anew with it.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::Environment;
use lifeboat_domain::ports::{Answer, TouchFunctions};
use lifeboat_domain::{CallClass, CallError};
use std::collections::HashMap;

const READ: &str = "lambda:GetFunctionConfiguration";
const WRITE: &str = "lambda:UpdateFunctionConfiguration";

/// The functions of one Region.
#[derive(Debug, Clone)]
pub struct Functions {
    client: Client,
}

impl Functions {
    /// Lambda as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    async fn configuration(&self, function: &str) -> Answer<GetFunctionConfigurationOutput> {
        self.client.get_function_configuration().function_name(function).send().await.map_err(|error| call_error(READ, &error))
    }
}

/// The environment. One that Lambda could not decrypt is not shown: writing it back would empty it.
fn variables(function: &str, configuration: &GetFunctionConfigurationOutput) -> Answer<HashMap<String, String>> {
    let Some(environment) = &configuration.environment else { return Ok(HashMap::new()) };
    if let Some(error) = &environment.error {
        let (code, message) = (error.error_code().unwrap_or("Environment"), error.message().unwrap_or("it cannot be read"));
        return Err(CallError::new(CallClass::Denied, READ, code, format!("the environment of {function}: {message}")));
    }
    Ok(environment.variables.clone().unwrap_or_default())
}

impl TouchFunctions for Functions {
    async fn function_variable(&self, function: &str, variable: &str) -> Answer<Option<String>> {
        Ok(variables(function, &self.configuration(function).await?)?.remove(variable))
    }

    async fn set_function_variable(&self, function: &str, variable: &str, value: &str) -> Answer<()> {
        let configuration = self.configuration(function).await?;
        let mut variables = variables(function, &configuration)?;
        if variables.get(variable).is_some_and(|shown| shown == value) {
            return Ok(());
        }
        variables.insert(variable.to_owned(), value.to_owned());
        let revision = configuration.revision_id.ok_or_else(|| invalid(READ, "RevisionId", format!("{function} has none")))?;
        let environment = Environment::builder().set_variables(Some(variables)).build();
        // Refused if anybody has changed the function since it was read.
        let request = self.client.update_function_configuration().function_name(function).environment(environment).revision_id(revision);
        request.send().await.map(|_| ()).map_err(|error| call_error(WRITE, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Wire;
    use serde_json::json;

    const MARK: &str = "LIFEBOAT_CUT_OVER";

    fn configuration(environment: &serde_json::Value) -> String {
        json!({"FunctionName": "orders-api", "RevisionId": "r-7", "Environment": environment}).to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn one_variable_is_set_all_others_are_kept_and_the_revision_is_named() {
        let body = configuration(&json!({"Variables": {"DB": "orders", "KEY": "hunter2"}}));
        let wire = Wire::answering(&[(200, &body), (200, "{}")]);
        let functions = wire.clients().await.functions();
        functions.set_function_variable("orders-api", MARK, "inc-1").await.unwrap();
        let sent: serde_json::Value = serde_json::from_str(&wire.bodies()[1]).unwrap();
        assert_eq!(sent, json!({"Environment": {"Variables": {"DB": "orders", "KEY": "hunter2", MARK: "inc-1"}}, "RevisionId": "r-7"}));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_set_already_is_not_set_again_and_what_cannot_be_read_is_never_written() {
        let body = configuration(&json!({"Variables": {MARK: "inc-1"}}));
        let dark = configuration(&json!({"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}));
        let wire = Wire::answering(&[(200, &body), (200, &dark)]);
        let functions = wire.clients().await.functions();
        functions.set_function_variable("orders-api", MARK, "inc-1").await.unwrap();
        let error = functions.set_function_variable("orders-api", MARK, "inc-1").await.unwrap_err();
        assert_eq!((error.class, wire.count()), (CallClass::Denied, 2), "nothing was written: {error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_changed_meanwhile_or_is_changing_is_tried_again_later() {
        for (status, code) in [(412, "PreconditionFailedException"), (409, "ResourceConflictException")] {
            let body = configuration(&json!({"Variables": {}}));
            let refused = json!({"Type": "User", "Message": "changed"}).to_string();
            let wire = Wire::answering_with(&[(200, &body, None), (status, &refused, Some(code))]);
            let error = wire.clients().await.functions().set_function_variable("orders-api", MARK, "inc-1").await.unwrap_err();
            assert_eq!((error.class, error.code.as_str()), (CallClass::WrongState, code));
        }
    }
}
