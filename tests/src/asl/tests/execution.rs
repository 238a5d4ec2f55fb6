use super::reading::machine;
use crate::asl::{Ending, Machine, Outcome, TaskError, World, run};
use lifeboat_domain::Timestamp;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Answers from a list, one for each invocation, and remembers the payloads.
struct Script {
    now: Timestamp,
    answers: VecDeque<Result<Value, TaskError>>,
    asked: Vec<(String, String, Value)>,
    takes: f64,
    stop: Option<&'static str>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<Value, TaskError>>) -> Self {
        let now = "2026-01-15T10:00:00Z".parse().unwrap();
        Self { now, answers: answers.into_iter().collect(), asked: Vec::new(), takes: 0.0, stop: None }
    }

    fn passed(&self) -> f64 {
        let start: Timestamp = "2026-01-15T10:00:00Z".parse().unwrap();
        self.now.signed_duration_since(start).as_seconds_f64()
    }
}

impl World for Script {
    async fn invoke(&mut self, function: &str, state: &str, payload: Value) -> Result<Value, TaskError> {
        self.asked.push((function.to_owned(), state.to_owned(), payload));
        self.advance(self.takes);
        self.answers.pop_front().unwrap_or(Ok(Value::Null))
    }
    fn advance(&mut self, seconds: f64) {
        self.now += chrono::TimeDelta::milliseconds((seconds * 1000.0) as i64);
    }
    fn now(&self) -> Timestamp {
        self.now
    }
    fn stops_before(&mut self, state: &str) -> bool {
        self.stop == Some(state)
    }
}

async fn execute(machine: &Machine, input: Value, world: &mut Script) -> Ending {
    run(machine, "run-1", "arn:aws:states:eu-west-1:1:execution:test:run-1", input, world).await
}

fn failed(error: &str, cause: Option<&str>) -> Outcome {
    Outcome::Failed { error: error.to_owned(), cause: cause.map(str::to_owned) }
}

fn task(fields: Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 10,
        "Arguments": {"FunctionName": "${WorkFunctionArn}", "Payload": {"step": "work", "given": "{% $states.input %}"}}});
    task.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    task
}

fn one_task(fields: Value) -> Machine {
    machine(json!({"StartAt": "Work", "States": {"Work": task(fields), "Good": {"Type": "Succeed"},
        "Caught": {"Type": "Succeed", "Output": "{% $states.input %}"}}}))
}

fn only(state: Value) -> Machine {
    machine(json!({"StartAt": "Only", "States": {"Only": state}}))
}

#[tokio::test]
async fn a_task_is_asked_by_its_function_and_answers_into_variables_and_output() {
    let machine = machine(json!({"StartAt": "Work", "States": {
        "Work": task(json!({"Assign": {"number_of": "{% $states.result.Payload.count %}"}, "Output": "{% $states.result.Payload %}", "Next": "Good"})),
        "Good": {"Type": "Succeed", "Output": {"count": "{% $number_of %}", "whole": "{% $states.input %}", "id": "{% $states.context.Execution.Id %}"}}
    }}));
    let mut world = Script::new([Ok(json!({"count": 3, "list": []}))]);
    let ending = execute(&machine, json!(["one"]), &mut world).await;
    let id = "arn:aws:states:eu-west-1:1:execution:test:run-1";
    assert_eq!(ending.outcome, Outcome::Succeeded(json!({"count": 3, "whole": {"count": 3, "list": []}, "id": id})));
    assert_eq!(world.asked, [("Work".to_owned(), "Work".to_owned(), json!({"step": "work", "given": ["one"]}))]);
    assert_eq!(ending.trace.iter().map(|step| step.state.as_str()).collect::<Vec<_>>(), ["Work", "Good"]);
}

#[tokio::test]
async fn a_task_without_output_hands_on_the_whole_answer_of_the_service() {
    let ending = execute(&one_task(json!({"Next": "Good"})), json!({}), &mut Script::new([Ok(json!(1))])).await;
    assert_eq!(ending.outcome, Outcome::Succeeded(json!({"Payload": 1, "StatusCode": 200, "ExecutedVersion": "$LATEST"})));
}

#[tokio::test]
async fn assigned_variables_are_seen_only_after_the_state() {
    let machine = machine(json!({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Second"},
        "Second": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Output": "{% $a %}", "Next": "Third"},
        "Third": {"Type": "Pass", "Output": {"input": "{% $states.input %}", "a": "{% $a %}", "b": "{% $b %}"}, "End": true}
    }}));
    let ending = execute(&machine, json!({}), &mut Script::new([])).await;
    assert_eq!(ending.outcome, Outcome::Succeeded(json!({"input": 1, "a": 2, "b": 1})));
}

#[tokio::test]
async fn a_variable_cannot_take_the_name_of_a_function() {
    let ending = execute(&only(json!({"Type": "Pass", "Assign": {"count": 1}, "End": true})), json!({}), &mut Script::new([])).await;
    assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "States.QueryEvaluationError"));
}

#[tokio::test]
async fn what_is_undefined_is_an_error_and_null_is_not() {
    for (expression, expected) in
        [("{% $states.input.nope %}", None), ("{% $nope = 1 %}", None), ("{% $states.input.gone %}", Some(Value::Null))]
    {
        let ending = execute(&only(json!({"Type": "Succeed", "Output": expression})), json!({"gone": null}), &mut Script::new([])).await;
        match expected {
            Some(value) => assert_eq!(ending.outcome, Outcome::Succeeded(value)),
            None => {
                assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "States.QueryEvaluationError"), "{expression}")
            }
        }
    }
}

#[tokio::test]
async fn expressions_join_texts_build_objects_and_compare() {
    let output = json!({"joined": "{% 'because ' & $states.input.why & '; $x' %}", "object": "{% {'a': $states.input.n, 'b': $states.input.nope} %}",
        "same": "{% $states.input.n = 1 %}", "list": "{% $states.input.list %}", "single": "{% $states.input.single %}"});
    let input = json!({"why": "of rain", "n": 1, "list": [], "single": ["x"]});
    let ending = execute(&only(json!({"Type": "Succeed", "Output": output})), input, &mut Script::new([])).await;
    let expected = json!({"joined": "because of rain; $x", "object": {"a": 1}, "same": true, "list": [], "single": ["x"]});
    assert_eq!(ending.outcome, Outcome::Succeeded(expected));
}

#[tokio::test]
async fn each_retrier_counts_for_itself_and_the_clock_goes_on() {
    let retry = json!([
        {"ErrorEquals": ["A"], "IntervalSeconds": 2, "BackoffRate": 2.0, "MaxAttempts": 2},
        {"ErrorEquals": ["B"], "IntervalSeconds": 10, "MaxAttempts": 1}
    ]);
    let machine = one_task(json!({"Retry": retry, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "Next": "Good"}));
    let fail = |name: &str| Err(TaskError::new(name, "no"));
    let mut world = Script::new([fail("A"), fail("B"), fail("A"), fail("A")]);
    let ending = execute(&machine, json!({}), &mut world).await;
    let cause = json!({"errorType": "A", "errorMessage": "no"}).to_string();
    assert_eq!(ending.outcome, Outcome::Succeeded(json!({"Error": "A", "Cause": cause})));
    assert_eq!((world.asked.len(), world.passed()), (4, 16.0));
    assert_eq!((ending.trace[0].retries, ending.trace[0].caught.as_deref()), (3, Some("A")));
}

#[tokio::test]
async fn the_first_catcher_that_fits_assigns_and_hands_on() {
    let catch = json!([
        {"ErrorEquals": ["Other"], "Next": "Good"},
        {"ErrorEquals": ["States.ALL"], "Assign": {"x": 1}, "Output": "{% $states.errorOutput.Error %}", "Next": "Caught"}
    ]);
    let ending =
        execute(&one_task(json!({"Catch": catch, "Next": "Good"})), json!({}), &mut Script::new([Err(TaskError::new("A", ""))])).await;
    assert_eq!(ending.outcome, Outcome::Succeeded(json!("A")));
}

#[tokio::test]
async fn an_error_that_nothing_catches_fails_the_execution() {
    let error = TaskError::new("Lambda.Unknown", "signal: killed");
    let ending = execute(&one_task(json!({"Next": "Good"})), json!({}), &mut Script::new([Err(error)])).await;
    assert_eq!(ending.outcome, failed("Lambda.Unknown", Some("signal: killed")));
}

#[tokio::test]
async fn a_late_answer_is_lost_and_the_error_has_no_cause() {
    let machine = one_task(json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "Next": "Good"}));
    let mut world = Script::new([Ok(json!({"done": true}))]);
    world.takes = 11.0;
    let ending = execute(&machine, json!({}), &mut world).await;
    assert_eq!(ending.outcome, Outcome::Succeeded(json!({"Error": "States.Timeout"})));
}

#[tokio::test]
async fn an_answer_without_the_expected_field_is_caught_as_an_evaluation_error() {
    let machine = one_task(json!({"Assign": {"x": "{% $states.result.Payload.x %}"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Caught"}], "Next": "Good"}));
    let ending = execute(&machine, json!({}), &mut Script::new([Ok(json!({}))])).await;
    assert_eq!(ending.outcome, Outcome::Succeeded(json!("States.QueryEvaluationError")));
}

#[tokio::test]
async fn the_machines_own_time_out_passes_every_catch() {
    let machine = machine(json!({"StartAt": "Pause", "TimeoutSeconds": 30, "States": {
        "Pause": {"Type": "Wait", "Seconds": "{% $states.input.seconds %}", "Next": "Good"}, "Good": {"Type": "Succeed"}}}));
    let mut world = Script::new([]);
    assert_eq!(execute(&machine, json!({"seconds": 31}), &mut world).await.outcome, Outcome::TimedOut);
    assert_eq!(world.passed(), 30.0);
    assert!(matches!(execute(&machine, json!({"seconds": 29}), &mut Script::new([])).await.outcome, Outcome::Succeeded(_)));
}

#[tokio::test]
async fn seconds_must_be_a_whole_number() {
    for seconds in [json!(1.5), json!(-1), json!("10")] {
        let machine = only(json!({"Type": "Wait", "Seconds": "{% $states.input.seconds %}", "End": true}));
        let ending = execute(&machine, json!({"seconds": seconds}), &mut Script::new([])).await;
        assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "States.QueryEvaluationError"), "{seconds}");
    }
}

#[tokio::test]
async fn a_choice_takes_the_first_true_branch_else_its_default() {
    let machine = machine(json!({"StartAt": "Decide", "States": {
        "Decide": {"Type": "Choice", "Default": "Other", "Choices": [
            {"Condition": "{% $states.input.n = 1 %}", "Next": "One"}, {"Condition": "{% $states.input.n = 2 %}", "Next": "Two"}]},
        "One": {"Type": "Fail", "Error": "One"}, "Two": {"Type": "Fail", "Error": "Two"},
        "Other": {"Type": "Fail", "Error": "{% $states.input.text %}", "Cause": "{% 'got ' & $states.input.n %}"}
    }}));
    for (n, expected) in [(1, failed("One", None)), (2, failed("Two", None)), (3, failed("Else", Some("got 3")))] {
        assert_eq!(execute(&machine, json!({"n": n, "text": "Else"}), &mut Script::new([])).await.outcome, expected);
    }
    let unclear = only(json!({"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n %}", "Next": "Only"}]}));
    let ending = execute(&unclear, json!({"n": 1}), &mut Script::new([])).await;
    assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "States.QueryEvaluationError"));
}

fn mapping(inner: Value) -> Machine {
    machine(json!({"StartAt": "Set", "States": {
        "Set": {"Type": "Pass", "Assign": {"outer": "o"}, "Next": "Each"},
        "Each": {"Type": "Map", "Items": "{% $states.input %}", "MaxConcurrency": 2, "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Caught"}],
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Item", "States": inner}, "Next": "Good"},
        "Good": {"Type": "Succeed"}, "Caught": {"Type": "Succeed"}
    }}))
}

#[tokio::test]
async fn a_map_runs_one_item_after_the_other_and_collects() {
    let machine = mapping(json!({
        "Item": task(json!({"Assign": {"own": "{% $states.input %}"}, "Next": "Done"})),
        "Done": {"Type": "Succeed", "Output": "{% $outer & $own %}"}
    }));
    assert_eq!(execute(&machine, json!(["a", "b"]), &mut Script::new([])).await.outcome, Outcome::Succeeded(json!(["oa", "ob"])));
    assert_eq!(execute(&machine, json!([]), &mut Script::new([])).await.outcome, Outcome::Succeeded(json!([])));
}

#[tokio::test]
async fn one_failed_item_fails_the_map_which_may_catch_it() {
    let machine = mapping(json!({"Item": {"Type": "Fail", "Error": "Bad"}}));
    assert_eq!(execute(&machine, json!(["a"]), &mut Script::new([])).await.outcome, Outcome::Succeeded(json!("Bad")));
}

#[tokio::test]
async fn a_map_cannot_assign_a_variable_from_around_it() {
    let machine = mapping(json!({"Item": {"Type": "Pass", "Assign": {"outer": 1}, "End": true}}));
    let ending = execute(&machine, json!(["a"]), &mut Script::new([])).await;
    assert_eq!(ending.outcome, Outcome::Succeeded(json!("States.QueryEvaluationError")));
}

#[tokio::test]
async fn nothing_large_travels_and_no_catch_hides_it() {
    let machine = one_task(json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "Next": "Good"}));
    for (input, answer) in
        [(json!("x".repeat(40_000)), json!(1)), (json!("x".repeat(32_750)), json!(1)), (json!(1), json!("x".repeat(40_000)))]
    {
        let ending = execute(&machine, input, &mut Script::new([Ok(answer)])).await;
        assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "States.DataLimitExceeded"), "{:?}", ending.outcome);
    }
}

#[tokio::test]
async fn a_loop_without_an_end_is_cut_by_the_history_limit() {
    let machine = machine(json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}));
    let ending = execute(&machine, json!({}), &mut Script::new([])).await;
    assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "States.Runtime"));
    assert_eq!(ending.trace.len(), 12_499);
}

#[tokio::test]
async fn a_stopped_execution_goes_no_further() {
    let mut world = Script::new([]);
    world.stop = Some("Good");
    assert_eq!(execute(&one_task(json!({"Next": "Good"})), json!({}), &mut world).await.outcome, Outcome::Aborted("Good".to_owned()));
    assert_eq!(world.asked.len(), 1);
}
