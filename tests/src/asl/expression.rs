//! Values with `{% JSONata %}` in them, evaluated as Step Functions does.

use super::variables::Variables;
use bumpalo::Bump;
use jsonata_rs::JsonAta;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// Why an expression has no value: the cause of a `States.QueryEvaluationError`.
pub(super) type NoValue = String;

/// The expression in a string such as `{% $x %}`, if it is one.
pub(super) fn expression(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
}

/// Evaluates every expression in `template`; all see the same variables.
pub(super) fn evaluate(template: &Value, states: &Value, variables: &Variables) -> Result<Value, NoValue> {
    match template {
        Value::String(text) => match expression(text) {
            Some(expression) => evaluate_expression(expression, states, variables),
            None => Ok(template.clone()),
        },
        Value::Array(items) => items.iter().map(|item| evaluate(item, states, variables)).collect(),
        Value::Object(fields) => evaluate_fields(fields, states, variables).map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(template.clone()),
    }
}

/// Evaluates the fields of an object.
pub(super) fn evaluate_fields(fields: &Map<String, Value>, states: &Value, variables: &Variables) -> Result<Map<String, Value>, NoValue> {
    fields.iter().map(|(name, value)| Ok((name.clone(), evaluate(value, states, variables)?))).collect()
}

/// Evaluates to a string, such as an error's name.
pub(super) fn evaluate_text(text: &str, states: &Value, variables: &Variables) -> Result<String, NoValue> {
    match evaluate(&Value::String(text.to_owned()), states, variables)? {
        Value::String(text) => Ok(text),
        other => Err(format!("{text} yields {other}, which is not a string")),
    }
}

fn evaluate_expression(expression: &str, states: &Value, variables: &Variables) -> Result<Value, NoValue> {
    for name in named_variables(expression) {
        if name != "states" && variables.get(name).is_none() {
            return Err(format!("${name} in {{% {expression} %}} has no value here"));
        }
    }
    let arena = Bump::new();
    let parsed = JsonAta::new(expression, &arena).map_err(|error| format!("{{% {expression} %}} is no JSONata: {error}"))?;
    let mut bindings: HashMap<&str, &Value> = variables.iter().collect();
    bindings.insert("states", states);
    let result = parsed.evaluate(None, Some(&bindings)).map_err(|error| format!("{{% {expression} %}}: {error}"))?;
    if result.is_undefined() {
        return Err(format!("{{% {expression} %}} is undefined"));
    }
    serde_json::from_str(&result.serialize(false)).map_err(|error| format!("{{% {expression} %}} yields no JSON: {error}"))
}

/// The variables that the expressions within `template` name, `states` left out.
pub fn variables_in(template: &Value) -> BTreeSet<String> {
    match template {
        Value::String(text) => {
            let named = expression(text).map(named_variables).unwrap_or_default();
            named.into_iter().filter(|name| *name != "states").map(str::to_owned).collect()
        }
        Value::Array(items) => items.iter().flat_map(variables_in).collect(),
        Value::Object(fields) => fields.values().flat_map(variables_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
    }
}

/// The variables that an expression names, leaving out functions such as `$count(`.
pub(super) fn named_variables(expression: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(['$', '\'', '"']) {
        let (_, tail) = rest.split_at(at);
        let mut characters = tail.chars();
        let first = characters.next();
        let after = characters.as_str();
        if first == Some('$') {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, tail) = after.split_at(end);
            if !name.is_empty() && !tail.trim_start().starts_with('(') {
                found.push(name);
            }
            rest = tail;
        } else {
            rest = after.split_once(first.unwrap_or_default()).map_or("", |(_, tail)| tail);
        }
    }
    found
}
