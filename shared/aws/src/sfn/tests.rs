//! Executions: looked at, started once.

use super::*;
use crate::wire::{Wire, error_json};
use serde_json::json;

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:recovery";
const EXECUTION: &str = "arn:aws:states:eu-central-1:123456789012:execution:recovery:orders-inc-1-1";

#[tokio::test(start_paused = true)]
async fn statuses_are_told_by_what_matters() {
    let table = [
        ("RUNNING", ExecutionState::Running),
        ("PENDING_REDRIVE", ExecutionState::Running),
        ("A_STATUS_OF_TOMORROW", ExecutionState::Running),
        ("SUCCEEDED", ExecutionState::Succeeded),
        ("FAILED", ExecutionState::Ended),
        ("TIMED_OUT", ExecutionState::Ended),
        ("ABORTED", ExecutionState::Ended),
    ];
    for (status, state) in table {
        let body = json!({"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": status, "startDate": 1_768_000_000}).to_string();
        let wire = Wire::answering(&[(200, &body)]);
        assert_eq!(wire.clients().await.executions().execution(EXECUTION).await.unwrap(), state, "{status}");
        assert_eq!(wire.json(), [json!({"executionArn": EXECUTION, "includedData": "METADATA_ONLY"})]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_input_of_an_execution_is_read_as_json_and_of_none_there_is_none() {
    let input = json!({"decision": "approve"});
    let body =
        json!({"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": "RUNNING", "startDate": 1, "input": input.to_string()});
    let wire = Wire::answering(&[(200, &body.to_string()), (400, &error_json("ExecutionDoesNotExist", "no"))]);
    let executions = wire.clients().await.executions();
    assert_eq!(executions.started_with(EXECUTION).await.unwrap(), Some((ExecutionState::Running, input)));
    assert_eq!(executions.started_with(EXECUTION).await.unwrap(), None);
    assert_eq!(wire.json()[0], json!({"executionArn": EXECUTION, "includedData": "ALL_DATA"}));
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_nobody_knows_is_missing_and_no_answer_is_no_state() {
    let wire = Wire::answering(&[(400, &error_json("ExecutionDoesNotExist", "no"))]);
    assert_eq!(wire.clients().await.executions().execution(EXECUTION).await.unwrap(), ExecutionState::Missing);
    let wire = Wire::answering(&[(500, ""); 3]);
    assert_eq!(wire.clients().await.executions().execution(EXECUTION).await.unwrap_err().class, CallClass::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_is_started_under_its_name_or_found() {
    let started = json!({"executionArn": EXECUTION, "startDate": 1_768_000_000}).to_string();
    let wire = Wire::answering(&[(200, &started), (400, &error_json("ExecutionAlreadyExists", "taken"))]);
    let machine = wire.clients().await.step_functions(MACHINE);
    let input = json!({"resource": "orders"});
    assert_eq!(machine.start_recovery("orders-inc-1-1", &input).await.unwrap(), Started::New(EXECUTION.to_owned()));
    assert_eq!(machine.start_recovery("orders-inc-1-1", &input).await.unwrap(), Started::Exists(EXECUTION.to_owned()));
    let sent = json!({"stateMachineArn": MACHINE, "name": "orders-inc-1-1", "input": "{\"resource\":\"orders\"}"});
    assert_eq!(wire.json(), [sent.clone(), sent]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_gone_starts_nothing() {
    let wire = Wire::answering(&[(400, &error_json("StateMachineDoesNotExist", "no"))]);
    let error = wire.clients().await.step_functions(MACHINE).start_recovery("n", &json!({})).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, "StateMachineDoesNotExist"), "a wrong setting");
}

#[test]
fn an_execution_arn_follows_from_the_machines() {
    assert_eq!(execution_arn(MACHINE, "orders-inc-1-1").as_deref(), Some(EXECUTION));
    assert_eq!(execution_arn(&format!("{MACHINE}:live"), "orders-inc-1-1").as_deref(), Some(EXECUTION));
    let china = "arn:aws-cn:states:cn-north-1:1:stateMachine:m";
    assert_eq!(execution_arn(china, "n").as_deref(), Some("arn:aws-cn:states:cn-north-1:1:execution:m:n"));
    for wrong in ["", "recovery", "arn:aws:states:r:1:express:m:n", "arn:aws:lambda:r:1:stateMachine:m"] {
        assert_eq!(execution_arn(wrong, "n"), None, "{wrong}");
    }
}
