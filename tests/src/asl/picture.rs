//! A machine as a Mermaid flowchart.

use super::expression::expression;
use super::machine::{Flow, Machine, State};
use super::shape::{Via, maps, tasks, ways};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The flowchart, and below it a sentence for each way that would only clutter it.
pub fn draw(machine: &Machine) -> String {
    let common = common_handler(machine.flow());
    let mut text = String::from("```mermaid\nflowchart TD\n");
    draw_flow(machine.flow(), common, "  ", &mut text);
    text.push_str("```\n");
    if let Some(handler) = common {
        let named: Vec<&str> = tasks(machine.flow()).filter(|(_, task)| goes_to(task, handler)).map(|(name, _)| name).collect();
        let _ = write!(
            text,
            "\nNot drawn: an error that no retry mends leads from {} states to `{handler}`.\nThese are {}.\n",
            named.len(),
            named.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        );
    }
    text
}

fn goes_to(task: &super::Task, handler: &str) -> bool {
    task.catch.iter().any(|catcher| catcher.next == handler && catcher.error_equals == ["States.ALL"])
}

/// The state to which so many errors lead that drawing them would hide the rest.
fn common_handler(flow: Flow<'_>) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, task) in tasks(flow) {
        for catcher in task.catch.iter().filter(|catcher| catcher.error_equals == ["States.ALL"]) {
            *counts.entry(&catcher.next).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 5).map(|(handler, _)| handler)
}

fn draw_flow(flow: Flow<'_>, hidden: Option<&str>, indent: &str, text: &mut String) {
    for (name, state) in flow.states.iter().filter(|(_, state)| !matches!(state, State::Map(_))) {
        let _ = writeln!(text, "{indent}{}", node(name, state));
    }
    for (name, map) in maps(flow) {
        let _ = writeln!(text, "{indent}subgraph {name}[\"{name}: for each item\"]");
        draw_flow(map.flow(), hidden, &format!("{indent}  "), text);
        let _ = writeln!(text, "{indent}end");
    }
    for (name, state) in flow.states.iter() {
        for arrow in arrows(name, state, hidden) {
            let _ = writeln!(text, "{indent}{arrow}");
        }
    }
}

fn node(name: &str, state: &State) -> String {
    match state {
        State::Task(task) => {
            format!("{name}[\"{name}<br/>{}: {}\"]", task.function().unwrap_or("?"), task.step().unwrap_or("?"))
        }
        State::Choice(_) => format!("{name}{{\"{name}\"}}"),
        State::Wait(_) => format!("{name}([\"{name}\"])"),
        State::Succeed(_) | State::Fail(_) => format!("{name}((\"{name}\"))"),
        State::Pass(_) | State::Map(_) => format!("{name}[\"{name}\"]"),
    }
}

/// One arrow for each pair of states, with everything that leads along it.
fn arrows(name: &str, state: &State, hidden: Option<&str>) -> Vec<String> {
    let mut labels: Vec<(&str, bool, Vec<String>)> = Vec::new();
    for (via, next) in ways(state) {
        let (dotted, label) = match via {
            Via::Next => (false, None),
            Via::Rule(condition) => (false, Some(readable(condition))),
            Via::Default => (true, Some("anything else".to_owned())),
            Via::Catch(catcher) if catcher.error_equals == ["States.ALL"] => {
                if hidden == Some(next) {
                    continue;
                }
                (true, Some("any error".to_owned()))
            }
            Via::Catch(catcher) => (true, Some(catcher.error_equals.join(", "))),
        };
        match labels.iter_mut().find(|(to, is_dotted, _)| *to == next && *is_dotted == dotted) {
            Some((_, _, known)) => known.extend(label),
            None => labels.push((next, dotted, label.into_iter().collect())),
        }
    }
    labels.into_iter().map(|(next, dotted, labels)| arrow(name, next, dotted, &labels)).collect()
}

fn arrow(from: &str, to: &str, dotted: bool, labels: &[String]) -> String {
    let line = if dotted { "-.->" } else { "-->" };
    match labels {
        [] => format!("{from} {line} {to}"),
        labels => format!("{from} {line}|\"{}\"| {to}", labels.join("<br/>or ")),
    }
}

/// `verdict = failed` for `{% $verdict = 'failed' %}`.
fn readable(condition: &str) -> String {
    expression(condition).unwrap_or(condition).replace(['$', '\'', '"'], "")
}
