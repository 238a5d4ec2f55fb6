//! Decoding of inputs: an error names the field, what was there, and what is accepted.

use lifeboat_domain::policy::nearest;
use lifeboat_domain::{DrError, ErrorName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Decodes an input of a step.
pub fn decode<T: DeserializeOwned>(value: Value) -> Result<T, DrError> {
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let found = at_path(&value, error.path());
        explain(&path, found, &error.into_inner().to_string())
    })
}

/// Encodes an output of a step.
pub fn encode(output: &impl Serialize) -> Result<Value, DrError> {
    serde_json::to_value(output).map_err(|error| DrError::unrecoverable("the output cannot be written as JSON").because(error))
}

/// What stands at the path, if the path leads anywhere.
fn at_path<'a>(value: &'a Value, path: &serde_path_to_error::Path) -> Option<&'a Value> {
    use serde_path_to_error::Segment;
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Map { key } => value.get(key),
        Segment::Seq { index } => value.get(index),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}

/// Says of a value what kind it is, never what it holds.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Rewrites serde's sentence into ours.
fn explain(path: &str, found: Option<&Value>, message: &str) -> DrError {
    let field = if path == "." || path.is_empty() { "input" } else { path };
    let named = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        return DrError::new(ErrorName::InvalidInput, format!("{}: is missing", join(field, named)));
    }
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let hint = nearest(named, &known).map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
        let accepted = if known.is_empty() { "no field".to_owned() } else { known.join(", ") };
        let field = if message.starts_with("unknown field") { parent_joined(field, named) } else { field.to_owned() };
        return DrError::invalid(&field, format!("{named:?}{hint}"), accepted);
    }
    if let Some((value, accepted)) = message.split_once(" is not accepted; accepted is ") {
        // An identifier of the domain refused it; its sentence starts with its own name.
        let value = value.split_once(": ").map_or(value, |(_, value)| value);
        return DrError::invalid(field, value, accepted);
    }
    let found = found.map_or("this value", kind);
    match message.split_once(", expected ") {
        // The name of a Rust type tells nobody anything.
        Some((what, accepted)) if what.starts_with("invalid type") && accepted.starts_with("struct ") => {
            DrError::invalid(field, found, "an object, such as {\"...\": ...}")
        }
        Some((what, accepted)) if what.starts_with("invalid type") => DrError::invalid(field, found, accepted),
        Some((_, accepted)) => DrError::invalid(field, format!("the value of {found}"), accepted),
        None => DrError::invalid(field, found, message),
    }
}

/// `a.b` for a field `b` that is missing in `a`.
fn join(parent: &str, field: &str) -> String {
    if parent == "input" { field.to_owned() } else { format!("{parent}.{field}") }
}

/// The path of an unknown field: serde's path already ends with it, except within tagged enums.
fn parent_joined(path: &str, field: &str) -> String {
    if path == field || path.ends_with(&format!(".{field}")) { path.to_owned() } else { join(path, field) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::ids::Identity;
    use lifeboat_domain::words::Run;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Start {
        resource: Identity,
        run: Option<Run>,
        #[serde(default)]
        points: Vec<Point>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Point {
        percent: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    enum Step {
        Plan { resource: Identity },
        Act { resource: Identity },
    }

    fn refused<T: DeserializeOwned + std::fmt::Debug>(input: Value) -> String {
        let error = decode::<T>(input).unwrap_err();
        assert_eq!(error.name(), ErrorName::InvalidInput);
        error.message().to_owned()
    }

    #[test]
    fn good_input_decodes() {
        assert_eq!(decode::<Start>(json!({"resource": "orders-db", "run": "plan"})).unwrap().run, Some(Run::Plan));
    }

    #[test]
    fn bad_input_names_field_kind_and_what_is_accepted() {
        let table = [
            (json!({}), "resource: is missing"),
            (json!({"resource": 7}), "resource: a number is not accepted; accepted is a string"),
            (json!("x"), "input: a string is not accepted; accepted is an object, such as {\"...\": ...}"),
            (json!({"resource": "Orders"}), "resource: \"Orders\" is not accepted; accepted is 1 to 40 lower-case letters"),
            (
                json!({"resource": "orders", "run": "plna"}),
                "run: \"plna\" (did you mean \"plan\"?) is not accepted; accepted is plan, execute",
            ),
            (
                json!({"resource": "orders", "rnu": "plan"}),
                "rnu: \"rnu\" (did you mean \"run\"?) is not accepted; accepted is resource, run, points",
            ),
            (
                json!({"resource": "orders", "points": [{"percent": 1}, {"percent": "x"}]}),
                "points[1].percent: a string is not accepted; accepted is u8",
            ),
            (
                json!({"resource": "orders", "points": [{"percent": 300}]}),
                "points[0].percent: the value of a number is not accepted; accepted is u8",
            ),
            (json!({"resource": "orders", "points": [{}]}), "points[0].percent: is missing"),
            (
                json!({"resource": "orders", "points": [{"percent": 1, "perecnt": 1}]}),
                "points[0].perecnt: \"perecnt\" (did you mean \"percent\"?)",
            ),
        ];
        for (input, expected) in table {
            let shown = input.to_string();
            let message = refused::<Start>(input);
            assert!(message.starts_with(expected), "{shown}\n  said: {message}\n  expected: {expected}");
        }
    }

    #[test]
    fn tagged_steps_explain_themselves_too() {
        assert!(
            refused::<Step>(json!({"step": "pln", "resource": "orders"}))
                .contains("(did you mean \"plan\"?) is not accepted; accepted is plan, act")
        );
        assert!(refused::<Step>(json!({"resource": "orders"})).starts_with("step: is missing"));
        assert!(refused::<Step>(json!({"step": "plan", "resuorce": "orders"})).contains("\"resuorce\" (did you mean \"resource\"?)"));
    }

    #[test]
    fn values_are_not_repeated() {
        assert!(!refused::<Point>(json!({"percent": "hunter2"})).contains("hunter2"));
    }
}
