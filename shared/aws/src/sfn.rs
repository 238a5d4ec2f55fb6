//! Step Functions: looking at executions, starting the `recovery` machine.

use crate::classify::{call_error, invalid, own_call_error};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, IncludedData};
use lifeboat_domain::CallClass;
use lifeboat_domain::ports::{Answer, ExecutionState, ReadExecutions, StartRecovery, Started};
use serde_json::Value;

/// Step Functions, for looking at executions.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
}

impl Executions {
    /// Step Functions as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl ReadExecutions for Executions {
    async fn execution(&self, arn: &str) -> Answer<ExecutionState> {
        // Only metadata: input and output may be encrypted, and are not our business here.
        match self.client.describe_execution().execution_arn(arn).included_data(IncludedData::MetadataOnly).send().await {
            Ok(output) => Ok(state(&output.status)),
            Err(error) => match call_error("states:DescribeExecution", &error) {
                answered if answered.class == CallClass::NotFound => Ok(ExecutionState::Missing),
                answered => Err(answered),
            },
        }
    }

    async fn started_with(&self, arn: &str) -> Answer<Option<(ExecutionState, Value)>> {
        let action = "states:DescribeExecution";
        match self.client.describe_execution().execution_arn(arn).included_data(IncludedData::AllData).send().await {
            Ok(output) => {
                let text = output.input.unwrap_or_default();
                let input = serde_json::from_str(&text).map_err(|error| invalid(action, "input", format!("is no JSON: {error}")))?;
                Ok(Some((state(&output.status), input)))
            }
            Err(error) => match call_error(action, &error) {
                answered if answered.class == CallClass::NotFound => Ok(None),
                answered => Err(answered),
            },
        }
    }
}

const fn state(status: &ExecutionStatus) -> ExecutionState {
    match status {
        ExecutionStatus::Succeeded => ExecutionState::Succeeded,
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => ExecutionState::Ended,
        // A status that we do not know is not an end: whoever runs keeps its lease.
        _ => ExecutionState::Running,
    }
}

/// Step Functions, for looking at executions and starting `recovery`.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    executions: Executions,
    machine: String,
}

impl StepFunctions {
    /// Step Functions as configured, with the ARN of the machine `recovery`.
    pub fn new(config: &SdkConfig, machine: &str) -> Self {
        Self { executions: Executions::new(config), machine: machine.to_owned() }
    }
}

impl ReadExecutions for StepFunctions {
    async fn execution(&self, arn: &str) -> Answer<ExecutionState> {
        self.executions.execution(arn).await
    }

    async fn started_with(&self, arn: &str) -> Answer<Option<(ExecutionState, Value)>> {
        self.executions.started_with(arn).await
    }
}

impl StartRecovery for StepFunctions {
    /// `New` also where an execution of this name and this very input runs already: Step Functions does not tell them apart.
    async fn start_recovery(&self, name: &str, input: &Value) -> Answer<Started> {
        let action = "states:StartExecution";
        let request = self.executions.client.start_execution().state_machine_arn(&self.machine).name(name).input(input.to_string());
        match request.send().await {
            Ok(output) => Ok(Started::New(output.execution_arn)),
            Err(error) => match own_call_error(action, &error) {
                answered if answered.class == CallClass::AlreadyExists => {
                    let arn = execution_arn(&self.machine, name);
                    arn.map(Started::Exists)
                        .ok_or_else(|| invalid(action, "stateMachineArn", format!("{} is not the ARN of a state machine", self.machine)))
                }
                answered => Err(answered),
            },
        }
    }
}

/// The ARN of the machine's execution called `name`; a version or alias of the machine is not part of it.
fn execution_arn(machine: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = machine.splitn(8, ':').collect();
    let ["arn", partition, "states", region, account, "stateMachine", machine, ..] = parts.as_slice() else { return None };
    Some(format!("arn:{partition}:states:{region}:{account}:execution:{machine}:{name}"))
}

#[cfg(test)]
mod tests;
