//! The shape of a machine: where states lead, what can be reached, what repeats.

use super::machine::{Catcher, Flow, Map, Pass, State, Task, Wait};
use std::collections::BTreeSet;

/// Why one state follows another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Via<'a> {
    /// `Next`.
    Next,
    /// A branch of a Choice, with its condition.
    Rule(&'a str),
    /// The `Default` of a Choice.
    Default,
    /// A Catch.
    Catch(&'a Catcher),
}

/// Everywhere that a state leads to, in the order of the file.
pub fn ways(state: &State) -> Vec<(Via<'_>, &str)> {
    match state {
        State::Pass(Pass { next, .. }) | State::Wait(Wait { next, .. }) => on(next).collect(),
        State::Task(task) => on(&task.next).chain(task.catch.iter().map(caught)).collect(),
        State::Map(map) => on(&map.next).chain(map.catch.iter().map(caught)).collect(),
        State::Choice(choice) => {
            let rules = choice.choices.iter().map(|rule| (Via::Rule(&rule.condition), rule.next.as_str()));
            rules.chain(choice.default.as_deref().map(|default| (Via::Default, default))).collect()
        }
        State::Succeed(_) | State::Fail(_) => Vec::new(),
    }
}

fn on(next: &Option<String>) -> impl Iterator<Item = (Via<'_>, &str)> {
    next.as_deref().map(|next| (Via::Next, next)).into_iter()
}

fn caught(catcher: &Catcher) -> (Via<'_>, &str) {
    (Via::Catch(catcher), &catcher.next)
}

/// The Tasks of a flow.
pub fn tasks<'a>(flow: Flow<'a>) -> impl Iterator<Item = (&'a str, &'a Task)> {
    flow.states.iter().filter_map(|(name, state)| match state {
        State::Task(task) => Some((name, task.as_ref())),
        _ => None,
    })
}

/// The Maps of a flow.
pub fn maps<'a>(flow: Flow<'a>) -> impl Iterator<Item = (&'a str, &'a Map)> {
    flow.states.iter().filter_map(|(name, state)| match state {
        State::Map(map) => Some((name, map.as_ref())),
        _ => None,
    })
}

/// The states that can be reached from `from` without leaving a state that `stops`.
pub fn reachable<'a>(flow: Flow<'a>, from: &'a str, stops: impl Fn(&State) -> bool) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if seen.insert(name)
            && let Some(state) = flow.states.get(name).filter(|state| !stops(state))
        {
            open.extend(ways(state).into_iter().map(|(_, next)| next));
        }
    }
    seen
}

/// A loop that takes only ways that `allowed` lets pass, as the states along it; none if there is no such loop.
pub fn find_loop<'a>(flow: Flow<'a>, allowed: impl Fn(&str, &State, Via<'_>) -> bool) -> Option<Vec<&'a str>> {
    let mut done = BTreeSet::new();
    flow.states.iter().find_map(|(name, _)| follow(flow, name, &allowed, &mut Vec::new(), &mut done))
}

fn follow<'a>(
    flow: Flow<'a>,
    name: &'a str,
    allowed: &impl Fn(&str, &State, Via<'_>) -> bool,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(at) = path.iter().position(|seen| *seen == name) {
        return Some(path.split_off(at));
    }
    if !done.insert(name) {
        return None;
    }
    let state = flow.states.get(name)?;
    path.push(name);
    for (via, next) in ways(state) {
        if allowed(name, state, via)
            && let Some(found) = follow(flow, next, allowed, path, done)
        {
            return Some(found);
        }
    }
    path.pop();
    None
}
