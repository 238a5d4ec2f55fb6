//! A machine as a Mermaid flowchart.

use super::expression::expression;
use super::machine::{Flow, Machine, State};
use super::shape::{Via, maps, ways};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// So many ways of one kind to one state hide the rest of a picture: they are told in a sentence.
const TOO_MANY: usize = 5;

/// Ways that are told instead of drawn.
#[derive(Debug, Clone, Copy, Default)]
struct Hidden<'a> {
    /// Where most errors lead.
    errors: Option<&'a str>,
    /// Where most words lead that a Choice does not know.
    unknown: Option<&'a str>,
}

/// The flowchart, and below it a sentence for each kind of way that would only clutter it.
pub fn draw(machine: &Machine) -> String {
    let flow = machine.flow();
    let hidden = Hidden { errors: common(flow, is_any_error), unknown: common(flow, |via| via == Via::Default) };
    let mut text = String::from("```mermaid\nflowchart TD\n");
    draw_flow(flow, hidden, "  ", &mut text);
    text.push_str("```\n");
    if let Some(handler) = hidden.errors {
        let _ =
            write!(text, "\nNot drawn: an error that no retry mends leads to `{handler}` from {}.\n", named(flow, handler, is_any_error));
    }
    if let Some(handler) = hidden.unknown {
        let from = named(flow, handler, |via| via == Via::Default);
        let _ = write!(text, "\nNot drawn: a word that the machine does not know leads to `{handler}` from {from}.\n");
    }
    text
}

fn is_any_error(via: Via<'_>) -> bool {
    matches!(via, Via::Catch(catcher) if catcher.error_equals == ["States.ALL"])
}

/// The state to which most ways of a kind lead, if they are too many to draw.
fn common<'a>(flow: Flow<'a>, kind: impl Fn(Via<'_>) -> bool) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, next) in flow.states.iter().flat_map(|(_, state)| ways(state)).filter(|(via, _)| kind(*via)) {
        *counts.entry(next).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > TOO_MANY).map(|(next, _)| next)
}

fn named(flow: Flow<'_>, handler: &str, kind: impl Fn(Via<'_>) -> bool) -> String {
    let leads = |state| ways(state).into_iter().any(|(via, next)| next == handler && kind(via));
    let names: Vec<String> = flow.states.iter().filter(|(_, state)| leads(state)).map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

fn draw_flow(flow: Flow<'_>, hidden: Hidden<'_>, indent: &str, text: &mut String) {
    for (name, state) in flow.states.iter().filter(|(_, state)| !matches!(state, State::Map(_))) {
        let _ = writeln!(text, "{indent}{}", node(name, state));
    }
    for (name, map) in maps(flow) {
        let _ = writeln!(text, "{indent}subgraph {name}[\"{name}: for each item\"]");
        draw_flow(map.flow(), Hidden::default(), &format!("{indent}  "), text);
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
        State::Task(task) => format!("{name}[\"{name}<br/>{}: {}\"]", task.function().unwrap_or("?"), task.step().unwrap_or("?")),
        State::Choice(_) => format!("{name}{{\"{name}\"}}"),
        State::Wait(_) => format!("{name}([\"{name}\"])"),
        State::Succeed(_) | State::Fail(_) => format!("{name}((\"{name}\"))"),
        State::Pass(_) | State::Map(_) => format!("{name}[\"{name}\"]"),
    }
}

/// One arrow for each pair of states, with everything that leads along it.
fn arrows(name: &str, state: &State, hidden: Hidden<'_>) -> Vec<String> {
    let ways = ways(state);
    let goes_on = ways.iter().find(|(via, _)| *via == Via::Next).map(|(_, next)| *next);
    let mut drawn: Vec<(&str, bool, Vec<String>)> = Vec::new();
    for (via, next) in ways {
        let (dotted, label) = match via {
            Via::Next => (false, None),
            Via::Rule(condition) => (false, Some(readable(condition))),
            Via::Default if hidden.unknown == Some(next) => continue,
            Via::Default => (true, Some("anything else".to_owned())),
            Via::Catch(_) if is_any_error(via) && hidden.errors == Some(next) => continue,
            Via::Catch(_) if is_any_error(via) && goes_on == Some(next) => (false, Some("also after any error".to_owned())),
            Via::Catch(_) if is_any_error(via) => (true, Some("any error".to_owned())),
            Via::Catch(catcher) => (true, Some(catcher.error_equals.join(", "))),
        };
        match drawn.iter_mut().find(|(to, is_dotted, _)| *to == next && *is_dotted == dotted) {
            Some((_, _, labels)) => labels.extend(label),
            None => drawn.push((next, dotted, label.into_iter().collect())),
        }
    }
    drawn.into_iter().map(|(next, dotted, labels)| arrow(name, next, dotted, &labels)).collect()
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
