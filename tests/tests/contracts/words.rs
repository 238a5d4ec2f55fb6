//! Words: closed enums only, each spelled as the code spells it.

use crate::repo::{files, machines, none, read};
use lifeboat_domain::ErrorName;
use lifeboat_domain::bisection::Turn;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::plan::Decision;
use lifeboat_domain::status::{DatabaseStatus, StatusMeaning};
use lifeboat_domain::verdict::Verdict;
use lifeboat_domain::words::{Progress, Run};
use lifeboat_tests::asl::shape::tasks;
use lifeboat_tests::asl::{Machine, State, variables_in};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The words of a closed enum.
fn all(words: impl IntoIterator<Item = impl ToString>) -> BTreeSet<String> {
    words.into_iter().map(|word| word.to_string()).collect()
}

/// The variables whose words are an enum of the domain.
fn enums() -> BTreeMap<&'static str, BTreeSet<String>> {
    BTreeMap::from([
        ("verdict", all(Verdict::ALL)),
        ("decision", all(Decision::ALL)),
        ("progress", all(Progress::ALL)),
        ("run", all(Run::ALL)),
        ("turn", all(Turn::ALL)),
    ])
}

/// What a Choice compares: the state, the variable, the word.
fn compared(machine: &Machine) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (name, state) in machine.all_states() {
        let State::Choice(choice) = state else { continue };
        for rule in &choice.choices {
            let variable = variables_in(&Value::String(rule.condition.clone())).into_iter().next().unwrap_or_default();
            let word = rule.condition.split('\'').nth(1);
            found.extend(word.map(|word| (name.to_owned(), variable, word.to_owned())));
        }
    }
    found
}

#[test]
fn every_condition_compares_one_variable_with_one_word() {
    let machines = machines();
    let rules = machines.iter().flat_map(|machine| machine.all_states()).filter_map(|(name, state)| match state {
        State::Choice(choice) => Some(choice.choices.iter().map(move |rule| (name, &rule.condition))),
        _ => None,
    });
    none(
        rules
            .flatten()
            .filter(|(_, condition)| !is_comparison(condition))
            .map(|(name, condition)| format!("{name}: {condition} decides something itself")),
    );
}

/// `{% $x = 'word' %}`, `{% $x.y = 'word' %}` or `{% $x = true %}`.
fn is_comparison(condition: &str) -> bool {
    let parts: Vec<&str> = condition.split(' ').collect();
    let ["{%", variable, "=", word, "%}"] = parts.as_slice() else { return false };
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    variable.strip_prefix('$').is_some_and(|name| name.split('.').all(is_word))
        && (["true", "false"].contains(word) || word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')).is_some_and(is_word))
}

#[test]
fn every_word_of_a_choice_is_one_that_a_function_can_answer() {
    let enums = enums();
    let sources: String = files("functions", &[".rs"]).iter().chain(&files("shared/domain", &[".rs"])).map(|path| read(path)).collect();
    let machines = machines();
    let rules = machines.iter().flat_map(|machine| compared(machine).into_iter().map(move |rule| (machine, rule)));
    none(rules.filter_map(|(machine, (state, variable, word))| {
        let known = match enums.get(variable.as_str()) {
            Some(words) => words.contains(&word),
            None => variable == "ending" || sources.contains(&format!("\"{word}\"")),
        };
        (!known).then(|| format!("{}: {state} waits for ${variable} = '{word}', which nothing answers", machine.name))
    }));
}

#[test]
fn every_verdict_decision_and_run_has_a_way_of_its_own() {
    let machines = machines();
    none(machines.iter().flat_map(|machine| {
        let mut handled: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for (state, variable, word) in compared(machine) {
            handled.entry((state, variable)).or_default().insert(word);
        }
        let mut complaints = Vec::new();
        for ((state, variable), words) in handled {
            // What is waited for need not be able to fail: then `failed` is a word that the Default reports as a bug.
            let Some(expected) = enums().remove(variable.as_str()).filter(|_| variable != "progress") else { continue };
            let missing: Vec<String> = expected.difference(&words).cloned().collect();
            if !missing.is_empty() {
                complaints.push(format!("{}: {state} does not know ${variable} = {}", machine.name, missing.join(", ")));
            }
        }
        complaints
    }));
}

#[test]
fn every_closing_names_an_outcome_and_every_outcome_of_an_execution_is_closed_with() {
    let machines = machines();
    let closings: BTreeMap<String, String> = machines
        .iter()
        .flat_map(|machine| machine.flows().into_iter().flat_map(tasks))
        .filter(|(_, task)| task.step() == Some("close"))
        .map(|(name, task)| (name.to_owned(), task.arguments.payload["outcome"].as_str().unwrap_or_default().to_owned()))
        .collect();
    // `notify` itself tells a failover and a growth from a self-healing, an undo and a take-over from a recovery, a clone from a restore, and the reconciler says what
    // was interrupted.
    let of_functions =
        [Outcome::FailedOver, Outcome::StorageGrown, Outcome::SwappedBack, Outcome::TookOver, Outcome::Cloned, Outcome::Interrupted];
    let expected = all(Outcome::ALL.iter().filter(|outcome| !of_functions.contains(outcome)));
    assert_eq!(closings.values().cloned().collect::<BTreeSet<_>>(), expected, "{closings:?}");
}

#[test]
fn every_error_name_is_one_of_ours() {
    none(machine_texts().into_iter().flat_map(|(path, text)| {
        let named = text.match_indices("Dr.").map(|(at, _)| {
            let tail = text.get(at..).unwrap_or_default();
            tail.get(..3 + tail.chars().skip(3).take_while(char::is_ascii_alphabetic).count()).unwrap_or_default()
        });
        named.filter(|name| ErrorName::parse(name).is_none()).map(|name| format!("{path}: {name} is no error of ours")).collect::<Vec<_>>()
    }));
}

fn machine_texts() -> Vec<(String, String)> {
    files("statemachines", &[".asl.json"]).into_iter().map(|path| (path.clone(), read(&path))).collect()
}

#[test]
fn no_machine_names_a_rust_type_an_account_a_resource_or_a_version() {
    none(machine_texts().into_iter().flat_map(|(path, text)| {
        let text = text.replace("\"arn:aws:states:::lambda:invoke\"", "\"\"");
        let forbidden = ["&alloc", "arn:", "$LATEST", "us-east-", "eu-west-", "JSONPath", "\"$.", "\"$$", ".$\""];
        let mut found: Vec<String> =
            forbidden.iter().filter(|word| text.contains(**word)).map(|word| format!("{path}: contains {word}")).collect();
        if text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() == 12) {
            found.push(format!("{path}: contains an account id"));
        }
        found
    }));
}

/// A status of RDS that is also a word of ours: a verdict, a progress, an outcome.
const SHARED: &[&str] = &["failed"];

fn is_status(word: &str) -> bool {
    !SHARED.contains(&word) && DatabaseStatus::new(word).meaning() != StatusMeaning::Unknown
}

#[test]
fn no_machine_knows_a_status_of_rds() {
    none(machine_texts().into_iter().flat_map(|(path, text)| {
        let words = text.split(['"', '\'']).filter(|word| is_status(word));
        words.map(|word| format!("{path}: {word} is a status of RDS")).collect::<Vec<_>>()
    }));
}

#[test]
fn no_function_knows_a_status_of_rds() {
    none(files("functions", &[".rs"]).into_iter().filter(|path| !path.contains("/tests")).flat_map(|path| {
        let text = read(&path);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let words: Vec<&str> = code.split('"').skip(1).step_by(2).filter(|word| is_status(word)).collect();
        words.into_iter().map(|word| format!("{path}: {word:?} is a status of RDS")).collect::<Vec<_>>()
    }));
}
