//! Executions and messages.

use super::Cloud;
use super::faults::refusal;
use lifeboat_domain::ports::{Answer, ExecutionState, Message, Publish, ReadExecutions, StartRecovery, Started};
use serde_json::Value;

/// What the ARN of an execution of `recovery` begins with.
const RECOVERY: &str = "arn:aws:states:us-east-1:123456789012:execution:lifeboat-recovery:";

/// An execution of `recovery` that was started. Nobody runs it here: a test does, and then says how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedExecution {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its input.
    pub input: Value,
    /// How it stands.
    pub state: ExecutionState,
}

impl ReadExecutions for Cloud {
    async fn execution(&self, arn: &str) -> Answer<ExecutionState> {
        self.serve("states:DescribeExecution", arn, |world| {
            let found = world.executions.iter().find(|execution| execution.arn == arn);
            Ok(found.map_or(ExecutionState::Missing, |execution| execution.state))
        })
    }

    async fn started_with(&self, arn: &str) -> Answer<Option<(ExecutionState, Value)>> {
        self.serve("states:DescribeExecution", arn, |world| {
            let found = world.executions.iter().find(|execution| execution.arn == arn);
            Ok(found.map(|execution| (execution.state, execution.input.clone())))
        })
    }
}

impl StartRecovery for Cloud {
    async fn start_recovery(&self, name: &str, input: &Value) -> Answer<Started> {
        self.serve("states:StartExecution", name, |world| {
            let arn = format!("{RECOVERY}{name}");
            // As Step Functions has it: the same input of an execution that runs is answered as if it were new.
            match world.executions.iter().find(|execution| execution.arn == arn) {
                Some(found) if found.state == ExecutionState::Running && found.input == *input => Ok(Started::New(arn)),
                Some(_) => Ok(Started::Exists(arn)),
                None => {
                    let state = ExecutionState::Running;
                    world.executions.push(StartedExecution { name: name.to_owned(), arn: arn.clone(), input: input.clone(), state });
                    Ok(Started::New(arn))
                }
            }
        })
    }
}

impl Publish for Cloud {
    async fn publish(&self, message: &Message) -> Answer<String> {
        self.serve("sns:Publish", "topic", |world| {
            let one_line = message.subject.chars().count() < 100 && !message.subject.chars().any(char::is_control);
            if message.subject.is_empty() || !one_line {
                return Err(refusal("sns:Publish", "InvalidParameter", format!("Subject: {:?}", message.subject)));
            }
            world.messages.push(message.clone());
            Ok(format!("message-{}", world.messages.len()))
        })
    }
}
