//! Where a person's order comes from: a running execution, which only those may start whom IAM lets.

use crate::error::{CallError, DrError};
use crate::ports::{ExecutionState, ReadExecutions};
use serde_json::Value;

/// An order counts only from a running execution of the machine that takes it, started with this very input: IAM decides who may
/// start one, and CloudTrail knows who did. Whoever only invokes the function orders nothing.
pub async fn prove(executions: &impl ReadExecutions, execution: &str, machine: &str, request: &Value) -> Result<(), DrError> {
    let name = execution.split(':').nth(6).unwrap_or_default();
    if !name.ends_with(&format!("-{machine}")) {
        return Err(DrError::refused(format!("execution: {execution:?} is no execution of the state machine `{machine}`")));
    }
    let asking = |error: CallError| error.while_doing(format!("asking after {execution}"));
    match executions.started_with(execution).await.map_err(asking)? {
        Some((ExecutionState::Running, input)) if input == *request => Ok(()),
        _ => Err(DrError::refused(format!("execution: {execution:?} does not run with this input"))),
    }
}
