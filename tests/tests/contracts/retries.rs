//! Retries: two classes and no third.

use crate::repo::{machines, none};
use lifeboat_tests::asl::shape::tasks;
use lifeboat_tests::asl::{Retrier, Task};

/// The Tasks whose effect must not be asked for twice: a duplicate failover flips back, and a promotion cannot be taken back.
const AT_MOST_ONCE: &[&str] = &["ForceFailover", "PromoteReplica", "TakeOver"];

fn retrier(errors: &[&str], interval: u64, longest: u64, attempts: u32) -> Retrier {
    Retrier {
        error_equals: errors.iter().map(|error| (*error).to_owned()).collect(),
        interval_seconds: Some(interval),
        max_attempts: Some(attempts),
        backoff_rate: Some(2.0),
        max_delay_seconds: Some(longest),
        jitter_strategy: Some("FULL".to_owned()),
    }
}

/// Steps that may run twice.
fn repeatable() -> Vec<Retrier> {
    let service = [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.TooManyRequestsException",
    ];
    vec![
        retrier(&["Dr.TransientFailure"], 2, 60, 6),
        retrier(&["Dr.Conflict"], 5, 30, 4),
        retrier(&service, 2, 60, 6),
        retrier(&["Lambda.Unknown", "States.Timeout", "Sandbox.Timedout", "Runtime.ExitError"], 2, 30, 2),
    ]
}

/// Steps after whose time-out nobody knows what happened: only what certainly did nothing, or what the function itself
/// says may be tried again, is.
fn at_most_once() -> Vec<Retrier> {
    vec![
        retrier(&["Dr.TransientFailure"], 2, 60, 6),
        retrier(&["Dr.Conflict"], 5, 30, 4),
        retrier(&["Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.TooManyRequestsException"], 2, 60, 6),
    ]
}

fn each_task(complain: impl Fn(&str, &Task) -> Option<String>) {
    let machines = machines();
    none(machines.iter().flat_map(|machine| {
        let tasks = machine.flows().into_iter().flat_map(tasks);
        tasks.filter_map(|(name, task)| Some(format!("{}: {}", machine.name, complain(name, task)?))).collect::<Vec<_>>()
    }));
}

#[test]
fn every_task_retries_as_its_class_does() {
    each_task(|name, task| {
        let (class, expected) = if AT_MOST_ONCE.contains(&name) { ("at-most-once", at_most_once()) } else { ("repeatable", repeatable()) };
        (task.retry != expected).then(|| format!("{name} does not retry as the {class} class does"))
    });
}

#[test]
fn nothing_of_unknown_outcome_is_repeated_where_once_is_all() {
    let unknown = [
        "States.ALL",
        "States.TaskFailed",
        "States.Timeout",
        "Lambda.Unknown",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Sandbox.Timedout",
        "Runtime.ExitError",
    ];
    each_task(|name, task| {
        let repeated = task.retry.iter().flat_map(|retrier| &retrier.error_equals).find(|error| unknown.contains(&error.as_str()));
        repeated.filter(|_| AT_MOST_ONCE.contains(&name)).map(|error| format!("{name} is repeated after {error}"))
    });
}

#[test]
fn every_step_that_acts_at_most_once_is_known_as_such() {
    each_task(|name, task| {
        let asks = task.step().is_some_and(|step| ["fail_over", "promote"].contains(&step));
        (asks && !AT_MOST_ONCE.contains(&name)).then(|| format!("{name} asks for what must not be asked for twice"))
    });
}
