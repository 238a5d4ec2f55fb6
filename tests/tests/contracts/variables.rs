//! Variables: what a state reads was assigned on every way to it. On AWS it would otherwise fail as it runs.

use crate::repo::{machines, none};
use lifeboat_tests::asl::shape::{Via, ways};
use lifeboat_tests::asl::{Fields, Flow, Machine, State, variables_in};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Names = BTreeSet<String>;

#[test]
fn every_variable_is_assigned_on_every_way_to_where_it_is_read() {
    none(machines().iter().flat_map(|machine| unassigned(machine, machine.flow(), &Names::new())));
}

#[test]
fn no_map_assigns_a_variable_of_the_flow_around_it() {
    none(machines().iter().flat_map(|machine| {
        let outer = assigned_anywhere(machine.flow());
        let inner = machine.flows().into_iter().skip(1).flat_map(assigned_anywhere);
        inner
            .filter(|name| outer.contains(name))
            .map(|name| format!("{}: ${name} is assigned inside and outside a Map", machine.name))
            .collect::<Vec<_>>()
    }));
}

fn assigned_anywhere(flow: Flow<'_>) -> Names {
    flow.states.iter().flat_map(|(_, state)| ways(state).into_iter().flat_map(|(via, _)| assigned(state, via)).collect::<Names>()).collect()
}

fn unassigned(machine: &Machine, flow: Flow<'_>, around: &Names) -> Vec<String> {
    let known = known_before(flow, around);
    let mut complaints = Vec::new();
    for (name, state) in flow.states.iter() {
        let Some(known) = known.get(name) else { continue };
        let missing: Vec<String> = read_by(state).difference(known).map(|variable| format!("${variable}")).collect();
        if !missing.is_empty() {
            complaints.push(format!("{}: {name} reads {}, which not every way to it has assigned", machine.name, missing.join(", ")));
        }
        if let State::Map(map) = state {
            complaints.extend(unassigned(machine, map.flow(), known));
        }
    }
    complaints
}

/// For each state, the variables that every way to it has assigned.
fn known_before<'a>(flow: Flow<'a>, around: &Names) -> BTreeMap<&'a str, Names> {
    let mut known: BTreeMap<&str, Names> = BTreeMap::from([(flow.start_at, around.clone())]);
    let mut open = vec![flow.start_at];
    while let Some(name) = open.pop() {
        let (Some(state), Some(before)) = (flow.states.get(name), known.get(name).cloned()) else { continue };
        for (via, next) in ways(state) {
            let after: Names = before.iter().cloned().chain(assigned(state, via)).collect();
            let kept = known.get(next).map_or_else(|| after.clone(), |known| known.intersection(&after).cloned().collect());
            if known.get(next) != Some(&kept) {
                known.insert(next, kept);
                open.push(next);
            }
        }
    }
    known
}

/// What is assigned on this way out of the state.
fn assigned(state: &State, via: Via<'_>) -> Names {
    let fields = match (state, via) {
        (_, Via::Catch(catcher)) => catcher.assign.as_ref(),
        (State::Pass(pass), _) => pass.assign.as_ref(),
        (State::Task(task), _) => task.assign.as_ref(),
        (State::Map(map), _) => map.assign.as_ref(),
        _ => None,
    };
    fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

fn read_by(state: &State) -> Names {
    let of = |value: &Option<Value>| value.as_ref().map(variables_in).unwrap_or_default();
    let of_fields = |fields: &Option<Fields>| fields.iter().flat_map(|fields| fields.values()).flat_map(variables_in).collect::<Names>();
    let text = |text: &Option<String>| text.as_ref().map(|text| variables_in(&Value::String(text.clone()))).unwrap_or_default();
    let catching = |catchers: &[lifeboat_tests::asl::Catcher]| {
        catchers.iter().flat_map(|catcher| of(&catcher.output).into_iter().chain(of_fields(&catcher.assign))).collect::<Names>()
    };
    let parts: Vec<Names> = match state {
        State::Pass(pass) => vec![of(&pass.output), of_fields(&pass.assign)],
        State::Task(task) => vec![variables_in(&task.arguments.payload), of(&task.output), of_fields(&task.assign), catching(&task.catch)],
        State::Map(map) => vec![variables_in(&map.items), of(&map.output), of_fields(&map.assign), catching(&map.catch)],
        State::Choice(choice) => choice.choices.iter().map(|rule| variables_in(&Value::String(rule.condition.clone()))).collect(),
        State::Wait(wait) => vec![variables_in(&wait.seconds)],
        State::Succeed(succeed) => vec![of(&succeed.output)],
        State::Fail(fail) => vec![text(&fail.error), text(&fail.cause)],
    };
    parts.into_iter().flatten().collect()
}
