//! Machines against the template that deploys them.

use crate::repo::{machines, none, read};
use lifeboat_tests::asl::shape::tasks;
use lifeboat_tests::asl::{Machine, Task};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The template as it is deployed for the tests: policies that are attached to a role stand among those inside of it, under their
/// own name without the role's, as `portsmake` for `RestoreActPortsMake`.
pub fn template() -> Value {
    let mut template = written();
    let resources = template["Resources"].as_object_mut().unwrap();
    let attached: Vec<(String, Value)> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::IAM::ManagedPolicy")
        .map(|(id, resource)| (id.clone(), resource["Properties"].clone()))
        .collect();
    for (id, policy) in attached {
        let role = policy["Roles"][0].as_str().unwrap();
        let name = id.strip_prefix(role.trim_end_matches("Role")).unwrap_or_else(|| panic!("{id} begins with the name of {role}"));
        let inside = json!({"PolicyName": name.to_lowercase(), "PolicyDocument": policy["PolicyDocument"]});
        resources[role]["Properties"]["Policies"].as_array_mut().unwrap().push(inside);
    }
    template
}

/// The template as it is written; CloudFormation's tags are left out, so `!GetAtt X.Arn` reads `X.Arn`.
fn written() -> Value {
    let mut text = read("infra/template.yaml");
    for tag in ["Ref", "GetAtt", "Sub", "If", "Not", "Equals", "Join", "And", "Or", "Select", "Split", "FindInMap"] {
        text = text.replace(&format!("!{tag} "), "");
    }
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("infra/template.yaml: {error}"))
}

/// The properties of the resource that deploys `machine`.
fn deployed<'a>(template: &'a Value, machine: &Machine) -> &'a Value {
    let uri = format!("../statemachines/{}.asl.json", machine.name);
    let resources = template["Resources"].as_object().unwrap();
    let found = resources.values().find(|resource| resource["Properties"]["DefinitionUri"] == Value::String(uri.clone()));
    &found.unwrap_or_else(|| panic!("the template deploys no {uri}"))["Properties"]
}

/// The properties of the function behind `RestoreAct`.
fn function<'a>(template: &'a Value, name: &str) -> &'a Value {
    &template["Resources"][format!("{name}Function")]["Properties"]
}

fn steps(function: &Value) -> BTreeSet<&str> {
    let steps = function["Environment"]["Variables"]["LIFEBOAT_STEPS"].as_str().unwrap_or_default();
    steps.split(',').map(str::trim).filter(|step| !step.is_empty()).collect()
}

fn each_task(complain: impl Fn(&Value, &str, &Task) -> Option<String>) {
    let (template, machines) = (template(), machines());
    none(machines.iter().flat_map(|machine| {
        let tasks = machine.flows().into_iter().flat_map(tasks);
        tasks.filter_map(|(name, task)| Some(format!("{}: {name} {}", machine.name, complain(&template, name, task)?))).collect::<Vec<_>>()
    }));
}

#[test]
fn every_placeholder_is_substituted_and_every_substitution_used() {
    let template = template();
    none(machines().iter().flat_map(|machine| {
        let used: BTreeSet<String> =
            machine.flows().into_iter().flat_map(tasks).map(|(_, task)| task.arguments.function_name.clone()).collect();
        let given = deployed(&template, machine)["DefinitionSubstitutions"].as_object().cloned().unwrap_or_default();
        let given: BTreeSet<String> = given.keys().map(|name| format!("${{{name}}}")).collect();
        let missing = used.difference(&given).map(|name| format!("{}: {name} is not substituted", machine.name));
        let spare = given.difference(&used).map(|name| format!("{}: {name} is substituted and not used", machine.name));
        missing.chain(spare).collect::<Vec<_>>()
    }));
}

#[test]
fn every_substitution_is_the_function_of_its_name() {
    let template = template();
    none(machines().iter().flat_map(|machine| {
        let given = deployed(&template, machine)["DefinitionSubstitutions"].as_object().cloned().unwrap_or_default();
        let wrong = given.into_iter().filter(|(name, value)| {
            let resource = name.trim_end_matches("Arn");
            *value != Value::String(format!("{resource}.Arn")) || template["Resources"][resource]["Type"] != "AWS::Serverless::Function"
        });
        wrong.map(|(name, value)| format!("{}: {name} is {value}", machine.name)).collect::<Vec<_>>()
    }));
}

#[test]
fn every_task_asks_a_function_for_a_step_that_it_is_deployed_for() {
    each_task(|template, _, task| {
        let (name, step) = (task.function()?, task.step().unwrap_or("no step"));
        let accepted = steps(function(template, name));
        (!accepted.contains(step)).then(|| format!("asks {name} for {step}; deployed are {accepted:?}"))
    });
}

#[test]
fn no_function_is_deployed_for_a_step_that_no_machine_asks_for() {
    let (template, machines) = (template(), machines());
    let tasks: Vec<&Task> = machines.iter().flat_map(|machine| machine.flows()).flat_map(tasks).map(|(_, task)| task).collect();
    let functions: BTreeSet<&str> = tasks.iter().filter_map(|task| task.function()).collect();
    none(functions.into_iter().flat_map(|name| {
        let asked: BTreeSet<&str> = tasks.iter().filter(|task| task.function() == Some(name)).filter_map(|task| task.step()).collect();
        // `event` is what EventBridge asks for.
        let spare =
            steps(function(&template, name)).into_iter().filter(|step| *step != "event" && !asked.contains(step)).collect::<Vec<_>>();
        spare.into_iter().map(move |step| format!("{name} is deployed for {step}, which no machine asks for"))
    }));
}

#[test]
fn every_deployed_step_is_one_that_the_code_knows() {
    each_task(|template, _, task| {
        let (name, step) = (task.function()?, task.step()?);
        let code =
            function(template, name)["CodeUri"].as_str().unwrap_or_default().trim_matches('/').rsplit('/').next().unwrap_or_default();
        let variant: String = step
            .split('_')
            .map(|part| format!("{}{}", part.get(..1).unwrap_or_default().to_uppercase(), part.get(1..).unwrap_or_default()))
            .collect();
        (!read(&format!("functions/{code}/src/lib.rs")).contains(&format!("    {variant}(")))
            .then(|| format!("asks for {step}; functions/{code} has no {variant}"))
    });
}

#[test]
fn a_function_times_out_before_the_state_that_waits_for_it() {
    each_task(|template, _, task| {
        let name = task.function()?;
        let timeout = function(template, name)["Timeout"].as_u64().unwrap_or(u64::MAX);
        (task.timeout_seconds.is_none_or(|state| state <= timeout))
            .then(|| format!("waits {:?} s for {name}, which may take {timeout} s", task.timeout_seconds))
    });
}

/// How many characters IAM counts: without whitespace, with names as long as they get.
fn length(document: &Value) -> usize {
    let text = document.to_string().replace("${AWS::Partition}", "aws").replace("${AWS::Region}", "ap-southeast-2");
    text.replace("${AWS::AccountId}", "123456789012").len()
}

#[test]
fn every_role_is_within_the_lengths_that_iam_takes() {
    const INSIDE: usize = 10_240;
    const ATTACHED: usize = 6_144;
    const MOST_ATTACHED: usize = 10;
    let template = written();
    let resources = template["Resources"].as_object().unwrap();
    let of = |kind: &str| resources.iter().filter(move |(_, resource)| resource["Type"].as_str() == Some(kind)).collect::<Vec<_>>();
    let roles = of("AWS::IAM::Role");
    assert!(roles.len() > 10, "{} roles", roles.len());
    let inside = roles.iter().filter_map(|(id, role)| {
        let count = role["Properties"]["Policies"].as_array().into_iter().flatten().map(length).sum::<usize>();
        (count > INSIDE).then(|| format!("{id} has {count} characters of policies inside, and {INSIDE} are taken"))
    });
    let attached = of("AWS::IAM::ManagedPolicy");
    let long = attached.iter().filter_map(|(id, policy)| {
        let count = length(&policy["Properties"]["PolicyDocument"]);
        (count > ATTACHED).then(|| format!("{id} has {count} characters, and {ATTACHED} are taken"))
    });
    let many = roles.iter().filter_map(|(id, _)| {
        // One more is attached by AWS where traces are wanted.
        let count = attached.iter().filter(|(_, policy)| policy["Properties"]["Roles"][0] == id.as_str()).count() + 1;
        (count > MOST_ATTACHED).then(|| format!("{id} has {count} policies attached, and {MOST_ATTACHED} are taken"))
    });
    none(inside.chain(long).chain(many));
}
