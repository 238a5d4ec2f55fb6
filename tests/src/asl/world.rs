//! What surrounds an execution: the functions that it calls and the clock.

use lifeboat_domain::Timestamp;
use serde_json::{Value, json};
use std::fmt;

/// The host of an execution. Single-threaded: the interpreter awaits one call after the other.
#[expect(async_fn_in_trait, reason = "test support runs on one thread and needs no Send")]
pub trait World {
    /// Answers for a function: `function` is `RestoreAct` for `${RestoreActFunctionArn}`, `state` the name of the Task.
    ///
    /// Time that passes meanwhile (by [`Self::now`]) counts against the Task's `TimeoutSeconds`: past it, the answer is lost and
    /// the Task ends with `States.Timeout`, although the function has done what it did.
    async fn invoke(&mut self, function: &str, state: &str, payload: Value) -> Result<Value, TaskError>;

    /// Lets the clock go on.
    fn advance(&mut self, seconds: f64);

    /// What the clock shows.
    fn now(&self) -> Timestamp;

    /// Whether somebody stops the execution (`StopExecution`) just before it enters `state`.
    fn stops_before(&mut self, state: &str) -> bool {
        let _ = state;
        false
    }
}

/// A Task that failed, as Step Functions names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    /// `Dr.Conflict`, `Lambda.Unknown`, `States.Timeout`, ...
    pub name: String,
    /// What a function said; none where Step Functions itself has nothing to say, as after a time-out.
    pub message: Option<String>,
}

impl TaskError {
    /// An error that a function returned.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: Some(message.into()) }
    }

    /// The Task ran into its time-out: Step Functions gives no cause then.
    pub fn timeout() -> Self {
        Self { name: "States.Timeout".to_owned(), message: None }
    }

    /// The `Cause` that a Catch sees: for an error of a function, what the runtime posted, as a string of JSON.
    pub fn cause(&self) -> Option<String> {
        let message = self.message.as_deref()?;
        let of_platform = ["States.", "Lambda.", "Sandbox.", "Runtime."].iter().any(|prefix| self.name.starts_with(prefix));
        if of_platform {
            return Some(message.to_owned());
        }
        Some(json!({"errorType": self.name, "errorMessage": message}).to_string())
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl std::error::Error for TaskError {}
