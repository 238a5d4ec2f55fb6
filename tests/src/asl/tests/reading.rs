use crate::asl::duration::{Duration, show};
use crate::asl::shape::{find_loop, reachable};
use crate::asl::{Machine, State};
use serde_json::{Value, json};

pub(super) fn machine(definition: Value) -> Machine {
    let mut whole = json!({"QueryLanguage": "JSONata", "TimeoutSeconds": 1000});
    whole.as_object_mut().unwrap().extend(definition.as_object().unwrap().clone());
    Machine::parse("test", &whole.to_string()).unwrap()
}

fn refusal(definition: &str) -> String {
    Machine::parse("test", definition).unwrap_err()
}

#[test]
fn a_field_of_the_other_query_language_is_refused_with_the_state_that_has_it() {
    let error = refusal(
        r#"{"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": {"Type": "Pass", "ResultPath": "$.x", "End": true}}}"#,
    );
    assert!(error.contains("state Only") && error.contains("ResultPath"), "{error}");
}

#[test]
fn jsonpath_machines_and_other_resources_are_refused() {
    assert!(refusal(r#"{"QueryLanguage": "JSONPath", "StartAt": "A", "States": {}}"#).contains("JSONPath"));
    let error = refusal(
        r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish",
            "Arguments": {"FunctionName": "x", "Payload": {}}, "End": true}}}"#,
    );
    assert!(error.contains("sns:publish"), "{error}");
}

#[test]
fn two_states_of_one_name_are_refused() {
    let error = refusal(r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Succeed"}, "A": {"Type": "Succeed"}}}"#);
    assert_eq!(error, "test: two states are called A");
}

#[test]
fn a_state_needs_exactly_one_way_out() {
    for state in [json!({"Type": "Pass"}), json!({"Type": "Pass", "Next": "A", "End": true})] {
        let whole = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}});
        assert_eq!(refusal(&whole.to_string()), "test: A needs either Next or End");
    }
}

#[test]
fn states_keep_the_order_of_the_file() {
    let read = machine(json!({"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}, "A": {"Type": "Succeed"}}}));
    // `json!` sorts; what matters is that nothing is lost.
    assert_eq!(read.all_states().len(), 2);
    let text = r#"{"QueryLanguage": "JSONata", "StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}, "A": {"Type": "Succeed"}}}"#;
    let names: Vec<String> = Machine::parse("test", text).unwrap().states.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["B", "A"]);
}

fn looping() -> Machine {
    machine(json!({"StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 10,
            "Arguments": {"FunctionName": "${WorkFunctionArn}", "Payload": {"step": "work"}},
            "Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2.0, "MaxDelaySeconds": 5}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Bad"}], "Next": "Decide"},
        "Decide": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Pause"}], "Default": "Good"},
        "Pause": {"Type": "Wait", "Seconds": 5, "Next": "Work"},
        "Good": {"Type": "Succeed"},
        "Bad": {"Type": "Fail", "Error": "Bad"}
    }}))
}

#[test]
fn a_loop_is_found_unless_one_of_its_states_is_taken_out() {
    let machine = looping();
    assert_eq!(find_loop(machine.flow(), |_, _, _| true).map(|found| found.len()), Some(3));
    assert_eq!(find_loop(machine.flow(), |_, state, _| !matches!(state, State::Wait(_))), None);
}

#[test]
fn what_follows_a_state_that_stops_is_not_reached() {
    let machine = looping();
    assert_eq!(reachable(machine.flow(), "Work", |_| false).len(), 5);
    assert_eq!(reachable(machine.flow(), "Decide", |state| matches!(state, State::Wait(_))).len(), 3);
}

#[test]
fn the_longest_time_counts_every_retry_and_ends_at_the_limit() {
    let duration = Duration::of(&looping());
    assert_eq!((duration.once, duration.loops, duration.limit), (10.0, true, 1000.0));
    assert_eq!(duration.with_retries, 4.0 * 10.0 + 2.0 + 4.0 + 5.0);
    assert_eq!(duration.worst(), 1000.0);
}

#[test]
fn durations_read_like_durations() {
    let shown: Vec<String> = [50.0, 60.0, 65.0, 900.0, 3900.0, 172_800.0].into_iter().map(show).collect();
    assert_eq!(shown, ["50 s", "1 min", "1 min 5 s", "15 min", "1 h 5 min", "48 h"]);
}
