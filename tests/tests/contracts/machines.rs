//! The shape of every machine.

use crate::repo::{machines, none};
use lifeboat_tests::asl::shape::{Via, find_loop, maps, reachable, tasks, ways};
use lifeboat_tests::asl::{Flow, Machine, State};

/// Every flow of every machine, with the machine.
fn each_flow(complain: impl Fn(&Machine, Flow<'_>) -> Vec<String>) {
    none(machines().iter().flat_map(|machine| machine.flows().into_iter().flat_map(|flow| complain(machine, flow)).collect::<Vec<_>>()));
}

#[test]
fn every_machine_says_what_it_is_for_and_ends_in_time() {
    none(machines().iter().flat_map(|machine| {
        let mut complaints = Vec::new();
        if machine.comment.as_deref().is_none_or(|comment| comment.len() < 40 || comment.starts_with("A description")) {
            complaints.push(format!("{}: its Comment does not say what it is for", machine.name));
        }
        if machine.timeout_seconds.is_none() {
            complaints.push(format!("{}: has no TimeoutSeconds", machine.name));
        }
        complaints
    }));
}

#[test]
fn every_way_leads_to_a_state_that_exists() {
    each_flow(|machine, flow| {
        let start = (flow.start_at, flow.start_at);
        let targets = flow.states.iter().flat_map(|(name, state)| ways(state).into_iter().map(move |(_, next)| (name, next)));
        let missing = std::iter::once(start).chain(targets).filter(|(_, next)| flow.states.get(next).is_none());
        missing.map(|(name, next)| format!("{}: {name} leads to {next}, which does not exist", machine.name)).collect()
    });
}

#[test]
fn every_state_can_be_reached() {
    each_flow(|machine, flow| {
        let reached = reachable(flow, flow.start_at, |_| false);
        let lost = flow.states.iter().filter(|(name, _)| !reached.contains(name));
        lost.map(|(name, _)| format!("{}: nothing leads to {name}", machine.name)).collect()
    });
}

#[test]
fn an_end_can_be_reached_from_every_state() {
    each_flow(|machine, flow| {
        let stuck = flow.states.iter().filter(|(name, _)| {
            !reachable(flow, name, |_| false)
                .iter()
                .any(|reached| flow.states.get(reached).is_some_and(|state| ways(state).is_empty() || ends(state)))
        });
        stuck.map(|(name, _)| format!("{}: from {name} there is no way to an end", machine.name)).collect()
    });
}

fn ends(state: &State) -> bool {
    match state {
        State::Pass(pass) => pass.end,
        State::Task(task) => task.end,
        State::Map(map) => map.end,
        State::Wait(wait) => wait.end,
        State::Succeed(_) | State::Fail(_) => true,
        State::Choice(_) => false,
    }
}

#[test]
fn every_state_name_is_pascal_case() {
    each_flow(|machine, flow| {
        let wrong = flow
            .states
            .iter()
            .filter(|(name, _)| !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(char::is_alphanumeric));
        wrong.map(|(name, _)| format!("{}: {name} is not PascalCase", machine.name)).collect()
    });
}

#[test]
fn every_task_has_a_time_out_and_catches_everything_last() {
    each_flow(|machine, flow| {
        let mut complaints = Vec::new();
        for (name, task) in tasks(flow) {
            if task.timeout_seconds.is_none() {
                complaints.push(format!("{}: {name} has no TimeoutSeconds", machine.name));
            }
            if task.catch.last().is_none_or(|last| last.error_equals != ["States.ALL"]) {
                complaints.push(format!("{}: the last Catch of {name} is not States.ALL alone", machine.name));
            }
        }
        for (name, map) in maps(flow) {
            if map.catch.last().is_none_or(|last| last.error_equals != ["States.ALL"]) {
                complaints.push(format!("{}: the last Catch of {name} is not States.ALL alone", machine.name));
            }
        }
        let catchers = tasks(flow).flat_map(|(name, task)| task.catch.iter().map(move |catcher| (name, &catcher.error_equals)));
        complaints.extend(
            catchers
                .filter(|(_, errors)| errors.len() > 1 && errors.iter().any(|error| error == "States.ALL"))
                .map(|(name, _)| format!("{}: {name} catches States.ALL together with others", machine.name)),
        );
        complaints
    });
}

#[test]
fn every_choice_has_a_default_that_never_ends_well_without_another_task() {
    each_flow(|machine, flow| {
        let is_outermost = std::ptr::eq(flow.states, &raw const machine.states);
        let mut complaints = Vec::new();
        for (name, state) in flow.states.iter() {
            let State::Choice(choice) = state else { continue };
            let Some(default) = &choice.default else {
                complaints.push(format!("{}: {name} has no Default", machine.name));
                continue;
            };
            let reached = reachable(flow, default, |state| matches!(state, State::Task(_) | State::Map(_)));
            let happy = reached.into_iter().find(|reached| {
                flow.states.get(reached).is_some_and(|state| {
                    matches!(state, State::Succeed(_)) || (is_outermost && matches!(state, State::Pass(pass) if pass.end))
                })
            });
            complaints.extend(happy.map(|happy| format!("{}: the Default of {name} leads to {happy}", machine.name)));
        }
        complaints
    });
}

/// The way that shrinks what is left to try: a class without capacity is written down as a setback, and no later plan of the
/// incident names it again. Such a loop ends with the policy's list of classes and must not wait.
fn uses_up_a_class(via: Via<'_>) -> bool {
    matches!(via, Via::Catch(catcher) if catcher.error_equals == ["Dr.NoCapacity"])
}

#[test]
fn every_loop_waits() {
    each_flow(|machine, flow| {
        let found = find_loop(flow, |_, state, via| !matches!(state, State::Wait(_)) && !uses_up_a_class(via));
        found.map(|found| format!("{}: {} repeats without a Wait", machine.name, found.join(" -> "))).into_iter().collect()
    });
}

#[test]
fn every_loop_passes_a_function_that_can_end_it() {
    each_flow(|machine, flow| {
        let found = find_loop(flow, |_, state, via| !can_end_a_loop(flow, state) && !uses_up_a_class(via));
        found
            .map(|found| format!("{}: nothing in {} can say that it has lasted too long", machine.name, found.join(" -> ")))
            .into_iter()
            .collect()
    });
}

/// Whether the state is a Task whose answer a Choice turns into a way out: `expired`, a verdict, a decision.
fn can_end_a_loop(flow: Flow<'_>, state: &State) -> bool {
    let State::Task(task) = state else { return false };
    let Some(State::Choice(choice)) = task.next.as_deref().and_then(|next| flow.states.get(next)) else { return false };
    let answers = |word: &str| choice.choices.iter().any(|rule| rule.condition == word);
    let assigns = |variable: &str| task.assign.as_ref().is_some_and(|assign| assign.contains_key(variable));
    (assigns("progress") && answers("{% $progress = 'expired' %}"))
        || (assigns("verdict") && answers("{% $verdict = 'unknown' %}"))
        || (assigns("decision") && answers("{% $decision = 'ask' %}"))
        || (assigns("turn") && answers("{% $turn = 'over' %}"))
}
