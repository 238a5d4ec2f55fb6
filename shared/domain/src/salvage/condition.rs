//! Under what condition one item is written: only over what was seen.

use serde_json::Value;

/// Attributes that one condition compares, at most. Each takes two operators and some 16 characters of an expression, which may have 300
/// and 4 KB (DynamoDB, "Service quotas"): half of either is left.
pub const MOST_COMPARED: usize = 140;

/// What must hold of the item that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// These attributes have exactly these values.
    pub equal: Vec<(String, Value)>,
    /// These attributes are not there; where none is to be equal, the item is not.
    pub absent: Vec<String>,
}

/// The condition under which the copy's item is written over what was seen; none where it takes more than [`MOST_COMPARED`] attributes.
///
/// Every attribute that was seen must be as it was, and what only the copy has must still be lacking. An attribute that neither has, and
/// that somebody adds without touching `written_at` between the look and the write, no expression can exclude: whoever writes looks at
/// what was replaced.
pub fn condition(seen: Option<&Value>, copy: &Value, key: &[String]) -> Option<Condition> {
    let Some(seen) = seen else {
        return Some(Condition { equal: Vec::new(), absent: key.first().cloned().into_iter().collect() });
    };
    let (seen, copy) = (seen.as_object()?, copy.as_object()?);
    let equal: Vec<(String, Value)> = seen.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let absent: Vec<String> = copy.keys().filter(|name| !seen.contains_key(*name)).cloned().collect();
    (equal.len() + absent.len() <= MOST_COMPARED).then_some(Condition { equal, absent })
}
