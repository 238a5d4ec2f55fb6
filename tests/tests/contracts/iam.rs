//! The roles hold exactly what the code needs: derived from the adapters, the functions' sources and the deployed steps, both ways.

use crate::repo::{files, none, read};
use crate::template::template;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The adapters, with the IAM prefix of their service.
const ADAPTERS: &[(&str, &str)] = &[
    ("shared/aws/src/rds/mod.rs", "rds"),
    ("shared/aws/src/dynamodb.rs", "dynamodb"),
    ("shared/aws/src/s3.rs", "s3"),
    ("shared/aws/src/secrets.rs", "secretsmanager"),
    ("shared/aws/src/sfn.rs", "states"),
    ("shared/aws/src/sns.rs", "sns"),
];

/// Actions that a call needs although no client method is named after them.
fn implied(method: &str) -> &'static [&'static str] {
    match method {
        // Tags are passed with the call.
        "create_snapshot" | "restore_from_snapshot" | "restore_to_point_in_time" => &["rds:AddTagsToResource"],
        // Without it a missing key is "forbidden" and not "not found".
        "get_json" => &["s3:ListBucket"],
        _ => &[],
    }
}

/// `describe_db_instances` of `rds` is `rds:DescribeDBInstances`.
fn action(service: &str, call: &str) -> String {
    let name: String = call
        .split('_')
        .map(|word| {
            if word == "db" {
                "DB".to_owned()
            } else {
                word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect()
            }
        })
        .collect();
    format!("{service}:{name}")
}

/// The functions of a source, by name, with their bodies (up to the next function).
fn bodies(source: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for part in source.split("fn ").skip(1) {
        let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        found.entry(name).or_default().push_str(part);
    }
    found
}

/// What follows `mark` as an identifier, each time it stands in `text`.
fn names_after(text: &str, mark: &str) -> Vec<String> {
    text.split(mark).skip(1).map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

fn calls_in(name: &str, all: &BTreeMap<String, String>, seen: &mut BTreeSet<String>) -> BTreeSet<String> {
    if !seen.insert(name.to_owned()) {
        return BTreeSet::new();
    }
    let Some(body) = all.get(name) else { return BTreeSet::new() };
    let mut calls: BTreeSet<String> = [".client.", ".at_most_once."].iter().flat_map(|mark| names_after(body, mark)).collect();
    // Only what the body names of its own file's functions is followed.
    for other in all.keys().filter(|other| body.contains(&format!("{other}("))) {
        calls.extend(calls_in(other, all, seen));
    }
    calls
}

/// The actions of every port method, read off its adapter.
fn actions_by_method() -> BTreeMap<String, BTreeSet<String>> {
    let ports = bodies(&read("shared/domain/src/ports.rs"));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, service) in ADAPTERS {
        // A chain that is broken over lines is one chain.
        let all = bodies(&read(path).split('\n').map(str::trim).collect::<Vec<_>>().join(" ").replace(" .", "."));
        for method in all.keys().filter(|name| ports.contains_key(*name)) {
            let actions = calls_in(method, &all, &mut BTreeSet::new()).into_iter().map(|call| action(service, &call));
            // Where a request is built elsewhere, the adapter names its action for errors.
            let named = names_after(&all[method], &format!("\"{service}:"))
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| format!("{service}:{name}"));
            found
                .entry(method.clone())
                .or_default()
                .extend(actions.chain(named).chain(implied(method).iter().map(|action| (*action).to_owned())));
        }
    }
    // The ledger is used through functions of the domain; whoever has it reads, writes and lists.
    found
}

/// The sources that a step runs through: all of the function, or for `restore` its own module and what it calls.
fn sources(binary: &str, steps: &BTreeSet<String>) -> String {
    let all = |folder: &str| {
        files(folder, &[".rs"]).into_iter().filter(|path| !path.contains("tests")).map(|path| read(&path)).collect::<String>()
    };
    if binary != "restore" {
        return all(&format!("functions/{binary}/src")).replace("\n", " ");
    }
    let handle = read("functions/restore/src/lib.rs");
    let mut text = read("functions/restore/src/case.rs");
    for step in steps {
        let variant: String = step.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let line = handle
            .lines()
            .find(|line| line.contains(&format!("Step::{variant}(case)")))
            .unwrap_or_else(|| panic!("restore has no step {step}"));
        let path: Vec<String> = names_after(line, "steps::")
            .into_iter()
            .chain(names_after(line, "steps::").iter().flat_map(|module| names_after(line, &format!("{module}::"))))
            .collect();
        let module = read(&format!("functions/restore/src/steps/{}.rs", path[0]));
        if module.contains("make(") {
            text.push_str(&read("functions/restore/src/executor.rs"));
            text.push_str(&read("functions/restore/src/observe.rs"));
        }
        if module.contains("observe::") {
            text.push_str(" databases.instance(");
        }
        text.push_str(&module);
    }
    // The lease asks after its owner through the domain.
    if text.contains("deps.executions") {
        text.push_str(" executions.execution(");
    }
    text
}

/// Every deployed function: its name in the machines, its binary, its steps.
fn deployed_functions() -> Vec<(String, String, BTreeSet<String>)> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    let found: Vec<_> = functions
        .map(|(id, resource)| {
            let properties = &resource["Properties"];
            let binary = properties["CodeUri"].as_str().unwrap().trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
            let steps = properties["Environment"]["Variables"]["LIFEBOAT_STEPS"].as_str().unwrap();
            let steps = steps.split(',').map(|step| step.trim().to_owned()).collect();
            (id.trim_end_matches("Function").to_owned(), binary, steps)
        })
        .collect();
    assert!(found.len() >= 7, "detect, snapshot, restore three times, validate and notify are expected");
    found
}

/// What the policies `ports*` of a function's role allow.
fn role_actions(function: &str) -> BTreeSet<String> {
    let template = template();
    let policies = template["Resources"][format!("{function}Role")]["Properties"]["Policies"].as_array().unwrap().clone();
    let ports = policies.into_iter().filter(|policy| policy["PolicyName"].as_str().is_some_and(|name| name.starts_with("ports")));
    let statements = ports.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone());
    let actions = statements.filter(|statement| statement["Effect"] == "Allow").flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        one => vec![one.clone()],
    });
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_role_allows_exactly_what_the_functions_steps_call() {
    let methods = actions_by_method();
    assert!(methods.len() > 20, "the adapters were read: {methods:?}");
    let ledger: BTreeSet<String> = ["read", "create", "replace", "list"].iter().flat_map(|method| methods[*method].clone()).collect();
    let complaints = deployed_functions().into_iter().flat_map(|(name, binary, steps)| {
        let text = sources(&binary, &steps);
        let mut needed = if text.contains("ledger") { ledger.clone() } else { BTreeSet::new() };
        for (method, actions) in &methods {
            if !["read", "create", "replace", "list"].contains(&method.as_str()) && text.contains(&format!(".{method}(")) {
                needed.extend(actions.clone());
            }
        }
        let allowed = role_actions(&name);
        let lacking =
            needed.difference(&allowed).map(|action| format!("{name} calls {action}, which its role does not allow")).collect::<Vec<_>>();
        let idle = allowed
            .difference(&needed)
            .map(|action| format!("the role of {name} allows {action}, which none of its steps calls"))
            .collect::<Vec<_>>();
        lacking.into_iter().chain(idle)
    });
    none(complaints);
}

#[test]
fn every_action_of_the_adapters_stands_in_the_documentation_of_its_port() {
    let documented = read("shared/domain/src/ports.rs");
    let name = |action: &str| action.split(':').next_back().unwrap_or_default().to_owned();
    none(actions_by_method().into_iter().flat_map(|(method, actions)| {
        let documented = documented.clone();
        actions
            .into_iter()
            .filter(move |action| !documented.contains(&name(action)))
            .map(move |action| format!("{method} calls {action}, which ports.rs does not name"))
            .collect::<Vec<_>>()
    }));
}
