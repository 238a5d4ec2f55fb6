//! The variables of a flow. A Map's flow reads those around it and may not assign their names.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Names that mean something else in JSONata: a variable of that name would be hidden by the function.
const TAKEN: &[&str] = &[
    "abs",
    "append",
    "assert",
    "average",
    "base64decode",
    "base64encode",
    "boolean",
    "ceil",
    "clone",
    "contains",
    "count",
    "decodeUrl",
    "decodeUrlComponent",
    "distinct",
    "each",
    "encodeUrl",
    "encodeUrlComponent",
    "error",
    "eval",
    "exists",
    "filter",
    "floor",
    "formatBase",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "hash",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "map",
    "match",
    "max",
    "merge",
    "millis",
    "min",
    "not",
    "now",
    "number",
    "pad",
    "parse",
    "parseInteger",
    "partition",
    "power",
    "random",
    "range",
    "reduce",
    "replace",
    "reverse",
    "round",
    "shuffle",
    "sift",
    "single",
    "sort",
    "split",
    "spread",
    "sqrt",
    "states",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "toMillis",
    "trim",
    "type",
    "uppercase",
    "uuid",
    "zip",
];

/// Variables by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    values: Map<String, Value>,
    outer: BTreeSet<String>,
}

impl Variables {
    /// What one of these holds.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The variables as a flow within this one starts with them.
    pub(super) fn within(&self) -> Self {
        Self { values: self.values.clone(), outer: self.values.keys().cloned().collect() }
    }

    /// These, with `assigned` on top.
    pub(super) fn with(&self, assigned: Map<String, Value>) -> Result<Self, String> {
        let mut next = self.clone();
        for (name, value) in assigned {
            if TAKEN.contains(&name.as_str()) {
                return Err(format!("a variable may not be called {name}: JSONata or Step Functions means something else by ${name}"));
            }
            if next.outer.contains(&name) {
                return Err(format!("${name} belongs to the flow around this one and cannot be assigned here"));
            }
            next.values.insert(name, value);
        }
        Ok(next)
    }

    /// How many bytes they take as JSON.
    pub(super) fn bytes(&self) -> usize {
        serde_json::to_string(&self.values).map_or(usize::MAX, |text| text.len())
    }
}
