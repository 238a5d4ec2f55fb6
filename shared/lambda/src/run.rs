//! Running a handler: one line in the log for each decision, errors under the names that state machines catch.

use crate::logging::init_logging;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use lifeboat_domain::{DrError, ErrorName};
use serde_json::Value;
use std::error::Error;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::ExitCode;
use std::task::Poll;

/// Wires the function once and answers invocations until the environment is shut down.
///
/// If wiring fails, each invocation is answered with that error: a wrong setting is `Dr.InvalidInput`, not `Runtime.ExitError`.
pub async fn run<H>(wire: impl AsyncFnOnce() -> Result<H, DrError>) -> ExitCode
where
    H: AsyncFn(Value) -> Result<Value, DrError>,
{
    init_logging();
    crate::metrics::begin();
    let handler = wire().await;
    if let Err(error) = &handler {
        tracing::error!(error = error.name().as_str(), cause = chain(error), "the function cannot be wired: {error}");
    }
    let handler = &handler;
    match lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| answer(handler, event.payload))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the Lambda runtime ended: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One invocation.
async fn answer<H>(handler: &Result<H, DrError>, input: Value) -> Result<Value, Failure>
where
    H: AsyncFn(Value) -> Result<Value, DrError>,
{
    let seen = Seen::of(&input);
    let result = match handler {
        Ok(handler) => without_panic(Box::pin(handler(input))).await,
        Err(error) => Err(DrError::new(error.name(), error.message())),
    };
    match result {
        Ok(output) => {
            seen.log_decision(&output);
            Ok(output)
        }
        Err(error) => {
            seen.log_failure(&error);
            Err(Failure(error))
        }
    }
}

/// Turns a panic into an error with a name of ours: it is a bug, and a person is needed.
async fn without_panic(answering: impl Future<Output = Result<Value, DrError>>) -> Result<Value, DrError> {
    let mut answering = pin!(answering);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Poll::Ready(Err(DrError::unrecoverable(format!("a bug: the function panicked: {}", text.unwrap_or("without a message")))))
        })
    })
    .await
}

/// A failure on its way to the runtime.
#[derive(Debug)]
struct Failure(DrError);

impl From<Failure> for Diagnostic {
    fn from(Failure(error): Failure) -> Self {
        Self { error_type: error.name().as_str().to_owned(), error_message: error.message().to_owned() }
    }
}

/// What the log says about an invocation: whom and what it was about, never the whole event.
struct Seen {
    step: Option<String>,
    incident: Option<String>,
    execution: Option<String>,
    resource: Option<String>,
}

impl Seen {
    fn of(input: &Value) -> Self {
        let [step, incident, execution, resource] = ["step", "incident", "execution", "resource"].map(|key| word(input, key));
        Self { step, incident, execution, resource }
    }

    fn log_decision(self, output: &Value) {
        tracing::info!(
            step = self.step,
            incident = self.incident.or_else(|| word(output, "incident")),
            execution = self.execution.or_else(|| word(output, "execution")),
            resource = self.resource.or_else(|| word(output, "resource")),
            decision = ["decision", "verdict", "state", "outcome", "next"].iter().find_map(|key| word(output, key)),
            reason = word(output, "reason"),
            "decided"
        );
    }

    fn log_failure(self, error: &DrError) {
        let Self { step, incident, execution, resource } = self;
        let (name, cause) = (error.name().as_str(), chain(error));
        match error.name() {
            ErrorName::Unrecoverable | ErrorName::InvalidInput => {
                tracing::error!(step, incident, execution, resource, error = name, cause, "{error}");
            }
            ErrorName::TransientFailure | ErrorName::Conflict | ErrorName::NoCapacity | ErrorName::NotFound | ErrorName::Refused => {
                tracing::warn!(step, incident, execution, resource, error = name, cause, "{error}");
            }
        }
    }
}

/// A short text at the top of an object, if there is one. An object stands for its name or its kind.
fn word(value: &Value, key: &str) -> Option<String> {
    const MOST: usize = 300;
    let text = match value.get(key)? {
        Value::String(text) => text.as_str(),
        Value::Object(fields) => ["id", "name", "kind", "verdict"].iter().find_map(|key| fields.get(*key)?.as_str())?,
        _ => return None,
    };
    Some(text.chars().take(MOST).collect())
}

/// The causes of an error, outermost first.
fn chain(error: &DrError) -> Option<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    (!causes.is_empty()).then(|| causes.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_error_reaches_the_state_machine_under_its_exact_name() {
        let exact = [
            (ErrorName::TransientFailure, "Dr.TransientFailure"),
            (ErrorName::Conflict, "Dr.Conflict"),
            (ErrorName::NoCapacity, "Dr.NoCapacity"),
            (ErrorName::NotFound, "Dr.NotFound"),
            (ErrorName::InvalidInput, "Dr.InvalidInput"),
            (ErrorName::Refused, "Dr.Refused"),
            (ErrorName::Unrecoverable, "Dr.Unrecoverable"),
        ];
        assert_eq!(exact.len(), ErrorName::ALL.len());
        for (name, wire) in exact {
            let diagnostic = Diagnostic::from(Failure(DrError::new(name, "a sentence").because(std::io::Error::other("inner"))));
            assert_eq!(diagnostic, Diagnostic { error_type: wire.to_owned(), error_message: "a sentence".to_owned() });
            assert_eq!(serde_json::to_value(&diagnostic).unwrap(), json!({"errorType": wire, "errorMessage": "a sentence"}));
        }
    }

    #[tokio::test]
    async fn a_function_that_cannot_be_wired_says_so_at_each_call() {
        async fn never(input: Value) -> Result<Value, DrError> {
            Ok(input)
        }
        let mut handler = Ok(never);
        assert_eq!(answer(&handler, json!({"step": "plan"})).await.unwrap(), json!({"step": "plan"}));
        handler = Err(DrError::invalid("LIFEBOAT_TABLE", "nothing", "a table"));
        for _ in 0..2 {
            let diagnostic = Diagnostic::from(answer(&handler, json!({})).await.unwrap_err());
            assert_eq!(diagnostic.error_type, "Dr.InvalidInput");
            assert!(diagnostic.error_message.contains("LIFEBOAT_TABLE"));
        }
    }

    #[tokio::test]
    async fn a_panic_has_our_name() {
        let handler = Ok(async |input: Value| if input.is_null() { panic!("no input") } else { Ok(input) });
        let diagnostic = Diagnostic::from(answer(&handler, Value::Null).await.unwrap_err());
        assert_eq!(diagnostic.error_type, "Dr.Unrecoverable");
        assert!(diagnostic.error_message.ends_with("no input"), "{}", diagnostic.error_message);
    }

    #[test]
    fn the_log_shows_words_and_never_whole_objects() {
        let input =
            json!({"step": "plan", "incident": {"id": "inc-1", "secret": "hunter2"}, "resource": ["x"], "execution": "e".repeat(999)});
        let seen = Seen::of(&input);
        assert_eq!((seen.step.as_deref(), seen.incident.as_deref(), seen.resource.as_deref()), (Some("plan"), Some("inc-1"), None));
        assert_eq!(seen.execution.map(|execution| execution.len()), Some(300));
    }

    #[test]
    fn the_cause_is_told_once_outermost_first() {
        let inner = DrError::transient("the call failed").because(std::io::Error::other("connection reset"));
        let error = DrError::unrecoverable("cannot plan").because(inner);
        assert_eq!(chain(&error).as_deref(), Some("the call failed: connection reset"));
    }
}
